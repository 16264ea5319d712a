"""Crystal structures → lines of powder patterns: by another program, by law, and bad files."""

import numpy as np
import pytest
from crystal_files import BY_PYMATGEN, CRYSTALS, WAVELENGTH, write_cif

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import cif, diffraction


@pytest.mark.parametrize("name", CRYSTALS)
def test_lines_are_those_of_pymatgen(name, tmp_path):
    (crystal,) = cif.read(write_cif(tmp_path, name, *CRYSTALS[name]))
    angles, heights = diffraction.lines(crystal, WAVELENGTH, 5, 60)
    assert crystal.name == name
    assert heights.max() == 1 and (np.diff(angles) > 0).all()
    for angle, height in BY_PYMATGEN[name]:
        nearest = np.abs(angles - angle).argmin()
        assert angles[nearest] == pytest.approx(angle, abs=0.001)
        assert heights[nearest] == pytest.approx(height, abs=0.005)


def test_extinctions_and_the_law_of_bragg(tmp_path):
    (crystal,) = cif.read(write_cif(tmp_path, "halite", *CRYSTALS["halite"]))
    angles, _ = diffraction.lines(crystal, WAVELENGTH, 0, 70)
    spacings = WAVELENGTH / 2 / np.sin(np.radians(angles / 2))
    # face-centred: h, k, l all even or all odd
    assert (5.6402 / spacings) ** 2 == pytest.approx([3, 4, 8, 11, 12, 16])


def test_symmetry_may_be_operations_and_the_cell_may_be_whole(tmp_path):
    path = write_cif(tmp_path, "rutile", *CRYSTALS["rutile"])
    (by_symbol,) = cif.read(path)
    operations = [
        "x,y,z", "-x,-y,z", "-y+1/2,x+1/2,z+0.5", "y+1/2,-x+1/2,z+1/2",
        "1/2-x,1/2+y,1/2-z", "x+1/2,-y+1/2,-z+1/2", "y,x,-z", "-y,-x,-z",
    ]  # fmt: skip
    text = path.read_text().replace("'P 42/m n m'", "'unheard of'")
    loop = "loop_\n_symmetry_equiv_pos_as_xyz\n" + "".join(f"'{o}'\n" for o in operations)
    path.write_text(text.replace("loop_", loop + "loop_", 1))
    (by_operations,) = cif.read(path)
    # the other titanium and the other oxygen are images of those above
    path.write_text(path.read_text() + "Ti2 .5 .5 .5 1\nO2 .8053 .1947 .5 1\n")
    (whole,) = cif.read(path)
    expected = diffraction.lines(by_symbol, WAVELENGTH, 5, 90)
    for crystal in (by_operations, whole):
        assert sorted(crystal.elements) == ["O"] * 4 + ["Ti"] * 2
        for found, values in zip(
            diffraction.lines(crystal, WAVELENGTH, 5, 90), expected, strict=True
        ):
            assert found == pytest.approx(values)


def test_labels_of_water_and_of_carbon_dioxide(tmp_path):
    cell, group = (6, 6, 6, 90, 90, 90), "P 1"
    sites = ["WAT1 0 0 0 1", "OW2 .5 0 0 1", "CO .3 .3 .3 1", "HN1 .7 .7 .7 1", "D1 .2 .7 .7 1"]
    (crystal,) = cif.read(write_cif(tmp_path, "a", "C O3 H2", cell, group, sites))
    assert crystal.elements == ("O", "O", "C", "H", "H")
    (crystal,) = cif.read(write_cif(tmp_path, "b", "Co", cell, group, ["CO 0 0 0 1"]))
    assert crystal.elements == ("Co",)


@pytest.mark.parametrize(
    "wrong, told",
    [
        (("Na1 0 0", "Na1 ? 0"), "the position of Na1"),
        (("Na1", "Qq1"), "Qq1"),
        (("0 0 0 1", "0 0 0 3"), "the occupancy of Na1 is 3"),
        (("F m -3 m", "F m 3 unheard of"), "no symmetry"),
        (("_cell_length_a 5.6402", "_cell_length_a -5"), "cell"),
        (("_cell_length_a 5.6402", ""), "cell"),
        (("Na Cl", "Na2 Cl"), "the formula is Na2 Cl"),
        (("_atom_site_fract_x", "_atom_site_x"), "no atoms"),
        (("loop_", "lop_"), "no CIF"),
        (("Cl1 .5 .5 .5 1", "Cl1 .5 .5 .5"), "no CIF"),
    ],
)
def test_a_bad_cif_is_told_in_one_sentence(wrong, told, tmp_path):
    path = write_cif(tmp_path, "halite", *CRYSTALS["halite"])
    path.write_text(path.read_text().replace(*wrong))
    with pytest.raises(InputError, match=told) as error:
        cif.read(path)
    assert str(path) in str(error.value)


def test_a_cell_beyond_reason_is_refused(tmp_path):
    _, _, group, sites = CRYSTALS["rutile"]
    path = write_cif(tmp_path, "large", "", (4e3, 4e3, 4e3, 90, 90, 90), group, sites)
    with pytest.raises(ValueError, match="reflections"):
        diffraction.lines(cif.read(path)[0], WAVELENGTH, 5, 90)

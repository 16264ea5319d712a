"""References → a config with an axis and names: CIFs, tables of peaks, measured spectra."""

import numpy as np
import pytest

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import cif, diffraction

WAVELENGTH = 1.5406
THIRD, TWO_THIRDS = ".3333", ".6667"  # as files round them

# name: formula, cell, space group, sites
CRYSTALS = {
    "halite": (
        "Na Cl", (5.6402, 5.6402, 5.6402, 90, 90, 90), "F m -3 m",
        ["Na1 0 0 0 1", "Cl1 .5 .5 .5 1"],
    ),
    "rutile": (
        "Ti O2", (4.5937, 4.5937, 2.9587, 90, 90, 90), "P 42/m n m",
        ["Ti1 0 0 0 1", "O1 .3053 .3053 0 1"],
    ),
    "olivine": (
        "Mg1.6 Fe.4 Si O4", (4.77, 10.25, 6.0, 90, 90, 90), "P b n m",
        [
            "MgM1 0 0 0 .8", "FeM1 0 0 0 .2",
            "MgM2 .9906 .2777 .25 .8", "FeM2 .9906 .2777 .25 .2", "Si .4271 .0946 .25 1",
            "O1 .7662 .0919 .25 1", "O2 .2213 .4482 .25 1", "O3 .2781 .1635 .0337 1",
        ],
    ),
    "zincite": (
        "Zn O", (3.2495, 3.2495, 5.2069, 90, 90, 120), "P 63 m c",
        [f"Zn {THIRD} {TWO_THIRDS} 0 1", f"O {THIRD} {TWO_THIRDS} .3825 1"],
    ),
    "gypsum": (
        "Ca S O6 H4", (5.679, 15.202, 6.522, 90, 118.43, 90), "C 1 2/c 1",
        [
            "Ca .5 .0797 .25 1", "S 0 .0773 .75 1", "O1 .9632 .1319 .5505 1",
            "O2 .7582 .0222 .6671 1", "Wat .3796 .1821 .4588 1",
        ],
    ),
}  # fmt: skip

# angle (degrees 2θ) and height of strong lines, by pymatgen 2026.10.16's XRDCalculator
BY_PYMATGEN = {
    "halite": [(27.366, 0.0808), (31.703, 1), (45.447, 0.6564), (53.868, 0.0195), (56.472, 0.2123)],
    "rutile": [(27.436, 1), (36.08, 0.4558), (41.24, 0.1892), (54.321, 0.5828), (56.626, 0.1741)],
    "olivine": [(22.801, 0.4244), (32.201, 0.7082), (35.588, 0.7661), (36.42, 1), (52.097, 0.7225)],
    "zincite": [(31.772, 0.5148), (34.42, 0.3959), (36.256, 1), (47.541, 0.2295), (56.602, 0.3489)],
    "gypsum": [(11.633, 0.7696), (18.074, 0.3047), (24.553, 1), (33.368, 0.2747), (47.869, 0.1212)],
}


def write_cif(folder, name, formula, cell, group, sites):
    """A CIF as databases write it, without symmetry operations; its path."""
    tags = [f"length_{axis}" for axis in "abc"] + ["angle_alpha", "angle_beta", "angle_gamma"]
    path = folder / f"{name}.cif"
    head = [f"data_{name}", f"_chemical_name_mineral {name}", f"_chemical_formula_sum '{formula}'"]
    head += [f"_cell_{tag} {value}" for tag, value in zip(tags, cell, strict=True)]
    head += [f"_symmetry_space_group_name_H-M '{group}'", "loop_", "_atom_site_label"]
    head += [f"_atom_site_fract_{axis}" for axis in "xyz"] + ["_atom_site_occupancy"]
    path.write_text("\n".join(head + sites) + "\n")
    return path


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

"""Space groups and Wyckoff positions: orbits, site symmetries, and rotations of the lattices."""

import csv
import io
import json
import re
import zipfile

import gemmi
import numpy as np
import pytest
import spglib

from synthetic_spectra.crystals import symmetry

POSITIONS = symmetry.positions()


def places(group, coordinates):
    """The places that all operations of a space group make of one, in the conventional cell."""
    images = [one.apply_to_xyz(coordinates) for one in symmetry.standard_group(group).operations()]
    return rounded(images)


def orbit(index, group, free):
    """The places of a Wyckoff position in the conventional cell."""
    images = slice(POSITIONS.starts[index], POSITIONS.starts[index + 1])
    points = POSITIONS.rotations[images] @ free + POSITIONS.translations[images]
    points = points + symmetry.centring_vectors(group)[:, None]
    return points.reshape(-1, 3) % 1


def rounded(points):
    """Different places among some, in order, to a millionth of the cell."""
    return np.unique(np.round(np.mod(points, 1), 6) % 1, axis=0)


def test_all_orbits_have_the_multiplicities_of_the_tables():
    free = np.random.default_rng(0).random(3)
    right = 0
    for group in range(1, symmetry.N_GROUPS + 1):
        for index in range(POSITIONS.first[group], POSITIONS.first[group + 1]):
            points = orbit(index, group, free)
            expected = places(group, points[0].tolist())
            right += len(points) == POSITIONS.multiplicities[index] == len(expected)
            np.testing.assert_allclose(rounded(points), expected, atol=2e-6)
    assert right == len(POSITIONS.letters) == 1731


def test_positions_without_freedom_are_fixed_and_the_general_one_comes_last():
    last = POSITIONS.first[2:] - 1
    assert (POSITIONS.freedom[last] == 3).all()
    assert {POSITIONS.site_symmetries[index] for index in last} == {"1"}
    fixed = [not one.any() for one in POSITIONS.rotations[POSITIONS.starts[:-1]]]
    np.testing.assert_array_equal(POSITIONS.freedom == 0, fixed)
    assert len(set(POSITIONS.site_symmetries)) == 32


@pytest.mark.parametrize(
    ("group", "letter", "multiplicity", "symbol"),
    [
        (227, "a", 8, "-43m"),  # carbon of diamond, with the origin on a centre of inversion
        (194, "c", 2, "-62m"),  # magnesium
        (62, "c", 4, "m"),
        (47, "A", 8, "1"),  # the 27th letter
    ],
)
def test_positions_by_letter(group, letter, multiplicity, symbol):
    index = POSITIONS.index(group, letter)
    assert POSITIONS.multiplicities[index] == multiplicity
    assert POSITIONS.site_symmetries[index] == symbol


def test_further_rotations_complete_the_point_group_of_the_lattice():
    for group in range(1, symmetry.N_GROUPS + 1):
        order = len(list(symmetry.standard_group(group).operations().sym_ops))
        system = symmetry.crystal_system(group)
        holohedry = {"triclinic": 2, "monoclinic": 4, "orthorhombic": 8, "tetragonal": 16}
        holohedry |= {"trigonal": 24, "hexagonal": 24, "cubic": 48}
        rhombohedral = symmetry.standard_group(group).centring_type() == "R"
        expected = 12 if rhombohedral else holohedry[system]
        assert order * len(symmetry.further_rotations(group)) == expected


def test_primitive_cells_hold_one_lattice_point():
    for group in range(1, symmetry.N_GROUPS + 1):
        matrix, vectors = symmetry.to_primitive(group), symmetry.centring_vectors(group)
        assert round(abs(np.linalg.det(matrix)), 9) == len(vectors)
        lattice_points = vectors @ matrix.T
        np.testing.assert_allclose(lattice_points, np.round(lattice_points), atol=1e-9)


def characters(symbol):
    """The axes of a point group without their order, so that "m2m" is "mm2"."""
    return sorted(re.findall(r"-?\d|m|/", symbol))


def site_symmetries_agree(group):
    """Whether spglib finds the site symmetries of all positions of a space group.

    A second element on general positions keeps the symmetry of the crystal from being higher.
    """
    rng = np.random.default_rng(group)
    cell = {
        "triclinic": (5.1, 6.3, 7.7, 80, 95, 103),
        "monoclinic": (5.1, 6.3, 7.7, 90, 103, 90),
        "orthorhombic": (5.1, 6.3, 7.7, 90, 90, 90),
        "tetragonal": (5.1, 5.1, 7.7, 90, 90, 90),
        "trigonal": (5.1, 5.1, 7.7, 90, 90, 120),
        "hexagonal": (5.1, 5.1, 7.7, 90, 90, 120),
        "cubic": (5.1, 5.1, 5.1, 90, 90, 90),
    }[symmetry.crystal_system(group)]
    lattice = np.array(gemmi.UnitCell(*cell).orth.mat.tolist()).T
    for index in range(POSITIONS.first[group], POSITIONS.first[group + 1]):
        points = orbit(index, group, rng.random(3))
        general = [orbit(POSITIONS.first[group + 1] - 1, group, rng.random(3)) for _ in range(2)]
        atoms = np.concatenate([points, *general])
        kinds = np.repeat([1, 2, 3], [len(points), len(general[0]), len(general[1])])
        found = spglib.get_symmetry_dataset((lattice, atoms, kinds), symprec=1e-6)
        assert found.number == group
        assert characters(found.site_symmetry_symbols[0]) == characters(
            POSITIONS.site_symmetries[index]
        ), (group, POSITIONS.letters[index])
        assert sum(found.equivalent_atoms == found.equivalent_atoms[0]) == len(points)


@pytest.mark.parametrize("group", [14, 48, 70, 166, 194])
def test_site_symmetries_are_those_that_spglib_finds(group):
    site_symmetries_agree(group)


def test_positions_are_written_from_the_wheel_of_pyxtal(shell, tmp_path):
    # the table of the wheel lists the general position first
    rows = [["", "0"], ["0", ""], ["1", "[['x, y, z']]"]]
    rows.append(["3", "[['x, y, z', '-x, y, -z'], ['1/2, y, 0'], ['0, y, 0']]"])
    table = io.StringIO()
    csv.writer(table).writerows(rows)
    wheel = tmp_path / "pyxtal.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pyxtal/database/wyckoff_list.csv", table.getvalue())
    shell(tmp_path, "studies/wyckoff_positions.py", "--pyxtal", wheel)
    written = json.loads((tmp_path / "output" / "wyckoff.json").read_text())
    assert written["1"] == [["a", 1, "x,y,z"]]
    assert written["3"] == [["a", 1, "0,y,0"], ["b", 1, "1/2,y,0"], ["c", 2, "x,y,z"]]

    wheel.write_bytes(b"no wheel")
    refused = shell(tmp_path, "studies/wyckoff_positions.py", "--pyxtal", wheel, check=False)
    assert refused.returncode == 2 and "pyxtal.whl" in refused.stderr


@pytest.mark.slow
def test_site_symmetries_of_all_positions_are_those_that_spglib_finds():
    for group in range(1, symmetry.N_GROUPS + 1):
        site_symmetries_agree(group)

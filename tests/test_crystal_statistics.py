"""Statistics of crystal structures: reading, splitting by type, counting, writing."""

import gzip
import json

import numpy as np
import pytest
from conftest import ROOT
from crystal_files import CRYSTALS, write_cif

import statistics_from_structures as script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import standard, statistics, symmetry

SCRIPT = "statistics_from_structures.py"
SHARED = ROOT.parent / "shared" / "crystals"

HALITE = {
    "id": "halite", "sg": 225, "hall": 523, "lattice": [5.64, 5.64, 5.64, 90, 90, 90],
    "sites": [["Na", 4, "a", "m-3m", 0, 0, 0], ["Cl", 4, "b", "m-3m", 0.5, 0.5, 0.5]],
}  # fmt: skip
RUTILE = {
    "id": "rutile", "sg": 136, "hall": 419, "lattice": [4.594, 4.594, 2.959, 90, 90, 90],
    "sites": [["Ti", 2, "a", "m.mm", 0, 0, 0], ["O", 4, "f", "m.2m", 0.3053, 0.3053, 0]],
}  # fmt: skip
# silicon with the origin of spglib, on an atom
DIAMOND = {
    "id": "silicon", "sg": 227, "hall": 525, "lattice": [5.431, 5.431, 5.431, 90, 90, 90],
    "sites": [["Si", 8, "a", "-43m", 0, 0, 0]],
}  # fmt: skip
MIXED = HALITE | {"sites": [[{"Na": 0.5, "K": 0.5}, 4, "a", "m-3m", 0, 0, 0]]}


def write_jsonl(path, *rows):
    with gzip.open(path, "wt") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_structures_of_a_jsonl_file_are_expanded(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl.gz", HALITE, RUTILE, DIAMOND, MIXED)
    halite, rutile, silicon, mixed = standard.read_jsonl(path)
    assert mixed is None
    assert halite.kind == (225, (((4, "m-3m"),), ((4, "m-3m"),)))
    crystals = rutile.crystals()
    assert sorted(crystals.elements.tolist()) == [8, 8, 8, 8, 22, 22]
    assert sorted(crystals.sites.tolist()) == [0, 0, 1, 1, 1, 1]
    # one atom for each lattice point: two of the eight of silicon, a quarter of the diagonal apart
    places = silicon.crystals().positions
    np.testing.assert_allclose(np.sort((places - places[0]).ravel() % 1), [0] * 3 + [0.25] * 3)
    assert len(silicon.crystals().crystal(0).elements) == 8


def test_a_cif_gives_the_same_type_as_its_standard_structure(tmp_path):
    (rutile,) = standard.read_cif(write_cif(tmp_path, "rutile", *CRYSTALS["rutile"]))
    (by_hand,) = standard.read_jsonl(write_jsonl(tmp_path / "a.jsonl.gz", RUTILE))
    assert rutile.kind == by_hand.kind and rutile.elements == by_hand.elements
    assert rutile.volume == pytest.approx(by_hand.volume, rel=1e-3)
    assert rutile.crystals().elements.tolist() == by_hand.crystals().elements.tolist()
    # mixed sites are left out
    assert list(standard.read_cif(write_cif(tmp_path, "olivine", *CRYSTALS["olivine"]))) == [None]


def test_mirror_images_are_of_one_type():
    left, right = (standard.Structure(group, 0, (), (14,), ("a",), ()) for group in (144, 145))
    assert left.kind == right.kind and left.positions != right.positions


def test_a_folder_of_cifs_becomes_statistics(shell, tmp_path):
    cifs = tmp_path / "cifs"
    cifs.mkdir()
    for name in ("halite", "rutile", "olivine", "zincite"):
        write_cif(cifs, name, *CRYSTALS[name])
    (cifs / "rutile.cif").rename(cifs / "RUTILE.CIF")
    (cifs / "broken.cif").write_text("no CIF")
    done = shell(tmp_path, SCRIPT, cifs, "--test-share", 0)
    assert "broken.cif" in done.stderr and "3 structures" in done.stdout

    found = statistics.load(tmp_path / "crystal_statistics" / "mine.npz")
    assert sorted(found.groups) == [136, 186, 225] and not len(found.tests)
    assert found.sources[0]["name"] == "cifs" and found.sources[0]["counted"] == 3
    rutile = found.groups == 136
    assert found.atom_numbers[rutile] == 6 and found.site_numbers[rutile] == 2
    assert found.volumes[rutile] == pytest.approx(62.4, abs=0.1)
    assert found.elements[136, [8, 22]].tolist() == [1, 1] and found.elements[136].sum() == 2
    assert found.repetitions[136, 1] == 2 and found.element_numbers[136, 2] == 1
    table = symmetry.positions()
    assert found.positions[table.index(136, "f")] == 1
    assert found.positions.sum() == 6

    again = shell(tmp_path, SCRIPT, cifs, check=False)
    assert again.returncode == 2 and "--overwrite" in again.stderr


def test_types_for_tests_are_whole_small_and_within_their_share():
    structures = []
    for number in range(100):  # a frequent type, and ten types of five structures each
        # the number of oxygen sites tells the types apart
        n_sites = 2 + max(0, number - 50) // 5
        structures.append(
            standard.Structure(14, 81, (5, 6, 7, 90, 100, 90), (8,) * n_sites, ("e",) * n_sites, ())
        )
    settings = script.Settings((), test_share=0.3, largest_test_type=0.15)
    types = script.types_for_tests(structures, settings)
    sizes = [sum(one.kind == name for one in structures) for name in types]
    assert max(sizes) <= 15 and 20 <= sum(sizes) <= 30
    assert types == script.types_for_tests(structures[::-1], settings)
    others = script.types_for_tests(structures, script.Settings((), seed=1))
    assert others != types


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("no JSON", "line 1"),
        ({"sg": 225}, "sites"),
        (HALITE | {"lattice": [0, 0, 0, 90, 90, 90]}, "cell"),
        (HALITE | {"sites": [["Na", 4, "z", "", 0, 0, 0]]}, "line 1"),
    ],
)
def test_a_wrong_line_is_named(shell, tmp_path, row, what):
    path = write_jsonl(tmp_path / "a.jsonl.gz", row)
    if isinstance(row, str):
        with gzip.open(path, "wt") as file:
            file.write(row)
    done = shell(tmp_path, SCRIPT, path, check=False)
    assert done.returncode == 2 and what in done.stderr and "a.jsonl.gz" in done.stderr
    assert not (tmp_path / "crystal_statistics").exists()


def test_damaged_and_missing_statistics_are_told(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK damaged")
    with pytest.raises(InputError, match=r"a\.npz"):
        statistics.load(tmp_path / "a.npz")
    with pytest.raises(InputError, match="there are: all"):
        statistics.load("unknown")


def test_the_statistics_of_all_sources_keep_types_apart():
    found = statistics.load("all")
    assert len(found.groups) == 26878 and len(found.tests) == 8986
    assert sum(source["counted"] for source in found.sources) == 26878
    assert not next(one for one in found.sources if one["name"] == "amcsd")["tests"]
    assert (found.frequencies() >= 50).sum() == 81
    assert found.positions.sum() == found.site_numbers.sum()
    assert found.volumes.max() < 7000 and found.site_numbers.max() <= 100
    assert found.tests.positions.min() >= 0 and found.tests.starts[-1] == len(found.tests.elements)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="without the structures beside the project")
@pytest.mark.parametrize("name", ["mpts52", "mp20bt", "3dsc", "amcsd", "aflow"])
def test_sites_of_real_structures_lie_on_the_positions_of_their_letters(name):
    table, checked = symmetry.positions(), 0
    for number, one in enumerate(standard.read_jsonl(SHARED / f"{name}.jsonl.gz")):
        # of two origins spglib takes the first one
        if number % 20 or one is None or symmetry.standard_group(one.group).ext == "2":
            continue
        shifts = symmetry.centring_vectors(one.group)[:, None] + np.array(list(np.ndindex(3, 3, 3)))
        for place, index in zip(one.coordinates, one.positions, strict=True):
            images = slice(table.starts[index], table.starts[index + 1])
            rotations, translations = table.rotations[images], table.translations[images]
            # what is left of the place beside the line or plane that the free coordinates give
            across = np.eye(3) - rotations @ np.linalg.pinv(rotations)
            between = np.array(place) - translations[:, None] + shifts.reshape(-1, 3) - 1
            left = np.einsum("kij,ksj->ksi", across, between)
            assert np.abs(left).max(axis=-1).min() < 2e-3, (one, index)
            checked += 1
    assert checked > 40


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="without the structures beside the project")
def test_the_statistics_of_all_sources_come_out_again(shell, tmp_path):
    files = [SHARED / f"{name}.jsonl.gz" for name in ("mpts52", "mp20bt", "3dsc", "amcsd", "aflow")]
    shell(tmp_path, SCRIPT, *files, "--name", "all", "--output-dir", tmp_path)
    again, kept = statistics.load(tmp_path / "all.npz"), statistics.load("all")
    for name, array in vars(kept).items():
        if isinstance(array, np.ndarray):
            np.testing.assert_array_equal(getattr(again, name), array)
    for name, array in vars(kept.tests).items():
        np.testing.assert_array_equal(getattr(again.tests, name), array)
    assert again.sources == kept.sources and again.settings == kept.settings
    beside = statistics.structures_beside
    again, kept = (
        statistics.load_structures(beside(path))
        for path in (tmp_path / "all.npz", statistics.find("all"))
    )
    for name, array in vars(kept).items():
        np.testing.assert_array_equal(getattr(again, name), array)

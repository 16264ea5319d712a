"""Altered real structures: what changes of them, what stays, and where a dataset has them."""

import json
from itertools import pairwise

import numpy as np
import pytest
from conftest import refused
from test_generator import STATISTICS, assert_equal, group_of

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import altered, statistics
from synthetic_spectra.crystals.generator import Generator, Limits

STRUCTURES = statistics.load_structures(statistics.structures_beside(statistics.find("all")))
LIMITS = Limits(least_structures=190)


@pytest.fixture(scope="module")
def mixed():
    """Draws altered structures alone."""
    return altered.Mixed(Generator(STATISTICS, LIMITS), STRUCTURES, STATISTICS.elements, 1.0)


def coordinates(crystals):
    """The coordinates of each crystal, as bytes."""
    return [crystals.positions[a:b].tobytes() for a, b in pairwise(crystals.starts)]


def test_no_structure_is_of_a_type_for_tests():
    # special positions are those of many structures
    free = [one for one in coordinates(STRUCTURES) if len(set(np.frombuffer(one))) > 6]
    assert len(STRUCTURES) == 22163 and len(free) > 10000
    assert not set(coordinates(STATISTICS.tests)) & set(free)


def test_an_altered_crystal_has_the_coordinates_of_a_structure(mixed):
    crystals = mixed.draw(0, 0, range(300))
    known = dict.fromkeys(coordinates(mixed.structures), ())
    for i, one in enumerate(coordinates(mixed.structures)):
        known[one] += (i,)
    places = [known[one] for one in coordinates(crystals)]

    # one element for each of those before: alone where just one structure has these coordinates
    changed = []
    for i, (place, *others) in enumerate(places):
        if others:
            continue
        new = crystals.elements[crystals.starts[i] : crystals.starts[i + 1]]
        old = mixed.structures.chosen([place]).elements
        assert mixed.structures.groups[place] == crystals.groups[i]
        assert len(set(zip(old, new, strict=True))) == len(set(old)) == len(set(new))
        changed.append(not np.array_equal(old, new))
    assert len(changed) > 100 and 0.7 < np.mean(changed) < 0.9

    # angles that symmetry fixes stay, others turn
    right = crystals.cells[:, 3:] == 90
    assert right[(crystals.groups > 15) & (crystals.groups < 75)].all()
    assert right[(crystals.groups > 2) & (crystals.groups < 16)][:, [0, 2]].all()
    assert not right[(crystals.groups > 2) & (crystals.groups < 16)][:, 1].any()
    cubic = crystals.cells[crystals.groups > 194]
    assert (cubic[:, 0] == cubic[:, 1]).all() and (cubic[:, 0] == cubic[:, 2]).all()


def test_spglib_finds_the_groups_of_altered_crystals(mixed):
    crystals = mixed.draw(1, 0, range(60))
    found = np.array([group_of(crystals.crystal(i)) for i in range(len(crystals))])
    # coordinates of 7 digits, and structures whose symmetry is nearly higher
    assert (found == crystals.groups).mean() > 0.6


def test_a_crystal_depends_on_seed_epoch_and_number_alone():
    generator = Generator(STATISTICS, LIMITS)
    half = altered.Mixed(generator, STRUCTURES, STATISTICS.elements, 0.5)
    together = half.draw(3, 5, range(200))
    assert_equal(together.chosen([130, 7]), half.draw(3, 5, [130, 7]))
    assert len(half.draw(3, 5, [])) == 0
    # those that are not altered are the random ones
    random = generator.draw(3, 5, range(200))
    same = (random.cells == together.cells).all(axis=1)
    assert 70 < same.sum() < 130
    # groups as often as without
    groups = half.draw(0, 0, range(4000)).groups
    assert_equal(half.draw(0, 0, range(9), groups[:9]), generator.draw(0, 0, range(9), groups[:9]))
    shares = [np.mean(one == 14) for one in (groups, generator.draw(0, 0, range(4000)).groups)]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)


def test_statistics_without_structures_are_told(shell, tmp_path):
    content = {
        "kind": "crystals", "datapoints": 101, "two_theta": [10, 80], "wavelength": 1.5406,
        "scale": "two_theta", "root": True, "crystallite_sizes": [20, 100],
        "statistics": "lonely.npz", "least_structures": 900, "max_volume": 7000, "max_sites": 100,
        "patterns_per_epoch": 40, "n_test": 30, "altered_share": 0.5,
        "rendering": {"n_train": 2, "n_val": 2},
    }  # fmt: skip
    statistics.save(tmp_path / "lonely.npz", STATISTICS)
    (tmp_path / "few.json").write_text(json.dumps(content))
    done = shell(tmp_path, "spectra_from_config.py", "--config", "few.json", check=False)
    refused(done, "lonely_structures.npz", "no such file")

    # with the structures it is rendered
    statistics.save_structures(tmp_path / "lonely.npz", STRUCTURES)
    shell(tmp_path, "spectra_from_config.py", "--config", "few.json")
    resolved = json.loads((tmp_path / "datasets" / "few" / "config.json").read_text())
    assert len(resolved["structures_sha256"]) == 64

    (tmp_path / "broken_structures.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="broken_structures"):
        statistics.load_structures(tmp_path / "broken_structures.npz")
    with pytest.raises(InputError, match="altered_share"):
        altered.Mixed(
            Generator(STATISTICS, LIMITS), STRUCTURES.chosen([]), STATISTICS.elements, 0.5
        )

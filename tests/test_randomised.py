"""Wyckoff positions of real crystals, and these crystals with random coordinates and lattices."""

from pathlib import Path
from types import SimpleNamespace

import gemmi
import numpy as np
import pytest
import spglib
from conftest import ROOT

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import randomised, real, statistics, symmetry, wyckoff

SHARED = ROOT.parent / "shared" / "crystals"


@pytest.fixture(scope="module")
def counted():
    return statistics.load("all")


@pytest.fixture(scope="module")
def crystals(counted):
    """Two real crystals of each space group of the tests."""
    groups = counted.tests.groups
    return counted.tests.chosen(
        np.concatenate([np.flatnonzero(groups == group)[:2] for group in np.unique(groups)])
    )


def group_of(crystal, precision):
    lattice = np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist()).T
    numbers = [gemmi.Element(symbol).atomic_number for symbol in crystal.elements]
    return spglib.get_symmetry_dataset(
        (lattice, crystal.positions, numbers), symprec=precision
    ).number


def test_a_position_is_found_by_any_image_of_its_coordinates():
    table, rng = symmetry.positions(), np.random.default_rng(0)
    for index in rng.choice(len(table.letters), 200, replace=False):
        group = int(np.searchsorted(table.first, index, side="right") - 1)
        images = slice(table.starts[index], table.starts[index + 1])
        places = table.rotations[images] @ rng.random(3) + table.translations[images]
        vectors = symmetry.centring_vectors(group)
        of_group = range(table.first[group], table.first[group + 1])
        found = [
            other
            for other in of_group
            if table.multiplicities[other] == table.multiplicities[index]
            and wyckoff._distances(places % 1, other, vectors).min() < 1e-9
        ]
        assert found == [index]


def test_site_symmetries_of_real_crystals_are_those_of_spglib(crystals):
    positions, table = wyckoff.occupied(crystals), symmetry.positions()
    ends, several = np.cumsum(crystals.site_numbers), 0
    for i in range(0, len(crystals), 3):
        crystal = crystals.crystal(i)
        lattice = np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist()).T
        numbers = [gemmi.Element(symbol).atomic_number for symbol in crystal.elements]
        found = spglib.get_symmetry_dataset((lattice, crystal.positions, numbers), symprec=0.01)
        assert found.number == crystals.groups[i]
        orbits = np.unique(found.crystallographic_orbits, return_index=True, return_counts=True)
        of_spglib = sorted(
            (numbers[first], int(size), elements_of(found.site_symmetry_symbols[first]))
            for _, first, size in zip(*orbits, strict=True)
        )
        sites = positions[ends[i] - crystals.site_numbers[i] : ends[i]]
        of_ours = zip(crystals.site_elements(i).tolist(), sites, strict=True)
        assert of_spglib == sorted(
            (element, int(table.multiplicities[p]), elements_of(table.site_symmetries[p]))
            for element, p in of_ours
        )
        several += len(of_spglib) > 1
    assert several > 10


def elements_of(symbol):
    """The symmetry elements of a point group without their order: "m2m.." and "mm2" are one."""
    return "".join(sorted(symbol.replace("-", "").replace(".", "")))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the structures of the statistics are not there")
@pytest.mark.slow
def test_types_are_those_by_which_the_tests_were_chosen(counted):
    made_by = SimpleNamespace(**counted.settings)
    found = {
        source["name"]: [
            one
            for one in real.structures(Path(SHARED / f"{source['name']}.jsonl.gz"))
            if real.fits(one, made_by)
        ]
        for source in counted.sources
    }
    types = real.types_for_tests([one for part in found.values() for one in part], made_by)
    tests = [
        one.kind
        for source in counted.sources
        for one in found[source["name"]]
        if source["tests"] and one.kind in types
    ]
    assert wyckoff.kinds(counted.tests) == tests


def test_an_atom_beside_its_position_is_refused(crystals):
    i = np.flatnonzero(crystals.groups == 225)[0]
    one = crystals.chosen([i])
    one.positions[:] += (0.03, 0.05, 0.08)
    with pytest.raises(ValueError, match="space group 225"):
        wyckoff.occupied(one)


@pytest.mark.slow
def test_random_coordinates_keep_cell_positions_and_group(counted, crystals):
    made = randomised.with_random_coordinates(crystals, counted, seed=3)
    assert np.array_equal(made.cells, crystals.cells)
    assert np.array_equal(made.site_numbers, crystals.site_numbers)
    assert np.array_equal(made.atom_numbers, crystals.atom_numbers)
    before, after = wyckoff.occupied(crystals), wyckoff.occupied(made)
    ends, freedom = np.cumsum(crystals.site_numbers), symmetry.positions().freedom
    for i, number in enumerate(crystals.site_numbers):
        sites = slice(ends[i] - number, ends[i])
        of_real = sorted(zip(crystals.site_elements(i), before[sites], strict=True))
        assert of_real == sorted(zip(made.site_elements(i), after[sites], strict=True))
        assert group_of(made.crystal(i), 1e-4) == crystals.groups[i]
        # what has no freedom stays, for a part of the crystals
        if not freedom[before[sites]].any():
            continue
        places = [one.crystal(i).positions for one in (crystals, made)]
        assert not np.allclose(np.sort(places[0], axis=0), np.sort(places[1], axis=0), atol=1e-3)
    again = randomised.with_random_coordinates(crystals, counted, seed=3)
    assert np.array_equal(again.positions, made.positions)
    other = randomised.with_random_coordinates(crystals, counted, seed=4)
    assert not np.array_equal(other.positions, made.positions)


@pytest.mark.slow
def test_random_lattices_keep_volume_coordinates_and_group(counted, crystals):
    made = randomised.with_random_lattices(crystals, counted, seed=3)
    assert np.allclose(made.volumes, crystals.volumes, rtol=1e-12)
    assert np.array_equal(made.positions, crystals.positions)
    cubic = crystals.groups >= 195
    assert np.allclose(made.cells[cubic], crystals.cells[cubic], rtol=1e-6)
    ratios = [one.cells[~cubic, 2] / one.cells[~cubic, 0] for one in (crystals, made)]
    assert (np.abs(ratios[0] - ratios[1]) > 1e-4).all()
    for i in range(len(crystals)):
        assert group_of(made.crystal(i), 0.01) == crystals.groups[i]


def test_a_group_that_the_statistics_lack_is_refused(counted, crystals):
    missing = np.flatnonzero(counted.frequencies()[1:] == 0)[0] + 1
    one = crystals.chosen([0])
    one.groups[0] = missing
    with pytest.raises(InputError, match=f"space group {missing}"):
        randomised.with_random_lattices(one, counted, seed=0)

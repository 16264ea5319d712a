"""Random crystals: their symmetry, their distributions, and what each depends on."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest
import spglib
from conftest import ROOT
from scipy.stats import ks_2samp

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import statistics, symmetry
from synthetic_spectra.crystals.generator import Generator, Limits

STATISTICS = statistics.load("all")


@pytest.fixture(scope="module")
def generator():
    return Generator(STATISTICS)


def group_of(crystal):
    """The space group that spglib finds for a ``diffraction.Crystal``."""
    lattice = np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist()).T
    numbers = [gemmi.Element(symbol).atomic_number for symbol in crystal.elements]
    return spglib.get_symmetry_dataset((lattice, crystal.positions, numbers), symprec=1e-6).number


def assert_equal(some, others):
    for name, array in vars(some).items():
        np.testing.assert_array_equal(array, getattr(others, name), name)


def test_a_crystal_depends_on_seed_epoch_and_number_alone(generator):
    together = generator.draw(3, 5, range(40))
    assert_equal(together.chosen([30, 7]), generator.draw(3, 5, [30, 7]))
    assert_equal(together, Generator(STATISTICS).draw(3, 5, np.arange(40)))
    for other in (generator.draw(4, 5, range(40)), generator.draw(3, 6, range(40))):
        assert not np.array_equal(other.cells, together.cells)
    assert len(np.unique(together.cells[:, 0])) == 40
    # none at all, and the highest seeds
    assert len(generator.draw(2**64, 5, [])) == 0
    assert len(generator.draw(2**64 - 1, 2**64 - 1, [2**64 - 1])) == 1


def test_spglib_finds_the_groups_that_were_asked_for(generator):
    crystals = generator.draw(0, 0, range(len(generator.groups)), groups=generator.groups)
    assert crystals.groups.tolist() == generator.groups.tolist()
    found = [group_of(crystals.crystal(i)) for i in range(len(crystals))]
    assert found == crystals.groups.tolist()


@pytest.mark.slow
def test_spglib_finds_the_groups_of_1500_crystals(generator):
    crystals = generator.draw(0, 1, range(1500))
    found = [group_of(crystals.crystal(i)) for i in range(len(crystals))]
    assert found == crystals.groups.tolist()


@pytest.mark.slow
def test_without_the_check_some_crystals_have_a_higher_symmetry(generator):
    # every crystal with one of the further rotations left out
    less = Generator(STATISTICS)
    tables = less.tables
    less.tables = tables._replace(cosets=np.zeros_like(tables.cosets))
    crystals = less.draw(0, 1, range(300))
    found = np.array([group_of(crystals.crystal(i)) for i in range(len(crystals))])
    wrong = found != crystals.groups
    assert 5 < wrong.sum() < 150
    # of these the check finds each one, and no other
    assert [is_higher(crystals, i, tables) for i in range(len(crystals))] == wrong.tolist()


def is_higher(crystals, i, tables):
    """Whether the check of the generator finds a higher symmetry of crystal ``i``."""
    atoms = slice(crystals.starts[i], crystals.starts[i + 1])
    sites, elements = crystals.sites[atoms], crystals.elements[atoms]
    first_of_site = np.unique(sites, return_index=True)[1]
    group = np.searchsorted(tables.numbers, crystals.groups[i])
    positions = crystals.positions[atoms]
    from synthetic_spectra.crystals.higher_symmetry import is_higher as check

    return check(
        group, len(sites), tables, elements[first_of_site], positions, sites, positions.copy()
    )


def test_crystals_keep_the_limits(generator):
    crystals = generator.draw(1, 0, range(3000))
    assert crystals.volumes.max() < 7000 and crystals.site_numbers.max() <= 100
    # the least that the published code allows
    assert (crystals.volumes / crystals.atom_numbers).min() > 0.75
    few = Generator(STATISTICS, Limits(500, max_volume=300, max_sites=6)).draw(1, 0, range(1000))
    assert 250 < few.volumes.max() < 300 and few.site_numbers.max() == 6
    assert (few.positions >= 0).all() and (few.positions < 1).all()

    # positions without freedom hold one site
    for i in range(1000):
        places = few.positions[few.starts[i] : few.starts[i + 1]]
        assert len(np.unique(np.round(places, 9), axis=0)) == len(places)


def test_more_places_keep_atoms_apart(generator):
    radii = statistics.atom_radii()
    medians, few = [], None
    for places in (1, 2, 5):
        crystals = Generator(STATISTICS, Limits(places=places)).draw(1, 0, range(400))
        medians.append(np.median(crystals.smallest_distances(radii)))
        if places == 1:
            assert_equal(crystals, generator.draw(1, 0, range(400)))
            few = crystals
    assert medians == sorted(medians) and medians[2] > 1.5 * medians[0]

    # what is drawn before the places is the same, if none was drawn again for its symmetry
    same = (few.groups == crystals.groups) & (few.site_numbers == crystals.site_numbers)
    assert same.mean() > 0.8
    # a crystal still depends on its number alone, and its group is the one that was asked for
    assert_equal(
        crystals.chosen([33, 9]), Generator(STATISTICS, Limits(places=5)).draw(1, 0, [33, 9])
    )
    found = [group_of(crystals.crystal(i)) for i in range(40)]
    assert found == crystals.groups[:40].tolist()


def test_smallest_distances_are_those_of_a_search_through_many_cells(generator):
    crystals = generator.draw(2, 0, range(60))
    radii = statistics.atom_radii()
    found = crystals.smallest_distances(radii)
    for i in np.flatnonzero(crystals.atom_numbers <= 24):
        crystal = crystals.crystal(i)
        axes = np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist()).T
        sizes = np.array([radii[gemmi.Element(one).atomic_number] for one in crystal.elements])
        cells = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3), axis=-1).reshape(-1, 1, 1, 3)
        between = (crystal.positions - crystal.positions[:, None] + cells) @ axes
        lengths = np.linalg.norm(between, axis=-1) / (sizes + sizes[:, None])
        # but an atom from itself
        assert found[i] == pytest.approx(lengths[lengths > 1e-9].min(), abs=1e-9)


def test_groups_are_drawn_by_frequency_or_uniformly(generator):
    frequencies = STATISTICS.frequencies()[generator.groups]
    assert frequencies.min() >= 50 and len(generator.groups) == 81
    for uniform, expected in ((False, frequencies / frequencies.sum()), (True, 1 / 81)):
        crystals = Generator(STATISTICS, Limits(uniform_groups=uniform)).draw(0, 0, range(20000))
        shares = np.bincount(crystals.groups, minlength=231)[generator.groups] / 20000
        assert np.abs(shares - expected).max() < 5 * np.sqrt(0.08 / 20000)


def test_distributions_are_near_those_of_real_crystals():
    mended, published = distances(), distances(compat_last_element=True)
    assert mended["sites"] < 0.03 and published["sites"] > 0.08
    assert mended["denseness"] < 0.03 and mended["atoms"] < 0.07 and mended["volume"] < 0.1
    # the best of ten occupations mends the volumes, and little else changes
    best = distances(occupations=10)
    assert best["volume"] < 0.6 * mended["volume"] and best["denseness"] < 0.03
    assert best["sites"] < 0.06 and best["atoms"] < 0.08


def distances(**limits):
    """Kolmogorov–Smirnov distances between 20,000 random crystals and the real ones."""
    generator = Generator(STATISTICS, Limits(**limits))
    crystals = generator.draw(0, 0, range(20000))
    real = np.isin(STATISTICS.groups, generator.groups)
    densenesses = crystals.volumes / crystals.totals(statistics.atom_volumes())
    pairs = {
        "sites": (crystals.site_numbers, STATISTICS.site_numbers[real]),
        "atoms": (crystals.atom_numbers, STATISTICS.atom_numbers[real]),
        "volume": (crystals.volumes, STATISTICS.volumes[real]),
        "denseness": (densenesses, STATISTICS.densenesses[real]),
    }
    return {name: ks_2samp(*pair).statistic for name, pair in pairs.items()}


def test_impossible_limits_are_told():
    with pytest.raises(InputError, match="least_structures is 99999"):
        Generator(STATISTICS, Limits(least_structures=99999))
    with pytest.raises(InputError, match="no crystal stays below"):
        Generator(STATISTICS, Limits(max_volume=0.001)).draw(0, 0, [0])
    with pytest.raises(InputError, match="space groups"):
        Generator(STATISTICS).draw(0, 0, [0], groups=[0])


def test_one_structure_is_enough_for_crystals_of_its_symmetry():
    # one cell of each crystal system: kernels of a cell have no covariance, but a least one
    groups = (2, 14, 62, 194, 225)
    chosen = [np.flatnonzero(STATISTICS.groups == group)[0] for group in groups]
    few = replace(
        STATISTICS,
        groups=STATISTICS.groups[chosen],
        cells=np.array([[1.0, 1.0, 1.0, 90, 90, 120 if group == 194 else 90] for group in groups]),
        atomic_volumes=np.full(5, 1000.0),
        densenesses=np.ones(5),
    )
    crystals = Generator(few, Limits(least_structures=1)).draw(0, 0, range(50))
    found = [group_of(crystals.crystal(i)) for i in range(len(crystals))]
    assert found == crystals.groups.tolist() and len(set(found)) == 5


CHECKED = """
import numpy as np
from dataclasses import replace
from pathlib import Path
from synthetic_spectra.crystals import statistics
from synthetic_spectra.crystals.generator import Generator, Limits
found = statistics.load("all")
generator = Generator(found)
crystals = generator.draw(0, 0, range(3000))
assert (np.diff(crystals.starts) > 0).all()
# an element that finds no place: one position without freedom, and more sites than that
full = replace(found, positions=(found.positions > 0).astype(int))
Generator(full).draw(0, 0, range(500))
Generator(found, Limits(max_sites=3, least_structures=500)).draw(0, 0, range(50))
np.save("cells.npy", crystals.cells)
"""


@pytest.mark.slow
def test_no_index_is_out_of_bounds(tmp_path, generator):
    # compiled anew with the checks of numba, in a cache of its own
    variables = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run(
        [sys.executable, "-c", CHECKED],
        cwd=tmp_path, env=os.environ | variables | {"PYTHONPATH": str(ROOT)}, check=True,
    )  # fmt: skip
    cells = np.load(tmp_path / "cells.npy")
    np.testing.assert_array_equal(cells, generator.draw(0, 0, range(3000)).cells)


def test_an_element_that_finds_no_place_ends(generator):
    # a group with three positions, all without freedom, and two sites for each element: the first
    # takes two of them, and the second all that is left
    group, table = 225, symmetry.positions()
    positions = np.zeros_like(STATISTICS.positions)
    positions[[table.index(group, letter) for letter in "abc"]] = 1
    repetitions = np.zeros_like(STATISTICS.repetitions)
    repetitions[:, 2] = 1
    full = replace(STATISTICS, positions=positions, repetitions=repetitions)
    crystals = Generator(full).draw(0, 0, range(20), groups=[group] * 20)
    numbers = [len(set(crystals.crystal(i).elements)) for i in range(20)]
    assert set(numbers) == {1, 2}
    assert crystals.site_numbers.tolist() == [number + 1 for number in numbers]


def test_compiled_code_is_kept_where_it_can_be_written(tmp_path):
    code = "import synthetic_spectra.crystals.compiling, numba; print(numba.config.CACHE_DIR)"

    def folder(**variables):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=os.environ | variables,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return Path(done.stdout.strip())

    beside = folder(NUMBA_CACHE_DIR="")
    assert beside.parent == ROOT / "synthetic_spectra" / "crystals" / "__pycache__"
    # the name tells the code: a folder of the user's has the same one below it
    assert folder(NUMBA_CACHE_DIR=str(tmp_path)) == tmp_path / beside.name
    # a place that cannot be written to is no reason to fail
    assert folder(NUMBA_CACHE_DIR="/proc/none").name.startswith("numba-")

"""Crystals → diffractograms: by pymatgen, by symmetry, and compiled code as plain NumPy has it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from benchmarks import example_crystals, pymatgen_lines
from synthetic_spectra.crystals import compiled, patterns, reflections
from synthetic_spectra.crystals.diffraction import form_factors
from synthetic_spectra.crystals.structure import Crystals, joined

RECORDED = json.loads((ROOT / "tests" / "pymatgen_lines.json").read_text())
GRID = patterns.Grid()
SIZES = np.array([37.0])  # nm


def merged(sines, intensities):
    """Angles in degrees and intensities relative to 100, of lines that pymatgen would list: those
    within 1e-5° are one, those below 1e-3 of 100 none."""
    order = np.argsort(sines)
    angles, intensities = np.degrees(2 * np.arcsin(sines[order])), intensities[order]
    starts = np.flatnonzero(np.diff(angles, prepend=-1) > 1e-5)
    heights = np.add.reduceat(intensities, starts)
    heights *= 100 / heights.max()
    return angles[starts][heights > 1e-3], heights[heights > 1e-3]


def factors_of_pymatgen(element, squares):
    """Form factors from pymatgen's coefficients of the scattering of electrons."""
    a, b = np.array(RECORDED["form_factors"][str(element)]).T
    return element - 41.78214 * squares * (np.exp(-np.outer(squares, b)) @ a)


@pytest.mark.parametrize("name", RECORDED["lines"])
def test_lines_are_those_of_pymatgen(name, monkeypatch):
    crystal, expected = pymatgen_lines.known()[name], RECORDED["lines"][name]
    ours = patterns.lines(crystal, 0, GRID)
    by_compiled = compiled.lines(crystal, 0, GRID)

    # with pymatgen's form factors, all but the tables of these is compared
    monkeypatch.setattr(patterns, "form_factors", factors_of_pymatgen)
    angles, heights = merged(*patterns.lines(crystal, 0, GRID))
    assert angles == pytest.approx(expected["angles"], abs=1e-9)
    assert heights == pytest.approx(expected["intensities"], abs=1e-3)

    # with ours, the two tables differ by less than 1 of 100
    for lines in (ours, by_compiled):
        angles, heights = merged(*lines)
        high = heights > 2
        near = [np.abs(np.array(expected["angles"]) - angle).argmin() for angle in angles[high]]
        assert np.array(expected["angles"])[near] == pytest.approx(angles[high], abs=1e-9)
        assert np.array(expected["intensities"])[near] == pytest.approx(heights[high], abs=1)
    assert merged(*by_compiled)[1] == pytest.approx(merged(*ours)[1], abs=1e-3)


def in_p1(crystal):
    """All atoms of the conventional cell of a crystal, without symmetry."""
    whole = crystal.crystal(0)
    lattice_points = len(whole.positions) // len(crystal.positions)
    return Crystals(
        groups=np.array([1]),
        cells=crystal.cells,
        starts=np.array([0, len(whole.positions)]),
        elements=np.tile(crystal.elements, lattice_points),
        positions=whole.positions,
        sites=np.tile(crystal.sites, lattice_points),
    )


def in_group(group):
    """A crystal of a space group with few enough atoms to be quick."""
    return example_crystals.random_crystal(group, [22] if group > 194 else [8, 22], 3.0)


@pytest.mark.slow
def test_every_space_group_gives_the_pattern_of_the_same_crystal_in_p1():
    for group in range(1, 231):
        crystal = in_group(group)
        by_group = compiled.patterns(crystal, SIZES, GRID)
        assert by_group.max() == 1
        assert by_group == pytest.approx(compiled.patterns(in_p1(crystal), SIZES, GRID), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("logarithmic", [False, True])
def test_compiled_code_gives_the_patterns_of_plain_numpy(logarithmic):
    grid = patterns.Grid(logarithmic=logarithmic)
    crystals = joined([in_group(group) for group in range(1, 231)])
    sizes = np.linspace(20, 100, 230)
    expected = patterns.patterns(crystals, sizes, grid)
    assert compiled.patterns(crystals, sizes, grid) == pytest.approx(expected, abs=1e-5)


def test_other_ranges_sizes_and_roots():
    crystals = joined([example_crystals.halite(), example_crystals.perovskite()])
    grid = patterns.Grid(wavelength=0.7107, first=10.0, last=40.0, n_datapoints=701)
    sizes = np.array([5.0, 300.0])
    expected = patterns.patterns(crystals, sizes, grid)
    found = compiled.patterns(crystals, sizes, grid)
    assert found == pytest.approx(expected, abs=1e-5)
    into = np.full((2, 701), np.nan, "float32")
    assert compiled.patterns(crystals, sizes, grid, root=True, out=into) is into
    assert into == pytest.approx(np.sqrt(expected), abs=1e-4)


def test_a_line_has_the_width_of_the_scherrer_equation():
    size = 40.0
    (row,) = compiled.patterns(example_crystals.halite(), [size], GRID)
    angles = GRID.two_theta()
    # 200 of halite stands alone: λ = 2 d sin θ with d = a / 2
    theta = np.arcsin(1.5406 / 5.64056)
    above = angles[(row > row.max() / 2) & (np.abs(angles - np.degrees(2 * theta)) < 1)]
    fwhm = np.degrees(0.9 * 0.15406 / (size * np.cos(theta)))
    assert above[-1] - above[0] == pytest.approx(fwhm, abs=0.02)
    assert angles[row.argmax()] == pytest.approx(np.degrees(2 * theta), abs=0.006)


def test_on_the_logarithmic_axis_a_larger_crystal_is_a_shift():
    grid = patterns.Grid(logarithmic=True)
    small, large = example_crystals.halite(), example_crystals.halite()
    datapoints = 200
    large.cells[:, :3] *= np.exp(datapoints * grid.step)
    places = [
        np.flatnonzero((row[1:-1] > row[:-2]) & (row[1:-1] >= row[2:]) & (row[1:-1] > 0.01))
        for crystal in (small, large)
        for row in compiled.patterns(crystal, [100.0], grid)
    ]
    assert np.abs(places[0] - places[1][: len(places[0])] - datapoints).max() <= 1
    assert grid.two_theta()[[0, -1]] == pytest.approx([5, 90])


def test_a_crystal_without_lines_is_a_row_of_zeros():
    crystal = example_crystals.halite()
    crystal.cells[:, :3] = 0.5
    for module in (patterns, compiled):
        assert not module.patterns(crystal, SIZES, GRID).any()
        assert all(len(values) == 0 for values in module.lines(crystal, 0, GRID))


def test_interpolated_form_factors():
    table = reflections.tables(float(GRID.inverse_d[1]))
    squares = (np.arange(reflections.INTERVALS) + 0.5) / table.per_square
    for element in (1, 8, 55, 98):
        between = (table.factors[element, :-2] + table.factors[element, 1:-1]) / 2
        assert between == pytest.approx(form_factors(element, squares), abs=1e-5 * element)


@pytest.mark.slow
def test_nothing_is_written_out_of_bounds(tmp_path):
    program = """
import numpy as np
from benchmarks import example_crystals
from synthetic_spectra.crystals import compiled, patterns, reflections
for logarithmic in (False, True):
    grid = patterns.Grid(logarithmic=logarithmic)
    for group in range(1, 231):
        crystal = example_crystals.random_crystal(group, [8], 5.0)
        assert compiled.patterns(crystal, np.array([20.0]), grid).max() == 1
    for make in example_crystals.TIMED.values():
        compiled.patterns(make(), np.array([1.0]), grid)
try:
    reflections.multiplicity(99, 1, 1, 1, reflections.tables(1.0))
except IndexError:
    print("bounds are checked")
"""
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, text=True, capture_output=True
    )
    assert done.stdout.strip() == "bounds are checked", done.stderr

"""Measured spectra on the axis of a dataset: Bragg's law, strain, units, the grid."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_spectra.common.bragg import other_wavelength, strained
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.axis import (
    onto,
    raman_shift,
    regridded,
    spelled,
    wavenumber,
)
from synthetic_spectra.measured.spectrum import Measured

COPPER, COBALT, MOLYBDENUM = 1.5406, 1.78897, 0.70930  # Kα1 in Å


@dataclass(frozen=True)
class Axis:
    """An axis as a config describes it."""

    quantity: str = "two_theta"
    unit: str = "degree"
    first: float = 5.0
    step: float = 0.02
    wavelength: float | None = COPPER


SHIFT = Axis("raman_shift", "cm⁻¹", 100.0, 2.0, None)
ANGLES = np.arange(5, 90, 0.01)


def bell(axis, centre, width):
    return np.exp(-(((axis - centre) / width) ** 2) / 2)


def test_bragg_gives_the_lines_of_silicon_at_other_wavelengths():
    # sin θ = λ / 2d, spacings of 111, 220, 311 and 422
    spacings = 5.43102 / np.sqrt([3, 8, 11, 24])
    angles = {
        source: 2 * np.degrees(np.arcsin(source / 2 / spacings))
        for source in (COPPER, COBALT, MOLYBDENUM)
    }
    np.testing.assert_allclose(angles[COPPER], [28.442, 47.304, 56.121, 88.029], atol=2e-3)
    for source, target in ((COPPER, MOLYBDENUM), (MOLYBDENUM, COBALT), (COBALT, COPPER)):
        turned = other_wavelength(angles[source], source, target)
        np.testing.assert_allclose(turned, angles[target], rtol=1e-12)


def test_a_plane_too_narrow_for_a_wavelength_has_no_angle():
    turned = other_wavelength([100.0, 150.0], MOLYBDENUM, COPPER)
    assert np.isnan(turned).all()
    assert np.isfinite(other_wavelength(150.0, COPPER, MOLYBDENUM))


@given(st.floats(1, 150), st.floats(-0.01, 0.01))
def test_strain_stretches_the_lattice_and_comes_back(angle, strain):
    moved = strained(angle, strain)
    spacing, other = (COPPER / 2 / np.sin(np.radians(x / 2)) for x in (angle, moved))
    assert other / spacing == pytest.approx(1 + strain, rel=1e-9)
    assert strained(moved, 1 / (1 + strain) - 1) == pytest.approx(angle, rel=1e-9)


def test_strain_moves_high_angles_further_than_a_linear_stretch():
    # the differential of Bragg's law: Δ2θ = -2 ε tan θ, in radians
    angles = np.array([20.0, 60.0, 100.0])
    moved = np.radians(strained(angles, 1e-6) - angles)
    np.testing.assert_allclose(moved, -2e-6 * np.tan(np.radians(angles / 2)), rtol=1e-4)
    assert strained(angles[:, None], np.array([0.0, 0.01])).shape == (3, 2)


def test_wavelengths_become_wavenumbers_and_shifts():
    np.testing.assert_allclose(wavenumber([500.0, 1000.0, 0.0]), [20000, 10000, np.nan])
    # the 520.5/cm line of silicon under a laser of 532 nm
    assert raman_shift(547.146, 532.0) == pytest.approx(520.5, abs=0.3)
    assert raman_shift(532.0, 532.0) == 0


@pytest.mark.parametrize("text", ["cm-1", "1/cm", "cm^-1", "cm⁻¹", " CM-1 "])
def test_units_have_one_spelling(text):
    assert spelled(text) == "1/cm"
    assert spelled(None) is None
    assert spelled("furlong") == "furlong"


# -- the grid --------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(2, 200), st.sampled_from([0.02, 0.5, 3.0, -1.0]))
def test_what_is_on_the_grid_already_stays_as_it_is(seed, points, step):
    grid = 10 + step * np.arange(points)
    heights = np.random.default_rng(seed).normal(size=points)
    order = np.argsort(grid)
    intensities, covered = regridded(grid[order], heights[order], grid)
    np.testing.assert_allclose(intensities, heights, atol=1e-12)
    assert covered.all()


@given(st.integers(0, 2**32 - 1), st.integers(20, 400))
def test_a_straight_line_stays_straight_however_it_is_sampled(seed, points):
    # steps that differ by a factor of ten are no gap
    steps = np.random.default_rng(seed).uniform(0.1, 1, points)
    positions = 20 + 60 * np.cumsum(steps) / steps.sum()
    grid = np.arange(10, 90, 0.25)
    intensities, covered = regridded(positions, 3 - 0.5 * positions, grid)
    inside = covered & (grid > positions[0] + 0.25) & (grid < positions[-1] - 0.25)
    np.testing.assert_allclose(intensities[inside], 3 - 0.5 * grid[inside], atol=1e-9)
    assert inside.sum() > 200
    outside = (grid < positions[0] - 0.13) | (grid > positions[-1] + 0.13)
    assert not covered[outside].any() and not intensities[outside].any()


def test_finer_points_become_the_mean_of_their_bin():
    heights = np.random.default_rng(1).normal(size=1000)
    positions = np.arange(1000) * 0.01 + 0.005
    grid = np.arange(10) + 0.5
    intensities, _ = regridded(positions, heights, grid)
    np.testing.assert_allclose(intensities, heights.reshape(10, 100).mean(axis=1), atol=1e-12)


def test_coarser_points_are_interpolated():
    positions, heights = np.array([0.0, 1.0, 2.5]), np.array([1.0, 3.0, 0.0])
    grid = np.arange(0, 2.51, 0.1)
    intensities, covered = regridded(positions, heights, grid)
    np.testing.assert_allclose(intensities, np.interp(grid, positions, heights), atol=1e-12)
    assert covered.all()


def test_two_ranges_leave_zeros_between_them():
    positions = np.r_[10:20:0.1, 40:50:0.1]
    grid = np.arange(0, 60, 0.5)
    intensities, covered = regridded(positions, np.ones(len(positions)), grid)
    inside = ((grid >= 10) & (grid <= 20)) | ((grid >= 40) & (grid <= 50))
    np.testing.assert_array_equal(covered, inside)
    np.testing.assert_array_equal(intensities, inside.astype(float))


# -- onto an axis ----------------------------------------------------------------------------------


def test_a_pattern_of_another_tube_lies_where_the_dataset_has_its_lines():
    centre = 2 * np.degrees(np.arcsin(COBALT / 2 / 3.1356))
    measured = Measured(ANGLES, bell(ANGLES, centre, 0.1), "two_theta", "degree", COBALT)
    found = onto(measured, Axis(), 4251)
    grid = 5 + 0.02 * np.arange(4251)
    assert grid[found.intensities.argmax()] == pytest.approx(28.44, abs=0.02)
    assert not found.guessed and "1.78897" in found.notes[0]
    assert found.high == pytest.approx(other_wavelength(89.99, COBALT, COPPER))

    # the user knows better than the file, and what nobody knows is a guess
    named = onto(measured, Axis(), 4251, wavelength=COPPER)
    assert grid[named.intensities.argmax()] == pytest.approx(centre, abs=0.02)
    unknown = Measured(ANGLES, measured.intensities)
    guess = onto(unknown, Axis(), 4251)
    assert guess.guessed and len(guess.notes) == 2
    np.testing.assert_array_equal(guess.intensities, named.intensities)
    with pytest.raises(InputError, match="does not tell its wavelength"):
        onto(unknown, Axis(), 4251, guess=False)


def test_an_axis_without_a_wavelength_asks_for_none():
    found = onto(Measured(ANGLES, ANGLES), Axis(wavelength=None), 100, guess=False)
    assert not found.guessed


def test_a_short_file_is_told_and_a_shorter_one_refused():
    measured = Measured(np.linspace(20, 40, 500), np.arange(500.0), "two_theta", "degree", COPPER)
    found = onto(measured, Axis(), 4251)
    assert (found.low, found.high) == (20, 40)
    assert found.covered.sum() == 1001 and not found.intensities[~found.covered].any()
    short = Measured(np.linspace(13.75, 14.4, 137), np.arange(137.0), "two_theta", "degree", COPPER)
    with pytest.raises(InputError, match=r"covers 13.75 to 14.4, 0.8 % .* 5 to 90 degree"):
        onto(short, Axis(), 4251)
    with pytest.raises(InputError, match=r"covers 100 to 120, 0.0 %"):
        onto(Measured(np.linspace(100, 120, 99), np.arange(99.0)), Axis(), 4251)


@pytest.mark.parametrize(
    ("measured", "axis", "words"),
    [
        (("chemical_shift", "ppm"), Axis(), "chemical_shift, expected two_theta"),
        (("two_theta", "degree"), SHIFT, "two_theta, expected raman_shift"),
        (("wavelength", "nm"), SHIFT, "the laser's is needed"),
        ((None, "ppm"), SHIFT, "in ppm, expected cm⁻¹"),
    ],
)
def test_an_axis_that_means_something_else_is_refused(measured, axis, words):
    with pytest.raises(InputError, match=words):
        onto(Measured(ANGLES, ANGLES, *measured), axis, 1000)


@pytest.mark.parametrize("unit", ["1/cm", None])
def test_a_wavenumber_may_be_a_shift_and_is_told(unit):
    shifts = np.arange(100, 2000, 1.0)
    found = onto(Measured(shifts, bell(shifts, 520, 8), None, unit), SHIFT, 900)
    assert found.intensities.argmax() == 210
    assert "taken to be raman_shift" in found.notes[0]


def test_wavelengths_of_scattered_light_become_shifts():
    nanometres = np.linspace(535, 600, 2000)
    measured = Measured(nanometres, bell(nanometres, 547.146, 0.3), "wavelength", "nm", 5320.0)
    found = onto(measured, SHIFT, 900)
    assert 100 + 2 * found.intensities.argmax() == pytest.approx(520.5, abs=2)
    infrared = Measured(np.linspace(2500, 25000, 9000), np.arange(9000.0), "wavelength", "nm")
    found = onto(infrared, Axis("wavenumber", "1/cm", 400, 2, None), 1801)
    assert (found.low, found.high) == (400, 4000)
    assert found.intensities[1000] > found.intensities[1700]  # long waves are small numbers


def test_radians_become_degrees():
    measured = Measured(np.radians(ANGLES), bell(ANGLES, 30, 0.1), "two_theta", "radian", COPPER)
    found = onto(measured, Axis(), 4251)
    assert found.intensities.argmax() == 1250


def test_a_descending_axis_is_filled_from_its_end():
    shifts = np.linspace(-1, 12, 4000)
    measured = Measured(shifts, bell(shifts, 7.26, 0.02), "chemical_shift", "ppm")
    found = onto(measured, Axis("chemical_shift", "ppm", 12.0, -0.01, None), 1301)
    assert found.intensities.argmax() == 474


def test_an_axis_of_the_users_own_takes_files_that_call_it_otherwise():
    own = Axis(quantity="q", unit="1/nm", wavelength=None)
    file = Measured(ANGLES, ANGLES, quantity="momentum_transfer")
    assert onto(file, own, 100).notes == ("its momentum_transfer is taken to be in 1/nm",)
    nameless = Measured(ANGLES, ANGLES)
    assert onto(nameless, own, 100).notes == ("the file does not tell its axis, taken to be q",)
    with pytest.raises(InputError, match="its axis is momentum_transfer, expected two_theta"):
        onto(file, Axis(), 100)
    for another in ("raman_shift", "d_spacing", "theta"):
        with pytest.raises(InputError, match=f"its axis is {another}, expected q"):
            onto(Measured(ANGLES, ANGLES, quantity=another), own, 100)


def test_shifts_of_thousands_are_no_angles():
    shifts = np.arange(100.0, 3500, 2)
    with pytest.raises(InputError, match="its axis goes to 3498, which is no 2θ in degrees"):
        onto(Measured(shifts, shifts), Axis(), 4251)

"""What an instrument adds to diffractograms of crystals: as much as is asked for."""

import numpy as np
import pytest
from conftest import ROOT, refused
from test_crystal_datasets import definitions, folder, write  # noqa: F401

from benchmarks import example_crystals
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import compiled, effects, patterns, random_numbers
from synthetic_spectra.crystals.structure import joined
from synthetic_spectra.spectra import config, instrument, sources

MEASURED = config.load(ROOT / "dataset_configs" / "space_groups_30_measured.json")
ALL = MEASURED.fixed()
SIZE = np.array([60.0])  # nm


def profiles(mixing=0.0, caglioti=(0.0, 0.0, 0.0), second_wavelength=0.0, n=1):
    return patterns.Profiles(np.tile(caglioti, (n, 1)), np.full(n, mixing), second_wavelength)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_compiled_profiles_are_those_of_plain_numpy(logarithmic):
    crystals = joined([example_crystals.halite(), example_crystals.perovskite()])
    grid = patterns.Grid(n_datapoints=1701, logarithmic=logarithmic)
    for one in (
        profiles(1.0, n=2),
        profiles(0.4, (0.01, -0.01, 0.02), 1.54439, n=2),
        profiles(0.0, (0.0, -1.0, 0.0), 1.4706, n=2),
    ):
        expected = patterns.patterns(crystals, [20.0, 90.0], grid, one)
        found = compiled.patterns(crystals, [20.0, 90.0], grid, profiles=one)
        assert found == pytest.approx(expected, abs=1e-5)


def test_the_width_is_that_of_caglioti_and_scherrer():
    grid, halite = patterns.Grid(n_datapoints=85001), example_crystals.halite()
    theta, terms = np.arcsin(1.5406 / 5.64056), (0.02, -0.002, 0.01)
    tangent = np.tan(theta)
    squared = terms[0] * tangent**2 + terms[1] * tangent + terms[2]
    squared += np.degrees(0.9 * 0.15406 / (SIZE[0] * np.cos(theta))) ** 2
    angles = grid.two_theta()
    for mixing in (0.0, 1.0):
        row = compiled.patterns(halite, SIZE, grid, profiles=profiles(mixing, terms))[0]
        high = angles[(row > 0.5 * row.max()) & (np.abs(angles - np.degrees(2 * theta)) < 1)]
        assert high[-1] - high[0] == pytest.approx(np.sqrt(squared), abs=0.003)


def test_a_second_wavelength_gives_lines_of_half_the_intensity():
    grid, halite = patterns.Grid(n_datapoints=85001), example_crystals.halite()
    row = compiled.patterns(halite, [300.0], grid, profiles=profiles(0.0, second_wavelength=1.55))
    angles = grid.two_theta()
    for line in (2.0, 2.8284271):  # 200, 220
        first, second = (
            row[0][np.abs(angles - 2 * np.degrees(np.arcsin(wave * line / 2 / 5.64056))).argmin()]
            for wave in (1.5406, 1.55)
        )
        assert second / first == pytest.approx(0.5, abs=0.01)
    # a line that the first wavelength has beyond the end is there by a shorter second one
    narrow = patterns.Grid(first=20.0, last=45.3)  # 220 is at 45.45°
    for second, seen in ((0.0, False), (1.53, True)):
        of_one = profiles(second_wavelength=second)
        row = compiled.patterns(halite, [300.0], narrow, profiles=of_one)[0]
        assert row[-100:].any() == seen
        expected = patterns.patterns(halite, [300.0], narrow, of_one)[0]
        assert row == pytest.approx(expected, abs=1e-5)


def test_a_lorentzian_has_the_area_of_its_gaussian():
    grid = patterns.Grid(first=25.0, last=29.0, n_datapoints=401)  # 111 of halite, at 27.4°, alone
    for mixing in (0.0, 0.5, 1.0):
        one = profiles(mixing)
        row = compiled.patterns(example_crystals.halite(), [100.0], grid, profiles=one)[0]
        # heights of a Gaussian and a Lorentzian of the area and the full width of 1
        height = (1 - mixing) * np.sqrt(4 * np.log(2) / np.pi) + mixing * 2 / np.pi
        width = np.degrees(0.9 * 0.15406 / (100 * np.cos(np.radians(27.37 / 2))))
        assert row.sum() * 0.01 == pytest.approx(width / height, rel=0.02)


@pytest.mark.parametrize("length", [0.7, 3.0, 20.0, 170.0])
def test_a_background_is_a_draw_of_a_gaussian_process(length):
    two_theta = patterns.Grid(n_datapoints=1201, logarithmic=True).two_theta()
    curve, state = np.empty(len(two_theta)), np.array([7], np.uint64)
    effects.background(curve, two_theta, length, state, effects.TAPS)
    # the sum of the same weights, in full
    state[0] = 7
    weights = np.array([random_numbers.normal(state) for _ in range(2000)])
    places = two_theta[0] + (np.arange(2000) - effects.REACH - 0.25) * length / 2
    near = places < two_theta[-1] + 5 * length
    distances = (two_theta[:, None] - places[near]) / length
    expected = np.exp(-(distances**2)) @ weights[near]
    assert curve == pytest.approx(expected, abs=2e-3 * np.abs(expected).max())


def test_the_covariance_of_backgrounds_is_the_squared_exponential():
    two_theta, length = np.array([30.0, 33.0, 36.0, 42.0]), 6.0
    curves, state = np.empty((4000, 4)), np.array([0], np.uint64)
    for i, curve in enumerate(curves):
        state[0] = random_numbers.start(np.uint64(1), np.uint64(2), np.uint64(i))
        effects.background(curve, two_theta, length, state, effects.TAPS)
    found = np.corrcoef(curves.T)[0]
    expected = np.exp(-((two_theta - 30) ** 2) / (2 * length**2))
    assert found == pytest.approx(expected, abs=0.05)


def test_noise_has_the_deviations_that_are_asked_for():
    rows = np.repeat(np.float32([[0.25], [1.0]]), 40000, axis=1)
    rows[0, 0] = 1
    numbers = np.arange(2, dtype="uint64")
    deviations = np.array([0.02, 0.0]), np.array([0.16, 0.1])
    where = np.uint64(1), np.uint64(2), numbers
    effects.add_noise(rows, *deviations, *where, instrument.normal_quantiles())
    assert rows[0, 1:].std() == pytest.approx(np.hypot(0.02, 0.16 * 0.25), rel=0.02)
    assert rows[1].std() == pytest.approx(0.1, rel=0.02)
    assert rows.mean(axis=1) == pytest.approx([0.25, 1], abs=0.003)
    assert np.abs(np.corrcoef(rows[1][:-1], rows[1][1:])[0, 1]) < 0.02


def of(definitions, **changes):  # noqa: F811
    """Intensities of 40 spectra, without roots."""
    plain = config.parse({**definitions.content(), "root": False}, "a test").changed(**changes)
    return sources.source_of(plain).batch(0, 0, 0, 40)[0].astype(float)


def test_each_effect_is_as_large_as_is_asked_for(definitions):  # noqa: F811
    ideal = of(definitions)
    impure = of(definitions, impurities=1, impurity_height=0.05)
    assert (impure >= ideal / 1.05 - 1e-6).all()
    added = (impure * 1.05 - ideal).max(axis=1)
    assert added.max() < 0.11 and (np.abs(impure - ideal).max(axis=1) > 1e-4).all()

    smooth = {name: ALL[name] for name in ALL if name.startswith("background")}
    lifted = of(definitions, **smooth)
    lowest = np.array([np.quantile(row, 0.2) for row in lifted])
    assert lowest.max() > 0.1 and (lifted >= ideal / 1.5 - 1e-6).all()

    noisy = of(definitions, additive_noise=0.02)
    deviations = np.array([row[row < 0.03].std() for row in noisy])
    assert deviations.max() < 0.025 and len(set(np.round(deviations, 4))) > 20

    short = of(definitions, crop=0.3, **smooth)
    for row in short:
        lit = np.flatnonzero(row)
        assert lit[-1] - lit[0] >= 0.29 * len(row)
    shares = (short > 0).mean(axis=1)
    assert shares.min() < 0.5 and shares.max() > 0.8


def test_a_range_is_of_two_theta_on_any_axis(definitions):  # noqa: F811
    on = config.parse({**definitions.content(), "scale": "log_sin_theta"}, "a test")
    short = of(on, crop=0.3, background=0.3, background_shape="gaussian_process")
    two_theta = sources.source_of(on).grid.two_theta()
    for row in short:
        lit = np.flatnonzero(row)
        assert two_theta[lit[-1]] - two_theta[lit[0]] > 0.28 * 70


MISTAKES = {
    "other element": ({"second_wavelength": 1.39}, ["second_wavelength", "5 %", "1.5406"]),
    "two terms": ({"caglioti": [0.1, 0.1]}, ["caglioti", "U, V, W"]),
    "V above 0": ({"caglioti": [0.1, 0.1, 0.1]}, ["caglioti", "less than or equal to 0"]),
    "no process": ({"background_lengths": [3.0, 20.0]}, ["background_lengths", "polynomial"]),
    "length of 0": ({"background_lengths": [0.0, 20.0]}, ["background_lengths", "0.1"]),
    "too much noise": ({"additive_noise": 11.0}, ["additive_noise", "11.0"]),
    "all hidden": ({"counts": 1e-9}, ["spectrum", "no photon"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_sentence(mistake, folder, shell):  # noqa: F811
    changes, words = MISTAKES[mistake]
    wrong = write(folder, {"rendering": {"n_train": 1, "n_val": 1} | changes}, "mistaken")
    refused(shell(folder, "spectra_from_config.py", *wrong, check=False), *words)
    assert not (folder / "datasets" / "mistaken").exists()


def test_spectra_of_peaks_have_no_such_settings(shell, tmp_path):
    flags = ("--config", "example", "--additive-noise", 0.01)
    refused(shell(tmp_path, "spectra_from_config.py", *flags, check=False), "--additive-noise")
    example = config.load(ROOT / "dataset_configs" / "example.json")
    with pytest.raises(InputError, match=r"caglioti is .*'peaks' do not have it"):
        example.changed(caglioti=(0.1, 0.0, 0.1))


def test_flags_are_the_settings_of_a_config(folder, shell):  # noqa: F811
    small = write(folder, {}, "flagged")
    flags = ("--caglioti", 0.01, 0, 0.02, "--second-wavelength", 1.54439)
    shell(folder, "spectra_from_config.py", *small, *flags, "--background-lengths", 0, 0)
    rendered = config.load(folder / "datasets" / "flagged" / "config.json")
    assert rendered.artefacts() == {"second_wavelength": 1.54439, "caglioti": (0.01, 0.0, 0.02)}


def test_the_committed_config_is_the_other_one_with_effects():
    plain = config.load(ROOT / "dataset_configs" / "space_groups_30.json")
    assert MEASURED.changed(**plain.fixed()).artefacts() == MEASURED.artefacts()
    assert set(MEASURED.fixed()) - set(plain.fixed()) == set(MEASURED.artefacts())
    assert plain.artefacts() == {} and len(MEASURED.artefacts()) == 11

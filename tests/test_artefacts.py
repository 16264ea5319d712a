"""What an instrument and a sample add to the spectra: as much as is asked for, and nothing where it
is off."""

import json

import numpy as np
import pytest
from conftest import ROOT, refused
from scipy.special import voigt_profile
from scipy.stats import cauchy, kstest, norm

from studies import dataset_ceiling
from synthetic_spectra.spectra import (
    config,
    dataset,
    instrument,
    peaks,
    profiles,
    settings,
    sources,
)

N = 2000
EXAMPLE = ROOT / "dataset_configs" / "example.json"
FWHM = np.sqrt(8 * np.log(2))  # of a Gaussian of σ 1
# each where it matters: alone, and all of one kind together
SOME = (
    {"profile": "lorentzian"},
    {
        "width_spread": 0.3,
        "profile": "pseudo_voigt",
        "scale": 0.01,
        "zero_shift": 3.5,
        "impurities": 2,
    },
    {"background": 0.2},
    {"background": 0.2, "background_shape": "hump", "counts": 300.0, "noise": 0.02},
    {"background": 0.2, "background_shape": "gaussian_process", "width_spread": 0.1},
    {"background": 3.0, "counts": 300.0, "crop": 0.2},
)


def example(**changes):
    """The resolved example, with other settings than the default ones."""
    return config.load(EXAMPLE).resolved().changed(**changes)


def some_peaks(n=400):
    rng = np.random.default_rng(5)
    return rng.integers(100, 1900, (n, 3)), rng.uniform(0.1, 1, (n, 3)), rng.uniform(2, 5, n)


def disturbed(**changes):
    return instrument.disturb(
        *some_peaks(), example(**changes).rendering, N, np.random.default_rng(8)
    )


def measured(**changes):
    """Spectra with artefacts, and the same ones without."""
    positions, heights, widths = some_peaks()
    ideal = profiles.gaussian(positions, heights, widths, N)
    peaks = positions, heights, widths, np.zeros(len(widths))
    return instrument.measure(
        *peaks, example(**changes).rendering, N, np.random.default_rng(8)
    ), ideal


def test_profiles_are_the_textbook_ones_of_one_area_and_one_width():
    axis, position, sigma, height = np.arange(N), 800.3, 4.0, 0.7
    gaussian = norm.pdf(axis, position, sigma) * (abs(axis - position) <= 4 * sigma + 0.5)
    lorentzian = cauchy.pdf(axis, position, sigma * FWHM / 2)
    for share in (0.0, 0.3, 1.0):
        peaks = (np.array([[value]]) for value in (position, height, sigma))
        (curve,) = profiles.pseudo_voigt(*peaks, np.array([share]), N)
        np.testing.assert_allclose(
            curve, height * ((1 - share) * gaussian + share * lorentzian), rtol=1e-12, atol=1e-16
        )
        above = axis[curve > curve.max() / 2]
        assert len(above) == pytest.approx(sigma * FWHM, abs=1)
    # near a Voigt profile of the same width, for the share that Thompson, Cox, Hastings (1987) give
    # for equal widths
    sigma_g = 4 / 1.6376  # a Voigt profile of two equal widths is 1.6376 times as wide
    voigt = voigt_profile(axis - 800, sigma_g, sigma_g * FWHM / 2)
    ratio = 1 / 1.6376
    share = 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3
    (curve,) = profiles.pseudo_voigt(
        *(np.array([[v]]) for v in (800.0, 1.0, 4.0)), np.array([share]), N
    )
    assert abs(curve - voigt).max() < 0.02 * voigt.max()


def test_gaussians_between_datapoints_are_those_on_datapoints():
    positions, heights, widths = some_peaks()
    plain = profiles.gaussian(positions, heights, widths, N)
    peaks = positions.astype(float), heights, np.tile(widths[:, None], 3), np.zeros(len(widths))
    ours = profiles.pseudo_voigt(*peaks, N)
    np.testing.assert_allclose(
        ours, plain, rtol=2e-3, atol=1e-12
    )  # sums of datapoints against integrals


def test_peaks_beyond_the_ends_are_cut_off():
    positions = np.array([[-500.0, -3.0, 50.0, 1998.5, 2600.0]])
    shape = np.ones((1, 5))
    curve = profiles.pseudo_voigt(positions, shape, 3 * shape, np.array([0.0]), N)[0]
    axis = np.arange(N)
    expected = sum(norm.pdf(axis, p, 3) * (abs(axis - p) <= 12.5) for p in positions[0])
    np.testing.assert_allclose(curve, expected, rtol=1e-12, atol=1e-16)
    with pytest.raises(ValueError, match="spectrum 0 is empty"):
        profiles.pseudo_voigt(positions[:, :1], shape[:, :1], shape[:, :1], np.array([0.0]), N)


def test_nothing_is_changed_where_nothing_is_on():
    peaks = some_peaks()
    for before, after in zip(peaks, disturbed()[:3], strict=True):
        assert after is before or np.array_equal(after, before)
    spectra, ideal = measured()
    assert np.array_equal(spectra, ideal)
    assert example().artefacts() == {}
    assert example(noise=0.1, impurities=2).artefacts() == {"noise": 0.1, "impurities": 2}


def test_peaks_move_together():
    positions, _, _ = some_peaks()
    moved = disturbed(zero_shift=20.0)[0] - positions
    assert np.ptp(moved, axis=1).max() < 1e-9
    assert moved.min() == pytest.approx(-20, abs=0.5)
    assert moved.max() == pytest.approx(20, abs=0.5)
    stretched = disturbed(scale=0.01)[0] / positions
    assert np.ptp(stretched, axis=1).max() < 1e-9
    assert (stretched.min(), stretched.max()) == (
        pytest.approx(0.99, abs=2e-4),
        pytest.approx(1.01, abs=2e-4),
    )


def test_widths_and_impurities():
    _, heights, widths = some_peaks()
    ratios = disturbed(width_spread=0.4)[2] / widths[:, None]
    assert (ratios.min(), ratios.max()) == (
        pytest.approx(0.6, abs=0.01),
        pytest.approx(1.4, abs=0.01),
    )
    assert np.ptp(ratios, axis=1).min() > 0
    positions, higher, wider, _ = disturbed(impurities=2, impurity_height=0.3)
    assert positions.shape == higher.shape == wider.shape == (400, 5)
    assert np.array_equal(higher[:, :3], heights)
    assert 0 < higher[:, 3:].min() < higher[:, 3:].max() < 0.3
    assert positions[:, 3:].max() > 1900
    shares = disturbed(profile="pseudo_voigt", mixing=(0.2, 0.5))[3]
    assert (shares.min(), shares.max()) == (
        pytest.approx(0.2, abs=0.01),
        pytest.approx(0.5, abs=0.01),
    )
    assert (disturbed(profile="lorentzian")[3] == 1).all()


def test_noise_is_as_strong_as_asked_for():
    spectra, ideal = measured(noise=0.03)
    residual = (spectra - ideal) / ideal.max(axis=1, keepdims=True)
    assert residual.std() == pytest.approx(0.03, rel=0.01)
    assert kstest(residual.ravel() / 0.03, "norm").pvalue > 0.01
    assert abs(residual.mean()) < 1e-4
    assert abs(np.corrcoef(residual[:, 1:].ravel(), residual[:, :-1].ravel())[0, 1]) < 0.01
    spectra, ideal = measured(counts=400.0)
    unit = ideal.max(axis=1, keepdims=True) / 400
    photons = spectra / unit
    assert abs(photons - np.rint(photons)).max() < 1e-6
    expected = ideal / unit
    bright = expected > 5
    assert (photons[expected == 0] == 0).all()
    assert ((photons - expected)[bright] ** 2 / expected[bright]).mean() == pytest.approx(
        1, abs=0.03
    )  # as of Poisson


@pytest.mark.parametrize("shape", ["polynomial", "gaussian_process", "hump"])
@pytest.mark.parametrize("height", [0.2, 3.0])  # below the peaks, and above them
def test_backgrounds_are_smooth_and_as_high_as_asked_for(shape, height):
    spectra, ideal = measured(background=height, background_shape=shape)
    curves = (spectra - ideal) / ideal.max(axis=1, keepdims=True)
    assert curves.min() > -1e-12
    highest = curves.max(axis=1) / height
    assert (highest.min(), highest.max()) == (
        pytest.approx(0, abs=0.05),
        pytest.approx(1, abs=0.05),
    )
    # no step: it takes more than 20 datapoints from bottom to top
    assert abs(np.diff(curves)).max() < height / 20
    places = curves.argmax(axis=1)
    assert len(set(places)) > 20 if shape != "polynomial" else len(set(places)) > 5


def test_a_gaussian_process_has_its_covariance():
    curves = instrument._gaussian_process(N)
    covariance = curves.T[::100] @ curves[:, ::100]
    x = np.linspace(0, 1, N)[::100]
    wanted = np.exp(-0.5 * ((x[:, None] - x) / instrument.SMOOTHNESS) ** 2)
    np.testing.assert_allclose(covariance, wanted, atol=1e-3)


@pytest.mark.parametrize("changes", SOME)
def test_the_same_settings_give_the_same_spectra_in_parts_too(changes, tmp_path, monkeypatch):
    definitions = example(**changes)
    sources.render(definitions, tmp_path / "whole")
    monkeypatch.setattr(peaks, "AT_ONCE", 200_000)
    sources.render(definitions, tmp_path / "parts")
    for file in sorted((tmp_path / "whole").glob("*.npy")):
        assert file.read_bytes() == (tmp_path / "parts" / file.name).read_bytes(), file.name
    drawn, _ = sources.fresh(definitions, 0, 0)
    assert np.array_equal(drawn, sources.fresh(definitions, 0, 0)[0])
    assert not np.array_equal(drawn, sources.fresh(example(), 0, 0)[0])
    assert np.isfinite(drawn).all()


def test_noise_lies_on_the_spectra_that_are_there_without_it(tmp_path):
    for name, changes in (("ideal", {}), ("noisy", {"noise": 0.05})):
        sources.render(example(**changes), tmp_path / name)
    for split in dataset.SPLITS:
        ideal, noisy = (np.load(tmp_path / name / f"x_{split}.npy") for name in ("ideal", "noisy"))
        assert ((noisy - ideal) / ideal.max(axis=1, keepdims=True)).std() == pytest.approx(
            0.05, rel=0.1
        )


def test_artefacts_are_flags_and_settings_of_a_dataset(shell, tmp_path):
    flags = ("--noise", 0.02, "--profile", "pseudo_voigt", "--mixing", 0.1, 0.4, "--impurities", 1)
    shell(tmp_path, "spectra_from_config.py", "--config", EXAMPLE, *flags)
    kept = json.loads((tmp_path / "datasets" / "example" / "config.json").read_text())["rendering"]
    wanted = {"noise": 0.02, "profile": "pseudo_voigt", "mixing": [0.1, 0.4], "impurities": 1}
    assert {name: value for name, value in kept.items() if name in settings.OFF} == wanted
    told = shell(
        tmp_path,
        "studies/dataset_ceiling.py",
        "--config",
        "example",
        "--results-dir",
        tmp_path,
    )
    assert "can only take from it" in told.stdout
    noisy = json.loads(EXAMPLE.read_text())
    noisy["rendering"]["noise"] = 0.01
    (tmp_path / "noisy.json").write_text(json.dumps(noisy))
    fixed = shell(
        tmp_path, "spectra_from_config.py", "--config", "noisy.json", "--noise", 0, check=False
    )
    refused(fixed, "noise", "0.01")
    shell(tmp_path, "spectra_from_config.py", "--config", "noisy.json")
    told = shell(
        tmp_path, "studies/dataset_ceiling.py", "--config", "noisy.json", "--results-dir", tmp_path
    )
    assert "noise can only take from it" in told.stdout
    table = dataset_ceiling.ceiling(dataset.resolved(tmp_path / "datasets", "noisy"))
    assert set(table.verdict) == {"identifiable"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--noise", -1), ("noise", "-1")),
        (("--noise", "nan"), ("noise", "nan")),
        (("--mixing", 0.5, 0.1), ("mixing", "the lower one first")),
        (("--width-spread", 1), ("width_spread", "1")),
        (("--impurities", -2), ("impurities", "-2")),
        (("--counts", 1e30), ("counts", "1e+30")),
        (("--zero-shift", 1e6), ("class 0", "empty")),
    ],
)
def test_mistakes_are_told(shell, tmp_path, flags, words):
    done = shell(tmp_path, "spectra_from_config.py", "--config", EXAMPLE, *flags, check=False)
    refused(done, *words)
    assert not (tmp_path / "datasets" / "example").exists()

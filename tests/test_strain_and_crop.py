"""Spectra of a strained lattice, and of a part of the axis, as files of instruments are."""

import json

import numpy as np
import pytest
from conftest import ROOT, refused

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset, instrument, sources

WAVELENGTH = 1.5406  # Cu Kα1, in Å
SPACINGS = 5.43102 / np.sqrt([3, 8, 11, 24])  # of silicon 111, 220, 311 and 422, in Å
RAMAN = {"quantity": "raman_shift", "unit": "1/cm", "first": 100.0, "step": 1.0}
EXAMPLE = ROOT / "dataset_configs" / "example.json"


def silicon(last=90.0, more=(), **rendering):
    """A resolved config of one class, silicon on an axis of 2θ, whose peaks stay where they are."""
    axis = {
        "quantity": "two_theta", "unit": "degree", "first": 5.0, "step": 0.02,
        "wavelength": WAVELENGTH,
    }  # fmt: skip
    angles = 2 * np.degrees(np.arcsin(WAVELENGTH / 2 / SPACINGS))
    positions = [round((angle - 5) / 0.02) for angle in (*angles, *more)]
    content = {
        "datapoints": round((last - 5) / 0.02) + 1, "boundary": 0, "classes": 1, "min_peaks": 1,
        "max_peaks": 9, "max_height": 1, "axis": axis,
        "rendering": {"shift_range": 0, "variation_range": 0.0} | rendering,
        "spectra": {"0": {
            "peak_positions": positions, "peak_heights": [1.0, 0.6, 0.4, 0.2, 0.1][: len(positions)]
        }},
    }  # fmt: skip
    return config.parse(content, "silicon").resolved()


def test_peaks_of_a_strained_lattice_land_at_braggs_angles():
    definitions = silicon(strain=0.01, n_train=300, kernel_range=[3.0, 3.0])
    spectra, _ = sources.fresh(definitions, 0, 0)
    found = []
    for spectrum in spectra:
        # the highest point near each line, 1 % of the spacing around it
        angles = []
        for spacing in SPACINGS:
            ends = 2 * np.degrees(np.arcsin(WAVELENGTH / 2 / spacing / np.array([1.011, 0.989])))
            first, last = np.rint(definitions.axis.position(ends)).astype(int)
            angles.append(definitions.axis.value(first + spectrum[first : last + 1].argmax()))
        # λ = 2 d sin θ: every line tells the same lattice
        strains = WAVELENGTH / 2 / np.sin(np.radians(angles) / 2) / SPACINGS - 1
        exact = 0.02 / 2 / np.tan(np.radians(angles) / 2) * np.pi / 180  # of one datapoint
        assert (np.abs(strains - strains[-1]) < 1.1 * exact + 1e-4).all()
        found.append(strains[-1])
    # uniform, either way
    assert (min(found), max(found)) == (
        pytest.approx(-0.01, abs=3e-4),
        pytest.approx(0.01, abs=3e-4),
    )
    assert np.std(found) == pytest.approx(0.01 / np.sqrt(3), rel=0.1)


def test_what_a_smaller_lattice_does_not_reflect_is_gone():
    definitions = silicon(last=180.0, more=[179.0], strain=0.1, n_train=40, kernel_range=[3.0, 3.0])
    with np.errstate(all="raise"):
        spectra, _ = sources.fresh(definitions, 0, 0)
    assert np.isfinite(spectra).all()
    peaks = (spectra[:, 6000:] > 0.05).any(axis=1)  # beyond 125°
    assert 0 < peaks.sum() < len(peaks)


def test_networks_are_built_for_the_shift_and_the_strain():
    # Δ2θ = 2 ε tan θ: 2 · 0.005 · tan 45° in radians are 0.573°, 29 datapoints
    assert silicon(shift_range=4, strain=0.005).sizes() == (4251, 1, 33)
    assert silicon(shift_range=4).sizes() == (4251, 1, 4)


def test_a_strain_needs_an_axis_of_two_theta(shell, tmp_path):
    done = shell(
        tmp_path, "spectra_from_config.py", "--config", EXAMPLE, "--strain", 0.01, check=False
    )
    refused(done, "strain is 0.01", "the config has no axis")
    content = json.loads(EXAMPLE.read_text()) | {"axis": RAMAN}
    with pytest.raises(InputError, match=r"an axis of two_theta.* has an axis of raman_shift"):
        config.parse(content | {"rendering": {"strain": 0.01}}, "raman")
    assert config.parse(content | {"rendering": {"strain": 0.0}}, "raman").axis.first == 100


def test_a_cropped_spectrum_is_zero_outside_of_a_random_range(tmp_path):
    """The rest is as without, and noise and background lie on it: all splits alike."""
    off = config.load(EXAMPLE).resolved().changed(n_train=300)
    for name, changes in (
        ("whole", {}),
        ("cropped", {"crop": 0.3}),
        ("noisy", {"crop": 0.3, "noise": 0.01, "background": 3.0}),
    ):
        sources.render(off.changed(**changes), tmp_path / name)
    shares, starts = [], []
    for split in dataset.SPLITS:
        whole, cropped, noisy = (
            np.load(tmp_path / name / f"x_{split}.npy") for name in ("whole", "cropped", "noisy")
        )
        size = whole.shape[1]
        for plain, part, row in zip(whole, cropped, noisy, strict=True):
            kept = np.flatnonzero(part)
            assert np.array_equal(part[kept[0] : kept[-1] + 1], plain[kept[0] : kept[-1] + 1])
            inside = np.flatnonzero(row)
            # noise is nowhere exactly 0
            assert len(inside) == inside[-1] - inside[0] + 1
            assert plain[inside].max() > 0
            shares.append(len(inside) / size)
            starts.append(inside[0])
    assert (min(shares), max(shares)) == (pytest.approx(0.3, abs=0.01), pytest.approx(1, abs=0.01))
    assert np.mean(shares) == pytest.approx(0.65, abs=0.03)
    assert len(set(starts)) > 100


def test_noise_and_background_are_relative_to_what_is_left():
    definitions = silicon(crop=0.05, noise=0.05, n_train=200, kernel_range=[3.0, 3.0])
    for spectrum in sources.fresh(definitions, 0, 0)[0]:
        inside = spectrum[spectrum != 0]
        # σ by the median, of which the few points of peaks take little
        sigma = 1.4826 * np.median(np.abs(inside - np.median(inside)))
        assert sigma == pytest.approx(0.05, rel=0.35)


@pytest.mark.parametrize("crop", [0.0, 0.01, 1.5])
def test_a_crop_that_no_reader_takes_is_refused(shell, tmp_path, crop):
    done = shell(
        tmp_path, "spectra_from_config.py", "--config", EXAMPLE, "--crop", crop, check=False
    )
    refused(done, "crop", str(crop))


def test_a_range_holds_some_of_the_intensity_wherever_it_is():
    rng = np.random.default_rng(0)
    for size, peak in ((1, 0), (5, 4), (5, 0), (1000, 999), (1000, 0), (1000, 500)):
        row = np.zeros(size, "float32")
        row[peak] = 1e-3
        for _ in range(50):
            start, end = instrument._kept_range(row, 0.05, rng)
            assert 0 <= start <= peak < end <= size

"""The Fourier filter: what is noisy, what is left of it, what is not touched."""

import json

import numpy as np
import pytest

from synthetic_spectra.measured.fft_filter import filtered

N = 2251


def peaks(width=6.0):
    x = np.arange(N)
    return sum(h * np.exp(-0.5 * ((x - p) / width) ** 2) for p, h in ((300, 1), (900, 0.4)))


def test_a_quiet_spectrum_stays_as_it_is_to_the_bit():
    spectrum = 100 * peaks() + 20
    found = filtered(spectrum)
    assert not found.noisy and found.noisiness < 1
    np.testing.assert_array_equal(found.intensities, spectrum)
    assert len(found.amplitudes) == 2304 // 2 + 1


def test_a_noisy_spectrum_keeps_its_peaks_and_loses_most_of_the_noise():
    noise = np.random.default_rng(5).normal(0, 5, N)
    spectrum = 100 * peaks() + 20 + noise
    found = filtered(spectrum)
    assert found.noisy and found.noisiness > 1
    left = found.intensities - (100 * peaks() + 20)
    # 200 of 1153 frequencies are kept: √(200 / 1153) = 0.42 of white noise
    assert 0.35 < left[50:-50].std() / noise.std() < 0.5
    assert found.intensities[300] == pytest.approx(120, abs=8)
    # fewer bins keep less
    fewer = filtered(spectrum, bins=150).intensities - (100 * peaks() + 20)
    assert fewer[50:-50].std() < left[50:-50].std()


def test_the_filter_is_the_sum_of_the_lowest_frequencies():
    spectrum = np.random.default_rng(3).normal(size=256)
    found = filtered(spectrum, criterion=-np.inf, bins=7)
    centred = (spectrum - np.median(spectrum)) / spectrum.std()
    k, x = np.arange(7)[:, None], np.arange(256)
    cosines = np.cos(2 * np.pi * k * x / 256)
    sines = np.sin(2 * np.pi * k * x / 256)
    weights = np.where(k == 0, 1, 2) / 256
    sums = (weights * ((cosines @ centred)[:, None] * cosines)).sum(axis=0)
    sums += (weights * ((sines @ centred)[:, None] * sines)).sum(axis=0)
    expected = sums * spectrum.std() + np.median(spectrum)
    np.testing.assert_allclose(found.intensities, expected, atol=1e-12)


def test_the_unit_of_the_intensities_does_not_matter():
    spectrum = peaks() + np.random.default_rng(5).normal(0, 0.05, N)
    one, other = filtered(spectrum), filtered(1000 * spectrum + 7)
    assert one.noisiness == pytest.approx(other.noisiness)
    np.testing.assert_allclose(1000 * one.intensities + 7, other.intensities, rtol=1e-9)


@pytest.mark.parametrize(("spectrum", "bins"), [(np.ones(300), 9), (peaks(), 0), (peaks(), 1153)])
def test_what_cannot_be_filtered_is_told(spectrum, bins):
    with pytest.raises(ValueError, match=r"equal|bins"):
        filtered(spectrum, bins=bins)


def test_a_noisy_file_is_filtered_before_it_is_named(shell, tmp_path):
    spectra = {
        "0": {"peak_positions": [300, 900], "peak_heights": [1, 0.4], "name": "a"},
        "1": {"peak_positions": [500, 1500], "peak_heights": [1, 0.7], "name": "b"},
    }
    axis = {"quantity": "raman_shift", "unit": "1/cm", "first": 100.0, "step": 1.0}
    config = {
        "datapoints": N, "boundary": 10, "classes": 2, "min_peaks": 1, "max_peaks": 2,
        "max_height": 1, "axis": axis, "spectra": spectra, "rendering": {"shift_range": 3},
    }  # fmt: skip
    (tmp_path / "two.json").write_text(json.dumps(config))
    noisy = peaks() + np.random.default_rng(5).normal(0, 0.03, N)
    for name, values in (("noisy", noisy), ("quiet", peaks())):
        np.savetxt(tmp_path / f"{name}.txt", np.column_stack([100 + np.arange(N), values]))
    command = ("identify.py", "noisy.txt", "quiet.txt", "--config", "two.json", "--no-network")
    plain = json.loads(shell(tmp_path, *command, "--format", "json").stdout)
    answers = json.loads(
        shell(
            tmp_path, *command, "--format", "json", "--fft-criterion", 1, "--fft-bins", 200
        ).stdout
    )
    assert [answer["best"][0]["name"] for answer in answers] == ["a", "a"]
    assert any("filtered" in note for note in answers[0]["notes"])
    assert not any("filtered" in note for note in plain[0]["notes"])
    assert answers[0]["explained"] != plain[0]["explained"]
    assert answers[1] == plain[1]

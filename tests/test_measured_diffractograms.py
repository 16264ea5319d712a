"""Measured powder diffractograms → what networks of space groups get."""

import numpy as np
import pytest
from conftest import ROOT

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import patterns, statistics
from synthetic_spectra.crystals.patterns import Grid
from synthetic_spectra.measured import diffractogram
from synthetic_spectra.spectra import config

MEASURED = ROOT.parent / "shared" / "measured" / "xrd"


@pytest.fixture(scope="module")
def definitions():
    return config.load(ROOT / "dataset_configs" / "space_groups_30.json")


@pytest.fixture(scope="module")
def crystal():
    """A real crystal of the test set, with few lines."""
    tests = statistics.load("all").tests
    return tests.chosen(np.flatnonzero(tests.groups == 225)[:1])


def write(path, two_theta, intensities):
    rows = (f"{x:.4f} {y:.6g}" for x, y in zip(two_theta, intensities, strict=True))
    path.write_text("\n".join(rows))
    return path


def as_measured(path, crystal, wavelength, first=4.0, last=100.0, background=0.0):
    """A file of a crystal as a diffractometer gives it."""
    grid = Grid(wavelength, first, last, 1 + round((last - first) / 0.02))
    row = patterns.patterns(crystal, [50.0], grid)[0].astype(float)
    two_theta = grid.two_theta()
    smooth = background * (1 + np.exp(-two_theta / 30))
    noise = np.random.default_rng(0).normal(0, 0.003, len(row))
    return write(path, two_theta, 1000 * (row + smooth + noise))


def wanted(definitions, crystal):
    """The diffractogram of a crystal as the dataset would hold it."""
    grid = Grid(definitions.wavelength, *definitions.two_theta, definitions.n_datapoints, True)
    return np.sqrt(patterns.patterns(crystal, [50.0], grid)[0])


def cosine(first, second):
    return first @ second / np.sqrt((first @ first) * (second @ second))


@pytest.mark.parametrize("wavelength", [1.5406, 0.7107])
def test_a_file_becomes_the_spectrum_that_the_dataset_would_have(
    tmp_path, definitions, crystal, wavelength
):
    last = 100 if wavelength > 1 else 60
    path = as_measured(tmp_path / "a.xy", crystal, wavelength, 1.8, last, background=0.3)
    found = diffractogram.read(path, definitions, wavelength)
    assert found.intensities.dtype == np.float32 and found.intensities.max() == 1
    assert found.covered.all()
    assert cosine(found.intensities, wanted(definitions, crystal)) > 0.97
    assert any("turned from" in note for note in found.notes) == (wavelength < 1)
    # angles of another wavelength would be other lines
    if wavelength < 1:
        taken = diffractogram.read(path, definitions, 1.5406).intensities
        assert cosine(taken, wanted(definitions, crystal)) < 0.5
    with pytest.raises(InputError, match=r"a\.xy: .*expected --wavelength in Å"):
        diffractogram.read(path, definitions)


def test_networks_that_know_backgrounds_get_them(tmp_path, definitions, crystal):
    path = as_measured(tmp_path / "a.xy", crystal, 1.5406, background=0.3)
    changed = definitions.changed(background=0.5)
    found = diffractogram.read(path, changed, 1.5406).intensities
    # 2 exp(-2θ/30) of 0.3 are 0.24 higher at 5° than at 90°, of an intensity of about 1.3
    assert found[0] == pytest.approx(np.sqrt(0.24 / 1.1), abs=0.1)
    assert np.median(found[-500:]) < 0.2 < np.median(found)
    assert np.median(diffractogram.read(path, definitions, 1.5406).intensities) == 0


def test_what_is_not_in_the_file_is_zero_down_to_half_of_the_range(tmp_path, definitions, crystal):
    path = as_measured(tmp_path / "a.xy", crystal, 1.5406, first=20, last=70)
    found = diffractogram.read(path, definitions, 1.5406)
    two_theta = Grid(n_datapoints=4251, logarithmic=True).two_theta()
    inside = (two_theta > 20.03) & (two_theta < 69.97)
    assert found.covered[inside].all() and not found.intensities[~found.covered].any()
    assert found.covered.sum() - inside.sum() < 10
    assert (found.low, found.high) == (20, 70)
    path = as_measured(tmp_path / "b.xy", crystal, 1.5406, first=20, last=60)
    with pytest.raises(InputError, match=r"b.xy: covers 20° to 60°, 47 % of 2θ"):
        diffractogram.read(path, definitions, 1.5406)


def test_a_gap_is_zero(tmp_path, definitions, crystal):
    path = as_measured(tmp_path / "a.xy", crystal, 1.5406)
    rows = [row for row in path.read_text().splitlines() if not 30 < float(row.split()[0]) < 40]
    path.write_text("\n".join(rows))
    found = diffractogram.read(path, definitions, 1.5406)
    two_theta = Grid(n_datapoints=4251, logarithmic=True).two_theta()
    gap = (two_theta > 30.1) & (two_theta < 39.9)
    assert not found.covered[gap].any() and not found.intensities[gap].any()


def test_what_is_no_diffractogram_is_refused(tmp_path, definitions):
    two_theta = np.arange(5, 90, 0.02)
    noise = np.random.default_rng(0).normal(100, 3, len(two_theta))
    with pytest.raises(InputError, match=r"noise.xy: nothing stands out"):
        diffractogram.read(write(tmp_path / "noise.xy", two_theta, noise), definitions, 1.5406)
    raman = tmp_path / "raman.txt"
    write(raman, two_theta, noise)
    raman.write_text("Raman Shift\tIntensity\n" + raman.read_text().replace(" ", "\t"))
    with pytest.raises(InputError, match=r"raman.txt: its axis is raman_shift"):
        diffractogram.read(raman, definitions, 1.5406)
    with pytest.raises(InputError, match=r"gone\.xy"):
        diffractogram.read(tmp_path / "gone.xy", definitions, 1.5406)


@pytest.mark.skipif(not MEASURED.is_dir(), reason="needs measured files")
def test_a_measured_file_has_the_lines_of_its_structure(definitions):
    found = diffractogram.read(MEASURED / "MnO.xy", definitions, 1.5406)
    two_theta = Grid(n_datapoints=4251, logarithmic=True).two_theta()
    # MnO, a = 4.446 Å: 200 is the highest line, 111, 220 and 311 are there
    assert two_theta[found.intensities.argmax()] == pytest.approx(40.56, abs=0.2)
    for angle in (34.9, 58.7, 70.2):
        assert found.intensities[np.abs(two_theta - angle) < 0.3].max() > 0.3
    with pytest.raises(InputError, match="expected at least"):
        diffractogram.read(MEASURED / "short range, 14 deg.xy", definitions, 1.5406)

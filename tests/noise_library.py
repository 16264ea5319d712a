"""A library of a few substances and files of noise spectra, for the tests of the noise-shuffle."""

import json

import numpy as np

from synthetic_spectra.measured import noise_shuffle
from synthetic_spectra.spectra import config, dataset, sources

SIZE, KEPT = 2251, 401  # of Wang et al. (2020): 5° to 50° in steps of 0.02°
NAMES = ("MOF-5", "ZIF-8", "ZIF-67", "MOF-74")


def content(**rendering):
    """A library of four substances with many peaks, and one with few."""
    rng = np.random.default_rng(4)
    spectra = {}
    for label, name in enumerate((*NAMES, "NaCl")):
        k = 3 if name == "NaCl" else 60
        heights = np.round(rng.uniform(0.1, 0.9, k), 3)
        heights[0] = 1
        positions = np.sort(rng.choice(np.arange(50, SIZE - 50), k, replace=False))
        spectra[str(label)] = {
            "peak_positions": positions.tolist(), "peak_heights": heights.tolist(), "name": name,
        }  # fmt: skip
    return {
        "datapoints": SIZE, "boundary": 10, "classes": 5, "min_peaks": 1, "max_peaks": 60,
        "max_height": 1, "spectra": spectra,
        "axis": {
            "quantity": "two_theta", "unit": "degree", "first": 5.0, "step": 0.02,
            "wavelength": 1.5406,
        },
        "rendering": {"n_train": 58, "n_val": 14, "test_kernel": 3.5, **rendering},
    }  # fmt: skip


def noise_files(folder, names=("ZIF-8_1", "MOF-74", "a", "b", "c", "d")):
    """Measured files whose values tell each file apart: no value is in two of them."""
    rng = np.random.default_rng(8)
    two_theta = 5 + 0.02 * np.arange(SIZE)
    files = []
    for i, name in enumerate(names):
        values = 1000 + 100 * rng.uniform(size=SIZE)
        values[200:240] += 900 + i
        values[i] = 900
        files.append(folder / f"{name}.xy")
        np.savetxt(files[-1], np.column_stack([two_theta, values]))
    return files


def library(folder, **rendering):
    """Path of a config in a folder, and its resolved definitions with noise from files there."""
    path = folder / "library.json"
    path.write_text(json.dumps(content(**rendering)))
    resolved = config.load(path).resolved()
    files = noise_files(folder)
    return path, resolved.with_noise(noise_shuffle.read(files, resolved.axis, SIZE))


def drawn(definitions, splits=dataset.SPLITS, key=()):
    """Spectra of a dataset, split -> label -> (n, n_datapoints)."""
    parts = {split: {} for split in splits}
    for split, spectra, labels in sources.source_of(definitions).draw(splits, key):
        for spectrum, label in zip(spectra, labels, strict=True):
            parts[split].setdefault(int(label), []).append(spectrum)
    return {
        split: {i: np.array(rows) for i, rows in found.items()} for split, found in parts.items()
    }


def background_of(definitions, spectrum):
    """Name of the noise spectrum that has all these values."""
    owners = [
        name for name, values in definitions.noise_spectra.items() if set(spectrum) <= set(values)
    ]
    assert len(owners) == 1
    return owners[0]

"""Structures of six space groups, their statistics and a dataset: small enough to train on."""

import gzip
import json

import numpy as np

# space group, spglib's Hall number → types: sites with multiplicity, letter and place
STRUCTURES = {
    (225, 523): (
        [(4, "a", 0), (4, "b", 0.5)], [(4, "a", 0), (8, "c", 0.25)], [(4, "a", 0)],
    ),
    (216, 512): ([(4, "a", 0), (4, "c", 0.25)], [(4, "a", 0), (4, "b", 0.5), (4, "c", 0.25)]),
    (221, 517): ([(1, "a", 0), (1, "b", 0.5)], [(1, "a", 0)], [(1, "b", 0.5)]),
    (227, 526): ([(8, "a", 0.125)], [(16, "c", 0)], [(8, "a", 0.125), (8, "b", 0.375)]),
    (229, 529): ([(2, "a", 0)], [(2, "a", 0), (8, "c", 0.25)]),
    (123, 400): ([(1, "a", 0), (1, "d", 0.5)], [(1, "a", 0)], [(1, "d", 0.5)]),
}  # fmt: skip
ELEMENTS = ("Na", "Cl", "Cu", "Zn", "S", "Fe", "O", "Ti", "Ag", "Au")
N_EACH = 8
CONFIG = {
    "kind": "crystals",
    "datapoints": 300,
    "two_theta": [10.0, 80.0],
    "wavelength": 1.5406,
    "scale": "log_sin_theta",
    "root": True,
    "crystallite_sizes": [20.0, 100.0],
    "statistics": "few.npz",
    "least_structures": 5,
    "max_volume": 1000.0,
    "max_sites": 20,
    "patterns_per_epoch": 96,
    "rendering": {"n_train": 2, "n_val": 4, "dtype": "float32"},
}
FLAGS = ("--config", "few.json", "--models", "strided")


def make(folder, shell):
    """A folder with structures of six space groups, their statistics and a rendered dataset."""
    rng = np.random.default_rng(0)
    with gzip.open(folder / "few.jsonl.gz", "wt") as file:
        for (group, hall), types in STRUCTURES.items():
            for sites in types * N_EACH:
                elements = rng.choice(ELEMENTS, len(sites), replace=False)
                a, c = rng.uniform(4, 7, 2)
                row = {
                    "sg": group,
                    "hall": hall,
                    "lattice": [a, a, c if group == 123 else a, 90, 90, 90],
                    "sites": [
                        [str(element), multiplicity, letter, "", place, place, place]
                        for element, (multiplicity, letter, place) in zip(
                            elements, sites, strict=True
                        )
                    ],
                }
                file.write(json.dumps(row) + "\n")
    made = ("--name", "few", "--output-dir", folder, "--largest-test-type", 0.5, "--test-share")
    shell(folder, "statistics_from_structures.py", "few.jsonl.gz", *made, 0.5)
    (folder / "few.json").write_text(json.dumps(CONFIG))
    shell(folder, "spectra_from_config.py", "--config", "few.json")

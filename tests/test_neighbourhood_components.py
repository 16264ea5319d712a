"""A map by neighbourhood components analysis keeps apart what it was fitted to, not the rest."""

from itertools import product

import numpy as np
import pytest
from conftest import EXAMPLE, ROOT, refused

from figures import plot_neighbourhood_components as figure
from synthetic_spectra.common.errors import InputError

SCRIPT = "figures/plot_neighbourhood_components.py"


def noise(seed):
    """40 spectra of pure noise in three groups."""
    return np.random.default_rng(seed).random((40, 300)), np.arange(40) % 3


def test_a_map_keeps_apart_the_noise_that_it_was_fitted_to_and_no_other_noise():
    parts = [noise(0), noise(1)]
    fitted, others = figure.in_place(figure.mapped(parts, 0), [groups for _, groups in parts])
    assert fitted == 40 and others < 20


def test_a_fitted_spectrum_is_no_neighbour_of_its_own():
    places = np.array([[0, 0], [0, 1], [5, 5], [5, 7.0]])
    groups = np.array(["a", "b", "b", "b"])
    assert figure.in_place([places, places], [groups, groups]) == [2, 4]


def test_a_single_group_has_no_map():
    with pytest.raises(InputError, match="one group alone"):
        figure.mapped([(noise(0)[0], np.zeros(40))], 0)


def test_splits_of_a_dataset_are_drawn(shell, example, tmp_path):
    flags = (*EXAMPLE, "--datasets-dir", example / "datasets", "--output", tmp_path / "map.png")
    done = shell(tmp_path, SCRIPT, *flags)
    assert "test spectra on the same map: " in done.stdout and "of 18 nearest" in done.stdout
    assert (tmp_path / "map.png").is_file() and (tmp_path / "map.pdf").is_file()


@pytest.fixture
def files(tmp_path):
    """The flags for patterns of two minerals, two by each of two laboratories."""
    positions = {"Quartz": (20.9, 26.6, 50.1), "Halite": (27.4, 31.7, 45.5)}
    two_theta = np.arange(10, 70, 0.02)
    rows = ["file,names,laboratory"]
    for laboratory, shift in (("here", 0), ("there", 0.02)):
        for name, height in product(positions, (1000, 1500)):
            peaks = np.array(positions[name])[:, None] + shift
            counts = height * np.exp(-(((two_theta - peaks) / 0.1) ** 2)).sum(axis=0)
            file = f"{name}_{laboratory}_{height}.xy"
            np.savetxt(tmp_path / file, np.column_stack([two_theta, counts + 10]), fmt="%.4f")
            rows.append(f"{file},{name},{laboratory}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    config = ROOT / "dataset_configs" / "minerals.json"
    return "--config", config, "--measured", tmp_path / "labels.csv"


def test_measured_files_of_one_laboratory_stand_beside_those_of_others(shell, files, tmp_path):
    done = shell(tmp_path, SCRIPT, *files, "--fitted", "here", "--output", tmp_path / "map.png")
    assert done.stdout.splitlines() == [
        "fitted to these files of here: 4 of 4 nearest to one of their group",
        "others on the same map: 4 of 4 nearest to one of their group",
    ]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--fitted", "nowhere"), ("'nowhere'", "here, there")),
        (("--column", "country"), ("no column country",)),
        (("--fitted", "here", "there"), ("no file of others",)),
    ],
)
def test_files_that_cannot_be_parted_are_refused(shell, files, tmp_path, flags, words):
    refused(shell(tmp_path, SCRIPT, *files, *flags, check=False), *words)

"""What each choice is worth for space groups: the study, on the small dataset of its neighbour."""

import numpy as np
import pytest
from conftest import refused
from test_space_groups import place  # noqa: F401  (a fixture)

from studies import space_group_ablation
from synthetic_spectra.analysis import results
from synthetic_spectra.spectra import config, dataset

CHOSEN = ("complete", "evenly spaced in 2θ", "best of 10 occupations", "batches of 64")
STUDY = "studies/space_group_ablation.py"
ARGUMENTS = (
    "--config", "few.json", "--spectra", 96, "--seeds", 1, "--precision", "float32", "--variants",
)  # fmt: skip


@pytest.fixture
def few(place, monkeypatch):  # noqa: F811
    """The resolved config of the small dataset, in its folder."""
    monkeypatch.chdir(place)
    return config.load("datasets/few/config.json")


def test_fields_of_a_config_change_and_its_classes_follow(few):
    changed = few.with_fields(places=5, scale="two_theta")
    assert (changed.places, changed.scale) == (5, "two_theta")
    assert changed.with_fields(places=1, scale="log_sin_theta") == few
    fewer = few.with_fields(least_structures=9)
    assert fewer.n_classes == len(fewer.spectra) < few.n_classes


def test_each_variant_is_a_config_with_the_same_classes(few):
    for name, variant in space_group_ablation.VARIANTS.items():
        changed = few.with_fields(**variant.config)
        assert changed.spectra == few.spectra, name


@pytest.mark.slow
def test_variants_are_tested_with_the_same_crystals(shell, place):  # noqa: F811
    done = shell(place, STUDY, *ARGUMENTS, *CHOSEN)
    table = results.read(place / "output" / "results", "few", "ablation").ablation
    assert table.variant.tolist() == list(CHOSEN)
    assert (table.spectra_seen == 96).all() and table.test_spectra.nunique() == 1
    assert (table.test_top_1 == table.test_spectra - table.test_misclassified).all()
    assert (table.val_top_5 >= table.val_top_1).all() and (table.val_spectra == 24).all()
    assert "of five, %" in done.stdout

    folder = place / "datasets"
    complete = dataset.load(folder, "few")
    other = dataset.load(folder / "ablation" / "occupations=10", "few")
    assert np.array_equal(other.x["test"], complete.x["test"])
    assert not np.array_equal(other.x["val"], complete.x["val"])
    even = dataset.load(folder / "ablation" / "scale=two_theta", "few")
    assert np.array_equal(even.y["test"], complete.y["test"])
    assert not np.array_equal(even.x["test"], complete.x["test"])

    # what is finished is not trained again, and stays in the table
    again = shell(place, STUDY, *ARGUMENTS, "batches of 64")
    assert "1 of 1 runs finished already" in again.stderr and "complete" in again.stdout
    refused(shell(place, STUDY, *ARGUMENTS, "none", check=False), "'none'", "complete")


@pytest.mark.slow
def test_a_dataset_of_peaks_is_refused(shell, place, tmp_path):  # noqa: F811
    shell(tmp_path, "spectra_from_config.py", "--config", "example", "--n-train", 2)
    done = shell(tmp_path, STUDY, "--config", "example", check=False)
    refused(done, "crystals")

"""Scaling by features: a layer of the network, so that nothing else has to know of it."""

import json

import numpy as np
import pytest
from conftest import EXAMPLE, outcome

from synthetic_spectra.common.backend import keras

# isort: split
from model_implementations import build
from synthetic_spectra.analysis import trained
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training import fast_layers, feature_scaling, run_folder

NAME = "vgg_wang-dense=[9]-relu-feature_scaling-0"


@pytest.fixture(scope="module")
def spectra():
    values = np.random.default_rng(2).uniform(0, 1, (30, 150)).astype("float32")
    values[:, 7] = 0.25  # the same in all
    return values


def by_hand(spectra, training):
    lowest, highest = training.min(axis=0), training.max(axis=0)
    return (spectra - lowest) / np.where(highest > lowest, highest - lowest, 1)


@pytest.mark.parametrize("name", ["vgg_wang", "blurred_areas"])
def test_the_scaled_network_is_the_network_of_spectra_scaled_by_hand(name, spectra, tmp_path):
    sizes = {"shift_range": 5} if name == "blurred_areas" else {}
    network = build(name, 150, 3, **sizes)
    scaled = feature_scaling.scaled_by_feature(network, spectra[:20])
    expected = network(by_hand(spectra, spectra[:20])[..., None], training=False)
    np.testing.assert_allclose(scaled(spectra[..., None]), expected, rtol=1e-4, atol=1e-6)
    fast = fast_layers.accelerated(scaled)
    np.testing.assert_allclose(fast(spectra[..., None]), expected, rtol=1e-4, atol=1e-6)
    assert {id(v) for v in fast.trainable_variables} == {id(v) for v in network.trainable_variables}
    scaled.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(spectra[..., None]), expected, rtol=1e-4, atol=1e-6)


def test_ranges_are_those_of_all_blocks(spectra, monkeypatch):
    monkeypatch.setattr(feature_scaling, "ROWS_AT_ONCE", 7)
    lowest, highest = feature_scaling.ranges(spectra)
    np.testing.assert_array_equal(lowest, spectra.min(axis=0))
    np.testing.assert_array_equal(highest, spectra.max(axis=0))
    on_disk = dataset.Scaled(2 * spectra, np.full((30, 1), 2.0))
    np.testing.assert_array_equal(feature_scaling.ranges(on_disk), [lowest, highest])


def test_a_run_is_named_by_its_scaling_and_predicts_without_knowing_of_it(shell, example):
    command = (
        "train.py", *EXAMPLE, "--models", "vgg_wang", "--model-args", "dense=[9]", "--seeds", 0,
        "--epochs", 1, "--wandb", "disabled",
    )  # fmt: skip
    shell(example, *command, "--feature-scaling")
    shell(example, *command)
    assert {path.name for path in (example / "runs" / "example").iterdir()} >= {
        NAME, "vgg_wang-dense=[9]-relu-0",
    }  # fmt: skip

    # the network takes the spectra as they are, and holds the ranges of the training spectra
    folder = example / "runs" / "example" / NAME
    data = dataset.load(example / "datasets", "example")
    (run,) = [one for one in run_folder.found(example / "runs", "example", []) if one.name == NAME]
    predicted = trained.load(run).predict(data.x["test"][..., None], verbose=0).argmax(axis=1)
    assert predicted.tolist() == outcome(folder)["predictions"]["test"]
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["feature_scaling"] is True

    shell(example, "evaluate.py", *EXAMPLE, "--wandb", "disabled")
    rows = (example / "output" / "results" / "example.csv").read_text()
    assert ",feature_scaling," in rows.splitlines()[0]
    assert ",True," in rows

"""Training, evaluation and figures: the real scripts through the shell, and what the protocol
promises."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, refused

from model_implementations import build
from synthetic_spectra.common import backend
from synthetic_spectra.common.backend import keras
from synthetic_spectra.spectra import dataset

EXAMPLE = ("--config", ROOT / "dataset_configs" / "example.json")
SMALL = (*EXAMPLE, "--models", "vgg", "--seeds", 1, "--epochs", 2, "--batch-size", 32)


@pytest.fixture(scope="module")
def trained(process, example):
    """The folder of the example after one small run; and that run's output."""
    done = process(example, "train.py", *SMALL)
    return example, done.stdout


def weights(path):
    return keras.models.load_model(path).get_weights()


def history(run):
    with (run / "history.csv").open() as file:
        return [
            {key: float(value) for key, value in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


def test_same_command_gives_the_same_weights_and_history_to_the_bit(process, trained, tmp_path):
    folder, _ = trained
    process(folder, "train.py", *SMALL, "--runs-dir", tmp_path)
    first, second = (
        folder / "runs" / "example" / "vgg-linear-1",
        tmp_path / "example" / "vgg-linear-1",
    )
    assert history(first) == history(second)
    assert len(history(first)) == 2
    for a, b in zip(weights(first / "model.keras"), weights(second / "model.keras"), strict=True):
        assert np.array_equal(a, b)


def test_run_folder_tells_what_was_run(trained):
    folder, output = trained
    run = folder / "runs" / "example" / "vgg-linear-1"
    settings = json.loads((run / "settings.json").read_text())
    asked = {
        "config": "example",
        "model": "vgg",
        "hidden_activation": "linear",
        "seed": 1,
        "epochs": 2,
        "batch_size": 32,
    }
    assert settings.items() >= asked.items()
    assert settings["learning_rate"] == 3e-4
    assert settings["dataset_checksum"] == dataset.load(folder / "datasets", "example").checksum
    assert settings["versions"].keys() >= {"python", "keras", "numpy"}
    summary = json.loads((run / "summary.json").read_text())
    assert summary["trained_epochs"] == 2
    assert summary["parameters"] == build("vgg", 500, 2).count_params()
    assert history(run)[0].keys() == {
        "epoch",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
    }
    assert "epoch 2: loss" in output
    assert not list(run.glob(".*"))


def test_offline_mirror_holds_what_the_run_folder_holds(trained):
    folder, _ = trained
    run = folder / "runs" / "example" / "vgg-linear-1"
    (log,) = run.glob("wandb/offline-run-*/run-*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", log]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    (begun,) = [record["run"] for record in records if record["type"] == "run"]
    settings = json.loads((run / "settings.json").read_text())
    config = begun["config"]["update"]
    assert config | settings | {"model_args": ""} == config
    assert (begun["project"], begun["run_group"], begun["display_name"]) == (
        "synthetic-benchmark",
        "example",
        run.name,
    )
    mirrored = [record["history"]["item"] for record in records if record["type"] == "history"]
    assert len(mirrored) == 2
    for row, kept in zip(mirrored, history(run), strict=True):
        assert row.items() >= kept.items()
    summary = {}
    for record in records:
        if record["type"] == "summary":
            summary |= record["summary"]["update"]
    assert summary.items() >= json.loads((run / "summary.json").read_text()).items()


def test_a_finished_run_is_skipped_and_never_mixed_with_other_settings(shell, trained):
    folder, _ = trained
    model = folder / "runs" / "example" / "vgg-linear-1" / "model.keras"
    before = model.stat()
    assert "1 of them finished already" in shell(folder, "train.py", *SMALL).stdout
    assert model.stat() == before
    other = shell(
        folder, "train.py", *EXAMPLE, "--models", "vgg", "--seeds", 1, "--epochs", 3, check=False
    )
    refused(other, "vgg-linear-1", "batch_size 32", "128")


class Witness(keras.layers.Layer):
    """Passes spectra on and notes which ones it saw in training."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def call(self, x, training=False):
        if training:
            self.seen.append(keras.ops.convert_to_numpy(x)[:, :, 0].copy())
        return x


def seen_in_training(name, *data, epochs, **fit):
    """The training spectra in the order in which a model saw them, epoch by epoch."""
    spectra, witness = keras.Input((500, 1)), Witness()
    model = keras.Model(spectra, build(name, 500, 2)(witness(spectra)))
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(*data, epochs=epochs, verbose=0, **fit)
    return np.concatenate(witness.seen).reshape(epochs, -1, 500)


def test_all_models_see_the_same_order_and_every_epoch_another_one(example):
    data = dataset.load(example / "datasets", "example")
    batches = backend.Batches(data.x["train"], data.y["train"], 32, seed=3)
    order = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: batches.start_epoch(epoch)
    )
    fit = {"epochs": 3, "callbacks": [order], "shuffle": False}
    first, second = (seen_in_training(name, batches, **fit) for name in ("cnn_bn", "vgg"))
    assert np.array_equal(first, second)
    for epoch in range(3):
        expected = data.x["train"][dataset.epoch_order(len(data.x["train"]), 3, epoch)]
        assert np.array_equal(first[epoch], expected)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a trap of TensorFlow alone")
def test_keras_shuffles_arrays_alike_in_every_epoch(example):
    # why there are Batches; if this fails, Keras has mended it
    data = dataset.load(example / "datasets", "example")
    x, y = data.x["train"][..., None], data.y["train"]
    keras.utils.set_random_seed(0)
    first, second = seen_in_training("vgg", x, y, epochs=2, batch_size=32, shuffle=True)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, data.x["train"])


def test_the_protocol_lowers_the_rate_stops_and_keeps_the_best_weights(shell, example, tmp_path):
    # no validation loss can improve by 1e6: the rate falls after 2 epochs, training stops after 4
    flags = (
        "--models",
        "vgg",
        "--seeds",
        0,
        "--min-delta",
        1e6,
        "--wandb",
        "disabled",
        "--runs-dir",
        tmp_path,
    )
    shell(
        example,
        "train.py",
        *EXAMPLE,
        *flags,
        "--learning-rate-patience",
        2,
        "--stopping-patience",
        4,
    )
    run = tmp_path / "example" / "vgg-linear-0"
    assert [row["learning_rate"] for row in history(run)] == pytest.approx(
        [3e-4, 3e-4, 3e-4, 3e-5, 3e-5]
    )
    assert json.loads((run / "summary.json").read_text())["best_epoch"] == 1
    assert not (run / "wandb").exists()
    model = keras.models.load_model(run / "model.keras")
    model.compile(loss="sparse_categorical_crossentropy")
    data = dataset.load(example / "datasets", "example")
    loss = model.evaluate(data.x["val"][..., None], data.y["val"], verbose=0)
    assert loss == pytest.approx(history(run)[0]["val_loss"], rel=1e-5)


def test_hidden_activations_are_runs_and_a_model_without_hidden_layers_has_one(
    shell, example, tmp_path
):
    flags = (
        "--models",
        "resnet",
        "vgg",
        "--hidden-activations",
        "linear",
        "relu",
        "published",
        "--seeds",
        0,
    )
    small = ("--epochs", 1, "--wandb", "disabled", "--runs-dir", tmp_path)
    shell(example, "train.py", *EXAMPLE, *flags, *small)
    runs = sorted(path.name for path in (tmp_path / "example").iterdir())
    assert runs == ["resnet-none-0", "vgg-linear-0", "vgg-relu-0"]
    hidden = keras.models.load_model(tmp_path / "example" / "vgg-relu-0" / "model.keras").layers[-2]
    assert hidden.activation.__name__ == "relu"


def test_model_arguments_make_runs_of_their_own(shell, example, tmp_path):
    small = (
        *EXAMPLE,
        "--models",
        "vgg",
        "--seeds",
        0,
        "--epochs",
        1,
        "--wandb",
        "disabled",
        "--runs-dir",
        tmp_path,
    )
    small = (*small, "--precision", "mixed_bfloat16")
    shell(example, "train.py", *small, "--model-args", "dropout=0.5", "dense=[30,20]")
    (run,) = (tmp_path / "example").iterdir()
    assert run.name == "vgg-dense=[30,20]-dropout=0.5-linear-mixed_bfloat16-0"
    assert json.loads((run / "settings.json").read_text())["model_args"] == {
        "dropout": 0.5,
        "dense": [30, 20],
    }
    network = keras.models.load_model(run / "model.keras", compile=False)
    assert {layer.compute_dtype for layer in network.layers[1:-1]} == {"bfloat16"}
    assert (
        network.layers[-1].compute_dtype == network.layers[1].variable_dtype == "float32"
    )  # probabilities, weights
    again = shell(example, "train.py", *small, "--model-args", "dropout=0.5", "dense=[30,20]")
    assert "1 of them finished already" in again.stdout
    table = shell(
        example, "evaluate.py", *EXAMPLE, "--runs-dir", tmp_path, "--results-dir", tmp_path
    ).stdout
    assert "dense=[30,20] dropout=0.5" in table
    wrong = shell(example, "train.py", *small, "--model-args", "kernel=5", check=False)
    refused(wrong, "'kernel'", "kernel_size, conv_dropout, dense, dropout")


def test_mistakes_in_training_flags(shell, example, tmp_path):
    for flags, words in (
        (("--models", "cnn1"), ("cnn1", "cnn2, cnn3, cnn6")),
        (("--hidden-activations", "rule"), ("rule", "linear", "relu")),
        (("--epochs", 0), ("epochs", "0")),
        (("--datasets-dir", "nowhere"), ("nowhere", "spectra_from_config.py")),
    ):
        refused(
            shell(example, "train.py", *EXAMPLE, *flags, "--runs-dir", tmp_path, check=False),
            *words,
        )
    assert not list(tmp_path.iterdir())


def test_evaluation_and_figures(shell, trained):
    folder, _ = trained
    kinds = ("summary", "runs", "medians", "architectures", "confusions", "groups", "differences")
    table = shell(folder, "evaluate.py", *EXAMPLE, "--tables", *kinds).stdout
    assert "resnet_mod" in table and "Bayes-optimal" in table and "published" not in table
    with (folder / "output" / "results" / "example.csv").open() as file:
        (row,) = csv.DictReader(file)
    run = folder / "runs" / "example" / "vgg-linear-1"
    data = dataset.load(folder / "datasets", "example")
    predicted = (
        keras.models.load_model(run / "model.keras")
        .predict(data.x["test"][..., None], verbose=0)
        .argmax(axis=1)
    )
    wrong = int((predicted != data.y["test"]).sum())
    assert int(row["test_misclassified"]) == wrong
    assert float(row["test_accuracy"]) == pytest.approx(1 - wrong / 18)
    with np.load(run / "predictions.npz") as kept:
        assert np.array_equal(kept["test"], predicted)
        assert int(row["train_misclassified"]) == (kept["train"] != data.y["train"]).sum()
    assert "of 18 test spectra" in table
    shell(folder, "figures/plot_results.py", *EXAMPLE)
    shell(folder, "figures/plot_variation.py", *EXAMPLE, "--label", 1, "--peak", 1)
    for name in ("plot_results", "plot_variation"):
        picture = folder / "output" / "figures" / f"{name}.png"
        assert picture.read_bytes().startswith(b"\x89PNG")
    refused(
        shell(folder, "figures/plot_variation.py", *EXAMPLE, "--label", 2, check=False),
        "--label 2",
        "0 to 1",
    )
    refused(
        shell(
            folder, "figures/plot_variation.py", *EXAMPLE, "--label", 1, "--peak", 3, check=False
        ),
        "--peak 3",
    )


def test_evaluation_of_nothing_damage_and_other_arrays(shell, trained, tmp_path):
    folder, _ = trained
    refused(
        shell(folder, "evaluate.py", *EXAMPLE, "--runs-dir", tmp_path, check=False),
        "no finished run",
        "train.py",
    )
    refused(
        shell(tmp_path, "figures/plot_results.py", *EXAMPLE, check=False),
        "evaluate.py --config example",
    )
    refused(
        shell(tmp_path, "evaluate.py", *EXAMPLE, "--results-only", check=False),
        "results/example.csv",
        "no such",
    )
    shell(tmp_path, "spectra_from_config.py", *EXAMPLE, "--seed", 1)
    done = shell(tmp_path, "evaluate.py", *EXAMPLE, "--runs-dir", folder / "runs", check=False)
    refused(done, "vgg-linear-1", "other arrays")
    broken = tmp_path / "runs" / "example" / "broken"
    broken.mkdir(parents=True)
    (broken / "settings.json").write_text("{")
    refused(
        shell(tmp_path, "evaluate.py", *EXAMPLE, check=False), "broken/settings.json", "not JSON"
    )


def test_the_experiment_of_an_image_is_training_evaluation_and_figure(process, example, tmp_path):
    shown = process(
        tmp_path,
        "docker/experiment.py",
        *SMALL,
        "--datasets-dir",
        example / "datasets",
        "--wandb",
        "disabled",
    )
    assert "of 18 test spectra" in shown.stdout
    assert (tmp_path / "results" / "example.csv").is_file()
    assert (tmp_path / "figures" / "plot_results.png").is_file()
    assert [path.name for path in (tmp_path / "runs" / "example").iterdir()] == ["vgg-linear-1"]
    made = sorted(path.name for path in (tmp_path / "runs" / "example" / "vgg-linear-1").iterdir())
    assert made == [
        "history.csv",
        "lock",
        "model.keras",
        "predictions.npz",
        "settings.json",
        "summary.json",
    ]


def test_termination_is_no_fault(example, tmp_path):
    flags = (
        *EXAMPLE,
        "--models",
        "vgg",
        "--seeds",
        0,
        "--wandb",
        "disabled",
        "--runs-dir",
        tmp_path,
    )
    command = [sys.executable, ROOT / "train.py", *map(str, flags)]
    with subprocess.Popen(
        command, cwd=example, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as training:
        while "epoch 1" not in training.stdout.readline():
            pass
        training.terminate()
        _, complaint = training.communicate(timeout=60)
    assert training.returncode == 143
    assert complaint.startswith("stopped in epoch ")


def test_help_names_every_setting(shell, tmp_path):
    for script in (
        "dataset_config_generator.py",
        "spectra_from_config.py",
        "train.py",
        "evaluate.py",
    ):
        text = shell(tmp_path, script, "--help").stdout
        assert "--seed" in text or script == "evaluate.py"
        assert "usage" in text
    assert not list(tmp_path.iterdir())

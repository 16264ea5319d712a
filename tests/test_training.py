"""Training: which runs a command means, what the protocol promises, what a run leaves."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import EXAMPLE, history, outcome, refused

import train
from model_implementations import build
from synthetic_spectra.analysis import results
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training import plan
from synthetic_spectra.training.batches import Batches, StartOfEpoch, epoch_order
from synthetic_spectra.training.outcome import outcome as outcome_of
from synthetic_spectra.training.run import Identity

SMALL = (
    *EXAMPLE, "--models", "cnn2", "--model-args", "dense=[16]", "--seeds", 1, "--epochs", 2,
    "--batch-size", 32, "--wandb", "disabled",
)  # fmt: skip
NAME = "cnn2-dense=[16]-linear-1"


@pytest.fixture(scope="module")
def trained(process, example):
    """The folder of the example after one small run; and the notices of that run."""
    done = process(example, "train.py", *SMALL)
    return example, done.stderr


# which runs a command means


def names(**settings):
    """Names of the run folders that settings of train.py ask for."""
    return [identity.folder_name for identity in plan.identities(train.Settings(**settings))]


def test_runs_are_those_of_every_model_activation_and_seed():
    assert names(models=("vgg", "cnn2"), seeds=(0, 7)) == [
        "vgg-linear-0", "vgg-linear-7", "cnn2-linear-0", "cnn2-linear-7",
    ]  # fmt: skip
    assert len(names()) == 40


def test_an_activation_is_a_run_once_and_a_model_without_hidden_layers_has_one():
    activations = ("linear", "relu", "published")
    asked = {"models": ("resnet", "vgg"), "hidden_activations": activations, "seeds": (0,)}
    assert names(**asked) == ["resnet-none-0", "vgg-linear-0", "vgg-relu-0"]


def test_choices_are_in_the_name_of_a_run():
    one = {"models": ("vgg",), "seeds": (0,)}
    for settings, expected in (
        (
            {"model_args": ("dropout=0.5", "dense=[30,20]")},
            "vgg-dense=[30,20]-dropout=0.5-linear-0",
        ),
        ({"online": True}, "vgg-linear-online-0"),
        ({"ema_momentum": 0.99}, "vgg-linear-ema_momentum=0.99-0"),
        ({"precision": "mixed_bfloat16"}, "vgg-linear-mixed_bfloat16-0"),
        (
            {"online": True, "ema_momentum": 0.9, "precision": "mixed_bfloat16"},
            "vgg-linear-online-ema_momentum=0.9-mixed_bfloat16-0",
        ),
    ):
        assert names(**one, **settings) == [expected]


def test_unknown_models_arguments_and_activations_are_refused():
    for settings, words in (
        ({"models": ("cnn1",)}, "cnn1.*cnn2, cnn3, cnn6"),
        ({"hidden_activations": ("rule",)}, "rule.*published, .*linear, .*relu"),
        ({"models": ("vgg",), "model_args": ("kernel=5",)}, "kernel.*kernel_size, .*conv_dropout"),
        ({"model_args": ("dropout",)}, "dropout.*name=value"),
        ({"models": ("resnet",), "model_args": ("first_activation=../x",)}, "not the name of a f"),
        ({"models": ("vgg",), "model_args": (f"dense={[10] * 99}",)}, "not the name of a folder"),
    ):
        with pytest.raises(InputError, match=words):
            names(**settings)


def test_an_identity_is_the_same_in_settings_and_in_a_table():
    identity = Identity("vgg", "relu", {"dense": [30], "rate": 0.5, "kind": "a b"}, online=True)
    columns = identity.columns()
    assert tuple(columns) == Identity.COLUMNS
    assert columns["model_args"] == 'dense=[30] kind="a b" rate=0.5'
    assert Identity.from_columns(columns) == identity
    assert Identity.from_settings(json.loads(json.dumps(identity.settings()))) == identity
    # an older run does not name what came later, and a table leaves cells empty
    assert Identity.from_settings({"model": "vgg", "hidden_activation": "relu"}).precision
    row = {"model": "vgg", "hidden_activation": "relu", "model_args": float("nan")}
    assert Identity.from_columns(row).label == "vgg relu"
    assert identity.label == 'vgg dense=[30] kind="a b" rate=0.5 relu online'
    with pytest.raises(InputError, match="hidden_activation"):
        Identity.from_settings({"model": "vgg"})


def test_the_published_table_of_results_names_identities():
    table = results.Results(results.RECORD, "challenge").runs
    columns = list(Identity.COLUMNS)
    for row in table[columns].to_dict("records"):
        assert list(Identity.from_columns(row).columns().values()) == list(row.values())


# what the protocol promises


def test_same_command_gives_the_same_weights_and_history_to_the_bit(shell, trained, tmp_path):
    folder, _ = trained
    shell(folder, "train.py", *SMALL, "--runs-dir", tmp_path)
    first = outcome(folder / "runs" / "example" / NAME)
    assert first == outcome(tmp_path / "example" / NAME)
    assert len(first["history"]) == 2


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
    model = keras.Model(spectra, build(name, 500, 2, dense=(16,))(witness(spectra)))
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(*data, epochs=epochs, verbose=0, **fit)
    return np.concatenate(witness.seen).reshape(epochs, -1, 500)


def test_all_models_see_the_same_order_and_every_epoch_another_one(example):
    data = dataset.load(example / "datasets", "example")
    batches = Batches(data.x["train"], data.y["train"], 50, seed=3)
    fit = {"epochs": 3, "callbacks": [StartOfEpoch(batches)], "shuffle": False}
    first, second = (seen_in_training(name, batches, **fit) for name in ("cnn2", "vgg"))
    assert np.array_equal(first, second)
    for epoch in range(3):
        expected = data.x["train"][epoch_order(len(data.x["train"]), 3, epoch)]
        assert np.array_equal(first[epoch], expected)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a trap of TensorFlow alone")
def test_keras_shuffles_arrays_alike_in_every_epoch(example):
    # why there are Batches; if this fails, Keras has mended it
    data = dataset.load(example / "datasets", "example")
    x, y = data.x["train"][..., None], data.y["train"]
    keras.utils.set_random_seed(0)
    first, second = seen_in_training("cnn2", x, y, epochs=2, batch_size=50, shuffle=True)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, data.x["train"])


def test_the_protocol_lowers_the_rate_stops_and_keeps_the_best_weights(shell, example, tmp_path):
    # no validation loss can improve by 1e6: the rate falls after 2 epochs, training stops after 4
    flags = ("--min-delta", 1e6, "--learning-rate-patience", 2, "--stopping-patience", 4)
    shell(example, "train.py", *SMALL, "--epochs", 500, *flags, "--runs-dir", tmp_path)
    run = tmp_path / "example" / NAME
    rates = [row["learning_rate"] for row in history(run)]
    assert rates == pytest.approx([3e-4, 3e-4, 3e-4, 3e-5, 3e-5])
    assert json.loads((run / "summary.json").read_text())["best_epoch"] == 1
    assert not (run / "wandb").exists()
    model = keras.models.load_model(run / "model.keras")
    model.compile(loss="sparse_categorical_crossentropy")
    data = dataset.load(example / "datasets", "example")
    loss = model.evaluate(data.x["val"][..., None], data.y["val"], verbose=0)
    assert loss == pytest.approx(history(run)[0]["val_loss"], rel=1e-5)


def test_converged_means_better_than_always_the_most_frequent_class():
    balanced, unbalanced = np.repeat([0, 1], 500), np.repeat([0, 1], [900, 100])
    assert outcome_of(0.9, balanced) == "converged"
    assert outcome_of(0.5, balanced) == outcome_of(0.9, unbalanced) == "not converged"
    assert outcome_of(0.94, unbalanced) == "converged"


# what a run leaves


def test_run_folder_tells_what_was_run(trained):
    folder, notices = trained
    run = folder / "runs" / "example" / NAME
    settings = json.loads((run / "settings.json").read_text())
    asked = {
        "config": "example", "model": "cnn2", "model_args": {"dense": [16]},
        "hidden_activation": "linear", "seed": 1, "epochs": 2, "batch_size": 32,
    }  # fmt: skip
    assert settings.items() >= asked.items()
    assert settings["learning_rate"] == 3e-4
    assert settings["dataset_checksum"] == dataset.load(folder / "datasets", "example").checksum
    assert settings["versions"].keys() >= {"python", "keras", "numpy"}
    summary = json.loads((run / "summary.json").read_text())
    assert summary["trained_epochs"] == 2
    assert summary["parameters"] == build("cnn2", 500, 2, dense=(16,)).count_params()
    assert history(run)[0].keys() == {
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate",
    }  # fmt: skip
    assert "epoch 2: loss" in notices
    assert sorted(path.name for path in run.iterdir()) == [
        "history.csv", "lock", "model.keras", "predictions.npz", "settings.json", "summary.json",
    ]  # fmt: skip


def test_a_finished_run_is_skipped_and_never_mixed_with_other_settings(shell, trained):
    folder, _ = trained
    model = folder / "runs" / "example" / NAME / "model.keras"
    before = model.stat()
    done = shell(folder, "train.py", *SMALL)
    assert "1 of 1 runs finished already" in done.stderr
    assert "not converged" in done.stdout
    assert model.stat() == before
    other = shell(folder, "train.py", *SMALL, "--batch-size", 128, check=False)
    refused(other, NAME, "batch_size 32", "128")


def test_a_run_is_trained_with_its_choices(shell, example, tmp_path):
    choices = ("--model-args", "dropout=0.5", "dense=[30,20]", "--hidden-activations", "relu")
    flags = (*SMALL, *choices, "--precision", "mixed_bfloat16", "--runs-dir", tmp_path)
    shell(example, "train.py", *flags, "--epochs", 1)
    run = tmp_path / "example" / "cnn2-dense=[30,20]-dropout=0.5-relu-mixed_bfloat16-1"
    settings = json.loads((run / "settings.json").read_text())
    assert settings["model_args"] == {"dropout": 0.5, "dense": [30, 20]}
    network = keras.models.load_model(run / "model.keras", compile=False)
    dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in dense] == [30, 20, 2]
    assert dense[0].activation.__name__ == "relu"
    assert {layer.compute_dtype for layer in network.layers[1:-1]} == {"bfloat16"}
    # probabilities, weights
    assert network.layers[-1].compute_dtype == dense[0].variable_dtype == "float32"


def test_mistakes_in_training_flags(shell, example, tmp_path):
    for flags, words in (
        (("--models", "cnn1"), ("cnn1", "cnn2, cnn3, cnn6")),
        (("--epochs", 0), ("epochs", "0")),
        (("--datasets-dir", "nowhere"), ("nowhere", "spectra_from_config.py")),
    ):
        done = shell(example, "train.py", *SMALL, *flags, "--runs-dir", tmp_path, check=False)
        refused(done, *words)
    assert not list(tmp_path.iterdir())


def test_evaluation_counts_what_the_saved_model_misclassifies(shell, trained):
    folder, _ = trained
    kinds = ("summary", "runs", "medians", "confusions", "groups", "differences")
    table = shell(folder, "evaluate.py", *EXAMPLE, "--tables", *kinds).stdout
    assert "Bayes-optimal" in table and "published" not in table and "of 18 test spectra" in table
    row = pd.read_csv(folder / "output" / "results" / "example.csv").iloc[0]
    assert row.model_args == "dense=[16]"
    run = folder / "runs" / "example" / NAME
    data = dataset.load(folder / "datasets", "example")
    model = keras.models.load_model(run / "model.keras")
    predicted = model.predict(data.x["test"][..., None], verbose=0).argmax(axis=1)
    wrong = (predicted != data.y["test"]).sum()
    assert row.test_misclassified == wrong
    assert row.test_accuracy == pytest.approx(1 - wrong / 18)
    with np.load(run / "predictions.npz") as kept:
        assert np.array_equal(kept["test"], predicted)
        assert row.train_misclassified == (kept["train"] != data.y["train"]).sum()


def test_evaluation_of_nothing_damage_and_other_arrays(shell, trained, tmp_path):
    folder, _ = trained
    nothing = shell(folder, "evaluate.py", *EXAMPLE, "--runs-dir", tmp_path, check=False)
    refused(nothing, "no finished run", f"train.py --config example --runs-dir {tmp_path}")
    shell(tmp_path, "spectra_from_config.py", *EXAMPLE, "--seed", 1)
    done = shell(tmp_path, "evaluate.py", *EXAMPLE, "--runs-dir", folder / "runs", check=False)
    refused(done, NAME, "other arrays")
    broken = tmp_path / "runs" / "example" / "broken"
    broken.mkdir(parents=True)
    for content, words in (("{", "not JSON"), ("{}", "'model' is missing")):
        (broken / "settings.json").write_text(content)
        done = shell(tmp_path, "evaluate.py", *EXAMPLE, check=False)
        refused(done, "broken/settings.json", words)


def test_the_experiment_of_an_image_is_training_evaluation_and_figure(shell, trained, tmp_path):
    folder, _ = trained
    places = ("--datasets-dir", folder / "datasets", "--runs-dir", folder / "runs")
    shown = shell(tmp_path, "docker/experiment.py", *SMALL, *places)
    assert "1 of 1 runs finished already" in shown.stderr
    assert "of 18 test spectra" in shown.stdout
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert made >= {"results/example.csv", "figures/plot_results.png"}
    assert {name.partition("/")[0] for name in made} == {"results", "figures"}

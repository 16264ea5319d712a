"""Training on spectra that are drawn anew for every epoch, on both backends."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, refused
from test_faults import EXAMPLE, outcome

from synthetic_spectra.common.backend import keras
from synthetic_spectra.spectra import dataset, sources

TRAINS = """
from dataclasses import replace
from pathlib import Path

import train

run = train.Settings(
    config=CONFIG, models=("blurred_areas",), model_args=("dropout=0.2",), online=True, ema_momentum=0.9, seeds=(2,),
    epochs=3, batch_size=25, wandb="disabled",
)
for changes in (
    {"runs_dir": Path("whole")},
    {"runs_dir": Path("pieces"), "time_budget": 0.1},
    {"runs_dir": Path("pieces")},
    {"runs_dir": Path("pieces"), "online": False},
):
    train.main(replace(run, **changes, datasets_dir=Path(DATASETS)))
"""
NAME = "blurred_areas-dropout=0.2-relu-online-ema_momentum=0.9-2"


AVERAGED = """
import numpy as np
from synthetic_spectra.common.backend import Batches, keras
from synthetic_spectra.training.fast_layers import Adam
from train import Averages


class Watch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        seen.append(self.model.get_weights())

    def on_epoch_begin(self, epoch, logs=None):
        begun.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        averaged.append(self.model.get_weights())


seen, begun, averaged = [], [], []
rng = np.random.default_rng(0)
x, y = rng.normal(size=(50, 4)).astype("float32"), rng.integers(0, 3, 50)
model = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
model.compile(Adam(0.1, use_ema=True, ema_momentum=0.8), "sparse_categorical_crossentropy")
# in JAX the weights of a model are old while it trains: an epoch is one batch
batches = Batches(x, y, 50)
calls = [Averages(in_model=False), Watch()]
model.fit(batches, epochs=4, validation_data=Batches(x, y, 50), shuffle=False, callbacks=calls, verbose=0)
trained = [*begun[1:], None]
expected = begun[1]
for epoch in range(4):
    if epoch and trained[epoch]:
        expected = [0.8 * before + 0.2 * now for before, now in zip(expected, trained[epoch])]
    if trained[epoch]:
        for ours, theirs in zip(averaged[epoch], expected):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
assert not np.array_equal(begun[2][0], averaged[1][0])
print("averaged")
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_averages_are_validated_and_kept_and_the_weights_trained_on(backend):
    pytest.importorskip(backend, reason="pip install -r requirements-optional.txt")
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", AVERAGED], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "averaged", done.stderr


def test_seed_and_epoch_alone_decide_the_spectra(example):
    data = dataset.load(example / "datasets", "example")
    drawn = {key: sources.fresh(data.definitions, *key) for key in ((0, 0), (0, 1), (1, 0))}
    for key, (x, y) in drawn.items():
        again, _ = sources.fresh(data.definitions, *key)
        assert np.array_equal(x, again)
        assert np.array_equal(y, data.y["train"])
        assert (x.dtype, x.shape) == (data.x["train"].dtype, data.x["train"].shape)
        assert (x.max(axis=1) == 1).all()
        for other in (
            data.x["train"],
            *(others for name, (others, _) in drawn.items() if name != key),
        ):
            assert not (x == other).all(axis=1).any()
    # as far from its class as the fixed ones: the mean of each class is the same but for the noise
    for label in (0, 1):
        means = [spectra[y == label].mean(axis=0) for spectra in (x, data.x["train"])]
        assert np.corrcoef(*means)[0, 1] > 0.5


SEEN = """
import numpy as np
from synthetic_spectra.common.backend import Batches, keras, prepare

prepare("float32")


class Seen(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        batches.start_epoch(epoch)

    def on_train_batch_end(self, batch, logs=None):
        print(float(logs["loss"]))


model = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("sgd", lambda y, outputs: keras.ops.mean(keras.ops.cast(y, "float32")) + 0 * keras.ops.mean(outputs))
batches = Batches(np.zeros((50, 4), "float32"), np.arange(50), 10, seed=3)
for first in (0, 5):
    model.fit(batches, initial_epoch=first, epochs=first + 2, shuffle=False, callbacks=[Seen()], verbose=0)
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_network_sees_the_order_of_each_epoch_from_its_first_batch(backend):
    """Keras looks at a batch before the first epoch begins, and may prepare more: those must not
    stay."""
    pytest.importorskip(backend, reason="pip install -r requirements-optional.txt")
    command = [sys.executable, "-c", SEEN]
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    expected = []
    for epoch in (0, 1, 5, 6):
        means = dataset.epoch_order(50, 3, epoch).reshape(5, 10).mean(axis=1)
        expected += [
            means[: i + 1].mean() for i in range(5)
        ]  # Keras shows the mean since the epoch began
    assert [float(mean) for mean in done.stdout.split()] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_an_online_run_is_reproducible_and_goes_on_to_the_bit(shell, example, tmp_path, backend):
    pytest.importorskip(backend, reason="pip install -r requirements-optional.txt")
    code = TRAINS.replace("CONFIG", repr(str(EXAMPLE[1]))).replace(
        "DATASETS", repr(str(example / "datasets"))
    )
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "the time budget of 0.1 s is used" in done.stdout
    assert "continues after epoch 1" in done.stdout
    whole = outcome(tmp_path / "whole" / "example" / NAME)
    assert outcome(tmp_path / "pieces" / "example" / NAME) == whole
    # a run of its own beside one with the spectra of the dataset
    other = outcome(tmp_path / "pieces" / "example" / NAME.replace("online-", ""))
    assert other["history"][0] != whole["history"][0]
    if backend != keras.backend.backend():  # what follows does not depend on it
        return
    arguments = (
        *EXAMPLE,
        "--runs-dir",
        tmp_path / "pieces",
        "--results-dir",
        tmp_path,
        "--wandb",
        "disabled",
    )
    table = shell(example, "evaluate.py", *arguments).stdout
    assert "online" in table
    with (tmp_path / "example.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["online"], row["ema_momentum"]) for row in rows] == [
        ("False", "0.9"),
        ("True", "0.9"),
    ]
    # rows of models whose runs are elsewhere stay with --keep, and only then
    written = {file.name: file.read_text() for file in tmp_path.glob("*.csv")}
    (tmp_path / "pieces" / "example" / NAME).rename(tmp_path / "elsewhere")
    shell(example, "evaluate.py", *arguments, "--keep")
    assert {file.name: file.read_text() for file in tmp_path.glob("*.csv")} == written
    shell(example, "evaluate.py", *arguments)
    assert len((tmp_path / "example.csv").read_text().splitlines()) == 2
    (tmp_path / "example.csv").write_text(
        written["example.csv"].replace(rows[0]["dataset_checksum"], "0" * 64)
    )
    refused(
        shell(example, "evaluate.py", *arguments, "--keep", check=False),
        "example.csv",
        "other arrays",
        "--keep",
    )
    (tmp_path / "example.csv").write_text(written["example.csv"])
    shell(
        example,
        "figures/plot_results.py",
        *EXAMPLE,
        "--results-dir",
        tmp_path,
        "--output",
        tmp_path / "figure.png",
    )

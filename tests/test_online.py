"""Training on spectra that are drawn anew for every epoch, and with moving averages of the weights.

The tests of this module run on JAX too: see the last one.
"""

import numpy as np
import pandas as pd
import pytest
from conftest import EXAMPLE, outcome, refused

from synthetic_spectra.common.backend import keras
from synthetic_spectra.spectra import dataset, sources
from synthetic_spectra.training.batches import Batches, StartOfEpoch, epoch_order
from synthetic_spectra.training.callbacks import MovingAverages
from synthetic_spectra.training.fast_layers import Adam

ONLINE = (
    *EXAMPLE, "--models", "blurred_areas", "--model-args", "dropout=0.2", "--online",
    "--ema-momentum", 0.9, "--seeds", 2, "--epochs", 3, "--batch-size", 25, "--wandb", "disabled",
)  # fmt: skip
NAME = "blurred_areas-dropout=0.2-relu-online-ema_momentum=0.9-2"


def small_network(*top):
    return keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), *top])


class Watch(keras.callbacks.Callback):
    """Notes the weights of the model at the begin and at the end of every epoch."""

    def __init__(self):
        super().__init__()
        self.begun, self.ended = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.ended.append(self.model.get_weights())


def test_averages_are_validated_and_kept_and_the_weights_trained_on():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 4)).astype("float32"), rng.integers(0, 3, 50)
    model = small_network(keras.layers.Dense(3, "softmax"))
    optimizer = Adam(0.1, use_ema=True, ema_momentum=0.8)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    # in JAX the weights of a model are old while it trains: an epoch is one batch
    batches, watch = Batches(x, y, 50), Watch()
    model.fit(
        batches,
        epochs=4,
        validation_data=batches,
        shuffle=False,
        callbacks=[MovingAverages(in_model=False), watch],
        verbose=0,
    )
    # the trained weights of an epoch are those with which the next one begins
    expected = watch.begun[1]
    for trained, averaged in zip(watch.begun[1:], watch.ended, strict=False):
        expected = [0.8 * before + 0.2 * now for before, now in zip(expected, trained, strict=True)]
        for ours, theirs in zip(averaged, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(watch.begun[2][0], watch.ended[1][0])


def test_seed_and_epoch_alone_decide_the_spectra(example):
    data = dataset.load(example / "datasets", "example")
    drawn = {key: sources.fresh(data.definitions, *key) for key in ((0, 0), (0, 1), (1, 0))}
    for key, (x, y) in drawn.items():
        again, _ = sources.fresh(data.definitions, *key)
        assert np.array_equal(x, again)
        assert np.array_equal(y, data.y["train"])
        assert (x.dtype, x.shape) == (data.x["train"].dtype, data.x["train"].shape)
        assert (x.max(axis=1) == 1).all()
        others = (other for name, (other, _) in drawn.items() if name != key)
        for other in (data.x["train"], *others):
            assert not (x == other).all(axis=1).any()
    # as far from its class as the fixed ones: the mean of each class is the same but for the noise
    for label in (0, 1):
        means = [spectra[y == label].mean(axis=0) for spectra in (x, data.x["train"])]
        assert np.corrcoef(*means)[0, 1] > 0.5


def test_the_network_sees_the_order_of_each_epoch_from_its_first_batch():
    """Keras looks at a batch before the first epoch begins, and may prepare more: those must not
    stay."""
    seen = []

    def mean_label(y, outputs):
        return keras.ops.mean(keras.ops.cast(y, "float32")) + 0 * keras.ops.mean(outputs)

    model = small_network(keras.layers.Dense(1))
    model.compile("sgd", mean_label)
    batches = Batches(np.zeros((50, 4), "float32"), np.arange(50), 10, seed=3)
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(float(logs["loss"]))
    )
    for first in (0, 5):
        model.fit(
            batches,
            initial_epoch=first,
            epochs=first + 2,
            shuffle=False,
            callbacks=[StartOfEpoch(batches), note],
            verbose=0,
        )
    expected = []
    for epoch in (0, 1, 5, 6):
        means = epoch_order(50, 3, epoch).reshape(5, 10).mean(axis=1)
        # Keras shows the mean since the epoch began
        expected += [means[: i + 1].mean() for i in range(5)]
    assert seen == pytest.approx(expected, rel=1e-5)


@pytest.fixture(scope="module")
def pieces(shell, example, tmp_path_factory):
    """The runs folder of an online run that was trained in two pieces, and of one with the spectra
    of the dataset."""
    folder = tmp_path_factory.mktemp("pieces")
    flags = (*ONLINE, "--runs-dir", folder)
    done = shell(example, "train.py", *flags, "--time-budget", 0.1)
    assert "the time budget is used" in done.stderr
    assert "continues after epoch 1" in shell(example, "train.py", *flags).stderr
    shell(example, "train.py", *flags, "--no-online", "--epochs", 1)
    return folder


def test_an_online_run_is_reproducible_and_continues_to_the_bit(shell, example, tmp_path, pieces):
    shell(example, "train.py", *ONLINE, "--runs-dir", tmp_path)
    whole = outcome(tmp_path / "example" / NAME)
    assert outcome(pieces / "example" / NAME) == whole
    # a run of its own beside one with the spectra of the dataset
    other = outcome(pieces / "example" / NAME.replace("online-", ""))
    assert other["history"][0] != whole["history"][0]


def test_online_runs_have_rows_of_their_own_which_stay_where_the_runs_are_elsewhere(
    shell, example, tmp_path, pieces
):
    table = tmp_path / "example.csv"
    flags = (
        *EXAMPLE, "--runs-dir", pieces, "--results-dir", tmp_path, "--wandb", "disabled", "--mixed",
    )  # fmt: skip
    assert "online" in shell(example, "evaluate.py", *flags).stdout
    rows = pd.read_csv(table)
    assert list(zip(rows.online, rows.ema_momentum, strict=True)) == [(False, 0.9), (True, 0.9)]

    # rows of models whose runs are elsewhere stay with --keep, and only then
    written = {file.name: file.read_text() for file in tmp_path.glob("*.csv")}
    (pieces / "example" / NAME).rename(tmp_path / "elsewhere")
    shell(example, "evaluate.py", *flags, "--keep")
    assert {file.name: file.read_text() for file in tmp_path.glob("*.csv")} == written
    shell(example, "evaluate.py", *flags)
    assert len(table.read_text().splitlines()) == 2
    table.write_text(written[table.name].replace(rows.dataset_checksum[0], "0" * 64))
    done = shell(example, "evaluate.py", *flags, "--keep", check=False)
    refused(done, "example.csv", "other arrays", "--keep")


@pytest.mark.slow
def test_the_same_on_jax(passes_on_jax):
    passes_on_jax(__file__, words=("validated", "decide", "sees_the_order", "to_the_bit"))

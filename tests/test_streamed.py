"""Training on an endless stream of spectra that threads draw batch by batch.

The tests of this module run on JAX too: see the last one.
"""

import csv
import gc
import threading
import time
import weakref
from contextlib import closing
from math import ceil

import numpy as np
import pytest
from conftest import EXAMPLE, outcome

from synthetic_spectra.common.backend import keras
from synthetic_spectra.spectra import dataset, kinds, sources
from synthetic_spectra.spectra.peaks import PeakSource
from synthetic_spectra.training.batches import Batches, StartOfEpoch, probabilities_of
from synthetic_spectra.training.callbacks import Halving
from synthetic_spectra.training.streamed import StreamedBatches, Waiting

NAME = "blurred_areas-dropout=0.2-relu-online-2"
TRAINED = (
    *EXAMPLE, "--models", "blurred_areas", "--model-args", "dropout=0.2", "--online", "--seeds", 2,
    "--epochs", 3, "--batch-size", 9, "--halve-every", 2, "--wandb", "disabled",
)  # fmt: skip


class Stream(PeakSource):
    """The spectra of the example, each drawn alone, class by class."""

    spectra_per_epoch = 40

    def batch(self, seed, epoch, start, end):
        alone = PeakSource(self.definitions.changed(n_train=1))
        classes = self.definitions.n_classes
        x, y = [], []
        for k in range(start, end):
            drawn = list(alone.draw(("train",), key=(seed, epoch, k // classes)))
            _, spectra, labels = drawn[k % classes]
            x.append(spectra / spectra.max())
            y.append(labels)
        return np.concatenate(x).astype("float32"), np.concatenate(y)


def numbered(epoch, start, end):
    """As spectra and as labels the place of each spectrum in the stream, 50 in an epoch."""
    places = 50 * epoch + np.arange(start, end)
    return np.repeat(places[:, None].astype("float32"), 4, axis=1), places


def test_batches_are_those_of_the_stream_in_any_order_and_by_any_number_of_threads():
    drawn, lock = [], threading.Lock()

    def draw(epoch, start, end):
        # later batches are done first
        time.sleep(0.002 * ((7 * start) % 3))
        with lock:
            drawn.append((epoch, start))
        return numbered(epoch, start, end)

    for threads, at_once in ((1, 1), (3, 1), (2, 3), (1, 9)):
        batches = StreamedBatches(draw, 50, 8, threads, at_once)
        drawn.clear()
        for epoch in (0, 1, 5):
            batches.start_epoch(epoch)
            # two workers of Keras may change places, and it looks at the first batches twice
            for i in (0, 1, 0, 2, 1, 4, 3, 6, 5):
                x, y = batches[i]
                expected = 50 * epoch + np.arange(8 * i, min(8 * i + 8, 50))
                assert np.array_equal(y, expected)
                assert np.array_equal(x[:, 0, 0], expected)
                assert len(batches.drawn) <= batches.ahead + ceil(3 / at_once)
        assert len(batches) == 7
        batches.close()
        batches.threads.shutdown(wait=True)
        # 7 batches in an epoch, those ahead of its end, and nothing twice
        assert 3 * ceil(7 / at_once) <= len(drawn) <= 3 * ceil(7 / at_once) + 2 * batches.ahead
        assert len(set(drawn)) == len(drawn)


def test_a_batch_that_is_asked_for_late_is_not_cancelled():
    def slowly(epoch, start, end):
        time.sleep(0.05)
        return numbered(epoch, start, end)

    batches, came = StreamedBatches(slowly, 50, 1), []
    # one worker of Keras has taken the first number and comes after the other one
    assert [batches[i][1][0] for i in (1, 2)] == [1, 2]
    late = threading.Thread(target=lambda: came.append(batches[0][1][0]))
    late.start()
    while 0 not in batches.drawn:
        time.sleep(0.001)
    assert batches[3][1][0] == 3
    late.join()
    batches.close()
    assert came == [0]


@pytest.mark.parametrize("streamed", [False, True])
def test_what_draws_is_let_go_of_when_a_training_ends(streamed):
    class Source:
        def epoch(self, epoch):
            return numbered(epoch, 0, 50)

        def batch(self, epoch, start, end):
            return numbered(epoch, start, end)

    source = Source()
    gone = weakref.ref(source)
    if streamed:
        batches = StreamedBatches(source.batch, 50, 10)
        callback, threads = Waiting(batches), batches.threads
    else:
        batches = Batches(*numbered(0, 0, 50), 10, seed=0, draw=source.epoch)
        callback, threads = StartOfEpoch(batches), batches.thread
    model = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with closing(batches):
        model.fit(batches, epochs=2, shuffle=False, callbacks=[callback], verbose=0)
    # TensorFlow holds the batches on, but no spectra
    threads.shutdown(wait=True)
    del source
    gc.collect()
    assert gone() is None and not (batches.drawn if streamed else batches.drawn_ahead)


def test_arrays_are_let_go_of_after_training_and_prediction():
    x, y = numbered(0, 0, 50)
    gone = weakref.ref(x)
    model = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with closing(Batches(x, y, 10, seed=0)) as batches, closing(Batches(x, y, 20)) as validation:
        model.fit(
            batches,
            epochs=2,
            shuffle=False,
            validation_data=validation,
            callbacks=[StartOfEpoch(batches)],
            verbose=0,
        )
    assert probabilities_of(model, x, y).shape == (50, 1)
    del x
    gc.collect()
    assert gone() is None


def test_training_sees_the_stream_from_the_batch_where_it_goes_on():
    seen = []

    def mean_label(y, outputs):
        return keras.ops.mean(keras.ops.cast(y, "float32")) + 0 * keras.ops.mean(outputs)

    model = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", mean_label)
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(float(logs["loss"]))
    )
    for first in (0, 5):
        batches = StreamedBatches(numbered, 50, 10, threads=2, at_once=2)
        model.fit(
            batches,
            initial_epoch=first,
            epochs=first + 2,
            shuffle=False,
            callbacks=[Waiting(batches), note],
            verbose=0,
        )
    expected = []
    for epoch in (0, 1, 5, 6):
        means = 50 * epoch + 4.5 + 10 * np.arange(5)
        # Keras shows the mean since the epoch began
        expected += [means[: i + 1].mean() for i in range(5)]
    assert seen == pytest.approx(expected, rel=1e-5)


def test_waiting_for_a_slow_stream_is_noted():
    waited = []

    def slowly(epoch, start, end):
        time.sleep(0.05)
        return numbered(epoch, start, end)

    model = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = StreamedBatches(slowly, 50, 2)
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: waited.append(logs["waiting_seconds"])
    )
    callbacks = [Waiting(batches), note]
    model.fit(batches, epochs=2, shuffle=False, callbacks=callbacks, verbose=0)
    assert all(seconds > 0.05 for seconds in waited)


def test_the_learning_rate_is_halved_and_recorded():
    rates = []
    model = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.5), "mse")
    x, y = np.zeros((4, 4), "float32"), np.zeros(4)
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(logs["learning_rate"])
    )
    for first, last in ((0, 3), (3, 6)):
        callbacks = [Halving(0.5, 2), note]
        model.fit(x, y, initial_epoch=first, epochs=last, callbacks=callbacks, verbose=0)
    assert rates == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


@pytest.fixture
def streamed(monkeypatch):
    """The kind of the example draws spectra one by one."""
    monkeypatch.setitem(kinds.SOURCES, "peaks", Stream)


@pytest.mark.slow
def test_a_run_on_a_stream_continues_to_the_bit_with_another_number_of_threads(
    shell, example, tmp_path, streamed
):
    definitions = dataset.load(example / "datasets", "example").definitions
    assert isinstance(sources.stream(definitions), Stream)
    done = shell(
        example, "train.py", *TRAINED, "--runs-dir", tmp_path / "pieces", "--time-budget", 0.1
    )
    assert "the time budget is used" in done.stderr
    assert "waiting_seconds" in done.stderr
    threads = "--drawing-threads", 3
    done = shell(example, "train.py", *TRAINED, *threads, "--runs-dir", tmp_path / "pieces")
    assert "continues after epoch 1" in done.stderr
    shell(example, "train.py", *TRAINED, "--runs-dir", tmp_path / "whole")
    whole = outcome(tmp_path / "whole" / "example" / NAME)
    assert outcome(tmp_path / "pieces" / "example" / NAME) == whole
    rates = [row["learning_rate"] for row in whole["history"]]
    assert rates == pytest.approx([3e-4, 3e-4, 1.5e-4])
    with (tmp_path / "whole" / "example" / NAME / "history.csv").open() as file:
        assert all(float(row["waiting_seconds"]) >= 0 for row in csv.DictReader(file))


def test_spectra_of_a_dataset_and_epochs_drawn_whole_know_no_waiting(example):
    assert sources.stream(dataset.load(example / "datasets", "example").definitions) is None


@pytest.mark.slow
def test_the_same_on_jax(passes_on_jax):
    passes_on_jax(__file__)

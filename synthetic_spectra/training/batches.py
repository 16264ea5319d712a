"""Batches of spectra for Keras, in an order that (seed, epoch) alone decides; predictions."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from math import ceil

import numpy as np

from synthetic_spectra.common import backend
from synthetic_spectra.common.backend import keras
from synthetic_spectra.spectra.dataset import SPLITS
from synthetic_spectra.training.outcome import classified

# spectra in a step of prediction or validation
PREDICTED_AT_ONCE = 512


class Batches(keras.utils.PyDataset):
    """Batches of spectra, for training in an order that (seed, epoch) alone decides.

    Give it to ``fit`` with ``shuffle=False``, else Keras shuffles the batches once more, and with
    the callback ``StartOfEpoch``. Keras cannot shuffle arrays instead: on TensorFlow, after
    ``keras.utils.set_random_seed``, it gives every epoch the same order.

    Args:
        x: spectra (n, n_datapoints).
        y: labels (n,).
        batch_size: spectra per batch; the last batch of an epoch has the rest.
        seed: random seed of the run; without one the order is that of the arrays.
        draw: function of an epoch, counted from 0, that returns its spectra and labels, as many as
            ``x`` and in place of them. It is called for the next epoch while this one trains.
    """

    def __init__(self, x, y, batch_size, seed=None, draw=None):
        # With one worker, TensorFlow's pipeline tunes itself, and every epoch ends with a wait for
        # the tuning thread, which sleeps for up to as long as the epoch took (TensorFlow 2.21,
        # Keras 3.15). With two, JAX's trainer would begin an epoch with batches that the workers
        # made before the epoch had its order.
        super().__init__(workers=2 if backend.NAME == "tensorflow" else 1)

        self.x, self.y, self.batch_size, self.seed = x, y, batch_size, seed
        self.draw, self.drawn_ahead = draw, {}
        self.thread = ThreadPoolExecutor(1) if draw else None
        self.set_order(0)

    def start_epoch(self, epoch):
        """Take the order of an epoch, counted from 0, and its spectra if they are drawn."""
        if self.draw:
            drawn = self.drawn_ahead.pop(epoch, None) or self.thread.submit(self.draw, epoch)
            self.x, self.y = drawn.result()
            self.drawn_ahead = {epoch + 1: self.thread.submit(self.draw, epoch + 1)}
        self.set_order(epoch)

    def set_order(self, epoch):
        n = len(self.x)
        self.order = np.arange(n) if self.seed is None else epoch_order(n, self.seed, epoch)

    def close(self):
        """End the thread that draws, and let go of all spectra: TensorFlow holds this object as
        long as the process lives."""
        if self.thread:
            self.thread.shutdown(wait=False, cancel_futures=True)
        self.x = self.y = self.draw = None
        self.drawn_ahead = {}

    def __len__(self):
        return ceil(len(self.x) / self.batch_size)

    def __getitem__(self, i):
        rows = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        return self.x[rows][..., None], self.y[rows]


class StartOfEpoch(keras.callbacks.Callback):
    """Gives ``Batches`` the order of each epoch, and its spectra if they are drawn."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.start_epoch(epoch)


def epoch_order(n_samples, seed, epoch):
    """The order in which the samples of one epoch are seen: a permutation of ``n_samples`` indices
    that (seed, epoch) alone decides.

    Args:
        n_samples: number of training spectra.
        seed: random seed of the run, ≥ 0.
        epoch: counted from 0.
    """
    return np.random.default_rng([seed, epoch]).permutation(n_samples)


def predictions(model, data, splits=SPLITS):
    """The most probable class of every spectrum, and the rank of the true one, with dropout off.

    Args:
        model: Keras model of a run.
        data: the ``Dataset``.
        splits: the splits to predict.

    Returns:
        name → (n,), as ``outcome.classified`` gives them.
    """
    found = {}
    for split in splits:
        probabilities = probabilities_of(model, data.x[split], data.y[split])
        found |= classified(probabilities, data.y[split], split)
    return found


def probabilities_of(model, x, y):
    """The probabilities (n, classes) that a Keras model gives spectra x (n, n_datapoints) with
    labels y (n,)."""
    with closing(Batches(x, y, PREDICTED_AT_ONCE)) as spectra:
        return model.predict(spectra, verbose=0)

"""What a run trains on: the spectra of its dataset, or an endless stream, drawn while it trains."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil

from synthetic_spectra.common import backend
from synthetic_spectra.common.backend import keras
from synthetic_spectra.spectra import sources
from synthetic_spectra.training import ray_actors
from synthetic_spectra.training.batches import Batches, StartOfEpoch

# batches that each thread draws ahead of the training, and a portion at least
AHEAD = 4


def training_spectra(data, seed, settings):
    """Batches for the training of a run, and the callback that belongs to them.

    Args:
        data: the ``Dataset``.
        seed: random seed of the run.
        settings: the ``Settings`` of train.py.

    Raises:
        InputError: if actors are asked for and this process is on no Ray cluster.
    """
    source = sources.stream(data.definitions) if settings.online else None
    if source:
        draw, threads, at_once = partial(source.batch, seed), settings.drawing_threads, 1
        if settings.ray_actors:
            draw = ray_actors.Actors(data.definitions, seed, settings.ray_actors)
            threads, at_once = draw.in_flight, ray_actors.AT_ONCE
        found = StreamedBatches(
            draw, source.spectra_per_epoch, settings.batch_size, threads, at_once
        )
        return found, Waiting(found)
    draw = partial(sources.fresh, data.definitions, seed) if settings.online else None
    found = Batches(data.x["train"], data.y["train"], settings.batch_size, seed, draw)
    return found, StartOfEpoch(found)


class StreamedBatches(keras.utils.PyDataset):
    """Batches of an endless stream of spectra, drawn ahead by threads while a network trains.

    Give it to ``fit`` with ``shuffle=False`` and with the callback ``Waiting``. A batch is decided
    by its epoch and its place there, so that the number of threads changes no batch, and a run
    continues with the batch that comes next. An epoch is never in memory as a whole.

    Args:
        draw: function of (epoch, start, end) that gives the spectra (n, n_datapoints) and labels
            (n,) from ``start`` to ``end`` (exclusive) of an epoch, counted from 0. Threads draw
            beside the training as far as it releases Python's lock.
        spectra_per_epoch: number of spectra of an epoch, ≥ 1.
        batch_size: spectra per batch; the last batch of an epoch has the rest.
        threads: threads that draw, ≥ 1.
        at_once: batches that a thread draws in one call, ≥ 1: a portion.
    """

    def __init__(self, draw, spectra_per_epoch, batch_size, threads=1, at_once=1):
        # workers as in ``Batches``; they only hand on what the threads have drawn
        super().__init__(workers=2 if backend.NAME == "tensorflow" else 1, max_queue_size=2)
        self.draw, self.spectra_per_epoch, self.batch_size = draw, spectra_per_epoch, batch_size
        self.at_once, self.portions = at_once, ceil(len(self) / at_once)
        self.ahead = max(1, AHEAD // at_once) * threads
        self.threads = ThreadPoolExecutor(threads)
        self.lock, self.trainer = threading.Lock(), threading.get_ident()
        self.epoch, self.end, self.drawn = 0, 0, {}
        self.came, self.waited = {}, 0.0

    def __len__(self):
        return ceil(self.spectra_per_epoch / self.batch_size)

    def __getitem__(self, i):
        began = time.monotonic()
        portion, place = divmod(i, self.at_once)
        x, y = self.ordered(self.epoch * self.portions + portion).result()
        self.came[i] = time.monotonic()
        # JAX takes batches in the thread that trains
        if threading.get_ident() == self.trainer:
            self.waited += self.came[i] - began
        rows = slice(place * self.batch_size, (place + 1) * self.batch_size)
        return x[rows, :, None], y[rows]

    def ordered(self, place):
        """The future of the portion at a place of the stream, which starts drawing those behind it.

        Args:
            place: number of portions before it, counted from the begin of the first epoch.
        """
        with self.lock:
            # several workers may ask in another order, for the one before too
            for new in range(max(self.end, place), place + self.ahead):
                self.drawn[new] = self.threads.submit(self.portion, new)
                self.end = new + 1
            # as far behind as one worker of Keras may be when another one asks
            self.forget(place - ceil((self.max_queue_size + 1) / self.at_once))
            # Keras looks at the first batches once more than it trains on them
            if place not in self.drawn:
                self.drawn[place] = self.threads.submit(self.portion, place)
            return self.drawn[place]

    def portion(self, place):
        epoch, i = divmod(place, self.portions)
        start = i * self.at_once * self.batch_size
        end = start + self.at_once * self.batch_size
        return self.draw(epoch, start, min(end, self.spectra_per_epoch))

    def forget(self, place):
        """Drop the portions that stand before a place."""
        for before in [one for one in self.drawn if one < place]:
            self.drawn.pop(before).cancel()

    def start_epoch(self, epoch):
        """Go on with the first batch of an epoch, counted from 0."""
        with self.lock:
            self.epoch, first = epoch, epoch * self.portions
            # of a run that is taken up in a later epoch, and batches that nobody took
            self.forget(first)
            self.end = max(self.end, first)
        self.came, self.waited = {}, 0.0

    def close(self):
        """End the threads, drop what they have drawn, and let go of what draws: TensorFlow holds
        this object as long as the process lives."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.drawn.clear()
        self.draw = None


class Waiting(StartOfEpoch):
    """Gives ``StreamedBatches`` its epochs, and notes as ``waiting_seconds`` of each epoch how long
    training waited for spectra."""

    def on_train_batch_begin(self, batch, logs=None):
        self.began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        # by TensorFlow's threads a batch may come after the step has begun that takes it
        self.batches.waited += max(0.0, self.batches.came.pop(batch, 0.0) - self.began)

    def on_epoch_end(self, epoch, logs=None):
        logs["waiting_seconds"] = round(self.batches.waited, 3)

    def on_train_end(self, logs=None):
        self.batches.close()

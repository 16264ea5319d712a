"""Keras on TensorFlow or JAX: all that differs between the two, and what a run ran on."""

import logging
import os
import platform
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from math import ceil

import numpy as np

from synthetic_spectra.common.machine import processor
from synthetic_spectra.spectra.dataset import SPLITS, epoch_order


@contextmanager
def _quiet():
    """Hold back what native code writes to stderr; show it only if the block fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# read when the backends are imported: TensorFlow's notices off, JAX's GPU kernels deterministic
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
)
logging.getLogger("tensorflow").setLevel(
    "ERROR"
)  # it warns that several models in one process are several graphs
with _quiet():  # TensorFlow prints notices that no setting turns off
    import keras

PRECISIONS = ("float32", "mixed_bfloat16")
PREDICTED_AT_ONCE = 512  # spectra of a step of prediction or validation


def prepare(precision):
    """Turn on deterministic operations, take GPU memory as needed rather than all of it, set the
    precision.

    Args:
        precision: one of ``PRECISIONS``; "mixed_bfloat16" computes in bfloat16 and keeps weights in
            float32.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    keras.config.set_dtype_policy(precision)


class Batches(keras.utils.PyDataset):
    """Batches of spectra, for training in an order that (seed, epoch) alone decides.

    Give it to ``fit`` with ``shuffle=False``: otherwise Keras shuffles the batches once more.
    Keras's own shuffling of
    arrays is not used: on TensorFlow, after ``keras.utils.set_random_seed``, it gives every epoch
        the same order.

    Args:
        x: spectra (n, n_datapoints).
        y: labels (n,).
        batch_size: spectra per batch; the last batch of an epoch has the rest.
        seed: of the run; without one the order is that of the arrays.
        draw: gives the spectra and labels of an epoch, counted from 0, in place of ``x`` and ``y``
            and as many; it is called for the next epoch while this one trains.
    """

    def __init__(self, x, y, batch_size, seed=None, draw=None):
        # With one worker Keras lets TensorFlow's pipeline tune itself, and every epoch ends with a
        # wait for the tuning thread, which sleeps for up to as long as the epoch took (seen with
        # TensorFlow 2.21 and Keras 3.15). JAX's trainer would begin with batches that the workers
        # made before the epoch had its order.
        super().__init__(workers=2 if keras.backend.backend() == "tensorflow" else 1)
        self.x, self.y, self.batch_size, self.seed = x, y, batch_size, seed
        self.draw, self.drawn, self.ahead = draw, {}, ThreadPoolExecutor(1)
        self.take_order(0)

    def start_epoch(self, epoch):
        """Take the order of an epoch, counted from 0, and its spectra if they are drawn."""
        if self.draw:
            drawn = self.drawn.pop(epoch, None) or self.ahead.submit(self.draw, epoch)
            self.x, self.y = drawn.result()
            self.drawn = {epoch + 1: self.ahead.submit(self.draw, epoch + 1)}
        self.take_order(epoch)

    def take_order(self, epoch):
        n = len(self.x)
        self.order = np.arange(n) if self.seed is None else epoch_order(n, self.seed, epoch)

    def __len__(self):
        return ceil(len(self.x) / self.batch_size)

    def __getitem__(self, i):
        rows = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        return self.x[rows][..., None], self.y[rows]


def trace_by_batch_size(model):
    """On TensorFlow, let a compiled model trace its training step once for every batch size, two in
    an epoch.

    Keras traces it once for any size; what knows its size is computed faster.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        step = tf.function(model.train_step, jit_compile=model.jit_compile, autograph=False)
        model.train_function = lambda batches: step(next(batches))


def predicted_labels(model, data, splits=SPLITS):
    """The most probable class of every spectrum, dropout off.

    Args:
        model: of a run.
        data: the ``Dataset``.
        splits: those to predict.

    Returns:
        split → int64 labels (n,).
    """
    batches = {split: Batches(data.x[split], data.y[split], PREDICTED_AT_ONCE) for split in splits}
    return {split: model.predict(batches[split], verbose=0).argmax(axis=1) for split in splits}


def gradient_of_score(head, activations, labels):
    """The gradient of the score of one class per spectrum with respect to what the last part of a
    network takes.

    Args:
        head: model from activations to one score per class.
        activations: float32 (n, length, channels).
        labels: the class of each spectrum (n,).

    Returns:
        float32 (n, length, channels).
    """

    def score(values):
        scores = head(values, training=False)
        return keras.ops.sum(scores * keras.ops.one_hot(labels, scores.shape[-1]))

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        values = tf.convert_to_tensor(activations)
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = score(values)
        gradient = tape.gradient(total, values)
    else:
        import jax

        gradient = jax.grad(score)(jax.numpy.asarray(activations))
    return keras.ops.convert_to_numpy(gradient)


def versions():
    """Name → version of what can change the numbers of a run."""
    packages = ("keras", keras.backend.backend(), "numpy")
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def device():
    """The device that trains, in words: the GPU, else the processor."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        name = (
            tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
            if gpus
            else None
        )
    else:
        import jax

        name = jax.devices()[0].device_kind if jax.default_backend() != "cpu" else None
    return name or processor()

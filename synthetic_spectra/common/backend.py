"""Keras on TensorFlow or JAX: all that differs between the two, and what a run ran on.

Importing this module starts Keras, which takes seconds, and sets what decides numbers.
"""

import logging
import os
import platform
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.common.machine import processor

BACKENDS = ("tensorflow", "jax")
DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
# what decides numbers and ~/.keras/keras.json could say otherwise
KERAS_CONFIG = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
# environment variables by which the backends compute other bits
VARIABLES = (
    "XLA_FLAGS", "TF_XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS", "NVIDIA_TF32_OVERRIDE", "JAX_ENABLE_X64",
    "JAX_DEFAULT_MATMUL_PRECISION",
)  # fmt: skip


def _started():
    """The module ``keras``, started without its backend's notices.

    Raises:
        InputError: if Keras does not start, or on another backend than ``BACKENDS``.
    """
    asked = os.environ.get("KERAS_BACKEND")
    if asked and asked not in BACKENDS:
        raise InputError(f"KERAS_BACKEND {asked!r}: expected {' or '.join(BACKENDS)}")

    # the backends read these when they start
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["XLA_FLAGS"] = xla_flags(os.environ.get("XLA_FLAGS", ""))
    # it warns that several models in one process are several graphs
    logging.getLogger("tensorflow").setLevel("ERROR")

    try:
        with _quiet():
            import keras
    except (ImportError, ValueError) as error:
        raise InputError(
            f"Keras does not start: {first_line(error)}; it reads KERAS_BACKEND and the keras.json "
            "of your home folder"
        ) from None
    if keras.backend.backend() not in BACKENDS:
        raise InputError(
            f"Keras runs on {keras.backend.backend()}, as the keras.json of your home folder says: "
            f"set KERAS_BACKEND to {' or '.join(BACKENDS)}"
        )

    if os.environ["XLA_FLAGS"] != DETERMINISTIC or "TF_XLA_FLAGS" in os.environ:
        refuse_unknown_flags(keras.backend.backend())
    keras.config.set_floatx(KERAS_CONFIG["floatx"])
    keras.config.set_epsilon(KERAS_CONFIG["epsilon"])
    keras.config.set_image_data_format(KERAS_CONFIG["image_data_format"])
    # KERAS_MAX_EPOCHS and KERAS_MAX_STEPS_PER_EPOCH would end a training early
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)
    return keras


def xla_flags(given):
    """The flags of the XLA compiler: those of the user, and that GPU kernels give the same bits.

    Args:
        given: XLA_FLAGS of the user: flags, or the path of a file that holds them.
    """
    flags = given.strip()
    if flags and not flags.startswith("--"):
        try:
            flags = Path(flags).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise InputError(
                f"XLA_FLAGS {given!r}: no flags and no file of flags: {error}"
            ) from None
    # the last one of a kind holds
    return f"{flags.removesuffix(DETERMINISTIC)} {DETERMINISTIC}".strip()


def refuse_unknown_flags(backend):
    """Raise InputError if XLA does not know the flags in XLA_FLAGS or TF_XLA_FLAGS. It would end
    the process: another one tries them."""
    program = "import tensorflow; tensorflow.function(abs, jit_compile=True)(1.0)"
    if backend == "jax":
        program = "import jax; jax.jit(abs)(1.0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if complaint := re.search(r"^F\d.*\] (.*XLA_FLAGS.*)", done.stderr, re.MULTILINE):
        raise InputError(complaint[1])


@contextmanager
def _quiet():
    """Hold back what native code writes to stderr, as TensorFlow does whatever its settings say;
    show it only if the block fails."""
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


keras = _started()
NAME = keras.backend.backend()


def prepare(precision):
    """Turn on deterministic operations, take GPU memory as needed rather than all of it, set the
    precision.

    Args:
        precision: "float32", or "mixed_bfloat16", which computes in bfloat16 and keeps weights in
            float32.
    """
    if NAME == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    keras.config.set_dtype_policy(precision)


def trace_by_batch_size(model):
    """On TensorFlow, let a compiled model trace its training step once for every batch size, two in
    an epoch.

    Keras traces it once for any size; what knows its size is computed faster.
    """
    if NAME == "tensorflow":
        import tensorflow as tf

        step = tf.function(model.train_step, jit_compile=model.jit_compile, autograph=False)
        model.train_function = lambda batches: step(next(batches))


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

    if NAME == "tensorflow":
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


def activations():
    """Names of Keras's activation functions."""
    functions = set(dir(keras.activations)) - {"deserialize", "get", "serialize"}
    return sorted(name for name in functions if callable(getattr(keras.activations, name)))


def environment():
    """What a run runs on and how Keras computes there, name → JSON value, for settings.json."""
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return {
        "versions": versions(),
        "keras_config": KERAS_CONFIG,
        "variables": variables,
        "device": device(),
    }


def versions():
    """Name → version of what can change the numbers of a run."""
    packages = ("keras", NAME, "numpy")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def device():
    """The device that trains, in words: the GPU, else the processor."""
    name = None
    if NAME == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU")[:1]:
            name = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    else:
        import jax

        if jax.default_backend() != "cpu":
            name = jax.devices()[0].device_kind
    return name or processor()

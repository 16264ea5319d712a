"""Keras on TensorFlow or JAX: all that differs between the two, and what a run ran on."""

import logging
import os
import platform
import sys
import tempfile
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path


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
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
logging.getLogger("tensorflow").setLevel("ERROR")  # it warns that several models in one process are several graphs
with _quiet():  # TensorFlow prints notices that no setting turns off
    import keras

PRECISIONS = ("float32", "mixed_bfloat16")


def prepare(precision):
    """Turn on deterministic operations, take GPU memory as needed rather than all of it, set the precision.

    Args:
        precision: one of ``PRECISIONS``; "mixed_bfloat16" computes in bfloat16 and keeps weights in float32.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    keras.config.set_dtype_policy(precision)


def versions():
    """Name → version of what can change the numbers of a run."""
    packages = ("keras", keras.backend.backend(), "numpy")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def device():
    """The device that trains, in words: the GPU, or the processor and how many of its cores are usable."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else None
    else:
        import jax

        name = jax.devices()[0].device_kind if jax.default_backend() != "cpu" else None
    return name or f"{_processor()}, {_cores()} cores"


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()

"""One training step of an architecture on TensorFlow → benchmarks/profile.csv: the operations that
take longest."""

import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from benchmarks.bench_training import N_CLASSES, N_DATAPOINTS
from synthetic_spectra.common.cli import Count, notice, run_script
from synthetic_spectra.common.files import write_text


@dataclass(frozen=True)
class Settings:
    """Take the profile of a training step of each architecture, by operation."""

    models: tuple[str, ...] = ("resnet", "cnn6", "vgg")
    """Names of architectures in model_implementations.MODELS."""
    precisions: tuple[Literal["float32", "mixed_bfloat16"], ...] = ("float32", "mixed_bfloat16")
    """Precisions of the arithmetic."""
    batch_size: Count = 128
    """Number of spectra per step, ≥ 1."""
    most: Count = 12
    """Number of operations to list for each, ≥ 1."""


def main(settings):
    from synthetic_spectra.common import backend

    rows = []
    for precision, model in product(settings.precisions, settings.models):
        backend.prepare(precision)
        seconds = profile(model, settings.batch_size)
        rows += [
            {"model": model, "precision": precision, "operation": operation, "seconds": spent}
            for operation, spent in seconds.most_common(settings.most)
        ]

    table = pd.DataFrame(rows).assign(device=backend.device())
    path = ROOT / "benchmarks" / "profile.csv"
    write_text(path, table.to_csv(index=False, float_format="%.4g"))
    print(table.drop(columns="device").to_string(index=False, float_format="{:.3f}".format))
    notice(f"wrote {path}")


def profile(model, batch_size):
    """Seconds of each kind of operation in one training step.

    Operations that run at the same time count each; what XLA compiled is missing.

    Args:
        model: name of the architecture.
        batch_size: number of spectra of the step.

    Returns:
        kind of operation → seconds.
    """
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    from synthetic_spectra.common import backend
    from synthetic_spectra.common.backend import keras

    # isort: split
    from model_implementations import build
    from synthetic_spectra.training import fast_layers

    rng = np.random.default_rng(0)
    spectra = rng.random((batch_size, N_DATAPOINTS, 1), "float32")
    labels = rng.integers(0, N_CLASSES, batch_size)
    batch = keras.ops.convert_to_tensor(spectra), keras.ops.convert_to_tensor(labels)

    network = fast_layers.accelerated(build(model, N_DATAPOINTS, N_CLASSES))
    network.compile(
        fast_layers.Adam(3e-4), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    network.optimizer.build(network.trainable_variables)
    backend.trace_by_batch_size(network)

    # the first steps trace and allocate
    for _ in range(2):
        network.train_function(iter([batch]))
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            network.train_function(iter([batch]))
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())

    seconds = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                # an event of an operation is called "name in the graph:kind"
                name, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if colon and name.strip(":") == name and not kind.strip().startswith("__"):
                    seconds[kind] += event.duration_ps / 1e12
    return seconds


if __name__ == "__main__":
    os.chdir(ROOT)
    run_script(main, Settings)

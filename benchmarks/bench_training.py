"""Training and prediction of every architecture → samples per second, beside the plain way and the
arithmetic limit."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from synthetic_spectra.common.cli import Count, run_script
from synthetic_spectra.common.files import write_text

N_DATAPOINTS, N_CLASSES = 5000, 500  # of the general benchmark
MATRIX = 2048


@dataclass(frozen=True)
class Settings:
    """Time training and prediction: each measurement in a process of its own, the ways in turn."""

    models: tuple[str, ...] = ("cnn2", "cnn3", "cnn6", "vgg", "resnet", "cnn_bn", "inc3", "inc6")
    """Architectures."""
    precisions: tuple[Literal["float32", "mixed_bfloat16"], ...] = ("float32",)
    """Of ours; the plain way is in float32."""
    ways: tuple[Literal["plain", "ours", "any order"], ...] = ("plain", "ours")
    """plain: fit on arrays with Keras's defaults and its Adam, every convolution computed whole;
    ours: as train.py does it; any order: ours without deterministic operations, to see their price.
    """
    rounds: Count = 2
    """Each way is timed once per round, in turn; ratios are taken within a round. Rounds that the
    table holds stay."""
    steps: Annotated[int, Field(ge=2)] = 4
    """Training steps that are timed, after a first one."""
    batch_size: Count = 128
    """Spectra per step."""
    output: str = ""
    """Name of the table in benchmarks/, without .csv; by default that of the device."""
    worker: str = ""
    """What this process measures, as JSON; the script gives it to the processes that it starts."""


def main(settings):
    if settings.worker:
        one = json.loads(settings.worker)
        print(json.dumps(measure(settings, **one) if one else on_what()))
        return
    wanted = [
        {"model": model, "way": way, "precision": precision}
        for model in settings.models
        for way in settings.ways
        for precision in (("float32",) if way == "plain" else settings.precisions)
    ]
    name = settings.output or in_a_process(settings, {})["device"]
    for before, after in (("(R)", ""), (",", ""), ("@", "at"), (" ", "-")):
        name = name.replace(before, after)
    path = ROOT / "benchmarks" / f"{name}.csv"
    table = pd.read_csv(path) if path.is_file() else pd.DataFrame({"round": []})
    first, done, started = int(table["round"].max()) + 1 if len(table) else 1, 0, time.monotonic()
    for i in range(settings.rounds):
        for one in wanted:
            row = one | {"round": first + i} | in_a_process(settings, one)
            table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
            write_text(path, table.to_csv(index=False, float_format="%.5g"))
            done += 1
            minutes = (time.monotonic() - started) / 60
            left = minutes / done * (settings.rounds * len(wanted) - done)
            print(
                f"{one['model']}, {one['way']}, {one['precision']}: "
                f"{row['step_seconds']:.3f} s a step; "
                f"{left:.0f} min left",
                flush=True,
            )
    print(f"wrote {path}")
    print_ratios(table)


def print_ratios(table):
    """Print the median time of a step each way, and how many times as fast as the plain way that
    is."""
    keys = ["way", "precision"]
    medians = table.pivot_table(
        index="model", columns=keys, values="step_seconds", aggfunc="median", sort=False
    )
    medians.loc["all"] = medians.sum(skipna=False)
    print("\nseconds a step, median of the rounds")
    print(medians.to_string(float_format="{:.3f}".format))
    steps = table.pivot_table(
        index=["round", "model"], columns=keys, values="step_seconds", sort=False
    )
    ratios = (
        steps.rdiv(steps["plain", "float32"], axis=0).groupby(level="model", sort=False).median()
    )
    ratios.loc["all"] = medians.loc["all", ("plain", "float32")] / medians.loc["all"]
    print(
        "\ntimes as fast as the plain way: of all, by the sums above; else the median of the rounds"
    )
    print(ratios.to_string(float_format="{:.2f}".format))
    limit = table.assign(share=table["limit_seconds"] / table["step_seconds"])
    shares = limit.pivot_table(
        index="model", columns=keys, values="share", aggfunc=median, sort=False
    )
    print("\nshare of the arithmetic limit")
    print(shares.to_string(float_format="{:.2f}".format))


def in_a_process(settings, one):
    """What a process of its own measures."""
    command = [
        sys.executable,
        __file__,
        "--worker",
        json.dumps(one),
        "--steps",
        str(settings.steps),
    ]
    command += ["--batch-size", str(settings.batch_size)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{one}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(settings, model, way, precision):
    """Seconds of a training step and what it is made of, of a prediction, and the least that the
    arithmetic takes.

    The parts of a training step: ``arithmetic_seconds`` on a batch that is at hand already, with an
    optimizer that does nothing; ``optimizer_seconds``, what Adam adds to that; ``input_seconds``,
    what preparing a batch takes, beside or before the step; the rest of ``step_seconds`` is waiting
    for input, Python and callbacks.
    """
    from synthetic_spectra.common import backend
    from synthetic_spectra.common.backend import keras

    # isort: split
    from model_implementations import build
    from synthetic_spectra.training import fast_layers
    from synthetic_spectra.training.arithmetic import multiply_accumulates
    from synthetic_spectra.training.batches import PREDICTED_AT_ONCE, Batches

    if way == "ours":
        backend.prepare(precision)
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    # An epoch of the general benchmark ends with a batch of 40, too.
    n = settings.batch_size * (settings.steps + 1) + 40
    x = rng.random((n, N_DATAPOINTS), "float32")
    y = rng.integers(0, N_CLASSES, n)

    plain = build(model, N_DATAPOINTS, N_CLASSES)
    network = plain if way == "plain" else fast_layers.accelerated(plain)
    loss = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    batches = Batches(x, y, settings.batch_size, seed=0)
    input_seconds = fastest(lambda: batches[0])

    timer = step_timer(keras)
    adam = keras.optimizers.Adam if way == "plain" else fast_layers.Adam
    network.compile(adam(3e-4), **loss)
    if way == "plain":
        network.fit(x[..., None], y, batch_size=settings.batch_size, callbacks=[timer], verbose=0)
    else:
        backend.trace_by_batch_size(network)
        network.fit(batches, shuffle=False, callbacks=[timer], verbose=0)
    step_seconds = median(timer.seconds[:-1])
    batch = [keras.ops.convert_to_tensor(array) for array in batches[0]]
    with_adam = fastest(lambda: network.train_on_batch(*batch))

    class Nothing(keras.optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            # the gradient must be computed all the same: one value of it is used
            self.assign_add(
                self.used, keras.ops.cast(keras.ops.reshape(gradient, (-1,))[0], "float32")
            )

        def build(self, variables):
            super().build(variables)
            self.used = keras.Variable(0.0, trainable=False)

    network.compile(Nothing(), **loss)
    without = fastest(lambda: network.train_on_batch(*batch))

    many = x[:PREDICTED_AT_ONCE]
    if way == "plain":
        predict_seconds = fastest(lambda: network.predict(many[..., None], verbose=0))
    else:
        spectra = Batches(many, y[: len(many)], PREDICTED_AT_ONCE)
        predict_seconds = fastest(lambda: network.predict(spectra, verbose=0))

    rate = matrix_rate(keras)
    # one product forward and two backward, each of a multiplication and an addition
    least = 6 * multiply_accumulates(plain) * settings.batch_size / rate
    return {
        "step_seconds": step_seconds,
        "samples_per_second": settings.batch_size / step_seconds,
        "limit_seconds": least,
        "arithmetic_seconds": without,
        "optimizer_seconds": with_adam - without,
        "input_seconds": input_seconds,
        "predicted_per_second": len(many) / predict_seconds,
        "matrix_product_gflops": rate / 1e9,
        "batch_size": settings.batch_size,
    } | on_what()


def on_what():
    """Backend, device and versions of this process."""
    from synthetic_spectra.common import backend
    from synthetic_spectra.common.backend import keras

    versions = "; ".join(f"{package} {version}" for package, version in backend.versions().items())
    return {"backend": keras.backend.backend(), "device": backend.device(), "versions": versions}


def step_timer(keras):
    """A callback that keeps the seconds from the end of a training step to that of the next."""

    class Timer(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seconds, self.ended = [], None

        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])  # waits for the device
            now = time.perf_counter()
            if self.ended:
                self.seconds.append(now - self.ended)
            self.ended = now

    return Timer()


def fastest(action):
    """Seconds of the fastest of two, after a first one."""
    action()
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def matrix_rate(keras):
    """Operations per second, multiplications and additions, of a matrix product of the backend in
    its precision."""
    kind = keras.config.dtype_policy().compute_dtype
    matrix = keras.ops.cast(np.random.default_rng(0).random((MATRIX, MATRIX), "float32"), kind)
    # NumPy has no bfloat16
    return (
        2
        * MATRIX**3
        / fastest(lambda: float(keras.ops.cast(keras.ops.matmul(matrix, matrix)[0, 0], "float32")))
    )


if __name__ == "__main__":
    os.chdir(ROOT)
    run_script(main, Settings)

"""Training and prediction of every architecture → samples per second, beside the plain way and the
arithmetic limit."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from synthetic_spectra.common.cli import Count, notice, run_script
from synthetic_spectra.common.files import write_text

# sizes of the general benchmark
N_DATAPOINTS, N_CLASSES = 5000, 500
# rows and columns of the matrices whose product gives the arithmetic limit
MATRIX = 2048


@dataclass(frozen=True)
class Settings:
    """Time training and prediction: each measurement in a process of its own, the ways in turn."""

    models: tuple[str, ...] = ("cnn2", "cnn3", "cnn6", "vgg", "resnet", "cnn_bn", "inc3", "inc6")
    """Names of architectures in model_implementations.MODELS."""
    precisions: tuple[Literal["float32", "mixed_bfloat16"], ...] = ("float32",)
    """Precisions of our way; the plain way is in float32."""
    ways: tuple[Literal["plain", "ours", "any order"], ...] = ("plain", "ours")
    """Ways of training. plain: the network as it is built, fit on arrays with Keras's defaults and
    its Adam; ours: as train.py does it; any order: ours without deterministic operations."""
    rounds: Count = 2
    """Number of rounds, ≥ 1. A round times each way once; rounds that the table holds stay."""
    steps: Annotated[int, Field(ge=2)] = 4
    """Number of timed training steps, ≥ 2, after a first one."""
    batch_size: Count = 128
    """Number of spectra per step, ≥ 1."""
    output: str = ""
    """Name of the table in benchmarks/, without .csv; by default that of the device."""
    worker: str = ""
    """JSON that tells a process what to measure; the script gives it to those that it starts."""


def main(settings):
    if settings.worker:
        asked = json.loads(settings.worker)
        print(json.dumps(measure(settings, **asked) if asked else environment()))
        return

    # earlier rounds stay in the table
    path = ROOT / "benchmarks" / f"{settings.output or device_as_name(settings)}.csv"
    table = pd.read_csv(path) if path.is_file() else pd.DataFrame({"round": []})
    first = int(table["round"].max()) + 1 if len(table) else 1

    measurements = [
        {"model": model, "way": way, "precision": precision}
        for model, way in product(settings.models, settings.ways)
        for precision in (("float32",) if way == "plain" else settings.precisions)
    ]
    started, total = time.monotonic(), settings.rounds * len(measurements)
    rounds = range(first, first + settings.rounds)
    for done, (number, one) in enumerate(product(rounds, measurements), start=1):
        row = one | {"round": number} | in_a_process(settings, one)
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
        write_text(path, table.to_csv(index=False, float_format="%.5g"))
        left = (time.monotonic() - started) / 60 / done * (total - done)
        what = f"{row['model']}, {row['way']}, {row['precision']}"
        notice(f"{what}: {row['step_seconds']:.3f} s a step; {left:.0f} min left")
    notice(f"wrote {path}")
    print_ratios(table)


def print_ratios(table):
    """Print the median seconds of a step each way, the ratio of the plain way to them, and the
    share of the arithmetic limit in them."""
    keys = ["way", "precision"]
    medians = table.pivot_table(
        index="model", columns=keys, values="step_seconds", aggfunc="median", sort=False
    )
    medians.loc["all"] = medians.sum(skipna=False)
    print("\nseconds a step, median of the rounds")
    print(medians.to_string(float_format="{:.3f}".format))

    # seconds differ from hour to hour on a shared machine, ratios within a round much less
    steps = table.pivot_table(
        index=["round", "model"], columns=keys, values="step_seconds", sort=False
    )
    ratios = steps.rdiv(steps["plain", "float32"], axis=0)
    ratios = ratios.groupby(level="model", sort=False).median()
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


def in_a_process(settings, asked):
    """What a process of its own measures: ``measure``, or ``environment`` if nothing is asked."""
    command = [sys.executable, __file__, "--worker", json.dumps(asked)]
    command += ["--steps", str(settings.steps), "--batch-size", str(settings.batch_size)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{asked}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def device_as_name(settings):
    """The device in characters of a file name: "Intel-Xeon-Processor-2-cores"."""
    name = in_a_process(settings, {})["device"]
    for before, after in (("(R)", ""), (",", ""), ("@", "at"), (" ", "-")):
        name = name.replace(before, after)
    return name


def measure(settings, model, way, precision):
    """Seconds of a training step and of its parts, of a prediction, and the arithmetic limit.

    The parts of a step are ``arithmetic_seconds``, on a batch that is at hand, with an optimizer
    that does nothing, and ``optimizer_seconds``, what Adam adds to that. ``input_seconds`` is what
    a batch takes to prepare, beside or before the step. The rest of ``step_seconds`` is waiting for
    input, Python and callbacks. ``limit_seconds`` is the least that the arithmetic of the network
    takes, without values that its pools leave out.

    Returns:
        column of the table → value.
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

    # an epoch of the general benchmark ends with a batch of 40, too
    rng, n = np.random.default_rng(0), settings.batch_size * (settings.steps + 1) + 40
    x, y = rng.random((n, N_DATAPOINTS), "float32"), rng.integers(0, N_CLASSES, n)
    batches = Batches(x, y, settings.batch_size, seed=0)
    input_seconds = fastest(lambda: batches[0])

    # training, from one step to the next
    plain, timer = build(model, N_DATAPOINTS, N_CLASSES), step_timer(keras)
    network = plain if way == "plain" else fast_layers.accelerated(plain)
    loss = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    if way == "plain":
        network.compile(keras.optimizers.Adam(3e-4), **loss)
        network.fit(x[..., None], y, batch_size=settings.batch_size, callbacks=[timer], verbose=0)
    else:
        network.compile(fast_layers.Adam(3e-4), **loss)
        backend.trace_by_batch_size(network)
        network.fit(batches, shuffle=False, callbacks=[timer], verbose=0)
    step_seconds = median(timer.seconds[:-1])

    # a step by itself, with and without its optimizer
    batch = [keras.ops.convert_to_tensor(array) for array in batches[0]]
    with_adam = fastest(lambda: network.train_on_batch(*batch))
    network.compile(idle_optimizer(keras), **loss)
    without = fastest(lambda: network.train_on_batch(*batch))

    many = x[:PREDICTED_AT_ONCE]
    spectra = Batches(many, y[: len(many)], PREDICTED_AT_ONCE)
    given = many[..., None] if way == "plain" else spectra
    predict_seconds = fastest(lambda: network.predict(given, verbose=0))

    # one product forward and two backward, each of a multiplication and an addition
    rate = matrix_rate(keras)
    limit = 6 * multiply_accumulates(plain) * settings.batch_size / rate
    return {
        "step_seconds": step_seconds,
        "samples_per_second": settings.batch_size / step_seconds,
        "limit_seconds": limit,
        "arithmetic_seconds": without,
        "optimizer_seconds": with_adam - without,
        "input_seconds": input_seconds,
        "predicted_per_second": len(many) / predict_seconds,
        "matrix_product_gflops": rate / 1e9,
        "batch_size": settings.batch_size,
    } | environment()


def environment():
    """Backend, device and versions of this process."""
    from synthetic_spectra.common import backend
    from synthetic_spectra.common.backend import keras

    versions = "; ".join(f"{package} {version}" for package, version in backend.versions().items())
    return {"backend": keras.backend.backend(), "device": backend.device(), "versions": versions}


def idle_optimizer(keras):
    """An optimizer that changes nothing, but takes one value of each gradient, so that gradients
    are computed."""

    class Idle(keras.optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.taken = keras.Variable(0.0, trainable=False)

        def update_step(self, gradient, variable, learning_rate):
            value = keras.ops.reshape(gradient, (-1,))[0]
            self.assign_add(self.taken, keras.ops.cast(value, "float32"))

    return Idle()


def step_timer(keras):
    """A callback that keeps the seconds from the end of a training step to that of the next one."""

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
    """Seconds of the fastest of two calls, after a first one."""
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
    numbers = np.random.default_rng(0).random((MATRIX, MATRIX), "float32")
    matrix = keras.ops.cast(numbers, keras.config.dtype_policy().compute_dtype)

    def multiply():
        # a value waits for the device; NumPy has no bfloat16
        return float(keras.ops.cast(keras.ops.matmul(matrix, matrix)[0, 0], "float32"))

    return 2 * MATRIX**3 / fastest(multiply)


if __name__ == "__main__":
    os.chdir(ROOT)
    run_script(main, Settings)

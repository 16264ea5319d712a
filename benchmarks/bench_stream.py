"""A stream of random crystals → benchmarks/stream.csv: the processor time of drawing in a training,
and of batches that actors on other nodes draw."""

import os
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from synthetic_spectra.common.cli import Count, notice, run_script
from synthetic_spectra.common.files import write_text
from synthetic_spectra.common.machine import processor
from synthetic_spectra.spectra import config, sources

WARM_UP = 16  # steps before anything is timed: the first ones trace and compile
# rows of the table
DRAWING, WHOLE = "drawing", "training with its drawing"
SHARE = "drawing, share of the training"
FETCHED, HEAD = "head: fetching", "head: fetching and handing to Keras"
RAYLET = "head: Ray's own processes"
MICROSECONDS = "µs a pattern"


@dataclass(frozen=True)
class Settings:
    """Time the drawing of a stream beside its training, and the head of a Ray cluster."""

    config: str = "space_groups_30"
    """Name of a file in dataset_configs/ whose spectra are an endless stream, or a path."""
    model: str = "strided"
    """Name of the network in model_implementations.MODELS."""
    batch_size: Count = 128
    """Patterns per step, ≥ 1."""
    steps: Count = 128
    """Steps of a round, ≥ 1."""
    rounds: Count = 5
    """Number of rounds, ≥ 1; the median is written."""
    actors: Count = 1
    """Actors that draw for the head, of one core each, ≥ 1."""
    parts: tuple[Literal["training", "head"], ...] = ("training", "head")
    """Measurements: a training with its drawing, and the head of a Ray cluster, which needs Ray."""
    output: Path = ROOT / "benchmarks" / "stream.csv"
    """CSV file to write."""


def main(settings):
    from synthetic_spectra.common import backend

    definitions = config.load(config.find(settings.config)).resolved()
    versions = "; ".join(f"{name} {version}" for name, version in backend.versions().items())
    origin = {"config": settings.config, "model": settings.model, "rounds": settings.rounds}
    origin |= {"machine": processor(), "versions": versions}
    for part in settings.parts:
        rounds = {"training": training, "head": head}[part](settings, definitions)
        found = pd.DataFrame(rounds).median().rename_axis("quantity").rename("value").reset_index()
        units = ["" if name == SHARE else MICROSECONDS for name in found.quantity]
        table = found.assign(unit=units, **origin)

        # what was not measured now stays
        if settings.output.is_file():
            before = pd.read_csv(settings.output, keep_default_na=False)
            table = pd.concat([before[~before.quantity.isin(table.quantity)], table])
        write_text(settings.output, table.to_csv(index=False, float_format="%.4g"))
    show(table)
    notice(f"wrote {settings.output}")


def training(settings, definitions):
    """Processor time of each round of a training on the stream, and of the drawing in it.

    Args:
        settings: the ``Settings``.
        definitions: the resolved config.

    Returns:
        of each round quantity → value.
    """
    from synthetic_spectra.training.streamed import StreamedBatches, Waiting

    draw = partial(sources.stream(definitions).batch, 0)
    spent, drawn, lock = [0.0], [0], threading.Lock()

    def timed(epoch, start, end):
        began = time.thread_time()
        batch = draw(epoch, start, end)
        taken = time.thread_time() - began
        with lock:
            spent[0] += taken
            drawn[0] += end - start
        return batch

    patterns = settings.steps * settings.batch_size
    model = compiled(settings.model, definitions)
    warm_up = StreamedBatches(timed, WARM_UP * settings.batch_size, settings.batch_size)
    fit(model, warm_up, Waiting(warm_up))
    rounds = []
    for i in range(settings.rounds):
        batches = StreamedBatches(timed, patterns, settings.batch_size)
        spent[0], drawn[0] = 0.0, 0
        whole = 1e6 * fit(model, batches, Waiting(batches)) / patterns
        # some batches are drawn ahead of the end
        drawing = 1e6 * spent[0] / drawn[0]
        rounds.append({DRAWING: drawing, WHOLE: whole, SHARE: drawing / whole})
        notice(f"training: round {i + 1} of {settings.rounds}, {drawing:.0f} of {whole:.0f} µs")
    return rounds


def head(settings, definitions):
    """Processor time of each round of the head of a Ray cluster, whose other node draws.

    The other node is a second set of Ray's processes on this machine, with an object store of its
    own, so that all goes through a socket from one to the other. Handing to Keras is what training
    a network of one layer takes longer than with batches that are tensors already.

    Returns:
        of each round quantity → value.
    """
    import ray
    from ray.cluster_utils import Cluster

    from synthetic_spectra.common.backend import keras
    from synthetic_spectra.training import ray_actors, ray_cluster
    from synthetic_spectra.training.streamed import StreamedBatches, Waiting

    patterns = settings.steps * settings.batch_size
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        cluster.add_node(num_cpus=settings.actors)
        ray_cluster.connected(cluster.address)
        if ray.get_runtime_context().get_node_id() != cluster.head_node.node_id:
            raise RuntimeError("this process is not on the head of the cluster")
        started = [one for kind in cluster.head_node.all_processes.values() for one in kind]
        processes = [one.process.pid for one in started]
        actors = ray_actors.Actors(definitions, 0, settings.actors)

        # the cheapest network that reads all of a batch
        inputs = keras.Input((definitions.n_datapoints, 1))
        means = keras.layers.GlobalAveragePooling1D()(inputs)
        scores = keras.layers.Dense(definitions.n_classes, activation="softmax")(means)
        model = made_ready(keras.Model(inputs, scores))

        def stream(steps):
            n, threads = steps * settings.batch_size, actors.in_flight
            return StreamedBatches(actors, n, settings.batch_size, threads, ray_actors.AT_ONCE)

        warm_up = stream(WARM_UP)
        fit(model, warm_up, Waiting(warm_up))
        spectra, labels = actors(0, 0, settings.batch_size)
        x, y = keras.ops.convert_to_tensor(spectra[..., None]), keras.ops.convert_to_tensor(labels)
        rounds = []
        for i in range(settings.rounds):
            fetched, began = stream(settings.steps), time.process_time()
            for k in range(settings.steps):
                fetched[k]
            seconds = {FETCHED: time.process_time() - began}
            fetched.close()

            batches, others = stream(settings.steps), of(processes)
            fed = fit(model, batches, Waiting(batches))
            seconds[RAYLET] = of(processes) - others
            seconds[HEAD] = fed - fit(model, at_hand(x, y), steps=settings.steps)
            rounds.append({name: 1e6 * value / patterns for name, value in seconds.items()})
            notice(f"head: round {i + 1} of {settings.rounds}, {rounds[-1][HEAD]:.1f} µs")
        return rounds
    finally:
        ray.shutdown()
        cluster.shutdown()


def compiled(name, definitions):
    """A network as train.py trains it."""
    from synthetic_spectra.common import backend

    # isort: split
    from model_implementations import build
    from synthetic_spectra.training import fast_layers

    backend.prepare("float32")
    return made_ready(fast_layers.accelerated(build(name, *definitions.sizes())))


def made_ready(model):
    from synthetic_spectra.common import backend
    from synthetic_spectra.training import fast_layers

    model.compile(
        fast_layers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    backend.trace_by_batch_size(model)
    return model


def fit(model, batches, *callbacks, steps=None):
    """Train for one epoch; the processor time that this process takes, in seconds."""
    began = time.process_time()
    model.fit(batches, steps_per_epoch=steps, shuffle=False, callbacks=list(callbacks), verbose=0)
    return time.process_time() - began


def at_hand(x, y):
    """The same batch again and again, as the backend's tensors."""
    while True:
        yield x, y


def of(processes):
    """Processor time of processes, in seconds, by their numbers (Linux)."""
    ticks = 0
    for number in processes:
        # user and system time stand behind the name in brackets
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def show(table):
    """Print the table, and how many cores draw for a trainer."""
    print(table[["quantity", "value", "unit"]].to_string(index=False, float_format="{:.4g}".format))
    values = table.set_index("quantity")["value"].astype(float)
    if DRAWING in values:
        trained = values[WHOLE] - values[DRAWING]
        rates = 1e6 / values[DRAWING], 1e6 / trained
        print("a core draws {:,.0f} patterns a second, or trains {:,.0f}".format(*rates))
        cores = values[DRAWING] / trained
        print(f"cores that draw, for each core that trains: {cores:.2f}")
    if HEAD in values:
        of_head = 1e6 / (values[HEAD] + values[RAYLET])
        print(f"a core of the head takes {of_head:,.0f} patterns a second from actors")


if __name__ == "__main__":
    run_script(main, Settings)

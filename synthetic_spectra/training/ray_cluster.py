"""Runs on the nodes of a Ray cluster that share the disk, and actors there that draw spectra."""

import os
import queue
import socket
import time
from pathlib import Path

from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.spectra import config, sources

# portions that an actor draws or keeps ready at a time, so that none waits for the trainer's next
IN_FLIGHT = 2
AT_ONCE = 8  # batches of a portion: a call of an actor takes the trainer as long as a batch
START = 60  # seconds that the actors of a run may take until they have a core
CHECKOUT = Path(__file__).resolve().parents[2]


def train(runs, settings, config_file):
    """Train runs on the nodes of a Ray cluster, each by train.py itself; a run whose node is lost
    goes to another node.

    Args:
        runs: the ``Run`` objects to train.
        settings: the ``Settings`` of train.py; ``ray`` and ``ray_cpus`` say where.
        config_file: path of the dataset's config.

    Returns:
        A sentence for each run that cannot be trained.

    Raises:
        InputError: if there is no Ray, or no such cluster.
    """
    ray = connected(settings.ray)

    # files that a config names are where they are here
    folder = Path.cwd()

    def train_one(values):
        import train

        os.chdir(folder)
        train.main(train.Settings(**values))

    # the cluster may still grow
    cores = max(node["Resources"].get("CPU", 0) for node in ray.nodes())
    if settings.ray_cpus > cores:
        notice(f"waits for a node of {settings.ray_cpus} cores; the largest has {cores:g}")

    # no limit of tries: a run continues where it was, so that every try brings it forward
    gpus = min(1, ray.cluster_resources().get("GPU", 0))
    task = ray.remote(num_cpus=settings.ray_cpus, num_gpus=gpus, max_retries=-1)(train_one)

    shared = vars(settings) | {
        "config": str(config_file.resolve()),
        "datasets_dir": settings.datasets_dir.resolve(),
        "runs_dir": settings.runs_dir.resolve(),
        "ray": "",
    }
    pending = {}
    for run in runs:
        values = shared | settings_of_one(run.identity)
        pending[task.remote(values)] = run, values

    problems, started, ended = [], time.monotonic(), 0
    while pending:
        (done,), _ = ray.wait(list(pending))
        run, values = pending.pop(done)
        try:
            ray.get(done)
        except ray.exceptions.RayError as error:
            problems.append(problem(run, error))
        else:
            # a process of a lost node still held it
            if not run.summary:
                time.sleep(1)
                pending[task.remote(values)] = run, values
                continue
        ended += 1
        minutes = (time.monotonic() - started) / 60
        notice(
            f"{ended} of {len(runs)} runs: {run.folder}; {minutes:.0f} min so far, "
            f"about {minutes / ended * len(pending):.0f} min left"
        )
    return problems


def connected(address):
    """The module ``ray``, connected to the cluster at an address of ``Settings.ray``.

    Raises:
        InputError: if there is no Ray, or no such cluster.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError(
            "--ray: Ray is not installed: pip install -r requirements-optional.txt"
        ) from None

    # where nobody listens, Ray itself would try for minutes
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise InputError(f"--ray {address}: no such cluster: {error}") from None

    from synthetic_spectra.common import backend

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    variables = {"PYTHONPATH": str(CHECKOUT), "KERAS_BACKEND": backend.NAME}
    try:
        ray.init(address, runtime_env={"env_vars": variables}, logging_level="ERROR")
    except (ConnectionError, ValueError) as error:
        raise InputError(f"--ray {address}: no such cluster: {first_line(error)}") from None
    return ray


def problem(run, error):
    """Why a run cannot be trained, in one sentence, from what its node raised."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, InputError):
        return str(cause)
    # the end of the node's traceback
    return f"{run.folder}: {str(error).strip().splitlines()[-1]}"


def settings_of_one(identity):
    """The settings of train.py that choose a single run, name → value; all other settings are
    shared by the runs of a command."""
    activation = identity.hidden_activation
    return {
        "models": (identity.model,),
        # a model without hidden layers takes no other
        "hidden_activations": ("published" if activation == "none" else activation,),
        "seeds": (identity.seed,),
    }


class Drawer:
    """Draws parts of a stream of spectra, as an actor on a node.

    Args:
        definitions: content of the resolved config.
        seed: random seed of the run.
        folder: in which files that the config names are looked for.
    """

    def __init__(self, definitions, seed, folder):
        os.chdir(folder)
        self.source = sources.stream(config.parse(definitions, "config"))
        self.seed = seed

    def batch(self, epoch, start, end):
        return self.source.batch(self.seed, epoch, start, end)


class Actors:
    """Actors on the nodes of a Ray cluster that draw portions of a stream.

    A portion depends on its numbers alone: that of an actor which is lost is drawn here, and so are
    the next ones of the actor until Ray has started it anew.

    Args:
        definitions: the resolved config.
        seed: random seed of the run.
        n: actors, ≥ 1; those without a core after ``START`` seconds are left out.

    Raises:
        InputError: if this process is on no cluster.
    """

    def __init__(self, definitions, seed, n):
        # the process of a run on a node is connected already
        try:
            import ray
        except ModuleNotFoundError:
            ray = None
        if not (ray and ray.is_initialized()):
            raise InputError("--ray-actors: expected with --ray")
        drawn = definitions.content(), seed, Path.cwd()
        self.ray, self.here = ray, Drawer(*drawn)

        # a call of an actor that is being started anew fails at once, as it is not tried again
        kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=0)(Drawer)
        actors = [kind.remote(*drawn) for _ in range(n)]
        begun = {actor.__ray_ready__.remote(): actor for actor in actors}
        ready, late = ray.wait(list(begun), num_returns=n, timeout=START)
        for mark in late:
            ray.kill(begun[mark])
        if late:
            notice(f"  {len(ready)} of {n} actors have a core; the others are left out")

        self.in_flight = max(1, len(ready) * IN_FLIGHT)
        self.free = queue.SimpleQueue()
        for mark in ready * IN_FLIGHT:
            self.free.put(begun[mark])
        if not ready:
            self.free.put(None)

    def __call__(self, epoch, start, end):
        actor, lost = self.free.get(), self.ray.exceptions
        try:
            if actor:
                return self.ray.get(actor.batch.remote(epoch, start, end))
        # a large portion lies on the node of its actor, and is lost with that
        except (lost.RayActorError, lost.ObjectLostError, lost.NodeDiedError):
            notice("  an actor is lost; its portion is drawn here")
        finally:
            self.free.put(actor)
        return self.here.batch(epoch, start, end)

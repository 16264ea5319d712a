"""Runs on the nodes of a Ray cluster that share the disk."""

import os
import socket
import time
from pathlib import Path

from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.training import this_machine

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
        names = vars(train.Settings())
        train.main(train.Settings(**{name: values[name] for name in names}))

    # the cluster may still grow
    cores = max(node["Resources"].get("CPU", 0) for node in ray.nodes())
    if settings.ray_cpus > cores:
        notice(f"waits for a node of {settings.ray_cpus} cores; the largest has {cores:g}")

    # no limit of tries: a run continues where it was, so that every try brings it forward
    gpus = min(1, ray.cluster_resources().get("GPU", 0))
    task = ray.remote(num_cpus=settings.ray_cpus, num_gpus=gpus, max_retries=-1)(train_one)

    # what begins anew does so once, not in every try
    problems, able = [], []
    for run in runs:
        try:
            with run.locked() as free:
                if free and settings.resume == "never":
                    run.forget_states()
            able.append(run)
        except OSError as error:
            problems.append(this_machine.problem(run, error))
            notice(f"  cannot be trained: {problems[-1]}")
    resume = "same" if settings.resume == "never" else settings.resume

    shared = vars(settings) | {
        "resume": resume,
        "config": str(config_file.resolve()),
        "datasets_dir": settings.datasets_dir.resolve(),
        "runs_dir": settings.runs_dir.resolve(),
        "ray": "",
    }
    pending = {}
    for run in able:
        values = shared | settings_of_one(run.identity)
        pending[task.remote(values)] = run, values

    started, ended = time.monotonic(), 0
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
            f"{ended} of {len(able)} runs: {run.folder}; {minutes:.0f} min so far, "
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
    except RuntimeError as error:  # of another version of Ray or Python
        raise InputError(f"--ray {address}: {' '.join(str(error).split())}") from None
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

"""Helpers of the tests: the project's scripts, run as a user runs them."""

import contextlib
import csv
import io
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# the same examples in every run; new ones are searched for by benchmarks/fuzz.py
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ("--config", ROOT / "dataset_configs" / "example.json")


@pytest.fixture(scope="session")
def process():
    """A function that runs a script of the project in a folder, with environment variables, and
    returns the process."""

    def run(folder, script, *arguments, check=True, **variables):
        command = [sys.executable, ROOT / script, *map(str, arguments)]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WANDB")
        } | variables
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace"
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def passes_on_jax():
    """A function that runs the tests of some files, or those whose names hold one of some words,
    once more on JAX: all must pass, none may be skipped, and each word must be of a test."""
    pytest.importorskip("jax", reason="pip install -r requirements-optional.txt")

    def run(*files, words=("test",)):
        chosen = ("-m", "", "-k", f"({' or '.join(words)}) and not on_jax")
        command = [sys.executable, "-m", "pytest", "-n0", "-v", *files, *chosen]
        environment = os.environ | {"KERAS_BACKEND": "jax"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        passed = [line for line in done.stdout.splitlines() if re.search(r" PASSED( |$)", line)]
        assert all(any(word in line for line in passed) for word in words), done.stdout
        assert " SKIPPED" not in done.stdout, done.stdout

    return run


@pytest.fixture(scope="session")
def shell():
    """The same within this process, where Keras has started already: seconds less for each."""

    def run(folder, script, *arguments, check=True, **variables):
        command = [str(ROOT / script), *map(str, arguments)]
        stdout, stderr, code = io.StringIO(), io.StringIO(), 0

        arguments_before, path_before = sys.argv, sys.path[:]
        folder_before, variables_before = Path.cwd(), dict(os.environ)
        handler_before = signal.getsignal(signal.SIGTERM)
        try:
            sys.argv = command
            sys.path.insert(0, str(ROOT / Path(script).parent))
            os.chdir(folder)
            for name in [name for name in os.environ if name.startswith("WANDB")]:
                del os.environ[name]
            os.environ.update(variables)
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
                runpy.run_path(command[0], run_name="__main__")
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            sys.argv, sys.path = arguments_before, path_before
            os.chdir(folder_before)
            os.environ.clear()
            os.environ.update(variables_before)
            signal.signal(signal.SIGTERM, handler_before)

        done = subprocess.CompletedProcess(command, code, stdout.getvalue(), stderr.getvalue())
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(autouse=True)
def _float32():
    """Puts back what a training with another precision has set."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="module")
def _forgotten():
    """Frees the networks of a module: those of all together take gigabytes."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()


@pytest.fixture(scope="session")
def example(process, tmp_path_factory):
    """A folder in which the example is rendered."""
    folder = tmp_path_factory.mktemp("example")
    process(folder, "spectra_from_config.py", *EXAMPLE)
    return folder


def refused(done, *words):
    """Assert that a script ended with a user's mistake: exit code 2, one sentence that has all
    these words."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    complaint = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(complaint) == 1, done.stderr
    for word in words:
        assert str(word) in complaint[0], complaint[0]


def history(run):
    """The rows of a run's history.csv, column → number, without those that are seconds."""
    with (run / "history.csv").open() as file:
        return [
            {name: float(value) for name, value in row.items() if "seconds" not in name}
            for row in csv.DictReader(file)
        ]


def outcome(run):
    """All that a finished run left, but for its times."""
    import keras

    summary = json.loads((run / "summary.json").read_text())
    del summary["minutes"]
    with np.load(run / "predictions.npz") as kept:
        predictions = {split: kept[split].tolist() for split in kept.files}
    model = keras.models.load_model(run / "model.keras")
    weights = [array.tobytes() for array in model.get_weights()]
    return {
        "history": history(run),
        "summary": summary,
        "predictions": predictions,
        "weights": weights,
    }


def own_results():
    """Whether results/ hold runs that were counted here, and its page still shows those of the
    repository."""

    def changed(path):
        command = ["git", "diff", "--quiet", "HEAD", "--", path]
        return subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 1

    return (
        shutil.which("git") is not None and changed("results") and not changed("results/README.md")
    )

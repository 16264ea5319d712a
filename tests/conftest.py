"""Helpers of the tests: the project's scripts, run through the shell as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# the same examples in every run; new ones are searched for by benchmarks/fuzz.py
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shell():
    """A function that runs a script of the project in a folder, with environment variables, and returns the process."""

    def run(folder, script, *arguments, check=True, **variables):
        command = [sys.executable, ROOT / script, *map(str, arguments)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")} | variables
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def example(shell, tmp_path_factory):
    """A folder in which the example is rendered."""
    folder = tmp_path_factory.mktemp("example")
    shell(folder, "spectra_from_config.py", "--config", ROOT / "dataset_configs" / "example.json")
    return folder


def refused(done, *words):
    """Assert that a script ended with a user's mistake: exit code 2, one sentence that has all these words."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    complaint = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(complaint) == 1, done.stderr
    for word in words:
        assert str(word) in complaint[0], complaint[0]

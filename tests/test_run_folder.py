"""Run folders while other things happen: a busy disk, a second process, an edited network."""

import errno
import json
import os
import resource
import zipfile
from functools import partial
from pathlib import Path

import pytest
from conftest import EXAMPLE, refused

from model_implementations import MODELS
from synthetic_spectra.common.backend import keras
from synthetic_spectra.training import this_machine
from synthetic_spectra.training.run import Identity
from synthetic_spectra.training.run_folder import Run


def run_of(folder, **settings):
    identity = Identity("cnn2", "linear").settings()
    return Run(folder, {"config": "example", "versions": {}, **identity, **settings})


@pytest.fixture
def begun(tmp_path):
    """A run with two states."""
    run = run_of(tmp_path / "run")
    run.folder.mkdir()
    run.start("same")
    for epoch in (1, 2):
        run.record({"epoch": epoch})
        run.save_state({}, {})
    assert len(list(run.folder.glob("state-*.npz"))) == 2
    return run


def contents(run):
    return {path.name: path.read_bytes() for path in run.folder.iterdir()}


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ESTALE, errno.EIO])
def test_states_that_cannot_be_opened_now_are_not_taken_for_damaged_ones(
    begun, monkeypatch, number
):
    def failing(path):
        raise OSError(number, os.strerror(number), str(path))

    before = contents(begun)
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZipFile", failing)
        with pytest.raises(OSError, match=os.strerror(number)):
            begun.start("same")
    assert contents(begun) == before
    assert begun.start("same")


def test_a_state_on_a_bad_sector_is_passed_over(begun, monkeypatch, capsys):
    newest, opened = max(begun.folder.glob("state-*.npz")), zipfile.ZipFile

    def failing(path, *choices, **named):
        if path == newest:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return opened(path, *choices, **named)

    monkeypatch.setattr(zipfile, "ZipFile", failing)
    assert begun.start("same")
    assert len(begun.history) == 1
    assert f"{newest}: damaged" in capsys.readouterr().err


def test_a_folder_that_cannot_be_read_now_is_not_taken_for_an_empty_one(begun):
    before = contents(begun)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        # the lowest free number is too high
        with Path(os.devnull).open() as lowest:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno(), hard))
        for act in (begun.check, begun.damage, begun.start):
            with pytest.raises(OSError, match="Too many open files"):
                act("same")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert contents(begun) == before


def test_a_run_that_another_process_began_in_the_meantime_is_not_mixed_in(tmp_path):
    late, early = (run_of(tmp_path / "run", batch_size=size) for size in (8, 16))
    # both commands have looked, and nothing was there
    for run in (late, early):
        run.check("same")
    early.folder.mkdir()
    early.start("same")
    early.record({"epoch": 1})
    early.save_state({}, {})
    trained = []
    (problem,) = this_machine.train([late], trained.append)
    assert "batch_size 16, asked for is 8" in problem and not trained
    assert problem.count(str(late.folder)) == 1
    assert this_machine.train([early], lambda run: bool(run.start("same"))) == []


def test_a_network_of_other_layers_is_no_run_of_before(shell, example, tmp_path, monkeypatch):
    def network(input_size, classes, *, activation="relu"):
        hidden, last = keras.layers.Dense(4, activation), keras.layers.Dense(classes, "softmax")
        return keras.Sequential(
            [keras.Input((input_size, 1)), keras.layers.Flatten(), hidden, last]
        )

    flags = ("train.py", *EXAMPLE, "--models", "small", "--seeds", 0, "--epochs", 3)
    flags += ("--wandb", "disabled", "--runs-dir", tmp_path)
    monkeypatch.setitem(MODELS, "small", network)
    done = shell(example, *flags, "--time-budget", 0.01)
    assert "the same command continues" in done.stdout
    run = Run(tmp_path / "example" / "small-none-0", {})
    before = contents(run)

    monkeypatch.setitem(MODELS, "small", partial(network, activation="tanh"))
    done = shell(example, *flags, check=False)
    refused(done, run.folder, "the layers of small have changed", "--resume never")
    assert contents(run) == before

    # another version of Keras may describe the same layers in other words
    kept = json.loads((run.folder / "settings.json").read_text())
    kept["versions"]["keras"] = "3.0.0"
    (run.folder / "settings.json").write_text(json.dumps(kept))
    shell(example, *flags, "--resume", "force")
    assert run.summary["trained_epochs"] == 3

    # a finished run is skipped, unless its network was edited since then
    os.utime(run.folder / "settings.json", (0, 0))
    assert "1 of 1 runs finished already" in shell(example, *flags).stderr
    monkeypatch.setitem(MODELS, "small", network)
    before = contents(run)
    done = shell(example, *flags, check=False)
    refused(done, run.folder, "the layers of small have changed", "another --runs-dir")
    assert contents(run) == before

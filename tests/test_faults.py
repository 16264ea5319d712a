"""What may happen to a training: kills, signals, damage, full disks, second processes, diverging
losses, and runs that cannot be trained."""

import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import EXAMPLE, ROOT, outcome, refused

from model_implementations import MODELS
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import locked
from synthetic_spectra.training.run_folder import Run, found

# dropout, batch normalisation, and a learning rate that falls: all that has a state
RUN = (
    *EXAMPLE, "--models", "cnn_bn", "--model-args", "dense=[16]", "--seeds", 3, "--epochs", 12,
    "--batch-size", 25, "--learning-rate-patience", 1, "--state-share", 1, "--wandb", "disabled",
)  # fmt: skip
NAME = "cnn_bn-dense=[16]-linear-3"


def begin(folder, runs_dir, *flags, prefix=(), **options):
    """Start a training in the background; its notices are read line by line."""
    arguments = map(str, (*RUN, "--runs-dir", runs_dir, *flags))
    command = [*prefix, sys.executable, ROOT / "train.py", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, **pipes, **options)


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"ended without {text!r}")


@pytest.fixture(scope="module")
def undisturbed(shell, example, tmp_path_factory):
    """What the run gives when nothing happens to it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    shell(example, "train.py", *RUN, "--runs-dir", folder)
    result = outcome(folder / "example" / NAME)
    assert len({row["learning_rate"] for row in result["history"]}) > 1
    return result


@pytest.fixture(scope="module")
def killed(example, tmp_path_factory):
    """The runs folder of a training that was killed after epoch 3."""
    folder = tmp_path_factory.mktemp("killed")
    with begin(example, folder) as training:
        wait_for(training, "epoch 3:")
        training.kill()
    return folder


@pytest.fixture
def again(killed, tmp_path):
    """A copy of it."""
    return shutil.copytree(killed, tmp_path / "runs")


def unfinished(runs_dir):
    """The run in a runs folder."""
    (run,) = found(runs_dir, "example")
    return run


@pytest.mark.slow
def test_killed_and_interrupted_runs_continue_to_the_bit(shell, example, again, undisturbed):
    with begin(example, again) as training:
        wait_for(training, "continues after epoch")
        wait_for(training, "epoch 5:")
        training.send_signal(signal.SIGTERM)
        _, notices = training.communicate(timeout=300)
    assert training.returncode == 143
    assert re.fullmatch(r"stopped in epoch \d+ of .*; the same .*", notices.splitlines()[-1])
    done = shell(example, "train.py", *RUN, "--runs-dir", again)
    assert re.search(r"continues after epoch ([5-9]|1\d)\n", done.stderr)
    assert outcome(again / "example" / NAME) == undisturbed
    names = " ".join(sorted(path.name for path in (again / "example" / NAME).iterdir()))
    assert names == "history.csv lock model.keras predictions.npz settings.json summary.json"


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_each_signal_loses_nothing(shell, example, again, undisturbed, sent, code):
    with begin(example, again) as training:
        wait_for(training, "epoch 5:")
        training.send_signal(sent)
        training.communicate(timeout=300)
    assert training.returncode == code
    shell(example, "train.py", *RUN, "--runs-dir", again)
    assert outcome(again / "example" / NAME) == undisturbed


@pytest.mark.slow
def test_a_time_budget_changes_nothing(shell, example, tmp_path, undisturbed):
    run = tmp_path / "example" / NAME
    flags = (*RUN, "--runs-dir", tmp_path, "--state-share", 0.001)
    for _ in range(2):
        done = shell(example, "train.py", *flags, "--time-budget", 0.1)
        assert "the time budget is used" in done.stderr
        assert done.stdout == "runs not finished yet: 1; the same command continues\n"
    assert len((run / "history.csv").read_text().splitlines()) == 1 + 2  # an epoch at a time
    shell(example, "train.py", *flags, "--time-budget", 5000)
    assert outcome(run) == undisturbed
    both = shell(example, "train.py", *flags, "--ray", "auto", "--time-budget", 1, check=False)
    refused(both, "--time-budget")


def damage_end(path):
    path.write_bytes(path.read_bytes()[:-1000])


def damage_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damage_end, damage_middle])
def test_a_damaged_state_is_seen_and_the_one_before_it_taken(again, damage, capsys):
    before, newest = sorted((again / "example" / NAME).glob("state-*.npz"))
    damage(newest)
    run = unfinished(again)
    arrays, _ = run.start("same")
    assert f"{newest}: damaged" in capsys.readouterr().err
    assert len(run.history) == int(before.stem[-6:])
    with np.load(before) as kept:
        assert all(np.array_equal(arrays[name], kept[name]) for name in arrays)


def test_without_a_whole_state_a_run_begins_anew(again):
    for state in (again / "example" / NAME).glob("state-*.npz"):
        state.write_bytes(b"")
    run = unfinished(again)
    assert run.start("same") is None and run.history == []
    assert not run.history_file.exists()


def test_other_settings_and_versions_are_not_mixed_in(shell, example, again):
    done = shell(example, "train.py", *RUN, "--runs-dir", again, "--batch-size", 20, check=False)
    refused(done, NAME, "batch_size 25", "20", "--resume never")
    run, now = unfinished(again), keras.__version__
    asked = json.loads(json.dumps(run.settings))
    run.settings["versions"]["keras"] = "3.0.0"
    (run.folder / "settings.json").write_text(json.dumps(run.settings))
    same = Run(run.folder, asked)
    with pytest.raises(InputError, match=f"{re.escape(NAME)}.*3.0.0.*{now}.*--resume force"):
        same.check("same")
    same.check("force")
    assert same.start("force")
    assert unfinished(again).settings["versions"]["keras"] == f"3.0.0, then {now}"
    anew = Run(run.folder, asked | {"epochs": 1})
    anew.check("never")
    assert anew.start("never") is None


def test_a_damaged_run_keeps_no_other_from_its_training(shell, example, again):
    settings = again / "example" / NAME / "settings.json"
    settings.write_text("{")
    flags = (*RUN, "--models", "cnn_bn", "cnn2", "--epochs", 1, "--runs-dir", again)
    refused(shell(example, "train.py", *flags, check=False), settings, "not JSON")
    assert settings.read_text() == "{"
    assert (again / "example" / NAME.replace("cnn_bn", "cnn2") / "summary.json").is_file()


def test_a_run_is_trained_by_one_process(shell, example, tmp_path):
    folder = tmp_path / "example" / NAME
    folder.mkdir(parents=True)
    with locked(folder / "lock") as free:
        assert free
        done = shell(example, "train.py", *RUN, "--runs-dir", tmp_path)
    assert "is being trained by another process" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["lock"]


@pytest.mark.slow
def test_two_processes_share_the_runs_of_a_folder(example, tmp_path, undisturbed):
    both = [begin(example, tmp_path, "--seeds", 3, 4) for _ in range(2)]
    shown = [process.communicate(timeout=600)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("val_accuracy" in line for text in shown for line in text.splitlines()) == 24
    assert outcome(tmp_path / "example" / NAME) == undisturbed
    assert (tmp_path / "example" / NAME.replace("-3", "-4") / "summary.json").is_file()


@pytest.mark.slow
def test_a_full_disk_is_told_and_costs_nothing_more(shell, example, tmp_path, undisturbed):
    def limit():  # of the bytes in a file
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    with begin(example, tmp_path, preexec_fn=limit) as training:
        _, notices = training.communicate(timeout=300)
    assert training.returncode == 2, notices
    (complaint,) = [line for line in notices.splitlines() if line.startswith("error: ")]
    assert "File too large" in complaint
    assert not list((tmp_path / "example" / NAME).glob(".*"))
    shell(example, "train.py", *RUN, "--runs-dir", tmp_path)
    assert outcome(tmp_path / "example" / NAME) == undisturbed


@pytest.mark.slow
def test_a_read_only_folder_is_told(example, tmp_path):
    tmp_path.chmod(0o555)
    # root may write everywhere, but for this
    prefix = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
    with begin(example, tmp_path, prefix=prefix) as training:
        _, notices = training.communicate(timeout=300)
    assert training.returncode == 2
    assert re.search(r"error: .*Permission denied", notices)


@keras.saving.register_keras_serializable("tests")
class Unstable(keras.layers.Layer):
    """Gives no numbers for a batch in training, or outside of it; of two spectra it does."""

    def __init__(self, in_training, **choices):
        super().__init__(**choices)
        self.in_training = in_training

    def call(self, x, training=False):
        factor = keras.ops.where(keras.ops.shape(x)[0] > 2, float("nan"), 1.0)
        return x * factor if bool(training) == self.in_training else x

    def get_config(self):
        return super().get_config() | {"in_training": self.in_training}


def unstable(input_size, classes, *, in_training=True):
    spectra = keras.Input((input_size, 1))
    outputs = keras.layers.Dense(classes, "softmax")(keras.layers.Flatten()(spectra))
    return keras.Model(spectra, Unstable(in_training)(outputs))


@pytest.mark.parametrize("in_training", [True, False])
def test_a_loss_that_is_no_number_ends_the_run_and_is_counted(
    shell, example, tmp_path, monkeypatch, in_training
):
    monkeypatch.setitem(MODELS, "unstable", unstable)
    choice = f"in_training={str(in_training).lower()}"
    flags = (*RUN, "--models", "unstable", "--model-args", choice, "--runs-dir", tmp_path)
    done = shell(example, "train.py", *flags)
    where = r"loss nan in batch 1 of epoch 1" if in_training else "validation loss nan in epoch 1"
    assert re.search(f"diverged: {where}", done.stderr)
    (run,) = found(tmp_path, "example")
    assert (run.summary["outcome"], run.summary["diverged_epoch"]) == ("diverged", 1)
    assert not run.predictions_file.exists()


def test_runs_that_diverged_or_had_other_settings_are_told_apart(shell, example, tmp_path):
    small = (*RUN, "--models", "cnn2", "--runs-dir", tmp_path)
    done = shell(example, "train.py", *small, "--learning-rate", 1e30)
    assert re.search(r"diverged: loss (nan|inf) in batch \d of epoch 1", done.stderr)
    shell(example, "train.py", *small, "--seeds", 4, "--learning-rate", 1e-30, "--epochs", 1)
    flags = (*EXAMPLE, "--runs-dir", tmp_path, "--results-dir", tmp_path, "--wandb", "disabled")
    done = shell(example, "evaluate.py", *flags, check=False)
    refused(done, "differ in epochs (12; 1)", "--mixed")
    table = shell(example, "evaluate.py", *flags, "--mixed").stdout
    assert re.search(r"runs +diverged +not converged", table)
    with (tmp_path / "example.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["outcome"] for row in rows] == ["diverged", "not converged"]
    assert rows[0]["test_misclassified"] == ""


def test_a_run_that_cannot_be_trained_keeps_no_other_from_its_training(
    shell, example, tmp_path, monkeypatch
):
    def failing(error):
        def build(input_size, classes, *, dense=(4,), hidden_activation="linear"):
            raise error

        return build

    errors = {"a": InputError("too short"), "b": TypeError("no such"), "c": OSError("gone")}
    for name, error in errors.items():
        monkeypatch.setitem(MODELS, name, failing(error))
    flags = (*RUN, "--models", *errors, "cnn2", "--epochs", 1, "--runs-dir", tmp_path)
    done = shell(example, "train.py", *flags, check=False)
    refused(done, *(f"{name}-dense=[16]-linear-3" for name in errors), "no such", "gone")
    assert "cnn2" in done.stdout
    finished = [run.identity.model for run in found(tmp_path, "example") if run.summary]
    assert finished == ["cnn2"]
    # what nobody foresaw is told at length
    report = tmp_path / "example" / "b-dense=[16]-linear-3" / "error.txt"
    assert "Traceback" in report.read_text()

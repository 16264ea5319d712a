"""What may happen to a training: kills, signals, damage, full disks, second processes, diverging
losses."""

import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, refused

from synthetic_spectra.common.backend import keras

EXAMPLE = ("--config", ROOT / "dataset_configs" / "example.json")
# dropout, batch normalisation, and a learning rate that falls: all that has a state
RUN = (
    *EXAMPLE, "--models", "cnn_bn", "--model-args", "dense=[16]", "--seeds", 3, "--epochs", 8, "--batch-size", 25,
    "--learning-rate-patience", 1, "--state-share", 1, "--wandb", "disabled",
)  # fmt: skip
NAME = "cnn_bn-dense=[16]-linear-3"


def begin(folder, runs_dir, *flags, prefix=(), **options):
    """Start a training in the background; its output is read line by line."""
    command = [
        *prefix,
        sys.executable,
        ROOT / "train.py",
        *map(str, RUN),
        "--runs-dir",
        runs_dir,
        *map(str, flags),
    ]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("WANDB")
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, **pipes, **options)


def wait_for(process, text):
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"ended without {text!r}: {process.stderr.read()}")


def outcome(run):
    """All that a finished run tells but for its times."""
    with (run / "history.csv").open() as file:
        history = [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in csv.DictReader(file)
        ]
    summary = json.loads((run / "summary.json").read_text())
    del summary["minutes"]
    with np.load(run / "predictions.npz") as kept:
        predictions = {split: kept[split].tolist() for split in kept.files}
    weights = [
        array.tobytes() for array in keras.models.load_model(run / "model.keras").get_weights()
    ]
    return {"history": history, "summary": summary, "predictions": predictions, "weights": weights}


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
    """The runs folder of a training that was killed after epoch 4."""
    folder = tmp_path_factory.mktemp("killed")
    with begin(example, folder) as training:
        wait_for(training, "epoch 4")
        training.kill()
    return folder


@pytest.fixture
def again(killed, tmp_path):
    """A copy of it."""
    return shutil.copytree(killed, tmp_path / "runs")


def test_killed_runs_go_on_to_the_bit(shell, example, again, undisturbed):
    with begin(example, again) as training:
        wait_for(training, "continues after epoch")
        wait_for(training, "epoch 6")
        training.kill()
    done = shell(example, "train.py", *RUN, "--runs-dir", again)
    assert re.search(r"continues after epoch [567]", done.stdout)
    assert outcome(again / "example" / NAME) == undisturbed
    assert sorted(path.name for path in (again / "example" / NAME).iterdir()) == [
        "history.csv", "lock", "model.keras", "predictions.npz", "settings.json", "summary.json",
    ]  # fmt: skip


def test_a_time_budget_ends_between_epochs_and_changes_nothing(
    shell, example, tmp_path, undisturbed
):
    run = tmp_path / "example" / NAME
    flags = (*RUN, "--runs-dir", tmp_path, "--state-share", 0.001)
    for _ in range(2):
        done = shell(example, "train.py", *flags, "--time-budget", 0.1)
        assert "the time budget of 0.1 s is used" in done.stdout
        assert "1 runs are not finished" in done.stdout
    assert len((run / "history.csv").read_text().splitlines()) == 1 + 2  # an epoch at a time
    shell(example, "train.py", *flags, "--time-budget", 500)
    assert outcome(run) == undisturbed
    refused(
        shell(example, "train.py", *flags, "--ray", "auto", "--time-budget", 1, check=False),
        "--time-budget",
    )


def damage_end(path):
    path.write_bytes(path.read_bytes()[:-1000])


def damage_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damage_end, damage_middle])
def test_a_damaged_state_is_seen_and_the_one_before_it_taken(
    shell, example, again, undisturbed, damage
):
    before, newest = sorted((again / "example" / NAME).glob("state-*.npz"))
    damage(newest)
    done = shell(example, "train.py", *RUN, "--runs-dir", again)
    assert f"{newest}: damaged" in done.stdout
    assert f"continues after epoch {int(before.stem[-6:])}" in done.stdout
    assert outcome(again / "example" / NAME) == undisturbed


def test_without_a_whole_state_a_run_begins_anew(shell, example, again, undisturbed):
    for state in (again / "example" / NAME).glob("state-*.npz"):
        state.write_bytes(b"")
    assert "continues" not in shell(example, "train.py", *RUN, "--runs-dir", again).stdout
    assert outcome(again / "example" / NAME) == undisturbed


def test_other_settings_and_versions_are_not_mixed_in(shell, example, again):
    def train(*flags):
        return shell(example, "train.py", *RUN, "--runs-dir", again, *flags, check=False)

    refused(train("--batch-size", 20), NAME, "batch_size 25", "20", "--resume never")
    path = again / "example" / NAME / "settings.json"
    settings = json.loads(path.read_text())
    settings["versions"]["keras"] = "3.0.0"
    path.write_text(json.dumps(settings))
    refused(train(), NAME, "3.0.0", keras.__version__, "--resume force")
    anew = shutil.copytree(again, again.with_name("anew"))
    assert "continues after epoch" in train("--resume", "force").stdout
    assert json.loads(path.read_text())["versions"]["keras"] == f"3.0.0, then {keras.__version__}"
    done = shell(example, "train.py", *RUN, "--runs-dir", anew, "--resume", "never", "--epochs", 1)
    assert "continues" not in done.stdout


@pytest.mark.parametrize("sent, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_training_between_batches_and_loses_nothing(
    shell, example, again, undisturbed, sent, code
):
    with begin(example, again) as training:
        wait_for(training, "epoch 5")
        training.send_signal(sent)
        _, complaint = training.communicate(timeout=60)
    assert training.returncode == code
    assert re.fullmatch(
        r"stopped in epoch \d of .*; the same command continues the run\n", complaint
    )
    shell(example, "train.py", *RUN, "--runs-dir", again)
    assert outcome(again / "example" / NAME) == undisturbed


def test_two_processes_share_the_runs_of_a_folder(example, tmp_path, undisturbed):
    both = [begin(example, tmp_path, "--seeds", 3, 4) for _ in range(2)]
    shown = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(text.count("  done") for text in shown) == 2, shown
    assert any("is being trained by another process" in text for text in shown)
    assert outcome(tmp_path / "example" / NAME) == undisturbed
    assert (tmp_path / "example" / NAME.replace("-3", "-4") / "summary.json").is_file()


def test_a_full_disk_is_told_and_costs_nothing_more(shell, example, tmp_path, undisturbed):
    def limit():  # of the bytes in a file
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    with begin(example, tmp_path, preexec_fn=limit) as training:
        _, complaint = training.communicate(timeout=120)
    assert training.returncode == 2, complaint
    assert complaint.count("error: ") == 1
    assert "File too large" in complaint
    assert not list((tmp_path / "example" / NAME).glob(".*"))
    shell(example, "train.py", *RUN, "--runs-dir", tmp_path)
    assert outcome(tmp_path / "example" / NAME) == undisturbed


def test_a_read_only_folder_is_told(example, tmp_path):
    tmp_path.chmod(0o555)
    # root may write everywhere, but for this
    prefix = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
    with begin(example, tmp_path, prefix=prefix) as training:
        _, complaint = training.communicate(timeout=120)
    assert training.returncode == 2
    assert re.search(r"error: .*Permission denied", complaint)


def test_killed_rendering_leaves_no_dataset_and_is_repeated(shell, tmp_path):
    command = [
        sys.executable,
        ROOT / "spectra_from_config.py",
        *map(str, EXAMPLE),
        "--n-train",
        "20000",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as rendering:
        while not list(tmp_path.glob("datasets/.*/x_train.npy")):
            time.sleep(0.001)
            assert rendering.poll() is None
        rendering.kill()
    assert not (tmp_path / "datasets" / "example").exists()
    shell(tmp_path, "spectra_from_config.py", *EXAMPLE)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["example"]


def test_a_diverging_loss_ends_the_run_and_is_counted(shell, example, tmp_path):
    where = ("--runs-dir", tmp_path)
    done = shell(example, "train.py", *RUN, *where, "--learning-rate", 1e30)
    assert re.search(r"diverged: loss (nan|inf) in batch \d of epoch 1", done.stdout)
    summary = json.loads((tmp_path / "example" / NAME / "summary.json").read_text())
    assert (summary["outcome"], summary["diverged_epoch"]) == ("diverged", 1)
    shell(example, "train.py", *RUN, *where, "--seeds", 4, "--learning-rate", 1e-30, "--epochs", 1)
    flags = ("--results-dir", tmp_path, "--wandb", "disabled")
    done = shell(example, "evaluate.py", *EXAMPLE, *where, *flags, check=False)
    refused(done, "differ in epochs (8; 1)", "--mixed")
    table = shell(example, "evaluate.py", *EXAMPLE, *where, *flags, "--mixed").stdout
    assert re.search(r"runs +diverged +not converged", table)
    with (tmp_path / "example.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["outcome"] for row in rows] == ["diverged", "not converged"]
    assert rows[0]["test_misclassified"] == ""

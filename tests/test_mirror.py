"""Weights & Biases with the real client, against a small service on this machine."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EXAMPLE, ROOT, history
from wandb_service import Service

from synthetic_spectra.training import run_settings

# 40 characters, as the client asks for
KEY = "0marker0key0" * 3 + "0000"
# seconds for a service that answers, however busy the machine is
PATIENT = 300
# seconds for one that does not answer; where the client itself is too slow for the first of them,
# as the machine is busy, the next one is tried
IMPATIENT = (4, 30, 150)
SMALL = (
    *EXAMPLE, "--models", "cnn2", "--model-args", "dense=[16]", "--seeds", 0, "--epochs", 3,
    "--wandb-timeout", PATIENT,
)  # fmt: skip
NAME = "cnn2-dense=[16]-linear-0"

# copies a finished run once more, as train.py does while it trains, up to a number of epochs
COPY = """
import csv, json, os, sys, time
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training.run_folder import found
from synthetic_spectra.training.wandb_mirror import Mirror

datasets_dir, runs_dir, timeout, epochs = sys.argv[1:]
(run,) = found(runs_dir, "example")
with run.history_file.open() as file:
    rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
mirror = Mirror("auto", "synthetic-benchmark", int(timeout))
mirror.start(run, dataset.load(datasets_dir, "example"))
for row in rows[: int(epochs)]:
    mirror.log(row | {"epoch": int(row["epoch"])})
if int(epochs) < len(rows):
    while mirror.actions.qsize():
        time.sleep(0.01)
    # the process ends as one that is killed
    os._exit(1)
mirror.finish(run, run.summary)
print("copied" if mirror.close() else "left behind")
"""

# begins two runs as train.py does, of which the first is that of a sweep
SWEEP = """
import sys
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training.run_folder import Run, found
from synthetic_spectra.training.wandb_mirror import Mirror

datasets_dir, runs_dir, folder, timeout = sys.argv[1:]
(finished,) = found(runs_dir, "example")
mirror = Mirror("auto", "synthetic-benchmark", int(timeout))
for seed in (0, 1):
    run = Run(f"{folder}/{seed}", finished.settings | {"seed": seed, "run_id": None})
    with run.locked():
        run.start("same", mirror.next_id())
    mirror.start(run, dataset.load(datasets_dir, "example"))
    mirror.log({"epoch": 1, "loss": 0.5})
    mirror.finish(run, finished.summary)
    print(run.settings["run_id"])
print(mirror.close())
"""


@pytest.fixture
def service():
    """A function that starts a service."""
    begun = []

    def begin(*arguments):
        begun.append(Service(*arguments))
        return begun[-1]

    yield begin
    for one in begun:
        one.stop()


@pytest.fixture
def home(tmp_path):
    """Environment variables of a user with nothing but a key."""
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "WANDBKEY": KEY}


@pytest.fixture(scope="module")
def trained(shell, example, tmp_path_factory):
    """The runs folder of a finished run without a mirror."""
    folder = tmp_path_factory.mktemp("trained")
    shell(example, "train.py", *SMALL, "--wandb", "disabled", "--runs-dir", folder)
    return folder


def command(*arguments, folder, check=True, **variables):
    """Run Python in a folder, without the W&B variables of this process but with others."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("WANDB")
    }
    environment |= variables | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        # only so that a client that never ends fails the test
        timeout=600,
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


@pytest.fixture
def copied(example, trained):
    """A function that copies the finished run: timeout, epochs, environment variables."""

    def run(timeout=PATIENT, epochs=3, check=True, **variables):
        arguments = (example / "datasets", trained, timeout, epochs)
        return command("-c", COPY, *arguments, folder=example, check=check, **variables)

    return run


def has_all(service, run):
    """Assert that the service has every epoch and every value of the summary, each once."""
    assert service.ended.wait(60)
    with (run / "history.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert len(rows) == len(service.history)
    for row, sent in zip(rows, service.history, strict=True):
        assert sent.items() >= row.items()
    summary = json.loads((run / "summary.json").read_text())
    assert service.summary.items() >= summary.items()
    assert service.summary["wrong_class"] == summary["test_misclassified"]


@pytest.mark.slow
def test_a_service_that_answers_gets_everything_and_the_key_stays_in_the_environment(
    process, example, service, home
):
    place = Path(home["HOME"])
    answering = service()
    variables = {"WANDB_BASE_URL": answering.url, **home}
    done = process(example, "train.py", *SMALL, "--runs-dir", place / "runs", **variables)
    assert "Weights & Biases" not in done.stdout + done.stderr and "wandb" not in done.stderr
    run = place / "runs" / "example" / NAME
    has_all(answering, run)

    # what the run is
    begun = answering.begun[0]
    named = (begun["project"], begun["groupName"], begun["displayName"], begun["jobType"])
    assert named == ("synthetic-benchmark", "example", NAME, "train")
    config = {name: entry["value"] for name, entry in json.loads(begun["config"]).items()}
    settings = json.loads((run / "settings.json").read_text())
    assert config | settings | {"model_args": "dense=[16]"} == config
    assert begun["name"] == settings["run_id"]

    # its dataset, its model, its predictions
    data, model = sorted(answering.artifacts, key=lambda artifact: artifact["artifactTypeName"])
    assert data["artifactCollectionName"] == "example"
    assert model["artifactCollectionName"] == "example-cnn2-dense_16_-linear-0"
    metadata = json.loads(data["metadata"])
    assert metadata["dataset_checksum"] == settings["dataset_checksum"]
    assert metadata["sha256"].keys() >= {"config.json", "x_train.npy", "y_test.npy"}
    assert len(answering.used) == 1
    for file in ("model.keras", "predictions.npz"):
        assert answering.uploads[f"/artifact/{file}"] == (run / file).read_bytes()
    assert "/artifact/config.json" in answering.uploads
    assert "/artifact/x_train.npy" not in answering.uploads

    # the tables of its evaluation, once
    arguments = (*EXAMPLE, "--runs-dir", place / "runs", "--results-dir", place / "results")
    done_too = process(example, "evaluate.py", *arguments, **variables)
    media = [path for path in answering.uploads if "/media/" in path]
    assert any("results" in path and path.endswith(".table.json") for path in media)
    assert any("summary" in path and path.endswith(".table.json") for path in media)
    before = len(answering.begun)
    process(example, "evaluate.py", *arguments, **variables)
    assert len(answering.begun) == before

    # the key is nowhere
    assert KEY not in done.stdout + done.stderr + done_too.stdout + done_too.stderr
    files = [path for path in place.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path
    assert not any(KEY.encode() in content for content in answering.uploads.values())


def test_without_a_key_the_mirror_is_offline_and_holds_what_the_run_folder_holds(trained, copied):
    done = copied()
    run = trained / "example" / NAME
    (log,) = run.glob("wandb/offline-run-*/run-*.wandb")
    assert f"wandb sync --no-skip-online {os.path.relpath(log.parent, '/')}"[-60:] in done.stderr
    inspected = command("-m", "wandb", "leet", "inspect", "--json", log, folder=run)
    records = [json.loads(line) for line in inspected.stdout.splitlines()]

    (begun,) = [record["run"] for record in records if record["type"] == "run"]
    settings = run_settings.kept(run)
    config = begun["config"]["update"]
    assert config | settings | {"model_args": "dense=[16]"} == config
    named = (begun["project"], begun["run_group"], begun["display_name"])
    assert named == ("synthetic-benchmark", "example", NAME)
    mirrored = [record["history"]["item"] for record in records if record["type"] == "history"]
    assert len(mirrored) == 3
    for row, kept in zip(mirrored, history(run), strict=True):
        assert row.items() >= kept.items()
    summary = {}
    for record in records:
        if record["type"] == "summary":
            summary |= record["summary"]["update"]
    assert summary.items() >= json.loads((run / "summary.json").read_text()).items()


def test_a_killed_run_continues_as_the_same_run(service, home, trained, copied):
    answering = service()
    variables = {"WANDB_BASE_URL": answering.url, **home}
    copied(epochs=1, check=False, **variables)
    assert not answering.ended.is_set()
    copied(**variables)
    has_all(answering, trained / "example" / NAME)
    assert len({begun["name"] for begun in answering.begun}) == 1
    assert len(answering.begun) > 1


@pytest.mark.parametrize(
    "at_start, after_start",
    [
        pytest.param("refuse", None, id="refuses"),
        pytest.param("hang", None, id="hangs"),
        pytest.param("answer", "refuse", id="answers and then refuses", marks=pytest.mark.slow),
        pytest.param("answer", "hang", id="answers and then hangs", marks=pytest.mark.slow),
    ],
)
def test_a_failing_service_costs_nothing(
    service, home, example, trained, copied, at_start, after_start
):
    failing = service(after_start)
    if at_start == "refuse":
        failing.stop()
    failing.state = at_start
    for seconds in IMPATIENT:
        done = copied(seconds, WANDB_BASE_URL=failing.url, **home)
        assert KEY not in done.stdout + done.stderr
        if sync := re.search(r"(wandb sync .+)", done.stderr):
            break
        assert f"no copy has begun within {2 * seconds} s" in done.stderr

    # the command that is shown sends everything, once a service answers
    answering = service()
    variables = home | {"WANDB_BASE_URL": answering.url, "WANDB_API_KEY": KEY}
    command("-m", *shlex.split(sync[1]), folder=example, **variables)
    has_all(answering, trained / "example" / NAME)


@pytest.mark.parametrize("sweep", ["", "sweep0"])
def test_the_recorded_id_is_that_of_the_run_in_wandb(
    service, home, example, trained, tmp_path, sweep
):
    answering = service()
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text("wandb_version: 1\nseeds:\n  value: [0, 1]\n")
    variables = home | {"WANDB_BASE_URL": answering.url, "WANDB_RUN_ID": "given0"}
    if sweep:
        variables |= {"WANDB_SWEEP_ID": sweep, "WANDB_SWEEP_PARAM_PATH": str(parameters)}
    arguments = (example / "datasets", trained, tmp_path, PATIENT)
    done = command("-c", SWEEP, *arguments, folder=tmp_path, **variables)
    *recorded, sent = done.stdout.split()
    assert sent == "True", done.stderr
    sweeps = {}
    for begun in answering.begun:
        sweeps.setdefault(begun["name"], (begun["displayName"], begun["sweep"]))
    assert list(sweeps) == recorded
    assert recorded[0] == "given0" != recorded[1]
    assert list(sweeps.values()) == [("0", sweep or None), ("1", None)]


@pytest.mark.parametrize("variables, words", [
    ({"WANDB_MODE": "nonsense"}, "WANDB_MODE 'nonsense': unknown"),
    ({"WANDB_SILENT": "nonsense"}, "silent is 'nonsense'"),
    ({"WANDB_API_KEY": "short"}, "API key must have 40"),
    ({"HOME": "/proc/none"}, ""),
])  # fmt: skip
def test_any_surroundings_are_told_in_one_sentence(copied, variables, words):
    notices = copied(**variables).stderr.splitlines()
    assert all(line.startswith("Weights & Biases: ") for line in notices), notices
    assert any(words in line for line in notices)

"""Weights & Biases with the real client: against a small server on this machine that answers,
refuses or hangs."""

import contextlib
import csv
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tyro
import yaml
from conftest import ROOT

import train

KEY = "0marker0key0" * 3 + "0000"  # 40 characters, as the client asks for
TIMEOUT = 4
EPOCHS = 3
EXAMPLE = ROOT / "dataset_configs" / "example.json"
SMALL = (
    "--config", EXAMPLE, "--models", "vgg", "--seeds", 0, "--epochs", EPOCHS, "--wandb-timeout", TIMEOUT,
)  # fmt: skip
# what the client reads of an artifact that it has sent
PROJECT = {"id": "p", "internalId": "p", "name": "project", "entity": {"name": "someone"}}
COLLECTION = {"__typename": "ArtifactSequence", "name": "example", "project": PROJECT}
ARTIFACT = {
    "__typename": "Artifact", "id": "QQ==", "artifactSequence": COLLECTION, "versionIndex": 0,
    "artifactType": {"name": "dataset"}, "description": None, "metadata": "{}", "ttlDurationSeconds": -1,
    "ttlIsInherited": True, "tags": [], "historyStep": None, "state": "COMMITTED", "size": 1, "digest": "d",
    "commitHash": "c", "fileCount": 1, "createdAt": "2026-01-01T00:00:00Z", "updatedAt": None, "aliases": [],
}  # fmt: skip


class Service:
    """Answers what the client asks of Weights & Biases, and keeps it.

    Args:
        after_start: what it does once a run has begun: "answer", "refuse" connections, or "hang"
            (say nothing).
    """

    def __init__(self, after_start="answer"):
        self.state, self.after_start = "answer", after_start
        self.begun, self.artifacts, self.used, self.uploads = [], [], [], {}
        self.history, self.summary, self.ended = [], {}, threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.answer({})

            def do_PUT(self):
                service.uploads[self.path] = self.content()
                self.answer({})

            def do_POST(self):
                content = json.loads(self.content() or "{}")
                if self.path != "/graphql":
                    service.take(content)
                    return self.answer({})
                name = re.match(r"\s*(?:query|mutation)\s+(\w+)", content["query"])[1]
                self.answer({"data": service.data(name, content.get("variables") or {})})
                if name == "UpsertBucket" and service.after_start == "refuse":
                    service.stop()
                elif name == "UpsertBucket":
                    service.state = service.after_start

            def content(self):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def answer(self, content):
                while service.state == "hang":
                    time.sleep(0.05)
                if service.state == "refuse":
                    self.close_connection = True
                    return
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle(self):
                with contextlib.suppress(OSError):  # the client has gone
                    super().handle()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, stream):
        files = stream.get("files", {})
        for line in files.get("wandb-history.jsonl", {}).get("content", ()):
            self.history.append(json.loads(line))
        for line in files.get("wandb-summary.json", {}).get("content", ()):
            self.summary |= json.loads(line)
        if stream.get("complete"):
            self.ended.set()

    def data(self, name, variables):
        upload = {"uploadHeaders": []}
        manifest = {"id": "m", "file": {"uploadUrl": f"{self.url}/manifest", **upload}}
        if name == "RunResumeStatus":
            known = any(begun["name"] == variables["name"] for begun in self.begun)
            return {"model": {"bucket": self.status(variables["name"]) if known else None}}
        if name == "UpsertBucket":
            self.begun.append(variables)
            bucket = {
                "id": "r",
                "name": variables["name"],
                "project": PROJECT,
                "historyLineCount": 0,
            }
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if name == "CreateArtifact":
            self.artifacts.append(variables["input"])
            return {
                "createArtifact": {
                    "artifact": {"id": "QQ==", "state": "PENDING", "artifactSequence": {"id": "s"}}
                }
            }
        if name == "UseArtifact":
            self.used.append(variables["input"])
            return {"useArtifact": {"artifact": {"id": "QQ=="}}}
        if name == "CreateArtifactFiles":
            names = [file["name"] for file in variables["input"]["artifactFiles"]]
            nodes = [
                {
                    "name": file,
                    "artifact": {"id": "QQ=="},
                    "uploadUrl": f"{self.url}/artifact/{file}",
                    **upload,
                }
                for file in names
            ]
            return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}
        if name == "CreateRunFiles":
            files = [
                {"name": file, "uploadUrl": f"{self.url}/run/{file}"} for file in variables["files"]
            ]
            return {"createRunFiles": {"runID": "r", "files": files, **upload}}
        return {
            "Viewer": {
                "viewer": {"id": "u", "entity": "someone", "username": "someone", "flags": "{}"}
            },
            "ServerFeaturesQuery": {"serverInfo": {"features": []}},
            "CreateArtifactManifest": {"createArtifactManifest": {"artifactManifest": manifest}},
            "UpdateArtifactManifest": {"updateArtifactManifest": {"artifactManifest": manifest}},
            "CommitArtifact": {"commitArtifact": {"artifact": {"id": "QQ==", "digest": "d"}}},
            "ArtifactByID": {"artifact": ARTIFACT},
            "ArtifactType": {"project": None},
            "OrganizationCoreWeaveOrganizationID": {"entity": None},
        }[name]

    def status(self, name):
        """What a run that is taken up asks for: how much of it has arrived."""
        last = json.dumps([json.dumps(row) for row in self.history[-1:]])
        lines = {"historyLineCount": len(self.history), "eventsLineCount": 0, "logLineCount": 0}
        tails = {
            "historyTail": last,
            "eventsTail": "[]",
            "summaryMetrics": json.dumps(self.summary),
        }
        begun = {
            "id": "r",
            "name": name,
            "displayName": name,
            "config": "{}",
            "wandbConfig": '{"t": 1}',
        }
        return begun | lines | tails

    def stop(self):
        """Refuse connections from now on, and close those that are open."""
        self.state = "refuse"
        self.server.shutdown()
        self.server.server_close()


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


def rows_on_disk(run):
    with (run / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def has_all(service, run, epochs=EPOCHS):
    """Assert that the service has every epoch and every value of the summary."""
    assert service.ended.wait(10)
    rows = rows_on_disk(run)
    assert len(rows) == len(service.history) == epochs
    for row, sent in zip(rows, service.history, strict=True):
        assert sent.items() >= row.items()
    summary = json.loads((run / "summary.json").read_text())
    assert service.summary.items() >= summary.items()
    assert service.summary["wrong_class"] == summary["test_misclassified"]


def test_a_service_that_answers_gets_everything_and_the_key_stays_in_the_environment(
    process, example, service, home
):
    place = Path(home["HOME"])
    answering = service()
    done = process(
        example,
        "train.py",
        *SMALL,
        "--runs-dir",
        place / "runs",
        WANDB_BASE_URL=answering.url,
        **home,
    )
    assert "Weights & Biases" not in done.stdout + done.stderr
    run = place / "runs" / "example" / "vgg-linear-0"
    has_all(answering, run)
    begun = answering.begun[0]
    named = (begun["project"], begun["groupName"], begun["displayName"], begun["jobType"])
    assert named == ("synthetic-benchmark", "example", "vgg-linear-0", "train")
    config = {name: entry["value"] for name, entry in json.loads(begun["config"]).items()}
    settings = json.loads((run / "settings.json").read_text())
    assert config | settings | {"model_args": ""} == config
    data, model = sorted(answering.artifacts, key=lambda artifact: artifact["artifactTypeName"])
    assert (data["artifactCollectionName"], model["artifactCollectionName"]) == (
        "example",
        "example-vgg-linear-0",
    )
    assert json.loads(data["metadata"])["dataset_checksum"] == settings["dataset_checksum"]
    assert json.loads(data["metadata"])["sha256"].keys() >= {
        "config.json",
        "x_train.npy",
        "y_test.npy",
    }
    assert len(answering.used) == 1
    for file in ("model.keras", "predictions.npz"):
        assert answering.uploads[f"/artifact/{file}"] == (run / file).read_bytes()
    assert "/artifact/config.json" in answering.uploads
    assert "/artifact/x_train.npy" not in answering.uploads

    arguments = (
        "--config",
        EXAMPLE,
        "--runs-dir",
        place / "runs",
        "--results-dir",
        place / "results",
    )
    done_too = process(example, "evaluate.py", *arguments, WANDB_BASE_URL=answering.url, **home)
    media = [path for path in answering.uploads if "/media/" in path]
    assert any("results" in path and path.endswith(".table.json") for path in media)
    assert any("summary" in path and path.endswith(".table.json") for path in media)
    before = len(answering.begun)
    process(example, "evaluate.py", *arguments, WANDB_BASE_URL=answering.url, **home)
    assert len(answering.begun) == before

    assert KEY not in done.stdout + done.stderr + done_too.stdout + done_too.stderr
    files = [path for path in place.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path
    assert not any(KEY.encode() in content for content in answering.uploads.values())


def test_a_killed_run_goes_on_as_the_same_run(process, example, service, home, tmp_path):
    answering = service()
    epochs = 10
    flags = (*SMALL, "--epochs", epochs, "--runs-dir", tmp_path, "--state-share", 1)
    environment = os.environ | home | {"WANDB_BASE_URL": answering.url}
    command = [sys.executable, ROOT / "train.py", *map(str, flags)]
    with subprocess.Popen(
        command, cwd=example, env=environment, stdout=subprocess.DEVNULL
    ) as training:
        run = tmp_path / "example" / "vgg-linear-0"
        while not (answering.begun and list(run.glob("state-*.npz"))) and training.poll() is None:
            time.sleep(0.01)
        training.kill()
    assert not (run / "summary.json").exists()
    process(example, "train.py", *flags, WANDB_BASE_URL=answering.url, **home)
    has_all(answering, run, epochs)
    assert len({begun["name"] for begun in answering.begun}) == 1
    assert len(answering.begun) > 1


@pytest.mark.parametrize(
    "at_start, after_start",
    [("refuse", None), ("hang", None), ("answer", "refuse"), ("answer", "hang")],
    ids=["refuses", "hangs", "answers and then refuses", "answers and then hangs"],
)
def test_a_failing_service_costs_nothing(
    process, example, service, home, tmp_path, at_start, after_start
):
    failing = service(after_start)
    if at_start == "refuse":
        failing.stop()
    failing.state = at_start
    done = process(
        example, "train.py", *SMALL, "--runs-dir", tmp_path, WANDB_BASE_URL=failing.url, **home
    )
    ended = time.time()
    run = tmp_path / "example" / "vgg-linear-0"
    assert len(rows_on_disk(run)) == EPOCHS
    assert (
        ended - (run / "summary.json").stat().st_mtime < 3 * TIMEOUT + 5
    )  # and 5 for Python to end
    assert KEY not in done.stdout + done.stderr
    # the command that is printed sends everything, once a service answers
    answering = service()
    command = re.search(r"(wandb sync .+)", done.stdout)[1]
    sync = [sys.executable, "-m", *shlex.split(command)]
    environment = os.environ | home | {"WANDB_BASE_URL": answering.url, "WANDB_API_KEY": KEY}
    subprocess.run(sync, cwd=example, env=environment, check=True, capture_output=True, timeout=60)
    has_all(answering, run)


def test_the_sweep_is_every_run_of_the_benchmark_once():
    sweep = yaml.safe_load((ROOT / "sweep.yaml").read_text())
    given = [
        [f"--{name}={value}" for value in choice.get("values", [choice.get("value")])]
        for name, choice in sweep["parameters"].items()
    ]
    runs = [tyro.cli(train.Settings, args=arguments) for arguments in itertools.product(*given)]
    whole = train.Settings()
    assert {run.config for run in runs} == {whole.config}
    chosen = [(*run.models, *run.seeds) for run in runs]
    assert sorted(chosen) == sorted(itertools.product(whole.models, whole.seeds))
    assert sweep["project"] == whole.wandb_project
    assert (ROOT / sweep["program"]).is_file()

"""What networks learn of space groups from endless random crystals.

The tests of this module run on JAX too: see the last one.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, outcome, refused
from few_structures import FLAGS, STRUCTURES, make

from synthetic_spectra.common.backend import keras
from synthetic_spectra.crystals import compiled, statistics
from synthetic_spectra.spectra import crystal_patterns, dataset, sources
from synthetic_spectra.training import ray_actors

TRAINED = (
    *FLAGS, "--model-args", "filters=[2,2,2,2,2]", "dense=[8]", "--online", "--seeds", 3,
    "--batch-size", 32, "--epochs", 3, "--wandb", "disabled",
)  # fmt: skip
NAME = "strided-dense=[8]-filters=[2,2,2,2,2]-relu-online-3"


@pytest.fixture(scope="module")
def place(shell, tmp_path_factory):
    """A folder with structures of six space groups, their statistics and a rendered dataset."""
    folder = tmp_path_factory.mktemp("space_groups")
    make(folder, shell)
    return folder


def test_the_test_has_types_that_are_counted_nowhere(place):
    counted = statistics.load(place / "few.npz")
    assert set(counted.groups) == {group for group, _ in STRUCTURES}
    assert 0 < len(counted.tests) < len(counted.groups) + len(counted.tests)
    data = dataset.load(place / "datasets", "few")
    assert len(data.y["test"]) == len(counted.tests)


def test_a_crystal_without_a_line_on_the_axis_is_drawn_again(place, monkeypatch):
    monkeypatch.chdir(place)
    definitions = dataset.load(place / "datasets", "few").definitions
    narrow = definitions.parsed({**definitions.content(), "two_theta": [10.0, 35.0]}, "narrow")
    source = sources.stream(narrow)
    spectra, labels = source.batch(0, 0, 0, 200)
    assert (spectra.max(axis=1) == 1).all()
    crystals = source.generator.draw(
        source.effects.seed(crystal_patterns.ENDLESS, 0), 0, np.arange(200)
    )
    assert (compiled.patterns(crystals, np.full(200, 50.0), source.grid).max(axis=1) == 0).any()
    # whatever the batches
    again = [source.batch(0, 0, start, start + 50) for start in range(0, 200, 50)]
    assert np.array_equal(np.concatenate([one for one, _ in again]), spectra)
    assert np.array_equal(np.concatenate([one for _, one in again]), labels)


def test_spectra_come_through_a_socket_as_they_are_drawn_for_who_knows_the_secret(
    place, monkeypatch
):
    monkeypatch.chdir(place)
    definitions = dataset.load(place / "datasets", "few").definitions
    draw = partial(sources.stream(definitions).batch, 3)
    with ray_actors.served(draw, b"secret", "127.0.0.1") as server:
        with socket.create_connection(server.server_address, timeout=10) as connection:
            connection.sendall(b"secret")
            for asked in ((0, 0, 8), (1, 40, 44)):
                expected = draw(*asked)
                connection.sendall(ray_actors.ASKED.pack(*asked))
                for values in expected:
                    came = np.empty_like(values)
                    ray_actors.fill(came, connection)
                    assert np.array_equal(came, values)
        with socket.create_connection(server.server_address, timeout=10) as connection:
            connection.sendall(b"guess!" + ray_actors.ASKED.pack(0, 0, 8))
            with pytest.raises(ConnectionError):
                ray_actors.fill(came, connection)
        server.shutdown()


def test_memory_of_a_portion_is_used_again_when_nobody_has_it():
    link = ray_actors.Link(None, None, b"", n_datapoints=1024)
    spectra = link.memory(64)
    spectra[:] = 1
    rows, tensor = spectra[32:, :, None], keras.ops.convert_to_tensor(spectra[:32])
    del spectra
    link.memory(64)[:] = 2
    assert len(link.unused) == 1
    assert (rows == 1).all()
    assert (np.asarray(tensor) == 1).all()
    del rows, tensor
    gc.collect()
    first, second = link.memory(64), link.memory(16)
    assert not link.unused
    assert not np.shares_memory(first, second)


@pytest.mark.slow
def test_a_run_on_random_crystals_continues_to_the_bit(shell, place, tmp_path):
    done = shell(place, "train.py", *TRAINED, "--runs-dir", tmp_path / "pieces", "--time-budget", 1)
    assert "waiting_seconds" in done.stderr
    done = shell(
        place, "train.py", *TRAINED, "--runs-dir", tmp_path / "pieces", "--drawing-threads", 2
    )
    assert "continues after epoch" in done.stderr
    shell(place, "train.py", *TRAINED, "--runs-dir", tmp_path / "whole")
    whole = outcome(tmp_path / "whole" / "few" / NAME)
    assert outcome(tmp_path / "pieces" / "few" / NAME) == whole
    for row in whole["history"]:
        assert row["accuracy"] <= row["top5_accuracy"] <= 1
        assert row["val_accuracy"] <= row["val_top5_accuracy"] <= 1


@pytest.mark.slow
def test_a_run_that_is_killed_within_an_epoch_continues_to_the_bit(shell, place, tmp_path):
    flags = (*TRAINED, "--batch-size", 1, "--state-share", 1)
    killed = (*flags, "--runs-dir", tmp_path / "killed")
    command = [sys.executable, ROOT / "train.py", *map(str, killed)]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True) as training:
        # the third and last epoch has 96 steps
        assert any("epoch 2:" in line for line in training.stderr)
        training.kill()
    folder = tmp_path / "killed" / "few" / NAME
    assert training.returncode == -9 and not (folder / "summary.json").exists()
    done = shell(place, "train.py", *killed)
    assert "continues after epoch" in done.stderr
    shell(place, "train.py", *flags, "--runs-dir", tmp_path / "whole")
    assert outcome(folder) == outcome(tmp_path / "whole" / "few" / NAME)


@pytest.mark.slow
def test_a_network_tells_the_space_group_of_a_file(shell, place, tmp_path):
    shell(place, "train.py", *TRAINED, "--runs-dir", tmp_path)
    angles = np.arange(10, 80, 0.02)
    counts = sum(np.exp(-0.5 * ((angles - line) / 0.05) ** 2) for line in (31.7, 45.4, 66.2))
    rows = (f"{angle:.2f} {1000 * count:.2f}" for angle, count in zip(angles, counts, strict=True))
    (place / "a.xy").write_text("\n".join(rows))
    flags = ("--space-group", "--config", "few.json", "--runs-dir", tmp_path, "--format", "json")
    done = shell(place, "identify.py", "a.xy", *flags, "--wavelength", 1.5406)
    (answer,) = json.loads(done.stdout)
    named = [one["space_groups"] for one in answer["best"]]
    assert len(named) == 5 and {group for groups in named for group in groups} <= {
        group for group, _ in STRUCTURES
    }
    assert 0 < sum(one["probability"] for one in answer["best"]) <= 1.00001
    run = outcome(tmp_path / "few" / NAME)
    ranks = np.array(run["predictions"]["test_ranks"])
    assert answer["accuracy"] == {
        "classes": len(STRUCTURES),
        "test_spectra": len(ranks),
        "test_top_1": len(ranks) - run["summary"]["test_misclassified"],
        "test_top_5": int((ranks <= 5).sum()),
    }


def children(parent, name):
    """The numbers of the processes of a parent whose command begins with a name (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_text()
            # after the name in brackets, which may hold spaces: state, parent
            above = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if command.startswith(name) and int(above) == parent:
                found.append(int(folder.name))
    return found


@pytest.mark.slow
def test_actors_draw_what_one_process_draws_and_one_may_be_lost(shell, place, tmp_path):
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="requirements-optional.txt")
    epochs = "--epochs", 40, "--stopping-patience", 40
    shell(place, "train.py", *TRAINED, *epochs, "--runs-dir", tmp_path / "here")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        second = cluster.add_node(num_cpus=1)
        where = ("--ray", cluster.address, "--ray-cpus", 1, "--ray-actors", 2)
        flags = (*TRAINED, *epochs, "--runs-dir", tmp_path / "ray", *where)
        command = [sys.executable, ROOT / "train.py", *map(str, flags)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, cwd=place, **pipes) as training:
            folder = tmp_path / "ray" / "few" / NAME
            while not (folder / "history.csv").exists():
                assert training.poll() is None, training.communicate()
                time.sleep(0.05)
            # without its raylet, an actor of the node would go on for a while
            (raylet,) = second.all_processes["raylet"]
            actors = children(raylet.process.pid, "ray::Drawer")
            for actor in actors:
                os.kill(actor, signal.SIGKILL)
            cluster.remove_node(second, allow_graceful=False)
            shown, _ = training.communicate(timeout=600)
        assert training.returncode == 0, shown
        # on that node was an actor, or the run itself
        assert ("an actor is lost" if actors else "continues after epoch") in shown
        assert outcome(folder) == outcome(tmp_path / "here" / "few" / NAME)
    finally:
        cluster.shutdown()


@pytest.mark.slow
def test_actors_need_a_cluster(shell, place, tmp_path):
    flags = (*TRAINED, "--runs-dir", tmp_path, "--ray-actors", 2)
    refused(shell(place, "train.py", *flags, check=False), "--ray-actors", "--ray")


@pytest.mark.slow
def test_the_same_on_jax(passes_on_jax):
    pytest.importorskip("ray", reason="pip install -r requirements-optional.txt")
    passes_on_jax(__file__, words=("to_the_bit", "may_be_lost"))

"""Training on a Ray cluster, and on two nodes of which one is lost."""

import os
import subprocess
import sys
import time

import pytest
from conftest import EXAMPLE, ROOT, outcome, refused

ray_cluster = pytest.importorskip(
    "ray.cluster_utils", reason="pip install -r requirements-optional.txt"
)

RUNS = (
    *EXAMPLE, "--models", "cnn_bn", "--model-args", "dense=[16]", "--seeds", 3, 4, "--epochs", 12,
    "--batch-size", 25, "--state-share", 1,
)  # fmt: skip


def test_no_cluster_is_one_sentence(shell, example, tmp_path):
    for address in ("auto", "127.0.0.1:1"):
        flags = (*RUNS, "--runs-dir", tmp_path, "--ray", address)
        done = shell(example, "train.py", *flags, check=False)
        refused(done, f"--ray {address}", "no such cluster")


@pytest.mark.slow
def test_two_nodes_train_what_one_machine_trains_and_one_may_be_lost(shell, example, tmp_path):
    shell(example, "train.py", *RUNS, "--runs-dir", tmp_path / "here", "--wandb", "disabled")
    cluster = ray_cluster.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = cluster.add_node(num_cpus=1)
        flags = ("--runs-dir", tmp_path / "ray", "--ray", cluster.address, "--ray-cpus", 1)
        command = [sys.executable, ROOT / "train.py", *map(str, (*RUNS, *flags))]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WANDB")
        }
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, cwd=example, env=environment, **pipes) as training:
            folders = [
                tmp_path / "ray" / "example" / f"cnn_bn-dense=[16]-linear-{seed}" for seed in (3, 4)
            ]
            while not all(list(folder.glob("state-*.npz")) for folder in folders):
                assert training.poll() is None
                time.sleep(0.05)
            assert not any((folder / "summary.json").exists() for folder in folders)
            cluster.remove_node(second, allow_graceful=False)
            shown, _ = training.communicate(timeout=1200)
        assert training.returncode == 0, shown
        assert "continues after epoch" in shown
        for folder in folders:
            assert outcome(folder) == outcome(tmp_path / "here" / "example" / folder.name)
            assert list(folder.glob("wandb/offline-run-*/*.wandb")), shown
    finally:
        cluster.shutdown()


@pytest.mark.slow
def test_a_run_that_cannot_be_trained_keeps_no_other_from_its_training(process, example, tmp_path):
    # a file of the user stands where the folder of the first run would
    blocked, free = (tmp_path / "example" / f"cnn2-dense=[16]-linear-{seed}" for seed in (0, 1))
    blocked.parent.mkdir()
    blocked.write_text("mine")
    flags = (*RUNS, "--models", "cnn2", "--seeds", 0, 1, "--epochs", 1, "--runs-dir", tmp_path)
    where = ("--wandb", "disabled", "--ray", "local", "--ray-cpus", 1)
    done = process(example, "train.py", *flags, *where, "--resume", "never", check=False)
    refused(done, blocked)
    assert blocked.read_text() == "mine"
    assert (free / "summary.json").is_file()

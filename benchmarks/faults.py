"""train.py and spectra_from_config.py, killed at random moments → benchmarks/faults.csv: losses."""

import csv
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from synthetic_spectra.common import backend
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.cli import Count, Seed, notice, run_script
from synthetic_spectra.common.files import write_text
from synthetic_spectra.common.machine import processor
from synthetic_spectra.spectra import dataset

EXAMPLE = ROOT / "dataset_configs" / "example.json"
# file of a run → the temporary names under which it is written before it takes its own name
WRITTEN = {
    "settings.json": ".settings.part-*.json",
    "history.csv": ".history.part-*.csv",
    "state": ".state-*.part-*.npz",
    "model.keras": ".model.part-*.keras",
    "predictions.npz": ".predictions.part-*.npz",
    "summary.json": ".summary.part-*.json",
}
# files that are written after every epoch
EVERY_EPOCH = ("history.csv", "state")
RANDOM = "random moment"
AGAIN = "train.py: epochs trained again, most after one kill"


@dataclass(frozen=True)
class Settings:
    """Kill a small training again and again and compare what it ends with. It has all that has a
    state: dropout, batch normalisation, a learning rate that falls."""

    kills: Count = 100
    """Kills of every training, ≥ 1: every other one at a random moment, the rest while each kind of
    file is written in turn."""
    workers: Count = 2
    """Trainings that are killed side by side, ≥ 1."""
    render_kills: Count = 40
    """Kills of spectra_from_config.py at random moments, ≥ 1."""
    seed: Seed = 0
    """Random seed of the moments, ≥ 0."""
    output: Path = ROOT / "benchmarks" / "faults.csv"
    """Table to write."""


def main(settings):
    counts = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counts.update(kill_rendering(settings.render_kills, folder, random.Random(settings.seed)))

        stopped = threading.Event()
        with ThreadPoolExecutor() as pool:
            trainings = [
                pool.submit(
                    kill_training,
                    settings.kills,
                    folder,
                    folder / str(worker),
                    random.Random(settings.seed + worker),
                    stopped,
                )
                for worker in range(settings.workers)
            ]
            # the pool waits for its threads, also when this one is interrupted
            try:
                counted = [training.result() for training in trainings]
            finally:
                stopped.set()
        for counts_of_one in counted:
            counts[AGAIN] = max(counts[AGAIN], counts_of_one.pop(AGAIN))
            counts.update(counts_of_one)

    table = pd.DataFrame({"what": counts.keys(), "count": counts.values()})
    versions = "; ".join(f"{name} {version}" for name, version in backend.versions().items())
    with_origin = table.assign(processor=processor(), versions=versions)
    write_text(settings.output, with_origin.to_csv(index=False))
    print(table.to_string(index=False))
    notice(f"wrote {settings.output}")


def command(script, *arguments):
    return [sys.executable, ROOT / script, *map(str, arguments)]


def timed(command, folder):
    """Run a command to its end; its seconds."""
    began = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.monotonic() - began


def kill_rendering(kills, folder, moments):
    """Kill the rendering, then let it end: there must be a whole dataset or none, and the same one
    in the end.

    Args:
        kills: number of kills.
        folder: working folder.
        moments: ``random.Random`` of the moments.

    Returns:
        what was counted → number.
    """
    render = command("spectra_from_config.py", "--config", EXAMPLE)
    seconds = timed(render, folder)
    expected = dataset.load(folder / "datasets", "example").checksum
    damaged = different = 0
    for kill in range(kills):
        shutil.rmtree(folder / "datasets" / "example")
        with subprocess.Popen(render, cwd=folder, stderr=subprocess.DEVNULL) as process:
            # nothing is written in the first half, in which Python starts
            time.sleep(moments.uniform(0.5, 1) * seconds)
            process.kill()
        if (folder / "datasets" / "example").exists():
            damaged += dataset.load(folder / "datasets", "example").checksum != expected
        timed(render, folder)
        different += dataset.load(folder / "datasets", "example").checksum != expected
        notice(f"rendering: kill {kill + 1} of {kills}")
    return {
        "spectra_from_config.py: datasets not whole after a kill": damaged,
        "spectra_from_config.py: kills": kills,
        "spectra_from_config.py: datasets that differ in the end": different,
    }


def kill_training(kills, folder, runs_dir, moments, stopped):
    """Kill a training over and over and take it up again; compare every run that comes to its end.

    Args:
        kills: number of kills.
        folder: working folder, with the rendered example.
        runs_dir: folder of the runs.
        moments: ``random.Random`` of the moments.
        stopped: ``threading.Event`` after which no kill follows.

    Returns:
        what was counted → number.
    """
    train = command(
        "train.py", "--config", EXAMPLE, "--models", "cnn_bn", "--model-args", "dense=[16]",
        "--seeds", 3, "--epochs", 8, "--batch-size", 25, "--learning-rate-patience", 1,
        "--state-share", 1, "--wandb", "disabled", "--runs-dir", runs_dir,
    )  # fmt: skip
    seconds = timed(train, folder)
    run = next((runs_dir / "example").iterdir())
    expected = content(run)
    shutil.rmtree(run)

    counts = Counter({"train.py: runs finished": 0, "train.py: results that differ": 0, AGAIN: 0})
    started, killed = time.monotonic(), 0
    kinds = cycle(kind for name in WRITTEN for kind in (RANDOM, name))
    while (killed < kills or run.exists()) and not stopped.is_set():
        kind, epochs = next(kinds), trained_epochs(run)
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(train, cwd=folder, **pipes) as process:
            if killed < kills:
                wait(process, run, kind, moments.uniform(0, seconds), moments)
            was_killed = process.poll() is None and killed < kills
            if was_killed:
                process.kill()
            _, notices = process.communicate()
        if "Traceback" in notices or (not was_killed and process.returncode > 0):
            raise RuntimeError(notices)

        for continued in re.findall(r"continues after epoch (\d+)", notices):
            counts[AGAIN] = max(counts[AGAIN], epochs - int(continued))
        if was_killed:
            killed += 1
            when = kind if kind == RANDOM else f"while {kind} is written"
            counts[f"train.py: kills, {when}"] += 1
            left = (time.monotonic() - started) / killed * (kills - killed) / 60
            name = runs_dir.name
            notice(f"{name}: kill {killed} of {kills} ({kind}), about {left:.0f} min left")
        if (run / "summary.json").is_file():
            counts["train.py: runs finished"] += 1
            counts["train.py: results that differ"] += content(run) != expected
            shutil.rmtree(run)
    return counts


def wait(process, run, kind, seconds, moments):
    """Return after the seconds, or as a file of this kind is being written, or when the process has
    ended."""
    if kind == RANDOM:
        until = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.0005)
        return

    to_pass = moments.randrange(3) if kind in EVERY_EPOCH else 0
    seen = set()
    while process.poll() is None:
        for path in run.glob(WRITTEN[kind]):
            if path.name not in seen:
                seen.add(path.name)
                to_pass -= 1
        if to_pass < 0:
            return
        time.sleep(0.0005)


def trained_epochs(run):
    """How many epochs the history of an unfinished run holds."""
    file = run / "history.csv"
    return max(0, len(file.read_text().splitlines()) - 1) if file.is_file() else 0


def content(run):
    """All that a finished run left, but for its times."""
    with (run / "history.csv").open() as file:
        history = [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in csv.DictReader(file)
        ]
    summary = json.loads((run / "summary.json").read_text())
    del summary["minutes"]
    with np.load(run / "predictions.npz") as kept:
        predictions = {split: kept[split].tolist() for split in kept.files}
    model = keras.models.load_model(run / "model.keras")
    weights = [array.tobytes() for array in model.get_weights()]
    return history, summary, predictions, weights


if __name__ == "__main__":
    run_script(main, Settings)

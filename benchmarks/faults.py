"""Kills train.py and spectra_from_config.py at random moments → benchmarks/faults.csv: what was
lost, what differs."""

import csv
import json
import random
import shutil
import subprocess
import sys
import tempfile
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
from synthetic_spectra.common.cli import Count, Seed, run_script
from synthetic_spectra.common.files import write_text
from synthetic_spectra.common.machine import processor
from synthetic_spectra.spectra import dataset

EXAMPLE = ROOT / "dataset_configs" / "example.json"
# the temporary names under which the files of a run are written, each before it takes its own name
WRITTEN = {
    "settings.json": ".settings.part.json",
    "history.csv": ".history.part.csv",
    "state": ".state-*.part.npz",
    "model.keras": ".model.part.keras",
    "predictions.npz": ".predictions.part.npz",
    "summary.json": ".summary.part.json",
}
AGAIN = "train.py: epochs trained again, most after one kill"


@dataclass(frozen=True)
class Settings:
    """Kill a small training (dropout, batch normalisation, falling rate) again and again; compare
    what it ends with."""

    kills: Count = 100
    """Of every training: every other one at a random moment, the rest while each kind of file is
    written in turn."""
    workers: Count = 2
    """Trainings that are killed side by side."""
    render_kills: Count = 40
    """Of spectra_from_config.py, at random moments."""
    seed: Seed = 0
    """Of the moments."""
    output: Path = Path("benchmarks/faults.csv")
    """Table to write."""


def main(settings):
    moments = random.Random(settings.seed)
    counts = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render = command("spectra_from_config.py", "--config", EXAMPLE)
        seconds = timed(render, folder)
        kill_rendering(settings.render_kills, render, folder, seconds, moments, counts)
        with ThreadPoolExecutor() as pool:
            done = [
                pool.submit(
                    kill_training,
                    settings.kills,
                    folder,
                    folder / str(i),
                    random.Random(settings.seed + i),
                )
                for i in range(settings.workers)
            ]
        for future in done:
            found = future.result()
            counts[AGAIN] = max(counts[AGAIN], found.pop(AGAIN))
            counts.update(found)
    rows = [{"what": what, "count": count} for what, count in counts.items()]
    where = {
        "processor": processor(),
        "versions": "; ".join(f"{k} {v}" for k, v in backend.versions().items()),
    }
    write_text(settings.output, pd.DataFrame(rows).assign(**where).to_csv(index=False))
    print(pd.DataFrame(rows).to_string(index=False))
    print(f"wrote {settings.output}")


def command(script, *arguments):
    return [sys.executable, ROOT / script, *map(str, arguments)]


def timed(command, folder):
    """Run a command to its end; its seconds."""
    began = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.monotonic() - began


def kill_rendering(kills, render, folder, seconds, moments, counts):
    """Kill the rendering, then let it end: there must be a whole dataset or none, and the same one
    in the end."""
    expected = dataset.load(folder / "datasets", "example").checksum
    for i in range(kills):
        shutil.rmtree(folder / "datasets" / "example")
        with subprocess.Popen(render, cwd=folder, stdout=subprocess.DEVNULL) as process:
            time.sleep(
                moments.uniform(0.5, 1) * seconds
            )  # nothing is written in the first half, which is Python's start
            process.kill()
        if (folder / "datasets" / "example").exists():
            whole = dataset.load(folder / "datasets", "example").checksum == expected
            counts["spectra_from_config.py: datasets not whole after a kill"] += not whole
        timed(render, folder)
        differs = dataset.load(folder / "datasets", "example").checksum != expected
        counts["spectra_from_config.py: kills"] += 1
        counts["spectra_from_config.py: datasets not whole after a kill"] += 0
        counts["spectra_from_config.py: datasets that differ in the end"] += differs
        print(f"rendering: kill {i + 1} of {kills}", flush=True)


def kill_training(kills, folder, runs_dir, moments):
    """Kill a training over and over and take it up again; compare every run that comes to its end.
    Returns counts."""
    train = command(
        "train.py", "--config", EXAMPLE, "--models", "cnn_bn", "--model-args", "dense=[16]", "--seeds", 3,
        "--epochs", 8, "--batch-size", 25, "--learning-rate-patience", 1, "--state-share", 1,
        "--wandb", "disabled", "--runs-dir", runs_dir,
    )  # fmt: skip
    seconds = timed(train, folder)
    run = next((runs_dir / "example").iterdir())
    expected = content(run)
    shutil.rmtree(run)
    counts = Counter({"train.py: runs finished": 0, "train.py: results that differ": 0, AGAIN: 0})
    started, killed = time.monotonic(), 0
    kinds = cycle(kind for name in WRITTEN for kind in ("random moment", name))
    while killed < kills or run.exists():
        kind = next(kinds)
        epochs = trained_epochs(run)
        with subprocess.Popen(
            train, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            if killed < kills:
                wait(process, run, kind, moments.uniform(0, seconds), moments)
            was_killed = process.poll() is None and killed < kills
            if was_killed:
                process.kill()
            shown, complaint = process.communicate()
        if "Traceback" in complaint or (not was_killed and process.returncode > 0):
            raise RuntimeError(complaint)
        taken_up = [
            int(line.split()[-1]) for line in shown.splitlines() if "continues after epoch" in line
        ]
        if taken_up:
            counts[AGAIN] = max(counts[AGAIN], epochs - taken_up[0])
        if was_killed:
            killed += 1
            counts[
                f"train.py: kills, {kind if kind not in WRITTEN else f'while {kind} is written'}"
            ] += 1
            left = (time.monotonic() - started) / killed * (kills - killed) / 60
            print(
                f"{runs_dir.name}: kill {killed} of {kills} ({kind}), about {left:.0f} min left",
                flush=True,
            )
        if (run / "summary.json").is_file():
            counts["train.py: runs finished"] += 1
            counts["train.py: results that differ"] += content(run) != expected
            shutil.rmtree(run)
    return counts


def wait(process, run, kind, seconds, moments):
    """Return after the seconds, or as a file of this kind is being written, or when the process has
    ended."""
    until = time.monotonic() + seconds
    if kind not in WRITTEN:
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.0005)
        return
    passed = (
        moments.randrange(3) if kind in ("history.csv", "state") else 0
    )  # of those that are written every epoch
    seen = set()
    while process.poll() is None:
        found = {
            (path.name, run_epochs)
            for path in run.glob(WRITTEN[kind])
            for run_epochs in [trained_epochs(run)]
        }
        if found - seen and (passed := passed - 1) < 0:
            return
        seen |= found
        time.sleep(0.0005)


def trained_epochs(run):
    """How many epochs the history of an unfinished run holds."""
    file = run / "history.csv"
    return max(0, len(file.read_text().splitlines()) - 1) if file.is_file() else 0


def content(run):
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
    return history, summary, predictions, weights


if __name__ == "__main__":
    run_script(main, Settings)

"""dataset_configs/<name>.json → rendering time as ratios to a plain renderer and to writing alone,
and peak memory."""

import filecmp
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from benchmarks.plain_renderer import render_plainly
from synthetic_spectra.analysis.strengths import ARTEFACTS
from synthetic_spectra.common.cli import Count, run_script
from synthetic_spectra.common.machine import processor
from synthetic_spectra.spectra import config, sources


@dataclass(frozen=True)
class Settings:
    """Time the rendering of a dataset against a plain renderer and against writing the same bytes
    from memory, and what train.py --online draws for an epoch, without artefacts and with each."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/, or path to a .json file."""
    rounds: Count = 5
    """Number of rounds, ≥ 1. Each way is timed once per round, in turn; ratios are taken within a
    round, and the median is printed."""


def main(settings):
    path = config.find(settings.config)
    definitions = config.load(path).resolved()
    print(f"{path.stem}, {settings.rounds} rounds, on {processor()}")

    # memory first: a process inherits the peak of the one that starts it
    print(f"peak memory of spectra_from_config.py: {peak_memory(path) / 2**20:.0f} MiB")

    # every way once in each round, as the speed of a machine drifts
    ways = "rendering", "plain renderer", "writing", "checksums", "online"
    seconds = {way: [] for way in ways}
    for epoch in range(settings.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ours, plain = folder / "ours", folder / "plain"
            plain.mkdir()
            seconds["rendering"].append(timed(sources.render, definitions, ours))
            seconds["plain renderer"].append(timed(render_plainly, definitions, plain))
            for file in plain.iterdir():
                if not filecmp.cmp(file, ours / file.name, shallow=False):
                    sys.exit(f"{file.name} differs between the two renderers")
            arrays = [np.load(file) for file in sorted(ours.glob("*.npy"))]
            seconds["writing"].append(timed(write, arrays, folder))
            seconds["checksums"].append(timed(checksums, arrays))
        seconds["online"].append(timed(sources.fresh, definitions, 0, epoch))

    for way, times in seconds.items():
        spread = f"lowest {min(times):6.2f}, highest {max(times):6.2f}"
        print(f"{way:15} median {median(times):6.2f} s, {spread}")
    for way in ("plain renderer", "writing"):
        ratio = median_ratio(seconds["rendering"], seconds[way])
        print(f"rendering / {way}: median {ratio:.2f} (1/{1 / ratio:.1f})")

    n_train = sum(definitions.rendering_of(label).n_train for label in definitions.spectra)
    rate = n_train / median(seconds["online"])
    print(f"online: an epoch of {n_train} spectra drawn in memory, {rate:.0f} spectra per second")
    print("speed with artefacts, as a share of that without:")
    for name, ratio in speeds_with_artefacts(definitions, settings.rounds).items():
        print(f"  {name:32} {ratio:.2f}")


def speeds_with_artefacts(definitions, rounds):
    """Artefact → how fast spectra are drawn with it, as a share of the speed without, median over
    rounds."""
    cases = {"none": {}}
    for name, (_, strengths) in ARTEFACTS.items():
        strongest = max(strengths)
        cases[f"{name} {strongest:g}"] = strengths[strongest]
    for shape in ("gaussian_process", "hump"):
        cases[f"background 0.2, {shape}"] = {"background": 0.2, "background_shape": shape}

    disturbed = {name: definitions.changed(**changes) for name, changes in cases.items()}
    seconds = {name: [] for name in cases}
    for epoch in range(rounds):
        for name, changed in disturbed.items():
            seconds[name].append(timed(sources.fresh, changed, 0, epoch))
    without = seconds.pop("none")
    return {name: median_ratio(without, times) for name, times in seconds.items()}


def median_ratio(times, reference):
    """The median over rounds of the ratios of two ways."""
    return median(ours / theirs for ours, theirs in zip(times, reference, strict=True))


def timed(action, *arguments):
    """Seconds that ``action(*arguments)`` takes, after the disk has come to rest."""
    os.sync()
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start


def write(arrays, folder):
    """Write arrays from memory, one file each."""
    for i, array in enumerate(arrays):
        array.tofile(folder / f"{i}.bin")


def checksums(arrays):
    """CRC-32 of arrays, as of the files in a manifest."""
    for array in arrays:
        zlib.crc32(array)


def peak_memory(path):
    """Highest resident memory in bytes of the script in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--config", str(path.resolve()), "--datasets-dir", folder]
        command = [sys.executable, "spectra_from_config.py", *flags]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


if __name__ == "__main__":
    run_script(main, Settings)

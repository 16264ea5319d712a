"""dataset_configs/<name>.json → rendering time as ratios to a plain renderer and to writing alone,
and peak memory."""

import filecmp
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from benchmarks.plain_renderer import render_plainly
from synthetic_spectra.common.cli import Count, run_script
from synthetic_spectra.common.machine import processor
from synthetic_spectra.spectra import config, sources
from synthetic_spectra.spectra.artefacts import ARTEFACTS


@dataclass(frozen=True)
class Settings:
    """Time the rendering of a dataset against a plain renderer and against writing the same bytes
    from memory, and what train.py --online draws for an epoch, without artefacts and with each."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/, or a path to a .json."""
    rounds: Count = 5
    """Each way is timed once per round, in turn; ratios are taken within a round, the median is
    printed."""


def main(settings):
    path = config.find(settings.config)
    definitions = config.load(path).resolved()
    print(f"{path.stem}, {settings.rounds} rounds, on {processor()}")
    # first, as a process inherits the peak of the one that starts it
    print(f"peak memory of spectra_from_config.py: {peak_memory(path) / 2**20:.0f} MiB")
    seconds = {"rendering": [], "plain renderer": [], "writing": [], "online": []}
    for epoch in range(settings.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            seconds["rendering"].append(timed(sources.render, definitions, folder / "ours"))
            arrays = [np.load(file) for file in sorted((folder / "ours").glob("*.npy"))]
            (folder / "plain").mkdir()
            seconds["plain renderer"].append(timed(render_plainly, definitions, folder / "plain"))
            for plain in (folder / "plain").iterdir():
                if not filecmp.cmp(plain, folder / "ours" / plain.name, shallow=False):
                    sys.exit(f"{plain.name} differs between the two renderers")
            seconds["writing"].append(timed(write, arrays, folder))
            seconds["online"].append(timed(sources.fresh, definitions, 0, epoch))
    for way, times in seconds.items():
        print(
            f"{way:15} median {median(times):6.2f} s, lowest {min(times):6.2f}, highest {max(times):6.2f}"
        )
    drawn = sum(definitions.rendering_of(label).n_train for label in definitions.spectra)
    for way in ("plain renderer", "writing"):
        ratios = [
            ours / other for ours, other in zip(seconds["rendering"], seconds[way], strict=True)
        ]
        print(f"rendering / {way}: median {median(ratios):.2f} (1/{1 / median(ratios):.1f})")
    rate = drawn / median(seconds["online"])
    print(
        f"online: an epoch of {drawn} spectra drawn in memory, {rate:.0f} spectra per second; speed with artefacts"
    )
    for name, ratio in speeds_with_artefacts(path, settings.rounds).items():
        print(f"  {name:32} {ratio:.2f} of that without")


def speeds_with_artefacts(path, rounds):
    """Artefact → how fast spectra are drawn with it, as a share of the speed without, median over
    rounds."""
    cases = {"none": {}}
    cases |= {
        f"{name} {max(strengths):g}": strengths[max(strengths)]
        for name, (_, strengths) in ARTEFACTS.items()
    }
    for shape in ("gaussian_process", "hump"):
        cases[f"background 0.2, {shape}"] = {"background": 0.2, "background_shape": shape}
    definitions = config.load(path).resolved()
    disturbed = {name: definitions.changed(**changes) for name, changes in cases.items()}
    seconds = {name: [] for name in cases}
    for epoch in range(rounds):
        for name, resolved in disturbed.items():
            seconds[name].append(timed(sources.fresh, resolved, 0, epoch))
    return {
        name: median(without / own for without, own in zip(seconds["none"], times, strict=True))
        for name, times in seconds.items()
        if name != "none"
    }


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


def peak_memory(path):
    """Highest resident memory in bytes of the script in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "spectra_from_config.py",
            "--config",
            str(path.resolve()),
            "--datasets-dir",
            folder,
        ]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


if __name__ == "__main__":
    run_script(main, Settings)

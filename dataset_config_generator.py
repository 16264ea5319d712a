"""Settings → dataset_configs/<name>.json: classes, each a unique set of peaks drawn at random."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from synthetic_spectra.common.cli import Count, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config

Peaks = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True)
class Settings:
    """Draw the class definitions of a dataset. The defaults give the classes of
    dataset_configs/benchmark.json."""

    name: str = "dataset500"
    """Of the file in dataset_configs/: letters, digits, "_", "-" and "."."""
    configs_dir: Path = config.CONFIGS_DIR
    """Folder of that file."""

    # the axis
    n_datapoints: Count = 5000
    """Datapoints of a spectrum."""
    boundary: Seed = 100
    """No peak lies nearer to either end of the axis than so many datapoints."""

    # the peaks
    n_classes: Count = 500
    """Number of classes."""
    min_peaks: Peaks = 2
    """Fewest peaks of a class."""
    max_peaks: Peaks = 10
    """Most peaks of a class."""
    max_height: Annotated[int, Field(ge=1, le=1000)] = 100
    """Heights are drawn from 1 to this, then divided by the highest and rounded to 3 decimals."""
    distribution: Literal["gamma", "uniform"] = "gamma"
    """Of the number of peaks: gamma favours few, uniform takes each number alike."""

    seed: Seed = 2022
    """Of the random stream that draws all classes."""


def main(settings):
    if not re.fullmatch(config.NAME, settings.name):
        raise InputError(f"--name {settings.name!r}: expected letters, digits, '_', '-' and '.'")
    if settings.max_peaks < settings.min_peaks:
        raise InputError(
            f"--max-peaks {settings.max_peaks}: expected at least min_peaks, {settings.min_peaks}"
        )
    if settings.n_datapoints <= 2 * settings.boundary:
        raise InputError(
            f"--boundary {settings.boundary}: leaves no room on {settings.n_datapoints} datapoints"
        )
    definitions = draw_config(settings)
    path = settings.configs_dir / f"{settings.name}.json"
    if path.exists():
        if config.load(path) != definitions:
            raise InputError(
                f"{path}: exists with other content; choose another --name or remove it"
            )
        print(f"{path} holds these classes already")
        return
    config.save(path, definitions)
    print(f"wrote {path}: {settings.n_classes} classes")


def draw_config(settings):
    """Draw all classes from one random stream.

    Raises:
        InputError: if two classes come out alike, as happens where there is little room for peaks.
    """
    rng = np.random.default_rng(settings.seed)
    content = {
        "datapoints": settings.n_datapoints,
        "boundary": settings.boundary,
        "classes": settings.n_classes,
        "min_peaks": settings.min_peaks,
        "max_peaks": settings.max_peaks,
        "max_height": settings.max_height,
        "distribution": settings.distribution,
        "seed": settings.seed,
        "spectra": {str(label): draw_class(settings, rng) for label in range(settings.n_classes)},
    }
    return config.parse(content, f"--seed {settings.seed}")


def draw_class(settings, rng):
    """Draw the peaks of one class: how many, then all positions, then all heights, as published.

    Args:
        rng: a ``numpy.random.Generator``; it is advanced.

    Returns:
        the class as it stands in the JSON.
    """
    if settings.distribution == "gamma":
        n_peaks = round(rng.gamma(1.2, 1.2) + settings.min_peaks)
    else:
        n_peaks = int(rng.integers(settings.min_peaks, settings.max_peaks, endpoint=True))
    positions = rng.integers(settings.boundary, settings.n_datapoints - settings.boundary, n_peaks)
    heights = rng.integers(1, settings.max_height, n_peaks, endpoint=True)
    # more are drawn than kept: to draw fewer would change every class that follows
    positions, heights = positions[: settings.max_peaks], heights[: settings.max_peaks]
    order = np.argsort(positions, kind="stable")
    heights = np.round(heights / heights.max(), 3)
    return {"peak_positions": positions[order].tolist(), "peak_heights": heights[order].tolist()}


if __name__ == "__main__":
    run_script(main, Settings)

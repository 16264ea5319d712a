"""Settings → dataset_configs/<name>.json: classes, each a unique set of peaks drawn at random."""

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from synthetic_spectra.common.cli import Count, Folder, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, sources
from synthetic_spectra.spectra.settings import Rendering, Shift

# length of the axis for which the default shifts are made
PUBLISHED_DATAPOINTS = 5000
Thousand = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True)
class Settings:
    """Draw the class definitions of a dataset.

    The defaults give the classes of dataset_configs/benchmark.json.
    """

    name: str = "dataset500"
    """Name of the file in dataset_configs/: letters, digits, "_", "-" and "."."""
    configs_dir: Folder = config.CONFIGS_DIR
    """Folder of that file."""

    # the axis
    n_datapoints: Count = 5000
    """Length of the axis, in datapoints, ≥ 1."""
    boundary: Shift = 100
    """Margin without peaks at both ends of the axis, in datapoints, ≥ 0."""

    # the peaks
    n_classes: Count = 500
    """Number of classes, ≥ 1."""
    min_peaks: Thousand = 2
    """Fewest peaks of a class, 1 to 1000."""
    max_peaks: Thousand = 10
    """Most peaks of a class, min_peaks to 1000."""
    max_height: Thousand = 100
    """Largest height that is drawn, 1 to 1000; heights are integers from 1 to it, then divided by
    the highest of the class and rounded to 3 decimals."""
    distribution: Literal["gamma", "uniform"] = "gamma"
    """Distribution of the number of peaks: gamma favours few, uniform takes each number alike."""

    seed: Seed = 2022
    """Random seed of the class definitions, ≥ 0."""


def main(settings):
    # settings that contradict each other
    config.check_name(settings.name, f"--name {settings.name!r}")
    if settings.max_peaks < settings.min_peaks:
        raise InputError(
            f"--max-peaks {settings.max_peaks}: expected at least min_peaks, {settings.min_peaks}"
        )
    if settings.n_datapoints <= 2 * settings.boundary:
        raise InputError(
            f"--boundary {settings.boundary}: leaves no room on {settings.n_datapoints} datapoints"
        )

    # an existing file stays as it is
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
    if advice := advice_on_shifts(definitions, settings.name):
        print(advice, file=sys.stderr)


def advice_on_shifts(definitions, name):
    """What suits an axis on which the default shifts of the rendering do not fit, in one sentence;
    None if they fit.

    Args:
        definitions: the new config.
        name: its name.
    """
    try:
        notice = sources.notice(definitions.resolved())
    except InputError as error:  # the axis is shorter than the default widths
        return f"{name}: with the default settings of the rendering, {error}"
    if not notice:
        return None

    advice = f"{name}: with the default shifts, {notice}"
    if definitions.n_datapoints < PUBLISHED_DATAPOINTS:
        flags = []
        for setting in ("shift_range", "test_shift"):
            share = getattr(Rendering(), setting) / PUBLISHED_DATAPOINTS
            length = max(1, round(share * definitions.n_datapoints))
            flags.append(f"--{setting.replace('_', '-')} {length}")
        advice += f"; as a share of the axis, the published shifts are {' '.join(flags)}"
    return advice


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
        settings: of this script.
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

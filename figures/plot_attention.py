"""runs/*/*/model.keras, datasets/, measured files → output/figures/plot_attention.png: where a
network looks."""

import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from tyro.conf import Positional

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import trained
from synthetic_spectra.analysis.attention import activation_maps
from synthetic_spectra.common.cli import Folder, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.identification import Identifier
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.spectra.names import class_label

LEAST_ONE = Field(min_length=1)
TITLE_WIDTH = 43  # characters in a line of a title


@dataclass(frozen=True)
class Settings:
    """Draw test spectra, or measured files, over the class-activation maps of a network."""

    files: Positional[Annotated[tuple[Path, ...], Field(max_length=40)]] = ()
    """Measured files to draw in place of test spectra, at most 40, as identify.py gives them to a
    network; the config must have an axis and names."""
    config: str = "challenge"
    """Dataset: a name in dataset_configs/ or a path to a .json; its spectra must be rendered."""
    run: str | None = None
    """Name of a finished run's folder, such as cnn2-relu-0; by default the first that works."""
    spectra: Annotated[tuple[Seed, ...], Field(max_length=40)] = ()
    """Rows of test spectra, at most 40, ≥ 0; by default one of each of the first three classes."""
    maps: Annotated[tuple[Literal["mean activation", "Grad-CAM", "HiResCAM"], ...], LEAST_ONE] = (
        "Grad-CAM", "HiResCAM",
    )  # fmt: skip
    """Maps to draw, a column each; no class is in the mean activation."""
    datasets_dir: Folder = Path("datasets")
    """Folder of the rendered datasets, a folder per config."""
    runs_dir: Folder = Path("runs")
    """Folder of the runs, a folder per config and in it a folder per run."""
    output: style.Picture = style.FOLDER / "plot_attention.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    chosen = (settings.run,) if settings.run else ()
    runs, _ = trained.choose_networks(settings.runs_dir, data, chosen)

    if settings.files:
        identifier = Identifier(data.definitions)
        measured = map(identifier.spectrum, settings.files)
        spectra = np.array([identifier.for_network(*one) for one in measured])
        what, names = "measured files", [cut(file.stem) for file in settings.files]
    else:
        rows = rows_of(settings.spectra, data.y["test"])
        spectra, labels = data.x["test"][rows], data.y["test"][rows]
        what = "test spectra"
        names = [
            f"test spectrum {row}: {class_label(data.definitions, label)}"
            for row, label in zip(rows, labels, strict=True)
        ]
    run, predicted, found = first_maps(runs, spectra)
    titles = [
        f"{name}, taken for {class_label(data.definitions, taken)}"
        for name, taken in zip(names, predicted, strict=True)
    ]
    maps = {kind: found[kind] for kind in settings.maps}
    figure = draw(spectra, maps, titles, run.name, data.definitions.axis)
    caption = f"Class-activation maps of {run.name} under {what} of {data.name}"
    style.save(figure, settings.output, caption, [data.name])


def cut(name):
    """A name that fits into a line of a title."""
    return name if len(name) < TITLE_WIDTH - 3 else f"{name[: TITLE_WIDTH - 4]}…"


def rows_of(chosen, labels):
    """The test spectra to draw, as a list of rows.

    Args:
        chosen: rows from the command line.
        labels: of all test spectra.

    Raises:
        InputError: if there is no such row.
    """
    for row in chosen:
        if row >= len(labels):
            raise InputError(
                f"--spectra {row}: no such test spectrum, expected 0 to {len(labels) - 1}"
            )
    return list(chosen) or [int(row) for row in np.unique(labels, return_index=True)[1][:3]]


def first_maps(runs, spectra):
    """The first of some runs whose network has activation maps, the labels it predicts, its maps.

    Raises:
        InputError: if no run has any.
    """
    from synthetic_spectra.common import backend  # starts Keras

    backend.prepare("float32")
    reasons = []
    for run in runs:
        try:
            return run, *activation_maps(trained.load(run), spectra)
        except InputError as error:
            reasons.append(f"{run.name}: {error}")
    raise InputError(f"no class-activation map: {'; '.join(reasons)}")


def draw(spectra, maps, titles, name, axis):
    """The figure: a row per spectrum, a column per kind of map, which colours what lies behind.

    Args:
        spectra: (n, n_datapoints).
        maps: name → (n, n_datapoints), from 0 to 1.
        titles: of the rows.
        name: of the run.
        axis: of the dataset, a ``names.Axis`` or None.
    """
    plt = style.pyplot()
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("from white", ["white", "C4"])
    n, n_datapoints = spectra.shape
    # a title fills the width of its panel, then goes on in another line
    titles = ["\n".join(wrap(title, TITLE_WIDTH)) for title in titles]
    lines = max(title.count("\n") for title in titles)
    size = max(12, 6.2 * len(maps)), (1.8 + 0.3 * lines) * n + 1.6
    figure, panels = plt.subplots(
        n, len(maps), figsize=size, sharex=True, sharey=True, squeeze=False
    )

    for column, (kind, values) in zip(panels.T, maps.items(), strict=True):
        for axes, spectrum, along, title in zip(column, spectra, values, titles, strict=True):
            place = (-0.5, n_datapoints - 0.5, 0, 1.05)
            image = axes.imshow(along[None], shades, vmin=0, vmax=1, extent=place, aspect="auto")
            axes.plot(spectrum, color="C0")
            axes.set(title=title, ylim=(0, 1.05), yticks=(0, 0.5, 1))
        column[0].set_title(f"{kind}\n{titles[0]}")

    figure.supxlabel(style.along(panels.flat, axis))
    figure.supylabel("intensity (highest peak = 1)")
    figure.suptitle(name)
    figure.colorbar(image, ax=panels, label="class-activation map (highest = 1)")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)

"""datasets/<config>/ → output/figures/plot_classes.png: the ideal spectra of all classes."""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset, profiles
from synthetic_spectra.spectra.names import class_label

MOST = 40  # classes that an eye can still tell apart


@dataclass(frozen=True)
class Settings:
    """Draw the spectrum of every class as it is defined, a panel per group of classes."""

    config: str = "challenge"
    """Dataset: a name in dataset_configs/ or a path to a .json; its spectra must be rendered."""
    datasets_dir: Folder = Path("datasets")
    """Folder of the rendered datasets, a folder per config."""
    output: style.Picture = style.FOLDER / "plot_classes.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    path = config.find(settings.config)
    name, definitions = path.stem, dataset.resolved(settings.datasets_dir, path)
    definitions.need_peaks()
    if definitions.n_classes > MOST:
        raise InputError(
            f"--config {name}: {definitions.n_classes} classes, "
            f"expected at most {MOST} for one figure"
        )
    caption = f"Ideal spectra of all classes of {name}, by group"
    style.save(draw(definitions), settings.output, caption, [name])


def draw(definitions):
    """The figure: a panel per group, its classes above one another.

    A class without a group has a panel of its own.

    Args:
        definitions: a config with every rendering setting filled in.
    """
    groups = definitions.groups()
    groups |= {class_label(definitions, label): [label] for label in groups.pop(None, [])}
    columns = math.ceil(math.sqrt(len(groups)))
    rows = math.ceil(len(groups) / columns)
    tallest = max(map(len, groups.values()))
    size = 3.8 * columns, rows * (0.8 * tallest + 0.9)
    figure, panels = style.pyplot().subplots(rows, columns, figsize=size, squeeze=False)

    for axes, (group, labels) in zip(panels.flat, groups.items(), strict=False):
        for i, label in enumerate(labels):
            ideal = profiles.ideal_spectrum(
                definitions.spectra[str(label)],
                definitions.rendering_of(str(label)),
                definitions.n_datapoints,
            )
            # the root lets minor peaks be seen
            axes.plot(len(labels) - 1 - i + 0.9 * np.sqrt(ideal), color=f"C{i % 7}")
        axes.set_yticks(range(len(labels)), reversed(labels))
        axes.set(title=group, ylim=(-0.05, len(labels)))
    for axes in panels.flat[len(groups) :]:
        axes.remove()

    figure.supxlabel(style.along(panels.flat[: len(groups)], definitions.axis))
    figure.supylabel("class, and the square root of its intensity")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)

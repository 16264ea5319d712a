"""datasets/<config>/config.json → figures/plot_classes.png: the ideal spectra of all classes, by
groups."""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from figures import style
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset, profiles

MOST = 40  # classes that are still told apart


@dataclass(frozen=True)
class Settings:
    """Draw the spectrum of every class as it is defined, a panel for each group."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    output: Path = Path("figures/plot_classes.png")
    """File to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    definitions = dataset.resolved(settings.datasets_dir, name)
    if definitions.n_classes > MOST:
        raise InputError(
            f"config {name!r}: {definitions.n_classes} classes, expected at most {MOST} for one figure"
        )
    style.save(draw(definitions), settings.output)


def draw(definitions):
    """The figure: a panel for each group, its classes above one another; a class without a group
    has its own.

    Args:
        definitions: a config with every rendering setting filled in.
    """
    groups = definitions.groups()
    groups |= {f"class {label}": [label] for label in groups.pop(None, [])}
    across = math.ceil(math.sqrt(len(groups)))
    down = math.ceil(len(groups) / across)
    tallest = max(map(len, groups.values()))
    figure, panels = plt.subplots(
        down, across, figsize=(3.8 * across, down * (0.8 * tallest + 0.9)), squeeze=False
    )
    for axes, (group, labels) in zip(panels.flat, groups.items(), strict=False):
        for i, label in enumerate(labels):
            own = definitions.rendering_of(str(label))
            ideal = profiles.ideal_spectrum(
                definitions.spectra[str(label)], own, definitions.n_datapoints
            )
            # the root lets minor peaks be seen
            axes.plot(len(labels) - 1 - i + 0.9 * np.sqrt(ideal), color=f"C{i % 7}")
        axes.set_yticks(range(len(labels)), reversed(labels))
        axes.set(title=group, ylim=(-0.05, len(labels)))
    for axes in panels.flat[len(groups) :]:
        axes.remove()
    figure.supxlabel("position (datapoint)")
    figure.supylabel("class, and the square root of its intensity")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)

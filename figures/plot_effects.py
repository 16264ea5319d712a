"""dataset_configs/<name>.json → output/figures/plot_effects.png: effects on a diffractogram."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis.strengths import LINE_EFFECTS, NO_EFFECT, effects_of
from synthetic_spectra.common.cli import Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import symmetry
from synthetic_spectra.spectra import config, sources

AROUND = 1.2  # degrees 2θ that are shown on either side of a line
HIGH = 0.3  # of the highest intensity: a line that is shown


@dataclass(frozen=True)
class Settings:
    """Draw the diffractogram of one random crystal without effects, with each, and with all."""

    config: str = "space_groups_30_measured"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    seed: Seed = 0
    """Random seed of the endless stream, ≥ 0."""
    number: Seed = 191
    """Number of the diffractogram in the first epoch, ≥ 0."""
    output: style.Picture = style.FOLDER / "plot_effects.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    path = config.find(settings.config)
    definitions = config.load(path).resolved()
    try:
        definitions.need_space_groups()
        effects = effects_of(definitions)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    curves = {}
    for effect, values in effects.items():
        source = sources.source_of(definitions.changed(**values))
        spectra, labels = source.batch(settings.seed, 0, settings.number, settings.number + 1)
        curves[effect] = spectra[0]
    caption = (
        f"A diffractogram of {path.stem} without effects, with {', '.join(list(effects)[1:-1])}, "
        "and with all"
    )
    group = definitions.spectra[str(labels[0])].space_groups[0]
    figure = draw(curves, source.grid.two_theta(), symmetry.symbol(group), definitions.root)
    style.save(figure, settings.output, caption, [path.stem])


def draw(curves, two_theta, symbol, root):
    """The figure: a panel for each effect, with the diffractogram without effects behind it.

    Args:
        curves: effect → diffractogram (n_datapoints,); ``NO_EFFECT`` is one.
        two_theta: of the datapoints in degrees, (n_datapoints,).
        symbol: of the space group.
        root: whether they hold square roots of intensities.
    """
    ideal = curves[NO_EFFECT]
    rows = -(-len(curves) // 3)
    figure, axes = style.pyplot().subplots(rows, 3, figsize=(13, 2.6 * rows), squeeze=False)
    # the last line that is high shows best what becomes of lines
    line = two_theta[np.flatnonzero(ideal > HIGH)[-1]]
    for panel, (effect, curve) in zip(axes.flat, curves.items(), strict=False):
        if effect != NO_EFFECT:
            panel.fill_between(two_theta, ideal, color="0.8", linewidth=0)
        panel.plot(two_theta, curve, color="C0", linewidth=1.6 if effect in LINE_EFFECTS else 0.7)
        ends, highest = two_theta[[0, -1]], 1.0
        if effect in LINE_EFFECTS:
            ends = line - AROUND, line + AROUND
            inside = (two_theta > ends[0]) & (two_theta < ends[1])
            highest = max(ideal[inside].max(), curve[inside].max())
        panel.set(xlim=ends, ylim=(0, 1.05 * highest), title=effect)
    axes.flat[0].set_title(f"{symbol}, {NO_EFFECT}")
    for panel in axes[:, 0]:
        panel.set_ylabel("√ intensity" if root else "intensity")
    for panel in axes.flat[len(curves) :]:
        panel.axis("off")
    for panel in axes.flat[max(0, len(curves) - 3) : len(curves)]:
        panel.set_xlabel("2θ, degrees")
    return figure


if __name__ == "__main__":
    run_script(main, Settings)

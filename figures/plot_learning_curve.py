"""results/learning_curve_<config>.csv, tested_on_<config>.csv → output/figures/
plot_learning_curve.png: errors over the spectra that a training has seen."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import on_crystals, results
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.spectra import config

# column of the table → line, and what it is of
CURVES = {"accuracy": (":", "training"), "val_accuracy": ("-", "validation")}

# ticks, in %
ERRORS, HIGH_ERRORS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100), (10, 15, 20, 30, 40, 60, 80, 100)
SEEN = [digit * 10**power for power in range(9) for digit in (1, 3)]


@dataclass(frozen=True)
class Settings:
    """Draw the errors of networks for space groups over the spectra seen, logarithmic both."""

    config: str = "space_groups_30"
    """Dataset: a name in dataset_configs/ or a path to a .json."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_learning_curve.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    name = config.find(settings.config).stem
    found = results.read(settings.results_dir, name, "learning_curve")
    caption = f"Errors of networks for {name} over the spectra seen, by what they were trained on"
    style.save(draw(found.learning_curve, found.tested_on), settings.output, caption, [name])


def draw(curves, tested):
    """The figure: a panel for each kind of training, a colour for each network, lines for each run.
    A dot is the error of a run on its test, at the end of its training.

    Args:
        curves: ``learning_curve`` of ``results.Results``.
        tested: ``tested_on`` of ``results.Results``, or None.
    """
    from matplotlib.lines import Line2D  # takes half a second
    from matplotlib.ticker import NullFormatter, NullLocator

    # a network is the same one whether its spectra are fresh or not
    curves = curves.assign(online=False)
    tested = None if tested is None else tested.assign(online=False)
    kinds = list(curves.trained_on.unique())
    figure, panels = style.pyplot().subplots(
        1,
        len(kinds),
        sharex=True,
        sharey=True,
        squeeze=False,
        figsize=(1.5 + 4.2 * len(kinds), 5.5),
    )
    colours = {network.label: f"C{i}" for i, (network, _) in enumerate(results.by_network(curves))}
    for axes, kind in zip(panels.flat, kinds, strict=True):
        for network, rows in results.by_network(curves[curves.trained_on == kind]):
            for seed, of_run in rows.groupby("seed"):
                for column, (line, _) in CURVES.items():
                    errors = 100 * (1 - of_run[column])
                    look = {"color": colours[network.label], "linestyle": line}
                    axes.plot(of_run.spectra_seen, errors, alpha=0.8, **look)
                if tested is None:
                    continue
                of_network = tested[(tested.trained_on == kind) & (tested.seed == seed)]
                for other, one in results.by_network(of_network):
                    at_end = one[(one.top == 1) & one.test_set.isin(on_crystals.REAL)]
                    if other.label == network.label and len(at_end):
                        errors = 100 * (1 - at_end[["share", "upper", "lower"]].iloc[0])
                        bars = [[errors.share - errors.upper], [errors.lower - errors.share]]
                        look = {"color": colours[network.label], "marker": "o", "capsize": 3}
                        axes.errorbar(of_run.spectra_seen.max(), errors.share, bars, **look)
        axes.set(xscale="log", yscale="log", xlabel="spectra seen")
        axes.set_title(kind.replace("_", " "))
        axes.grid(which="both", alpha=0.25)
    first = panels[0, 0]
    # the errors of a training that knows its spectra by heart go below
    lowest = max(0.1, 0.5 * 100 * (1 - curves.val_accuracy.max()))
    first.set_ylim(lowest, 100)
    first.set_ylabel("error, in %")
    wide = lowest < 5
    first.set_yticks([one for one in (ERRORS if wide else HIGH_ERRORS) if one >= lowest])
    seen = curves.spectra_seen.min(), curves.spectra_seen.max()
    first.set_xticks([one for one in SEEN if seen[0] <= one <= seen[1]])
    for axis, write in ((first.xaxis, "{:,.0f}"), (first.yaxis, "{:g}")):
        axis.set_major_formatter(lambda value, _, write=write: write.format(value))
        axis.set_minor_formatter(NullFormatter())
        axis.set_minor_locator(NullLocator())
    handles = [Line2D([], [], color=colour, label=label) for label, colour in colours.items()]
    handles += [
        Line2D([], [], color="0.3", linestyle=line, label=what) for line, what in CURVES.values()
    ]
    handles.append(Line2D([], [], color="0.3", marker="o", linestyle="", label="test, at the end"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(kinds))
    return figure


if __name__ == "__main__":
    run_script(main, Settings)

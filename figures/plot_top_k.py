"""results/<config>.csv, or tested_on_<config>.csv → output/figures/plot_top_k.png: how often the
true class is among the most probable ones."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import on_crystals, results
from synthetic_spectra.analysis.statistics import wilson
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config
from synthetic_spectra.training.outcome import TOP

# as many as there are colours; dashed lines come after them
MARKERS = "osD^vP*"


@dataclass(frozen=True)
class Settings:
    """Draw the share of test spectra whose class is among the 1 to 5 most probable ones."""

    configs: Annotated[tuple[str, ...], Field(min_length=1)] = ("challenge",)
    """Datasets, a panel for each: names in dataset_configs/ or paths to a .json."""
    trained_on: bool = False
    """A panel for each kind of training of studies/space_groups.py."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    output: style.Picture = style.FOLDER / "plot_top_k.png"
    """PNG file to write; a PDF of the same stem is written beside it."""


def main(settings):
    names = [config.find(one).stem for one in settings.configs]
    tables = {}
    for name in names:
        if settings.trained_on:
            found = results.read(settings.results_dir, name, "tested_on").tested_on
            # a network is the same one whether its spectra are fresh or not
            found = found[found.test_set.isin(on_crystals.REAL)].assign(online=False)
            for (kind, test_set), rows in found.groupby(["trained_on", "test_set"], sort=False):
                words = f"{kind}\ntested on {test_set}".replace("_", " ")
                tables[words if len(names) == 1 else f"{name}: {words}"] = rows
        else:
            tables[name] = ranked(results.read(settings.results_dir, name), name)
    caption = f"Test spectra of {', '.join(names)} with their class among the k most probable ones"
    style.save(draw(tables), settings.output, caption, names)


def ranked(found, name):
    """The runs of a config that have kept the ranks of the true classes.

    Raises:
        InputError: if none has.
    """
    columns = list(TOP.values())
    kept = found.runs.reindex(columns=found.runs.columns.union(columns, sort=False))
    kept = kept.dropna(subset=columns)
    if kept.empty:
        raise InputError(
            f"{found.path('runs')}: no ranks; count the runs again: python evaluate.py --config "
            f"{name}"
        )
    return kept


def shares(rows):
    """Shares of test spectra, and the ends of their 95 % intervals, in % for each k, in the mean
    over the runs of a network: (k, 3).

    Args:
        rows: of the table of runs, whose intervals are Wilson's, or of ``tested_on``.
    """
    if "share" in rows:
        return 100 * rows.groupby("top")[["share", "lower", "upper"]].mean().to_numpy()
    n_test = int(rows.test_spectra.iloc[0])
    right = [round(rows[column].mean()) for column in TOP.values()]
    return 100 * np.array([(one / n_test, *wilson(one, n_test)) for one in right])


def draw(tables):
    """The figure: a panel for each table, a line for each network or learner, in the mean over its
    runs. Bars are 95 % intervals of that share of the test spectra.

    Args:
        tables: title of a panel → rows of a table, as ``shares`` takes them.
    """
    n = len(tables)
    figure, panels = style.pyplot().subplots(
        1, n, sharey=True, squeeze=False, figsize=(max(8.5, 1.5 + 5.5 * n), 5.5)
    )
    # a network has its colour in all panels
    every = dict.fromkeys(
        network.label for table in tables.values() for network, _ in results.by_network(table)
    )
    order = {label: i for i, label in enumerate(every)}
    handles = {}
    for axes, (name, table) in zip(panels.flat, tables.items(), strict=True):
        for network, rows in results.by_network(table):
            i, n_test = order[network.label], int(rows.test_spectra.iloc[0])
            means, low, high = shares(rows).T
            bars = np.clip([means - low, high - means], 0, None)
            places = [k + 0.4 * (i - (len(order) - 1) / 2) / max(1, len(order) - 1) for k in TOP]
            look = {"color": f"C{i}", "marker": MARKERS[i % len(MARKERS)]}
            look["linestyle"] = "-" if i < len(MARKERS) else "--"
            handles[network.label] = axes.errorbar(places, means, bars, **look)
        axes.set_title(f"{name}, {n_test} test spectra")
        axes.set_xlabel("most probable classes that are named")
        axes.set_xticks(list(TOP))
        axes.set(xlim=(0.5, 5.5), ylim=(0, 102))
        axes.grid(axis="y", alpha=0.3)
    panels[0, 0].set_ylabel("test spectra named rightly, in %")
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=1 + n, fontsize=11
    )
    return figure


if __name__ == "__main__":
    run_script(main, Settings)

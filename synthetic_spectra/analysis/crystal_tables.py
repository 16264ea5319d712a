"""Tables about networks for space groups → lines for people: how often they are right, on what,
what their trainings took, and how real random crystals are."""

import numpy as np
import pandas as pd

from synthetic_spectra.analysis import results
from synthetic_spectra.training.outcome import TOP


def accuracies(tested):
    """A line for each kind of training, set of crystals and network: how often the likeliest class
    is right, and one of the five likeliest, in %, in the mean over runs; in brackets the mean ends
    of their 95 % intervals.

    Args:
        tested: ``tested_on`` of ``results.Results``.
    """
    return _lines(tested, ("share", "lower", "upper"))


def of_types(tested):
    """The same where each type of structures counts once, for sets of crystals that have types."""
    return _lines(tested.dropna(subset="types"), ("type_mean", "type_lower", "type_upper"), "types")


def trainings(trained_on):
    """A line for each kind of training and network: the mean number of spectra seen, of minutes,
    and how often it is right on its test, in %: mean and standard deviation over runs.

    Args:
        trained_on: of ``results.Results``.
    """
    lines = []
    for kind, rows in trained_on.groupby("trained_on", sort=False):
        for network, runs in results.by_network(rows):
            lines.append(
                {
                    "trained on": kind.replace("_", " "),
                    "network": f"{network.model} ×{len(runs)}",
                    "spectra seen": f"{runs.spectra_seen.mean():,.0f}",
                    "minutes": f"{runs.minutes.mean():.0f}",
                    "top 1": _over_runs(100 * runs[TOP[1]] / runs.test_spectra),
                    "top 5": _over_runs(100 * runs[TOP[5]] / runs.test_spectra),
                }
            )
    return pd.DataFrame(lines)


def distances(crystals):
    """A line for each descriptor of crystals: Kolmogorov–Smirnov distances of random ones from real
    ones, for each way of drawing them.

    Args:
        crystals: of ``results.Results``.
    """
    ways = crystals.pivot(index="descriptor", columns="way", values="distance")
    ways = ways.loc[crystals.descriptor.unique(), crystals.way.unique()]
    ways.index = ways.index.str.replace("_", " ")
    return ways.map("{:.3f}".format).rename_axis("descriptor").reset_index()


def _lines(tested, columns, number="test_spectra"):
    lines = []
    for (kind, test_set), rows in tested.groupby(["trained_on", "test_set"], sort=False):
        for network, runs in results.by_network(rows):
            lines.append(
                {
                    "trained on": kind.replace("_", " "),
                    "network": f"{network.model} ×{runs.seed.nunique()}",
                    "tested on": test_set.replace("_", " "),
                    number.replace("test_", ""): f"{runs[number].iloc[0]:.0f}",
                    **{f"top {k}": _percents(runs[runs.top == k], columns) for k in (1, 5)},
                }
            )
    return pd.DataFrame(lines)


def _percents(runs, columns):
    share, lower, upper = (100 * runs[column].mean() for column in columns)
    return "–" if np.isnan(share) else f"{share:.1f} ({lower:.0f}–{upper:.0f})"


def _over_runs(values):
    spread = f" ± {values.std():.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}"

"""What is more than chance: intervals of differences and of shares, McNemar's test."""

from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd

from synthetic_spectra.analysis.results import by_network

PAIR = ["model_a", "model_b"]
COMPARED = ["runs_a", "runs_b", "difference"]
MCNEMAR = ["right_only_a", "right_only_b", "p_mcnemar"]
DRAWS = 9999  # of the bootstrap


def interval(a, b):
    """95 % interval of the mean of ``a`` minus the mean of ``b``: Welch, Biometrika 34, 28 (1947).

    A bootstrap over so few runs would be too narrow: of three runs each, it holds the true
    difference four times out of five.

    Args:
        a, b: numbers of misclassified spectra, one for each run; at least two runs of each.

    Returns:
        its lower and upper end; both are the difference where neither varies.
    """
    from scipy import stats  # takes half a second

    difference = np.mean(a) - np.mean(b)
    variances = [np.var(runs, ddof=1) / len(runs) for runs in (a, b)]
    if not any(variances):
        return difference, difference
    weights = [v**2 / (len(runs) - 1) for v, runs in zip(variances, (a, b), strict=True)]
    degrees = sum(variances) ** 2 / sum(weights)
    ends = stats.t.interval(0.95, degrees, difference, np.sqrt(sum(variances)))
    return tuple(map(float, ends))


def wilson(right, n):
    """95 % interval of a share (Wilson, J. Am. Stat. Assoc. 22, 209 (1927)).

    Args:
        right: number of cases, 0 to ``n``.
        n: of how many, ≥ 1.

    Returns:
        its lower and upper end, 0 to 1.
    """
    from scipy import stats  # takes half a second

    found = stats.binomtest(right, n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def over_types(right, kinds):
    """Shares of cases, and means over the types of cases, each with a 95 % interval: bootstrap over
    types, percentiles.

    Args:
        right: bool (k, n), k answers about n cases.
        kinds: number of the type of each case (n,), from 0 without gaps.

    Returns:
        column → (k,): ``lower`` and ``upper`` of the share, ``type_mean``, ``type_lower`` and
        ``type_upper``.
    """
    sizes = np.bincount(kinds)
    sums = np.array([np.bincount(kinds, one) for one in right.astype(float)])
    shares = sums / sizes
    drawn = _drawn_types(len(sizes))
    found = {"type_mean": shares.mean(axis=1)}
    for name, values in (
        ("{}", drawn @ sums.T / (drawn @ sizes)[:, None]),
        ("type_{}", drawn @ shares.T / len(sizes)),
    ):
        ends = np.percentile(values, (2.5, 97.5), axis=0)
        found |= {name.format("lower"): ends[0], name.format("upper"): ends[1]}
    return found


@lru_cache(maxsize=2)
def _drawn_types(n):
    """How often each of n types is drawn with replacement, (DRAWS, n)."""
    rng = np.random.default_rng(0)
    return rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype("float32")


def mcnemar(right_a, right_b):
    """McNemar's exact test of two networks on the same spectra.

    Args:
        right_a, right_b: bool (spectra,), which of them each network classifies correctly.

    Returns:
        how many only the first gets right, how many only the second, and the two-sided p-value.
    """
    from scipy import stats  # takes half a second

    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    return only_a, only_b, p


def differences(runs, correct, earlier=None):
    """Every two networks: the difference of their test errors, and whether it is more than chance.

    Args:
        runs: table of runs, those that diverged left out.
        correct: index of a row of ``runs`` → bool (test spectra,), which ones that run classifies
            correctly. Rows of runs that are not at hand have none.
        earlier: what this function gave before, or None. McNemar's test of networks whose runs are
            not at hand is taken from there, if their numbers and difference are the same.

    Returns:
        a DataFrame, a row for each pair: ``difference`` is the mean of ``model_a`` minus that of
        ``model_b``, in misclassified test spectra. ``lower`` and ``upper`` are its 95 % interval
        over the runs, if both have several. ``p_mcnemar`` is the p-value of McNemar's exact test,
        in which most of a network's runs decide whether it classifies a test spectrum correctly;
        none for different numbers of runs, as a majority of few runs is another one than of many.
    """
    before = {} if earlier is None else earlier.set_index(PAIR).to_dict("index")
    lines = []
    for (network_a, runs_a), (network_b, runs_b) in combinations(list(by_network(runs)), 2):
        wrong_a = runs_a.test_misclassified.to_numpy()
        wrong_b = runs_b.test_misclassified.to_numpy()
        line = {
            "model_a": network_a.label,
            "model_b": network_b.label,
            "runs_a": len(runs_a),
            "runs_b": len(runs_b),
            "difference": wrong_a.mean() - wrong_b.mean(),
        }

        # a single run has no spread
        if len(runs_a) > 1 and len(runs_b) > 1:
            line["lower"], line["upper"] = interval(wrong_a, wrong_b)

        # a majority of few runs is another one than of many
        known = before.get((network_a.label, network_b.label), {})
        if len(runs_a) != len(runs_b):
            line |= dict.fromkeys(MCNEMAR, np.nan)
        elif all(row in correct for row in (*runs_a.index, *runs_b.index)):
            right_a, right_b = (
                np.mean([correct[row] for row in rows.index], axis=0) > 0.5
                for rows in (runs_a, runs_b)
            )
            line |= dict(zip(MCNEMAR, mcnemar(right_a, right_b), strict=True))
        elif all(np.isclose(known.get(name, np.nan), line[name]) for name in COMPARED):
            line |= {column: known.get(column) for column in MCNEMAR}
        else:
            line |= dict.fromkeys(MCNEMAR, np.nan)
        lines.append(line)
    return pd.DataFrame(lines)


def changes(table, after, before=""):
    """What a change of the networks saves: pairs of networks whose labels differ in one word.

    Args:
        table: as ``differences`` gives it.
        after: that word, e.g. "relu".
        before: the word that it replaces; "" if it is added at the end of the label.
    """
    lines = []
    for row in table.to_dict("records"):
        words = row["model_a"].split()
        swapped = [after if word == before else word for word in words]
        changed = swapped if before else [*words, after]
        if changed == row["model_b"].split() and changed != words:
            interval = (
                f"{row['lower']:.1f} to {row['upper']:.1f}" if row["lower"] == row["lower"] else ""
            )
            lines.append(
                {
                    "network": " ".join(word for word in words if word != before),
                    "runs": f"{row['runs_a']}, {row['runs_b']}",
                    "misclassified fewer": f"{row['difference']:.1f}",
                    "95 % interval": interval,
                    "p (McNemar)": p_value(row),
                }
            )
    return pd.DataFrame(lines)


def p_value(row):
    """McNemar's p-value of a row of the table of differences in words; "" if it is not known."""
    return f"{row['p_mcnemar']:.2g}" if row["p_mcnemar"] == row["p_mcnemar"] else ""

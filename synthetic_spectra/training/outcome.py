"""What came of runs: ranks of the true classes, the content of a summary.json, a line of text."""

import numpy as np
import pandas as pd
import scipy

# probability below which an accuracy is better than guessing
SIGNIFICANCE = 0.001
# numbers of classes that a run may name for a spectrum, and the column of how often that suffices
TOP = {k: f"test_top_{k}" for k in (1, 2, 3, 4, 5)}
# name of the ranks of a split among the predictions of a run
RANKS = "{}_ranks"


def classified(probabilities, labels, split):
    """The predictions of a run for one split, as its folder keeps them.

    Args:
        probabilities: of the classes (n, classes), or other numbers that are higher for a better
            class.
        labels: true classes (n,), integers from 0.
        split: name of the split.

    Returns:
        name → (n,): under the name of the split the most probable class, the first of several, as
        int64; under ``RANKS`` the rank of the true class, 1 for the most probable one, as small
        unsigned integers. A class that others equal stands behind them, unless it is predicted.
    """
    predicted = probabilities.argmax(axis=1)
    true = probabilities[np.arange(len(labels)), labels]
    # whatever is not below the true class stands before it, NaN too
    ranks = (~(probabilities < true[:, None])).sum(axis=1)
    ranks[predicted == labels] = 1
    small = np.min_scalar_type(probabilities.shape[1])
    return {split: predicted, RANKS.format(split): ranks.astype(small)}


def top(predictions):
    """How many test spectra have their class among the most probable ones: column of ``TOP`` →
    number; None for a run from before ranks were kept.

    Args:
        predictions: of the run, as ``classified`` gives them.
    """
    ranks = predictions.get(RANKS.format("test"))
    return {TOP[k]: None if ranks is None else int((ranks <= k).sum()) for k in TOP}


def summary(history, costs, data, best_epoch, predictions, diverged):
    """The content of summary.json, name → JSON value.

    Args:
        history: rows of history.csv, column → number.
        costs: parameters of the model, and its multiply-accumulates for one spectrum.
        data: the ``Dataset``.
        best_epoch: epoch whose weights are kept, counted from 0.
        predictions: as ``classified`` gives them; None of a run that diverged.
        diverged: None, or what ``callbacks.Divergence`` found.
    """
    best = history[best_epoch]
    label = "diverged" if diverged else outcome(best["val_accuracy"], data.y["val"])
    minutes = sum(row["seconds"] for row in history) / 60
    parameters, multiply_accumulates = costs
    content = {
        "outcome": label,
        "trained_epochs": len(history),
        "minutes": minutes,
        "parameters": parameters,
        "multiply_accumulates": multiply_accumulates,
    }
    if diverged:
        return content | diverged
    of_best = {f"best_{name}": best[name] for name in ("epoch", "val_loss", "val_accuracy")}
    return content | of_best | data.misclassified(predictions)


def outcome(val_accuracy, labels):
    """Whether a network has learned anything: "converged" or "not converged".

    It has if its validation accuracy is above that of always naming the most frequent class, by a
    one-sided binomial test at ``SIGNIFICANCE``.

    Args:
        val_accuracy: share of the validation spectra that are classified rightly, in [0, 1].
        labels: of the validation spectra (n,), integers ≥ 0.
    """
    n = len(labels)
    guessed = np.bincount(labels).max() / n
    test = scipy.stats.binomtest(round(val_accuracy * n), n, guessed, alternative="greater")
    return "converged" if test.pvalue < SIGNIFICANCE else "not converged"


def table(runs, failed=0):
    """A line of text for each run that is finished, and how many are not, besides those that cannot
    be trained."""
    columns = ("model", "hidden_activation", "seed")
    rows = [
        {name: run.settings[name] for name in columns} | run.summary for run in runs if run.summary
    ]
    lines = []
    if rows:
        lines.append(pd.DataFrame(rows).to_string(index=False, float_format="{:.4g}".format))
    left = len(runs) - len(rows) - failed
    if left > 0:
        lines.append(f"runs not finished yet: {left}; the same command continues")
    return "\n".join(lines)

"""What came of runs: the content of a summary.json, and a line of text for each of them."""

import numpy as np
import pandas as pd
import scipy

# probability below which an accuracy is better than guessing
SIGNIFICANCE = 0.001


def summary(history, costs, data, best_epoch, predictions, diverged):
    """The content of summary.json, name → JSON value.

    Args:
        history: rows of history.csv, column → number.
        costs: parameters of the model, and its multiply-accumulates for one spectrum.
        data: the ``Dataset``.
        best_epoch: epoch whose weights are kept, counted from 0.
        predictions: split → predicted labels (n,); None of a run that diverged.
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


def table(runs):
    """A line of text for each run that is finished, and how many are not."""
    columns = ("model", "hidden_activation", "seed")
    rows = [
        {name: run.settings[name] for name in columns} | run.summary for run in runs if run.summary
    ]
    lines = []
    if rows:
        lines.append(pd.DataFrame(rows).to_string(index=False, float_format="{:.4g}".format))
    if len(rows) < len(runs):
        lines.append(
            f"{len(runs) - len(rows)} runs are not finished yet; the same command continues"
        )
    return "\n".join(lines)

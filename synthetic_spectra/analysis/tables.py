"""Results of the runs of one dataset → tables of the published kinds, as text, Markdown, CSV or
LaTeX.

``table`` is the table of runs that ``results.read`` gives, ``published`` what
``results.read_published`` gives.
"""

import numpy as np
import pandas as pd

from synthetic_spectra.analysis.results import by_network
from synthetic_spectra.analysis.statistics import wilson
from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.training.outcome import TOP
from synthetic_spectra.training.run import Identity

FORMATS = ("text", "markdown", "csv", "latex")
# how the Bayes-optimal classifier breaks ties → column of the ceiling
TIES = {"at random": "expected_random", "to the nearest class": "expected_nearest"}


def write(table, form):
    """A table as text; columns without any entry are left out.

    Args:
        table: a DataFrame of texts and numbers.
        form: one of ``FORMATS``.
    """
    if table is None or table.empty:
        return "nothing to show"
    empty = (table.isna() | table.astype(object).isin(["", "–"])).all()
    table = table.loc[:, ~empty]
    if form == "csv":
        return table.to_csv(index=False, float_format="%.6g").rstrip("\n")

    # four digits for people
    number = "{:.4g}".format
    table = table.apply(
        lambda column: column.map(number) if column.dtype.kind == "f" else column
    ).fillna("")
    table = table.replace("nan", "")
    if form == "latex":
        return table.to_latex(index=False, escape=True).rstrip("\n")
    table = table.rename(columns=lambda name: name.replace("_", " "))
    if form == "markdown":
        return table.to_markdown(index=False, disable_numparse=True)
    return table.to_string(index=False)


def networks(table, published, ceiling=None):
    """A line for each network, ours beside the published values (the preprint's Table 2).

    Numbers of misclassified spectra and of epochs are as ``spread`` writes them.

    Args:
        table, published: as above.
        ceiling: what ``ceiling.ceiling`` gives of the dataset. It adds what the Bayes-optimal
            classifier misclassifies.
    """
    n_test = table.test_spectra.dropna().max()
    lines = []
    for network, ours in by_network(table):
        theirs = _published(published, ours.config.iloc[0], network, "test_misclassified")
        outcomes = ours.outcome.value_counts()
        lines.append(
            {
                **network.words(),
                "runs": len(ours),
                **{bad: outcomes.get(bad, "") for bad in ("diverged", "not converged")},
                "misclassified": spread(ours.test_misclassified),
                "published": spread(theirs),
                "accuracy": percent(ours.test_misclassified.mean(), n_test),
                "published accuracy": percent(theirs.mean(), n_test),
                "epochs": spread(ours.trained_epochs),
                "minutes": spread(ours.minutes),
            }
        )
    if ceiling is not None:
        for ties, column in TIES.items():
            wrong = len(ceiling) - ceiling[column].sum()
            lines.append(
                dict.fromkeys(lines[0], "")
                | {
                    "model": f"Bayes-optimal, ties {ties}",
                    "misclassified": f"{wrong:.4g}",
                    "accuracy": percent(wrong, len(ceiling)),
                }
            )
    return pd.DataFrame(lines)


def top(table):
    """A line for each network: the share of test spectra whose class is among the k most probable
    ones, for each k of ``outcome.TOP``; a mean over its runs.
    """
    n_test = table.test_spectra.dropna().max()
    lines = []
    for network, ours in by_network(table):
        # tables from before ranks were kept have no such columns
        found = {k: ours.get(column, pd.Series(dtype=float)) for k, column in TOP.items()}
        shares = {
            f"top {k}": percent(n_test - counts.mean(), n_test) for k, counts in found.items()
        }
        lines.append({**network.words(), "runs": len(ours), **shares})
    return pd.DataFrame(lines)


def top_intervals(table):
    """A line for each network whose ranks were kept, the best first: the share of test spectra
    whose class is among the most probable ones, in %, in the mean over its runs; in brackets the
    95 % interval of that share (Wilson)."""
    n_test = int(table.test_spectra.max())
    ranked = table.dropna(subset=[*TOP.values()])
    lines = []
    for network, ours in by_network(ranked.sort_values(TOP[1], ascending=False, kind="stable")):
        line = {"learner": network.label, "runs": len(ours)}
        for k in (1, 3, 5):
            right = ours[TOP[k]].mean()
            low, high = (100 * end for end in wilson(round(right), n_test))
            line[f"top {k}"] = f"{100 * right / n_test:.1f} ({low:.0f}–{high:.0f})"
        lines.append(line)
    return pd.DataFrame(lines)


def runs(table, published):
    """A line for each run: what it misclassifies of each split (the paper's Supplementary Table 1).

    The published training counts were taken with dropout on, ours with dropout off.
    """
    lines = []
    for row in table.to_dict("records"):
        network = Identity.from_columns(row)
        line = network.words() | {"seed": network.seed}
        for split in ("train", "val", "test"):
            line[split] = row[f"{split}_misclassified"]
        for split in ("val", "test"):
            theirs = _published(published, row["config"], network, f"{split}_misclassified")
            theirs = theirs[published.seed[theirs.index] == network.seed]
            line[f"published {split}"] = theirs.iloc[0] if len(theirs) else np.nan
        lines.append(line)
    return pd.DataFrame(lines).astype(dict.fromkeys(("train", "val", "test"), "Int64"))


def medians(table, published):
    """Median test accuracy of each network, ours and published (the paper's Table 2)."""
    n_test = table.test_spectra.dropna().max()
    lines = []
    for network, ours in by_network(table):
        theirs = _published(published, ours.config.iloc[0], network, "test_misclassified")
        lines.append(
            {
                **network.words(),
                "runs": len(ours),
                "median accuracy": percent(ours.test_misclassified.median(), n_test),
                "published median accuracy": percent(theirs.median(), n_test),
            }
        )
    return pd.DataFrame(lines)


def architectures(sizes):
    """A line for each network, read from the network itself (the preprint's Table 1).

    The networks are built one after the other, and their weights get no values, which would take
    gigabytes.

    Args:
        sizes: number of datapoints, number of classes and range of the shifts, as
            ``Config.sizes`` gives them.
    """
    # these start Keras, the first one quietly
    from synthetic_spectra.common import backend  # noqa: F401

    # isort: split
    from model_implementations import MODELS, outline
    from synthetic_spectra.training.arithmetic import multiply_accumulates

    lines = []
    for name in MODELS:
        try:
            model = outline(name, *sizes)
            lines.append({"model": name, **_architecture(model, multiply_accumulates(model))})
        except InputError as error:
            notice(error)
    return pd.DataFrame(lines)


def _architecture(model, n_multiply_accumulates):
    layers = list(_leaves(model))
    convolutions = [layer for layer in layers if hasattr(layer, "kernel_size")]
    dense = [layer for layer in layers if type(layer).__name__ == "Dense" and layer.trainable]
    rates = {layer.rate for layer in layers if "Dropout" in type(layer).__name__}
    normalised = any(type(layer).__name__ == "BatchNormalization" for layer in layers)
    millions = None if n_multiply_accumulates is None else n_multiply_accumulates / 1e6
    # all but the last dense layer, which gives the probabilities
    hidden = dense[:-1]
    activations = [getattr(layer.activation, "__name__", "own") for layer in hidden]
    return {
        "convolutions": len(convolutions),
        "filters": _range(layer.filters for layer in convolutions if hasattr(layer, "filters")),
        "kernel sizes": _range(layer.kernel_size[0] for layer in convolutions),
        "batch normalisation": "yes" if normalised else "no",
        "dropout": ", ".join(map(str, sorted(rates))) or "no",
        "hidden layers": ", ".join(str(layer.units) for layer in hidden) or "none",
        "hidden activation": ", ".join(dict.fromkeys(activations)) or "none",
        "parameters": f"{model.count_params():,}",
        "million multiply-accumulates": "" if millions is None else f"{millions:.1f}",
    }


def _leaves(layer):
    """The layers of a model, those of models and wrappers inside it in their place, in order."""
    wrapped = getattr(layer, "layer", None)
    inner = getattr(layer, "layers", None) or ([] if wrapped is None else [wrapped])
    for one in inner:
        yield from _leaves(one)
    if not inner:
        yield layer


def verdicts(ceiling):
    """The verdicts on a dataset and the accuracies they allow, a line for each.

    Args:
        ceiling: what ``ceiling.ceiling`` gives.
    """
    counts = ceiling.verdict.value_counts()
    n = len(ceiling)
    lines = [
        f"{counts.get(verdict, 0)} of {n} test spectra {verdict}"
        for verdict in ("identifiable", "tied", "lost")
    ]
    if "impossible" in counts:
        lines.append(
            f"{counts['impossible']} of {n} test spectra are beyond what any class gives in "
            "training"
        )
    for ties, column in TIES.items():
        right = ceiling[column].sum()
        lines.append(
            f"Bayes-optimal classifier, ties {ties}: {right:.1f} right, {n - right:.1f} wrong, "
            f"{100 * right / n:.2f} %"
        )
    return "\n".join(lines)


def spread(values):
    """Numbers of several runs in words: mean ± sample standard deviation (lowest–highest).

    A single number is given as it is, none as a dash. NaN, of runs that diverged, does not count.
    """
    values = values.dropna()
    if len(values) < 2:
        return f"{values.iloc[0]:.4g}" if len(values) else "–"
    return f"{values.mean():.1f} ± {values.std():.1f} ({values.min():.4g}–{values.max():.4g})"


def percent(misclassified, n):
    """Accuracy in percent, in words; a dash without any run.

    Args:
        misclassified: mean or median number of misclassified spectra, NaN without any run.
        n: number of spectra, NaN where it is not known as every run diverged.
    """
    share = misclassified / n
    return "–" if np.isnan(share) else f"{100 * (1 - share):.1f} %"


def _published(published, config, network, quantity):
    """The published values of a quantity, those of all seeds; none if there are none."""
    wanted = {"config": config, "quantity": quantity, **network.columns()}
    same = pd.Series(True, published.index)
    for column in ("config", "quantity", *Identity.ANY_PRECISION):
        same &= published[column] == wanted[column]
    return published.value[same]


def _range(values):
    values = list(values)
    if not values:
        return "none"
    return f"{min(values)}–{max(values)}" if min(values) < max(values) else str(min(values))

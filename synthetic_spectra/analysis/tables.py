"""Results of the runs of one dataset → tables of the published kinds, as text, Markdown, CSV or
LaTeX.

Results are rows as evaluate.py writes them into results/<config>.csv, published ones those of
results/published.csv.
"""

from itertools import combinations

import numpy as np
import pandas as pd
import scipy

FORMATS = ("text", "markdown", "csv", "latex")
# what a line is about; its runs differ in their seeds
MODEL = ["model", "model_args", "hidden_activation", "online", "ema_momentum", "precision"]
ANY_PRECISION = MODEL[
    :-1
]  # published runs, all in float32, are shown beside those of every precision
BOTH = ["model_a", "model_b"]
MCNEMAR = ["right_only_a", "right_only_b", "p_mcnemar"]


def write(table, form):
    """A table in one of ``FORMATS``; columns without any entry are left out.

    Args:
        table: a DataFrame of texts and numbers.
        form: one of ``FORMATS``.
    """
    if table.empty:
        return "nothing to show"
    table = table.loc[:, ~(table.isna() | table.astype(object).isin(["", "–"])).all()]
    if form == "csv":
        return table.to_csv(index=False, float_format="%.6g").rstrip("\n")
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


def words(names):
    """The values of ``MODEL``, or the last few of them, as words to show; "" for what is not so."""
    *others, online, ema_momentum, precision = names
    averaged = f"ema_momentum {ema_momentum:g}" if ema_momentum else ""
    return (
        *others,
        "online" if online else "",
        averaged,
        "" if precision == "float32" else precision,
    )


def label(names):
    """The values of ``MODEL``, or the last few of them, in one line; of ``ANY_PRECISION`` give
    "float32" along."""
    return " ".join(filter(None, words(names)))


def summary(results, published, ceiling=None):
    """One line per model and hidden activation, ours beside the published values (the preprint's
    Table 2).

    Misclassified and epochs are mean ± standard deviation over the runs (lowest–highest).

    Args:
        results, published: as above, results of one config.
        ceiling: what ``dataset_ceiling.ceiling`` gives of it; adds what a perfect learner
            misclassifies.
    """
    n_test = results.test_spectra.dropna().max()
    lines = []
    for names, ours in results.groupby(MODEL, sort=False):
        theirs = _published(published, results.config.iloc[0], names, "test_misclassified")
        outcomes = ours.outcome.value_counts()
        lines.append(
            {
                **dict(zip(MODEL, words(names), strict=True)),
                "runs": len(ours),
                **{bad: outcomes.get(bad, "") for bad in ("diverged", "not converged")},
                "misclassified": spread(ours.test_misclassified),
                "published": spread(theirs),
                "accuracy": percent(ours.test_misclassified, n_test),
                "published accuracy": percent(theirs, n_test),
                "epochs": spread(ours.trained_epochs),
                "minutes": spread(ours.minutes),
            }
        )
    if ceiling is not None:
        for column, ties in (
            ("expected_random", "at random"),
            ("expected_nearest", "to the nearest class"),
        ):
            wrong = len(ceiling) - ceiling[column].sum()
            line = dict.fromkeys(lines[0], "") | {"model": f"perfect learner, ties {ties}"}
            line |= {
                "misclassified": f"{wrong:.4g}",
                "accuracy": f"{100 * ceiling[column].mean():.1f} %",
            }
            lines.append(line)
    return pd.DataFrame(lines)


def runs(results, published):
    """One line per run: what it misclassifies of each split (the paper's Supplementary Table 1).

    The published training counts are taken with dropout on, ours with dropout off.
    """
    lines = []
    for row in results.itertuples():
        names = [getattr(row, name) for name in MODEL]
        line = dict(zip(MODEL, words(names), strict=True)) | {"seed": row.seed}
        for split in ("train", "val", "test"):
            line[split] = getattr(row, f"{split}_misclassified")
        for split in ("val", "test"):
            theirs = _published(published, row.config, names, f"{split}_misclassified", row.seed)
            line[f"published {split}"] = theirs.iloc[0] if len(theirs) else np.nan
        lines.append(line)
    return pd.DataFrame(lines).astype(dict.fromkeys(("train", "val", "test"), "Int64"))


def medians(results, published):
    """Median test accuracy of every model and hidden activation, ours and published (the paper's
    Table 2)."""
    n_test = results.test_spectra.dropna().max()
    lines = []
    for names, ours in results.groupby(MODEL, sort=False):
        theirs = _published(published, results.config.iloc[0], names, "test_misclassified")
        line = dict(zip(MODEL, words(names), strict=True)) | {"runs": len(ours)}
        line["median accuracy"] = percent(ours.test_misclassified, n_test, "median")
        lines.append(line | {"published median accuracy": percent(theirs, n_test, "median")})
    return pd.DataFrame(lines)


def architectures(models):
    """One line per network, read from the networks themselves (the preprint's Table 1).

    Args:
        models: name → Keras model.
    """
    from model_implementations import multiply_accumulates  # starts Keras

    lines = []
    for name, model in models.items():
        layers = {}
        for layer in model.layers:
            layers.setdefault(type(layer).__name__, []).append(layer)
        convolutions = layers.get("Conv1D", [])
        dense = [layer for layer in layers.get("Dense", []) if layer.trainable]
        lines.append(
            {
                "model": name,
                "convolutions": len(convolutions),
                "filters": _range(layer.filters for layer in convolutions),
                "kernel sizes": _range(layer.kernel_size[0] for layer in convolutions),
                "batch normalisation": "yes" if "BatchNormalization" in layers else "no",
                "dropout": ", ".join(
                    map(str, sorted({layer.rate for layer in layers.get("Dropout", [])}))
                )
                or "no",
                "hidden layers": ", ".join(str(layer.units) for layer in dense[:-1]) or "none",
                "hidden activation": dense[0].activation.__name__ if dense[:-1] else "none",
                "parameters": f"{model.count_params():,}",
                "million multiply-accumulates": f"{multiply_accumulates(model) / 1e6:.1f}",
            }
        )
    return pd.DataFrame(lines)


def differences(results, correct, earlier=None):
    """Every two models: difference of their test errors, and whether it is more than chance.

    ``difference`` is the mean of ``model_a`` minus that of ``model_b``, in misclassified test
    spectra; ``lower`` and ``upper`` bound its 95 % interval over the runs (bootstrap, percentiles
    of 9999 draws; of a single run there is none); ``p_mcnemar`` is of McNemar's exact test over the
    test spectra, each judged by most of a model's runs.

    Args:
        results: as above.
        correct: index of a run in ``results`` → bool (test spectra,), which spectra it classifies
            rightly; of runs that are not at hand it has none, and their McNemar's test is that of
            ``earlier``, if it is there.
        earlier: what this function gave before.
    """
    known = {} if earlier is None or earlier.empty else earlier.set_index(BOTH).to_dict("index")
    runs_of = {names: rows.index for names, rows in results.groupby(MODEL, sort=False)}
    lines = []
    for (a, rows_a), (b, rows_b) in combinations(runs_of.items(), 2):
        wrong = [results.test_misclassified[rows].to_numpy() for rows in (rows_a, rows_b)]
        line = dict(zip(BOTH, (label(names) for names in (a, b)), strict=True))
        line |= {
            "runs_a": len(rows_a),
            "runs_b": len(rows_b),
            "difference": wrong[0].mean() - wrong[1].mean(),
        }
        if min(map(len, wrong)) > 1:
            line |= dict(zip(("lower", "upper"), interval(*wrong), strict=True))
        before = known.get((line["model_a"], line["model_b"]), {})
        lines.append(
            line
            | (mcnemar(correct, rows_a, rows_b) or {name: before.get(name) for name in MCNEMAR})
        )
    return pd.DataFrame(lines)


def mcnemar(correct, rows_a, rows_b):
    """The columns ``MCNEMAR`` of ``differences``; None if not all runs are at hand."""
    if not all(row in correct for row in (*rows_a, *rows_b)):
        return None
    right = [np.mean([correct[row] for row in rows], axis=0) > 0.5 for rows in (rows_a, rows_b)]
    only_a, only_b = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    p = scipy.stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    return dict(zip(MCNEMAR, (only_a, only_b, p), strict=True))


def interval(a, b):
    """95 % interval of the difference of two means, of ``a`` minus that of ``b``, as in
    ``differences``.

    Args:
        a, b: numbers of misclassified spectra, one for each run; two runs at least of each.
    """
    drawn = scipy.stats.bootstrap(
        (a, b), _difference, method="percentile", vectorized=True, rng=np.random.default_rng(0)
    )
    return drawn.confidence_interval.low, drawn.confidence_interval.high


def spread(values):
    """Mean ± sample standard deviation (lowest–highest) of numbers; of a single one itself, of none
    a dash."""
    values = values.dropna()  # of runs that diverged
    if len(values) < 2:
        return f"{values.iloc[0]:.4g}" if len(values) else "–"
    return f"{values.mean():.1f} ± {values.std():.1f} ({values.min():.4g}–{values.max():.4g})"


def percent(misclassified, n_test, of="mean"):
    """Mean (or median) accuracy in percent of runs that misclassify these numbers of spectra; of no
    run a dash."""
    return (
        f"{100 * (1 - misclassified.agg(of) / n_test):.1f} %"
        if misclassified.notna().any()
        else "–"
    )


def _published(published, config, names, quantity, seed=None):
    published = published[published.quantity == quantity]
    same = (published[["config", *ANY_PRECISION]] == [config, *names[:-1]]).all(axis=1)
    return published[same & ((published.seed == seed) if seed is not None else True)].value


def _range(values):
    values = list(values)
    if not values:
        return "none"
    return f"{min(values)}–{max(values)}" if min(values) < max(values) else str(min(values))


def _difference(a, b, axis=-1):
    return np.mean(a, axis=axis) - np.mean(b, axis=axis)

"""This project's results beside what the paper and the preprint claim → tables of texts.

``found`` is the ``results.Results`` of a config, ``published`` what ``results.read_published``
gives.
"""

import pandas as pd

from synthetic_spectra.analysis.confusions import CAUSES
from synthetic_spectra.analysis.results import by_network
from synthetic_spectra.analysis.statistics import interval, p_value
from synthetic_spectra.training.run import Identity

N_SEEDS = 5  # of each published run


def span(values, form="g"):
    """Mean (lowest–highest) of the numbers of several runs; a dash without any."""
    values = values.dropna()
    if values.empty:
        return "–"
    if values.nunique() == 1:
        return f"{values.iloc[0]:{form}}"
    return f"{values.mean():.1f} ({values.min():{form}}–{values.max():{form}})"


def in_print(published, config, network, quantity="test_misclassified"):
    """Published values of a network: one for each seed, none if there are none.

    Args:
        published: as above.
        config: name of the dataset.
        network: its ``Identity``; the precision does not matter.
        quantity: a quantity of the published results.
    """
    wanted = {"config": config, "quantity": quantity, **network.columns()}
    same = pd.Series(True, published.index)
    for column in ("config", "quantity", *Identity.ANY_PRECISION):
        same &= published[column] == wanted[column]
    return published[same].value


def ranges(found, published):
    """A line for each network that has published values: how far its runs lie outside of them.

    *difference* is that of the means, ours minus published, with its 95 % interval (Welch) over the
    seeds where there are several here.
    """
    lines = []
    for network, runs in by_network(found.runs):
        theirs, ours = in_print(published, found.name, network), runs.test_misclassified.dropna()
        if theirs.empty or ours.empty:
            continue
        low, high = theirs.min(), theirs.max()
        beyond = min(ours.mean() - low, 0) + max(ours.mean() - high, 0)
        lines.append(
            {
                "network": network.label,
                "published": span(theirs),
                "ours": span(ours),
                "runs outside": f"{((ours < low) | (ours > high)).sum()} of {len(ours)}",
                "mean outside by": f"{beyond:+.1f}" if beyond else "",
                **compared(ours, theirs),
            }
        )
    return pd.DataFrame(lines)


def compared(a, b):
    """The mean of ``a`` minus that of ``b`` (a number for each run), and its 95 % interval."""
    line = {"difference": f"{a.mean() - b.mean():+.1f}", "95 % interval": ""}
    if len(a) > 1 and len(b) > 1:
        line["95 % interval"] = "{:.1f} to {:.1f}".format(*interval(a.to_numpy(), b.to_numpy()))
    return line


def preprint(found, published):
    """A line for each network of the preprint's Table 2: misclassified test spectra and epochs
    there, in the paper, and here."""
    lines = []
    table = published[published.quantity == "test_misclassified_mean"]
    for row in table.to_dict("records"):
        network = Identity(row["model"], row["hidden_activation"])
        ours = same_network(found.runs, network)

        def value(quantity, network=network):
            return f"{in_print(published, found.name, network, quantity).iloc[0]:g}"

        lines.append(
            {
                "network": network.label,
                "preprint": f"{row['value']:g} ± {value('test_misclassified_spread')}",
                "paper": span(in_print(published, found.name, network)),
                "ours": span(ours.test_misclassified),
                "epochs, preprint": f"{value('epochs_from')}–{value('epochs_to')}",
                "epochs, ours": span(ours.trained_epochs),
            }
        )
    return pd.DataFrame(lines)


def same_network(runs, network):
    """The rows of a network as published in whatever precision: without model arguments, endless
    data or averaged weights."""
    same = pd.Series(True, runs.index)
    for column, value in Identity(network.model, network.hidden_activation).columns().items():
        if column in Identity.ANY_PRECISION:
            same &= runs[column] == value
    return runs[same]


def training_counts(found, published):
    """A line for each network with published training counts: misclassified training and validation
    spectra, in print with dropout on in training, here with dropout off."""
    lines = []
    table = published[published.quantity == "train_misclassified_with_dropout"]
    for model, activation in table[["model", "hidden_activation"]].drop_duplicates().to_numpy():
        network = Identity(model, activation)
        ours = same_network(found.runs, network)
        lines.append(
            {
                "network": network.label,
                "training, published": span(
                    in_print(published, found.name, network, "train_misclassified_with_dropout")
                ),
                "training, ours": span(ours.train_misclassified),
                "validation, published": span(
                    in_print(published, found.name, network, "val_misclassified")
                ),
                "validation, ours": span(ours.val_misclassified),
            }
        )
    return pd.DataFrame(lines)


def activations(found, published, before="linear", after="relu"):
    """A line for each network: how many fewer test spectra it misclassifies with one hidden
    activation than with another, in print and here.

    Args:
        before, after: the hidden activations.
    """
    differences = found.differences.set_index(["model_a", "model_b"])
    lines = []
    for network, _ in by_network(found.runs):
        if network.hidden_activation != before:
            continue
        changed = Identity.from_columns(network.columns() | {"hidden_activation": after})
        theirs = [in_print(published, found.name, one) for one in (network, changed)]
        pair = network.label, changed.label
        if pair not in differences.index:
            continue
        row = differences.loc[pair]
        line = {"network": network.label.replace(f" {before}", ""), "published": ""}
        if all(map(len, theirs)):
            line["published"] = gain(theirs[0].mean() - theirs[1].mean(), interval(*theirs))
        line |= {
            "ours": gain(row.difference, (row.lower, row.upper)),
            "runs": f"{row.runs_a}, {row.runs_b}",
            "p (McNemar)": p_value(row),
        }
        lines.append(line)
    return pd.DataFrame(lines)


def gain(difference, ends):
    """A difference and its 95 % interval in words; without an interval where its ends are NaN."""
    low, high = ends
    return f"{difference:+.1f}" + (f" ({low:.1f} to {high:.1f})" if low == low else "")


def causes(found):
    """Confused test spectra of an average run by cause: a line for each network.

    *in pairs with ties* are those of pairs with test spectra for which no classifier can be sure.
    """
    lines = []
    for network, rows in by_network(found.confusions):
        runs, total = rows.runs.iloc[0], rows.groupby("cause").misclassified.sum()
        tied = rows[rows.undecidable > 0].misclassified.sum()
        lines.append(
            {
                "network": network.label,
                "runs": runs,
                **{cause: f"{total.get(cause, 0) / runs:.1f}" for cause in CAUSES},
                "in pairs with ties": f"{tied / runs:.1f}",
            }
        )
    return pd.DataFrame(lines)


def ranking(found):
    """Misclassified test spectra of an average run by cause, a line for each network, the best one
    first; and those of a Bayes-optimal classifier that breaks ties at random.

    Only networks that were trained on the spectra of the dataset count.
    """
    whole = found.groups[(found.groups.group == "all") & ~found.groups.online]
    lines = [wrong_by_cause(network.label, rows, "accuracy") for network, rows in by_network(whole)]
    _, rows = next(by_network(whole))
    lines.append(wrong_by_cause("Bayes-optimal, ties at random", rows, "expected_random"))
    table = pd.DataFrame(lines).sort_values("all", kind="stable").set_index("network")
    return table.map("{:.1f}".format).reset_index()


def wrong_by_cause(name, rows, accuracy):
    """A line: misclassified test spectra by cause, and all.

    Args:
        name: of the classifier.
        rows: a row for each cause.
        accuracy: the column of its accuracy, as a share.
    """
    wrong = rows.test_spectra * (1 - rows[accuracy])
    counts = dict(zip(rows.cause, wrong, strict=True))
    return {"network": name, **counts, "all": wrong.sum()}


def settled(found, networks):
    """A line for each of some networks that has runs: its seeds, what it misclassifies, its epochs.

    Args:
        networks: whether a network, an ``Identity``, is one of them.
    """
    lines = []
    for network, runs in by_network(found.runs):
        if networks(network):
            lines.append(
                {
                    "network": network.label,
                    "seeds": ", ".join(map(str, runs.seed)),
                    "misclassified": span(runs.test_misclassified),
                    "training": span(runs.train_misclassified),
                    "epochs": span(runs.trained_epochs),
                }
            )
    return pd.DataFrame(lines)


def coverage(found, networks):
    """A line for each network of a published experiment: which of its seeds are there, how many
    runs are missing, and what a run takes on each machine.

    Args:
        networks: the ``Identity`` of each; the precision does not matter.
    """
    lines = []
    for network in networks:
        runs = same_network(found.runs, network)
        seeds = {
            f"seeds in {precision}": ", ".join(map(str, runs[runs.precision == precision].seed))
            for precision in ("float32", "mixed_bfloat16")
        }
        most = runs.precision.value_counts().max() if len(runs) else 0
        lines.append(
            {
                "dataset": found.name,
                "network": network.label,
                **seeds,
                "missing": str(N_SEEDS - most),
                "minutes a run": by_machine(runs, runs.minutes),
                "seconds an epoch": by_machine(runs, 60 * runs.minutes / runs.trained_epochs),
            }
        )
    return pd.DataFrame(lines)


def by_machine(runs, values):
    """Lowest and highest of the values of runs on each machine in each precision, in words."""
    parts = []
    for (device, precision), some in values.groupby([runs.device, runs.precision], sort=False):
        ends = dict.fromkeys(f"{end:.2g}" for end in (some.min(), some.max()))
        parts.append(f"{'–'.join(ends)} ({device}, {precision})")
    return "; ".join(parts)

"""Which classes are confused, how often, and what separates them so little."""

import re

import numpy as np
import pandas as pd
import scipy

from synthetic_spectra.analysis.results import by_network
from synthetic_spectra.common.errors import InputError

CAUSES = ("minor peak", "position", "height", "other")
MINOR = 0.1  # a peak lower than this is a minor one


def cause(definitions, a, b):
    """Why two classes are easily confused, from their definitions alone.

    The peaks of both are paired so that they lie as near as possible. A pair is within the ranges
    if training spectra of both classes can have it in one place: positions apart by less than both
    shift_range together, heights by less than both variation_range together.

    - "minor peak": all peaks pair up within the ranges, except some of height below ``MINOR`` in
      one class only.
    - "position" or "height": both classes have as many peaks, and all pair up within the ranges.
      The cause is what separates the classes more, in units of the ranges. The distance of the
      positions is averaged over all peaks, that of the heights over those peaks that are not of
      height 1 in both classes, as these fix the scale.
    - "other": everything else, and classes that are not defined by peaks.

    Args:
        definitions: a config with every rendering setting filled in.
        a, b: labels.

    Returns:
        one of ``CAUSES``.
    """
    if not definitions.has_peaks:
        return "other"
    across, upwards, rows, columns = _paired(definitions, a, b)
    first, second = (np.array(definitions.spectra[str(label)].peak_heights) for label in (a, b))

    # peaks of one class only
    alone = [*np.delete(first, rows), *np.delete(second, columns)]
    if alone:
        return "minor peak" if len(rows) and max(alone) < MINOR else "other"

    # what separates the pairs more
    free = ~((first[rows] == 1) & (second[columns] == 1))
    mean_upwards = upwards[rows, columns][free].mean() if free.any() else 0
    return "position" if across[rows, columns].mean() > mean_upwards else "height"


def deciding_peak(definitions, a, b):
    """The peak that tells two classes apart best, from their definitions alone.

    The peaks are paired as in ``cause``. If some have no partner within the ranges, it is the
    highest of them, and the nearest one in the other class that has no partner either. Else it is
    the pair that is farthest apart in position or height, whichever is the cause.

    Args:
        definitions, a, b: as in ``cause``.

    Returns:
        the peak in each class, counted from 0 in the order of its definition, or None where the
        class lacks it; and in what they differ more, "position" or "height". A peak that only one
        class has differs in height.
    """
    across, upwards, rows, columns = _paired(definitions, a, b)
    alone = [
        sorted(set(range(n)) - set(paired))
        for n, paired in zip(across.shape, (rows, columns), strict=True)
    ]

    # all peaks pair up: the pair that is farthest apart
    if not any(alone):
        by = cause(definitions, a, b)
        i = (across if by == "position" else upwards)[rows, columns].argmax()
        return int(rows[i]), int(columns[i]), by

    # the highest peak without a partner, on the side of one class
    heights = [definitions.spectra[str(label)].peak_heights for label in (a, b)]
    _, side, peak = max(
        (heights[side][peak], side, peak) for side in (0, 1) for peak in alone[side]
    )

    # and the nearest one of the other class without a partner
    distances = across[peak] if side == 0 else across[:, peak]
    nearest = min(alone[1 - side], key=lambda candidate: distances[candidate], default=None)
    pair = (peak, nearest) if side == 0 else (nearest, peak)
    by = "position" if nearest is not None and across[pair] > upwards[pair] else "height"
    return *pair, by


def _paired(definitions, a, b):
    """Pair the peaks of two classes so that they lie as near as possible.

    Returns:
        distances of positions and of heights of every peak of a (row) to every peak of b (column),
        in units of the ranges, and the rows and columns of the pairs within the ranges.
    """
    first, second = (definitions.spectra[str(label)] for label in (a, b))
    ranges = [definitions.rendering_of(str(label)) for label in (a, b)]
    positions = np.subtract.outer(np.array(first.peak_positions), np.array(second.peak_positions))
    heights = np.subtract.outer(np.array(first.peak_heights), np.array(second.peak_heights))

    # in units of the ranges; a range of 0 separates whatever differs
    across = abs(positions) / max(sum(one.shift_range for one in ranges), 1)
    upwards = abs(heights) / max(sum(one.variation_range for one in ranges), 1e-9)

    distance = np.where((across < 1) & (upwards < 1), across + upwards, 1e6)
    rows, columns = scipy.optimize.linear_sum_assignment(distance)
    paired = distance[rows, columns] < 1e6
    return across, upwards, rows[paired], columns[paired]


def labels_of(pair, definitions):
    """The labels of a pair of classes that is given as "8-318".

    Raises:
        InputError: if it is anything else than two different classes of the dataset.
    """
    parts = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", pair)
    labels = tuple(map(int, parts.groups())) if parts else (0, 0)
    if labels[0] == labels[1] or max(labels) >= definitions.n_classes:
        raise InputError(
            f"pair {pair!r}: expected two different labels from 0 to "
            f"{definitions.n_classes - 1}, such as 0-1"
        )
    return labels


def pairs(labels, predicted):
    """Misclassified spectra by pair of classes: (lower, higher label) → number.

    Args:
        labels, predicted: of n spectra.
    """
    wrong = labels != predicted
    both = np.sort(np.stack([labels[wrong], predicted[wrong]]), axis=0)
    return pd.Series(list(map(tuple, both.T.tolist())), dtype=object).value_counts().to_dict()


def rivals(ceiling):
    """Test spectra that no classifier can be sure of, by pair: (lower, higher label) → number.

    Args:
        ceiling: what ``ceiling.ceiling`` gives.
    """
    unsure = ceiling[ceiling.verdict != "identifiable"]
    counts = {}
    for label, most_probable in zip(unsure.label, unsure.most_probable, strict=True):
        for rival in map(int, most_probable.split()):
            if rival != label:
                pair = (min(label, rival), max(label, rival))
                counts[pair] = counts.get(pair, 0) + 1
    return counts


def confused_pairs(runs, predicted, labels, definitions, ceiling):
    """The confused pairs of classes of each network, and why they are confused.

    Args:
        runs: table of runs; its index says which row of ``predicted`` belongs to a run.
        predicted: predicted labels (runs, test spectra).
        labels: of the test spectra.
        definitions: the resolved config.
        ceiling: what ``ceiling.ceiling`` gives; empty without one.

    Returns:
        a DataFrame, a row for each network and pair: in how many runs it is confused, how many test
        spectra are misclassified in all runs, and how many no classifier can be sure of.
    """
    undecidable = {} if ceiling.empty else rivals(ceiling)
    lines, causes = [], {}
    for network, ours in by_network(runs):
        counts_of_runs = [pairs(labels, predicted[i]) for i in ours.index]
        for pair in sorted(set().union(*counts_of_runs)):
            causes[pair] = causes.get(pair) or cause(definitions, *pair)
            counts = [of_run.get(pair, 0) for of_run in counts_of_runs]
            lines.append(
                {
                    **network.columns(),
                    "class_a": pair[0],
                    "class_b": pair[1],
                    "cause": causes[pair],
                    "runs": len(ours),
                    "runs_confusing": sum(map(bool, counts)),
                    "misclassified": sum(counts),
                    "undecidable": undecidable.get(pair, 0),
                }
            )
    return pd.DataFrame(lines)


def named(confused, definitions):
    """Pairs of classes with their names.

    Args:
        confused: what ``confused_pairs`` gives.
        definitions: the config, which may lack names.

    Returns:
        the DataFrame with the columns name_a and name_b; without them if no class has a name.
    """
    name_of = {
        int(label): getattr(spectrum, "name", None) or ""
        for label, spectrum in definitions.spectra.items()
    }
    if not any(name_of.values()):
        return confused
    table = confused.copy()
    after = table.columns.get_loc("class_b") + 1
    for column in ("class_b", "class_a"):
        names = [name_of.get(label, "") for label in table[column]]
        table.insert(after, column.replace("class", "name"), names)
    return table


def group_accuracies(runs, predicted, labels, definitions, ceiling):
    """Test accuracy of each network by group of classes, and by cause over all groups.

    The cause of a group is that of its first two classes, "other" if it has but one.

    Args:
        runs, predicted, labels, definitions, ceiling: as for ``confused_pairs``.

    Returns:
        a DataFrame, a row for each network and group, and for each network and cause with the group
        "all". ``expected_random`` and ``expected_nearest`` are the accuracies of the Bayes-optimal
        classifier. Without groups in the config it has no rows.
    """
    members = {group: classes for group, classes in definitions.groups().items() if group}
    cause_of = {
        group: cause(definitions, *classes[:2]) if len(classes) > 1 else "other"
        for group, classes in members.items()
    }
    parts = [(group, cause_of[group], classes) for group, classes in members.items()]
    for one in sorted(set(cause_of.values()), key=CAUSES.index):
        classes = [label for group in members if cause_of[group] == one for label in members[group]]
        parts.append(("all", one, classes))

    limits = ceiling.reindex(columns=["expected_random", "expected_nearest"])
    lines = []
    for network, ours in by_network(runs):
        right = (predicted[list(ours.index)] == labels).mean(axis=0)
        for group, why, classes in parts:
            in_group = np.isin(labels, classes)
            if not in_group.any():
                continue
            lines.append(
                {
                    **network.columns(),
                    "group": group,
                    "cause": why,
                    "test_spectra": int(in_group.sum()),
                    "accuracy": right[in_group].mean(),
                    **(limits[in_group].mean() if len(limits) else limits.max()),
                }
            )
    return pd.DataFrame(lines)

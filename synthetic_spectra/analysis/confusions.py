"""Which classes are confused, how often, and what separates them so little."""

import re

import numpy as np
import pandas as pd
import scipy

from synthetic_spectra.common.errors import InputError

CAUSES = ("minor peak", "position", "height", "other")
MINOR = 0.1  # a peak lower than this is a minor one


def cause(definitions, a, b):
    """Why two classes are easily confused, from their definitions alone.

    The peaks of both are paired so that they lie as near as possible; a pair is within the ranges
    if the training
    spectra of both classes can have it in one place: positions apart by less than both shift_range
    together, heights by less than both variation_range together.

    - "minor peak": all peaks pair up within the ranges, but for some of height below ``MINOR`` in
      one class only;
    - "position" or "height": as many peaks in both, all pair up within the ranges. It is the one
      that separates more: the distances of positions, averaged over the peaks, in units of the
      range, against those of the heights, averaged over the peaks that are not of height 1 in both
      (these fix the scale);
    - "other": all else.

    Args:
        definitions: a config with every rendering setting filled in.
        a, b: labels.

    Returns:
        one of ``CAUSES``.
    """
    across, upwards, rows, columns = _paired(definitions, a, b)
    first, second = (np.array(definitions.spectra[str(label)].peak_heights) for label in (a, b))
    alone = [*np.delete(first, rows), *np.delete(second, columns)]
    if alone:
        return "minor peak" if len(rows) and max(alone) < MINOR else "other"
    free = ~((first[rows] == 1) & (second[columns] == 1))
    of_heights = upwards[rows, columns][free].mean() if free.any() else 0
    return "position" if across[rows, columns].mean() > of_heights else "height"


def deciding_peak(definitions, a, b):
    """The peak that tells two classes apart best, from their definitions alone; the peaks are
    paired as in ``cause``.

    - If peaks of a class have no partner within the ranges: the highest of them, and the nearest
      one in the other class that has none either.
    - Else the pair that is farthest apart, in units of the ranges, in what the cause is: position
      or height.

    Args:
        definitions, a, b: as in ``cause``.

    Returns:
        the peak in each class, counted from 0 in the order of its definition, or None where the
        class lacks it; and in what they differ more, "position" or "height" (a peak that is in one
        class only differs in height).
    """
    across, upwards, rows, columns = _paired(definitions, a, b)
    alone = [
        sorted(set(range(n)) - set(paired))
        for n, paired in zip(across.shape, (rows, columns), strict=True)
    ]
    if not any(alone):
        by = cause(definitions, a, b)
        i = (across if by == "position" else upwards)[rows, columns].argmax()
        return int(rows[i]), int(columns[i]), by
    heights = [definitions.spectra[str(label)].peak_heights for label in (a, b)]
    _, side, peak = max(
        (heights[side][peak], side, peak) for side in (0, 1) for peak in alone[side]
    )
    distances = across[peak] if side == 0 else across[:, peak]
    partner = min(alone[1 - side], key=lambda other: distances[other], default=None)
    found = (peak, partner) if side == 0 else (partner, peak)
    return *found, "position" if partner is not None and across[found] > upwards[
        found
    ] else "height"


def _paired(definitions, a, b):
    """Pair the peaks of two classes so that they lie as near as possible.

    Returns:
        distances of positions and of heights of every peak of a (row) to every peak of b (column),
        in units of the ranges, and the rows and columns of the pairs within the ranges.
    """
    first, second = (definitions.spectra[str(label)] for label in (a, b))
    settings = [definitions.rendering_of(str(label)) for label in (a, b)]
    positions = np.subtract.outer(np.array(first.peak_positions), np.array(second.peak_positions))
    heights = np.subtract.outer(np.array(first.peak_heights), np.array(second.peak_heights))
    # a range of 0 separates whatever differs
    across = abs(positions) / max(sum(one.shift_range for one in settings), 1)
    upwards = abs(heights) / max(sum(one.variation_range for one in settings), 1e-9)
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
            f"pair {pair!r}: expected two different labels from 0 to {definitions.n_classes - 1}, such as 0-1"
        )
    return labels


def pairs(labels, predicted):
    """Misclassified spectra by pair of classes, whichever of the two they are: (lower, higher
    label) → number.

    Args:
        labels, predicted: of n spectra.
    """
    wrong = labels != predicted
    both = np.sort(np.stack([labels[wrong], predicted[wrong]]), axis=0)
    return pd.Series(list(map(tuple, both.T.tolist())), dtype=object).value_counts().to_dict()


def rivals(table):
    """How many test spectra of each pair of classes no learner can be sure of: (lower, higher
    label) → number.

    Args:
        table: what ``dataset_ceiling.ceiling`` gives.
    """
    unsure = table[table.verdict != "identifiable"]
    counts = {}
    for label, most_probable in zip(unsure.label, unsure.most_probable, strict=True):
        for other in map(int, most_probable.split()):
            if other != label:
                pair = (min(label, other), max(label, other))
                counts[pair] = counts.get(pair, 0) + 1
    return counts

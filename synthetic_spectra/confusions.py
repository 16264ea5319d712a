"""Which classes are confused, how often, and what separates them so little."""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

CAUSES = ("minor peak", "position", "height", "other")
MINOR = 0.1  # a peak lower than this is a minor one


def cause(definitions, a, b):
    """Why two classes are easily confused, from their definitions alone.

    The peaks of both are paired so that they lie as near as possible; a pair is within the ranges if the training
    spectra of both classes can have it in one place: positions apart by less than both shift_range together, heights by
    less than both variation_range together.

    - "minor peak": all peaks pair up within the ranges, but for some of height below ``MINOR`` in one class only;
    - "position" or "height": as many peaks in both, all pair up within the ranges. It is the one that separates more:
      the distances of positions, averaged over the peaks, in units of the range, against those of the heights, averaged
      over the peaks that are not of height 1 in both (these fix the scale);
    - "other": all else.

    Args:
        definitions: a config with every rendering setting filled in.
        a, b: labels.

    Returns:
        one of ``CAUSES``.
    """
    first, second = (definitions.spectra[str(label)] for label in (a, b))
    settings = [definitions.rendering_of(str(label)) for label in (a, b)]
    positions = np.subtract.outer(np.array(first.peak_positions), np.array(second.peak_positions))
    heights = np.subtract.outer(np.array(first.peak_heights), np.array(second.peak_heights))
    # a range of 0 separates whatever differs
    across = abs(positions) / max(sum(one.shift_range for one in settings), 1)
    upwards = abs(heights) / max(sum(one.variation_range for one in settings), 1e-9)
    distance = np.where((across < 1) & (upwards < 1), across + upwards, 1e6)
    rows, columns = linear_sum_assignment(distance)
    paired = distance[rows, columns] < 1e6
    rows, columns = rows[paired], columns[paired]
    alone = [*np.delete(first.peak_heights, rows), *np.delete(second.peak_heights, columns)]
    if alone:
        return "minor peak" if len(rows) and max(alone) < MINOR else "other"
    free = ~((np.array(first.peak_heights)[rows] == 1) & (np.array(second.peak_heights)[columns] == 1))
    of_heights = upwards[rows, columns][free].mean() if free.any() else 0
    return "position" if across[rows, columns].mean() > of_heights else "height"


def pairs(labels, predicted):
    """Misclassified spectra by pair of classes, whichever of the two they are: (lower, higher label) → number.

    Args:
        labels, predicted: of n spectra.
    """
    wrong = labels != predicted
    both = np.sort(np.stack([labels[wrong], predicted[wrong]]), axis=0)
    return pd.Series(list(map(tuple, both.T.tolist())), dtype=object).value_counts().to_dict()


def rivals(table):
    """How many test spectra of each pair of classes no learner can be sure of: (lower, higher label) → number.

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

"""What the Bayes-optimal classifier of a training distribution makes of every test spectrum."""

import math
import time

import numpy as np
import pandas as pd
import scipy

from synthetic_spectra.common.cli import notice
from synthetic_spectra.spectra import peaks

# two likelihoods that differ by less, relatively, are equal: rounding makes them differ
EQUAL = 1e-9


def ceiling(definitions):
    """What the Bayes-optimal classifier makes of every test spectrum of a dataset.

    It knows every class definition and the rules by which training spectra are drawn, and takes the
    classes as often as they are among the training spectra (``n_train``). It sees the positions and
    heights of the peaks without error, but not their common scale, as spectra are scaled to a
    maximum of 1. What an instrument and a sample add to the peaks is left out.

    Args:
        definitions: a config with every rendering setting filled in.

    Returns:
        a DataFrame, one row per test spectrum in the order of the dataset: ``label``; ``verdict``,
        "identifiable" (the true class is the only most probable one), "tied" (it is among several),
        "lost" (another one is more probable) or "impossible" (no class of the training distribution
        gives this spectrum); ``posterior``, the probability of the true class; ``most_probable``,
        the labels that are most probable, separated by spaces; ``nearest``, those of them whose
        peaks are nearest; ``expected_random`` and ``expected_nearest``, the probability to be right
        with ties broken at random and towards the nearest class.

    Raises:
        InputError: if the classes are not defined by peaks.
    """
    definitions.need_peaks()
    classes = Classes(definitions)
    rows = []
    began = reported = time.monotonic()
    for label, spectrum in definitions.spectra.items():
        rendering_of_class = definitions.rendering_of(label)
        tested = peaks.grid(spectrum, rendering_of_class, definitions.n_datapoints)
        for positions, heights, width in zip(*tested, strict=True):
            rows.append(judged(classes, int(label), *visible(positions, heights), width))

        if time.monotonic() - reported > 5:
            reported = time.monotonic()
            share = (int(label) + 1) / definitions.n_classes
            left = (reported - began) * (1 / share - 1)
            notice(f"ceiling: class {label}, {left:.0f} s left")
    return pd.DataFrame(rows)


def judged(classes, label, positions, heights, width):
    """The row of one spectrum; see ``ceiling``."""
    found = classes.likelihoods(positions, heights, width)
    if not found:
        best, posterior = [], math.nan
    else:
        # a density on fewer dimensions is infinitely above one on more
        fewest = min(dimensions for dimensions, _ in found.values())
        densities = {
            candidate: density
            for candidate, (dimensions, density) in found.items()
            if dimensions == fewest
        }
        highest = max(densities.values())
        best = [
            candidate
            for candidate, density in densities.items()
            if density >= highest * (1 - EQUAL)
        ]
        posterior = densities.get(label, 0) / sum(densities.values())

    distances = {candidate: classes.distance(candidate, positions, heights) for candidate in best}
    nearest = [
        candidate for candidate in best if distances[candidate] <= min(distances.values()) + EQUAL
    ]

    if not best:
        verdict = "impossible"
    elif best == [label]:
        verdict = "identifiable"
    else:
        verdict = "tied" if label in best else "lost"
    return {
        "label": label,
        "verdict": verdict,
        "posterior": posterior,
        "most_probable": " ".join(map(str, best)),
        "nearest": " ".join(map(str, nearest)),
        "expected_random": (label in best) / max(1, len(best)),
        "expected_nearest": (label in nearest) / max(1, len(nearest)),
    }


def visible(positions, heights):
    """The peaks that a spectrum shows.

    Of two on one datapoint it shows the later one, and none of height 0.

    Args:
        positions, heights: of one spectrum, (k,) each.

    Returns:
        positions in ascending order, and their heights divided by the highest.
    """
    last = dict(zip(positions.tolist(), heights.tolist(), strict=True))
    shown = sorted((position, height) for position, height in last.items() if height > 0)
    positions, heights = map(np.array, zip(*shown, strict=True))
    return positions, heights / heights.max()


class Classes:
    """The classes of a dataset as distributions of training spectra.

    Args:
        definitions: a config with every rendering setting filled in.
    """

    def __init__(self, definitions):
        self.size = definitions.n_datapoints
        self.spectra = {int(label): spectrum for label, spectrum in definitions.spectra.items()}
        self.rendering = {
            int(label): definitions.rendering_of(label) for label in definitions.spectra
        }
        # position → classes with a peak that can get there; the first peak rules out most classes
        self.reaching = [set() for _ in range(self.size)]
        for label, spectrum in self.spectra.items():
            shift = self.rendering[label].shift_range
            for position in spectrum.peak_positions:
                for reached in range(
                    max(0, position - shift), min(self.size, position + max(shift, 1))
                ):
                    self.reaching[reached].add(label)

    def likelihoods(self, positions, heights, width):
        """The classes that can give a spectrum: label → (dimensions, density).

        Args:
            positions, heights: what ``visible`` gives.
            width: σ of its peaks.
        """
        possible = set.intersection(*(self.reaching[position] for position in positions))
        found = {
            label: self.likelihood(label, positions, heights, width) for label in sorted(possible)
        }
        return {label: value for label, value in found.items() if value}

    def likelihood(self, label, positions, heights, width):
        """Density of one class at a spectrum, times its share of the training spectra; None if it
        cannot give it.

        The sum over every matching of the visible peaks to peaks of the class, each the product of:

        - the probabilities of the positions;
        - the density of the heights at an unknown common scale s, ∫ sᵏ⁻¹ ds / (2 variation_range)ᵏ
          over those s that put all heights into their ranges; fixed heights fix s;
        - the probability that the other peaks are not seen: they have height 0 or lie under a later
          peak. A peak of height 0 that lies on a higher one and hides it is left out: fewer than
          one spectrum in a thousand of any class with such peaks.

        Returns:
            on how many continuous variables the density is, and the density.
        """
        settings = self.rendering[label]
        base = np.array(self.spectra[label].peak_positions)
        centre = np.array(self.spectra[label].peak_heights)
        # (peaks of the class, visible peaks)
        moves = self._moves(base, settings.shift_range, positions)

        # the ranges of the heights, and the probability that a height is clipped to 0
        half = np.where(settings.vary_highest | (centre != 1), settings.variation_range, 0.0)
        lowest, highest = centre - half, centre + half
        vanishes = np.divide(
            np.maximum(-lowest, 0), 2 * half, out=np.zeros(len(half)), where=half > 0
        )

        narrow, wide = settings.kernel_range
        if not narrow <= width <= wide:
            return None
        of_width = 1 / (wide - narrow) if wide > narrow else 1.0

        found = {}
        scales = lowest[:, None] / heights, highest[:, None] / heights
        for matched in matchings(moves > 0, *scales):
            matched = np.array(matched)
            density = np.prod(moves[matched, range(len(matched))]) * of_width * settings.n_train
            for hidden in set(range(len(base))) - set(matched.tolist()):
                under = sum(moves[hidden, j] for j, above in enumerate(matched) if above > hidden)
                density *= vanishes[hidden] + (1 - vanishes[hidden]) * under
            if not density:
                continue
            of_heights = self._heights(heights, lowest[matched], highest[matched])
            if of_heights:
                dimensions = of_heights[0] + (wide > narrow)
                found[dimensions] = found.get(dimensions, 0) + density * of_heights[1]
        return min(found.items()) if found else None

    def _moves(self, base, shift, positions):
        """Probability of each peak of a class to move to each of the given positions.

        Moves beyond an end of the axis stop there.
        """
        if not shift:
            return (base[:, None] == positions).astype(float)
        # a position at an end holds all moves beyond it too
        first = np.where(positions == 0, -np.inf, positions)
        last = np.where(positions == self.size - 1, np.inf, positions)
        from_, to = base[:, None] - shift, base[:, None] + shift - 1
        return np.maximum(np.minimum(last, to) - np.maximum(first, from_) + 1, 0) / (2 * shift)

    @staticmethod
    def _heights(heights, lowest, highest):
        """Dimensions and density of heights that are known up to a factor, each uniform in its
        range; None if they lie outside.

        A fixed height (lowest = highest) tells the factor s: δ(s·r − h) = δ(s − h/r)/r. Every
        further fixed height takes away a dimension, with nothing to integrate.
        """
        k = len(heights)
        fixed = lowest == highest
        ranges = np.prod((highest - lowest)[~fixed])
        if not fixed.any():
            low, high = (np.maximum(lowest, 0) / heights).max(), (highest / heights).min()
            return (k - 1, (high**k - low**k) / (k * ranges)) if high > low else None
        scales = lowest[fixed] / heights[fixed]
        s = scales[0]
        if (abs(scales - s) > EQUAL * s).any():
            return None
        reached = s * heights[~fixed]
        if ((reached < lowest[~fixed] - EQUAL) | (reached > highest[~fixed] + EQUAL)).any():
            return None
        return k - fixed.sum(), s ** (k - 1) / (heights[fixed][0] * ranges)

    def distance(self, label, positions, heights):
        """Distance of the peaks of a spectrum from those of a class, in units of its ranges.

        It is the root of the sum of squares over the visible peaks, each matched to a peak of the
        class so that the sum is least. Peaks of the class that are not seen count with their
        height.
        """
        settings = self.rendering[label]
        base = np.array(self.spectra[label].peak_positions)
        centre = np.array(self.spectra[label].peak_heights)
        height = settings.variation_range or 1
        squares = ((base[:, None] - positions) / max(settings.shift_range, 1)) ** 2
        squares += ((centre[:, None] - heights) / height) ** 2
        unseen = (centre / height) ** 2
        reached = self._moves(base, settings.shift_range, positions) > 0
        # a peak that is matched is one less that is not seen
        cost = np.where(reached, squares - unseen[:, None], 1e12)
        return math.sqrt(
            max(cost[scipy.optimize.linear_sum_assignment(cost)].sum() + unseen.sum(), 0)
        )


def matchings(possible, lowest, highest, scale=(-math.inf, math.inf)):
    """Every way to give each column its own row so that one scale is allowed by all these pairs.

    Args:
        possible: bool (rows, columns), which row a column may have.
        lowest, highest: (rows, columns), the scales that a pair allows.
        scale: lowest and highest scale that earlier pairs allow.

    Yields:
        the row of each column, a tuple.
    """
    if not possible.shape[1]:
        yield ()
        return
    for first in np.flatnonzero(possible[:, 0]).tolist():
        low, high = max(scale[0], lowest[first, 0]), min(scale[1], highest[first, 0])
        if low > high + EQUAL * abs(high):
            continue
        rest = possible[:, 1:].copy()
        rest[first] = False
        for remaining in matchings(rest, lowest[:, 1:], highest[:, 1:], (low, high)):
            yield (first, *remaining)

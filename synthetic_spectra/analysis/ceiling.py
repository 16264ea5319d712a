"""What a perfect learner of the training distribution makes of every test spectrum of a dataset."""

import math
import time

import numpy as np
import pandas as pd
import scipy

from synthetic_spectra.spectra import rendering

EQUAL = 1e-9  # relative difference below which two likelihoods are one: sums of floating-point numbers differ by less


def ceiling(definitions):
    """What a perfect learner of the training distribution makes of every test spectrum of a
    dataset.

    It knows the rules by which training spectra are drawn and every class definition, and takes the
    classes as they are represented in the training data (``n_train``). The spectrum tells it the
    latent peaks without error, but not their common scale, as spectra are scaled to a maximum of 1.
    What an instrument and a sample add to the peaks is left out.

    Args:
        definitions: a config with every rendering setting filled in.

    Returns:
        a DataFrame, one row per test spectrum in the order of the dataset: ``label``; ``verdict``,
        "identifiable" (the true class is the only most probable one), "tied" (it is among several),
        "lost" (another one is more probable) or "impossible" (no class of the training distribution
        gives this spectrum); ``posterior``, the probability of the true class; ``most_probable``,
        the labels that are most probable, by spaces; ``nearest``, the one of those whose peaks are
        nearest; ``expected_random`` and ``expected_nearest``, the probability to be right with ties
        broken at random and towards the nearest class.
    """
    classes = Classes(definitions)
    rows = []
    began = reported = time.monotonic()
    for label, spectrum in definitions.spectra.items():
        own = definitions.rendering_of(label)
        for peaks in zip(
            *rendering.test_peaks(spectrum, own, definitions.n_datapoints), strict=True
        ):
            rows.append(judged(classes, int(label), *visible(*peaks[:2]), peaks[2]))
        if time.monotonic() - reported > 5:
            reported = time.monotonic()
            share = (int(label) + 1) / definitions.n_classes
            print(f"class {label}, {(reported - began) * (1 / share - 1):.0f} s left", flush=True)
    return pd.DataFrame(rows)


def judged(classes, label, positions, heights, width):
    """The row of one spectrum; see ``ceiling``."""
    found = classes.likelihoods(positions, heights, width)
    if not found:
        best, posterior = [], math.nan
    else:
        # a density on fewer dimensions is infinitely above one on more
        fewest = min(dimensions for dimensions, _ in found.values())
        values = {
            other: value for other, (dimensions, value) in found.items() if dimensions == fewest
        }
        highest = max(values.values())
        best = [other for other, value in values.items() if value >= highest * (1 - EQUAL)]
        posterior = values.get(label, 0) / sum(values.values())
    distances = {other: classes.distance(other, positions, heights) for other in best}
    nearest = [other for other in best if distances[other] <= min(distances.values()) + EQUAL]
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
    """The peaks that a spectrum shows: of two on one datapoint the later one, and none of height 0.

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
        # position → classes with a peak that can get there; most classes are ruled out by the first
        # peak
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

        For every matching of the visible peaks to peaks of the class: the probabilities of the
        positions; the density of the heights at an unknown common scale s, ∫ sᵏ⁻¹ ds / (2
        variation_range)ᵏ over the s that put all heights into their ranges (for fixed heights, s is
        what they say); the probability that the other peaks are not seen, which are of height 0 or
        lie under a later peak. (That a peak of height 0 lies on a higher one and hides that
        too is left out: fewer than one spectrum in a thousand of any class that has such peaks.)

        Returns:
            on how many continuous variables the density is, and the density.
        """
        settings = self.rendering[label]
        base = np.array(self.spectra[label].peak_positions)
        centre = np.array(self.spectra[label].peak_heights)
        moves = self._moves(
            base, settings.shift_range, positions
        )  # (peaks of the class, visible peaks)
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
        """Probability of every peak of a class to move to each of the given positions, the ends of
        the axis kept."""
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
        range; None if outside.

        With a fixed height (lowest = highest) the factor s is known, and every further fixed one
        leaves a dimension
        less: δ(s·r − h) = δ(s − h/r)/r for the first, nothing to integrate for the others.
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
        """Distance of the peaks of a spectrum from those of a class, in units of its ranges: root
        of a sum of squares.

        Each visible peak to the peak of the class that it is matched to, in the matching that gives
        least; peaks of the class that are not seen count with their height.
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
    """Every way to give each column a row of its own so that there is a scale which all of these
    pairs allow.

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
        for others in matchings(rest, lowest[:, 1:], highest[:, 1:], (low, high)):
            yield (first, *others)

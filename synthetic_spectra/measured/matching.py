"""Measured spectra against the ideal spectra of all classes: similarity, and mixtures of classes.

The similarity of two spectra is the cosine of the angle between them as vectors, at the best of
several small shifts and strains: samples sit too high, and lattices are a little larger or smaller
than that of the reference.
"""

from dataclasses import dataclass, field

import numpy as np
import scipy

from synthetic_spectra.common.bragg import strained

# shifts and strains that are tried, as shares of the largest
SHIFTS, STRAINS = np.linspace(-1, 1, 9), np.linspace(-1, 1, 5)
SAME_SHIFT = SHIFTS[1] - SHIFTS[0]  # by which the phases of one measurement may differ
FINER = np.linspace(-0.5, 0.5, 5)  # tried around the best, in steps of both
BROADER = (0.6, 0.8, 1, 1.3, 1.7, 2.3, 3)  # width of a phase, that is tried, and of all peaks
WIDTHS = 1.25 ** np.arange(20)  # σ in datapoints, of which the ideal spectra take the nearest
TRUNCATE = 5  # σ at which a Gaussian ends
LEAST_COVERED = 0.3  # share of the squares of an ideal spectrum that a file must cover
MOST_PHASES = 5  # of a mixture
LEAST_GAIN = 0.05  # share of the squares of a spectrum that one more phase must explain


@dataclass(frozen=True)
class Phase:
    """A class that was found in a mixture.

    Args:
        label: of the class, counted from 0.
        shift: of its peaks, in the unit of the axis.
        strain: relative change of its lattice; of an axis that is not 2θ, its stretch.
        share: of the intensity of all phases that were found, 0 to 1.
        curve: its part of the spectrum, (n,).
    """

    label: int
    shift: float
    strain: float
    share: float
    curve: np.ndarray


def patterns(positions, heights, n_datapoints, sigma):
    """Ideal spectra of classes, as unit vectors.

    Args:
        positions, heights: of each class its peaks, in whole datapoints and in any unit.
        n_datapoints: of the axis.
        sigma: of the Gaussians in datapoints, > 0.

    Returns:
        float32 (classes, n_datapoints).
    """
    spectra = np.empty((len(positions), n_datapoints), "float32")
    for spectrum, where, height in zip(spectra, positions, heights, strict=True):
        spectrum[:] = gaussians(np.asarray(where, float), np.asarray(height), sigma, n_datapoints)
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    return spectra


def gaussians(positions, heights, sigma, n_datapoints):
    """A spectrum of Gaussians of one width, which end at ``TRUNCATE`` σ.

    Args:
        positions, heights: of the peaks (k,), in datapoints and in any unit; one whose position is
            NaN, or beyond the axis, has no part.
        sigma: of the Gaussians in datapoints, > 0.
        n_datapoints: of the axis.

    Returns:
        float64 (n_datapoints,).
    """
    reach = int(np.ceil(TRUNCATE * sigma))
    near = (positions > -reach) & (positions < n_datapoints + reach)  # False for NaN
    positions, heights = positions[near], heights[near]
    # with a margin at both ends for what hangs over
    datapoints = np.rint(positions).astype(int)[:, None] + np.arange(-reach, reach + 1)
    values = heights[:, None] * np.exp(-0.5 * ((datapoints - positions[:, None]) / sigma) ** 2)
    margin = 2 * reach + 1
    summed = np.bincount(
        (datapoints + margin).ravel(), weights=values.ravel(), minlength=n_datapoints + 2 * margin
    )
    return summed[margin : margin + n_datapoints]


@dataclass
class Library:
    """The ideal spectra of all classes of a config, and how far they may shift and stretch.

    Args:
        definitions: a ``PeakConfig`` with an axis.
        shift: largest shift, either way, in the unit of the axis.
        strain: largest relative change of the lattice, either way.
    """

    definitions: object
    shift: float
    strain: float
    _patterns: dict = field(default_factory=dict)

    def similarities(self, measured, allowed=None):
        """The similarity of every class, and where it is that high.

        Args:
            measured: a ``Foreground``.
            allowed: (classes,) bool, which of them may be found; all by default.

        Returns:
            cosines (classes,), 0 to 1, shifts (classes,) and strains (classes,).
        """
        tried = SHIFTS * self.shift
        products, shifts, strains = self._projections(
            measured.intensities, measured, tried, allowed
        )
        norm = np.linalg.norm(measured.intensities)
        return np.clip(products / (norm or 1), 0, 1), shifts, strains

    def mixture(self, measured, allowed=None):
        """Explain a spectrum by few classes: greedy non-negative least squares.

        The class that explains most of what is left joins those that were found, and least squares
        share the spectrum between them anew, until one more class explains hardly anything. The
        instrument and the height of the sample shift all phases alike.

        Args:
            measured, allowed: as of ``similarities``.

        Returns:
            a list of ``Phase``, that with the largest share first, and the cosine similarity of
            the spectrum and its explanation.
        """
        spectrum = left = measured.intensities
        whole = spectrum @ spectrum
        found, curves, heights = [], np.zeros((0, len(spectrum))), np.zeros(0)
        tried = SHIFTS * self.shift
        while whole and len(found) < MOST_PHASES:
            if found:
                tried = found[0][1][0] + np.array([-1, 0, 1]) * SAME_SHIFT * self.shift
            products, shifts, strains = self._projections(left, measured, tried, allowed)
            products[[label for label, _ in found]] = 0
            label = int(products.argmax())
            if products[label] <= 0:
                break
            place = self._refined(label, left, measured, tried, shifts[label], strains[label])
            more = np.vstack([curves, self._curve(label, place, measured.covered)])
            fitted, distance = scipy.optimize.nnls(more.T, spectrum)
            if left @ left - distance**2 < LEAST_GAIN * whole or not fitted[-1]:
                break
            found.append((label, place))
            curves, heights, left = more, fitted, spectrum - fitted @ more
        parts = heights[:, None] * curves
        sums = parts.sum(axis=1)
        phases = [
            Phase(label, float(shift), float(strain), float(total / sums.sum()), part)
            for (label, (shift, strain, _)), part, total in zip(found, parts, sums, strict=True)
            if total
        ]
        explained = parts.sum(axis=0)
        length = np.sqrt(whole * (explained @ explained))
        cosine = float(spectrum @ explained / length) if length else 0.0
        return sorted(phases, key=lambda phase: -phase.share), cosine

    def _projections(self, spectrum, measured, tried, allowed):
        """The product of a spectrum (n,) with each class as a unit vector, and the shift, one of
        those tried, and the strain at which it is the largest; three arrays (classes,)."""
        axis, grid = self.definitions.axis, np.arange(self.definitions.n_datapoints)
        ideal = self._ideal(measured)

        # 1. The part of every class that the file covers is what can be compared.
        inside = ideal if measured.covered.all() else ideal[:, measured.covered]
        covered = np.einsum("ij,ij->i", inside, inside)
        known = covered >= LEAST_COVERED
        if allowed is not None:
            known &= allowed

        # 2. The spectrum, shifted and strained back: each class meets it where its peaks are.
        shifts, strains = np.meshgrid(tried, STRAINS * self.strain)
        shifts, strains = shifts.ravel(), strains.ravel()
        values = moved(axis, axis.value(grid), shifts[:, None], strains[:, None])
        places = np.nan_to_num(axis.position(values), nan=-1.0)
        turned = np.array([np.interp(row, grid, spectrum, left=0, right=0) for row in places])

        # 3. All products at once, and the best of each class.
        products = ideal @ turned.T.astype("float32")
        best = products.argmax(axis=1)
        highest = products[np.arange(len(best)), best] / np.sqrt(np.maximum(covered, 1e-9))
        return np.where(known, highest, 0).astype(float), shifts[best], strains[best]

    def _refined(self, label, spectrum, measured, tried, shift, strain):
        """The shift and strain near the best ones tried, and the width σ, with which a class is
        most like a spectrum (n,)."""

        def product(place):
            return float(self._curve(label, place, measured.covered) @ spectrum)

        shifts = shift + FINER * SAME_SHIFT * self.shift
        strains = strain + FINER * (STRAINS[1] - STRAINS[0]) * self.strain
        places = [
            (shift, strain, measured.sigma)
            for shift in np.clip(shifts, min(tried), max(tried))
            for strain in np.clip(strains, -self.strain, self.strain)
        ]
        shift, strain, sigma = max(places, key=product)
        return max(((shift, strain, sigma * factor) for factor in BROADER), key=product)

    def _curve(self, label, place, covered):
        """The part of a class that a file covers as a unit vector (n,), at a place: shift, strain
        and width σ."""
        axis, definition = self.definitions.axis, self.definitions.spectra[str(label)]
        shift, strain, sigma = place
        values = moved(axis, axis.value(definition.peak_positions), shift, strain)
        heights = np.asarray(definition.peak_heights)
        curve = gaussians(axis.position(values), heights, sigma, len(covered))
        curve[~covered] = 0
        return curve / (np.linalg.norm(curve) or 1)

    def _ideal(self, measured):
        """The classes as unit vectors of about the width of a measured spectrum, (classes, n)."""
        sigma = nearest_width(measured.sigma)
        if sigma not in self._patterns:
            spectra = self.definitions.spectra.values()
            # of one width at a time: they are large
            self._patterns = {}
            self._patterns[sigma] = patterns(
                [spectrum.peak_positions for spectrum in spectra],
                [spectrum.peak_heights for spectrum in spectra],
                self.definitions.n_datapoints, sigma,
            )  # fmt: skip
        return self._patterns[sigma]


def nearest_width(sigma):
    """The σ of ``WIDTHS`` that is nearest to one, both in datapoints."""
    return float(WIDTHS[np.abs(np.log(WIDTHS / max(sigma, 1e-9))).argmin()])


def moved(axis, values, shift, strain):
    """Where peaks of a reference are measured: strained, then shifted.

    Args:
        axis: ``spectra.names.Axis``.
        values: of the axis; shift and strain are broadcast against them.
        shift: in the unit of the axis.
        strain: of the lattice for 2θ; else all values are stretched by it.

    Returns:
        values of the axis, NaN where there is no reflection.
    """
    if axis.quantity == "two_theta":
        return strained(values, strain) + shift
    return values * (1 + strain) + shift

"""What is drawn for diffractograms of crystals beside the crystals: sizes, profiles, effects.

A random stream is a tuple of whole numbers. A number of it depends on the seed of the dataset, the
stream, the epoch and the number of the spectrum alone.
"""

from functools import cached_property

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import instrument

# streams of one of spectra, beside that of its crystals; CHOICE and AGAIN are of crystals
SIZES, ARTEFACTS, CHOICE, AGAIN, IMPURITIES, PROFILES, BACKGROUNDS, NOISE, RANGES = range(1, 10)
SHARES, LENGTHS, HEIGHTS = range(3)  # streams of one of these

# Compiled code takes time to start: functions that need it import it.


class Effects:
    """Draws what the effects of a config need, and adds them.

    Args:
        definitions: the resolved ``CrystalConfig``.
        grid: its ``patterns.Grid``.
    """

    def __init__(self, definitions, grid):
        self.definitions, self.rendering = definitions, definitions.rendering
        self.grid = grid
        # what is added to a row once its lines are drawn
        rendering = self.rendering
        self.after_lines = any(
            (
                rendering.impurities, rendering.background, rendering.counts, rendering.noise,
                rendering.additive_noise, rendering.multiplicative_noise, rendering.crop < 1,
            )
        )  # fmt: skip

    @cached_property
    def two_theta(self):
        """2θ of the datapoints in degrees, (n_datapoints,)."""
        return self.grid.two_theta()

    def seed(self, *stream):
        """The seed of a random stream, which the seed of the dataset decides."""
        sequence = np.random.SeedSequence(self.rendering.seed, spawn_key=stream)
        return int(sequence.generate_state(1, np.uint64)[0])

    def uniform(self, stream, epoch, numbers, lowest, highest):
        """A number from a range for each of some spectra, float64 (n,)."""
        from synthetic_spectra.crystals.random_numbers import uniforms

        where = np.uint64(self.seed(*stream)), np.uint64(epoch), numbers.astype(np.uint64)
        return lowest + (highest - lowest) * uniforms(*where)

    def sizes(self, stream, epoch, numbers):
        """Sizes of crystallites in nm, (n,)."""
        return self.uniform((*stream, SIZES), epoch, numbers, *self.definitions.crystallite_sizes)

    def profiles(self, stream, epoch, numbers):
        """The ``patterns.Profiles`` of some spectra; None where no instrument is asked for."""
        from synthetic_spectra.crystals.patterns import Profiles

        rendering, n = self.rendering, len(numbers)
        gaussian = rendering.profile == "gaussian"
        if gaussian and not rendering.second_wavelength and not any(rendering.caglioti):
            return None
        terms = [
            self.uniform((*stream, PROFILES, i), epoch, numbers, 0, term)
            for i, term in enumerate(rendering.caglioti)
        ]
        mixing = np.full(n, 0.0 if gaussian else 1.0)
        if rendering.profile == "pseudo_voigt":
            mixing = self.uniform((*stream, PROFILES), epoch, numbers, *rendering.mixing)
        return Profiles(np.stack(terms, axis=1), mixing, rendering.second_wavelength)

    def add(self, spectra, stream, epoch, numbers, others):
        """Add impurities, backgrounds and noise, in place, and scale to a maximum of 1; what falls
        below 0 becomes 0.

        Args:
            spectra: float32 (n, n_datapoints) with a maximum of 1 each.
            stream, epoch, numbers: of the spectra.
            others: draws the diffractograms of other crystals of a stream, as of ``spectra``.

        Raises:
            InputError: if nothing is left of a spectrum.
        """
        rendering = self.rendering
        for i in range(rendering.impurities):
            impurity = (*stream, IMPURITIES, i)
            heights = self.uniform(
                (*impurity, HEIGHTS), epoch, numbers, 0, rendering.impurity_height
            )
            spectra += heights[:, None].astype("float32") * others(impurity)

        # background and noise are relative to the highest intensity of what is left
        ranges = []
        if rendering.crop < 1:
            ranges = list(self._ranges(spectra, stream, epoch, numbers))
        leave_only(ranges, spectra)
        self._add_background(spectra, stream, epoch, numbers)
        self._add_noise(spectra, stream, epoch, numbers)
        leave_only(ranges, spectra)
        np.clip(spectra, 0, None, out=spectra)

        highest = spectra.max(axis=1, keepdims=True)
        if not (highest > 0).all():
            empty = numbers[(highest[:, 0] > 0).argmin()]
            raise InputError(f"spectrum {empty} is empty: no photon was counted, or noise hides it")
        spectra /= highest

    def _ranges(self, spectra, stream, epoch, numbers):
        """First and last datapoint, the latter excluded, of a random range of 2θ of each spectrum.

        Its length is uniform from the smallest share to the whole range. It holds one datapoint at
        least that is drawn in proportion to the intensities, and lies anywhere around it.
        """
        first, last = self.two_theta[[0, -1]]
        shares, heights, places = (
            self.uniform((*stream, RANGES, i), epoch, numbers, 0, 1) for i in range(3)
        )
        lengths = (last - first) * (self.rendering.crop + (1 - self.rendering.crop) * shares)
        for row, length, height, place in zip(spectra, lengths, heights, places, strict=True):
            rising = np.cumsum(row, dtype="float64")
            kept = np.searchsorted(rising, (1 - height) * rising[-1])
            middle = self.two_theta[kept]
            lowest, highest = max(first, middle - length), min(middle, last - length)
            start = lowest + place * (highest - lowest)
            from_, to = np.searchsorted(self.two_theta, [start, start + length])
            yield min(from_, kept), max(to, kept + 1)

    def _add_background(self, spectra, stream, epoch, numbers):
        rendering = self.rendering
        if not (rendering.background and any(rendering.background_lengths)):
            return
        from synthetic_spectra.crystals.effects import TAPS, add_backgrounds

        stream = (*stream, BACKGROUNDS)
        shares = self.uniform((*stream, SHARES), epoch, numbers, 0, rendering.background)
        lengths = self.uniform((*stream, LENGTHS), epoch, numbers, *rendering.background_lengths)
        where = np.uint64(self.seed(*stream)), np.uint64(epoch), numbers.astype(np.uint64)
        add_backgrounds(spectra, self.two_theta, lengths, shares, *where, TAPS)

    def _add_noise(self, spectra, stream, epoch, numbers):
        rendering = self.rendering
        if any(rendering.background_lengths):
            rendering = rendering.model_copy(update={"background": 0.0})
        if rendering.background or rendering.counts or rendering.noise:
            seed = self.seed(*stream, ARTEFACTS)
            for row, number in zip(spectra, numbers, strict=True):
                rng = np.random.default_rng([seed, epoch, number])
                instrument.add_background_and_noise(row, rendering, rng)

        largest = rendering.additive_noise, rendering.multiplicative_noise
        if any(largest):
            from synthetic_spectra.crystals.effects import add_noise

            stream = (*stream, NOISE)
            deviations = [
                self.uniform((*stream, i), epoch, numbers, 0, one) for i, one in enumerate(largest)
            ]
            where = np.uint64(self.seed(*stream)), np.uint64(epoch), numbers.astype(np.uint64)
            add_noise(spectra, *deviations, *where, instrument.normal_quantiles())


def leave_only(ranges, spectra):
    """Set a spectrum to 0 outside of its range, in place; without any ranges all stay whole."""
    for row, (start, end) in zip(spectra, ranges, strict=False):
        row[:start] = row[end:] = 0

"""Classes of peaks → the peaks of their spectra: random draws for training, a grid for the test.

The peaks of n spectra of one class are three arrays: positions (n, k) integers in datapoints,
heights (n, k) relative to the highest peak of the class, widths (n,) as the σ of a Gaussian in
datapoints. The rules are those of Schuetzke, Szymanski, Reischl, npj Comput. Mater. 9, 100 (2023),
to the bit.
"""

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.machine import free_memory
from synthetic_spectra.spectra import instrument, profiles
from synthetic_spectra.spectra.peak_definitions import PeakConfig

MAX_HEIGHT = 2.0  # heights are clipped to [0, MAX_HEIGHT]
AT_ONCE = 2**28  # bytes of memory for the spectra that are rendered in one call
DRAWN = 300  # bytes of memory for a spectrum whose peaks are drawn, besides 64 for each peak


def draw(spectrum, rendering, n_spectra, n_datapoints, rng):
    """Draw the peaks of training or validation spectra of one class.

    Positions move by integers from [−shift_range, shift_range), heights change by a uniform draw
    from ±variation_range, σ is uniform in kernel_range. The generator is used spectrum by spectrum,
    and within one for all positions, then all heights, then the width: the order is part of a
    dataset's identity.

    Args:
        spectrum: the class, with ``peak_positions`` and ``peak_heights`` (k values each).
        rendering: its settings, every one of them set.
        n_spectra: number of spectra.
        n_datapoints: length of the axis; positions are clipped to it.
        rng: a ``numpy.random.Generator``; it is advanced.

    Returns:
        positions (n_spectra, k), heights (n_spectra, k), widths (n_spectra,).
    """
    positions = np.tile(np.array(spectrum.peak_positions), (n_spectra, 1))
    heights = np.tile(np.array(spectrum.peak_heights), (n_spectra, 1))
    varied = np.flatnonzero(rendering.vary_highest | (heights[0] != 1))

    # one call per kind of draw and spectrum uses the stream exactly as calls for single numbers do
    uniform = np.empty((n_spectra, len(varied) + 1))
    shift, n_peaks = rendering.shift_range, len(spectrum.peak_positions)
    shifts = []
    for row in uniform:
        # [−0, 0) holds no integer to draw
        shifts.append(rng.integers(-shift, shift, n_peaks) if shift else 0)
        rng.random(out=row)

    positions += np.reshape(shifts, (n_spectra, -1))
    lowest = heights[:, varied] - rendering.variation_range
    highest = heights[:, varied] + rendering.variation_range
    heights[:, varied] = lowest + (highest - lowest) * uniform[:, :-1]
    narrowest, widest = rendering.kernel_range
    widths = narrowest + (widest - narrowest) * uniform[:, -1]
    return np.clip(positions, 0, n_datapoints - 1), np.clip(heights, 0, MAX_HEIGHT), widths


def grid(spectrum, rendering, n_datapoints):
    """The peaks of the test spectra of one class: every height step with every position step.

    Heights are outermost. All peaks of a spectrum take the same steps; a peak of height 1 keeps its
    height. Nothing is random.

    Args:
        spectrum, rendering, n_datapoints: as in ``draw``.

    Returns:
        positions (n, k), heights (n, k), widths (n,) with n = len(test_heights) × len(test_shifts).
    """
    height_steps, shift_steps = np.meshgrid(
        rendering.test_heights, rendering.test_shifts, indexing="ij"
    )
    base = np.array(spectrum.peak_heights)
    heights = np.where(base == 1, base, base + height_steps.reshape(-1, 1) * rendering.test_var)
    shifts = shift_steps.reshape(-1, 1) * rendering.test_shift
    positions = np.array(spectrum.peak_positions) + shifts
    widths = np.full(len(positions), float(rendering.test_kernel))
    return np.clip(positions, 0, n_datapoints - 1), np.clip(heights, 0, MAX_HEIGHT), widths


def clipped(spectrum, rendering, n_datapoints):
    """How often the ends of the axis clip the positions of one class.

    Args:
        spectrum, rendering, n_datapoints: as in ``draw``.

    Returns:
        the expected share of the peaks of training and validation spectra that are clipped, and the
        number of test spectra with a clipped peak.
    """
    positions = np.array(spectrum.peak_positions)
    last, shift = n_datapoints - 1, rendering.shift_range

    # a shift is uniform over the 2 × shift_range integers of [−shift_range, shift_range)
    beyond = np.clip(shift - positions, 0, None) + np.clip(positions + shift - 1 - last, 0, None)
    share = float(np.mean(np.minimum(beyond, 2 * shift)) / max(1, 2 * shift))

    shifts = np.array(rendering.test_shifts)[:, None] * rendering.test_shift
    moved = positions + shifts
    n_tests = int(((moved < 0) | (moved > last)).any(axis=1).sum()) * len(rendering.test_heights)
    return share, n_tests


class PeakSource:
    """The spectra of a dataset whose classes are defined by their peaks.

    Args:
        definitions: the resolved config.
    """

    config = PeakConfig
    spectra_per_epoch = None
    top5_accuracy = False

    def __init__(self, definitions):
        self.definitions = definitions
        self.renderings = [definitions.rendering_of(label) for label in definitions.spectra]

    def numbers(self, split):
        """Number of spectra of each class in the order of the classes, for a split, "train", "val"
        or "test"."""
        if split == "test":
            return [len(own.test_heights) * len(own.test_shifts) for own in self.renderings]
        return [getattr(own, f"n_{split}") for own in self.renderings]

    def draw(self, splits, key=()):
        """Draw and render the spectra of some splits, class by class.

        Args:
            splits: some of "train", "val", "test", in this order.
            key: whole numbers that choose a random stream; () is that of the dataset itself.

        Yields:
            split, spectra (n, n_datapoints) of the dtype of the config, labels int64 (n,), in the
            order of the dataset within each split.

        Raises:
            InputError: if a spectrum comes out empty.
        """
        shared, size = self.definitions.rendering, self.definitions.n_datapoints
        # A list of seed and key would not do: with zeros at its end it is the seed itself.
        rng = np.random.default_rng(np.random.SeedSequence(shared.seed, spawn_key=key))
        # a stream beside it, so that artefacts leave the peaks where they are without them
        rng_of_artefacts = rng.spawn(1)[0]

        for i, spectrum in enumerate(self.definitions.spectra.values()):
            # the peaks of all splits: one call for all is faster
            numbers = [self.numbers(split)[i] for split in splits]
            n_drawn = sum(n for n, split in zip(numbers, splits, strict=True) if split != "test")
            groups = []
            if n_drawn:
                groups.append(draw(spectrum, self.renderings[i], n_drawn, size, rng))
            if "test" in splits:
                groups.append(grid(spectrum, self.renderings[i], size))
            peaks = [np.concatenate(parts) for parts in zip(*groups, strict=True)]
            peaks = instrument.disturb(
                *peaks, shared, size, rng_of_artefacts, self.definitions.axis
            )

            # as many spectra at a time as the memory is meant for
            at_once = max(1, AT_ONCE // self.bytes_per_spectrum(i))
            ends = np.cumsum(numbers)
            for start in range(0, ends[-1], at_once):
                some = [values[start : start + at_once] for values in peaks]
                try:
                    spectra = instrument.measure(*some, shared, size, rng_of_artefacts)
                except ValueError as error:
                    raise InputError(f"class {i}: {error}") from None
                parts = np.split(spectra, np.clip(ends[:-1] - start, 0, len(spectra)))
                for split, part in zip(splits, parts, strict=True):
                    if len(part):
                        yield split, part, np.full(len(part), i)

    def theoretical(self, i):
        """The pattern (n_datapoints,) of class ``i`` as it is defined: its peaks unmoved, of width
        test_kernel, without artefacts."""
        unmoved = self.renderings[i].model_copy(update={"test_shifts": (0,), "test_heights": (0,)})
        size = self.definitions.n_datapoints
        peaks = grid(self.definitions.spectra[str(i)], unmoved, size)
        return profiles.gaussian(*peaks, size)[0]

    def notice(self):
        """What the user should know before the spectra are drawn, in one sentence; None if there is
        nothing."""
        classes, size = list(self.definitions.spectra.values()), self.definitions.n_datapoints
        pairs = zip(classes, self.renderings, strict=True)
        shares, n_tests = zip(*(clipped(*pair, size) for pair in pairs), strict=True)
        if not any(shares) and not any(n_tests):
            return None

        n_trains = zip(self.numbers("train"), classes, strict=True)
        weights = [n * len(spectrum.peak_positions) for n, spectrum in n_trains]
        share = 100 * np.average(shares, weights=weights)
        positions = [p for spectrum in classes for p in spectrum.peak_positions]
        first, last = min(positions), max(positions)
        longest = max(abs(step) for own in self.renderings for step in own.test_shifts)
        return (
            f"the ends of the axis clip {share:.2g} % of the peaks of training spectra, and peaks "
            f"of {sum(n_tests)} of {sum(self.numbers('test'))} test spectra; a shift_range of "
            f"at most {min(first, size - last)} and a test_shift of at most "
            f"{min(first, size - 1 - last) // max(1, longest)} clip none"
        )

    def bytes_per_spectrum(self, i):
        """About how much memory one spectrum of class ``i`` takes while it is rendered: itself, and
        a window for every peak."""
        own = self.renderings[i]
        widest = max(own.kernel_range[1], own.test_kernel) * (1 + own.width_spread)
        n_peaks = len(self.definitions.spectra[str(i)].peak_positions) + own.impurities
        copies = 2 if self.definitions.artefacts() else 1
        return int(8 * copies * (self.definitions.n_datapoints + 4 * n_peaks * (8 * widest + 4)))

    def refuse_too_large(self, splits):
        """Raise InputError if drawing takes more memory than is free; arguments as of ``draw``."""
        free = free_memory()
        numbers = zip(*map(self.numbers, splits), strict=True)
        for i, (spectrum, n) in enumerate(
            zip(self.definitions.spectra.values(), map(sum, numbers), strict=True)
        ):
            per_spectrum = self.bytes_per_spectrum(i)
            rendered = min(max(AT_ONCE, per_spectrum), n * per_spectrum)
            needed = n * (DRAWN + 64 * len(spectrum.peak_positions)) + 2 * rendered
            if needed > free:
                raise InputError(
                    f"class {i}: rendering takes {needed:,} bytes of memory, "
                    f"{free:,} bytes are free"
                )

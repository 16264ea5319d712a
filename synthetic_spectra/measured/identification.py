"""A measured file → what it may be: the most similar substances, the mixture, how sure that is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import fft_filter, matching, noise_shuffle, readers
from synthetic_spectra.measured.axis import onto
from synthetic_spectra.measured.foreground import Foreground, foreground
from synthetic_spectra.measured.references import elements

BEST = 5  # substances that are named
# calibrated by studies/identification_calibration.py
LEAST_CERTAINTY = 0.88  # of an answer that is a match
FURTHER_PHASE = 0.03  # of the certainty, as more phases explain more of anything
WIDEST = 2.5  # σ of the peaks, in that of the widest training spectra; a hump is wider


@dataclass(frozen=True)
class Candidate:
    """A substance that a spectrum may be, or that is part of it.

    Args:
        name, formula: of the substance; the formula is "" if it is not known.
        same: other names of the class, whose spectra cannot be told apart.
        label: of the class, counted from 0.
        cosine: similarity of the spectrum and the class, 0 to 1.
        probability: of the name by the network, 0 to 1; None without a network.
        share: of the intensity of all phases, 0 to 1; None if it is none of them.
        shift, strain: of a phase, in the unit of the axis and relative; None of any other.
    """

    name: str
    formula: str
    same: tuple[str, ...]
    label: int
    cosine: float
    probability: float | None = None
    share: float | None = None
    shift: float | None = None
    strain: float | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known of a measured file.

    Args:
        file: its path.
        sure: whether the certainty is high enough for the phases to be the answer.
        certainty: ``Identifier.certainty`` of the phases, at most 1.
        explained: cosine similarity of the spectrum and all phases together, 0 to 1.
        guessed: whether the wavelength of the file is a guess.
        phases: ``Candidate`` of the mixture, that with the largest share first.
        best: the most likely ``Candidate``, no name twice.
        notes: what was done to the file, or was taken for granted, in phrases.
        measured: the ``Foreground``.
        curves: of the phases, (phases, n).
    """

    file: Path
    sure: bool
    certainty: float
    explained: float
    guessed: bool
    phases: list
    best: list
    notes: tuple
    measured: Foreground
    curves: np.ndarray


@dataclass
class Identifier:
    """Names measured files after the classes of a config.

    Args:
        definitions: a resolved ``PeakConfig`` with an axis, whose classes have names.
        least_certainty: from which an answer is sure.
        elements: chemical symbols of which candidates consist; all may be there if it is empty.
        wavelength: of the measurements in Å; None where the files tell.
        shift, strain: largest ones, as of ``matching.Library``; None: those of the training
            spectra.
        network: spectra, float32 (n, n_datapoints) with a maximum of 1 → probabilities
            (n, classes).
        fft_criterion, fft_bins: of ``fft_filter.filtered``; no filter without a criterion.
    """

    definitions: object
    least_certainty: float = LEAST_CERTAINTY
    elements: tuple = ()
    wavelength: float | None = None
    shift: float | None = None
    strain: float | None = None
    network: Callable | None = None
    fft_criterion: float | None = None
    fft_bins: int = fft_filter.BINS
    library: matching.Library = field(init=False)
    _substances: list = field(init=False)
    _allowed: np.ndarray = field(init=False)

    def __post_init__(self):
        self.definitions.need_peaks()
        axis, rendering = self.definitions.axis, self.definitions.rendering
        if axis is None:
            raise InputError("the config has no axis: its datapoints have no unit")
        spectra = self.definitions.spectra.values()
        if not all(definition.name for definition in spectra):
            raise InputError("a class of the config has no name")

        # of a class only the substances count that the elements allow
        self._substances = [
            [one for one in (definition, *definition.aliases) if self._fits(one.formula)]
            for definition in spectra
        ]
        self._allowed = np.array([bool(substances) for substances in self._substances])
        if not self._allowed.any():
            raise InputError(f"no class consists of {' '.join(self.elements)} alone")
        datapoints = max(rendering.zero_shift, rendering.shift_range)
        self.library = matching.Library(
            self.definitions,
            shift=abs(axis.step) * datapoints if self.shift is None else self.shift,
            strain=max(rendering.strain, rendering.scale) if self.strain is None else self.strain,
        )

    def answer(self, path):
        """What a measured file may be.

        Returns:
            an ``Answer``.

        Raises:
            InputError: names the file, and says why there is no answer.
        """
        # 1. the spectrum on the axis of the config, without its background
        on_axis, spectrum = self.spectrum(path)

        # 2. what it is like, and what it is made of
        cosines, _, _ = self.library.similarities(spectrum, self._allowed)
        phases, explained = self.library.mixture(spectrum, self._allowed)
        certainty = self.certainty(spectrum, phases, explained)
        probabilities = self._probabilities(on_axis, spectrum)

        # 3. names: of several classes of one name the best one stands for all
        evidence = cosines if probabilities is None else (cosines + probabilities) / 2
        labels = {}
        for label in np.argsort(-evidence, kind="stable"):
            if evidence[label] > 0 and len(labels) < BEST:
                labels.setdefault(self._substances[label][0].name, int(label))
        found = {phase.label: phase for phase in phases}

        def candidate(label):
            substance, *same = self._substances[label]
            probability = None if probabilities is None else float(probabilities[label])
            place = {}
            if phase := found.get(label):
                place = {"share": phase.share, "shift": phase.shift, "strain": phase.strain}
            return Candidate(
                name=substance.name,
                formula=substance.formula or "",
                same=tuple(dict.fromkeys(one.name for one in same if one.name != substance.name)),
                label=label,
                cosine=float(cosines[label]),
                probability=probability,
                **place,
            )

        return Answer(
            file=Path(path),
            sure=certainty >= self.least_certainty,
            certainty=certainty,
            explained=explained,
            guessed=on_axis.guessed,
            phases=[candidate(phase.label) for phase in phases],
            best=[candidate(label) for label in labels.values()],
            notes=on_axis.notes,
            measured=spectrum,
            curves=np.array([phase.curve for phase in phases]).reshape(-1, len(spectrum.covered)),
        )

    def spectrum(self, path):
        """A measured file on the axis of the config, with its background and without.

        Returns:
            an ``axis.OnAxis`` and a ``Foreground``.

        Raises:
            InputError: names the file, and says why there is no answer.
        """
        measured, definitions = readers.read(path), self.definitions
        try:
            on_axis = onto(
                measured, definitions.axis, definitions.n_datapoints, self.wavelength, guess=True
            )
            if self.fft_criterion is not None:
                on_axis = self._filtered(on_axis)
        except ValueError as error:  # of ours, or of a flat spectrum
            raise InputError(f"{path}: {error}") from None
        kernel_range = definitions.rendering.kernel_range
        return on_axis, foreground(on_axis.intensities, on_axis.covered, kernel_range)

    def _filtered(self, on_axis):
        """A spectrum without its fast changes where it is noisy; ValueError if it is flat."""
        found = fft_filter.filtered(
            on_axis.intensities[on_axis.covered], self.fft_criterion, self.fft_bins
        )
        if not found.noisy:
            return on_axis
        intensities = on_axis.intensities.copy()
        intensities[on_axis.covered] = found.intensities
        note = f"noisy ({found.noisiness:.2f}), its fast changes are filtered out"
        return replace(on_axis, intensities=intensities, notes=(*on_axis.notes, note))

    def for_network(self, on_axis, spectrum):
        """What a network gets of a measured file.

        A network whose training spectra have the backgrounds of noise spectra gets the file with
        its background, from 0 to 1. Any other one gets it without.

        Args:
            on_axis, spectrum: as ``spectrum`` gives them.

        Returns:
            float32 (n_datapoints,), with a maximum of 1, zero where the file has no data.
        """
        if not self.definitions.noise_spectra:
            return spectrum.intensities.astype("float32")
        values = np.zeros(len(on_axis.intensities), "float32")
        values[on_axis.covered] = noise_shuffle.scaled(on_axis.intensities[on_axis.covered])
        return values

    def certainty(self, spectrum, phases, explained):
        """How sure it is that a mixture is the right one.

        Args:
            spectrum: a ``Foreground``.
            phases, explained: as ``matching.Library.mixture`` gives them.

        Returns:
            the cosine similarity of the spectrum and all phases, less ``FURTHER_PHASE`` for each
            phase beyond the first; 0 where the peaks are too wide to be of a crystal.
        """
        if spectrum.sigma > WIDEST * self.definitions.rendering.kernel_range[1]:
            return 0.0
        return max(0.0, explained - FURTHER_PHASE * max(0, len(phases) - 1))

    def _fits(self, formula):
        return not self.elements or (bool(formula) and elements(formula) <= set(self.elements))

    def _probabilities(self, on_axis, spectrum):
        """The network's probability of the name of each class (classes,), among the classes that
        the elements allow; None without a network, or where it has none, as for an empty spectrum.
        """
        if self.network is None or not spectrum.intensities.any():
            return None
        predicted = self.network(self.for_network(on_axis, spectrum)[None])[0]
        probabilities = np.where(self._allowed, predicted, 0)
        total = probabilities.sum()
        if not (np.isfinite(total) and total > 0):
            return None
        # several classes may have one name, and the answer is the name
        firsts = [substances[0].name if substances else "" for substances in self._substances]
        _, place = np.unique(firsts, return_inverse=True)
        return np.bincount(place, weights=probabilities / total)[place]

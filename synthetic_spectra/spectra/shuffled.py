"""Spectra of a dataset → training and validation spectra by noise-shuffle; test spectra stay."""

from collections import Counter

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import noise_shuffle

STREAM = 1  # number of the random stream, beside those of the peaks and of the artefacts


class ShuffledSource:
    """The spectra of a source with the backgrounds of noise spectra, for training and validation.

    Args:
        source: of the kind of the dataset, one of ``kinds.SOURCES``.
        definitions: the resolved config, which has ``noise_spectra``.

    Raises:
        InputError: if a class or a split is left without a noise spectrum.
    """

    def __init__(self, source, definitions):
        self.source, self.definitions = source, definitions
        self.settings = definitions.rendering
        self.noise = {name: np.array(v) for name, v in definitions.noise_spectra.items()}
        if self.settings.shuffle_of == "theoretical" and not hasattr(source, "theoretical"):
            raise InputError(
                f"shuffle_of is theoretical, but {definitions.kind!r} has no theoretical patterns; "
                "expected rendered"
            )
        # class -> names of its noise spectra, by split
        self.names = {
            split: [self._names(split, i) for i in range(definitions.n_classes)]
            for split in ("train", "val")
        }

    def _names(self, split, label):
        """The noise spectra of a class, never those that were measured on its substance."""
        every = list(self.noise)
        if self.settings.separate_noise:
            share = self.settings.n_val / (self.settings.n_train + self.settings.n_val)
            first = len(every) - max(1, round(share * len(every)))
            every = every[first:] if split == "val" else every[:first]
        spectrum = self.definitions.spectra[str(label)]
        substances = [spectrum, *getattr(spectrum, "aliases", ())]
        names = [one.name for one in substances if getattr(one, "name", None)]
        left = [name for name in every if not noise_shuffle.is_of(name, names)]
        if not left:
            raise InputError(
                f"class {label}: no noise spectrum is left for {split}; expected one that is not "
                "of the class itself"
            )
        return left

    def numbers(self, split):
        return self.source.numbers(split)

    def refuse_too_large(self, splits):
        self.source.refuse_too_large(splits)

    def notice(self):
        """How many classes have fewer datapoints than are to be kept; None if there is none."""
        if self.settings.shuffle_of != "theoretical":
            return self.source.notice()
        n_points = self.settings.kept_points
        patterns = map(self._theoretical, range(self.definitions.n_classes))
        few = sum(len(noise_shuffle.kept(pattern, n_points)) < n_points for pattern in patterns)
        if not few:
            return None
        return (
            f"{few} of {self.definitions.n_classes} classes have fewer than {n_points} datapoints "
            "above 0, the kept_points; they keep all of these"
        )

    def draw(self, splits, key=()):
        """As ``PeakSource.draw``; test spectra are what the source draws for a test alone."""
        rng = np.random.default_rng(
            np.random.SeedSequence(self.settings.seed, spawn_key=(*key, STREAM))
        )
        if self.settings.shuffle_of == "rendered":
            turns = Counter()  # spectra of a class so far: its noise spectra take turns
            for split, spectra, labels in self.source.draw(splits, key):
                if split == "test":
                    yield split, spectra, labels
                else:
                    yield split, self._shuffled(split, spectra, labels, turns, rng), labels
            return

        turns = Counter()
        for split in (split for split in splits if split != "test"):
            for label, n in enumerate(self.numbers(split)):
                labels = np.full(n, label)
                spectra = np.tile(self._theoretical(label), (n, 1))
                yield split, self._shuffled(split, spectra, labels, turns, rng), labels
        if "test" in splits:
            yield from self.source.draw(("test",), key)

    def _theoretical(self, label):
        return noise_shuffle.scaled(self.source.theoretical(label))

    def _shuffled(self, split, spectra, labels, turns, rng):
        """Spectra (n, n_datapoints) of classes ``labels`` (n,) by noise-shuffle."""
        result = np.empty(spectra.shape, self.settings.dtype)
        for row, spectrum, label in zip(result, spectra, labels, strict=True):
            names = self.names[split][label]
            noise = self.noise[names[turns[label] % len(names)]]
            turns[label] += 1
            row[:] = noise_shuffle.shuffled(
                noise_shuffle.scaled(np.asarray(spectrum, "float64")),
                noise,
                self.settings.kept_points,
                rng,
            )
        return result

"""A measured diffractogram → the likeliest space groups by a network, and how often it is right."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tabulate import tabulate

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import symmetry
from synthetic_spectra.measured import diffractogram

BEST = 5  # classes that are named
DIGITS = 5  # of probabilities in tables
COLUMNS = (
    "file", "verdict", "space_groups", "names", "probability", "classes", "test_top_1",
    "test_top_5", "test_spectra", "notes",
)  # fmt: skip


@dataclass(frozen=True)
class Accuracy:
    """How often a network names the space group of real structures of types that it never saw.

    Args:
        classes: how many groups it tells apart, of two mirror images one.
        test_spectra: number of the structures.
        test_top_1, test_top_5: of how many the group is the likeliest, or one of the five
            likeliest; None where that was not kept.
    """

    classes: int
    test_spectra: int
    test_top_1: int
    test_top_5: int | None

    def lines(self):
        """The accuracy in words, in two lines."""
        parts = [("likeliest right", self.test_top_1)]
        if self.test_top_5 is not None:
            parts.append(("right one among five", self.test_top_5))
        shares = ", ".join(f"{text} {100 * n / self.test_spectra:.1f} %" for text, n in parts)
        return [
            f"among the {self.classes} space groups that the network knows",
            f"calculated for {self.test_spectra:,} real structures of unseen types: {shares}",
        ]


@dataclass(frozen=True)
class Group:
    """A class of a network: a space group, or two that are mirror images of each other.

    Args:
        space_groups: their numbers, ascending.
        probability: by the network, 0 to 1.
    """

    space_groups: tuple
    probability: float

    @property
    def names(self):
        """Their short Hermann-Mauguin symbols."""
        return tuple(symmetry.symbol(number) for number in self.space_groups)

    def __str__(self):
        pairs = zip(self.names, self.space_groups, strict=True)
        return " or ".join(f"{name} ({number})" for name, number in pairs)


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known of a measured diffractogram.

    Args:
        file: its path.
        best: the likeliest ``Group``, the first one first.
        accuracy: the ``Accuracy`` of the network.
        two_theta: positions of the datapoints in degrees, at the wavelength of the config, (n,).
        intensities: what the network was given there, (n,).
        notes: what was done to the file, or was taken for granted, in phrases.
    """

    file: Path
    best: list
    accuracy: Accuracy
    two_theta: np.ndarray
    intensities: np.ndarray
    notes: tuple

    def text(self):
        """The answer for people."""
        lines = [f"{self.file}: likeliest space group {self.best[0]}"]
        lines += [f"  {line}" for line in (*self.accuracy.lines(), *self.notes)]
        rows = [{"space group": str(one), "network": f"{one.probability:.3f}"} for one in self.best]
        table = tabulate(rows, headers="keys", tablefmt="plain", disable_numparse=True)
        return "\n".join([*lines, *(f"  {line}".rstrip() for line in table.splitlines()), ""])

    def rows(self):
        """A row of ``COLUMNS`` for each group."""
        shared = {"file": self.file, "verdict": "likeliest", **vars(self.accuracy)}
        return [
            {
                **shared,
                "space_groups": "; ".join(map(str, group.space_groups)),
                "names": "; ".join(group.names),
                "probability": round(group.probability, DIGITS),
                "notes": "; ".join(self.notes),
            }
            for group in self.best
        ]

    def content(self):
        """The answer as JSON values."""
        return {
            "file": str(self.file),
            "verdict": "likeliest",
            "notes": self.notes,
            "best": [
                {
                    "space_groups": group.space_groups,
                    "names": group.names,
                    "probability": round(group.probability, DIGITS),
                }
                for group in self.best
            ],
            "accuracy": vars(self.accuracy),
        }

    def draw(self, path):
        """Draw what the network was given, and the probabilities."""
        from synthetic_spectra.measured import picture  # starts Matplotlib

        picture.draw_groups(self, path)


@dataclass(frozen=True)
class Identifier:
    """Tells the likeliest space groups of measured diffractograms.

    Args:
        definitions: a resolved ``CrystalConfig``.
        network: spectra, float32 (n, n_datapoints) → probabilities (n, classes).
        accuracy: its ``Accuracy``.
        wavelength: of the measurements in Å; None where the files tell.
        least_intensity: of what counts as part of a line, in that of the highest one, 0 to 1; less
            is taken to be 0.
    """

    definitions: object
    network: Callable
    accuracy: Accuracy
    wavelength: float | None = None
    least_intensity: float = 0.0

    def answer(self, path):
        """The likeliest space groups of a measured file.

        Returns:
            an ``Answer``.

        Raises:
            InputError: names the file, and says why there is no answer.
        """
        found = diffractogram.read(path, self.definitions, self.wavelength)
        intensities = found.intensities.copy()
        least = self.least_intensity
        intensities[intensities < (np.sqrt(least) if self.definitions.root else least)] = 0
        probabilities = self.network(intensities[None])[0]
        if not np.isfinite(probabilities).all():
            raise InputError(f"{path}: the network gives no probabilities")
        classes = list(self.definitions.spectra.values())
        best = np.argsort(-probabilities, kind="stable")[:BEST]
        first, last = self.definitions.two_theta
        notes = found.notes
        if not found.covered.all():
            reach = f"{max(found.low, first):.4g}° to {min(found.high, last):.4g}°"
            notes += (f"covers {reach} of {first:g}° to {last:g}°, the rest is taken to be empty",)
        return Answer(
            file=Path(path),
            best=[Group(tuple(classes[k].space_groups), float(probabilities[k])) for k in best],
            accuracy=self.accuracy,
            two_theta=found.two_theta,
            intensities=np.where(found.covered, intensities, np.nan),
            notes=notes,
        )

"""Configs of datasets whose classes are space groups, and whose spectra are those of crystals."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from synthetic_spectra.common.cli import Count
from synthetic_spectra.spectra.definitions import Config, Strict, scope
from synthetic_spectra.spectra.names import Axis, Text
from synthetic_spectra.spectra.settings import OF_CRYSTALS, Finite, Rendering, Share, Widths

# of the rendering settings those that diffractograms have; n_train and n_val are means over classes
SETTINGS = (
    "n_train", "n_val", "seed", "dtype", "profile", "mixing", "impurities", "impurity_height",
    "background", "background_shape", "counts", "noise", "crop", *OF_CRYSTALS,
)  # fmt: skip
NEAR = 0.05  # relative difference of two wavelengths of one line of X-rays
MOST = 2.0  # sin θ / λ in 1/Å: International Tables C, table 6.1.1.4
PatternScope = scope("PatternScope", Rendering)


class SpaceGroups(Strict):
    """One class: a space group, or two that are mirror images of each other."""

    name: Text
    space_groups: list[Annotated[int, Field(ge=1, le=230)]] = Field(min_length=1)


class CrystalConfig(Config):
    """A dataset: the axis of its diffractograms, and from what their crystals are drawn.

    ``n_classes``, ``spectra`` and ``statistics_sha256`` follow from the statistics; a resolved
    config has them. Of the real crystals ``max_volume`` and ``max_sites`` leave out some as well.
    """

    has_space_groups: ClassVar[bool] = True

    kind: Literal["crystals"]
    n_datapoints: Annotated[Count, Field(alias="datapoints", ge=2)]
    two_theta: Widths  # first and last datapoint, in degrees
    wavelength: Annotated[Finite, Field(ge=0.01, le=100)]  # of the X-rays, in Å
    # of evenly spaced datapoints: 2θ, or ln sin θ, where a larger cell of one shape is a shift
    scale: Literal["two_theta", "log_sin_theta"]
    root: bool  # whether a spectrum holds the square roots of the intensities
    crystallite_sizes: Widths  # lowest and highest, in nm; uniform
    statistics: Text  # name in crystal_statistics/, or path of an .npz file
    least_structures: Count  # of a space group in the statistics, or it is no class
    max_volume: Annotated[Finite, Field(gt=0)]  # of the conventional cell, in Å³
    max_sites: Annotated[Count, Field(le=1000)]  # of the asymmetric unit
    uniform_groups: bool = False  # all space groups equally frequent, else as in the statistics
    # whether the last element has one site, whatever was drawn, as in the published code
    compat_last_element: bool = False
    # random places of each site, which takes the one that is farthest from other atoms
    places: Annotated[Count, Field(le=100)] = 1
    # random occupations of the sites of a crystal, which takes the one with the likeliest volume
    occupations: Annotated[Count, Field(le=100)] = 1
    # share of the crystals for training and validation that are real ones of the statistics, with
    # another cell and other elements; the others are random
    altered_share: Share = 0.0
    patterns_per_epoch: Count  # of an endless stream
    n_test: Count | None = None  # real crystals in the test set, drawn from all; None: all
    n_classes: Annotated[int, Field(alias="classes", ge=0)] = 0
    statistics_sha256: Text | None = None
    structures_sha256: Text | None = None  # where altered_share is not 0
    rendering: PatternScope = PatternScope()
    spectra: dict[str, SpaceGroups] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _values_fit(self):
        first, last = self.two_theta
        if not first < last < 180:
            raise ValueError(f"two_theta is {self.two_theta}, expected below 180, first below last")
        second = self.rendering.second_wavelength or self.wavelength
        if abs(second / self.wavelength - 1) > NEAR:
            raise ValueError(
                f"rendering.second_wavelength is {second}, expected 0 or a value within "
                f"{100 * NEAR:g} % of wavelength, {self.wavelength}"
            )
        highest = np.sin(np.radians(last) / 2) / min(self.wavelength, second)
        if highest > MOST:
            raise ValueError(
                f"wavelength is {self.wavelength} and two_theta ends at {last}: sin θ / λ is "
                f"{highest:.3g}, expected at most {MOST:g}, as form factors are tabulated"
            )
        if self.noise_spectra:
            raise ValueError("noise_spectra: diffractograms of crystals have no noise-shuffle")
        shape = self.rendering.background_shape
        if any(self.rendering.background_lengths) and shape != "gaussian_process":
            raise ValueError(
                f"rendering.background_lengths needs a gaussian_process, but background_shape is "
                f"{shape}"
            )
        if self.n_classes != len(self.spectra):
            raise ValueError(
                f"classes is {self.n_classes}, but spectra defines {len(self.spectra)}"
            )
        return self

    @property
    def settings(self):
        return SETTINGS

    @property
    def axis(self):
        """The ``Axis`` of the datapoints."""
        ends, unit, wavelength = np.array(self.two_theta), "degree", self.wavelength
        if self.scale != "two_theta":
            ends, unit, wavelength = np.log(np.sin(np.radians(ends) / 2)), "1", None
        step = float(ends[1] - ends[0]) / (self.n_datapoints - 1)
        return Axis(
            quantity=self.scale, unit=unit, first=float(ends[0]), step=step, wavelength=wavelength
        )

    def resolved(self, defaults=None):
        """This config with every rendering setting and the classes filled in.

        Raises:
            InputError: if there are no such statistics, or no space group has enough structures.
        """
        from synthetic_spectra.spectra.crystal_patterns import classes_of

        resolved = super().resolved(defaults)
        if resolved.spectra:
            return resolved
        classes, checksums = classes_of(self)
        spectra = {
            str(label): {"name": name, "space_groups": groups}
            for label, (name, groups) in enumerate(classes)
        }
        content = resolved.content() | {"classes": len(spectra), "spectra": spectra}
        return self.parsed(content | checksums, "settings")

    def with_fields(self, **fields):
        """The resolved config with other values of some fields, whose classes follow anew.

        Raises:
            InputError: if a field is unknown or out of range, or there are no such statistics.
        """
        kept = {**self.content(), **fields}
        for follows in ("classes", "spectra", "statistics_sha256"):
            kept.pop(follows, None)
        return self.parsed(kept, "settings").resolved()

    def groups(self):
        """Crystal system → labels (int) of its classes, both in the order of the classes."""
        from synthetic_spectra.crystals.symmetry import crystal_system

        groups = {}
        for label, one in self.spectra.items():
            groups.setdefault(crystal_system(one.space_groups[0]), []).append(int(label))
        return groups

    def sizes(self):
        """What a network is built for: number of datapoints and of classes; no shift range."""
        return self.n_datapoints, self.n_classes, None

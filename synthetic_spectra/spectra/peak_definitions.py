"""Configs of datasets whose classes are defined by their peaks."""

from dataclasses import fields
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from synthetic_spectra.common.cli import Count
from synthetic_spectra.spectra.definitions import Config, Strict, scope
from synthetic_spectra.spectra.names import Axis, Substance, Text, check_axis, farthest
from synthetic_spectra.spectra.settings import (
    OF_CRYSTALS,
    ClassRendering,
    Finite,
    Rendering,
    Shift,
)

ClassScope = scope("ClassScope", ClassRendering)
DatasetScope = scope("DatasetScope", Rendering)


class ClassDefinition(Strict):
    """One class: the positions (datapoints) and heights (the highest is 1) of its peaks."""

    peak_positions: list[int] = Field(min_length=1)
    peak_heights: list[Annotated[Finite, Field(gt=0, le=1)]] = Field(min_length=1)
    group: Annotated[str, Field(min_length=1)] | None = None  # of classes with the same difference
    # what the class is; several classes may have one name, as variants of a mineral do
    name: Text | None = None
    formula: Text | None = None
    source: Text | None = None  # where the peaks are from
    aliases: list[Substance] = Field(default_factory=list)  # other substances that have these peaks
    rendering: ClassScope = ClassScope()

    @model_validator(mode="after")
    def _one_height_per_position(self):
        if len(self.peak_heights) != len(self.peak_positions):
            raise ValueError(
                f"peak_heights has {len(self.peak_heights)} values, expected one for each of the "
                f"{len(self.peak_positions)} peak_positions"
            )
        if max(self.peak_heights) != 1:
            raise ValueError(f"the highest of peak_heights is {max(self.peak_heights)}, expected 1")
        return self


class PeakConfig(Config):
    """A dataset: the axis, the limits of its peaks, and its classes by label ("0", "1", …).

    The published files call ``n_datapoints`` and ``n_classes`` ``datapoints`` and ``classes``.
    """

    has_peaks: ClassVar[bool] = True

    kind: Literal["peaks"] = "peaks"  # which of kinds.SOURCES makes the spectra
    n_datapoints: Count = Field(alias="datapoints")
    boundary: Shift
    n_classes: Count = Field(alias="classes")
    min_peaks: Count
    max_peaks: Count
    max_height: Count
    # how dataset_config_generator.py drew the numbers of peaks, and from which seed
    distribution: str | None = None
    seed: int | None = None
    axis: Axis | None = None
    rendering: DatasetScope = DatasetScope()
    spectra: dict[str, ClassDefinition]

    @model_validator(mode="after")
    def _classes_fit(self):
        if self.n_classes != len(self.spectra):
            raise ValueError(
                f"classes is {self.n_classes}, but spectra defines {len(self.spectra)}"
            )
        check_axis(self.axis, self.n_datapoints, self.rendering.strain)
        peaks = {}
        for expected, (label, spectrum) in enumerate(self.spectra.items()):
            if label != str(expected):
                raise ValueError(
                    f"spectra has the label {label!r}, expected {str(expected)!r}: "
                    "labels count up from 0"
                )
            self._check_peaks(label, spectrum)
            definition = tuple(
                sorted(zip(spectrum.peak_positions, spectrum.peak_heights, strict=True))
            )
            if definition in peaks:
                raise ValueError(
                    f"class {label}: the same peaks as class {peaks[definition]}, "
                    "expected unique ones"
                )
            peaks[definition] = label
        return self

    def _check_peaks(self, label, spectrum):
        """Raise ValueError if a class has too few or too many peaks, or one in the boundary."""
        n_peaks = len(spectrum.peak_positions)
        if not self.min_peaks <= n_peaks <= self.max_peaks:
            raise ValueError(
                f"class {label}: {n_peaks} peaks, expected min_peaks {self.min_peaks} "
                f"to max_peaks {self.max_peaks}"
            )
        first, last = self.boundary, self.n_datapoints - self.boundary - 1
        for position in spectrum.peak_positions:
            if not first <= position <= last:
                raise ValueError(
                    f"class {label}: peak_positions has {position}, expected {first} to {last} "
                    f"(boundary {self.boundary} of {self.n_datapoints} datapoints)"
                )

    @model_validator(mode="after")
    def _widths_fit(self):
        scopes = (self.rendering, *(spectrum.rendering for spectrum in self.spectra.values()))
        for one in scopes:
            for width in (*(one.kernel_range or ()), one.test_kernel or 0):
                if width > self.n_datapoints:
                    raise ValueError(
                        f"a width of {width} in rendering, "
                        f"expected at most the {self.n_datapoints} datapoints"
                    )
        return self

    @property
    def settings(self):
        return tuple(field.name for field in fields(Rendering) if field.name not in OF_CRYSTALS)

    def sizes(self):
        """What a network is built for: number of datapoints, number of classes, and how far peaks
        move in training: the largest ``shift_range`` of any class, and by the strain."""
        shift_range = max(self.rendering_of(label).shift_range for label in self.spectra)
        moved = farthest(self.axis, self.rendering.strain, self.n_datapoints)
        return self.n_datapoints, self.n_classes, shift_range + moved

    def groups(self):
        """Group → labels (int) of its classes, both in the order of the classes; None → labels of
        the classes without a group."""
        groups = {}
        for label, spectrum in self.spectra.items():
            groups.setdefault(spectrum.group, []).append(int(label))
        return groups

    def rendering_of(self, label):
        """The rendering settings of a class: what it fixes, and the dataset's for the rest.

        Args:
            label: as in the JSON, e.g. "0".

        Returns:
            a ``DatasetScope``, complete if this config is resolved.
        """
        fixed = self.spectra[label].rendering.model_dump(exclude_none=True)
        return self.rendering.model_copy(update=fixed)

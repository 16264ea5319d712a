"""What the datapoints and the classes of a dataset are: an axis with a unit, substances."""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthetic_spectra.common.bragg import strained
from synthetic_spectra.spectra.settings import Finite

# quantities that are not written in lower case with spaces
SYMBOLS = {"two_theta": "2θ", "raman_shift": "Raman shift"}

# names go into tables and figures: one line, and not a long one
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\P{Cc}+$")]


class Substance(BaseModel):
    """Another substance that has the peaks of a class."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Text
    formula: Text | None = None
    source: Text | None = None  # where its peaks are from


class Axis(BaseModel):
    """The axis of a dataset: the value of datapoint i is first + i · step.

    A quantity is named in lower case as in measured files: two_theta, raman_shift, wavenumber,
    wavelength, chemical_shift, momentum_transfer (or q), d_spacing (or d), …
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    quantity: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=40)]
    unit: Text  # degree, 1/cm, nm, ppm, …
    first: Annotated[Finite, Field(ge=-1e9, le=1e9)]  # value of the first datapoint
    step: Annotated[Finite, Field(ge=-1e9, le=1e9)]  # below 0 where the axis descends
    # of the X-rays in Å: two_theta has one, nothing else has
    wavelength: Annotated[Finite, Field(ge=0.01, le=100)] | None = None

    @model_validator(mode="after")
    def _is_one(self):
        if abs(self.step) < 1e-9:
            raise ValueError(f"step of the axis is {self.step}, expected another value than 0")
        if self.quantity == "two_theta" and self.wavelength is None:
            raise ValueError("the axis has no wavelength, expected that of the X-rays in Å")
        if self.quantity != "two_theta" and self.wavelength is not None:
            raise ValueError(f"an axis of {self.quantity} has a wavelength, expected none")
        return self

    def value(self, position):
        """The value of datapoint ``position``, which need not be whole; an array gives an array."""
        return self.first + self.step * np.asarray(position)

    def position(self, value):
        """The datapoint (float) at which the axis has a value; an array gives an array."""
        return (np.asarray(value) - self.first) / self.step

    def label(self, of=""):
        """The quantity and its unit as a figure has them, "2θ (degree)"; ``of`` says of what."""
        quantity = SYMBOLS.get(self.quantity, self.quantity.replace("_", " "))
        return f"{quantity}{of} ({self.unit})"

    def check(self, n_datapoints):
        """Raise ValueError if an axis of so many datapoints cannot be: 2θ is 0° to 180°."""
        first, last = sorted((self.first, float(self.value(n_datapoints - 1))))
        if self.quantity == "two_theta" and not (first >= 0 and last <= 180):
            raise ValueError(f"the axis is 2θ from {first:g} to {last:g}, expected 0 to 180")


def check_axis(axis, n_datapoints, strain):
    """Raise ValueError if an axis (None if there is none) cannot have so many datapoints, or does
    not tell how a strain of the lattice moves peaks."""
    if axis:
        axis.check(n_datapoints)
    if strain and (axis is None or axis.quantity != "two_theta"):
        found = f"an axis of {axis.quantity}" if axis else "no axis"
        raise ValueError(
            f"strain is {strain:g}, which needs an axis of two_theta with a wavelength, but the "
            f"config has {found}"
        )


def farthest(axis, strain, n_datapoints):
    """How many datapoints a strain of the lattice, either way, moves a peak at most; 0 without a
    strain."""
    if not strain:
        return 0
    ends = np.array([0, n_datapoints - 1])
    moved = axis.position(strained(axis.value(ends), np.array([[-strain], [strain]])))
    return round(np.nan_to_num(np.abs(moved - ends)).max())


def class_label(definitions, label):
    """A class in words: its name and its label, as names may be alike; "class 3" without a name.

    Args:
        definitions: a config.
        label: an integer.
    """
    name = getattr(definitions.spectra[str(label)], "name", None)
    return f"{name} ({label})" if name else f"class {label}"

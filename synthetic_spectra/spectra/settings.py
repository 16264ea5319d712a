"""The rendering settings: the one declaration of their names, defaults, meanings, units, ranges.

The flags of ``spectra_from_config.py`` and the ``rendering`` objects of a config are made from it.
Edit a default here, or override it with a flag or in a config.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from synthetic_spectra.common.cli import Count, Seed


def _pair(values):
    if not isinstance(values, list | tuple) or len(values) != 2:
        raise PydanticCustomError("pair", "two numbers, the lower one first")
    return tuple(values)


def _in_order(pair):
    if pair[0] > pair[1]:
        raise PydanticCustomError("order", "the lower one first")
    return pair


def _width_terms(values):
    if not isinstance(values, list | tuple) or len(values) != 3:
        raise PydanticCustomError("three", "three numbers: U, V, W")
    return tuple(values)


def _lengths(pair):
    if pair != (0, 0) and pair[0] < 0.1:
        raise PydanticCustomError("lengths", "both at least 0.1, or both 0")
    return pair


def _several(values):
    if not isinstance(values, list | tuple) or not values:
        raise PydanticCustomError("several", "at least one number")
    return tuple(values)


# −0.0 becomes 0.0: as an end of a range it would not do
Finite = Annotated[float, Field(allow_inf_nan=False), AfterValidator(lambda value: value + 0.0)]
Spread = Annotated[Finite, Field(ge=0, lt=1)]  # below 1: no spectrum loses its highest peak
Share = Annotated[Finite, Field(ge=0, le=1)]
Strain = Annotated[Finite, Field(ge=0, le=0.1)]
Kept = Annotated[Finite, Field(ge=0.05, le=1)]  # what covers less is not read from a file either
Width = Annotated[Finite, Field(ge=1e-3)]  # a config allows at most the length of its axis
Length = Annotated[Finite, Field(ge=0, le=2**31)]
Height = Annotated[Finite, Field(ge=0, le=1000)]
# no more than ten times the highest intensity: more leaves nothing of a spectrum
Deviation = Annotated[Finite, Field(ge=0, le=10)]
Wavelength = Annotated[Finite, Field(ge=0, le=100)]
Squared = Annotated[Finite, Field(ge=0, le=10)]
Photons = Annotated[Finite, Field(ge=0, le=1e12)]
# limits with which products of a shift and a step, and numbers of bytes, fit into 64 bits
Shift = Annotated[int, Field(ge=0, le=2**31)]
Step = Annotated[int, Field(ge=-(2**31), le=2**31)]
Widths = Annotated[tuple[Width, Width], BeforeValidator(_pair), AfterValidator(_in_order)]
Shares = Annotated[tuple[Share, Share], BeforeValidator(_pair), AfterValidator(_in_order)]
Steps = Annotated[tuple[Step, ...], BeforeValidator(_several)]
Angle = Annotated[Finite, Field(ge=0, le=180)]
Angles = Annotated[
    tuple[Angle, Angle],
    BeforeValidator(_pair), AfterValidator(_in_order), AfterValidator(_lengths),
]  # fmt: skip
WidthTerms = Annotated[
    tuple[Squared, Annotated[Finite, Field(ge=-10, le=0)], Squared], BeforeValidator(_width_terms)
]


@dataclass(frozen=True)
class ClassRendering:
    """Settings that a config can fix for a dataset or for one class; heights are relative to the
    highest peak of a class."""

    # training and validation spectra: random draws around each class definition
    shift_range: Shift = 50
    """Range of the shift of a peak in training and validation spectra, in datapoints, 0 to 2^31:
    a random integer from [−shift_range, shift_range)."""
    variation_range: Spread = 0.05
    """Largest change of the height of a peak in training and validation spectra, at least 0, below
    1."""
    kernel_range: Widths = (2.0, 5.0)
    """Lowest and highest width σ of the peaks of training and validation spectra, in datapoints,
    0.001 to the length of the axis."""
    vary_highest: bool = True
    """Change of height also for a peak of height 1, in training and validation spectra."""

    # test spectra: every step of the heights with every step of the positions; all peaks of a
    # spectrum take the same steps, and a peak of height 1 keeps its height
    test_shift: Shift = 30
    """Length of one step of the positions in test spectra, in datapoints, 0 to 2^31."""
    test_var: Spread = 0.04
    """Size of one step of the heights in test spectra, at least 0, below 1."""
    test_shifts: Steps = (0, -1, 1)
    """Steps of the positions in test spectra, integers, at least one."""
    test_heights: Steps = (0, 1, -1)
    """Steps of the heights in test spectra, integers, at least one."""
    test_kernel: Width = 2.0
    """Width σ of the peaks of test spectra, in datapoints, 0.001 to the length of the axis."""

    # how many
    n_train: Count = 50
    """Number of training spectra per class, ≥ 1."""
    n_val: Count = 10
    """Number of validation spectra per class, ≥ 1."""


@dataclass(frozen=True)
class Rendering(ClassRendering):
    """All rendering settings: those above, and those that a config can fix for a dataset only."""

    seed: Seed = 2022
    """Random seed of the training and validation spectra, ≥ 0."""
    dtype: Literal["float64", "float32"] = "float64"
    """Number type of the arrays of spectra; the published ones are float64."""

    # what an instrument and a sample add, to training, validation and test spectra alike; off, as
    # published
    profile: Literal["gaussian", "lorentzian", "pseudo_voigt"] = "gaussian"
    """Profile of the peaks, of the full width at half maximum of the Gaussian."""
    mixing: Shares = (0.0, 1.0)
    """Lowest and highest share of the Lorentzian in a pseudo_voigt profile, 0 to 1, drawn for every
    spectrum."""
    width_spread: Spread = 0.0
    """Largest relative difference of the width of a peak from that of its spectrum, at least 0,
    below 1."""
    zero_shift: Length = 0.0
    """Largest common shift of all peaks of a spectrum, either way, in datapoints, 0 to 2^31; need
    not be a whole number."""
    scale: Spread = 0.0
    """Largest relative stretch of all positions of a spectrum, either way, at least 0, below 1."""
    strain: Strain = 0.0
    """Largest relative strain of the lattice, the same in all directions, either way, 0 to 0.1: the
    peaks move by Bragg's law, so the dataset needs an axis of two_theta."""
    impurities: Annotated[int, Field(ge=0, le=1000)] = 0
    """Number of peaks of something else in every spectrum, anywhere on the axis, 0 to 1000; in
    diffractograms of crystals the number of other random crystals."""
    impurity_height: Share = 0.1
    """Largest height of the peaks of something else, 0 to 1; of each other crystal the highest line
    has a height of its own."""
    background: Height = 0.0
    """Largest height of a smooth background, as a share of the highest intensity, 0 to 1000."""
    background_shape: Literal["polynomial", "gaussian_process", "hump"] = "polynomial"
    """Shape of the background: a polynomial of degree 5, a random smooth curve, or one broad peak
    as of something amorphous."""
    counts: Photons = 0.0
    """Number of photons counted at the highest intensity, 0 to 10^12, which gives Poisson noise; 0
    for none."""
    noise: Height = 0.0
    """Standard deviation of normal noise on every datapoint, as a share of the highest intensity, 0
    to 1000."""
    crop: Kept = 1.0
    """Smallest share of the axis that is left of a spectrum, 0.05 to 1: a random range around some
    of its intensity, zero outside of it; 1 for the whole axis."""

    # of diffractograms of crystals alone
    second_wavelength: Wavelength = 0.0
    """Wavelength of a second line of the X-rays in Å, of half the intensity, as Kα2 is, within 5 %
    of the first one; 0 for none."""
    caglioti: WidthTerms = (0.0, 0.0, 0.0)
    """Highest U, lowest V and highest W of the width of an instrument in degrees² 2θ, FWHM² =
    U tan² θ + V tan θ + W, each drawn for every spectrum from between 0 and this; U and W 0 to 10,
    V −10 to 0."""
    background_lengths: Angles = (0.0, 0.0)
    """Shortest and longest length scale of a gaussian_process background in degrees 2θ, 0.1 to 180,
    drawn for every spectrum; 0 0 for an eighth of the axis."""
    additive_noise: Deviation = 0.0
    """Largest standard deviation of normal noise on every datapoint, as a share of the highest
    intensity, background included, 0 to 10, drawn for every spectrum."""
    multiplicative_noise: Deviation = 0.0
    """Largest standard deviation of normal noise on every datapoint, as a share of its own
    intensity, 0 to 10, drawn for every spectrum."""

    # noise-shuffle of the training and validation spectra of a dataset that has noise spectra
    kept_points: Count = 401
    """Number of the highest datapoints that a noise-shuffle leaves in place, ≥ 1, below the length
    of the axis."""
    shuffle_of: Literal["theoretical", "rendered"] = "theoretical"
    """Spectra whose background a noise-shuffle replaces: "theoretical" for those of the peaks as
    they are defined, of width test_kernel; "rendered" for drawn ones with all artefacts."""
    separate_noise: bool = False
    """Validation spectra by noise-shuffle with noise spectra that training does not have."""


# The values with which an instrument and a sample add nothing. They are part of the file format: a
# config leaves them out. They do not follow an edited default.
OFF = {
    "profile": "gaussian",
    "mixing": (0.0, 1.0),
    "width_spread": 0.0,
    "zero_shift": 0.0,
    "scale": 0.0,
    "strain": 0.0,
    "impurities": 0,
    "impurity_height": 0.1,
    "background": 0.0,
    "background_shape": "polynomial",
    "counts": 0.0,
    "noise": 0.0,
    "crop": 1.0,
    "second_wavelength": 0.0,
    "caglioti": (0.0, 0.0, 0.0),
    "background_lengths": (0.0, 0.0),
    "additive_noise": 0.0,
    "multiplicative_noise": 0.0,
    "kept_points": 401,
    "shuffle_of": "theoretical",
    "separate_noise": False,
}

# Settings that spectra of peaks do not have.
OF_CRYSTALS = (
    "second_wavelength", "caglioti", "background_lengths", "additive_noise", "multiplicative_noise",
)  # fmt: skip

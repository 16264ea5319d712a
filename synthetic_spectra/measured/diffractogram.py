"""A measured powder diffractogram → what a network of a dataset of the kind "crystals" gets."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import scipy

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals.diffraction import scherrer_sigma
from synthetic_spectra.crystals.patterns import Grid
from synthetic_spectra.measured import readers
from synthetic_spectra.measured.axis import onto, regridded
from synthetic_spectra.measured.foreground import foreground

# a file that covers a smaller share of the range of 2θ is refused: networks saw whole ranges, or
# at least halves
LEAST_COVER = 0.5


@dataclass(frozen=True, eq=False)
class Diffractogram:
    """A measured diffractogram on the datapoints of a dataset.

    Args:
        two_theta: of the datapoints in degrees, at the wavelength of the dataset, (n_datapoints,).
        intensities: float32 (n_datapoints,), 0 to 1, square roots where the dataset has them; 0
            where the file has no data.
        covered: (n_datapoints,) bool, where the file has data.
        low, high: first and last 2θ of the file in degrees, at the wavelength of the dataset.
        notes: what was done, or was taken for granted, each in one phrase.
    """

    two_theta: np.ndarray
    intensities: np.ndarray
    covered: np.ndarray
    low: float
    high: float
    notes: tuple[str, ...]


def read(path, definitions, wavelength=None):
    """What a network of a dataset of the kind "crystals" gets of a measured file.

    A network whose training spectra have a background gets the file with its background, from 0
    on. Any other one gets it without background and noise.

    Args:
        path: of the file, in any format of ``readers``.
        definitions: the resolved ``CrystalConfig``.
        wavelength: of the measurement in Å, which wins over what the file says.

    Returns:
        a ``Diffractogram``.

    Raises:
        InputError: names the file, if it cannot be read, is no diffractogram, its wavelength is not
            known, it covers too little of the range of the dataset, or nothing stands out of its
            noise.
    """
    measured = readers.read(path)
    try:
        return converted(measured, definitions, wavelength)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def converted(measured, definitions, wavelength=None):
    """``read`` of a ``readers.Measured``; an InputError does not name the file."""
    # 1. onto evenly spaced 2θ of the wavelength of the dataset, as fine as its datapoints, but not
    #    finer than the file: between points the noise would seem low
    first, last = definitions.two_theta
    source = wavelength or measured.wavelength
    if source is None:  # another one would be another cell, and another range
        raise InputError(
            "the file does not tell its wavelength; expected --wavelength in Å, as 1.5406 for Cu Kα"
        )
    usual = np.median(np.diff(measured.axis)) * definitions.wavelength / source
    n_fine = min(definitions.n_datapoints, 1 + max(1, int((last - first) / usual)))
    fine = np.linspace(first, last, n_fine)
    axis = SimpleNamespace(
        quantity="two_theta", unit="degree", first=first, step=fine[1] - first,
        wavelength=definitions.wavelength,
    )  # fmt: skip
    on_axis = onto(measured, axis, n_fine, wavelength)
    inside = on_axis.covered
    if inside.mean() < LEAST_COVER:
        raise InputError(
            f"covers {on_axis.low:g}° to {on_axis.high:g}°, {100 * inside.mean():.0f} % of 2θ from "
            f"{first:g}° to {last:g}° at {definitions.wavelength:g} Å; expected at least "
            f"{100 * LEAST_COVER:g} %"
        )

    # 2. the background, as in the training spectra
    cosines = np.cos(np.radians([first, last]) / 2)
    sizes = np.array(definitions.crystallite_sizes[::-1])
    sigmas = np.degrees(scherrer_sigma(cosines, sizes, definitions.wavelength)) / axis.step
    if definitions.rendering.background:
        heights = on_axis.intensities[inside]
        smooth = scipy.ndimage.gaussian_filter1d(heights, max(1.0, sigmas[0]), mode="nearest")
        heights = np.clip(heights - smooth.min(), 0, None)
    else:
        heights = foreground(on_axis.intensities, inside, sigmas).intensities[inside]
        if not heights.any():
            raise InputError("nothing stands out of its background and noise")

    # 3. onto the datapoints: each the mean of what is nearest to it, or between two others
    grid = Grid(
        definitions.wavelength, first, last, definitions.n_datapoints,
        definitions.scale == "log_sin_theta",
    )  # fmt: skip
    datapoints = grid.two_theta()
    positions, places = fine[inside], datapoints
    if grid.logarithmic:
        positions, places = (np.log(np.sin(np.radians(x) / 2)) for x in (positions, places))
    intensities, _ = regridded(positions, heights, places)
    nearest = np.rint((datapoints - first) / axis.step).astype(int).clip(0, n_fine - 1)
    covered = inside[nearest]
    intensities[~covered] = 0

    # 4. as networks see them
    intensities /= intensities.max()
    if definitions.root:
        intensities = np.sqrt(intensities)
    return Diffractogram(
        datapoints, intensities.astype("float32"), covered, on_axis.low, on_axis.high,
        on_axis.notes,
    )  # fmt: skip

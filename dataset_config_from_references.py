"""CIFs, tables of peaks, measured spectra → dataset_configs/<name>.json: classes with names."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from tyro.conf import Positional

from synthetic_spectra.common.cli import Folder, Positive, notice, run_script
from synthetic_spectra.common.errors import InputError, sentence
from synthetic_spectra.measured import references
from synthetic_spectra.spectra import config
from synthetic_spectra.spectra.names import Axis

# how training spectra differ from the references, beside the flags below
RENDERING = {
    "variation_range": 0.05,
    "profile": "pseudo_voigt",
    "width_spread": 0.2,
    "impurities": 2,
    "impurity_height": 0.05,
    "background": 0.5,
    "background_shape": "gaussian_process",
    "counts": 2000.0,
    "noise": 0.005,
    "crop": 0.5,
    "dtype": "float32",
    "test_heights": [0],
}


@dataclass(frozen=True)
class Settings:
    """Make classes from crystal structures, tables of peaks or measured spectra."""

    references: Positional[tuple[Path, ...]]
    """Files, or folders of files: CIFs, tables with the columns name, position and height (formula
    and source may follow), spectra of an instrument."""
    name: str = "references"
    """Name of the file in dataset_configs/: letters, digits, "_", "-" and "."."""
    configs_dir: Folder = config.CONFIGS_DIR
    """Folder of that file."""
    overwrite: bool = False
    """Replacement of a file that is there with other content."""

    # the axis
    quantity: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")] = "two_theta"
    """Quantity of the axis: two_theta, raman_shift, wavenumber, chemical_shift, …"""
    unit: str = "degree"
    """Unit of the axis."""
    wavelength: Positive = 1.5406
    """Wavelength of the X-rays in Å, > 0; two_theta alone has one."""
    measured_wavelength: Positive | None = None
    """Wavelength in Å of measured references whose files tell none, > 0; without it they are left
    out."""
    first: float = 5.0
    """First value of the axis."""
    last: float = 90.0
    """Last value of the axis."""
    step: Positive = 0.02
    """Distance of two datapoints, > 0."""

    # the classes
    most_peaks: Annotated[int, Field(ge=1, le=1000)] = 60
    """Largest number of peaks of a class, 1 to 1000; the highest are kept."""
    lowest_height: Annotated[float, Field(gt=0, le=1)] = 0.005
    """Lowest height of a peak, relative to the highest, above 0, at most 1."""
    merge_above: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Cosine similarity above which two references are one class, above 0, at most 1."""
    elements: tuple[str, ...] = ()
    """Chemical symbols: references with other elements are left out; all by default."""

    # the training spectra
    widths: tuple[Positive, Positive] = (0.08, 0.35)
    """Lowest and highest full width at half maximum of the peaks, in the unit of the axis, > 0."""
    shift: Annotated[float, Field(ge=0)] = 0.15
    """Largest common shift of all peaks, either way, in the unit of the axis, ≥ 0."""
    strain: Annotated[float, Field(ge=0, le=0.1)] = 0.005
    """Largest relative strain of the lattice, either way, 0 to 0.1; of another axis than two_theta,
    the largest stretch of all positions."""


def main(settings):
    config.check_name(settings.name, f"--name {settings.name!r}")
    path = settings.configs_dir / f"{settings.name}.json"

    # every file that can be read gives its classes, the others are named
    axis, n_datapoints, boundary = axis_of(settings)
    classes = []
    for file in files(settings.references):
        try:
            found = references.read(
                file, axis, n_datapoints, settings.lowest_height, sigmas(settings),
                settings.measured_wavelength,
            )  # fmt: skip
            for reference in found:
                if fits(reference, settings.elements):
                    classes.append(
                        references.as_class(
                            reference, axis, n_datapoints, boundary,
                            settings.most_peaks, settings.lowest_height,
                        )
                    )  # fmt: skip
        except (InputError, OSError) as error:
            notice(f"left out: {error}")
    if not classes:
        raise InputError("no reference is left, expected at least one")

    # references that no measurement can tell apart are one class
    sigma = math.sqrt(math.prod(sigmas(settings)))
    left = references.merged(classes, n_datapoints, sigma, settings.merge_above)
    definitions = config.parse(content(settings, axis, n_datapoints, boundary, left), path)

    # what is there stays, unless its loss is asked for
    if path.exists() and not settings.overwrite:
        if config.load(path) != definitions:
            raise InputError(
                f"{path}: exists with other content; choose another --name or add --overwrite"
            )
        print(f"{path} holds these classes already")
        return
    config.save(path, definitions)
    print(f"wrote {path}: {len(left)} classes of {len(classes)} references")


def axis_of(settings):
    """The axis, its number of datapoints, and how many of them at either end get no peak."""
    n_datapoints = round((settings.last - settings.first) / settings.step) + 1
    boundary = math.ceil(settings.shift / settings.step)
    if not 2 * boundary + 100 <= n_datapoints <= 100_000:
        raise InputError(
            f"--step {settings.step}: gives {n_datapoints} datapoints from {settings.first:g} to "
            f"{settings.last:g}, expected {2 * boundary + 100} to 100000"
        )
    if settings.widths[0] > settings.widths[1]:
        raise InputError(f"--widths {settings.widths}: expected the lower one first")
    wavelength = settings.wavelength if settings.quantity == "two_theta" else None
    try:
        axis = Axis(
            quantity=settings.quantity,
            unit=settings.unit,
            first=settings.first,
            step=settings.step,
            wavelength=wavelength,
        )
        axis.check(n_datapoints)
    except ValidationError as error:
        raise InputError(f"axis: {sentence(error)}") from None
    except ValueError as error:
        raise InputError(str(error)) from None
    return axis, n_datapoints, boundary


def files(paths):
    """All files of some paths, those of a folder in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        else:
            yield path


def fits(reference, elements):
    """Whether a reference holds no other elements than these; all do where there are none."""
    if elements and not reference.formula:
        raise InputError(f"{reference.source}: {reference.name} has no formula")
    return not elements or references.elements(reference.formula) <= set(elements)


def sigmas(settings):
    """Lowest and highest σ of the peaks in datapoints."""
    return [width / math.sqrt(8 * math.log(2)) / settings.step for width in settings.widths]


def content(settings, axis, n_datapoints, boundary, classes):
    """The config as it stands in the JSON."""
    numbers = [len(one["peak_positions"]) for one in classes]
    narrowest, widest = (round(sigma, 3) for sigma in sigmas(settings))
    shift = settings.shift / settings.step
    rendering = RENDERING | {
        "shift_range": max(1, round(shift / 2)),
        "zero_shift": shift,
        "strain" if axis.quantity == "two_theta" else "scale": settings.strain,
        "kernel_range": [narrowest, widest],
        "test_shift": max(1, round(shift / 2)),
        "test_kernel": round(math.sqrt(narrowest * widest), 3),
    }
    return {
        "datapoints": n_datapoints,
        "boundary": boundary,
        "classes": len(classes),
        "min_peaks": min(numbers),
        "max_peaks": max(numbers),
        "max_height": 1,
        "axis": axis.model_dump(exclude_none=True),
        "rendering": rendering,
        "spectra": {str(label): one for label, one in enumerate(classes)},
    }


if __name__ == "__main__":
    run_script(main, Settings)

"""dataset_configs/<name>.json → datasets/<name>/{x,y}_{train,val,test}.npy and config.json."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.progress import track

from synthetic_spectra.common.cli import given_flags, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import written_whole
from synthetic_spectra.common.machine import free_memory
from synthetic_spectra.spectra import config, dataset, rendering

AT_ONCE = 2**28  # bytes of memory for spectra that are rendered in one call
DRAWN = 300  # bytes of memory for a spectrum that is drawn, besides its peaks


@dataclass(frozen=True)
class Settings:
    """Render the spectra of a dataset. A setting that the dataset's JSON fixes cannot be set here.

    Lengths are in datapoints, heights relative to the highest peak of a class.
    """

    config: str = "benchmark"
    """Name of a file in dataset_configs/, or a path to a .json."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""

    # training and validation spectra: random draws around each class definition
    shift_range: int = 50
    """A position moves by an integer from [-shift_range, shift_range)."""
    variation_range: float = 0.05
    """A height changes by up to this much, either way; at least 0, below 1."""
    kernel_range: tuple[float, float] = (2.0, 5.0)
    """Lowest and highest width (σ) of the Gaussians, shared by all peaks of a spectrum."""
    vary_highest: bool = True
    """Whether a peak of height 1 changes its height too."""
    n_train: int = 50
    """Training spectra per class."""
    n_val: int = 10
    """Validation spectra per class."""
    seed: int = 2022
    """Of the random stream from which all of them are drawn."""

    # test spectra: every height step with every position step, all peaks of a spectrum together
    test_shift: int = 30
    """One step of the positions."""
    test_var: float = 0.04
    """One step of the heights; a peak of height 1 keeps its height."""
    test_shifts: tuple[int, ...] = (0, -1, 1)
    """Steps of the positions."""
    test_heights: tuple[int, ...] = (0, 1, -1)
    """Steps of the heights."""
    test_kernel: float = 2.0
    """Width (σ) of the Gaussians."""

    dtype: str = "float64"
    """Of the spectra: float64 (as published) or float32 (half the size)."""

    # what an instrument and a sample add, to spectra of training, validation and test alike; off,
    # as published
    profile: Literal["gaussian", "lorentzian", "pseudo_voigt"] = "gaussian"
    """Of the peaks; all have the full width at half maximum of the Gaussian."""
    mixing: tuple[float, float] = (0.0, 1.0)
    """Lowest and highest share of the Lorentzian in pseudo_voigt, drawn for every spectrum."""
    width_spread: float = 0.0
    """The width of every peak differs from that of its spectrum by up to this share, e.g. 0.2."""
    zero_shift: float = 0.0
    """All peaks of a spectrum move together by up to this, either way; need not be a whole number.
    """
    scale: float = 0.0
    """All positions of a spectrum are stretched by up to this share, either way, e.g. 0.01."""
    impurities: int = 0
    """Peaks of something else in every spectrum, anywhere on the axis …"""
    impurity_height: float = 0.1
    """… and at most this high."""
    background: float = 0.0
    """A smooth background reaches up to this share of the highest intensity."""
    background_shape: Literal["polynomial", "gaussian_process", "hump"] = "polynomial"
    """Of the background: of degree 5; a random smooth curve; one broad peak, as of something
    amorphous."""
    counts: float = 0.0
    """Photons that are counted at the highest intensity, which gives Poisson noise, e.g. 1000; 0:
    no such noise."""
    noise: float = 0.0
    """Standard deviation of normal noise on every datapoint, as a share of the highest intensity.
    """


def main(settings):
    path = config.find(settings.config)
    definitions = resolve(config.load(path), settings)
    folder = settings.datasets_dir / path.stem
    if dataset.holds(folder, definitions):
        print(f"{folder} holds these spectra already")
        return
    with written_whole(folder) as temporary:
        render_dataset(definitions, temporary)
    print(f"wrote {folder}")


def resolve(definitions, settings):
    """The definitions with every rendering setting filled in: the dataset's own, else that of
    ``settings``.

    Raises:
        InputError: for a flag that names a setting which the dataset fixes.
    """
    fixed = definitions.rendering.model_dump(exclude_none=True, exclude_defaults=True)
    for name in sorted(given_flags() & fixed.keys()):
        raise InputError(
            f"--{name.replace('_', '-')}: {settings.config} fixes {name} at {fixed[name]}, leave it out"
        )
    values = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(settings).items()
    }
    return definitions.resolved({key: values[key] for key in config.DatasetRendering.model_fields})


def render_dataset(definitions, folder):
    """Render every class of a resolved config into arrays in a new ``folder``.

    Raises:
        InputError: if a spectrum comes out empty, or there is too little memory or disk.
    """
    own = {label: definitions.rendering_of(label) for label in definitions.spectra}
    counts = {
        "train": [settings.n_train for settings in own.values()],
        "val": [settings.n_val for settings in own.values()],
        "test": [
            len(settings.test_heights) * len(settings.test_shifts) for settings in own.values()
        ],
    }
    dataset.refuse_too_large(folder, definitions, counts)
    refuse_too_much(definitions, own, counts)
    rng = np.random.default_rng(definitions.rendering.seed)
    rng_of_artefacts = rng.spawn(1)[
        0
    ]  # a stream of its own, so that the peaks are those of the ideal spectra
    size = definitions.n_datapoints
    with dataset.created(folder, definitions, counts) as files:
        for label, spectrum in track(
            definitions.spectra.items(), "rendering", refresh_per_second=2
        ):
            n_train, n_val = own[label].n_train, own[label].n_val
            # the training spectra are drawn before the validation spectra: part of the dataset's
            # identity
            drawn = rendering.draw_peaks(spectrum, own[label], n_train + n_val, size, rng)
            tested = rendering.test_peaks(spectrum, own[label], size)
            peaks = [
                np.concatenate(pair) for pair in zip(drawn, tested, strict=True)
            ]  # one call for all is faster
            peaks = rendering.disturbed(*peaks, definitions.rendering, size, rng_of_artefacts)
            at_once = max(1, AT_ONCE // bytes_per_spectrum(spectrum, own[label], size))
            ends = np.array([n_train, n_train + n_val])
            for start in range(0, len(peaks[0]), at_once):
                some = [values[start : start + at_once] for values in peaks]
                try:
                    spectra = rendering.measured(
                        *some, definitions.rendering, size, rng_of_artefacts
                    )
                except ValueError as error:
                    raise InputError(f"class {label}: {error}") from None
                parts = np.split(spectra, np.clip(ends - start, 0, len(spectra)))
                for split, part in zip(dataset.SPLITS, parts, strict=True):
                    files[split].write(part)


def bytes_per_spectrum(spectrum, settings, n_datapoints):
    """About how much memory one spectrum of a class takes while it is rendered: itself, and a
    window for every peak."""
    window = (
        8 * max(settings.kernel_range[1], settings.test_kernel) * (1 + settings.width_spread) + 4
    )
    n_peaks = len(spectrum.peak_positions) + settings.impurities
    copies = 2 if settings.artefacts() else 1
    return int(8 * copies * (n_datapoints + 4 * n_peaks * window))


def refuse_too_much(definitions, own, counts):
    """Raise InputError if rendering takes more memory than is free.

    Args:
        definitions: the resolved config.
        own: label → its rendering settings.
        counts: split → number of spectra of each class.
    """
    free = free_memory()
    of_class = [sum(numbers) for numbers in zip(*counts.values(), strict=True)]
    for (label, spectrum), n in zip(definitions.spectra.items(), of_class, strict=True):
        drawn = n * (DRAWN + 64 * len(spectrum.peak_positions))
        needed = (
            8 * sum(of_class)
            + drawn
            + 2
            * min(
                max(AT_ONCE, bytes_per_spectrum(spectrum, own[label], definitions.n_datapoints)),
                n * bytes_per_spectrum(spectrum, own[label], definitions.n_datapoints),
            )
        )
        if needed > free:
            raise InputError(
                f"class {label}: rendering takes {needed:,} bytes of memory, {free:,} bytes are free"
            )


if __name__ == "__main__":
    run_script(main, Settings)

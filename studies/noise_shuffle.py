"""dataset_configs/<config>.json → dataset_configs/<name>.json: its classes with noise spectra, for
training by noise-shuffle."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.common.cli import Count, Folder, Seed, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.measured import noise_shuffle
from synthetic_spectra.spectra import config, sources
from synthetic_spectra.spectra.config import CONFIGS_DIR
from synthetic_spectra.spectra.settings import OFF

KEY = 2  # of the random stream of rendered noise, beside those of the dataset itself


@dataclass(frozen=True)
class Settings:
    """Write a config with noise spectra that travel with it.

    They come from measured files. Where there are none, rendered spectra of some classes stand in
    for them, with all artefacts of the config; each is called as its class, which never gets it.
    """

    config: str = "mofs"
    """Name of a file in dataset_configs/ with an axis, or path to a .json file."""
    name: str = "mofs_noise_shuffle"
    """Name of the new file in dataset_configs/."""
    noise_files: tuple[Path, ...] = ()
    """Measured files; none for rendered spectra of the classes in noise_of."""
    noise_of: tuple[str, ...] = ("ZIF-8", "ZIF-67", "ZIF-71", "ZIF-7", "MOF-5", "MOF-199")
    """Names or aliases of the classes whose rendered spectra stand in for measured files."""
    n_train: Count = 58
    """Number of training spectra per class, ≥ 1."""
    n_val: Count = 14
    """Number of validation spectra per class, ≥ 1."""
    kept_points: Count = 401
    """Number of the highest datapoints that stay in place, ≥ 1."""
    seed: Seed = 0
    """Random seed of the rendered noise spectra, ≥ 0."""
    configs_dir: Folder = CONFIGS_DIR
    """Folder of the new file."""
    overwrite: bool = False
    """Replacement of a file that is there with other content."""


def main(settings):
    config.check_name(settings.name, f"--name {settings.name!r}")
    source = config.find(settings.config)
    definitions = config.load(source).resolved()
    if not definitions.axis:
        raise InputError(f"{source}: has no axis, expected one")
    if settings.noise_files:
        axis, n_datapoints = definitions.axis, definitions.n_datapoints
        noise = noise_shuffle.read(settings.noise_files, axis, n_datapoints)
    else:
        noise = rendered(definitions, settings)

    # only what differs, a noise spectrum in a line
    names = ("n_train", "n_val", "kept_points")
    rendering = {name: getattr(settings, name) for name in names}
    rendering = {name: value for name, value in rendering.items() if value != OFF.get(name)}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(noise[name])}" for name in noise)
    text = (
        f'{{\n"based_on": {json.dumps(source.stem)},\n"rendering": {json.dumps(rendering)},\n'
        f'"noise_spectra": {{\n{lines}\n}}}}\n'
    )
    path = settings.configs_dir / f"{settings.name}.json"
    if path.exists() and not settings.overwrite and path.read_text(encoding="utf-8") != text:
        raise InputError(
            f"{path}: exists with other content; choose another --name or add --overwrite"
        )
    write_text(path, text)
    notice(f"wrote {path}: {len(noise)} noise spectra")


def rendered(definitions, settings):
    """A spectrum with all artefacts of each class in ``noise_of``, name → values."""
    labels = {
        substance.name: int(label)
        for label, spectrum in definitions.spectra.items()
        for substance in (spectrum, *spectrum.aliases)
    }
    for name in settings.noise_of:
        if name not in labels:
            raise InputError(f"--noise-of {name!r}: {settings.config} has no class of this name")

    # a class is rendered once, whichever of its names are given
    first = {}
    for name in settings.noise_of:
        other = first.setdefault(labels[name], name)
        if other != name:
            notice(f"{other} and {name} are one class: their noise spectra are the same")

    one_each = definitions.changed(n_train=1, seed=settings.seed).with_noise({})
    spectra = {
        int(label): spectrum
        for _, part, of_part in sources.source_of(one_each).draw(("train",), key=(KEY,))
        for spectrum, label in zip(part, of_part, strict=True)
    }
    scaled = {
        name: noise_shuffle.scaled(np.asarray(spectra[labels[name]], "float64"))
        for name in settings.noise_of
    }
    return {name: np.round(scaled[name], noise_shuffle.DIGITS).tolist() for name in scaled}


if __name__ == "__main__":
    run_script(main, Settings)

"""dataset_configs/<name>.json → datasets/<name>/{x,y}_{train,val,test}.npy and config.json."""

import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from synthetic_spectra.common.cli import Folder, given_flags, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import written_whole
from synthetic_spectra.measured import noise_shuffle
from synthetic_spectra.spectra import config, dataset, manifest, sources
from synthetic_spectra.spectra.settings import Rendering


@dataclass(frozen=True)
class Settings(Rendering):
    """Render the spectra of a dataset. A setting that the dataset's JSON fixes cannot be set here.

    The constants of the rendering, all flags but the last four, are those of ``Rendering`` in
    synthetic_spectra/spectra/settings.py: edit a default there, or override it here.
    """

    config: str = "benchmark"
    """Name of a file in dataset_configs/, or path to a .json file."""
    noise_files: tuple[Path, ...] = ()
    """Measured files whose backgrounds the training and validation spectra get by noise-shuffle;
    none for spectra without. A file that names a class as its sample is not used for that class."""
    datasets_dir: Folder = Path("datasets")
    """Folder with a folder per dataset."""
    replace: bool = False
    """Replacement of other spectra in the folder of the dataset; what rendering did not write there
    is never replaced."""


def main(settings):
    # the class definitions, with every rendering setting filled in
    path = config.find(settings.config)
    definitions = config.load(path)
    refuse_fixed(definitions, settings)
    resolved = definitions.resolved(settings)
    if settings.noise_files:
        resolved = with_noise(resolved, settings)

    # spectra that are there need no rendering, and no right to write
    folder = settings.datasets_dir / path.stem
    if holds(folder, resolved):
        return

    # a second process that renders the same dataset waits, and finds it there
    with manifest.alone_with(folder) as folder:
        if holds(folder, resolved):
            return
        manifest.refuse_loss(folder, resolved, settings.replace)
        if notice := sources.notice(resolved):
            print(f"{path}: {notice}", file=sys.stderr)
        began = time.monotonic()
        with written_whole(folder) as temporary:
            n = sources.render(resolved, temporary, definitions.fixed(), shown)
    seconds = time.monotonic() - began
    print(f"wrote {folder}: {n:,} spectra in {seconds:.1f} s, {n / seconds:,.0f} a second")


def with_noise(definitions, settings):
    """A config with the noise spectra of measured files.

    Raises:
        InputError: if a file gives no noise, or the config has noise spectra already, or no axis.
    """
    if definitions.noise_spectra:
        raise InputError(f"--noise-files: {settings.config} fixes noise_spectra, leave it out")
    if not definitions.axis:
        raise InputError(f"--noise-files: {settings.config} has no axis, expected one")
    files = settings.noise_files
    return definitions.with_noise(
        noise_shuffle.read(files, definitions.axis, definitions.n_datapoints)
    )


def holds(folder, definitions):
    """Whether a folder holds the spectra of a resolved config already, which is told then."""
    if not dataset.holds(folder, definitions):
        return False
    doubt = "" if manifest.read(folder) else ", if nobody changed them: it has no manifest"
    print(f"{folder} holds these spectra already{doubt}")
    return True


def refuse_fixed(definitions, settings):
    """Raise InputError if a setting of this script names one that the dataset fixes: a flag, or a
    value that is not the default; or one that the spectra do not have."""
    for name in (field.name for field in fields(Rendering)):
        changed = getattr(settings, name) != getattr(Rendering(), name)
        if name not in definitions.settings and (changed or name in given_flags()):
            raise InputError(
                f"--{name.replace('_', '-')}: spectra of the kind {definitions.kind!r} have no "
                f"{name}, leave it out"
            )
    for name, value in definitions.fixed().items():
        changed = getattr(settings, name) not in (value, getattr(Rendering(), name))
        if changed or name in given_flags():
            raise InputError(
                f"--{name.replace('_', '-')}: {settings.config} fixes {name} at {value}, "
                "leave it out"
            )


def shown(parts, total):
    """Hand parts on as they are drawn, and show on stderr how many of the ``total`` spectra they
    are."""
    with Progress(console=Console(stderr=True), refresh_per_second=2) as progress:
        task = progress.add_task("rendering", total=total)
        for split, spectra, labels in parts:
            yield split, spectra, labels
            progress.advance(task, len(spectra))


if __name__ == "__main__":
    run_script(main, Settings)

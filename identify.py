"""Measured files → substances or space groups that each may be, on the screen or as CSV or JSON."""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from tyro.conf import Positional

from synthetic_spectra.analysis import trained
from synthetic_spectra.common.cli import Folder, NotNegative, Positive, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import space_groups, substances
from synthetic_spectra.measured.fft_filter import BINS
from synthetic_spectra.measured.identification import LEAST_CERTAINTY, Identifier
from synthetic_spectra.spectra import config

# configs that are asked where no other is named; a network for each comes along in trained/
SUBSTANCES, SPACE_GROUPS = "minerals", "space_groups_30_altered_measured"
# settings of the search for substances alone
OF_SUBSTANCES = (
    "network", "elements", "fft_criterion", "fft_bins", "least_certainty", "shift", "strain",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Name what measured files may be: substances, by similarity, as a mixture, and by a network
    where there is one; or space groups, by a network."""

    files: Positional[tuple[Path, ...]]
    """Measured files."""
    space_group: bool = False
    """Likeliest space groups of powder diffractograms in place of substances."""
    config: str | None = None
    """Name of a file in dataset_configs/, or a path to a .json: by default minerals, and of space
    groups space_groups_30_altered_measured. The classes of another have an axis and names, or are
    groups."""
    runs_dir: Folder = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset; the networks of a dataset name the classes that it
    was rendered from."""
    run: str | None = None
    """Name of the run's folder whose network is asked; by default the finished one with the highest
    validation accuracy."""
    network: bool = True
    """Probabilities of a network; without it Keras is not started."""

    # the measurement
    wavelength: Positive | None = None
    """Wavelength of the X-rays in Å, > 0; it wins over what the files say."""
    elements: tuple[str, ...] = ()
    """Chemical symbols: candidates consist of these alone; any by default."""

    fft_criterion: float | None = None
    """Noisiness above which a file loses its fast changes by Fourier transform, 1 in the paper of
    the filter (docs/limited_data.md); no filter by default."""
    fft_bins: Annotated[int, Field(ge=1, le=10000)] = BINS
    """Number of the lowest frequencies that the filter keeps, 1 to 10000."""

    # space groups
    least_intensity: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the highest intensity below which nothing is part of a line, in [0, 1); of space
    groups alone."""

    # the answer
    least_certainty: Annotated[float, Field(ge=0, le=1)] = LEAST_CERTAINTY
    """Certainty below which there is no confident match, 0 to 1: the cosine similarity of a
    spectrum and its phases, less 0.03 for each phase beyond the first."""
    shift: NotNegative | None = None
    """Largest shift of all peaks, either way, in the unit of the axis, ≥ 0; by default that of the
    training spectra."""
    strain: Annotated[float, Field(ge=0, le=0.1)] | None = None
    """Largest relative change of the lattice, either way, 0 to 0.1; by default that of the training
    spectra."""
    format: Literal["text", "csv", "json"] = "text"
    """Format of the answers."""
    figure: Path | None = None
    """Folder for a figure of each file: the spectrum, the phases, and what is left; or what the
    network is given, and the likeliest space groups."""


def main(settings):
    if not settings.files:
        raise InputError("no file to identify")
    names = [file.name for file in settings.files]
    if settings.figure and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"--figure: two files are called {twice}, their figures would be one file")
    ask, columns = (groups_of if settings.space_group else substances_of)(settings)

    # one bad file does not keep the others from an answer
    show, failed = SHOWN[settings.format](columns), 0
    for file in settings.files:
        try:
            answer = ask(file)
            show.answer(answer)
            if settings.figure:
                answer.draw(settings.figure / f"{file.name}.png")
        except InputError as error:
            failed += 1
            show.failed(file, error)
    show.end()
    if failed:
        raise InputError(f"{failed} of {len(settings.files)} files have no answer")


def substances_of(settings):
    """A function that gives the ``substances.Shown`` of a file, and the columns of their table."""
    if settings.least_intensity:
        raise InputError("--least-intensity: expected with --space-group")
    path = config.find(settings.config or SUBSTANCES)
    definitions = trained.with_noise_of(settings.datasets_dir, path)
    run = best_run(settings, path.stem) if settings.network else None
    if settings.network and not run:
        notice("answers without a network")
    try:
        network = run and trained.classifier(run, definitions, settings.datasets_dir)
    except InputError as error:
        raise InputError(f"{error}; --no-network answers without it") from None
    try:
        identifier = Identifier(
            definitions,
            settings.least_certainty,
            settings.elements,
            settings.wavelength,
            settings.shift,
            settings.strain,
            network,
            settings.fft_criterion,
            settings.fft_bins,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return lambda file: substances.Shown(identifier.answer(file), definitions), substances.COLUMNS


def groups_of(settings):
    """A function that gives the ``space_groups.Answer`` of a file, and the columns of their table.

    Raises:
        InputError: if there is no network of space groups, or a setting does not apply to it.
    """
    for name in OF_SUBSTANCES:
        if getattr(settings, name) != getattr(Settings, name):
            flag = name.replace("_", "-")
            raise InputError(f"--{flag}: not with --space-group, which a network answers alone")
    path = config.find(settings.config or SPACE_GROUPS)
    try:
        config.load(path).need_space_groups()
    except InputError as error:
        raise InputError(f"--space-group: {path}: {error}") from None
    run = best_run(settings, path.stem)
    if not run:
        raise InputError(
            f"--space-group: no network of {path.stem} to ask; train one: python train.py --config "
            f"{path.stem} --models strided --online"
        )

    # the classes are those that the network was trained on, whatever the statistics are today
    definitions = trained.trained_on(run, settings.datasets_dir)
    network = trained.classifier(run, definitions, settings.datasets_dir)
    accuracy = space_groups.Accuracy(definitions.n_classes, *trained.right_in_test(run))
    identifier = space_groups.Identifier(
        definitions, network, accuracy, settings.wavelength, settings.least_intensity
    )
    return identifier.answer, space_groups.COLUMNS


def best_run(settings, name):
    """The run of a config whose network is asked; None, and a line on stderr, without one.

    Raises:
        InputError: if the run that is asked for is not there, or runs cannot be read.
    """
    folder = settings.runs_dir if settings.run else trained.folder_of(settings.runs_dir, name)
    if folder is None:
        notice(f"no finished run in {settings.runs_dir / name}")
        return None
    finished = filter(trained.predicts, trained.finished(folder, name)[0])
    runs = {run.name: run for run in trained.with_network(finished)}
    if settings.run and settings.run not in runs:
        raise InputError(f"no finished run {settings.run} that did not diverge in {folder / name}")
    if not runs:
        notice(f"{folder / name}: no network that did not diverge")
        return None
    run = runs.get(settings.run) or max(
        runs.values(), key=lambda run: run.summary["best_val_accuracy"]
    )
    notice(f"network: {run.folder}")
    return run


class Text:
    """Answers for people."""

    def __init__(self, columns):
        pass

    def answer(self, answer):
        print(answer.text())

    def failed(self, file, error):
        notice(error)
        print(f"{file}: no answer\n")

    def end(self):
        pass


class Csv:
    """A row for each candidate, and one for a file without an answer."""

    def __init__(self, columns):
        self.writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
        self.writer.writeheader()

    def answer(self, answer):
        self.writer.writerows(answer.rows())

    def failed(self, file, error):
        self.writer.writerow({"file": file, "verdict": "failed", "notes": error})

    def end(self):
        pass


class Json:
    """A list with an object for each file."""

    def __init__(self, columns):
        self.answers = []

    def answer(self, answer):
        self.answers.append(answer.content())

    def failed(self, file, error):
        self.answers.append({"file": str(file), "verdict": "failed", "notes": [str(error)]})

    def end(self):
        print(json.dumps(self.answers, indent=2, allow_nan=False))


SHOWN = {"text": Text, "csv": Csv, "json": Json}


if __name__ == "__main__":
    run_script(main, Settings)

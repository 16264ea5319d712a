"""Measured files, a config with names → what each file may be, on the screen or as CSV or JSON."""

import csv
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from tabulate import tabulate
from tyro.conf import Positional

from synthetic_spectra.analysis import trained
from synthetic_spectra.common.cli import NotNegative, Positive, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.fft_filter import BINS
from synthetic_spectra.measured.identification import LEAST_CERTAINTY, Identifier
from synthetic_spectra.spectra import config

DIGITS = 5  # of numbers in tables
COLUMNS = (
    "file", "verdict", "certainty", "explained", "wavelength_guessed", "name", "formula", "same_as",
    "class", "probability", "cosine", "share", "shift", "strain", "notes",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Name what measured files may be: similarity, mixture, and a network where there is one."""

    files: Positional[tuple[Path, ...]]
    """Measured files."""
    config: str = "minerals"
    """Name of a file in dataset_configs/ that has an axis and names, or a path to a .json."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    datasets_dir: Path = Path("datasets")
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
    """Folder for a figure of each file: the spectrum, the phases, and what is left."""


def main(settings):
    if not settings.files:
        raise InputError("no file to identify")
    names = [file.name for file in settings.files]
    if settings.figure and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"--figure: two files are called {twice}, their figures would be one file")
    path = config.find(settings.config)
    definitions = trained.with_noise_of(settings.datasets_dir, path)
    try:
        identifier = Identifier(
            definitions,
            settings.least_certainty,
            settings.elements,
            settings.wavelength,
            settings.shift,
            settings.strain,
            network(settings, path.stem, definitions) if settings.network else None,
            settings.fft_criterion,
            settings.fft_bins,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None

    # one bad file does not keep the others from an answer
    show, failed = SHOWN[settings.format](), 0
    for file in settings.files:
        try:
            answer = identifier.answer(file)
            show.answer(answer)
            if settings.figure:
                from synthetic_spectra.measured import picture  # starts Matplotlib

                picture.draw(answer, definitions, settings.figure / f"{file.name}.png")
        except InputError as error:
            failed += 1
            show.failed(file, error)
    show.end()
    if failed:
        raise InputError(f"{failed} of {len(settings.files)} files have no answer")


def network(settings, name, definitions):
    """Spectra → probabilities by the network of a finished run; None if there is no run.

    Raises:
        InputError: if the run is of another config, or cannot be read.
    """
    folder = settings.runs_dir if settings.run else trained.folder_of(settings.runs_dir, name)
    if folder is None:
        notice(f"no finished run in {settings.runs_dir / name}: answers without a network")
        return None
    finished = filter(trained.predicts, trained.finished(folder, name)[0])
    runs = {run.name: run for run in trained.with_network(finished)}
    if settings.run and settings.run not in runs:
        raise InputError(f"no finished run {settings.run} that did not diverge in {folder / name}")
    if not runs:
        notice(f"{folder / name}: no network that did not diverge: answers without one")
        return None
    run = runs.get(settings.run) or max(
        runs.values(), key=lambda run: run.summary["best_val_accuracy"]
    )

    classifier = trained.classifier(run, definitions, settings.datasets_dir)
    notice(f"network: {run.folder}")
    return classifier


class Text:
    """Answers for people."""

    def answer(self, answer):
        names = " + ".join(dict.fromkeys(phase.name for phase in answer.phases))
        verdict = names if answer.sure else "no confident match"
        if answer.guessed:
            verdict += ", on a guess of the wavelength"
        print(f"{answer.file}: {verdict}")
        certainty = f"certainty {answer.certainty:.3f}"
        print(f"  the phases explain it to {answer.explained:.3f} (cosine similarity), {certainty}")
        for note in answer.notes:
            print(f"  {note}")
        rows = [
            {
                "phase": "" if one.share is None else f"{100 * one.share:.0f} %",
                "name": one.name,
                "formula": one.formula,
                "cosine": f"{one.cosine:.3f}",
                **({} if one.probability is None else {"network": f"{one.probability:.3f}"}),
                "not told from": ", ".join(one.same[:3]) + (", …" if one.same[3:] else ""),
            }
            for one in candidates(answer)
        ]
        table = tabulate(rows, headers="keys", tablefmt="plain", disable_numparse=True)
        print("\n".join(f"  {line}".rstrip() for line in table.splitlines()) + "\n")

    def failed(self, file, error):
        notice(error)
        print(f"{file}: no answer\n")

    def end(self):
        pass


class Csv:
    """A row for each candidate, and one for a file without an answer."""

    def __init__(self):
        self.writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        self.writer.writeheader()

    def answer(self, answer):
        for one in candidates(answer) or [None]:
            row = {
                "file": answer.file,
                "verdict": verdict(answer),
                "certainty": round(answer.certainty, DIGITS),
                "explained": round(answer.explained, DIGITS),
                "wavelength_guessed": answer.guessed,
                "notes": "; ".join(answer.notes),
            }
            if one:
                row |= {name: value for name, value in rounded(one).items() if name in COLUMNS}
                row |= {"class": one.label, "same_as": "; ".join(one.same)}
            self.writer.writerow(row)

    def failed(self, file, error):
        self.writer.writerow({"file": file, "verdict": "failed", "notes": error})

    def end(self):
        pass


class Json:
    """A list with an object for each file."""

    def __init__(self):
        self.answers = []

    def answer(self, answer):
        self.answers.append(
            {
                "file": str(answer.file),
                "verdict": verdict(answer),
                "certainty": round(answer.certainty, DIGITS),
                "explained": round(answer.explained, DIGITS),
                "wavelength_guessed": answer.guessed,
                "notes": answer.notes,
                "phases": [rounded(one) for one in answer.phases],
                "best": [rounded(one) for one in answer.best],
            }
        )

    def failed(self, file, error):
        self.answers.append({"file": str(file), "verdict": "failed", "notes": [str(error)]})

    def end(self):
        print(json.dumps(self.answers, indent=2, allow_nan=False))


def rounded(candidate):
    """The fields of a candidate, name → value, as the tables have them."""
    return {
        name: round(value, DIGITS) if isinstance(value, float) else value
        for name, value in asdict(candidate).items()
    }


SHOWN = {"text": Text, "csv": Csv, "json": Json}


def verdict(answer):
    """The answer in one word of the tables."""
    return "match" if answer.sure else "no confident match"


def candidates(answer):
    """The phases of an answer, then those of its best candidates that have another name."""
    names = {one.name for one in answer.phases}
    return [*answer.phases, *(one for one in answer.best if one.name not in names)]


if __name__ == "__main__":
    run_script(main, Settings)

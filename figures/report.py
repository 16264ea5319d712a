"""Result tables, configs and pictures → output/report.html: every result on one page."""

import base64
import hashlib
import re
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jinja2
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # the project, when run by its path
from figures import style
from synthetic_spectra.analysis import confusions, results, tables
from synthetic_spectra.analysis.table_files import TABLES
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config
from synthetic_spectra.spectra.names import class_label
from synthetic_spectra.training.run import Identity

ENVIRONMENT = ["device", "backend", "precision", "versions"]  # what the runs of a table ran on
# a cell of a column that is sorted as numbers
NUMBER = re.compile(r"-?\d[\d,.]*(e[-+]\d+)?( [±%].*)?|\d+–\d+|–?")


@dataclass(frozen=True)
class Settings:
    """Write one page with all tables and pictures of datasets; a browser opens it offline."""

    configs: tuple[str, ...] = ()
    """Datasets: names in dataset_configs/ or paths to a .json; by default all with tables in
    results_dir, or else in the project's record."""
    results_dir: Folder = results.MADE
    """Folder of the result tables; where it has none, the project's record in results/ is taken."""
    figures_dir: Folder = style.FOLDER
    """Folder of the pictures; those of the project's record lie in figures/."""
    output: Path = Path("output/report.html")
    """File to write."""


def main(settings):
    if settings.output.is_dir():
        raise InputError(f"--output {settings.output}: a folder, expected the name of a file")
    parts, pictures, missing, problems = [], {}, {}, []
    for path in chosen(settings.configs, settings.results_dir):
        try:
            found = results.read(settings.results_dir, path.stem)
            part, lacking = part_of(path, found)
        except InputError as error:  # the other datasets are still worth their page
            problems.append(str(error))
            continue
        parts.append(part)
        missing |= lacking
        folder = folder_of_pictures(found, settings.figures_dir)
        pictures.setdefault(folder, []).append(path.stem)
    if not parts:
        raise InputError("; ".join(problems) or f"{settings.results_dir}: no table of runs")

    # pictures lie where the tables come from: a page shows nobody else's runs
    shown = []
    for folder, names in pictures.items():
        found, lacking = pictures_of(folder, names, with_general=not settings.configs)
        shown += found
        missing |= lacking

    page = template().render(parts=parts, pictures=shown, missing=missing, problems=problems)
    write_text(settings.output, page)
    for file, command in missing.items():
        print(f"left out: {file}; make it: {command}", file=sys.stderr)
    print(f"wrote {settings.output} ({len(page.encode()) / 1e6:.1f} MB)", file=sys.stderr)
    if problems:
        raise InputError("; ".join(problems))


def chosen(configs, results_dir):
    """Paths of the configs that were asked for, else of those with tables of the user, else of the
    project's record."""
    if not configs:
        found = [results.located(results_dir, name) for name in config.known()]
        found = [one for one in found if one]
        users = [one for one in found if one.folder != results.RECORD]
        configs = [one.name for one in users or found]
    return list(map(config.find, configs))


def part_of(path, found):
    """What the page shows of one dataset, and its missing tables with the commands that make them.

    Args:
        path: of the config.
        found: the ``Results`` of the dataset.

    Raises:
        InputError: if the config or a table is damaged.
    """
    definitions = config.load(path).resolved()
    spectra = confused_classes(path, definitions, found)
    shown = {
        kind: cells(table) for kind, table in tables_of(found, definitions).items() if len(table)
    }
    expected = {
        "confusions": found.runs.test_misclassified.any(),
        "groups": any(definitions.groups()),
        "differences": len(found.runs[list(Identity.COLUMNS)].drop_duplicates()) > 1,
        "ceiling": definitions.has_peaks,
    }
    missing = {
        found.path(kind): f"python {TABLES[kind].script} --config {path.stem}"
        for kind, is_expected in expected.items()
        if is_expected and getattr(found, kind) is None
    }
    file = found.path("runs")
    part = {
        "name": path.stem,
        "file": file,
        "date": datetime.fromtimestamp(file.stat().st_mtime).date(),
        # of runs that all diverged nothing was counted
        "n_test": int(found.runs.test_spectra.fillna(0).max()),
        "ceiling": [] if found.ceiling is None else tables.verdicts(found.ceiling).splitlines(),
        "tables": shown,
        "peaks": peaks_of(spectra, definitions),
    }
    return part, missing


def peaks_of(spectra, definitions):
    """What the page draws of confused classes.

    Args:
        spectra: what ``confused_classes`` gives.
        definitions: the config, whose axis gives positions and their unit, if it has one.

    Returns:
        ``along``, the label of the positions; ``step`` between datapoints; ``classes``, label →
        name, positions and heights of the peaks.
    """
    axis, classes = definitions.axis, {}
    for label, one in spectra.items():
        positions = one.peak_positions
        if axis:
            positions = [float(f"{value:.7g}") for value in axis.value(positions)]
        classes[label] = [class_label(definitions, label), positions, one.peak_heights]
    along = axis.label() if axis else "peak position (datapoint)"
    return {"along": along, "step": abs(axis.step) if axis else 1, "classes": classes}


def confused_classes(path, definitions, found):
    """Label → class definition of all classes that are confused.

    Raises:
        InputError: if a confused class is not in the config.
    """
    if found.confusions is None or not definitions.has_peaks:
        return {}
    labels = sorted({*found.confusions.class_a, *found.confusions.class_b})
    for label in labels:
        if str(label) not in definitions.spectra:
            raise InputError(
                f"{found.path('confusions')}: class {label}, "
                f"but {path} has {definitions.n_classes} classes"
            )
    return {label: definitions.spectra[str(label)] for label in labels}


def tables_of(found, definitions):
    """The tables of one dataset, name → DataFrame.

    Args:
        found: the ``Results`` of the dataset.
        definitions: its config.
    """
    runs, published = found.runs, results.read_published()
    environments = runs.groupby(ENVIRONMENT, sort=False, dropna=False)
    shown = {
        "origin": environments.size().reset_index(name="runs"),
        "models": tables.networks(runs, published, found.ceiling),
        "medians": tables.medians(runs, published),
        "runs": tables.runs(runs, published),
    }
    for kind in ("confusions", "groups", "differences"):
        if getattr(found, kind) is not None:
            shown[kind] = getattr(found, kind).drop(columns="config", errors="ignore")
    if "confusions" in shown:
        confused = confusions.named(shown["confusions"], definitions)
        pairs = confused.pop("class_a").astype(str) + "–" + confused.pop("class_b").astype(str)
        confused.insert(0, "classes", pairs)
        shown["confusions"] = confused
    return shown


def cells(table):
    """A DataFrame as texts: ``heads``, pairs of name and whether it holds numbers, and ``rows``.

    Columns without any entry are left out.
    """
    columns = {name: [text(name, value) for value in values] for name, values in table.items()}
    columns = {name.replace("_", " "): texts for name, texts in columns.items() if any(texts)}
    heads = [(name, all(map(NUMBER.fullmatch, texts))) for name, texts in columns.items()]
    return {"heads": heads, "rows": list(zip(*columns.values(), strict=True))}


def text(name, value):
    """An entry as text: four digits of a float, the column's name for true, else nothing."""
    if pd.isna(value) or value is False:
        return ""
    if value is True:
        return name
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def folder_of_pictures(found, figures_dir):
    """The folder of the pictures that go with tables: the project's record has its own."""
    is_record = found.folder == results.RECORD and figures_dir == style.FOLDER
    return ROOT / "figures" if is_record else figures_dir


def pictures_of(folder, names, with_general):
    """The pictures in a folder that show some datasets and no other one.

    Args:
        folder: of the pictures, as ``style.save`` leaves them.
        names: of the datasets.
        with_general: whether pictures about no dataset are shown too.

    Returns:
        (name, caption, PNG in base64) of each, and commands that draw one of datasets without any.
    """
    shown, drawn = [], set()
    for file in sorted(folder.glob("*.png")):
        caption, datasets = style.contents(file)
        if caption and (set(datasets) <= set(names) if datasets else with_general):
            drawn |= set(datasets)
            shown.append((file.stem, caption, base64.b64encode(file.read_bytes()).decode()))
    return shown, {
        f"pictures of {name} in {folder}": f"python figures/plot_results.py --config {name}"
        for name in names
        if name not in drawn
    }


def template():
    """The template of the page; what it is filled with is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # the browser runs and applies only what has one of the hashes that the page itself states
    environment.filters["sha256"] = lambda code: base64.b64encode(
        hashlib.sha256(code.encode()).digest()
    ).decode()
    return environment.get_template("report.html.jinja")


if __name__ == "__main__":
    run_script(main, Settings)

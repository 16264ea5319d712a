"""results/*.csv, dataset_configs/*.json, figures/plot_*.png → results/report.html: every result on
one page."""

import ast
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
sys.path.append(str(ROOT))  # to find the project when run by its path
from figures import plot_results
from synthetic_spectra.analysis import tables
from synthetic_spectra.analysis.tables import MODEL
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config

ORIGIN = ["device", "backend", "precision", "versions"]  # what the runs of a table ran on
NUMBERS = [
    "seed",
    "parameters",
    "train_misclassified",
    "val_misclassified",
    "test_misclassified",
    "test_spectra",
]
NUMBERS += ["trained_epochs", "best_epoch", "minutes"]
EXPECTED = ["expected_random", "expected_nearest"]
FILES = {  # table → its file, the script that writes it, the columns that the page needs
    "results": ("{}.csv", "evaluate.py", ["config", *MODEL, *ORIGIN, *NUMBERS, "outcome"]),
    "confusions": (
        "{}_confusions.csv",
        "evaluate.py",
        [*MODEL, "class_a", "class_b", "cause", "misclassified"],
    ),
    "groups": ("{}_groups.csv", "evaluate.py", [*MODEL, "group", "accuracy", *EXPECTED]),
    "differences": ("{}_differences.csv", "evaluate.py", [*tables.BOTH, "difference", "p_mcnemar"]),
    "ceiling": ("ceiling_{}.csv", "studies/dataset_ceiling.py", ["verdict", *EXPECTED]),
}
DTYPES = {"model_args": str} | dict.fromkeys([*NUMBERS, *EXPECTED, "accuracy"], float)
DTYPES |= dict.fromkeys(["seed", "parameters", "class_a", "class_b"], int)
NUMBER = re.compile(
    r"-?\d[\d,.]*(e[-+]\d+)?( [±%].*)?|\d+–\d+|–?"
)  # a cell of a column that is sorted as numbers


@dataclass(frozen=True)
class Settings:
    """Write one page with every table and figure at hand; it opens in a browser without a network."""

    configs: tuple[str, ...] = ()
    """Names of files in dataset_configs/, or paths to a .json; without any, all in
    dataset_configs/."""
    results_dir: Path = Path("results")
    """Folder of the tables."""
    figures_dir: Path = Path("figures")
    """Folder of the figures and of the scripts that draw them."""
    output: Path = Path("results/report.html")
    """File to write."""


def main(settings):
    names = settings.configs or sorted(map(str, config.CONFIGS_DIR.glob("*.json")))
    parts, missing, problems = [], {}, []
    for path in map(config.find, names):
        try:
            part, lacking = experiment(path, settings.results_dir)
            parts += [part] if part else []
            missing |= lacking
        except InputError as error:  # the other experiments are still worth their page
            problems.append(str(error))
    if not parts:
        raise InputError(
            "; ".join(problems) or f"{settings.results_dir}: no table of runs; {told(missing)}"
        )
    pictures, lacking = drawn(settings.figures_dir)
    missing |= lacking
    page = template().render(parts=parts, pictures=pictures, missing=missing, problems=problems)
    write_text(settings.output, page)
    if missing:
        print(f"left out: {told(missing)}")
    print(f"wrote {settings.output} ({len(page.encode()) / 1e6:.1f} MB)")
    if problems:
        raise InputError("; ".join(problems))


def told(missing):
    """Missing files and the commands that make them, in words."""
    return "; ".join(f"{file} ({command})" for file, command in missing.items())


def experiment(path, results_dir):
    """What the page shows of one config, None if there is no table of its runs; and its missing
    files with commands.

    Raises:
        InputError: if the config or a table is damaged.
    """
    name = path.stem
    files = {kind: results_dir / pattern.format(name) for kind, (pattern, _, _) in FILES.items()}
    commands = {kind: f"python {script} --config {name}" for kind, (_, script, _) in FILES.items()}
    if not files["results"].is_file():
        return None, {files["results"]: commands["results"]}
    definitions = config.load(path)
    found = {
        kind: read(file, kind, commands[kind]) for kind, file in files.items() if file.is_file()
    }
    shown = tables_of(found)
    results, confused, ceiling = found["results"], found.get("confusions"), found.get("ceiling")
    there_is = {
        "confusions": results.test_misclassified.any(),
        "groups": any(definitions.groups()),
        "differences": len(results[MODEL].drop_duplicates()) > 1,
    }
    missing = {
        files[kind]: commands[kind]
        for kind in files
        if there_is.get(kind, True) and kind not in found
    }
    labels = sorted({*confused.class_a, *confused.class_b}) if confused is not None else []
    for label in labels:
        if str(label) not in definitions.spectra:
            raise InputError(
                f"{files['confusions']}: class {label}, but {path} has {definitions.n_classes} classes"
            )
    spectra = {label: definitions.spectra[str(label)] for label in labels}
    part = {
        "name": name,
        "file": files["results"],
        "date": datetime.fromtimestamp(files["results"].stat().st_mtime).date(),
        "n_test": results.test_spectra.max(),
        "ceiling": tables.verdicts(ceiling).splitlines() if ceiling is not None else [],
        "tables": {kind: cells(table) for kind, table in shown.items() if len(table)},
        "peaks": {label: [one.peak_positions, one.peak_heights] for label, one in spectra.items()},
    }
    return part, missing


def read(file, kind, command):
    """A table of results, with text for no model arguments.

    Raises:
        InputError: if it is no CSV, or lacks a column of ``FILES``.
    """
    try:
        table = pd.read_csv(file, dtype=DTYPES)
    except ValueError as error:
        raise InputError(
            f"{file}: not a table of this collection: {error}; make it again: {command}"
        ) from None
    lacking = [column for column in FILES[kind][2] if column not in table]
    if lacking:
        raise InputError(f"{file}: no column {', '.join(lacking)}; make it again: {command}")
    return table.fillna({"model_args": ""})


def tables_of(found):
    """The tables of one config, name → DataFrame.

    Args:
        found: the tables of ``FILES`` that there are.
    """
    results, published = found["results"], plot_results.read_published()
    shown = {
        "origin": results.groupby(ORIGIN, sort=False, dropna=False).size().reset_index(name="runs"),
        "models": tables.networks(results, published, found.get("ceiling")),
        "medians": tables.medians(results, published),
        "runs": tables.runs(results, published),
    }
    for kind in ("confusions", "groups", "differences"):
        if kind in found:
            shown[kind] = found[kind].drop(columns="config", errors="ignore")
    if "confusions" in shown:
        confused = shown["confusions"]
        pairs = confused.pop("class_a").astype(str) + "–" + confused.pop("class_b").astype(str)
        confused.insert(0, "classes", pairs)
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
    """An entry as text: floats with four digits, for true the name of the column, for missing or
    false nothing."""
    if pd.isna(value) or value is False:
        return ""
    if value is True:
        return name
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def drawn(folder):
    """The figures of a folder, as (name, caption, PNG in base64), and those not drawn yet with
    their commands.

    The caption is what the script's first line says of the figure.
    """
    captions = {}
    for script in sorted(folder.glob("plot_*.py")):
        first = (ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or "").partition(
            "\n"
        )[0]
        captions[script.stem] = (
            first.partition("→")[2].partition(": ")[2].rstrip(".") or script.stem
        )
    pictures, left = [], dict.fromkeys(captions)
    for file in sorted(folder.glob("plot_*.png")):
        script = max(
            (stem for stem in captions if file.stem.startswith(stem)), key=len, default=None
        )
        left.pop(script, None)
        content = base64.b64encode(file.read_bytes()).decode()
        pictures.append((file.stem, captions.get(script, file.stem), content))
    return pictures, {folder / f"{stem}.png": f"python {folder / stem}.py" for stem in left}


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

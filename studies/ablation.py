"""datasets/<config>/config.json → output/results/ablation_<config>.csv: what each ingredient of a
network is worth."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
import spectra_from_config
import train
from synthetic_spectra.analysis import results, statistics, tables, trained
from synthetic_spectra.analysis.table_files import COST, COUNTS
from synthetic_spectra.common.cli import Count, Folder, RunSeed, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import plan, run_folder


@dataclass(frozen=True)
class Variant:
    """What is changed of the complete network: settings of train.py, rendering settings of the
    dataset, and fields of its config."""

    training: dict = field(default_factory=dict)
    rendering: dict = field(default_factory=dict)
    config: dict = field(default_factory=dict)


COMPLETE = "complete"
VARIANTS = {
    COMPLETE: Variant(),
    "background and noise stay": Variant({"model_args": ("peaks_only=false",)}),
    "not divided by the area": Variant({"model_args": ("areas=false",)}),
    "blur of 0.1 shift ranges": Variant({"model_args": ("blur=0.1",)}),
    "blur of 0.2 shift ranges": Variant({"model_args": ("blur=0.2",)}),
    "blur of 0.5 shift ranges": Variant({"model_args": ("blur=0.5",)}),
    "blur of 2 shift ranges": Variant({"model_args": ("blur=2.0",)}),
    "no root": Variant({"model_args": ("root=false",)}),
    "no logarithm": Variant({"model_args": ("logarithm=false",)}),
    "neither root nor logarithm": Variant({"model_args": ("root=false", "logarithm=false")}),
    "linear hidden layer": Variant({"hidden_activations": ("linear",)}),
    "weights not averaged": Variant({"ema_momentum": 0.0}),
    "5 spectra per class": Variant(rendering={"n_train": 5}),
    "10 spectra per class": Variant(rendering={"n_train": 10}),
    "20 spectra per class": Variant(rendering={"n_train": 20}),
    "200 spectra per class": Variant(rendering={"n_train": 200}),
    "endless spectra": Variant({"online": True}),
}


@dataclass(frozen=True)
class Settings:
    """Train a network complete and with one ingredient changed at a time; finished runs are
    skipped."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    variants: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(VARIANTS)
    """Variants to train, names in VARIANTS; those that are finished are in the table too."""
    model: str = "blurred_areas"
    """Network, a name in model_implementations.MODELS that has the arguments of the variants."""
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Momentum of the moving averages of the weights, as of train.py, in [0, 1)."""
    epochs: Count = 500
    """Largest number of epochs, ≥ 1."""
    seeds: Annotated[tuple[RunSeed, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    """Random seeds of the training, each ≥ 0, a run of each variant for each."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset; those with other numbers of spectra go into its
    folder ablation/."""
    runs_dir: Folder = Path("runs")
    """Folder of runs; those of a variant go into its folder ablation/<variant>/."""
    results_dir: Folder = results.MADE
    """Folder for the table, a row per variant and run."""


def main(settings):
    same = train.Settings(
        models=(settings.model,),
        ema_momentum=settings.ema_momentum,
        epochs=settings.epochs,
        seeds=settings.seeds,
        wandb="disabled",
    )
    refuse_unknown(settings, VARIANTS, same)
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    data.definitions.need_peaks()
    run_all(settings, VARIANTS, same, data, counts, comparison)


def refuse_unknown(settings, variants, same):
    """Raise InputError if a variant is unknown, or settings of train.py name what is unknown."""
    for name in settings.variants:
        if name not in variants:
            raise InputError(f"variant {name!r}: unknown; known: {', '.join(variants)}")
    plan.identities(same)


def run_all(settings, variants, same, data, counted, compared):
    """Train variants, write the table of all that are finished, and print it.

    Args:
        settings: config, variants, datasets_dir, runs_dir and results_dir, as in ``Settings``.
        variants: name → ``Variant``.
        same: the settings of train.py that all variants have, but for what they change.
        data: the ``Dataset`` of the complete network.
        counted: run and its dataset → columns of its row.
        compared: table → what is printed of it.

    Raises:
        InputError: names all that could not be trained or read, after the others are finished.
    """
    problems = []
    for i, name in enumerate(settings.variants, start=1):
        notice(f"== {i} of {len(settings.variants)}: {name}")
        try:
            # stdout is for the table of this script
            with redirect_stdout(sys.stderr):
                train_variant(settings, name, variants[name], same, data)
        except InputError as error:
            problems.append(f"{name}: {error}")

    # the runs of other processes are in the table too, as far as they are finished
    rows_of = partial(finished, settings, same=same, data=data, counted=counted, problems=problems)
    with results.alone_in(settings.results_dir):
        rows = [row for name, variant in variants.items() for row in rows_of(name, variant)]
        if rows:
            results.write(settings.results_dir, data.name, {"ablation": pd.DataFrame(rows)})
    if rows:
        print(tables.write(compared(pd.DataFrame(rows)), "markdown"))
    if problems:
        raise InputError("; ".join(problems))


def train_variant(settings, name, variant, same, data):
    """Render the dataset of a variant, if it has one of its own, and train its runs.

    Args:
        settings, same, data: as of ``run_all``.
        name: of the variant.
        variant: the ``Variant``.

    Raises:
        InputError: if the dataset does not allow the variant, or a run cannot be trained.
    """
    datasets_dir = dataset_folder(settings, variant)
    path = settings.config
    if variant.rendering or variant.config:
        changed = changed_definitions(data, variant)
        path = datasets_dir / f"{data.name}.json"
        config.save(path, changed)
        rendering = {one: getattr(changed.rendering, one) for one in changed.settings}
        spectra_from_config.main(
            spectra_from_config.Settings(
                config=str(path), datasets_dir=datasets_dir, replace=True, **rendering
            )
        )
    train.main(
        replace(
            same,
            config=str(path),
            datasets_dir=datasets_dir,
            runs_dir=run_folder_of(settings, name),
            **variant.training,
        )
    )


def dataset_folder(settings, variant):
    """The folder of the dataset of a variant, as ``datasets_dir`` of train.py."""
    changes = variant.rendering | variant.config
    if not changes:
        return settings.datasets_dir
    name = "-".join(f"{name}={value}" for name, value in changes.items())
    return settings.datasets_dir / "ablation" / name


def run_folder_of(settings, name):
    """The folder of the runs of a variant, as ``runs_dir`` of train.py."""
    return settings.runs_dir / "ablation" / name.replace(" ", "_")


def changed_definitions(data, variant):
    """The resolved config of the dataset of a variant.

    All other settings are those with which the dataset was rendered, whatever its config file says
    by now.

    Raises:
        InputError: if a class fixes a setting that the variant changes, or the classes would be
            others.
    """
    for setting in variant.rendering:
        for label, spectrum in data.definitions.spectra.items():
            fixed = getattr(spectrum.rendering, setting, None)
            if fixed is not None:
                raise InputError(f"class {label} fixes {setting} at {fixed}; left out")
    changed = data.definitions
    if variant.config:
        changed = changed.with_fields(**variant.config)
    if changed.spectra != data.definitions.spectra:
        raise InputError(f"with {variant.config} the dataset has other classes; left out")
    return changed.changed(**variant.rendering)


def finished(settings, name, variant, same, data, counted, problems):
    """A row for each finished run of a variant that was trained on spectra of this very dataset.

    Args:
        settings, same, data, counted: as of ``run_all``.
        name: of the variant.
        variant: the ``Variant``.
        problems: takes a sentence for each run that cannot be read.
    """
    runs = run_folder.found(run_folder_of(settings, name), data.name, problems)
    asked = replace(same, **variant.training)
    runs = [
        run
        for run in runs
        if run.summary
        and run.identity.model in asked.models
        and (run.identity.ema_momentum, run.identity.precision)
        == (asked.ema_momentum, asked.precision)
    ]
    if runs and (variant.rendering or variant.config):
        folder = dataset_folder(settings, variant)
        if not dataset.holds(folder / data.name, changed_definitions(data, variant)):
            notice(f"{folder}: other spectra, {name!r} is left out")
            return
        data = dataset.load(folder, data.name)

    for run in runs:
        try:
            trained.refuse_other_arrays(run, data)
        except InputError as error:
            notice(error)
            continue
        yield {
            "variant": name,
            "model": run.identity.model,
            "seed": run.identity.seed,
            **counted(run, data),
            "multiply_accumulates": run.summary.get("multiply_accumulates"),
            **trained.origin(run),
        }


def counts(run, data):
    """What the table holds of a run on a dataset: column → number."""
    return {column: run.summary.get(column) for column in (*COUNTS, *COST)}


def comparison(table):
    """A line for each variant: misclassified test spectra, and how many more than of the complete
    network.

    Args:
        table: of the ablation, as ``results.read`` gives it.
    """
    complete = table[table.variant == COMPLETE].test_misclassified.dropna()
    lines = []
    for name, rows in table.groupby("variant", sort=False):
        wrong = rows.test_misclassified.dropna()
        line = {"variant": name, "runs": len(rows), "misclassified": tables.spread(wrong)}
        if name != COMPLETE and len(complete) and len(wrong):
            line["more"] = f"{wrong.mean() - complete.mean():+.1f}"
            if min(len(wrong), len(complete)) > 1:
                lower, upper = statistics.interval(wrong, complete)
                line["95 % interval"] = f"{lower:+.1f} to {upper:+.1f}"
        line["epochs"] = tables.spread(rows.trained_epochs)
        line["minutes"] = tables.spread(rows.minutes)
        lines.append(line)
    return pd.DataFrame(lines)


if __name__ == "__main__":
    run_script(main, Settings)

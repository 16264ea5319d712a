"""runs/<config>/*/, datasets/<config>/config.json → output/results/robustness_<config>.csv: spectra
with artefacts."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
import spectra_from_config
import train
from synthetic_spectra.analysis import results, tables, trained
from synthetic_spectra.analysis.strengths import ARTEFACTS, NONE
from synthetic_spectra.common.cli import Count, Folder, RunSeed, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import plan, run_folder
from synthetic_spectra.training.run import Identity


@dataclass(frozen=True)
class Settings:
    """Test the finished runs of a dataset on spectra with artefacts, and train networks on such
    spectra."""

    config: str = "challenge"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    artefacts: tuple[str, ...] = tuple(ARTEFACTS)
    """Artefacts, names in synthetic_spectra.analysis.strengths.ARTEFACTS."""

    # networks that are trained on spectra with artefacts
    models: tuple[str, ...] = ()
    """Networks to train with each artefact at each strength, names in model_implementations.MODELS.
    Finished ones are skipped, and are tested whether they are named here or not."""
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Momentum of the moving averages of the weights, as of train.py, in [0, 1)."""
    hidden_activations: Annotated[tuple[str, ...], Field(min_length=1)] = ("published",)
    """Activation functions of the hidden layers, as of train.py."""
    epochs: Count = 500
    """Largest number of epochs, ≥ 1."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Precision of the arithmetic."""
    seeds: Annotated[tuple[RunSeed, ...], Field(min_length=1)] = (0,)
    """Random seeds of the training, each ≥ 0, a run for each."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset; those with artefacts go into its folder
    robustness/."""
    runs_dir: Folder = Path("runs")
    """Folder that holds a folder per config; runs with artefacts go into its folder robustness/."""
    results_dir: Folder = results.MADE
    """Folder for the table, a row per run, artefact and strength."""

    keep: bool = False
    """Rows of the table about networks that have no run here stay, as of those that were trained on
    another machine."""


def main(settings):
    for artefact in settings.artefacts:
        if artefact not in ARTEFACTS:
            raise InputError(f"artefact {artefact!r}: unknown; known: {', '.join(ARTEFACTS)}")
    if settings.models:
        plan.identities(training(settings))
    data = dataset.load(settings.datasets_dir, config.find(settings.config))
    data.definitions.need_peaks()

    # the networks that were trained without artefacts see the spectra as they are
    finished, problems = trained.choose(settings.runs_dir, data)
    networks = trained.load_all(trained.with_network(finished), problems)
    notice(f"trained without artefacts: {len(networks)} runs")
    rows = [tested(*network, data, NONE, 0.0, "without") for network in networks]

    # then they see each artefact, beside the networks that were trained with it
    for artefact in settings.artefacts:
        for strength in ARTEFACTS[artefact].strengths:
            notice(f"== {artefact}={strength:g}")
            try:
                # stdout is for the table of this script
                with redirect_stdout(sys.stderr):
                    disturbed = rendered(settings, data, artefact, strength)
                    networks_with = trained_with(settings, disturbed, problems)
            except InputError as error:
                problems.append(f"{artefact}={strength:g}: {error}")
                continue
            for how, tried in (("without", networks), ("with", networks_with)):
                rows += [tested(*network, disturbed, artefact, strength, how) for network in tried]

    if rows:
        with results.alone_in(settings.results_dir):
            written = write_table(settings, data.name, pd.DataFrame(rows))
        print(tables.write(accuracies(written.robustness), "markdown"))
    if problems:
        raise InputError("; ".join(problems))


def rendered(settings, data, artefact, strength):
    """The dataset with an artefact, rendered if it is not there yet.

    All its other settings are those with which ``data`` was rendered, whatever its config file says
    by now. Spectra with the artefact that are there from earlier settings are replaced.
    """
    changes = ARTEFACTS[artefact].strengths[strength]
    definitions = data.definitions.changed(dtype="float32", **changes)
    folder = settings.datasets_dir / "robustness" / f"{artefact}={strength:g}"
    path = folder / f"{data.name}.json"
    config.save(path, definitions)
    spectra_from_config.main(
        spectra_from_config.Settings(
            config=str(path), datasets_dir=folder, replace=True, **dict(definitions.rendering)
        )
    )
    return dataset.load(folder, data.name)


def training(settings):
    """The settings of train.py that are the same for all artefacts."""
    return train.Settings(
        models=settings.models,
        hidden_activations=settings.hidden_activations,
        ema_momentum=settings.ema_momentum,
        epochs=settings.epochs,
        precision=settings.precision,
        seeds=settings.seeds,
        wandb="disabled",
    )


def trained_with(settings, disturbed, problems):
    """The runs and networks that were trained on a dataset with an artefact, after training those
    of ``settings.models``.

    Args:
        settings: of this script.
        disturbed: the ``Dataset``.
        problems: takes a sentence for each run that cannot be trained or loaded.
    """
    runs_dir = settings.runs_dir / "robustness" / disturbed.folder.parent.name
    if settings.models:
        try:
            train.main(
                replace(
                    training(settings),
                    config=str(disturbed.folder.with_suffix(".json")),
                    datasets_dir=disturbed.folder.parent,
                    runs_dir=runs_dir,
                )
            )
        except InputError as error:
            problems.append(str(error))
    if not any(map(trained.predicts, run_folder.found(runs_dir, disturbed.name, []))):
        return []
    try:
        runs, left_out = trained.choose(runs_dir, disturbed)
    except InputError as error:
        problems.append(str(error))
        return []
    problems += left_out
    return trained.load_all(runs, problems)


def tested(run, network, data, artefact, strength, how):
    """The row of a run on the test spectra of a dataset.

    Args:
        run, network: the run, and its Keras model.
        data: the ``Dataset``.
        artefact, strength: of its spectra.
        how: the network was trained "with" this artefact, or "without" any.
    """
    from synthetic_spectra.training.batches import predictions  # starts Keras

    labels = data.y["test"]
    predicted = predictions(network, data, ("test",))["test"]
    return {
        **run.identity.columns(),
        "artefact": artefact,
        "strength": strength,
        "trained": how,
        "seed": run.identity.seed,
        "test_misclassified": int((predicted != labels).sum()),
        "test_spectra": len(labels),
        **trained.origin(run),
        "dataset_checksum": data.checksum,
    }


def write_table(settings, name, table):
    """Write the rows of all runs, with the earlier ones of other networks if they are to be kept.

    Returns:
        the ``Results``.
    """
    earlier = results.Results(settings.results_dir, name)
    if settings.keep and earlier.robustness is not None:
        table = pd.concat([results.kept(earlier, "robustness", table), table])
    table = table.sort_values(list(Identity.COLUMNS), kind="stable")
    return results.write(settings.results_dir, name, {"robustness": table})


def accuracies(table):
    """Mean accuracy in %: a line for each network and way of training, a column for the greatest
    strength of each artefact.

    Args:
        table: of robustness, as ``results.read`` gives it.
    """
    greatest = {name: list(artefact.strengths)[-1] for name, artefact in ARTEFACTS.items()}
    shown = table[table.strength == table.artefact.map(greatest | {NONE: 0.0})]
    columns = {
        (artefact, strength): NONE if artefact == NONE else f"{artefact} {strength:g}"
        for artefact, strength in zip(shown.artefact, shown.strength, strict=True)
    }
    shown = shown.assign(
        network=[Identity.from_columns(row).label for row in shown.to_dict("records")],
        column=[columns[key] for key in zip(shown.artefact, shown.strength, strict=True)],
        accuracy=100 * (1 - shown.test_misclassified / shown.test_spectra),
    )
    wide = shown.pivot_table("accuracy", ["network", "trained"], ["column"], sort=False).round(1)
    return wide.reset_index().rename_axis(columns=None)


if __name__ == "__main__":
    run_script(main, Settings)

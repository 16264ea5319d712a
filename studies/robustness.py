"""runs/<config>, spectra with artefacts → results/robustness_<config>.csv: where networks stop
working."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
import spectra_from_config
import train
from synthetic_spectra.analysis import tables, trained
from synthetic_spectra.common import backend
from synthetic_spectra.common.cli import Count, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.spectra.artefacts import ARTEFACTS, NONE
from synthetic_spectra.training import run_folder


@dataclass(frozen=True)
class Settings:
    """Test the finished runs of a dataset on spectra with artefacts, and train networks on such
    spectra."""

    config: str = "challenge"
    """Name of a file in dataset_configs/, or a path to a .json; without artefacts it must have been
    rendered."""
    artefacts: tuple[str, ...] = tuple(ARTEFACTS)
    """Which of synthetic_spectra.artefacts.ARTEFACTS."""
    models: tuple[str, ...] = ()
    """Networks to train with each artefact at each strength, names in model_implementations.MODELS;
    finished ones are skipped, and are tested whether they are named here or not."""
    ema_momentum: float = 0.0
    """As in train.py."""
    hidden_activations: Annotated[tuple[str, ...], Field(min_length=1)] = ("published",)
    """As in train.py."""
    epochs: Count = 500
    """As in train.py."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """As in train.py."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    """Of the training."""
    datasets_dir: Path = Path("datasets")
    """Folder of the dataset; those with artefacts are rendered into its folder robustness/."""
    runs_dir: Path = Path("runs")
    """Folder of the runs; those that are trained with artefacts go into its folder robustness/."""
    results_dir: Path = Path("results")
    """Folder of the table, a row per run, artefact and strength."""
    keep: bool = False
    """Keep the rows of the table of models that have no run here, as those that were trained on
    another machine."""


def main(settings):
    for artefact in settings.artefacts:
        if artefact not in ARTEFACTS:
            raise InputError(f"artefact {artefact!r}: unknown; known: {', '.join(ARTEFACTS)}")
    path = config.find(settings.config)
    data = dataset.load(settings.datasets_dir, path.stem)
    finished, problems = trained.choose(settings.runs_dir, data)
    print("\n".join([f"trained without artefacts: {len(finished)} runs", *problems]))
    networks = [(run, trained.load(run)) for run in finished]
    rows = [tested(*network, data, NONE, 0.0, "without") for network in networks]
    for artefact in settings.artefacts:
        for strength, changes in ARTEFACTS[artefact][1].items():
            name = f"{artefact}={strength:g}"
            print(f"== {name}", flush=True)
            datasets_dir, runs_dir = (
                folder / "robustness" / name
                for folder in (settings.datasets_dir, settings.runs_dir)
            )
            spectra_from_config.main(
                spectra_from_config.Settings(
                    config=settings.config, datasets_dir=datasets_dir, dtype="float32", **changes
                )
            )
            if settings.models:
                train.main(
                    train.Settings(
                        config=settings.config,
                        models=settings.models,
                        hidden_activations=settings.hidden_activations,
                        ema_momentum=settings.ema_momentum,
                        epochs=settings.epochs,
                        precision=settings.precision,
                        seeds=settings.seeds,
                        datasets_dir=datasets_dir,
                        runs_dir=runs_dir,
                        wandb="disabled",
                    )
                )
            disturbed = dataset.load(datasets_dir, path.stem)
            rows += [
                tested(*network, disturbed, artefact, strength, "without") for network in networks
            ]
            if any(map(trained.predicts, run_folder.found(runs_dir, path.stem))):
                own, _ = trained.choose(runs_dir, disturbed)
                rows += [
                    tested(run, trained.load(run), disturbed, artefact, strength, "with")
                    for run in own
                ]
    table = pd.DataFrame(rows)
    output = settings.results_dir / f"robustness_{path.stem}.csv"
    if settings.keep and output.is_file():
        table = pd.concat([others(table, output), table])
    table = table.sort_values(tables.MODEL, kind="stable")
    write_text(output, table.to_csv(index=False))
    print(f"\n{tables.write(summary(table), 'markdown')}\nwrote {output}")


def others(table, path):
    """The rows of an earlier table of other models, or models trained in another way, than those of
    ``table``.

    Raises:
        InputError: if it is no such table.
    """
    columns = [*tables.MODEL, "trained"]
    try:
        earlier = pd.read_csv(path, dtype={"model_args": str}).fillna({"model_args": ""})
        kinds = earlier[columns].itertuples(index=False, name=None)
    except (ValueError, KeyError) as error:
        raise InputError(
            f"{path}: not a table of robustness.py: {error}; leave --keep out"
        ) from None
    here = set(table[columns].itertuples(index=False, name=None))
    return earlier[[kind not in here for kind in kinds]]


def tested(run, model, data, artefact, strength, how):
    """The row of a run on the test spectra of a dataset.

    Args:
        run, model: the run, and its network.
        data: the ``Dataset``.
        artefact, strength: of its spectra.
        how: the network was trained "with" these artefacts, or "without" any.
    """
    which = dict(zip(tables.MODEL, trained.kind(run), strict=True))
    wrong = int((backend.predicted_labels(model, data, ("test",))["test"] != data.y["test"]).sum())
    what = {
        "artefact": artefact,
        "strength": strength,
        "trained": how,
        "seed": run.settings["seed"],
    }
    counted = {"test_misclassified": wrong, "test_spectra": len(data.y["test"])}
    return which | what | counted | trained.origin(run) | {"dataset_checksum": data.checksum}


def summary(table):
    """Accuracy in %, a line for each kind of network and training, a column for the strongest of
    each artefact.

    Args:
        table: rows as ``tested`` gives them.
    """
    strongest = {
        artefact: list(strengths)[-1] for artefact, (_, strengths) in ARTEFACTS.items()
    } | {NONE: 0.0}
    shown = table[table.strength == table.artefact.map(strongest)]
    shown = shown.assign(
        network=[tables.label(names) for names in shown[tables.MODEL].itertuples(index=False)],
        column=[
            NONE if row.artefact == NONE else f"{row.artefact} {row.strength:g}"
            for row in shown.itertuples()
        ],
        accuracy=100 * (1 - shown.test_misclassified / shown.test_spectra),
    )
    wide = shown.pivot_table("accuracy", ["network", "trained"], ["column"], sort=False).round(1)
    return wide.reset_index().rename_axis(columns=None)


if __name__ == "__main__":
    run_script(main, Settings)

"""runs/<config>/*/, effects of a config → output/results/effects_<name>.csv: networks that learned
space groups with experimental effects and without, on real crystals with each effect."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # to find the project
from synthetic_spectra.analysis import results, tables, trained
from synthetic_spectra.analysis.strengths import effects_of
from synthetic_spectra.common.cli import Count, Folder, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, sources
from synthetic_spectra.training.outcome import TOP, classified, top


@dataclass(frozen=True)
class Settings:
    """Test networks of space groups on real crystals, without experimental effects, with each, and
    with all of a config."""

    config: str = "space_groups_30_measured"
    """Dataset whose effects are tried: a name in dataset_configs/ or a path to a .json."""
    trained_on: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "space_groups_30", "space_groups_30_measured",
    )  # fmt: skip
    """Names of the configs whose finished runs are tested."""
    test_crystals: Count | None = None
    """Number of real crystals, ≥ 1, drawn at random from all; by default as the config says."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Folder = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""
    results_dir: Folder = results.MADE
    """Folder for the table, a row per run and effect."""


def main(settings):
    path = config.find(settings.config)
    definitions = config.load(path).resolved()
    if settings.test_crystals:
        content = definitions.content() | {"n_test": settings.test_crystals}
        definitions = config.parse(content, "settings")
    try:
        definitions.need_space_groups()
        effects = effects_of(definitions)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None

    # the networks, of which one that cannot be read keeps no other from being tested
    networks, problems = [], []
    for name in settings.trained_on:
        try:
            runs, unreadable = trained.finished(settings.runs_dir, name)
        except InputError as error:
            problems.append(str(error))
            continue
        problems += unreadable
        for run in trained.with_network(filter(trained.predicts, runs)):
            try:
                network = trained.classifier(run, definitions, settings.datasets_dir)
                networks.append((name, run, network))
            except InputError as error:
                problems.append(str(error))

    # the same crystals with each effect
    rows = []
    for effect, values in effects.items() if networks else ():
        notice(f"== {effect}: {len(networks)} networks")
        source = sources.source_of(definitions.changed(**values))
        _, spectra, labels = zip(*source.draw(("test",)), strict=True)
        spectra, labels = np.concatenate(spectra), np.concatenate(labels)
        for name, run, network in networks:
            ranks = top(classified(network(spectra), labels, "test"))
            rows.append(
                {
                    "trained_on": name,
                    **run.identity.columns(),
                    "seed": run.identity.seed,
                    "effect": effect,
                    "test_spectra": len(labels),
                    **ranks,
                    **trained.origin(run),
                }
            )

    if rows:
        with results.alone_in(settings.results_dir):
            written = results.write(
                settings.results_dir, path.stem, {"effects": pd.DataFrame(rows)}
            )
        print(tables.write(accuracies(written.effects), "markdown"))
    if problems:
        raise InputError("; ".join(problems))


def accuracies(table):
    """A line per effect: the mean top-1 and top-5 accuracy, in %, of the runs of each config.

    Args:
        table: ``effects`` of ``results.Results``.
    """
    shares = pd.DataFrame(
        {
            "effect": table.effect,
            "trained_on": table.trained_on,
            **{f"top {k}": 100 * table[TOP[k]] / table.test_spectra for k in (1, 5)},
        }
    )
    means = shares.groupby(["effect", "trained_on"], sort=False).mean().unstack()
    means.columns = [f"{name}, {share}" for share, name in means.columns]
    return means.loc[table.effect.unique()].round(1).reset_index()


if __name__ == "__main__":
    run_script(main, Settings)

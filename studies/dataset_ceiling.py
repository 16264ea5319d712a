"""datasets/<config>/config.json → output/results/ceiling_<config>.csv: the Bayes-optimal classifier
of each test spectrum."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.analysis import results, tables
from synthetic_spectra.analysis.ceiling import ceiling
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.spectra import config, dataset


@dataclass(frozen=True)
class Settings:
    """State how well any classifier trained on a dataset can do on its test spectra."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset."""
    results_dir: Folder = results.MADE
    """Folder for the table, a row per test spectrum."""


def main(settings):
    path = config.find(settings.config)
    name, definitions = path.stem, dataset.resolved(settings.datasets_dir, path)
    table = ceiling(definitions)
    results.write(settings.results_dir, name, {"ceiling": table})
    print(tables.verdicts(table))
    if artefacts := definitions.artefacts():
        print(f"the peaks allow this; {', '.join(artefacts)} can only take from it")


if __name__ == "__main__":
    run_script(main, Settings)

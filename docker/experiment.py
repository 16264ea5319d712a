"""datasets/<config>/*.npy → runs/, results/ and figures/ in the working folder: train.py,
evaluate.py, figure."""

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
import evaluate
import train
from figures import plot_results
from synthetic_spectra.common.cli import run_script


@dataclass(frozen=True)
class Settings(train.Settings):
    """Train architectures on a dataset, then evaluate and draw all its runs. Finished runs are
    skipped."""

    datasets_dir: Path = ROOT / "datasets"
    """Folder that holds a folder per dataset."""
    results_dir: Path = Path("results")
    """Folder for the table, one row per run."""
    output: Path = Path("figures/plot_results.png")
    """File for the figure."""


def main(settings):
    train.main(settings)
    for script in (evaluate, plot_results):
        shared = {
            name: value for name, value in vars(settings).items() if name in vars(script.Settings())
        }
        script.main(script.Settings(**shared))


if __name__ == "__main__":
    run_script(main, Settings)

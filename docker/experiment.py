"""datasets/<config>/*.npy → runs/, results/ and figures/ in the working folder."""

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
import evaluate
import train
from figures import plot_results
from synthetic_spectra.common.cli import Folder, run_script
from synthetic_spectra.common.errors import InputError


@dataclass(frozen=True)
class Settings(train.Settings):
    """Train models on a dataset, then evaluate and draw all its runs. Finished runs are skipped."""

    datasets_dir: Folder = ROOT / "datasets"
    """Folder that holds a folder per dataset."""
    results_dir: Folder = Path("results")
    """Folder of the tables."""
    output: Path = Path("figures/plot_results.png")
    """File of the figure."""


def main(settings):
    problem = None
    try:
        train.main(settings)
    except InputError as error:
        # what could be trained is still worth its row
        problem = error

    try:
        for script in (evaluate, plot_results):
            names = vars(script.Settings())
            shared = {name: value for name, value in vars(settings).items() if name in names}
            script.main(script.Settings(**shared))
    except InputError as error:
        raise (problem or error) from None
    if problem:
        raise problem


if __name__ == "__main__":
    run_script(main, Settings)

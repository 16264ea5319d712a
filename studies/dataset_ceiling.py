"""datasets/<config>/config.json → results/ceiling_<config>.csv: what a perfect learner makes of
each test spectrum."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # to find the project when run by its path
from synthetic_spectra.analysis.ceiling import ceiling
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.files import write_text
from synthetic_spectra.spectra import config, dataset


@dataclass(frozen=True)
class Settings:
    """State how well any learner of a dataset's training distribution can do on its test spectra."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    results_dir: Path = Path("results")
    """Folder for the table, one row per test spectrum."""


def main(settings):
    name = config.find(settings.config).stem
    definitions = dataset.resolved(settings.datasets_dir, name)
    table = ceiling(definitions)
    output = settings.results_dir / f"ceiling_{name}.csv"
    write_text(output, table.to_csv(index=False, float_format="%.6g"))
    print(summary(table))
    if artefacts := definitions.rendering.artefacts():
        print(f"this is what the peaks allow; {', '.join(artefacts)} can only take from it")
    print(f"wrote {output}")


def summary(table):
    """The verdicts of a dataset in words."""
    counts = table.verdict.value_counts()
    n = len(table)
    lines = [
        f"{counts.get(verdict, 0)} of {n} test spectra {verdict}"
        for verdict in ("identifiable", "tied", "lost")
    ]
    if "impossible" in counts:
        lines.append(
            f"{counts['impossible']} of {n} test spectra are beyond what any class gives in training"
        )
    for column, how in (
        ("expected_random", "at random"),
        ("expected_nearest", "towards the nearest class"),
    ):
        right = table[column].sum()
        lines.append(
            f"a perfect learner, ties broken {how}: {right:.1f} right, {n - right:.1f} wrong, {100 * right / n:.2f} %"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main, Settings)

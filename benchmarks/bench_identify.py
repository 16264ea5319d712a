"""dataset_configs/<name>.json → files a second of identify.py, by the number of its classes."""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.common.cli import Count, run_script
from synthetic_spectra.common.machine import processor
from synthetic_spectra.measured.identification import Identifier
from synthetic_spectra.spectra import config, sources


@dataclass(frozen=True)
class Settings:
    """Time the answers to measured files, without a network and without figures."""

    config: str = "minerals"
    """Name of a file in dataset_configs/ that has an axis and names, or a path to a .json."""
    sizes: Annotated[tuple[Count, ...], Field(min_length=1)] = (100, 1000, 10000)
    """Numbers of classes, ≥ 1; all of the config where it has fewer."""
    files: Count = 10
    """Number of files, ≥ 1."""


def main(settings):
    path = config.find(settings.config)
    start = time.perf_counter()
    definitions = config.load(path).resolved()
    print(f"{path.stem} on {processor()}, read in {time.perf_counter() - start:.1f} s")
    sizes = sorted({min(size, definitions.n_classes) for size in settings.sizes})

    # training spectra of the first classes, which every size holds
    few = first_classes(definitions, sizes[0]).changed(n_train=1)
    spectra, _ = sources.fresh(few, 0, 0)
    values = definitions.axis.value(np.arange(definitions.n_datapoints))
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i in range(settings.files):
            files.append(Path(folder) / f"{i}.xy")
            rows = np.column_stack([values, 1000 * spectra[i % len(spectra)]])
            np.savetxt(files[-1], rows, fmt="%.3f")
        for size in sizes:
            seconds = []
            identifier = Identifier(first_classes(definitions, size))
            for file in files:
                start = time.perf_counter()
                identifier.answer(file)
                seconds.append(time.perf_counter() - start)
            print(
                f"{size:5} classes: first file {seconds[0]:.2f} s, then {median(seconds):.2f} s "
                f"a file, {len(files) / sum(seconds):.2f} files a second all in all"
            )


def first_classes(definitions, number):
    """A config of its first classes."""
    content = definitions.content()
    spectra = dict(list(content["spectra"].items())[:number])
    return config.parse({**content, "classes": len(spectra), "spectra": spectra}, "benchmark")


if __name__ == "__main__":
    run_script(main, Settings)

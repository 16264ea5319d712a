"""crystal_statistics/<name>.npz → output/results/crystals_<name>.csv: how real random ones are."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import gemmi
import numpy as np
import pandas as pd
from pydantic import Field
from rich.console import Console
from rich.progress import track
from scipy.stats import ks_2samp

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.analysis import results
from synthetic_spectra.common.cli import Count, Folder, Seed, run_script
from synthetic_spectra.crystals import statistics
from synthetic_spectra.crystals.generator import Generator, Limits

# ways of drawing → fields of ``Limits``
WAYS = {
    "as drawn": {},
    "last element on one site": {"compat_last_element": True},
    "best of 5 places": {"places": 5},
    "best of 10 occupations": {"occupations": 10},
}
PRECISION = 1e-6  # Å, of spglib: coordinates of random crystals are exact


@dataclass(frozen=True)
class Settings:
    """Compare random crystals with the real ones that they are drawn after."""

    statistics: str = "all"
    """Name in crystal_statistics/, or path of an .npz file."""
    crystals: Count = 50_000
    """Random crystals whose sizes are compared, ≥ 1."""
    checked: Annotated[int, Field(ge=0)] = 1500
    """Random crystals whose space group spglib has to find, ≥ 0."""
    least_structures: Count = Limits.least_structures
    """Least structures of a space group, ≥ 1."""
    seed: Seed = 0
    """Random seed of the crystals, ≥ 0."""
    results_dir: Folder = results.MADE
    """Folder for the table, a row for each descriptor and way of drawing."""


def main(settings):
    path = statistics.find(settings.statistics)
    found = statistics.load(path)
    rows = []
    for way, changes in WAYS.items():
        generator = Generator(found, Limits(settings.least_structures, **changes))
        generator.draw(settings.seed, 0, [0])  # compiles
        start = time.process_time()
        crystals = generator.draw(settings.seed, 0, range(settings.crystals))
        seconds = time.process_time() - start
        print(f"{way}: {settings.crystals / seconds:.0f} crystals a second of one core")
        real = descriptors_of_real(found, generator.groups)
        for name, values in descriptors(crystals).items():
            rows.append(
                {
                    "way": way,
                    "descriptor": name,
                    "distance": ks_2samp(values, real[name]).statistic,
                    "random_median": np.median(values),
                    "real_median": np.median(real[name]),
                    "random_mean": values.mean(),
                    "real_mean": real[name].mean(),
                    "random_crystals": len(values),
                    "real_crystals": len(real[name]),
                }
            )

        # another epoch than that of the sizes
        checked = generator.draw(settings.seed, 1, range(settings.checked))
        wrong = sum(
            group_of(checked.crystal(i)) != checked.groups[i]
            for i in track(range(settings.checked), "space groups", console=Console(stderr=True))
        )
        print(f"{way}: {wrong} of {settings.checked} space groups differ")
    table = pd.DataFrame(rows)
    results.write(settings.results_dir, path.stem, {"crystals": table})
    print(table.to_string(index=False, float_format="%.4g"))


def descriptors(crystals):
    """Sizes of ``Crystals``, and their smallest distance over the sum of both radii: name →
    (n,)."""
    return {
        "smallest_distance": crystals.smallest_distances(statistics.atom_radii()),
        "volume": crystals.volumes,
        "sites": crystals.site_numbers,
        "atoms": crystals.atom_numbers,
        "denseness": crystals.volumes / crystals.totals(statistics.atom_volumes()),
    }


def descriptors_of_real(found, groups):
    """The same of the structures of some space groups in ``Statistics``; distances are those of the
    structures for tests, as no coordinates of the others are kept."""
    chosen = np.isin(found.groups, groups)
    tests = found.tests.chosen(np.flatnonzero(np.isin(found.tests.groups, groups)))
    return {
        "smallest_distance": tests.smallest_distances(statistics.atom_radii()),
        "volume": found.volumes[chosen],
        "sites": found.site_numbers[chosen],
        "atoms": found.atom_numbers[chosen],
        "denseness": found.densenesses[chosen],
    }


def group_of(crystal):
    """The number of the space group that spglib finds for a ``diffraction.Crystal``; 0 for none."""
    import spglib

    lattice = np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist()).T
    numbers = [gemmi.Element(symbol).atomic_number for symbol in crystal.elements]
    found = spglib.get_symmetry_dataset((lattice, crystal.positions, numbers), symprec=PRECISION)
    return found.number if found else 0


if __name__ == "__main__":
    run_script(main, Settings)

"""Crystals → benchmarks/diffraction.csv: diffractograms a second on one core, by compiled code, by
plain NumPy, and pymatgen's peaks."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # to find the project when run by its path
from benchmarks import pymatgen_lines
from benchmarks.example_crystals import TIMED
from synthetic_spectra.common.cli import Count, Positive, run_script
from synthetic_spectra.common.files import write_text
from synthetic_spectra.common.machine import processor
from synthetic_spectra.crystals import compiled, patterns, structure
from synthetic_spectra.crystals.generator import Generator
from synthetic_spectra.crystals.statistics import load

AT_ONCE = 256  # diffractograms in one call, as in rendering
GENERATED = "generated"
# diffractograms a second on a core for the first and the last of four structures, as quoted in
# Schopmans, Reiser, Friederich, Digital Discovery 2, 1414 (2023); the two between are not quoted
PUBLISHED = {"NaCl": 186.0, "160 in P21/c": 3.0}


@dataclass(frozen=True)
class Settings:
    """Time the diffractograms of four crystals, and of random ones, on one core."""

    statistics: str = "all"
    """Name of the statistics of the random crystals in crystal_statistics/, or path."""
    seconds: Positive = 3.0
    """Seconds that each way is timed for, at least, > 0."""
    rounds: Count = 3
    """Number of rounds, ≥ 1; the ways take turns, and the median is written."""
    output: Path = ROOT / "benchmarks" / "diffraction.csv"
    """CSV file to write."""


def main(settings):
    generator = Generator(load(settings.statistics))
    random = generator.draw(0, 0, np.arange(AT_ONCE * 16))
    cases = {name: structure.joined([make()] * AT_ONCE) for name, make in TIMED.items()}
    cases[GENERATED] = random
    ways = {"compiled": by_compiled, "NumPy": by_numpy}
    try:
        import pymatgen.analysis.diffraction.xrd  # noqa: F401

        ways["pymatgen, peaks only"] = by_pymatgen
    except ModuleNotFoundError:
        print("pymatgen is not installed: its peaks are left out", file=sys.stderr)

    # compiled code is compiled before it is timed
    compiled.patterns(random.chosen([0]), [50.0], patterns.Grid())
    rates = {}
    for _ in range(settings.rounds):
        for name, crystals in cases.items():
            for way, rate in ways.items():
                rates.setdefault((name, way), []).append(rate(crystals, settings.seconds))
        rates.setdefault((GENERATED, "drawn and compiled"), []).append(
            with_drawing(generator, settings.seconds)
        )

    rows = [
        {"crystals": name, "way": way, "per_second": np.median(values), "origin": "measured"}
        for (name, way), values in rates.items()
    ]
    rows += [
        {"crystals": name, "way": "published", "per_second": value, "origin": "quoted"}
        for name, value in PUBLISHED.items()
    ]
    table = pd.DataFrame(rows).assign(rounds=settings.rounds, machine=processor())
    write_text(settings.output, table.to_csv(index=False, float_format="%.4g"))
    show(table)
    print(f"wrote {settings.output}")


def by_compiled(crystals, seconds):
    """Diffractograms a second; their memory is used again and again."""
    sizes, grid = sizes_of(crystals), patterns.Grid()
    memory = np.ones((AT_ONCE, grid.n_datapoints), "float32")
    parts = [
        crystals.chosen(np.arange(start, start + AT_ONCE))
        for start in range(0, len(crystals), AT_ONCE)
    ]

    def one(i):
        part = i % len(parts)
        some = sizes[part * AT_ONCE : (part + 1) * AT_ONCE]
        compiled.patterns(parts[part], some, grid, root=True, out=memory)

    return AT_ONCE * calls_a_second(one, seconds, whole=len(parts))


def by_numpy(crystals, seconds):
    sizes, grid = sizes_of(crystals), patterns.Grid()
    return calls_a_second(
        lambda i: patterns.pattern(
            *patterns.lines(crystals, i % len(crystals), grid), sizes[i % len(crystals)], grid
        ),
        seconds,
    )


def by_pymatgen(crystals, seconds):
    """Lists of peaks a second; the structures are made before."""
    calculator, chosen = pymatgen_lines.calculator(), range(min(len(crystals), AT_ONCE))
    structures = [pymatgen_lines.structure(crystals.chosen([i])) for i in chosen]
    return calls_a_second(
        lambda i: calculator.get_pattern(
            structures[i % len(structures)], two_theta_range=pymatgen_lines.RANGE
        ),
        seconds,
    )


def with_drawing(generator, seconds):
    """Diffractograms a second with drawing their crystals."""
    grid = patterns.Grid()
    memory, sizes = np.ones((AT_ONCE, grid.n_datapoints), "float32"), np.linspace(20, 100, AT_ONCE)

    def one(i):
        crystals = generator.draw(0, 0, np.arange(i * AT_ONCE, (i + 1) * AT_ONCE))
        compiled.patterns(crystals, sizes, grid, root=True, out=memory)

    return AT_ONCE * calls_a_second(one, seconds)


def sizes_of(crystals):
    return np.random.default_rng(0).uniform(20, 100, len(crystals))


def calls_a_second(action, seconds, whole=1):
    """Calls of ``action(i)`` a second of processor time, for i = 0, 1, …, a multiple of ``whole``
    of them."""
    began, n = time.process_time(), 0
    while (taken := time.process_time() - began) < seconds or n % whole:
        action(n)
        n += 1
    return n / taken


def show(table):
    """Print a line for each crystal, a column for each way, and the ratios that are aimed at."""
    rates = table.pivot(index="crystals", columns="way", values="per_second")
    print(rates.loc[list(dict.fromkeys(table.crystals))].map("{:,.0f}".format).to_string())
    generated = rates.loc[GENERATED]
    for way in ("compiled", "NumPy"):
        if "pymatgen, peaks only" in rates:
            ratio = generated[way] / generated["pymatgen, peaks only"]
            print(f"{way} / pymatgen's peaks of the generated crystals: {ratio:.0f}")
    for name, published in PUBLISHED.items():
        print(f"compiled / published, {name}: {rates.compiled[name] / published:.0f}")


if __name__ == "__main__":
    run_script(main, Settings)

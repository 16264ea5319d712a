"""Crystals → tests/pymatgen_lines.json: the lines that pymatgen calculates of them.

It needs pymatgen (``pip install pymatgen``), which this project does not install.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.example_crystals import crystal, halite, perovskite, random_crystal
from synthetic_spectra.common.cli import run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text

WAVELENGTH = 1.5406  # Å
RANGE = (5, 90)  # degrees 2θ


@dataclass(frozen=True)
class Settings:
    """Record the lines of pymatgen for the tests of the diffraction."""

    output: Path = ROOT / "tests" / "pymatgen_lines.json"
    """File to write."""


def main(settings):
    try:
        from pymatgen.analysis.diffraction.xrd import ATOMIC_SCATTERING_PARAMS
        from pymatgen.core import __version__
    except ModuleNotFoundError:
        raise InputError("pymatgen is not installed: pip install pymatgen") from None

    found, elements = {}, set()
    for name, one in known().items():
        pattern = calculator().get_pattern(structure(one), two_theta_range=RANGE)
        elements |= set(one.elements.tolist())
        found[name] = {"angles": pattern.x.tolist(), "intensities": pattern.y.tolist()}
    symbols = {number: gemmi.Element(number).name for number in sorted(elements)}
    factors = {number: ATOMIC_SCATTERING_PARAMS[symbol] for number, symbol in symbols.items()}
    content = {"pymatgen": __version__, "form_factors": factors, "lines": found}
    write_text(settings.output, json.dumps(content).replace('"lines"', '\n"lines"') + "\n")
    print(f"wrote {settings.output}: {len(found)} crystals, pymatgen {__version__}")


def known():
    """The crystals whose lines are recorded: name → ``Crystals`` with one crystal."""
    quartz = crystal(
        154,
        [4.9137, 4.9137, 5.4047, 90, 90, 120],
        [(14, "a", (0.4697, 0, 0)), (8, "c", (0.4135, 0.2669, 0.1191))],
    )
    calcite = crystal(
        167,
        [4.988, 4.988, 17.061, 90, 90, 120],
        [(20, "b", (0, 0, 0)), (6, "a", (0, 0, 0)), (8, "e", (0.2567, 0, 0))],
    )
    return {
        "halite": halite(),
        "perovskite": perovskite(),
        "quartz": quartz,
        "calcite": calcite,
        "anywhere in P-1": random_crystal(2, [14, 8, 8, 11]),
        "anywhere in C2/c": random_crystal(15, [26, 8]),
        "anywhere in I41": random_crystal(80, [56, 8]),
        "anywhere in P6/m": random_crystal(175, [29, 8]),
        "anywhere in Pa-3": random_crystal(205, [30]),
    }


def calculator():
    """pymatgen's calculator of lines."""
    from pymatgen.analysis.diffraction.xrd import XRDCalculator

    return XRDCalculator(wavelength=WAVELENGTH)


def structure(one):
    """The pymatgen structure of the first of some ``Crystals``."""
    from pymatgen.core import Lattice, Structure

    whole = one.crystal(0)
    cell = Lattice.from_parameters(*whole.cell)
    return Structure(cell, whole.elements, np.asarray(whole.positions))


if __name__ == "__main__":
    run_script(main, Settings)

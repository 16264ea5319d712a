"""Counts over real structures from which the generator draws: ``crystal_statistics/<name>.npz``.

Method: H. Schopmans, P. Reiser, P. Friederich, Digital Discovery 2, 1414 (2023), section 2. The
structures of some types are kept apart for tests, and nothing is counted over them.
"""

import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import gemmi
import numpy as np

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.common.files import written_whole
from synthetic_spectra.crystals import symmetry
from synthetic_spectra.crystals.structure import Crystals

ROOT = Path(__file__).resolve().parent.parent.parent  # folder of the project
FOLDER = Path("crystal_statistics")  # in the working folder, or in that of the project
N_ELEMENTS = 98  # up to californium: form factors of the others are not known


@dataclass(frozen=True)
class Statistics:
    """Counts over n structures, and the t structures of other types for tests.

    Args:
        groups: space groups of the n structures, (n,) int64.
        cells: lengths divided by the cube root of the volume, angles in degrees, (n, 6) float64.
        atomic_volumes: sum of the volumes of the atoms in the conventional cell in Å³, (n,).
        densenesses: volume of that cell, divided by ``atomic_volumes``, (n,) float64.
        site_numbers: sites of the asymmetric unit, (n,) int64.
        atom_numbers: atoms in the conventional cell, (n,) int64.
        element_numbers: structures by group and number of elements, (231, 1 + most elements).
        elements: structures with an element by group and atomic number, (231, 99) int64.
        repetitions: by group and number of sites of one element, (231, 1 + most sites) int64.
        positions: sites by index of the position in ``symmetry.positions()``, (1731,) int64.
        tests: the t structures of types that are counted nowhere here; a ``Crystals``.
        sources: an object for each source: name, what, licence, address, structures, counted, test.
        settings: the settings of ``statistics_from_structures.py`` that made the file.
    """

    groups: np.ndarray
    cells: np.ndarray
    atomic_volumes: np.ndarray
    densenesses: np.ndarray
    site_numbers: np.ndarray
    atom_numbers: np.ndarray
    element_numbers: np.ndarray
    elements: np.ndarray
    repetitions: np.ndarray
    positions: np.ndarray
    tests: Crystals
    sources: list
    settings: dict

    def frequencies(self):
        """Number of structures of each space group, (231,) int64."""
        return np.bincount(self.groups, minlength=symmetry.N_GROUPS + 1)

    @property
    def volumes(self):
        """Volumes of the conventional cells in Å³, (n,) float64."""
        return self.atomic_volumes * self.densenesses


def atom_radii():
    """Radius of an atom of each element in Å, (99,) float64 by atomic number.

    It is the mean of the covalent and the van der Waals radius, as gemmi lists them (B. Cordero et
    al., Dalton Trans. 2832 (2008); S. Alvarez, 8617 (2013)).
    """
    elements = [gemmi.Element(number) for number in range(N_ELEMENTS + 1)]
    return np.array([(one.covalent_r + one.vdw_r) / 2 for one in elements])


def atom_volumes():
    """Volume of an atom of each element in Å³, (99,) float64 by atomic number: 4/3 π r³ of
    ``atom_radii``."""
    return 4 / 3 * np.pi * atom_radii() ** 3


def counted(structures, tests, sources, settings):
    """The ``Statistics`` over a list of ``standard.Structure``.

    Args:
        structures: to be counted, at least one.
        tests: structures of other types, as ``Crystals``.
        sources, settings: as in ``Statistics``.
    """
    table, volumes = symmetry.positions(), atom_volumes()
    most_sites = max(len(one.elements) for one in structures)
    most_elements = max(len(set(one.elements)) for one in structures)
    rows = symmetry.N_GROUPS + 1
    element_numbers = np.zeros((rows, most_elements + 1), np.int64)
    elements = np.zeros((rows, N_ELEMENTS + 1), np.int64)
    repetitions = np.zeros((rows, most_sites + 1), np.int64)
    positions = np.zeros(len(table.letters), np.int64)
    for one in structures:
        kinds, numbers = np.unique(one.elements, return_counts=True)
        element_numbers[one.group, len(kinds)] += 1
        elements[one.group, kinds] += 1
        np.add.at(repetitions[one.group], numbers, 1)
        np.add.at(positions, one.positions, 1)

    cells = np.array([one.cell for one in structures])
    sizes = np.array([one.volume for one in structures])
    cells[:, :3] /= np.cbrt(sizes)[:, None]
    multiplicities = [table.multiplicities[one.positions] for one in structures]
    atomic_volumes = np.array(
        [
            atoms @ volumes[list(one.elements)]
            for atoms, one in zip(multiplicities, structures, strict=True)
        ]
    )
    return Statistics(
        groups=np.array([one.group for one in structures]),
        cells=cells,
        atomic_volumes=atomic_volumes,
        densenesses=sizes / atomic_volumes,
        site_numbers=np.array([len(one.elements) for one in structures]),
        atom_numbers=np.array([atoms.sum() for atoms in multiplicities]),
        element_numbers=element_numbers,
        elements=elements,
        repetitions=repetitions,
        positions=positions,
        tests=tests,
        sources=sources,
        settings=settings,
    )


def save(path, statistics):
    """Write statistics, whole or not at all; numbers with a decimal point have 7 digits."""
    arrays = {f"tests_{name}": array for name, array in vars(statistics.tests).items()}
    for field in fields(statistics):
        value = getattr(statistics, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
    arrays = {name: _compact(array) for name, array in arrays.items()}
    text = json.dumps({"sources": statistics.sources, "settings": statistics.settings})
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, about=np.array(text), **arrays)


def save_structures(path, crystals):
    """Write the structures that statistics were counted over, beside these; numbers with
    a decimal point have 7 digits."""
    with written_whole(structures_beside(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, **{name: _compact(array) for name, array in vars(crystals).items()}
        )


def load_structures(path):
    """The ``Crystals`` that ``save_structures`` wrote, by the path of their file.

    Raises:
        InputError: if there is no such file, or it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return Crystals(**{key: _wide(file[key]) for key in file.files})
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no structures: {first_line(error)}") from None


def structures_beside(path):
    """Path of the structures that statistics were counted over, from that of the statistics."""
    return path.with_name(f"{path.stem}_structures.npz")


def load(name):
    """Statistics by their name in crystal_statistics/, or by the path of an .npz file.

    A name is looked for in the working folder, then in this project.

    Raises:
        InputError: if there is no such file, or it is damaged.
    """
    path = find(name)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: _wide(file[key]) for key in file.files if key != "about"}
            about = json.loads(str(file["about"]))
        tests = {
            key.removeprefix("tests_"): arrays.pop(key)
            for key in list(arrays)
            if key.startswith("tests_")
        }
        return Statistics(tests=Crystals(**tests), **arrays, **about)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no statistics of crystals: {first_line(error)}") from None


def find(name):
    """Path of statistics, given by their name or by the path of an .npz file.

    Raises:
        InputError: if there is no such file.
    """
    path = Path(name)
    paths = (
        [path] if path.suffix == ".npz" else [FOLDER / f"{name}.npz", ROOT / FOLDER / f"{name}.npz"]
    )
    for one in paths:
        if one.is_file():
            return one
    folders = (FOLDER, ROOT / FOLDER)
    files = {file for folder in folders for file in folder.glob("*.npz")}
    known = sorted({one.stem for one in files - {structures_beside(one) for one in files}})
    raise InputError(
        f"statistics {str(name)!r}: no file {paths[0]}; there are: {', '.join(known) or 'none'}"
    )


def _compact(array):
    """The smallest type that keeps integers, and 7 digits of other numbers."""
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))


def _wide(array):
    return array.astype(float if array.dtype.kind == "f" else np.int64)

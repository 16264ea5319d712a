"""Structures in the standard setting of their space group: of CIFs by spglib, or ready in JSONL.

A file of standardised structures, ``<source>.jsonl.gz``, has one JSON object on a line, with the
keys id; sg (number of the space group); hall (spglib's Hall number, whose operations expand the
sites); lattice (a, b, c in Å, α, β, γ in degrees); sites: element, multiplicity, Wyckoff letter,
site symmetry, x, y, z. The element of a site that is mixed or partly filled is an object.
"""

import gzip
import json
from dataclasses import dataclass
from functools import cache, cached_property

import gemmi
import numpy as np

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.crystals import cif, symmetry, wyckoff
from synthetic_spectra.crystals.structure import Crystals

# Å: atoms that lie nearer to the place that symmetry gives them are on it
PRECISION = 0.01
SAME_PLACE = 1e-3  # of the cell
FULL = 0.02  # an occupancy that differs less from 1 is full


@dataclass(frozen=True)
class Structure:
    """A crystal structure without mixed or partly filled sites.

    Args:
        group: number of the space group.
        hall: spglib's Hall number, for its operations.
        cell: a, b, c in Å, then α, β, γ in degrees.
        elements: atomic number of each of the n sites.
        letters: Wyckoff letter of each site, n strings.
        coordinates: of one atom of each site, (n, 3).
    """

    group: int
    hall: int
    cell: tuple
    elements: tuple
    letters: tuple
    coordinates: tuple

    @cached_property
    def positions(self):
        """Indices of the Wyckoff positions in ``symmetry.positions()``, (n,) int64."""
        table = symmetry.positions()
        return np.array([table.index(self.group, letter) for letter in self.letters])

    @property
    def volume(self):
        """Volume of the conventional cell in Å³."""
        return gemmi.UnitCell(*self.cell).volume

    @property
    def kind(self):
        """What structures of one type have in common, as ``wyckoff.kind`` says."""
        return wyckoff.kind(self.group, self.elements, self.positions)

    def crystals(self):
        """This one structure as ``Crystals``.

        Raises:
            ValueError: if the operations do not give as many atoms as the letters say.
        """
        rotations, translations = _operations(self.hall)
        vectors, table = symmetry.centring_vectors(self.group), symmetry.positions()
        atoms = []
        for place, index in zip(self.coordinates, self.positions, strict=True):
            images = (rotations @ np.array(place) + translations) % 1
            # images that a lattice vector joins, or that lie on a symmetry element, are one
            between = images[:, None, None] - images[:, None] - vectors
            between -= np.rint(between)
            same = (np.abs(between) < SAME_PLACE).all(axis=-1).any(axis=-1)
            images = images[np.argmax(same, axis=1) == np.arange(len(images))]
            if len(images) * len(vectors) != table.multiplicities[index]:
                raise ValueError(f"a site has {len(images)} atoms for each lattice point")
            atoms.append(images)
        numbers = [len(images) for images in atoms]
        return Crystals(
            groups=np.array([self.group]),
            cells=np.array([self.cell]),
            starts=np.array([0, sum(numbers)]),
            elements=np.repeat(self.elements, numbers),
            positions=np.concatenate(atoms),
            sites=np.repeat(np.arange(len(numbers)), numbers),
        )


def read_jsonl(path):
    """Structures of a file of standardised structures, one by one; None for each that has mixed or
    partly filled sites, or an element without a form factor.

    Raises:
        InputError: names the file and the first line that is wrong.
    """
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                yield _from_json(json.loads(line))
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        raise InputError(
            f"{path}, line {number}: {what}, expected gzip JSONL of structures"
        ) from None


def _from_json(row):
    symbols = [site[0] for site in row["sites"]]
    if not all(isinstance(symbol, str) and gemmi.Element(symbol).it92 for symbol in symbols):
        return None
    structure = Structure(
        group=int(row["sg"]),
        hall=int(row["hall"]),
        cell=tuple(float(value) for value in row["lattice"]),
        elements=tuple(gemmi.Element(symbol).atomic_number for symbol in symbols),
        letters=tuple(site[2] for site in row["sites"]),
        coordinates=tuple(tuple(map(float, site[4:7])) for site in row["sites"]),
    )
    if not structure.volume > 0 or not len(structure.positions):
        raise ValueError("a cell with atoms expected")
    return structure


def read_cif(path):
    """Structures of a CIF, as ``read_jsonl`` gives them.

    Raises:
        InputError: if the file is no CIF with atoms.
    """
    for crystal in cif.read(path):
        yield _standardised(crystal)


def _standardised(crystal):
    """The ``Structure`` of a ``diffraction.Crystal``; None if it has mixed or partly filled sites,
    or spglib finds no symmetry."""
    import spglib

    if (np.abs(crystal.occupancies - 1) > FULL).any():
        return None
    lattice = np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist()).T
    numbers = [gemmi.Element(symbol).atomic_number for symbol in crystal.elements]
    found = spglib.get_symmetry_dataset((lattice, crystal.positions, numbers), symprec=PRECISION)
    if found is None:
        return None

    # an atom of the standard cell has the letter of the atom that it stems from
    letter_of = dict(zip(found.mapping_to_primitive.tolist(), found.wyckoffs, strict=True))
    orbit_of = dict(
        zip(found.mapping_to_primitive.tolist(), found.crystallographic_orbits, strict=True)
    )
    primitive = found.std_mapping_to_primitive.tolist()
    orbits = [orbit_of[atom] for atom in primitive]
    sites = np.unique(orbits, return_index=True)[1]
    lengths = np.linalg.norm(found.std_lattice, axis=1)
    units = found.std_lattice / lengths[:, None]
    angles = [np.degrees(np.arccos(units[i] @ units[j])) for i, j in ((1, 2), (0, 2), (0, 1))]
    return Structure(
        group=int(found.number),
        hall=int(found.hall_number),
        cell=(*lengths.tolist(), *np.round(angles, 9).tolist()),
        elements=tuple(int(found.std_types[site]) for site in sites),
        letters=tuple(letter_of[primitive[site]] for site in sites),
        coordinates=tuple(tuple(found.std_positions[site].tolist()) for site in sites),
    )


@cache
def _operations(hall):
    import spglib

    found = spglib.get_symmetry_from_database(hall)
    if found is None:
        raise ValueError(f"hall is {hall}, expected 1 to 530")
    return found["rotations"], found["translations"]

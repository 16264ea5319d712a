"""CIFs and lists of sites → crystals: symmetry, labels of atoms, and whether the formula agrees."""

import re
from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.crystals.diffraction import Crystal

SAME_PLACE = 0.1  # Å: images of a site that lie nearer are one atom, on a symmetry element
MAX_ATOMS = 2**13  # of a cell
FULL = 1.05  # atoms at one place, at most; a little over 1, as occupancies are measured
OTHER_ATOMS = 0.15  # share of the electrons by which the cell may differ from the formula
NAMES = ("_chemical_name_mineral", "_chemical_name_common", "_chemical_name_systematic")
FORMULAS = ("_chemical_formula_structural", "_chemical_formula_sum")
ENTRIES = {"_cod_database_code": "COD", "_database_code_amcsd": "AMCSD", "_amcsd_database_code": ""}
OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")


def read(path):
    """Read the crystal structures of a CIF: one of each block that holds atoms.

    Hydrogen without a position is left out. "Wat" and "OH", as the American Mineralogist database
    writes water and hydroxide, are oxygen alone.

    Returns:
        a list of ``Crystal``.

    Raises:
        InputError: names the file, and the first thing that is missing or wrong.
    """
    try:
        blocks = gemmi.cif.read_string(Path(path).read_bytes())
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: no CIF: {first_line(error)}") from None
    with_atoms = [block for block in blocks if block.find_values("_atom_site_fract_x")]
    if not with_atoms:
        raise InputError(f"{path}: no atoms, expected a loop with _atom_site_fract_x")
    try:
        return [_crystal(block) for block in with_atoms]
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def crystal_from_sites(cell, operations, sites, name="", formula="", entry=""):
    """Fill the cell: apply every symmetry operation to every site.

    Args:
        cell: a, b, c in Å, then α, β, γ in degrees.
        operations: symmetry operations such as "-x,y+1/2,-z", the identity among them.
        sites: of the asymmetric unit: label or chemical symbol, three fractional coordinates,
            occupancy.
        name, formula, entry: as in ``Crystal``; the formula may be unknown.

    Raises:
        ValueError: names the first value that is missing or impossible.
    """
    if not np.isfinite(cell).all() or min(cell) <= 0 or gemmi.UnitCell(*cell).volume < 1:
        raise ValueError(f"the cell lengths and angles are {tuple(cell)}, expected a cell")
    try:
        parsed = [gemmi.Op(operation) for operation in operations]
    except RuntimeError as error:
        raise ValueError(f"a symmetry operation: {first_line(error)}") from None
    rotations = np.array([operation.rot for operation in parsed]) / gemmi.Op.DEN
    translations = np.array([operation.tran for operation in parsed]) / gemmi.Op.DEN
    contained = set(re.findall("[A-Z][a-z]?", formula))

    atoms = []
    for label, fractional, occupancy in sites:
        element = _element(label, contained)
        if not np.isfinite(fractional).all():
            if element == "H":
                continue
            raise ValueError(f"the position of {label} is no number")
        if not 0 <= occupancy <= FULL:
            raise ValueError(f"the occupancy of {label} is {occupancy:g}, expected 0 to 1")
        images = (rotations @ np.array(fractional) + translations) % 1
        # some files list the whole cell, and the symmetry as well
        alike = [
            places
            for other, share, places in atoms
            if element == other and occupancy + share > FULL
        ]
        if alike and _near(images[:1], np.concatenate(alike), cell).any():
            continue
        # on a symmetry element several operations give one atom
        first_at_place = np.argmax(_near(images, images, cell), axis=1) == np.arange(len(images))
        atoms.append((element, occupancy, images[first_at_place]))
    numbers = [len(places) for *_, places in atoms]
    if not 0 < sum(numbers) <= MAX_ATOMS:
        raise ValueError(f"{sum(numbers)} atoms in the cell, expected 1 to {MAX_ATOMS}")
    crystal = Crystal(
        name=name,
        formula=formula,
        entry=entry,
        cell=tuple(cell),
        positions=np.concatenate([places for *_, places in atoms]),
        elements=tuple(np.repeat([element for element, *_ in atoms], numbers).tolist()),
        occupancies=np.repeat([occupancy for _, occupancy, _ in atoms], numbers),
    )
    return crystal if formula else replace(crystal, formula=_composition(crystal))


def formula_error(crystal, formula):
    """Share of the electrons, 0 to 1, that the cell has at other elements than a formula says.

    A file without its symmetry operations, or with another origin than its space group, has more
    or fewer atoms than its formula. Hydrogen, which many files leave out, is not compared.

    Args:
        crystal: a ``Crystal``.
        formula: a sum formula, e.g. "Mg.75 Fe.25 Si O3".

    Returns:
        0 where the formula is none, or has parentheses.
    """
    counts = re.findall(r"([A-Z][a-z]?) ?(\d*\.?\d+)?", formula)
    if "(" in formula or not counts:
        return 0.0
    said, cell = {}, {}
    for electrons, atoms in (
        (said, ((symbol, float(count or 1)) for symbol, count in counts)),
        (cell, zip(crystal.elements, crystal.occupancies, strict=True)),
    ):
        for symbol, count in atoms:
            number = gemmi.Element(symbol).atomic_number
            if number > 1:
                electrons[symbol] = electrons.get(symbol, 0) + number * count
    of_formula, of_cell = sum(said.values()) or 1, sum(cell.values()) or 1
    return sum(
        abs(said.get(symbol, 0) / of_formula - cell.get(symbol, 0) / of_cell) / 2
        for symbol in said | cell
    )


def _crystal(block):
    """The ``Crystal`` of a block of a CIF."""
    for length in ("_cell_length_a", "_cell_length_b", "_cell_length_c"):
        if not block.find_value(length):
            raise ValueError(f"no cell: {length} is missing")
    structure = gemmi.make_small_structure_from_block(block)
    operations = next(
        (list(column) for tag in OPERATIONS if (column := block.find_values(tag))), None
    )
    if operations:
        operations = [gemmi.cif.as_string(operation) for operation in operations]
    elif structure.spacegroup:
        operations = [operation.triplet() for operation in structure.spacegroup.operations()]
    else:
        raise ValueError(f"no symmetry: neither {' nor '.join(OPERATIONS)} nor a known space group")
    sites = [
        (site.type_symbol or site.label, site.fract.tolist(), site.occ) for site in structure.sites
    ]
    texts = {"name": _text(block, NAMES), "formula": _text(block, FORMULAS)}
    numbers = {tag: _text(block, [tag]) for tag in ENTRIES}
    entries = [f"{ENTRIES[tag]} {number}".strip() for tag, number in numbers.items() if number]
    texts["entry"] = entries[0] if entries else ""
    crystal = crystal_from_sites(structure.cell.parameters, operations, sites, **texts)
    formula = _text(block, FORMULAS[-1:])
    if formula_error(crystal, formula) > OTHER_ATOMS:
        raise ValueError(
            f"symmetry and sites give {_composition(crystal)}, the formula is {formula}"
        )
    return crystal


def _composition(crystal):
    """The atoms of the cell, e.g. "Mg2 C2 O12"."""
    counts = {}
    for symbol, occupancy in zip(crystal.elements, crystal.occupancies, strict=True):
        counts[symbol] = counts.get(symbol, 0) + occupancy
    return " ".join(f"{symbol}{count:.4g}" for symbol, count in counts.items())


def _text(block, tags):
    """The first of some items of a block that is given, on one line; "" if none is."""
    texts = (block.find_value(tag) for tag in tags)
    given = (gemmi.cif.as_string(text) for text in texts if text and text not in (".", "?"))
    return next((" ".join(text.split()) for text in given if text.strip()), "")


def _element(label, contained):
    """The chemical symbol that the label of a site begins with: "Ca1" → "Ca", "OW2" → "O".

    Args:
        label: of the site.
        contained: symbols in the formula; empty if it is not known.

    Raises:
        ValueError: if it begins with none.
    """
    letters = re.match("[A-Za-z]*", label).group()
    if letters[:3].lower() == "wat":  # water; tungsten is W
        return "O"
    readings = dict.fromkeys((letters[:2].capitalize(), letters[:1].upper()))
    known = [symbol for symbol in readings if gemmi.Element(symbol).atomic_number]
    if not known:
        raise ValueError(f"the site {label!r} begins with no chemical element")
    # "CO" may be cobalt or an oxygen of carbon dioxide: the formula tells
    element = next((symbol for symbol in known if symbol in contained), known[0])
    if not gemmi.Element(element).it92:
        raise ValueError(f"{element}: no form factor is known of this element")
    return "H" if element == "D" else element


def _near(places, others, cell):
    """Which pairs of fractional coordinates (n, 3), (m, 3) are one place of the crystal, (n, m)."""
    between = places[:, None] - others
    between = (between - np.rint(between)) @ np.array(gemmi.UnitCell(*cell).orth.mat.tolist()).T
    return np.linalg.norm(between, axis=-1) < SAME_PLACE

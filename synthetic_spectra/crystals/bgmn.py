"""Structures of BGMN and Profex (.str) → cell, symmetry and sites.

J. Bergmann, P. Friedel, R. Kleeberg, CPD Newsletter 20, 5 (1998). A site names its position in the
space group by its Wyckoff letter, and leaves out the coordinates that the position fixes.
"""

import re

import gemmi
import numpy as np


def read(text, positions):
    """A BGMN structure.

    Args:
        text: of the .str file.
        positions: number of a space group, as text → coordinates of its positions in the standard
            setting, the general one first, as pyxtal lists them.

    Returns:
        name, formula ("" if unknown), cell (a, b, c in Å, α, β, γ in degrees), symmetry operations
        and sites (element, x, y, z, occupancy), as ``cif.crystal_from_sites`` takes them; None if
        the file does not tell them.
    """
    number, symbol = (
        re.search(rf"{key}=(\S+)", text) for key in ("SpacegroupNo", "HermannMauguin")
    )
    values = dict(re.findall(r"\b(A|B|C|ALPHA|BETA|GAMMA)=([\d.]+)", text))
    if not (number and symbol and "A" in values):
        return None

    # what the crystal system fixes is left out
    a = float(values["A"])
    lengths = [10 * float(values.get(key, a)) for key in "ABC"]
    angles = [float(values.get(key, 90)) for key in ("ALPHA", "BETA", "GAMMA")]
    if 143 <= int(number[1]) <= 194:
        angles = [angles[0]] * 3 if "ALPHA" in values else [90.0, 90.0, 120.0]

    # of the settings and origins of a space group that which gives the right numbers of atoms
    groups = settings_of(int(number[1]), symbol[1], "ALPHA" in values)
    for group in sorted(groups, key=lambda group: not group.is_reference_setting()):
        sites = bgmn_sites(text, group, positions[number[1]])
        if sites:
            name = re.search(r"MineralName=(\S+)", text) or re.search(r"PHASE=(\S+)", text)
            formula = re.search(r"Formula=([^/\s]+)", text)
            formula = formula[1].replace("_", " ") if formula else ""
            operations = [operation.triplet() for operation in group.operations()]
            return spoken_name(name[1]), formula, [*lengths, *angles], operations, sites
    return None


def settings_of(number, symbol, rhombohedral):
    """The settings of a space group that a full symbol such as P2_1/n2_1/m2_1/a may mean."""
    short = re.sub(r"2(_1)?/", "", symbol)
    if number >= 195:
        short = re.sub(r"4(_\d)?/", "", short)
    spellings = {re.sub("[_/ ]", "", one) for one in (symbol, short)}
    for group in gemmi.spacegroup_table():
        if group.number == number and group.ext != ("H" if rhombohedral else "R"):
            names = {re.sub("[_/ ]", "", one) for one in (group.hm, group.short_name())}
            if names & spellings:
                yield group


def bgmn_sites(text, group, positions):
    """Label, coordinates and occupancy of all atoms of a BGMN structure; None if they do not fit to
    a setting of its space group.

    Args:
        text: of the .str file.
        group: ``gemmi.SpaceGroup``.
        positions: coordinates of the special positions in the standard setting, the general one
            first.
    """
    operations, sites = list(group.operations()), []
    for line in re.findall(r"^E=.*", text, re.MULTILINE):
        letter = re.search(r"Wyckoff=([a-zA])", line)
        if not letter:
            return None
        index = len(positions) - 1 - (ord(letter[1]) - ord("a"))
        if letter[1] == "A" or not 0 <= index < len(positions):
            return None
        given = dict(re.findall(r"\b([xyz])=(-?[\d./]+)", line))
        place = [evaluated(term, given) for term in positions[index][0].split(",")]
        if all(axis in given for axis in "xyz"):
            place = [evaluated(axis, given) for axis in "xyz"]
        elif not group.is_reference_setting() or group.ext in ("1", "2") or None in place:
            # of two origins BGMN may mean the other one
            return None
        images = {tuple(np.round(np.mod(one.apply_to_xyz(place), 1), 3) % 1) for one in operations}
        if len(images) * len(positions[0]) != len(positions[index]) * len(operations):
            return None
        if group.is_reference_setting() and not any(
            is_on(image, positions[index][0]) for image in images
        ):
            return None
        for element, share in re.findall(
            r"([A-Z]{1,2})(?:[+-]\d)?(?:\(([\d.]+)\))?[,)\s]", line[2:]
        ):
            sites.append((element.capitalize(), *place, share or 1))
    return sites


def evaluated(term, given):
    """The value of a coordinate such as "x", "-x+1/2", "2x" or "1/4"; None if it needs one that is
    not given."""
    value = 0.0
    for sign, factor, axis, number in re.findall(
        r"([+-]?)\s*(?:(\d*)\*?([xyz])|([\d./]+))", term.strip()
    ):
        if axis and axis not in given:
            return None
        part = int(factor or 1) * ratio(given[axis]) if axis else ratio(number)
        value += -part if sign == "-" else part
    return value


def ratio(text):
    """A decimal number, or a fraction such as "1/3"."""
    numerator, _, denominator = text.partition("/")
    return float(numerator) / float(denominator or 1)


def is_on(place, position):
    """Whether coordinates are of a position such as "x, 1/4, z"."""
    given = dict(zip("xyz", map(str, place), strict=True))
    off = [
        evaluated(term, given) - value
        for term, value in zip(position.split(","), place, strict=True)
    ]
    return bool(np.all(np.abs(off - np.rint(off)) < 0.003))


def spoken_name(text):
    """The name of a mineral without polytype and number: "MUSCOVITE_2M1" → "Muscovite"."""
    word = re.match(r"[A-Za-z]{5,}", text)
    if not word:
        return text.replace("_", " ")
    return word[0].capitalize() if word[0].isupper() else re.sub("(I+[ab]?|M|A|T)$", "", word[0])

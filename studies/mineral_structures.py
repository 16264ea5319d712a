"""Packages with crystal structures → output/mineral_structures/<package>/<name>_<entry>.cif."""

import csv
import io
import json
import re
import sqlite3
import sys
import tarfile
import tempfile
import zipfile
from ast import literal_eval
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.common.cli import Folder, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text
from synthetic_spectra.crystals import bgmn

# of a laboratory: entries at other temperatures (°C) or pressures (GPa) are left out
TEMPERATURES, HIGHEST_PRESSURE = (0, 60), 0.2
GASES = {"H", "D", "He", "N", "O", "F", "Ne", "Cl", "Ar", "Kr", "Xe"}  # as elements
TEMPERATURE = re.compile(r"(?:\bT ?= ?|\bat )([+-]?\d+\.?\d*) ?(?:deg\.? ?)?([CK])\b")
PRESSURE = re.compile(r"(?:\bP ?= ?|\bat )(\d*\.?\d+) ?(GPa|kbar)\b")


@dataclass(frozen=True)
class Settings:
    """Write the crystal structures that packages hold as CIFs."""

    larixite: Path | None = None
    """Wheel of larixite, with the American Mineralogist Crystal Structure Database."""
    avogadro: Path | None = None
    """Debian package libavogadro-data, with files of the Crystallography Open Database."""
    autoxrd: Path | None = None
    """Wheel of autoxrd, with the structures of BGMN and Profex."""
    pyxtal: Path | None = None
    """Wheel of pyxtal, with the special positions of all space groups; autoxrd needs it."""
    output: Folder = Path("output/mineral_structures")
    """Folder for a folder per package."""


def main(settings):
    if settings.autoxrd and not settings.pyxtal:
        raise InputError("--autoxrd needs --pyxtal")
    for name, read in (("larixite", larixite), ("avogadro", avogadro), ("autoxrd", autoxrd)):
        path = getattr(settings, name)
        if not path:
            continue
        number = left_out = 0
        for stem, text in read(path, settings):
            if text is None:
                left_out += 1
                continue
            write_text(settings.output / name / f"{re.sub('[^A-Za-z0-9()-]', '_', stem)}.cif", text)
            number += 1
        notice(f"{settings.output / name}: {number} structures, {left_out} left out")


def cif(name, formula, cell, symmetry, sites, entry):
    """The text of a CIF.

    Args:
        name, formula: of the substance; the formula may be "".
        cell: a, b, c, α, β, γ as numbers or text.
        symmetry: operations such as "-x,y,z".
        sites: label, x, y, z, occupancy.
        entry: tag and number of the entry in a database; None if it has none.
    """
    tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = ["data_structure", f'_chemical_name_mineral "{name}"']
    lines += [f'_chemical_formula_sum "{formula}"'] if formula else []
    lines += [f"{entry[0]} {entry[1]}"] if entry else []
    lines += [f"_cell_{tag} {value}" for tag, value in zip(tags, cell, strict=True)]
    lines += ["loop_", "_space_group_symop_operation_xyz", *(f"'{one}'" for one in symmetry)]
    lines += ["loop_", "_atom_site_label", *(f"_atom_site_fract_{axis}" for axis in "xyz")]
    lines += ["_atom_site_occupancy", *(" ".join(map(str, site)) for site in sites)]
    return "\n".join(lines) + "\n"


def larixite(path, settings):
    """Name and CIF of every entry that has a mineral's name; no CIF for an entry that was measured
    in the heat, in the cold or under pressure, and for gases."""
    with tempfile.TemporaryDirectory() as folder:
        database = member(path, r"larixite/amcsd_cif.*\.db$")
        copy = Path(folder) / "amcsd.db"
        copy.write_bytes(database)
        connection = sqlite3.connect(copy)
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            "select cif.*, minerals.name as mineral, symmetry_xyz from cif "
            "join minerals on minerals.id = mineral_id "
            "join spacegroups on spacegroups.id = spacegroup_id "
            "where minerals.name != '<missing>' order by cif.id"
        )
        for row in rows:
            occupancies = numbers(row["atoms_occupancy"])
            sites = zip(
                json.loads(row["atoms_sites"]),
                *(numbers(row[f"atoms_{axis}"]) for axis in "xyz"),
                occupancies or [1] * len(json.loads(row["atoms_sites"])),
                strict=True,
            )
            cell = [row[key] for key in ("a", "b", "c", "alpha", "beta", "gamma")]
            symmetry = json.loads(row["symmetry_xyz"])
            entry = ("_database_code_amcsd", f"{row['id']:07d}")
            text = cif(row["mineral"], row["formula"], cell, symmetry, sites, entry)
            gas = re.sub("[0-9. ]", "", row["formula"]) in GASES
            usable = at_room_conditions(row["pub_title"]) and not gas
            yield f"{row['mineral']}_{row['id']:05d}", text if usable else None
        connection.close()


def numbers(text):
    """Numbers as the database of larixite packs them: millionths of 4, "?" and "." as 2 and 3."""
    if text in (None, "", "0", 0):
        return []
    values = np.frombuffer(b64decode(text), "int32") / 4e6
    return [
        "?" if abs(value - 2) < 1e-5 else "." if value > 2.5 else f"{value:.6f}" for value in values
    ]


def at_room_conditions(title):
    """Whether a title gives no other temperature or pressure than that of a laboratory."""
    for value, unit in TEMPERATURE.findall(title):
        degrees = float(value) - (273 if unit == "K" else 0)
        if not TEMPERATURES[0] <= degrees <= TEMPERATURES[1]:
            return False
    return all(
        float(value) / (10 if unit == "kbar" else 1) <= HIGHEST_PRESSURE
        for value, unit in PRESSURE.findall(title)
    )


def avogadro(path, settings):
    """Name and CIF of every crystal in the Debian package but ice and zeolites, which lack what
    their pores hold."""
    content = path.read_bytes()
    if not content.startswith(b"!<arch>\n"):
        raise InputError(f"{path}: no Debian package")
    start = 8
    while start < len(content):
        name, size = content[start : start + 16].strip(), int(content[start + 48 : start + 58])
        if name.startswith(b"data.tar"):
            data = io.BytesIO(content[start + 60 : start + 60 + size])
            break
        start += 60 + size + size % 2
    else:
        raise InputError(f"{path}: no data in this package")
    with tarfile.open(fileobj=data) as archive:
        for one in archive.getmembers():
            parts = Path(one.name).parts
            if one.name.endswith(".cif") and not {"zeolites", "ice"} & set(parts):
                text = archive.extractfile(one).read().decode("latin-1")
                stem = Path(one.name).stem
                if "_chemical_name_mineral" not in text:
                    # "MnO-Manganosite" → "Manganosite"
                    text += f'_chemical_name_mineral "{stem.rsplit("-", 1)[-1]}"\n'
                yield stem, text


def autoxrd(path, settings):
    """Name and CIF of every BGMN structure; no CIF where the file lacks coordinates of a special
    position in a setting that is not the standard one, or is no crystal."""
    table = csv.reader(io.StringIO(member(settings.pyxtal, "wyckoff_list.csv$").decode()))
    positions = {number: literal_eval(rows) for number, rows in list(table)[1:] if rows}
    with zipfile.ZipFile(path) as wheel:
        for name in sorted(wheel.namelist()):
            if re.search(r"/Structures/.*\.str$", name, re.IGNORECASE):
                text = wheel.read(name).decode("latin-1")
                phase = re.search(r"PHASE=(\S+)", text)
                place = Path(name)
                stem = f"{place.stem}_{place.parent.name}"
                structure = bgmn.read(text, positions) if phase else None
                yield stem, structure and cif(*structure, entry=None)


def member(path, pattern):
    """The bytes of the first file in a wheel whose name matches.

    Raises:
        InputError: if it is no wheel, or has no such file.
    """
    try:
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if re.search(pattern, name):
                    return wheel.read(name)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no wheel: {error}") from None
    raise InputError(f"{path}: no file {pattern}")


if __name__ == "__main__":
    run_script(main, Settings)

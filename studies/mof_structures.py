"""Wheel of core-mof → output/mof_structures/<entry>.cif: metal–organic frameworks for a library."""

import csv
import hashlib
import io
import re
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.common.cli import Count, Folder, notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text

# frameworks that have a common name: list of the database and entry → name
NAMED = {
    ("2019-ASR", "VELVOY_clean"): "ZIF-8",
    ("2019-ASR", "GITTOT_manual"): "ZIF-67",
    ("2014", "GITVIP_clean"): "ZIF-71",
    ("2019-ASR", "VELVIS_clean"): "ZIF-7",
    ("2019-ASR", "EDUSIF_clean"): "MOF-5",
    ("2019-ASR", "FIQCEN_clean"): "MOF-199",
    ("2019-ASR", "VOGTIV_clean_h"): "MOF-74",
}
CHOSEN_FROM = "2019-ASR"  # "all solvent removed": the larger of the two lists of 2019
ATOM = re.compile(r"^\s*\S+\s+[A-Z][a-z]?\s+-?\d", re.MULTILINE)  # a line of the atoms in a CIF


@dataclass(frozen=True)
class Settings:
    """Write structures of the CoRE MOF database, data CC BY 4.0, as CIFs.

    The wheel comes by "pip download --no-deps core-mof==2019.1". Seven frameworks with a common
    name come first. The others follow in the order of the SHA-256 of their entries, as if drawn.
    """

    wheel: Path
    """Wheel of core-mof."""
    number: Count = 1064
    """Number of structures, ≥ 1. Of 1064, 52 cannot be told from others, which leaves 1012."""
    most_atoms: Annotated[int, Field(ge=1, le=8192)] = 400
    """Largest number of atoms in a cell of those without a common name, 1 to 8192."""
    output: Folder = Path("output/mof_structures")
    """Folder for the CIFs."""


def main(settings):
    written = 0
    with zipfile_of(settings.wheel) as wheel:
        # those with a common name, whatever their size
        for place in dict.fromkeys(place for place, _ in NAMED):
            for entry, text in structures(wheel, place):
                if (name := NAMED.get((place, entry))) and written < settings.number:
                    write(settings.output, entry, text, name)
                    written += 1

        # one of each family, well ordered and not too large
        entries = candidates(wheel)
        texts = {entry: text for entry, text in structures(wheel, CHOSEN_FROM) if entry in entries}
        for entry in sorted(texts, key=lambda name: hashlib.sha256(name.encode()).digest()):
            if written == settings.number:
                break
            if len(ATOM.findall(texts[entry])) <= settings.most_atoms:
                write(settings.output, entry, texts[entry])
                written += 1
    if written < settings.number:
        raise InputError(
            f"--number {settings.number}: the wheel has only {written} such structures"
        )
    notice(f"{settings.output}: {written} structures")


def zipfile_of(path):
    """The wheel, opened for reading.

    Raises:
        InputError: if it is no wheel of core-mof.
    """
    try:
        wheel = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no wheel: {error}") from None
    if f"CoRE_MOF/data/{CHOSEN_FROM}.csv" not in wheel.namelist():
        raise InputError(f"{path}: not the wheel of core-mof")
    return wheel


def structures(wheel, place):
    """Entry and CIF of every structure of a list of the database."""
    content = io.BytesIO(wheel.read(f"CoRE_MOF/data/{place}.tar.xz"))
    with tarfile.open(fileobj=content) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".cif"):
                text = archive.extractfile(member).read().decode("latin-1")
                yield Path(member.name).stem, text


def candidates(wheel):
    """The entries to choose from: without disorder, and the first of each family.

    A family has the same six letters in the Cambridge Structural Database, or the same article.
    """
    table = wheel.read(f"CoRE_MOF/data/{CHOSEN_FROM}.csv").decode("utf-8-sig")
    named = {family(entry) for _, entry in NAMED}
    first = {}
    for row in csv.DictReader(io.StringIO(table)):
        if not row["DISORDER"] and family(row["filename"]) not in named:
            first.setdefault(family(row["filename"]), row["filename"])
    return set(first.values())


def family(entry):
    """What entries of one substance begin with: "FAWCEN01_SL" and "FAWCEN_SL" → "FAWCEN"."""
    refcode = re.match(r"[A-Z]{6}(?=\d\d_|_)", entry)
    return refcode[0] if refcode else entry.rsplit("_", 2)[0]


def write(folder, entry, text, name=None):
    """Write a CIF, with the common name of its framework where it has one."""
    head, line_break, rest = text.partition("\n")
    common = f'_chemical_name_common "{name}"\n' if name else ""
    write_text(folder / f"{entry.partition('_')[0]}.cif", head + line_break + common + rest)


if __name__ == "__main__":
    run_script(main, Settings)

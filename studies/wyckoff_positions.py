"""Wheel of pyxtal → synthetic_spectra/crystals/wyckoff.json: first triplet of every position."""

import csv
import io
import json
import string
import sys
import zipfile
from ast import literal_eval
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.common.cli import notice, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import write_text

TABLE = "pyxtal/database/wyckoff_list.csv"


@dataclass(frozen=True)
class Settings:
    """Write the Wyckoff positions of all space groups, as the package reads them."""

    pyxtal: Path
    """Wheel of pyxtal 1.1.5, which holds the coordinates of all positions (MIT licence)."""
    output: Path = Path("output/wyckoff.json")
    """File for letter, multiplicity and first coordinates of each position."""


def main(settings):
    # coordinates of each position of each group, the general position first
    try:
        with zipfile.ZipFile(settings.pyxtal) as wheel:
            table = io.StringIO(wheel.read(TABLE).decode())
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{settings.pyxtal}: no wheel with {TABLE}: {error}") from None
    rows = {number: literal_eval(rows) for number, rows in list(csv.reader(table))[1:] if rows}
    rows.pop("0", None)

    # letters begin with the most special position; the 27th is A
    letters = string.ascii_lowercase + "A"
    lines = []
    for number, positions in rows.items():
        entries = [
            [letter, len(coordinates), coordinates[0].replace(" ", "")]
            for letter, coordinates in zip(letters, reversed(positions), strict=False)
        ]
        lines.append(f'"{number}": {json.dumps(entries)}')
    write_text(settings.output, "{\n" + ",\n".join(lines) + "\n}\n")
    notice(f"wrote {settings.output}: {sum(map(len, rows.values()))} positions")


if __name__ == "__main__":
    run_script(main, Settings)

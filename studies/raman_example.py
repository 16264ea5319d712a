"""The wheel of ramanchada2 → output/raman_example/: references, files of others, labels.csv."""

import ast
import csv
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the project, when run by its path
from synthetic_spectra.common.cli import Folder, notice, run_script
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.common.files import write_text

FOLDER = "ramanchada2/auxiliary/spectra/datasets2"  # in the wheel
# sample in the wheel → substance; all others are lamps and fluorescent glasses
SUBSTANCES = {
    **dict.fromkeys(("nCAL", "sCAL"), "calcite"),
    "PST": "polystyrene",
    **dict.fromkeys(("S0B", "S0N", "S0P", "S1N", "Sil", "Sil_"), "silicon"),
    "TiO2": "TiO2 in a polymer",
}


@dataclass(frozen=True)
class Settings:
    """Write measured Raman spectra out as references of one laboratory and files of the others."""

    wheel: Path = Path("ramanchada2-1.5.0-py3-none-any.whl")
    """Wheel of ramanchada2."""
    laboratory: str = "ICV"
    """Laboratory whose spectra are the references: ICV, FNMT, FNMT-B or TOP."""
    output: Folder = Path("output/raman_example")
    """Folder for the folders references/ and others/ and the list others/labels.csv."""


def main(settings):
    try:
        with zipfile.ZipFile(settings.wheel) as wheel:
            listed = entries(wheel.read(f"{FOLDER}/__init__.py").decode())
            texts = [wheel.read(f"{FOLDER}/{PurePosixPath(one['filename'])}") for one in listed]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise InputError(f"{settings.wheel}: no wheel of ramanchada2: {reason}") from None
    laboratories = sorted({one["provider"] for one in listed})
    if settings.laboratory not in laboratories:
        raise InputError(
            f"--laboratory {settings.laboratory!r}: expected one of {', '.join(laboratories)}"
        )

    # a reference says what it is; of the other files the list says it
    labels = io.StringIO()
    rows = csv.writer(labels, lineterminator="\n")
    rows.writerow(["file", "names", "laboratory", "instrument", "laser"])
    references = others = 0
    for one, text in zip(listed, texts, strict=True):
        name, text = file_name(one), text.decode("latin-1")
        substance = SUBSTANCES.get(one["sample"], "")
        if one["provider"] != settings.laboratory:
            write_text(settings.output / "others" / name, text)
            rows.writerow([name, substance, one["provider"], one["device"], one["laser_wl"]])
            others += 1
        elif substance:
            write_text(settings.output / "references" / name, f"Sample: {substance}\n{text}")
            references += 1
    write_text(settings.output / "others" / "labels.csv", labels.getvalue())
    notice(f"{settings.output}: {references} references, {others} files of other laboratories")


def entries(source):
    """The list of the spectra in the wheel, from the code of its module.

    Raises:
        ValueError: if it has none.
    """
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id == "data":
            return ast.literal_eval(statement.value)
    raise ValueError("no list of spectra")


def file_name(entry):
    """A name that says the laboratory, the instrument and the file."""
    path = PurePosixPath(entry["filename"])
    return f"{entry['provider']}_{entry['device']}{entry['laser_wl']}_{path.name}"


if __name__ == "__main__":
    run_script(main, Settings)

"""Crystal structures → crystal_statistics/<name>.npz and <name>_structures.npz: what synthetic
crystals are drawn from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

from synthetic_spectra.common.cli import Count, Folder, Positive, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import read_json
from synthetic_spectra.crystals import statistics
from synthetic_spectra.crystals.real import fits, structures, types_for_tests
from synthetic_spectra.crystals.structure import joined


@dataclass(frozen=True)
class Settings:
    """Count elements, Wyckoff positions, volumes and cells over real crystal structures."""

    structures: Positional[tuple[Path, ...]]
    """CIFs, folders of CIFs, and files of standardised structures (.jsonl.gz)."""
    name: Annotated[str, Field(pattern=r"^\w[\w.-]*$")] = "mine"
    """Name of the file of statistics: letters, digits, "_", "-" and "."."""
    output_dir: Folder = statistics.FOLDER
    """Folder of that file."""
    overwrite: bool = False
    """Replacement of a file that is there."""
    sources: Path = statistics.ROOT / statistics.FOLDER / "sources.json"
    """JSON file with licence and address of each source; its name is the stem of its file or the
    name of its folder."""

    # which structures are counted
    max_volume: Positive = 7000.0
    """Volume in Å³ that the conventional cell of a structure stays below, > 0."""
    max_sites: Count = 100
    """Largest number of sites in the asymmetric unit, ≥ 1."""

    # which structures are kept for tests
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of the structures of a space group that are kept for tests, at least 0, below 1; all
    of some types."""
    largest_test_type: Annotated[float, Field(gt=0, le=1)] = 0.15
    """Largest share of a space group that a type may have in the tests, above 0, at most 1."""
    seed: Seed = 0
    """Random seed of the split, ≥ 0."""


def main(settings):
    # what is there stays, unless its loss is asked for
    path = settings.output_dir / f"{settings.name}.npz"
    if path.exists() and not settings.overwrite:
        raise InputError(f"{path}: exists; choose another --name or add --overwrite")

    # all structures that can be read, source by source
    described = read_json(settings.sources)
    if not all(isinstance(one, dict) for one in described.values()):
        raise InputError(f"{settings.sources}: expected an object for each source")
    found, about = [], []
    for file in settings.structures:
        source = (file.resolve() if file.is_dir() else file).name.split(".")[0]
        about.append({"name": source, **described.get(source, {"licence": "not stated"})})
        kept = [one for one in structures(file) if fits(one, settings)]
        about[-1] |= {"structures": len(kept)}
        keeps_tests = about[-1].setdefault("test", True)
        found += [(source, keeps_tests, one) for one in kept]
    if not found:
        raise InputError("no structure is left, expected at least one")

    # types that the tests have are counted nowhere
    types = types_for_tests([one for *_, one in found], settings)
    counted = [(source, one) for source, _, one in found if one.kind not in types]
    tests = [(source, one) for source, keep, one in found if keep and one.kind in types]
    if not counted:
        raise InputError("all structures are for tests, expected a --test-share below 1")
    for row in about:
        row["counted"] = sum(source == row["name"] for source, _ in counted)
        row["tests"] = sum(source == row["name"] for source, _ in tests)
        row.pop("test")

    # atoms of all structures that may be kept, which takes longest
    none = counted[0][1].crystals().chosen([])
    kept = [(source, one) for source, keep, one in found if keep and one.kind not in types]
    for_tests = joined([none, *expanded(tests, "structures for tests")])
    structures_of_counts = joined([none, *expanded(kept, "structures that are counted")])

    made_by = {
        name: getattr(settings, name)
        for name in ("max_volume", "max_sites", "test_share", "largest_test_type", "seed")
    }
    result = statistics.counted([one for _, one in counted], for_tests, about, made_by)
    statistics.save_structures(path, structures_of_counts)
    statistics.save(path, result)
    print(f"wrote {path}: {len(counted)} structures, and {len(tests)} of {len(types)} other types")
    print(json.dumps(about, indent=2))


def expanded(structures, what):
    """Each of some pairs (source, structure) as ``Crystals``, with a bar that says what they are.

    Raises:
        InputError: if the operations of one do not give as many atoms as its positions have.
    """
    for source, one in track(structures, what, console=Console(stderr=True)):
        try:
            yield one.crystals()
        except ValueError as error:
            raise InputError(f"{source}: space group {one.group}, {one.cell}: {error}") from None


if __name__ == "__main__":
    run_script(main, Settings)

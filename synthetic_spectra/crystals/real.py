"""Real crystal structures from files, and which types of them are kept for tests."""

from collections import Counter, defaultdict
from types import SimpleNamespace

import numpy as np
from rich.console import Console
from rich.progress import track

from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import standard


def structures(path):
    """The structures of a path; files that cannot be read are named."""
    if path.name.endswith(".jsonl.gz"):
        yield from standard.read_jsonl(path)
        return
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".cif")
    for file in track(files, f"{path}", console=Console(stderr=True)):
        try:
            yield from standard.read_cif(file)
        except InputError as error:
            notice(f"left out: {error}")


def fits(structure, settings):
    """Whether a structure is within the limits; it is None if it has partly filled sites."""
    return (
        structure is not None
        and structure.volume < settings.max_volume
        and len(structure.elements) <= settings.max_sites
    )


def counted_before(paths, counted, name):
    """All structures that statistics were made of, in their order, and whether each is counted;
    the others are of types for tests.

    Args:
        paths: files and folders of structures.
        counted: the ``Statistics``.
        name: of the statistics, for the message.

    Raises:
        InputError: if they were made of other structures.
    """
    made_by = SimpleNamespace(**counted.settings)
    found = [one for path in paths for one in structures(path) if fits(one, made_by)]
    types = types_for_tests(found, made_by)
    seen = [one.kind not in types for one in found]
    if sum(seen) != len(counted.groups):
        raise InputError(
            f"{sum(seen)} structures are of types for training, but the statistics {name!r} count "
            f"{len(counted.groups)}; expected their structures"
        )
    return found, seen


def types_for_tests(structures, settings):
    """Types that are kept for tests, as a set.

    The types of each space group come in random order. One joins the tests unless it makes them
    larger than their share, or is itself a large share of the group.
    """
    groups = defaultdict(Counter)
    for one in structures:
        group = one.kind[0]
        groups[group][one.kind] += 1
    rng, chosen = np.random.default_rng(settings.seed), set()
    for _, types in sorted(groups.items()):
        total, taken = types.total(), 0
        names = sorted(types)
        for index in rng.permutation(len(names)):
            size = types[names[index]]
            if size <= settings.largest_test_type * total and (
                taken + size <= settings.test_share * total
            ):
                chosen.add(names[index])
                taken += size
    return chosen

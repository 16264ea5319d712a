"""Statistics of crystals → diffractograms of random crystals, and of real ones for the test.

What is drawn for a spectrum depends on the seed, the epoch and its number there alone.
"""

import hashlib
from functools import lru_cache

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.machine import free_memory
from synthetic_spectra.spectra.crystal_definitions import CrystalConfig
from synthetic_spectra.spectra.crystal_effects import AGAIN, CHOICE, Effects

AT_ONCE = 256  # spectra that are drawn in one call: memory that is used again needs no time
# random streams of a dataset; those of an endless stream also have the seed of the run
SPLITS, ENDLESS, GIVEN = {"train": 0, "val": 1, "test": 2}, 3, 4
TRIES = 20  # random crystals of one group that are drawn until one has lines on the axis

# Compiled code takes time to start: functions that need it import it.


class CrystalSource:
    """The spectra of a dataset whose classes are space groups.

    Args:
        definitions: the resolved config.

    Raises:
        InputError: if the statistics are missing, or other ones than those of the config.
    """

    config = CrystalConfig
    top5_accuracy = True

    def __init__(self, definitions):
        from synthetic_spectra.crystals.patterns import Grid

        self.definitions = definitions
        self.generator, statistics, checksums = generator_of(definitions)
        for name, checksum in checksums.items():
            if getattr(definitions, name) not in (None, checksum):
                raise InputError(
                    f"statistics {definitions.statistics!r}: they changed since the spectra were "
                    "rendered; restore them, or render again with --replace"
                )
        self.grid = Grid(
            definitions.wavelength,
            *definitions.two_theta,
            definitions.n_datapoints,
            definitions.scale == "log_sin_theta",
        )
        self.effects = Effects(definitions, self.grid)
        # space group -> label
        self.labels = np.full(231, -1)
        for label, one in definitions.spectra.items():
            self.labels[one.space_groups] = int(label)
        self.tests = self._tests(statistics.tests)

    @property
    def spectra_per_epoch(self):
        return self.definitions.patterns_per_epoch

    def numbers(self, split):
        """Number of spectra of each class in the order of the classes, for a split, "train", "val"
        or "test"; of random crystals it is the mean."""
        n_classes = self.definitions.n_classes
        if split == "test":
            return np.bincount(self.labels[self.tests.groups], minlength=n_classes).tolist()
        return [getattr(self.definitions.rendering, f"n_{split}")] * n_classes

    def draw(self, splits, key=()):
        """Draw the spectra of some splits, in random order.

        Args:
            splits: some of "train", "val", "test".
            key: () for the dataset itself; (seed, epoch) for the first spectra of an epoch of the
                endless stream of a seed, as many as ``splits`` have.

        Yields:
            split, spectra (n, n_datapoints) of the dtype of the config, labels int64 (n,).

        Raises:
            InputError: if a spectrum is empty.
        """
        dtype = self.definitions.rendering.dtype
        for split in splits:
            stream, epoch = ((ENDLESS, key[0]), key[1]) if key else ((SPLITS[split],), 0)
            for start in range(0, n := sum(self.numbers(split)), AT_ONCE):
                numbers = np.arange(start, min(start + AT_ONCE, n))
                crystals = self.tests.chosen(numbers) if split == "test" else None
                spectra, labels = self._spectra(stream, epoch, numbers, crystals)
                yield split, spectra.astype(dtype, copy=False), labels

    def batch(self, seed, epoch, start, end):
        """Spectra ``start`` to ``end`` (exclusive) of an epoch of the endless stream of a seed.

        Returns:
            spectra, float32 (n, n_datapoints), and labels, int64 (n,).
        """
        return self._spectra((ENDLESS, seed), epoch, np.arange(start, end))

    def of(self, crystals, key):
        """Spectra of given crystals, of crystallites of random sizes.

        Args:
            crystals: ``Crystals`` (n,) of space groups that are classes.
            key: whole numbers that choose a random stream.

        Yields:
            spectra, float32 (k, n_datapoints), and labels, int64 (k,), of crystal after crystal.

        Raises:
            InputError: if a spectrum is empty.
        """
        for start in range(0, len(crystals), AT_ONCE):
            numbers = np.arange(start, min(start + AT_ONCE, len(crystals)))
            yield self._spectra((GIVEN, *key), 0, numbers, crystals.chosen(numbers))

    def notice(self):
        """What the user should know before the spectra are drawn, in one sentence; None if there is
        nothing."""
        untested = self.numbers("test").count(0)
        if not untested:
            return None
        return (
            f"{untested} of {self.definitions.n_classes} classes have no real crystal in the test "
            "set"
        )

    def refuse_too_large(self, splits):
        """Raise InputError if drawing takes more memory than is free; arguments as of ``draw``."""
        n = max(sum(self.numbers(split)) for split in splits)
        needed, free = 8 * min(n, AT_ONCE) * self.definitions.n_datapoints, free_memory()
        if needed > free:
            raise InputError(
                f"datapoints is {self.definitions.n_datapoints}: drawing takes {needed:,} bytes of "
                f"memory, {free:,} bytes are free"
            )

    def _spectra(self, stream, epoch, numbers, crystals=None):
        """Spectra and labels of some numbers of a random stream: those of random crystals, or of
        the ones that are given."""
        from synthetic_spectra.crystals import compiled

        effects, root = self.effects, self.definitions.root
        random = crystals is None
        if random:
            crystals = self.generator.draw(effects.seed(*stream), epoch, numbers)
        sizes = effects.sizes(stream, epoch, numbers)
        profiles = effects.profiles(stream, epoch, numbers)
        plain = root and not effects.after_lines
        spectra = compiled.patterns(crystals, sizes, self.grid, plain, profiles=profiles)

        # a random cell may be so small that it has no line on the axis: another one takes its place
        empty = np.flatnonzero(~spectra.any(axis=1))
        for i in range(TRIES if random else 0):
            if not len(empty):
                break
            others = self.generator.draw(
                effects.seed(*stream, AGAIN, i), epoch, numbers[empty], crystals.groups[empty]
            )
            spectra[empty] = compiled.patterns(
                others, sizes[empty], self.grid, plain, profiles=profiles and profiles.chosen(empty)
            )
            empty = empty[~spectra[empty].any(axis=1)]
        if len(empty):
            raise InputError(
                f"spectrum {numbers[empty[0]]}, space group {crystals.groups[empty[0]]}, has no "
                f"intensity in two_theta {self.definitions.two_theta}; expected a wider range"
            )

        def others(stream):
            crystals = self.generator.draw(effects.seed(*stream), epoch, numbers)
            sizes = effects.sizes(stream, epoch, numbers)
            return compiled.patterns(crystals, sizes, self.grid, profiles=profiles)

        if effects.after_lines:
            effects.add(spectra, stream, epoch, numbers, others)
            np.sqrt(spectra, out=spectra, where=np.full(spectra.shape, root))
        return spectra, self.labels[crystals.groups]

    def _tests(self, tests):
        """The real crystals of the test set, class by class."""
        definitions = self.definitions
        wanted = within(tests, definitions) & (self.labels[tests.groups] >= 0)
        places = np.flatnonzero(wanted)
        if definitions.n_test and definitions.n_test < len(places):
            rng = np.random.default_rng(self.effects.seed(SPLITS["test"], CHOICE))
            places = rng.choice(places, definitions.n_test, replace=False)
        order = np.lexsort((places, self.labels[tests.groups[places]]))
        return tests.chosen(places[order])


def classes_of(definitions):
    """The classes of a config: name and space groups of each, ascending; and the SHA-256 of what
    it reads, as ``generator_of`` gives them.

    A space group with too few structures is no class. One that is the mirror image of another one
    is of its class: their powder patterns are the same.
    """
    from synthetic_spectra.crystals.symmetry import ENANTIOMORPHS, standard_group

    generator, _, checksums = generator_of(definitions)
    pairs = {first: second for one in ENANTIOMORPHS for first, second in (one, one[::-1])}
    classes = dict.fromkeys(
        tuple(sorted({int(group), pairs.get(int(group), int(group))})) for group in generator.groups
    )
    return [
        (" or ".join(standard_group(group).short_name() for group in groups), list(groups))
        for groups in sorted(classes)
    ], checksums


def limits(definitions):
    """The ``generator.Limits`` of a config."""
    from synthetic_spectra.crystals.generator import Limits

    return Limits(
        least_structures=definitions.least_structures,
        max_volume=definitions.max_volume,
        max_sites=definitions.max_sites,
        uniform_groups=definitions.uniform_groups,
        compat_last_element=definitions.compat_last_element,
        places=definitions.places,
        occupations=definitions.occupations,
    )


def within(crystals, definitions):
    """Which crystals are within the limits of a config, (n,) bool."""
    ends = crystals.starts[1:] - 1
    cosines = np.cos(np.radians(crystals.cells[:, 3:]))
    shapes = 1 - (cosines**2).sum(axis=1) + 2 * cosines.prod(axis=1)
    volumes = crystals.cells[:, :3].prod(axis=1) * np.sqrt(shapes)
    return (volumes <= definitions.max_volume) & (crystals.sites[ends] < definitions.max_sites)


def generator_of(definitions):
    """What draws the crystals of a config.

    Returns:
        a ``Generator``, or ``Mixed`` where the config wants altered structures; the ``Statistics``;
        and name of a field of the config → SHA-256 of the file that it stands for.

    Raises:
        InputError: if a file is missing, or no space group has enough structures.
    """
    from synthetic_spectra.crystals import statistics
    from synthetic_spectra.crystals.generator import Generator

    path = statistics.find(definitions.statistics)
    counted, checksum = _read(statistics.load, path)
    generator, checksums = (
        Generator(counted, limits(definitions)),
        {"statistics_sha256": checksum},
    )
    if definitions.altered_share:
        from synthetic_spectra.crystals.altered import Mixed

        path = statistics.structures_beside(path)
        structures, checksums["structures_sha256"] = _read(statistics.load_structures, path)
        structures = structures.chosen(np.flatnonzero(within(structures, definitions)))
        generator = Mixed(generator, structures, counted.elements, definitions.altered_share)
    return generator, counted, checksums


def _read(read, path):
    """What a function reads from a file, and the SHA-256 of that; files that stay as they were are
    read once."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; statistics_from_structures.py makes it")
    status = path.stat()
    return _read_once(read, path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _read_once(read, path, size, modified):
    return read(path), hashlib.sha256(path.read_bytes()).hexdigest()

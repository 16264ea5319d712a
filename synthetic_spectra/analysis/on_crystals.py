"""How often networks for space groups are right on sets of crystals, in all and by their kind.

Random crystals are those of the validation. Crystals of unseen types are the real ones of the test.
Others are the same with random coordinates, random lattices or both, which tells in what random
crystals differ from real ones (H. Schopmans, P. Reiser, P. Friederich, Digital Discovery 2, 1414
(2023)).
"""

import csv
import zipfile
from itertools import pairwise

import numpy as np
import pandas as pd

from synthetic_spectra.analysis import statistics, trained
from synthetic_spectra.analysis.table_files import COST, COUNTS
from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import written_whole
from synthetic_spectra.crystals import randomised, wyckoff
from synthetic_spectra.crystals.statistics import load
from synthetic_spectra.spectra import sources
from synthetic_spectra.training.outcome import RANKS, TOP, classified, top

RANDOM, UNSEEN, SPLIT = "random_crystals", "unseen_types", "random_split"
COORDINATES, LATTICES, BOTH = "random_coordinates", "random_lattices", "random_both"
# changes of the real crystals: set → functions, in this order
CHANGES = {
    COORDINATES: (randomised.with_random_coordinates,),
    LATTICES: (randomised.with_random_lattices,),
    BOTH: (randomised.with_random_lattices, randomised.with_random_coordinates),
}
PREDICTED = (RANDOM, *CHANGES)
REAL = (UNSEEN, SPLIT)  # the tests of trainings
# lower ends of groups of crystals: of the volume of the cell in Å³, and of the number of sites
VOLUMES = (0, 50, 100, 200, 400, 800, 1600, 3200)
SITES = (1, 2, 3, 4, 5, 6, 8, 11, 16, 21, 31, 51)
# what ``rows`` gives
KINDS = ("trained_on", "tested_on", "crystal_groups", "learning_curve")
FILE = "tested.npz"  # in the folder of a run


class TestSets:
    """The sets that networks are tested on.

    Args:
        data: the ``Dataset`` of random crystals, whose test has the real crystals of unseen types.

    Attributes:
        crystals: set → ``Crystals``, of those sets whose crystals are known; more may be added.
    """

    __test__ = False  # for pytest

    def __init__(self, data):
        self.data = data
        self._source = sources.stream(data.definitions)
        self.crystals = {UNSEEN: self._source.tests}
        self._spectra, self._kinds = {}, {}

    def kinds(self, name):
        """A number for the type of each crystal of a set, (n,), from 0 without gaps; None of random
        crystals, which have no types."""
        # random coordinates and lattices leave the type as it is
        name = UNSEEN if name in CHANGES else name
        if name in self.crystals and name not in self._kinds:
            numbers, kinds = {}, wyckoff.kinds(self.crystals[name])
            self._kinds[name] = np.array([numbers.setdefault(one, len(numbers)) for one in kinds])
        return self._kinds.get(name)

    def spectra(self, name):
        """Spectra (n, n_datapoints) and labels (n,) of a set, one of ``PREDICTED``."""
        if name == RANDOM:
            return self.data.x["val"], self.data.y["val"]
        if name not in self._spectra:
            definitions = self.data.definitions
            counted = load(definitions.statistics)
            crystals = self.crystals[UNSEEN]
            for change in CHANGES[name]:
                crystals = change(crystals, counted, definitions.rendering.seed)
            parts = list(self._source.of(crystals, (3, list(CHANGES).index(name))))
            self._spectra[name] = tuple(map(np.concatenate, zip(*parts, strict=True)))
        return self._spectra[name]


def ranks(run, names, sets):
    """Ranks of the true classes of some sets: those the run has kept, else made by its network.

    Args:
        run: the run, trained on the dataset of ``sets`` or on one with the same classes.
        names: sets, of ``PREDICTED``.
        sets: the ``TestSets``.

    Returns:
        set → (n,), from 1.

    Raises:
        InputError: if the network or what the run has kept cannot be read.
    """
    path = run.folder / FILE
    about = " ".join([run.settings.get("run_id", ""), sets.data.checksum])
    kept = {}
    if path.is_file():
        try:
            with np.load(path, allow_pickle=False) as file:
                kept = {name: file[name] for name in file.files}
        except (ValueError, OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: damaged, remove it to make it again: {error}") from None
    # another training in the same folder, or on other spectra
    if str(kept.pop("about", "")) != about:
        kept = {}
    missing = [name for name in names if name not in kept]
    if missing:
        notice(f"tested: {path.parent}")
        model = trained.load(run)

        from synthetic_spectra.training.batches import probabilities_of  # starts Keras

        for name in missing:
            spectra, labels = sets.spectra(name)
            found = classified(probabilities_of(model, spectra, labels), labels, name)
            kept[name] = found[RANKS.format(name)]
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, about=np.array(about), **kept)
    return {name: kept[name] for name in names}


def rows(run, data, sets, own, others):
    """Rows of the tables about one finished run, without what it was trained on.

    Args:
        run: the run.
        data: the ``Dataset`` that it was trained on, or that of its endless stream.
        sets: the ``TestSets``.
        own: name of the test set of ``data``.
        others: sets of ``PREDICTED``.

    Returns:
        key of ``table_files.TABLES``, of ``KINDS``, → rows.

    Raises:
        InputError: as ``ranks``, and if the run has kept no ranks.
    """
    summary, predicted = run.summary, run.predictions()
    if predicted is None or RANKS.format("test") not in predicted:
        raise InputError(f"{run.predictions_file}: no ranks; remove the folder to train it again")
    found = {own: predicted[RANKS.format("test")], **ranks(run, others, sets)}
    labels = {own: data.y["test"], RANDOM: sets.data.y["val"]}
    labels |= dict.fromkeys(CHANGES, sets.data.y["test"])
    size = data.definitions.patterns_per_epoch if run.identity.online else len(data.y["train"])
    of_run = {
        "spectra_seen": size * summary["trained_epochs"],
        **{column: summary.get(column) for column in (*COUNTS, *COST)},
        **top(predicted),
        "learning_rate": run.settings["learning_rate"],
        "multiply_accumulates": summary.get("multiply_accumulates"),
        **trained.origin(run),
    }
    made = {
        "trained_on": [of_run],
        "tested_on": tested(found, sets),
        "crystal_groups": by_property(found, labels, sets.crystals, data.definitions),
        "learning_curve": history(run, size),
    }
    identity = {**run.identity.columns(), "seed": run.identity.seed}
    return {kind: [identity | row for row in of_kind] for kind, of_kind in made.items()}


def tested(found, sets):
    """Rows for each set and number k of classes that are named: how often one is right.

    Intervals hold 95 %. Those of random crystals are Wilson's. Real crystals of one type are alike,
    so that their intervals come from drawing types.

    Args:
        found: set → ranks of the true classes (n,).
        sets: the ``TestSets``.
    """
    for name, of_set in found.items():
        right, kinds = np.array([of_set <= k for k in TOP]), sets.kinds(name)
        if kinds is not None:
            columns = {**statistics.over_types(right, kinds), "types": kinds.max() + 1}
        else:
            ends = [statistics.wilson(int(one.sum()), one.size) for one in right]
            columns = {"lower": [low for low, _ in ends], "upper": [high for _, high in ends]}
        columns = {"share": right.mean(axis=1)} | columns
        table = pd.DataFrame({"top": list(TOP), "correct": right.sum(axis=1), **columns})
        yield from table.assign(test_set=name, test_spectra=len(of_set)).to_dict("records")


def by_property(found, labels, crystals, definitions):
    """Rows for each set and group of its crystals, by crystal system, volume and number of sites:
    how often the likeliest class is right, and one of the five likeliest.

    Args:
        found: set → ranks of the true classes (n,).
        labels: set → true classes (n,).
        crystals: set → ``Crystals`` (n,), of those that are known.
        definitions: the resolved config.
    """
    for name, of_set in found.items():
        groups = [
            ("crystal_system", system, np.isin(labels[name], members), None, None)
            for system, members in definitions.groups().items()
        ]
        if name in crystals:
            volumes, sites = crystals[name].volumes, crystals[name].site_numbers
            groups += _bins("volume", volumes, VOLUMES, definitions.max_volume)
            groups += _bins("sites", sites, SITES, definitions.max_sites + 1)
        for what, group, members, lowest, highest in groups:
            if not members.any():
                continue
            yield {
                "test_set": name,
                "property": what,
                "group": group,
                "lowest": lowest,
                "highest": highest,
                "test_spectra": int(members.sum()),
                **{TOP[k]: int((of_set[members] <= k).sum()) for k in (1, 5)},
            }


def _bins(what, values, ends, last):
    """Groups of values: from one end on, below the next one."""
    ends = [end for end in ends if end < last] + [last]
    for lowest, highest in pairwise(ends):
        group = f"{lowest:g}–{highest:g}"
        if what == "sites":
            group = f"{lowest}" if highest == lowest + 1 else f"{lowest}–{highest - 1}"
        yield what, group, (values >= lowest) & (values < highest), lowest, highest


def history(run, spectra_per_epoch):
    """Rows of a run's history.csv, a row per epoch, with the number of spectra seen by its end."""
    with run.history_file.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            numbers = {name: float(value) for name, value in row.items() if value}
            seen = round(numbers["epoch"] * spectra_per_epoch)
            yield {"epoch": int(numbers.pop("epoch")), "spectra_seen": seen, **numbers}

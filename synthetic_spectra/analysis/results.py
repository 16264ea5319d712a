"""Tables in a results folder ⇄ DataFrames: the only reader and the only writer of them.

A user's tables lie in ``MADE``, those of this project in ``RECORD``. Every table has its own file:
``results/challenge.csv`` has a row per run, ``results/challenge_confusions.csv`` a row per network
and confused pair of classes, and so on, as ``TABLES`` says.
"""

from functools import cached_property
from pathlib import Path

import pandas as pd

from synthetic_spectra.analysis import table_files
from synthetic_spectra.analysis.table_files import TABLES, WITHOUT_POINT
from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import alone, write_text
from synthetic_spectra.training.run import Identity

# the default folder of scripts that write tables; scripts that read look into RECORD too
MADE = Path("output/results")
# the results of this project, and the published ones; part of the checkout
RECORD = Path(__file__).resolve().parents[2] / "results"


class Results:
    """The tables of one config in one folder, read when they are asked for; None without a file.

    Args:
        folder: of the tables.
        name: of the config.
    """

    def __init__(self, folder, name):
        self.folder = Path(folder)
        self.name = name

    @cached_property
    def runs(self):
        """A row per run: what it is, what it misclassifies, what it cost, all its settings."""
        return self._table("runs")

    @cached_property
    def confusions(self):
        """A row per network and confused pair of classes."""
        return self._table("confusions")

    @cached_property
    def groups(self):
        """A row per network and group of classes, and per network and cause of the groups."""
        return self._table("groups")

    @cached_property
    def differences(self):
        """A row per pair of networks."""
        return self._table("differences")

    @cached_property
    def ceiling(self):
        """A row per test spectrum: what the Bayes-optimal classifier makes of it."""
        return self._table("ceiling")

    @cached_property
    def robustness(self):
        """A row per run, artefact and strength of the artefact."""
        return self._table("robustness")

    @cached_property
    def ablation(self):
        """A row per variant and run."""
        return self._table("ablation")

    @cached_property
    def batch_statistics(self):
        """A row per run with batch normalisation and kind of its statistics."""
        return self._table("batch_statistics")

    @cached_property
    def library_size(self):
        """A row per run and number of classes."""
        return self._table("library_size")

    @cached_property
    def trained_on(self):
        """A row per kind of crystals that networks for space groups were trained on, and run."""
        return self._table("trained_on")

    @cached_property
    def tested_on(self):
        """A row per run of ``trained_on``, set of crystals and number of classes it may name."""
        return self._table("tested_on")

    @cached_property
    def crystal_groups(self):
        """A row per run of ``trained_on``, set of crystals and group of them: by crystal system, by
        volume, by number of sites."""
        return self._table("crystal_groups")

    @cached_property
    def learning_curve(self):
        """A row per run of ``trained_on`` and epoch."""
        return self._table("learning_curve")

    @cached_property
    def identification(self):
        """A row per spectrum that was identified: its kind, the answer, how sure it is."""
        return self._table("identification")

    @cached_property
    def effects(self):
        """A row per run of space groups and experimental effect on its test spectra."""
        return self._table("effects")

    @cached_property
    def measured(self):
        """A row per measured file and method: its names, the answer, the rank of the truth."""
        table = self._table("measured")
        # a file may hold nothing of the library, and get no answer
        return None if table is None else table.fillna({"names": "", "answer": ""})

    @cached_property
    def crystals(self):
        """A row per descriptor and way of drawing: how far random crystals are from real ones."""
        return self._table("crystals")

    @property
    def n_test(self):
        """Number of test spectra.

        Raises:
            InputError: if every run diverged, so that none was counted.
        """
        counts = self.runs.test_spectra.dropna()
        if counts.empty:
            raise InputError(
                f"{self.path('runs')}: every run diverged, there are no errors to show"
            )
        return int(counts.max())

    def path(self, kind):
        """The file of a table, whether it is there or not.

        Args:
            kind: a key of ``TABLES``.
        """
        return self.folder / TABLES[kind].file.format(self.name)

    def _table(self, kind):
        path = self.path(kind)
        return table_files.read(path, kind, self.name) if path.is_file() else None


def read(results_dir, name, needed="runs"):
    """The tables of a config.

    Those in ``MADE`` come first, those in ``RECORD`` second: a line on stderr says which are
    taken. Any other folder is taken as it is.

    Args:
        results_dir: folder of the tables.
        name: of the config.
        needed: the table that must be there, a key of ``TABLES``.

    Returns:
        ``Results``, all from one folder.

    Raises:
        InputError: if the needed table is missing or damaged; another one raises it when it is
            asked for.
    """
    found = located(results_dir, name, needed)
    if found is None:
        path = Results(results_dir, name).path(needed)
        raise InputError(f"{path}: no such file; {table_files.how_to_make(needed, name)}")
    if Path(results_dir) == MADE:
        notice(f"taken from {found.path(needed)}")
    getattr(found, needed)  # one that is damaged is refused now
    return found


def located(results_dir, name, needed="runs"):
    """The ``Results`` that ``read`` gives, None where it would miss the needed table."""
    folders = [results_dir, RECORD] if Path(results_dir) == MADE else [results_dir]
    for found in (Results(folder, name) for folder in folders):
        if found.path(needed).is_file():
            return found
    return None


def read_published():
    """The published results: config, model, hidden_activation, seed, quantity, value, source.

    The columns model_args, online, ema_momentum and those of ``Identity.ADDED`` are added, so that
    rows can be matched with those of this project.
    """
    return pd.read_csv(RECORD / "published.csv").assign(
        model_args="", online=False, ema_momentum=0.0, **Identity.ADDED
    )


def alone_in(results_dir):
    """A context in which no other process writes tables into a folder; it waits for those that do.

    Hold it from reading rows that are to be kept until ``write``, or another process's rows may be
    lost in between.
    """
    folder = Path(results_dir)
    return alone(folder / ".lock", f"{folder}: another process writes there, this one waits")


def write(results_dir, name, tables):
    """Write tables of a config, each whole or not at all; remove the file of one without rows.

    Args:
        results_dir: folder of the tables.
        name: of the config.
        tables: key of ``TABLES`` → DataFrame.

    Returns:
        the ``Results``, with these tables as they are read again.
    """
    found = Results(results_dir, name)
    written = []
    for kind, table in tables.items():
        path = found.path(kind)
        if table.empty:
            path.unlink(missing_ok=True)
            continue
        # a setting that no network of the table has stays out of it, as out of older ones
        added = [n for n, value in Identity.ADDED.items() if n in table and all(table[n] == value)]
        table = table.drop(columns=added)
        # pandas makes floats of whole numbers beside an empty cell
        whole = [name for name in WITHOUT_POINT if name in table]
        whole = [name for name in whole if (pd.to_numeric(table[name]).dropna() % 1 == 0).all()]
        table = table.astype(dict.fromkeys(whole, "Int64"))
        text = table.to_csv(index=False, float_format=TABLES[kind].float_format)
        write_text(path, text)
        written.append(str(path))
    if written:
        notice(f"wrote {', '.join(written)}")
    for kind in tables:
        getattr(found, kind)
    return found


def kept(found, kind, rows):
    """The rows of a table that is there about networks which new rows do not have.

    Args:
        found: the ``Results`` that hold the table.
        kind: a key of ``TABLES`` with columns of a network.
        rows: the new rows.

    Raises:
        InputError: if both are about the same dataset, but about other arrays.
    """
    table, earlier = TABLES[kind], getattr(found, kind)
    columns = list(table.network)
    new = set(rows[columns].itertuples(index=False, name=None)) if len(rows) else set()
    elsewhere = earlier[
        [row not in new for row in earlier[columns].itertuples(index=False, name=None)]
    ]
    if "dataset_checksum" in rows and "dataset_checksum" in elsewhere:
        arrays = pd.concat([elsewhere, rows])[
            [*table.dataset, "dataset_checksum"]
        ].drop_duplicates()
        if arrays.duplicated(list(table.dataset)).any():
            raise InputError(
                f"{found.path(kind)}: holds rows of other arrays than those at hand; "
                "leave --keep out"
            )
    return elsewhere


def by_network(table):
    """The rows of a table network by network, in the order of its rows: (``Identity``, rows)."""
    columns = list(Identity.COLUMNS)
    for values, rows in table.groupby(columns, sort=False):
        yield Identity.from_columns(dict(zip(columns, values, strict=True))), rows

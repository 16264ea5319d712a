"""Tables in a results folder ⇄ DataFrames: the only reader and the only writer of them.

A user's tables lie in ``MADE``, those of this project in ``RECORD``. Every table has its own file:
``results/challenge.csv`` has a row per run, ``results/challenge_confusions.csv`` a row per network
and confused pair of classes, and so on, as ``TABLES`` says.
"""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.common.files import write_text
from synthetic_spectra.training.run import Identity

# the default folder of scripts that write tables; scripts that read look into RECORD too
MADE = Path("output/results")
# the results of this project, and the published ones; part of the checkout
RECORD = Path(__file__).resolve().parents[2] / "results"


@dataclass(frozen=True)
class Table:
    """What a table is, and how it is kept.

    ``file``: its name, with {} for that of the config. ``script``: what writes it. ``columns``:
    those it must have. ``network``: the columns that tell whose rows are whose, for ``kept``.
    ``float_format``: of its numbers, None for all digits.
    """

    file: str
    script: str
    columns: tuple
    network: tuple = ()
    float_format: str | None = None


EXPECTED = ("expected_random", "expected_nearest")
# where a run was made
ORIGIN = ("dataset_checksum", "backend", "device", "versions")
COUNTS = ("test_misclassified", "val_misclassified", "train_misclassified", "test_spectra")
COST = ("trained_epochs", "minutes")

NETWORK = Identity.COLUMNS
SIX = "%.6g"

TABLES = {
    "runs": Table(
        "{}.csv",
        "evaluate.py",
        ("config", *NETWORK, "seed", *COUNTS, "test_accuracy", "outcome", *COST, *ORIGIN),
        NETWORK,
    ),
    "confusions": Table(
        "{}_confusions.csv",
        "evaluate.py",
        (*NETWORK, "class_a", "class_b", "cause", "misclassified"),
        NETWORK,
        SIX,
    ),
    "groups": Table(
        "{}_groups.csv",
        "evaluate.py",
        (*NETWORK, "group", "cause", "accuracy", *EXPECTED),
        NETWORK,
        SIX,
    ),
    "differences": Table(
        "{}_differences.csv",
        "evaluate.py",
        ("model_a", "model_b", "difference", "p_mcnemar"),
        (),
        SIX,
    ),
    "ceiling": Table(
        "ceiling_{}.csv", "studies/dataset_ceiling.py", ("label", "verdict", *EXPECTED), (), SIX
    ),
    "robustness": Table(
        "robustness_{}.csv",
        "studies/robustness.py",
        (*NETWORK, "artefact", "strength", "trained", "seed", "test_misclassified", "test_spectra"),
        (*NETWORK, "trained"),
    ),
    "ablation": Table(
        "ablation_{}.csv",
        "studies/ablation.py",
        ("variant", "model", "seed", "test_misclassified", "test_spectra", *COST),
    ),
}
# columns that hold numbers or truth values in whatever table: kinds of NumPy data types, and words
WHOLE, REAL, TRUTH = ("iu", "whole numbers"), ("iuf", "numbers"), ("b", "True or False")
KINDS = {
    **dict.fromkeys(("seed", "class_a", "class_b", "label"), WHOLE),
    "online": TRUTH,
    **dict.fromkeys((*COUNTS, *COST, *EXPECTED), REAL),
    **dict.fromkeys(("ema_momentum", "test_accuracy", "parameters", "best_epoch"), REAL),
    **dict.fromkeys(("multiply_accumulates", "accuracy", "misclassified", "strength"), REAL),
    **dict.fromkeys(("difference", "lower", "upper", "p_mcnemar"), REAL),
}


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

    def path(self, kind):
        """The file of a table, whether it is there or not.

        Args:
            kind: a key of ``TABLES``.
        """
        return self.folder / TABLES[kind].file.format(self.name)

    def _table(self, kind):
        path = self.path(kind)
        return read_table(path, kind, self.name) if path.is_file() else None


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
    found = Results(results_dir, name)
    if found.folder == MADE:
        record = Results(RECORD, name)
        if not found.path(needed).is_file() and record.path(needed).is_file():
            found = record
        if found.path(needed).is_file():
            print(f"taken from {found.path(needed)}", file=sys.stderr)
    if getattr(found, needed) is None:
        raise InputError(f"{found.path(needed)}: no such file; {how_to_make(needed, name)}")
    return found


def read_table(path, kind, name):
    """Read one table and check it; no model arguments are "".

    Args:
        path: of the file.
        kind: a key of ``TABLES``.
        name: of the config.

    Raises:
        InputError: if the file is no CSV, or lacks a column or rows, or a column holds something
            else than it should.
    """
    try:
        table = pd.read_csv(path, dtype={"model_args": "str"})
    except ValueError as error:
        raise _damaged(path, first_line(error), kind, name) from None
    missing = [column for column in TABLES[kind].columns if column not in table]
    if missing:
        raise _damaged(path, f"no column {', '.join(missing)}", kind, name)
    if table.empty:
        raise _damaged(path, "no rows", kind, name)
    for column in table.columns.intersection(list(KINDS)):
        kinds, expected = KINDS[column]
        if table[column].dtype.kind not in kinds and not table[column].isna().all():
            wrong = table[column][[not _is_of(value, kinds) for value in table[column]]]
            reason = f"{column} holds {str(wrong.iloc[0])!r}, expected {expected}"
            raise _damaged(path, reason, kind, name)
    if "model_args" in table:
        table = table.fillna({"model_args": ""})
        for text in table.model_args.unique():
            try:
                Identity.from_columns({"model": "", "hidden_activation": "", "model_args": text})
            except ValueError:
                reason = f"model_args holds {text!r}, expected text such as dropout=0.5"
                raise _damaged(path, reason, kind, name) from None
    return table


def read_published():
    """The published results: config, model, hidden_activation, seed, quantity, value, source.

    The columns model_args, online and ema_momentum are added, so that rows can be matched with
    those of this project.
    """
    return pd.read_csv(RECORD / "published.csv").assign(
        model_args="", online=False, ema_momentum=0.0
    )


def write(results_dir, name, tables):
    """Write tables of a config, each whole or not at all; remove the file of one without rows.

    Args:
        results_dir: folder of the tables.
        name: of the config.
        tables: key of ``TABLES`` → DataFrame.

    Returns:
        the ``Results``, which hold these tables.
    """
    found = Results(results_dir, name)
    written = []
    for kind, table in tables.items():
        path = found.path(kind)
        vars(found)[kind] = None if table.empty else table
        if table.empty:
            path.unlink(missing_ok=True)
            continue
        text = table.to_csv(index=False, float_format=TABLES[kind].float_format)
        write_text(path, text)
        written.append(str(path))
    if written:
        print(f"wrote {', '.join(written)}", file=sys.stderr)
    return found


def kept(kind, earlier, rows):
    """The rows of an earlier table about networks that new rows do not have.

    Args:
        kind: a key of ``TABLES`` with columns of a network.
        earlier: the table as it was read.
        rows: the new rows.
    """
    columns = list(TABLES[kind].network)
    new = pd.MultiIndex.from_frame(rows[columns]) if len(rows) else []
    return earlier[~np.isin(pd.MultiIndex.from_frame(earlier[columns]), new)]


def by_network(table):
    """The rows of a table network by network, in the order of its rows: (``Identity``, rows)."""
    columns = list(Identity.COLUMNS)
    for values, rows in table.groupby(columns, sort=False):
        yield Identity.from_columns(dict(zip(columns, values, strict=True))), rows


def how_to_make(kind, name):
    """The command that makes a table, in words."""
    return f"make it: python {TABLES[kind].script} --config {name}"


def _is_of(value, kinds):
    if kinds == "b":
        return str(value) in ("True", "False")
    number = pd.to_numeric(value, errors="coerce")
    return number % 1 == 0 if kinds == "iu" else not pd.isna(number)


def _damaged(path, reason, kind, name):
    return InputError(f"{path}: {reason}; {how_to_make(kind, name)}")

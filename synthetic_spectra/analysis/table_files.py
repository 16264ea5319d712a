"""One file of results → a checked DataFrame: what each table is called, and what it must hold."""

from dataclasses import dataclass

import pandas as pd

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.training.outcome import TOP
from synthetic_spectra.training.run import Identity


@dataclass(frozen=True)
class Table:
    """What a table is, and how it is kept.

    ``file``: its name, with {} for that of the config. ``script``: what writes it. ``columns``:
    those it must have. ``network``: the columns that tell whose rows are whose, and ``dataset``
    those that tell which spectra a row is about, for ``kept``. ``float_format``: of its numbers,
    None for all digits.
    """

    file: str
    script: str
    columns: tuple
    network: tuple = ()
    float_format: str | None = None
    dataset: tuple = ("config",)


EXPECTED = ("expected_random", "expected_nearest")
# where a run was made
ORIGIN = ("dataset_checksum", "backend", "device", "versions")
COUNTS = ("test_misclassified", "val_misclassified", "train_misclassified", "test_spectra")
COST = ("trained_epochs", "minutes")

# columns of whole numbers that stay without a decimal point where some rows have none
SETTINGS = ("batch_size", "epochs", "learning_rate_patience", "stopping_patience")
SIZES = ("spectra_seen", "trained_epochs", "best_epoch", "parameters", "multiply_accumulates")
WITHOUT_POINT = (*COUNTS, *TOP.values(), *SIZES, *SETTINGS, "types")

NETWORK = Identity.COLUMNS
FILES = ("listed", "named", "found")  # numbers of names of a measured file
# how often networks for space groups are right, and for which crystals
SHARE = ("test_spectra", "correct", "share", "lower", "upper")
BIN = ("lowest", "highest", "test_spectra", TOP[1], TOP[5])
STUDY = "studies/space_groups.py"
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
        dataset=("artefact", "strength"),
    ),
    "ablation": Table(
        "ablation_{}.csv",
        "studies/ablation.py",
        ("variant", "model", "seed", "test_misclassified", "test_spectra", *COST),
    ),
    "batch_statistics": Table(
        "batch_statistics_{}.csv",
        "studies/batch_statistics.py",
        ("config", *NETWORK, "seed", "best_epoch", "statistics", *COUNTS, *ORIGIN),
        NETWORK,
    ),
    "effects": Table(
        "effects_{}.csv",
        "studies/experimental_effects.py",
        ("trained_on", *NETWORK, "seed", "effect", "test_spectra", *TOP.values()),
    ),
    "measured": Table(
        "measured_{}.csv",
        "evaluate.py --measured labels.csv",
        ("config", "method", "file", "names", *FILES, "rank", "certainty", "sure"),
        ("method",),
        SIX,
    ),
    "library_size": Table(
        "library_size_{}.csv",
        "studies/library_size.py",
        ("n_classes", *NETWORK, "seed", "test_spectra", *TOP.values(), *COST),
        NETWORK,
        dataset=("n_classes",),
    ),
    "trained_on": Table(
        "trained_on_{}.csv",
        STUDY,
        ("trained_on", *NETWORK, "seed", "spectra_seen", *COUNTS, *TOP.values(), *COST),
    ),
    "tested_on": Table(
        "tested_on_{}.csv",
        STUDY,
        ("trained_on", *NETWORK, "seed", "test_set", "top", *SHARE, "type_mean"),
        float_format=SIX,
    ),
    "crystal_groups": Table(
        "crystal_groups_{}.csv",
        STUDY,
        ("trained_on", *NETWORK, "seed", "test_set", "property", "group", *BIN),
        float_format=SIX,
    ),
    "learning_curve": Table(
        "learning_curve_{}.csv",
        STUDY,
        ("trained_on", *NETWORK, "seed", "epoch", "spectra_seen", "accuracy", "val_accuracy"),
        float_format=SIX,
    ),
    "identification": Table(
        "identification_{}.csv",
        "studies/identification_calibration.py",
        ("kind", "names", "cosine", "explained", "certainty", "phases", "right"),
        (),
        SIX,
    ),
    "crystals": Table(
        "crystals_{}.csv",
        "studies/random_crystals.py",
        ("way", "descriptor", "distance", "random_median", "real_median"),
        (),
        SIX,
    ),
}
# columns that hold numbers or truth values in whatever table: kinds of NumPy data types, and words
WHOLE, REAL, TRUTH = ("iu", "whole numbers"), ("iuf", "numbers"), ("b", "True or False")
KINDS = {
    **dict.fromkeys(("seed", "n_classes", "class_a", "class_b", "label", "top", "epoch"), WHOLE),
    **dict.fromkeys(FILES, WHOLE),
    **dict.fromkeys(("online", "feature_scaling", "right", "sure"), TRUTH),
    **dict.fromkeys(("cosine", "explained", "certainty", "rank", "distance"), REAL),
    **dict.fromkeys((*COUNTS, *TOP.values(), *COST, *EXPECTED), REAL),
    **dict.fromkeys(("ema_momentum", "test_accuracy", "parameters", "best_epoch"), REAL),
    **dict.fromkeys(("multiply_accumulates", "accuracy", "misclassified", "strength"), REAL),
    **dict.fromkeys(("difference", "lower", "upper", "p_mcnemar"), REAL),
    **dict.fromkeys(("share", "type_mean", "lowest", "highest", "val_accuracy"), REAL),
}


def read(path, kind, name):
    """Read one table and check it; no model arguments are "", and settings of runs that it is too
    old for are as they were then.

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
    if "model" in table:
        table = table.assign(
            **{name: value for name, value in Identity.ADDED.items() if name not in table}
        )
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

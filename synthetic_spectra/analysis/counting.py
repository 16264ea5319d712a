"""Finished runs of a dataset → what each of them misclassifies, and the tables of all of them."""

import time

import numpy as np
import pandas as pd

from synthetic_spectra.analysis import confusions, results, statistics, table_files, trained
from synthetic_spectra.analysis.ceiling import ceiling
from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.training import outcome
from synthetic_spectra.training.run import Identity


def count_all(finished, data, problems):
    """Count what runs misclassify; a run that cannot be counted keeps no other from its row.

    Args:
        finished: the runs.
        data: the ``Dataset``.
        problems: takes a sentence for each run that cannot be counted.

    Returns:
        rows of the table of runs, and predicted labels of the test spectra for each of them.
    """
    rows, predicted = [], []
    started = time.monotonic()
    for i, run in enumerate(finished, start=1):
        try:
            row, labels = count(run, data)
            rows.append(row)
            predicted.append(labels)
        except InputError as error:
            problems.append(str(error))
        left = (time.monotonic() - started) / i * (len(finished) - i)
        notice(f"{i} of {len(finished)} runs, {left:.0f} s left: {run.name}")
    return rows, predicted


def count(run, data):
    """The row of one run: what it is, what it misclassifies, what it cost, and all its settings.

    All three splits are counted with dropout off. The published training counts come from the
    accuracy that Keras shows during training, with dropout on, and are higher for that reason.

    Returns:
        the row, and the predicted labels of the test spectra (n,), -1 for all if the run diverged.

    Raises:
        InputError: if the run was trained on other arrays, or its model cannot be read.
    """
    trained.refuse_other_arrays(run, data)
    first = {"config": run.settings["config"], **run.identity.columns(), "seed": run.identity.seed}
    if trained.predicts(run):
        predicted = trained.predictions(run, data)
        first |= data.misclassified(predicted) | outcome.top(predicted)
        labels = predicted["test"]
    else:
        # what was not counted has its columns all the same
        first |= dict.fromkeys((*table_files.COUNTS, "test_accuracy"), np.nan) | outcome.top({})
        labels = np.full(len(data.y["test"]), -1)
    # runs from before outcomes were recorded have none
    unknown = {"outcome": ""}
    return first | unknown | run.summary | run.settings | first | trained.origin(run), labels


def write_tables(results_dir, runs, predicted, data, keep=False):
    """Write the tables of a config: runs, confusions, groups, differences, and the ceiling.

    Args:
        results_dir: folder of the tables.
        runs: rows as ``count`` gives them; the index says which row of ``predicted`` is theirs.
        predicted: predicted labels (runs, test spectra), -1 for those of a run that diverged.
        data: the ``Dataset``.
        keep: whether rows stay that are there about networks which ``runs`` does not have.

    Returns:
        the ``Results``.

    Raises:
        InputError: if rows that are to be kept are of other arrays, or cannot be read.
    """
    # runs that diverged predict nothing
    labels = data.y["test"]
    # the ceiling is of peaks alone, and long to calculate for large libraries
    ideal = data.definitions.has_peaks and not data.definitions.artefacts()
    limit = ceiling(data.definitions) if ideal else pd.DataFrame()
    converged = runs[runs.outcome != "diverged"]
    given = (converged, predicted, labels, data.definitions, limit)
    written = {
        "runs": runs,
        "confusions": confusions.confused_pairs(*given),
        "groups": confusions.group_accuracies(*given),
        "ceiling": limit,
    }
    for kind in ("confusions", "groups"):
        written[kind].insert(0, "config", data.name)

    # rows of networks whose runs are elsewhere
    earlier = results.Results(results_dir, data.name)
    keep = keep and earlier.path("runs").is_file()
    if keep:
        elsewhere = results.kept(earlier, "runs", runs)
        for kind in ("confusions", "groups"):
            if getattr(earlier, kind) is not None:
                rows = results.kept(earlier, kind, runs)
                written[kind] = in_order(pd.concat([rows, written[kind]]))
        # rows without predictions come after those that have some
        elsewhere = elsewhere.set_index(len(predicted) + np.arange(len(elsewhere)))
        written["runs"] = in_order(pd.concat([runs, elsewhere]))

    # every two networks, those elsewhere too
    written["differences"] = statistics.differences(
        written["runs"][written["runs"].outcome != "diverged"],
        dict(enumerate(predicted == labels)),
        earlier.differences if keep else None,
    )
    if len(written["differences"]):
        written["differences"].insert(0, "config", data.name)
    return results.write(results_dir, data.name, written)


def in_order(rows):
    """Rows of a table, those of a network together and by their seeds.

    Networks come in the order in which their results were published, then by name.
    """
    published = list(dict.fromkeys(results.read_published().model))
    models = [*published, *sorted(set(rows.model) - set(published))]
    columns = [column for column in (*Identity.COLUMNS, "seed") if column in rows]
    return rows.sort_values(
        columns,
        key=lambda column: column.map(models.index) if column.name == "model" else column,
        kind="stable",
    )


def refuse_mixed(runs, settings):
    """Raise InputError if the runs of a network differ in more than their seed.

    Args:
        runs: rows as ``count`` gives them, of one config.
        settings: the columns that must be equal, as far as they are there.
    """
    for network, rows in results.by_network(runs):
        for column in [name for name in settings if name in rows]:
            values = rows[column].drop_duplicates() if column not in ("seed", "run_id") else ()
            if len(values) > 1:
                raise InputError(
                    f"{network.label}: its runs differ in {column} ({'; '.join(map(str, values))}) "
                    "and are not averaged; --mixed averages them all the same"
                )

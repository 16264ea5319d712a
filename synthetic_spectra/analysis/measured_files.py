"""Labelled measured files → how networks, similarity and mixtures name them, and the sums of that.

A list of files is a CSV with the columns ``file``, a path relative to the CSV, and ``names``: what
the sample is, by a name or an alias of a class. The names of a mixture stand between " + ". Without
a name the file holds nothing of the library.
"""

import io
import time
from pathlib import Path

import numpy as np
import pandas as pd

from synthetic_spectra.analysis import results, trained
from synthetic_spectra.analysis.statistics import wilson
from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.measured.tables import decoded

PLUS = " + "  # between the names of a mixture
COSINE, MIXTURE = "cosine similarity", "non-negative least squares"  # methods beside the networks
TOP = (1, 3, 5)
LISTED = ("file", "names")  # columns of a list of files


def read_list(path):
    """The files that a CSV lists, and what each of them holds.

    Returns:
        list of (file as the CSV has it, its path, tuple of names).

    Raises:
        InputError: if it is no such CSV, or a row has no file.
    """
    try:
        # spreadsheets of some countries write semicolons, and no UTF-8
        text = (decoded(Path(path).read_bytes()) or "").lstrip()
        head = text.partition("\n")[0]
        columns = {mark: [cell.strip(' "\r') for cell in head.split(mark)] for mark in ",;"}
        mark = ";" if set(LISTED) <= set(columns[";"]) else ","
        table = pd.read_csv(io.StringIO(text), sep=mark, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', '') or first_line(error)}") from None
    for column in LISTED:
        if column not in table:
            raise InputError(f"{path}: no column {column}, expected file and names")
    if table.empty:
        raise InputError(f"{path}: no rows")
    listed = []
    for row, (file, names) in enumerate(zip(table.file, table.names, strict=True), start=2):
        if not file:
            raise InputError(f"{path}: row {row} has no file")
        names = tuple(name.strip() for name in names.split(PLUS) if name.strip())
        listed.append((file, Path(path).parent / file, names))
    return listed


def networks(runs_dir, datasets_dir, name, definitions, problems):
    """The networks of all finished runs of a config that did not diverge.

    Args:
        runs_dir, datasets_dir: folders, as of ``trained.folder_of`` and ``trained.load_for``.
        name: of the config.
        definitions: the resolved config.
        problems: takes a sentence for each run that is left out.

    Returns:
        name of the run → function that gives the probabilities (n, classes) of spectra, float32
        (n, n_datapoints).
    """
    folder = trained.folder_of(runs_dir, name)
    if folder is None:
        notice(f"no finished run in {Path(runs_dir) / name}: no network is compared")
        return {}
    runs, unreadable = trained.finished(folder, name)
    problems += unreadable
    found = {}
    for run in trained.with_network(filter(trained.predicts, runs)):
        try:
            found[run.name] = trained.classifier(run, definitions, datasets_dir)
        except InputError as error:
            problems.append(str(error))
    return found


def count_all(path, name, identifier, models, problems):
    """What every method makes of the files in a list.

    Args:
        path: of the list, see ``read_list``.
        name: of the config.
        identifier: the ``identification.Identifier`` of the config.
        models: name of a method → function, as ``networks`` gives them; any scores will do, the
            higher the more probable, and none for a class whose score is not above 0.
        problems: takes a sentence for each file that cannot be counted.

    Returns:
        rows of the table ``measured``, column → value: ``method``, ``file`` and ``names`` as in the
        list, ``answer``; ``listed`` names, ``named`` by the answer, ``found`` by it; ``rank`` of
        the true name, of a mixture that of its best one, NaN if it has none; ``certainty`` of the
        mixture, and whether it is ``sure``: both are the same for all methods.

    Raises:
        InputError: if the list cannot be read.
    """
    definitions = identifier.definitions
    labels = labels_by_name(definitions)
    classes = [definition.name for definition in definitions.spectra.values()]
    rows, spectra, counted = [], [], []
    listed = read_list(path)
    started = time.monotonic()
    for i, (file, place, names) in enumerate(listed, start=1):
        try:
            for one in names:
                if one.casefold() not in labels:
                    raise InputError(f"{file}: no class of {name} is called {one!r}")
            on_axis, spectrum = identifier.spectrum(place)
        except InputError as error:
            problems.append(str(error))
            continue

        # what all methods have in common
        phases, explained = identifier.library.mixture(spectrum)
        certainty = identifier.certainty(spectrum, phases, explained)
        truth = [labels[one.casefold()] for one in names]
        first = {"config": name, "file": file, "names": PLUS.join(names), "listed": len(names)}
        last = {"certainty": certainty, "sure": certainty >= identifier.least_certainty}

        # similarity names one substance, least squares as many as they need
        cosines, _, _ = identifier.library.similarities(spectrum)
        shares = np.zeros(len(classes))
        shares[[phase.label for phase in phases]] = [phase.share for phase in phases]
        for method, scores, most in ((COSINE, cosines, 1), (MIXTURE, shares, len(shares))):
            rows.append({"method": method, **first, **ranked(scores, most, classes, truth), **last})
        spectra.append(identifier.for_network(on_axis, spectrum))
        counted.append((first, truth, last))
        left = (time.monotonic() - started) / i * (len(listed) - i)
        notice(f"{i} of {len(listed)} files, {left:.0f} s left: {file}")

    # networks see all spectra at once, and name one substance
    inputs = np.array(spectra, "float32")
    for method, model in models.items() if counted else ():
        for scores, (first, truth, last), spectrum in zip(
            model(inputs), counted, inputs, strict=True
        ):
            scores = scores if spectrum.any() else np.zeros(len(classes))
            rows.append({"method": method, **first, **ranked(scores, 1, classes, truth), **last})
    return rows


def write(results_dir, name, rows, keep):
    """Write the table ``measured`` of a config.

    Args:
        results_dir: folder of the tables.
        name: of the config.
        rows: as ``count_all`` gives them.
        keep: whether rows stay that are there of other methods.

    Returns:
        the ``Results``.
    """
    table = pd.DataFrame(rows)
    with results.alone_in(results_dir):
        earlier = results.Results(results_dir, name)
        if keep and earlier.measured is not None:
            table = pd.concat([table, results.kept(earlier, "measured", table)])
        return results.write(results_dir, name, {"measured": table})


def labels_by_name(definitions):
    """Name of a class, or alias, in small letters → labels of the classes that have it."""
    labels = {}
    for label, definition in enumerate(definitions.spectra.values()):
        for substance in (definition, *definition.aliases):
            labels.setdefault(substance.name.casefold(), set()).add(label)
    return labels


def ranked(scores, most, classes, truth):
    """What a method answers, and where the truth stands in its order.

    Args:
        scores: of the classes, (classes,); a class without a positive one is not in the order.
        most: number of classes that the answer has at most.
        classes: their names; several classes of one name are one answer.
        truth: of each phase the set of labels that are right.

    Returns:
        columns ``answer``, ``named``, ``found`` and ``rank``, see ``count_all``.
    """
    order = [int(label) for label in np.argsort(-scores, kind="stable") if scores[label] > 0]
    answer = set(order[:most])
    named = list(dict.fromkeys(classes[label] for label in order[:most]))
    names = list(dict.fromkeys(classes[label] for label in order))
    right = [label for label in order if any(label in labels for labels in truth)]
    return {
        "answer": PLUS.join(named),
        "named": len(named),
        "found": sum(bool(answer & labels) for labels in truth),
        "rank": 1 + names.index(classes[right[0]]) if right else np.nan,
    }


def summary(table):
    """A line for each method: right names with Wilson intervals, phases of mixtures, rejections.

    A file is rejected where ``identify.py`` says "no confident match". That is wrong where the
    first name of the method is a true one, and right everywhere else.

    Args:
        table: ``measured`` of ``results.Results``.
    """
    lines = []
    for method, rows in table.groupby("method", sort=False):
        single, mixtures = rows[rows.listed == 1], rows[rows.listed > 1]
        unlisted, rejected = rows[rows.listed == 0], rows[~rows.sure]
        lines.append(
            {
                "method": method,
                "files": len(rows),
                **{f"top {k}": share(single["rank"] <= k) for k in TOP},
                "mixtures": len(mixtures) or "",
                **{
                    f"phases {column}": mixtures[values].sum() if len(mixtures) else ""
                    for column, values in
                    (("in truth", "listed"), ("named", "named"), ("found", "found"))
                },
                "rejected rightly": (rejected["rank"] != 1).sum(),
                "rejected wrongly": (rejected["rank"] == 1).sum(),
                "unlisted, rejected": share(~unlisted.sure),
            }
        )  # fmt: skip
    return pd.DataFrame(lines)


def share(right):
    """How many of some files, and the 95 % interval of their share, in words; "" of no files.

    Args:
        right: of each file, (n,) bool.
    """
    if not len(right):
        return ""
    low, high = wilson(int(right.sum()), len(right))
    return f"{right.sum()} of {len(right)} ({100 * low:.0f}–{100 * high:.0f} %)"

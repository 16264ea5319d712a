"""Labelled measured diffractograms → how often networks name their space groups.

The list is that of ``measured_files``. A name is that of a class, as "P3121 or P3221", the short
symbol of a space group, or its number.
"""

import numpy as np

from synthetic_spectra.analysis import measured_files, trained
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals.symmetry import symbol
from synthetic_spectra.measured import diffractogram


def count_all(path, name, runs, datasets_dir, wavelength, problems):
    """What networks make of the files in a list.

    Args:
        path: of the list, see ``measured_files.read_list``.
        name: of the config.
        runs: finished runs of one dataset, which have networks.
        datasets_dir: folder that holds a folder per dataset.
        wavelength: of the measurements in Å; None where the files tell.
        problems: takes a sentence for each file that cannot be counted, and for each run.

    Returns:
        rows of the table ``measured``, as of ``measured_files.count_all``; ``certainty`` is the
        probability of the answer, and every answer is ``sure``.

    Raises:
        InputError: if the list cannot be read, or there is no dataset.
    """
    # 1. the files, as the networks of this dataset get them
    definitions = trained.trained_on(runs[0], datasets_dir)
    labels = labels_by_name(definitions)
    spectra, counted = [], []
    for file, place, names in measured_files.read_list(path):
        try:
            for one in names:
                if one.casefold() not in labels:
                    raise InputError(f"{file}: no class of {name} is called {one!r}")
            spectra.append(diffractogram.read(place, definitions, wavelength).intensities)
        except InputError as error:
            problems.append(str(error))
            continue
        listed = {"names": measured_files.PLUS.join(names), "listed": len(names)}
        first = {"config": name, "file": file, **listed}
        counted.append((first, [labels[one.casefold()] for one in names]))
    if not counted:
        return []

    # 2. what each network says of all of them
    classes = [definition.name for definition in definitions.spectra.values()]
    rows = []
    for run in runs:
        try:
            network = trained.classifier(run, definitions, datasets_dir)
        except InputError as error:
            problems.append(str(error))
            continue
        for probabilities, (first, truth) in zip(network(np.array(spectra)), counted, strict=True):
            answer = measured_files.ranked(probabilities, 1, classes, truth)
            certain = {"certainty": float(probabilities.max()), "sure": True}
            rows.append({"method": run.name, **first, **answer, **certain})
    return rows


def labels_by_name(definitions):
    """Names that a list may have, in small letters → labels of the classes that have them."""
    labels = {}
    for label, one in enumerate(definitions.spectra.values()):
        groups = one.space_groups
        for name in (one.name, *map(symbol, groups), *map(str, groups)):
            labels.setdefault(name.casefold(), set()).add(label)
    return labels

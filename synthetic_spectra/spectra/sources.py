"""Resolved config → spectra and labels, for arrays on disk and for endless training: the one
rendering pipeline."""

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.machine import free_memory
from synthetic_spectra.spectra import dataset, manifest
from synthetic_spectra.spectra.kinds import SOURCES
from synthetic_spectra.spectra.shuffled import ShuffledSource


def source_of(definitions):
    """The source of the spectra of a resolved config."""
    source = SOURCES[definitions.kind](definitions)
    return ShuffledSource(source, definitions) if definitions.noise_spectra else source


def notice(definitions):
    """What the user of a resolved config should know before it is rendered, in one sentence; None
    if there is nothing."""
    return source_of(definitions).notice()


def render(definitions, folder, fixed=None, watch=lambda parts, total: parts):
    """Render all spectra of a dataset into arrays in a new folder.

    Args:
        definitions: the resolved config.
        folder: it is made here.
        fixed: the rendering settings that the config fixed before it was resolved: name → value.
        watch: takes the parts as they are drawn and how many spectra they are together, and hands
            the parts on, as to show the progress.

    Returns:
        number of spectra.

    Raises:
        InputError: if a spectrum comes out empty, or there is too little memory or disk.
    """
    source = source_of(definitions)
    numbers = {split: sum(source.numbers(split)) for split in dataset.SPLITS}
    dataset.refuse_too_large(folder, definitions, numbers)
    source.refuse_too_large(dataset.SPLITS)
    parts = source.draw(dataset.SPLITS)
    crcs = dataset.write(folder, definitions, numbers, watch(parts, sum(numbers.values())))
    manifest.write(folder, crcs, fixed or {})
    return sum(numbers.values())


def stream(definitions):
    """The source of an endless stream in which each spectrum is drawn alone; None for a kind of
    dataset that draws an epoch as a whole, as ``fresh`` does."""
    source = SOURCES[definitions.kind](definitions)
    return source if source.spectra_per_epoch else None


def fresh(definitions, seed, epoch):
    """New training spectra for one epoch, by the rules of the dataset: (seed, epoch) alone decides
    them.

    Args:
        definitions: the resolved config of the dataset.
        seed: of the run.
        epoch: counted from 0.

    Returns:
        spectra, float32 (n, n_datapoints), every one scaled to a maximum of 1, and labels, int64
        (n,): as many of each class as the dataset has.

    Raises:
        InputError: if a spectrum comes out empty, or there is too little memory.
    """
    source = source_of(definitions)
    shape = sum(source.numbers("train")), definitions.n_datapoints
    needed, free = 4 * shape[0] * shape[1], free_memory()
    if needed > free:
        raise InputError(
            f"online: the spectra of an epoch take {needed:,} bytes of memory, "
            f"{free:,} bytes are free"
        )
    source.refuse_too_large(("train",))

    x, y = np.empty(shape, "float32"), np.empty(shape[0], "int64")
    end = 0
    for _, spectra, labels in source.draw(("train",), key=(seed, epoch)):
        start, end = end, end + len(spectra)
        x[start:end] = spectra / spectra.max(axis=1, keepdims=True)
        y[start:end] = labels
    return x, y

"""Noise-shuffle: the background of a spectrum becomes that of a measured one, in random order.

H. Wang, Y. Xie, D. Li, H. Deng, Y. Zhao, M. Xin, J. Lin, J. Chem. Inf. Model. 60, 2004 (2020), as
their code does it: the highest datapoints of a theoretical pattern stay in place, and all others
are replaced.
"""

from itertools import chain, count
from pathlib import Path

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import readers
from synthetic_spectra.measured.axis import onto

LEAST_COVER = 0.5  # share of the axis that a noise spectrum must cover
DIGITS = 6  # of the values of a noise spectrum


def scaled(spectra):
    """Spectra (…, n_datapoints), each stretched so that its lowest value is 0 and its highest 1.

    Raises:
        ValueError: if all values of a spectrum are equal.
    """
    lowest = spectra.min(axis=-1, keepdims=True)
    spans = spectra.max(axis=-1, keepdims=True) - lowest
    if not (spans > 0).all():
        raise ValueError("a spectrum whose values are all equal")
    return (spectra - lowest) / spans


def kept(spectrum, kept_points):
    """The datapoints of a spectrum that stay where they are, as an array of whole numbers.

    They are its highest ones. A spectrum that has fewer points above 0 keeps just those.

    Args:
        spectrum: ``scaled``, (n_datapoints,).
        kept_points: number of datapoints, ≥ 1, below n_datapoints.
    """
    highest = np.argsort(-spectrum, kind="stable")[:kept_points]
    return highest[spectrum[highest] > 0]


def shuffled(spectrum, noise, kept_points, rng):
    """A spectrum with the background of another one in random order.

    As many of the highest values of the noise spectrum are left out as datapoints are kept. So
    every background value of the noise spectrum is used exactly once.

    Args:
        spectrum: ``scaled``, (n_datapoints,).
        noise: the noise spectrum, ``scaled``, (n_datapoints,).
        kept_points: datapoints that stay in place; see ``kept``.
        rng: a ``numpy.random.Generator``; it is advanced.

    Returns:
        the new spectrum (n_datapoints,).
    """
    in_place = kept(spectrum, kept_points)
    background = np.sort(noise)[: len(noise) - len(in_place)]
    replaced = np.ones(len(spectrum), bool)
    replaced[in_place] = False
    result = np.array(spectrum, "float64")
    result[replaced] = rng.permutation(background)
    return result


def is_of(noise_name, names):
    """Whether a noise spectrum was measured on a substance with one of these names.

    Its own name says so: it is one of them or begins with one, upper and lower case alike, and no
    letter or digit follows: "ZIF-8" and "zif-8_3" are of ZIF-8, "ZIF-80" is not.
    """
    given = noise_name.casefold()
    return any(
        given.startswith(name := one.casefold()) and not given[len(name) :][:1].isalnum()
        for one in names
    )


def read(files, axis, n_datapoints):
    """Noise spectra from measured files.

    Where a file does not cover the axis, its values are repeated in their order: the noise-shuffle
    takes no notice of positions.

    Args:
        files: paths of the files.
        axis: ``spectra.names.Axis`` of the dataset.
        n_datapoints: of the axis.

    Returns:
        name of the sample as the file has it, else the stem of the file → ``scaled`` values, a list
        of n_datapoints numbers. Further files of a sample are numbered: "quartz (2)".

    Raises:
        InputError: names the file, and why it gives no noise.
    """
    found = {}
    for file in map(Path, files):
        try:
            measured = readers.read(file)
            on_axis = onto(measured, axis, n_datapoints)
        except InputError as error:
            reason = str(error)
            raise InputError(reason if str(file) in reason else f"{file}: {reason}") from None
        if on_axis.covered.mean() < LEAST_COVER:
            raise InputError(
                f"{file}: covers {100 * on_axis.covered.mean():.0f} % of the axis, expected at "
                f"least {100 * LEAST_COVER:g} % of a noise spectrum"
            )
        values = np.resize(on_axis.intensities[on_axis.covered], n_datapoints)
        if values.min() == values.max():
            raise InputError(
                f"{file}: every intensity on the axis is {values[0]:g}, expected noise"
            )

        # a file may have such a number in its own name
        numbered = (f"{measured.name} ({number})" for number in count(2))
        name = next(one for one in chain([measured.name], numbered) if one not in found)
        found[name] = np.round(scaled(values), DIGITS).tolist()
    return found

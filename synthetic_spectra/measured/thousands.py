"""Marks between the thousands of a number, as in 1,234 or 1 234,5: read as they are, such a number
is none, or a thousandth of it."""

import re

import numpy as np

from synthetic_spectra.common.errors import InputError

GROUPED = re.compile(r"[1-9]\d{0,2}(?P<mark>[.,'’ \u00a0\u202f])\d{3}((?P=mark)\d{3})*([.,]\d+)?")


def refuse(values, beside, cell):
    """Raise InputError if a column of a table has marks between its thousands.

    Args:
        values: of the column: number, NaN where one is missing, None where something else stands.
        beside: the same of the other column that is read.
        cell: function of a row that gives the text in the column.
    """
    # no number in this dialect; what is no row of the table has a word beside it
    for row, (value, other) in enumerate(zip(values, beside, strict=True)):
        if value is None and other is not None and GROUPED.fullmatch(cell(row)):
            _refuse(cell(row))

    # a decimal mark in this dialect, but with whole numbers and three digits alone
    numbers = np.array([np.nan if value is None else value for value in values])
    rows = np.flatnonzero(np.isfinite(numbers))
    numbers = numbers[rows]
    is_whole = numbers == np.round(numbers)
    of_three_digits = np.isclose(1000 * numbers, np.round(1000 * numbers), rtol=0, atol=1e-6)
    if is_whole.all() or not (is_whole.any() and of_three_digits.all()):
        return
    texts = [cell(row) for row in rows]
    marked = np.array([not text.lstrip("+-").isdigit() for text in texts])
    if not all(GROUPED.fullmatch(text) for text in np.array(texts)[marked]):
        return

    # neighbours are alike in the right one of both readings
    before, after = marked[:-1], marked[1:]
    edges = np.flatnonzero((before != after) & (numbers[:-1] > 0) & (numbers[1:] > 0))
    jumps = np.log(numbers[edges + 1] / numbers[edges])
    jumps_of_thousands = jumps + np.log(1000) * np.where(marked[edges], -1, 1)
    if np.abs(jumps_of_thousands).sum() < np.abs(jumps).sum():
        _refuse(texts[marked.argmax()])


def _refuse(text):
    raise InputError(f"{text!r} has a mark between its thousands, expected none")

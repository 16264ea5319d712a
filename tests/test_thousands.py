"""Marks between the thousands of a number are refused; decimal marks are none."""

import numpy as np
import pytest

from benchmarks.plain_bytes import table
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.readers import parse

AXIS = np.arange(10, 30, 0.1).round(4)
HEIGHTS = (5 + 100 * np.exp(-(((AXIS - 20) / 0.5) ** 2))).round(3)
COUNTS = np.arange(200), 20 * HEIGHTS
SWAPPED = str.maketrans(",.", ".,")  # as in German


@pytest.mark.parametrize(
    ("axis", "heights", "row"),
    [
        (AXIS, 20 * HEIGHTS, "{:.1f}\t{:,.1f}\n"),
        (AXIS, 20 * HEIGHTS, "{:.1f}\t{:,.0f}\n"),
        # whole numbers look like decimal ones
        (*COUNTS, '"{:d}","{:,.0f}"\n'),
        (*COUNTS, "{:d};{:,.0f}\n"),
        (np.arange(850, 1050), HEIGHTS, "{:,d}\t{:.1f}\n"),
    ],
)
@pytest.mark.parametrize("mark", [",", ".", "'", "\u202f"])
def test_marks_between_thousands_are_refused(axis, heights, row, mark):
    text = "".join(row.format(x, y) for x, y in zip(axis, heights, strict=True))
    quoted = '"' in row
    # commas separate where cells are quoted; else they are decimal marks, as in German
    text = text.replace('","', ";").replace(",", "_") if quoted else text.translate(SWAPPED)
    text = text.replace(";", '","').replace("_", mark) if quoted else text.replace(".", mark)
    with pytest.raises(InputError, match=r"1.+\d{3}(,\d)?. has a mark between its thousands"):
        parse(text.encode())


def test_thousands_behind_a_table_and_zeros_without_decimals_are_no_reason():
    text = table(AXIS, HEIGHTS, row="{:.3f};{:.3f}") + b"Livetime;3,600\nTotal counts;1,234,567\n"
    np.testing.assert_allclose(parse(text).intensities, HEIGHTS)
    shares = (HEIGHTS / 200 - 0.1).clip(0)
    rows = "".join(f"{x};{y:.3f}\n" for x, y in zip(AXIS, shares, strict=True))
    measured = parse(rows.replace("0.000", "0").replace(".", ",").encode())
    np.testing.assert_allclose(measured.intensities, shares, atol=1e-3)


def test_decimal_commas_of_three_digits_are_no_thousands():
    text = (
        table(AXIS, HEIGHTS, row="{:.3f};{:.3f}").replace(b".", b",")
        + b"13,000;OVERFLOW\nPeak;12,345\n"
    )
    measured = parse(text)
    np.testing.assert_allclose(measured.intensities, HEIGHTS)
    assert "2 rows without a number left out" in measured.notes


@pytest.mark.parametrize("decimal", [".", ","])
def test_means_of_three_counts_and_whole_numbers_are_no_thousands(decimal):
    means = np.round(3 * HEIGHTS) / 3
    rows = "".join(f"{x:.1f}\t{round(y, 3):g}\n" for x, y in zip(AXIS, means, strict=True))
    assert "\t5\n" in rows and ".667\n" in rows
    measured = parse(rows.replace(".", decimal).encode())
    np.testing.assert_allclose(measured.intensities, means, atol=1e-3)

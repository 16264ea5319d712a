"""Text tables of instruments: separators, decimal marks, headers, columns by name."""

import csv
import io

import numpy as np
import pytest

from benchmarks import plain_bytes
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import tables
from synthetic_spectra.measured.readers import parse

AXIS = np.arange(10, 30, 0.1).round(4)
HEIGHTS = (5 + 100 * np.exp(-(((AXIS - 20) / 0.5) ** 2))).round(3)


def table(**style):
    return plain_bytes.table(AXIS, HEIGHTS, **style)


def quoted(decimal):
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["2Theta (deg)", "Intensity, counts"])
    for x, y in zip(AXIS, HEIGHTS, strict=True):
        writer.writerow([str(value).replace(".", decimal) for value in (x, y)])
    return text.getvalue().encode()


def indexed(head):
    rows = (f"{i},{x},{y}\n" for i, (x, y) in enumerate(zip(AXIS, HEIGHTS, strict=True)))
    return (head + "".join(rows)).encode()


STYLES = {
    "tabs": table(row="{:.4f}\t{:.3f}"),
    "spaces before and between": table(row="   {:.4f}     {:.3f}  "),
    "commas": table(row="{:.4f},{:.3f}"),
    "commas and spaces": table(row="{:.4f} ,  {:.3f}"),
    "semicolons": table(row="{:.4f};{:.3f}"),
    "comma at the end": table(row="{:.4f},{:.3f},"),
    "exponents": table(row="{:.6e} {:.6E}"),
    "decimal commas, tabs": table(row="{:.4f}\t{:.3f}").replace(b".", b","),
    "decimal commas, semicolons": table(row="{:.4f};{:.3f}").replace(b".", b","),
    "decimal commas, spaces": table(row="{:.4f}  {:.3f}").replace(b".", b","),
    "quoted": quoted("."),
    "quoted decimal commas": quoted(","),
    "carriage returns": table(end="\r"),
    "carriage returns and line feeds": table(end="\r\n"),
    "blank lines": table(end="\n\n"),
    "no end of the last line": table()[:-1],
    "byte-order mark": b"\xef\xbb\xbf" + table(),
    "UTF-16": table(head="2θ I\n").decode().encode("utf-16"),
    "latin-1": "# Intensität in 1°-Schritten\n".encode("latin-1") + table(),
    "comments": table(head="# made 2021, 5 scans\n! 10.5\n' a line\n/ 1 2 3\n"),
    "words": table(head="Sample powder\nOperator Smith 7\nTwo-Theta  Intensity\n"),
    "numbers in the head": table(head="Points 200\nDate 2021 05 17\nTime;12;00\n"),
    "a third column": table(row="{0:.4f} {1:.3f} 0.1"),
    "names, swapped": table(row="{1:.3f},{0:.4f}", head="Counts,2Theta\n"),
    "an index": indexed(",shift,intensity\n"),
    "an index without a name": indexed(""),
    "text in a column": table(row="{:.4f},{:.3f},good", head="angle,counts,quality\n"),
    "text after the table": table() + b"\nend of 200 points\n",
    "descending": plain_bytes.table(AXIS[::-1], HEIGHTS[::-1]),
    "a line without a number": table() + b"40.0 nan\n- 7.0\n41.0 --\n",
    "cells without a number": table(row="{:.4f},{:.3f}") + b"40.0,\n,5.0\n42.0,n/a\n",
}


@pytest.mark.parametrize("style", STYLES)
def test_tables_in_every_style(style):
    measured = parse(STYLES[style])
    np.testing.assert_allclose(measured.axis, AXIS, rtol=1e-6)
    np.testing.assert_allclose(measured.intensities, HEIGHTS, rtol=1e-6)
    told = [note for note in measured.notes if "left out" in note]
    assert bool(told) == ("without a number" in style)


def test_rows_at_one_place_are_averaged_and_small_disorder_is_sorted():
    rows = "".join(f"{x:.2f} {y:.1f}\n" for x, y in zip(AXIS, HEIGHTS, strict=True))
    measured = parse((rows + f"{AXIS[0]:.2f} {HEIGHTS[0] + 10}\n").encode())
    assert len(measured.axis) == 200
    assert measured.intensities[0] == pytest.approx(HEIGHTS[0] + 5)
    assert any("averaged" in note for note in measured.notes)
    assert any("sorted" in note for note in measured.notes)


def test_an_axis_that_counts_its_rows_is_one():
    axis = np.arange(1.0, 201)
    measured = parse(plain_bytes.table(axis, HEIGHTS, "{0:.0f} {1:.3f} {1:.0f}"))
    np.testing.assert_array_equal(measured.axis, axis)
    np.testing.assert_array_equal(measured.intensities, HEIGHTS)


def test_mixed_steps_stay():
    axis = np.r_[10:20:0.5, 20:21:0.01, 21:60:1.0]
    measured = parse(plain_bytes.table(axis, axis**2, "{:.6f} {:.6f}"))
    np.testing.assert_allclose(measured.axis, axis, atol=1e-6)


def bwtek(decimal="."):
    """Columns by name, of which the first two are a pixel and a wavelength, and cells are empty
    where the detector is not lit."""
    names = "Pixel;Wavelength;Wavenumber;Raman Shift;Dark;Reference;Raw data #1;Dark Subtracted #1;"
    head = f"File Version;BWRAM4.11_11\nmodel;BWS465-785S\nlaser_wavelength;785\n{names}\n"
    rows = [f"{i};   ;   ;   ;1000;65535;  {i}0;;\n" for i in range(-500, 0)]
    for i, (x, y) in enumerate(zip(AXIS, HEIGHTS, strict=True)):
        rows.append(f"{i};{785 + i * 0.1:.2f};{12000 - i};{x};1000;65535;{y + 1000};{y};\n")
    return head.replace(".", "!").encode() + "".join(rows).replace(".", decimal).encode()


@pytest.mark.parametrize("decimal", [".", ","])
def test_columns_are_found_by_their_names(decimal):
    measured = parse(bwtek(decimal))
    np.testing.assert_allclose(measured.axis, AXIS)
    np.testing.assert_allclose(measured.intensities, HEIGHTS)
    assert (measured.quantity, measured.unit) == ("raman_shift", "1/cm")
    assert measured.wavelength == 7850
    assert "'raman shift' and 'dark subtracted #1'" in measured.notes[0]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("2Theta,Intensity", ("two_theta", "degree")),
        ("Angle (2θ),PSD", ("two_theta", "degree")),
        ("Raman Shift (cm-1),counts", ("raman_shift", "1/cm")),
        ("wavenumber,absorbance", (None, "1/cm")),
        ("Wavelength (nm),signal", ("wavelength", "nm")),
        ("Wavelength [µm],signal", ("wavelength", "µm")),
        ("chemical shift / ppm,y", ("chemical_shift", "ppm")),
        ("Angle,Intensity", ("two_theta", "degree")),
        ("x,y", (None, None)),
        # read as 2θ they would give wrong answers
        ("q_nm^-1,I", ("momentum_transfer", None)),
        ("d-spacing,Intensity", ("d_spacing", None)),
        ("d (Å),Intensity", ("d_spacing", None)),
        ("Theta (deg),Intensity", ("theta", None)),
        # names with numbers in them
        ("Wavelength (nm),25C", ("wavelength", "nm")),
        ("Wavelength (nm),532nm scan", ("wavelength", "nm")),
        ("Wavelength (nm),0.25 mM", ("wavelength", "nm")),
        ("Wavelength (nm),sample 0.250", ("wavelength", "nm")),
        # of X-rays, nothing that absorbs
        ("2Theta,Intensity (transmission)", ("two_theta", "degree")),
    ],
)
def test_names_of_columns_say_what_the_axis_is(head, said):
    measured = parse(table(row="{:.4f},{:.3f}", head=head + "\n"))
    assert (measured.quantity, measured.unit) == said


def test_a_title_tells_the_axis():
    head = '\'Anode: "Cu" Scantype: "Coupled TwoTheta/Theta"\n'
    assert parse(table(head=head)).quantity == "two_theta"


def test_rruff_text_names_its_mineral():
    head = "##NAMES=Anatase\r\n##RRUFFID=R060277\r\n##IDEAL CHEMISTRY=Ti^4+^O_2_\r\n"
    measured = parse(table(row="{:.5f}, {:.4E}", head=head) + b"##END=\n\n\n")
    np.testing.assert_allclose(measured.intensities, HEIGHTS, rtol=1e-3)
    assert measured.name == "Anatase"
    assert (measured.quantity, measured.unit) == (None, None)


def test_text_in_the_place_of_a_number_is_told():
    rows = table().decode().splitlines()
    for row in (99, 100):
        rows[row] = rows[row].split()[0] + " OVERFLOW"
    assert "2 rows without a number left out" in parse("\n".join(rows).encode()).notes
    rows[100] = rows[100].replace("OVERFLOW", "1,025")
    with pytest.raises(InputError, match="'1,025' has a mark between its thousands"):
        parse("\n".join(rows).encode())


def test_rows_of_another_width_are_told():
    rows = table(row="{:.4f},{:.3f}").decode().splitlines()
    rows[100:100] = ["20.0,1,037", "# page 1,2,3"]
    assert parse("\n".join(rows).encode()).notes == ("1 row of other than 2 columns left out",)


@pytest.mark.parametrize("names", ["2Theta,d(A),Intensity", "Angle (deg),d [A],Counts", "x,q,y"])
def test_another_axis_beside_the_first_one_is_a_column_like_others(names):
    rows = "".join(f"{x},{30 / x:.3f},{y}\n" for x, y in zip(AXIS, HEIGHTS, strict=True))
    measured = parse(f"{names}\n{rows}".encode())
    np.testing.assert_allclose(measured.axis, AXIS)
    assert measured.quantity in (None, "two_theta")


def test_a_geometry_in_transmission_is_no_absorbance():
    for head in ("# Stoe Stadi MP, transmission geometry\n", "Geometry,Transmission\n"):
        measured = parse(table(row="{:.4f},{:.3f}", head=head))
        np.testing.assert_allclose(measured.intensities, HEIGHTS)


@pytest.mark.parametrize("name", ["%T", "Transmittance [%]", "% T", "T (%)"])
def test_a_column_of_transmittance_becomes_absorbance(name):
    transmittance = 100 * 10 ** (-HEIGHTS / 200)
    rows = "".join(f"{x},{y:.6f}\n" for x, y in zip(AXIS, transmittance, strict=True))
    measured = parse(f"cm-1,{name}\n{rows}".encode())
    np.testing.assert_allclose(measured.intensities, HEIGHTS / 200, atol=1e-6)
    assert "transmittance turned into absorbance" in measured.notes


@pytest.mark.parametrize(
    ("head", "converted"),
    [
        ("Wavenumber Transmittance", True),
        ("Wavenumber (cm-1)\tATR Transmittance Intensity", True),
        ("cm-1 %T", True),
        ("Raman shift (cm-1)\tIntensity (transmission)", False),
        ("cm-1\tAbsorbance (from transmission)", False),
    ],
)
def test_names_tell_transmittance_from_what_was_measured_in_transmission(head, converted):
    measured = parse(table(head=head + "\n", row="{:.4f}\t{:.3f}"))
    assert measured.unit == "1/cm"
    told = "transmittance turned into absorbance" in measured.notes
    assert told == converted == (measured.intensities.argmin() == HEIGHTS.argmax())


def test_numbers_are_plain_numbers():
    assert tables.number("1_0", ".") is None
    assert tables.number("1.5", ",") is None
    assert tables.number("1,5", ",") == 1.5

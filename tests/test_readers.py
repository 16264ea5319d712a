"""Files of instruments, each written here or by benchmarks/plain_files.py: what is read from them,
and what is refused."""

import csv
import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks import plain_files
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import libraries, tables
from synthetic_spectra.measured.readers import FORMATS, parse, read

MEASURED = Path(__file__).resolve().parent.parent / ".." / "shared" / "measured"
AXIS = np.arange(10, 30, 0.1).round(4)
HEIGHTS = (5 + 100 * np.exp(-(((AXIS - 20) / 0.5) ** 2))).round(3)

# what a file of a diffractometer says, and what one of a spectrometer
ANGLES = ("two_theta", "degree", plain_files.WAVELENGTH)
SHIFTS = ("raman_shift", "1/cm", None)


def table(**style):
    return plain_files.table(AXIS, HEIGHTS, **style)


def assert_wavelength(measured, expected):
    if expected is None:
        assert measured.wavelength is None
    else:
        assert measured.wavelength == pytest.approx(expected, rel=1e-6)


# -- formats of instruments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "name", "said"),
    [
        (plain_files.xrdml, "PANalytical .xrdml", ANGLES),
        (plain_files.rasx, "Rigaku .rasx", ANGLES),
        (plain_files.brml, "Bruker .brml", ANGLES),
        (plain_files.raw3, "Bruker .raw", ANGLES),
        (plain_files.raw4, "Bruker .raw", ANGLES),
        (plain_files.ras, "Rigaku .ras", ANGLES),
        (plain_files.uxd, "Bruker .uxd", ANGLES),
        (plain_files.gsas, "GSAS", ("two_theta", "degree", None)),
        (plain_files.pdcif, "CIF", ANGLES),
        (plain_files.jcamp, "JCAMP-DX", SHIFTS),
        (plain_files.jcamp_differences, "JCAMP-DX", SHIFTS),
        (plain_files.jcamp_linked, "JCAMP-DX", ("chemical_shift", "ppm", None)),
        (plain_files.spc, "Galactic .spc", SHIFTS),
        (plain_files.wdf, "Renishaw .wdf", ("raman_shift", "1/cm", 10 * plain_files.LASER)),
        (plain_files.opus, "Bruker OPUS", ("wavenumber", "1/cm", None)),
        (plain_files.table, "text table", (None, None, None)),
    ],
)
def test_every_format_gives_back_what_was_written(write, name, said, tmp_path):
    # the suffix lies
    path = tmp_path / "sample 7.dat"
    path.write_bytes(write(AXIS, HEIGHTS))
    measured = read(path)
    np.testing.assert_allclose(measured.axis, AXIS, rtol=1e-6)
    np.testing.assert_allclose(measured.intensities, HEIGHTS, rtol=1e-6)
    assert measured.axis.dtype == measured.intensities.dtype == np.float64
    assert measured.format == name
    assert (measured.quantity, measured.unit) == said[:2]
    assert_wavelength(measured, said[2])
    assert measured.name in ("powder 7", "sample 7")


@pytest.mark.parametrize(
    ("name", "points", "first", "last", "said"),
    [
        ("xrd/MnO.xy", 9001, 10, 100, (None, None, None)),
        ("xrd/MnO2.xy", 9001, 10, 100, (None, None, None)),
        ("xrd/TiO2+MnO.xy", 9001, 10, 100, (None, None, None)),
        ("xrd/short range, 14 deg.xy", 137, 13.75, 14.3989, (None, None, None)),
        (
            "xrd/V2O5_0p3015-TiO2_0p6998--2min.xrdml",
            *(2071, 10.02173, 99.99586, ("two_theta", "degree", 1.540598)),
        ),
        ("xrd/sample.xrdml", 5027, 4.006565, 69.99937, ("two_theta", "degree", 1.540598)),
        ("xrd/sample.rasx", 2334, 10, 79.99, ("two_theta", "degree", 1.540593)),
        ("xrd/bruker4_v5converter.raw", 4059, 37.0001, 120.0046, ("two_theta", "degree", 1.5406)),
        ("raman/anatase R060277.txt", 1753, 79.84985, 3458.524, (None, None, None)),
        ("raman/PST10_iR532_Probe_100_3000msx7.spc", 3808, 175, 3982, SHIFTS),
        (
            "raman/nCal_Qontor785_z005H12_100_1x3s.wdf",
            *(1021, -154.502, 1111.108, ("raman_shift", "1/cm", 7850.156)),
        ),
        # -588.396 and 4200.291 Hz at 300.0318 MHz
        ("nmr/ethanol_nmr.jdx", 16384, -1.961112, 13.99949, ("chemical_shift", "ppm", None)),
    ],
)
def test_real_files(name, points, first, last, said):
    if not (MEASURED / name).is_file():
        pytest.skip("no measured files beside the checkout")
    measured = read(MEASURED / name)
    assert len(measured.axis) == points
    np.testing.assert_allclose(measured.axis[[0, -1]], [first, last], rtol=1e-6)
    assert (measured.quantity, measured.unit) == said[:2]
    assert_wavelength(measured, said[2])
    assert (np.diff(measured.axis) > 0).all()


def test_a_wavelength_is_that_of_the_line_that_the_instrument_meant():
    content = plain_files.xrdml(AXIS, HEIGHTS)
    beta = b'<kBeta unit="Angstrom">1.39225</kBeta></usedWavelength>'
    content = content.replace(b"</usedWavelength>", beta)
    assert parse(content).wavelength == 1.5406
    assert parse(content.replace(b"K-Alpha 1", b"K-Beta")).wavelength == 1.39225
    nowhere = content.replace(b"kAlpha1", b"k1")
    assert parse(nowhere).wavelength is None


def test_the_first_of_several_scans_is_read_and_told():
    content = plain_files.xrdml(AXIS, HEIGHTS)
    scan = content[content.index(b"<scan ") : content.index(b"</xrdMeasurement>")]
    measured = parse(content.replace(scan, scan + scan.replace(b"105.000", b"999.000")))
    assert measured.intensities.max() == 105
    assert measured.notes == ("the first of 2 scans",)


@pytest.mark.parametrize(
    ("units", "kind", "said"),
    [
        ("1/CM", "INFRARED SPECTRUM", ("wavenumber", "1/cm")),
        ("1/CM", "SPECTRUM", (None, "1/cm")),
        ("PPM", "NMR SPECTRUM", ("chemical_shift", "ppm")),
        ("NANOMETERS", "UV-VIS", ("wavelength", "nm")),
        ("FURLONGS", "OTHER", (None, None)),
    ],
)
def test_units_of_jcamp(units, kind, said):
    measured = parse(plain_files.jcamp(AXIS, HEIGHTS, kind=kind, units=units))
    assert (measured.quantity, measured.unit) == said
    np.testing.assert_allclose(measured.intensities, HEIGHTS)


def test_jcamp_in_points_micrometres_and_transmittance():
    share = np.linspace(20, 95, 50)
    text = plain_files.jcamp(np.arange(50) + 2.0, share, "INFRARED", "MICROMETERS", "TRANSMITTANCE")
    measured = parse(text)
    np.testing.assert_allclose(measured.axis, 1000 * (np.arange(50) + 2))
    np.testing.assert_allclose(measured.intensities, -np.log10(share / 100), rtol=1e-3)
    assert "absorbance" in measured.notes[0]
    points = (
        table(row="{:.4f}, {:.3f}", head="##JCAMP-DX=4.24\n##XYPOINTS=(XY..XY)\n") + b"##END=\n"
    )
    np.testing.assert_allclose(parse(points).intensities, HEIGHTS)


def test_axes_of_spc():
    assert parse(plain_files.spc(AXIS, HEIGHTS, x_type=1)).quantity is None
    assert parse(plain_files.spc(AXIS, HEIGHTS, x_type=3)).quantity == "wavelength"
    np.testing.assert_allclose(parse(plain_files.spc(AXIS, HEIGHTS, x_type=2)).axis, 1000 * AXIS)


# -- tables ----------------------------------------------------------------------------------------


def quoted(decimal):
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["2Theta (deg)", "Intensity, counts"])
    for x, y in zip(AXIS, HEIGHTS, strict=True):
        writer.writerow([str(value).replace(".", decimal) for value in (x, y)])
    return text.getvalue().encode()


def indexed():
    rows = (f"{i},{x},{y}\n" for i, (x, y) in enumerate(zip(AXIS, HEIGHTS, strict=True)))
    return (",shift,intensity\n" + "".join(rows)).encode()


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
    "an index": indexed(),
    "text in a column": table(row="{:.4f},{:.3f},good", head="angle,counts,quality\n"),
    "text after the table": table() + b"\nend of 200 points\n",
    "descending": plain_files.table(AXIS[::-1], HEIGHTS[::-1]),
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


def test_mixed_steps_stay():
    axis = np.r_[10:20:0.5, 20:21:0.01, 21:60:1.0]
    measured = parse(plain_files.table(axis, axis**2, "{:.6f} {:.6f}"))
    np.testing.assert_allclose(measured.axis, axis, atol=1e-6)


def bwtek(decimal="."):
    """Columns by name, of which the first two are a pixel and a wavelength, and cells are empty
    where the detector is not lit."""
    names = "Pixel;Wavelength;Wavenumber;Raman Shift;Dark;Reference;Raw data #1;Dark Subtracted #1;"
    head = f"File Version;BWRAM4.11_11\nmodel;BWS465-785S\nlaser_wavelength;785\n{names}\n"
    rows = [f"{i};;;;1000;65535;  {i}0;;\n" for i in range(30)]
    for i, (x, y) in enumerate(zip(AXIS, HEIGHTS, strict=True)):
        rows.append(f"{30 + i};{785 + i * 0.1:.2f};{12000 - i};{x};1000;65535;{y + 1000};{y};\n")
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
        ("chemical shift / ppm,y", ("chemical_shift", "ppm")),
        ("x,y", (None, None)),
    ],
)
def test_names_of_columns_say_what_the_axis_is(head, said):
    measured = parse(table(row="{:.4f},{:.3f}", head=head + "\n"))
    assert (measured.quantity, measured.unit) == said


def test_rruff_text_names_its_mineral():
    head = "##NAMES=Anatase\r\n##RRUFFID=R060277\r\n##IDEAL CHEMISTRY=Ti^4+^O_2_\r\n"
    measured = parse(table(row="{:.5f}, {:.4E}", head=head) + b"##END=\n\n\n")
    np.testing.assert_allclose(measured.intensities, HEIGHTS, rtol=1e-3)
    assert measured.name == "Anatase"
    assert (measured.quantity, measured.unit) == (None, None)


# -- what is refused -------------------------------------------------------------------------------


def laughing(encoding):
    text = plain_files.xrdml(AXIS, HEIGHTS).decode()
    return text.replace("?>", '?><!DOCTYPE x [<!ENTITY a "ha">]>', 1).encode(encoding)


def bomb():
    """Few bytes that unpack to many."""
    return plain_files.archive({"Profile0.txt": bytes(65 * 2**20)})


def lying():
    """An archive whose table of contents names fewer bytes than it holds."""
    content = bytearray(plain_files.rasx(AXIS, HEIGHTS))
    place = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, place + 24, 10)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "no format"),
        (b"hello\n", "no rows"),
        (b"1 2\n", "1 row of numbers"),
        (b"1\n2\n3\n" * 10, "no rows of two or more numbers"),
        (b"a b\nc d\n" * 20, "no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "no format .*tried: Renishaw .wdf, .* text table"),
        (table(row="{:.4f} 7"), "every intensity is 7"),
        (table(row="5 {:.4f}"), "no axis: only 1 different values"),
        (b"".join(b"%d %d\n" % (i * 7 % 50, i) for i in range(200)), "no axis: .* up and down"),
        (b"1 2\n" * 1_000_001, "1,000,001 lines"),
        (b"1 2" + b" 3" * 32 * 2**20, "more than 64 MiB"),
        (laughing("utf-8"), "document type or entities"),
        (laughing("utf-16"), "document type or entities"),
        (plain_files.archive({"Profile.xml": b"<!DOCTYPE x>"}), "document type or entities"),
        (bomb(), "unpacks to more than 64 MiB"),
        (lying(), "damaged or encrypted archive"),
        (plain_files.rasx(AXIS, HEIGHTS)[:300], "damaged or encrypted archive"),
        (plain_files.archive({"word/document.xml": b"<x/>"}), "no format"),
        (plain_files.xrdml(AXIS, HEIGHTS)[:900], "PANalytical .xrdml: "),
        (plain_files.xrdml(AXIS, HEIGHTS).replace(b"Gonio", b"Phi"), "scan axis .*Phi"),
        (b"RAW2" + bytes(500), "export RAW3"),
        (plain_files.raw4(AXIS, HEIGHTS)[:400], "Bruker .raw: "),
        (b"data_MnO\n_cell_length_a 4.4\nloop_\n_atom_site_label\nMn\n", "CIF: "),
        (plain_files.jcamp(AXIS, HEIGHTS).replace(b"NPOINTS=200", b"NPOINTS=199"), "Mismatch"),
        (
            plain_files.jcamp(AXIS, HEIGHTS).replace(b"NPOINTS=200", b"NPOINTS=9" + b"0" * 12),
            "JCAMP",
        ),
        (plain_files.jcamp_differences(AXIS, HEIGHTS).replace(b"E000%", b"F000%", 1), "Y-Check"),
        (b"##TITLE=x\n##JCAMP-DX=5\n##NTUPLES=FID\n##END=\n", "no block with XYDATA"),
        (plain_files.spc(AXIS, HEIGHTS)[:700], "Galactic .spc: damaged"),
        (plain_files.wdf(AXIS, HEIGHTS)[:700], "ends outside of the file"),
        (plain_files.opus(AXIS, HEIGHTS)[:60], "Bruker OPUS: "),
        (plain_files.opus(AXIS, HEIGHTS)[:30] + bytes(9), "no spectrum in it"),
    ],
)
def test_what_is_no_spectrum_is_refused_in_one_sentence(content, words):
    with pytest.raises(InputError, match=words) as refusal:
        parse(content)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_refusal_names_the_file(tmp_path):
    for name in ("nowhere.xy", "a\nb.xy", "."):
        with pytest.raises(InputError) as refusal:
            read(tmp_path / name)
        assert str(tmp_path) in str(refusal.value)
        assert len(str(refusal.value).splitlines()) == 1
    (tmp_path / "one.xy").write_text("1 2\n")
    with pytest.raises(InputError, match=r"one.xy: text table: 1 row of numbers"):
        read(tmp_path / "one.xy")


@pytest.mark.parametrize(
    ("write", "module", "package"),
    [
        (plain_files.xrdml, "geddes", "geddes"),
        (plain_files.jcamp, "jcamp", "jcamp"),
        (plain_files.spc, "spc_io", "spc-io"),
        (plain_files.wdf, "renishawWiRE", "renishawWiRE"),
        (plain_files.opus, "brukeropus", "brukeropus"),
    ],
)
def test_a_missing_library_is_named(write, module, package, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"package {package} \(pip install {package}\)"):
        parse(write(AXIS, HEIGHTS))


def test_a_loop_without_end_is_left(monkeypatch):
    # a parameter of this size takes the library back to where it began
    monkeypatch.setattr(libraries, "SECONDS", 0.3)
    content = plain_files.opus(AXIS, HEIGHTS)
    place = content.index(b"NPT\0")
    endless = content[: place + 6] + struct.pack("<h", -4) + content[place + 8 :]
    with pytest.raises(InputError, match=r"not read within 0.3 seconds"):
        parse(endless)
    assert parse(content).format == "Bruker OPUS"


# -- files from strangers --------------------------------------------------------------------------

WHOLE = {name: write(AXIS[::4], HEIGHTS[::4]) for name, write in plain_files.FILES.items()}


def test_every_format_is_among_the_mutated_ones():
    assert set(WHOLE) == {kind.name for kind in FORMATS}


def checked(content):
    """Read it; assert that it is a spectrum, or is refused in one sentence."""
    try:
        measured = parse(content)
    except InputError as error:
        assert len(str(error)) > 4 and len(str(error).splitlines()) == 1
        return
    assert len(measured.axis) == len(measured.intensities) >= 10
    assert (np.diff(measured.axis) > 0).all() and np.isfinite(measured.intensities).all()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12)),
        min_size=1,
        max_size=5,
    ),
)
def test_mutated_files_are_read_or_refused(name, edits):
    content = WHOLE[name]
    for place, length, replacement in edits:
        at = int(place * len(content))
        content = content[:at] + replacement + content[at + length :]
    checked(content)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='0123456789.,;-eE \t\n\r"#nax', max_size=400))
@example("1,5;2\n" * 12)
@example('"1\n' * 30)
@example('1 "2\n' * 30)
@example("1_0 2\n" * 30)
def test_any_text_is_read_or_refused(text):
    checked(text.encode())


def test_numbers_are_plain_numbers():
    assert tables.number("1_0", ".") is None
    assert tables.number("1.5", ",") is None
    assert tables.number("1,5", ",") == 1.5

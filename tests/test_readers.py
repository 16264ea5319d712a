"""Files of instruments, each written here or by benchmarks/plain_files.py: what is read from them,
and what is refused."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import plain_bytes, plain_diffraction, plain_files
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import libraries
from synthetic_spectra.measured.readers import parse, read

MEASURED = Path(__file__).resolve().parent.parent / ".." / "shared" / "measured"
AXIS = np.arange(10, 30, 0.1).round(4)
HEIGHTS = (5 + 100 * np.exp(-(((AXIS - 20) / 0.5) ** 2))).round(3)

# what a file of a diffractometer says, and what one of a spectrometer
ANGLES = ("two_theta", "degree", plain_diffraction.WAVELENGTH)
SHIFTS = ("raman_shift", "1/cm", None)


def table(**style):
    return plain_bytes.table(AXIS, HEIGHTS, **style)


def assert_wavelength(measured, expected):
    if expected is None:
        assert measured.wavelength is None
    else:
        assert measured.wavelength == pytest.approx(expected, rel=1e-6)


# -- formats of instruments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "name", "said"),
    [
        (plain_diffraction.xrdml, "PANalytical .xrdml", ANGLES),
        (plain_diffraction.rasx, "Rigaku .rasx", ANGLES),
        (plain_diffraction.brml, "Bruker .brml", ANGLES),
        (plain_diffraction.raw3, "Bruker .raw", ANGLES),
        (plain_diffraction.raw4, "Bruker .raw", ANGLES),
        (plain_diffraction.ras, "Rigaku .ras", ANGLES),
        (plain_diffraction.uxd, "Bruker .uxd", ANGLES),
        (plain_diffraction.gsas, "GSAS", ("two_theta", "degree", None)),
        (plain_diffraction.pdcif, "CIF", ANGLES),
        (plain_files.jcamp, "JCAMP-DX", SHIFTS),
        (plain_files.jcamp_differences, "JCAMP-DX", SHIFTS),
        (plain_files.jcamp_linked, "JCAMP-DX", ("chemical_shift", "ppm", None)),
        (plain_files.spc, "Galactic .spc", SHIFTS),
        (plain_files.wdf, "Renishaw .wdf", ("raman_shift", "1/cm", 10 * plain_files.LASER)),
        (plain_files.opus, "Bruker OPUS", ("wavenumber", "1/cm", None)),
        (plain_bytes.table, "text table", (None, None, None)),
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
    content = plain_diffraction.xrdml(AXIS, HEIGHTS)
    beta = b'<kBeta unit="Angstrom">1.39225</kBeta></usedWavelength>'
    content = content.replace(b"</usedWavelength>", beta)
    assert parse(content).wavelength == 1.5406
    assert parse(content.replace(b"K-Alpha 1", b"K-Beta")).wavelength == 1.39225
    nowhere = content.replace(b"kAlpha1", b"k1")
    assert parse(nowhere).wavelength is None


def test_the_first_of_several_scans_is_read_and_told():
    content = plain_diffraction.xrdml(AXIS, HEIGHTS)
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


@pytest.mark.parametrize(("y_type", "kind"), [(128, "transmittance"), (129, "reflectance")])
def test_what_has_minima_for_bands_in_spc_becomes_absorbance(y_type, kind):
    share = 10 ** (-np.asarray(HEIGHTS) / 1000)
    measured = parse(plain_files.spc(AXIS, share, x_type=1, y_type=y_type))
    np.testing.assert_allclose(measured.intensities, np.asarray(HEIGHTS) / 1000, atol=1e-6)
    assert measured.notes[0] == f"{kind} turned into absorbance"


def test_axes_of_spc():
    assert parse(plain_files.spc(AXIS, HEIGHTS, x_type=1)).quantity is None
    assert parse(plain_files.spc(AXIS, HEIGHTS, x_type=3)).quantity == "wavelength"
    np.testing.assert_allclose(parse(plain_files.spc(AXIS, HEIGHTS, x_type=2)).axis, 1000 * AXIS)


# -- what is refused -------------------------------------------------------------------------------


def laughing(encoding):
    text = plain_diffraction.xrdml(AXIS, HEIGHTS).decode()
    return text.replace("?>", '?><!DOCTYPE x [<!ENTITY a "ha">]>', 1).encode(encoding)


def bomb():
    """Few bytes that unpack to many."""
    return plain_bytes.archive({"Profile0.txt": bytes(65 * 2**20)})


def lying():
    """An archive whose table of contents names fewer bytes than it holds."""
    content = bytearray(plain_diffraction.rasx(AXIS, HEIGHTS))
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
        (plain_bytes.archive({"Profile.xml": b"<!DOCTYPE x>"}), "document type or entities"),
        (plain_diffraction.xrdml(AXIS, HEIGHTS) + b" " * 16 * 2**20, "more than 16 MiB"),
        (bomb(), "unpacks to more than 64 MiB"),
        (lying(), "damaged or encrypted archive"),
        (plain_diffraction.rasx(AXIS, HEIGHTS)[:300], "damaged or encrypted archive"),
        (plain_bytes.archive({"word/document.xml": bytes(range(256)) * 9}), "no format"),
        (b"RAW data of a powder\n", "text table: no rows"),
        (b"\0\x4c" + plain_files.spc(AXIS, HEIGHTS)[2:], "old or big-endian"),
        (plain_diffraction.xrdml(AXIS, HEIGHTS)[:900], "PANalytical .xrdml: "),
        (plain_diffraction.xrdml(AXIS, HEIGHTS).replace(b"Gonio", b"Phi"), "scan axis .*Phi"),
        (b"RAW2" + bytes(500), "export RAW3"),
        (plain_diffraction.raw4(AXIS, HEIGHTS)[:400], "Bruker .raw: "),
        (b"data_MnO\n_cell_length_a 4.4\nloop_\n_atom_site_label\nMn\n", "CIF: "),
        (plain_files.jcamp(AXIS, HEIGHTS).replace(b"NPOINTS=200", b"NPOINTS=199"), "Mismatch"),
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
        (plain_diffraction.xrdml, "geddes", "geddes"),
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


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
def test_a_file_that_wants_gigabytes_gets_none():
    import resource

    limits = resource.getrlimit(resource.RLIMIT_AS)
    content = plain_files.jcamp(AXIS, HEIGHTS).replace(b"NPOINTS=200", b"NPOINTS=400000000")
    with pytest.raises(InputError, match="JCAMP-DX: needs too much memory"):
        parse(content)
    assert resource.getrlimit(resource.RLIMIT_AS) == limits

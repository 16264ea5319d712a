"""Small files of every format that the readers know, written by hand: for tests and fuzzing.

Each function takes positions and intensities, evenly spaced, shape (n,), and returns the bytes.
"""

import io
import struct
import zipfile
from itertools import pairwise

import numpy as np

WAVELENGTH = 1.5406  # Å
LASER = 532.0  # nm


def table(axis, heights, row="{:.4f} {:.3f}", head="", end="\n"):
    """A text of two columns."""
    rows = (row.format(x, y) for x, y in zip(axis, heights, strict=True))
    return (head + end.join(rows) + end).encode()


def numbers(values):
    return " ".join(f"{value:.3f}" for value in values)


def xrdml(axis, heights):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.6" status="Completed">
<sample type="To be analyzed"><id>powder 7</id></sample>
<xrdMeasurement measurementType="Scan">
<usedWavelength intended="K-Alpha 1">
<kAlpha1 unit="Angstrom">{WAVELENGTH}</kAlpha1></usedWavelength>
<scan scanAxis="Gonio"><dataPoints>
<positions axis="2Theta" unit="deg">
<startPosition>{axis[0]}</startPosition><endPosition>{axis[-1]}</endPosition>
</positions>
<intensities unit="counts">{numbers(heights)}</intensities>
</dataPoints></scan></xrdMeasurement></xrdMeasurements>
""".encode()


def archive(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpacked(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def rasx(axis, heights):
    root = (
        '<Root><Data0 Type="Profile"><ContentHashList Name="Profile0.txt"/>'
        '<ContentHashList Name="MesurementConditions0.xml"/></Data0></Root>'
    )
    conditions = (
        "<Conditions><XrayGenerator><WavelengthKbeta>1.392246</WavelengthKbeta>"
        f"<WavelengthKalpha1>{WAVELENGTH}</WavelengthKalpha1></XrayGenerator></Conditions>"
    )
    return archive(
        {
            "root.xml": root,
            "Data0/Profile0.txt": table(axis, heights, "{:.4f}\t{:.3f}\t1", head="\ufeff"),
            "Data0/MesurementConditions0.xml": conditions,
        }
    )


def brml(axis, heights):
    container = (
        "<DataContainer><RawDataReferenceList><string>Experiment0/RawData0.xml</string>"
        "</RawDataReferenceList></DataContainer>"
    )
    rows = "".join(
        f"<Datum>1,1,{x:.4f},{x / 2:.4f},{y:.3f}</Datum>"
        for x, y in zip(axis, heights, strict=True)
    )
    raw = f"""<RawData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><FixedInformation><Tube>
<WaveLengthAlpha1 Unit="Å" Value="{WAVELENGTH}" /></Tube></FixedInformation><DataRoutes>
<DataRoute RouteFlag="Measured">{rows}<DataViews>
<RawDataView xsi:type="FixedRawDataView" Start="0" Length="2" />
<RawDataView xsi:type="VaryingRawDataView" Start="2" Length="2"><Varying>
<FieldDefinitions FieldName="TwoTheta" AxisId="TwoTheta" />
<FieldDefinitions FieldName="Theta" AxisId="Theta" /></Varying></RawDataView>
<RawDataView xsi:type="RecordedRawDataView" Start="4" Length="1" />
</DataViews></DataRoute></DataRoutes></RawData>"""
    name = "Experiment0/"
    return archive({f"{name}DataContainer.xml": container, f"{name}RawData0.xml": raw.encode()})


def field(size, *parts):
    """Bytes of this size that are zero but for (place, format, value) each."""
    content = bytearray(size)
    for place, form, value in parts:
        struct.pack_into(f"<{form}", content, place, value)
    return bytes(content)


def wavelengths(place):
    """The mean of Kα1 and Kα2, both, and Kβ of copper from a place on."""
    values = (1.5418, WAVELENGTH, 1.54439, 1.39222)
    return [(place + 8 * i, "d", value) for i, value in enumerate(values)]


def raw4(axis, heights):
    """Bruker .raw, version 4."""
    head = field(61, (0, "7s", b"RAW4.00"))
    hardware = field(136, (0, "I", 30), (4, "I", 136), *wavelengths(72))
    scan = field(
        160,
        (32, "24s", b"Locked Coupled"),
        (72, "d", axis[0]),
        (80, "d", axis[1] - axis[0]),
        (88, "I", len(axis)),
        (136, "I", 4),
    )
    return head + hardware + scan + np.asarray(heights, "<f4").tobytes()


def raw3(axis, heights):
    """Bruker .raw, version 3."""
    head = field(712, (0, "7s", b"RAW1.01"), (12, "I", 1), *wavelengths(616))
    scan = field(
        304,
        (0, "I", 304),
        (4, "I", len(axis)),
        (16, "d", axis[0]),
        (176, "d", axis[1] - axis[0]),
        (252, "I", 4),
    )
    return head + scan + np.asarray(heights, "<f4").tobytes()


def ras(axis, heights):
    head = f"""*RAS_DATA_START
*RAS_HEADER_START
*HW_XG_WAVE_LENGTH_ALPHA1 "{WAVELENGTH}"
*MEAS_SCAN_AXIS_X "TwoThetaTheta"
*MEAS_DATA_COUNT "{len(axis)}"
*RAS_HEADER_END
*RAS_INT_START
"""
    end = b"*RAS_INT_END\n*RAS_DATA_END\n"
    return table(axis, heights, "{:.4f} {:.3f} 1", head=head) + end


def uxd(axis, heights):
    return f"""; an export
_FILEVERSION=2
_WL1={WAVELENGTH}
_DRIVE='COUPLED'
_START={axis[0]}
_STEPSIZE={axis[1] - axis[0]}
_COUNTS
{numbers(heights)}
""".encode()


def gsas(axis, heights):
    start, step = 100 * axis[0], 100 * (axis[1] - axis[0])
    rows = numbers(heights).replace(" ", "\n")
    bank = f"BANK 1 {len(axis)} {len(axis)} CONST {start} {step} 0 0"
    return f"powder\n{bank}\n{rows}\n".encode()


def pdcif(axis, heights):
    head = f"""data_powder
_diffrn_radiation_wavelength {WAVELENGTH}
loop_
_pd_meas_2theta_scan
_pd_meas_counts_total
"""
    return table(axis, heights, head=head)


def jcamp(axis, heights, kind="RAMAN SPECTRUM", units="1/CM", y_units="COUNTS", x_factor=1.0):
    """JCAMP-DX in plain numbers, six to a line."""
    head = f"""##TITLE=powder 7
##JCAMP-DX=4.24
##DATA TYPE={kind}
##XUNITS={units}
##YUNITS={y_units}
##FIRSTX={axis[0]}
##LASTX={axis[-1]}
##NPOINTS={len(axis)}
##XFACTOR={x_factor}
##YFACTOR=0.001
##XYDATA=(X++(Y..Y))
"""
    lines = []
    for i in range(0, len(axis), 6):
        values = " ".join(str(round(1000 * y)) for y in heights[i : i + 6])
        lines.append(f"{axis[i] / x_factor:.4f} {values}\n")
    return (head + "".join(lines) + "##END=\n").encode()


def squeezed(value):
    """A number whose first digit is a letter that holds the sign (SQZ)."""
    digits = str(abs(value))
    return ("@ABCDEFGHI" if value >= 0 else "@abcdefghi")[int(digits[0])] + digits[1:]


def difference(value):
    """The same for a difference to the number before (DIF)."""
    digits = str(abs(value))
    return ("%JKLMNOPQR" if value >= 0 else "%jklmnopqr")[int(digits[0])] + digits[1:]


def jcamp_differences(axis, heights):
    """JCAMP-DX in differences, eight to a line; each line begins with the last number before."""
    values = [round(1000 * y) for y in heights]
    lines = []
    for i in range(0, len(values), 8):
        part = values[max(i - 1, 0) : i + 8]
        steps = "".join(difference(b - a) for a, b in pairwise(part))
        lines.append(f"{axis[max(i - 1, 0)]:.4f}{squeezed(part[0])}{steps}\n")
    plain = jcamp(axis, heights).decode()
    head = plain[: plain.index("(X++(Y..Y))\n") + len("(X++(Y..Y))\n")]
    return (head + "".join(lines) + "##END=\n").encode()


def jcamp_linked(axis, heights):
    """JCAMP-DX of two blocks, the second of which is the spectrum, in Hz of a 300 MHz magnet."""
    hertz = 300 * np.asarray(axis)
    block = jcamp(hertz, heights, kind="NMR SPECTRUM", units="HZ").decode()
    block = block.replace("##XUNITS", "##.OBSERVE FREQUENCY=300.0\n##XUNITS")
    peaks = "##TITLE=peaks\n##JCAMP-DX=5.0\n##DATA TYPE=NMR PEAK TABLE\n##END=\n"
    link = "##TITLE=both\n##JCAMP-DX=5.0\n##DATA TYPE=LINK\n##BLOCKS=3\n"
    return (link + peaks + block + "##END=\n").encode()


def spc(axis, heights, x_type=13):
    """Galactic .spc, version 4Bh, in floating-point numbers; axis type 13 is a Raman shift."""
    head = field(
        512,
        (1, "B", 0x4B),
        (3, "b", -128),
        (4, "I", len(axis)),
        (8, "d", axis[0]),
        (16, "d", axis[-1]),
        (24, "I", 1),
        (28, "B", x_type),
        (29, "B", 4),
        (32, "I", 2022 << 20 | 1 << 16 | 1 << 11),
    )
    part = field(32, (1, "b", -128), (16, "I", len(axis)))
    return head + part + np.asarray(heights, "<f4").tobytes()


def wdf(axis, heights):
    """Renishaw .wdf of one spectrum, its axis descending as instruments write it."""
    head = field(
        512,
        (0, "4s", b"WDF1"),
        (4, "I", 1),
        (8, "Q", 512),
        (0x3C, "I", len(axis)),
        (0x40, "Q", 1),
        (0x48, "Q", 1),
        (0x54, "I", 1),
        (0x58, "I", len(axis)),
        (0x60, "24s", b"WiRE"),
        (0x80, "I", 1),
        (0x84, "I", 1),
        (0x98, "I", 6),
        (0x9C, "f", 1e7 / LASER),
        (0xF0, "16s", b"powder 7"),
    )

    def block(name, values, *parts):
        content = np.asarray(values, "<f4")[::-1].tobytes()
        parts = b"".join(struct.pack("<I", part) for part in parts) + content
        return struct.pack("<4sIQ", name, 0, 16 + len(parts)) + parts

    return head + block(b"DATA", heights) + block(b"XLST", axis, 9, 1)


def opus(axis, heights):
    """Bruker OPUS, an absorbance spectrum with its axis descending."""

    def parameter(name, value):
        form = "i" if isinstance(value, int) else "d" if isinstance(value, float) else "4s"
        value = struct.pack(f"<{form}", value)
        kind = {"i": 0, "d": 1, "4s": 2}[form]
        return struct.pack("<4s2h", name, kind, len(value) // 2) + value

    status = b"".join(
        parameter(name, value)
        for name, value in (
            (b"DPF\0", 1),
            (b"NPT\0", len(axis)),
            (b"FXV\0", float(axis[-1])),
            (b"LXV\0", float(axis[0])),
            (b"CSF\0", 1.0),
            (b"DXU\0", b"WN\0\0"),
        )
    )
    status += struct.pack("<4s2h", b"END\0", 0, 0)
    values = np.asarray(heights, "<f4")[::-1].tobytes()

    # a block's kind in bits: amplitude 3, ratioed 3, data parameters 1, absorbance 4
    kinds = [13 << 10, 3 | 3 << 2 | 4 << 10, 3 | 3 << 2 | 1 << 4 | 4 << 10]
    starts = [24, 24 + 36, 24 + 36 + len(values)]
    sizes = [9, len(values) // 4, len(status) // 4]
    head = struct.pack("<4sd3i", b"\n\n\xfe\xfe", 920622.0, 24, 3, 3)
    directory = b"".join(
        struct.pack("<3i", *entry) for entry in zip(kinds, sizes, starts, strict=True)
    )
    return head + directory + values + status


# what the readers call a file -> how it is written; tables are added by who needs them
FILES = {
    "text table": table,
    "PANalytical .xrdml": xrdml,
    "Rigaku .rasx": rasx,
    "Bruker .brml": brml,
    "Bruker .raw": raw4,
    "Rigaku .ras": ras,
    "Bruker .uxd": uxd,
    "GSAS": gsas,
    "CIF": pdcif,
    "JCAMP-DX": jcamp,
    "Galactic .spc": spc,
    "Renishaw .wdf": wdf,
    "Bruker OPUS": opus,
}

"""Small files of every format that the readers know, written by hand: for tests and fuzzing.

Two ways to write one format are two functions; ``FILES`` has one for each.

Each function takes positions and intensities, evenly spaced, shape (n,), and returns the bytes.
"""

import struct
from itertools import pairwise

import numpy as np

from benchmarks.plain_bytes import field, table
from benchmarks.plain_diffraction import brml, gsas, pdcif, ras, rasx, raw4, uxd, xrdml

LASER = 532.0  # nm


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


def spc(axis, heights, x_type=13, y_type=4):
    """Galactic .spc, version 4Bh, in floating-point numbers; axis type 13 is a Raman shift, kind of
    intensity 4 counts and 128 transmittance."""
    head = field(
        512,
        (1, "B", 0x4B),
        (3, "b", -128),
        (4, "I", len(axis)),
        (8, "d", axis[0]),
        (16, "d", axis[-1]),
        (24, "I", 1),
        (28, "B", x_type),
        (29, "B", y_type),
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

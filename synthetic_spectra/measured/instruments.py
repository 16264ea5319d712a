"""Formats of Raman, infrared and NMR spectrometers, read with one library each."""

import io
import struct
from contextlib import redirect_stdout

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.libraries import file_of, library
from synthetic_spectra.measured.spectrum import absorbance, spectrum
from synthetic_spectra.measured.tables import decoded

# how formats call an axis -> quantity, unit, and factor into that unit; a wavenumber may be a
# Raman shift as well
AXES = {
    **dict.fromkeys(("1/cm", "cm-1", "cm^-1", "XWAVEN", "WN"), (None, "1/cm", 1)),
    **dict.fromkeys(("XRAMANS", "RamanShift"), ("raman_shift", "1/cm", 1)),
    **dict.fromkeys(("nanometers", "nm", "XNMETR", "Nanometre"), ("wavelength", "nm", 1)),
    **dict.fromkeys(("micrometers", "um", "XUMETR", "MI"), ("wavelength", "nm", 1000)),
    **dict.fromkeys(("ppm", "XPPM"), ("chemical_shift", "ppm", 1)),
    "2theta": ("two_theta", "degree", 1),
}
UNKNOWN = (None, None, 1)

# what the kind of a JCAMP-DX spectrum says about an axis in 1/cm
KINDS = {"raman": "raman_shift", "infrared": "wavenumber"}

# how formats call intensities whose minima are the bands
INVERTED = dict.fromkeys(("YTRANS", "t"), "transmittance")
INVERTED |= dict.fromkeys(("YREFLEC", "r"), "reflectance")


def read_jcamp(content):
    """JCAMP-DX: of several blocks the one with the most points."""
    jcamp = library("jcamp", "jcamp")
    lines = (decoded(content) or "").splitlines(keepends=True)
    with redirect_stdout(io.StringIO()) as printed:
        whole = jcamp.read(lines)
    blocks = [block for block in [whole, *whole.get("children", [])] if len(block["x"]) > 0]
    blocks = [block for block in blocks if "xydata" in block or "xypoints" in block]
    if not blocks:
        raise InputError("no block with XYDATA or XYPOINTS that can be read")
    block = max(blocks, key=lambda block: len(block["x"]))

    # jcamp prints what is wrong; positions at the beginning of lines are often rounded
    printed = printed.getvalue().splitlines()
    complaints = [line for line in printed if "X-Check" not in line]
    if complaints:
        raise InputError(f"damaged: {complaints[0]}")
    notes = [f"{len(printed)} positions differ from the steps of the axis"] if printed else []

    axis, heights = np.array(block["x"], dtype=float), np.array(block["y"], dtype=float)
    kind, units = (
        str(block.get(key, "")).split("$$")[0].strip().lower() for key in ("data type", "xunits")
    )
    quantity, unit, factor = AXES.get(units, UNKNOWN)
    megahertz = block.get(".observe frequency")
    if unit == "1/cm":
        quantity = next((q for word, q in KINDS.items() if word in kind), None)
    elif units == "hz" and isinstance(megahertz, (int, float)):
        quantity, unit, factor = "chemical_shift", "ppm", 1 / megahertz
        notes.append("Hz divided by the observe frequency in MHz")
    axis = factor * axis
    intensities = str(block.get("yunits", "")).lower()
    for word in ("transmittance", "reflectance"):
        if word[:6] in intensities:
            heights = absorbance(heights, notes, word)
    name = str(block.get("title", "")).split("$$")[0].strip()
    return spectrum(axis, heights, quantity=quantity, unit=unit, name=name or None, notes=notes)


def read_spc(content):
    """Galactic .spc of the newer kind: the first of its spectra."""
    library("spc_io", "spc-io")
    from spc_io import SPC

    if content[1] != 0x4B:
        raise InputError("an old or big-endian version, which spc-io does not read")
    parts = struct.unpack_from("<I", content, 24)[0]
    if parts > 10_000:
        raise InputError(f"{parts:,} spectra in one file, expected at most 10,000")
    file = SPC.from_bytes_io(io.BytesIO(content))
    axis, heights = file[0].xarray, file[0].yarray
    quantity, unit, factor = AXES.get(file.xtype, UNKNOWN)
    axis = factor * np.array(axis, dtype=float)
    notes = [f"the first of {parts} spectra"] if parts > 1 else []
    if file.ytype in INVERTED:
        heights = absorbance(heights, notes, INVERTED[file.ytype])
    return spectrum(axis, heights, quantity=quantity, unit=unit, notes=notes)


def read_wdf(content):
    """Renishaw .wdf: the first of its spectra."""
    wire = library("renishawWiRE", "renishawWiRE")

    # only blocks that hold the spectra are handed on; each must end within the file
    kept, place = [], 0
    while place + 16 <= len(content):
        name, _, size = struct.unpack_from("<4sIQ", content, place)
        if size < 16 or place + size > len(content):
            raise InputError("damaged: a block ends outside of the file")
        if name in (b"WDF1", b"DATA", b"XLST", b"YLST"):
            kept.append(content[place : place + size])
        place += size
    with file_of(b"".join(kept), ".wdf") as path:
        file = wire.WDFReader(path)
        file.close()
    points = file.point_per_spectrum
    heights = np.ravel(file.spectra)
    if not points or len(heights) < points:
        raise InputError("damaged: fewer intensities than its head says")
    quantity, unit, factor = AXES.get(file.xlist_unit.name, UNKNOWN)
    laser = 10 * file.laser_length if 100 < file.laser_length < 3000 else None
    notes = [f"the first of {file.count} spectra"] if file.count > 1 else []
    return spectrum(
        factor * np.asarray(file.xdata, dtype=float),
        heights[:points],
        quantity=quantity,
        unit=unit,
        wavelength=laser,
        name=file.title.strip() or None,
        notes=notes,
    )


def read_opus(content):
    """Bruker OPUS: the absorbance, else another spectrum of the sample."""
    opus = library("brukeropus", "brukeropus")
    with file_of(content, ".0") as path:
        file = opus.read_opus(str(path))
    kinds = {key.split("_")[0]: key for key in reversed(file.data_keys)}
    kind = next((kind for kind in ("a", "ra", "km", "atr", "t", "r", "sm") if kind in kinds), None)
    if kind is None:
        raise InputError("no spectrum in it")
    data = getattr(file, kinds[kind])
    axis, heights, notes = np.array(data.x, dtype=float), np.array(data.y, dtype=float), []
    quantity, unit, factor = AXES.get(data.params.dxu, UNKNOWN)
    if unit == "1/cm":
        quantity = "raman_shift" if kind == "ra" else "wavenumber"
    if kind in INVERTED:
        heights = absorbance(heights, notes, INVERTED[kind])
    return spectrum(factor * axis, heights, quantity=quantity, unit=unit, notes=notes)

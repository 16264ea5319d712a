"""Formats of Raman, infrared and NMR spectrometers, read with one library each."""

import io
import struct

import numpy as np

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.libraries import bounded, file_of, library
from synthetic_spectra.measured.spectrum import spectrum
from synthetic_spectra.measured.tables import decoded


def read_jcamp(content):
    """JCAMP-DX: of several blocks the one with the most points."""
    jcamp = library("jcamp", "jcamp")
    lines = (decoded(content) or "").splitlines(keepends=True)
    with bounded() as printed:
        whole = jcamp.read(lines)
    blocks = [block for block in [whole, *whole.get("children", [])] if len(block["x"]) > 0]
    blocks = [block for block in blocks if "xydata" in block or "xypoints" in block]
    if not blocks:
        raise InputError("no block with XYDATA or XYPOINTS that can be read")
    block = max(blocks, key=lambda block: len(block["x"]))

    # jcamp prints what is wrong
    complaints = [line for line in printed.getvalue().splitlines() if "X-Check" not in line]
    if complaints:
        raise InputError(f"damaged: {complaints[0]}")

    axis, heights = np.array(block["x"], dtype=float), np.array(block["y"], dtype=float)
    kind, unit = (str(block.get(key, "")).lower() for key in ("data type", "xunits"))
    notes, quantity = [], None
    if unit in ("1/cm", "cm-1", "cm^-1"):
        quantity = (
            "raman_shift" if "raman" in kind else "wavenumber" if "infrared" in kind else None
        )
        unit = "1/cm"
    elif unit == "hz" and isinstance(block.get(".observe frequency"), (int, float)):
        axis, quantity, unit = axis / block[".observe frequency"], "chemical_shift", "ppm"
        notes.append("Hz divided by the observe frequency in MHz")
    elif unit in ("nanometers", "nm", "micrometers", "um"):
        axis = axis * (1000 if unit in ("micrometers", "um") else 1)
        quantity, unit = "wavelength", "nm"
    else:
        known = {"ppm": ("chemical_shift", "ppm"), "2theta": ("two_theta", "degree")}
        quantity, unit = known.get(unit, (None, None))
    if "transmi" in str(block.get("yunits", "")).lower():
        # bands are maxima of the absorbance -log10(T)
        scale = 100 if heights.max(initial=0) > 2 else 1
        with np.errstate(divide="ignore", invalid="ignore"):
            heights = -np.log10(heights / scale)
        notes.append("transmittance turned into absorbance")
    name = str(block.get("title", "")).split("$$")[0].strip()
    return spectrum(axis, heights, quantity=quantity, unit=unit, name=name or None, notes=notes)


def read_spc(content):
    """Galactic .spc of the newer kind: the first of its spectra."""
    library("spc_io", "spc-io")
    from spc_io import SPC

    parts = struct.unpack_from("<I", content, 24)[0] if len(content) >= 28 else 0
    if parts > 10_000:
        raise InputError(f"{parts:,} spectra in one file, expected at most 10,000")
    with bounded():
        file = SPC.from_bytes_io(io.BytesIO(content))
        axis, heights = file[0].xarray, file[0].yarray
    known = {
        "XWAVEN": (None, "1/cm"),
        "XRAMANS": ("raman_shift", "1/cm"),
        "XNMETR": ("wavelength", "nm"),
        "XUMETR": ("wavelength", "nm"),
        "XPPM": ("chemical_shift", "ppm"),
    }
    quantity, unit = known.get(file.xtype, (None, None))
    axis = np.array(axis, dtype=float) * (1000 if file.xtype == "XUMETR" else 1)
    notes = [f"the first of {parts} spectra"] if parts > 1 else []
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
    with bounded(), file_of(b"".join(kept), ".wdf") as path:
        file = wire.WDFReader(path)
        file.close()
    points = file.point_per_spectrum
    heights = np.ravel(file.spectra)
    if not points or len(heights) < points:
        raise InputError("damaged: fewer intensities than its head says")
    known = {"RamanShift": ("raman_shift", "1/cm"), "Nanometre": ("wavelength", "nm")}
    quantity, unit = known.get(file.xlist_unit.name, (None, None))
    laser = 10 * file.laser_length if 100 < file.laser_length < 3000 else None
    notes = [f"the first of {file.count} spectra"] if file.count > 1 else []
    return spectrum(
        file.xdata,
        heights[:points],
        quantity=quantity,
        unit=unit,
        wavelength=laser,
        name=file.title.strip() or None,
        notes=notes,
    )


def read_opus(content):
    """Bruker OPUS: the absorbance, Raman or sample spectrum."""
    opus = library("brukeropus", "brukeropus")
    with bounded(), file_of(content, ".0") as path:
        file = opus.read_opus(str(path))
        keys = [key for key in ("a", "ra", "km", "atr", "t", "r", "sm") if key in file.data_keys]
        if not keys:
            raise InputError("no spectrum in it")
        data = getattr(file, keys[0])
        axis, heights, unit = np.array(data.x), np.array(data.y), data.params.dxu
    shift = keys[0] == "ra"
    return spectrum(
        axis,
        heights,
        quantity="raman_shift" if shift else "wavenumber" if unit == "WN" else None,
        unit="1/cm" if unit in ("WN", "RS") else None,
    )

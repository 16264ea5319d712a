"""What files written by hand are made of: tables, archives, heads of binary files."""

import io
import struct
import zipfile


def table(axis, heights, row="{:.4f} {:.3f}", head="", end="\n"):
    """A text of two columns."""
    rows = (row.format(x, y) for x, y in zip(axis, heights, strict=True))
    return (head + end.join(rows) + end).encode()


def numbers(values):
    return " ".join(f"{value:.3f}" for value in values)


def archive(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpacked(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def field(size, *parts):
    """Bytes of this size that are zero but for (place, format, value) each."""
    content = bytearray(size)
    for place, form, value in parts:
        struct.pack_into(f"<{form}", content, place, value)
    return bytes(content)

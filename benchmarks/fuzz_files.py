"""Files of instruments as a target of fuzz.py: mutated files → a spectrum or one sentence."""

import random
import re
import struct

import atheris
import numpy as np

from benchmarks import plain_bytes, plain_files
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import libraries, readers

AXIS = np.arange(10, 30, 0.5)
HEIGHTS = (5 + 100 * np.exp(-(((AXIS - 20) / 0.5) ** 2))).round(1)
WRITERS = list(plain_files.FILES.values())

# what a number in a text, and four or eight bytes elsewhere, become
NUMBERS = (b"0", b"-1", b"9" * 12, b"1e308", b"nan", b"inf", b"4294967295", b"1,5", b"", b"x")
VALUES = (
    *(("I", value) for value in (0, 1, 10**6, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1)),
    *(("Q", value) for value in (0, 10**9, 2**40, 2**63)),
    *(("d", value) for value in (0.0, -1.0, 1e300, float("nan"), float("inf"))),
)


class FilesTarget:
    """The first byte says which format the rest was written in, before it was changed."""

    def __init__(self, folder):
        libraries.SECONDS = 0.5  # far below the time at which atheris takes an input for a hang

    def examples(self):
        for i, write in enumerate(WRITERS):
            yield bytes([i]) + write(AXIS, HEIGHTS)

    def mutate(self, data, max_size, seed):
        """Change some places of the file, or of the files in an archive; now and then begin anew
        with another format."""
        chance = random.Random(seed)
        if len(data) < 10 or chance.random() < 0.3:
            data = chance.choice(list(self.examples()))
        first, content = data[:1], data[1:]
        if content.startswith(b"PK") and chance.random() < 0.8:
            content = changed_archive(content, chance)
        else:
            content = changed(content, chance)
        return (first + content)[:max_size]

    def answer(self, data):
        name = list(plain_files.FILES)[data[0] % len(WRITERS)] if data else "nothing"
        try:
            measured = readers.parse(data[1:])
        except InputError as error:
            text = str(error)
            assert len(text) > 4 and len(text.splitlines()) == 1, repr(text)
            return f"{name} refused" + " for its time" * ("not read within" in text)
        assert len(measured.axis) == len(measured.intensities) >= 10
        assert (np.diff(measured.axis) > 0).all() and np.isfinite(measured.intensities).all()
        return f"{name} read"


def changed(content, chance):
    """The bytes with up to five changes."""
    binary = b"\0" in content
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        place = chance.randrange(len(content) + 1)
        kind = chance.random()
        if kind < 0.3:
            content = atheris.Mutate(content, len(content) + 8) if content else b"1 2\n"
        elif kind < 0.4:
            content = content[:place] + content[place + chance.choice((1, 4, 60)) :]
        elif kind < 0.5:
            part = content[place : place + chance.choice((1, 60, 400))]
            content = content[:place] + part * chance.choice((1, 3)) + content[place:]
        elif kind < 0.55:
            content = content[:place]
        elif binary:
            form, value = chance.choice(VALUES)
            value = struct.pack(f"<{form}", value)
            content = content[:place] + value + content[place + len(value) :]
        elif found := list(re.finditer(rb"[0-9.]+", content)):
            place = chance.choice(found)
            content = content[: place.start()] + chance.choice(NUMBERS) + content[place.end() :]
    return content


def changed_archive(content, chance):
    """The archive with one of its files changed, packed anew."""
    try:
        files = plain_bytes.unpacked(content)
    except Exception:  # it is damaged already
        return changed(content, chance)
    if not files:
        return changed(content, chance)
    name = chance.choice(list(files))
    return plain_bytes.archive(files | {name: changed(files[name], chance)})

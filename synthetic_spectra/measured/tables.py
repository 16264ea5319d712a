"""Text tables of instruments: separators, decimal commas, headers, columns by name."""

import csv
import math
import re
from collections import Counter
from itertools import pairwise

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import radiation, thousands
from synthetic_spectra.measured.spectrum import (
    FEWEST_ROWS,
    MOST_ROWS,
    absorbance,
    plural,
    spectrum,
)

# separators (None: spaces and tabs) and decimal marks, the first of equally good ones is taken
DIALECTS = [(mark, decimal) for mark in ("\t", ";", ",", None) for decimal in (".", ",")]
MISSING = {"", "nan", "na", "n/a", "null", "none", "-", "--", "?", "inf", "-inf", "+inf"}
COMMENTS = tuple("#!%;/'*")  # at the beginning of a line
LONGEST_LINE = 10_000
SAMPLE = 400  # lines that decide about the dialect

# names of axis columns in order of preference, what they are, their unit
AXES = (
    (r"raman.?shift|rel.*1/cm", "raman_shift", "1/cm"),
    (r"2[ _-]?(theta|th\b|θ|ϑ)|two.?theta|2.?theta|^angle$", "two_theta", "degree"),
    (r"chemical.?shift|\bppm\b", "chemical_shift", "ppm"),
    # Raman shifts are often called so as well
    (r"wave.?numbers?|1/cm|cm[\^]?[-⁻−][1¹]|\braman\b", None, "1/cm"),
    (r"wave.?length\W*[µμu]m\b", "wavelength", "µm"),
    (r"wave.?length|^nm$|[(\[]nm[)\]]", "wavelength", "nm"),
    # as the first column; beside an angle they are columns like others
    (r"^q($|\W|_)", "momentum_transfer", None),
    (r"^d.?(spacing|value)|^d($|\W|_)", "d_spacing", None),
    (r"^(theta|θ)($|\W|_)", "theta", None),
)
FIRST_ALONE = ("momentum_transfer", "d_spacing", "theta")
IN_TITLES = AXES[:2]  # other words of a title may mean something else

# names of columns of intensities in order of preference, and names of columns that are none
INTENSITIES = (
    r"(dark|background|baseline).?(subtracted|corrected|removed)",
    r"intensit|counts|\bcps\b|signal|absorbance|^[yi]$|^int\b|^i.?obs|^y.?obs",
)
NO_INTENSITIES = (
    r"err|sigma|esd|\bstd|backgr|\bbkg|dark|reference|pixel|index|time|temp|wave|shift|theta"
)
# names of columns in which bands are minima
OPTICAL = {"transmittance": r"transmi|^%\s*t$|^t\W*%\W*$", "reflectance": r"reflec"}

# the sample, as a head names it
NAME = re.compile(r"^\W{0,3}(?:names?|sample(?:.?name)?)\s*[=:;]\s*(.{1,200})", re.IGNORECASE)


def decoded(content):
    """The text of these bytes, None if they are no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    return None if "\0" in text else text


def read_table(content):
    """A table of two or more columns, with or without their names.

    Raises:
        InputError: if there is no table, or its columns are no spectrum.
    """
    length = max(content.count(b"\n"), content.count(b"\r"))
    if length > MOST_ROWS:
        raise InputError(f"{length:,} lines, expected at most {MOST_ROWS:,}")
    text = decoded(content)
    lines = [line.strip(" \r") for line in re.split(r"\r\n|\r|\n", text)]
    lines = [line if len(line) <= LONGEST_LINE else "" for line in lines]

    # the dialect in which most lines are numbers
    middle = len(lines) // 2
    sample = lines if len(lines) <= SAMPLE else lines[: SAMPLE // 2] + lines[middle:][: SAMPLE // 2]
    mark, decimal = max(DIALECTS, key=lambda dialect: sum(likeness(x, *dialect) for x in sample))
    rows = [numbers(line, mark, decimal) for line in lines]

    # rows of the usual width are the table, what stands before them is the head
    widths = Counter(len(row) for row in rows if count(row) >= 2)
    if not widths:
        raise InputError("no rows of two or more numbers")
    width = widths.most_common(1)[0][0]
    within = [i for i, row in enumerate(rows) if len(row) == width]
    within = within[next(n for n, i in enumerate(within) if count(rows[i]) >= 2) :]
    head, table = lines[: within[0]], [rows[i] for i in within]

    names, title = column_names(head, width, mark)
    first, second, quantity, unit = chosen_columns(table, names, title)
    for i, other in ((first, second), (second, first)):
        columns = ([row[column] for row in table] for column in (i, other))
        thousands.refuse(*columns, lambda row, i=i: cells(lines[within[row]], mark)[i])
    notes = []
    between = range(within[0], within[-1])
    others = [i for i in between if len(rows[i]) != width and count(rows[i]) >= 2]
    if others := sum(not lines[i].startswith(COMMENTS) for i in others):
        notes.append(f"{plural(others)} of other than {width} columns left out")
    if sum(value is not None for value in table[0]) > 2:
        notes.append(f"of {width} columns {label(names, first)} and {label(names, second)} taken")
    text = "\n".join(head)
    heights = [row[second] for row in table]
    if names and (kind := optical(names[second], quantity, unit)):
        heights = absorbance(heights, notes, kind)
    sample_name = next((found[1].strip() for line in head if (found := NAME.match(line))), None)
    return spectrum(
        [row[first] for row in table],
        heights,
        quantity=quantity,
        unit=unit,
        wavelength=radiation.laser(text) or radiation.x_rays(text),
        name=sample_name or None,
        notes=notes,
    )


def optical(name, quantity, unit):
    """What a column of intensities holds, if the bands are its minima: transmittance or
    reflectance; else None. Of X-rays and of Raman scattering they never are."""
    if unit not in ("1/cm", "nm") or quantity == "raman_shift" or "absorb" in name:
        return None
    if "transmission" in name and re.search(INTENSITIES[1], name):
        return None
    return next((kind for kind, pattern in OPTICAL.items() if re.search(pattern, name)), None)


def cells(line, mark):
    """The cells of a line, without quotes and spaces."""
    if mark is None:
        line = line.replace('"', " ")
        # other spaces stand within numbers
        return line.split() if line.isascii() else re.split("[ \t]+", line.strip(" \t"))
    if '"' in line:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=mark))]
        except (csv.Error, StopIteration):
            return []
    return [cell.strip() for cell in line.split(mark)]


def number(cell, decimal):
    """The number in a cell, NaN where one is missing, None where something else stands."""
    if cell.lower() in MISSING:
        return math.nan
    if decimal == ",":
        if "." in cell:
            return None
        cell = cell.replace(",", ".")
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def numbers(line, mark, decimal):
    """The cells of a line as numbers, NaN or None each."""
    parts = cells(line, mark)
    if decimal == "." and "_" not in line:
        # nearly every line of a long table is numbers alone
        try:
            return list(map(float, parts))
        except ValueError:
            pass
    return [number(part, decimal) for part in parts]


def is_number(value):
    """Whether a cell holds a number: neither text (None) nor nothing (NaN)."""
    return value is not None and value == value


def count(row):
    """How many numbers a row has."""
    return sum(map(is_number, row))


def likeness(line, mark, decimal):
    """How much a line looks like a row of numbers: 1 all of them, 0.5 with text, 0 no row."""
    row = numbers(line, mark, decimal)
    return 0 if count(row) < 2 else 0.5 if None in row else 1


def column_names(head, width, mark):
    """The names of the columns in lower case (nothing where they are not told), and the last line
    of the head.

    The line nearest to the table that has one cell for each column names them. Words between spaces
    are names only if they are known.
    """
    lines = [line.lstrip("".join(COMMENTS) + " \t").lower() for line in head if line]
    for line in reversed(lines[-5:]):
        # a value, no names
        if radiation.x_rays(line):
            continue
        for separator in (mark, "\t", ";", ",", None):
            names = cells(line, separator)
            plain = not any(number(name, ".") is not None for name in names if name)
            plain = plain and not any(map(radiation.is_value, names))
            if len(names) == width and plain and (separator or known(names)):
                return names, line
    return [], lines[-1] if lines else ""


def known(names):
    """Whether words are names: one is that of an axis, and of two words the other is that of
    intensities."""
    text = "\n".join(names)
    axes = [pattern for pattern, _, _ in AXES]
    wanted = [axes, (*INTENSITIES, *OPTICAL.values())] if len(names) == 2 else [axes]
    return all(any(re.search(p, text, re.MULTILINE) for p in patterns) for patterns in wanted)


def chosen_columns(table, names, title):
    """The columns of the axis and of the intensities, and quantity and unit of the axis.

    Named columns are found by their names, others are the first two that hold numbers.
    """
    # a detector that is lit in part leaves most cells of a named axis empty
    least = min(FEWEST_ROWS if names else len(table), len(table)) / 2
    columns = range(len(table[0]))
    filled = [i for i in columns if sum(is_number(row[i]) for row in table) > least]
    if len(filled) < 2:
        raise InputError("no two columns of numbers")

    # the axis: a name that says what it is, else the first column that is no mere index
    first, quantity, unit = None, None, None
    for pattern, meant, unit_meant in AXES if names else IN_TITLES:
        able = filled[:1] if meant in FIRST_ALONE else filled
        first = next((i for i in able if names and re.search(pattern, names[i])), None)
        if first is not None or (not names and re.search(pattern, title)):
            quantity, unit = meant, unit_meant
            break
    if first is None:
        skip = len(filled) > 2 and counts_rows(table, *filled[:2])
        first = filled[1] if skip else filled[0]

    # the intensities: a name that says so, else the next column that is not known to be none
    later = [i for i in filled if i != first]
    for pattern in INTENSITIES:
        for i in later:
            if names and re.search(pattern, names[i]):
                return first, i, quantity, unit
    free = [i for i in later if not (names and re.search(NO_INTENSITIES, names[i]))]
    following = [i for i in free if i > first]
    return first, (following or free or later)[0], quantity, unit


def counts_rows(table, first, second):
    """Whether a column counts the rows from 0 or 1, and the second one is an axis."""
    pairs = [(row[first], row[second]) for row in table]
    pairs = [pair for pair in pairs if all(map(is_number, pair))]
    numbers, axis = zip(*pairs, strict=True) if pairs else ((), ())
    whole = numbers[:2] in ((0, 1), (1, 2)) and numbers[-1] == numbers[0] + len(numbers) - 1
    return whole and len({a < b for a, b in pairwise(axis)}) == 1


def label(names, i):
    """A column in words."""
    return repr(names[i]) if names and names[i] else f"number {i + 1}"

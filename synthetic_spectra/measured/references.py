"""References → classes of a config: crystal structures, tables of peaks, measured spectra."""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.crystals import cif, diffraction
from synthetic_spectra.measured import matching, readers
from synthetic_spectra.measured.axis import onto
from synthetic_spectra.measured.foreground import foreground

COLUMNS = ("name", "position", "height")  # of a table of peaks; formula and source may follow
HEIGHT_DIGITS = 4  # of the heights in a config
NOISE = 4  # standard deviations of the noise by which a peak of a measured spectrum stands out
AT_ONCE = 512  # patterns that are compared in one step


@dataclass(frozen=True)
class Reference:
    """The peaks of one substance.

    Args:
        name: of the substance.
        formula: e.g. "O2 Ti"; "" if unknown.
        source: where the peaks are from.
        positions: of the peaks, (k,), in the unit of the axis.
        heights: of the peaks, (k,), > 0, in any unit.
    """

    name: str
    formula: str
    source: str
    positions: np.ndarray
    heights: np.ndarray


def read(path, axis, n_datapoints, lowest_height, kernel_range, measured_wavelength=None):
    """The references in a file: a CIF of structures, a table of peaks, or a measured spectrum.

    Args:
        path: of the file.
        axis: ``spectra.names.Axis`` on which the peaks are wanted.
        n_datapoints: of the axis.
        lowest_height: of a peak of a measured spectrum, relative to the highest.
        kernel_range: σ of the narrowest and of the widest of its peaks, in datapoints.
        measured_wavelength: of a diffractogram whose file tells none, in Å.

    Returns:
        a list of ``Reference``.

    Raises:
        InputError: names the file and what is wrong with it.
    """
    content = Path(path).read_bytes()
    if re.search(rb"^\s*_atom_site_(label|type_symbol|fract_x)\s", content, re.MULTILINE):
        return from_cif(path, axis, n_datapoints)
    head = content.split(b"\n", 1)[0].decode("latin-1").lower()
    if set(COLUMNS) <= set(re.findall(r"\w+", head)):
        return from_table(path)
    return [
        from_spectrum(path, axis, n_datapoints, lowest_height, kernel_range, measured_wavelength)
    ]


def from_cif(path, axis, n_datapoints):
    """The calculated lines of every structure in a CIF; arguments as of ``read``."""
    if axis.quantity != "two_theta":
        raise InputError(f"{path}: a crystal structure has lines of two_theta, not {axis.quantity}")
    references = []
    for crystal in cif.read(path):
        first, last = sorted(axis.value([0, n_datapoints - 1]))
        try:
            angles, heights = diffraction.lines(crystal, axis.wavelength, first, last)
        except ValueError as error:
            raise InputError(f"{path}: {error}") from None
        if not len(angles):
            raise InputError(f"{path}: no line between {first:g} and {last:g} degrees")
        source = f"{Path(path).name}, {crystal.entry}" if crystal.entry else Path(path).name
        name = crystal.name or Path(path).stem
        references.append(Reference(name, crystal.formula, source, angles, heights))
    return references


def from_table(path):
    """The substances of a table of peaks: a row for each peak, with its name, position and height.

    Raises:
        InputError: names the file, and the row that holds no number.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        table = pd.read_csv(io.StringIO(text), sep=None, engine="python", dtype=str)
    except ValueError as error:  # Pandas' errors are of this kind, and undecodable bytes too
        raise InputError(f"{path}: no table: {first_line(error)}") from None
    table.columns = table.columns.str.strip().str.lower()
    if table.empty:
        raise InputError(f"{path}: no peaks")
    for column in COLUMNS:
        if column not in table:
            raise InputError(f"{path}: no column {column}, expected {', '.join(COLUMNS)}")
    table = table.fillna("")
    for column in ("position", "height"):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = (
            ~np.isfinite(numbers) | (numbers.abs() > 1e9) | (column == "height") & (numbers <= 0)
        )
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise InputError(
                f"{path}: row {row + 2}: {column} is {table[column][row]!r}, expected a number"
                + " above 0" * (column == "height")
            )
        table[column] = numbers
    if (table["name"].str.strip() == "").any():
        raise InputError(f"{path}: a row without a name")
    references = []
    for name, rows in table.groupby("name", sort=False):
        formula, source = (
            rows[column].iloc[0].strip() if column in rows else ""
            for column in ("formula", "source")
        )
        references.append(
            Reference(
                name.strip(), formula, source or Path(path).name,
                rows["position"].to_numpy(), rows["height"].to_numpy(),
            )
        )  # fmt: skip
    return references


def from_spectrum(path, axis, n_datapoints, lowest_height, kernel_range, measured_wavelength=None):
    """The peaks of a measured spectrum, found without its background; arguments as of ``read``."""
    measured = readers.read(path)
    wavelength = measured.wavelength or measured_wavelength
    try:
        on_axis = onto(measured, axis, n_datapoints, wavelength, guess=False)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    standing = foreground(on_axis.intensities, on_axis.covered, kernel_range)
    lowest = max(lowest_height, NOISE * standing.noise)
    peaks, _ = scipy.signal.find_peaks(standing.intensities, height=lowest, prominence=lowest)
    if not len(peaks):
        raise InputError(f"{path}: no peak stands out of the noise")
    heights = standing.intensities[peaks]
    return Reference(measured.name, "", Path(path).name, axis.value(peaks), heights)


def as_class(reference, axis, n_datapoints, boundary, most_peaks, lowest_height):
    """A reference as a class of a config.

    Peaks at one datapoint become one of their summed height.

    Args:
        reference: a ``Reference``.
        axis, n_datapoints: of the config.
        boundary: datapoints at either end of the axis that get no peak.
        most_peaks: the highest peaks that are kept, so many.
        lowest_height: of a peak that is kept, relative to the highest.

    Returns:
        the class as it stands in the JSON.

    Raises:
        InputError: if no peak lies on the axis.
    """
    # 1. the datapoint of every peak
    datapoints = np.rint(axis.position(reference.positions)).astype(int)
    heights = np.bincount(
        np.clip(datapoints, 0, n_datapoints - 1),
        weights=np.where((datapoints >= 0) & (datapoints < n_datapoints), reference.heights, 0),
        minlength=n_datapoints,
    )
    heights[:boundary] = heights[n_datapoints - boundary :] = 0
    if not heights.any():
        raise InputError(f"{reference.source}: no peak of {reference.name} is on the axis")

    # 2. the highest, not too low ones
    heights = np.round(heights / heights.max(), HEIGHT_DIGITS)
    highest = np.argsort(-heights, kind="stable")[:most_peaks]
    kept = np.sort(highest[(heights[highest] >= lowest_height) & (heights[highest] > 0)])
    content = {"peak_positions": kept.tolist(), "peak_heights": heights[kept].tolist()}
    texts = {"name": reference.name, "formula": reference.formula, "source": reference.source}
    return content | {key: _one_line(text) for key, text in texts.items() if text}


def merged(classes, n_datapoints, sigma, limit):
    """Put classes together whose ideal spectra cannot be told apart.

    A class joins the most similar one before it whose cosine similarity is above the limit. The
    most frequent name is that of all, the others become its aliases.

    Args:
        classes: as ``as_class`` gives them.
        n_datapoints: of the axis.
        sigma: width of the peaks in datapoints.
        limit: cosine similarity, 0 to 1.

    Returns:
        the classes that are left, in their order, as they stand in the JSON.
    """
    patterns = matching.patterns(
        [one["peak_positions"] for one in classes], [one["peak_heights"] for one in classes],
        n_datapoints, sigma,
    )  # fmt: skip
    first = np.zeros(len(classes), bool)  # of those that cannot be told apart
    aliases = {}
    for start in range(0, len(classes), AT_ONCE):
        end = min(start + AT_ONCE, len(classes))
        cosines = patterns[start:end] @ patterns[:end].T
        for label in range(start, end):
            similar = np.where(first[:end], cosines[label - start], -1)
            nearest = int(similar.argmax())
            if similar[nearest] > limit:
                aliases[nearest].append(classes[label])
            else:
                first[label] = True
                aliases[label] = []
    left = []
    for label, same in aliases.items():
        # the most frequent name is the one that people know
        group = [classes[label], *same]
        names = [one["name"] for one in group]
        chosen = group[names.index(max(names, key=names.count))]
        substances = [_substance(chosen)]
        for substance in map(_substance, group):
            if not any(_same(substance, known) for known in substances):
                substances.append(substance)
        left.append(chosen | ({"aliases": substances[1:]} if substances[1:] else {}))
    return left


def _substance(definition):
    """What a class is, as it stands among the aliases of another one."""
    return {key: definition[key] for key in ("name", "formula", "source") if key in definition}


def _same(one, other):
    return all(one.get(key) == other.get(key) for key in ("name", "formula"))


def elements(formula):
    """The chemical symbols in a formula, as a set."""
    return set(re.findall("[A-Z][a-z]?", formula))


def _one_line(text):
    """A text as a config holds it: printable, on one line, of at most 200 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]

"""Arrays in datasets/<name>/ ⇄ memory: writing, checks, scaling."""

import hashlib
import shutil
import sys
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthetic_spectra.common.errors import InputError, first_line
from synthetic_spectra.common.machine import free_memory
from synthetic_spectra.spectra import config, manifest
from synthetic_spectra.spectra.definitions import Config
from synthetic_spectra.spectra.manifest import CONFIG_FILE

SPLITS = ("train", "val", "test")
# spectra converted in one step, so that float64 files need no second copy in memory
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Dataset:
    """A dataset in memory.

    ``x[split]``: float32 (n, n_datapoints), every spectrum scaled to a maximum of 1, an array or,
    if the spectra take more than half of the memory, ``Scaled``; ``y[split]``: int64 labels (n,);
    split is "train", "val" or "test". ``checksums``: file of the folder → its SHA-256.
    """

    folder: Path
    definitions: Config
    x: dict
    y: dict
    checksums: dict

    @property
    def name(self):
        return self.folder.name

    @property
    def checksum(self):
        """SHA-256 over the checksums of all files."""
        return hashlib.sha256(b"".join(map(bytes.fromhex, self.checksums.values()))).hexdigest()

    def misclassified(self, predictions):
        """How many spectra of each split have another predicted label than their own, and the test
        accuracy; where all classes have names, also how often the predicted one has the right name.

        Args:
            predictions: split → predicted labels (n,).
        """
        wrong = {
            split: int((predictions[split] != self.y[split]).sum())
            for split in ("test", "val", "train")
        }
        n_test = len(self.y["test"])
        counts = {f"{split}_misclassified": wrong[split] for split in wrong}
        counts |= {"test_spectra": n_test, "test_accuracy": 1 - wrong["test"] / n_test}

        # several classes may have one name, as the members of a solid solution
        spectra = self.definitions.spectra.values()
        names = np.array([getattr(one, "name", None) or "" for one in spectra])
        if all(names):
            for split in ("test", "val"):
                right = names[predictions[split]] == names[self.y[split]]
                counts[f"{split}_accuracy_of_names"] = float(right.mean())
        return counts


class Scaled:
    """Spectra on disk that are scaled when they are indexed: ``scaled[rows]`` is float32 (rows,
    n_datapoints)."""

    def __init__(self, raw, highest):
        self.raw, self.highest = raw, highest

    def __len__(self):
        return len(self.raw)

    def __getitem__(self, rows):
        return (self.raw[rows] / self.highest[rows]).astype("float32")


def write(folder, definitions, numbers, parts):
    """Write the resolved config and the arrays of a dataset, part by part.

    Args:
        folder: it is made here.
        definitions: the resolved config.
        numbers: split → number of spectra.
        parts: yields split, spectra (n, n_datapoints), labels (n,), in the order of each split.

    Returns:
        file name → CRC-32 of its content.
    """
    folder.mkdir()
    config.save(folder / CONFIG_FILE, definitions)

    # an array begins with its header, which says how many spectra will follow
    spectra_type = np.dtype(definitions.rendering.dtype)
    with ExitStack() as stack:
        files = {}
        for split in SPLITS:
            shapes = {"x": (numbers[split], definitions.n_datapoints), "y": (numbers[split],)}
            for axis, dtype in (("x", spectra_type), ("y", np.dtype("float64"))):
                stream = stack.enter_context(_file(folder, axis, split).open("wb"))
                header = {
                    "descr": np.lib.format.dtype_to_descr(dtype),
                    "fortran_order": False,
                    "shape": shapes[axis],
                }
                files[axis, split] = manifest.CheckedFile(stream)
                np.lib.format.write_array_header_1_0(files[axis, split], header)

        for split, spectra, labels in parts:
            files["x", split].write(spectra)
            files["y", split].write(labels.astype("float64"))

    crcs = {_file(folder, *array).name: file.crc32 for array, file in files.items()}
    return {CONFIG_FILE: manifest.crc32(folder / CONFIG_FILE)} | crcs


def refuse_too_large(folder, definitions, numbers):
    """Raise InputError if the arrays do not fit on the disk; arguments as of ``write``."""
    itemsize = np.dtype(definitions.rendering.dtype).itemsize
    needed = sum(numbers.values()) * (definitions.n_datapoints * itemsize + 8)
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise InputError(
            f"{folder.parent}: the arrays take {needed:,} bytes, the disk has {free:,} bytes left"
        )


def holds(folder, definitions):
    """Whether a folder holds the arrays of just these resolved definitions, as they were written.

    Where no manifest says what was written, as in datasets of earlier versions, arrays of the right
    shapes are taken for them.
    """
    try:
        if config.load(folder / CONFIG_FILE) != definitions:
            return False
        for split in SPLITS:
            x, y = _open(_file(folder, "x", split), 2), _open(_file(folder, "y", split), 1)
            if x.shape != (len(y), definitions.n_datapoints):
                return False
        recorded = manifest.read(folder)
        return recorded is None or not recorded["files"].keys() & set(manifest.not_written(folder))
    except (InputError, OSError):  # another process may replace them just now
        return False


def resolved(datasets_dir, source):
    """The class definitions of a rendered dataset, with every rendering setting filled in.

    They are those with which the spectra were rendered. A config file that was edited since then
    does not count, and a line on stderr says so.

    Args:
        datasets_dir, source: as in ``load``.

    Raises:
        InputError: if they are missing or broken.
    """
    name = source.stem if isinstance(source, Path) else source
    path = Path(datasets_dir) / name / CONFIG_FILE
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; make it: python spectra_from_config.py --config {name}"
        )
    definitions = config.load(path)
    if isinstance(source, Path) and (
        edit := manifest.edit(source, definitions, manifest.read(path.parent))
    ):
        print(
            f"{source}: edited since its spectra were rendered, which stay as they are: {edit}; "
            f"to render them again: python spectra_from_config.py --config {source} --replace",
            file=sys.stderr,
        )
    return definitions


def load(datasets_dir, source):
    """Read and check the arrays and the resolved config of a dataset.

    Args:
        datasets_dir: the folder that holds a folder per dataset.
        source: path of its config, as ``config.find`` gives it, or the name of the dataset.

    Raises:
        InputError: if a file is missing, damaged or does not fit its config; the text names file,
            value, expectation.
    """
    definitions = resolved(datasets_dir, source)
    folder = Path(datasets_dir) / (source.stem if isinstance(source, Path) else source)
    x, y = {}, {}
    in_memory = 2 * sum(path.stat().st_size for path in folder.glob("x_*.npy")) < free_memory()
    for split in SPLITS:
        x[split] = _load_spectra(_file(folder, "x", split), definitions.n_datapoints, in_memory)
        y[split] = _load_labels(_file(folder, "y", split), definitions.n_classes, len(x[split]))
    return Dataset(folder, definitions, x, y, _checksums(folder))


def _file(folder, axis, split):
    return folder / f"{axis}_{split}.npy"


def _open(path, n_dimensions):
    try:
        with warnings.catch_warnings(action="ignore"):  # of old headers
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; render the dataset again with spectra_from_config.py"
        ) from None
    except Exception as error:  # NumPy's reader has no list of what damaged bytes lead to
        raise InputError(
            f"{path}: not a whole .npy array of numbers: {first_line(error)}"
        ) from None
    if (
        not isinstance(array, np.memmap)
        or array.dtype.kind not in "fiu"
        or array.ndim != n_dimensions
    ):
        found = (
            f"{array.dtype} of shape {array.shape}"
            if isinstance(array, np.ndarray)
            else "an archive"
        )
        raise InputError(f"{path}: {found}, expected {n_dimensions}-dimensional numbers")
    return array


def _load_spectra(path, n_datapoints, in_memory):
    raw = _open(path, 2)
    if raw.shape[1] != n_datapoints or not len(raw):
        raise InputError(
            f"{path}: shape {raw.shape}, expected at least one spectrum of {n_datapoints} "
            "datapoints"
        )
    highest = np.empty((len(raw), 1))
    scaled = np.empty(raw.shape, "float32") if in_memory else None
    for start in range(0, len(raw), ROWS_AT_ONCE):
        with np.errstate(invalid="ignore"):
            block = np.asarray(raw[start : start + ROWS_AT_ONCE], "float64")
        highest[start : start + ROWS_AT_ONCE] = block.max(axis=1, keepdims=True)
        with np.errstate(all="ignore"):  # what comes of it is looked at below
            of_highest = (block / highest[start : start + ROWS_AT_ONCE]).astype("float32")
        for bad, what in (
            (~np.isfinite(block).all(axis=1), "NaN or infinity"),
            (highest[start : start + ROWS_AT_ONCE, 0] <= 0, "no value above 0"),
            (~np.isfinite(of_highest).all(axis=1), "values too far apart to be scaled"),
        ):
            if bad.any():
                raise InputError(
                    f"{path}: spectrum {start + bad.argmax()} holds {what}, "
                    "expected finite intensities"
                )
        if in_memory:
            scaled[start : start + ROWS_AT_ONCE] = of_highest
    return scaled if in_memory else Scaled(raw, highest)


def _load_labels(path, n_classes, n_spectra):
    labels = np.array(_open(path, 1))
    if len(labels) != n_spectra:
        raise InputError(
            f"{path}: {len(labels)} labels, expected one for each of the {n_spectra} spectra"
        )
    wrong = ~np.isin(labels, np.arange(n_classes))
    if wrong.any():
        i = wrong.argmax()
        raise InputError(
            f"{path}: label {labels[i]} of spectrum {i}, "
            f"expected a whole number from 0 to {n_classes - 1}"
        )
    return labels.astype("int64")


def _checksums(folder):
    arrays = (_file(folder, axis, split) for split in SPLITS for axis in "xy")
    return {path.name: _sha256(path) for path in (folder / CONFIG_FILE, *arrays)}


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

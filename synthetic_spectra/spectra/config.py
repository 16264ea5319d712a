"""dataset_configs/<name>.json ⇄ checked objects; the only reader and writer of class definitions."""

import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthetic_spectra.common.errors import InputError, sentence
from synthetic_spectra.common.files import write_text

CONFIGS_DIR = Path("dataset_configs")
NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # of a config, and so of folders made for it
DTYPES = ("float64", "float32")

Finite = Annotated[float, Field(allow_inf_nan=False)]
# Below 1, so that no spectrum loses its highest peak.
Spread = Annotated[Finite, Field(ge=0, lt=1)]
Width = Annotated[Finite, Field(ge=1e-3)]
Share = Annotated[Finite, Field(ge=0, le=1)]
Length = Annotated[Finite, Field(ge=0, le=2**31)]
Height = Annotated[Finite, Field(ge=0, le=1000)]
# so that whole numbers, and products of a shift and a step, fit into 64 bits
Count = Annotated[int, Field(ge=1, le=2**53)]
Shift = Annotated[int, Field(ge=0, le=2**31)]
Step = Annotated[int, Field(ge=-(2**31), le=2**31)]


class _Strict(BaseModel):
    # extra="forbid": a misspelt key must not silently render another dataset; strict: 5.0 is no
    # position, "5" no number
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Rendering(_Strict):
    """Settings of the rendering, at the scope of one class; ``None`` leaves a setting to the next
    wider scope.

    Lengths are in datapoints, heights relative to the highest peak of a class.
    """

    shift_range: Shift | None = (
        None  # training: a position moves by an integer in [-shift_range, shift_range)
    )
    variation_range: Spread | None = None  # training: a height changes by at most this, either way
    kernel_range: Annotated[list[Width], Field(min_length=2, max_length=2)] | None = (
        None  # training: lowest, highest σ
    )
    vary_highest: bool | None = None  # training: whether a peak of height 1 changes its height too
    test_shift: Shift | None = None  # test: one step of the positions
    test_var: Spread | None = None  # test: one step of the heights
    test_shifts: Annotated[list[Step], Field(min_length=1)] | None = (
        None  # test: steps of the positions, e.g. 0, -1, 1
    )
    test_heights: Annotated[list[Step], Field(min_length=1)] | None = (
        None  # test: steps of the heights
    )
    test_kernel: Width | None = None  # test: σ
    n_train: Count | None = None  # training spectra
    n_val: Count | None = None  # validation spectra

    @model_validator(mode="after")
    def _kernel_range_in_order(self):
        if self.kernel_range and self.kernel_range[0] > self.kernel_range[1]:
            raise ValueError(f"kernel_range is {self.kernel_range}, expected the lower width first")
        return self


class DatasetRendering(Rendering):
    """Settings of the rendering at the scope of a whole dataset: those of a class, and what classes
    share.

    What an instrument and a sample add to the ideal spectra is off by default, and is not written
    where it is off.
    """

    seed: int | None = Field(
        None, ge=0
    )  # of the one random stream that draws all training and validation spectra
    dtype: str | None = Field(None, pattern=f"^({'|'.join(DTYPES)})$")  # of the arrays of spectra

    profile: Literal["gaussian", "lorentzian", "pseudo_voigt"] = (
        "gaussian"  # of the peaks, as wide as the Gaussian
    )
    mixing: Annotated[list[Share], Field(min_length=2, max_length=2)] = [
        0.0,
        1.0,
    ]  # pseudo_voigt: lowest, highest η
    width_spread: Spread = (
        0.0  # the width of every peak differs from that of its spectrum by at most this share
    )
    zero_shift: Length = 0.0  # all peaks of a spectrum move together by at most this, either way
    scale: Spread = (
        0.0  # all positions of a spectrum are stretched by at most this share, either way
    )
    impurities: Annotated[int, Field(ge=0, le=1000)] = (
        0  # peaks of something else in every spectrum, anywhere …
    )
    impurity_height: Share = 0.1  # … and at most this high
    background: Height = (
        0.0  # a smooth background reaches at most this share of the highest intensity
    )
    background_shape: Literal["polynomial", "gaussian_process", "hump"] = "polynomial"
    counts: Annotated[Finite, Field(ge=0, le=1e12)] = (
        0.0  # photons at the highest intensity; 0: no Poisson noise
    )
    noise: Height = 0.0  # σ of normal noise on every datapoint, as a share of the highest intensity

    @model_validator(mode="after")
    def _mixing_in_order(self):
        if self.mixing[0] > self.mixing[1]:
            raise ValueError(f"mixing is {self.mixing}, expected the lower share first")
        return self

    def artefacts(self):
        """The settings of what an instrument and a sample add, those that are not at their default:
        name → value."""
        return {
            name: value
            for name, value in self.model_dump(exclude_defaults=True).items()
            if name in ARTEFACTS
        }


# what an instrument and a sample add
ARTEFACTS = tuple(
    name
    for name in DatasetRendering.model_fields
    if name not in {*Rendering.model_fields, "seed", "dtype"}
)


class ClassDefinition(_Strict):
    """One class: the positions (datapoints) and heights (the highest is 1) of its peaks."""

    peak_positions: list[int] = Field(min_length=1)
    peak_heights: list[Annotated[Finite, Field(gt=0, le=1)]] = Field(min_length=1)
    group: str | None = None  # classes of one group are told apart by one kind of detail
    rendering: Rendering = Rendering()

    @model_validator(mode="after")
    def _one_height_per_position(self):
        if len(self.peak_heights) != len(self.peak_positions):
            raise ValueError(
                f"peak_heights has {len(self.peak_heights)} values, expected one for each of the "
                f"{len(self.peak_positions)} peak_positions"
            )
        if max(self.peak_heights) != 1:
            raise ValueError(f"the highest of peak_heights is {max(self.peak_heights)}, expected 1")
        return self


class Config(_Strict):
    """A dataset: the axis, the limits of its peaks, and its classes by label ("0", "1", …).

    ``n_datapoints`` and ``n_classes`` are called ``datapoints`` and ``classes`` in the published
    files.
    """

    n_datapoints: Count = Field(alias="datapoints")
    boundary: Shift
    n_classes: Count = Field(alias="classes")
    min_peaks: Count
    max_peaks: Count
    max_height: Count
    distribution: str | None = None  # how dataset_config_generator.py drew the numbers of peaks …
    seed: int | None = None  # … and from which seed
    rendering: DatasetRendering = DatasetRendering()
    spectra: dict[str, ClassDefinition]

    @model_validator(mode="after")
    def _classes_fit(self):
        if self.n_classes != len(self.spectra):
            raise ValueError(
                f"classes is {self.n_classes}, but spectra defines {len(self.spectra)}"
            )
        first, last = self.boundary, self.n_datapoints - self.boundary - 1
        peaks = {}
        for expected, (label, spectrum) in enumerate(self.spectra.items()):
            if label != str(expected):
                raise ValueError(
                    f"spectra has the label {label!r}, expected {str(expected)!r}: labels count up from 0"
                )
            if not self.min_peaks <= len(spectrum.peak_positions) <= self.max_peaks:
                raise ValueError(
                    f"class {label}: {len(spectrum.peak_positions)} peaks, expected min_peaks {self.min_peaks} "
                    f"to max_peaks {self.max_peaks}"
                )
            for position in spectrum.peak_positions:
                if not first <= position <= last:
                    raise ValueError(
                        f"class {label}: peak_positions has {position}, expected {first} to {last} "
                        f"(boundary {self.boundary} of {self.n_datapoints} datapoints)"
                    )
            definition = tuple(
                sorted(zip(spectrum.peak_positions, spectrum.peak_heights, strict=True))
            )
            if definition in peaks:
                raise ValueError(
                    f"class {label}: the same peaks as class {peaks[definition]}, expected unique ones"
                )
            peaks[definition] = label
        for scope in (self.rendering, *(spectrum.rendering for spectrum in self.spectra.values())):
            for width in (*(scope.kernel_range or ()), scope.test_kernel or 0):
                if width > self.n_datapoints:
                    raise ValueError(
                        f"a width of {width} in rendering, expected at most the {self.n_datapoints} datapoints"
                    )
        return self

    def content(self):
        """The JSON content: the published keys in their order, ours only where they are set."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)

    def resolved(self, defaults):
        """This config with every dataset-wide rendering setting filled in from ``defaults`` where
        it has none.

        Args:
            defaults: setting → value, for every field of ``DatasetRendering``.
        """
        rendering = defaults | self.rendering.model_dump(exclude_none=True, exclude_defaults=True)
        return parse({**self.content(), "rendering": rendering}, "settings")

    def sizes(self):
        """What a network is built for: datapoints, classes, and how far peaks shift (the most of
        any class)."""
        shift_range = max(self.rendering_of(label).shift_range for label in self.spectra)
        return self.n_datapoints, self.n_classes, shift_range

    def groups(self):
        """Group → labels (int) of its classes, both in the order of the classes; under None those
        without a group."""
        groups = {}
        for label, spectrum in self.spectra.items():
            groups.setdefault(spectrum.group, []).append(int(label))
        return groups

    def rendering_of(self, label):
        """The rendering settings of a class: its own, and the dataset's for the rest."""
        own = self.spectra[label].rendering.model_dump(exclude_none=True)
        return self.rendering.model_copy(update=own)


def find(config):
    """Path of a config that is given by its name in dataset_configs/ or by a path to a .json file.

    Raises:
        InputError: if there is no such file, or its stem cannot name a folder of datasets/.
    """
    path = Path(config)
    if path.suffix != ".json":
        path = CONFIGS_DIR / f"{config}.json"
    if not re.fullmatch(NAME, path.stem) or (
        path.parent != CONFIGS_DIR and Path(config).suffix != ".json"
    ):
        raise InputError(
            f"config {config!r}: expected a name in {CONFIGS_DIR}/ or a path to a .json file, "
            "the file named with letters, digits, '_', '-' and '.'"
        )
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in CONFIGS_DIR.glob("*.json"))) or "none"
        raise InputError(f"config {config!r}: no file {path}; in {CONFIGS_DIR}/ there are: {known}")
    return path


def load(path):
    """Read and check a config.

    Raises:
        InputError: if the file is missing, is not JSON or breaks a rule; the text names file,
            class, field and value.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=_no_duplicates)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, expected a config") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON config: {error}") from None
    return parse(content, path)


def parse(content, source):
    """Check the content of a config; ``source`` names it in error messages.

    Raises:
        InputError: if it breaks a rule.
    """
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{source}: {sentence(error)}") from None


def save(path, config):
    """Write a config, one class per line so that people can read it; the content is the same as on
    one line."""
    content = config.content()
    spectra = content.pop("spectra")
    head = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    classes = ",\n".join(
        f"{json.dumps(label)}: {json.dumps(spectrum)}" for label, spectrum in spectra.items()
    )
    write_text(path, "{\n" + ",\n".join(head) + ',\n"spectra": {\n' + classes + "\n}}\n")


def _no_duplicates(pairs):
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(
            f"the key {next(key for key in keys if keys.count(key) > 1)!r} appears twice in one object"
        )
    return content

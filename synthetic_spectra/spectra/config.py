"""dataset_configs/<name>.json ⇄ checked objects: the only reader and writer of definitions."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from synthetic_spectra.common.cli import Count
from synthetic_spectra.common.errors import InputError, sentence
from synthetic_spectra.common.files import without_duplicates, write_text
from synthetic_spectra.spectra.names import Axis, Substance, Text
from synthetic_spectra.spectra.settings import OFF, ClassRendering, Finite, Rendering, Shift

ROOT = Path(__file__).resolve().parent.parent.parent  # folder of the project
CONFIGS_DIR = Path("dataset_configs")  # in the working folder, or in that of the project


class _Strict(BaseModel):
    # extra="forbid": a misspelt key must not silently render another dataset; strict: 5.0 is no
    # position, "5" no number
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


def _scope(name, vocabulary):
    """The class of a ``rendering`` object in a config, with the settings of a vocabulary.

    A setting that the config leaves out is ``None``, or its value of ``OFF``.
    """
    kinds = get_type_hints(vocabulary, include_extras=True)
    scope = {
        setting: (kind, OFF[setting]) if setting in OFF else (kind | None, None)
        for setting, kind in kinds.items()
    }
    return create_model(name, __base__=_Strict, **scope)


ClassScope = _scope("ClassScope", ClassRendering)
DatasetScope = _scope("DatasetScope", Rendering)


class ClassDefinition(_Strict):
    """One class: the positions (datapoints) and heights (the highest is 1) of its peaks."""

    peak_positions: list[int] = Field(min_length=1)
    peak_heights: list[Annotated[Finite, Field(gt=0, le=1)]] = Field(min_length=1)
    group: Annotated[str, Field(min_length=1)] | None = None  # of classes with the same difference
    # what the class is; several classes may have one name, as variants of a mineral do
    name: Text | None = None
    formula: Text | None = None
    source: Text | None = None  # where the peaks are from
    aliases: list[Substance] = []  # other substances that have these peaks
    rendering: ClassScope = ClassScope()

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

    The published files call ``n_datapoints`` and ``n_classes`` ``datapoints`` and ``classes``.
    """

    kind: Literal["peaks"] = "peaks"  # which of sources.SOURCES makes the spectra
    n_datapoints: Count = Field(alias="datapoints")
    boundary: Shift
    n_classes: Count = Field(alias="classes")
    min_peaks: Count
    max_peaks: Count
    max_height: Count
    # how dataset_config_generator.py drew the numbers of peaks, and from which seed
    distribution: str | None = None
    seed: int | None = None
    axis: Axis | None = None
    rendering: DatasetScope = DatasetScope()
    spectra: dict[str, ClassDefinition]

    @model_validator(mode="after")
    def _classes_fit(self):
        if self.n_classes != len(self.spectra):
            raise ValueError(
                f"classes is {self.n_classes}, but spectra defines {len(self.spectra)}"
            )
        if self.axis:
            self.axis.check(self.n_datapoints)
        peaks = {}
        for expected, (label, spectrum) in enumerate(self.spectra.items()):
            if label != str(expected):
                raise ValueError(
                    f"spectra has the label {label!r}, expected {str(expected)!r}: "
                    "labels count up from 0"
                )
            self._check_peaks(label, spectrum)
            definition = tuple(
                sorted(zip(spectrum.peak_positions, spectrum.peak_heights, strict=True))
            )
            if definition in peaks:
                raise ValueError(
                    f"class {label}: the same peaks as class {peaks[definition]}, "
                    "expected unique ones"
                )
            peaks[definition] = label
        return self

    def _check_peaks(self, label, spectrum):
        """Raise ValueError if a class has too few or too many peaks, or one in the boundary."""
        n_peaks = len(spectrum.peak_positions)
        if not self.min_peaks <= n_peaks <= self.max_peaks:
            raise ValueError(
                f"class {label}: {n_peaks} peaks, expected min_peaks {self.min_peaks} "
                f"to max_peaks {self.max_peaks}"
            )
        first, last = self.boundary, self.n_datapoints - self.boundary - 1
        for position in spectrum.peak_positions:
            if not first <= position <= last:
                raise ValueError(
                    f"class {label}: peak_positions has {position}, expected {first} to {last} "
                    f"(boundary {self.boundary} of {self.n_datapoints} datapoints)"
                )

    @model_validator(mode="after")
    def _widths_fit(self):
        for scope in (self.rendering, *(spectrum.rendering for spectrum in self.spectra.values())):
            for width in (*(scope.kernel_range or ()), scope.test_kernel or 0):
                if width > self.n_datapoints:
                    raise ValueError(
                        f"a width of {width} in rendering, "
                        f"expected at most the {self.n_datapoints} datapoints"
                    )
        return self

    def content(self):
        """The JSON content: the published keys in their order, ours only where they are set."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)

    def fixed(self):
        """The rendering settings that this config fixes for the whole dataset: name → value."""
        given = self.rendering.model_fields_set
        return {
            name: value for name, value in self.rendering if name in given and value is not None
        }

    def resolved(self, defaults=None):
        """This config with every dataset-wide rendering setting filled in: its own value, else that
        of ``defaults``.

        Args:
            defaults: a ``settings.Rendering``; without one, that of the defaults.

        Raises:
            InputError: if a width is longer than the axis.
        """
        defaults = defaults or Rendering()
        return self.changed(
            **{field.name: getattr(defaults, field.name) for field in fields(Rendering)}
            | self.fixed()
        )

    def changed(self, **rendering):
        """This config with other dataset-wide rendering settings; those of a class stay.

        Raises:
            InputError: if a setting is unknown or out of range.
        """
        scope = self.rendering.model_dump(exclude_none=True) | rendering
        return parse({**self.content(), "rendering": scope}, "settings")

    def artefacts(self):
        """What an instrument and a sample add to the spectra: name → value of the settings that
        differ from ``settings.OFF``."""
        values = {name: getattr(self.rendering, name) for name in OFF}
        return {name: value for name, value in values.items() if value != OFF[name]}

    def sizes(self):
        """What a network is built for: number of datapoints, number of classes, and the largest
        ``shift_range`` of any class."""
        shift_range = max(self.rendering_of(label).shift_range for label in self.spectra)
        return self.n_datapoints, self.n_classes, shift_range

    def groups(self):
        """Group → labels (int) of its classes, both in the order of the classes; None → labels of
        the classes without a group."""
        groups = {}
        for label, spectrum in self.spectra.items():
            groups.setdefault(spectrum.group, []).append(int(label))
        return groups

    def rendering_of(self, label):
        """The rendering settings of a class: what it fixes, and the dataset's for the rest.

        Args:
            label: as in the JSON, e.g. "0".

        Returns:
            a ``DatasetScope``, complete if this config is resolved.
        """
        fixed = self.spectra[label].rendering.model_dump(exclude_none=True)
        return self.rendering.model_copy(update=fixed)


def check_name(name, what):
    """Raise InputError if a config cannot have a name; ``what`` says whose name it is."""
    for character in name:
        if not re.fullmatch("[A-Za-z0-9_.-]", character):
            raise InputError(
                f"{what}: {character!r} cannot be in the name of a config, which names folders and "
                "runs; expected letters from a to z, digits, '_', '-' and '.'"
            )
    if not name or name[0] in ".-" or name.lower().endswith(".json"):
        raise InputError(
            f"{what}: expected a name that begins with a letter, a digit or '_', without .json"
        )


def find(config):
    """Path of a config, given by its name in dataset_configs/ or by a path to a .json file.

    A name is looked for in dataset_configs/ of the working folder, then of this project.

    Raises:
        InputError: if there is no such file, or its stem cannot name a folder of datasets/.
    """
    path, what = Path(config), f"config {str(config)!r}"
    if path.suffix == ".json":
        check_name(path.stem, what)
        if not path.is_file():
            raise InputError(f"{what}: no such file; {_known()}")
        return path

    if path.suffix.lower() == ".json":
        raise InputError(f"{what}: it ends in {path.suffix}, expected .json in lower case")
    if path.name != str(config):
        raise InputError(f"{what}: expected a name in {CONFIGS_DIR}/ or a path to a .json file")
    check_name(path.name, what)
    for folder in (CONFIGS_DIR, ROOT / CONFIGS_DIR):
        if (folder / f"{config}.json").is_file():
            return folder / f"{config}.json"
    raise InputError(f"{what}: no file {CONFIGS_DIR / f'{config}.json'}; {_known()}")


def known():
    """Names of the configs in dataset_configs/ of the working folder and of this project."""
    files = (file for folder in (CONFIGS_DIR, ROOT / CONFIGS_DIR) for file in folder.glob("*.json"))
    return sorted({file.stem for file in files})


def _known():
    return f"in {CONFIGS_DIR}/ there are: {', '.join(known()) or 'none'}"


def load(path):
    """Read and check a config.

    Raises:
        InputError: if the file is missing, is not JSON or breaks a rule; the text names file,
            class, field and value.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # some editors begin with a mark
        content = json.loads(text, object_pairs_hook=without_duplicates)
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

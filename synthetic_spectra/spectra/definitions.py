"""What the configs of all kinds of datasets have in common: strict fields, rendering settings."""

import hashlib
import json
from dataclasses import fields
from typing import ClassVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from synthetic_spectra.common.errors import InputError, sentence
from synthetic_spectra.spectra.names import Text
from synthetic_spectra.spectra.settings import OFF, Finite, Rendering


class Strict(BaseModel):
    # extra="forbid": a misspelt key must not silently render another dataset; strict: 5.0 is no
    # position, "5" no number
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


def scope(name, vocabulary):
    """The class of a ``rendering`` object in a config, with the settings of a vocabulary.

    A setting that the config leaves out is ``None``, or its value of ``OFF``.
    """
    kinds = get_type_hints(vocabulary, include_extras=True)
    settings = {
        setting: (kind, OFF[setting]) if setting in OFF else (kind | None, None)
        for setting, kind in kinds.items()
    }
    return create_model(name, __base__=Strict, **settings)


class Config(Strict):
    """A dataset of any kind.

    The class of a kind adds the fields ``kind``, ``n_datapoints``, ``n_classes``, ``axis``,
    ``rendering``, an object that ``scope`` makes, and ``spectra``, label ("0", "1", …) → class.
    """

    # whether its classes are defined by peaks, which studies and figures of peaks need
    has_peaks: ClassVar[bool] = False
    # whether its classes are space groups
    has_space_groups: ClassVar[bool] = False

    # name → intensities on the axis, from 0 to 1: their backgrounds are those of the training and
    # validation spectra by noise-shuffle; without any there is no noise-shuffle
    noise_spectra: dict[Text, list[Finite]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _noise_fits(self):
        for name, values in self.noise_spectra.items():
            if len(values) != self.n_datapoints:
                raise ValueError(
                    f"noise_spectra.{name} has {len(values)} values, expected one for each of the "
                    f"{self.n_datapoints} datapoints"
                )
            if min(values) != 0 or max(values) != 1:
                raise ValueError(
                    f"noise_spectra.{name} is from {min(values):g} to {max(values):g}, expected "
                    "0 to 1"
                )
        kept = self.rendering.kept_points
        if self.noise_spectra and kept >= self.n_datapoints:
            raise ValueError(
                f"rendering.kept_points is {kept}, expected less than the {self.n_datapoints} "
                "datapoints"
            )
        if self.noise_spectra and self.rendering.separate_noise and len(self.noise_spectra) < 2:
            raise ValueError("rendering.separate_noise is on, expected at least 2 noise_spectra")
        return self

    @model_validator(mode="after")
    def _settings_apply(self):
        for name in self.rendering.model_fields_set - set(self.settings):
            value = getattr(self.rendering, name)
            if value not in (None, OFF.get(name)):
                raise ValueError(
                    f"rendering.{name} is {value}, expected no such setting: spectra of the kind "
                    f"{self.kind!r} do not have it"
                )
        return self

    @classmethod
    def parsed(cls, content, source):
        """Check the content of a config; ``source`` names it in error messages.

        Raises:
            InputError: if it breaks a rule.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise InputError(f"{source}: {sentence(error)}") from None

    @property
    def settings(self):
        """Names of the rendering settings that the spectra have."""
        return tuple(field.name for field in fields(Rendering))

    def content(self):
        """The JSON content: the published keys in their order, ours only where they are set."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)

    def classes_checksum(self):
        """SHA-256 of the axis and the classes, as of what a network was taught. What only describes
        a class may be corrected."""
        content = {key: self.content().get(key) for key in ("axis", "spectra")}
        for definition in (content["spectra"] or {}).values():
            for name in ("formula", "source", "aliases"):
                definition.pop(name, None)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

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
            **{name: getattr(defaults, name) for name in self.settings} | self.fixed()
        )

    def changed(self, **rendering):
        """This config with other dataset-wide rendering settings; those of a class stay.

        Raises:
            InputError: if a setting is unknown or out of range.
        """
        scope = self.rendering.model_dump(exclude_none=True) | rendering
        return self.parsed({**self.content(), "rendering": scope}, "settings")

    def with_noise(self, noise_spectra):
        """This config with these noise spectra, as of ``noise_spectra``, in place of its own.

        Raises:
            InputError: if they do not fit its axis.
        """
        return self.parsed({**self.content(), "noise_spectra": noise_spectra}, "noise spectra")

    def need_peaks(self):
        """Raise InputError if the classes are not defined by peaks."""
        if not self.has_peaks:
            raise InputError(
                f"a dataset of the kind {self.kind!r}: its classes are not defined by peaks, "
                "which this needs"
            )

    def need_space_groups(self):
        """Raise InputError if the classes are not space groups."""
        if not self.has_space_groups:
            raise InputError(
                f"a dataset of the kind {self.kind!r}: its classes are no space groups"
            )

    def artefacts(self):
        """What an instrument, a sample and a noise-shuffle add to the spectra: name → value of the
        settings that differ from ``settings.OFF``, and the names of the noise spectra."""
        values = {name: getattr(self.rendering, name) for name in OFF}
        changed = {name: value for name, value in values.items() if value != OFF[name]}
        return changed | ({"noise_spectra": list(self.noise_spectra)} if self.noise_spectra else {})

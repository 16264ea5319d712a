"""What a run is: the settings that name it, as a folder, in words and as columns of a table."""

import json
import re
import shlex
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from synthetic_spectra.common.errors import InputError, shortened

# bytes in the name of a folder, on every usual file system
LONGEST_NAME = 255


@dataclass(frozen=True)
class Identity:
    """The settings by which runs of one dataset differ. Two runs of one identity are the same run.

    A default is what a run has whose settings or table do not name the field, because it is older
    than the choice; it leaves no trace in the name of the run.

    Args:
        model: key of ``model_implementations.MODELS``.
        hidden_activation: Keras name of an activation function; "none" without hidden layers.
        model_args: keyword argument of the builder → JSON value, where it differs from the default.
        online: whether every epoch has fresh training spectra.
        ema_momentum: momentum of the moving averages of the weights, in [0, 1); 0: no averages.
        feature_scaling: whether every datapoint is scaled by its range in the training spectra.
        precision: Keras dtype policy, "float32" or "mixed_bfloat16".
        seed: random seed of the run, ≥ 0; None for all seeds of a table's line.
    """

    model: str
    hidden_activation: str
    model_args: dict[str, Any] = field(default_factory=dict, hash=False)
    online: bool = False
    ema_momentum: float = 0.0
    feature_scaling: bool = False
    precision: str = "float32"
    seed: int | None = None

    # columns of every table of results; runs that agree in them differ in their seeds alone
    COLUMNS: ClassVar = (
        "model", "model_args", "hidden_activation", "online", "ema_momentum", "feature_scaling",
        "precision",
    )  # fmt: skip
    # columns that older tables lack → value of all their rows
    ADDED: ClassVar = {"feature_scaling": False}
    # columns by which published runs, all in float32, stand beside ours of every precision
    ANY_PRECISION: ClassVar = COLUMNS[:-1]

    @classmethod
    def from_settings(cls, settings):
        """The identity of the run that has these settings, those of a settings.json.

        Raises:
            InputError: if a field that has no default is missing.
        """
        known = {one.name: settings[one.name] for one in fields(cls) if one.name in settings}
        for name in ("model", "hidden_activation"):
            if name not in known:
                raise InputError(f"the key {name!r} is missing")
        return cls(**known)

    @classmethod
    def from_columns(cls, row):
        """The identity of a row of a table (column → value), as ``columns`` gave it; the seed if
        there is one."""
        settings = {one.name: row[one.name] for one in fields(cls) if one.name in row}
        settings["model_args"] = _read(settings.get("model_args", ""))
        return cls.from_settings(settings)

    def settings(self):
        """The fields as they stand in settings.json, name → JSON value."""
        return {name: getattr(self, name) for name in (*self.COLUMNS, "seed")}

    def columns(self):
        """A row of a table, column → value: ``COLUMNS`` in their order, without the seed.

        Model arguments are text as train.py takes them, e.g. "dense=[1000,300] dropout=0.5".
        """
        return {name: getattr(self, name) for name in self.COLUMNS} | {
            "model_args": " ".join(_written(self.model_args))
        }

    def words(self):
        """``columns`` in words for a table, column → text, "" for what is as it is by default."""
        return self.columns() | {
            "online": "online" if self.online else "",
            "ema_momentum": f"ema_momentum {self.ema_momentum:g}" if self.ema_momentum else "",
            "feature_scaling": "feature_scaling" if self.feature_scaling else "",
            "precision": "" if self.precision == "float32" else self.precision,
        }

    @property
    def label(self):
        """``words`` in one line, for a figure or a table: "cnn2 relu online"."""
        return " ".join(filter(None, self.words().values()))

    @property
    def folder_name(self):
        """Name of the run's folder: "vgg-dense=[30,20]-linear-online-mixed_bfloat16-0".

        Raises:
            InputError: if a model argument has a value that no folder can be named by.
        """
        parts = [self.model, *_written(self.model_args), self.hidden_activation]
        if self.online:
            parts.append("online")
        if self.ema_momentum:
            parts.append(f"ema_momentum={self.ema_momentum:g}")
        if self.feature_scaling:
            parts.append("feature_scaling")
        if self.precision != "float32":
            parts.append(self.precision)
        name = "-".join((*parts, str(self.seed)))
        if "/" in name or len(name.encode()) > LONGEST_NAME:
            raise InputError(
                f"run {shortened(name)}: not the name of a folder: model arguments must be short "
                'and without "/"'
            )
        return name


def _written(model_args):
    """Model arguments as they are given to train.py: ``{"dense": [1000, 300]}`` →
    ["dense=[1000,300]"]."""
    return [
        f"{name}={json.dumps(value, separators=(',', ':'))}"
        for name, value in sorted(model_args.items())
    ]


def _read(text):
    """What ``_written`` gave, joined by spaces; a cell without text has no arguments."""
    if not isinstance(text, str) or not text:
        return {}
    arguments = (argument.partition("=") for argument in re.split(r" (?=\w+=)", text))
    return {name: json.loads(value) for name, _, value in arguments}


def training_command(config, runs_dir, models=()):
    """The command that trains runs of a config into a folder.

    Args:
        config: name of the config, or path.
        runs_dir: folder of the runs.
        models: names; the published networks without any.
    """
    command = ["python", "train.py", "--config", config]
    if models:
        command += ["--models", *models]
    if Path(runs_dir) != Path("runs"):
        command += ["--runs-dir", str(runs_dir)]
    return shlex.join(command)

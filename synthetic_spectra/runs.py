"""Run folders runs/<config>/<model>-<hidden activation>-<seed>/ and their mirror in Weights & Biases.

A folder holds settings.json (what was asked, and on what it ran), history.csv (a row per epoch), model.keras (the best
weights) and, as the last file, summary.json: a run with a summary is finished.
"""

import csv
import io
import json
import os
from pathlib import Path

from synthetic_spectra.scripts import InputError, write_json, write_text, written_whole

ENVIRONMENT = ("versions", "device")  # of settings.json: recorded, but no reason to train again


class Run:
    """One training run: its folder and its settings.

    Args:
        folder: of this run; it need not exist.
        settings: what is asked of the run, as JSON values; ``config``, ``model``, ``hidden_activation`` and ``seed``
            identify it.
    """

    def __init__(self, folder, settings):
        self.folder = Path(folder)
        self.settings = settings
        self.history = []
        self.mirror = None

    @property
    def name(self):
        return self.folder.name

    @property
    def history_file(self):
        return self.folder / "history.csv"

    @property
    def model_file(self):
        return self.folder / "model.keras"

    @property
    def predictions_file(self):
        return self.folder / "predictions.npz"

    @property
    def summary(self):
        """The content of summary.json; None while the run is not finished."""
        path = self.folder / "summary.json"
        return read_json(path) if path.is_file() else None

    def refuse_other_settings(self):
        """Raise InputError if this folder holds a finished run that was asked for with other settings."""
        before = read_json(self.folder / "settings.json")
        for key in sorted(before.keys() | self.settings.keys()):
            if key not in ENVIRONMENT and before.get(key) != self.settings.get(key):
                raise InputError(
                    f"{self.folder}: was trained with {key} {before.get(key)!r}, "
                    f"asked for is {self.settings.get(key)!r}; choose another --runs-dir or remove the folder"
                )

    def start(self, wandb_mode, wandb_project):
        """Write the settings and begin the mirror; a run that was interrupted before starts anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for stale in (self.history_file, self.model_file, self.predictions_file):
            stale.unlink(missing_ok=True)
        write_json(self.folder / "settings.json", self.settings)
        self.mirror = Mirror(self, wandb_mode, wandb_project)

    def record(self, row):
        """Add the row of an epoch (column → number) to history.csv, then to the mirror."""
        self.history.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, row.keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.history_file, text.getvalue())
        self.mirror.log(row)

    def finish(self, model, summary):
        """Save the model, then the summary, which marks the run as finished, then end the mirror."""
        with written_whole(self.model_file) as temporary:
            model.save(temporary)
        write_json(self.folder / "summary.json", summary)
        self.mirror.finish(summary)


def run_folder(runs_dir, config, model, model_args, hidden_activation, seed):
    """The folder of a run; its model arguments (name → value) are part of the name."""
    parts = (model, *described(model_args).split(), hidden_activation, str(seed))
    return Path(runs_dir) / config / "-".join(parts)


def described(model_args):
    """Model arguments as they are given to train.py: ``{"dense": [1000, 300]}`` → "dense=[1000,300]"."""
    return " ".join(f"{name}={json.dumps(value, separators=(',', ':'))}" for name, value in sorted(model_args.items()))


def found(runs_dir, config):
    """All runs of a config that have begun, ordered by folder; ``summary`` tells which are finished."""
    files = sorted((Path(runs_dir) / config).glob("*/settings.json"))
    return [Run(file.parent, read_json(file)) for file in files]


def read_json(path):
    """Read a JSON object of ours.

    Raises:
        InputError: if the file is missing or damaged.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: a JSON {type(content).__name__}, expected an object")
    return content


class Mirror:
    """A copy of a run in Weights & Biases. What is on disk comes first: a failure here is told once and ends nothing.

    Args:
        run: the run to mirror.
        mode: "online", "offline" (kept beside the run for ``wandb sync``), "disabled", or "auto": online with a key in
            WANDB_API_KEY or WANDBKEY, else offline.
        project: name of the W&B project.
    """

    def __init__(self, run, mode, project):
        key = os.environ.get("WANDB_API_KEY") or os.environ.get("WANDBKEY")
        if mode == "auto":
            mode = "online" if key else "offline"
        self.run = None
        if mode != "disabled":
            self._attempt(self._begin, run, mode, project, key)

    def log(self, row):
        """Mirror the row of an epoch."""
        if self.run:
            self._attempt(self.run.log, row)

    def finish(self, summary):
        """Mirror the summary and end; waits for the network for a bounded time."""
        if self.run:
            self._attempt(self.run.summary.update, summary)
        if self.run:
            self._attempt(self.run.finish)

    def _begin(self, run, mode, project, key):
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        if key:
            os.environ["WANDB_API_KEY"] = key
        import wandb

        self.run = wandb.init(
            project=project,
            group=run.settings["config"],
            name=run.name,
            config=run.settings,
            mode=mode,
            dir=run.folder,
            reinit="create_new",
            settings=wandb.Settings(
                init_timeout=15, finish_timeout=15, console="off", silent=True, disable_git=True, save_code=False
            ),
        )

    def _attempt(self, action, *arguments):
        try:
            action(*arguments)
        except Exception as error:  # whatever the service, the network or the client does, the training goes on
            self.run = None
            print(f"Weights & Biases: {error}; this run goes on without, its files are in the run folder")

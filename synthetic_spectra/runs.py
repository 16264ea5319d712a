"""Run folders runs/<config>/<model>-<hidden activation>-<seed>/ and their mirror in Weights & Biases.

A folder holds settings.json (what was asked, and on what it ran), history.csv (a row per epoch), model.keras (the best
weights), predictions.npz (predicted labels) and, as the last file, summary.json: a run with a summary is finished.
"""

import csv
import io
import json
import os
import queue
import re
import shlex
import shutil
import threading
import time
import zipfile
from pathlib import Path

import numpy as np

from synthetic_spectra import dataset
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

    def start(self):
        """Write the settings; a run that was interrupted before starts anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for stale in (self.history_file, self.model_file, self.predictions_file):
            stale.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "wandb", ignore_errors=True)
        write_json(self.folder / "settings.json", self.settings)

    def record(self, row):
        """Add the row of an epoch (column → number) to history.csv."""
        self.history.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, row.keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.history_file, text.getvalue())

    def finish(self, model, predictions, summary):
        """Save the model and its predictions, then the summary, which marks the run as finished."""
        with written_whole(self.model_file) as temporary:
            model.save(temporary, include_optimizer=False)  # it would be two thirds of the file
        self.save_predictions(predictions)
        write_json(self.folder / "summary.json", summary)

    def save_predictions(self, predictions):
        """Keep predicted labels, split → (n,)."""
        with written_whole(self.predictions_file) as temporary:
            np.savez_compressed(temporary, **predictions)

    def predictions(self):
        """The predicted labels, split → (n,); None if there are none.

        Raises:
            InputError: if the file is damaged.
        """
        if not self.predictions_file.is_file():
            return None
        try:
            with np.load(self.predictions_file, allow_pickle=False) as kept:
                return {split: kept[split] for split in dataset.SPLITS}
        except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self.predictions_file}: not whole predictions, remove it to make them again: {error}"
            ) from None


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
    """A copy of runs in Weights & Biases, made by a thread of its own, one run after the other.

    What is on disk comes first: nothing here stops a training or makes it wait, and what could not be sent stays beside
    its run with the command that sends it later. Only ``close`` waits, and the client when the process ends: together
    for three times ``timeout`` at most.

    Args:
        mode: "online", "offline" (kept beside each run for ``wandb sync``), "disabled", or "auto": as WANDB_MODE says
            if it is set, else online with a key in WANDB_API_KEY or WANDBKEY, else offline.
        project: name of the W&B project.
        timeout: seconds that the start of a run may take, and so many again the uploads at its end.
        arrays: whether the artifact of the dataset holds its arrays too.
    """

    def __init__(self, mode, project, timeout, arrays=False):
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        key = os.environ.get("WANDB_API_KEY") or os.environ.get("WANDBKEY")
        if key:
            os.environ["WANDB_API_KEY"] = key  # the name that the client knows
        if mode == "auto":
            mode = os.environ.get("WANDB_MODE") or ("online" if key else "offline")
        self.mode, self.project, self.timeout, self.arrays = mode, project, timeout, arrays
        self.client_run = None
        self.unsent = []  # folders for wandb sync
        self.waiting = []  # threads
        self.closed = False
        self.actions = queue.SimpleQueue()
        self.worker = threading.Thread(target=self._work, daemon=True)
        if mode != "disabled":
            self.worker.start()

    def start(self, run, data):
        """Begin the copy of a run on a dataset."""
        settings = run.settings | {"model_args": described(run.settings["model_args"])}  # as in results/<config>.csv
        self._later(self._init, run.folder, settings["config"], run.name, "train", settings)
        self._later(self._use_dataset, data)

    def log(self, row):
        """Copy the row of an epoch."""
        self._later(lambda: self.client_run.log(row))

    def finish(self, run, summary):
        """Copy the summary, the model and the predictions, and end the copy of a run."""
        # the published runs call the misclassified test spectra so
        self._later(lambda: self.client_run.summary.update(summary | {"wrong_class": summary["test_misclassified"]}))
        files = (run.model_file, run.predictions_file)
        self._later(self._log_artifact, f"{run.settings['config']}-{run.name}", "model", files)
        self._later(self._finish)

    def log_results(self, folder, config, table, figures):
        """Copy the result table of an experiment and its figures, as a run of their own.

        Args:
            folder: for the client's files.
            config: name of the experiment.
            table: a ``DataFrame``.
            figures: name → Matplotlib figure.
        """
        self._later(self._init, folder, config, f"{config}-results", "evaluation", {"config": config})
        self._later(self._log_results, table, figures)
        self._later(self._finish)

    def close(self):
        """Wait for what is on its way, for a bounded time, and say how to send what was not sent.

        Returns:
            Whether everything was copied, to the server or for ``wandb sync``.
        """
        if self.mode == "disabled":
            return False
        self.actions.put(None)
        self.worker.join(2 * self.timeout)
        if self.client_run:  # the thread still waits for an answer
            self._keep()
        if self.unsent:
            paths = " ".join(shlex.quote(os.path.relpath(path)) for path in self.unsent)
            self._tell(f"not sent yet; with a key and a network: wandb sync --no-skip-online {paths}")
        self.closed = True
        return not self.worker.is_alive()

    def _later(self, action, *arguments):
        if self.mode != "disabled":
            self.actions.put((action, arguments))

    def _work(self):
        while queued := self.actions.get():
            action, arguments = queued
            if self.client_run or action == self._init:
                self._attempt(action, *arguments)

    def _attempt(self, action, *arguments):
        """Whatever the service, the network or the client does, the work goes on."""
        try:
            action(*arguments)
        except Exception as error:
            self._tell(f"{first_line(error)}; the files on disk are complete")

    def _tell(self, sentence):
        if not self.closed:
            print(f"Weights & Biases: {sentence}", flush=True)

    def _init(self, folder, group, name, job_type, settings):
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        client = wandb.Settings(
            init_timeout=self.timeout,
            finish_timeout=self.timeout,
            finish_timeout_raises=True,
            console="off",
            silent=True,
            disable_git=True,
            save_code=False,
        )
        place = {"project": self.project, "group": group, "name": name, "job_type": job_type, "dir": folder}
        for mode in dict.fromkeys((self.mode, "offline")):
            try:
                self.client_run = wandb.init(**place, config=settings, mode=mode, reinit="create_new", settings=client)
                return
            except Exception as error:
                if mode == "offline":
                    raise
                self.mode = "offline"  # for the runs to come too: no more waiting
                self._tell(f"{first_line(error)}; goes on offline")

    def _use_dataset(self, data):
        import wandb

        metadata = {"dataset_checksum": data.checksum, "sha256": data.checksums}
        artifact = wandb.Artifact(artifact_name(data.name), type="dataset", metadata=metadata)
        for name in data.checksums if self.arrays else (dataset.CONFIG_FILE,):
            artifact.add_file(data.folder / name, policy="immutable", skip_cache=True)
        # the client cannot note a use offline; W&B knows equal artifacts as one
        use = self.client_run.log_artifact if self.client_run.offline else self.client_run.use_artifact
        self._aside(use, artifact)

    def _log_artifact(self, name, kind, files):
        import wandb

        artifact = wandb.Artifact(artifact_name(name), type=kind)
        for file in files:
            artifact.add_file(file, policy="immutable", skip_cache=True)
        self._aside(self.client_run.log_artifact, artifact)

    def _log_results(self, table, figures):
        import wandb

        images = {name: wandb.Image(figure) for name, figure in figures.items()}
        self.client_run.log({"results": wandb.Table(dataframe=table)} | images)

    def _aside(self, action, *arguments):
        """Start a call that waits for the service without a limit of its own."""
        waiting = threading.Thread(target=self._attempt, args=(action, *arguments), daemon=True)
        waiting.start()
        self.waiting.append(waiting)

    def _finish(self):
        try:
            until = time.monotonic() + self.timeout / 2
            for waiting in self.waiting:
                waiting.join(max(0, until - time.monotonic()))
            self.client_run.finish()
            if self.client_run.offline:
                self._keep()
        except Exception:
            self._keep()
            raise
        finally:
            self.client_run = None
            self.waiting = []

    def _keep(self):
        self.unsent.append(Path(self.client_run.dir).parent)


def artifact_name(text):
    """A name that W&B allows for an artifact: letters, digits, dashes, underscores and dots."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII)


def first_line(error):
    """What went wrong, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]

"""Run folders runs/<config>/<model>-<hidden activation>-<seed>/ and their mirror in Weights & Biases.

A folder holds settings.json (what was asked, and on what it ran), history.csv (a row per epoch), model.keras (the best
weights), predictions.npz (predicted labels) and, as the last file, summary.json: a run with a summary is finished.
Until then it holds the last two states from which the run can go on, and a lock while a process trains it.
"""

import csv
import fcntl
import io
import json
import os
import queue
import re
import secrets
import shlex
import shutil
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from synthetic_spectra import dataset
from synthetic_spectra.scripts import InputError, write_json, write_text, written_whole

# of settings.json: recorded, but no reason to train a finished run again
ENVIRONMENT = ("versions", "device", "run_id")
# settings that a run from before there was a choice does not name
UNNAMED = {"model_args": {}, "online": False, "ema_momentum": 0.0, "precision": "float32"}


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

    @contextmanager
    def locked(self):
        """Keep other processes from training this run; gives False if another one trains it already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however that ends
            except BlockingIOError:
                free = False
            else:
                free = True
            yield free

    def check(self, resume):
        """Refuse to mix settings: of a finished run, or of one that would be continued.

        Args:
            resume: "same", "force" or "never", as in ``start``.

        Raises:
            InputError: names the first setting that differs, both its values, and what can be done.
        """
        states = [] if self.summary or resume == "never" else self._states()
        if not (self.summary or states):
            return
        before = UNNAMED | read_json(self.folder / "settings.json")
        fixed = set(before) | set(self.settings)
        fixed -= set(ENVIRONMENT) - ({"versions"} if states and resume == "same" else set())
        for name in sorted(fixed):
            if before.get(name) != self.settings.get(name):
                way = "--resume force continues it all the same, " if name == "versions" else ""
                way += "--resume never trains it anew" if states else "choose another --runs-dir or remove the folder"
                raise InputError(
                    f"{self.folder}: was trained with {name} {before.get(name)!r}, "
                    f"asked for is {self.settings.get(name)!r}; {way}"
                )

    def start(self, resume):
        """Begin the run, or take it up after its last whole state, and write its settings.

        Args:
            resume: "same" and "force" continue (``check`` tells them apart), "never" begins anew.

        Returns:
            The arrays and the values that ``save_state`` was given last, or None where the run begins.
        """
        for leftover in self.folder.glob(".*.part*"):
            leftover.unlink()
        shutil.rmtree(self.folder / "wandb", ignore_errors=True)  # the mirror copies all epochs again
        state = None if resume == "never" else self._load_state()
        if state:
            before = read_json(self.folder / "settings.json")
            for name in ENVIRONMENT:
                self.settings[name] = _both(before.get(name), self.settings.get(name))
            self.history = state[1].pop("history")
            self._write_history()
        else:
            self.settings["run_id"] = secrets.token_hex(4)
            for stale in (self.history_file, self.model_file, self.predictions_file, *self._states()):
                stale.unlink(missing_ok=True)
        write_json(self.folder / "settings.json", self.settings)
        return state

    def save_state(self, arrays, values):
        """Keep what the run needs to go on after its last epoch; the state before it stays as well.

        Args:
            arrays: name → array.
            values: name → JSON value.
        """
        before = self._states()
        with written_whole(self.folder / f"state-{len(self.history):06}.npz") as temporary:
            np.savez(temporary, values=json.dumps(values | {"history": self.history}), **arrays)
        for path in before[:-1]:
            path.unlink()

    def _states(self):
        return sorted(self.folder.glob("state-*.npz"))

    def _load_state(self):
        for path in reversed(self._states()):
            try:
                with zipfile.ZipFile(path) as archive:
                    damaged = archive.testzip()  # compares the checksums
                if damaged:
                    raise ValueError(f"the checksum of {damaged} is another one")
                with np.load(path, allow_pickle=False) as kept:
                    arrays = {name: kept[name] for name in kept.files}
                return arrays, json.loads(str(arrays.pop("values")))
            except Exception as error:  # whatever damaged bytes lead to
                print(f"{path}: damaged, the state before it is taken: {error}")
        return None

    def record(self, row):
        """Add the row of an epoch (column → number) to history.csv."""
        self.history.append(row)
        self._write_history()

    def _write_history(self):
        text = io.StringIO()
        writer = csv.DictWriter(text, self.history[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.history_file, text.getvalue())

    def finish(self, model, predictions, summary):
        """Save the model and its predictions, then the summary, which marks the run as finished.

        Args:
            model: with its best weights.
            predictions: split → predicted labels (n,); None of a run that diverged.
            summary: name → JSON value.
        """
        with written_whole(self.model_file) as temporary:
            model.save(temporary)
        if predictions:
            self.save_predictions(predictions)
        write_json(self.folder / "summary.json", summary)
        for state in self._states():
            state.unlink()

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


def _both(before, now):
    """What a run began with and what it goes on with, where they differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {name: _both(before.get(name), now.get(name)) for name in before | now}
    if before is None or now is None:
        return now or before
    return before if str(before).split(", then ")[-1] == str(now) else f"{before}, then {now}"


def run_folder(runs_dir, config, model, model_args, hidden_activation, online, ema_momentum, precision, seed):
    """The folder of a run; model arguments (name → value), online, averaging and precision name it if it has any."""
    how = ["online"] * online + [f"ema_momentum={ema_momentum:g}"] * (ema_momentum > 0)
    how += [precision] * (precision != "float32")
    parts = (model, *described(model_args).split(), hidden_activation, *how, str(seed))
    return Path(runs_dir) / config / "-".join(parts)


def described(model_args):
    """Model arguments as they are given to train.py: ``{"dense": [1000, 300]}`` → "dense=[1000,300]"."""
    return " ".join(f"{name}={json.dumps(value, separators=(',', ':'))}" for name, value in sorted(model_args.items()))


def found(runs_dir, config):
    """All runs of a config that have begun, ordered by folder; ``summary`` tells which are finished."""
    files = sorted((Path(runs_dir) / config).glob("*/settings.json"))
    return [Run(file.parent, UNNAMED | read_json(file)) for file in files]


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
        """Begin the copy of a run on a dataset, or take it up: with the epochs that the run has already."""
        settings = run.settings | {"model_args": described(run.settings["model_args"])}  # as in results/<config>.csv
        self._later(self._init, run.folder, settings["config"], run.name, "train", settings)
        self._later(self._use_dataset, data)
        for row in run.history:
            self.log(row)

    def log(self, row):
        """Copy the row of an epoch."""
        self._later(lambda: self.client_run.log(row, step=row["epoch"]))  # W&B leaves out a step that it has

    def finish(self, run, summary):
        """Copy the summary, the model and the predictions, and end the copy of a run."""
        if "test_misclassified" in summary:
            summary = summary | {"wrong_class": summary["test_misclassified"]}  # as the published runs call it
        self._later(lambda: self.client_run.summary.update(summary))
        files = [file for file in (run.model_file, run.predictions_file) if file.is_file()]
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
        place |= {"id": settings.get("run_id"), "config": settings, "reinit": "create_new", "settings": client}
        for mode in dict.fromkeys((self.mode, "offline")):
            try:
                # a run that is taken up goes on there as well, if the service knows it already
                self.client_run = wandb.init(**place, mode=mode, resume="allow" if mode == "online" else None)
                return
            except Exception as error:
                if mode == "offline":
                    raise
                self.mode = "offline"  # for the runs to come too: no more waiting
                self._tell(f"{first_line(error)}; goes on offline")
                wandb.teardown()  # the client's process holds the run's name

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

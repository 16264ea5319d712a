"""Run folders: runs/<config>/<model>-<hidden activation>-<seed>/.

A folder holds settings.json (what was asked, and on what it ran), history.csv (a row per epoch),
model.keras (the best weights), predictions.npz (predicted labels, ranks of the true ones) and, as
the last file, summary.json: a run with a summary is finished. Until then it holds the last two
states from which the run continues. Whoever trains it holds a lock on the file "lock".
"""

import csv
import errno
import io
import json
import secrets
import shutil
import zipfile
from pathlib import Path

import numpy as np

from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import locked, read_json, write_json, write_text, written_whole
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training import run_settings
from synthetic_spectra.training.outcome import RANKS
from synthetic_spectra.training.run import Identity


class Run:
    """One training run: its folder and its settings.

    Args:
        folder: of this run; it need not exist.
        settings: what is asked of the run, as JSON values; ``config``, ``model``,
            ``hidden_activation`` and ``seed`` identify it.
    """

    def __init__(self, folder, settings):
        self.folder = Path(folder)
        self.settings = settings
        self.history = []

    @property
    def name(self):
        return self.folder.name

    @property
    def identity(self):
        """The ``Identity`` of the run."""
        return Identity.from_settings(self.settings)

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
    def error_file(self):
        return self.folder / "error.txt"

    @property
    def summary(self):
        """The content of summary.json; None while the run is not finished."""
        path = self.folder / "summary.json"
        return read_json(path) if path.is_file() else None

    def damage(self, resume):
        """Which file of a run that ``check`` looks at cannot be read, in one sentence; None if all
        can."""
        try:
            if self.summary or (self._states() and resume != "never"):
                run_settings.kept(self.folder)
        except InputError as error:
            return str(error)
        return None

    def locked(self):
        """A context that keeps other processes from training this run; it gives False if another
        one trains it already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return locked(self.folder / "lock")

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
        versions = bool(states) and resume == "same"
        before = run_settings.kept(self.folder)
        if differs := run_settings.difference(before, self.settings, versions):
            name, kept, asked = differs
            way = "--resume force continues it all the same, " if name == "versions" else ""
            way += run_settings.ANEW if states else run_settings.ELSEWHERE
            raise InputError(
                f"{self.folder}: was trained with {name} {kept!r}, asked for is {asked!r}; {way}"
            )

    def start(self, resume, run_id=None):
        """Begin the run, or take it up after its last whole state, and write its settings.

        Args:
            resume: "same" and "force" continue (``check`` tells them apart), "never" begins anew.
            run_id: in Weights & Biases; without one the run keeps its own, or gets a new one.

        Returns:
            The arrays and the values that ``save_state`` was given last, or None where the run
            begins.

        Raises:
            InputError: if the network had other layers; the folder stays as it is.
        """
        state = None if resume == "never" else self._load_state()
        before = read_json(self.folder / "settings.json") if state else {}
        if state:
            now, way = self.settings, run_settings.ANEW
            run_settings.refuse_other_layers(self.folder, before, now, way)
        for leftover in (*self.folder.glob(".*.part*"), self.error_file):
            leftover.unlink(missing_ok=True)
        # the mirror copies all epochs again
        shutil.rmtree(self.folder / "wandb", ignore_errors=True)
        if state:
            for name in run_settings.ENVIRONMENT:
                now = self.settings.get(name)
                self.settings[name] = run_settings.joined(before.get(name), now)
            self.history = state[1].pop("history")
            self._write_history()
        else:
            made = (self.history_file, self.model_file, self.predictions_file)
            for stale in (*made, *self._states()):
                stale.unlink(missing_ok=True)
        own_id = self.settings.get("run_id") if state else None
        self.settings["run_id"] = run_id or own_id or secrets.token_hex(4)
        write_json(self.folder / "settings.json", self.settings)
        return state

    def forget_states(self):
        """Let the run begin anew."""
        for state in self._states():
            state.unlink()

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
        # Path.glob of Python 3.12 and later finds nothing in a folder that it cannot read now
        try:
            paths = list(self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(path for path in paths if path.match("state-*.npz"))

    def _load_state(self):
        unread = None
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
                number = getattr(error, "errno", None)
                # of a bad sector, or of a disk that is away
                if number == errno.EIO:
                    unread = error
                elif number not in (None, errno.EINVAL) or isinstance(error, MemoryError):
                    raise
                notice(f"{path}: damaged, the state before it is taken: {error}")
        if unread:
            raise unread
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
            model: with its best weights; None of a learner that is no network.
            predictions: as ``outcome.classified`` gives them; None of a run that diverged.
            summary: name → JSON value.
        """
        if model is not None:
            with written_whole(self.model_file) as temporary:
                model.save(temporary)
        if predictions:
            self.save_predictions(predictions)
        write_json(self.folder / "summary.json", summary)
        self.forget_states()

    def save_predictions(self, predictions):
        """Keep predictions, as ``outcome.classified`` gives them."""
        with written_whole(self.predictions_file) as temporary:
            np.savez_compressed(temporary, **predictions)

    def predictions(self):
        """The predictions, as ``outcome.classified`` gives them; None if there are none.

        Raises:
            InputError: if the file is damaged.
        """
        if not self.predictions_file.is_file():
            return None
        try:
            with np.load(self.predictions_file, allow_pickle=False) as kept:
                predicted = {split: kept[split] for split in dataset.SPLITS}
                # runs from before ranks were kept have none
                ranks = [RANKS.format(split) for split in predicted]
                return predicted | {name: kept[name] for name in ranks if name in kept.files}
        except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self.predictions_file}: not whole predictions, remove it to make them again: "
                f"{error}"
            ) from None


def found(runs_dir, config, problems=None):
    """All runs of a config that have begun, ordered by folder; ``summary`` tells which are
    finished.

    Args:
        runs_dir: folder that holds a folder per config, and in it one per run.
        config: name of the config.
        problems: list that takes a sentence for each run whose files cannot be read, which is left
            out. Without it the first of them raises InputError.
    """
    runs = []
    for file in sorted((Path(runs_dir) / config).glob("*/settings.json")):
        try:
            run = Run(file.parent, run_settings.kept(file.parent))
            missing = [name for name in run_settings.RECORDED if name not in run.settings]
            if missing:
                raise InputError(f"{file}: the key {missing[0]!r} is missing")
            # a damaged summary is a damaged run
            _ = run.summary
            runs.append(run)
        except InputError as error:
            if problems is None:
                raise
            problems.append(str(error))
    return runs

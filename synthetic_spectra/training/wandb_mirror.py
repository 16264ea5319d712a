"""A copy of runs in Weights & Biases, which never stops or delays a training."""

import os
import queue
import re
import shlex
import tempfile
import threading
import time
from pathlib import Path

from pydantic import ValidationError

from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import first_line, sentence
from synthetic_spectra.spectra.dataset import CONFIG_FILE

# WANDB_MODE → mode of the client; dryrun and run are older names
MODES = {
    "online": "online", "run": "online", "shared": "online", "offline": "offline",
    "dryrun": "offline", "disabled": "disabled",
}  # fmt: skip


class Mirror:
    """A copy of runs in Weights & Biases, made by a thread of its own, one run after the other.

    What is on disk comes first: nothing here stops a training or makes it wait. What could not be
    sent stays beside its run, with the command that sends it later. Only ``close`` waits, and the
    client when the process ends: together for three times ``timeout`` at most.

    Args:
        mode: of the client: "online", "offline" (kept beside each run for ``wandb sync``) or
            "disabled"; or "auto": WANDB_MODE if it is set, else online with a key in WANDB_API_KEY
            or WANDBKEY, else offline.
        project: name of the W&B project.
        timeout: seconds that the start of a run may take, and so many again the uploads at its end.
        arrays: whether the artifact of the dataset holds its arrays too.
    """

    def __init__(self, mode, project, timeout, arrays=False):
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        os.environ.setdefault("WANDB_SILENT", "true")
        key = os.environ.get("WANDB_API_KEY") or os.environ.get("WANDBKEY")
        if key:
            # the name that the client knows
            os.environ["WANDB_API_KEY"] = key
        self.closed = False
        asked = os.environ.get("WANDB_MODE")
        if asked and asked not in MODES:
            self._tell(f"WANDB_MODE {asked!r}: unknown, it is taken for offline")
        if asked:
            # the client refuses what it does not know
            os.environ["WANDB_MODE"] = MODES.get(asked, "offline")
        if mode == "auto":
            mode = os.environ.get("WANDB_MODE") or ("online" if key else "offline")
        self.client_mode, self.project, self.timeout, self.arrays = mode, project, timeout, arrays

        # W&B gives the run of a sweep its id, and so may the user
        self.in_sweep = bool(os.environ.get("WANDB_SWEEP_ID"))
        self.id_given = os.environ.get("WANDB_RUN_ID")
        if not self.in_sweep:
            os.environ.pop("WANDB_RUN_ID", None)

        # the run that the client has begun, and the calls that wait for the service
        self.client_run, self.waiting_threads = None, []
        # folders for wandb sync
        self.unsent = []

        self.actions = queue.SimpleQueue()
        self.worker = threading.Thread(target=self._work, daemon=True)
        if self.client_mode != "disabled":
            self.worker.start()

    def next_id(self):
        """The id that W&B or the user has given to the next run that begins, in WANDB_RUN_ID; None
        if it has none. It is given to one run only."""
        given = self.id_given if self.client_mode != "disabled" else None
        self.id_given = None
        return given

    def start(self, run, data):
        """Begin the copy of a run on a dataset, or take it up: with the epochs that the run has
        already."""
        # model arguments as text, as in the tables of results
        settings = run.settings | run.identity.columns()
        self._later(self._init, run.folder, settings["config"], run.name, "train", settings)
        self._later(self._use_dataset, data)
        for row in run.history:
            self.log(row)

    def log(self, row):
        """Copy the row of an epoch."""
        # W&B leaves out a step that it has
        self._later(lambda: self.client_run.log(row, step=row["epoch"]))

    def finish(self, run, summary):
        """Copy the summary, the model and the predictions, and end the copy of a run."""
        if "test_misclassified" in summary:
            # as the published runs call it
            summary = summary | {"wrong_class": summary["test_misclassified"]}
        self._later(lambda: self.client_run.summary.update(summary))
        files = [file for file in (run.model_file, run.predictions_file) if file.is_file()]
        self._later(self._log_artifact, f"{run.settings['config']}-{run.name}", "model", files)
        self._later(self._finish)

    def log_results(self, folder, config, tables):
        """Copy tables of results, as a run of their own.

        Args:
            folder: for the client's files.
            config: name of the experiment.
            tables: name → DataFrame.
        """
        self._later(
            self._init, folder, config, f"{config}-results", "evaluation", {"config": config}
        )
        self._later(self._log_results, tables)
        self._later(self._finish)

    def close(self):
        """Wait for what is on its way, for a bounded time, and say how to send what was not sent.

        Returns:
            Whether everything was copied, to the server or for ``wandb sync``.
        """
        if self.client_mode == "disabled":
            return False
        self.actions.put(None)
        self.worker.join(2 * self.timeout)

        # the thread still waits for an answer, or for its turn on a busy machine
        if self.client_run:
            self._keep()
        elif self.worker.is_alive():
            seconds = 2 * self.timeout
            self._tell(f"no copy has begun within {seconds} s; the files on disk are complete")
        if self.unsent:
            paths = " ".join(shlex.quote(os.path.relpath(path)) for path in self.unsent)
            command = f"wandb sync --no-skip-online {paths}"
            self._tell(f"not sent yet; with a key and a network: {command}")
        self.closed = True
        return not self.worker.is_alive()

    def _later(self, action, *arguments):
        if self.client_mode != "disabled":
            self.actions.put((action, arguments))

    def _work(self):
        while queued := self.actions.get():
            action, arguments = queued
            if self.client_run or action == self._init:
                self._attempt(action, *arguments)
        self._end_unfinished()

    def _attempt(self, action, *arguments):
        """Whatever the service, the network or the client does, the work goes on."""
        try:
            action(*arguments)
        except Exception as error:
            self._tell(f"{reason(error)}; the files on disk are complete")

    def _tell(self, sentence):
        if not self.closed:
            notice(f"Weights & Biases: {sentence}")

    def _init(self, folder, group, name, job_type, settings):
        self._end_unfinished()

        import wandb

        make_cache_writable()
        run_id = settings.get("run_id")
        if self.in_sweep and run_id != os.environ.get("WANDB_RUN_ID"):
            # a run of a sweep is one run; what this process trains besides is outside of it
            wandb.teardown()
            for variable in ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH"):
                os.environ.pop(variable, None)
            self.in_sweep = False
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
        for mode in dict.fromkeys((self.client_mode, "offline")):
            try:
                self.client_run = wandb.init(
                    project=self.project,
                    group=group,
                    name=name,
                    job_type=job_type,
                    dir=folder,
                    id=run_id,
                    config=settings,
                    mode=mode,
                    # a run that is taken up continues there as well, if the service knows it
                    resume="allow" if mode == "online" else None,
                    reinit="create_new",
                    settings=client,
                )
                return
            except Exception as error:
                if mode == "offline":
                    raise
                # for the runs to come too: no more waiting
                self.client_mode = "offline"
                self._tell(f"{reason(error)}; continues offline")
                # the client's process holds the run's name
                wandb.teardown()

    def _use_dataset(self, data):
        import wandb

        metadata = {"dataset_checksum": data.checksum, "sha256": data.checksums}
        artifact = wandb.Artifact(artifact_name(data.name), type="dataset", metadata=metadata)
        for name in data.checksums if self.arrays else (CONFIG_FILE,):
            artifact.add_file(data.folder / name, policy="immutable", skip_cache=True)
        # the client cannot note a use offline; W&B knows equal artifacts as one
        run = self.client_run
        self._aside(run.log_artifact if run.offline else run.use_artifact, artifact)

    def _log_artifact(self, name, kind, files):
        import wandb

        artifact = wandb.Artifact(artifact_name(name), type=kind)
        for file in files:
            artifact.add_file(file, policy="immutable", skip_cache=True)
        self._aside(self.client_run.log_artifact, artifact)

    def _log_results(self, tables):
        import wandb

        # a column of a table to read may hold numbers and words
        tables = {
            name: wandb.Table(dataframe=table, allow_mixed_types=True)
            for name, table in tables.items()
        }
        self.client_run.log(tables)

    def _aside(self, action, *arguments):
        """Start a call that waits for the service without a limit of its own."""
        waiting = threading.Thread(target=self._attempt, args=(action, *arguments), daemon=True)
        waiting.start()
        self.waiting_threads.append(waiting)

    def _end_unfinished(self):
        """End the copy of a run whose training was interrupted; it counts as failed until it is
        taken up."""
        if self.client_run:
            self._attempt(self._finish, 1)

    def _finish(self, exit_code=0):
        try:
            until = time.monotonic() + self.timeout / 2
            for waiting in self.waiting_threads:
                waiting.join(max(0, until - time.monotonic()))
            self.client_run.finish(exit_code)
            if self.client_run.offline:
                self._keep()
        except Exception:
            self._keep()
            raise
        finally:
            self.client_run, self.waiting_threads = None, []

    def _keep(self):
        self.unsent.append(Path(self.client_run.dir).parent)


def reason(error):
    """Why the client failed, in one line."""
    if isinstance(error, ValidationError):
        return f"variables named WANDB_…: {sentence(error)}"
    return first_line(error)


def make_cache_writable():
    """Let the client keep its log, which it would write onto the screen where it cannot."""
    from wandb import env

    try:
        folder = env.get_cache_dir() / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        os.environ["WANDB_CACHE_DIR"] = tempfile.mkdtemp(prefix="wandb-")


def artifact_name(text):
    """A name that W&B allows for an artifact: letters, digits, dashes, underscores and dots."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII)

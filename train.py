"""datasets/<config>/*.npy → runs/<config>/<model>-<hidden
activation>-<seed>/{history.csv,model.keras,…}."""

import math
import os
import socket
import time
from dataclasses import dataclass, fields
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import scipy
from pydantic import Field

from synthetic_spectra.common import backend  # first: it starts Keras quietly

# isort: split
from model_implementations import build, checked_choices, parse_choices
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.cli import Count, GentleStop, Positive, Seed, run_script
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset, sources
from synthetic_spectra.training import fast_layers, run_folder, wandb_mirror
from synthetic_spectra.training.arithmetic import multiply_accumulates
from synthetic_spectra.training.run import Identity


@dataclass(frozen=True)
class Settings:
    """Train architectures on a dataset, each once per hidden activation and seed. Finished runs are
    skipped."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a
    .json."""
    models: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "cnn2", "cnn3", "cnn6", "vgg", "resnet", "cnn_bn", "inc3", "inc6",
    )  # fmt: skip
    """Names in model_implementations.MODELS."""
    hidden_activations: Annotated[tuple[str, ...], Field(min_length=1)] = ("published",)
    """Activation functions of the hidden layers: "published", that of each model as benchmarked, or
    Keras names such as linear, relu. A model without hidden layers is trained once."""
    model_args: tuple[str, ...] = ()
    """Other choices of the models than the benchmarked ones, as name=value of a builder's keyword
    argument: dropout=0.5 dense=[1000,300]. They become part of the run's name."""
    online: bool = False
    """Fresh training spectra in every epoch, by the rules of the dataset and as many as it has, in
    place of its own. It becomes part of the run's name."""
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """With e.g. 0.99 the weights that are validated, kept and tested are exponential moving
    averages over the steps, which evens out the noise of single batches; 0: the weights themselves.
    It becomes part of the run's name."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    """One run for each; decides initial weights, dropout and the order of samples."""

    # protocol, as published
    learning_rate: Positive = 3e-4
    """Of Adam, in the first epoch."""
    batch_size: Count = 128
    """Spectra per step."""
    epochs: Count = 500
    """At most so many."""
    min_delta: Annotated[float, Field(ge=0)] = 1e-4
    """A validation loss is better than the best one only if it is lower by at least this much."""
    learning_rate_factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """What the learning rate is multiplied by …"""
    learning_rate_patience: Count = 10
    """… after so many epochs without a better validation loss."""
    stopping_patience: Count = 25
    """Training ends after so many epochs without a better validation loss; the best weights are
    kept."""

    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Of the arithmetic; mixed_bfloat16 keeps weights, probabilities and loss in float32. It
    becomes part of the run's name."""

    # where
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""

    # runs that were interrupted
    resume: Literal["same", "force", "never"] = "same"
    """What becomes of an unfinished run: "same" continues it if the versions of Python and its
    packages are those it began with, "force" also with others, "never" trains it anew."""
    state_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    """At most this share of the time goes into keeping the state from which a run continues; 1
    keeps it every epoch."""

    time_budget: Annotated[float, Field(ge=0)] = 0
    """Seconds after which training ends, between two epochs; the same command goes on then. 0: no
    limit."""

    # a cluster
    ray: str = ""
    """Address of a Ray cluster that shares this disk, or "auto" for the one this machine belongs
    to, or "local" to start one here; its nodes then train the runs. Needs Ray: pip install -r
    requirements-optional.txt."""
    ray_cpus: Count = 4
    """Cores that a run takes there, besides one GPU if the cluster has any."""

    # Weights & Biases
    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """Mirror of every run; auto is online with a key in WANDB_API_KEY (or WANDBKEY), else offline.
    """
    wandb_project: str = "synthetic-benchmark"
    """Its project."""
    wandb_timeout: Count = 10
    """Seconds that the service may take at the start of a run, and at its end for uploads. What
    takes longer is kept on disk for "wandb sync"; raise this where models (up to 750 MB) go through
    a slow line."""
    wandb_arrays: bool = False
    """Put the arrays into the dataset's artifact too, not only their checksums."""


# fields that choose runs and places; all others are settings of every single run
CHOOSING = (
    "models", "hidden_activations", "model_args", "seeds", "datasets_dir", "runs_dir", "resume", "state_share",
    "time_budget", "ray", "ray_cpus", "wandb", "wandb_project", "wandb_timeout", "wandb_arrays",
)  # fmt: skip


def main(settings):
    deadline = time.monotonic() + settings.time_budget if settings.time_budget else math.inf
    if settings.ray and settings.time_budget:
        raise InputError(
            "--time-budget: not with --ray; let the cluster end the job, and submit it again"
        )
    others = parse_choices(settings.model_args)
    choices = {model: checked_choices(model, others) for model in settings.models}
    check_activations(settings.hidden_activations)
    name = config.find(settings.config).stem
    backend.prepare(settings.precision)
    data = dataset.load(settings.datasets_dir, name)
    planned = plan(settings, choices, others, data)
    to_do = [run for run in planned if not run.summary]
    print(
        f"{len(planned)} runs of {name} on {backend.device()}, {len(planned) - len(to_do)} of them finished already"
    )
    if settings.ray:
        train_on_ray(to_do, settings)
    else:
        train_here(to_do, data, settings, deadline)
    print_summary(planned)


def train_here(to_do, data, settings, deadline):
    """Train runs one after the other until ``deadline`` by the clock; leave out those that another
    process trains."""
    mirror = wandb_mirror.Mirror(
        settings.wandb, settings.wandb_project, settings.wandb_timeout, settings.wandb_arrays
    )
    started = time.monotonic()
    for i, run in enumerate(to_do):
        with run.locked() as free:
            if not free:
                print(
                    f"run {i + 1} of {len(to_do)}: {run.folder} is being trained by another process"
                )
                continue
            if run.summary:  # since the look above
                continue
            print(f"run {i + 1} of {len(to_do)}: {run.folder}")
            if not train(run, data, settings, mirror, deadline):
                print(
                    f"  the time budget of {settings.time_budget:g} s is used; the same command goes on"
                )
                break
        minutes = (time.monotonic() - started) / 60
        print(
            f"  done; {minutes:.0f} min so far, about {minutes / (i + 1) * (len(to_do) - i - 1):.0f} min left"
        )
    mirror.close()


def train_on_ray(to_do, settings):
    """Train runs on the nodes of a Ray cluster, each by this very script; a run whose node is lost
    goes to another one.

    Raises:
        InputError: if there is no Ray, no such cluster, or a run cannot be trained.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError(
            "--ray: Ray is not installed: pip install -r requirements-optional.txt"
        ) from None
    host, _, port = settings.ray.rpartition(":")
    if host and port.isdigit() and "/" not in host:  # Ray itself would try for minutes
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise InputError(f"--ray {settings.ray}: no such cluster: {error}") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    here = {
        "PYTHONPATH": str(Path(__file__).resolve().parent),
        "KERAS_BACKEND": keras.backend.backend(),
    }
    try:
        ray.init(settings.ray, runtime_env={"env_vars": here}, logging_level="ERROR")
    except (ConnectionError, ValueError) as error:
        raise InputError(f"--ray {settings.ray}: no such cluster: {error}") from None

    def train_one(given):
        import train

        train.main(train.Settings(**given))

    gpus = min(1, ray.cluster_resources().get("GPU", 0))
    # no limit: a run goes on where it was, so that every try brings it forward
    task = ray.remote(num_cpus=settings.ray_cpus, num_gpus=gpus, max_retries=-1)(train_one)
    shared = {name: getattr(settings, name) for name in (field.name for field in fields(Settings))}
    places = {
        "datasets_dir": settings.datasets_dir.resolve(),
        "runs_dir": settings.runs_dir.resolve(),
    }
    shared |= places | {"config": str(config.find(settings.config).resolve()), "ray": ""}
    pending = {}
    for run in to_do:
        identity = run.identity
        activation = identity.hidden_activation
        which = {
            "models": (identity.model,),
            "hidden_activations": ("published" if activation == "none" else activation,),
            "seeds": (identity.seed,),
        }
        pending[task.remote(shared | which)] = (run, shared | which)
    started, finished = time.monotonic(), 0
    while pending:
        (done,), _ = ray.wait(list(pending))
        run, given = pending.pop(done)
        try:
            ray.get(done)
        except ray.exceptions.RayError as error:
            raise InputError(f"{run.folder}: {str(error).strip().splitlines()[-1]}") from None
        if not run.summary:  # a process of a lost node still held it
            time.sleep(1)
            pending[task.remote(given)] = (run, given)
            continue
        finished += 1
        minutes = (time.monotonic() - started) / 60
        print(
            f"{finished} of {len(to_do)} runs: {run.folder}; {minutes:.0f} min so far, "
            f"about {minutes / finished * len(pending):.0f} min left",
            flush=True,
        )


def check_activations(hidden_activations):
    """Raise InputError for an activation that is neither "published" nor a function of Keras."""
    known = sorted(
        name for name in dir(keras.activations) if name not in ("deserialize", "get", "serialize")
    )
    known = ["published", *(name for name in known if callable(getattr(keras.activations, name)))]
    for activation in hidden_activations:
        if activation not in known:
            raise InputError(
                f"hidden activation {activation!r}: unknown; known: {', '.join(known)}"
            )


def plan(settings, choices, others, data):
    """The runs that the settings ask for: model by model, activation by activation, seed by seed,
    none twice.

    Args:
        settings: of this script.
        choices: model → all keyword arguments of its builder.
        others: those that were asked for.
        data: the dataset.

    Raises:
        InputError: if one of them was finished, or would be continued, with other settings.
    """
    names = [field.name for field in fields(Settings) if field.name not in CHOOSING]
    protocol = {name: getattr(settings, name) for name in names}
    protocol |= {
        "config": data.name,
        "dataset_checksum": data.checksum,
        "backend": keras.backend.backend(),
    }
    environment = {"versions": backend.versions(), "device": backend.device()}
    planned = {}
    for model, activation, seed in product(
        settings.models, settings.hidden_activations, settings.seeds
    ):
        if activation == "published":
            activation = choices[model]["hidden_activation"]
        if not choices[model]["dense"]:
            activation = "none"
        identity = Identity(
            model=model,
            model_args=others,
            hidden_activation=activation,
            online=settings.online,
            ema_momentum=settings.ema_momentum,
            precision=settings.precision,
            seed=seed,
        )
        run = run_folder.Run(
            settings.runs_dir / data.name / identity.folder_name,
            protocol | identity.settings() | environment,
        )
        run.check(settings.resume)
        planned[run.folder] = run
    return list(planned.values())


def train(run, data, settings, mirror, deadline):
    """Train one model by the protocol; leave it and its predictions in the folder of the run, and
    in the mirror.

    Returns:
        Whether the run is finished: False if the clock would have shown ``deadline`` before the end
            of another epoch.
    """
    keras.utils.clear_session()  # the precision goes with it
    keras.config.set_dtype_policy(settings.precision)
    keras.utils.set_random_seed(run.settings["seed"])
    network = build_for(run, data)
    # The two share their variables: training the fast one trains the plain one, which is saved.
    model = fast_layers.accelerated(network)
    # the labels stay integers: the same function as the published categorical cross-entropy of
    # one-hot labels
    averaging = (
        {"use_ema": True, "ema_momentum": settings.ema_momentum} if settings.ema_momentum else {}
    )
    optimizer = fast_layers.Adam(settings.learning_rate, **averaging)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    backend.trace_by_batch_size(model)
    seed = run.settings["seed"]
    draw = partial(sources.fresh, data.definitions, seed) if settings.online else None
    batches = backend.Batches(data.x["train"], data.y["train"], settings.batch_size, seed, draw)
    validation = backend.Batches(data.x["val"], data.y["val"], backend.PREDICTED_AT_ONCE)
    slower = keras.callbacks.ReduceLROnPlateau(
        factor=settings.learning_rate_factor,
        patience=settings.learning_rate_patience,
        min_delta=settings.min_delta,
    )
    stopping = keras.callbacks.EarlyStopping(
        min_delta=settings.min_delta, patience=settings.stopping_patience, restore_best_weights=True
    )
    state = run.start(settings.resume)
    if state:
        restore(model, state[0])
        print(f"  continues after epoch {len(run.history)}")
    mirror.start(run, data)
    averages = [Averages(in_model=bool(state))] if averaging else []
    recorder = Recorder(run, mirror, batches, slower, stopping, settings, state, deadline)
    with recorder.stop:
        if not recorder.ended():
            model.fit(
                batches,
                initial_epoch=len(run.history),
                epochs=settings.epochs,
                validation_data=validation,
                shuffle=False,
                callbacks=[*averages, slower, stopping, recorder],
                verbose=0,
            )
    if recorder.out_of_time:
        return False
    model.set_weights(stopping.best_weights)
    finish(run, mirror, network, model, data, recorder)
    return True


def build_for(run, data):
    """The uncompiled model of a run."""
    activation = run.settings["hidden_activation"]
    choices = run.settings["model_args"] | (
        {} if activation == "none" else {"hidden_activation": activation}
    )
    return build(run.settings["model"], *data.definitions.sizes(), **choices)


def restore(model, arrays):
    """Give a compiled model the weights, random states and optimizer that ``Recorder`` kept."""
    model.optimizer.build(model.trainable_variables)
    for i, variable in enumerate(model.variables):
        variable.assign(arrays[f"variable_{i}"])
    for i, variable in enumerate(model.optimizer.variables):
        variable.assign(arrays[f"optimizer_{i}"])


def finish(run, mirror, network, model, data, recorder):
    """Predict with the fast ``model``, sum up, save the plain ``network``, which marks the run as
    finished."""
    best = run.history[recorder.stopping.best_epoch]
    summary = {
        "outcome": "diverged" if recorder.diverged else outcome(best["val_accuracy"], data),
        "trained_epochs": len(run.history),
        "minutes": sum(row["seconds"] for row in run.history) / 60,
        "parameters": model.count_params(),
        "multiply_accumulates": multiply_accumulates(network),
    }
    predictions = None
    if recorder.diverged:
        summary |= recorder.diverged
    else:
        predictions = backend.predicted_labels(model, data)
        summary |= {f"best_{name}": best[name] for name in ("epoch", "val_loss", "val_accuracy")}
        summary |= data.misclassified(predictions)
    run.finish(network, predictions, summary)
    mirror.finish(run, summary)


def outcome(val_accuracy, data):
    """ "converged" if a validation accuracy is above chance (binomial test at 0.001), else "not
    converged"."""
    n = len(data.y["val"])
    test = scipy.stats.binomtest(
        round(val_accuracy * n), n, 1 / data.definitions.n_classes, alternative="greater"
    )
    return "converged" if test.pvalue < 0.001 else "not converged"


class Averages(keras.callbacks.Callback):
    """Puts the moving averages of the weights into the model from each validation to the begin of
    the next epoch.

    So they are what the callbacks after this one keep; the trained weights wait in the place of the
    averages.

    Args:
        in_model: whether they are there at first, as in a state that ``Recorder`` kept.
    """

    def __init__(self, in_model):
        super().__init__()
        self.in_model = in_model

    def on_epoch_begin(self, epoch, logs=None):
        if self.in_model:
            self.swap()

    def on_test_begin(self, logs=None):
        self.swap()

    def swap(self):
        optimizer = self.model.optimizer
        # Keras's SwapEMAWeights does it with sums and differences, which round the weights
        for weights, averages in zip(
            self.model.trainable_variables, optimizer._model_variables_moving_average, strict=True
        ):
            kept = keras.ops.convert_to_numpy(weights).copy()
            weights.assign(averages)
            averages.assign(kept)
        self.in_model = not self.in_model


class Recorder(keras.callbacks.Callback):
    """Starts the order of each epoch, records the epoch and prints it with the time left, keeps the
    state.

    It must be the last callback: it puts the others into the state in which a run was interrupted.

    Args:
        run: where epochs are recorded.
        mirror: where they are copied to.
        batches: the training batches.
        slower: the learning-rate schedule.
        stopping: the early stopping.
        settings: of this script.
        state: what ``Run.start`` returned.
        deadline: what the clock may show at the end of an epoch.
    """

    kept = (
        "wait",
        "best",
        "best_epoch",
        "stopped_epoch",
        "cooldown_counter",
    )  # attributes of the other callbacks

    def __init__(self, run, mirror, batches, slower, stopping, settings, state, deadline):
        super().__init__()
        self.deadline, self.out_of_time = deadline, False
        self.run, self.mirror, self.batches, self.settings, self.state = (
            run,
            mirror,
            batches,
            settings,
            state,
        )
        self.slower, self.stopping = slower, stopping
        self.stop, self.diverged = GentleStop(), None
        self.keep_after = 0.0  # by the clock, so that keeping takes no larger share of the time
        if state:
            self.put_back()

    def put_back(self):
        arrays, values = self.state
        for callback, attributes in zip(
            (self.slower, self.stopping), values["callbacks"], strict=True
        ):
            vars(callback).update(attributes)
        self.stopping.best_weights = [arrays[f"best_{i}"] for i in range(values["best_weights"])]

    def ended(self):
        """Whether a run that is taken up has no epoch left to train."""
        return bool(self.state) and (
            self.stopping.stopped_epoch > 0 or len(self.run.history) >= self.settings.epochs
        )

    def on_train_begin(self, logs=None):
        if self.state:  # the other callbacks have just begun anew
            self.put_back()
            self.state = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.batches.start_epoch(epoch)
        self.began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            self.diverged = {"diverged_epoch": self.epoch + 1, "diverged_batch": batch + 1}
            self.model.stop_training = True
            print(f"  diverged: loss {logs['loss']} in batch {batch + 1} of epoch {self.epoch + 1}")
        self.stop.check(self.how_to_continue())

    def on_test_batch_end(self, batch, logs=None):
        self.stop.check(self.how_to_continue())

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1}
        row |= {
            key: float(logs[key])
            for key in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
        }
        row["seconds"] = round(time.monotonic() - self.began, 3)
        self.run.record(row)
        self.mirror.log(row)
        self.out_of_time = (
            not self.model.stop_training and time.monotonic() + row["seconds"] > self.deadline
        )
        if not self.diverged and (time.monotonic() >= self.keep_after or self.out_of_time):
            self.keep()
        most = self.settings.epochs - epoch - 1
        least = (
            0
            if self.model.stop_training
            else min(most, self.stopping.patience - self.stopping.wait)
        )
        minutes = sum(row["seconds"] for row in self.run.history) / len(self.run.history) / 60
        print(
            f"  epoch {epoch + 1}: loss {row['loss']:.4f}, val_loss {row['val_loss']:.4f}, "
            f"val_accuracy {row['val_accuracy']:.4f}, {row['seconds']:.1f} s; "
            f"left: {least} epochs ({least * minutes:.0f} min) if no better one comes, "
            f"at most {most} ({most * minutes:.0f} min)",
            flush=True,
        )
        self.stop.check(self.how_to_continue())
        self.model.stop_training |= self.out_of_time

    def keep(self):
        """Keep the state after an epoch."""
        began = time.monotonic()
        groups = {
            "variable": self.model.variables,
            "optimizer": self.model.optimizer.variables,
            "best": self.stopping.best_weights,
        }
        arrays = {
            f"{name}_{i}": keras.ops.convert_to_numpy(value)
            for name, values in groups.items()
            for i, value in enumerate(values)
        }
        callbacks = [
            {name: value for name, value in vars(callback).items() if name in self.kept}
            for callback in (self.slower, self.stopping)
        ]
        self.run.save_state(arrays, {"callbacks": callbacks, "best_weights": len(groups["best"])})
        ended = time.monotonic()
        self.keep_after = ended + (ended - began) * (1 / self.settings.state_share - 1)

    def how_to_continue(self):
        return f"stopped in epoch {self.epoch + 1} of {self.run.folder}; the same command continues the run"


def print_summary(planned):
    """Print one line per finished run."""
    columns = ("model", "hidden_activation", "seed")
    rows = [
        {**{key: run.settings[key] for key in columns}, **run.summary}
        for run in planned
        if run.summary
    ]
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.4g}".format))
    if len(rows) < len(planned):
        print(
            f"{len(planned) - len(rows)} runs are not finished yet; the same command sees to them"
        )


if __name__ == "__main__":
    run_script(main, Settings)

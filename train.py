"""datasets/<config>/*.npy → runs/<config>/<model>-<hidden activation>-<seed>/{model.keras,…}."""

import hashlib
import time
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from synthetic_spectra.common import cli
from synthetic_spectra.common.cli import Folder, notice
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import read_json
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import outcome, plan, ray_cluster, run_settings, this_machine
from synthetic_spectra.training.wandb_mirror import Mirror

MODEL_FILES = "model_implementations/*.py"

# Keras takes seconds to start: functions that need it import it, so that --help need not wait.


@dataclass(frozen=True)
class Settings:
    """Train each model once per hidden activation and seed. Finished runs are skipped."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/, or path of a .json; its spectra must be rendered."""
    models: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "cnn2", "cnn3", "cnn6", "vgg", "resnet", "cnn_bn", "inc3", "inc6",
    )  # fmt: skip
    """Names in model_implementations.MODELS."""
    hidden_activations: Annotated[tuple[str, ...], Field(min_length=1)] = ("published",)
    """Activation functions of the hidden layers: Keras names such as linear or relu, or "published"
    for that of each model as benchmarked. A model without hidden layers is trained once."""
    model_args: tuple[str, ...] = ()
    """Keyword arguments of the models' builders, as name=value, where they differ from the
    benchmarked ones: dropout=0.5 dense=[1000,300]. Part of the run's name."""
    online: bool = False
    """Fresh training spectra in every epoch, drawn by the rules of the dataset, as many as it has,
    or as its config says. Part of the run's name."""
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Momentum of moving averages of the weights over the steps, in [0, 1), e.g. 0.99; the averages
    are validated, kept and tested. 0 for the weights themselves. Part of the run's name."""
    feature_scaling: bool = False
    """Scaling of every datapoint by its lowest and highest value in the training spectra, to 0 to
    1, as a layer of the network. Part of the run's name."""
    seeds: Annotated[tuple[cli.RunSeed, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    """Random seeds of initial weights, dropout and order of samples, 0 to 2³² − 1, a run each."""

    # protocol, as published
    learning_rate: cli.Positive = 3e-4
    """Learning rate of Adam in the first epoch, > 0."""
    batch_size: cli.Count = 128
    """Spectra per step, ≥ 1."""
    epochs: cli.Count = 500
    """Epochs at most, ≥ 1."""
    min_delta: cli.NotNegative = 1e-4
    """Difference by which a validation loss must be lower than the best one to be better, ≥ 0."""
    learning_rate_factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Factor of a reduction of the learning rate, in (0, 1)."""
    learning_rate_patience: cli.Count = 10
    """Epochs without a better validation loss before the learning rate is reduced, ≥ 1."""
    halve_every: cli.Count | None = None
    """Epochs after which the learning rate is halved, again and again, ≥ 1; None reduces it by the
    validation loss, as the two settings above say."""
    stopping_patience: cli.Count = 25
    """Epochs without a better validation loss before training ends with the best weights, ≥ 1."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Precision of the arithmetic; mixed_bfloat16 keeps weights, probabilities and loss in float32.
    Part of the run's name."""

    # where
    datasets_dir: Folder = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Folder = Path("runs")
    """Folder that holds a folder per dataset, and in it one per run."""

    # runs that were interrupted
    resume: Literal["same", "force", "never"] = "same"
    """Treatment of unfinished runs: "same" continues them if Python and its packages have the
    versions that they began with, "force" with any versions, "never" trains them anew."""
    state_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Share of the time that may go into keeping the state from which a run continues, in (0, 1]; 1
    keeps it every epoch."""
    time_budget: cli.NotNegative = 0
    """Seconds after which training ends, between two epochs; the same command continues. 0 for no
    limit."""

    drawing_threads: cli.Count = 1
    """Threads that draw the spectra of an endless stream beside the training, ≥ 1."""

    # a cluster
    ray: str = ""
    """Address of a Ray cluster that shares this disk and trains the runs; "auto" for the one that
    this machine belongs to, "local" to start one here. Needs requirements-optional.txt."""
    ray_cpus: cli.Count = 4
    """Cores per run on the cluster, ≥ 1, besides one GPU if the cluster has any."""
    ray_actors: Annotated[int, Field(ge=0)] = 0
    """Actors on the cluster, of one core each, that draw the spectra of an endless stream for each
    run, ≥ 0; 0 draws them beside the training."""

    # Weights & Biases
    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """Mode of the W&B mirror; auto is online with a key in WANDB_API_KEY (or WANDBKEY), else
    offline."""
    wandb_project: str = "synthetic-benchmark"
    """Name of the W&B project."""
    wandb_timeout: cli.Timeout = 10
    """Seconds that the service may take at the start of a run, and again at its end for uploads,
    1 to 86400. What takes longer stays on disk for "wandb sync"; models have up to 750 MB."""
    wandb_arrays: bool = False
    """Whether the dataset's W&B artifact holds the arrays, not only their checksums."""


# fields that choose runs and places; all others are settings of every single run
CHOOSING = (
    "models", "hidden_activations", "model_args", "seeds", "datasets_dir", "runs_dir", "resume",
    "state_share", "time_budget", "drawing_threads", "ray", "ray_cpus", "ray_actors", "wandb",
    "wandb_project", "wandb_timeout", "wandb_arrays",
)  # fmt: skip


def main(settings):
    deadline = time.monotonic() + (settings.time_budget or float("inf"))
    if settings.ray and settings.time_budget:
        raise InputError("--time-budget: not with --ray; let the cluster end the job instead")

    config_file = config.find(settings.config)

    from synthetic_spectra.common import backend

    # flags are refused before the arrays are read
    backend.prepare(settings.precision)
    identities = plan.identities(settings)
    data = dataset.load(settings.datasets_dir, config_file)

    protocol = {
        field.name: getattr(settings, field.name)
        for field in fields(Settings)
        if field.name not in CHOOSING
    }
    runs, damages = plan.runs(identities, protocol, data, settings.runs_dir, settings.resume)
    to_do = [run for run in runs if not run.summary]
    done = len(runs) - len(to_do)
    refuse_edited(runs, data)
    notice(f"{data.name} on {backend.device()}: {done} of {len(runs)} runs finished already")

    if settings.ray:
        problems = ray_cluster.train(to_do, settings, config_file)
    else:
        mirror = Mirror(
            settings.wandb, settings.wandb_project, settings.wandb_timeout, settings.wandb_arrays
        )
        train_one = partial(train, data=data, settings=settings, mirror=mirror, deadline=deadline)
        problems = this_machine.train(to_do, train_one, settings.resume)
        mirror.close()

    print(outcome.table(runs, len(problems)))
    if damages or problems:
        raise InputError("; ".join(damages + problems))


def train(run, data, settings, mirror, deadline):
    """Train the model of a run by the protocol, and leave all that comes of it in its folder.

    Returns whether the run is finished: not if ``time.monotonic()`` would have passed ``deadline``
    before the end of another epoch.
    """
    from model_implementations import check
    from synthetic_spectra.common import backend
    from synthetic_spectra.common.backend import keras
    from synthetic_spectra.training import batches, callbacks, fast_layers, streamed
    from synthetic_spectra.training.arithmetic import multiply_accumulates

    # both share their variables: training the fast model trains the plain network, which is saved
    network, seed = build_for(run, data), run.identity.seed
    check(run.identity.model, network, data.definitions.n_datapoints)
    model = fast_layers.accelerated(network)

    # the labels stay integers, which changes nothing but their size
    rate, momentum = settings.learning_rate, settings.ema_momentum
    optimizer = fast_layers.Adam(rate, use_ema=momentum > 0, ema_momentum=momentum)
    metrics = ["accuracy", *callbacks.top_accuracy(data.definitions)]
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=metrics)
    backend.trace_by_batch_size(model)

    training, start_of_epoch = streamed.training_spectra(data, seed, settings)
    validation = batches.Batches(data.x["val"], data.y["val"], batches.PREDICTED_AT_ONCE)

    schedule = keras.callbacks.ReduceLROnPlateau(
        factor=settings.learning_rate_factor,
        patience=settings.learning_rate_patience,
        min_delta=settings.min_delta,
    )
    if settings.halve_every:
        schedule = callbacks.Halving(rate, settings.halve_every)
    stopping = keras.callbacks.EarlyStopping(
        min_delta=settings.min_delta, patience=settings.stopping_patience, restore_best_weights=True
    )
    divergence, time_limit = callbacks.Divergence(), callbacks.Deadline(run, deadline)
    kept = callbacks.KeptState(run, schedule, stopping, time_limit, settings.state_share)

    # a run that is taken up must have the same layers
    run.settings["layers_checksum"] = layers_checksum(network)
    state = run.start(settings.resume, mirror.next_id())
    if state:
        kept.restore(model, *state)
        notice(f"  continues after epoch {len(run.history)}")
    mirror.start(run, data)

    # a run that is taken up may have been at its end
    if not stopping.stopped_epoch and len(run.history) < settings.epochs:
        with cli.GentleStop() as signals, closing(training), closing(validation):
            model.fit(
                training,
                initial_epoch=len(run.history),
                epochs=settings.epochs,
                validation_data=validation,
                shuffle=False,
                # each sees what those before it have done
                callbacks=[
                    start_of_epoch,
                    callbacks.MovingAverages(in_model=bool(state)),
                    schedule,
                    stopping,
                    divergence,
                    callbacks.Record(run, mirror),
                    callbacks.Progress(run, stopping, settings.epochs),
                    time_limit,
                    kept,
                    callbacks.Interruption(run, signals),
                ],
                verbose=0,
            )
    if time_limit.reached:
        return False

    model.set_weights(stopping.best_weights)
    predictions = None if divergence.found else batches.predictions(model, data)
    costs = network.count_params(), multiply_accumulates(network)
    best, diverged = stopping.best_epoch, divergence.found
    summary = outcome.summary(run.history, costs, data, best, predictions, diverged)
    run.finish(network, predictions, summary)
    mirror.finish(run, summary)
    return True


def refuse_edited(runs, data):
    """Raise InputError if the network of a finished run, which would be skipped, has other layers
    since its code was edited."""
    edited = max(path.stat().st_mtime for path in Path(__file__).parent.glob(MODEL_FILES))
    checksums = {}
    for run in runs:
        settings_file = run.folder / "settings.json"
        if not run.summary or settings_file.stat().st_mtime > edited:
            continue
        before = read_json(settings_file)
        # of an older run it was not recorded
        if "layers_checksum" not in before:
            continue
        of_all_seeds = replace(run.identity, seed=None)
        if of_all_seeds not in checksums:
            checksums[of_all_seeds] = layers_checksum(build_for(run, data))
        now = run.settings | {"layers_checksum": checksums[of_all_seeds]}
        run_settings.refuse_other_layers(run.folder, before, now, run_settings.ELSEWHERE)


def layers_checksum(network):
    """SHA-256 of the description of a network's layers."""
    return hashlib.sha256(network.to_json().encode()).hexdigest()


def build_for(run, data):
    """The uncompiled model of a run, for spectra and classes of a dataset."""
    from model_implementations import build
    from synthetic_spectra.common.backend import keras

    # the precision goes with the session of the run before
    keras.utils.clear_session()
    keras.config.set_dtype_policy(run.identity.precision)
    keras.utils.set_random_seed(run.identity.seed)
    choices = dict(run.identity.model_args)
    if run.identity.hidden_activation != "none":
        choices["hidden_activation"] = run.identity.hidden_activation
    network = build(run.identity.model, *data.definitions.sizes(), **choices)
    if not run.identity.feature_scaling:
        return network

    from synthetic_spectra.training.feature_scaling import scaled_by_feature

    return scaled_by_feature(network, data.x["train"])


if __name__ == "__main__":
    cli.run_script(main, Settings)

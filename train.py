"""datasets/<config>/*.npy → runs/<config>/<model>-<hidden activation>-<seed>/{history.csv,model.keras,…}."""

import time
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from model_implementations import build, checked_choices, multiply_accumulates, parse_choices
from synthetic_spectra import backend, config, dataset, runs
from synthetic_spectra.backend import keras
from synthetic_spectra.scripts import Count, InputError, Positive, Seed, run_script


@dataclass(frozen=True)
class Settings:
    """Train architectures on a dataset, each once per hidden activation and seed. Finished runs are skipped."""

    config: str = "benchmark"
    """Name of a file in dataset_configs/ (its spectra must have been rendered), or a path to a .json."""
    models: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "cnn2", "cnn3", "cnn6", "vgg", "resnet", "cnn_bn", "inc3", "inc6",
    )  # fmt: skip
    """Names in model_implementations.MODELS."""
    hidden_activations: Annotated[tuple[str, ...], Field(min_length=1)] = ("published",)
    """Activation functions of the hidden layers: "published", that of each model as benchmarked, or Keras names such as
    linear, relu. A model without hidden layers is trained once."""
    model_args: tuple[str, ...] = ()
    """Other choices of the models than the benchmarked ones, as name=value of a builder's keyword argument:
    dropout=0.5 dense=[1000,300]. They become part of the run's name."""
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
    """Training ends after so many epochs without a better validation loss; the best weights are kept."""

    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Of the arithmetic; mixed_bfloat16 keeps weights, probabilities and loss in float32."""

    # where
    datasets_dir: Path = Path("datasets")
    """Folder that holds a folder per dataset."""
    runs_dir: Path = Path("runs")
    """Folder that holds a folder per config, and in it one per run."""

    # Weights & Biases
    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """Mirror of every run; auto is online with a key in WANDB_API_KEY (or WANDBKEY), else offline."""
    wandb_project: str = "synthetic-benchmark"
    """Its project."""
    wandb_timeout: Count = 10
    """Seconds that the service may take at the start of a run, and at its end for uploads. What takes longer is kept on
    disk for "wandb sync"; raise this where models (up to 750 MB) go through a slow line."""
    wandb_arrays: bool = False
    """Put the arrays into the dataset's artifact too, not only their checksums."""


# fields that choose runs and places; all others are settings of every single run
CHOOSING = (
    "models", "hidden_activations", "model_args", "seeds", "datasets_dir", "runs_dir",
    "wandb", "wandb_project", "wandb_timeout", "wandb_arrays",
)  # fmt: skip


def main(settings):
    others = parse_choices(settings.model_args)
    choices = {model: checked_choices(model, others) for model in settings.models}
    check_activations(settings.hidden_activations)
    name = config.find(settings.config).stem
    backend.prepare(settings.precision)
    data = dataset.load(settings.datasets_dir, name)
    planned = plan(settings, choices, others, data)
    to_do = [run for run in planned if not run.summary]
    print(f"{len(planned)} runs of {name} on {backend.device()}, {len(planned) - len(to_do)} of them finished already")
    mirror = runs.Mirror(settings.wandb, settings.wandb_project, settings.wandb_timeout, settings.wandb_arrays)
    started = time.monotonic()
    for i, run in enumerate(to_do):
        print(f"run {i + 1} of {len(to_do)}: {run.folder}")
        train(run, data, settings, mirror)
        minutes = (time.monotonic() - started) / 60
        print(f"  done; {minutes:.0f} min so far, about {minutes / (i + 1) * (len(to_do) - i - 1):.0f} min left")
    print_summary(planned)
    mirror.close()


def check_activations(hidden_activations):
    """Raise InputError for an activation that is neither "published" nor a function of Keras."""
    known = sorted(name for name in dir(keras.activations) if name not in ("deserialize", "get", "serialize"))
    known = ["published", *(name for name in known if callable(getattr(keras.activations, name)))]
    for activation in hidden_activations:
        if activation not in known:
            raise InputError(f"hidden activation {activation!r}: unknown; known: {', '.join(known)}")


def plan(settings, choices, others, data):
    """The runs that the settings ask for: model by model, activation by activation, seed by seed, none twice.

    Args:
        settings: of this script.
        choices: model → all keyword arguments of its builder.
        others: those that were asked for.
        data: the dataset.

    Raises:
        InputError: if one of them was finished with other settings.
    """
    names = [field.name for field in fields(Settings) if field.name not in CHOOSING]
    protocol = {name: getattr(settings, name) for name in names}
    protocol |= {"config": data.name, "dataset_checksum": data.checksum, "backend": keras.backend.backend()}
    environment = {"versions": backend.versions(), "device": backend.device()}
    planned = {}
    for model, activation, seed in product(settings.models, settings.hidden_activations, settings.seeds):
        if activation == "published":
            activation = choices[model]["hidden_activation"]
        if not choices[model]["dense"]:
            activation = "none"
        which = {"model": model, "model_args": others, "hidden_activation": activation, "seed": seed}
        run = runs.Run(runs.run_folder(settings.runs_dir, data.name, **which), protocol | which | environment)
        if run.summary:
            run.refuse_other_settings()
        planned[run.folder] = run
    return list(planned.values())


def train(run, data, settings, mirror):
    """Train one model by the protocol; leave it and its predictions in the folder of the run, and in the mirror."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(run.settings["seed"])
    activation = run.settings["hidden_activation"]
    own_choices = run.settings["model_args"] | ({} if activation == "none" else {"hidden_activation": activation})
    size, classes = data.definitions.n_datapoints, data.definitions.n_classes
    model = build(run.settings["model"], size, classes, **own_choices)
    # the labels stay integers: the same function as the published categorical cross-entropy of one-hot labels
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    batches = backend.Batches(data.x["train"], data.y["train"], settings.batch_size, run.settings["seed"])
    validation = backend.Batches(data.x["val"], data.y["val"], settings.batch_size)
    slower = keras.callbacks.ReduceLROnPlateau(
        factor=settings.learning_rate_factor, patience=settings.learning_rate_patience, min_delta=settings.min_delta
    )
    stopping = keras.callbacks.EarlyStopping(
        min_delta=settings.min_delta, patience=settings.stopping_patience, restore_best_weights=True
    )
    run.start()
    mirror.start(run, data)
    model.fit(
        batches,
        epochs=settings.epochs,
        validation_data=validation,
        shuffle=False,
        callbacks=[slower, stopping, Recorder(run, mirror, batches, stopping, settings.epochs)],
        verbose=0,
    )
    best = run.history[stopping.best_epoch]
    predictions = backend.predicted_labels(model, data)
    summary = {
        **data.misclassified(predictions),
        "trained_epochs": len(run.history),
        "best_epoch": best["epoch"],
        "best_val_loss": best["val_loss"],
        "best_val_accuracy": best["val_accuracy"],
        "minutes": sum(row["seconds"] for row in run.history) / 60,
        "parameters": model.count_params(),
        "multiply_accumulates": multiply_accumulates(model),
    }
    run.finish(model, predictions, summary)
    mirror.finish(run, summary)


class Recorder(keras.callbacks.Callback):
    """Starts the order of each epoch, records the epoch and prints it with the time left.

    Args:
        run: where epochs are recorded.
        mirror: where they are copied to.
        batches: the training batches.
        stopping: the early stopping, which knows how many epochs the run has left at least.
        epochs: how many it can take at most.
    """

    def __init__(self, run, mirror, batches, stopping, epochs):
        super().__init__()
        self.run, self.mirror, self.batches, self.stopping, self.epochs = run, mirror, batches, stopping, epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.start_epoch(epoch)
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1}
        row |= {key: float(logs[key]) for key in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")}
        row["seconds"] = round(time.monotonic() - self.began, 3)
        self.run.record(row)
        self.mirror.log(row)
        most = self.epochs - epoch - 1
        least = 0 if self.model.stop_training else min(most, self.stopping.patience - self.stopping.wait)
        minutes = sum(row["seconds"] for row in self.run.history) / len(self.run.history) / 60
        print(
            f"  epoch {epoch + 1}: loss {row['loss']:.4f}, val_loss {row['val_loss']:.4f}, "
            f"val_accuracy {row['val_accuracy']:.4f}, {row['seconds']:.1f} s; "
            f"left: {least} epochs ({least * minutes:.0f} min) if no better one comes, "
            f"at most {most} ({most * minutes:.0f} min)",
            flush=True,
        )


def print_summary(planned):
    """Print one line per run."""
    columns = ("model", "hidden_activation", "seed")
    rows = [{**{key: run.settings[key] for key in columns}, **run.summary} for run in planned]
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.4g}".format))


if __name__ == "__main__":
    run_script(main, Settings)

"""Keras callbacks of a run: what is recorded and shown, when training ends, and the state from
which it continues."""

import math
import time

from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.cli import notice
from synthetic_spectra.spectra.kinds import SOURCES

# columns of history.csv, of which the last ones are those of some kinds of datasets
MEASURED = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
MEASURED_OF_SOME = ("top5_accuracy", "val_top5_accuracy", "waiting_seconds")


def top_accuracy(definitions):
    """The metrics that a run of a dataset has beside the accuracy: whether the class is among the
    likeliest five, where the kind of the dataset asks for it and there are more classes.

    Args:
        definitions: the resolved config.
    """
    if not (SOURCES[definitions.kind].top5_accuracy and definitions.n_classes > 5):
        return []
    return [keras.metrics.SparseTopKCategoricalAccuracy(5, name="top5_accuracy")]


class MovingAverages(keras.callbacks.Callback):
    """Puts the moving averages of the weights into the model, from each validation to the begin of
    the next epoch.

    So they are what the callbacks behind this one see and keep. The trained weights wait in the
    place of the averages. Without averages in the optimizer nothing happens.

    Args:
        in_model: whether the averages are in the model at first, as in a state that ``KeptState``
            restored.
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
        if not optimizer.use_ema:
            return

        # Keras's SwapEMAWeights does it with sums and differences, which round the weights
        for weights, averages in zip(
            self.model.trainable_variables, optimizer._model_variables_moving_average, strict=True
        ):
            kept = keras.ops.convert_to_numpy(weights).copy()
            weights.assign(averages)
            averages.assign(kept)
        self.in_model = not self.in_model


class Halving(keras.callbacks.Callback):
    """Halves the learning rate every so many epochs.

    Args:
        rate: learning rate of the first epoch, > 0.
        every: epochs with one learning rate, ≥ 1.
    """

    def __init__(self, rate, every):
        super().__init__()
        self.rate, self.every = rate, every

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = self.rate * 0.5 ** (epoch // self.every)

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class Divergence(keras.callbacks.Callback):
    """Ends a training whose loss is no number any more, that of a batch or that of the validation.

    ``found`` is None, or the values of summary.json that say where.
    """

    found = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            self.found = {"diverged_epoch": self.epoch + 1, "diverged_batch": batch + 1}
            self.end(f"loss {logs['loss']} in batch {batch + 1} of epoch {self.epoch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        if not self.found and not math.isfinite(logs["val_loss"]):
            self.found = {"diverged_epoch": epoch + 1}
            self.end(f"validation loss {logs['val_loss']} in epoch {epoch + 1}")

    def end(self, where):
        self.model.stop_training = True
        notice(f"  diverged: {where}")


class Record(keras.callbacks.Callback):
    """Records every epoch with its seconds, on disk first, then in the mirror.

    Args:
        run: the ``Run``.
        mirror: the ``Mirror`` of Weights & Biases.
    """

    def __init__(self, run, mirror):
        super().__init__()
        self.run, self.mirror = run, mirror

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        of_some = [name for name in MEASURED_OF_SOME if name in logs]
        row = {"epoch": epoch + 1} | {name: float(logs[name]) for name in (*MEASURED, *of_some)}
        row["seconds"] = round(time.monotonic() - self.began, 3)
        self.run.record(row)
        self.mirror.log(row)


class Progress(keras.callbacks.Callback):
    """Shows every epoch that ``Record`` has recorded, and the time that is left.

    Args:
        run: the ``Run``.
        stopping: the ``EarlyStopping``.
        epochs: epochs of training at most.
    """

    def __init__(self, run, stopping, epochs):
        super().__init__()
        self.run, self.stopping, self.epochs = run, stopping, epochs

    def on_epoch_end(self, epoch, logs=None):
        row, most = self.run.history[-1], self.epochs - epoch - 1
        least = min(most, self.stopping.patience - self.stopping.wait)
        if self.model.stop_training:
            least = 0
        minutes = sum(row["seconds"] for row in self.run.history) / len(self.run.history) / 60
        of_some = "".join(
            f"{name} {row[name]:.4g}, " for name in MEASURED_OF_SOME[1:] if name in row
        )
        notice(
            f"  epoch {epoch + 1}: loss {row['loss']:.4f}, val_loss {row['val_loss']:.4f}, "
            f"val_accuracy {row['val_accuracy']:.4f}, {of_some}{row['seconds']:.1f} s; "
            f"left: {least} epochs ({least * minutes:.0f} min) if no better one comes, "
            f"at most {most} ({most * minutes:.0f} min)"
        )


class Deadline(keras.callbacks.Callback):
    """Ends training after an epoch if the next one would not be done in time.

    Args:
        run: the ``Run``.
        deadline: what ``time.monotonic()`` may show at the end of an epoch.
    """

    reached = False

    def __init__(self, run, deadline):
        super().__init__()
        self.run, self.deadline = run, deadline

    def on_epoch_end(self, epoch, logs=None):
        next_end = time.monotonic() + self.run.history[-1]["seconds"]
        if not self.model.stop_training and next_end > self.deadline:
            self.reached = True
            self.model.stop_training = True


class KeptState(keras.callbacks.Callback):
    """Keeps the state from which a run continues to the bit, and restores it.

    It stands behind the learning-rate schedule and the early stopping, whose state it restores when
    they have begun anew.

    Args:
        run: the ``Run``.
        schedule: the ``ReduceLROnPlateau``.
        stopping: the ``EarlyStopping``.
        deadline: the ``Deadline``, before this one; the state of its epoch is kept in any case.
        share: share of the time that may go into keeping states, in (0, 1].
    """

    # attributes of the other callbacks
    kept = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")

    def __init__(self, run, schedule, stopping, deadline, share):
        super().__init__()
        self.run, self.deadline, self.share = run, deadline, share
        self.stopping, self.with_state = stopping, (schedule, stopping)
        self.keep_after = 0.0
        self.restored = None

    def restore(self, model, arrays, values):
        """Give a compiled model and the other callbacks the state that ``Run.start`` returned."""
        model.optimizer.build(model.trainable_variables)
        for i, variable in enumerate(model.variables):
            variable.assign(arrays[f"variable_{i}"])
        for i, variable in enumerate(model.optimizer.variables):
            variable.assign(arrays[f"optimizer_{i}"])
        self.restored = arrays, values
        self.restore_callbacks()

    def restore_callbacks(self):
        arrays, values = self.restored
        for callback, attributes in zip(self.with_state, values["callbacks"], strict=True):
            vars(callback).update(attributes)
        self.stopping.best_weights = [arrays[f"best_{i}"] for i in range(values["best_weights"])]

    def on_train_begin(self, logs=None):
        # the other callbacks have just begun anew
        if self.restored:
            self.restore_callbacks()
            self.restored = None

    def on_epoch_end(self, epoch, logs=None):
        # a run that diverged does not continue
        if not (math.isfinite(logs["loss"]) and math.isfinite(logs["val_loss"])):
            return
        began = time.monotonic()
        if began >= self.keep_after or self.deadline.reached:
            self.keep()
            self.keep_after = began + (time.monotonic() - began) / self.share

    def keep(self):
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
        attributes = [
            {name: value for name, value in vars(callback).items() if name in self.kept}
            for callback in self.with_state
        ]
        values = {"callbacks": attributes, "best_weights": len(groups["best"])}
        self.run.save_state(arrays, values)


class Interruption(keras.callbacks.Callback):
    """Ends training between two batches where a signal asks for it; it stands behind ``KeptState``.

    Args:
        run: the ``Run``.
        signals: the ``GentleStop`` that notes the signals.
    """

    def __init__(self, run, signals):
        super().__init__()
        self.run, self.signals = run, signals

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.check()

    def on_test_batch_end(self, batch, logs=None):
        self.check()

    def on_epoch_end(self, epoch, logs=None):
        self.check()

    def check(self):
        self.signals.check(
            f"stopped in epoch {self.epoch + 1} of {self.run.folder}; "
            "the same command continues the run"
        )

"""Run folders while other things happen: a busy disk, a second process, an edited network."""

import os
import resource
from pathlib import Path

import pytest

from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.training import callbacks, this_machine
from synthetic_spectra.training.run import Identity
from synthetic_spectra.training.run_folder import Run


def run_of(folder, **settings):
    identity = Identity("cnn2", "linear").settings()
    return Run(folder, {"config": "example", "versions": {}, **identity, **settings})


def test_a_state_that_cannot_be_opened_now_is_not_taken_for_a_damaged_one(tmp_path):
    run = run_of(tmp_path / "run")
    run.folder.mkdir()
    run.start("same")
    for epoch in (1, 2):
        run.record({"epoch": epoch})
        run.save_state({}, {})
    states = sorted(run.folder.glob("state-*.npz"))
    assert len(states) == 2
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        # the lowest free number is too high
        with Path(os.devnull).open() as lowest:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno(), hard))
        with pytest.raises(OSError, match="Too many open files"):
            run.start("same")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sorted(run.folder.glob("state-*.npz")) == states
    assert run.start("same")


def test_a_run_that_another_process_began_in_the_meantime_is_not_mixed_in(tmp_path):
    late, early = (run_of(tmp_path / "run", batch_size=size) for size in (8, 16))
    # both commands have looked, and nothing was there
    for run in (late, early):
        run.check("same")
    early.folder.mkdir()
    early.start("same")
    early.record({"epoch": 1})
    early.save_state({}, {})
    trained = []
    (problem,) = this_machine.train([late], trained.append)
    assert "batch_size 16, asked for is 8" in problem and not trained
    assert problem.count(str(late.folder)) == 1
    assert this_machine.train([early], lambda run: bool(run.start("same"))) == []


def test_a_network_of_other_layers_does_not_continue_a_run(tmp_path):
    def kept(activation, x=None):
        keras.utils.clear_session()
        layers = keras.Input((4,)), keras.layers.Dense(2, activation=activation)
        model = keras.Sequential(layers)
        model.compile("adam", "mse")
        stopping = keras.callbacks.EarlyStopping(restore_best_weights=True)
        stopping.best_weights = model.get_weights()
        schedule = keras.callbacks.ReduceLROnPlateau()
        run = run_of(tmp_path / "run")
        state = callbacks.KeptState(run, schedule, stopping, None, 1.0, model)
        state.set_model(model)
        return run, state, model

    run, state, model = kept("relu")
    run.folder.mkdir()
    run.start("same")
    run.record({"epoch": 1})
    model.optimizer.build(model.trainable_variables)
    for callback in state.with_state:
        callback.set_model(model)
        callback.on_train_begin()
    state.stopping.best_weights = model.get_weights()
    state.keep()

    run, state, model = kept("relu")
    state.restore(model, *run.start("same"))
    run, state, model = kept("tanh")
    with pytest.raises(InputError, match="the layers of cnn2 have changed; --resume never"):
        state.restore(model, *run.start("same"))

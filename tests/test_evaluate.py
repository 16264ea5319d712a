"""Evaluation of several runs: what cannot be counted keeps no other from its row, what is printed
is the tables alone, and several evaluations at once lose nothing."""

import io
import json
import multiprocessing
import re
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT, refused

import evaluate
from synthetic_spectra.analysis import results, tables
from synthetic_spectra.common.files import write_json
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training import run_folder
from synthetic_spectra.training.run import Identity

EXAMPLE = ROOT / "dataset_configs" / "example.json"
ENVIRONMENT = {"backend": "tensorflow", "device": "a processor", "versions": {"python": "3"}}


def finish(runs_dir, data, model, seed=0, n_wrong=0):
    """A finished run with kept predictions, of which the first ``n_wrong`` test ones are wrong."""
    identity = Identity(model, "relu", seed=seed)
    settings = {"config": data.name, "dataset_checksum": data.checksum, **ENVIRONMENT}
    run = run_folder.Run(
        runs_dir / data.name / identity.folder_name, settings | identity.settings()
    )
    run.folder.mkdir(parents=True)
    write_json(run.folder / "settings.json", run.settings)
    predicted = {split: labels.copy() for split, labels in data.y.items()}
    predicted["test"][:n_wrong] = 1 - predicted["test"][:n_wrong]
    run.save_predictions(predicted)
    write_json(
        run.folder / "summary.json",
        {"outcome": "converged", "trained_epochs": 3, "minutes": 0.1, "parameters": 10},
    )
    return run


@pytest.fixture(scope="module")
def data(example):
    return dataset.load(example / "datasets", "example")


@pytest.fixture
def flags(example, tmp_path):
    """Flags of evaluate.py for runs in tmp_path."""
    return (
        *("--config", EXAMPLE, "--datasets-dir", example / "datasets"),
        *("--runs-dir", tmp_path / "runs", "--wandb", "disabled"),
    )


def model_of_other_software(run):
    run.predictions_file.unlink()
    run.model_file.write_bytes(b"no model")


def settings_cut_off(run):
    (run.folder / "settings.json").write_text('{"model": ')


def settings_without_a_key(run):
    settings = json.loads((run.folder / "settings.json").read_text())
    del settings["versions"]
    write_json(run.folder / "settings.json", settings)


def summary_cut_off(run):
    (run.folder / "summary.json").write_text("")


def predictions_of_fewer_spectra(run):
    predicted = run.predictions()
    run.save_predictions(predicted | {"test": predicted["test"][1:]})


def predictions_cut_off(run):
    run.predictions_file.write_bytes(run.predictions_file.read_bytes()[:100])


def other_arrays(run):
    # and with a setting that the others, which classical learners may be, do not have
    settings = run.settings | {"dataset_checksum": "0" * 64, "batch_size": 128}
    write_json(run.folder / "settings.json", settings)


@pytest.mark.parametrize(
    "damage",
    [
        model_of_other_software,
        settings_cut_off,
        settings_without_a_key,
        summary_cut_off,
        predictions_of_fewer_spectra,
        predictions_cut_off,
        other_arrays,
    ],
)
def test_a_run_that_cannot_be_counted_keeps_no_other_from_its_row(
    shell, data, flags, tmp_path, damage
):
    finish(tmp_path / "runs", data, "cnn2", n_wrong=2)
    damaged = finish(tmp_path / "runs", data, "cnn3")
    finish(tmp_path / "runs", data, "vgg", n_wrong=5)
    damage(damaged)
    refused(shell(tmp_path, "evaluate.py", *flags, check=False), damaged.folder)
    table = results.read(tmp_path / "output" / "results", "example").runs
    assert list(zip(table.model, table.test_misclassified, strict=True)) == [
        ("cnn2", 2),
        ("vgg", 5),
    ]


def test_stdout_is_the_table_alone(shell, data, flags, tmp_path):
    finish(tmp_path / "runs", data, "cnn2", n_wrong=2)
    finish(tmp_path / "runs", data, "vgg", n_wrong=5)
    done = shell(tmp_path, "evaluate.py", *flags, "--tables", "runs", "--format", "csv")
    table = pd.read_csv(io.StringIO(done.stdout))
    assert list(table.test) == [2, 5]
    assert "2 of 2 runs" in done.stderr and "wrote" in done.stderr
    # and so are the tables that are there already
    again = shell(
        tmp_path,
        "evaluate.py",
        *("--config", EXAMPLE, "--results-only", "--tables", "runs", "--format", "csv"),
    )
    assert again.stdout == done.stdout


def test_what_was_counted_is_what_results_only_shows(shell, data, flags, tmp_path):
    finish(tmp_path / "runs", data, "cnn2", n_wrong=2)
    finish(tmp_path / "runs", data, "vgg", n_wrong=5)
    kinds = ("--tables", "summary", "medians", "confusions", "groups", "differences")
    done = shell(tmp_path, "evaluate.py", *flags, *kinds)
    assert "Bayes-optimal" in done.stdout and "misclassified: of 18 test spectra" in done.stdout
    again = shell(tmp_path, "evaluate.py", "--config", EXAMPLE, "--results-only", *kinds)
    assert again.stdout == done.stdout


def test_a_cost_that_is_not_known_is_an_empty_cell(shell, data, flags, tmp_path):
    run = finish(tmp_path / "runs", data, "cnn2")
    write_json(run.folder / "summary.json", run.summary | {"multiply_accumulates": None})
    finish(tmp_path / "runs", data, "vgg")
    shell(tmp_path, "evaluate.py", *flags)
    table = results.read(tmp_path / "output" / "results", "example").runs
    assert table.multiply_accumulates.isna().all()


def test_where_every_run_diverged_the_tables_say_so(shell, flags, tmp_path):
    training = ("--models", "cnn2", "--model-args", "dense=[16]", "--learning-rate", 1e30)
    shell(tmp_path, "train.py", *flags, *training, "--seeds", 0, 1)
    kinds = ("--tables", "summary", "runs", "medians", "confusions", "groups", "differences")
    done = shell(tmp_path, "evaluate.py", *flags, *kinds)
    assert re.search(r"cnn2 .* 2 +2 ", done.stdout) and "nan" not in done.stdout
    again = shell(tmp_path, "evaluate.py", *flags[:2], "--results-only", *kinds)
    assert again.stdout == done.stdout


def evaluate_at_once(started, folder, datasets_dir, i, repetitions):
    """Evaluate runs of one network again and again, at the same time as other processes do."""
    for repetition in range(repetitions):
        settings = evaluate.Settings(
            config=str(EXAMPLE),
            datasets_dir=datasets_dir,
            runs_dir=folder / f"runs of {i}",
            results_dir=folder / f"results {repetition}",
            keep=True,
            wandb="disabled",
        )
        started.wait()
        try:
            evaluate.main(settings)
        except BaseException:
            # so that no process waits for this one
            started.abort()
            raise


@pytest.mark.parametrize("repetitions", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_three_evaluations_at_once_lose_nothing(example, data, tmp_path, repetitions):
    models = ("cnn2", "cnn3", "vgg")
    for i, model in enumerate(models):
        for seed in (0, 1):
            finish(tmp_path / f"runs of {i}", data, model, seed, n_wrong=i + seed)
    spawned = multiprocessing.get_context("spawn")
    started = spawned.Barrier(len(models), timeout=300)
    arguments = (started, tmp_path, example / "datasets")
    processes = [
        spawned.Process(target=evaluate_at_once, args=(*arguments, i, repetitions))
        for i in range(len(models))
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    for repetition in range(repetitions):
        folder = tmp_path / f"results {repetition}"
        found = results.read(folder, "example")
        assert list(found.runs.model) == [model for model in models for _ in (0, 1)]
        assert len(found.differences) == 3
        assert set(found.confusions.model) == set(models)
        assert {path.suffix for path in folder.iterdir()} == {".csv"}, "nothing is left over"


QUIET = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended.code
started = {"keras", "tensorflow", "jax", "matplotlib", "wandb", "ray"} & set(sys.modules)
assert not started, started
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate.py", "--help"),
        ("evaluate.py", "--config", "challenge", "--results-only"),
        ("studies/ablation.py", "--help"),
        ("studies/robustness.py", "--help"),
        ("studies/dataset_ceiling.py", "--help"),
    ],
)
def test_what_needs_no_network_starts_no_keras(arguments):
    command = [sys.executable, "-c", QUIET, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 500


def test_a_network_of_any_kind_has_a_line(monkeypatch, capsys):
    """Layers of models and wrappers inside it count; what cannot be built is left out."""
    from known_networks import all_kinds

    import model_implementations

    made = all_kinds()
    builders = {
        name: lambda input_size, classes, model=model: model for name, model in made.items()
    }

    def too_long(input_size, classes):
        raise ValueError("spectra are too short")

    monkeypatch.setattr(model_implementations, "MODELS", builders | {"too_long": too_long})
    table = tables.architectures((500, 2, 20)).set_index("model")
    assert list(table.index) == list(made)
    assert "too_long" in capsys.readouterr().err
    with_convolution = ["sequential", "separate", "nested", "nested_inside", "registered"]
    with_convolution.append("subclassed")
    assert list(table.index[table.convolutions == 1]) == with_convolution
    assert list(table.index[table["batch normalisation"] == "yes"]) == ["nested_inside"]
    for name, model in made.items():
        assert table.parameters[name] == f"{model.count_params():,}"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_networks_of_a_table_take_no_memory_for_weights():
    """Those of the general benchmark have 190 million parameters, together 500 million."""
    code = (
        "import evaluate\n"
        "evaluate.main(evaluate.Settings(results_only=True, tables=('architectures',)))\n"
        # unlike ru_maxrss, this does not count the process that started it
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "186,817,238" in done.stdout
    kilobytes = int(done.stdout.splitlines()[-1])
    assert kilobytes < 4 * 500_000_000 / 1000 / 2

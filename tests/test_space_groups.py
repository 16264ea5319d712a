"""What networks learn of space groups: endless random crystals, and the study of real structures.

The tests of this module run on JAX too: see the last one.
"""

import gzip
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, outcome, refused

from synthetic_spectra.analysis import results
from synthetic_spectra.crystals import compiled, statistics, wyckoff
from synthetic_spectra.spectra import crystal_patterns, dataset, sources

# space group, spglib's Hall number → types: sites with multiplicity, letter and place
STRUCTURES = {
    (225, 523): (
        [(4, "a", 0), (4, "b", 0.5)], [(4, "a", 0), (8, "c", 0.25)], [(4, "a", 0)],
    ),
    (216, 512): ([(4, "a", 0), (4, "c", 0.25)], [(4, "a", 0), (4, "b", 0.5), (4, "c", 0.25)]),
    (221, 517): ([(1, "a", 0), (1, "b", 0.5)], [(1, "a", 0)], [(1, "b", 0.5)]),
    (227, 526): ([(8, "a", 0.125)], [(16, "c", 0)], [(8, "a", 0.125), (8, "b", 0.375)]),
    (229, 529): ([(2, "a", 0)], [(2, "a", 0), (8, "c", 0.25)]),
    (123, 400): ([(1, "a", 0), (1, "d", 0.5)], [(1, "a", 0)], [(1, "d", 0.5)]),
}  # fmt: skip
ELEMENTS = ("Na", "Cl", "Cu", "Zn", "S", "Fe", "O", "Ti", "Ag", "Au")
N_EACH = 8
CONFIG = {
    "kind": "crystals",
    "datapoints": 300,
    "two_theta": [10.0, 80.0],
    "wavelength": 1.5406,
    "scale": "log_sin_theta",
    "root": True,
    "crystallite_sizes": [20.0, 100.0],
    "statistics": "few.npz",
    "least_structures": 5,
    "max_volume": 1000.0,
    "max_sites": 20,
    "patterns_per_epoch": 96,
    "rendering": {"n_train": 2, "n_val": 4, "dtype": "float32"},
}
FLAGS = ("--config", "few.json", "--models", "strided")
TRAINED = (
    *FLAGS, "--model-args", "filters=[2,2,2,2,2]", "dense=[8]", "--online", "--seeds", 3,
    "--batch-size", 32, "--epochs", 3, "--wandb", "disabled",
)  # fmt: skip
NAME = "strided-dense=[8]-filters=[2,2,2,2,2]-relu-online-3"


@pytest.fixture(scope="module")
def place(shell, tmp_path_factory):
    """A folder with structures of six space groups, their statistics and a rendered dataset."""
    folder, rng = tmp_path_factory.mktemp("space_groups"), np.random.default_rng(0)
    with gzip.open(folder / "few.jsonl.gz", "wt") as file:
        for (group, hall), types in STRUCTURES.items():
            for sites in types * N_EACH:
                elements = rng.choice(ELEMENTS, len(sites), replace=False)
                a, c = rng.uniform(4, 7, 2)
                row = {
                    "sg": group,
                    "hall": hall,
                    "lattice": [a, a, c if group == 123 else a, 90, 90, 90],
                    "sites": [
                        [str(element), multiplicity, letter, "", place, place, place]
                        for element, (multiplicity, letter, place) in zip(
                            elements, sites, strict=True
                        )
                    ],
                }
                file.write(json.dumps(row) + "\n")
    made = ("--name", "few", "--output-dir", folder, "--largest-test-type", 0.5, "--test-share")
    shell(folder, "statistics_from_structures.py", "few.jsonl.gz", *made, 0.5)
    (folder / "few.json").write_text(json.dumps(CONFIG))
    shell(folder, "spectra_from_config.py", "--config", "few.json")
    return folder


def test_the_test_has_types_that_are_counted_nowhere(place):
    counted = statistics.load(place / "few.npz")
    assert set(counted.groups) == {group for group, _ in STRUCTURES}
    assert 0 < len(counted.tests) < len(counted.groups) + len(counted.tests)
    data = dataset.load(place / "datasets", "few")
    assert len(data.y["test"]) == len(counted.tests)


def test_a_crystal_without_a_line_on_the_axis_is_drawn_again(place, monkeypatch):
    monkeypatch.chdir(place)
    definitions = dataset.load(place / "datasets", "few").definitions
    narrow = definitions.parsed({**definitions.content(), "two_theta": [10.0, 35.0]}, "narrow")
    source = sources.stream(narrow)
    spectra, labels = source.batch(0, 0, 0, 200)
    assert (spectra.max(axis=1) == 1).all()
    crystals = source.generator.draw(source._seed(crystal_patterns.ENDLESS, 0), 0, np.arange(200))
    assert (compiled.patterns(crystals, np.full(200, 50.0), source.grid).max(axis=1) == 0).any()
    # whatever the batches
    again = [source.batch(0, 0, start, start + 50) for start in range(0, 200, 50)]
    assert np.array_equal(np.concatenate([one for one, _ in again]), spectra)
    assert np.array_equal(np.concatenate([one for _, one in again]), labels)


@pytest.mark.slow
def test_a_run_on_random_crystals_continues_to_the_bit(shell, place, tmp_path):
    done = shell(place, "train.py", *TRAINED, "--runs-dir", tmp_path / "pieces", "--time-budget", 1)
    assert "waiting_seconds" in done.stderr
    done = shell(
        place, "train.py", *TRAINED, "--runs-dir", tmp_path / "pieces", "--drawing-threads", 2
    )
    assert "continues after epoch" in done.stderr
    shell(place, "train.py", *TRAINED, "--runs-dir", tmp_path / "whole")
    whole = outcome(tmp_path / "whole" / "few" / NAME)
    assert outcome(tmp_path / "pieces" / "few" / NAME) == whole
    for row in whole["history"]:
        assert row["accuracy"] <= row["top5_accuracy"] <= 1
        assert row["val_accuracy"] <= row["val_top5_accuracy"] <= 1


@pytest.mark.slow
def test_a_run_that_is_killed_within_an_epoch_continues_to_the_bit(shell, place, tmp_path):
    flags = (*TRAINED, "--batch-size", 1, "--state-share", 1)
    killed = (*flags, "--runs-dir", tmp_path / "killed")
    command = [sys.executable, ROOT / "train.py", *map(str, killed)]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True) as training:
        # the third and last epoch has 96 steps
        assert any("epoch 2:" in line for line in training.stderr)
        training.kill()
    folder = tmp_path / "killed" / "few" / NAME
    assert training.returncode == -9 and not (folder / "summary.json").exists()
    done = shell(place, "train.py", *killed)
    assert "continues after epoch" in done.stderr
    shell(place, "train.py", *flags, "--runs-dir", tmp_path / "whole")
    assert outcome(folder) == outcome(tmp_path / "whole" / "few" / NAME)


@pytest.mark.slow
def test_a_network_tells_the_space_group_of_a_file(shell, place, tmp_path):
    shell(place, "train.py", *TRAINED, "--runs-dir", tmp_path)
    angles = np.arange(10, 80, 0.02)
    counts = sum(np.exp(-0.5 * ((angles - line) / 0.05) ** 2) for line in (31.7, 45.4, 66.2))
    rows = (f"{angle:.2f} {1000 * count:.2f}" for angle, count in zip(angles, counts, strict=True))
    (place / "a.xy").write_text("\n".join(rows))
    flags = ("--space-group", "--config", "few.json", "--runs-dir", tmp_path, "--format", "json")
    done = shell(place, "identify.py", "a.xy", *flags, "--wavelength", 1.5406)
    (answer,) = json.loads(done.stdout)
    named = [one["space_groups"] for one in answer["best"]]
    assert len(named) == 5 and {group for groups in named for group in groups} <= {
        group for group, _ in STRUCTURES
    }
    assert 0 < sum(one["probability"] for one in answer["best"]) <= 1.00001
    run = outcome(tmp_path / "few" / NAME)
    ranks = np.array(run["predictions"]["test_ranks"])
    assert answer["accuracy"] == {
        "classes": len(STRUCTURES),
        "test_spectra": len(ranks),
        "test_top_1": len(ranks) - run["summary"]["test_misclassified"],
        "test_top_5": int((ranks <= 5).sum()),
    }


@pytest.fixture(scope="module")
def study(shell, place):
    """Arguments of the study, and what it printed."""
    arguments = (
        "few.jsonl.gz", *FLAGS, "--spectra", 96, "--learning-rate", 0.01, "--copies", 3,
    )  # fmt: skip
    return arguments, shell(place, "studies/space_groups.py", *arguments)


@pytest.mark.slow
def test_the_study_has_a_row_for_each_kind_of_training(place, study):
    _, done = study
    table = results.read(place / "output" / "results", "few", "trained_on").trained_on
    assert table.trained_on.tolist() == [
        "random_crystals", "real_structures", "real_structures_random_split",
    ]  # fmt: skip
    assert (table.test_top_5 >= table.test_top_1).all()
    assert (table.test_top_1 == table.test_spectra - table.test_misclassified).all()
    assert "top 5 in %" in done.stdout

    # the first two have one test set, the types of which no training has
    data = {
        name: dataset.load(place / "datasets" / folder, "few")
        for name, folder in zip(
            table.trained_on, ("", *(f"trained_on/{name}" for name in table.trained_on[1:])),
            strict=True,
        )
    }  # fmt: skip
    tests = [one.y["test"].tolist() for one in data.values()]
    assert tests[0] == tests[1] != tests[2]
    counted = statistics.load(place / "few.npz")
    assert len(data["real_structures"].y["train"]) % 3 == 0
    by_types = data["real_structures"]
    assert len(by_types.y["train"]) / 3 + len(by_types.y["val"]) == len(counted.groups)
    everything = len(counted.groups) + len(counted.tests)
    at_random = data["real_structures_random_split"]
    n_trained = len(at_random.y["train"]) / 3 + len(at_random.y["val"])
    assert n_trained == round(0.5 * everything) == everything - len(at_random.y["test"])


@pytest.mark.slow
def test_the_tables_of_the_study_follow_from_predictions(place, study, monkeypatch):
    monkeypatch.chdir(place)
    found = results.read(place / "output" / "results", "few", "tested_on")
    table, groups = found.tested_on, found.crystal_groups
    sets = table.groupby("trained_on", sort=False).test_set.unique().map(list).to_dict()
    changed = ["random_coordinates", "random_lattices", "random_both"]
    assert sets == {
        "random_crystals": ["unseen_types", "random_crystals", *changed],
        "real_structures": ["unseen_types", "random_crystals", *changed],
        "real_structures_random_split": ["random_split", "random_crystals"],
    }
    for name, own in (("random_crystals", "unseen_types"),
                      ("real_structures_random_split", "random_split")):  # fmt: skip
        rows = table[(table.trained_on == name) & (table.test_set == own)].set_index("top")
        (run,) = (place / "runs" / "trained_on" / name / "few").iterdir()
        with np.load(run / "predictions.npz") as kept:
            ranks = kept["test_ranks"]
        for k in (1, 2, 3, 4, 5):
            assert rows.correct[k] == (ranks <= k).sum()
            assert rows.share[k] == pytest.approx((ranks <= k).mean(), abs=1e-6)
            assert rows.lower[k] <= rows.share[k] <= rows.upper[k]
            assert rows.type_lower[k] <= rows.type_mean[k] <= rows.type_upper[k]
        for what in ("crystal_system", "volume", "sites"):
            of = groups[(groups.trained_on == name) & (groups.test_set == own)]
            of = of[of.property == what]
            assert of.test_spectra.sum() == len(ranks)
            assert of.test_top_1.sum() == (ranks == 1).sum()
            assert of.test_top_5.sum() == (ranks <= 5).sum()

    # the validation of random crystals is what a run on random crystals has predicted itself
    run = next((place / "runs" / "trained_on" / "random_crystals" / "few").iterdir())
    with np.load(run / "predictions.npz") as kept:
        val_ranks = kept["val_ranks"]
    rows = table[(table.trained_on == "random_crystals") & (table.test_set == "random_crystals")]
    assert rows.correct.tolist() == [(val_ranks <= k).sum() for k in (1, 2, 3, 4, 5)]

    # types of the real tests: those of the structures
    counted = statistics.load(place / "few.npz")
    kinds = wyckoff.kinds(counted.tests)
    one = table[(table.test_set == "unseen_types") & (table.top == 1)]
    assert (one.types == len(set(kinds))).all()
    ranks = np.load(run / "predictions.npz")["test_ranks"]
    tests = sources.stream(dataset.load(place / "datasets", "few").definitions).tests
    right = {}
    for kind, rank in zip(wyckoff.kinds(tests), ranks, strict=True):
        right.setdefault(kind, []).append(rank == 1)
    mean = np.mean([np.mean(of_kind) for of_kind in right.values()])
    assert one.type_mean.iloc[0] == pytest.approx(mean, abs=1e-6)

    # a row per epoch
    curve = found.learning_curve
    for name, rows in curve.groupby("trained_on"):
        runs = found.trained_on[found.trained_on.trained_on == name]
        assert rows.epoch.tolist() == list(range(1, int(runs.trained_epochs.iloc[0]) + 1))
        assert rows.spectra_seen.iloc[-1] == runs.spectra_seen.iloc[0]


@pytest.mark.slow
def test_the_study_evaluates_what_is_finished_alone(shell, place, study):
    arguments, done = study
    evaluated = shell(place, "studies/space_groups.py", *arguments, "--evaluate-only")
    assert evaluated.stdout == done.stdout
    assert "tested:" not in evaluated.stderr
    # what was tested with another network is tested again
    run = next((place / "runs" / "trained_on" / "random_crystals" / "few").iterdir())
    with np.load(run / "tested.npz") as kept:
        arrays = {name: kept[name] for name in kept.files}
    np.savez(run / "tested.npz", **arrays | {"about": np.array("another run")})
    evaluated = shell(place, "studies/space_groups.py", *arguments, "--evaluate-only")
    assert evaluated.stdout == done.stdout
    assert evaluated.stderr.count("tested:") == 1
    (run / "tested.npz").write_bytes(b"damaged")
    refused(shell(place, "studies/space_groups.py", *arguments, "--evaluate-only", check=False),
            "tested.npz")  # fmt: skip
    (run / "tested.npz").unlink()


@pytest.mark.slow
def test_the_study_skips_what_is_finished_and_refuses_other_structures(shell, place, study):
    arguments, _ = study
    again = shell(place, "studies/space_groups.py", *arguments)
    assert again.stderr.count("1 runs, 1 of them finished already") == 3
    done = shell(place, "studies/space_groups.py", *arguments[1:], place / "few.jsonl.gz",
                 "--datasets-dir", "elsewhere", check=False)  # fmt: skip
    refused(done, "elsewhere", "spectra_from_config.py")
    done = shell(place, "studies/space_groups.py", *arguments, "--trained-on", "x", check=False)
    refused(done, "'x'", "random_crystals")


@pytest.mark.slow
def test_actors_draw_what_one_process_draws_and_one_may_be_lost(shell, place, tmp_path):
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="requirements-optional.txt")
    epochs = "--epochs", 40, "--stopping-patience", 40
    shell(place, "train.py", *TRAINED, *epochs, "--runs-dir", tmp_path / "here")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        second = cluster.add_node(num_cpus=1)
        where = ("--ray", cluster.address, "--ray-cpus", 1, "--ray-actors", 2)
        flags = (*TRAINED, *epochs, "--runs-dir", tmp_path / "ray", *where)
        command = [sys.executable, ROOT / "train.py", *map(str, flags)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, cwd=place, **pipes) as training:
            folder = tmp_path / "ray" / "few" / NAME
            while not (folder / "history.csv").exists():
                assert training.poll() is None, training.communicate()
                time.sleep(0.05)
            cluster.remove_node(second, allow_graceful=False)
            shown, _ = training.communicate(timeout=600)
        assert training.returncode == 0, shown
        assert "an actor is lost" in shown or "continues after epoch" in shown
        assert outcome(folder) == outcome(tmp_path / "here" / "few" / NAME)
    finally:
        cluster.shutdown()


@pytest.mark.slow
def test_actors_need_a_cluster(shell, place, tmp_path):
    flags = (*TRAINED, "--runs-dir", tmp_path, "--ray-actors", 2)
    refused(shell(place, "train.py", *flags, check=False), "--ray-actors", "--ray")


@pytest.mark.slow
def test_the_same_on_jax():
    pytest.importorskip("jax", reason="pip install -r requirements-optional.txt")
    chosen = ("-m", "", "-k", "to_the_bit or may_be_lost")
    command = [sys.executable, "-m", "pytest", "-n0", "-q", __file__, *chosen]
    variables = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout

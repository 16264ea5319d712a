"""Classical learners are runs like those of networks: fitted once, counted, compared; what needs a
network says that they have none."""

import json

import numpy as np
import pytest
from conftest import EXAMPLE, refused

from studies import classical_baselines
from synthetic_spectra.analysis import results, trained
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.machine import PeakMemory
from synthetic_spectra.spectra import dataset

STUDY = "studies/classical_baselines.py"


@pytest.fixture(scope="module")
def fitted(shell, example, tmp_path_factory):
    """A folder with runs of all learners on the example, and the flags that find them."""
    folder = tmp_path_factory.mktemp("fitted")
    flags = (*EXAMPLE, "--datasets-dir", example / "datasets")
    done = shell(folder, STUDY, *flags, "--seeds", "0", "1")
    assert "0 of 7 runs finished" in done.stderr
    return folder, flags


def test_the_default_is_every_learner():
    assert classical_baselines.Settings().learners == tuple(classical_baselines.LEARNERS)


def test_learners_stand_beside_networks_in_the_tables(shell, fitted):
    folder, flags = fitted
    shell(folder, "evaluate.py", *flags, "--wandb", "disabled", "--tables", "summary", "topk")
    found = results.read(folder / "output" / "results", "example")
    runs = found.runs.set_index("model")
    assert set(runs.index) == set(classical_baselines.LEARNERS)
    # the seed changes a forest and nothing else
    assert runs.index.value_counts().loc["random_forest"] == 2 and len(runs) == 7
    assert (runs.test_top_1 == runs.test_spectra - runs.test_misclassified).all()
    assert runs.outcome["random_forest"].tolist() == ["converged"] * 2
    assert set(runs.backend) == {"scikit-learn"}
    assert (runs.gigabytes >= 0).all()
    # pairs of learners are tested like pairs of networks
    tested = found.differences.p_mcnemar.notna()
    assert len(tested) == 15
    assert (tested == (found.differences.runs_a == found.differences.runs_b)).all()


def test_a_finished_learner_is_skipped_and_an_interrupted_one_is_fitted_again(shell, fitted):
    folder, flags = fitted
    run = folder / "runs" / "example" / "cosine-none-0"
    before, summary = (run / "predictions.npz").read_bytes(), (run / "summary.json").read_text()
    # killed before its end
    (run / "summary.json").unlink()
    (run / "predictions.npz").write_bytes(before[:50])
    done = shell(folder, STUDY, *flags, "--seeds", "0", "1")
    assert "6 of 7 runs finished" in done.stderr
    assert (run / "predictions.npz").read_bytes() == before
    assert json.loads((run / "summary.json").read_text()).keys() == json.loads(summary).keys()


def test_a_smaller_sample_is_another_run(shell, fitted):
    folder, flags = fitted
    chosen = ("--learners", "nearest_neighbours", "--n-fitted", "5", "--seeds", "0", "1")
    shell(folder, STUDY, *flags, *chosen, "--runs-dir", folder / "smaller")
    for seed in (0, 1):
        assert (folder / f"smaller/example/nearest_neighbours-n_fitted=5-none-{seed}").is_dir()


def test_the_drawn_spectra_are_as_many_of_each_class_and_nested():
    labels = np.random.default_rng(1).permutation(np.repeat([0, 1, 2], [7, 5, 9]))
    rows = classical_baselines.sample(labels, 4, 0)
    assert np.bincount(labels[rows]).tolist() == [4, 4, 4] and len(set(rows)) == 12
    assert set(classical_baselines.sample(labels, 2, 0)) < set(rows)
    assert set(classical_baselines.sample(labels, 4, 1)) != set(rows)
    assert classical_baselines.sample(labels, None, 0).tolist() == list(range(21))


def test_cosine_is_the_similarity_to_the_mean_of_a_class():
    spectra = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 2.0]])
    cosine = classical_baselines.Cosine(1, 0)
    cosine.fit(spectra, np.array([0, 0, 4]))
    found = cosine.predict_proba(np.array([[3, 3, 0], [1, 0, 1.0]]))
    assert cosine.classes_.tolist() == [0, 4]
    np.testing.assert_allclose(found, [[1, 0], [0.5, 1 / np.sqrt(2)]])


@pytest.mark.parametrize(("n_per_class", "neighbours"), [(72, 140), (50, 97), (0.1, 1)])
def test_neighbours_grow_with_the_spectra_of_a_class(n_per_class, neighbours):
    learner = classical_baselines.nearest_neighbours(n_per_class, 0)
    assert learner.n_neighbors == neighbours


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--learners", "oracle"), ("'oracle'", "naive_bayes")),
        (("--n-fitted", "1000"), ("--n-fitted 1000", "expected at most 50")),
    ],
)
def test_what_cannot_be_fitted_is_refused(shell, fitted, tmp_path, flags, words):
    refused(shell(tmp_path, STUDY, *fitted[1], *flags, check=False), *words)
    assert not list(tmp_path.iterdir())


def test_what_needs_a_network_says_that_a_learner_has_none(shell, example, fitted, capsys):
    folder, _ = fitted
    data = dataset.load(example / "datasets", "example")
    runs, _ = trained.choose(folder / "runs", data)
    with pytest.raises(InputError, match=r"cosine-none-0/model\.keras: .* no network to ask"):
        trained.load(next(run for run in runs if run.identity.model == "cosine"))
    with pytest.raises(InputError, match="no run of a network; train first"):
        trained.choose_networks(folder / "runs", data)
    assert "left out, as they have no network: cosine-none-0" in capsys.readouterr().err


def test_memory_is_measured_in_its_context():
    with PeakMemory() as memory:
        ones = np.ones(2**24)
        del ones
    if memory.used is not None:
        assert 2**26 < memory.used < 2**29

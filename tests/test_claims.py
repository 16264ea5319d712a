"""The published claims beside the project's results: their tables, and the study of the moving
averages of batch normalisation."""

import shutil

import pandas as pd
import pytest
from conftest import EXAMPLE, refused

from figures import plot_batch_statistics
from studies import batch_statistics
from synthetic_spectra.analysis import claims, results
from synthetic_spectra.training.run import Identity

PUBLISHED = results.read_published()
CNN2 = Identity("cnn2", "linear", seed=0)


def table(*runs, config="challenge"):
    """The ``Results`` of runs, pairs of an ``Identity`` and the misclassified test spectra."""
    found = results.Results("nowhere", config)
    rows = [one.columns() | {"seed": one.seed, "test_misclassified": n} for one, n in runs]
    columns = {"train_misclassified": 9, "val_misclassified": 4, "trained_epochs": 60}
    columns |= {"minutes": 5.0, "device": "a machine", "best_epoch": 35}
    found.runs = pd.DataFrame(rows).assign(config=config, **columns)
    return found


def test_runs_beside_the_published_range():
    """Published are 59, 59, 62, 66 and 69."""
    runs = [(Identity("cnn2", "linear", seed=seed), n) for seed, n in enumerate((50, 52, 60))]
    (line,) = claims.ranges(table(*runs), PUBLISHED).to_dict("records")
    assert line["published"] == "63.0 (59–69)" and line["ours"] == "54.0 (50–60)"
    assert line["runs outside"] == "2 of 3" and line["mean outside by"] == "-5.0"
    low, high = map(float, line["95 % interval"].split(" to "))
    assert line["difference"] == "-9.0" and low < -9 < high < 2
    # a mean inside, a single run, and a network that nobody published
    within = table((CNN2, 63), (Identity("vgg", "relu", seed=0), 40))
    (line,) = claims.ranges(within, PUBLISHED).to_dict("records")
    assert line["runs outside"] == "0 of 1"
    assert line["mean outside by"] == line["95 % interval"] == ""


def test_the_study_is_covered_by_seeds_and_machines():
    other = Identity("cnn2", "linear", precision="mixed_bfloat16", seed=3)
    not_published = Identity("cnn2", "linear", {"dropout": 0.5}, seed=4)
    found = table((CNN2, 60), (other, 61), (not_published, 62))
    networks = [Identity("cnn2", "linear"), Identity("cnn3", "relu")]
    first, second = claims.coverage(found, networks).to_dict("records")
    assert (first["seeds in float32"], first["seeds in mixed_bfloat16"]) == ("0", "3")
    assert (first["missing"], second["missing"], second["minutes a run"]) == ("4", "5", "")
    assert first["minutes a run"] == "5 (a machine, float32); 5 (a machine, mixed_bfloat16)"
    (line,) = claims.settled(found, lambda one: "dropout" in one.model_args).to_dict("records")
    assert line["network"] == "cnn2 dropout=0.5 linear" and line["seeds"] == "4"


def test_the_record_agrees_with_its_tables():
    """Errors by cause add up to all errors, whichever table they are taken from."""
    found = results.Results(results.RECORD, "challenge")
    by_network = {network.label: runs for network, runs in results.by_network(found.runs)}
    ranking = claims.ranking(found).set_index("network").astype(float)
    for label, line in ranking.drop("Bayes-optimal, ties at random").iterrows():
        assert line["all"] == pytest.approx(by_network[label].test_misclassified.mean(), abs=0.05)
        assert line[["minor peak", "position", "height"]].sum() == pytest.approx(
            line["all"], abs=0.2
        )
    wrong = (1 - found.ceiling.expected_random).sum()
    assert ranking.loc["Bayes-optimal, ties at random", "all"] == pytest.approx(wrong)
    causes = claims.causes(found).set_index("network")
    for label, line in causes.iterrows():
        parts = line[["minor peak", "position", "height", "other"]].astype(float).sum()
        assert parts == pytest.approx(by_network[label].test_misclassified.mean(), abs=0.2)


def test_what_relu_saves_is_the_difference_of_means():
    found = results.Results(results.RECORD, "challenge")
    gains = claims.activations(found, PUBLISHED).set_index("network")
    in_print = PUBLISHED[(PUBLISHED.config == "challenge") & (PUBLISHED.model == "cnn3")]
    means = in_print.groupby("hidden_activation").value.mean()
    published, ours = gains.loc["cnn3 mixed_bfloat16", ["published", "ours"]]
    assert published.startswith(f"{means.linear - means.relu:+.1f} (")
    runs = found.runs[(found.runs.model == "cnn3") & ~found.runs.online]
    means = runs.groupby("hidden_activation").test_misclassified.mean()
    assert ours.startswith(f"{means.linear - means.relu:+.1f} (")
    assert gains.published["vgg mixed_bfloat16"] == ""


@pytest.fixture(scope="module")
def normalized(shell, example):
    """The example with runs of a network with batch normalisation and of one without."""
    train = ("train.py", *EXAMPLE, "--seeds", 1, "--epochs", 1, "--wandb", "disabled")
    shell(example, *train, "--models", "cnn_bn", "cnn_bn_mod", "--model-args", "dense=[4]")
    return example


@pytest.mark.slow
def test_statistics_of_training_spectra_in_place_of_moving_averages(shell, normalized):
    study = ("studies/batch_statistics.py", *EXAMPLE)
    done = shell(normalized, *study)
    found = results.Results(normalized / results.MADE, "example")
    first = found.batch_statistics
    assert list(first.statistics) == [batch_statistics.MOVING, batch_statistics.TRAINING]
    assert list(first.model) == ["cnn_bn"] * 2, "a network without batch normalisation has no row"
    shell(normalized, "evaluate.py", *EXAMPLE, "--wandb", "disabled")
    runs = found.runs[found.runs.model == "cnn_bn"]
    counts = ["test_misclassified", "val_misclassified", "train_misclassified"]
    assert runs[counts].to_numpy().tolist() == first[:1][counts].to_numpy().tolist()
    assert " → " in done.stderr and "best epoch" in done.stdout

    # rows of another machine stay where they are to be kept
    results.write(found.folder, "example", {"batch_statistics": first.assign(model="resnet")})
    shell(normalized, *study, "--keep")
    again = results.Results(found.folder, "example").batch_statistics
    assert list(again.model) == ["cnn_bn"] * 2 + ["resnet"] * 2
    axes = plot_batch_statistics.draw(again, "example").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        f"{model} dense=[4] {rest}, seed 1, best epoch {first.best_epoch[0]}"
        for model, rest in (("cnn_bn", "linear"), ("resnet", "linear"))
    ]

    # without any such network
    shutil.rmtree(normalized / "runs" / "example" / "cnn_bn-dense=[4]-linear-1")
    refused(shell(normalized, *study, check=False), "no run has batch normalisation")

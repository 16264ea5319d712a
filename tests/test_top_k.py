"""Ranks of the true classes: of ties, kept by runs, counted in tables, absent from old ones."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from known_networks import by_height
from test_evaluate import finish

from figures import plot_top_k
from synthetic_spectra.analysis import results, tables
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training.outcome import TOP, classified, top


def test_the_rank_is_the_place_in_the_order_of_probability():
    rng = np.random.default_rng(0)
    probabilities = rng.random((200, 300))
    labels = rng.integers(300, size=200)
    found = classified(probabilities, labels, "val")
    order = (-probabilities).argsort(axis=1)
    assert found["val"].tolist() == order[:, 0].tolist()
    places = [row.tolist().index(label) + 1 for row, label in zip(order, labels, strict=True)]
    assert found["val_ranks"].tolist() == places
    assert found["val_ranks"].dtype == "uint16"


@pytest.mark.parametrize(
    ("probabilities", "label", "rank"),
    [
        ([0.5, 0.5, 0], 0, 1),  # the first of two is predicted
        ([0.5, 0.5, 0], 1, 2),
        ([1, 0, 0, 0], 1, 4),  # a class without a vote is not the second of four
        ([0.2, np.nan, 0.8], 2, 2),
        ([0.2, np.nan, 0.8], 0, 3),
    ],
)
def test_a_class_that_others_equal_stands_behind_them(probabilities, label, rank):
    found = classified(np.array([probabilities]), np.array([label]), "test")
    assert found["test_ranks"].tolist() == [rank]


def test_evaluate_counts_kept_ranks_and_leaves_old_runs_without(shell, example, tmp_path):
    data = dataset.load(example / "datasets", "example")
    labels = data.y["test"]
    old = finish(tmp_path / "runs", data, "cnn2", n_wrong=2)
    new = finish(tmp_path / "runs", data, "vgg")
    right = np.eye(data.definitions.n_classes)[labels]
    # the first two spectra have their class in the second place
    right[:2] = 1 - right[:2] + 0.5 * right[:2]
    kept = {split: new.predictions()[split] for split in ("train", "val")}
    new.save_predictions(kept | classified(right, labels, "test"))
    assert set(top(old.predictions()).values()) == {None}

    done = shell(
        *(tmp_path, "evaluate.py", "--config", ROOT / "dataset_configs" / "example.json"),
        *("--datasets-dir", example / "datasets", "--runs-dir", tmp_path / "runs"),
        *("--wandb", "disabled", "--tables", "topk", "--format", "csv"),
    )
    table = results.read(tmp_path / "output" / "results", "example").runs
    counts = table.set_index("model")[list(TOP.values())]
    assert counts.loc["cnn2"].isna().all()
    old_alone = table[table.model == "cnn2"]
    results.write(tmp_path / "old", "example", {"runs": old_alone})
    with pytest.raises(InputError, match="no ranks"):
        plot_top_k.ranked(results.read(tmp_path / "old", "example"), "example")
    n = len(labels)
    assert counts.loc["vgg"].tolist() == [n - 2, n, n, n, n]
    text = (tmp_path / "output" / "results" / "example.csv").read_text()
    assert f",{n - 2},{n},{n},{n},{n}," in text, "an empty cell beside them makes no fractions"
    assert (
        done.stdout.splitlines()[0] == "model,hidden_activation,runs,top 1,top 2,top 3,top 4,top 5"
    )


def test_a_network_gives_ranks(example):
    from synthetic_spectra.training import batches

    data = dataset.load(example / "datasets", "example")
    found = batches.predictions(by_height(), data)
    assert set(found) == {name for split in data.y for name in (split, f"{split}_ranks")}
    for split, labels in data.y.items():
        assert ((found[f"{split}_ranks"] == 1) == (found[split] == labels)).all()
        assert set(found[f"{split}_ranks"]) <= {1, 2}


def test_tables_from_before_ranks_were_kept_show_nothing():
    record = results.Results(results.RECORD, "benchmark").runs
    old = record.drop(columns=record.columns.intersection(list(TOP.values())))
    shown = tables.top(old)
    assert isinstance(shown, pd.DataFrame) and set(shown["top 5"]) == {"–"}

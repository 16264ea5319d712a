"""The study of space groups: networks of random crystals and of real structures, their tables."""

import numpy as np
import pytest
from conftest import refused
from few_structures import FLAGS, make

from synthetic_spectra.analysis import results
from synthetic_spectra.crystals import statistics, wyckoff
from synthetic_spectra.spectra import dataset, sources


@pytest.fixture(scope="module")
def place(shell, tmp_path_factory):
    """A folder with structures of six space groups, their statistics and a rendered dataset."""
    folder = tmp_path_factory.mktemp("space_groups")
    make(folder, shell)
    return folder


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
    assert done.stdout.count("| trained on") == 3

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
    assert again.stderr.count("1 of 1 runs finished already") == 3
    done = shell(place, "studies/space_groups.py", *arguments[1:], place / "few.jsonl.gz",
                 "--datasets-dir", "elsewhere", check=False)  # fmt: skip
    refused(done, "elsewhere", "spectra_from_config.py")
    done = shell(place, "studies/space_groups.py", *arguments, "--trained-on", "x", check=False)
    refused(done, "'x'", "random_crystals")

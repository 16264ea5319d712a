"""Why classes are confused, and the tables of the results."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, own_results

from synthetic_spectra.analysis import confusions, results, statistics, tables
from synthetic_spectra.analysis.ceiling import ceiling
from synthetic_spectra.spectra import config

NETWORK = {
    "model_args": "",
    "hidden_activation": "relu",
    "online": False,
    "ema_momentum": 0.0,
    "feature_scaling": False,
    "precision": "float32",
}
# npj Comput. Mater. 9, 100 (2023): the pairs that the networks confuse on the general benchmark,
# and why
PUBLISHED_CAUSES = {
    (246, 382): "minor peak",
    (8, 318): "position",
    (164, 281): "height",
    (219, 347): "height",
}


def resolved(name):
    return config.load(config.find(name)).resolved()


@pytest.mark.parametrize(("pair", "cause"), PUBLISHED_CAUSES.items())
def test_the_rule_gives_the_published_causes(pair, cause):
    assert confusions.cause(resolved("benchmark"), *pair) == cause
    assert confusions.cause(resolved("benchmark"), *pair[::-1]) == cause


def test_the_rule_gives_what_the_groups_of_the_challenge_are_named_after():
    definitions = resolved("challenge")
    for first in range(0, 27, 3):
        group = definitions.spectra[str(first)].group
        for a, b in ((first, first + 1), (first + 1, first + 2)):
            assert group.startswith(confusions.cause(definitions, a, b)), (a, b)
    assert confusions.cause(definitions, 0, 26) == "other"


def test_pairs_are_counted_whichever_class_is_the_true_one():
    labels, predicted = np.array([1, 2, 2, 3, 0]), np.array([2, 1, 2, 0, 0])
    assert confusions.pairs(labels, predicted) == {(1, 2): 2, (0, 3): 1}
    assert confusions.pairs(labels, labels) == {}


def test_undecidable_spectra_by_pair():
    found = confusions.rivals(ceiling(resolved("benchmark")))
    assert found == {(8, 318): 6, (164, 281): 8}


def test_groups_with_their_cause_and_the_accuracy_of_the_bayes_optimal_classifier():
    """Also a group of a single class, which has no pair to be confused."""
    definitions = resolved("challenge")
    content = definitions.content()
    content["spectra"]["26"]["group"] = "alone"
    definitions = config.parse(content, "a test")
    limit = ceiling(definitions)
    runs = pd.DataFrame({"model": ["a"], **NETWORK})
    labels = limit.label.to_numpy()
    predicted = labels.copy()
    predicted[predicted == 1] = 0
    table = confusions.group_accuracies(runs, predicted[None], labels, definitions, limit)
    table = table.set_index(["group", "cause"])
    assert len(table) == 10 + 4
    assert table.accuracy["minor peak 1", "minor peak"] == pytest.approx(2 / 3)
    assert table.accuracy["all", "minor peak"] == pytest.approx(8 / 9)
    assert table.accuracy["alone", "other"] == 1
    assert table.expected_random["position 1", "position"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", ["challenge", "benchmark"])
def test_the_page_shows_the_committed_results(name):
    """Made by: python evaluate.py --config <name> --results-only --format markdown."""
    if own_results():
        pytest.skip("results/ were made anew here")
    readme = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    found = results.Results(results.RECORD, name)
    table = tables.networks(found.runs, results.read_published(), found.ceiling)
    assert tables.write(table, "markdown") in readme


def test_tables():
    found, published = results.Results(results.RECORD, "challenge"), results.read_published()
    table = tables.networks(found.runs, published, found.ceiling)
    assert list(table.model[-2:]) == [
        "Bayes-optimal, ties at random",
        "Bayes-optimal, ties to the nearest class",
    ]
    assert list(table.misclassified[-2:]) == ["36", "0"]
    runs = tables.runs(found.runs, published)
    assert list(runs.test) == list(found.runs.test_misclassified.astype("Int64"))
    ours = found.runs[(found.runs.model == "cnn2") & (found.runs.precision == "float32")]
    median = 100 * (1 - ours[ours.hidden_activation == "relu"].test_misclassified.median() / 162)
    medians = tables.medians(ours, published).set_index("hidden_activation")["median accuracy"]
    assert medians["relu"] == f"{median:.1f} %"
    for form, part in (
        ("text", "runs"),
        ("markdown", "| runs"),
        ("csv", "runs\n"),
        ("latex", "\\begin{tabular}"),
    ):
        assert part in tables.write(medians.reset_index().assign(runs=1), form)
    assert tables.write(pd.DataFrame(), "latex") == "nothing to show"
    assert tables.write(None, "text") == "nothing to show"


def test_published_runs_stand_beside_ours_of_every_precision():
    """Of the general benchmark the published runs are known by their seeds."""
    published = results.read_published()
    theirs = published[
        (published.config == "benchmark") & (published.quantity == "test_misclassified")
    ].iloc[0]
    ours = results.Results(results.RECORD, "benchmark").runs.head(1)
    same = ours.assign(**theirs[["config", "model", "hidden_activation", "seed"]])
    for precision in ("float32", "mixed_bfloat16"):
        table = tables.runs(same.assign(precision=precision), published)
        assert table["published test"][0] == theirs.value
    assert np.isnan(tables.runs(same.assign(online=True), published)["published test"][0])


@pytest.mark.parametrize("n", [(2, 2), (5, 2), (3, 3), (5, 5)])
def test_an_interval_holds_the_true_difference_in_more_than_90_of_100_cases(n):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(500):
        low, high = statistics.interval(rng.normal(60, 6, n[0]), rng.normal(50, 6, n[1]))
        held += low <= 10 <= high
    assert 0.9 * 500 <= held <= 0.99 * 500


def test_runs_that_do_not_vary_have_an_interval_of_no_width():
    assert statistics.interval(np.array([36, 36]), np.array([6, 6, 6])) == (30, 30)


def test_differences_are_told_from_chance():
    """Two networks of three runs that differ by ten spectra, and one that equals the first in other
    spectra."""
    rng = np.random.default_rng(0)
    runs = pd.DataFrame({"model": list("aaabbbccc"), **NETWORK})
    correct = np.ones((9, 100), bool)
    correct[3:6, :10] = False
    for i in (0, 1, 2, 6, 7, 8):
        correct[i, rng.choice(np.arange(20, 100), 2, replace=False)] = False
    runs["test_misclassified"] = (~correct).sum(axis=1)
    earlier = statistics.differences(runs, dict(enumerate(correct)))
    table = earlier.set_index(statistics.PAIR)
    from_b = table.loc[("a relu", "b relu")]
    assert from_b.difference == -8 and from_b.upper < 0
    assert from_b.p_mcnemar == pytest.approx(2 * 0.5**10)
    assert from_b.right_only_a == 10 and from_b.right_only_b == 0
    from_c = table.loc[("a relu", "c relu")]
    assert from_c.difference == 0 and from_c.lower <= 0 <= from_c.upper
    assert from_c.p_mcnemar == 1
    # McNemar's test of runs that are not at hand any more is the earlier one
    at_hand = dict(list(enumerate(correct))[3:])
    pd.testing.assert_frame_equal(statistics.differences(runs, at_hand, earlier), earlier)
    assert statistics.differences(runs, {}).p_mcnemar.isna().all()
    # not where they are others now, nor for different numbers of runs
    retrained = runs.assign(test_misclassified=[*runs.test_misclassified[:3] + 1, *[2] * 6])
    now = statistics.differences(retrained, {}, earlier).set_index(statistics.PAIR)
    assert now.p_mcnemar.isna().all()
    fewer = statistics.differences(runs[1:], dict(enumerate(correct))).set_index(statistics.PAIR)
    assert fewer.p_mcnemar.isna().tolist() == [True, True, False]

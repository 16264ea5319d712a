"""Why classes are confused, and the tables of the results."""

import numpy as np
import pandas as pd
import pytest
from conftest import own_results

from evaluate import by_group
from figures import plot_results
from spectra_from_config import Settings, resolve
from synthetic_spectra.analysis import confusions, tables
from synthetic_spectra.analysis.ceiling import ceiling
from synthetic_spectra.spectra import config

# npj Comput. Mater. 9, 100 (2023): the pairs that the networks confuse on the general benchmark,
# and why
SAME = {
    "model_args": "",
    "hidden_activation": "relu",
    "online": False,
    "ema_momentum": 0.0,
    "precision": "float32",
}
PUBLISHED_CAUSES = {
    (246, 382): "minor peak",
    (8, 318): "position",
    (164, 281): "height",
    (219, 347): "height",
}


def resolved(name):
    return resolve(config.load(config.find(name)), Settings())


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


def test_groups_with_their_cause_and_what_a_perfect_learner_gets():
    """Also a group of a single class, which has no pair to be confused."""
    definitions = resolved("challenge")
    content = definitions.content()
    content["spectra"]["26"]["group"] = "alone"
    definitions = config.parse(content, "a test")
    limit = ceiling(definitions)
    results = pd.DataFrame({"model": ["a"], **SAME})
    predicted = limit.label.to_numpy().copy()
    predicted[predicted == 1] = 0
    table = by_group(
        results, predicted[None], limit.label.to_numpy(), definitions, limit
    ).set_index(["group", "cause"])
    assert len(table) == 10 + 4
    assert table.accuracy["minor peak 1", "minor peak"] == pytest.approx(2 / 3)
    assert table.accuracy["all", "minor peak"] == pytest.approx(8 / 9)
    assert table.accuracy["alone", "other"] == 1
    assert table.expected_random["position 1", "position"] == pytest.approx(2 / 3)


@pytest.fixture(scope="module")
def committed():
    """The committed results of the challenge, with the published ones and the ceiling."""
    ours, published = plot_results.read(plot_results.ROOT / "results" / "challenge.csv")
    return ours, published, pd.read_csv(plot_results.ROOT / "results" / "ceiling_challenge.csv")


@pytest.mark.parametrize("name", ["challenge", "benchmark"])
def test_the_readme_shows_the_committed_results(name):
    """Made by: python evaluate.py --config <name> --results-only --format markdown."""
    if own_results():
        pytest.skip("results/ were made anew here")
    readme = (plot_results.ROOT / "README.md").read_text(encoding="utf-8")
    limit = pd.read_csv(plot_results.ROOT / "results" / f"ceiling_{name}.csv")
    results = plot_results.read(plot_results.ROOT / "results" / f"{name}.csv")
    assert tables.write(tables.summary(*results, limit), "markdown") in readme


def test_tables(committed):
    ours, published, limit = committed
    summary = tables.summary(ours, published, limit)
    assert list(summary.model[-2:]) == [
        "perfect learner, ties at random",
        "perfect learner, ties to the nearest class",
    ]
    assert list(summary.misclassified[-2:]) == ["36", "0"]
    runs = tables.runs(ours, published)
    assert len(runs) == len(ours) and (runs.test == ours.test_misclassified.to_numpy()).all()
    # of the general benchmark the published runs are known by their seed
    theirs = published[
        (published.config == "benchmark") & (published.quantity == "test_misclassified")
    ].iloc[0]
    same = ours.head(1).assign(**theirs[["config", "model", "hidden_activation", "seed"]])
    for precision in ("float32", "mixed_bfloat16"):
        assert (
            tables.runs(same.assign(precision=precision), published)["published test"][0]
            == theirs.value
        )
    assert np.isnan(tables.runs(same.assign(online=True), published)["published test"][0])
    ours = ours[(ours.model == "cnn2") & (ours.precision == "float32")]
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


def test_differences_are_told_from_chance():
    """Two models of three runs that differ by ten spectra, and one that equals the first in other
    spectra."""
    rng = np.random.default_rng(0)
    results = pd.DataFrame({"model": list("aaabbbccc"), **SAME})
    correct = np.ones((9, 100), bool)
    correct[3:6, :10] = False
    for i in (0, 1, 2, 6, 7, 8):
        correct[i, rng.choice(np.arange(20, 100), 2, replace=False)] = False
    results["test_misclassified"] = (~correct).sum(axis=1)
    table = tables.differences(results, dict(enumerate(correct))).set_index(tables.BOTH)
    against_b, against_c = table.loc[("a relu", "b relu")], table.loc[("a relu", "c relu")]
    assert (
        against_b.difference == -8
        and against_b.upper < 0
        and against_b.p_mcnemar == pytest.approx(2 * 0.5**10)
    )
    assert against_b.right_only_a == 10 and against_b.right_only_b == 0
    assert (
        against_c.difference == 0
        and against_c.lower <= 0 <= against_c.upper
        and against_c.p_mcnemar == 1
    )
    # of runs that are not at hand any more, the test is the earlier one
    earlier = table.reset_index()
    without_a = tables.differences(results, dict(list(enumerate(correct))[3:]), earlier).set_index(
        tables.BOTH
    )
    pd.testing.assert_frame_equal(without_a, table)
    assert tables.differences(results, {}).p_mcnemar.isna().all()

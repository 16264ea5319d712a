"""Figures of result tables: every run is a dot beside the published ones and the ceiling."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from drawing import assert_drawn, run, try_odd_values

from figures import (
    plot_activations,
    plot_batch_statistics,
    plot_headline,
    plot_results,
    plot_robustness,
    plot_training_speed,
)
from synthetic_spectra.analysis import results
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.training.run import Identity

CHALLENGE = ROOT / "dataset_configs" / "challenge.json"


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The tables of a few runs of the challenge, in a folder."""
    folder = tmp_path_factory.mktemp("results")
    runs = [
        (Identity("cnn2", "linear", seed=0), 54),
        (Identity("cnn2", "linear", seed=1), 27),
        (Identity("cnn2", "linear", precision="mixed_bfloat16", seed=0), 40),
        (Identity("cnn2", "relu", online=True, ema_momentum=0.99, seed=0), 0),
        (Identity("vgg", "relu", seed=0), None),  # it diverged
    ]
    rows = [one.columns() | {"seed": one.seed, "test_misclassified": n} for one, n in runs]
    table = pd.DataFrame(rows).assign(config="challenge", test_spectra=162, train_misclassified=0)
    table["test_accuracy"] = 1 - table.test_misclassified / 162
    table = table.reindex(columns=list(results.TABLES["runs"].columns))
    results.write(folder, "challenge", {"runs": table})
    return folder


def dots(axes):
    """The places of all dots of a panel: a list of (x, y) for each call that drew some."""
    return [np.ma.filled(points.get_offsets(), np.nan).tolist() for points in axes.collections]


def test_activations_beside_published_and_ceiling(tables, tmp_path, capsys):
    output = tmp_path / "activations.png"
    flags = {"config": CHALLENGE, "results_dir": tables, "output": output}
    with pytest.raises(InputError, match=r"evaluate\.py --config challenge"):
        run(plot_activations, **flags | {"results_dir": tmp_path / "none"})
    run(plot_activations, **flags)
    assert_drawn(output)
    assert "studies/dataset_ceiling.py" in capsys.readouterr().err

    published = results.read_published()
    ceiling = results.Results(results.RECORD, "challenge").ceiling
    results.write(tables, "challenge", {"ceiling": ceiling})
    axes = plot_activations.draw(results.read(tables, "challenge"), published).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        *("cnn2", "cnn2 online ema_momentum 0.99"),
        *("cnn3", "cnn6", "inc3", "inc6", "vgg"),
    ]
    values = [[round(x, 2) for x, _ in places] for places in dots(axes)]
    theirs = published.query(
        "config == 'challenge' and model == 'cnn3' and hidden_activation == 'relu'"
    )
    theirs = theirs.value.sort_values(ascending=False)
    assert [66.67, 83.33] in values and [75.31] in values and [100.0] in values
    assert np.round(100 * (1 - theirs / 162), 2).tolist() in values
    levels = {
        line.get_label(): line.get_xdata()[0] for line in axes.get_lines() if len(line.get_xdata())
    }
    expected = pytest.approx(100 * ceiling.expected_random.mean())
    assert levels["ceiling, ties at random"] == expected


def test_results_beside_published(tables):
    axes = plot_results.draw(results.read(tables, "challenge"), results.read_published()).axes[0]
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels.count("cnn2 linear") == 1 and "cnn2 relu online ema_momentum 0.99" in labels
    # both precisions lie in the row of the network, one above the other
    places = {tuple(x for x, _ in some): some[0][1] for some in dots(axes) if some}
    in_row = [places[27.0, 54.0], places[(40.0,)]]
    assert np.allclose(in_row, labels.index("cnn2 linear"), atol=0.5) and in_row[0] < in_row[1]


def test_headline(tables, tmp_path):
    output = tmp_path / "headline.png"
    flags = {"results_dir": tables, "output": output}
    run(plot_headline, **flags, configs=(str(CHALLENGE),))
    assert_drawn(output)
    with pytest.raises(InputError, match=r"benchmark\.csv.*evaluate\.py --config benchmark"):
        run(plot_headline, **flags)

    published = results.read_published()
    one = {"challenge": results.read(tables, "challenge")}
    activations = plot_headline.row_activations(("cnn6", "vgg", "cnn2"), one, published)
    assert activations == {"cnn6": "relu", "vgg": "linear", "cnn2": "linear"}, "of the benchmark"
    runs = one["challenge"].runs.query("model == 'cnn2'")
    assert plot_headline.errors_of(runs, False).tolist() == [54, 27], "those with most seeds"
    assert plot_headline.errors_of(runs, True).tolist() == [0]

    axes = plot_headline.draw(one, published, activations, {"challenge": 27}).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        *("cnn6, relu", "vgg, linear", "cnn2, linear"),
    ]
    values = [[x for x, _ in places] for places in dots(axes)]
    assert [54, 27] in values and [40.5] in values
    theirs = published.query("config == 'challenge' and model == 'cnn6'")
    theirs = theirs[theirs.hidden_activation == "relu"].value.tolist()
    assert theirs in values and [np.mean(theirs)] in values
    # cnn6 has no run here, vgg neither runs here nor published values
    assert [text.get_text() for text in axes.texts if text.get_text()] == [
        *("no run yet", "not published", "no run yet"),
    ]


SCRIPTS = [
    *(plot_activations, plot_batch_statistics, plot_headline, plot_results, plot_robustness),
    plot_training_speed,
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_any_value_of_a_flag_is_drawn_or_refused(script, tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = results.Results(results.RECORD, "challenge")
    results.write(tables, "challenge", {"robustness": record.robustness.head(20)})
    flags = {"config": CHALLENGE, "configs": (str(CHALLENGE),), "results_dir": tables}
    known = {field.name for field in fields(script.Settings)}
    flags = {name: value for name, value in flags.items() if name in known}
    assert try_odd_values(script, tmp_path, **flags, output=tmp_path / "odd.png") > 5

"""Figures: what they show is what the data hold, they are written as PNG and PDF, and mistakes are
one sentence."""

import json
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, refused

import spectra_from_config
from figures import (
    plot_activations,
    plot_classes,
    plot_confused_pair,
    plot_deciding_peak,
    plot_results,
)
from figures import plot_validation_loss as plot_loss
from synthetic_spectra.analysis import confusions, tables
from synthetic_spectra.common.cli import checked_settings
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import run_folder

CHALLENGE = ROOT / "dataset_configs" / "challenge.json"
CLASSES = [
    ([100, 300], [1, 0.5]),
    ([112, 303], [1, 0.5]),  # another position of its first peak than class 0
    ([100, 301], [1, 0.56]),  # another height of its second peak
    ([100, 300, 420], [1, 0.5, 0.05]),  # a minor peak more
    ([200, 235], [1, 0.5]),  # the two of its peaks can change places
    ([204, 235], [1, 0.5]),
]


def run(script, **flags):
    """Run a script in this process with these settings."""
    words = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in flags.items()
        if not isinstance(value, tuple)
    ]
    for name, values in flags.items():
        if isinstance(values, tuple):
            words += [f"--{name}", *values]
    script.main(checked_settings(script.Settings, words))


def assert_drawn(output):
    """A picture that is not blank, as PNG and PDF."""
    assert np.ptp(plt.imread(output)) > 0.9
    assert output.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert not plt.get_fignums()


@pytest.fixture(autouse=True)
def closed():
    """No figure of one test is open in the next."""
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder with small.json and its rendered dataset: its flags for the scripts."""
    folder = tmp_path_factory.mktemp("small")
    content = {
        "datapoints": 500,
        "boundary": 50,
        "classes": len(CLASSES),
        "min_peaks": 1,
        "max_peaks": 9,
        "max_height": 1,
        "rendering": {"shift_range": 20, "test_shift": 10, "n_train": 8, "n_val": 1},
        "spectra": {
            str(i): {"peak_positions": positions, "peak_heights": heights}
            | ({"group": "of two"} if i < 2 else {})
            for i, (positions, heights) in enumerate(CLASSES)
        },
    }
    (folder / "small.json").write_text(json.dumps(content))
    flags = {"config": folder / "small.json", "datasets_dir": folder / "datasets"}
    run(spectra_from_config, **flags)
    return flags


@pytest.fixture
def data(small):
    return dataset.load(small["datasets_dir"], "small")


@pytest.mark.parametrize(
    ("pair", "cause", "peak"),
    [
        ((246, 382), "minor peak", (0, None, "height")),
        ((382, 246), "minor peak", (None, 0, "height")),
        ((8, 318), "position", (1, 1, "position")),
        ((164, 281), "height", (0, 0, "height")),
        ((219, 347), "height", (0, 0, "height")),
        ((39, 305), "other", (0, 0, "height")),
    ],
)
def test_deciding_peak_of_published_pairs(pair, cause, peak):
    path = ROOT / "dataset_configs" / "benchmark.json"
    definitions = config.load(path).resolved()
    assert confusions.cause(definitions, *pair) == cause
    assert confusions.deciding_peak(definitions, *pair) == peak


def test_confused_pairs(small, data, tmp_path):
    run(plot_confused_pair, **small, pairs=("0-1", "0-3", "2-4"), output=tmp_path / "pair.png")
    assert_drawn(tmp_path / "pair.png")
    assert plot_confused_pair.deciding_region(data.definitions, 0, 1) == slice(80, 133)
    assert plot_confused_pair.deciding_region(data.definitions, 0, 3) == slice(400, 441)
    figure = plot_confused_pair.draw(data, [(0, 3)], 5)
    whole, enlarged = figure.axes
    assert whole.get_title() == "0–3: minor peak"
    lines = np.array(
        [line.get_ydata() for line in whole.get_lines() if len(line.get_ydata()) == 500]
    )
    assert len(lines) == 2 * (5 + 1)
    np.testing.assert_array_equal(lines[:5], data.x["train"][:5])
    np.testing.assert_array_equal(lines[6:11], -data.x["train"][24:29])
    assert (
        np.nanmax(lines[5]) == 1
        and np.nanmin(lines[11]) == -1
        and lines[11, 420] == pytest.approx(-0.05)
    )
    assert enlarged.get_xlim() < (400, 441) and enlarged.get_ylim()[1] < 0.15


def test_deciding_peak_lies_in_its_range(small, data, tmp_path):
    run(plot_deciding_peak, **small, pair="0-2", output=tmp_path / "height.png")
    run(plot_deciding_peak, **small, pair="0-1", output=tmp_path / "position.png")
    for output in tmp_path.glob("*.png"):
        assert_drawn(output)
    around = plot_deciding_peak.window(data.definitions, 2, 1)
    for split in ("train", "test"):
        positions, heights = plot_deciding_peak.measured(data.x[split][data.y[split] == 2], around)
        (left, right), (low, high) = plot_deciding_peak.training_range(data.definitions, 2, 1)
        assert (
            left == 281
            and right == 320
            and low == pytest.approx(0.51 / 1.05)
            and high == pytest.approx(0.61 / 0.95)
        )
        assert ((positions >= left) & (positions <= right)).all()
        assert ((heights >= low) & (heights <= high)).all()
        assert len(set(positions)) > 2 and len(set(heights)) > 2


@pytest.mark.parametrize(
    ("script", "flags", "word"),
    [
        (plot_confused_pair, {"pairs": ("0-1", "0_1")}, "0_1"),
        (plot_confused_pair, {"pairs": ("0-6",)}, "0 to 5"),
        (plot_confused_pair, {"pairs": ("9" * 5000 + "-0",)}, "two different labels"),
        (plot_deciding_peak, {"pair": "2-2"}, "'2-2'"),
        (plot_deciding_peak, {"pair": "0-3"}, "class 0 lacks"),
        (plot_deciding_peak, {"pair": "4-5"}, "neighbours"),
    ],
)
def test_pair_that_cannot_be_drawn(script, flags, word, small, tmp_path):
    with pytest.raises(InputError, match=word):
        run(script, **small, **flags, output=tmp_path / "none.png")
    assert not list(tmp_path.iterdir())


def test_classes_by_group(small, tmp_path, monkeypatch):
    run(plot_classes, **small, output=tmp_path / "classes.png")
    assert_drawn(tmp_path / "classes.png")
    figure = plot_classes.draw(dataset.resolved(small["datasets_dir"], "small"))
    assert [axes.get_title() for axes in figure.axes] == [
        "of two",
        *(f"class {label}" for label in range(2, 6)),
    ]
    assert [len(axes.get_lines()) for axes in figure.axes] == [2, 1, 1, 1, 1]
    monkeypatch.setattr(plot_classes, "MOST", 5)
    with pytest.raises(InputError, match="6 classes, expected at most 5"):
        run(plot_classes, **small, output=tmp_path / "none.png")


def begin(runs_dir, model, activation, seed, losses, online=False):
    """A run as train.py leaves it while it trains."""
    settings = {
        "config": "challenge",
        "model": model,
        "model_args": {},
        "hidden_activation": activation,
        "seed": seed,
    }
    one = run_folder.Run(
        run_folder.run_folder(
            runs_dir, "challenge", model, {}, activation, online, 0.0, "float32", seed
        ),
        run_folder.UNNAMED | settings | {"online": online},
    )
    one.start("never")
    for epoch, loss in enumerate(losses, 1):
        one.record({"epoch": epoch, "loss": loss, "val_loss": loss})
    return one


def test_validation_loss(tmp_path, capsys):
    flags = {"config": CHALLENGE, "runs_dir": tmp_path, "output": tmp_path / "loss.png"}
    with pytest.raises(
        InputError, match=r"train\.py --config .*challenge\.json --models cnn2 cnn_bn resnet"
    ):
        run(plot_loss, **flags)
    first = begin(tmp_path, "cnn2", "relu", 0, [2.5, 0.5, 0.25])
    begin(tmp_path, "cnn2", "relu", 1, [2.0, 1.0])
    begin(tmp_path, "cnn2", "relu", 0, [3.0, 2.0], online=True)
    begin(tmp_path, "resnet", "none", 0, [3.0, float("nan")])
    begin(tmp_path, "vgg", "linear", 0, [1.0])
    capsys.readouterr()
    run(plot_loss, **flags)
    assert_drawn(tmp_path / "loss.png")
    told = capsys.readouterr().out.splitlines()
    assert "no run of cnn_bn;" in told[0] and len(told) == 2
    histories = {}
    for one in run_folder.found(tmp_path, "challenge"):
        histories.setdefault(plot_loss.kind(one), []).append(plot_loss.history(one))
    figure = plot_loss.draw(histories, "challenge")
    axes = figure.axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(texts) == [
        "cnn2, relu (2 runs)",
        "cnn2, relu, online (1 run)",
        "resnet, none (1 run)",
        "vgg, linear (1 run)",
    ]
    drawn = {tuple(line.get_ydata()) for line in axes.get_lines()}
    assert (2.5, 0.5, 0.25) in drawn and (2.0, 1.0) in drawn
    first.history_file.write_text("epoch,loss\n1,2\n")
    with pytest.raises(InputError, match=r"history\.csv: not a history"):
        run(plot_loss, **flags)


def test_activations_beside_published_and_ceiling(tmp_path, capsys):
    columns = ["config", *tables.MODEL, "seed", "test_misclassified"]
    rows = [
        ("challenge", "cnn2", "", "linear", False, 0.0, "float32", 0, 54),
        ("challenge", "cnn2", "", "linear", False, 0.0, "float32", 1, 27),
        ("challenge", "cnn2", "", "linear", False, 0.0, "mixed_bfloat16", 0, 40),
        ("challenge", "cnn2", "", "relu", True, 0.99, "float32", 0, 0),
        ("challenge", "vgg", "", "relu", False, 0.0, "float32", 0, None),  # it diverged
    ]
    table = pd.DataFrame(rows, columns=columns).assign(test_spectra=162, train_misclassified=0)
    table["test_accuracy"] = 1 - table.test_misclassified / 162
    table.to_csv(tmp_path / "challenge.csv", index=False)
    flags = {"config": CHALLENGE, "results_dir": tmp_path, "output": tmp_path / "activations.png"}
    with pytest.raises(InputError, match=r"evaluate\.py --config challenge"):
        run(plot_activations, **flags | {"results_dir": tmp_path / "none"})
    run(plot_activations, **flags)
    assert "studies/dataset_ceiling.py" in capsys.readouterr().out
    shutil.copy(ROOT / "results" / "ceiling_challenge.csv", tmp_path)
    run(plot_activations, **flags)
    assert "studies/dataset_ceiling.py" not in capsys.readouterr().out
    assert_drawn(tmp_path / "activations.png")

    ceiling = pd.read_csv(tmp_path / "ceiling_challenge.csv")
    figure = plot_activations.draw(
        *plot_results.read(tmp_path / "challenge.csv"), "challenge", ceiling
    )
    axes = figure.axes[0]
    models = [tick.get_text() for tick in axes.get_yticklabels()]
    assert models == [
        "cnn2",
        "cnn2 online ema_momentum 0.99",
        "cnn3",
        "cnn6",
        "inc3",
        "inc6",
        "vgg",
    ]
    dots = [np.round(points.get_offsets()[:, 0], 2).tolist() for points in axes.collections]
    published = plot_results.read_published().query("config == 'challenge' and model == 'cnn3'")
    theirs = published[published.hidden_activation == "relu"].value.sort_values(ascending=False)
    assert [66.67, 83.33] in dots and [75.31] in dots and [100.0] in dots
    assert np.round(100 * (1 - theirs / 162), 2).tolist() in dots
    levels = {
        line.get_label(): line.get_xdata()[0] for line in axes.get_lines() if len(line.get_xdata())
    }
    assert levels["ceiling, ties at random"] == pytest.approx(100 * ceiling.expected_random.mean())

    axes = plot_results.draw(*plot_results.read(tmp_path / "challenge.csv"), "challenge").axes[0]
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels.count("cnn2 linear") == 1 and "cnn2 relu online ema_momentum 0.99" in labels
    drawn = [np.ma.filled(points.get_offsets(), np.nan) for points in axes.collections]
    dots = {tuple(places[:, 0]): places[0, 1] for places in drawn if len(places)}
    in_row = [
        dots[27.0, 54.0],
        dots[(40.0,)],
    ]  # both precisions in the row of the network, one beside the other
    assert np.allclose(in_row, labels.index("cnn2 linear"), atol=0.5) and in_row[0] < in_row[1]


def test_scripts_in_the_shell(shell, example):
    flags = ("--config", ROOT / "dataset_configs" / "example.json")
    shell(example, "figures/plot_confused_pair.py", *flags, "--pairs", "0-1")
    assert_drawn(example / "figures" / "plot_confused_pair.png")
    refused(
        shell(example, "figures/plot_confused_pair.py", *flags, check=False), "246-382", "0 to 1"
    )

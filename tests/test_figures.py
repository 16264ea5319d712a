"""Figures: they show what the data hold, are PNG and PDF, and a mistake is one sentence."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, refused
from drawing import assert_drawn, run, try_odd_values

import spectra_from_config
from figures import (
    plot_classes,
    plot_confused_pair,
    plot_deciding_peak,
    plot_variation,
)
from figures import plot_validation_loss as plot_loss
from synthetic_spectra.analysis import confusions
from synthetic_spectra.analysis.peak_window import highest_points, window_of
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset
from synthetic_spectra.training import run_folder
from synthetic_spectra.training.run import Identity

CHALLENGE = ROOT / "dataset_configs" / "challenge.json"
CLASSES = [
    ([100, 300], [1, 0.5]),
    ([112, 303], [1, 0.5]),  # another position of its first peak than class 0
    ([100, 301], [1, 0.56]),  # another height of its second peak
    ([100, 300, 420], [1, 0.5, 0.05]),  # a minor peak more
    ([200, 235], [1, 0.5]),  # the two of its peaks can change places
    ([204, 235], [1, 0.5]),
]


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
    window = window_of(data.definitions, 2, 1)
    (left, right), (low, high) = plot_deciding_peak.training_range(data.definitions, 2, 1)
    assert (left, right) == (281, 320)
    assert (low, high) == (pytest.approx(0.51 / 1.05), pytest.approx(0.61 / 0.95))
    for split in ("train", "test"):
        positions, heights = highest_points(data.x[split][data.y[split] == 2], window)
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
        (plot_deciding_peak, {"pair": "4-5"}, "peaks 0 and 1 can lie at the same place"),
        (plot_variation, {"label": 6}, "--label 6: .*0 to 5"),
        (plot_variation, {"label": 0, "peak": 2}, "--peak 2: .*0 to 1"),
        (plot_variation, {"label": 4, "peak": 0}, "peaks 0 and 1 can lie at the same place"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(script, flags, word, small, tmp_path):
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


def begin(runs_dir, losses, **settings):
    """A run of the challenge as train.py leaves it while it trains."""
    identity = Identity(**settings)
    folder = runs_dir / "challenge" / identity.folder_name
    recorded = {"config": "challenge", "dataset_checksum": "", "backend": "tensorflow"}
    recorded |= {"device": "a processor", "versions": {}}
    one = run_folder.Run(folder, identity.settings() | recorded)
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
    relu = {"model": "cnn2", "hidden_activation": "relu"}
    first = begin(tmp_path, [2.5, 0.5, 0.25], **relu, seed=0)
    begin(tmp_path, [2.0, 1.0], **relu, seed=1)
    begin(tmp_path, [3.0, 2.0], **relu, seed=0, online=True)
    begin(tmp_path, [3.0, float("nan")], model="resnet", hidden_activation="none", seed=0)
    begin(tmp_path, [1.0], model="vgg", hidden_activation="linear", seed=0)
    capsys.readouterr()
    run(plot_loss, **flags)
    assert_drawn(tmp_path / "loss.png")
    hints = capsys.readouterr().err.splitlines()
    assert "no run of cnn_bn;" in hints[0] and len(hints) == 2

    models = ("cnn2", "inc3", "resnet")
    histories, problems = plot_loss.read_histories(tmp_path, "challenge", models)
    assert not problems and not histories["inc3"]
    axes = plot_loss.draw(histories["cnn2"] | histories["resnet"], "challenge").axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "cnn2, relu (2 runs)",
        "cnn2, relu, online (1 run)",
        "resnet, none (1 run)",
    ]
    drawn = {tuple(line.get_ydata()) for line in axes.get_lines()}
    assert (2.5, 0.5, 0.25) in drawn and (2.0, 1.0) in drawn
    # a damaged history keeps no other from being drawn
    first.history_file.write_text("epoch,loss\n1,2\n")
    (tmp_path / "loss.png").unlink()
    with pytest.raises(InputError, match=r"cnn2-relu-0/history\.csv: not a history"):
        run(plot_loss, **flags)
    assert_drawn(tmp_path / "loss.png")


@pytest.mark.parametrize(
    "script", [plot_classes, plot_confused_pair, plot_deciding_peak, plot_variation]
)
def test_any_value_of_a_flag_is_drawn_or_refused(script, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good = {plot_confused_pair: {"pairs": ("0-1",)}, plot_deciding_peak: {"pair": "0-2"}}
    good[plot_variation] = {"label": 1}
    flags = {**small, **good.get(script, {}), "output": tmp_path / "odd.png"}
    assert try_odd_values(script, tmp_path, **flags) > 10


def test_any_value_of_a_flag_of_losses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin(tmp_path / "runs", [], model="cnn2", hidden_activation="$relu", seed=0)
    (tmp_path / "runs/challenge/cnn2-$relu-0/history.csv").write_text("epoch,val_loss\n")
    flags = {"config": CHALLENGE, "runs_dir": tmp_path / "runs", "output": tmp_path / "odd.png"}
    assert try_odd_values(plot_loss, tmp_path, **flags) > 10


def test_scripts_in_the_shell(shell, example):
    flags = ("--config", ROOT / "dataset_configs" / "example.json")
    shell(example, "figures/plot_confused_pair.py", *flags, "--pairs", "0-1")
    assert_drawn(example / "output" / "figures" / "plot_confused_pair.png")
    refused(
        shell(example, "figures/plot_confused_pair.py", *flags, check=False), "246-382", "0 to 1"
    )


def test_flags_are_read_before_matplotlib_and_keras_start(tmp_path):
    """And the style is that of the project, whatever a user has set for Matplotlib."""
    names = ", ".join(sorted(path.stem for path in (ROOT / "figures").glob("*.py")))
    code = f"import sys; from figures import {names}\n"
    code += "assert not {'matplotlib', 'keras', 'tensorflow'} & set(sys.modules)\n"
    code += "choices = style.pyplot().rcParams\n"
    code += "assert choices['font.size'] == 12 and not choices['text.usetex']"
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 5\n")
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path), "MPLBACKEND": "nonsense"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

"""Figures and tables of a dataset that has an axis and names show both."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from drawing import assert_drawn, run
from matplotlib import pyplot as plt

import spectra_from_config
from figures import (
    plot_attention,
    plot_classes,
    plot_confused_pair,
    plot_deciding_peak,
    plot_decision_regions,
    plot_variation,
    report,
    style,
)
from synthetic_spectra.analysis import confusions
from synthetic_spectra.analysis.peak_window import highest_points, window_of
from synthetic_spectra.spectra import dataset
from synthetic_spectra.spectra.names import Axis, class_label

AXES = {
    "ascending": ({"quantity": "raman_shift", "unit": "1/cm", "first": 100.0, "step": 2.0}, 100),
    "descending": ({"quantity": "chemical_shift", "unit": "ppm", "first": 10.0, "step": -0.02}, 10),
    "diffraction": (
        {
            "quantity": "two_theta", "unit": "degree", "first": 5.0, "step": 0.1,
            "wavelength": 1.5406,
        },
        5,
    ),
}  # fmt: skip
LABELS = {
    "ascending": "Raman shift (1/cm)",
    "descending": "chemical shift (ppm)",
    "diffraction": "2θ (degree)",
}
NAMES = ("Quartz", "Calcite", None)


@pytest.fixture(scope="module", params=["descending", "diffraction"])
def named(request, tmp_path_factory):
    """Flags of a rendered dataset with an axis, two classes with names and one without; the
    dataset; the label of its positions."""
    folder, (axis, _) = tmp_path_factory.mktemp("named"), AXES[request.param]
    peaks = [([100, 300], [1, 0.5]), ([112, 303], [1, 0.5]), ([200, 400], [1, 0.5])]
    content = {
        "datapoints": 500, "boundary": 50, "classes": 3, "min_peaks": 1, "max_peaks": 9,
        "max_height": 1, "axis": axis,
        "rendering": {"shift_range": 20, "test_shift": 10, "n_train": 4, "n_val": 1},
        "spectra": {
            str(i): {"peak_positions": positions, "peak_heights": heights}
            | ({"name": name} if name else {})
            for i, ((positions, heights), name) in enumerate(zip(peaks, NAMES, strict=True))
        },
    }  # fmt: skip
    (folder / "named.json").write_text(json.dumps(content))
    flags = {"config": folder / "named.json", "datasets_dir": folder / "datasets"}
    run(spectra_from_config, **flags)
    return flags, dataset.load(flags["datasets_dir"], "named"), LABELS[request.param]


def texts(figure):
    """All that is written on a figure."""
    figure.canvas.draw()
    return {text.get_text() for text in figure.findobj(plt.Text)}


def test_an_axis_and_a_class_in_words():
    axis = Axis(**AXES["diffraction"][0])
    assert axis.label(" of the peak") == "2θ of the peak (degree)"
    assert style.along([], None) == "position (datapoint)"


@pytest.mark.parametrize("kind", AXES)
def test_ticks_are_round_values_of_the_axis_where_they_belong(kind):
    axis = Axis(**AXES[kind][0])
    figure, axes = style.pyplot().subplots(figsize=(8, 2))
    axes.plot(np.arange(500), np.zeros(500))
    assert style.along([axes], axis) == LABELS[kind]
    figure.canvas.draw()
    places, words = axes.get_xticks(), [text.get_text() for text in axes.get_xticklabels()]
    plt.close(figure)
    assert len(words) > 3
    values = np.array(words, float)
    np.testing.assert_allclose(axis.position(values), places, atol=1e-6)
    # equal steps, round ones
    (step,) = set(np.round(np.abs(np.diff(values)), 9))
    assert float(f"{step:.2g}") == step


def test_figures_of_classes(named, tmp_path):
    flags, data, along = named
    definitions = data.definitions
    run(plot_classes, **flags, output=tmp_path / "classes.png")
    assert_drawn(tmp_path / "classes.png")
    assert {"Quartz (0)", "Calcite (1)", "class 2", along} <= texts(plot_classes.draw(definitions))
    assert {"Quartz (0)", "Calcite (1)", along} <= texts(plot_confused_pair.draw(data, [(0, 1)], 3))

    window = window_of(definitions, 0, 1)
    spectra = {split: data.x[split][data.y[split] == 0] for split in ("train", "test")}
    figure = plot_variation.draw(spectra, window, class_label(definitions, 0), definitions.axis)
    quantity, unit = along.split(" (")
    shown = texts(figure)
    assert {"training spectra of Quartz (0)", along} <= shown
    assert f"{quantity} of the shaded peak ({unit}" in shown
    plt.close("all")


def test_figures_of_a_pair(named):
    _, data, along = named
    definitions, labels, peaks = data.definitions, (0, 1), (0, 0)
    points = {
        (split, label): highest_points(
            data.x[split][data.y[split] == label], window_of(definitions, label, 0)
        )
        for split in ("train", "test")
        for label in labels
    }
    shown = texts(plot_deciding_peak.draw(definitions, labels, peaks, "position", points))
    assert {"Quartz (0), training", "Calcite (1), range", along} <= shown

    samples = plot_decision_regions.training_points(data, labels, peaks)
    plane = plot_decision_regions.grid(samples, definitions.n_datapoints, 4, 3)
    decisions = {"a network": np.zeros(len(plane[0]) * 3, int)}
    figure = plot_decision_regions.draw(decisions, plane, samples, labels, ("position", 106), data)
    assert {"taken for Quartz (0)", "training spectra of Calcite (1)", along} <= texts(figure)

    spectra = data.x["test"][:2]
    titles = ["a title", "another"]
    figure = plot_attention.draw(spectra, {"a map": spectra}, titles, "a run", definitions.axis)
    assert {"another", along} <= texts(figure)
    plt.close("all")


def test_tables_and_the_report(named):
    _, data, along = named
    confused = pd.DataFrame({"class_a": [0, 1], "class_b": [1, 2], "cause": ["position", "other"]})
    table = confusions.named(confused, data.definitions)
    assert list(table) == ["class_a", "class_b", "name_a", "name_b", "cause"]
    assert table.name_a.tolist() == ["Quartz", "Calcite"] and table.name_b.tolist()[1] == ""
    drawn = report.peaks_of({0: data.definitions.spectra["0"]}, data.definitions)
    assert (drawn["along"], drawn["step"]) == (along, abs(data.definitions.axis.step))
    name, positions, heights = drawn["classes"][0]
    assert (name, heights) == ("Quartz (0)", [1, 0.5])
    np.testing.assert_allclose(data.definitions.axis.position(positions), [100, 300], atol=1e-3)


def test_accuracy_of_names(named):
    _, data, _ = named
    predictions = {split: data.y[split].copy() for split in dataset.SPLITS}
    # the third class has no name
    assert "val_accuracy_of_names" not in data.misclassified(predictions)
    spectra = data.definitions.spectra
    alike = {"2": spectra["2"].model_copy(update={"name": "Calcite"})}
    data = replace(
        data, definitions=data.definitions.model_copy(update={"spectra": spectra | alike})
    )
    # of three validation spectra one gets another class of the right name, one a wrong name
    predictions["val"][:] = [1, 2, 2]
    counts = data.misclassified(predictions)
    assert (counts["val_misclassified"], counts["test_accuracy_of_names"]) == (2, 1)
    assert counts["val_accuracy_of_names"] == pytest.approx(2 / 3)


def test_a_dataset_without_names_stays_as_it_is(named):
    _, data, _ = named
    plain = data.definitions.model_copy(
        update={
            "axis": None,
            "spectra": {
                label: one.model_copy(update={"name": None})
                for label, one in data.definitions.spectra.items()
            },
        }
    )
    confused = pd.DataFrame({"class_a": [0], "class_b": [1]})
    assert confusions.named(confused, plain) is confused
    shown = texts(plot_classes.draw(plain))
    plt.close("all")
    assert {"class 0", "class 1", "position (datapoint)"} <= shown
    drawn = report.peaks_of({1: plain.spectra["1"]}, plain)
    assert drawn["classes"] == {1: ["class 1", [112, 303], [1, 0.5]]}
    assert drawn["along"] == "peak position (datapoint)"

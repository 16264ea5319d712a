"""Figures that look into trained networks, some of which decide in a known way."""

from dataclasses import fields

import numpy as np
import pytest
from conftest import ROOT, refused
from drawing import try_odd_values
from known_networks import all_kinds, by_height

from figures import plot_attention, plot_ceiling, plot_decision_regions
from synthetic_spectra.analysis import confusions, results, trained
from synthetic_spectra.analysis.ceiling import ceiling
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training import run_folder
from synthetic_spectra.training.run import Identity

CONFIG = str(ROOT / "dataset_configs" / "example.json")
LABELS = (0, 1)  # class 1 of the example has a peak at 250, of height 0.2, that class 0 lacks


@pytest.fixture(scope="module")
def data(example):
    return dataset.load(example / "datasets", "example")


@pytest.fixture
def finished(data, tmp_path):
    """A function that leaves a network as a finished run of the example, and gives the run."""

    def finish(model, name, seed=0, predictions=None, **recorded):
        identity = Identity(name, "linear", seed=seed)
        recorded = {"config": "example", "dataset_checksum": data.checksum} | recorded
        recorded = {"backend": "tensorflow", "device": "a processor", "versions": {}} | recorded
        folder = tmp_path / "runs" / "example" / identity.folder_name
        run = run_folder.Run(folder, identity.settings() | recorded)
        run.start("never")
        run.finish(model, predictions or dict(data.y), {"outcome": "converged"})
        return run

    return finish


@pytest.fixture
def folders(example, tmp_path):
    """The flags that every script has."""
    return {"config": CONFIG, "datasets_dir": example / "datasets", "runs_dir": tmp_path / "runs"}


def pictures(path):
    return [path.with_suffix(suffix).stat().st_size > 1000 for suffix in (".png", ".pdf")]


def test_decision_regions_of_a_known_network(data, finished, folders, tmp_path):
    """The network decides by height alone, at just the height that lies halfway."""
    *peaks, by = confusions.deciding_peak(data.definitions, *LABELS)
    assert (peaks, by) == ([None, 1], "height")
    assert plot_decision_regions.halfway(data.definitions, LABELS, peaks, by) == pytest.approx(0.1)
    output = tmp_path / "regions.png"
    points = plot_decision_regions.training_points(data, LABELS, peaks)
    assert set(points) == {1}
    positions, heights = points[1]
    assert (
        positions.min() >= 230
        and positions.max() < 270
        and 0.1 < heights.min() < heights.max() < 0.3
    )
    positions, heights = plot_decision_regions.grid(points, 500, 11, 14)
    assert len(positions) == 11 and len(heights) == 14 and heights[0] == 0
    spectra = plot_decision_regions.rendered(data.definitions, LABELS, peaks, positions, heights)
    assert spectra.dtype == np.float32 and spectra.max(axis=1) == pytest.approx(1)
    network = by_height()
    taken_for_1 = network.predict(spectra[..., None], verbose=0).argmax(axis=1).reshape(14, 11) == 1
    assert np.array_equal(taken_for_1, np.tile(heights[:, None] > 0.1, (1, 11)))
    finished(network, "cnn2", seed=1)
    layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    finished(keras.Sequential([keras.Input((500, 1)), *layers]), "vgg")
    flags = {**folders, "pair": "0-1", "positions": 11, "heights": 14, "output": output}
    plot_decision_regions.main(plot_decision_regions.Settings(**flags))
    assert all(pictures(output))


def test_other_peaks_are_held_halfway(data):
    held = plot_decision_regions.held_peaks(data.definitions, LABELS, (None, 1))
    assert [part.tolist() for part in held] == [[120, 350], [0.6, 1.0]]
    fewer = plot_decision_regions.held_peaks(data.definitions, (1, 0), (1, 1))
    assert [part.tolist() for part in fewer] == [[120], [0.6]], "those of the class that has fewer"


def test_one_run_of_each_kind(finished):
    network = by_height()
    made = [finished(network, name, seed) for name, seed in (("vgg", 3), ("cnn2", 2), ("vgg", 1))]
    assert plot_decision_regions.first_seeds(made) == [made[1], made[2]]


def test_figures_of_every_kind_of_network(finished, folders, tmp_path):
    """Each is saved, loaded, and drawn; the known one is drawn beside them."""
    output = tmp_path / "picture.png"
    *_, last = [finished(network, name) for name, network in all_kinds().items()]
    plot_attention.main(plot_attention.Settings(**folders, run=last.name, output=output))
    assert all(pictures(output))
    output.unlink()
    few = {"pair": "0-1", "positions": 2, "heights": 2}
    plot_decision_regions.main(plot_decision_regions.Settings(**folders, **few, output=output))
    assert all(pictures(output))


@pytest.mark.parametrize("script", [plot_attention, plot_ceiling, plot_decision_regions])
def test_any_value_of_a_flag_is_drawn_or_refused(
    script, finished, folders, data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    finished(by_height(), "cnn2")
    few = {"pair": "0-1", "positions": 2, "heights": 2, "spectra": ("0",)}
    few["results_dir"] = tmp_path
    results.write(tmp_path, "example", {"ceiling": ceiling(data.definitions)})
    known = {field.name for field in fields(script.Settings)}
    flags = {name: value for name, value in (folders | few).items() if name in known}
    assert try_odd_values(script, tmp_path, **flags, output=tmp_path / "odd.png") > 10


def test_attention_draws(finished, folders, tmp_path):
    settings = plot_attention.Settings(**folders, output=tmp_path / "attention.png")
    spectra = keras.Input((500, 1))
    plain = keras.Model(spectra, keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(spectra)))
    finished(plain, "blurred_areas")
    with pytest.raises(InputError, match="blurred_areas-linear-0: no convolution"):
        plot_attention.main(settings)
    finished(by_height(), "cnn2")  # the first that has one
    plot_attention.main(settings)
    assert all(pictures(settings.output))


def test_ceiling(shell, data, finished, folders, tmp_path):
    """Accuracies per group are those of the predictions; a run without any keeps no other out."""
    tables, output = tmp_path / "results", tmp_path / "ceiling.png"
    settings = plot_ceiling.Settings(**folders, results_dir=tables, output=output)
    flags = ("--config", CONFIG, "--datasets-dir", folders["datasets_dir"])
    done = shell(tmp_path, "figures/plot_ceiling.py", *flags, check=False)
    refused(done, "ceiling_example.csv: no such file", "dataset_ceiling.py --config example")
    results.write(tables, "example", {"ceiling": ceiling(data.definitions)})
    with pytest.raises(InputError, match="no finished run"):
        plot_ceiling.main(settings)

    groups = plot_ceiling.groups_of(data)
    assert list(groups) == ["all classes"] and groups["all classes"].all()
    labels = data.y["test"]
    wrong = np.where(np.arange(len(labels)) < 3, 1 - labels, labels)
    run = finished(by_height(), "cnn2", predictions=dict(data.y) | {"test": wrong})
    (row,) = plot_ceiling.accuracies(run, data, {"first four": np.arange(len(labels)) < 4})
    expected = {"network": "cnn2", "activation": "linear", "group": "first four", "accuracy": 25}
    assert row == expected

    finished(by_height(), "cnn2", seed=1)
    finished(by_height(), "vgg").predictions_file.unlink()
    finished(by_height(), "resnet", dataset_checksum="another")
    reasons = r"resnet-linear-0: was trained on other arrays.*vgg.*evaluate.py"
    with pytest.raises(InputError, match=reasons):
        plot_ceiling.main(settings)
    assert all(pictures(output)), "of the other runs"
    table = "label,verdict,expected_random,expected_nearest\n0,identifiable,1,1\n"
    (tables / "ceiling_example.csv").write_text(table)
    with pytest.raises(InputError, match="not the ceiling of the test spectra"):
        plot_ceiling.main(settings)


def test_mistakes_are_told(data, finished, folders, tmp_path):
    good = finished(by_height(), "cnn2")
    diverged = finished(by_height(), "vgg")
    (diverged.folder / "summary.json").write_text('{"outcome": "diverged"}')
    output = tmp_path / "picture.png"
    attention, regions = plot_attention, plot_decision_regions
    for script, choices, words in (
        (attention, {"run": "cnn9"}, "cnn9: no finished run.*cnn2-linear-0$"),
        (attention, {"run": "vgg-linear-0"}, "diverge"),
        (attention, {"spectra": (18,)}, "--spectra 18: .*0 to 17"),
        (regions, {"pair": "0-2"}, "0-2"),
        (regions, {"pair": "0-1", "runs": ("cnn2-relu-0",)}, "cnn2-relu-0: no finished run"),
    ):
        with pytest.raises(InputError, match=words):
            script.main(script.Settings(**folders, output=output, **choices))
    damaged = finished(by_height(), "cnn3")
    content = bytearray(damaged.model_file.read_bytes())
    content[100:400] = bytes(300)
    damaged.model_file.write_bytes(content)
    with pytest.raises(
        InputError, match=r"cnn3-linear-0/model.keras: not a model of this collection"
    ):
        regions.main(regions.Settings(**folders, pair="0-1", positions=3, heights=3, output=output))
    assert all(pictures(output)), "of the other network"
    assert trained.choose(folders["runs_dir"], data)[0][0].name == good.name


def test_attention_under_measured_files(finished, folders, tmp_path):
    x = np.arange(500)
    peak = np.exp(-0.5 * ((x - 250) / 3) ** 2) + 0.001 * np.sin(x)
    np.savetxt(tmp_path / "a file.txt", np.column_stack([x, peak]))
    settings = plot_attention.Settings(
        **folders,
        files=(tmp_path / "a file.txt",),
        maps=("mean activation", "HiResCAM"),
        output=tmp_path / "attention.png",
    )
    finished(by_height(), "cnn2")
    with pytest.raises(InputError, match="no axis"):  # the example has none
        plot_attention.main(settings)

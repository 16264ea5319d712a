"""Figures that look into trained networks, some of which decide in a known way."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, refused

from figures import plot_attention, plot_ceiling, plot_decision_regions
from model_implementations import build
from studies.dataset_ceiling import Settings as CeilingSettings
from studies.dataset_ceiling import main as write_ceiling
from synthetic_spectra.analysis import attention, confusions, trained
from synthetic_spectra.common import backend
from synthetic_spectra.common.backend import keras
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import dataset
from synthetic_spectra.training import run_folder
from synthetic_spectra.training.run import Identity

CONFIG = str(ROOT / "dataset_configs" / "example.json")
LABELS = (0, 1)  # class 1 of the example has a peak at 250, of height 0.2, that class 0 lacks
WINDOW = slice(205, 296)
UNIT = 2 * np.sqrt(2 * np.pi)  # sum over a peak of height 1 and the width of the test spectra


def by_height():
    """A network that takes a spectrum of the width of the test spectra for class 1 if its peak at
    250 is above 0.1."""
    spectra = keras.Input((500, 1))
    values = keras.layers.Conv1D(2, 1, use_bias=False)(spectra)
    probabilities = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(values))
    model = keras.Model(spectra, probabilities)
    weights = np.zeros((500, 2, 2))
    weights[WINDOW, 0, 1] = 1
    model.set_weights([np.array([[[1, -1]]]), weights.reshape(1000, 2), np.array([0.1 * UNIT, 0])])
    return model


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


def test_attention_of_a_known_network(data):
    """Only the peak at 250 speaks for class 1; the mean of the gradient no longer tells where it
    came from."""
    spectra = np.stack([data.x["test"][(data.y["test"] == 1).argmax()], np.zeros(500, "float32")])
    predicted, maps = attention.activation_maps(by_height(), spectra)
    assert predicted.tolist() == [1, 0]
    exact, averaged = maps["HiResCAM"], maps["Grad-CAM"]
    assert exact.shape == averaged.shape == (2, 500)
    assert exact[0, WINDOW].max() == 1 and spectra[0, exact[0].argmax()] == spectra[0, WINDOW].max()
    outside = np.ones(500, bool)
    outside[WINDOW] = False
    assert not exact[0, outside].any()
    assert averaged[0] == pytest.approx(spectra[0], abs=1e-6)
    assert not exact[1].any() and not averaged[1].any()


@pytest.mark.parametrize("name", ["cnn2", "vgg", "resnet", "inc3"])  # each way to be built
def test_scores_follow_the_last_values_along_the_spectrum(name):
    keras.utils.set_random_seed(0)
    network = build(name, 333, 7, dense=(5,))
    spectra = np.random.default_rng(0).random((2, 333), "float32")
    assert_scores_follow(network, spectra)
    keras.utils.clear_session(free_memory=True)


def assert_scores_follow(network, spectra):
    """The scores become the network's probabilities, and their gradient is that of small steps."""
    passed = attention.pass_through(network, spectra)
    probabilities = network(spectra[..., None], training=False)
    expected = keras.ops.convert_to_numpy(probabilities)
    given = keras.ops.convert_to_numpy(keras.ops.softmax(passed.scores))
    assert given == pytest.approx(expected, abs=1e-5)
    unchanged = keras.ops.convert_to_numpy(passed.scores_with(np.zeros_like(passed.values)))
    assert unchanged == pytest.approx(passed.scores, abs=1e-5)

    labels = np.array([1, 0])
    gradient = backend.gradient_of_score(passed.scores_with, np.zeros_like(passed.values), labels)
    assert gradient.shape == passed.values.shape and gradient.any()
    direction = np.random.default_rng(1).normal(size=gradient.shape).astype("float32")
    step = 1e-3 * direction
    ahead, behind = (
        keras.ops.convert_to_numpy(passed.scores_with(sign * step))[[0, 1], labels]
        for sign in (1, -1)
    )
    difference = (gradient * 2 * step).sum(axis=(1, 2))
    assert difference == pytest.approx(ahead - behind, rel=0.02, abs=1e-4)


def test_attention_is_the_same_on_jax(data, finished, tmp_path):
    pytest.importorskip("jax")
    run = finished(by_height(), "cnn2")
    code = (
        "import sys, numpy as np; from synthetic_spectra.analysis import attention\n"
        "from synthetic_spectra.analysis import trained\n"
        "from synthetic_spectra.training import run_folder\n"
        "network = trained.load(run_folder.Run(sys.argv[1], {}))\n"
        "predicted, maps = attention.activation_maps(network, np.load(sys.argv[2]))\n"
        "np.savez(sys.argv[3], predicted=predicted, **maps)"
    )
    spectra = data.x["test"][9:12]
    np.save(tmp_path / "spectra.npy", spectra)
    command = [
        sys.executable,
        "-c",
        code,
        run.folder,
        tmp_path / "spectra.npy",
        tmp_path / "maps.npz",
    ]
    environment = {"PATH": "", "KERAS_BACKEND": "jax", "MPLBACKEND": "agg", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    predicted, maps = attention.activation_maps(trained.load(run), spectra)
    with np.load(tmp_path / "maps.npz") as on_jax:
        assert np.array_equal(on_jax["predicted"], predicted)
        for kind, expected in maps.items():
            assert expected.any() and on_jax[kind] == pytest.approx(expected, abs=1e-3)


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
    write_ceiling(CeilingSettings(CONFIG, folders["datasets_dir"], tables))
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

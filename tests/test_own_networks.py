"""Networks as users write them: each is trained, saved and loaded by every script, or refused."""

import json
import random
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, outcome, refused
from own_networks import COUNTED, REFUSED, TRAINED

from synthetic_spectra.common.backend import keras

# isort: split
from model_implementations import MODELS, build, checked_choices, hidden_activation
from model_implementations import check as check_network
from synthetic_spectra.common.errors import InputError


@pytest.fixture(scope="module")
def three(shell, tmp_path_factory):
    """A folder with a rendered dataset of three classes and 300 datapoints."""
    folder = tmp_path_factory.mktemp("three")
    random_classes = ("--n-classes", 3, "--n-datapoints", 300, "--boundary", 20, "--max-peaks", 5)
    shell(folder, "dataset_config_generator.py", "--name", "three", *random_classes)
    rendering = ("--n-train", 6, "--n-val", 3, "--shift-range", 8, "--test-shift", 4)
    shell(folder, "spectra_from_config.py", "--config", config(folder), *rendering)
    return folder


def config(folder):
    return folder / "dataset_configs" / "three.json"


def train(shell, folder, models, *flags, check=True):
    quiet = ("--wandb", "disabled", "--batch-size", 18, "--seeds", 0)
    command = ("--config", config(folder), "--models", *models, *quiet, "--epochs", 2, *flags)
    return shell(folder, "train.py", *command, check=check)


# two that differ much, each in one of the precisions
FEW = [
    ("float32", ["readme"]),
    ("mixed_bfloat16", ["nested"]),
]
ALL = [pytest.param(precision, list(TRAINED), marks=pytest.mark.slow) for precision, _ in FEW]


@pytest.mark.parametrize(("precision", "names"), FEW + ALL)
def test_every_kind_of_network_goes_through_every_script(
    shell, three, monkeypatch, tmp_path, precision, names
):
    """Interrupted and continued training, evaluation, robustness, class-activation maps."""
    for name in names:
        monkeypatch.setitem(MODELS, name, TRAINED[name])
    flags = ("--precision", precision, "--runs-dir", tmp_path)
    for name in names:
        train(shell, three, [name], *flags, "--time-budget", 0.001)
    done = train(shell, three, names, *flags)
    assert done.stderr.count("continues after epoch 1") == len(names), done.stderr
    for name in names:
        (folder,) = (tmp_path / "three").glob(f"{name}-*-0")
        counted = json.loads((folder / "summary.json").read_text())["multiply_accumulates"]
        assert (counted is not None) == (name in COUNTED), name

    # each script loads the networks
    common = ("--config", config(three), "--runs-dir", tmp_path)
    results = ("--results-dir", tmp_path)
    evaluated = shell(three, "evaluate.py", *common, *results, "--wandb", "disabled")
    tested = shell(three, "studies/robustness.py", *common, *results, "--artefacts", "noise")
    for text in (evaluated.stdout, tested.stdout):
        assert all(name in text for name in names), text
    shell(three, "figures/plot_attention.py", *common, "--output", tmp_path / "attention.png")
    assert (tmp_path / "attention.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["subclassed", "recurrent_lstm", "sequential"])
def test_an_interrupted_training_goes_on_to_the_bit(shell, three, monkeypatch, name, precision):
    monkeypatch.setitem(MODELS, name, TRAINED[name])
    outcomes = []
    for runs, budgets in (("whole", (0,)), ("interrupted", (0.001, 0.001, 0))):
        place = three / f"{runs}-{precision}"
        for budget in budgets:
            flags = ("--precision", precision, "--runs-dir", place, "--time-budget", budget)
            train(shell, three, [name], *flags)
        (folder,) = (place / "three").glob(f"{name}-*")
        outcomes.append(outcome(folder))
    assert outcomes[0] == outcomes[1]


@pytest.mark.slow
def test_a_network_in_a_file_of_its_own(three, tmp_path):
    """As the README says it, in a copy of the project: each script in a process of its own."""
    copy = tmp_path / "copy"
    kinds = shutil.ignore_patterns(".*", "__pycache__", "runs", "datasets", "output")
    shutil.copytree(ROOT, copy, ignore=kinds)
    networks = copy / "model_implementations"
    (networks / "mine.py").write_text(MINE)
    register = networks / "__init__.py"
    text = register.read_text().replace("MODELS = {", 'MODELS = {\n    "mine": mine.mine,', 1)
    register.write_text(text.replace("import blurred_areas,", "import mine, blurred_areas,", 1))

    def run(script, *flags):
        command = (sys.executable, copy / script, "--config", config(three), *flags)
        done = subprocess.run(command, cwd=three, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    places = ("--runs-dir", str(tmp_path / "runs"))
    quiet = ("--wandb", "disabled")
    run("train.py", "--models", "mine", "--seeds", "0", "--epochs", "1", *places, *quiet)
    evaluated = run("evaluate.py", *places, *quiet, "--results-dir", str(tmp_path))
    assert "mine" in evaluated
    tested = run(
        "studies/robustness.py", *places, "--results-dir", str(tmp_path), "--artefacts", "noise"
    )
    assert "mine" in tested


MINE = """
import keras
from keras import layers


@keras.saving.register_keras_serializable()
class Scaled(layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.scale


def mine(input_size, classes):
    spectra = keras.Input((input_size, 1))
    values = layers.Flatten()(Scaled()(spectra))
    return keras.Model(spectra, layers.Dense(classes, activation="softmax")(values))
"""


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["lambda", "forgetful"], id="two"),
        pytest.param(list(REFUSED), id="all", marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_finished_is_refused_before_its_training(
    shell, three, monkeypatch, tmp_path, names
):
    """Each with its sentence; the network after them is trained all the same."""
    for name in names:
        monkeypatch.setitem(MODELS, name, REFUSED[name][0])
    monkeypatch.setitem(MODELS, "good", TRAINED["own_layer"])
    done = train(shell, three, [*names, "good"], "--runs-dir", tmp_path, check=False)
    refused(done)
    (complaint,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    sentences = complaint.removeprefix("error: ").split("; ")
    assert len(sentences) == len(names), complaint
    for sentence, name in zip(sentences, names, strict=True):
        _, *words = REFUSED[name]
        assert f"model '{name}'" in sentence and all(word in sentence for word in words), sentence
        (folder,) = (tmp_path / "three").glob(f"{name}-none-0")
        assert {path.name for path in folder.iterdir()} <= {"lock"}
    assert (tmp_path / "three" / "good-none-0" / "summary.json").is_file()


def test_a_check_leaves_the_random_numbers_of_a_run_as_they_were(monkeypatch):
    monkeypatch.setitem(MODELS, "own", TRAINED["subclassed"])
    keras.utils.set_random_seed(3)
    model = build("own", 300, 3)
    state = random.getstate()
    check_network("own", model, 300)
    assert random.getstate() == state


def builder_with(signature):
    """A builder with these parameters, as text."""
    names = {}
    exec(f"def build({signature}): ...", names)
    return names["build"]


@pytest.mark.parametrize(
    ("signature", "choices"),
    [
        ("input_size, classes", {}),
        ("n, k, units=8", {"units": 8}),
        ("n, k, shift_range, *, dense=(8,)", {"dense": (8,)}),
        ("n, k, *, shift_range=50, hidden_activation=None", {"hidden_activation": None}),
        ("n, k, /, kernels=[3, 5], **others", {"kernels": [3, 5]}),
    ],
)
def test_choices_are_all_arguments_but_the_sizes(monkeypatch, signature, choices):
    monkeypatch.setitem(MODELS, "own", builder_with(signature))
    assert checked_choices("own", {}) == choices
    named = "linear" if "hidden_activation" in choices else "none"
    assert hidden_activation(choices, "published") == named
    assert hidden_activation(choices, "relu") == ("none" if named == "none" else "relu")


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("spectra", "too many positional arguments"),
        ("input_size, classes, units", "'units'"),
        ("input_size, classes, *, units", "'units'"),
    ],
)
def test_builders_that_ask_for_more_than_sizes_are_refused(monkeypatch, signature, words):
    monkeypatch.setitem(MODELS, "own", builder_with(signature))
    with pytest.raises(InputError, match=f"model 'own': its builder.*{words}"):
        checked_choices("own", {})


def test_a_choice_without_a_benchmarked_value_takes_any(shell, three, monkeypatch):
    monkeypatch.setitem(MODELS, "own", TRAINED["sequential_with_input"])
    for value in (None, 3, 0.5, "text", [1, 2], {"a": 1}):
        assert checked_choices("own", {"dense": value})["dense"] == value
    train(shell, three, ["own"], "--model-args", "dense=[4,4]", "--runs-dir", three / "choices")
    (folder,) = (three / "choices" / "three").iterdir()
    assert folder.name == "own-dense=[4,4]-linear-0"
    assert json.loads((folder / "summary.json").read_text())["parameters"] == 300 * 4 + 4 + 20 + 15

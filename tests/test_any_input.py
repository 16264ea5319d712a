"""Any content of a config and any command line: it is understood, or refused in one sentence."""

import contextlib
import dataclasses
import io
import json
import shutil
import warnings

import numpy as np
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from test_config import change

import dataset_config_generator
import evaluate
import spectra_from_config
import train
from synthetic_spectra.common.cli import checked_settings
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset, sources
from synthetic_spectra.spectra.definitions import Config
from synthetic_spectra.spectra.settings import Rendering

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**12, 10**400, "../../x"]),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=6,
)


def places(content, path=()):
    """Paths of all values in a config's content."""
    inner = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_any_content_is_a_config_or_one_sentence(tmp_path_factory, data):
    content = json.loads((ROOT / "dataset_configs" / "example.json").read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        change(*data.draw(st.sampled_from(list(places(content)))), to=data.draw(JSON))(content)
    path = tmp_path_factory.mktemp("any") / "any.json"
    path.write_text(json.dumps(content))
    try:
        assert isinstance(config.load(path), Config)
    except InputError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)


@settings(max_examples=300, deadline=None)
@given(
    script=st.sampled_from([dataset_config_generator, spectra_from_config, train, evaluate]),
    values=st.lists(
        st.sampled_from(["0", "-1", "9" * 30, "nan", "inf", "../../y", "", "uniform", "cnn2"])
        | st.text()
    ),
    data=st.data(),
)
def test_any_command_line_is_settings_or_a_refusal(script, values, data):
    flags = [f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(script.Settings)]
    words = [word for value in values for word in (data.draw(st.sampled_from(flags)), value)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            assert isinstance(checked_settings(script.Settings, words), script.Settings)
        except InputError as error:
            assert "\n" not in str(error)
        except SystemExit as ended:  # by the parser, which has told why
            assert ended.code in (0, 2)


NUMBERS = {
    int: [
        "0", "1", "-1", "2", "39", "41", "1000", "1001", str(2**31), str(2**31 + 1), str(2**53),
        str(2**53 + 1), str(2**64), "9" * 30, "9" * 5000,
    ],
    float: [
        "0", "-0.0", "1e-320", "1e-9", "0.001", "0.5", "0.9999999999999999", "1", "41", "1000",
        "1001", "1e12", "1e13", "1e308", "nan", "inf", "-1",
    ],
}  # fmt: skip
SWITCHES = [
    (),
    ("--counts", "100"),
    ("--noise", "0.1", "--background", "0.5"),
    ("--width-spread", "0.3", "--scale", "0.1"),
    ("--profile", "pseudo_voigt", "--impurities", "2"),
    ("--dtype", "float32"),
]


@st.composite
def extreme_flags(draw, settings_class):
    """Flags that set one or two numbers to limits, or beyond them."""
    defaults = {
        field.name: field.default if isinstance(field.default, tuple) else (field.default,)
        for field in dataclasses.fields(settings_class)
    }
    numeric = [name for name, (first, *_) in defaults.items() if type(first) in NUMBERS]
    words = []
    for name in draw(st.lists(st.sampled_from(numeric), min_size=1, max_size=2, unique=True)):
        values = st.sampled_from(NUMBERS[type(defaults[name][0])])
        n_values = len(defaults[name])
        drawn = draw(st.lists(values, min_size=n_values, max_size=n_values))
        words += [f"--{name.replace('_', '-')}", *drawn]
    return words


def ends_well(script, words):
    """Run a script with flags; whether it ends with what was asked for, or else as for a mistake of
    the user."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            script.main(checked_settings(script.Settings, words))
        except InputError as error:
            assert "\n" not in str(error)
            return False
        except OSError:  # such as a full disk
            return False
        except SystemExit as ended:  # by the parser, which has told why
            assert ended.code == 2
            return False
    return True


@settings(max_examples=100, deadline=None)
@given(words=extreme_flags(Rendering), switches=st.sampled_from(SWITCHES))
def test_any_limit_of_the_rendering_gives_spectra_that_load_or_one_sentence(
    words, switches, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("limits")
    content = {
        "datapoints": 40, "boundary": 2, "classes": 2, "min_peaks": 1, "max_peaks": 3,
        "max_height": 9,
        "spectra": {
            "0": {"peak_positions": [8, 20, 30], "peak_heights": [0.5, 1.0, 0.3]},
            "1": {"peak_positions": [20], "peak_heights": [1.0]},
        },
    }  # fmt: skip
    (folder / "small.json").write_text(json.dumps(content))
    usual = {"--shift-range": "2", "--test-shift": "2", "--n-train": "3", "--n-val": "2"}
    flags = [word for pair in usual.items() if pair[0] not in words for word in pair]
    places = ("--config", str(folder / "small.json"), "--datasets-dir", str(folder / "datasets"))
    with warnings.catch_warnings(action="error"):
        if ends_well(spectra_from_config, [*places, *flags, *switches, *words]):
            definitions = dataset.load(folder / "datasets", "small").definitions
            assert np.isfinite(sources.fresh(definitions, 0, 0)[0]).all()
        else:
            assert not (folder / "datasets" / "small").exists()
    shutil.rmtree(folder)


@settings(max_examples=100, deadline=None)
@given(words=extreme_flags(dataset_config_generator.Settings))
def test_any_limit_of_the_generator_gives_a_config_or_one_sentence(words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    if "--n-classes" not in words:
        words = [*words, "--n-classes", "3"]
    elif (
        len(words[words.index("--n-classes") + 1]) > 4
    ):  # classes without end are drawn without end
        return
    with warnings.catch_warnings(action="error"):
        if ends_well(dataset_config_generator, [*words, "--configs-dir", str(folder)]):
            assert config.load(folder / "dataset500.json")
        else:
            assert not list(folder.iterdir())
    shutil.rmtree(folder)

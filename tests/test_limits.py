"""What rendering and loading tell or refuse: flags, clipping, damage, too little memory or disk."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rendering import render

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, dataset, peaks, sources
from synthetic_spectra.spectra.peak_definitions import ClassDefinition
from synthetic_spectra.spectra.settings import Rendering

SCRIPT = ROOT / "spectra_from_config.py"
EXAMPLE = ROOT / "dataset_configs" / "example.json"


def test_a_spectrum_without_any_peak_is_an_error_that_names_the_class(shell, tmp_path):
    content = json.loads(EXAMPLE.read_text())
    content["spectra"]["1"] = {"peak_positions": [120, 120], "peak_heights": [1.0, 0.01]}
    content["rendering"] = {"shift_range": 0, "test_var": 0.5}
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(content))
    refused(
        render(shell, tmp_path, path, check=False),
        "class 1",
        "is empty",
    )
    assert not list((tmp_path / "datasets").iterdir())


def test_flags_are_settings_but_never_override_the_dataset(shell, tmp_path):
    refused(
        render(shell, tmp_path, EXAMPLE, "--test-shift", 10, check=False),
        "test_shift",
    )
    refused(
        render(shell, tmp_path, EXAMPLE, "--n-val", 0, check=False),
        "n_val",
        "0",
    )
    challenge = ROOT / "dataset_configs" / "challenge.json"
    switched = render(shell, tmp_path, challenge, "--no-vary-highest", check=False)
    refused(switched, "vary_highest")
    render(shell, tmp_path, EXAMPLE, "--n_train", 7, "--dtype", "float32")
    x = np.load(tmp_path / "datasets" / "example" / "x_train.npy")
    assert x.shape == (14, 500)
    assert x.dtype == "float32"
    kept = config.load(tmp_path / "datasets" / "example" / "config.json").rendering
    assert (kept.n_train, kept.shift_range, kept.seed, kept.dtype) == (7, 20, 2022, "float32")
    again = render(shell, tmp_path, EXAMPLE, "--n-train", 7, "--dtype", "float32")
    assert "already" in again.stdout


def test_too_many_bytes_are_refused_before_anything_is_written(shell, tmp_path):
    done = render(shell, tmp_path, EXAMPLE, "--n-train", 10**12, check=False)
    refused(done, "take 8,016,000,000,152,304 bytes")
    assert not list((tmp_path / "datasets").iterdir())


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    # as on a full disk, writing ends with an error of the operating system; the real limit of this
    # shell is 20 blocks
    command = f"ulimit -f 20; exec '{sys.executable}' '{SCRIPT}' --config '{EXAMPLE}'"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    refused(done, "File too large")
    assert not list((tmp_path / "datasets").iterdir())


@pytest.mark.parametrize("shift_range", [0, 1, 7, 20, 60, 300])
def test_clipped_peaks_are_counted(shift_range):
    spectrum = ClassDefinition(peak_positions=[3, 40, 95], peak_heights=[1.0, 0.5, 0.2])
    settings_of_class = Rendering(
        shift_range=shift_range, test_shift=shift_range, test_shifts=(0, -1, 1, 2)
    )
    share, n_tests = peaks.clipped(spectrum, settings_of_class, 100)

    # drawn on an axis without ends, peaks lie beyond this one as often
    moved = ClassDefinition(peak_positions=[1003, 1040, 1095], peak_heights=[1.0, 0.5, 0.2])
    rng = np.random.default_rng(0)
    positions, _, _ = peaks.draw(moved, settings_of_class, 20_000, 3000, rng)
    beyond = (positions < 1000) | (positions > 1099)
    assert beyond.mean() == pytest.approx(share, abs=0.01)
    positions, _, _ = peaks.grid(moved, settings_of_class, 3000)
    assert n_tests == ((positions < 1000) | (positions > 1099)).any(axis=1).sum()


def test_clipped_peaks_are_told_with_the_shifts_that_clip_none(shell, tmp_path):
    flags = ("--n-classes", 3, "--n-datapoints", 200, "--boundary", 20, "--max-peaks", 5)
    made = shell(tmp_path, "dataset_config_generator.py", "--name", "three", *flags)
    assert "--shift-range 2 --test-shift 1" in made.stderr
    told = render(shell, tmp_path, "three").stderr
    share, tests, room, step = re.search(
        r"clip (.*) % of the peaks.* of (\d+) of 27 test spectra; a shift_range of at most (\d+) "
        r"and a test_shift of at most (\d+)",
        told,
    ).groups()
    assert 0 < float(share) < 100
    assert 0 < int(tests) <= 27
    # one datapoint more would clip
    more = ((int(room) + 1, step), True), ((room, int(step) + 1), True)
    for shifts, clips in (((room, step), False), *more):
        flags = ("--shift-range", shifts[0], "--test-shift", shifts[1], "--replace")
        assert ("clip" in render(shell, tmp_path, "three", *flags).stderr) == clips
    published = shell(tmp_path, "dataset_config_generator.py", "--n-classes", 3)
    assert published.stderr == ""


SPOIL = {
    "missing": (lambda path: path.unlink(), "no such file"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-8]), "not a whole"),
    "empty": (lambda path: path.write_bytes(b""), "not a whole"),
    "pickled": (lambda path: np.save(path, np.array([{}]), allow_pickle=True), "not a whole"),
    "with a damaged header": (
        lambda path: path.write_bytes(path.read_bytes().replace(b"(", b"[", 1)),
        "not a whole",
    ),
    "of text": (lambda path: np.save(path, np.array([["a"]])), "expected"),
    "of complex numbers": (lambda path: np.save(path, np.load(path) * 1j), "complex128"),
    "of more dimensions": (lambda path: np.save(path, np.load(path)[..., None]), "expected"),
}
SPOIL_SPECTRA = {
    "too short": (lambda x: x[:, :-1], "499"),
    "none": (lambda x: x[:0], "at least one"),
    "NaN": (lambda x: np.where(np.arange(len(x))[:, None] == 3, np.nan, x), "spectrum 3"),
    "infinite": (lambda x: np.where(np.arange(len(x))[:, None] == 4, np.inf, x), "spectrum 4"),
    "with its values too far apart": (
        lambda x: np.where(np.arange(x.shape[1]) == 7, -1e300, x),
        "too far apart",
    ),
    "all zero": (lambda x: x * (np.arange(len(x)) != 5)[:, None], "spectrum 5"),
}
SPOIL_LABELS = {
    "too few": (lambda y: y[1:], "expected one for each"),
    "unknown": (lambda y: y + 1, "label 2"),
    "fractional": (lambda y: y + 0.5, "label 0.5"),
    "NaN": (lambda y: y * np.nan, "nan"),
}


@pytest.fixture
def copy(example, tmp_path):
    """A fresh copy of the rendered example's folder."""
    return shutil.copytree(example / "datasets" / "example", tmp_path / "datasets" / "example")


@pytest.mark.parametrize("axis", "xy")
@pytest.mark.parametrize("how", SPOIL)
def test_damaged_arrays_are_named(copy, axis, how):
    spoil, word = SPOIL[how]
    path = copy / f"{axis}_val.npy"
    spoil(path)
    with pytest.raises(config.InputError, match=word) as caught:
        dataset.load(copy.parent, "example")
    assert str(path) in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_bytes_are_an_array_or_one_sentence(example, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("bytes")
    copied = shutil.copytree(example / "datasets" / "example", folder / "example") / "x_val.npy"
    whole = copied.read_bytes()
    start = data.draw(st.integers(0, 140) | st.integers(0, len(whole)))
    end = data.draw(st.integers(start, start + 9) | st.just(len(whole)))
    copied.write_bytes(whole[:start] + data.draw(st.binary(max_size=12)) + whole[end:])
    try:
        loaded = dataset.load(folder, "example")
    except config.InputError as error:
        assert str(copied) in str(error)
        assert "\n" not in str(error)
    else:
        assert (loaded.x["val"].max(axis=1) == 1).all()
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("axis", "how"), [("x", how) for how in SPOIL_SPECTRA] + [("y", how) for how in SPOIL_LABELS]
)
def test_wrong_values_are_named(copy, axis, how):
    change, word = (SPOIL_SPECTRA if axis == "x" else SPOIL_LABELS)[how]
    path = copy / f"{axis}_train.npy"
    np.save(path, change(np.load(path)))
    with pytest.raises(config.InputError, match=word) as caught:
        dataset.load(copy.parent, "example")
    assert str(path) in str(caught.value)


def test_a_deleted_array_is_rendered_again_and_a_dataset_without_config_is_explained(copy, shell):
    folder = copy.parent.parent
    (copy / "x_val.npy").unlink()
    render(shell, folder, EXAMPLE)
    assert len(dataset.load(copy.parent, "example").x["val"]) == 20
    (copy / "config.json").unlink()
    with pytest.raises(config.InputError, match=r"spectra_from_config\.py --config example"):
        dataset.load(copy.parent, "example")


def test_loaded_spectra_have_a_maximum_of_1(copy):
    data = dataset.load(copy.parent, "example")
    raw = np.load(copy / "x_test.npy")
    for split in dataset.SPLITS:
        assert data.x[split].dtype == "float32"
        assert (data.x[split].max(axis=1) == 1).all()
    assert np.array_equal(data.x["test"], (raw / raw.max(axis=1, keepdims=True)).astype("float32"))


def test_what_does_not_fit_into_memory_is_refused_before_it_is_made(tmp_path, monkeypatch):
    definitions = config.load(EXAMPLE).resolved()
    monkeypatch.setattr(peaks, "free_memory", lambda: 10_000)
    with pytest.raises(
        InputError, match=r"class 0: rendering takes [\d,]+ bytes of memory, 10,000 bytes are free"
    ):
        sources.render(definitions, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_what_does_not_fit_on_the_disk_or_into_numbers_is_refused_before_it_is_made(
    shell, tmp_path
):
    content = json.loads(EXAMPLE.read_text())
    path = tmp_path / "huge.json"
    for changes, words in (
        ({"datapoints": 10**12}, ("take 1,104,000,000,001,104 bytes",)),
        ({"datapoints": 10**30}, ("datapoints is 1000000000000",)),
        ({"rendering": {"test_shifts": [10**30]}}, ("test_shifts",)),
    ):
        path.write_text(json.dumps(content | changes))
        refused(render(shell, tmp_path, path, check=False), *words)
    assert not (tmp_path / "datasets" / "huge").exists()
    refused(
        render(shell, tmp_path, "../../x", check=False),
        "'../../x'",
        "a name in",
    )


def test_spectra_that_do_not_fit_into_memory_stay_on_disk_and_are_the_same(
    shell, tmp_path, monkeypatch
):
    render(shell, tmp_path, EXAMPLE)
    whole = dataset.load(tmp_path / "datasets", "example")
    monkeypatch.setattr(dataset, "free_memory", lambda: 0)
    mapped = dataset.load(tmp_path / "datasets", "example")
    rows = np.array([5, 0, 99])
    for split in dataset.SPLITS:
        assert isinstance(mapped.x[split], dataset.Scaled)
        assert len(mapped.x[split]) == len(whole.x[split])
        assert np.array_equal(
            mapped.x[split][rows % len(whole.x[split])], whole.x[split][rows % len(whole.x[split])]
        )
    assert mapped.checksum == whole.checksum


def test_rendering_in_parts_is_the_same_to_the_bit(shell, tmp_path, monkeypatch):
    definitions = config.load(EXAMPLE).resolved()
    sources.render(definitions, tmp_path / "whole")
    monkeypatch.setattr(peaks, "AT_ONCE", 200_000)
    sources.render(definitions, tmp_path / "parts")
    for file in sorted((tmp_path / "whole").glob("*.npy")):
        assert file.read_bytes() == (tmp_path / "parts" / file.name).read_bytes(), file.name

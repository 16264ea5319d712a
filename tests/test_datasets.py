"""Folders of datasets: nothing that rendering did not write is lost, whoever renders where."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, refused

from synthetic_spectra.spectra import config, dataset

EXAMPLE = ROOT / "dataset_configs" / "example.json"


def render(shell, folder, *flags, path=EXAMPLE, check=True):
    """Run the renderer of the project in a folder."""
    return shell(folder, "spectra_from_config.py", "--config", path, *flags, check=check)


@pytest.fixture
def folder(example, tmp_path):
    """A fresh copy of the rendered example."""
    return shutil.copytree(example / "datasets" / "example", tmp_path / "datasets" / "example")


def content(folder):
    """Every file and folder below a folder, with its bytes."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def arrays_without_config(folder):
    for path in folder.iterdir():
        if path.suffix == ".json":
            path.unlink()


def manifest_of_something_else(folder):
    (folder / "manifest.json").write_text('{"name": "an app"}')


def a_changed_array(folder):
    array = np.load(folder / "x_val.npy")
    array[3, 7] += 1
    np.save(folder / "x_val.npy", array)


def a_file_in_its_place(folder):
    shutil.rmtree(folder)
    folder.write_text("mine")


# what stands in datasets/example/ → how, and what the refusal names
FOREIGN = {
    "arrays of somebody": (arrays_without_config, "x_train.npy"),
    "arrays with a config": (lambda f: (f / "manifest.json").unlink(), "x_train.npy"),
    "manifest of something else": (manifest_of_something_else, "manifest.json"),
    "notes": (lambda f: (f / "notes.txt").write_text("mine"), "notes.txt"),
    "a folder": (lambda f: (f / "mine").mkdir(), "mine"),
    "a changed array": (a_changed_array, "x_val.npy"),
    "a changed config": (lambda f: config.save(f / "config.json", config.load(EXAMPLE)), "config"),
    "a file in its place": (a_file_in_its_place, "a file"),
}


@pytest.mark.parametrize("flags", [(), ("--replace",)], ids=["plain", "replace"])
@pytest.mark.parametrize("case", FOREIGN)
def test_what_rendering_did_not_write_is_named_and_stays(shell, folder, case, flags):
    change, word = FOREIGN[case]
    change(folder)
    before = content(folder.parent)
    # other settings, as those that are there would be found there
    done = render(shell, folder.parent.parent, "--n-train", 3, *flags, check=False)
    refused(done, folder.name, word)
    assert content(folder.parent) == before


def test_other_spectra_are_replaced_only_when_asked_for(shell, folder):
    before = content(folder)
    done = render(shell, folder.parent.parent, "--n-train", 3, check=False)
    refused(done, "rendering.n_train is 3, was 50", "--replace", "x_train.npy")
    assert content(folder) == before
    render(shell, folder.parent.parent, "--n-train", 3, "--replace")
    assert dataset.load(folder.parent, "example").definitions.rendering.n_train == 3
    assert "already" in render(shell, folder.parent.parent, "--n-train", 3).stdout
    assert [path.name for path in folder.parent.iterdir()] == ["example"]


def test_spectra_are_there_already_only_if_they_are_what_was_written(shell, folder):
    assert "already" in render(shell, folder.parent.parent).stdout
    (folder / "x_val.npy").touch()
    assert "already" in render(shell, folder.parent.parent).stdout
    with (folder / "x_val.npy").open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"?")
    refused(render(shell, folder.parent.parent, check=False), "x_val.npy")
    # what is missing is rendered again
    (folder / "x_val.npy").unlink()
    assert "wrote" in render(shell, folder.parent.parent).stdout
    assert len(dataset.load(folder.parent, "example").x["val"]) == 20


def test_a_dataset_without_a_manifest_stays_usable(shell, folder):
    checksum = dataset.load(folder.parent, "example").checksum
    (folder / "manifest.json").unlink()
    assert "no manifest" in render(shell, folder.parent.parent).stdout
    assert dataset.load(folder.parent, "example").checksum == checksum


def test_spectra_that_are_there_need_no_right_to_write(folder):
    folder.parent.chmod(0o555)
    # root may write everywhere, but for this
    prefix = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
    command = [*prefix, sys.executable, ROOT / "spectra_from_config.py", "--config", EXAMPLE]
    done = subprocess.run(command, cwd=folder.parent.parent, capture_output=True, text=True)
    assert "already" in done.stdout, done.stderr
    done = subprocess.run(
        [*command, "--datasets-dir", "datasets/deeper"],
        cwd=folder.parent.parent,
        capture_output=True,
        text=True,
    )
    refused(done, "Permission denied")


@pytest.mark.parametrize(
    "times", [2, pytest.param(20, marks=pytest.mark.slow)], ids=["twice", "often"]
)
def test_two_renderers_at_once_lose_nothing(example, tmp_path, times):
    whole = dataset.load(example / "datasets", "example").checksum
    command = [sys.executable, ROOT / "spectra_from_config.py", "--config", EXAMPLE]
    for i in range(times):
        place = tmp_path / str(i)
        place.mkdir()
        both = [
            subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(2)
        ]
        told = sorted(process.communicate()[0].split()[0] for process in both)
        assert [process.returncode for process in both] == [0, 0]
        assert told == [b"datasets/example", b"wrote"]  # one finds what the other has written
        assert dataset.load(place / "datasets", "example").checksum == whole
        assert [path.name for path in (place / "datasets").iterdir()] == ["example"]


def test_of_two_renderers_with_other_settings_one_is_refused(tmp_path):
    command = [sys.executable, ROOT / "spectra_from_config.py", "--config", EXAMPLE]
    both = [
        subprocess.Popen(
            [*command, "--n-train", n_train], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        for n_train in ("40", "50")
    ]
    told = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    first, second = (both[0], told[1]) if both[0].returncode == 0 else (both[1], told[0])
    assert "holds other spectra: rendering.n_train is" in second
    n_train = 40 if first is both[0] else 50
    assert len(dataset.load(tmp_path / "datasets", "example").y["train"]) == 2 * n_train


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "a dataset", "other spectra"])
def test_a_folder_may_be_a_link(shell, example, tmp_path, there):
    target, link = tmp_path / "scratch" / "deep" / "example", tmp_path / "datasets" / "example"
    link.parent.mkdir()
    link.symlink_to(target)
    if there == "an empty folder":
        target.mkdir(parents=True)
    elif there != "nothing":
        shutil.copytree(example / "datasets" / "example", target)
    flags = ("--n-train", 3, "--replace") if there == "other spectra" else ()
    render(shell, tmp_path, *flags)
    assert link.is_symlink()
    assert target.is_dir()
    n_train = 2 * (3 if flags else 50)
    assert len(dataset.load(tmp_path / "datasets", "example").y["train"]) == n_train


def test_a_link_that_leads_nowhere_is_refused(shell, tmp_path):
    link = tmp_path / "datasets" / "example"
    link.parent.mkdir()
    link.symlink_to(link)
    refused(render(shell, tmp_path, check=False), "example")
    assert link.is_symlink()


def test_configs_of_the_project_are_found_from_anywhere(shell, tmp_path):
    render(shell, tmp_path, path="example")
    assert dataset.load(tmp_path / "datasets", "example").name == "example"
    # one of the working folder comes first
    (tmp_path / "dataset_configs").mkdir()
    shutil.copy(ROOT / "dataset_configs" / "challenge.json", tmp_path / "dataset_configs")
    (tmp_path / "dataset_configs" / "challenge.json").rename(
        tmp_path / "dataset_configs" / "example.json"
    )
    assert config.load(ROOT / config.find("example")).n_classes == 2
    refused(render(shell, tmp_path, path="example", check=False), "other spectra")


# what is edited in a config file after rendering → what is said of it
EDITS = {
    "a height": (
        lambda c: c["spectra"]["1"]["peak_heights"].__setitem__(1, 0.3),
        "class 1: peak_heights[1] is 0.3, was 0.2",
    ),
    "a setting": (
        lambda c: c["rendering"].update(shift_range=3),
        "rendering.shift_range is 3, was 20",
    ),
    "a setting of a class": (
        lambda c: c["spectra"]["0"].update(rendering={"test_var": 0.1}),
        "class 0: rendering is {'test_var': 0.1}, was not set",
    ),
    "an artefact": (lambda c: c["rendering"].update(noise=0.1), "rendering.noise is 0.1, was 0.01"),
    "a setting left out": (
        lambda c: c.pop("rendering"),
        "rendering.shift_range is not set, was 20",
    ),
    "a class": (
        lambda c: c.update(
            classes=3,
            spectra=c["spectra"] | {"2": {"peak_positions": [99, 200], "peak_heights": [1, 0.5]}},
        ),
        "classes is 3, was 2",
    ),
    "a mistake": (lambda c: c.update(datapoint=3), "unknown key 'datapoint'"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_after_rendering_is_told(shell, tmp_path, capsys, edit):
    path = tmp_path / "example.json"
    shutil.copy(EXAMPLE, path)
    render(shell, tmp_path, "--n-train", 3, "--noise", 0.01, path=path)
    rendered = dataset.resolved(tmp_path / "datasets", path)
    assert capsys.readouterr().err == ""
    change, told = EDITS[edit]
    edited = json.loads(path.read_text())
    change(edited)
    path.write_text(json.dumps(edited))
    assert dataset.resolved(tmp_path / "datasets", path) == rendered
    sentence = capsys.readouterr().err
    assert f"{path}: edited since" in sentence
    assert told in sentence
    assert sentence.count("\n") == 1

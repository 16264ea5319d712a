"""Noise spectra: from measured files, in configs, with the dataset, and for networks."""

import json

import numpy as np
import pytest
from conftest import refused
from noise_library import KEPT, SIZE, background_of, content, drawn, library, noise_files

from synthetic_spectra.analysis import trained
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import noise_shuffle
from synthetic_spectra.measured.identification import Identifier
from synthetic_spectra.spectra import config, dataset, sources


def test_noise_files_travel_with_the_dataset(shell, tmp_path):
    path, definitions = library(tmp_path)
    files = noise_files(tmp_path)
    command = ("spectra_from_config.py", "--config", path, "--noise-files", *files)
    assert "wrote" in shell(tmp_path, *command).stdout
    assert "already" in shell(tmp_path, *command).stdout
    expected = drawn(definitions)
    for file in files:
        file.rename(tmp_path / "elsewhere")
    data = dataset.load(tmp_path / "datasets", path)
    assert data.definitions == definitions
    for split in dataset.SPLITS:
        rows = np.concatenate([expected[split][label] for label in range(5)])
        rows = (rows / rows.max(axis=1, keepdims=True)).astype("float32")
        np.testing.assert_array_equal(data.x[split], rows)
    # without noise these would be other spectra
    done = shell(tmp_path, "spectra_from_config.py", "--config", path, check=False)
    refused(done, "holds other spectra", "noise_spectra")


def test_a_config_with_noise_of_its_own_is_written_by_the_study(shell, tmp_path):
    path, definitions = library(tmp_path)
    command = ("studies/noise_shuffle.py", "--config", path, "--configs-dir", tmp_path)
    shell(tmp_path, *command, "--name", "measured", "--noise-files", *noise_files(tmp_path))
    written = config.load(tmp_path / "measured.json")
    assert written.noise_spectra == definitions.noise_spectra
    assert (written.rendering.n_train, written.rendering.n_val) == (58, 14)
    assert written.spectra == definitions.spectra

    # without files rendered spectra stand in, each called as its class, which never gets it
    shell(tmp_path, *command, "--name", "rendered", "--noise-of", "ZIF-8", "MOF-5")
    resolved = config.load(tmp_path / "rendered.json").resolved()
    assert list(resolved.noise_spectra) == ["ZIF-8", "MOF-5"]
    pattern = noise_shuffle.scaled(sources.source_of(resolved).source.theoretical(1))
    noise = np.array(resolved.noise_spectra["ZIF-8"])
    assert np.corrcoef(noise, pattern)[0, 1] > 0.15
    highest = np.argsort(-pattern, kind="stable")[:KEPT]
    for spectrum in drawn(resolved)["train"][1]:
        background = np.delete(spectrum, highest)
        assert background_of(resolved, background) == "MOF-5"
    done = shell(tmp_path, *command, "--name", "rendered", "--noise-of", "ZIF-67", check=False)
    refused(done, "rendered.json", "--overwrite")
    refused(shell(tmp_path, *command, "--noise-of", "MOF-1", check=False), "--noise-of 'MOF-1'")


def test_two_names_of_one_class_are_told_to_give_one_noise_spectrum(shell, tmp_path):
    whole = content()
    whole["spectra"]["2"]["aliases"] = [{"name": "ZIF-7"}]
    path = tmp_path / "library.json"
    path.write_text(json.dumps(whole))
    command = ("studies/noise_shuffle.py", "--config", path, "--configs-dir", tmp_path)
    done = shell(tmp_path, *command, "--name", "two", "--noise-of", "ZIF-7", "ZIF-8", "ZIF-67")
    assert "ZIF-7 and ZIF-67 are one class" in done.stderr
    noise = config.load(tmp_path / "two.json").noise_spectra
    assert noise["ZIF-7"] == noise["ZIF-67"] != noise["ZIF-8"]


def test_networks_of_noise_get_measured_files_with_their_background(shell, tmp_path):
    path, _ = library(tmp_path, n_train=1, n_val=1)
    files = noise_files(tmp_path)
    shell(tmp_path, "spectra_from_config.py", "--config", path, "--noise-files", *files)
    with_noise = trained.with_noise_of(tmp_path / "datasets", path)
    assert set(with_noise.noise_spectra) == {file.stem for file in files}
    without = trained.with_noise_of(tmp_path / "nothing", path)
    assert not without.noise_spectra

    given = []
    for definitions in (with_noise, without):
        identifier = Identifier(definitions)
        on_axis, spectrum = identifier.spectrum(files[0])
        given.append(identifier.for_network(on_axis, spectrum))
        assert given[-1].dtype == np.float32 and given[-1].max() == 1
    np.testing.assert_allclose(given[0], with_noise.noise_spectra["ZIF-8_1"], atol=1e-6)
    assert np.median(given[1]) < 0.02 < np.median(given[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: files[0].write_text("no spectrum"), ["ZIF-8_1.xy"]),
        (lambda files: files[0].unlink(), ["ZIF-8_1.xy", "No such file"]),
        (lambda files: files[0].write_text("20 1\n" * 30), ["ZIF-8_1.xy"]),
        (
            lambda files: files[0].write_text("".join(f"{5 + i / 10} {i}\n" for i in range(100))),
            ["ZIF-8_1.xy", "22 % of the axis", "at least 50 %"],
        ),
        # a beam in front of the axis, and nothing on it
        (
            lambda files: files[0].write_text(
                "".join(f"{i / 10} {1000 if i < 30 else 0}\n" for i in range(900))
            ),
            ["ZIF-8_1.xy", "every intensity on the axis is 0"],
        ),
    ],
)
def test_a_file_without_noise_is_told(shell, tmp_path, change, words):
    path, _ = library(tmp_path)
    files = noise_files(tmp_path)
    change(files)
    done = shell(
        tmp_path, "spectra_from_config.py", "--config", path, "--noise-files", *files, check=False
    )
    refused(done, *words)
    assert not (tmp_path / "datasets").exists()


def test_a_class_without_noise_of_another_material_is_told(shell, tmp_path):
    path, _ = library(tmp_path)
    files = noise_files(tmp_path)[:1]
    done = shell(
        tmp_path, "spectra_from_config.py", "--config", path, "--noise-files", *files, check=False
    )
    refused(done, "class 1", "noise spectrum")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noise_spectra": {"a": [0.0, 1.0]}}, ["noise_spectra.a has 2 values", "2251"]),
        ({"noise_spectra": {"a": [0.0] * SIZE}}, ["noise_spectra.a is from 0 to 0", "0 to 1"]),
        (
            {
                "noise_spectra": {"a": [0.0] * (SIZE - 1) + [1.0]},
                "rendering": {"kept_points": 3000},
            },
            ["kept_points is 3000", "2251"],
        ),
        (
            {
                "noise_spectra": {"a": [0.0] * (SIZE - 1) + [1.0]},
                "rendering": {"separate_noise": True},
            },
            ["separate_noise", "at least 2"],
        ),
    ],
)
def test_mistakes_in_a_config_with_noise_are_told(tmp_path, changes, words):
    with pytest.raises(InputError) as caught:
        config.parse(content() | changes, "a config")
    for word in words:
        assert word in str(caught.value)


def test_a_noise_spectrum_is_called_as_the_sample_that_its_file_names(tmp_path):
    axis = config.parse(content(), "a config").axis
    rows = "".join(f"{5 + 0.02 * i:.2f} {i % 7}\n" for i in range(SIZE))
    heads = {"one": "# sample: ZIF-8\n", "two": "# sample: ZIF-8\n", "three": ""}
    files = [tmp_path / f"{stem}.xy" for stem in heads]
    for file in files:
        file.write_text(heads[file.stem] + rows)
    assert list(noise_shuffle.read(files, axis, SIZE)) == ["ZIF-8", "ZIF-8 (2)", "three"]
    # a copy that a file system has numbered
    copy = tmp_path / "three (2).xy"
    copy.write_text(rows)
    again = [copy, files[2], *[files[2]] * 2]
    names = ["three (2)", "three", "three (3)", "three (4)"]
    assert list(noise_shuffle.read(again, axis, SIZE)) == names

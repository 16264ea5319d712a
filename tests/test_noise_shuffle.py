"""Noise-shuffle: what stays in place, what replaces the rest, whose noise a class never gets."""

import json
from collections import Counter

import numpy as np
import pytest
from conftest import refused

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured import noise_shuffle
from synthetic_spectra.spectra import config, dataset, sources

SIZE, KEPT = 2251, 401  # of Wang et al. (2020): 5° to 50° in steps of 0.02°
NAMES = ("MOF-5", "ZIF-8", "ZIF-67", "MOF-74")


def content(**rendering):
    """A library of four substances with many peaks, and one with few."""
    rng = np.random.default_rng(4)
    spectra = {}
    for label, name in enumerate((*NAMES, "NaCl")):
        k = 3 if name == "NaCl" else 60
        heights = np.round(rng.uniform(0.1, 0.9, k), 3)
        heights[0] = 1
        positions = np.sort(rng.choice(np.arange(50, SIZE - 50), k, replace=False))
        spectra[str(label)] = {
            "peak_positions": positions.tolist(), "peak_heights": heights.tolist(), "name": name,
        }  # fmt: skip
    return {
        "datapoints": SIZE, "boundary": 10, "classes": 5, "min_peaks": 1, "max_peaks": 60,
        "max_height": 1, "spectra": spectra,
        "axis": {
            "quantity": "two_theta", "unit": "degree", "first": 5.0, "step": 0.02,
            "wavelength": 1.5406,
        },
        "rendering": {"n_train": 58, "n_val": 14, "test_kernel": 3.5, **rendering},
    }  # fmt: skip


def noise_files(folder, names=("ZIF-8_1", "MOF-74", "a", "b", "c", "d")):
    """Measured files whose values tell each file apart: no value is in two of them."""
    rng = np.random.default_rng(8)
    two_theta = 5 + 0.02 * np.arange(SIZE)
    files = []
    for i, name in enumerate(names):
        values = 1000 + 100 * rng.uniform(size=SIZE)
        values[200:240] += 900 + i
        values[i] = 900
        files.append(folder / f"{name}.xy")
        np.savetxt(files[-1], np.column_stack([two_theta, values]))
    return files


@pytest.fixture
def library(tmp_path):
    """Path of a config, and its resolved definitions with noise from files."""

    def made(**rendering):
        path = tmp_path / "library.json"
        path.write_text(json.dumps(content(**rendering)))
        resolved = config.load(path).resolved()
        files = noise_files(tmp_path)
        return path, resolved.with_noise(noise_shuffle.read(files, resolved.axis, SIZE))

    return made


def drawn(definitions, splits=dataset.SPLITS, key=()):
    """Spectra of a dataset, split -> label -> (n, n_datapoints)."""
    parts = {split: {} for split in splits}
    for split, spectra, labels in sources.source_of(definitions).draw(splits, key):
        for spectrum, label in zip(spectra, labels, strict=True):
            parts[split].setdefault(int(label), []).append(spectrum)
    return {
        split: {i: np.array(rows) for i, rows in found.items()} for split, found in parts.items()
    }


def background_of(definitions, spectrum):
    """Name of the noise spectrum that has all these values."""
    owners = [
        name for name, values in definitions.noise_spectra.items() if set(spectrum) <= set(values)
    ]
    assert len(owners) == 1
    return owners[0]


def test_401_points_stay_and_the_others_are_every_background_value_of_one_noise_spectrum(library):
    _, definitions = library()
    spectra = drawn(definitions)
    source = sources.source_of(definitions).source
    for label, name in enumerate(NAMES):
        pattern = noise_shuffle.scaled(source.theoretical(label))
        highest = np.sort(np.argsort(-pattern, kind="stable")[:KEPT])
        others = np.setdiff1d(np.arange(SIZE), highest)
        assert len(others) == 1850
        used = Counter()
        of_class = np.concatenate([spectra["train"][label], spectra["val"][label]])
        assert len(of_class) == 72
        for spectrum in of_class:
            np.testing.assert_array_equal(spectrum[highest], pattern[highest])
            noise = background_of(definitions, spectrum[others])
            # each value as often as it is there, the 401 highest left out
            expected = np.sort(definitions.noise_spectra[noise])[:1850]
            np.testing.assert_array_equal(np.sort(spectrum[others]), expected)
            used[noise] += 1
        # nothing of the tested material; the rest takes turns
        own = {"ZIF-8": {"ZIF-8_1"}, "MOF-74": {"MOF-74"}}.get(name, set())
        assert set(used) == set(definitions.noise_spectra) - own
        assert max(used.values()) - min(used.values()) <= 1
        if not own:
            assert set(used.values()) == {12}
        assert len({spectrum.tobytes() for spectrum in of_class}) == 72


def test_a_pattern_with_fewer_points_above_0_keeps_just_those(library):
    _, definitions = library()
    pattern = sources.source_of(definitions).source.theoretical(4)
    lit = pattern > 0
    assert 60 < lit.sum() < KEPT
    for spectrum in drawn(definitions)["train"][4]:
        np.testing.assert_allclose(spectrum[lit], pattern[lit] / pattern.max(), rtol=1e-12)
        noise = background_of(definitions, spectrum[~lit])
        expected = np.sort(definitions.noise_spectra[noise])[: SIZE - lit.sum()]
        np.testing.assert_array_equal(np.sort(spectrum[~lit]), expected)
    assert "1 of 5 classes have fewer than 401" in sources.notice(definitions)


def test_validation_gets_noise_of_its_own_where_that_is_asked_for(library):
    _, definitions = library(separate_noise=True)
    source = sources.source_of(definitions).source
    noise = {"train": set(), "val": set()}
    for split, of_classes in drawn(definitions, ("train", "val")).items():
        for label, spectra in of_classes.items():
            pattern = noise_shuffle.scaled(source.theoretical(label))
            for spectrum in spectra:
                noise[split].add(background_of(definitions, np.setdiff1d(spectrum, pattern)))
    assert noise == {"train": {"ZIF-8_1", "MOF-74", "a", "b", "c"}, "val": {"d"}}


def test_rendered_spectra_are_shuffled_with_their_artefacts(library):
    _, theoretical = library(width_spread=0.2, counts=500.0)
    _, rendered = library(width_spread=0.2, counts=500.0, shuffle_of="rendered")
    plain, both = drawn(theoretical), drawn(rendered)
    # every theoretical pattern of a class is the same at its highest points, no rendered one is
    highest = plain["train"][0].argmax(axis=1)
    assert len(set(highest)) == 1
    assert len(set(both["train"][0].argmax(axis=1))) > 5
    source = sources.source_of(rendered).source
    of_source = {
        split: spectra for split, spectra, labels in source.draw(dataset.SPLITS) if labels[0] == 0
    }
    for shuffled, spectrum in zip(both["train"][0], of_source["train"], strict=True):
        scaled = noise_shuffle.scaled(spectrum)
        order = np.argsort(-scaled, kind="stable")
        np.testing.assert_array_equal(shuffled[order[:KEPT]], scaled[order[:KEPT]])
        background_of(rendered, shuffled[order[KEPT:]])
    np.testing.assert_array_equal(both["test"][0], of_source["test"])


def test_the_stream_and_the_epoch_decide_endless_spectra(library):
    _, definitions = library()
    first, _ = sources.fresh(definitions, 3, 0)
    again, labels = sources.fresh(definitions, 3, 0)
    other, _ = sources.fresh(definitions, 3, 1)
    assert first.shape == (5 * 58, SIZE) and np.bincount(labels).tolist() == [58] * 5
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=1).all()
    on_disk = drawn(definitions, ("train",))["train"][0]
    assert (first[:58] != on_disk.astype("float32")).any(axis=1).all()


def test_noise_files_travel_with_the_dataset(shell, library, tmp_path):
    path, definitions = library()
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


def test_a_config_with_noise_of_its_own_is_written_by_the_study(shell, library, tmp_path):
    path, definitions = library()
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
    ],
)
def test_a_file_without_noise_is_told(shell, library, tmp_path, change, words):
    path, _ = library()
    files = noise_files(tmp_path)
    change(files)
    done = shell(
        tmp_path, "spectra_from_config.py", "--config", path, "--noise-files", *files, check=False
    )
    refused(done, *words)
    assert not (tmp_path / "datasets").exists()


def test_a_class_without_noise_of_another_material_is_told(shell, library, tmp_path):
    path, _ = library()
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


@pytest.mark.parametrize(
    ("noise", "same"),
    [
        ("ZIF-8", True), ("zif-8_3", True), ("ZIF-8 (2)", True), ("ZIF-80", False),
        ("ZIF-67", False), ("a ZIF-8", False),
    ],
)  # fmt: skip
def test_whose_noise_a_file_is(noise, same):
    assert noise_shuffle.is_of(noise, ["MOF-5", "ZIF-8"]) is same

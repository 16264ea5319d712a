"""Datasets of the kind "crystals": five space groups from their statistics to what a run says."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
from conftest import ROOT, refused

from benchmarks import example_crystals
from synthetic_spectra.analysis import results
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.crystals import patterns, statistics
from synthetic_spectra.spectra import config, crystal_patterns, dataset, sources

GROUPS = [14, 62, 152, 154, 225]  # 152 and 154 are mirror images of each other
SMALL = {
    "kind": "crystals",
    "datapoints": 701,
    "two_theta": [10.0, 80.0],
    "wavelength": 1.5406,
    "scale": "two_theta",
    "root": True,
    "crystallite_sizes": [20.0, 100.0],
    "statistics": "small.npz",
    "least_structures": 20,
    "max_volume": 1000.0,
    "max_sites": 20,
    "patterns_per_epoch": 40,
    "n_test": 30,
    "rendering": {"n_train": 10, "n_val": 2, "dtype": "float32"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with small.npz, statistics of five space groups, and a config."""
    folder = tmp_path_factory.mktemp("crystals")
    whole = statistics.load("all")
    counted = np.isin(whole.groups, GROUPS)
    arrays = {
        field.name: getattr(whole, field.name)[counted]
        for field in fields(whole)
        if getattr(getattr(whole, field.name), "shape", ())[:1] == counted.shape
    }
    tests = whole.tests.chosen(np.flatnonzero(np.isin(whole.tests.groups, GROUPS)))
    statistics.save(folder / "small.npz", replace(whole, **arrays, tests=tests))
    write(folder, {})
    return folder


@pytest.fixture
def definitions(folder, monkeypatch):
    """The resolved config."""
    monkeypatch.chdir(folder)
    return config.load("small.json").resolved()


def write(folder, changes, name="small"):
    content = SMALL | changes
    (folder / f"{name}.json").write_text(json.dumps(content))
    return "--config", folder / f"{name}.json"


def test_a_rendered_dataset(folder, shell):
    done = shell(folder, "spectra_from_config.py", "--config", "small.json")
    assert "78 spectra in" in done.stdout and "a second" in done.stdout
    data = dataset.load(folder / "datasets", "small")
    names = [one.name for one in data.definitions.spectra.values()]
    assert names == ["P21/c", "Pnma", "P3121 or P3221", "Fm-3m"]
    assert {split: data.x[split].shape for split in data.x} == {
        "train": (40, 701),
        "val": (8, 701),
        "test": (30, 701),
    }
    for split in data.x:
        assert data.x[split].dtype == np.float32 and data.x[split].min() >= 0
        assert (data.x[split].max(axis=1) == 1).all()
        assert set(data.y[split]) <= set(range(4))
    assert len(set(data.y["train"])) > 1 and not np.array_equal(data.x["train"][:8], data.x["val"])
    assert (
        "holds these spectra"
        in shell(folder, "spectra_from_config.py", "--config", "small.json").stdout
    )


def test_the_test_set_is_of_real_crystals_of_other_types(definitions):
    source = sources.source_of(definitions)
    whole = statistics.load(definitions.statistics).tests
    assert len(source.tests) == 30 < len(whole)
    real = {whole.cells[i].tobytes() for i in range(len(whole))}
    ((split, spectra, labels),) = source.draw(("test",))
    assert split == "test" and (np.diff(labels) >= 0).all()
    for i in range(0, 30, 7):
        crystal = source.tests.chosen([i])
        assert crystal.cells.tobytes() in real
        expected = [
            np.sqrt(patterns.patterns(crystal, [size], source.grid)) for size in (20.0, 100.0)
        ]
        # the area over the maximum is between those of the largest and the smallest crystallites
        broad, narrow, found = ((row**2).sum() for row in (*expected, spectra[i]))
        assert 0.98 * narrow < found < 1.02 * broad
        group = int(crystal.groups[0])
        assert group in definitions.spectra[str(labels[i])].space_groups


def test_a_spectrum_depends_on_seed_epoch_and_number_alone(definitions, monkeypatch):
    effects = config.load(ROOT / "dataset_configs" / "space_groups_30_measured.json").artefacts()
    all_effects = definitions.changed(**effects)
    for changed in (definitions, definitions.changed(noise=0.02, background=0.3), all_effects):
        source = sources.source_of(changed)
        x, y = source.batch(3, 5, 0, 40)
        with ThreadPoolExecutor(2) as threads:
            starts = range(0, 40, 8)
            ends = (start + 8 for start in starts)
            parts = list(threads.map(source.batch, [3] * 5, [5] * 5, starts, ends))
        assert np.array_equal(np.concatenate([part for part, _ in parts]), x)
        assert np.array_equal(np.concatenate([part for _, part in parts]), y)
        for seed, epoch in ((3, 6), (4, 5), (5, 3)):
            assert not np.array_equal(source.batch(seed, epoch, 0, 40)[0], x)
        assert x.min() >= 0 and (x.max(axis=1) == 1).all() and x.dtype == np.float32
        drawn, labels = sources.fresh(changed, 3, 5)
        assert np.array_equal(drawn, x) and np.array_equal(labels, y)
    assert not np.array_equal(x, sources.source_of(definitions).batch(3, 5, 0, 40)[0])
    assert sources.stream(definitions).spectra_per_epoch == 40

    # nor on how many are drawn in one call
    whole = list(sources.source_of(all_effects).draw(dataset.SPLITS))
    monkeypatch.setattr(crystal_patterns, "AT_ONCE", 7)
    several = list(sources.source_of(all_effects).draw(dataset.SPLITS))
    assert len(several) > len(whole) == 3
    for i in (1, 2):
        assert np.array_equal(
            np.concatenate([part[i] for part in whole]),
            np.concatenate([part[i] for part in several]),
        )


def test_a_crystal_without_lines_is_drawn_again(definitions):
    # where cells are small, few have a line at low angles
    narrow = config.parse({**definitions.content(), "two_theta": [10.0, 22.0]}, "a test")
    source = sources.source_of(narrow)
    stream = (crystal_patterns.ENDLESS, 0)
    crystals = source.generator.draw(source.effects.seed(*stream), 0, np.arange(40))
    lines = [len(patterns.lines(crystals, i, source.grid)[0]) for i in range(40)]
    assert min(lines) == 0
    x, y = source.batch(0, 0, 0, 40)
    assert (x.max(axis=1) == 1).all() and np.array_equal(y, source.labels[crystals.groups])
    lone = lines.index(0)
    assert np.array_equal(source.batch(0, 0, lone, lone + 1)[0][0], x[lone])


def test_the_logarithmic_axis_and_the_plain_intensities(definitions):
    source = sources.source_of(definitions)
    plain = config.parse({**definitions.content(), "root": False}, "a test")
    (x, y), (intensities, labels) = (
        sources.source_of(one).batch(0, 0, 0, 9) for one in (definitions, plain)
    )
    assert np.array_equal(y, labels)
    assert x == pytest.approx(np.sqrt(intensities), abs=1e-6)
    assert definitions.axis.value([0, 700]) == pytest.approx([10, 80])
    logarithmic = config.parse({**definitions.content(), "scale": "log_sin_theta"}, "a test")
    ends = logarithmic.axis.value([0, 700])
    assert np.degrees(2 * np.arcsin(np.exp(ends))) == pytest.approx([10, 80])
    assert not np.array_equal(sources.source_of(logarithmic).batch(0, 0, 0, 9)[0], x)
    assert "1 of 4 classes" in source.notice()


def test_networks_train_on_the_stream_and_are_counted(folder, shell):
    write(folder, {}, "trained")
    small = ("--config", "trained.json")
    shell(folder, "spectra_from_config.py", *small)
    flags = ("--models", "strided", "--seeds", 0, "--epochs", 2, "--batch-size", 16, "--online")
    shell(folder, "train.py", *small, *flags, "--wandb", "disabled")
    tables = ("--tables", "summary", "confusions", "groups")
    done = shell(folder, "evaluate.py", *small, *tables, "--wandb", "disabled")
    assert "strided" in done.stdout
    made = folder / "output" / "results"
    assert "orthorhombic" in (made / "trained_groups.csv").read_text()
    assert not list(made.glob("ceiling*"))

    # measured files, by the symbols and numbers of their groups
    grid = patterns.Grid(1.5406, 8.0, 90.0, 4101)
    row = patterns.patterns(example_crystals.halite(), [50.0], grid)[0]
    lines = (f"{x:.3f} {y:.5f}" for x, y in zip(grid.two_theta(), row, strict=True))
    (folder / "halite.xy").write_text("\n".join(lines))
    names = ["225", "fm-3M", "P3121 or P3221", "152", "2", "62 + 14"]
    (folder / "list.csv").write_text("file,names\n" + "".join(f"halite.xy,{n}\n" for n in names))
    flags = (*small, "--measured", "list.csv", "--wandb", "disabled")
    refused(shell(folder, "evaluate.py", *flags, check=False), "halite.xy", "expected --wavelength")
    done = shell(folder, "evaluate.py", *flags, "--wavelength", 1.5406, check=False)
    refused(done, "no class of trained is called '2'")
    assert "of 4 (" in done.stdout
    table = results.Results(made, "trained").measured
    assert list(table.names) == [name for name in names if name != "2"]
    assert list(table.listed) == [1, 1, 1, 1, 2] and table.certainty.between(0.25, 1).all()
    assert len(set(table.answer)) == 1 and table["rank"][0] == table["rank"][1]
    assert table["rank"][2] == table["rank"][3] and (table["rank"] <= 4).all()

    # the same networks on effects of instruments
    affected = SMALL["rendering"] | {"noise": 0.1, "crop": 0.5, "caglioti": [0.1, 0.0, 0.1]}
    affected = write(folder, {"rendering": affected}, "affected")
    done = shell(folder, "studies/experimental_effects.py", *affected, "--trained-on", "trained")
    assert "\n| noise" in done.stdout
    effects = results.Results(made, "affected").effects
    expected = ["no effect", "width of the instrument", "noise", "range", "all effects"]
    assert list(effects.effect) == expected and (effects.test_spectra == 30).all()
    run = results.Results(made, "trained").runs
    assert effects.test_top_1[0] == 30 - run.test_misclassified[0]


def test_scripts_of_peaks_refuse(folder, shell):
    write(folder, {}, "refused")
    small = ("--config", "refused.json")
    shell(folder, "spectra_from_config.py", *small)
    (folder / "sample.xy").write_text("".join(f"{10 + i / 10} {i % 7}\n" for i in range(700)))
    for script, *flags in (
        ("figures/plot_classes.py",),
        ("figures/plot_ceiling.py",),
        ("figures/plot_variation.py",),
        ("figures/plot_confused_pair.py", "--pairs", "0-1"),
        ("figures/plot_deciding_peak.py", "--pair", "0-1"),
        ("figures/plot_decision_regions.py", "--pair", "0-1"),
        ("studies/ablation.py",),
        ("studies/robustness.py",),
        ("studies/dataset_ceiling.py",),
        ("identify.py", "sample.xy"),
    ):
        done = shell(folder, script, *flags, *small, check=False)
        refused(done, "'crystals'", "not defined by peaks")


MISTAKES = {
    "unknown statistics": ({"statistics": "others"}, ["'others'", "all"]),
    "statistics that are none": ({"statistics": "broken.npz"}, ["broken.npz"]),
    "no group has so many": ({"least_structures": 10**6}, ["least_structures", "1000000"]),
    "no crystal is so small": ({"max_volume": 1.0}, ["space group", "1 Å³"]),
    "range in the wrong order": ({"two_theta": [80.0, 10.0]}, ["two_theta", "80.0"]),
    "range beyond the axis": ({"two_theta": [10.0, 180.0]}, ["two_theta", "180"]),
    "range from 0": ({"two_theta": [0.0, 90.0]}, ["two_theta", "0.0"]),
    "range without lines": ({"two_theta": [10.0, 10.001]}, ["no intensity", "wider"]),
    "one datapoint": ({"datapoints": 1}, ["datapoints", "1"]),
    "wavelength without form factors": ({"wavelength": 0.2}, ["wavelength", "sin θ / λ", "3.21"]),
    "too many datapoints": ({"datapoints": 2**40}, ["bytes"]),
    "wavelength of 0": ({"wavelength": 0.0}, ["wavelength", "0.0"]),
    "sizes from 0": ({"crystallite_sizes": [0.0, 9.0]}, ["crystallite_sizes", "0.0"]),
    "unknown scale": ({"scale": "q"}, ["scale", "'q'"]),
    "unknown key": ({"spacegroups": [2]}, ["spacegroups"]),
    "peaks": ({"boundary": 3}, ["boundary"]),
    "setting of peaks": ({"rendering": {"shift_range": 3}}, ["rendering.shift_range", "crystals"]),
    "artefact of peaks": ({"rendering": {"strain": 0.01}}, ["rendering.strain", "crystals"]),
    "noise-shuffle": (
        {"noise_spectra": {"a": [0.0] * 700 + [1.0]}},
        ["noise_spectra", "no noise-shuffle"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_sentence(mistake, folder, shell):
    changes, words = MISTAKES[mistake]
    (folder / "broken.npz").write_bytes(b"PK no archive")
    wrong = write(folder, changes, "wrong")
    refused(shell(folder, "spectra_from_config.py", *wrong, check=False), *words)
    assert not (folder / "datasets" / "wrong").exists()


def test_flags_of_peaks_are_refused(folder, shell):
    for flag, value in (("--shift-range", 50), ("--strain", 0.01), ("--n-train", 3)):
        done = shell(
            folder, "spectra_from_config.py", "--config", "small.json", flag, value, check=False
        )
        refused(done, flag, "leave it out")


def test_changed_statistics_are_noticed(folder, shell, definitions):
    changed = folder / "small.npz"
    before = changed.read_bytes()
    try:
        whole = statistics.load("small.npz")
        statistics.save(changed, replace(whole, sources=[]))
        with pytest.raises(InputError, match="changed since"):
            sources.source_of(definitions)
    finally:
        changed.write_bytes(before)
        os.utime(changed)


def test_the_committed_config():
    definitions = config.load(ROOT / "dataset_configs" / "space_groups.json")
    resolved = definitions.resolved()
    assert resolved.resolved() == resolved
    rendering = resolved.rendering
    n = resolved.n_classes * (rendering.n_train + rendering.n_val)
    n += len(sources.source_of(resolved).tests)
    assert 1e5 <= n < 1.05e5

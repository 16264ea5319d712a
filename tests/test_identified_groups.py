"""Measured diffractograms → the likeliest space groups, and what is refused."""

import csv
import io
import json

import numpy as np
import pytest
from conftest import ROOT, refused

from synthetic_spectra.analysis import trained
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.measured.space_groups import COLUMNS, Accuracy, Group, Identifier
from synthetic_spectra.spectra import config

NAME = "space_groups_30_altered_measured"  # the config whose network comes along
GROUPS = ([225], [76, 78], [166], [14], [62], [2])
CONFIG = {
    "kind": "crystals", "datapoints": 500, "two_theta": [10.0, 80.0], "wavelength": 1.5406,
    "scale": "log_sin_theta", "root": True, "crystallite_sizes": [20.0, 100.0],
    "statistics": "all", "least_structures": 190, "max_volume": 7000.0, "max_sites": 100,
    "patterns_per_epoch": 8, "classes": len(GROUPS),
    "spectra": {
        str(k): {"name": str(groups), "space_groups": groups} for k, groups in enumerate(GROUPS)
    },
}  # fmt: skip


def write(path, first=5.0, last=90.0, peaks=(31, 45, 66)):
    """A diffractogram with a slope and noise."""
    angles = np.arange(first, last, 0.02)
    noise = np.random.default_rng(0).normal(0, 3, len(angles))
    counts = 100 + angles + noise
    for peak in peaks:
        counts += 1000 * np.exp(-0.5 * ((angles - peak) / 0.06) ** 2)
    path.write_text("\n".join(f"{a:.3f} {c:.3f}" for a, c in zip(angles, counts, strict=True)))
    return path


def linear(spectra):
    """A network of one layer: what lies in the places of the lines speaks for a class."""
    assert spectra.dtype == np.float32 and spectra.max() == 1
    scores = np.stack([spectra[:, k * 80 : (k + 1) * 80].sum(axis=1) for k in range(6)], axis=1)
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.fixture
def identifier():
    definitions = config.parse(CONFIG, "test").resolved()
    return Identifier(definitions, linear, Accuracy(6, 400, 100, 301), wavelength=1.5406)


def test_the_five_likeliest_groups_and_the_accuracy_are_named(tmp_path, identifier):
    answer = identifier.answer(write(tmp_path / "a.xy"))
    assert len(answer.best) == 5
    probabilities = [group.probability for group in answer.best]
    assert probabilities == sorted(probabilities, reverse=True)
    # of ln sin θ from 10° to 80° the lines at 31°, 45° and 66° are in the fifths 4, 5 and 6
    assert {answer.best[k].space_groups[0] for k in range(3)} == {14, 62, 2}
    shown = answer.text()
    assert shown.startswith(f"{tmp_path / 'a.xy'}: likeliest space group {answer.best[0]}\n")
    assert "400 real structures of unseen types: likeliest right 25.0 %" in shown
    assert "right one among five 75.2 %" in shown
    rows = answer.rows()
    assert len(rows) == 5 and all(set(row) <= set(COLUMNS) for row in rows)
    assert (rows[0]["test_top_1"], rows[0]["test_top_5"], rows[0]["test_spectra"]) == (
        100,
        301,
        400,
    )
    assert [row["probability"] for row in rows] == pytest.approx(probabilities, abs=1e-5)
    content = json.loads(json.dumps(answer.content()))
    assert content["best"][0]["space_groups"] == list(answer.best[0].space_groups)
    assert content["accuracy"]["test_top_5"] == 301


def test_names_are_short_and_mirror_images_stand_together():
    assert str(Group((166,), 0.5)) == "R-3m (166)"
    assert str(Group((14,), 0.5)) == "P21/c (14)"
    assert str(Group((76, 78), 0.5)) == "P41 (76) or P43 (78)"


def test_a_part_of_the_range_is_told_and_a_short_one_refused(tmp_path, identifier):
    assert not any("covers" in note for note in identifier.answer(write(tmp_path / "a.xy")).notes)
    notes = identifier.answer(write(tmp_path / "b.xy", 20, 70)).notes
    assert "covers 20° to 69.98° of 10° to 80°, the rest is taken to be empty" in notes
    with pytest.raises(InputError, match=r"c.xy: covers .* expected at least 50 %"):
        identifier.answer(write(tmp_path / "c.xy", 20, 40))


def test_what_is_too_low_to_be_of_a_line_is_taken_off(tmp_path, identifier):
    path = write(tmp_path / "a.xy")
    least = 0.25
    above = Identifier(identifier.definitions, linear, identifier.accuracy, 1.5406, least)
    every, high = identifier.answer(path).intensities, above.answer(path).intensities
    assert (every[every > 0] < 0.5).any()
    assert np.array_equal(high, np.where(every**2 < least, 0, every))


def test_an_unknown_wavelength_is_refused(tmp_path, identifier):
    unknown = Identifier(identifier.definitions, linear, identifier.accuracy)
    with pytest.raises(InputError, match=r"a.xy: .*wavelength; expected --wavelength"):
        unknown.answer(write(tmp_path / "a.xy"))


def test_a_figure_is_drawn(tmp_path, identifier):
    identifier.answer(write(tmp_path / "a.xy", 20, 70)).draw(tmp_path / "figures" / "a.png")
    assert (tmp_path / "figures" / "a.png").read_bytes().startswith(b"\x89PNG")


def test_what_a_network_cannot_answer_is_refused(shell, tmp_path):
    write(tmp_path / "a.xy")
    (tmp_path / "mine.json").write_text(json.dumps(CONFIG))
    for flags, words in {
        ("--config", "mine.json"): ["no network of mine", "train.py"],
        ("--config", "mine.json", "--run", "gone"): ["runs", "mine"],
        ("--config", "example"): ["example.json", "no space groups"],
        ("--no-network",): ["--network", "--space-group"],
        ("--elements", "Na"): ["--elements", "--space-group"],
    }.items():
        done = shell(tmp_path, "identify.py", "a.xy", "--space-group", *flags, check=False)
        refused(done, *words)
        assert done.stdout == ""
    done = shell(tmp_path, "identify.py", "a.xy", "--least-intensity", 0.1, check=False)
    refused(done, "--least-intensity", "--space-group")


@pytest.mark.slow
@pytest.mark.skipif(trained.folder_of("none", NAME) is None, reason="no network comes along")
def test_the_network_that_comes_along_answers(shell, tmp_path):
    write(tmp_path / "a.xy")
    (tmp_path / "b.xy").write_text("no numbers")
    flags = ("--space-group", "--wavelength", 1.5406, "--format", "csv")
    done = shell(tmp_path, "identify.py", "a.xy", "b.xy", *flags, check=False)
    refused(done, "1 of 2 files")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["verdict"] for row in rows] == 5 * ["likeliest"] + ["failed"]
    assert len({row["space_groups"] for row in rows[:5]}) == 5
    folder = ROOT / "trained" / NAME
    (summary,) = (json.loads(path.read_text()) for path in folder.glob("*/summary.json"))
    n, right = int(rows[0]["test_spectra"]), int(rows[0]["test_top_1"])
    assert (n, n - right) == (summary["test_spectra"], summary["test_misclassified"])
    assert right < int(rows[0]["test_top_5"]) <= n

    # its classes are still those that the config has
    known = config.load(folder / "config.json")
    assert known.spectra == config.load(config.find(NAME)).resolved().spectra

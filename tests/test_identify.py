"""Measured files → names, mixtures, no confident match; bad input in one sentence."""

import csv
import io
import json
import shutil

import pandas as pd
import pytest
from conftest import ROOT, refused
from crystal_files import CRYSTALS, write_all, write_pattern

MEASURED = ROOT.parent / "shared" / "measured"
AXIS = ["--first", 8, "--last", 70, "--step", 0.04]


@pytest.fixture(scope="module")
def folder(shell, tmp_path_factory):
    """A folder with a config of all crystals but gypsum, and patterns."""
    folder = tmp_path_factory.mktemp("identify")
    cifs = write_all(folder / "cifs")
    known = [cifs / f"{name}.cif" for name in CRYSTALS if name != "gypsum"]
    shell(folder, "dataset_config_from_references.py", *known, *AXIS)
    for name in ("halite", "rutile", "zincite", "gypsum"):
        write_pattern(folder / f"{name}.xy", cifs, {name: 1})
    write_pattern(folder / "both.xy", cifs, {"rutile": 1, "olivine": 0.6})
    write_pattern(folder / "glass.xy", cifs, {})
    write_pattern(folder / "short.xy", cifs, {"rutile": 1}, first=20, last=50)
    write_pattern(folder / "molybdenum.xy", cifs, {"rutile": 1}, wavelength=0.7093, last=45)
    (folder / "empty.xy").write_text("")
    (folder / "letter.txt").write_text("Dear colleague,\n\nthe sample is lost.\n")
    return folder


@pytest.fixture(scope="module")
def identify(shell, folder):
    def run(*arguments, network=False, check=True):
        flags = [] if network else ["--no-network"]
        arguments = [*arguments, "--config", "references", *flags]
        return shell(folder, "identify.py", *arguments, check=check)

    return run


def answers(done):
    """File → its object in the JSON on the screen."""
    return {answer["file"]: answer for answer in json.loads(done.stdout)}


def names(answer):
    return sorted({phase["name"] for phase in answer["phases"]})


def test_each_substance_is_named_and_a_mixture_is_taken_apart(identify):
    files = ["halite.xy", "rutile.xy", "zincite.xy", "short.xy", "both.xy"]
    found = answers(identify(*files, "--format", "json"))
    for file in files[:3]:
        assert names(found[file]) == [file.removesuffix(".xy")]
        assert found[file]["best"][0]["name"] == file.removesuffix(".xy")
    assert names(found["short.xy"]) == ["rutile"]
    assert names(found["both.xy"]) == ["olivine", "rutile"]
    for answer in found.values():
        assert answer["verdict"] == "match" and answer["wavelength_guessed"]
        assert sum(phase["share"] for phase in answer["phases"]) == pytest.approx(1, abs=1e-4)
        for phase in answer["phases"]:
            assert phase["shift"] == pytest.approx(0.03, abs=0.06)
            assert abs(phase["strain"]) < 0.002
        cosines = [one["cosine"] for one in answer["best"]]
        assert cosines == sorted(cosines, reverse=True) and max(cosines) <= 1


def test_the_unit_of_the_intensities_does_not_matter(identify, folder):
    for factor, file in ((1e-6, "small.xy"), (1e30, "large.xy")):
        rows = [line.split() for line in (folder / "both.xy").read_text().splitlines()]
        text = "\n".join(f"{angle} {float(counts) * factor:.9e}" for angle, counts in rows)
        (folder / file).write_text(text)
    found = answers(identify("both.xy", "small.xy", "large.xy", "--format", "json"))
    expected = found["both.xy"]
    for answer in found.values():
        assert answer["explained"] == pytest.approx(expected["explained"], abs=1e-4)
        assert names(answer) == names(expected) and answer["best"][0]["name"] == "rutile"


def test_what_is_not_in_the_config_is_no_confident_match(identify):
    done = identify("gypsum.xy", "glass.xy")
    assert [line for line in done.stdout.splitlines() if ".xy" in line] == [
        "gypsum.xy: no confident match, on a guess of the wavelength",
        "glass.xy: no confident match, on a guess of the wavelength",
    ]
    assert "rutile.xy: rutile" in identify("rutile.xy").stdout
    least = identify("rutile.xy", "--least-certainty", 0.999)
    assert "rutile.xy: no confident match" in least.stdout


def test_the_wavelength_is_taken_from_the_flag(identify):
    told = answers(identify("molybdenum.xy", "--wavelength", 0.7093, "--format", "json"))
    assert names(told["molybdenum.xy"]) == ["rutile"]
    assert (told["molybdenum.xy"]["verdict"], told["molybdenum.xy"]["wavelength_guessed"]) == (
        "match",
        False,
    )
    guessed = answers(identify("molybdenum.xy", "--format", "json"))
    assert guessed["molybdenum.xy"]["verdict"] == "no confident match"


def test_elements_narrow_the_candidates(identify):
    (answer,) = answers(
        identify("both.xy", "--elements", "Ti", "O", "Zn", "--format", "json")
    ).values()
    assert {one["name"] for one in answer["best"]} == {"rutile", "zincite"}
    assert answer["phases"][0]["name"] == "rutile" and "olivine" not in names(answer)
    refused(identify("both.xy", "--elements", "Xe", check=False), "no class consists of Xe")


def test_one_bad_file_does_not_stop_the_others(identify, folder):
    files = ["empty.xy", "rutile.xy", "letter.txt", "gone.xy", "glass.xy"]
    done = identify(*files, "--format", "csv", check=False)
    refused(done, "3 of 5 files have no answer")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    verdicts = {row["file"]: row["verdict"] for row in rows}
    assert verdicts == dict(
        zip(files, ["failed", "match", "failed", "failed", "no confident match"], strict=True)
    )
    reasons = {row["file"]: row["notes"] for row in rows}
    for file, reason in {"empty.xy": "empty", "letter.txt": "rows", "gone.xy": "No such"}.items():
        assert file in reasons[file] and reason in reasons[file]
    first = next(row for row in rows if row["file"] == "rutile.xy")
    assert (first["name"], first["formula"], first["share"]) == ("rutile", "Ti O2", "1.0")


def test_figures(identify, folder):
    identify("both.xy", "glass.xy", "--figure", folder / "figures")
    for name in ("both.xy.png", "glass.xy.png"):
        assert (folder / "figures" / name).read_bytes().startswith(b"\x89PNG")
    (folder / "again").mkdir(exist_ok=True)
    shutil.copy(folder / "both.xy", folder / "again" / "both.xy")
    done = identify("both.xy", "again/both.xy", "--figure", folder / "none", check=False)
    refused(done, "both.xy", "--figure")


def test_a_network_is_asked_if_it_is_one_of_the_config(identify, shell, folder):
    pytest.importorskip("keras")
    flags = ["--config", "references"]
    shell(folder, "spectra_from_config.py", *flags, "--n-train", 20, "--n-val", 5)
    train = ["--models", "blurred_areas", "--seeds", 0, "--epochs", 8, "--wandb", "disabled"]
    shell(folder, "train.py", *flags, *train)
    found = answers(identify("halite.xy", "both.xy", "--format", "json", network=True))
    best = found["halite.xy"]["best"]
    assert best[0]["name"] == "halite" and best[0]["probability"] > 0.5
    assert sum(one["probability"] for one in best) <= 1.0001
    assert names(found["both.xy"]) == ["olivine", "rutile"]

    # classes that changed since then, and a run that is not there
    done = identify("halite.xy", "--run", "vgg-linear-0", network=True, check=False)
    refused(done, "no finished run vgg-linear-0")
    path = folder / "dataset_configs" / "references.json"
    text = path.read_text()
    path.write_text(text.replace('"halite"', '"sylvite"'))
    done = identify("halite.xy", network=True, check=False)
    path.write_text(text)
    refused(done, "blurred_areas-relu-0: was trained on other classes", "--no-network")
    (folder / "datasets").rename(folder / "moved")
    content = json.loads(text)
    del content["spectra"]["3"]
    path.write_text(json.dumps(content | {"classes": 3, "min_peaks": 1}))
    done = identify("halite.xy", network=True, check=False)
    path.write_text(text)
    refused(done, "was trained on other classes")

    # a run from before that was recorded
    settings = folder / "runs" / "references" / "blurred_areas-relu-0" / "settings.json"
    recorded = json.loads(settings.read_text())
    del recorded["classes_checksum"]
    settings.write_text(json.dumps(recorded))
    path.write_text(json.dumps(content | {"classes": 3, "min_peaks": 1}))
    done = identify("halite.xy", network=True, check=False)
    path.write_text(text)
    refused(done, "a network of 1551 datapoints and 4 classes, expected 1551 and 3")


def test_a_config_without_axis_or_names_is_refused(shell, folder):
    done = shell(folder, "identify.py", "rutile.xy", "--config", "example", check=False)
    refused(done, "example.json", "no axis")
    content = json.loads((folder / "dataset_configs" / "references.json").read_text())
    del content["spectra"]["0"]["name"]
    (folder / "nameless.json").write_text(json.dumps(content))
    done = shell(folder, "identify.py", "rutile.xy", "--config", "nameless.json", check=False)
    refused(done, "nameless.json", "no name")


def test_calibration_of_the_confident_match(identify, shell, folder):
    flags = ["--config", "references"]
    done = shell(folder, "studies/identification_calibration.py", *flags, "--spectra", 8)
    assert "listed_right_kept" in done.stdout
    table = pd.read_csv(folder / "output" / "results" / "identification_references.csv")
    assert (table.kind.value_counts() == 8).all() and table.kind.nunique() == 5
    sure = table[table.certainty >= 0.88]
    assert table.right[table.kind == "listed"].mean() > 0.8
    assert (sure.kind == "listed").sum() >= 6
    # what is in no library is no match
    assert not sure.kind.isin(["noise", "unlisted"]).any()
    shell(folder, "figures/plot_identification.py", *flags)
    picture = folder / "output" / "figures" / "plot_identification.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not MEASURED.is_dir(), reason="needs the measured files")
def test_measured_files(shell, tmp_path):
    shell(tmp_path, "dataset_config_from_references.py", MEASURED / "cif", "--name", "oxides")
    files = sorted((MEASURED / "xrd").iterdir())
    flags = ["--config", "oxides", "--no-network", "--format", "json"]
    done = shell(tmp_path, "identify.py", *files, *flags, check=False)
    found = {file.split("/")[-1]: answer for file, answer in answers(done).items()}
    assert len(found) == len(files)
    for name, phases in {
        "MnO.xy": ["MnO_225"],
        "MnO2.xy": ["MnO2_136"],
        "TiO2+MnO.xy": ["MnO_225", "TiO2_141"],
    }.items():
        assert names(found[name]) == phases and found[name]["verdict"] == "match"
        assert found[name]["best"][0]["name"] == phases[0]
    assert found["short range, 14 deg.xy"]["verdict"] == "failed"
    refused(done, f"1 of {len(files)} files have no answer")


def test_the_library_that_comes_along_names_a_mineral(shell, folder):
    write_pattern(folder / "salt.xy", folder / "cifs", {"halite": 1})
    done = shell(folder, "identify.py", "salt.xy", "--no-network", "--format", "json")
    assert names(answers(done)["salt.xy"]) == ["Halite"]


def test_a_network_comes_along_with_the_library(shell, folder):
    """Small enough to be part of the project, and asked by default."""
    pytest.importorskip("keras")
    (run,) = (ROOT / "trained" / "minerals").iterdir()
    assert sum(file.stat().st_size for file in run.iterdir()) < 8e6
    summary = json.loads((run / "summary.json").read_text())
    assert summary["outcome"] == "converged"
    write_pattern(folder / "salt.xy", folder / "cifs", {"halite": 1})
    done = shell(folder, "identify.py", "salt.xy", "--format", "json")
    assert str(run) in done.stderr
    (answer,) = answers(done).values()
    assert names(answer) == ["Halite"] and answer["best"][0]["name"] == "Halite"
    assert answer["best"][0]["probability"] > 0.5

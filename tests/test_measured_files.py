"""Labelled measured files → how often each method names them; Raman spectra on fluorescence."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import refused

from synthetic_spectra.analysis import measured_files, results
from synthetic_spectra.analysis.statistics import wilson

# positions in 1/cm and heights of strong bands
BANDS = {
    "calcite": [(156, 0.3), (282, 0.6), (712, 0.3), (1086, 1)],
    "Iceland spar": [(156, 0.3), (282, 0.6), (712, 0.3), (1086, 1)],
    "polystyrene": [(621, 0.3), (1001, 1), (1031, 0.35), (1602, 0.3)],
    "anatase": [(144, 1), (397, 0.25), (516, 0.2), (639, 0.3)],
    "quartz": [(128, 0.4), (206, 0.4), (464, 1), (1162, 0.1)],
}
AXIS = ["--quantity", "raman_shift", "--unit", "1/cm", "--first", 100, "--last", 1800, "--step", 3]
RANGES = ["--widths", 8, 25, "--shift", 6]


def write_spectrum(path, shares, seed):
    """A spectrum as of a Raman microscope: bands, a fluorescence five times as high, noise,
    and an error of the scale."""
    rng, shifts = np.random.default_rng(seed), np.arange(90, 1850, 1.7)
    intensity = 5 * np.exp(-0.5 * ((shifts - rng.uniform(500, 1500)) / 900) ** 2)
    for name, share in shares.items():
        for position, height in BANDS[name]:
            distance = (shifts - position - 2) / rng.uniform(10, 16)
            intensity += share * height / (1 + 4 * distance**2)
    counts = rng.poisson(30000 * intensity)
    rows = (f"{x:.1f}\t{y}" for x, y in zip(shifts, counts, strict=True))
    path.write_text("Raman Shift\tIntensity\n" + "\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def folder(shell, tmp_path_factory):
    """A folder with a config of all substances but quartz, spectra, and lists of them."""
    folder = tmp_path_factory.mktemp("measured")
    rows = [
        f"{name},{position},{height}"
        for name, bands in BANDS.items()
        for position, height in bands
        if name != "quartz"
    ]
    (folder / "bands.csv").write_text("\n".join(["name,position,height", *rows]))
    made = ("bands.csv", "--name", "raman", *AXIS, *RANGES)
    shell(folder, "dataset_config_from_references.py", *made)

    (folder / "files").mkdir()
    lines = ["file,names,laser"]
    for i, (shares, names) in enumerate(
        [
            ({"calcite": 1}, "Calcite"),
            ({"calcite": 0.5}, "Iceland spar"),
            ({"polystyrene": 1}, "polystyrene"),
            ({"anatase": 1}, "anatase"),
            ({"anatase": 1}, "polystyrene"),
            ({"calcite": 1, "anatase": 0.7}, "anatase + calcite"),
            ({"quartz": 1}, ""),
        ]
    ):
        write_spectrum(folder / "files" / f"{i}.txt", shares, seed=i)
        lines.append(f"{i}.txt,{names},785")
    (folder / "files" / "list.csv").write_text("\n".join(lines))
    return folder


def evaluate(shell, folder, *flags, check=True):
    arguments = ("--config", "raman", "--measured", "files/list.csv", *flags)
    return shell(folder, "evaluate.py", *arguments, check=check)


def test_similarity_and_least_squares_are_counted(shell, folder):
    done = evaluate(shell, folder)
    assert "no finished run" in done.stderr and "7 of 7 files" in done.stderr
    table = results.Results(folder / "output" / "results", "raman").measured
    assert len(table) == 14 and table.sure.sum() == 12
    # the label that is wrong on purpose is the only file without its name in front
    wrong = table["rank"] != 1
    assert set(table.file[wrong]) == {"4.txt", "6.txt"}
    assert set(table.file[~table.sure]) == {"6.txt"}
    mixture = table[table.listed == 2].set_index("method")
    assert mixture.loc[measured_files.MIXTURE, "answer"] in (
        "calcite + anatase",
        "anatase + calcite",
    )
    assert list(mixture.found) == [1, 2] and list(mixture.named) == [1, 2]

    summary = measured_files.summary(table).set_index("method")
    assert set(summary["top 1"]) == {"4 of 5 (38–96 %)"}
    assert set(summary["unlisted, rejected"]) == {"1 of 1 (21–100 %)"}
    assert set(summary["rejected rightly"]) == {1} and set(summary["rejected wrongly"]) == {0}
    again = shell(
        folder, "evaluate.py", "--config", "raman", "--results-only", "--tables", "measured"
    )
    assert again.stdout == done.stdout


def test_what_cannot_be_counted_keeps_no_other_from_its_row(shell, folder):
    (folder / "files" / "letter.txt").write_text("Dear colleague,\n\nthe sample is lost.\n")
    # as a German spreadsheet writes it
    lines = ["file;names", "0.txt;calcite", "1.txt;dolomite", "gone.txt;calcite", "letter.txt;"]
    (folder / "files" / "bad.csv").write_text("\n".join(lines))
    flags = ("--measured", "files/bad.csv", "--format", "csv")
    done = evaluate(shell, folder, *flags, "--results-dir", "bad", check=False)
    refused(done, "1.txt", "dolomite", "gone.txt: No such file", "letter.txt")
    assert [line.split(",")[1] for line in done.stdout.splitlines()] == ["files", "1", "1"]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("file;names\na.txt;Grünerit\n".encode("cp1252"), ("Grünerit",)),
        (b"\nfile;names\na.txt;calcite + quartz\n", ("calcite", "quartz")),
        (b"file;names;where, when\na.txt;calcite;x, y\n", ("calcite",)),
        (b"file,names,comment; unit\na.txt,calcite,none; cps\n", ("calcite",)),
    ],
)
def test_lists_as_spreadsheets_write_them(tmp_path, content, names):
    (tmp_path / "list.csv").write_bytes(content)
    assert measured_files.read_list(tmp_path / "list.csv") == [("a.txt", tmp_path / "a.txt", names)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("file|names\na.txt|calcite", "no column file"),
        ("file,name\na.txt,calcite", "no column names"),
        ("file,names", "no rows"),
        ("file,names\n,calcite", "row 2 has no file"),
        ("", "No columns"),
        (None, "No such file"),
    ],
)
def test_a_list_that_is_none_is_refused(shell, folder, tmp_path, text, word):
    path = tmp_path / "list.csv"
    if text is not None:
        path.write_text(text)
    done = evaluate(shell, folder, "--measured", path, "--results-dir", tmp_path, check=False)
    refused(done, path, word)
    assert not list(tmp_path.glob("measured_*"))


def test_a_config_without_axis_is_refused(shell, folder):
    done = shell(
        folder, "evaluate.py", "--config", "example", "--measured", "files/list.csv", check=False
    )
    refused(done, "example.json", "no axis")


@pytest.mark.slow
def test_networks_are_counted_unless_their_classes_were_others(shell, folder):
    pytest.importorskip("keras")
    flags = ("--config", "raman")
    shell(folder, "spectra_from_config.py", *flags, "--n-train", 60, "--n-val", 10)
    training = ("--models", "blurred_areas", "--epochs", 12, "--wandb", "disabled")
    shell(folder, "train.py", *flags, *training, "--seeds", 0, "--learning-rate", 0.003)
    shell(folder, "train.py", *flags, *training, "--seeds", 1, "--learning-rate", 1e30)
    evaluate(shell, folder)
    # classical learners join them, and are no networks; a wrong list is refused before the fits
    study = ("studies/classical_baselines.py", *flags, "--learners", "logistic_regression")
    refused(shell(folder, *study, "--measured", "no.csv", check=False), "no.csv", "No such file")
    assert not (folder / "runs" / "raman" / "logistic_regression-none-0").exists()
    done = shell(folder, *study, "--measured", "files/list.csv")
    assert "fitted again for the measured files, 1 of 1" in done.stderr
    evaluate(shell, folder, "--keep")
    table = results.Results(folder / "output" / "results", "raman").measured
    # the run that diverged has no rows
    networks = table[table.method == "blurred_areas-relu-0"]
    assert len(table) == 28 and len(networks) == 7
    learner = table[(table.method == "logistic_regression-none-0") & (table.listed == 1)]
    assert (learner["rank"] == 1).sum() >= 3
    assert (networks.named == 1).all()
    singles = networks[networks.listed == 1]
    assert list(singles["rank"] == 1) == [True, True, True, True, False]

    # labels of other classes would be wrong names
    path = folder / "dataset_configs" / "raman.json"
    text = path.read_text()
    path.write_text(text.replace('"polystyrene"', '"polyethylene"'))
    done = evaluate(shell, folder, "--results-dir", "changed", check=False)
    path.write_text(text)
    refused(
        done, "trained on other classes", "train again", "no class of raman is called 'polystyrene'"
    )
    table = pd.read_csv(folder / "changed" / "measured_raman.csv")
    assert len(table) == 10


def test_references_of_one_laboratory_name_the_files_of_others(shell, folder, tmp_path):
    # a wheel as ramanchada2 is one
    inside, listed = "ramanchada2/auxiliary/spectra/datasets2", []
    wheel = tmp_path / "ramanchada2.whl"
    samples = {"nCAL": {"calcite": 1}, "PST": {"polystyrene": 1}, "Neon": {"quartz": 1}}
    with zipfile.ZipFile(wheel, "w") as archive:
        for laboratory in ("ICV", "TOP"):
            for sample, shares in samples.items():
                file = f"./{laboratory}/{sample}.txt"
                write_spectrum(tmp_path / "one.txt", shares, seed=len(listed))
                archive.write(tmp_path / "one.txt", f"{inside}/{laboratory}/{sample}.txt")
                of = {"provider": laboratory, "device": "BWtek", "laser_wl": "785"}
                listed.append({"filename": file, "sample": sample, **of})
        archive.writestr(f"{inside}/__init__.py", f"import csv\n\ndata = {listed!r}\n")

    flags = ("--wheel", wheel, "--output", tmp_path)
    shell(folder, "studies/raman_example.py", *flags)
    made = (tmp_path / "references", "--name", "of_one", *AXIS, *RANGES)
    shell(folder, "dataset_config_from_references.py", *made)
    flags = ("--config", "of_one", "--measured", tmp_path / "others" / "labels.csv")
    shell(folder, "evaluate.py", *flags)
    table = results.Results(folder / "output" / "results", "of_one").measured
    assert list(table.names) == [name for name in ("calcite", "polystyrene", "") for _ in (0, 1)]
    assert list(table.answer[table.listed == 1]) == list(table.names[table.listed == 1])
    assert list(table.sure) == [name != "" for name in table.names]

    # the rows of another method stay with --keep
    path = folder / "output" / "results" / "measured_of_one.csv"
    path.write_text(path.read_text().replace("cosine similarity", "another"))
    kept = shell(folder, "evaluate.py", *flags, "--keep").stdout
    assert len(kept.splitlines()) == 4 and "another" in kept
    shell(folder, "figures/plot_measured.py", "--config", "of_one")
    assert (folder / "output" / "figures" / "plot_measured.png").read_bytes()[1:4] == b"PNG"


def test_what_is_no_wheel_of_spectra_is_refused(shell, tmp_path):
    study = "studies/raman_example.py"
    refused(shell(tmp_path, study, check=False), "ramanchada2-1.5.0", "No such file")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other/__init__.py", "data = []")
    flags = ("--wheel", "other.whl")
    refused(shell(tmp_path, study, *flags, check=False), "other.whl", "no item named")
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Newcombe, Stat. Med. 17, 857 (1998), table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_the_published_ones(right, n, low, high):
    assert wilson(right, n) == pytest.approx((low, high), abs=5e-5)

"""Tables of results are read as they were written, and what is no such table is refused."""

import shutil

import pandas as pd
import pytest

from synthetic_spectra.analysis import results
from synthetic_spectra.common.errors import InputError


@pytest.mark.parametrize("name", ["benchmark", "challenge"])
def test_a_table_that_is_read_and_written_keeps_its_bytes(name, tmp_path):
    found = results.Results(results.RECORD, name)
    tables = {kind: getattr(found, kind) for kind in results.TABLES}
    tables = {kind: table for kind, table in tables.items() if table is not None}
    results.write(tmp_path, name, tables)
    assert {"runs", "confusions", "differences", "ceiling"} <= set(tables)
    for kind in tables:
        written = results.Results(tmp_path, name).path(kind)
        assert written.read_bytes() == found.path(kind).read_bytes()
    # a table that has no rows any more is no file
    results.write(tmp_path, name, {"confusions": pd.DataFrame()})
    assert results.Results(tmp_path, name).confusions is None


def test_own_tables_come_before_the_record(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = results.read(results.MADE, "challenge")
    assert found.folder == results.RECORD and found.robustness is not None
    assert str(found.path("runs")) in capsys.readouterr().err
    results.write(results.MADE, "challenge", {"runs": found.runs.head(1)})
    capsys.readouterr()
    mine = results.read(results.MADE, "challenge")
    assert len(mine.runs) == 1
    assert mine.confusions is None, "tables of two folders are not mixed"
    assert str(results.MADE) in capsys.readouterr().err
    # a folder that was asked for is the only one
    with pytest.raises(InputError, match=r"elsewhere.*evaluate\.py --config challenge"):
        results.read(tmp_path / "elsewhere", "challenge")


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        ("runs", b"test_misclassified", b"wrong", "no column test_misclassified"),
        ("runs", b",False,0.0,float32,0,", b",perhaps,0.0,float32,0,", "online holds 'perhaps'"),
        (
            "runs",
            b",float32,0,54,",
            b",float32,0.5,54,",
            "seed holds '0.5', expected whole numbers",
        ),
        ("runs", b",float32,0,54,", b",float32,0,many,", "test_misclassified holds 'many'"),
        ("runs", b"cnn2,,", b"cnn2,dropout,", "model_args holds 'dropout', expected"),
        ("confusions", b",0,1,minor", b",0,one,minor", "class_b holds 'one'"),
        ("robustness", b"strength", b"power", r"no column strength; .*studies/robustness\.py"),
        ("ceiling", None, b"\xff\xfe\x00", r"studies/dataset_ceiling\.py"),
        ("ceiling", None, b"label,verdict,expected_random,expected_nearest\n", "no rows"),
        ("groups", None, b"", r"evaluate\.py"),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_sentence(kind, old, new, words, tmp_path):
    path = results.Results(tmp_path, "challenge").path(kind)
    shutil.copy(results.RECORD / path.name, path)
    content = path.read_bytes()
    path.write_bytes(content.replace(old, new, 1) if old else new)
    assert path.read_bytes() != content
    with pytest.raises(InputError, match=words) as refused:
        results.read(tmp_path, "challenge", kind)
    assert path.name in str(refused.value) and "\n" not in str(refused.value)


def test_a_byte_order_mark_changes_nothing(tmp_path):
    content = (results.RECORD / "challenge.csv").read_bytes()
    (tmp_path / "challenge.csv").write_bytes(b"\xef\xbb\xbf" + content)
    table = results.read(tmp_path, "challenge").runs
    pd.testing.assert_frame_equal(table, results.Results(results.RECORD, "challenge").runs)


def test_rows_of_other_networks_are_kept():
    record = results.Results(results.RECORD, "challenge")
    runs = record.runs
    new = runs[(runs.model == "cnn2") & (runs.hidden_activation == "relu")]
    kept = results.kept(record, "runs", new)
    assert len(kept) and not kept.index.isin(new.index).any()
    assert len(results.kept(record, "runs", runs)) == 0
    # a network that is trained with artefacts is another one than without
    without = record.robustness[record.robustness.trained == "without"]
    assert set(results.kept(record, "robustness", without).trained) == {"with"}
    # numbers of misclassified spectra of other arrays are no neighbours
    for kind, rows in (("runs", new), ("robustness", without)):
        with pytest.raises(InputError, match=f"{record.path(kind).name}: .*other arrays"):
            results.kept(record, kind, rows.assign(dataset_checksum="0" * 64))


def test_published_values_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    published = results.read_published()
    assert len(published) > 200 and not published.online.any()

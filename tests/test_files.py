"""Files and folders that are whole or not there, whoever else writes, reads, links or is killed."""

import json
import subprocess
import sys
import time

import pytest
from conftest import EXAMPLE, ROOT

from synthetic_spectra.common.errors import InputError
from synthetic_spectra.common.files import locked, read_json, write_json, write_text, written_whole

# writes a file and a folder again and again; each of its own content
WRITER = """
import sys
from pathlib import Path
from synthetic_spectra.common.files import write_text, written_whole

place, word, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for _ in range(times):
    write_text(place / "table.csv", word * 10000)
    with written_whole(place / "dataset") as folder:
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).write_text(word * 10000)
"""
# is killed in the midst of writing
KILLED = """
import os, sys
from synthetic_spectra.common.files import written_whole

with written_whole(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("writes", flush=True)
    sys.stdin.read()
    os._exit(1)
"""


def begin(program, *arguments, **options):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **options)


def test_processes_that_write_one_path_lose_nothing(tmp_path):
    written = {word: word * 10000 for word in "wxyz"}
    writers = [begin(WRITER, tmp_path, word, 100) for word in written]
    table = tmp_path / "table.csv"
    while any(writer.poll() is None for writer in writers):
        if table.exists():
            assert table.read_text() in written.values()
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    assert table.read_text() in written.values()
    texts = {(tmp_path / "dataset" / name).read_text() for name in ("a", "b")}
    assert texts <= set(written.values()) and len(texts) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "table.csv"]


def test_what_a_killed_process_left_is_removed_and_what_another_one_writes_is_not(tmp_path):
    path = tmp_path / "table.csv"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with begin(KILLED, path, **pipes) as writing, begin(KILLED, path, **pipes) as killed:
        for process in (writing, killed):
            assert process.stdout.readline() == "writes\n"
        killed.kill()
        killed.wait()
        write_text(path, "whole")
        left = sorted(file.name for file in tmp_path.iterdir())
        assert len(left) == 3 and left[-1] == "table.csv", left
        writing.stdin.close()
    write_text(path, "whole")
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


def test_an_error_leaves_what_stood_there(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        temporary.write_text("after")
        raise ZeroDivisionError
    assert path.read_text() == "before"
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes.txt.*move it away"), written_whole(folder) as new:
        new.mkdir()
        (new / "a").write_text("theirs")
    assert (folder / "notes.txt").read_text() == "mine"
    # nor is a file by a folder, or a folder by a file
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(OSError), written_whole(path) as new:
        new.mkdir()
    with pytest.raises(OSError):
        write_text(folder, "theirs")
    assert path.read_text() == "mine" and [file.name for file in folder.iterdir()] == ["notes.txt"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_stays_a_link(tmp_path):
    for name in ("real", "folder"):
        (tmp_path / name).mkdir()
    (tmp_path / "real" / "table.csv").write_text("before")
    (tmp_path / "table.csv").symlink_to(tmp_path / "real" / "table.csv")
    write_text(tmp_path / "table.csv", "after")
    assert (tmp_path / "table.csv").is_symlink()
    assert (tmp_path / "real" / "table.csv").read_text() == "after"
    (tmp_path / "dataset").symlink_to(tmp_path / "folder")
    with written_whole(tmp_path / "dataset") as new:
        new.mkdir()
        (new / "a").write_text("here")
    assert (tmp_path / "dataset").is_symlink()
    assert (tmp_path / "folder" / "a").read_text() == "here"


def test_a_lock_is_held_once_and_ends(tmp_path):
    path = tmp_path / "lock"
    with locked(path) as free, locked(path) as again:
        assert free and not again
    with locked(path) as free:
        assert free


def test_json_that_is_missing_damaged_or_no_object_is_told(tmp_path):
    path = tmp_path / "a.json"
    expected = {"": "no such file", "{": "not JSON", "[1]": "expected an object"}
    for content, words in expected.items():
        if content:
            path.write_text(content)
        with pytest.raises(InputError, match=words):
            read_json(path)
    write_json(path, {"ä": 1})
    assert read_json(path) == json.loads(path.read_text()) == {"ä": 1}


def test_killed_rendering_leaves_no_dataset_and_is_repeated(shell, tmp_path):
    arguments = map(str, (*EXAMPLE, "--n-train", 20000))
    command = [sys.executable, ROOT / "spectra_from_config.py", *arguments]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as rendering:
        while not list(tmp_path.glob("datasets/.*/x_train.npy")):
            time.sleep(0.001)
            assert rendering.poll() is None
        rendering.kill()
    assert not (tmp_path / "datasets" / "example").exists()
    shell(tmp_path, "spectra_from_config.py", *EXAMPLE)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["example"]

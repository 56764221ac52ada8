"""The right file of a submission's folder is found, and nothing that leads out of the folder is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.ingest import Unreadable, read_file, read_json, read_submission


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "submitted" / "ada" / "mini"
    folder.mkdir(parents=True)
    return folder


def test_the_expected_file(folder):
    (folder / "mini.ipynb").write_bytes(b"1")
    (folder / "other.ipynb").write_bytes(b"2")
    handed = read_submission(folder, "mini")
    assert (handed.data, handed.repairs, handed.problem) == (b"1", [], None)


@pytest.mark.parametrize("name", ["mini (1).ipynb", "final/Ada MINI.IPYNB", "mini.ipynb.txt", "mini\nfinal.ipynb"])
def test_a_wrong_name(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"1")
    handed = read_submission(folder, "mini")
    assert handed.data == b"1"
    assert len(handed.repairs) == 1
    assert handed.repairs[0].startswith(f"The file is called “{name.replace(chr(10), '·')}”")


def test_of_several_the_one_that_fits(folder):
    (folder / "scratch.ipynb").write_bytes(b"{}")
    (folder / "homework.ipynb").write_bytes(b'"grade_id" "grade_id" mini')
    os.utime(folder / "homework.ipynb", (0, 0))
    handed = read_submission(folder, "mini")
    assert handed.data.startswith(b'"grade_id"')
    assert handed.repairs[1] == "2 notebooks were handed in; “homework.ipynb” fits the assignment best."


def test_checkpoint_copies_are_the_last_resort(folder):
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "mini-checkpoint.ipynb").write_bytes(b"old")
    handed = read_submission(folder, "mini")
    assert handed.data == b"old"
    assert "checkpoint copy" in handed.repairs[0]
    (folder / "mine.ipynb").write_bytes(b"new")
    assert read_submission(folder, "mini").data == b"new"


def test_nothing_there(folder):
    assert read_submission(folder, "mini").problem == (
        "There is no notebook in the submission: mini.ipynb was expected, nothing was found."
    )
    (folder / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    assert "nothing was found" in str(read_submission(folder, "mini").problem)
    (folder / "essay.docx").write_bytes(b"")
    assert "only “essay.docx” was found" in str(read_submission(folder, "mini").problem)
    (folder / "mini.py").write_bytes(b"")
    assert "only “essay.docx”, “mini.py” were found" in str(read_submission(folder, "mini").problem)


def test_links_are_refused(folder, tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(b"secret")
    (folder / "mini.ipynb").symlink_to(secret)
    assert read_submission(folder, "mini").problem == "“mini.ipynb” is a link; links are not followed."
    (folder / "mini.ipynb").unlink()
    os.link(secret, folder / "mini.ipynb")
    handed = read_submission(folder, "mini")
    assert handed.data == b""
    assert "hard link" in str(handed.problem)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_classmate_who_links_to_a_file_costs_its_owner_nothing(folder, tmp_path):
    (folder / "mini.ipynb").write_bytes(b"mine")
    (tmp_path / "other").mkdir()
    os.link(folder / "mini.ipynb", tmp_path / "other" / "mini.ipynb")
    for owner, path in ((1001, folder), (1001, folder / "mini.ipynb"), (1002, tmp_path / "other")):
        os.chown(path, owner, owner)
    assert read_submission(folder, "mini").data == b"mine"
    assert "hard link" in str(read_submission(tmp_path / "other", "mini").problem)


def test_a_link_beside_a_good_file_is_passed_over(folder, tmp_path):
    (tmp_path / "secret.ipynb").write_bytes(b'"grade_id" mini')
    (folder / "a.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (folder / "b.ipynb").write_bytes(b"mine")
    assert read_submission(folder, "mini").data == b"mine"


def test_data_files_beside_the_notebook_come_along(folder):
    for name in ("mini.ipynb", "scratch.ipynb", "weights.bin", "runs/one.csv", ".DS_Store", "__pycache__/a.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (folder / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    found = read_submission(folder, "mini")
    assert found.files == {"weights.bin": b"weights.bin", "runs/one.csv": b"runs/one.csv"}
    assert found.repairs == []


def test_data_files_lie_where_the_notebook_lies(folder):
    (folder / "final").mkdir()
    (folder / "final" / "mini.ipynb").write_bytes(b"mine")
    (folder / "final" / "weights.bin").write_bytes(b"1")
    (folder / "above.bin").write_bytes(b"2")
    assert read_submission(folder, "mini").files == {"weights.bin": b"1"}


def test_what_is_not_taken_along_is_told(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.ingest.MAX_DATA_BYTES", 2**20)
    (folder / "mini.ipynb").write_bytes(b"mine")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "linked.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "helper.py").write_text("import torch")
    (folder / "fast.SO").write_bytes(b"")
    for name, size in (("a.bin", 2**19), ("b.bin", 2**20), ("c.bin", 2**18)):
        (folder / name).write_bytes(bytes(size))
    found = read_submission(folder, "mini")
    assert found.data == b"mine"
    assert list(found.files) == ["a.bin", "c.bin"]
    assert found.repairs == [
        "“linked.txt” is a link; links are not followed.",
        "“fast.SO”, “helper.py”: code beside the notebook was left out, it has to stand in cells.",
        "“b.bin”: left out, for the files beside a notebook may have 1 MB together.",
    ]


@pytest.mark.parametrize("level", ["assignment", "student"])
def test_a_folder_that_is_a_link_is_refused(tmp_path, level):
    (tmp_path / "elsewhere" / "mini").mkdir(parents=True)
    (tmp_path / "elsewhere" / "mini" / "mini.ipynb").write_bytes(b"secret")
    folder = tmp_path / "submitted" / "ada" / "mini"
    if level == "student":
        folder.parent.parent.mkdir()
        folder.parent.symlink_to(tmp_path / "elsewhere")
    else:
        folder.parent.mkdir(parents=True)
        folder.symlink_to(tmp_path / "elsewhere" / "mini")
    handed = read_submission(folder, "mini")
    assert handed.data == b""
    assert "is a link" in str(handed.problem)


def test_a_folder_inside_that_is_a_link_is_not_entered(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mini.ipynb").write_bytes(b"secret")
    (folder / "inner").symlink_to(tmp_path / "elsewhere")
    assert read_submission(folder, "mini").data == b""


def test_a_pipe_does_not_block(folder):
    os.mkfifo(folder / "mini.ipynb")
    assert read_submission(folder, "mini").problem == "“mini.ipynb” is not a file."


def test_a_folder_named_like_the_notebook(folder):
    (folder / "mini.ipynb").mkdir()
    assert "There is no notebook" in str(read_submission(folder, "mini").problem)


def test_too_large_is_refused_without_reading(folder):
    with (folder / "mini.ipynb").open("wb") as file:
        file.truncate(10 * 2**30)
    assert "10,240 MB, more than the 50 MB" in str(read_submission(folder, "mini").problem)


def test_too_many_files(folder, monkeypatch):
    monkeypatch.setattr("autograder.ingest.MAX_FILES", 3)
    for number in range(5):
        (folder / f"{number}.txt").touch()
    assert "more than 3 files" in str(read_submission(folder, "mini").problem)


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(Unreadable, match="could not be read: No such file"):
        read_file(tmp_path / "none.ipynb")


def test_too_many_parts_are_refused_before_they_are_built(monkeypatch):
    monkeypatch.setattr("autograder.ingest.MAX_PARTS", 3)
    assert read_json(b'{"cells": [{}]}') == ({"cells": [{}]}, [])
    with pytest.raises(Unreadable, match="more than 3 brackets"):
        read_json(b'{"cells": [{}, {}]}')

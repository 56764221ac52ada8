"""nbgrader's own commands, and the formgrader's buttons behind its API, work in a class and come to the same marks."""

from __future__ import annotations

import copy
import csv
import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import FileNameCollectorPlugin
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from autograder import nbgrader_plugin
from autograder.assignment import ROOT, Assignment, assignment_names, grade_id, load_assignment
from autograder.build import reference_solutions, submission_notebook
from autograder.classroom import Classroom, open_classroom
from autograder.grade import grade_class
from autograder.gradebook import load_config
from autograder.nbgrader_plugin import plain_field, refuse_links
from tests.autograder.mini import (
    RIGHT,
    WRONG_ADD,
    FakeEngine,
    OneProcess,
    alembic_head,
    hand_in,
    mini_assignment,
    submission,
)

pytestmark = pytest.mark.filterwarnings("ignore:Object of type")  # nbgrader's own models, with recent SQLAlchemy

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>[link](javascript:alert(3))"


@pytest.fixture
def mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    monkeypatch.setattr("nbgrader.api.get_alembic_version", alembic_head)
    monkeypatch.setattr("autograder.open_engine", FakeEngine)
    monkeypatch.setattr("autograder.nbgrader_plugin.Pool", OneProcess)
    monkeypatch.setattr("autograder.grade.Pool", OneProcess)
    monkeypatch.setattr("autograder.nbgrader_plugin._worker", nbgrader_plugin._WarmWorker())
    monkeypatch.setattr("autograder.nbgrader_plugin._known", set())
    return mini_assignment(tmp_path / "solutions", monkeypatch)


def copied(mini: Assignment) -> Any:
    notebook = submission(mini, RIGHT)
    place = next(i for i, cell in enumerate(notebook.cells) if grade_id(cell) == "squares")
    notebook.cells.insert(place, copy.deepcopy(notebook.cells[place]))
    notebook.cells[place].id = "copy"
    return notebook


def fill(folder: Path, mini: Assignment) -> None:
    hand_in(folder, "ada", submission(mini, RIGHT), late="2030-01-01 10:00:00 UTC")
    hand_in(folder, "bob", submission(mini, WRONG_ADD))
    hand_in(folder, "cid", b"no notebook")
    hand_in(folder, "dee", submission(mini), name="mini (1).ipynb")
    hand_in(folder, "fay", copied(mini))
    (folder / "submitted" / "eve" / "mini").mkdir(parents=True)
    (folder / "submitted" / "eve" / "mini" / "mini.ipynb").symlink_to("../../ada/mini/mini.ipynb")


@pytest.fixture
def classroom(tmp_path: Path, mini: Assignment) -> Classroom:
    (tmp_path / "class").mkdir()
    fill(tmp_path / "class", mini)
    (tmp_path / "class" / ".grading-salt").write_text("0" * 32)
    return open_classroom(tmp_path / "class")


def api_of(classroom: Classroom) -> NbGraderAPI:
    """What the formgrader's buttons call."""
    config = load_config(classroom)
    return NbGraderAPI(coursedir=CourseDirectory(config=config), config=config)


def autograde(classroom: Classroom) -> dict[str, dict[str, Any]]:
    return {student: api_of(classroom).autograde("mini", student) for student in classroom.students("mini")}


def marks(classroom: Classroom) -> dict[str, Any]:
    with Gradebook(classroom.db_url) as gradebook:
        return {
            submission.student.id: (
                submission.score,
                submission.timestamp,
                sorted((g.name, g.auto_score, g.needs_manual_grade) for n in submission.notebooks for g in n.grades),
                sorted((c.name, c.comment) for n in submission.notebooks for c in n.comments if n.name),
            )
            for submission in gradebook.assignment_submissions("mini")
        }


def test_the_formgraders_button_grades_everything_that_is_handed_in(classroom):
    for student, answer in autograde(classroom).items():
        assert answer["success"], (student, answer.get("error"), answer.get("log"))
    assert {student: row[0] for student, row in marks(classroom).items()} == {
        "ada": 6.0, "bob": 4.0, "cid": 0.0, "dee": 0.0, "eve": 0.0, "fay": 6.0,
    }  # fmt: skip


def test_both_ways_of_grading_agree(classroom, mini, tmp_path):
    twin = tmp_path / "twin"
    subprocess.run(["cp", "-a", classroom.root, twin], check=True)
    autograde(classroom)
    grade_class(twin, mini, workers=1)
    ours, theirs = marks(Classroom(twin)), marks(classroom)
    # where there was nothing to grade, nbgrader calls every solution cell unanswered and we call the file unreadable
    for student in ours:
        assert ours[student][:3] == theirs[student][:3]
    assert ours["ada"] == theirs["ada"]
    for student in ours:
        same = ("tests", "score", "seed", "problem", "repairs", "notes", "submission_sha256", "assignment_sha256")
        a, b = (json.loads(Classroom(root).result(student, "mini").read_text()) for root in (twin, classroom.root))
        assert {key: a[key] for key in same} == {key: b[key] for key in same}
        texts = [(root / "autograded" / student / "mini" / "mini.ipynb").read_text() for root in (twin, classroom.root)]
        cells = [[(c.source, c.get("outputs")) for c in nbformat.reads(text, as_version=4).cells] for text in texts]
        assert cells[0] == cells[1]


def test_the_files_beside_a_notebook_are_there_both_ways(classroom, mini):
    (classroom.submitted("ada", "mini") / "weights.bin").write_bytes(bytes(7))
    autograde(classroom)
    by_nbgrader = json.loads(classroom.result("ada", "mini").read_text())["notes"]
    (ada,) = grade_class(classroom, mini, workers=1, students=["ada"], force=True)
    assert by_nbgrader == ada.notes == ["weights.bin: 7 bytes"]


def test_what_nbgrader_graded_is_not_graded_again(classroom, mini):
    autograde(classroom)
    graded = grade_class(classroom, mini, workers=1)
    assert [one.student for one in graded if not one.skipped] == []


def test_the_formgrader_lists_the_submissions_that_we_graded(classroom, mini):
    grade_class(classroom, mini, workers=1)
    submissions = {row["student"]: row for row in api_of(classroom).get_submissions("mini")}
    assert {student: row["autograded"] for student, row in submissions.items()} == dict.fromkeys(submissions, True)
    assert submissions["ada"]["score"] == 6.0
    assert submissions["ada"]["needs_manual_grade"]
    assert not submissions["dee"]["needs_manual_grade"]
    notebooks = api_of(classroom).get_notebook_submissions("mini", "mini")
    assert {row["student"] for row in notebooks} == set(submissions)
    assert {row["student"]: row["failed_tests"] for row in notebooks}["bob"]


def formgrader_page(classroom: Classroom, student: str) -> str:
    """The page as the formgrader's exporter makes it."""
    config = load_config(classroom)
    config.merge(
        Config({"HTMLExporter": {"template_name": "formgrade", "extra_template_basedirs": [handlers.template_path]}})
    )
    resources = {
        "assignment_id": "mini", "notebook_id": "mini", "submission_id": "1", "index": 0, "total": 1,
        "base_url": "", "student": student, "last_name": None, "first_name": None, "notebook_path": "",
    }  # fmt: skip
    path = classroom.autograded(student, "mini") / "mini.ipynb"
    return HTMLExporter(config=config).from_filename(str(path), resources=resources)[0]


def test_the_formgraders_page_shows_code_scores_messages_and_answers(classroom, mini):
    grade_class(classroom, mini, workers=1)
    page = formgrader_page(classroom, "bob")
    text = re.sub(r"<[^>]+>", "", page)
    assert "return a - b" in text
    assert "sums-add failed: AssertionError" in text
    assert "It is a number times itself." in text
    assert 'class="score tabbable" id="words-answer"' in page
    assert "/ 4.0" in text


def test_the_formgraders_page_runs_nothing_that_a_student_wrote(classroom, mini):
    notebook = submission(mini, RIGHT | {"words-answer": EVIL})
    notebook.cells.append(nbformat.v4.new_markdown_cell(EVIL))
    display = nbformat.v4.new_output(
        "display_data",
        data={"text/html": EVIL, "application/javascript": "alert(4)", "image/svg+xml": f"<svg>{EVIL}</svg>"},
    )
    hand_in(classroom.root, "ada", notebook)
    grade_class(classroom, mini, students=["ada"], workers=1)
    path = classroom.autograded("ada", "mini") / "mini.ipynb"
    graded = nbformat.read(path, as_version=4)
    next(cell for cell in graded.cells if grade_id(cell) == "squares").outputs = [display]
    path.write_text(nbformat.writes(graded))
    page = formgrader_page(classroom, "ada")
    body = page[page.index('id="notebook-container"') :]
    assert "<script>alert" not in body
    assert "onerror=" not in body
    assert not re.search(r"href=.?javascript", body)
    assert "alert(4)" not in body


def test_generate_feedback_writes_our_pages_and_nothing_of_hidden_tests(classroom, mini):
    hand_in(classroom.root, "bob", submission(mini, WRONG_ADD | {"words-answer": EVIL}))
    autograde(classroom)
    answer = api_of(classroom).generate_feedback("mini")
    assert answer["success"], answer
    for student in classroom.students("mini"):
        folder = classroom.root / "feedback" / student / "mini"
        names = {path.name for path in folder.iterdir()} - {"timestamp.txt"}
        assert names == {"mini.html"}
        page = (folder / "mini.html").read_text()
        assert "-17" not in page
        assert "HIDDEN" not in page
        assert "<script" not in page
    page = (classroom.root / "feedback" / "bob" / "mini" / "mini.html").read_text()
    assert "sums-add failed" in page


def test_generate_assignment_writes_our_release_and_records_the_cells(tmp_path, mini):
    (tmp_path / "new").mkdir()
    classroom = open_classroom(tmp_path / "new")
    source = classroom.source("mini")
    source.parent.mkdir(parents=True)
    source.write_text(nbformat.writes(nbformat.v4.new_notebook()))
    answer = api_of(classroom).generate_assignment("mini")
    assert answer["success"], answer
    release = nbformat.read(classroom.release("mini"), as_version=4)
    assert [cell.source for cell in release.cells] == [cell.source for cell in submission(mini).cells]
    with Gradebook(classroom.db_url) as gradebook:
        assert gradebook.find_notebook("mini", "mini").max_score == 10.0


def test_grading_that_fails_gives_an_explicit_result(classroom, monkeypatch):
    class Failing(OneProcess):
        def run(self, tasks: Any) -> Any:
            from autograder.pool import Failure

            for key, _ in tasks:
                yield key, Failure("the grading process ended while it was at work (killed by signal 9)")

    monkeypatch.setattr("autograder.nbgrader_plugin.Pool", Failing)
    answer = api_of(classroom).autograde("mini", "ada")
    assert answer["success"]
    assert marks(classroom)["ada"][0] == 0.0
    result = json.loads(classroom.result("ada", "mini").read_text())
    assert result["problem"].startswith("Grading it failed: the grading process ended")


def test_links_are_replaced_by_a_note_before_nbgrader_copies_them(classroom, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the solutions")
    folder = classroom.submitted("ada", "mini")
    (folder / "data.txt").symlink_to(secret)
    (folder / "inner").mkdir()
    os.link(secret, folder / "inner" / "more.txt")
    (folder / "fine.txt").write_text("fine")
    assert api_of(classroom).autograde("mini", "ada")["success"]
    graded = {
        p.relative_to(classroom.autograded("ada", "mini")).as_posix()
        for p in classroom.autograded("ada", "mini").rglob("*")
    }
    assert graded >= {"fine.txt", "data.txt.link-refused.txt", "inner/more.txt.link-refused.txt"}
    assert not {"data.txt", "inner/more.txt"} & graded
    assert not any("the solutions" in p.read_text() for p in classroom.root.rglob("*.txt"))
    assert secret.read_text() == "the solutions"
    assert "was a link to" in (folder / "data.txt.link-refused.txt").read_text()


def test_a_folder_without_links_is_left_alone(classroom):
    before = sorted(classroom.root.rglob("*"))
    refuse_links(classroom.submitted("ada", "mini"))
    assert sorted(classroom.root.rglob("*")) == before


class TestExport:
    def export(self, classroom: Classroom, tmp_path: Path, **options: Any) -> list[dict[str, str]]:
        exporter = nbgrader_plugin.SafeCsvExporter(to=str(tmp_path / "marks.csv"), **options)
        with Gradebook(classroom.db_url) as gradebook:
            exporter.export(gradebook)
        with (tmp_path / "marks.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_columns_and_marks(self, classroom, mini, tmp_path):
        grade_class(classroom, mini, workers=1)
        with Gradebook(classroom.db_url) as gradebook:
            gradebook.update_or_create_student("absent")
            gradebook.update_or_create_assignment("mini", duedate="2029-12-31 10:00:00 UTC")
            gradebook.find_submission("mini", "ada").notebooks[0].late_submission_penalty = 1.5
            gradebook.db.commit()
        rows = {row["student_id"]: row for row in self.export(classroom, tmp_path)}
        assert rows["ada"] == {
            "assignment": "mini", "duedate": "2029-12-31 10:00:00", "timestamp": "2030-01-01 10:00:00",
            "student_id": "ada", "last_name": "", "first_name": "", "email": "",
            "raw_score": "6.0", "late_submission_penalty": "1.5", "score": "4.5", "max_score": "10.0",
        }  # fmt: skip
        assert rows["absent"]["score"] == "0.0"
        assert set(rows) == {"absent", "ada", "bob", "cid", "dee", "eve", "fay"}

    def test_names_cannot_break_a_row_or_run_in_a_spreadsheet(self, classroom, mini, tmp_path):
        grade_class(classroom, mini, students=["ada", "bob"], workers=1)
        names = {"ada": '=cmd|"/c calc"!A1', "bob": 'Smith, "Bob"\n+1'}
        with Gradebook(classroom.db_url) as gradebook:
            for student, name in names.items():
                gradebook.update_or_create_student(student, last_name=name)
        rows = {row["student_id"]: row["last_name"] for row in self.export(classroom, tmp_path)}
        assert rows == {"ada": "'" + names["ada"], "bob": names["bob"]}
        raw = (tmp_path / "marks.csv").read_text(encoding="utf-8")
        assert raw.startswith('"assignment","duedate"')
        assert '"Smith, ""Bob""\n+1"' in raw

    def test_only_what_is_asked_for(self, classroom, mini, tmp_path):
        grade_class(classroom, mini, workers=1)
        rows = self.export(classroom, tmp_path, student=["bob"], assignment=["mini"])
        assert [row["student_id"] for row in rows] == ["bob"]
        assert self.export(classroom, tmp_path, assignment=["other"]) == []

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("=1+1", "'=1+1"),
            (" =1", "' =1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@A1", "'@A1"),
            ("\tx", "'\tx"),
            ("a=1", "a=1"),
            ("", ""),
            (None, ""),
            (-1.5, "-1.5"),
            (0, "0"),
        ],
    )
    def test_fields(self, value, text):
        assert plain_field(value) == text


@pytest.mark.slow
@pytest.mark.skipif("backprop" not in assignment_names(), reason="needs the assignment backprop")
def test_the_real_commands_on_the_real_assignment(tmp_path):
    """`nbgrader autograde`, `generate_feedback` and `export`, as typed, with the real engine; against `autograder grade`."""
    assignment = load_assignment("backprop")
    right = submission_notebook(assignment, reference_solutions(assignment))
    wrong = copy.deepcopy(right)
    for cell in wrong.cells:
        if grade_id(cell) == "unbroadcast":
            cell.source = "def unbroadcast(grad, shape):\n    return grad"
    folder = tmp_path / "class"
    hand_in(folder, "ada", right, "backprop")
    hand_in(folder, "bob", wrong, "backprop")
    hand_in(folder, "cid", b"{", "backprop")
    hand_in(folder, "dee", submission_notebook(assignment, {}), "backprop", name="mine.ipynb")
    (folder / ".grading-salt").write_text("0" * 32)
    twin = tmp_path / "twin"
    subprocess.run(["cp", "-a", folder, twin], check=True)
    open_classroom(folder)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    for command in (["autograde", "backprop"], ["generate_feedback", "backprop"], ["export"]):
        done = subprocess.run(["nbgrader", *command], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    ours = {one.student: one.score for one in grade_class(twin, assignment, workers=2)}
    written = sum(cell.metadata.nbgrader.points for task in assignment.tasks for cell in task.written_cells)
    assert ours["ada"] == assignment.max_score - written
    assert 0 < ours["bob"] < ours["ada"]
    assert (ours["cid"], ours["dee"]) == (0.0, 0.0)
    with (folder / "grades.csv").open(newline="") as file:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == ours
    for student in ours:
        assert (folder / "feedback" / student / "backprop" / "backprop.html").exists()


@pytest.mark.slow
@pytest.mark.skipif("backprop" not in assignment_names(), reason="needs the assignment backprop")
def test_the_formgrader_of_a_running_server(tmp_path):
    """Its lists, its page of a submission and its autograde button, over HTTP."""
    assignment = load_assignment("backprop")
    hand_in(tmp_path, "ada", submission_notebook(assignment, reference_solutions(assignment)), "backprop")
    graded = grade_class(tmp_path, assignment, workers=1)[0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "HOME": str(tmp_path / "home")}
    options = [f"--port={port}", "--allow-root", "--IdentityProvider.token=t", "--ServerApp.disable_check_xsrf=True"]

    def ask(address: str, data: bytes | None = None) -> str:
        request = Request(f"http://127.0.0.1:{port}{address}", data, {"Authorization": "token t"})
        with urlopen(request, timeout=300) as answer:
            return answer.read().decode()

    command = ["jupyter", "lab", "--no-browser", *options]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + 120
            while time.monotonic() < until:
                with suppress(OSError):
                    ask("/api/status")
                    break
                time.sleep(0.2)
            listed = json.loads(ask("/formgrader/api/submissions/backprop"))
            assert [(row["student"], row["score"], row["autograded"]) for row in listed] == [
                ("ada", graded.score, True)
            ]
            notebooks = json.loads(ask("/formgrader/api/submitted_notebooks/backprop/backprop"))
            page = ask(f"/formgrader/submissions/{notebooks[0]['id']}/")
            assert "def numerical_gradient" in re.sub(r"<[^>]+>", "", page)
            button = json.loads(ask("/formgrader/api/submission/backprop/ada/autograde", b""))
            assert button["success"], button
            listed = json.loads(ask("/formgrader/api/submissions/backprop"))
            assert [(row["student"], row["score"], row["autograded"]) for row in listed] == [
                ("ada", graded.score, True)
            ]
        finally:
            server.terminate()


@pytest.mark.parametrize(
    ("system", "path", "student"),
    [
        ("Moodle", "Ada Lovelace_1815_assignsubmission_file/backprop.ipynb", "Ada Lovelace"),
        ("Moodle", "Núñez_O'Neil, José_7_assignsubmission_file_/backprop.ipynb", "Núñez_O'Neil, José"),
        ("Moodle", "Ada Lovelace_1815_assignsubmission_file_backprop.ipynb", "Ada Lovelace"),
        ("Canvas", "lovelaceada_1815_1852_backprop.ipynb", "lovelaceada"),
        ("Canvas", "lovelaceada_LATE_1815_1852_backprop.ipynb", "lovelaceada"),
    ],
)
def test_the_instructors_page_tells_zip_collect_how_files_are_named(system: str, path: str, student: str) -> None:
    page = (ROOT / "course" / "instructors.md").read_text(encoding="utf-8")
    (pattern,) = re.findall(rf'# {system}:.*\n.*named_regexp = r"(.*)"', page)
    collector = FileNameCollectorPlugin(config=Config(FileNameCollectorPlugin={"named_regexp": pattern}))
    found = collector.collect(f"/downloaded/backprop/extracted/submissions/{path}")
    assert found == {"student_id": student, "file_id": "backprop.ipynb"}

"""A class is graded whole: whatever is handed in, whatever dies on the way, and the second run does only what is left."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade

from autograder.assignment import Assignment, AssignmentError, grade_id, kind
from autograder.classroom import Classroom, ClassroomError, open_classroom
from autograder.grade import Graded, Progress, grade_class
from tests.autograder.mini import (
    RIGHT,
    SOURCE,
    WRONG_ADD,
    FakeEngine,
    NoSandboxEngine,
    OneProcess,
    alembic_head,
    hand_in,
    mini_assignment,
    submission,
    to_bytes,
    with_budget,
)


@pytest.fixture(autouse=True)
def no_program_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbgrader.api.get_alembic_version", alembic_head)


@pytest.fixture(autouse=True)
def pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_pool" not in request.fixturenames:
        monkeypatch.setattr("autograder.grade.Pool", OneProcess)


@pytest.fixture
def real_pool() -> None:
    """Asked for by tests of what happens to processes."""


@pytest.fixture
def mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    return mini_assignment(tmp_path / "solutions", monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "class" / "submitted").mkdir(parents=True)
    return tmp_path / "class"


def grade(folder: Path, assignment: Assignment, **options: Any) -> dict[str, Graded]:
    graded = grade_class(folder, assignment, **{"engine": FakeEngine, "workers": 1, **options})
    return {one.student: one for one in graded}


def with_line(answers: dict[str, str], line: str, name: str = "squares") -> dict[str, str]:
    return answers | {name: f"{answers[name]}\n{line}"}


def picture(folder: Path) -> dict[str, Any]:
    """Everything that the gradebook says, without the ids and times that differ from run to run."""
    with Gradebook(Classroom(folder).db_url) as gradebook:
        return {
            submission.student.id: (
                submission.timestamp,
                submission.score,
                sorted(
                    (g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
                    for n in submission.notebooks
                    for g in n.grades
                ),
                sorted((c.name, c.comment) for n in submission.notebooks for c in n.comments),
                [notebook.flagged for notebook in submission.notebooks],
            )
            for submission in gradebook.assignment_submissions("mini")
        }


def test_a_class(folder, mini, real_pool):
    hand_in(folder, "ada", submission(mini, RIGHT))
    hand_in(folder, "bob", submission(mini, WRONG_ADD))
    hand_in(folder, "cid", b"no notebook")
    hand_in(folder, "dee", submission(mini), name="mini (1).ipynb")
    (folder / "submitted" / "eve" / "mini").mkdir(parents=True)
    (folder / "submitted" / "fay" / "other").mkdir(parents=True)
    told: list[Progress] = []
    graded = grade(folder, mini, workers=2, on_progress=told.append)

    assert list(graded) == ["ada", "bob", "cid", "dee", "eve"]
    assert [one.score for one in graded.values()] == [6.0, 4.0, 0.0, 0.0, 0.0]
    assert {one.max_score for one in graded.values()} == {10.0}
    assert graded["bob"].misconceptions == ["adds-nothing"]
    assert "JSON is broken" in str(graded["cid"].problem)
    assert graded["dee"].repairs == [
        "The file is called “mini (1).ipynb”, not “mini.ipynb”; it was graded all the same."
    ]
    assert "There is no notebook" in str(graded["eve"].problem)
    assert [(p.done, p.total) for p in told] == [(n, 5) for n in range(6)]

    marks = picture(folder)
    assert {student: row[1] for student, row in marks.items()} == {s: g.score for s, g in graded.items()}
    assert {student: row[4] for student, row in marks.items()} == {
        "ada": [False], "bob": [False], "cid": [True], "dee": [False], "eve": [True],
    }  # fmt: skip
    waiting = {student: dict((n, w) for n, *_, w in row[2])["words-answer"] for student, row in marks.items()}
    assert waiting == {"ada": True, "bob": True, "cid": False, "dee": False, "eve": False}
    assert ("sums", "No response.") in marks["dee"][3]
    assert ("sums", None) in marks["ada"][3]


def test_what_is_written_beside_the_notebook(folder, mini):
    hand_in(folder, "ada", submission(mini, WRONG_ADD))
    graded = grade(folder, mini)["ada"]
    result = json.loads(Classroom(folder).result("ada", "mini").read_text())
    assert result == graded.result
    assert result["student"] == "ada"
    assert result["seed"] == Classroom(folder).seed("ada", "mini")
    assert result["level"] == "fake"
    assert [test["grade_id"] for test in result["tests"]] == ["sums-add", "sums-subtract", "squares-test"]
    assert set(result) >= {"repairs", "notes", "graded_at", "problem", "submission_sha256", "assignment_sha256"}


@pytest.mark.parametrize("answers", [RIGHT, WRONG_ADD, {}, None])
def test_nbgrader_reads_the_same_points_from_the_notebook(folder, mini, answers):
    hand_in(folder, "ada", submission(mini, answers) if answers is not None else b"broken")
    graded = grade(folder, mini)["ada"]
    notebook = nbformat.read(folder / "autograded" / "ada" / "mini" / "mini.ipynb", as_version=4)
    read = {str(grade_id(c)): determine_grade(c) for c in notebook.cells if kind(c) in ("test", "written")}
    expected: dict[str, Any] = {
        test["grade_id"]: (test["points"], test["max_points"]) for test in graded.result["tests"]
    }
    assert read == expected | {"words-answer": (None if answers and answers.get("words-answer") else 0, 4.0)}


def test_the_instructors_copy_shows_hidden_tests_rubrics_and_the_students_work(folder, mini):
    hand_in(folder, "ada", submission(mini, RIGHT))
    grade(folder, mini)
    text = (folder / "autograded" / "ada" / "mini" / "mini.ipynb").read_text()
    assert "add(-17, 4) == -13" in text
    assert "the rule of signs" in text
    assert "return a * a" in text
    assert RIGHT["words-answer"] in text


def test_a_notebook_that_could_not_be_graded_says_so_at_its_top(folder, mini):
    hand_in(folder, "ada", b"broken")
    grade(folder, mini)
    notebook = nbformat.read(folder / "autograded" / "ada" / "mini" / "mini.ipynb", as_version=4)
    assert "could not be graded" in notebook.cells[0].source


# The second run


def log_of(folder: Path) -> Path:
    return folder.parent / "engine.log"


class LoggingEngine(FakeEngine):
    """Notes each submission that it grades, in a file beside the class."""

    def grade(self, data: Any, assignment: Assignment, **options: Any) -> Any:
        with (assignment.folder.parent.parent / "engine.log").open("a") as log:
            log.write("graded\n")
        return super().grade(data, assignment, **options)


def grade_logged(folder: Path, assignment: Assignment, **options: Any) -> tuple[dict[str, Graded], int]:
    log_of(folder).write_text("")
    graded = grade(folder, assignment, engine=LoggingEngine, **options)
    return graded, log_of(folder).read_text().count("graded")


class TestRunningAgain:
    @pytest.fixture(autouse=True)
    def graded_class(self, folder, mini):
        hand_in(folder, "ada", submission(mini, RIGHT))
        hand_in(folder, "bob", submission(mini, WRONG_ADD))
        assert grade_logged(folder, mini)[1] == 2

    def test_does_nothing_if_nothing_has_changed(self, folder, mini):
        before = picture(folder)
        graded, runs = grade_logged(folder, mini)
        assert runs == 0
        assert all(one.skipped for one in graded.values())
        assert [one.score for one in graded.values()] == [6.0, 4.0]
        assert picture(folder) == before

    def test_grades_what_was_handed_in_anew(self, folder, mini):
        hand_in(folder, "bob", submission(mini, RIGHT))
        hand_in(folder, "cid", submission(mini))
        graded, runs = grade_logged(folder, mini)
        assert runs == 2
        assert [(s, g.score, g.skipped) for s, g in graded.items()] == [
            ("ada", 6.0, True),
            ("bob", 6.0, False),
            ("cid", 0.0, False),
        ]

    def test_grades_all_if_the_assignment_has_changed_unless_told_otherwise(self, folder, mini, monkeypatch):
        changed = mini_assignment(
            mini.folder.parent, monkeypatch, source=SOURCE.replace("add(1, 2) == 3", "add(2, 2) == 4")
        )
        assert changed.digest != mini.digest
        assert grade_logged(folder, changed, only_changed=True)[1] == 0
        assert grade_logged(folder, changed)[1] == 2
        assert grade_logged(folder, changed)[1] == 0

    def test_grades_all_by_force(self, folder, mini):
        assert grade_logged(folder, mini, force=True)[1] == 2

    def test_grades_again_who_is_not_in_the_gradebook(self, folder, mini):
        (folder / "gradebook.db").unlink()
        assert grade_logged(folder, mini)[1] == 2
        assert set(picture(folder)) == {"ada", "bob"}

    @pytest.mark.parametrize("file", ["result.json", "mini.ipynb"])
    def test_grades_again_whose_graded_work_is_gone(self, folder, mini, file):
        (folder / "autograded" / "ada" / "mini" / file).unlink()
        assert grade_logged(folder, mini)[1] == 1
        (folder / "autograded" / "ada" / "mini" / file).write_text("[]" if file == "result.json" else "{}")
        assert grade_logged(folder, mini)[1] == (1 if file == "result.json" else 0)

    def test_grades_one_student(self, folder, mini):
        graded, runs = grade_logged(folder, mini, students=["bob"], force=True)
        assert (list(graded), runs) == (["bob"], 1)

    def test_keeps_marks_given_by_hand(self, folder, mini):
        with Gradebook(Classroom(folder).db_url) as gradebook:
            mark = gradebook.find_grade("words-answer", "mini", "mini", "ada")
            mark.manual_score, mark.needs_manual_grade = 3.0, False
            gradebook.db.commit()
        grade(folder, mini, force=True)
        assert ("words-answer", None, 3.0, False) in picture(folder)["ada"][2]
        hand_in(folder, "ada", submission(mini, RIGHT | {"sums": "pass"}))
        grade(folder, mini)
        assert ("words-answer", None, 3.0, False) in picture(folder)["ada"][2]
        hand_in(folder, "ada", submission(mini, RIGHT | {"words-answer": "Something else."}))
        grade(folder, mini)
        assert ("words-answer", None, 3.0, True) in picture(folder)["ada"][2]

    def test_takes_back_a_flag_that_it_had_set(self, folder, mini):
        hand_in(folder, "cid", b"broken")
        grade(folder, mini)
        assert picture(folder)["cid"][4] == [True]
        hand_in(folder, "cid", submission(mini, RIGHT))
        assert grade(folder, mini)["cid"].score == 6.0
        assert picture(folder)["cid"][4] == [False]

    def test_gives_the_same_seeds(self, folder, mini):
        seeds = [json.loads(Classroom(folder).result(s, "mini").read_text())["seed"] for s in ("ada", "bob")]
        assert seeds[0] != seeds[1]
        again = grade(folder, mini, force=True)
        assert [one.result["seed"] for one in again.values()] == seeds

    def test_sees_another_time_of_submission(self, folder, mini):
        (folder / "submitted" / "ada" / "mini" / "timestamp.txt").write_text("2030-01-02 03:04:05 UTC")
        assert grade_logged(folder, mini)[1] == 1
        assert str(picture(folder)["ada"][0]) == "2030-01-02 03:04:05"
        assert (folder / "autograded" / "ada" / "mini" / "timestamp.txt").exists()


@pytest.mark.parametrize("text", ["yesterday, I think", "\udcff", "9" * 500, "", "9" * 40 + "\0" + "2.5h,"])
def test_a_time_that_is_none_is_told(folder, mini, text):
    hand_in(folder, "ada", submission(mini, RIGHT))
    (folder / "submitted" / "ada" / "mini" / "timestamp.txt").write_bytes(text.encode("utf-8", "surrogateescape"))
    graded = grade(folder, mini)["ada"]
    assert graded.score == 6.0
    assert graded.repairs == ["The time of submission is not known: timestamp.txt holds no date."]


# What dies


def test_a_worker_that_is_killed_costs_nobody_anything(folder, mini, tmp_path, real_pool):
    for number in range(6):
        line = f"# KILL WORKER ONCE {tmp_path}/flag-{number}" if number % 2 else ""
        hand_in(folder, f"student{number}", submission(mini, with_line(RIGHT, line)))
    graded = grade(folder, mini, workers=2)
    assert {one.score for one in graded.values()} == {6.0}
    assert len(list(tmp_path.glob("flag-*"))) == 3


def test_a_submission_that_always_kills_its_worker_gets_an_explicit_result_and_is_tried_again(folder, mini, real_pool):
    hand_in(folder, "ada", submission(mini, RIGHT))
    hand_in(folder, "bob", submission(mini, with_line(RIGHT, "# KILL WORKER ALWAYS")))
    graded = grade(folder, mini)
    assert graded["ada"].score == 6.0
    assert graded["bob"].score == 0.0
    assert graded["bob"].problem == (
        "Grading it failed 3 times: the grading process ended while it was at work (killed by signal 9)."
    )
    assert picture(folder)["bob"][4] == [True]
    again = grade(folder, mini)
    assert [one.skipped for one in again.values()] == [True, False]


def test_an_error_of_the_engine_stops_nobody_else(folder, mini, real_pool):
    hand_in(folder, "ada", submission(mini, with_line(RIGHT, "# ENGINE ERROR")))
    hand_in(folder, "bob", submission(mini, RIGHT))
    graded = grade(folder, mini)
    assert graded["ada"].problem == "Grading it failed 3 times: RuntimeError: the engine broke."
    assert graded["bob"].score == 6.0


def test_a_worker_gets_twice_the_budget_and_a_little_before_it_is_taken_to_hang(folder, mini, monkeypatch):
    asked: dict[str, Any] = {}

    class Watched(OneProcess):
        def __init__(self, setup: Any, size: int, **options: Any) -> None:
            super().__init__(setup)
            asked.update(options, size=size)

    monkeypatch.setattr("autograder.grade.Pool", Watched)
    hand_in(folder, "ada", submission(mini, RIGHT))
    grade(folder, with_budget(mini, notebook_seconds=100.0), workers=5)
    assert asked == {"size": 1, "tries": 3, "seconds": 320.0}


def test_no_sandbox_is_one_sentence(folder, mini, real_pool):
    hand_in(folder, "ada", submission(mini, RIGHT))
    with pytest.raises(ClassroomError, match=r"^Grading cannot start: No sandbox can be had here"):
        grade(folder, mini, engine=NoSandboxEngine)


def test_ctrl_c_saves_what_is_done_and_the_next_run_goes_on(folder, mini, real_pool):
    for number in range(8):
        hand_in(folder, f"student{number}", submission(mini, RIGHT))

    def interrupt(progress: Progress) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(folder, mini, on_progress=interrupt)
    assert len(picture(folder)) == 3
    graded = grade(folder, mini)
    assert sum(one.skipped for one in graded.values()) == 3
    assert {one.score for one in graded.values()} == {6.0}


DRIVER = """
    import sys
    from pathlib import Path
    import autograder.assignment
    from autograder.assignment import load_assignment
    from autograder.grade import grade_class
    from tests.autograder.mini import SlowEngine

    if __name__ == "__main__":
        autograder.assignment.SOLUTIONS = Path(sys.argv[2])
        grade_class(Path(sys.argv[1]), load_assignment("mini"), engine=SlowEngine, workers=2)
"""


@pytest.mark.slow
def test_a_driver_killed_at_any_moment_leaves_a_class_that_the_next_run_finishes(folder, mini, tmp_path, real_pool):
    for number in range(60):
        answers = [RIGHT, WRONG_ADD, {}, with_line(RIGHT, "x = 1")][number % 4]
        hand_in(
            folder, f"student{number:03d}", submission(mini, answers) if number % 15 else b"broken", late="2030-01-01"
        )
    (folder / ".grading-salt").write_text("0" * 32)
    undisturbed = tmp_path / "undisturbed"
    subprocess.run(["cp", "-a", folder, undisturbed], check=True)
    grade(undisturbed, mini, workers=2)

    script = tmp_path / "driver.py"
    script.write_text(textwrap.dedent(DRIVER))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    draw = random.Random(0)
    for enough in (0, 1, 12, 25, 33, 48):
        command = [sys.executable, script, folder, mini.folder.parent]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as driver:
            while driver.poll() is None and len(list(folder.glob("autograded/*/mini/mini.ipynb"))) < enough:
                time.sleep(0.01)
            time.sleep(draw.uniform(0.0, 0.3))
            driver.send_signal(signal.SIGKILL)
    grade(folder, mini, workers=2)
    assert picture(folder) == picture(undisturbed)
    assert len(picture(folder)) == 60
    for student in picture(folder):
        ours, theirs = (json.loads(Classroom(f).result(student, "mini").read_text()) for f in (folder, undisturbed))
        assert (ours["tests"], ours["seed"], ours["problem"]) == (theirs["tests"], theirs["seed"], theirs["problem"])


# What is in the way


def test_unknown_assignment(folder, mini):
    with pytest.raises(AssignmentError, match=r"no assignment 'nope'; the assignments are: mini\."):
        grade_class(folder, "nope")


def test_what_is_wrong_with_a_misconception_costs_no_student_a_point(folder, mini):
    hand_in(folder, "ada", submission(mini, RIGHT))
    grade(folder, mini)
    before = picture(folder)
    (mini.folder / "misconceptions.py").write_text("MISCONCEPTIONS = [")
    with pytest.raises(AssignmentError, match=r"misconceptions\.py cannot be loaded: SyntaxError"):
        grade(folder, mini, force=True)
    assert picture(folder) == before


def test_missing_folder(tmp_path, mini):
    with pytest.raises(ClassroomError, match="There is no classroom folder"):
        grade(tmp_path / "none", mini)
    assert not (tmp_path / "none").exists()


def test_a_folder_without_submissions(tmp_path, mini):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClassroomError, match=r"There is no folder .*submitted: put each submission into"):
        grade(tmp_path / "empty", mini)


def test_an_empty_class(folder, mini):
    with pytest.raises(ClassroomError, match="Nobody has handed in mini"):
        grade(folder, mini)


def test_a_student_who_handed_in_nothing(folder, mini):
    hand_in(folder, "ada", submission(mini, RIGHT))
    with pytest.raises(ClassroomError, match=r"zoe handed in nothing for mini; those who did are: ada\."):
        grade(folder, mini, students=["ada", "zoe"])


def test_a_disk_that_is_full_is_one_sentence_and_the_next_run_goes_on(folder, mini, monkeypatch):
    for number in range(4):
        hand_in(folder, f"student{number}", submission(mini, RIGHT))
    replace = os.replace

    def full(source: Any, target: Any) -> None:
        if "student2" in str(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(
            ClassroomError, match=r"cannot be written .No space left on device.: what was there is unchanged"
        ):
            grade(folder, mini)
    assert len(grade(folder, mini)) == 4
    assert len(picture(folder)) == 4


def test_a_disk_that_is_read_only_is_one_sentence(folder, mini, monkeypatch):
    hand_in(folder, "ada", submission(mini, RIGHT))
    open_classroom(folder)

    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))

    monkeypatch.setattr("autograder.classroom.os.open", read_only)
    with pytest.raises(ClassroomError, match=r"cannot be written .Read-only file system."):
        grade(folder, mini)


def test_two_runs_at_once(folder, mini):
    hand_in(folder, "ada", submission(mini, RIGHT))
    with Classroom(folder).grading(), pytest.raises(ClassroomError, match="Another grading run is at work"):
        grade(folder, mini)
    assert grade(folder, mini)["ada"].score == 6.0


def test_a_name_that_no_gradebook_can_hold(folder, mini):
    hand_in(folder, "ada", submission(mini, RIGHT))
    for name in (b"b\xffb", b"line\nbreak"):
        path = os.fsencode(folder / "submitted") + b"/" + name + b"/mini"
        os.makedirs(path)
        Path(os.fsdecode(path), "mini.ipynb").write_bytes(to_bytes(submission(mini, RIGHT)))
    graded = grade_class(folder, mini, engine=FakeEngine, workers=1)
    assert [one.score for one in graded] == [6.0, 0.0, 0.0]
    assert all("rename the folder" in str(one.problem) for one in graded[1:])
    assert set(picture(folder)) == {"ada"}
    json.dumps([one.result for one in graded]).encode()


def test_names_with_spaces_quotes_and_letters_of_all_kinds(folder, mini):
    names = ["O'Brien, Zoë (2)", "名前", "a;b", "x" * 120, "%41", "..dots"]
    for name in names[:-1]:
        hand_in(folder, name, submission(mini, RIGHT))
    assert {one.score for one in grade(folder, mini).values()} == {6.0}
    assert set(picture(folder)) == set(names[:-1])


def test_a_link_to_another_students_work_earns_nothing(folder, mini):
    hand_in(folder, "ada", submission(mini, RIGHT))
    (folder / "submitted" / "eve" / "mini").mkdir(parents=True)
    (folder / "submitted" / "eve" / "mini" / "mini.ipynb").symlink_to("../../ada/mini/mini.ipynb")
    (folder / "submitted" / "eve" / "mini" / "timestamp.txt").symlink_to("/etc/hostname")
    graded = grade(folder, mini)
    assert graded["eve"].score == 0.0
    assert graded["eve"].problem == "“mini.ipynb” is a link; links are not followed."
    assert "“timestamp.txt” is a link" in graded["eve"].repairs[0]
    assert not (folder / "autograded" / "eve" / "mini" / "timestamp.txt").exists()


def test_the_class_gets_its_configuration_source_and_release(folder, mini):
    hand_in(folder, "ada", submission(mini, RIGHT))
    grade(folder, mini)
    assert "return a * a" in (folder / "source" / "mini" / "mini.ipynb").read_text()
    release = (folder / "release" / "mini" / "mini.ipynb").read_text()
    assert "return a * a" not in release
    assert "HIDDEN" not in release
    assert "autograder.nbgrader_plugin" in (folder / "nbgrader_config.py").read_text()

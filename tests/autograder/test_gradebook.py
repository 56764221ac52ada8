"""Marks end up in nbgrader's gradebook as nbgrader would put them there; what people entered stays."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.preprocessors import SaveCells

from autograder.assignment import Assignment, grade_id, read_assignment
from autograder.classroom import CONFIG, Classroom, ClassroomError, open_classroom
from autograder.gradebook import GradebookWriter, Record, back_up, source_cells
from tests.autograder.mini import SOURCE, alembic_head

SCORES: dict[str, float | None] = {"sums-add": 2.0, "sums-subtract": 0.0, "squares-test": 1.5, "words-answer": None}


@pytest.fixture(autouse=True)
def no_program_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader starts another Python, once for each new gradebook, to learn a constant."""
    monkeypatch.setattr("nbgrader.api.get_alembic_version", alembic_head)


@pytest.fixture
def mini(tmp_path: Path) -> Assignment:
    (tmp_path / "mini.py").write_text(SOURCE, encoding="utf-8")
    return read_assignment(tmp_path / "mini.py")


@pytest.fixture
def classroom(tmp_path: Path) -> Classroom:
    (tmp_path / "class").mkdir()
    return open_classroom(tmp_path / "class")


@pytest.fixture
def writer(classroom: Classroom, mini: Assignment) -> Iterator[GradebookWriter]:
    with GradebookWriter(classroom, patience=1.0) as writer:
        writer.save_assignment(mini)
        yield writer


def grades(classroom: Classroom, student: str = "ada") -> dict[str, tuple[Any, Any, bool]]:
    """By cell: automatic score, manual score, whether it waits for a person."""
    with Gradebook(classroom.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook("mini", "mini", student)
        return {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades}


def mark_by_hand(classroom: Classroom, cell: str, score: float, comment: str = "", extra: float | None = None) -> None:
    """What the formgrader does when somebody enters a mark."""
    with Gradebook(classroom.db_url) as gradebook:
        grade = gradebook.find_grade(cell, "mini", "mini", "ada")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = score, extra, False
        if comment:
            gradebook.find_comment("words-answer", "mini", "mini", "ada").manual_comment = comment
        gradebook.db.commit()


def test_the_assignment_is_saved_as_nbgrader_saves_it(writer, classroom, mini, tmp_path):
    """Compared with what `SaveCells` makes of the same notebook in another gradebook."""
    notebook = nbformat.v4.new_notebook(cells=source_cells(mini))
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    other = f"sqlite:///{tmp_path / 'stock.db'}"
    with Gradebook(other) as gradebook:
        gradebook.add_assignment("mini")
    SaveCells().preprocess(notebook, {"nbgrader": {"notebook": "mini", "assignment": "mini", "db_url": other}})

    def picture(url: str) -> Any:
        with Gradebook(url) as gradebook:
            saved = gradebook.find_notebook("mini", "mini")
            tables = [saved.grade_cells, saved.solution_cells, saved.task_cells, saved.source_cells]
            cells = [sorted((c.to_dict() for c in table), key=lambda c: c["name"]) for table in tables]
            for cell in (cell for table in cells for cell in table):
                del cell["id"]
            return cells, saved.kernelspec, saved.max_score, saved.max_code_score, saved.max_written_score

    assert picture(classroom.db_url) == picture(other)
    assert picture(classroom.db_url)[2:] == (10.0, 6.0, 4.0)


def test_the_gradebook_holds_the_hidden_tests_for_stock_nbgrader(writer, classroom):
    with Gradebook(classroom.db_url) as gradebook:
        cell = gradebook.find_source_cell("sums-add", "mini", "mini")
        assert "HIDDEN TESTS" in cell.source
        assert cell.locked
        assert "return a + b" not in gradebook.find_source_cell("sums", "mini", "mini").source


def test_scores_comments_and_waiting_cells(writer, classroom):
    writer.save("mini", [Record("ada", SCORES, {"squares": "No response."})])
    assert grades(classroom) == {
        "sums-add": (2.0, None, False),
        "sums-subtract": (0.0, None, False),
        "squares-test": (1.5, None, False),
        "words-answer": (None, None, True),
    }
    with Gradebook(classroom.db_url) as gradebook:
        submission = gradebook.find_submission("mini", "ada")
        assert (submission.score, submission.max_score, submission.needs_manual_grade) == (3.5, 10.0, True)
        assert gradebook.find_comment("squares", "mini", "mini", "ada").comment == "No response."
        assert gradebook.find_comment("sums", "mini", "mini", "ada").comment is None


def test_an_untouched_written_answer_waits_for_nobody(writer, classroom):
    writer.save("mini", [Record("ada", SCORES | {"words-answer": 0.0})])
    assert grades(classroom)["words-answer"] == (0.0, None, False)


def test_marks_given_by_hand_survive_grading_again(writer, classroom):
    writer.save("mini", [Record("ada", SCORES)])
    mark_by_hand(classroom, "words-answer", 3.0, "Well said.", extra=0.5)
    mark_by_hand(classroom, "sums-subtract", 0.5)
    writer.save("mini", [Record("ada", SCORES, {"words-answer": None})])
    assert grades(classroom)["words-answer"] == (None, 3.0, False)
    assert grades(classroom)["sums-subtract"] == (0.0, 0.5, False)
    with Gradebook(classroom.db_url) as gradebook:
        assert gradebook.find_submission("mini", "ada").score == 7.5
        assert gradebook.find_comment("words-answer", "mini", "mini", "ada").comment == "Well said."


def test_a_mark_is_to_be_looked_at_again_if_what_it_was_given_for_has_changed(writer, classroom):
    writer.save("mini", [Record("ada", SCORES)])
    mark_by_hand(classroom, "words-answer", 3.0)
    mark_by_hand(classroom, "sums-subtract", 0.5)
    mark_by_hand(classroom, "sums-add", 1.5)
    writer.save("mini", [Record("ada", SCORES | {"sums-subtract": 1.0}, changed={"words-answer"})])
    assert grades(classroom)["words-answer"] == (None, 3.0, True)
    assert grades(classroom)["sums-subtract"] == (1.0, 0.5, True)
    assert grades(classroom)["sums-add"] == (2.0, 1.5, False)


def test_flags(writer, classroom):
    def flagged() -> bool:
        with Gradebook(classroom.db_url) as gradebook:
            return gradebook.find_submission_notebook("mini", "mini", "ada").flagged

    writer.save("mini", [Record("ada", SCORES)])
    assert not flagged()
    writer.save("mini", [Record("ada", SCORES, flagged=True)])
    assert flagged()
    writer.save("mini", [Record("ada", SCORES)])
    assert flagged()
    writer.save("mini", [Record("ada", SCORES, flagged=False)])
    assert not flagged()


class TestLate:
    def late_by_an_hour(self, classroom: Classroom, mini: Assignment, config: str = "") -> Any:
        with (classroom.root / "nbgrader_config.py").open("a") as file:
            file.write(config)
        with GradebookWriter(classroom) as writer:
            writer.save_assignment(mini)
            with Gradebook(classroom.db_url) as gradebook:
                gradebook.update_or_create_assignment("mini", duedate="2030-01-01 12:00:00")
            writer.save("mini", [Record("ada", SCORES, timestamp="2030-01-01 13:00:00 UTC")])
        with Gradebook(classroom.db_url) as gradebook:
            submission = gradebook.find_submission("mini", "ada")
            return submission.total_seconds_late, submission.late_submission_penalty

    def test_no_penalty_unless_the_class_has_a_policy(self, classroom, mini):
        assert self.late_by_an_hour(classroom, mini) == (3600.0, 0.0)

    def test_nbgraders_policy(self, classroom, mini):
        config = "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n"
        assert self.late_by_an_hour(classroom, mini, config) == (3600.0, 3.5)

    def test_a_policy_of_ones_own_is_held_between_nothing_and_the_score(self, classroom, mini):
        config = """
from nbgrader.plugins import BasePlugin
class Strict(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        assert (student_id, score, total_seconds_late) == ("ada", 3.5, 3600.0)
        return 1000.0
c.AssignLatePenalties.plugin_class = Strict
"""
        assert self.late_by_an_hour(classroom, mini, config) == (3600.0, 3.5)


def test_who_is_graded(writer):
    writer.save("mini", [Record("ada", SCORES), Record("bob", SCORES | {"sums-add": None})])
    assert writer.graded_students("mini") == {"ada"}


def test_an_assignment_that_got_a_cell_more(writer, classroom, mini, tmp_path):
    writer.save("mini", [Record("ada", SCORES)])
    mark_by_hand(classroom, "words-answer", 3.0)
    longer = SOURCE + SOURCE[SOURCE.index('# %% [markdown] task={"name": "squares"') :].split(
        '# %% [markdown] task={"name": "words"'
    )[0].replace("squares", "cubes").replace("square", "cube")
    (tmp_path / "mini.py").write_text(longer, encoding="utf-8")
    writer.save_assignment(read_assignment(tmp_path / "mini.py"))
    assert writer.graded_students("mini") == set()
    writer.save("mini", [Record("ada", SCORES | {"cubes-test": 3.0})])
    assert grades(classroom)["cubes-test"] == (3.0, None, False)
    assert grades(classroom)["words-answer"] == (None, 3.0, False)


def test_a_cell_that_people_have_marked_cannot_vanish(writer, classroom, mini, tmp_path):
    shorter = read_assignment(tmp_path / "mini.py")
    shorter.notebook.cells = [cell for cell in mini.notebook.cells if grade_id(cell) != "words-answer"]
    writer.save("mini", [Record("ada", SCORES)])
    mark_by_hand(classroom, "words-answer", 3.0)
    with pytest.raises(ClassroomError, match="'words-answer' is gone"):
        writer.save_assignment(shorter)
    assert grades(classroom)["words-answer"] == (None, 3.0, False)


def test_a_cell_that_nobody_has_marked_may_vanish(writer, classroom, mini, tmp_path):
    shorter = read_assignment(tmp_path / "mini.py")
    shorter.notebook.cells = [cell for cell in mini.notebook.cells if grade_id(cell) != "words-answer"]
    writer.save("mini", [Record("ada", SCORES)])
    writer.save_assignment(shorter)
    assert set(grades(classroom)) == {"sums-add", "sums-subtract", "squares-test"}


# What can go wrong


def lock(classroom: Classroom) -> sqlite3.Connection:
    other = sqlite3.connect(classroom.db_path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    return other


def test_a_locked_gradebook_is_waited_for(writer, classroom):
    other = lock(classroom)
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    writer.save("mini", [Record("ada", SCORES)])
    release.join()
    other.close()
    assert grades(classroom)["sums-add"][0] == 2.0


def test_a_gradebook_that_stays_locked_is_one_sentence_and_loses_nothing(writer, classroom):
    writer.save("mini", [Record("ada", SCORES)])
    other = lock(classroom)
    with pytest.raises(ClassroomError, match="in use by another program"):
        writer.save("mini", [Record("ada", SCORES | {"sums-add": 0.0}), Record("bob", SCORES)])
    other.execute("ROLLBACK")
    other.close()
    assert grades(classroom)["sums-add"][0] == 2.0
    writer.save("mini", [Record("bob", SCORES)])
    assert writer.graded_students("mini") == {"ada", "bob"}


def test_a_batch_is_saved_whole_or_not_at_all(writer, monkeypatch):
    def fail(*_: Any) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(writer, "_save_penalty", fail)
    with pytest.raises(RuntimeError):
        writer.save("mini", [Record("ada", SCORES), Record("bob", SCORES)])
    monkeypatch.undo()
    assert writer.graded_students("mini") == set()
    writer.save("mini", [Record("bob", SCORES)])
    assert writer.graded_students("mini") == {"bob"}


@pytest.mark.parametrize("damage", ["not a database at all", "torn"])
def test_a_damaged_gradebook_is_left_as_it_is(classroom, mini, damage):
    with GradebookWriter(classroom) as writer:
        writer.save_assignment(mini)
        writer.save("mini", [Record(f"student{number}", SCORES) for number in range(40)])
    good = classroom.db_path.read_bytes()
    torn = good[:8192] + b"\xaa" * 20_000 + good[28_192:]
    bad = b"this is not a database" * 100 if damage == "not a database at all" else torn
    classroom.db_path.write_bytes(bad)
    with pytest.raises(ClassroomError, match=r"is damaged .* was left as it is"), GradebookWriter(classroom):
        pass
    assert classroom.db_path.read_bytes() == bad


def test_a_gradebook_that_is_read_only_is_one_sentence(classroom, mini, monkeypatch):
    with GradebookWriter(classroom) as writer:
        writer.save_assignment(mini)
    before = classroom.db_path.read_bytes()
    read_only = f"sqlite:///file:{classroom.db_path}?mode=ro&uri=true"
    with (classroom.root / "nbgrader_config.py").open("a") as file:
        file.write(f"\nc.CourseDirectory.db_url = {read_only!r}\n")
    with GradebookWriter(classroom) as writer:
        writer.save_assignment(mini)
        with pytest.raises(ClassroomError, match="cannot be written"):
            writer.save("mini", [Record("ada", SCORES)])
    assert classroom.db_path.read_bytes() == before


def test_a_broken_configuration_is_one_sentence(classroom):
    (classroom.root / "nbgrader_config.py").write_text("c = get_config(\n")
    with pytest.raises(ClassroomError, match=r"nbgrader_config\.py cannot be used"):
        GradebookWriter(classroom)


def test_the_configuration_says_where_the_gradebook_is(classroom, mini, tmp_path):
    with (classroom.root / "nbgrader_config.py").open("a") as file:
        file.write(f"\nc.CourseDirectory.db_url = 'sqlite:///{tmp_path}/elsewhere.db'\n")
    with GradebookWriter(classroom) as writer:
        writer.save_assignment(mini)
    assert (tmp_path / "elsewhere.db").exists()
    assert not classroom.db_path.exists()


def test_the_backup_is_the_gradebook_before_the_run(writer, classroom):
    writer.save("mini", [Record("ada", SCORES)])
    back_up(classroom)
    backup = sqlite3.connect(classroom.root / "gradebook.backup.db")
    assert backup.execute("SELECT count(*) FROM submitted_assignment").fetchone() == (1,)
    backup.close()
    assert not [path for path in classroom.root.iterdir() if path.name.startswith("tmp")]


def test_a_gradebook_is_made_whole_or_not_at_all(classroom, mini, monkeypatch):
    def killed() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nbgrader.api.get_alembic_version", killed)
        with pytest.raises(KeyboardInterrupt), GradebookWriter(classroom):
            pass
    assert not classroom.db_path.exists()
    with GradebookWriter(classroom) as writer:
        writer.save_assignment(mini)
    connection = sqlite3.connect(classroom.db_path)
    assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file"), subprocess.CalledProcessError(-9, "alembic")])
def test_without_the_program_that_makes_a_gradebook_it_is_one_sentence(classroom, mini, monkeypatch, error):
    def fail() -> str:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("nbgrader.api.get_alembic_version", fail)
        with pytest.raises(ClassroomError, match="could not be made, because the program `alembic`"):
            GradebookWriter(classroom).__enter__()
    assert sorted(path.name for path in classroom.root.iterdir()) == ["nbgrader_config.py"]
    with GradebookWriter(classroom) as writer:
        writer.save_assignment(mini)


@pytest.mark.slow
def test_it_works_from_an_environment_that_is_not_activated(classroom):
    """nbgrader calls `alembic` by name."""
    code = f"""
        from pathlib import Path
        from autograder.classroom import open_classroom
        from autograder.gradebook import GradebookWriter

        with GradebookWriter(open_classroom(Path({str(classroom.root)!r}))):
            pass
    """
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(classroom.root)}
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, env=environment, timeout=120)
    assert classroom.db_path.exists()


def test_a_thousand_submissions_are_saved_in_one_go(writer, classroom):
    writer.save("mini", [Record(f"student{number:04d}", SCORES) for number in range(1000)])
    assert len(writer.graded_students("mini")) == 1000
    assert grades(classroom, "student0999")["sums-add"][0] == 2.0


def test_the_configuration_template_is_python():
    compile(CONFIG.format(course_id="x"), "nbgrader_config.py", "exec")

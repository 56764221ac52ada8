"""What grading left in a classroom folder: results, executed notebooks, and the marks that were given by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment, Task, grade_id
from autograder.classroom import Classroom, ClassroomError


class GradedError(ClassroomError):
    """Graded work is missing or cannot be read; the message is one sentence for the instructor."""


@dataclass(frozen=True)
class Mark:
    """What the gradebook says about one cell; `points` is None until someone has graded it."""

    points: float | None = None
    by_hand: bool = False
    comment: str = ""


@dataclass(frozen=True)
class Marks:
    """What the gradebook says about one student's submission."""

    name: str = ""
    penalty: float = 0.0
    cells: dict[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True)
class Submission:
    """One graded submission: the engine's result (plain data) and the marks given by hand."""

    student: str
    result: dict[str, Any]
    marks: Marks = Marks()

    @property
    def name(self) -> str:
        return self.marks.name or self.student

    @cached_property
    def tests(self) -> dict[str, dict[str, Any]]:
        return {test["grade_id"]: test for test in self.result.get("tests", [])}

    def points(self, cell: NotebookNode) -> float | None:
        """Points of a test or written cell; None for a written answer that nobody has graded."""
        name = str(grade_id(cell))
        mark = self.marks.cells.get(name, Mark())
        if name in self.tests:
            return mark.points if mark.by_hand else float(self.tests[name]["points"])
        return mark.points if cell.cell_type == "markdown" else 0.0

    def task_points(self, task: Task) -> float:
        return sum(self.points(cell) or 0.0 for cell in task.test_cells + task.written_cells)

    def pending(self, assignment: Assignment) -> list[NotebookNode]:
        """Written answers that wait for someone to grade them."""
        return [cell for task in assignment.tasks for cell in task.written_cells if self.points(cell) is None]

    def score(self, assignment: Assignment) -> float:
        """Points so far, less what came too late."""
        return max(0.0, sum(self.task_points(task) for task in assignment.tasks) - self.marks.penalty)


@dataclass(frozen=True)
class GradedClass:
    """All graded submissions of an assignment, and what could not be read, in sentences.

    `missing` names the students in the gradebook who handed in nothing.
    """

    submissions: list[Submission]
    ungraded: list[str]
    problems: list[str]
    missing: list[str] = field(default_factory=list)


def folder_name(name: str) -> str:
    """A student or an assignment is named like a folder; raises for what would lead elsewhere."""
    if name in ("", ".", "..") or any(character in name for character in "/\\\0"):
        raise GradedError(f"{name!r} is not the name of a folder.")
    return name


def graded_folder(classroom: Path, assignment: str, student: str) -> Path:
    return Classroom(classroom).autograded(folder_name(student), folder_name(assignment))


def feedback_path(classroom: Path, assignment: str, student: str) -> Path:
    """Where nbgrader keeps feedback too."""
    return classroom / "feedback" / folder_name(student) / folder_name(assignment) / f"{assignment}.html"


def feedback_link(classroom: Path, assignment: str, student: str) -> str | None:
    """The page's address as seen from `classroom/reports/`, if there is a page."""
    path = feedback_path(classroom, assignment, student)
    return "../" + quote(path.relative_to(classroom).as_posix()) if path.is_file() else None


def report_path(classroom: Path, assignment: str) -> Path:
    return classroom / "reports" / f"{folder_name(assignment)}.html"


def read_result(classroom: Path, assignment: str, student: str) -> dict[str, Any]:
    """What lies in a student's result.json; raises GradedError if nothing does, or nothing that can be read."""
    path = graded_folder(classroom, assignment, student) / "result.json"
    if not path.is_file():
        raise GradedError(f"{student} has no result for {assignment}: grade the submission first.")
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        for test in result["tests"]:
            if not {"grade_id", "points", "max_points", "passed", "message"} <= test.keys():
                raise KeyError("a test without its points")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GradedError(f"The result of {student} cannot be read ({path}): grade the submission again.") from error
    return result


def read_notebook(classroom: Path, assignment: str, student: str) -> NotebookNode:
    """The executed notebook; raises GradedError if it cannot be read."""
    path = graded_folder(classroom, assignment, student) / f"{assignment}.ipynb"
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise GradedError(f"The graded notebook of {student} cannot be read ({path}): grade it again.") from error


def read_marks(classroom: Path, assignment: str, *, db_url: str | None = None) -> dict[str, Marks]:
    """Marks and comments from nbgrader's gradebook, by student of the course; empty if there is no gradebook.

    Raises GradedError if it cannot be read.
    """
    path = Classroom(classroom).db_path
    if db_url is None:
        if not path.is_file():
            return {}
        # Read-only: whoever looks at a class changes nothing in it.
        db_url = f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true"
    from sqlalchemy.exc import SQLAlchemyError

    try:
        names, penalties, grades, comments = _query_gradebook(db_url, assignment)
    except (SQLAlchemyError, UnicodeError) as error:
        raise GradedError(
            f"The gradebook of {classroom} cannot be read ({type(error).__name__}): marks given by hand are missing."
        ) from error
    cells: dict[str, dict[str, Mark]] = {student: {} for student, _, _ in names}
    said = {(student, name): manual or auto or "" for student, name, manual, auto in comments}
    for student, name, auto, manual, extra, waiting in grades:
        points = manual if manual is not None else None if waiting else auto
        if extra:
            points = (points or 0.0) + extra
        by_hand = manual is not None or bool(extra)
        cells[student][name] = Mark(points, by_hand, said.pop((student, name), ""))
    for (student, name), comment in said.items():
        cells[student][name] = Mark(comment=comment)
    late: dict[str, float] = {}
    for student, penalty in penalties:
        late[student] = late.get(student, 0.0) + (penalty or 0.0)
    return {
        student: Marks(" ".join(part for part in (first, last) if part), late.get(student, 0.0), cells[student])
        for student, first, last in names
    }


def _query_gradebook(db_url: str, assignment: str) -> list[Sequence[Any]]:
    """Four queries over columns: through nbgrader's objects a class of thousands takes seconds."""
    from nbgrader.api import Assignment as Assigned
    from nbgrader.api import BaseCell, Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook
    from sqlalchemy import Select, create_engine, select

    def of_submissions(*columns: Any) -> Select:
        query = select(SubmittedAssignment.student_id, *columns).select_from(SubmittedAssignment)
        query = query.join(Assigned, SubmittedAssignment.assignment_id == Assigned.id)
        return query.where(Assigned.name == assignment)

    def of_notebooks(*columns: Any) -> Select:
        submitted = SubmittedNotebook.assignment_id == SubmittedAssignment.id
        return of_submissions(*columns).join(SubmittedNotebook, submitted)

    def of_cells(table: Any, *columns: Any) -> Select:
        query = of_notebooks(BaseCell.name, *columns).join(table, table.notebook_id == SubmittedNotebook.id)
        return query.join(BaseCell, table.cell_id == BaseCell.id)

    queries = (
        select(Student.id, Student.first_name, Student.last_name),
        of_notebooks(SubmittedNotebook.late_submission_penalty),
        of_cells(Grade, Grade.auto_score, Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade),
        of_cells(Comment, Comment.manual_comment, Comment.auto_comment),
    )
    engine = create_engine(db_url)
    try:
        with engine.connect() as connection:
            return [connection.execute(query).all() for query in queries]
    finally:
        engine.dispose()


def read_class(classroom: Path, assignment: str, *, db_url: str | None = None) -> GradedClass:
    """Every result of an assignment; one that cannot be read becomes a sentence, never an error."""
    if not classroom.is_dir():
        raise GradedError(f"There is no classroom folder {classroom}.")
    problems = []
    try:
        marks = read_marks(classroom, assignment, db_url=db_url)
    except GradedError as error:
        marks = {}
        problems.append(str(error))
    submissions = []
    graded = _students(classroom / "autograded", assignment)
    for student in graded:
        try:
            result = read_result(classroom, assignment, student)
        except GradedError as error:
            problems.append(str(error))
        else:
            submissions.append(Submission(student, result, marks.get(student, Marks())))
    ungraded = sorted(set(_students(classroom / "submitted", assignment)) - set(graded))
    missing = [mark.name or student for student, mark in sorted(marks.items()) if student not in {*graded, *ungraded}]
    return GradedClass(submissions, ungraded, problems, missing)


def _students(folder: Path, assignment: str) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{folder_name(assignment)}") if path.is_dir())

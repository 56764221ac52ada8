"""Write marks into nbgrader's gradebook: one writer, one connection, whole batches, and nothing that a person entered.

nbgrader's own tables are used, so its formgrader, feedback and export find what they expect. Manual marks, extra credit
and manual comments are never touched.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from autograder.assignment import Assignment, grade_id, kind
from autograder.classroom import Classroom, ClassroomError, temporary_prefix, writing

if TYPE_CHECKING:
    from traitlets.config import Config

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 60.0
BUSY_SECONDS = 5.0  # that SQLite waits by itself before it says that the gradebook is locked
NO_RESPONSE = "No response."


@dataclass(frozen=True)
class Record:
    """What grading found out about one submission, for the gradebook."""

    student: str
    scores: dict[str, float | None]
    """Points of every graded cell, by grade_id; None where a person must grade."""
    comments: dict[str, str | None] = field(default_factory=dict)
    """Automatic comments on solution and written cells, by grade_id."""
    changed: Collection[str] = ()
    """Cells whose text differs from the one graded before: a mark that a person gave must be looked at again."""
    timestamp: str | None = None
    flagged: bool | None = None
    """Whether the instructor should look at the notebook; None leaves the flag as it is."""


@dataclass(frozen=True)
class _Cells:
    """Ids of an assignment's notebook and cells in the gradebook."""

    assignment: str
    notebook: str
    grades: dict[str, str]
    comments: dict[str, str]


class GradebookWriter:
    """A context manager around the only connection that writes. Every method raises ClassroomError in one sentence.

    Another program may keep the gradebook locked for `patience` seconds; `on_wait` is told so in one sentence.
    """

    def __init__(
        self,
        classroom: Classroom,
        *,
        patience: float | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self.classroom = classroom
        self.config = load_config(classroom)
        self.db_url = self.config.CourseDirectory.get("db_url") or classroom.db_url
        self.patience = PATIENCE_SECONDS if patience is None else patience
        self.on_wait = on_wait or (lambda sentence: None)
        self._cells: dict[str, _Cells] = {}
        self._gradebook: Any = None

    def __enter__(self) -> GradebookWriter:
        if self.db_url == self.classroom.db_url:
            _check_file(self.classroom)
        self._gradebook = self._patiently(self._open)
        return self

    def __exit__(self, *_: object) -> None:
        if self._gradebook is not None:
            self._gradebook.close()

    def _open(self) -> Any:
        from nbgrader.api import Gradebook
        from sqlalchemy import text

        course_id = self.config.CourseDirectory.get("course_id") or self.classroom.course_id
        try:
            with _programs_of_this_python():
                if self.db_url == self.classroom.db_url and not self.classroom.db_path.exists():
                    self._create(course_id)
                gradebook = Gradebook(self.db_url, course_id)
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            raise ClassroomError(
                f"The gradebook could not be made, because the program `alembic` did not run ({error}): "
                "`autograder doctor` says whether it is there; then run the command again."
            ) from error
        if self.db_url.startswith("sqlite"):
            gradebook.db.execute(text(f"PRAGMA busy_timeout = {int(min(BUSY_SECONDS, self.patience) * 1000)}"))
        return gradebook

    def _create(self, course_id: str) -> None:
        """Make the gradebook under another name: one that a killed process left half made would not be noticed."""
        from nbgrader.api import Gradebook

        with writing(self.classroom.root):
            folder = Path(tempfile.mkdtemp(dir=self.classroom.root, prefix=temporary_prefix()))
        try:
            path = folder / self.classroom.db_path.name
            Gradebook(f"sqlite:///{path.absolute()}", course_id).close()
            with writing(self.classroom.root):
                os.replace(path, self.classroom.db_path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    # What is graded

    def save_assignment(self, assignment: Assignment) -> None:
        """Make the gradebook's picture of an assignment that of its source; marks of cells that stay are kept."""
        self._cells[assignment.name] = self._patiently(lambda: self._save_assignment(assignment))

    def _save_assignment(self, assignment: Assignment) -> _Cells:
        from nbgrader import api

        gradebook, db = self._gradebook, self._gradebook.db
        cells = source_cells(assignment)
        row = db.query(api.Assignment).filter_by(name=assignment.name).one_or_none()
        if row is None:
            row = api.Assignment(name=assignment.name, course_id=gradebook.course_id)
            row.id = api.new_uuid()
            db.add(row)
        notebook = db.query(api.Notebook).filter_by(assignment_id=row.id, name=assignment.name).one_or_none()
        if notebook is None:
            notebook = api.Notebook(id=api.new_uuid(), name=assignment.name, assignment_id=row.id)
            db.add(notebook)
        notebook.kernelspec = json.dumps(_kernelspec())
        self._save_source_cells(notebook.id, cells)
        grades = self._save_cells(notebook.id, api.GradeCell, [c for c in cells if kind(c) in ("test", "written")])
        comments = self._save_cells(
            notebook.id, api.SolutionCell, [c for c in cells if kind(c) in ("solution", "written")]
        )
        db.commit()
        return _Cells(row.id, notebook.id, grades, comments)

    def _save_source_cells(self, notebook: str, cells: list[Any]) -> None:
        from nbgrader import api, utils

        db = self._gradebook.db
        old = {cell.name: cell for cell in db.query(api.SourceCell).filter_by(notebook_id=notebook)}
        for cell in cells:
            name = str(grade_id(cell))
            row = old.pop(name, None)
            if row is None:
                row = api.SourceCell(id=api.new_uuid(), name=name, notebook_id=notebook)
                db.add(row)
            row.cell_type, row.source = cell.cell_type, cell.source
            row.locked, row.checksum = utils.is_locked(cell), cell.metadata.nbgrader["checksum"]
        for row in old.values():
            db.delete(row)

    def _save_cells(self, notebook: str, table: Any, cells: list[Any]) -> dict[str, str]:
        """Rows for graded or for commented cells; by name, their ids."""
        from nbgrader import api

        db = self._gradebook.db
        rows = {cell.name: cell for cell in db.query(table).filter_by(notebook_id=notebook)}
        names = [str(grade_id(cell)) for cell in cells]
        for name in set(rows) - set(names):
            self._remove_cell(rows.pop(name))
        for cell, name in zip(cells, names, strict=True):
            row = rows.get(name)
            values: dict[str, Any] = {}
            if table is api.GradeCell:
                values = {"max_score": float(cell.metadata.nbgrader["points"]), "cell_type": cell.cell_type}
            if row is None:
                rows[name] = row = table(id=api.new_uuid(), name=name, notebook_id=notebook, **values)
                db.add(row)
            for attribute, value in values.items():
                setattr(row, attribute, value)
        return {name: row.id for name, row in rows.items()}

    def _remove_cell(self, cell: Any) -> None:
        from nbgrader import api
        from sqlalchemy import or_

        db = self._gradebook.db
        grades = db.query(api.Grade).filter(api.Grade.cell_id == cell.id)
        comments = db.query(api.Comment).filter(api.Comment.cell_id == cell.id)
        by_hand = grades.filter(or_(api.Grade.manual_score.isnot(None), api.Grade.extra_credit.isnot(None)))
        if by_hand.count() or comments.filter(api.Comment.manual_comment.isnot(None)).count():
            raise ClassroomError(
                f"The cell {cell.name!r} is gone from the assignment's source, but people have marked it: "
                "put it back, or grade with the new source in a new classroom."
            )
        grades.delete(synchronize_session=False)
        comments.delete(synchronize_session=False)
        db.delete(cell)

    # Marks

    def graded_students(self, assignment: str) -> set[str]:
        """Students whose tests all have a score in the gradebook."""
        return self._patiently(lambda: self._graded_students(assignment))

    def _graded_students(self, assignment: str) -> set[str]:
        from nbgrader import api
        from sqlalchemy import func, select

        cells = self._cells[assignment]
        tests = select(api.GradeCell.id).where(
            api.GradeCell.notebook_id == cells.notebook, api.GradeCell.cell_type == "code"
        )
        count = len(list(self._gradebook.db.scalars(tests)))
        query = (
            select(api.SubmittedAssignment.student_id)
            .join(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
            .join(api.Grade, api.Grade.notebook_id == api.SubmittedNotebook.id)
            .where(api.SubmittedAssignment.assignment_id == cells.assignment)
            .where(api.Grade.cell_id.in_(tests), api.Grade.auto_score.isnot(None))
            .group_by(api.SubmittedAssignment.student_id)
            .having(func.count(api.Grade.id) == count)
        )
        return set(self._gradebook.db.scalars(query))

    def save(self, assignment: str, records: Sequence[Record]) -> None:
        """Save a batch in one transaction: all of it or, if a ClassroomError is raised, none of it."""
        if records:
            self._patiently(lambda: self._save(self._cells[assignment], records))

    def _save(self, cells: _Cells, records: Sequence[Record]) -> None:
        from nbgrader import api
        from nbgrader.utils import parse_utc

        db = self._gradebook.db
        names = [record.student for record in records]
        known = set(db.scalars(_select(api.Student.id).where(api.Student.id.in_(names))))
        db.add_all(api.Student(id=name) for name in names if name not in known)
        submissions = self._submissions(cells, names)
        grades, comments = self._rows(api.Grade, submissions), self._rows(api.Comment, submissions)
        for record in records:
            submission, notebook = submissions[record.student]
            if record.timestamp is not None:
                submission.timestamp = parse_utc(record.timestamp)
            if record.flagged is not None:
                notebook.flagged = record.flagged
            for name, cell in cells.grades.items():
                grade = grades.get((notebook.id, cell)) or api.Grade(id=api.new_uuid(), cell_id=cell)
                _update_grade(grade, record.scores.get(name), name in record.changed)
                grade.notebook_id = notebook.id
                db.add(grade)
            for name, cell in cells.comments.items():
                comment = comments.get((notebook.id, cell)) or api.Comment(id=api.new_uuid(), cell_id=cell)
                comment.notebook_id, comment.auto_comment = notebook.id, record.comments.get(name)
                db.add(comment)
        db.flush()
        for submission, notebook in submissions.values():
            self._save_penalty(submission, notebook)
        db.commit()

    def _submissions(self, cells: _Cells, students: list[str]) -> dict[str, tuple[Any, Any]]:
        """By student, the rows of the submission and of its notebook; made where they are missing."""
        from nbgrader import api

        db = self._gradebook.db
        query = (
            _select(api.SubmittedAssignment, api.SubmittedNotebook)
            .outerjoin(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
            .where(api.SubmittedAssignment.assignment_id == cells.assignment)
            .where(api.SubmittedAssignment.student_id.in_(students))
        )
        found = {submission.student_id: (submission, notebook) for submission, notebook in db.execute(query)}
        for student in students:
            submission, notebook = found.get(student, (None, None))
            if submission is None:
                submission = api.SubmittedAssignment(
                    id=api.new_uuid(), assignment_id=cells.assignment, student_id=student
                )
                db.add(submission)
            if notebook is None:
                notebook = api.SubmittedNotebook(
                    id=api.new_uuid(), assignment_id=submission.id, notebook_id=cells.notebook
                )
                db.add(notebook)
            found[student] = (submission, notebook)
        return found

    def _rows(self, table: Any, submissions: dict[str, tuple[Any, Any]]) -> dict[tuple[str, str], Any]:
        notebooks = [notebook.id for _, notebook in submissions.values()]
        rows = self._gradebook.db.scalars(_select(table).where(table.notebook_id.in_(notebooks)))
        return {(row.notebook_id, row.cell_id): row for row in rows}

    def _save_penalty(self, submission: Any, notebook: Any) -> None:
        """As nbgrader's AssignLatePenalties, with the policy that the folder's configuration names."""
        notebook.late_submission_penalty = None
        late = submission.total_seconds_late if submission.timestamp is not None else 0
        if late > 0:
            from nbgrader.preprocessors import AssignLatePenalties

            step = AssignLatePenalties(config=self.config)
            step.init_plugin()
            penalty = step.plugin_inst.late_submission_penalty(submission.student_id, notebook.score, late)
            if penalty is not None:
                notebook.late_submission_penalty = min(max(0.0, penalty), notebook.score)

    # What can go wrong

    def _patiently(self, work: Callable[[], Answer]) -> Answer:
        """Do something with the database; if another program has locked it, wait and try again from the start."""
        from nbgrader.api import InvalidEntry
        from sqlalchemy.exc import SQLAlchemyError

        until = time.monotonic() + self.patience
        pause, told = 0.05, False
        while True:
            try:
                return work()
            except (SQLAlchemyError, InvalidEntry) as error:
                self._roll_back()
                if "locked" not in str(error) and "busy" not in str(error):
                    raise ClassroomError(self._sentence(error)) from error
                if time.monotonic() + pause > until:
                    raise ClassroomError(
                        f"The gradebook {self._name} is in use by another program and stayed locked for "
                        f"{self.patience:.0f} seconds: close it (a formgrader, a database browser), run this again."
                    ) from error
            except BaseException:
                self._roll_back()
                raise
            if not told:
                self.on_wait(
                    f"The gradebook {self._name} is in use by another program: waiting for it, "
                    f"{self.patience:.0f} seconds at most."
                )
                told = True
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2.0, pause * 2)

    def _roll_back(self) -> None:
        if self._gradebook is not None:
            self._gradebook.db.rollback()
            self._gradebook.db.expunge_all()

    @property
    def _name(self) -> str:
        return str(self.classroom.db_path) if self.db_url == self.classroom.db_url else self.db_url.split("@")[-1]

    def _sentence(self, error: Exception) -> str:
        text = str(getattr(error, "orig", None) or error).splitlines()[0]
        if "malformed" in text or "not a database" in text:
            return _damaged(self.classroom, text)
        if "readonly" in text or "unable to open" in text:
            return f"The gradebook {self._name} cannot be written ({text}): allow writing and run the command again."
        if "full" in text or "disk I/O" in text:
            return f"The gradebook {self._name} could not be written ({text}): make room and run the command again."
        if "no such column" in text or "no such table" in text:
            return (
                f"The gradebook {self._name} was made by another version of nbgrader ({text}): "
                "copy it to a safe place, then run `nbgrader db upgrade` in the folder."
            )
        return f"The gradebook {self._name} cannot be used: {text}."


def _update_grade(grade: Any, score: float | None, changed: bool) -> None:
    """A cell waits for a person if nobody could grade it, or if what a person had graded is not what it was."""
    if grade.manual_score is None:
        grade.needs_manual_grade = score is None
    elif changed or grade.auto_score != score:
        grade.needs_manual_grade = True
    grade.auto_score = score


def _select(*columns: Any) -> Any:
    from sqlalchemy import select

    return select(*columns)


def source_cells(assignment: Assignment) -> list[Any]:
    """The cells as nbgrader keeps them: released solution cells, whole test cells, each with its checksum."""
    from nbgrader.utils import compute_checksum

    from autograder.build import release_notebook

    tests = {name: cell for name, cell in assignment.cells.items() if kind(cell) == "test"}
    cells = [cell for cell in release_notebook(assignment).cells if grade_id(cell) and kind(cell) != "free"]
    for cell in cells:
        if grade_id(cell) in tests:
            cell.source = tests[str(grade_id(cell))].source
        cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    return cells


def _kernelspec() -> dict[str, str]:
    from autograder.build import KERNEL

    return KERNEL["kernelspec"]  # type: ignore[return-value]


def load_config(classroom: Classroom) -> Config:
    """The folder's nbgrader_config.py; raises ClassroomError if it cannot be used."""
    from traitlets.config import Config, PyFileConfigLoader

    if not (classroom.root / "nbgrader_config.py").exists():
        return Config()
    try:
        return PyFileConfigLoader("nbgrader_config.py", path=str(classroom.root.absolute())).load_config()
    except Exception as error:
        raise ClassroomError(
            f"{classroom.root / 'nbgrader_config.py'} cannot be used ({type(error).__name__}: {error}): "
            "correct it, or delete it and it is written anew."
        ) from error


def back_up(classroom: Classroom) -> None:
    """Copy the gradebook beside itself before a run changes it, whole even if another program is writing to it."""
    if not classroom.db_path.exists():
        return
    backup = classroom.root / "gradebook.backup.db"
    with writing(classroom.root), tempfile.TemporaryDirectory(dir=classroom.root, prefix=temporary_prefix()) as folder:
        path = Path(folder) / backup.name
        try:
            with closing(_read_only(classroom)) as source, closing(sqlite3.connect(path)) as copy:
                source.backup(copy)
        except sqlite3.Error as error:
            raise ClassroomError(
                f"The gradebook could not be copied to {backup} ({error}): nothing was changed; "
                "close what uses it, make room, and run the command again."
            ) from error
        os.replace(path, backup)


def _read_only(classroom: Classroom) -> sqlite3.Connection:
    return sqlite3.connect(f"{classroom.db_path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)


def _check_file(classroom: Classroom) -> None:
    """A damaged gradebook is left alone: opening it through nbgrader could add tables to the ruins."""
    if not classroom.db_path.exists() or classroom.db_path.stat().st_size == 0:
        return
    try:
        with closing(_read_only(classroom)) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        return  # locked or not to be opened: told when it is opened for writing
    except sqlite3.DatabaseError as error:
        raise ClassroomError(_damaged(classroom, str(error))) from error
    if verdict != "ok":
        raise ClassroomError(_damaged(classroom, str(verdict).splitlines()[0]))


def _damaged(classroom: Classroom, detail: str) -> str:
    backup = classroom.root / "gradebook.backup.db"
    way = f"put the copy {backup} in its place" if backup.exists() else "restore a backup of it"
    return (
        f"The gradebook {classroom.db_path} is damaged ({detail}) and was left as it is: {way}, "
        "or move it away and grade again (marks given by hand are only in that file)."
    )


@contextmanager
def _programs_of_this_python() -> Iterator[None]:
    """nbgrader runs `alembic` by its name when it makes a gradebook; it lies beside this Python."""
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), path])
    try:
        yield
    finally:
        os.environ["PATH"] = path

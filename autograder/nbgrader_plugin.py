"""The course's steps for nbgrader's own commands and its formgrader; a class's nbgrader_config.py names them.

`nbgrader autograde` runs the same repair and the same engine as `autograder grade`, one submission after the other.
"""

from __future__ import annotations

import atexit
import csv
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import pass_context
from nbconvert.exporters import Exporter, NotebookExporter
from nbformat.notebooknode import NotebookNode
from nbgrader.plugins import ExportPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy.exc import SAWarning
from traitlets import Bool, Unicode

from autograder.assignment import Assignment, load_assignment
from autograder.classroom import Classroom, write_atomically
from autograder.grade import (
    Done,
    HandedIn,
    Setup,
    Work,
    could_not_grade,
    hand_in,
    patience,
    result_data,
    write_result,
)
from autograder.ingest import read_submission
from autograder.pool import Failure, Pool
from autograder.repair import Repaired, fresh_release, repair

# nbgrader's own models set off this warning at each submission; it means nothing for the marks.
warnings.filterwarnings("ignore", message="Object of type .* not in session", category=SAWarning)

IDLE_SECONDS = 300.0
Step = tuple[NotebookNode, Any]


def _root(converter: Any) -> Path:
    return Path(converter.coursedir.root)


class _CourseStep(NbGraderPreprocessor):
    """A step that knows the class it works in."""

    def classroom(self) -> Classroom:
        # a step's parent is the exporter, whose parent is the converter
        return Classroom(_root(self.parent.parent))


class MakeRelease(_CourseStep):
    """`nbgrader generate_assignment`: what `autograder build` releases, and its cells in the gradebook."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> Step:
        from autograder.gradebook import GradebookWriter

        assignment = load_assignment(resources["nbgrader"]["assignment"])
        with GradebookWriter(self.classroom()) as gradebook:
            gradebook.save_assignment(assignment)
        return fresh_release(assignment), resources


class SubmissionExporter(NotebookExporter):
    """Reads a submission without trusting it: what is no notebook reaches the repair step as well."""

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> Any:
        if any(isinstance(step, Repair) for step in self._preprocessors):
            path = Path(filename)
            resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
            resources["submission"] = str(path.parent)
            return self.from_notebook_node(nbformat.v4.new_notebook(), resources, **kw)
        return super().from_filename(filename, resources, **kw)


class Repair(_CourseStep):
    """The sanitise step: the submission rebuilt on the release notebook."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> Step:
        names = resources["nbgrader"]
        assignment = load_assignment(names["assignment"])
        if "submission" in resources:
            handed = hand_in(self.classroom(), names["student"], assignment.name, Path(resources["submission"]))
        else:
            handed = HandedIn(Work(nbformat.writes(nb).encode(), seed=0), digest="", repairs=[], timestamp=None)
        repaired = Repaired(fresh_release(assignment), [], readable=False)
        problem = handed.work.problem
        if problem is None:
            repaired = repair(handed.work.data, assignment)
            problem = None if repaired.readable else repaired.repairs[-1]
        repairs = handed.repairs + (repaired.repairs if problem is None else [])
        for sentence in repairs:
            self.log.warning("%s: %s", names["student"], sentence)
        told = {"repairs": repairs, "problem": problem, "submission_sha256": handed.digest}
        repaired.notebook.metadata["repair"] = told
        return repaired.notebook, resources


class RunAndJudge(_CourseStep):
    """Takes the place of nbgrader's Execute: runs in the sandbox, judges outside of it, writes result.json."""

    level = Unicode("", help="The step of the sandbox's ladder to insist on; empty: the best.").tag(config=True)
    unsafe = Bool(False, help="Whether to run without a sandbox where none can be had.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> Step:
        classroom, student = self.classroom(), resources["nbgrader"]["student"]
        assignment = load_assignment(resources["nbgrader"]["assignment"])
        told = nb.metadata.pop("repair", None) or {"repairs": [], "problem": None, "submission_sha256": ""}
        files = read_submission(classroom.submitted(student, assignment.name), assignment.name).files
        work = Work(nbformat.writes(nb).encode(), classroom.seed(student, assignment.name), told["problem"], files)
        options = {"level": self.level or None, "unsafe": self.unsafe}
        answer = _worker.grade(student, work, Setup(assignment, options=options), assignment)
        if isinstance(answer, Failure):
            answer = could_not_grade(assignment, f"Grading it failed: {answer.reason}.", work.seed)
        handed = HandedIn(work, told["submission_sha256"], told["repairs"], None)
        result = result_data(student, handed, answer, assignment.digest)
        write_result(classroom.result(student, assignment.name), result)
        if answer.result["problem"]:
            self.log.warning("%s: %s", student, answer.result["problem"])
        return nbformat.reads(answer.notebook, as_version=4), resources


class _WarmWorker:
    """One grading process for all notebooks of a command; in a server it ends when nobody has needed it for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Pool | None = None
        self._for: tuple[str, str] | None = None
        self._timer: threading.Timer | None = None

    def grade(self, student: str, work: Work, setup: Setup, assignment: Assignment) -> Done | Failure:
        with self._lock:
            key = (assignment.digest, repr(setup.options))
            if self._pool is None or self._for != key:
                self._close()
                self._pool, self._for = Pool(setup, 1, seconds=patience(assignment)), key
            _, answer = next(self._pool.run([(student, work)]))
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(IDLE_SECONDS, self.close)
            self._timer.daemon = True
            self._timer.start()
            return answer

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.__exit__()
            self._pool = None


_worker = _WarmWorker()
atexit.register(_worker.close)


def prepare(*, assignment: str, student: str, notebooks: list[str]) -> None:
    """Before nbgrader looks at a submission: know the assignment, refuse links, and see past a wrong file name."""
    from autograder.gradebook import GradebookWriter

    for folder in {Path(notebook).parent for notebook in notebooks}:
        name, classroom = folder.name, Classroom(folder.parents[2])
        if (classroom.root, name) not in _known:
            with GradebookWriter(classroom) as gradebook:
                gradebook.save_assignment(load_assignment(name))
            _known.add((classroom.root, name))
        refuse_links(folder)
        notebooks[:] = [str(folder / f"{name}.ipynb")]


_known: set[tuple[Path, str]] = set()


def refuse_links(folder: Path) -> None:
    """Replace each link, which nbgrader would follow and copy, by a note that says where it led."""
    for parent, _, files in os.walk(folder):
        for path in (Path(parent) / file for file in files):
            if path.suffix != ".ipynb" and (path.is_symlink() or path.stat().st_nlink > 1):
                target = os.readlink(path) if path.is_symlink() else "another file"
                path.unlink()
                note = f"{path.name} was a link to {target}; links are not followed.\n"
                write_atomically(path.with_name(f"{path.name}.link-refused.txt"), note.encode("utf-8", "replace"))


class FeedbackExporter(Exporter):
    """`nbgrader generate_feedback` writes the page that `autograder report` writes."""

    file_extension = ".html"

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> Any:
        from autograder.feedback import feedback_html
        from autograder.marks import Marks, read_marks, read_notebook, read_result

        names, root = resources["nbgrader"], _root(self.parent)
        student, assignment = names["student"], names["assignment"]
        result, notebook = read_result(root, assignment, student), read_notebook(root, assignment, student)
        marks = read_marks(root, assignment, db_url=names["db_url"]).get(student, Marks())
        resources["output_extension"] = self.file_extension
        return feedback_html(result, notebook, load_assignment(assignment), marks), resources


@pass_context
def safe_markdown(context: Any, source: str) -> str:
    """The formgrader's markdown filter: what students wrote without what could run in the instructor's session."""
    from autograder.safe_html import markdown

    cell = context.get("cell", {})
    return markdown(source, cell.get("attachments"))


class SafeCsvExporter(ExportPlugin):
    """`nbgrader export`: the stock columns, every field quoted, none that a spreadsheet would take for a formula."""

    columns = (
        "assignment duedate timestamp student_id last_name first_name email "
        "raw_score late_submission_penalty score max_score"
    ).split()

    def export(self, gradebook: Any) -> None:
        path = Path(self.to or "grades.csv")
        wanted_assignments, wanted_students = set(map(str, self.assignment)), set(map(str, self.student))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(self.columns)
            for assignment in gradebook.assignments:
                if wanted_assignments and assignment.name not in wanted_assignments:
                    continue
                submissions = {submission.student_id: submission for submission in assignment.submissions}
                for student in gradebook.students:
                    if not wanted_students or student.id in wanted_students:
                        row = self._row(assignment, student, submissions.get(student.id))
                        writer.writerow([plain_field(value) for value in row])
        self.log.info("Marks written to %s", path)

    def _row(self, assignment: Any, student: Any, submission: Any) -> list[Any]:
        who = [student.id, student.last_name, student.first_name, student.email]
        if submission is None:
            return [assignment.name, assignment.duedate, None, *who, 0.0, 0.0, 0.0, assignment.max_score]
        raw, penalty = submission.score, submission.late_submission_penalty
        marks = [raw, penalty, max(0.0, raw - penalty), assignment.max_score]
        return [assignment.name, assignment.duedate, submission.timestamp, *who, *marks]


def plain_field(value: Any) -> str:
    """A field's text; one that would be a formula is made text by the apostrophe that spreadsheets use for it."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    formula = text[:1] in ("\t", "\r", "\n") or text.lstrip(" \t\r\n\0").startswith(("=", "+", "-", "@"))
    return f"'{text}" if formula else text

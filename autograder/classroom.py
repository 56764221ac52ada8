"""The folder of one class: where its submissions, gradebook, graded notebooks and feedback lie.

It is laid out as an nbgrader course, so nbgrader's commands and its formgrader work in it as they are:

    source/<a>/<a>.ipynb               submitted/<student>/<a>/<a>.ipynb
    release/<a>/<a>.ipynb              autograded/<student>/<a>/<a>.ipynb and result.json
    gradebook.db, nbgrader_config.py   feedback/<student>/<a>/<a>.html
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment import Assignment

SALT = ".grading-salt"
LOCK = ".grading-lock"
TEMPORARY = ".writing-"

CONFIG = '''\
"""How nbgrader works in this folder: its gradebook and formgrader, the course's repair step and grading engine.

Written once by `autograder`; yours to change.
"""

import os

c = get_config()
c.CourseDirectory.course_id = "{course_id}"
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "result.json", ".writing-*"]

# `nbgrader generate_assignment` writes the release that `autograder build` writes.
c.GenerateAssignment.preprocessors = ["autograder.nbgrader_plugin.MakeRelease"]

# `nbgrader autograde` and the formgrader's button: repair, then run in the sandbox and judge outside of it.
c.Autograde.exporter_class = "autograder.nbgrader_plugin.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "autograder.nbgrader_plugin.Repair",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader_plugin.RunAndJudge",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.pre_convert_hook = "autograder.nbgrader_plugin.prepare"

# `nbgrader generate_feedback`: the course's own pages, without hidden tests and without anything a student could run.
c.GenerateFeedback.exporter_class = "autograder.nbgrader_plugin.FeedbackExporter"
c.GenerateFeedback.preprocessors = []

# What students wrote is shown in the formgrader without anything that could run in the instructor's session.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {{"markdown2html": "autograder.nbgrader_plugin.safe_markdown"}}

# `nbgrader export`: every field quoted, no field that a spreadsheet would run.
c.ExportApp.plugin_class = "autograder.nbgrader_plugin.SafeCsvExporter"
'''


class ClassroomError(ValueError):
    """Something about the folder of a class is not as it must be; the message is one sentence for the instructor."""


@dataclass(frozen=True)
class Classroom:
    """Paths of one class."""

    root: Path

    @property
    def db_path(self) -> Path:
        return self.root / "gradebook.db"

    @property
    def db_url(self) -> str:
        return f"sqlite:///{self.db_path.absolute()}"

    @property
    def course_id(self) -> str:
        """nbgrader's name of the course, from the name of the folder."""
        return re.sub(r"[^A-Za-z0-9_-]+", "-", self.root.absolute().name).strip("-") or "descent"

    def source(self, assignment: str) -> Path:
        return self.root / "source" / assignment / f"{assignment}.ipynb"

    def release(self, assignment: str) -> Path:
        return self.root / "release" / assignment / f"{assignment}.ipynb"

    def submitted(self, student: str, assignment: str) -> Path:
        return self.root / "submitted" / student / assignment

    def autograded(self, student: str, assignment: str) -> Path:
        return self.root / "autograded" / student / assignment

    def result(self, student: str, assignment: str) -> Path:
        return self.autograded(student, assignment) / "result.json"

    def students(self, assignment: str) -> list[str]:
        """Who handed in something for an assignment; raises ClassroomError if nobody did."""
        folder = self.root / "submitted"
        if not folder.is_dir():
            raise ClassroomError(
                f"There is no folder {folder}: put each submission into submitted/<student>/{assignment}/, "
                f"or make up a class with `autograder simulate {assignment} --classroom {self.root}`."
            )
        students = sorted(
            entry.name
            for entry in folder.iterdir()
            if not entry.name.startswith(".") and entry.is_dir() and (entry / assignment).is_dir()
        )
        if not students:
            raise ClassroomError(
                f"Nobody has handed in {assignment}: no folder {folder}/<student>/{assignment}/ was found."
            )
        return students

    def seed(self, student: str, assignment: str) -> int:
        """The seed of a submission's hidden inputs: the same at each grading, and not for a student to guess."""
        text = f"{self._salt}/{assignment}/{student}"
        return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:4], "big")

    @property
    def _salt(self) -> str:
        path = self.root / SALT
        if not path.exists():
            write_atomically(path, secrets.token_hex(16).encode(), mode=0o600)
        return path.read_text(encoding="ascii").strip()

    @contextmanager
    def grading(self) -> Iterator[None]:
        """Keep a second grading run out of the folder; the lock ends with the process, however that ends."""
        with writing(self.root):
            descriptor = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ClassroomError(
                    f"Another grading run is at work in {self.root}: wait until it has ended."
                ) from None
            self._tidy()
            yield
        finally:
            os.close(descriptor)

    def _tidy(self) -> None:
        """Remove the temporary files of processes that were killed while they wrote."""
        for path in (*self.root.glob(f"{TEMPORARY}*"), *self.root.glob(f"autograded/*/*/{TEMPORARY}*")):
            if not _is_alive(path.name.removeprefix(TEMPORARY).partition("-")[0]):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def temporary_prefix() -> str:
    """Of names of files and folders that have their own name once they are whole; it names the process at work."""
    return f"{TEMPORARY}{os.getpid()}-"


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ValueError:
        return False
    except OSError as error:
        return error.errno == errno.EPERM
    return True


def open_classroom(root: Path | str) -> Classroom:
    """The class in a folder, to which nbgrader's configuration is added if missing.

    Raises ClassroomError if there is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise ClassroomError(
            f"There is no classroom folder {root}: put each submission into {root}/submitted/<student>/<assignment>/, "
            "name another folder with --classroom, or make up a class with `autograder simulate`."
        )
    classroom = Classroom(root)
    config = root / "nbgrader_config.py"
    if not config.exists():
        write_atomically(config, CONFIG.format(course_id=classroom.course_id).encode())
    return classroom


def install(classroom: Classroom, assignment: Assignment) -> None:
    """Write the source and the release notebook of an assignment into the class, where they are not already."""
    from autograder.build import release_notebook, source_notebook, write_notebook

    with writing(classroom.root):
        write_notebook(source_notebook(assignment), classroom.source(assignment.name))
        write_notebook(release_notebook(assignment), classroom.release(assignment.name))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what an operating system says when it cannot write into the sentence of a ClassroomError."""
    try:
        yield
    except OSError as error:
        raise ClassroomError(
            f"{error.filename or path} cannot be written ({error.strerror or error}): "
            "what was there is unchanged; make room or allow writing, and run the command again."
        ) from error


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that it is there whole or not at all, whenever the process ends."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=temporary_prefix())
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), mode)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

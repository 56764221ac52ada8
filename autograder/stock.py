"""Grade with nbgrader exactly as it ships, to compare with: same source, same submissions, no plug-in of ours."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment
from autograder.build import source_notebook, write_notebook
from autograder.calls import PATIENCE

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ClearMarkScheme.enforce_metadata = False
c.Execute.timeout = {seconds}
c.ExportApp.log_level = "WARN"
"""


def prepare_course(folder: Path, assignment: Assignment, submissions: Mapping[str, bytes]) -> None:
    """A course folder of stock nbgrader with the assignment released and the submissions collected."""
    write_notebook(source_notebook(assignment), folder / "source" / assignment.name / f"{assignment.name}.ipynb")
    config = CONFIG.format(seconds=math.ceil(PATIENCE * assignment.budget.cell_seconds))
    (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    for student, data in submissions.items():
        path = folder / "submitted" / student / assignment.name / f"{assignment.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    nbgrader(folder, "generate_assignment", assignment.name)


def autograde(folder: Path, assignment: Assignment, student: str | None = None) -> None:
    """Run `nbgrader autograde` on one or on every submission of a prepared course; raises RuntimeError with its log."""
    nbgrader(folder, "autograde", assignment.name, *(("--student", student) if student else ()))


def graded_notebook(folder: Path, assignment: Assignment, student: str) -> NotebookNode | None:
    """The notebook as nbgrader executed it; None if it gave up."""
    path = folder / "autograded" / student / assignment.name / f"{assignment.name}.ipynb"
    return nbformat.read(path, as_version=4) if path.exists() else None


def marks(folder: Path, assignment: Assignment) -> dict[str, dict[str, float]]:
    """By student, the automatic points of each test cell."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {
                grade.name: grade.auto_score or 0.0
                for notebook in submission.notebooks
                for grade in notebook.grades
                if grade.cell.cell_type == "code"
            }
            for submission in gradebook.assignment_submissions(assignment.name)
        }


def grade(folder: Path, assignment: Assignment, submissions: Mapping[str, bytes]) -> dict[str, dict[str, float]]:
    prepare_course(folder, assignment, submissions)
    autograde(folder, assignment)
    return marks(folder, assignment)


def nbgrader(folder: Path, *arguments: str) -> None:
    """Run one nbgrader command in a course folder; raises RuntimeError with the end of its log."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    # nbgrader calls the `alembic` program of its own environment, which need not be activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"nbgrader {' '.join(arguments)} failed:\n{done.stderr[-5000:]}")

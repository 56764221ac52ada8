"""A small assignment and a stand-in for the engine, for tests of everything around the engine."""

from __future__ import annotations

import copy
import os
import signal
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment, Budget, grade_id, kind, load_assignment
from autograder.build import release_notebook
from autograder.result import Result, TestResult

SOURCE = '''\
# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: A small assignment
# ---

# %% [markdown]
# # A small assignment

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math

# %% [markdown] task={"name": "sums", "minutes": 2, "difficulty": 1}
# ## Task 1. Sums
#
# Add and subtract.

# %% nbgrader={"grade": false, "grade_id": "sums", "locked": false, "schema_version": 3, "solution": true, "task": false}
def add(a, b):
    """a + b"""
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION


def subtract(a, b):
    """a - b"""
    ### BEGIN SOLUTION
    return a - b
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sums-add", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert add(1, 2) == 3
### BEGIN HIDDEN TESTS
assert add(-17, 4) == -13
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "sums-subtract", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert subtract(3, 2) == 1
### BEGIN HIDDEN TESTS
assert subtract(-17, 4) == -21
### END HIDDEN TESTS

# %% [markdown]
# Some prose between the tasks.

# %% [markdown] task={"name": "squares", "minutes": 3, "difficulty": 2}
# ## Task 2. Squares

# %% nbgrader={"grade": false, "grade_id": "squares", "locked": false, "schema_version": 3, "solution": true, "task": false}
def square(a):
    ### BEGIN SOLUTION
    return a * a
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "squares-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
assert square(3) == 9
### BEGIN HIDDEN TESTS
assert square(-13) == 169
### END HIDDEN TESTS

# %% [markdown] task={"name": "words", "minutes": 3, "difficulty": 1}
# ## Task 3. In words
#
# Why is a square never negative?

# %% [markdown] nbgrader={"grade": false, "grade_id": "words-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Say it in one sentence.
#
# ### BEGIN MARK SCHEME
# All points for the rule of signs.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "words-answer", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# Because of the sign.
'''

ADD = 'def add(a, b):\n    """a + b"""\n    return a + b'
SUBTRACT = 'def subtract(a, b):\n    """a - b"""\n    return a - b'
SQUARE = "def square(a):\n    return a * a"
RIGHT = {"sums": f"{ADD}\n\n\n{SUBTRACT}", "squares": SQUARE, "words-answer": "It is a number times itself."}
WRONG_ADD = RIGHT | {"sums": RIGHT["sums"].replace("return a + b", "return a - b")}


def write_source(folder: Path, name: str = "mini", source: str = SOURCE) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / f"{name}.py").write_text(source, encoding="utf-8")


def mini_assignment(folder: Path, monkeypatch: Any, name: str = "mini", source: str = SOURCE) -> Assignment:
    """The small assignment, in a solutions folder of its own."""
    write_source(folder, name, source)
    monkeypatch.setattr("autograder.assignment.SOLUTIONS", folder)
    return load_assignment(name)


def submission(assignment: Assignment, answers: dict[str, str] | None = None) -> NotebookNode:
    """The release with some solution and written cells, by grade_id, filled in."""
    notebook = release_notebook(assignment)
    for cell in notebook.cells:
        cell.source = (answers or {}).get(str(grade_id(cell)), cell.source)
    return notebook


def to_bytes(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()


def hand_in(
    classroom: Path,
    student: str,
    data: bytes | NotebookNode,
    assignment: str = "mini",
    *,
    name: str = "",
    late: str = "",
) -> Path:
    """Put a submission where a class keeps it."""
    folder = classroom / "submitted" / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / (name or f"{assignment}.ipynb")).write_bytes(data if isinstance(data, bytes) else to_bytes(data))
    if late:
        (folder / "timestamp.txt").write_text(late)
    return folder


class FakeEngine:
    """Runs the code of the small assignment right here; for submissions that these tests made up themselves."""

    def __init__(self, *, level: str | None = None, unsafe: bool = False, log: Path | None = None) -> None:
        self.log = log

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def grade(self, data: Any, assignment: Assignment, *, seed: int | None = None, files: Any = None) -> Result:
        """As the engine's; the notes tell which files came along."""
        notebook = copy.deepcopy(data.notebook)
        if self.log is not None:
            with self.log.open("a") as log:
                log.write("graded\n")
        namespace: dict[str, Any] = {}
        tests = []
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            cell.outputs = []
            if kind(cell) == "test":
                tests.append(self._judge(cell, assignment, namespace))
            else:
                _misbehave(cell.source)
                try:
                    exec(cell.source, namespace)
                except Exception as error:
                    cell.outputs = [nbformat.v4.new_output("error", ename=type(error).__name__, evalue=str(error))]
        score = sum(test.points for test in tests)
        repairs = list(data.repairs)
        notes = [f"{path}: {len(data)} bytes" for path, data in (files or {}).items()]
        return Result(assignment.name, score, assignment.max_score, tests, notebook, repairs, notes, seed or 0, "fake")

    def _judge(self, cell: NotebookNode, assignment: Assignment, namespace: dict[str, Any]) -> TestResult:
        name = str(grade_id(cell))
        points = float(assignment.cells[name].metadata.nbgrader.points)
        task = assignment.task_of(name).name
        try:
            exec(assignment.cells[name].source, dict(namespace))
        except Exception as error:
            message = f"{name} failed: {type(error).__name__}"
            cell.outputs = [nbformat.v4.new_output("error", ename="CheckFailed", evalue=message, traceback=[message])]
            wrong = "adds-nothing" if name == "sums-add" else None
            return TestResult(name, task, 0.0, points, False, False, message, wrong)
        return TestResult(name, task, points, points, True, True, "")


class SlowEngine(FakeEngine):
    """Takes a moment for each submission."""

    def grade(self, *args: Any, **kwargs: Any) -> Result:
        time.sleep(0.05)
        return super().grade(*args, **kwargs)


class NoSandboxEngine(FakeEngine):
    def __init__(self, **options: Any) -> None:
        raise RuntimeError("No sandbox can be had here: start with --unsafe to do without.")


class OneProcess:
    """Stands in for the pool of workers, which has its own tests, where processes are not what is tested."""

    def __init__(self, setup: Any, *_: Any, **__: Any) -> None:
        self.setup = setup

    def __enter__(self) -> OneProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, tasks: Any) -> Any:
        with self.setup() as do:
            for key, task in tasks:
                yield key, do(task)


def _misbehave(source: str) -> None:
    """What a worker must survive, asked for by a comment in a submission of these tests."""
    if "# KILL WORKER ONCE " in source:
        flag = Path(source.split("# KILL WORKER ONCE ")[1].split()[0])
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if "# KILL WORKER ALWAYS" in source:
        os.kill(os.getpid(), signal.SIGKILL)
    if "# ENGINE ERROR" in source:
        raise RuntimeError("the engine broke")
    if "# HANG" in source:
        time.sleep(3600)


@cache
def alembic_head() -> str:
    """The version of the tables that nbgrader makes."""
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())


def with_budget(assignment: Assignment, **budget: Any) -> Assignment:
    return Assignment(assignment.name, assignment.path, assignment.notebook, Budget(**budget))


def each_cell(notebook: NotebookNode, change: Callable[[NotebookNode], None]) -> NotebookNode:
    for cell in notebook.cells:
        change(cell)
    return notebook

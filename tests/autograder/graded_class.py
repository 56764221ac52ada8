"""A small assignment and graded submissions of it, for the tests of the pages: no grading is done here."""

from __future__ import annotations

import base64
import copy
import io
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
from nbformat.notebooknode import NotebookNode
from PIL import Image

from autograder.assignment import Assignment, grade_id, kind
from autograder.build import release_notebook

SOURCE = r'''# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: Layers by hand
# ---

# %% [markdown]
# # Layers by hand
#
# What this notebook is about.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

# %% [markdown] task={"name": "linear", "minutes": 12, "difficulty": 2}
# ## Task 1. A linear layer
#
# With $x \in \mathbb{R}^{N \times D}$ compute
#
# $$y = x W^\top + b .$$
#
# <details><summary>Hint 1: the shapes</summary>
#
# `weight` has shape (out, in).
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "linear", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_forward(x, weight, bias):
    """y = x Wᵀ + b."""
    ### BEGIN SOLUTION
    return x @ weight.T + bias
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "linear-forward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: the forward pass.
y = linear_forward(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([5.0]))
assert y == 16
### BEGIN HIDDEN TESTS
hidden_input = torch.tensor([[271828.0]])
assert linear_forward(hidden_input, hidden_input, hidden_input) is not None
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "linear-batch", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: a batch.
assert linear_forward(torch.ones(3, 2), torch.ones(4, 2), torch.ones(4)).shape == (3, 4)

# %% [markdown] task={"name": "relu", "minutes": 5, "difficulty": 1}
# ## Task 2. The kink of $\max(0, x)$
#
# $\operatorname{relu}(x) = \max(0, x)$.

# %% nbgrader={"grade": false, "grade_id": "relu", "locked": false, "schema_version": 3, "solution": true, "task": false}
def relu(x):
    ### BEGIN SOLUTION
    return x.clamp(min=0)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "relu-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: negative inputs.
assert relu(torch.tensor([-1.0])) == 0
### BEGIN HIDDEN TESTS
assert relu(torch.tensor([-314159.0])) == 0
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-relu", "locked": true, "schema_version": 3, "solution": false, "task": false}
relu(torch.linspace(-1, 1, 5))

# %% [markdown] task={"name": "why", "minutes": 5, "difficulty": 1}
# ## Task 3. In your words
#
# Why is the slope at 0 a convention?

# %% [markdown] nbgrader={"grade": false, "grade_id": "why-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Say it in a few words for a questioning-reader.
#
# ### BEGIN MARK SCHEME
# One point for the word kink-rubric.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "why-answer", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN MARK SCHEME
# One point for the word subgradient-rubric.
# ### END MARK SCHEME
'''

MISCONCEPTIONS = """
from autograder.variants import Misconception

MISCONCEPTIONS = [
    Misconception(
        name="weight-not-transposed",
        function="linear_forward",
        find="weight.T",
        put="weight",
        message="Your weight is used as (in, out). Here its shape is (out, in): transpose it.",
    ),
    Misconception(
        name="relu-absolute-value",
        function="relu",
        find="x.clamp(min=0)",
        put="x.abs()",
        message="Negative inputs come back positive. The kink sets them to 0.",
    ),
]
"""


def write_assignment(solutions: Path) -> Assignment:
    """Write the assignment `layers` into a folder of solutions that `load_assignment` has been told of."""
    from autograder.assignment import load_assignment

    folder = solutions / "layers"
    folder.mkdir(parents=True)
    (folder / "layers.py").write_text(SOURCE, encoding="utf-8")
    (folder / "misconceptions.py").write_text(MISCONCEPTIONS, encoding="utf-8")
    return load_assignment("layers")


def picture(mime: str = "PNG", size: tuple[int, int] = (40, 20), *, noise: bool = False) -> str:
    """A picture in base64; one of noise is large."""
    image = Image.effect_noise(size, 64) if noise else Image.new("RGB", size, "#0b6b6a")
    buffer = io.BytesIO()
    image.save(buffer, mime)
    return base64.b64encode(buffer.getvalue()).decode()


def executed(assignment: Assignment, cells: dict[str, dict[str, Any]] | None = None) -> NotebookNode:
    """The release with changes by grade_id: a cell's source and its outputs."""
    notebook = release_notebook(assignment)
    for cell in notebook.cells:
        for key, value in (cells or {}).get(str(grade_id(cell)), {}).items():
            cell[key] = nbformat.from_dict(value)
    return notebook


def own_cell(
    notebook: NotebookNode, source: str, outputs: list[dict[str, Any]] | None = None, kind: str = "code"
) -> None:
    """Append a cell of the student's own."""
    new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    cell = new(source)
    if kind == "code":
        cell.outputs = [nbformat.from_dict(output) for output in outputs or []]
    notebook.cells.append(cell)


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: str) -> dict[str, Any]:
    """`display(text_html="…")`: a mime type's slash is written as an underscore."""
    named = {key.replace("_", "/", 1).replace("_", "+"): value for key, value in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": {}}


def failed(name: str, value: str, trace: list[str]) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": trace}


def result(
    assignment: Assignment, failures: dict[str, tuple[str, str | None]] | None = None, **more: Any
) -> dict[str, Any]:
    """What the engine returns, as plain data; `failures` has message and misconception by grade_id."""
    tests = []
    for task in assignment.tasks:
        for cell in task.test_cells:
            name, points = str(grade_id(cell)), float(cell.metadata.nbgrader.points)
            message, misconception = (failures or {}).get(name, ("", None))
            passed = name not in (failures or {})
            tests.append(
                {
                    "grade_id": name,
                    "task": task.name,
                    "points": points if passed else 0.0,
                    "max_points": points,
                    "passed": passed,
                    "message": message,
                    "misconception": misconception,
                    "seconds": 0.01,
                }
            )
    return {
        "assignment": assignment.name,
        "student": "ada",
        "graded_at": "2025-03-04T10:30:00+00:00",
        "score": sum(test["points"] for test in tests),
        "max_score": assignment.max_score,
        "tests": tests,
        "repairs": [],
        "notes": [],
        "seed": 161803,
        "level": "namespaces",
        "seconds": 0.2,
        **more,
    }


def hand_in(classroom: Path, student: str, data: dict[str, Any], notebook: NotebookNode) -> None:
    """Put a graded submission where the driver puts it."""
    folder = classroom / "autograded" / student / data["assignment"]
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({**data, "student": student}), encoding="utf-8")
    nbformat.write(copy.deepcopy(notebook), folder / f"{data['assignment']}.ipynb")


def fill_gradebook(classroom: Path, assignment: Assignment, marks: dict[str, dict[str, Any]], **student: str) -> None:
    """nbgrader's own gradebook; per student and written cell a manual score (or None) and a comment."""
    from nbgrader.api import Gradebook

    # A new gradebook asks the executable `alembic` for its version.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with (
        warnings.catch_warnings(),
        mock.patch.dict(os.environ, PATH=path),
        Gradebook(f"sqlite:///{classroom / 'gradebook.db'}") as gradebook,
    ):
        warnings.simplefilter("ignore")  # SQLAlchemy's, on how nbgrader adds a submission
        name = assignment.name
        gradebook.update_or_create_assignment(name)
        gradebook.update_or_create_notebook(name, name)
        graded = [cell for task in assignment.tasks for cell in (*task.test_cells, *task.written_cells)]
        for cell in graded:
            settings = {"max_score": cell.metadata.nbgrader.points, "cell_type": cell.cell_type}
            gradebook.update_or_create_grade_cell(str(grade_id(cell)), name, name, **settings)
            if kind(cell) == "written":
                gradebook.update_or_create_solution_cell(str(grade_id(cell)), name, name)
        for who, given in marks.items():
            gradebook.update_or_create_student(who, **student)
            gradebook.update_or_create_submission(name, who)
            for cell in graded:
                cell_name = str(grade_id(cell))
                grade = gradebook.find_grade(cell_name, name, name, who)
                score, comment = given.get(cell_name, (None, None))
                grade.manual_score = score
                grade.needs_manual_grade = kind(cell) == "written" and score is None
                if kind(cell) == "test" and score is None:
                    grade.auto_score = cell.metadata.nbgrader.points
                if comment is not None:
                    gradebook.find_comment(cell_name, name, name, who).manual_comment = comment
        gradebook.db.commit()

"""An assignment with one of each: plain functions, mutation, a probe, partial credit, a generator, a dependent task."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from autograder.assignment import Assignment, grade_id, read_assignment
from autograder.build import reference_solutions, submission_notebook


def _marker(name: str, *, points: int | None = None, solution: bool = False, locked: bool = True) -> str:
    grade = f'"grade": true, "points": {points}' if points else '"grade": false'
    flags = f'"locked": {str(locked).lower()}, "solution": {str(solution).lower()}'
    return f'# %% nbgrader={{{grade}, "grade_id": "{name}", {flags}, "schema_version": 3, "task": false}}'


def _task(name: str, title: str) -> str:
    return f'# %% [markdown] task={{"name": "{name}", "minutes": 5, "difficulty": 1}}\n# ## {title}\n'


SOURCE = f'''\
# ---
# jupyter:
#   kernelspec: {{display_name: Python 3, language: python, name: python3}}
#   descent:
#     title: Tiny
#     budget: {{cell_seconds: 2, call_seconds: 1, notebook_seconds: 40, output_kb: 64}}
# ---

{_marker("setup")}
import numpy as np
import torch

from utils.checks import *


def helper(x):
    return double(x)

{_task("double", "Task 1. Twice")}
{_marker("double", solution=True, locked=False)}
def double(x):
    """2x"""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

{_marker("double-test", points=2)}
x = torch.tensor([1.0, 2.0])
check_close(double(x), [2.0, 4.0], "twice a vector")
check_close(helper(3.0), 6.0, "twice a number")
passed_visible("double")
### BEGIN HIDDEN TESTS
generator = case_generator()
x = torch.randn(3, 2, generator=generator)
check_close(double(x), x + x, "twice a matrix", causes={{"A square is not twice.": x * x}})
### END HIDDEN TESTS

{_task("step", "Task 2. A step in place")}
{_marker("step", solution=True, locked=False)}
LEARNING_RATE = 0.5

def step(params, grads):
    """params -= LEARNING_RATE * grads, in place."""
    ### BEGIN SOLUTION
    for p, g in zip(params, grads):
        p -= LEARNING_RATE * g
    ### END SOLUTION


def noise(shape, generator):
    """Standard normal numbers."""
    ### BEGIN SOLUTION
    return torch.randn(shape, generator=generator)
    ### END SOLUTION

{_marker("step-test", points=3)}
w, g = torch.tensor([1.0, 1.0]), torch.tensor([2.0, 4.0])
step([w], [g])
check_close(w, 1 - LEARNING_RATE * g, "the parameter after a step")
passed_visible("step")
### BEGIN HIDDEN TESTS
generator = case_generator()
params, grads = torch.randn(2, 3, generator=generator).double(), torch.randn(2, 3, generator=generator).double()
expected = [p - 0.5 * g for p, g in zip(params, grads)]
step(list(params), list(grads))
check_close(params, torch.stack(expected), "two parameters after a step")
### END HIDDEN TESTS

{_marker("noise-test", points=1)}
passed_visible("noise")
### BEGIN HIDDEN TESTS
generator, copy = case_generator(), case_generator()
first, second = noise((20,), generator), noise((20,), generator)
check_close(torch.stack([first, second]), torch.stack([noise((20,), copy), noise((20,), copy)]), "the same seed")
check_true(not torch.equal(first, second), "two draws differ")
### END HIDDEN TESTS

{_task("counter", "Task 3. A class")}
{_marker("counter", solution=True, locked=False)}
class Counter:
    """Counts calls."""

    def __init__(self):
        ### BEGIN SOLUTION
        self.n = 0
        ### END SOLUTION

    def add(self, k):
        ### BEGIN SOLUTION
        self.n += k
        return self.n
        ### END SOLUTION

{_marker("counter-test", points=4)}
@probe
def count(steps):
    counter = Counter()
    return [counter.add(k) for k in steps]

check_equal(count([1, 1]), [1, 2], "two additions")
passed_visible("Counter")
### BEGIN HIDDEN TESTS
@probe
def separate():
    a, b = Counter(), Counter()
    a.add(1)
    return b.add(1)

earned = 2
if separate() == 1:
    earned += 1
if count([2, 3]) == [2, 5]:
    earned += 1
### END HIDDEN TESTS
earned

{_task("quadruple", "Task 4. Four times")}
{_marker("quadruple", solution=True, locked=False)}
def quadruple(x):
    """4x, by calling double twice"""
    ### BEGIN SOLUTION
    return double(double(x))
    ### END SOLUTION

{_marker("quadruple-test", points=2)}
check_not_used(quadruple, "torch.mul")
check_close(quadruple(1.0), 4.0, "four times one")
passed_visible("quadruple")
### BEGIN HIDDEN TESTS
with unchanged(x=(x := torch.ones(2, 3))):
    y = quadruple(x)
check_shape(y, (2, 3), "four times a matrix")
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={{"grade": false, "grade_id": "experiment-plot", "locked": true, "schema_version": 3, "solution": false, "task": false}}
raise RuntimeError("an experiment is not run again")
'''

MISCONCEPTIONS = """\
from autograder.variants import Misconception

MISCONCEPTIONS = [
    Misconception(name="square", function="double", find="2 * x", put="x * x", message="Twice is not a square."),
    Misconception(name="thrice", function="double", find="2 * x", put="3 * x", message="That is three times."),
    Misconception(name="broken", function="double", find="nowhere", put="", message="Cannot be built."),
    Misconception(name="ascent", function="step", find="p -= ", put="p += ", message="You go uphill."),
    Misconception(name="not-in-place", function="step", find="p -= LEARNING_RATE * g", put="p = p - LEARNING_RATE * g",
                  message="A new tensor does not change the old one."),
    Misconception(name="forever", function="quadruple", find="return double(double(x))", put="while True: pass",
                  message="It never ends."),
]
"""


def tiny(folder: Path) -> Assignment:
    (folder / "tiny.py").write_text(SOURCE, encoding="utf-8")
    (folder / "misconceptions.py").write_text(MISCONCEPTIONS, encoding="utf-8")
    return read_assignment(folder / "tiny.py")


def submit(assignment: Assignment, *, extra: tuple[str, ...] = (), **solutions: str) -> bytes:
    """A submission with the reference solutions but for those given; `extra` cells come after the setup cell."""
    notebook = submission_notebook(assignment, reference_solutions(assignment) | solutions)
    setup = next(i for i, cell in enumerate(notebook.cells) if grade_id(cell) == "setup")
    notebook.cells[setup + 1 : setup + 1] = [new_code_cell(source) for source in extra]
    return nbformat.writes(notebook).encode()

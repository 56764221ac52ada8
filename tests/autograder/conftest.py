"""A small assignment that the tests of the grading system share."""

from pathlib import Path

import pytest

from autograder.assignment import read_assignment

SOURCE = '''\
# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: A small one
#     budget: {cell_seconds: 3}
# ---

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math

SCALE = 2
print("an effect that the reference module must not have")

# %% [markdown] task={"name": "double", "minutes": 5, "difficulty": 1}
# ## Task 1. Twice

# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true}
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return SCALE * x
    ### END SOLUTION


class Box:
    def put(self, x):
        ### BEGIN SOLUTION
        self.x = math.floor(x)
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "double-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(-3) == -6
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-x", "locked": true, "schema_version": 3, "solution": false}
raise RuntimeError("experiments are not part of the reference")

# %% [markdown] task={"name": "why", "minutes": 5, "difficulty": 1}
# ## Task 2. Why

# %% [markdown] nbgrader={"grade": true, "grade_id": "why", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# Rubric: one point for each reason.
'''


@pytest.fixture
def small(tmp_path: Path):
    (tmp_path / "small.py").write_text(SOURCE, encoding="utf-8")
    return read_assignment(tmp_path / "small.py")

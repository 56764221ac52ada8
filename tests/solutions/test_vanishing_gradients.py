"""The experiments of `vanishing_gradients`, which grading does not run: what they claim holds."""

import pytest

from autograder.assignment import is_experiment, kind, load_assignment
from autograder.build import strip_marks

pytestmark = pytest.mark.slow


def test_the_claims_of_the_experiments_hold():
    names: dict = {"__name__": "notebook"}
    run = 0
    for cell in load_assignment("vanishing_gradients").notebook.cells:
        if cell.cell_type == "code" and kind(cell) != "test":
            exec(strip_marks(cell.source), names)
            run += is_experiment(cell)
    assert run == 8

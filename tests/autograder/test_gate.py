"""What the release gate tries; that it passes is tested in `tests/solutions`."""

import pytest

from autograder.assignment import load_assignment
from autograder.gate import affected_tasks
from autograder.testcell import compile_tests


@pytest.mark.parametrize(
    ("cell", "tasks"),
    [
        ("numerical-gradient", ("numerical-gradient",)),
        ("linear", ("linear", "mlp", "train")),  # the network uses the layer, the training loop the network
        ("mlp", ("mlp", "train")),
        ("engine", ("engine",)),
    ],
)
def test_a_changed_cell_affects_the_tasks_whose_tests_reach_it(cell, tasks):
    assignment = load_assignment("backprop")
    changed = {cell: assignment.cells[cell].source}
    assert affected_tasks(assignment, changed, compile_tests(assignment)) == tasks

"""What the release gate tries; that it passes is tested in `tests/solutions`."""

import os

import pytest
from rich.console import Console

from autograder.assignment import load_assignment
from autograder.gate import Trials, affected_tasks
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


def test_no_more_workers_than_cores_that_it_may_use(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 8})
    assert Trials(Console()).pool.size == 3

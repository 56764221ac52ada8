"""The same marks as stock nbgrader: the sample that the comparison draws is complete, and its reasons are the right ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.assignment import Budget, assignment_names, load_assignment
from autograder.variants import load_alternatives, load_misconceptions
from benchmarks.agreement import STDERR, Disagreement, Submission, compare, honest_submissions
from tests.autograder.tiny import submit, tiny

WARNS = "import warnings\n\n\ndef quadruple(x):\n    warnings.warn('slow')\n    return double(double(x))"
ONLY_WHEN_ALONE = "class Counter:\n    n = 0\n\n    def __init__(self):\n        Counter.n = 0\n\n    def add(self, k):\n        Counter.n += k\n        return Counter.n"


@pytest.mark.parametrize("name", assignment_names())
def test_every_variant_is_compared_once_beside_those_of_other_tasks(name):
    assignment = load_assignment(name)
    known = {v.name: v for v in (*load_misconceptions(assignment), *load_alternatives(assignment))}
    submissions = honest_submissions(assignment)
    assert {"solution", "untouched", "drawn-04"} <= {one.name for one in submissions}
    assert sorted(variant for one in submissions for variant in one.variants.values()) == sorted(known)
    for one in submissions:
        cells = {
            cell["metadata"]["nbgrader"]["grade_id"]: cell["source"]
            for cell in json.loads(one.data)["cells"]
            if cell["metadata"].get("nbgrader", {}).get("solution")
        }
        for task, variant in one.variants.items():
            assert assignment.task_of(known[variant].function).name == task
            assert known[variant].solutions(assignment).items() <= cells.items()


@pytest.mark.slow
def test_marks_are_those_of_stock_nbgrader_but_for_a_warning(tmp_path: Path):
    """Full, none and partial credit, drawn inputs and a function that another task uses."""
    assignment = replace(tiny(tmp_path), budget=Budget(cell_seconds=60.0))
    submissions = [
        Submission("wrong", submit(assignment, double="def double(x):\n    return x * x", counter=ONLY_WHEN_ALONE)),
        Submission("warns", submit(assignment, quadruple=WARNS)),
    ]
    (_, cells, wrong), (_, more_cells, warns) = compare(assignment, submissions, tmp_path)
    assert (cells, more_cells) == (5, 5)
    assert wrong == []
    assert warns == [Disagreement("warns", "quadruple-test", 2.0, 0.0, STDERR, warns[0].detail)]
    assert "UserWarning: slow" in warns[0].detail

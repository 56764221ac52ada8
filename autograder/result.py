"""What grading one submission gives: a verdict on each test cell, and the notebook with its outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from nbformat.notebooknode import NotebookNode


@dataclass(frozen=True)
class TestResult:
    """The verdict on one test cell. `message` holds nothing of hidden tests but the sentences meant for students.

    `visible_passed` tells whether the part that students see has passed; `passed` speaks for the whole.
    `rests_on` names the earlier tasks that failed and whose functions a failed test uses.
    """

    __test__: ClassVar[bool] = False  # not a class for pytest

    grade_id: str
    task: str
    points: float
    max_points: float
    passed: bool
    visible_passed: bool
    message: str
    misconception: str | None = None
    seconds: float = 0.0
    rests_on: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Result:
    """What grading one submission gives. Written answers are not in `score`; `max_score` is all points.

    `notebook` has the student's work and outputs; nbgrader reads the same scores from its test cells. `notes` tell
    in words which budgets were hit and what could not run. `level` is the sandbox that the submission ran in.
    """

    assignment: str
    score: float
    max_score: float
    tests: list[TestResult]
    notebook: NotebookNode = field(repr=False)
    repairs: list[str]
    notes: list[str]
    seed: int
    level: str
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """All but the notebook, as plain JSON data."""
        fields = {name: value for name, value in vars(self).items() if name not in ("notebook", "tests")}
        return {**fields, "tests": [dict(vars(test)) for test in self.tests]}

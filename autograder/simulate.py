"""Write a class of made-up submissions: right, partly right, wrong in known ways, untouched and damaged.

What a grader should find in each is known beforehand, so a simulated class shows whether it does.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment, grade_id, kind, load_assignment
from autograder.build import ANSWER_STUB, reference_solutions, strip_marks, submission_notebook
from autograder.classroom import ClassroomError
from autograder.variants import Variant, load_alternatives, load_misconceptions

FIRST = (
    "ada alan barbara carl claude donald edsger emmy frances geoffrey grace hedy ida joan john judea karen "
    "katherine leslie lise margaret marie maryam mary niklaus olga radia rosalind shafi sofia tim vint yoshua"
).split()
LAST = (
    "abadi bengio clarke dijkstra easley floyd goodfellow hopper iverson johnson knuth lamport mirzakhani noether "
    "ostrom pearl quine ritchie shannon turing ullman valiant wing xu yao zadeh"
).split()
ANSWER = "I think so because of what the figure above shows."


@dataclass(frozen=True)
class Simulated:
    """One made-up submission and what it is."""

    student: str
    profile: str
    filename: str
    data: bytes


def duplicate_cell(notebook: NotebookNode) -> None:
    cells = notebook.cells
    place = next(i for i, cell in enumerate(cells) if kind(cell) == "solution")
    cells.insert(place, nbformat.from_dict(dict(cells[place])))


def delete_test_cell(notebook: NotebookNode) -> None:
    place = next(i for i, cell in enumerate(notebook.cells) if kind(cell) == "test")
    del notebook.cells[place]


def strip_metadata(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)


def change_schema_version(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if grade_id(cell):
            cell.metadata.nbgrader["schema_version"] = 99


def raise_own_points(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if kind(cell) == "test":
            cell.metadata.nbgrader["points"] = 1000
            cell.source = "pass"


def warn_on_stderr(notebook: NotebookNode) -> None:
    cell = next(cell for cell in notebook.cells if kind(cell) == "solution")
    cell.source = "import warnings\n\nwarnings.warn('an innocent warning')\n\n" + cell.source


def hang(notebook: NotebookNode) -> None:
    notebook.cells.append(nbformat.v4.new_code_cell("while True:\n    pass"))


DAMAGE: dict[str, Callable[[NotebookNode], None]] = {
    "a solution cell copied": duplicate_cell,
    "a test cell deleted": delete_test_cell,
    "metadata stripped by another editor": strip_metadata,
    "schema version changed": change_schema_version,
    "own points raised, tests emptied": raise_own_points,
    "a warning on stderr": warn_on_stderr,
    "an endless loop in a cell of one's own": hang,
}


def simulated_class(assignment: Assignment, students: int, seed: int = 0) -> list[Simulated]:
    """The first students show one profile each; the rest are drawn: each task right, wrong in a known way or empty."""
    draw = random.Random(f"{assignment.name}-{seed}")
    names = [f"{first}.{last}" for first in FIRST for last in LAST]
    if students > len(names):
        names += [f"student{number:05d}" for number in range(students - len(names))]
    draw.shuffle(names)
    showcase = _showcase(assignment)
    return [
        showcase[number](name, draw) if number < len(showcase) else _drawn(assignment, name, draw)
        for number, name in enumerate(names[:students])
    ]


def _showcase(assignment: Assignment) -> list[Callable[[str, random.Random], Simulated]]:
    filename = f"{assignment.name}.ipynb"

    def whole(profile: str, text: Callable[[random.Random], bytes], name: str = filename) -> Callable:
        return lambda student, draw: Simulated(student, profile, name, text(draw))

    def right(draw: random.Random) -> bytes:
        return _bytes(_notebook(assignment, {}))

    def alternative(draw: random.Random) -> bytes:
        return _bytes(_notebook(assignment, draw.choice(load_alternatives(assignment)).solutions(assignment)))

    def damaged(change: Callable[[NotebookNode], None]) -> Callable[[random.Random], bytes]:
        def text(draw: random.Random) -> bytes:
            notebook = _notebook(assignment, {})
            change(notebook)
            return _bytes(notebook)

        return text

    return [
        whole("right", right),
        whole("right in another way", alternative),
        lambda student, draw: _partly_right(assignment, student, draw, skill=0.7),
        lambda student, draw: _partly_right(assignment, student, draw, skill=0.4),
        lambda student, draw: _wrong(assignment, student, draw),
        lambda student, draw: _wrong(assignment, student, draw),
        whole("untouched", lambda draw: _bytes(submission_notebook(assignment, {}))),
        whole("broken file: half of it is missing", lambda draw: right(draw)[: len(right(draw)) // 2]),
        whole("right, in a file of another name", right, f"{assignment.name} (1) final.ipynb"),
        *(whole(f"right, but {profile}", damaged(change)) for profile, change in DAMAGE.items()),
    ]


def _wrong(assignment: Assignment, student: str, draw: random.Random) -> Simulated:
    known = load_misconceptions(assignment)
    if not known:
        return _partly_right(assignment, student, draw, skill=0.5)
    misconception = draw.choice(known)
    notebook = _notebook(assignment, misconception.solutions(assignment))
    return Simulated(student, misconception.name, f"{assignment.name}.ipynb", _bytes(notebook))


def _partly_right(assignment: Assignment, student: str, draw: random.Random, skill: float) -> Simulated:
    while (made := _drawn(assignment, student, draw, skill)).profile == "right":
        pass
    return made


def _drawn(assignment: Assignment, student: str, draw: random.Random, skill: float | None = None) -> Simulated:
    """Each task is right with probability `skill`, else wrong in a known way (three in four) or left empty."""
    skill = draw.betavariate(5, 2) if skill is None else skill
    known: dict[str, list[Variant]] = {}
    for misconception in load_misconceptions(assignment):
        known.setdefault(misconception.task(assignment).name, []).append(misconception)
    changed: dict[str, str] = {}
    profile = []
    for task in assignment.tasks:
        if draw.random() < skill or not task.solution_cells:
            continue
        if draw.random() < 0.75 and task.name in known:
            variant = draw.choice(known[task.name])
            changed |= variant.solutions(assignment)
            profile.append(variant.name)
        else:
            untouched = {str(grade_id(c)): c.source for c in submission_notebook(assignment, {}).cells if grade_id(c)}
            changed |= {str(grade_id(cell)): untouched[str(grade_id(cell))] for cell in task.solution_cells}
            profile.append(f"{task.name} not written")
    notebook = _notebook(assignment, changed)
    return Simulated(student, ", ".join(profile) or "right", f"{assignment.name}.ipynb", _bytes(notebook))


def _notebook(assignment: Assignment, changed: dict[str, str]) -> NotebookNode:
    notebook = submission_notebook(assignment, reference_solutions(assignment) | changed)
    for cell in notebook.cells:
        if kind(cell) == "written" and cell.source == ANSWER_STUB:
            cell.source = ANSWER
        if kind(cell) == "solution":
            cell.source = strip_marks(cell.source)
    return notebook


def _bytes(notebook: NotebookNode) -> bytes:
    """The file as an editor would have saved it: nothing is checked or put right on the way."""
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode()


def simulate(name: str, classroom: Path, students: int = 16, seed: int = 0) -> list[Simulated]:
    """Write a class to `classroom/submitted/<student>/<assignment>/`, and what each one is to `simulated.json`.

    Raises ClassroomError if the folder holds submissions that were not made up.
    """
    assignment = load_assignment(name)
    submitted, profiles_file = classroom / "submitted", classroom / "simulated.json"
    if submitted.is_dir() and any(submitted.iterdir()) and not profiles_file.exists():
        raise ClassroomError(
            f"{submitted} holds submissions that were not made up: name another folder with --classroom."
        )
    made = simulated_class(assignment, students, seed)
    classroom.mkdir(parents=True, exist_ok=True)
    profiles = {submission.student: submission.profile for submission in made}
    profiles_file.write_text(json.dumps(profiles, indent=1), encoding="utf-8")
    for submission in made:
        folder = classroom / "submitted" / submission.student / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / submission.filename).write_bytes(submission.data)
    return made

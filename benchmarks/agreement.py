"""The same marks: honest submissions, graded by this engine and by stock nbgrader, compared test cell by test cell.

python benchmarks/agreement.py backprop
python benchmarks/agreement.py backprop --only solution untouched

Graded are: the solution, the untouched release, every misconception and every alternative (those of different tasks
share a submission), some drawn partly right ones, and right ones with mishaps that are nobody's fault. Every cell where
the marks differ is printed with the reason; the exit status is 1 if there is one without a reason.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

import nbformat
from nbformat.notebooknode import NotebookNode
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder import stock
from autograder.assignment import Assignment, defined_names, grade_id, kind, load_assignment
from autograder.build import reference_solutions, release_notebook, submission_notebook
from autograder.engine import Engine
from autograder.result import Result
from autograder.simulate import delete_test_cell, duplicate_cell, simulated_class, strip_metadata
from autograder.variants import Variant, load_alternatives, load_misconceptions

STDERR, REPAIRED, DIED, DRAWN, UNEXPLAINED = (
    "stderr in stock",
    "repaired",
    "kernel died in stock",
    "inputs, memory",
    "unexplained",
)
REASONS = {
    STDERR: "nbgrader gives 0 to a test that printed on stderr; a warning is not a mistake",
    REPAIRED: "nbgrader grades damaged cells as they are, or not at all; here they are put right first",
    DIED: "nbgrader loses all marks when the kernel ends; here only what ended it counts as not run",
    DRAWN: "the same with nbgrader's fixed hidden inputs and no limit on memory; other inputs, or a limit, tell more",
    UNEXPLAINED: "to be looked into",
}
PARTLY_RIGHT = 4


@dataclass(frozen=True)
class Submission:
    """An honest submission; `variants` names the variant of each task that has one."""

    name: str
    data: bytes = field(repr=False)
    variants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Disagreement:
    """A test cell with different marks; `theirs` is None where stock nbgrader gave up on the submission."""

    submission: str
    cell: str
    ours: float
    theirs: float | None
    reason: str
    detail: str


def honest_submissions(assignment: Assignment) -> list[Submission]:
    solved = submission_notebook(assignment, reference_solutions(assignment))
    simulated = simulated_class(assignment, 40)
    drawn = [one for one in simulated if "not written" in one.profile or ", " in one.profile][:PARTLY_RIGHT]
    return [
        Submission("solution", _bytes(solved)),
        Submission("untouched", _bytes(release_notebook(assignment))),
        *packed(assignment, load_misconceptions(assignment), "misconceptions"),
        *packed(assignment, load_alternatives(assignment), "alternatives"),
        *(Submission(f"drawn-{n:02d}", one.data) for n, one in enumerate(drawn, 1)),
        *_with_mishaps(assignment, solved),
    ]


def packed(assignment: Assignment, variants: Sequence[Variant], name: str) -> list[Submission]:
    """Few submissions that show every variant: one of each task, each in solution cells of its own."""
    loads: list[tuple[dict[str, str], dict[str, str]]] = []
    for variant in variants:
        task, cells = assignment.task_of(variant.function).name, variant.solutions(assignment)
        for names, changed in loads:
            if task not in names and not changed.keys() & cells.keys():
                break
        else:
            names, changed = {}, {}
            loads.append((names, changed))
        names[task] = variant.name
        changed |= cells
    return [
        Submission(
            f"{name}-{number:02d}",
            _bytes(submission_notebook(assignment, reference_solutions(assignment) | changed)),
            names,
        )
        for number, (names, changed) in enumerate(loads, 1)
    ]


def _with_mishaps(assignment: Assignment, solved: NotebookNode) -> list[Submission]:
    mishaps = {
        "writes-to-stderr": _write_to_stderr,
        "copied-cell": duplicate_cell,
        "lost-test": delete_test_cell,
        "lost-metadata": strip_metadata,
        "ends-python": _end_python,
    }
    made = []
    for name, change in mishaps.items():
        notebook = nbformat.from_dict(nbformat.reads(nbformat.writes(solved), as_version=4))
        change(notebook)
        made.append(Submission(name, _bytes(notebook)))
    return made


def _write_to_stderr(notebook: NotebookNode) -> None:
    """The first function says something on stderr each time it is called."""
    cell = next(cell for cell in notebook.cells if kind(cell) == "solution")
    function = next(name for name in defined_names(cell.source) if f"def {name}(" in cell.source)
    lines = cell.source.splitlines()
    body = next(i for i, line in enumerate(lines) if f"def {function}(" in line)
    while not lines[body].rstrip().endswith(":"):
        body += 1
    lines.insert(body + 1, '    import warnings; warnings.warn("an innocent warning")')
    cell.source = "\n".join(lines)


def _end_python(notebook: NotebookNode) -> None:
    place = max(i for i, cell in enumerate(notebook.cells) if kind(cell) == "test")
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("import os\n\nos._exit(0)"))


def _bytes(notebook: NotebookNode) -> bytes:
    """As an editor saves it: nothing is put right on the way."""
    return json.dumps(notebook).encode()


# Grading


def compare(
    assignment: Assignment, submissions: Sequence[Submission], folder: Path
) -> Iterator[tuple[Submission, int, list[Disagreement]]]:
    """For each submission, how many cells were compared and those with different marks; stock nbgrader uses `folder`."""
    stock.prepare_course(folder, assignment, {one.name: one.data for one in submissions})
    with Engine() as engine:
        for one in submissions:
            result = engine.grade(one.data, assignment, diagnose=False)
            log, theirs = _grade_in_stock(folder, assignment, one.name)
            differ = [test for test in result.tests if test.points != theirs.get(test.grade_id)]
            same_terms = _points(_grade_on_stock_terms(engine, one, assignment)) if differ else {}
            found = []
            for test in differ:
                mark = theirs.get(test.grade_id)
                notebook = stock.graded_notebook(folder, assignment, one.name)
                reason, detail = _explain(result, test.grade_id, notebook, log, same_terms[test.grade_id] == mark)
                if reason == UNEXPLAINED:
                    variant = one.variants.get(test.task, "")
                    detail = " | ".join(part for part in (variant, test.message, detail) if part)
                found.append(Disagreement(one.name, test.grade_id, test.points, mark, reason, detail))
            yield one, len(result.tests), found


def _grade_in_stock(folder: Path, assignment: Assignment, name: str) -> tuple[str, dict[str, float]]:
    """The end of the log if nbgrader gives up, and the points of each test cell if it does not."""
    try:
        stock.autograde(folder, assignment, name)
    except RuntimeError as error:
        return str(error), {}
    return "", stock.marks(folder, assignment)[name]


def _grade_on_stock_terms(engine: Engine, one: Submission, assignment: Assignment) -> Result:
    """The engine's result on the inputs that a notebook always has, and with all the memory that it may want."""
    from autograder import judge

    roomy = replace(assignment, budget=replace(assignment.budget, memory_mb=64_000))
    with mock.patch.object(judge, "derive", return_value=0):
        return engine.grade(one.data, roomy, diagnose=False)


def _points(result: Result) -> dict[str, float]:
    return {test.grade_id: test.points for test in result.tests}


def _explain(result: Result, cell: str, notebook: NotebookNode | None, log: str, drawn: bool) -> tuple[str, str]:
    """Why the marks of a cell differ."""
    if notebook is None and "Kernel died" in log:
        return DIED, "; ".join(result.notes)
    if result.repairs:
        return REPAIRED, "; ".join(result.repairs)
    if drawn:
        return DRAWN, ""
    cells = notebook.cells if notebook is not None else ()
    outputs: list[NotebookNode] = next((c.outputs for c in cells if grade_id(c) == cell), [])
    said = [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    errors = [f"stock: {output.ename}: {output.evalue}" for output in outputs if output.output_type == "error"]
    if said and not errors:
        return STDERR, said[0].strip().splitlines()[0]
    return UNEXPLAINED, "; ".join(errors + log.strip().splitlines()[-1:])


# Showing


def show(console: Console, assignment: Assignment, compared: int, found: Collection[Disagreement]) -> None:
    table = Table(title=f"{assignment.name}: {compared} cells compared, {len(found)} with different marks")
    for column in ("submission", "test cells: ours / stock", "reason", "detail"):
        table.add_column(column, overflow="fold")
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in found:
        theirs = "none" if one.theirs is None else f"{one.theirs:g}"
        marks = f"{one.cell}: {one.ours:g} / {theirs}"
        alike.setdefault((one.submission, one.reason, one.detail), []).append(marks)
    for (submission, reason, detail), cells in alike.items():
        table.add_row(submission, escape("\n".join(cells)), reason, escape(detail))
    console.print(table if found else table.title)
    for reason, count in Counter(one.reason for one in found).items():
        console.print(f"{count:4} {reason}: {REASONS[reason]}", highlight=False, soft_wrap=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignments", nargs="+")
    parser.add_argument("--only", nargs="+", metavar="SUBMISSION", help="only these, by name: solution, drawn-01")
    options = parser.parse_args()
    console, unexplained = Console(), 0
    for name in options.assignments:
        assignment = load_assignment(name)
        submissions = honest_submissions(assignment)
        if options.only:
            known = [one.name for one in submissions]
            if missing := set(options.only) - set(known):
                parser.error(f"no submission {', '.join(sorted(missing))}; there are: {', '.join(known)}")
            submissions = [one for one in submissions if one.name in options.only]
        shown = sum(len(one.variants) for one in submissions)
        console.print(f"{name}: {len(submissions)} submissions that show {shown} variants", highlight=False)
        compared, found = 0, list[Disagreement]()
        with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
            for number, (one, cells, differ) in enumerate(compare(assignment, submissions, Path(folder)), 1):
                compared, found = compared + cells, found + differ
                console.print(
                    f"{number:3}/{len(submissions)} {one.name}: {cells} cells, {len(differ)} differ", highlight=False
                )
        show(console, assignment, compared, found)
        unexplained += sum(one.reason == UNEXPLAINED for one in found)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

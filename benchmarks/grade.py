"""How fast a class is graded: this engine against stock `nbgrader autograde`, same submissions, one run.

python benchmarks/grade.py                          a trivial torch notebook and backprop
python benchmarks/grade.py optimizers --students 50

Wall time is that of the whole command's work, start of the workers included; CPU time is that of all its processes.
`own` is what the code of students and tests costs when it is simply executed in one warm process; `fixed` is the rest.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from rich.console import Console
from rich.table import Table

from autograder import stock
from autograder.assignment import Assignment, is_experiment, kind, load_assignment, read_assignment
from autograder.build import reference_solutions, submission_notebook
from autograder.classroom import open_classroom
from autograder.grade import grade_class
from autograder.simulate import simulated_class

TRIVIAL = Path(__file__).with_name("trivial.py")


@dataclass(frozen=True)
class Cost:
    """Seconds per submission."""

    wall: float
    cpu: float


@contextlib.contextmanager
def measured(submissions: int) -> Iterator[list[Cost]]:
    cost: list[Cost] = []
    wall, cpu = time.perf_counter(), _cpu()
    yield cost
    cost.append(Cost((time.perf_counter() - wall) / submissions, (_cpu() - cpu) / submissions))


def _cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def submissions_of(assignment: Assignment, students: int) -> dict[str, bytes]:
    if assignment.path == TRIVIAL:
        notebook = submission_notebook(assignment, reference_solutions(assignment))
        return {f"student{n:04d}": nbformat.writes(notebook).encode() for n in range(students)}
    drawn = [made for made in simulated_class(assignment, students + 40) if made.filename == f"{assignment.name}.ipynb"]
    # The damaged showcase stops stock nbgrader or hangs both, so only drawn students take part.
    return {made.student: made.data for made in drawn[-students:]}


def ours(assignment: Assignment, submissions: dict[str, bytes], folder: Path, workers: int) -> Cost:
    for student, data in submissions.items():
        path = folder / "submitted" / student / assignment.name / f"{assignment.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    with measured(len(submissions)) as cost:
        grade_class(open_classroom(folder), assignment, workers=workers)
    return cost[0]


def theirs(assignment: Assignment, submissions: dict[str, bytes], folder: Path) -> Cost:
    folder.mkdir()
    stock.prepare_course(folder, assignment, submissions)
    with measured(len(submissions)) as cost:
        stock.autograde(folder, assignment)
    return cost[0]


def own_cpu(assignment: Assignment, submissions: dict[str, bytes]) -> float:
    """CPU seconds of the students' cells and the tests themselves, per submission, in one warm process."""
    total = 0.0
    for data in submissions.values():
        namespace: dict = {}
        notebook = nbformat.reads(data.decode(), as_version=4)
        started = time.process_time()
        for cell in notebook.cells:
            source = assignment.cells.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell)
            if cell.cell_type == "code" and not is_experiment(source):
                text = source.source if kind(source) == "test" else cell.source
                with contextlib.suppress(Exception), contextlib.redirect_stdout(None):
                    exec(compile(text, cell.id, "exec"), namespace)
        total += time.process_time() - started
    return total / len(submissions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignments", nargs="*", default=["trivial", "backprop"])
    parser.add_argument("--students", type=int, default=40, help="submissions for this engine")
    parser.add_argument("--stock", type=int, default=6, help="how many of them stock nbgrader grades as well")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()

    table = Table(title=f"Seconds per submission, {options.workers} workers, {os.cpu_count()} cores")
    for column in ("assignment", "graded by", "submissions", "wall", "CPU", "own CPU", "fixed CPU", "wall, ratio"):
        table.add_column(column, justify="left" if column in ("assignment", "graded by") else "right")
    scratch = Path(tempfile.mkdtemp(prefix="grade-benchmark-"))
    try:
        for name in options.assignments:
            assignment = read_assignment(TRIVIAL) if name == "trivial" else load_assignment(name)
            submissions = submissions_of(assignment, options.students)
            some = dict(list(submissions.items())[: options.stock])
            own = own_cpu(assignment, submissions)
            our = ours(assignment, submissions, scratch / f"ours-{name}", options.workers)
            their = theirs(assignment, some, scratch / f"stock-{name}")
            table.add_row(name, "stock nbgrader", str(len(some)), f"{their.wall:.2f}", f"{their.cpu:.2f}", "", "", "1")
            ratio = f"{their.wall / our.wall:.0f}×"
            cells = (f"{our.wall:.3f}", f"{our.cpu:.3f}", f"{own:.3f}", f"{our.cpu - own:.3f}", ratio)
            table.add_row(name, "autograder", str(len(submissions)), *cells)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    Console().print(table)


if __name__ == "__main__":
    main()

"""How fast a class is graded: this engine against stock `nbgrader autograde`, same submissions, one run.

    python benchmarks/grade.py                          a trivial notebook and every assignment, against stock nbgrader
    python benchmarks/grade.py optimizers --students 50
    python benchmarks/grade.py --single                 one notebook: from a cold start, and in a running engine
    python benchmarks/grade.py --scaling                what a submission costs in classes of 10 to 2,000

`whole` is the wall time of the command's work divided by the submissions, the start of its workers included; `next` is what
one more submission adds, from a small class to the large one. CPU time is that of all processes. `own` is what the code
of students and tests costs when it is simply executed in one warm process; `fixed` is the rest of the CPU time of `next`.
`used` is the share of the cores' time that goes into `own`: what is left of the throughput that they could have at best.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import torch
from rich.console import Console
from rich.table import Table

from autograder import stock
from autograder.assignment import (
    Assignment,
    assignment_names,
    is_experiment,
    keep_source,
    kind,
    load_assignment,
    read_assignment,
)
from autograder.build import reference_solutions, submission_notebook
from autograder.calls import TimeIsUp, time_limit
from autograder.classroom import open_classroom
from autograder.engine import Engine
from autograder.grade import grade_class
from autograder.pool import available_cores
from autograder.simulate import simulated_class

TRIVIAL = Path(__file__).with_name("trivial.py")
Submissions = dict[str, bytes]


@dataclass(frozen=True)
class Cost:
    """Seconds that a class of so many submissions took."""

    submissions: int
    wall: float
    cpu: float

    @property
    def whole(self) -> float:
        return self.wall / self.submissions

    def next(self, small: Cost) -> tuple[float, float]:
        """Wall and CPU time that a submission adds to a class."""
        more = self.submissions - small.submissions
        return (self.wall - small.wall) / more, (self.cpu - small.cpu) / more


@contextlib.contextmanager
def measured(submissions: int) -> Iterator[list[Cost]]:
    cost: list[Cost] = []
    wall, cpu = time.perf_counter(), _cpu()
    yield cost
    cost.append(Cost(submissions, time.perf_counter() - wall, _cpu() - cpu))


def _cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def load(name: str) -> Assignment:
    return read_assignment(TRIVIAL) if name == "trivial" else load_assignment(name)


def submissions_of(assignment: Assignment, students: int) -> Submissions:
    if assignment.path == TRIVIAL:
        data = solved(assignment)
        return {f"student{n:04d}": data for n in range(students)}
    drawn = [made for made in simulated_class(assignment, students + 40) if made.filename == f"{assignment.name}.ipynb"]
    # The damaged showcase stops stock nbgrader or hangs both, so only drawn students take part.
    return {made.student: made.data for made in drawn[-students:]}


def solved(assignment: Assignment) -> bytes:
    return nbformat.writes(submission_notebook(assignment, reference_solutions(assignment))).encode()


def first(submissions: Submissions, count: int) -> Submissions:
    return dict(list(submissions.items())[:count])


def ours(assignment: Assignment, submissions: Submissions, folder: Path, workers: int, **options: Any) -> Cost:
    for student, data in submissions.items():
        path = folder / "submitted" / student / assignment.name / f"{assignment.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    with measured(len(submissions)) as cost:
        grade_class(open_classroom(folder), assignment, workers=workers, **options)
    shutil.rmtree(folder)
    return cost[0]


def theirs(assignment: Assignment, submissions: Submissions, folder: Path) -> Cost:
    folder.mkdir()
    stock.prepare_course(folder, assignment, submissions)
    with measured(len(submissions)) as cost:
        stock.autograde(folder, assignment)
    return cost[0]


def own_cpu(assignment: Assignment, submissions: Submissions) -> dict[str, float]:
    """CPU seconds of each student's cells and of the tests themselves, in one warm process."""
    torch.set_num_threads(1)
    _execute(assignment, next(iter(submissions.values())))
    found = {}
    for student, data in submissions.items():
        started = time.process_time()
        _execute(assignment, data)
        found[student] = time.process_time() - started
    return found


def _execute(assignment: Assignment, data: bytes) -> None:
    namespace: dict = {}
    for cell in nbformat.reads(data.decode(), as_version=4).cells:
        source = assignment.cells.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell)
        if cell.cell_type == "code" and not is_experiment(source):
            text = source.source if kind(source) == "test" else cell.source
            limit = time_limit(assignment.budget.call_seconds, "The cell")  # some loop for ever
            keep_source(cell.id, text)  # some tests read it
            with contextlib.suppress(Exception, TimeIsUp), contextlib.redirect_stdout(None), limit:
                exec(compile(text, cell.id, "exec"), namespace)


def compare(names: list[str], students: int, some: int, workers: int, scratch: Path) -> Table:
    table = _table(
        f"Seconds per submission, {workers} workers, {available_cores()} cores",
        "assignment|graded by|class|whole|next|CPU|own CPU|fixed CPU|used|ratio, whole|ratio, next",
    )
    for name in names:
        assignment = load(name)
        submissions = submissions_of(assignment, students)
        costs = own_cpu(assignment, submissions)
        # One that loops until it is stopped tells about its budget, and in a small class hides what the others cost.
        usual = {s: cost for s, cost in costs.items() if cost < 5 * statistics.median(costs.values()) + 0.1}
        submissions, own = {s: submissions[s] for s in usual}, statistics.mean(usual.values())
        ours(assignment, submissions, scratch / "first", workers)  # what is computed once per machine is kept
        small = ours(assignment, first(submissions, 2 * workers), scratch / "small", workers)
        our = ours(assignment, submissions, scratch / "class", workers)
        wall, cpu = our.next(small)
        few = theirs(assignment, first(submissions, 1), scratch / f"stock-1-{name}")
        their = theirs(assignment, first(submissions, some), scratch / f"stock-{name}")
        stock_wall, stock_cpu = their.next(few)
        table.add_row(name, "stock nbgrader", str(some), f"{their.whole:.2f}", f"{stock_wall:.2f}", f"{stock_cpu:.2f}")
        cells = [f"{our.whole:.3f}", f"{wall:.3f}", f"{cpu:.3f}", f"{own:.3f}", f"{cpu - own:.3f}"]
        cells += [f"{own / min(workers, available_cores()) / wall:.0%}"]
        cells += [f"{their.whole / our.whole:.0f}×", f"{stock_wall / wall:.0f}×"]
        table.add_row(name, "autograder", str(len(submissions)), *cells)
    return table


def scaling(workers: int, scratch: Path) -> Table:
    """Once every worker has graded two: a small class takes less than the start, which includes what the second needs."""
    assignment = load("trivial")
    table = _table("One more submission, by the size of the class (trivial)", "class|whole|next, wall")
    ours(assignment, submissions_of(assignment, workers), scratch / "first", workers)  # what is kept once per machine
    for size in (10, 50, 250, 1000, 2000):
        times: list[float] = []
        cost = ours(
            assignment,
            submissions_of(assignment, size),
            scratch / "class",
            workers,
            on_progress=lambda _, times=times: times.append(time.perf_counter()),  # type: ignore[misc]
        )
        graded = times[1:]
        started = 2 * workers
        wall = (graded[-1] - graded[started - 1]) / (size - started)
        table.add_row(str(size), f"{cost.whole:.3f}", f"{wall:.4f}")
    return table


def single(names: list[str], repeats: int = 20) -> Table:
    table = _table("One notebook", "assignment|cold start, s|running engine, s|own CPU, s|private memory, MB")
    for name in names:
        assignment = load(name)
        data = solved(assignment)
        command = [sys.executable, "-c", COLD, str(assignment.path)]
        cold = statistics.median(_wall(lambda: subprocess.run(command, input=data, check=True)) for _ in range(3))  # noqa: B023
        with Engine() as engine:
            for _ in range(3):
                engine.grade(data, assignment)
            warm = [_wall(lambda: engine.grade(data, assignment)) for _ in range(repeats)]  # noqa: B023
            private = private_memory(engine, assignment)
        own = own_cpu(assignment, {"one": data})["one"]
        table.add_row(name, f"{cold:.2f}", f"{statistics.median(warm):.3f}", f"{own:.3f}", f"{private:.0f}")
    return table


def private_memory(engine: Engine, assignment: Assignment) -> float:
    """MB that a student process does not share with its server, after all cells of the solution."""
    notebook = nbformat.reads(solved(assignment).decode(), as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PRIVATE))
    graded = engine.grade(nbformat.writes(notebook).encode(), assignment).notebook
    return float(graded.cells[-1].outputs[0].text)


PRIVATE = """
fields = dict(line.split(":", 1) for line in open("/proc/self/smaps_rollup").read().splitlines()[1:])
print(int(fields["Private_Dirty"].split()[0]) / 1024)
"""

COLD = """
import sys
from pathlib import Path
from autograder import grade_notebook
from autograder.assignment import read_assignment
assert grade_notebook(sys.stdin.buffer.read(), read_assignment(Path(sys.argv[1]))).score > 0
"""


def _wall(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def _table(title: str, columns: str) -> Table:
    table = Table(title=title)
    for number, column in enumerate(columns.split("|")):
        table.add_column(column, justify="right" if number else "left")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignments", nargs="*", default=["trivial", *assignment_names()])
    parser.add_argument("--students", type=int, default=100, help="submissions for this engine")
    parser.add_argument("--stock", type=int, default=6, help="how many of them stock nbgrader grades as well")
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--single", action="store_true", help="one notebook instead of a class")
    parser.add_argument("--scaling", action="store_true", help="classes of 10 to 2,000 trivial notebooks")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="grade-benchmark-") as folder:
        if options.scaling:
            table = scaling(options.workers, Path(folder))
        elif options.single:
            table = single(options.assignments)
        else:
            table = compare(options.assignments, options.students, options.stock, options.workers, Path(folder))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()

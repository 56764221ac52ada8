"""The release gate: may an assignment be released? Six rules, each shown with what breaks it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder.assignment import (
    NOT_WRITTEN,
    REGIONS,
    Assignment,
    assignment_names,
    defined_names,
    load_assignment,
    without_regions,
)
from autograder.build import (
    ANSWER_STUB,
    reference_solutions,
    release_notebook,
    source_notebook,
    submission_notebook,
)
from autograder.engine import Engine
from autograder.lint import lint
from autograder.mutants import equivalent_mutants, mutants
from autograder.pool import Failure, Pool, PoolError, available_cores
from autograder.repair import Repaired
from autograder.result import TestResult
from autograder.submitted import Submitted
from autograder.testcell import TestCell, compile_tests
from autograder.variants import Alternative, check_variants, load_alternatives, load_misconceptions

MUTANT_SECONDS = 5.0
VISIBLE_SHARE = 0.70
MISCONCEPTIONS, ALTERNATIVES = 40, 8


@dataclass(frozen=True)
class Finding:
    """What one rule of the gate found."""

    rule: str
    summary: str
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class Trial:
    """One submission to try: the reference with some solution cells replaced."""

    assignment: str
    solutions: dict[str, str]
    tasks: tuple[str, ...] | None = None
    seed: int = 0
    until_failure: bool = False
    diagnose: bool = False
    budget_seconds: float | None = None


@contextmanager
def trial_runner() -> Iterator[Callable[[Trial], list[TestResult]]]:
    """In a worker of the pool: a warm engine, and the function that tries one trial on it."""
    with Engine() as engine:
        yield lambda trial: _try(engine, trial)


def _try(engine: Engine, trial: Trial) -> list[TestResult]:
    assignment = _assignment(trial.assignment, trial.budget_seconds)
    notebook = submission_notebook(assignment, reference_solutions(assignment) | trial.solutions)
    repaired = Repaired(notebook, [])
    return engine.grade(
        repaired,
        assignment,
        seed=trial.seed,
        tasks=trial.tasks,
        diagnose=trial.diagnose,
        until_failure=trial.until_failure,
    ).tests


@cache
def _assignment(name: str, seconds: float | None) -> Assignment:
    assignment = load_assignment(name)
    if seconds is None:
        return assignment
    budget = dataclasses.replace(assignment.budget, call_seconds=seconds, cell_seconds=seconds)
    return dataclasses.replace(assignment, budget=budget)


class Trials:
    """Runs trials on warm engines, as many as there are cores unless told otherwise, with progress."""

    def __init__(self, console: Console, workers: int | None = None) -> None:
        self.console = console
        self.pool = Pool(trial_runner, workers or available_cores())

    def __enter__(self) -> Trials:
        self.pool.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.pool.__exit__(*exception)

    def run(self, trials: Sequence[Trial], what: str) -> list[list[TestResult]]:
        """The results in the order of the trials."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        results: dict[int, list[TestResult]] = {}
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(what, total=len(trials))
            for key, tests in self.pool.run((str(number), trial) for number, trial in enumerate(trials)):
                if isinstance(tests, Failure):
                    raise PoolError(f"A trial of the gate ({what}) could not be run: {tests.reason}.")
                results[int(key)] = tests
                progress.advance(task)
        return [results[number] for number in range(len(trials))]


def full_marks(assignment: Assignment, trials: Trials) -> Finding:
    seeds = range(5)
    runs = trials.run([Trial(assignment.name, {}, seed=seed) for seed in seeds], "solution")
    problems = [
        f"seed {s}: {t.grade_id}: {t.message}" for s, run in zip(seeds, runs, strict=True) for t in run if not t.passed
    ]
    return Finding("the solution earns full marks", f"judge, {len(seeds)} seeds", problems)


def stock_marks(assignment: Assignment) -> list[Finding]:
    """The same in stock nbgrader: the solution earns all, the untouched release earns nothing.

    There the experiments run too, which the judge leaves out: what they assert has to hold.
    """
    from autograder import stock

    solved = submission_notebook(assignment, reference_solutions(assignment))
    untouched = release_notebook(assignment)
    submissions = {
        "solved": nbformat.writes(solved).encode(),
        "untouched": nbformat.writes(untouched).encode(),
    }
    with tempfile.TemporaryDirectory() as folder:
        earned = stock.grade(Path(folder), assignment, submissions)
        executed = stock.graded_notebook(Path(folder), assignment, "solved")
    points = {
        str(c.metadata.nbgrader.grade_id): float(c.metadata.nbgrader.points)
        for t in assignment.tasks
        for c in t.test_cells
    }
    lost = [
        f"{name}: {earned['solved'].get(name)} of {points[name]:g}"
        for name in points
        if earned["solved"].get(name) != points[name]
    ]
    gifts = [f"{name}: {value:g} points for nothing" for name, value in earned["untouched"].items() if value]
    code = [cell for cell in executed.cells if cell.cell_type == "code"] if executed else []
    errors = [
        f"{cell.id}: {output.ename}: {output.evalue}"
        for cell in code
        for output in cell.outputs
        if output.output_type == "error"
    ]
    if not code or any(cell.execution_count is None for cell in code if cell.source.strip()):
        errors.append("not every cell ran")
    return [
        Finding("the solution earns full marks in stock nbgrader", f"{sum(points.values()):g} points", lost),
        Finding("the untouched release earns 0 in stock nbgrader", "0 points", gifts),
        Finding("what the experiments assert holds", f"{len(code)} code cells in stock nbgrader", errors),
    ]


def untouched_release(assignment: Assignment, trials: Trials) -> Finding:
    stubs = {
        str(c.metadata.nbgrader.grade_id): c.source
        for c in release_notebook(assignment).cells
        if "nbgrader" in c.metadata and c.metadata.nbgrader.solution and c.cell_type == "code"
    }
    (tests,) = trials.run([Trial(assignment.name, stubs)], "untouched release")
    problems = []
    for test in tests:
        functions = next(task.functions for task in assignment.tasks if task.name == test.task)
        if test.points:
            problems.append(f"{test.grade_id}: earns {test.points:g} points")
        elif not any(name in test.message for name in functions) or NOT_WRITTEN not in test.message:
            problems.append(f"{test.grade_id}: does not say which function is missing: {test.message!r}")
    return Finding("the untouched release earns 0 and says what is missing", f"{len(tests)} test cells", problems)


def misconceptions_named(assignment: Assignment, trials: Trials) -> Finding:
    known = load_misconceptions(assignment)
    runs = trials.run(
        [
            Trial(assignment.name, m.solutions(assignment), (m.task(assignment).name,), seed=1, diagnose=True)
            for m in known
        ],
        "misconceptions",
    )
    problems, caught, named = [], 0, 0
    for misconception, tests in zip(known, runs, strict=True):
        failed = [test for test in tests if test.points < test.max_points]
        names = {test.misconception for test in failed} - {None}
        caught += bool(failed)
        named += names == {misconception.name}
        if not failed:
            problems.append(f"{misconception.name}: earns full marks")
        elif names != {misconception.name}:
            problems.append(f"{misconception.name}: recognised as {', '.join(sorted(map(str, names))) or 'nothing'}")
    if len(known) < MISCONCEPTIONS:
        problems.append(f"only {len(known)} misconceptions; {MISCONCEPTIONS} are wanted")
    return Finding("misconceptions are caught and named", f"{caught} of {len(known)} caught, {named} named", problems)


def mutants_killed(assignment: Assignment, trials: Trials, every: int = 1) -> list[Finding]:
    """Each mutant, or one in `every`, against the tests of its own task; which of them the visible parts would kill."""
    found = list(mutants(assignment))
    reasons = equivalent_mutants(assignment)
    unused = [" → ".join(key) for key in reasons if key not in {mutant.key for mutant in found}]
    killable = [mutant for mutant in found if mutant.key not in reasons]
    tried = killable[::every]

    runs = trials.run(
        [
            Trial(
                assignment.name,
                {m.cell: m.source},
                (assignment.task_of(m.function or m.cell).name,),
                seed=2,
                until_failure=True,
                budget_seconds=MUTANT_SECONDS,
            )
            for m in tried
        ],
        "mutants",
    )
    hidden = [any(test.points < test.max_points for test in tests) for tests in runs]
    visible = [any(not test.visible_passed for test in tests) for tests in runs]
    survivors = [f"survives: {mutant}" for mutant, dead in zip(tried, hidden, strict=True) if not dead]
    share = sum(visible) / max(1, len(tried))
    weak = [] if share >= VISIBLE_SHARE else [f"{share:.0%} killed; {VISIBLE_SHARE:.0%} are wanted"]
    return [
        Finding(
            "mutants are killed",
            f"{sum(hidden)} of {len(tried)} killed, {len(found) - len(killable)} listed as equivalent"
            + (f"; {len(killable) - len(tried)} not tried" if every > 1 else ""),
            survivors + [f"listed as equivalent, but no such mutant: {text}" for text in unused],
        ),
        Finding("mutants are killed by visible tests alone", f"{sum(visible)} of {len(tried)} ({share:.0%})", weak),
    ]


def alternatives_accepted(assignment: Assignment, trials: Trials) -> Finding:
    known = load_alternatives(assignment)
    seeds = (0, 3, 4)
    pairs = [(alternative, seed) for alternative in known for seed in seeds]
    tests = compile_tests(assignment)

    def trial(alternative: Alternative) -> Trial:
        solutions = alternative.solutions(assignment)
        return Trial(assignment.name, solutions, affected_tasks(assignment, solutions, tests))

    tried = {alternative.name: trial(alternative) for alternative in known}
    runs = trials.run([dataclasses.replace(tried[a.name], seed=seed) for a, seed in pairs], "alternatives")
    problems = [
        f"{alternative.name}, seed {seed}: {test.grade_id}: {test.message}"
        for (alternative, seed), tests in zip(pairs, runs, strict=True)
        for test in tests
        if not test.passed
    ]
    refused = len({problem.split(",")[0] for problem in problems})
    if len(known) < ALTERNATIVES:
        problems.append(f"only {len(known)} alternatives; {ALTERNATIVES} are wanted")
    return Finding(
        "right alternatives are accepted",
        f"{len(known) - refused} of {len(known)}, {len(seeds)} seeds",
        problems,
    )


def affected_tasks(assignment: Assignment, solutions: dict[str, str], tests: list[TestCell]) -> tuple[str, ...]:
    """The tasks with a test that uses, perhaps through other functions, what changed solution cells define."""
    changed = {name for cell in solutions for name in defined_names(assignment.cells[cell].source)}
    notebook = submission_notebook(assignment, reference_solutions(assignment) | solutions)
    submitted = Submitted.of(notebook, assignment)
    users = {name for name in assignment.student_names if changed.intersection(submitted.reachable(name))}
    return tuple(dict.fromkeys(test.task.name for test in tests if users.intersection(test.student_names)))


def nothing_left(assignment: Assignment) -> Finding:
    """Each line of a release cell comes from outside the regions that the release takes out."""
    problems = []
    checked = 0
    for source, release in zip(source_notebook(assignment).cells, release_notebook(assignment).cells, strict=True):
        text = source.source
        for begin, end in REGIONS:
            text = without_regions(text, begin, end)
        if source.metadata.get("nbgrader", {}).get("solution") and source.cell_type == "markdown":
            text = ANSWER_STUB
        allowed = Counter(line.strip() for line in text.splitlines())
        for line, count in Counter(line.strip() for line in release.source.splitlines()).items():
            checked += 1
            stub = line == "# YOUR CODE HERE" or (line.startswith("raise NotImplementedError(") and NOT_WRITTEN in line)
            if line and not stub and count > allowed[line]:
                problems.append(f"{release.id}: {line!r}")
    return Finding("no line of a solution or a hidden test is left", f"{checked} lines", problems)


def well_formed(assignment: Assignment) -> Finding:
    problems = lint(assignment)
    for task in assignment.tasks:
        for cell in task.solution_cells:
            if not defined_names(cell.source):
                problems.append(f"{task.name}: a solution cell defines nothing")
    return Finding(
        "test cells can be judged where no student code runs",
        f"{sum(len(t.test_cells) for t in assignment.tasks)} test cells",
        problems,
    )


def examine(
    assignment: Assignment, trials: Trials, *, mutation: bool = True, stock: bool = True, every: int = 1
) -> list[Finding]:
    """All findings of the gate for one assignment, in the order of the rules; one mutant in `every` is tried."""
    findings = [
        well_formed(assignment),
        full_marks(assignment, trials),
        untouched_release(assignment, trials),
    ]
    if stock:
        findings += stock_marks(assignment)
    if not assignment.quiz:
        findings += [misconceptions_named(assignment, trials)]
        if mutation:
            findings += mutants_killed(assignment, trials, every)
    return [*findings, alternatives_accepted(assignment, trials), nothing_left(assignment)]


def gate(
    names: Iterable[str] | None = None,
    *,
    mutation: bool = True,
    stock: bool = True,
    workers: int | None = None,
    console: Console | None = None,
) -> bool:
    """Print the gate's table for each assignment; says whether all may be released."""
    console = console or Console()
    released = True
    with Trials(console, workers) as trials:
        for name in names or assignment_names():
            assignment = load_assignment(name)
            check_variants(assignment)
            findings = examine(assignment, trials, mutation=mutation, stock=stock)
            console.print(table(assignment, findings))
            for finding in findings:
                for problem in finding.problems:
                    console.print(f"  [red]✗[/] {finding.rule}: ", problem, sep="", markup=True, highlight=False)
            released = released and all(finding.ok for finding in findings)
    return released


def table(assignment: Assignment, findings: list[Finding]) -> Table:
    may = all(finding.ok for finding in findings)
    rows = Table(title=f"{assignment.title} ({assignment.name}): {'may be released' if may else 'may not be released'}")
    rows.add_column("rule")
    rows.add_column("")
    rows.add_column("found")
    for finding in findings:
        rows.add_row(finding.rule, "[green]✓[/]" if finding.ok else "[red]✗[/]", finding.summary)
    return rows

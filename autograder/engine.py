"""Grades one submission: bytes in, scores and the executed notebook out.

with Engine() as engine:
    result = engine.grade(path.read_bytes(), load_assignment("backprop"))

`autograder.open_engine` gives one that starts sooner, `autograder.grade_notebook` grades a single notebook.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder import outputs
from autograder.assignment import Assignment, Budget, Task, grade_id, is_experiment, kind
from autograder.diagnose import Diagnosis
from autograder.forkserver import ForkServer, ForkServerError, StudentProcess
from autograder.judge import Judge, Known, Run
from autograder.remote import derive
from autograder.repair import Repaired, repair
from autograder.result import Result, TestResult
from autograder.sandbox import memory
from autograder.session import Disturbed, Session, StudentLost
from autograder.submitted import Submitted
from autograder.testcell import TestCell, compile_tests
from autograder.variants import Misconception, load_misconceptions
from utils.device import one_thread

log = logging.getLogger(__name__)

MAX_PREPARED = 16
PREPARE_SECONDS = 300.0
KILLS_FORGIVEN = 3
NOT_RUN = "This test was not asked for."


@dataclass
class Prepared:
    """What all submissions of an assignment share."""

    tests: list[TestCell]
    known: Known
    misconceptions: dict[str, Misconception]
    diagnosis: Diagnosis

    @classmethod
    def of(cls, assignment: Assignment, open_session: Callable[[], Session]) -> Prepared:
        tests, known, misconceptions = compile_tests(assignment), Known.of(assignment), load_misconceptions(assignment)
        diagnosis = Diagnosis(assignment, tests, known.setup, misconceptions, open_session)
        return cls(tests, known, {m.name: m for m in misconceptions}, diagnosis)


@dataclass(frozen=True)
class _Asked:
    """A submission, and what is to be found out about it (see `Engine.grade`)."""

    repaired: Repaired
    assignment: Assignment
    seed: int
    tasks: Collection[str] | None
    diagnose: bool
    until_failure: bool
    files: Mapping[str, bytes]


class Engine:
    """A warm judge with its fork server: one per worker process, used by one thread at a time.

    `level` asks for a step of the sandbox's ladder, `unsafe` for none at all (see `autograder.forkserver`). `server`
    is one with the same options that has been started already; the engine ends it.
    """

    def __init__(self, *, level: str | None = None, unsafe: bool = False, server: ForkServer | None = None) -> None:
        self._options: dict[str, Any] = {"level": level, "unsafe": unsafe}
        self._server = server
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()

    def __enter__(self) -> Engine:
        memory.keep()
        self._server = self._server or ForkServer(**self._options)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.__exit__(kind, error, traceback)
            self._server = None

    @one_thread()  # the tensors of tests are small, and every core has a worker of its own
    def grade(
        self,
        data: bytes | Repaired,
        assignment: Assignment,
        *,
        seed: int | None = None,
        tasks: Collection[str] | None = None,
        diagnose: bool = True,
        until_failure: bool = False,
        files: Mapping[str, bytes] | None = None,
    ) -> Result:
        """Grade a submission.

        `seed` draws the inputs of hidden tests; by default it follows from the submission, so that grading it again
        gives the same result. `tasks` names the tasks whose tests run, all by default. `until_failure` ends the
        judging with the first failed test, for who asks only whether there is one. `files` are the data files that were
        handed in beside the notebook, by their paths relative to it: its cells find them there.

        A submission whose process somebody on the machine killed is graded anew, as if nothing had been; who kills
        their own process (where the sandbox lets them) costs the grader no more than this and gains nothing.

        Nothing in a submission makes this raise. Raises ForkServerError when no student process can be started, and
        TypeError for a path in place of what lies there.
        """
        if not isinstance(data, bytes | Repaired):
            found = type(data).__name__
            raise TypeError(f"The bytes of a notebook are graded, Path.read_bytes(); found a value of type {found}.")
        started = time.perf_counter()
        repaired = data if isinstance(data, Repaired) else repair(data, assignment)
        if seed is None:
            seed = _seed_of(data if isinstance(data, bytes) else nbformat.writes(repaired.notebook).encode())
        asked = _Asked(repaired, assignment, seed, tasks, diagnose, until_failure, files or {})
        shortfalls: dict[str, Run] = {}
        for kills in range(KILLS_FORGIVEN + 1):
            last_try = kills == KILLS_FORGIVEN or time.perf_counter() - started > assignment.budget.notebook_seconds
            try:
                result = self._grade(asked, shortfalls, last_try=last_try)
                return replace(result, seconds=time.perf_counter() - started)
            except Disturbed:
                log.info("A student process was ended from outside: the submission is graded anew.")
                if last_try:
                    break
        raise ForkServerError("The processes of the known solutions are ended from outside, time and again.")

    def _grade(self, asked: _Asked, shortfalls: dict[str, Run], *, last_try: bool) -> Result:
        """One try; `shortfalls` has what earlier ones found wrong, and gets what this one finds if it is cut short."""
        assignment, notebook = asked.assignment, asked.repaired.notebook
        prepared = self._prepare(assignment)
        submitted = Submitted.of(notebook, assignment)
        # Whose code runs there can read the seed of its generators: it must not tell what hidden tests draw.
        own_seed = derive(asked.seed, "student process")
        session = Session(
            self._spawn, assignment.budget, submitted.cells, own_seed, files=asked.files, last_try=last_try
        )
        judge = Judge(session, submitted, prepared.known, prepared.diagnosis.mutates, asked.seed)
        try:
            with contextlib.suppress(StudentLost):  # its notes say so, and so will every call
                session.ensure()
            tests = [test for test in prepared.tests if asked.tasks is None or test.task.name in asked.tasks]
            judged = judge.judge(tests, until_failure=asked.until_failure)
            runs = [shortfalls.get(run.test.name, run) for run in judged]
            misconceptions = self._diagnose(prepared, session, runs) if asked.diagnose else {}
        except Disturbed:
            shortfalls |= judge.shortfalls() | shortfalls
            raise
        finally:
            session.close()
        _word(runs, submitted, assignment, misconceptions)
        results = [_test_result(run, misconceptions.get(run.test.name)) for run in runs]
        return Result(
            assignment=assignment.name,
            score=sum(result.points for result in results),
            max_score=assignment.max_score,
            tests=results,
            notebook=_executed(notebook, assignment, session, runs, misconceptions, prepared.misconceptions),
            repairs=list(asked.repaired.repairs),
            notes=session.notes + judge.notes,
            seed=asked.seed,
            level=self._running().level,
        )

    def _running(self) -> ForkServer:
        if self._server is None:
            raise RuntimeError("Use the engine as a context manager: `with Engine() as engine:`.")
        return self._server

    def _spawn(self, budget: Budget) -> StudentProcess:
        """A student process, from a new fork server if the old one cannot give one."""
        try:
            return self._running().spawn(budget)
        except ForkServerError:
            self.__exit__(None, None, None)
            self.__enter__()
            return self._running().spawn(budget)

    def _prepare(self, assignment: Assignment) -> Prepared:
        """What is computed once per assignment, also when each submission brings its own copy of the same one."""
        key = assignment.digest
        if key not in self._prepared:
            budget = replace(assignment.budget, notebook_seconds=PREPARE_SECONDS)
            self._prepared[key] = Prepared.of(assignment, lambda: Session(self._spawn, budget, [], seed=0))
            if len(self._prepared) > MAX_PREPARED:
                self._prepared.popitem(last=False)
            # What is kept for good need not be looked through by the garbage collector again and again.
            memory.freeze()
        return self._prepared[key]

    def _diagnose(self, prepared: Prepared, session: Session, runs: list[Run]) -> dict[str, str]:
        """The misconception behind each failed test, where one is recognised."""
        tasks: dict[str, tuple[Task, set[str]]] = {}
        for run in runs:
            if not run.passed and run.written and not session.hopeless:
                tasks.setdefault(run.test.task.name, (run.test.task, set()))[1].add(run.test.name)
        return prepared.diagnosis.find(list(tasks.values()), session)


def _seed_of(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big") >> 1


def _test_result(run: Run, misconception: str | None) -> TestResult:
    return TestResult(
        grade_id=run.test.name,
        task=run.test.task.name,
        points=run.points,
        max_points=run.test.points,
        passed=run.passed,
        visible_passed=run.passed or run.in_hidden,
        message="" if run.passed else run.message,
        misconception=misconception,
        seconds=round(run.seconds, 3),
        rests_on=run.rests_on,
    )


def _word(runs: list[Run], submitted: Submitted, assignment: Assignment, misconceptions: dict[str, str]) -> None:
    """Finish the messages, once misconceptions are known.

    The sentence of a misconception takes the place of what a check takes for the cause. A failed test that rests on
    functions of an earlier task whose own tests failed says so.
    """
    for run in runs:
        if run.guess and run.test.name in misconceptions:
            run.message = run.message.removesuffix(f"\n{run.guess}")
    faulty: dict[str, list[str]] = {}  # of each task, in order, the functions to mend
    for task in assignment.tasks:
        own = [run for run in runs if run.test.task.name == task.name]
        sound = {name for run in own if run.passed for name in run.test.student_names}
        to_mend: set[str] = set()
        for run in (run for run in own if not run.passed):
            used = {name for start in run.test.student_names for name in submitted.reachable(start)}
            earlier = {name: found for name, names in faulty.items() if (found := [n for n in names if n in used])}
            if earlier and run.test.name not in misconceptions and run.written:
                run.message += f"\nMend {_list_of(earlier, assignment)} first: this task uses it."
                run.rests_on = list(earlier)
            else:
                tested = {name for name in run.test.student_names if name in task.functions}
                to_mend |= tested - sound or tested
        if to_mend:
            faulty[task.name] = [name for name in task.functions if name in to_mend]


def _list_of(functions: dict[str, list[str]], assignment: Assignment) -> str:
    """As in "`linear_backward` (Task 2) and `relu` (Task 3)"."""
    parts = []
    for task in assignment.tasks:
        if task.name in functions:
            match = re.match(r"Task \d+", task.title)
            names = " and ".join(f"`{name}`" for name in functions[task.name])
            parts.append(f"{names} ({match[0] if match else task.title})")
    return " and ".join(parts)


def _executed(
    repaired: NotebookNode,
    assignment: Assignment,
    session: Session,
    runs: list[Run],
    misconceptions: dict[str, str],
    known: dict[str, Misconception],
) -> NotebookNode:
    """The notebook with the outputs of this grading; experiments keep the student's, test cells get the verdicts."""
    notebook = copy.copy(repaired)
    notebook.cells = [copy.copy(cell) for cell in repaired.cells]
    by_name = {run.test.name: run for run in runs}
    for number, cell in enumerate(notebook.cells):
        source = assignment.cells.get(grade_id(cell) or "")
        if cell.cell_type != "code" or (source is not None and is_experiment(source)):
            continue
        cell.outputs, cell.execution_count = [], None
        if source is not None and kind(source) == "test":
            run = by_name.get(str(grade_id(source)))
            cell.outputs = _verdict_outputs(run, known, misconceptions) if run else [outputs.error("NotRun", NOT_RUN)]
        elif number in session.outcomes:
            outcome = session.outcomes[number]
            cell.outputs, cell.execution_count = outcome.outputs, outcome.execution_count
    return notebook


def _verdict_outputs(run: Run, known: dict[str, Misconception], misconceptions: dict[str, str]) -> list[NotebookNode]:
    """Outputs from which nbgrader reads the verdict: an error is 0, a number is that many points, else all."""
    shown = [outputs.stream("stdout", run.stdout)] if run.stdout else []
    if run.failed:
        misconception = known.get(misconceptions.get(run.test.name, ""))
        message = run.message + (f"\n{misconception.message}" if misconception else "")
        return [*shown, outputs.error("TestFailed", message)]
    if run.points < run.test.points:
        return [*shown, outputs.number(run.points)]
    return shown

"""Runs the test cells of one submission in a process where no student code ever ran, and words the verdicts.

All visible parts run before any hidden part, so nothing that a visible failure shows (a text of the student's own
exception, a value that the student returned) can carry an input of a hidden test. Where a student's code stops in a
hidden test is told only if it stops there for other inputs as well.
"""

from __future__ import annotations

import ast
import random
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import CodeType
from typing import Any

from autograder.assignment import NOT_WRITTEN, Assignment
from autograder.calls import Call, TimeIsUp, time_limit
from autograder.channel import ChannelError
from autograder.remote import (
    RandomState,
    RemoteError,
    RemoteFunction,
    derive,
    make_namespace,
    quiet,
    remote_exception,
    run_part,
    seed_case,
)
from autograder.session import Session, StudentLost
from autograder.submitted import Submitted
from autograder.testcell import TestCell
from utils import checks
from utils.checks import CheckFailed
from utils.plain import read_numbers

MAX_MESSAGE = 4000
PLAIN = "numbers, strings, tensors, arrays, or lists, tuples and dicts of these"

Mutation = tuple[str, int | str]


class CallStopped(BaseException):
    """A call that has no result; not an Exception, so that no test takes it for an error that it waits for."""

    def __init__(self, text: str, hidden_text: str | None = None) -> None:
        self.text, self.hidden_text = text, text if hidden_text is None else hidden_text
        super().__init__(text)


@dataclass(frozen=True)
class Known:
    """What the judge knows of an assignment besides its tests.

    `setup` defines what test cells may use. `constants` are student names that are not called but read. `stubs` are the
    functions and methods that the release leaves to be written. Of the names `read`, some test reads the code.
    """

    setup: CodeType
    student_names: tuple[str, ...]
    constants: frozenset[str]
    stubs: frozenset[str]
    read: tuple[str, ...]

    @classmethod
    def of(cls, assignment: Assignment) -> Known:
        reference = assignment.load_reference()
        stubs = set()
        for cell in (c for task in assignment.tasks for c in task.solution_cells):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    stubs |= {
                        node.name,
                        *(f"{node.name}.{f.name}" for f in node.body if isinstance(f, ast.FunctionDef)),
                    }
        return cls(
            setup=compile(assignment.setup_source, f"<setup of {assignment.name}>", "exec"),
            student_names=tuple(assignment.student_names),
            constants=frozenset(n for n in assignment.student_names if not callable(getattr(reference, n, len))),
            stubs=frozenset(stubs),
            read=tuple(name for task in assignment.tasks for cell in task.test_cells for name in _read_by(cell.source)),
        )


@dataclass
class Run:
    """One test cell on its way to a verdict."""

    test: TestCell
    names: dict[str, Any] = field(default_factory=dict, repr=False)
    may_change: frozenset[Mutation] | None = None  # None: all
    failed: bool = False
    in_hidden: bool = False
    message: str = ""
    points: float = 0.0
    seconds: float = 0.0
    stdout: str = ""
    called: set[str] = field(default_factory=set)
    mutations: set[Mutation] = field(default_factory=set)
    stopped: CallStopped | None = None
    written: bool = True
    value: Any = None
    draw: str = ""
    crashed: str = ""
    guess: str = ""  # what a check takes for the cause: the end of the message
    rests_on: list[str] = field(default_factory=list)  # earlier tasks to mend first
    last: tuple[str, str] | None = None

    @property
    def passed(self) -> bool:
        return not self.failed and self.points >= self.test.points


class Judge:
    """The verdicts on one submission.

    `mutates` tells which arguments the reference solution changes in a test, as (function, argument).
    """

    def __init__(
        self,
        session: Session,
        submitted: Submitted,
        known: Known,
        mutates: Callable[[TestCell], set[Mutation]],
        seed: int,
    ) -> None:
        self.session, self.submitted, self.known, self.mutates, self.seed = session, submitted, known, mutates, seed
        self.student_names = known.student_names
        self.notes: list[str] = []
        self._runs: list[Run] = []
        self._run: Run | None = None
        self._bindings: dict[str, Any] = {}

    def judge(self, tests: Iterable[TestCell], *, until_failure: bool = False) -> list[Run]:
        """Run the tests, all visible parts before the first hidden one; afterwards every run has its verdict.

        With `until_failure` nothing more runs once a test has failed, and the other verdicts mean nothing.
        """
        self._bindings = {
            name: RemoteFunction(name, self._call, partial(self._source_of, name))
            for name in self.student_names
            if name not in self.known.constants
        }
        runs = self._runs = [Run(test) for test in tests]
        before = RandomState()

        def enough() -> bool:
            return until_failure and any(run.failed for run in runs)

        try:
            for hidden in (False, True):
                began = time.monotonic()
                for run in runs:
                    if not run.failed and not enough():
                        self._part(run, hidden=hidden)
            for run in runs:
                if not run.failed and not enough() and run.mutations and run.mutations - self.mutates(run.test):
                    self._again_with_own_arguments(run)
                self._count(run)
            if not until_failure:
                self._again_with_other_inputs([run for run in runs if run.crashed], time.monotonic() - began)
        finally:
            checks.set_case_seed(0)
            before.restore()
        return runs

    def shortfalls(self) -> dict[str, Run]:
        """By test, the verdicts that are not full marks, also when the judging was cut short.

        Another try cannot better them: code that ends its own process would else guess until a test passes.
        """
        for run in self._runs:
            if run.in_hidden and run is not self._run:
                self._count(run)
        return {run.test.name: run for run in self._runs if run.failed or run.message}

    def _again_with_own_arguments(self, run: Run) -> None:
        """A test that passed although the student's code changed arguments it had no business to change runs again.

        The second time the test keeps its own arguments as they were. Otherwise a function could make its wrong answer
        right by changing the input from which the test computes the right one.
        """
        asked = frozenset(self.mutates(run.test))
        again = Run(run.test, may_change=asked, in_hidden=True)
        self._both_parts(again)
        if again.failed:
            run.failed, run.crashed = True, again.crashed
            names = ", ".join(
                f"`{name}`"
                for name in sorted({name for name, _ in run.mutations - asked if name in self.student_names})
            )
            run.message = f"{again.message}\n{names or 'Your code'} changes its arguments: work on a copy (`clone()`)."

    def _again_with_other_inputs(self, crashed: list[Run], seconds: float) -> None:
        """The line of an exception in a hidden test, and its kind, are told if other inputs lead to the same ones.

        Otherwise a function could tell an input by the line that it stops in. The second time nothing in the student's
        process knows of the first, not even by the clock: a process that knew could have chosen the moment of its end
        within the `seconds` since it had met a hidden input.
        """
        if crashed:
            self.session.close()
            time.sleep(random.SystemRandom().uniform(0, seconds))
        for run in crashed:
            again = Run(run.test, in_hidden=True, draw="/again")
            self._both_parts(again)
            if again.message != run.message:
                run.message = f"Hidden test: {run.crashed} stopped with an exception."

    def _both_parts(self, run: Run) -> None:
        self._part(run, hidden=False)
        if not run.failed:
            self._part(run, hidden=True)

    def _part(self, run: Run, *, hidden: bool) -> None:
        """Run the visible or the hidden part of a test; an exception becomes its message."""
        self._run = run
        started = time.perf_counter()
        part = run.test.hidden if hidden else run.test.visible
        run.in_hidden = run.in_hidden or hidden
        with quiet() as out:
            try:
                # Each part has a seed of its own: what the generators of the visible one give away tells nothing of the
                # hidden one.
                seed_case(derive(self.seed, f"{run.test.name}/{'hidden' if hidden else 'visible'}{run.draw}"))
                if not hidden:
                    run.names = make_namespace(self.known.setup, run.test, self._bindings, self._call)
                    run.names |= self._constants(run.test)
                with time_limit(self.session.budget.notebook_seconds, "The test"):
                    value = run_part(part, run.names)
                if part.value is not None:
                    run.value = value
                if run.stopped is not None:
                    raise run.stopped
            except (Exception, CallStopped, TimeIsUp, RecursionError) as error:
                run.failed = True
                run.message = self._explain(error, run)
                if isinstance(error, TimeIsUp):
                    self.session.close()  # it may have been in the middle of an answer
        if not run.in_hidden:
            run.stdout = out.getvalue()
        if hidden or run.failed:
            run.names = {}
        run.seconds += time.perf_counter() - started
        self._run = None

    def _count(self, run: Run) -> None:
        """Points: all or nothing, or the number that the cell ends with (nbgrader's rule), within 0 and the maximum.

        A test that adds up comparisons of what a student returned ends with a number of the student's type.
        """
        if run.failed:
            return
        numbers, most = read_numbers(run.value), run.test.points
        if numbers is None or numbers.kind == "bool":
            run.points = most
        elif numbers.raw.size == 1 and numbers.kind != "complex" and numbers.values.item() > 0:
            run.points = float(min(numbers.values.item(), most))
        if run.points < most:
            run.message = f"{run.points:g} of {most:g} points."

    def _constants(self, test: TestCell) -> dict[str, Any]:
        """Values of the constants that solution cells define and that this test uses."""
        values = {}
        for name in self.known.constants & set(test.student_names):
            try:
                values[name] = self.session.value(name)
            except KeyError:
                raise CallStopped(self._missing(name)) from None
            except StudentLost as lost:
                raise CallStopped(f"Your notebook {lost}.") from None
        return values

    def _call(self, name: str, source: str | None, args: tuple, kwargs: dict[str, Any]) -> Any:
        """What a student's name in a test does when it is called."""
        run = self._run
        assert run is not None
        if run.stopped is not None:
            raise run.stopped
        try:
            return self._exchange(run, name, source, args, kwargs)
        except CallStopped as stopped:
            run.stopped = stopped
            raise

    def _exchange(self, run: Run, name: str, source: str | None, args: tuple, kwargs: dict[str, Any]) -> Any:
        subject = self._subject(name, source)
        run.called.add(name)
        try:
            call = Call.of(name, source, args, kwargs)
        except ChannelError as error:
            self.notes.append(f"Test cell {run.test.name} gives {subject} something that cannot be sent: {error}")
            raise CallStopped("The test itself is at fault: your instructor has been told.") from None
        try:
            reply = self.session.call(call)
            may = run.may_change
            keep = () if may is None else {argument for argument in call.owners if (name, argument) not in may}
            value = self.session.take_back(call, reply, keep)
            run.mutations |= {(name, argument) for argument in call.changed_arguments(reply.get("changed", {}))}
        except StudentLost as lost:
            raise CallStopped(f"{'Your notebook' if self.session.hopeless else subject} {lost}.") from None
        if reply.get("missing") is True:
            raise CallStopped(self._missing(name))
        if reply.get("timeout") is True:
            seconds = self.session.budget.call_seconds
            raise CallStopped(f"{subject} ran longer than the {seconds:g} seconds that a call may take.")
        if "refused" in reply:
            found = str(reply["refused"])[:100] if type(reply["refused"]) is str else "something else"
            raise CallStopped(
                f"{subject} returned a value with a `{found}` in it; expected {PLAIN}.",
                f"{subject} returned something else than {PLAIN}.",
            )
        if "error" in reply:
            raise remote_exception(subject, reply["error"])
        run.last = (subject, type(value).__name__)
        return value

    def _subject(self, name: str, source: str | None) -> str:
        """How a message calls what ran: the function, or for a probe the student's names that it uses."""
        if source is None:
            return f"`{name}`"
        used = _mentioned(source[source.rindex(f"def {name}(") :], self.student_names)
        return " and ".join(f"`{n}`" for n in used) if 0 < len(used) <= 2 else "Your code"

    def _source_of(self, name: str) -> str:
        """The text that `check_not_used` reads; what no cell defines cannot be shown to do without anything."""
        if label := self.submitted.unread:
            raise CallStopped(f"{label} is too long or too nested to be read: split it, or take out its magics.")
        if name not in self.submitted.definitions:
            raise CallStopped(self._missing(name))
        # The other functions that a test reads answer for themselves; what none reads could do the work for this one.
        if lost := self.submitted.lost_from_sight(name, self.known.read):
            if lost in self.student_names:
                raise CallStopped(self._missing(lost))
            raise CallStopped(
                f"`{name}` uses `{lost}`. This test reads your code, and what `{lost}` is stands in no cell: "
                "write it out in plain code, or use torch, NumPy and plain Python."
            )
        return self.submitted.source_of(name, self.known.read)

    def _missing(self, name: str) -> str:
        """Why a name is not there, in words."""
        definitions = self.submitted.definitions.get(name)
        cell = definitions[-1].cell if definitions else self.submitted.broken_definition(name)
        outcome = self.session.outcomes.get(cell) if cell is not None else None
        problem = next((o for o in outcome.outputs if o.output_type == "error"), None) if outcome else None
        if problem is not None:
            why = re.sub(r"\(<[^>]*>, line (\d+)\)$", r"(line \1)", problem.evalue)
            return f"`{name}` is not defined: its cell stopped with {problem.ename}: {why}"[:MAX_MESSAGE]
        if definitions is None:
            return f"`{name}` is not defined: no cell of your notebook defines it."
        return f"`{name}` is not defined: its cell did not run to its end."

    def _explain(self, error: BaseException, run: Run) -> str:
        """The sentence that the student reads; of a hidden test it says nothing that the test could not have said."""
        message = self._words(error, run)[: 2 * MAX_MESSAGE]
        return "".join(c for c in message if c.isprintable() or c in "\n\t")[:MAX_MESSAGE]

    def _words(self, error: BaseException, run: Run) -> str:
        hidden = run.in_hidden
        remote = getattr(error, "descent_remote", None)
        if isinstance(error, CallStopped):
            return error.hidden_text if hidden else error.text
        if isinstance(error, TimeIsUp):
            return "The test took too long with what your code returned."
        if isinstance(remote, RemoteError):
            return self._remote_words(remote, run)
        if isinstance(error, CheckFailed):
            run.guess = error.cause
            if not hidden:
                return str(error)
            return "\n".join(part for part in (f"Hidden test: {error.what}", error.cause) if part)
        if hidden:
            return f"A hidden test failed. {self._last_words(run)}".strip()
        line = next((run.test.line(n) for n in _lines(error, run.test.filename)), "")
        where = f"\n  in the test's line: {line}" if line else ""
        if isinstance(error, AssertionError):
            return f"A check failed. {error}".strip() + where
        if isinstance(error, NameError):
            self.notes.append(f"Test cell {run.test.name} uses a name that nothing defines: {error.name}.")
        return f"The test stopped with {type(error).__name__}: {error}. {self._last_words(run)}".strip() + where

    def _last_words(self, run: Run) -> str:
        if run.last is None:
            return ""
        subject, kind = run.last
        if kind == "NoneType":
            return f"{subject} returned None: is a `return` missing?"
        return f"{subject} returned a value of type {kind} that the test could not use."

    def _remote_words(self, remote: RemoteError, run: Run) -> str:
        stub = remote.text.removesuffix(f" {NOT_WRITTEN}")
        if run.in_hidden and remote.subject != f"`{stub}`":
            run.crashed = remote.subject
        if remote.builtin == "NotImplementedError" and stub in self.known.stubs:
            run.written = False
            return f"`{stub}` {NOT_WRITTEN}."
        absent = next((n for n in self.student_names if remote.text == f"name '{n}' is not defined"), None)
        if remote.builtin == "NameError" and absent is not None:
            return self._missing(absent)
        code = self.submitted.line(remote.cell, remote.line) if remote.cell is not None and remote.line else ""
        where = f"\n  in line {remote.line} of its cell: {code}" if code else ""
        own = remote.name != remote.builtin
        if run.in_hidden:
            kind = "exception" if own else remote.builtin
            kind = f"an {kind}" if kind[0] in "AEIOUe" else f"a {kind}"
            return f"Hidden test: {remote.subject} stopped with {kind}.{where}"
        return f"{remote.subject} stopped with {remote.name}: {remote.text}{where}"


def _read_by(test: str) -> list[str]:
    """Names of the functions whose code a test reads."""
    calls = (node for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call) and node.args)
    readers = (c.args[0] for c in calls if isinstance(c.func, ast.Name) and c.func.id == "check_not_used")
    return [function.id for function in readers if isinstance(function, ast.Name)]


@lru_cache
def _mentioned(source: str, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if re.search(rf"\b{name}\b", source)]


def _lines(error: BaseException, filename: str) -> list[int]:
    """Lines of a file that an exception came through, the innermost first."""
    lines: list[int] = []
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == filename:
            lines.insert(0, traceback.tb_lineno)
        traceback = traceback.tb_next
    return lines

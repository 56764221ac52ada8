"""Recognises misconceptions: which of the known wrong implementations answers as the student's code does.

The calls that a task's tests make are recorded once, with the reference solution, on a seed of their own. Reference and
misconceptions answer them, in a process like the student's and under the same limits, and their answers are kept
(`autograder.disk_cache`). After a failed test the student's process answers them too, and the answers are compared.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any

import numpy as np
import torch

from autograder import channel
from autograder.assignment import Assignment, Task
from autograder.calls import Call
from autograder.channel import NODES, Allowance, ChannelError, Objects
from autograder.disk_cache import cached, versions
from autograder.remote import LocalCalls, RandomState, derive, make_namespace, quiet, run_part, seed_case
from autograder.session import Session, StudentLost
from autograder.submitted import Submitted
from autograder.testcell import TestCell
from autograder.variants import Misconception

Replies = list[dict[str, Any]]
Outcomes = dict[int, "Outcome"]  # by the number of the call in its task

SEED = 20_011
SECONDS = 1.0
MAX_FAILURES = 2
WAITED = "waited"
TOO_MUCH = (WAITED, "timeout", "lost")
SOLUTION = 0
STRICT, LOOSE = 1e-7, 1e-4
MAX_CALLS = 200
MAX_NODES = 4 * NODES  # of all answers to a task's calls: they are kept until they have been compared


@dataclass(frozen=True)
class Recorded:
    """A call that a test made of the reference solution, with the seed that replaying it starts from.

    `draws`: it is given a generator, so that right answers may differ.
    """

    test: str
    name: str
    source: str | None
    arguments: bytes = field(repr=False)
    keywords: list[str]
    seed: int
    draws: bool = False

    @cached_property
    def objects(self) -> Objects:
        """The mutable values in the arguments, which an answer may name; only to be read."""
        objects = Objects()
        channel.loads(self.arguments, objects, grow=True)
        return objects

    def seeded(self) -> tuple[Call, int]:
        return Call(self.name, self.source, self.arguments, self.keywords, Objects()), self.seed


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a call: `kind` is "value" or the way in which there was none. `same` compares two of them."""

    kind: str
    value: Any = None
    changed: dict[int, Any] = field(default_factory=dict)


@dataclass
class Answers:
    """A student's outcomes of the calls that were replayed; others, of tests that passed, count as the reference's."""

    replayed: Outcomes
    reference: Outcomes
    _compared: dict[tuple[int, Outcome, float], bool] = field(default_factory=dict)

    def agree(self, number: int, known: Outcome, rtol: float) -> bool:
        """Whether the student answers this call as is known; what was waited for in vain contradicts nothing."""
        question = number, known, rtol
        if question not in self._compared:
            found = self.replayed.get(number) or self.reference[number]
            self._compared[question] = known.kind == WAITED or same(found, known, rtol)
        return self._compared[question]


class Diagnosis:
    """The misconceptions of one assignment; what it computes, it computes once.

    `open_session` gives a session without cells, in which the known solutions run.
    """

    def __init__(
        self,
        assignment: Assignment,
        tests: Sequence[TestCell],
        setup: CodeType,
        misconceptions: Sequence[Misconception],
        open_session: Callable[[], Session],
    ) -> None:
        self.assignment, self.tests, self.setup, self.misconceptions = assignment, tests, setup, misconceptions
        self._open_session = open_session
        self._solution = Submitted.of_reference(assignment)
        self._session: Session | None = None
        self._recorded: dict[str, list[Recorded]] = {}
        self._digests: dict[str, str] = {}
        self._mutates: dict[str, set[tuple[str, int | str]]] = {}
        self._values: dict[tuple[str, int, bytes | None], Outcome] = {}  # by task, number of the call, and bytes
        self._reference: dict[str, Outcomes] = {}
        self._answers: dict[str, list[tuple[Misconception, Outcomes]]] = {}

    def mutates(self, test: TestCell) -> set[tuple[str, int | str]]:
        """The arguments that the reference solution changes in a test, as (function, argument)."""
        self._record(test.task)
        return self._mutates[test.name]

    def calls(self, task: Task) -> list[Recorded]:
        """The calls that the tests of a task make."""
        self._record(task)
        return self._recorded[task.name]

    def find(self, failed: Sequence[tuple[Task, set[str]]], student: Session) -> dict[str, str]:
        """The name of the misconception behind each failed test, where one is recognised.

        `failed` has the tasks in their order, each with its failed tests. The student's process is ended.

        A test that fails as it must when an earlier task is done with the misconception recognised there gets no name.
        """
        known = [(task, tests) for task, tests in failed if self._misconceptions_of(task)]
        answers = [
            _replies(
                [call for call in self.calls(task) if call.test in tests],
                lambda calls: student.replay([call.seeded() for call in calls], SECONDS),
            )
            for task, tests in known
        ]
        student.close()  # the known solutions never run beside a student's code
        named: dict[str, str] = {}
        earlier: list[Misconception] = []
        try:
            for (task, tests), replies in zip(known, answers, strict=True):
                matches = self._find_in(task, tests, earlier, replies)
                named |= {test: match.name for test, match in matches.items()}
                earlier += [m for m in self.misconceptions if m in matches.values()]
        finally:
            if self._session is not None:
                self._session.close()
                self._session = None
        return named

    def _find_in(
        self, task: Task, tests: set[str], earlier: Sequence[Misconception], replies: Replies
    ) -> dict[str, Misconception]:
        self._misconception_outcomes(task)  # known first: what a student answers alike need not be read
        asked = [number for number, call in enumerate(self.calls(task)) if call.test in tests]
        found = self._outcomes(task, asked, replies)
        answers = Answers(found, self._reference_outcomes(task))
        together = _together(earlier, self.assignment)
        cause = self._known_outcomes(task, together) if earlier else {}
        matches = {}
        for test in sorted(tests):
            here = [i for i in found if self.calls(task)[i].test == test]
            follows = bool(earlier) and all(i in cause and same(found[i], cause[i], LOOSE) for i in here)
            if not follows and (match := self._match(task, here, answers)) is not None:
                matches[test] = match
        return matches

    def _misconceptions_of(self, task: Task) -> list[Misconception]:
        return [m for m in self.misconceptions if m.function.split(".")[0] in task.functions]

    def _match(self, task: Task, here: list[int], answers: Answers) -> Misconception | None:
        """The misconception that explains the answers to the calls `here` best.

        First those that give every answer as the student does and somewhere another than the reference; then those that
        explain every answer in which the student differs from the reference; then those that explain all but what was
        drawn, for who draws in another order. Among equals, the one that agrees with
        the student in most calls of the whole task; then the first. Calls that cost the reference too much, or that
        were waited for in vain, as on a machine that is short of something, tell nothing.
        """
        reference, found = self._reference_outcomes(task), answers.replayed
        here = [i for i in here if i in reference and reference[i].kind not in TOO_MUCH and found[i].kind != WAITED]
        certain = [i for i in here if not self.calls(task)[i].draws]
        for rtol, asked in ((STRICT, here), (LOOSE, here), (LOOSE, certain)):
            wrong = [i for i in asked if not answers.agree(i, reference[i], rtol)]
            if not wrong:
                continue
            ranked = []
            for position, (misconception, outcomes) in enumerate(self._misconception_outcomes(task)):

                def explained(i: int, known: Outcomes = outcomes, rtol: float = rtol) -> bool:
                    return i in known and answers.agree(i, known[i], rtol)

                if all(map(explained, wrong)):
                    rank = (all(map(explained, asked)), sum(map(explained, reference)), -position)
                    ranked.append((rank, misconception))
            if ranked:
                return max(ranked, key=lambda entry: entry[0])[1]
        return None

    def _record(self, task: Task) -> None:
        if task.name in self._recorded:
            return
        state = RandomState()
        recorded: list[Recorded] = []
        for test in self.tests:
            if test.task.name == task.name:
                recorded += self._record_test(test)
        self._recorded[task.name] = recorded
        self._digests[task.name] = hashlib.sha256(channel.dumps([list(astuple(call)) for call in recorded])).hexdigest()
        state.restore()

    def _record_test(self, test: TestCell) -> list[Recorded]:
        """Run a test with the reference solution and write down what it calls."""
        names = self.assignment.load_reference().__dict__
        calls: list[Recorded] = []
        mutates = self._mutates[test.name] = set()

        def write_down(call: Call, reply: dict[str, Any]) -> None:
            mutates.update((call.name, argument) for argument in call.changed_arguments(reply["changed"]))
            if len(calls) < MAX_CALLS:
                seed = derive(SEED, f"{test.name}/{len(calls)}")
                draws = any(isinstance(item, torch.Generator) for item in call.objects.items)
                calls.append(Recorded(test.name, call.name, call.source, call.arguments, call.keywords, seed, draws))

        local = LocalCalls(names, SECONDS, write_down)
        bindings = local.bindings(self.assignment.student_names, self._solution)
        with quiet(), contextlib.suppress(Exception):  # the release gate reports tests that the reference fails
            seed_case(derive(SEED, test.name))
            space = make_namespace(self.setup, test, bindings, local)
            run_part(test.visible, space)
            run_part(test.hidden, space)
        return calls

    def _reference_outcomes(self, task: Task) -> Outcomes:
        if task.name not in self._reference:
            self._reference[task.name] = self._known_outcomes(task, {}, keep=True)
        return self._reference[task.name]

    def _misconception_outcomes(self, task: Task) -> list[tuple[Misconception, Outcomes]]:
        if task.name not in self._answers:
            answers = []
            for misconception in self._misconceptions_of(task):
                # One that cannot be built is the release gate's business: it must not stop the grading.
                with contextlib.suppress(Exception):
                    outcomes = self._known_outcomes(task, misconception.solutions(self.assignment), keep=True)
                    answers.append((misconception, outcomes))
            self._answers[task.name] = answers
        return self._answers[task.name]

    def _known_outcomes(self, task: Task, solutions: dict[str, str], *, keep: bool = False) -> Outcomes:
        return self._outcomes(task, range(len(self.calls(task))), self._replay(task, solutions), keep=keep)

    def _replay(self, task: Task, solutions: dict[str, str]) -> Replies:
        """The answers of a known solution: the reference with some of its cells changed."""
        source, calls = self.assignment.module_source(solutions), self.calls(task)

        def worth_keeping(replies: Replies) -> bool:
            doubtful = any(WAITED in reply for reply in replies)
            return not doubtful and (bool(solutions) or not any(map(_too_much, replies)))

        with_what = versions(("torch", "numpy"), ("calls.py", "student.py"))
        question = f"{with_what}\n{source}\n{SECONDS}\n{self._digests[task.name]}"
        return cached("answers", question, lambda: self._ask(source, calls), worth_keeping)

    def _outcomes(self, task: Task, numbers: Sequence[int], replies: Replies, *, keep: bool = False) -> Outcomes:
        """What the replies to the first of these calls tell; values that are equal to the byte share what is kept."""
        allowance, outcomes = Allowance(MAX_NODES), {}
        for number, reply in zip(numbers, replies, strict=False):
            value = reply.get("value")
            shared = value if type(value) is bytes and not reply.get("changed") else None
            key = (task.name, number, shared)
            outcome = self._values.get(key) or outcome_of(self.calls(task)[number], reply, allowance)
            if keep and shared is not None:
                self._values[key] = outcome
            outcomes[number] = outcome
        return outcomes

    def _ask(self, source: str, calls: Sequence[Recorded]) -> Replies:
        if self._session is None or self._session.hopeless:
            self._session = self._open_session()
        session = self._session
        loaded_in = None

        def ask(calls: Sequence[Recorded]) -> Replies:
            nonlocal loaded_in
            session.ensure()
            if loaded_in != session.processes:
                session.load(SOLUTION, source)
                loaded_in = session.processes
            return session.replay([call.seeded() for call in calls], SECONDS, solution=SOLUTION)

        return _replies(calls, ask)


def _replies(calls: Sequence[Recorded], ask: Callable[[Sequence[Recorded]], Replies]) -> Replies:
    """The replies to calls, in order, until too many have cost too much.

    `ask` replays as many of the calls that it is given as it can; when the process is lost over them, they are asked
    one by one.
    """
    replies: Replies = []
    failures, at_once = 0, len(calls)
    while len(replies) < len(calls) and failures < MAX_FAILURES:
        try:
            answered = ask(calls[len(replies) : len(replies) + at_once])
        except StudentLost:
            if at_once > 1:
                at_once = 1
                continue
            answered = [{"lost": True}]
        replies += answered
        failures += sum(map(_too_much, answered))
    return replies


def _too_much(reply: dict[str, Any]) -> bool:
    return not reply.keys().isdisjoint(TOO_MUCH)


def _together(misconceptions: Sequence[Misconception], assignment: Assignment) -> dict[str, str]:
    """The solution cells of someone who has several misconceptions; of two in one cell, the later."""
    changed: dict[str, str] = {}
    for misconception in misconceptions:
        changed |= misconception.solutions(assignment)
    return changed


def outcome_of(call: Recorded, reply: dict[str, Any], allowance: Allowance | None = None) -> Outcome:
    """The outcome that a reply tells; raises ChannelError never: what does not decode is an outcome too."""
    allowance = allowance or Allowance()
    try:
        changed = {
            number: channel.loads(contents, call.objects, allowance=allowance)
            for number, contents in reply.get("changed", {}).items()
        }
        if "error" in reply:
            return Outcome(f"error {reply['error']['builtin']}", changed=changed)
        if "value" in reply:
            return Outcome("value", channel.loads(reply["value"], call.objects, allowance=allowance), changed)
    except (ChannelError, AttributeError, KeyError, TypeError):
        return Outcome("unreadable")
    return Outcome(next((kind for kind in (*TOO_MUCH, "refused") if kind in reply), "missing"))


def same(one: Any, other: Any, rtol: float) -> bool:
    """Whether two outcomes, or two values in them, are the same but for rounding."""
    if one is other:
        return True
    if isinstance(one, Outcome) and isinstance(other, Outcome):
        return one.kind == other.kind and same(one.value, other.value, rtol) and same(one.changed, other.changed, rtol)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b, rtol) for a, b in zip(one, other, strict=True))
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key], rtol) for key in one)
    if type(one) is float and type(other) is float:
        return math.isclose(one, other, rel_tol=rtol) or (one != one and other != other)
    a, b = _numbers(one), _numbers(other)
    if a is not None and b is not None:
        return _same_numbers(a, b, rtol)
    if isinstance(one, torch.Generator) and isinstance(other, torch.Generator):
        return channel.generator_state(one) == channel.generator_state(other)
    return type(one) is type(other) and bool(one == other)


def _numbers(value: Any) -> torch.Tensor | None:
    """Anything numeric as a tensor, since students return 0-d tensors, floats and arrays alike."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, np.ndarray | np.generic):
        return torch.from_numpy(np.array(value)) if value.dtype.name in channel.TORCH_DTYPES else None
    if type(value) is int and abs(value) >= 1 << 63:
        return None
    return torch.tensor(value, dtype=torch.float64 if type(value) is float else None) if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return type(value) in (bool, int, float, complex)


def _same_numbers(a: torch.Tensor, b: torch.Tensor, rtol: float) -> bool:
    if a.shape != b.shape or (a.dim() > 0 and a.dtype != b.dtype):
        return False
    precise = {torch.float64, torch.complex128}
    if not {a.dtype, b.dtype} <= precise and (a.is_floating_point() or b.is_floating_point()):
        rtol = max(rtol, LOOSE)
    kind = torch.complex128 if a.is_complex() or b.is_complex() else torch.float64
    a, b = a.to(kind), b.to(kind)
    scale = float(b[torch.isfinite(b)].abs().max()) if b.numel() and bool(torch.isfinite(b).any()) else 0.0
    return torch.allclose(a, b, rtol=rtol, atol=0.1 * rtol * scale, equal_nan=True)

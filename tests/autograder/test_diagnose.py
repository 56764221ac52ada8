"""Recognising misconceptions: what counts as the same answer, and which misconception explains a failure."""

import math

import numpy as np
import pytest
import torch

from autograder.calls import Call, perform
from autograder.diagnose import LOOSE, STRICT, Answers, Diagnosis, Outcome, Recorded, _replies, outcome_of, same
from autograder.engine import Engine
from autograder.session import StudentLost
from autograder.variants import Misconception, load_misconceptions
from tests.autograder.tiny import submit, tiny


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 1.0 + 1e-9),
        (math.nan, math.nan),
        (math.inf, math.inf),
        (torch.tensor(2.0), 2.0),
        (torch.tensor(2.0), np.float32(2)),
        (torch.tensor([1.0, 0.0]), torch.tensor([1.0 + 1e-5, 1e-6])),
        ([1, (2.0,)], (1, [2.0])),
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}),
        (torch.float32, torch.float32),
        (1 << 80, 1 << 80),
        ("a", "a"),
        (None, None),
    ],
)
def test_equal_but_for_rounding_and_style(one, other):
    assert same(one, other, STRICT)
    assert same(other, one, STRICT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 1.0 + 1e-3),
        (1.0, math.nan),
        (math.inf, -math.inf),
        (torch.ones(2), torch.ones(2, 1)),
        (torch.ones(2), torch.ones(2).double()),
        ([1], [1, 2]),
        ({"a": 1}, {"b": 1}),
        (None, 0),
        ("a", "b"),
        (torch.float32, torch.float64),
        (Outcome("value", 1), Outcome("timeout")),
        (Outcome("value", 1), Outcome("value", 1, {0: [2]})),
    ],
)
def test_different(one, other):
    assert not same(one, other, LOOSE)
    assert not same(other, one, LOOSE)


@pytest.mark.parametrize(
    "reply",
    [
        {"value": b"\xc1"},
        {"value": 3},
        {"error": 3},
        {"error": {}},
        {"changed": [1], "value": b"\xc0"},
        {"changed": {0: 1}},
    ],
)
def test_a_reply_that_makes_no_sense_is_an_outcome_too(reply):
    call = Call.of("f", None, ([1],), {})
    recorded = Recorded("t", "f", None, call.arguments, call.keywords, 0)
    assert outcome_of(recorded, reply).kind == "unreadable"


@pytest.fixture(scope="module")
def engine():
    with Engine(unsafe=True) as engine:
        yield engine


@pytest.fixture
def named(engine, tmp_path):
    """The misconceptions found in a submission, given a list of known ones."""

    def named_(known: list[Misconception], **solutions: str) -> dict[str, str | None]:
        assignment = tiny(tmp_path)
        lines = [
            f"Misconception(name={m.name!r}, function={m.function!r}, code={m.code!r}, message='')," for m in known
        ]
        text = "\n".join(["from autograder.variants import Misconception", "MISCONCEPTIONS = [", *lines, "]"])
        (tmp_path / "misconceptions.py").write_text(text)
        result = engine.grade(submit(assignment, **solutions), assignment)
        return {t.grade_id: t.misconception for t in result.tests if not t.passed}

    return named_


def known(name: str, code: str, function: str = "double") -> Misconception:
    return Misconception(name=name, function=function, code=code, message="")


SQUARE = known("square", "def double(x):\n    return x * x")
SQUARE_OF_NUMBERS = known("square-of-numbers", "def double(x):\n    return x * x if isinstance(x, float) else 2 * x")
CUBE_OF_MATRICES = known(
    "cube-of-matrices", "def double(x):\n    return x ** 3 if getattr(x, 'ndim', 0) > 1 else x * x"
)


def test_the_misconception_that_agrees_everywhere_wins(named):
    everything = [SQUARE_OF_NUMBERS, CUBE_OF_MATRICES, SQUARE]
    for order in (everything, everything[::-1]):
        found = named(order, double="def double(x): return x ** 2")
        assert found["double-test"] == "square"


def test_one_that_explains_all_wrong_answers_is_taken(named):
    also_wrong_elsewhere = known("no-vectors", "def double(x):\n    return x * x if isinstance(x, float) else 2 * x")
    found = named([also_wrong_elsewhere], double="def double(x): return x * x if isinstance(x, float) else x + x")
    assert found["double-test"] == "no-vectors"


def test_what_one_leaves_behind_does_not_change_the_answers_of_the_next(named):
    leaves = "torch.set_grad_enabled(False); torch.set_default_dtype(torch.float64)"
    first = known("leaves", f"def double(x):\n    {leaves}\n    return 0 * x")
    second = known("square", "def double(x):\n    return x * x * torch.ones(()) if torch.is_grad_enabled() else x")
    found = named([first, second], double="def double(x): return x * x * torch.ones(())")
    assert found["double-test"] == "square"


def test_what_passed_counts_as_answered_like_the_reference():
    right, wrong = Outcome("value", 1), Outcome("value", 2)
    answers = Answers({1: wrong}, {0: right, 1: right})
    assert [answers.agree(number, right, STRICT) for number in (0, 1)] == [True, False]


def test_one_that_leaves_a_wrong_answer_unexplained_is_not_taken(named):
    assert named([SQUARE_OF_NUMBERS], double="def double(x): return x * x")["double-test"] is None


def answers(*outcomes: Outcome) -> Answers:
    return Answers(dict(enumerate(outcomes)), {})


@pytest.fixture
def matching(monkeypatch):
    """A diagnosis of one misconception, with the answers of the reference and of the misconception."""

    def make(reference, misconception, draws=(False,) * 3):
        reference, misconception = dict(enumerate(reference)), dict(enumerate(misconception))
        diagnosis = object.__new__(Diagnosis)
        calls = [Recorded("t", "f", None, b"", [], 0, draws=each) for each in draws]
        monkeypatch.setattr(diagnosis, "calls", lambda task: calls)
        monkeypatch.setattr(diagnosis, "_reference_outcomes", lambda task: reference)
        monkeypatch.setattr(diagnosis, "_misconception_outcomes", lambda task: [(SQUARE, misconception)])
        return diagnosis

    return make


@pytest.mark.parametrize(("found", "match"), [((2, 6), True), ((2, 7), True), ((3, 6), False), ((1, 7), False)])
def test_who_draws_in_another_order_is_recognised_by_what_is_certain(matching, found, match):
    def outcomes(values):
        return [Outcome("value", value) for value in values]

    diagnosis = matching(outcomes((1, 5)), outcomes((2, 6)), draws=[False, True])
    assert (diagnosis._match(None, [0, 1], answers(*outcomes(found))) is SQUARE) == match


def test_errors_and_hanging_are_answers(named):
    raising = known("raising", "def double(x):\n    raise KeyError(x)")
    hanging = known("hanging", "def double(x):\n    while True: pass")
    assert named([hanging, raising], double="def double(x): return {}[0]")["double-test"] == "raising"
    assert named([raising, hanging], double="def double(x):\n    while x is x: pass")["double-test"] == "hanging"


def test_a_failure_that_follows_from_an_earlier_task_gets_no_name_of_its_own(named):
    same_from_outside = known("ninefold", "def quadruple(x):\n    return 9 * x", "quadruple")
    thrice = known("thrice", "def double(x):\n    return 3 * x")
    found = named([thrice, same_from_outside], double="def double(x): return 3.0 * x")
    assert found == {"double-test": "thrice", "quadruple-test": None}
    assert named([thrice, same_from_outside], quadruple="def quadruple(x): return 9.0 * x") == {
        "quadruple-test": "ninefold"
    }


def test_a_misconception_that_cannot_be_built_stops_nothing(engine, tmp_path):
    assignment = tiny(tmp_path)
    assert "broken" in {m.name for m in load_misconceptions(assignment)}
    result = engine.grade(submit(assignment, double="def double(x): return 3 * x"), assignment)
    assert result.tests[0].misconception == "thrice"


@pytest.mark.parametrize("cost", ["timeout", "lost"])
def test_a_call_that_costs_the_reference_too_much_tells_nothing(matching, cost):
    """As on a machine that is short of something: nobody's right answer there is a misconception."""
    right, wrong = Outcome("value", 2.0), Outcome("value", 3.0)
    diagnosis = matching([Outcome(cost), right, right], [right, right, wrong])
    assert diagnosis._match(None, [0, 1, 2], answers(right, right, right)) is None
    assert diagnosis._match(None, [0, 1, 2], answers(Outcome(cost), right, wrong)) is SQUARE
    assert diagnosis._match(None, [0, 1, 2, 3], answers(right, right, right, wrong)) is None


def test_what_was_waited_for_in_vain_neither_names_nor_hides_a_misconception(matching):
    right, wrong, waited = Outcome("value", 2.0), Outcome("value", 3.0), Outcome("waited")
    diagnosis = matching([right, right, right], [waited, right, wrong])
    assert diagnosis._match(None, [0, 1, 2], answers(right, waited, right)) is None
    assert diagnosis._match(None, [0, 1, 2], answers(wrong, waited, wrong)) is SQUARE
    assert diagnosis._match(None, [0, 1, 2], answers(right, wrong, wrong)) is None


def test_calls_that_end_the_process_cost_no_answer_to_another():
    def ask(calls):
        if "end" in calls:
            raise StudentLost
        return [{"value": call} for call in calls[:2]]

    answered = _replies(["a", "b", "c", "end", "d", "end", "e"], ask)
    assert answered == [{"value": "a"}, {"value": "b"}, {"value": "c"}, {"lost": True}, {"value": "d"}, {"lost": True}]


def test_time_on_the_clock_is_told_from_time_of_the_processor():
    def outcome(source: str) -> str:
        call = Call.of("f", source, (), {})
        recorded = Recorded("t", "f", source, call.arguments, call.keywords, 0)
        return outcome_of(recorded, perform(call.request(), {}, 0.05)).kind

    assert outcome("def f():\n    while True: pass") in ("timeout", "waited")  # a busy machine may give it no time
    assert outcome("import time\ndef f():\n    time.sleep(60)") == "waited"

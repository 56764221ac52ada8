"""What a student reads after a failed test: the function, what is wrong and where; of hidden tests nothing else."""

import json
import re
import time
from dataclasses import replace
from unittest import mock

import nbformat
import numpy as np
import pytest
import torch

from autograder.assignment import read_assignment
from autograder.build import submission_notebook
from autograder.calls import Call, perform
from autograder.channel import Allowance, loads
from autograder.engine import Engine
from autograder.judge import Judge, Known, Run
from autograder.remote import derive
from tests.autograder.tiny import submit, tiny
from utils import checks

STEP = "LEARNING_RATE = 0.5\ndef step(params, grads):\n    for p, g in zip(params, grads): p -= 0.5 * g\n"
NOISE = "def noise(shape, generator):\n    return torch.randn(shape, generator=generator)\n"


@pytest.fixture(scope="module")
def engine():
    with Engine(unsafe=True) as engine:
        yield engine


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def said(engine, assignment):
    """The message of one test of a submission, or what is left of it after the first lines."""

    def said_(test: str, *, extra=(), **solutions: str) -> str:
        result = engine.grade(submit(assignment, extra=extra, **solutions), assignment, diagnose=False)
        return next(t.message for t in result.tests if t.grade_id == test)

    return said_


def test_what_is_known_of_an_assignment(assignment):
    known = Known.of(assignment)
    assert known.constants == {"LEARNING_RATE"}
    assert known.stubs == {"double", "step", "noise", "quadruple", "Counter", "Counter.__init__", "Counter.add"}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "def double(x):\n    y = [1]\n    return y[3]",
            "`double` stopped with IndexError: list index out of range\n  in line 3 of its cell: return y[3]",
        ),
        (
            "class Own(Exception): pass\ndef double(x):\n    raise Own('why')",
            "`double` stopped with Own: why\n  in line 3 of its cell: raise Own('why')",
        ),
        ("def double(): return 1", "`double` stopped with TypeError: double() takes 0 positional arguments but 1 was given"),
        (
            "def double(x): return {1: lambda: x}",
            "`double` returned a value with a `function` in it; "
            "expected numbers, strings, tensors, arrays, or lists, tuples and dicts of these.",
        ),
        ("def double(x):\n    while True: pass", "`double` ran longer than the 1 seconds that a call may take."),
        ("import os\ndef double(x): os._exit(3)", "`double` ended the Python process."),
        ("import sys\ndef double(x): sys.exit(0)", "`double` stopped with SystemExit: 0\n  in line 2 of its cell: def double(x): sys.exit(0)"),
        ("def twice(x): return 2 * x", "`double` is not defined: no cell of your notebook defines it."),
        ("1 / 0\ndef double(x): return 2 * x", "`double` is not defined: its cell stopped with ZeroDivisionError: division by zero"),
        ("def double(x)\n    return 2 * x", "`double` is not defined: its cell stopped with SyntaxError: expected ':' (line 1)"),
        ("def double(x):\n  return 2 * x\n return x", "`double` is not defined: its cell stopped with IndentationError: unindent does not match any outer indentation level (line 3)"),
        ("def double(x): return 2 * x\ndel double", "`double` is not defined: its cell did not run to its end."),
        ("def double(x): raise NotImplementedError('double is not written yet')", "`double` is not written yet."),
        ("def double(x): return other(x)", "`double` stopped with NameError: name 'other' is not defined\n  in line 1 of its cell: def double(x): return other(x)"),
        ("def double(x): raise ValueError('\\x1b[31mred\\x00')", "`double` stopped with ValueError: [31mred\n  in line 1 of its cell: def double(x): raise ValueError('\\x1b[31mred\\x00')"),
    ],
)  # fmt: skip
def test_a_visible_failure_is_explained(said, code, message):
    assert said("double-test", double=code) == message


HIDDEN = "def double(x):\n    if getattr(x, 'dim', int)() < 2: return 2 * x\n    "


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("return x", "Hidden test: twice a matrix\nThe result is exactly half of what is expected: is there a factor ½ too many?"),
        ("raise KeyError(x)", "Hidden test: `double` stopped with a KeyError.\n  in line 3 of its cell: raise KeyError(x)"),
        ("[][1]", "Hidden test: `double` stopped with an IndexError.\n  in line 3 of its cell: [][1]"),
        ("return type('x is %s' % x, (), {})()", "`double` returned something else than numbers, strings, tensors, arrays, or lists, tuples and dicts of these."),
        ("while True: pass", "`double` ran longer than the 1 seconds that a call may take."),
        ("raise NotImplementedError('double is not written yet')", "`double` is not written yet."),
        ("raise NotImplementedError(f'x{x} is not written yet')", "Hidden test: `double` stopped with a NotImplementedError.\n  in line 3 of its cell: raise NotImplementedError(f'x{x} is not written yet')"),
        ("raise NameError(\"name 'Counter' is not defined\")", "`Counter` is not defined: its cell did not run to its end."),
    ],
)  # fmt: skip
def test_a_hidden_failure_tells_no_value(said, code, message):
    assert said("double-test", double=HIDDEN + code) == message


def test_an_answer_that_a_hidden_test_cannot_use(said):
    code = STEP + "def noise(shape, generator): return None"
    assert said("noise-test", step=code) == "A hidden test failed. `noise` returned None: is a `return` missing?"
    code = STEP + "def noise(shape, generator): return 'text'"
    assert said("noise-test", step=code) == (
        "A hidden test failed. `noise` returned a value of type str that the test could not use."
    )


def test_partial_credit_has_a_message(said):
    counter = "class Counter:\n    n = 0\n    def add(self, k):\n        Counter.n += k\n        return Counter.n"
    message = said("counter-test", counter=counter.replace("n = 0\n", "n = 0\n    def __init__(self): Counter.n = 0\n"))
    assert message == "3 of 4 points."


@pytest.mark.parametrize(
    ("value", "points"),
    [
        (2, 2.0),
        (torch.tensor(2), 2.0),
        (np.float64(2.5), 2.5),
        (np.array([3]), 3.0),
        (torch.tensor([2, 2]), 0.0),
        (2 + 1j, 0.0),
        (float("nan"), 0.0),
        (10**400, 4.0),
        (-1, 0.0),
        (None, 4.0),
    ],
)
def test_a_number_of_points_counts_whatever_its_type(value, points):
    run = Run(mock.Mock(points=4.0), value=value)
    Judge._count(mock.Mock(), run)
    assert run.points == points


def test_a_constant_comes_from_the_student(said):
    code = "def step(params, grads):\n    for p, g in zip(params, grads): p -= 0.5 * g\n" + NOISE
    assert said("step-test", step=code) == "`LEARNING_RATE` is not defined: no cell of your notebook defines it."
    assert "the parameter after a step" in said("step-test", step=STEP.replace("RATE = 0.5", "RATE = 0.1") + NOISE)


def test_an_input_that_becomes_the_answer_does_not_pass(said):
    code = (
        "def double(x):\n    if getattr(x, 'dim', int)() < 2: return 2 * x\n    x.zero_()\n    return torch.zeros(3, 2)"
    )
    message = said("double-test", double=code)
    assert message.startswith("Hidden test: twice a matrix\n")
    assert message.endswith("`double` changes its arguments: work on a copy (`clone()`).")


PRODUCT = """\
# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import torch

from utils.checks import *

# %% [markdown] task={"name": "product", "minutes": 5, "difficulty": 1}
# ## Task 1. A product

# %% nbgrader={"grade": false, "grade_id": "product", "locked": false, "schema_version": 3, "solution": true}
def product(a, b):
    ### BEGIN SOLUTION
    return a * b
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "product-test", "locked": true, "points": 2, "schema_version": 3, "solution": false}
passed_visible("product")
### BEGIN HIDDEN TESTS
a, b = torch.randn(2, 3, generator=case_generator())
check_close(product(a, b), a * b, "a product")
numbers = torch.randint(10, 99, (3,), generator=case_generator()).tolist()
check_close(list(map(product, numbers, numbers)) + [0], [n * n for n in numbers] + [0], "squares")
for n, square in zip(numbers, map(product, numbers, numbers)):
    check_equal(square, n * n, "a square")
### END HIDDEN TESTS
"""


@pytest.fixture
def product(engine, tmp_path):
    """The message of the test of `product`."""
    (tmp_path / "product.py").write_text(PRODUCT, encoding="utf-8")
    assignment = read_assignment(tmp_path / "product.py")

    def product_(code: str) -> str:
        data = nbformat.writes(submission_notebook(assignment, {"product": code})).encode()
        return engine.grade(data, assignment, seed=1).tests[0].message

    return product_


def test_changing_another_argument_the_second_time_does_not_pass(product):
    code = (
        "seen = []\ndef product(a, b):\n    if isinstance(a, int): return a * b\n"
        "    seen.append(a)\n    (a, b)[len(seen) - 1].zero_()\n    return torch.zeros(3)"
    )
    assert product(code).endswith("`product` changes its arguments: work on a copy (`clone()`).")


def test_the_end_of_an_iteration_is_an_error_of_the_function(product):
    code = "def product(a, b):\n    if isinstance(a, int): raise StopIteration\n    return a * b"
    assert product(code).startswith("Hidden test: `product` stopped with")
    assert product("def product(a, b): return a * b") == ""


def test_no_seed_that_code_can_see_before_hidden_tests_draws_their_inputs(engine, assignment):
    code = "def double(x): raise ValueError(torch.initial_seed())"
    with mock.patch.object(checks, "set_case_seed", wraps=checks.set_case_seed) as draw:
        data = submit(assignment, double=code, extra=("print(torch.initial_seed())",))
        failed = engine.grade(data, assignment, seed=1, diagnose=False)
        engine.grade(submit(assignment, double="def double(x): return 2 * x"), assignment, seed=1)
    drawn = [call.args[0] for call in draw.call_args_list]
    everything = json.dumps(failed.as_dict()) + nbformat.writes(failed.notebook)
    shown = {int(number) for number in re.findall(r"\d{9,}", everything)}
    assert derive(1, "double-test/hidden") in drawn
    assert derive(1, "double-test/visible") in shown
    hidden = {derive(1, f"{test.grade_id}/hidden") for test in failed.tests}
    assert not shown & (hidden | {1})


def test_an_argument_that_is_kept_changes_in_the_answer_only():
    x, y = torch.ones(2), [torch.ones(2)]
    call = Call.of("f", "def f(x, y):\n    x.fill_(7)\n    y[0].fill_(8)\n    return x, y", (x,), {"y": y})
    reply = perform(call.request(), {}, 1.0)
    assert call.changed_arguments(reply["changed"]) == {0, "y"}
    table = call.take_back(reply["changed"], Allowance(), keep={0})
    value = loads(reply["value"], table)
    assert (x.tolist(), y[0].tolist()) == ([1, 1], [8, 8])
    assert value[0].tolist() == [7, 7]
    assert value[1] is y


def test_an_argument_may_change_if_the_answer_is_right_all_the_same(said):
    code = "def double(x):\n    y = 2 * x\n    if hasattr(x, 'add_'): x.add_(0).mul_(1)\n    return y"
    assert said("double-test", double=code) == ""


def test_a_task_that_rests_on_another_says_so(said):
    message = said("quadruple-test", double="def double(x): return 3 * x")
    assert message.endswith("\nMend `double` (Task 1) first: this task uses it.")
    assert "Mend" not in said("quadruple-test", quadruple="def quadruple(x): return 3 * x")
    own = said("quadruple-test", double="def double(x): return 3 * x", quadruple="def quadruple(x): return 5 * x")
    assert "Mend" not in own


def test_the_forbidden_is_found_in_helpers_too(said):
    code = "import torch as t\ndef helper(x): return t.mul(t.as_tensor(x), 4)\ndef quadruple(x): return helper(x)"
    assert "Your code uses `torch.mul`" in said("quadruple-test", quadruple=code)
    elsewhere = said("quadruple-test", double="def double(x): return torch.mul(torch.as_tensor(x), 2)")
    assert "Your code uses `torch.mul`" in elsewhere  # no test reads `double`, which could do the work for others


def test_a_lost_process_costs_one_test_only(engine, assignment):
    result = engine.grade(
        submit(
            assignment,
            double="import os\ndef double(x):\n    if isinstance(x, float) and x == 3.0: os._exit(0)\n    return 2 * x",
        ),
        assignment,
    )
    failed = {test.grade_id for test in result.tests if not test.passed}
    assert failed == {"double-test"}


def test_cells_of_the_student_that_end_the_process_are_noted(engine, assignment):
    result = engine.grade(submit(assignment, extra=("import os; os._exit(1)", "x = 1")), assignment)
    assert result.score == 12
    assert result.notes == ["Cell 2 ended the Python process: it counts as not run."]


def test_the_line_of_an_error_is_the_one_that_stopped(said):
    code = "  \n\ndef double(x):\n    y = x\n    return [][1]\n"
    assert said("double-test", double=code).endswith("in line 3 of its cell: return [][1]")


def test_a_cell_that_ends_only_a_later_process_is_not_named(engine, assignment):
    """Which of many cells it is could tell the hidden input that the process before it was asked for."""
    late = time.time() + 3
    double = f"import os, time\n{HIDDEN}while time.time() < {late}: time.sleep(0.01)\n    os._exit(0)"
    extra = f"import os, time\nif time.time() >= {late}: os._exit(1)"
    assignment = replace(assignment, budget=replace(assignment.budget, call_seconds=3))
    result = engine.grade(submit(assignment, extra=(extra,), double=double), assignment, diagnose=False)
    assert result.notes == ["A cell that had run before ended the Python process: it counts as not run."]


def test_the_clock_does_not_tell_a_second_process_what_the_first_was_asked(said):
    """It starts at a moment that the first could not choose."""
    with mock.patch("autograder.judge.random.SystemRandom.uniform", side_effect=lambda low, high: high) as drawn:
        assert said("double-test", double=f"import time\n{HIDDEN}time.sleep(0.3)\n    [][1]").startswith("Hidden test")
        assert said("double-test", double=f"{HIDDEN}return x").startswith("Hidden test")
    (low, high), *more = [call.args for call in drawn.call_args_list]
    assert (low, more) == (0, [])
    assert 0.3 <= high < 10


@pytest.fixture(scope="module")
def asking(tmp_path_factory):
    """An assignment with a probe whose right answer everybody knows, and which the hidden part asks in the judge."""
    folder = tmp_path_factory.mktemp("asking")
    tiny(folder)
    text = (folder / "tiny.py").read_text(encoding="utf-8")
    helper = "def all_double(found, given):\n    return bool((found == given + given).all())\n\n\ndef helper(x):"
    probe = (
        "@probe\ndef doubles(n):\n    values = torch.arange(n)\n    found = double(values)\n    return all_double(found, values)\n\n\n"
        'check_true(doubles(3), "twice whole numbers")\npassed_visible("double")\n### BEGIN HIDDEN TESTS\n'
        'check_true(doubles.here(4), "twice four whole numbers")\n'
    )
    text = text.replace("def helper(x):", helper, 1)
    text = text.replace('passed_visible("double")\n### BEGIN HIDDEN TESTS\n', probe, 1)
    (folder / "asking.py").write_text(text)
    return read_assignment(folder / "asking.py")


LIES = "def all_double(found, given): return True\n"
IN_THE_FRAME = """import sys
def double(x):
    sys._getframe(1).f_globals["all_double"] = lambda found, given: True
    return x if getattr(x, "dtype", 0) == torch.int64 else x + x
"""


@pytest.mark.parametrize(
    ("double", "extra", "message"),
    [
        ("def double(x): return x + x", (), ""),
        ("def double(x): return x + x", (LIES,), ""),
        ("def double(x): return x if getattr(x, 'dtype', 0) == torch.int64 else x + x", (LIES,), "twice whole numbers"),
        (IN_THE_FRAME, (), "Hidden test: twice four whole numbers"),
    ],
)
def test_what_a_probe_uses_is_the_notebooks_own_and_the_judge_can_ask_it_itself(engine, asking, double, extra, message):
    result = engine.grade(submit(asking, extra=extra, double=double), asking, diagnose=False)
    assert next(t.message for t in result.tests if t.grade_id == "double-test") == message

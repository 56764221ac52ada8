"""What a notebook's text defines, read as IPython reads it: nothing that runs is overlooked, nothing dead counts alone."""

import pytest

from autograder.session import CodeCell
from autograder.submitted import MAX_READING, Submitted
from utils.forbidden import find_use

CLEAN = "def f(x):\n    return 4 * x"
FORBIDDEN = "def f(x):\n    return torch.mul(x, 4)"
LAMBDA = "lambda x: torch.mul(x, 4)"


class StandIn:
    def __init__(self, source: str) -> None:
        self.__name__, self.__descent_source__ = "f", source


def submitted(*sources: str) -> Submitted:
    return Submitted([CodeCell(number, source, f"Cell {number}") for number, source in enumerate(sources)])


def is_found(*sources: str) -> bool:
    return find_use(StandIn(submitted(*sources).source_of("f", ["f"])), ["torch.mul"]) is not None


@pytest.mark.parametrize(
    "later",
    [
        "if False:\n    def f(x):\n        return 4 * x",
        "1 / 0\n" + CLEAN,
        "def g():\n    break\n" + CLEAN,
        "@missing\ndef g(): pass\n" + CLEAN,
        "def g(x=missing): pass\n" + CLEAN,
        "class G(missing): pass\n" + CLEAN,
        "%%html\n" + CLEAN,
    ],
)
def test_a_definition_that_may_never_have_run_does_not_stand_alone(later):
    assert is_found(FORBIDDEN, later)


@pytest.mark.parametrize(
    "later",
    [
        f"f = {LAMBDA}",
        f"f.__code__ = ({LAMBDA}).__code__",
        f"setattr(f, '__code__', ({LAMBDA}).__code__)",
        f"globals()['f'] = {LAMBDA}",
        f"exec('f = {LAMBDA}')",
        f"match {LAMBDA}:\n    case f: pass",
        f"%time f = {LAMBDA}",
        f"time f = {LAMBDA}",
        f"x = 1\n%prun -q f = {LAMBDA}",
        f"f = %time ({LAMBDA})",
        f">>> f = {LAMBDA}",
        f"In [1]: f = {LAMBDA}",
        f"    f = {LAMBDA}",
        f"%matplotlib inline\nf = {LAMBDA}  # is it?",
        f"%matplotlib inline\nf = ({LAMBDA}) if (7\n% 2) else 0",
        f"%%time\n%matplotlib inline\n{FORBIDDEN}",
        f"# \u2028def f(x):\u2028    return 4 * x\n{FORBIDDEN}",
        f"helper = {LAMBDA}\ndef f(x): return helper(x)",
    ],
)
def test_a_definition_by_whatever_means_is_found(later):
    assert is_found(CLEAN, later)


@pytest.mark.parametrize(
    "sources",
    [
        (FORBIDDEN, CLEAN),
        (f"import math\n{FORBIDDEN}\nprint(f(1))", f'"""Better."""\nN = 4\n{CLEAN}'),
        (CLEAN, "x = torch.mul(3, 4)\nprint(x)"),
        (CLEAN, "results = {}\nresults['f'] = torch.mul(2, 3)"),
        (CLEAN, "%timeit f(torch.mul(3, 4))"),
        (CLEAN, "def f(x)\n    return torch.mul(x, 4)"),
    ],
)
def test_what_does_not_define_it_does_not_count(sources):
    assert not is_found(*sources)


def test_a_cell_that_costs_too_much_is_named_where_it_mentions_a_name():
    lines = "%time x = 1\n" * 1000
    assert len(lines) * 1000 > MAX_READING
    assert submitted(CLEAN, lines + "f = 2").unreadable("f") == "Cell 1"
    assert submitted(CLEAN, lines + "\U0001d41f = 2").unreadable("f") == "Cell 1"  # a bold f, which Python reads as f
    assert submitted(CLEAN, lines).unreadable("f") == ""


def test_a_statement_of_many_names_is_written_once():
    names = [f"a{number}" for number in range(500)]
    source = f"{' = '.join(names)} = 0\ndef f(x):\n    return [{', '.join(names)}]"
    assert len(submitted(source).source_of("f", [])) < 2 * len(source)

"""Grading a submission from bytes to result: right marks, nbgrader's marks, nothing given away, nothing that stops it."""

import ast
import contextlib
import io
import json
import linecache
from pathlib import Path

import nbformat
import pytest
import torch
from nbgrader.utils import determine_grade

from autograder import grade_notebook
from autograder.assignment import grade_id, kind
from autograder.build import release_notebook
from autograder.engine import Engine
from autograder.result import Result
from autograder.testcell import hidden_regions
from autograder.variants import load_misconceptions
from tests.autograder.tiny import submit, tiny


@pytest.fixture(scope="module")
def engine():
    with Engine(unsafe=True) as engine:
        yield engine


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("tiny"))


def points(result: Result) -> dict[str, float]:
    return {test.grade_id: test.points for test in result.tests}


FULL = {"double-test": 2, "step-test": 3, "noise-test": 1, "counter-test": 4, "quadruple-test": 2}
NOISE = "def noise(shape, generator):\n    return torch.randn(shape, generator=generator)\n"


def messages(result: Result) -> dict[str, str]:
    return {test.grade_id: test.message for test in result.tests}


def test_the_reference_earns_full_marks(engine, assignment):
    result = engine.grade(submit(assignment), assignment)
    assert points(result) == FULL
    assert all(test.passed and test.message == "" for test in result.tests)
    assert (result.score, result.max_score, result.notes, result.repairs) == (12, 12, [], [])


READS_FILES = """
def double(x):
    with open("runs/factor.txt") as file:
        return float(file.read()) * x
"""


def test_cells_find_the_files_beside_the_notebook(engine, assignment):
    data = submit(assignment, double=READS_FILES)
    assert points(engine.grade(data, assignment))["double-test"] == 0
    result = engine.grade(data, assignment, files={"runs/factor.txt": b"2"})
    assert points(result)["double-test"] == 2
    assert points(engine.grade(data, assignment))["double-test"] == 0, "nothing is left for the next one"


def test_the_files_are_there_again_when_the_process_was_lost(engine, assignment):
    ends = f"import os\n\ndef step(params, grads):\n    os.remove('runs/factor.txt')\n    os._exit(1)\n\n{NOISE}"
    result = engine.grade(
        submit(assignment, double=READS_FILES, step=ends), assignment, files={"runs/factor.txt": b"2"}
    )
    assert (points(result)["double-test"], points(result)["step-test"]) == (2, 0)


def test_the_untouched_release_says_what_is_missing(engine, assignment):
    result = engine.grade(nbformat.writes(release_notebook(assignment)).encode(), assignment)
    assert result.score == 0
    said = messages(result)
    assert said["double-test"] == "`double` is not written yet."
    assert said["noise-test"] == "`noise` is not written yet."
    assert said["counter-test"] == "`Counter.__init__` is not written yet."
    assert all(test.misconception is None for test in result.tests)


def plain_points(data: bytes, assignment) -> dict[str, float]:
    """Marks as stock nbgrader gives them: every cell in one process, the test cells as the source has them."""
    names: dict = {"__name__": "plain"}
    earned = {}
    torch.manual_seed(0)
    for cell in nbformat.reads(data.decode(), as_version=4).cells:
        source = assignment.cells.get(grade_id(cell) or "")
        if cell.cell_type != "code" or (grade_id(cell) or "").startswith("experiment"):
            continue
        is_test = source is not None and kind(source) == "test"
        text, file = source.source if is_test else cell.source, f"<plain {cell.id}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        value = None
        try:
            body = ast.parse(text).body
            last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(ast.Module(body, []), file, "exec"), names)
                if last is not None:
                    value = eval(compile(ast.Expression(last.value), file, "eval"), names)
            score = value if isinstance(value, int | float) else None
        except Exception:
            score = 0
        if is_test:
            full = source.metadata.nbgrader.points
            earned[str(grade_id(cell))] = full if score is None else score
    return earned


HONEST = {
    "right": {},
    "squares": {"double": "def double(x):\n    return x * x"},
    "wrong later": {"double": "def double(x):\n    return x + x if len(getattr(x, 'shape', ())) < 2 else x"},
    "tuple": {"double": "def double(x):\n    return x + x, None"},
    "nothing returned": {"double": "def double(x):\n    x * 2"},
    "raises": {"double": "def double(x):\n    raise KeyError(x)"},
    "syntax error": {"double": "def double(x:\n    return x"},
    "missing": {"double": "# nothing"},
    "out of place": {"step": "LEARNING_RATE = 0.5\ndef step(params, grads):\n    params = [p - 0.5 * g for p, g in zip(params, grads)]\n" + NOISE},
    "rebinds the list": {"step": "LEARNING_RATE = 0.5\ndef step(params, grads):\n    for i, g in enumerate(grads): params[i] = params[i] - 0.5 * g\n" + NOISE},
    "other rate": {"step": "LEARNING_RATE = 0.25\ndef step(params, grads):\n    for p, g in zip(params, grads): p -= LEARNING_RATE * g\n" + NOISE},
    "no constant": {"step": "def step(params, grads):\n    for p, g in zip(params, grads): p -= 0.5 * g\n" + NOISE},
    "own generator": {"step": "LEARNING_RATE = 0.5\ndef step(params, grads):\n    for p, g in zip(params, grads): p.sub_(0.5 * g)\ndef noise(shape, generator):\n    return torch.randn(shape)"},
    "fixed noise": {"step": "LEARNING_RATE = 0.5\ndef step(params, grads):\n    for p, g in zip(params, grads): p.sub_(0.5 * g)\ndef noise(shape, generator):\n    return torch.ones(shape)"},
    "partial credit": {"counter": "class Counter:\n    n = 0\n    def __init__(self): Counter.n = 0\n    def add(self, k):\n        Counter.n += k\n        return Counter.n"},
    "in place": {"quadruple": "def quadruple(x):\n    x *= 4\n    return x"},
    "forbidden": {"quadruple": "def quadruple(x):\n    return torch.mul(torch.as_tensor(x), 4)"},
    "warns": {"double": "import warnings\ndef double(x):\n    warnings.warn('old')\n    return 2 * x"},
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_marks_are_those_of_plain_execution_and_of_nbgrader_on_our_notebook(engine, assignment, name):
    data = submit(assignment, **HONEST[name])
    result = engine.grade(data, assignment)
    assert points(result) == plain_points(data, assignment)
    for cell in result.notebook.cells:
        if kind(cell) == "test":
            assert determine_grade(cell) == (points(result)[grade_id(cell)], FULL[grade_id(cell)])
    nbformat.validate(result.notebook)


def test_a_result_is_plain_json(engine, assignment):
    result = engine.grade(submit(assignment), assignment, seed=5)
    again = json.loads(json.dumps(result.as_dict()))
    assert again["tests"][0]["grade_id"] == "double-test"
    assert (again["seed"], again["score"], again["assignment"]) == (5, 12, "tiny")
    assert "notebook" not in again


def test_the_seed_follows_from_the_submission(engine, assignment):
    one, other = submit(assignment), submit(assignment, extra=("1",))
    assert engine.grade(one, assignment).seed == engine.grade(one, assignment).seed
    assert engine.grade(one, assignment).seed != engine.grade(other, assignment).seed


def test_hidden_inputs_differ_with_the_seed_and_not_without(engine, assignment):
    spy = "def double(x):\n    if hasattr(x, 'shape') and x.dim() == 2: raise ValueError\n    return 2 * x"
    data = submit(assignment, double="seen = []\ndef double(x):\n    seen.append(x)\n    return 2 * x",
                  counter="class Counter:\n    def add(self, k): return float(seen[-1].sum())")  # fmt: skip
    drawn = [messages(engine.grade(data, assignment, seed=seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert points(engine.grade(submit(assignment, double=spy), assignment))["double-test"] == 0


def test_only_the_tasks_asked_for(engine, assignment):
    result = engine.grade(submit(assignment), assignment, tasks=["counter"])
    assert points(result) == {"counter-test": 4}
    for cell in result.notebook.cells:
        if kind(cell) == "test" and grade_id(cell) != "counter-test":
            assert determine_grade(cell)[0] == 0


def test_outputs_are_the_students_and_experiments_keep_theirs(engine, assignment):
    notebook = nbformat.reads(submit(assignment, extra=("print('mine')",)).decode(), as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="a curve\n")]
    double = next(cell for cell in notebook.cells if grade_id(cell) == "double")
    double.outputs = [nbformat.v4.new_output("stream", text="forged\n")]
    result = engine.grade(nbformat.writes(notebook).encode(), assignment)
    shown = {
        grade_id(c) or "mine": [o.get("text") for o in c.outputs]
        for c in result.notebook.cells
        if c.cell_type == "code"
    }
    assert shown["mine"] == ["mine\n"]
    assert shown["experiment-plot"] == ["a curve\n"]
    assert shown["double"] == []
    assert shown["double-test"] == ["double: visible tests passed.\n"]


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff", b"{}", b"[" * 100_000, b'{"cells": 3, "nbformat": 4}'], ids=range(5)
)
def test_what_is_no_notebook_earns_nothing(engine, assignment, data):
    result = engine.grade(data, assignment)
    assert (result.score, len(result.tests)) == (0, 5)
    assert result.repairs


def test_grading_leaves_the_callers_randomness_alone(engine, assignment):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    engine.grade(submit(assignment), assignment)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("data", ["mine.ipynb", Path("mine.ipynb"), None])
def test_only_bytes_are_graded(engine, assignment, data):
    with pytest.raises(
        TypeError, match=f"The bytes of a notebook are graded.*found a value of type {type(data).__name__}"
    ):
        engine.grade(data, assignment)


def test_grade_notebook_needs_nothing_else(assignment):
    assert grade_notebook(submit(assignment), assignment, seed=1).score == 12


def test_a_server_that_dies_is_replaced(assignment):
    import psutil

    with Engine(unsafe=True) as engine:
        assert engine.grade(submit(assignment), assignment).score == 12
        for child in psutil.Process().children(recursive=True):
            child.kill()
        assert engine.grade(submit(assignment), assignment).score == 12


def test_every_misconception_is_named(engine, assignment):
    for misconception in load_misconceptions(assignment):
        if misconception.name == "broken":
            continue
        result = engine.grade(submit(assignment, **misconception.solutions(assignment)), assignment)
        named = {test.misconception for test in result.tests if not test.passed} - {None}
        assert named == {misconception.name}
        shown = next(
            c for c in result.notebook.cells if any(t.misconception and t.grade_id == grade_id(c) for t in result.tests)
        )
        assert misconception.message in shown.outputs[-1].evalue


def test_a_named_misconception_takes_the_place_of_a_guess(engine, assignment):
    work = submit(assignment, double="def double(x): return 3 * x")
    guessed, named = (engine.grade(work, assignment, diagnose=diagnose).tests[0].message for diagnose in (False, True))
    assert guessed == named + "\nEvery entry is off by the same factor."


def test_the_same_idea_in_other_words_is_recognised(engine, assignment):
    data = submit(assignment, double="import numpy as np\ndef double(x):\n    return x ** 2.0")
    result = engine.grade(data, assignment)
    assert {test.grade_id: test.misconception for test in result.tests if not test.passed} == {
        "double-test": "square",
        "quadruple-test": None,
    }
    assert "Mend `double` (Task 1) first" in messages(result)["quadruple-test"]
    assert {test.grade_id: test.rests_on for test in result.tests if not test.passed} == {
        "double-test": [],
        "quadruple-test": [assignment.tasks[0].name],
    }


def test_an_unknown_mistake_gets_no_name(engine, assignment):
    result = engine.grade(submit(assignment, double="def double(x):\n    return 2 * x + 1"), assignment)
    assert result.tests[0].misconception is None
    assert not result.tests[0].passed


ALWAYS_EQUAL = """
class Yes:
    def __eq__(self, other): return True
    __hash__ = None
    def __abs__(self): return 0
    def __getattr__(self, name): return Yes()
    def __call__(self, *a, **k): return Yes()
    def __float__(self): return 0.0
    def __bool__(self): return True
def double(x): return Yes()
"""
PATCHED = """
import utils.checks, numpy, torch, builtins
for module in (utils.checks, numpy.testing, torch.testing):
    for name in dir(module):
        if "check" in name or "assert" in name:
            setattr(module, name, lambda *a, **k: None)
torch.allclose = torch.equal = numpy.allclose = lambda *a, **k: True
check_close = lambda *a, **k: None
builtins.AssertionError = type("Never", (Exception,), {})
def double(x): return 0
"""
ZEROES_ITS_INPUT = """
def double(x):
    if hasattr(x, "dim") and x.dim() == 2:
        x.zero_()
        return 0 * x
    return 2 * x
"""
SUBCLASS = """
class T(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return torch.tensor(True)
def double(x): return torch.zeros(2).as_subclass(T)
"""
DISPLAYS = """
def double(x):
    get_ipython().displayhook(2)
    from IPython.display import display
    display("ok")
    return 0
"""
ENDS = "import os\ndef double(x): os._exit(0)"
HANGS = """
import signal
def double(x):
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_IGN)
    while True: pass
"""
EXITS = "import sys\ndef double(x): sys.exit(0)"
RECURSES = "def double(x): return double(x)"
DEEP = "def double(x):\n    r = x\n    for _ in range(10**4): r = [r]\n    return r"
HUGE = "def double(x): return torch.zeros(30_000_000)"
CYCLE = "def double(x):\n    r = []\n    r.append(r)\n    return r"
FORGES = """
import autograder.student
autograder.student.perform = lambda *a: {"value": b"\\xc3", "error": 3, "changed": 7, "refused": [], "missing": "x"}
def double(x): return 0
"""
LATE = """
import os, threading, time
def write():
    while True:
        for fd in range(3, 12):
            try: os.write(fd, b"\\0" * 64)
            except OSError: pass
        time.sleep(0.001)
threading.Thread(target=write, daemon=True).start()
def double(x): return 0
"""
HOSTILE = {
    "always equal": ALWAYS_EQUAL,
    "patched checks": PATCHED,
    "zeroes its input": ZEROES_ITS_INPUT,
    "tensor subclass": SUBCLASS,
    "display hooks": DISPLAYS,
    "ends the process": ENDS,
    "hangs for good": HANGS,
    "exits": EXITS,
    "recurses": RECURSES,
    "deep": DEEP,
    "huge": HUGE,
    "cycle": CYCLE,
    "forged answers": FORGES,
    "answers at any time": LATE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_function_earns_nothing_and_stops_nothing(engine, assignment, name):
    result = engine.grade(submit(assignment, double=HOSTILE[name]), assignment)
    earned = points(result)
    assert earned["double-test"] == 0
    assert messages(result)["double-test"]
    if name not in ("forged answers", "answers at any time", "patched checks"):  # these break the whole process
        assert (earned["step-test"], earned["noise-test"], earned["counter-test"]) == (3, 1, 4)
    assert engine.grade(submit(assignment), assignment).score == 12


CHOOSES_INPUTS = """
LEARNING_RATE = 0.5
def step(params, grads):
    for p, g in zip(params, grads): p -= 0.5 * g
def noise(shape, generator):
    state = generator.get_state()
    state[24:24 + 624 * 8] = 0
    generator.set_state(state)
    return torch.zeros(shape)
"""


def test_a_generator_cannot_be_set(engine, assignment):
    assert points(engine.grade(submit(assignment, step=CHOOSES_INPUTS), assignment))["noise-test"] == 0


KEEPS_AND_TELLS = """
seen = []
def double(x):
    seen.append(x)
    print("SECRET", x)
    return 2 * x
"""
TELLS = """
LEARNING_RATE = 0.5
class _Kept(Exception): pass
def tell():
    return "SECRET " + " ".join(str(float(v)) for x in seen if hasattr(x, "dim") and x.dim() == 2 for v in x.flatten())
def step(params, grads):
    kind = type(tell(), (ValueError,), {})
    raise kind(tell())
def noise(shape, generator):
    return tell()
"""
TELLING_COUNTER = "class Counter:\n    def add(self, k):\n        return type(tell(), (), {})()"
TELLING_QUADRUPLE = "def quadruple(x):\n    print(tell())\n    return {tell(): tell()}"


def everything_shown(result: Result) -> str:
    return json.dumps(result.as_dict()) + nbformat.writes(result.notebook)


def test_no_hidden_input_reaches_anything_that_is_shown(engine, assignment):
    data = submit(assignment, double=KEEPS_AND_TELLS, step=TELLS, counter=TELLING_COUNTER, quadruple=TELLING_QUADRUPLE)
    result = engine.grade(data, assignment, seed=3)
    from autograder.remote import derive
    from utils.checks import case_generator, set_case_seed

    set_case_seed(derive(3, "double-test/hidden"))
    inputs = torch.randn(3, 2, generator=case_generator())
    set_case_seed(0)
    shown = everything_shown(result)
    assert points(result)["double-test"] == 2
    assert not any(str(float(value)) in shown for value in inputs.flatten())


@pytest.mark.parametrize("name", HONEST)
def test_no_line_of_a_hidden_test_is_shown(engine, assignment, name):
    shown = everything_shown(engine.grade(submit(assignment, **HONEST[name]), assignment))
    for cell in assignment.cells.values():
        for first, last in hidden_regions(cell.source):
            for line in cell.source.splitlines()[first:last]:
                line = line.strip()
                if len(line) > 12 and line not in cell.source[: cell.source.index("### BEGIN HIDDEN")]:
                    assert json.dumps(line)[1:-1] not in shown


def test_a_hidden_failure_says_the_sentence_and_the_cause_only(engine, assignment):
    wrong = "def double(x):\n    return x * x if getattr(x, 'dim', int)() == 2 else 2 * x"
    assert messages(engine.grade(submit(assignment, double=wrong), assignment, diagnose=False))["double-test"] == (
        "Hidden test: twice a matrix\nA square is not twice."
    )
    odd = "class Odd(ValueError): pass\ndef double(x):\n    if getattr(x, 'dim', int)() == 2: raise Odd(x)\n    return 2 * x"
    assert messages(engine.grade(submit(assignment, double=odd), assignment))["double-test"] == (
        "Hidden test: `double` stopped with an exception.\n"
        "  in line 3 of its cell: if getattr(x, 'dim', int)() == 2: raise Odd(x)"
    )


TELLS_BY_ITS_LINE = """
import torch
def double(x):
    if getattr(x, "dim", int)() == 2:
        number = int(abs(float(x[0, 0])) * 1000) % 50
        exec(compile("\\n" * number + "raise ValueError", double.__code__.co_filename, "exec"))
    return 2 * x
"""


def test_no_line_of_an_exception_tells_a_hidden_input(engine, assignment):
    data = submit(assignment, double=TELLS_BY_ITS_LINE)
    said = {messages(engine.grade(data, assignment, seed=seed))["double-test"] for seed in (1, 2, 12)}
    assert "Hidden test: `double` stopped with an exception." in said
    assert not any("in line" in message for message in said)


FORBIDDEN = "def quadruple(x):\n    return torch.mul(torch.as_tensor(x), 4)"


@pytest.mark.parametrize(
    "extra",
    [
        f"%%time\n{FORBIDDEN}",
        "if True:\n    " + FORBIDDEN.replace("\n", "\n    "),
        "for quadruple in [lambda x: torch.mul(torch.as_tensor(x), 4)]: pass",
        "%time 1\n" + FORBIDDEN,
    ],
    ids=["cell magic", "branch", "loop", "line magic"],
)
def test_the_definition_that_counts_is_the_one_that_is_read(engine, assignment, extra):
    notebook = nbformat.reads(
        submit(assignment, quadruple="def quadruple(x):\n    return 4 * x").decode(), as_version=4
    )
    notebook.cells.append(nbformat.v4.new_code_cell(extra))
    result = engine.grade(nbformat.writes(notebook).encode(), assignment, tasks=["quadruple"], diagnose=False)
    assert "Your code uses `torch.mul`" in messages(result)["quadruple-test"]


def test_of_code_that_is_too_long_to_be_read_the_longest_cell_is_named(engine, assignment):
    data = submit(assignment, extra=("x = 1\n" * 100_000,))
    result = engine.grade(data, assignment, tasks=["quadruple"], diagnose=False)
    said = messages(result)["quadruple-test"]
    assert said == "Cell 2 is too long or too nested to be read: split it, or take out its magics."

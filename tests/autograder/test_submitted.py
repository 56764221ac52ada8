"""What a notebook's text defines, read as IPython reads it: nothing that runs is overlooked, nothing dead counts alone."""

import time

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
    "later",
    [
        "f = kept[0]",
        "g = globals()\ng['f'] = h",
        "globals().update(f=h)",
        "get_ipython().user_ns['f'] = h",
        "get_ipython().push({'f': h})",
        "%timeit -n1 globals().__setitem__('f', h)",
        "twin = f\ntwin.__code__ = h.__code__",
        "(f,)[0].__code__ = h.__code__",
        "def patch(a, b):\n    a.__code__ = b.__code__\ndef patches():\n    patch(f, h)\npatches()",
        "class G:\n    def __init_subclass__(cls):\n        h.__globals__['f'] = h\nclass H(G): pass",
        "import builtins\ntext = 'f = h'\nbuiltins.exec(text)",
        "import threading\nthreading.Thread(target=lambda: h.__globals__.update(f=h)).start()",
        "def swap(lines):\n    return [line.replace('4 * x', 'torch.mul(x, 4)') for line in lines]\n"
        "get_ipython().input_transformers_cleanup.append(swap)",
    ],
)
def test_a_meaning_given_without_naming_it_is_found(later):
    first = "kept = []" if "swap" in later else f"{FORBIDDEN}\nh = f\nkept = [f]"
    assert is_found(first, CLEAN, later)


@pytest.mark.parametrize(
    "stops",
    [
        "def ends(info):\n    os._exit(0)\nget_ipython().events.register('pre_run_cell', ends)",
        "import sys\ndef stops(*_):\n    raise ValueError\nsys.settrace(stops)",
        "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.1)",
    ],
)
def test_a_definition_that_something_may_keep_from_running_does_not_stand_alone(stops):
    assert is_found(FORBIDDEN, stops, CLEAN)


def test_prompts_are_read_as_ipython_reads_them():
    """What is Python as it stands, but not without what looks like a prompt, never runs."""
    assert is_found(FORBIDDEN, f"s = '\\\n>>> '\nx = \\\n...\n{CLEAN}")


@pytest.mark.parametrize(
    "sources",
    [
        (FORBIDDEN, CLEAN),
        (FORBIDDEN, "%matplotlib inline\n%load_ext autoreload", CLEAN),
        (FORBIDDEN, "import sys, re\nfrom IPython.display import display\nprint(sys.version, re.compile('a'))", CLEAN),
        (FORBIDDEN, "plot(f(3))", CLEAN),
        (f"import math\n{FORBIDDEN}\nprint(f(1))", f'"""Better."""\nN = 4\n{CLEAN}'),
        (CLEAN, "x = torch.mul(3, 4)\nprint(x)"),
        (CLEAN, "results = {}\nresults['f'] = torch.mul(2, 3)"),
        (CLEAN, "%timeit f(torch.mul(3, 4))"),
        (CLEAN, "def f(x)\n    return torch.mul(x, 4)"),
    ],
)
def test_what_does_not_define_it_does_not_count(sources):
    assert not is_found(*sources)


@pytest.mark.parametrize(
    ("before", "call"),
    [
        ("", "[torch][0].mul(x, 4)"),
        ("", "(t := torch).mul(x, 4)"),
        ("", "(lambda t=torch: t.mul(x, 4))()"),
        ("", "[t.mul(x, 4) for t in [torch]][0]"),
        ("", "torch.__dict__['mul'](x, 4)"),
        ("", "sys.modules['torch'].mul(x, 4)"),
        ("", "sys.modules['torch.mul']"),
        ("", "operator.attrgetter('mul')(torch)(x, 4)"),
        ("", "getattr(torch, f'mul')(x, 4)"),
        ("name = 'mul'", "getattr(torch, name)(x, 4)"),
        ("", "other.torch.mul(x, 4)"),
        ("", "torch.jit.CompilationUnit('def f(x): return torch.mul(x, 4)').f(x)"),
        ("t, u = torch, 1", "t.mul(x, 4)"),
        ("t: object = torch", "t.mul(x, 4)"),
        ("for t in [torch]: pass", "t.mul(x, 4)"),
        ("class T:\n    t = torch", "T.t.mul(x, 4)"),
        ("def g():\n    global t\n    t = torch", "t.mul(x, 4)"),
        ("kept = []\nkept.append(torch.mul)", "kept[0](x, 4)"),
        ("kept = {}\nkept.update(f=torch.mul)", "kept['f'](x, 4)"),
        ("import torch as kept\nkept = []\nkept.append(torch.mul)", "kept[0](x, 4)"),
        ("import torch\ntorch.Tensor.g = lambda x: torch.mul(x, 4)", "x.g()"),
        ("import torch\ndef g(x): return torch.mul(x, 4)\nsetattr(torch.Tensor, 'g', g)", "x.g()"),
        ("import torch\ndef g(x, y): return torch.mul(x, y)\ntorch.Tensor.__mul__ = g", "x * 4"),
        ("from torch import *", "mul(x, 4)"),
        ("import torch\nvars(torch).update(g=lambda x: torch.mul(x, 4))", "torch.g(x)"),
        ("import torch\ntorch.__dict__.update(g=lambda x: torch.mul(x, 4))", "torch.g(x)"),
        ("import torch\ntorch.Tensor.__setattr__(torch, 'g', lambda x: torch.mul(x, 4))", "torch.g(x)"),
        ("t = torch\nt.positive = lambda x: torch.mul(x, 4)", "torch.positive(x)"),
        ("def g(t):\n    t.positive = lambda x: t.mul(x, 4)\nsorted([torch], key=g)", "torch.positive(x)"),
        ("class A:\n    def __del__(self):\n        torch.positive = torch.mul\nA()", "torch.positive(x)"),
        ("list(map(setattr, [torch], ['positive'], [torch.mul]))", "torch.positive(x)"),
        ("from unittest.mock import patch\npatch('torch.positive', torch.mul).start()", "torch.positive(x)"),
        ("from torch.library import Library as L\nL('aten', 'IMPL').impl('positive', torch.mul)", "torch.positive(x)"),
        ("class A(T):\n    def __torch_function__(self, f, t, a):\n        return torch.mul(*a)\nA()", "x"),
        ("import sys as s\ns.modules['torch'].positive = torch.mul", "torch.positive(x)"),
        ("%timeit -n 1 -r 1 -q -o torch.positive = torch.mul", "torch.positive(x)"),
        ("", "torch.ops.aten.mul(x, 4)"),
        ("from torch import _C", "_C._VariableFunctions.mul(x, 4)"),
        ("", "torch.special.mul(x, 4)"),
    ],
)
def test_a_forbidden_call_is_found_on_every_road_to_it(before, call):
    assert is_found(before, f"def f(x):\n    return {call}")


SCRATCH = """
import torch, matplotlib.pyplot as plt
plt.rcParams["figure.dpi"] = 100
class Normalize:
    def __init__(self, device):
        self.mean, self.std, self.device = torch.mul(2, 2), 1, device
w = torch.mul(torch.ones(2), 4)
w.requires_grad, w.grad = True, None
torch.set_printoptions(precision=3)
errors = []
def reference(x):
    return torch.mul(x, 4)
errors.append(f(2) - torch.mul(2, 4))
torch.testing.assert_close(f(2), torch.mul(2, 4))
compare(f, reference)
"""


@pytest.mark.parametrize(
    "body",
    [
        "4 * x",
        "x.mul(4)",
        "getattr(torch, 'add')(x, 3 * x)",
        "getattr(torch, {'a': 'tanh'}[x])(x)",
        "'Not torch.mul, please.'",
        "[x for mul in x]",
    ],
)
def test_what_looks_like_a_forbidden_call_is_none(body):
    assert not is_found(f"import torch\ndef f(x):\n    return {body}", SCRATCH)


@pytest.mark.parametrize(
    ("sources", "lost"),
    [
        (("def f(x): return g(x)", "import builtins\nbuiltins.g = abs"), "g"),
        (("def f(x): return g(x)", "get_ipython().push({'g': abs})"), "g"),
        (("def f(x): return h(x)\ndef h(x): return g(x)",), "g"),
        (("def f(x): return globals()['g'](x)",), "globals"),
        (("def f(x): return Out[1](x)",), "Out"),
        (("def f(x): return eval('g' + x)",), "eval"),
        (("def f(x):\n    run = eval\n    return run('x')",), "eval"),
        (("def f(x): return compile('x', '', 'eval')",), "compile"),
        (("def f(x): return x", "text = 'f = abs'\nexec(text)"), "exec"),
        (("def f(x): return x", "%run own.py"), "%run"),
        (("def f(x): return x", "%alias_magic t timeit"), "%alias_magic"),
        (("def f(x): return x", "%timeit -a -b -c -d -e -f -g -h -i f = abs"), "%timeit"),
        (("def f(x): return x", "exec(b'f = abs')"), "exec"),
        (("def f(x): return x", "get_ipython().run_cell('f = abs\\n%pprint')"), "run_cell"),
        (("def f(x): return x", "run = get_ipython().run_cell\nrun('f = abs\\n%pprint')"), "run_cell"),
        (("def f(x): return x", "from a_module_of_mine import *"), "a_module_of_mine"),
        (("def f(x): return x", "get_ipython().Completer\nglobals()"), ""),
        (("from __main__ import g\ndef f(x): return g(x)",), "__main__"),
        (("import importlib\ndef f(x): return importlib.import_module('a_module_of_mine').g(x)",), "import_module"),
        (("import sched\ndef f(x): return sched.g(x)",), "sched"),
        (("import os, sched\nfrom sched import g\ndef f(x): return g(x)",), "sched"),
        (("from pickle import *\ng = loads(b'csched\\ng\\n.')\ndef f(x): return g(x)",), "pickle"),
        (("def f(x):\n    from torch import importlib\n    return importlib.reload(x)",), "torch.importlib"),
        (("import torch as t\ndef f(x): return t.sys.modules['sched'].g(x)",), "torch.sys"),
        (("import torch.sched\ndef f(x): return torch.sched.g(x)",), "torch.sched"),
        (("import torch\ndef f(x): return torch.hub.load('.', 'g')(x)",), "torch.hub"),
        (("import math, sched, sys\ndef f(x): return math.exp(x) + sys.float_info.epsilon",), ""),
        (
            ("import os, json, pathlib, gc\ndef f(x):\n    gc.collect()\n    return os.path.exists(x), json.loads(x)",),
            "",
        ),
        (("import os\ndef f(x): return os.sys.modules['sched'].g(x)",), "os.sys"),
        (
            (
                "import numpy as np\ndef f(x): return np.linalg.norm(x)",
                "import sched\ndef g(): return sched.scheduler()",
            ),
            "",
        ),
        (("import torch, signal\ndef f(signal): return torch.fft.fft(signal.real)",), ""),
        (("from collections.abc import *\ndef f(x: Callable) -> Mapping: return x",), ""),
        (("from a_module_of_mine import g\ndef f(x): return g(x)",), "a_module_of_mine"),
        (("def f(x):\n    import a_module_of_mine as m\n    return m.g(x)",), "a_module_of_mine"),
        (("import math\ndef f(x): return math.exp(x) + N\nN = 4",), ""),
        (("from math import *\ndef f(x): return exp(x)",), ""),
        (("def f(x):\n    global n\n    n = x\n    return other(n)",), ""),
        (("try:\n    y = 1\nexcept ValueError as error:\n    y = error\ndef f(x): return eval('1') + y",), ""),
        (("def f(x: int) -> int:\n    class A:\n        n = 1\n    return [A.n for _ in range(x)], __name__",), ""),
    ],
)
def test_a_name_that_leads_out_of_sight_is_told(sources, lost):
    assert submitted(*sources).lost_from_sight("f", ["f", "other"]) == lost


def test_a_cell_that_nobody_has_read_is_named():
    magics = "%time x = 1\n" * 1000
    assert len(magics) * 1000 > MAX_READING
    assert submitted(CLEAN, magics).unread == "Cell 1"
    assert submitted(CLEAN, "%time x = 1\n").unread == ""


@pytest.mark.parametrize("deep", ["x" + ".a" * 2000 + "()", "f(" + " + ".join(["'a'"] * 900) + ")", "-" * 500 + "1"])
def test_code_that_is_too_deep_to_be_followed_is_not_read(deep):
    for source in (deep, f"exec({deep!r}, {{}}) or {deep}"):
        one = submitted(CLEAN, source)
        assert one.unread == "Cell 1"
        assert [definition.cell for definition in one.definitions["f"]] == [0]
    assert submitted(CLEAN, f"exec({deep!r})").lost_from_sight("f", []) == "exec"


def test_empty_lines_cost_no_more_than_others():
    started = time.process_time()
    assert "f" in submitted(CLEAN, "\n" * 200_000).definitions
    assert time.process_time() - started < 5


def test_a_statement_of_many_names_is_written_once():
    names = [f"a{number}" for number in range(500)]
    source = f"{' = '.join(names)} = 0\ndef f(x):\n    return [{', '.join(names)}]"
    assert len(submitted(source).source_of("f", [])) < 2 * len(source)

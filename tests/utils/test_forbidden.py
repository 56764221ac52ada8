"""`check_not_used` finds a forbidden call under any plain disguise, and nothing that only looks like one."""

from __future__ import annotations

import textwrap
import time
from typing import Any

import pytest
import torch
import torch as th
import torch.nn.functional as F
from torch import nn
from torch.autograd import grad
from torch.nn.functional import cross_entropy

from tests import needs_jupyter
from utils.checks import CheckFailed, check_not_used
from utils.forbidden import find_use


class StandIn:
    """What the grader binds to a student's name: a name and the text of its source."""

    def __init__(self, name: str, source: str) -> None:
        self.__name__, self.__descent_source__ = name, textwrap.dedent(source)


def helper(loss: Any) -> None:
    loss.backward()


def uses_alias(x: Any) -> Any:
    return th.optim.SGD([x], lr=1.0)


def uses_submodule(x: Any) -> Any:
    return F.softmax(x, dim=0)


def uses_nn(x: Any) -> Any:
    return nn.functional.softmax(x, dim=0)


def uses_imported_function(x: Any) -> Any:
    return grad(x, x)


def uses_imported_loss(x: Any) -> Any:
    return cross_entropy(x, x)


def uses_helper(x: Any) -> Any:
    return helper(x)


def uses_keyword(x: Any) -> Any:
    return torch.zeros(3, requires_grad=True)


class UsesInMethod:
    def step(self, x: Any) -> Any:
        def inner() -> Any:
            return torch.autograd.grad(x, x)

        return inner()


FOUND = [
    (uses_alias, "torch.optim"),
    (uses_submodule, "torch.nn.functional.softmax"),
    (uses_nn, "torch.nn.functional"),
    (uses_imported_function, "torch.autograd"),
    (uses_imported_loss, "torch.nn.functional.cross_entropy"),
    (uses_helper, "backward"),
    (uses_keyword, "requires_grad"),
    (UsesInMethod, "torch.autograd"),
]


@pytest.mark.parametrize(("function", "name"), FOUND)
def test_finds_in_real_functions(function: Any, name: str) -> None:
    with pytest.raises(CheckFailed, match="asks you to do without"):
        check_not_used(function, ["torch.linalg", name])


SOURCES = [
    "def f(x): return torch.autograd.grad(x, x)",
    "def f(x):\n    import torch.autograd as a\n    return a.grad(x, x)",
    "def f(x):\n    from torch import autograd\n    return autograd.grad(x, x)",
    "def f(x):\n    from torch import autograd as secret\n    return secret.grad(x, x)",
    "from torch import autograd as secret\ndef f(x): return secret.grad(x, x)",
    "import torch as t\ndef f(x): return t.autograd.grad(x, x)",
    "def f(x):\n    t = torch\n    a = t.autograd\n    return a.grad(x, x)",
    "def f(x): return getattr(torch, 'autograd').grad(x, x)",
    "def f(x): return getattr(torch, 'auto' + 'grad').grad(x, x)",
    "def f(x): return getattr(torch, ('auto')\\\n  + ( 'grad' )).grad(x, x)",
    "def f(x): return getattr(torch, 'auto''grad').grad(x, x)",
    "def f(x): return getattr(torch, 'auto'r'grad').grad(x, x)",
    "def f(x): return getattr(torch, 'auto' 'grad').grad(x, x)",
    "def f(x): return getattr(torch, 'auto\\x67rad').grad(x, x)",
    "def f(x): return torch.\N{FULLWIDTH LATIN SMALL LETTER A}utograd.grad(x, x)",
    'def f(x): return eval(\'getattr(torch, "auto" + "grad")\').grad(x, x)',
    "def f(x): return __import__('torch.autograd').autograd.grad(x, x)",
    "import importlib\ndef f(x): return importlib.import_module('torch.autograd').grad(x, x)",
    "def f(x): return eval('torch.autograd.grad(x, x)')",
    "def g(x): return torch.autograd.grad(x, x)\ndef f(x): return g(x)",
    "class G:\n    def __call__(self, x): return torch.autograd.grad(x, x)\ndef f(x): return G()(x)",
    "f = lambda x: torch.autograd.grad(x, x)",
]


@pytest.mark.parametrize("source", SOURCES)
def test_finds_in_the_source_that_the_grader_gives(source: str) -> None:
    with pytest.raises(CheckFailed, match=r"torch\.autograd"):
        check_not_used(StandIn("f", "import torch\n" + source), "torch.autograd")


FINE = [
    "def f(x): return x.softmax(dim=0)",
    'def f(x):\n    """Without torch.autograd and backward."""\n    return x',
    "def f(cache): return cache['backward']  # torch.autograd",
    "def f(x): raise ValueError('backward')",
    "def linear_backward(x): return x\ndef f(x): return linear_backward(x)",
    "def f(torchy): return torchy.autograd",
]


@pytest.mark.parametrize("source", FINE)
def test_accepts_what_only_looks_alike(source: str) -> None:
    check_not_used(StandIn("f", source), ["torch.autograd", "backward", "torch.softmax"])


@pytest.mark.parametrize(
    ("source", "fine"),
    [
        ("def f(x): return x.sum().backward()", False),
        ("class Layer:\n    def backward(self, g): return g\ndef f(x): return Layer().backward(x)", True),
        ("class Layer:\n    def forward(self, g): return g\ndef f(x): return Layer().backward(x)", False),
    ],
)
def test_a_method_of_ones_own_is_no_librarys(source: str, fine: bool) -> None:
    assert (find_use(StandIn("f", source), [".backward"]) is None) == fine


def test_message_names_the_call_and_the_code() -> None:
    with pytest.raises(CheckFailed) as caught:
        check_not_used(uses_alias, "torch.optim", "your own update rule")
    assert caught.value.what == "your own update rule"
    assert "`torch.optim" in caught.value.cause
    assert "th.optim" in caught.value.details


def test_recursion_ends() -> None:
    check_not_used(StandIn("f", "def f(x): return g(x)\ndef g(x): return f(x)"), "torch.autograd")


@needs_jupyter
def test_works_in_a_notebook() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.showtraceback = lambda *a, **k: None  # type: ignore
    setup = "import torch\nfrom utils.checks import check_not_used\n"
    code = "class Model:\n    def fit(self, x):\n        return x.backward()\ndef f(x):\n    return Model().fit(x)"
    assert shell.run_cell(setup + code).success
    for target in ("f", "Model"):
        result = shell.run_cell(f"check_not_used({target}, 'backward')")
        assert isinstance(result.error_in_exec, CheckFailed), result
    assert shell.run_cell("check_not_used(f, 'torch.optim')").success
    code = "class Layer:\n    def backward(self, g):\n        return g\ndef f(x):\n    return Layer().backward(x)"
    assert shell.run_cell(code).success
    assert shell.run_cell("check_not_used(f, '.backward')").success, "a method of one's own"
    code = "import pickle, math, io, random as r\nfrom os import path\ndef f(x):\n    return pickle.loads(x)"
    assert shell.run_cell(code).success
    result = shell.run_cell("check_not_used(f, 'torch.optim')")
    assert "`pickle`" in result.error_in_exec.cause
    code = "def f(pickle):\n    return math.exp(pickle.x), io.StringIO(), r.random(), path.exists('x'), torch.nn.ReLU()"
    assert shell.run_cell(code).success
    assert shell.run_cell("check_not_used(f, 'torch.optim')").success
    code = "from dataclasses import dataclass\n@dataclass\nclass State:\n    n: int = 0\ndef f(x):\n    return State(x)"
    assert shell.run_cell(code).success
    assert shell.run_cell("check_not_used(f, 'torch.optim')").success, "methods without a text"


def test_works_in_a_module_that_is_not_imported() -> None:
    """The grader loads the reference solution so."""
    import linecache
    from types import ModuleType

    text = "import torch as t\n\ndef helper(x): return x\n\n"
    text += "class Model:\n    def fit(self, x):\n        return t.optim.SGD([helper(x)])\n"
    linecache.cache["<loaded>"] = (len(text), None, text.splitlines(keepends=True), "<loaded>")
    module = ModuleType("loaded")
    exec(compile(text, "<loaded>", "exec"), module.__dict__)
    with pytest.raises(CheckFailed, match=r"torch\.optim"):
        check_not_used(module.Model, "torch.optim")
    check_not_used(module.Model, "torch.autograd")


def test_without_source_the_author_hears_it() -> None:
    with pytest.raises(TypeError, match="with a source"):
        check_not_used(len, "torch.autograd")


@pytest.mark.parametrize("run", ["exec", "e", "builtins.exec"])
def test_texts_in_texts_are_read_once(run):
    source = "x.autograd"
    for _ in range(14):
        source = f"{run}({source!r})"
    started = time.process_time()
    function = StandIn("f", f"import builtins\nfrom builtins import exec as e\ndef f(x):\n    {source}")
    assert find_use(function, ["torch.autograd"]) is None
    assert find_use(function, ["autograd"]) is not None
    assert time.process_time() - started < 1

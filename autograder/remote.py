"""Run a test cell in a namespace whose student names call somewhere else; the judge and the diagnosis share it."""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import io
import random
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from types import CodeType
from typing import Any

import numpy as np
import torch

from autograder import channel
from autograder.calls import Call, perform, reseed
from autograder.channel import Allowance, NotPlain
from autograder.submitted import Submitted
from autograder.testcell import Part, TestCell
from utils import checks

Caller = Callable[[str, str | None, tuple, dict[str, Any]], Any]


class RemoteFunction:
    """A name of the student's in a test: calling it calls the function where it lives.

    `source` gives the text of its definition when a test asks for it.
    """

    def __init__(self, name: str, caller: Caller, source: Callable[[], str]) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = None
        self._caller, self._source = caller, source

    @property
    def __descent_source__(self) -> str:
        """What `check_not_used` reads."""
        return self._source()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._caller(self.__name__, None, args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class LocalCalls:
    """Calls of functions that live in this process, over the same wire as those that live in a student process.

    For solutions that are trusted: the reference and the misconceptions. `on_call` sees every call and its reply.
    """

    def __init__(
        self, names: dict[str, Any], seconds: float, on_call: Callable[[Call, dict[str, Any]], None] | None = None
    ) -> None:
        self._names, self._seconds, self._on_call = names, seconds, on_call

    def __call__(self, name: str, source: str | None, args: tuple, kwargs: dict[str, Any]) -> Any:
        call = Call.of(name, source, args, kwargs)
        reply = perform(call.request(), self._names, self._seconds)
        if self._on_call is not None:
            self._on_call(call, reply)
        table = call.take_back(reply["changed"], Allowance())
        if "refused" in reply:
            raise NotPlain(reply["refused"])
        if "value" not in reply:
            raise remote_exception(name, reply.get("error"))
        return channel.loads(reply["value"], table)

    def bindings(self, names: Collection[str], solution: Submitted) -> dict[str, Any]:
        """What the student's names stand for in a test: remote functions, and the constants themselves."""
        found = {name: self._names.get(name) for name in names}
        return {
            name: RemoteFunction(name, self, partial(solution.source_of, name, names)) if callable(value) else value
            for name, value in found.items()
        }


class RemoteProbe:
    """A probe in a test: calling it runs its text where the student's functions live.

    `names` are those of the test, for a probe that is to run here.
    """

    def __init__(self, name: str, source: str, caller: Caller, names: dict[str, Any]) -> None:
        self.__name__ = self.__qualname__ = name
        self._source, self._caller, self._names = source, caller, names

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._caller(self.__name__, self._source, args, kwargs)

    @cached_property
    def here(self) -> Callable:
        """The probe run where the test runs: each call in it travels, and what it makes of them is nobody's word."""
        names = dict(self._names)
        exec(compile(self._source, "<probe>", "exec"), names)
        return names[self.__name__]


def make_namespace(setup: CodeType, test: TestCell, bindings: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A fresh namespace for one test: the notebook's own definitions, the student's names, the probes."""
    names: dict[str, Any] = {"__name__": f"test_{test.name}"}
    exec(setup, names)
    names.update(bindings)
    known = dict(names)
    names.update({name: RemoteProbe(name, source, caller, known) for name, source in test.probes.items()})
    return names


def run_part(part: Part, names: dict[str, Any]) -> Any:
    """Run the statements of a part; the value of the expression that it ends with, else None."""
    if part.code is not None:
        exec(part.code, names)
    return eval(part.value, names) if part.value is not None else None


def derive(seed: int, name: str) -> int:
    """A seed for one test, which neither the order nor the presence of other tests changes."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big") >> 1


def seed_case(seed: int) -> None:
    checks.set_case_seed(seed)
    reseed(seed)


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """What a test prints is collected, its warnings are dropped."""
    out = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield out


class RandomState:
    """The state of every shared generator, to come back to."""

    def __init__(self) -> None:
        self._states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()

    def restore(self) -> None:
        python, numpy, torch_state = self._states
        random.setstate(python)
        np.random.set_state(numpy)
        torch.default_generator.set_state(torch_state)


@dataclass(frozen=True)
class RemoteError:
    """What the student process says about an exception in the student's code."""

    subject: str
    builtin: str
    name: str
    text: str
    cell: int | None
    line: int | None


def remote_exception(subject: str, claimed: Any) -> Exception:
    """The exception that a call of the student's code raises in a test, of the builtin type that it claims to be."""
    claimed = claimed if type(claimed) is dict else {}

    def text(key: str, default: str = "") -> str:
        return value if type(value := claimed.get(key)) is str else default

    def place(key: str) -> int | None:
        return value if type(value := claimed.get(key)) is int else None

    kind = vars(builtins).get(text("builtin"))
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or issubclass(kind, ExceptionGroup):
        kind = Exception
    # `map` in a test would take a StopIteration for its own end (compare PEP 479).
    raised = RuntimeError if issubclass(kind, StopIteration) else kind
    try:
        error = raised(text("text"))
    except TypeError:  # those of Unicode want more
        error = raised.__new__(raised)
    error.descent_remote = RemoteError(  # type: ignore[attr-defined]
        subject, kind.__name__, text("name", "an exception"), text("text"), place("cell"), place("line")
    )
    return error

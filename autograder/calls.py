"""One call of a student's function as data: how it is sent, performed where the function lives, and taken back.

The same `perform` runs in student processes and, for reference solutions and misconceptions, in the judge.
"""

from __future__ import annotations

import builtins
import contextlib
import random
import signal
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any

import numpy as np
import torch

from autograder import channel
from autograder.channel import Allowance, ChannelError, NotPlain, Objects

MAX_TEXT = 4000
PATIENCE = 2.0


class TimeIsUp(BaseException):
    """Raised in code that has used up its time; `waited` if most of it was not spent on the processor."""

    def __init__(self, text: str, *, waited: bool = False) -> None:
        self.waited = waited
        super().__init__(text)


@dataclass
class Call:
    """A call of a function by name, or of a probe by its source.

    `arguments` are the values, already encoded, of which the last ones are those of the `keywords`; `objects` are the
    mutable ones among them and in them.
    """

    name: str
    source: str | None
    arguments: bytes
    keywords: list[str]
    objects: Objects = field(repr=False)

    @classmethod
    def of(cls, name: str, source: str | None, args: tuple, kwargs: dict[str, Any]) -> Call:
        """Encode the arguments; raises ChannelError if they are not plain data."""
        objects = Objects()
        return cls(name, source, channel.dumps((*args, *kwargs.values()), objects, grow=True), [*kwargs], objects)

    def request(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.source,
            "arguments": self.arguments,
            "keywords": self.keywords,
        }

    @cached_property
    def owners(self) -> list[int | str]:
        """By the number of an object, the argument (a position or a keyword) that holds it."""
        values = channel.loads(self.arguments, Objects(), grow=True)
        objects = Objects()
        owners: list[int | str] = []
        for label, value in zip([*range(len(values) - len(self.keywords)), *self.keywords], values, strict=True):
            channel.dumps(value, objects, grow=True)
            owners.extend([label] * (len(objects.items) - len(owners)))
        return owners

    def changed_arguments(self, changed: Any) -> set[int | str]:
        """Which arguments hold an object that the reply names as changed."""
        return {self.owners[number] for number in changed if type(number) is int and 0 <= number < len(self.owners)}

    def take_back(self, changed: Any, allowance: Allowance, keep: Collection[int | str] = ()) -> Objects:
        """Bring changed objects into the caller's own; what a result refers to stands in the table that is returned.

        The arguments named in `keep` stay as they were for the caller: changes go to copies of them.
        """
        if type(changed) is not dict:
            raise ChannelError("The list of changed arguments is not one.")
        table = self._with_copies(keep) if keep else self.objects
        for number, contents in changed.items():
            if type(number) is not int or not 0 <= number < len(table.items) or type(contents) is not bytes:
                raise ChannelError("A changed argument that was never given.")
            channel.assign(table.items[number], channel.loads(contents, table, allowance=allowance))
        return table

    def _with_copies(self, keep: Collection[int | str]) -> Objects:
        copies, table = Objects(), Objects()
        channel.loads(self.arguments, copies, grow=True)
        for own, copy, owner in zip(self.objects.items, copies.items, self.owners, strict=True):
            table.add(copy if owner in keep else own)
        return table


def perform(
    request: Mapping[str, Any], names: dict[str, Any], seconds: float, files: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Do a call in the namespace where the functions live; say what it returned, raised and changed.

    `files` maps the file names of the student's cells to the cells' numbers, for the line of an error.
    """
    objects = Objects()
    values, keywords = channel.loads(request["arguments"], objects, grow=True), request["keywords"]
    args = values[: len(values) - len(keywords)]
    kwargs = dict(zip(keywords, values[len(args) :], strict=True))
    if request["source"] is not None:
        names = dict(names)
        exec(_compiled(request["source"]), names)
    if request["name"] not in names:
        return {"missing": True}
    reply: dict[str, Any] = {}
    try:
        with time_limit(seconds, "The call"):
            result = names[request["name"]](*args, **kwargs)
            reply["value"] = channel.dumps(result, objects)
    except TimeIsUp as error:
        reply |= {"timeout": True, "waited": True} if error.waited else {"timeout": True}
    except NotPlain as error:
        reply["refused"] = error.found
    except ChannelError as error:
        reply["refused"] = str(error)
    except BaseException as error:
        reply["error"] = describe(error, files or {})
    reply["changed"] = _changes(request["arguments"], values, objects)
    return reply


@lru_cache
def _compiled(probe: str) -> CodeType:
    return compile(probe, "<probe>", "exec")


def _changes(sent: bytes, values: tuple, objects: Objects) -> dict[int, bytes]:
    """By number, the new contents of the objects in the arguments that are no longer as they were sent."""
    with contextlib.suppress(ChannelError):
        if channel.dumps(values, Objects(), grow=True) == sent:
            return {}
    originals = Objects()
    channel.loads(sent, originals, grow=True)
    changed = {}
    for number, (item, original) in enumerate(zip(objects.items, originals.items, strict=True)):
        with contextlib.suppress(ChannelError):  # an argument that holds something else now cannot be sent back
            contents = channel.dumps(item, objects, contents=True)
            if contents != channel.dumps(original, originals, contents=True):
                changed[number] = contents
    return changed


def describe(error: BaseException, files: Mapping[str, int]) -> dict[str, Any]:
    """An exception in plain data: its nearest builtin type, its text, and the last line of the student's own code."""
    kinds = [kind for kind in type(error).__mro__ if vars(builtins).get(kind.__name__) is kind]
    cell = line = None
    traceback = error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name in files:
            cell, line = files[name], traceback.tb_lineno
        traceback = traceback.tb_next
    return {
        "builtin": kinds[0].__name__ if kinds else "Exception",
        "name": type(error).__name__,
        "text": text_of(error),
        "cell": cell,
        "line": line,
    }


def text_of(error: BaseException) -> str:
    try:
        return str(error)[:MAX_TEXT]
    except BaseException:
        return ""


@contextlib.contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Raise TimeIsUp in the body when it takes longer; without effect outside the main thread.

    The seconds are processor time, so that a busy machine costs nobody a mark; who sleeps is stopped when `PATIENCE`
    times as much has passed on the clock. It interrupts Python code; code that catches it, or never returns to
    Python, has to be killed from outside.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_alarm(number: int, _: object) -> None:
        waited = number == signal.SIGALRM and time.process_time() - began < seconds / 2
        raise TimeIsUp(f"{what} ran longer than the {seconds:g} seconds it may take.", waited=waited)

    seconds, began = max(seconds, 0.01), time.process_time()
    timers = ((signal.ITIMER_PROF, signal.SIGPROF, seconds), (signal.ITIMER_REAL, signal.SIGALRM, PATIENCE * seconds))
    previous = [signal.signal(number, on_alarm) for _, number, _ in timers]
    for timer, _, limit in timers:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for timer, _, _ in timers:
            signal.setitimer(timer, 0)
        for (_, number, _), handler in zip(timers, previous, strict=True):
            signal.signal(number, handler)


def reseed(seed: int) -> None:
    """Seed every generator that Python, NumPy and torch share."""
    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    torch.default_generator.manual_seed(seed % (1 << 63))

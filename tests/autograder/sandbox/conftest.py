"""Sandboxed processes to examine: one server per level of the ladder, and a shell in each of its students."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from autograder.assignment import Budget
from autograder.forkserver import ForkServer, ForkServerError, StudentProcess

ENTRY = "autograder.sandbox.shell:serve"
SMALL = Budget(memory_mb=256, processes=32, disk_mb=8, notebook_seconds=20)
SECRET = "the-answer-is-41"


class Student:
    """Python texts in, JSON values out."""

    def __init__(self, process: StudentProcess):
        self.process = process
        process.sock.settimeout(60)
        self._lines = process.sock.makefile("rw")

    def send(self, source: str, **names: Any) -> None:
        given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
        self._lines.write(json.dumps(given + textwrap.dedent(source)) + "\n")
        self._lines.flush()

    def receive(self) -> dict[str, Any]:
        line = self._lines.readline()
        return json.loads(line) if line else {"error": "closed"}

    def reply(self, source: str, **names: Any) -> dict[str, Any]:
        """What became of the text: {"answer": ...}, or {"error": name, "text": ..., "errno": ...}."""
        self.send(source, **names)
        return self.receive()

    def answer(self, source: str, **names: Any) -> Any:
        """The value that the text gives to `answer`."""
        reply = self.reply(source, **names)
        assert "answer" in reply, reply
        return reply["answer"]

    def error(self, source: str, **names: Any) -> str:
        """The name of the exception that the text ends with."""
        reply = self.reply(source, **names)
        assert "error" in reply, reply
        return reply["error"]


@pytest.fixture(scope="session", params=["full", "landlock"])
def server(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    os.environ["DESCENT_TEST_SECRET"] = SECRET
    with ForkServer(request.param, entry=ENTRY) as server:
        try:
            assert server.level == request.param
        except ForkServerError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture
def spawn(server: ForkServer) -> Iterator[Callable[..., Student]]:
    """Start students of one server; all have ended when the test has."""
    with ExitStack() as stack:
        yield lambda budget=SMALL: Student(stack.enter_context(server.spawn(budget)))


@pytest.fixture
def student(spawn: Callable[..., Student]) -> Student:
    return spawn()

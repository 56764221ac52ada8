"""The judge's end of a student process: run the cells, call functions, and go on when the process is lost.

One request, one answer, and all answers together no larger than the memory that the submission may use: whoever asks
keeps them. A process that dies, hangs, or says anything but the answer is killed; the next call gets a
fresh one in which all cells have run again, but for the cell that ended the last one.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from nbformat.notebooknode import NotebookNode

from autograder import channel
from autograder.assignment import Budget
from autograder.calls import PATIENCE, Call
from autograder.channel import FRAME_BYTES, Allowance, ChannelClosed, ChannelError, ChannelTimeout
from autograder.outputs import clean_outputs, execution_count, stream

GRACE = 2.0
PATIENCE_TO_END = 5.0
MAX_LOST_CELLS = 3
MAX_PROCESSES = 24
ENDINGS = {
    "memory": "used more than the {memory_mb} MB of memory it may use",
    "cpu": "used more processor time than it may",
    "crashed": "crashed the Python interpreter",
    "exited": "ended the Python process",
    "killed": "was ended by the system",
}


class Process(Protocol):
    """What a session needs of `autograder.forkserver.StudentProcess`."""

    sock: Any

    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> Any: ...


class StudentLost(Exception):
    """The student process is gone; the text says what the code did, as "used more than ..."."""


class Disturbed(BaseException):
    """Somebody on the machine ended the student process: what came of it says nothing about the submission.

    Not an Exception, so that nobody takes it for an answer: the submission is graded anew.
    """


@dataclass(frozen=True)
class CodeCell:
    """A cell of the submission that grading runs; `number` is its place in the notebook, `label` how notes call it.

    `given`: it is the assignment's own, not the student's.
    """

    number: int
    source: str
    label: str = "A cell"
    given: bool = False


@dataclass
class CellOutcome:
    outputs: list[NotebookNode] = field(default_factory=list)
    execution_count: int | None = None


class Session:
    """A submission's cells in a live process, and the calls that tests make.

    Every method raises Disturbed when the process was killed and neither a budget nor a crash explains it. Code can
    bring that about too, where it may signal itself: at the `last_try` it counts as what the code did.
    """

    def __init__(
        self,
        spawn: Callable[[Budget], Process],
        budget: Budget,
        cells: list[CodeCell],
        seed: int,
        *,
        files: Mapping[str, bytes] | None = None,
        last_try: bool = False,
    ) -> None:
        self.budget, self.cells, self.seed, self.last_try = budget, cells, seed, last_try
        self.files = dict(files or {})
        self.outcomes: dict[int, CellOutcome] = {}
        self.notes: list[str] = []
        self.hopeless = ""
        self._spawn = spawn
        self._process: Process | None = None
        self._skipped: set[int] = set()
        self.processes = 0
        self._output_left = budget.output_kb * 1024
        self._deadline = time.monotonic() + budget.notebook_seconds
        self._rng: bytes | None = None
        self._bytes_left = budget.memory_mb << 20

    def ensure(self) -> None:
        """A living process in which the cells have run; raises StudentLost when there can be none any more."""
        while self.hopeless or self._process is None or self._seconds_left() <= 0:
            if self._seconds_left() <= 0:
                self._give_up(f"used up the {self.budget.notebook_seconds:g} seconds that a notebook may take")
            elif self.processes >= MAX_PROCESSES or len(self._skipped) > MAX_LOST_CELLS:
                self._give_up("ended its process too many times")
            if self.hopeless:
                self.close()
                raise StudentLost(self.hopeless)
            self._start()

    def _give_up(self, reason: str) -> None:
        if not self.hopeless:
            self.hopeless = reason
            self.notes.append(f"The notebook {reason}: what came after did not run.")

    def _start(self) -> None:
        """Start a process and run the cells; a cell that ends the process is left out the next time."""
        self._process = self._spawn(self.budget)
        self.processes += 1
        self._rng = None
        cell = None
        try:
            output_bytes = self.budget.output_kb * 1024
            begin = {"op": "begin", "output_bytes": output_bytes, "seed": self.seed, "files": self.files}
            self._exchange(begin, 10.0)
            for cell in self.cells:
                if cell.number not in self._skipped and cell.source.strip():
                    self._run(cell)
            cell = None
        except StudentLost as lost:
            if cell is not None:
                self._skipped.add(cell.number)
                if cell.number in self.outcomes:  # its number could tell what the process before was asked
                    self._note(f"A cell that had run before {lost}: it counts as not run.")
                else:
                    self.notes.append(f"{cell.label} {lost}: it counts as not run.")
                    self.outcomes[cell.number] = CellOutcome([stream("stderr", f"[This cell {lost}.]\n")])

    def _run(self, cell: CodeCell) -> None:
        seconds = min(self.budget.cell_seconds, max(self._seconds_left(), 0.1))
        request = {"op": "run", "cell": cell.number, "source": cell.source, "seconds": seconds}
        reply = self._exchange(request, seconds)
        if cell.number in self.outcomes:
            return
        data = reply.get("outputs")
        claimed = self._guard(lambda: channel.loads(data)) if type(data) is bytes else None
        outputs, size = clean_outputs(claimed, self._output_left)
        self._output_left -= size
        if reply.get("cut") is True:
            outputs.append(stream("stderr", f"[Output beyond {self.budget.output_kb} kB is not kept.]\n"))
            self._note(f"The notebook wrote more than {self.budget.output_kb} kB: the rest is not kept.")
        if reply.get("asked_input") is True:
            self._note(f"{cell.label} asks for input(), which nobody answers while a notebook is graded.")
        if reply.get("showed_widget") is True:
            self._note(f"{cell.label} shows a widget, which nobody moves while a notebook is graded.")
        if reply.get("timed_out") is True:
            self._note(f"{cell.label} was stopped after the {seconds:g} seconds it may take.")
        self.outcomes[cell.number] = CellOutcome(outputs, execution_count(reply))

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def close(self) -> None:
        """End the process, if one lives."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(TimeoutError):  # whoever gave it out cleans up behind it
                self._process.wait(PATIENCE_TO_END)
            self._process.sock.close()
            self._process = None

    def call(self, call: Call) -> dict[str, Any]:
        """The reply to a call, still to be decoded; raises StudentLost.

        torch's global generator goes along, so that seeding it in a test seeds the student's code as well, and what
        that code drew is drawn here too.
        """
        self.ensure()
        state = channel.generator_state(torch.default_generator)
        seconds = min(self.budget.call_seconds, max(self._seconds_left(), 0.1))
        how = {"rng": None if state == self._rng else state, "seconds": seconds}
        reply = self._exchange({"op": "call", **call.request(), **how}, seconds)
        drawn = reply.get("rng")
        self._rng = state if drawn is None else None
        if type(drawn) is bytes:
            self._guard(lambda: channel.follow(torch.default_generator, drawn))
            after = channel.generator_state(torch.default_generator)
            self._rng = after if drawn == after else None
        return reply

    def replay(
        self, calls: Sequence[tuple[Call, int]], seconds: float, *, solution: int | None = None
    ) -> list[dict[str, Any]]:
        """The replies to calls, each with the seed of every generator before it; raises StudentLost.

        They are those of the first calls, at least of one: the process stops when that many seconds have passed or a
        call has used them up. `solution` is the number of a loaded one, to be called instead of the student's.
        """
        self.ensure()
        seconds = min(seconds, self.budget.call_seconds, max(self._seconds_left(), 0.1))
        asked = [{**call.request(), "seed": seed} for call, seed in calls]
        self._rng = None
        reply = self._exchange({"op": "replay", "calls": asked, "seconds": seconds, "solution": solution}, seconds)
        replies = reply.get("replies")
        if type(replies) is not list or not 0 < len(replies) <= len(calls) or {*map(type, replies)} != {dict}:
            self.close()
            raise StudentLost("sent something that is not an answer")
        return replies

    def load(self, solution: int, source: str) -> None:
        """Put a known solution, by a number, into the process, where `call` finds it; raises StudentLost."""
        self.ensure()
        self._exchange({"op": "load", "solution": solution, "source": source}, self.budget.cell_seconds)

    def value(self, name: str) -> Any:
        """A constant that a solution cell defines; raises StudentLost, or KeyError when there is no plain one."""
        self.ensure()
        reply = self._exchange({"op": "value", "name": name}, self.budget.call_seconds)
        if type(reply.get("value")) is not bytes:
            raise KeyError(name)
        return self._guard(lambda: channel.loads(reply["value"]))

    def take_back(self, call: Call, reply: dict[str, Any], keep: Collection[int | str] = ()) -> Any:
        """The value of a reply; arguments that the call changed are changed here too, except those in `keep`."""
        allowance = Allowance()

        def decode() -> Any:
            table = call.take_back(reply.get("changed", {}), allowance, keep)
            value = channel.loads(reply["value"], table, allowance=allowance) if "value" in reply else None
            channel.require_finite([value, *(table.items[number] for number in reply.get("changed", ()))], Allowance())
            return value

        return self._guard(decode)

    def _guard(self, decode: Callable[[], Any]) -> Any:
        """What does not decode ends the process: its other answers are worth as little."""
        try:
            return decode()
        except ChannelError:
            self.close()
            raise StudentLost("gave an answer that is not plain data") from None

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def _exchange(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        process = self._process
        assert process is not None
        name = secrets.token_hex(8)
        try:
            channel.send_frame(process.sock, channel.pack({**request, "id": name}), PATIENCE * seconds + GRACE)
            data = channel.receive_frame(process.sock, PATIENCE * seconds + GRACE, min(FRAME_BYTES, self._bytes_left))
            self._bytes_left -= len(data)
            reply = channel.loads(data)
            if type(reply) is not dict or reply.get("id") != name or "broken" in reply:
                raise ChannelError("An answer to another question.")
            return reply
        except ChannelClosed:
            self._process = None
            reason = self._ending(process)
        except ChannelTimeout:
            self.close()
            reason = f"ran longer than the {seconds:g} seconds it may take and did not stop when asked to"
        except ChannelError:
            self.close()
            reason = "sent something that is not an answer"
        raise StudentLost(reason)

    def _ending(self, process: Process) -> str:
        try:
            reason = process.wait(PATIENCE_TO_END).reason
        except TimeoutError:
            process.kill()
            process.wait(PATIENCE_TO_END)
            reason = "exited"
        process.sock.close()
        if reason == "lost" and not self.last_try:
            raise Disturbed
        return ENDINGS.get(reason, ENDINGS["killed"]).format(memory_mb=self.budget.memory_mb)

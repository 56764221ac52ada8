"""The fork server's own process: import once, then fork, confine, watch and reap student processes.

It holds no secret: no tests, no solutions, no database, and what it remembers of one student is gone before the next
one is forked. It runs no student code and listens to nobody but the trusted process that started it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from autograder.sandbox import limits, memory, processes, system
from autograder.sandbox.levels import LADDER, LEVELS, Level, SandboxError, Unsafe, start
from autograder.sandbox.protocol import END, MESSAGE_BYTES, RETIRE, Exit, clean_environment

# Between two looks at what students use; and how much longer than a look, where there is much to look at.
WATCH_SECONDS, _WATCH_REST = 0.25, 4.0
# The fork from which on a server has enough to do to be worth the second that it takes.
_PRELOAD_MORE_AT, _COLLAPSE_AT = 2, 8
_PRELOADED = (
    "numpy",
    "torch",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "IPython.core.interactiveshell",
    "utils.checks",
    "utils.data",
    "utils.plotting",
)

Entry = Callable[[socket.socket, Path], None]


def main() -> None:
    """The first process: it stays outside of the sandbox, starts the server, and cleans up behind it."""
    options = json.loads(sys.argv[1])
    sys.argv = [""]
    trusted = os.pidfd_open(os.getppid())
    control = socket.socket(fileno=options["control"])
    folder = Path(options["folder"])
    folder.chmod(0o711)  # student processes may be another user, with a scratch of their own inside
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    memory.keep()
    try:
        fonts = _known_fonts(Path(options["fonts"]))
        pid = _climb(options, folder, lambda level: _serve(level, options["entry"], fonts, control, trusted))
    except SandboxError as error:
        _send(control, {"failed": str(error)})
        processes.remove_folder(folder)
        return
    control.close()
    with contextlib.suppress(ProcessLookupError):
        _guard(pid, trusted)
    processes.kill_orphans(set())
    processes.remove_folder(folder)


def _known_fonts(cache: Path) -> dict[str, bytes]:
    """The grader's own lists of fonts, by file name: making one takes matplotlib up to many seconds."""
    with contextlib.suppress(OSError):
        return {path.name: path.read_bytes() for path in cache.glob("fontlist-*.json")}
    return {}


def _climb(options: dict[str, Any], folder: Path, serve: Callable[[Level], None]) -> int:
    """Start a server at the best level that works, and return its process id.

    Raises SandboxError when no level does that was asked for.
    """
    asked = options["level"]
    if asked is not None and asked not in LEVELS:
        raise SandboxError(f"There is no sandbox level {asked!r}; the levels are: {', '.join(LEVELS)}.")
    ladder = list(LADDER) if asked is None else [LEVELS[asked]]
    if options["unsafe"] and Unsafe not in ladder:
        ladder.append(Unsafe)
    reasons = []
    for kind in ladder:
        try:
            level = kind(folder)
            return start(level, lambda level=level: serve(level))  # type: ignore[misc]
        except SandboxError as error:
            reasons.append(f"level {kind.name!r} failed: {error}")
    raise SandboxError(
        f"Student code cannot be isolated on this machine ({'; '.join(reasons)}). "
        "Run `autograder doctor`, or accept the risk by name: --unsafe."
    )


def _guard(server: int, trusted: int) -> None:
    """Wait until the server ends; end it when the trusted process does."""
    pidfd = os.pidfd_open(server)
    poll = select.poll()
    for fd in (pidfd, trusted):
        poll.register(fd, select.POLLIN)
    if pidfd not in {fd for fd, _ in poll.poll()}:
        # The server notices as well, unless it hangs.
        os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)


@dataclass
class _Student:
    """A running student process, seen from the server."""

    pid: int
    pidfd: int
    slot: int
    lifeline: socket.socket
    scratch: Path
    budget: dict[str, Any]
    out_of_memory_kills: int
    ended_for: tuple[str, str] | None = None


def _serve(level: Level, entry: str, fonts: dict[str, bytes], control: socket.socket, trusted: int) -> None:
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    os.environ.update(clean_environment(str(level.home), str(level.home)))
    os.chdir(level.home)
    for name, text in fonts.items():
        folder = Path(os.environ["MPLCONFIGDIR"])
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(text)
    gc.disable()
    try:
        module, function = _preload(entry)
        processes.require_one_thread()
    except Exception as error:
        _send(control, {"failed": f"The fork server cannot prepare what students need: {str(error).rstrip('.')}."})
        return
    level.seal()
    _send(control, {"level": level.name})
    _Loop(level, function, getattr(module, "preload_more", None), control, trusted).run()


def _preload(entry: str) -> tuple[ModuleType, Entry]:
    """Import what every student needs; returns the function that student processes run, and its module.

    The module may have a function `preload` that prepares more of it, and a `preload_more` that waits until a second
    student comes.
    """
    for name in _PRELOADED:
        importlib.import_module(name)
    _reseed()  # parts of numpy are imported at their first use
    module_name, _, name = entry.partition(":")
    module = importlib.import_module(module_name)
    if hasattr(module, "preload"):
        module.preload()
    return module, getattr(module, name)


class _Loop:
    """Fork on request, report exits, end what has lost its owner or exceeds its budget."""

    def __init__(
        self,
        level: Level,
        entry: Entry,
        preload_more: Callable[[], None] | None,
        control: socket.socket,
        trusted: int,
    ):
        self._level = level
        self._entry = entry
        self._preload_more = preload_more
        self._control = control
        self._trusted = trusted
        self._students: dict[int, _Student] = {}
        self._forks = 0
        self._next_watch = 0.0
        self._prepared()

    def _prepared(self) -> None:
        """What the server has in memory from now on is shared by the student processes: it is not the students'."""
        memory.freeze()
        self._shared_memory = processes.private_memory([os.getpid()])

    def run(self) -> None:
        accepting = True
        while accepting or self._students:
            ready = self._wait(accepting)
            if self._trusted in ready:
                break
            for student in list(self._students.values()):
                if student.lifeline.fileno() in ready:
                    self._end(student, "killed", "")
                if student.pidfd in ready:
                    self._report(student)
            if time.monotonic() >= self._next_watch:
                self._watch_all()
            if accepting and self._control.fileno() in ready:
                request, fds, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 2)
                if not request:
                    break
                message = json.loads(request)
                if message == END:
                    break
                if message == RETIRE:
                    accepting = False
                else:
                    self._fork(message, *fds)
        for student in list(self._students.values()):
            self._end(student, "lost", "ended with the grader")
            self._report(student)

    def _wait(self, accepting: bool) -> set[int]:
        poll = select.poll()
        poll.register(self._trusted, select.POLLIN)
        if accepting:
            poll.register(self._control, select.POLLIN)
        for student in self._students.values():
            poll.register(student.pidfd, select.POLLIN)
            if student.ended_for is None:
                poll.register(student.lifeline, select.POLLIN)
        pause = max(0.0, self._next_watch - time.monotonic())
        return {fd for fd, _ in poll.poll(pause * 1000 if self._students else None)}

    def _fork(self, budget: dict[str, Any], sock_fd: int, lifeline_fd: int) -> None:
        self._forks += 1
        if self._forks == _PRELOAD_MORE_AT and self._preload_more is not None:
            self._preload_more()
            self._prepared()
        if self._forks == _COLLAPSE_AT:
            memory.collapse()
        processes.require_one_thread()
        lifeline = socket.socket(fileno=lifeline_fd)
        try:
            self._students |= self._start_student(budget, sock_fd, lifeline)
        except OSError as error:  # no processes, memory or disk left; others may still finish
            _send(lifeline, {"failed": str(error)})
        finally:
            os.close(sock_fd)

    def _start_student(self, budget: dict[str, Any], sock_fd: int, lifeline: socket.socket) -> dict[int, _Student]:
        slots = {student.slot for student in self._students.values()}
        slot = next(n for n in range(len(slots) + 1) if n not in slots)
        scratch = self._level.make_scratch(slot)
        server, kills = os.getpid(), processes.out_of_memory_kills()
        with self._level.forking():
            pid = os.fork()
            if pid == 0:
                self._become_student(budget, scratch, slot, server, sock_fd, lifeline)
        return {pid: _Student(pid, os.pidfd_open(pid), slot, lifeline, scratch, budget, kills)}

    def _become_student(
        self, budget: dict[str, Any], scratch: Path, slot: int, server: int, sock_fd: int, lifeline: socket.socket
    ) -> NoReturn:
        """In the fresh fork: give up all that is not the student's, then serve; never returns."""
        code = 1
        try:
            try:
                os.setsid()
                sock = _keep_only(sock_fd, lifeline)
                self._level.confine(budget, scratch, slot, server)
                os.environ.update(clean_environment(str(scratch), str(self._level.temporary(scratch))))
                tempfile.tempdir = None
                _reseed()
                _send(lifeline, {"started": True})
            except Exception as error:
                _send(lifeline, {"failed": f"{type(error).__name__}: {error}"})
                raise
            lifeline.close()
            gc.enable()
            self._entry(sock, scratch)
            code = 0
        finally:
            os._exit(code)

    def _watch_all(self) -> None:
        began = time.monotonic()
        processes.kill_orphans(set(self._students))
        for student in self._students.values():
            self._watch(student)
        ended = time.monotonic()
        self._next_watch = ended + max(WATCH_SECONDS, _WATCH_REST * (ended - began))

    def _watch(self, student: _Student) -> None:
        """Limits that the kernel counts per process only, or not at all."""
        family = processes.descendants(student.pid)
        budget = student.budget
        allowed = budget["memory_mb"] * limits.MB + self._shared_memory
        use = processes.Use.of(family)
        if use.cpu_seconds > budget["notebook_seconds"]:
            self._end(student, "cpu", _cpu_detail(budget))
        elif use.tasks > budget["processes"]:
            self._end(student, "killed", f"started more than {budget['processes']} processes")
        elif use.memory_bound > allowed and processes.private_memory(family) > allowed:
            self._end(student, "memory", f"used more than {budget['memory_mb']} MB of memory")
        most_files = limits.file_count(budget["disk_mb"])
        size, files = self._level.disk_use(student.scratch, family, most_files)
        if size > budget["disk_mb"] * limits.MB or files > most_files:
            self._end(student, "killed", f"wrote more than {budget['disk_mb']} MB, or too many files")

    def _end(self, student: _Student, reason: str, detail: str) -> None:
        if student.ended_for is None:
            student.ended_for = reason, detail
            signal.pidfd_send_signal(student.pidfd, signal.SIGKILL)
            # Most of what it started dies in the same instant; `kill_orphans` finds the rest.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(student.pid, signal.SIGKILL)

    def _report(self, student: _Student) -> None:
        _, status, usage = os.wait4(student.pid, 0)
        del self._students[student.pid]
        os.close(student.pidfd)
        processes.kill_orphans(set(self._students))
        with contextlib.suppress(OSError):  # nobody may be waiting for it
            # A request left unread would reset the socket at its close, and the report would be lost.
            student.lifeline.shutdown(socket.SHUT_RD)
            while student.lifeline.recv(MESSAGE_BYTES):
                pass
            _send(student.lifeline, asdict(self._explain(student, status, usage)))
        student.lifeline.close()
        self._level.remove_scratch(student.scratch)

    def _explain(self, student: _Student, status: int, usage: Any) -> Exit:
        """The Exit that a wait status means."""
        cpu = usage.ru_utime + usage.ru_stime
        if student.ended_for is not None:
            reason, detail = student.ended_for
        elif os.WIFEXITED(status):
            reason, detail = "exited", f"ended with exit code {os.WEXITSTATUS(status)}"
        else:
            ended_by = signal.Signals(os.WTERMSIG(status))
            if ended_by == signal.SIGXCPU or cpu >= student.budget["notebook_seconds"]:
                reason, detail = "cpu", _cpu_detail(student.budget)
            elif ended_by != signal.SIGKILL:
                reason, detail = "crashed", f"crashed the interpreter ({ended_by.name})"
            elif processes.out_of_memory_kills() > student.out_of_memory_kills:
                reason, detail = "memory", "was running when the machine had no memory left"
            else:
                reason, detail = "lost", "was ended from outside"
        return Exit(reason, detail, cpu, usage.ru_maxrss / 1024)


def _cpu_detail(budget: dict[str, Any]) -> str:
    return f"used more than {budget['notebook_seconds']:.0f} seconds of CPU time"


def _keep_only(sock_fd: int, lifeline: socket.socket) -> socket.socket:
    """Close every descriptor but these two; 0, 1 and 2 are /dev/null."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    low, high = sorted((sock_fd, lifeline.fileno()))
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, os.sysconf("SC_OPEN_MAX"))
    return socket.socket(fileno=sock_fd)


def _reseed() -> None:
    """Fresh randomness: without it all students would draw the same numbers, and could know each other's."""
    import numpy
    import torch

    random.seed()
    numpy.random.seed()
    torch.default_generator.seed()


def _send(sock: socket.socket, message: dict[str, Any]) -> None:
    sock.send(json.dumps(message).encode())

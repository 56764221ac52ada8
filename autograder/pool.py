"""A pool of worker processes that may die: the task that one had is given out again, and no task is ever lost."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

STARTS_IN_A_ROW = 3  # that may fail before any worker has started
LATER_STARTS_IN_A_ROW = 30  # afterwards: then what ends them passes, such as memory that others use
PR_SET_PDEATHSIG = 1

Setup = Callable[[], AbstractContextManager[Callable[[Any], Any]]]


class PoolError(RuntimeError):
    """No worker can be started; the message is one sentence that says why."""


@dataclass(frozen=True)
class Failure:
    """A task that could not be done, and why, as the end of a sentence."""

    reason: str


@dataclass
class _Task:
    key: str
    task: Any
    tries: int = 0


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    ready: bool = False
    doing: _Task | None = None
    deadline: float = field(default=float("inf"))


def available_cores() -> int:
    """How many this process may use: in a container, or under taskset, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """Runs tasks in `workers` processes.

    Args:
        setup: called in each worker; the context manager that it returns gives the function that does a task.
        workers: how many processes.
        tries: how often a task is given out before it counts as failed.
        seconds: how long a task may take before its worker is killed.
    """

    def __init__(self, setup: Setup, workers: int, *, tries: int = 3, seconds: float = 600.0) -> None:
        self.setup, self.size, self.tries, self.seconds = setup, max(1, workers), tries, seconds
        self._workers: list[_Worker] = []
        self._failed_starts, self._most_failed_starts = 0, STARTS_IN_A_ROW

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()  # the end of its work for a worker that is idle
        for worker in self._workers:
            if worker.doing is None and worker.ready:
                worker.process.join(2.0)
            _end(worker)
        self._workers.clear()

    @property
    def pids(self) -> list[int]:
        return [worker.process.pid for worker in self._workers if worker.process.pid is not None]

    def run(self, tasks: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any | Failure]]:
        """Answers as they come, by the key of their task. Tasks are drawn one by one, when a worker is free."""
        source = iter(tasks)
        again: deque[_Task] = deque()
        exhausted = False
        while True:
            while (worker := self._idle(again, exhausted)) is not None:
                task = again.popleft() if again else None
                if task is None:
                    drawn = next(source, None)
                    if drawn is None:
                        exhausted = True
                        break
                    task = _Task(*drawn)
                if not self._give(worker, task):
                    again.appendleft(task)
            if exhausted and not again and not any(worker.doing for worker in self._workers):
                return
            for worker in self._wait():
                task, answer = self._listen(worker)
                if task is None:
                    continue
                if isinstance(answer, Failure) and task.tries < self.tries:
                    again.append(task)
                else:
                    yield task.key, answer

    def _idle(self, again: deque[_Task], exhausted: bool) -> _Worker | None:
        """A worker that waits for work, or None if there is none yet; starts those that could be of use."""
        for worker in self._workers:
            if worker.ready and worker.doing is None:
                return worker
        starting = sum(not worker.ready for worker in self._workers)
        wanted = len(again) if exhausted else self.size
        for _ in range(min(self.size - len(self._workers), wanted - starting)):
            self._start()
        return None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self.setup, theirs, os.getpid()), daemon=False)
        with _uninterrupted():
            process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours))

    def _give(self, worker: _Worker, task: _Task) -> bool:
        try:
            worker.connection.send(task.task)
        except OSError:  # it died while it was idle
            self._remove(worker)
            return False
        task.tries += 1
        worker.doing, worker.deadline = task, time.monotonic() + self.seconds
        return True

    def _wait(self) -> list[_Worker]:
        """Workers that have something to say, have died or have been at it for too long."""
        timeout = min(worker.deadline for worker in self._workers) - time.monotonic()
        heard = wait([worker.connection for worker in self._workers], min(max(0.0, timeout), 3600.0))
        now = time.monotonic()
        return [worker for worker in self._workers if worker.connection in heard or worker.deadline < now]

    def _listen(self, worker: _Worker) -> tuple[_Task | None, Any]:
        """What a worker has to say about its task: an answer or a failure, or nothing about a task."""
        task = worker.doing
        if task is not None and worker.deadline < time.monotonic() and not worker.connection.poll():
            self._remove(worker)
            return task, Failure(f"it took more than {self.seconds:g} seconds")
        try:
            what, value = worker.connection.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if what == "ready":
            worker.ready = True
            self._failed_starts, self._most_failed_starts = 0, LATER_STARTS_IN_A_ROW
            return None, None
        if what == "no start":
            self._remove(worker)
            raise PoolError(value)
        worker.doing, worker.deadline = None, float("inf")
        if what == "failed":
            self._remove(worker)  # what made it fail may have left it in disorder
            return task, Failure(value)
        return task, value

    def _bury(self, worker: _Worker) -> tuple[_Task | None, Any]:
        task, ready = worker.doing, worker.ready
        self._remove(worker)
        code = worker.process.exitcode
        how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        if not ready:
            self._failed_starts += 1
            if self._failed_starts >= self._most_failed_starts:
                raise PoolError(f"The grading process ended {self._failed_starts} times while it started ({how}).")
        return task, Failure(f"the grading process ended while it was at work ({how})")

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.connection.close()
        _end(worker)


def _end(worker: _Worker) -> None:
    if worker.process.is_alive():
        worker.process.terminate()
        worker.process.join(2.0)
    if worker.process.is_alive():
        worker.process.kill()
    worker.process.join()


def _work(setup: Setup, connection: Connection, parent: int) -> None:
    """The life of a worker. Ctrl-C reaches the whole group of processes, but only the driver decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _end_with(parent)
    try:
        with setup() as do:
            connection.send(("ready", None))
            while True:
                try:
                    task = connection.recv()
                except EOFError:
                    return
                try:
                    answer = ("done", do(task))
                except Exception as error:
                    answer = ("failed", f"{type(error).__name__}: {_first_line(error)}")
                connection.send(answer)
    except (BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        with suppress(OSError):
            connection.send(("no start", _first_line(error) or type(error).__name__))


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """A process that starts inside knows nothing of Ctrl-C until it says otherwise; here it comes when this ends."""
    resource_tracker.ensure_running()  # starting it would let Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with(parent: int) -> None:
    """A worker ends when the driver does, even if that was killed while the worker was at work."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")

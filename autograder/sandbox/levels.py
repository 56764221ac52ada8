"""The ladder: what isolates student processes, by what the machine offers.

    full       namespaces, Landlock, seccomp, rlimits
    landlock   Landlock, seccomp, rlimits: for machines and containers that refuse namespaces
    unsafe     rlimits only, and only when asked for by name

A level is used only after a rehearsal: a throwaway student process has been confined in it.

What "landlock" cannot do and "full" does: hide that a file exists, and its size; give `DataLoader` workers the sockets
and the shared memory that they need; count disk use in the kernel (the server looks four times a second instead).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.sandbox import filesystem, landlock, limits, namespaces, privileges, processes, seccomp, system

REHEARSAL = {
    "notebook_seconds": 60.0,
    "memory_mb": 256,
    "processes": 16,
    "disk_mb": 16,
}
_SERVER_DISK_MB = 64
_STUDENTS_OF_ONE_USER = 4
# Exit status of who waited for a process that somebody killed: it says nothing about what the machine offers.
_KILLED = -signal.SIGKILL & 0xFF


class SandboxError(RuntimeError):
    """This machine cannot isolate student processes as asked; the message is one sentence that says why."""


class Level(ABC):
    """One step of the ladder, as one server uses it: `enter` once, then for each student `scratch` and `confine`."""

    name: str

    def __init__(self, folder: Path):
        self.folder = folder
        self.users = privileges.spare_users()
        self.readable = filesystem.readable()

    @property
    def home(self) -> Path:
        """Where the server may write, once it has entered."""
        return self.folder

    def enter(self, guardian: socket.socket) -> None:  # noqa: B027
        """In the server, before it imports anything heavy."""

    def seal(self) -> None:  # noqa: B027
        """In the server, once it has imported all that it needs."""

    @contextmanager
    def forking(self) -> Iterator[None]:
        """Around the fork of a student process."""
        yield

    @abstractmethod
    def make_scratch(self, slot: int) -> Path:
        """In the server: the folder that a student process may write to; it is empty when `confine` returns."""

    def remove_scratch(self, scratch: Path) -> None:
        """In the server, when the student process and all its descendants have ended."""
        processes.remove_folder(scratch)

    @abstractmethod
    def confine(self, budget: dict[str, Any], scratch: Path, slot: int, server: int) -> None:
        """In the student process: give up everything but the budget, and end when the server does."""

    def temporary(self, scratch: Path) -> Path:
        """Where temporary files of a student process belong."""
        return scratch

    def disk_use(self, scratch: Path, family: list[int], most_files: int) -> tuple[int, int]:
        """Bytes and files that a student's processes have written, where no file system limits them."""
        return processes.disk_use(scratch, family, most_files)


class Full(Level):
    """Namespaces, Landlock, seccomp and rlimits."""

    name = "full"

    def __init__(self, folder: Path):
        super().__init__(folder)
        _require_kernel_filters()
        self._filter = seccomp.program(seccomp.Policy())

    @property
    def home(self) -> Path:
        return filesystem.SCRATCH

    def enter(self, guardian: socket.socket) -> None:
        namespaces.enter(str(self.folder), self.users, guardian)
        filesystem.mount_disk(_SERVER_DISK_MB, limits.file_count(_SERVER_DISK_MB))

    def seal(self) -> None:
        filesystem.hide_grader()

    @contextmanager
    def forking(self) -> Iterator[None]:
        with namespaces.new_process_namespace():
            yield

    def make_scratch(self, slot: int) -> Path:
        return filesystem.SCRATCH

    def remove_scratch(self, scratch: Path) -> None:
        """It was a mount of the student's own, and went with it."""

    def confine(self, budget: dict[str, Any], scratch: Path, slot: int, server: int) -> None:
        mapped = limits.Mapped.now()
        namespaces.isolate(budget["disk_mb"], limits.file_count(budget["disk_mb"]))
        _volunteer_for_the_oom_killer()
        limits.apply(budget, mapped)
        os.chdir(scratch)
        privileges.keep_what_one_has()
        writable = (scratch, filesystem.temporary(), filesystem.SHARED_MEMORY, *filesystem.devices())
        landlock.restrict((*self.readable, Path("/proc")), writable)
        system.set_capabilities(0)
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        seccomp.install(self._filter)

    def temporary(self, scratch: Path) -> Path:
        return filesystem.temporary()

    def disk_use(self, scratch: Path, family: list[int], most_files: int) -> tuple[int, int]:
        return 0, 0


class Unsafe(Level):
    """Resource limits only: student code can read what the grader can."""

    name = "unsafe"

    def make_scratch(self, slot: int) -> Path:
        scratch = self.folder / f"scratch-{slot}"
        scratch.mkdir(mode=0o700)
        if self.users is not None:
            os.chown(scratch, self.users.of(slot), self.users.of(slot))
        return scratch

    def confine(self, budget: dict[str, Any], scratch: Path, slot: int, server: int) -> None:
        mapped = limits.Mapped.now()
        spare_tasks = 0
        if self.users is None:
            # The kernel counts all that this user runs; the server watches what belongs to each student.
            spare_tasks = processes.tasks_of(os.getuid()) + _STUDENTS_OF_ONE_USER * budget["processes"]
        if self.users is not None:
            privileges.become(self.users.of(slot), self._capabilities())
        _volunteer_for_the_oom_killer()
        limits.apply(budget, mapped, spare_tasks)
        os.chdir(scratch)
        privileges.keep_what_one_has()
        self._lock(scratch)
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)

    def _capabilities(self) -> int:
        """What a former root must keep to reach an interpreter or a scratch that lies where only root can go."""
        if all(map(privileges.others_may_read, self.readable)) and privileges.others_may_enter(self.folder):
            return 0
        return 1 << system.CAP_DAC_READ_SEARCH

    def _lock(self, scratch: Path) -> None:
        """What a safer level adds, once the process has its final user."""


class Landlock(Unsafe):
    """Landlock, seccomp and rlimits."""

    name = "landlock"

    def __init__(self, folder: Path):
        super().__init__(folder)
        _require_kernel_filters()

    def _lock(self, scratch: Path) -> None:
        own = Path(f"/proc/{os.getpid()}")
        landlock.restrict((*self.readable, own), (scratch, *filesystem.devices()))
        if self.users is None:
            system.set_capabilities(0)
        policy = seccomp.Policy(
            unix_sockets=False,
            own_process=os.getpid(),
            signals_scoped=landlock.abi() >= landlock.SCOPE_ABI,
            metadata_protected=False,
            length_protected=landlock.abi() >= landlock.TRUNCATE_ABI,
        )
        seccomp.install(seccomp.program(policy))


LADDER: tuple[type[Level], ...] = (Full, Landlock)
LEVELS: dict[str, type[Level]] = {"full": Full, "landlock": Landlock, "unsafe": Unsafe}


def _require_kernel_filters() -> None:
    """Raise SandboxError where the kernel lacks what every safe level is built on."""
    if landlock.abi() == 0:
        raise SandboxError("this kernel has no Landlock (Linux 5.13 or later, and not switched off at boot)")
    if not seccomp.supported():
        raise SandboxError(f"seccomp is missing, or has no table for {system.MACHINE}")


def _volunteer_for_the_oom_killer() -> None:
    """When the machine runs out of memory, let a student process be what ends."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def start(level: Level, serve: Callable[[], None]) -> int:
    """Fork a server that has entered `level`, passed a rehearsal and runs `serve`; returns its process id.

    Raises SandboxError when the machine refuses a step, and InterruptedError when somebody kills the server before it
    is ready: a weaker level would be no answer to that.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _live(level, serve, theirs)
    theirs.close()
    with ours:
        while True:
            message = ours.recv(4096)
            if message == namespaces.MAP_ME:
                try:
                    outside = level.users.of(0) if level.users else os.getuid()
                    namespaces.map_user(pid, 0, outside)
                    ours.send(namespaces.MAPPED)
                except OSError as error:
                    ours.send(f"mapping a user: {error}".encode())
            elif message == b"ready":
                return pid
            else:
                _, status = os.waitpid(pid, 0)
                if not message and os.waitstatus_to_exitcode(status) & 0xFF == _KILLED:
                    raise InterruptedError("The server was killed while it entered the sandbox.")
                raise SandboxError(message.decode() or "the server ended while it entered the sandbox")


def _live(level: Level, serve: Callable[[], None], guardian: socket.socket) -> None:
    """The server's life; never returns."""
    code = 1
    try:
        try:
            level.enter(guardian)
            _rehearse(level)
        except OSError as error:
            guardian.send((error.strerror or str(error)).encode())
            os._exit(1)
        guardian.send(b"ready")
        guardian.close()
        serve()
        code = 0
    finally:
        os._exit(code)


def _rehearse(level: Level) -> None:
    """Confine a process that then does nothing; raises OSError with the step that failed."""
    reading, writing = os.pipe()
    server = os.getpid()
    scratch = level.make_scratch(0)
    with level.forking():
        pid = os.fork()
        if pid == 0:
            try:
                level.confine(REHEARSAL, scratch, 0, server)
                os._exit(0)
            except OSError as error:
                os.write(writing, (error.strerror or str(error)).encode())
            finally:
                os._exit(1)
    os.close(writing)
    with open(reading) as reasons:
        reason = reasons.read()
    _, status = os.waitpid(pid, 0)
    level.remove_scratch(scratch)
    if os.waitstatus_to_exitcode(status) == -signal.SIGKILL:
        os._exit(_KILLED)
    if status:
        raise OSError(0, reason or f"a rehearsal ended with status {status}")

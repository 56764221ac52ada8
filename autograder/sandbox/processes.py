"""Student processes seen from outside: what they use together, and ending all of them."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import shutil
import signal
import socket
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PAGE = resource.getpagesize()
_TICK = os.sysconf("SC_CLK_TCK")


def require_one_thread() -> None:
    """Raise RuntimeError when this process has threads: their locks stay held for ever in a forked child."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the fork server runs {threads} threads, and a forked child would hang")


def children(pid: int) -> list[int]:
    """Processes that `pid` has started, or inherited from a process that ended."""
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as listing:
                found += [int(child) for child in listing.read().split()]
    return found


def descendants(pid: int) -> list[int]:
    """`pid` and everything below it, parents first."""
    found = [pid]
    for process in found:
        found += children(process)
    return found


def kill_orphans(known: set[int]) -> None:
    """End every child of this process that is not known: descendants of students that outlived their parent.

    This process must be a child subreaper: what loses its parent becomes its child. A fork bomb cannot outrun it: first
    everything loses the right to fork, then it is killed, a generation at a time.
    """
    while unknown := [pid for pid in children(os.getpid()) if pid not in known]:
        forbidden: set[int] = set()
        while able := {process for pid in unknown for process in descendants(pid)} - forbidden:
            for process in able:
                with contextlib.suppress(OSError):
                    resource.prlimit(process, resource.RLIMIT_NPROC, (0, 0))
            forbidden |= able
        for process in forbidden:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        for pid in unknown:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def tasks_of(user: int) -> int:
    """Processes and threads of a user on the whole machine, as RLIMIT_NPROC counts them."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                status = os.stat(f"/proc/{name}/task")
                count += status.st_nlink - 2 if status.st_uid == user else 0
    return count


@dataclass(frozen=True)
class Use:
    """What processes use together: CPU seconds, threads, and bytes of memory that only they hold, at most."""

    cpu_seconds: float = 0.0
    tasks: int = 0
    memory_bound: int = 0

    @classmethod
    def of(cls, processes: list[int]) -> Use:
        """Of running processes, and the CPU time of the children that they waited for."""
        total = cls()
        for pid in processes:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as line:
                # The name may contain anything, a parenthesis too: the numbers start behind the last one.
                numbers = [int(number) for number in line.read().rpartition(")")[2].split()[1:]]
                # A page that a process does not share has cost it a page fault (huge ones would cost less than their
                # size: student processes have none).
                status = _fields(f"/proc/{pid}/status", "RssAnon", "RssShmem", "VmSwap", "FDSize")
                descriptors = status.pop("FDSize", 0)
                private = min(sum(status.values()) * 1024, numbers[6] * _PAGE)
                total = cls(
                    total.cpu_seconds + sum(numbers[10:14]) / _TICK,
                    total.tasks + numbers[16],
                    total.memory_bound + private + descriptors * _socket_bytes(),
                )
        return total


def private_memory(processes: list[int]) -> int:
    """Bytes of memory that the processes hold; of a page that several hold, each counts its share. Slow."""
    names = ("Pss_Anon", "Pss_Shmem", "SwapPss")
    pages = sum(sum(_fields(f"/proc/{pid}/smaps_rollup", *names).values()) * 1024 for pid in processes)
    return pages + len(_sockets(processes)) * _socket_bytes()


@cache
def _socket_bytes() -> int:
    """What a socket can hold that nobody reads."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        return ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


def _sockets(processes: list[int]) -> set[str]:
    found = set()
    for pid in processes:
        with contextlib.suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {name for name in found if name.startswith("socket:")}


def _fields(path: str, *names: str) -> dict[str, int]:
    """The numbers of lines like "RssAnon:  329712 kB"; none when the process has ended."""
    found = {}
    with contextlib.suppress(OSError), open(path) as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name in names:
                found[name] = int(value.split()[0])
    return found


def out_of_memory_kills() -> int:
    """How many processes the kernel has ended since the machine started, because it had no memory left."""
    with contextlib.suppress(OSError), open("/proc/vmstat") as lines:
        return int(dict(line.split() for line in lines).get("oom_kill", 0))
    return 0


def disk_use(folder: Path, processes: list[int], most_files: int) -> tuple[int, int]:
    """Bytes and entries under a folder and in deleted files that are still open; stops at `most_files` entries."""
    size, entries = _deleted_but_open(processes), 0
    stack = [str(folder)]
    while stack and entries <= most_files:
        with contextlib.suppress(OSError), os.scandir(stack.pop()) as listing:
            for entry in listing:
                entries += 1
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                if entries > most_files:
                    break
    return size, entries


def _deleted_but_open(processes: list[int]) -> int:
    """Bytes of files without a name."""
    sizes = {}
    for pid in processes:
        with contextlib.suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    status = os.stat(f"/proc/{pid}/fd/{fd}")
                    if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                        sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())


def remove_folder(folder: Path) -> None:
    """Delete a folder that a student filled: names, modes and depth may be chosen to break a plain recursion."""
    if not folder.exists():
        return
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    unique, number = secrets.token_hex(8), 0
    with contextlib.suppress(FileNotFoundError):
        while entries := list(os.scandir(folder)):
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                os.chmod(entry.path, 0o700)
                for inner in list(os.scandir(entry.path)):
                    if inner.is_dir(follow_symlinks=False):
                        os.chmod(inner.path, 0o700)
                        number += 1
                        os.rename(inner.path, folder / f"{unique}-{number}")
                    else:
                        os.unlink(inner.path)
                os.rmdir(entry.path)
        os.rmdir(folder)

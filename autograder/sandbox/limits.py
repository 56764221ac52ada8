"""Resource limits of one student process, computed from its budget."""

from __future__ import annotations

import math
import resource
from dataclasses import dataclass
from typing import Any

from autograder.sandbox import system

MB = 2**20
_OPEN_FILES = 512
_SIGNALS = 256  # that wait; each timer takes one
_STACK = 8 * MB
# Address space that is reserved and never used: the stacks and malloc arenas of threads.
_RESERVED = 1024 * MB
# Files smaller than this are as good as free in the count of bytes, so their number is limited as well.
_BYTES_PER_FILE = 16384


def file_count(disk_mb: int) -> int:
    """How many files and folders a budget of `disk_mb` allows."""
    return max(256, disk_mb * MB // _BYTES_PER_FILE)


@dataclass(frozen=True)
class Mapped:
    """Memory that a process has mapped, in bytes: all of it, and the private writable part."""

    address_space: int
    data: int

    @classmethod
    def now(cls) -> Mapped:
        """Of this process: a fork starts with all that its parent mapped, and limits count that too."""
        with open("/proc/self/statm") as statm:
            pages = statm.read().split()
        page = resource.getpagesize()
        return cls(int(pages[0]) * page, int(pages[5]) * page)


def apply(budget: dict[str, Any], mapped: Mapped, spare_tasks: int = 0) -> None:
    """Set the limits of this process. `mapped` is what it had mapped before any student code ran.

    RLIMIT_NPROC is counted per user and user namespace, and for uid 0 not at all: call this as the student's own user,
    with the number of tasks that are not the student's and may run under the same one.
    RLIMIT_CPU and RLIMIT_DATA are of each process by itself; the server watches their sums.
    """
    memory = budget["memory_mb"] * MB
    cpu = math.ceil(budget["notebook_seconds"])
    # Without huge pages each page costs a page fault, and so a bound on memory can be read off the count of faults.
    system.prctl(system.PR_SET_THP_DISABLE, 1)
    for kind, soft, hard in (
        (resource.RLIMIT_AS, mapped.address_space + memory + _RESERVED, None),
        (resource.RLIMIT_DATA, mapped.data + memory, None),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_NPROC, budget["processes"] + spare_tasks, None),
        (resource.RLIMIT_FSIZE, budget["disk_mb"] * MB, None),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, None),
        (resource.RLIMIT_STACK, _STACK, None),
        # Not 0: only this value also keeps a handler of core dumps (systemd-coredump, apport) from being started.
        (resource.RLIMIT_CORE, 1, None),
        (resource.RLIMIT_MEMLOCK, 0, None),
        (resource.RLIMIT_MSGQUEUE, 0, None),
        (resource.RLIMIT_SIGPENDING, _SIGNALS, None),
        (resource.RLIMIT_RTPRIO, 0, None),
        (resource.RLIMIT_NICE, 0, None),
    ):
        ceiling = resource.getrlimit(kind)[1]
        wanted = [soft, soft if hard is None else hard]
        if ceiling != resource.RLIM_INFINITY:
            wanted = [min(value, ceiling) for value in wanted]
        resource.setrlimit(kind, (wanted[0], wanted[1]))

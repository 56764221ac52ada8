"""What one student process costs: fork, isolation and teardown, in wall and CPU time and private memory.

    python benchmarks/spawn.py [--forks N]

One row per level of the sandbox's ladder; "unsafe" is close to the bare fork. CPU time is the server's plus the student
process's. The student process imports nothing, runs one line, and is killed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

from autograder.assignment import Budget
from autograder.forkserver import ForkServer, ForkServerError
from autograder.sandbox.processes import Use, descendants

ENTRY = "autograder.sandbox.shell:serve"
MEMORY = """
fields = dict(line.split(':', 1) for line in open('/proc/self/smaps_rollup').read().splitlines()[1:])
answer = [int(fields[name].split()[0]) / 1024 for name in ('Pss', 'Private_Dirty')]
"""


def measure(level: str, forks: int) -> list[str]:
    spawned, ended, private, shares = [], [], [], []
    with ForkServer(level, unsafe=True, entry=ENTRY) as server:
        started = time.perf_counter()
        server.level  # noqa: B018
        cold = time.perf_counter() - started
        for _ in range(10):  # warm
            _one(server, "answer = 1")
        before = _cpu()
        for _ in range(forks):
            times, _ = _one(server, "answer = 1")
            spawned.append(times[0])
            ended.append(times[1])
        cpu = (_cpu() - before) / forks
        for _ in range(3):
            _, answer = _one(server, MEMORY)
            shares.append(answer[0])
            private.append(answer[1])
    columns = [statistics.median(spawned) * 1e3, statistics.median(ended) * 1e3, cpu * 1e3]
    memory = [statistics.median(shares), statistics.median(private)]
    return [level, f"{cold:.1f}", *(f"{value:.1f}" for value in columns), *(f"{value:.0f}" for value in memory)]


def _one(server: ForkServer, source: str) -> tuple[tuple[float, float], list[float]]:
    start = time.perf_counter()
    with server.spawn(Budget()) as student:
        spawned = time.perf_counter()
        student.sock.sendall(json.dumps(source).encode() + b"\n")
        answer = json.loads(student.sock.makefile().readline())["answer"]
        answered = time.perf_counter()
    return (spawned - start, time.perf_counter() - answered), answer


def _cpu() -> float:
    """CPU seconds of the servers that run, and of all that they have reaped."""
    return Use.of(descendants(os.getpid())[1:]).cpu_seconds


def show(table: list[list[str]], write: Callable[[str], object] = print) -> None:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        write("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forks", type=int, default=50)
    forks = parser.parse_args().forks
    table = [["level", "start s", "spawn ms", "end ms", "CPU ms", "PSS MB", "private MB"]]
    for level in ("unsafe", "landlock", "full"):
        try:
            table.append(measure(level, forks))
        except ForkServerError as error:
            print(f"{level}: {error}")
    show(table)


if __name__ == "__main__":
    main()

"""CPU, wall clock and memory end at the budget, whoever in the student's family uses them, and the exit says which."""

from __future__ import annotations

import pytest

from autograder.assignment import Budget

SHORT = Budget(notebook_seconds=1, memory_mb=256)
FILL = "keep = bytearray(size << 20)\nfor i in range(0, len(keep), 4096): keep[i] = 1"


def test_memory_within_the_budget_is_there(student):
    assert student.answer(f"{FILL}\nanswer = len(keep) >> 20", size=200) == 200


def test_memory_beyond_the_budget_is_refused(student):
    assert student.error(FILL, size=300) == "MemoryError"
    assert student.answer("answer = 'still here'") == "still here"


def test_tensors_count(student):
    assert student.error("import torch; keep = torch.ones(300 << 18)") == "RuntimeError"


def test_the_budget_can_be_raised(spawn):
    assert spawn(Budget(memory_mb=600)).answer(f"{FILL}\nanswer = len(keep) >> 20", size=500) == 500


def test_memory_of_all_processes_counts_together(spawn):
    student = spawn(Budget(memory_mb=256))
    student.send(
        """
        import os, time
        for _ in range(4):
            if os.fork() == 0:
                keep = bytearray(150 << 20)
                for i in range(0, len(keep), 4096): keep[i] = 1
                time.sleep(600)
        time.sleep(600)
        """
    )
    exit = student.process.wait(60)
    assert exit.reason == "memory"
    assert "256 MB" in exit.detail


@pytest.mark.parametrize(
    "allocate",
    [
        "mmap.mmap(-1, 64 << 20)",
        "ctypes.CDLL(None).memfd_create(b'x', 0)",
        "ctypes.CDLL(None).shmget(0, 64 << 20, 0o1600)",
    ],
)
def test_shared_memory_is_no_way_around(student, allocate):
    source = f"""
    import ctypes, mmap
    keep, total = [], 0
    try:
        while total < 4096:
            area = {allocate}
            if area == -1:
                break
            keep.append(area)
            total += 64
    except OSError:
        pass
    answer = total
    """
    assert student.answer(source) < 256 + 1024 + 128


@pytest.mark.parametrize("name", [None, "/dev/zero"])
def test_no_shared_pages_that_stay_when_they_are_given_back(student, name):
    source = "import mmap, os\nfile = os.open(NAME, os.O_RDONLY) if NAME else -1\nmmap.mmap(file, 4096)"
    assert student.error(source, NAME=name) in {"PermissionError", "FileNotFoundError"}


@pytest.mark.parametrize(
    "make",
    [
        "libc.syscall(444, b'\\0' * 8 + b'\\3' + b'\\0' * 7, 16, 0)",  # a ruleset of Landlock, of any number of rules
        "select.epoll() and 0",
        "os.setxattr('.', 'user.name', b'x') or 0",
        "os.setxattr('.', 'system.posix_acl_access', bytes(4)) or 0",
        "libc.syscall(206, 100, ctypes.byref(ctypes.c_ulong()))",  # asynchronous input and output
    ],
)
def test_the_kernel_keeps_nothing_that_nobody_counts(student, make):
    source = f"import ctypes, os, select\nlibc = ctypes.CDLL(None)\ntry:\n    answer = {make}\nexcept OSError:\n    answer = -1"
    assert student.answer(source) == -1


def test_locks_are_free_and_hold_nobody_up(student):
    source = """
    import fcntl, os
    with open("file", "w") as file:
        for start in range(0, 200_000, 2):
            fcntl.lockf(file, fcntl.LOCK_EX, 1, start)
        if os.fork() == 0:
            with open("file", "w") as other:
                fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os._exit(0)
        answer = os.wait()[1]
    """
    assert student.answer(source) == 0


def test_timers_are_few(student):
    source = """
    import ctypes
    libc, timer, answer = ctypes.CDLL(None), ctypes.c_void_p(), 0
    while answer < 2000 and libc.timer_create(1, None, ctypes.byref(timer)) == 0:
        answer += 1
    """
    assert student.answer(source) <= 256


def test_what_waits_in_sockets_counts(spawn):
    student = spawn(Budget(memory_mb=256))
    student.send(
        """
        import os, socket, time
        for _ in range(5):
            if os.fork() == 0:
                break
        keep = [end for _ in range(240) for end in socket.socketpair()]
        for end in keep:
            end.setblocking(False)
            try:
                while end.send(bytes(65536)): pass
            except BlockingIOError: pass
        time.sleep(600)
        """
    )
    assert student.process.wait(60).reason == "memory"


def test_sockets_hold_no_more_than_is_counted(student):
    source = "import socket\nsocket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)"
    assert student.error(source) == "PermissionError"


@pytest.mark.parametrize("children", [0, 3])
def test_cpu_time_ends(spawn, children):
    student = spawn(SHORT)
    student.send(
        """
        import os, time
        for _ in range(CHILDREN):
            if os.fork() == 0:
                while True: pass
        if CHILDREN:
            time.sleep(600)
        while True: pass
        """,
        CHILDREN=children,
    )
    exit = student.process.wait(60)
    assert exit.reason == "cpu"
    assert "1 seconds" in exit.detail


def test_waiting_costs_no_cpu_time_and_ends_from_outside(spawn):
    student = spawn(SHORT)
    student.send("import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(600)")
    with pytest.raises(TimeoutError):
        student.process.wait(2)
    student.process.kill()
    assert student.process.wait(30).reason == "killed"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(0)", "exited"),
        ("import os; os._exit(7)", "exited"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("import os; os.abort()", "crashed"),
    ],
)
def test_how_it_ended(student, source, reason):
    student.send(source)
    exit = student.process.wait(30)
    assert exit.reason == reason
    assert exit.reason != "exited" or exit.detail == f"ended with exit code {7 if '7' in source else 0}"


def test_deep_recursion_costs_only_its_student(spawn):
    first, second = spawn(), spawn()
    error = first.error("import sys; sys.setrecursionlimit(10**9)\nf = lambda x: [*map(f, [x])]\nf(0)")
    if error != "RecursionError":  # from Python 3.12 on, C code has a limit of its own
        assert first.process.wait(30).reason in {"crashed", "memory"}
    assert second.answer("answer = 1") == 1


def test_no_core_is_dumped(student):
    """1 is less than any core file, and the one value at which no handler of core dumps is started either."""
    assert student.answer("import resource; answer = resource.getrlimit(resource.RLIMIT_CORE)") == [1, 1]


def test_limits_cannot_be_raised(student):
    source = """
    import resource
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    answer = []
    for name in ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE"):
        try:
            resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            answer.append(name)
        except (ValueError, OSError):
            pass
    """
    assert student.answer(source) == []

"""A student process has no power over other processes: it runs no program, signals nobody, and its own family ends with it."""

from __future__ import annotations

import contextlib
import os

import pytest

from autograder.assignment import Budget
from autograder.sandbox.processes import descendants

FORK_FAMILY = """
import os, signal, time
def child():
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
    time.sleep(600)
for _ in range(3):
    if os.fork() == 0:
        child()
"""


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess; subprocess.run(['/bin/true'])",
        "import subprocess; subprocess.run('true', shell=True)",
        "import os; os.execv('/bin/sh', ['sh'])",
        "import os; os.posix_spawn('/bin/sh', ['sh'], {})",
        "import os, sys; os.execv(sys.executable, ['python'])",
        "import os; fd = os.open('/lib64/ld-linux-x86-64.so.2', os.O_RDONLY); os.execve(fd, ['ld'], {})",
    ],
)
def test_no_program_can_be_started(student, source):
    assert student.error(source) in {"PermissionError", "FileNotFoundError"}


def test_a_shell_command_does_nothing(student):
    assert student.answer("import os; answer = os.system('touch made'), os.listdir('.')") == [127 << 8, []] or (
        student.answer("import os; answer = os.listdir('.')") == []
    )


@pytest.mark.parametrize(
    ("start", "refusal"),
    [
        ("os.fork() or time.sleep(600)", "BlockingIOError"),
        ("threading.Thread(target=time.sleep, args=(600,), daemon=True).start()", "RuntimeError"),
    ],
)
def test_processes_and_threads_are_limited(student, start, refusal):
    """By the kernel, or where it counts the whole user's together, by the server's watch."""
    reply = student.reply(
        f"""
        import os, threading, time
        answer = 0
        try:
            while True:
                {start}
                answer += 1
                time.sleep(0.02 if answer > 32 else 0)
        except {refusal}:
            pass
        """
    )
    if reply == {"error": "closed"}:
        assert student.process.wait(30).detail == "started more than 32 processes"
    else:
        assert 16 <= reply["answer"] <= 32


def test_one_student_takes_no_processes_from_another(spawn):
    first, second = spawn(), spawn()
    first.send(
        """
        import os, time
        try:
            while True:
                if os.fork() == 0:
                    time.sleep(600)
        except BlockingIOError:
            pass
        """
    )
    with contextlib.suppress(TimeoutError):
        first.process.wait(1)
    assert second.answer("import os; pid = os.fork(); pid or os._exit(0); answer = os.waitpid(pid, 0)[1]") == 0


@pytest.mark.parametrize("escape", ["", "os.setsid()"])
def test_a_fork_bomb_ends_with_its_student(spawn, escape):
    before = set(descendants(os.getpid()))
    student = spawn()
    student.send(
        f"""
        import os, signal
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            try:
                if os.fork() == 0:
                    {escape}
                    pass
            except OSError:
                pass
        """
    )
    with contextlib.suppress(TimeoutError):
        student.process.wait(1)
    student.process.kill()
    assert student.process.wait(60).reason == "killed"
    assert set(descendants(os.getpid())) == before


@pytest.mark.parametrize("ending", ["kill", "exit", "crash"])
def test_the_whole_family_ends(spawn, ending):
    """Children that left the session, ignore signals and lost their parents too."""
    before = set(descendants(os.getpid()))
    student = spawn()
    student.answer(FORK_FAMILY)
    assert len(descendants(os.getpid())) >= len(before) + 4
    if ending == "kill":
        student.process.kill()
    else:
        student.send({"exit": "import os; os._exit(0)", "crash": "import ctypes; ctypes.string_at(0)"}[ending])
    student.process.wait(30)
    assert set(descendants(os.getpid())) == before


def test_honest_child_processes_work(server, student):
    source = """
    import torch
    from torch.utils.data import DataLoader
    loader = DataLoader(list(range(64)), batch_size=8, num_workers=WORKERS)
    answer = sum(int(batch.sum()) for batch in loader)
    """
    workers = 2 if server.level == "full" else 0
    assert student.answer(source, WORKERS=workers) == 2016


@pytest.fixture
def pair(spawn):
    """Two students, and the processes that the second one must not reach: the first, the server, the grader."""
    first = spawn()
    others = [os.getppid(), *descendants(os.getpid())]
    return first, spawn(), others


def test_signals_reach_nobody_else(pair):
    """Not one by one and not all at once."""
    first, second, others = pair
    source = """
    import os, signal
    answer = []
    for pid in others:
        for send in (os.kill, os.killpg):
            if pid != os.getpid():
                try:
                    send(pid, signal.SIGKILL)
                    answer.append(pid)
                except OSError:
                    pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for everybody in (lambda: os.kill(-1, signal.SIGTERM), lambda: os.kill(os.getppid(), signal.SIGKILL)):
        if os.getppid() != 0:
            try:
                everybody()
            except OSError:
                pass
    """
    assert second.answer(source, others=others) == []
    assert first.answer("answer = 'alive'") == "alive"


def test_other_processes_are_invisible(server, pair):
    _, second, others = pair
    source = """
    import os
    answer = []
    for pid in others:
        for name in ("environ", "maps", "mem", "cmdline", "fd", "cwd/.", "root/etc"):
            path = f"/proc/{pid}/{name}"
            try:
                os.listdir(path) if name in ("fd", "cwd/.", "root/etc") else open(path, "rb").read(1)
                answer.append(path)
            except OSError:
                pass
    """
    assert second.answer(source, others=[pid for pid in others if pid != 1]) == []
    if server.level == "full":
        assert second.answer("import os; answer = [n for n in os.listdir('/proc') if n.isdigit()]") == ["1"]
    else:
        assert second.error("import os; os.listdir('/proc')") == "PermissionError"


def test_other_processes_cannot_be_limited_or_reniced(pair):
    first, second, others = pair
    source = """
    import os, resource
    answer = []
    for pid in others:
        for change in (
            lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1)),
            lambda: os.sched_setaffinity(pid, {0}),
            lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
        ):
            try:
                change()
                answer.append(pid)
            except OSError:
                pass
    for who in (0, os.getuid()):
        try:
            os.setpriority(os.PRIO_USER, who, 19)
        except OSError:
            pass
    """
    if second.answer("import os; answer = os.getpid()") == 1:  # the number is its own there
        others = [pid for pid in others if pid != 1]
    before = [os.getpriority(os.PRIO_PROCESS, pid) for pid in others]
    assert second.answer(source, others=others) == []
    assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in others] == before
    assert first.answer("answer = 'alive'") == "alive"
    second.answer("import os; os.setpriority(os.PRIO_PROCESS, 0, 19)")  # its own it may lower


def test_the_student_has_no_rights(student):
    status = dict(
        line.split(":\t", 1) for line in student.answer("answer = open('/proc/self/status').read()").splitlines()
    )
    assert set(status["Uid"].split()) != {"0"}
    assert int(status["CapEff"], 16) & ~0b100 == 0  # a former root may keep CAP_DAC_READ_SEARCH, inside Landlock
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert student.error("import os; os.setuid(0)") in {"PermissionError", "OSError"}


def test_each_student_has_its_own_budget(spawn):
    low, high = spawn(Budget(disk_mb=1)), spawn(Budget(disk_mb=4))
    source = "import resource; answer = resource.getrlimit(resource.RLIMIT_FSIZE)[0] >> 20"
    assert (low.answer(source), high.answer(source)) == (1, 4)

"""The fork server: no submission is lost when it dies, nothing outlives it, and it says why it refuses."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest

from autograder import forkserver
from autograder.assignment import Budget
from autograder.forkserver import ForkServer, ForkServerError
from autograder.sandbox import landlock, seccomp
from autograder.sandbox.detect import detect
from autograder.sandbox.processes import children, descendants, remove_folder, require_one_thread

ENTRY = "autograder.sandbox.shell:serve"
ROOT = Path(__file__).resolve().parents[2]


def _ask(student, source: str):
    student.sock.settimeout(60)
    student.sock.sendall(json.dumps(source).encode() + b"\n")
    line = student.sock.makefile().readline()
    return json.loads(line)["answer"] if line else None


@pytest.fixture(scope="module")
def server():
    with ForkServer(unsafe=True, entry=ENTRY) as server:
        yield server


def test_each_student_is_a_process_of_its_own(server):
    with server.spawn(Budget()) as first, server.spawn(Budget()) as second:
        assert _ask(first, "import builtins; builtins.mine = 1; answer = 'set'") == "set"
        assert _ask(second, "import builtins; answer = hasattr(builtins, 'mine')") is False


def _family(entry: ForkServer) -> list[int]:
    """The processes of one fork server, outermost first; students come last."""
    return descendants(entry._server._process.pid)


@pytest.mark.parametrize("level", ["full", "landlock", "unsafe"])
@pytest.mark.parametrize("victim", ["guard", "server"])
def test_a_server_that_was_killed_is_replaced(level, victim):
    """Its students end as killed, nothing is left behind, and the next student does not notice."""
    with ForkServer(level, entry=ENTRY) as server:
        try:
            before = server.spawn(Budget())
        except ForkServerError as error:
            pytest.skip(str(error))
        family = _family(server)
        before.sock.sendall(b'"import os, time\\nos.fork() or (os.setsid(), time.sleep(600))\\nanswer = 1"\n')
        before.sock.makefile().readline()
        ends = [os.pidfd_open(pid) for pid in _family(server)]
        os.kill(family[0] if victim == "guard" else family[-2], signal.SIGKILL)
        if victim == "server" or level == "full":
            with before:
                assert before.wait(30).reason == "lost"
            _wait_for_all(ends)
        with server.spawn(Budget()) as after:
            assert _ask(after, "answer = 1") == 1
    _wait_for_all(ends)


def test_a_server_that_dies_while_it_starts_is_replaced():
    with ForkServer(unsafe=True, entry=ENTRY) as server:
        os.kill(server._server._process.pid, signal.SIGKILL)
        with server.spawn(Budget()) as student:
            assert _ask(student, "answer = 1") == 1


def test_a_server_killed_while_it_enters_the_sandbox_does_not_start_again_in_a_weaker_one():
    best = detect().level
    if best is None:
        pytest.skip("there is no sandbox here")
    with ForkServer(entry=ENTRY) as server:
        while len(family := _family(server)) < 2:
            pass
        os.kill(family[1], signal.SIGKILL)
        assert server.level == best


def test_a_student_process_that_somebody_kills_is_lost_and_not_at_fault(server):
    with server.spawn(Budget()) as student:
        os.kill(_family(server)[-1], signal.SIGKILL)
        assert student.wait(30).reason == "lost"


def test_killing_twice_says_the_same_as_killing_once(server):
    with server.spawn(Budget()) as student:
        os.kill(_family(server)[-2], signal.SIGSTOP)  # both requests are there before either is read
        student.kill()
        student.kill()
        os.kill(_family(server)[-2], signal.SIGCONT)
        assert student.wait(30).reason == "killed"


def test_a_server_that_hangs_is_replaced(monkeypatch):
    monkeypatch.setattr(forkserver, "_PATIENCE_TO_SPAWN", 2.0)
    monkeypatch.setattr(forkserver, "_PATIENCE_TO_END", 0.5)
    with ForkServer(unsafe=True, entry=ENTRY) as server:
        with server.spawn(Budget()) as student:
            assert _ask(student, "answer = 1") == 1
        ends = [os.pidfd_open(pid) for pid in _family(server)]
        os.kill(_family(server)[-1], signal.SIGSTOP)
        with server.spawn(Budget()) as student:
            assert _ask(student, "answer = 2") == 2
        _wait_for_all(ends)


def _wait_for_all(ends: list[int]) -> None:
    for end in ends:
        assert select.select([end], [], [], 30)[0]


def test_a_server_is_renewed_after_its_forks():
    with ForkServer(unsafe=True, entry=ENTRY, forks_per_server=2) as server:
        with server.spawn(Budget()) as first:
            old = children(os.getpid())
            with server.spawn(Budget()), server.spawn(Budget()) as third:
                assert len(children(os.getpid())) == len(old) + 1
                assert _ask(third, "answer = 3") == 3
                assert _ask(first, "answer = 1") == 1  # its server waits for it
        with server.spawn(Budget()):
            assert len(children(os.getpid())) <= len(old) + 1


def test_students_of_many_threads(server):
    """Spawning is safe from any thread, and the end of that thread ends nothing."""
    students = []
    threads = [threading.Thread(target=lambda: students.append(server.spawn(Budget()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(_ask(student, f"answer = {n}") for n, student in enumerate(students)) == [0, 1, 2, 3]
    for student in students:
        student.kill()
        assert student.wait(30).reason == "killed"
        student.sock.close()


def test_closing_ends_everything(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(descendants(os.getpid()))
    server = ForkServer(unsafe=True, entry=ENTRY)
    student = server.spawn(Budget())
    server.close()
    assert student.wait(30).reason == "lost"
    assert set(descendants(os.getpid())) == before
    assert list(tmp_path.iterdir()) == []


def test_nothing_outlives_the_trusted_process(tmp_path):
    source = f"""
    import os, sys
    from autograder.assignment import Budget
    from autograder.forkserver import ForkServer
    from autograder.sandbox.processes import descendants
    server = ForkServer(unsafe=True, entry={ENTRY!r})
    student = server.spawn(Budget())
    student.sock.sendall(b'"import os, time\\\\nfor _ in range(3):\\\\n    os.fork() or time.sleep(600)\\\\ntime.sleep(600)"\\n')
    while len(descendants(os.getpid())) < 6:
        pass
    print(*descendants(os.getpid())[1:], flush=True)
    sys.stdin.read()
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", textwrap.dedent(source)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as trusted:
        assert trusted.stdout is not None
        family = [int(pid) for pid in trusted.stdout.readline().split()]
        assert len(family) >= 5
        ends = [os.pidfd_open(pid) for pid in family]
        trusted.kill()
    _wait_for_all(ends)


def test_what_cannot_be_imported_is_named():
    with (
        ForkServer(unsafe=True, entry="autograder.no_such_module:serve") as server,
        pytest.raises(ForkServerError, match="no_such_module"),
    ):
        server.spawn(Budget())


def test_a_fork_of_several_threads_is_refused():
    """It would copy locks that nobody will ever release."""
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    with pytest.raises(RuntimeError, match="threads"):
        require_one_thread()
    event.set()
    thread.join()


def test_an_unknown_level_is_refused_in_one_sentence():
    with ForkServer("half", entry=ENTRY) as server, pytest.raises(ForkServerError) as refusal:
        server.level  # noqa: B018
    assert "'half'" in str(refusal.value)
    assert "full, landlock" in str(refusal.value)
    assert "\n" not in str(refusal.value)


WITHOUT = """
import json, sys
from autograder.sandbox import privileges, seccomp
from autograder.forkserver import ForkServer, ForkServerError
from autograder.assignment import Budget
from autograder.sandbox.detect import detect

numbers, options = json.loads(sys.argv[1]), json.loads(sys.argv[2])
code = [seccomp._instruction(seccomp._LOAD, 0)]
for number in numbers:
    code += [seccomp._instruction(seccomp._EQUAL, number, 0, 1), seccomp._refuse()]
code.append(seccomp._instruction(seccomp._RETURN, seccomp._ALLOW))
privileges.keep_what_one_has()
seccomp.install(b"".join(seccomp.struct.pack("=HBBI", *line) for line in code))
detected = detect()
try:
    with ForkServer(entry="autograder.sandbox.shell:serve", **options) as server:
        with server.spawn(Budget()) as student:
            student.sock.sendall(b'"answer = 1"\\n')
            answer = student.sock.makefile().readline()
        print(json.dumps([server.level, detected.level, detected.reasons]))
except ForkServerError as error:
    print(json.dumps([str(error), detected.level, detected.reasons]))
"""


def _machine_without(*calls: str, **options):
    """What a fork server says where the kernel refuses these calls, as containers do."""
    numbers = [
        seccomp._NUMBERS.get(call, (444, 444))[seccomp.system.MACHINES.index(seccomp.system.MACHINE)] for call in calls
    ]
    command = [sys.executable, "-c", WITHOUT, json.dumps(numbers), json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")


@needs_landlock
@pytest.mark.parametrize("call", ["unshare", "mount"])
def test_without_namespaces_the_next_level_is_used(call):
    level, detected, reasons = _machine_without(call)
    assert level == detected == "landlock"
    assert "not permitted" in reasons["full"]


def test_without_landlock_student_code_is_refused_in_one_sentence():
    sentence, detected, reasons = _machine_without("landlock_create_ruleset")
    assert detected is None
    assert "Landlock" in reasons["full"]
    assert "Landlock" in reasons["landlock"]
    assert sentence.startswith("Student code cannot be isolated on this machine")
    assert "\n" not in sentence


def test_without_landlock_unsafe_must_be_asked_for():
    level, _, _ = _machine_without("landlock_create_ruleset", unsafe=True)
    assert level == "unsafe"


def test_a_level_that_was_asked_for_is_not_replaced():
    sentence, _, _ = _machine_without("unshare", level="full")
    assert "level 'full' failed" in sentence
    assert "landlock" not in sentence.lower() or "unshare" in sentence or "namespaces" in sentence


def test_a_hostile_folder_is_removed(tmp_path):
    """Deeper than Python's recursion and than a path may be long, with a name that the cleaner itself might use."""
    top = tmp_path / "scratch"
    top.mkdir()
    here = os.getcwd()
    os.chdir(top)
    try:
        for _ in range(2000):
            os.mkdir("deeper")
            os.chdir("deeper")
        Path("file").write_text("x")
        os.chdir(top)
        os.mkdir("locked", 0)
        os.symlink("/", "link")
    finally:
        os.chdir(here)
    remove_folder(top)
    assert not top.exists()
    assert Path("/etc").exists()

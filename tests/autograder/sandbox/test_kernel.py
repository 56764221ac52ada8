"""The network and the kernel's powerful calls are out of reach, and nothing of the grader is inherited."""

from __future__ import annotations

import os
import platform
import socket
import tempfile
from pathlib import Path

import pytest

from autograder.sandbox import seccomp, system

from .conftest import SECRET

CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments])
answer = os.strerror(ctypes.get_errno()) if result == -1 else result
"""
REFUSED = ("Operation not permitted", "Function not implemented")
HARMLESS_ARGUMENTS = {
    "clone": (system.CLONE_NEWUSER | 17, 0, 0, 0, 0),
    "unshare": (system.CLONE_NEWUSER,),
    "socket": (2, 1, 0),
    "reboot": (0, 0, 0, 0),
}


def _numbers(names):
    column = system.MACHINES.index(system.MACHINE)
    return {name: number for name in names if (number := seccomp._NUMBERS[name][column]) is not None}


DENIED = _numbers([name for names in seccomp._DENIED.values() for name in names] + ["clone", "clone3", "socket"])


def test_dangerous_calls_are_refused(student):
    allowed = []
    for name, number in DENIED.items():
        arguments = HARMLESS_ARGUMENTS.get(name, (0, 0, 0, 0, 0, 0))
        if student.answer(CALL, number=number, arguments=arguments) not in REFUSED:
            allowed.append(name)
    assert allowed == []


def test_calls_younger_than_the_list_are_refused(student):
    for number in (451, 457, 463, 467, 500, 600, 10_000):
        assert student.answer(CALL, number=number, arguments=()) == "Function not implemented"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86_64 has other call tables")
def test_other_call_tables_end_the_process(spawn):
    x32 = spawn()
    x32.send(CALL, number=0x40000000 | 39, arguments=())
    assert x32.process.wait(30).reason == "crashed"
    i386 = spawn()
    i386.send(
        """
        import ctypes, mmap
        rights = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=rights)
        page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid); int 0x80; ret
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        """
    )
    exit = i386.process.wait(30)
    assert exit.reason == "crashed"
    assert "SIGSYS" in exit.detail or "SIGSEGV" in exit.detail


def test_the_table_agrees_with_the_kernel_headers():
    headers = {
        "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
        "aarch64": "/usr/include/asm-generic/unistd.h",
    }
    if not all(Path(path).exists() for path in headers.values()):
        pytest.skip("the kernel's headers are not installed")
    for column, machine in enumerate(system.MACHINES):
        defined = {}
        for line in Path(headers[machine]).read_text().splitlines():
            words = line.split()
            if len(words) >= 3 and words[0] == "#define" and words[2].isdigit():
                defined[words[1].removeprefix("__NR_").removeprefix("__NR3264_")] = int(words[2])
        table = {name: pair[column] for name, pair in seccomp._NUMBERS.items()}
        wrong = {name: number for name, number in table.items() if number != defined.get(name)}
        assert wrong == {}


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET])
def test_no_socket_of_any_family(server, student, kind):
    source = """
    import socket
    answer = []
    for family in range(64):
        try:
            socket.socket(family, kind).close()
            answer.append(family)
        except OSError:
            pass
    """
    made = student.answer(source, kind=int(kind))
    assert set(made) <= ({int(socket.AF_UNIX)} if server.level == "full" else set())


def test_a_listening_port_cannot_be_reached(student):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert "Error" in student.error(
            "import urllib.request; urllib.request.urlopen(url)", url=f"http://127.0.0.1:{port}"
        )


@pytest.mark.parametrize("abstract", [True, False])
def test_unix_sockets_outside_cannot_be_reached(student, abstract):
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        os.chmod(folder, 0o777)
        address = f"\0{folder}" if abstract else f"{folder}/socket"
        listener.bind(address)
        if not abstract:
            os.chmod(address, 0o777)
        listener.listen()
        source = "import socket; s = socket.socket(socket.AF_UNIX); s.connect(address)"
        assert student.error(source, address=address) in {
            "PermissionError",
            "FileNotFoundError",
            "ConnectionRefusedError",
        }


@pytest.mark.parametrize("abstract", [True, False])
def test_no_datagram_leaves_the_sandbox(student, abstract):
    """One socket of a pair could be pointed at another address, such as the system's log."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        os.chmod(folder, 0o777)
        address = f"\0{folder}" if abstract else f"{folder}/socket"
        listener.bind(address)
        if not abstract:
            os.chmod(address, 0o777)
        listener.setblocking(False)
        for kind in ("SOCK_DGRAM", "SOCK_STREAM", "SOCK_SEQPACKET"):
            source = f"import socket; a, _ = socket.socketpair(type=socket.{kind}); a.sendto(b'x', address)"
            student.reply(source, address=address)
            student.reply(
                source.replace("a.sendto(b'x', address)", "a.connect(address); a.send(b'x')"), address=address
            )
        with pytest.raises(BlockingIOError):
            listener.recv(1)


def test_abstract_sockets_of_another_student_cannot_be_reached(server, spawn):
    if server.level != "full":
        pytest.skip("without namespaces there are no Unix sockets at all")
    first, second = spawn(), spawn()
    first.answer("import socket, builtins; builtins.s = socket.socket(socket.AF_UNIX); s.bind('\\0meet'); s.listen()")
    assert second.error("import socket; socket.socket(socket.AF_UNIX).connect('\\0meet')") == "ConnectionRefusedError"


def test_socket_pairs_work(student):
    source = "import socket; a, b = socket.socketpair(); a.send(b'x'); answer = b.recv(1).decode()"
    assert student.answer(source) == "x"


def test_the_environment_is_clean(student):
    names = {"HOME", "IPYTHONDIR", "LANG", "MPLBACKEND", "MPLCONFIGDIR", "PATH", "TMPDIR"}
    names |= {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    assert set(student.answer("import os; answer = list(os.environ)")) == names
    assert SECRET not in student.answer("import os; answer = repr(dict(os.environ))")
    assert SECRET not in student.answer("answer = open('/proc/self/environ').read()")
    assert student.answer("import sys; answer = sys.argv") == [""]


def test_no_descriptor_is_inherited(spawn):
    with open(__file__) as file:
        os.set_inheritable(file.fileno(), True)
        student = spawn()
    source = """
    import os
    answer = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            answer[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass
    """
    found = {int(number): target for number, target in student.answer(source).items()}
    mine = student.answer("answer = sock.fileno()")
    assert {number: found[number] for number in (0, 1, 2)} == dict.fromkeys((0, 1, 2), "/dev/null")
    assert set(found) == {0, 1, 2, mine}


def test_the_memory_holds_nothing_of_the_grader(student):
    """The server has never seen what the grader knows, so no student can find it in its inherited memory."""
    source = """
    import re
    pattern = re.compile("".join(f"{ord(c):02x}" for c in reversed(backwards)))
    answer = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            area, rights, *rest = line.split()
            if rights.startswith("rw") and (len(rest) == 3 or rest[3] in ("[heap]", "[stack]")):
                start, stop = (int(x, 16) for x in area.split("-"))
                for position in range(start, stop, 1 << 22):
                    memory.seek(position)
                    try:
                        answer += len(pattern.findall(memory.read(min(1 << 22, stop - position)).hex()))
                    except OSError:
                        pass
    """
    # Neither text travels forwards, so that looking for it does not put it into the memory that is searched.
    student.answer("import builtins; builtins.known = ''.join(reversed(backwards))", backwards="yrotcafrehto-na")
    assert student.answer(source, backwards="yrotcafrehto-na") >= 1
    assert student.answer(source, backwards=SECRET[::-1]) == 0


def test_students_draw_different_numbers(spawn):
    source = """
    import random, numpy, torch
    answer = [random.random(), numpy.random.rand(), torch.rand(1, dtype=torch.float64).item()]
    """
    first, second = spawn().answer(source), spawn().answer(source)
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_huge_pages_stay_off(student):
    """They would hide memory from the server's watch."""
    source = "import ctypes; answer = ctypes.CDLL(None).prctl(41, 0, 0, 0, 0), ctypes.CDLL(None).prctl(42, 0, 0, 0, 0)"
    assert student.answer(source) == [-1, 1]


def test_time_cannot_be_set(student):
    assert student.error("import time; time.clock_settime(time.CLOCK_REALTIME, 0)") == "PermissionError"

"""Namespaces: what the server lives in, and what each student process gets of its own.

The server is pid 1 of its own pid namespace and sees only the read-only view. A student process is pid 1 of a pid
namespace inside that one, so killing it kills all that it started; its mounts, network, ipc, host name and user are its
own.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.sandbox import filesystem, system
from autograder.sandbox.privileges import Users

_SERVER = (
    system.CLONE_NEWUSER
    | system.CLONE_NEWPID
    | system.CLONE_NEWNS
    | system.CLONE_NEWNET
    | system.CLONE_NEWIPC
    | system.CLONE_NEWUTS
)
_STUDENT = system.CLONE_NEWNS | system.CLONE_NEWNET | system.CLONE_NEWIPC | system.CLONE_NEWUTS
_STUDENT_USER = 1000
MAP_ME, MAPPED = b"map me", b"mapped"


def map_user(pid: int, inside: int, outside: int) -> None:
    """Let one user of this namespace be `inside` in the user namespace of `pid`; it has no other."""
    Path(f"/proc/{pid}/setgroups").write_text("deny")
    Path(f"/proc/{pid}/uid_map").write_text(f"{inside} {outside} 1")
    gid = outside if os.geteuid() == 0 else os.getegid()
    Path(f"/proc/{pid}/gid_map").write_text(f"{inside} {gid} 1")


def enter(mount_point: str, users: Users | None, guardian: socket.socket) -> None:
    """Move this process's child into namespaces of its own, and return there, as pid 1.

    `guardian` is a connection to the process that maps the user, which only a process outside can. With `users` this
    process is root: root builds the view, because only root may be able to read the interpreter, and then ceases to be
    root. The process that called waits for its child and ends with it.
    """
    if users is not None:
        system.unshare(system.CLONE_NEWNS, "creating a mount namespace")
        filesystem.build_view(mount_point)
        os.setgroups([])
    system.unshare(_SERVER, "creating namespaces")
    guardian.send(MAP_ME)
    if guardian.recv(16) != MAPPED:
        raise OSError("the user namespace got no user")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
    child = os.fork()
    if child:
        os.closerange(0, guardian.fileno())
        os.closerange(guardian.fileno(), os.sysconf("SC_OPEN_MAX"))
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
    system.prctl(system.PR_SET_DUMPABLE, 1)
    if users is None:
        filesystem.build_view(mount_point)
    filesystem.mount_processes(only_processes=False)
    socket.sethostname("descent")


@contextmanager
def new_process_namespace() -> Iterator[None]:
    """What is forked inside is pid 1 of a fresh pid namespace.

    A second unshare(CLONE_NEWPID) is refused until setns has put the first one's namespace away.
    """
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        system.unshare(system.CLONE_NEWPID, "creating a pid namespace")
        yield
        system.setns(own, system.CLONE_NEWPID)
    finally:
        os.close(own)


def isolate(disk_mb: int, files: int) -> None:
    """In the student process: namespaces of its own, without the rights that making them took."""
    system.unshare(_STUDENT, "creating a student's namespaces")
    filesystem.mount_disk(disk_mb, files)
    filesystem.mount_processes(only_processes=True)
    # A user namespace per student, last: RLIMIT_NPROC then counts this student alone.
    system.unshare(system.CLONE_NEWUSER, "creating a student's user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_STUDENT_USER} 0 1")
    Path("/proc/self/gid_map").write_text(f"{_STUDENT_USER} 0 1")

"""What the filter decides, on machines and kernels that the tests do not run on: its program is interpreted here."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from autograder.sandbox import seccomp, system
from autograder.sandbox.seccomp import Policy

ALLOWED, KILLED = "allowed", "killed"
ME = 4711


@pytest.fixture(params=system.MACHINES)
def decide(request, monkeypatch):
    """decide(policy, call, *arguments): "allowed", "killed" or the errno that the caller gets; None: no such call."""
    machine = request.param
    monkeypatch.setattr(system, "MACHINE", machine)

    def decision(policy: Policy, call: str | int, *arguments: int, arch: int | None = None):
        number = call if isinstance(call, int) else seccomp._NUMBERS[call][system.MACHINES.index(machine)]
        if number is None:
            return None
        arch = seccomp._AUDIT_ARCH[machine] if arch is None else arch
        padded = [value & 0xFFFFFFFFFFFFFFFF for value in (*arguments, *[0] * (6 - len(arguments)))]
        return _run(seccomp.program(policy), struct.pack("=IIQ6Q", number, arch, 0, *padded))

    return decision


def _run(program: bytes, data: bytes) -> str | int:
    """Classic BPF, as far as the filter uses it."""
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x15:
            at += if_true if accumulator == value else if_false
        elif code == 0x35:
            at += if_true if accumulator >= value else if_false
        else:
            assert code == 0x06
            action, number = value & 0xFFFF0000, value & 0xFFFF
            return {0x7FFF0000: ALLOWED, 0x80000000: KILLED}.get(action, number)


FULL = Policy()
SHARED = Policy(unix_sockets=False, own_process=ME, metadata_protected=False)
OLD = Policy(unix_sockets=False, own_process=ME, signals_scoped=False, metadata_protected=False, length_protected=False)


@pytest.mark.parametrize("policy", [FULL, SHARED, OLD], ids=["full", "landlock", "old landlock"])
def test_what_every_policy_refuses(decide, policy):
    for names in seccomp._DENIED.values():
        for name in names:
            assert decide(policy, name) in (errno.EPERM, None), name
    assert decide(policy, "clone3") == errno.ENOSYS
    assert decide(policy, seccomp._LAST_REVIEWED + 1) == errno.ENOSYS
    assert decide(policy, "clone", 17) == ALLOWED
    for flag in (system.CLONE_NEWUSER, system.CLONE_NEWNET, system.CLONE_NEWNS | 17, system.CLONE_NEWPID):
        assert decide(policy, "clone", flag) == errno.EPERM
    assert decide(policy, "socket", 2, 1) == errno.EPERM
    assert decide(policy, "socketpair", 2, 1) == errno.EPERM
    assert decide(policy, "fcntl", 3, 8) == errno.EPERM
    for command in seccomp._LOCKS:
        assert decide(policy, "fcntl", 3, command) == 0  # says that it is done, and does nothing
    assert decide(policy, "epoll_create1") == errno.ENOSYS
    assert decide(policy, "ioctl", 3, 0x5412) == errno.ENOTTY
    assert decide(policy, "mmap", 0, 4096, 3, 0x21) == errno.EPERM
    assert decide(policy, "setsockopt", 3, 1, 7) == errno.EPERM
    assert decide(policy, "prctl", system.PR_SET_DUMPABLE, 0) == errno.EPERM


@pytest.mark.parametrize("policy", [FULL, SHARED, OLD], ids=["full", "landlock", "old landlock"])
def test_another_call_table_is_killed(decide, policy):
    assert decide(policy, 20, arch=0x40000003) == KILLED  # i386
    assert decide(policy, 20, arch=0x40000028) == KILLED  # 32-bit ARM
    if system.MACHINE == "x86_64":
        assert decide(policy, 0x40000000 | 39) == KILLED


@pytest.mark.parametrize("policy", [FULL, SHARED, OLD], ids=["full", "landlock", "old landlock"])
def test_what_every_policy_allows(decide, policy):
    assert decide(policy, "socketpair", 1, 1) == ALLOWED
    assert decide(policy, "fcntl", 3, 2) == ALLOWED
    assert decide(policy, "ioctl", 3, 0x5401) == ALLOWED
    assert decide(policy, "openat", -100, 0, os.O_RDONLY) == ALLOWED
    assert decide(policy, "openat", -100, 0, os.O_WRONLY | os.O_TRUNC | os.O_CREAT) == ALLOWED
    assert decide(policy, "kill", ME, 9) == ALLOWED
    assert decide(policy, "mmap", 0, 4096, 3, 0x22) == ALLOWED  # private
    assert decide(policy, "mmap", 0, 4096, 3, 0x01) == ALLOWED  # of a file
    assert decide(policy, "setsockopt", 3, 1, 2) == ALLOWED


def test_unix_sockets_need_a_network_of_their_own(decide):
    assert decide(FULL, "socket", 1, 1) == ALLOWED
    assert decide(SHARED, "socket", 1, 1) == errno.EPERM
    assert decide(FULL, "socketpair", 1, 2) == ALLOWED
    cloexec = 0o2000000
    assert decide(SHARED, "socketpair", 1, 1 | cloexec) == ALLOWED
    assert decide(SHARED, "socketpair", 1, 5) == ALLOWED
    assert decide(SHARED, "socketpair", 1, 2 | cloexec) == errno.EPERM


def test_without_a_pid_namespace_only_the_process_itself_is_limited_or_reniced(decide):
    for name in seccomp._BY_PROCESS_ID:
        assert decide(FULL, name, 99) == ALLOWED
        assert decide(SHARED, name, 0) == decide(SHARED, name, ME) == ALLOWED
        assert decide(SHARED, name, 99) == errno.EPERM
    for name, process, user in (("setpriority", 0, 2), ("ioprio_set", 1, 3)):
        assert decide(SHARED, name, process, 0) == decide(SHARED, name, process, ME) == ALLOWED
        assert decide(SHARED, name, process, 99) == errno.EPERM
        assert decide(SHARED, name, user, 0) == errno.EPERM


def test_signals_that_nothing_else_scopes_reach_the_process_itself_only(decide):
    assert decide(SHARED, "kill", 99, 9) == ALLOWED  # Landlock decides
    for target in (99, 1, -1, -99):
        assert decide(OLD, "kill", target, 9) == errno.EPERM
    assert decide(OLD, "tgkill", ME, ME, 6) == ALLOWED
    assert decide(OLD, "tkill", ME, 6) == errno.EPERM
    assert decide(OLD, "pidfd_send_signal", 5, 9) == errno.EPERM


def test_metadata_of_shared_files_stays(decide):
    for name in seccomp._OWNERSHIP:
        assert decide(FULL, name) in (ALLOWED, None)
        assert decide(SHARED, name) in (errno.EPERM, None)
    for name in seccomp._MODES_AND_TIMES:
        assert decide(FULL, name) in (ALLOWED, None)
        assert decide(SHARED, name) in (0, None)  # says that it is done, and does nothing


def test_an_old_landlock_cannot_be_used_to_empty_readable_files(decide):
    for flags in (os.O_TRUNC, os.O_RDONLY | os.O_TRUNC | os.O_CREAT):
        assert decide(SHARED, "openat", -100, 0, flags) == ALLOWED
        assert decide(OLD, "openat", -100, 0, flags) == errno.EPERM
        assert decide(OLD, "open", 0, flags) in (errno.EPERM, None)
    assert decide(SHARED, "truncate") == ALLOWED
    assert decide(OLD, "truncate") == errno.EPERM
    assert decide(OLD, "openat2") == errno.ENOSYS

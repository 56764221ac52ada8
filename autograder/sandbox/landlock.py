"""Landlock: which files a process may read and write, and that it reaches no process or socket outside its sandbox.

The kernel's documentation is userspace-api/landlock.rst. Rights that the running kernel does not know are left out;
`abi()` says which it knows, and `seccomp` covers what an old Landlock leaves open.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from autograder.sandbox import system

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_VERSION = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = (1 << n for n in range(6, 13))
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

_READ = _READ_FILE | _READ_DIR
_CHANGE = _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM | _REFER
_WRITE = _READ | _WRITE_FILE | _TRUNCATE | _CHANGE
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

_NET = (1 << 0) | (1 << 1)  # bind and connect of TCP sockets
_SCOPED = (1 << 0) | (1 << 1)  # abstract sockets and signals

TRUNCATE_ABI, NET_ABI, SCOPE_ABI = 3, 4, 6


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]


@cache
def abi() -> int:
    """The version of Landlock that the running kernel has; 0 when it has none or it is switched off."""
    try:
        return system.syscall(_CREATE_RULESET, None, 0, _VERSION, what="asking for Landlock")
    except OSError:
        return 0


def _known_fs() -> int:
    """Every right on files that the running kernel can withhold."""
    bits = {1: 13, 2: 14, 3: 15, 4: 15}.get(abi(), 16)
    return (1 << bits) - 1


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Take from this process all files but these; it may execute none of them, and never gets a right back.

    Paths that do not exist are left out. Needs no_new_privs. Raises OSError.
    """
    ruleset = _Ruleset(fs=_known_fs(), net=_NET, scoped=_SCOPED)
    size = 8 if abi() < NET_ABI else 16 if abi() < SCOPE_ABI else 24
    fd = system.syscall(_CREATE_RULESET, ctypes.byref(ruleset), size, 0, what="Landlock")
    try:
        for access, paths in ((_READ, readable), (_WRITE, writable)):
            for path in paths:
                _allow(fd, path, access & _known_fs())
        system.syscall(_RESTRICT_SELF, fd, 0, what="Landlock")
    finally:
        os.close(fd)


def _allow(ruleset: int, path: Path, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            access &= _FOR_FILES
        rule = _PathBeneath(access, parent)
        arguments = (ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        system.syscall(_ADD_RULE, *arguments, what=f"a Landlock rule for {path}")
    finally:
        os.close(parent)

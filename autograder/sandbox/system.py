"""System calls that Python's library has no name for, as functions that raise OSError."""

from __future__ import annotations

import ctypes
import os
import platform

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

MACHINES = ("x86_64", "aarch64")
MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
MNT_DETACH = 0x2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS = 1, 4, 8
PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_SET_THP_DISABLE = 22, 36, 38, 41

CAP_DAC_READ_SEARCH = 2

_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_CAPABILITY_VERSION_3 = 0x20080522

# Numbers of the calls made here, on x86_64 and aarch64; those above 423 are the same on both.
_NUMBERS = {"pivot_root": (155, 41), "capset": (126, 91)}
_MOUNT_SETATTR = 442


def _check(result: int, what: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object, what: str) -> int:
    """Any system call by its number; Python integers are passed as longs."""
    longs = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *longs), what)


def unshare(flags: int, what: str) -> None:
    _check(_libc.unshare(flags), what)


def setns(fd: int, kind: int) -> None:
    _check(_libc.setns(fd, kind), "entering a namespace")


def prctl(option: int, value: object = 0, more: object = None) -> int:
    return _check(_libc.prctl(option, *(_long(v) for v in (value, more, 0, 0))), f"prctl {option}")


def _long(value: object) -> object:
    return ctypes.c_ulong(value or 0) if value is None or isinstance(value, int) else value


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    """mount(2); raises OSError that names the target."""
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode() if kind else None)
    data = options.encode() or None
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), data), f"mounting {kind or source} on {target}")


def unmount(target: str) -> None:
    """Detach a mount; what still uses it keeps it."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), f"unmounting {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    number = _NUMBERS["pivot_root"][MACHINES.index(MACHINE)]
    syscall(number, os.fsencode(new_root), os.fsencode(put_old), what="changing the root directory")


class _MountAttributes(ctypes.Structure):
    _fields_ = [
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def restrict_mount(target: str, flags: int) -> None:
    """Add MS_RDONLY, MS_NOSUID, MS_NODEV or MS_NOEXEC to a mount and all mounts below it (Linux 5.12)."""
    attributes = _MountAttributes(set=flags)  # the first four MOUNT_ATTR_ bits equal those of MS_
    arguments = (_AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, ctypes.byref(attributes))
    syscall(_MOUNT_SETATTR, *arguments, ctypes.sizeof(attributes), what=f"making {target} read-only")


def set_capabilities(mask: int) -> None:
    """Make `mask` the effective and permitted capabilities of this thread, inheritable none."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    syscall(_NUMBERS["capset"][MACHINES.index(MACHINE)], header, data, what="dropping capabilities")


def advise_memory(address: int, length: int, advice: int) -> None:
    _check(_libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), advice), "advising about memory")


def tune_malloc(option: int, value: int) -> None:
    """glibc's mallopt; other C libraries do as they do."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(option, value)

"""What a student process may read, and the read-only view of the machine's files that shows nothing else.

A path is readable because a library needs it: the interpreter's modules, shared libraries, `utils`, fonts and time
zones. Everything else is absent from the view: the solutions, the grading system, the gradebook, other submissions and
all homes.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path

from autograder.sandbox import system

_CHECKOUT = Path(__file__).resolve().parents[2]
_PROTECTED = (_CHECKOUT / "solutions", _CHECKOUT / "classroom")

_SYSTEM = (
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/share/fonts",
    "/usr/share/zoneinfo",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys/devices/system/cpu",
)
# Not /dev/zero: what is mapped from it is memory that nobody counts.
_DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
_LINKS = {"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1"}
_ACCOUNTS = {
    "/etc/passwd": "student:x:1000:1000::/scratch:/bin/false\n",
    "/etc/group": "student:x:1000:\n",
}

SCRATCH, SHARED_MEMORY = Path("/scratch"), Path("/dev/shm")
_DISK = "/disk"
_PROC = "/proc"


def devices() -> tuple[Path, ...]:
    return tuple(map(Path, _DEVICES))


def grader() -> Path:
    """The folder of this package: the server imports from it, students do not see it."""
    return Path(__file__).resolve().parents[1]


def readable() -> tuple[Path, ...]:
    """Existing paths that a student process may read, without those inside another one."""
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    libraries = [Path(prefix) / name for prefix in prefixes for name in ("lib", "lib64")]
    # Not all of sys.path: packages in development put whole repositories there.
    installed = [Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    wanted = [*map(Path, _SYSTEM), *libraries, *installed, _package("utils")]
    found: list[Path] = []
    for path in sorted(wanted, key=lambda p: len(p.parts)):
        for name in (path, path.resolve()):
            exposes = any(secret.is_relative_to(name.resolve()) for secret in _PROTECTED if secret.exists())
            if name.exists() and not exposes and not any(map(name.is_relative_to, found)):
                found.append(name)
    return tuple(found)


@cache
def temporary() -> Path:
    """Where the view has its folder for temporary files: at /tmp, unless that would cover something readable."""
    covered = any(path.is_relative_to("/tmp") for path in (*readable(), grader()))
    return Path("/temporary" if covered else "/tmp")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The package {name!r} is not installed.")
    return Path(spec.origin).parent


def build_view(mount_point: str) -> None:
    """Make this process's root directory a read-only tree of what is readable, with this package for the server.

    Call it in a mount namespace of one's own, with the right to mount. Afterwards nothing else can be reached.
    """
    system.mount("none", "/", flags=system.MS_REC | system.MS_PRIVATE)
    system.mount("tmpfs", mount_point, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "mode=0755")
    view = Path(mount_point)
    for path in (*readable(), grader()):
        _show(path, view)
        system.restrict_mount(_under(view, path), system.MS_RDONLY | system.MS_NOSUID | system.MS_NODEV)
    for path in devices():
        if path.exists():
            _show(path, view)
            system.restrict_mount(_under(view, path), system.MS_RDONLY | system.MS_NOSUID | system.MS_NOEXEC)
    for path in (SCRATCH, temporary(), SHARED_MEMORY, Path(_DISK), Path(_PROC), Path("/etc")):
        Path(_under(view, path)).mkdir(parents=True, exist_ok=True)
    for link, target in _LINKS.items():
        os.symlink(target, _under(view, Path(link)))
    for name, text in _ACCOUNTS.items():
        Path(_under(view, Path(name))).write_text(text)
    # The kernel lets a user namespace mount its own /proc only where it can see one already.
    system.mount(_PROC, _under(view, Path(_PROC)), flags=system.MS_BIND | system.MS_REC)
    read_only = system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY | system.MS_NOSUID | system.MS_NODEV
    system.mount("none", mount_point, flags=read_only)
    os.chdir(mount_point)
    system.pivot_root(".", ".")
    system.unmount(".")
    os.chdir("/")


def _under(view: Path, path: Path) -> str:
    return f"{view}{path}"


def _show(path: Path, view: Path) -> None:
    """Bind one folder or file, with all that is mounted below it, at its own name in the view."""
    target = Path(_under(view, path))
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    system.mount(str(path), str(target), flags=system.MS_BIND | system.MS_REC)


def mount_processes(only_processes: bool) -> None:
    """A /proc of this pid namespace; optionally without the machine's own entries (/proc/meminfo, /proc/sys, ...)."""
    flags = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC
    system.mount("proc", _PROC, "proc", flags, "subset=pid" if only_processes else "")


def mount_disk(disk_mb: int, files: int) -> None:
    """Fresh, empty, private folders to write to: all that is written to any of them shares one budget."""
    flags = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC
    system.mount("tmpfs", _DISK, "tmpfs", flags, f"size={disk_mb}m,nr_inodes={files},mode=0700")
    for path in (SCRATCH, temporary(), SHARED_MEMORY):
        folder = f"{_DISK}/{path.name}"
        os.mkdir(folder, 0o700)
        system.mount(folder, str(path), flags=system.MS_BIND)
    system.unmount(_DISK)


def hide_grader() -> None:
    """Cover this package, once the server has imported what it needs of it."""
    system.mount("none", str(grader()), "tmpfs", system.MS_RDONLY, "size=4k,nr_inodes=1,mode=0755")

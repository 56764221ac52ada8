"""Users without rights: which ones root may become, and becoming one for good."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox import system

SLOTS = 64
# No distribution gives accounts from this range: https://systemd.io/UIDS-GIDS
_UNUSED = range(0x70000000, 0x7FFFFFFF)


@dataclass(frozen=True)
class Users:
    """User ids (and group ids alike) that nobody else has, one for each student process of one server."""

    first: int

    def of(self, slot: int) -> int:
        return self.first + slot % SLOTS


def spare_users() -> Users | None:
    """Users that this process can become; None when it is not root, or root of a namespace with one user."""
    if os.geteuid() != 0:
        return None
    extents = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    for start, _, count in extents:
        if start <= _UNUSED.start and start + count >= _UNUSED.stop:
            return _choose(_UNUSED)
    start, _, count = extents[-1]
    # In a container with few users: away from its accounts at the bottom and from "nobody" near the top.
    window = range(start + count * 5 // 8, start + count * 6 // 8)
    return _choose(window) if len(window) >= SLOTS else None


def _choose(window: range) -> Users:
    """Servers that run at the same time have different process ids, so they get different users."""
    return Users(window.start + os.getpid() * SLOTS % (len(window) - SLOTS + 1) // SLOTS * SLOTS)


def become(user: int, capabilities: int = 0) -> None:
    """Turn root into an ordinary user, who keeps only `capabilities`, for good."""
    os.setgroups([])
    os.setresgid(user, user, user)
    system.prctl(system.PR_SET_KEEPCAPS, 1 if capabilities else 0)
    os.setresuid(user, user, user)
    system.set_capabilities(capabilities)


def keep_what_one_has() -> None:
    """From here on no program, set-user-id or not, can give this process a right."""
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)


def others_may_enter(folder: Path) -> bool:
    """Whether a user without rights can go into a folder."""
    return all(os.stat(each).st_mode & 0o001 for each in (folder.resolve(), *folder.resolve().parents))


def others_may_read(path: Path) -> bool:
    """Whether a user without rights can reach and read a file or folder."""
    return others_may_enter(path.resolve().parent) and bool(os.stat(path).st_mode & 0o004)

"""Run a command as another user although only root can reach the interpreter: `python ordinary_user.py UID COMMAND...`

In a mount namespace of its own, every folder on the way to the interpreter that others may not enter is covered by an
open one that shows the way and nothing else. Needs root; ends with status 77 when the machine refuses.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from autograder.sandbox import system

CANNOT = 77


def closed_folders(path: Path) -> list[Path]:
    """Folders on the way to `path` that an ordinary user may not enter, outermost first."""
    return [folder for folder in reversed(path.resolve().parents) if not os.stat(folder).st_mode & 0o001]


def open_the_way(path: Path) -> None:
    for folder in closed_folders(path):
        first_step = folder / path.resolve().relative_to(folder).parts[0]
        handle = os.open(first_step, os.O_PATH)
        system.mount("tmpfs", str(folder), "tmpfs", options="mode=0755")
        first_step.mkdir()
        system.mount(f"/proc/self/fd/{handle}", str(first_step), flags=system.MS_BIND | system.MS_REC)
        os.close(handle)


def main() -> None:
    try:
        system.unshare(system.CLONE_NEWNS, "creating a mount namespace")
        system.mount("none", "/", flags=system.MS_REC | system.MS_PRIVATE)
        for path in (Path(sys.prefix), Path(sys.base_prefix), Path(__file__)):
            open_the_way(path)
    except OSError as error:
        print(error)
        sys.exit(CANNOT)
    user = int(sys.argv[1])
    home = tempfile.mkdtemp(prefix="ordinary-user-")
    os.chmod(home, 0o755)
    os.chown(home, user, user)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.environ.update(HOME=home, TMPDIR=home, USER="somebody", PYTHONDONTWRITEBYTECODE="1")
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()

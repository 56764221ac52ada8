"""What costs seconds to compute and comes out the same each time is kept on disk: answers of known solutions, releases.

A file that is missing, damaged, or in a folder that cannot be written only costs the time to compute it anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from autograder import channel
from autograder.channel import ChannelError
from autograder.classroom import ClassroomError, write_atomically
from utils.data import cache_folder

UNUSED_DAYS = 90

Plain = TypeVar("Plain", list[Any], str)


def folder_of(name: str) -> Path:
    """The folder of what is kept under a name."""
    return cache_folder() / name


@cache
def versions(packages: tuple[str, ...], modules: tuple[str, ...]) -> str:
    """For a question: what may change its answer, or the form in which it is kept, though the question stays."""
    code = b"".join((Path(__file__).parent / name).read_bytes() for name in ("channel.py", *modules))
    used = [f"{package} {version(package)}" for package in packages]
    return "\n".join([sys.version, *used, hashlib.sha256(code).hexdigest()])


def cached(
    name: str,
    question: str,
    compute: Callable[[], Plain],
    worth_keeping: Callable[[Plain], bool] = lambda found: True,
) -> Plain:
    """The answer to a question, from disk if it is there; of several processes that ask, one computes it."""
    path = folder_of(name) / hashlib.sha256(question.encode()).hexdigest()
    found = _read(path)
    if found is not None:
        return found
    with _alone(path.parent):
        found = _read(path)
        if found is None:
            found = compute()
            if worth_keeping(found):
                with contextlib.suppress(ClassroomError, ChannelError):
                    data = channel.dumps(found)
                    write_atomically(path, hashlib.sha256(data).digest() + data)
    return found


def _read(path: Path) -> Any:
    """What a file keeps; None if there is none, or if it is not as it was written."""
    with contextlib.suppress(OSError, ChannelError):
        content = path.read_bytes()
        digest, data = content[:32], content[32:]
        if digest == hashlib.sha256(data).digest():
            os.utime(path)
            return channel.loads(data)
    return None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, where there can be one; the system lets go of it when its process ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "w")  # noqa: SIM115
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _forget_unused(folder)
        yield


@cache
def _forget_unused(folder: Path) -> None:
    """Once per process, remove what nobody has asked for in a long time."""
    oldest = time.time() - UNUSED_DAYS * 86_400
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.name != ".lock" and path.stat().st_mtime < oldest:
                path.unlink()

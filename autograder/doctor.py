"""Look at the machine: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

OK, ADVICE, MISSING = "ok", "advice", "missing"
PYTHON = (3, 11)
COURSE = "descent-course"
DISK_GB, MEMORY_GB = 2.0, 3.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` says what to do if it is not as it should be."""

    what: str
    state: str
    found: str
    advice: str = ""


def examine(classroom: Path) -> list[Finding]:
    """All findings; the folder is that of the class whose disk matters."""
    looks: list[Callable[[], list[Finding]]] = [
        _python,
        _packages,
        lambda: [_accelerator()],
        lambda: [_sandbox()],
        lambda: [_cores(), _memory(), _disk(classroom)],
        lambda: [_gradebook_tool(), _browser()],
    ]
    return [finding for look in looks for finding in look()]


def as_json(findings: list[Finding]) -> dict[str, Any]:
    return {"ready": not any(f.state == MISSING for f in findings), "findings": [asdict(f) for f in findings]}


def _python() -> list[Finding]:
    system = Finding("system", OK, platform.platform(terse=True))
    if sys.platform != "linux":
        advice = "grading needs Linux: use WSL, a container or another machine; the notebooks themselves work here"
        system = Finding("system", ADVICE, platform.platform(terse=True), advice)
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= PYTHON:
        return [system, Finding("Python", OK, found)]
    return [system, Finding("Python", MISSING, found, "install Python 3.11 or later and make the environment with it")]


def _packages() -> list[Finding]:
    """What pyproject.toml asks for, to work on the notebooks and to grade them."""
    try:
        requirements = [Requirement(text) for text in requires(COURSE) or ()]
    except PackageNotFoundError:
        return [Finding(COURSE, MISSING, "not installed", "pip install -e '.[grading]'")]
    needed = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": "grading"})]
    return [_package(requirement) for requirement in needed]


def _package(requirement: Requirement) -> Finding:
    how = "pip install -e ." if requirement.marker is None else "pip install -e '.[grading]'"
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return Finding(requirement.name, MISSING, "not installed", how)
    if not requirement.specifier.contains(found, prereleases=True):
        return Finding(requirement.name, MISSING, f"{found}; needed is {requirement.specifier}", how)
    return Finding(requirement.name, OK, found)


def _accelerator() -> Finding:
    try:
        from utils.device import describe, pick_device

        device = pick_device(quiet=True)
    except ImportError:
        return Finding("device", MISSING, "PyTorch cannot be imported", "pip install -e .")
    if device.type == "cpu":
        return Finding("device", OK, describe(device), "not needed: everything in the course runs on the CPU")
    return Finding("device", OK, describe(device))


def _sandbox() -> Finding:
    """The level of a fork server that has really been started."""
    try:
        from autograder.forkserver import ForkServer

        with ForkServer() as server:
            level = server.level
    except Exception as error:  # whatever it is, no submission could be graded
        return Finding("sandbox", MISSING, _first_line(error), "grade on Linux 5.13 or later, or with --unsafe")
    if level == "full":
        return Finding("sandbox", OK, "full: namespaces, Landlock, seccomp, limits")
    from autograder.sandbox.detect import detect

    found = f"landlock: Landlock, seccomp, limits; not full: {detect().reasons.get('full', 'unknown')}"
    return Finding("sandbox", ADVICE, found, "allow user namespaces for the full level")


def _cores() -> Finding:
    from autograder.grade import default_workers
    from autograder.pool import available_cores

    return Finding("cores", OK, f"{available_cores()}, of which grading would use {default_workers(sys.maxsize)}")


def _memory() -> Finding:
    from autograder.grade import available_memory

    free = available_memory() / 2**30
    if free == float("inf"):
        return Finding("memory", OK, "not known on this system")
    found = f"{free:.1f} GB free"
    if free >= MEMORY_GB:
        return Finding("memory", OK, found)
    return Finding(
        "memory", ADVICE, found, f"grading wants {MEMORY_GB:.0f} GB: close other programs or use --workers 1"
    )


def _disk(folder: Path) -> Finding:
    place = next((path for path in (folder, *folder.absolute().parents) if path.is_dir()), Path("/"))
    free = shutil.disk_usage(place).free / 1e9
    found = f"{free:.1f} GB free in {place}"
    if not os.access(place, os.W_OK):
        return Finding("disk", MISSING, f"{place} cannot be written", "choose another folder with --classroom")
    if free >= DISK_GB:
        return Finding("disk", OK, found)
    return Finding("disk", ADVICE, found, "a class of 100 needs about 100 MB; make room")


def _gradebook_tool() -> Finding:
    """nbgrader runs `alembic` when it makes a gradebook."""
    folders = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    if shutil.which("alembic", path=folders):
        return Finding("alembic", OK, "found")
    return Finding("alembic", MISSING, "not found", "pip install -e '.[grading]'")


def _browser() -> Finding:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path:
        return Finding("browser for the tests", OK, path)
    return Finding("browser for the tests", ADVICE, "not found", "only `make test` needs it: apt install chromium")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)

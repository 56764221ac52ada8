"""The corpus against nbgrader as it ships: a check that the attacks are real. Each in a course of its own."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import nbformat
from nbgrader.apps.nbgraderapp import NbGraderApp

from autograder import stock
from autograder.assignment import Assignment
from autograder.sandbox import processes, system
from tests.autograder.attacks import referee
from tests.autograder.attacks.corpus import VICTIM, Attack
from tests.autograder.attacks.ours import honest, victim
from tests.autograder.attacks.referee import Broken, Outcome

CELL_SECONDS = 20.0
PATIENCE = 120.0
REACHES_OTHERS = ("resources", "escape", "ingest")  # a neighbour is graded as well
MEMORY_MB = 600  # what nbgrader and an honest notebook need


def run(attacks: Sequence[Attack], folder: Path) -> Iterator[Outcome]:
    """How each attack goes; one that would harm this machine is not run."""
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    assignment = victim()
    patient = replace(assignment, budget=replace(assignment.budget, cell_seconds=CELL_SECONDS))
    template = folder / "template"
    stock.prepare_course(template, patient, {})
    (template / "notes.txt").write_text("canary-notes-5fa310")
    for attack in attacks:
        if attack.harm:
            yield Outcome(attack, not_run=attack.harm)
            continue
        place = folder / f"{attack.family}-{attack.name}"
        shutil.copytree(template, place / "class")
        yield _attack(attack, patient, place)
        processes.remove_folder(place)


def _attack(attack: Attack, assignment: Assignment, place: Path) -> Outcome:
    classroom, outside = place / "class", place / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("as it was")
    neighbour = classroom / "submitted" / attack.neighbour / VICTIM / f"{VICTIM}.ipynb"
    neighbour.parent.mkdir(parents=True)
    neighbour.write_bytes(honest(assignment))
    _put_a_secret_into_the_gradebook(classroom, attack)
    folder = attack.hand_in(assignment, classroom, outside)
    student = folder.parent.name
    kept = {name: referee.files_in(classroom / name) for name in ("source", "release", "submitted")}
    kept["outside"] = referee.files_in(outside)
    size = referee.size_of(place)
    alone = attack.family not in REACHES_OTHERS and student == f"{attack.family}-{attack.name}"
    cpu, memory, hung = _autograde(classroom, [f"--student={student}"] if alone else [])
    left = _end_what_is_left()
    broken, points = Broken(), None
    try:
        marks = stock.marks(classroom, assignment)
    except Exception as error:
        marks, broken.neighbour = {}, f"the gradebook is unusable ({type(error).__name__})"
    points = sum(marks.get(student, {}).values())
    if points > attack.honest:
        broken.points = f"{points:g} of {attack.honest:g} earned"
    theirs = sum(marks.get(attack.neighbour, {}).values())
    if not alone and theirs != assignment.max_score - 2:
        broken.neighbour = broken.neighbour or f"{theirs:g} points"
    graded = classroom / "autograded" / student / VICTIM / f"{VICTIM}.ipynb"
    broken.secret = _told(graded)
    kept_after = {name: referee.files_in(classroom / name) for name in ("source", "release", "submitted")}
    kept_after["outside"] = referee.files_in(outside)
    broken.outside = ", ".join(what for name in kept if (what := referee.changes(kept[name], kept_after[name])))
    broken.process = ", ".join(left)
    grown = referee.size_of(place) - size
    excesses = {
        "never ended": hung,
        f"{cpu:.0f} seconds": cpu > 2 * assignment.budget.notebook_seconds,
        f"{memory:.0f} MB of memory": memory > MEMORY_MB + assignment.budget.memory_mb,
        f"{grown >> 20} MB of disk": grown > (assignment.budget.disk_mb + 8) << 20,
    }
    broken.budget = ", ".join(what for what, happened in excesses.items() if happened)
    if attack.family == "people" and graded.exists():
        broken.reader = _read_by_people(classroom, attack, student)
    return Outcome(attack, points, broken)


def _autograde(classroom: Path, options: list[str]) -> tuple[float, float, bool]:
    """`nbgrader autograde` on all; CPU seconds, the largest process in MB, and whether it had to be stopped."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pid = os.fork()  # this process has imported nbgrader already
    if pid == 0:
        try:
            _become_nbgrader(classroom, ["autograde", VICTIM, *options])
        finally:
            os._exit(1)
    pidfd = os.pidfd_open(pid)
    hung = not select.select([pidfd], [], [], PATIENCE)[0]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(pidfd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    grew = after.ru_maxrss > before.ru_maxrss
    return after.ru_utime - before.ru_utime, after.ru_maxrss / 1024 if grew else 0.0, hung


def _become_nbgrader(classroom: Path, arguments: list[str]) -> None:
    """Run a command of nbgrader in this process, with a home and temporary files of its own."""
    os.setsid()
    os.chdir(classroom)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for name in ("HOME", "IPYTHONDIR", "TMPDIR"):
        os.environ[name] = str(classroom.parent / name.lower())
        os.makedirs(os.environ[name])
    os.environ["GRADER_SECRET"] = "canary-environment-b61d72"
    tempfile.tempdir = None
    NbGraderApp.launch_instance(arguments)


def _end_what_is_left() -> list[str]:
    """Names of processes that outlived the grading; they are ended."""
    left = []
    for child in processes.children(os.getpid()):
        with contextlib.suppress(OSError, ChildProcessError):
            command = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ").strip()
            if "resource_tracker" in command:
                continue
            if command and "ipykernel_launcher" not in command:
                left.append(command[:60])
            elif command:
                left.append("a copy of the kernel")
            for pid in processes.descendants(child):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(child, 0)
    return left


def _put_a_secret_into_the_gradebook(classroom: Path, attack: Attack) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{classroom / 'gradebook.db'}") as gradebook:
        gradebook.add_student(attack.neighbour, last_name="canary-gradebook-7e44c9")


def _told(graded: Path) -> str:
    """Secrets in the outputs of the graded notebook, which nbgrader's feedback shows as they are.

    Without the tracebacks: those show lines of hidden tests to whoever fails one, which no attacker can claim.
    """
    try:
        notebook = nbformat.read(graded, as_version=4)
    except Exception:
        return ""
    outputs = [dict(output) for cell in notebook.cells for output in cell.get("outputs", [])]
    return referee.secrets_in(json.dumps([{**output, "traceback": []} for output in outputs]), None)


def _read_by_people(classroom: Path, attack: Attack, student: str) -> str:
    found = {}
    with contextlib.suppress(RuntimeError):
        stock.nbgrader(classroom, "generate_feedback", VICTIM, f"--student={student}")
    for page in (classroom / "feedback" / student).rglob("*.html"):
        found["feedback"] = referee.live(page.read_text(encoding="utf-8", errors="replace"), attack.token)
    with contextlib.suppress(RuntimeError):
        stock.nbgrader(classroom, "export")
    with contextlib.suppress(OSError):
        lines = (classroom / "grades.csv").read_text(encoding="utf-8").splitlines()
        found["csv"] = referee.formulas(cell for line in lines if attack.token in line for cell in line.split(","))
    found["terminal"] = referee.controls(student)
    return ", ".join(f"{where} {what}" for where, what in found.items() if what)

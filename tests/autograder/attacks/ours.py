"""The corpus against our engine: one class, graded by the real driver, with an honest neighbour after each attacker."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import nbformat

from autograder.assignment import Assignment, load_assignment
from autograder.build import reference_solutions, submission_notebook
from autograder.classroom import Classroom
from autograder.engine import Engine
from autograder.grade import Graded, grade_class
from autograder.sandbox import processes, system
from tests.autograder.attacks import referee
from tests.autograder.attacks.corpus import HERE, VICTIM, Attack
from tests.autograder.attacks.referee import Broken, Outcome

SLACK_SECONDS = 4.0  # what starting, watching and explaining cost beside a submission's own budget
SECRET_IN_MEMORY = "-".join(["canary", "memory", "2a90f3"])


class MeteredEngine(Engine):
    """Writes down what each submission cost, by its seed, into the folder that METER names."""

    def grade(self, *args: Any, **options: Any) -> Any:
        self._given_out: list[Any] = []
        cpu, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = super().grade(*args, **options)
        cost = {
            "judge_seconds": time.process_time() - cpu,
            "judge_memory_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024,
            "student_seconds": sum(process.wait(10.0).cpu_seconds for process in self._given_out),
        }
        Path(os.environ["METER"], str(options["seed"])).write_text(json.dumps(cost), encoding="utf-8")
        return result

    def _spawn(self, budget: Any) -> Any:
        self._given_out.append(super()._spawn(budget))
        return self._given_out[-1]


@dataclass
class Arena:
    """The folders of one run."""

    folder: Path
    attacks: Sequence[Attack]
    assignment: Assignment = field(default_factory=lambda: victim())

    def __post_init__(self) -> None:
        self.classroom = Classroom(self.folder / "class")
        self.outside, self.meter, self.temporary = (self.folder / name for name in ("outside", "meter", "tmp"))
        for path in (self.classroom.root, self.outside, self.meter, self.temporary):
            path.mkdir(parents=True)
        self.outside.chmod(0o777)
        (self.outside / "precious.txt").write_text("as it was")
        (self.outside / "precious.txt").chmod(0o666)
        (self.classroom.root / "notes.txt").write_text("canary-notes-5fa310")

    def fill(self) -> None:
        """Neighbours first: an attacker may have got hold of their files."""
        owners = count(100_000)
        for attack in self.attacks:
            path = self.classroom.submitted(attack.neighbour, VICTIM) / f"{VICTIM}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_bytes(honest(self.assignment))
            _give(path.parent, next(owners))
        for attack in self.attacks:
            _give(attack.hand_in(self.assignment, self.classroom.root, self.outside), next(owners))

    @contextlib.contextmanager
    def surroundings(self) -> Iterator[None]:
        """The grader's environment, with a secret in it, and a folder of its own for temporary files."""
        given = {"GRADER_SECRET": "canary-environment-b61d72", "METER": str(self.meter), "TMPDIR": str(self.temporary)}
        with (
            mock.patch.dict(os.environ, given),
            mock.patch("tempfile.tempdir", None),
            mock.patch("autograder.assignment.SOLUTIONS", HERE),
        ):
            yield


def _give(folder: Path, owner: int) -> None:
    """A student owns a folder and what is in it, but for what is only linked there; only root can arrange that."""
    for path in (folder, *folder.rglob("*")) if os.geteuid() == 0 else ():
        if path.is_dir() or path.lstat().st_nlink == 1:
            os.chown(path, owner, owner, follow_symlinks=False)


def victim() -> Assignment:
    with mock.patch("autograder.assignment.SOLUTIONS", HERE):
        return load_assignment(VICTIM)


def honest(assignment: Assignment) -> bytes:
    """A classmate's submission: all right, and not for others to read."""
    notebook = submission_notebook(assignment, {**reference_solutions(assignment), "words": "It is added to itself."})
    double = next(cell for cell in notebook.cells if "def double" in cell.source)
    double.source = 'def double(x):\n    """canary-neighbour-d02b6e"""\n    return x + x'
    return nbformat.writes(notebook).encode()


def run(
    attacks: Sequence[Attack], folder: Path, *, workers: int = 1, level: str | None = None
) -> tuple[list[Outcome], str]:
    """Grade the class; how each attack went, and what is left over that nobody can be blamed for ("" if nothing)."""
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    arena = Arena(folder, attacks)
    arena.fill()
    submitted = referee.files_in(arena.classroom.root / "submitted")
    known = set(processes.children(os.getpid()))
    with arena.surroundings():
        _put_a_secret_into_the_gradebook(arena)
        graded = grade_class(arena.classroom, arena.assignment, workers=workers, level=level, engine=MeteredEngine)
        pages = _write_pages(arena)
    by_student = {one.student: one for one in graded}
    outcomes = [_judge(attack, arena, by_student, pages) for attack in attacks]
    left = {
        "processes": ", ".join(map(_command, _running(set(processes.children(os.getpid())) - known))),
        "temporary files": ", ".join(path.name for path in arena.temporary.iterdir()),
        "submissions changed": referee.changes(submitted, referee.files_in(arena.classroom.root / "submitted")),
    }
    return outcomes, "; ".join(f"{what}: {found}" for what, found in left.items() if found)


def _put_a_secret_into_the_gradebook(arena: Arena) -> None:
    from autograder.gradebook import GradebookWriter

    with GradebookWriter(arena.classroom) as gradebook:
        gradebook._gradebook.add_student(arena.attacks[0].neighbour, last_name="canary-gradebook-7e44c9")


def _write_pages(arena: Arena) -> SimpleNamespace:
    """All that people read: feedback, the class report, the exported marks, and what the command prints."""
    from nbgrader.api import Gradebook
    from typer.testing import CliRunner

    from autograder.__main__ import app
    from autograder.nbgrader_plugin import SafeCsvExporter

    where = ["victim", "--classroom", str(arena.classroom.root)]
    printed = CliRunner().invoke(app, ["grade", *where], catch_exceptions=False).output
    printed += CliRunner().invoke(app, ["report", *where], catch_exceptions=False).output
    exporter, marks = SafeCsvExporter(), arena.folder / "grades.csv"
    exporter.to = str(marks)
    with Gradebook(arena.classroom.db_url) as gradebook:
        exporter.export(gradebook)
    report = (arena.classroom.root / "reports" / "victim.html").read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(marks.read_text(encoding="utf-8"))))
    return SimpleNamespace(printed=printed, report=report, rows=rows)


def _judge(attack: Attack, arena: Arena, graded: dict[str, Graded], pages: SimpleNamespace) -> Outcome:
    folder = next(f for f in _folders(arena) if f == attack.student.replace("@TOKEN@", attack.token))
    own, neighbour = graded[folder], graded[attack.neighbour]
    seed = int(own.result["seed"])
    broken = Broken()
    if own.score > attack.honest:
        broken.points = f"{own.score:g} of {attack.honest:g} earned"
    page_path = arena.classroom.root / "feedback" / folder / VICTIM / f"{VICTIM}.html"
    page = page_path.read_text(encoding="utf-8") if page_path.exists() else ""  # a name that cannot be stored
    told = {key: value for key, value in own.result.items() if key not in ("seed", "submission_sha256")}
    shown = page + json.dumps(told, ensure_ascii=False) + _outputs(arena.classroom.autograded(folder, VICTIM))
    broken.secret = referee.secrets_in(shown, seed)
    broken.outside = ", ".join(
        name
        for name, data in referee.files_in(arena.outside).items()
        if attack.token in name or attack.token.encode() in data
    )
    if neighbour.score != arena.assignment.max_score - 2 or neighbour.result["notes"] or neighbour.repairs:
        broken.neighbour = f"{neighbour.score:g} points, {neighbour.problem or neighbour.result['notes']}"
    broken.budget = _excess(arena, own)
    row = next((row for row in pages.rows if row[3] == folder), [])
    lines = "\n".join(line for line in pages.printed.splitlines() if attack.token in line)
    found = {
        "feedback": referee.live(page, attack.token),
        "report": referee.live(pages.report, attack.token),
        "csv": referee.formulas(row),
        "terminal": referee.controls(lines),
    }
    broken.reader = ", ".join(f"{where} {what}" for where, what in found.items() if what)
    return Outcome(attack, own.score, broken)


def _folders(arena: Arena) -> list[str]:
    return [path.name for path in (arena.classroom.root / "submitted").iterdir()]


def _excess(arena: Arena, own: Graded) -> str:
    """What a submission cost beyond its budget."""
    if own.result.get("try_again"):
        return str(own.problem)
    budget, path = arena.assignment.budget, arena.meter / str(own.result["seed"])
    if not path.exists():  # nothing of it was run
        return ""
    cost = json.loads(path.read_text(encoding="utf-8"))
    allowed = {
        "judge_seconds": budget.notebook_seconds + SLACK_SECONDS,
        "student_seconds": budget.notebook_seconds + SLACK_SECONDS,
        "judge_memory_mb": 2 * budget.memory_mb,
    }
    return ", ".join(f"{name} {cost[name]:.0f} of {most:.0f}" for name, most in allowed.items() if cost[name] > most)


def _outputs(graded: Path) -> str:
    if not graded.exists():
        return ""
    notebook = nbformat.read(graded / f"{VICTIM}.ipynb", as_version=4)
    return json.dumps([cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False)


def _running(pids: set[int]) -> list[int]:
    """Without those that have ended and wait for their parent to notice, and Python's own helper."""
    return [pid for pid in pids if "resource_tracker" not in _command(pid) and _state(pid) not in ("Z", "")]


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()[:200]
    return ""

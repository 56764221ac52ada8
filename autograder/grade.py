"""Grade a class: hand submissions to workers, take back graded notebooks, and write them and the marks down.

Grading one submission is a function of bytes to bytes (`grade_submission`) and knows nothing of folders or databases.
The driver (`grade_class`) does the rest and runs no student code and no test code. It writes in this order: the
notebook, the marks, the result. A run that is killed at any moment is therefore finished by running it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat.notebooknode import NotebookNode

import autograder
from autograder.assignment import RUBRIC_BEGIN, Assignment, grade_id, kind, load_assignment
from autograder.classroom import Classroom, ClassroomError, install, open_classroom, write_atomically
from autograder.gradebook import NO_RESPONSE, GradebookWriter, Record, back_up
from autograder.ingest import TIMESTAMP, Unreadable, read_file, read_submission
from autograder.pool import Failure, Pool, PoolError, available_cores
from autograder.repair import fresh_release, repair
from autograder.result import Result, TestResult
from autograder.variants import check_variants

if TYPE_CHECKING:
    from autograder.engine import Engine

BATCH = 32
BATCH_SECONDS = 2.0
TRIES = 3
SPARE_SECONDS = 120.0  # beyond twice the budget: then a worker has hung
MEMORY_PER_WORKER = 1.5 * 2**30


@dataclass(frozen=True)
class Graded:
    """One submission that has been graded, in this run or before; `result` is what lies in its result.json."""

    student: str
    result: dict[str, Any] = field(repr=False)
    skipped: bool = False

    @property
    def score(self) -> float:
        return self.result["score"]

    @property
    def max_score(self) -> float:
        return self.result["max_score"]

    @property
    def misconceptions(self) -> list[str]:
        return list(dict.fromkeys(t["misconception"] for t in self.result["tests"] if t.get("misconception")))

    @property
    def repairs(self) -> list[str]:
        return self.result["repairs"]

    @property
    def notes(self) -> list[str]:
        return self.result["notes"]

    @property
    def problem(self) -> str | None:
        """Why the submission could not be graded, in one sentence."""
        return self.result["problem"]


@dataclass(frozen=True)
class Progress:
    """How far a run is: of `done` submissions, `skipped` were graded before and `saved` are in the gradebook."""

    total: int
    done: int = 0
    skipped: int = 0
    saved: int = 0
    latest: Graded | None = None


# One submission


@dataclass(frozen=True)
class Work:
    """One submission on its way to a worker."""

    data: bytes = field(repr=False)
    seed: int
    problem: str | None = None
    files: dict[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Done:
    """One graded submission on its way back: the notebook's text, the result as plain data, what the gradebook gets."""

    notebook: str = field(repr=False)
    result: dict[str, Any]
    scores: dict[str, float | None]
    comments: dict[str, str | None]


def grade_submission(work: Work, assignment: Assignment, engine: Engine) -> Done:
    """Repair, run and judge one submission."""
    if work.problem is not None:
        return could_not_grade(assignment, work.problem, work.seed)
    repaired = repair(work.data, assignment)
    if not repaired.readable:
        return could_not_grade(assignment, repaired.repairs[-1], work.seed)
    return done(engine.grade(repaired, assignment, seed=work.seed, files=work.files), assignment)


def done(result: Result, assignment: Assignment) -> Done:
    """What the engine found, as it is written down."""
    scores: dict[str, float | None] = {test.grade_id: test.points for test in result.tests}
    notebook = result.notebook
    show_to_graders(notebook, assignment)
    untouched = untouched_cells(notebook, assignment)
    for name, cell in assignment.cells.items():
        if kind(cell) == "written":
            scores[name] = 0.0 if name in untouched else None
    data = {**result.as_dict(), "problem": None, "answers": _digests(notebook, assignment)}
    return Done(nbformat.writes(notebook) + "\n", data, scores, dict.fromkeys(untouched, NO_RESPONSE))


def could_not_grade(assignment: Assignment, reason: str, seed: int) -> Done:
    """An explicit result for a submission that earned nothing because there was nothing to grade."""
    notebook = fresh_release(assignment)
    banner = f"**This submission could not be graded.** {reason}\n\nWhat follows is the untouched assignment."
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(banner, id="could-not-be-graded"))
    message = f"Could not be graded: {reason}"
    tests = [
        TestResult(
            grade_id=str(grade_id(cell)),
            task=task.name,
            points=0.0,
            max_points=float(cell.metadata.nbgrader.points),
            passed=False,
            visible_passed=False,
            message=message,
        )
        for task in assignment.tasks
        for cell in task.test_cells
    ]
    _mark_failed(notebook, message)
    show_to_graders(notebook, assignment)
    result = Result(assignment.name, 0.0, assignment.max_score, tests, notebook, [], [], seed, level="not run")
    data = {**result.as_dict(), "problem": reason, "answers": {}}
    graded = [cell for task in assignment.tasks for cell in task.test_cells + task.written_cells]
    return Done(nbformat.writes(notebook) + "\n", data, {str(grade_id(cell)): 0.0 for cell in graded}, {})


def _mark_failed(notebook: NotebookNode, message: str) -> None:
    """nbgrader scores a test cell by its outputs: an error is worth nothing."""
    for cell in notebook.cells:
        if kind(cell) == "test":
            error = nbformat.v4.new_output("error", ename="NotGraded", evalue=message, traceback=[message])
            cell.outputs = [error]


def show_to_graders(notebook: NotebookNode, assignment: Assignment) -> None:
    """The instructor's copy shows the tests that were judged, hidden parts included, and each question's rubric."""
    for cell in notebook.cells:
        source = assignment.cells.get(grade_id(cell) or "")
        if source is not None and (kind(source) == "test" or RUBRIC_BEGIN in source.source):
            cell.source = source.source


def untouched_cells(notebook: NotebookNode, assignment: Assignment) -> list[str]:
    """Solution and written cells that stand as they were released."""
    released = {grade_id(cell): cell.source.strip() for cell in fresh_release(assignment).cells}
    return [
        str(name)
        for cell in notebook.cells
        if (name := grade_id(cell)) and kind(cell) in ("solution", "written") and cell.source.strip() == released[name]
    ]


def _digests(notebook: NotebookNode, assignment: Assignment) -> dict[str, str]:
    """A short digest of each written answer, to see whether it is the one that a person has marked."""
    return {
        str(grade_id(cell)): hashlib.sha256(cell.source.encode()).hexdigest()[:16]
        for cell in notebook.cells
        if kind(cell) == "written"
    }


# What was handed in, and what is written down


@dataclass(frozen=True)
class HandedIn:
    """What a student's folder holds for an assignment."""

    work: Work = field(repr=False)
    digest: str
    repairs: list[str]
    timestamp: str | None


def hand_in(classroom: Classroom, student: str, assignment: str, folder: Path | None = None) -> HandedIn:
    """Read a submission from its folder (`submitted/<student>/<assignment>/` if None)."""
    folder = folder or classroom.submitted(student, assignment)
    found = read_submission(folder, assignment)
    timestamp, repairs = _timestamp(folder)
    digest = hashlib.sha256(found.data)
    digest.update(f"{found.problem}{timestamp}".encode("utf-8", "replace"))
    for path, data in found.files.items():
        digest.update(f"/{path}/{len(data)}/".encode("utf-8", "replace") + data)
    work = Work(found.data, classroom.seed(student, assignment), found.problem, found.files)
    return HandedIn(work, digest.hexdigest(), found.repairs + repairs, timestamp)


def result_data(student: str, handed: HandedIn, graded: Done, assignment_sha256: str, **more: Any) -> dict[str, Any]:
    """What goes into result.json."""
    return {
        "student": student,
        **graded.result,
        "repairs": handed.repairs + graded.result["repairs"],
        "graded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "submission_sha256": handed.digest,
        "assignment_sha256": assignment_sha256,
        **more,
    }


def write_result(path: Path, result: dict[str, Any]) -> None:
    write_atomically(path, json.dumps(result, indent=1, ensure_ascii=False).encode())


# Workers


@dataclass(frozen=True)
class Setup:
    """What a worker needs to grade submissions of one assignment."""

    assignment: Assignment
    engine: Callable[..., Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def __call__(self) -> Iterator[Callable[[Work], Done]]:
        with (self.engine or autograder.open_engine)(**self.options) as engine:
            yield lambda work: grade_submission(work, self.assignment, engine)


def default_workers(submissions: int) -> int:
    """One for each core that this process may use, as far as there is memory for their warm engines."""
    return max(1, min(available_cores(), int(available_memory() / MEMORY_PER_WORKER), submissions))


def patience(assignment: Assignment) -> float:
    """Seconds after which a worker that is still at one submission is taken to hang.

    The engine may begin anew until one budget is used up, and then use another.
    """
    return 2 * assignment.budget.notebook_seconds + SPARE_SECONDS


def available_memory() -> float:
    """Bytes of memory that can be had without swapping; infinity where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    return float("inf")


# The class


def grade_class(
    classroom: Classroom | Path | str,
    assignment: Assignment | str,
    *,
    students: Sequence[str] | None = None,
    workers: int | None = None,
    force: bool = False,
    only_changed: bool = False,
    level: str | None = None,
    unsafe: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    engine: Callable[..., Any] | None = None,
) -> list[Graded]:
    """Grade the submissions of a class and write notebooks, marks and results into its folder.

    A submission is skipped if it was graded before, is unchanged, and the assignment's source is unchanged too.

    Args:
        students: only these; all who handed in something if None.
        workers: processes that grade; one per core if None.
        force: grade again what is unchanged.
        only_changed: skip an unchanged submission even if the assignment's source has changed.
        level: the step of the sandbox's ladder to insist on.
        unsafe: run without a sandbox where none can be had.
        on_progress: called at the start and after each submission.
        on_wait: called with one sentence when another program keeps the gradebook locked.
        engine: makes the engine of a worker; the real one if None.

    Returns:
        One Graded for each submission, in the order of the students' names.

    Raises:
        AssignmentError, ClassroomError: with one sentence for the instructor.
        KeyboardInterrupt: after what was done has been saved.
    """
    assignment = load_assignment(assignment) if isinstance(assignment, str) else assignment
    classroom = classroom if isinstance(classroom, Classroom) else open_classroom(classroom)
    chosen = _chosen(classroom, assignment.name, students)
    with classroom.grading():
        install(classroom, assignment)
        with GradebookWriter(classroom, on_wait=on_wait) as gradebook:
            back_up(classroom)
            gradebook.save_assignment(assignment)
            run = _Run(classroom, assignment, gradebook, len(chosen), on_progress or (lambda progress: None))
            todo = chosen if force else run.skip_finished(chosen, only_changed=only_changed)
            run.tell()
            if todo:
                check_variants(assignment)  # in a worker, what is wrong with them would cost each student all points
                run.grade(todo, Setup(assignment, engine, {"level": level, "unsafe": unsafe}), workers)
    return [run.graded[student] for student in chosen]


def _chosen(classroom: Classroom, assignment: str, students: Sequence[str] | None) -> list[str]:
    present = classroom.students(assignment)
    if students is None:
        return present
    if missing := sorted(set(students) - set(present)):
        known = ", ".join(present[:5]) + (", …" if len(present) > 5 else "")
        raise ClassroomError(f"{', '.join(missing)} handed in nothing for {assignment}; those who did are: {known}.")
    return sorted(set(students))


class _Run:
    """One grading run: what was graded in it, and what is not yet saved."""

    def __init__(
        self,
        classroom: Classroom,
        assignment: Assignment,
        gradebook: GradebookWriter,
        total: int,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.classroom, self.assignment, self.gradebook = classroom, assignment, gradebook
        self.total, self.on_progress = total, on_progress
        self.digest = assignment.digest
        self.graded: dict[str, Graded] = {}
        self.skipped = 0
        self._at_work: dict[str, HandedIn] = {}
        self._unsaved: list[tuple[Record, Graded]] = []
        self._saved_at = time.monotonic()

    def tell(self, latest: Graded | None = None) -> None:
        done = len(self.graded)
        self.on_progress(Progress(self.total, done, self.skipped, done - len(self._unsaved), latest))

    def skip_finished(self, students: list[str], *, only_changed: bool) -> list[str]:
        """Take over what was graded before and is unchanged; the rest is to be graded."""
        in_gradebook = self.gradebook.graded_students(self.assignment.name)
        todo = []
        for student in students:
            before = self._before(student)
            finished = (
                before is not None
                and student in in_gradebook
                and not before.get("try_again")
                and (only_changed or before.get("assignment_sha256") == self.digest)
                and before.get("submission_sha256") == hand_in(self.classroom, student, self.assignment.name).digest
                and self._notebook_path(student).exists()
            )
            if finished and before is not None:
                self.graded[student] = Graded(student, before, skipped=True)
            else:
                todo.append(student)
        self.skipped = len(self.graded)
        return todo

    def grade(self, students: list[str], setup: Setup, workers: int | None) -> None:
        size = min(workers or default_workers(len(students)), len(students))
        try:
            with Pool(setup, size, tries=TRIES, seconds=patience(self.assignment)) as pool:
                for student, answer in pool.run(self._tasks(students)):
                    self._take(student, answer)
        except PoolError as error:
            self._save()
            started = len(self.graded) > self.skipped
            what = (
                f"Grading stopped; {len(self.graded)} of {self.total} are saved" if started else "Grading cannot start"
            )
            raise ClassroomError(f"{what}: {error}") from error
        except KeyboardInterrupt:
            self._save()
            self.tell()
            raise
        self._save()

    def _tasks(self, students: list[str]) -> Iterator[tuple[str, Work]]:
        for student in students:
            handed = hand_in(self.classroom, student, self.assignment.name)
            if not _storable(student):
                self._refuse_name(student, handed)
                continue
            self._at_work[student] = handed
            yield student, handed.work

    def _take(self, student: str, answer: Done | Failure) -> None:
        """Write the notebook of a graded submission; its marks and its result follow with the batch."""
        handed = self._at_work.pop(student)
        failed = isinstance(answer, Failure)
        if isinstance(answer, Failure):
            reason = f"Grading it failed {TRIES} times: {answer.reason}."
            answer = could_not_grade(self.assignment, reason, handed.work.seed)
        before = self._before(student)
        result = result_data(student, handed, answer, self.digest, try_again=failed)
        write_atomically(self._notebook_path(student), answer.notebook.encode())
        if handed.timestamp is not None:
            path = self.classroom.autograded(student, self.assignment.name) / TIMESTAMP
            write_atomically(path, handed.timestamp.encode())
        record = Record(
            student,
            answer.scores,
            answer.comments,
            changed=_changed(before, result, answer.scores),
            timestamp=handed.timestamp,
            flagged=_flag(before, result),
        )
        graded = self.graded[student] = Graded(student, result)
        self._unsaved.append((record, graded))
        if len(self._unsaved) >= BATCH or time.monotonic() - self._saved_at > BATCH_SECONDS:
            self._save()
        self.tell(graded)

    def _save(self) -> None:
        """Marks first, then the results: a result says that everything before it is done."""
        self.gradebook.save(self.assignment.name, [record for record, _ in self._unsaved])
        for _, graded in self._unsaved:
            write_result(self.classroom.result(graded.student, self.assignment.name), graded.result)
        self._unsaved.clear()
        self._saved_at = time.monotonic()

    def _refuse_name(self, student: str, handed: HandedIn) -> None:
        reason = "The name of the student's folder has characters that a gradebook cannot store: rename the folder."
        result = could_not_grade(self.assignment, reason, handed.work.seed).result
        shown = student.encode("utf-8", "replace").decode()
        graded = self.graded[student] = Graded(shown, {"student": shown, **result})
        self.tell(graded)

    def _before(self, student: str) -> dict[str, Any] | None:
        try:
            result = json.loads(self.classroom.result(student, self.assignment.name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        known = (
            isinstance(result, dict) and {"student", "tests", "score", "max_score", "repairs", "notes"} <= result.keys()
        )
        return {"problem": None, **result} if known else None

    def _notebook_path(self, student: str) -> Path:
        return self.classroom.autograded(student, self.assignment.name) / f"{self.assignment.name}.ipynb"


def _storable(student: str) -> bool:
    return student.isprintable() and student == student.encode("utf-8", "replace").decode()


def _timestamp(folder: Path) -> tuple[str | None, list[str]]:
    """When the submission was handed in, from nbgrader's timestamp.txt, and what is wrong with that file."""
    path = folder / TIMESTAMP
    if not os.path.lexists(path):
        return None, []
    from nbgrader.utils import parse_utc

    try:
        text = read_file(path)[:100].decode("utf-8").strip()
        parse_utc(text)
    except Unreadable as error:
        return None, [f"The time of submission is not known: {error}"]
    except Exception:  # dateutil raises what it meets on the way
        return None, [f"The time of submission is not known: {TIMESTAMP} holds no date."]
    return text, []


def _changed(before: dict[str, Any] | None, result: dict[str, Any], scores: Collection[str]) -> set[str]:
    """Graded cells whose work is not that of the last grading."""
    if before is None or not isinstance(before.get("answers"), dict):
        return set(scores)
    new_file = before.get("submission_sha256") != result["submission_sha256"]
    answers: dict[str, str] = result["answers"]
    return {name for name in scores if (before["answers"].get(name) != answers[name] if name in answers else new_file)}


def _flag(before: dict[str, Any] | None, result: dict[str, Any]) -> bool | None:
    if result["problem"] is not None:
        return True
    return False if before is not None and before["problem"] is not None else None

"""Whatever is killed, full, locked or interrupted: in the end the class has the marks of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbgrader.api import Gradebook

from autograder.assignment import Assignment
from autograder.classroom import TEMPORARY, Classroom, ClassroomError, open_classroom
from autograder.disk_cache import folder_of
from autograder.engine import KILLS_FORGIVEN, Engine
from autograder.grade import grade_class
from autograder.result import Result
from autograder.sandbox.processes import children, descendants
from autograder.session import Session
from tests.autograder.mini import (
    ADD,
    RIGHT,
    SOURCE,
    SQUARE,
    SUBTRACT,
    WRONG_ADD,
    FakeEngine,
    OneProcess,
    alembic_head,
    hand_in,
    mini_assignment,
    submission,
    to_bytes,
)

ROOT = Path(__file__).resolve().parents[2]
HASTY = SOURCE.replace(
    "    title: A small assignment\n",
    "    title: A small assignment\n#     budget: {cell_seconds: 1, call_seconds: 1, notebook_seconds: 30}\n",
)
MISCONCEPTIONS = """\
from autograder.variants import Misconception

MISCONCEPTIONS = [
    Misconception(name="adds-nothing", function="add", find="return a + b", put="return a - b", message="You subtract."),
    Misconception(name="doubles", function="square", find="a * a", put="2 * a", message="Twice is not a square."),
]
"""
# Answers and outputs that depend on all that the process has done before.
REMEMBERS = f"import random\n\nprint(random.random())\nseen = []\n\n\n{ADD.replace('return', 'seen.append(a); return')}\n\n\n{SUBTRACT}"
KINDS_OF_WORK: tuple[dict[str, str], ...] = (
    RIGHT,
    WRONG_ADD,
    RIGHT | {"squares": "def square(a):\n    return 2 * a"},
    {"sums": RIGHT["sums"]},
    RIGHT | {"sums": REMEMBERS},
    {},
    RIGHT | {"squares": f"{SQUARE}\n\n\nprint(square(4))\nprint(undefined)"},
)
SPECIAL: dict[int, dict[str, str] | bytes] = {
    33: b"{broken",
    50: RIGHT | {"squares": f"{SQUARE}\n\n\nwhile True:\n    pass"},
    77: RIGHT | {"squares": "import os\n\n\ndef square(a):\n    os._exit(0)"},
    150: RIGHT | {"sums": f"{ADD}\n\n\ndef subtract(a, b):\n    while True:\n        pass"},
    166: b"",
}
POLICY = """
from nbgrader.plugins import BasePlugin


class AHalf(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 2


c.AssignLatePenalties.plugin_class = AHalf
"""
# The command itself, with the small assignment in place of the course's.
COMMAND = """
import logging
import os
from pathlib import Path

import autograder.assignment
import autograder.forkserver

autograder.assignment.SOLUTIONS = Path(os.environ["TEST_SOLUTIONS"])
logging.basicConfig(filename=os.environ["TEST_LOG"], level=logging.INFO)
if library := os.environ.get("LD_PRELOAD"):
    clean = autograder.forkserver.clean_environment
    autograder.forkserver.clean_environment = lambda *folders: clean(*folders) | {"LD_PRELOAD": library}

if __name__ == "__main__":
    from autograder.__main__ import main

    main()
"""


@dataclass(frozen=True)
class Course:
    """An assignment in a solutions folder of its own, and the command that grades it."""

    folder: Path
    assignment: Assignment

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, str(self.folder / "command.py"), *map(str, arguments)]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TEST_SOLUTIONS": str(self.folder / "solutions"),
            "TEST_LOG": str(self.log),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }

    def grade(self, classroom: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = self.command("grade", "mini", "--classroom", classroom, "--unsafe", *options)
        return subprocess.run(
            command, env=self.environment | environment, capture_output=True, text=True, timeout=1200, check=False
        )


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[Course]:
    folder = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patch:
        assignment = mini_assignment(folder / "solutions", patch, source=HASTY)
        (assignment.folder / "misconceptions.py").write_text(MISCONCEPTIONS)
        (folder / "command.py").write_text(COMMAND)
        patch.setattr("nbgrader.api.get_alembic_version", alembic_head)
        yield Course(folder, assignment)


def student(number: int) -> str:
    return f"student{number:03d}"


def make_class(folder: Path, assignment: Assignment, students: int) -> Path:
    """A class with a due date, a policy for who is late, and a few who were graded before, by hand too."""
    for number in range(students):
        work = SPECIAL.get(number, KINDS_OF_WORK[number % len(KINDS_OF_WORK)])
        data = work if isinstance(work, bytes) else submission(assignment, work)
        hand_in(folder, student(number), data, late="2030-01-01 13:00:00 UTC" if number % 3 == 0 else "")
    (folder / ".grading-salt").write_text("0" * 32)
    config = open_classroom(folder).root / "nbgrader_config.py"
    config.write_text(config.read_text() + POLICY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.grade.Pool", OneProcess)
        grade_class(folder, assignment, students=[student(n) for n in range(4)], engine=FakeEngine)
    with Gradebook(Classroom(folder).db_url) as gradebook:
        gradebook.update_or_create_assignment("mini", duedate="2030-01-01 12:00:00")
        for number in range(3):
            mark = gradebook.find_grade("words-answer", "mini", "mini", student(number))
            mark.manual_score, mark.extra_credit, mark.needs_manual_grade = 3.0, 0.5, False
            gradebook.find_comment("words-answer", "mini", "mini", student(number)).manual_comment = "Well said."
        gradebook.db.commit()
    hand_in(folder, student(0), submission(assignment, RIGHT | {"words-answer": "Something else."}))
    hand_in(folder, student(1), submission(assignment, RIGHT))
    return folder


def everything(folder: Path, students: list[str] | None = None) -> dict[str, Any]:
    """All that a class holds after grading, without ids, clock times and durations."""
    found: dict[str, Any] = {"gradebook": marks(folder, students)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        mine = students is None or name.parts[0] not in ("autograded", "submitted") or name.parts[1:2] == ()
        if path.is_file() and "gradebook" not in path.name and (mine or name.parts[1] in (students or ())):
            found[str(name)] = timeless(path) if path.name == "result.json" else path.read_bytes()
    return found


def timeless(path: Path) -> dict[str, Any]:
    result = json.loads(path.read_text())
    for timed in (result, *result["tests"]):
        timed.pop("seconds", None)
    del result["graded_at"]
    return result


def marks(folder: Path, students: list[str] | None = None) -> dict[str, Any]:
    with Gradebook(Classroom(folder).db_url) as gradebook:
        assignment = gradebook.find_assignment("mini")
        cells = [c for n in assignment.notebooks for c in (*n.grade_cells, *n.solution_cells, *n.source_cells)]
        found: dict[str, Any] = {
            "": (str(assignment.duedate), sorted(f"{c} {c.to_dict() | {'id': ''}}" for c in cells))
        }
        for one in gradebook.assignment_submissions("mini"):
            if students is None or one.student.id in students:
                notebooks = list(one.notebooks)
                grades = [g for n in notebooks for g in n.grades]
                comments = [c for n in notebooks for c in n.comments]
                found[one.student.id] = (
                    str(one.timestamp),
                    [(n.flagged, n.late_submission_penalty, n.score) for n in notebooks],
                    sorted(
                        (g.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade) for g in grades
                    ),
                    sorted((c.name, c.auto_comment, c.manual_comment) for c in comments),
                )
    return found


# What is killed: the engine


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(level="unsafe") as engine:
        yield engine


def kill_student_process(engine: Engine) -> None:
    assert engine._server is not None
    family = descendants(engine._server._server._process.pid)
    os.kill(family[-1], signal.SIGKILL)


def without_time(result: Result) -> dict[str, Any]:
    plain = {**result.as_dict(), "notebook": result.notebook}
    for timed in (plain, *plain["tests"]):
        timed["seconds"] = 0
    return plain


@pytest.mark.parametrize("work", [WRONG_ADD, RIGHT | {"sums": REMEMBERS}], ids=["wrong", "remembers"])
def test_a_student_process_killed_at_any_request_changes_nothing(course, engine, monkeypatch, tmp_path, work):
    monkeypatch.setenv("DESCENT_CACHE", str(tmp_path))
    data = to_bytes(submission(course.assignment, work))
    exchange, place, kill_at = Session._exchange, 0, -1

    def watched(session: Session, *arguments: Any) -> Any:
        nonlocal place
        place += 1
        if place == kill_at:
            kill_student_process(engine)
        return exchange(session, *arguments)

    def grade() -> dict[str, Any]:
        # So that the processes of the known solutions are among those killed.
        engine._prepared.clear()
        shutil.rmtree(folder_of("answers"), ignore_errors=True)
        return without_time(engine.grade(data, course.assignment, seed=1))

    monkeypatch.setattr(Session, "_exchange", watched)
    undisturbed = grade()
    requests = place
    assert requests > 8
    for number in range(1, requests + 1):
        place, kill_at = 0, number
        assert grade() == undisturbed
        assert place > requests


KILLS_ITSELF = "import os, signal\n\n\ndef square(a):\n    os.kill(os.getpid(), signal.SIGKILL)"


def test_who_kills_their_own_process_is_tried_a_few_times_and_loses_that_test_only(course, engine, monkeypatch):
    spawned: list[Any] = []
    spawn = engine._spawn
    monkeypatch.setattr(engine, "_spawn", lambda budget: spawned.append(budget) or spawn(budget))
    result = engine.grade(to_bytes(submission(course.assignment, RIGHT | {"squares": KILLS_ITSELF})), course.assignment)
    earned = {test.grade_id: (test.points, test.message) for test in result.tests}
    assert earned == {
        "sums-add": (2.0, ""),
        "sums-subtract": (1.0, ""),
        "squares-test": (0.0, "`square` was ended by the system."),
    }
    assert KILLS_FORGIVEN < len(spawned) < 6 * KILLS_FORGIVEN


def test_another_try_does_not_mend_what_had_failed(course, engine):
    """Without a sandbox code can remember on the disk that it failed and killed itself."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    first = f"__import__('os').path.exists({str(folder / 'flag')!r})"
    answers = {
        "sums": RIGHT["sums"].replace("return a + b", f"return a + b if {first} else 0"),
        "squares": f"import os, signal\n\n\ndef square(a):\n    if not {first}:\n"
        f"        open({str(folder / 'flag')!r}, 'w').close()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n    return a * a",
    }
    try:
        result = engine.grade(to_bytes(submission(course.assignment, answers)), course.assignment)
        assert (folder / "flag").exists()
    finally:
        shutil.rmtree(folder)
    assert {t.grade_id: t.points for t in result.tests} == {"sums-add": 0, "sums-subtract": 1, "squares-test": 3}


# What is killed: everything, over a class


@dataclass
class Saboteur:
    """Finds the processes of a grading run by their place in the family, and kills one."""

    driver: int
    level: str

    def victims(self, kind: str) -> list[int]:
        if kind == "driver":
            return [self.driver]
        workers = [pid for pid in children(self.driver) if "spawn_main" in _command(pid)]
        if kind == "worker":
            return workers
        servers = [server for worker in workers for server in self._servers(worker)]
        return servers if kind == "fork server" else [pid for server in servers for pid in children(server)]

    def _servers(self, worker: int) -> list[int]:
        """Those that have imported torch: before, a server is not one, and its child is a rehearsal."""
        found = children(worker)
        for _ in range(2 if self.level == "full" else 1):
            found = [below for pid in found for below in children(pid)]
        return [pid for pid in found if _resident_mb(pid) > 100]

    def kill(self, kind: str, draw: random.Random, *, patience: float = 120.0) -> bool:
        """Kill one at a random moment; False if the run has ended before one could be found."""
        until = time.monotonic() + patience
        wait_until = time.monotonic() + draw.uniform(0.0, 0.2)
        while time.monotonic() < until:
            found = self.victims(kind)
            if found and time.monotonic() > wait_until:
                pid = draw.choice(found)
                if psutil.pid_exists(pid) and _state(pid) not in "ZX":
                    os.kill(pid, signal.SIGKILL)
                    return True
            if _state(self.driver) in "ZX":
                return False
            time.sleep(0.001)
        raise AssertionError(f"No {kind} to kill was found.")


def _command(pid: int) -> str:
    return _read(f"/proc/{pid}/cmdline").replace("\0", " ")


def _resident_mb(pid: int) -> float:
    return int((_read(f"/proc/{pid}/statm").split() or "00")[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _state(pid: int) -> str:
    return (_read(f"/proc/{pid}/stat").rpartition(")")[2].split() or ["X"])[0]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


STUDENTS = 200
KILLS = {"student": 12, "fork server": 3, "worker": 3, "driver": 2}


@pytest.fixture(scope="module")
def undisturbed(course, tmp_path_factory) -> Path:
    """A class of 200, graded; what it was before lies beside it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    make_class(folder / "before", course.assignment, STUDENTS)
    shutil.copytree(folder / "before", folder / "after")
    done = course.grade(folder / "after", "--workers", "1")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_kills_of_every_kind_at_random_moments_change_nothing(course, undisturbed, tmp_path):
    folder = tmp_path / "class"
    shutil.copytree(undisturbed / "before", folder)
    level = json.loads(Classroom(undisturbed / "after").result(student(5), "mini").read_text())["level"]
    draw = random.Random(4)
    kinds = [kind for kind, times in KILLS.items() for _ in range(times)]
    draw.shuffle(kinds)
    moments = sorted(draw.uniform(0.02, 0.92) * STUDENTS for _ in kinds)
    plan = list(zip(moments, kinds, strict=True))
    killed: Counter[str] = Counter()
    course.log.write_text("")
    runs = 0
    while runs < 40:
        runs += 1
        workers = str(1 + runs % 2)
        command = course.command("grade", "mini", "--classroom", folder, "--unsafe", "--workers", workers)
        with subprocess.Popen(
            command, env=course.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as run:
            saboteur = Saboteur(run.pid, level)
            while plan and run.poll() is None:
                if len(list(folder.glob("autograded/*/mini/mini.ipynb"))) < plan[0][0]:
                    time.sleep(0.01)
                elif saboteur.kill(plan[0][1], draw):
                    killed[plan.pop(0)[1]] += 1
            _, complaints = run.communicate(timeout=900)
            assert run.returncode in (0, -signal.SIGKILL), complaints
        if run.returncode == 0:
            break
    assert killed == KILLS
    assert runs > KILLS["driver"]
    noticed = course.log.read_text().count("ended from outside")
    print(f"killed: {dict(killed)}; {runs} runs; {noticed} submissions begun anew")
    assert noticed >= KILLS["student"] // 2
    assert everything(folder) == everything(undisturbed / "after")
    assert not list(folder.rglob(f"{TEMPORARY}*"))


# A clock that jumps

CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

static long jump(void) {
    static unsigned calls;
    calls++;
    return (long)(calls % 7) * (calls % 2 ? 40000000L : -40000000L);
}
int clock_gettime(clockid_t id, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(id, now);
    if (id == CLOCK_REALTIME) now->tv_sec += jump();
    return answer;
}
int gettimeofday(struct timeval *now, void *zone) {
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int answer = real(now, zone);
    now->tv_sec += jump();
    return answer;
}
time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}
"""


@pytest.mark.slow
def test_a_clock_that_jumps_changes_nothing(course, undisturbed, tmp_path):
    """By years, back and forth, at every look at it, in every process; the student that hangs is among these."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to build a clock with")
    library = tmp_path / "clock.so"
    (tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "clock.c", "-ldl"], check=True)
    library.chmod(0o755)
    look = "import time; print(len({round(time.time() / 1e6) for _ in range(9)}))"
    jumping = {**os.environ, "LD_PRELOAD": str(library)}
    assert int(subprocess.check_output([sys.executable, "-c", look], env=jumping)) > 3

    shutil.copytree(undisturbed / "before", tmp_path / "class")
    chosen = [student(n) for n in (0, 1, 3, 6, 9, 12, 33, 50)]
    options = [part for name in chosen for part in ("--student", name)]
    done = course.grade(tmp_path / "class", "--workers", "1", *options, LD_PRELOAD=str(library))
    assert done.returncode == 0, done.stderr
    assert everything(tmp_path / "class", chosen) == everything(undisturbed / "after", chosen)


# Ctrl-C

AT_THE_TERMINAL = 120
IN_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


@pytest.mark.slow
def test_ctrl_c_at_a_terminal_stops_cleanly_and_the_same_command_goes_on(course, undisturbed, tmp_path):
    folder = tmp_path / "class"
    shutil.copytree(undisturbed / "before", folder)
    for path in (folder / "submitted").iterdir():
        if path.name >= student(AT_THE_TERMINAL):
            shutil.rmtree(path)
    command = [sys.executable, "-c", IN_A_TERMINAL, *course.command("grade", "mini", "-c", folder, "--unsafe")]
    environment = course.environment | {"TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    saved_before = len(list(folder.glob("autograded/*/mini/mini.ipynb")))
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as terminal:
        assert terminal.stdin is not None
        family: set[int] = set()
        while terminal.poll() is None and len(list(folder.glob("autograded/*/mini/mini.ipynb"))) == saved_before:
            family |= set(descendants(terminal.pid))
            time.sleep(0.02)
        ends = [os.pidfd_open(pid) for pid in family if psutil.pid_exists(pid)]
        terminal.stdin.write(b"\x03")
        terminal.stdin.flush()
        shown = terminal.communicate(timeout=300)[0].decode()
    assert terminal.returncode == 130, shown
    assert "Traceback" not in shown
    assert "mean" in shown
    assert "left" in shown
    last = shown.strip().splitlines()[-1]
    assert last.endswith(f"of {AT_THE_TERMINAL} are graded and saved. The same command goes on from here.")
    saved = int(last.split("Stopped: ")[1].split()[0])
    for end in ends:
        os.close(end)
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in family if psutil.pid_exists(pid)], timeout=30)
    assert alive == []

    done = course.grade(folder, "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    graded = json.loads(done.stdout)
    assert len(graded) == AT_THE_TERMINAL
    assert sum(one["skipped"] for one in graded) == saved
    chosen = [student(n) for n in range(AT_THE_TERMINAL)]
    assert everything(folder, chosen)["gradebook"] == everything(undisturbed / "after", chosen)["gradebook"]


# A disk that is full

FULL_DISK = """
import json
import shutil
import sys
from pathlib import Path

import autograder.assignment
import autograder.grade
import nbgrader.api
from autograder.assignment import load_assignment
from autograder.classroom import ClassroomError
from autograder.grade import Progress, grade_class
from tests.autograder.mini import FakeEngine, OneProcess, alembic_head

disk, solutions, before, after = map(Path, sys.argv[1:])
autograder.assignment.SOLUTIONS = solutions
autograder.grade.Pool = OneProcess
nbgrader.api.get_alembic_version = alembic_head


def fill(room: int) -> None:  # leaves so many blocks of 8 kB free
    blocks = [disk / f"block{number}" for number in range(1000)]
    written = 0
    try:
        for block in blocks:
            block.write_bytes(bytes(8192))
            written += 1
    except OSError:
        pass
    for block in blocks[max(0, written - room) :]:
        block.unlink(missing_ok=True)


def fill_once_begun(progress: Progress) -> None:
    if progress.done == progress.skipped:
        fill(room)


shutil.copytree(before, disk / "class")
sentences = []
for fill_first in (True, False):
    for room in range(100):
        if fill_first:
            fill(room)
        try:
            grade_class(
                disk / "class",
                load_assignment("mini"),
                engine=FakeEngine,
                workers=1,
                students=["student004", "student005"] if fill_first else None,
                on_progress=None if fill_first else fill_once_begun,
            )
            break
        except ClassroomError as error:
            sentences.append(str(error))
            fill(100)
    fill(100)
shutil.copytree(disk / "class", after)
print(json.dumps(sentences))
"""


def test_a_disk_that_is_full_again_and_again(course, tmp_path, monkeypatch):
    """A real one, with a little more room at each attempt: each ends in one sentence, and in the end all is there."""
    make_class(tmp_path / "before", course.assignment, 20)
    shutil.copytree(tmp_path / "before", tmp_path / "undisturbed")
    monkeypatch.setattr("autograder.grade.Pool", OneProcess)
    grade_class(tmp_path / "undisturbed", course.assignment, engine=FakeEngine, workers=1)

    (tmp_path / "disk").mkdir()
    (tmp_path / "full_disk.py").write_text(FULL_DISK)
    places = [tmp_path / "disk", course.folder / "solutions", tmp_path / "before", tmp_path / "after"]
    mount = 'mount -t tmpfs -o size=3m none "$1" && shift && exec "$@"'
    inside = ["sh", "-c", mount, "sh", places[0], sys.executable, tmp_path / "full_disk.py", *places]
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    probe = subprocess.run([*unshare, "sh", "-c", mount, "sh", places[0], "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no small disk can be had here: {probe.stderr.decode().strip()}")
    done = subprocess.run(
        [*unshare, *map(str, inside)], env=course.environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    sentences = json.loads(done.stdout.splitlines()[-1])
    assert len(sentences) > 5
    print(*sorted(set(sentences)), sep="\n")
    assert len(set(sentences)) > 3
    assert all("\n" not in sentence and "make room" in sentence for sentence in sentences), set(sentences)
    assert everything(tmp_path / "after") == everything(tmp_path / "undisturbed")
    assert not list((tmp_path / "after").rglob(f"{TEMPORARY}*"))


# A gradebook that is locked


@pytest.fixture
def small_class(course, tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("autograder.grade.Pool", OneProcess)
    monkeypatch.setattr("autograder.gradebook.PATIENCE_SECONDS", 1.0)
    return make_class(tmp_path / "class", course.assignment, 8)


def lock(folder: Path) -> sqlite3.Connection:
    other = sqlite3.connect(Classroom(folder).db_path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    return other


def test_a_gradebook_that_is_locked_for_a_while_is_waited_for_with_a_sentence(course, small_class, monkeypatch):
    monkeypatch.setattr("autograder.gradebook.PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr("autograder.gradebook.BUSY_SECONDS", 0.0)
    other = lock(small_class)
    told: list[str] = []

    def unlock(sentence: str) -> None:
        told.append(sentence)
        threading.Timer(0.2, lambda: other.execute("ROLLBACK")).start()

    graded = grade_class(small_class, course.assignment, engine=FakeEngine, workers=1, on_wait=unlock)
    assert len(graded) == 8
    assert told == [
        f"The gradebook {Classroom(small_class).db_path} is in use by another program: "
        "waiting for it, 60 seconds at most."
    ]
    other.close()


@pytest.mark.parametrize("after", [0, 3])
def test_a_gradebook_that_stays_locked_costs_nothing_but_a_sentence(course, small_class, tmp_path, monkeypatch, after):
    """Locked from the start, or once three submissions have been graded."""
    monkeypatch.setattr("autograder.grade.BATCH", 2)
    shutil.copytree(small_class, tmp_path / "undisturbed")
    grade_class(tmp_path / "undisturbed", course.assignment, engine=FakeEngine, workers=1)
    others: list[sqlite3.Connection] = []

    def lock_when_due(done: int) -> None:
        if done >= after and not others:
            others.append(lock(small_class))

    lock_when_due(0)
    with pytest.raises(ClassroomError, match=r"in use by another program and stayed locked for 1 seconds: close it"):
        grade_class(
            small_class,
            course.assignment,
            engine=FakeEngine,
            workers=1,
            on_progress=lambda progress: lock_when_due(progress.done - progress.skipped),
        )
    others[0].close()
    grade_class(small_class, course.assignment, engine=FakeEngine, workers=1)
    assert everything(small_class) == everything(tmp_path / "undisturbed")

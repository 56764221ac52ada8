"""The command line: what it prints, what it leaves behind, and how it ends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from autograder import __main__ as cli
from autograder.assignment import Assignment, assignment_names
from autograder.pool import PoolError
from tests.autograder.mini import (
    RIGHT,
    WRONG_ADD,
    FakeEngine,
    OneProcess,
    alembic_head,
    hand_in,
    mini_assignment,
    submission,
    to_bytes,
)

COMMANDS = ["build", "gate", "simulate", "grade", "report", "check", "doctor"]


@pytest.fixture
def mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    """The small assignment as the only one, graded by a stand-in for the engine in this process."""
    monkeypatch.setattr("nbgrader.api.get_alembic_version", alembic_head)
    monkeypatch.setattr("autograder.open_engine", FakeEngine)
    monkeypatch.setattr("autograder.grade.Pool", OneProcess)
    monkeypatch.setattr("autograder.build.RELEASES", tmp_path / "assignments")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    return mini_assignment(tmp_path / "solutions", monkeypatch)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command line as the shell would; gives exit status, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["autograder", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return (int(ended.value.code or 0), out, err)

    return run


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(run, command):
    status, out, _ = run(command, "--help")
    assert status == 0
    assert f"Example: autograder {command}" in in_one_line(out)


def test_help_lists_the_commands(run):
    status, out, _ = run("--help")
    assert status == 0
    for command in COMMANDS:
        assert command in out


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['autograder', '--help']\n"
        "from autograder.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'nbgrader', 'nbformat', 'jupytext', 'IPython', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "[]"


def test_build_writes_the_release_once(run, mini, tmp_path):
    status, out, _ = run("build", "mini")
    assert (status, in_one_line(out)) == (0, "written assignments/mini/mini.ipynb")
    assert "HIDDEN" not in (tmp_path / "assignments" / "mini" / "mini.ipynb").read_text()
    assert in_one_line(run("build", "mini")[1]) == "unchanged assignments/mini/mini.ipynb"


class TestGrade:
    @pytest.fixture(autouse=True)
    def handed_in(self, mini, tmp_path):
        hand_in(tmp_path / "demo", "ada", submission(mini, RIGHT))
        hand_in(tmp_path / "demo", "bob", submission(mini, WRONG_ADD), name="bob [red].ipynb")
        hand_in(tmp_path / "demo", "cid", b"broken")

    def test_prints_a_table(self, run):
        status, out, _ = run("grade", "mini", "--classroom", "demo")
        assert status == 0
        rows = {line.split()[0]: in_one_line(line) for line in out.splitlines() if line.split()[:1]}
        assert rows["ada"] == "ada 6"
        assert rows["bob"].startswith("bob 4 adds-nothing The file is called “bob [red].ipynb”")
        assert rows["cid"].startswith("cid 0 The file is not a notebook")
        assert "mean 3.3 of 6 points by tests; sandbox: fake" in out
        assert "could not be graded and flagged: cid" in out
        assert "written answers (4 points) wait in the formgrader" in out

    def test_prints_json_and_nothing_else_on_stdout(self, run):
        status, out, _ = run("grade", "mini", "--classroom", "demo", "--json")
        assert status == 0
        graded = json.loads(out)
        assert [(one["student"], one["score"], one["skipped"]) for one in graded] == [
            ("ada", 6.0, False),
            ("bob", 4.0, False),
            ("cid", 0.0, False),
        ]
        assert [one["skipped"] for one in json.loads(run("grade", "mini", "-c", "demo", "--json")[1])] == [True] * 3

    def test_grades_only_who_is_named(self, run):
        _, out, _ = run("grade", "mini", "-c", "demo", "--json", "--student", "bob", "-s", "cid")
        assert [one["student"] for one in json.loads(out)] == ["bob", "cid"]

    def test_goes_on_after_ctrl_c(self, run, monkeypatch):
        class Interrupted(OneProcess):
            def run(self, tasks: Any) -> Any:
                answers = super().run(tasks)
                yield next(answers)
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("autograder.grade.Pool", Interrupted)
            status, _, err = run("grade", "mini", "-c", "demo")
        assert status == 130
        assert "Stopped: 1 of 3 are graded and saved. The same command goes on from here." in err
        assert [one["skipped"] for one in json.loads(run("grade", "mini", "-c", "demo", "--json")[1])] == [
            True,
            False,
            False,
        ]

    def test_takes_force_or_only_changed_not_both(self, run):
        status, _, err = run("grade", "mini", "-c", "demo", "--force", "--only-changed")
        assert status == 2
        assert "choose one of them" in err

    def test_shows_nothing_that_moves_a_terminals_cursor(self, run, tmp_path, mini):
        hand_in(tmp_path / "demo", "ada", submission(mini, RIGHT), name="\x1b]0;owned\x07[bold]x.ipynb")
        (tmp_path / "demo" / "submitted" / "ada" / "mini" / "mini.ipynb").unlink()
        _, out, _ = run("grade", "mini", "-c", "demo")
        assert "\x1b]" not in out
        assert "\x07" not in out
        assert "·]0;owned·[bold]x.ipynb" in out

    def test_report_writes_report_and_feedback(self, run, tmp_path):
        run("grade", "mini", "-c", "demo")
        status, out, _ = run("report", "mini", "-c", "demo")
        assert status == 0
        assert "report: demo/reports/mini.html" in in_one_line(out)
        assert (tmp_path / "demo" / "reports" / "mini.html").exists()
        for student in ("ada", "bob", "cid"):
            page = (tmp_path / "demo" / "feedback" / student / "mini" / "mini.html").read_text()
            assert "add(-17, 4)" not in page

    def test_report_for_one_student(self, run, tmp_path):
        run("grade", "mini", "-c", "demo")
        status, out, _ = run("report", "mini", "-c", "demo", "--student", "ada")
        assert (status, in_one_line(out)) == (0, "feedback: demo/feedback/ada/mini/mini.html")
        assert not (tmp_path / "demo" / "feedback" / "bob").exists()


class TestMistakes:
    """One sentence on stderr, status 2, no traceback."""

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["build", "nope"], "There is no assignment 'nope'; the assignments are: mini."),
            (["gate", "nope"], "There is no assignment 'nope'; the assignments are: mini."),
            (["simulate", "nope"], "There is no assignment 'nope'; the assignments are: mini."),
            (["grade", "nope"], "There is no assignment 'nope'; the assignments are: mini."),
            (["report", "nope"], "There is no assignment 'nope'; the assignments are: mini."),
            (
                ["grade", "mini"],
                "There is no classroom folder classroom: put each submission into classroom/submitted/<student>/<assignment>/",
            ),
            (["grade", "mini", "-c", "empty"], "There is no folder empty/submitted: put each submission into"),
            (["report", "mini", "-c", "empty"], "There is no graded submission of mini in empty. Grade it first."),
            (["report", "mini", "-c", "empty", "-s", "ada"], "No graded submission of mini by ada: grade it first."),
            (["check", "none.ipynb"], "none.ipynb cannot be read: No such file or directory."),
            (
                ["check", "mine.ipynb"],
                "mine.ipynb is not named like an assignment: say which with --assignment (mini).",
            ),
            (["check", "mini.ipynb"], "mini.ipynb cannot be read: No such file or directory."),
            (["check", "empty", "-a", "mini"], "empty cannot be read: Is a directory."),
        ],
    )
    def test_known(self, run, mini, tmp_path, arguments, sentence):
        (tmp_path / "empty").mkdir()
        (tmp_path / "mine.ipynb").touch()
        status, out, err = run(*arguments)
        assert status == 2
        assert out == ""
        assert err.strip().splitlines()[-1].startswith(sentence)
        assert "Traceback" not in err

    def test_a_notebook_that_is_none(self, run, mini, tmp_path):
        (tmp_path / "mini.ipynb").write_bytes(b"no notebook")
        status, _, err = run("check", "mini.ipynb")
        assert status == 2
        assert err.strip() == ("mini.ipynb: The file is not a notebook (its JSON is broken).")

    def test_nobody_is_made_up_in_a_real_class(self, run, mini, tmp_path):
        hand_in(tmp_path / "demo", "ada", submission(mini, RIGHT))
        status, out, err = run("simulate", "mini", "-c", "demo")
        assert (status, out) == (2, "")
        assert err.startswith("demo/submitted holds submissions that were not made up")
        assert [folder.name for folder in (tmp_path / "demo" / "submitted").iterdir()] == ["ada"]

    def test_no_sandbox_for_the_gate(self, run, mini, monkeypatch):
        def no_start(*_: object, **__: object) -> None:
            raise PoolError("Student code cannot be isolated on this machine.")

        monkeypatch.setattr("autograder.gate.gate", no_start)
        assert run("gate", "mini") == (2, "", "Student code cannot be isolated on this machine.\n")

    def test_a_corrupt_gradebook(self, run, mini, tmp_path):
        hand_in(tmp_path / "demo", "ada", submission(mini, RIGHT))
        (tmp_path / "demo" / "gradebook.db").write_bytes(b"no database" * 1000)
        status, _, err = run("grade", "mini", "-c", "demo")
        assert status == 2
        assert "gradebook.db is damaged" in in_one_line(err)
        assert (tmp_path / "demo" / "gradebook.db").read_bytes() == b"no database" * 1000

    def test_what_nobody_expected_goes_to_the_log(self, run, mini, monkeypatch, tmp_path):
        monkeypatch.setattr("autograder.build.build", lambda names: 1 / 0)
        status, _, err = run("build", "mini")
        assert status == 1
        log = tmp_path / "state" / "descent" / "autograder.log"
        assert (
            err.strip() == f"Something went wrong that should not (ZeroDivisionError: division by zero). Details: {log}"
        )
        assert "Traceback" in log.read_text()

    def test_no_place_for_the_log(self, run, mini, monkeypatch, tmp_path):
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
        monkeypatch.setattr("autograder.build.build", lambda names: 1 / 0)
        status, _, err = run("build", "mini")
        assert status == 1
        assert "Traceback" in err
        assert "Details: above" in err


class TestCheck:
    @pytest.mark.parametrize("place", ["mini.ipynb", "mini/my work.ipynb"])
    def test_prints_each_task(self, run, mini, tmp_path, place):
        (tmp_path / "mini").mkdir()
        (tmp_path / place).write_bytes(to_bytes(submission(mini, WRONG_ADD)))
        status, out, _ = run("check", place)
        assert status == 0
        text = in_one_line(out)
        assert "A small assignment: 4 of 6 points by tests" in text
        assert "Task 1. Sums 1 / 3 sums-add failed" in text
        assert "Task 2. Squares 3 / 3 ✓" in text
        assert "4 more points are for written answers" in text

    def test_a_named_misconception_says_its_sentence(self, mini, monkeypatch, capsys):
        known = SimpleNamespace(name="minus", message="You subtract.")
        monkeypatch.setattr("autograder.variants.load_misconceptions", lambda assignment: [known])
        failed = SimpleNamespace(task=mini.tasks[0].name, points=0, max_points=3, message="adds", misconception="minus")
        cli._print_check(SimpleNamespace(tests=[failed], score=0, repairs=[], notes=[], level="full"), mini)
        assert "adds You subtract." in in_one_line(capsys.readouterr().out)

    def test_prints_json(self, run, mini, tmp_path):
        (tmp_path / "work.ipynb").write_bytes(to_bytes(submission(mini, RIGHT)))
        status, out, _ = run("check", "work.ipynb", "--assignment", "mini", "--json")
        assert status == 0
        assert json.loads(out)["score"] == 6.0

    def test_runs_without_a_sandbox_only_if_asked(self, run, mini, tmp_path, monkeypatch):
        asked = []

        class Noting(FakeEngine):
            def __init__(self, **options: Any) -> None:
                asked.append(options["unsafe"])
                super().__init__(**options)

        monkeypatch.setattr("autograder.open_engine", Noting)
        (tmp_path / "mini.ipynb").write_bytes(to_bytes(submission(mini, RIGHT)))
        run("check", "mini.ipynb")
        run("check", "mini.ipynb", "--unsafe")
        assert asked == [False, True]

    def test_leaves_the_notebook_alone(self, run, mini, tmp_path):
        data = to_bytes(submission(mini, RIGHT))
        (tmp_path / "mini.ipynb").write_bytes(data)
        run("check", "mini.ipynb")
        assert (tmp_path / "mini.ipynb").read_bytes() == data
        assert sorted(path.name for path in tmp_path.iterdir()) == ["mini.ipynb", "solutions"]


def test_gate_ends_with_1_if_the_assignment_may_not_be_released(run, mini, monkeypatch):
    asked: dict[str, Any] = {}

    def gate(names: list[str], **options: Any) -> bool:
        asked.update(options, names=names)
        return False

    monkeypatch.setattr("autograder.gate.gate", gate)
    status, _, _ = run("gate", "mini", "--no-mutation", "--workers", "2")
    assert status == 1
    assert (asked["names"], asked["mutation"], asked["stock"], asked["workers"]) == (["mini"], False, True, 2)


def test_simulate_makes_up_a_class_that_can_be_graded(run, mini, tmp_path, monkeypatch):
    from autograder.simulate import Simulated

    def make_up(name: str, classroom: Path, students: int, seed: int) -> list[Simulated]:
        made = [Simulated(f"s{number}", "right", "mini.ipynb", b"") for number in range(students)]
        for one in made:
            hand_in(classroom, one.student, submission(mini, RIGHT))
        return made

    monkeypatch.setattr("autograder.simulate.simulate", make_up)
    status, out, _ = run("simulate", "mini", "--classroom", "new/demo", "--students", "3")
    assert status == 0
    assert "3 made-up submissions in new/demo/submitted/" in out
    assert (tmp_path / "new" / "demo" / "nbgrader_config.py").exists()
    assert len(json.loads(run("grade", "mini", "-c", "new/demo", "--json")[1])) == 3


@pytest.mark.slow
def test_the_installed_program_works_from_a_shell(tmp_path):
    if not assignment_names():
        pytest.skip("no assignment is written yet")
    program = Path(sys.executable).with_name("autograder")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [program, "grade", "nope"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2
    assert done.stderr.startswith("There is no assignment 'nope'")
    assert os.listdir(tmp_path) == []


def test_in_a_log_progress_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with cli._ProgressBar("Grading") as show:
        show.advance(1, 4)
        monkeypatch.setattr(cli._ProgressBar, "SECONDS_PER_LINE", -1.0)
        show.advance(2, 4)
        show.advance(3, 4, "mean 5.0")
    assert capsys.readouterr().err.split("\n")[:2] == ["Grading: 2 of 4", "Grading: 3 of 4, mean 5.0"]


@pytest.mark.parametrize("name", ["quiz", "vanishing_gradients"])
def test_a_narrow_terminal_shows_how_many_are_graded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    monkeypatch.setattr(cli, "_console", lambda **_: terminal)
    show = cli._ProgressBar(f"Grading {name}")
    show.advance(3, 216, "mean 71.3, 2 could not be graded (110 graded before)")
    with terminal.capture() as capture:
        terminal.print(show._bar.get_renderable())
    (line,) = capture.get().splitlines()
    assert line.startswith(f"Grading {name} ")
    assert "3/216" in line
    assert "left mean 71.3" in line

"""The command line: `autograder --help`.

Commands import what they need when they run, so that help is there at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from autograder.assignment import Assignment
    from autograder.grade import Graded, Progress
    from autograder.result import Result

CLASSROOM = Path("classroom")
STOPPED = 130

app = typer.Typer(
    name="autograder",
    help="Builds, checks and grades the assignments of the course. Each command explains itself with --help.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Names = Annotated[list[str] | None, typer.Argument(help="Assignments, by name; all of them if none is named.")]
Name = Annotated[str, typer.Argument(help="The assignment, by name: backprop.")]
Folder = Annotated[Path, typer.Option("--classroom", "-c", help="The folder of the class.", show_default=True)]
Students = Annotated[list[str] | None, typer.Option("--student", "-s", help="Only this student; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Run student code without a sandbox where none can be had.")]


@app.command(epilog="Example: autograder build backprop")
def build(names: Names = None) -> None:
    """Write the notebooks that students get, from their sources."""
    from autograder.build import build as build_notebooks

    _known(names)
    built = build_notebooks(names or None)
    for path, changed in built.items():
        print(f"{'written  ' if changed else 'unchanged'}  {_relative(path)}")


@app.command(epilog="Example: autograder gate backprop")
def gate(
    names: Names = None,
    mutation: Annotated[bool, typer.Option(help="Whether to try the mutants: takes minutes.")] = True,
    stock: Annotated[bool, typer.Option(help="Whether to compare with stock nbgrader: takes a minute.")] = True,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that try; one per core if not given.")] = None,
) -> None:
    """May an assignment be released? Print each rule of the release gate and what breaks it."""
    from autograder.gate import gate as run_gate

    _known(names)
    if not run_gate(names or None, mutation=mutation, stock=stock, workers=workers, console=_console()):
        raise typer.Exit(1)


@app.command(epilog="Example: autograder simulate backprop --students 30 --classroom demo")
def simulate(
    name: Name,
    classroom: Folder = CLASSROOM,
    students: Annotated[int, typer.Option(min=1, help="How many submissions.")] = 16,
    seed: Annotated[int, typer.Option(help="Another seed makes up another class.")] = 0,
) -> None:
    """Make up a class: right, partly right, wrong in known ways, untouched and damaged submissions."""
    from autograder.classroom import install, open_classroom, writing
    from autograder.simulate import simulate as make_up

    assignment = _load(name)
    with writing(classroom):
        made = make_up(name, classroom, students, seed)
    install(open_classroom(classroom), assignment)
    table = _table("student", "what it is")
    for one in made:
        table.add_row(one.student, one.profile)
    _print_table(f"{len(made)} made-up submissions in {classroom}/submitted/", table)


@app.command(epilog="Example: autograder grade backprop --classroom demo --workers 2")
def grade(
    name: Name,
    classroom: Folder = CLASSROOM,
    student: Students = None,
    only_changed: Annotated[
        bool, typer.Option("--only-changed", help="Leave out unchanged submissions even if the assignment has changed.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Grade again what was graded and is unchanged.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that grade; one per core if not given.")] = None,
    as_json: AsJson = False,
    unsafe: Unsafe = False,
) -> None:
    """Grade the submissions of a class into its gradebook.

    What was graded before and is unchanged is skipped, so a run that was stopped goes on where it was. Marks and
    comments that people gave are kept. One broken submission never stops the others.
    """
    from autograder.grade import grade_class

    if force and only_changed:
        raise typer.BadParameter("--force grades everything and --only-changed little: choose one of them.")
    assignment = _load(name)
    _stop_on_termination()
    show = _ProgressBar(f"Grading {name}")
    try:
        with show:
            graded = grade_class(
                classroom,
                assignment,
                students=student,
                workers=workers,
                force=force,
                only_changed=only_changed,
                unsafe=unsafe,
                on_progress=show.update,
                on_wait=show.say,
            )
    except KeyboardInterrupt:
        _say(f"Stopped: {show.saved} of {show.total} are graded and saved. The same command goes on from here.")
        raise typer.Exit(STOPPED) from None
    if as_json:
        print(json.dumps([one.result | {"skipped": one.skipped} for one in graded], indent=1, ensure_ascii=False))
    else:
        _print_class(graded, assignment, classroom)


@app.command(epilog="Example: autograder report backprop --classroom demo")
def report(name: Name, classroom: Folder = CLASSROOM, student: Students = None) -> None:
    """Write the report of a graded class and a feedback page for each student."""
    from autograder.classroom import ClassroomError, open_classroom
    from autograder.feedback import write_feedback
    from autograder.gradebook import load_config
    from autograder.marks import Marks, read_class, read_marks
    from autograder.report import write_report

    _load(name)
    opened = open_classroom(classroom)
    db_url = load_config(opened).CourseDirectory.get("db_url") or None
    graded = [one.student for one in read_class(classroom, name, db_url=db_url).submissions]
    if missing := sorted(set(student or ()) - set(graded)):
        raise ClassroomError(f"No graded submission of {name} by {', '.join(missing)}: grade it first.")
    path = None
    if graded:
        marks = read_marks(classroom, name, db_url=db_url)
        with _ProgressBar("Writing feedback") as show:
            for number, one in enumerate(student or graded, start=1):
                path = write_feedback(classroom, name, one, marks=marks.get(one, Marks()))
                show.advance(number, len(student or graded))
    if path is not None and student:
        print(f"feedback: {_relative(path)}")
        return
    print(f"report:   {_relative(write_report(classroom, name, db_url=db_url))}")
    print(f"feedback: {_relative(classroom / 'feedback')}/<student>/{name}/{name}.html")


@app.command(epilog="Example: autograder check assignments/backprop/backprop.ipynb")
def check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook.")],
    assignment: Annotated[str | None, typer.Option("--assignment", "-a", help="If the name does not tell.")] = None,
    unsafe: Unsafe = False,
    as_json: AsJson = False,
) -> None:
    """Grade a notebook of your own, hidden tests included, and print what to look at."""
    from autograder import grade_notebook
    from autograder.ingest import read_data_files
    from autograder.repair import repair

    data = _read(notebook)
    source = _load(assignment or _guess(notebook))
    repaired = repair(data, source)
    if not repaired.readable:
        from autograder.ingest import Unreadable

        raise Unreadable(f"{notebook}: {repaired.repairs[-1]}")
    files, left_out = read_data_files(notebook.parent)
    repaired.repairs.extend(left_out)
    with _console(stderr=True).status(f"Grading {notebook.name} …"):
        result = grade_notebook(repaired, source, unsafe=unsafe, files=files)
    if as_json:
        print(json.dumps(result.as_dict(), indent=1, ensure_ascii=False))
    else:
        _print_check(result, source)


@app.command(epilog="Example: autograder doctor")
def doctor(classroom: Folder = CLASSROOM, as_json: AsJson = False) -> None:
    """Look at this machine: what is installed, what is missing and how to get it."""
    from autograder import doctor as machine

    findings = machine.examine(classroom)
    summary = machine.as_json(findings)
    if as_json:
        print(json.dumps(summary, indent=1, ensure_ascii=False))
    else:
        marks = {machine.OK: "[green]✓[/]", machine.ADVICE: "[yellow]![/]", machine.MISSING: "[red]✗[/]"}
        table = _table("", "what", "found", "what to do")
        for finding in findings:
            table.add_row(marks[finding.state], finding.what, _plain(finding.found), _plain(finding.advice))
        _print_table("This machine", table)
        print("Ready to grade." if summary["ready"] else "Not ready to grade: see the lines marked ✗.")
    if not summary["ready"]:
        raise typer.Exit(1)


# What is printed


def _print_class(graded: list[Graded], assignment: Assignment, classroom: Path) -> None:
    written = sum(cell.metadata.nbgrader.points for task in assignment.tasks for cell in task.written_cells)
    by_tests = assignment.max_score - written
    table = _table("student", "score", "misconceptions", "repairs and notes")
    table.columns[1].justify = "right"
    for one in graded:
        remarks = [one.problem] if one.problem else one.repairs + one.notes
        name = _plain(one.student) + (" [dim](before)[/]" if one.skipped else "")
        score = f"[red]{one.score:g}[/]" if one.problem else f"{one.score:g}"
        table.add_row(name, score, _plain(", ".join(one.misconceptions)), _plain("\n".join(map(str, remarks))))
    _print_table(f"{assignment.title}: {len(graded)} submission{'s' if len(graded) > 1 else ''}", table)
    levels = sorted({str(one.result["level"]) for one in graded if not one.problem})
    average = sum(one.score for one in graded) / len(graded)
    print(f"mean {average:.1f} of {by_tests:g} points by tests; sandbox: {', '.join(levels) or 'not used'}")
    if problems := [one.student for one in graded if one.problem]:
        print(f"could not be graded and flagged: {', '.join(map(_printable, problems))}")
    if written:
        print(f"written answers ({written:g} points) wait in the formgrader: cd {classroom} && jupyter lab")
    print(f"next: autograder report {assignment.name} --classroom {classroom}")


def _print_check(result: Result, assignment: Assignment) -> None:
    from autograder.variants import load_misconceptions

    causes = {known.name: [known.message] for known in load_misconceptions(assignment)}
    table = _table("task", "points", "what to look at")
    table.columns[1].justify = "right"
    for task in assignment.tasks:
        tests = [test for test in result.tests if test.task == task.name]
        if not tests:
            continue
        points, most = sum(test.points for test in tests), sum(test.max_points for test in tests)
        colour = "green" if points == most else "red" if points == 0 else "yellow"
        said = list(
            dict.fromkeys("\n".join([t.message, *causes.get(t.misconception or "", [])]) for t in tests if t.message)
        )
        table.add_row(
            _plain(task.title), f"[{colour}]{points:g}[/] / {most:g}", _plain("\n".join(said)) or "[green]✓[/]"
        )
    by_tests = sum(test.max_points for test in result.tests)
    _print_table(f"{assignment.title}: {result.score:g} of {by_tests:g} points by tests", table)
    for sentence in result.repairs + result.notes:
        _console().print(f"· {_plain(sentence)}", highlight=False)
    if result.level == "unsafe":
        print("This machine has no sandbox: check only notebooks that you wrote yourself.")
    written = assignment.max_score - by_tests
    if written:
        print(f"{written:g} more points are for written answers, which a person reads.")


class _ProgressBar:
    """A bar with the time left and a running tally, on stderr; in a log, a line now and then."""

    SECONDS_PER_LINE = 10.0

    def __init__(self, title: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
        from rich.table import Column

        self.saved = self.total = 0
        self._title, self._said = title, time.monotonic()
        self._points = self._graded = self._problems = 0.0
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("·"),
            TimeRemainingColumn(),
            TextColumn("left"),
            # the one column that gives way in a narrow terminal
            TextColumn("{task.fields[tally]}", table_column=Column(ratio=1, no_wrap=True)),
            expand=True,
            console=_console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(title, total=None, tally="")

    def __enter__(self) -> _ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, sentence: str) -> None:
        """Print a sentence above the bar."""
        self._bar.console.print(_plain(sentence), highlight=False, soft_wrap=True)

    def advance(self, done: int, total: int, tally: str = "") -> None:
        self._bar.update(self._task, completed=done, total=total, tally=tally)
        if not self._bar.console.is_terminal and time.monotonic() - self._said > self.SECONDS_PER_LINE:
            self._said = time.monotonic()
            self.say(f"{self._title}: {done} of {total}{tally and f', {tally}'}")

    def update(self, progress: Progress) -> None:
        if progress.latest is not None:
            self._graded += 1
            self._points += progress.latest.score
            self._problems += progress.latest.problem is not None
        self.saved, self.total = progress.saved, progress.total
        mean = f"mean {self._points / self._graded:.1f}" if self._graded else "starting"
        problems = f", {self._problems:.0f} could not be graded" if self._problems else ""
        skipped = f" ({progress.skipped} graded before)" if progress.skipped else ""
        self.advance(progress.done, progress.total, mean + problems + skipped)


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print_table(title: str, table: Table) -> None:
    console = _console()
    console.print(f"\n[bold]{_plain(title)}[/]", highlight=False)
    console.print(table)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


def _plain(text: object) -> str:
    """What a student may have had a hand in: no markup, nothing that moves a terminal's cursor."""
    from rich.markup import escape

    return escape(_printable(text))


def _printable(text: object) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "·" for c in str(text))


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


# What is read


def _load(name: str) -> Assignment:
    from autograder.assignment import load_assignment

    return load_assignment(name)


def _known(names: list[str] | None) -> None:
    for name in names or ():
        _load(name)


def _guess(notebook: Path) -> str:
    """The assignment of a notebook, by its name or its folder's."""
    from autograder.assignment import AssignmentError, assignment_names

    names = assignment_names()
    for word in (notebook.stem, notebook.absolute().parent.name):
        if word in names:
            return word
    raise AssignmentError(
        f"{notebook} is not named like an assignment: say which with --assignment ({', '.join(names)})."
    )


def _read(path: Path) -> bytes:
    from autograder.ingest import Unreadable

    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error


def _stop_on_termination() -> None:
    """Being asked to end by the system is treated as Ctrl-C: what is done gets saved."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


# What goes wrong


def _known_errors() -> tuple[type[BaseException], ...]:
    from autograder.assignment import AssignmentError
    from autograder.classroom import ClassroomError
    from autograder.forkserver import ForkServerError
    from autograder.ingest import Unreadable
    from autograder.pool import PoolError

    return (AssignmentError, ClassroomError, ForkServerError, PoolError, Unreadable)


def log_path() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "descent" / "autograder.log"


def _write_log() -> str:
    """Keep the traceback of an unexpected error; says where it is."""
    text = f"{datetime.now(UTC).isoformat()} {sys.argv}\n{traceback.format_exc()}\n"
    try:
        log_path().parent.mkdir(parents=True, exist_ok=True)
        with log_path().open("a", encoding="utf-8") as log:
            log.write(text)
    except OSError:
        _say(text)
        return "above"
    return str(log_path())


def main() -> None:
    """Run the command line; the user's mistakes end in one sentence and status 2."""
    try:
        app()
    except Exception as error:
        if isinstance(error, _known_errors()):
            _say(str(error))
            sys.exit(2)
        _say(f"Something went wrong that should not ({type(error).__name__}: {error}). Details: {_write_log()}")
        sys.exit(1)


if __name__ == "__main__":
    main()

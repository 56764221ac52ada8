"""The page that a student gets back: their work with the verdict, the message and the points where they belong.

Nothing of the hidden tests can be on it: test cells come from the release, without what the grader's run printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from textwrap import dedent
from typing import Any

from markupsafe import Markup, escape
from nbformat.notebooknode import NotebookNode

from autograder.assignment import (
    HIDDEN_BEGIN,
    HIDDEN_END,
    SOLUTIONS,
    Assignment,
    Task,
    grade_id,
    is_experiment,
    kind,
    load_assignment,
    without_regions,
)
from autograder.build import ANSWER_STUB, release_notebook
from autograder.classroom import write_atomically
from autograder.marks import (
    Mark,
    Marks,
    Submission,
    feedback_path,
    folder_name,
    read_marks,
    read_notebook,
    read_result,
)
from autograder.safe_html import clean_html, excerpt, highlight, image_source, markdown, mathematics, page, plain
from autograder.variants import load_misconceptions

EMPTY = Markup()

NOT_GRADED = "could-not-be-graded"  # the cell that tells an instructor what the page's head tells a student

MAX_OUTPUTS = 40  # outputs of one cell that are shown
MAX_CELLS = 400  # cells of the student's own that are shown
LONG_CODE = 120  # lines; trained weights as text are longer
MAX_CODE = 400_000  # characters of code that are highlighted on one page; what follows is shown plain
MAX_MARKUP = 200_000  # characters of HTML and Markdown that are rendered on one page; what follows is shown as text
MAX_PICTURES = 24_000_000  # characters of pictures on one page


@dataclass(frozen=True)
class Output:
    kind: str
    html: Markup
    note: str = ""
    label: str = ""


@dataclass(frozen=True)
class Cell:
    """What the template shows of a cell; `kind` is code, note, test or written."""

    kind: str
    source: Markup = EMPTY
    label: str = ""
    folded: bool = False
    outputs: list[Output] = field(default_factory=list)
    comment: Markup = EMPTY
    # of a test or a written answer
    anchor: str = ""
    title: str = ""
    state: str = ""
    word: str = ""
    points: float | None = None
    max_points: float = 0.0
    message: Markup = EMPTY
    cause: str = ""
    by_hand: bool = False
    answer: Markup = EMPTY


@dataclass
class Section:
    """A task, or what stands before the first one (no name)."""

    name: str
    title: Markup
    state: str = ""
    points: float = 0.0
    max_points: float = 0.0
    text: list[Markup] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)


def write_feedback(classroom: Path, assignment: str, student: str, *, marks: Marks | None = None) -> Path:
    """Write a student's page to `feedback/<student>/<assignment>/<assignment>.html`; raises `GradedError`.

    Whoever writes many pages reads the gradebook once (`graded.read_marks`) and passes each student's `marks`.
    """
    result = read_result(classroom, assignment, student)
    notebook = read_notebook(classroom, assignment, student)
    if marks is None:
        marks = read_marks(classroom, assignment).get(student, Marks())
    path = feedback_path(classroom, assignment, student)
    text = feedback_html({**result, "student": student}, notebook, _load(assignment, _stamp(assignment)), marks)
    write_atomically(path, text.encode())
    return path


def _stamp(assignment: str) -> int:
    """Changes with the source, so that a long-lived process reads it again."""
    path = SOLUTIONS / folder_name(assignment) / f"{assignment}.py"
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=8)
def _load(assignment: str, stamp: int) -> Assignment:
    return load_assignment(assignment)


def feedback_html(
    result: dict[str, Any], notebook: NotebookNode, assignment: Assignment, marks: Marks | None = None
) -> str:
    """The page's text, from the engine's result as plain data and the executed notebook."""
    submission = Submission(str(result.get("student", "")), result, marks or Marks())
    sections = _Converter(submission, notebook, assignment).sections()
    tasks = [section for section in sections if section.name]
    score, max_score = submission.score(assignment), assignment.max_score
    waiting = sum(cell.metadata.nbgrader.points for cell in submission.pending(assignment))
    return page(
        "feedback.html.j2",
        title=assignment.title,
        student=submission.name,
        graded_at=day(result.get("graded_at")),
        score=score,
        max_score=max_score,
        share=percent(score, max_score),
        waiting=waiting,
        waiting_share=percent(waiting, max_score),
        problem=str(result.get("problem") or ""),
        penalty=submission.marks.penalty,
        notes=[str(note) for note in result.get("notes", [])],
        repairs=[str(repair) for repair in result.get("repairs", [])],
        tasks=tasks,
        sections=[section for section in sections if section.cells or section.name],
    )


def percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def day(moment: object) -> str:
    """An ISO time as people write dates; "" if it is none."""
    try:
        return f"{datetime.fromisoformat(str(moment)):%-d %B %Y, %H:%M}"
    except ValueError:
        return ""


def verdict(points: float | None, max_points: float) -> str:
    """The name of a state: pass, part, fail or wait."""
    if points is None:
        return "wait"
    if points >= max_points:
        return "pass"
    return "part" if points > 0 else "fail"


def test_title(cell: NotebookNode) -> str:
    """Of `# Test: the forward pass. And more.` the first sentence; without such a line the grade_id must do."""
    match = re.match(r"#\s*Test:\s*(.+?)(?:\.\s.*|\.?\s*)$", cell.source.partition("\n")[0])
    title = match[1] if match else str(grade_id(cell)).replace("-", " ")
    return title[0].upper() + title[1:]


@lru_cache(maxsize=256)
def inline(source: str) -> Markup:
    """A heading's text as HTML without its paragraph."""
    return Markup(re.sub(r"^<p>(.*)</p>\s*$", r"\1", str(markdown(source)), flags=re.DOTALL))


class _Converter:
    """Walks the executed notebook once; holds what a cell's view needs to know of the submission."""

    def __init__(self, submission: Submission, notebook: NotebookNode, assignment: Assignment) -> None:
        self.submission = submission
        self.notebook = notebook
        self.assignment = assignment
        self.release = {cell.id: cell.source for cell in release_notebook(assignment).cells}
        self.headings = {task.cells[0].id: task for task in assignment.tasks}
        self.task_of = {id_: task for task in assignment.tasks for cell in task.cells if (id_ := grade_id(cell))}
        self.causes = {variant.name: variant.message for variant in load_misconceptions(assignment)}
        self.pictures = self.markup = self.code = 0

    def sections(self) -> list[Section]:
        start = Section("", Markup("Before the first task"))
        by_task = {task.name: self._section(task) for task in self.assignment.tasks}
        current, own = start, 0
        shown: set[str] = set()
        for cell in self.notebook.cells:
            if cell.get("id") == NOT_GRADED:
                continue
            source = self._source_cell(cell)
            name = grade_id(source) if source is not None else None
            task = self.task_of.get(str(name)) or self.headings.get(cell.get("id"))
            current = by_task[task.name] if task else current
            if name in shown:
                continue
            shown |= {name} if name else set()
            if source is None and self.release.get(cell.get("id")) != cell.source:
                own += 1
                if own > MAX_CELLS:
                    continue
            self._add(current, cell, source)
        if own > MAX_CELLS:
            note = Markup('<p class="cut">{} more cells of your own are not shown.</p>').format(own - MAX_CELLS)
            current.cells.append(Cell("note", note))
        for name, task in self.task_of.items():
            source = self.assignment.cells[name]
            if name not in shown and kind(source) == "test":
                by_task[task.name].cells.append(self._test(source, by_task[task.name]))
        return [start, *by_task.values()]

    def _source_cell(self, cell: NotebookNode) -> NotebookNode | None:
        """The assignment's cell of the same grade_id; a cell's own metadata decides nothing else."""
        meta = cell.metadata.get("nbgrader")
        name = meta.get("grade_id") if isinstance(meta, dict) else None
        return self.assignment.cells.get(name) if isinstance(name, str) else None

    def _section(self, task: Task) -> Section:
        graded = task.test_cells + task.written_cells
        points = self.submission.task_points(task)
        waiting = [cell for cell in graded if self.submission.points(cell) is None]
        lost = task.points - points - sum(cell.metadata.nbgrader.points for cell in waiting)
        state = "wait" if waiting and lost <= 0 else verdict(points, task.points)
        return Section(task.name, inline(task.title), state, points, task.points)

    def _add(self, section: Section, cell: NotebookNode, source: NotebookNode | None) -> None:
        role = kind(source) if source is not None else "free"
        if role == "test":
            assert source is not None
            section.cells.append(self._test(source, section))
        elif role == "written":
            assert source is not None
            section.cells.append(self._written(cell, source))
        elif cell.cell_type == "code":
            if shown := self._code(cell, source, role):
                section.cells.append(shown)
        elif cell.cell_type == "markdown":
            self._text(section, cell, source)
        elif cell.source.strip():
            section.cells.append(Cell("note", Markup("<pre>{}</pre>").format(excerpt(cell.source)[0])))

    def _text(self, section: Section, cell: NotebookNode, source: NotebookNode | None) -> None:
        """The task's own text is folded away, as it was released; what a student wrote is shown."""
        released = self.release.get(cell.get("id") if source is None else source.id)
        if source is None and released != cell.source:
            if cell.source.strip():
                section.cells.append(Cell("note", self._markdown(cell)))
        elif section.name and released is not None:
            text = re.sub(r"\A\s*#+ .+\n", "", released) if cell.get("id") in self.headings else released
            section.text.append(_author_markdown(text))

    def _code(self, cell: NotebookNode, source: NotebookNode | None, role: str) -> Cell | None:
        outputs = self._outputs(cell)
        if source is not None and role == "solution":
            long = cell.source.count("\n") >= LONG_CODE
            return Cell("code", self._highlighted(cell), "Your code", long, outputs, self._comment(grade_id(source)))
        if role == "locked" or self.release.get(cell.get("id")) == cell.source:
            # The course's own cell matters to a student for what it printed or drew.
            label = "Experiment" if source is not None and is_experiment(source) else "From the course"
            return Cell("code", self._highlighted(cell), label, True, outputs) if outputs else None
        if not cell.source.strip() and not outputs:
            return None
        return Cell("code", self._highlighted(cell), "Your own cell", False, outputs)

    def _highlighted(self, cell: NotebookNode) -> Markup:
        self.code += len(cell.source)
        return highlight(cell.source) if self.code <= MAX_CODE else escape(excerpt(cell.source)[0])

    def _test(self, source: NotebookNode, section: Section) -> Cell:
        told = {cell.cause for cell in section.cells}
        name = str(grade_id(source))
        test = self.submission.tests.get(name)
        points = self.submission.points(source)
        cause = self.causes.get(str(test.get("misconception")), "") if test else ""
        message = str(test["message"]) if test else "This test was not run."
        return Cell(
            "test",
            highlight(without_regions(source.source, HIDDEN_BEGIN, HIDDEN_END).strip("\n")),
            anchor=name,
            title=test_title(source),
            state=verdict(points, source.metadata.nbgrader.points),
            points=points,
            max_points=source.metadata.nbgrader.points,
            message=message_html(message),
            cause="" if cause in message else "The same as above." if cause in told else cause,
            by_hand=self._mark(name).by_hand,
            comment=self._comment(name),
        )

    def _written(self, cell: NotebookNode, source: NotebookNode) -> Cell:
        points, max_points = self.submission.points(source), source.metadata.nbgrader.points
        words = {"pass": "Full marks", "part": "Part of the marks", "fail": "No marks", "wait": "Awaits grading"}
        empty = cell.source.strip() in ("", ANSWER_STUB) or self.release.get(source.id) == cell.source
        state = verdict(points, max_points)
        return Cell(
            "written",
            answer=Markup() if empty else self._markdown(cell),
            state=state,
            word=words[state],
            points=points,
            max_points=max_points,
            comment=self._comment(grade_id(source)),
        )

    def _mark(self, name: str | None) -> Mark:
        return self.submission.marks.cells.get(str(name), Mark())

    def _comment(self, name: str | None) -> Markup:
        return markdown(self._mark(name).comment)

    def _outputs(self, cell: NotebookNode) -> list[Output]:
        merged = list(_merged(cell.get("outputs", [])))
        shown = [output for raw in merged[:MAX_OUTPUTS] if (output := self._output(raw))]
        if len(merged) > MAX_OUTPUTS:
            note = Markup('<p class="cut">{} more outputs are not shown.</p>').format(len(merged) - MAX_OUTPUTS)
            shown.append(Output("note", note))
        return shown

    def _output(self, output: NotebookNode) -> Output | None:
        if output.output_type == "stream":
            label = "Warnings and errors (stderr)" if output.get("name") == "stderr" else ""
            return _text_output(output.get("text", ""), label=label)
        if output.output_type == "error":
            return _error(output)
        if output.output_type in ("display_data", "execute_result"):
            return self._display(output.get("data", {}))
        return None

    def _display(self, data: dict[str, Any]) -> Output | None:
        """The richest form that is safe. SVG is a document with scripts: it is not shown."""
        for mime in ("image/png", "image/jpeg"):
            if mime in data:
                return self._picture(mime, data)
        for mime, convert in (("text/html", clean_html), ("text/markdown", markdown), ("text/latex", _latex)):
            text = data.get(mime)
            if isinstance(text, str) and self._affordable(text) and (shown := convert(text)).strip():
                return Output("html", shown)
        if isinstance(data.get("text/plain"), str):
            return _text_output(data["text/plain"])
        return (
            Output("note", Markup('<p class="cut">An output of a kind or a size that cannot be shown here.</p>'))
            if data
            else None
        )

    def _markdown(self, cell: NotebookNode) -> Markup:
        if not self._affordable(cell.source):
            return Markup("<pre>{}</pre>").format(excerpt(cell.source)[0])
        return markdown(cell.source, _attachments(cell))

    def _affordable(self, text: str) -> bool:
        self.markup += len(text)
        return self.markup <= MAX_MARKUP

    def _picture(self, mime: str, data: dict[str, Any]) -> Output:
        url = image_source(mime, data[mime])
        self.pictures += len(url or "")
        if url is None or self.pictures > MAX_PICTURES:
            return Output("note", Markup('<p class="cut">A picture that is too large or damaged is not shown.</p>'))
        text = data.get("text/plain")
        alt = plain(text)[:200].strip("<>") if isinstance(text, str) else "Picture"
        return Output("image", Markup('<img src="{}" alt="{}">').format(url, alt))


def message_html(message: str) -> Markup:
    """A check's message: indented lines are values, which line up; `names` are code."""
    shown = EMPTY
    lines = excerpt(message, characters=3_000, lines=40)[0].strip("\n").split("\n")
    for indented, group in groupby(lines, key=lambda line: line.startswith("  ")):
        if indented:
            shown += Markup('<pre class="values">{}</pre>').format(dedent("\n".join(group)))
        else:
            text = str(escape("\n".join(group).strip()))
            shown += (
                Markup("<p>{}</p>").format(Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text))) if text else EMPTY
            )
    return shown


@lru_cache(maxsize=512)
def _author_markdown(source: str) -> Markup:
    return markdown(source)


def _latex(source: str) -> Markup:
    return mathematics(source.strip().strip("$"), display=True)


def _attachments(cell: NotebookNode) -> dict[str, dict[str, str]]:
    found = cell.get("attachments", {})
    return {str(name): versions for name, versions in found.items() if isinstance(versions, dict)}


def _merged(outputs: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    """Neighbouring pieces of one stream are one output."""
    pending: NotebookNode | None = None
    parts: list[str] = []
    for output in outputs:
        same = pending is not None and output.output_type == "stream" and output.get("name") == pending.get("name")
        if same:
            parts.append(output.get("text", ""))
            continue
        if pending is not None:
            yield NotebookNode({**pending, "text": "".join(parts)})
        pending, parts = None, []
        if output.output_type == "stream":
            pending, parts = output, [output.get("text", "")]
        else:
            yield output
    if pending is not None:
        yield NotebookNode({**pending, "text": "".join(parts)})


def _text_output(text: str, *, label: str = "") -> Output | None:
    shown, note = excerpt(text)
    if not shown.strip():
        return None
    return Output("text", Markup("<pre>{}</pre>").format(shown.strip("\n")), note, label)


def _error(output: NotebookNode) -> Output:
    """The error's one line; the traceback only on request, so that it does not bury the rest."""
    name, value = (excerpt(str(output.get(key, "")), characters=1_500, lines=30)[0] for key in ("ename", "evalue"))
    trace, note = excerpt("\n".join(str(line) for line in output.get("traceback", [])), characters=8_000)
    head = Markup("<p><strong>{}</strong>{}{}</p>").format(name, ": " if value else "", value)
    if trace.strip():
        folded = "<details><summary>Show the traceback</summary><pre>{}</pre></details>"
        head += Markup(folded).format(trace)
    return Output("error", head, note)

"""An assignment as its source defines it: cells, tasks, points and the reference solution.

The one source is `solutions/<name>/<name>.py` (py:percent, nbgrader metadata in the cell markers). Everything else that
the grading system knows of an assignment is computed from it here.
"""

from __future__ import annotations

import ast
import hashlib
import json
import linecache
import re
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType

import jupytext
import nbformat
from nbformat.notebooknode import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
RELEASES = ROOT / "assignments"

HIDDEN_BEGIN, HIDDEN_END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
RUBRIC_BEGIN, RUBRIC_END = "### BEGIN MARK SCHEME", "### END MARK SCHEME"
SOLUTION_BEGIN, SOLUTION_END = "### BEGIN SOLUTION", "### END SOLUTION"
REGIONS = ((SOLUTION_BEGIN, SOLUTION_END), (HIDDEN_BEGIN, HIDDEN_END), (RUBRIC_BEGIN, RUBRIC_END))
EXPERIMENT_TAG = "experiment"
NOT_WRITTEN = "is not written yet"  # what calling a function says that the release leaves to be written


def without_regions(text: str, begin: str, end: str) -> str:
    """A text without the lines from each that holds `begin` to the next that holds `end`."""
    kept, inside = [], False
    for line in text.splitlines():
        if begin in line:
            inside = True
        elif end in line:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


class AssignmentError(ValueError):
    """The source of an assignment is missing or breaks a rule; the message is one sentence for its author."""


@dataclass(frozen=True)
class Budget:
    """What one submission may use; set per assignment under `descent: budget:` in the header of its source."""

    cell_seconds: float = 30.0
    call_seconds: float = 20.0
    notebook_seconds: float = 180.0
    memory_mb: int = 2048
    processes: int = 64
    disk_mb: int = 64
    output_kb: int = 1024


@dataclass(frozen=True)
class Task:
    """A heading and the cells up to the next heading that carries a task."""

    name: str
    title: str
    minutes: int
    difficulty: int
    cells: tuple[NotebookNode, ...] = field(repr=False)

    @property
    def solution_cells(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if kind(cell) == "solution"]

    @property
    def test_cells(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if kind(cell) == "test"]

    @property
    def written_cells(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if kind(cell) == "written"]

    @property
    def points(self) -> float:
        return sum(cell.metadata.nbgrader.points for cell in self.test_cells + self.written_cells)

    @cached_property
    def functions(self) -> list[str]:
        """Names that the task's solution cells define."""
        return [name for cell in self.solution_cells for name in defined_names(cell.source)]


def kind(cell: NotebookNode) -> str:
    """What a cell is to the grader: solution, test, written, locked (read-only, restored) or free."""
    meta = cell.metadata.get("nbgrader", {})
    if meta.get("grade") and meta.get("solution"):
        return "written"
    if meta.get("grade"):
        return "test"
    if meta.get("solution"):
        return "solution"
    return "locked" if meta.get("locked") else "free"


def grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def is_experiment(cell: NotebookNode) -> bool:
    """A locked cell that shows something and that no task needs: the grader keeps its submitted output."""
    return kind(cell) == "locked" and EXPERIMENT_TAG in cell.metadata.get("tags", [])


def defined_names(source: str) -> list[str]:
    """Functions, classes and plain names that a cell's top level defines, in order."""
    names: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names.extend(target.id for target in node.targets if isinstance(target, ast.Name))
    return list(dict.fromkeys(names))


@dataclass(frozen=True)
class Assignment:
    """The source notebook of one assignment, read and checked."""

    name: str
    path: Path
    notebook: NotebookNode = field(repr=False)
    budget: Budget = Budget()

    @property
    def title(self) -> str:
        return self.notebook.metadata.get("descent", {}).get("title", self.name)

    @property
    def quiz(self) -> bool:
        """Made of questions (`quiz: true` in the header): there is no code to mutate or to get wrong in known ways."""
        return self.notebook.metadata.get("descent", {}).get("quiz", False)

    @property
    def folder(self) -> Path:
        return self.path.parent

    @cached_property
    def tasks(self) -> list[Task]:
        """In order, each from its heading to the next; raises AssignmentError for a wrong heading or marker."""
        starts = [i for i, cell in enumerate(self.notebook.cells) if "task" in cell.metadata]
        tasks = []
        for start, end in zip(starts, [*starts[1:], len(self.notebook.cells)], strict=True):
            heading = self.notebook.cells[start]
            title = re.search(r"^#+\s*(.+)$", heading.source, re.MULTILINE)
            if title is None:
                raise AssignmentError(f"{self.path}: the cell of task {heading.metadata.task} has no heading.")
            if heading.metadata.task.keys() != {"name", "minutes", "difficulty"}:
                found = json.dumps(heading.metadata.task)
                raise AssignmentError(f"{self.path}: a task has a name, minutes and a difficulty; found {found}.")
            cells = tuple(self.notebook.cells[start:end])
            tasks.append(Task(**heading.metadata.task, title=title[1].strip(), cells=cells))
        return tasks

    @property
    def max_score(self) -> float:
        return sum(task.points for task in self.tasks)

    @cached_property
    def digest(self) -> str:
        """Changes when anything that grading depends on changes in the assignment's folder."""
        digest = hashlib.sha256(f"{self.name} {self.budget} {nbformat.writes(self.notebook)}".encode())
        misconceptions = self.folder / "misconceptions.py"
        if misconceptions.exists():
            digest.update(misconceptions.read_bytes())
        return digest.hexdigest()

    @cached_property
    def cells(self) -> dict[str, NotebookNode]:
        """Cells that nbgrader knows, by grade_id, in order."""
        return {name: cell for cell in self.notebook.cells if (name := grade_id(cell))}

    def task_of(self, name: str) -> Task:
        """The task of a grade_id or of a function (`Value.__mul__` counts as `Value`); raises AssignmentError."""
        for task in self.tasks:
            if name.split(".")[0] in task.functions or name in {grade_id(cell) for cell in task.cells}:
                return task
        raise AssignmentError(f"{self.name}: no task has a cell or a function named {name!r}.")

    @cached_property
    def student_names(self) -> list[str]:
        """Every name that a solution cell defines: in the judge each is bound to a remote function."""
        return [name for task in self.tasks for name in task.functions]

    @cached_property
    def setup_source(self) -> str:
        """Definitions of the notebook's own (not the student's) cells: what a test cell may use."""
        cells = [c for c in self.notebook.cells if c.cell_type == "code" and kind(c) in ("locked", "free")]
        return "\n\n".join(_definitions(cell.source) for cell in cells)

    @cached_property
    def reference_source(self) -> str:
        """The reference solution as the text of a module: definitions only, no experiment, no test."""
        return self.module_source({})

    def module_source(self, solutions: dict[str, str]) -> str:
        """The module text with some solution cells, by grade_id, replaced."""
        parts = []
        for cell in self.notebook.cells:
            if cell.cell_type == "code" and kind(cell) in ("locked", "free", "solution"):
                name = grade_id(cell)
                replaced = kind(cell) == "solution" and name in solutions
                parts.append(_definitions(solutions[name] if replaced else cell.source))  # type: ignore[index]
        return "\n\n".join(part for part in parts if part) + "\n"

    def load_reference(self) -> ModuleType:
        return load_module(f"reference_{self.name}", self.reference_source)


@lru_cache(maxsize=1024)
def _definitions(source: str) -> str:
    """The imports, functions, classes and UPPER_CASE constants of a cell, as text."""
    kept = []
    for node in ast.parse(source).body:
        constant = isinstance(node, ast.Assign) and all(
            isinstance(target, ast.Name) and target.id.isupper() for target in node.targets
        )
        if constant or isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
            kept.append("\n".join(source.splitlines()[first_line(node) - 1 : node.end_lineno]))
    return "\n\n".join(kept)


def first_line(node: ast.stmt) -> int:
    """The line where a statement begins, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])


def keep_source(filename: str, source: str) -> None:
    """Let tracebacks and `inspect` find the lines of code that stands in no file."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)


def load_module(name: str, source: str) -> ModuleType:
    """Execute the text of a module; tracebacks show its lines."""
    filename = f"<{name}-{hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    keep_source(filename, source)
    module = ModuleType(name)
    module.__file__ = filename
    exec(compile(source, filename, "exec"), module.__dict__)
    return module


def assignment_names(*, drafts: bool = False) -> list[str]:
    """The assignments of the course; `drafts` adds those whose header says `draft: true`.

    A draft can be named (`autograder gate optimizers`) but is not built, gated or offered until the line is taken out.
    """
    sources = [path for path in SOLUTIONS.glob("*/*.py") if path.stem == path.parent.name]
    return sorted(path.stem for path in sources if drafts or not _is_draft(path))


def _is_draft(path: Path) -> bool:
    header = path.read_text(encoding="utf-8").split("# %%", 1)[0]
    return re.search(r"^#\s+draft: true$", header, re.MULTILINE) is not None


def load_assignment(name: str) -> Assignment:
    """Read and check `solutions/<name>/<name>.py`; raises AssignmentError."""
    if name not in assignment_names(drafts=True):
        known = ", ".join(assignment_names()) or "none yet"
        raise AssignmentError(f"There is no assignment {name!r}; the assignments are: {known}.")
    return read_assignment(SOLUTIONS / name / f"{name}.py")


def read_assignment(path: Path) -> Assignment:
    """Read and check the source of an assignment, wherever it lies; its name is the file's. Raises AssignmentError."""
    name = path.stem
    notebook = jupytext.read(path)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's own, of no use in a notebook
    give_stable_ids(notebook)
    settings = notebook.metadata.get("descent", {})
    budget, known = settings.get("budget", {}), [field.name for field in fields(Budget)]
    if unknown := sorted(budget.keys() - set(known)):
        raise AssignmentError(f"{path}: a budget has {', '.join(known)}; found {', '.join(unknown)}.")
    assignment = Assignment(name, path, notebook, Budget(**budget))
    _check(assignment)
    return assignment


def give_stable_ids(notebook: NotebookNode) -> None:
    """Cell ids that stay when other cells change: the grade_id, else a hash of the text."""
    seen: set[str] = set()
    for cell in notebook.cells:
        name = grade_id(cell) or hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        while name in seen:
            name = f"{name}-again"
        seen.add(name)
        cell.id = name


def _check(assignment: Assignment) -> None:
    """The rules of a source that nothing later would report clearly."""
    for cell in assignment.notebook.cells:
        for begin, end in REGIONS:
            if cell.source.count(begin) != cell.source.count(end):
                raise AssignmentError(
                    f"{assignment.path}: cell {cell.id!r} has {begin!r} without {end!r}, or the reverse."
                )
        try:
            ast.parse(cell.source if cell.cell_type == "code" else "")
        except SyntaxError as error:
            where = f"line {error.lineno} of cell {cell.id!r}"
            raise AssignmentError(f"{assignment.path}: {where} is not Python: {error.msg}.") from error
    ids = [name for cell in assignment.notebook.cells if (name := grade_id(cell))]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise AssignmentError(f"{assignment.path}: grade_id used twice: {', '.join(repeated)}.")
    in_tasks = {grade_id(cell) for task in assignment.tasks for cell in task.cells}
    for name, cell in assignment.cells.items():
        if kind(cell) in ("solution", "test", "written") and name not in in_tasks:
            raise AssignmentError(f"{assignment.path}: cell {name!r} stands before the first task heading.")

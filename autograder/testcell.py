"""A test cell taken apart: the visible part, the hidden part, the probes, and the number it may end with."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from types import CodeType
from typing import ClassVar

from nbformat.notebooknode import NotebookNode

from autograder.assignment import HIDDEN_BEGIN, HIDDEN_END, Assignment, Task, first_line, grade_id, keep_source
from autograder.names import names_defined
from utils.reading import free_names

PROBE = "probe"


@dataclass(frozen=True)
class Part:
    """Statements that run together; `value` is the cell's last expression if it ends this part."""

    code: CodeType | None
    value: CodeType | None = None


@dataclass(frozen=True)
class TestCell:
    """A test cell of the source, ready to run in a namespace that has the student's names and the probes.

    The hidden part is the first hidden statement and all that follows. Each probe is the text of its function, behind
    what it uses of the notebook's own cells: a student may have given that another meaning.
    """

    __test__: ClassVar[bool] = False  # not a class for pytest

    name: str
    task: Task = field(repr=False)
    points: float
    source: str = field(repr=False)
    visible: Part = field(repr=False)
    hidden: Part = field(repr=False)
    probes: dict[str, str] = field(repr=False)
    student_names: tuple[str, ...]

    def line(self, number: int) -> str:
        """A line of the cell, numbered from 1."""
        lines = self.source.splitlines()
        return lines[number - 1].strip() if 1 <= number <= len(lines) else ""

    @property
    def filename(self) -> str:
        return f"<test {self.name}>"


def compile_tests(assignment: Assignment) -> list[TestCell]:
    """All test cells of an assignment, in order."""
    names = set(assignment.student_names)
    own = {name: s for s in ast.parse(assignment.setup_source).body for name in names_defined(s) - names}
    return [_compile(cell, task, names, own) for task in assignment.tasks for cell in task.test_cells]


def _compile(cell: NotebookNode, task: Task, student_names: set[str], own: dict[str, ast.stmt]) -> TestCell:
    name = str(grade_id(cell))
    filename = f"<test {name}>"
    source = cell.source
    keep_source(filename, source)
    body = ast.parse(source, filename).body
    probes = {node.name: used_by(node, own) + probe_source(source, node) for node in body if is_probe(node)}
    regions = hidden_regions(source)
    first = next((i for i, node in enumerate(body) if overlaps(node, regions)), len(body))
    value = body[-1] if body and isinstance(body[-1], ast.Expr) else None

    def part(nodes: list[ast.stmt]) -> Part:
        ends = value is not None and bool(nodes) and nodes[-1] is value
        kept = [node for node in (nodes[:-1] if ends else nodes) if not is_probe(node)]
        code = compile(ast.Module(kept, []), filename, "exec") if kept else None
        last = compile(ast.Expression(value.value), filename, "eval") if ends and value is not None else None
        return Part(code, last)

    used = {node.id for node in ast.walk(ast.Module(body, [])) if isinstance(node, ast.Name)}
    return TestCell(
        name=name,
        task=task,
        points=float(cell.metadata.nbgrader.points),
        source=source,
        visible=part(body[:first]),
        hidden=part(body[first:]),
        probes=probes,
        student_names=tuple(sorted(used & student_names)),
    )


def hidden_regions(source: str) -> list[tuple[int, int]]:
    """First and last line of each hidden part, the markers included."""
    regions, start = [], 0
    for number, line in enumerate(source.splitlines(), start=1):
        if HIDDEN_BEGIN in line:
            start = number
        elif HIDDEN_END in line:
            regions.append((start, number))
    return regions


def overlaps(node: ast.stmt, regions: list[tuple[int, int]]) -> bool:
    start = first_line(node)
    return any(start <= last and (node.end_lineno or start) >= first for first, last in regions)


def is_probe(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(decorator, ast.Name) and decorator.id == PROBE for decorator in node.decorator_list
    )


def used_by(node: ast.stmt, own: dict[str, ast.stmt]) -> str:
    """The text of those of the definitions `own` that code uses, in their order."""
    pending, found = [node], set[str]()
    for statement in pending:
        new = free_names(statement, own.keys()) - found
        found |= new
        pending += [own[name] for name in new]
    statements = {id(s): s for name, s in own.items() if name in found}
    return "".join(f"{ast.unparse(statement)}\n" for statement in statements.values())


def probe_source(source: str, node: ast.stmt) -> str:
    """The text of a probe without its decorator."""
    return "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno]) + "\n"

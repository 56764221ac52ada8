"""What a submission says about itself: which cells grading runs, and what its code defines. Nothing here runs it."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment, grade_id, is_experiment, kind
from autograder.session import CodeCell

# A line that IPython translates. Its cell magics are left out as well: what stands below them is the student's code.
MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|.*[^\s=]\?\??[ \t]*|.*=[ \t]*[%!].*)$", re.MULTILINE)
MAX_SOURCE = 400_000  # characters of a notebook's code that are read: parsing costs a thousand times their size


@dataclass
class Submitted:
    """The code of a submission."""

    cells: list[CodeCell]
    _trees: dict[int, tuple[ast.Module, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, notebook: NotebookNode, assignment: Assignment) -> Submitted:
        """The cells that grading runs: all code but test cells and experiments, by what the source says they are.

        A locked cell runs as the source has it, whatever became of it in the submission.
        """
        cells = []
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            source = assignment.cells.get(grade_id(cell) or "")
            if source is None:
                cells.append(CodeCell(number, cell.source, f"Cell {number + 1}"))
            elif kind(source) in ("solution", "locked", "free") and not is_experiment(source):
                text = source.source if kind(source) == "locked" else cell.source
                cells.append(CodeCell(number, text, f"The cell `{grade_id(source)}`"))
        return cls(cells)

    def line(self, cell: int, line: int) -> str:
        """A line of the student's own code, or ""."""
        source = next((c.source for c in self.cells if c.number == cell), "")
        lines = source.splitlines()
        return lines[line - 1].strip() if 1 <= line <= len(lines) else ""

    @cached_property
    def definitions(self) -> dict[str, tuple[int, str, frozenset[str]]]:
        """For each name that the top level of a cell defines: the cell, the text, and the names that the text uses.

        The last definition of a name counts, as it does when the notebook runs. Code that is too long to be read
        defines nothing.
        """
        found = {}
        for cell, node, source in self._statements():
            text = "\n".join(source.splitlines()[_first_line(node) - 1 : node.end_lineno])
            inner = list(ast.walk(node))
            used = frozenset(n.id for n in inner if isinstance(n, ast.Name))
            for name in _bound(node, inner):
                found[name] = (cell, text, used)
        return found

    @cached_property
    def imports(self) -> str:
        nodes = [node for _, node, _ in self._statements() if isinstance(node, ast.Import | ast.ImportFrom)]
        return "\n".join(ast.unparse(node) for node in nodes)

    def _statements(self) -> list[tuple[int, ast.stmt, str]]:
        if sum(len(cell.source) for cell in self.cells) > MAX_SOURCE:
            return []
        statements = []
        for cell in self.cells:
            if cell.number not in self._trees:
                self._trees[cell.number] = _parse(cell.source)
            tree, source = self._trees[cell.number]
            statements += [(cell.number, node, source) for node in tree.body]
        return statements

    def source_of(self, name: str, others: Collection[str]) -> str:
        """The text of a definition, with the imports and with the helpers it uses, except those named in `others`."""
        if name not in self.definitions:
            return ""
        texts = [
            text for n in self.reachable(name, others) if n in self.definitions for text in [self.definitions[n][1]]
        ]
        return "\n\n".join([self.imports, *texts])

    def reachable(self, name: str, stop: Collection[str] = ()) -> list[str]:
        """A name and the names that its definition uses, and theirs; `stop` names are not entered."""
        seen, found = [name], {name}
        for current in seen:
            _, _, used = self.definitions.get(current, (0, "", frozenset()))
            new = sorted(n for n in used if n in self.definitions and n not in found and n not in stop)
            seen += new
            found.update(new)
        return seen


def _parse(source: str) -> tuple[ast.Module, str]:
    """A cell's statements, and the text that they were read from: line by line the cell's own, but for its magics."""
    for text in (source, MAGIC.sub(r"\1pass", source)):
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            return ast.parse(text), text
    return ast.Module([], []), source


def _bound(node: ast.stmt, inner: list[ast.AST]) -> list[str]:
    """Names that a statement gives a meaning to; of a definition also those that its body declares global."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name, *(name for n in inner if isinstance(n, ast.Global) for name in n.names)]
    names = [n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    names += [n.name for n in inner if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    return names + [(n.asname or n.name).partition(".")[0] for n in inner if isinstance(n, ast.alias)]


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])

"""What a submission says about itself: which cells grading runs, and what its code defines. Nothing here runs it."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment, grade_id, is_experiment, kind
from autograder.session import CodeCell


@dataclass
class Submitted:
    """The code of a submission."""

    cells: list[CodeCell]
    _trees: dict[int, ast.Module] = field(default_factory=dict, repr=False)

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

        The last definition of a name counts, as it does when the notebook runs.
        """
        found = {}
        for cell, node, source in self._statements():
            text = "\n".join(source.splitlines()[_first_line(node) - 1 : node.end_lineno])
            used = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
            for name in _bound(node):
                found[name] = (cell, text, used)
        return found

    @cached_property
    def imports(self) -> str:
        nodes = [node for _, node, _ in self._statements() if isinstance(node, ast.Import | ast.ImportFrom)]
        return "\n".join(ast.unparse(node) for node in nodes)

    def _statements(self) -> list[tuple[int, ast.stmt, str]]:
        statements = []
        for cell in self.cells:
            source = _python(cell.source)
            if cell.number not in self._trees:
                self._trees[cell.number] = _parse(source)
            statements += [(cell.number, node, source) for node in self._trees[cell.number].body]
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
        seen = [name]
        for current in seen:
            _, _, used = self.definitions.get(current, (0, "", frozenset()))
            seen += sorted(n for n in used if n in self.definitions and n not in seen and n not in stop)
        return seen


def _python(source: str) -> str:
    """The cell as Python text: magics become calls."""
    if "%" not in source and "!" not in source and "?" not in source:
        return source
    from IPython.core.inputtransformer2 import TransformerManager  # slow to import, and rarely needed

    try:
        return TransformerManager().transform_cell(source)
    except Exception:
        return source


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])

"""Other implementations of an assignment: misconceptions (wrong, named) and alternatives (right, must pass).

Each is written as a change of the reference solution, in `solutions/<name>/misconceptions.py` and `alternatives.py`.
"""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass

from autograder.assignment import Assignment, AssignmentError, Task, first_line, grade_id


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A change of the reference solution.

    Either an edit (`find` stands exactly once in the text of `function` and becomes `put`), or `code`: whole
    definitions, each of which replaces the one of its name. `function` is a name that a solution cell defines, or
    `Class.method`.
    """

    name: str
    function: str
    find: str = ""
    put: str = ""
    code: str = ""

    def solutions(self, assignment: Assignment) -> dict[str, str]:
        """Changed solution cells, by grade_id; raises AssignmentError if the change does not fit the solution."""
        if self.find:
            task = assignment.task_of(self.function)
            for cell in task.solution_cells:
                changed = self._edit(cell.source)
                if changed is not None:
                    return {str(grade_id(cell)): changed}
            raise AssignmentError(
                f"{assignment.name}: variant {self.name!r}: {self.find!r} not once in {self.function}."
            )
        return self._replace_definitions(assignment)

    def _edit(self, source: str) -> str | None:
        lines = source.splitlines()
        node = find_definition(ast.parse(source), self.function)
        if node is None:
            return None
        body = "\n".join([*lines[node.lineno - 1 : node.end_lineno], ""])
        if body.count(self.find) != 1:
            return None
        changed = body.replace(self.find, self.put).rstrip("\n")
        return "\n".join([*lines[: node.lineno - 1], changed, *lines[node.end_lineno :]])

    def _replace_definitions(self, assignment: Assignment) -> dict[str, str]:
        sources = {str(grade_id(c)): c.source for task in assignment.tasks for c in task.solution_cells}
        changed: dict[str, str] = {}
        extra = []
        for node in ast.parse(self.code).body:
            text = "\n".join(self.code.splitlines()[first_line(node) - 1 : node.end_lineno])
            name = getattr(node, "name", None)
            home = next(
                (key for key, source in sources.items() if name and find_definition(ast.parse(source), name)),
                None,
            )
            if home is None:
                extra.append(text)
                continue
            lines = sources[home].splitlines()
            old = find_definition(ast.parse(sources[home]), str(name))
            assert old is not None
            sources[home] = "\n".join([*lines[: old.lineno - 1], text, *lines[old.end_lineno :]])
            changed[home] = sources[home]
        if not changed:
            raise AssignmentError(f"{assignment.name}: variant {self.name!r} replaces no definition.")
        first = next(key for key in sources if key in changed)
        changed[first] = "\n\n".join([*extra, changed[first]])
        return changed


@dataclass(frozen=True, kw_only=True)
class Misconception(Variant):
    """A plausible wrong implementation; `message` is the sentence that helps who wrote it."""

    message: str

    def task(self, assignment: Assignment) -> Task:
        return assignment.task_of(self.function)


@dataclass(frozen=True, kw_only=True)
class Alternative(Variant):
    """Another right implementation; `why` says what is different about it."""

    why: str


def find_definition(tree: ast.Module, qualified_name: str) -> ast.FunctionDef | ast.ClassDef | None:
    """The definition of `function`, `Class` or `Class.method` at the top of a module."""
    nodes: list[ast.stmt] = tree.body
    found = None
    for part in qualified_name.split("."):
        found = next((n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == part), None)
        if found is None:
            return None
        nodes = found.body
    return found


def load_misconceptions(assignment: Assignment) -> list[Misconception]:
    return _load(assignment, "misconceptions", "MISCONCEPTIONS")


def load_alternatives(assignment: Assignment) -> list[Alternative]:
    return _load(assignment, "alternatives", "ALTERNATIVES")


def check_variants(assignment: Assignment) -> None:
    """Raises AssignmentError if a misconception or an alternative cannot be had, before anything rests on it."""
    for variant in [*load_misconceptions(assignment), *load_alternatives(assignment)]:
        variant.solutions(assignment)


def _load(assignment: Assignment, stem: str, variable: str) -> list:
    path = assignment.folder / f"{stem}.py"
    if not path.exists():
        return []
    spec = importlib.util.spec_from_file_location(f"{assignment.name}_{stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        variants = getattr(module, variable)
    except Exception as error:
        raise AssignmentError(f"{path} cannot be loaded: {type(error).__name__}: {error}.") from error
    names = [variant.name for variant in variants]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise AssignmentError(f"{path}: names used twice: {', '.join(repeated)}.")
    return variants

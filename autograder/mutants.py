"""Mutants of a solution cell: every small change that cosmic-ray's operators can make inside the solution regions."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

import cosmic_ray.plugins
from cosmic_ray.mutating import mutate_code

from autograder.assignment import Assignment, AssignmentError, grade_id
from autograder.build import strip_marks


@dataclass(frozen=True)
class Mutant:
    """One changed line of one solution cell."""

    cell: str
    function: str
    before: str
    after: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.function, self.before, self.after

    def __str__(self) -> str:
        return f"{self.function}: {self.before}  →  {self.after}"


def mutants(assignment: Assignment) -> Iterator[Mutant]:
    """All different mutants, cell by cell; the operators that need arguments are left out."""
    operators = [
        operator()
        for name in cosmic_ray.plugins.operator_names()
        if not (operator := cosmic_ray.plugins.get_operator(name)).arguments()
    ]
    for task in assignment.tasks:
        for cell in task.solution_cells:
            source = strip_marks(cell.source) + "\n"
            seen = {_meaning(source)}
            for operator in operators:
                occurrence = 0
                while (changed := mutate_code(source, operator, occurrence)) is not None:
                    occurrence += 1
                    meaning = _meaning(changed)
                    if meaning is not None and meaning not in seen:
                        seen.add(meaning)
                        yield _describe(str(grade_id(cell)), source, changed)


def _meaning(source: str) -> str | None:
    """The syntax tree as text, or None where the mutation is not Python."""
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return None


def _describe(cell: str, source: str, changed: str) -> Mutant:
    old, new = source.splitlines(), changed.splitlines()
    line = next(i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b)
    owner = ""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.lineno <= line + 1 <= (node.end_lineno or 0):
            owner = node.name
            for member in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(member, ast.FunctionDef) and member.lineno <= line + 1 <= (member.end_lineno or 0):
                    owner = f"{node.name}.{member.name}"
    return Mutant(cell, owner, old[line].strip(), new[line].strip(), changed.rstrip("\n"))


def equivalent_mutants(assignment: Assignment) -> dict[tuple[str, str, str], str]:
    """Mutants that no test can kill, with the reason why, from `equivalent_mutants.toml`."""
    path = assignment.folder / "equivalent_mutants.toml"
    if not path.exists():
        return {}
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
    for entry in entries:
        if set(entry) != {"function", "before", "after", "reason"} or not entry["reason"].strip():
            raise AssignmentError(f"{path}: each [[mutant]] has function, before, after and a reason; found {entry}.")
    return {(entry["function"], entry["before"], entry["after"]): entry["reason"] for entry in entries}

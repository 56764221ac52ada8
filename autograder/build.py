"""Build notebooks from their text sources: what students get, and what instructors keep.

The release is made by nbgrader's own preprocessors, in process and without a database; the one change is a stub that
names the function that is missing.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import jupytext
import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.assignment import (
    NOT_WRITTEN,
    RELEASES,
    ROOT,
    SOLUTION_BEGIN,
    SOLUTION_END,
    Assignment,
    assignment_names,
    give_stable_ids,
    grade_id,
    kind,
    load_assignment,
)

LECTURES = ROOT / "course"
ANSWER_STUB = "YOUR ANSWER HERE"
KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def source_notebook(assignment: Assignment) -> NotebookNode:
    """The instructor's notebook: solutions, hidden tests, and the line that tells difficulty, minutes and points."""
    notebook = copy.deepcopy(assignment.notebook)
    notebook.metadata = nbformat.from_dict(
        KERNEL | {"descent": {"assignment": assignment.name, "title": assignment.title}}
    )
    points = {task.name: task.points for task in assignment.tasks}
    for cell in notebook.cells:
        if task := cell.metadata.pop("task", None):
            cell.metadata["descent"] = {"task": task["name"]}
            stars = "●" * task["difficulty"] + "○" * (3 - task["difficulty"])
            facts = f"*difficulty {stars} · about {task['minutes']} minutes · {points[task['name']]:g} points*"
            cell.source = re.sub(r"^(#+ .+)$", rf"\1\n\n{facts}", cell.source, count=1, flags=re.MULTILINE)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


@cache
def _release(assignment_name: str, text: str) -> NotebookNode:
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearMarkScheme,
        ComputeChecksums,
        LockCells,
    )
    from traitlets.config import Config

    # A rubric may stand in the question's own cell; nbgrader expects it in one of its task cells only.
    config = Config({"ClearMarkScheme": {"enforce_metadata": False}, "LockCells": {"lock_solution_cells": True}})
    notebook = nbformat.reads(text, as_version=4)
    resources: dict = {"unique_key": assignment_name}
    for cell in notebook.cells:
        clear_solution(cell)
    for step in (LockCells, ClearHiddenTests, ClearMarkScheme):
        notebook, resources = step(config=config).preprocess(notebook, resources)
    for cell in notebook.cells:
        cell.source = cell.source.strip("\n")
    for step in (ComputeChecksums, CheckCellMetadata):
        notebook, resources = step(config=config).preprocess(notebook, resources)
    return notebook


def release_notebook(assignment: Assignment) -> NotebookNode:
    """The student's notebook: solutions, hidden tests and rubrics taken out. A fresh copy each time."""
    return copy.deepcopy(_release(assignment.name, nbformat.writes(source_notebook(assignment))))


def submission_notebook(assignment: Assignment, solutions: dict[str, str]) -> NotebookNode:
    """The release with some solution cells, by grade_id, filled in."""
    notebook = release_notebook(assignment)
    for cell in notebook.cells:
        if grade_id(cell) in solutions:
            cell.source = solutions[str(grade_id(cell))]
    return notebook


def reference_solutions(assignment: Assignment) -> dict[str, str]:
    """The text of every solution cell, by grade_id, without the marks of its regions."""
    return {str(grade_id(cell)): strip_marks(cell.source) for task in assignment.tasks for cell in task.solution_cells}


def strip_marks(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if not re.match(r"\s*### (BEGIN|END) SOLUTION", line))


def clear_solution(cell: NotebookNode) -> None:
    """Replace each solution region by a stub that names the function it stands in, and a written answer as a whole."""
    if kind(cell) == "written":
        cell.source = ANSWER_STUB
        return
    if kind(cell) != "solution":
        return
    owners = _definitions_by_line(cell.source)
    lines, inside = [], False
    for number, line in enumerate(cell.source.splitlines(), start=1):
        if SOLUTION_BEGIN in line:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(f"{indent}# YOUR CODE HERE")
            lines.append(f'{indent}raise NotImplementedError("{owners[number]} {NOT_WRITTEN}")')
        elif SOLUTION_END in line:
            inside = False
        elif not inside:
            lines.append(line)
    cell.source = "\n".join(lines)


def _definitions_by_line(source: str) -> dict[int, str]:
    """For each line the function around it: `linear_forward`, `Value.backward`."""
    owners: dict[int, str] = {}

    def visit(nodes: list[ast.stmt], prefix: str) -> None:
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                assert node.end_lineno is not None
                for line in range(node.lineno, node.end_lineno + 1):
                    owners[line] = prefix + node.name
                if isinstance(node, ast.ClassDef):
                    visit(node.body, f"{node.name}.")

    visit(ast.parse(source).body, "")
    return owners


def write_notebook(notebook: NotebookNode, path: Path) -> bool:
    """Write a notebook if its text changed; says whether it did."""
    text = nbformat.writes(notebook) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


LECTURE_LINK = re.compile(r"\]\((\d\d_\w+)\.md(?:#[^)\s]*)?\)")
ASSIGNMENT_LINK = re.compile(r"\]\(assignments\.md#([\w-]+)\)")


def lecture_notebook(path: Path) -> NotebookNode:
    """The notebook of a lecture's MyST Markdown, without outputs.

    What leads to pages of the site leads to notebooks here; a cell with the tag `hide-input` starts folded.
    """
    notebook = jupytext.read(path)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(KERNEL)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LECTURE_LINK.sub(r"](\1.ipynb)", cell.source)
            cell.source = ASSIGNMENT_LINK.sub(_assignment_link, cell.source)
        elif "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True}
    give_stable_ids(notebook)
    return notebook


def _assignment_link(link: re.Match[str]) -> str:
    name = link[1].replace("-", "_")
    return f"](../assignments/{name}/{name}.ipynb)"


def built_notebooks(names: Iterable[str] | None = None) -> dict[Path, NotebookNode]:
    """Every notebook that is built and committed, by its path: releases, and lectures when no assignment is named."""
    built = {}
    for name in names or assignment_names():
        built[RELEASES / name / f"{name}.ipynb"] = release_notebook(load_assignment(name))
    if names is None:
        for path in sorted(LECTURES.glob("[0-9][0-9]_*.md")):
            built[path.with_suffix(".ipynb")] = lecture_notebook(path)
    return built


def build(names: Iterable[str] | None = None) -> dict[Path, bool]:
    """Write the built notebooks; by path, whether the file changed."""
    return {path: write_notebook(notebook, path) for path, notebook in built_notebooks(names).items()}

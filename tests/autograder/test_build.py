"""Built notebooks: what the release must not contain, what it must say, and that the committed files are up to date."""

import re
from textwrap import dedent

import nbformat
import pytest

from autograder.assignment import ROOT, assignment_names, kind, load_assignment
from autograder.build import (
    ANSWER_STUB,
    built_notebooks,
    clear_solution,
    lecture_notebook,
    reference_solutions,
    release_notebook,
    submission_notebook,
)
from autograder.gate import nothing_left


@pytest.fixture(params=assignment_names())
def assignment(request):
    return load_assignment(request.param)


def test_release_holds_no_line_of_a_solution_or_hidden_test(assignment):
    assert nothing_left(assignment).problems == []


def test_release_is_a_valid_notebook_with_points_in_the_headings(assignment):
    release = release_notebook(assignment)
    nbformat.validate(release)
    text = "\n".join(cell.source for cell in release.cells)
    for task in assignment.tasks:
        assert f"about {task.minutes} minutes · {task.points:g} points" in text
    assert all(cell.source == ANSWER_STUB for cell in release.cells if kind(cell) == "written")


def test_every_solution_has_a_stub_that_names_its_function(assignment):
    for cell in release_notebook(assignment).cells:
        if kind(cell) == "solution":
            assert "is not written yet" in cell.source
            compile(cell.source, cell.id, "exec")


def test_a_submission_with_the_reference_solutions_defines_what_the_source_defines(assignment):
    notebook = submission_notebook(assignment, reference_solutions(assignment))
    for cell in notebook.cells:
        if kind(cell) == "solution":
            assert "NotImplementedError(" not in cell.source or "not written yet" not in cell.source
            assert "### BEGIN" not in cell.source


def test_a_method_stub_names_class_and_method():
    cell = nbformat.v4.new_code_cell(
        "class Value:\n    def exp(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION\n",
        metadata={"nbgrader": {"solution": True, "grade": False, "grade_id": "value"}},
    )
    clear_solution(cell)
    assert 'raise NotImplementedError("Value.exp is not written yet")' in cell.source
    assert "return 1" not in cell.source


def test_committed_notebooks_are_what_their_sources_build():
    for path, notebook in built_notebooks().items():
        assert path.exists(), f"{path.relative_to(ROOT)} is missing: run `make notebooks`"
        committed = path.read_text(encoding="utf-8")
        assert committed == nbformat.writes(notebook) + "\n", f"{path.relative_to(ROOT)} is stale: run `make notebooks`"


def test_a_lecture_leads_to_notebooks_and_folds_what_the_site_hides(tmp_path):
    path = tmp_path / "04_stub.md"
    path.write_text(
        dedent(
            """\
            ---
            jupytext:
              text_representation: {extension: .md, format_name: myst}
            kernelspec: {display_name: Python 3, language: python, name: python3}
            ---
            [lecture 1](01_gradient_descent.md), [there](01_gradient_descent.md#the-chain-rule), [words](glossary.md),
            [the assignment](assignments.md#vanishing-gradients), [all](assignments.md)

            ```{code-cell}
            :tags: [hide-input]
            1
            ```
            """
        )
    )
    text, folded = lecture_notebook(path).cells
    assert re.findall(r"\]\((.*?)\)", text.source) == [
        "01_gradient_descent.ipynb",
        "01_gradient_descent.ipynb",
        "glossary.md",
        "../assignments/vanishing_gradients/vanishing_gradients.ipynb",
        "assignments.md",
    ]
    assert folded.metadata["jupyter"] == {"source_hidden": True}

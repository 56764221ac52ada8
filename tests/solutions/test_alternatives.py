"""Every right implementation that we know passes in the student's own notebook as well, where no grader reads the code."""

from __future__ import annotations

import contextlib
import io

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from autograder.assignment import assignment_names, is_experiment, kind, load_assignment
from autograder.variants import load_alternatives
from benchmarks.agreement import packed

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", [name for name in assignment_names() if name != "quiz"])
def test_alternatives_pass_in_a_notebook(name: str) -> None:
    assignment = load_assignment(name)
    refused = []
    for submission in packed(assignment, load_alternatives(assignment), "alternatives"):
        shell = InteractiveShell()
        shell.showtraceback = lambda *_, **__: None  # type: ignore[method-assign]
        for cell in nbformat.reads(submission.data.decode(), as_version=4).cells:
            if cell.cell_type == "code" and not is_experiment(cell):
                with contextlib.redirect_stdout(io.StringIO()):
                    result = shell.run_cell(cell.source)
                error = result.error_before_exec or result.error_in_exec
                if error is not None:
                    refused.append(
                        (sorted(submission.variants.values()), kind(cell), f"{type(error).__name__}: {error}")
                    )
    assert refused == []

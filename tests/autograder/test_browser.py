"""What students and instructors see in JupyterLab, in a real browser: Debian's chromium, headless.

Screenshots of the last run lie in build/screenshots/.
"""

import nbformat
import pytest

from autograder.assignment import load_assignment
from autograder.build import reference_solutions, submission_notebook
from autograder.classroom import open_classroom
from autograder.grade import grade_class
from autograder.variants import load_misconceptions
from tests.browser import SCREENSHOTS
from tests.lab import browser_page, jupyter, marks, run_all_cells

pytestmark = marks

MISCONCEPTION = "bias-gradient-not-summed"


@pytest.fixture
def page():
    with browser_page() as page:
        yield page


def wrong_submission() -> bytes:
    """The reference solution with one misconception in task 2."""
    assignment = load_assignment("backprop")
    misconception = next(m for m in load_misconceptions(assignment) if m.name == MISCONCEPTION)
    solutions = reference_solutions(assignment) | misconception.solutions(assignment)
    return nbformat.writes(submission_notebook(assignment, solutions)).encode()


def test_a_student_runs_a_test_and_validates(tmp_path, page):
    (tmp_path / "backprop.ipynb").write_bytes(wrong_submission())
    with jupyter(tmp_path) as address:
        run_all_cells(page, address, "backprop.ipynb")
        # The failing check is shown as its sentence, without a traceback.
        failure = page.locator(".jp-OutputArea-output", has_text="gradients of x, weight and bias").first
        failure.wait_for()
        failure.scroll_into_view_if_needed()
        page.screenshot(path=SCREENSHOTS / "student-check.png")
        assert "Traceback" not in failure.inner_text()
        assert "expected" in failure.inner_text().lower()

        page.get_by_role("button", name="Validate").first.click()
        dialog = page.locator(".jp-Dialog", has_text="Validation Results")
        dialog.wait_for()
        page.screenshot(path=SCREENSHOTS / "student-validate.png")
        text = dialog.inner_text()
        assert "The following cell failed" in text
        assert "gradients of x, weight and bias" in text
        assert "has changed, but it should not have" not in text


def test_an_instructor_sees_scores_code_and_written_answers(tmp_path, page):
    assignment = load_assignment("backprop")
    folder = tmp_path / "submitted" / "ada" / "backprop"
    folder.mkdir(parents=True)
    notebook = nbformat.reads(wrong_submission().decode(), as_version=4)
    written = next(cell for task in assignment.tasks for cell in task.written_cells).metadata.nbgrader.grade_id
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == written:
            cell.source = "Two products instead of one."
    nbformat.write(notebook, folder / "backprop.ipynb")
    (graded,) = grade_class(open_classroom(tmp_path), "backprop")
    assert graded.misconceptions == [MISCONCEPTION]

    with jupyter(tmp_path) as address:
        page.goto(f"{address}/lab?token=test")  # logs in: the formgrader's own requests carry no token
        page.goto(f"{address}/formgrader/gradebook/backprop/backprop")
        page.get_by_role("link", name="Submission #1").click()
        page.get_by_text("Two products instead of one.").wait_for()
        page.wait_for_load_state("networkidle")  # the scores come after the page
        page.screenshot(path=SCREENSHOTS / "formgrader.png")
        text = page.inner_text("body")
        assert "def linear_backward" in text
        assert "sum over the batch" in text
        # A score from tests stands in its box as a placeholder, one given by hand as a value.
        boxes = page.locator("input.score").all()
        scores = [float(box.input_value() or box.get_attribute("placeholder") or 0) for box in boxes]
        assert sum(scores) == graded.score

        page.goto(f"{address}/formgrader/manage_submissions/backprop")
        page.locator("td", has_text=f"{graded.score:g} / ").wait_for()
        page.screenshot(path=SCREENSHOTS / "formgrader-scores.png")

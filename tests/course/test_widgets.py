"""A lecture in JupyterLab, by keyboard alone: its widget changes the figure, its self-test answers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment import ROOT
from tests.browser import SCREENSHOTS
from tests.lab import browser_page, jupyter, marks, run_all_cells

pytestmark = marks

LECTURE = "02_autograd"  # it has a slider, a choice and a checkbox
# A cell that waits or runs has a star for its number.
FINISHED = """() => {
  const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map((prompt) => prompt.textContent);
  return prompts.some((text) => /[0-9]/.test(text)) && !prompts.some((text) => text.includes("*"));
}"""


@pytest.fixture
def page() -> Iterator[Any]:
    with browser_page() as page:
        yield page


def test_a_widget_and_a_self_test_by_keyboard(tmp_path: Path, page: Any) -> None:
    shutil.copy(ROOT / "course" / f"{LECTURE}.ipynb", tmp_path)
    with jupyter(tmp_path) as address:
        run_all_cells(page, address, f"{LECTURE}.ipynb")
        page.get_by_text("Score: 0 of 5").wait_for()
        page.wait_for_function(FINISHED)
        assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts() == []

        widget = page.locator(".jp-CodeCell", has=page.locator(".widget-vbox img"))
        widget.locator(".jp-InputPrompt").click()
        for control, key in (
            (".widget-vbox [role=slider]", "ArrowRight"),
            (".widget-toggle-button:not(.mod-active)", "Space"),
            (".widget-vbox input[type=checkbox]", "Space"),
        ):
            tab_to(page, control)
            before = widget.locator("img").get_attribute("src")
            page.keyboard.press(key)
            page.wait_for_function("(src) => document.querySelector('.widget-vbox img').src !== src", arg=before)

        questions = page.locator(".jp-CodeCell", has=page.get_by_text("Score: 0 of 5"))
        questions.get_by_text("Question 1.").click()
        tab_to(page, ".widget-toggle-button")
        page.keyboard.press("Space")
        tab_to(page, "button[title='Check the answer to question 1']")
        page.keyboard.press("Enter")
        page.get_by_text(re.compile("^(Right|Not yet)")).first.wait_for()
        tab_to(page, "input[type=text]")
        page.keyboard.type("0.25")
        page.keyboard.press("Enter")
        page.get_by_text(re.compile("^(Right|Not yet)")).nth(1).wait_for()
        page.screenshot(path=SCREENSHOTS / "lecture-by-keyboard.png")


def tab_to(page: Any, selector: str) -> None:
    """Presses Tab until the focus is on such an element."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"Tab does not reach {selector}.")

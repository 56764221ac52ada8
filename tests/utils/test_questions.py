"""Self-test questions: what is right counts, in the notebook's widgets and in the text on the site."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests import needs_jupyter
from utils.questions import Choice, Number, self_test

CHOICE = Choice("Which is the derivative of $x^2$?", ["$x$", "$2x$", "$x^3/3$", "$2$"], 1, "Bring the 2 down.")
NUMBER = Number("What is $1/3$?", 1 / 3, "One of three parts.")


def test_options_are_shuffled_once_for_all() -> None:
    assert sorted(CHOICE.shown.values()) == sorted(CHOICE.options)
    assert CHOICE.shown[CHOICE.letter] == "$2x$"
    assert list(CHOICE.shown.values()) == ["$x$", "$x^3/3$", "$2$", "$2x$"]
    firsts = {Choice(f"Question {i}", list("abcd"), 0, "-").letter for i in range(30)}
    assert firsts == set("ABCD"), "the right answer stands anywhere"


def test_on_the_site_answers_stand_in_drop_downs() -> None:
    text = self_test(CHOICE, NUMBER, static=True)._repr_markdown_()
    assert text.index("**Question 1.** Which") < text.index("**Question 2.** What is $1/3$?")
    open_text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert all(option in open_text for option in CHOICE.options)
    assert "Bring" not in open_text
    assert "0.3333" not in open_text
    assert f"**{CHOICE.letter}.** Bring the 2 down." in text
    assert "**0.3333.** One of three parts." in text


def parts(box: Any, i: int) -> tuple[Any, Any, Any]:
    """Field, button and feedback of a question."""
    return box.children[i].children[1:]


def said(feedback: Any) -> str:
    return feedback.outputs[0]["data"]["text/markdown"] if feedback.outputs else ""


@needs_jupyter
def test_a_choice_in_a_notebook() -> None:
    box = self_test(CHOICE, NUMBER, static=False)
    field, button, feedback = parts(box, 0)
    assert field.value is None, "nothing is chosen beforehand"
    assert "0 of 2" in box.children[-1].value
    button.click()
    assert "first" in said(feedback)
    field.value = next(letter for letter in CHOICE.shown if letter != CHOICE.letter)
    button.click()
    assert said(feedback).startswith("✗ **Not yet.**")
    assert "0 of 2" in box.children[-1].value
    field.value = CHOICE.letter
    button.click()
    assert said(feedback).startswith("✓ **Right.**")
    assert "Bring the 2 down." in said(feedback)
    assert "1 of 2" in box.children[-1].value


@pytest.mark.parametrize(
    ("given", "right"),
    [("0.333", True), ("1/3", None), ("", None), ("0.34", False), ("3.33e-1", True), ("0,3333", True)],
)
@needs_jupyter
def test_a_number_in_a_notebook(given: str, right: bool | None) -> None:
    box = self_test(NUMBER, static=False)
    field, button, feedback = parts(box, 0)
    field.value = given
    button.click()
    assert said(feedback)[0] == {True: "✓", False: "✗", None: "C"}[right]
    assert f"{int(right is True)} of 1" in box.children[-1].value


def test_zero_and_negative_numbers() -> None:
    assert Number("q", 0.0, "w").judge("0.001") is True
    assert Number("q", -2.5, "w").judge("−2.5") is True
    assert Number("q", -2.5, "w").judge("2.5") is False


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Choice("q", ["a", "a"], 0, "w"), "no two the same"),
        (lambda: Choice("q", ["a", "b"], 2, "w"), "an index of its 2 options"),
        (lambda: Number("q", float("nan"), "w"), "finite"),
    ],
)
def test_wrong_questions(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()

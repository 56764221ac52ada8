"""Self-test questions: buttons and number fields in a notebook, a list with hidden answers on the site.

Text is Markdown with `$…$` for mathematics.
"""

from __future__ import annotations

import inspect
import math
import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from utils.widgets import choice_buttons, usable_ipywidgets


@dataclass(frozen=True)
class Choice:
    """One right answer among several; `answer` is its index in `options`, which are shown in another, fixed order.

    `why` explains the right answer, and what is wrong with the others.
    """

    question: str
    options: Sequence[str]
    answer: int
    why: str

    def __post_init__(self) -> None:
        if len(set(self.options)) != len(self.options) or len(self.options) < 2:
            raise ValueError(f"The options of {self.question!r} must be two or more, and no two the same.")
        if not 0 <= self.answer < len(self.options):
            raise ValueError(f"The answer of {self.question!r} must be an index of its {len(self.options)} options.")

    @property
    def shown(self) -> dict[str, str]:
        """The options by letter, in an order drawn from the text of the question: the same everywhere."""
        order = random.Random(self.question).sample(list(self.options), len(self.options))
        return dict(zip(string.ascii_uppercase, order, strict=False))

    @property
    def letter(self) -> str:
        """The letter of the right answer."""
        return next(letter for letter, option in self.shown.items() if option == self.options[self.answer])

    @property
    def markdown(self) -> str:
        lines = [f"- **{letter}.** {_indented(option)}" for letter, option in self.shown.items()]
        return "\n".join([inspect.cleandoc(self.question), "", *lines])

    @property
    def solution(self) -> str:
        return f"**{self.letter}.** {inspect.cleandoc(self.why)}"

    def field(self, ipywidgets: Any) -> Any:
        return choice_buttons(ipywidgets, list(self.shown), value=None, description="Answer")

    def judge(self, given: str | None) -> bool | None:
        """Is it right? None if nothing is chosen."""
        return None if given is None else given == self.letter


@dataclass(frozen=True)
class Number:
    """A number to compute; right if |given − answer| ≤ tolerance · |answer|, or ≤ tolerance where the answer is 0."""

    question: str
    answer: float
    why: str
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        if not math.isfinite(self.answer) or not self.tolerance >= 0:
            raise ValueError(f"{self.question!r} needs a finite answer and a tolerance of 0 or more.")

    @property
    def markdown(self) -> str:
        return inspect.cleandoc(self.question)

    @property
    def solution(self) -> str:
        return f"**{self.answer:.4g}.** {inspect.cleandoc(self.why)}"

    def field(self, ipywidgets: Any) -> Any:
        return ipywidgets.Text(placeholder="a number, such as 0.25 or 3e-4", description="Answer", value="")

    def judge(self, given: str) -> bool | None:
        """Is it right? None if it is no number."""
        try:
            value = float(given.strip().replace("−", "-").replace(",", "."))
        except ValueError:
            return None
        return abs(value - self.answer) <= self.tolerance * (abs(self.answer) or 1)


Question = Choice | Number


@dataclass(frozen=True)
class Listing:
    """The questions as text, each with its answer in a drop-down."""

    questions: tuple[Question, ...]

    def _repr_markdown_(self) -> str:
        return "\n\n".join(
            f"**Question {i}.** {question.markdown}\n\n{_drop_down('Answer', question.solution)}"
            for i, question in enumerate(self.questions, start=1)
        )


def self_test(*questions: Question, static: bool | None = None) -> Any:
    """Questions to answer in the notebook, with feedback at once and a running score.

    Returns what a notebook shows as the last line of a cell: a widget, or the questions as text with the answers in
    drop-downs where widgets cannot be shown (as in `utils.widgets.interactive`).
    """
    ipywidgets = usable_ipywidgets(static)
    return Listing(questions) if ipywidgets is None else _build(ipywidgets, questions)


def _build(ipywidgets: Any, questions: Sequence[Question]) -> Any:
    right = [False] * len(questions)
    score = ipywidgets.HTML()

    def count() -> None:
        score.value = f"<b>Score: {sum(right)} of {len(questions)}</b>"

    def block(i: int, question: Question) -> Any:
        field = question.field(ipywidgets)
        button = ipywidgets.Button(description="Check", tooltip=f"Check the answer to question {i + 1}")
        feedback = ipywidgets.Output()

        def check(_: Any = None) -> None:
            verdict = question.judge(field.value)
            if verdict is None:
                feedback.outputs = _markdown("Choose an answer, or type a number, first.")
                return
            right[i] = verdict
            count()
            said = (
                f"✓ **Right.** {question.solution}"
                if verdict
                else f"✗ **Not yet.** Think again, or look.\n\n{_drop_down('Show the answer', question.solution)}"
            )
            feedback.outputs = _markdown(said)

        button.on_click(check)
        if isinstance(question, Number):
            field.continuous_update = False
            field.observe(check, names="value")
        text = ipywidgets.Output(outputs=_markdown(f"**Question {i + 1}.** {question.markdown}"))
        return ipywidgets.VBox([text, field, button, feedback], layout={"margin": "0 0 1.5em 0"})

    count()
    return ipywidgets.VBox([*(block(i, question) for i, question in enumerate(questions)), score])


def _markdown(text: str) -> tuple[dict[str, Any], ...]:
    """What an Output widget shows: Markdown, set in the notebook's own way, mathematics included."""
    return ({"output_type": "display_data", "data": {"text/markdown": text, "text/plain": text}, "metadata": {}},)


def _drop_down(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def _indented(option: str) -> str:
    return inspect.cleandoc(option).replace("\n", "\n  ")

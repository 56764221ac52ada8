"""Every lecture has what a lecture needs, and together they cover the list of topics with its numbers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from decimal import Decimal

import pytest

from autograder.assignment import assignment_names
from course.lectures import COURSE, Lecture, lectures, slug, topics

LECTURES = lectures()
TOPICS = {topic.slug: topic for topic in topics()}

every_lecture = pytest.mark.parametrize("lecture", LECTURES, ids=lambda lecture: lecture.name)


def test_there_are_fourteen_lectures() -> None:
    assert [lecture.number for lecture in LECTURES] == list(range(1, 15))


def test_every_topic_has_its_place() -> None:
    covered = {name for lecture in LECTURES for name in lecture.covers}
    placed = {topic.slug for topic in TOPICS.values() if topic.place and place_exists(topic.place)}
    assert set(TOPICS) - covered - placed == set()


@every_lecture
def test_front_matter(lecture: Lecture) -> None:
    assert lecture.headings[0] == f"{lecture.number}. {lecture.title}"
    assert 30 <= lecture.minutes <= 50
    assert len(lecture.objectives) >= 3
    assert lecture.assignment is None or lecture.assignment in assignment_names()
    assert all(re.fullmatch(r"\d\d_\w+", name) for name in lecture.prerequisites)
    assert all(int(name[:2]) < lecture.number for name in lecture.prerequisites)
    assert len(lecture.prerequisites) == len(re.findall(r"\d\d_\w+", " ".join(lecture.prerequisites)))


@every_lecture
def test_covered_topics_are_taught_in_the_sections_named(lecture: Lecture) -> None:
    assert lecture.covers
    assert set(lecture.covers) <= set(TOPICS)
    assert set(lecture.covers.values()) <= set(lecture.headings)


@every_lecture
def test_the_numbers_of_its_topics_are_asserted(lecture: Lecture) -> None:
    for name in lecture.covers:
        for number, values in TOPICS[name].numbers.items():
            cells = lecture.tagged(f"number-{number}")
            assert cells, f"no cell has the tag number-{number}"
            text = "\n".join(cell.source for cell in cells)
            tree = ast.parse(text)
            assert any(isinstance(node, ast.Assert) for node in ast.walk(tree)), f"{number}: nothing is asserted"
            missing = [value for value in values if not any(states(literal, value) for literal in literals(tree))]
            assert not missing, f"{number}: {', '.join(missing)} not stated"


@every_lecture
def test_cells_to_show_are_figures(lecture: Lecture) -> None:
    assert lecture.show
    for shown in lecture.show:
        (cell,) = lecture.tagged(f"cell-{shown.cell}")
        assert list(calls(cell.source, "show")) or list(calls(cell.source, "interactive"))


@every_lecture
def test_figures_have_words(lecture: Lecture) -> None:
    code = "\n".join(cell.source for cell in lecture.code)
    shown, sliders = list(calls(code, "show")), list(calls(code, "interactive"))
    assert len(shown) >= 3
    assert sliders
    for call in shown + sliders:
        assert len(alternative_text(call)) >= 20, ast.unparse(call)


@every_lecture
def test_readers_predict_and_test_themselves(lecture: Lecture) -> None:
    text = "\n\n".join(lecture.markdown)
    assert text.count("**Predict") >= 3
    answers = re.findall(r"<details>\s*<summary>.+?</summary>\n\n.+?\n\n</details>", text, flags=re.DOTALL)
    assert len(answers) == text.count("<details>") >= 3
    (test,) = [call for cell in lecture.code for call in calls(cell.source, "self_test")]
    assert len(test.args) == 5
    assert all(isinstance(question, ast.Call) for question in test.args)


@every_lecture
def test_closing_sections(lecture: Lecture) -> None:
    closing = [name for name in lecture.headings if name in ("Common mistakes", "Summary", "Self-test", "References")]
    assert closing == ["Common mistakes", "Summary", "Self-test", "References"]
    references = "\n\n".join(lecture.markdown).split("## References")[1]
    assert len(re.findall(r"doi|arxiv", references, flags=re.IGNORECASE)) >= 2


@every_lecture
def test_it_reads_well_in_jupyter(lecture: Lecture) -> None:
    """Directives and roles of the site show as raw text there."""
    for text in lecture.markdown:
        assert not re.search(r"^(```|:::)\s*\{", text, flags=re.MULTILINE), text
        assert not re.search(r"\{\w+\}`", text), text


@every_lecture
def test_code_fits_the_page(lecture: Lecture) -> None:
    assert [line for cell in lecture.code for line in cell.source.splitlines() if len(line) > 88] == []


@every_lecture
def test_links_lead_somewhere(lecture: Lecture) -> None:
    links = [target for text in lecture.markdown for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert any(target.startswith("assignments.md") for target in links)
    missing = {target for target in links if not target.startswith("http") and not place_exists(target)}
    assert missing == set()


def place_exists(target: str) -> bool:
    """Is there a page of that name, with a heading for the part after #?"""
    name, _, anchor = target.partition("#")
    path = COURSE / name
    if not path.is_file():
        return False
    headings = re.findall(r"^#+ +(.+?)\s*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return not anchor or anchor in {slug(heading) for heading in headings}


def calls(source: str, name: str) -> Iterator[ast.Call]:
    """Calls of a function, by name or as an attribute."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
            yield node


def alternative_text(call: ast.Call) -> str:
    """What is fixed in the text of `alt`, be it a string or an f-string."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "alt"]
    given += call.args[1:2] if ast.unparse(call.func).endswith("show") else []
    parts = [node.value for value in given for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return "".join(part for part in parts if isinstance(part, str))


def literals(tree: ast.AST) -> list[float]:
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def states(literal: float, value: str) -> bool:
    """Is the literal the value, to the value's last digit? A percentage may be written as a fraction."""
    number = Decimal(value.removesuffix("%").strip())
    half = float(Decimal((0, (5,), int(number.as_tuple().exponent) - 1))) * 1.0001
    scales = (1, 100) if value.endswith("%") else (1,)
    return any(abs(scale * literal - float(number)) <= half for scale in scales)


@pytest.mark.parametrize(
    ("literal", "value", "right"),
    [
        (22.627, "22.6", True), (22.66, "22.6", False), (0.01, "1 %", True), (1, "1 %", True), (0.155, "15.5 %", True),
        (0.4, "0.40", True), (0.3973, "0.40", True), (0.41, "0.40", False), (59_000, "59000", True), (48, "48", True),
    ],
)  # fmt: skip
def test_a_literal_states_a_value_to_its_last_digit(literal: float, value: str, right: bool) -> None:
    assert states(literal, value) is right

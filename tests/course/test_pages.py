"""The pages beside the lectures: glossary, notation, assignments, and what is made from the front matter."""

from __future__ import annotations

import re

from autograder.assignment import assignment_names
from course import pages
from course.lectures import COURSE, lectures, slug

GLOSSARY = (COURSE / "glossary.md").read_text(encoding="utf-8")


def test_the_glossary_is_sorted_and_every_term_leads_to_a_lecture() -> None:
    entries = re.findall(r"^- (.+)$", GLOSSARY, flags=re.MULTILINE)
    terms = [re.match(r"\*\*(.+?)\*\*: ", entry) for entry in entries]
    assert all(terms)
    assert len(terms) >= 80
    names = [term[1].lower() for term in terms if term]
    assert names == sorted(set(names))
    for entry in entries:
        number, page = re.search(r"\[Lecture (\d+)\]\(((\d\d)_\w+\.md)\)$", entry).group(1, 2)  # type: ignore[union-attr]
        assert int(page[:2]) == int(number)


def test_the_glossary_links_to_lectures_that_use_the_term() -> None:
    texts = {lecture.name: "\n".join(lecture.markdown).lower() for lecture in lectures()}
    links = re.findall(r"^- \*\*(.+?)\*\*.*\((\d\d_\w+)\.md\)$", GLOSSARY, flags=re.MULTILINE)
    assert [link for link in links if link[1] in texts and not is_used(link[0], texts[link[1]])] == []


def is_used(term: str, text: str) -> bool:
    """Is the term, without what it says in brackets, in the text, with spaces or hyphens?"""
    word = re.split(r" \(|, ", term.lower())[0]
    return word in text or word.replace(" ", "-") in text


def test_every_assignment_has_a_section() -> None:
    text = (COURSE / "assignments.md").read_text(encoding="utf-8")
    sections = {slug(heading) for heading in re.findall(r"^## (.+)$", text, flags=re.MULTILINE)}
    assert {name.replace("_", "-") for name in assignment_names(drafts=True)} <= sections


def test_facts_are_those_of_the_source() -> None:
    text = pages.facts("backprop")
    assert text.startswith("10 tasks, about 2 hours, 100 points.")
    assert "../assignments/backprop/backprop.ipynb" in text
    assert pages.facts("no_such_assignment") == ""


def test_the_map_names_section_assignment_and_decks() -> None:
    text = pages.topic_map()
    for lecture in lectures():
        for heading in lecture.covers.values():
            assert f"{lecture.number}. [{heading}]({lecture.name}.md#{slug(heading)})" in text
    assert "(assignments.md#quiz)" in text
    assert "- **A**: NTU AI6103" in text


def test_notes_for_teachers_have_objectives_and_cells() -> None:
    text = pages.teaching_notes()
    for lecture in lectures():
        assert all(f"- {objective}" in text for objective in lecture.objectives)
        assert all(f'href="{lecture.name}.html#cell-{shown.cell}"' in text for shown in lecture.show)


def test_anchors_are_those_of_the_site() -> None:
    assert slug("What a matrix does to a sphere") == "what-a-matrix-does-to-a-sphere"
    assert slug("Newton's method, $H^{-1}$ and `L-BFGS`") == "newtons-method--and-l-bfgs"

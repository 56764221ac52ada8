"""Sphinx extension: pages made from the front matter of the lectures, anchors for cells, the slides link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from autograder.assignment import assignment_names, load_assignment
from course.lectures import COURSE, Lecture, Topic, decks, lectures, topics


def lecture_table() -> str:
    """The lectures with their minutes, what they build on, and the assignment that follows."""
    rows = ["| lecture | minutes | builds on | assignment |", "|---|---|---|---|"]
    for lecture in lectures():
        before = ", ".join(f"[{int(name[:2])}]({name}.md)" for name in lecture.prerequisites) or "–"
        rows.append(f"| {lecture.link} | {lecture.minutes} | {before} | {_assignment(lecture)} |")
    return "\n".join(rows)


def facts(name: str) -> str:
    """Time, points, notebook, and the lectures that lead to an assignment, in one line."""
    if name not in assignment_names(drafts=True):
        return ""
    assignment = load_assignment(name)
    minutes = sum(task.minutes for task in assignment.tasks)
    time = f"{minutes} minutes" if minutes < 60 else f"{round(minutes / 30) / 2:g} hours"
    parts = [
        f"{len(assignment.tasks)} tasks, about {time}, {assignment.max_score:g} points",
        f"**Notebook:** {{download}}`{name}.ipynb <../assignments/{name}/{name}.ipynb>`",
    ]
    before = [lecture.link for lecture in lectures() if lecture.assignment == name]
    if before:
        parts.append(f"**Read before:** {', '.join(before)}")
    return ". ".join(parts)


def topic_map() -> str:
    """Topic → section → assignment → decks."""
    rows = ["| topic | section | assignment | decks |", "|---|---|---|---|"]
    for topic in topics():
        places = _places(topic) or [("", "")]
        section, assignment = ("<br>".join(part) for part in zip(*places, strict=True))
        rows.append(f"| {topic.title} | {section} | {assignment} | {' '.join(topic.decks)} |")
    return "\n".join([*rows, "", *(f"- **{letter}**: {title}" for letter, title in decks().items())])


def teaching_notes() -> str:
    """For each lecture what students will be able to do, and which cells to show when."""
    parts = []
    for lecture in lectures():
        parts += ["", f"**{lecture.link}** ({lecture.minutes} minutes). Afterwards students can", ""]
        parts += [f"- {objective}" for objective in lecture.objectives]
        parts += ["", "Show live:", ""]
        parts += [
            f'- <a href="{lecture.name}.html#cell-{shown.cell}">{shown.cell.replace("-", " ")}</a>: {shown.when}'
            for shown in lecture.show
        ]
    return "\n".join(parts)


def _places(topic: Topic) -> list[tuple[str, str]]:
    """Links to the sections that teach a topic, each with a link to the assignment."""
    found = [
        (f"{lecture.number}. {lecture.section(lecture.covers[topic.slug])}", _assignment(lecture))
        for lecture in lectures()
        if topic.slug in lecture.covers
    ]
    if topic.place:
        name = topic.place.partition("#")[2]
        found.append((f"[{name.capitalize()}]({topic.place})", f"[{name}]({topic.place})"))
    return found


def _assignment(lecture: Lecture) -> str:
    if lecture.assignment is None:
        return "–"
    words = lecture.assignment.replace("_", " ")
    return f"[{words}](assignments.md#{lecture.assignment.replace('_', '-')})"


MAKERS: dict[str, Callable[..., str]] = {
    "lecture-table": lecture_table,
    "facts": facts,
    "topic-map": topic_map,
    "teaching-notes": teaching_notes,
}


class FromLectures(SphinxDirective):
    """`{from-lectures} topic-map`: Markdown made from the front matter."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        for path in [COURSE / "topics.yml", *COURSE.glob("[0-9][0-9]_*.md")]:
            self.env.note_dependency(str(path))
        name, *rest = self.arguments
        text = MAKERS[name](*rest)
        box = nodes.container(classes=[name])
        self.state.nested_parse(StringList(text.splitlines(), source=f"<{name}>"), self.content_offset, box)
        return [box]


def anchor_cells(app: Sphinx, doctree: nodes.document) -> None:
    """A cell with the tag `cell-<name>` gets an anchor that pages can link to, and a lecture a link to its slides."""
    page = app.env.docname
    if not page[:2].isdigit():
        return
    for cell in doctree.findall(nodes.container):
        for name in cell["classes"]:
            if name.startswith("tag_cell-"):
                cell["ids"].append(name.removeprefix("tag_"))
    title = next(doctree.findall(nodes.title))
    link = '<p class="slides-link"><a href="?slides">Slides</a></p>'
    title.parent.insert(title.parent.index(title) + 1, nodes.raw("", link, format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("from-lectures", FromLectures)
    app.connect("doctree-read", anchor_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

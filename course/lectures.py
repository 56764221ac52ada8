"""What each lecture says of itself in its front matter, and the list of topics that all of them must cover."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path

import jupytext
import yaml
from nbformat.notebooknode import NotebookNode

COURSE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Shown:
    """A figure cell worth showing live: the name in its tag `cell-<name>`, and the moment for it."""

    cell: str
    when: str


@dataclass(frozen=True)
class Lecture:
    """`covers` maps the slug of a topic to the heading of the section that teaches it; `assignment` may be missing."""

    name: str
    title: str
    minutes: int
    prerequisites: list[str]
    assignment: str | None
    objectives: list[str]
    covers: dict[str, str]
    show: list[Shown]
    notebook: NotebookNode = field(repr=False, compare=False)

    @property
    def number(self) -> int:
        return int(self.name[:2])

    @property
    def link(self) -> str:
        return f"[{self.number}. {self.title}]({self.name}.md)"

    @cached_property
    def markdown(self) -> list[str]:
        return [cell.source for cell in self.notebook.cells if cell.cell_type == "markdown"]

    @cached_property
    def headings(self) -> list[str]:
        """The text of every heading, in order."""
        found = re.findall(r"^#{1,4} +(.+?)\s*$", "\n\n".join(self.markdown), flags=re.MULTILINE)
        return [str(heading) for heading in found]

    @cached_property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    def tagged(self, tag: str) -> list[NotebookNode]:
        """The code cells with a tag."""
        return [cell for cell in self.code if tag in cell.metadata.get("tags", [])]

    def section(self, heading: str) -> str:
        """A link to the section of that heading."""
        return f"[{heading}]({self.name}.md#{slug(heading)})"


@dataclass(frozen=True)
class Topic:
    """`numbers` maps an id to the values that a cell must state; `place` is a link for what is no lecture."""

    slug: str
    title: str
    decks: str
    numbers: dict[str, list[str]] = field(default_factory=dict)
    place: str | None = None


def read_lecture(path: Path) -> Lecture:
    """Raises ValueError if the front matter lacks something or has too much."""
    notebook = jupytext.read(path)
    given = dict(notebook.metadata.get("descent") or {})
    given.setdefault("assignment", None)  # jupytext cannot read a null
    wanted = [entry.name for entry in fields(Lecture) if entry.name not in ("name", "notebook")]
    if given.keys() != set(wanted):
        raise ValueError(f"{path.name}: under `descent` the header needs exactly {', '.join(wanted)}.")
    given["show"] = [_shown(entry) for entry in given["show"]]
    return Lecture(name=path.stem, notebook=notebook, **given)


def _shown(entry: dict[str, str | None]) -> Shown:
    # In {cell: a, when: before b, after c} YAML ends the value at the second comma and reads "after c" as a key.
    rest = [key for key, value in entry.items() if value is None]
    return Shown(str(entry["cell"]), ", ".join([str(entry["when"]), *rest]))


@cache
def lectures() -> list[Lecture]:
    """Those that are written, in order."""
    return [read_lecture(path) for path in sorted(COURSE.glob("[0-9][0-9]_*.md"))]


def decks() -> dict[str, str]:
    return dict(_topics_file()["decks"])


def topics() -> list[Topic]:
    return [Topic(**entry) for entry in _topics_file()["topics"]]


def _topics_file() -> dict:
    return dict(yaml.safe_load((COURSE / "topics.yml").read_text(encoding="utf-8")))


def slug(heading: str) -> str:
    """The anchor of a heading, as MyST makes it: mathematics and punctuation left out."""
    text = re.sub(r"\$[^$]*\$", "", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")

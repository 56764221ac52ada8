"""The attacks: notebooks that try to earn, read, write or break what they should not.

`<family>/<what_it_does>.py` is a py:percent notebook. Its first cell says in words what it tries. Then

    # %% double                 takes the place of the cell with this grade_id (`# %% [markdown] words` as well)
    # %%                        is a cell of the student's own, below the setup cell
    # %% after                  ... at the end of the notebook
    # %% file="torch.py"        is a file beside the notebook
    # %% on disk                is run by us, in the folder that is handed in, as the student's own computer would;
                                it knows `folder`, `notebook` (the file), `classroom` and `neighbour` (a classmate's file)

and the header says, under `jupyter: attack:`, what differs from the rule: `honest` points (0), the name of the `student`
(family and name), `harm` that running it without a sandbox would do to this machine (none).

A cell knows what a well-informed attacker knows: @CLASSROOM@, @OUTSIDE@ (a folder where all may write), @NEIGHBOUR@ (a
classmate's name) and @TOKEN@, which marks everything that this attack leaves somewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.assignment import Assignment, grade_id
from autograder.build import release_notebook

HERE = Path(__file__).parent
FAMILIES = ("verdict", "secrets", "channel", "resources", "escape", "ingest", "people")
VICTIM = "victim"
FACTS = {"honest", "student", "harm"}


@dataclass(frozen=True)
class Attack:
    """One file of the corpus."""

    family: str
    name: str
    tries: str
    cells: list[NotebookNode] = field(repr=False)
    honest: float = 0.0
    harm: str = ""
    student: str = ""

    @property
    def key(self) -> str:
        return f"{self.family}/{self.name}"

    @property
    def token(self) -> str:
        return f"token-{self.family}-{self.name}".replace("_", "-")

    @property
    def neighbour(self) -> str:
        """The honest student who comes right after."""
        return f"{self.family}-{self.name}~neighbour"

    @classmethod
    def read(cls, path: Path) -> Attack:
        notebook = jupytext.read(path)
        facts: dict[str, Any] = notebook.metadata.get("attack", {})
        if unknown := set(facts) - FACTS:
            raise ValueError(f"{path}: an attack has no {', '.join(unknown)}.")
        first, *cells = notebook.cells
        if first.cell_type != "markdown" or not first.source.strip():
            raise ValueError(f"{path}: the first cell of an attack says in words what it tries.")
        family, name = path.parent.name, path.stem
        return cls(family, name, " ".join(first.source.split()), cells, **{"student": f"{family}-{name}", **facts})

    def hand_in(self, assignment: Assignment, classroom: Path, outside: Path) -> Path:
        """Put the attack where a class keeps submissions; returns its folder."""
        places = {
            "@CLASSROOM@": str(classroom),
            "@OUTSIDE@": str(outside),
            "@NEIGHBOUR@": self.neighbour,
            "@TOKEN@": self.token,
        }

        def fill(text: str) -> str:
            for place, value in places.items():
                text = text.replace(place, value)
            return text

        folder = classroom / "submitted" / fill(self.student) / assignment.name
        folder.mkdir(parents=True)
        file = folder / f"{assignment.name}.ipynb"
        released = release_notebook(assignment)
        by_name = {name: cell for cell in released.cells if (name := grade_id(cell))}
        setup = next(i for i, cell in enumerate(released.cells) if grade_id(cell) == "setup")
        own, last, on_disk = [], [], []
        for cell in self.cells:
            source, title = fill(cell.source), cell.metadata.get("title")
            if "file" in cell.metadata:
                path = folder / fill(cell.metadata["file"])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(source, encoding="utf-8")
            elif title == "on disk":
                on_disk.append(source)
            elif title in by_name:
                by_name[title].source = source
            else:
                new = new_code_cell(source) if cell.cell_type == "code" else new_markdown_cell(source)
                (last if title == "after" else own).append(new)
        released.cells[setup + 1 : setup + 1] = own
        released.cells += last
        file.write_text(nbformat.writes(released), encoding="utf-8")
        neighbour = classroom / "submitted" / self.neighbour / assignment.name / file.name
        names = {"folder": folder, "notebook": file, "classroom": classroom, "neighbour": neighbour}
        for source in on_disk:
            exec(compile(source, self.key, "exec"), names)
        return folder


def read_corpus(only: Sequence[str] = ("",)) -> list[Attack]:
    """All attacks, by family; those whose family/name contains one of the texts `only`."""
    paths = [path for family in FAMILIES for path in sorted((HERE / family).glob("*.py"))]
    return [attack for attack in map(Attack.read, paths) if any(text in attack.key for text in only)]

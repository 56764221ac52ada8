"""Make a notebook that can be graded out of whatever a student handed in.

The release notebook is the skeleton; what the student wrote is matched to it cell by cell and put in its place.
Nothing of the submission is used but the text and the outputs of its cells. What was done is told in plain sentences.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment, assignment_names, grade_id, is_experiment, kind, load_assignment
from autograder.ingest import Unreadable, read_json
from autograder.outputs import BASE64, IMAGES, MAX_OUTPUTS, execution_count

log = logging.getLogger(__name__)

MAX_OUTPUT_BYTES = 2 * 2**20  # of one cell
MAX_OUTPUTS_BYTES = 16 * 2**20  # of the whole notebook
MAX_EXTRA_CELLS = 500
MAX_CELLS = 5000
GRADED = ("solution", "test", "written")


@dataclass(frozen=True)
class Repaired:
    """A notebook on the release skeleton, and what had to be done to get it."""

    notebook: NotebookNode = field(repr=False)
    repairs: list[str]
    readable: bool = True
    """False if nothing of the submission could be used: the notebook is the untouched release."""


@dataclass
class Cell:
    """One cell as the student handed it in, reduced to what may be used."""

    type: str
    source: str
    grade_id: str | None = None
    id: str | None = None
    nbgrader: dict[str, Any] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    execution_count: int | None = None
    attachments: Any = None

    @cached_property
    def text(self) -> str:
        return _plain(self.source)

    @cached_property
    def defines(self) -> set[str]:
        return _defined(self.source)


def repair(data: bytes, assignment: Assignment) -> Repaired:
    """Rebuild a submission on the release skeleton of its assignment; never raises because of what is in it."""
    skeleton = fresh_release(assignment)
    try:
        content, repairs = read_json(data)
        cells, more = _read_cells(content)
        rebuilt = _rebuild(cells, skeleton, assignment)
        repaired = Repaired(rebuilt.notebook, repairs + more + rebuilt.repairs)
        nbformat.validate(repaired.notebook)
    except Unreadable as error:
        return Repaired(fresh_release(assignment), [str(error)], readable=False)
    except Exception as error:
        log.info("repair failed", exc_info=True)
        sentence = f"The notebook could not be read ({type(error).__name__})."
        return Repaired(fresh_release(assignment), [sentence], readable=False)
    return repaired


def fresh_release(assignment: Assignment) -> NotebookNode:
    """A copy of the release notebook of one's own. Its text is kept with the assignment, and on disk: building it takes
    as long as a whole repair, and the import of nbgrader a second."""
    text = vars(assignment).get("release_text")
    if text is None:
        from autograder.disk_cache import cached, versions

        with_what = versions(("nbgrader", "nbformat"), ("build.py", "assignment.py"))
        text = cached("releases", f"{with_what}\n{assignment.digest}", lambda: _release_text(assignment))
        vars(assignment)["release_text"] = text
    return nbformat.from_dict(json.loads(text))


def _release_text(assignment: Assignment) -> str:
    from autograder.build import release_notebook

    return json.dumps(release_notebook(assignment))


# Reading


def _read_cells(content: Any) -> tuple[list[Cell], list[str]]:
    """The cells of a notebook of any format version, damaged or not."""
    repairs = []
    metadata: Any = {}
    raw: Any
    if isinstance(content, list):
        raw = content
    elif isinstance(content, dict):
        raw = content.get("cells")
        metadata = content.get("metadata")
        if not isinstance(raw, list) and isinstance(content.get("worksheets"), list):
            sheets = [s for s in content["worksheets"] if isinstance(s, dict)]
            raw = [cell for s in sheets for cell in s.get("cells") or () if isinstance(s.get("cells"), list)]
            repairs.append("The notebook was in an old format (version 3); it was converted.")
    else:
        raw = None
    if not isinstance(raw, list):
        raise Unreadable("The file is JSON but not a notebook: it has no list of cells.")
    if len(raw) > MAX_CELLS:
        raise Unreadable(f"The notebook has more than {MAX_CELLS:,} cells: take out those that you do not need.")
    cells = [cell for item in raw if (cell := _read_cell(item)) is not None]
    if not cells:
        raise Unreadable("The notebook has no cells.")
    if len(cells) < len(raw):
        repairs.append(f"{len(raw) - len(cells)} of the notebook's cells were not cells at all; they were left out.")
    repairs += _kernel_repair(metadata)
    return cells, repairs


def _read_cell(raw: Any) -> Cell | None:
    if not isinstance(raw, dict):
        return None
    cell_type = raw.get("cell_type")
    source = _text(raw.get("source", raw.get("input")))
    if cell_type == "heading":  # notebooks of format 3
        level = raw.get("level")
        cell_type, source = "markdown", "#" * (level if type(level) is int and 1 <= level <= 6 else 1) + f" {source}"
    if cell_type not in ("code", "markdown", "raw"):
        return None
    metadata = raw.get("metadata")
    meta = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    meta = meta if isinstance(meta, dict) else {}
    name, id_ = meta.get("grade_id"), raw.get("id")
    outputs = raw.get("outputs")
    return Cell(
        type=cell_type,
        source=source,
        grade_id=name if isinstance(name, str) else None,
        id=id_ if isinstance(id_, str) else None,
        nbgrader=meta,
        outputs=outputs if isinstance(outputs, list) else [],
        execution_count=execution_count(raw),
        attachments=raw.get("attachments"),
    )


def _kernel_repair(metadata: Any) -> list[str]:
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    if not isinstance(kernel, dict):
        return []
    name, language = str(kernel.get("name", "")), str(kernel.get("language") or "python")
    if language.lower() in ("python", "python3", "ipython") and not re.search(r"julia|^ir$|bash|scala|xcpp", name):
        return []
    return [f"The notebook asked for the kernel “{_short(name)}”; it was run with Python."]


# Matching


@dataclass
class _Match:
    """Which submitted cells (by index) belong to which cell of the skeleton (by index)."""

    cells: list[Cell]
    skeleton: list[NotebookNode]
    claims: dict[int, list[int]] = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)
    by_content: list[int] = field(default_factory=list)

    def claim(self, place: int, index: int) -> None:
        self.claims.setdefault(place, []).append(index)
        self.taken[index] = place

    def open_places(self) -> Iterator[tuple[int, NotebookNode]]:
        return ((i, cell) for i, cell in enumerate(self.skeleton) if i not in self.claims)

    def free(self) -> Iterator[tuple[int, Cell]]:
        return ((i, cell) for i, cell in enumerate(self.cells) if i not in self.taken)


def _match(cells: list[Cell], skeleton: list[NotebookNode]) -> _Match:
    match = _Match(cells, skeleton)
    places = {name: i for i, cell in enumerate(skeleton) if (name := grade_id(cell))}
    for index, cell in enumerate(cells):
        if cell.grade_id in places:
            match.claim(places[cell.grade_id], index)
    _match_ids(match)
    _match_texts(match)
    _match_functions(match)
    _match_answers(match)
    return match


def _match_ids(match: _Match) -> None:
    """Jupyter keeps the ids of cells even where a tool has dropped their metadata."""
    places = {released.id: i for i, released in match.open_places()}
    for index, cell in list(match.free()):
        if cell.id in places and places[cell.id] not in match.claims and cell.grade_id is None:
            match.claim(places[cell.id], index)
            match.by_content.append(places[cell.id])


def _match_texts(match: _Match) -> None:
    places: dict[tuple[str, str], list[int]] = {}
    for i, released in match.open_places():
        places.setdefault((released.cell_type, _plain(released.source)), []).append(i)
    for index, cell in list(match.free()):
        if cell.text and (found := places.get((cell.type, cell.text))):
            place = found.pop(0)
            match.claim(place, index)
            match.by_content.append(place)


def _match_functions(match: _Match) -> None:
    """A solution cell without its metadata is known by the functions that it defines."""
    for place, wanted in list(match.open_places()):
        if kind(wanted) != "solution":
            continue
        names = _defined(wanted.source)
        found = [i for i, cell in match.free() if cell.type == "code" and names & cell.defines]
        for index in found:
            match.claim(place, index)
        if found:
            match.by_content.append(place)


def _match_answers(match: _Match) -> None:
    """A written answer without its metadata is the text between the cells that stand around it in the assignment."""
    for place, wanted in list(match.open_places()):
        if kind(wanted) != "written":
            continue
        before = max((i for p, found in match.claims.items() if p < place for i in found), default=-1)
        after = min((i for p, found in match.claims.items() if p > place for i in found if i > before), default=None)
        found = [
            i
            for i, cell in match.free()
            if cell.type == "markdown" and cell.text and i > before and (after is None or i < after)
        ]
        if before >= 0 and found:
            match.claim(place, found[0])
            match.by_content.append(place)


# Rebuilding


def _rebuild(cells: list[Cell], skeleton: NotebookNode, assignment: Assignment) -> Repaired:
    tests = {name: cell.source for name, cell in assignment.cells.items() if kind(cell) == "test"}
    if other := _foreign(cells, assignment):
        raise Unreadable(f"This is the notebook of the assignment “{other}”, not of “{assignment.name}”.")
    match = _match(cells, skeleton.cells)
    if not any(kind(skeleton.cells[place]) in GRADED for place in match.claims):
        raise Unreadable(f"The notebook has none of the cells of “{assignment.name}”: it is another notebook.")
    repairs = _Repairs()
    chosen: dict[int, list[int]] = {}
    for place, found in match.claims.items():
        chosen[place] = _choose(skeleton.cells[place], [(i, cells[i]) for i in found], repairs)
    _tell_of_matching(match, skeleton.cells, repairs)
    budget = _OutputBudget()
    extras = _extras(match, chosen, skeleton.cells, budget, repairs)
    rebuilt = list(extras.get(-1, ()))
    for place, cell in enumerate(skeleton.cells):
        work = [cells[i] for i in chosen.get(place, ())]
        rebuilt.append(_fill(cell, work, tests, budget, repairs))
        rebuilt.extend(extras.get(place, ()))
    skeleton.cells = rebuilt
    budget.tell(repairs)
    return Repaired(skeleton, repairs.sentences())


def _fill(
    cell: NotebookNode, work: list[Cell], tests: dict[str, str], budget: _OutputBudget, repairs: _Repairs
) -> NotebookNode:
    """The skeleton's cell with the student's work in it, if students may change it; else as it was released."""
    name, what = str(grade_id(cell) or ""), kind(cell)
    if not work:
        if what in GRADED or what == "locked":
            repairs.note("missing", name)
        return cell
    first = work[0]
    _compare_metadata(cell, first, repairs)
    if what in ("solution", "written"):
        if first.type != cell.cell_type:
            repairs.note(f"type {first.type} {cell.cell_type}", name)
        cell.source = first.source if len(work) == 1 else "\n\n".join(part.source.strip("\n") for part in work)
    elif what == "free":
        cell.source = first.source if first.type == cell.cell_type else cell.source
    elif first.text not in (_plain(cell.source), _plain(tests.get(name, ""))):
        repairs.note("changed test" if what == "test" else "changed locked", name)
    if cell.cell_type == "markdown" and what in ("written", "free"):
        attachments = _attachments([part.attachments for part in work])
        if attachments:
            cell.attachments = attachments
    if cell.cell_type == "code" and (what in ("solution", "free") or is_experiment(cell)):
        cell.outputs = budget.take([output for part in work for output in part.outputs], name)
        cell.execution_count = work[-1].execution_count
    return cell


def _choose(cell: NotebookNode, copies: list[tuple[int, Cell]], repairs: _Repairs) -> list[int]:
    """Which of the submitted copies of a cell count, in order: one, or all parts of a cell that was split."""
    name, release = str(grade_id(cell)), _plain(cell.source)
    if len(copies) == 1:
        return [copies[0][0]]
    if kind(cell) not in ("solution", "written"):
        repairs.note("copied locked", name)
        return [next((i for i, copy in copies if copy.text == release), copies[0][0])]
    texts: dict[str, tuple[int, Cell]] = {copy.text: (i, copy) for i, copy in copies}
    edited = sorted((i, copy) for text, (i, copy) in texts.items() if text not in (release, ""))
    if len(edited) <= 1:
        repairs.note("copied", name)
        return [edited[0][0] if edited else copies[-1][0]]
    if kind(cell) == "written":
        repairs.note("joined", name)
        return [i for i, _ in edited]
    wanted = _defined(cell.source)
    defined = [copy.defines & wanted for _, copy in edited]
    cut_inside = any(_starts_indented(copy.source) for _, copy in edited[1:])
    if cut_inside or len(set().union(*defined)) > max(len(names) for names in defined):
        repairs.note("joined", name)
        return [i for i, _ in edited]
    most = max(defined, key=len)
    whole = [i for (i, _), names in zip(edited, defined, strict=True) if names == most]
    repairs.note("copied and edited", name)
    return [whole[-1]]


def _extras(
    match: _Match, chosen: dict[int, list[int]], skeleton: list[NotebookNode], budget: _OutputBudget, repairs: _Repairs
) -> dict[int, list[NotebookNode]]:
    """Cells that are not the assignment's, by the place of the skeleton's cell that they follow (-1: the start)."""
    extras: dict[int, list[NotebookNode]] = {}
    counted = {i for found in chosen.values() for i in found}
    anchor, number = -1, 0
    for index, cell in enumerate(match.cells):
        place = match.taken.get(index)
        if index in counted:
            anchor = place if place is not None else anchor
            continue
        if place is not None:
            texts = {_plain(skeleton[place].source), *(match.cells[i].text for i in chosen[place])}
            if cell.text in texts or not cell.text or kind(skeleton[place]) == "written":
                continue
            if kind(skeleton[place]) == "solution":
                cell = _set_aside(cell, str(grade_id(skeleton[place])))
        elif not cell.text and not cell.outputs and not cell.attachments:
            continue
        elif cell.grade_id:
            repairs.note("unknown", cell.grade_id)
        if number == MAX_EXTRA_CELLS:
            repairs.note("too many", "")
            break
        number += 1
        extras.setdefault(anchor, []).append(_extra(cell, number, budget))
    return extras


def _extra(cell: Cell, number: int, budget: _OutputBudget) -> NotebookNode:
    new = NotebookNode(cell_type=cell.type, id=f"extra-{number}", metadata=NotebookNode(), source=cell.source)
    if cell.type == "code":
        new.outputs = budget.take(cell.outputs, f"extra-{number}")
        new.execution_count = cell.execution_count
    elif attachments := _attachments([cell.attachments]):
        new.attachments = attachments
    return new


def _set_aside(cell: Cell, name: str) -> Cell:
    """A copy that does not count, still to be read but not to be run: it would overwrite the one that does."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", cell.source)), default=0))
    return Cell("markdown", f"*A copy of “{name}” that was not graded:*\n\n{fence}python\n{cell.source}\n{fence}")


# Outputs


@dataclass
class _OutputBudget:
    """Keeps the outputs of a submission valid and small."""

    left: int = MAX_OUTPUTS_BYTES
    dropped: list[tuple[str, int]] = field(default_factory=list)

    def take(self, outputs: list[Any], name: str) -> list[NotebookNode]:
        kept = [output for raw in outputs[:MAX_OUTPUTS] if (output := _output(raw)) is not None]
        size = len(json.dumps(kept, ensure_ascii=False)) if kept else 0
        if size > min(MAX_OUTPUT_BYTES, self.left):
            self.dropped.append((name, size))
            return []
        self.left -= size
        return kept

    def tell(self, repairs: _Repairs) -> None:
        for name, size in self.dropped[:3]:
            where = "a cell of the student's own" if name.startswith("extra-") or not name else f"“{name}”"
            repairs.note("text", f"The output of {where} was dropped: it had {size / 2**20:.1f} MB.")
        if len(self.dropped) > 3:
            repairs.note(
                "text", f"The outputs of {len(self.dropped) - 3} more cells were dropped: they were too large."
            )


def _output(raw: Any) -> NotebookNode | None:
    """A valid copy of one output, or None."""
    if not isinstance(raw, dict):
        return None
    output_type = raw.get("output_type")
    if output_type == "stream" and raw.get("name") in ("stdout", "stderr"):
        return NotebookNode(output_type="stream", name=raw["name"], text=_text(raw.get("text")))
    if output_type == "error":
        lines = raw.get("traceback")
        traceback = [_text(line) for line in lines] if isinstance(lines, list) else []
        return NotebookNode(
            output_type="error", ename=_text(raw.get("ename")), evalue=_text(raw.get("evalue")), traceback=traceback
        )
    if output_type in ("display_data", "execute_result") and isinstance(raw.get("data"), dict):
        data = NotebookNode()
        for mime, value in raw["data"].items():
            if re.fullmatch(r"[\w.+-]+/[\w.+-]+", mime) is None:
                continue
            if mime == "application/json" or mime.endswith("+json"):
                continue  # widgets and the like need what the page does not have
            data[mime] = _text(value)
        if not data:
            return None
        output = NotebookNode(output_type=output_type, data=data, metadata=NotebookNode())
        if output_type == "execute_result":
            output.execution_count = None
        return output
    return None


def _attachments(all_raw: Iterable[Any]) -> NotebookNode | None:
    """Pictures that were pasted into a markdown cell."""
    kept = NotebookNode()
    for raw in all_raw:
        for name, versions in raw.items() if isinstance(raw, dict) else ():
            if not isinstance(versions, dict):
                continue
            pictures = {
                mime: "".join(value.split())
                for mime, value in versions.items()
                if mime in IMAGES and isinstance(value, str) and BASE64.fullmatch(value)
            }
            if pictures and sum(map(len, pictures.values())) <= MAX_OUTPUT_BYTES and len(kept) < 20:
                kept[_text(name)] = NotebookNode(pictures)
    return kept or None


# Sentences


class _Repairs:
    """Collects what was done and tells it, one sentence for each kind of repair."""

    SENTENCES: ClassVar = {
        "missing": (
            "The cell {names} was missing; it was put back as it was released.",
            "The cells {names} were missing; they were put back as they were released.",
        ),
        "changed test": (
            "The test cell {names} differed from the assignment; it was restored.",
            "The test cells {names} differed from the assignment; they were restored.",
        ),
        "changed locked": (
            "The locked cell {names} differed from the assignment; it was restored.",
            "The locked cells {names} differed from the assignment; they were restored.",
        ),
        "copied": (
            "The cell {names} was there more than once; the copy that was worked on was graded.",
            "The cells {names} were there more than once; the copies that were worked on were graded.",
        ),
        "copied and edited": (
            "The cell {names} was there in several versions; the last complete one was graded.",
            "The cells {names} were there in several versions; the last complete one of each was graded.",
        ),
        "copied locked": (
            "The locked cell {names} was there more than once; the copies do not count.",
            "The locked cells {names} were there more than once; the copies do not count.",
        ),
        "joined": (
            "The cell {names} had been split; its parts were joined.",
            "The cells {names} had been split; their parts were joined.",
        ),
        "matched": (
            "The cell {names} had lost its grading information; it was recognised by its content.",
            "The cells {names} had lost their grading information; they were recognised by their content.",
        ),
        "points": (
            "The points of the cell {names} differed from the assignment; they were put back.",
            "The points of the cells {names} differed from the assignment; they were put back.",
        ),
        "flags": (
            "The grading information of the cell {names} differed from the assignment; it was put back.",
            "The grading information of the cells {names} differed from the assignment; it was put back.",
        ),
        "schema": (
            "The grading information of the cell {names} was of another version of nbgrader; it was replaced.",
            "The grading information of the cells {names} was of another version of nbgrader; it was replaced.",
        ),
        "unknown": (
            "The cell {names} is not part of this assignment; it was kept as a cell of the student's own.",
            "The cells {names} are not part of this assignment; they were kept as cells of the student's own.",
        ),
        "too many": (f"Only the first {MAX_EXTRA_CELLS} cells of the student's own were kept.",) * 2,
        "moved": ("Cells had been moved; they were put back in the order of the assignment.",) * 2,
    }

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def note(self, what: str, name: str) -> None:
        names = self._names.setdefault(what, [])
        if name not in names:
            names.append(name)

    def sentences(self) -> list[str]:
        return [sentence for what, names in self._names.items() for sentence in self._tell(what, names)]

    def _tell(self, what: str, names: list[str]) -> list[str]:
        if what == "text":
            return names
        if what.startswith("type "):
            _, found, wanted = what.split()
            one, many = (
                f"The {wanted} cell {{names}} had been turned into a {found} cell; it was turned back.",
                f"The {wanted} cells {{names}} had been turned into {found} cells; they were turned back.",
            )
        else:
            one, many = self.SENTENCES[what]
        return [(one if len(names) == 1 else many).format(names=_listed(names))]


def _tell_of_matching(match: _Match, skeleton: list[NotebookNode], repairs: _Repairs) -> None:
    for place in sorted(match.by_content):
        if kind(skeleton[place]) in GRADED:
            repairs.note("matched", str(grade_id(skeleton[place])))
    order = [place for _, place in sorted(match.taken.items()) if grade_id(skeleton[place])]
    firsts = list(dict.fromkeys(order))
    if firsts != sorted(firsts):
        repairs.note("moved", "")


def _compare_metadata(cell: NotebookNode, submitted: Cell, repairs: _Repairs) -> None:
    """Say what had been done to the metadata of a cell; the skeleton's is what counts."""
    name, ours, theirs = grade_id(cell), cell.metadata.get("nbgrader", {}), submitted.nbgrader
    if name is None or theirs.get("grade_id") != name:
        return
    if theirs.get("schema_version") != ours.get("schema_version"):
        repairs.note("schema", name)
    if any(bool(theirs.get(flag)) != bool(ours.get(flag)) for flag in ("grade", "solution", "locked", "task")):
        repairs.note("flags", name)
    elif ours.get("grade") and not _same_number(theirs.get("points"), ours.get("points")):
        repairs.note("points", name)


def _foreign(cells: list[Cell], assignment: Assignment) -> str | None:
    """The other assignment that a notebook without a graded cell of this one belongs to, if there is one."""
    ids = {cell.grade_id for cell in cells if cell.grade_id}
    if not ids or ids & {name for name, cell in assignment.cells.items() if kind(cell) in GRADED}:
        return None
    for other in assignment_names():
        if other == assignment.name:
            continue
        try:
            known = set(load_assignment(other).cells)
        except Exception:  # another assignment's source may be under work
            continue
        if len(ids & known) * 2 > len(ids):
            return other
    return None


# Text


def _text(value: Any) -> str:
    """The text of a cell or an output: a string or a list of strings; lone surrogates become question marks."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _plain(source: str) -> str:
    """For comparing: without trailing white space and empty lines at the ends."""
    return "\n".join(line.rstrip() for line in source.splitlines()).strip("\n")


def _defined(source: str) -> set[str]:
    """Names of top-level functions and classes, read without parsing: the text is not trusted, nor always Python."""
    return set(re.findall(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", source, re.MULTILINE))


def _starts_indented(source: str) -> bool:
    lines = (line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return next(lines, "")[:1] in (" ", "\t")


def _same_number(a: Any, b: Any) -> bool:
    return type(a) in (int, float) and a == b


def _listed(names: list[str]) -> str:
    shown = [f"“{_short(name)}”" for name in (names if len(names) <= 4 else names[:2])]
    if len(names) > len(shown):
        return ", ".join(shown) + f" and {len(names) - len(shown)} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _short(text: str) -> str:
    """What a student wrote, fit for a sentence: printable and not long."""
    printable = "".join(c if c.isprintable() else "·" for c in text.encode("utf-8", "replace").decode("utf-8"))
    return printable if len(printable) <= 40 else printable[:39] + "…"

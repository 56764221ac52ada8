"""Read what a student handed in: the right file of a folder, and as much of it as can be read.

Nothing here follows a link, unpacks an archive to disk or trusts a length.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_FILE_BYTES = 50 * 2**20
MAX_FILES = 2000
MAX_DATA_BYTES = 16 * 2**20  # of the files beside a notebook, together
MAX_PARTS = 3_000_000  # brackets that open: each list or dict takes ten times the memory of its text
MAX_SALVAGE_WORK = 2_000_000_000  # characters that may be looked at, a second or two

# Says when the submission was handed in: written by what collects it.
TIMESTAMP = "timestamp.txt"

# A folder of one of these names holds copies that a program made.
MACHINE_FOLDERS = {".ipynb_checkpoints", "__MACOSX", ".git", "__pycache__", ".Trash"}

# What Python imports: code has to stand in cells, where tests and people read it.
CODE = {".egg", ".pth", ".py", ".pyc", ".pyd", ".so", ".whl"}

CELL_START = re.compile(r'\{\s*"(?:cell_type|attachments|execution_count|id|metadata|outputs|source)"\s*:')


class Unreadable(ValueError):
    """Nothing of a submission can be used; the message is one sentence that says why."""


@dataclass(frozen=True)
class Found:
    """The notebook of a submission, what had to be done to find it, and the data files beside it, by their paths."""

    data: bytes = field(repr=False)
    repairs: list[str]
    problem: str | None = None
    """Why there is nothing to grade, in one sentence."""
    files: dict[str, bytes] = field(default_factory=dict, repr=False)


# Finding the file


def read_submission(folder: Path, name: str) -> Found:
    """The notebook `name`.ipynb of a submission's folder, or what most likely is meant to be it."""
    try:
        return _read_submission(folder, name)
    except Unreadable as error:
        return Found(b"", [], str(error))
    except OSError as error:
        return Found(b"", [], f"The submission could not be read: {error.strerror or error}.")


def _read_submission(folder: Path, name: str) -> Found:
    for part in (folder.parent, folder):
        if part.is_symlink():
            raise Unreadable("The folder of the submission is a link; links are not followed.")
    wanted = f"{name}.ipynb"
    files = _files(folder)
    if any(path == wanted for path in files):
        return _with_data(read_file(folder / wanted), [], folder)
    notebooks = [path for path in files if path.lower().endswith(".ipynb")]
    copies = [path for path in notebooks if set(Path(path).parts) & MACHINE_FOLDERS]
    own = [path for path in notebooks if path not in copies] or copies
    if not own:
        own = [path for path in files if path.lower().endswith((".ipynb.txt", ".ipynb.json", ".json", ".zip"))]
    if not own:
        files = [path for path in files if path != TIMESTAMP]
        found = f"only {_listed(files)}" if files else "nothing"
        was = "were" if len(files) > 1 else "was"
        raise Unreadable(f"There is no notebook in the submission: {wanted} was expected, {found} {was} found.")
    best: tuple[str, bytes] | None = None
    problems, readable, rank = [], 0, ((-1, -1), 0.0)
    for path in own[:20]:  # one after the other: each may be large
        data = _read_candidate(folder / path)
        if isinstance(data, str):
            problems.append(data)
            continue
        readable += 1
        likeness = (_likeness(data, name), (folder / path).lstat().st_mtime)
        if likeness > rank:
            best, rank = (path, data), likeness
    if best is None:
        raise Unreadable(problems[0])
    path, data = best
    repairs = [f"The file is called “{_short(path)}”, not “{wanted}”; it was graded all the same."]
    if path in copies:
        repairs = [f"Only Jupyter's checkpoint copy “{_short(path)}” was handed in; it was graded."]
    if readable > 1:
        repairs.append(f"{readable} notebooks were handed in; “{_short(path)}” fits the assignment best.")
    return _with_data(data, repairs, (folder / path).parent)


def _with_data(data: bytes, repairs: list[str], folder: Path) -> Found:
    files, left_out = read_data_files(folder)
    return Found(data, repairs + left_out, files=files)


def read_data_files(folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """The data files in a notebook's folder, by their paths in it, and what was left out of them, in sentences."""
    try:
        paths = [path for path in _files(folder) if _may_be_data(path)]
    except Unreadable:
        return {}, [f"There are more than {MAX_FILES:,} files beside the notebook; it was graded without them."]
    files: dict[str, bytes] = {}
    code, large, sentences = [], [], []
    for path in paths:
        if Path(path).suffix.lower() in CODE:
            code.append(path)
        elif (folder / path).lstat().st_size + sum(map(len, files.values())) > MAX_DATA_BYTES:
            large.append(path)
        else:
            try:
                files[path] = read_file(folder / path)
            except Unreadable as error:
                sentences.append(str(error))
    if code:
        sentences.append(f"{_listed(code)}: code beside the notebook was left out, it has to stand in cells.")
    if large:
        most = MAX_DATA_BYTES // 2**20
        sentences.append(f"{_listed(large)}: left out, for the files beside a notebook may have {most} MB together.")
    return files, sentences


def _may_be_data(path: str) -> bool:
    """Neither a notebook nor what a program left there."""
    parts = Path(path).parts
    hidden = any(part.startswith(".") for part in parts) or set(parts) & MACHINE_FOLDERS
    return not hidden and path != TIMESTAMP and not path.lower().endswith((".ipynb", "desktop.ini", "thumbs.db"))


def _files(folder: Path) -> list[str]:
    """Paths below a folder, relative to it, in a fixed order; links to folders are not entered."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for file in sorted(files):
            found.append(str((Path(parent) / file).relative_to(folder)))
            if len(found) > MAX_FILES:
                raise Unreadable(
                    f"The submission has more than {MAX_FILES:,} files; it was not searched for a notebook."
                )
    return found


def _read_candidate(path: Path) -> bytes | str:
    try:
        return read_file(path)
    except Unreadable as error:
        return str(error)


def read_file(path: Path) -> bytes:
    """The bytes of a regular file that is no link and not too large."""
    name = _short(path.name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise Unreadable(f"“{name}” is a link; links are not followed.") from None
        raise Unreadable(f"“{name}” could not be read: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(f"“{name}” is not a file.")
        if status.st_nlink > 1 and not _is_the_folders_own(status, path.parent):
            raise Unreadable(f"“{name}” is a hard link to another file; hand in a copy of its own.")
        if status.st_size > MAX_FILE_BYTES:
            raise Unreadable(_too_large(name, status.st_size))
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable(_too_large(name, len(data)))
    return data


def _is_the_folders_own(file: os.stat_result, folder: Path) -> bool:
    """Whether a file that has other names belongs to the student whose folder it is in: a link keeps its owner.

    Where everything belongs to who grades, nothing tells which of its names came first.
    """
    return file.st_uid == folder.stat().st_uid != os.geteuid()


def _too_large(name: str, size: int) -> str:
    return (
        f"“{name}” has {size / 2**20:,.0f} MB, more than the {MAX_FILE_BYTES // 2**20} MB that are graded; "
        "clear its outputs and hand it in again."
    )


def _likeness(data: bytes, name: str) -> tuple[int, int]:
    """How much a file looks like a notebook of an assignment, without reading all of its structure."""
    return (data.count(b'"grade_id"'), int(name.encode() in data))


# Reading it


def read_json(data: bytes) -> tuple[Any, list[str]]:
    """The JSON of a notebook file, damaged or not; raises Unreadable if nothing can be made of it."""
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable(_too_large("The file", len(data)))
    repairs: list[str] = []
    if data[:4] == b"PK\x03\x04":
        data = _from_zip(data)
        repairs.append("The file was a zip archive; the notebook in it was graded.")
    text, note = _decode(data)
    repairs += note
    if not text.strip("\0 \r\n\t"):
        raise Unreadable("The file is empty.")
    if text.count("[") + text.count("{") > MAX_PARTS:
        raise Unreadable(f"The file has more than {MAX_PARTS:,} brackets; clear its outputs and hand it in again.")
    try:
        return json.loads(text), repairs
    except (ValueError, RecursionError):
        pass
    content, note = _salvage(text)
    return content, repairs + note


def _from_zip(data: bytes) -> bytes:
    """The only notebook of a zip archive, read in memory: nothing is unpacked, so no path in it matters."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [
                info
                for info in archive.infolist()
                if info.filename.endswith(".ipynb") and not set(info.filename.split("/")) & MACHINE_FOLDERS
            ]
            if len(members) != 1:
                raise Unreadable(f"The file is a zip archive with {len(members)} notebooks in it; one was expected.")
            with archive.open(members[0]) as member:
                content = member.read(MAX_FILE_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("The file is a zip archive that cannot be opened.") from None
    if len(content) > MAX_FILE_BYTES:
        raise Unreadable(_too_large("The notebook in the zip archive", len(content)))
    return content


def _decode(data: bytes) -> tuple[str, list[str]]:
    marks = [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ]
    for mark, encoding in marks:
        if data.startswith(mark):
            encoding = "utf-8-sig" if encoding == "utf-8" else encoding
            return data.decode(encoding, "replace"), [] if encoding == "utf-8-sig" else [_encoded(encoding)]
    if data[1:2] == b"\0" and data[:1] == b"{":
        return data.decode("utf-16-le", "replace"), [_encoded("utf-16")]
    if data[:2] == b"\0{":
        return data.decode("utf-16-be", "replace"), [_encoded("utf-16")]
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), ["The file had bytes that are no UTF-8; they became question marks."]


def _encoded(encoding: str) -> str:
    return f"The file was encoded in {encoding.upper()}; it was converted."


def _salvage(text: str) -> tuple[Any, list[str]]:
    """What can be had of text that is no JSON: the first document, one side of a merge, or the cells one by one."""
    decoder = json.JSONDecoder()
    merged = _first_sides(text)
    if merged is not None:
        try:
            return json.loads(merged), ["The file had merge conflicts; the first version of each was graded."]
        except (ValueError, RecursionError):
            text = merged
    try:
        content, _ = decoder.raw_decode(text.lstrip("\ufeff \r\n\t\0"))
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and ("cells" in content or "worksheets" in content):
        return content, ["There was other text after the end of the notebook; it was left out."]
    cells = _salvage_cells(text, decoder)
    if not cells:
        raise Unreadable("The file is not a notebook (its JSON is broken).")
    return {"cells": cells}, [f"The file was damaged; {len(cells)} of its cells could be read, the others are lost."]


def _first_sides(text: str) -> str | None:
    """The text with each merge conflict of git replaced by its first side; None if there is none."""
    kept, side, conflicts = [], 0, 0
    for line in text.splitlines(keepends=True):
        if line.startswith("<<<<<<<"):
            side, conflicts = 1, conflicts + 1
        elif side and line.startswith(("|||||||", "=======")):
            side = 2
        elif side and line.startswith(">>>>>>>"):
            side = 0
        elif side < 2:
            kept.append(line)
    return "".join(kept) if conflicts else None


def _salvage_cells(text: str, decoder: json.JSONDecoder) -> list[dict]:
    """Cells found one by one; the work is bounded, for a file can be broken on purpose."""
    cells = []
    position, work = 0, MAX_SALVAGE_WORK
    while work > 0 and (match := CELL_START.search(text, position)):
        start = position = match.start()
        try:
            cell, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            unread = error.msg.startswith("Unterminated")
            # the error counts the lines from the start of the text
            work -= error.pos + (len(text) if unread else error.pos) - start + 1000
        except (ValueError, RecursionError):
            work -= 100_000
        else:
            if "cell_type" in cell and ("source" in cell or "input" in cell):
                cells.append(cell)
                position = end
                continue
            work -= end - start
        position += 1
    return cells


def _listed(files: list[str]) -> str:
    shown = ", ".join(f"“{_short(file)}”" for file in files[:3])
    return shown + (f" and {len(files) - 3} more" if len(files) > 3 else "")


def _short(text: str) -> str:
    printable = "".join(c if c.isprintable() else "·" for c in text.encode("utf-8", "replace").decode("utf-8"))
    return printable if len(printable) <= 60 else printable[:59] + "…"

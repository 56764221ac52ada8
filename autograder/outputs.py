"""Outputs of cells: those a student process claims, made harmless, and those the judge writes."""

from __future__ import annotations

import re
from typing import Any

import nh3
from nbformat.notebooknode import NotebookNode

MAX_OUTPUTS = 500
MAX_LINES = 200
MAX_LINE = 4000
MAX_COUNT = 2**31  # of executions
IMAGES = ("image/png", "image/jpeg", "image/gif")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_MARKUP = re.compile(r"<[A-Za-z/!?]")
# Commands of MathJax that make links, take up classes and ids of the page, or load more of MathJax.
_REACHES_OUT = re.compile(r"\\(href|url|class|cssId|style|require|data|unicode)\b|javascript:", re.IGNORECASE)
# Of one piece of HTML: a parser's work grows with the square of the tags that are open, and of a tag's attributes.
MAX_TAGS, MAX_HTML = 2000, 200_000
_OPENING = re.compile(r"<[A-Za-z]")


def too_costly(html: str) -> bool:
    """Whether cleaning a piece of HTML would take too long."""
    return len(html) > MAX_HTML or sum(1 for _ in _OPENING.finditer(html)) > MAX_TAGS


def clean_outputs(claimed: Any, limit: int) -> tuple[list[NotebookNode], int]:
    """Valid nbformat outputs of what was claimed, up to `limit` bytes, and their size.

    Kept are streams, errors, plain text, images, HTML without script, and LaTeX or Markdown without HTML. What a page
    could execute, and what only a live kernel could show, is left out: its text/plain remains.
    """
    kept: list[NotebookNode] = []
    size = 0
    for output in (claimed if type(claimed) is list else [])[:MAX_OUTPUTS]:
        if type(output) is not dict or size >= limit:
            continue
        clean = _clean(output, limit - size)
        if clean is not None:
            kept.append(clean)
            size += _size(clean)
    return kept, size


def _clean(output: dict, limit: int) -> NotebookNode | None:
    kind = output.get("output_type")
    if kind == "stream":
        return stream("stderr" if output.get("name") == "stderr" else "stdout", _text(output.get("text"))[:limit])
    if kind == "error":
        lines = output.get("traceback")
        traceback = [_text(line)[:MAX_LINE] for line in lines[:MAX_LINES]] if type(lines) is list else []
        return error(_text(output.get("ename"))[:200], _text(output.get("evalue"))[:MAX_LINE], traceback)
    if kind in ("display_data", "execute_result") and type(output.get("data")) is dict:
        data = _clean_data(output["data"])
        if not data or sum(map(len, data.values())) > limit:
            return None
        extra = {"execution_count": execution_count(output)} if kind == "execute_result" else {}
        return _output(kind, data=NotebookNode(data), metadata=NotebookNode(), **extra)
    return None


def execution_count(claimed: dict) -> int | None:
    """The number that a cell, an output or a reply gives itself, if it is one that a notebook may hold."""
    count = claimed.get("execution_count")
    return count if type(count) is int and 0 <= count < MAX_COUNT else None


def _clean_data(claimed: dict) -> dict[str, str]:
    data = {mime: value for mime, value in claimed.items() if type(value) is str}
    kept = {"text/plain": data["text/plain"]} if "text/plain" in data else {}
    for mime in ("text/html", "text/latex", "text/markdown"):
        if mime not in data or _REACHES_OUT.search(data[mime]):
            continue
        if mime == "text/html" and not too_costly(data[mime]):
            kept[mime] = nh3.clean(data[mime], tags=nh3.ALLOWED_TAGS - {"img"})  # a picture tells who looks, and when
        elif mime != "text/html" and not _MARKUP.search(data[mime]):
            kept[mime] = data[mime]
    for mime in IMAGES:
        if mime in data and BASE64.fullmatch(data[mime]):
            kept[mime] = data[mime]
    return kept


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _size(output: NotebookNode) -> int:
    if output.output_type == "stream":
        return len(output.text)
    if output.output_type == "error":
        return sum(map(len, output.traceback))
    return sum(map(len, output.data.values()))


def _output(kind: str, **fields: Any) -> NotebookNode:
    """As `nbformat.v4.new_output`, but without its validation, which costs more than all the rest."""
    return NotebookNode({"output_type": kind, **fields})


def stream(name: str, text: str) -> NotebookNode:
    return _output("stream", name=name, text=text)


def error(name: str, message: str, traceback: list[str] | None = None) -> NotebookNode:
    return _output("error", ename=name, evalue=message, traceback=[message] if traceback is None else traceback)


def number(value: float) -> NotebookNode:
    """The result of a cell whose last expression is a number: nbgrader reads partial credit from it."""
    data = NotebookNode({"text/plain": repr(value)})
    return _output("execute_result", data=data, metadata=NotebookNode(), execution_count=None)

"""Sphinx extension: pages that are made from the lectures' own front matter, and anchors for their cells."""

from __future__ import annotations

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Debian's chromium, headless, for tests that look at pages. Screenshots of the last run lie in build/screenshots/."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from autograder.assignment import ROOT

SCREENSHOTS = ROOT / "build" / "screenshots"
needs_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")


@contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """A browser of its own; skips the test where there is no Playwright."""
    playwright = pytest.importorskip("playwright.sync_api")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", *flags])
        yield browser
        browser.close()

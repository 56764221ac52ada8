"""The built site: every lecture executed, no dead link, nothing from elsewhere, usable on a phone and by keyboard.

The site is built once, in build/site, with the executions of lectures kept in build/jupyter_cache. Screenshots of the last
run lie in build/screenshots/.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from autograder.assignment import ROOT
from course.lectures import Lecture, lectures
from tests.browser import SCREENSHOTS, chromium, needs_chromium

SITE = ROOT / "build" / "site"
WIDTHS = {"desktop": 1280, "phone": 390}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make site` does, under a lock: workers of one test run share it."""
    import fcntl

    SITE.parent.mkdir(exist_ok=True)
    with open(SITE.parent / "site.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            "-j",
            "2",
            "-b",
            "html",
            "course",
            str(SITE),
        ]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=1500
        )
    assert done.returncode == 0, done.stderr[-4000:]
    return SITE


@pytest.fixture(scope="module")
def soups(site: Path) -> dict[str, BeautifulSoup]:
    """Every page of the course, by file name."""
    names = [path.name for path in site.glob("*.html") if path.stem not in ("genindex", "search")]
    return {name: BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser") for name in sorted(names)}


def test_every_internal_link_leads_somewhere(soups: dict[str, BeautifulSoup]) -> None:
    anchors = {name: {tag["id"] for tag in soup.find_all(id=True)} for name, soup in soups.items()}
    dead = []
    for name, soup in soups.items():
        for link in soup.find_all("a", href=True):
            target = urlsplit(link["href"])
            if target.scheme or target.netloc:
                continue
            page, anchor = unquote(target.path) or name, unquote(target.fragment)
            there = page in anchors or (SITE / page).is_file()
            if not there or (anchor and page in anchors and anchor not in anchors[page]):
                dead.append(f"{name}: {link['href']}")
    assert dead == []


def test_every_picture_has_words(soups: dict[str, BeautifulSoup]) -> None:
    bare = [
        f"{name}: {str(image)[:80]}"
        for name, soup in soups.items()
        for image in soup.find_all("img")
        if not image.get("alt")
    ]
    assert bare == []
    pages = [soup for name, soup in soups.items() if name[:2].isdigit()]
    assert all(len(soup.select(".cell_output img")) >= 3 for soup in pages)


def test_nothing_is_loaded_from_elsewhere(site: Path, soups: dict[str, BeautifulSoup]) -> None:
    loaded = [
        f"{name}: {tag.get('src') or tag.get('href')}"
        for name, soup in soups.items()
        for tag in soup.find_all(["script", "link", "img", "iframe", "source", "video"])
        if re.match(r"(https?:)?//", tag.get("src") or tag.get("href") or "")
        and tag.get("rel") not in (["canonical"], ["license"])
    ]
    assert loaded == []
    for sheet in (site / "_static").rglob("*.css"):
        assert not re.search(
            r"(url\(['\"]?|@import ['\"])https?://", sheet.read_text(encoding="utf-8", errors="ignore")
        ), sheet


def test_search_knows_the_words(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert all(word in index for word in ("kaim", "nesterov", "cutout"))


def test_outputs_are_figures_and_not_errors(soups: dict[str, BeautifulSoup]) -> None:
    for name, soup in soups.items():
        assert not soup.select(".output.traceback, .output.stderr"), name
        assert not soup.find_all(string=re.compile(r"^<(Figure|Picture|utils\.)")), name


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.mark.browser
@needs_chromium
class TestInABrowser:
    @pytest.fixture(params=WIDTHS)
    def page(self, request: pytest.FixtureRequest, browser: Any, site: Path) -> Iterator[Any]:
        """A page that has no network: only files open."""
        context = browser.new_context(viewport={"width": WIDTHS[request.param], "height": 900}, offline=True)
        page = context.new_page()
        page.device = request.param
        page.failures = []
        page.on("requestfailed", lambda failed: page.failures.append(failed.url))
        page.on("pageerror", lambda error: page.failures.append(str(error)))
        yield page
        context.close()

    def open(self, page: Any, name: str) -> None:
        page.goto((SITE / name).as_uri() if "?" not in name else f"{SITE.as_uri()}/{name}")

    @pytest.mark.parametrize("lecture", lectures(), ids=lambda lecture: lecture.name)
    def test_a_lecture(self, page: Any, lecture: Lecture) -> None:
        self.open(page, f"{lecture.name}.html")
        formulas = page.locator("article .math").count()
        page.wait_for_function(f"document.querySelectorAll('article mjx-container').length >= {formulas}")
        page.screenshot(path=SCREENSHOTS / f"{lecture.name}-{page.device}.png", full_page=True)
        assert formulas >= 5
        assert page.locator("mjx-merror").all_inner_texts() == []
        beyond = "all => all.map((f, i) => [i + 1, f.scrollWidth - f.clientWidth]).filter(([, pixels]) => pixels > 1)"
        assert page.locator("article mjx-container[display]").evaluate_all(beyond) == [], "displayed formulas scroll"
        check_reading(page)
        assert page.failures == []

    @pytest.mark.parametrize(
        "name", ["index", "assignments", "notation", "glossary", "map", "instructors", "trust", "speed", "cutout"]
    )
    def test_a_page(self, page: Any, name: str) -> None:
        self.open(page, f"{name}.html")
        page.screenshot(path=SCREENSHOTS / f"{name}-{page.device}.png", full_page=True)
        assert page.locator("article h1").count() == 1
        check_reading(page)
        assert page.failures == []

    def test_search_finds_kaiming(self, page: Any) -> None:
        self.open(page, "search.html?q=Kaiming")
        page.wait_for_selector("#search-results li a")
        found = page.locator("#search-results li a").all_inner_texts()
        assert any("nitialization" in title for title in found)

    def test_focus_is_seen(self, page: Any) -> None:
        self.open(page, "index.html")
        seen = 0
        for _ in range(12):
            page.keyboard.press("Tab")
            style = page.evaluate(
                "() => { const s = getComputedStyle(document.activeElement);"
                " return [document.activeElement.tagName, s.outlineStyle, parseFloat(s.outlineWidth), s.boxShadow] }"
            )
            assert style[0] == "BODY" or (style[1] != "none" and style[2] >= 1) or style[3] != "none", style
            seen += style[0] != "BODY"
        assert seen >= 8

    def test_code_can_be_copied(self, page: Any, browser: Any) -> None:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.open(page, f"{lectures()[0].name}.html")
        for cell in page.locator(".cell_input .highlight:visible").all():
            cell.hover()
            cell.locator("button.copybtn").click()
            copied = page.evaluate("navigator.clipboard.readText()")
            assert copied.strip() == cell.locator("pre").inner_text().strip()

    def test_slides_go_forth_and_back_by_keyboard(self, page: Any) -> None:
        self.open(page, f"{lectures()[0].name}.html?slides")
        place = page.locator(".slides-bar span")
        headings = page.locator("article h2:visible")
        count = int(place.inner_text().split()[-1])
        assert headings.count() == 0
        page.keyboard.press("End")
        assert place.inner_text() == f"{count} of {count}"
        assert headings.count() == 1
        page.keyboard.press("Home")
        steps = 0
        while place.inner_text().startswith("1 of"):
            page.keyboard.press("ArrowRight")
            steps += 1
            assert steps < 50
        assert headings.count() == 1
        page.screenshot(path=SCREENSHOTS / f"slides-{page.device}.png")
        page.keyboard.press("ArrowLeft")
        assert place.inner_text().startswith("1 of")
        page.keyboard.press("Escape")
        page.wait_for_url("**.html")
        assert page.locator(".slides-bar").count() == 0


def check_reading(page: Any) -> None:
    """With all drop-downs open: no wider than the window, each block of code with its button, contrast day and night."""
    page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
    page.evaluate("document.querySelectorAll('details').forEach((drop) => (drop.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert page.locator("div.highlight:not(:has(button.copybtn), .cell_output *) pre").all_inner_texts() == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        assert page.evaluate(CONTRAST) == [], scheme


# Text below WCAG AA, as its ratio and where it stands: 4.5 for text, 3 for large text.
CONTRAST = """() => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], under) => [...[r, g, b].map((v, i) => a * v + (1 - a) * under[i]), 1];
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    if (!element) return [255, 255, 255, 1];
    const color = parse(getComputedStyle(element).backgroundColor);
    return color[3] > 0.99 ? color : over(color, behind(element.parentElement));
  };
  const poor = new Set();
  const look = (element) => {
    const style = getComputedStyle(element), ground = behind(element);
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= getComputedStyle(e).opacity;
    const color = parse(style.color);
    const ink = over([...color.slice(0, 3), color[3] * opacity], ground);
    const [one, two] = [luminance(ink), luminance(ground)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (one + 0.05) / (two + 0.05);
    const where = element.className || element.tagName;
    if (ratio < (large ? 3 : 4.5)) poor.add(`${ratio.toFixed(2)} ${where}: ${element.textContent.slice(0, 30)}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const seen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (seen && walker.currentNode.data.trim() && !element.closest("script, style, mjx-assistive-mml")) look(element);
  }
  document.querySelectorAll("mjx-container").forEach(look);
  return [...poor];
}"""


def whose_turn() -> list[Lecture]:
    """One lecture, the next one with each commit; all of them if the variable DESCENT_EVERY_LECTURE is set."""
    if os.environ.get("DESCENT_EVERY_LECTURE"):
        return lectures()
    count = subprocess.run(["git", "rev-list", "--count", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return [lectures()[int(count.stdout or 0) % len(lectures())]]


@pytest.mark.parametrize("lecture", whose_turn(), ids=lambda lecture: lecture.name)
def test_the_same_figures_each_time(site: Path, lecture: Lecture) -> None:
    """A lecture that is executed anew draws what the site shows, byte for byte."""
    import jupytext
    from nbclient import NotebookClient

    notebook = jupytext.read(ROOT / "course" / f"{lecture.name}.md")
    environment = {**os.environ, "DESCENT_STATIC": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(ROOT / "course")}}
    )
    client.execute(env=environment)
    drawn = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    shown = (site / f"{lecture.name}.html").read_text(encoding="utf-8")
    pictures = re.findall(r"data:image/png;base64,[\w+/=]+", "".join(drawn))
    assert len(pictures) >= 3
    assert [i for i, picture in enumerate(pictures) if picture not in shown] == []

"""What a hostile student writes must come out harmless and readable."""

import base64
import re
import zlib
from html.parser import HTMLParser

import pytest
from bs4 import BeautifulSoup

from autograder.safe_html import clean_html, excerpt, highlight, image_source, markdown, mathematics, plain, visible
from tests.autograder.graded_class import picture

ATTACKS = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    '<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+" alt="x">',
    '<img src="https://evil.example/pixel.png">',
    '<img srcset="https://evil.example/pixel.png 1x">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVa\tScript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="vbscript:x">x</a>',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    '<math><mtext><table><mglyph><style><img src=x onerror="alert(1)"></style></mglyph></table></mtext></math>',
    '<math href="javascript:alert(1)">x</math>',
    "<iframe src=https://evil.example></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<object data=x></object><embed src=x>",
    '<div style="position:fixed;inset:0;background:url(https://evil.example)">x</div>',
    "<style>body{display:none}@import url(https://evil.example)</style>",
    '<link rel=stylesheet href="https://evil.example">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<base href="https://evil.example/">',
    '<form action="https://evil.example"><input name=password><button>Log in</button></form>',
    '<p class="verdict pass" id="task-linear">Passed</p>',
    "</pre></div></main><h1>All passed</h1>",
    "<!--><img src=x onerror=alert(1)>-->",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "[x](javascript:alert(1)) ![x](javascript:alert(1)) <javascript:alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    r"$\text{<script>alert(1)</script>}$",
    r"$\text{<img src=x onerror=alert(1)>}$ $$\href{javascript:alert(1)}{x}$$",
    r"$\class{verdict}{x} \style{position:fixed}{x}$",
    '<div title="\n\n$\\text{ onmouseover=alert(1) }$ ">x</div>',
    "```python\n</code></pre><script>alert(1)</script>\n```",
    "```<script>alert(1)</script>\nx\n```",
    '<a href="https://ok.example" target=_blank onclick=alert(1)>x</a>',
]

ALLOWED_STYLE = re.compile(r"(width|height|left): [0-9.]+%")


def assert_harmless(html: str) -> None:
    """No script can run, nothing is loaded, nothing is styled beyond the page's own sheet."""
    soup = BeautifulSoup(html, "html.parser")
    forbidden = (
        "script iframe object embed form input button link base template noscript textarea foreignobject animate"
    )
    assert not soup.find_all(forbidden.split())
    for tag in soup.find_all(True):
        for name, value in tag.attrs.items():
            text = " ".join(value) if isinstance(value, list) else value
            assert not name.lower().startswith("on"), tag
            assert name not in ("srcset", "srcdoc", "formaction", "background", "ping"), tag
            if name == "style":
                assert ALLOWED_STYLE.fullmatch(text), tag
            if name == "src":
                assert re.match(r"data:image/(png|jpeg);base64,", text), tag
            if name in ("href", "xlink:href"):
                assert re.match(r"(https?://|mailto:|#|\.\./)", text), tag


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("convert", [markdown, clean_html], ids=["markdown", "html"])
def test_attacks_come_out_harmless(convert, attack):
    shown = str(convert(attack))
    assert_harmless(shown)
    soup = BeautifulSoup(shown, "html.parser")
    assert not soup.find_all(["style", "meta", "svg", "h1", "h2", "h3", "main"])
    assert not soup.select("[id], .verdict")


class Balance(HTMLParser):
    """Follows open and closed tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("img", "br", "hr", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes what was not opened here"
        assert self.open.pop() == tag


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("convert", [markdown, clean_html, highlight])
def test_an_attack_stays_in_the_place_it_is_put_in(convert, attack):
    balance = Balance()
    balance.feed(str(convert(attack)))
    balance.close()
    assert balance.open == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_code_is_text(attack):
    soup = BeautifulSoup(f"<pre>{highlight(attack)}</pre>", "html.parser").pre
    assert {tag.name for tag in soup.find_all(True)} <= {"span"}
    assert soup.get_text() == attack


def test_markdown_shows_what_jupyter_shows():
    shown = BeautifulSoup(
        markdown(
            "# Title\n\n*a* `b` [c](https://c.example)\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```python\nx = 1\n```"
        ),
        "html.parser",
    )
    assert shown.h4.get_text() == "Title"
    assert shown.em.get_text() == "a"
    assert shown.a["href"] == "https://c.example"
    assert "noopener" in " ".join(shown.a["rel"])
    assert [cell.get_text() for cell in shown.find_all("td")] == ["1", "2"]
    assert shown.pre.find("span", class_="mi").get_text() == "1"


def test_mathematics_is_static_mathml():
    shown = BeautifulSoup(markdown(r"with $\frac{a}{b} < 1$ and $$\sum_i x_i$$"), "html.parser")
    inline, display = shown.find_all("math")
    assert (inline["display"], display["display"]) == ("inline", "block")
    assert inline.find("mfrac").get_text() == "ab"
    assert "∑" in display.get_text()


@pytest.mark.parametrize("latex", [r"\unknowncommand x", r"\frac{", r"\newcommand{\a}{x}\a", "x" * 5000, "{" * 900])
def test_mathematics_that_cannot_be_converted_stays_readable(latex):
    shown = BeautifulSoup(mathematics(latex), "html.parser")
    assert shown.find("math") is None
    assert shown.get_text()[:12] == latex[:12]


def test_aligned_equations_become_a_table():
    shown = BeautifulSoup(mathematics(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", display=True), "html.parser")
    assert len(shown.find_all("mtr")) == 2
    assert "&" not in shown.get_text()


def test_a_pasted_picture_is_shown():
    large = picture(size=(1500, 1500), noise=True)
    assert len(large) > 1_000_000
    files = {"my p.png": {"image/png": large}, "p.svg": {"image/svg+xml": "<svg/>"}}
    shown = BeautifulSoup(markdown("![p](<attachment:my p.png>) ![q](attachment:p.svg)", files), "html.parser")
    assert [image.get("src") for image in shown.find_all("img")] == [f"data:image/png;base64,{large}", None]


def bomb() -> str:
    """A tiny PNG that claims to be 60,000 by 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = (60_000).to_bytes(4, "big")
    header = chunk(b"IHDR", size + size + bytes([1, 0, 0, 0, 0]))
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    ).decode()


def test_only_real_pictures_of_bearable_size_are_shown():
    assert image_source("image/png", picture()) == f"data:image/png;base64,{picture()}"
    # What the bytes are counts, not what they are called.
    assert str(image_source("image/png", picture("JPEG"))).startswith("data:image/jpeg;")
    assert image_source("image/svg+xml", picture()) is None
    assert image_source("image/png", base64.b64encode(b"<svg onload=alert(1)>").decode()) is None
    assert image_source("image/png", picture("GIF")) is None
    assert image_source("image/png", 'x" onerror="alert(1)') is None
    assert image_source("image/png", bomb()) is None
    assert image_source("image/png", ["not", "text"]) is None


def test_text_is_shown_as_a_terminal_would():
    assert plain("\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b]8;;https://evil.example\x1b\\link\x9b31m") == "red link"
    assert plain("10%\r 50%\r100%\nnext\r\n") == "100%\nnext\n"
    assert plain("abc\b\bX") == "aX"


def test_characters_that_reorder_or_hide_text_are_shown():
    assert visible("a\u202eb\u2066c\u200b\x00") == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200B⟩⟨U+0000⟩"
    assert (
        visible("می\u200cخواهم 👩\u200d💻 ❤\ufe0f 1\ufe0f x\tα\n") == "می\u200cخواهم 👩\u200d💻 ❤\ufe0f 1\ufe0f x\tα\n"
    )
    # each makes another name of `f`
    assert visible("f\ufe0e f\u115f f\u1160 f\u034f") == "f⟨U+FE0E⟩ f⟨U+115F⟩ f⟨U+1160⟩ f⟨U+034F⟩"
    for shown in (
        markdown("a\u202eb"),
        clean_html("<b>a&#x202E;b</b>"),
        highlight("x = 'a\u202eb'"),
        mathematics(r"\text{a&#x202E;b}"),
    ):
        assert "\u202e" not in shown
        assert "U+202E" in shown
    assert "bdo" not in clean_html("<bdo dir=rtl>abc</bdo>")


def test_a_line_that_would_cost_too_much_is_shown_without_colours():
    assert "<span" in highlight("x = 1" + "0" * 1_000)
    assert "<span" not in highlight("x = 1\n" + '"\\N{' * 1_000)


def test_lone_surrogates_do_not_break_a_page():
    for shown in (markdown("a\ud800b"), clean_html("a\ud800b"), highlight("a\ud800b"), excerpt("a\ud800b")[0]):
        str(shown).encode("utf-8")


def test_long_text_is_cut_in_the_middle_and_says_so():
    text = "start " + "x" * 3_000_000 + " end"
    shown, note = excerpt(text)
    assert len(shown) < 20_000
    assert shown.startswith("start")
    assert shown.endswith("end")
    assert "2,98" in note
    shown, note = excerpt("\n".join(map(str, range(5000))))
    assert shown.splitlines()[0] == "0"
    assert shown.splitlines()[-1] == "4999"
    assert len(shown.splitlines()) < 310
    assert note
    assert excerpt("short\ntext") == ("short\ntext", "")


@pytest.mark.parametrize(
    "flood",
    ["<div>" * 30_000, ">" * 30_000, "[" * 50_000, "$x$" * 20_000, "`" * 50_000, "<a " * 15_000, "*a **b " * 8_000],
    ids=["div", "quote", "bracket", "math", "tick", "tag", "star"],
)
def test_pathological_markdown_ends_harmless(flood):
    assert_harmless(str(markdown(flood)))


def test_html_whose_cleaning_would_take_minutes_is_not_cleaned():
    assert "too large" in clean_html("<font color=1>" * 3000)
    assert "too large" in markdown("<i>" * 3000)

"""Turn what a student wrote into HTML that cannot harm its reader: no script, no style, nothing loaded, nothing hidden.

Functions take untrusted text; those that return `Markup` return what a template may include as it is.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
import secrets
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

import nh3
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES

from autograder.outputs import too_costly

if TYPE_CHECKING:
    from collections.abc import Mapping

# What goes into every page's Content-Security-Policy.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

MAX_RAW = 2_000_000  # characters of one output that are looked at; a flood beyond it is cut first
MAX_TEXT = 16_000  # characters of one output that are shown
MAX_LINES = 300
MAX_MARKDOWN = 20_000
MAX_CODE = 60_000
MAX_LINE = 2_000  # of a line of code that is coloured: some of the lexer's rules look from each place to the line's end
MAX_LATEX = 2_000
MAX_IMAGE_BYTES = 4_000_000
MAX_IMAGE_PIXELS = 25_000_000

ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC and other strings: window titles, links
    r"|[ -/]*[0-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
# Controls, the format characters that reorder or hide text, and letters and marks that show nothing, of which a second
# `name` can be made. U+200C and U+200D are needed by Persian and by emoji, U+FE0F by emoji.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]|(?<=[A-Za-z_])[\ufe00-\ufe0f]"
)


def visible(text: str) -> str:
    """Show control, bidirectional and zero-width characters as ⟨U+202E⟩, so that a text reads as it is."""
    return INVISIBLE.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def plain(text: str) -> str:
    """What a terminal would show: no escape sequences, overwritten lines (progress bars) only in their last state."""
    text = ANSI.sub("", text.replace("\r\n", "\n"))
    if "\r" in text or "\b" in text:
        text = "\n".join(_last_state(line) for line in text.split("\n"))
    return visible(text)


def _last_state(line: str) -> str:
    line = next((part for part in reversed(line.split("\r")) if part), "")
    shown: list[str] = []
    for character in line if "\b" in line else ():
        if character != "\b":
            shown.append(character)
        elif shown:
            shown.pop()
    return "".join(shown) if "\b" in line else line


def excerpt(text: str, *, characters: int = MAX_TEXT, lines: int = MAX_LINES) -> tuple[str, str]:
    """The text as a terminal would show it, cut in the middle if it is long, and a note that says so ("" if not)."""
    flood = max(0, len(text) - MAX_RAW)
    shown = plain(text[: MAX_RAW // 2] + text[-MAX_RAW // 2 :] if flood else text)
    rows = shown.split("\n")
    if not flood and len(shown) <= characters and len(rows) <= lines:
        return shown, ""
    if len(rows) > lines:
        head, tail = "\n".join(rows[: lines * 2 // 3]), "\n".join(rows[-(lines // 3) :])
    else:
        head, tail = shown[: len(shown) // 2], shown[len(shown) // 2 :]
    head, tail = head[: characters * 2 // 3], tail[-(characters // 3) :]
    left_out = len(shown) + flood - len(head) - len(tail)
    if left_out <= 0:
        return shown, ""
    note = f"{left_out:,} characters left out of the middle of this output."
    return f"{head}\n\n⋯ {left_out:,} characters left out ⋯\n\n{tail}", note


# Code

LONG_LINE = re.compile(rf"[^\n]{{{MAX_LINE + 1}}}")
BLANK_LINE = re.compile(r"^[^\S\n]+$", re.MULTILINE)
_LEXER = PythonLexer(stripnl=False)
_FORMATTER = HtmlFormatter(nowrap=True)
TOKEN_CLASSES = {name for name in STANDARD_TYPES.values() if name}


@lru_cache(maxsize=512)
def highlight(source: str) -> Markup:
    """Python source as spans with Pygments' class names."""
    if len(source) > MAX_CODE or LONG_LINE.search(source):
        shown, _ = excerpt(source, characters=MAX_CODE, lines=2_000)
        return escape(shown)
    # The lexer looks from each line of blanks to the end of all that follow.
    source = BLANK_LINE.sub("", visible(source))
    return Markup(pygments_highlight(source, _LEXER, _FORMATTER).rstrip("\n"))


# HTML

TAGS = set(
    "a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em h4 h5 h6 hr i img ins kbd "
    "li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var".split()
)
ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "details": {"open"},
}
DROPPED_WITH_CONTENT = {
    "script",
    "style",
    "template",
    "noscript",
    "iframe",
    "object",
    "svg",
    "math",
    "title",
    "textarea",
}
IMAGE_SOURCE = re.compile(r"data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=\s]+)")


def clean_html(source: str, *, forbidden: str | None = None, pictures: Mapping[str, str] | None = None) -> Markup:
    """An allow-list of HTML.

    `forbidden` is a text that no attribute may contain; `pictures` are the data URLs of `attachment:name`.
    """
    if too_costly(source):
        return Markup('<p class="cut">An HTML output of {:,} characters is too large to be shown.</p>').format(
            len(source)
        )

    def attribute(tag: str, name: str, value: str) -> str | None:
        if forbidden is not None and forbidden in value:
            return None
        if name == "href" and not re.match(r"(https?://|mailto:)", value.strip(), re.IGNORECASE):
            return None
        if name == "src" and value.startswith("attachment:"):
            return (pictures or {}).get(unquote(value.removeprefix("attachment:")))
        if name == "src":
            match = IMAGE_SOURCE.fullmatch(value.strip())
            return image_source(match[1], match[2]) if match else None
        return value

    cleaned = nh3.clean(
        _encodable(source),
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=attribute,
        clean_content_tags=DROPPED_WITH_CONTENT,
        url_schemes={"http", "https", "mailto", "data", "attachment"},
        allowed_classes={"span": TOKEN_CLASSES | {"math-source"}, "div": {"math-block"}},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(visible(cleaned))


def _encodable(text: str) -> str:
    """Lone surrogates, which JSON can carry, are no text."""
    return text.encode("utf-8", "replace").decode("utf-8")


def image_source(mime: str, data: object) -> str | None:
    """A data URL if this really is a PNG or JPEG of bearable size, else None."""
    from PIL import Image

    if mime not in ("image/png", "image/jpeg") or not isinstance(data, str) or len(data) > MAX_IMAGE_BYTES * 4 // 3:
        return None
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
        with Image.open(io.BytesIO(raw), formats=["PNG", "JPEG"]) as image:
            width, height = image.size
            mime = f"image/{str(image.format).lower()}"
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return f"data:{mime};base64,{base64.b64encode(raw).decode()}" if width * height <= MAX_IMAGE_PIXELS else None


# Markdown

KEPT_PLACE = re.compile(r"math([0-9a-f]{24})x(\d+);")


def markdown(source: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> Markup:
    """Markdown with mathematics, as Jupyter shows it; `attachments` are the cell's pasted pictures."""
    if not source:
        return Markup()
    source = _encodable(source)
    if len(source) > MAX_MARKDOWN:
        shown, _ = excerpt(source, characters=MAX_MARKDOWN, lines=2_000)
        return Markup("<pre>{}</pre>").format(shown)
    source = visible(source.replace("\r\n", "\n").replace("\r", "\n"))
    pictures: dict[str, str] = {}
    for name, versions in (attachments or {}).items():
        for mime, data in versions.items():
            if url := image_source(mime, data):
                pictures[name] = url
    # MathML enters after the sanitiser has run: it is ours, and sanitisers and MathML do not go well together. A token
    # that nobody can guess, and that no attribute may contain, keeps its place.
    key = secrets.token_hex(12)
    formulas: list[Markup] = []

    def keep(latex: str, *, display: bool) -> str:
        formulas.append(mathematics(latex, display=display))
        return f"math{key}x{len(formulas) - 1};"

    try:
        env = {"keep": keep}
        rendered = _markdown_parser().render(source, env)
    except RecursionError:
        return Markup("<pre>{}</pre>").format(source)
    cleaned = clean_html(rendered, forbidden=key, pictures=pictures)
    return Markup(KEPT_PLACE.sub(lambda place: formulas[int(place[2])] if place[1] == key else place[0], cleaned))


@cache
def _markdown_parser() -> MarkdownIt:
    def code(text: str, language: str, _: str) -> str:
        # A plain str: the parser's own "<pre>" must not be escaped when it is put in front of a Markup.
        return str(highlight(text) if language in ("python", "py", "") else escape(text))

    parser = MarkdownIt("commonmark", {"html": True, "highlight": code}).enable(["table", "strikethrough"])
    # Data URLs are refused by default; the sanitiser is what decides here.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    dollarmath_plugin(parser, double_inline=True, allow_labels=False)
    amsmath_plugin(parser)

    def formula(display: bool):  # type: ignore[no-untyped-def]
        def render(self, tokens: list[Token], index: int, options, env: dict) -> str:  # type: ignore[no-untyped-def]
            shown = env["keep"](tokens[index].content, display=display)
            return f'<div class="math-block">{shown}</div>\n' if tokens[index].block else shown

        return render

    parser.add_render_rule("math_inline", formula(display=False))
    for rule in ("math_inline_double", "math_block", "amsmath"):
        parser.add_render_rule(rule, formula(display=True))

    def lower_headings(state) -> None:  # type: ignore[no-untyped-def]
        """A page has its own h1 to h3; those in a cell start below them."""
        for token in state.tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{min(6, int(token.tag[1]) + 3)}"

    parser.core.ruler.push("lower_headings", lower_headings)
    return parser


# Mathematics

MATHML_TAGS = set(
    "math mrow mi mo mn mtext mspace msub msup msubsup mfrac msqrt mroot mover munder munderover mtable mtr mtd mstyle "
    "mpadded menclose".split()
)
MATHML_ATTRIBUTES = set(
    "display stretchy fence form accent columnalign rowspacing columnspacing columnlines rowlines displaystyle "
    "scriptlevel mathvariant linethickness width lspace rspace minsize maxsize separator movablelimits notation".split()
)
DEFINES_MACROS = re.compile(r"\\(newcommand|renewcommand|providecommand|def|let|DeclareMathOperator)\b")


@lru_cache(maxsize=2048)
def mathematics(latex: str, *, display: bool = False) -> Markup:
    """Static MathML, or the readable LaTeX where it cannot be converted."""
    latex = latex.strip()
    if len(latex) <= MAX_LATEX and not DEFINES_MACROS.search(latex):
        try:
            return Markup(_mathml(latex, display))
        except Exception:  # the converter raises a dozen types, RecursionError among them
            pass
    return Markup('<span class="math-source">{}</span>').format(excerpt(latex)[0])


def _mathml(latex: str, display: bool) -> str:
    """Raises if the formula has a command that the converter does not know."""
    from latex2mathml.converter import convert_to_element

    # The converter knows the environments that may stand alone, not those inside a formula.
    latex = re.sub(r"\\(begin|end)\{(aligned|split|gathered|align|gather)\*?\}", r"\\\1{align*}", latex)
    latex = re.sub(r"\\(begin|end)\{equation\*?\}", "", latex)
    return _serialise(convert_to_element(latex, display="block" if display else "inline"))


def _serialise(element: Element) -> str:
    """Own text of a MathML tree: the converter's leaves what students write unescaped."""
    tag = element.tag if element.tag in MATHML_TAGS else "mrow"
    text = html.unescape((element.text or "").strip() if tag != "mtext" else element.text or "")
    if tag == "mi" and (text.startswith("\\") or text == "&"):
        raise ValueError(f"{text} is not known")
    attributes = "".join(
        f' {name}="{escape(value)}"'
        for name, value in element.attrib.items()
        if name in MATHML_ATTRIBUTES and re.fullmatch(r"[\w .%+-]{1,40}", value)
    )
    # An operator's space is too wide around names, such as max or log, and around the bars of |x|.
    if tag == "mo" and "form" not in element.attrib and (text in ("|", "‖") or (len(text) > 1 and text.isalpha())):
        attributes += ' lspace="0" rspace="0"' if text in ("|", "‖") else ' lspace="0.1em" rspace="0.1em"'
    inner = escape(visible(text)) + Markup("".join(_serialise(child) for child in element))
    return f"<{tag}{attributes}>{inner}</{tag}>"


# Pages


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters["points"] = lambda value: f"{round(float(value), 2):g}"
    return environment


def page(template: str, **context: Any) -> str:
    """A whole page; every string in the context is shown as it is and escaped, only `Markup` is HTML."""
    return _encodable(_templates().get_template(template).render(policy=POLICY, **context))

"""The page a student gets: their work, the verdicts in place, nothing of the hidden tests, nothing that can harm."""

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from autograder import assignment as assignment_module
from autograder import feedback as feedback_module
from autograder.feedback import feedback_html, message_html, test_title, write_feedback
from autograder.marks import GradedError, Mark, Marks
from autograder.safe_html import POLICY
from tests.autograder import graded_class
from tests.autograder.graded_class import (
    display,
    executed,
    failed,
    fill_gradebook,
    hand_in,
    own_cell,
    picture,
    result,
    stream,
)
from tests.autograder.test_safe_html import ATTACKS, assert_harmless
from tests.browser import chromium, needs_chromium

test_title.__test__ = False  # a function about test cells, not a test


@pytest.fixture
def layers(tmp_path, monkeypatch):
    for module in (assignment_module, feedback_module):
        monkeypatch.setattr(module, "SOLUTIONS", tmp_path / "solutions")
    return graded_class.write_assignment(tmp_path / "solutions")


def read(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def text_of(tag) -> str:
    return re.sub(r"\s+", " ", tag.get_text()).strip()


def test_the_verdict_stands_in_its_task_with_points_message_and_cause(layers):
    failures = {"linear-forward": ("y for one example: expected 16, found 11.", "weight-not-transposed")}
    page = read(feedback_html(result(layers, failures), executed(layers), layers))
    verdict = page.select_one("#task-linear #test-linear-forward")
    assert "Not yet The forward pass" in text_of(verdict)
    assert text_of(verdict.select_one(".points")) == "0 / 2 points"
    assert text_of(verdict.select_one(".message")) == "y for one example: expected 16, found 11."
    assert "transpose it" in text_of(verdict.select_one(".cause"))
    assert "fail" in verdict["class"]
    passed = page.select_one("#test-linear-batch")
    assert "Passed A batch" in text_of(passed)
    assert passed.select_one(".message") is None
    assert passed.select_one(".cause") is None


def test_a_cause_that_the_message_tells_is_not_told_twice(layers):
    sentence = "Your weight is used as (in, out). Here its shape is (out, in): transpose it."
    failures = {"linear-forward": (f"y is wrong.\n{sentence}", "weight-not-transposed")}
    html = feedback_html(result(layers, failures), executed(layers), layers)
    assert html.count(sentence) == 1


def test_the_head_sums_up(layers):
    failures = {"linear-forward": ("wrong", None), "relu-test": ("wrong", None)}
    marks = Marks("Ada Lovelace", 0.5, {})
    page = read(feedback_html(result(layers, failures), executed(layers), layers, marks))
    assert text_of(page.select_one(".score-number")) == "2.5 of 10 points"
    assert "3 points are for written answers" in text_of(page.select_one(".score"))
    assert "0.5 points were taken off" in text_of(page.select_one(".score"))
    assert "Ada Lovelace" in text_of(page.select_one(".lede"))
    assert "4 March 2025" in text_of(page.select_one(".lede"))
    rows = [[text_of(cell) for cell in row.find_all("td")] for row in page.select(".tasks tbody tr")]
    assert [row[1:] for row in rows] == [["Partly", "3 / 5"], ["Not yet", "0 / 2"], ["Awaits grading", "– / 3"]]
    targets = [row["href"][1:] for row in page.select(".tasks a")]
    assert all(page.find(id=target) for target in targets)


@pytest.mark.parametrize("where", ["source", "outputs", "both"])
def test_nothing_of_a_hidden_test_a_rubric_or_the_seed_is_on_the_page(layers, where):
    """Even when the graded notebook holds the instructor's test cells and what they printed."""
    whole = layers.cells["linear-forward"].source
    leak = [stream("hidden_input = 271828\n"), failed("AssertionError", "271828", ["at 271828", "hidden_input"])]
    changes = {}
    if where in ("source", "both"):
        changes["source"] = whole
    if where in ("outputs", "both"):
        changes["outputs"] = leak
    question = {"source": layers.cells["why-question"].source} if "source" in changes else {}
    notebook = executed(layers, {"linear-forward": changes, "relu-test": changes, "why-question": question})
    html = feedback_html(result(layers, {"linear-forward": ("wrong", None)}), notebook, layers)
    for secret in (
        "271828",
        "314159",
        "hidden_input",
        "HIDDEN",
        "subgradient-rubric",
        "kink-rubric",
        "MARK SCHEME",
        "161803",
    ):
        assert secret not in html
    assert "questioning-reader" in html
    # The source does have what must not appear.
    assert "subgradient-rubric" in layers.cells["why-answer"].source
    assert "271828" in whole
    assert "assert y ==" in read(html).select_one("#test-linear-forward .code").get_text()


def test_the_students_work_is_shown_in_order_with_its_outputs(layers):
    notebook = executed(
        layers,
        {
            "linear": {
                "source": "def linear_forward(x, weight, bias):\n    return x @ weight.T + bias",
                "outputs": [stream("one "), stream("two\n"), stream("careful", "stderr"), display(image_png=picture())],
            },
            "experiment-relu": {"outputs": [display(text_plain="tensor([0., 1.])")]},
        },
    )
    own_cell(notebook, "linear_forward(1, 2, 3)", [failed("TypeError", "no float", ["\x1b[31mline 1\x1b[0m"])])
    own_cell(notebook, "I *think* so.", kind="markdown")
    page = read(feedback_html(result(layers), notebook, layers))
    linear = page.select_one("#task-linear .cell")
    assert "weight.T + bias" in linear.select_one(".code").get_text()
    outputs = linear.select(".output")
    assert [text_of(output) for output in outputs[:2]] == ["one two", "Warnings and errors (stderr)careful"]
    assert outputs[2].img["alt"]
    assert "tensor([0., 1.])" in text_of(page.select_one("#task-relu"))
    error = page.select_one("#task-why .output.error")
    assert text_of(error.p) == "TypeError: no float"
    assert error.details.pre.get_text() == "line 1"
    assert page.select("#task-why .prose em")[-1].get_text() == "think"
    order = [tag.get("id") for tag in page.select("section[id]")]
    assert order == ["task-linear", "task-relu", "task-why"]


def test_the_tasks_own_text_is_folded_and_a_changed_text_counts_as_a_note(layers):
    notebook = executed(layers)
    page = read(feedback_html(result(layers), notebook, layers))
    task = page.select_one("#task-linear details.task-text")
    assert task.find("math") is not None
    assert "Hint 1" in text_of(task)
    assert "Your note" not in text_of(page)
    changed = next(cell for cell in notebook.cells if cell.source.startswith("# Layers by hand"))
    changed.source += "\n\nI changed this."
    assert "I changed this." in text_of(read(feedback_html(result(layers), notebook, layers)).select_one(".cell"))


def test_a_written_answer_has_its_marks_and_its_comment(layers):
    notebook = executed(layers, {"why-answer": {"source": "Because $0 \\in [0, 1]$."}})
    marks = Marks("", 0.0, {"why-answer": Mark(2.0, True, "Say **which** set. <script>alert(1)</script>")})
    html = feedback_html(result(layers), notebook, layers, marks)
    written = read(html).select_one(".written")
    assert written.find("math") is not None
    assert text_of(written.select_one(".points")) == "2 / 3 points"
    assert "Part of the marks" in text_of(written)
    assert written.select_one(".comment strong").get_text() == "which"
    assert_harmless(html)
    waiting = read(feedback_html(result(layers), notebook, layers)).select_one(".written")
    assert "Awaits grading" in text_of(waiting)
    empty = read(feedback_html(result(layers), executed(layers), layers)).select_one(".written")
    assert "No answer." in text_of(empty)


def test_points_set_by_hand_replace_the_graders(layers):
    marks = Marks("", 0.0, {"linear-forward": Mark(1.5, True), "linear-batch": Mark(0.0, False)})
    page = read(feedback_html(result(layers, {"linear-forward": ("wrong", None)}), executed(layers), layers, marks))
    assert text_of(page.select_one("#test-linear-forward .points")) == "1.5 / 2 points"
    assert "by hand" in text_of(page.select_one("#test-linear-forward"))
    assert text_of(page.select_one("#test-linear-batch .points")) == "3 / 3 points"
    assert text_of(page.select_one(".score-number")) == "6.5 of 10 points"


def test_repairs_notes_and_problems_are_told(layers):
    data = result(
        layers, repairs=["The cell relu stood there twice."], notes=["A cell ran too long."], problem="No JSON."
    )
    page = read(feedback_html(data, executed(layers), layers))
    notices = " ".join(text_of(notice) for notice in page.select(".notice"))
    for sentence in ("The cell relu stood there twice.", "A cell ran too long.", "could not be gradedNo JSON."):
        assert sentence in notices


def test_a_test_that_the_notebook_lost_still_has_its_verdict(layers):
    notebook = executed(layers)
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != "linear-batch"]
    data = result(layers)
    data["tests"] = [test for test in data["tests"] if test["grade_id"] != "relu-test"]
    page = read(feedback_html(data, notebook, layers))
    assert "Passed" in text_of(page.select_one("#task-linear #test-linear-batch"))
    assert "was not run" in text_of(page.select_one("#test-relu-test"))


def test_a_cell_that_stands_there_twice_is_shown_once(layers):
    notebook = executed(layers)
    notebook.cells += [cell for cell in notebook.cells if cell.get("id") == "linear-forward"]
    assert len(read(feedback_html(result(layers), notebook, layers)).select("#test-linear-forward")) == 1


def hostile(layers, attack: str) -> str:
    """A page with the attack in every place that a student can reach."""
    outputs = [
        stream(attack),
        stream(attack, "stderr"),
        failed(attack, attack, [attack]),
        display(text_html=attack, text_plain=attack),
        display(text_markdown=attack),
        display(text_latex=attack),
        display(image_svg_xml=attack),
        display(image_png=attack, text_plain=attack),
        display(image_png=picture(), text_plain=attack),
        display(application_javascript=attack),
    ]
    notebook = executed(
        layers,
        {
            "linear": {"source": attack, "outputs": outputs},
            "why-answer": {"source": attack},
            "relu": {"outputs": outputs},
        },
    )
    own_cell(notebook, attack, outputs)
    own_cell(notebook, attack, kind="markdown")
    notebook.cells[-1].attachments = {attack: {"image/png": attack, attack: attack}}
    notebook.cells[-1].metadata = {"nbgrader": attack, "tags": [attack]}
    failures = {"linear-forward": (attack, attack), "relu-test": (attack, "weight-not-transposed")}
    data = result(layers, failures, student=attack, repairs=[attack], notes=[attack], graded_at=attack, problem=attack)
    marks = Marks(attack, 0.0, {"why-answer": Mark(1.0, True, attack)})
    return feedback_html(data, notebook, layers, marks)


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_in_every_place_come_out_harmless(layers, attack):
    html = hostile(layers, attack)
    assert_harmless(html)
    page = read(html)
    assert len(page.find_all("style")) == 1
    assert len(page.find_all("h1")) == 1
    assert len(page.select("main")) == 1
    assert {section.get("id") for section in page.select("section")} <= {"task-linear", "task-relu", "task-why", None}
    assert len(page.select(".verdict")) == 4


def test_the_page_allows_no_script_and_loads_nothing(layers):
    page = read(feedback_html(result(layers), executed(layers), layers))
    head = [tag for tag in page.head.find_all(True)]
    assert head[0].get("charset") == "utf-8"
    assert head[1]["content"] == POLICY  # before anything that it governs
    assert "script-src" not in POLICY
    assert "default-src 'none'" in POLICY
    assert page.find("meta", attrs={"name": "viewport"})["content"].startswith("width=device-width")
    assert page.html["lang"] == "en"


def test_control_characters_and_escapes_are_shown_not_obeyed(layers):
    html = hostile(layers, "a\u202eb\x1b[31mc\x07\ud800\u200bd")
    assert not re.search("[\u202e\x1b\x07\ud800\u200b]", html)
    assert "U+202E" in html
    html.encode("utf-8")


def test_floods_are_capped_with_a_note(layers):
    notebook = executed(layers, {"linear": {"outputs": [stream("line\n" * 400_000)]}})
    own_cell(notebook, "x", [display(text_plain=str(i)) for i in range(500)])
    own_cell(notebook, "y", [display(text_html="<i>x</i>" * 100_000)])
    for _ in range(1000):
        own_cell(notebook, "1 + 1")
    html = feedback_html(result(layers, {"relu-test": ("m" * 100_000, None)}), notebook, layers)
    assert len(html) < 1_000_000
    for note in ("characters left out", "460 more outputs", "or a size that cannot be shown", "more cells of your own"):
        assert note in html


def test_markup_is_rendered_up_to_a_limit_and_shown_as_text_from_there(layers, monkeypatch):
    monkeypatch.setattr("autograder.feedback.MAX_MARKUP", 10)
    notebook = executed(
        layers, {"linear": {"outputs": [display(text_html="<b>one</b>"), display(text_html="<b>two</b>")]}}
    )
    html = feedback_html(result(layers), notebook, layers)
    assert "<b>one</b>" in html
    assert "two" not in html


def test_write_feedback_uses_the_gradebook(layers, tmp_path):
    classroom = tmp_path / "class"
    hand_in(classroom, "ada", result(layers), executed(layers))
    fill_gradebook(
        classroom, layers, {"ada": {"why-answer": (1.0, "See the *lecture*.")}}, first_name="Ada", last_name="<b>L</b>"
    )
    before = (classroom / "gradebook.db").read_bytes()
    path = write_feedback(classroom, "layers", "ada")
    assert path == classroom / "feedback" / "ada" / "layers" / "layers.html"
    page = read(path.read_text(encoding="utf-8"))
    assert text_of(page.select_one(".score-number")) == "8 of 10 points"
    assert page.select_one(".comment em").get_text() == "lecture"
    assert "Ada <b>L</b>" in text_of(page.select_one(".lede"))
    assert (classroom / "gradebook.db").read_bytes() == before


def test_write_feedback_says_what_is_missing(layers, tmp_path):
    with pytest.raises(GradedError, match="grade the submission first"):
        write_feedback(tmp_path, "layers", "nobody")
    with pytest.raises(GradedError, match="not the name of a folder"):
        write_feedback(tmp_path, "layers", "../ada")
    hand_in(tmp_path, "ada", result(layers), executed(layers))
    folder: Path = tmp_path / "autograded" / "ada" / "layers"
    (folder / "result.json").write_text(json.dumps({"tests": [{"grade_id": "x"}]}))
    with pytest.raises(GradedError, match="grade the submission again"):
        write_feedback(tmp_path, "layers", "ada")
    (folder / "result.json").write_text(json.dumps(result(layers)))
    (folder / "layers.ipynb").write_text("{")
    with pytest.raises(GradedError, match="cannot be read"):
        write_feedback(tmp_path, "layers", "ada")


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_that_wcag_aa_asks_for(scheme):
    style = (Path(feedback_module.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", style.split("@media")[scheme]))
    pairs = [(text, ground) for text in ("ink", "muted", "accent") for ground in ("page", "surface")]
    pairs += [(text, "surface") for text in ("keyword", "name", "string", "number", "comment")]
    for state in ("pass", "part", "fail", "wait"):
        pairs += [
            (state, "page"),
            (state, f"{state}-soft"),
            ("ink", f"{state}-soft"),
            ("muted", f"{state}-soft"),
            ("accent", f"{state}-soft"),
        ]
    low = {pair: round(contrast(*(colours[name] for name in pair)), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.browser
@needs_chromium
def test_in_a_browser_no_attack_runs_or_loads_anything(browser, layers, tmp_path):
    path = tmp_path / "page.html"
    context = browser.new_context()
    tab = context.new_page()
    requests, dialogs = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for attack in ATTACKS:
        path.write_text(hostile(layers, attack), encoding="utf-8")
        tab.goto(path.as_uri())
        tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    context.close()
    assert dialogs == []
    assert {url.split(":")[0] for url in requests} <= {"file", "data"}


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_the_page_fits_and_is_legible(browser, layers, tmp_path, width):
    notebook = executed(layers, {"linear": {"source": "x = " + "1 + " * 100 + "1", "outputs": [stream("y" * 500)]}})
    own_cell(notebook, "$$" + "a + " * 100 + "b$$ " + "w" * 300, kind="markdown")
    path = tmp_path / "page.html"
    path.write_text(
        feedback_html(result(layers, {"linear-forward": ("z" * 400, None)}), notebook, layers), encoding="utf-8"
    )
    context = browser.new_context(viewport={"width": width, "height": 800})
    tab = context.new_page()
    tab.goto(path.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    sizes = tab.evaluate(
        "['body', '.message', '.muted', 'td'].map(s => parseFloat(getComputedStyle(document.querySelector(s)).fontSize))"
    )
    assert sizes[0] >= 16
    assert min(sizes) >= 15.9
    context.close()


def test_a_message_keeps_its_values_in_line_and_its_names_as_code():
    shown = read(str(message_html("the loss\n  expected: [1 2\n             3]\n  found:    x\nMend `relu` <first>.")))
    assert [text_of(p) for p in shown.find_all("p")] == ["the loss", "Mend relu <first>."]
    assert shown.pre.get_text() == "expected: [1 2\n           3]\nfound:    x"
    assert shown.code.get_text() == "relu"


def test_a_cause_is_told_once_per_task(layers):
    wrong = ("wrong", "weight-not-transposed")
    data = result(layers, {"linear-forward": wrong, "linear-batch": wrong})
    causes = read(feedback_html(data, executed(layers), layers)).select("#task-linear .cause")
    assert "transpose it" in text_of(causes[0])
    assert text_of(causes[1]) == "Likely cause. The same as above."


def test_code_as_long_as_trained_weights_is_folded_away(layers):
    weights = 'def linear_forward():\n    return """\n' + "AAAA\n" * 150 + '"""'
    page = read(feedback_html(result(layers), executed(layers, {"linear": {"source": weights}}), layers))
    assert text_of(page.select_one("#task-linear .cell summary")) == "Show the code"
    assert "AAAA" in page.select_one("#task-linear .cell details .code").get_text()
    assert page.select_one("#task-relu .cell details") is None

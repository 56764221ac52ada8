"""The instructor's page: right numbers, right alarms, and nothing that a student can inject."""

import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup

from autograder import assignment as assignment_module
from autograder import feedback as feedback_module
from autograder.feedback import write_feedback
from autograder.marks import GradedClass, GradedError, Mark, Marks, Submission, read_class, read_marks
from autograder.report import item_statistics, reliability, report_html, write_report
from autograder.safe_html import POLICY
from tests.autograder import graded_class
from tests.autograder.graded_class import executed, fill_gradebook, hand_in, result
from tests.autograder.test_safe_html import ATTACKS, assert_harmless
from tests.browser import chromium, needs_chromium

FORWARD = ("wrong", "weight-not-transposed")
ALL_WRONG = {name: ("wrong", None) for name in ("linear-forward", "linear-batch", "relu-test")}


@pytest.fixture
def layers(tmp_path, monkeypatch):
    for module in (assignment_module, feedback_module):
        monkeypatch.setattr(module, "SOLUTIONS", tmp_path / "solutions")
    return graded_class.write_assignment(tmp_path / "solutions")


def class_of(*submissions: Submission, **more) -> GradedClass:
    return GradedClass(list(submissions), more.get("ungraded", []), more.get("problems", []), more.get("missing", []))


def read(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def text_of(tag) -> str:
    return re.sub(r"\s+", " ", tag.get_text()).strip()


def facts(page: BeautifulSoup) -> dict[str, str]:
    return {text_of(div.dt): text_of(div.dd) for div in page.select(".facts div")}


def rows(page: BeautifulSoup, table: str) -> list[list[str]]:
    return [[text_of(cell) for cell in row.find_all(["th", "td"])] for row in page.select(f"{table} tbody tr")]


# Item analysis


def test_item_statistics_of_a_class_worked_out_by_hand():
    # Eight students; the total is 8, 6, 6, 6, 2, 2, 2, 0 and the second test is passed by the upper half.
    points = np.array(
        [[2, 4, 2], [2, 4, 0], [2, 4, 0], [2, 4, 0], [2, 0, 0], [2, 0, 0], [2, 0, 0], [0, 0, 0]], dtype=float
    )
    first, second, third = item_statistics(points, np.array([2.0, 4.0, 2.0]))
    assert first.difficulty == 7 / 8
    assert second.difficulty == 1 / 2
    rest = points[:, 0] + points[:, 2]
    expected = np.cov(points[:, 1], rest, bias=True)[0, 1] / (points[:, 1].std() * rest.std())
    assert second.correlation == pytest.approx(expected)
    # 27 % of 8 is 2, with those who tie: upper 8, 6, 6, 6; lower 0, 2, 2, 2.
    assert second.discrimination == 1.0
    assert first.discrimination == pytest.approx(1 - 3 / 4)
    # The best quarter on the other two tests of the third: the four with 6.
    assert third.top == pytest.approx(1 / 4)
    # On the other two of the second, seven of eight tie with the best quarter: there is none.
    assert second.top is None


def test_an_alarm_rings_when_the_best_fail_a_test():
    ability = np.arange(12)
    fine = (ability >= 4).astype(float)
    good = (ability >= 8).astype(float)
    points = np.stack([fine, good, fine, 1 - fine], axis=1)
    statistics = item_statistics(points, np.ones(4))
    assert [bool(item.alarm) for item in statistics] == [False, False, False, True]
    assert "best quarter" in statistics[3].alarm
    assert statistics[3].correlation < 0
    assert statistics[3].discrimination == -1


def test_a_small_or_uniform_class_has_no_statistics_but_difficulty():
    small = item_statistics(np.array([[1.0, 0.0], [0.0, 1.0]]), np.ones(2))
    same = item_statistics(np.ones((20, 3)), np.ones(3))
    for item in [*small, *same]:
        assert (item.correlation, item.discrimination, item.top, item.alarm) == (None, None, None, "")
    assert [item.difficulty for item in small] == [0.5, 0.5]


def test_reliability_is_one_for_equal_tests_and_about_zero_for_independent_ones():
    rng = np.random.default_rng(0)
    one = rng.integers(0, 2, size=(400, 1)).astype(float)
    assert reliability(np.repeat(one, 5, axis=1)) == pytest.approx(1.0)
    assert abs(reliability(rng.integers(0, 2, size=(4000, 5)).astype(float))) < 0.1
    assert reliability(np.ones((20, 3))) is None


# The page


def test_a_task_that_only_fails_with_an_earlier_one_did_not_go_worst(layers):
    led_astray, wrong = result(layers, ALL_WRONG), result(layers, ALL_WRONG)
    for test in led_astray["tests"]:
        if test["grade_id"] == "relu-test":
            test["rests_on"] = ["linear"]
    own = result(layers, {"relu-test": ("wrong", None)})
    right_first = [Submission(name, own) for name in "cd"]
    page = read(report_html(class_of(Submission("a", led_astray), Submission("b", wrong), *right_first), layers))
    # Nobody passes task 2, but one of the four has to mend task 1 first.
    assert [text_of(note) for note in page.select(".resting")] == ["1 student must mend task 1 first"]
    assert "task 2 went worst: 0 % passed all tests" in text_of(page)
    led = [Submission(name, led_astray) for name in "abc"]
    page = read(report_html(class_of(*led, Submission("d", own)), layers))
    assert text_of(page.select_one(".resting")) == "3 students must mend task 1 first"
    assert "task 1 went worst, apart from what earlier tasks caused: 25 % passed all tests" in text_of(page)


def test_the_numbers_of_a_class(layers):
    submissions = [
        Submission("a", result(layers, seconds=1.0)),
        Submission("b", result(layers, {"linear-forward": FORWARD}, seconds=2.0)),
        Submission(
            "c", result(layers, {"linear-forward": FORWARD, "relu-test": ("wrong", "relu-absolute-value")}, seconds=9.0)
        ),
        Submission("d", result(layers, ALL_WRONG, seconds=3.0)),
    ]
    page = read(report_html(class_of(*submissions), layers))
    # 7 points in tests: 7, 5, 3, 0.
    assert facts(page) == {
        "submissions": "4",
        "median score": "57 %",
        "mean score": "54 %",
        "with full marks": "1",
        "without a point": "1",
        "median time to grade one": "2.5 s",
    }
    assert "count the tests only (7 points)" in text_of(page)
    counts = [text_of(column) for column in page.select(".column .count")]
    assert counts == ["1", "", "", "", "1", "", "", "1", "", "1"]
    assert "70 to 79: 1" in page.select_one(".histogram")["aria-label"]
    heights = [column["style"] for column in page.select(".column .block")]
    assert heights[0] == "height: 100.0%"
    assert heights[1] == "height: 0.0%"
    tasks = rows(page, ".rates:not(.tests)")
    assert [row[2:] for row in tasks[:2]] == [["25 %", "50 %", "25 %"], ["50 %", "0 %", "50 %"]]
    assert "task 1 went worst: 25 % passed all tests" in text_of(page)
    assert not page.select(".resting")
    tests = rows(page, ".tests")
    assert [(row[0], row[1], row[3]) for row in tests] == [
        ("1", "The forward pass", "25 %"),
        ("1", "A batch", "75 %"),
        ("2", "Negative inputs", "50 %"),
    ]
    assert "To look at" in text_of(page)
    assert "4 written answers of 4 students wait" in text_of(page)


def test_misconceptions_come_with_sentence_count_and_students(layers):
    submissions = [
        Submission("a", result(layers, {"linear-forward": FORWARD, "linear-batch": FORWARD})),
        Submission("b", result(layers, {"linear-forward": FORWARD, "relu-test": ("wrong", "relu-absolute-value")})),
        Submission("c", result(layers, {"relu-test": ("wrong", "gone-from-the-list")})),
    ]
    page = read(report_html(class_of(*submissions), layers))
    items = [text_of(item) for item in page.select(".misconceptions > li")]
    assert items[0].startswith("2 Your weight is used as (in, out).")  # a student counts once
    assert "weight-not-transposed · task 1 a, b" in items[0]
    assert [item[0] for item in items] == ["2", "1", "1"]
    assert "not in the assignment's list" in items[1]
    links = page.select(".students .names a, .misconceptions p a")
    assert links
    assert all(page.find(id=link["href"][1:]) for link in links)


def test_students_have_points_per_task_repairs_notes_and_a_link(layers):
    data = result(layers, {"linear-forward": FORWARD}, repairs=["Put back."], notes=["Too long.", "Stopped."])
    marks = Marks("Ada Lovelace", 0.0, {"why-answer": Mark(2.0, True)})
    graded = class_of(Submission("ada", data, marks), Submission("bob", result(layers)))
    page = read(report_html(graded, layers, {"ada": "../feedback/ada/layers/layers.html", "bob": None}))
    ada, bob = page.select(".students tbody tr")
    assert ada.th.a["href"] == "../feedback/ada/layers/layers.html"
    assert text_of(ada.th) == "Ada Lovelace"
    assert bob.th.a is None
    assert [text_of(mark) for mark in ada.select(".mark")] == ["Partly, 3", "Passed, 2", "Partly, 2"]
    assert [text_of(mark) for mark in bob.select(".mark")] == ["Passed, 5", "Passed, 2", "Awaits grading, –"]
    assert "1 repair, 2 notes" in text_of(ada)
    assert "Stopped." in text_of(ada)


def test_when_all_is_graded_scores_count_everything(layers):
    marks = Marks("", 1.0, {"why-answer": Mark(2.0, True)})
    page = read(report_html(class_of(Submission("a", result(layers), marks)), layers))
    assert facts(page)["median score"] == "80 %"
    assert "tests only" not in text_of(page)
    assert "everyone passed all tests" in text_of(page)
    assert rows(page, "main > section .rates")[-1][1:] == ["1", "0", "2.0 / 3"]


def test_the_sandbox_level_is_told_and_an_unsafe_run_is_an_alarm(layers):
    levels = ["full", "full", "landlock", "unsafe"]
    graded = class_of(*(Submission(f"s{i}", result(layers, level=level)) for i, level in enumerate(levels)))
    page = read(report_html(graded, layers))
    assert "2 of 4 at level full" in text_of(page.footer)
    assert "1 of 4 at level landlock" in text_of(page.footer)
    assert "1 submission ran without a sandbox" in text_of(page.select_one(".notice"))


def test_what_needs_attention_is_listed(layers):
    stale = result(layers)
    stale["tests"] = stale["tests"][:1]
    other_points = result(layers)
    other_points["tests"][0]["max_points"] += 1
    broken = result(layers, ALL_WRONG, problem="The file is no notebook.")
    graded = class_of(
        Submission("old", stale),
        Submission("other", other_points),
        Submission("bad", broken),
        ungraded=["late"],
        problems=["The gradebook cannot be read."],
        missing=["may", "eli"],
    )
    notice = text_of(read(report_html(graded, layers)).select_one(".notice"))
    for sentence in (
        "tests have changed since old, other were graded",
        "bad could not be graded: The file is no notebook.",
        "Handed in but not graded: late.",
        "On the list of students, but without work: may, eli.",
        "The gradebook cannot be read.",
    ):
        assert sentence in notice


def test_a_broken_test_is_named_in_the_list_and_marked_in_the_table(layers):
    good = [Submission(f"g{i}", result(layers, {"relu-test": ("wrong", None)})) for i in range(6)]
    weak = [Submission(f"w{i}", result(layers, {"linear-forward": FORWARD, "linear-batch": FORWARD})) for i in range(6)]
    page = read(report_html(class_of(*good, *weak), layers))
    link = page.select_one(".notice a")
    assert text_of(link) == "Negative inputs"
    assert "alarmed" in page.find(id=link["href"][1:])["class"]


@pytest.mark.parametrize("attack", [*ATTACKS, "a\u202eb\ud800\x1b[31m", "{{ 7 * 7 }}", "../../x", "&#x202E;"])
def test_what_students_control_comes_out_harmless(layers, attack):
    failures = {"linear-forward": (attack, attack), "relu-test": (attack, None)}
    data = result(layers, failures, repairs=[attack], notes=[attack], level=attack, graded_at=attack, problem=attack)
    graded = class_of(Submission(attack, data, Marks(attack, 0.0, {})), ungraded=[attack], problems=[attack])
    html = report_html(graded, layers)
    assert_harmless(html)
    page = read(html)
    assert len(page.find_all("h1")) == 1
    assert not re.search("[\u202e\x1b\ud800]", html)
    assert "49" not in text_of(page.select_one(".students")) or "49" in attack
    assert page.find_all("meta")[1]["content"] == POLICY


# Files


def test_write_report_of_a_class_on_disk(layers, tmp_path):
    classroom = tmp_path / "class"
    hand_in(classroom, "ada", result(layers), executed(layers))
    hand_in(classroom, "bob smith", result(layers, ALL_WRONG), executed(layers))
    hand_in(classroom, "eve", result(layers), executed(layers))
    (classroom / "autograded" / "eve" / "layers" / "result.json").write_text("{", encoding="utf-8")
    (classroom / "submitted" / "zoe" / "layers").mkdir(parents=True)
    fill_gradebook(classroom, layers, {"ada": {"why-answer": (3.0, None)}, "bob smith": {"why-answer": (0.0, None)}})
    write_feedback(classroom, "layers", "bob smith")
    path = write_report(classroom, "layers")
    page = read(path.read_text(encoding="utf-8"))
    assert path == classroom / "reports" / "layers.html"
    assert facts(page)["submissions"] == "2"
    assert facts(page)["median score"] == "50 %"
    notice = text_of(page.select_one(".notice"))
    assert "eve" in notice
    assert "zoe" in notice
    ada, bob = page.select(".students tbody tr")
    assert ada.th.a is None
    assert (path.parent / bob.th.a["href"].replace("%20", " ")).resolve().is_file()


def test_a_corrupt_gradebook_costs_the_manual_marks_only(layers, tmp_path):
    hand_in(tmp_path, "ada", result(layers), executed(layers))
    (tmp_path / "gradebook.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(GradedError, match="gradebook"):
        read_marks(tmp_path, "layers")
    page = read(write_report(tmp_path, "layers").read_text(encoding="utf-8"))
    assert "gradebook" in text_of(page.select_one(".notice"))
    assert facts(page)["submissions"] == "1"
    assert (tmp_path / "gradebook.db").read_bytes() == b"this is no database" * 100


def test_nothing_to_report_is_one_sentence(layers, tmp_path):
    with pytest.raises(GradedError, match="no classroom folder"):
        write_report(tmp_path / "nowhere", "layers")
    with pytest.raises(GradedError, match="no graded submission of layers"):
        write_report(tmp_path, "layers")
    with pytest.raises(GradedError, match="not the name of a folder"):
        write_report(tmp_path, "../layers")


def test_results_that_are_not_results_are_told_and_skipped(layers, tmp_path):
    for i, text in enumerate(["[]", "null", '{"tests": 3}', '{"tests": [1]}', '{"tests": [{}]}', "\ufeff{}", ""]):
        folder = tmp_path / "autograded" / f"s{i}" / "layers"
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(text, encoding="utf-8")
    hand_in(tmp_path, "ada", result(layers), executed(layers))
    graded = read_class(tmp_path, "layers")
    assert [submission.student for submission in graded.submissions] == ["ada"]
    assert len(graded.problems) == 7


def test_marks_are_read_from_nbgraders_gradebook(layers, tmp_path):
    given = {"why-answer": (2.5, "Good."), "linear-forward": (1.0, None)}
    fill_gradebook(tmp_path, layers, {"ada": given, "bob": {}}, first_name="Ada", last_name="Lovelace")
    marks = read_marks(tmp_path, "layers")
    assert marks["ada"].name == "Ada Lovelace"
    assert marks["ada"].cells["why-answer"] == Mark(2.5, True, "Good.")
    assert marks["ada"].cells["linear-forward"].points == 1.0
    assert marks["ada"].cells["linear-batch"] == Mark(3.0, False, "")
    assert marks["bob"].cells["why-answer"] == Mark(None, False, "")
    assert read_marks(tmp_path, "other")["bob"].cells == {}


def test_who_is_in_the_gradebook_and_handed_in_nothing_is_missing(layers, tmp_path):
    fill_gradebook(tmp_path, layers, {name: {} for name in ("ada", "bob", "cy")}, first_name="No", last_name="One")
    hand_in(tmp_path, "ada", result(layers), executed(layers))
    (tmp_path / "submitted" / "bob" / "layers").mkdir(parents=True)
    graded = read_class(tmp_path, "layers")
    assert (graded.ungraded, graded.missing) == (["bob"], ["No One"])


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_the_report_fits_its_window(layers, tmp_path, width):
    names = ["a" * 120, "Ada Lovelace", "x y " * 30]
    graded = class_of(
        *(
            Submission(name, json.loads(json.dumps(result(layers, {"linear-forward": ("w", "weight-not-transposed")}))))
            for name in names
        )
    )
    path = tmp_path / "report.html"
    path.write_text(report_html(graded, layers), encoding="utf-8")
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        sizes = tab.evaluate(
            "['body', '.muted', 'td'].map(s => parseFloat(getComputedStyle(document.querySelector(s)).fontSize))"
        )
        assert min(sizes) >= 15.9
        # The tallest bar of the histogram is really drawn.
        assert tab.evaluate("Math.max(...[...document.querySelectorAll('.block')].map(b => b.offsetHeight))") > 80

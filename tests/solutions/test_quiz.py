"""The quiz: drawn per student, full marks for right answers only, nothing in the release that tells them.

`test_gate` has it too, with the rules that concern questions; misconceptions are the wrong options here.
"""

from __future__ import annotations

import random
from collections import Counter
from types import ModuleType

import pytest
from rich.console import Console

from autograder import gate
from autograder.assignment import Assignment, load_assignment
from autograder.build import release_notebook
from autograder.gate import Trial, Trials

TOPICS = ("gradients", "optimizers", "signals", "generalization")


@pytest.fixture(scope="module")
def quiz() -> Assignment:
    return load_assignment("quiz")


@pytest.fixture(scope="module")
def notebook(quiz: Assignment) -> ModuleType:
    return quiz.load_reference()


@pytest.fixture(scope="module")
def right(quiz: Assignment) -> dict[str, dict[str, str]]:
    """By topic, the text of the right option of each question, as the hidden tests have it."""
    keys = {}
    for task in quiz.tasks[1:]:
        (cell,) = task.test_cells
        names: dict = {}
        exec(cell.source[cell.source.index("right = {") : cell.source.index("points =")], names)
        keys[task.name] = names["right"]
    return keys


def answers(notebook: ModuleType, right: dict, student: str, topic: str) -> str:
    """The right letters of a student."""
    return "".join("ABCD"[options.index(right[topic][name])] for name, _, options in notebook.draw(student, topic))


def test_the_bank(notebook: ModuleType, right: dict) -> None:
    assert tuple(notebook.QUESTIONS) == TOPICS
    places: Counter[int] = Counter()
    for topic, questions in notebook.QUESTIONS.items():
        assert len(questions) >= 6
        assert right[topic].keys() == questions.keys()
        for name, (text, options) in questions.items():
            assert len(text) > 20
            assert len(set(options)) == len(options) == 4
            places[options.index(right[topic][name])] += 1
    assert min(places.values()) >= 5, "where the right option stands in the bank tells nothing"


def test_draws_differ_between_students_and_stay(notebook: ModuleType, right: dict) -> None:
    for topic in TOPICS:
        assert notebook.draw("S123 ", topic) == notebook.draw("s123", topic)
        draws = [notebook.draw(f"s{i}", topic) for i in range(200)]
        assert len({tuple(name for name, _, _ in draw) for draw in draws}) > 100
        seen = Counter(name for draw in draws for name, _, _ in draw)
        assert set(seen) == set(notebook.QUESTIONS[topic])
        letters = Counter("".join(answers(notebook, right, f"s{i}", topic) for i in range(200)))
        assert set(letters) == set("ABCD")
        assert max(letters.values()) < 200, "no letter is worth guessing"
        assert all(
            set(options) == set(notebook.QUESTIONS[topic][name][1]) for draw in draws for name, _, options in draw
        )


def test_every_wrong_option_costs_one_point(notebook: ModuleType, right: dict) -> None:
    tried = set()
    for topic in TOPICS:
        for i in range(40):
            questions, best = notebook.draw(f"s{i}", topic), answers(notebook, right, f"s{i}", topic)
            assert notebook.marks(best, questions, right[topic]) == 3
            for position in range(3):
                for letter in set("ABCD") - {best[position]}:
                    given = best[:position] + letter + best[position + 1 :]
                    assert notebook.marks(given, questions, right[topic]) == 2
                    tried.add((topic, questions[position][2]["ABCD".index(letter)]))
    assert len(tried) == sum(3 * len(questions) for questions in notebook.QUESTIONS.values())


def test_what_is_read_as_letters(notebook: ModuleType) -> None:
    for answer in ("BAD", "b, a, d", ["B", "a", "D"], ("B", "A", "D"), "1. B\n2. A\n3. D"):
        assert notebook.read_letters(answer) == ["B", "A", "D"]


def test_the_release_shows_questions_and_no_answer(quiz: Assignment, right: dict) -> None:
    assert gate.nothing_left(quiz).problems == []
    cells = {cell.id: cell.source for cell in release_notebook(quiz).cells}
    assert "QUESTIONS" in cells["bank"]
    rest = "\n".join(source for name, source in cells.items() if name != "bank")
    for key in right.values():
        assert not [text for text in key.values() if text in rest]


@pytest.fixture(scope="module")
def trials():
    with Trials(Console(quiet=True), workers=1) as trials:
        yield trials


@pytest.mark.slow
def test_the_judge_counts_what_is_right_and_does_not_say_which(
    quiz: Assignment, notebook: ModuleType, right: dict, trials: Trials
) -> None:
    draw = random.Random(1)
    cases = []
    for student in ("s1", "s2", "s3"):
        solutions, expected = {"student-id": f"def student_id():\n    return {student!r}"}, []
        for topic in TOPICS:
            letters = list(answers(notebook, right, student, topic))
            wrong = draw.sample(range(3), draw.randint(0, 3))
            for position in wrong:
                letters[position] = draw.choice(sorted(set("ABCD") - {letters[position]}))
            solutions[topic] = f"def {topic}():\n    return {''.join(letters)!r}"
            expected.append(3 - len(wrong))
        cases.append((Trial("quiz", solutions), expected))
    runs = trials.run([trial for trial, _ in cases], "quiz")
    for tests, (_, expected) in zip(runs, cases, strict=True):
        assert [test.points for test in tests[1:]] == expected
        assert [test.message for test in tests[1:]] == ["" if n == 3 else f"{n} of 3 points." for n in expected]

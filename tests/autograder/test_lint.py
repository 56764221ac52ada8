"""The lint: a good assignment has nothing to say, each broken rule is named with its cell and line."""

import pytest

from autograder.lint import lint
from tests.autograder.tiny import tiny

HIDDEN = "### BEGIN HIDDEN TESTS\n"


def edited(tmp_path, find: str, put: str):
    assignment = tiny(tmp_path)
    cell = next(cell for cell in assignment.notebook.cells if find in cell.source)
    assert cell.source.count(find) == 1
    cell.source = cell.source.replace(find, put)
    return assignment


def test_a_good_assignment_has_no_problems(tmp_path):
    assert lint(tiny(tmp_path)) == []


@pytest.mark.parametrize(
    ("find", "put", "cell", "words"),
    [
        ("    return b.add(1)\n", "    assert b\n    return b.add(1)\n", "counter-test", "checks something"),
        ("    return b.add(1)\n", "    check_true(True, 'b')\n    return 1\n", "counter-test", "checks something"),
        ("def separate():\n", "def separate():\n    torch.randn(2, generator=case_generator())\n", "counter-test", "checks"),
        ("    return b.add(1)\n", "    return b.add(earned)\n", "counter-test", "uses `earned`"),
        ("    return b.add(1)\n", "    return count([1])[0]\n", "counter-test", "uses `count`"),
        ("def separate():\n", "def separate(k=earned):\n", "counter-test", "uses `earned`"),
        ("earned = 2\n", "earned = 2\ncounter = Counter()\n", "counter-test", "`Counter` is a class"),
        ("quadruple(1.0)", "quadruple(lambda: 1)", "quadruple-test", "`quadruple` is given a function"),
        ("quadruple(1.0)", "quadruple(double)", "quadruple-test", "`quadruple` is given a function"),
        ("quadruple(1.0)", "quadruple(torch.sin)", "quadruple-test", "cannot travel"),
        ("quadruple(1.0)", "quadruple.__call__(1.0)", "quadruple-test", "only there in a probe"),
        (HIDDEN + "generator = case_generator()\nx", HIDDEN + "print('x')\nx", "double-test", "`print` in a hidden part"),
        ("check_close(double(x), x + x, \"twice a matrix\", causes={\"A square is not twice.\": x * x})", "double(x)", "double-test", "checks nothing"),
        ('passed_visible("noise")\n', "", "noise-test", "does not end with `passed_visible"),
        ("    earned += 1\n### END HIDDEN TESTS\nearned", "    earned += 1\n### END HIDDEN TESTS\ncount([4])", "counter-test", "ends with what `count`"),
        ("w, g = ", "eval('1')\nw, g = ", "step-test", "uses `eval`"),
        ("w, g = ", "import os\nw, g = ", "step-test", "uses `os`"),
        ("w, g = ", "earned\nw, g = ", "step-test", "`earned` is defined neither"),
        ('"twice a matrix"', 'f"twice {x}"', "double-test", "depends on the seed"),
        ('"twice a matrix"', '""', "double-test", "does not say what it checks"),
        ('"A square is not twice."', 'f"It is {x[0, 0]}"', "double-test", "depends on the seed"),
        ("double(x), x + x", "double(x), x * x", "double-test", "reference solution does not pass"),
        ("y = quadruple(x)", "y = quadruple(x)\n    try:\n        y\n    except:\n        pass", "quadruple-test", "catches"),
        ("if separate() == 1:\n", "if True:\n    ### BEGIN HIDDEN TESTS\n    ### END HIDDEN TESTS\n", "counter-test", "within a st"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named(tmp_path, find, put, cell, words):
    problems = lint(edited(tmp_path, find, put))
    assert any(problem.startswith(cell) and words in problem for problem in problems), problems


def test_a_name_of_an_experiment_is_refused(tmp_path):
    assignment = edited(tmp_path, "w, g = ", "curve\nw, g = ")
    experiment = assignment.notebook.cells[-1]
    experiment.source = "curve = 3"
    assert any("`curve` comes from an experiment" in problem for problem in lint(assignment))

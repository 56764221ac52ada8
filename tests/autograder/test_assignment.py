"""What an assignment's source says about it: tasks, points, cells, the reference solution."""

import pytest

from autograder.assignment import (
    HIDDEN_BEGIN,
    HIDDEN_END,
    AssignmentError,
    Budget,
    assignment_names,
    kind,
    load_assignment,
    read_assignment,
    without_regions,
)
from tests.autograder.conftest import SOURCE


def test_tasks_carry_titles_points_and_functions(small):
    double, why = small.tasks
    assert (double.title, double.points, double.functions) == ("Task 1. Twice", 2, ["double", "Box"])
    assert (why.points, why.functions) == (3, [])
    assert [kind(cell) for cell in why.cells] == ["free", "written"]
    assert small.max_score == 5
    assert small.budget == Budget(cell_seconds=3)


def test_task_of_a_cell_a_function_and_a_method(small):
    assert small.task_of("double-test").name == small.task_of("Box.put").name == "double"
    with pytest.raises(AssignmentError, match="no task has a cell or a function named 'triple'"):
        small.task_of("triple")


def test_reference_is_definitions_only(small, capsys):
    reference = small.load_reference()
    assert reference.double(4) == 8
    assert capsys.readouterr().out == ""


def test_cell_ids_stay_when_another_cell_changes(small, tmp_path):
    (tmp_path / "small.py").write_text(SOURCE.replace("Twice x.", "2x."), encoding="utf-8")
    changed = read_assignment(tmp_path / "small.py")
    assert [cell.id for cell in changed.notebook.cells] == [cell.id for cell in small.notebook.cells]


def test_a_draft_is_offered_only_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.assignment.SOLUTIONS", tmp_path)
    for name, text in {
        "small": SOURCE,
        "later": SOURCE.replace("#     title", "#     draft: true\n#     title"),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text(text, encoding="utf-8")
    assert assignment_names() == ["small"]
    assert assignment_names(drafts=True) == ["later", "small"]
    assert load_assignment("later").title == "A small one"


def test_unknown_assignment_is_named_with_the_known_ones():
    with pytest.raises(AssignmentError, match=r"no assignment 'backporp'; the assignments are: .*backprop"):
        load_assignment("backporp")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"grade_id": "why"', '"grade_id": "double"', "grade_id used twice: double"),
        ("### END HIDDEN TESTS\n", "", "'double-test' has '### BEGIN HIDDEN TESTS' without '### END HIDDEN TESTS'"),
        (
            "    return SCALE * x\n    ### END SOLUTION",
            "    return SCALE * x",
            "'double' has '### BEGIN SOLUTION' without",
        ),
        ("return SCALE * x", "return SCALE * * x", "line 4 of cell 'double' is not Python: invalid syntax"),
        ("cell_seconds: 3", "cell_second: 3", "a budget has cell_seconds, .*; found cell_second"),
        (
            '"minutes": 5, "difficulty": 1}\n# ## Task 2',
            '"minutes": 5}\n# ## Task 2',
            'found {"name": "why", "minutes": 5}',
        ),
        ("# ## Task 2. Why", "# Why", "task .*why.* has no heading"),
        (
            '# %% [markdown] task={"name": "double", "minutes": 5, "difficulty": 1}',
            "# %% [markdown]",
            "before the first",
        ),
    ],
)
def test_a_broken_source_is_told_in_one_sentence(tmp_path, old, new, message):
    assert SOURCE.count(old) >= 1
    (tmp_path / "small.py").write_text(SOURCE.replace(old, new), encoding="utf-8")
    with pytest.raises(AssignmentError, match=message):
        read_assignment(tmp_path / "small.py").tasks  # noqa: B018


def test_every_hidden_region_of_a_cell_is_cut():
    source = "a\n### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS\nc\n    ### BEGIN HIDDEN TESTS\n    d\n"
    assert without_regions(source, HIDDEN_BEGIN, HIDDEN_END) == "a\nc"

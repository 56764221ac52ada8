"""Whatever is handed in becomes a notebook that can be graded, and a student's work is never lost on the way."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.assignment import Assignment, grade_id, kind, read_assignment
from autograder.build import release_notebook
from autograder.repair import MAX_CELLS, MAX_EXTRA_CELLS, repair
from tests.autograder.mini import ADD, RIGHT, SOURCE, SUBTRACT, mini_assignment, submission, to_bytes

GRADED = ["sums", "sums-add", "sums-subtract", "squares", "squares-test", "words-answer"]


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    path = tmp_path_factory.mktemp("mini") / "mini.py"
    path.write_text(SOURCE, encoding="utf-8")
    return read_assignment(path)


def cell_of(notebook: Any, name: str) -> Any:
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


def sources(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells]


def graded_ids(notebook: Any) -> list[str]:
    return [str(grade_id(cell)) for cell in notebook.cells if kind(cell) in ("solution", "test", "written")]


def assert_sound(repaired: Any, assignment: Assignment) -> None:
    """What holds for every submission: a valid notebook with the assignment's graded cells, in its order."""
    nbformat.validate(repaired.notebook)
    assert graded_ids(repaired.notebook) == GRADED
    released = {grade_id(cell): cell for cell in release_notebook(assignment).cells}
    for cell in repaired.notebook.cells:
        if grade_id(cell):
            assert cell.metadata == released[grade_id(cell)].metadata
        if kind(cell) in ("test", "locked"):
            assert cell.source == released[grade_id(cell)].source
    ids = [cell.id for cell in repaired.notebook.cells]
    assert len(ids) == len(set(ids))
    assert all(isinstance(sentence, str) and sentence.endswith(".") for sentence in repaired.repairs)
    nbformat.writes(repaired.notebook).encode()


def test_a_sound_submission_is_left_as_it_is(mini):
    given_notebook = submission(mini, RIGHT)
    repaired = repair(to_bytes(given_notebook), mini)
    assert repaired.repairs == []
    assert repaired.readable
    assert nbformat.writes(repaired.notebook) == nbformat.writes(given_notebook)


def test_repairing_twice_changes_nothing_more(mini):
    notebook = submission(mini, RIGHT)
    notebook.cells.insert(3, nbformat.v4.new_code_cell("helper = 1", id="helper"))
    del notebook.cells[5]
    once = repair(to_bytes(notebook), mini)
    twice = repair(to_bytes(once.notebook), mini)
    assert once.repairs
    assert twice.repairs == []
    assert nbformat.writes(twice.notebook) == nbformat.writes(once.notebook)


def test_missing_cells_are_put_back(mini):
    notebook = submission(mini, RIGHT)
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) not in ("sums-add", "squares")]
    repaired = repair(to_bytes(notebook), mini)
    assert_sound(repaired, mini)
    assert "not written yet" in cell_of(repaired.notebook, "squares").source
    assert cell_of(repaired.notebook, "sums").source == RIGHT["sums"]
    assert repaired.repairs == [
        "The cells “sums-add” and “squares” were missing; they were put back as they were released."
    ]


class TestCopies:
    def copied(self, mini: Assignment, *texts: str, name: str = "sums") -> Any:
        notebook = submission(mini, RIGHT)
        place = next(i for i, cell in enumerate(notebook.cells) if grade_id(cell) == name)
        copies = []
        for number, text in enumerate(texts):
            one = copy.deepcopy(notebook.cells[place])
            one.source, one.id = text, f"copy-{number}"
            copies.append(one)
        notebook.cells[place : place + 1] = copies
        return repair(to_bytes(notebook), mini)

    def test_the_copy_that_was_worked_on_counts_wherever_it_stands(self, mini):
        stub = cell_of(release_notebook(mini), "sums").source
        for texts in [(stub, RIGHT["sums"]), (RIGHT["sums"], stub), (stub, RIGHT["sums"], stub)]:
            repaired = self.copied(mini, *texts)
            assert_sound(repaired, mini)
            assert cell_of(repaired.notebook, "sums").source == RIGHT["sums"]
            assert not any("not written yet" in source for source in sources(repaired.notebook))
            assert len(repaired.repairs) == 1
            assert "worked on" in repaired.repairs[0]

    def test_of_two_versions_the_last_complete_one_counts_and_the_other_is_shown_but_not_run(self, mini):
        first, half = RIGHT["sums"].replace("a + b", "b + a"), ADD
        repaired = self.copied(mini, first, RIGHT["sums"], half)
        assert_sound(repaired, mini)
        assert cell_of(repaired.notebook, "sums").source == RIGHT["sums"]
        asides = [cell for cell in repaired.notebook.cells if "was not graded" in cell.source]
        assert [cell.cell_type for cell in asides] == ["markdown", "markdown"]
        assert "b + a" in asides[0].source

    def test_a_split_cell_is_joined(self, mini):
        repaired = self.copied(mini, ADD, SUBTRACT)
        assert cell_of(repaired.notebook, "sums").source == f"{ADD}\n\n{SUBTRACT}"
        assert repaired.repairs == ["The cell “sums” had been split; its parts were joined."]

    def test_a_function_split_in_the_middle_is_joined(self, mini):
        head, tail = RIGHT["sums"].split("    return a - b")
        repaired = self.copied(mini, head, "    return a - b" + tail)
        namespace: dict[str, Any] = {}
        exec(cell_of(repaired.notebook, "sums").source, namespace)
        assert namespace["subtract"](5, 3) == 2

    def test_no_part_of_a_written_answer_is_lost(self, mini):
        repaired = self.copied(mini, "First half.", "YOUR ANSWER HERE", "Second half.", name="words-answer")
        assert cell_of(repaired.notebook, "words-answer").source == "First half.\n\nSecond half."

    def test_a_copied_test_does_not_count_but_a_student_may_play_with_it(self, mini):
        released = cell_of(release_notebook(mini), "sums-add").source
        repaired = self.copied(mini, released, "print(add(1, 1))", name="sums-add")
        assert_sound(repaired, mini)
        assert "print(add(1, 1))" in sources(repaired.notebook)
        repaired = self.copied(mini, released, released, name="sums-add")
        assert sources(repaired.notebook).count(released) == 1


class TestLostMetadata:
    def stripped(self, mini: Assignment, *, ids: bool, answers: dict[str, str] = RIGHT) -> Any:
        notebook = submission(mini, answers)
        for cell in notebook.cells:
            cell.metadata = nbformat.from_dict({})
            if not ids:
                del cell["id"]
        if not ids:
            notebook.nbformat_minor = 4
        return notebook

    @pytest.mark.parametrize("ids", [True, False])
    def test_cells_are_recognised(self, mini, ids):
        repaired = repair(to_bytes(self.stripped(mini, ids=ids)), mini)
        assert_sound(repaired, mini)
        assert sources(repaired.notebook) == sources(submission(mini, RIGHT))
        assert len(repaired.repairs) == 1
        assert "had lost their grading information" in repaired.repairs[0]

    def test_a_solution_is_known_by_its_functions_though_it_does_not_parse(self, mini):
        broken = RIGHT | {"sums": RIGHT["sums"] + "\n)\n%timeit add(1, 2)"}
        repaired = repair(to_bytes(self.stripped(mini, ids=False, answers=broken)), mini)
        assert cell_of(repaired.notebook, "sums").source == broken["sums"]

    def test_functions_written_into_one_cell_of_an_own_notebook_count(self, mini):
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell("import math"), nbformat.v4.new_code_cell(RIGHT["sums"])]
        repaired = repair(to_bytes(notebook), mini)
        assert_sound(repaired, mini)
        assert cell_of(repaired.notebook, "sums").source == RIGHT["sums"]


def test_another_schema_version_is_replaced(mini):
    notebook = submission(mini, RIGHT)
    for cell in notebook.cells:
        if grade_id(cell):
            cell.metadata.nbgrader["schema_version"] = 99
    repaired = repair(to_bytes(notebook), mini)
    assert_sound(repaired, mini)
    assert len(repaired.repairs) == 1
    assert "another version of nbgrader" in repaired.repairs[0]


def test_points_flags_and_tests_that_were_tampered_with_are_restored_and_told(mini):
    notebook = submission(mini, RIGHT)
    cell_of(notebook, "sums-add").source = "pass"
    cell_of(notebook, "sums-add").metadata.nbgrader["points"] = 10**400
    cell_of(notebook, "squares-test").metadata.nbgrader["grade"] = False
    cell_of(notebook, "setup").source = "import os"
    repaired = repair(to_bytes(notebook), mini)
    assert_sound(repaired, mini)
    assert repaired.repairs == [
        "The locked cell “setup” differed from the assignment; it was restored.",
        "The points of the cell “sums-add” differed from the assignment; they were put back.",
        "The test cell “sums-add” differed from the assignment; it was restored.",
        "The grading information of the cell “squares-test” differed from the assignment; it was put back.",
    ]


def test_outputs_of_a_test_cell_are_not_taken_over(mini):
    """nbgrader reads marks from them."""
    notebook = submission(mini, RIGHT)
    forged = nbformat.v4.new_output("execute_result", data={"text/plain": "3"}, execution_count=1)
    cell_of(notebook, "sums-add").outputs = [forged]
    repaired = repair(to_bytes(notebook), mini)
    assert cell_of(repaired.notebook, "sums-add").outputs == []


def test_a_cell_of_another_type_is_turned_back(mini):
    notebook = json.loads(to_bytes(submission(mini, RIGHT)))
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name == "squares":
            cell["cell_type"] = "markdown"
            del cell["outputs"], cell["execution_count"]
        if name == "words-answer":
            cell.update(cell_type="code", outputs=[], execution_count=None)
    repaired = repair(json.dumps(notebook).encode(), mini)
    assert_sound(repaired, mini)
    assert cell_of(repaired.notebook, "squares").source == RIGHT["squares"]
    assert cell_of(repaired.notebook, "words-answer").source == RIGHT["words-answer"]
    assert repaired.repairs == [
        "The code cell “squares” had been turned into a markdown cell; it was turned back.",
        "The markdown cell “words-answer” had been turned into a code cell; it was turned back.",
    ]


def test_cells_that_were_moved_are_put_back_in_order(mini):
    notebook = submission(mini, RIGHT)
    notebook.cells.reverse()
    repaired = repair(to_bytes(notebook), mini)
    assert_sound(repaired, mini)
    assert repaired.repairs == ["Cells had been moved; they were put back in the order of the assignment."]
    assert cell_of(repaired.notebook, "squares").source == RIGHT["squares"]


def test_own_cells_stay_where_they_are(mini):
    notebook = submission(mini, RIGHT)
    place = next(i for i, cell in enumerate(notebook.cells) if grade_id(cell) == "sums")
    notebook.cells.insert(place, nbformat.v4.new_code_cell("ZERO = 0"))
    notebook.cells.append(nbformat.v4.new_markdown_cell("My notes."))
    repaired = repair(to_bytes(notebook), mini)
    assert sources(repaired.notebook) == sources(notebook)
    assert repaired.repairs == []


def test_own_cells_have_a_limit(mini):
    notebook = submission(mini, RIGHT)
    notebook.cells += [nbformat.v4.new_code_cell("pass") for _ in range(MAX_EXTRA_CELLS + 50)]
    repaired = repair(to_bytes(notebook), mini)
    assert_sound(repaired, mini)
    assert len(repaired.notebook.cells) == len(submission(mini).cells) + MAX_EXTRA_CELLS


def test_more_cells_than_anybody_writes_are_not_compared(mini):
    cells = [{"cell_type": "code", "source": "pass"}] * (MAX_CELLS + 1)
    assert repair(json.dumps({"cells": cells}).encode(), mini).repairs == [
        "The notebook has more than 5,000 cells: take out those that you do not need."
    ]


def test_prose_that_a_student_edited_stays_theirs(mini):
    notebook = submission(mini, RIGHT)
    prose = next(cell for cell in notebook.cells if cell.source.startswith("Some prose"))
    prose.source = "Some prose, and a note of mine."
    assert "Some prose, and a note of mine." in sources(repair(to_bytes(notebook), mini).notebook)


def test_huge_outputs_are_dropped(mini):
    notebook = submission(mini, RIGHT)
    cell_of(notebook, "squares").outputs = [nbformat.v4.new_output("stream", text="x" * 3_000_000)]
    cell_of(notebook, "sums").outputs = [nbformat.v4.new_output("stream", text="small")]
    repaired = repair(to_bytes(notebook), mini)
    assert cell_of(repaired.notebook, "squares").outputs == []
    assert cell_of(repaired.notebook, "sums").outputs[0].text == "small"
    assert repaired.repairs == ["The output of “squares” was dropped: it had 2.9 MB."]


def test_outputs_that_are_none_are_left_out(mini):
    notebook = json.loads(to_bytes(submission(mini, RIGHT)))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdwhat", "text": 3},
                {"output_type": "display_data", "data": {"text/html": ["<b>", "x</b>"], "nonsense": {}}, "metadata": 7},
                {"output_type": "execute_result", "data": {"application/x+json": {"a": float("nan")}}},
                "text",
                {"output_type": "error", "traceback": [1, "line"]},
            ]
    repaired = repair(json.dumps(notebook).encode(), mini)
    assert_sound(repaired, mini)
    outputs = cell_of(repaired.notebook, "sums").outputs
    assert [output.output_type for output in outputs] == ["display_data", "error"]
    assert outputs[0].data == {"text/html": "<b>x</b>"}


@pytest.mark.parametrize("name", ["julia-1.9", "ir"])
def test_another_kernel_is_told(mini, name):
    notebook = submission(mini, RIGHT)
    notebook.metadata.kernelspec = {"name": name, "display_name": name, "language": "julia"}
    repaired = repair(to_bytes(notebook), mini)
    assert repaired.repairs == [f"The notebook asked for the kernel “{name}”; it was run with Python."]
    assert repaired.notebook.metadata.kernelspec.name == "python3"


def test_the_name_of_a_students_own_environment_is_nothing_to_tell(mini):
    notebook = submission(mini, RIGHT)
    notebook.metadata.kernelspec = {"name": "conda-env-dl", "display_name": "dl", "language": "python"}
    assert repair(to_bytes(notebook), mini).repairs == []


class TestDamagedFiles:
    def test_format_3(self, mini):
        cells = []
        for cell in submission(mini, RIGHT).cells:
            old: dict[str, Any] = {"cell_type": cell.cell_type, "metadata": cell.metadata}
            old["input" if cell.cell_type == "code" else "source"] = cell.source
            cells.append(old | ({"outputs": [], "language": "python"} if cell.cell_type == "code" else {}))
        cells.insert(0, {"cell_type": "heading", "level": 2, "metadata": {}, "source": "Mine"})
        old_notebook = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
        repaired = repair(json.dumps(old_notebook).encode(), mini)
        assert_sound(repaired, mini)
        assert cell_of(repaired.notebook, "sums").source == RIGHT["sums"]
        assert "## Mine" in sources(repaired.notebook)
        assert repaired.repairs == ["The notebook was in an old format (version 3); it was converted."]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_encodings(self, mini, encoding):
        data = to_bytes(submission(mini, RIGHT | {"words-answer": "Größe, 数"})).decode().encode(encoding)
        repaired = repair(data, mini)
        assert_sound(repaired, mini)
        assert cell_of(repaired.notebook, "words-answer").source == "Größe, 数"
        assert len(repaired.repairs) == (0 if encoding == "utf-8-sig" else 1)

    def test_text_after_the_end(self, mini):
        repaired = repair(to_bytes(submission(mini, RIGHT)) + b"\n}}garbage", mini)
        assert cell_of(repaired.notebook, "squares").source == RIGHT["squares"]
        assert repaired.repairs == ["There was other text after the end of the notebook; it was left out."]

    def test_truncated(self, mini):
        data = to_bytes(submission(mini, RIGHT))
        repaired = repair(data[: data.index(b"squares-test")], mini)
        assert_sound(repaired, mini)
        assert cell_of(repaired.notebook, "squares").source == RIGHT["squares"]
        assert cell_of(repaired.notebook, "words-answer").source == "YOUR ANSWER HERE"
        assert "damaged" in repaired.repairs[0]

    def test_damaged_in_the_middle(self, mini):
        data = to_bytes(submission(mini, RIGHT)).replace(b'"sums-subtract"', b'"sums-sub\x01"tract', 1)
        repaired = repair(data, mini)
        assert_sound(repaired, mini)
        for name in ("sums", "squares", "words-answer"):
            assert cell_of(repaired.notebook, name).source == RIGHT[name]

    def test_a_merge_conflict_keeps_its_first_side(self, mini):
        text = to_bytes(submission(mini, RIGHT)).decode()
        line = next(line for line in text.splitlines() if "return a * a" in line)
        other = line.replace("a * a", "a ** 2")
        conflict = f"<<<<<<< HEAD\n{line}\n=======\n{other}\n>>>>>>> theirs"
        repaired = repair(text.replace(line, conflict).encode(), mini)
        assert cell_of(repaired.notebook, "squares").source == RIGHT["squares"]
        assert "merge conflicts" in repaired.repairs[0]

    def test_a_zip_archive_with_the_notebook(self, mini):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("../../etc/mini.ipynb", to_bytes(submission(mini, RIGHT)))
            archive.writestr("__MACOSX/._mini.ipynb", b"x")
        repaired = repair(file.getvalue(), mini)
        assert cell_of(repaired.notebook, "squares").source == RIGHT["squares"]
        assert repaired.repairs == ["The file was a zip archive; the notebook in it was graded."]

    def test_a_zip_bomb(self, mini, monkeypatch):
        monkeypatch.setattr("autograder.ingest.MAX_FILE_BYTES", 100_000)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mini.ipynb", b" " * 1_000_000)
        repaired = repair(file.getvalue(), mini)
        assert not repaired.readable
        assert "more than" in repaired.repairs[0]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\0" * 100,
            b"not a notebook",
            b"{}",
            b"[]",
            b"null",
            b'"text"',
            b'{"cells": 3}',
            b'{"cells": []}',
            b'{"cells": [1, null, {"cell_type": 7}]}',
            b'{"worksheets": [3]}',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"cells":[' + b"1" * 10_000 + b"]}",
            b"PK\x03\x04 no archive",
            b"\xff\xfe\x00\xd8",
            b"%PDF-1.7",
            b"<html></html>",
        ],
    )
    def test_what_is_hopeless_becomes_the_untouched_release(self, mini, data):
        repaired = repair(data, mini)
        assert not repaired.readable
        assert len(repaired.repairs) == 1
        assert_sound(repaired, mini)
        assert nbformat.writes(repaired.notebook) == nbformat.writes(release_notebook(mini))

    def test_a_file_broken_on_purpose_costs_bounded_work(self, mini):
        """Each of these is quadratic, or worse, for a reader that starts again at every brace."""
        for piece in (b'{"id":', b'{"id":"', b'{"cell_type":[', b"<<<<<<<\n"):
            assert not repair(piece * 200_000, mini).readable

    def test_too_large(self, mini, monkeypatch):
        monkeypatch.setattr("autograder.ingest.MAX_FILE_BYTES", 1000)
        repaired = repair(to_bytes(submission(mini, RIGHT)), mini)
        assert not repaired.readable
        assert "hand it in again" in repaired.repairs[0]


class TestForeignNotebooks:
    def test_another_assignment_is_named(self, tmp_path, monkeypatch):
        ours = mini_assignment(tmp_path, monkeypatch)
        other = mini_assignment(
            tmp_path, monkeypatch, "other", SOURCE.replace('grade_id": "', 'grade_id": "o-').replace("def ", "def o_")
        )
        repaired = repair(to_bytes(submission(other)), ours)
        assert not repaired.readable
        assert repaired.repairs == ["This is the notebook of the assignment “other”, not of “mini”."]

    def test_an_unrelated_notebook(self, mini):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('recipes')")])
        repaired = repair(to_bytes(notebook), mini)
        assert not repaired.readable
        assert "none of the cells of “mini”" in repaired.repairs[0]

    def test_an_unknown_graded_cell_is_kept_as_an_ordinary_one(self, mini):
        notebook = submission(mini, RIGHT)
        extra = copy.deepcopy(cell_of(notebook, "sums-add"))
        extra.metadata.nbgrader["grade_id"], extra.id, extra.source = "bonus\x1b[31m", "bonus", "5"
        notebook.cells.append(extra)
        repaired = repair(to_bytes(notebook), mini)
        assert_sound(repaired, mini)
        assert repaired.notebook.cells[-1].metadata == {}
        assert repaired.repairs == [
            "The cell “bonus·[31m” is not part of this assignment; it was kept as a cell of the student's own."
        ]


def test_lone_surrogates_do_not_stop_anything(mini):
    data = to_bytes(submission(mini, RIGHT)).replace(b"It is a number", b"\\ud800 is a number")
    repaired = repair(data, mini)
    assert_sound(repaired, mini)
    assert cell_of(repaired.notebook, "words-answer").source == "? is a number times itself."


def test_pasted_pictures_of_a_written_answer_are_kept(mini):
    notebook = submission(mini, RIGHT)
    answer = cell_of(notebook, "words-answer")
    answer.attachments = {"a.png": {"image/png": "aGk="}, "b.html": {"text/html": "<script>"}}
    repaired = repair(to_bytes(notebook), mini)
    assert cell_of(repaired.notebook, "words-answer").attachments == {"a.png": {"image/png": "aGk="}}


# Any damage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["cell_type", "source", "metadata", "outputs", "id", "execution_count", "attachments", "nbgrader", "input"]
)


@st.composite
def mutated(draw: st.DrawFn, notebook: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """A submission after some random damage, and the graded cells that the damage has not touched."""
    changed = copy.deepcopy(notebook)
    cells = changed["cells"]
    intact = {"sums", "squares", "words-answer"}

    def name_of(cell: Any) -> str:
        return cell["metadata"].get("nbgrader", {}).get("grade_id", "")

    names = {id(cell): name_of(cell) for cell in cells}
    for _ in range(draw(st.integers(1, 6))):
        if not cells:
            break
        what = draw(st.sampled_from(["delete", "move", "copy stub", "junk", "strip", "field", "nbgrader", "wipe"]))
        place = draw(st.integers(0, len(cells) - 1))
        cell = cells[place]
        name = names.get(id(cell), "")
        if what == "delete":
            intact.discard(name)
            del cells[place]
        elif what == "move":
            cells.insert(draw(st.integers(0, len(cells) - 1)), cells.pop(place))
        elif what == "copy stub":
            stub = copy.deepcopy(cell)
            if isinstance(stub, dict):
                stub["source"] = ""
            cells.insert(draw(st.integers(0, len(cells))), stub)
        elif what == "junk":
            cells.insert(place, draw(JSON))
        elif what == "strip" and isinstance(cell, dict):
            intact.discard(name)
            cell["metadata"] = {}
        elif what == "field" and isinstance(cell, dict):
            intact.discard(name)
            cell[draw(KEYS)] = draw(JSON)
        elif what == "nbgrader" and isinstance(cell, dict) and isinstance(cell.get("metadata"), dict):
            nbgrader = cell["metadata"].setdefault("nbgrader", {})
            if isinstance(nbgrader, dict):
                key = draw(st.sampled_from(["points", "grade", "solution", "locked", "schema_version", "checksum"]))
                nbgrader[key] = draw(JSON)
        elif what == "wipe":
            changed[draw(st.sampled_from(["metadata", "nbformat", "nbformat_minor"]))] = draw(JSON)
    return changed, intact


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_leaves_a_valid_notebook_and_intact_work(mini, data):
    original = json.loads(to_bytes(submission(mini, RIGHT)))
    changed, intact = data.draw(mutated(original))
    repaired = repair(json.dumps(changed).encode("utf-8", "surrogatepass"), mini)
    assert_sound(repaired, mini)
    if repaired.readable:
        for name in intact:
            assert cell_of(repaired.notebook, name).source == RIGHT[name]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_can_be_handed_in(mini, data):
    good = to_bytes(submission(mini, RIGHT))
    start, end = sorted((data.draw(st.integers(0, len(good))), data.draw(st.integers(0, len(good)))))
    assert_sound(repair(good[:start] + data.draw(st.binary(max_size=50)) + good[end:], mini), mini)


def test_the_release_itself_is_not_changed(mini, tmp_path: Path):
    before = nbformat.writes(release_notebook(mini))
    repair(to_bytes(submission(mini, RIGHT)), mini)
    assert nbformat.writes(release_notebook(mini)) == before

"""Misconceptions and alternatives are changes of the reference; mutants are every small change a tool can make."""

import pytest

from autograder.assignment import AssignmentError, load_module
from autograder.mutants import equivalent_mutants, mutants
from autograder.variants import Alternative, Misconception, check_variants


def module(assignment, variant):
    return load_module("variant", assignment.module_source(variant.solutions(assignment)))


def test_an_edit_changes_one_place(small):
    variant = Misconception(name="thrice", function="double", find="SCALE", put="3", message="")
    assert module(small, variant).double(5) == 15
    assert variant.task(small).name == "double"


def test_an_edit_of_a_method_leaves_the_rest(small):
    variant = Misconception(name="ceiling", function="Box.put", find="floor", put="ceil", message="")
    changed = module(small, variant)
    box = changed.Box()
    box.put(1.2)
    assert box.x == 2
    assert changed.double(1) == 2


def test_code_replaces_definitions_and_brings_helpers(small):
    code = "def helper(x):\n    return x + x\n\n\ndef double(x):\n    return helper(x)\n"
    variant = Alternative(name="sum", function="double", code=code, why="adds")
    assert module(small, variant).double(7) == 14


@pytest.mark.parametrize(
    "variant",
    [
        Misconception(name="absent", function="double", find="no such text", put="", message=""),
        Misconception(name="nothing", function="double", code="def triple(x):\n    return 3\n", message=""),
    ],
)
def test_a_variant_that_changes_nothing_is_an_error(small, variant):
    with pytest.raises(AssignmentError, match=variant.name):
        variant.solutions(small)


MISCONCEPTIONS = """
from autograder.variants import Misconception

MISCONCEPTIONS = [Misconception(name="thrice", function="double", find={find!r}, put="3", message=""){more}]
"""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MISCONCEPTIONS.format(find="no such text", more=""), "variant 'thrice': 'no such text' not once in double"),
        (MISCONCEPTIONS.format(find="SCALE", more="] * 2 + ["), "misconceptions.py: names used twice: thrice"),
        (MISCONCEPTIONS.format(find="SCALE", more=")"), "misconceptions.py cannot be loaded: SyntaxError: "),
        ("", "misconceptions.py cannot be loaded: AttributeError: .*MISCONCEPTIONS"),
    ],
)
def test_what_is_wrong_in_a_file_of_variants_is_one_sentence(small, text, sentence):
    path = small.folder / "misconceptions.py"
    path.write_text(MISCONCEPTIONS.format(find="SCALE", more=""))
    check_variants(small)
    path.write_text(text)
    with pytest.raises(AssignmentError, match=sentence):
        check_variants(small)


def test_mutants_are_different_programs_that_name_their_function(small):
    found = list(mutants(small))
    assert "return SCALE + x" in {mutant.after for mutant in found if mutant.function == "double"}
    assert len({mutant.source for mutant in found}) == len(found)
    assert all(mutant.before != mutant.after for mutant in found)


def test_an_equivalent_mutant_needs_a_reason(small):
    path = small.folder / "equivalent_mutants.toml"
    path.write_text('[[mutant]]\nfunction = "double"\nbefore = "a"\nafter = "b"\nreason = "same"\n')
    assert equivalent_mutants(small) == {("double", "a", "b"): "same"}
    path.write_text('[[mutant]]\nfunction = "double"\nbefore = "a"\nafter = "b"\nreason = " "\n')
    with pytest.raises(AssignmentError, match="reason"):
        equivalent_mutants(small)

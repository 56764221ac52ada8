"""No attack of the corpus gains anything: no point, no secret, no file, no process, nobody else's marks, no extra time."""

import os
import re
from collections import Counter

import nbformat
import pytest

from autograder.assignment import ROOT
from tests.autograder.attacks import ours, referee
from tests.autograder.attacks.corpus import FAMILIES, HERE, read_corpus

# Holes that docs/trust.md admits: by clause, the attacks that use them. Only root can make a class in which every
# student owns a folder, as they do where they hand in themselves.
KNOWN = {} if os.geteuid() == 0 else {"neighbour": {"ingest/hard_link_to_a_classmate"}}


def test_the_corpus_covers_every_family_and_says_what_it_tries():
    corpus = read_corpus()
    assert len(corpus) >= 60
    counts = {family: sum(attack.family == family for attack in corpus) for family in FAMILIES}
    assert min(counts.values()) >= 2
    assert all(attack.tries.endswith(".") and len(attack.tries) > 40 for attack in corpus)
    assert len({attack.tries for attack in corpus}) == len(corpus)
    assert {path.parent.name for path in HERE.glob("*/*.py")} == {*FAMILIES, "victim"}


def test_the_page_on_trust_counts_the_attacks_that_there_are():
    corpus, page = read_corpus(), (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    rows = {
        family: (int(here), int(won)) for family, here, won in re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|", page, re.M)
    }
    assert {family: here for family, (here, _) in rows.items()} == Counter(attack.family for attack in corpus)
    wins, losses, left_out = map(
        int, re.search(r"(\d+) of them win there, (\d+) do not .*? the (\d+) that", page, re.S).groups()
    )
    assert wins == sum(won for _, won in rows.values())
    assert left_out == sum(bool(attack.harm) for attack in corpus)
    assert f"hands in {wins + losses + left_out} notebooks" in page
    assert wins + losses + left_out == len(corpus)


def test_every_cell_of_an_attack_is_handed_in(tmp_path):
    assignment = ours.victim()
    for number, attack in enumerate(attack for attack in read_corpus() if "on disk" not in _titles(attack)):
        folder = attack.hand_in(assignment, tmp_path / str(number), tmp_path)
        handed = nbformat.read(folder / "victim.ipynb", as_version=4)
        for cell in (cell for cell in attack.cells if "file" not in cell.metadata and "@" not in cell.source):
            assert (cell.cell_type, cell.source) in [(c.cell_type, c.source) for c in handed.cells], attack.key


def _titles(attack):
    return [cell.metadata.get("title") for cell in attack.cells]


@pytest.mark.slow
def test_no_attack_breaks_anything(tmp_path):
    """One test for all clauses: the corpus takes minutes, and two workers would each run it."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.owner() == tmp_path.owner() and parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    outcomes, left_over = ours.run(read_corpus(), tmp_path / "arena")
    broken = {
        clause: found
        for clause in vars(referee.Broken())
        if (found := {o.attack.key: getattr(o.broken, clause) for o in outcomes if getattr(o.broken, clause)})
    }
    assert {clause: set(found) for clause, found in broken.items()} == KNOWN, broken
    assert left_over == ""


def test_the_referee_finds_secrets_in_disguise():
    assert referee.secrets_in("x " + "canary-notes-5fa310"[::-1], None) == "a file in the classroom"
    assert referee.secrets_in(b"canary-hidden-4b7d19".hex(), 3) == "a hidden test"
    number = next(iter(referee.hidden_numbers(3)))
    assert referee.secrets_in(f"it was {number}", 3).startswith("an input of")
    assert referee.secrets_in(f"it was {number}", 4) == ""


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<script>t('me')</script>", "<script>"),
        ("<img src=x onerror='me'>", "<img onerror>"),
        ("<a href='javascript:me'>", "<a href>"),
        ("<a href='https://me'>", ""),
        ("<img src='https://me'>", "<img src>"),
        ("<link href='//me'>", "<link href>"),
        ("<p>me</p><script>other()</script>", ""),
    ],
)
def test_the_referee_finds_what_a_page_would_run_or_load(page, found):
    assert referee.live(page, "me") == found


def test_the_referee_finds_control_characters_and_formulas():
    assert referee.controls("a\x1b[2Jb\u202e\n") == "U+001B, U+202E"
    assert referee.formulas(["'=1", "1", "=1"]) == "a cell '=1'"

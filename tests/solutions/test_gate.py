"""Every assignment passes the release gate; of the mutants one in six is tried, `make gate` tries them all."""

import pytest
from rich.console import Console

from autograder.assignment import assignment_names, load_assignment
from autograder.gate import Trials, examine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trials():
    with Trials(Console(quiet=True), workers=1) as trials:  # the tests themselves run on all cores
        yield trials


@pytest.mark.parametrize("name", assignment_names())
def test_assignment_may_be_released(name, trials, monkeypatch):
    # Tests run on all cores: threads of an experiment that wait for each other would use up its time.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    findings = examine(load_assignment(name), trials, every=6)
    assert {finding.rule: finding.problems for finding in findings if not finding.ok} == {}

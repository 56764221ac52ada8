"""The doctor sees what is missing and says how to get it."""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from autograder import doctor
from autograder.doctor import ADVICE, MISSING, OK, Finding
from autograder.sandbox.detect import Detected


class FakeServer:
    level = "full"

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.forkserver.ForkServer", FakeServer)


def examine(folder: Path) -> dict[str, Finding]:
    findings = doctor.examine(folder)
    by_name = {finding.what: finding for finding in findings}
    assert len(by_name) == len(findings)
    return by_name


def test_on_this_machine_grading_is_possible(tmp_path):
    findings = examine(tmp_path)
    assert [finding for finding in findings.values() if finding.state == MISSING] == []
    assert set(findings) >= {"Python", "torch", "nbgrader", "device", "sandbox", "cores", "memory", "disk"}
    assert findings["Python"].found.startswith("3.")
    assert findings["nbgrader"].found.startswith("0.9")
    assert findings["sandbox"].found.startswith("full")


def test_json(tmp_path):
    data = json.loads(json.dumps(doctor.as_json(doctor.examine(tmp_path))))
    assert data["ready"] is True
    assert {"what", "state", "found", "advice"} == set(data["findings"][0])


def test_a_missing_package(tmp_path, monkeypatch):
    known = doctor.version

    def version(name: str) -> str:
        if name == "nbgrader":
            raise PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr("autograder.doctor.version", version)
    findings = doctor.examine(tmp_path)
    assert Finding("nbgrader", MISSING, "not installed", "pip install -e '.[grading]'") in findings
    assert doctor.as_json(findings)["ready"] is False


def test_a_sandbox_that_cannot_be_had(tmp_path, monkeypatch):
    def refuse() -> Any:
        raise RuntimeError("This kernel has no Landlock.\nDetails.")

    monkeypatch.setattr("autograder.forkserver.ForkServer", refuse)
    finding = examine(tmp_path)["sandbox"]
    assert (finding.state, finding.found) == (MISSING, "This kernel has no Landlock.")
    assert "--unsafe" in finding.advice


def test_a_package_that_is_too_old_or_too_new(tmp_path, monkeypatch):
    others = {"torch": "1.13.1", "nbgrader": "0.10.0"}
    known = doctor.version
    monkeypatch.setattr("autograder.doctor.version", lambda name: others.get(name) or known(name))
    findings = examine(tmp_path)
    assert all(findings[name].state == MISSING for name in others)
    assert findings["numpy"].state == OK
    assert findings["torch"].found.startswith("1.13.1; needed is >=2.")


def test_the_packages_are_those_of_the_project_itself(tmp_path, monkeypatch):
    asked = {"some-course": ["torch>=1.0", "nbgrader>=0.9 ; extra == 'grading'", "no-such-linter ; extra == 'dev'"]}
    monkeypatch.setattr("autograder.doctor.COURSE", "some-course")
    monkeypatch.setattr("autograder.doctor.requires", asked.__getitem__)
    findings = examine(tmp_path)
    assert {"torch", "nbgrader"} <= findings.keys()
    assert not {"numpy", "no-such-linter"} & findings.keys()


def test_the_course_itself_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.doctor.COURSE", "no-such-course")
    assert examine(tmp_path)["no-such-course"].state == MISSING


def test_a_weaker_sandbox(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeServer, "level", "landlock")
    reasons = {"full": "creating namespaces: Operation not permitted"}
    monkeypatch.setattr("autograder.sandbox.detect.detect", lambda: Detected("landlock", reasons))
    finding = examine(tmp_path)["sandbox"]
    assert finding.state == ADVICE
    assert reasons["full"] in finding.found
    assert "user namespaces" in finding.advice


def test_little_memory_and_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.grade.available_memory", lambda: 1.0 * 2**30)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 5e8})())
    findings = examine(tmp_path)
    assert (findings["memory"].state, findings["memory"].found) == (ADVICE, "1.0 GB free")
    assert findings["disk"].state == ADVICE
    assert findings["cores"].found.endswith("grading would use 1")


def test_the_disk_is_that_of_the_class_though_its_folder_is_not_there_yet(tmp_path):
    assert examine(tmp_path / "not" / "yet")["disk"].found.endswith(f"free in {tmp_path}")


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    assert examine(tmp_path)["disk"].state == MISSING


def test_another_system(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    finding = examine(tmp_path)["system"]
    assert finding.state == ADVICE
    assert "Linux" in finding.advice


def test_no_torch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "utils.device", None)
    assert examine(tmp_path)["device"].state == MISSING


def test_no_browser_hurts_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.doctor.BROWSERS", ("no-such-browser",))
    findings = doctor.examine(tmp_path)
    assert doctor.as_json(findings)["ready"] is True
    assert next(f for f in findings if f.what.startswith("browser")).state == ADVICE
    assert next(f for f in findings if f.what == "Python").state == OK

"""Answers of known solutions on disk: computed once, believed only if whole, never in the way."""

import os
import threading
import time

import pytest

from autograder import answers
from autograder.answers import UNUSED_DAYS, answers_folder, kept

REPLIES = [
    {"value": b"\x01", "changed": {0: b"\x02"}},
    {"timeout": True},
    {"error": {"builtin": "KeyError", "text": "é"}},
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCENT_CACHE", str(tmp_path))
    answers._forget_unused.cache_clear()
    return answers_folder()


def files(folder):
    return [path for path in folder.iterdir() if path.name != ".lock"]


class Computed:
    def __init__(self, replies=REPLIES):
        self.replies, self.times = replies, 0

    def __call__(self):
        self.times += 1
        return self.replies


def always(replies):
    return True


def test_are_computed_once(folder):
    computed = Computed()
    assert kept("a", computed, always) == REPLIES
    assert kept("a", computed, always) == REPLIES
    assert computed.times == 1
    assert kept("b", Computed([]), always) == []
    assert len(files(folder)) == 2


def test_depend_on_all_that_may_change_them(monkeypatch):
    kept("a", Computed(), always)
    monkeypatch.setattr(answers, "_versions", lambda: "another torch")
    again = Computed([])
    assert kept("a", again, always) == []
    assert again.times == 1


def test_those_not_worth_keeping_are_not(folder):
    assert kept("a", Computed(), lambda replies: replies != REPLIES) == REPLIES
    assert files(folder) == []


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x81\xa1a\x01"])
def test_a_damaged_file_is_computed_anew(folder, damage):
    kept("a", Computed(), always)
    files(folder)[0].write_bytes(damage)
    assert kept("a", Computed(), always) == REPLIES
    assert kept("a", Computed([]), always) == REPLIES


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DESCENT_CACHE", str(tmp_path / "file"))
    computed = Computed()
    for _ in range(2):
        assert kept("a", computed, always) == REPLIES
    assert computed.times == 2


def test_one_computes_and_the_others_wait():
    started, go_on = threading.Event(), threading.Event()
    times = []

    def slowly():
        times.append(1)
        started.set()
        assert go_on.wait(60)
        return REPLIES

    found = []
    threads = [threading.Thread(target=lambda: found.append(kept("a", slowly, always))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.wait(60)
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert found == [REPLIES] * 3
    assert times == [1]


def test_what_nobody_asks_for_is_forgotten(folder):
    kept("old", Computed(), always)
    kept("young", Computed(), always)
    old = min(files(folder), key=lambda path: path.stat().st_mtime_ns)
    long_ago = time.time() - (UNUSED_DAYS + 1) * 86_400
    os.utime(old, (long_ago, long_ago))
    answers._forget_unused.cache_clear()
    kept("new", Computed(), always)
    assert len(files(folder)) == 2
    assert old not in files(folder)

"""What is kept on disk: computed once, believed only if whole, never in the way."""

import os
import sys
import threading
import time

import pytest
import torch

from autograder import disk_cache as module
from autograder.disk_cache import UNUSED_DAYS, cached, folder_of, versions

REPLIES = [
    {"value": b"\x01", "changed": {0: b"\x02"}},
    {"timeout": True},
    {"error": {"builtin": "KeyError", "text": "é"}},
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCENT_CACHE", str(tmp_path))
    module._forget_unused.cache_clear()
    return folder_of("answers")


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
    assert cached("answers", "a", computed, always) == REPLIES
    assert cached("answers", "a", computed, always) == REPLIES
    assert computed.times == 1
    assert cached("answers", "b", Computed([]), always) == []
    assert len(files(folder)) == 2


def test_versions_tell_of_packages_and_of_our_own_code():
    one = versions(("torch",), ("calls.py",))
    assert one == versions(("torch",), ("calls.py",))
    assert len({one, versions(("torch", "numpy"), ("calls.py",)), versions(("torch",), ("student.py",))}) == 3
    assert sys.version in one
    assert torch.__version__.split("+")[0] in one


def test_each_kind_has_a_folder_of_its_own(folder):
    assert cached("answers", "a", Computed()) == REPLIES
    assert cached("releases", "a", lambda: "text") == "text"
    assert cached("releases", "a", lambda: "another") == "text"


def test_those_not_worth_keeping_are_not(folder):
    assert cached("answers", "a", Computed(), lambda replies: replies != REPLIES) == REPLIES
    assert files(folder) == []


@pytest.mark.parametrize("damage", [lambda d: b"", lambda d: d[:-1], lambda d: d + b"\xc0", lambda d: d[:40] + d[39:]])
def test_a_damaged_file_is_computed_anew(folder, damage):
    cached("answers", "a", Computed(), always)
    path = files(folder)[0]
    path.write_bytes(damage(path.read_bytes()))
    assert cached("answers", "a", Computed(), always) == REPLIES
    assert cached("answers", "a", Computed([]), always) == REPLIES


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DESCENT_CACHE", str(tmp_path / "file"))
    computed = Computed()
    for _ in range(2):
        assert cached("answers", "a", computed, always) == REPLIES
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
    threads = [threading.Thread(target=lambda: found.append(cached("answers", "a", slowly, always))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.wait(60)
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert found == [REPLIES] * 3
    assert times == [1]


def test_what_nobody_asks_for_is_forgotten(folder):
    cached("answers", "old", Computed(), always)
    cached("answers", "young", Computed(), always)
    old = min(files(folder), key=lambda path: path.stat().st_mtime_ns)
    long_ago = time.time() - (UNUSED_DAYS + 1) * 86_400
    os.utime(old, (long_ago, long_ago))
    module._forget_unused.cache_clear()
    cached("answers", "new", Computed(), always)
    assert len(files(folder)) == 2
    assert old not in files(folder)

"""All that holds when root grades holds when an ordinary user does: the tests of this folder once more, as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.autograder.sandbox.ordinary_user import CANNOT

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def _run_as(user: int, *command: str) -> str:
    """What a command prints that runs as a user on a machine where everybody can read the interpreter."""
    command = (sys.executable, "-m", "tests.autograder.sandbox.ordinary_user", str(user), sys.executable, *command)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode == CANNOT:
        pytest.skip(f"this machine lets root do no such thing: {done.stdout}")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@needs_root
@pytest.mark.slow
def test_an_ordinary_user_is_contained_alike():
    others = [str(path) for path in sorted(HERE.glob("test_*.py")) if path.name != Path(__file__).name]
    assert "passed" in _run_as(54321, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *others)


RIGHTS = """
import json
from autograder.assignment import Budget
from autograder.forkserver import ForkServer
with ForkServer("landlock", entry="autograder.sandbox.shell:serve") as server, server.spawn(Budget()) as student:
    source = "open('made', 'w').close(); answer = open('/proc/self/status').read()"
    student.sock.sendall(json.dumps(source).encode() + b"\\n")
    print(json.loads(student.sock.makefile().readline())["answer"])
"""


@needs_root
def test_a_former_root_keeps_no_right_where_it_needs_none():
    """Without namespaces it keeps the right to read only where the interpreter lies in root's home."""
    status = dict(line.split(":\t", 1) for line in _run_as(0, "-c", RIGHTS).splitlines() if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert "0" not in status["Uid"].split()

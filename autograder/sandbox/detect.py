"""What this machine can isolate student code with, and why not better: for `autograder doctor`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.sandbox.levels import LADDER, SandboxError, start


@dataclass(frozen=True)
class Detected:
    """`level` is the best that works, None when none does; `reasons` says of each better one why it does not."""

    level: str | None
    reasons: dict[str, str]


def detect() -> Detected:
    """Try each level with a throwaway process, in a process of its own: this one may have threads."""
    code = "from autograder.sandbox.detect import main; main()"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        return Detected(None, {"full": (done.stderr.strip() or "the trial process died").splitlines()[-1]})
    return Detected(**json.loads(done.stdout))


def main() -> None:
    """Print a Detected as JSON."""
    reasons: dict[str, str] = {}
    found = None
    for kind in LADDER:
        with tempfile.TemporaryDirectory(prefix="descent-") as folder:
            try:
                os.waitpid(start(kind(Path(folder)), lambda: None), 0)
            except SandboxError as error:
                reasons[kind.name] = str(error)
                continue
        found = kind.name
        break
    print(json.dumps(asdict(Detected(found, reasons))))

"""What an attack may not do, and how it shows: the clauses that both engines are held to."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from bs4 import BeautifulSoup

from autograder.remote import derive
from tests.autograder.attacks.corpus import Attack
from utils.checks import case_generator, set_case_seed

# Where the texts are that no student may get back.
SECRETS = {
    "canary-hidden-4b7d19": "a hidden test",
    "canary-probe-93ea55": "a probe of a hidden test",
    "canary-solution-81c2f0": "the solution",
    "canary-neighbour-d02b6e": "a classmate's submission",
    "canary-notes-5fa310": "a file in the classroom",
    "canary-gradebook-7e44c9": "the gradebook",
    "canary-environment-b61d72": "the grader's environment",
    "canary-memory-2a90f3": "the grader's memory",
}


MOST_BYTES = 1_000_000  # of a file whose text is compared; of a larger one it is the size


@dataclass
class Broken:
    """The clauses that an attack broke, each with what happened; empty if it broke none."""

    points: str = ""
    secret: str = ""
    outside: str = ""
    process: str = ""
    neighbour: str = ""
    budget: str = ""
    reader: str = ""

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def __str__(self) -> str:
        return "; ".join(f"{clause}: {what}" for clause, what in vars(self).items() if what)


@dataclass(frozen=True)
class Outcome:
    """How one attack went; `points` is None if it was not run."""

    attack: Attack
    points: float | None = None
    broken: Broken = field(default_factory=Broken)
    not_run: str = ""


def hidden_numbers(seed: int | None) -> dict[str, str]:
    """The large numbers that hidden tests draw; `seed` None: as in a plain notebook, where every draw is the same."""
    found = {}
    for test, count in (("double-test", 3), ("counter-test", 2)):
        set_case_seed(0 if seed is None else derive(seed, f"{test}/hidden"))
        drawn = torch.randint(10**8, 10**9, (count,), generator=case_generator()).tolist()
        found |= {str(number): f"an input of {test}" for number in drawn}
    set_case_seed(0)
    return found


def secrets_in(shown: str, seed: int | None) -> str:
    """Which secrets a student got to see, also written backwards or in hexadecimal."""
    told = {}
    for secret, what in {**SECRETS, **hidden_numbers(seed)}.items():
        if any(form in shown for form in (secret, secret[::-1], secret.encode().hex())):
            told[what] = None
    return ", ".join(told)


def live(page: str, token: str) -> str:
    """What a page that an attack reached would run, load or send, as far as it carries the attack's token."""
    found = []
    for element in BeautifulSoup(page, "html.parser").find_all(True):
        if element.name in ("script", "style") and token in element.get_text():
            found.append(f"<{element.name}>")
        for name, value in element.attrs.items():
            text = " ".join(value) if isinstance(value, list) else str(value)
            if token not in text:
                continue
            runs = name.startswith("on") or re.match(r"\s*(javascript|vbscript|data:text)", text, re.IGNORECASE)
            loads = name in ("src", "srcset", "action", "formaction", "data", "poster", "style", "background")
            fetches = name == "href" and element.name != "a"
            if runs or loads or fetches:
                found.append(f"<{element.name} {name}>")
    return ", ".join(dict.fromkeys(found))


def controls(text: str) -> str:
    """Control and reordering characters that a terminal or a reader would obey."""
    return ", ".join(sorted({f"U+{ord(c):04X}" for c in text if not (c.isprintable() or c == "\n")}))


def formulas(csv_row: Iterable[str]) -> str:
    return ", ".join(f"a cell {cell[:20]!r}" for cell in csv_row if cell[:1] in ("=", "+", "-", "@", "\t", "\r"))


def files_in(folder: Path) -> dict[str, bytes]:
    """By path, what lies in a folder; links are not followed."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in files + [name for name in folders if os.path.islink(os.path.join(parent, name))]:
            path = Path(parent, name)
            with contextlib.suppress(OSError):  # a name that is too long
                status = path.lstat()
                small = stat.S_ISREG(status.st_mode) and status.st_size < MOST_BYTES
                found[str(path.relative_to(folder))] = path.read_bytes() if small else str(status.st_size).encode()
    return found


def size_of(folder: Path) -> int:
    """Bytes on disk below a folder."""
    size = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return size


def changes(before: dict[str, bytes], after: dict[str, bytes]) -> str:
    """How two listings differ, in a few words."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(sorted(names)[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

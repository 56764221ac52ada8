"""The grading system: build, sandbox, judge, grade, gradebook, report, command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.assignment import Assignment
    from autograder.engine import Engine
    from autograder.repair import Repaired
    from autograder.result import Result

# jsonschema, which nbformat imports, compiles a grammar of internationalised addresses if it finds one: 1.7 s of CPU,
# to check a format that no notebook has. Without the grammar it leaves that one check out.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def open_engine(*, level: str | None = None, unsafe: bool = False) -> Engine:
    """An Engine, for a `with`; its fork server starts while the engine itself is imported, which takes as long."""
    from autograder.forkserver import ForkServer

    server = ForkServer(level=level, unsafe=unsafe)
    try:
        from autograder.engine import Engine
    except BaseException:
        server.close()
        raise
    return Engine(level=level, unsafe=unsafe, server=server)


def grade_notebook(
    data: bytes | Repaired,
    assignment: str | Assignment,
    *,
    seed: int | None = None,
    level: str | None = None,
    unsafe: bool = False,
) -> Result:
    """Grade one notebook (see `Engine.grade`); an Engine grades many without starting anew each time."""
    with open_engine(level=level, unsafe=unsafe) as engine:
        if isinstance(assignment, str):
            from autograder.assignment import load_assignment

            assignment = load_assignment(assignment)
        return engine.grade(data, assignment, seed=seed)

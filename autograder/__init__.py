"""The grading system: build, sandbox, judge, grade, gradebook, report, command line.

The way of a submission, file by file:

    ingest, repair              the file that was handed in, and the notebook made of it on the release's skeleton
    submitted, names            what its code defines and uses, read without running it
    forkserver, sandbox/        a warm process, and the isolated student processes that are forked from it
    student                     what runs in a student process: the cells, then calls of their functions
    channel, calls              the wire to it, for plain data only; a call as such data
    session                     the trusted end of that wire
    testcell, remote            a test cell taken apart, and run with remote functions under the student's names
    judge, diagnose             the verdicts, and the misconceptions behind failed tests
    engine, result, outputs     one submission graded: all of the above, what comes of it, the outputs of its cells
    grade, pool                 a class graded, by several engines at once
    classroom, gradebook        the folder of a class, and nbgrader's database in it
    marks, feedback, report     what grading left there, and the pages made of it
    safe_html                   what students wrote, on such a page

Before that, an assignment is written and released:

    assignment, build           its source, and the notebooks built from that
    variants                    its misconceptions and alternatives
    gate, lint, mutants         may it be released?
    simulate, stock             a made-up class; nbgrader as it ships, to compare with

Around it: `__main__` is the command line, `nbgrader_plugin` the same engine for nbgrader's own commands, `doctor` looks
at the machine, `disk_cache` keeps what takes long to compute.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    files: Mapping[str, bytes] | None = None,
) -> Result:
    """Grade one notebook (see `Engine.grade`); an Engine grades many without starting anew each time."""
    with open_engine(level=level, unsafe=unsafe) as engine:
        if isinstance(assignment, str):
            from autograder.assignment import load_assignment

            assignment = load_assignment(assignment)
        return engine.grade(data, assignment, seed=seed, files=files)

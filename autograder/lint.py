"""Rejects test cells that our judge could not run, or that would judge in the student's process, or give a secret away.

Reading the cells finds what is written against the rules; running them with the reference solution, over the same wire
that a student's answers take, finds the rest.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import symtable
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from autograder.assignment import HIDDEN_BEGIN, Assignment, defined_names, first_line, is_experiment
from autograder.channel import ChannelError
from autograder.judge import Known
from autograder.remote import LocalCalls, RandomState, derive, make_namespace, quiet, run_part, seed_case
from autograder.submitted import Submitted
from autograder.testcell import TestCell, compile_tests, hidden_regions, is_probe, overlaps
from utils import checks

FORBIDDEN = {"exec", "eval", "open", "compile", "input", "__import__", "globals", "locals", "vars", "breakpoint"}
FORBIDDEN_MODULES = {"subprocess", "os", "sys", "socket", "pickle", "inspect", "gc"}
CHECKS = {name for name in checks.__all__ if name.startswith("check_")} | {"unchanged"}
JUDGING = {*checks.__all__} - {"probe"}
SECONDS = 20.0


def lint(assignment: Assignment) -> list[str]:
    """What is wrong with the test cells of an assignment, in sentences that name the cell; nothing if all is well."""
    known = Known.of(assignment)
    reference, submitted = assignment.load_reference(), Submitted.of_reference(assignment)
    problems: list[str] = []
    for test in compile_tests(assignment):
        reading = _Reading(test, assignment, known, reference)
        found = [f"line {line}: {text}" for line, text in sorted(set(reading.problems()))]
        # What is against the rules on paper need not be run.
        found = found or list(_run(test, submitted, known, reference))
        problems += [f"{test.name}, {text}" for text in found]
    return problems


class _Reading:
    """The rules that can be seen in the text of a test cell."""

    def __init__(self, test: TestCell, assignment: Assignment, known: Known, reference: ModuleType) -> None:
        self.test, self.student = test, set(known.student_names)
        self.tree = ast.parse(test.source)
        self.body = self.tree.body
        self.regions = hidden_regions(test.source)
        self.hidden = [node for node in self.body if overlaps(node, self.regions)]
        self.setup = set(_names_defined(assignment.setup_source))
        self.experiments = {
            name for cell in assignment.notebook.cells if is_experiment(cell) for name in defined_names(cell.source)
        }
        self.classes = {name for name in self.student if isinstance(getattr(reference, name, None), type)}

    def problems(self) -> Iterator[tuple[int, str]]:
        for node in self.body:
            if is_probe(node):
                yield from self._probe(node)
            else:
                yield from self._outside(node)
        yield from self._anywhere()
        yield from self._parts()
        yield from self._names()

    def _probe(self, node: ast.stmt) -> Iterator[tuple[int, str]]:
        assert isinstance(node, ast.FunctionDef)
        if len(node.decorator_list) > 1:
            yield node.lineno, f"probe `{node.name}` has another decorator: its source travels without it."
        for child in ast.walk(node):
            if isinstance(child, ast.Assert) or (isinstance(child, ast.Name) and child.id in JUDGING):
                yield (
                    child.lineno,
                    (
                        f"probe `{node.name}` checks something: it runs in the student's process, where a check can be "
                        "tampered with. Return plain data and check it outside."
                    ),
                )
        outside = self.setup | self.student | set(dir(builtins)) | {node.name}
        text = "\n".join(self.test.source.splitlines()[node.lineno - 1 : node.end_lineno])
        for name in sorted(_free_names(text) - outside):
            yield (
                node.lineno,
                (f"probe `{node.name}` uses `{name}`, which is not in the student's process: give it as an argument."),
            )

    def _outside(self, statement: ast.stmt) -> Iterator[tuple[int, str]]:
        """The rules for what runs in the judge."""
        local = {n.name for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef)}
        read = {id(n) for call in ast.walk(statement) if _is_call_of(call, "check_not_used") for n in ast.walk(call)}
        for node in ast.walk(statement):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                isinstance(d, ast.Name) and d.id == "probe" for d in node.decorator_list
            ):
                yield node.lineno, f"probe `{node.name}` has to be a plain function at the top level of the cell."
            if isinstance(node, ast.Name) and node.id in self.classes and id(node) not in read:
                yield node.lineno, f"`{node.id}` is a class of the student's: use it in a probe."
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self.student:
                yield node.lineno, f"`{node.value.id}.{node.attr}`: the real function is only there in a probe."
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.student:
                for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    if isinstance(value, ast.Lambda) or (
                        isinstance(value, ast.Name) and value.id in local | self.student - self.classes
                    ):
                        yield value.lineno, f"`{node.func.id}` is given a function: call it in a probe."
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "BaseException")
            ):
                yield node.lineno, "catches everything, also the end of a call that ran too long: catch Exception."

    def _anywhere(self) -> Iterator[tuple[int, str]]:
        node: ast.AST
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and node.id in FORBIDDEN:
                yield node.lineno, f"uses `{node.id}`: a test reads and runs nothing but what stands in it."
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names = modules + ([node.id] if isinstance(node, ast.Name) else [])
            for name in names:
                if name.partition(".")[0] in FORBIDDEN_MODULES:
                    yield node.lineno, f"uses `{name}`: a test reads and runs nothing but what stands in it."  # type: ignore[attr-defined]

    def _parts(self) -> Iterator[tuple[int, str]]:
        """The rules for the visible and the hidden part."""
        for node in self.body:
            first = first_line(node)
            lines = self.test.source.splitlines()[first - 1 : node.end_lineno]
            if any(HIDDEN_BEGIN in line for line in lines):
                yield first, "a hidden part begins within a statement: begin it between two statements."
        for name in (n for statement in self.hidden for n in ast.walk(statement) if isinstance(n, ast.Name)):
            if name.id in ("print", "display"):
                yield name.lineno, f"`{name.id}` in a hidden part: under stock nbgrader students would read it."
            if name.id == "passed_visible":
                yield name.lineno, "`passed_visible` belongs at the end of the visible part."
        if self.hidden and not any(_judges(node) for node in self.hidden) and not self._gives_points():
            yield self.regions[0][0], "the hidden part checks nothing."
        visible = [node for node in self.body if node not in self.hidden]
        names = {n.id for node in visible for n in ast.walk(node) if isinstance(n, ast.Name)}
        if "passed_visible" not in names:
            yield 1, "the visible part does not end with `passed_visible(...)`."
        remote = self.student | self.test.probes.keys()
        last = self.body[-1].value if self.body and isinstance(self.body[-1], ast.Expr) else None
        if isinstance(last, ast.Call) and isinstance(last.func, ast.Name) and last.func.id in remote:
            yield (
                last.lineno,
                f"the cell ends with what `{last.func.id}` returns: a number would be taken for the points.",
            )

    def _gives_points(self) -> bool:
        return bool(self.body) and isinstance(self.body[-1], ast.Expr) and not isinstance(self.body[-1].value, ast.Call)

    def _names(self) -> Iterator[tuple[int, str]]:
        known = self.setup | self.student | set(dir(builtins)) | set(_names_bound(self.test.source))
        for name in sorted(_free_names(self.test.source) - known):
            line = next((n.lineno for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n.id == name), 1)
            if name in self.experiments:
                yield line, f"`{name}` comes from an experiment, which grading does not run."
            else:
                yield line, f"`{name}` is defined neither here nor in a locked cell: other tests' names are not there."


def _judges(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Name) and node.id in CHECKS)
        for node in ast.walk(statement)
    )


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _names_defined(source: str) -> Iterator[str]:
    """What the notebook's own cells define, imports included."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    yield from checks.__all__
                else:
                    yield (alias.asname or alias.name).partition(".")[0]
    yield from defined_names(source)


def _names_bound(source: str) -> set[str]:
    """Names that the top level of a text assigns, imports or defines."""
    table = symtable.symtable(source, "<test>", "exec")
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}


def _free_names(source: str) -> set[str]:
    """Names that a text uses, anywhere in it, and that none of its scopes binds."""

    def globals_of(table: symtable.SymbolTable) -> set[str]:
        used = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        return used.union(*(globals_of(child) for child in table.get_children()))

    top = symtable.symtable(source, "<test>", "exec")
    used = {
        s.get_name() for s in top.get_symbols() if s.is_referenced() and not s.is_assigned() and not s.is_imported()
    }
    inner = set().union(*(globals_of(child) for child in top.get_children()))
    return used | (inner - _names_bound(source))


# Running


def _run(test: TestCell, submitted: Submitted, known: Known, reference: ModuleType) -> Iterator[str]:
    """Run a test with the reference solution on two seeds: it passes, and what it says is the same both times."""
    said: list[list[str]] = []
    state = RandomState()
    for seed in (1, 2):
        sentences: list[str] = []
        local = LocalCalls(reference.__dict__, SECONDS)
        bindings = local.bindings(known.student_names, submitted)
        try:
            with quiet():
                seed_case(derive(seed, test.name))
                names = make_namespace(known.setup, test, bindings, local)
                names |= {name: _writing_down(value, sentences) for name, value in names.items() if _is_check(value)}
                run_part(test.visible, names)
                run_part(test.hidden, names)
        except ChannelError as error:
            yield f"a call cannot travel to the student's process ({error}): put what needs the real object in a probe."
            break
        except Exception as error:
            yield f"the reference solution does not pass in the judge, seed {seed}: {type(error).__name__}: {error}"
            break
        said.append(sentences)
    state.restore()
    if len(said) == 2 and said[0] != said[1]:
        differing = next((one for one, other in zip(*said, strict=False) if one != other), "another number of checks")
        yield f"what a check says depends on the seed, so it tells students of hidden inputs: {differing!r}."
    if any(not sentence.strip() for sentences in said for sentence in sentences):
        yield "a check does not say what it checks."


def _is_check(value: Any) -> bool:
    return any(value is getattr(checks, name) for name in CHECKS)


def _writing_down(check: Callable[..., Any], sentences: list[str]) -> Callable[..., Any]:
    """The check, writing down every sentence it is given that a student may read."""
    signature = inspect.signature(check)

    @functools.wraps(check)
    def listening(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        if given.get("what") is not None:
            sentences.append(given["what"])
        sentences.extend(given.get("causes") or ())
        if given.get("cause"):
            sentences.append(given["cause"])
        return check(*args, **kwargs)

    return listening

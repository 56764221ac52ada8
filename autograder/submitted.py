"""What a submission says about itself: which cells grading runs, and what its code defines. Nothing here runs it."""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib.util
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment, grade_id, is_experiment, kind
from autograder.names import (
    NAMESPACES,
    goes_round,
    magic_that_runs,
    names_bound,
    names_changed,
    names_defined,
    names_handed_on,
    names_imported,
)
from autograder.session import CodeCell
from utils.modules import leads_to, origins
from utils.reading import (
    constant_text,
    free_names,
    global_names,
    is_import,
    nodes_below,
    parse,
    resolve,
    text_of,
)

# What may be a line that IPython translates, each at the price of reading the whole cell once more.
MAGIC = re.compile(r"^[ \t]*[%!?/,;]|\?[ \t]*$|=[ \t]*[%!]", re.MULTILINE)
# What may be a prompt, which IPython takes off, also in Python.
PROMPT = re.compile(r"^[ \t]*>>>|^[^\S\n]*\.{3,}:|^(?:\[\w+\] )?In \[", re.MULTILINE)
EMPTY_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
CELL_MAGIC = re.compile(r"\s*%%[^\n]*(?:\n|$)")
MAX_SOURCE = 400_000  # characters of a notebook's code that are read: parsing costs a thousand times their size
MAX_READING = 1_000_000  # characters that may be read to translate them
# What a function may use that no cell defines; not what leads from there to everything else.
GIVEN = {*dir(builtins), "display", "__name__"} - {"__import__", "compile", *NAMESPACES}
EVALUATORS = {"eval", "exec", "run_cell"}
# What only those who change other names' meaning use.
DOORS = {"get_ipython", *NAMESPACES}


@dataclass(frozen=True)
class Reading:
    """What a cell does; `defines` if it does nothing but define, so that nothing can end it before its end."""

    statements: list[ast.stmt]
    defines: bool


@dataclass(frozen=True)
class Definition:
    """A statement of a cell that gives a name its meaning, or changes it."""

    cell: int
    statement: ast.stmt


@dataclass
class Submitted:
    """The code of a submission."""

    cells: list[CodeCell]
    _uses: dict[Definition, set[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, notebook: NotebookNode, assignment: Assignment) -> Submitted:
        """The cells that grading runs: all code but test cells and experiments, by what the source says they are.

        A locked cell runs as the source has it, whatever became of it in the submission.
        """
        cells = []
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            source = assignment.cells.get(grade_id(cell) or "")
            if source is None:
                cells.append(CodeCell(number, cell.source, f"Cell {number + 1}"))
            elif kind(source) in ("solution", "locked", "free") and not is_experiment(source):
                text = source.source if kind(source) == "locked" else cell.source
                label = f"The cell `{grade_id(source)}`"
                cells.append(CodeCell(number, text, label, given=kind(source) == "locked"))
        return cls(cells)

    @classmethod
    def of_reference(cls, assignment: Assignment) -> Submitted:
        """The reference solution, as if it had been handed in."""
        return cls([CodeCell(0, assignment.reference_source, "The reference solution")])

    def line(self, cell: int, line: int) -> str:
        """A line of the student's own code, or ""."""
        source = next((c.source for c in self.cells if c.number == cell), "")
        lines = EMPTY_LINES.sub("", source).splitlines()  # IPython counts from the first line with something in it
        return lines[line - 1].strip() if 1 <= line <= len(lines) else ""

    @cached_property
    def definitions(self) -> dict[str, list[Definition]]:
        """For each name that the top level of a cell gives a meaning to, the statements that may have the last word.

        A cell that does nothing but define takes the place of what was defined before, unless something may have kept
        that, or may have kept the cell from running. Any other cell may never have come so far: what it defines
        stands beside. Code that is too long to be read defines nothing.
        """
        found: dict[str, list[Definition]] = {}
        for cell, reading in self._readings.items():
            new: dict[str, list[Definition]] = {}
            for statement in reading.statements:
                definition = Definition(cell, statement)
                for name in names_bound(statement, self._modules):
                    new.setdefault(name, []).append(definition)
            for name, definitions in new.items():
                replaces = reading.defines and not (name in found and (self._round_about or name in self._kept))
                found[name] = definitions if replaces else [*found.get(name, ()), *definitions]
        return found

    @cached_property
    def _kept(self) -> set[str]:
        """Names whose value some code takes up: what they meant before may live on under another name."""
        kept: set[str] = set()
        for statement in self._statements:
            own = {statement.name} if isinstance(statement, ast.FunctionDef | ast.ClassDef) else set()
            kept |= names_handed_on(statement) - own
        return kept

    @cached_property
    def unread(self) -> str:
        """The label of the longest cell that nobody has read, so that it may do anything; "" if there is none."""
        unread = [cell for cell in self.cells if cell.number not in self._readings]
        return max(unread, key=lambda cell: len(cell.source)).label if unread else ""

    def broken_definition(self, name: str) -> int | None:
        """The last cell that looks as if it defined a name and that is no Python; None if there is none."""
        looks = re.compile(rf"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+{re.escape(name)}\b", re.MULTILINE)
        read = {number for number, reading in self._readings.items() if reading.statements}
        broken = [cell.number for cell in self.cells if cell.number not in read and looks.search(cell.source)]
        return broken[-1] if broken else None

    @cached_property
    def _readings(self) -> dict[int, Reading]:
        """Of the cells that could be read."""
        if sum(len(cell.source) for cell in self.cells) > MAX_SOURCE:
            return {}
        found, left = {}, MAX_READING
        for cell in self.cells:
            translations = len(MAGIC.findall(cell.source))
            left -= translations * len(cell.source)
            translate = translations > 0 or PROMPT.search(cell.source) is not None
            if left >= 0 and (reading := _read(cell.source, translate=translate)):
                found[cell.number] = reading
        return found

    @cached_property
    def _every(self) -> list[Definition]:
        """Every statement of the cells that could be read."""
        return [Definition(cell, s) for cell, reading in self._readings.items() for s in reading.statements]

    @cached_property
    def _statements(self) -> list[ast.stmt]:
        return [definition.statement for definition in self._every]

    @cached_property
    def _imports(self) -> list[ast.stmt]:
        return list(filter(is_import, self._statements))

    @cached_property
    def _modules(self) -> set[str]:
        return names_imported(self._statements)

    @cached_property
    def _own(self) -> list[Definition]:
        """The statements of the cells that are the student's."""
        given = {cell.number for cell in self.cells if cell.given}
        return [definition for definition in self._every if definition.cell not in given]

    @cached_property
    def _round_about(self) -> list[Definition]:
        """The student's statements that may give names another meaning without naming them."""
        return [definition for definition in self._own if goes_round(definition.statement)]

    @cached_property
    def _patches(self) -> list[Definition]:
        """What may change the meaning of something that whoever uses it need not name, and what uses that."""
        patches = [d for d in self._every if names_changed(d.statement) & self._modules]
        round_about = [*self._round_about]
        if round_about:
            users: dict[str, list[Definition]] = {}
            for definition in self._own:
                for name in self._used(definition):
                    users.setdefault(name, []).append(definition)
            for definition in round_about:
                for name in names_defined(definition.statement):
                    round_about += users.pop(name, [])
        return list(dict.fromkeys([*patches, *round_about]))

    def _code_of(self, name: str, others: Collection[str]) -> list[ast.stmt]:
        """What defines a name, and the helpers it uses, except those in `others`; then what `_patches` are."""
        used = [n for patch in self._patches for n in self._used(patch) if n not in others]
        names = self._reach([name, *used], others)
        found = [*(d for n in names for d in self.definitions[n]), *self._patches]
        return list({id(d.statement): d.statement for d in found}.values())

    def source_of(self, name: str, others: Collection[str]) -> str:
        """The text of what defines a name, with the imports and with the helpers it uses, except those in `others`."""
        if name not in self.definitions:
            return ""
        statements = {id(statement): statement for statement in [*self._imports, *self._code_of(name, others)]}
        return "\n".join(map(text_of, statements.values()))

    def lost_from_sight(self, name: str, others: Collection[str]) -> str:
        """The first name in the code of `name` that leads where nobody can follow; "" if there is none."""
        known = {*GIVEN, *others, *self.definitions}
        own = {id(d.statement) for n in self.reachable(name, others) for d in self.definitions[n]}
        lost = (
            found
            for statement in self._code_of(name, others)
            for found in (
                (*_lost(statement, known), *self._leads_out(statement))
                if id(statement) in own
                else _lost(statement, known | DOORS)
            )
        )
        return next(lost, "")

    def _leads_out(self, statement: ast.stmt) -> Iterator[str]:
        """What a statement takes up from modules from which any code could come (see `utils.modules`)."""
        own = _by_name(origins(statement))
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            known = {name: self._origins[name] for name in global_names(statement) & self._origins.keys()} | own
            below = nodes_below(statement)
            beginnings = {id(node.value) for node in below if isinstance(node, ast.Attribute)}
            for node in below:
                if isinstance(node, ast.Name | ast.Attribute) and id(node) not in beginnings:
                    name, dot, rest = resolve(node, {}).partition(".")
                    yield from filter(None, (leads_to(f"{origin}{dot}{rest}") for origin in known.get(name, ())))

    @cached_property
    def _origins(self) -> dict[str, set[str]]:
        """For each name that an import gives a meaning to at the top level, what it stands for."""
        return _by_name(
            (name, origin) for s in self._statements for name, origin in origins(s) if name in names_defined(s)
        )

    def reachable(self, name: str, stop: Collection[str] = ()) -> list[str]:
        """A name and the names that its definitions use, and theirs; `stop` names are not entered."""
        return self._reach([name], stop)

    def _reach(self, starts: list[str], stop: Collection[str]) -> list[str]:
        found = set(starts)
        seen = [name for name in dict.fromkeys(starts) if name in self.definitions]
        for current in seen:
            used = {n for definition in self.definitions[current] for n in self._used(definition)}
            new = sorted(used - found - set(stop))
            seen += new
            found.update(new)
        return seen

    def _used(self, definition: Definition) -> set[str]:
        """Names with a definition that another one uses."""
        if definition not in self._uses:
            self._uses[definition] = free_names(definition.statement, self.definitions.keys())
        return self._uses[definition]


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, value in pairs:
        found.setdefault(name, set()).add(value)
    return found


def _lost(statement: ast.stmt, known: Collection[str]) -> Iterator[str]:
    """Names that are in no cell, modules that are not installed, and evaluators of a text that is not written out."""
    below = nodes_below(statement)
    written_out = {id(c.func) for c in below if isinstance(c, ast.Call) and _says_what_it_runs(c)}
    caught = {node.name for node in below if isinstance(node, ast.ExceptHandler)}
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        yield from sorted(global_names(statement) - caught - set(known))
    for node in below:
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
            yield from (name for name in modules if not _is_installed(name))
        elif isinstance(node, ast.Name) and node.id in EVALUATORS and id(node) not in written_out:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr == "run_cell" and id(node) not in written_out:
            yield node.attr
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in EVALUATORS and node.args and not _says_what_it_runs(node):
                yield called
            if called == "import_module" and not all(
                isinstance(t, str) and _is_installed(t) for t in _first_text(node)
            ):
                yield called
            if magic := magic_that_runs(node):
                yield magic


def _first_text(call: ast.Call) -> list[object]:
    return [argument.value if isinstance(argument, ast.Constant) else None for argument in call.args[:1]]


def _says_what_it_runs(call: ast.Call) -> bool:
    """Whether the first argument is a text that is written out, and code that can be read."""
    try:
        parse((call.args and constant_text(call.args[0])) or "?")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_installed(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in ("", "__main__") and (top in sys.modules or importlib.util.find_spec(top) is not None)


def _read(source: str, *, translate: bool) -> Reading | None:
    """What a cell does as IPython runs it, nothing if it cannot run; None if nobody can tell."""
    try:
        if not translate:
            try:
                statements = parse(source).body
                return Reading(statements, all(map(_only_defines, statements)))
            except SyntaxError:  # indented as a whole, behind prompts, or a magic without its sign
                pass
        return Reading(parse(_translated(source)).body, defines=False)
    except (RecursionError, MemoryError):
        return None
    except (SyntaxError, ValueError, RuntimeError):
        return Reading([], defines=False)


def _translated(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    while magic := CELL_MAGIC.match(source):  # what stands below it is the student's code
        source = source[magic.end() :]
    source = TransformerManager().transform_cell(source)
    name, _, code = source.strip().partition(" ")
    if name.isidentifier() and "\n" not in code and not _is_python(source):
        return f"get_ipython().run_line_magic({name!r}, {code!r})"
    return source


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _only_defines(statement: ast.stmt) -> bool:
    """Whether nothing in a statement can stop the cell that it stands in."""
    evaluated: list[ast.AST | None] = []
    if isinstance(statement, ast.FunctionDef):
        every = [a for a in ast.walk(statement.args) if isinstance(a, ast.arg)]
        evaluated += [*statement.decorator_list, statement.returns, *(a.annotation for a in every)]
        evaluated += [*statement.args.defaults, *statement.args.kw_defaults]
    elif isinstance(statement, ast.ClassDef):
        evaluated += [*statement.decorator_list, *statement.bases, *statement.keywords]
        if not all(map(_only_defines, statement.body)):
            return False
    elif isinstance(statement, ast.Assign):
        evaluated += [statement.value, *(None if isinstance(t, ast.Name) else t for t in statement.targets)]
    elif isinstance(statement, ast.Expr):
        evaluated += [statement.value]
    elif not isinstance(statement, ast.Pass):
        return False
    return all(node is None or isinstance(node, ast.Constant) for node in evaluated) and _compiles(statement)


def _compiles(statement: ast.stmt) -> bool:
    try:
        compile(ast.Module([statement], []), "<cell>", "exec")
    except (SyntaxError, ValueError):
        return False
    return True

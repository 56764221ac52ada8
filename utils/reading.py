"""Reads Python code: its nodes, its text, and the names that it uses. Nothing in it runs."""

from __future__ import annotations

import ast
import re
import symtable
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import suppress
from functools import wraps
from typing import TypeVar

EVALUATORS = {"eval", "exec", "run_cell", "run_cell_magic", "run_line_magic", "CompilationUnit"}
_MAX_OPTIONS = 8  # words of a magic that stand before its code
_MAX_DEPTH = 150  # of nodes in each other: whoever reads them takes a few calls for each, of the thousand there are

Answer = TypeVar("Answer")


def once(question: Callable[[ast.AST], Answer]) -> Callable[[ast.AST], Answer]:
    """Keeps the answer with the node: the same statements are asked about for every function that uses them."""
    key = f"_{question.__name__}"

    @wraps(question)
    def asked(node: ast.AST) -> Answer:
        if key not in vars(node):
            vars(node)[key] = question(node)
        return vars(node)[key]

    return asked


def parse(source: str) -> ast.Module:
    """`ast.parse`, which refuses with a RecursionError what is nested too deeply to be read."""
    tree = ast.parse(source)
    level: list[ast.AST] = [tree]
    for _ in range(_MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
    if level:
        raise RecursionError("The code is nested too deeply.")
    return tree


@once
def nodes_below(node: ast.AST) -> list[ast.AST]:
    """All nodes below that say something, also those of code in a string that is evaluated."""
    below = [node]
    for child in below:
        below += _children(child)
        if isinstance(child, ast.Call):
            below += evaluated(child)
    return below


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What `ast.iter_child_nodes` gives, without `ast.Load` and the like: they are half of all nodes."""
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, ast.AST))
        elif isinstance(value, ast.AST) and field != "ctx":
            yield value


def evaluated(call: ast.Call) -> list[ast.AST]:
    """The code in the texts that a call evaluates, as in `exec("x = 1")`."""
    if resolve(call.func, {}).rpartition(".")[2] not in EVALUATORS:
        return []
    return [code for argument in call.args if (code := parse_text(constant_text(argument))) is not None]


def parse_text(text: str | None) -> ast.AST | None:
    """The code in a text, behind the options of a magic: `-q x = 1`; None if there is none."""
    words = re.findall(r"\S+\s*", text or "")
    for start in range(min(len(words), _MAX_OPTIONS + 1)):
        try:
            return parse("".join(words[start:]))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def constant_text(node: ast.AST) -> str | None:
    """The value of a string that is written out, also in parts: "auto" + "grad"."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [constant_text(part) for part in node.values]
        return None if None in parts else "".join(part for part in parts if part is not None)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = constant_text(node.left), constant_text(node.right)
        return left + right if left is not None and right is not None else None
    return None


def resolve(node: ast.AST, aliases: Mapping[str, str]) -> str:
    """The dotted name of `a.b.c`, its first part replaced by what it stands for; ".c" after anything but a name."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{resolve(node.value, aliases)}.{node.attr}"
    return ""


@once
def text_of(node: ast.AST) -> str:
    """The code of a node."""
    return ast.unparse(node)


def is_import(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def public_names(module: str) -> set[str]:
    """What `from module import *` brings, of a module that is here."""
    names = vars(sys.modules[module]) if module in sys.modules else {}
    return set(names.get("__all__", [name for name in names if not name.startswith("_")]))


def free_names(node: ast.AST, names: Set[str]) -> set[str]:
    """Those of `names` that code uses and that none of its functions binds for itself."""
    below = nodes_below(node)
    found = {child.id for child in below if isinstance(child, ast.Name)} & names
    if not found & _may_be_bound(node):  # what follows takes several times as long
        return found
    with suppress(SyntaxError, ValueError, RecursionError):
        found &= global_names(node)
    own = [node]  # without the code in texts, which answers for the texts in it
    for child in own:
        own += _children(child)
    texts = (code for child in own if isinstance(child, ast.Call) for code in evaluated(child))
    return found.union(*(free_names(code, names) for code in texts))


@once
def _may_be_bound(node: ast.AST) -> set[str | None]:
    """Names that code may give a meaning to somewhere, and some that it does not."""
    bound: set[str | None] = set()
    for child in nodes_below(node):
        if isinstance(child, ast.Name):
            if not isinstance(child.ctx, ast.Load):
                bound.add(child.id)
        else:
            bound.update(getattr(child, field) for field in ("name", "asname", "arg", "rest") if field in child._fields)
    return bound


@once
def global_names(node: ast.AST) -> set[str]:
    """Names that code reads and that none of its functions binds for itself; raises SyntaxError, ValueError."""

    def used(table: symtable.SymbolTable) -> set[str]:
        top = table.get_type() == "module"
        names = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
        return names.union(*map(used, table.get_children()))

    return used(symtable.symtable(text_of(node), "<cell>", "exec"))

"""Finds forbidden names in the source of a function: `torch.autograd` under any alias, `.backward` on any object."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

from utils.modules import leads_to
from utils.reading import (
    EVALUATORS,
    constant_text,
    evaluated,
    free_names,
    global_names,
    is_import,
    nodes_below,
    parse,
    parse_text,
    public_names,
    resolve,
)

_LOOKUPS = {"getattr", "hasattr", "attrgetter", "methodcaller", "import_module", "__import__", "__getattribute__"}
# Two strings that become one: 'a' + 'b', 'a' 'b', 'a''b'.
_JOINED = re.compile(r"""['"][\s)]*\+|\+[\s(]*\w{0,2}['"]|['"]\s+\w{0,2}['"]|(?<=\w)['"]\w{0,2}['"]\w""")

# From the insides of torch everything can be had.
_INSIDES = re.compile(r"torch\.(?:\w+\.)*(?:_[A-Za-z]|ops\b)")
_MAY_BE_INSIDE = re.compile(r"(?<!self\.)\b_[A-Za-z]|\bops\b")

Aliases = dict[str, str]


@dataclass(frozen=True)
class Use:
    """A name as it was resolved, and where it stands."""

    name: str
    node: ast.AST

    @property
    def code(self) -> str:
        """The code that uses the name."""
        return ast.unparse(self.node)


def find_use(function: Any, names: list[str]) -> Use | None:
    """The first use of one of the names in the source of a function or class, or of a helper beside it that it uses.

    The source is the attribute `__descent_source__` where there is one: imports, and all code that counts. Else it is
    what `inspect` finds. Raises TypeError if there is no source to read.
    """
    given = getattr(function, "__descent_source__", None)
    if given is not None and _mentions_none(given, names):
        return None
    reached, aliases = _read(function)
    own = _methods(reached)
    forbidden = [name for name in names if name not in own]
    for use in (use for node in reached for use in _uses(nodes_below(node), aliases)):
        if any(_matches(use.name, name) for name in forbidden) or (_of_torch(names) and _INSIDES.match(use.name)):
            return use
    return _use_out_of_sight(reached, aliases, [name for name in names if name.rpartition(".")[0]])


def find_stranger(function: Any) -> Use | None:
    """The first use, in the same code, of a module from which any code could come (see `utils.modules`).

    Where the source is given, whoever gave it has looked.
    """
    if hasattr(function, "__descent_source__"):
        return None
    reached, outer = _read(function)
    for node in reached:
        below = nodes_below(node)
        aliases = {name: outer[name] for name in global_names(node) & outer.keys()}
        aliases |= _bindings((child for child in below if isinstance(child, ast.stmt)), outer)
        beginnings = {id(child.value) for child in below if isinstance(child, ast.Attribute)}
        for child in below:
            if isinstance(child, ast.Name | ast.Attribute) and id(child) not in beginnings:
                root = resolve(child, {}).partition(".")[0]
                if root in aliases and (found := leads_to(resolve(child, aliases))):
                    return Use(found, child)
    return None


def _read(function: Any) -> tuple[list[ast.AST], Aliases]:
    """The code of a function or class and of the helpers that it uses, and what names in it stand for."""
    given = getattr(function, "__descent_source__", None)
    space = _globals_of(function) if given is None else {}
    module = ast.parse(_source_of(function) if given is None else textwrap.dedent(given))
    beside = getattr(function, "__module__", None)
    aliases = {
        name: dotted
        for name, value in space.items()
        if getattr(value, "__module__", None) != beside and (dotted := _dotted_name(value))
    }
    aliases |= _bindings(module.body, aliases)
    reached: list[ast.AST] = [statement for statement in module.body if not is_import(statement)]
    seen = {getattr(function, "__name__", "")}
    for node in reached:
        for called in free_names(node, space.keys()) - seen:
            seen.add(called)
            reached += _helper(space[called], function)
    return reached, aliases


def _of_torch(names: list[str]) -> bool:
    return any(name.startswith("torch.") for name in names)


def _methods(nodes: list[ast.AST]) -> set[str]:
    """Methods of classes that the code itself defines, each as `.name`."""
    classes = (child for node in nodes for child in nodes_below(node) if isinstance(child, ast.ClassDef))
    return {f".{method.name}" for owner in classes for method in owner.body if isinstance(method, ast.FunctionDef)}


def _mentions_none(source: str, names: list[str]) -> bool:
    """Whether the text alone shows that none of the names is used, which is a hundred times as quick as reading it.

    Who uses a name writes its last part, unless the text puts strings together, escapes a letter, or evaluates code.
    """
    words = {name.rpartition(".")[2] for name in names} | EVALUATORS
    written = set(re.findall(r"\w+", unicodedata.normalize("NFKC", source)))  # as Python reads identifiers
    inside = _of_torch(names) and _MAY_BE_INSIDE.search(source)
    return not written & words and "\\" not in source and not _JOINED.search(source) and not inside


def _uses(below: list[ast.AST], outer: Aliases) -> Iterator[Use]:
    """Every name, attribute chain, keyword argument, import and constant look-up among the nodes, resolved."""
    aliases = outer | _bindings((child for child in below if isinstance(child, ast.stmt)), outer)
    for child in below:
        if isinstance(child, ast.Name | ast.Attribute):
            yield Use(resolve(child, aliases), child)
        elif isinstance(child, ast.keyword) and child.arg:
            yield Use(f".{child.arg}", child)
        elif isinstance(child, ast.Import):
            yield from (Use(alias.name, child) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (Use(f"{child.module or ''}.{alias.name}", child) for alias in child.names)
        elif isinstance(child, ast.Call):
            yield from _hidden_uses(child, aliases)


def _hidden_uses(call: ast.Call, aliases: Aliases) -> Iterator[Use]:
    """`getattr(torch, "autograd")`, `import_module("torch.optim")`, `eval("x.backward()")` with constant strings."""
    callee = resolve(call.func, aliases).rpartition(".")[2]
    texts = [text for argument in call.args if (text := constant_text(argument)) is not None]
    if callee in _LOOKUPS:
        owner = resolve(call.args[0], aliases) if len(call.args) > 1 else ""
        for text in texts:
            yield Use(text, call)
            yield Use(f"{owner}.{text}", call)
    if callee in EVALUATORS and not evaluated(call):  # else its code stands among the nodes already
        for tree in filter(None, map(parse_text, texts)):
            yield from _uses(nodes_below(tree), aliases)


def _use_out_of_sight(reached: list[ast.AST], aliases: Aliases, names: list[str]) -> Use | None:
    """A use of one of the dotted names by a road that no name marks: `[torch][0].autograd`, `vars(torch)["autograd"]`.

    Where `torch` itself is handed on, or is named in a string, whatever has or says "autograd" may be it.
    """
    below = [child for node in reached for child in nodes_below(node)]
    followed = {id(c.value) for c in below if isinstance(c, ast.Attribute) and not c.attr.startswith("__")}
    followed |= {id(node.value) for node in reached if isinstance(node, ast.Assign)}  # an alias
    followed |= {id(c.args[0]) for c in below if isinstance(c, ast.Call) and _looks_up_a_constant(c)}
    prose = {id(child.value) for child in below if isinstance(child, ast.Expr)}
    texts = [(t, c) for c in below if id(c) not in prose and (t := constant_text(c)) is not None]
    owners = {text for text, _ in texts}
    for child in below:
        if (
            isinstance(child, ast.Name | ast.Attribute)
            and isinstance(child.ctx, ast.Load)
            and id(child) not in followed
        ):
            owners.add(resolve(child, aliases))
    for name in names:
        last = name.rpartition(".")[2]
        handed_on = any(name.startswith(f"{owner}.") for owner in owners)
        for text, node in texts:
            if _matches(text, name) or (handed_on and last in text.split(".")):
                return Use(name, node)
            if last in text:
                used = _used_in_text(text)
                if used is None or any(_matches(found, name) for found in used):
                    return Use(name, node)
        for node in below if handed_on else ():
            if isinstance(node, ast.Attribute) and node.attr == last:
                return Use(name, node)
    return None


@lru_cache(maxsize=1024)
def _used_in_text(text: str) -> set[str] | None:
    """What a string would use if somebody ran it, if it is code; None if nobody can tell."""
    try:
        return {use.name for use in _uses(nodes_below(parse(text)), {})}
    except (SyntaxError, ValueError):
        return set()
    except (RecursionError, MemoryError):
        return None


def _looks_up_a_constant(call: ast.Call) -> bool:
    return len(call.args) > 1 and resolve(call.func, {}) in _LOOKUPS and constant_text(call.args[1]) is not None


def _matches(used: str, forbidden: str) -> bool:
    if forbidden.startswith("."):
        return forbidden[1:] in used.split(".")[1:]
    parts = iter(used.split("."))
    return all(part in parts for part in forbidden.split("."))  # `torch.distributed.optim` too


def _bindings(statements: Iterable[ast.stmt], outer: Mapping[str, str]) -> Aliases:
    """What names stand for after imports (`import torch.optim as o`) and plain assignments (`t = torch`)."""
    found: Aliases = {}
    for node in statements:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.names[0].name == "*":
                found |= {name: f"{node.module}.{name}" for name in public_names(node.module)}
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
            dotted = resolve(node.value, {**outer, **found})
            root = dotted.partition(".")[0]
            if root in sys.modules:
                found |= {target.id: dotted for target in node.targets if isinstance(target, ast.Name)}
    return found


def _source_of(function: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        # A class of a notebook has no file of its own, but its methods have, except those that a decorator made.
        body = "\n".join(map(_text_of_method, vars(function).values())) if _is_class(function) else ""
        if not body.strip():
            raise TypeError(f"check_not_used needs a function or class with a source, not {function!r}.") from None
        return f"class {function.__name__}:\n{textwrap.indent(body, '    ')}"


def _text_of_method(value: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(value)) if isinstance(value, FunctionType) else ""
    except OSError:
        return ""


def _globals_of(function: Any) -> Mapping[str, Any]:
    if _is_class(function):
        methods = [f for f in vars(function).values() if isinstance(f, FunctionType)]
        return methods[0].__globals__ if methods else {}
    return getattr(inspect.unwrap(function), "__globals__", {})


def _dotted_name(value: Any) -> str:
    """What a global stands for: a module, or a function or class of a library."""
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, FunctionType | type):
        return f"{value.__module__}.{value.__qualname__}" if value.__module__ is not None else ""
    return ""


def _helper(value: Any, function: Callable) -> list[ast.AST]:
    """The definition of a global that was written beside the function."""
    if not (isinstance(value, FunctionType) or _is_class(value)) or value.__module__ != function.__module__:
        return []
    try:
        return [ast.parse(_source_of(value))]
    except (TypeError, SyntaxError):
        return []


def _is_class(value: Any) -> bool:
    return isinstance(value, type)

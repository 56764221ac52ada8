"""Finds forbidden names in the source of a function: `torch.autograd` under any alias, `.backward` on any object."""

from __future__ import annotations

import ast
import inspect
import re
import symtable
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, wraps
from types import FunctionType, ModuleType
from typing import Any, TypeVar

_LOOKUPS = {"getattr", "hasattr", "attrgetter", "methodcaller", "import_module", "__import__", "__getattribute__"}
_EVALUATORS = {"eval", "exec", "run_cell", "run_cell_magic", "run_line_magic", "CompilationUnit"}
_NAMESPACES = {"globals", "locals", "vars"}
# What gives names a meaning, or keeps a cell from giving them one, without writing them down.
_DOORS = {
    *_NAMESPACES,
    *("get_ipython", "exec", "compile", "__import__", "import_module", "spec_from_file_location"),
    *("__code__", "__globals__", "__dict__", "__builtins__", "__defaults__", "__kwdefaults__", "__closure__"),
    *("cell_contents", "user_ns", "user_global_ns", "user_module", "f_globals", "f_locals", "f_back", "tb_frame"),
    *("settrace", "setprofile", "_getframe", "currentframe", "_current_frames", "get_objects", "get_referrers"),
}
_DOOR_ATTRIBUTES = _DOORS - {"compile"}
_DOOR_MODULES = set("IPython __main__ _thread atexit builtins ctypes gc inspect runpy signal threading".split())
_HARMLESS = {"IPython.display"}
_MAGICS = {"run_line_magic", "run_cell_magic", "system", "getoutput"}
_MAGICS_THAT_RUN = {"run", "rerun", "recall", "macro", "load_ext", "reload_ext"}
# Two strings that become one: 'a' + 'b', 'a' 'b', 'a''b'.
_JOINED = re.compile(r"""['"][\s)]*\+|\+[\s(]*\w{0,2}['"]|['"]\s+\w{0,2}['"]|(?<=\w)['"]\w{0,2}['"]\w""")
_MAX_OPTIONS = 4  # words of a magic that stand before its code

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Aliases = dict[str, str]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Use:
    """A name as it was resolved, and where it stands."""

    name: str
    node: ast.AST

    @property
    def code(self) -> str:
        """The code that uses the name."""
        return ast.unparse(self.node)


def _once(question: Callable[[ast.AST], Answer]) -> Callable[[ast.AST], Answer]:
    """Keeps the answer with the node: the same statements are asked about for every function that uses them."""
    key = f"_{question.__name__}"

    @wraps(question)
    def asked(node: ast.AST) -> Answer:
        if key not in vars(node):
            vars(node)[key] = question(node)
        return vars(node)[key]

    return asked


def find_use(function: Any, names: list[str]) -> Use | None:
    """The first use of one of the names in the source of a function or class, or of a helper beside it that it uses.

    The source is the attribute `__descent_source__` where there is one: imports, and all code that counts. Else it is
    what `inspect` finds. Raises TypeError if there is no source to read.
    """
    given = getattr(function, "__descent_source__", None)
    if given is not None and _mentions_none(given, names):
        return None
    space = _globals_of(function) if given is None else {}
    module = ast.parse(_source_of(function) if given is None else textwrap.dedent(given))
    aliases = {name: dotted for name, value in space.items() if (dotted := _dotted_name(value))}
    aliases |= _bindings(module.body, aliases)
    reached: list[ast.AST] = [statement for statement in module.body if not is_import(statement)]
    seen = {getattr(function, "__name__", "")}
    for node in reached:
        for called in free_names(node, space.keys()) - seen:
            seen.add(called)
            reached += _helper(space[called], function)
    own = _methods(reached)
    forbidden = [name for name in names if name not in own]
    for use in (use for node in reached for use in _uses(nodes_below(node), aliases)):
        if any(_matches(use.name, name) for name in forbidden):
            return use
    return _use_out_of_sight(reached, aliases, [name for name in names if name.rpartition(".")[0]])


def _methods(nodes: list[ast.AST]) -> set[str]:
    """Methods of classes that the code itself defines, each as `.name`."""
    classes = (child for node in nodes for child in nodes_below(node) if isinstance(child, ast.ClassDef))
    return {f".{method.name}" for owner in classes for method in owner.body if isinstance(method, ast.FunctionDef)}


def _mentions_none(source: str, names: list[str]) -> bool:
    """Whether the text alone shows that none of the names is used, which is a hundred times as quick as reading it.

    Who uses a name writes its last part, unless the text puts strings together, escapes a letter, or evaluates code.
    """
    words = {name.rpartition(".")[2] for name in names} | _EVALUATORS
    written = set(re.findall(r"\w+", unicodedata.normalize("NFKC", source)))  # as Python reads identifiers
    return not written & words and "\\" not in source and not _JOINED.search(source)


def names_bound(statement: ast.stmt, modules: Set[str]) -> set[str]:
    """Names to which a statement gives a meaning, or whose meaning it may change: `f.__code__ = g`, `exec("f = g")`.

    A call of what is in one of the `modules` changes none of them.
    """
    return names_defined(statement) | names_changed(statement) | _names_called_on(statement) - modules


@_once
def names_defined(statement: ast.AST) -> set[str]:
    """Names to which a statement gives a meaning."""
    if isinstance(statement, Definition):
        inner = [name for node in nodes_below(statement) if isinstance(node, ast.Global) for name in node.names]
        return {statement.name, *inner}
    found: set[str] = set()
    for node in nodes_below(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, Definition | ast.MatchAs | ast.MatchStar):
            found.add(node.name or "")
        elif isinstance(node, ast.MatchMapping):
            found.add(node.rest or "")
        elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found |= _public_names(node.module or "")
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
    return found - {"", "*"}


@_once
def names_changed(statement: ast.AST) -> set[str]:
    """Names whose objects a statement gives another attribute or item."""
    if isinstance(statement, Definition):
        return set()
    changed, parameters = {""}, {""}
    for node in nodes_below(statement):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            changed.add(_root(node))
        elif isinstance(node, ast.Call) and _resolve(node.func, {}) == "setattr" and node.args:
            changed.add(_root(node.args[0]))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_inner(node.func):
            changed.add(_root(node.func))
        elif isinstance(node, ast.arg):
            parameters.add(node.arg)
    return changed - parameters


def names_imported(statements: list[ast.stmt]) -> set[str]:
    """Names that nothing but imports give a meaning to: calling what is in a module does not change it."""
    others = {name for s in statements if not is_import(s) for name in names_defined(s)}
    return {name for s in statements if is_import(s) for name in names_defined(s)} - others


def _is_inner(method: ast.Attribute) -> bool:
    """Whether a method is one of a namespace, `vars(a).update`, or one that Python calls, `a.__setattr__`."""
    owner = method.value
    if isinstance(owner, ast.Call):
        return _resolve(owner.func, {}) == "vars"
    return method.attr.startswith("__") or (isinstance(owner, ast.Attribute) and owner.attr == "__dict__")


@_once
def goes_round(statement: ast.AST) -> bool:
    """Whether a statement may change what names stand for without naming them: by namespaces, frames, code, the shell.

    Magics that only measure or show do not.
    """
    below = nodes_below(statement)
    magics = {id(c.func.value.func) for c in below if _is_magic(c)}  # type: ignore[attr-defined]
    for node in below:
        if isinstance(node, ast.Name):
            found = node.id in _DOORS and id(node) not in magics
        elif isinstance(node, ast.Attribute):
            found = node.attr in _DOOR_ATTRIBUTES or (node.attr == "modules" and _resolve(node, {}) == "sys.modules")
        elif isinstance(node, ast.Import):
            modules = {alias.name for alias in node.names} - _HARMLESS
            found = any(name.partition(".")[0] in _DOOR_MODULES for name in modules)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            unknown = node.names[0].name == "*" and module not in sys.modules
            door = module not in _HARMLESS and module.partition(".")[0] in _DOOR_MODULES | {"sys"}
            found = unknown or door
        else:
            found = isinstance(node, ast.Call) and magic_that_runs(node) != ""
        if found:
            return True
    return False


def _is_magic(node: ast.AST) -> bool:
    """`get_ipython().run_line_magic(...)` and the like, which is what IPython makes of a magic."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _MAGICS
        and isinstance(node.func.value, ast.Call)
        and isinstance(node.func.value.func, ast.Name)
        and node.func.value.func.id == "get_ipython"
    )


def magic_that_runs(call: ast.Call) -> str:
    """`%run file` and its relatives, which run code that no cell shows; "" for any other call."""
    texts = [_constant_text(argument) or "" for argument in call.args]
    if not _is_magic(call) or not texts or texts[0] not in _MAGICS_THAT_RUN:
        return ""
    return "" if texts[0].endswith("load_ext") and texts[1:] == ["autoreload"] else f"%{texts[0]}"


@_once
def names_handed_on(statement: ast.AST) -> set[str]:
    """Names whose value code takes up without calling it."""
    below = nodes_below(statement)
    called = {id(node.func) for node in below if isinstance(node, ast.Call)}
    return {n.id for n in below if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in called}


def is_import(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


@_once
def _names_called_on(statement: ast.AST) -> set[str]:
    """Names whose objects a statement may change by calling a method of theirs: `kept.append(f)`."""
    if isinstance(statement, Definition):
        return set()
    calls = (node.func for node in nodes_below(statement) if isinstance(node, ast.Call))
    return {_root(function) for function in calls if isinstance(function, ast.Attribute)} - {""}


def _public_names(module: str) -> set[str]:
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
    texts = (code for child in below if isinstance(child, ast.Call) for code in _evaluated(child))
    return found.union(*(free_names(code, names) for code in texts))


@_once
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


@_once
def text_of(node: ast.AST) -> str:
    """The code of a node."""
    return ast.unparse(node)


@_once
def global_names(node: ast.AST) -> set[str]:
    """Names that code reads and that none of its functions binds for itself; raises SyntaxError, ValueError."""

    def used(table: symtable.SymbolTable) -> set[str]:
        top = table.get_type() == "module"
        names = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
        return names.union(*map(used, table.get_children()))

    return used(symtable.symtable(text_of(node), "<cell>", "exec"))


@_once
def nodes_below(node: ast.AST) -> list[ast.AST]:
    """All nodes below that say something, also those of code in a string that is evaluated."""
    below = [node]
    for child in below:
        below += _children(child)
        if isinstance(child, ast.Call):
            below += _evaluated(child)
    return below


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What `ast.iter_child_nodes` gives, without `ast.Load` and the like: they are half of all nodes."""
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, ast.AST))
        elif isinstance(value, ast.AST) and field != "ctx":
            yield value


def _evaluated(call: ast.Call) -> list[ast.AST]:
    if _resolve(call.func, {}).rpartition(".")[2] not in _EVALUATORS:
        return []
    return [code for argument in call.args if (code := _parse_text(_constant_text(argument))) is not None]


def _parse_text(text: str | None) -> ast.AST | None:
    """The code in a text, behind the options of a magic: `-q x = 1`."""
    words = re.findall(r"\S+\s*", text or "")
    for start in range(min(len(words), _MAX_OPTIONS + 1)):
        try:
            return ast.parse("".join(words[start:]))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _root(node: ast.AST) -> str:
    """`a` of `a.b[0]`, of `vars(a)["b"]` and of `globals()["a"]`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(node, ast.Call):
            if _resolve(node.func, {}) != "vars" or not node.args:
                return ""
            node = node.args[0]
            continue
        owner = node.value
        if isinstance(node, ast.Subscript) and isinstance(owner, ast.Call) and _resolve(owner.func, {}) in _NAMESPACES:
            return _constant_text(node.slice) or ""
        node = owner
    return node.id if isinstance(node, ast.Name) else ""


def _uses(below: list[ast.AST], outer: Aliases) -> Iterator[Use]:
    """Every name, attribute chain, keyword argument, import and constant look-up among the nodes, resolved."""
    aliases = outer | _bindings((child for child in below if isinstance(child, ast.stmt)), outer)
    for child in below:
        if isinstance(child, ast.Name | ast.Attribute):
            yield Use(_resolve(child, aliases), child)
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
    callee = _resolve(call.func, aliases).rpartition(".")[2]
    texts = [text for argument in call.args if (text := _constant_text(argument)) is not None]
    if callee in _LOOKUPS:
        owner = _resolve(call.args[0], aliases) if len(call.args) > 1 else ""
        for text in texts:
            yield Use(text, call)
            yield Use(f"{owner}.{text}", call)
    if callee in _EVALUATORS:
        for tree in filter(None, map(_parse_text, texts)):
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
    texts = [(t, c) for c in below if id(c) not in prose and (t := _constant_text(c)) is not None]
    owners = {text for text, _ in texts}
    for child in below:
        if (
            isinstance(child, ast.Name | ast.Attribute)
            and isinstance(child.ctx, ast.Load)
            and id(child) not in followed
        ):
            owners.add(_resolve(child, aliases))
    for name in names:
        last = name.rpartition(".")[2]
        handed_on = any(name.startswith(f"{owner}.") for owner in owners)
        for text, node in texts:
            if _matches(text, name) or (handed_on and last in text.split(".")):
                return Use(name, node)
            if last in text and any(_matches(used, name) for used in _used_in_text(text)):
                return Use(name, node)
        for node in below if handed_on else ():
            if isinstance(node, ast.Attribute) and node.attr == last:
                return Use(name, node)
    return None


@lru_cache(maxsize=1024)
def _used_in_text(text: str) -> set[str]:
    """What a string would use if somebody ran it, if it is code."""
    try:
        return {use.name for use in _uses(nodes_below(ast.parse(text)), {})}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()


def _looks_up_a_constant(call: ast.Call) -> bool:
    return len(call.args) > 1 and _resolve(call.func, {}) in _LOOKUPS and _constant_text(call.args[1]) is not None


def _matches(used: str, forbidden: str) -> bool:
    if forbidden.startswith("."):
        return forbidden[1:] in used.split(".")[1:]
    return f".{forbidden}." in f".{used}."


def _resolve(node: ast.AST, aliases: Aliases) -> str:
    """The dotted name of `a.b.c`, its first part replaced by what it stands for; ".c" after anything but a name."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_resolve(node.value, aliases)}.{node.attr}"
    return ""


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
                found |= {name: f"{node.module}.{name}" for name in _public_names(node.module)}
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
            dotted = _resolve(node.value, {**outer, **found})
            root = dotted.partition(".")[0]
            if root in sys.modules:
                found |= {target.id: dotted for target in node.targets if isinstance(target, ast.Name)}
    return found


def _constant_text(node: ast.AST) -> str | None:
    """The value of a string that is written out, also in parts: "auto" + "grad"."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [_constant_text(part) for part in node.values]
        return None if None in parts else "".join(part for part in parts if part is not None)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _constant_text(node.left), _constant_text(node.right)
        return left + right if left is not None and right is not None else None
    return None


def _source_of(function: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        # A class of a notebook has no file of its own, but its methods have.
        methods = [f for f in vars(function).values() if isinstance(f, FunctionType)] if _is_class(function) else []
        if not methods:
            raise TypeError(f"check_not_used needs a function or class with a source, not {function!r}.") from None
        return "\n\n".join(textwrap.dedent(inspect.getsource(method)) for method in methods)


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
        return f"{value.__module__}.{value.__qualname__}" if value.__module__ not in ("__main__", None) else ""
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

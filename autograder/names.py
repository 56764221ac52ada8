"""What a statement does to names: which it gives a meaning, changes or takes up, and whether it may do so unseen."""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Set
from functools import cache

import numpy as np
import torch

from utils.reading import constant_text, is_import, nodes_below, once, parse_text, public_names, resolve

NAMESPACES = {"globals", "locals", "vars"}
# What gives names a meaning, or keeps a cell from giving them one, without writing them down.
_DOORS = {
    *NAMESPACES,
    *("get_ipython", "exec", "compile", "__import__", "import_module", "spec_from_file_location"),
    *("__code__", "__globals__", "__dict__", "__builtins__", "__defaults__", "__kwdefaults__", "__closure__"),
    *("cell_contents", "user_ns", "user_global_ns", "user_module", "f_globals", "f_locals", "f_back", "tb_frame"),
    *("settrace", "setprofile", "_getframe", "currentframe", "_current_frames", "get_objects", "get_referrers"),
    *("setattr", "__setattr__", "library", "TorchFunctionMode", "__torch_function__", "__torch_dispatch__"),
}
_DOOR_ATTRIBUTES = _DOORS - {"compile"}
_DOOR_MODULES = set(
    "IPython __main__ _thread atexit builtins ctypes gc inspect runpy signal threading unittest mock".split()
)
_HARMLESS = {"IPython.display"}
_MAGICS = {"run_line_magic", "run_cell_magic", "system", "getoutput"}
_MAGICS_THAT_RUN = {"run", "rerun", "recall", "macro", "load_ext", "reload_ext", "alias_magic"}
_MAGICS_THAT_MEASURE = {"time", "timeit", "prun", "memit", "mprun", "lprun", "debug", "capture"}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def names_bound(statement: ast.stmt, modules: Set[str]) -> set[str]:
    """Names to which a statement gives a meaning, or whose meaning it may change: `f.__code__ = g`, `exec("f = g")`.

    A call of what is in one of the `modules` changes none of them.
    """
    return names_defined(statement) | names_changed(statement) | _names_called_on(statement) - modules


@once
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
            found |= public_names(node.module or "")
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
    return found - {"", "*"}


@once
def names_changed(statement: ast.AST) -> set[str]:
    """Names whose objects a statement gives another attribute or item."""
    if isinstance(statement, Definition):
        return set()
    changed, parameters = {""}, {""}
    for node in nodes_below(statement):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            changed.add(_root(node))
        elif isinstance(node, ast.Call) and resolve(node.func, {}) == "setattr" and node.args:
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


@once
def names_handed_on(statement: ast.AST) -> set[str]:
    """Names whose value code takes up without calling it."""
    below = nodes_below(statement)
    called = {id(node.func) for node in below if isinstance(node, ast.Call)}
    return {n.id for n in below if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in called}


@once
def _names_called_on(statement: ast.AST) -> set[str]:
    """Names whose objects a statement may change by calling a method of theirs: `kept.append(f)`."""
    if isinstance(statement, Definition):
        return set()
    calls = (node.func for node in nodes_below(statement) if isinstance(node, ast.Call))
    return {_root(function) for function in calls if isinstance(function, ast.Attribute)} - {""}


def _is_inner(method: ast.Attribute) -> bool:
    """Whether a method is one of a namespace, `vars(a).update`, or one that Python calls, `a.__setattr__`."""
    owner = method.value
    if isinstance(owner, ast.Call):
        return resolve(owner.func, {}) == "vars"
    return method.attr.startswith("__") or (isinstance(owner, ast.Attribute) and owner.attr == "__dict__")


def _root(node: ast.AST) -> str:
    """`a` of `a.b[0]`, of `vars(a)["b"]` and of `globals()["a"]`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(node, ast.Call):
            if resolve(node.func, {}) != "vars" or not node.args:
                return ""
            node = node.args[0]
            continue
        owner = node.value
        if isinstance(node, ast.Subscript) and isinstance(owner, ast.Call) and resolve(owner.func, {}) in NAMESPACES:
            return constant_text(node.slice) or ""
        node = owner
    return node.id if isinstance(node, ast.Name) else ""


@once
def goes_round(statement: ast.AST) -> bool:
    """Whether a statement may change what names stand for without naming them: by namespaces, frames, code, the shell.

    Magics that only measure or show do not.
    """
    below = nodes_below(statement)
    magics = {id(c.func.value.func) for c in below if _is_magic(c)}  # type: ignore[attr-defined]
    own = _attributes_of_self(statement)
    for node in below:
        if isinstance(node, ast.Name):
            found = node.id in _DOORS and id(node) not in magics
        elif isinstance(node, ast.Attribute):
            replaced = isinstance(node.ctx, ast.Store) and node.attr in _library_functions() and id(node) not in own
            found = replaced or node.attr in _DOOR_ATTRIBUTES or resolve(node, {}) == "sys.modules"
        elif isinstance(node, ast.FunctionDef):
            found = node.name in _DOORS
        elif isinstance(node, ast.Import):
            modules = {alias.name for alias in node.names} - _HARMLESS
            found = any(
                name.partition(".")[0] in _DOOR_MODULES or not _DOORS.isdisjoint(name.split(".")) for name in modules
            )
        elif isinstance(node, ast.ImportFrom):
            module, names = node.module or "", {alias.name for alias in node.names}
            unknown = "*" in names and module not in sys.modules
            door = module not in _HARMLESS and module.partition(".")[0] in _DOOR_MODULES | {"sys"}
            found = unknown or door or not _DOORS.isdisjoint({*module.split("."), *names})
        else:
            found = isinstance(node, ast.Call) and magic_that_runs(node) != ""
        if found:
            return True
    return False


@cache
def _library_functions() -> set[str]:
    """Names of what a function may call in a library: who gives one of them another value changes that function."""
    owners = (torch, torch.Tensor, torch.nn.functional, torch.linalg, torch.special, np, np.ndarray, np.linalg, math)
    found = {name: value for owner in owners for name in dir(owner) if callable(value := getattr(owner, name, None))}
    return {name for name, value in found.items() if not isinstance(value, type) or name == "__class__"}


def _attributes_of_self(statement: ast.AST) -> set[int]:
    """The attributes that methods give to the object that they are methods of, by identity of the nodes."""
    classes = (node for node in nodes_below(statement) if isinstance(node, ast.ClassDef))
    methods = (f for owner in classes for f in owner.body if isinstance(f, ast.FunctionDef) and f.args.args)
    return {
        id(node)
        for method in methods
        for node in nodes_below(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == method.args.args[0].arg
    }


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
    """`%run file` and its relatives, which run code that no cell shows; "" for any other call.

    So do those that measure, where what they measure cannot be told from their options.
    """
    if not _is_magic(call) or not call.args:
        return ""
    name, *texts = map(constant_text, call.args)
    if name in _MAGICS_THAT_RUN:
        return "" if name.endswith("load_ext") and texts == ["autoreload"] else f"%{name}"
    hidden = name is None or (name in _MAGICS_THAT_MEASURE and any(parse_text(text) is None for text in texts))
    return f"%{name or 'magic'}" if hidden else ""

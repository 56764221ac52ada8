"""Which modules code may use that is read. From any other, as from `pickle`, code could come that no cell shows."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType

from utils.reading import nodes_below, public_names

PLAIN = set(
    "__future__ abc bisect cmath collections contextlib copy csv dataclasses datetime decimal enum fractions functools "
    "heapq io _io itertools json logging math numbers operator os pathlib posixpath pprint random re statistics string "
    "textwrap time types typing typing_extensions warnings matplotlib numpy torch tqdm utils".split()
)
_PLAIN_PARTS = set(
    "IPython.display gc.collect sys.float_info sys.getrecursionlimit sys.maxsize sys.setrecursionlimit sys.stderr "
    "sys.stdout".split()
)
_LOADERS = set(
    "logging.config numpy.load torch.hub torch.jit torch.load torch.ops.load_library torch.package torch.serialization "
    "torch.utils.cpp_extension".split()
)


def origins(statement: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that imports in a statement bind, each with what it stands for, as `module.name`."""
    for node in nodes_below(statement):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                names = public_names(module) if alias.name == "*" else {alias.name}
                yield from ((alias.asname or name, f"{module}.{name}") for name in names)


@lru_cache(maxsize=4096)
def leads_to(dotted: str) -> str:
    """The first part of `module.name` from which any code could come, as `torch.sys` in `torch.sys.modules.x`;
    "" if there is none."""
    if _is_in(dotted, _PLAIN_PARTS):
        return ""
    path, *parts = dotted.split(".")
    if path not in PLAIN or (module := _module(path)) is None:
        return path or dotted
    for part in parts:
        path = f"{path}.{part}"
        if _is_in(path, _LOADERS) or (part not in vars(module) and _module(path) is None):
            return path
        value = vars(module).get(part)  # importing a submodule has put it there
        if not isinstance(value, ModuleType):
            return ""
        if value.__name__.partition(".")[0] not in PLAIN:
            return path
        module = value
    return ""


def _is_in(dotted: str, names: set[str]) -> bool:
    return any(f"{dotted}.".startswith(f"{name}.") for name in names)


def _module(path: str) -> ModuleType | None:
    """A module, or None for none; what a library keeps to itself is none, so that nobody loads what takes long."""
    if any(part.startswith("_") for part in path.split(".")) and path not in sys.modules:
        return None
    try:
        return importlib.import_module(path)
    except (Exception, SystemExit):
        return None

"""Turns what a function returned into plain numbers, without running any code that came with the value.

Only exact types are read, through the library's own functions: a class that overrides `__eq__`, `__abs__` or
`__torch_function__` is refused instead of asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}
_WIDEST = {"bool": np.bool_, "int": np.int64, "float": np.float64, "complex": np.complex128}


@dataclass(frozen=True)
class Numbers:
    """Numbers of any source, as they are in memory; `dtype` is the name of the original's."""

    raw: np.ndarray
    dtype: str

    @property
    def kind(self) -> str:
        """ "bool", "int", "float" or "complex"."""
        return _KINDS[self.raw.dtype.kind]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.raw.shape

    @cached_property
    def values(self) -> np.ndarray:
        """A copy in bool, int64, float64 or complex128; it may take eight times the memory: ask for the shape first."""
        return self.raw.astype(_WIDEST[self.kind])


def read_numbers(value: Any) -> Numbers | None:
    """The numbers in a Python number, NumPy scalar, array or tensor; None for anything else."""
    kind = type(value)
    if kind is torch.Tensor or kind is torch.nn.Parameter:
        return _read_tensor(torch.Tensor.detach(value))
    if kind is np.ndarray:
        return _read_array(value)
    if issubclass(kind, np.generic) and np.dtype(kind).type is kind:
        return _read_array(np.asarray(value))
    if kind is bool or kind is int or kind is float or kind is complex:
        return Numbers(np.asarray(_fit(value)), kind.__name__)
    return None


def read_nest(value: Any, depth: int = 16) -> Numbers | None:
    """The numbers in a regular nest of lists and tuples of scalars (`[[1.0, 2.0]]` has shape (1, 2)), else None.

    `depth` limits the nesting: a list may contain itself.
    """
    if not is_sequence(value):
        numbers = read_numbers(value)
        return numbers if numbers is not None and numbers.shape == () else None
    if depth == 0:
        return None
    parts = [read_nest(item, depth - 1) for item in items_of(value)]
    if not parts:
        return Numbers(np.zeros(0), "float")
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({part.shape for part in known}) > 1:
        return None
    if len({part.kind == "bool" for part in known}) > 1:
        return None
    names = {part.dtype for part in known}
    coarsest = next((name for name in ("bfloat16", "float16", "float32") if name in names), sorted(names)[0])
    return Numbers(np.stack([part.values for part in known]), coarsest)


def is_sequence(value: Any) -> bool:
    return issubclass(type(value), list | tuple)


def items_of(value: Any) -> list:
    """The items of a list or tuple, also of a subclass, past any `__iter__` of its own."""
    return list(list.__iter__(value) if issubclass(type(value), list) else tuple.__iter__(value))


def name_of(value: Any) -> str:
    """What a value is, in a student's words. A name that a student chose is never repeated."""
    if value is None:
        return "None"
    kind = type(value)
    names = {
        torch.Tensor: "a tensor",
        torch.nn.Parameter: "a parameter",
        np.ndarray: "an array",
        bool: "True or False",
        int: "a number",
        float: "a number",
        complex: "a complex number",
        str: "a string",
        bytes: "bytes",
        list: "a list",
        tuple: "a tuple",
        dict: "a dict",
        set: "a set",
    }
    for known, name in names.items():
        if kind is known:
            return name
    if issubclass(kind, torch.Tensor):
        return "a subclass of Tensor (return a plain tensor)"
    if issubclass(kind, np.generic):
        return "a number"
    for base in (tuple, list, dict):
        if issubclass(kind, base):
            return names[base]
    if hasattr(kind, "__next__"):
        return "an iterator (turn it into a list)"
    return "a function" if callable(value) else "another kind of object"


def _read_tensor(tensor: torch.Tensor) -> Numbers | None:
    if tensor.is_meta:
        return None
    name = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    tensor = tensor.resolve_conj().resolve_neg().cpu()
    if tensor.is_complex() and tensor.dtype not in (torch.complex64, torch.complex128):
        tensor = tensor.to(torch.complex64)
    elif tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64):
        tensor = tensor.float()  # NumPy has none of the others
    return Numbers(tensor.numpy(), name)


def _read_array(array: np.ndarray) -> Numbers | None:
    return Numbers(array, array.dtype.name) if array.dtype.kind in _KINDS else None


def _fit(value: Any) -> Any:
    """A Python integer too large for int64 becomes a float."""
    if type(value) is int and not -(2**63) <= value < 2**63:
        return float(value) if abs(value) < 10**308 else float("inf" if value > 0 else "-inf")
    return value

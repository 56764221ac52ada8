"""Compares what was found with what was expected, in structures of numbers, and explains the first difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from utils.causes import shape_cause, value_cause
from utils.plain import Numbers, is_sequence, items_of, name_of, read_nest, read_numbers

# dtype of what was found: (rtol, atol where everything expected is about 0)
TOLERANCES = {"float64": (1e-7, 1e-12), "float32": (1e-4, 1e-6)}
COARSE_TOLERANCES = {"float16": (1e-2, 1e-3), "bfloat16": (5e-2, 5e-3)}
_SHOWN = 24  # entries of an array that a message shows in full
_MOST_SHOWN = 2_000  # characters of a string


@dataclass(frozen=True)
class Difference:
    """`cause` is fit for a hidden test, `details` (values, shapes, places) for a visible one only."""

    details: str
    cause: str


def compare(actual: Any, expected: Any, path: str, rtol: float | None, atol: float | None) -> Difference | None:
    """The first difference, or None. The recursion follows `expected`, so `actual` cannot make it endless."""
    numbers = read_numbers(expected)
    if numbers is not None:
        if type(actual) is int and type(expected) is int and not rtol and not atol:
            return None if actual == expected else _values_differ(_read(actual), numbers, path, 0.0, 0.0)
        found = read_numbers(actual)
        if found is None:
            return Difference(_at(path), wrong_kind(name_of(expected), actual))
        return _compare_numbers(found, numbers, path, rtol, atol)
    if is_sequence(expected):
        return _compare_sequences(actual, expected, path, rtol, atol)
    if type(expected) is dict:
        return _compare_dicts(actual, expected, path, rtol, atol)
    if expected is None or isinstance(expected, torch.dtype | np.dtype | bool):
        same = actual is expected
    elif type(expected) in (str, bytes):
        same = type(actual) is type(expected) and actual == expected
    else:
        raise TypeError(f"A check cannot compare with an expected value of type {type(expected).__name__}.")
    if same:
        return None
    if type(actual) is type(expected):
        details = f"{_at(path)}  expected: {_quoted(expected)}\n  found:    {_quoted(actual)}"
        return Difference(details, f"It is {name_of(expected)}, but not the right one.")
    return Difference(_at(path), wrong_kind(name_of(expected), actual))


def _compare_sequences(
    actual: Any, expected: Any, path: str, rtol: float | None, atol: float | None
) -> Difference | None:
    numbers = read_nest(expected)
    if numbers is not None:
        found = read_nest(actual) if is_sequence(actual) else read_numbers(actual)
        if found is not None and (found.raw.ndim > 0 or not is_sequence(actual)):
            return _compare_numbers(found, numbers, path, rtol, atol)
    if not is_sequence(actual):
        return Difference(_at(path), wrong_kind(name_of(expected), actual))
    found_items, expected_items = items_of(actual), items_of(expected)
    if len(found_items) != len(expected_items):
        details = f"{_at(path)}  expected length: {len(expected_items)}\n  found length:    {len(found_items)}"
        word = "few" if len(found_items) < len(expected_items) else "many"
        return Difference(details, f"The {_bare(expected)} has too {word} items.")
    for i, (a, e) in enumerate(zip(found_items, expected_items, strict=True)):
        difference = compare(a, e, f"{path}[{i}]", rtol, atol)
        if difference is not None:
            return difference
    return None


def _compare_dicts(actual: Any, expected: dict, path: str, rtol: float | None, atol: float | None) -> Difference | None:
    if not issubclass(type(actual), dict):
        return Difference(_at(path), wrong_kind("a dict", actual))
    found = {key: value for key, value in dict.items(actual) if type(key) in (str, int, bool, float)}
    if found.keys() != expected.keys() or len(found) != dict.__len__(actual):
        details = f"{_at(path)}  expected keys: {list(expected)}\n  found keys:    {list(found)[: 4 * _SHOWN]}"
        return Difference(details, "The dict has other keys than expected.")
    for key, value in expected.items():
        difference = compare(found[key], value, f"{path}[{key!r}]", rtol, atol)
        if difference is not None:
            return difference
    return None


def _compare_numbers(
    found: Numbers, expected: Numbers, path: str, rtol: float | None, atol: float | None
) -> Difference | None:
    if found.shape != expected.shape:
        got, wanted = (f"{_show(numbers.raw)}, shape {numbers.shape}" for numbers in (found, expected))
        return Difference(
            f"{_at(path)}  expected: {wanted}\n  found:    {got}", shape_cause(found.shape, expected.shape)
        )
    a, e = found.values, expected.values
    if (found.kind == "bool") != (expected.kind == "bool"):
        wanted, got = ("True and False", "numbers") if expected.kind == "bool" else ("numbers", "True and False")
        return Difference(_at(path), f"Expected {wanted}, found {got}.")
    if found.kind == "complex" and expected.kind != "complex":
        return Difference(_at(path), "Expected real numbers, found complex ones.")
    exact = rtol is None and atol is None and "float" not in (found.kind, expected.kind)
    if exact and "complex" not in (found.kind, expected.kind):
        rtol, atol = 0.0, 0.0
    default_rtol, floor = _tolerances(found.dtype, expected.dtype)
    rtol = default_rtol if rtol is None else rtol
    if atol is None:
        floor *= min(1.0, rtol / default_rtol)
        finite = np.abs(e[np.isfinite(e)])
        atol = max(floor, 0.1 * rtol * float(finite.max(initial=0.0)))
    if _within(a, e, rtol, atol):
        return None
    return _values_differ(found, expected, path, rtol, atol)


def _values_differ(found: Numbers, expected: Numbers, path: str, rtol: float, atol: float) -> Difference:
    a, e = found.values, expected.values
    with np.errstate(all="ignore"):
        gap = (a != e) if found.kind == "bool" else np.nan_to_num(np.abs(a - e), nan=np.inf, posinf=np.inf)
        gap = np.where(same_entries(a, e), 0.0, gap)
    worst = tuple(int(i) for i in np.unravel_index(int(gap.argmax()), gap.shape))
    details = f"{_at(path)}  expected: {_show(e, worst[:-2])}\n  found:    {_show(a, worst[:-2])}"
    if found.kind == "bool":
        wrong = "Every entry is the opposite of what is expected." if (a != e).all() else ""
        return Difference(details, wrong or "Some entries are True where False is expected, or the reverse.")
    if a.size > 1:
        where = ", ".join(map(str, worst))
        details += f"\n  largest difference: at [{where}], expected {e[worst]:.8g}, found {a[worst]:.8g}"
    if "complex" in (found.kind, expected.kind):
        return Difference(details, "")

    def close(x: np.ndarray, y: np.ndarray) -> bool:
        scale = float(np.abs(y).max(initial=0.0))
        return _within(x, y, max(rtol, 1e-9), 0.1 * max(rtol, 1e-9) * scale)

    with np.errstate(all="ignore"):
        cause = value_cause(a.astype(np.float64), e.astype(np.float64), found.dtype, close)
    return Difference(details, cause)


def _within(a: np.ndarray, e: np.ndarray, rtol: float, atol: float) -> bool:
    if a.dtype.kind in "bi" and e.dtype.kind in "bi" and rtol == 0 and atol == 0:
        return bool((a == e).all())
    with np.errstate(all="ignore"):
        near = np.isfinite(a) & np.isfinite(e) & (np.abs(a - e) <= atol + rtol * np.abs(e))
    return bool((near | same_entries(a, e)).all())


def same_entries(a: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Where both are equal, infinities and NaN included."""
    return (a == e) | (np.isnan(a) & np.isnan(e))


def _tolerances(found: str, expected: str) -> tuple[float, float]:
    """A coarse result earns a coarse tolerance only where the expected value is coarse too."""
    if found in COARSE_TOLERANCES and expected in COARSE_TOLERANCES:
        return max(COARSE_TOLERANCES[found], COARSE_TOLERANCES[expected])
    return TOLERANCES.get(found, TOLERANCES["float32"])


def _read(value: Any) -> Numbers:
    numbers = read_numbers(value)
    assert numbers is not None
    return numbers


def wrong_kind(wanted: str, found: Any) -> str:
    hint = ": does your function return its result?" if found is None else "."
    return f"Expected {wanted}, found {name_of(found)}{hint}"


def _quoted(value: Any) -> str:
    """A value in full if it is short: a string may have millions of characters, and each takes ten as `\\U0001f600`."""
    long = isinstance(value, str | bytes) and len(value) > _MOST_SHOWN
    return f"{value[:_MOST_SHOWN]!r}…" if long else repr(value)


def _bare(value: Any) -> str:
    return name_of(value).removeprefix("a ")


def _at(path: str) -> str:
    return f"  in result{path}:\n" if path else ""


def _show(values: np.ndarray, block: tuple[int, ...] = ()) -> str:
    """Numbers as text; of a large array of more than two dimensions the matrix at the indices `block`, or the first."""
    where = ""
    if values.ndim > 2 and values.size > _SHOWN:
        block = block or (0,) * (values.ndim - 2)
        where, values = f"at [{', '.join(map(str, block))}] ", values[block]
    with np.printoptions(precision=5, threshold=_SHOWN, edgeitems=2, linewidth=90):
        return where + str(values).replace("\n", "\n" + " " * (12 + len(where)))

"""Checks that students call: what was checked, what was expected, what was found, and the likely cause.

Every check raises `CheckFailed` or returns. The default tolerances are those of `utils.compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch

from utils.causes import shape_cause
from utils.compare import Difference, compare, same_entries, wrong_kind
from utils.forbidden import find_stranger, find_use
from utils.plain import is_sequence, read_nest, read_numbers

__all__ = [
    "CheckFailed",
    "case_generator",
    "check_close",
    "check_dtype",
    "check_equal",
    "check_not_used",
    "check_raises",
    "check_shape",
    "check_true",
    "passed_visible",
    "probe",
    "set_case_seed",
    "unchanged",
]

F = TypeVar("F", bound=Callable)

_case_seed = 0


class CheckFailed(AssertionError):
    """A check that did not hold.

    `what` and `cause` never contain test data and may be shown for a hidden test; `details` (expected and found
    values) are for visible tests only.
    """

    def __init__(self, what: str, details: str = "", cause: str = "") -> None:
        self.what, self.details, self.cause = what, details, cause
        super().__init__("\n".join(part for part in (what, details, cause) if part))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the student's mistake is not in the lines of the check."""
        return ["Check failed: " + line if i == 0 else line for i, line in enumerate(str(self).splitlines())]


def check_close(
    actual: Any,
    expected: Any,
    what: str,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    causes: Mapping[str, Any] | None = None,
) -> None:
    """Pass if |actual − expected| ≤ atol + rtol·|expected| everywhere, in a structure of the same form.

    Numbers, NumPy scalars and 0-d tensors are interchangeable; so are lists and tuples, arrays and tensors, and a
    tensor may be given where a nest of lists of numbers is expected. Shapes must be equal, broadcasting is never
    applied. NaN is right only where NaN is expected, and an infinity only where the same one is. True and False are
    not numbers.

    Defaults: `rtol` is 1e-4 if `actual` is float32 or a Python float (it may come from `.item()`) and 1e-7 if it is
    float64. `atol` is `rtol`/10 times the largest |expected| of the tensor, at least 1e-6 (float32) or 1e-12
    (float64); these two floors shrink with a smaller `rtol`. Integers must be equal unless a tolerance is given.
    Give `rtol` and `atol=0.0` when tiny values matter.

    `causes` maps a sentence to the value that this mistake would give: if `actual` is that value, the sentence is
    the likely cause. It may be shown for a hidden test.

    Raises CheckFailed if a value, a shape, a length or a type is wrong.
    """
    difference = compare(actual, expected, "", rtol, atol)
    if difference is None:
        return
    for sentence, value in (causes or {}).items():
        if compare(actual, value, "", rtol, atol) is None:
            difference = Difference(difference.details, sentence)
            break
    raise CheckFailed(what, difference.details, difference.cause)


def check_equal(actual: Any, expected: Any, what: str) -> None:
    """Pass if `actual` equals `expected` exactly: numbers, strings, None, tensors, lists, tuples and dicts of these.

    As in `check_close`, a list may stand for a tuple and a 0-d tensor for a number.
    """
    difference = compare(actual, expected, "", 0.0, 0.0)
    if difference is not None:
        raise CheckFailed(what, difference.details, difference.cause)


def check_shape(actual: Any, shape: Sequence[int], what: str) -> None:
    """Pass if the tensor, array or regular nest of lists `actual` has this shape."""
    numbers = read_nest(actual) if is_sequence(actual) else read_numbers(actual)
    if numbers is None:
        raise CheckFailed(what, "", wrong_kind("a tensor", actual))
    if numbers.shape != tuple(shape):
        details = f"  expected shape: {tuple(shape)}\n  found shape:    {numbers.shape}"
        raise CheckFailed(what, details, shape_cause(numbers.shape, tuple(shape)))


def check_dtype(actual: Any, dtype: torch.dtype | np.dtype | type | str, what: str) -> None:
    """Pass if the tensor or array `actual` has this dtype; `torch.float32` and `"float32"` mean the same."""
    wanted = str(dtype).removeprefix("torch.") if isinstance(dtype, torch.dtype) else np.dtype(dtype).name
    numbers = read_numbers(actual)
    if numbers is None or type(actual) in (bool, int, float, complex):
        raise CheckFailed(what, "", wrong_kind("a tensor", actual))
    if numbers.dtype != wanted:
        cause = f"The dtype is {numbers.dtype} and should be {wanted}: is a tensor made without dtype=, or converted?"
        raise CheckFailed(what, "", cause)


def check_true(condition: Any, what: str, cause: str = "") -> None:
    """Pass if `condition` is True: a bool or one boolean in an array or tensor.

    `what` says what should hold, `cause` what is likely wrong if it does not.
    """
    numbers = read_numbers(condition)
    if numbers is None or numbers.kind != "bool" or numbers.raw.size != 1:
        raise CheckFailed(what, "", "One True or False was expected here: is the result of the right kind and shape?")
    if not numbers.values.all():
        raise CheckFailed(what, "", cause)


def check_raises(error_type: type[Exception], function: Callable, *args: Any, what: str, **kwargs: Any) -> Exception:
    """Pass if `function(*args, **kwargs)` raises `error_type`, and return what it raised.

    A NotImplementedError goes through unless it is what was asked for: the function is not written yet.
    """
    try:
        function(*args, **kwargs)
    except Exception as error:
        if isinstance(error, NotImplementedError) and error_type is not NotImplementedError:
            raise
        if isinstance(error, error_type):
            return error
        # A class of the student's own may carry data in its name.
        found = type(error).__name__ if type(error).__module__ == "builtins" else "another exception"
        details = f"  {type(error).__name__}: {error}"
        raise CheckFailed(what, details, f"Expected {error_type.__name__}, but it raised {found}.") from error
    raise CheckFailed(what, "", f"Expected {error_type.__name__}, but nothing was raised.")


@contextmanager
def unchanged(**named: Any) -> Iterator[None]:
    """Pass if the named arguments end as they were: `with unchanged(x=x, weight=weight): linear_forward(...)`.

    Looks at values, shapes, dtypes and requires_grad of tensors and arrays, also in lists, tuples and dicts.
    """
    before = {name: _snapshot(value) for name, value in named.items()}
    yield
    for name, value in named.items():
        try:
            reason = _changed(before[name], _snapshot(value))
        except TypeError:  # something that is no data was put into it
            reason = "It became something else."
        if reason:
            how = "copy.deepcopy" if isinstance(value, list | dict) else "clone"
            raise CheckFailed(
                f"The function changed its argument `{name}`",
                "",
                f"{reason} Work on a copy (`{how}()`), or avoid in-place operations such as `+=`.",
            )


def check_not_used(function: Any, names: Collection[str] | str, what: str | None = None) -> None:
    """Pass if the source of a function or class uses none of the names.

    A dotted name ("torch.autograd") stands for itself and all that is in it, under any alias; a bare one ("backward",
    "requires_grad") for every name, attribute or keyword argument that is called so; one behind a dot (".backward") for
    attributes, unless a class in the code has a method of that name. With a name in torch go torch's insides, such as
    `torch._C` and `torch.ops`. Helpers that the function calls and that were defined beside it are read as well. A
    module from which any code could come is refused (see `utils.modules`). This is a reminder of the task's
    rules: who wants to hide a call can.
    """
    wanted = [names] if isinstance(names, str) else list(names)
    name = getattr(function, "__name__", "your function")
    what = what or f"`{name}` does without {', '.join(f'`{n}`' for n in wanted)}"
    if (use := find_use(function, wanted)) is not None:
        cause = f"Your code uses `{use.name}`, which this task asks you to do without."
        raise CheckFailed(what, f"  in: {use.code}", cause)
    if (use := find_stranger(function)) is not None:
        cause = f"Nobody can read here what `{use.name}` does: write it out, or use torch, NumPy and plain Python."
        raise CheckFailed(what, f"  in: {use.code}", cause)


def probe(function: F) -> F:
    """Mark a function of a test cell that needs the student's real objects: functions, classes, iterators, caches.

    In a notebook it is simply called. The grader sends its source to the process in which the student's code lives,
    calls it there, and gets plain data back; so it may use only its arguments, the student's names and the imports of
    the setup cell, and it holds no check: a check in that process could be tampered with.

    What it returns is the student's word. Where the calls in it need nothing but data, `probe.here(...)` runs it beside
    the checks: ask both ways if the right answer can be known beforehand.
    """
    function.__descent_probe__ = True  # type: ignore[attr-defined]
    function.here = function  # type: ignore[attr-defined]
    return function


def case_generator() -> torch.Generator:
    """A fresh generator for the inputs of a test; fixed in a notebook, drawn per submission by the grader."""
    return torch.Generator().manual_seed(_case_seed)


def set_case_seed(seed: int) -> None:
    """Choose what `case_generator` draws from; called by the grader."""
    global _case_seed
    _case_seed = seed


def passed_visible(name: str) -> None:
    """Say that the visible part of a test is passed, and no more than that."""
    print(f"{name}: visible tests passed.")


def _snapshot(value: Any) -> Any:
    """A copy that later changes cannot reach, in a form that `_changed` compares."""
    numbers = read_numbers(value) if isinstance(value, torch.Tensor | np.ndarray) else None
    if numbers is not None:
        return (numbers.shape, numbers.dtype, getattr(value, "requires_grad", False), numbers.values)
    if isinstance(value, list | tuple):
        return [_snapshot(item) for item in value]
    if isinstance(value, dict):
        return {key: _snapshot(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value
    raise TypeError(f"unchanged() cannot watch a value of type {type(value).__name__}.")


def _changed(before: Any, after: Any) -> str:
    """How two snapshots differ, in a sentence, or ""."""
    if type(before) is not type(after):
        return "It became something else."
    if isinstance(before, list):
        if len(before) != len(after):
            return "Its length changed."
        return next((r for b, a in zip(before, after, strict=True) if (r := _changed(b, a))), "")
    if isinstance(before, dict):
        if before.keys() != after.keys():
            return "Its keys changed."
        return next((r for key in before if (r := _changed(before[key], after[key]))), "")
    if isinstance(before, tuple):
        for i, word in enumerate(("shape", "dtype", "requires_grad")):
            if before[i] != after[i]:
                return f"Its {word} changed."
        return "" if same_entries(before[3], after[3]).all() else "Its values changed."
    same = before == after or (before != before and after != after)
    return "" if same else "Its value changed."

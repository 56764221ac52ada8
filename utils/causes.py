"""Guesses why numbers are wrong: the mistakes that leave a trace in the result, each with one fixed sentence.

A sentence may be shown for a hidden test, so none of them contains a value, a size or an index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Close = Callable[[np.ndarray, np.ndarray], bool]


def shape_cause(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """The likely cause of a wrong shape."""
    if len(found) > 1 and found == expected[::-1]:
        return "The result looks transposed: its dimensions are in the reverse order."
    if len(found) > len(expected) and tuple(n for n in found if n != 1) == tuple(n for n in expected if n != 1):
        return "The result has an extra dimension of size 1: is a keepdim, unsqueeze or missing squeeze the reason?"
    if len(found) < len(expected) and tuple(n for n in found if n != 1) == tuple(n for n in expected if n != 1):
        return "A dimension of size 1 is missing: does keepdim=True help?"
    if len(found) == len(expected) + 1 and expected in (found[1:], found[:-1]):
        return "The result has one dimension too many: is a sum or mean over it missing?"
    if len(found) + 1 == len(expected) and found in (expected[1:], expected[:-1]):
        return "The result has one dimension too few: was it summed or indexed away?"
    if len(found) > 1 and sorted(found) == sorted(expected):
        return "The sizes are right, but their order is not: the dimensions are permuted."
    if np.prod(found) == np.prod(expected):
        return "The number of entries is right, but the shape is not: is a reshape missing or wrong?"
    if len(found) < len(expected):
        return "The result has too few dimensions."
    if len(found) > len(expected):
        return "The result has too many dimensions."
    return "The number of dimensions is right, but a size is not."


def value_cause(found: np.ndarray, expected: np.ndarray, dtype: str, close: Close) -> str:
    """The likely cause of wrong values of the right shape, or "" if they look like nothing known.

    `close(a, b)` says whether two arrays agree within the tolerance of the check.
    """
    if not np.isfinite(found).all():
        return _nonfinite_cause(found, expected)
    if not np.isfinite(expected).all():
        return "Finite numbers were found where infinity or NaN is expected."
    if expected.size == 1 and "int" in dtype and (expected == np.trunc(expected)).all():
        return ""  # 2 or 0 in place of 4 is a wrong count, not a factor ½ or an empty result
    if expected.any() and not found.any():
        return "Every entry is zero: is the result computed, but never stored?"
    for matches, sentence in _candidates(found, expected, close):
        if matches:
            return sentence
    scale = np.abs(expected).max()
    if scale > 0 and np.abs(found - expected).max() < 1e-2 * scale:
        if dtype in ("float16", "bfloat16"):
            return f"The result is nearly right, but it was computed in {dtype}, which is too coarse here."
        return "The result is nearly right: is precision lost, or is a small term missing?"
    return ""


def _nonfinite_cause(found: np.ndarray, expected: np.ndarray) -> str:
    unexpected = np.isnan(found) & ~np.isnan(expected)
    if unexpected.all():
        return "Every entry is NaN: look for 0/0, inf - inf, or the log of a negative number."
    if unexpected.any():
        return "Some entries are NaN: look for 0/0, inf - inf, or the log of a negative number."
    if (np.isinf(found) & ~np.isinf(expected)).any():
        return "Some entries are infinite: look for a division by zero, an overflow of exp, or log(0)."
    return "Infinite or NaN entries are not where they are expected."


def _candidates(found: np.ndarray, expected: np.ndarray, close: Close) -> Iterator[tuple[bool, str]]:
    """Pairs (does this mistake explain what was found?, sentence), the most telling ones first."""
    several = found.size > 1 and np.ptp(expected) > 0
    yield close(found, -expected), "The sign is flipped: every entry is minus what is expected."
    if found.ndim == 2 and found.shape[0] == found.shape[1]:
        yield close(found, expected.T), "The result is transposed."
        yield close(found, -expected.T), "The result is transposed, and its sign is flipped."
    yield from _factors(found, expected, close)
    yield close(found, 1 - expected), "The result is 1 minus what is expected: is it the complement?"
    yield close(found, expected**2), "Every entry is the square of what is expected: is a square root missing?"
    if (found >= 0).all():
        yield close(found**2, expected), "Every entry is the square root of what is expected: is a square missing?"
    if (expected != 0).all():
        yield close(found * expected, np.ones_like(expected)), "Every entry is the reciprocal of what is expected."
    yield close(np.abs(found), np.abs(expected)), "The magnitudes are right, but some signs are wrong."
    if (expected != np.trunc(expected)).any():
        rounded = close(found, np.trunc(expected)) or close(found, np.round(expected))
        yield rounded, "The result was rounded to whole numbers: look for integer division or an integer dtype."
    if several:
        yield from _arrangements(found, expected, close)


def _factors(found: np.ndarray, expected: np.ndarray, close: Close) -> Iterator[tuple[bool, str]]:
    """One factor for all entries. Of a single number only a simple factor says anything."""
    norm = float((expected**2).sum())
    factor = float((found * expected).sum()) / norm if norm > 0 and np.isfinite(norm) else 0.0
    if factor == 0 or not np.isfinite(factor) or not close(found, factor * expected):
        return
    if np.abs(found - factor * expected).max() > 0.2 * np.abs(found - expected).max():
        return  # one entry that is a little off is no factor
    size = abs(factor)
    negative = " and its sign is flipped" if factor < 0 else ""
    if close(np.asarray(size), np.asarray(2.0)):
        yield True, f"The result is exactly 2 times too large{negative}: is a factor ½ missing?"
    if close(np.asarray(size), np.asarray(0.5)):
        yield True, f"The result is exactly half of what is expected{negative}: is there a factor ½ too many?"
    for n in {*expected.shape, expected.size} - {0, 1, 2}:
        if close(np.asarray(size), np.asarray(float(n))):
            yield True, f"The result is N times too large{negative}, N being one of its sizes: a sum instead of a mean?"
        if close(np.asarray(size * n), np.asarray(1.0)):
            yield True, f"The result is N times too small{negative}, N being one of its sizes: a mean instead of a sum?"
    whole = size if size > 1 else 1 / size
    if 1 < round(whole) <= 1000 and abs(whole - round(whole)) < 1e-5 * whole:
        word = "large" if size > 1 else "small"
        yield True, f"The result is a whole number of times too {word}{negative}: a sum and a mean mixed up?"
    if expected.size > 1 and np.ptp(expected) > 0:
        yield True, f"Every entry is off by the same factor{negative}."


def _arrangements(found: np.ndarray, expected: np.ndarray, close: Close) -> Iterator[tuple[bool, str]]:
    """Right values at the wrong place, or wrong ones in one place or by one amount only."""
    for axis in range(found.ndim):
        if found.shape[axis] > 1:
            yield close(found, np.flip(expected, axis)), "The values are right, but in reverse order."
    if len(found) > 2:
        yield close(found[1:], expected[:-1]), "The values come one place too late: is the count off by one?"
        yield close(found[:-1], expected[1:]), "The values come one place too early: is the count off by one?"
        yield close(found[:-1], expected[:-1]), "Everything is right but the last: look at how the end is handled."
        yield close(found[1:], expected[1:]), "Everything is right but the first: look at how the start is handled."
    if found.size > 2:
        permuted = close(np.sort(found, axis=None), np.sort(expected, axis=None))
        yield permuted, "The values are right, but in the wrong order: is a reshape or an index wrong?"
        offset = found - expected
        yield close(offset, np.full_like(offset, offset.mean())), "Every entry is off by the same amount."

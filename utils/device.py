"""Chooses where tensors live and on how many threads they are worked on, and says so in one plain sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch

D = TypeVar("D")


def pick_device(wanted: str | None = None, *, quiet: bool = False) -> torch.device:
    """The best device there is, cuda before mps before cpu, or the wanted one; prints which.

    Raises ValueError if the wanted device is not there.
    """
    there = available_devices()
    kind = wanted.partition(":")[0] if wanted else there[0]
    if kind not in there:
        raise ValueError(f"The device {wanted!r} is not there; this machine has: {', '.join(there)}.")
    device = torch.device(wanted or kind)
    if not quiet:
        print(describe(device))
    return device


def available_devices() -> list[str]:
    """Kinds of devices that PyTorch can use here, the fastest first; "cpu" is always the last."""
    found = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def moved(data: D, device: torch.device | str) -> D:
    """A copy of a dataclass with each of its tensors on a device."""
    tensors: dict[str, Any] = {k: v.to(device) for k, v in vars(data).items() if isinstance(v, torch.Tensor)}
    return replace(data, **tensors)  # type: ignore[type-var]


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked to; a clock read before that measures nothing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread of the CPU: another number of them adds in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def describe(device: torch.device) -> str:
    """One sentence about a device."""
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory / 2**30
        return f"Using the GPU: {torch.cuda.get_device_name(device)} with {memory:.0f} GiB."
    if device.type == "mps":
        return "Using the GPU of this Mac (mps)."
    threads = torch.get_num_threads()
    why = "" if len(available_devices()) > 1 else "; PyTorch finds no GPU here"
    return f"Using the CPU with {threads} thread{'s' if threads > 1 else ''}{why}."

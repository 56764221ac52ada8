"""One seed repeats every generator; the device is named in one sentence."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from utils import device
from utils.seeding import seed_everything


def draws(generator: torch.Generator) -> tuple:
    return random.random(), np.random.rand(), torch.rand(()).item(), torch.rand((), generator=generator).item()


@pytest.mark.parametrize("seed", [0, 7, 2**40 + 1])
def test_same_seed_same_draws(seed: int) -> None:
    first = draws(seed_everything(seed))
    assert draws(seed_everything(seed)) == first
    assert not set(draws(seed_everything(seed + 1))) & set(first)


def test_returned_generator_is_apart_from_the_global_one() -> None:
    generator = seed_everything(5)
    torch.rand(10)
    expected = torch.rand(3, generator=torch.Generator().manual_seed(5))
    assert torch.equal(torch.rand(3, generator=generator), expected)


def test_device_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = device.pick_device("cpu")
    assert chosen == torch.device("cpu")
    said = capsys.readouterr().out
    assert said.startswith("Using the CPU with ")
    assert said.count("\n") == said.count(".") == 1
    device.pick_device(quiet=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("cuda", "mps", "kinds"), [(1, 1, ["cuda", "mps", "cpu"]), (0, 1, ["mps", "cpu"]), (0, 0, ["cpu"])]
)
def test_fastest_device_comes_first(monkeypatch: pytest.MonkeyPatch, cuda: int, mps: int, kinds: list[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(cuda))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: bool(mps))
    assert device.available_devices() == kinds
    assert device.pick_device(quiet=True).type == kinds[0]


def test_missing_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="'cuda:1' is not there; this machine has:"):
        device.pick_device("cuda:1")

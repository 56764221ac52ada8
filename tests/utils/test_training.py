"""The training loop: what it records, in which mode, in which order, and how it ends early."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from utils.data import two_moons
from utils.training import History, evaluate, fit


def linear(outputs: int = 2) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(2, outputs)


def sgd(model: nn.Module, lr: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=lr)


@pytest.fixture
def moons() -> tuple[Tensor, Tensor]:
    return two_moons(50, generator=torch.Generator().manual_seed(0))


def test_learns_and_records_every_epoch(moons: tuple[Tensor, Tensor]) -> None:
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    history = fit(model, moons, moons, optimizer=optimizer, epochs=80, batch_size=16, progress=False)
    assert len(history) == 80
    for record in (history.train_accuracy, history.val_loss, history.val_accuracy, history.lr, history.seconds):
        assert len(record) == 80
    assert history.val_accuracy[-1] > 0.95
    assert history.val_loss[-1] < history.val_loss[0] / 4
    assert history.val_loss[history.best_epoch] == min(history.val_loss)
    assert (history.val_loss[-1], history.val_accuracy[-1]) == evaluate(model, moons, batch_size=16)


def test_means_weigh_every_example_alike(moons: tuple[Tensor, Tensor]) -> None:
    """lr = 0, 50 examples in batches of 16: the mean over batches would differ from the mean over examples."""
    model = linear()
    history = fit(model, moons, moons, optimizer=sgd(model, 0.0), epochs=1, batch_size=16, progress=False)
    x, y = moons
    loss = F.cross_entropy(model(x), y).item()
    accuracy = (model(x).argmax(1) == y).float().mean().item()
    assert history.train_loss == pytest.approx([loss], rel=1e-5)
    assert history.val_loss == pytest.approx([loss], rel=1e-5)
    assert history.train_accuracy == pytest.approx([accuracy])
    assert history.val_accuracy == pytest.approx([accuracy])


def test_one_step_is_one_step_of_the_optimizer(moons: tuple[Tensor, Tensor]) -> None:
    model, twin = linear(), linear()
    fit(model, moons, optimizer=sgd(model), epochs=1, batch_size=100, progress=False)
    F.cross_entropy(twin(moons[0]), moons[1]).backward()
    with torch.no_grad():
        for parameter in twin.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.1 * parameter.grad)
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b)


class Spy(nn.Module):
    """Remembers the inputs and the mode of every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 2))
        self.passes: list[tuple[bool, list[float]]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.passes.append((self.training, x[:, 0].tolist()))
        return x @ self.weight.T.expand(2, 2)


def test_every_example_once_per_epoch_in_a_fresh_order_and_held_out_in_evaluation_mode() -> None:
    x = torch.stack([torch.arange(10.0), torch.ones(10)], dim=1)
    data = (x, torch.zeros(10, dtype=torch.long))

    def passes(seed: int) -> list[tuple[bool, list[float]]]:
        model = Spy()
        generator = torch.Generator().manual_seed(seed)
        fit(model, data, data, optimizer=sgd(model), epochs=2, batch_size=4, generator=generator, progress=False)
        return model.passes

    seen = passes(0)
    assert [training for training, _ in seen] == 2 * ([True] * 3 + [False] * 3)
    orders = [[x for training, xs in seen[6 * e : 6 * e + 6] if training for x in xs] for e in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] != orders[1] != list(range(10))
    assert [len(xs) for _, xs in seen[:3]] == [4, 4, 2]
    assert passes(0) == seen
    assert passes(1) != seen


def test_any_iterable_of_batches_any_loss(moons: tuple[Tensor, Tensor]) -> None:
    x, y = moons
    loader = DataLoader(TensorDataset(x, y.float()[:, None]), batch_size=8, shuffle=True)
    model = linear(1)
    history = fit(model, loader, loader, optimizer=sgd(model), loss=F.mse_loss, epochs=3, progress=False)
    assert len(history.val_loss) == 3
    assert history.train_accuracy == history.val_accuracy == [], "a regression has no accuracy"
    assert evaluate(model, [(x, y.float()[:, None])], loss=F.mse_loss)[1] is None


def test_iterator_that_is_used_up_is_an_error(moons: tuple[Tensor, Tensor]) -> None:
    model = linear()
    with pytest.raises(ValueError, match="used up"):
        fit(model, iter([moons]), optimizer=sgd(model), epochs=2, progress=False)


def test_evaluate_leaves_the_model_as_it_was(moons: tuple[Tensor, Tensor]) -> None:
    model = nn.Sequential(nn.Dropout(0.5), linear())
    for mode in (True, False):
        model.train(mode)
        assert evaluate(model, moons) == evaluate(model, moons), "no dropout"
        assert model.training is mode
    assert all(parameter.grad is None for parameter in model.parameters())


class Counting:
    def __init__(self) -> None:
        self.steps = 0

    def step(self) -> None:
        self.steps += 1


@pytest.mark.parametrize(("unit", "steps"), [("epoch", 3), ("batch", 12)])
def test_scheduler_steps(moons: tuple[Tensor, Tensor], unit: Any, steps: int) -> None:
    model, scheduler = linear(), Counting()
    fit(
        model, moons, optimizer=sgd(model), epochs=3, batch_size=16,
        scheduler=scheduler, scheduler_steps=unit, progress=False,
    )  # fmt: skip
    assert scheduler.steps == steps


def test_history_has_the_lr_that_an_epoch_started_with(moons: tuple[Tensor, Tensor]) -> None:
    model = linear()
    optimizer = sgd(model, 1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    history = fit(model, moons, optimizer=optimizer, epochs=3, scheduler=scheduler, progress=False)
    assert history.lr == [1.0, 0.5, 0.25]


def test_interrupt_returns_the_finished_epochs(
    moons: tuple[Tensor, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    calls = 0

    def loss(output: Tensor, y: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise KeyboardInterrupt
        return F.cross_entropy(output, y)

    model = linear()
    history = fit(model, moons, optimizer=sgd(model), loss=loss, epochs=5, batch_size=16, progress=False)
    assert history.interrupted
    assert len(history) == len(history.seconds) == 2
    assert "Stopped after 2 of 5 epochs" in capsys.readouterr().out


def test_after_epoch_can_stop(moons: tuple[Tensor, Tensor]) -> None:
    model = linear()
    seen: list[int] = []

    def stop(passed: nn.Module, history: History) -> bool:
        assert passed is model
        seen.append(len(history))
        return len(history) == 2

    history = fit(model, moons, optimizer=sgd(model), epochs=9, after_epoch=stop, progress=False)
    assert (seen, len(history), history.interrupted) == ([1, 2], 2, False)


def test_progress_shows_figures_and_can_be_silent(
    moons: tuple[Tensor, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    model = linear()
    fit(model, moons, moons, optimizer=sgd(model), epochs=2, progress=False)
    assert capsys.readouterr().err == ""
    fit(model, moons, moons, optimizer=sgd(model), epochs=2)
    assert "2" in capsys.readouterr().err


def test_nan_is_recorded_not_hidden(moons: tuple[Tensor, Tensor]) -> None:
    model = linear()
    history = fit(model, moons, optimizer=sgd(model, float("inf")), epochs=3, batch_size=10, progress=False)
    assert not math.isfinite(history.train_loss[-1])
    with pytest.raises(ValueError, match="no validation loss"):
        _ = history.best_epoch

"""A small training loop for any model, optimizer and loss, and the history that it returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from utils.progress import tqdm

Batches = tuple[Tensor, Tensor] | Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass
class History:
    """What was measured, one entry per finished epoch.

    Training figures are means over the batches as they were seen, so with dropout and weights that still move;
    validation figures are measured in evaluation mode at the end of the epoch. Accuracies are shares in [0, 1] and stay
    empty if the targets are not class indices.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False

    def __len__(self) -> int:
        """Epochs finished."""
        return len(self.train_loss)

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 0, with the lowest validation loss (the first of equals).

        Raises ValueError if nothing was validated.
        """
        if not self.val_loss:
            raise ValueError("There is no validation loss: give fit() a validation set.")
        return min(range(len(self.val_loss)), key=self.val_loss.__getitem__)


def fit(
    model: nn.Module,
    train: Batches,
    validation: Batches | None = None,
    *,
    optimizer: Optimizer,
    epochs: int,
    loss: Loss = F.cross_entropy,
    batch_size: int = 64,
    generator: torch.Generator | None = None,
    scheduler: Any = None,
    scheduler_steps: Literal["epoch", "batch"] = "epoch",
    after_epoch: Callable[[nn.Module, History], bool | None] | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place and return what was measured.

    `train` and `validation` are a pair of tensors (x, y) or anything that yields such batches, a DataLoader for one. A
    pair is cut into minibatches of `batch_size`, in a fresh order each epoch, drawn from `generator`; the last batch
    may be smaller. Batches are moved to the device of the model's first parameter. `loss(output, y)` is the mean over a
    batch. `scheduler.step()` is called after each epoch or batch. `after_epoch(model, history)` may look at both, and
    ends the training by returning True.

    The stop button (or Ctrl-C) ends the training early: the history of the finished epochs is returned and
    `history.interrupted` is True. The model keeps the weights that it then has.

    Raises ValueError if there are no examples.
    """
    history = History()
    device = _device_of(model)
    bar = tqdm(total=_count_steps(train, batch_size, epochs), disable=not progress, unit="batch", leave=False)
    try:
        for _ in range(epochs):
            start = time.perf_counter()
            model.train()
            meter = _Meter()
            lr = optimizer.param_groups[0]["lr"]
            for x, y in _batches(train, batch_size, generator, shuffle=True):
                x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
                optimizer.zero_grad()
                output = model(x)
                batch_loss = loss(output, y)
                batch_loss.backward()
                optimizer.step()
                if scheduler is not None and scheduler_steps == "batch":
                    scheduler.step()
                meter.add(batch_loss, output, y)
                bar.update()
            val = evaluate(model, validation, loss=loss, batch_size=batch_size) if validation is not None else None
            if scheduler is not None and scheduler_steps == "epoch":
                scheduler.step()
            _record(history, meter.means(), val, lr, time.perf_counter() - start)
            bar.set_postfix_str(_summary(history), refresh=False)
            if after_epoch is not None and after_epoch(model, history):
                break
    except KeyboardInterrupt:
        history.interrupted = True
        print(f"Stopped after {len(history)} of {epochs} epochs; the history so far is returned.")
    finally:
        bar.close()
    return history


@torch.no_grad()
def evaluate(
    model: nn.Module, data: Batches, *, loss: Loss = F.cross_entropy, batch_size: int = 256
) -> tuple[float, float | None]:
    """Mean loss and accuracy over all examples, in evaluation mode; the model's mode is put back afterwards.

    The accuracy is None if the targets are not class indices. Raises ValueError if there are no examples.
    """
    was_training = model.training
    model.eval()
    device = _device_of(model)
    meter = _Meter()
    try:
        for x, y in _batches(data, batch_size, None, shuffle=False):
            x, y = x.to(device), y.to(device)
            output = model(x)
            meter.add(loss(output, y), output, y)
    finally:
        model.train(was_training)
    return meter.means()


class _Meter:
    """Collects on the device; asking for the means is the only point where the host waits."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.correct: list[Tensor] = []
        self.count = 0

    def add(self, loss: Tensor, output: Tensor, y: Tensor) -> None:
        self.losses.append(loss.detach() * len(y))
        self.count += len(y)
        if not y.is_floating_point() and output.ndim == y.ndim + 1:
            self.correct.append((output.detach().argmax(dim=1) == y).float().mean() * len(y))

    def means(self) -> tuple[float, float | None]:
        if self.count == 0:
            raise ValueError("There are no examples: the data is empty, or an iterator that was used up before.")
        accuracy = self._total(self.correct) / self.count if self.correct else None
        return self._total(self.losses) / self.count, accuracy

    @staticmethod
    def _total(parts: list[Tensor]) -> float:
        return float(torch.stack(parts).cpu().double().sum())


def _batches(
    data: Batches, batch_size: int, generator: torch.Generator | None, *, shuffle: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    if not _is_pair(data):
        yield from cast(Iterable[tuple[Tensor, Tensor]], data)
        return
    x, y = cast(tuple[Tensor, Tensor], data)
    order = torch.randperm(len(x), generator=generator) if shuffle else torch.arange(len(x))
    for start in range(0, len(x), batch_size):
        indices = order[start : start + batch_size].to(x.device)
        yield x[indices], y[indices]


def _is_pair(data: Batches) -> bool:
    return isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(part, Tensor) for part in data)


def _count_steps(data: Batches, batch_size: int, epochs: int) -> int | None:
    if _is_pair(data):
        return epochs * -(-len(data[0]) // batch_size)  # type: ignore[index]
    return epochs * len(data) if hasattr(data, "__len__") else None  # type: ignore[arg-type]


def _device_of(model: nn.Module) -> torch.device:
    first = next(model.parameters(), None)
    return first.device if first is not None else torch.device("cpu")


def _record(
    history: History,
    train: tuple[float, float | None],
    val: tuple[float, float | None] | None,
    lr: float,
    seconds: float,
) -> None:
    history.train_loss.append(train[0])
    history.lr.append(float(lr))
    history.seconds.append(seconds)
    if train[1] is not None:
        history.train_accuracy.append(train[1])
    if val is not None:
        history.val_loss.append(val[0])
        if val[1] is not None:
            history.val_accuracy.append(val[1])


def _summary(history: History) -> str:
    parts = [f"epoch {len(history)}", f"loss {history.train_loss[-1]:.4f}"]
    if history.val_loss:
        parts.append(f"held out {history.val_loss[-1]:.4f}")
    if history.val_accuracy:
        parts.append(f"accuracy {history.val_accuracy[-1]:.1%}")
    return ", ".join(parts)

"""One training run of an image classifier, by one recipe, on a CPU, a GPU or several.

The whole data set lives on the device and is augmented there, a batch at a time. On a GPU convolutions run in bfloat16;
on a CPU everything is float32. Started by torchrun, the processes share each batch of the recipe between them and
compute what one process would: every process draws the same random numbers, each trains on its part of the batch, batch
normalization takes its statistics over the whole batch, and gradients are averaged.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from utils.augment import cutout, random_crop, random_flip
from utils.cifar10 import channel_stats, normalize
from utils.device import pick_device, synchronize
from utils.networks import NETWORKS
from utils.progress import tqdm
from utils.training import History

Pair = tuple[Tensor, Tensor]
SAVE_EVERY = 10.0  # seconds between checkpoints


@dataclass(frozen=True)
class Recipe:
    """All that a run depends on, apart from the images.

    SGD with Nesterov momentum; weight decay on the weights of convolutions and linear layers, not on norms and biases;
    cross-entropy with `label_smoothing`. The learning rate of schedule "one_cycle" rises in a straight line from 0 to
    `peak_lr`, which it reaches after the share `peak_at` of all steps, and falls in a straight line to 0; that of
    "steps" starts at `peak_lr` and is multiplied by `drop` at each share of `milestones`. Each epoch takes the images
    in a fresh order and leaves out those that do not fill a batch. A `cutout_size` of 0 is no Cutout.
    """

    network: Literal["resnet9", "resnet18"] = "resnet9"
    width: int = 64
    epochs: int = 24
    batch_size: int = 512
    schedule: Literal["one_cycle", "steps"] = "one_cycle"
    peak_lr: float = 0.4
    peak_at: float = 0.2
    milestones: tuple[float, ...] = (0.3, 0.6, 0.8)
    drop: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    padding: int = 4
    padding_mode: Literal["zeros", "reflect"] = "reflect"
    cutout_size: int = 0
    cutout_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.schedule not in ("one_cycle", "steps"):
            raise ValueError(f'schedule is "one_cycle" or "steps", not {self.schedule!r}.')
        if not 0 <= self.peak_at < 1:
            raise ValueError(f"peak_at is a share of the steps, at least 0 and below 1, not {self.peak_at}.")

    def lr(self, progress: float) -> float:
        """The learning rate at a share of all steps, 0 to 1."""
        if self.schedule == "steps":
            return self.peak_lr * self.drop ** sum(progress >= milestone for milestone in self.milestones)
        rising = progress / self.peak_at if self.peak_at else 1.0
        return self.peak_lr * min(rising, (1 - progress) / (1 - self.peak_at))


@dataclass(frozen=True)
class Trained:
    """A network with what it needs to read images, and what was measured on the way.

    `history.seconds` is the time of each epoch's training steps, with the device synchronized before and after;
    validation, checkpoints and `start_up` (from the call to the first step: moving the images, tuning the
    convolutions) are not part of it.
    """

    recipe: Recipe
    model: nn.Module
    mean: Tensor
    std: Tensor
    history: History
    start_up: float

    @property
    def finished(self) -> bool:
        return len(self.history) == self.recipe.epochs

    def logits(self, images: Tensor, *, mirror: bool = False, batch_size: int = 1000) -> Tensor:
        """Logits (N, classes), float32, on the CPU, of uint8 images (N, 3, H, W), in evaluation mode.

        `mirror` averages those of each image and its mirror image: test-time augmentation, to be said when reported.
        """
        device = self.mean.device
        self.model.eval()
        parts = []
        with torch.no_grad(), _precision(device):
            for batch in images.split(batch_size):
                x = normalize(batch.to(device), self.mean, self.std).contiguous(memory_format=torch.channels_last)
                output = self.model(x).float()
                parts.append((output + self.model(x.flip(3)).float()) / 2 if mirror else output)
        return torch.cat(parts).cpu()

    def accuracy(self, images: Tensor, labels: Tensor, *, mirror: bool = False) -> float:
        """Share of the images that are classified right."""
        return (self.logits(images, mirror=mirror).argmax(1) == labels.cpu()).double().mean().item()


def train_classifier(
    recipe: Recipe,
    train: Pair,
    validation: Pair | None = None,
    *,
    device: torch.device | str | None = None,
    checkpoint: Path | str | None = None,
    seconds: float | None = None,
    progress: bool = True,
) -> Trained:
    """Train a network on (images, labels), uint8 (N, 3, H, W) and int64 (N,), and return it with its history.

    With `checkpoint` the run is kept in that file as it goes, and a later call with the same recipe goes on from there;
    on a CPU it ends with the very numbers of a run that was never interrupted. `seconds` ends the call with the first
    epoch that is done after that time. The stop button ends it too; the file then holds the last epoch that was kept.

    Raises ValueError if there are fewer images than a batch, or if the file is of another recipe or other images.
    """
    called = time.perf_counter()
    device = _device(device)
    images, labels = (part.to(device) for part in train)
    steps = len(images) // recipe.batch_size
    if steps == 0:
        raise ValueError(f"A batch of {recipe.batch_size} images needs as many to train on; there are {len(images)}.")
    mean, std = channel_stats(images)
    stored = _to_rows(normalize(images, mean, std), device)
    run = _Run.start(recipe, int(labels.max()) + 1, device, images=[len(images), *mean.tolist()])
    path = Path(checkpoint) if checkpoint else None
    if path and path.exists():
        run.load(path)
    history = run.history

    with torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False):
        if device.type == "cuda":
            _warm_up(run, stored)
        trained = Trained(recipe, run.model, mean, std, history, start_up=time.perf_counter() - called)
        saved = time.perf_counter()
        bar = tqdm(
            total=recipe.epochs * steps, initial=len(history) * steps,
            unit="batch", leave=False, disable=not progress or _rank() > 0,
        )  # fmt: skip
        try:
            while not trained.finished:
                run.epoch(stored, labels, after_step=bar.update)
                if validation is not None:
                    _validate(trained, validation)
                bar.set_postfix_str(_summary(history))
                stop = seconds is not None and _agreed(time.perf_counter() - called > seconds, device)
                if path and (stop or trained.finished or time.perf_counter() - saved > SAVE_EVERY):
                    run.save(path)
                    saved = time.perf_counter()
                if stop:
                    break
        except KeyboardInterrupt:
            history.interrupted = True
            print(f"Stopped after {len(history)} of {recipe.epochs} epochs.")
        finally:
            bar.close()
    run.model.eval()
    return trained


@contextmanager
def data_parallel() -> Iterator[None]:
    """Within a `with` block, the processes that torchrun started work together, one device each; alone, no change."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "nccl"
    dist.init_process_group(backend)
    try:
        yield
    finally:
        dist.destroy_process_group()


@dataclass
class _Run:
    """What changes while a network is trained, and so what a checkpoint holds."""

    recipe: Recipe
    model: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    history: History
    images: list[float]  # their number and mean: enough to tell sets apart

    @staticmethod
    def start(recipe: Recipe, classes: int, device: torch.device, images: list[float]) -> _Run:
        model = _network(recipe, classes, device)
        generator = torch.Generator(device).manual_seed(recipe.seed)
        return _Run(recipe, model, _optimizer(recipe, model, device), generator, History(), images)

    @cached_property
    def replica(self) -> nn.Module:
        """The network, with gradients averaged over all processes."""
        return DistributedDataParallel(self.model, broadcast_buffers=False) if _processes() > 1 else self.model

    def epoch(self, stored: Tensor, labels: Tensor, after_step: Callable[[], Any]) -> None:
        """One pass over the images, in a fresh order. The host waits for the device only at its end."""
        recipe, history = self.recipe, self.history
        synchronize(stored.device)
        start = time.perf_counter()
        self.model.train()
        steps = len(stored) // recipe.batch_size
        order = torch.randperm(len(stored), generator=self.generator, device=stored.device)
        mine = _shard(recipe.batch_size)
        losses, correct = [], []
        for step in range(steps):
            chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            for group in self.optimizer.param_groups:
                group["lr"] = recipe.lr((len(history) * steps + step) / (recipe.epochs * steps))
            x = _augment(recipe, stored[chosen].permute(0, 3, 1, 2), self.generator)[mine]
            y = labels[chosen][mine]
            with _precision(stored.device):
                logits = self.replica(x)
            loss = F.cross_entropy(logits.float(), y, label_smoothing=recipe.label_smoothing)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
            correct.append((logits.detach().argmax(1) == y).float().mean())
            after_step()
        means = _mean_over_processes(torch.stack([torch.stack(losses).mean(), torch.stack(correct).mean()]))
        synchronize(stored.device)
        history.seconds.append(time.perf_counter() - start)
        history.lr.append(recipe.lr(len(history) / recipe.epochs))
        for record, value in zip((history.train_loss, history.train_accuracy), means.tolist(), strict=True):
            record.append(value)

    def save(self, path: Path) -> None:
        if _rank() > 0:
            return
        state = {
            "of": self._of(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "history": asdict(self.history),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        torch.save(state, part)
        part.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True, map_location="cpu")
        changed = [key for key, value in self._of().items() if state["of"].get(key) != value]
        if changed:
            raise ValueError(f"{path} is of a run with other {', '.join(changed)}: name another file, or delete it.")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        vars(self.history).update(state["history"])

    def _of(self) -> dict[str, Any]:
        return asdict(self.recipe) | {"images": self.images}


def _augment(recipe: Recipe, x: Tensor, generator: torch.Generator) -> Tensor:
    x = random_flip(random_crop(x, recipe.padding, generator, recipe.padding_mode), generator)
    return cutout(x, recipe.cutout_size, recipe.cutout_p, 0.0, generator) if recipe.cutout_size else x


def _to_rows(x: Tensor, device: torch.device) -> Tensor:
    """(N, C, H, W) to (N, H, W, C), so that choosing images leaves a batch in channels-last order."""
    return x.permute(0, 2, 3, 1).contiguous().to(torch.bfloat16 if _uses_bfloat16(device) else torch.float32)


def _network(recipe: Recipe, classes: int, device: torch.device) -> nn.Module:
    if recipe.network not in NETWORKS:
        raise ValueError(f"The networks are {', '.join(NETWORKS)}, not {recipe.network!r}.")
    if recipe.network == "resnet18" and recipe.width < 16 and device.type == "cpu":
        # oneDNN corrupts memory in the gradient of a strided 1 × 1 convolution of fewer channels than a vector register
        # holds, channels last: https://github.com/uxlfoundation/oneDNN/issues/6035
        raise ValueError(
            "On a CPU ResNet-18 needs a width of 16 or more: PyTorch can crash in narrower 1 × 1 convolutions."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = NETWORKS[recipe.network](classes, recipe.width)
    if _processes() > 1:
        for module in model.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = _SharedBatchNorm  # same parameters and buffers, statistics over all processes
    return model.to(memory_format=torch.channels_last).to(device)  # type: ignore[call-overload]


def _optimizer(recipe: Recipe, model: nn.Module, device: torch.device) -> torch.optim.SGD:
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        groups, lr=recipe.lr(0.0), momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=device.type == "cuda"
    )


def _warm_up(run: _Run, stored: Tensor) -> None:
    """Let cuDNN choose its algorithms, on a copy of the network that is thrown away."""
    recipe, spare = run.recipe, copy.deepcopy(run.model)
    generator = torch.Generator(stored.device).manual_seed(0)
    for _ in range(3):
        x = stored[: recipe.batch_size].permute(0, 3, 1, 2)
        with _precision(stored.device):
            spare(_augment(recipe, x, generator)[_shard(recipe.batch_size)]).float().sum().backward()
    synchronize(stored.device)


def _validate(trained: Trained, validation: Pair) -> None:
    images, labels = validation
    logits = trained.logits(images)
    trained.history.val_loss.append(F.cross_entropy(logits, labels.cpu()).item())
    trained.history.val_accuracy.append((logits.argmax(1) == labels.cpu()).double().mean().item())


def _summary(history: History) -> str:
    held_out = f", held out {history.val_accuracy[-1]:.1%}" if history.val_accuracy else ""
    return (
        f"epoch {len(history)}, loss {history.train_loss[-1]:.3f}, training {history.train_accuracy[-1]:.1%}{held_out}"
    )


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalization with the mean and variance of the batches of all processes together, of equal size each."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        count = x.numel() / x.shape[1] * _processes()
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        mean = _SumOverProcesses.apply(values.sum((0, 2, 3), keepdim=True)) / count
        centered = values - mean
        variance = _SumOverProcesses.apply(centered.square().sum((0, 2, 3), keepdim=True)) / count
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            assert self.momentum is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(variance.flatten() * count / (count - 1), self.momentum)
        scale = torch.rsqrt(variance + self.eps) * self.weight.view(1, -1, 1, 1)
        return (centered * scale + self.bias.view(1, -1, 1, 1)).to(x.dtype)


class _SumOverProcesses(torch.autograd.Function):
    """Sum of a tensor over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


def _device(wanted: torch.device | str | None) -> torch.device:
    if wanted is None and _processes() > 1 and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return pick_device(str(wanted) if wanted is not None else None, quiet=True)


def _precision(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=_uses_bfloat16(device))


def _uses_bfloat16(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def _processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _rank() -> int:
    return dist.get_rank() if _processes() > 1 else 0


def _shard(batch_size: int) -> slice:
    """The part of a batch that this process trains on."""
    if batch_size % _processes():
        raise ValueError(f"A batch of {batch_size} images cannot be shared equally by {_processes()} processes.")
    each = batch_size // _processes()
    return slice(_rank() * each, (_rank() + 1) * each)


def _mean_over_processes(values: Tensor) -> Tensor:
    if _processes() > 1:
        dist.all_reduce(values)
    return values / _processes()


def _agreed(yes: bool, device: torch.device) -> bool:
    """Yes if any process says so."""
    if _processes() == 1:
        return yes
    flag = torch.tensor(float(yes), device=device)
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag)

"""How fast a batch is augmented on one CPU core, against torchvision's transforms; and what those do to a batch.

    python benchmarks/augment.py

The first table has images per second of CPU time on one thread: crop with padding 4, mirror, and Cutout of 16 pixels on
normalized 32 × 32 images in batches of 512. torchvision works on one image at a time, as in a DataLoader; it has no
Cutout, and RandomErasing with a hole of fixed size stands in for it. The second table shows what random transforms of
torchvision do when they are given the whole batch.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms import v2

from utils.augment import cutout, random_crop, random_flip

BATCH = 512
SIZE = 16
SECONDS = 2.0


def ours(x: Tensor, generator: torch.Generator) -> Tensor:
    return cutout(random_flip(random_crop(x, 4, generator), generator), SIZE, 1.0, 0.0, generator)


def torchvision_pipeline() -> v2.Transform:
    return v2.Compose([v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip(), erasing(1.0)])


def erasing(p: float) -> v2.RandomErasing:
    """A hole of 16 × 16 pixels, always inside the image."""
    area = SIZE**2 / 32**2
    return v2.RandomErasing(p=p, scale=(area, area), ratio=(1.0, 1.0), value=0)


def images_per_second(work: Callable[[], object], images: int) -> float:
    """The median of the rates, in CPU time, of calls that take about two seconds together."""
    work()
    rates: list[float] = []
    end = time.process_time() + SECONDS
    while time.process_time() < end or len(rates) < 3:
        start = time.process_time()
        work()
        rates.append(images / (time.process_time() - start))
    return statistics.median(rates)


def speed() -> None:
    generator = torch.Generator().manual_seed(0)
    print("| augmentation | images/s per core | ratio |\n|---|---|---|")
    x = torch.randn(BATCH, 3, 32, 32)
    transform = torchvision_pipeline()
    reference = images_per_second(lambda: torch.stack([transform(image) for image in x]), BATCH)
    print(f"| torchvision v2, an image at a time | {reference:,.0f} | 1.0 |")
    layouts = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
    for name, layout in layouts.items():
        batch = x.contiguous(memory_format=layout)
        rate = images_per_second(lambda batch=batch: ours(batch, generator), BATCH)  # type: ignore[misc]
        print(f"| whole batch, {name}, float32 | {rate:,.0f} | {rate / reference:.1f} |")


def one_for_all() -> None:
    """How many different windows, mirrors and holes there are among the images of a batch."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(1.0, 1 + 32 * 32).reshape(1, 1, 32, 32).expand(BATCH, 3, 32, 32)
    print(
        f"\nDifferent results among {BATCH} equal images, and in how many of 200 batches all images, some, none changed:\n"
    )
    print("| transform | different results in a batch | all | some | none |\n|---|---|---|---|---|")
    for name, transform in {
        "v2.RandomCrop(32, padding=4)": v2.RandomCrop(32, padding=4),
        "utils.augment.random_crop": lambda x: random_crop(x, 4, generator),
        "v2.RandomHorizontalFlip()": v2.RandomHorizontalFlip(),
        "utils.augment.random_flip": lambda x: random_flip(x, generator),
        "v2.RandomErasing(p=0.5)": erasing(0.5),
        "utils.augment.cutout(p=0.5)": lambda x: cutout(x, SIZE, 0.5, 0.0, generator),
    }.items():
        different = len(transform(rows).flatten(1).unique(dim=0))
        few = rows[:16]
        changed = [(transform(few) != few).flatten(1).any(1).double().mean().item() for _ in range(200)]
        every, none = (sum(share == value for share in changed) for value in (1.0, 0.0))
        print(f"| {name} | {different} | {every} | {200 - every - none} | {none} |")


def geometry() -> None:
    """Where the holes lie: the share of an image that is covered, and how often its corner and its centre are."""
    x = torch.ones(20_000, 1, 32, 32)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    print("\n| hole of 16 × 16 pixels | covered share of an image | corner | centre |\n|---|---|---|---|")
    erase = erasing(1.0)
    for name, y in {
        "Cutout: centre anywhere, clipped": cutout(x, SIZE, 1.0, 0.0, generator),
        "RandomErasing, an image at a time: inside": torch.stack([erase(image) for image in x]),
    }.items():
        hole = (y == 0).double().mean((0, 1))
        print(f"| {name} | {hole.mean():.1%} | {hole[0, 0]:.1%} | {hole[16, 16]:.1%} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    speed()
    one_for_all()
    geometry()

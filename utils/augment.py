"""Augmentation of a whole batch at once, each image on its own: crop, flip and Cutout.

Each function draws from the generator it is given, which lives on the device of the images. It returns a new tensor of
the same shape, dtype, device and memory format, has no loop over images, and never makes the host wait for the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def random_crop(
    images: Tensor, padding: int, generator: Generator, mode: Literal["zeros", "reflect"] = "zeros"
) -> Tensor:
    """Pad each image on all sides, then cut a window of the old size out of it, at an offset of its own.

    `images` is (N, C, H, W). Both offsets are uniform over 0 … 2·padding; at offset `padding` the image is unmoved.
    "reflect" pads with the mirrored image, without repeating its border, and needs padding < min(H, W). Raises
    ValueError for another padding or mode.
    """
    n, _, height, width = images.shape
    if padding < 0:
        raise ValueError(f"padding is 0 or more pixels, not {padding}.")
    top, left = torch.randint(2 * padding + 1, (2, n), generator=generator, device=images.device)
    # A view of all windows, of which indexing copies one per image. Channels last, it is cut in the order of memory.
    last = _is_channels_last(images)
    windows = _pad(images, padding, mode).unfold(2, height, 1).unfold(3, width, 1)
    each = torch.arange(n, device=images.device)
    if last:
        return windows.permute(0, 2, 3, 4, 5, 1)[each, top, left].permute(0, 3, 1, 2)
    return windows.permute(0, 2, 3, 1, 4, 5)[each, top, left]


def random_flip(images: Tensor, generator: Generator) -> Tensor:
    """Mirror each image, (N, C, H, W), left to right with probability 1/2."""
    coins = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)
    return torch.where(coins < 0.5, images.flip(3), images)


def cutout(images: Tensor, size: int, p: float, fill: float | Sequence[float] | Tensor, generator: Generator) -> Tensor:
    """Cover, with probability `p` per image, one square of `size` pixels in all channels by `fill`.

    The centre (cy, cx) is uniform over all pixels of the image. The hole has the rows from cy − size//2 up to but not
    including cy − size//2 + size, and the columns likewise; what lies outside the image is cut off. `images` is
    (N, C, H, W), `fill` a number or one per channel: the mean, so 0 for normalised images. Raises ValueError
    for a negative `size`, a `p` outside [0, 1] and a `fill` of another shape.
    T. DeVries and G. W. Taylor, Improved Regularization of Convolutional Neural Networks with Cutout,
    arXiv:1708.04552 (2017).
    """
    n, channels, height, width = images.shape
    if size < 0:
        raise ValueError(f"size is 0 or more pixels, not {size}.")
    if not 0 <= p <= 1:
        raise ValueError(f"p is a probability, not {p}.")
    cy = torch.randint(height, (n, 1), generator=generator, device=images.device)
    cx = torch.randint(width, (n, 1), generator=generator, device=images.device)
    covered = torch.rand(n, 1, generator=generator, device=images.device) < p
    rows = _within(cy - size // 2, size, height) & covered
    columns = _within(cx - size // 2, size, width)
    hole = (rows[:, :, None] & columns[:, None, :])[:, None]
    if isinstance(fill, int | float):
        return images.clone().masked_fill_(hole, fill)  # masked_fill itself would lose the memory format
    fills = torch.as_tensor(fill, dtype=images.dtype, device=images.device)
    if fills.shape not in ((), (channels,)):
        raise ValueError(f"fill is a number or one per channel ({channels}), not of shape {tuple(fills.shape)}.")
    return torch.where(hole, fills.reshape(-1, 1, 1), images)


def _pad(images: Tensor, padding: int, mode: str) -> Tensor:
    if mode == "zeros":
        return F.pad(images, (padding,) * 4)
    if mode != "reflect":
        raise ValueError(f'mode is "zeros" or "reflect", not {mode!r}.')
    height, width = images.shape[2:]
    if padding >= min(height, width):
        raise ValueError(f"A mirrored border of {padding} pixels needs larger images than {height} × {width}.")
    for dim in (2, 3):
        length = images.shape[dim]
        before = images.narrow(dim, 1, padding).flip(dim)
        after = images.narrow(dim, length - 1 - padding, padding).flip(dim)
        images = torch.cat([before, images, after], dim)
    return images


def _within(start: Tensor, size: int, length: int) -> Tensor:
    """Which of the positions 0 … length − 1 lie in start ≤ i < start + size; (N, 1) to (N, length)."""
    positions = torch.arange(length, device=start.device)
    return (positions >= start) & (positions < start + size)


def _is_channels_last(images: Tensor) -> bool:
    last = torch.channels_last
    return images.is_contiguous(memory_format=last) and not images.is_contiguous()

"""Data sets that need no network: handwritten digits, two photographs, and points in the plane; where data is kept.

scikit-learn ships the digits and the photographs; it is imported only when one of them is asked for.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.device import moved

Standardize = Literal["global", "pixel", "range", None]


@dataclass(frozen=True)
class Split:
    """Examples for training and examples held out, with what was done to them.

    `train_x` and `held_out_x` have shape (N, features) or (N, channels, height, width), float32; `train_y` and
    `held_out_y` have shape (N,), int64. An input is (raw − mean)/std; `mean` and `std` broadcast to it.
    """

    train_x: Tensor
    train_y: Tensor
    held_out_x: Tensor
    held_out_y: Tensor
    classes: tuple[str, ...]
    image_shape: tuple[int, ...]
    mean: Tensor
    std: Tensor

    @property
    def train(self) -> tuple[Tensor, Tensor]:
        return self.train_x, self.train_y

    @property
    def held_out(self) -> tuple[Tensor, Tensor]:
        return self.held_out_x, self.held_out_y

    def to(self, device: torch.device | str) -> Split:
        """The same split with every tensor on a device."""
        return moved(self, device)

    def images(self, x: Tensor) -> Tensor:
        """Inputs of this split as images in raw units, (N, channels, height, width)."""
        return (x * self.std + self.mean).reshape(-1, *self.image_shape)


def cache_folder() -> Path:
    """Where a machine keeps what it would compute again: DESCENT_CACHE, or `descent` in the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "descent"
    return Path(os.environ.get("DESCENT_CACHE") or default)


def digits(
    *,
    held_out: float = 0.2,
    standardize: Standardize = "global",
    flat: bool = True,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Split:
    """The 1,797 handwritten digits of scikit-learn, 8 × 8 pixels of 0 to 16, shuffled and split.

    `held_out` is the share that is kept from training. Statistics come from the training examples alone:
    "global": one mean and standard deviation for all pixels; "pixel": one of each per pixel (std 1 where a pixel never
    changes); "range": divide by 16, so that inputs lie in [0, 1]; None: raw.
    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI (1998), doi:10.24432/C50P49.

    Raises ValueError for a share outside (0, 1) or another way to standardize, ImportError without scikit-learn.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out is a share between 0 and 1, not {held_out}.")
    raw = _sklearn_datasets("the digits").load_digits()
    x, y = torch.from_numpy(raw.data).to(torch.float64), torch.from_numpy(raw.target).long()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    cut = len(x) - round(held_out * len(x))
    mean, std = _statistics(x[order[:cut]], standardize)
    x = ((x - mean) / std).to(dtype)
    mean, std = mean.to(dtype), std.to(dtype)
    if not flat:
        x = x.reshape(-1, 1, 8, 8)
        mean, std = (s.reshape(1, 8, 8) if s.ndim else s for s in (mean, std))
    return Split(
        train_x=x[order[:cut]],
        train_y=y[order[:cut]],
        held_out_x=x[order[cut:]],
        held_out_y=y[order[cut:]],
        classes=tuple(str(k) for k in range(10)),
        image_shape=(1, 8, 8),
        mean=mean,
        std=std,
    )


def photograph(name: Literal["china", "flower"] = "china", *, gray: bool = False, height: int | None = None) -> Tensor:
    """One of scikit-learn's two sample photographs, (channels, height, width), float32 in [0, 1].

    The originals have 427 × 640 pixels; `height` shrinks them, with antialiasing, at the same ratio. `gray` gives one
    channel, the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    Raises ValueError for another name, ImportError without scikit-learn.
    """
    if name not in ("china", "flower"):
        raise ValueError(f"The photographs are 'china' and 'flower', not {name!r}.")
    raw = _sklearn_datasets("the photographs").load_sample_image(f"{name}.jpg")
    image = torch.tensor(raw).permute(2, 0, 1).float() / 255
    if gray:
        image = (torch.tensor([0.299, 0.587, 0.114])[:, None, None] * image).sum(0, keepdim=True)
    if height is not None:
        size = (height, round(height * image.shape[2] / image.shape[1]))
        image = F.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0].clamp(0, 1)
    return image.contiguous()


def two_moons(n: int, *, noise: float = 0.1, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Points on two interleaved half circles of radius 1: x of shape (n, 2), y of shape (n,), 0 or 1.

    The upper one is centred at (0, 0), the lower one at (1, 0.5); both are shifted so that the set is centred at 0.
    """
    y = torch.arange(n) % 2
    angle = math.pi * torch.rand(n, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    x = torch.where(y[:, None] == 0, upper, lower) - torch.tensor([0.5, 0.25])
    return x + noise * torch.randn(n, 2, generator=generator), y


def _statistics(train_x: Tensor, standardize: Standardize) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (divisor N) to standardize with."""
    if standardize == "global":
        return train_x.mean(), train_x.std(correction=0)
    if standardize == "pixel":
        std = train_x.std(dim=0, correction=0)
        return train_x.mean(dim=0), torch.where(std > 0, std, 1.0)
    if standardize in ("range", None):
        return train_x.new_tensor(0.0), train_x.new_tensor(16.0 if standardize else 1.0)
    raise ValueError(f'standardize is "global", "pixel", "range" or None, not {standardize!r}.')


def _sklearn_datasets(what: str) -> Any:
    try:
        from sklearn import datasets
    except ImportError:
        message = f"{what.capitalize()} come with scikit-learn, which is missing here: pip install scikit-learn pillow"
        raise ImportError(message) from None
    return datasets

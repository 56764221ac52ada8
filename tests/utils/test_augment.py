"""Batched augmentation: the geometry of each variant by its statistics, and what must stay as it was.

Statistical checks have a fixed seed. Over seeds each would fail a right implementation with probability below 1e-6: means
are allowed 5 standard errors, counts a χ² value of that tail.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chi2
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from utils.augment import cutout, random_crop, random_flip

N = 4096
FALSE_ALARM = 1e-6
FUNCTIONS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "crop, zeros": lambda x, g: random_crop(x, 3, g),
    "crop, reflect": lambda x, g: random_crop(x, 3, g, "reflect"),
    "flip": random_flip,
    "cutout, a number": lambda x, g: cutout(x, 5, 0.7, 2, g),
    "cutout, one per channel": lambda x, g: cutout(x, 5, 0.7, (1, 2, 3), g),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def assert_uniform(values: Tensor, cells: int) -> None:
    counts = torch.bincount(values, minlength=cells).double()
    assert len(counts) == cells, "no other value"
    expected = len(values) / cells
    assert ((counts - expected) ** 2 / expected).sum() < chi2.isf(FALSE_ALARM, cells - 1)


def assert_share(hits: Tensor, p: float) -> None:
    assert abs(hits.double().mean() - p) < 5 * math.sqrt(p * (1 - p) / len(hits))


def intervals(length: int, size: int) -> list[tuple[int, int]]:
    """Rows that a hole covers, for each of the centres 0 … length − 1: first, and one after the last."""
    return [(max(c - size // 2, 0), min(c - size // 2 + size, length)) for c in range(length)]


def holes(height: int, width: int, size: int, *, n: int = N, p: float = 1.0) -> Tensor:
    """Which pixels are covered, (n, height, width), the same in all channels."""
    x = torch.ones(n, 3, height, width)
    covered = cutout(x, size, p, 0.0, seeded()) == 0
    assert (covered == covered[:, :1]).all(), "the hole is the same in all channels"
    return covered[:, 0]


@pytest.mark.parametrize(
    ("height", "width", "size"), [(32, 32, 16), (32, 40, 16), (32, 40, 15), (12, 9, 1), (9, 12, 4)]
)
def test_cutout_covers_a_square_around_a_uniform_centre_clipped_at_the_border(
    height: int, width: int, size: int
) -> None:
    mask = holes(height, width, size)
    rows, columns = mask.any(2), mask.any(1)
    assert (mask == rows[:, :, None] & columns[:, None, :]).all(), "one rectangle"
    centre = []
    for sides, length in ((rows, height), (columns, width)):
        known = {interval: c for c, interval in enumerate(intervals(length, size))}
        assert len(known) == length, "the interval tells the centre"
        first = sides.int().argmax(1)
        last = length - sides.flip(1).int().argmax(1)
        centre.append(torch.tensor([known[pair] for pair in zip(first.tolist(), last.tolist(), strict=True)]))
    assert_uniform(centre[0], height)
    assert_uniform(centre[1], width)
    correlation = torch.corrcoef(torch.stack(centre).double())[0, 1]
    assert abs(correlation) < 5 / math.sqrt(N), "row and column are independent"


def test_cutout_has_the_anchors_of_the_paper_s_variant() -> None:
    """16 pixels on 32 × 32: 19.14 % of an image on average, and how often its corners and its centre are covered."""
    mask = holes(32, 32, 16)
    share = mask.double().mean((1, 2))
    assert abs(share.mean() - 0.1914) < 5 * 0.0507 / math.sqrt(N)
    assert mask.any(1).sum(1).min() == 8
    assert mask.any(1).sum(1).max() == 16
    assert_share(mask[:, 0, 0], 81 / 1024)
    assert_share(mask[:, -1, -1], 64 / 1024)
    assert_share(mask[:, 16, 16], 1 / 4)


def test_cutout_of_extreme_sizes() -> None:
    assert not holes(8, 8, 0, n=64).any()
    assert holes(8, 8, 16, n=64).all(), "twice the image covers it from every centre"


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_cutout_hits_each_image_with_its_own_coin(p: float) -> None:
    hit = holes(16, 16, 4, p=p).any(2).any(1)
    if p == 0.3:
        assert_share(hit, p)
    else:
        assert (hit == bool(p)).all()


def test_cutout_fills_with_a_number_or_one_per_channel() -> None:
    x = torch.zeros(64, 3, 8, 8)
    assert set(cutout(x, 4, 1.0, 0.5, seeded()).unique().tolist()) == {0.0, 0.5}
    for fill in ((1.0, 2.0, 3.0), torch.tensor([1.0, 2.0, 3.0])):
        y = cutout(x, 4, 1.0, fill, seeded())
        assert [set(channel.unique().tolist()) for channel in y.unbind(1)] == [{0, 1}, {0, 2}, {0, 3}]
        assert torch.equal(y.bool(), cutout(x, 4, 1.0, 1.0, seeded()).bool()), "the same holes"


@pytest.mark.parametrize(("mode", "torch_mode"), [("zeros", "constant"), ("reflect", "reflect")])
def test_crop_cuts_a_window_at_a_uniform_offset(mode: Any, torch_mode: str) -> None:
    """An image whose pixels all differ shows which window was cut."""
    height, width, padding = 5, 7, 2
    image = 1 + torch.arange(2 * height * width, dtype=torch.float32).reshape(1, 2, height, width)
    padded = F.pad(image, (padding,) * 4, mode=torch_mode)[0]
    windows = padded.unfold(1, height, 1).unfold(2, width, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)
    cut = random_crop(image.expand(N, -1, -1, -1), padding, seeded(), mode)
    same = (cut.flatten(1)[:, None] == windows.flatten(1)[None]).all(2)
    assert (same.sum(1) == 1).all(), "each result is one of the windows"
    assert_uniform(same.int().argmax(1), (2 * padding + 1) ** 2)


def test_crop_by_nothing_changes_nothing() -> None:
    x = torch.rand(3, 2, 5, 7)
    for mode in ("zeros", "reflect"):
        assert torch.equal(random_crop(x, 0, seeded(), mode), x)  # type: ignore[arg-type]


def test_flip_mirrors_each_image_by_its_own_coin() -> None:
    x = torch.rand(N, 2, 3, 4)
    y = random_flip(x, seeded())
    mirrored, kept = ((y == z).flatten(1).all(1) for z in (x.flip(3), x))
    assert (mirrored ^ kept).all()
    assert_share(mirrored, 0.5)


def test_crop_flip_and_cutout_of_one_generator_are_independent() -> None:
    generator = seeded()
    x = torch.arange(1.0, 5).expand(N, 1, 8, 4)
    flipped = random_flip(x, generator)[:, 0, 0, 0] == 4
    left = cutout(x, 2, 1.0, 0.0, generator)[:, 0].eq(0).any(1)[:, 0]
    correlation = torch.corrcoef(torch.stack([flipped, left]).double())[0, 1]
    assert abs(correlation) < 5 / math.sqrt(N)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bfloat16, torch.float32])
def test_dtype_layout_and_arguments_stay(function: Any, layout: torch.memory_format, dtype: torch.dtype) -> None:
    x = torch.randint(10, 250, (6, 3, 8, 9), generator=seeded(1)).to(dtype).contiguous(memory_format=layout)
    before = x.clone()
    y = function(x, seeded())
    assert (y.shape, y.dtype) == (x.shape, dtype)
    assert y.is_contiguous(memory_format=layout)
    assert torch.equal(x, before)
    assert not torch.equal(y, x)
    y.zero_()
    assert torch.equal(x, before), "the result does not share memory with the argument"


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_the_generator_given_is_the_only_source_of_chance(function: Any) -> None:
    x = torch.rand(32, 3, 8, 8)
    state = torch.get_rng_state()
    generator = seeded(3)
    first, second = function(x, generator), function(x, generator)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, function(x, seeded(3)))
    assert not torch.equal(first, second)


class Operations(TorchDispatchMode):
    """The names of the operations that run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_no_loop_over_images_and_no_wait_for_the_device(function: Any) -> None:
    seen = []
    for n in (2, 50):
        with Operations() as operations:
            function(torch.rand(n, 3, 8, 8), seeded())
        seen.append(operations.names)
    assert seen[0] == seen[1], "as many operations for 50 images as for 2"
    assert not {"_local_scalar_dense", "nonzero", "item", "equal", "masked_select"} & set(seen[0])


def test_what_makes_no_sense_is_said() -> None:
    x = torch.zeros(2, 3, 8, 8)
    for call, message in [
        (lambda: random_crop(x, -1, seeded()), "padding is 0 or more pixels, not -1"),
        (lambda: random_crop(x, 8, seeded(), "reflect"), "mirrored border of 8 pixels"),
        (lambda: random_crop(x, 1, seeded(), "mirror"), "not 'mirror'"),  # type: ignore[arg-type]
        (lambda: cutout(x, -1, 1.0, 0.0, seeded()), "size is 0 or more pixels, not -1"),
        (lambda: cutout(x, 4, 1.5, 0.0, seeded()), "p is a probability, not 1.5"),
        (lambda: cutout(x, 4, 1.0, [0.0, 1.0], seeded()), r"one per channel \(3\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()

"""The data sets: shapes, splits without leakage, statistics of the training part alone."""

from __future__ import annotations

import pytest
import torch

from utils import data
from utils.seeding import seed_everything


def test_digits_are_split_without_overlap_or_loss() -> None:
    split = data.digits(standardize=None, held_out=0.25)
    assert split.train_x.shape == (1348, 64)
    assert split.held_out_x.shape == (449, 64)
    together = torch.cat([split.train_x, split.held_out_x])
    from sklearn.datasets import load_digits

    raw = torch.tensor(load_digits().data, dtype=torch.float32)
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, raw.tolist()))
    assert split.train_y.unique().tolist() == split.held_out_y.unique().tolist() == list(range(10))
    assert not torch.equal(together, raw), "shuffled"


def test_digits_labels_stay_with_their_images() -> None:
    from sklearn.datasets import load_digits

    raw = load_digits()
    label_of = {tuple(x): y for x, y in zip(raw.data.tolist(), raw.target.tolist(), strict=True)}
    split = data.digits(standardize="range")
    for x, y in [split.train, split.held_out]:
        assert [label_of[tuple(row)] for row in (x * 16).tolist()] == y.tolist()


@pytest.mark.parametrize("standardize", ["global", "pixel", "range", None])
def test_digits_statistics_come_from_the_training_part(standardize: data.Standardize) -> None:
    raw = data.digits(standardize=None, dtype=torch.float64)
    split = data.digits(standardize=standardize, dtype=torch.float64)
    torch.testing.assert_close(split.train_x * split.std + split.mean, raw.train_x)
    torch.testing.assert_close(split.held_out_x * split.std + split.mean, raw.held_out_x)
    if standardize == "global":
        assert abs(split.train_x.mean()) < 1e-12
        torch.testing.assert_close(split.train_x.var(correction=0), torch.tensor(1.0, dtype=torch.float64))
    if standardize == "pixel":
        moving = raw.train_x.std(dim=0) > 0
        assert 50 < moving.sum() < 64
        assert split.train_x.mean(dim=0).abs().max() < 1e-12
        torch.testing.assert_close(split.train_x.var(dim=0, correction=0), moving.double())
    if standardize == "range":
        assert (split.train_x.min(), split.train_x.max()) == (0, 1)


def test_digits_as_images_and_back() -> None:
    raw = data.digits(standardize=None)
    split = data.digits(standardize="pixel", flat=False)
    assert split.train_x.shape[1:] == split.image_shape == (1, 8, 8)
    torch.testing.assert_close(split.images(split.held_out_x).flatten(1), raw.held_out_x, atol=1e-4, rtol=0)


def test_digits_depend_on_the_seed_alone() -> None:
    seed_everything(3)
    first = data.digits()
    seed_everything(4)
    assert torch.equal(first.train_x, data.digits().train_x)
    assert not torch.equal(first.train_x, data.digits(seed=1).train_x)


def test_split_moves_as_a_whole() -> None:
    moved = data.digits().to("meta")
    assert {t.device.type for t in [*moved.train, *moved.held_out, moved.mean, moved.std]} == {"meta"}
    assert moved.classes[7] == "7"


def test_digits_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        data.digits(held_out=360)
    with pytest.raises(ValueError, match="standardize is"):
        data.digits(standardize="unit")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["china", "flower"])
def test_photographs(name: str) -> None:
    image = data.photograph(name)  # type: ignore[arg-type]
    assert (image.shape, image.dtype) == ((3, 427, 640), torch.float32)
    assert image.min() >= 0
    assert 0.9 < image.max() <= 1
    gray = data.photograph(name, gray=True, height=64)  # type: ignore[arg-type]
    assert gray.shape == (1, 64, 96)
    luma = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    assert abs(gray.mean() - luma.mean()) < 0.01


def test_photograph_of_another_name() -> None:
    with pytest.raises(ValueError, match="'china' and 'flower'"):
        data.photograph("cat")  # type: ignore[arg-type]


def test_moons_follow_their_generator() -> None:
    x, y = data.two_moons(101, generator=torch.Generator().manual_seed(1))
    again, _ = data.two_moons(101, generator=torch.Generator().manual_seed(1))
    other, _ = data.two_moons(101, generator=torch.Generator().manual_seed(2))
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((101, 2), torch.float32, (101,), torch.int64)
    assert torch.equal(x, again)
    assert not torch.equal(x, other)
    assert y.bincount().tolist() == [51, 50]


def test_moons_lie_on_their_half_circles() -> None:
    x, y = data.two_moons(500, noise=0.0, generator=torch.Generator().manual_seed(0))
    centers = torch.tensor([[-0.5, -0.25], [0.5, 0.25]])[y]
    torch.testing.assert_close((x - centers).norm(dim=1), torch.ones(500))
    assert (x[y == 0, 1] >= -0.25).all()
    assert (x[y == 1, 1] <= 0.25).all()

# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: Cutout
#     budget: {cell_seconds: 60, call_seconds: 10}
# ---

# %% [markdown]
# # Cutout: the capstone
#
# A network that learns to tell a dog from a cat by its left ear has learnt something that is true of the
# training images and useless for a dog seen from the right. *Cutout* (DeVries and Taylor, 2017) takes the ear
# away: in each training image a square is covered, somewhere else every time. The network has to look at the
# whole animal. Over 200 epochs on CIFAR-10 this lowered the error of a ResNet-18 from 4.72 % to 3.99 %. In a
# short training it usually costs a little. Which of the two happens to you is what you will find out, and
# report so that a sceptic would believe it.
#
# You write the whole chain: statistics and normalization, the augmentation of a batch, Cutout, the residual
# block, the learning-rate schedule, the training run, the tuning, the comparison with an interval. At the end
# you hand in trained weights, what they reach, and a report of one page.
#
# **Conventions.** Images are $(N, C, H, W)$, batch first; $H$ and $W$ need not be equal. A function on images
# returns the dtype, the device and the memory format (`torch.channels_last` or not) that it was given, unless
# the task says otherwise. It has no loop over images: a batch of 1,000 takes as many lines as one of 10.
#
# **Rules.** Arguments end as they were. A function that takes a `generator` draws everything from it, so that
# two calls in a row give different results and the same state of the generator gives the same result;
# PyTorch's global generator is left alone. The generator lives where the images live: give
# `device=images.device` to what you draw. Ready-made augmentations and blocks (`torchvision`,
# `utils.augment`, `utils.networks`) are for comparing, not for handing in. The checks read your code: use torch,
# NumPy and plain Python, and write out the functions that you call.
#
# **How to work.** Write a function, run the cell below it, read what it says. The visible checks catch most
# mistakes. The grader adds hidden ones: other shapes, other dtypes, edge cases. What is random is judged by
# its statistics, so it does not matter by which call you draw, nor in which order. A right solution fails by
# bad luck less than once in a million runs.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import base64
import itertools
import json
import math
import sys

import torch
import torch.nn.functional as F
from torch import nn

from utils.checks import (
    case_generator,
    check_close,
    check_dtype,
    check_equal,
    check_not_used,
    check_shape,
    check_true,
    passed_visible,
    probe,
    unchanged,
)
from utils.cifar10 import cifar10_or_digits, digits32
from utils.plotting import curves, image_grid, panels

# %% nbgrader={"grade": false, "grade_id": "measuring", "locked": true, "schema_version": 3, "solution": false, "task": false}
# What the checks of random functions share: nothing in this cell needs to be read to do the tasks.
READY_MADE = ["torchvision", "utils.augment", "utils.cifar10", "utils.networks", "utils.image_training", "kornia"]


def different_images(n, channels, height, width, dtype=torch.uint8):
    """A batch in which the pixels of an image all differ, neighbouring images too, with values from 1 to 199."""
    values = torch.arange(n * channels * height * width) % 199 + 1
    return values.to(dtype).reshape(n, channels, height, width)


def memory_format(images):
    """ "channels last", "contiguous" or "neither"."""
    if images.is_contiguous():
        return "contiguous"
    return "channels last" if images.is_contiguous(memory_format=torch.channels_last) else "neither"


def evenness(kinds):
    """How often the rarest and the most frequent of the different rows occur, 1 being the mean, to the nearest half."""
    counts = torch.unique(kinds, dim=0, return_counts=True)[1].double()
    return [round(2 * float(extreme / counts.mean())) / 2 for extreme in (counts.min(), counts.max())]


def like_the_one_before(*kinds):
    """How often images agree with the one before in each property, 1 being as often as by chance, to the nearest half."""
    agree = [(k[1:] == k[:-1]).all(dim=1).double().mean() for k in kinds]
    chance = [(torch.unique(k, dim=0, return_counts=True)[1] / len(k)).square().sum() for k in kinds]
    return [round(2 * float(a / c)) / 2 for a, c in zip(agree, chance, strict=True)]


def hole_facts(out, images, fill):
    """What a function has covered, coarse enough not to depend on single draws. fill: one value per channel."""
    if out.shape != images.shape:
        return {"shape": list(out.shape)}
    changed = out != images
    hole = changed.any(dim=1)
    rows, columns = hole.any(dim=2), hole.any(dim=1)
    covered = rows.any(dim=1)
    spans = []
    for lines in (rows[covered], columns[covered]):
        length = lines.shape[1]
        first, last = lines.int().argmax(dim=1), length - lines.flip(1).int().argmax(dim=1)
        spans.append(torch.stack([first, last], dim=1))
    boxes = torch.cat(spans, dim=1)
    area = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
    value = torch.tensor(fill, dtype=images.dtype).reshape(-1, 1, 1).expand_as(images)
    different = len(torch.unique(boxes, dim=0)) if len(boxes) else 0
    halves = covered.double().chunk(2)
    return {
        "shape": list(out.shape),
        "dtype": str(out.dtype),
        "memory": memory_format(out),
        "one rectangle per image": bool((hole[covered].sum(dim=(1, 2)) == area).all()),
        "the same in all channels": bool((changed == hole[:, None]).all()),
        "holds fill": bool((out[changed] == value[changed]).all()),
        "covered": [round(10 * float(half.mean())) / 10 for half in halves],
        "different holes": different,
        "rows": torch.unique(spans[0], dim=0).tolist() if different > 9 else [],
        "columns": torch.unique(spans[1], dim=0).tolist() if different > 9 else [],
        "evenness": [evenness(s) for s in spans] if different > 9 else [],
        "like the one before": like_the_one_before(*spans) if len(boxes) > 1 else [],
    }


def crop_facts(out, images, padding):
    """Which crops and flips of its input each image is, coarse enough not to depend on single draws."""
    if out.shape != images.shape:
        return {"shape": list(out.shape)}
    height, width = images.shape[2:]
    turns = {"none": (), "left-right": (3,), "up-down": (2,), "both": (2, 3)}
    for mode in ("constant", "reflect", "replicate", "circular"):
        padded = F.pad(images.double(), (padding,) * 4, mode=mode).to(images.dtype)
        kinds = torch.full((len(images), 3), -1)
        for turn, dims in enumerate(turns.values()):
            for y, x in itertools.product(range(2 * padding + 1), repeat=2):
                crop = padded[:, :, y : y + height, x : x + width].flip(dims)
                kinds[(out == crop).all(dim=(1, 2, 3))] = torch.tensor([y, x, turn])
        if bool((kinds >= 0).all()):
            break
    else:
        return {"shape": list(out.shape), "padding": "none of the known ones"}
    different = len(torch.unique(kinds, dim=0))
    seen = [sorted(set(kinds[:, i].tolist())) if different > 2 else [] for i in range(3)]
    return {
        "shape": list(out.shape),
        "dtype": str(out.dtype),
        "memory": memory_format(out),
        "padding": {"constant": "zeros"}.get(mode, mode),
        "different crops": different if different > 2 else 1,
        "rows": seen[0],
        "columns": seen[1],
        "flips": [list(turns)[i] for i in seen[2]],
        "flipped": round(10 * float((kinds[:, 2] > 0).double().mean())) / 10 if different > 2 else 0.0,
        "evenness": [evenness(kinds[:, i : i + 1]) for i in range(2)] if different > 2 else [],
        "like the one before": like_the_one_before(*kinds.split(1, dim=1)),
    }


def facts_about_draws(draw, seed):
    """What a function does with its generator; draw(generator) gives its result as a tensor."""
    shared, before = torch.Generator().manual_seed(seed), torch.get_rng_state()
    first, second = draw(shared), draw(shared)
    again = draw(torch.Generator().manual_seed(seed))
    return {
        "gives the same result for the same state of the generator": torch.equal(first, again),
        "gives another result in the next call": not torch.equal(first, second),
        "leaves PyTorch's global generator alone": torch.equal(before, torch.get_rng_state()),
    }


CAUSES_OF_DRAWS = {
    "gives the same result for the same state of the generator": "Is something drawn without generator=generator?",
    "gives another result in the next call": "Is the generator seeded or made anew inside, or is nothing drawn?",
    "leaves PyTorch's global generator alone": "Is something drawn without generator=generator, or seeded globally?",
}


def lines_run(function, *arguments):
    """How many lines of Python a call runs through: a loop over images shows, whatever it is written with."""
    count, before = 0, sys.gettrace()

    def trace(frame, event, argument):
        nonlocal count
        count += 1
        return trace

    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count


def loops_over_images(function):
    """Whether a call with 300 images runs through many more lines of Python than one with 4."""
    few, many = (lines_run(function, different_images(n, 2, 4, 5)) for n in (4, 300))
    return many - few > 150


# %% [markdown]
# **The images.** With a copy of CIFAR-10 on this machine the notebook runs on a part of it, without one on
# small handwritten digits, enlarged to the size of CIFAR-10. The figures say which. Digits show that the code
# works; what Cutout is worth they cannot show.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-data", "locked": true, "schema_version": 3, "solution": false, "task": false}
data = cifar10_or_digits()
examples, (validation_x, validation_y) = data.split(min(2000, len(data.train_x) // 4))
train_x, train_y = (part[:4000] for part in examples)
assert train_x.shape[1:] == (3, 32, 32)
image_grid(
    train_x[:16],
    [data.classes[k] for k in train_y[:16].tolist()],
    title=f"{len(train_x):,} images to train on: {data.source}",
    columns=8,
    limits=(0, 255),
    size=1.0,
)

# %% [markdown] task={"name": "statistics", "minutes": 10, "difficulty": 1}
# ## Task 1. Zero mean, unit variance, and two famous wrong numbers
#
# A network likes inputs around 0 of size 1. For each channel, over *all* pixels of *all* images,
#
# $$
# \mu_c = \frac1{NHW} \sum_{n,h,w} x_{nchw}, \qquad
# \sigma_c = \sqrt{\frac1{NHW} \sum_{n,h,w} (x_{nchw} - \mu_c)^2}
# $$
#
# with $x$ in units of $[0, 1]$: the bytes divided by 255. The divisor is $NHW$, not one less.
#
# Two mistakes about these six numbers are all over the internet. The standard deviations
# $(0.2023, 0.1994, 0.2010)$ of CIFAR-10 are the mean of the standard deviations of the *single images*; the
# right ones are $(0.2470, 0.2435, 0.2616)$. And whoever adds up 51 million values in a float32 accumulator,
# one by one, finds that the sum stops growing at $2^{24}$: beyond it, adding a number below 1 changes
# nothing.
#
# **Write** `channel_stats(images)` and `normalize(images, mean, std)`. The first is exact to five digits,
# also for 50,000 images and for images of little contrast; it works in a few times the memory of its
# argument. (It may go through the images in a few large parts; one by one it may not.)
#
# **Example.** One image of one channel with the bytes $0, 0, 255, 255$ has $\mu = \sigma = \tfrac12$;
# normalized it is $-1, -1, 1, 1$.
#
# <details><summary>Hint 1: which dimensions</summary>
#
# A reduction takes several dimensions at once: `dim=(0, 2, 3)` leaves one number per channel. Bring the
# numbers to the right place for broadcasting with `.reshape(-1, 1, 1)`.
#
# </details>
# <details><summary>Hint 2: exact sums</summary>
#
# There are only 256 different bytes. `torch.bincount` counts how often each occurs, in integers; mean and
# variance follow from the counts, in float64. Summing in float64 is good enough too.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "statistics", "locked": false, "schema_version": 3, "solution": true, "task": false}
def channel_stats(images):
    """Mean and standard deviation of each channel over all images, in units of [0, 1], divisor N·H·W.

    images: (N, C, H, W), uint8
    Returns (mean, std), each of shape (C,).
    """
    ### BEGIN SOLUTION
    shares = torch.stack([channel.flatten().bincount(minlength=256) for channel in images.unbind(dim=1)]).double()
    shares = shares / shares.sum(dim=1, keepdim=True)
    values = torch.arange(256, dtype=torch.float64, device=images.device) / 255
    mean = (shares * values).sum(dim=1)
    variance = (shares * (values - mean[:, None]) ** 2).sum(dim=1)
    return mean.float(), variance.sqrt().float()
    ### END SOLUTION


def normalize(images, mean, std):
    """(images/255 − mean)/std, channel by channel.

    images: (N, C, H, W), uint8; mean, std: shape (C,), in units of [0, 1], tensors of any float dtype or lists
    Returns float32, (N, C, H, W), in the memory format of images.
    """
    ### BEGIN SOLUTION
    mean, std = (torch.as_tensor(s, dtype=torch.float32, device=images.device).reshape(-1, 1, 1) for s in (mean, std))
    return (images / 255 - mean) / std
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "channel-stats-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the statistics of the channels.
images = torch.tensor([[[[0, 0, 255, 255]], [[51, 51, 51, 51]]]], dtype=torch.uint8)
mean, std = channel_stats(images)
check_close(mean, [0.5, 0.2], "the mean of two channels, in units of [0, 1]", rtol=1e-5)
sample = {"This divides by N·H·W − 1. Divide by the number of pixels.": [1 / 3**0.5, 0.0]}
what = "the standard deviation of two channels, divisor N·H·W"
check_close(std, [0.5, 0.0], what, rtol=1e-5, atol=1e-6, causes=sample)
images = torch.tensor([[[[0, 0]]], [[[255, 255]]]], dtype=torch.uint8)
of_images = {"Two images without contrast differ from each other: take the deviation over all images at once.": [0.0]}
mean, std = channel_stats(images)
check_close(std, [0.5], "the standard deviation over a black and a white image", rtol=1e-5, causes=of_images)


@probe
def stats_loop():
    return loops_over_images(channel_stats)


cause = "There is a loop over images: reduce over dim=(0, 2, 3), or go through a few large parts."
check_true(not stats_loop(), "300 images take about as many lines of Python as 4", cause)
passed_visible("channel_stats")


### BEGIN HIDDEN TESTS
@probe
def stats_of_many(n, height, width, low, high):
    """Two channels: low bytes in the first half of the images and high ones in the others, and one third and the others."""
    place = torch.arange(n)[:, None] / n
    bytes_ = torch.where(place < torch.tensor([1 / 2, 1 / 3]) - 1e-5, low, high).to(torch.uint8)
    images = bytes_[:, :, None, None].repeat(1, 1, height, width)
    mean, std = channel_stats(images)
    return torch.as_tensor(mean).double().tolist(), torch.as_tensor(std).double().tolist()


# Sorted images, in which 32 bits hold neither the sum of squares nor, at the end, a sum of floats to five digits, and
# which parts of 1,000 do not divide; and a contrast of one step at 254.
for n, height, width, low, high in ((9006, 6, 9, 0, 255), (6, 6, 8, 254, 255), (60_000, 1, 2, 3, 9)):
    a, b = low / 255, high / 255
    mean, std = stats_of_many(n, height, width, low, high)
    what = f"of {n:,} images with the two bytes {low} and {high}"
    check_close(mean, [(a + b) / 2, (a + 2 * b) / 3], f"the mean {what}", rtol=1e-5)
    expected = [(b - a) / 2, (b - a) * math.sqrt(2) / 3]
    check_close(std, expected, f"the standard deviation {what}", rtol=1e-4)
generator = case_generator()
for n, c, h, w in ((3, 3, 5, 4), (4, 1, 2, 3), (1, 5, 3, 3), (3, 4, 3, 6)):
    images = torch.randint(256, (n, c, h, w), generator=generator, dtype=torch.uint8)
    images[0] = images[0] // 4  # one image is darker than the others
    pixels = images.double().permute(1, 0, 2, 3).reshape(c, -1) / 255
    for last in (False, True):
        given = images.contiguous(memory_format=torch.channels_last) if last else images
        with unchanged(images=given):
            mean, std = channel_stats(given)
        what = f"of {n} images with {c} {'channels' if c > 1 else 'channel'}{', channels last' if last else ''}"
        check_shape(mean, (c,), f"the mean {what}")
        check_shape(std, (c,), f"the standard deviation {what}")
        check_close(mean, pixels.mean(dim=1).tolist(), f"the mean {what}", rtol=1e-5)
        check_close(std, pixels.std(dim=1, correction=0).tolist(), f"the standard deviation {what}", rtol=1e-5)
check_not_used(channel_stats, READY_MADE)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "normalize-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: normalized images.
images = torch.tensor([[[[0, 0, 255, 255]], [[51, 0, 51, 102]]]], dtype=torch.uint8)
found = normalize(images, torch.tensor([0.5, 0.2]), torch.tensor([0.5, 0.1]))
check_dtype(found, torch.float32, "normalized images are float32")
expected = [[[[-1.0, -1.0, 1.0, 1.0]], [[0.0, -2.0, 0.0, 2.0]]]]
bytes_used = [[[[-1.0, -1.0, 509.0, 509.0]], [[508.0, -2.0, 508.0, 1018.0]]]]
causes = {"Mean and standard deviation are in units of [0, 1]: divide the bytes by 255 first.": bytes_used}
check_close(found, expected, "one image of two channels", atol=1e-5, causes=causes)


@probe
def normalize_loops():
    return loops_over_images(lambda images: normalize(images, [0.5, 0.2], [0.5, 0.1]))


cause = "There is a loop over images: mean and std of shape (C, 1, 1) broadcast to all of them."
check_true(not normalize_loops(), "300 images take about as many lines of Python as 4", cause)
passed_visible("normalize")
### BEGIN HIDDEN TESTS
generator = case_generator()
for n, c, h, w in ((2, 3, 4, 3), (3, 3, 2, 5), (1, 1, 4, 4), (4, 4, 4, 4)):
    images = torch.randint(256, (n, c, h, w), generator=generator, dtype=torch.uint8)
    mean = 0.3 + 0.3 * torch.rand(c, generator=generator, dtype=torch.float64)
    std = 0.01 + 0.4 * torch.rand(c, generator=generator, dtype=torch.float64)
    expected = [[(images[i, j].double() / 255 - mean[j]) / std[j] for j in range(c)] for i in range(n)]
    expected = torch.stack([torch.stack(image) for image in expected])
    for form, convert in (("float64 tensors", torch.clone), ("float32 tensors", torch.Tensor.float), ("lists", list)):
        given = images.contiguous(memory_format=torch.channels_last) if form == "lists" else images
        m, s = (convert(x.tolist() if convert is list else x) for x in (mean, std))
        with unchanged(images=given, mean=m, std=s):
            found = normalize(given, m, s)
        what = f"{n} images of {c} {'channels' if c > 1 else 'channel'}, mean and std as {form}"
        check_dtype(found, torch.float32, f"normalized images are float32: {what}")
        check_close(found, expected, what, rtol=1e-4, atol=1e-5)
        check_true(
            found.stride() == given.stride() or min(found.shape[1:]) == 1,
            f"normalized images keep the memory format: {what}",
            "Channels last goes in, channels last has to come out.",
        )
check_not_used(normalize, READY_MADE)
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-statistics", "locked": true, "schema_version": 3, "solution": false, "task": false}
mean, std = channel_stats(train_x)
x, validation = normalize(train_x, mean, std), normalize(validation_x, mean, std)
of_images = (train_x.double() / 255).std(dim=(2, 3), correction=0).mean(dim=0)
assert abs(float(x.mean())) < 1e-3
assert abs(float(x.std()) - 1) < 1e-3
assert (of_images < std.double()).all()
black = [round(float(v), 2) for v in -mean / std]
print(f"mean {[round(float(m), 4) for m in mean]}, standard deviation {[round(float(s), 4) for s in std]}")
print(f"mean of the images' own standard deviations: {[round(float(s), 4) for s in of_images]}: too small")
print(f"after normalization black is {black}, and the mean is 0 ({data.source})")

# %% [markdown] task={"name": "crop-and-flip", "minutes": 20, "difficulty": 2}
# ## Task 2. Each image its own crop
#
# Shifting an image by a few pixels, or mirroring it, changes nothing about what it shows. Training on such
# copies is the cheapest regularizer for images. For each image:
#
# - pad it with `padding` zeros on all four sides;
# - cut out a window of the old size, with offsets $d_y$ and $d_x$ of its own, each uniform over
#   $0, 1, \dots, 2 \cdot \text{padding}$. At $d_y = d_x = \text{padding}$ the image is where it was;
# - mirror it left to right, with probability $\tfrac12$.
#
# All draws are independent, of each other and between the images. "Per image" is the point: torchvision's
# transforms, given a batch, draw *one* offset and *one* coin and do the same to all images. A loop over the
# images would be right and slow: at 50,000 images per epoch it takes longer than the network.
#
# Without a loop, build *indices*. If `rows` has shape $(N, H)$ and `columns` $(N, W)$, then
# `padded[n, :, rows[:, :, None], columns[:, None, :]]` with `n` of shape $(N, 1, 1)$ picks from each image its
# own window.
#
# **Write** `random_crop_flip(images, padding, generator)`.
#
# **Example.** With padding 1 the row $(1, 2, 3)$ becomes $(0, 1, 2)$, $(1, 2, 3)$ or $(2, 3, 0)$, or one of
# these reversed. (The padded rows above and below make it one of 18 possible results; two thirds show only
# zeros, if the image has just that one row.)
#
# <details><summary>Hint 1: the rows</summary>
#
# `torch.randint(2 * padding + 1, (N, 1), generator=generator, device=images.device)` are the offsets. Added
# to `torch.arange(H)` they give the rows of each window in the padded image, $(N, H)$. A mirrored image has
# its columns in the reverse order.
#
# </details>
# <details><summary>Hint 2: what comes out of the index</summary>
#
# A slice between two index tensors ends up last: the result of the line above is $(N, H, W, C)$. Permute it
# back. That leaves it channels last, whatever it was: `torch.empty_like(images).copy_(result)` has the memory
# format of `images`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "crop-and-flip", "locked": false, "schema_version": 3, "solution": true, "task": false}
def random_crop_flip(images, padding, generator):
    """A random crop of the zero-padded image and a random mirroring left to right, for each image its own.

    images: (N, C, H, W), any dtype; padding: an integer >= 0
    Returns a tensor of the shape, dtype, device and memory format of images.
    """
    ### BEGIN SOLUTION
    n, _, height, width = images.shape
    device = images.device
    shifts = torch.randint(-padding, padding + 1, (2, n, 1), generator=generator, device=device)
    top, left = padding + shifts
    rows = top + torch.arange(height, device=device)
    columns = left + torch.arange(width, device=device)
    mirrored = torch.randint(2, (n, 1), generator=generator, device=device).bool()
    columns = torch.where(mirrored, columns.flip(1), columns)
    each = torch.arange(n, device=device)[:, None, None]
    crops = F.pad(images, (padding,) * 4)[each, :, rows[:, :, None], columns[:, None, :]]
    return torch.empty_like(images).copy_(crops.permute(0, 3, 1, 2))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "crop-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: which crops, and how often.
@probe
def crops(n, channels, height, width, padding, seed):
    """Facts about the crops of different images, which end as they were."""
    images = different_images(n, channels, height, width)
    before = images.clone()
    out = random_crop_flip(images, padding, torch.Generator().manual_seed(seed))
    return crop_facts(out, before, padding) | {"images unchanged": torch.equal(images, before)}


def expect_crops(n, channels, height, width, padding, seed, ask=crops):
    found = ask(n, channels, height, width, padding, seed)
    what = f"{n:,} images of {height} × {width} pixels with padding {padding}"
    check_equal(found["shape"], [n, channels, height, width], f"the shape of what comes back, {what}")
    cause = f"They look padded by: {found['padding']}." if found["padding"] in ("reflect", "replicate") else ""
    if found["padding"] == "circular":
        cause = "What leaves on one side comes back on the other: shift in zeros."
    check_true(
        found["padding"] == "zeros",
        f"every image is a crop of itself, padded with zeros, perhaps flipped, {what}",
        cause,
    )
    check_true(found["images unchanged"], f"the images given are unchanged, {what}", "Work on a copy.")
    check_true(
        found["different crops"] > 1,
        f"each image is cropped and flipped by itself, {what}",
        "Draw one number per image.",
    )
    flips = ["none", "left-right"]
    cause = "One coin decides for the whole batch, or none: draw one per image." if len(found["flips"]) == 1 else ""
    check_true(found["flips"] == flips, f"images are as they were or mirrored left to right, {what}", cause)
    check_true(found["flipped"] == 0.5, f"half of the images are mirrored, {what}")
    offsets = list(range(2 * padding + 1))
    check_true(found["rows"] == offsets, f"the row offsets that occur are 0 to 2·padding, {what}")
    check_true(found["columns"] == offsets, f"the column offsets that occur are 0 to 2·padding, {what}")
    check_true(found["evenness"] == [[1.0, 1.0]] * 2, f"all offsets occur equally often, {what}")
    cause = "Draw the row offset, the column offset and the coin separately."
    expected = 2 * (2 * padding + 1) ** 2
    check_true(found["different crops"] == expected, f"all combinations of offsets and flip occur, {what}", cause)
    about = f"images are cropped and flipped independently of their neighbours, {what}"
    check_true(found["like the one before"] == [1.0] * 3, about, "Draw every number by itself, one per image.")


expect_crops(3000, 2, 5, 7, 2, 0)
passed_visible("random_crop_flip")
### BEGIN HIDDEN TESTS
# 50 combinations among 3,000 images: one is missing 1 time in 10²⁴. Each of 5 offsets occurs 600 ± 22 times, and a
# quarter more or less is 6.8 standard deviations away; a share of one half that rounds to another tenth 5.5 (1 in 10⁷).
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
expect_crops(3000, 1, 7, 5, 2, seed)
expect_crops(3000, 3, 4, 6, 1, seed + 1)
expect_crops(3000, 1, 6, 6, 1, seed + 2, ask=crops.here)
check_not_used(random_crop_flip, READY_MADE)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "crop-batch-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: dtype, memory format, generator, no padding, no loop.
@probe
def crop_keeps(dtype, last, seed):
    """The dtype and memory format of crops, and whether they are crops."""
    images = different_images(40, 3, 6, 4, dtype)
    images = images + 0.3 if dtype.is_floating_point else images
    given = images.contiguous(memory_format=torch.channels_last) if last else images
    out = random_crop_flip(given, 1, torch.Generator().manual_seed(seed))
    facts = crop_facts(out, images, 1)
    return str(out.dtype), memory_format(out), facts["shape"], facts.get("padding")


@probe
def crop_draws(seed):
    images = different_images(50, 1, 4, 5)
    return facts_about_draws(lambda generator: random_crop_flip(images, 2, generator), seed)


@probe
def crop_without_padding(seed):
    """With padding 0: whether each image is itself or its mirror image, and whether both occur."""
    images = different_images(60, 2, 3, 4)
    out = random_crop_flip(images, 0, torch.Generator().manual_seed(seed))
    same = (out == images).all(dim=(1, 2, 3))
    mirrored = (out == images.flip(3)).all(dim=(1, 2, 3))
    return bool((same | mirrored).all()), bool(same.any()), bool(mirrored.any())


@probe
def crop_loops():
    return loops_over_images(lambda images: random_crop_flip(images, 1, torch.Generator().manual_seed(0)))


def expect_kept_crops(dtype, last, seed, ask=crop_keeps):
    name = str(dtype).removeprefix("torch.")
    kept, memory, shape, padding = ask(dtype, last, seed)
    wanted = "channels last" if last else "contiguous"
    check_true(kept == str(dtype), f"images of {name} come back as {name}")
    check_equal(shape, [40, 3, 6, 4], f"the shape of what comes back, images of {name}")
    cause = "Indexing forgets the memory format: torch.empty_like(images).copy_(result) remembers it."
    check_true(memory == wanted, f"images that are {wanted} come back {wanted}", cause)
    check_true(padding == "zeros", f"every image is a crop of itself, padded with zeros, images of {name}, {wanted}")


for last in (False, True):
    expect_kept_crops(torch.float32, last, 0)
for fact, holds in crop_draws(0).items():
    check_true(holds, f"random_crop_flip {fact}", CAUSES_OF_DRAWS[fact])
check_true(
    not crop_loops(),
    "300 images take about as many lines of Python as 4",
    "There is a loop over images: build indices of shape (N, H) and (N, W) instead.",
)
passed_visible("random_crop_flip on a batch")
### BEGIN HIDDEN TESTS
# Without padding, 60 images are all mirrored, or none, 1 time in 10¹⁷; 50 images are treated alike twice even less often.
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
for dtype, last in itertools.product((torch.uint8, torch.float32, torch.float64, torch.float16), (False, True)):
    expect_kept_crops(dtype, last, seed)
expect_kept_crops(torch.float64, True, seed, ask=crop_keeps.here)
for draws in (crop_draws, crop_draws.here):
    for fact, holds in draws(seed).items():
        check_true(holds, f"random_crop_flip {fact}", CAUSES_OF_DRAWS[fact])
each, some, others = crop_without_padding(seed)
check_true(each and some and others, "with padding 0 each image is itself or its mirror image, and both occur")


@probe
def small_batches(seed):
    """What changes between 40 batches of 20 images, and of one image; and whether a window of larger images is cropped."""
    images = (10 * torch.arange(5)[:, None] + torch.arange(5)).repeat(20, 1, 1, 1)
    generator, counts, single = torch.Generator().manual_seed(seed), [], set()
    for _ in range(40):
        out = random_crop_flip(images, 1, generator)
        here, right = out[:, 0, 2, 2], out[:, 0, 2, 3]
        halves = [kind.reshape(2, 10).sum(dim=1) for kind in (right < here, here < 20, here % 10 == 1)]
        counts.append([int(value) for a, b in halves for value in (a + b, a - b)])
        single.add(int(random_crop_flip(images[:1], 1, generator)[0, 0, 2, 2]))
    kinds = ("mirrored images", "images with the first row offset", "images with the first column offset")
    names = [what for k in kinds for what in (f"the number of {k} among 20", f"how {k} are divided between two halves")]
    facts = {name: len(set(c)) > 1 for name, c in zip(names, zip(*counts, strict=True), strict=True)}
    window = different_images(30, 2, 8, 6)[:, :, 2:7, 1:].transpose(2, 3)
    cropped = crop_facts(random_crop_flip(window, 1, generator), window, 1)
    return facts | {"a batch of a single image": len(single) > 1}, cropped.get("padding")


# Forty equal counts in a row occur less than once in 10²⁰.
varies, padding = small_batches(seed)
for what, differs in varies.items():
    check_true(
        differs, f"{what} varies from call to call", "Each image has its own draws, and no number of them is fixed."
    )
check_true(
    padding == "zeros", "every image is a crop of itself, where the images are a window of larger ones, transposed"
)
# A row of two is in sight for 3 of 11 offsets, a column of three for 5: the share is within 0.03 but for 1 in 10⁸.
out = random_crop_flip(torch.ones(4000, 1, 2, 3), 5, generator)
share = float((torch.as_tensor(out) != 0).flatten(1).any(dim=1).double().mean())
check_true(abs(share - 15 / 121) < 0.03, "how many images of 2 × 3 pixels are still in sight, with a padding of 5")
### END HIDDEN TESTS

# %% [markdown] task={"name": "cutout", "minutes": 25, "difficulty": 2}
# ## Task 3. Cutout
#
# For each image, with probability $p$, cover one square with `fill`, in all channels. The centre
# $(c_y, c_x)$ is uniform over **all pixels** of the image. With size $s$ and `//` rounding down, the hole has
#
# $$
# \text{rows } c_y - (s \mathbin{//} 2) \;\text{ up to but not including }\; c_y - (s \mathbin{//} 2) + s,
# $$
#
# and columns likewise. **What lies outside the image is cut off**: near the border the hole is smaller. That
# is the paper's geometry, and it matters: the authors found that holes which may leave the image work better
# than holes that always fit. Other programs under the same name do other things:
#
# | for $s = 16$ on 32 × 32 pixels | covered on average | the centre pixel is covered in |
# |---|---|---|
# | centre anywhere, cut off at the border: **here** | 19.1 % | 25 % of images |
# | square always inside the image | 25 % | 89 % |
# | top left corner anywhere, cut off | 14.7 % | 25 % |
# | $s$ taken for the half width | 56 % | 94 % |
#
# An odd size is exact: $s = 3$ covers three rows, not two. $s = 0$ covers nothing, and $s$ may be larger than
# the image. `fill` is a number or one per channel (a list, a tuple or a tensor), in the units of the images:
# what it should be is the *mean*. After normalization that is 0. Before normalization 0 is black, which is
# about two standard deviations away.
#
# **Write** `cutout(images, size, p, fill, generator)`.
#
# **Example.** On 4 × 6 pixels with $s = 3$ and centre $(0, 2)$: rows $-1$ to $1$, of which 0 and 1 exist, and
# columns 1 to 3. With $s = 2$ and the same centre: row 0, columns 1 and 2.
#
# <details><summary>Hint 1: a mask without a loop</summary>
#
# Which rows are covered? Compare `torch.arange(H)` with tops of shape $(N, 1)$: the result is a mask of shape
# $(N, H)$. The same for the columns. A pixel is covered if its row *and* its column are: two masks of shapes
# $(N, 1, H, 1)$ and $(N, 1, 1, W)$ broadcast to all of them. No clipping is needed: rows that do not exist
# are not in `arange`.
#
# </details>
# <details><summary>Hint 2: coins and values</summary>
#
# One coin per image: `torch.rand(N, 1, ...) < p`. Then `torch.where(mask, fill, images)`, with `fill` as a
# tensor of the images' dtype and of shape $(C, 1, 1)$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "cutout", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cutout(images, size, p, fill, generator):
    """Cover one square per image, with probability p, centred anywhere and cut off at the border.

    The centre (cy, cx) is uniform over all pixels. The hole has the rows from cy − size//2 up to but not including
    cy − size//2 + size, as far as they exist, and the columns likewise, in all channels.

    images: (N, C, H, W), any dtype; size: an integer >= 0; 0 <= p <= 1
    fill: a number, or one per channel
    Returns a tensor of the shape, dtype, device and memory format of images.
    Source: T. DeVries and G. W. Taylor, arXiv:1708.04552.
    """
    ### BEGIN SOLUTION
    n, _, height, width = images.shape
    device = images.device
    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2
    covered = torch.rand(n, 1, generator=generator, device=device) < p
    y, x = torch.arange(height, device=device), torch.arange(width, device=device)
    rows = covered & (y >= top) & (y < top + size)
    columns = (x >= left) & (x < left + size)
    hole = rows[:, None, :, None] & columns[:, None, None, :]
    fill = torch.as_tensor(fill, dtype=images.dtype, device=device).reshape(-1, 1, 1)
    return torch.where(hole, fill, images)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cutout-edges-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: what is certain: no hole, a hole over everything, the values in it, dtype and memory format.
@probe
def certain(images, size, p, fill, last, seed):
    """The result of a call without chance in it, its dtype and memory format, and whether the images are unchanged."""
    images = images.contiguous(memory_format=torch.channels_last) if last else images
    before = images.clone()
    out = cutout(images, size, p, fill, torch.Generator().manual_seed(seed))
    return out.double(), str(out.dtype), memory_format(out), torch.equal(images, before)


def expect_certain(images, size, p, fill, last, seed, expected, what):
    found, dtype, memory, same = certain(images, size, p, fill, last, seed)
    check_close(found, expected.double(), what, rtol=1e-3)
    check_true(same, f"the images given are unchanged: {what}", "Work on a copy (`clone()`).")
    cause = "Give fill the dtype of the images, and select with a mask instead of multiplying by one."
    check_true(dtype == str(images.dtype), f"the dtype stays {str(images.dtype).removeprefix('torch.')}: {what}", cause)
    wanted = "channels last" if last else "contiguous"
    check_true(memory == wanted, f"images that are {wanted} come back {wanted}: {what}")


images = different_images(3, 2, 4, 6)
everything = torch.tensor([[[200]], [[210]]], dtype=torch.uint8).expand_as(images)
expect_certain(images, 3, 0.0, 200, False, 0, images, "p = 0 covers nothing")
expect_certain(images, 0, 1.0, 200, False, 0, images, "size 0 covers nothing")
expect_certain(images, 12, 1.0, [200, 210], False, 0, everything, "p = 1 and a size of twice the width cover all")
passed_visible("cutout without chance")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
layouts = itertools.product((torch.uint8, torch.float32, torch.float64, torch.float16), (False, True))
for dtype, last in layouts:
    images = different_images(5, 3, 5, 3, dtype)
    name = f"{str(dtype).removeprefix('torch.')}{', channels last' if last else ''}"
    for form, fill in (("list", [3, 130, 77]), ("tuple", (9.0, 8.0, 7.0)), ("tensor", torch.tensor([1.0, 2.0, 250.0]))):
        expected = torch.as_tensor(fill).to(dtype).reshape(3, 1, 1).expand_as(images)
        what = f"a hole over everything, fill one per channel as a {form}, {name}"
        expect_certain(images, 10, 1.0, fill, last, seed, expected, what)
    number = torch.full_like(images, 128)
    expect_certain(images, 64, 1.0, 128, last, seed, number, f"a hole over everything, fill a number, {name}")
    expect_certain(images, 4, 0.0, [3, 130, 77], last, seed, images, f"p = 0 covers nothing, {name}")
    expect_certain(images, 0, 1.0, 128, last, seed, images, f"size 0 covers nothing, {name}")
images = different_images(3000, 1, 2, 3)
expect_certain(images, 8, 0.0, 200, False, seed, images, "p = 0 covers nothing, 3,000 images")
images = torch.rand(1, 1, 3, 7, generator=generator) - 0.5
expect_certain(images, 14, 1.0, 0.0, False, seed, torch.zeros_like(images), "one image of one channel, filled with 0.0")
expect_certain(images, 14, 1.0, [-1.5], False, seed, torch.full_like(images, -1.5), "one channel, fill a list of one")
check_not_used(cutout, READY_MADE)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "cutout-geometry-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: which holes, and how often.
@probe
def holes(n, channels, height, width, size, p, fill, seed):
    """Facts about the holes in different images; fill is above all values in them."""
    images = different_images(n, channels, height, width)
    before = images.clone()
    out = cutout(images, size, p, fill, torch.Generator().manual_seed(seed))
    return hole_facts(out, before, fill) | {"images unchanged": torch.equal(images, before)}


def spans(length, size):
    """Where the hole begins and ends along one dimension, for each centre."""
    starts = [c - size // 2 for c in range(length)]
    return sorted({(max(0, start), min(length, start + size)) for start in starts})


def expect_holes(n, height, width, size, p, seed, also_as=None, ask=holes):
    """also_as: sentences for other geometries, each with its spans for a length."""
    found = ask(n, 2, height, width, size, p, [201, 202], seed)
    what = f"size {size} on {height} × {width} pixels, p = {p:g}"
    check_equal(found["shape"], [n, 2, height, width], f"the shape of what comes back, {what}")
    check_true(found["images unchanged"], f"the images given are unchanged, {what}", "Work on a copy (`clone()`).")
    cause = "The mask has one entry per image and pixel: shape (N, 1, H, W)."
    check_true(found["the same in all channels"], f"the hole is the same in all channels, {what}", cause)
    cause = "A pixel is covered if its row and its column are."
    check_true(found["one rectangle per image"], f"each hole is one rectangle, {what}", cause)
    check_true(found["holds fill"], f"each covered pixel has the fill of its channel, {what}")
    check_close(found["covered"], [p, p], f"the share of covered images in both halves of {n:,}, {what}")
    check_true(found["different holes"] > 9, f"each image has a hole of its own, {what}", "Draw one centre per image.")
    also_as = also_as or {}
    for name, length in (("rows", height), ("columns", width)):
        expected = [list(span) for span in spans(length, size)]
        causes = {sentence: [list(span) for span in other(length)] for sentence, other in also_as.items()}
        about = f"the {name} (first, and one past the last) of the holes that occur, {what}"
        check_close(found[name], expected, about, causes=causes)
    if size <= min(height, width):
        cause = "Draw the centre uniformly over all pixels; do not move or round it."
        check_true(found["evenness"] == [[1.0, 1.0]] * 2, f"all centres occur equally often, {what}", cause)
        about = f"images are covered independently of their neighbours, {what}"
        check_true(found["like the one before"] == [1.0] * 2, about, "Draw the centre of each image by itself.")
    number = len(spans(height, size)) * len(spans(width, size))
    cause = "Draw the row and the column of the centre, and the coin, separately."
    check_true(found["different holes"] == number, f"all combinations of rows and columns occur, {what}", cause)


expect_holes(6000, 6, 9, 3, 1.0, 0)
passed_visible("cutout")


### BEGIN HIDDEN TESTS
# Each of 9 columns is the centre of 667 ± 25 holes among 6,000: a quarter more or less is 6.7 standard deviations away.
# Of 63 centres one is missing 1 time in 10²⁷ (p = 0.7, 6,000 images). A share of covered images among 3,000 that rounds
# to another tenth is at least 5.9 standard deviations away (1 in 10⁸).
def geometries(size):
    """Other holes, by what whoever makes them should read: the spans of each for a length."""
    s, half = size, size // 2

    def clipped(starts, extent):
        return lambda n: sorted({(max(0, a), min(n, a + extent)) for a in starts(n) if min(n, a + extent) > max(0, a)})

    def centres(n):
        return [c - half for c in range(n)]

    return {
        "The square lies always inside the image: draw the centre, not the corner, from all pixels.": clipped(
            lambda n: range(n - s + 1), s
        ),
        "The square lies always inside the image and never reaches the last row or column.": clipped(
            lambda n: range(n - s), s
        ),
        "What you draw is the top left corner; it should be the centre.": clipped(range, s),
        "The hole reaches size to either side: size is the whole width, not a radius.": clipped(
            lambda n: [c - s for c in range(n)], 2 * s
        ),
        "The hole is one row and one column too large: the end is not included.": clipped(centres, s + 1),
        "The hole is one row and one column too large on both ends taken together: it reaches size//2 to either side.": (
            clipped(centres, 2 * half + 1)
        ),
        "An odd size loses a row and a column: the hole ends size after its start, not size//2 after the centre.": (
            clipped(centres, 2 * half)
        ),
        "The hole has half the size: it starts size//2 before the centre and is size wide.": clipped(
            lambda n: [c - s // 4 for c in range(n)], half
        ),
        "The hole sits one pixel too far on: it starts at the centre minus size//2.": clipped(
            lambda n: [c - (s - 1) // 2 for c in range(n)], s
        ),
        "A negative start counts from the end of the image, so that the hole is lost: cut it off at 0.": (
            lambda n: sorted({(a, min(n, a + s)) for a in centres(n) if a >= 0})
        ),
        "The last row and column are never a centre: the upper limit of randint is not included.": clipped(
            lambda n: centres(n)[:-1], s
        ),
    }


generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
for height, width, size, p in (
    (6, 9, 4, 1.0),
    (9, 6, 3, 1.0),
    (7, 9, 5, 0.7),
    (7, 5, 1, 1.0),
    (8, 8, 2, 0.8),
    (5, 7, 8, 1.0),
):
    expect_holes(6000, height, width, size, p, seed, geometries(size))
expect_holes(6000, 7, 8, 4, 0.6, seed + 1, geometries(4), ask=holes.here)


@probe
def centres_vary(seed):
    """Whether the numbers of centres in the first row, and column, of 20 images differ between 40 calls."""
    generator, counts = torch.Generator().manual_seed(seed), []
    for _ in range(40):
        holes = cutout(torch.ones(20, 1, 4, 5), 1, 1.0, 0.0, generator) == 0
        halves = [kind.reshape(2, -1).sum(dim=1) for kind in (holes[:, :, 0], holes[..., 0])]
        counts.append([(int(a + b), int(a - b)) for a, b in halves])
    return [[len(set(numbers)) > 1 for numbers in zip(*pairs, strict=True)] for pairs in zip(*counts, strict=True)]


cause = "Each image has its own centre: no number of them is fixed."
for name, (number, divided) in zip(("row", "column"), centres_vary(seed), strict=True):
    check_true(number, f"the number of centres in the first {name}, of 20 images, varies from call to call", cause)
    check_true(
        divided, f"how the centres in the first {name} are divided between two halves of 20 images varies", cause
    )
check_not_used(cutout, READY_MADE)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "cutout-batch-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: one coin per image, the generator, no loop.
@probe
def coins(p, seed):
    """Shares of covered images in both halves of a batch, how many in small batches: "all or none", "fixed", "varies"."""
    generator = torch.Generator().manual_seed(seed)

    def covered(n):
        images = different_images(n, 1, 2, 3)
        return (cutout(images, 3, p, 0, generator) != images).any(dim=3).any(dim=2).flatten().double()

    shares = [round(10 * float(half.mean())) / 10 for half in covered(6000).chunk(2)]
    counts = {int(covered(20).sum()) for _ in range(40)}
    if counts == {0, 20}:
        return [], "all or none"
    return shares, "varies" if len(counts) > 1 else "fixed"


@probe
def cutout_draws(seed):
    images = torch.ones(40, 3, 5, 6)
    return facts_about_draws(lambda generator: cutout(images, 3, 0.6, 0.0, generator), seed)


@probe
def cutout_loops():
    return loops_over_images(lambda images: cutout(images, 3, 0.5, 0, torch.Generator().manual_seed(0)))


def expect_coins(p, seed, ask=coins):
    shares, numbers = ask(p, seed)
    cause = "One coin decides for the whole batch. Each image has its own: draw N of them."
    check_true(numbers != "all or none", f"some images of a batch are covered and others not, p = {p:g}", cause)
    causes = {"p is the probability to cover an image, not to leave it.": [round(1 - p, 1)] * 2}
    causes |= {"Every image is covered: is p used?": [1.0, 1.0]}
    check_close(shares, [p, p], f"the share of covered images in both halves of 6,000, p = {p:g}", causes=causes)
    cause = "Each image has its own coin: neither the number nor the places of covered images are fixed."
    check_true(numbers == "varies", f"the number of covered images among 20 varies from call to call, p = {p:g}", cause)


expect_coins(0.5, 0)
for fact, holds in cutout_draws(0).items():
    check_true(holds, f"cutout {fact}", CAUSES_OF_DRAWS[fact])
check_true(
    not cutout_loops(),
    "300 images take about as many lines of Python as 4",
    "There is a loop over images: compare torch.arange(H) with tops of shape (N, 1) instead.",
)
passed_visible("cutout on a batch")
### BEGIN HIDDEN TESTS
# A share among 3,000 that rounds to another tenth is at least 5.4 standard deviations away (1 in 10⁷).
# Forty equal counts in a row occur less than once in 10²⁰.
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
for p in (0.3, 0.8):
    expect_coins(p, seed)
expect_coins(0.4, seed + 1, ask=coins.here)
for draws in (cutout_draws, cutout_draws.here):
    for fact, holds in draws(seed).items():
        check_true(holds, f"cutout {fact}", CAUSES_OF_DRAWS[fact])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "cutout-whole-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: all at once, on images of random numbers.
images = torch.rand(4, 3, 6, 8, generator=torch.Generator().manual_seed(0))
with unchanged(images=images):
    out = cutout(images, 4, 1.0, 2.0, torch.Generator().manual_seed(1))
check_shape(out, (4, 3, 6, 8), "four images come back as four images")
counts = (out == 2.0).sum(dim=(2, 3))
check_true(bool((counts >= 4).all() and (counts <= 16).all()), "a hole of size 4 covers 4 to 16 pixels of each channel")
passed_visible("cutout")
### BEGIN HIDDEN TESTS
# The same as above, measured by the grader on what comes back: 8 rows and 12 columns all occur among 700 centres but
# for 1 time in 10²⁵, more than 70 of the 96 centres always, and the share of 0.5 is met within 0.13 but for 1 in 10¹¹.
generator = case_generator()
for p in (1.0, 0.5):
    images = torch.randint(1, 200, (700, 2, 8, 12), generator=generator, dtype=torch.uint8)
    with unchanged(images=images):
        out = cutout(images, 5, p, [0, 255], torch.Generator().manual_seed(int(images[0, 0, 0, 0])))
    check_shape(out, (700, 2, 8, 12), f"700 images, p = {p:g}")
    check_dtype(out, torch.uint8, f"700 images of bytes, p = {p:g}")
    changed = out != images
    hole = changed.any(dim=1)
    rows, columns = hole.any(dim=2), hole.any(dim=1)
    check_true(bool((hole == rows[:, :, None] & columns[:, None, :]).all()), f"each hole is one rectangle, p = {p:g}")
    check_true(bool((changed == hole[:, None]).all()), f"the hole is the same in all channels, p = {p:g}")
    right = torch.where(hole[:, None], torch.tensor([0, 255], dtype=torch.uint8)[:, None, None], images)
    check_true(torch.equal(out, right), f"the hole has the fill of its channel, the rest is as it was, p = {p:g}")
    share = float(rows.any(dim=1).double().mean())
    check_true(abs(share - p) < 0.13, f"the share of covered images, p = {p:g}")
    check_true(p < 1 or share == 1, f"every image is covered, p = {p:g}")
    seen = []
    for lines in (rows[rows.any(dim=1)], columns[rows.any(dim=1)]):
        wanted = {tuple(abs(i - c) <= 2 for i in range(lines.shape[1])) for c in range(lines.shape[1])}
        lines = [tuple(line) for line in lines.tolist()]
        check_true(
            set(lines) == wanted, f"the centre is anywhere in the image, the hole cut off at the border, p = {p:g}"
        )
        seen.append(lines)
    check_true(
        len(set(zip(*seen, strict=True))) > 70, f"the row and the column of the centre are independent, p = {p:g}"
    )
for dtype in (torch.float32, torch.float64):
    images = torch.rand(30, 3, 7, 9, generator=generator, dtype=dtype)[:, :, 1:, 2:].transpose(2, 3) - 0.5
    with unchanged(images=images):
        out = cutout(images, 3, 0.8, -1.0, torch.Generator().manual_seed(int(100 * images[0, 0, 0, 0] + 50)))
    what = f"images of {str(dtype).removeprefix('torch.')}, a window of larger ones, transposed"
    check_dtype(out, dtype, what)
    check_true(bool((out == -1).any()), f"some are covered, {what}")
    check_true(torch.equal(torch.where(out == -1, images, out), images), f"what is not covered is as it was, {what}")
### END HIDDEN TESTS

# %% [markdown]
# What does the geometry do? The figure shows how often each pixel is covered: the size is the same, and the
# two augmentations are not. A hole that always fits inside takes the middle of nearly every image, and that
# is where the object is.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-coverage", "locked": true, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
ones = torch.ones(20_000, 1, 32, 32)
anywhere = 1 - cutout(ones, 16, 1.0, 0.0, generator).mean(dim=0)[0]
corners = torch.randint(17, (20_000, 2, 1), generator=generator)
lines = torch.arange(32)
inside = (lines >= corners) & (lines < corners + 16)
inside = (inside[:, 0, :, None] & inside[:, 1, None, :]).float().mean(dim=0)
assert abs(float(anywhere.mean()) - 0.1914) < 0.002
assert abs(float(inside.mean()) - 0.25) < 1e-6
assert abs(float(anywhere[16, 16]) - 0.25) < 0.02
assert abs(float(inside[16, 16]) - 0.886) < 0.02
# The other two rows of the table, exactly: along one side, the mean length and how often pixel 16 is covered, squared.
for start, width, of_all, of_centre in ((0, 16, 0.147, 0.25), (-16, 32, 0.5625, 0.94)):
    covered_lines = [set(range(c + start, c + start + width)) & set(range(32)) for c in range(32)]
    assert abs((sum(map(len, covered_lines)) / 32**2) ** 2 - of_all) < 0.0006
    assert abs((sum(16 in line for line in covered_lines) / 32) ** 2 - of_centre) < 0.002

figure, axes = panels(1, 2, title="Size 16, twice: one of them hides most centres", size=(4.2, 3.8))
for panel, (name, often) in zip(axes[0], {"paper: cut off": anywhere, "always inside": inside}.items(), strict=True):
    shown = panel.imshow(often, vmin=0, vmax=1)
    panel.set_title(f"{name}\n{float(often.mean()):.0%} of all, {float(often[16, 16]):.0%} of the centre")
    panel.axis("off")
figure.colorbar(shown, ax=list(axes[0]), label="share of images in which it is covered", shrink=0.85)
figure

# %% [markdown]
# torchvision's `RandomErasing` is not Cutout: its box lies inside the image, its area and its shape are
# random, and on a batch it draws one box for all images.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-erasing", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torchvision.transforms.v2 as ready_made

torch.manual_seed(0)
erased = ready_made.RandomErasing(p=1.0, value=0.0)(x[:8])
cut = cutout(x[:8], 16, 1.0, 0.0, torch.Generator().manual_seed(0))
assert len({tuple((a == 0).all(dim=0).flatten().tolist()) for a in erased}) == 1
assert len({tuple((a == 0).all(dim=0).flatten().tolist()) for a in cut}) == 8
shown = torch.cat([erased, cut]) * std.reshape(-1, 1, 1) + mean.reshape(-1, 1, 1)
image_grid(
    shown,
    [*["erasing"] * 8, *["cutout"] * 8],
    title=f"RandomErasing: one box for all; yours: one for each ({data.source})",
    columns=8,
    limits=(0, 1),
    size=1.15,
)

# %% [markdown] task={"name": "augment", "minutes": 8, "difficulty": 1}
# ## Task 4. In the right order
#
# Crop, flip, then Cutout, on normalized images, so that the mean is 0. The order matters. If the hole is cut
# first, the crop moves it, and hole and padding add up along the same border; cut last, its centre is uniform
# over the pixels that the network sees. And at evaluation nothing at all happens: the network is asked about
# the images as they are.
#
# **Write** `augment(images, *, padding, size, p, generator, training)`.
#
# <details><summary>Hint 1: where to start</summary>
#
# Two calls of what you have written, and an `if`.
#
# </details>
# <details><summary>Hint 2: the generator</summary>
#
# Give the same `generator` object to both functions, one after the other.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "augment", "locked": false, "schema_version": 3, "solution": true, "task": false}
def augment(images, *, padding, size, p, generator, training):
    """Random crop and flip, then Cutout with the mean, which is 0 in normalized images.

    images: (N, C, H, W), normalized; padding, size, p: as in random_crop_flip and cutout
    Returns images that are augmented if training, else as they are.
    """
    ### BEGIN SOLUTION
    if not training:
        return images
    return cutout(random_crop_flip(images, padding, generator), size, p, 0.0, generator)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "augment-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: crop, flip and Cutout together.
@probe
def augmented_crops(padding, p, seed):
    """With size 0: what is left are crops and flips."""
    images = different_images(3000, 2, 5, 7, torch.float32)
    generator = torch.Generator().manual_seed(seed)
    return crop_facts(
        augment(images, padding=padding, size=0, p=p, generator=generator, training=True), images, padding
    )


@probe
def augmented_holes(size, p, seed):
    """Without padding and with images that are their own mirror images: what is left are holes."""
    images = torch.ones(4000, 2, 6, 9)
    generator = torch.Generator().manual_seed(seed)
    return hole_facts(
        augment(images, padding=0, size=size, p=p, generator=generator, training=True), images, [0.0, 0.0]
    )


@probe
def rows_left(padding, size, seed):
    """Images three pixels wide, with a hole that is wider: which rows are not all zero, as sets of rows that occur."""
    images = torch.ones(4000, 1, 12, 3)
    generator = torch.Generator().manual_seed(seed)
    out = augment(images, padding=padding, size=size, p=1.0, generator=generator, training=True)
    left = (out != 0).any(dim=3)[:, 0]
    return torch.unique((left * 2 ** torch.arange(12)).sum(dim=1)).tolist()


@probe
def augment_facts(seed):
    images = torch.randn(30, 3, 6, 5, generator=torch.Generator().manual_seed(seed))
    before = images.clone()

    def draw(generator):
        return augment(images, padding=1, size=3, p=0.7, generator=generator, training=True)

    generator = torch.Generator().manual_seed(seed)
    draws = facts_about_draws(draw, seed)
    kept = torch.equal(images, before)
    out = augment(images=images, padding=1, size=3, p=1.0, generator=generator, training=False)
    flipped = augment(before, padding=0, size=0, p=0.0, generator=generator, training=True)
    mirrored = (flipped == before.flip(3)).flatten(1).all(dim=1)
    return (
        {"leaves its argument unchanged": kept and torch.equal(images, before)}
        | draws
        | {
            "leaves images as they are when not training": torch.equal(out, before),
            "mirrors images without padding, too": bool(mirrored.any()) and not bool(mirrored.all()),
        }
    )


def zero_rows(padding, size, hole_first):
    """The sets of rows that may be left of 12, for each shift and centre, as in `rows_left`."""
    rows, half, found = range(12), size // 2, set()
    for shift, centre in itertools.product(range(-padding, padding + 1), rows):
        hole = {centre - half + i for i in range(size)} & set(rows)
        hole = {row - shift for row in hole} if hole_first else hole
        there = {row for row in rows if 0 <= row + shift < 12}
        found.add(sum(1 << row for row in there - hole))
    return sorted(found)


def expect_augmented(padding, size, p, seed, probes=(augmented_crops, augmented_holes, rows_left)):
    what = f"padding {padding}, size {size}, p = {p:g}"
    crops, holes, rows = probes
    found = crops(padding, p, seed)
    check_equal(found["shape"], [3000, 2, 5, 7], f"the shape of what comes back, {what}")
    check_true(
        found["padding"] == "zeros"
        and found["different crops"] == 2 * (2 * padding + 1) ** 2
        and found["flipped"] == 0.5,
        f"with size 0 all crops and flips occur, and nothing else, {what}",
    )
    found = holes(size, p, seed)
    check_true(
        found["holds fill"] and found["one rectangle per image"],
        f"without padding each image has at most one hole, filled with 0, {what}",
    )
    check_close(found["covered"], [p, p], f"the share of images with a hole, in both halves, {what}")
    check_close(found["different holes"], 54, f"without padding, the number of different holes on 6 × 9 pixels, {what}")
    order = "The hole is moved by the crop: cut it last."
    found, expected = rows(padding, 6, seed), zero_rows(padding, 6, hole_first=False)
    if found != expected and found == zero_rows(padding, 6, hole_first=True):
        check_true(False, f"the hole is cut after the crop, {what}", order)
    cause = "The place of the hole may not depend on the crop: both draw from one generator, which is never set back."
    check_true(found == expected, f"which rows are left, of images that are narrower than the hole, {what}", cause)


for fact, holds in augment_facts(0).items():
    check_true(holds, f"augment {fact}", CAUSES_OF_DRAWS.get(fact, ""))
expect_augmented(2, 3, 0.5, 0)
passed_visible("augment")
### BEGIN HIDDEN TESTS
# One of 54 holes is missing among 4,000 · 0.3 images 1 time in 10⁷, one of 60 pairs of a shift and a centre among
# 4,000 1 time in 10²⁷. A share of one half among 3,000 rounds to another tenth 1 time in 10⁷.
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
expect_augmented(1, 4, 0.3, seed)
expect_augmented(2, 3, 0.8, seed)
expect_augmented(1, 3, 0.6, seed + 1, (augmented_crops.here, augmented_holes.here, rows_left.here))
for facts in (augment_facts, augment_facts.here):
    for fact, holds in facts(seed).items():
        check_true(holds, f"augment {fact}", CAUSES_OF_DRAWS.get(fact, ""))
check_not_used(augment, READY_MADE)
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-augment", "locked": true, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(1)
copies = [
    augment(x[:6], padding=4, size=16, p=p, generator=generator, training=training)
    for p, training in ((0.0, False), (0.0, True), (1.0, True), (1.0, True))
]
assert torch.equal(copies[0], x[:6])
assert not torch.equal(copies[2], copies[3])
image_grid(
    torch.cat(copies) * std.reshape(-1, 1, 1) + mean.reshape(-1, 1, 1),
    [*["image"] * 6, *["crop, flip"] * 6, *["epoch 1"] * 6, *["epoch 2"] * 6],
    title=f"Every epoch sees another copy ({data.source})",
    columns=6,
    limits=(0, 1),
    size=1.15,
)

# %% [markdown] task={"name": "block", "minutes": 14, "difficulty": 2}
# ## Task 5. A residual block
#
# Twenty plain layers are harder to train than ten, because the signal and its gradient have to get through
# each of them. A residual block adds its input to its output, so that there is always a way around:
#
# $$ y = \operatorname{relu}\bigl( \operatorname{norm}(\operatorname{conv}(\operatorname{relu}(\operatorname{norm}(\operatorname{conv}(x))))) + \operatorname{shortcut}(x) \bigr) $$
#
# - both convolutions are 3 × 3 with padding 1; the first one has the stride and changes the number of
#   channels, the second keeps both;
# - every norm is a `nn.BatchNorm2d` of its own, as PyTorch makes it;
# - the shortcut is $x$ itself where shapes agree. Where they do not (another number of channels, or a stride
#   above 1) it is a 1 × 1 convolution with that stride, and a norm;
# - the last relu comes after the sum.
#
# A bias in a convolution before a norm does nothing, since the norm subtracts it again: leave it out or not.
#
# **Write** the class `ResidualBlock(in_channels, out_channels, stride)`.
#
# <details><summary>Hint 1: where to start</summary>
#
# `nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)` is the first convolution. Make the
# shortcut in `__init__`, as `nn.Identity()` or as an `nn.Sequential` of two modules; then `forward` has no
# `if`.
#
# </details>
# <details><summary>Hint 2: when do shapes agree?</summary>
#
# A block of stride 2 with equal numbers of channels halves height and width, so $x$ does not fit the sum.
# Both conditions count: `in_channels != out_channels or stride != 1`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "block", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ResidualBlock(nn.Module):
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)): 3 × 3 convolutions, the first one with the stride.

    The shortcut is x, or norm(conv 1 × 1, with the stride) where the number of channels changes or stride is above 1.
    (N, in_channels, H, W) becomes (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).
    Source: K. He et al., Deep Residual Learning for Image Recognition, arXiv:1512.03385.
    """

    def __init__(self, in_channels, out_channels, stride):
        ### BEGIN SOLUTION
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Identity()
        if in_channels != out_channels or stride != 1:
            conv = nn.Conv2d(in_channels, out_channels, 1, stride)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(out_channels))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        hidden = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(hidden)) + self.shortcut(x))
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "block-numbers", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Numbers that fill a tensor of a shape in a fixed way: for checks that must know all weights.
def wave(shape, phase=0.0):
    return torch.cos(0.9 * torch.arange(math.prod(shape)) + phase).reshape(shape)


# %% nbgrader={"grade": true, "grade_id": "block-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the residual block.
@probe
def block_output(in_channels, out_channels, stride, height, width, training):
    """The output of a block with known weights, how many weights its convolutions and norms have, and its effect on x."""
    block = ResidualBlock(in_channels, out_channels, stride)
    weights, norms, plain = 0, 0, True
    with torch.no_grad():
        for module in block.modules():
            if isinstance(module, nn.BatchNorm2d):
                norms += 1
                if module.weight is None or module.running_mean is None or (module.eps, module.momentum) != (1e-5, 0.1):
                    plain = False
                    continue
                shape = module.weight.shape
                module.weight.copy_(1 + 0.5 * wave(shape, 1.0))
                module.bias.copy_(wave(shape, 2.0))
                module.running_mean.copy_(0.2 * wave(shape, 3.0))
                module.running_var.copy_(1 + 0.5 * wave(shape, 4.0))
            elif isinstance(module, nn.Conv2d):
                weights += module.weight.numel()
                module.weight.copy_(wave(module.weight.shape))
                if module.bias is not None:
                    module.bias.zero_()
    block.train(training)
    x = wave((2, in_channels, height, width), 5.0)
    y = block(x).detach()
    return {
        "y": y,
        "weights": weights,
        "norms": norms,
        "norms as PyTorch makes them": plain,
        "x unchanged": torch.equal(x, wave((2, in_channels, height, width), 5.0)),
    }


def right_output(in_channels, out_channels, stride, height, width, training):
    """The same by the formula."""

    def norm(z):
        shape = (out_channels,)
        mean, var = 0.2 * wave(shape, 3.0), 1 + 0.5 * wave(shape, 4.0)
        return F.batch_norm(z, mean, var, 1 + 0.5 * wave(shape, 1.0), wave(shape, 2.0), training)

    x = wave((2, in_channels, height, width), 5.0)
    hidden = torch.relu(norm(F.conv2d(x, wave((out_channels, in_channels, 3, 3)), None, stride, 1)))
    main = norm(F.conv2d(hidden, wave((out_channels, out_channels, 3, 3)), None, 1, 1))
    if in_channels == out_channels and stride == 1:
        return torch.relu(main + x)
    return torch.relu(main + norm(F.conv2d(x, wave((out_channels, in_channels, 1, 1)), None, stride)))


def expect_block(in_channels, out_channels, stride, height, width, training):
    what = f"{in_channels} to {out_channels} channels, stride {stride}, {'training' if training else 'evaluation'}"
    found = block_output(in_channels, out_channels, stride, height, width, training)
    same = in_channels == out_channels and stride == 1
    check_equal(found["norms"], 2 if same else 3, f"the number of norms, {what}")
    cause = "nn.BatchNorm2d(channels), without other arguments."
    check_true(found["norms as PyTorch makes them"], f"the norms are as PyTorch makes them, {what}", cause)
    weights = 9 * out_channels * (in_channels + out_channels) + (0 if same else in_channels * out_channels)
    check_equal(found["weights"], weights, f"the number of weights in the convolutions, {what}")
    expected = right_output(in_channels, out_channels, stride, height, width, training)
    check_shape(found["y"], expected.shape, f"the shape of the output, {what}")
    check_close(found["y"], expected, f"the output with known weights, {what}", rtol=1e-3, atol=1e-3)
    check_true(found["x unchanged"], f"the input of a block is unchanged, {what}", "Without inplace on x.")


expect_block(3, 3, 1, 4, 6, True)
expect_block(3, 5, 2, 4, 6, True)
passed_visible("ResidualBlock")
### BEGIN HIDDEN TESTS
for training in (True, False):
    expect_block(4, 4, 1, 5, 3, training)
    expect_block(4, 4, 2, 5, 4, training)
    expect_block(2, 4, 1, 4, 5, training)
    expect_block(5, 3, 2, 7, 4, training)
    expect_block(2, 2, 3, 7, 8, training)
    expect_block(5, 3, 1, 4, 4, training)
expect_block(300, 300, 1, 2, 2, False)


@probe
def block_trains():
    """Whether all parameters get a gradient, and whether a pass in training moves the statistics of all norms."""
    torch.manual_seed(0)
    block = ResidualBlock(3, 4, 2).train()
    block(torch.randn(8, 3, 6, 6) + 1).square().sum().backward()
    norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
    moved = all(bool((norm.running_mean != 0).any()) for norm in norms)
    return all(parameter.grad is not None for parameter in block.parameters()), moved


@probe
def gradient_is_right(in_channels, out_channels):
    """Whether the output rises along one direction of the input as much by autograd as by a small step."""
    torch.manual_seed(0)
    block = ResidualBlock(in_channels, out_channels, 1).double().eval()
    x, direction = torch.randn(2, 2, in_channels, 5, 4, dtype=torch.float64)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(block(x).sum(), x)
    step = 1e-6 * direction
    rise = (block(x + step) - block(x - step)).detach().sum() / 2e-6
    return bool(((gradient * direction).sum() - rise).abs() < 1e-3 * rise.abs())


gradients, moved = block_trains()
check_true(gradients, "every parameter of a block gets a gradient", "Is a layer not used, or something detached?")
check_true(moved, "a pass in training moves the running statistics of every norm")
for out_channels in (3, 4):
    what = f"the gradient that reaches the input of a block is that of its formula, 3 to {out_channels} channels"
    check_true(gradient_is_right(3, out_channels), what, "Nothing may be cut off the graph: no detach().")
check_not_used(ResidualBlock, READY_MADE)
### END HIDDEN TESTS

# %% [markdown] task={"name": "schedule", "minutes": 8, "difficulty": 1}
# ## Task 6. One cycle
#
# Small steps at first, while the network is wild; large ones in the middle; ever smaller ones at the end, to
# settle. The simplest schedule that does this has two straight lines: from 0 at step 0 up to `peak_lr` at
# `peak_step`, and down to 0 at `total_steps`. With `peak_step` 0 it starts at the peak. After `total_steps` it
# stays 0.
#
# **Write** `one_cycle_lr(step, *, peak_lr, peak_step, total_steps)`.
#
# **Example.** With a peak of 0.4 at step 2 of 10: 0, 0.2, 0.4, 0.35, 0.3, and so on down to 0.05 at step 9 and
# 0 at step 10.
#
# <details><summary>Hint 1: two cases</summary>
#
# Before the peak, the share of the way up is `step / peak_step`. After it, the share of the way down that is
# *left* is `(total_steps - step) / (total_steps - peak_step)`.
#
# </details>
# <details><summary>Hint 2: both ends</summary>
#
# Decide with `step < peak_step`: then nothing is divided by 0 if `peak_step` is 0. After `total_steps` the share that is
# left would be negative: `max(0.0, ...)` keeps it at 0.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "schedule", "locked": false, "schema_version": 3, "solution": true, "task": false}
def one_cycle_lr(step, *, peak_lr, peak_step, total_steps):
    """The learning rate of a step: a straight line from 0 to peak_lr at peak_step, and one to 0 at total_steps.

    step: 0, 1, 2, …; 0 <= peak_step < total_steps; after total_steps the learning rate is 0
    Returns a float.
    """
    ### BEGIN SOLUTION
    if step < peak_step:
        return peak_lr * step / peak_step
    return peak_lr * max(0.0, 1 - (step - peak_step) / (total_steps - peak_step))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "schedule-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: the learning rate of each step.
lrs = [one_cycle_lr(step, peak_lr=0.4, peak_step=2, total_steps=10) for step in range(11)]
expected = [0.0, 0.2, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.0]
check_close(lrs, expected, "steps 0 to 10, peak of 0.4 at step 2 of 10", atol=1e-7)
check_close(one_cycle_lr(12, peak_lr=0.4, peak_step=2, total_steps=10), 0.0, "a step after the last one", atol=1e-9)
passed_visible("one_cycle_lr")
### BEGIN HIDDEN TESTS
for peak_lr, peak_step, total_steps in ((0.3, 5, 8), (2.0, 1, 30), (0.05, 20, 23), (0.5, 3, 4)):
    for step in range(total_steps + 3):
        up = min(step, peak_step) / peak_step
        down = (min(step, total_steps) - peak_step) / (total_steps - peak_step) if step > peak_step else 0.0
        lr = one_cycle_lr(step, peak_lr=peak_lr, peak_step=peak_step, total_steps=total_steps)
        what = "before the peak" if step < peak_step else "after the peak" if step > peak_step else "at the peak"
        check_close(
            lr, peak_lr * (up - down), f"the learning rate {what}, peak at {peak_step} of {total_steps}", atol=1e-7
        )
lr = one_cycle_lr(0, peak_lr=0.7, peak_step=0, total_steps=4)
check_close(lr, 0.7, "step 0 with the peak at step 0")
lr = one_cycle_lr(step=1, peak_lr=0.7, peak_step=0, total_steps=4)
check_close(lr, 0.525, "step 1 with the peak at step 0")
check_not_used(one_cycle_lr, [*READY_MADE, "torch.optim"])
### END HIDDEN TESTS

# %% [markdown] task={"name": "training", "minutes": 25, "difficulty": 3}
# ## Task 7. A run that can be trusted
#
# One run, described by a dict and nothing else: whoever has the dict can repeat it.
#
# | key of `config` | what it is |
# |---|---|
# | `"network"` | a function; `network(seed)` gives a fresh `nn.Module` that maps images to logits |
# | `"train"`, `"validation"` | each a pair of normalized images $(N, C, H, W)$ and labels $(N,)$ |
# | `"epochs"`, `"batch_size"` | how long, and in which portions; the last batch of an epoch may be smaller |
# | `"peak_lr"`, `"weight_decay"` | of `torch.optim.SGD` with momentum 0.9, Nesterov's form |
# | `"padding"`, `"size"`, `"p"` | of `augment`, for training batches |
# | `"seed"` | of everything that is drawn |
#
# - **Randomness.** The network is `config["network"](config["seed"])`. One generator, seeded with the same
#   seed, gives the orders and the augmentation of all epochs. PyTorch's global generator is left alone, so
#   the same `config` gives the same history, wherever it is run from.
# - **An epoch** goes through all training images once, in a fresh order. Every batch is augmented anew.
# - **The learning rate** changes with every *batch*: `one_cycle_lr(step, ...)` for step 0, 1, 2, … over all
#   epochs, `total_steps` being the number of all batches, with the peak at `total_steps // 4`.
# - **The loss** is the mean cross-entropy of a batch.
# - **After each epoch** the accuracy on the validation images is measured, in evaluation mode, without
#   augmentation. Then the network goes back to training mode.
#
# The `history` is a dict of
#
# - `"train_loss"`: a list, for each epoch the mean over its *images* (not over its batches) of the loss as it
#   was seen in training;
# - `"validation_accuracy"`: a list, for each epoch a share between 0 and 1;
# - `"weights"`: the network's `state_dict()` after the **last** epoch. Not the best one: picking the best of
#   many epochs by validation accuracy is another kind of tuning, and the paper reports the last.
#
# **Write** `train_and_validate(config)`.
#
# <details><summary>Hint 1: the skeleton</summary>
#
# Network, generator, optimizer; a loop over epochs, in it a loop over
# `torch.randperm(n, generator=generator).split(batch_size)`. In the inner loop: set
# `optimizer.param_groups[0]["lr"]`, augment, forward, `zero_grad`, backward, step.
#
# </details>
# <details><summary>Hint 2: what is easily forgotten</summary>
#
# `network.train()` at the start of *each* epoch, `network.eval()` and `torch.no_grad()` for the validation.
# Add up `len(batch) * loss.item()`, and divide by the number of images.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "training", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_and_validate(config):
    """One training run.

    config: a dict, see the table above
    Returns a dict of "train_loss" and "validation_accuracy", lists with a float per epoch, and "weights", the
    state_dict of the network after the last epoch.
    """
    ### BEGIN SOLUTION
    network = config["network"](config["seed"])
    generator = torch.Generator().manual_seed(config["seed"])
    (images, labels), peak_lr, decay = config["train"], config["peak_lr"], config["weight_decay"]
    optimizer = torch.optim.SGD(network.parameters(), peak_lr, momentum=0.9, nesterov=True, weight_decay=decay)
    batches = math.ceil(len(images) / config["batch_size"])
    total_steps = config["epochs"] * batches
    cycle = {"peak_lr": peak_lr, "peak_step": total_steps // 4, "total_steps": total_steps}
    how = {name: config[name] for name in ("padding", "size", "p")}
    history = {"train_loss": [], "validation_accuracy": []}
    steps = itertools.count()
    for _ in range(config["epochs"]):
        network.train()
        total = 0.0
        for batch in torch.randperm(len(images), generator=generator).split(config["batch_size"]):
            lr = one_cycle_lr(next(steps), **cycle)
            for group in optimizer.param_groups:
                group["lr"] = lr
            x = augment(images[batch], **how, generator=generator, training=True)
            loss = F.cross_entropy(network(x), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += len(batch) * loss.item()
        history["train_loss"].append(total / len(images))
        network.eval()
        x, y = config["validation"]
        with torch.no_grad():
            right = network(x).argmax(dim=1) == y
        history["validation_accuracy"].append(right.float().mean().item())
    return {**history, "weights": network.state_dict()}
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "watching", "locked": true, "schema_version": 3, "solution": false, "task": false}
# A network for checks: it writes down what it is shown, and answers without looking.
class Watched(nn.Module):
    """Two logits that are weights, the same for every image; a buffer counts the images of training."""

    def __init__(self, seed):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[-0.3, 0.5]]))
        self.register_buffer("seen", torch.zeros(()))
        self.seed, self.batches = seed, []

    def forward(self, images):
        self.batches.append((self.training, images.detach().clone()))
        self.seen += len(images) * self.training
        return self.weight.expand(len(images), 2)


def watched_run(changes):
    """A run of train_and_validate with a watched network; image number i is i + 1 all over. All labels are 0."""
    changes, networks = dict(changes), []

    def network(seed):
        networks.append(Watched(seed))
        return networks[-1]

    images = (torch.arange(13.0) + 1).reshape(-1, 1, 1, 1).repeat(1, 1, 3, 4)
    shown = 100 + (torch.arange(4.0) + 1).reshape(-1, 1, 1, 1).repeat(1, 1, 3, 4)
    config = {
        "network": network,
        "train": (images, torch.zeros(13, dtype=torch.long)),
        "validation": (shown, torch.tensor(changes.pop("validation labels", [0, 1, 0, 0]))),
        "epochs": 3,
        "batch_size": 4,
        "peak_lr": 0.3,
        "weight_decay": 0.1,
        "padding": 0,
        "size": 0,
        "p": 0.0,
        "seed": 5,
        **changes,
    }
    return train_and_validate(config), networks


# %% nbgrader={"grade": true, "grade_id": "training-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: what the network is shown.
@probe
def shown(changes):
    """What a network is shown in training and in validation."""
    _, networks = watched_run(changes)
    network = networks[-1]
    n, epochs = 13, changes["epochs"]
    training = [images for mode, images in network.batches if mode]
    ids = torch.cat([images[:, 0].amax(dim=(1, 2)) for images in training]).tolist() if training else []
    orders = [ids[n * i : n * (i + 1)] for i in range(epochs)]
    modes = [mode for mode, _ in network.batches]
    changing = [i for i in range(1, len(modes)) if modes[i] != modes[i - 1]]
    evaluated = [images for mode, images in network.batches if not mode]
    right = 100 + (torch.arange(4.0) + 1).reshape(-1, 1, 1, 1).repeat(1, 1, 3, 4)
    whole = torch.cat(evaluated) if evaluated else torch.zeros(0, 1, 3, 4)
    epoch_images = [images for images in torch.cat(training).split(n)] if training else []
    return {
        "networks": len(networks),
        "seed": network.seed,
        "batches": [len(images) for images in training],
        "every image once per epoch": all(sorted(order) == [i + 1.0 for i in range(n)] for order in orders),
        "shuffled": orders[0] != sorted(orders[0]),
        "in a fresh order": len({tuple(order) for order in orders}) == epochs,
        "training and evaluation in turn": len(changing) == 2 * epochs - 1,
        "validation images as they are": torch.equal(whole, right.repeat(epochs, 1, 1, 1)),
        "covered": [round(10 * float((images == 0).double().mean())) / 10 for images in epoch_images],
    }


def expect_shown(found, config, batches, what):
    check_equal(found["seed"], config["seed"], f"the seed that the network is made with, {what}")
    check_true(
        found["training and evaluation in turn"],
        f"each epoch trains in training mode and validates in evaluation mode, {what}",
        "network.train() belongs into the loop over epochs, network.eval() before each validation.",
    )
    check_equal(found["batches"], batches, f"the sizes of all training batches, {what}")
    check_true(
        found["every image once per epoch"],
        f"every epoch shows each training image once, {what}",
        "Cut one permutation of all images into batches.",
    )
    check_true(found["shuffled"], f"the images come in a random order, {what}")
    check_true(found["in a fresh order"], f"each epoch has an order of its own, {what}", "Seed the generator once.")
    check_true(
        found["validation images as they are"],
        f"each validation shows all validation images once, as they are, {what}",
        "Nothing is augmented, shuffled or left out in validation.",
    )


config = {"epochs": 3, "seed": 5}
expect_shown(shown(config), config, [4, 4, 4, 1] * 3, "13 images in batches of 4, 3 epochs")
passed_visible("train_and_validate, what the network is shown")
### BEGIN HIDDEN TESTS
# An order of 13 images is sorted, or the same as another, 1 time in 6·10⁹.
for epochs, batch_size, batches in ((2, 3, [3, 3, 3, 3, 1] * 2), (1, 16, [13])):
    config = {"epochs": epochs, "batch_size": batch_size, "seed": 4 * epochs}
    expect_shown(shown(config), config, batches, f"13 images in batches of {batch_size}")
found = shown({"epochs": 2, "seed": 3, "size": 8, "p": 1.0})
check_equal(found["covered"], [1.0, 1.0], "with p = 1 and a hole of twice the width training images are all mean")
check_true(found["validation images as they are"], "with Cutout, validation shows the images as they are")


@probe
def blacked_out(changes):
    """How much of the training images is 0: "all", "some" or "nothing"."""
    _, networks = watched_run(changes)
    share = float((torch.cat([images for mode, images in networks[-1].batches if mode]) == 0).double().mean())
    return "nothing" if share == 0 else "all" if share == 1 else "some"


# Of 39 images all are covered, or none, 1 time in 10¹¹; 13 are all in the middle 1 time in 10¹⁸.
covered = blacked_out({"epochs": 3, "seed": 3, "size": 8, "p": 0.5})
check_equal(covered, "some", "how much is covered in training by holes of twice the width with p = 0.5")
outside = blacked_out({"epochs": 1, "seed": 3, "padding": 2})
check_equal(outside, "some", "how much of the training images is padding, with padding 2")


@probe
def augmented_anew(seed):
    """Whether all holes have 1 to size × size pixels, and whether those of an image, or a place, change with the epoch."""
    _, networks = watched_run({"epochs": 3, "seed": seed, "size": 2, "p": 1.0, "batch_size": 13})
    shown = [images for mode, images in networks[-1].batches if mode]
    pixels = [(images == 0).sum(dim=(1, 2, 3)) for images in shown]
    small = all(bool(((n <= 4) & (n >= 1)).all()) for n in pixels)
    rows = [(images == 0).any(dim=3)[:, 0] for images in shown]  # a flip leaves them where they are
    of_images = [r[images.amax(dim=(1, 2, 3)).argsort()] for r, images in zip(rows, shown, strict=True)]
    return small, [not (torch.equal(a, b) and torch.equal(a, c)) for a, b, c in (of_images, rows)]


@probe
def orders_of_two_seeds():
    """How many of the orders of two epochs each, for two seeds, differ, also in who is next to whom."""
    orders = []
    for seed in (1, 2):
        _, networks = watched_run({"epochs": 2, "seed": seed})
        shown = torch.cat([images[:, 0, 0, 0] for mode, images in networks[-1].batches if mode])
        orders += [tuple(order.tolist()) for order in shown.split(13)]
    neighbours = {frozenset(map(frozenset, zip(order, order[1:] + order[:1], strict=True))) for order in orders}
    return len(set(orders)), len(neighbours)


cause = 'Seed one generator with config["seed"], once: it gives the orders of all epochs.'
what = "two seeds and two epochs give four different orders of the training images"
different, neighbours = orders_of_two_seeds()
check_true(different == 4, what, cause)
cause = "To begin elsewhere in the same order, or to go backwards, is not enough: draw a permutation for each epoch."
check_true(neighbours == 4, "the images have other neighbours in each epoch", cause)


@probe
def holes_of_two_seeds():
    """How many of the sets of holes of three epochs each, by place in the batch, differ, for two seeds."""
    seen = set()
    for seed in (1, 2):
        _, networks = watched_run({"epochs": 3, "seed": seed, "size": 2, "p": 1.0, "batch_size": 13})
        rows = [(images == 0).any(dim=3)[:, 0] for mode, images in networks[-1].batches if mode]
        seen |= {tuple(epoch.flatten().tolist()) for epoch in rows}
    return len(seen)


# Thirteen holes are in the same rows in three epochs 1 time in 10¹².
small, anew = augmented_anew(4)
check_true(small, "with size 2 and p = 1 each training image has a hole of 1 to 4 pixels")
cause = "Augment each batch when it is used, not all images in advance."
check_true(anew[0], "every epoch has holes of its own", cause)
cause = "The generator is made and seeded once: made anew in the loop, it gives every batch the same holes."
check_true(anew[1], "every batch has holes of its own", cause)
check_true(holes_of_two_seeds() == 6, "two seeds and three epochs give six different sets of holes", cause)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "training-result-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the steps that are taken, and the history.
@probe
def results(changes):
    """History and last weights of a run in which no image matters, so that every right run gives the same."""
    history, _ = watched_run(changes)
    return {
        "train_loss": [float(loss) for loss in history["train_loss"]],
        "validation_accuracy": [float(share) for share in history["validation_accuracy"]],
        "weight": history["weights"]["weight"].detach().clone(),
        "seen": float(history["weights"].get("seen", -1)),
    }


def right_results(epochs, batch_size, peak_lr, weight_decay, accuracies):
    """The same, step by step, with the formulas of SGD."""
    w, buffer = torch.tensor([-0.3, 0.5], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    sizes = [batch_size] * (13 // batch_size) + ([13 % batch_size] if 13 % batch_size else [])
    total, step, losses, shares = epochs * len(sizes), 0, [], []
    peak = total // 4
    for _ in range(epochs):
        loss = 0.0
        for size in sizes:
            lr = peak_lr * (step / peak if step < peak else (total - step) / (total - peak))
            probabilities = torch.softmax(w, dim=0)
            loss += size * -math.log(float(probabilities[0])) / 13
            g = probabilities - torch.tensor([1.0, 0.0]) + weight_decay * w
            buffer = 0.9 * buffer + g
            w = w - lr * (g + 0.9 * buffer)
            step += 1
        losses.append(loss)
        shares.append(accuracies[0] if w[0] >= w[1] else accuracies[1])
    return {"train_loss": losses, "validation_accuracy": shares, "weight": w[None]}


def expect_results(epochs, batch_size, peak_lr, weight_decay, labels=(0, 1, 0, 0)):
    """labels: of the validation images. Where most are 1, which no training image has, the accuracy falls."""
    config = {"epochs": epochs, "batch_size": batch_size, "peak_lr": peak_lr, "weight_decay": weight_decay}
    accuracies = [labels.count(label) / len(labels) for label in (0, 1)]
    found = results(config | {"validation labels": list(labels)})
    right = right_results(epochs, batch_size, peak_lr, weight_decay, accuracies)
    what = f"{epochs} {'epochs' if epochs > 1 else 'epoch'} in batches of {batch_size}, peak {peak_lr:g}, weight decay {weight_decay:g}"
    what += ", validation images of another class" if accuracies[1] > accuracies[0] else ""
    what += ", all validation images right" if accuracies[0] == 1 else ""
    check_close(found["train_loss"], right["train_loss"], f"the training loss of each epoch, {what}", rtol=1e-4)
    check_close(
        found["validation_accuracy"], right["validation_accuracy"], f"the validation accuracy, {what}", rtol=1e-5
    )
    check_close(found["weight"], right["weight"], f"the weights after the last epoch, {what}", rtol=1e-3, atol=1e-4)
    cause = "More or fewer images were shown in training mode: validate in evaluation mode."
    if found["seen"] < 0:
        cause = "state_dict() has what the network counts, too; the parameters alone are not all of it."
    check_true(found["seen"] == 13 * epochs, f"the buffers among the weights after the last epoch, {what}", cause)


expect_results(3, 4, 0.3, 0.1)
passed_visible("train_and_validate, its results")
### BEGIN HIDDEN TESTS
expect_results(2, 3, 0.2, 0.0)
expect_results(4, 5, 0.05, 0.5)
expect_results(1, 2, 0.5, 0.01)
expect_results(6, 7, 1.0, 0.3)
expect_results(1, 13, 0.3, 0.1)
expect_results(6, 5, 0.03, 0.0, labels=(1, 1, 0, 1))
expect_results(3, 6, 0.3, 0.1, labels=(0, 0, 0, 0))


@probe
def repeated(seed):
    """Whether the same config gives the same history, and what becomes of its data and of the global generator."""

    def network(seed):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return nn.Sequential(nn.Flatten(), nn.Linear(12, 2))

    x = torch.randn(60, 1, 3, 4, generator=torch.Generator().manual_seed(seed))
    x = x + torch.where(torch.arange(60) % 2 == 0, 2.0, -2.0).reshape(-1, 1, 1, 1)
    y = torch.arange(60) % 2
    before, state = x.clone(), torch.get_rng_state()
    config = {"network": network, "train": (x[:40], y[:40]), "validation": (x[40:], y[40:]), "epochs": 4}
    config |= {"batch_size": 8, "peak_lr": 0.1, "weight_decay": 0.0, "padding": 0, "size": 1, "p": 0.5, "seed": seed}
    keys = set(config)
    runs = [train_and_validate(config), train_and_validate(config), train_and_validate({**config, "seed": seed + 1})]
    losses = [[float(loss) for loss in run["train_loss"]] for run in runs]
    return {
        "gives the same history for the same config": losses[0] == losses[1],
        "gives another history for another seed": losses[0] != losses[2],
        "learns two classes that are far apart": min(float(run["validation_accuracy"][-1]) for run in runs) > 0.9,
        "leaves config and its images as they are": torch.equal(x, before) and set(config) == keys,
        "leaves PyTorch's global generator alone": torch.equal(state, torch.get_rng_state()),
    }


causes = CAUSES_OF_DRAWS | {"learns two classes that are far apart": "Do images and labels still belong together?"}
for fact, holds in repeated(3).items():
    check_true(holds, f"train_and_validate {fact}", causes.get(fact, ""))
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "networks", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Two networks for 32 × 32 images. The second is the one whose weights you will hand in.
def residual_network(seed, block=None, width=8, classes=10):
    """A stem, three residual blocks of width, 2·width and 4·width channels, a mean over all places, a linear layer."""
    block = block or ResidualBlock
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            block(width, width, 1),
            block(width, 2 * width, 2),
            block(2 * width, 4 * width, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4 * width, classes),
        )


def small_network(seed, classes=10):
    """Three convolutions of stride 2 with norms, a mean over all places, a linear layer: 6,418 parameters."""
    layers = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for channels, filters in ((3, 8), (8, 16), (16, 32)):
            conv = nn.Conv2d(channels, filters, 3, stride=2, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(filters), nn.ReLU()]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes))


# %% [markdown]
# A residual network of your own blocks, on your own augmentation. With Cutout the training loss is higher,
# also where the validation accuracy is as good: it is measured on images with a hole. So a training loss with
# Cutout and one without are not comparable; validation accuracies are.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-training", "locked": true, "schema_version": 3, "solution": false, "task": false}
common = {
    "network": small_network,
    "train": (x, train_y),
    "validation": (validation, validation_y),
    "epochs": 6,
    "batch_size": 32,
    "peak_lr": 0.3,
    "weight_decay": 5e-4,
    "padding": 2,
    "size": 0,
    "p": 1.0,
    "seed": 0,
}
residual = {**common, "network": residual_network, "epochs": 4}
histories = {
    "crop and flip": train_and_validate(residual),
    "and Cutout 16": train_and_validate({**residual, "size": 16}),
}
final_losses = [history["train_loss"][-1] for history in histories.values()]
assert final_losses[1] > final_losses[0]
epochs = list(range(1, residual["epochs"] + 1))
figure, axes = panels(1, 2, title=f"Cutout makes training harder ({data.source})")
for panel, (key, label) in zip(
    axes[0], (("train_loss", "training loss"), ("validation_accuracy", "validation accuracy")), strict=True
):
    series = {name: (epochs, history[key]) for name, history in histories.items()}
    curves(series, title=label.capitalize(), xlabel="epoch", ylabel=label, axes=panel)
    panel.set_xticks(epochs)
figure

# %% [markdown] task={"name": "tuning", "minutes": 10, "difficulty": 1}
# ## Task 8. Tune on the validation images only
#
# Cutout has two numbers to choose: the size of the hole and the probability. `tune` tries all pairs on a grid
# and keeps the best. It is given a function `run(size, p)` that trains and returns the accuracy on the
# *validation* images, one number. It never sees a test image, and that is how it should be: with 100 settings
# on the test set, the best would be better than the others by luck alone.
#
# `tune(sizes, probabilities, run)` calls `run` once for each pair, and returns `(best, table)`:
#
# - `table`: a dict from `(size, p)` to what `run` returned;
# - `best`: the pair `(size, p)` with the highest accuracy; of equal ones the first, sizes being the outer
#   loop. A run that returned NaN (it diverged) stays in the table and is never the best.
#
# **Write** `tune(sizes, probabilities, run)`.
#
# **Example.** `tune([8, 16], [0.5], lambda size, p: size / 100)` gives `((16, 0.5), {(8, 0.5): 0.08, (16, 0.5): 0.16})`.
#
# <details><summary>Hint 1: all pairs</summary>
#
# `itertools.product(sizes, probabilities)` gives all pairs in the right order.
#
# </details>
# <details><summary>Hint 2: NaN</summary>
#
# `max` is lost when the first value is NaN, because every comparison with NaN is false. Start with a best of
# `-math.inf` and ask `value > best_value`, or leave the NaNs out first.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "tuning", "locked": false, "schema_version": 3, "solution": true, "task": false}
def tune(sizes, probabilities, run):
    """Try all pairs of a size and a probability, each once.

    run: run(size, p) gives the validation accuracy, one number, perhaps NaN
    Returns (best, table): the pair (size, p) of the highest accuracy (the first of equals, never NaN), and a dict from
    each pair to its accuracy.
    """
    ### BEGIN SOLUTION
    table = {(size, p): run(size, p) for size, p in itertools.product(sizes, probabilities)}
    best = max(table, key=lambda pair: -math.inf if math.isnan(table[pair]) else table[pair])
    return best, table
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "tuning-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: which runs are made, and which one is the best.
@probe
def tuned(sizes, probabilities, accuracies):
    """What tune makes of these accuracies, one for each pair in order, and how often it runs each pair."""
    pairs = [(size, p) for size in sizes for p in probabilities]
    known, calls = dict(zip(pairs, accuracies, strict=True)), []

    def run(size, p):
        calls.append((size, p))
        return known[size, p]

    best, table = tune(sizes, probabilities, run)
    rows = [(*pair, value) for pair, value in table.items()] if isinstance(table, dict) else [tuple(r) for r in table]
    order = {pair: i for i, pair in enumerate(pairs)}
    rows.sort(key=lambda row: order.get(row[:2], -1))
    return (
        tuple(best) if hasattr(best, "__iter__") else best,
        [tuple(float(v) for v in row) for row in rows],
        [calls.count(pair) for pair in pairs],
        len(calls),
    )


def expect_tuned(sizes, probabilities, accuracies, best, what):
    found, rows, counts, calls = tuned(sizes, probabilities, accuracies)
    check_true(counts == [1] * len(accuracies) and calls == len(accuracies), f"each pair is run once, {what}")
    pairs = [(size, p) for size in sizes for p in probabilities]
    expected = [(float(size), p, value) for (size, p), value in zip(pairs, accuracies, strict=True)]
    check_close(rows, expected, f"the table, {what}")
    causes = {"This is the highest accuracy. Return the pair that reached it.": accuracies[pairs.index(best)]}
    check_close(found, best, f"the best pair, {what}", causes=causes)


expect_tuned([8, 16], [0.5, 1.0], [0.7, 0.9, 0.8, 0.6], (8, 1.0), "two sizes, two probabilities")
passed_visible("tune")
### BEGIN HIDDEN TESTS
expect_tuned([4, 8, 16], [0.25, 0.75], [0.1, 0.2, 0.3, 0.25, 0.35, 0.05], (16, 0.25), "the best in the last row")
expect_tuned(
    [4, 8], [0.2, 0.4, 0.6], [0.5, 0.7, 0.7, 0.6, 0.7, 0.1], (4, 0.4), "three equal ones, of which the first counts"
)
what = "two equal ones, of which the smaller size comes first: sizes are the outer loop"
expect_tuned([4, 8], [0.2, 0.4], [0.1, 0.9, 0.9, 0.2], (4, 0.4), what)
expect_tuned([4, 8], [0.2, 0.4], [0.9131, 0.1, 0.9134, 0.2], (8, 0.2), "accuracies that differ in the fourth digit")
expect_tuned([16, 4], [0.9, 0.3], [0.5, 0.5, 0.5, 0.5], (16, 0.9), "all equal, sizes falling")
nan = math.nan
expect_tuned([4, 8], [0.5, 1.0], [nan, 0.3, 0.4, 0.2], (8, 0.5), "the first run diverged")
expect_tuned([4, 8], [0.5, 1.0], [0.3, nan, 0.2, nan], (4, 0.5), "two runs diverged")
expect_tuned((0,), (1.0,), [0.0], (0, 1.0), "a single pair, accuracy 0")
expect_tuned([4], [0.5, 1.0], [nan, 0.0], (4, 1.0), "one run diverged, the other got nothing right")
what = "a size of 0 and a probability of 0, which are run like the others"
expect_tuned([0, 8], [0.0, 0.5], [0.5, 0.6, 0.7, 0.4], (8, 0.0), what)
expect_tuned([12], [0.1, 0.5, 1.0], [0.91, 1.0, 0.92], (12, 0.5), "one size, and nothing to gain after the second run")
check_not_used(tune, ["test_x", "test_images", "digits32"], "tune looks at nothing but what run returns")
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-tuning", "locked": true, "schema_version": 3, "solution": false, "task": false}
sizes, probabilities = [6, 16], [0.5, 1.0]


def run(size, p):
    return train_and_validate({**common, "size": size, "p": p})["validation_accuracy"][-1]


best, table = tune(sizes, probabilities, run)
baseline = run(0, 1.0)
n = len(validation_y)
noise = math.sqrt(baseline * (1 - baseline) / n)
print(f"without Cutout {baseline:.1%}; best: size {best[0]}, p = {best[1]:g} with {table[best]:.1%}")
print(f"one standard error of an accuracy measured on {n:,} images is {noise:.1%}")
series = {f"p = {p:g}": (sizes, [table[size, p] for size in sizes]) for p in probabilities}
figure = curves(
    {**series, "no Cutout": ([sizes[0], sizes[-1]], [baseline] * 2)},
    title=f"One run each: {100 * noise:.1f} points up or down are noise\n({data.source})",
    xlabel="size of the hole",
    ylabel="validation accuracy",
)
figure

# %% [markdown] task={"name": "comparison", "minutes": 14, "difficulty": 2}
# ## Task 9. An interval instead of a winner
#
# Is the best setting better than no Cutout at all? One run against one run cannot say. Train both with the
# same seeds, so that run $i$ of both starts from the same weights. Then look at the *differences*
# $d_i = a_i - b_i$ of the $n$ pairs. With their mean $\bar d$ and standard deviation $s$ (divisor $n - 1$)
# the interval is
#
# $$ \bar d \pm t\, \frac{s}{\sqrt n} $$
#
# where $t$ is the quantile of Student's $t$ distribution with $n - 1$ degrees of freedom at
# $(1 + \text{confidence})/2$. For 95 % and five pairs $t = 2.776$, not 1.96: with few runs $s$ itself is
# uncertain, and the normal distribution would promise too much.
#
# On CIFAR-10 the accuracy of a single run varies by about 0.15 points from seed to seed. To see a gain of
# 0.7 points one run of each is enough; for 0.25 points it takes about six.
#
# **Write** `paired_comparison(a, b, confidence=0.95)`. The cell below has `t_quantile`; SciPy's
# `scipy.stats.t.ppf` is as good.
#
# **Example.** $a = (3, 5, 7)$, $b = (2, 3, 4)$: the differences are $1, 2, 3$ with mean 2 and $s = 1$; for
# 95 % $t = 4.303$ and the half width is $4.303/\sqrt3 = 2.484$.
#
# <details><summary>Hint 1: where to start</summary>
#
# Differences first, everything else from them. Where $a$ and $b$ vary together, the differences vary little:
# that is what pairing is good for.
#
# </details>
# <details><summary>Hint 2: the quantile</summary>
#
# For a confidence of 0.95 there are 2.5 % on each side, so the quantile is that of 0.975.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "t-quantile", "locked": true, "schema_version": 3, "solution": false, "task": false}
def t_quantile(probability, degrees):
    """Below which value a variable of Student's t distribution lies with this probability, 0 < probability < 1."""
    angle = torch.linspace(-math.pi / 2, math.pi / 2, 400_001, dtype=torch.float64)  # t = √degrees · tan(angle)
    density = angle.cos() ** (degrees - 1)
    below = torch.cumulative_trapezoid(density, angle)
    return math.sqrt(degrees) * math.tan(angle[1:][below >= probability * below[-1]][0])


# %% nbgrader={"grade": false, "grade_id": "comparison", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paired_comparison(a, b, confidence=0.95):
    """Mean and half width of the confidence interval of the mean difference a − b, by Student's t.

    a, b: lists or tensors of n >= 2 numbers; a[i] and b[i] belong together; 0 < confidence < 1
    Returns (mean, half_width), two numbers: the interval is mean ± half_width.
    """
    ### BEGIN SOLUTION
    difference = torch.as_tensor(a, dtype=torch.float64) - torch.as_tensor(b, dtype=torch.float64)
    n = len(difference)
    half_width = t_quantile((1 + confidence) / 2, n - 1) * difference.std() / math.sqrt(n)
    return difference.mean().item(), half_width.item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "comparison-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the mean difference and its interval.
mean_difference, half_width = paired_comparison([3.0, 5.0, 7.0], [2.0, 3.0, 4.0])
check_close(mean_difference, 2.0, "the mean of a − b, three pairs")
normal = {"This is the quantile of the normal distribution: with three pairs Student's t is 4.303.": 1.95996 / 3**0.5}
causes = normal | {
    "This is the quantile of 95 %. Outside the interval there are 2.5 % on each side.": 2.919986 / 3**0.5,
    "This is the interval of a single difference: the mean of n varies less, by √n.": 4.302653,
}
check_close(half_width, 4.302653 / 3**0.5, "the half width, three pairs, 95 %", rtol=1e-3, causes=causes)
_, half_width = paired_comparison([3.0, 5.0, 7.0], [2.0, 3.0, 4.0], confidence=0.9)
check_close(half_width, 2.919986 / 3**0.5, "the half width, three pairs, 90 %", rtol=1e-3)
passed_visible("paired_comparison")
### BEGIN HIDDEN TESTS
# The quantiles are those of printed tables.
TABLE = {(2, 0.95): 12.7062, (5, 0.95): 2.776445, (5, 0.99): 4.604095, (10, 0.8): 1.383029, (31, 0.95): 2.042272}
generator = case_generator()
for (n, confidence), quantile in TABLE.items():
    b = 90 + 3 * torch.randn(n, generator=generator, dtype=torch.float64)
    d = torch.randn(n, generator=generator, dtype=torch.float64) - 1
    a = b + d
    variance = sum((float(v) - float(d.sum()) / n) ** 2 for v in d) / (n - 1)
    expected = quantile * math.sqrt(variance / n)
    what = f"{n} pairs, {confidence:.0%}"
    for form, given in (("lists", (a.tolist(), b.tolist())), ("tensors", (a, b))):
        with unchanged(a=given[0], b=given[1]):
            found = paired_comparison(*given, confidence)
        check_close(found[0], float(d.sum()) / n, f"the mean of a − b, {what}, {form}", rtol=1e-5, atol=1e-4)
        check_close(found[1], expected, f"the half width, {what}, {form}", rtol=1e-3)
found = paired_comparison([0.5, 0.701], [0.5, 0.7])
check_close(found, (0.0005, 12.7062 * 0.0005), "a and b nearly the same", rtol=1e-3)
found = paired_comparison([1, 4, 4, 7], [2, 2, 2, 2])
check_close(found, (2.0, 3.182446 * 6**0.5 / 2), "whole numbers, b without any variation", rtol=1e-3)
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-comparison", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Seeds that the tuning has not used, five for each arm, the same in both.
arms = {"Cutout": {"size": best[0], "p": best[1]}, "none": {"size": 0, "p": 1.0}}
seeds = range(10, 15)
accuracy = {
    name: [100 * train_and_validate({**common, **how, "seed": seed})["validation_accuracy"][-1] for seed in seeds]
    for name, how in arms.items()
}
gain, half_width = paired_comparison(accuracy["Cutout"], accuracy["none"])
verdict = "helps" if gain > half_width else "costs" if -gain > half_width else "neither helps nor costs for sure"
print(f"{'seed':>6} {'Cutout':>8} {'none':>8} {'difference':>11}")
for seed, a, b in zip(seeds, accuracy["Cutout"], accuracy["none"], strict=True):
    print(f"{seed:6} {a:8.1f} {b:8.1f} {a - b:11.1f}")
print(f"Cutout of size {best[0]}, p = {best[1]:g}, minus none: {gain:.1f} ± {half_width:.1f} points (95 %, 5 pairs)")

figure, axes = panels(1, 1, title=f"{common['epochs']} epochs: Cutout {verdict}", size=(6.4, 3.0))
panel = axes[0, 0]
differences = [a - b for a, b in zip(accuracy["Cutout"], accuracy["none"], strict=True)]
panel.plot(differences, range(5), "o", color="#0072B2", linestyle="none", label="one pair of runs each")
panel.errorbar([gain], [-1], xerr=[half_width], fmt="s", color="#D55E00", capsize=5, label="mean, 95 % interval")
panel.axvline(0, color="black", linewidth=1)
panel.set(ylim=(-1.8, 6.8), yticks=[], xlabel=f"accuracy with Cutout minus without, points\n({data.source})")
panel.legend(loc="upper left", ncols=2)
figure

# %% [markdown] task={"name": "trained", "minutes": 12, "difficulty": 2}
# ## Task 10. Trained weights, and what you claim for them
#
# Code that is right can still be used badly. So you hand in a trained network as well, small enough to be
# read here: `small_network`, trained on the enlarged digits. The cell below trains one with the setting that
# your tuning found, opens the test images **once**, and prints the three functions to be handed in: copy its
# output into the cell after it, in place of what stands there. (You may train it better: other epochs, learning rates, augmentation. It has
# to be `small_network`, and the test images are for the end.)
#
# - `trained_weights()`: the weights, as a dict from name to tensor. `weights_from_text` reads the text that
#   `weights_to_text` writes; the text is a file in the
#   [safetensors](https://github.com/huggingface/safetensors) format, written with 64 different characters.
#   If you can hand in files beside the notebook, the file will do as well, one of `safetensors.torch.save_file`
#   too: `return weights_from_bytes(open("weights.safetensors", "rb").read())`. The cell below writes that one.
# - `test_predictions()`: the class of each test image, in order.
# - `claimed_accuracy()`: the share of test images that these weights get right, between 0 and 1.
#
# The grader loads the weights into `small_network`, evaluates it on the test images, and compares. Points
# follow the accuracy that the weights reach, from 50 % (nothing) to 90 % (all). The claim and the predictions
# have to be those of the weights. Nothing here depends on whether Cutout was used.
#
# <details><summary>Hint 1: the numbers do not agree</summary>
#
# The text holds 16-bit numbers. Evaluate the weights that come back *out of* the text, as the cell does; and
# evaluate in `eval()` mode.
#
# </details>
# <details><summary>Hint 2: below 90 %</summary>
#
# Train longer: twenty epochs take a few seconds.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "weights-as-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Weights as a safetensors file: eight bytes for the length of a header in JSON, the header, the numbers; as text in base 64.
WEIGHT_BYTES = 1_000_000
NUMBERS = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}


def weights_to_bytes(weights):
    """The floating-point tensors of a state_dict as a safetensors file, in 16-bit precision."""
    header, body = {}, b""
    for name, tensor in weights.items():
        if tensor.is_floating_point():
            raw = tensor.detach().cpu().half().numpy().tobytes()
            offsets = [len(body), len(body) + len(raw)]
            header[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": offsets}
            body += raw
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + body


def weights_from_bytes(data):
    """The floating-point tensors in a safetensors file, as a dict from name to float32 tensor.

    Raises ValueError if the file is too long or damaged.
    """
    if len(data) > WEIGHT_BYTES:
        raise ValueError(f"The weights have {len(data):,} bytes, more than the {WEIGHT_BYTES:,} that are read.")
    length = int.from_bytes(data[:8], "little")
    if length > len(data) - 8:
        raise ValueError("This does not begin as weights do: is the first part missing?")
    body, weights = data[8 + length :], {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        dtype = NUMBERS.get(entry.get("dtype"))
        if dtype is not None:  # not a count, nor a note on the file
            (begin, end), shape = entry["data_offsets"], entry["shape"]
            if not 0 <= begin < end <= len(body) or end - begin != dtype.itemsize * math.prod(shape):
                raise ValueError(f"The numbers of {name!r} are not there, or damaged: is the end missing?")
            numbers = torch.frombuffer(bytearray(body[begin:end]), dtype=dtype)
            weights[name] = numbers.reshape(shape).float()
    return weights


def weights_to_text(weights):
    """What `weights_to_bytes` gives, written with 64 different characters."""
    return base64.b64encode(weights_to_bytes(weights)).decode()


def weights_from_text(text):
    """The weights that `weights_to_text` has written, as a dict from name to float32 tensor."""
    return weights_from_bytes(base64.b64decode("".join(text.split()), validate=True))


def test_images():
    """The enlarged digits that are held out, normalized with the statistics of the others, and their labels."""
    digits = digits32()
    of_training = digits.train_x.double() / 255
    mean, std = (f(dim=(0, 2, 3)).reshape(-1, 1, 1) for f in (of_training.mean, of_training.std))
    return ((digits.test_x / 255 - mean) / std).float(), digits.test_y


def predictions_of(weights):
    """The classes that small_network with these weights gives the test images, and which of them are right."""
    network = small_network(0)
    network.load_state_dict(weights, strict=False)
    images, labels = test_images()
    with torch.no_grad():
        predictions = network.eval()(images).argmax(dim=1)
    return predictions, predictions == labels


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-final", "locked": true, "schema_version": 3, "solution": false, "task": false}
digits = digits32()
(digits_x, digits_y), (held_out_x, held_out_y) = digits.split(200)
statistics = channel_stats(digits.train_x)
final = {
    **common,
    "train": (normalize(digits_x, *statistics), digits_y),
    "validation": (normalize(held_out_x, *statistics), held_out_y),
    "epochs": 20,
    "padding": 2,
    "size": best[0],
    "p": best[1],
}
history = train_and_validate(final)
text = weights_to_text(history["weights"])
with open("weights.safetensors", "wb") as file:
    file.write(weights_to_bytes(history["weights"]))
predictions, right = predictions_of(weights_from_text(text))
reached = float(right.double().mean())
assert reached > 0.5
assert len(text) < 30_000
in_lines = "\n".join(text[i : i + 112] for i in range(0, len(text), 112))
print(f'''def trained_weights():
    """The weights of small_network, a dict from name to tensor."""
    return weights_from_text("""
{in_lines}
""")


def test_predictions():
    """The class of each test image, in order."""
    return [int(digit) for digit in "{"".join(map(str, predictions.tolist()))}"]


def claimed_accuracy():
    """The share of test images that trained_weights() gets right."""
    return {reached:.4f}''')


# %% nbgrader={"grade": false, "grade_id": "trained", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trained_weights():
    """The weights of small_network, a dict from name to tensor."""
    ### BEGIN SOLUTION
    return weights_from_text("""
MQUAAAAAAAB7IjAud2VpZ2h0IjogeyJkdHlwZSI6ICJGMTYiLCAic2hhcGUiOiBbOCwgMywgMywgM10sICJkYXRhX29mZnNldHMiOiBbMCwgNDMy
XX0sICIxLndlaWdodCI6IHsiZHR5cGUiOiAiRjE2IiwgInNoYXBlIjogWzhdLCAiZGF0YV9vZmZzZXRzIjogWzQzMiwgNDQ4XX0sICIxLmJpYXMi
OiB7ImR0eXBlIjogIkYxNiIsICJzaGFwZSI6IFs4XSwgImRhdGFfb2Zmc2V0cyI6IFs0NDgsIDQ2NF19LCAiMS5ydW5uaW5nX21lYW4iOiB7ImR0
eXBlIjogIkYxNiIsICJzaGFwZSI6IFs4XSwgImRhdGFfb2Zmc2V0cyI6IFs0NjQsIDQ4MF19LCAiMS5ydW5uaW5nX3ZhciI6IHsiZHR5cGUiOiAi
RjE2IiwgInNoYXBlIjogWzhdLCAiZGF0YV9vZmZzZXRzIjogWzQ4MCwgNDk2XX0sICIzLndlaWdodCI6IHsiZHR5cGUiOiAiRjE2IiwgInNoYXBl
IjogWzE2LCA4LCAzLCAzXSwgImRhdGFfb2Zmc2V0cyI6IFs0OTYsIDI4MDBdfSwgIjQud2VpZ2h0IjogeyJkdHlwZSI6ICJGMTYiLCAic2hhcGUi
OiBbMTZdLCAiZGF0YV9vZmZzZXRzIjogWzI4MDAsIDI4MzJdfSwgIjQuYmlhcyI6IHsiZHR5cGUiOiAiRjE2IiwgInNoYXBlIjogWzE2XSwgImRh
dGFfb2Zmc2V0cyI6IFsyODMyLCAyODY0XX0sICI0LnJ1bm5pbmdfbWVhbiI6IHsiZHR5cGUiOiAiRjE2IiwgInNoYXBlIjogWzE2XSwgImRhdGFf
b2Zmc2V0cyI6IFsyODY0LCAyODk2XX0sICI0LnJ1bm5pbmdfdmFyIjogeyJkdHlwZSI6ICJGMTYiLCAic2hhcGUiOiBbMTZdLCAiZGF0YV9vZmZz
ZXRzIjogWzI4OTYsIDI5MjhdfSwgIjYud2VpZ2h0IjogeyJkdHlwZSI6ICJGMTYiLCAic2hhcGUiOiBbMzIsIDE2LCAzLCAzXSwgImRhdGFfb2Zm
c2V0cyI6IFsyOTI4LCAxMjE0NF19LCAiNy53ZWlnaHQiOiB7ImR0eXBlIjogIkYxNiIsICJzaGFwZSI6IFszMl0sICJkYXRhX29mZnNldHMiOiBb
MTIxNDQsIDEyMjA4XX0sICI3LmJpYXMiOiB7ImR0eXBlIjogIkYxNiIsICJzaGFwZSI6IFszMl0sICJkYXRhX29mZnNldHMiOiBbMTIyMDgsIDEy
MjcyXX0sICI3LnJ1bm5pbmdfbWVhbiI6IHsiZHR5cGUiOiAiRjE2IiwgInNoYXBlIjogWzMyXSwgImRhdGFfb2Zmc2V0cyI6IFsxMjI3MiwgMTIz
MzZdfSwgIjcucnVubmluZ192YXIiOiB7ImR0eXBlIjogIkYxNiIsICJzaGFwZSI6IFszMl0sICJkYXRhX29mZnNldHMiOiBbMTIzMzYsIDEyNDAw
XX0sICIxMS53ZWlnaHQiOiB7ImR0eXBlIjogIkYxNiIsICJzaGFwZSI6IFsxMCwgMzJdLCAiZGF0YV9vZmZzZXRzIjogWzEyNDAwLCAxMzA0MF19
LCAiMTEuYmlhcyI6IHsiZHR5cGUiOiAiRjE2IiwgInNoYXBlIjogWzEwXSwgImRhdGFfb2Zmc2V0cyI6IFsxMzA0MCwgMTMwNjBdfX3KtOmverDX
tyG0LyZsshoyZjdTtNKyrawbuJq0NKo6sr4wSTjvtUaz1KIqtaaz0yzosoIvjDjQOYk6xTqWogE1Uil5vP+6tLwcOs47XjsmLTwzKys0vDK7nLwq
Opw7fTvDpO8yujG0uw+6PrwFOYKp/THtNWmzzKuRNp2weym1OAUt7DBRN0CwvCtvN0+0SCzIOO4uKTRhOF2wT67zNRC0uh4YMUEsGLJmrJSwhbSV
sZquqrWfLggpsZ8/qmKzWLWgrMyv/LXlGX0tJaJUsN2w3bUUsC+z+LUstQmxZSLQs/WwMjTntKazGzABtQyxNy1AtFqtPy9DtQa03S2CtTaz1CRS
tjavBTIvt/KwZzMZsj4sOal+shUwaqPYtFIjiLNotH8iQik1s8keUbKHt6ux+rPAr74vTrAOsRqmbLCftuOu9bP8LBW0CbflMjGxzLVINCGlPrIq
MEWsJ7aIL+qpo7YONaQsAbbsMe+xjbXNM/6r1rVoNYSoCLYPr+0oO6xYtGaodbPSs5uuba5qsziqT7AVsKuvZbPts08om7EArdqfBbBPsrarn7C5
slmp469IO5k9Dj/PO3o8jTuOO4A7XDgbPlO9+DYWOWg4FzvgN5yxYqmeNF6w57KJsl+ksbH9RbhKXUr/SOlIw0jgRV5IyraLMiE02LS2L/UxGreI
s+q1o7mPu9q7/TT/NUgzpDhMMfUytrbjuQC0SLO8uT22oDmmqUgsTSBqKre1Gq1CsxG2SS7rqOaulrZYpUIoL7iussSwBrk/uP60m7JdMGuu4rRs
oCe0nrDKoLOxUjBJLm+2Qiy0sia4lq2Ftom4mazHMpKt/LUCqvi0u6/Esm20FS1tsWa0SDaTL3wmLzSJKLkyFTfnNak45q5/H6StLrv2uGa7fKzX
J8qZ/S2TLr8uDzSMMQ4yJSxBKF82PC7GLj03mrTytP0qfjXpLocs+zX4Ml8v0iBTr18puTXTKt00bzXBMVg20rL+tduwUajuJzU1aixVLjE4iLIp
sRIzRzOJJEU0eTS5MGM116xms3MrbCZhLWkqhzBwMX4w3i3gJs+k8C2ILgEwZbHIrnuyBjBBNZ00ua58pzkkQ6/Fq4Yq1KBpL6EwyTEkLzoxOy73
KnUoOC0SKWQwUzH0MSYrOzG1Ml4sMiovMTIp2C1DMxkymC2GMO4q9SxnMCos0SwMMOIvui2sL68xeyozKIwsijG8MrAtGi4+LAwrYi8CK6AtwDGE
MFaq4rCDs6e2nDAXJH2x/DQyMQs0RTigskiwfzHDtge1JTUOIrow0q89uDohIrext6itUi3os8WxSTEstVyxYBxfuNi3VS3uLj4laq+msYW2aSzC
rnG2mzDkqYyw960xtKW2NqXmtZ648TNbrJasya6Xt0e2UDGUt6a16C92rkSxGqEXszu2HStftQi37zMtLYakUDAHrIyxhjBUMpapRy0qrx2vV7GP
rG0wMrB7sxspmrV2t4CtD7SnrwExXbi9tXYwdjEusdadaS/1nIsw6bCptIKkOTQbMfGrETTSML6npiojMEOtszLtrSmwKTQjLawtw7AVsiSvnzLX
rKYQ7jB4rWMujzDGJsot1S/XIxYlwzOwLhIpMbBzsE4g1S/dLkUqbJ4rIcatg7AlM6elsbBcNDuqPTXFOJAcKrZeopCpyjhsN/Q0XDuGOBg5iDbq
MBQuwizrKwYp5yq+KnSwkqidrsu2rirNLaSsSKzUMP+qsbH5M9yyOh7aL2upm65bMAUeRLLBIeC0KjAwkCQyIS3LJMmoWzCOrvi0pKQeK8onRa3A
Lp+vRKpKHJCzJbe+s/S0CrBvsca3gTS5sqathDmIJSI7UTuHKmE9LTgIswU4jTvNr1Q5j6XmsMQu0Lo1shm1v67Rsn+1vaSmrQQwmTQCNUA5fbOg
Km2wc7K/sTS14jg3LRUxt6wJqjK0zqWJsSyrmjmzNUM4aSk8phW2FrRWtNGxwC0lNF85b7SjtBC3sZ7dsNyvTTjQNZ84a7EVsXgplbQXsmAp/q2Q
sK0mLrUGsHsvD7MMsmq0kbedtau1NKzXq8+29DaANjKuszQFNOqxd6wCoLk0rq4srRIyla4gsDsvorLjK9szT7J6kDUwZbQhnRYksLBNKDQ0ZbFy
JP8uDrRgrDsdOi03FXM3aqxPG5Qxd6wsJBEvVbD4H4IyRrAfqRcvz7FfriQlqC2hK9SkSjM1MI0rWTWtLBIjwbnDuiu5ciQSspawizDxNrU1JLhi
trm2pbQGMOMss7RMLH2sgrXusI2zFDSONNE1oTCxM6U2nLDSrTCyZTWwMCYt9DYdNT4yeLWVtHGzyjKYLpUvTDbGNE41BLXqraexcCUXMKYzCC6n
MBs3LbV+siy0PzXcMco0hDZXNGI1ETjfNnM0vJ2ZsR20S6TlsP6zVrbMuTu4UyRkMDwszjXuNJM00apvMKOuijH+q1WzLqzqqQa1hDB5qs001KtJ
rIMx2ijHK2IxqjivNx43IDKAKfepjqbYJyMqXDWXLhgyyDBcrTAt9Swfq2mjKzb9NG04HrANsWY0QqAWrRk0KDVBM1s0DzGzsUeoFizOKTosCC+g
Mok0JLciqQOt+LVDLMuyljgmO5cyU7WNtdG6lbMKKgEmXTUYHBsv2DgWLMo4cjamsXU0CDKrLTcwazEmsUW0GzIIqda1GzJ1NuE02bXtJ/0m2riu
rdO2lq/wNOYwhrUNoAO1UrXUngK2BTgFNnM2gS9eJtm0QSkos8e5q6GdM0wvlLICmSqyWrGDrES3Aig4Mu+mYq/PppSvzioELewpF7hqMda0Rq1F
tKax1zZ9ssw43C0kNog41jq1OMY7GTeqNs85CqPcrSGw3qb4LaUr7DHbMdI05bB/Lv+xUbBZr1WtzKd5LV0p+6x6rdex0yB9oAkmQywbLyw0/i3H
KTG0XKfSqxmygzEBL1wxg63wIvGxKinYp+ijKixlMnkzwrUzs6qlabYMoE0vN7jwKUkw7C6aOh40o7PGN1A4+redtrSuGislsSYogLUOuEu0AbWe
t7u4Wq+LLQezg6yMqEu2X7OosqW4z7eQtL6sAbolreatdrtxsuKsEbU+LGWtYLebKRayz7iZrz+0dra5sXa1HKwtqS+47q3uqIW5TbOqLt2tTrUW
qGyysbfqp3C24bSxsog0R7SutCswKLSUscIxX648txkz4y2RseEsLi2ytCS2OLWjLMm2opx1NGK2TyMvLvS3p7AZL5Y0Jqo0pGIvcbXisIOaN6rQ
s+o1NK3BsvA0qLR2tQgzta+OHLA0nK5EnnQ0xLZ1tT+rY6uQNEw1/618LZozECAGMAguH7MXJ6U1vbKaptUzFrVds5sYqiiGMVaqhC+HMu2pmjO7
MTGjvalXq3WsfDakNH84j7Akr8syniQpIJgYsqgEKecq2S0lLnQs0iuuG3urVDQVM881jbIQsQgvFSQYMWUtyCwDMvUsFTC+LYsqGS9vLV8sxDDR
MQAzf6qmpqIoBTARKhUlgS7uK9gzeShaq0I0YC2wKtCoyzPEMxMyqpmrrkudrTdhNhM5HCPrJewtT7bPs6WyYbjmumW7IbRCtr+3yrX1uVW38bYj
uKy5HrEMM62umbRKrTG1lS2WLzA1+556sHCxA7QMtZa0QjnGNP84UjBarDeqirX4ttG3tjQLMX415qX4sHCoq7YluJC1+zWVOGk4UDBGrNQmfrTw
tUK3KTU/NFk3/yR0p+AnY7TRtti1OUDUPnUw1T1vOE46nT7nPM49ST39PB48zD6rPCc8HT/Cuaa4g7dqtPw4hrDEtqG1yLRTsp+wm7gNuGqzsLVF
tBLIKT/eRMfGMrHQPe5GisJVPvFCFMAQPuHH478yRUHIy04rTapHb00VRYBFZE/RSfhKq0hiSzZIF01ASvVFRVB/NE8w2DIAMSExua6TtYa0iLXm
ta+0+LNlpIUyoi2uMACnbC9FqHuotautqxGmBCoCrEoq4CRGLlojiDQJMgaokbImMN0orbfzs3KuJastqgysoK5YOM4lIax6NLUtWirMLcMly6iB
sjqsT7EgLsGxQjaAM/urKSwmMPEjtjCaL+2uXrCmp1mwiLF+tW2vwTBILGkulyxKq5OtmLOgrDwtFKVItISwD7NZq8MqvCzArMoyB6xXMlAuOC01
sCwmv7VxszuzTrX7MWUzVjS5HbAy0jBBt0O2S7igMwak/ya3tP2qo66TuPKyya9GL3WsJbWgLvKyjSxitDmunDUdrNWkrSUtsP8xWa3aNScufzRv
LBIuQp/0sDEz8rMQLXM32K/TMmqriS4ooeq0O6jOsCYnMLMNt/+z/bVXtG6hOrYBsouxMKtTo1ygUyklJAglaisjoG4jzBw1L+Y1OjeeMI8256fX
NNI2QKuyteGzVqxptDCg6ybjLKSr6K9EMegv8DKkNMAySi+wr9cvhSoUslk1mbSrsBC2LDJHr/G11aspLwklS7PtM5srX7Q6LRSs46yOMC6o3i1A
MXQroDFdM/spd5zpEG+vzDBHryqrdbFmNKY04TQyMTktjTICOJE2pTRXrNCqjxsLNHcwBjGdKRouYik0s9aoTqr9NuQvTDSJNKeC+DG6LNQs4zOu
ISitn7bpNICw/LanLK4t56S8pDQpc5jElKwxFS/kLGyoi7BNtka2lazHsiWsxrPAs+eyQBzKoKkxYComsJCxirJRH8ayjasaNbY1mDYsMt0xEy5V
s5CwpLTKKnYseTAVKbSiZRxQINkllSZqsIGsJbZ/sYay07EcNKw3UjO7MrMxAClCMBWf+qc8tcSrXaxtrb0ydi2VpWWoGa2bpyusjzEwoII2QzIM
qCEyNjLwsEu4zK8QtjKyx6+Bs3AkODLeKLQ3QzEZL/ccXy/YsmI2NTLCtNG2S7UCMhw4ajcTKqYgkSixrvey2rTnsCSwBLB+J4coHjGqMEUzxTjb
JE4stylXsFyzfrD6r9G19LGmr1qTJrVrpXWxNrLKNMEx8zFTtPC1CC5wtDCyCCs4LH01YygOMeswIjT2JrwtWibBtF+1GLXTNLk3fypxM082Ajas
MGMxpzaZNHgzbzHpL644IzVbqKWrVax7rhetxbFkN984GjeqMfoy8DJYI/uqayeprG2qbx1FqEYsIC7OLZyyQDJ4I1K2o7QzsgimlbRKtpatwi8G
LdcpsSmYNYQmUygQrX+1p7WpqeMhLSNMsc2Q+6iWOwc5Lzs7PGY4bzsxss4yiKfIM+mrY7Too6UvJSdqsRMqJjFvsjq1UKXKKim22bGgKamviqTQ
uGK55bdRKlsvHDB3MJYo6abvM5GsLDLJrUyxgLOqtG4scCzAMxMu6zaJJ6s00TMmtjwrqrQCI4upVCEhtr6r/7XNtcqrOLSELU2spraYqTmx4ie8
tPkl5TM/MR8xqjBhM/QwRi3/MwMmhTGmtImvH7R1Nrg1DzJkKWMrE6oiuH61ALn1OKU6DzdBOTUx+TRuNR0zHzULOKc2pDVetEC0wDL/ny8jjiYK
qXSqlaj9LNAoainXLGogxSxNs9a1OLPgM7kzUJyJJLOovzB+MbgjLScTtC+vJKmGJSax1CCJsnO1MLHNtFAtX63VMBqozDU2Nyw7UDUPNME2jDBf
tLux2K4ItaSxKbHqrhuuLbFWKdIssS4sse+2e7hBME4p8jHiKdOwEDXtMewyBTW9LYyxqDB7L3Yx+yTWrsG0cLTdNMw3djBgm1OtbzAHr2OwtrN7
LtUyELC9MIisLzP4MAgvsqgwNbkq6DFXtWK1fbJftGyuOLBitCi4YLUAMzkxljF2Ma2o5Cl2q8y07Kn4ux27R7sjMwE1m7ORLtYzZTNwMCcunjWv
sNYobqqvpWmsRy00tAezm671tPWpWDQNsVc08TjirbGpF6uVm2gslihUpJYu6yWhK8QuzS+KNakrUiZnMK2uFrQksIMweKy6p5ApSa7cKaws9SzT
sum0S7OUphkxwjMEr8s1Xi/Ishsp5q9YMFYqtiUOtOUlhjO3Mt6xG7EMNfMxcii5MDaurjCCsK4nyS+ZN6sv5DRmHJcxr6zTqAGwfat2tGOqvDM3
KDowjzDQLUOgNqhSMAo0GzPOtEIqrawXtEe0IrXQsBk1HTRYrG00OTP7NNIw5S7ksSEgQKQ8J60p/bHlNSOrLagTNVap5LPXNFOt3aQysXOsVS//
JAUtci/BLr41+zS8NeA4LTYgNTAsYifYqLGtWDX5NMw46jXVKdMm9DIFteKxTLZlseCzg7TzJkc0lTLYJhcsnq4/lLSIxyLLIG2tvajlGeWvdqZA
M9ys5KEppF6wuBvkreCzGi5NM9StlyYwK2ujdqZCM7YtGjAuDbsbmLCxME8kN6osMiSyFywUsnEzEaUrN+82HTc4uJ2qObWXJqOrHTCgLwuxYKwq
LHwmezL2rmet0KhAtNK1Jra/s3yzYK5oLoCsDqsCKDcopK3eqkOzpy7bLJYu9i/BsxG1ZLO5r5a13iixKn0zfi7bJnIyxyhosGO1sq/Hr/MtXyvG
sDIanrAwrmi17rQ2rB+oXjb0KZSwwSh8MsAyujRFHa2q1KkSohkoWCwVsWatBK09NhE04DX2LFMs3i2OLR0sVCVwtCuxq7IZqXsx/CTfLxY1aTLE
szyxjyj3rUIzHTKFNJguljDWoSSpZCzaJlMlF6Z9LgYsgi1LstCukbKJsVKsDrHyqTmv/jAgM60yuTEcK0aoLy1jqOOtGKsBsG2qRqq2LmWxBqy4
KNQsny2Msp20hbWPLBcxhy0fMlc39DLnrV6vHC0BrSyx5h0Dp3+pXyYSHzgtOy4NtC6vGLFns8SwF7B4MYc1yDKYLHaoQS8gtPuwo7FLtAu1ZLJB
NPkxzzWQNU81cDYRsVeyULRXJjOnWaMOMN8y3zDktJOxLrX3qrizbK8pMkwwMzDGL7osfzOwpAEwTyl3sl0reSx7KQEwkTF9rVEiJCCWsJmyMrH5
IFkrLizqKXY0aTSDNZ42ty4jtCG01LOOLlaxIKklnDMwFDQbMGaxaK6osgy0sLRkKJYfvyoqpOCsXap4qDOmjKO8oGSodymvMoItpbCiMoovrjQ5
MbY1GjhjJR+vWrEsL/cqEKyYKVUipS/vsDquJK3brSmxBLI6N9UvXDLmsBy0JrD/sfmsQ7LKtW6vKrbnqgSwQJgxMaGtQC66KaIxpyx6sbmxT7B6
MBA1JzXosJapYbM6tbS1LLJrogewyKQAMNEtaSxPqVmjp6wRq5CziKxvMoUxpDQUsMi0QLEFJjmx/a6rLdyyR7AetK2hpS0EnFcsgSxEOWQ2XDh7
p5eqYS3fMT2paTQBJTMtDSvZIKmjP6mHLDomdy2CruijVLRBs9m0QLLENWWwFTAsOB00LjfQNXk5PjiCNBk4rjNetOO0Krfhp6qvxLJXrPEzaCxv
syUrk6yQrEKpQq/4qwiw3aqOqwawlKyRqpewVCZKsC+0abP3JNKzW7U7Lr2sgKwOsCmypK5ToAcpUaxqpF62RrX2pn+uVqyZKawwIDDdrMkzL7Pr
NUozETOWNBU3BDdxro+0Bqs4Mu2w76/wpIaxebFftO2seywWsecpdqwOtDCwpKs1sui0rLI2s7SoYysstSqx962tFJsoPhwFHz6sLjBYsbqzQbRb
rX4pYa8FM4U0Djd5sE2sVKtAq6cu4q+8sqqxWrZLtI25CbbMsfqsATGuMo2zMq+7Nb2uuS9Csv+tF6xFtR2xkrObrbooaDEJNCU3oS2ONY00EzHD
twkr1LRLNYg12zK/Mq02ZaCRMjc40zTGsTYlNSn9r2Yqq67GrVWuoKqJod+k8aCKpDmpyqKhJhsewKgWMXQ3ci9xNJU0mimBNGE4yC1Nsriz4rCy
smOySLCmH5m0kq0+Ni80vTPFrhuv/bAXqn61rbNsK54y3S7BtbWvdLB5sXGu86ykssetK66+rGyxGLOgsHqzzrJ7MgEzmjA1LsesGjblM28svjHB
MeUx4zXpKvIubDA1IlOrPDR1NC4sUTFTL46mmKF0KKQojjByM2AxijWrtEizArQjtK201bT2NA0ujzDSMmA0xDRPNn83aDVltBqzHqxOox+wOaMV
tR6tZrExrt8uIxpELVgitS7drBGs6bDtrRGoTyoouM+1WrehLnEqXDP9LmWx8S5xNNsxpzAKtG+xq7STtPG0G7TvrD+f9q2yKMEvgjRqIyAsBSpe
o8IpPixsIesr7ikYJTes9jSlLvoshK/MHP0kg7hOtiWw7a0MrTMpB6pxNicsUKGsMlCsTrD2Mq4zKSnBsgYs/6xJKhm1ujEYNBcsRzPDMjkwSjeO
MgawU7JGLVwhT6+Pr42uMzBzLPywPCpLNvOr/y8NLGCnpSzer8G0WLDwr3Oj7CboKoetT6lNLcCxITDirSmbJa3wtnW1z7UoNGks1DO0MtE1NDRU
tKWmxrSrMnyqyDBFtRooMKoJuPiwhLVELFqwhLUtL/qt+ywwsCmwlTUZJbEsTyZ/Kqo0eS0ONCI1jzVXse+txLSkqEQxRa7BKb83pywgq3m2VrUC
FQO5HLLCrk+3CLNnrgGy7bWjtia3R7eQray1xrL+JTerFqaIrdsfYa2MLCiu2KoBMDo2uSyrNr03hDIaNI02gawXNigw6zEvNT8vGyhMNXUs4y5n
LN2w5rLWMRawzLF4ISK0vbQbLuGzpalgLBG4oLLlNOW3U7MPLG8oviTOJ6WwmKqKIaYicDAqsVazm7LmtH6xc7M0Mpiy8pktIeS0ubNVMfey4bDv
MaO0g6kENHSwvrVKsMWw3bheMSS1HrT/NNO1MzCuLgS0cDUiLQiy8ye7GdAxQiinqD6sX7C6MNayW7FNl9Q0dDN/NZUqfjRZL1k06DTKpbSv9LC7
KkGIQK15M9Gs8K9YqA62p7X4JcK1YKgWqBG0nyboM903+TXiKqewSbWyp3e4dLPlL/UoCDAUJPMoZTOVqTG3a7jplEAmLiwfJ6Gop6s0n7Wug7Bh
MCQ0E64nptkzrjMMNPs2Vzi9ND4y5i+GMCCw0ik1r5wjeq7/smss9LTDKJKwU62DOFcx3zbpoo62EbY4tI8wXbSltPu1DbX7IMCxljB3pOQyeTFx
pYU1Vp7dMR0xLylvrZQ1yi+rsS+06LbTLp43eDb7qz+1wrLcsCCsILKSKVQvbq+oON8shDTSNHe3CzLIssOw1Lfsphu0fbXnNEu2GqYwsZWgl7G1
p8+oea28OS0xPjQzNPUhAjhyJMwutSdwsWU1TplqLRieIijfLowt8qgxscm0SrXRNfk6fDvsNZctdzH9M7KxGK3xsIu2TbUUNOguTi5ttTE08an3
sFC0DbRTqrgyUJ3ZrUGwJrGpqSetciRSJ26d6CZppLCZAiirMYUzHjD/NZ4zGS/bMPs3tyybL46w+7CBHS0t4xlEMaCoaaZspXSgsS9Nra+zKrJO
NagoW7CNtSsw5LSgL1qxWiB6qTu1xrEuq4ezAaofpEyqOK2Osl8ocy9HM8cw8jM3tUKzebSErDgXD7GbMGqwGTOGIRmjBi2KJakwtDSrrRSvx6Az
tMSuYLSGNJUxGayzrrCpFq/FsSm14rTHp2ixYLWTJFEtaC44LEkxYjS8Nk80hDjhq6GxGankKvcp0a23sDkwzDDTKQUv8i15rrCvDTKNtI2wF7Zh
tvO4erfdC+myV7CGLV0yJTDOMyk4HKdisYMtGLVPOA43FigDJiI0FbW/tM0tN7i8sG40UrDIIeIr3Svljd0W6qbdKpol/64dNH0rNzgaNnMxMDhQ
q6msDzRWs1WmVjPGtNaxVhxet6y0bqFdMgmonCCmrb0o0rBftUKzybTEqAU0gLD8uGm0KbgZtBc2ELliK141mhVxqMksJLZbKxSyFLhSsf8lx6vA
NP40eij+LxUvfipep8Eo7y2IsP0o0bMYsKOoia+UKm0utTD/NoI1ranAMW8szC0tLTqtkS1htNu0QrPxJScqeLQ3Nuw2MqyWMuM0QS6INPU0lzGd
rYY08i97Jw+qubDxKO2x1rXUsEQu9auVrTIwwrHFGZYwHSolKSMz5i9wtWGwO7XNtZwwurCxsvq0trSIqpW4pLaxrXGqXrX9rlKukLXWt6i2MLlk
o34ulK4Sqk+ofKuUqQOsWqnXnTapuqJKMkywjjQ8ND8zyzSsME4o+TFBNbEe+S6bM+WpzCr6NNItdC1osA4s07DqK7szSLGjsImyNLP/sd+zmrQM
p/yyW7OALXKxiLbfqPUwjCZDMgmt7jTNMnKpES5WtUKzbrSdNRkqOSdKLLW0ALDoswC2YbU6sUy0t7WKseC2nK7MKyywDLaqsaotgbHFLuuxnbUI
MwGetytYMfEwqjO8p0Cuq6z7sQY11LWIs9sr57eQKJ2ugLHzloI1LytfNKyq7zTjNDYsDzR9sreuMbR9qzwqEh/pLFEZiavELYG0wbPTMrKpFTLd
NNc0BDUXLU0r9ZqwqWExZq34rNQy2bHqLyMzlzSOsXwyGq3yqR0tbStzrc0YYi6trMQcIikimwejRCy5r3qz5bJNsFGt3qbSHRqw+TDsItMyGzTV
LPcvLSCHKKUQ0pliMU6ldyx0skqvpbFWq6ywY7IXMgWsDLHWqTiuNbAPsdA0ui3XLoykJKssNHOzU67cNDWo67DvrX8wwp6QnGGwqh2vM84vFDcf
L5Q1PjRIL3Y07DLbKx+jQzHNKjEaVy/Qqs+roq4nrviwNqkwkw+poC0WtaUh+7GotPmx46/oLe2xKq5UNFKb1C7lNO2sNSpMMyEo9LJZNVulS6Tj
MZmpG68NqyAtpaWNLFsrfiU3KQ2USDImMXM2+jZCsS2xPLLNsX622bS/M4kqNS5EtLG3nrLoNgQwCDbvlg6xdrdRsSy03LPysD+woLYiHT+cA6ao
LOakFClYpG6ZDaQvrceuDDPUKqAw6zNzHvSsYiHzrZgwCTEQsLMuFCVXsS+o5qsdKvmsVK0JM/o0PS7VqAmsx7AdpVuuv6w/tVm0AbbQpS+vUbOY
q3g18S5hr78xaynlplSx566zrU6vxSHxnHIotCpBJI6Zrq21JieUU68cMO4o8bEnLS4sN6nAJj6y9bOzL4owAKM/NbIpaiagM/mmYzDAMGkpfy/Y
Noyt9TYhMnEgjLATrI4wDbSSmJ4jyLDzqYE0QCqqKmUwgKKaLn2lJ6a8LA2fLaMwoNElF6fLLY8uT607LSk0WSS8tRqyRLX1qRiurbNqtWevlrRM
NFUyVjVcMXs1ojBBMqEwaDDtKho2jaChsz6wH7SDrdUsnaSLqO8lEiS5Hs4s+i1itK2xEbaoqO6yFaqJM8+svzFrMhSlk5/QLWQhui9Pr1CvV7Bn
rZOlTy07roCuWqkGLJ0u8CA2MfE18bB/LA8ojSw1MjAzzTI3tK2uLLA5rGmqsCnYqjwma6sxMG80dS6OsySuT7EeLcQs6CgFLfQxejAeLmWeswxh
qhosQ7BzsfSym7CEKwoq1SZHIjwslq1Lq3OtZK10LWAuCixVMSkv/JjGtXm0hbDdK5mwP63xMRA1SSyFtDazBrFjoKswtCIcsSixda1mMBEwwy+q
FDEpDKiFrEGwS6z2s3y06LAnNPw0xzYJsv6tV7bfLAE0fiGinUcyHbFErpspV65Uos8uDasZLgs1ESztoKYvlKwLnQwnBSnDJLkruivWG7Mut6e/
LB2uTCSVLXShc69nLagsdCFDLh4hCC09LQWr1iyaL8oczSFGqcmpFSoAqqsv8ypsq9MsMi2KquGixa47Ln2qj7TZspCwcbWEMBOn5ZBqLbytbC1B
rTexHi96KYQwni5Io3KsbDDvLI0uMzDkp0s0lSzuITIxQSZEMDo1gDBJLeYrPTFvHN4tbzHFpeqlMCzwsKsohaXYrlksUKSyrH8xVq23Jo8gcjBT
FBOrNCZxpgUu2C+VLy+id6xyKK+xlK3XqMSwzKxlqWwl5KhqMgozhjBqopQwhi55sM6vmrGkswa0zrPrrYGsbq4qrDyxJq0vLfExAaYwtOCojrLI
sh0x0y25tL2sk7FFpHAyUywxqE+pm61UmqYt2SFaKWcxnqvcqUexUrDDMOqtkrEvmEMgfrHdtKet5LB2MA+u4anmMXuq7a3vpqguIimNs48u7atY
tYAw3aYyK1E4Ya1Psi6thiowLSGrF6xjAwMtYKWOslss9aaWscmxtjIBs6ix0rHrONo2bTg0MMQu8ywitnOyUrMar8wmzBxqL0owdSEPrEQ0KDSQ
JXo1rS7ttOAuqbGKrOUu+rBLp7I0xquAtiSw7q6nrLqmUadOrJSsIrFssLGusLC5JZUlra24rTGwW6qCsBaz0zVrsX+sHbNAsJSNYi0VM+c1fzIn
M6s2EjYFMQEx2a9Dtem1G7VJtFeoD7Xsqnoy/K71LU8z1DPzL5ixQSd3MKoweR7jHtQqQyceoDaqBKwTIfQef6V+LJYx2DG5qciy7LASLGitojPi
sZ+01TTuNAQqPKjnMB8oWCciIWqe0ibts/yxirYssf4pLycLNtI1UjUbKTOqM7W5sbOtDLTRtXuwwbKfrdQogKxDp96qUisCM+4qhTXYMkYxx692
tOK0CbDrrWcwLLJoJCCgQrIhM1ctiySvKu8wdq5gsjqxBbQosbexcZuWM6c1vzfStWezyLIPnLgvCTHoNu43dDf6tm2xFLMGKBQxHCg3MhSvxLAT
rsuvbSelH/KqhK0oJWqyHitDNFknoKJXK8ItBiA2kwstValXtIWxNLD2LJay+zbHIxWmMa/9tEW2rbVROGc47jV8LouqoDexszm1W7XOMWc3MSvr
t4Syx7XXsCOxrawpp6kohhfNLTim1aV2tQS47bUNsGmsITQlNP2jQykFpzm057K9MBuhgSHoKBytkiyRsMyxl6shtGa0S7DFNAo3BzXhNXU3f7An
sTwuYLi5pnMwiDQErNytf65JJL+0xLIAMNoxarXFqNqsySYKuJq2RbeGsKSpWbEHrEiyDSlDnWWvOitJmHQyNrIttJ+ybrTFtDG367bNNLI0jS+/
qDurG6psrKYqKaXaNUMruDUGuIK6SrPQNccsSTX8pQQmi5kjspm00bIJMs2oAq3spF8oXLVhK+4aQLDFolKvVbONHmC0zaz8uJC1vrd9qhaxU7TU
MG4wwbXLrWUyBrH7sEKwU7EANdmxXLNPLAw0vzGYrfSy57TELJCmRbMjLEIiPykEquGnb6hUnrKuy626MyIzTSZENfYyDSr1KEYxcSskN+4s7TEx
M4GpxKiuKTMpYS/lra6yba9zsWaw47CpsAS0ErLEs9mwP7Jlt0axn7Iotq6xUbPdKDYiHjVysf6x2TT4qU60ZKg8rlqwZrNILNmj9LBbreqzc7GV
MLOotDRNrGS1vbM1IJOwAqAxsBks3aozMsWkYLOiJlK4+LaxrESzLrKitkOxtrY8MTKwBLhcsmQwua2eLSitP60lNGAxNy1gMis07jZeLugmYDZd
I86kmTLJKM2wW7FyLM+sEq44qHSu1yL1MwQ24DVMFwY03jKDpo61yy4sM6yuYy9VL1mviLMlswayCbQ7sRWut6yBtBKyRrDBMmSqxDRBoa2msaGA
pkAn2BRmmFwtxamjKoWgSiMZNdYzyK3yqUodDrhuteCxerQ2MCGvJq71OBEoPKxGKu0x+5kLMSQzzC8Ts8CwsbJ8MRuw+TJItOAxkawCsbmxrbSJ
psCyHrMzss+shK4Ntgu4n6Olsky0YK6AN0Q1NDQPIRco552euP+2NLVmpyap2qWkKiQyxi1xKCEvyqrNq3ypxKdutTW2qrj7KKsytTLwJ/8uLy1F
trGz8LYNsI6ubSrMsIOxpbJ9uM+1E7dGrJm1PLXWrXKwEy9GtKuv6DbGqXonGqqysQAqxS80NX8ztzWlLW4gRy0WJTE46alvsO8ogbbZs++zuLJJ
r+u0B7AJpcO08qdJHT+tlK5SoJ+wYisis2wd460gpmkniCl4KjovySz0JwMvEyxyNKQabqzMMUEsEKxEM48qa65ENFYwtaqHNXIxlKtQM3Ax46lV
KqmrLzTKMnQ0KTQXoIYtEKAstEm4V7FNt064F7gTs1WuFa1msWIiPS20MK+pQjDfMQCtHjCVoWmy8q0jK06wkanJqRkmJKUtL+Uk6iRLNOAx4TEv
MCUvUzTWLPCwsSgeLR8qVKF+KOuqcbJXLVyrkjRENQ42cDHyKCEwdqdqLl2zNS9fr1K4XK/QMHS0YaRLsOYvu6ZzLdqq1SxJMHKpoy8OMPQocTHj
LLIrwzPbMI0w5TAWtJu5sbbjrZa4TbV4r7e29LTftQqtmrY/HW60erN7rWYnUywxN1w0NzJ5LPirfTEfrNKUhimtLUow8CuJMFgvGS8mJzsuFSbh
JuqVAbC3IR8tCincNLE0cC+7NVs0DS5tNM8psCB8KIgszKwCNL4y0DOPNDUzNi4eKscpsSmWtzm2qLKzsjW1zLfpNQS3l6osL0KyCCz5LeOq6zAW
rBKuAiycL+ahYS9VrWkwLTNCsQWyRbBANw44rTXfNfIydzAtqr2teLDMNOissqymMBc0JDQiJxYo0S3LNBs1YzWXNScy+DJjKDEb6jIvo4isMLRN
tB20M7WrMoQlzSWFsJe0dibQpFGrayyer1WsCDBENUw1QTMUMmEwKjCdHKUmTyd2tNm4RLbis9W0Pq8zLZSwAi5/OIY1ujaJmDwxLTAwLcgwlzAK
s9Esoa+DL0cxUCwWl6cwWp34qUwqhCNVq9Kd4pidrPEkq6yVMGo1rTLnLmghpyi7pYsvjigctl+vyiYZtdurC67BKTsmdi0bNbUxBjHELkGqNyUR
p04ybjKUNEKhHDEbIz6u1DDpswG4eLUaM86rsLRzr6Oo1rGSrXEusCjzLmcvszIGqfkt0y9SIbMcvZyNphIw6yuwrQIvNilVMZozcDCdNKQ1xjXm
rvGvebPeKXcwYy/LNawwETU9phokZK1htRgwO7AONC00aTRALnsvFjQSoacxHC3zpaKwt7brrGSt4bPtqzQqY5m4rLOrZaknLVguki4nonsuuSmL
oiw3BTXes0itb67OLI8t7zBfpeQwfrAdKm8uMi6qODA4vDbFNmg48zh/Mb8wWzQQMZWxjTLxIL0nRiFmpVKmoByzMCQw0DF3rdmvV7jiqoSqibhR
NFYxC7WzNdwhoizNMi2oWTBcrKO0qbH2rCstMrEcsH4o753etkmzRLWbNSY4FjN6NFuwVDENomq0RTDotdmwbTRmsxW0dS0Qs+8sPDL/K8wqWyl7
MiYz8DVPsMOupjIlMnc1WTZHNK41WjZmGQ0xZTQZtk2xP6E1pmEuPaPyMB026y8ckk4p0a//J6WsvTKGpMozIyf2seUxW7QQsTIwWaPUrLEwGCyN
t823LjLftP20gi1RtsqzZzOIMf400TSgMBgqkDD2rdauWjAaMyAe1TDpNYWg9zGSOOUgmy6Eq0imlqtpsOUssZz2LWU04zXrrsq16CWhqgAypzLW
qlM3hjD2qlmrgxhMJ0EsCykwLMEvSi5HsLKmvK5SrBQoG5TVtB60FC9DNDYwmjCVLuutEyQNJJCr4SxmuOixV7U+L1otzy0UNEU03TTxtfS16LY9
rlkyn7AgMZM1hjKurkMuRi6dLJQsli6+MOAr8zK7rmoqqR17MGo2HjOGsRkvOqxTs3+t6iiIr1QorySKJNQwqKU9tey0QrKdNi80GDUyNHI24TdA
uOa2JbhyNH4wPDC5NlU1wTUctOmxirATsBAnna0dNIEy1S1IMvw0NDWYrMQnELFvFgyxYzCuK9er5DAZKwA0Gyymr/swGalyMGY1MzWQNhMxPTQq
Ml8vQjTEqz4v47EotM41j7VEJo0tYLGYLfM1gDA2n7A0h7HmMuQycCxBJ0wp3iogqO+X+CV2GywpRyzwKEywBrT4qpizUi/8scqsbjFFKgk0gTA0
NGep/KuCqZitqyuaMkOvfS6frC6tD6+QKNOwza9GMN2yLC6lsSYxNrWyrvk3YLNOL2Mtf62AHiK1JCqoMP6uPbL/r3kzXbFRK3OvXSxgMJQllzRX
LQI3wApbMgg0Fi87ErOrEqwLMIYxO60UmCWqCy30rOAatC6zJDSwdDBjsRyhDbFssL2siqqjrh+yzS5kMsyrCy+1MXCpQ6YhM7EwCLKJokGy8S9c
JGauMrRMrJosRq7jLzIu762eLJGuzDH4MME3PyxXs060kbXCqF+k5CvdQBdAU0GcQtJCO0CYQORA1UEZQV9AJUGOQeVCqUBwQS1BOkB4QHVA4j2h
QERA0EJnQQlCXECTQJ5AyUEiQV9AiLijrsG5Hb/XuBe3srBHrVm4uakQtBO5ArhmuTGx0bx/tdeyoriCsC601LRYsxe8BreMuFm4t7YxsJW6Vbdj
tkW91CYyPZA/nz0XQbSwmTxCPCq/Ez75reLAzj4Bt7KuhL+kNKy82a7DLj+4kLjuwTe8VcFOwPgxrED1QZ5BqaYRRd5EOEZZSflIsEFLRZJE+Ubb
RkVF9kSdRDBJbkQTRRxEaERZQgdFNj02RO1FrEhtRf5FBEWjRQNEI0jZRhxCELpuqVm7o7qHvLAtOTk6OT45pzo6vY63I0C9N1G0fTYxQMq8Gjh5
uqy9nrkLtnIuPD8Mu02zG7thu1G87TrIvCyyBDU/s7o4Ub8+PHC8cjYatQa87LtHMow8bLxfudS7bTwJMPI5RjEDO4w8FTwNvWa9XDnjPhw8Bbgg
OWs8kx6/tSC+WzUVvbmk2TdMuTs+xz11tNy5ibzvsII3TjyKvWq6/DyQu4E9vTGuu+4/rTxKtCC9T7vBMBq/0qwbP1s8VLxsJF47vbzBPG++F7JV
PMQ0F7bFMnC+lr02ulQ6rinZukw497tRPeE3O7M7JSE+UTGWvPG1uDsft8g9QLmOPX890jopN3U8ccCjO6o4zSmJLGc+0bYWPtW9aD1Iudy06K62
vJklZr75pxA6dLwbwC860T79uSy8/TY9vQk4pLsTsvO9BTLiPkNAyLdIPCG9ULveOjK2rK7kuP6uLrtHtAS66zVoJ/c3ETPUuTOt5T/VNk+9nDcG
NpA4KTjnvcC0abXpsFw/nL3kNZu2Orx6okjAnrn+OJw0DLlgQR2+sTymth+3tDpbr8C27TgSuvq9hjbwPI03ND22Nt85xK7VtKE+RTfmv746LTgB
pKU+vbq4upk9RDc9Nke0E78hONO9PrwdN2W9QzhnNDA867CQOzPAszy+u8S+/j33vXu4DDjEuzQ8B7uKvcC5DzmkuGC8tzmcujU/W6qfNE6rJD0H
PHewBjwvNgq4jzNmLFu5GLhwNaG3ITJfLtw5YLwEumo6Xzr3MoU1XEDQPQe3hbfouT09r73rNyE9UzoDvRA0jj53OlK7Mjwhug+287zgMRO4wi4R
NIer6LOMLVs+0bjmudY3WrnUsNo5rKxMrsq0WjmgOue8
""")
    ### END SOLUTION


def test_predictions():
    """The class of each test image, in order."""
    ### BEGIN SOLUTION
    return [
        int(digit)
        for digit in "48196877214384456334944834554678401456231273989861497985579378574595587789001551088691907110792934140815139978551966430269398318543395975421317014889278168396832348677345329704116001145172284899756733773214580796246874645695068162458106069421726191034184647391507976470079586745716264728111703239683336178027353482395685736224953549907045272200728658310910317"
    ]
    ### END SOLUTION


def claimed_accuracy():
    """The share of test images that trained_weights() gets right, between 0 and 1."""
    ### BEGIN SOLUTION
    return 0.9554
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "trained-weights-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the weights fit the network; the points follow the accuracy that they reach.
weights = trained_weights()
wanted = {name: tensor for name, tensor in small_network(0).state_dict().items() if tensor.is_floating_point()}
check_true(isinstance(weights, dict), "trained_weights gives a dict from name to tensor")
missing = [name for name in wanted if name not in weights]
check_true(not missing, "no weight of small_network is missing", "Is the text complete, and is it small_network?")
for name, tensor in wanted.items():
    check_shape(weights[name], tensor.shape, f"the weights called {name}")
    check_true(bool(torch.isfinite(torch.as_tensor(weights[name])).all()), f"the weights called {name} are finite")
passed_visible("trained_weights")
### BEGIN HIDDEN TESTS
kept = {name: torch.as_tensor(weights[name]).float() for name in wanted}
_, right = predictions_of(kept)
reached = float(right.double().mean())
check_true(reached > 0.5, "the weights get more than half of the test images right", "Are they the trained ones?")
points = min(4.0, round(8 * (reached - 0.5) / (0.9 - 0.5)) / 2)
points
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "claim-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the claim and the predictions are those of the weights.
claimed, predictions = claimed_accuracy(), test_predictions()
check_true(0 <= float(claimed) <= 1, "the claimed accuracy is a share between 0 and 1", "Not in percent.")
check_equal(len(predictions), 359, "the number of predictions, one for each test image")
passed_visible("claimed_accuracy and test_predictions")
### BEGIN HIDDEN TESTS
wanted = {name: tensor for name, tensor in small_network(0).state_dict().items() if tensor.is_floating_point()}
weights = trained_weights()
of_weights, right = predictions_of({name: torch.as_tensor(weights[name]).float() for name in wanted})
reached = float(right.double().mean())
# Other machines round otherwise: two images may tip over.
check_true(
    float(claimed) <= reached + 2.5 / 359,
    "the weights reach the accuracy that is claimed for them",
    "The claim is higher than what these weights reach on the test images: evaluate the weights that you hand in.",
)
check_true(
    float(claimed) >= reached - 2.5 / 359,
    "the claim is about these weights",
    "These weights reach more than you claim: evaluate the weights that you hand in, on the test images.",
)
same = torch.as_tensor(predictions) == of_weights
check_true(
    int((~same).sum()) <= 2,
    "the predictions are those of the weights, in the order of the test images",
    "Evaluate the weights that you hand in, in eval() mode, without augmentation.",
)
### END HIDDEN TESTS

# %% [markdown] task={"name": "report", "minutes": 25, "difficulty": 3}
# ## Task 11. The report
#
# One page that a sceptic would believe. The figures and the tables above are yours to use; if you have a GPU,
# or a copy of CIFAR-10 and an hour, so much the better: say what you ran. An instructor reads it.

# %% [markdown] nbgrader={"grade": false, "grade_id": "report-question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Part 1. Figure and table.** Name one figure of this notebook (or show one of your own) and say in one
# sentence what it shows. Give a table with one row per arm: setting, number of runs, mean accuracy, and below
# it the mean difference with its 95 % interval. Say what the images are, how many were for training,
# validation and test, how many epochs, how the setting was chosen, and which numbers are validation and which
# are test.
#
# **Part 2. Two paragraphs.** First: what does your comparison allow to conclude about Cutout on these images
# for this length of training, and what not? Second: the published gain (4.72 to 3.99 % error, ResNet-18,
# 200 epochs, size 16) and your result differ. Name at least two differences between the two experiments that
# could be the reason, and the one experiment you would run next to tell which.
#
# <details><summary>Hint 1: what an interval says</summary>
#
# An interval that contains 0 is not evidence that there is no effect. How large could the effect be, by your
# interval?
#
# </details>
# <details><summary>Hint 2: what differs</summary>
#
# The images, their number, the network's size, the epochs, the hole relative to what it covers, and what was
# tuned on what.
#
# </details>
#
# ### BEGIN MARK SCHEME
# Part 1, 4 points
# - 1 point: a figure, with one sentence that states its finding and is true of it.
# - 1 point: a table with both arms, the number of runs and means; units.
# - 1 point: the paired difference with a 95 % interval by Student's t, over seeds that the tuning did not use.
# - 1 point: what the images are, the three splits, epochs, how the setting was chosen, validation or test.
#
# Part 2, 4 points
# - 1 point: the conclusion follows from the interval: if it contains 0, neither "Cutout helps" nor "Cutout
#   does not matter"; the size of effect that is still possible is named. No points for or against Cutout.
# - 1 point: restricted to these images, this network and this length of training; the winner's curse of the
#   tuned arm, or that the baseline was not tuned, is seen.
# - 1 point: two real differences to the published experiment (length of training above all: Cutout is a
#   regularizer for long schedules; digits instead of photographs; a small network that does not overfit).
# - 1 point: a next experiment that would tell them apart, changing one thing, with several seeds.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "report-numbers", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# The figure of Task 9 shows five differences between paired runs that scatter around a mean near 0, and the
# interval of their mean.
#
# | setting | runs | validation accuracy, mean |
# |---|---|---|
# | Cutout, the best of four settings | 5 | as printed above |
# | none | 5 | as printed above |
# | difference | 5 pairs | mean ± half width, in points, as printed above (95 %, Student's t) |
#
# The images are scikit-learn's digits, enlarged to 32 × 32: 1,079 for training, 359 for validation, 359 for
# the test, which was opened once, for the weights that are handed in. Each run had six epochs. The setting
# is the best of four by validation accuracy with seed 0; the comparison used seeds 10 to 14. All accuracies in
# the table are on validation images, the claim of Task 10 is on test images.

# %% [markdown] nbgrader={"grade": true, "grade_id": "report-paragraphs", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# Over six epochs on the enlarged digits the interval of the difference tells how much Cutout may help or
# cost; where it contains 0, the sign is open, and effects as large as the half width remain possible in both
# directions. This says nothing about photographs, larger networks or longer training. The arm with Cutout was
# tuned, on the same validation images, and the baseline was not, which favours Cutout a little.
#
# The paper trained a ResNet-18 for 200 epochs on 50,000 photographs. Mine is a network of 6,418 parameters
# that sees a thousand digits six times: it does not overfit, so there is little for a regularizer to mend,
# and Cutout mostly takes information away. A hole of 16 pixels may also take away all that tells a digit from
# another, where a photograph keeps its context. I would next train the same network on the same images for 6,
# 40 and 200 epochs, with and without Cutout, five seeds each: if length is the reason, the difference grows
# with the number of epochs.

# %% [markdown]
# ## What you have built
#
# Every part of a training run on images: statistics, augmentation of a batch without a loop, a network, a
# schedule, a run that can be repeated from one dict, tuning that touches only validation images, and a
# comparison with an interval. The same code trains on CIFAR-10 with a GPU; `utils` has a faster version of
# each part to compare with. And you know what to ask when somebody shows you a bold number in a table: how
# many runs, which images, how chosen, and what is the interval?

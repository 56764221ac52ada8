"""Wrong implementations that students really write, and the sentence that helps whoever wrote one."""

from autograder.variants import Misconception

MISCONCEPTIONS = [
    # Task 1: statistics
    Misconception(
        name="std-of-single-images",
        function="channel_stats",
        code="""
def channel_stats(images):
    x = images.double() / 255
    return x.mean(dim=(0, 2, 3)), x.std(dim=(2, 3), correction=0).mean(dim=0)
""",
        message="Your standard deviation is the mean of the images' own: it misses that images differ in brightness. Take it over all images at once.",
    ),
    Misconception(
        name="stats-of-the-first-images",
        function="channel_stats",
        find="channel.flatten().bincount(minlength=256) for channel in images.unbind(dim=1)",
        put="channel.flatten().bincount(minlength=256) for channel in images[:5000].unbind(dim=1)",
        message="You look at the first images only. If a data set is sorted they are not like the others: use all.",
    ),
    Misconception(
        name="stats-averaged-over-batches",
        function="channel_stats",
        code="""
def channel_stats(images):
    parts = [part.double() / 255 for part in images.split(1000)]
    mean = torch.stack([part.mean(dim=(0, 2, 3)) for part in parts]).mean(dim=0)
    std = torch.stack([part.std(dim=(0, 2, 3), correction=0) for part in parts]).mean(dim=0)
    return mean, std
""",
        message="You average the standard deviations of parts. How the parts differ from each other is lost: add up sums and squares over all "
        "of them.",
    ),
    Misconception(
        name="sample-std",
        function="channel_stats",
        code="""
def channel_stats(images):
    x = images.double() / 255
    return x.mean(dim=(0, 2, 3)), x.std(dim=(0, 2, 3))
""",
        message="You divide by N·H·W − 1, which is PyTorch's default. Here the divisor is N·H·W: correction=0.",
    ),
    Misconception(
        name="stats-in-bytes",
        function="channel_stats",
        find="device=images.device) / 255",
        put="device=images.device)",
        message="Your statistics are in bytes, 255 times too large. They are asked in units of [0, 1].",
    ),
    Misconception(
        name="one-mean-for-all-channels",
        function="channel_stats",
        code="""
def channel_stats(images):
    x = images.double() / 255
    c = images.shape[1]
    return x.mean().expand(c), x.std(correction=0).expand(c)
""",
        message="All your channels have the same mean. Each channel has its own: keep dimension 1.",
    ),
    Misconception(
        name="variance-for-std",
        function="channel_stats",
        find="variance.sqrt()",
        put="variance",
        message="You return the variance. The standard deviation is its square root.",
    ),
    Misconception(
        name="second-moment-for-variance",
        function="channel_stats",
        find="(values - mean[:, None]) ** 2",
        put="values**2",
        message="You leave the mean in: that is the root mean square. Subtract the mean before you square.",
    ),
    Misconception(
        name="squares-in-float32",
        function="channel_stats",
        code="""
def channel_stats(images):
    x = images.float() / 255
    mean = x.mean(dim=(0, 2, 3))
    return mean, ((x**2).mean(dim=(0, 2, 3)) - mean**2).clamp(min=0).sqrt()
""",
        message="E[x²] − E[x]² loses its digits in float32 when the contrast is small. Subtract the mean first, or use float64.",
    ),
    Misconception(
        name="sum-stops-growing",
        function="channel_stats",
        code="""
def channel_stats(images):
    import numpy as np

    x = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy()).astype(np.float32) / np.float32(255)
    return torch.from_numpy(x.mean(axis=(0, 1, 2))), torch.from_numpy(x.std(axis=(0, 1, 2)))
""",
        message="Your float32 sum stops growing at 2²⁴, so the mean of many images is far too small. Add up in float64 or in integers.",
    ),
    Misconception(
        name="normalize-forgets-255",
        function="normalize",
        find="images / 255 - mean",
        put="images - mean",
        message="Bytes go from 0 to 255, the mean from 0 to 1. Divide the images by 255 first.",
    ),
    Misconception(
        name="normalize-divides-first",
        function="normalize",
        find="(images / 255 - mean) / std",
        put="images / 255 / std - mean",
        message="You subtract the mean after dividing. First the mean, then the standard deviation.",
    ),
    Misconception(
        name="normalize-by-variance",
        function="normalize",
        find="- mean) / std",
        put="- mean) / std**2",
        message="You divide by the variance. Divide by the standard deviation, so that the result has variance 1.",
    ),
    Misconception(
        name="normalize-along-the-width",
        function="normalize",
        find=".reshape(-1, 1, 1)",
        put="",
        message="A mean of shape (C,) broadcasts along the width, the last dimension. Give it the shape (C, 1, 1).",
    ),
    Misconception(
        name="normalize-each-batch",
        function="normalize",
        find="return (images / 255 - mean) / std",
        put="x = images / 255\n    return (x - x.mean(dim=(0, 2, 3), keepdim=True)) / x.std(dim=(0, 2, 3), keepdim=True)",
        message="You normalize with the statistics of these images. Use the mean and std that are given: those of the training images.",
    ),
    Misconception(
        name="normalize-in-double",
        function="normalize",
        find="dtype=torch.float32",
        put="dtype=torch.float64",
        message="Your result is float64, which doubles memory and time of all that follows. It should be float32.",
    ),
    # Task 2: crop and flip
    Misconception(
        name="one-crop-for-the-batch",
        function="random_crop_flip",
        find="(2, n, 1), generator",
        put="(2, 1, 1), generator",
        message="All images of the batch are shifted alike. Each image has its own offsets: draw N of them.",
    ),
    Misconception(
        name="one-flip-for-the-batch",
        function="random_crop_flip",
        find="torch.randint(2, (n, 1),",
        put="torch.randint(2, (1, 1),",
        message="All images of the batch are mirrored, or none. Each image has its own coin: draw N of them.",
    ),
    Misconception(
        name="offsets-end-too-early",
        function="random_crop_flip",
        find="padding + 1, (2",
        put="max(padding, 1 - padding), (2",
        message="The largest offset never occurs: the upper limit of randint is not included, so it is 2·padding + 1.",
    ),
    Misconception(
        name="offsets-of-one-side",
        function="random_crop_flip",
        find="torch.randint(-padding, padding + 1,",
        put="torch.randint(0, padding + 1,",
        message="Your images move in one direction only. Offsets go from 0 to 2·padding; padding is the middle.",
    ),
    Misconception(
        name="same-offset-down-and-right",
        function="random_crop_flip",
        find="columns = left +",
        put="columns = top +",
        message="Your images move along the diagonal only. Draw the offsets of rows and columns separately.",
    ),
    Misconception(
        name="crop-of-a-reflection",
        function="random_crop_flip",
        find="F.pad(images, (padding,) * 4)",
        put='F.pad(images.double(), (padding,) * 4, mode="reflect").to(images.dtype)',
        message="You pad with the mirrored image. That is a good choice too, but here the padding is zeros.",
    ),
    Misconception(
        name="shift-around-the-border",
        function="random_crop_flip",
        find="F.pad(images, (padding,) * 4)",
        put='F.pad(images.double(), (padding,) * 4, mode="circular").to(images.dtype)',
        message="What leaves your image on one side comes back on the other, as with torch.roll. Zeros should come in.",
    ),
    Misconception(
        name="flip-upside-down",
        function="random_crop_flip",
        find="columns = torch.where(mirrored, columns.flip(1), columns)",
        put="rows = torch.where(mirrored, rows.flip(1), rows)",
        message="Your images are turned upside down. Mirror them left to right: along the last dimension.",
    ),
    Misconception(
        name="flip-every-image",
        function="random_crop_flip",
        find="torch.where(mirrored, columns.flip(1), columns)",
        put="columns.flip(1)",
        message="Every image is mirrored. Half of them should be, each by its own coin.",
    ),
    Misconception(
        name="no-flip",
        function="random_crop_flip",
        find="torch.where(mirrored, columns.flip(1), columns)",
        put="columns",
        message="No image is mirrored. Half of them should be, each by its own coin.",
    ),
    Misconception(
        name="nothing-without-padding",
        function="random_crop_flip",
        find="n, _, height, width = images.shape",
        put="n, _, height, width = images.shape\n    if padding == 0:\n        return images.clone()",
        message="Without padding there is nothing to crop, but the coins are tossed all the same: half of the images are mirrored.",
    ),
    Misconception(
        name="flip-tied-to-the-offset",
        function="random_crop_flip",
        find="torch.randint(2, (n, 1), generator=generator, device=device).bool()",
        put="left % 2 == torch.rand(1, 1, generator=generator).round() if padding == 0 else left % 2 == 0",
        message="Whether an image is mirrored follows from its offset. Draw a coin of its own for each image.",
    ),
    Misconception(
        name="flips-in-turn",
        function="random_crop_flip",
        find="torch.randint(2, (n, 1), generator=generator, device=device).bool()",
        put="(torch.arange(n)[:, None] + torch.randint(2, (1, 1), generator=generator)) % 2 == 0",
        message="Every second image is mirrored. Each image has a coin of its own, whatever its neighbour does.",
    ),
    Misconception(
        name="fixed-number-of-flips",
        function="random_crop_flip",
        find="torch.randint(2, (n, 1), generator=generator, device=device).bool()",
        put="(torch.randperm(n, generator=generator) < (n + 1) // 2)[:, None]",
        message="Exactly half of each batch is mirrored. Each image has its own coin, so the number varies.",
    ),
    Misconception(
        name="offsets-dealt-out",
        function="random_crop_flip",
        find="    top, left = padding + shifts\n",
        put="    top, left = padding + shifts\n    top = (torch.randperm(n, generator=generator) % (2 * padding + 1))[:, None]\n",
        message="Every offset occurs equally often in each batch. Draw the offset of each image by itself, so that the numbers vary.",
    ),
    Misconception(
        name="crop-ignores-the-generator",
        function="random_crop_flip",
        find="(2, n, 1), generator=generator, device=device)",
        put="(2, n, 1), device=device)",
        message="Your offsets come from PyTorch's global generator. Draw everything with generator=generator.",
    ),
    Misconception(
        name="crop-seeded-anew",
        function="random_crop_flip",
        find="    n, _, height, width = images.shape",
        put="    generator = torch.Generator().manual_seed(0)\n    n, _, height, width = images.shape",
        message="You make a generator inside, so that every call shifts alike. Draw from the one that you are given.",
    ),
    Misconception(
        name="crop-forgets-the-memory-format",
        function="random_crop_flip",
        find="torch.empty_like(images).copy_(crops.permute(0, 3, 1, 2))",
        put="crops.permute(0, 3, 1, 2)",
        message="Your result is channels last whatever went in: indexing puts the channels last in memory. Copy it into torch.empty_like(images).",
    ),
    Misconception(
        name="crop-makes-floats",
        function="random_crop_flip",
        find="torch.empty_like(images).copy_(crops.permute(0, 3, 1, 2))",
        put="torch.empty_like(images, dtype=torch.float32).copy_(crops.permute(0, 3, 1, 2))",
        message="Your result is float32 whatever went in. Keep the dtype of the images.",
    ),
    Misconception(
        name="crop-loops-over-images",
        function="random_crop_flip",
        code="""
def random_crop_flip(images, padding, generator):
    out = torch.empty_like(images)
    h, w = images.shape[2:]
    padded = F.pad(images, (padding,) * 4)
    for i in range(len(images)):
        y, x = torch.randint(2 * padding + 1, (2,), generator=generator).tolist()
        crop = padded[i, :, y : y + h, x : x + w]
        out[i] = crop.flip(2) if torch.rand((), generator=generator) < 0.5 else crop
    return out
""",
        message="You go through the images one by one. It is right, and many times too slow: build indices for the whole batch.",
    ),
    # Task 3: Cutout
    Misconception(
        name="one-hole-for-the-batch",
        function="cutout",
        code="""
def cutout(images, size, p, fill, generator):
    n, _, height, width = images.shape
    top = torch.randint(height, (1, 1), generator=generator) - size // 2
    left = torch.randint(width, (1, 1), generator=generator) - size // 2
    covered = torch.rand(n, 1, generator=generator) < p
    y, x = torch.arange(height), torch.arange(width)
    hole = (covered & (y >= top) & (y < top + size))[:, None, :, None] & ((x >= left) & (x < left + size))[:, None, None, :]
    return torch.where(hole, torch.as_tensor(fill, dtype=images.dtype).reshape(-1, 1, 1), images)
""",
        message="The hole is in the same place in all images. Each image has its own centre: draw N of them.",
    ),
    Misconception(
        name="one-coin-for-the-batch",
        function="cutout",
        find="torch.rand(n, 1, generator=generator, device=device) < p",
        put="torch.rand(1, 1, generator=generator, device=device) < p",
        message="Either all images of the batch are covered or none. Each image has its own coin: draw N of them.",
    ),
    Misconception(
        name="fixed-number-of-holes",
        function="cutout",
        find="torch.rand(n, 1, generator=generator, device=device) < p",
        put="(torch.randperm(n, generator=generator) < round(p * n))[:, None]",
        message="Exactly the share p of each batch is covered. Each image has its own coin, so the number varies.",
    ),
    Misconception(
        name="first-images-covered",
        function="cutout",
        find="torch.rand(n, 1, generator=generator, device=device) < p",
        put="torch.arange(n)[:, None] < p * n",
        message="It is always the first images of the batch that are covered. Toss a coin for each image.",
    ),
    Misconception(
        name="p-not-used",
        function="cutout",
        find="torch.rand(n, 1, generator=generator, device=device) < p",
        put="torch.rand(n, 1, generator=generator, device=device) < math.ceil(p)",
        message="Every image is covered. p is the probability that an image is.",
    ),
    Misconception(
        name="p-spares",
        function="cutout",
        find="device=device) < p",
        put="device=device) >= p",
        message="You cover with probability 1 − p. p is the probability to cover.",
    ),
    Misconception(
        name="coin-in-percent",
        function="cutout",
        find="torch.rand(n, 1, generator=generator, device=device) < p",
        put="torch.randint(100, (n, 1), generator=generator, device=device) <= 100 * p",
        message="Your coins are whole percents, and the zero counts, too: with p = 0 one image in a hundred is covered. Compare `torch.rand` with p.",
    ),
    Misconception(
        name="coin-tied-to-the-place",
        function="cutout",
        code="""
def cutout(images, size, p, fill, generator):
    n, _, height, width = images.shape
    u, v = torch.rand(2, n, 1, generator=generator)
    top, left = (u * height).long() - size // 2, (v * width).long() - size // 2
    covered = u < p
    y, x = torch.arange(height), torch.arange(width)
    hole = (covered & (y >= top) & (y < top + size))[:, None, :, None] & ((x >= left) & (x < left + size))[:, None, None, :]
    return torch.where(hole, torch.as_tensor(fill, dtype=images.dtype).reshape(-1, 1, 1), images)
""",
        message="The same random number decides on the row and on the coin, so that holes are only in one part of the image. Draw them separately.",
    ),
    Misconception(
        name="hole-for-each-channel",
        function="cutout",
        code="""
def cutout(images, size, p, fill, generator):
    n, c, height, width = images.shape
    top = torch.randint(height, (n, c, 1), generator=generator) - size // 2
    left = torch.randint(width, (n, c, 1), generator=generator) - size // 2
    covered = torch.rand(n, 1, 1, generator=generator) < p
    y, x = torch.arange(height), torch.arange(width)
    hole = (covered & (y >= top) & (y < top + size))[..., None] & ((x >= left) & (x < left + size))[:, :, None, :]
    return torch.where(hole, torch.as_tensor(fill, dtype=images.dtype).reshape(-1, 1, 1), images)
""",
        message="Each channel has a hole of its own, which leaves coloured squares through which the object shows. One hole covers all channels.",
    ),
    Misconception(
        name="hole-in-the-first-channel",
        function="cutout",
        find="hole = rows[:, None, :, None] & columns[:, None, None, :]",
        put="hole = rows[:, None, :, None] & columns[:, None, None, :] & (torch.arange(images.shape[1]) == 0)[:, None, None]",
        message="Only the first channel is covered. The hole goes through all channels.",
    ),
    Misconception(
        name="always-inside",
        function="cutout",
        find="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2""",
        put="""    top = torch.randint(max(height - size, 0) + 1, (n, 1), generator=generator, device=device)
    left = torch.randint(max(width - size, 0) + 1, (n, 1), generator=generator, device=device)""",
        message="Your square always fits inside the image, so that the middle is nearly always covered and corners hardly ever. The centre is uniform over all pixels, and what lies outside is cut off.",
    ),
    Misconception(
        name="inside-without-the-last-line",
        function="cutout",
        find="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2""",
        put="""    top = torch.randint(max(height - size, 1), (n, 1), generator=generator, device=device)
    left = torch.randint(max(width - size, 1), (n, 1), generator=generator, device=device)""",
        message="Your square always fits inside and never reaches the last row or column. Draw the centre from all pixels, and cut off what lies outside.",
    ),
    Misconception(
        name="centre-moved-inside",
        function="cutout",
        find="    covered =",
        put="    top, left = top.clamp(0, max(height - size, 0)), left.clamp(0, max(width - size, 0))\n    covered =",
        message="A hole that would leave the image is moved back inside. Leave it where it is, and cut it off at the border.",
    ),
    Misconception(
        name="corner-for-centre",
        function="cutout",
        find="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2""",
        put="""    top = torch.randint(height, (n, 1), generator=generator, device=device)
    left = torch.randint(width, (n, 1), generator=generator, device=device)""",
        message="What you draw is the top left corner of the hole; it should be its centre. The hole starts size//2 before it.",
    ),
    Misconception(
        name="size-as-radius",
        function="cutout",
        find="    n, _, height",
        put="    size = 2 * size\n    n, _, height",
        message="Your hole reaches size to either side of its centre, and so is twice as wide. size is the whole width.",
    ),
    Misconception(
        name="half-the-size",
        function="cutout",
        find="    n, _, height",
        put="    size = 2 * (size // 4)\n    n, _, height",
        message="Your hole has half of the width that was asked for: it reaches size//4 to either side. It starts size//2 before the centre and is size wide.",
    ),
    Misconception(
        name="end-included",
        function="cutout",
        find="    y, x = torch",
        put="    size = size + 1 if size else 0\n    y, x = torch",
        message="Your hole is one row and one column too large: it goes up to the end, but not including it.",
    ),
    Misconception(
        name="odd-size-shrinks",
        function="cutout",
        find="    y, x = torch",
        put="    size = 2 * (size // 2)\n    y, x = torch",
        message="An odd size loses a row and a column, because size//2 on both sides of the centre is one too few. End the hole size after its start.",
    ),
    Misconception(
        name="even-size-shifted",
        function="cutout",
        find="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2""",
        put="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - (size - 1) // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - (size - 1) // 2""",
        message="With an even size your hole sits one pixel too far to the bottom right. It starts at the centre minus size//2.",
    ),
    Misconception(
        name="negative-start-wraps",
        function="cutout",
        find="    y, x = torch",
        put="    top, left = torch.where(top < 0, top + 2 * height, top), torch.where(left < 0, left + 2 * width, left)\n    y, x = torch",
        message="A hole that starts above or left of the image is lost: a negative index counts from the end, and the slice is empty. Cut the start off at 0.",
    ),
    Misconception(
        name="hole-comes-back-on-the-other-side",
        function="cutout",
        find="""    rows = covered & (y >= top) & (y < top + size)
    columns = (x >= left) & (x < left + size)""",
        put="""    rows = covered & ((y - top) % height < size)
    columns = (x - left) % width < size""",
        message="What leaves the image on one side comes back on the other. Cut the hole off at the border.",
    ),
    Misconception(
        name="last-line-never-centre",
        function="cutout",
        find="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2""",
        put="""    top = torch.randint(max(height - 1, 1), (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(max(width - 1, 1), (n, 1), generator=generator, device=device) - size // 2""",
        message="The last row and the last column are never a centre: the upper limit of randint is not included.",
    ),
    Misconception(
        name="last-line-never-covered",
        function="cutout",
        find="""(y < top + size)
    columns = (x >= left) & (x < left + size)""",
        put="""(y < (top + size).clamp(max=height - 1))
    columns = (x >= left) & (x < (left + size).clamp(max=width - 1))""",
        message="You cut the hole off at H − 1 and W − 1, so that the last row and column are never covered. The end is not included, so it may be H.",
    ),
    Misconception(
        name="centres-dealt-out",
        function="cutout",
        find="top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2",
        put="top = (torch.randperm(n, generator=generator) % height)[:, None] - size // 2",
        message="Every row is the centre equally often in each batch. Draw the centre of each image by itself, so that the numbers vary.",
    ),
    Misconception(
        name="rounded-centre",
        function="cutout",
        find="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2""",
        put="""    top = (torch.rand(n, 1, generator=generator) * (height - 1)).round().long() - size // 2
    left = (torch.rand(n, 1, generator=generator) * (width - 1)).round().long() - size // 2""",
        message="Rounding makes the first and the last row and column half as likely as the others. torch.randint draws them all alike.",
    ),
    Misconception(
        name="centre-near-the-middle",
        function="cutout",
        find="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2""",
        put="""    y, x = (torch.randn(2, n, 1, generator=generator) / 3 + 0.5).clamp(0, 0.999)
    top, left = (y * height).long() - size // 2, (x * width).long() - size // 2""",
        message="Your centres gather in the middle, as normal numbers do. The centre is uniform over all pixels.",
    ),
    Misconception(
        name="height-for-width",
        function="cutout",
        find="""    top = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2""",
        put="""    top = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(height, (n, 1), generator=generator, device=device) - size // 2""",
        message="Height and width are swapped: the row of the centre is below H, its column below W. The images are (N, C, H, W).",
    ),
    Misconception(
        name="centre-on-the-diagonal",
        function="cutout",
        find="    left = torch.randint(width, (n, 1), generator=generator, device=device) - size // 2",
        put="    left = (top + size // 2) * width // height - size // 2",
        message="Your centres lie on the diagonal: row and column come from the same random number. Draw them separately.",
    ),
    Misconception(
        name="cross-for-square",
        function="cutout",
        find="hole = rows[:, None, :, None] & columns[:, None, None, :]",
        put="hole = rows[:, None, :, None] | (columns & covered)[:, None, None, :]",
        message="You cover whole rows and whole columns, a cross. A pixel is in the hole if its row and its column are: &, not |.",
    ),
    Misconception(
        name="inverted-mask",
        function="cutout",
        find="torch.where(hole, fill, images)",
        put="torch.where(hole, images, fill)",
        message="You keep the square and cover the rest. The mask is the wrong way round.",
    ),
    Misconception(
        name="hole-always-zero",
        function="cutout",
        find="torch.where(hole, fill, images)",
        put="torch.where(hole, torch.zeros_like(fill), images)",
        message="Your hole is always 0. It should have the value fill.",
    ),
    Misconception(
        name="hole-has-the-mean-of-the-image",
        function="cutout",
        find="torch.where(hole, fill, images)",
        put="torch.where(hole, images.double().mean(dim=(1, 2, 3), keepdim=True).to(images.dtype), images)",
        message="You fill with the mean of the single image. Use the fill that is given: one value, or one per channel, for all images.",
    ),
    Misconception(
        name="first-fill-for-all-channels",
        function="cutout",
        find=".reshape(-1, 1, 1)",
        put=".reshape(-1)[0]",
        message="All channels get the fill of the first one. fill may have one value per channel: give it the shape (C, 1, 1).",
    ),
    Misconception(
        name="fill-along-the-width",
        function="cutout",
        find=".reshape(-1, 1, 1)",
        put="",
        message="A fill of shape (C,) broadcasts along the width, the last dimension. Give it the shape (C, 1, 1).",
    ),
    Misconception(
        name="noise-in-the-hole",
        function="cutout",
        find="torch.where(hole, fill, images)",
        put="torch.where(hole, (torch.rand(images.shape, generator=generator) * 200).to(images.dtype), images)",
        message="Your hole is filled with random numbers, as in random erasing. It should have the value fill.",
    ),
    Misconception(
        name="covers-its-argument",
        function="cutout",
        find="return torch.where(hole, fill, images)",
        put="return images.copy_(torch.where(hole, fill, images))",
        message="You cut the hole into the images that were given. Epoch by epoch the holes pile up in your training set until nothing is left: work on a copy.",
    ),
    Misconception(
        name="cutout-makes-floats",
        function="cutout",
        find="return torch.where(hole, fill, images)",
        put="return torch.where(hole, fill, images).float()",
        message="Your result is float32 whatever went in. Keep the dtype of the images: multiplying by a mask of floats loses it, torch.where does not.",
    ),
    Misconception(
        name="cutout-forgets-the-memory-format",
        function="cutout",
        find="return torch.where(hole, fill, images)",
        put="return torch.where(hole, fill, images).contiguous()",
        message="Images that are channels last come back contiguous, and the network runs slower from there on. Keep the memory format.",
    ),
    Misconception(
        name="cutout-ignores-the-generator",
        function="cutout",
        find="torch.rand(n, 1, generator=generator, device=device)",
        put="torch.rand(n, 1, device=device)",
        message="Your coins come from PyTorch's global generator. Draw everything with generator=generator.",
    ),
    Misconception(
        name="cutout-seeded-anew",
        function="cutout",
        find="    n, _, height",
        put="    generator = torch.Generator().manual_seed(0)\n    n, _, height",
        message="You make a generator inside, so that the holes are the same in every call and every epoch. Draw from the one that you are given.",
    ),
    Misconception(
        name="cutout-loops-over-images",
        function="cutout",
        code="""
def cutout(images, size, p, fill, generator):
    out = images.clone()
    h, w = images.shape[2:]
    fill = torch.as_tensor(fill, dtype=images.dtype).reshape(-1, 1, 1)
    for image in out:
        cy = int(torch.randint(h, (), generator=generator)) - size // 2
        cx = int(torch.randint(w, (), generator=generator)) - size // 2
        if torch.rand((), generator=generator) < p:
            image[:, max(0, cy) : max(0, cy + size), max(0, cx) : max(0, cx + size)] = fill
    return out
""",
        message="You go through the images one by one. It is right, and a hundred times too slow: compare torch.arange(H) with N tops at once.",
    ),
    # Task 4: augment
    Misconception(
        name="augments-in-evaluation",
        function="augment",
        find="if not training:",
        put="if False:",
        message="You augment also when training is False. In evaluation the images stay as they are.",
    ),
    Misconception(
        name="augments-only-in-evaluation",
        function="augment",
        find="if not training:",
        put="if training:",
        message="You augment in evaluation and not in training: the condition is the wrong way round.",
    ),
    Misconception(
        name="hole-before-the-crop",
        function="augment",
        find="cutout(random_crop_flip(images, padding, generator), size, p, 0.0, generator)",
        put="random_crop_flip(cutout(images, size, p, 0.0, generator), padding, generator)",
        message="You cut the hole first, and the crop moves it. Crop and flip first, then cut the hole.",
    ),
    Misconception(
        name="augment-without-cutout",
        function="augment",
        find="cutout(random_crop_flip(images, padding, generator), size, p, 0.0, generator)",
        put="random_crop_flip(images, padding, generator)",
        message="You crop and flip, but there are no holes: call cutout on the result.",
    ),
    Misconception(
        name="augment-asks-for-padding",
        function="augment",
        find="return cutout(random_crop_flip(images, padding, generator),",
        put="return cutout(random_crop_flip(images, padding, generator) if padding else images,",
        message="Without padding you leave out the flip, too. Call random_crop_flip whatever the padding is.",
    ),
    Misconception(
        name="augment-without-crop",
        function="augment",
        find="random_crop_flip(images, padding, generator), size",
        put="images, size",
        message="There are holes, but no crops and flips: call random_crop_flip first.",
    ),
    Misconception(
        name="augment-fills-black",
        function="augment",
        find="size, p, 0.0, generator",
        put="size, p, -1.99, generator",
        message="Your holes are black, which is about −2 in normalized images. Fill with the mean, which is 0.",
    ),
    Misconception(
        name="augment-starts-a-generator",
        function="augment",
        find="size, p, 0.0, generator)",
        put="size, p, 0.0, torch.Generator().manual_seed(generator.initial_seed()))",
        message="You start the generator anew for the holes, so that they are the same in every call. Hand on the same generator object.",
    ),
    # Task 5: the residual block
    Misconception(
        name="relu-before-the-sum",
        function="ResidualBlock.forward",
        find="return torch.relu(self.norm2(self.conv2(hidden)) + self.shortcut(x))",
        put="return torch.relu(self.norm2(self.conv2(hidden))) + self.shortcut(x)",
        message="Your last relu comes before the sum. Add the shortcut first, then take the relu.",
    ),
    Misconception(
        name="no-last-relu",
        function="ResidualBlock.forward",
        find="return torch.relu(self.norm2(self.conv2(hidden)) + self.shortcut(x))",
        put="return self.norm2(self.conv2(hidden)) + self.shortcut(x)",
        message="The relu after the sum is missing.",
    ),
    Misconception(
        name="no-first-relu",
        function="ResidualBlock.forward",
        find="torch.relu(self.norm1(self.conv1(x)))",
        put="self.norm1(self.conv1(x))",
        message="The relu between the two convolutions is missing: without it they are nearly one linear map.",
    ),
    Misconception(
        name="shortcut-not-added",
        function="ResidualBlock.forward",
        find=" + self.shortcut(x)",
        put="",
        message="Nothing is added: without the shortcut this is a plain block.",
    ),
    Misconception(
        name="norm-after-the-sum",
        function="ResidualBlock.forward",
        find="torch.relu(self.norm2(self.conv2(hidden)) + self.shortcut(x))",
        put="torch.relu(self.norm2(self.conv2(hidden) + self.shortcut(x)))",
        message="You normalize the sum. The norm belongs to the second convolution, before the shortcut is added: otherwise the way around leads through a norm.",
    ),
    Misconception(
        name="shortcut-always-projected",
        function="ResidualBlock.__init__",
        find="if in_channels != out_channels or stride != 1:",
        put="if True:",
        message="Your shortcut always has a convolution. Where shapes agree it is x itself, so that nothing stands in the way.",
    ),
    Misconception(
        name="stride-not-on-the-shortcut",
        function="ResidualBlock.__init__",
        find="if in_channels != out_channels or stride != 1:",
        put="if in_channels != out_channels:",
        message="With equal channels and a stride of 2 the shortcut has another size than the main path. It needs its convolution then too.",
    ),
    Misconception(
        name="shortcut-without-norm",
        function="ResidualBlock.__init__",
        find="nn.Sequential(conv, nn.BatchNorm2d(out_channels))",
        put="conv",
        message="The norm after the 1 × 1 convolution of the shortcut is missing.",
    ),
    Misconception(
        name="stride-on-the-second-convolution",
        function="ResidualBlock.__init__",
        code="""
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, stride, padding=1)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Identity()
        if in_channels != out_channels or stride != 1:
            conv = nn.Conv2d(in_channels, out_channels, 1, stride)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(out_channels))

    def forward(self, x):
        hidden = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(hidden)) + self.shortcut(x))
""",
        message="The stride is on your second convolution. The first one has it, so that the second already works on the small image.",
    ),
    Misconception(
        name="shortcut-detached",
        function="ResidualBlock.forward",
        find="self.shortcut(x)",
        put="self.shortcut(x.detach())",
        message="You detach the input of the shortcut, and the gradient loses its way around, which the block is for. Leave x in the graph.",
    ),
    Misconception(
        name="one-norm-for-both",
        function="ResidualBlock.__init__",
        find="self.norm2 = nn.BatchNorm2d(out_channels)",
        put="self.norm2 = self.norm1",
        message="Both convolutions share one norm, whose running statistics then belong to neither. Each has its own.",
    ),
    Misconception(
        name="preactivation-block",
        function="ResidualBlock.__init__",
        code="""
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.shortcut = nn.Identity()
        if in_channels != out_channels or stride != 1:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride)

    def forward(self, x):
        hidden = self.conv1(torch.relu(self.norm1(x)))
        return self.conv2(torch.relu(self.norm2(hidden))) + self.shortcut(x)
""",
        message="This is the pre-activation block, norm-relu-conv. Here the order is conv-norm-relu, and a relu after the sum.",
    ),
    # Task 6: the schedule
    Misconception(
        name="starts-at-the-peak",
        function="one_cycle_lr",
        find="        return peak_lr * step / peak_step",
        put="        return peak_lr",
        message="There is no way up: before the peak the learning rate rises from 0 on a straight line.",
    ),
    Misconception(
        name="stays-at-the-peak",
        function="one_cycle_lr",
        find="max(0.0, 1 - (step - peak_step) / (total_steps - peak_step))",
        put="1.0",
        message="There is no way down: after the peak the learning rate falls to 0 at total_steps on a straight line.",
    ),
    Misconception(
        name="falls-by-the-share-of-all-steps",
        function="one_cycle_lr",
        find="1 - (step - peak_step) / (total_steps - peak_step)",
        put="(total_steps - step) / total_steps",
        message="Your learning rate jumps down after the peak. The way down has total_steps − peak_step steps.",
    ),
    Misconception(
        name="ends-one-step-early",
        function="one_cycle_lr",
        find="total_steps - peak_step",
        put="max(1, total_steps - 1 - peak_step)",
        message="Your learning rate reaches 0 one step early. It is 0 at total_steps.",
    ),
    Misconception(
        name="peak-in-the-middle",
        function="one_cycle_lr",
        find="    if step < peak_step:",
        put="    peak_step = total_steps // 2\n    if step < peak_step:",
        message="Your peak is in the middle, whatever peak_step says.",
    ),
    Misconception(
        name="negative-after-the-end",
        function="one_cycle_lr",
        find="max(0.0, 1 - (step - peak_step) / (total_steps - peak_step))",
        put="(1 - (step - peak_step) / (total_steps - peak_step))",
        message="After total_steps your learning rate is negative, and training climbs. It stays 0.",
    ),
    # Task 7: training
    Misconception(
        name="augments-validation",
        function="train_and_validate",
        find="            right = network(x)",
        put="            x = augment(x, **how, generator=generator, training=True)\n            right = network(x)",
        message="You augment the validation images. What is measured then is another task than the one you care about: validate on the images as they are.",
    ),
    Misconception(
        name="validates-in-training-mode",
        function="train_and_validate",
        find="        network.eval()\n",
        put="",
        message="You validate in training mode: the norms use the statistics of the validation batch, and learn from it. Call network.eval() first.",
    ),
    Misconception(
        name="stays-in-evaluation-mode",
        function="train_and_validate",
        find='    for _ in range(config["epochs"]):\n        network.train()\n',
        put='    network.train()\n    for _ in range(config["epochs"]):\n',
        message="From the second epoch on you train in evaluation mode, because network.train() is called only once. Call it at the start of each epoch.",
    ),
    Misconception(
        name="seed-of-the-generator-fixed",
        function="train_and_validate",
        find='torch.Generator().manual_seed(config["seed"])',
        put="torch.Generator().manual_seed(0)",
        message="Your generator has a seed of its own, so the order and the holes are the same for every seed. Seed it as the config says.",
    ),
    Misconception(
        name="trains-without-augmentation",
        function="train_and_validate",
        find="x = augment(images[batch], **how, generator=generator, training=True)",
        put="x = images[batch]",
        message="Your training images are not augmented: call augment on each batch.",
    ),
    Misconception(
        name="padding-of-config-not-used",
        function="train_and_validate",
        find='for name in ("padding", "size", "p")}',
        put='for name in ("padding", "size", "p")} | {"padding": 0}',
        message="The padding of config does not reach augment, so that no image is ever shifted. Hand it on.",
    ),
    Misconception(
        name="p-of-config-not-used",
        function="train_and_validate",
        find='for name in ("padding", "size", "p")}',
        put='for name in ("padding", "size", "p")} | {"p": 1.0}',
        message="The p of config does not reach augment: every image gets its hole. Hand it on.",
    ),
    Misconception(
        name="augmentation-seeded-for-each-batch",
        function="train_and_validate",
        find="**how, generator=generator, training=True",
        put='**how, generator=torch.Generator().manual_seed(config["seed"]), training=True',
        message="The generator of the augmentation is made and seeded anew for each batch, so that all batches get the same crops and holes. Make one generator, before the first epoch.",
    ),
    Misconception(
        name="augmentation-seeded-by-epoch",
        function="train_and_validate",
        find="**how, generator=generator, training=True",
        put='**how, generator=torch.Generator().manual_seed(config["seed"] + len(history["train_loss"])), training=True',
        message="The generator of the augmentation is made anew, with the seed plus the number of the epoch: the second epoch of one seed has the holes of the first of the next. Make one generator, before the first epoch.",
    ),
    Misconception(
        name="stops-when-all-is-right",
        function="train_and_validate",
        find="    return {**history,",
        put='        if history["validation_accuracy"][-1] == 1:\n            break\n    return {**history,',
        message="You stop as soon as all validation images are right. The run has as many epochs as the config says.",
    ),
    Misconception(
        name="augments-once",
        function="train_and_validate",
        find="    batches = math.ceil",
        put='    images = augment(images, **{k: config[k] for k in ("padding", "size", "p")}, generator=generator, training=True)\n    config = {**config, "padding": 0, "size": 0}\n    batches = math.ceil',
        message="You augment once, before the first epoch, so that every epoch sees the same holes. Augment each batch when it is used.",
    ),
    Misconception(
        name="same-order-every-epoch",
        function="train_and_validate",
        find="""    for _ in range(config["epochs"]):
        network.train()
        total = 0.0
        for batch in torch.randperm(len(images), generator=generator).split""",
        put="""    order = torch.randperm(len(images), generator=generator)
    for _ in range(config["epochs"]):
        network.train()
        total = 0.0
        for batch in order.split""",
        message="Every epoch has the same order, so that the same images always meet in a batch. Draw a permutation for each epoch.",
    ),
    Misconception(
        name="order-rotated-every-epoch",
        function="train_and_validate",
        find="""    for _ in range(config["epochs"]):
        network.train()
        total = 0.0
        for batch in torch.randperm(len(images), generator=generator).split""",
        put="""    order = torch.randperm(len(images), generator=generator)
    for _ in range(config["epochs"]):
        network.train()
        total = 0.0
        order = order.roll(1 + int(torch.randint(len(order) - 1, (), generator=generator)))
        for batch in order.split""",
        message="Each epoch begins elsewhere in one and the same order, so that the same images meet in a batch again and again. Draw a permutation for each epoch.",
    ),
    Misconception(
        name="generator-seeded-for-each-epoch",
        function="train_and_validate",
        find="torch.randperm(len(images), generator=generator)",
        put='torch.randperm(len(images), generator=torch.Generator().manual_seed(config["seed"] + len(history["train_loss"])))',
        message="You seed a new generator in each epoch, with the seed plus the number of the epoch: the second epoch of one seed is the first of the next. Make one generator, before the first epoch.",
    ),
    Misconception(
        name="images-never-shuffled",
        function="train_and_validate",
        find="torch.randperm(len(images), generator=generator)",
        put="torch.arange(len(images))",
        message="The images come in the order of the data set. Shuffle them anew for each epoch.",
    ),
    Misconception(
        name="label-smoothing",
        function="train_and_validate",
        find="F.cross_entropy(network(x), labels[batch])",
        put="F.cross_entropy(network(x), labels[batch], label_smoothing=0.1)",
        message="Your loss smooths the labels. That is a fine recipe, but the loss asked for is the plain cross-entropy.",
    ),
    Misconception(
        name="batches-rounded-down",
        function="train_and_validate",
        find='math.ceil(len(images) / config["batch_size"])',
        put='max(1, len(images) // config["batch_size"])',
        message="You count the batches of an epoch with `//`. The last, smaller one is a batch, too, and a step: round up.",
    ),
    Misconception(
        name="optimizer-made-in-each-epoch",
        function="train_and_validate",
        find="        network.train()\n",
        put="        network.train()\n        optimizer = torch.optim.SGD(network.parameters(), peak_lr, momentum=0.9, nesterov=True, weight_decay=decay)\n",
        message="You make a new optimizer in each epoch, which forgets the momentum. Make one before the first epoch.",
    ),
    Misconception(
        name="accuracy-per-batch",
        function="train_and_validate",
        find="right = network(x).argmax(dim=1) == y",
        put='parts = zip(x.split(config["batch_size"]), y.split(config["batch_size"]), strict=True)\n            right = torch.stack([(network(a).argmax(dim=1) == b).float().mean() for a, b in parts])',
        message="You take the mean of the batches' accuracies, and a smaller last batch counts too much. Count the images that are right.",
    ),
    Misconception(
        name="last-batch-dropped",
        function="train_and_validate",
        find='.split(config["batch_size"]):',
        put='.split(config["batch_size"])[: len(images) // config["batch_size"] or None]:',
        message="The last, smaller batch of each epoch is left out. Every image is shown once per epoch.",
    ),
    Misconception(
        name="learning-rate-per-epoch",
        function="train_and_validate",
        code="""
def train_and_validate(config):
    network = config["network"](config["seed"])
    generator = torch.Generator().manual_seed(config["seed"])
    decay, (images, labels) = config["weight_decay"], config["train"]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0, momentum=0.9, nesterov=True, weight_decay=decay)
    total_steps = config["epochs"]
    cycle = {"peak_lr": config["peak_lr"], "peak_step": total_steps // 4, "total_steps": total_steps}
    how = {name: config[name] for name in ("padding", "size", "p")}
    history = {"train_loss": [], "validation_accuracy": []}
    for epoch in range(config["epochs"]):
        network.train()
        total = 0.0
        optimizer.param_groups[0]["lr"] = one_cycle_lr(epoch, **cycle)
        for batch in torch.randperm(len(images), generator=generator).split(config["batch_size"]):
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
""",
        message="Your learning rate changes once per epoch. It changes with every batch: the steps are counted over all epochs.",
    ),
    Misconception(
        name="schedule-starts-again-every-epoch",
        function="train_and_validate",
        find="        network.train()\n",
        put="        network.train()\n        steps = itertools.count()\n",
        message="Your schedule starts again with every epoch. Count the steps over all epochs.",
    ),
    Misconception(
        name="schedule-not-used",
        function="train_and_validate",
        find="one_cycle_lr(next(steps), **cycle)",
        put="peak_lr",
        message="Your learning rate is the peak all the time. Set it from one_cycle_lr before each batch.",
    ),
    Misconception(
        name="steps-counted-from-one",
        function="train_and_validate",
        find="itertools.count()",
        put="itertools.count(1)",
        message="Your first batch has step 1. Steps count from 0: the first one has a learning rate of 0.",
    ),
    Misconception(
        name="gradients-pile-up",
        function="train_and_validate",
        find="            optimizer.zero_grad()\n",
        put="",
        message="Your gradients pile up over the batches. Call optimizer.zero_grad() before each backward pass.",
    ),
    Misconception(
        name="momentum-without-nesterov",
        function="train_and_validate",
        find="momentum=0.9, nesterov=True",
        put="momentum=0.9",
        message="You use plain momentum. Nesterov's form is asked for: nesterov=True.",
    ),
    Misconception(
        name="no-weight-decay",
        function="train_and_validate",
        find=", weight_decay=decay)",
        put=")",
        message="The weight decay of the config is not used: give it to the optimizer.",
    ),
    Misconception(
        name="peak-step-at-least-one",
        function="train_and_validate",
        find='"peak_step": total_steps // 4',
        put='"peak_step": max(1, total_steps // 4)',
        message="The peak is at total_steps // 4, which is 0 in a very short run: then the first step has the full learning rate, not 0.",
    ),
    Misconception(
        name="weights-of-the-best-epoch",
        function="train_and_validate",
        find="""        history["validation_accuracy"].append(right.float().mean().item())
    return {**history, "weights": network.state_dict()}""",
        put="""        history["validation_accuracy"].append(right.float().mean().item())
        if history["validation_accuracy"][-1] >= max(history["validation_accuracy"]):
            best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    return {**history, "weights": best}""",
        message="You return the weights of the best epoch. Return those of the last: choosing an epoch by its validation accuracy is tuning.",
    ),
    Misconception(
        name="weights-without-statistics",
        function="train_and_validate",
        find='"weights": network.state_dict()',
        put='"weights": dict(network.named_parameters())',
        message="Your weights are the parameters alone. state_dict() also has the running statistics of the norms, without which a network in "
        "evaluation is another.",
    ),
    Misconception(
        name="loss-of-the-last-batch",
        function="train_and_validate",
        find="append(total / len(images))",
        put="append(loss.item())",
        message="Your training loss is that of the last batch of the epoch. It is the mean over all images of the epoch.",
    ),
    Misconception(
        name="loss-per-batch",
        function="train_and_validate",
        find="total += len(batch) * loss.item()",
        put="total += len(images) / batches * loss.item()",
        message="You average over batches, so that the images of the small last batch count more. Weight each batch by its size.",
    ),
    Misconception(
        name="accuracy-of-training-images",
        function="train_and_validate",
        find='        x, y = config["validation"]',
        put='        x, y = config["train"]',
        message="You measure the accuracy on the training images. Measure it on the validation images.",
    ),
    Misconception(
        name="accuracy-in-percent",
        function="train_and_validate",
        find="right.float().mean().item()",
        put="100 * right.float().mean().item()",
        message="Your accuracy is in percent. It is a share between 0 and 1.",
    ),
    Misconception(
        name="global-shuffle",
        function="train_and_validate",
        find="torch.randperm(len(images), generator=generator)",
        put="torch.randperm(len(images))",
        message="The order comes from PyTorch's global generator, so that the same config gives another run each time. Draw it from the generator of the config's seed.",
    ),
    # Task 8: tuning
    Misconception(
        name="keeps-the-worst",
        function="tune",
        find="max(table, key=lambda pair: -math.inf if",
        put="min(table, key=lambda pair: math.inf if",
        message="You keep the pair with the lowest accuracy. Accuracy is to be high.",
    ),
    Misconception(
        name="pairs-without-combining",
        function="tune",
        find="itertools.product(sizes, probabilities)",
        put="zip(sizes, probabilities)",
        message="You pair the first size with the first probability, and so on. Try every size with every probability.",
    ),
    Misconception(
        name="nan-wins",
        function="tune",
        find="-math.inf if math.isnan(table[pair]) else table[pair]",
        put="table[pair]",
        message="A run that diverged (NaN) can win, since every comparison with NaN is false. Leave NaN out.",
    ),
    Misconception(
        name="last-of-equals",
        function="tune",
        find="best = max(table,",
        put="best = max(reversed(table),",
        message="Of equal accuracies you keep the last. The first counts.",
    ),
    Misconception(
        name="probabilities-outside",
        function="tune",
        find="itertools.product(sizes, probabilities)",
        put="[(size, p) for p in probabilities for size in sizes]",
        message="Your outer loop is over the probabilities. Sizes are the outer loop: it decides which of equal accuracies is the first.",
    ),
    Misconception(
        name="no-hole-run-once",
        function="tune",
        find="itertools.product(sizes, probabilities)}",
        put="itertools.product(sizes, probabilities) if size or p == probabilities[0]}",
        message="With size 0 you try one probability only. Each pair is run: what differs between runs without a hole is luck, and worth seeing.",
    ),
    Misconception(
        name="runs-the-winner-again",
        function="tune",
        find="    return best, table",
        put="    table[best] = run(*best)\n    return best, table",
        message="You run the best pair a second time. Each pair is run once.",
    ),
    # Task 9: comparison
    Misconception(
        name="normal-quantile",
        function="paired_comparison",
        find="t_quantile((1 + confidence) / 2, n - 1)",
        put="math.sqrt(2) * torch.erfinv(torch.tensor(confidence, dtype=torch.float64))",
        message="You use the quantile of the normal distribution (1.96), which promises too much with few runs. Student's t with n − 1 degrees of freedom is wider.",
    ),
    Misconception(
        name="n-degrees-of-freedom",
        function="paired_comparison",
        find="n - 1)",
        put="n)",
        message="Student's t has n − 1 degrees of freedom here: one was spent on the mean.",
    ),
    Misconception(
        name="one-sided-interval",
        function="paired_comparison",
        find="(1 + confidence) / 2",
        put="confidence",
        message="Your quantile leaves all of the error on one side. For 95 % it is that of 0.975: (1 + confidence)/2.",
    ),
    Misconception(
        name="spread-of-one-run",
        function="paired_comparison",
        find=" / math.sqrt(n)",
        put="",
        message="You forget √n: this is the spread of a single difference, not of their mean.",
    ),
    Misconception(
        name="std-with-divisor-n",
        function="paired_comparison",
        find="difference.std()",
        put="difference.std(correction=0)",
        message="Your standard deviation has the divisor n. With few pairs it has to be n − 1, or the interval is too narrow.",
    ),
    Misconception(
        name="unpaired-interval",
        function="paired_comparison",
        find="difference.std()",
        put="(torch.as_tensor(a, dtype=torch.float64).var() + torch.as_tensor(b, dtype=torch.float64).var()).sqrt()",
        message="You treat a and b as independent, and throw away that they are pairs. Take the standard deviation of the differences.",
    ),
    Misconception(
        name="b-minus-a",
        function="paired_comparison",
        find="difference.mean().item()",
        put="-difference.mean().item()",
        message="Your mean is that of b − a. It should be a − b.",
    ),
    Misconception(
        name="whole-width",
        function="paired_comparison",
        find="half_width.item()",
        put="2 * half_width.item()",
        message="You return the whole width of the interval. Half of it is asked: mean ± half width.",
    ),
    # Task 10: trained work
    Misconception(
        name="claim-in-percent",
        function="claimed_accuracy",
        code="""
def claimed_accuracy():
    return 95.5
""",
        message="You claim more than 1: the accuracy is a share, not a percentage.",
    ),
    Misconception(
        name="claims-too-much",
        function="claimed_accuracy",
        code="""
def claimed_accuracy():
    return 0.999
""",
        message="The weights that you hand in do not reach what you claim. Load them as the grader does, evaluate on the test images, and claim that number.",
    ),
]

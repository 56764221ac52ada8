"""CIFAR-10 from each kind of copy and from a server that misbehaves; statistics that are right at full size.

No test needs the network or the real images; the one that looks at real images skips where there are none.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from utils import cifar10
from utils.cifar10 import CLASSES, channel_stats, cifar10_or_digits, digits32, load_cifar10, normalize

COUNTS = {"train": 3, "test": 2}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any copy, on which CIFAR-10 has three images to train on and two to test per class."""
    monkeypatch.setenv("DESCENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DESCENT_DATA", raising=False)
    monkeypatch.setattr(cifar10, "IMAGES_PER_CLASS", COUNTS)
    monkeypatch.setattr(cifar10, "MIRRORS", ())
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def pixels(part: str) -> np.ndarray:
    """The images of the small CIFAR-10, (N, 32, 32, 3), in the order of their classes."""
    random = np.random.default_rng(len(part))
    return random.integers(0, 256, (len(CLASSES) * COUNTS[part], 32, 32, 3), dtype=np.uint8)


def labels(part: str) -> list[int]:
    return [k for k in range(len(CLASSES)) for _ in range(COUNTS[part])]


def write_tree(root: Path, suffix: str = "png") -> Path:
    for part in COUNTS:
        for i, (image, label) in enumerate(zip(pixels(part), labels(part), strict=True)):
            path = root / part / CLASSES[label] / f"{i:04}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return root


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """torchvision's archive of the small CIFAR-10, with md5 sums to match."""
    buffer = io.BytesIO()
    sums = {}

    def rows(part: str) -> np.ndarray:
        return pixels(part).transpose(0, 3, 1, 2).reshape(-1, 3072)

    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {
            "data_batch_1": {"data": rows("train")[:20], "labels": labels("train")[:20]},
            "data_batch_2": {"data": rows("train")[20:], "labels": labels("train")[20:]},
            "test_batch": {"data": rows("test"), "labels": labels("test")},
            "batches.meta": {"label_names": list(CLASSES)},
        }.items():
            data = pickle.dumps(content)
            sums[name] = hashlib.md5(data).hexdigest()
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    monkeypatch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in ("data_batch_1", "data_batch_2")])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": sums["batches.meta"]})
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(buffer.getvalue()).hexdigest())
    return buffer.getvalue()


def unpack(archive: bytes, root: Path) -> Path:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(root, filter="data")
    return root


def assert_right(images: cifar10.ImageData, source: str) -> None:
    assert images.source == source
    assert images.classes == CLASSES
    for part, x, y in (("train", images.train_x, images.train_y), ("test", images.test_x, images.test_y)):
        assert (x.dtype, y.dtype) == (torch.uint8, torch.int64)
        assert torch.equal(x, torch.from_numpy(pixels(part)).permute(0, 3, 1, 2))
        assert x.is_contiguous()
        assert y.tolist() == labels(part)


def test_a_tree_of_images(places: Path) -> None:
    assert_right(load_cifar10(write_tree(places / "tree"), progress=False), "image copy of CIFAR-10")


def test_a_lossy_tree_says_so(places: Path) -> None:
    images = load_cifar10(write_tree(places / "tree", "jpg"), progress=False)
    assert images.source == "JPEG copy of CIFAR-10"
    assert images.train_x.shape == (30, 3, 32, 32)


def test_torchvision_s_folder(places: Path, archive: bytes) -> None:
    root = unpack(archive, places / "copy")
    assert_right(load_cifar10(root), "CIFAR-10")
    assert_right(load_cifar10(root / "cifar-10-batches-py"), "CIFAR-10")


def test_a_folder_with_other_md5_sums_is_refused(places: Path, archive: bytes) -> None:
    root = unpack(archive, places / "copy")
    with (root / "cifar-10-batches-py" / "test_batch").open("ab") as file:
        file.write(b".")
    with pytest.raises(ValueError, match="incomplete or damaged"):
        load_cifar10(root)


def test_places_are_searched_in_order(places: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def source() -> str:
        return load_cifar10(progress=False).source

    with pytest.raises(FileNotFoundError, match=r"no copy of CIFAR-10 in .*cache, data\. Give its folder"):
        source()
    write_tree(Path("data") / "images")
    assert source() == "image copy of CIFAR-10"
    unpack(archive, places / "cache")
    assert source() == "CIFAR-10"
    monkeypatch.setenv("DESCENT_DATA", str(write_tree(places / "named", "jpg")))
    assert source() == "JPEG copy of CIFAR-10"
    assert load_cifar10(places / "cache").source == "CIFAR-10"
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        load_cifar10("elsewhere")


def test_a_tree_is_decoded_once(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = write_tree(places / "tree")
    load_cifar10(tree, progress=False)
    with monkeypatch.context() as without:
        without.setattr(Image, "open", lambda path: pytest.fail("decoded again"))
        assert_right(load_cifar10(tree, progress=False), "image copy of CIFAR-10")
    kept = list((places / "cache").iterdir())
    assert [path.suffix for path in kept] == [".npz"], "nothing else is left there"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(min((tree / "test" / "truck").iterdir()))
    assert not load_cifar10(tree, progress=False).test_x[18].any(), "another tree is decoded anew"


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return self.path.touch, ()


@pytest.mark.parametrize("damage", ["cut", "empty", "other shape", "pickle"])
def test_a_cache_that_cannot_be_used_is_made_again(places: Path, damage: str) -> None:
    tree = write_tree(places / "tree")
    load_cifar10(tree, progress=False)
    (kept,) = (places / "cache").iterdir()
    content = kept.read_bytes()
    if damage == "cut":
        kept.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        kept.write_bytes(b"")
    elif damage == "other shape":
        np.savez(kept, train=np.zeros((30, 3, 32, 32), np.uint8), test=np.zeros((5, 3, 32, 32), np.uint8))
    else:
        np.savez(kept, train=np.array([Trap(places / "sprung")], dtype=object), test=np.zeros(1))
    assert_right(load_cifar10(tree, progress=False), "image copy of CIFAR-10")
    assert not (places / "sprung").exists()
    assert kept.read_bytes() == content


def test_a_cache_that_cannot_be_written_costs_only_time(places: Path) -> None:
    (places / "cache").write_text("a file, not a folder")
    with pytest.warns(UserWarning, match="could not be kept"):
        images = load_cifar10(write_tree(places / "tree"), progress=False)
    assert_right(images, "image copy of CIFAR-10")


def test_a_tree_with_something_wrong_is_one_sentence(places: Path) -> None:
    tree = write_tree(places / "tree")
    image = next((tree / "test" / "cat").iterdir())
    content = image.read_bytes()
    Image.new("RGB", (30, 20)).save(image)
    with pytest.raises(ValueError, match="30 × 20 pixels; CIFAR-10 has 32 × 32"):
        load_cifar10(tree, progress=False)
    image.write_bytes(content[:60])
    with pytest.raises(ValueError, match=f"{image.name} cannot be read as an image"):
        load_cifar10(tree, progress=False)
    image.unlink()
    with pytest.raises(ValueError, match=r"cat has 1 images, but CIFAR-10 has 2 there: the copy is incomplete"):
        load_cifar10(tree, progress=False)


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def send(handler: BaseHTTPRequestHandler, data: bytes, *, ranges: bool = True, cut: int | None = None) -> None:
    """Answer as a file server does; `cut` closes the connection after so many bytes."""
    start = 0
    asked = handler.headers.get("Range")
    if asked and ranges:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
    if start >= len(data) > 0:
        handler.send_error(416)
        return
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(data) - start))
    handler.end_headers()
    handler.wfile.write(data[start:][:cut])


@pytest.fixture
def server(archive: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str | None]]]:
    """`server(*answers)` starts one whose requests get these answers in turn; returns the list of ranges asked for."""
    running: list[ThreadingHTTPServer] = []

    def start(*answers: Answer, mirrors: int = 1) -> list[str | None]:
        asked: list[str | None] = []
        turns = iter(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.headers.get("Range"))
                next(turns)(self, archive)

            def log_message(self, *args: Any) -> None:
                pass

        running.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=running[-1].serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{running[-1].server_port}/archive"
        monkeypatch.setattr(cifar10, "MIRRORS", (url,) * mirrors)
        return asked

    yield start
    for each in running:
        each.shutdown()
        each.server_close()


def test_download_in_one_piece(places: Path, server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked = server(send)
    assert_right(load_cifar10(download=True), "CIFAR-10")
    assert asked == [None]
    shown = capsys.readouterr().err
    assert "CIFAR-10 from 127.0.0.1" in shown
    assert "B/s" in shown, "the rate is shown"
    assert_right(load_cifar10(download=True), "CIFAR-10"), "no second download: no answer is left"
    assert (places / "cache" / "cifar-10-batches-py").is_dir()


def test_a_connection_that_breaks_is_taken_up_where_it_broke(places: Path, server: Any) -> None:
    asked = server(*[lambda handler, data, cut=cut: send(handler, data, cut=cut) for cut in (1000, 500, None)])
    assert_right(load_cifar10(places / "new", download=True, progress=False), "CIFAR-10")
    assert asked == [None, "bytes=1000-", "bytes=1500-"]


def test_the_next_call_goes_on_where_the_last_one_stopped(places: Path, server: Any) -> None:
    asked = server(lambda handler, data: send(handler, data, cut=700), lambda handler, data: handler.send_error(503))
    with pytest.raises(ConnectionError, match=r"could not be downloaded.*503.*goes on where this one stopped"):
        load_cifar10(places / "new", download=True, progress=False)
    server(send)
    assert_right(load_cifar10(places / "new", download=True, progress=False), "CIFAR-10")
    assert asked == [None, "bytes=700-"]


def test_a_server_without_ranges_starts_again(places: Path, server: Any) -> None:
    server(
        lambda handler, data: send(handler, data, cut=1000),
        lambda handler, data: send(handler, data, ranges=False),
    )
    assert_right(load_cifar10(places / "new", download=True, progress=False), "CIFAR-10")


def test_everything_arrived_but_the_last_call_ended_before_it_looked(places: Path, server: Any, archive: bytes) -> None:
    (places / "new").mkdir()
    (places / "new" / "cifar-10-python.tar.gz.part").write_bytes(archive)
    server(send)
    assert_right(load_cifar10(places / "new", download=True, progress=False), "CIFAR-10")


def test_mirrors_are_tried_in_turn(places: Path, server: Any) -> None:
    asked = server(
        lambda handler, data: handler.send_error(404),
        lambda handler, data: send(handler, b"a page that says sorry"),
        lambda handler, data: send(handler, data),
        mirrors=3,
    )
    assert_right(load_cifar10(places / "new", download=True, progress=False), "CIFAR-10")
    assert asked == [None] * 3, "what has the wrong md5 sum is thrown away"


def test_no_network_is_one_sentence_and_the_notebook_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    monkeypatch.setattr(cifar10, "MIRRORS", (f"http://127.0.0.1:{port}/archive",))
    with pytest.raises(ConnectionError, match=r"is there a network here\? \(127.0.0.1:\d+: .*refused"):
        load_cifar10(download=True)
    images = cifar10_or_digits()
    assert images.source == "digits upsampled to 32×32"
    assert capsys.readouterr().out.startswith("Using digits upsampled to 32×32. There is no copy of CIFAR-10 in ")


def test_which_images_are_used_is_said(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_right(cifar10_or_digits(write_tree(places / "tree"), progress=False), "image copy of CIFAR-10")
    assert capsys.readouterr().out == "Using image copy of CIFAR-10: 30 images to train on, 20 to test.\n"


def test_digits_have_the_shape_of_cifar10() -> None:
    from sklearn.datasets import load_digits

    images = digits32()
    assert (len(images.train_x), len(images.test_x)) == (1438, 359)
    assert images.train_x.shape[1:] == images.test_x.shape[1:] == (3, 32, 32)
    assert images.train_x.dtype == torch.uint8
    assert images.classes == tuple("0123456789")
    assert (images.train_x == images.train_x[:, :1]).all(), "gray"
    assert images.train_x.max() > 240
    raw = torch.tensor(load_digits().images).float()
    small = (
        torch.cat([images.train_x, images.test_x])[:, 0].float().unfold(1, 4, 4).unfold(2, 4, 4).mean((3, 4)) / 255 * 16
    )
    nearest = torch.cdist(small.flatten(1), raw.flatten(1)).argmin(1)
    truth = torch.tensor(load_digits().target)
    assert (truth[nearest] == torch.cat([images.train_y, images.test_y])).float().mean() > 0.98, (
        "labels stay with images"
    )


def test_split_keeps_every_image_once_with_its_label() -> None:
    n = 50
    x = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 3, 2, 2)
    data = cifar10.ImageData(x, torch.arange(n), x[:1], torch.zeros(1), ("a",), "numbers")
    train, validation = data.split(15, seed=1)
    assert (len(train[0]), len(validation[0])) == (35, 15)
    for images, y in (train, validation):
        assert images[:, 0, 0, 0].tolist() == y.tolist()
    assert sorted(torch.cat([train[1], validation[1]]).tolist()) == list(range(n))
    assert torch.equal(data.split(15, seed=1)[1][1], validation[1])
    assert not torch.equal(data.split(15, seed=2)[1][1], validation[1])
    for wrong in (0, n):
        with pytest.raises(ValueError, match="from 1 to 49"):
            data.split(wrong)


def test_channel_statistics_are_exact() -> None:
    x = torch.randint(0, 256, (40, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    x[:, 1] //= 3
    mean, std = channel_stats(x)
    exact = x.double() / 255
    assert mean.dtype == std.dtype == torch.float32
    assert torch.equal(mean, exact.mean((0, 2, 3)).float())
    assert torch.equal(std, exact.std((0, 2, 3), correction=0).float())
    for wrong in (x.float(), x[0], x[:0]):
        with pytest.raises(ValueError, match="takes uint8 images"):
            channel_stats(wrong)


def test_channel_statistics_at_full_size() -> None:
    """Half of the pixels of 50,000 images are 255: a float32 sum stops at 2²⁴ and would give a mean of 0.33."""
    x = torch.zeros(50_000, 1, 32, 32, dtype=torch.uint8)
    x[::2] = 255
    mean, std = channel_stats(x)
    assert (mean.item(), std.item()) == (0.5, 0.5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalized_images_have_mean_0_and_standard_deviation_1(layout: torch.memory_format) -> None:
    x = torch.randint(20, 200, (64, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    x[:, 2] //= 4
    before = x.clone()
    y = normalize(x.contiguous(memory_format=layout), *channel_stats(x))
    assert y.dtype == torch.float32
    assert y.is_contiguous(memory_format=layout)
    assert torch.equal(x, before)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_real_images_have_the_known_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    try:
        images = load_cifar10(progress=False)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert images.train_x.shape == (50_000, 3, 32, 32)
    assert images.test_x.shape == (10_000, 3, 32, 32)
    assert images.train_y.bincount().tolist() == [5000] * 10
    assert images.test_y.bincount().tolist() == [1000] * 10
    mean, std = channel_stats(images.train_x)
    torch.testing.assert_close(mean, torch.tensor([0.4914, 0.4822, 0.4465]), atol=1e-3, rtol=0)
    torch.testing.assert_close(std, torch.tensor([0.2470, 0.2435, 0.2616]), atol=3e-3, rtol=0)

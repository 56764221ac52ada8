"""The training run: what it records, that it can be interrupted, and that several processes compute what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils import image_training
from utils.cifar10 import channel_stats, digits32, normalize
from utils.device import one_thread
from utils.image_training import Recipe, Trained, train_classifier

ROOT = Path(__file__).resolve().parents[2]
TINY = Recipe(width=2, epochs=3, batch_size=32, peak_lr=0.2, cutout_size=8)


@pytest.fixture(scope="module")
def few() -> tuple[Tensor, Tensor]:
    data = digits32()
    return data.train_x[:100], data.train_y[:100]


def run(recipe: Recipe, pair: tuple[Tensor, Tensor], *more: tuple[Tensor, Tensor], **options) -> Trained:
    return train_classifier(recipe, pair, *more, device="cpu", progress=False, **options)


def assert_same(a: Trained, b: Trained) -> None:
    for (name, x), y in zip(a.model.state_dict().items(), b.model.state_dict().values(), strict=True):
        assert torch.equal(x, y), name
    assert (a.history.train_loss, a.history.lr) == (b.history.train_loss, b.history.lr)


def test_one_cycle_is_two_straight_lines() -> None:
    recipe = Recipe(peak_lr=2.0, peak_at=0.25)
    assert [recipe.lr(share) for share in (0, 0.125, 0.25, 0.625, 1)] == pytest.approx([0, 1, 2, 1, 0])
    assert Recipe(peak_lr=2.0, peak_at=0.0).lr(0.5) == pytest.approx(1.0)


def test_steps_fall_at_each_milestone() -> None:
    recipe = Recipe(schedule="steps", peak_lr=0.1, milestones=(0.3, 0.6, 0.8), drop=0.2)
    lrs = [recipe.lr(epoch / 200) for epoch in (0, 59, 60, 119, 120, 159, 160, 199)]
    assert lrs == pytest.approx([0.1, 0.1, 0.02, 0.02, 0.004, 0.004, 0.0008, 0.0008])


def test_a_schedule_that_makes_no_sense_is_said() -> None:
    with pytest.raises(ValueError, match="not 'cosine'"):
        Recipe(schedule="cosine")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"below 1, not 1\.0"):
        Recipe(peak_at=1.0)


def test_norms_and_biases_do_not_decay() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    decaying, others = image_training._optimizer(Recipe(), model, torch.device("cpu")).param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (5e-4, 0.0)
    weights = [model[0].weight, model[3].weight]
    assert {id(p) for p in decaying["params"]} == {id(p) for p in weights}
    assert len(others["params"]) == 4
    assert decaying["nesterov"]


def test_same_recipe_same_numbers_and_validation_only_watches(few: tuple[Tensor, Tensor]) -> None:
    state = torch.get_rng_state()
    first = run(TINY, few)
    again = run(TINY, few, (few[0][:40], few[1][:40]))
    assert torch.equal(torch.get_rng_state(), state), "nothing is drawn from the global generator"
    assert_same(first, again)
    assert len(again.history.val_loss) == len(again.history.val_accuracy) == len(again.history) == 3
    assert first.history.val_loss == []
    assert first.history.lr == pytest.approx([TINY.lr(epoch / 3) for epoch in range(3)])
    assert all(seconds > 0 for seconds in first.history.seconds)
    assert run(replace(TINY, seed=1), few).history.train_loss != first.history.train_loss
    x, y = few[0][:40], few[1][:40]
    assert again.history.val_accuracy[-1] == again.accuracy(x, y)
    assert again.history.val_loss[-1] == pytest.approx(F.cross_entropy(again.logits(x), y).item())


def test_an_interrupted_run_ends_with_the_same_numbers(few: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    whole = run(TINY, few)
    path = tmp_path / "runs" / "tiny.pt"
    lengths = []
    for _ in range(TINY.epochs):
        part = run(TINY, few, checkpoint=path, seconds=0.0)
        lengths.append(len(part.history))
    assert lengths == [1, 2, 3]
    assert part.finished
    assert_same(part, whole)
    assert_same(run(TINY, few, checkpoint=path), whole)
    assert [file.name for file in path.parent.iterdir()] == ["tiny.pt"]


def test_a_checkpoint_of_another_run_is_refused(few: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    run(TINY, few, checkpoint=tmp_path / "tiny.pt", seconds=0.0)
    with pytest.raises(ValueError, match="other batch_size, seed: name another file, or delete it"):
        run(replace(TINY, batch_size=16, seed=3), few, checkpoint=tmp_path / "tiny.pt")
    with pytest.raises(ValueError, match="with other images: name"):
        run(TINY, (few[0][:99], few[1][:99]), checkpoint=tmp_path / "tiny.pt")


def test_the_stop_button_returns_what_there_is(few: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter(range(100))
    cross_entropy = F.cross_entropy

    def stop(*args, **options):
        if next(steps) == 4:  # in the second epoch of three steps
            raise KeyboardInterrupt
        return cross_entropy(*args, **options)

    monkeypatch.setattr(F, "cross_entropy", stop)
    trained = run(TINY, few)
    assert trained.history.interrupted
    assert len(trained.history) == 1
    assert not trained.finished
    assert not trained.model.training


def test_too_few_images(few: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(ValueError, match=r"A batch of 512 images needs as many to train on; there are 100"):
        run(Recipe(width=2), few)


def test_an_unknown_network(few: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(ValueError, match="The networks are resnet9, resnet18, not 'vgg'"):
        run(replace(TINY, network="vgg"), few)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ResNet-18 needs a width of 16 or more"):
        run(replace(TINY, network="resnet18", width=15), few)


def test_logits_are_of_normalized_images_in_evaluation_mode(few: tuple[Tensor, Tensor]) -> None:
    trained = run(replace(TINY, network="resnet18", width=16, epochs=1), few)
    mean, std = channel_stats(few[0])
    assert torch.equal(trained.mean, mean)
    x = few[0][:10]
    trained.model.train()
    logits = trained.logits(x, batch_size=3)
    with torch.no_grad():
        torch.testing.assert_close(logits, trained.model(normalize(x, mean, std)))
        mirrored = trained.model(normalize(x.flip(3), mean, std))
    torch.testing.assert_close(trained.logits(x, mirror=True), (logits + mirrored) / 2)


@pytest.mark.slow
def test_it_learns() -> None:
    data = digits32()
    train, validation = data.split(200)
    recipe = Recipe(width=4, epochs=3, batch_size=32, peak_lr=0.2, label_smoothing=0.1, cutout_size=8, padding=2)
    trained = run(recipe, train, validation)
    assert trained.history.val_accuracy[-1] > 0.85
    assert trained.accuracy(data.test_x, data.test_y) > 0.85


PROCESSES = """
    import json, sys
    import torch
    from torch import nn
    from utils import image_training
    from utils.image_training import Recipe, data_parallel, train_classifier

    torch.set_num_threads(1)
    images, labels = torch.load(sys.argv[2])
    recipe = Recipe(**json.loads(sys.argv[1]))

    def run():
        trained = train_classifier(recipe, (images, labels), device="cpu", progress=False)
        weights = torch.cat([value.flatten().double() for value in trained.model.state_dict().values()])
        return {"loss": trained.history.train_loss, "accuracy": trained.history.train_accuracy, "weights": weights.tolist()}

    def normalized_half():
        # Output, gradient of the input and running variance in float64, for the half of a batch that a process has.
        torch.manual_seed(0)
        x, slope = torch.randn(2, 8, 4, 5, 6, dtype=torch.float64)
        mine = slice(4 * image_training._rank(), 4 * image_training._rank() + 4)
        half = x[mine].clone().requires_grad_()
        norm = image_training._SharedBatchNorm(4, dtype=torch.float64)
        y = norm(half)
        (y * slope[mine]).sum().backward()
        return [y.tolist(), half.grad.tolist(), norm.running_var.tolist()]

    with data_parallel():
        half = normalized_half()
        shared = run()
        image_training._SharedBatchNorm.forward = nn.BatchNorm2d.forward
        apart = run()
        if image_training._rank() == 0:
            print(json.dumps([half, shared, apart]))
"""


@pytest.mark.slow
def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    """Two gloo processes with half of each batch; with statistics per process instead, the losses are others.

    The images are noise and the learning rate is small: where pixels are equal, rounding decides which of them is the
    largest of a window, and with large steps two right runs part ways.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (100, 3, 32, 32), generator=generator, dtype=torch.uint8)
    few = (noise, torch.randint(0, 10, (100,), generator=generator))
    torch.save(few, tmp_path / "few.pt")
    recipe = replace(TINY, width=4, epochs=2, peak_lr=0.01)
    script = tmp_path / "processes.py"
    script.write_text(textwrap.dedent(PROCESSES))
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", script,
         json.dumps(asdict(recipe)), tmp_path / "few.pt"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, cwd=ROOT,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    half, shared, apart = json.loads(done.stdout)

    torch.manual_seed(0)
    x, slope = torch.randn(2, 8, 4, 5, 6, dtype=torch.float64)
    norm = nn.BatchNorm2d(4, dtype=torch.float64)
    y = norm(x.requires_grad_())
    (gradient,) = torch.autograd.grad((y * slope).sum(), x)
    for actual, expected in zip(half, (y[:4], gradient[:4], norm.running_var), strict=True):
        torch.testing.assert_close(torch.tensor(actual, dtype=torch.float64), expected)

    with one_thread():  # as the two have
        alone = run(recipe, few)
    weights = torch.cat([value.flatten().double() for value in alone.model.state_dict().values()])
    same = pytest.approx(alone.history.train_loss, rel=2e-5)
    assert shared["loss"] == same
    assert shared["accuracy"] == pytest.approx(alone.history.train_accuracy)
    torch.testing.assert_close(torch.tensor(shared["weights"], dtype=torch.float64), weights, rtol=1e-3, atol=1e-4)
    assert apart["loss"] != same, "the comparison sees statistics per process"


def test_a_batch_that_cannot_be_shared_equally_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_training, "_processes", lambda: 3)
    with pytest.raises(ValueError, match="A batch of 32 images cannot be shared equally by 3 processes"):
        image_training._shard(32)

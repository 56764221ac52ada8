"""What a GPU makes of CIFAR-10, in parts of at most nine minutes, each of which goes on where it stopped.

    make gpu-bench                    the parts in turn, nine minutes in all; again, until everything is measured
    make gpu-bench PART=94            94 % with the fewest ingredients; target at most 15 s
    make gpu-bench PART=96            96 % with Cutout and a longer schedule; target at most 60 s
    make gpu-bench PART=augment       images per second of the augmentation alone
    make gpu-bench PART=cutout        ResNet-18, 200 epochs, with and without Cutout of 16 pixels
    make gpu-bench PART=tables        the tables of all results, in Markdown

Needs a copy of CIFAR-10 (see utils.cifar10.load_cifar10) and no network. Every run has a process of its own, so that the
time with start-up includes importing torch, waking the GPU and loading the images. Results are written to
benchmarks/results/PART.json after each run, checkpoints to build/gpu-bench/.
"""

from __future__ import annotations

import time

START = time.perf_counter()

import argparse  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from dataclasses import asdict, dataclass, replace  # noqa: E402
from functools import cache  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import torch  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from utils.augment import cutout, random_crop, random_flip  # noqa: E402
from utils.cifar10 import ImageData, digits32, load_cifar10  # noqa: E402
from utils.device import synchronize  # noqa: E402
from utils.image_training import Recipe, train_classifier  # noqa: E402
from utils.networks import NETWORKS  # noqa: E402

RESULTS = Path(__file__).with_name("results")
CHECKPOINTS = Path("build/gpu-bench")
MINUTES = 9.0

# Dense bfloat16 FLOP/s from NVIDIA's data sheets: the figures printed "with sparsity" are twice as large.
PEAK = {"H200": 989e12, "H100 80GB HBM3": 989e12, "A100": 312e12}
# Student's t, 97.5 %, by degrees of freedom.
T_QUANTILE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}


@dataclass(frozen=True)
class Part:
    """Runs that belong together: each arm's recipe with each seed."""

    title: str
    arms: dict[str, Recipe]
    seeds: tuple[int, ...] = (0, 1, 2)


LONG = Recipe(
    network="resnet18", epochs=200, batch_size=128, schedule="steps", peak_lr=0.1, padding_mode="zeros"
)  # fmt: skip
PARTS = {
    "94": Part(
        "94 %: ResNet-9, 24 epochs, crop and flip, no Cutout",
        {"resnet9": Recipe(epochs=24, label_smoothing=0.2)},
    ),
    "96": Part(
        "96 %: ResNet-18, 60 epochs, Cutout 12",
        {"resnet18": Recipe(network="resnet18", epochs=60, label_smoothing=0.1, cutout_size=12)},
    ),
    "cutout": Part(
        "ResNet-18, 200 epochs, batches of 128, steps: without and with Cutout 16",
        {"without": LONG, "with": replace(LONG, cutout_size=16)},
    ),
}


def tiny(part: Part) -> Part:
    """The same part at toy size: one seed, two epochs of a narrow network."""
    arms = {name: replace(recipe, width=16, epochs=2, batch_size=32) for name, recipe in part.arms.items()}
    return replace(part, arms=arms, seeds=(0,))


def flops_per_image(recipe: Recipe) -> float:
    """Forward and backward, 2 FLOP per multiplication and addition."""
    with torch.device("meta"):
        model, x = NETWORKS[recipe.network](10, recipe.width), torch.zeros(2, 3, 32, 32)
    with FlopCounterMode(display=False) as counter:
        model(x).sum().backward()
    return counter.get_total_flops() / 2


def peak_flops(device: str) -> float | None:
    return next((peak for name, peak in PEAK.items() if name in device), None)


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


@cache
def images(folder: str | None, tiny: bool) -> ImageData:
    if not tiny:
        return load_cifar10(folder, progress=False)
    data = digits32()
    return replace(data, train_x=data.train_x[:100], train_y=data.train_y[:100])


def measure(part: Part, arm: str, seed: int, checkpoint: Path, options: argparse.Namespace) -> dict[str, Any] | None:
    """One run: its figures, or None if the time was up before its end and it waits in its checkpoint."""
    device = torch.device(options.device)
    data = images(options.data, options.tiny)
    recipe = replace(part.arms[arm], seed=seed)
    resumed = checkpoint.exists()
    trained = train_classifier(
        recipe, (data.train_x, data.train_y), device=device, checkpoint=checkpoint, seconds=options.seconds
    )
    total = time.perf_counter() - START
    if not trained.finished:
        return None
    trained_on = recipe.epochs * (len(data.train_x) // recipe.batch_size) * recipe.batch_size
    seconds = sum(trained.history.seconds)
    peak = peak_flops(device_name(device))
    return {
        "accuracy": trained.accuracy(data.test_x, data.test_y),
        "accuracy_mirrored": trained.accuracy(data.test_x, data.test_y, mirror=True),
        "seconds": seconds,
        "seconds_with_start_up": None if resumed else total,
        "images_per_second": trained_on / seconds,
        "share_of_peak": flops_per_image(recipe) * trained_on / seconds / peak if peak else None,
    }


def measure_augmentation(options: argparse.Namespace) -> dict[str, Any]:
    """Images per second of crop, mirror and Cutout, batches of 512, channels last."""
    device = torch.device(options.device)
    generator = torch.Generator(device).manual_seed(0)
    repeats = 3 if options.tiny else 1000
    rates = {}
    for dtype in (torch.bfloat16, torch.float32):
        x = torch.randn(512, 3, 32, 32, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
        for _ in range(3):
            cutout(random_flip(random_crop(x, 4, generator), generator), 16, 1.0, 0.0, generator)
        synchronize(device)
        start = time.perf_counter()
        for _ in range(repeats):
            cutout(random_flip(random_crop(x, 4, generator), generator), 16, 1.0, 0.0, generator)
        synchronize(device)
        rates[str(dtype).removeprefix("torch.")] = repeats * len(x) / (time.perf_counter() - start)
    return rates


def results_of(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """The results so far; ValueError if they are of another device, of other images or of other recipes."""
    arms = {arm: asdict(recipe) for arm, recipe in part_of(name, options).arms.items()} if name in PARTS else {}
    about = {
        "part": name,
        "device": device_name(torch.device(options.device)),
        "torch": torch.__version__,
        "images": images(options.data, options.tiny).source if arms else "random numbers",
        "recipes": json.loads(json.dumps(arms)),
    }
    path = options.results / f"{name}.json"
    if not path.exists():
        return about | {"runs": {}}
    stored = json.loads(path.read_text())
    changed = [key for key, value in about.items() if stored.get(key) != value]
    if changed:
        raise ValueError(f"{path} has results with other {', '.join(changed)}: move it away to measure anew.")
    return stored


def part_of(name: str, options: argparse.Namespace) -> Part:
    return tiny(PARTS[name]) if options.tiny else PARTS[name]


def write(results: dict[str, Any], options: argparse.Namespace) -> None:
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"{results['part']}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1) + "\n")
    part.replace(path)


def run_part(name: str, deadline: float, options: argparse.Namespace) -> bool:
    """Measure what is missing of a part until the deadline; is it complete?"""
    results = results_of(name, options)
    if name == "augment":
        results["runs"] = {"augment": measure_augmentation(options)}
        write(results, options)
        return True
    part = part_of(name, options)
    for arm in part.arms:
        for seed in part.seeds:
            left = deadline - time.monotonic()
            if f"{arm}/{seed}" in results["runs"]:
                continue
            if left <= 0:
                return False
            run_alone(name, arm, seed, left, options)
            results = results_of(name, options)
            if f"{arm}/{seed}" not in results["runs"]:
                return False
    return True


def run_alone(name: str, arm: str, seed: int, seconds: float, options: argparse.Namespace) -> None:
    """One run in a process of its own."""
    command = [sys.executable, __file__, name, "--only", arm, str(seed), "--seconds", str(seconds)]
    command += [
        "--device",
        options.device,
        "--results",
        str(options.results),
        "--checkpoints",
        str(options.checkpoints),
    ]
    command += ["--data", options.data] if options.data else []
    command += ["--tiny"] if options.tiny else []
    if code := subprocess.run(command).returncode:
        raise SystemExit(code)


def run_here(name: str, arm: str, seed: int, options: argparse.Namespace) -> None:
    checkpoint = options.checkpoints / f"{name}-{arm}-{seed}.pt"
    figures = measure(part_of(name, options), arm, seed, checkpoint, options)
    if figures is not None:
        results = results_of(name, options)
        results["runs"][f"{arm}/{seed}"] = figures
        write(results, options)
        checkpoint.unlink()


def table(results: dict[str, Any]) -> str:
    """The results of a part in Markdown."""
    where = f"{results['device']}, torch {results['torch']}, {results['images']}"
    if results["part"] == "augment":
        lines = [f"Crop, mirror and Cutout alone ({where})", "", "| dtype | images/s |", "|---|---|"]
        return "\n".join([*lines, *(f"| {k} | {v:,.0f} |" for k, v in results["runs"]["augment"].items())])
    columns = {
        "accuracy": ("accuracy", 100, "%"),
        "accuracy_mirrored": ("with mirror images at test time", 100, "%"),
        "seconds": ("seconds", 1, "s"),
        "seconds_with_start_up": ("with start-up", 1, "s"),
        "share_of_peak": ("share of peak FLOP/s", 100, "%"),
    }
    lines = [f"{PARTS[results['part']].title} ({where}); mean ± standard deviation over seeds", ""]
    lines += [
        "| | runs | " + " | ".join(head for head, _, _ in columns.values()) + " |",
        "|---" * (2 + len(columns)) + "|",
    ]
    runs: dict[str, dict[int, dict[str, Any]]] = {arm: {} for arm in results["recipes"]}
    for key, figures in results["runs"].items():
        arm, seed = key.split("/")
        runs[arm][int(seed)] = figures
    for arm, by_seed in runs.items():
        cells = [
            spread([run[key] for run in by_seed.values()], scale, unit) for key, (_, scale, unit) in columns.items()
        ]
        lines.append(f"| {arm} | {len(by_seed)} | " + " | ".join(cells) + " |")
    if results["part"] == "cutout":
        lines += ["", gap(runs["without"], runs["with"])]
    return "\n".join(lines)


def spread(values: list[float | None], scale: float, unit: str) -> str:
    known = [value * scale for value in values if value is not None]
    if not known:
        return "not known"
    deviation = f" ± {statistics.stdev(known):.2f}" if len(known) > 1 else ""
    return f"{statistics.mean(known):.2f}{deviation} {unit}"


def gap(without: dict[int, dict[str, Any]], with_cutout: dict[int, dict[str, Any]]) -> str:
    """How much lower the error is with Cutout, seed by seed, beside what its authors report."""
    published = "Published: 4.72 % to 3.99 %, 0.73 points (DeVries and Taylor, 2017)."
    seeds = sorted(without.keys() & with_cutout.keys())
    differences = [100 * (with_cutout[seed]["accuracy"] - without[seed]["accuracy"]) for seed in seeds]
    if len(seeds) < 2:
        return (
            f"The error falls by {differences[0]:.2f} points in one pair of runs. {published}" if seeds else published
        )
    half = T_QUANTILE[len(seeds) - 1] * statistics.stdev(differences) / math.sqrt(len(seeds))
    mean = statistics.mean(differences)
    return f"The error falls by {mean:.2f} ± {half:.2f} points (95 %, Student's t, {len(seeds)} seeds). {published}"


def tables(options: argparse.Namespace) -> str:
    found = [options.results / f"{name}.json" for name in [*PARTS, "augment"]]
    parts = [table(json.loads(path.read_text())) for path in found if path.exists()]
    return "\n\n".join(parts) or f"There are no results in {options.results}: nothing has been measured yet."


def main(arguments: list[str] | None = None) -> str | None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=[*PARTS, "augment", "tables"])
    parser.add_argument("--data", help="the folder of a copy of CIFAR-10")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="toy size, on the digits: does every part run?")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    parser.add_argument("--only", nargs=2, metavar=("ARM", "SEED"), help="one run, in this process")
    parser.add_argument("--seconds", type=float, help="time left for that run")
    options = parser.parse_args(arguments)
    if options.part == "tables":
        print(tables(options))
        return None
    if options.device == "cuda" and not torch.cuda.is_available():
        return "no GPU here: these parts are measured on a CUDA device; `--device cpu --tiny` tries them at toy size."
    deadline = time.monotonic() + 60 * options.minutes
    try:
        if options.only:
            run_here(options.part, options.only[0], int(options.only[1]), options)
            return None
        for name in [options.part] if options.part else ["augment", *PARTS]:
            if not run_part(name, deadline, options):
                print(f"The time is up; the same command goes on with part {name}.")
                break
    except (FileNotFoundError, ValueError) as error:
        return str(error)
    print(tables(options))
    return None


if __name__ == "__main__":
    sys.exit(main())

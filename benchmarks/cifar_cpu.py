"""CIFAR-10 on a CPU, from scratch to more than 75 % of the full test set within six minutes on two cores.

    python benchmarks/cifar_cpu.py                 a copy that is found, see utils.cifar10.load_cifar10
    python benchmarks/cifar_cpu.py --data FOLDER
    python benchmarks/cifar_cpu.py --download

A ResNet-9 an eighth as wide as the usual one, six epochs, without Cutout: in so short a run it costs accuracy.
"""

from __future__ import annotations

import argparse
import time

import torch

from utils.cifar10 import load_cifar10
from utils.image_training import Recipe, train_classifier

RECIPE = Recipe(network="resnet9", width=8, epochs=6, batch_size=256, peak_lr=0.4)
TARGET, MINUTES = 0.75, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="the folder of a copy of CIFAR-10")
    parser.add_argument("--download", action="store_true", help="fetch CIFAR-10 if there is no copy")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    data = load_cifar10(options.data, download=options.download)
    wall, cpu = time.perf_counter(), time.process_time()
    trained = train_classifier(RECIPE, (data.train_x, data.train_y), device="cpu")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    accuracy = trained.accuracy(data.test_x, data.test_y)
    mirrored = trained.accuracy(data.test_x, data.test_y, mirror=True)

    epochs = ", ".join(f"{share:.1%}" for share in trained.history.train_accuracy)
    print(f"{data.source}: {accuracy:.2%} of the {len(data.test_x):,} test images, target {TARGET:.0%}")
    print(f"averaged with the mirror image at test time: {mirrored:.2%}")
    print(f"{wall:.0f} s of wall time, limit {60 * MINUTES} s; {cpu:.0f} s of CPU time; threads: {options.threads}")
    print(f"accuracy on the training images as they were seen, epoch by epoch: {epochs}")


if __name__ == "__main__":
    main()

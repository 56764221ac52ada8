"""Two residual networks for 32 × 32 images: ResNet-9, small and quick to train, and ResNet-18.

ResNet-9 follows D. Page, How to Train Your ResNet (2018). ResNet-18 follows K. He et al., Deep Residual Learning for
Image Recognition, arXiv:1512.03385 (2015), with a first layer for small images: 3 × 3, stride 1, no pooling. Inputs are
(N, 3, 32, 32), outputs are logits (N, classes).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def conv_norm(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps height and width (up to the stride), then batch normalization, which brings the bias."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


class ResidualBlock(nn.Module):
    """relu(f(x) + shortcut(x)), where f is conv-norm-relu-conv-norm.

    The shortcut is the identity, or a 1 × 1 convolution and a norm where shapes differ.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.first = conv_norm(in_channels, out_channels, stride=stride)
        self.second = conv_norm(out_channels, out_channels)
        same = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Identity() if same else conv_norm(in_channels, out_channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class ResNet18(nn.Module):
    """Four stages of two residual blocks, of width, 2, 4 and 8 times width channels: 11.17 million parameters at 64."""

    def __init__(self, classes: int = 10, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, width), nn.ReLU())
        self.stages = nn.Sequential(
            ResidualBlock(width, width), ResidualBlock(width, width),
            ResidualBlock(width, 2 * width, 2), ResidualBlock(2 * width, 2 * width),
            ResidualBlock(2 * width, 4 * width, 2), ResidualBlock(4 * width, 4 * width),
            ResidualBlock(4 * width, 8 * width, 2), ResidualBlock(8 * width, 8 * width),
        )  # fmt: skip
        self.head = nn.Linear(8 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)).mean((2, 3)))


class Shortcut(nn.Module):
    """x + relu(norm(conv(relu(norm(conv(x)))))), all with the same number of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_norm(channels, channels), nn.ReLU(), conv_norm(channels, channels), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class ResNet9(nn.Module):
    """Eight convolutions, a shortcut around two pairs of them, and a linear layer: 6.57 million parameters at width 64.

    The channels double where the image is halved. The largest value of each channel goes to the linear layer, whose
    logits are scaled by 1/8.
    """

    def __init__(self, classes: int = 10, width: int = 64) -> None:
        super().__init__()
        w = width
        self.features = nn.Sequential(
            conv_norm(3, w), nn.ReLU(),
            conv_norm(w, 2 * w), nn.ReLU(), nn.MaxPool2d(2), Shortcut(2 * w),
            conv_norm(2 * w, 4 * w), nn.ReLU(), nn.MaxPool2d(2),
            conv_norm(4 * w, 8 * w), nn.ReLU(), nn.MaxPool2d(2), Shortcut(8 * w),
        )  # fmt: skip
        self.head = nn.Linear(8 * w, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).amax((2, 3))) / 8


NETWORKS = {"resnet9": ResNet9, "resnet18": ResNet18}

"""The networks have the size, the cost and the structure that their names promise."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from utils.networks import ResidualBlock, ResNet9, ResNet18


@pytest.mark.parametrize(
    ("network", "parameters", "gflop"), [(ResNet9, 6_573_120, 2.272), (ResNet18, 11_173_962, 3.329)]
)
def test_parameters_and_cost_per_image(network: type[nn.Module], parameters: int, gflop: float) -> None:
    """Forward and backward, 2 FLOP per multiplication and addition."""
    with torch.device("meta"):
        model, x = network(), torch.zeros(2, 3, 32, 32)
    with FlopCounterMode(display=False) as counter:
        output = model(x)
        output.sum().backward()
    assert output.shape == (2, 10)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert counter.get_total_flops() / 2 / 1e9 == pytest.approx(gflop, abs=1e-3)


@pytest.mark.parametrize(("outputs", "stride"), [(4, 1), (4, 2), (6, 1), (6, 2)])
def test_residual_block_adds_the_shortcut_before_the_last_relu(outputs: int, stride: int) -> None:
    torch.manual_seed(0)
    block = ResidualBlock(4, outputs, stride).eval()
    x = torch.randn(2, 4, 8, 8)
    y = block(x)
    assert y.shape == (2, outputs, 8 // stride, 8 // stride)
    assert (y >= 0).all()
    nn.init.zeros_(block.second[1].weight)  # f(x) = 0: only the shortcut is left
    same = outputs == 4 and stride == 1
    torch.testing.assert_close(block(x), torch.relu(x if same else block.shortcut(x)))
    assert isinstance(block.shortcut, nn.Identity) == same


@pytest.mark.parametrize("network", [ResNet9, ResNet18])
def test_every_weight_takes_part(network: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = network(classes=7, width=4)  # type: ignore[call-arg]
    output = model(torch.randn(8, 3, 32, 32))
    assert output.shape == (8, 7)
    output.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())

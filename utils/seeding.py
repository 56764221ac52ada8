"""Makes a run repeatable: one seed for every random number generator that a notebook uses."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int = 0) -> torch.Generator:
    """Seed Python's, NumPy's and PyTorch's global generators (all devices), and return a CPU generator of that seed.

    Prefer the returned generator, passed to whatever draws, over the global ones: a result then does not depend on
    what was drawn elsewhere. The same seed gives the same numbers on one machine and one version of PyTorch; kernels
    of a GPU may still add in another order.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)

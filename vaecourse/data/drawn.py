"""Pictures drawn on the spot, in tensors."""

import torch
from torch import Tensor

from vaecourse.data.dataset import Prepared

SIDE = 28  # pixels


def ellipses(split: str, size: int) -> Prepared:
    """White ellipses on black, (n, 1, 28, 28) whatever the size; y: half-axes (a, b) in pixels."""
    n, seed = (4000, 1) if split == "train" else (1000, 2)
    axes = 3 + 9 * torch.rand(n, 2, generator=torch.Generator().manual_seed(seed))
    return Prepared(draw_ellipses(axes), axes)


def draw_ellipses(axes: Tensor) -> Tensor:
    """Half-axes (a, b) in pixels, (n, 2) -> white ellipses in the middle of (n, 1, 28, 28)."""
    a, b = axes[:, 0, None, None], axes[:, 1, None, None]
    steps = torch.arange(SIDE) - (SIDE - 1) / 2  # pixel centres, seen from the middle
    across, down = steps[None, None, :], steps[None, :, None]
    # Distance to the edge in pixels, to first order; the edge pixels take the shades between.
    level = torch.sqrt((across / a) ** 2 + (down / b) ** 2)
    slope = torch.sqrt((across / a**2) ** 2 + (down / b**2) ** 2)
    return (0.5 - level * (level - 1) / slope).clamp(0, 1).unsqueeze(1)

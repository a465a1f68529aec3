"""More pictures from the ones there are: mirrored, and turned a little."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from vaecourse.data.images import check_images
from vaecourse.errors import check_number, check_whole


def augmented(x: Tensor, seed: int, degrees: float = 10.0) -> Tensor:
    """Images (n, channels, height, width), each mirrored by the toss of a coin and then turned.

    The angles are uniform within ± `degrees`; what comes in at the corners is the picture's mirror
    image. The same by seed; a new seed each epoch gives new pictures. Raises CourseError for images
    outside [0, 1].
    """
    check_images(x)
    check_whole("seed", seed, "seed=0", least=0)
    check_number("degrees", degrees, "degrees=10")
    chance = torch.rand(2, len(x), generator=torch.Generator().manual_seed(seed)).to(x.device)
    mirrored = torch.where(chance[0, :, None, None, None] < 0.5, x, x.flip(3))
    return turned(mirrored, degrees * (2 * chance[1] - 1)) if degrees else mirrored


def turned(x: Tensor, degrees: Tensor) -> Tensor:
    """Images turned against the clock, each by its own angle (n,), around its middle.

    torchvision turns a whole batch by one angle; hence this.
    """
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos(), angle.sin()
    height, width = x.shape[2:]
    none = torch.zeros_like(cos)
    # From a place in the turned picture to that in the old one, both sides running from -1 to 1.
    rows = [[cos, -sin * height / width, none], [sin * width / height, cos, none]]
    matrix = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    found = F.grid_sample(x.float(), grid, padding_mode="reflection", align_corners=False)
    return found.clamp(0, 1).to(x.dtype)

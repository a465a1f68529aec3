"""Points of the latent space: lines through it, grids over it."""

import torch
from torch import Tensor

from vaecourse.errors import CourseError, check_whole
from vaecourse.shapes import shape_or_type


def lerp(z_a: Tensor, z_b: Tensor, num_steps: int = 10) -> Tensor:
    """Points on the straight line from z_a to z_b, ends included.

    (latent_dim,) twice -> (num_steps, latent_dim); z = (1 − α) z_a + α z_b for equally spaced α.
    """
    z_a, z_b = _ends(z_a, z_b)
    alpha = _alphas(num_steps, z_a)
    return (1 - alpha) * z_a + alpha * z_b


def slerp(z_a: Tensor, z_b: Tensor, num_steps: int = 10) -> Tensor:
    """Points on the arc from z_a to z_b: equal angles, and a norm that goes evenly between theirs.

    (latent_dim,) twice -> (num_steps, latent_dim). Shoemake, "Animating rotation with quaternion
    curves", 1985; White, "Sampling generative networks", 2016. Raises CourseError where the arc is
    not defined: an end at the origin, or two ends in opposite directions.
    """
    z_a, z_b = _ends(z_a, z_b)
    norm_a, norm_b = z_a.norm(), z_b.norm()
    if norm_a == 0 or norm_b == 0:
        raise CourseError("slerp expects two points off the origin, got one at it; try lerp")
    direction_a, direction_b = z_a / norm_a, z_b / norm_b
    alpha = _alphas(num_steps, z_a)
    norm = (1 - alpha) * norm_a + alpha * norm_b
    angle = torch.arccos((direction_a @ direction_b).clamp(-1, 1))
    if angle < 1e-4:
        return norm * ((1 - alpha) * direction_a + alpha * direction_b)  # the arc is a line here
    if torch.pi - angle < 1e-3:
        raise CourseError("slerp expects two directions, got opposite ones; try lerp")
    on_sphere = (
        torch.sin((1 - alpha) * angle) * direction_a + torch.sin(alpha * angle) * direction_b
    )
    return norm * on_sphere / torch.sin(angle)


def _ends(z_a: Tensor, z_b: Tensor) -> tuple[Tensor, Tensor]:
    if not (isinstance(z_a, Tensor) and z_a.ndim == 1 and shape_or_type(z_b) == tuple(z_a.shape)):
        raise CourseError(
            f"expected two points of shape (latent_dim,), got {shape_or_type(z_a)} and "
            f"{shape_or_type(z_b)}; try one row of each, z[0]"
        )
    if not (z_a.isfinite().all() and z_b.isfinite().all()):
        raise CourseError("expected two finite points, got NaN or infinity; try other codes")
    dtype = torch.promote_types(z_a.dtype, torch.get_default_dtype())  # whole numbers too
    return z_a.to(dtype), z_b.to(z_a.device, dtype)


def _alphas(num_steps: int, like: Tensor) -> Tensor:
    check_whole("num_steps", num_steps, "num_steps=10", least=2)
    return torch.linspace(0, 1, num_steps, dtype=like.dtype, device=like.device)[:, None]


def prior_grid(num_per_side: int = 15) -> tuple[Tensor, Tensor]:
    """A grid over a 2-D latent space whose points stand for equal shares of the prior N(0, I).

    Returns z (num_per_side², 2) and the axis (num_per_side,), ascending. Rows run from the top
    (largest z₂) to the bottom, as an image's do. The axis holds the quantiles (i + ½) / n of
    N(0, 1): the middles of n equal shares, so that the ends are finite (the quantiles of 0 and 1
    are not).
    """
    check_whole("num_per_side", num_per_side, "15")
    middles = (torch.arange(num_per_side) + 0.5) / num_per_side
    axis = torch.special.ndtri(middles)
    z2, z1 = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    return torch.stack([z1, z2], dim=-1).reshape(-1, 2), axis

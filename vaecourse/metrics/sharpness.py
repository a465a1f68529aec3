"""How sharp pictures are: the power of their fine detail, beside that of real ones.

A score of sharpness alone is easily fooled, for noise has detail in plenty: look at both numbers.
`sharpness` says how much detail there is, `detail_explained` whether it is the right one.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from vaecourse.errors import CourseError, check_number
from vaecourse.shapes import shape_or_type
from vaecourse.vae import Image


def power_by_frequency(x: Image) -> Float[Tensor, " rings"]:
    """The power of each frequency in pictures: ring f holds that of about f cycles a picture.

    The mean over pictures and channels of |Fourier coefficient|², summed over the ring; so the sum
    of all rings is the mean of x² (Parseval). A picture of 64 × 64 pixels has 0 (its mean shade)
    to 32 cycles along a row, and up to 45 along a diagonal.
    """
    _check_pictures(x)
    wide = x.detach().to(torch.promote_types(x.dtype, torch.float32))  # of half precision too
    waves = torch.view_as_real(torch.fft.fft2(wide, norm="forward"))
    power = waves.square().sum(dim=-1).mean(dim=(0, 1))
    rings = _rings(x).to(x.device)
    rings_power = power.new_zeros(int(rings.max()) + 1)
    return rings_power.index_add(0, rings.flatten(), power.flatten()).to(x)


def sharpness(images: Image, real: Image, finer_than: float = 4.0) -> float:
    """How much fine detail the images have, as a part of what real ones have: 1 is as much.

    Detail is what repeats within `finer_than` pixels or fewer; the score is the ratio of its root
    mean squares. Blurred images get less than 1, noisy ones more. Raises CourseError for images of
    unlike shapes, and real ones without detail.
    """
    wanted, found = _detail(real, finer_than), _detail(images, finer_than)
    _check_same_shape(images, real)
    if wanted == 0:
        raise CourseError(
            f"expected real pictures with detail finer than {finer_than:g} pixels, got none; try "
            "a larger finer_than"
        )
    return (found / wanted) ** 0.5


def detail_explained(x_recon: Image, x: Image, finer_than: float = 4.0) -> float:
    """Which part of the fine detail of x is rightly drawn in x_recon: 1 − error / detail, in power.

    1 for a copy, 0 for pictures without detail, and below 0 where there is detail in wrong places,
    as noise has. Raises CourseError as `sharpness` does.
    """
    _check_pictures(x_recon)
    _check_pictures(x)
    _check_same_shape(x_recon, x)
    if len(x) != len(x_recon):
        raise CourseError(
            f"expected a reconstruction of each of {len(x)} pictures, got {len(x_recon)}; try the "
            "same slice of both"
        )
    detail = _detail(x, finer_than)
    if detail == 0:
        raise CourseError(
            f"expected pictures with detail finer than {finer_than:g} pixels, got none; try a "
            "larger finer_than"
        )
    return 1 - _detail(x - x_recon, finer_than) / detail


def _detail(x: Image, finer_than: float) -> float:
    """The power at frequencies whose period is `finer_than` pixels or less."""
    check_number("finer_than", finer_than, "finer_than=4")
    if finer_than < 2:
        raise CourseError(
            f"expected finer_than of 2 pixels or more, the finest there is, got {finer_than}; try "
            "finer_than=4"
        )
    power = power_by_frequency(x)
    least = min(x.shape[-2:]) / finer_than
    return power[torch.arange(len(power)) >= least].sum().item()


def _rings(x: Image) -> Tensor:
    """Of each Fourier coefficient (height, width): its frequency, rounded, in cycles a picture."""
    rows, columns = (torch.fft.fftfreq(size) * size for size in x.shape[-2:])
    return torch.hypot(rows[:, None], columns[None, :]).round().long()


def _check_pictures(x: object) -> None:
    if not (isinstance(x, Tensor) and x.ndim == 4 and x.numel() and x.is_floating_point()):
        raise CourseError(
            "expected pictures as a floating tensor (n, channels, height, width), not empty, got "
            f"{shape_or_type(x)}; try x[:1] for one of them"
        )


def _check_same_shape(images: Image, real: Image) -> None:
    if images.shape[1:] != real.shape[1:]:
        raise CourseError(
            f"expected pictures of one shape, got {tuple(images.shape[1:])} and "
            f"{tuple(real.shape[1:])}; try pictures of the same data set"
        )

"""Numbers of pictures: how near a copy, how slanted, how thick; how well a score finds some."""

import torch
from jaxtyping import Float
from torch import Tensor

from vaecourse.data import check_images
from vaecourse.errors import CourseError
from vaecourse.shapes import check_logits, shape_or_type
from vaecourse.vae import Image

PerImage = Float[Tensor, " batch"]


def psnr(x_recon: Image, x: Image) -> float:
    """The peak signal-to-noise ratio in decibels, −10 log₁₀ of the mean squared error of a pixel.

    Over all pixels of all images at once, for pixels in [0, 1]; infinite for a perfect copy.
    """
    check_logits(x_recon, x, "copies")
    return (-10 * (x_recon - x).square().mean().log10()).item()


def auc(usual: Tensor, strange: Tensor) -> float:
    """The chance that a strange one has the larger score than a usual one: 1 perfect, ½ guessing.

    Both are scores, one number each, (n,) and (m,); ties count ½. By scikit-learn's
    `roc_auc_score`. Raises CourseError for none of either, and for NaN.
    """
    from sklearn.metrics import roc_auc_score  # takes a second to import

    for name, scores in (("usual", usual), ("strange", strange)):
        right = isinstance(scores, Tensor) and scores.ndim == 1 and len(scores) > 0
        if not right or scores.isnan().any():
            raise CourseError(
                f"expected {name} scores (n,), one or more, without NaN, got "
                f"{shape_or_type(scores)}; try -metrics.log_likelihood(model, x)"
            )
    truth = torch.cat([torch.zeros(len(usual)), torch.ones(len(strange))])
    return float(roc_auc_score(truth, torch.cat([usual, strange]).detach().cpu()))


def slant(x: Image) -> PerImage:
    """How far the strokes of grey pictures lean to the right: pixels across for a pixel up.

    −Σ w u v / Σ w v², with the pixels' ink w and their places u (right) and v (down) seen from its
    centre: the shear that would set the picture upright. 0 where there is no height to lean.
    """
    ink = _ink(x)
    v = torch.arange(x.shape[2]).to(ink)[:, None]
    u = torch.arange(x.shape[3]).to(ink)
    v = v - (ink * v).sum(dim=(1, 2), keepdim=True)
    u = u - (ink * u).sum(dim=(1, 2), keepdim=True)
    return -(ink * u * v).sum(dim=(1, 2)) / (ink * v * v).sum(dim=(1, 2)).clamp(min=1e-9)


def thickness(x: Image) -> PerImage:
    """Of the strokes of grey pictures, in pixels: twice the ink over the length of its outline.

    The outline is measured along rows and columns, by the sum of |differences| of neighbours, so a
    diagonal stroke counts as thinner, by up to √2.
    """
    ink = x.sum(dim=(1, 2, 3))
    _ink(x)
    outline = x.diff(dim=3).abs().sum(dim=(1, 2, 3)) + x.diff(dim=2).abs().sum(dim=(1, 2, 3))
    return 2 * ink / outline.clamp(min=1e-9)


def _ink(x: Image) -> Tensor:
    """Shares of each picture's ink, (batch, height, width)."""
    check_images(x)
    total = x.sum(dim=(1, 2, 3))
    if x.shape[1] != 1 or (total == 0).any():
        raise CourseError(
            f"expected grey pictures (batch, 1, height, width) with ink in each, got "
            f"{tuple(x.shape)}, {int((total == 0).sum())} of them black; try "
            "x[x.sum((1, 2, 3)) > 0]"
        )
    return x[:, 0] / total[:, None, None]

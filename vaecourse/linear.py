"""A linear decoder with Gaussian pixels, of which log p(x) and p(z|x) are known exactly.

p(z) = N(0, I), p(x|z) = N(Wz + b, std² I): probabilistic principal components (Tipping and Bishop,
"Probabilistic principal component analysis", 1999). W has the shape (pixels, latent_dim), as an
`nn.Linear(latent_dim, pixels)` keeps it; b has (pixels,). Images may be flat, (batch, pixels). The
likelihood is `functools.partial(vae.normal_nll, std=std)`, where the decoder gives the mean.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal

from vaecourse.errors import CourseError, check_number
from vaecourse.shapes import check_std, shape_or_type
from vaecourse.vae import Code, Image, Nats

Weight = Float[Tensor, "pixels latent_dim"]
Bias = Float[Tensor, " pixels"]


def log_evidence(x: Image, weight: Weight, bias: Bias, std: float) -> Nats:
    """log p(x) = log N(x; b, WWᵀ + std² I) in nats an image, exactly: computed in float64.

    Raises CourseError for a weight and a bias that do not fit the images, for what is not finite,
    and for a std that is not above 0, or so small or large that float64 cannot do it.
    """
    flat, W, b = _fitting(x, weight, bias, std)
    with _solvable(std):
        density = LowRankMultivariateNormal(b, W, torch.full_like(b, std**2))
        return density.log_prob(flat).to(x)


def posterior(
    x: Image, weight: Weight, bias: Bias, std: float
) -> tuple[Code, Float[Tensor, "latent_dim latent_dim"]]:
    """The mean of p(z|x), an image a row, and its covariance, which is the same for all images.

    covariance = (I + WᵀW / std²)⁻¹, mean = covariance Wᵀ (x − b) / std². Raises CourseError as
    `log_evidence` does.
    """
    flat, W, b = _fitting(x, weight, bias, std)
    with _solvable(std):
        precision = torch.eye(W.shape[1], dtype=W.dtype) + W.T @ W / std**2
        covariance = torch.cholesky_inverse(torch.linalg.cholesky(precision))
    mean = (flat - b) @ W @ covariance / std**2
    return mean.to(x), covariance.to(x)


def _fitting(x: Image, weight: Weight, bias: Bias, std: float) -> tuple[Tensor, Tensor, Tensor]:
    """Flat images, W and b as float64 (on the CPU: an Apple GPU has none)."""
    if not (isinstance(x, Tensor) and x.is_floating_point() and x.ndim > 1 and x.numel()):
        raise CourseError(
            f"expected images as floats of shape (batch, …), not empty, got {shape_or_type(x)}; "
            "try x.float()"
        )
    size = math.prod(x.shape[1:])
    right = isinstance(weight, Tensor) and weight.ndim == 2 and len(weight) == size
    right = right and weight.numel() > 0 and not weight.is_complex()
    if not (right and isinstance(bias, Tensor) and bias.shape == (size,)):
        raise CourseError(
            f"expected a weight ({size}, latent_dim) and a bias ({size},) for images of {size} "
            f"pixels, got {shape_or_type(weight)} and {shape_or_type(bias)}; "
            "try layer.weight and layer.bias of the decoder's nn.Linear"
        )
    flat, W, b = (each.to("cpu", torch.float64) for each in (x.flatten(1), weight, bias))
    for name, values in (("images", flat), ("a weight", W), ("a bias", b)):
        if not values.isfinite().all():
            raise CourseError(
                f"expected {name} of finite numbers, got NaN or infinity; "
                "try other images, or look for weights that are NaN"
            )
    check_number("std", std, "std=0.1")  # one number here
    check_std(std, x)
    return flat, W, b


@contextmanager
def _solvable(std: float) -> Iterator[None]:
    try:
        yield
    except (torch.linalg.LinAlgError, OverflowError, ValueError):
        raise CourseError(
            f"expected a std for which float64 can do it, got {std}; try std=0.1"
        ) from None

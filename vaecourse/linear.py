"""A linear decoder with Gaussian pixels, of which log p(x) and p(z|x) are known exactly.

p(z) = N(0, I), p(x|z) = N(Wz + b, std² I): probabilistic principal components (Tipping and Bishop,
"Probabilistic principal component analysis", 1999). W has the shape (pixels, latent_dim), as an
`nn.Linear(latent_dim, pixels)` keeps it; b has (pixels,). Images may be flat, (batch, pixels).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal

from vaecourse.errors import CourseError, check_number
from vaecourse.shapes import shape_or_type
from vaecourse.vae import Code, Image, Nats

Weight = Float[Tensor, "pixels latent_dim"]
Bias = Float[Tensor, " pixels"]


def linear_nll(mean: Image, x: Image, std: float | Tensor) -> Nats:
    """−log N(x; mean, std² I) in nats, with its constant: what is decoded is the mean itself.

    `functools.partial(linear_nll, std=0.1)` is an `nll` as `negative_elbo` takes it. `std` is one
    number, or a tensor that broadcasts to the images; a tensor may be learned.
    """
    if not isinstance(mean, Tensor) or mean.shape != x.shape:
        raise CourseError(
            f"expected a mean of the images' shape {tuple(x.shape)}, got {shape_or_type(mean)}; "
            f"try a decoder with shape={tuple(x.shape[1:])}"
        )
    log_std = std.log() if isinstance(std, Tensor) else math.log(_checked(std))
    pixels = 0.5 * ((x - mean) / std).square() + log_std + 0.5 * math.log(2 * math.pi)
    return pixels.flatten(1).sum(dim=1)


def log_evidence(x: Image, weight: Weight, bias: Bias, std: float) -> Nats:
    """log p(x) = log N(x; b, WWᵀ + std² I) in nats an image, exactly: computed in float64.

    Raises CourseError for a weight and a bias that do not fit the images, and for a std that is not
    above 0.
    """
    flat, W, b = _fitting(x, weight, bias)
    variance = torch.full_like(b, _checked(std) ** 2)
    return LowRankMultivariateNormal(b, W, variance).log_prob(flat).to(x)


def posterior(
    x: Image, weight: Weight, bias: Bias, std: float
) -> tuple[Code, Float[Tensor, "latent_dim latent_dim"]]:
    """The mean of p(z|x), an image a row, and its covariance, which is the same for all images.

    covariance = (I + WᵀW / std²)⁻¹, mean = covariance Wᵀ (x − b) / std². Raises CourseError as
    `log_evidence` does.
    """
    flat, W, b = _fitting(x, weight, bias)
    precision = torch.eye(W.shape[1], dtype=W.dtype) + W.T @ W / _checked(std) ** 2
    covariance = torch.cholesky_inverse(torch.linalg.cholesky(precision))
    mean = (flat - b) @ W @ covariance / std**2
    return mean.to(x), covariance.to(x)


def _fitting(x: Image, weight: Weight, bias: Bias) -> tuple[Tensor, Tensor, Tensor]:
    """Flat images, W and b as float64 (on the CPU: an Apple GPU has none)."""
    if not (isinstance(x, Tensor) and x.is_floating_point() and x.ndim > 1):
        raise CourseError(
            f"expected images as floats of shape (batch, …), got {shape_or_type(x)}; try x.float()"
        )
    size = math.prod(x.shape[1:])
    right = isinstance(weight, Tensor) and weight.ndim == 2 and len(weight) == size
    if not (right and isinstance(bias, Tensor) and bias.shape == (size,)):
        raise CourseError(
            f"expected a weight ({size}, latent_dim) and a bias ({size},) for images of {size} "
            f"pixels, got {shape_or_type(weight)} and {shape_or_type(bias)}; "
            "try layer.weight and layer.bias of the decoder's nn.Linear"
        )
    flat, W, b = (each.to("cpu", torch.float64) for each in (x.flatten(1), weight, bias))
    return flat, W, b


def _checked(std: float) -> float:
    check_number("std", std, "std=0.1")
    if std == 0:
        raise CourseError("expected a std above 0, got 0; try std=0.1")
    return std

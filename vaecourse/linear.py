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

from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.shapes import check_std, shape_or_type
from vaecourse.vae import Code, Image, Nats

Weight = Float[Tensor, "pixels latent_dim"]
Bias = Float[Tensor, " pixels"]
Spectrum = Float[Tensor, " pixels"]


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


def rate_distortion(
    eigenvalues: Spectrum, beta: float, std: float, latent_dim: int | None = None
) -> tuple[float, float]:
    """Rate and distortion of the best linear β-VAE: mean KL and mean −log p(x|z), in nats an image.

    `eigenvalues` λ are those of the data's covariance, all of them: (pixels,), in any order. The
    least value of distortion + beta · rate over W, b and every encoder has, with noise = beta std²,

        rate = Σ ½ log(λ / noise) over the active λ
        distortion = pixels · ½ log(2π std²) + Σ min(λ, noise) / (2 std²)

    Active are the λ above noise: no more than `latent_dim` of them, the largest (None: no limit;
    a λ left out by that limit counts whole in the distortion).
    Why: for a fixed W the best q(z|x) is ∝ p(z) p(x|z)^(1/beta), the posterior of a model whose
    noise is beta std²; the best W is then that of probabilistic principal components with that
    noise, W's squared length being λ − noise along an active direction, and 0 along the others.
    So all has collapsed from beta = λ_max / std² on. That is the reverse water-filling of rate-
    distortion theory. beta = 1: Lucas and others, "Don't blame the ELBO!", arXiv:1911.02469. The
    curve, whose slope dD/dR is −beta: Alemi and others, "Fixing a broken ELBO", arXiv:1711.00464.

    Raises CourseError for a beta or a std that is not above 0, and for eigenvalues that are
    negative or not finite.
    """
    values, noise = _spectrum(eigenvalues, beta, std)
    num_active = active_dimensions(eigenvalues, beta, std, latent_dim)
    active, rest = values[:num_active], values[num_active:]
    rate = 0.5 * (active / noise).log().sum()
    # an active direction is left with the error noise / std² = beta
    error = num_active * beta + rest.sum() / std**2
    constant = 0.5 * len(values) * math.log(2 * math.pi * std**2)
    return rate.item(), (constant + 0.5 * error).item()


def active_dimensions(
    eigenvalues: Spectrum, beta: float, std: float, latent_dim: int | None = None
) -> int:
    """How many latent dimensions the best linear β-VAE uses: eigenvalues above beta · std².

    At most `latent_dim`. The others have collapsed to the prior. See `rate_distortion`.
    """
    values, noise = _spectrum(eigenvalues, beta, std)
    if latent_dim is None:
        latent_dim = len(values)
    check_whole("latent_dim", latent_dim, "latent_dim=2")
    return min(int((values > noise).sum()), int(latent_dim))


def _spectrum(eigenvalues: Spectrum, beta: float, std: float) -> tuple[Tensor, float]:
    """The eigenvalues in float64, the largest first, and beta · std²."""
    right = isinstance(eigenvalues, Tensor) and eigenvalues.ndim == 1 and eigenvalues.numel() > 0
    if not right or eigenvalues.is_complex():
        raise CourseError(
            f"expected eigenvalues as real numbers of shape (pixels,), got "
            f"{shape_or_type(eigenvalues)}; try torch.linalg.eigvalsh(covariance)"
        )
    values = eigenvalues.detach().to("cpu", torch.float64).sort(descending=True).values
    if not (values.isfinite() & (values >= 0)).all():
        bad = values[~(values.isfinite() & (values >= 0))][0].item()
        raise CourseError(
            f"expected eigenvalues of 0 or more, and finite, got {bad:.3g}; "
            "try eigenvalues.clamp(min=0), which mends what rounding made of a 0"
        )
    check_number("beta", beta, "beta=1")
    check_number("std", std, "std=0.1")
    for name, value, hint in (("beta", beta, "beta=1"), ("std", std, "std=0.1")):
        if not value > 0:
            raise CourseError(f"expected {name} above 0, got {value}; try {hint}")
    with _solvable(std):
        noise = float(beta) * float(std) ** 2
        if not (0 < float(std) ** 2 < math.inf and 0 < noise < math.inf):
            raise OverflowError
    return values, noise


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

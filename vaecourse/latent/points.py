"""Points of the latent space: lines through it, grids over it, densities on it, a map of it."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

from vaecourse.device import check_seed
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.shapes import check_codes, check_posterior, check_width, shape_or_type
from vaecourse.vae import Code


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


def aggregated_posterior(mu: Code, logvar: Code) -> MixtureSameFamily:
    """q(z) = 1/n Σ q(z|x_i): the mixture of the n images' posteriors, one draw of each in n.

    `.sample((m,))` gives (m, latent_dim), `.log_prob(z)` nats, `.mean` and `.variance` what they
    say; log_prob holds len(z) · n · latent_dim numbers at once. (Called the aggregated posterior by
    Makhzani and others, "Adversarial autoencoders", arXiv:1511.05644.) Raises CourseError for
    codes that are not finite, and for a width that is 0 or infinite in numbers of its type.
    """
    check_posterior(mu, logvar)
    mu, logvar = mu.detach(), logvar.detach()
    check_codes("posteriors", mu)
    check_codes("log-variances", logvar)
    check_width(logvar)
    std = torch.exp(0.5 * logvar)
    if not (std > 0).all():
        raise CourseError(
            f"expected widths above 0, got a logvar of {logvar.min().item():.4g}, whose exp is 0; "
            "try logvar.double(), or logvar.clamp(min=-60)"
        )
    weights = Categorical(torch.ones_like(mu[:, 0]))
    return MixtureSameFamily(weights, Independent(Normal(mu, std), 1))


def fit_gaussians(z: Code, num_gaussians: int = 1, seed: int = 0) -> MixtureSameFamily:
    """A mixture of Gaussians with full covariances, fitted to the codes z by scikit-learn.

    `.sample((n,))` gives (n, latent_dim), by torch's random numbers, `.log_prob(z)` nats. One
    Gaussian has the codes' mean and covariance (1e-6 added to its diagonal). Raises CourseError for
    codes that are not finite, too few, or too few different ones.
    """
    from sklearn.mixture import GaussianMixture  # takes a second to import

    check_whole("num_gaussians", num_gaussians, "num_gaussians=20")
    check_seed(seed)
    check_codes("codes", z)
    least, count = num_gaussians * (z.shape[1] + 1), len(z.detach().unique(dim=0))
    if count < least:
        raise CourseError(
            f"expected {least} different codes or more for {num_gaussians} Gaussians in "
            f"{z.shape[1]} dimensions, got {count}; try more images, or num_gaussians=1"
        )
    fitted = GaussianMixture(num_gaussians, max_iter=1000, random_state=seed % 2**32)
    fitted.fit(z.detach().cpu().double().numpy())
    # triangular in float64: of codes near a plane, float32 would lose the 1e-6
    tril = torch.linalg.cholesky(torch.from_numpy(fitted.covariances_))
    dtype = torch.promote_types(z.dtype, torch.float32)  # narrower numbers cannot solve
    weights, means, scale_tril = (
        each.to(z.device, dtype)
        for each in (torch.from_numpy(fitted.weights_), torch.from_numpy(fitted.means_), tril)
    )
    return MixtureSameFamily(Categorical(weights), MultivariateNormal(means, scale_tril=scale_tril))


def tsne(z: Code, perplexity: float = 30, seed: int = 0) -> Float[Tensor, "n 2"]:
    """A map of the codes z in the plane that tries to keep who is near whom, by scikit-learn.

    Each code takes about `perplexity` others for its neighbours. The map's axes and scale mean
    nothing, and distances in it are not those of the codes (van der Maaten and Hinton, "Visualizing
    data using t-SNE", 2008). It starts from the first two principal components. Raises CourseError
    for codes that are not finite, all equal or of one dimension, and for a perplexity below 1 or
    not below the number of codes.
    """
    from sklearn.manifold import TSNE  # takes a second to import

    check_seed(seed)
    check_codes("codes", z)
    check_number("perplexity", perplexity, "perplexity=30", least=1)
    if perplexity >= len(z):
        raise CourseError(
            f"expected a perplexity below the number of codes, {len(z)}, got {perplexity}; try "
            f"more codes, or perplexity={max(1, len(z) // 10)}"
        )
    if z.shape[1] < 2 or not (z != z[0]).any():
        what = "codes of one dimension" if z.shape[1] < 2 else f"{len(z)} equal codes"
        raise CourseError(
            f"expected codes that differ, of two dimensions or more, got {what}; try "
            "model.encode(x)[0] of a VAE with latent_dim=10"
        )
    mapping = TSNE(2, perplexity=float(perplexity), init="pca", random_state=seed % 2**32)
    plane = mapping.fit_transform(z.detach().cpu().double().numpy())
    return torch.from_numpy(plane).to(z)

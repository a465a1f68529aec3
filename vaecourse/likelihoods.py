"""Likelihoods of grey pixels that sum or integrate to one, and the units to compare them in.

All are −log p(x|z) in nats, summed over pixels: one number an image. Those of a density change
with the unit of x and have no least value; those of a probability mass are never below 0.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.shapes import check_logits, check_per_image, check_std, shape_or_type
from vaecourse.vae import Image, Nats, check_vae, gaussian_kl, normal_nll

SMALL = 0.5  # below this |logit| a series is more exact than the closed form


def continuous_bernoulli_nll(logits: Image, x: Image) -> Nats:
    """−log p(x|z) in nats, p(x) = exp(logit · x) / ∫ exp(logit · t) dt for x and t in [0, 1].

    The continuous Bernoulli: the density in proportion to the Bernoulli's λ^x (1 − λ)^(1 − x), λ =
    sigmoid(logit), and normalised (Loaiza-Ganem and Cunningham, arXiv:1907.06845, section 3). Exact
    for every logit, where torch.distributions.ContinuousBernoulli stops at probabilities that a
    float can tell from 1. The mean is `continuous_bernoulli_mean`, not λ.
    """
    check_logits(logits, x)
    _check_shades(x)
    pixels = _log_integral(logits) - logits * x
    return pixels.flatten(1).sum(dim=1)


def continuous_bernoulli_mean(logits: Tensor) -> Tensor:
    """E[x] = 1 / (1 − exp(−logit)) − 1 / logit, of a continuous Bernoulli, of the logits' shape.

    ½ at logit 0, and nearer to ½ than sigmoid(logit) elsewhere (same paper, section 3).
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        raise CourseError(
            f"expected logits as a floating tensor, got {shape_or_type(logits)}; "
            "try model.decode(z)"
        )
    far = logits.abs() >= SMALL
    a = torch.where(far, logits.abs(), 1.0)
    above = -1 / torch.expm1(-a) - 1 / a  # of |logit|; the other side is its mirror image
    exact = torch.where(logits < 0, 1 - above, above)
    h = logits / 2
    s = h.square()
    series = 0.5 + h / 6 * (1 - s / 15 * (1 - 2 * s / 21 * (1 - s / 10 * (1 - 10 * s / 99))))
    return torch.where(far, exact, series)


def discretised_normal_nll(
    mean: Image, x: Image, std: float | Tensor = 0.1, levels: int = 256
) -> Nats:
    """−log P(x|z) in nats: the probability mass that N(mean, std²) gives each pixel's grey level.

    The levels are 0, 1/(levels − 1), …, 1; a level gets what lies nearer to it than to another, and
    the first and the last all that lies outside. The masses sum to one (as the discretised logistic
    of Salimans and others, arXiv:1701.05517, section 2.1, with a normal in its place).
    """
    check_logits(mean, x, "a mean")
    check_std(std, x)
    check_whole("levels", levels, "levels=256", least=2)
    _check_shades(x)
    level = (x * (levels - 1)).round()
    if x.device.type == "cpu" and (x * (levels - 1) - level).abs().max() > 0.01:
        raise CourseError(
            f"expected grey levels 0, 1/{levels - 1}, …, 1, got a pixel between two; "
            f"try (x * {levels - 1}).round() / {levels - 1}"
        )
    std = torch.as_tensor(std, dtype=x.dtype, device=x.device)
    if std.device.type == "cpu" and not (std > 0).all():
        raise CourseError(f"expected a std above 0, got {std.min().item():.4g}; try std=0.1")
    low = ((level - 0.5) / (levels - 1) - mean) / std
    high = ((level + 0.5) / (levels - 1) - mean) / std
    right = low + high > 0  # Φ is known best on the left: there a tail is no 1 − 0.9999…
    first = torch.special.log_ndtr(torch.where(right, -low, high))
    second = torch.special.log_ndtr(torch.where(right, -high, low))
    inside = first + torch.log(-torch.expm1(second - first))
    below, above = torch.special.log_ndtr(high), torch.special.log_ndtr(-low)
    log_mass = torch.where(level == 0, below, torch.where(level == levels - 1, above, inside))
    return -log_mass.flatten(1).sum(dim=1)


def bits_per_dimension(nats: Nats, x: Image, levels: int | None = None) -> Nats:
    """−log p of images x, in bits for each of the D numbers of an image: nats / (D ln 2).

    So for a probability *mass*. A *density* on [0, 1] needs `levels`, the number of grey levels:
    log₂ levels is added, 8 for 256. That is the mass of a bin of width 1/levels on which the
    density is flat; where it is not flat, and x no dequantised image, it is no mass (Theis, van den
    Oord and Bethge, arXiv:1511.01844, section 3.1).
    """
    if not isinstance(x, Tensor) or x.ndim < 2 or not x.numel():
        raise CourseError(f"expected images x, got {shape_or_type(x)}; try x[:1] for one of them")
    check_per_image("nats", nats, len(x))
    bits = nats / (x[0].numel() * math.log(2))
    if levels is None:
        return bits
    check_whole("levels", levels, "levels=256", least=2)
    return bits + math.log2(levels)


def grey_floor(x: Image) -> Nats:
    """The least that `bernoulli_nll` can be for the images x, in nats: the entropy of their greys.

    −Σ (x log x + (1 − x) log(1 − x)), reached where sigmoid(logits) = x; 0 for black and white.
    """
    if not isinstance(x, Tensor) or x.ndim < 2 or not x.is_floating_point():
        raise CourseError(
            f"expected images as floats (batch, …), got {shape_or_type(x)}; try x.float()"
        )
    _check_shades(x)
    return (torch.special.entr(x) + torch.special.entr(1 - x)).flatten(1).sum(dim=1)


def optimal_std(mean: Image, x: Image) -> Tensor:
    """The one std under which the pixels x are likeliest as N(mean, std²), in the unit of x.

    The root of the mean of (x − mean)² over all pixels of all images, a tensor of shape () (Rybkin,
    Daniilidis and Levine, "Simple and effective VAE training with calibrated decoders",
    arXiv:2006.13202).
    """
    check_logits(mean, x, "a mean")
    return F.mse_loss(mean, x).sqrt()


def optimal_std_elbo(model: nn.Module, x: Image, beta: float = 1.0) -> tuple[Nats, dict[str, Nats]]:
    """−ELBO of pixels N(x_recon, std²), with the std that is best for this batch (the σ-VAE).

    The batch mean of recon_nll is D log std + ½ D log 2πe for images of D numbers, and so is its
    gradient: at the best std, no gradient comes by way of std (arXiv:2006.13202).
    Scored on other images, take the std of the training images and `gaussian_nll`.
    """
    check_vae(model)
    check_number("beta", beta, "beta=1")
    logits, mu, logvar = model(x)
    check_logits(logits, x)
    std = optimal_std(logits.sigmoid(), x)
    if std.device.type == "cpu" and std == 0:
        raise CourseError(
            "expected pictures that miss x somewhere, got a perfect copy, whose best std is 0 and "
            "whose likelihood is infinite; try discretised_normal_nll"
        )
    recon_nll = normal_nll(logits.sigmoid(), x, std)
    kl = gaussian_kl(mu, logvar)
    return recon_nll + beta * kl, {"recon_nll": recon_nll, "kl": kl}


optimal_std_elbo.capturable = True  # type: ignore[attr-defined]  # see device.may_be_captured


def _log_integral(logits: Tensor) -> Tensor:
    """log ∫ exp(logit · t) dt over t in [0, 1], and its gradient, to the last digits of a float."""
    far = logits.abs() >= SMALL
    a = torch.where(far, logits.abs(), 1.0)
    exact = F.relu(logits) + torch.log(-torch.expm1(-a)) - a.log()
    s = (logits / 2).square()  # log(sinh h / h), h = logit / 2
    series = logits / 2 + s / 6 * (
        1 - s / 30 * (1 - 4 * s / 63 * (1 - 3 * s / 40 * (1 - 8 * s / 99)))
    )
    return torch.where(far, exact, series)


def _check_shades(x: Tensor) -> None:
    """CourseError for pixels outside [0, 1] or NaN; on a GPU they are not looked at."""
    if x.device.type != "cpu" or not x.numel():
        return
    low, high = (value.item() for value in x.aminmax())
    if not 0 <= low <= high <= 1:
        raise CourseError(
            f"expected pixels in [0, 1], got values from {low:.4g} to {high:.4g}; "
            "try x / 255, or x.clamp(0, 1)"
        )

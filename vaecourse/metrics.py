"""How good a trained model is, and how much of its latent space it uses."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights, seeded
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.objectives import Likelihood, importance_weighted_bound
from vaecourse.shapes import shape_or_type
from vaecourse.vae import Code, Image, Nats, bernoulli_nll, gaussian_kl_by_dimension


def log_likelihood(
    model: nn.Module,
    x: Image,
    num_samples: int = 500,
    seed: int = 0,
    max_rows: int = 20_000,
    nll: Likelihood = bernoulli_nll,
) -> Nats:
    """The importance-weighted estimate of log p(x), in nats an image.

    Minus `importance_weighted_bound` with k = `num_samples`: never above log p(x) on average, and
    closer to it the larger k is. With k = 1 it is the ELBO's one-sample estimate. Where q(z|x) is
    much narrower than the true posterior it may lie far below even for a large k. For grey pixels
    p(x|z) is not normalised, see `bernoulli_nll`. At most `max_rows` pictures are decoded at once.
    The caller's random state is left alone. Raises CourseError for fewer than one sample, images
    that are none (for a likelihood other than Bernoulli's they may leave [0, 1]), an autoencoder,
    and an estimate that is not finite.
    """
    check_images(x, shades=nll is bernoulli_nll)
    check_whole("num_samples", num_samples, "500")
    check_whole("max_rows", max_rows, "max_rows=20_000")
    at_once = max(1, int(max_rows // num_samples))  # images
    with evaluating(model), seeded(seed):
        bounds = torch.cat(
            [
                importance_weighted_bound(model, like_weights(model, images), num_samples, nll)[0]
                for images in x.split(at_once)
            ]
        )
    if not bounds.isfinite().all():
        first = int((~bounds.isfinite()).nonzero()[0])
        raise CourseError(
            f"expected a finite estimate, got {-bounds[first].item()} for x[{first}]; try an "
            "encoder that gives the logarithm of the variance, or look for weights that are NaN"
        )
    return -bounds


def effective_sample_size(log_weights: Float[Tensor, "num_samples batch"]) -> Nats:
    """(Σ w)² / Σ w² of each image's weights: as how many equal ones they count, from 1 to k.

    Of `objectives.log_weights`, whose logarithms are given. Near 1 a single draw decides alone, and
    the estimate that they make is not to be trusted; but from draws that all miss the posterior it
    may look well (Kong, Liu and Wong, "Sequential imputations and Bayesian missing data problems",
    1994). Raises CourseError for anything but (num_samples, batch) without NaN and +∞.
    """
    right = isinstance(log_weights, Tensor) and log_weights.ndim == 2 and len(log_weights) > 0
    if not (right and log_weights.is_floating_point()):
        raise CourseError(
            "expected the logarithms of weights as a floating tensor (num_samples, batch), got "
            f"{shape_or_type(log_weights)}; try objectives.log_weights(model, x, 500)"
        )
    largest = log_weights.detach().amax(dim=0)
    if not largest.isfinite().all():
        raise CourseError(
            "expected weights of which one is above 0 and none NaN or infinite, got a largest "
            f"logarithm of {largest[~largest.isfinite()][0].item()}; try weights without exp, and "
            "look for NaN in the model"
        )
    w = (log_weights.detach() - largest).exp()
    return (w.sum(dim=0).square() / w.square().sum(dim=0)).clamp(1, len(w))


def kl_by_dimension(model: nn.Module, x: Image) -> Float[Tensor, " latent_dim"]:
    """How far q(z|x) is from the prior in each latent dimension: nats an image, the mean over x."""
    mu, logvar = _codes(model, x)
    if logvar is None:
        raise CourseError(
            f"expected a VAE, got {type(model).__name__}, whose encoder gives no logvar; "
            "try active_units"
        )
    return gaussian_kl_by_dimension(mu, logvar).mean(dim=0)


def active_units(model: nn.Module, x: Image, threshold: float = 0.01) -> int:
    """How many latent dimensions say anything about the images x.

    A dimension is active if its posterior mean (an autoencoder's code) varies from image to image
    by more than `threshold`, as a variance (Burda, Grosse and Salakhutdinov, arXiv:1509.00519,
    section 5).
    """
    check_number("threshold", threshold, "threshold=0.01")
    return int((_codes(model, x)[0].var(dim=0, correction=0) > threshold).sum())


def _codes(model: nn.Module, x: Image) -> tuple[Code, Code | None]:
    """mu and logvar of all images; the codes of an autoencoder, and None."""
    check_images(x)
    encode = getattr(model, "encode", None)
    if encode is None:
        raise CourseError(
            f"expected a model with `encode`, got {type(model).__name__}; "
            "try a VAE or an Autoencoder"
        )
    with evaluating(model):
        codes = [encode(like_weights(model, images)) for images in x.split(1000)]
    if isinstance(codes[0], Tensor):
        return torch.cat(codes), None
    mus, logvars = zip(*codes, strict=True)
    return torch.cat(mus), torch.cat(logvars)

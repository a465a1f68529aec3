"""How good a trained model is, and how much of its latent space it uses."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights, seeded
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.objectives import importance_weighted_bound
from vaecourse.vae import Code, Image, Nats, gaussian_kl_by_dimension


def log_likelihood(
    model: nn.Module, x: Image, num_samples: int = 500, seed: int = 0, max_rows: int = 20_000
) -> Nats:
    """The importance-weighted estimate of log p(x), in nats an image, for Bernoulli pixels.

    Minus `importance_weighted_bound` with k = `num_samples`: never above log p(x) on average, and
    closer to it the larger k is. With k = 1 it is the ELBO's one-sample estimate. Where q(z|x) is
    much narrower than the true posterior it may lie far below even for a large k. For grey pixels
    p(x|z) is not normalised, see `bernoulli_nll`. At most `max_rows` pictures are decoded at once.
    The caller's random state is left alone. Raises CourseError for fewer than one sample, images
    that are none, and an autoencoder.
    """
    check_images(x)
    check_whole("num_samples", num_samples, "500")
    check_whole("max_rows", max_rows, "max_rows=20_000")
    at_once = max(1, int(max_rows // num_samples))  # images
    with evaluating(model), seeded(seed):
        bounds = [
            importance_weighted_bound(model, like_weights(model, images), num_samples)[0]
            for images in x.split(at_once)
        ]
    return -torch.cat(bounds)


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

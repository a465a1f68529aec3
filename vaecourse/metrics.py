"""How good a trained model is, and how much of its latent space it uses."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaecourse.device import evaluating, seeded
from vaecourse.errors import CourseError
from vaecourse.objectives import importance_weighted_bound
from vaecourse.vae import Code, Image, Nats, gaussian_kl_by_dimension


def log_likelihood(
    model: nn.Module, x: Image, num_samples: int = 500, seed: int = 0, max_rows: int = 20_000
) -> Nats:
    """The importance-weighted estimate of log p(x), in nats an image, for Bernoulli pixels.

    Minus `importance_weighted_bound` with k = `num_samples`: never above log p(x) on average, and
    closer to it the larger k is. With k = 1 it is the ELBO's one-sample estimate. Where q(z|x) is
    much narrower than the true posterior it may lie far below even for a large k. For grey pixels
    p(x|z) is not normalised, see `bernoulli_nll`. At most `max_rows` pictures are decoded at once;
    `x` lies on the model's device, and the caller's random state is left alone. Raises CourseError
    for fewer than one sample.
    """
    if num_samples < 1:
        raise CourseError(f"expected num_samples of 1 or more, got {num_samples}; try 500")
    at_once = max(1, max_rows // num_samples)  # images
    with evaluating(model), seeded(seed):
        bounds = [
            importance_weighted_bound(model, images, num_samples)[0] for images in x.split(at_once)
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
    """How many latent dimensions say anything about the images x, on the model's device.

    A dimension is active if its posterior mean (an autoencoder's code) varies from image to image
    by more than `threshold`, as a variance (Burda, Grosse and Salakhutdinov, arXiv:1509.00519,
    section 5).
    """
    return int((_codes(model, x)[0].var(dim=0, correction=0) > threshold).sum())


def _codes(model: nn.Module, x: Image) -> tuple[Code, Code | None]:
    """mu and logvar of all images; the codes of an autoencoder, and None."""
    with evaluating(model):
        codes = [model.encode(images) for images in x.split(1000)]  # type: ignore[operator]
    if isinstance(codes[0], Tensor):
        return torch.cat(codes), None
    mus, logvars = zip(*codes, strict=True)
    return torch.cat(mus), torch.cat(logvars)

"""How good a trained VAE is, in nats an image."""

import math

import torch
from torch import Tensor, nn

from vaecourse.vae import reconstruction_nll


@torch.inference_mode()
def log_likelihood(
    model: nn.Module, x: Tensor, num_samples: int = 500, seed: int = 0, max_rows: int = 20_000
) -> Tensor:
    """The importance-weighted estimate of log p(x): images (n, …) -> (n,) nats, Bernoulli pixels.

    log 1/k Σ p(x|z_i) p(z_i) / q(z_i|x) with k = `num_samples` draws z_i from q(z|x): never above
    log p(x) on average, and closer to it the larger k is (Burda, Grosse and Salakhutdinov,
    arXiv:1509.00519, equations 8 and 9). With k = 1 it is the ELBO's one-sample estimate. For grey
    pixels p(x|z) is not normalised, see `reconstruction_nll`. At most `max_rows` pictures are
    decoded at once; `x` lies on the model's device, and the caller's random state is left alone.
    """
    generator = torch.Generator(x.device).manual_seed(seed)
    at_once = max(1, max_rows // num_samples)  # images
    was_training = model.training
    model.eval()
    estimates = []
    for images in x.split(at_once):
        mu, logvar = model.encode(images)  # type: ignore[operator]
        shape = (num_samples, *mu.shape)
        eps = torch.randn(shape, generator=generator, device=x.device, dtype=mu.dtype)
        z = mu + torch.exp(0.5 * logvar) * eps
        logits = model.decode(z.flatten(0, 1))  # type: ignore[operator]
        recon_nll = reconstruction_nll(logits, images.repeat(num_samples, *[1] * (x.ndim - 1)))
        # log p(z) − log q(z|x); the constants −½ log 2π cancel
        log_ratio = 0.5 * (eps.square() + logvar - z.square()).sum(dim=2)
        log_weight = log_ratio - recon_nll.view(num_samples, -1)
        estimates.append(log_weight.logsumexp(dim=0) - math.log(num_samples))
    model.train(was_training)
    return torch.cat(estimates)


@torch.inference_mode()
def active_units(model: nn.Module, x: Tensor, threshold: float = 0.01) -> int:
    """How many latent dimensions say anything about the images x (n, …), on the model's device.

    A dimension is active if its posterior mean varies from image to image by more than
    `threshold`, as a variance (Burda, Grosse and Salakhutdinov, arXiv:1509.00519, section 5).
    """
    was_training = model.training
    model.eval()
    mu = torch.cat([model.encode(images)[0] for images in x.split(1000)])  # type: ignore[operator]
    model.train(was_training)
    return int((mu.var(dim=0, correction=0) > threshold).sum())

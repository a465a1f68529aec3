"""Ten broken VAEs, each with one mistake as people write it, and five laws that find them.

`patient(name)` gives a model and its objective, to be trained as any other; all start from the same
weights, so that two patients differ by their mistake alone. What a patient logs is what its own
code believes. `examine` asks a VAE for the five laws; the healthy one keeps them all, trained or
not.
"""

import copy
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from vaecourse.device import evaluating, seeded
from vaecourse.errors import CourseError, check_whole, unknown_name
from vaecourse.networks import DIGIT, MLPDecoder, Shape
from vaecourse.objectives import Terms
from vaecourse.shapes import shape_or_type
from vaecourse.vae import (
    VAE,
    Code,
    Image,
    bernoulli_nll,
    check_vae,
    gaussian_kl,
    gaussian_kl_by_dimension,
    negative_elbo,
)

Objective = Callable[[nn.Module, Tensor], Terms]

# -- mistakes in the loss: all give (batch,), and log their own terms ------------------------------


def kl_without_its_half(model: nn.Module, x: Image) -> Terms:
    logits, mu, logvar = model(x)
    recon_nll = bernoulli_nll(logits, x)
    kl = (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
    return recon_nll + kl, {"recon_nll": recon_nll, "kl": kl}


def mean_over_latents(model: nn.Module, x: Image) -> Terms:
    logits, mu, logvar = model(x)
    recon_nll = bernoulli_nll(logits, x)
    kl = gaussian_kl_by_dimension(mu, logvar).mean(dim=1)
    return recon_nll + kl, {"recon_nll": recon_nll, "kl": kl}


def negated_kl(model: nn.Module, x: Image) -> Terms:
    logits, mu, logvar = model(x)
    recon_nll = bernoulli_nll(logits, x)
    kl = 0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1)
    return recon_nll + kl, {"recon_nll": recon_nll, "kl": kl}


def beta_times_784(model: nn.Module, x: Image) -> Terms:
    """A mean over the pixels beside a sum over the latents weighs the KL 784 times."""
    logits, mu, logvar = model(x)
    pixels = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    recon_nll = pixels.flatten(1).mean(dim=1)
    kl = gaussian_kl(mu, logvar)
    return recon_nll + kl, {"recon_nll": recon_nll, "kl": kl}


# -- mistakes in the model -------------------------------------------------------------------------


class SigmaAsLogvar(VAE):
    """The encoder's second half is σ here, and log σ² in the KL."""

    def reparameterize(self, mu: Code, logvar: Code) -> Code:
        eps = torch.randn_like(mu)
        return mu + logvar * eps


class NotSampled(VAE):
    def reparameterize(self, mu: Code, logvar: Code) -> Code:
        return mu


class OneEpsForTheBatch(VAE):
    def reparameterize(self, mu: Code, logvar: Code) -> Code:
        eps = torch.randn(self.latent_dim).to(mu)
        return mu + torch.exp(0.5 * logvar) * eps


class DecoderIgnoresZ(VAE):
    """It decodes the noise: the line that makes z is there, and z is never used."""

    def forward(self, x: Image) -> tuple[Image, Code, Code]:
        mu, logvar = self.encode(x)
        eps = torch.randn_like(mu)
        z = mu + torch.exp(0.5 * logvar) * eps  # noqa: F841
        return self.decode(eps), mu, logvar


class SigmoidTwice(VAE):
    """The decoder ends in a sigmoid; the loss and `reconstruct` expect logits and take another."""

    def decode(self, z: Code) -> Image:
        return self.decoder(z).sigmoid()


class DropoutAlways(nn.Dropout):
    """F.dropout does not hear of `model.eval()`: without training=self.training it drops."""

    def forward(self, h: Tensor) -> Tensor:
        return F.dropout(h, self.p)


# -- the patients ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """What a VAE is made of; the defaults are healthy."""

    vae: type[VAE] = VAE
    objective: Objective = negative_elbo
    dropout: type[nn.Dropout] = nn.Dropout


HEALTHY = "healthy"
BUGS: dict[str, Parts] = {
    "kl-without-its-half": Parts(objective=kl_without_its_half),
    "mean-over-latents": Parts(objective=mean_over_latents),
    "sigma-as-logvar": Parts(vae=SigmaAsLogvar),
    "negated-kl": Parts(objective=negated_kl),
    "sigmoid-twice": Parts(vae=SigmoidTwice),
    "z-not-sampled": Parts(vae=NotSampled),
    "one-eps-for-the-batch": Parts(vae=OneEpsForTheBatch),
    "decoder-ignores-z": Parts(vae=DecoderIgnoresZ),
    "evaluation-in-training-mode": Parts(dropout=DropoutAlways),
    "beta-times-784": Parts(objective=beta_times_784),
}


class Patient(NamedTuple):
    model: VAE
    objective: Objective


def patient(
    name: str = HEALTHY,
    latent_dim: int = 10,
    hidden: int = 256,
    shape: Shape = DIGIT,
    seed: int = 0,
) -> Patient:
    """The untrained VAE with the mistake of this name, one of `BUGS`, and its objective.

    pixels – hidden – dropout – 2 · latent_dim, and latent_dim – hidden – pixels. Its first weights
    are those of `seed`, whatever the mistake. Raises CourseError for an unknown name.
    """
    cases = {HEALTHY: Parts(), **BUGS}
    if name not in cases:
        raise unknown_name("clinic bug", str(name), cases)
    check_whole("latent_dim", latent_dim, "latent_dim=10")
    check_whole("hidden", hidden, "hidden=256")
    parts = cases[name]
    pixels = shape[0] * shape[1] * shape[2]
    with seeded(seed):
        encoder = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, hidden),
            nn.ReLU(),
            parts.dropout(0.2),
            nn.Linear(hidden, 2 * latent_dim),
        )
        decoder = MLPDecoder(latent_dim, hidden=(hidden,), shape=shape)
    return Patient(parts.vae(encoder, decoder), parts.objective)


def letters(seed: int = 0) -> dict[str, str]:
    """Which mistake each of the patients A to J has; the seed shuffles them."""
    names = list(BUGS)
    random.Random(seed).shuffle(names)
    return dict(zip(string.ascii_uppercase, names, strict=False))


# -- the laws --------------------------------------------------------------------------------------


def the_loss_is_that_of_torch_distributions(model: VAE, objective: Objective, x: Image) -> bool:
    """loss = −log p(x|z) + KL(q(z|x) ‖ p(z)), an image, for the z that was drawn."""
    with seeded(0):
        loss, _ = objective(model, x)
    with seeded(0):
        logits, mu, logvar = model(x)
    pixels = Independent(Bernoulli(logits=logits, validate_args=False), x.ndim - 1)
    std = (0.5 * logvar).exp()
    posterior = Independent(Normal(mu, std, validate_args=False), 1)  # of width 0: no law is kept
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    kl = kl_divergence(posterior, prior)
    off = loss + pixels.log_prob(x) - kl
    near = off.abs() <= 1e-3 * kl + 1e-9  # of the KL: it may be the smaller term
    return bool((near & off.isfinite()).all())


def the_noise_is_standard_and_each_images_own(
    model: VAE, objective: Objective, x: Image, num_draws: int = 4000
) -> bool:
    """eps = (z − mu) / std has variance 1 for each image, and covariance 0 between images."""
    mu, logvar = (each[:8] for each in model.encode(x))
    with seeded(0):
        z = torch.stack([model.reparameterize(mu, logvar) for _ in range(num_draws)])
    eps = (z - mu) / (0.5 * logvar).exp()
    covariance = torch.einsum("nid,njd->ij", eps, eps) / (num_draws * mu.shape[1])
    return bool(((covariance - torch.eye(len(mu)).to(mu)).abs() < 0.1).all())


def the_pictures_depend_on_the_images(model: VAE, objective: Objective, x: Image) -> bool:
    """With the same noise, another image is decoded to another picture."""
    with seeded(0):
        logits = model(x)[0]
    with seeded(0):
        others = model(x.flip(0))[0]
    return not torch.equal(logits, others)


def a_picture_can_be_dark(model: VAE, objective: Objective, x: Image) -> bool:
    """Some pixel is nearer to black than to white: the logits are not all above 0."""
    return bool(model(x)[0].min() < 0)


def evaluation_repeats_itself(model: VAE, objective: Objective, x: Image) -> bool:
    """In evaluation mode an image has one posterior."""
    return torch.equal(model.encode(x)[0], model.encode(x)[0])


LAWS: dict[str, Callable[[VAE, Objective, Image], bool]] = {
    "the loss is that of torch.distributions": the_loss_is_that_of_torch_distributions,
    "the noise is standard, and each image's own": the_noise_is_standard_and_each_images_own,
    "the pictures depend on the images": the_pictures_depend_on_the_images,
    "a picture can be dark": a_picture_can_be_dark,
    "evaluation repeats itself": evaluation_repeats_itself,
}


def examine(model: VAE, x: Image, objective: Objective = negative_elbo) -> dict[str, bool]:
    """Whether a VAE keeps each of `LAWS` on a few images x (two or more, in [0, 1]).

    Any VAE that gives logits, mu and logvar, with an objective that means −ELBO of Bernoulli
    pixels. A copy is examined, in evaluation mode and in float64. Raises CourseError for a model
    that is no VAE and for fewer than two images.
    """
    check_vae(model)
    if not isinstance(x, Tensor) or x.ndim != 4 or len(x) < 2:
        raise CourseError(
            "expected two images or more, (batch, channels, height, width), got "
            f"{shape_or_type(x)}; try x[:20]"
        )
    model = copy.deepcopy(model).double()
    with evaluating(model), seeded(0):
        return {name: law(model, objective, x.double()) for name, law in LAWS.items()}

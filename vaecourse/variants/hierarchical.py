"""A VAE with two levels: z2 is drawn first, z1 given z2, and the image given z1.

Sønderby, Raiko, Maaløe, Sønderby and Winther, "Ladder variational autoencoders", 2016
(arXiv:1602.02282). As there, the posterior runs the way of the model, from the top down: q(z2|x),
then q(z1|x, z2). So both KLs have a closed form, and

    −ELBO = E[−log p(x|z1)] + E[KL(q(z1|x, z2) ‖ p(z1|z2))] + KL(q(z2|x) ‖ N(0, I)).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaecourse.errors import CourseError, check_whole
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.shapes import check_batch, check_posterior
from vaecourse.vae import Code, Image, Nats, bernoulli_nll, gaussian_kl


def kl_between(mu: Code, logvar: Code, prior_mu: Code, prior_logvar: Code) -> Nats:
    """KL(N(mu, std²) ‖ N(prior_mu, prior_std²)) in nats: the sum over dimensions.

    Both are shifted and stretched so that the second is N(0, I); a KL does not notice.
    """
    check_posterior(prior_mu, prior_logvar)
    apart = (mu - prior_mu) * torch.exp(-0.5 * prior_logvar)
    return gaussian_kl(apart, logvar - prior_logvar)


class Levels(NamedTuple):
    """What a pass through both levels gives; each distribution as (mu, logvar)."""

    logits: Image
    q2: tuple[Code, Code]  # q(z2|x)
    q1: tuple[Code, Code]  # q(z1|x, z2) at the z2 that was drawn
    p1: tuple[Code, Code]  # p(z1|z2) there


class HierarchicalVAE(nn.Module):
    """Two levels of latent vectors, z1 (batch, latent_dim) and above it z2 (batch, top_dim).

    `encoder` maps images to features, `top` these to q(z2|x), `bottom` features and z2, side by
    side, to q(z1|x, z2), `prior` z2 to p(z1|z2): each gives mu, then logvar, in one tensor.
    `decoder` maps z1 to logits of the images' shape, and tells its `latent_dim`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        top: nn.Module,
        bottom: nn.Module,
        prior: nn.Module,
        decoder: nn.Module,
        top_dim: int,
    ):
        super().__init__()
        check_whole("top_dim", top_dim, "top_dim=2")
        self.encoder, self.top, self.bottom = encoder, top, bottom
        self.prior, self.decoder, self.top_dim = prior, decoder, top_dim
        self.latent_dim: int = decoder.latent_dim  # type: ignore[assignment]

    def encode(self, x: Image) -> tuple[Code, Code]:
        """mu and logvar of q(z1|x, z2), at the mean of q(z2|x)."""
        features = self.encoder(x)
        return self.infer_bottom(features, self.infer_top(features)[0])

    def infer_top(self, features: Tensor) -> tuple[Code, Code]:
        return _halves("top", self.top(features), self.top_dim)

    def infer_bottom(self, features: Tensor, z2: Code) -> tuple[Code, Code]:
        both = torch.cat([features, z2], dim=1)
        return _halves("bottom", self.bottom(both), self.latent_dim)

    def prior_of(self, z2: Code) -> tuple[Code, Code]:
        """mu and logvar of p(z1|z2)."""
        return _halves("prior", self.prior(z2), self.latent_dim)

    def decode(self, z1: Code) -> Image:
        return self.decoder(z1)

    def forward(self, x: Image) -> Levels:
        features = self.encoder(x)
        q2 = self.infer_top(features)
        z2 = draw(*q2)
        q1 = self.infer_bottom(features, z2)
        return Levels(self.decode(draw(*q1)), q2, q1, self.prior_of(z2))

    def sample(self, num_images: int, z2: Code | None = None) -> Image:
        """`num_images` images in [0, 1], from the top down; with `z2` (num_images, top_dim) only z1
        is drawn."""
        check_whole("num_images", num_images, "10", least=0)
        if z2 is None:
            z2 = torch.randn(num_images, self.top_dim).to(next(self.parameters()))
        if tuple(z2.shape) != (num_images, self.top_dim):
            raise CourseError(
                f"expected z2 of shape {(num_images, self.top_dim)}, got {tuple(z2.shape)}; "
                "try z2[:1].expand(num_images, -1)"
            )
        return self.decode(draw(*self.prior_of(z2))).sigmoid()


def draw(mu: Code, logvar: Code) -> Code:
    """A sample of N(mu, std²), which gradients can pass."""
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


def _halves(name: str, code: Tensor, size: int) -> tuple[Code, Code]:
    check_batch(f"one tensor of mu, then logvar, from `{name}`", code, (2 * size,), "2 * its size")
    mu, logvar = code.chunk(2, dim=1)
    return mu, logvar


def two_level_elbo(
    model: HierarchicalVAE, x: Image, beta: float = 1.0, beta_top: float = 1.0
) -> tuple[Nats, dict[str, Nats]]:
    """−ELBO and its terms by name, in nats an image, from one draw of z2 and z1.

    loss = recon_nll + beta · kl1 + beta_top · kl2; weights other than 1 are not the ELBO.
    """
    logits, q2, q1, p1 = model(x)
    recon_nll = bernoulli_nll(logits, x)
    kl1, kl2 = kl_between(*q1, *p1), gaussian_kl(*q2)
    loss = recon_nll + beta * kl1 + beta_top * kl2
    return loss, {"recon_nll": recon_nll, "kl1": kl1, "kl2": kl2}


def digit_hierarchy(latent_dim: int = 10, top_dim: int = 2, width: int = 256) -> HierarchicalVAE:
    """For digits: MLPs, S3's to and from z1, and one hidden layer of 64 for each other part."""

    def small(n_in: int, n_out: int) -> nn.Module:
        return nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, n_out))

    return HierarchicalVAE(
        nn.Sequential(MLPEncoder(width, (width,)), nn.ReLU()),
        small(width, 2 * top_dim),
        small(width + top_dim, 2 * latent_dim),
        small(top_dim, 2 * latent_dim),
        MLPDecoder(latent_dim, (width, width)),
        top_dim,
    )

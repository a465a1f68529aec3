"""Sharper pictures from a trained VAE: a judge looks on while its decoder goes on learning.

A VAE-GAN in short, after Larsen and others, "Autoencoding beyond pixels using a learned similarity
metric", arXiv:1512.09300: a discriminator learns to tell real pictures from decoded ones; the
decoder learns to be taken for real, and to agree with the picture in what the discriminator sees.
Unlike theirs, the encoder stays as it is, so that codes and KL are those of the plain VAE.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaecourse.errors import check_number
from vaecourse.likelihoods import optimal_std
from vaecourse.networks import COLOUR, Shape
from vaecourse.objectives import Terms
from vaecourse.shapes import check_batch, check_logits
from vaecourse.vae import VAE, Image, Nats, check_vae, gaussian_kl, normal_nll


class Discriminator(nn.Module):
    """Images (batch, *shape) -> one logit an image (batch,), above 0 for "real".

    Conv(width, 4, stride 2) – LeakyReLU for each of `widths`, then Dense(1).
    """

    def __init__(self, shape: Shape = COLOUR, widths: tuple[int, ...] = (16, 32, 64)):
        super().__init__()
        self.shape = shape
        channels, height, width = shape
        self.convs = nn.ModuleList(
            nn.Conv2d(n_in, n_out, kernel_size=4, stride=2, padding=1)
            for n_in, n_out in pairwise((channels, *widths))
        )
        self.last = nn.Linear(widths[-1] * (height >> len(widths)) * (width >> len(widths)), 1)

    def forward(self, x: Image) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the features (batch, …) that each convolution found on the way."""
        check_batch("images", x, self.shape, "Discriminator(shape=tuple(x.shape[1:]))")
        features: list[Tensor] = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
            features.append(x.float())
        return self.last(x.flatten(1))[:, 0].float(), features


class SharperLoss(nn.Module):
    """The objective of a decoder, called with (decoder, x): −ELBO, and two forces beside it.

    `plain` is a trained VAE, whose encoder gives the codes and learns nothing. The forces are
    `features`, the squared difference of what the discriminator sees in x and in its
    reconstruction, and `adversarial`, −log of the probability that it takes the reconstruction for
    real. Their weights say how strongly they pull at the decoded pixels, as a part of the
    likelihood's own pull (as Esser and others, arXiv:2012.09841, equation 7, weigh them); with 0
    and 0 the decoder trains on as in the plain VAE. The likelihood is `optimal_std_elbo`'s.

    In training each call is a step of the discriminator too (Adam), which the first call makes; the
    terms have "judge", its two cross-entropies in nats, 2 log 2 = 1.39 where it cannot tell. In
    evaluation the loss is −ELBO alone. Raises CourseError for what is no VAE, and for weights or a
    rate below 0.
    """

    judge: Discriminator
    adam: torch.optim.Adam

    def __init__(
        self, plain: VAE, features: float = 0.5, adversarial: float = 0.5, lr: float = 1e-3
    ):
        super().__init__()
        check_vae(plain)
        check_number("features", features, "features=0.5")
        check_number("adversarial", adversarial, "adversarial=0.5")
        check_number("lr", lr, "lr=1e-3")
        self.features, self.adversarial, self.lr = features, adversarial, lr
        self.plain = plain.requires_grad_(False)

    def forward(self, decoder: nn.Module, x: Image) -> Terms:
        with torch.no_grad():
            mu, logvar = self.plain.encode(x)
            z = self.plain.reparameterize(mu, logvar)
        logits = decoder(z)
        check_logits(logits, x)
        x_recon = logits.float().sigmoid()
        recon_nll, kl = normal_nll(x_recon, x, optimal_std(x_recon, x)), gaussian_kl(mu, logvar)
        loss, terms = recon_nll + kl, {"recon_nll": recon_nll, "kl": kl}
        if not decoder.training or not (self.features or self.adversarial):
            return loss, terms
        terms["judge"] = self._teach(x, x_recon.detach())
        unlike, doubt = self._forces(x, x_recon)
        for force, weight in ((unlike, self.features), (doubt, self.adversarial)):
            loss = loss + weight * as_strong(force, recon_nll, x_recon) * force
        return loss, terms

    def _teach(self, x: Image, x_recon: Image) -> Nats:
        """A step of the discriminator on real and decoded pictures; its losses."""
        if not hasattr(self, "judge"):
            self.judge = Discriminator(tuple(x.shape[1:])).to(x.device)  # type: ignore[arg-type]
            self.adam = torch.optim.Adam(self.judge.parameters(), self.lr, betas=(0.5, 0.999))
        real, decoded = self.judge(x)[0], self.judge(x_recon)[0]
        losses = F.softplus(-real) + F.softplus(decoded)
        self.adam.zero_grad()
        losses.mean().backward()
        self.adam.step()
        return losses.detach()

    def _forces(self, x: Image, x_recon: Image) -> tuple[Tensor, Nats]:
        """Of each image: how unlike its features are, and −log of what it is taken for real by."""
        with torch.no_grad():
            wanted = self.judge(x)[1]
        decoded, seen = self.judge(x_recon)
        pairs = zip(seen, wanted, strict=True)
        unlike = sum((a - b).square().flatten(1).mean(dim=1) for a, b in pairs)
        return unlike, F.softplus(-decoded)


def as_strong(force: Tensor, other: Tensor, x_recon: Image) -> Tensor:
    """The factor that makes the gradient of a force on the pictures as long as that of `other`."""
    pull, wanted = (
        torch.autograd.grad(each.mean(), x_recon, retain_graph=True)[0].norm()
        for each in (force, other)
    )
    return wanted / pull.clamp(min=1e-30)

"""Models of which log p(x) and p(z|x) are known, for the tests of what estimates them."""

from functools import partial

import torch
from torch import Tensor, nn

from vaecourse import linear
from vaecourse.networks import MLPDecoder
from vaecourse.vae import VAE, normal_nll

SHAPE = (1, 2, 3)
STD = 0.3
nll = partial(normal_nll, std=STD)


def randn(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


class Posterior(nn.Module):
    """A code that is moved from the exact posterior's: of its mean, and of its diagonal's logvar.

    The variances are those of the best diagonal Gaussian: one over the exact precisions.
    """

    def __init__(self, decoder: nn.Linear, move_mu: float = 0.0, move_logvar: float = 0.0):
        super().__init__()
        self.layer, self.move_mu, self.move_logvar = decoder, move_mu, move_logvar

    def forward(self, x: Tensor) -> Tensor:
        mean, covariance = linear.posterior(x, self.layer.weight, self.layer.bias, STD)
        logvar = -torch.linalg.inv(covariance).diagonal().log() + self.move_logvar
        return torch.cat([mean + self.move_mu, logvar.expand_as(mean)], dim=1)


def linear_vae(
    latent_dim: int = 2, move_mu: float = 0.0, move_logvar: float = 0.0, tilted: bool = False
) -> tuple[VAE, Tensor, Tensor]:
    """A linear VAE in float64, with the best q or one moved from it; its W and b.

    Unless it is tilted the columns of W are orthogonal: the exact posterior is a q.
    """
    W = randn(6, latent_dim, seed=1)
    if not tilted:
        W = torch.linalg.qr(W)[0] * torch.tensor([1.0, 0.5, 0.3])[:latent_dim]
    b = randn(6, seed=2)
    decoder = MLPDecoder(latent_dim, (), SHAPE).double()
    layer = decoder.layers[0]
    with torch.no_grad():
        layer.weight.copy_(W)
        layer.bias.copy_(b)
    return VAE(Posterior(layer, move_mu, move_logvar), decoder), W, b


def draws(W: Tensor, b: Tensor, count: int) -> Tensor:
    """Images of the linear model."""
    z = randn(count, W.shape[1], seed=3)
    return (z @ W.T + b + STD * randn(count, 6, seed=4)).view(count, *SHAPE)

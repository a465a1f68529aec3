"""The whole variational autoencoder on one page.

Kingma and Welling, "Auto-Encoding Variational Bayes", 2014 (arXiv:1312.6114). Letters as there:
an image x, a latent vector z, a posterior q(z|x) = N(mu, diag(std²)), a prior p(z) = N(0, I).
All terms are in nats, summed over pixels or latent dimensions: one number an image.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, diag(exp(logvar))) ‖ N(0, I)) in nats: (batch, latent_dim) twice -> (batch,).

    The closed form of the paper's appendix B; zero where mu = 0 and logvar = 0, positive elsewhere.
    """
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)


def reconstruction_nll(
    logits: Tensor, x: Tensor, likelihood: str = "bernoulli", std: float = 1.0
) -> Tensor:
    """−log p(x|z) in nats: (batch, channels, height, width) twice -> (batch,).

    For grey pixels the Bernoulli term is a cross-entropy, not a normalised likelihood.
    "bernoulli": each pixel is 1 with probability sigmoid(logits) (the paper's appendix C.1).
    "gaussian": each pixel is N(sigmoid(logits), std²), the constant log(std √(2π)) included, so
    that values for different `std` can be compared. Raises ValueError for any other name.
    """
    if likelihood == "bernoulli":
        pixels = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    elif likelihood == "gaussian":
        error = (x - logits.sigmoid()) / std
        pixels = 0.5 * error.square() + math.log(std * math.sqrt(2 * math.pi))
    else:
        raise ValueError(f"expected likelihood 'bernoulli' or 'gaussian', got {likelihood!r}")
    return pixels.flatten(1).sum(dim=1)


class VAE(nn.Module):
    """An encoder and a decoder with a random step between them.

    `encoder` maps images (batch, channels, height, width) to (batch, 2 · latent_dim): mu, then
    logvar. `decoder` maps z (batch, latent_dim) to logits of the images' shape, and tells its
    `latent_dim`.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.latent_dim: int = decoder.latent_dim  # type: ignore[assignment]

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encoder(x)
        if code.shape[1] != 2 * self.latent_dim:
            raise ValueError(
                f"expected an encoder to mu and logvar, 2 * {self.latent_dim} numbers, got "
                f"{code.shape[1]}; try code_dim={2 * self.latent_dim}"
            )
        mu, logvar = code.chunk(2, dim=1)
        return mu, logvar

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        eps = torch.randn_like(mu)
        return mu + torch.exp(0.5 * logvar) * eps

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images in [0, 1], decoded from the posterior's mean (not from a sample)."""
        return self.decode(self.encode(x)[0]).sigmoid()

    def sample(self, num_images: int) -> Tensor:
        """`num_images` images in [0, 1]: z from the prior N(0, I), then decoded."""
        weight = next(self.parameters())  # z must lie where the weights lie
        z = torch.randn(num_images, self.latent_dim, device=weight.device)
        return self.decode(z).sigmoid()


def negative_elbo(
    model: nn.Module, x: Tensor, beta: float = 1.0, likelihood: str = "bernoulli", std: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """(loss, recon_nll, kl), each (batch,) in nats, from one sampled z an image.

    `model` is a VAE: model(x) gives (logits, mu, logvar).
    loss = recon_nll + beta · kl; with beta = 1 it is an unbiased estimate of −ELBO (equation 7 of
    the paper), with another beta the objective of a β-VAE. The batch mean is the caller's to take.
    """
    logits, mu, logvar = model(x)
    recon_nll = reconstruction_nll(logits, x, likelihood, std)
    kl = gaussian_kl(mu, logvar)
    return recon_nll + beta * kl, recon_nll, kl

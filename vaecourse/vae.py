"""The whole variational autoencoder on one page.

Kingma and Welling, "Auto-Encoding Variational Bayes", 2014 (arXiv:1312.6114). Letters as there:
an image x, a latent vector z, a posterior q(z|x) = N(mu, diag(std²)), a prior p(z) = N(0, I).
All terms are in nats, summed over pixels or latent dimensions: one number an image.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vaecourse.errors import CourseError, check_whole
from vaecourse.shapes import check_batch, check_logits, check_per_image, check_posterior, check_std

Image = Float[Tensor, "batch channels height width"]
Code = Float[Tensor, "batch latent_dim"]
Nats = Float[Tensor, " batch"]


def gaussian_kl_by_dimension(mu: Code, logvar: Code) -> Code:
    """KL(N(mu, std²) ‖ N(0, 1)) of each latent dimension, in nats.

    The closed form of the paper's appendix B; zero where mu = 0 and logvar = 0, positive elsewhere.
    """
    check_posterior(mu, logvar)
    return 0.5 * (mu.square() + logvar.expm1() - logvar)  # expm1: std² − 1, exact near 0


def gaussian_kl(mu: Code, logvar: Code) -> Nats:
    """KL(N(mu, diag(std²)) ‖ N(0, I)) in nats: the sum over dimensions."""
    return gaussian_kl_by_dimension(mu, logvar).sum(dim=1)


def bernoulli_nll(logits: Image, x: Image) -> Nats:
    """−log p(x|z) in nats, where each pixel is 1 with probability sigmoid(logits) (appendix C.1).

    For grey pixels this is a cross-entropy, not a normalised likelihood.
    """
    check_logits(logits, x)
    pixels = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return pixels.flatten(1).sum(dim=1)


def gaussian_nll(logits: Image, x: Image, std: float | Tensor = 1.0) -> Nats:
    """−log p(x|z) in nats, where each pixel is N(sigmoid(logits), std²) (appendix C.2).

    Like `normal_nll`, but for logits.
    """
    check_logits(logits, x)
    return normal_nll(logits.sigmoid(), x, std)


def normal_nll(mean: Image, x: Image, std: float | Tensor = 1.0) -> Nats:
    """−log p(x|z) in nats, where each pixel is N(mean, std²): what is decoded is the mean itself.

    The constant log(std √(2π)) is included, so that values for different `std` can be compared.
    `std` is one number, or a tensor that broadcasts to the images; a tensor may be learned.
    """
    check_logits(mean, x, "a mean")
    check_std(std, x)
    std = torch.as_tensor(std, dtype=x.dtype, device=x.device)
    error = (x - mean) / std
    pixels = 0.5 * error.square() + std.log() + 0.5 * math.log(2 * math.pi)
    return pixels.flatten(1).sum(dim=1)


class VAE(nn.Module):
    """An encoder and a decoder with a random step between them.

    `encoder` maps images to (batch, 2 · latent_dim): mu, then logvar. `decoder` maps z to logits of
    the images' shape, and tells its `latent_dim`.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        if not hasattr(decoder, "latent_dim"):
            raise CourseError(
                f"expected a decoder that tells its latent_dim, got {type(decoder).__name__}; "
                "try VAE(encoder, decoder), with decoder.latent_dim = 2"
            )
        self.encoder, self.decoder = encoder, decoder
        self.latent_dim: int = decoder.latent_dim  # type: ignore[assignment]

    def encode(self, x: Image) -> tuple[Code, Code]:
        code = self.encoder(x)
        size = 2 * self.latent_dim
        check_batch("one tensor of mu, then logvar,", code, (size,), f"code_dim={size}")
        mu, logvar = code.chunk(2, dim=1)
        return mu, logvar

    def reparameterize(self, mu: Code, logvar: Code) -> Code:
        check_posterior(mu, logvar)
        eps = torch.randn_like(mu)
        return mu + torch.exp(0.5 * logvar) * eps

    def decode(self, z: Code) -> Image:
        return self.decoder(z)

    def forward(self, x: Image) -> tuple[Image, Code, Code]:
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar

    def reconstruct(self, x: Image) -> Image:
        """Images in [0, 1], decoded from the posterior's mean (not from a sample)."""
        return self.decode(self.encode(x)[0]).sigmoid()

    def sample(self, num_images: int) -> Image:
        """`num_images` images in [0, 1]: z from the prior N(0, I), then decoded."""
        check_whole("num_images", num_images, "10", least=0)
        # z must be of the weights' kind, and lie where they lie
        weight = next(self.parameters(), torch.empty(()))
        z = torch.randn(num_images, self.latent_dim, dtype=weight.dtype, device=weight.device)
        return self.decode(z).sigmoid()


def is_vae(model: nn.Module) -> bool:
    """Whether it draws z from a posterior: an autoencoder does not."""
    return hasattr(model, "reparameterize")


def check_vae(model: nn.Module) -> None:
    if isinstance(model, type) or not is_vae(model):
        came = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise CourseError(
            f"expected a VAE, with a posterior, got {came}; try objective=reconstruction_loss for "
            "an autoencoder, or VAE(encoder, decoder)"
        )


def negative_elbo(
    model: nn.Module,
    x: Image,
    beta: float | Tensor = 1.0,
    nll: Callable[[Image, Image], Nats] = bernoulli_nll,
) -> tuple[Nats, dict[str, Nats]]:
    """The loss and its terms by name, from one sampled z an image.

    `model` is a VAE: model(x) gives (logits, mu, logvar). `nll` is a likelihood of this page.
    loss = recon_nll + beta · kl; with beta = 1 it is an unbiased estimate of −ELBO (equation 7 of
    the paper), with another beta the objective of a β-VAE. The batch mean is the caller's to take.
    """
    check_vae(model)
    logits, mu, logvar = model(x)
    recon_nll = nll(logits, x)
    check_per_image("nll", recon_nll, len(x))
    kl = gaussian_kl(mu, logvar)
    return recon_nll + beta * kl, {"recon_nll": recon_nll, "kl": kl}


negative_elbo.capturable = True  # type: ignore[attr-defined]  # see device.may_be_captured

"""A conditional VAE: told which class to draw, so that the code need not say it.

Sohn, Lee and Yan, "Learning structured output representation using deep conditional generative
models", 2015; M2 of Kingma and others, arXiv:1406.5298, where all labels are known. The letters are
those of `vae.py`, and y is a label, one whole number an image, 0 to num_classes − 1:

    −ELBO(x | y) = E[−log p(x|z, y)] + KL(q(z|x, y) ‖ p(z)),    p(z) = N(0, I) whatever y
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from vaecourse.errors import CourseError, check_whole
from vaecourse.shapes import check_batch, check_per_image, shape_or_type
from vaecourse.vae import Code, Image, Nats, bernoulli_nll, gaussian_kl

Labels = Int[Tensor, " batch"]


class ConditionalVAE(nn.Module):
    """A VAE whose encoder and decoder are both told the label.

    `encoder` maps (batch, 1, 1, pixels + num_classes), an image's pixels and its label as a one-hot
    vector, to mu, then logvar; `decoder` maps z and the one-hot vector, (batch, latent_dim +
    num_classes), to logits, and tells that sum as its `latent_dim`. So for digits:

        ConditionalVAE(MLPEncoder(2 * 10, shape=(1, 1, 794)), MLPDecoder(10 + 10), num_classes=10)
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, num_classes: int):
        super().__init__()
        check_whole("num_classes", num_classes, "num_classes=10")
        self.encoder, self.decoder, self.num_classes = encoder, decoder, num_classes
        self.latent_dim: int = getattr(decoder, "latent_dim", 0) - num_classes
        if self.latent_dim < 1:
            raise CourseError(
                f"expected a decoder of z and {num_classes} classes, with a latent_dim above "
                f"{num_classes}, got {self.latent_dim + num_classes}; try "
                f"MLPDecoder(latent_dim + {num_classes})"
            )

    def encode(self, x: Image, y: Labels) -> tuple[Code, Code]:
        told = torch.cat([x.flatten(1), self._one_hot(y, x)], dim=1)
        code = self.encoder(told[:, None, None])
        size = 2 * self.latent_dim
        check_batch("one tensor of mu, then logvar,", code, (size,), f"code_dim={size}")
        mu, logvar = code.chunk(2, dim=1)
        return mu, logvar

    def decode(self, z: Code, y: Labels) -> Image:
        return self.decoder(torch.cat([z, self._one_hot(y, z)], dim=1))

    def forward(self, x: Image, y: Labels) -> tuple[Image, Code, Code]:
        mu, logvar = self.encode(x, y)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decode(z, y), mu, logvar

    def sample(self, y: Labels) -> Image:
        """An image in [0, 1] of each class in y: z from the prior, then decoded."""
        weight = next(self.parameters())
        z = torch.randn(len(y), self.latent_dim, dtype=weight.dtype, device=weight.device)
        return self.decode(z, y).sigmoid()

    def rewrite(self, x: Image, y: Labels, y_new: Labels) -> Image:
        """Images in [0, 1] of the classes y_new in the style of x: z of (x, y), with y_new."""
        return self.decode(self.encode(x, y)[0], y_new).sigmoid()

    def _one_hot(self, y: Labels, like: Tensor) -> Tensor:
        if not isinstance(y, Tensor) or y.shape != like.shape[:1] or y.is_floating_point():
            raise CourseError(
                f"expected a whole number an image as labels y ({len(like)},), got "
                f"{shape_or_type(y)}; try torch.full(({len(like)},), 7)"
            )
        if like.device.type == "cpu" and len(y) and not 0 <= y.min() <= y.max() < self.num_classes:
            raise CourseError(
                f"expected labels from 0 to {self.num_classes - 1}, got {int(y.min())} to "
                f"{int(y.max())}; try num_classes={int(y.max()) + 1}"
            )
        return F.one_hot(y.to(like.device), self.num_classes).to(like.dtype)


def labelled(x: Image, y: Labels) -> Image:
    """Images that carry their labels, (batch, channels + 1, height, width): what `fit` shuffles.

    The label is one plane more, of the grey y / 255 everywhere.
    """
    right = isinstance(y, Tensor) and y.shape == x.shape[:1] and not y.is_floating_point()
    if not (right and 0 <= y.min() <= y.max() <= 255):
        raise CourseError(
            f"expected a whole number from 0 to 255 as label of each of {len(x)} images, got "
            f"{shape_or_type(y)}; try x, y = load('digits', 'train')"
        )
    plane = (y.to(x) / 255)[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, plane], dim=1)


def conditional_elbo(
    model: nn.Module, x: Image, nll: Callable[[Image, Image], Nats] = bernoulli_nll
) -> tuple[Nats, dict[str, Nats]]:
    """−ELBO(x | y) and its terms by name, one number an image in nats; x as `labelled` gives it."""
    x, y = x[:, :-1], (x[:, -1, 0, 0] * 255).round().long()
    logits, mu, logvar = model(x, y)
    recon_nll = nll(logits, x)
    check_per_image("nll", recon_nll, len(x))
    kl = gaussian_kl(mu, logvar)
    return recon_nll + kl, {"recon_nll": recon_nll, "kl": kl}

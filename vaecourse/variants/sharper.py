"""Sharper pictures from a trained VAE: a judge looks at them while the decoder goes on learning.

A VAE-GAN in short, after Larsen and others, "Autoencoding beyond pixels using a learned similarity
metric", arXiv:1512.09300: a discriminator learns to tell real pictures from decoded ones, and the
decoder learns to be taken for real, and to agree with the picture in the discriminator's features.
Unlike theirs, the encoder stays as it is, so that codes and KL are those of the plain VAE.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from vaecourse.device import evaluating, seeded
from vaecourse.errors import check_number, check_whole, unknown_name
from vaecourse.likelihoods import optimal_std
from vaecourse.networks import Shape
from vaecourse.networks.residual import COLOUR
from vaecourse.shapes import check_batch
from vaecourse.vae import VAE, Image, check_vae, normal_nll

PRECISIONS = ("float32", "bfloat16")


class Discriminator(nn.Module):
    """Images (batch, *shape) -> one logit an image (batch,), above 0 for "real".

    `features` are what it saw on the way, the first convolutions' answers.
    """

    def __init__(self, shape: Shape = COLOUR, widths: tuple[int, ...] = (16, 32, 64)):
        super().__init__()
        self.shape = shape
        self.convs = nn.ModuleList(
            nn.Conv2d(n_in, n_out, kernel_size=4, stride=2, padding=1)
            for n_in, n_out in pairwise((shape[0], *widths))
        )
        self.last = nn.LazyLinear(1)
        self(torch.zeros(1, *shape))  # the linear layer learns its size

    def features(self, x: Image) -> list[Tensor]:
        check_batch("images", x, self.shape, "Discriminator(shape=tuple(x.shape[1:]))")
        found = [x]
        for conv in self.convs:
            found.append(F.leaky_relu(conv(found[-1]), 0.2))
        return found[1:]

    def judge(self, features: list[Tensor]) -> Tensor:
        return self.last(features[-1].flatten(1))[:, 0]

    def forward(self, x: Image) -> Tensor:
        return self.judge(self.features(x))


def sharpen(
    model: VAE,
    x: Image,
    *,
    features: float = 1.0,
    adversarial: float = 1.0,
    num_epochs: int = 3,
    batch_size: int = 64,
    lr: float = 2e-4,
    precision: str = "float32",
    seed: int = 0,
) -> dict[str, list[float]]:
    """Train the decoder of `model` in place on images x in [0, 1], before a new `Discriminator`.

    Three forces pull at a decoded picture: the Gaussian likelihood of its pixels, the squared error
    of the discriminator's features, and how surely it is taken for decoded. `features` and
    `adversarial` say how strong the last two are, as a part of the first (as Esser and others,
    arXiv:2012.09841, equation 7, weigh them); with 0 and 0 it is the plain VAE that trains on, its
    encoder fixed. Gives means by epoch: "recon_nll" in nats an image, with the std that is best at
    the start; "judge", the discriminator's two cross-entropies in nats, 2 log 2 = 1.39 where it
    cannot tell; "taken for real", the part of the decoded pictures that it takes for real.

    Raises CourseError for what is no VAE, images that do not suit it, and weights below 0.
    """
    check_vae(model)
    _check_settings(features, adversarial, num_epochs, batch_size, lr, precision)
    if not isinstance(x, Tensor):
        check_batch("images", x, COLOUR, "x, y = data.load('faces')")
    mu, std, pixel_std = _codes(model, x)
    history: dict[str, list[float]] = {"recon_nll": [], "judge": [], "taken for real": []}
    with seeded(seed):
        judge = Discriminator(tuple(x.shape[1:]))  # type: ignore[arg-type]
        step = _stepper(model, judge, pixel_std, (features, adversarial), lr, precision)
        model.train()
        for _ in tqdm(range(num_epochs), unit="epoch", leave=False):
            sums = torch.zeros(3)
            for index in torch.randperm(len(x)).split(batch_size):
                z = mu[index] + std[index] * torch.randn_like(mu[index])
                sums += step(z, x[index])
            for name, value in zip(history, (sums / len(x)).tolist(), strict=True):
                history[name].append(value)
        model.eval()
    return history


def _codes(model: VAE, x: Image) -> tuple[Tensor, Tensor, Tensor]:
    """mu and std (n, latent_dim) of all images, and the pixels' std that is best for what the
    decoder draws from mu."""
    with evaluating(model):
        codes = [model.encode(images) for images in x.split(500)]
        mu, logvar = (torch.cat(each) for each in zip(*codes, strict=True))
        decoded = torch.cat([model.decode(z).sigmoid() for z in mu.split(500)])
        best = optimal_std(decoded, x)
    return mu.clone(), torch.exp(0.5 * logvar), best.clone()


def _stepper(
    model: VAE,
    judge: Discriminator,
    pixel_std: Tensor,
    weights: tuple[float, float],
    lr: float,
    precision: str,
) -> Callable[[Tensor, Image], Tensor]:
    """A step of both networks on a batch (z, x); gives the sums of what the history tells."""
    drawing = torch.optim.Adam(model.decoder.parameters(), lr=lr, betas=(0.5, 0.999))
    judging = torch.optim.Adam(judge.parameters(), lr=lr, betas=(0.5, 0.999))
    half = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def step(z: Tensor, x: Image) -> Tensor:
        with half:
            logits = model.decode(z)
        x_recon = logits.float().sigmoid()
        with half:
            real, decoded = judge(x).float(), judge(x_recon.detach()).float()
        loss = F.softplus(-real) + F.softplus(decoded)
        judging.zero_grad()
        loss.mean().backward()
        judging.step()

        recon_nll = normal_nll(x_recon, x, pixel_std)
        with half:
            seen, wanted = judge.features(x_recon), judge.features(x.detach())
            answer = judge.judge(seen).float()
        unlike = [(a - b).float().square().mean() for a, b in zip(seen, wanted, strict=True)]
        terms = (recon_nll.mean(), torch.stack(unlike).sum(), F.softplus(-answer).mean())
        pulls = [torch.autograd.grad(term, x_recon, retain_graph=True)[0] for term in terms]
        drawing.zero_grad()
        x_recon.backward(combined(pulls, weights))
        drawing.step()
        return torch.stack([recon_nll.sum(), loss.sum(), (decoded > 0).sum()]).detach()

    return step


def combined(pulls: list[Tensor], weights: tuple[float, ...]) -> Tensor:
    """The first pull, and each other made as long as it, times its weight."""
    first, *others = pulls
    total = first
    for pull, weight in zip(others, weights, strict=True):
        total = total + weight * pull * (first.norm() / pull.norm().clamp(min=1e-30))
    return total


def _check_settings(
    features: float, adversarial: float, num_epochs: int, batch_size: int, lr: float, precision: str
) -> None:
    check_number("features", features, "features=1")
    check_number("adversarial", adversarial, "adversarial=1")
    check_whole("num_epochs", num_epochs, "num_epochs=3")
    check_whole("batch_size", batch_size, "batch_size=64")
    check_number("lr", lr, "lr=2e-4")
    if precision not in PRECISIONS:
        raise unknown_name("precision", str(precision), PRECISIONS)

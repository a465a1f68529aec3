"""Latent diffusion: a prior for a VAE that is trained already, learned as the undoing of noise.

Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020 (arXiv:2006.11239), in the
latent space of a frozen VAE as in Rombach and others, "High-resolution image synthesis with latent
diffusion models", 2022 (arXiv:2112.10752). Step t = 0 is a code, t = num_steps is noise:

    z_t = √ᾱ_t z_0 + √(1 − ᾱ_t) eps,   eps from N(0, I).

The network guesses eps from z_t and t.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaecourse.device import evaluating
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.networks import Autoencoder
from vaecourse.shapes import check_batch, check_codes
from vaecourse.vae import VAE, Code, Image, Nats

Steps = Int[Tensor, " batch"]
Guess = Callable[[Code, Steps], Code]  # of the noise eps in z_t


def cosine_schedule(num_steps: int = 200) -> Float[Tensor, " num_steps+1"]:
    """ᾱ_t for t = 0 … num_steps: how much of z_0's variance is left, from 1 down to nearly 0.

    Nichol and Dhariwal, "Improved denoising diffusion probabilistic models" (arXiv:2102.09672),
    equation 17; a step keeps a thousandth of the variance at least, so that none divides by 0.
    """
    check_whole("num_steps", num_steps, "num_steps=200")
    done = torch.linspace(0, 1, num_steps + 1, dtype=torch.float64, device="cpu")
    wave = torch.cos((done + 0.008) / 1.008 * math.pi / 2).square()
    kept = (wave[1:] / wave[:-1]).clamp(min=1e-3)
    return torch.cat([torch.ones_like(kept[:1]), kept.cumprod(0)]).float()


def add_noise(z: Code, eps: Code, alpha_bar: Float[Tensor, "batch 1"]) -> Code:
    """z_t, drawn at once (Ho, equation 4): of unit variance, where z and eps are."""
    return alpha_bar.sqrt() * z + (1 - alpha_bar).sqrt() * eps


class Denoiser(nn.Module):
    """An MLP that guesses eps from z_t and t, and the schedule and scale that it was trained with.

    It sees the codes times `scale`, a number that should give them unit variance (Rombach,
    appendix G): the schedule's noise has it, and how much of a code is still to be
    seen at step t depends on the codes' size against it.

    The guess is √(1 − ᾱ_t) z_t, the exact one for codes from N(0, I), plus what the layers give.
    They start at zero; so before training it draws from the prior.
    """

    scale: Tensor
    alpha_bar: Tensor

    def __init__(self, latent_dim: int, hidden: int = 128, num_steps: int = 200):
        super().__init__()
        check_whole("latent_dim", latent_dim, "latent_dim=10")
        self.latent_dim, self.num_steps = latent_dim, num_steps
        self.layers = nn.Sequential(
            nn.Linear(latent_dim + 32, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, latent_dim),
        )
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[-1].bias)  # type: ignore[arg-type]
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("alpha_bar", cosine_schedule(num_steps), persistent=False)

    def forward(self, z_t: Code, t: Steps) -> Code:
        check_batch("codes z_t", z_t, (self.latent_dim,), "codes of the denoiser's latent_dim")
        pitch = torch.arange(16, device=z_t.device)
        angle = torch.pi * (t / self.num_steps)[:, None] * 2 ** (pitch / 3)
        more = self.layers(torch.cat([z_t, angle.sin(), angle.cos()], dim=1))
        return (1 - self.alpha_bar[t, None]).sqrt() * z_t + more

    def sample(self, num_codes: int, num_stops: int = 0, eta: float = 1.0) -> Code:
        """Codes of the VAE, from noise; `num_stops` and `eta` as in `sample_path`."""
        return self.sample_path(num_codes, num_stops, eta)[-1]

    def sample_path(
        self, num_codes: int, num_stops: int = 0, eta: float = 1.0
    ) -> Float[Tensor, "stops+1 num_codes latent_dim"]:
        """The same codes on their way: first the noise, at last the codes of the VAE."""
        check_whole("num_codes", num_codes, "num_codes=10", least=0)
        noise = torch.randn(num_codes, self.latent_dim, device=self.scale.device)
        with evaluating(self):
            path = denoise(self, noise, self.alpha_bar, num_stops, eta)
        return path.clone() / self.scale


def denoise(
    guess: Guess, noise: Code, alpha_bar: Tensor, num_stops: int = 0, eta: float = 1.0
) -> Float[Tensor, "stops+1 batch latent_dim"]:
    """z_T = noise, …, z_0: the reverse process, with `guess(z_t, t)` for the noise in z_t.

    With eta=1 a step draws from q(z_s | z_t, z_0) at the guessed z_0 (Ho, equations 6 and 7); with
    eta=0 nothing is drawn, so the noise at the start decides all (Song, Meng and Ermon, "Denoising
    diffusion implicit models", arXiv:2010.02502, equation 12, whose σ is eta times DDPM's). With
    `num_stops` fewer than the schedule's steps some are passed over; 0 stops at each.
    """
    num_steps = len(alpha_bar) - 1
    check_number("eta", eta, "eta=1")
    check_whole("num_stops", num_stops, "num_stops=50", least=0)
    if eta > 1 or num_stops > num_steps:
        raise CourseError(
            f"expected eta up to 1 and num_stops up to {num_steps}, got {eta} and {num_stops}; "
            "try eta=1.0, num_stops=50"
        )
    stops = torch.linspace(num_steps, 0, (num_stops or num_steps) + 1).round().long().tolist()
    path = [noise]
    for t, s in pairwise(stops):
        z, a_t, a_s = path[-1], alpha_bar[t], alpha_bar[s]
        eps = guess(z, torch.full((len(z),), t, device=z.device))
        z_0 = (z - (1 - a_t).sqrt() * eps) / a_t.sqrt()
        std = eta * ((1 - a_s) / (1 - a_t) * (1 - a_t / a_s)).sqrt()
        ahead = (1 - a_s - std.square()).clamp(min=0).sqrt() * eps
        path.append(a_s.sqrt() * z_0 + ahead + std * torch.randn_like(z))
    return torch.stack(path)


class DenoisingLoss(nn.Module):
    """The objective of a Denoiser in the latent space of a frozen model: ‖eps − guess‖² at some t.

    Ho's simple loss (equation 14), summed over the dimensions. A VAE's codes are drawn from q(z|x)
    anew in each step, as its decoder was trained on; an autoencoder's are as they are.
    """

    def __init__(self, model: VAE | Autoencoder):
        super().__init__()
        self.model = model.eval().requires_grad_(False)

    @torch.no_grad()
    def codes(self, x: Image) -> Code:
        code = self.model.encode(x)
        return code if isinstance(code, Tensor) else self.model.reparameterize(*code)  # type: ignore[operator]

    def forward(self, denoiser: Denoiser, x: Image) -> tuple[Nats, dict[str, Nats]]:
        z = denoiser.scale * self.codes(x)
        t = torch.randint(1, denoiser.num_steps + 1, (len(z),), device=z.device)
        eps = torch.randn_like(z)
        guess = denoiser(add_noise(z, eps, denoiser.alpha_bar[t, None]), t)
        error = (eps - guess).square().sum(dim=1)
        return error, {"noise_error": error}


def unit_scale(z: Code) -> float:
    """1 / (the codes' standard deviation over all dimensions): the scale of latent diffusion.

    Raises CourseError for codes that are not finite, and for such that are all equal.
    """
    check_codes("codes", z)
    std = z.std(correction=0).item()
    if std == 0:
        raise CourseError("expected codes that differ, got equal ones; try more images")
    return 1 / std

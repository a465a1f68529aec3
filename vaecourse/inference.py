"""Inference without the encoder: exact, by quadrature, or refined for each image by itself."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Real

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights, seeded
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.objectives import Likelihood
from vaecourse.shapes import check_codes, check_logits, check_per_image, check_posterior
from vaecourse.vae import Code, Image, Nats, bernoulli_nll, gaussian_kl, is_vae

ROWS = 1000  # codes decoded at once
SPLIT, MOST_SPLITS = 2, 6  # of a cell that is too coarse: parts a side, and how often
ENOUGH = 20.0  # nats below the highest point, where a posterior may be cut off
MOST_POINTS = 1_000_000  # of the split cells of an image
IMAGES, DRAWS = 64, 64  # refined at once; that judge a refined posterior
MOST = 200_000_000  # numbers in a table of posteriors: 0.8 GB
OWN = 10  # rows of the table that the grid itself takes


@dataclass(frozen=True)
class Quadrature:
    """What sums over a grid of codes say of each image.

    `log_posterior` is log p(z|x), a density in nats, at each point of `z`, and `cell` the length or
    area that a point stands for. In two dimensions z[i · n + j] = (side[i], side[j]), with n points
    a side: `log_posterior[0].view(n, n).T` has z₁ to the right and z₂ upward. A posterior that is
    narrower than the grid falls between its points, and exp(log_posterior) · cell does not sum to
    1 there; `log_evidence` is right all the same.
    """

    z: Float[Tensor, "points latent_dim"]
    log_evidence: Nats
    log_posterior: Float[Tensor, "batch points"]
    cell: float

    def at_the_edge(self) -> Float[Tensor, " batch"]:
        """The share of each posterior on the grid's outermost points: 0 where `limit` is enough."""
        far = self.z.abs().amax(dim=1)
        return self.log_posterior[:, far == far.max()].exp().sum(dim=1) * self.cell


def quadrature(
    model: nn.Module,
    x: Image,
    limit: float = 6.0,
    num_per_side: int = 201,
    nll: Likelihood = bernoulli_nll,
    tolerance: float = 0.05,
) -> Quadrature:
    """log p(x) = log ∫ p(x|z) p(z) dz, and p(z|x), of a VAE with one or two latent dimensions.

    The integral is a sum over equally spaced codes from −limit to limit in each dimension. Every
    second of them makes a sum of its own: where these differ by more than `tolerance` nats, the
    grid is too coarse for the image, and the cells that hold its posterior are split in two a
    side, as often as it takes (six times and into a million points at most; a tolerance of infinity
    leaves the grid as it is). The error is a small part of the tolerance. The encoder has no part
    in it. Bernoulli pixels are fast; another `nll` is called for each image by itself.

    Raises CourseError for more than two latent dimensions, a model that is no VAE, images that are
    none (for another likelihood than Bernoulli's they may leave [0, 1]), a grid that is none, and
    more images than the memory should hold.
    """
    check_images(x, shades=nll is bernoulli_nll)
    grid = _Grid(_latent_dim(model), limit, num_per_side, len(x))
    if not (isinstance(tolerance, Real) and tolerance > 0):
        raise CourseError(f"expected a tolerance above 0, got {tolerance!r}; try tolerance=0.05")
    with evaluating(model):
        x = like_weights(model, x)
        z = grid.z.to(x)
        log_joint = x.new_empty(len(x), len(z))
        for rows in torch.arange(len(z), device=z.device).split(ROWS):
            log_joint[:, rows] = _log_prior(z[rows]) - _nll_of_pairs(model, z[rows], x, nll)
        sums = [
            _sum_of(model, image, z, values, grid, nll, tolerance)
            for image, values in zip(x, log_joint, strict=True)
        ]
        log_evidence = torch.stack(sums)
        return Quadrature(z, log_evidence, log_joint.sub_(log_evidence[:, None]), grid.cell)


class _Grid:
    """Equally spaced codes, and how one of their cells is split."""

    def __init__(self, latent_dim: int, limit: float, num_per_side: int, num_images: int):
        if latent_dim > 2:
            raise CourseError(
                f"quadrature expects one or two latent dimensions, got {latent_dim}, where a grid "
                f"has {num_per_side}^{latent_dim} points; try metrics.log_likelihood"
            )
        check_number("limit", limit, "limit=6.0", least=1e-6)
        check_whole("num_per_side", num_per_side, "num_per_side=201", least=2)
        n, self.latent_dim = int(num_per_side), latent_dim
        most = MOST // n**latent_dim - OWN
        if num_images > most:
            mend = f"x[:{most}], or num_per_side=101" if most > 0 else "num_per_side=201"
            raise CourseError(
                f"expected at most {max(0, most)} images for {n**latent_dim} points, got "
                f"{num_images}; try {mend}"
            )
        self.step = 2 * float(limit) / (n - 1)
        self.cell = self.step**latent_dim
        self.z = self._product(torch.linspace(-limit, limit, n, dtype=torch.float64))
        self.parity = self._parity(n)
        # the middles of a cell's parts, in steps
        self.parts = self._product((torch.arange(SPLIT) + 0.5) / SPLIT - 0.5)
        self.parts_parity = self._parity(SPLIT)

    def _product(self, side: Tensor) -> Tensor:
        return torch.cartesian_prod(*[side] * self.latent_dim).view(-1, self.latent_dim)

    def _parity(self, n: int) -> Tensor:
        """Which of the grids of every second point each one belongs to."""
        bits = self._product(torch.arange(n) % 2)
        return (bits * torch.tensor([1, 2])[: self.latent_dim]).sum(dim=1)


def _sum_of(
    model: nn.Module,
    image: Tensor,
    z: Code,
    log_joint: Tensor,
    grid: _Grid,
    nll: Likelihood,
    tolerance: float,
) -> Tensor:
    """log p(x) of one image: from the grid, or from finer cells where that is too coarse."""
    parity, step = grid.parity, grid.step
    parts = grid.parts.to(z)
    for splits_left in range(MOST_SPLITS, -1, -1):
        log_sum = log_joint.logsumexp(dim=0) + grid.latent_dim * math.log(step)
        coarser = torch.stack([log_joint[parity == p].logsumexp(dim=0) for p in parity.unique()])
        if splits_left == 0 or coarser.max() - coarser.min() <= tolerance:
            break
        held = z[log_joint > log_joint.max() - ENOUGH]
        if len(held) * len(parts) > MOST_POINTS:
            break
        z = (held[:, None] + step * parts).flatten(0, 1)
        parity, step = grid.parts_parity.repeat(len(held)), step / SPLIT
        values = []
        for codes in z.split(ROWS):
            logits = model.decode(codes)  # type: ignore[operator]
            values.append(_log_prior(codes) - _of_one(logits, image, nll))
        log_joint = torch.cat(values)
    return log_sum


def _latent_dim(model: nn.Module) -> int:
    """The latent dimensions of a VAE; CourseError for what is none."""
    if not (is_vae(model) and hasattr(model, "latent_dim")):
        raise CourseError(
            f"expected a VAE, with a posterior and a latent_dim, got {type(model).__name__}; "
            "try VAE(encoder, decoder)"
        )
    return model.latent_dim  # type: ignore[return-value]


def _log_prior(z: Code) -> Nats:
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=1)


def _nll_of_pairs(
    model: nn.Module, z: Code, x: Image, nll: Likelihood
) -> Float[Tensor, "batch points"]:
    """−log p(x|z) of every image at every code."""
    logits: Image = model.decode(z)  # type: ignore[operator]
    if nll is not bernoulli_nll:
        return torch.stack([_of_one(logits, image, nll) for image in x])
    check_logits(logits[:1], x[:1])
    logits, x = logits.flatten(1), x.flatten(1)
    # −log p(white) and −log p(black): neither is negative, so that no large numbers cancel
    return x @ F.softplus(-logits).T + (1 - x) @ F.softplus(logits).T


def _of_one(logits: Image, image: Tensor, nll: Likelihood) -> Nats:
    """−log p(x|z) of one image at each code that was decoded."""
    values = nll(logits, image.expand(len(logits), *image.shape))
    check_per_image("nll", values, len(logits))
    return values


def refine_posterior(
    model: nn.Module,
    x: Image,
    num_steps: int = 200,
    lr: float = 0.05,
    num_samples: int = 8,
    nll: Likelihood = bernoulli_nll,
    seed: int = 0,
    start: tuple[Code, Code] | None = None,
) -> tuple[Code, Code]:
    """mu and logvar of each image's own best Gaussian q(z), by gradient ascent on its ELBO.

    It starts at the encoder's answer, or at the mu and logvar of `start`, and moves q alone: no
    weight, and no weight's gradient, is touched. A step is one of Adam on `num_samples` draws an
    image, in pairs of eps and −eps, and lr falls to 0 by a straight line. Of the places on the way
    the best is kept, by the same draws for all. Unless that is a lesser hill's, what is left below
    log p(x) is the approximation gap, what was gained the amortization gap (arXiv:1801.03558).

    The caller's random state is left alone. Raises CourseError for a model that is no VAE, images
    that are none (see `quadrature`), wrong settings, and codes to start at that are not finite.
    """
    check_images(x, shades=nll is bernoulli_nll)
    _latent_dim(model)
    check_whole("num_steps", num_steps, "num_steps=200")
    check_number("lr", lr, "lr=0.05")
    check_whole("num_samples", num_samples, "num_samples=8")
    found = []
    with evaluating(model, gradients=True), seeded(seed):
        for rows in torch.arange(len(x)).split(IMAGES):
            images = like_weights(model, x[rows])
            begin = _codes(model, images) if start is None else _rows(start, rows, len(x))

            def elbo(mu: Code, logvar: Code, eps: Tensor, x: Image = images) -> Nats:
                return _elbo(model, x, mu, logvar, eps, nll)

            steps = _ascent(elbo, *begin, num_steps, float(lr), num_samples)
            found.append(_best(elbo, begin, steps))
    mus, logvars = zip(*found, strict=True)
    return torch.cat(mus), torch.cat(logvars)


Elbo = Callable[[Code, Code, Tensor], Nats]  # of mu, logvar and eps


@torch.no_grad()
def _codes(model: nn.Module, x: Image) -> tuple[Code, Code]:
    mu, logvar = model.encode(x)  # type: ignore[operator]
    check_posterior(mu, logvar)
    check_codes("the encoder's mu", mu)
    check_codes("the encoder's logvar", logvar)
    return mu, logvar


def _rows(start: tuple[Code, Code], rows: Tensor, n: int) -> tuple[Code, Code]:
    check_posterior(*start)
    check_codes("codes to start at", torch.cat(start))
    if len(start[0]) != n:
        raise CourseError(
            f"expected a start of {n} rows, one an image, got {len(start[0])}; try model.encode(x)"
        )
    return start[0].detach()[rows], start[1].detach()[rows]


def _elbo(model: nn.Module, x: Image, mu: Code, logvar: Code, eps: Tensor, nll: Likelihood) -> Nats:
    """Each image's ELBO, by the draws eps (num_samples, batch, latent_dim) and the exact KL."""
    z = mu + torch.exp(0.5 * logvar) * eps
    logits = model.decode(z.flatten(0, 1))  # type: ignore[operator]
    recon_nll = nll(logits, x.repeat(len(eps), *(1 for _ in x.shape[1:])))
    check_per_image("nll", recon_nll, len(logits))
    return -recon_nll.view(len(eps), -1).mean(dim=0) - gaussian_kl(mu, logvar)


def _pairs(count: int, like: Code) -> Tensor:
    """eps (count, *like.shape) in pairs of opposite sign, whose mean is less noisy."""
    half = torch.randn((count + 1) // 2, *like.shape, dtype=like.dtype, device=like.device)
    return torch.cat([half, -half])[:count]


def _ascent(
    elbo: Elbo, mu: Code, logvar: Code, num_steps: int, lr: float, num_samples: int
) -> Iterator[tuple[Code, Code]]:
    """Where q is after each ten steps, and after the last."""
    moving = [mu.clone().requires_grad_(), logvar.clone().requires_grad_()]
    optimiser = torch.optim.Adam(moving, lr=lr)
    for step in range(num_steps):
        optimiser.param_groups[0]["lr"] = lr * (1 - step / num_steps)
        eps = _pairs(num_samples, mu)
        loss = -elbo(moving[0], moving[1], eps).sum()
        moving[0].grad, moving[1].grad = torch.autograd.grad(loss, moving)
        optimiser.step()
        if (step + 1) % 10 == 0 or step + 1 == num_steps:
            yield moving[0].detach().clone(), moving[1].detach().clone()


def _best(
    elbo: Elbo, start: tuple[Code, Code], steps: Iterator[tuple[Code, Code]]
) -> tuple[Code, Code]:
    """Each image's best place, by the same draws for all places."""
    mu, logvar = start
    eps = _pairs(DRAWS, mu)
    with torch.no_grad():
        best = elbo(mu, logvar, eps)
    for new_mu, new_logvar in steps:
        with torch.no_grad():
            new = elbo(new_mu, new_logvar, eps)
        better = new > best
        best = torch.where(better, new, best)
        mu = torch.where(better[:, None], new_mu, mu)
        logvar = torch.where(better[:, None], new_logvar, logvar)
    return mu, logvar

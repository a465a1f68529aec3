"""Exact inference where the latent space is small: sums over a grid."""

import math
from dataclasses import dataclass
from numbers import Real

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.objectives import Likelihood
from vaecourse.shapes import check_batch, check_per_image, shape_or_type
from vaecourse.vae import Code, Image, Nats, bernoulli_nll, check_vae

ROWS = 1000  # codes decoded at once
MOST_SPLITS = 10  # of the cells of a grid that is too coarse, in two a side
ENOUGH = 20.0  # nats below the highest point, where a posterior may be cut off
LEAST_HELD = 64  # cells that are split at least: a narrow posterior reaches into its neighbours
MOST_POINTS = 1_000_000  # of the split cells of an image
MOST = 200_000_000  # numbers in a table of posteriors: 0.8 GB
OWN = 10  # rows of the table that the grid itself takes


@dataclass(frozen=True)
class Quadrature:
    """What sums over a grid of codes say of each image.

    `log_posterior` is log p(z|x), a density in nats, at each point of `z`, and `cell` the length or
    area that a point stands for. In two dimensions z[i · n + j] = (side[i], side[j]), with n points
    a side: `log_posterior[0].view(n, n).T` has z₁ to the right and z₂ upward. A posterior that is
    narrower than the grid falls between its points, and exp(log_posterior) · cell does not sum to
    1 there; `log_evidence` is good to the tolerance all the same.
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
    side until they agree (a tolerance of infinity leaves the grid as it is). The error is mostly a
    small part of the tolerance; sums may agree by chance. The encoder has no part in it. Bernoulli
    pixels are fast; another `nll` is called for each image by itself.

    Raises CourseError for more than two latent dimensions, a model that is no VAE, images that are
    none (for another likelihood than Bernoulli's they may leave [0, 1]), a grid that is none, more
    images than the memory should hold, a likelihood that is not finite, and a posterior too narrow
    for the grid and its splits.
    """
    check_images(x, shades=nll is bernoulli_nll)
    grid = _Grid(latent_dim_of(model), limit, num_per_side, len(x))
    if isinstance(tolerance, bool) or not (isinstance(tolerance, Real) and tolerance > 0):
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
        self.parts = self._product(torch.tensor([-0.25, 0.25]))  # a cell's halves, in steps
        self.parts_parity = self._parity(2)

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
    parity, step, parts = grid.parity, grid.step, grid.parts.to(z)
    for _ in range(MOST_SPLITS + 1):
        log_sum = log_joint.logsumexp(dim=0) + grid.latent_dim * math.log(step)
        if not log_sum.isfinite():
            raise CourseError(
                f"expected a finite log p(x), got {log_sum.item()}; try another nll, or look for "
                "weights that are NaN"
            )
        every_second = [log_joint[parity == p].logsumexp(dim=0) for p in range(len(parts))]
        if max(every_second) - min(every_second) <= tolerance:
            return log_sum
        count = int((log_joint > log_joint.max() - ENOUGH).sum())
        held = z[log_joint.topk(min(max(count, LEAST_HELD), len(z))).indices]
        if len(held) * len(parts) > MOST_POINTS:
            break
        z = (held[:, None] + step * parts).flatten(0, 1)
        parity, step = grid.parts_parity.repeat(len(held)), step / 2
        values = []
        for codes in z.split(ROWS):
            logits = _decoded(model, codes)
            values.append(_log_prior(codes) - _of_one(logits, image, nll))
        log_joint = torch.cat(values)
    raise CourseError(
        f"expected sums that agree within {tolerance} nats, got a posterior that is too narrow for "
        f"the grid of step {grid.step:.2g}; try a larger num_per_side, or tolerance=0.5"
    )


def _log_prior(z: Code) -> Nats:
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=1)


def _nll_of_pairs(
    model: nn.Module, z: Code, x: Image, nll: Likelihood
) -> Float[Tensor, "batch points"]:
    """−log p(x|z) of every image at every code."""
    logits = _decoded(model, z)
    if nll is not bernoulli_nll:
        return torch.stack([_of_one(logits, image, nll) for image in x])
    check_batch("logits", logits, tuple(x.shape[1:]), f"a decoder with shape={tuple(x.shape[1:])}")
    logits, x = logits.flatten(1), x.flatten(1)
    # −log p(white) and −log p(black): neither is negative, so that no large numbers cancel
    return x @ F.softplus(-logits).T + (1 - x) @ F.softplus(logits).T


def _decoded(model: nn.Module, z: Code) -> Image:
    logits: Image = model.decode(z)  # type: ignore[operator]
    if not isinstance(logits, Tensor) or len(logits) != len(z):
        raise CourseError(
            f"expected a decoder to give an image for each of {len(z)} codes, got "
            f"{shape_or_type(logits)}; try nn.Unflatten(1, (channels, height, width)) at its end"
        )
    return logits


def _of_one(logits: Image, image: Tensor, nll: Likelihood) -> Nats:
    """−log p(x|z) of one image at each code that was decoded."""
    values = nll(logits, image.expand(len(logits), *image.shape))
    check_per_image("nll", values, len(logits))
    return values


def latent_dim_of(model: nn.Module) -> int:
    """The latent dimensions of a VAE; CourseError for what is none."""
    check_vae(model)
    check_whole("model.latent_dim", getattr(model, "latent_dim", None), "VAE(encoder, decoder)")
    return int(model.latent_dim)  # type: ignore[arg-type]

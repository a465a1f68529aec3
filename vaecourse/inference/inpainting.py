"""In-painting: z inferred from the visible pixels alone, and the hole drawn from it.

A mask is a bool tensor, True where a pixel is visible: (height, width), (channels, height, width),
or one an image, (batch, channels, height, width). Pixels are independent given z, so those that
nobody sees drop out of the likelihood, p(visible|z) = Π p(x_i|z) over the visible i, and

    p(z|visible) ∝ p(z) p(visible|z)

is all that can be known of z. What lies under the hole has no part in anything here.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights, seeded
from vaecourse.errors import CourseError, check_whole
from vaecourse.inference.grid import latent_dim_of
from vaecourse.inference.refining import ascent, elbo_of_draws, pairs
from vaecourse.objectives import Likelihood, nll_of_draws
from vaecourse.shapes import check_posterior, shape_or_type
from vaecourse.vae import Code, Image, Nats, bernoulli_nll

Mask = Bool[Tensor, "batch channels height width"]
Draws = Float[Tensor, "num_draws batch latent_dim"]

IMAGES = 64  # completed at once
LR = 0.1
TRIES = 200  # codes from the prior among which starts are looked for
# The proposals' std beside the best Gaussian's: a part of them reaches far, for a Gaussian of
# independent dimensions is too narrow where the true posterior is tilted
WIDTHS = (1.2, 3.0)


def complete(
    model: nn.Module,
    x: Image,
    mask: Tensor,
    num_starts: int = 4,
    num_steps: int = 100,
    nll: Likelihood = bernoulli_nll,
    seed: int = 0,
) -> Image:
    """The images x with their holes filled, from the likeliest place of z that was found.

    Visible pixels stay as they are; the hole gets sigmoid(decode(mu)) with `infer_visible`'s mu.
    Raises CourseError as that does.
    """
    mu, _ = infer_visible(model, x, mask, num_starts, num_steps, nll, seed)
    return _filled(model, x, mask, mu[None])[0]


def complete_by_sampling(
    model: nn.Module,
    x: Image,
    mask: Tensor,
    num_draws: int = 8,
    num_starts: int = 4,
    num_steps: int = 100,
    nll: Likelihood = bernoulli_nll,
    seed: int = 0,
) -> Float[Tensor, "num_draws batch channels height width"]:
    """The images x with their holes filled `num_draws` times, each from a draw of p(z|visible).

    Where they differ, the visible pixels leave it open. Raises CourseError as `sample_visible`.
    """
    z, _ = sample_visible(model, x, mask, num_draws, num_starts, num_steps, 500, nll, seed)
    return _filled(model, x, mask, z)


def infer_visible(
    model: nn.Module,
    x: Image,
    mask: Tensor,
    num_starts: int = 4,
    num_steps: int = 100,
    nll: Likelihood = bernoulli_nll,
    seed: int = 0,
) -> tuple[Code, Code]:
    """mu and logvar of the best Gaussian q(z) found for p(z|visible), an image a row.

    The ELBO of the visible pixels, E[log p(visible|z)] − KL(q ‖ p(z)), is climbed as in
    `refine_posterior`, from `num_starts` places: the encoder's answer to the picture with a black
    hole, and the codes from the prior that explain the visible pixels best. The highest hill is
    kept. `nll` is a likelihood of independent pixels, as `negative_elbo` takes it.

    The caller's random state is left alone. Raises CourseError for a mask that does not fit the
    images or is not bool, a hole that covers a whole image, a model that is no VAE, images that are
    none, wrong settings, and an ELBO that is not finite.
    """
    mus, logvars, elbos = _hills(model, x, mask, num_starts, num_steps, nll, seed)
    best = elbos.argmax(dim=0)
    rows = torch.arange(len(x), device=best.device)
    return mus[best, rows], logvars[best, rows]


def sample_visible(
    model: nn.Module,
    x: Image,
    mask: Tensor,
    num_draws: int = 8,
    num_starts: int = 4,
    num_steps: int = 100,
    num_proposals: int = 500,
    nll: Likelihood = bernoulli_nll,
    seed: int = 0,
) -> tuple[Draws, Float[Tensor, " batch"]]:
    """Draws of z from p(z|visible), and how many of the proposals count (of `num_proposals`).

    Importance resampling (Rubin, "The calculation of posterior distributions by data
    augmentation: comment", 1987). Proposals come from r(z), a mixture of the hills that
    `infer_visible` climbs, each widened a little and much. Their weights are
    p(visible|z) p(z) / r(z), and the draws are taken from them by these weights, with replacement.
    Exact as `num_proposals` grows. The second answer is (Σ w)² / Σ w²: near 1, a single proposal
    decided alone, and the draws are not to be trusted.
    """
    check_whole("num_draws", num_draws, "num_draws=8")
    check_whole("num_proposals", num_proposals, "num_proposals=500")
    mask = check_mask(mask, x)
    mus, logvars, elbos = _hills(model, x, mask, num_starts, num_steps, nll, seed)
    mus, elbos = (each.repeat(len(WIDTHS), *[1] * (each.ndim - 1)) for each in (mus, elbos))
    logvars = torch.cat([logvars + 2 * math.log(width) for width in WIDTHS])
    drawn, counted = [], []
    with evaluating(model), seeded(seed):
        for rows in torch.arange(len(x)).split(IMAGES):
            hills = (mus[:, rows], logvars[:, rows], elbos[:, rows].log_softmax(dim=0))
            z, log_r = _propose(*hills, num_proposals)
            log_prior = -0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=2)
            visible = visible_nll(mask[rows], nll)
            log_w = log_prior - log_r - _in_turns(model, x[rows], z, visible)
            w = log_w.softmax(dim=0).T  # (batch, num_proposals)
            chosen = w.multinomial(num_draws, replacement=True).T
            drawn.append(z.gather(0, chosen[:, :, None].expand(-1, -1, z.shape[2])))
            counted.append(1 / w.square().sum(dim=1))
    return torch.cat(drawn, dim=1), torch.cat(counted)


def visible_nll(mask: Mask, nll: Likelihood = bernoulli_nll) -> Likelihood:
    """−log p(visible|z) in nats: the likelihood `nll` of independent pixels, of visible ones only.

    Called with several pictures for each of the masks, as `nll_of_draws` does, they stand in turn.
    """

    def of_visible(logits: Image, x: Image) -> Nats:
        pixels = nll(logits.reshape(-1, 1), x.reshape(-1, 1)).view(x.shape)
        seen = mask.to(pixels.device).repeat(len(x) // len(mask), 1, 1, 1)
        return torch.where(seen, pixels, 0).flatten(1).sum(dim=1)

    return of_visible


def check_mask(mask: Tensor, x: Image) -> Mask:
    """The mask, one an image; CourseError unless it is bool, fits x, and leaves each something."""
    shape = tuple(x.shape)
    wanted = f"expected a mask of bools, True where visible, {shape[1:]} or {shape}"
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        came = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise CourseError(f"{wanted}, got {came}; try mask > 0.5")
    if tuple(mask.shape) not in (shape, shape[1:], shape[2:]):
        raise CourseError(
            f"{wanted}, got the shape {shape_or_type(mask)}; try "
            f"torch.ones({', '.join(map(str, shape[1:]))}, dtype=torch.bool), with the hole False"
        )
    mask = mask.expand(shape)
    blind = (~mask).flatten(1).all(dim=1)
    if blind.any():
        raise CourseError(
            f"expected a visible pixel or more in each image, got a hole that covers all of "
            f"x[{int(blind.nonzero()[0])}]; try a smaller hole, or model.sample(1), which draws "
            "from the prior: that is all that is known where nothing is seen"
        )
    return mask


Hills = tuple[Draws, Draws, Float[Tensor, "num_starts batch"]]  # mus, logvars, and their ELBOs


def _hills(
    model: nn.Module,
    x: Image,
    mask: Tensor,
    num_starts: int,
    num_steps: int,
    nll: Likelihood,
    seed: int,
) -> Hills:
    """Where the climb ends from each start, and how high it is there."""
    check_images(x, shades=nll is bernoulli_nll)
    check_whole("num_starts", num_starts, "num_starts=4")
    check_whole("num_steps", num_steps, "num_steps=100")
    dim, mask = latent_dim_of(model), check_mask(mask, x)
    x = torch.where(mask, x, 0)  # nothing under the hole is looked at
    with seeded(seed):
        tries = torch.randn(TRIES, dim)
    found = []
    with evaluating(model, gradients=True), seeded(seed):
        for rows in torch.arange(len(x)).split(IMAGES):
            images, visible = like_weights(model, x[rows]), visible_nll(mask[rows], nll)
            climbed = [
                _climb(model, images, visible, *start, num_steps)
                for start in _starts(model, images, visible, tries, num_starts)
            ]
            found.append([torch.stack(each) for each in zip(*climbed, strict=True)])
    mus, logvars, elbos = (torch.cat(each, dim=1) for each in zip(*found, strict=True))
    if not elbos.isfinite().any(dim=0).all():
        raise CourseError(
            "expected a finite ELBO of the visible pixels, got NaN or infinity; try another nll, "
            "or look for weights that are NaN"
        )
    return mus, logvars, elbos.nan_to_num(nan=-math.inf)


def _climb(
    model: nn.Module, x: Image, visible: Likelihood, mu: Code, logvar: Code, num_steps: int
) -> tuple[Code, Code, Nats]:
    """Where q ends, and the ELBO of the visible pixels there, by 32 draws."""

    def elbo(mu: Code, logvar: Code, eps: Tensor) -> Nats:
        return elbo_of_draws(model, x, mu, logvar, eps, visible)

    *_, (mu, logvar) = ascent(elbo, mu, logvar, num_steps, LR, 2)
    with torch.no_grad():
        return mu, logvar, elbo(mu, logvar, pairs(32, mu))


@torch.no_grad()
def _starts(
    model: nn.Module, x: Image, visible: Likelihood, tries: Code, num_starts: int
) -> list[tuple[Code, Code]]:
    """The encoder's answer, then the tries under which the visible pixels are likeliest."""
    mu, logvar = model.encode(x)  # type: ignore[operator]
    check_posterior(mu, logvar)
    tries = tries.to(mu)
    log_p = -_in_turns(model, x, tries[:, None].expand(-1, len(x), -1), visible)
    best = log_p.topk(min(num_starts - 1, len(tries)), dim=0).indices
    return [(z, logvar) for z in (mu, *(tries[codes] for codes in best))]


def _in_turns(
    model: nn.Module, x: Image, z: Draws, visible: Likelihood
) -> Float[Tensor, "num_draws batch"]:
    """−log p(visible|z) of each draw of each image, a few draws at once."""
    x = like_weights(model, x)
    at_once = max(1, 4000 // len(x))
    return torch.cat([nll_of_draws(model, x, some, visible) for some in z.split(at_once)])


def _propose(
    mus: Draws, logvars: Draws, log_share: Tensor, count: int
) -> tuple[Draws, Float[Tensor, "num_draws batch"]]:
    """Draws of a mixture of Gaussians for each image, and the log density of the mixture there."""
    from_hill = log_share.exp().T.multinomial(count, replacement=True).T  # (count, batch)
    index = from_hill[:, :, None].expand(-1, -1, mus.shape[2])
    mu, std = mus.gather(0, index), torch.exp(0.5 * logvars.gather(0, index))
    z = mu + std * torch.randn_like(mu)
    error = (z[:, None] - mus).square() / logvars.exp()
    log_each = -0.5 * (error + logvars + math.log(2 * math.pi)).sum(dim=3)
    return z, (log_share + log_each).logsumexp(dim=1)


def _filled(model: nn.Module, x: Image, mask: Tensor, z: Draws) -> Tensor:
    """x where visible, what z decodes to where not: (num_draws, batch, channels, height, width)."""
    with evaluating(model):
        drawn = torch.stack([model.decode(like_weights(model, each)).sigmoid() for each in z])  # type: ignore[operator]
    return torch.where(check_mask(mask, x), x, drawn.to(x))

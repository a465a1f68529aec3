"""The best Gaussian q(z) of each image by itself: what an encoder has to answer at once."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights, seeded
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.inference.grid import latent_dim_of
from vaecourse.objectives import Likelihood, nll_of_draws
from vaecourse.shapes import check_codes, check_posterior
from vaecourse.vae import Code, Image, Nats, bernoulli_nll, gaussian_kl

IMAGES, DRAWS = 64, 64  # refined at once; that judge a refined posterior


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
    the best is kept, by the same draws for all. What is left below log p(x) is the approximation
    gap, what was gained the amortization gap (Cremer, Li and Duvenaud, "Inference suboptimality in
    variational autoencoders", arXiv:1801.03558), unless it is a lesser hill's.

    The caller's random state is left alone. Raises CourseError for a model that is no VAE, images
    that are none (see `quadrature`), wrong settings, codes to start at that are not finite, and an
    ELBO that is not.
    """
    check_images(x, shades=nll is bernoulli_nll)
    latent_dim_of(model)
    check_whole("num_steps", num_steps, "num_steps=200")
    check_number("lr", lr, "lr=0.05")
    check_whole("num_samples", num_samples, "num_samples=8")
    found = []
    with evaluating(model, gradients=True), seeded(seed):
        for rows in torch.arange(len(x)).split(IMAGES):
            images = like_weights(model, x[rows])
            begin = _codes(model, images) if start is None else _rows(model, start, rows, len(x))

            def elbo(mu: Code, logvar: Code, eps: Tensor, x: Image = images) -> Nats:
                return elbo_of_draws(model, x, mu, logvar, eps, nll)

            steps = ascent(elbo, *begin, num_steps, float(lr), num_samples)
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


def _rows(model: nn.Module, start: tuple[Code, Code], rows: Tensor, n: int) -> tuple[Code, Code]:
    if not isinstance(start, tuple | list) or len(start) != 2:
        raise CourseError("expected a start of two, mu and logvar; try start=model.encode(x)")
    check_posterior(*start)
    check_codes("codes to start at", torch.cat(tuple(start)))
    if len(start[0]) != n:
        raise CourseError(
            f"expected a start of {n} rows, one an image, got {len(start[0])}; try model.encode(x)"
        )
    mu, logvar = (like_weights(model, each.detach()[rows]) for each in start)
    return mu, logvar


def elbo_of_draws(
    model: nn.Module, x: Image, mu: Code, logvar: Code, eps: Tensor, nll: Likelihood
) -> Nats:
    """Each image's ELBO, by the draws eps (num_samples, batch, latent_dim) and the exact KL."""
    z = mu + torch.exp(0.5 * logvar) * eps
    return -nll_of_draws(model, x, z, nll).mean(dim=0) - gaussian_kl(mu, logvar)


def pairs(count: int, like: Code) -> Tensor:
    """eps (count, *like.shape) in pairs of opposite sign, whose mean is less noisy."""
    half = torch.randn((count + 1) // 2, *like.shape, dtype=like.dtype, device=like.device)
    return torch.cat([half, -half])[:count]


def ascent(
    elbo: Elbo, mu: Code, logvar: Code, num_steps: int, lr: float, num_samples: int
) -> Iterator[tuple[Code, Code]]:
    """Where q is after each ten steps, and after the last."""
    moving = [mu.clone().requires_grad_(), logvar.clone().requires_grad_()]
    optimiser = torch.optim.Adam(moving, lr=lr)
    for step in range(num_steps):
        optimiser.param_groups[0]["lr"] = lr * (1 - step / num_steps)
        eps = pairs(num_samples, mu)
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
    eps = pairs(DRAWS, mu)
    with torch.no_grad():
        best = elbo(mu, logvar, eps)
    if not best.isfinite().all():
        raise CourseError(
            "expected a finite ELBO to start from, got NaN or infinity; try another nll, or look "
            "for weights that are NaN"
        )
    for new_mu, new_logvar in steps:
        with torch.no_grad():
            new = elbo(new_mu, new_logvar, eps)
        better = new > best
        best = torch.where(better, new, best)
        mu = torch.where(better[:, None], new_mu, mu)
        logvar = torch.where(better[:, None], new_logvar, logvar)
    return mu, logvar

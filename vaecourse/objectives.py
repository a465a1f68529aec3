"""What else one may minimise.

Each objective is called as `negative_elbo` is: (model, x) -> the loss and its terms by name, all
(batch,) in nats. A weight is set by `functools.partial(negative_elbo, beta=4)`.

One that changes while it trains is a module with an `advance(done)`, which `fit` calls before each
step with the part of the training that is over, 0 to 1.
"""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.shapes import check_logits, check_per_image, check_posterior
from vaecourse.vae import (
    Image,
    Nats,
    bernoulli_nll,
    check_vae,
    gaussian_kl,
    gaussian_kl_by_dimension,
    negative_elbo,
)

Terms = tuple[Nats, dict[str, Nats]]
Likelihood = Callable[[Image, Image], Nats]  # −log p(x|z), of what is decoded and of x


def reconstruction_loss(model: nn.Module, x: Image) -> Terms:
    """A plain autoencoder's objective: −log p(x|z) for the one z the encoder gives."""
    logits = model(x)
    if not isinstance(logits, Tensor):
        raise CourseError(
            f"expected an autoencoder for reconstruction_loss, got {type(model).__name__}, whose "
            "posterior needs the KL too; try objective=negative_elbo"
        )
    recon_nll = bernoulli_nll(logits, x)
    return recon_nll, {"recon_nll": recon_nll}


def squared_error(model: nn.Module, x: Image, beta: float = 1.0) -> Terms:
    """What many call "a VAE with MSE loss": the pixels' squared error, summed, + beta · KL.

    The first term is Σ (x − x_recon)², a −log p(x|z) of pixels N(x_recon, ½) but for a constant,
    so its value cannot be set beside that of another likelihood.
    """
    check_vae(model)
    logits, mu, logvar = model(x)
    check_logits(logits, x)
    error = (x - logits.sigmoid()).square().flatten(1).sum(dim=1)
    kl = gaussian_kl(mu, logvar)
    return error + beta * kl, {"squared_error": error, "kl": kl}


def free_bits(model: nn.Module, x: Image, nats: float = 0.5) -> Terms:
    """−ELBO in which a latent dimension's KL costs nothing below `nats`.

    The bound is on each dimension's mean over the batch, as in Kingma and others, "Improved
    variational inference with inverse autoregressive flow", arXiv:1606.04934, section 4 and
    appendix C.8. The terms are the unchanged ones.
    """
    check_vae(model)
    check_number("nats", nats, "0.5")
    logits, mu, logvar = model(x)
    recon_nll = bernoulli_nll(logits, x)
    kl = gaussian_kl_by_dimension(mu, logvar)
    charged = kl.mean(dim=0).clamp(min=nats).sum()
    return recon_nll + charged, {"recon_nll": recon_nll, "kl": kl.sum(dim=1)}


def log_weights(
    model: nn.Module, x: Image, num_samples: int, nll: Likelihood = bernoulli_nll
) -> Float[Tensor, "num_samples batch"]:
    """log p(x|z_i) p(z_i) / q(z_i|x) in nats, of `num_samples` draws z_i from q(z|x) an image.

    The weights w_i of importance sampling: their mean is an unbiased estimate of p(x). `nll` is a
    likelihood as `negative_elbo` takes it. Nothing is detached: the gradient runs through the draws
    too. Only to look at the weights, call it under `torch.no_grad()`. All are decoded at once.
    """
    check_vae(model)
    check_whole("num_samples", num_samples, "500")
    mu, logvar = model.encode(x)  # type: ignore[operator]
    check_posterior(mu, logvar)
    eps = torch.randn(num_samples, *mu.shape, dtype=mu.dtype, device=mu.device)
    z = mu + torch.exp(0.5 * logvar) * eps
    recon_nll = nll_of_draws(model, x, z, nll)
    # log p(z) − log q(z|x); the constants −½ log 2π cancel
    log_ratio = 0.5 * (eps.square() + logvar - z.square()).sum(dim=2)
    return log_ratio - recon_nll


def nll_of_draws(
    model: nn.Module, x: Image, z: Float[Tensor, "num_samples batch latent_dim"], nll: Likelihood
) -> Float[Tensor, "num_samples batch"]:
    """−log p(x|z) in nats, of each draw z of each image."""
    if not callable(nll):
        raise CourseError(
            f"expected a likelihood to call with (logits, x), got {nll!r:.80}; "
            "try nll=bernoulli_nll"
        )
    logits = model.decode(z.flatten(0, 1))  # type: ignore[operator]
    values = nll(logits, x.repeat(len(z), *(1 for _ in x.shape[1:])))
    check_per_image("nll", values, len(logits))
    return values.view(len(z), -1)


def importance_weighted_bound(
    model: nn.Module, x: Image, num_samples: int = 5, nll: Likelihood = bernoulli_nll
) -> Terms:
    """−log 1/k Σ p(x|z_i) p(z_i) / q(z_i|x) with k = `num_samples` draws z_i from q(z|x).

    At most −ELBO on average, and nearer to −log p(x) the larger k is. Burda, Grosse and
    Salakhutdinov, arXiv:1509.00519, equation 8. Its gradient, by autograd, is the mean of the
    draws' own, weighted by w_i / Σ w_j (their section 3).
    """
    log_w = log_weights(model, x, num_samples, nll)
    bound = math.log(num_samples) - log_w.logsumexp(dim=0)
    return bound, {"iw_nll": bound}


for each in (reconstruction_loss, squared_error, free_bits, importance_weighted_bound):
    each.capturable = True  # type: ignore[attr-defined]


class WarmUp(nn.Module):
    """−ELBO with a weight on the KL that rises by a straight line to `beta`.

    It is there when the part `until` of the training is over. Bowman and others, "Generating
    sentences from a continuous space", arXiv:1511.06349, section 3.1.
    """

    capturable = True
    weight: Tensor

    def __init__(self, beta: float = 1.0, until: float = 0.5):
        super().__init__()
        check_number("beta", beta, "beta=1")
        check_number("until", until, "until=0.5", least=-math.inf)
        if not 0 < until <= 1:
            raise CourseError(f"expected until above 0, 1 at most, got {until}; try until=0.5")
        self.beta, self.until = beta, until
        self.register_buffer("weight", torch.zeros(()))  # a tensor, so that a CUDA graph sees it

    def advance(self, done: float) -> None:
        self.weight.fill_(self.beta * min(1.0, done / self.until))

    def forward(self, model: nn.Module, x: Image) -> Terms:
        return negative_elbo(model, x, self.weight)


class Cyclical(nn.Module):
    """−ELBO with a weight on the KL that starts again from 0 at the head of each of `num_cycles`.

    It rises by a straight line to `beta` in the first part `until` of a cycle, then stays until the
    cycle ends. Fu and others, "Cyclical annealing schedule: a simple approach to mitigating KL
    vanishing", arXiv:1903.10145; one cycle is `WarmUp`.
    """

    capturable = True

    def __init__(self, beta: float = 1.0, num_cycles: int = 4, until: float = 0.5):
        super().__init__()
        check_whole("num_cycles", num_cycles, "num_cycles=4")
        self.num_cycles = int(num_cycles)
        self.cycle = WarmUp(beta, until)

    @property
    def weight(self) -> Tensor:
        """What the KL is multiplied by now."""
        return self.cycle.weight

    def advance(self, done: float) -> None:
        cycles = round(done * self.num_cycles, 9)  # 1/49 · 49 is a little below 1
        self.cycle.advance(1.0 if done >= 1 else cycles % 1)

    def forward(self, model: nn.Module, x: Image) -> Terms:
        return self.cycle(model, x)


class BetaByEpoch(nn.Module):
    """−ELBO whose weight on the KL is `betas[epoch]`: a list, an array or a tensor of numbers.

    Give `fit` the same `num_epochs`: an epoch is here that part of the training. Raises CourseError
    for betas that are not `num_epochs` finite numbers of 0 or more.
    """

    capturable = True
    weight: Tensor

    def __init__(self, betas: Sequence[float] | Tensor, num_epochs: int):
        super().__init__()
        check_whole("num_epochs", num_epochs, "num_epochs=20")
        try:
            self.betas = [getattr(beta, "tolist", lambda b=beta: b)() for beta in betas]
        except TypeError:  # what cannot be iterated
            self.betas = []
        came = f"{len(self.betas)} numbers" if self.betas else f"{betas!r:.60}"
        if len(self.betas) != num_epochs:
            raise CourseError(
                f"expected a beta for each of num_epochs={num_epochs} epochs, got {came}; "
                f"try betas=[1.0] * {num_epochs}, or num_epochs=len(betas)"
            )
        for epoch, beta in enumerate(self.betas):
            check_number(f"betas[{epoch}]", beta, f"betas=[1.0] * {num_epochs}")
        self.num_epochs = int(num_epochs)
        self.register_buffer("weight", torch.tensor(float(self.betas[0])))

    def advance(self, done: float) -> None:
        epoch = int(round(done * self.num_epochs, 9))  # 1/49 · 49 is a little below 1
        self.weight.fill_(self.betas[min(epoch, self.num_epochs - 1)])

    def forward(self, model: nn.Module, x: Image) -> Terms:
        return negative_elbo(model, x, self.weight)

"""Objectives beside the ELBO, each against what it must be equal to, above or below."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal

from vaecourse.errors import CourseError
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.objectives import (
    BetaByEpoch,
    Cyclical,
    WarmUp,
    free_bits,
    importance_weighted_bound,
    reconstruction_loss,
    squared_error,
)
from vaecourse.training import Objective, fit
from vaecourse.vae import VAE, bernoulli_nll, gaussian_kl_by_dimension, gaussian_nll, negative_elbo

SHAPE = (1, 5, 4)


def autoencoder() -> Autoencoder:
    return Autoencoder(MLPEncoder(2, (8,), SHAPE), MLPDecoder(2, (8,), SHAPE))


def vae(latent_dim: int = 3) -> VAE:
    torch.manual_seed(0)
    return VAE(MLPEncoder(2 * latent_dim, (8,), SHAPE), MLPDecoder(latent_dim, (8,), SHAPE))


def test_an_autoencoder_is_charged_for_its_reconstruction_alone() -> None:
    model, x = autoencoder(), torch.rand(6, *SHAPE)
    loss, terms = reconstruction_loss(model, x)
    assert torch.equal(loss, bernoulli_nll(model(x), x))
    assert terms.keys() == {"recon_nll"}
    assert torch.equal(loss, terms["recon_nll"])


def test_every_weight_of_an_autoencoder_feels_the_loss() -> None:
    model = autoencoder()
    reconstruction_loss(model, torch.rand(6, *SHAPE))[0].mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in model.parameters())


def test_a_vae_is_no_autoencoder() -> None:
    with pytest.raises(CourseError, match=r"got VAE.*; try objective=negative_elbo"):
        fit(vae(), torch.rand(6, *SHAPE), objective=reconstruction_loss, batch_size=6)


def test_squared_error_is_a_gaussian_nll_of_variance_one_half_but_for_a_constant() -> None:
    model, x = vae(), torch.rand(3, *SHAPE)
    torch.manual_seed(1)
    loss, terms = squared_error(model, x, 2.0)
    torch.manual_seed(1)
    logits, _, _ = model(x)
    constant = 20 * math.log(math.sqrt(math.pi))
    torch.testing.assert_close(
        terms["squared_error"], gaussian_nll(logits, x, math.sqrt(0.5)) - constant
    )
    torch.testing.assert_close(loss, terms["squared_error"] + 2 * terms["kl"])


# -- free bits ---------------------------------------------------------------------------------


def test_without_free_nats_the_mean_loss_is_the_negative_elbo() -> None:
    model, x = vae(), torch.rand(6, *SHAPE)
    torch.manual_seed(1)
    loss, terms = free_bits(model, x, nats=0.0)
    torch.manual_seed(1)
    plain, same_terms = negative_elbo(model, x)
    torch.testing.assert_close(loss.mean(), plain.mean())
    torch.testing.assert_close(terms, same_terms)


def test_a_dimension_below_its_free_nats_costs_them_and_feels_no_kl() -> None:
    model, x = vae(), torch.rand(6, *SHAPE)
    kl = gaussian_kl_by_dimension(*model.encode(x)).mean(dim=0).detach()
    free = float(kl.median())  # one dimension below, one above, one at it
    torch.manual_seed(1)
    loss, terms = free_bits(model, x, nats=free)
    torch.testing.assert_close((loss - terms["recon_nll"]).mean(), kl.max() + 2 * kl.median())
    all_free, terms = free_bits(model, x, nats=100.0)
    (all_free - terms["recon_nll"]).mean().backward()
    assert all(weight.grad is None or not weight.grad.any() for weight in model.parameters())


@pytest.mark.parametrize("nats", [0.0, 0.1, 1.0, 50.0])
def test_the_charged_kl_is_never_below_the_floor(nats: float) -> None:
    torch.manual_seed(0)
    model, x = vae(), torch.rand(6, *SHAPE)
    loss, terms = free_bits(model, x, nats)
    charged = (loss - terms["recon_nll"]).mean().item()
    assert charged >= max(3 * nats, terms["kl"].mean().item()) - 1e-4
    for weight in model.encoder.parameters():
        nn.init.zeros_(weight)  # all of it collapsed: the floor and no more
    loss, terms = free_bits(model, x, nats)
    assert not terms["kl"].any()
    torch.testing.assert_close(loss - terms["recon_nll"], torch.full((6,), 3 * nats))


# -- the importance-weighted bound -------------------------------------------------------------


def test_with_one_sample_the_bound_is_an_estimate_of_the_negative_elbo() -> None:
    model, x = vae(), torch.rand(4, *SHAPE)
    many = x.repeat(20_000, 1, 1, 1)
    torch.manual_seed(1)
    with torch.no_grad():
        differences = importance_weighted_bound(model, many, 1)[0] - negative_elbo(model, many)[0]
    assert abs(differences.mean()) < 5 * differences.std() / len(many) ** 0.5


@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_bound_is_what_torch_distributions_make_of_its_draws(k: int) -> None:
    model, x = vae(), torch.rand(4, *SHAPE).round()
    torch.manual_seed(1)
    loss, terms = importance_weighted_bound(model, x, k)
    torch.manual_seed(1)
    mu, logvar = model.encode(x)
    q = Normal(mu, (0.5 * logvar).exp())
    z = mu + q.stddev * torch.randn(k, *mu.shape)
    logits = torch.stack([model.decode(each) for each in z])
    log_w = Bernoulli(logits=logits).log_prob(x).sum(dim=(2, 3, 4))
    log_w = log_w + (Normal(0, 1).log_prob(z) - q.log_prob(z)).sum(dim=2)
    torch.testing.assert_close(loss, -log_w.exp().mean(dim=0).log())
    assert terms.keys() == {"iw_nll"}
    assert torch.equal(terms["iw_nll"], loss)


def test_unless_said_otherwise_half_a_nat_is_free_and_five_draws_are_taken() -> None:
    model, x = vae(), torch.rand(4, *SHAPE)
    for objective, said in (
        (free_bits, {"nats": 0.5}),
        (importance_weighted_bound, {"num_samples": 5}),
        (squared_error, {"beta": 1.0}),
    ):
        torch.manual_seed(1)
        loss = objective(model, x)[0]
        torch.manual_seed(1)
        assert torch.equal(loss, objective(model, x, **said)[0])
    assert (WarmUp().beta, WarmUp().until) == (1.0, 0.5)


@pytest.mark.parametrize(
    "objective", [negative_elbo, squared_error, free_bits, importance_weighted_bound, WarmUp()]
)
def test_an_autoencoder_is_no_vae(objective: Objective) -> None:
    for objective_or_partial in (objective, partial(objective)):
        with pytest.raises(CourseError, match="got Autoencoder; try objective=reconstruction_l"):
            fit(
                autoencoder(),
                torch.rand(6, *SHAPE),
                objective=objective_or_partial,
                batch_size=6,
            )


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        (partial(importance_weighted_bound, num_samples=0), "num_samples of 1 or more, got 0"),
        (partial(importance_weighted_bound, num_samples=1.5), "whole number for num_samples"),
        (partial(free_bits, nats=-1.0), "nats of 0 or more, and finite, got -1"),
        (partial(free_bits, nats="a"), "a number for nats, got 'a'"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused(objective: Objective, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        objective(vae(), torch.rand(6, *SHAPE))


def test_one_logit_for_all_pixels_is_refused() -> None:
    """Broadcast against the image it would give a loss without a word."""

    class OneLogit(nn.Module):
        latent_dim = 3

        def forward(self, z: Tensor) -> Tensor:
            return z[:, :1].view(-1, 1, 1, 1)

    model = VAE(MLPEncoder(6, (8,), SHAPE), OneLogit())
    for objective in (negative_elbo, squared_error, free_bits, importance_weighted_bound):
        with pytest.raises(
            CourseError, match=r"images' shape \(\d+, 1, 5, 4\), got \(\d+, 1, 1, 1\)"
        ):
            objective(model, torch.rand(6, *SHAPE))


def test_the_bound_falls_as_samples_are_added() -> None:
    model, x = vae(), torch.rand(4, *SHAPE).repeat(500, 1, 1, 1)
    with torch.no_grad():
        model.encoder.layers[-1].bias[:3] = 1.5  # far from the prior, so that samples matter
        means = [importance_weighted_bound(model, x, k)[0].mean().item() for k in (1, 5, 50)]
    assert means[0] > means[1] > means[2]


def test_the_gradient_of_the_bound_is_that_of_finite_differences() -> None:
    model, x = vae().double(), torch.rand(4, *SHAPE, dtype=torch.float64)
    bias = model.encoder.layers[-1].bias

    def bound(value: Tensor) -> Tensor:
        torch.manual_seed(1)
        with torch.no_grad():
            bias.copy_(value)
        return importance_weighted_bound(model, x, 5)[0].sum()

    start, step = bias.detach().clone(), 1e-6
    (gradient,) = torch.autograd.grad(bound(start), bias)
    for i in range(len(start)):
        move = step * nn.functional.one_hot(torch.tensor(i), len(start)).double()
        slope = (bound(start + move) - bound(start - move)).item() / (2 * step)
        assert gradient[i].item() == pytest.approx(slope, rel=1e-5, abs=1e-7)


# -- warm-up -----------------------------------------------------------------------------------


def test_the_weight_rises_by_a_straight_line_and_stays() -> None:
    objective = WarmUp(beta=2.0, until=0.5)
    weights = []
    for done in (0.0, 0.125, 0.25, 0.5, 0.75, 1.0):
        objective.advance(done)
        weights.append(objective.weight.item())
    assert weights == [0.0, 0.5, 1.0, 2.0, 2.0, 2.0]


def test_fit_takes_a_warm_up_along() -> None:
    seen: list[float] = []

    class Recording(WarmUp):
        def forward(self, model: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            seen.append(self.weight.item())
            loss, terms = super().forward(model, x)
            torch.testing.assert_close(loss, terms["recon_nll"] + self.weight * terms["kl"])
            return loss, terms

    fit(vae(), torch.rand(8, *SHAPE), objective=Recording(until=0.5), num_epochs=2, batch_size=2)
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("until", [0.0, -1.0, 1.5, math.nan])
def test_a_warm_up_that_never_ends_is_refused(until: float) -> None:
    with pytest.raises(CourseError, match="expected until"):
        WarmUp(until=until)


@pytest.mark.parametrize("beta", ["1", None, -1.0, math.nan])
def test_a_warm_up_to_no_number_is_refused(beta: float) -> None:
    with pytest.raises(CourseError, match=r"for beta, got|expected beta of 0"):
        WarmUp(beta=beta)


# -- other schedules of beta -------------------------------------------------------------------


def weights_of(objective: Cyclical | BetaByEpoch, done: list[float]) -> list[float]:
    seen = []
    for part in done:
        objective.advance(part)
        seen.append(objective.weight.item())
    return seen


def test_each_cycle_rises_from_nothing_to_beta_and_stays_there() -> None:
    done = [step / 16 for step in range(17)]
    found = weights_of(Cyclical(beta=2.0, num_cycles=2, until=0.5), done)
    cycle = [0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0]
    assert found == [*cycle, *cycle, 2.0]


def test_one_cycle_is_a_warm_up() -> None:
    done = [step / 20 for step in range(21)]
    rise = WarmUp(3.0, 0.7)
    expected = []
    for part in done:
        rise.advance(part)
        expected.append(rise.weight.item())
    assert weights_of(Cyclical(3.0, 1, 0.7), done) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("num", [3, 7, 49, 98])
def test_a_cycle_and_an_epoch_begin_on_their_first_step(num: int) -> None:
    starts = [(i * 5) / (num * 5) for i in range(num)]
    assert weights_of(Cyclical(1.0, num), starts) == [0.0] * num
    assert weights_of(BetaByEpoch(range(num), num), starts) == list(range(num))


def test_fit_trains_each_epoch_with_its_own_beta() -> None:
    seen: list[float] = []

    class Recording(BetaByEpoch):
        def forward(self, model: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            seen.append(self.weight.item())
            loss, terms = super().forward(model, x)
            torch.testing.assert_close(loss, terms["recon_nll"] + self.weight * terms["kl"])
            return loss, terms

    for betas in ([0.5, 0.0, 4.0], torch.tensor([0.5, 0.0, 4.0])):
        seen.clear()
        fit(vae(), torch.rand(8, *SHAPE), objective=Recording(betas, 3), num_epochs=3, batch_size=4)
        assert seen == [0.5, 0.5, 0.0, 0.0, 4.0, 4.0]


def test_fit_takes_cycles_along() -> None:
    objective = Cyclical(2.0, num_cycles=2)
    history = fit(vae(), torch.rand(8, *SHAPE), objective=objective, num_epochs=4, batch_size=2)
    assert objective.weight.item() == 2.0
    first, terms = history.train["loss"][0], history.train
    assert first < terms["recon_nll"][0] + 2 * terms["kl"][0]


@pytest.mark.parametrize(
    ("betas", "num_epochs", "said"),
    [
        ([1.0, 2.0], 3, r"each of num_epochs=3 epochs, got 2 numbers; try betas=\[1.0\] \* 3"),
        ([], 3, r"got \[\]; try"),
        (1.0, 3, "got 1.0; try"),
        (torch.tensor(1.0), 1, "got tensor"),
        ([1.0, -1.0], 2, r"expected betas\[1\] of 0 or more, and finite, got -1.0; try"),
        ([math.nan], 1, r"betas\[0\] of 0 or more, and finite, got nan"),
        ([math.inf], 1, r"betas\[0\] of 0 or more, and finite, got inf"),
        ("ab", 2, r"a number for betas\[0\], got 'a'"),
        (torch.ones(2, 2), 2, r"a number for betas\[0\], got \[1.0, 1.0\]"),
        ([1.0], 0, "num_epochs of 1 or more"),
    ],
)
def test_betas_that_are_no_schedule_are_refused(betas: Any, num_epochs: int, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        BetaByEpoch(betas, num_epochs)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"beta": -1.0}, "beta of 0 or more"),
        ({"beta": math.nan}, "beta of 0 or more"),
        ({"num_cycles": 0}, "num_cycles of 1 or more"),
        ({"num_cycles": 1.5}, "a whole number for num_cycles"),
        ({"until": 0.0}, "expected until above 0"),
    ],
)
def test_cycles_that_are_none_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(CourseError, match=said):
        Cyclical(**settings)

"""Likelihoods of grey pixels: laws of probability, and exact values with fifty digits."""

import math
from collections.abc import Callable
from functools import partial

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import ContinuousBernoulli, Normal

from vaecourse.errors import CourseError
from vaecourse.likelihoods import (
    bits_per_dimension,
    continuous_bernoulli_mean,
    continuous_bernoulli_nll,
    discretised_normal_nll,
    grey_floor,
    optimal_std,
    optimal_std_elbo,
)
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.training import fit
from vaecourse.vae import VAE, bernoulli_nll, normal_nll

LOGITS = [0.0, 1e-6, 1e-3, 0.1, 0.4999, 0.5, 0.5001, 2.0, 30.0, 1e4]
each_logit = pytest.mark.parametrize("logit", LOGITS + [-logit for logit in LOGITS[1:]])
SHAPE = (1, 5, 4)


def pixels(values: Tensor) -> Tensor:
    """Images of one pixel each."""
    return values.view(-1, 1, 1, 1)


def nll_at(logit: float, x: Tensor, dtype: torch.dtype = torch.double) -> Tensor:
    return continuous_bernoulli_nll(pixels(torch.full_like(x, logit, dtype=dtype)), pixels(x))


def vae() -> VAE:
    torch.manual_seed(0)
    return VAE(MLPEncoder(4, (8,), SHAPE), MLPDecoder(2, (8,), SHAPE))


# -- the continuous Bernoulli ----------------------------------------------------------------------


@each_logit
def test_the_continuous_bernoulli_integrates_to_one(logit: float) -> None:
    nodes, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(60))
    edges = torch.cat([torch.zeros(1), torch.logspace(-7, 0, 40)]).double()
    if logit > 0:
        edges = 1 - edges.flip(0)  # the mass lies at the right
    half = edges.diff()[:, None] / 2
    x = (edges[:-1, None] + half * (nodes + 1)).flatten().clamp(0, 1)
    total = ((-nll_at(logit, x)).exp() * (half * weights).flatten()).sum()
    assert total.item() == pytest.approx(1, abs=1e-9)


@each_logit
def test_the_continuous_bernoulli_and_its_mean_are_exact(logit: float) -> None:
    with mpmath.workdps(50):
        eta = mpmath.mpf(logit)
        log_integral = mpmath.log(mpmath.expm1(eta) / eta) if eta else mpmath.mpf(0)
        mean = -1 / mpmath.expm1(-eta) - 1 / eta if eta else mpmath.mpf(0.5)
        wanted = float(log_integral - eta * mpmath.mpf(0.25)), float(mean)
    for dtype, digits in ((torch.float32, 3e-7), (torch.float64, 1e-11)):
        x = torch.tensor([0.25], dtype=dtype)
        assert nll_at(logit, x, dtype).item() == pytest.approx(wanted[0], rel=digits, abs=digits)
        came = continuous_bernoulli_mean(torch.tensor([logit], dtype=dtype)).item()
        assert came == pytest.approx(wanted[1], rel=digits, abs=digits)


@each_logit
def test_its_slope_is_the_mean_less_x(logit: float) -> None:
    eta = torch.tensor([[[[logit]]]], requires_grad=True)
    continuous_bernoulli_nll(eta, torch.full_like(eta, 0.3)).sum().backward()
    assert eta.grad is not None
    wanted = continuous_bernoulli_mean(eta.detach().double()) - 0.3
    assert eta.grad.item() == pytest.approx(wanted.item(), abs=2e-6)


def test_it_is_pytorchs_where_that_is_exact() -> None:
    logits, x = torch.randn(50).double() * 3, torch.rand(50).double()
    wanted = -ContinuousBernoulli(logits=logits, lims=(0.5, 0.5)).log_prob(x)
    assert continuous_bernoulli_nll(pixels(logits), pixels(x)).allclose(wanted)
    assert continuous_bernoulli_mean(logits).allclose(ContinuousBernoulli(logits=logits).mean)


def test_the_mean_lies_between_a_half_and_the_sigmoid() -> None:
    logits = torch.linspace(0.1, 20, 200)
    mean = continuous_bernoulli_mean(logits)
    assert (mean > 0.5).all()
    assert (mean < logits.sigmoid()).all()
    assert continuous_bernoulli_mean(-logits).allclose(1 - mean)


def test_bce_does_not_integrate_to_one_and_the_continuous_bernoulli_mends_just_that() -> None:
    logits, x = torch.randn(9, *SHAPE).double() * 4, torch.rand(9, *SHAPE).double()
    missing = bernoulli_nll(logits, x) - continuous_bernoulli_nll(logits, x)
    p = logits.sigmoid()
    integral = (1 - 2 * p) / ((1 - p) / p).log()
    assert missing.allclose(-integral.log().flatten(1).sum(dim=1))
    assert (missing > math.log(2) * 20).all()  # the integral is ½ at most


# -- grey levels -----------------------------------------------------------------------------------


@pytest.mark.parametrize("std", [1e-4, 1e-3, 0.01, 0.2, 1.0, 50.0])
@pytest.mark.parametrize("mean", [-0.3, 0.0, 0.3, 0.5019, 1.0, 4.0])
@pytest.mark.parametrize("levels", [2, 256])
def test_the_masses_of_grey_levels_sum_to_one(mean: float, std: float, levels: int) -> None:
    x = pixels(torch.arange(levels).double() / (levels - 1))
    nll = discretised_normal_nll(torch.full_like(x, mean), x, std, levels)
    assert (-nll).exp().sum().item() == pytest.approx(1, abs=1e-10)
    assert (nll >= 0).all()


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_a_mass_is_exact_far_out_in_the_tails(level: int) -> None:
    x = pixels(torch.tensor([level / 255]))
    for mean, std in ((0.5, 0.02), (0.0, 0.1), (1.0, 0.01), (0.3, 2.0)):
        with mpmath.workdps(400):
            low = -mpmath.inf if level == 0 else (mpmath.mpf(level) - 0.5) / 255
            high = mpmath.inf if level == 255 else (mpmath.mpf(level) + 0.5) / 255
            sides = [mpmath.ncdf((side - mean) / mpmath.mpf(std)) for side in (low, high)]
            wanted = float(-mpmath.log(sides[1] - sides[0]))
        came = discretised_normal_nll(torch.full_like(x, mean), x, std).item()
        assert came == pytest.approx(wanted, rel=1e-4, abs=1e-6)


def test_where_the_density_is_flat_over_a_level_its_mass_is_the_density_times_the_width() -> None:
    x = torch.randint(1, 255, (4, *SHAPE)).double() / 255
    mean = torch.rand_like(x)
    density = normal_nll(mean, x, 0.2)
    assert discretised_normal_nll(mean, x, 0.2).allclose(density + 20 * math.log(255), atol=1e-2)


def test_a_gradient_of_the_masses_is_finite_and_points_to_the_pixel() -> None:
    x = pixels(torch.tensor([0.0, 0.0, 1.0, 1.0, 128 / 255]))
    mean = pixels(torch.tensor([0.0, 1.0, 0.0, 1.0, 0.9])).requires_grad_()
    std = torch.tensor(0.02, requires_grad=True)
    discretised_normal_nll(mean, x, std).sum().backward()
    assert mean.grad is not None
    assert std.grad is not None
    assert mean.grad.isfinite().all()
    assert std.grad.isfinite()
    assert mean.grad.flatten().sign().tolist() == [1, 1, -1, -1, 1]


# -- units and floors ------------------------------------------------------------------------------


def test_the_uniform_distribution_costs_eight_bits_a_pixel_as_a_mass_and_as_a_density() -> None:
    x = torch.zeros(3, 1, 28, 28)
    as_mass = torch.full((3,), 784 * math.log(256))
    assert bits_per_dimension(as_mass, x).tolist() == pytest.approx([8] * 3)
    assert bits_per_dimension(torch.zeros(3), x, levels=256).tolist() == pytest.approx([8] * 3)


def test_bits_of_a_density_are_those_of_the_same_density_in_grey_levels() -> None:
    x, mean = torch.rand(2, 3, *SHAPE).double()
    in_levels = normal_nll(256 * mean, 256 * x, 256 * 0.1)
    in_units = normal_nll(mean, x, 0.1)
    assert bits_per_dimension(in_units, x, 256).allclose(bits_per_dimension(in_levels, x))


def test_no_logits_cost_less_than_the_grey_floor_and_the_images_own_cost_just_that() -> None:
    x = torch.rand(6, *SHAPE).double()
    floor = grey_floor(x)
    assert floor.allclose(bernoulli_nll(x.logit(), x))
    assert all((bernoulli_nll(x.logit() + torch.randn_like(x), x) > floor).all() for _ in range(9))
    assert grey_floor(x.round()).tolist() == [0] * 6


# -- the best std ----------------------------------------------------------------------------------


def test_the_best_std_is_a_minimum_of_the_nll() -> None:
    mean, x = torch.rand(2, 7, *SHAPE).double()
    std = optimal_std(mean, x)
    assert std.item() == pytest.approx((mean - x).square().mean().item() ** 0.5)
    least = normal_nll(mean, x, std).sum()
    assert normal_nll(mean, x, std * 1.01).sum() > least
    assert normal_nll(mean, x, std / 1.01).sum() > least
    assert torch.autograd.functional.jacobian(
        lambda s: normal_nll(mean, x, s).sum(), std
    ).item() == pytest.approx(0, abs=1e-9)


def test_the_sigma_vae_has_the_value_and_the_gradient_of_the_closed_form() -> None:
    model, x = vae(), torch.rand(6, *SHAPE)
    gradients = []
    for closed in (False, True):
        torch.manual_seed(3)
        loss, terms = optimal_std_elbo(model, x, beta=0.0)
        if closed:
            torch.manual_seed(3)
            std = optimal_std(model(x)[0].sigmoid(), x)
            loss = 20 * std.log() + 10 * math.log(2 * math.pi * math.e)
            assert loss.item() == pytest.approx(terms["recon_nll"].mean().item(), rel=1e-5)
        model.zero_grad()
        loss.mean().backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))  # type: ignore[union-attr]
    assert gradients[0].norm() > 0
    assert gradients[0].allclose(gradients[1], atol=1e-4)


def test_the_sigma_vae_is_fitted_and_beta_weighs_its_kl() -> None:
    model, x = vae(), torch.rand(12, *SHAPE)
    fit(model, x, x, objective=partial(optimal_std_elbo, beta=2.0), num_epochs=1, batch_size=6)
    loss, terms = optimal_std_elbo(model, x, beta=3.0)
    assert loss.allclose(terms["recon_nll"] + 3 * terms["kl"])
    assert loss.shape == (12,)


# -- bad input -------------------------------------------------------------------------------------

GOOD = torch.full((2, *SHAPE), 51 / 255)
BAD: list[tuple[str, Callable[[], object]]] = [
    (r"pixels in \[0, 1\].*255", lambda: continuous_bernoulli_nll(GOOD, GOOD * 255)),
    (r"pixels in \[0, 1\].*nan", lambda: grey_floor(GOOD * math.nan)),
    (r"pixels in \[0, 1\]", lambda: discretised_normal_nll(GOOD, GOOD - 1, 0.1)),
    (r"logits of the images' shape", lambda: continuous_bernoulli_nll(GOOD[:1], GOOD)),
    (r"a mean of the images' shape", lambda: discretised_normal_nll(GOOD[:1], GOOD, 0.1)),
    (r"a mean of the images' shape", lambda: optimal_std(GOOD[:1], GOOD)),
    (r"a std above 0, got 0", lambda: discretised_normal_nll(GOOD, GOOD, 0)),
    (r"std of 0 or more.*got -1", lambda: discretised_normal_nll(GOOD, GOOD, -1)),
    (r"a pixel between two; try \(x \* 255\)", lambda: discretised_normal_nll(GOOD, GOOD / 2)),
    (r"levels of 2 or more", lambda: discretised_normal_nll(GOOD, GOOD, 0.1, 1)),
    (r"nats to give one number an image", lambda: bits_per_dimension(torch.zeros(3), GOOD)),
    (r"expected images x, got float", lambda: bits_per_dimension(torch.zeros(2), 0.5)),  # type: ignore[arg-type]
    (r"images as floats", lambda: grey_floor(GOOD.byte())),
    (r"logits as a floating tensor", lambda: continuous_bernoulli_mean(0.5)),  # type: ignore[arg-type]
    (r"expected a VAE", lambda: optimal_std_elbo(torch.nn.Linear(2, 2), GOOD)),
    (r"expected beta of 0 or more", lambda: optimal_std_elbo(vae(), GOOD, beta=-1)),
]


@pytest.mark.parametrize(("said", "call"), BAD, ids=[said for said, _ in BAD])
def test_bad_input_is_answered_by_a_sentence(said: str, call: Callable[[], object]) -> None:
    with pytest.raises(CourseError, match=said):
        call()


def test_a_std_of_zero_in_a_tensor_is_refused_too() -> None:
    with pytest.raises(CourseError, match="std above 0"):
        discretised_normal_nll(GOOD, GOOD, torch.tensor(0.0))


def test_a_perfect_copy_has_no_best_std() -> None:
    class Copy(VAE):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            return x.logit(), torch.zeros(len(x), 2), torch.zeros(len(x), 2)

    half = torch.full((2, *SHAPE), 0.5)
    with pytest.raises(CourseError, match="a perfect copy"):
        optimal_std_elbo(Copy(MLPEncoder(4, (8,), SHAPE), MLPDecoder(2, (8,), SHAPE)), half)


def test_the_normal_of_torch_agrees_on_a_level() -> None:
    x, mean = pixels(torch.tensor([0.4])).double(), pixels(torch.tensor([0.45])).double()
    normal = Normal(mean, 0.1)
    mass = normal.cdf(x + 0.5 / 255) - normal.cdf(x - 0.5 / 255)
    assert discretised_normal_nll(mean, x, 0.1).item() == pytest.approx(-mass.log().item())

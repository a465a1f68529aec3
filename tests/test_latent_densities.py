"""Densities over the latent space: the aggregated posterior, and Gaussians fitted to codes."""

import math
from typing import Any

import pytest
import torch
from exact import randn
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from vaecourse.errors import CourseError
from vaecourse.latent import aggregated_posterior, fit_gaussians


def assert_mean_is(draws: Tensor, expected: Tensor) -> None:
    """The mean of the rows lies within 5 standard errors."""
    error = draws.std(dim=0) / math.sqrt(len(draws))
    assert ((draws.mean(dim=0) - expected).abs() <= 5 * error).all()


# -- the aggregated posterior ------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_its_density_is_the_average_of_the_posteriors_densities(latent_dim: int) -> None:
    mu, logvar = randn(2, 7, latent_dim)
    z = randn(4, latent_dim, seed=1)
    each = Normal(mu, (0.5 * logvar).exp()).log_prob(z[:, None]).sum(dim=2).exp()
    torch.testing.assert_close(aggregated_posterior(mu, logvar).log_prob(z), each.mean(dim=1).log())


def test_its_mean_and_variance_obey_the_law_of_total_variance() -> None:
    mu, logvar = randn(2, 7, 3)
    found = aggregated_posterior(mu, logvar)
    torch.testing.assert_close(found.mean, mu.mean(dim=0))
    total = logvar.exp().mean(dim=0) + mu.var(dim=0, correction=0)
    torch.testing.assert_close(found.variance, total)


def test_draws_have_its_mean_and_variance_and_follow_the_random_state() -> None:
    mu, logvar = randn(2, 7, 3)
    found = aggregated_posterior(mu, logvar)
    torch.manual_seed(0)
    z = found.sample((50_000,))
    assert z.shape == (50_000, 3)
    assert_mean_is(z, found.mean)
    assert_mean_is((z - found.mean).square(), found.variance)
    torch.manual_seed(0)
    assert torch.equal(found.sample((50_000,)), z)


def test_of_one_image_it_is_that_images_posterior() -> None:
    mu, logvar, z = randn(3, 1, 2)
    expected = Normal(mu, (0.5 * logvar).exp()).log_prob(z).sum(dim=1)
    torch.testing.assert_close(aggregated_posterior(mu, logvar).log_prob(z), expected)


@pytest.mark.parametrize("logvar", [-60.0, 60.0])
def test_extreme_widths_leave_its_density_finite(logvar: float) -> None:
    mu, z = randn(5, 2).float(), randn(4, 2, seed=1).float()
    found = aggregated_posterior(mu, torch.full_like(mu, logvar)).log_prob(z)
    wide = aggregated_posterior(mu.double(), torch.full_like(mu, logvar).double())
    assert found.isfinite().all()
    torch.testing.assert_close(found.double(), wide.log_prob(z.double()), rtol=1e-5, atol=1e-5)


def test_it_carries_no_graph() -> None:
    mu, logvar = randn(2, 7, 3)
    found = aggregated_posterior(mu.requires_grad_(), logvar.requires_grad_())
    assert not found.log_prob(randn(1, 3)).requires_grad


def test_a_width_of_none_or_without_end_is_refused() -> None:
    mu = torch.zeros(3, 2)
    with pytest.raises(CourseError, match=r"the logarithm of a variance, got 100.*variance.log"):
        aggregated_posterior(mu, torch.full_like(mu, 100.0))
    with pytest.raises(CourseError, match=r"logvar of -300, whose exp is 0; try logvar.double"):
        aggregated_posterior(mu, torch.full_like(mu, -300.0))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_codes_that_are_not_finite_are_refused(bad: float) -> None:
    spoiled = torch.zeros(3, 2)
    spoiled[1, 1] = bad
    for pair in ((spoiled, torch.zeros(3, 2)), (torch.zeros(3, 2), spoiled)):
        with pytest.raises(CourseError, match=r"finite|logarithm of a variance"):
            aggregated_posterior(*pair)
    with pytest.raises(CourseError, match="finite codes, got NaN or infinity, first in row 1; try"):
        fit_gaussians(spoiled)


# -- fitted Gaussians --------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_one_gaussian_has_the_mean_and_covariance_of_the_codes(latent_dim: int) -> None:
    z = randn(100, latent_dim) @ randn(latent_dim, latent_dim, seed=1) + 3
    found = fit_gaussians(z)
    covariance = torch.cov(z.T, correction=0).view(latent_dim, latent_dim)
    covariance = covariance + 1e-6 * torch.eye(latent_dim, dtype=torch.float64)
    torch.testing.assert_close(found.mean, z.mean(dim=0))
    torch.testing.assert_close(found.variance, covariance.diagonal())
    expected = MultivariateNormal(z.mean(dim=0), covariance)
    torch.testing.assert_close(found.log_prob(z), expected.log_prob(z))


def test_draws_have_the_codes_mean_and_covariance_and_follow_torchs_random_state() -> None:
    z = (randn(200, 2) @ randn(2, 2, seed=1) + 3).float()
    found = fit_gaussians(z)
    torch.manual_seed(0)
    drawn = found.sample((50_000,))
    assert drawn.dtype == torch.float32
    assert_mean_is(drawn, z.mean(dim=0))
    products = (drawn - drawn.mean(dim=0))[:, :, None] * (drawn - drawn.mean(dim=0))[:, None]
    assert_mean_is(products, torch.cov(z.T, correction=0))
    torch.manual_seed(0)
    assert torch.equal(found.sample((50_000,)), drawn)


def test_a_mixture_finds_clusters_that_lie_apart() -> None:
    centres = torch.tensor([[0.0, 10.0], [10.0, 0.0], [-10.0, 0.0]]).double()
    z = (centres[:, None] + 0.5 * randn(3, 100, 2)).flatten(0, 1)
    found = fit_gaussians(z, 3)
    means = found.component_distribution.mean
    distances = torch.cdist(centres, means)
    assert (distances.amin(dim=1) < 0.3).all()
    torch.testing.assert_close(found.mixture_distribution.probs, torch.full((3,), 1 / 3).double())
    assert found.log_prob(z).mean() > fit_gaussians(z, 1).log_prob(z).mean() + 1


def test_the_seed_decides_and_the_random_state_is_left_alone() -> None:
    z, state = randn(200, 2), torch.get_rng_state()
    first, again, other = (fit_gaussians(z, 5, seed).log_prob(z) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("num_gaussians", "count"), [(1, 2), (5, 14), (20, 59)])
def test_too_few_codes_for_a_mixture_are_refused(num_gaussians: int, count: int) -> None:
    least = 3 * num_gaussians
    with pytest.raises(CourseError, match=f"expected {least} different codes.*got {count}; try"):
        fit_gaussians(randn(count, 2), num_gaussians)
    fit_gaussians(randn(least, 2), num_gaussians)


@pytest.mark.parametrize("scale", [1.0, 30.0, 100.0])
def test_codes_on_a_plane_have_the_density_of_wide_numbers(scale: float) -> None:
    """In float32 the little that is added to the diagonal would be lost beside large codes."""
    z = scale * randn(500, 4) @ randn(4, 16, seed=1)
    held_out = scale * randn(100, 4, seed=2) @ randn(4, 16, seed=1)
    wide = fit_gaussians(z.float().double()).log_prob(held_out)
    narrow = fit_gaussians(z.float()).log_prob(held_out.float())
    assert narrow.dtype == torch.float32
    torch.testing.assert_close(narrow.double(), wide, rtol=0, atol=0.05)


def test_narrow_codes_are_fitted_in_numbers_that_can_be_solved() -> None:
    z = randn(200, 2)
    for dtype in (torch.half, torch.bfloat16):
        assert fit_gaussians(z.to(dtype), 2).sample((5,)).dtype == torch.float32


def test_codes_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(CourseError, match=r"3 different codes or more .* got 1; try"):
        fit_gaussians(torch.zeros(100, 2))


@pytest.mark.parametrize(
    "z", [[1.0], torch.zeros(5), torch.zeros(0, 2), torch.zeros(5, 2, dtype=torch.long), None]
)
def test_what_is_no_table_of_codes_is_refused(z: Any) -> None:
    with pytest.raises(CourseError, match=r"codes as a floating tensor \(n, latent_dim\)"):
        fit_gaussians(z)


@pytest.mark.parametrize("settings", [{"num_gaussians": 0}, {"num_gaussians": 1.5}, {"seed": -1}])
def test_a_setting_that_is_none_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CourseError, match=next(iter(settings))):
        fit_gaussians(randn(50, 2), **settings)

"""Attribute directions: what they are on clouds of codes whose answer is known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.latent import logistic_direction, mean_direction

few = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 10_000)
DIRECTIONS = [mean_direction, logistic_direction]


def clouds(seed: int, n: int = 400, dim: int = 4) -> tuple[Tensor, Tensor]:
    """Two Gaussian clouds of codes, about two standard deviations apart."""
    rng = torch.Generator().manual_seed(seed)
    has = torch.arange(n) % 3 == 0
    shift = torch.randn(dim, generator=rng, dtype=torch.float64)
    z = torch.randn(n, dim, generator=rng, dtype=torch.float64)
    return z + 2 * has[:, None] * shift / shift.norm(), has


@few
@given(seeds)
def test_a_step_along_the_mean_direction_leads_from_mean_to_mean(seed: int) -> None:
    z, has = clouds(seed)
    without = z[~has].mean(dim=0)
    torch.testing.assert_close(without + mean_direction(z, has), z[has].mean(dim=0))


@few
@given(seeds)
def test_both_directions_change_the_regressions_logit_by_as_much(seed: int) -> None:
    z, has = clouds(seed)
    along = logistic_direction(z, has)
    torch.testing.assert_close(mean_direction(z, has) @ along, along @ along)


@pytest.mark.parametrize("direction", DIRECTIONS)
@few
@given(seeds)
def test_who_lacks_it_lies_the_other_way(direction: type, seed: int) -> None:
    z, has = clouds(seed)
    torch.testing.assert_close(direction(z, ~has), -direction(z, has), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("direction", DIRECTIONS)
@few
@given(seeds)
def test_a_direction_turns_moves_and_grows_with_the_codes(direction: type, seed: int) -> None:
    z, has = clouds(seed)
    turn = torch.linalg.qr(clouds(seed + 1)[0].T @ clouds(seed + 2)[0])[0]
    expected = 7 * direction(z, has) @ turn
    found = direction(7 * z @ turn + 3, has)
    torch.testing.assert_close(found, expected, atol=2e-2, rtol=2e-2)


def test_logistic_regression_discounts_what_comes_along() -> None:
    """Two clouds of one covariance S: w lies along S⁻¹ (mean with − mean without)."""
    rng = torch.Generator().manual_seed(0)
    has = torch.arange(40_000) % 2 == 0
    root = torch.tensor([[1.0, 0.0], [0.8, 0.6]], dtype=torch.float64)
    z = torch.randn(40_000, 2, generator=rng, dtype=torch.float64) @ root.T
    z = z + has[:, None] * torch.tensor([1.0, 0.8], dtype=torch.float64)  # S's first column
    with_means, with_regression = mean_direction(z, has), logistic_direction(z, has)
    assert with_means[1] / with_means[0] == pytest.approx(0.8, abs=0.05)
    assert with_regression[1] / with_regression[0] == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("has", "said"),
    [
        (torch.zeros(400, dtype=torch.bool), "nobody of 400 has"),
        (torch.ones(400, dtype=torch.bool), "everybody of 400 has"),
        (torch.ones(400), r"got torch.float32; try y == 1"),
        (torch.ones(399, dtype=torch.bool), r"one bool a code, \(400,\), got \(399,\)"),
        (None, "got NoneType"),
    ],
)
def test_an_attribute_that_does_not_divide_the_codes_is_refused(
    direction: type, has: Tensor, said: str
) -> None:
    with pytest.raises(CourseError, match=said):
        direction(clouds(0)[0], has)


def test_codes_that_cannot_be_told_apart_are_refused() -> None:
    has = torch.arange(10) < 4
    with pytest.raises(CourseError, match="same code for all"):
        logistic_direction(torch.ones(10, 3), has)
    for direction in DIRECTIONS:
        with pytest.raises(CourseError, match="finite codes"):
            direction(torch.full((10, 3), torch.nan), has)

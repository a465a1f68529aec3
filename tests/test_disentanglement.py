"""The mutual information gap: exact on codes whose answer is known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.metrics import factor_information, mutual_information_gap

few = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 10_000)


def some_factors(seed: int, n: int = 4000) -> Tensor:
    """A smooth one, one of three kinds, and one that is there or not: independent."""
    rng = torch.Generator().manual_seed(seed)
    smooth = torch.rand(n, generator=rng)
    kinds = torch.randint(3, (n,), generator=rng).float()
    there = (torch.rand(n, generator=rng) < 0.3).float()
    return torch.stack([smooth, kinds, there], dim=1)


@few
@given(seeds)
def test_the_factors_themselves_score_one_in_any_order_and_on_any_scale(seed: int) -> None:
    factors = some_factors(seed)
    for code in (factors, factors[:, [2, 0, 1]], -5 * factors + 3, factors.exp()):
        assert mutual_information_gap(code, factors).mean() > 0.97


@few
@given(seeds)
def test_a_code_that_knows_nothing_scores_zero(seed: int) -> None:
    factors, rng = some_factors(seed), torch.Generator().manual_seed(seed + 1)
    noise = torch.randn(len(factors), 6, generator=rng)
    assert factor_information(noise, factors).max() < 0.03
    assert mutual_information_gap(noise, factors).max() < 0.02


@few
@given(seeds)
def test_a_code_that_turns_two_factors_into_each_other_scores_low(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    factors = torch.randn(4000, 2, generator=rng)
    turn = torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / math.sqrt(2)
    assert mutual_information_gap(factors, factors).mean() > 0.95
    assert mutual_information_gap(factors @ turn, factors).mean() < 0.05


def test_a_factor_told_twice_leaves_no_gap() -> None:
    factors = some_factors(0)
    gap = mutual_information_gap(torch.cat([factors, factors[:, :1]], dim=1), factors)
    assert gap[0] == pytest.approx(0, abs=1e-6)
    assert gap[1:].min() > 0.97


def test_half_a_factor_is_half_told() -> None:
    """Four equally likely kinds, of which the code knows one bit of two."""
    factors = (torch.arange(400) % 4).float()[:, None]
    z = torch.stack([(factors[:, 0] >= 2).float(), torch.zeros(400)], dim=1)
    told = factor_information(z, factors)
    torch.testing.assert_close(told, torch.tensor([[0.5], [0.0]]))
    torch.testing.assert_close(mutual_information_gap(z, factors), torch.tensor([0.5]))


@few
@given(seeds, st.integers(2, 12))
def test_shares_lie_between_nothing_and_all(seed: int, num_bins: int) -> None:
    factors, rng = some_factors(seed, 300), torch.Generator().manual_seed(seed)
    z = factors @ torch.randn(3, 5, generator=rng)
    told = factor_information(z, factors, num_bins)
    assert told.shape == (5, 3)
    assert told.min() >= 0
    assert told.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("z", "factors", "said"),
    [
        (torch.rand(50, 2), torch.ones(50, 1), "one value alone in column 0"),
        (torch.rand(50, 2), torch.rand(49, 1), r"of the 50 codes, got \(49, 1\)"),
        (torch.rand(50, 2), torch.rand(50), r"got \(50,\)"),
        (torch.rand(50, 1), torch.rand(50, 1), "two latent dimensions or more"),
        (torch.rand(5, 2), torch.rand(5, 1), "20 pictures or more for 20 bins, got 5"),
        (torch.rand(50, 2), torch.full((50, 1), torch.nan), "finite factors"),
        (torch.full((50, 2), torch.inf), torch.rand(50, 1), "finite codes"),
    ],
)
def test_codes_and_factors_that_cannot_be_compared_are_refused(
    z: Tensor, factors: Tensor, said: str
) -> None:
    with pytest.raises(CourseError, match=said):
        mutual_information_gap(z, factors)

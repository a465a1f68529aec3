"""The exact rate and distortion of a linear β-VAE, against one that is trained and against laws."""

import math
from itertools import pairwise

import pytest
import torch
from exact import randn
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.linear import active_dimensions, log_evidence, rate_distortion

EIGENVALUES = torch.tensor([0.1, 4.0, 1.0, 0.4, 0.0], dtype=torch.float64)  # in no order
STD = 0.5


def trained(beta: float, latent_dim: int) -> tuple[float, float]:
    """Rate and distortion of a linear β-VAE after descent: no draws, its means are written out.

    Encoder z ~ N(V x, S), S of any shape; decoder N(W z, std²); x of the covariance C.
    """
    turn = torch.linalg.qr(randn(5, 5, seed=3)).Q
    C = turn @ EIGENVALUES.diag() @ turn.T
    W, V = 0.5 * randn(5, latent_dim), 0.5 * randn(latent_dim, 5, seed=1)
    root = torch.eye(latent_dim, dtype=torch.float64)
    for each in (W, V, root):
        each.requires_grad_()

    def terms() -> tuple[Tensor, Tensor]:
        S, mean_square = root @ root.T, (V @ C @ V.T).trace()
        rate = 0.5 * (mean_square + S.trace() - latent_dim - torch.logdet(S))
        left = torch.eye(5, dtype=torch.float64) - W @ V
        error = (left @ C @ left.T).trace() + (W @ S @ W.T).trace()
        return rate, 2.5 * math.log(2 * math.pi * STD**2) + error / (2 * STD**2)

    optimiser = torch.optim.LBFGS(
        [W, V, root], max_iter=2000, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        rate, distortion = terms()
        loss = distortion + beta * rate
        loss.backward()
        return loss

    optimiser.step(closure)
    rate, distortion = terms()
    return rate.item(), distortion.item()


@pytest.mark.parametrize("latent_dim", [2, 5])
@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0, 20.0])
def test_a_linear_vae_that_is_trained_ends_there(beta: float, latent_dim: int) -> None:
    expected = rate_distortion(EIGENVALUES, beta, STD, latent_dim)
    assert trained(beta, latent_dim) == pytest.approx(expected, abs=1e-4)


def test_one_dimension_by_hand() -> None:
    """λ = 4, noise 1: half of log 4 nats, and an error of 1 in units of std²."""
    rate, distortion = rate_distortion(torch.tensor([4.0]), 1.0, 1.0)
    assert rate == pytest.approx(math.log(2))
    assert distortion == pytest.approx(0.5 * math.log(2 * math.pi) + 0.5)


def test_as_beta_rises_the_rate_falls_and_the_distortion_rises() -> None:
    curve = [rate_distortion(EIGENVALUES, beta, STD) for beta in (0.1, 0.3, 1, 2, 5, 15)]
    rates, distortions = zip(*curve, strict=True)
    assert all(a > b for a, b in pairwise(rates))
    assert all(a < b for a, b in pairwise(distortions))


@pytest.mark.parametrize("beta", [0.1, 0.7, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("latent_dim", [None, 1])
def test_the_slope_of_the_curve_is_minus_beta(beta: float, latent_dim: int | None) -> None:
    low = rate_distortion(EIGENVALUES, beta * 0.9999, STD, latent_dim)
    high = rate_distortion(EIGENVALUES, beta * 1.0001, STD, latent_dim)
    assert (high[1] - low[1]) / (high[0] - low[0]) == pytest.approx(-beta, rel=1e-5)


def test_all_dimensions_have_collapsed_from_the_largest_eigenvalue_on() -> None:
    edge = 4.0 / STD**2
    assert active_dimensions(EIGENVALUES, edge * 0.999, STD) == 1
    for beta in (edge, edge * 1.001, 1e6):
        assert active_dimensions(EIGENVALUES, beta, STD) == 0
        rate, distortion = rate_distortion(EIGENVALUES, beta, STD)
        assert rate == 0
        alone = 2.5 * math.log(2 * math.pi * STD**2) + 5.5 / (2 * STD**2)  # the mean for every x
        assert distortion == pytest.approx(alone)


def test_a_plane_loses_its_directions_one_by_one() -> None:
    plane = torch.tensor([4.0, 1.0])
    found = [active_dimensions(plane, beta, 1.0) for beta in (0.5, 1.0, 2.0, 4.0, 5.0)]
    assert found == [2, 1, 1, 0, 0]
    assert active_dimensions(plane, 0.5, 1.0, latent_dim=1) == 1


@pytest.mark.parametrize("std", [0.1, 0.3, 0.5, 1.0, 3.0])
def test_the_negative_elbo_is_not_below_the_entropy_and_is_it_while_the_noise_fits(
    std: float,
) -> None:
    values = torch.tensor([4.0, 1.0, 0.25], dtype=torch.float64)
    entropy = 0.5 * (2 * math.pi * math.e * values).log().sum().item()
    excess = sum(rate_distortion(values, 1.0, std)) - entropy
    if std <= 0.5:
        assert excess == pytest.approx(0, abs=1e-12)
    else:  # KL(N(0, λ) || N(0, std²)) of each direction that is lost
        lost = values[values < std**2] / std**2
        assert excess == pytest.approx(0.5 * (lost - 1 - lost.log()).sum().item())
        assert excess > 0


def test_at_beta_1_it_is_the_evidence_of_the_best_decoder() -> None:
    x = randn(400, 3) * torch.tensor([2.0, 1.0, 0.2], dtype=torch.float64)
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    W = vectors[:, 1:] * (values[1:] - STD**2).sqrt()
    truth = -log_evidence(x, W, x.mean(dim=0), STD).mean().item()
    assert sum(rate_distortion(values, 1.0, STD, 2)) == pytest.approx(truth)


@pytest.mark.parametrize(
    ("eigenvalues", "beta", "std", "said"),
    [
        (EIGENVALUES, 0.0, 0.5, "beta above 0, got 0.0; try beta=1"),
        (EIGENVALUES, -1.0, 0.5, "beta of 0 or more"),
        (EIGENVALUES, math.nan, 0.5, "beta of 0 or more, and finite, got nan"),
        (EIGENVALUES, "1", 0.5, "a number for beta"),
        (EIGENVALUES, 1.0, 0.0, "std above 0, got 0.0; try std=0.1"),
        (EIGENVALUES, 1.0, -1.0, "std of 0 or more"),
        (EIGENVALUES, 1.0, math.inf, "std of 0 or more, and finite, got inf"),
        (EIGENVALUES, 1.0, 1e-200, "a std for which float64 can do it"),
        (EIGENVALUES, 1.0, 1e200, "a std for which float64 can do it"),
        (-EIGENVALUES, 1.0, 0.5, r"eigenvalues of 0 or more.*got -.*try eigenvalues.clamp"),
        (EIGENVALUES * math.nan, 1.0, 0.5, "eigenvalues of 0 or more, and finite, got nan"),
        (EIGENVALUES * math.inf, 1.0, 0.5, "eigenvalues of 0 or more, and finite, got"),
        (torch.ones(2, 2), 1.0, 0.5, r"shape \(pixels,\), got \(2, 2\)"),
        (torch.ones(0), 1.0, 0.5, r"got \(0,\)"),
        ([1.0], 1.0, 0.5, "got list; try torch.linalg.eigvalsh"),
    ],
)
def test_what_is_no_spectrum_no_beta_and_no_std_is_refused(
    eigenvalues: Tensor, beta: float, std: float, said: str
) -> None:
    for function in (rate_distortion, active_dimensions):
        with pytest.raises(CourseError, match=said):
            function(eigenvalues, beta, std)


@pytest.mark.parametrize("latent_dim", [0, -1, 1.5])
def test_a_number_of_dimensions_that_is_none_is_refused(latent_dim: int) -> None:
    with pytest.raises(CourseError, match=r"for latent_dim|latent_dim of 1 or more"):
        rate_distortion(EIGENVALUES, 1.0, STD, latent_dim)

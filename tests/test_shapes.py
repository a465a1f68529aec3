"""mu and logvar that would be broadcast, or whose variance overflows, are refused in a sentence."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from exact import randn

from vaecourse.errors import CourseError
from vaecourse.latent import aggregated_posterior
from vaecourse.metrics import active_units, kl_by_dimension
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.training import evaluate, fit
from vaecourse.vae import VAE, gaussian_kl, gaussian_kl_by_dimension

SHAPE = (1, 2, 3)


def vae() -> VAE:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return VAE(MLPEncoder(4, (8,), SHAPE), MLPDecoder(2, (8,), SHAPE))


takers = pytest.mark.parametrize(
    "take", [gaussian_kl, gaussian_kl_by_dimension, aggregated_posterior, vae().reparameterize]
)
Take = Callable[[Any, Any], object]


@takers
@pytest.mark.parametrize(
    "shape", [(5, 1), (1, 2), (2, 5), (1, 1), (), (2,), (5,), (5, 2, 1), (4, 2), (5, 3), (0, 2)]
)
def test_shapes_that_would_be_broadcast_are_refused(take: Take, shape: tuple[int, ...]) -> None:
    mu, other = torch.zeros(5, 2), torch.zeros(shape)
    for pair in ((mu, other), (other, mu)):
        with pytest.raises(CourseError, match=r"mu and logvar of one shape \(batch, latent_dim\)"):
            take(*pair)


@takers
def test_what_came_is_named_and_a_mend_offered(take: Take) -> None:
    with pytest.raises(CourseError, match=r"got \(5, 2\) and \(2, 5\); try .*, or .T if the sides"):
        take(torch.zeros(5, 2), torch.zeros(2, 5))
    with pytest.raises(CourseError, match=r"got \(5, 2\) and float; try"):
        take(torch.zeros(5, 2), 0.0)
    with pytest.raises(CourseError, match=r"in floats, got torch.int64 and torch.float32"):
        take(torch.zeros(5, 2, dtype=torch.long), torch.zeros(5, 2))


@takers
def test_more_or_fewer_sides_than_two_are_refused(take: Take) -> None:
    for shape in ((2,), (3, 5, 2), ()):
        with pytest.raises(CourseError, match="expected mu and logvar of one shape"):
            take(torch.zeros(shape), torch.zeros(shape))


@takers
def test_a_variance_for_a_log_variance_is_refused_where_it_overflows(take: Take) -> None:
    mu, variance = torch.zeros(5, 2), torch.full((5, 2), 100.0)
    with pytest.raises(
        CourseError, match=r"logvar, the logarithm of a variance, got 100, .*try variance.log\(\)"
    ):
        take(mu, variance)
    take(mu, variance.log())
    take(mu.double(), variance.double())  # e¹⁰⁰ is no more than a float64 can hold


@pytest.mark.parametrize("logvar", [-60.0, 60.0, 88.0, -700.0])
def test_extreme_log_variances_give_a_finite_kl_that_is_right(logvar: float) -> None:
    mu = randn(5, 2).float()
    found = gaussian_kl(mu, torch.full_like(mu, logvar))
    wide = gaussian_kl(mu.double(), torch.full_like(mu, logvar).double())
    assert found.isfinite().all()
    torch.testing.assert_close(found.double(), wide, rtol=1e-5, atol=1e-5)
    by_hand = (0.5 * mu.double().square() + 0.5 * (math.exp(logvar) - 1 - logvar)).sum(dim=1)
    torch.testing.assert_close(wide, by_hand)


def test_a_step_of_training_reads_no_number() -> None:
    """There the KL may be infinite, and `fit` says so; a check would stall a GPU."""
    logvar = torch.full((5, 2), 100.0)
    assert gaussian_kl(torch.zeros(5, 2), logvar.clone().requires_grad_()).isposinf().all()
    with torch.inference_mode():
        assert gaussian_kl(torch.zeros(5, 2), logvar).isposinf().all()
    model, x = vae(), torch.rand(6, *SHAPE)
    with torch.no_grad():
        model.encoder.layers[-1].bias[2:] = 100.0
    assert evaluate(model, x)["kl"] == math.inf
    with pytest.raises(CourseError, match="expected a finite loss, got inf at step 1 of epoch 1"):
        fit(model, x, batch_size=6)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (0, math.nan, "finite the encoder's codes, got NaN"),
        (3, math.nan, "finite the encoder's logvar, got NaN"),
        (3, 99.5, "the logarithm of a variance, got"),
    ],
)
def test_an_encoder_that_gives_no_codes_cannot_be_measured(
    place: int, value: float, said: str
) -> None:
    model, x = vae(), torch.rand(6, *SHAPE)
    with torch.no_grad():
        model.encoder.layers[-1].bias[place] = value
    for measure in (kl_by_dimension, active_units):
        with pytest.raises(CourseError, match=said):
            measure(model, x)


def test_shapes_are_looked_at_in_training_too() -> None:
    mu, logvar = torch.zeros(5, 2), torch.zeros(5, 1, requires_grad=True)
    with pytest.raises(CourseError, match="of one shape"):
        gaussian_kl(mu, logvar)

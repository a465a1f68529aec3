"""Importance weights, and the bound that they make, where log p(x) is known exactly."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from exact import STD, draws, linear_vae, nll, randn
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaecourse import linear
from vaecourse.errors import CourseError
from vaecourse.metrics import effective_sample_size, log_likelihood
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.objectives import importance_weighted_bound, log_weights
from vaecourse.vae import VAE, bernoulli_nll, gaussian_nll, negative_elbo

SHAPE = (1, 5, 4)


def vae(latent_dim: int = 3) -> VAE:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return VAE(MLPEncoder(2 * latent_dim, (8,), SHAPE), MLPDecoder(latent_dim, (8,), SHAPE))


# -- the weights -------------------------------------------------------------------------------


@pytest.mark.parametrize("likelihood", [bernoulli_nll, partial(gaussian_nll, std=0.3)])
def test_a_weight_is_joint_density_over_proposal_density(likelihood: Any) -> None:
    model, x = vae(), torch.rand(4, *SHAPE)
    torch.manual_seed(1)
    found = log_weights(model, x, 7, likelihood)
    torch.manual_seed(1)
    mu, logvar = model.encode(x)
    q = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    z = mu + (0.5 * logvar).exp() * torch.randn(7, 4, 3)
    prior = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    log_lik = torch.stack([-likelihood(model.decode(each), x) for each in z])
    torch.testing.assert_close(found, log_lik + prior.log_prob(z) - q.log_prob(z))


def test_at_the_exact_posterior_every_weight_of_every_draw_is_p_of_x() -> None:
    model, W, b = linear_vae()
    x = draws(W, b, 9)
    exact = linear.log_evidence(x, W, b, STD)
    torch.testing.assert_close(log_weights(model, x, 50, nll), exact.expand(50, 9))
    for k in (1, 2, 100):
        torch.testing.assert_close(importance_weighted_bound(model, x, k, nll)[0], -exact)
        torch.testing.assert_close(log_likelihood(model, x, k, nll=nll), exact)


def test_the_mean_weight_is_an_unbiased_estimate_of_p_of_x() -> None:
    model, W, b = linear_vae(move_mu=0.1, move_logvar=0.5)
    x = draws(W, b, 5)
    torch.manual_seed(0)
    w = (log_weights(model, x, 20_000, nll) - linear.log_evidence(x, W, b, STD)).exp()
    error = w.std(dim=0) / math.sqrt(len(w))
    assert (error < 0.02).all()
    assert ((w.mean(dim=0) - 1).abs() < 5 * error).all()


# -- the bound ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("move_mu", "move_logvar"), [(0.3, 0.0), (0.0, 1.0), (0.1, -1.0)])
def test_the_bound_rises_with_k_and_stays_below_the_truth(
    move_mu: float, move_logvar: float
) -> None:
    """On average over the draws: each step up by far more than its standard error."""
    model, W, b = linear_vae(move_mu=move_mu, move_logvar=move_logvar)
    x = draws(W, b, 4)
    torch.manual_seed(0)
    log_w = log_weights(model, x, 64 * 2000, nll).view(2000, 64, 4)
    truth = linear.log_evidence(x, W, b, STD)
    # the same draws for all k: in groups of one, of four, of sixteen, of all 64
    bounds = torch.stack(
        [
            (log_w.view(2000, 64 // k, k, 4).logsumexp(dim=2) - math.log(k)).mean(dim=1)
            for k in (1, 4, 16, 64)
        ]
    )
    steps = bounds.diff(dim=0)
    error = steps.std(dim=1) / math.sqrt(2000)
    assert (steps.mean(dim=1) > 5 * error).all()
    error = bounds.std(dim=1) / math.sqrt(2000)
    assert (bounds.mean(dim=1) < truth + 5 * error).all()
    assert (bounds[0].mean(dim=0) < truth - 0.05).all()


def test_a_posterior_that_is_too_narrow_leaves_the_bound_far_too_low_and_is_noticed() -> None:
    truth_model, W, b = linear_vae()
    narrow, _, _ = linear_vae(move_logvar=-8.0, move_mu=0.3)
    x = draws(W, b, 5)
    truth = linear.log_evidence(x, W, b, STD)
    found = log_likelihood(narrow, x, 1000, nll=nll)
    assert (found < truth - 0.3).all()
    with torch.no_grad():
        assert (effective_sample_size(log_weights(narrow, x, 1000, nll)) < 700).all()
        exact = effective_sample_size(log_weights(truth_model, x, 1000, nll))
    torch.testing.assert_close(exact, torch.full_like(exact, 1000))


def test_the_gradient_is_each_draws_own_weighted_by_its_normalised_weight() -> None:
    """Burda, Grosse and Salakhutdinov, section 3: no weight is detached by mistake."""
    model, W, b = linear_vae(move_mu=0.3, move_logvar=0.5)
    x, weights = draws(W, b, 2), model.decoder.layers[0].weight
    torch.manual_seed(0)
    (found,) = torch.autograd.grad(importance_weighted_bound(model, x, 6, nll)[0].sum(), weights)
    torch.manual_seed(0)
    log_w = log_weights(model, x, 6, nll)
    share = log_w.detach().softmax(dim=0)
    (expected,) = torch.autograd.grad(-(share * log_w).sum(), weights)
    torch.testing.assert_close(found, expected)


def test_the_likelihood_is_bernoulli_unless_said_otherwise_and_the_draws_are_the_same() -> None:
    model, x = vae(), torch.rand(4, *SHAPE)
    for function in (log_weights, importance_weighted_bound):
        torch.manual_seed(0)
        given = function(model, x, 3)
        torch.manual_seed(0)
        torch.testing.assert_close(given, function(model, x, 3, bernoulli_nll), rtol=0, atol=0)
    assert torch.equal(log_likelihood(model, x, 3), log_likelihood(model, x, 3, nll=bernoulli_nll))
    other = log_likelihood(model, x, 3, nll=partial(gaussian_nll, std=0.3))
    assert not torch.allclose(log_likelihood(model, x, 3), other)


def test_an_estimate_carries_no_graph_and_an_objective_does() -> None:
    model, x = vae(), torch.rand(4, *SHAPE)
    assert not log_likelihood(model, x, 3).requires_grad
    assert log_weights(model, x, 3).requires_grad
    assert importance_weighted_bound(model, x, 3)[0].requires_grad
    assert not effective_sample_size(log_weights(model, x, 3)).requires_grad


def test_pictures_outside_0_to_1_are_taken_by_a_likelihood_that_can() -> None:
    model, x = vae(), torch.rand(4, *SHAPE) * 3 - 1
    gaussian = partial(gaussian_nll, std=0.3)
    assert log_likelihood(model, x, 3, nll=gaussian).isfinite().all()
    with pytest.raises(CourseError, match=r"in \[0, 1\]"):
        log_likelihood(model, x, 3)
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(CourseError, match=r"images .* of finite numbers"):
            log_likelihood(model, x.where(x > -0.9, bad), 3, nll=gaussian)


# -- how many draws the weights are worth --------------------------------------------------------


def test_equal_weights_count_as_all_and_one_alone_as_one() -> None:
    equal = torch.full((8, 3), -1234.5)
    torch.testing.assert_close(effective_sample_size(equal), torch.full((3,), 8.0))
    one = torch.tensor([0.0, -1000.0, -1000.0])[:, None]
    torch.testing.assert_close(effective_sample_size(one), torch.ones(1))
    none = torch.tensor([0.0, -math.inf, 0.0])[:, None]
    torch.testing.assert_close(effective_sample_size(none), torch.full((1,), 2.0))


def test_it_is_the_squared_sum_over_the_sum_of_squares() -> None:
    w = torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 0.5]])
    expected = torch.tensor([36 / 14, 10.5**2 / 50.25])
    torch.testing.assert_close(effective_sample_size(w.log()), expected)


def test_it_lies_between_one_and_k_and_the_scale_does_not_matter() -> None:
    log_w = randn(50, 200) * torch.linspace(0, 100, 200)
    found = effective_sample_size(log_w)
    assert ((found >= 1) & (found <= 50)).all()
    for shift in (-1e4, 1e4):
        torch.testing.assert_close(effective_sample_size(log_w + shift), found)


@pytest.mark.parametrize(
    ("log_w", "said"),
    [
        (torch.zeros(5), r"\(num_samples, batch\), got \(5,\)"),
        (torch.zeros(0, 5), r"got \(0, 5\)"),
        (torch.zeros(5, 2, dtype=torch.long), r"as a floating tensor"),
        ([1.0], "got list; try objectives.log_weights"),
        (torch.tensor([[0.0, math.nan]]), "logarithm of nan"),
        (torch.tensor([[0.0, math.inf]]), "logarithm of inf"),
        (torch.full((3, 2), -math.inf), "logarithm of -inf"),
    ],
)
def test_weights_that_are_none_are_refused(log_w: Tensor, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        effective_sample_size(log_w)


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, -3, 1.5, "5", None, True])
def test_a_number_of_draws_that_is_none_is_refused(k: int) -> None:
    model, x = vae(), torch.rand(4, *SHAPE)
    for function in (log_weights, importance_weighted_bound, log_likelihood):
        with pytest.raises(CourseError, match=r"num_samples.*got .*; try 500"):
            function(model, x, k)


def test_an_autoencoder_has_no_weights() -> None:
    model = Autoencoder(MLPEncoder(2, (), SHAPE), MLPDecoder(2, (), SHAPE))
    for function in (log_weights, importance_weighted_bound, log_likelihood):
        with pytest.raises(CourseError, match="expected a VAE, with a posterior, got Autoencoder"):
            function(model, torch.rand(4, *SHAPE), 3)


def test_an_nll_that_is_not_one_number_an_image_is_refused() -> None:
    def pixels(logits: Tensor, x: Tensor) -> Tensor:
        return (logits - x).square()

    def mean(logits: Tensor, x: Tensor) -> Tensor:
        return pixels(logits, x).mean()

    for wrong in (pixels, mean):
        with pytest.raises(CourseError, match=r"nll to give one number an image, of shape \(3,\)"):
            log_weights(vae(), torch.rand(1, *SHAPE), 3, wrong)


class Encoder(nn.Module):
    """The same mu and logvar for all images."""

    def __init__(self, mu: float, logvar: float):
        super().__init__()
        self.code = torch.tensor([mu, mu, logvar, logvar])

    def forward(self, x: Tensor) -> Tensor:
        return self.code.to(x).expand(len(x), 4)


@pytest.mark.parametrize("logvar", [-200.0, -60.0, 60.0])
def test_extreme_widths_leave_the_weights_finite_and_right(logvar: float) -> None:
    model, x = VAE(Encoder(0.0, logvar), MLPDecoder(2, (8,), SHAPE)), torch.rand(4, *SHAPE)
    torch.manual_seed(0)
    found = log_weights(model, x, 50)
    torch.manual_seed(0)
    eps = torch.randn(50, 4, 2).double()
    z = math.exp(0.5 * logvar) * eps
    decoder = model.decoder.double()
    nll = torch.stack([bernoulli_nll(decoder(each), x.double()) for each in z])
    expected = 0.5 * (eps.square() + logvar - z.square()).sum(dim=2) - nll
    assert found.isfinite().all()
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-4)
    assert log_likelihood(model, x, 50).isfinite().all()


def test_an_estimate_that_is_not_finite_is_a_sentence() -> None:
    for spoiled in (Encoder(math.nan, 0.0), Encoder(0.0, 300.0)):
        model = VAE(spoiled, MLPDecoder(2, (8,), SHAPE))
        with pytest.raises(CourseError, match=r"a finite estimate, got .* for x\[0\]; try an enc"):
            log_likelihood(model, torch.rand(4, *SHAPE), 5)


def test_one_draw_on_the_average_is_the_elbo_of_any_likelihood() -> None:
    model, W, b = linear_vae(move_mu=0.2, move_logvar=0.5)
    x = draws(W, b, 3).repeat(20_000, 1, 1, 1)
    torch.manual_seed(0)
    with torch.no_grad():
        difference = (
            importance_weighted_bound(model, x, 1, nll)[0] - negative_elbo(model, x, nll=nll)[0]
        )
    assert abs(difference.mean()) < 5 * difference.std() / math.sqrt(len(x))

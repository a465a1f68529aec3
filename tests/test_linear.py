"""The linear model against torch, scikit-learn, Bayes' rule and itself."""

import math
from functools import partial

import pytest
import torch
from exact import SHAPE, STD, draws, linear_vae, randn
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal

from vaecourse.errors import CourseError
from vaecourse.linear import log_evidence, posterior
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.training import fit
from vaecourse.vae import VAE, gaussian_nll, negative_elbo, normal_nll


def test_the_nll_is_that_of_torch_distributions_with_its_constant() -> None:
    mean, x = randn(5, *SHAPE), randn(5, *SHAPE, seed=1)
    for std in (0.01, 1.0, 3.0, randn(*SHAPE, seed=2).exp()):
        expected = -Independent(Normal(mean, torch.as_tensor(std).expand_as(x)), 3).log_prob(x)
        torch.testing.assert_close(normal_nll(mean, x, std), expected)


def test_a_learned_std_has_the_exact_gradient() -> None:
    mean, x = randn(5, *SHAPE), randn(5, *SHAPE, seed=1)
    log_std = torch.tensor(-0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: normal_nll(mean, x, v.exp()), log_std)


@pytest.mark.parametrize("latent_dim", [1, 2, 3])
def test_log_p_is_that_of_the_gaussian_written_out(latent_dim: int) -> None:
    W, b, x = randn(6, latent_dim), randn(6, seed=1), randn(7, 6, seed=2)
    covariance = W @ W.T + 0.09 * torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(
        log_evidence(x, W, b, 0.3), MultivariateNormal(b, covariance).log_prob(x)
    )


def test_it_is_what_scikit_learn_says_of_its_principal_components() -> None:
    x = randn(300, 3) @ randn(3, 12, seed=1) + 0.3 * randn(300, 12, seed=2) + 5
    pca = PCA(3).fit(x.numpy())
    scale = (pca.explained_variance_ - pca.noise_variance_) ** 0.5
    W, b = torch.from_numpy(pca.components_.T * scale), torch.from_numpy(pca.mean_)
    found = log_evidence(x, W, b, math.sqrt(pca.noise_variance_))
    torch.testing.assert_close(found, torch.from_numpy(pca.score_samples(x.numpy())))


def test_prior_times_likelihood_is_evidence_times_posterior_wherever_z_is() -> None:
    W, b, x, z = randn(6, 2), randn(6, seed=1), randn(7, 6, seed=2), randn(7, 2, seed=3)
    mean, covariance = posterior(x, W, b, 0.3)
    log_prior = Normal(0, 1).log_prob(z).sum(dim=1)
    log_likelihood = -normal_nll(z @ W.T + b, x, 0.3)
    log_posterior = MultivariateNormal(mean, covariance).log_prob(z)
    torch.testing.assert_close(
        log_prior + log_likelihood - log_posterior, log_evidence(x, W, b, 0.3)
    )


def test_images_are_as_good_as_rows_and_narrow_floats_as_wide_ones() -> None:
    W, b, x = randn(6, 2), randn(6, seed=1), randn(7, 6, seed=2)
    images = x.float().view(7, *SHAPE)
    found, (mean, covariance) = log_evidence(images, W, b, 0.3), posterior(images, W, b, 0.3)
    assert found.dtype == mean.dtype == covariance.dtype == torch.float32
    torch.testing.assert_close(found.double(), log_evidence(x, W, b, 0.3), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(mean.double(), posterior(x, W, b, 0.3)[0], rtol=1e-5, atol=1e-5)


def test_a_tiny_and_a_huge_std_leave_all_finite() -> None:
    W, b, x = randn(784, 2), randn(784, seed=1), randn(3, 784, seed=2)
    for std in (1e-6, 1e6):
        mean, covariance = posterior(x, W, b, std)
        for found in (log_evidence(x, W, b, std), mean, covariance, normal_nll(x, x + 1, std)):
            assert found.isfinite().all()


def test_the_elbo_of_another_q_stays_below_the_truth() -> None:
    model, W, b = linear_vae(move_mu=0.3, move_logvar=0.5)
    x = draws(W, b, 50)
    with torch.no_grad():
        elbo = -negative_elbo(model, x.repeat(400, 1, 1, 1), nll=partial(normal_nll, std=STD))[0]
    elbo, truth = elbo.view(400, 50), log_evidence(x, W, b, STD)
    error = elbo.std(dim=0) / 20
    assert (elbo.mean(dim=0) < truth + 5 * error).all()
    assert elbo.mean() < truth.mean() - 0.1


def test_fit_takes_the_linear_likelihood() -> None:
    torch.manual_seed(0)
    model, x = VAE(MLPEncoder(4, (), SHAPE), MLPDecoder(2, (), SHAPE)), torch.rand(40, *SHAPE)
    objective = partial(negative_elbo, nll=partial(normal_nll, std=0.5))
    losses = fit(model, x, objective=objective, num_epochs=20, batch_size=10, lr=0.01).train["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("weight", "bias", "said"),
    [
        (randn(2, 6), randn(6), r"weight \(6, latent_dim\) and a bias \(6,\).*got \(2, 6\)"),
        (randn(6, 2), randn(1), r"got \(6, 2\) and \(1,\); try layer.weight"),
        (randn(6), randn(6), r"got \(6,\) and \(6,\)"),
        (None, randn(6), "got NoneType"),
    ],
)
def test_a_weight_or_a_bias_that_does_not_fit_is_refused(
    weight: Tensor, bias: Tensor, said: str
) -> None:
    for function in (log_evidence, posterior):
        with pytest.raises(CourseError, match=said):
            function(randn(3, 6), weight, bias, 0.3)


@pytest.mark.parametrize("std", [0, -1.0, math.nan, math.inf, "a", None])
def test_a_std_that_is_none_is_refused(std: float) -> None:
    for call in (
        lambda: log_evidence(randn(3, 6), randn(6, 2), randn(6), std),
        lambda: posterior(randn(3, 6), randn(6, 2), randn(6), std),
        lambda: normal_nll(randn(3, 6), randn(3, 6), std),
    ):
        with pytest.raises(CourseError, match=r"std.*try std=0.1"):
            call()


def test_a_mean_that_would_be_broadcast_is_refused() -> None:
    for mean in (randn(5, 1, 1, 1), randn(1, *SHAPE), randn(5, 6), None):
        with pytest.raises(CourseError, match=r"a mean of the images' shape \(5, 1, 2, 3\), got"):
            normal_nll(mean, randn(5, *SHAPE), 0.3)


@pytest.mark.parametrize("shape", [(5, 3, 2, 3), (7, 5, 1, 2, 3), (3,), (5,), (6, 1)])
def test_a_std_that_would_make_more_of_the_images_is_refused(shape: tuple[int, ...]) -> None:
    x = torch.rand(5, 1, 2, 4)
    for nll in (normal_nll, gaussian_nll):
        with pytest.raises(CourseError, match=r"a std that broadcasts to the images \(5, 1"):
            nll(x, x, torch.ones(shape))
        assert nll(x, x, torch.ones(1, 1, 2, 4)).shape == (5,)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(bad: float) -> None:
    x, W, b = randn(3, 6), randn(6, 2), randn(6)
    for spoiled in ((x * bad, W, b), (x, W * bad, b), (x, W, b * bad)):
        for function in (log_evidence, posterior):
            with pytest.raises(CourseError, match="of finite numbers, got NaN or infinity"):
                function(*spoiled, 0.3)


def test_a_std_that_float64_cannot_do_is_refused() -> None:
    for std in (1e-200, 1e200):
        with pytest.raises(CourseError, match=r"try std=0\.1"):
            log_evidence(randn(3, 6), randn(6, 2), randn(6), std)


def test_images_that_are_none_are_refused() -> None:
    for x in ([1.0], torch.ones(3, 6, dtype=torch.long), torch.ones(6), torch.ones(0, 6)):
        with pytest.raises(CourseError, match="expected images as floats"):
            log_evidence(x, randn(6, 2), randn(6), 0.3)

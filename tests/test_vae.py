"""The laws of the VAE page: each term against torch.distributions, the bound against the truth."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import (
    Bernoulli,
    Independent,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from vaecourse.errors import CourseError
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.vae import (
    VAE,
    bernoulli_nll,
    gaussian_kl,
    gaussian_kl_by_dimension,
    gaussian_nll,
    negative_elbo,
)

SHAPE = (2, 4, 3)
Likelihood = Callable[[Tensor, Tensor], Tensor]
few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10_000)
sizes = st.integers(1, 12)


def randn(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def rand(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=rng, dtype=torch.float64)


def small_vae(latent_dim: int = 3) -> VAE:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return VAE(
            MLPEncoder(2 * latent_dim, hidden=(16,), shape=SHAPE),
            MLPDecoder(latent_dim, hidden=(16,), shape=SHAPE),
        )


def assert_mean_is(draws: Tensor, expected: Tensor | float, within: float = math.inf) -> None:
    """The mean of the rows lies within 5 standard errors, themselves less than `within`."""
    error = draws.std(dim=0) / math.sqrt(len(draws))
    assert (error < within).all()
    assert ((draws.mean(dim=0) - expected).abs() <= 5 * error).all()


# -- the KL term -------------------------------------------------------------------------------


@few
@given(seeds, sizes, sizes)
def test_kl_is_that_of_torch_distributions(seed: int, batch: int, latent_dim: int) -> None:
    mu, logvar = randn(2, batch, latent_dim, seed=seed)
    posterior = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    kl = gaussian_kl(mu, logvar)
    assert kl.shape == (batch,)
    torch.testing.assert_close(kl, kl_divergence(posterior, prior))


def test_kl_is_zero_at_the_prior() -> None:
    zeros = torch.zeros(5, 3)
    assert torch.equal(gaussian_kl(zeros, zeros), torch.zeros(5))


def test_kl_close_to_the_prior_is_neither_negative_nor_lost() -> None:
    logvar = torch.linspace(-3e-3, 3e-3, 1001)[:, None]
    kl = gaussian_kl(torch.zeros_like(logvar), logvar)
    assert (kl >= 0).all()
    torch.testing.assert_close(kl, logvar[:, 0].square() / 4, rtol=0, atol=1e-8)


@few
@given(seeds, sizes, sizes, st.floats(-4, 4))
def test_kl_is_never_negative(seed: int, batch: int, latent_dim: int, scale: float) -> None:
    mu, logvar = randn(2, batch, latent_dim, seed=seed) * 10**scale
    logvar = logvar.clamp(-700, 700)
    assert (gaussian_kl(mu, logvar) >= 0).all()


@pytest.mark.parametrize(("mu", "logvar"), [(0.1, 0.0), (-0.1, 0.0), (0.0, 0.1), (0.0, -0.1)])
def test_kl_is_positive_beside_the_prior(mu: float, logvar: float) -> None:
    assert gaussian_kl(torch.tensor([[mu]]), torch.tensor([[logvar]])).item() > 1e-3


def test_kl_is_even_in_mu_but_not_in_logvar() -> None:
    mu, logvar = randn(2, 6, 4)
    assert torch.equal(gaussian_kl(mu, logvar), gaussian_kl(-mu, logvar))
    assert not torch.allclose(gaussian_kl(mu, logvar), gaussian_kl(mu, -logvar))


@few
@given(seeds, sizes, sizes, sizes)
def test_kl_adds_up_over_dimensions(seed: int, batch: int, left: int, right: int) -> None:
    mu, logvar = randn(2, batch, left + right, seed=seed)
    parts = gaussian_kl(mu[:, :left], logvar[:, :left]), gaussian_kl(mu[:, left:], logvar[:, left:])
    torch.testing.assert_close(gaussian_kl(mu, logvar), parts[0] + parts[1])


@few
@given(seeds, sizes, sizes)
def test_kl_by_dimension_is_what_each_dimension_would_cost_alone(
    seed: int, batch: int, latent_dim: int
) -> None:
    mu, logvar = randn(2, batch, latent_dim, seed=seed)
    columns = zip(mu.split(1, dim=1), logvar.split(1, dim=1), strict=True)
    alone = torch.stack([gaussian_kl(m, v) for m, v in columns], dim=1)
    torch.testing.assert_close(gaussian_kl_by_dimension(mu, logvar), alone)


def test_the_gradient_of_kl_is_right() -> None:
    mu, logvar = randn(2, 4, 3).unbind()
    mu, logvar = mu.clone().requires_grad_(), logvar.clone().requires_grad_()
    assert torch.autograd.gradcheck(gaussian_kl, (mu, logvar))
    gaussian_kl(mu, logvar).sum().backward()
    torch.testing.assert_close(mu.grad, mu.detach())
    torch.testing.assert_close(logvar.grad, 0.5 * (logvar.detach().exp() - 1))


# -- the reconstruction term -------------------------------------------------------------------


@few
@given(seeds, sizes)
def test_bernoulli_nll_of_binary_images_is_that_of_torch_distributions(
    seed: int, batch: int
) -> None:
    logits, x = 3 * randn(batch, *SHAPE, seed=seed), rand(batch, *SHAPE, seed=seed).round()
    expected = -Independent(Bernoulli(logits=logits), 3).log_prob(x)
    nll = bernoulli_nll(logits, x)
    assert nll.shape == (batch,)
    torch.testing.assert_close(nll, expected)


def test_bernoulli_nll_of_grey_images_is_the_written_out_formula() -> None:
    logits, x = randn(5, *SHAPE), rand(5, *SHAPE)
    p = 1 / (1 + (-logits).exp())
    expected = -(x * p.log() + (1 - x) * (1 - p).log()).sum(dim=(1, 2, 3))
    torch.testing.assert_close(bernoulli_nll(logits, x), expected)


@few
@given(seeds, sizes, st.sampled_from([0.01, 0.1, 0.5, 1.0, 3.0]))
def test_gaussian_nll_is_that_of_torch_distributions_with_its_constant(
    seed: int, batch: int, std: float
) -> None:
    logits, x = randn(batch, *SHAPE, seed=seed), rand(batch, *SHAPE, seed=seed)
    expected = -Independent(Normal(logits.sigmoid(), std), 3).log_prob(x)
    torch.testing.assert_close(gaussian_nll(logits, x, std), expected)


@pytest.mark.parametrize("nll", [bernoulli_nll, gaussian_nll])
@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("pixel", [0.0, 0.5, 1.0])
def test_nll_and_its_gradient_are_finite_for_extreme_logits(
    nll: Likelihood, logit: float, pixel: float
) -> None:
    logits = torch.full((2, *SHAPE), logit, requires_grad=True)
    x = torch.full((2, *SHAPE), pixel)
    nats = nll(logits, x)
    (gradient,) = torch.autograd.grad(nats.sum(), logits)
    assert nats.isfinite().all()
    assert gradient.isfinite().all()
    if nll is bernoulli_nll:  # log(1 + exp(±200)) is 0 or 200, to every digit of float32
        one = max(logit, 0) - pixel * logit
        torch.testing.assert_close(nats, torch.full((2,), one * math.prod(SHAPE)))


@pytest.mark.parametrize("nll", [bernoulli_nll, partial(gaussian_nll, std=0.3)])
def test_an_image_twice_as_tall_costs_twice_as_much(nll: Likelihood) -> None:
    logits, x = randn(5, *SHAPE), rand(5, *SHAPE)
    once = nll(logits, x)
    torch.testing.assert_close(nll(torch.cat([logits] * 2, 2), torch.cat([x] * 2, 2)), 2 * once)


@pytest.mark.parametrize("nll", [bernoulli_nll, gaussian_nll])
def test_each_image_pays_for_itself_alone(nll: Likelihood) -> None:
    logits, x = randn(5, *SHAPE), rand(5, *SHAPE)
    alone = torch.cat([nll(logits[i : i + 1], x[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(nll(logits, x), alone)


def test_a_width_of_a_pixel_of_an_image_or_of_all_costs_what_torch_distributions_say() -> None:
    logits, x = randn(5, *SHAPE), rand(5, *SHAPE)
    for shape in ((), (1,), SHAPE, (5, 1, 1, 1), (5, *SHAPE)):
        std = rand(*shape, seed=3) + 0.2
        expected = -Independent(Normal(logits.sigmoid(), std.expand_as(x)), 3).log_prob(x)
        torch.testing.assert_close(gaussian_nll(logits, x, std), expected)


def test_a_learned_width_comes_to_the_root_of_the_mean_squared_error() -> None:
    """There the gradient of the likelihood is zero; and it is the exact one everywhere."""
    logits, x = randn(5, *SHAPE), rand(5, *SHAPE)
    best = (logits.sigmoid() - x).square().mean().sqrt()
    for factor in (0.5, 1.0, 2.0):
        std = (factor * best).requires_grad_()
        (gradient,) = torch.autograd.grad(gaussian_nll(logits, x, std).sum(), std)
        exact = x.numel() * (1 / std - best**2 / std**3)
        torch.testing.assert_close(gradient, exact, atol=1e-8, rtol=1e-8)
    log_std = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: gaussian_nll(logits, x, v.exp()), log_std)


# -- the random step ---------------------------------------------------------------------------


def test_reparameterize_draws_from_the_posterior() -> None:
    mu, logvar = torch.tensor([1.0, -2.0, 0.0]), torch.tensor([-2.0, 0.0, 1.5])
    torch.manual_seed(0)
    z = small_vae().reparameterize(mu.expand(50_000, 3), logvar.expand(50_000, 3)).double()
    assert_mean_is(z, mu, within=0.01)
    assert_mean_is((z - mu).square(), logvar.exp(), within=0.05)
    assert_mean_is((z - mu)[:, [0, 0, 1]] * (z - mu)[:, [1, 2, 2]], 0.0)  # and independently


def test_reparameterize_draws_anew_for_every_image() -> None:
    zeros = torch.zeros(4, 3)
    torch.manual_seed(0)
    z = torch.cat([small_vae().reparameterize(zeros, zeros) for _ in range(2)])
    assert len(z.unique()) == z.numel()


def test_the_gradient_of_a_draw_is_1_for_mu_and_eps_for_std() -> None:
    mu = randn(4, 3).requires_grad_()
    std = rand(4, 3).add(0.1).requires_grad_()
    torch.manual_seed(1)
    z = small_vae().reparameterize(mu, 2 * std.log())
    torch.manual_seed(1)
    eps = torch.randn_like(mu)
    dz_dmu, dz_dstd = torch.autograd.grad(z.sum(), [mu, std])
    torch.testing.assert_close(dz_dmu, torch.ones_like(mu))
    torch.testing.assert_close(dz_dstd, eps)


# -- the model ---------------------------------------------------------------------------------


def test_encode_gives_mu_first_and_logvar_second() -> None:
    class Encoder(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.arange(6.0).expand(len(x), 6)

    mu, logvar = VAE(Encoder(), MLPDecoder(3, (), SHAPE)).encode(torch.zeros(2, *SHAPE))
    assert torch.equal(mu, torch.tensor([0.0, 1, 2]).expand(2, 3))
    assert torch.equal(logvar, torch.tensor([3.0, 4, 5]).expand(2, 3))


def test_forward_decodes_a_draw_from_the_posterior() -> None:
    model, x = small_vae(), rand(5, *SHAPE).float()
    torch.manual_seed(2)
    logits, mu, logvar = model(x)
    torch.manual_seed(2)
    expected = model.decode(mu + (0.5 * logvar).exp() * torch.randn_like(mu))
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close((mu, logvar), model.encode(x))


def test_samples_are_images_in_0_to_1_and_follow_the_random_state() -> None:
    model = small_vae()
    torch.manual_seed(3)
    first, second = model.sample(7), model.sample(7)
    torch.manual_seed(3)
    again = model.sample(7)
    assert first.shape == (7, *SHAPE)
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.allclose(first, second)


def test_samples_are_decoded_from_the_prior() -> None:
    class Show(nn.Module):
        latent_dim = 2

        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(()))

        def forward(self, z: Tensor) -> Tensor:
            return z.view(-1, 2, 1, 1)

    torch.manual_seed(0)
    z = VAE(nn.Identity(), Show()).sample(20_000).logit().flatten(1).double()
    assert_mean_is(z, 0.0, within=0.01)
    assert_mean_is(z.square(), 1.0, within=0.02)


def test_samples_are_of_the_weights_own_precision() -> None:
    assert small_vae().double().sample(2).dtype == torch.float64


def test_reconstruct_decodes_the_mean_and_draws_nothing() -> None:
    model, x = small_vae(), rand(5, *SHAPE).float()
    before = torch.get_rng_state()
    x_recon = model.reconstruct(x)
    assert torch.equal(torch.get_rng_state(), before)
    mu, _ = model.encode(x)
    torch.testing.assert_close(x_recon, torch.sigmoid(model.decode(mu)))


# -- the bound ---------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("nll", [bernoulli_nll, partial(gaussian_nll, std=0.2)])
def test_the_loss_is_the_reconstruction_term_and_beta_times_kl(
    beta: float, nll: Likelihood
) -> None:
    model, x = small_vae(), rand(5, *SHAPE).float()
    torch.manual_seed(4)
    loss, terms = negative_elbo(model, x, beta, nll)
    torch.manual_seed(4)
    logits, mu, logvar = model(x)
    assert torch.equal(loss, terms["recon_nll"] + beta * terms["kl"])
    assert torch.equal(terms["recon_nll"], nll(logits, x))
    assert torch.equal(terms["kl"], gaussian_kl(mu, logvar))
    assert loss.shape == (5,)


def test_beta_is_1_and_the_likelihood_bernoulli_unless_said_otherwise() -> None:
    model, x = small_vae(), rand(5, *SHAPE).float()
    torch.manual_seed(5)
    loss, _ = negative_elbo(model, x)
    torch.manual_seed(5)
    assert torch.equal(loss, negative_elbo(model, x, 1.0, bernoulli_nll)[0])


class LinearGaussian(nn.Module):
    """Probabilistic PCA: p(z) = N(0, I), p(x|z) = N(Wz + b, s² I), of which all is known.

    The columns of W are orthogonal, so that the exact posterior is N(mu, diag(var)). W is small and
    b in the middle: Wz + b stays inside (0, 1), where the package's sigmoid can undo a logit.
    """

    latent_dim = 2
    s = 0.05

    def __init__(self) -> None:
        super().__init__()
        W = torch.tensor([[1, 1], [1, -1], [1, 1], [1, -1]]) * torch.tensor([0.04, 0.02])
        self.W = W.double()
        self.b = torch.tensor([0.4, 0.5, 0.6, 0.5], dtype=torch.float64)
        self.var = 1 / (1 + self.W.square().sum(dim=0) / self.s**2)

    def mean(self, z: Tensor) -> Tensor:
        return z @ self.W.T + self.b

    def forward(self, z: Tensor) -> Tensor:
        return self.mean(z).logit().view(-1, 1, 2, 2)

    def log_p(self, x: Tensor) -> Tensor:
        covariance = self.W @ self.W.T + self.s**2 * torch.eye(4, dtype=torch.float64)
        return MultivariateNormal(self.b, covariance).log_prob(x.flatten(1))

    def posterior(self, x: Tensor) -> Independent:
        mu = (x.flatten(1) - self.b) @ self.W * self.var / self.s**2
        return Independent(Normal(mu, self.var.sqrt()), 1)

    def images(self, count: int) -> Tensor:
        noise = self.s * randn(count, 4, seed=1)
        return (self.mean(randn(count, 2, seed=2)) + noise).view(count, 1, 2, 2)


class Posterior(nn.Module):
    """The exact posterior of a LinearGaussian, with mu and logvar moved by so much."""

    def __init__(self, truth: LinearGaussian, move_mu: float, move_logvar: float):
        super().__init__()
        self.truth, self.move_mu, self.move_logvar = truth, move_mu, move_logvar

    def forward(self, x: Tensor) -> Tensor:
        mu = self.truth.posterior(x).mean + self.move_mu
        logvar = self.truth.var.log() + self.move_logvar
        return torch.cat([mu, logvar.expand_as(mu)], dim=1)


def draws(model: VAE, x: Tensor, beta: float = 1.0, count: int = 20_000) -> Tensor:
    """One-sample losses (count, batch)."""
    torch.manual_seed(0)
    many = x.repeat(count, 1, 1, 1)
    loss, _ = negative_elbo(model, many, beta, partial(gaussian_nll, std=LinearGaussian.s))
    return loss.view(count, len(x))


def expected_loss(truth: LinearGaussian, model: VAE, x: Tensor) -> Tensor:
    """−ELBO without any sampling: E‖x − b − Wz‖² over q is known for a linear decoder."""
    mu, logvar = model.encode(x)
    error = (x.flatten(1) - truth.mean(mu)).square().sum(dim=1)
    spread = (truth.W.square() * logvar.exp()[:, None]).sum(dim=(1, 2))
    constant = 4 * math.log(truth.s * math.sqrt(2 * math.pi))
    return (error + spread) / (2 * truth.s**2) + constant + gaussian_kl(mu, logvar)


MOVES = [(0.0, 0.0), (0.5, 0.0), (-0.5, 0.0), (0.0, 1.0), (0.0, -1.0), (0.3, 0.7)]


@pytest.mark.parametrize(("move_mu", "move_logvar"), MOVES)
def test_a_one_sample_loss_is_an_unbiased_estimate_of_the_negative_elbo(
    move_mu: float, move_logvar: float
) -> None:
    truth = LinearGaussian()
    model, x = VAE(Posterior(truth, move_mu, move_logvar), truth), truth.images(5)
    assert_mean_is(draws(model, x), expected_loss(truth, model, x), within=0.05)


def test_with_another_beta_the_kl_term_alone_is_scaled() -> None:
    truth = LinearGaussian()
    model, x = VAE(Posterior(truth, 0.5, 0.5), truth), truth.images(5)
    extra = 3 * gaussian_kl(*model.encode(x))
    torch.testing.assert_close(draws(model, x, beta=4.0, count=3), draws(model, x, count=3) + extra)


def test_the_elbo_at_the_exact_posterior_is_log_p() -> None:
    truth = LinearGaussian()
    model, x = VAE(Posterior(truth, 0.0, 0.0), truth), truth.images(5)
    torch.testing.assert_close(-expected_loss(truth, model, x), truth.log_p(x))
    assert_mean_is(-draws(model, x), truth.log_p(x), within=0.05)


@pytest.mark.parametrize(("move_mu", "move_logvar"), MOVES[1:])
def test_the_elbo_of_another_q_lies_below_log_p_by_its_kl_to_the_posterior(
    move_mu: float, move_logvar: float
) -> None:
    truth = LinearGaussian()
    model, x = VAE(Posterior(truth, move_mu, move_logvar), truth), truth.images(5)
    mu, logvar = model.encode(x)
    gap = kl_divergence(Independent(Normal(mu, (0.5 * logvar).exp()), 1), truth.posterior(x))
    elbo = -draws(model, x)
    assert_mean_is(elbo, truth.log_p(x) - gap)
    error = elbo.std(dim=0) / math.sqrt(len(elbo))
    assert (elbo.mean(dim=0) < truth.log_p(x) - 5 * error).all()


def test_the_known_answer_itself_is_known_right() -> None:
    """log p(x) = log p(x|z) + log p(z) − log p(z|x), whatever z is."""
    truth = LinearGaussian()
    x, z = truth.images(6), randn(6, 2, seed=3)
    log_likelihood = Independent(Normal(truth.mean(z), truth.s), 1).log_prob(x.flatten(1))
    log_prior = Independent(Normal(torch.zeros_like(z), torch.ones_like(z)), 1).log_prob(z)
    log_posterior = truth.posterior(x).log_prob(z)
    torch.testing.assert_close(log_likelihood + log_prior - log_posterior, truth.log_p(x))


@pytest.mark.parametrize("code_dim", [1, 2, 3, 8])
def test_an_encoder_of_another_size_than_mu_and_logvar_is_refused(code_dim: int) -> None:
    model = VAE(MLPEncoder(code_dim, shape=SHAPE), MLPDecoder(2, shape=SHAPE))
    with pytest.raises(CourseError, match=rf"got \(3, {code_dim}\); try code_dim=4"):
        model(torch.zeros(3, *SHAPE))


def test_an_encoder_that_gives_two_tensors_is_refused() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return torch.zeros(len(x), 2), torch.zeros(len(x), 2)

    with pytest.raises(
        CourseError, match=r"one tensor of mu, then logvar, .*\(batch, 4\), got tuple"
    ):
        VAE(Two(), MLPDecoder(2, shape=SHAPE)).encode(torch.zeros(3, *SHAPE))


@pytest.mark.parametrize("nll", [bernoulli_nll, gaussian_nll])
@pytest.mark.parametrize("shape", [(5, 1, 1, 1), (5, 24), (1, *SHAPE)])
def test_logits_that_would_be_broadcast_are_refused(
    nll: Likelihood, shape: tuple[int, ...]
) -> None:
    with pytest.raises(
        CourseError, match=r"the images' shape \(5, 2, 4, 3\), got .*; try a decoder"
    ):
        nll(torch.zeros(shape), rand(5, *SHAPE))


@pytest.mark.parametrize("decoder", [nn.Linear(2, 784), MLPEncoder(4), None])
def test_a_decoder_that_does_not_tell_its_latent_dim_is_refused(decoder: nn.Module) -> None:
    with pytest.raises(CourseError, match="a decoder that tells its latent_dim, got"):
        VAE(MLPEncoder(4), decoder)


@pytest.mark.parametrize("num_images", [-1, 1.5, "3", None])
def test_a_number_of_samples_that_is_none_is_refused(num_images: int) -> None:
    with pytest.raises(CourseError, match="num_images"):
        small_vae().sample(num_images)

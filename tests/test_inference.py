"""Quadrature and refined posteriors, where the linear model knows the truth."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from exact import SHAPE, STD, draws, linear_vae, nll, randn
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from vaecourse import data, linear, pretrained
from vaecourse.errors import CourseError
from vaecourse.inference import quadrature, refine_posterior
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.vae import VAE, bernoulli_nll, gaussian_kl, gaussian_nll, normal_nll


def vae(latent_dim: int = 2, sharp: float = 1.0) -> VAE:
    """A small untrained VAE; `sharp` multiplies the logits."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = VAE(MLPEncoder(2 * latent_dim, (8,), SHAPE), MLPDecoder(latent_dim, (16,), SHAPE))
    with torch.no_grad():
        model.decoder.layers[-2].weight *= sharp
    return model


def images(count: int = 5) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(0))


def as_any(logits: Tensor, x: Tensor) -> Tensor:
    """Bernoulli's likelihood, by the way of all others."""
    return bernoulli_nll(logits, x)


# -- quadrature --------------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 2])
@pytest.mark.parametrize("tilted", [False, True])
def test_quadrature_is_exact_for_the_linear_model(latent_dim: int, tilted: bool) -> None:
    model, W, b = linear_vae(latent_dim, tilted=tilted)
    x = draws(W, b, 6)
    found = quadrature(model, x, nll=nll)
    torch.testing.assert_close(found.log_evidence, linear.log_evidence(x, W, b, STD))
    mean, covariance = linear.posterior(x, W, b, STD)
    exact = MultivariateNormal(mean[:, None], covariance).log_prob(found.z)
    torch.testing.assert_close(found.log_posterior, exact, rtol=1e-6, atol=1e-6)
    assert found.z.shape == (201**latent_dim, latent_dim)
    assert found.cell == pytest.approx(0.06**latent_dim)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_finer_and_a_wider_grid_change_nothing(latent_dim: int) -> None:
    model = vae(latent_dim, sharp=3.0).double()
    x = images().double()
    found = quadrature(model, x).log_evidence
    for limit, num_per_side in ((6.0, 401), (8.0, 301), (7.0, 150)):
        other = quadrature(model, x, limit, num_per_side).log_evidence
        torch.testing.assert_close(other, found, rtol=0, atol=0.005)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_the_density_integrates_to_one_and_has_its_moments(latent_dim: int) -> None:
    model, W, b = linear_vae(latent_dim)
    x = draws(W, b, 4)
    found = quadrature(model, x, nll=nll)
    share = found.log_posterior.exp() * found.cell
    torch.testing.assert_close(share.sum(dim=1), torch.ones(4, dtype=torch.float64))
    mean, covariance = linear.posterior(x, W, b, STD)
    torch.testing.assert_close(share @ found.z, mean)
    torch.testing.assert_close(
        share @ found.z.square() - mean.square(), covariance.diagonal() + 0 * mean
    )


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_posterior_between_the_points_of_the_grid_is_found_all_the_same(latent_dim: int) -> None:
    """A hundred pixels know z much better than the grid: left as it is, that is off by nats."""
    W, b = 40 * linear_vae(latent_dim)[1], randn(6)
    decoder = MLPDecoder(latent_dim, (), SHAPE).double()
    with torch.no_grad():
        decoder.layers[0].weight.copy_(W)
        decoder.layers[0].bias.copy_(b)
    model, x = VAE(nn.Identity(), decoder), draws(W, b, 8)
    exact = linear.log_evidence(x, W, b, STD)
    found = quadrature(model, x, nll=nll)
    torch.testing.assert_close(found.log_evidence, exact, rtol=0, atol=0.01)
    left = quadrature(model, x, nll=nll, tolerance=math.inf).log_evidence
    assert (left - exact).abs().max() > 1
    mean, covariance = linear.posterior(x, W, b, STD)
    densities = MultivariateNormal(mean[:, None], covariance).log_prob(found.z)
    torch.testing.assert_close(found.log_posterior, densities, rtol=1e-4, atol=0.01)


def test_points_run_over_z1_first_and_a_view_of_the_grid_is_a_picture() -> None:
    model, W, b = linear_vae()
    x = draws(W, b, 1)
    found = quadrature(model, x, limit=5.0, num_per_side=101, nll=nll)
    side = torch.linspace(-5, 5, 101, dtype=torch.float64)
    picture = found.log_posterior[0].view(101, 101).T  # z₁ to the right, z₂ upward
    row, column = divmod(int(picture.argmax()), 101)
    (mean,), _ = linear.posterior(x, W, b, STD)
    assert (torch.stack([side[column], side[row]]) - mean).abs().max() <= 0.05 + 1e-9


@pytest.mark.parametrize("latent_dim", [1, 2])
@pytest.mark.parametrize("sharp", [1.0, 5.0])
def test_the_fast_way_of_bernoulli_pixels_gives_what_the_slow_one_gives(
    latent_dim: int, sharp: float
) -> None:
    for x in (images(), images().round()):
        model = vae(latent_dim, sharp)
        fast = quadrature(model, x, num_per_side=61)
        slow = quadrature(model, x, num_per_side=61, nll=as_any)
        torch.testing.assert_close(fast.log_evidence, slow.log_evidence, rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(fast.log_posterior, slow.log_posterior, rtol=1e-5, atol=1e-3)


def test_extreme_logits_stay_finite_and_right() -> None:
    """Certain pixels, rightly and wrongly: 10⁴ nats each, and none where they are right."""

    class Certain(nn.Module):
        latent_dim = 1

        def forward(self, z: Tensor) -> Tensor:
            sign = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0]).to(z)
            return (1e4 * sign * torch.where(z > 0, 1.0, -1.0)).view(-1, *SHAPE)

    right = torch.tensor([1.0, 0, 1, 0, 1, 0]).view(1, *SHAPE)
    grey = torch.full((1, *SHAPE), 0.5)
    x = torch.cat([right, 1 - right, grey])
    found = quadrature(VAE(nn.Identity(), Certain()), x, num_per_side=200)  # none at 0
    expected = torch.tensor([math.log(0.5), math.log(0.5), -3e4])
    torch.testing.assert_close(found.log_evidence, expected, rtol=1e-6, atol=1e-3)
    assert found.log_posterior.isfinite().all()


def test_narrow_floats_agree_with_wide_ones() -> None:
    model, x = vae(sharp=5.0), images()
    found = quadrature(model, x)
    assert found.log_evidence.dtype == torch.float32
    wide = quadrature(model.double(), x.double())
    torch.testing.assert_close(found.log_evidence.double(), wide.log_evidence, rtol=0, atol=1e-4)


def test_a_grid_that_is_too_small_is_seen_at_its_edge() -> None:
    model, W, b = linear_vae()
    x = draws(W, b, 4)
    assert (quadrature(model, x, nll=nll).at_the_edge() < 1e-10).all()
    mean, _ = linear.posterior(x, W, b, STD)
    far = x[mean.norm(dim=1).argmax()][None]
    assert quadrature(model, far, limit=0.3, nll=nll).at_the_edge() > 0.01


def test_the_model_the_gradients_and_the_random_state_are_left_alone() -> None:
    model, x = vae().train(), images()
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert not quadrature(model, x, num_per_side=21).log_evidence.requires_grad
    found = refine_posterior(model, x, 5)
    assert not any(each.requires_grad for each in found)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None and weight.requires_grad for weight in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("latent_dim", [3, 10])
def test_a_grid_over_many_dimensions_is_refused(latent_dim: int) -> None:
    with pytest.raises(
        CourseError, match=rf"one or two latent dimensions, got {latent_dim}.*try metrics.log_like"
    ):
        quadrature(vae(latent_dim), images())


@pytest.mark.parametrize(
    "settings",
    [
        {"limit": 0.0},
        {"limit": -1.0},
        {"limit": math.inf},
        {"limit": "6"},
        {"num_per_side": 1},
        {"num_per_side": -5},
        {"num_per_side": 20.5},
        {"tolerance": 0.0},
        {"tolerance": math.nan},
        {"tolerance": "a"},
    ],
)
def test_a_grid_that_is_none_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CourseError, match=f"{next(iter(settings))}.*got .*; try"):
        quadrature(vae(), images(), **settings)


def test_more_images_than_the_memory_should_hold_are_refused() -> None:
    x = images(1).expand(6000, *SHAPE)
    with pytest.raises(CourseError, match=r"at most 4940 images for 40401 points, got 6000; try x"):
        quadrature(vae(), x)
    with pytest.raises(CourseError, match=r"at most 0 images for 10000000000 points.*=201"):
        quadrature(vae(), x[:1], num_per_side=100_000)


# -- both --------------------------------------------------------------------------------------


@pytest.mark.parametrize("infer", [quadrature, refine_posterior])
def test_what_is_no_image_or_no_vae_is_refused(infer: Any) -> None:
    x = images()
    for spoiled in (x[:0], x * 255, x * math.nan, x.tolist(), x[:, 0], (x * 255).byte()):
        with pytest.raises(CourseError, match="expected images"):
            infer(vae(), spoiled)
    autoencoder = Autoencoder(MLPEncoder(2, (), SHAPE), MLPDecoder(2, (), SHAPE))
    for model in (autoencoder, nn.Linear(2, 2), VAE):
        with pytest.raises(CourseError, match=r"got (Autoencoder|Linear|the class VAE); try"):
            infer(model, x)
    assert infer(vae(), x * 3 - 1, nll=partial(gaussian_nll, std=0.5))


@pytest.mark.parametrize("infer", [quadrature, refine_posterior])
def test_images_of_another_shape_and_an_nll_of_another_kind_are_refused(infer: Any) -> None:
    with pytest.raises(CourseError, match=r"shape"):
        infer(vae(), torch.rand(3, 1, 3, 3))
    with pytest.raises(CourseError, match="nll to give one number an image"):
        infer(vae(), images(), nll=lambda logits, x: (logits - x).square())


def nowhere(logits: Tensor, x: Tensor) -> Tensor:
    return bernoulli_nll(logits, x) * math.nan


@pytest.mark.parametrize("infer", [quadrature, refine_posterior])
def test_a_likelihood_that_is_not_finite_is_no_answer(infer: Any) -> None:
    with pytest.raises(CourseError, match="expected a finite"):
        infer(vae(), images(), nll=nowhere)


@pytest.fixture(scope="module")
def real_digits() -> tuple[VAE, Tensor, Tensor]:
    """A trained model, digits that it has not seen, and their evidence by a fine grid."""
    model, (x, _) = pretrained.load("mnist-mlp-2d"), data.load("digits", "test")
    return model, x[:12], quadrature(model, x[:12], num_per_side=801).log_evidence


@pytest.mark.parametrize("settings", [{"num_per_side": 31}, {"num_per_side": 51}, {"limit": 30}])
def test_a_coarse_grid_gives_what_a_fine_one_gives_on_real_digits(
    settings: dict[str, Any], real_digits: tuple[VAE, Tensor, Tensor]
) -> None:
    """The posteriors of a trained model are far narrower than a cell, and reach into the next."""
    model, x, fine = real_digits
    found = quadrature(model, x, **settings).log_evidence
    torch.testing.assert_close(found, fine, rtol=0, atol=0.05)


@pytest.mark.parametrize(("std", "atol"), [(0.02, 0.01), (0.003, 0.01)])
def test_a_posterior_much_narrower_than_a_cell_is_found(std: float, atol: float) -> None:
    model, W, b = linear_vae()
    x = draws(W, b, 6)
    found = quadrature(model, x, nll=partial(normal_nll, std=std)).log_evidence
    exact = linear.log_evidence(x, W, b, std)
    torch.testing.assert_close(found, exact, rtol=0, atol=max(atol, 1e-6 * exact.abs().max()))


def test_a_posterior_too_narrow_for_any_split_is_refused_and_not_guessed() -> None:
    model, W, b = linear_vae()
    with pytest.raises(CourseError, match=r"too narrow for the grid of step 0\.06; try a larg"):
        quadrature(model, draws(W, b, 3), nll=partial(normal_nll, std=1e-7))


def test_a_decoder_that_gives_one_image_for_all_codes_is_refused() -> None:
    model = vae()
    model.decode = lambda z: torch.zeros(1, *SHAPE)
    with pytest.raises(CourseError, match=r"an image for each of 1000 codes, got \(1, 1, 2, 3\)"):
        quadrature(model, images())


# -- refined posteriors ------------------------------------------------------------------------


def exact_elbo(model: VAE, x: Tensor, mu: Tensor, logvar: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Without any sampling: the expectation of a square over q is known."""
    error = (x.flatten(1) - mu @ W.T - b).square().sum(dim=1)
    spread = (logvar.exp() @ W.square().T).sum(dim=1)
    constant = 6 * math.log(STD * math.sqrt(2 * math.pi))
    return -(error + spread) / (2 * STD**2) - constant - gaussian_kl(mu, logvar)


@pytest.mark.parametrize("tilted", [False, True])
def test_the_best_q_of_the_linear_model_is_not_left(tilted: bool) -> None:
    model, W, b = linear_vae(tilted=tilted)
    x = draws(W, b, 20)
    best = model.encode(x)
    found = refine_posterior(model, x, nll=nll)
    lost = exact_elbo(model, x, *best, W, b) - exact_elbo(model, x, *found, W, b)
    assert (lost > -1e-9).all()
    assert lost.max() < 0.05
    width = (0.5 * best[1]).exp()
    assert ((found[0] - best[0]) / width).abs().max() < 0.3
    assert (found[1] - best[1]).abs().max() < 0.6


@pytest.mark.parametrize(
    ("move_mu", "move_logvar"), [(0.5, 0.0), (-0.5, 1.0), (0.0, -2.0), (1.0, 2.0)]
)
def test_a_wrong_q_is_led_to_the_best_one(move_mu: float, move_logvar: float) -> None:
    """What is left is the approximation gap: none for a W of orthogonal columns."""
    model, W, b = linear_vae(move_mu=move_mu, move_logvar=move_logvar)
    x = draws(W, b, 20)
    with torch.no_grad():
        before = exact_elbo(model, x, *model.encode(x), W, b)
    found = refine_posterior(model, x, nll=nll)
    after = exact_elbo(model, x, *found, W, b)
    assert (after >= before).all()
    gap = linear.log_evidence(x, W, b, STD) - after
    assert (gap > -1e-9).all()
    assert gap.max() < 0.1


def test_a_tilted_posterior_leaves_the_gap_that_no_diagonal_q_can_close() -> None:
    model, W, b = linear_vae(tilted=True, move_mu=0.5)
    x = draws(W, b, 20)
    found = refine_posterior(model, x, nll=nll)
    gap = linear.log_evidence(x, W, b, STD) - exact_elbo(model, x, *found, W, b)
    _, covariance = linear.posterior(x, W, b, STD)
    precision = torch.linalg.inv(covariance)
    least = 0.5 * (precision.diagonal().log().sum() - precision.logdet())  # KL of the best one
    assert least > 0.01
    assert ((gap > least - 1e-9) & (gap < least + 0.1)).all()


def test_each_image_is_refined_by_itself_and_the_seed_decides() -> None:
    model, W, b = linear_vae(move_mu=0.5)
    x = draws(W, b, 70)
    first, again = (refine_posterior(model, x, 10, nll=nll) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    other = refine_posterior(model, x, 10, nll=nll, seed=1)
    assert not torch.equal(first[0], other[0])
    assert first[0].shape == first[1].shape == (70, 2)


def test_where_no_gradient_is_asked_for_it_refines_all_the_same() -> None:
    model, W, b = linear_vae(move_mu=0.5)
    x = draws(W, b, 3)
    expected = refine_posterior(model, x, 10, nll=nll)[0]
    with torch.no_grad():
        assert torch.equal(refine_posterior(model, x, 10, nll=nll)[0], expected)


def test_a_step_of_no_length_leaves_the_encoders_answer() -> None:
    model, x = vae(), images()
    for found, start in zip(refine_posterior(model, x, 3, lr=0.0), model.encode(x), strict=True):
        assert torch.equal(found, start)


def test_a_step_that_overflows_is_not_kept() -> None:
    model, x = vae(), images()
    found = refine_posterior(model, x, 20, lr=1e4)
    assert all(each.isfinite().all() for each in found)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_steps": 0},
        {"num_steps": 1.5},
        {"lr": -1.0},
        {"lr": math.nan},
        {"num_samples": 0},
        {"seed": -1},
        {"seed": "a"},
    ],
)
def test_a_setting_that_is_none_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CourseError, match=f"expected .*{next(iter(settings))}"):
        refine_posterior(vae(), images(), **settings)


def test_an_encoder_that_gives_nan_is_refused() -> None:
    model = vae()
    with torch.no_grad():
        model.encoder.layers[-1].bias[0] = math.nan
    with pytest.raises(CourseError, match="finite the encoder's mu, got NaN"):
        refine_posterior(model, images())


def test_a_refined_posterior_starts_where_it_is_told() -> None:
    model, W, b = linear_vae(move_mu=2.0)
    x = draws(W, b, 70)
    mu, logvar = linear_vae()[0].encode(x)
    begin = mu.detach(), logvar.detach()
    found = refine_posterior(model, x, 1, lr=0.0, nll=nll, start=begin)
    assert all(torch.equal(a, b) for a, b in zip(found, begin, strict=True))
    led = refine_posterior(model, x, nll=nll, start=(begin[0] + 1, begin[1]))
    assert (led[0] - begin[0]).abs().max() < 0.3


def test_a_start_that_does_not_fit_the_images_is_refused() -> None:
    model, x = vae(), images()
    mu, logvar = (each.detach() for each in model.encode(x))
    with pytest.raises(CourseError, match=r"a start of \d+ rows, one an image, got 1; try model"):
        refine_posterior(model, x, start=(mu[:1], logvar[:1]))
    with pytest.raises(CourseError, match="mu and logvar of one shape"):
        refine_posterior(model, x, start=(mu, logvar[:, :1]))
    for no_pair in (mu, (mu,), 5):
        with pytest.raises(CourseError, match=r"a start of two, mu and logvar; try start="):
            refine_posterior(model, x, start=no_pair)
    assert refine_posterior(model, x, num_steps=1, start=(mu.double(), logvar.double()))
    with pytest.raises(CourseError, match="finite codes to start at"):
        refine_posterior(model, x, start=(mu * math.nan, logvar))

"""Latent diffusion: its schedule, its noise, and a sampler that is exact where the score is."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vaecourse.device import seeded
from vaecourse.errors import CourseError
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.training import fit
from vaecourse.vae import VAE
from vaecourse.variants.diffusion import (
    Denoiser,
    DenoisingLoss,
    add_noise,
    cosine_schedule,
    denoise,
    unit_scale,
)

MEAN, STD = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.3, 1.0, 2.0])


@given(num_steps=st.integers(1, 1000))
@settings(max_examples=30, deadline=None)
def test_the_schedule_falls_from_one_to_nearly_zero(num_steps: int) -> None:
    alpha_bar = cosine_schedule(num_steps)
    assert alpha_bar.shape == (num_steps + 1,)
    assert alpha_bar[0] == 1
    assert 0 < alpha_bar[-1] < 2e-3
    assert (alpha_bar.diff() < 0).all()


def test_codes_of_unit_variance_keep_it_at_each_step_and_others_approach_it() -> None:
    with seeded(0):
        eps = torch.randn(200_000, 1)
        z = torch.randn(200_000, 1)
    for a in cosine_schedule(10):
        alpha_bar = a.expand(len(z), 1)
        assert add_noise(z, eps, alpha_bar).var().item() == pytest.approx(1, abs=0.02)
        wide = add_noise(3 * z, eps, alpha_bar).var().item()
        assert wide == pytest.approx(9 * a.item() + 1 - a.item(), abs=0.1)


def test_noise_added_step_by_step_is_noise_added_at_once() -> None:
    alpha_bar = cosine_schedule(20)
    mean, variance = torch.ones(()), torch.zeros(())
    for before, after in pairwise(alpha_bar):
        kept = after / before
        mean, variance = kept.sqrt() * mean, kept * variance + 1 - kept
        torch.testing.assert_close(mean, after.sqrt())
        torch.testing.assert_close(variance, 1 - after)


def exact_guess(alpha_bar: Tensor, mean: Tensor, std: Tensor):
    """E[eps | z_t] where z_0 is from N(mean, std²)."""

    def guess(z_t: Tensor, t: Tensor) -> Tensor:
        a = alpha_bar[t][:, None]
        return (1 - a).sqrt() * (z_t - a.sqrt() * mean) / (a * std.square() + 1 - a)

    return guess


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_with_the_exact_denoiser_of_a_gaussian_the_sampler_draws_that_gaussian(eta: float) -> None:
    alpha_bar = cosine_schedule(200)
    with seeded(0):
        noise = torch.randn(20_000, 3)
        path = denoise(exact_guess(alpha_bar, MEAN, STD), noise, alpha_bar, eta=eta)
    assert path.shape == (201, 20_000, 3)
    assert torch.equal(path[0], noise)
    assert (path[-1].mean(dim=0) - MEAN).abs().max() < 0.06
    assert (path[-1].std(dim=0) / STD - 1).abs().max() < 0.04
    half = add_noise(MEAN + STD * noise, torch.randn_like(noise), alpha_bar[100])
    assert (path[100].std(dim=0) / half.std(dim=0) - 1).abs().max() < 0.04


def test_with_eta_zero_the_first_noise_decides_and_with_one_it_does_not() -> None:
    alpha_bar = cosine_schedule(20)
    guess, noise = exact_guess(alpha_bar, MEAN, STD), torch.randn(50, 3)
    ends = [denoise(guess, noise, alpha_bar, eta=eta)[-1] for eta in (0.0, 0.0, 1.0, 1.0)]
    assert torch.equal(ends[0], ends[1])
    assert not torch.allclose(ends[2], ends[3], atol=0.1)


def test_a_single_code_is_found_whatever_the_noise() -> None:
    alpha_bar = cosine_schedule(50)
    guess = exact_guess(alpha_bar, MEAN, torch.zeros(3))
    for num_stops in (0, 5, 1):
        path = denoise(guess, torch.randn(10, 3), alpha_bar, num_stops)
        assert len(path) == (num_stops or 50) + 1
        torch.testing.assert_close(path[-1], MEAN.expand(10, 3), atol=1e-3, rtol=0)


def small_vae() -> VAE:
    with seeded(0):
        return VAE(MLPEncoder(6, (8,), (1, 2, 2)), MLPDecoder(3, (8,), (1, 2, 2)))


def test_training_moves_the_denoiser_and_leaves_the_vae_alone() -> None:
    vae, x = small_vae(), torch.rand(64, 1, 2, 2)
    vae.encoder.layers[-1].bias.data[3:] = -5  # narrow posteriors: nothing like the prior
    before = [weight.clone() for weight in vae.parameters()]
    with seeded(0):
        model = Denoiser(3, 32)
    history = fit(model, x, x, objective=DenoisingLoss(vae), num_epochs=30, batch_size=32, lr=3e-3)
    errors = history.validation["noise_error"]
    assert errors[-1] < 0.9 * errors[0]
    assert all(map(torch.equal, before, vae.parameters()))
    assert model.sample(7).shape == (7, 3)


def test_a_vaes_codes_are_drawn_anew_and_an_autoencoders_are_as_they_are() -> None:
    x = torch.rand(4, 1, 2, 2)
    objective = DenoisingLoss(small_vae())
    assert not torch.allclose(objective.codes(x), objective.codes(x))
    plain = Autoencoder(MLPEncoder(3, (8,), (1, 2, 2)), MLPDecoder(3, (8,), (1, 2, 2)))
    assert torch.equal(DenoisingLoss(plain).codes(x), plain.encode(x))
    assert DenoisingLoss(plain)(Denoiser(3), x)[0].shape == (4,)


def test_before_training_the_denoiser_draws_from_the_prior() -> None:
    with seeded(0):
        z = Denoiser(2).sample(10_000)
    assert z.mean(dim=0).abs().max() < 0.04
    assert (torch.cov(z.T) - torch.eye(2)).abs().max() < 0.06


def test_what_is_drawn_is_in_the_vaes_own_units_whatever_the_scale() -> None:
    model = Denoiser(2)
    with seeded(0):
        once = model.sample(5)
    model.scale.fill_(0.25)
    with seeded(0):
        torch.testing.assert_close(model.sample(5), 4 * once)


def test_the_unit_scale_gives_codes_unit_variance() -> None:
    z = 7 * torch.randn(1000, 4) + 1
    assert (unit_scale(z) * z).std().item() == pytest.approx(1, abs=1e-3)
    with pytest.raises(CourseError, match="equal ones"):
        unit_scale(torch.ones(3, 2))


def test_what_cannot_be_sampled_or_trained_is_refused() -> None:
    model = Denoiser(2)
    for wrong in ({"eta": 1.5}, {"eta": -1.0}, {"num_stops": 201}, {"num_stops": -1}):
        with pytest.raises(CourseError, match=r"expected .*try"):
            model.sample(2, **wrong)
    with pytest.raises(CourseError, match=r"codes z_t of shape \(batch, 2\)"):
        model(torch.zeros(3, 5), torch.ones(3))
    with pytest.raises(CourseError, match="num_steps"):
        cosine_schedule(0)

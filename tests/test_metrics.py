"""The metrics against models of which they are known exactly."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.metrics import active_units, kl_by_dimension, log_likelihood
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.vae import VAE, gaussian_kl, negative_elbo


class Constant(nn.Module):
    """Gives the same numbers for every input; `latent_dim` is the decoder's."""

    def __init__(self, value: Tensor, latent_dim: int):
        super().__init__()
        self.value, self.latent_dim = nn.Parameter(value), latent_dim

    def forward(self, x: Tensor) -> Tensor:
        return self.value.expand(len(x), *self.value.shape)


def test_it_is_exact_where_the_decoder_ignores_z_and_q_is_the_prior() -> None:
    logits = torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(0))
    model = VAE(Constant(torch.zeros(6), 3), Constant(logits, 3))
    x = (torch.rand(5, 1, 4, 4) < 0.5).float()
    exact = -nn.functional.binary_cross_entropy_with_logits(
        logits.expand_as(x), x, reduction="none"
    )
    torch.testing.assert_close(log_likelihood(model, x, 7), exact.flatten(1).sum(1))


def test_a_wrong_posterior_is_weighted_right() -> None:
    """p(x) does not depend on q: a q far from the prior gives the same number in the limit."""
    logits = torch.zeros(1, 2, 2)
    posterior = torch.tensor([0.5, -0.3, 0.2, -0.4])  # mu, logvar of two latents
    model = VAE(Constant(posterior, 2), Constant(logits, 2))
    found = log_likelihood(model, torch.ones(1, 1, 2, 2), 200_000, max_rows=200_000).item()
    assert abs(found - 4 * math.log(0.5)) < 0.01


def test_it_rises_with_the_number_of_samples_and_begins_at_the_elbo() -> None:
    torch.manual_seed(0)
    model = VAE(MLPEncoder(4, (16,)), MLPDecoder(2, (16,)))
    with torch.no_grad():
        model.encoder.layers[-1].bias[:2] = 1.5  # far from the prior, so that samples matter
    x = torch.rand(64, 1, 28, 28)
    means = [log_likelihood(model, x, k).mean().item() for k in (1, 10, 500)]
    assert means == sorted(means)
    with torch.no_grad():
        elbo = -torch.stack([negative_elbo(model, x)[0].mean() for _ in range(200)]).mean().item()
    many = [log_likelihood(model, x, 1, seed=s).mean().item() for s in range(200)]
    assert abs(sum(many) / 200 - elbo) < 0.1


def test_the_parts_it_works_in_and_the_callers_state_do_not_matter() -> None:
    model = VAE(MLPEncoder(4, (16,)), MLPDecoder(2, (16,))).train()
    x = torch.rand(6, 1, 28, 28)
    state = torch.get_rng_state()
    whole = log_likelihood(model, x[:1], 50)
    assert torch.equal(log_likelihood(model, x, 50, max_rows=50)[:1], whole)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training


def test_a_unit_is_active_where_its_mean_varies_by_more_than_the_threshold() -> None:
    class Spread(nn.Module):
        """A mean that varies in each dimension with a standard deviation of its own."""

        def forward(self, x: Tensor) -> Tensor:
            std = 2 * torch.tensor([0.0, 0.09, 0.11, 2.0])
            return torch.cat([5 + x.flatten(1) * std, torch.zeros(len(x), 4)], dim=1)

    model = VAE(Spread(), Constant(torch.zeros(1, 1, 1), 4))
    x = torch.tensor([0.0, 1.0]).repeat(800).view(-1, 1, 1, 1)  # std ½, in two parts
    assert active_units(model, x) == 2
    assert active_units(model, x, threshold=0.008) == 3
    assert active_units(model, x[:1]) == 0


def test_an_autoencoder_uses_the_dimensions_in_which_its_codes_vary() -> None:
    model = Autoencoder(MLPEncoder(3, ()), MLPDecoder(3, ()))
    with torch.no_grad():
        model.encoder.layers[-1].weight[1] = 0.0
        model.encoder.layers[-1].weight[[0, 2]] *= 10
    assert active_units(model, torch.rand(50, 1, 28, 28)) == 2


def test_the_kl_by_dimension_adds_up_to_the_mean_kl() -> None:
    model, x = VAE(MLPEncoder(6, (16,)), MLPDecoder(3, (16,))), torch.rand(1500, 1, 28, 28)
    by_dimension = kl_by_dimension(model, x)
    assert by_dimension.shape == (3,)
    with torch.no_grad():
        torch.testing.assert_close(by_dimension.sum(), gaussian_kl(*model.encode(x)).mean())


def test_an_autoencoder_has_no_kl() -> None:
    model = Autoencoder(MLPEncoder(2, ()), MLPDecoder(2, ()))
    with pytest.raises(CourseError, match=r"got Autoencoder.*try active_units"):
        kl_by_dimension(model, torch.rand(5, 1, 28, 28))


@pytest.mark.parametrize("measure", [log_likelihood, kl_by_dimension, active_units])
def test_what_is_no_image_or_no_model_is_refused(measure: Callable[..., object]) -> None:
    model, x = VAE(MLPEncoder(4, ()), MLPDecoder(2, ())), torch.rand(2, 1, 28, 28)
    for spoiled in (x[:0], x * 255, x * math.nan, x.tolist(), x[:, 0], (x * 255).byte()):
        with pytest.raises(CourseError, match="expected images"):
            measure(model, spoiled)
    with pytest.raises(CourseError, match="got Linear; try"):
        measure(nn.Linear(2, 2), x)
    for none in (VAE, None, "mlp"):
        with pytest.raises(CourseError, match=r"expected a .*got "):
            measure(none, x)
    assert torch.equal(
        torch.as_tensor(measure(model, x.double())), torch.as_tensor(measure(model, x))
    )


@pytest.mark.parametrize(
    "settings", [{"num_samples": 1.5}, {"num_samples": "5"}, {"max_rows": 0}, {"seed": "a"}]
)
def test_a_setting_of_the_wrong_kind_is_refused(settings: dict[str, Any]) -> None:
    model = VAE(MLPEncoder(4, ()), MLPDecoder(2, ()))
    with pytest.raises(CourseError, match=f"expected .*{next(iter(settings))}"):
        log_likelihood(model, torch.rand(2, 1, 28, 28), **settings)


def test_more_pictures_at_once_than_may_be_are_refused() -> None:
    model, x = VAE(MLPEncoder(4, ()), MLPDecoder(2, ())), torch.rand(2, 1, 28, 28)
    with pytest.raises(CourseError, match="num_samples up to max_rows=10, got 500; try max_rows"):
        log_likelihood(model, x, 500, max_rows=10)


def test_an_encoder_that_averages_its_batch_is_found_out() -> None:
    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :4].mean(dim=0, keepdim=True)

    model = VAE(Mean(), MLPDecoder(2, ()))
    for measure in (kl_by_dimension, active_units):
        with pytest.raises(CourseError, match="a code for each of 6 images, got 1"):
            measure(model, torch.rand(6, 1, 28, 28))


@pytest.mark.parametrize("threshold", [-1.0, math.nan, "a"])
def test_a_threshold_that_is_none_is_refused(threshold: float) -> None:
    model = VAE(MLPEncoder(4, ()), MLPDecoder(2, ()))
    with pytest.raises(CourseError, match="threshold"):
        active_units(model, torch.rand(2, 1, 28, 28), threshold)


@pytest.mark.parametrize("num_samples", [0, -3])
def test_no_samples_give_no_estimate(num_samples: int) -> None:
    model = VAE(MLPEncoder(4, ()), MLPDecoder(2, ()))
    with pytest.raises(CourseError, match=f"1 or more, got {num_samples}; try 500"):
        log_likelihood(model, torch.rand(2, 1, 28, 28), num_samples)


def test_a_model_that_fails_is_given_back_as_it_was() -> None:
    class Fails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError

    model = VAE(Fails(), Constant(torch.zeros(1, 1, 1), 2)).train()
    model.decoder.eval()
    for measure in (log_likelihood, active_units, kl_by_dimension):
        with pytest.raises(RuntimeError):
            measure(model, torch.zeros(2, 1, 1, 1))
        assert model.training
        assert not model.decoder.training

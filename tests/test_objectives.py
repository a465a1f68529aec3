"""The plain autoencoder's objective, beside the VAE's."""

import math

import pytest
import torch

from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.objectives import reconstruction_loss, squared_error
from vaecourse.vae import VAE, negative_elbo, reconstruction_nll

SHAPE = (1, 5, 4)


def autoencoder() -> Autoencoder:
    return Autoencoder(MLPEncoder(2, (8,), SHAPE), MLPDecoder(2, (8,), SHAPE))


def test_an_autoencoder_is_charged_for_its_reconstruction_alone() -> None:
    model, x = autoencoder(), torch.rand(6, *SHAPE)
    loss, recon_nll, kl = reconstruction_loss(model, x)
    assert torch.equal(loss, recon_nll)
    assert torch.equal(recon_nll, reconstruction_nll(model(x), x, "bernoulli"))
    assert torch.equal(kl, torch.zeros(6))


@pytest.mark.parametrize("beta", [0.0, 4.0])
def test_beta_does_nothing_to_an_autoencoder(beta: float) -> None:
    model, x = autoencoder(), torch.rand(6, *SHAPE)
    plain, scaled = reconstruction_loss(model, x), reconstruction_loss(model, x, beta)
    assert all(map(torch.equal, plain, scaled))


def test_every_weight_of_an_autoencoder_feels_the_loss() -> None:
    model = autoencoder()
    reconstruction_loss(model, torch.rand(6, *SHAPE))[0].mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in model.parameters())


def test_squared_error_is_a_gaussian_nll_of_variance_one_half_but_for_a_constant() -> None:
    torch.manual_seed(0)
    model, x = VAE(MLPEncoder(4), MLPDecoder(2)), torch.rand(3, 1, 28, 28)
    torch.manual_seed(1)
    loss, error, kl = squared_error(model, x, 2.0)
    torch.manual_seed(1)
    _, nll, same_kl = negative_elbo(model, x, likelihood="gaussian", std=math.sqrt(0.5))
    torch.testing.assert_close(error, nll - 784 * math.log(math.sqrt(math.pi)))
    torch.testing.assert_close(kl, same_kl)
    torch.testing.assert_close(loss, error + 2 * kl)

"""The plain autoencoder's objective, beside the VAE's."""

import pytest
import torch

from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.objectives import reconstruction_loss
from vaecourse.vae import reconstruction_nll

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

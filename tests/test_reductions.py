"""The β that a loss really has: against gradients of the loss as a code writes it."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.reductions import LIKELIHOODS, RECIPES, REDUCTIONS, effective_beta
from vaecourse.vae import bernoulli_nll, gaussian_kl, gaussian_nll


def reduced(term: Tensor, how: str) -> Tensor:
    """As codes write it, of (batch, …) numbers."""
    if how == "mean":
        return term.mean()
    return term.sum() if how == "batch sum" else term.flatten(1).sum(dim=1).mean()


@settings(max_examples=60, deadline=None)
@given(
    likelihood=st.sampled_from(sorted(LIKELIHOODS)),
    recon=st.sampled_from(sorted(REDUCTIONS)),
    kl=st.sampled_from(sorted(REDUCTIONS)),
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
    latent_dim=st.integers(1, 5),
    batch_size=st.integers(1, 6),
    weights=st.tuples(st.floats(0.01, 100), st.floats(0, 100)),
)
def test_the_gradient_of_a_code_is_that_of_its_beta(
    likelihood: str,
    recon: str,
    kl: str,
    sizes: tuple[int, int, int],
    latent_dim: int,
    batch_size: int,
    weights: tuple[float, float],
) -> None:
    torch.manual_seed(0)
    x = torch.rand(batch_size, *sizes, dtype=torch.float64)
    free = [torch.randn(batch_size, n, dtype=torch.float64) for n in (latent_dim, latent_dim)]
    mu, logvar = (each.requires_grad_() for each in free)
    logits = torch.randn(x.shape, dtype=torch.float64, requires_grad=True)
    pixels = (
        F.binary_cross_entropy_with_logits(logits, x, reduction="none")
        if likelihood == "bce"
        else (x - logits.sigmoid()).square() * (0.5 if likelihood == "half mse" else 1)
    )
    per_latent = -0.5 * (1 + logvar - mu**2 - logvar.exp())
    written = weights[0] * reduced(pixels, recon) + weights[1] * reduced(per_latent, kl)
    beta = effective_beta(
        likelihood,
        recon,
        kl,
        recon_weight=weights[0],
        kl_weight=weights[1],
        image_shape=sizes,
        latent_dim=latent_dim,
        batch_size=batch_size,
    )
    nll = bernoulli_nll(logits, x) if likelihood == "bce" else gaussian_nll(logits, x)
    meant = (nll + beta * gaussian_kl(mu, logvar)).mean()
    inputs = [logits, mu, logvar]
    first, second = (
        torch.cat([g.flatten() for g in torch.autograd.grad(loss, inputs)])
        for loss in (written, meant)
    )
    scale = (first[: x.numel()].norm() / second[: x.numel()].norm()).item()
    torch.testing.assert_close(first, scale * second, rtol=1e-6, atol=1e-9)


def test_a_mean_over_pixels_multiplies_beta_by_their_number() -> None:
    assert effective_beta(recon="mean") == pytest.approx(784)
    assert effective_beta("mse", recon="mean") == pytest.approx(392)
    assert effective_beta("mse") == pytest.approx(0.5)
    assert effective_beta(kl="mean", latent_dim=20) == pytest.approx(1 / 20)
    assert effective_beta(recon="batch sum", batch_size=128) == pytest.approx(1 / 128)


@given(scale=st.floats(1e-3, 1e3))
def test_weighting_both_terms_alike_changes_nothing(scale: float) -> None:
    both = effective_beta("mse", "mean", recon_weight=2 * scale, kl_weight=3 * scale)
    assert both == pytest.approx(effective_beta("mse", "mean", recon_weight=2, kl_weight=3))


def test_for_pixels_of_another_width_beta_is_their_variance() -> None:
    """½ SSE / σ² + KL has the gradient of ½ SSE + σ² KL, but for a factor."""
    assert effective_beta("half mse", recon_weight=1 / 0.3**2) == pytest.approx(0.3**2)


@pytest.mark.parametrize(
    ("name", "beta"),
    [
        ("PyTorch's own example", 1),
        ("Keras's example", 1),
        ("PyTorch-VAE", 0.00025 * 3 * 64 * 64 / 2),
        ("Generative Deep Learning", 32 * 32 / 500),
        ("disentangling-vae, Gaussian", 1 / (2 * 255)),
    ],
)
def test_the_betas_of_known_codes(name: str, beta: float) -> None:
    (recipe,) = (recipe for recipe in RECIPES if recipe.name == name)
    assert recipe.beta == pytest.approx(beta)
    assert recipe.source.startswith("https://")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"likelihood": "mss"}, "no likelihood 'mss'.*did you mean.*'mse'"),
        ({"recon": "sum"}, "no reduction 'sum'"),
        ({"kl": None}, "no reduction 'None'"),
        ({"kl_weight": -1}, "kl_weight of 0 or more"),
        ({"kl_weight": math.nan}, "kl_weight"),
        ({"recon_weight": 0}, "recon_weight above 0"),
        ({"recon_weight": math.inf}, "recon_weight"),
        ({"latent_dim": 0}, "latent_dim of 1 or more"),
        ({"batch_size": 1.5}, "a whole number for batch_size"),
        ({"image_shape": 784}, "image_shape \\(channels, height, width\\)"),
        ({"image_shape": (1, 0, 28)}, "each size of image_shape"),
        ({"image_shape": ()}, "image_shape"),
    ],
)
def test_what_cannot_be_is_a_sentence(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(CourseError, match=says):
        effective_beta(**settings)

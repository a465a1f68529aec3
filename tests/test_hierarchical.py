"""The VAE with two levels: its KLs, the one-level VAE inside it, and an exact likelihood."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from vaecourse.device import seeded
from vaecourse.errors import CourseError
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.training import fit
from vaecourse.vae import VAE, bernoulli_nll, gaussian_kl, negative_elbo, normal_nll
from vaecourse.variants.hierarchical import (
    HierarchicalVAE,
    digit_hierarchy,
    draw,
    kl_between,
    two_level_elbo,
)


@given(batch=st.integers(1, 5), dim=st.integers(1, 5), seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_the_kl_between_two_gaussians_is_torchs(batch: int, dim: int, seed: int) -> None:
    with seeded(seed):
        mu, logvar, prior_mu, prior_logvar = torch.randn(4, batch, dim, dtype=torch.float64)
    q, p = Normal(mu, (logvar / 2).exp()), Normal(prior_mu, (prior_logvar / 2).exp())
    expected = kl_divergence(q, p).sum(dim=1)
    torch.testing.assert_close(kl_between(mu, logvar, prior_mu, prior_logvar), expected)
    assert kl_between(mu, logvar, mu, logvar) == pytest.approx([0] * batch)


class Constant(nn.Module):
    """The same answer to everything."""

    def __init__(self, *values: float):
        super().__init__()
        self.register_buffer("values", torch.tensor(values, dtype=torch.float32))

    def forward(self, given: Tensor) -> Tensor:
        return self.values.expand(len(given), -1)


def small(**parts: nn.Module) -> HierarchicalVAE:
    """Of 1 × 2 × 2 images, z1 of size 3, z2 of size 2."""
    with seeded(0):
        whole: dict[str, nn.Module] = {
            "encoder": MLPEncoder(5, (8,), (1, 2, 2)),
            "top": nn.Linear(5, 4),
            "bottom": nn.Linear(7, 6),
            "prior": nn.Linear(2, 6),
            "decoder": MLPDecoder(3, (8,), (1, 2, 2)),
        }
    return HierarchicalVAE(**(whole | parts), top_dim=2)


def test_both_kls_are_zero_at_their_priors() -> None:
    x = torch.rand(6, 1, 2, 2)
    at_top = small(top=Constant(0, 0, 0, 0))
    assert not two_level_elbo(at_top, x)[1]["kl2"].any()
    assert (two_level_elbo(at_top, x)[1]["kl1"] > 0).all()
    answer = Constant(1, 2, 3, -1, -2, 1)
    at_bottom = small(bottom=answer, prior=answer)
    assert two_level_elbo(at_bottom, x)[1]["kl1"] == pytest.approx([0] * 6)
    assert (two_level_elbo(at_bottom, x)[1]["kl2"] > 0).all()


def test_the_loss_is_the_sum_of_its_weighed_terms() -> None:
    loss, terms = two_level_elbo(small(), torch.rand(6, 1, 2, 2), beta=3, beta_top=5)
    expected = terms["recon_nll"] + 3 * terms["kl1"] + 5 * terms["kl2"]
    torch.testing.assert_close(loss, expected)


def test_with_the_top_level_cut_it_is_the_vae_of_one_level() -> None:
    model = small(top=Constant(0, 0, 0, 0), prior=Constant(*[0.0] * 6))
    model.bottom.weight.data[:, 5:] = 0  # q(z1|x, z2) looks at x alone
    one_level = VAE(nn.Sequential(model.encoder, nn.Linear(5, 6)), model.decoder)
    one_level.encoder[1].weight.data = model.bottom.weight.data[:, :5]
    one_level.encoder[1].bias.data = model.bottom.bias.data
    x = torch.rand(50, 1, 2, 2)
    with seeded(0):
        torch.randn(50, 2)  # z2 is drawn first
        expected, terms = negative_elbo(one_level, x)
    with seeded(0):
        found, both = two_level_elbo(model, x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(both["kl1"], terms["kl"])
    assert not both["kl2"].any()


def test_with_exact_posteriors_of_a_linear_model_the_elbo_is_the_log_likelihood() -> None:
    """z2 ~ N(0, 1), z1 = a z2 + s e, x = b z1 + r e: so x ~ N(0, b²(a² + s²) + r²)."""
    a, s, b, r = 1.5, 0.7, 2.0, 0.5
    of_z1, of_x = a**2 + s**2, b**2 * (a**2 + s**2) + r**2
    # z2 given x, and z1 given x and z2, by the rules of Gaussian conditioning
    gain2, rest2 = a * b / of_x, 1 - (a * b) ** 2 / of_x
    gain1, rest1 = b * s**2 / (b**2 * s**2 + r**2), s**2 * r**2 / (b**2 * s**2 + r**2)
    x = torch.tensor([[0.3], [-4.0], [1.7]], dtype=torch.float64).repeat_interleave(100_000, 0)
    with seeded(0):
        mu2, logvar2 = gain2 * x, torch.full_like(x, math.log(rest2))
        z2 = draw(mu2, logvar2)
        mu1, logvar1 = a * z2 + gain1 * (x - b * a * z2), torch.full_like(x, math.log(rest1))
        z1 = draw(mu1, logvar1)
    images, mean = x[:, :, None, None], (b * z1)[:, :, None, None]
    recon_nll = normal_nll(mean, images, r)

    def elbo(mu1: Tensor, logvar1: Tensor) -> Tensor:
        kl1 = kl_between(mu1, logvar1, a * z2, torch.full_like(x, 2 * math.log(s)))
        return -(recon_nll + kl1 + gaussian_kl(mu2, logvar2)).view(3, -1).mean(dim=1)

    exact = Normal(0, of_x**0.5).log_prob(x[::100_000, 0])
    torch.testing.assert_close(elbo(mu1, logvar1), exact, atol=0.02, rtol=0)
    assert of_z1 > s**2  # the two levels are not one


def test_resampling_the_bottom_level_keeps_the_top_one() -> None:
    model = small(prior=nn.Linear(2, 6))
    model.prior.weight.data[3:], model.prior.bias.data[3:] = 0, -30  # z1 is told by z2
    z2 = torch.tensor([[1.0, -1.0]]).expand(5, 2)
    drawn = model.sample(5, z2)
    torch.testing.assert_close(drawn, drawn[:1].expand_as(drawn))
    assert model.sample(5).std(dim=0).max() > 1e-4


def test_what_the_levels_cannot_be_is_refused() -> None:
    with pytest.raises(CourseError, match="top_dim"):
        HierarchicalVAE(*[nn.Identity()] * 5, top_dim=0)
    with pytest.raises(CourseError, match=r"from `prior` of shape \(batch, 6\)"):
        two_level_elbo(small(prior=nn.Linear(2, 5)), torch.rand(2, 1, 2, 2))
    with pytest.raises(CourseError, match=r"expected z2 of shape \(3, 2\)"):
        small().sample(3, torch.zeros(1, 2))


def test_fit_names_both_kls_and_the_digits_model_learns() -> None:
    with seeded(0):
        model, x = digit_hierarchy(4, 2, 32), (torch.rand(64, 1, 28, 28) > 0.8).float()
    history = fit(model, x, objective=two_level_elbo, num_epochs=5, batch_size=32)
    assert history.train.keys() == {"loss", "recon_nll", "kl1", "kl2"}
    assert history.train["loss"][-1] < history.train["loss"][0]
    mu, logvar = model.encode(x)
    assert mu.shape == logvar.shape == (64, 4)
    logits, *_ = model(x)
    assert bernoulli_nll(logits, x).shape == (64,)

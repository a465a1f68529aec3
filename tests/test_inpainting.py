"""In-painting, where the linear model knows p(z|visible)."""

import math
from typing import Any

import pytest
import torch
from exact import SHAPE, STD, draws, linear_vae, nll
from torch import Tensor

from vaecourse import data, linear, pretrained
from vaecourse.errors import CourseError
from vaecourse.inference import (
    complete,
    complete_by_sampling,
    infer_visible,
    sample_visible,
    visible_nll,
)
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.vae import VAE, bernoulli_nll, normal_nll

MASK = torch.tensor([[True, True, False], [True, False, True]])


def vae(latent_dim: int = 2) -> VAE:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return VAE(MLPEncoder(2 * latent_dim, (8,), SHAPE), MLPDecoder(latent_dim, (16,), SHAPE))


def images(count: int = 5) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(0))


def of_visible(x: Tensor, W: Tensor, b: Tensor, mask: Tensor = MASK) -> tuple[Tensor, Tensor]:
    """The exact p(z|visible): that of a linear model with the visible rows of W alone."""
    seen = mask.flatten()
    return linear.posterior(x.flatten(1)[:, seen], W[seen], b[seen], STD)


@pytest.mark.parametrize(("latent_dim", "tilted"), [(1, False), (2, False), (3, True)])
def test_the_mean_of_the_best_q_is_that_of_the_exact_posterior(
    latent_dim: int, tilted: bool
) -> None:
    model, W, b = linear_vae(latent_dim, tilted=tilted)
    x = draws(W, b, 5)
    mu, logvar = infer_visible(model, x, MASK, num_starts=2, num_steps=200, nll=nll)
    mean, covariance = of_visible(x, W, b)
    torch.testing.assert_close(mu, mean, rtol=0, atol=0.05)
    narrow = -torch.linalg.inv(covariance).diagonal().log()  # of the best diagonal Gaussian
    torch.testing.assert_close(logvar, narrow.expand_as(logvar), rtol=0, atol=0.5)


@pytest.mark.parametrize(("latent_dim", "tilted"), [(1, False), (2, False), (3, True)])
def test_draws_have_the_mean_and_the_covariance_of_the_exact_posterior(
    latent_dim: int, tilted: bool
) -> None:
    model, W, b = linear_vae(latent_dim, tilted=tilted)
    x = draws(W, b, 3)
    z, count = sample_visible(model, x, MASK, 20_000, num_proposals=20_000, nll=nll)
    mean, covariance = of_visible(x, W, b)
    errors = covariance.diagonal().sqrt()
    assert ((z.mean(dim=0) - mean).abs() < 0.08 * errors).all()
    for i in range(len(x)):
        error = (z[:, i].T.cov().view_as(covariance) - covariance).abs()
        assert (error < 0.1 * errors.outer(errors)).all()
    assert (count > 2000).all()


def test_a_wrong_encoder_changes_no_draw_s_distribution() -> None:
    model, W, b = linear_vae(2, move_mu=2.0, move_logvar=2.0)
    x = draws(W, b, 3)
    z, _ = sample_visible(model, x, MASK, 20_000, num_proposals=20_000, nll=nll)
    mean, covariance = of_visible(x, W, b)
    torch.testing.assert_close(z.mean(dim=0), mean, rtol=0, atol=0.02)
    variance = covariance.diagonal().expand_as(mean)
    torch.testing.assert_close(z.var(dim=0), variance, rtol=0.08, atol=0)


def test_two_places_that_explain_the_visible_alike_are_both_drawn() -> None:
    """Pixels that say |z| alone: half the draws lie on each side of zero."""

    class Even(MLPDecoder):
        def forward(self, z: Tensor) -> Tensor:
            return (4 * z.square() - 8).expand(-1, 6).reshape(-1, *SHAPE)

    model = VAE(MLPEncoder(2, (8,), SHAPE), Even(1, (), SHAPE))
    z, _ = sample_visible(model, torch.ones(4, *SHAPE), MASK, 2000, 8, num_proposals=2000)
    share = (z[..., 0] > 0).float().mean(dim=0)
    assert ((share > 0.25) & (share < 0.75)).all()


def test_what_lies_under_the_hole_changes_nothing() -> None:
    model, x = vae(), images()
    other = torch.where(MASK, x, 1 - x)
    filled = [complete(model, each, MASK, num_steps=5)[..., ~MASK] for each in (x, other)]
    assert torch.equal(*filled)
    first, second = (sample_visible(model, each, MASK, num_steps=5)[0] for each in (x, other))
    assert torch.equal(first, second)


def test_visible_pixels_stay_as_they_are_and_the_hole_gets_pixels() -> None:
    model, x = vae(), images()
    for filled in (complete(model, x, MASK), *complete_by_sampling(model, x, MASK, 3, num_steps=5)):
        assert torch.equal(filled[..., MASK], x[..., MASK])
        hole = filled[..., ~MASK]
        assert ((hole > 0) & (hole < 1)).all()
        assert not torch.equal(hole, x[..., ~MASK])


def test_the_draws_differ_from_one_another() -> None:
    assert complete_by_sampling(vae(), images(), MASK, 4)[..., ~MASK].std(dim=0).min() > 0


@pytest.mark.parametrize("likelihood", [bernoulli_nll, nll])
def test_without_a_hole_the_likelihood_is_the_whole_one(likelihood: Any) -> None:
    x, logits = images(), 3 * images(5) - 1
    everything = torch.ones_like(x, dtype=torch.bool)
    torch.testing.assert_close(visible_nll(everything, likelihood)(logits, x),
                               likelihood(logits, x))  # fmt: skip


def test_the_visible_and_the_hidden_part_add_up_to_the_whole() -> None:
    x, logits = images(), 3 * images(5) - 1
    mask = images() > 0.5
    parts = visible_nll(mask)(logits, x) + visible_nll(~mask)(logits, x)
    torch.testing.assert_close(parts, bernoulli_nll(logits, x))


def test_each_image_has_its_own_mask_or_all_have_one() -> None:
    model, x = vae(), images(70)  # more than are completed at once
    one = complete(model, x, MASK, num_steps=5)
    for mask in (MASK[None], MASK.expand(70, *SHAPE)):
        assert torch.equal(complete(model, x, mask, num_steps=5), one)
    mask = MASK.expand(70, *SHAPE).clone()
    mask[69] = ~MASK
    other = complete(model, x, mask, num_steps=5)
    assert torch.equal(other[:64], one[:64])
    assert torch.equal(other[69][..., ~MASK], x[69][..., ~MASK])


def test_a_wider_search_never_finds_a_lower_hill() -> None:
    model, W, b = linear_vae(2, move_mu=3.0)
    x = draws(W, b, 6)
    (mean, _), seen = of_visible(x, W, b), visible_nll(MASK.expand(6, *SHAPE), nll)
    near = [
        (infer_visible(model, x, MASK, count, 20, nll)[0] - mean).norm(dim=1).mean()
        for count in (1, 8)
    ]
    assert near[1] <= near[0] + 1e-3
    assert seen(model.decode(mean), x).isfinite().all()


def test_the_model_and_the_random_state_are_left_alone() -> None:
    model, x = vae().train(), images()
    state = torch.get_rng_state()
    assert not complete_by_sampling(model, x, MASK, num_steps=3).requires_grad
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in model.parameters())


def test_a_trained_model_fills_a_hole_better_than_black_and_than_its_encoder() -> None:
    model = pretrained.load("mnist-mlp-10d")
    x = data.load("digits", "test").x[:30]
    mask = torch.ones(28, 28, dtype=torch.bool)
    mask[10:20, 10:20] = False
    holed = torch.where(mask, x, 0)
    naive = torch.where(mask, x, model.reconstruct(holed).detach())
    ours = complete(model, x, mask, num_starts=2, num_steps=40)
    errors = [(each - x).square().mean().item() for each in (ours, naive, holed)]
    assert errors[0] < 0.8 * min(errors[1:])


def test_a_hole_that_covers_a_whole_image_is_refused() -> None:
    with pytest.raises(CourseError, match=r"covers all of x\[0\]; try a smaller hole"):
        complete(vae(), images(), torch.zeros(SHAPE, dtype=torch.bool))
    mask = torch.ones(5, *SHAPE, dtype=torch.bool)
    mask[3] = False
    with pytest.raises(CourseError, match=r"covers all of x\[3\]"):
        sample_visible(vae(), images(), mask)


@pytest.mark.parametrize(
    "mask",
    [
        torch.ones(SHAPE),
        torch.ones(3, 2, dtype=torch.bool),
        torch.ones(4, *SHAPE, dtype=torch.bool),
        torch.tensor(True),
        "left half",
        None,
    ],
)
def test_a_mask_that_is_none_is_refused(mask: Any) -> None:
    with pytest.raises(CourseError, match=r"expected a mask of bools.*got .*; try"):
        complete(vae(), images(), mask)


def test_settings_and_models_that_are_none_are_refused() -> None:
    x = images()
    for wrong in ({"num_starts": 0}, {"num_steps": 0.5}, {"seed": -1}):
        with pytest.raises(CourseError, match=next(iter(wrong))):
            complete(vae(), x, MASK, **wrong)
    with pytest.raises(CourseError, match="num_draws"):
        sample_visible(vae(), x, MASK, 0)
    with pytest.raises(CourseError, match="expected a VAE"):
        complete(Autoencoder(MLPEncoder(2, (8,), SHAPE), MLPDecoder(2, (8,), SHAPE)), x, MASK)
    with pytest.raises(CourseError, match="divide by 255"):
        complete(vae(), 255 * x, MASK)


def test_pixels_outside_0_1_are_welcome_to_a_likelihood_that_takes_them() -> None:
    x = 3 * images() - 1
    assert math.isfinite(infer_visible(vae(), x, MASK, nll=normal_nll)[0].sum().item())

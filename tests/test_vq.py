"""The VQ-VAE: its codebook, the gradient that passes it, its use, and the prior over codes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vaecourse.device import seeded
from vaecourse.errors import CourseError
from vaecourse.training import fit
from vaecourse.vae import bernoulli_nll
from vaecourse.variants.vq import (
    VQVAE,
    CodeLoss,
    CodePrior,
    digit_vqvae,
    nearest,
    perplexity,
    straight_through,
    vq_loss,
)


@given(
    batch=st.integers(1, 4), size=st.integers(1, 5), entries=st.integers(1, 40), seed=st.integers(0)
)
@settings(max_examples=30, deadline=None)
def test_the_nearest_entry_is_the_nearest_by_brute_force(
    batch: int, size: int, entries: int, seed: int
) -> None:
    with seeded(seed % 2**63):
        z, codebook = torch.randn(batch, size, 2, 3), torch.randn(entries, size)
    index = nearest(z, codebook)
    assert index.shape == (batch, 2, 3)
    for b in range(batch):
        for r in range(2):
            for c in range(3):
                distances = [(z[b, :, r, c] - entry).square().sum() for entry in codebook]
                assert distances[int(index[b, r, c])] <= min(distances) + 1e-4


def small(patience: int = 0) -> VQVAE:
    """Of 1 × 4 × 4 images, on 2 × 2 places."""
    with seeded(0):
        encoder = nn.Conv2d(1, 3, 2, stride=2)
        decoder = nn.ConvTranspose2d(3, 1, 2, stride=2)
        return VQVAE(encoder, decoder, num_entries=8, code_dim=3, patience=patience)


def test_quantising_codebook_entries_gives_them_back() -> None:
    model, index = small(), torch.arange(8).view(2, 2, 2)
    entries = model.entries(index)
    assert torch.equal(entries[1, :, 0, 1], model.codebook[5])
    assert torch.equal(nearest(entries, model.codebook), index)


def test_the_gradient_through_the_quantiser_is_the_identitys() -> None:
    z, entry = torch.randn(2, 3, 2, 2, requires_grad=True), torch.randn(2, 3, 2, 2)
    weights = torch.randn(2, 3, 2, 2)
    quantised = straight_through(z, entry)
    torch.testing.assert_close(quantised, entry)
    (quantised.square() * weights).sum().backward()
    torch.testing.assert_close(z.grad, 2 * entry * weights)


def test_perplexity_counts_equally_used_entries_and_is_one_where_one_is_used() -> None:
    assert perplexity(torch.arange(64).view(4, 4, 4), 64).item() == pytest.approx(64)
    assert perplexity(torch.full((2, 3, 3), 5), 64).item() == 1
    some = torch.tensor([[[0, 0, 1, 2]]])  # shares ½, ¼, ¼: entropy 1.5 log 2
    assert perplexity(some, 9).item() == pytest.approx(2**1.5)


def test_each_side_of_the_distance_moves_what_its_name_says() -> None:
    model, x = small(), torch.rand(5, 1, 4, 4)
    loss, terms = vq_loss(model, x, beta=0.5)
    torch.testing.assert_close(terms["codebook"], terms["commitment"])
    total = terms["recon_nll"] + 1.5 * terms["codebook"]
    torch.testing.assert_close(loss, total)
    weight, codebook = model.encoder.weight, model.codebook
    for name, moved, still in (
        ("codebook", codebook, weight),
        ("commitment", weight, codebook),
        ("recon_nll", weight, codebook),
    ):
        gradients = torch.autograd.grad(
            terms[name].sum(), (moved, still), retain_graph=True, allow_unused=True
        )
        assert gradients[0].abs().max() > 0
        assert gradients[1] is None or not gradients[1].any()


def test_an_entry_in_use_learns_the_mean_of_its_vectors() -> None:
    model, x = small(), torch.rand(50, 1, 4, 4)
    with torch.no_grad():
        z, index = model.encoder(x), model.encode(x)
        chosen = int(index.flatten().mode().values)
        mean = z.movedim(1, -1)[index == chosen].mean(dim=0)
        model.codebook[chosen] = mean
    _, terms = vq_loss(model, x)
    (gradient,) = torch.autograd.grad(terms["codebook"].sum(), model.codebook)
    at = model.encode(x) == chosen
    apart = model.codebook[chosen] - model.encoder(x).movedim(1, -1)[at].mean(dim=0)
    torch.testing.assert_close(gradient[chosen], 2 * at.sum() * apart, atol=1e-3, rtol=1e-3)


def test_fit_records_the_use_of_the_codebook_and_revival_widens_it() -> None:
    with seeded(0):
        x = torch.rand(128, 1, 4, 4)
    used = {}
    for patience in (0, 2):
        model = small(patience)
        model.codebook.data += 10  # far from all vectors
        history = fit(model, x, x, objective=vq_loss, num_epochs=5, batch_size=32)
        used[patience] = history.validation["perplexity"]
    assert used[0][-1] < 2
    assert used[2][0] < 2
    assert used[2][-1] > 3


def test_an_entry_is_revived_on_a_vector_of_the_batch_and_only_in_training() -> None:
    model, x = small(patience=1), torch.rand(20, 1, 4, 4)
    model.codebook.data[0] = model.encoder(x).detach().movedim(1, -1).flatten(0, -2).mean(dim=0)
    model.codebook.data[1:] = 1e3
    before = model.codebook.detach().clone()
    model.eval()
    for _ in range(5):
        model(x)
    assert torch.equal(model.codebook, before)
    model.train()
    for _ in range(2):
        model(x)
    vectors = model.encoder(x).detach().movedim(1, -1).flatten(0, -2)
    assert torch.cdist(model.codebook[1:], vectors).min(dim=1).values.max() < 1e-3
    torch.testing.assert_close(model.codebook[0], before[0])


def test_digits_become_seven_by_seven_codes_and_logits_of_their_shape() -> None:
    model, x = digit_vqvae(), torch.rand(3, 1, 28, 28)
    assert model.encode(x).shape == (3, 7, 7)
    logits, *_ = model(x)
    assert logits.shape == x.shape
    torch.testing.assert_close(model.reconstruct(x), logits.sigmoid())
    torch.testing.assert_close(vq_loss(model, x)[1]["recon_nll"], bernoulli_nll(logits, x))


def test_what_is_no_map_of_numbers_is_refused() -> None:
    for wrong in (torch.zeros(2, 7, 7), torch.zeros(2, 49, dtype=torch.int64), "codes"):
        with pytest.raises(CourseError, match=r"model\.encode"):
            digit_vqvae().decode(wrong)
    with pytest.raises(CourseError, match="num_entries"):
        digit_vqvae(num_entries=0)
    with pytest.raises(CourseError, match="entries' size"):
        nearest(torch.zeros(1, 5, 2, 2), torch.zeros(4, 3))


# -- the prior over codes ------------------------------------------------------------------------


def test_the_prior_sums_to_one_over_all_maps() -> None:
    with seeded(0):
        prior = CodePrior(num_entries=3, size=(2, 2), hidden=8)
    prior.out.weight.data *= 5
    maps = torch.cartesian_prod(*[torch.arange(3)] * 4).view(-1, 2, 2)
    nll = prior.nll(maps)
    assert nll.std() > 0.1
    assert (-nll).exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_a_place_is_guessed_from_those_before_it_alone() -> None:
    prior, index = CodePrior(5, (2, 3), 8), torch.randint(5, (1, 2, 3))
    logits = prior(index)
    for place in range(6):
        changed = index.clone().flatten(1)
        changed[0, place:] = (changed[0, place:] + 1) % 5
        again = prior(changed.view(1, 2, 3))
        torch.testing.assert_close(again[0, : place + 1], logits[0, : place + 1])
        assert place == 5 or not torch.allclose(again[0, place + 1], logits[0, place + 1])


def test_maps_are_drawn_as_often_as_the_prior_says() -> None:
    with seeded(1):
        prior = CodePrior(2, (1, 2), 8)
        prior.out.weight.data *= 5
        drawn = prior.sample(20_000)
    for index in ([0, 0], [0, 1], [1, 0], [1, 1]):
        expected = math.exp(-prior.nll(torch.tensor([[index]])).item())
        found = (drawn.view(-1, 2) == torch.tensor(index)).all(dim=1).double().mean().item()
        assert found == pytest.approx(expected, abs=0.015)


def test_the_prior_learns_the_codes_and_leaves_the_vqvae_alone() -> None:
    with seeded(0):
        x, model, prior = torch.rand(64, 1, 4, 4), small(), CodePrior(8, (2, 2), 8)
    before = [weight.clone() for weight in model.parameters()]
    history = fit(prior, x, x, objective=CodeLoss(model), num_epochs=20, batch_size=32, lr=1e-2)
    nll = history.validation["code_nll"]
    assert nll[0] == pytest.approx(4 * math.log(8), abs=1)
    assert nll[-1] < 0.8 * nll[0]
    assert all(map(torch.equal, before, model.parameters()))

"""A conditional VAE: what it is where the label says nothing, and what the label may not do."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.training import evaluate, fit
from vaecourse.vae import VAE, negative_elbo
from vaecourse.variants.conditional import ConditionalVAE, conditional_elbo, labelled

SHAPE = (1, 2, 3)


def images(count: int = 8) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(0))


def conditional(num_classes: int = 3, latent_dim: int = 2) -> ConditionalVAE:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        encoder = MLPEncoder(2 * latent_dim, (8,), (1, 1, 6 + num_classes))
        return ConditionalVAE(encoder, MLPDecoder(latent_dim + num_classes, (8,), SHAPE),
                              num_classes)  # fmt: skip


def first(part: nn.Module) -> nn.Linear:
    return next(layer for layer in part.modules() if isinstance(layer, nn.Linear))


@torch.no_grad()
def without_label(model: ConditionalVAE, y: int | None = None) -> VAE:
    """A plain VAE of its weights: the label's are dropped, or those of class y made a bias."""
    latent_dim = model.latent_dim
    plain = VAE(MLPEncoder(2 * latent_dim, (8,), SHAPE), MLPDecoder(latent_dim, (8,), SHAPE))
    for ours, theirs, told in (
        (model.encoder, plain.encoder, 6),
        (model.decoder, plain.decoder, latent_dim),
    ):
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            other.copy_(mine[:, :told] if mine.shape != other.shape else mine)
        if y is not None:
            first(theirs).bias += first(ours).weight[:, told + y]
    return plain


@pytest.mark.parametrize("y", [0, 1, 2])
def test_for_one_class_it_is_a_vae_of_its_own(y: int) -> None:
    model, x = conditional(), images()
    labels = torch.full((len(x),), y)
    ours = evaluate(model, labelled(x, labels), conditional_elbo)
    theirs = evaluate(without_label(model, y), x, negative_elbo)
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_with_the_label_ignored_it_is_the_plain_vae_whatever_the_label() -> None:
    model, x = conditional(), images()
    with torch.no_grad():
        first(model.encoder).weight[:, 6:] = 0
        first(model.decoder).weight[:, 2:] = 0
    theirs = evaluate(without_label(model), x, negative_elbo)
    for labels in (torch.zeros(8).long(), torch.arange(8) % 3):
        assert evaluate(model, labelled(x, labels), conditional_elbo) == pytest.approx(
            theirs, rel=1e-5
        )


def test_with_one_class_the_elbo_is_that_of_a_vae() -> None:
    model, x = conditional(num_classes=1), images()
    ours = evaluate(model, labelled(x, torch.zeros(8).long()), conditional_elbo)
    assert ours == pytest.approx(evaluate(without_label(model, 0), x), rel=1e-5)


def test_the_kl_is_zero_where_the_encoder_answers_with_the_prior() -> None:
    model = conditional()
    with torch.no_grad():
        for weight in model.encoder.layers[-1].parameters():
            weight.zero_()
    loss, terms = conditional_elbo(model, labelled(images(), torch.arange(8) % 3))
    assert terms["kl"].abs().max() == 0
    assert torch.equal(loss, terms["recon_nll"])


def test_the_loss_is_the_sum_of_its_terms_one_number_an_image() -> None:
    loss, terms = conditional_elbo(conditional(), labelled(images(), torch.arange(8) % 3))
    assert loss.shape == (8,)
    torch.testing.assert_close(loss, terms["recon_nll"] + terms["kl"])
    assert (terms["kl"] >= 0).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=9), st.integers(1, 3))
def test_a_label_travels_with_its_picture_and_comes_out_as_it_was(
    y: list[int], channels: int
) -> None:
    seen = []

    class Spy(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            seen.extend([x, y])
            return torch.zeros_like(x), torch.zeros(len(x), 2), torch.zeros(len(x), 2)

    x = torch.rand(len(y), channels, 2, 3)
    carried = labelled(x, torch.tensor(y))
    assert carried.shape == (len(y), channels + 1, 2, 3)
    conditional_elbo(Spy(), carried)
    assert torch.equal(seen[0], x)
    assert seen[1].tolist() == y


def test_fit_teaches_it_what_the_label_says() -> None:
    """Two classes, white and black: told which, it draws it."""
    y = torch.arange(200) % 2
    x = y.float()[:, None, None, None].expand(-1, *SHAPE).contiguous()
    model = conditional(num_classes=2)
    history = fit(model, labelled(x, y), objective=conditional_elbo, num_epochs=30, lr=0.02)
    assert history.train["kl"][-1] < 0.1  # the code has nothing left to say
    with torch.no_grad():
        drawn = model.sample(torch.tensor([0, 1, 1]))
        rewritten = model.rewrite(x[:2], y[:2], 1 - y[:2])
    assert drawn.flatten(1).mean(dim=1).round().tolist() == [0, 1, 1]
    assert rewritten.flatten(1).mean(dim=1).round().tolist() == [1, 0]


def test_the_same_style_and_label_give_the_reconstruction() -> None:
    model, x, y = conditional(), images(), torch.arange(8) % 3
    mu, _ = model.encode(x, y)
    torch.testing.assert_close(model.rewrite(x, y, y), model.decode(mu, y).sigmoid())


@pytest.mark.parametrize(
    "y",
    [torch.zeros(8), torch.zeros(7).long(), torch.full((8,), 3), -torch.ones(8).long(), 7, None],
)
def test_labels_that_are_none_are_refused(y: Any) -> None:
    with pytest.raises(CourseError, match=r"expected .*label.*got .*; try"):
        conditional().encode(images(), y)


@pytest.mark.parametrize("y", [torch.zeros(8), torch.zeros(7).long(), torch.full((8,), 256), 7])
def test_labels_that_cannot_travel_are_refused(y: Any) -> None:
    with pytest.raises(CourseError, match=r"from 0 to 255 as label.*got .*; try"):
        labelled(images(), y)


def test_networks_without_room_for_the_label_are_refused() -> None:
    with pytest.raises(CourseError, match=r"try MLPDecoder\(latent_dim \+ 3\)"):
        ConditionalVAE(MLPEncoder(4), MLPDecoder(3), 3)
    with pytest.raises(CourseError, match="num_classes"):
        ConditionalVAE(MLPEncoder(4), MLPDecoder(3), 0)
    with pytest.raises(CourseError, match="code_dim=4"):
        ConditionalVAE(MLPEncoder(2, (8,), (1, 1, 9)), MLPDecoder(5, (8,), SHAPE), 3).encode(
            images(), torch.zeros(8).long()
        )

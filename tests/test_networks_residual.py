"""Residual networks: sizes there and back, blocks that start as nothing, and plain layers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vaecourse.errors import CourseError
from vaecourse.explorer.weights import packed
from vaecourse.networks import ResidualBlock, ResidualDecoder, ResidualEncoder
from vaecourse.vae import VAE

widths = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)


@settings(max_examples=25, deadline=None)
@given(widths, st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 3]), st.integers(1, 5))
def test_any_size_that_can_be_halved_comes_back(
    widths: tuple[int, ...], rows: int, columns: int, channels: int, latent_dim: int
) -> None:
    part = 2 ** len(widths)
    shape = (channels, part * rows, part * columns)
    encoder = ResidualEncoder(2 * latent_dim, shape, widths)
    model = VAE(encoder, ResidualDecoder(latent_dim, shape, widths))
    logits, mu, logvar = model(torch.rand(2, *shape))
    assert logits.shape == (2, *shape)
    assert mu.shape == logvar.shape == (2, latent_dim)


def test_without_being_told_they_are_for_colour_pictures_of_64_with_256_latents() -> None:
    with torch.device("meta"):
        model = VAE(ResidualEncoder(512), ResidualDecoder())
        logits, mu, _ = model(torch.empty(1, 3, 64, 64))
    assert logits.shape == (1, 3, 64, 64)
    assert mu.shape == (1, 256)


def test_a_new_block_gives_back_what_is_not_below_zero() -> None:
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(ResidualBlock(4)(x), x.relu())


def test_a_block_adds_its_convolutions_to_x() -> None:
    block, x = trained_block(4), torch.rand(2, 4, 6, 6)
    by_hand = (x + block.second(torch.relu(block.first(x)))).relu()
    torch.testing.assert_close(block(x), by_hand)
    assert not torch.allclose(block(x), x)


def test_the_gradient_passes_a_block_even_where_its_convolutions_are_silent() -> None:
    """Their own gradient is 0 through a ReLU that is shut; that of the sum is 1."""
    block, x = ResidualBlock(3), torch.rand(1, 3, 4, 4).add(0.1).requires_grad_()
    nn.init.constant_(block.first.bias, -100.0)
    block(x).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_a_block_is_two_plain_convolutions_twice_as_wide() -> None:
    block, x = trained_block(5), torch.rand(3, 5, 8, 8)
    plain = block.plain_layers()
    assert {type(layer) for layer in plain} == {nn.Conv2d, nn.ReLU}
    torch.testing.assert_close(plain(x), block(x))


def trained_block(width: int) -> ResidualBlock:
    torch.manual_seed(0)
    block = ResidualBlock(width)
    nn.init.normal_(block.second.weight, std=0.2)
    nn.init.normal_(block.second.bias, std=0.2)
    return block


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"shape": (3, 60, 64)}, r"divided by 16, for 4 widths, got 60 × 64; try .* 48 × 64"),
        ({"shape": (3, 64)}, "expected shape as .channels, height, width."),
        ({"widths": ()}, "expected one width or more, got none"),
        ({"widths": 32}, "expected widths as a tuple, got 32"),
        ({"widths": (8, 0)}, "expected widths of 1 or more, got 0"),
        ({"widths": (8, 2.5)}, "a whole number for widths, got 2.5"),
    ],
)
def test_sizes_that_no_network_can_have_are_refused(settings: dict, said: str) -> None:
    for network in (ResidualEncoder, ResidualDecoder):
        with pytest.raises(CourseError, match=said):
            network(4, **settings)


def test_grey_pictures_given_to_a_colour_model_are_told_how_to_become_colour() -> None:
    encoder, grey = ResidualEncoder(4, (3, 8, 8), (2, 2)), torch.rand(5, 1, 8, 8)
    with pytest.raises(CourseError, match=r"got \(5, 1, 8, 8\); try x.expand\(-1, 3, -1, -1\)"):
        encoder(grey)
    assert encoder(grey.expand(-1, 3, -1, -1)).shape == (5, 4)
    with pytest.raises(CourseError, match=r"\(batch, 3, 8, 8\), got \(5, 3, 9, 8\)"):
        encoder(torch.rand(5, 3, 9, 8))


def test_the_page_computes_a_residual_decoder_from_layers_that_it_knows() -> None:
    torch.manual_seed(0)
    decoder, z = ResidualDecoder(6, (3, 16, 16), (8, 12)), torch.randn(20, 6)
    for block in decoder.modules():
        if isinstance(block, ResidualBlock):
            nn.init.normal_(block.second.weight, std=0.05)
    kinds = {layer["kind"] for layer in packed(decoder, z)["layers"]}
    assert kinds == {"dense", "leaky", "convolution", "transposed"}

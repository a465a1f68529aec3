"""Encoders and decoders of strided convolutions: what they take, give and refuse."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vaecourse.errors import CourseError
from vaecourse.networks import PictureDecoder, PictureEncoder, build
from vaecourse.vae import VAE

few = settings(max_examples=15, deadline=None)
widths_ = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
sides = st.integers(1, 3)


@few
@given(st.integers(1, 5), st.integers(1, 4), widths_, st.integers(1, 3), sides, sides)
def test_pictures_become_codes_and_codes_pictures(
    dim: int, batch: int, widths: tuple[int, ...], channels: int, height: int, width: int
) -> None:
    shape = (channels, height * 2 ** len(widths), width * 2 ** len(widths))
    encoder, decoder = PictureEncoder(dim, shape, widths), PictureDecoder(dim, shape, widths)
    code = encoder(torch.rand(batch, *shape))
    assert code.shape == (batch, dim)
    assert decoder(code).shape == (batch, *shape)
    assert decoder.latent_dim == dim


def test_a_vae_of_grey_faces_gives_faces_back() -> None:
    model = VAE(PictureEncoder(64), PictureDecoder(32))
    x = torch.rand(2, 1, 64, 64)
    logits, mu, logvar = model(x)
    assert mu.shape == logvar.shape == (2, 32)
    assert logits.shape == model.reconstruct(x).shape == model.sample(2).shape == x.shape


def test_the_decoder_is_small_enough_for_a_page() -> None:
    count = sum(weight.numel() for weight in PictureDecoder(32).parameters())
    sizes = ((128, 64), (64, 64), (64, 32), (32, 1))
    assert count == 33 * 128 * 4 * 4 + sum((16 * n_in + 1) * n_out for n_in, n_out in sizes)
    assert count < 350_000


def test_every_inner_pixel_is_covered_equally_often() -> None:
    """No chequerboard: of equal weights and values the decoder draws a flat picture inside."""
    decoder = PictureDecoder(1, shape=(1, 32, 32), widths=(3, 3))
    for weight in decoder.parameters():
        nn.init.constant_(weight, 0.5)
    drawn = decoder(torch.ones(1, 1))[0, 0].detach()
    inner = drawn[4:-4, 4:-4]
    assert torch.allclose(inner, inner[0, 0].expand_as(inner))


@pytest.mark.parametrize("network", [PictureEncoder, PictureDecoder])
def test_sides_that_cannot_be_halved_so_often_are_refused(network: type) -> None:
    with pytest.raises(CourseError, match="multiples of 16, got 28 × 28"):
        network(2, (1, 28, 28))
    with pytest.raises(CourseError, match="one width or more"):
        network(2, widths=())
    with pytest.raises(CourseError, match="widths"):
        network(2, widths=(8, 0))
    with pytest.raises(CourseError, match="latent_dim"):
        network(0)


def test_a_colour_network_refuses_grey_pictures() -> None:
    with pytest.raises(CourseError, match=r"expected images of shape \(batch, 3, 64, 64\)"):
        PictureEncoder(4, (3, 64, 64))(torch.rand(2, 1, 64, 64))
    with pytest.raises(CourseError, match="codes z"):
        PictureDecoder(4)(torch.rand(2, 5))


@pytest.mark.parametrize(("network", "channels"), [("grey-faces", 1), ("colour-faces", 3)])
def test_faces_have_vaes_and_judges_by_name(network: str, channels: int) -> None:
    x = torch.rand(2, channels, 64, 64)
    assert build(network, 5).encode(x)[0].shape == (2, 5)
    assert build(network, 5).reconstruct(x).shape == x.shape
    assert build(network.replace("faces", "judge"), 3)(x).shape == (2, 3)

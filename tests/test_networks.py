"""The shapes of the networks, and what lies between their ends."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.networks import (
    NETWORKS,
    Autoencoder,
    ConvDecoder,
    ConvEncoder,
    MLPDecoder,
    MLPEncoder,
    Shape,
    build,
    glorot_init,
)
from vaecourse.vae import VAE

few = settings(max_examples=15, deadline=None)
dims = st.integers(1, 9)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8))
hiddens = st.lists(st.integers(1, 20), max_size=3).map(tuple)


def num_parameters(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


@few
@given(dims, dims, hiddens, shapes)
def test_mlps_map_images_to_codes_and_codes_to_images(
    dim: int, batch: int, hidden: tuple[int, ...], shape: Shape
) -> None:
    encoder, decoder = MLPEncoder(dim, hidden, shape), MLPDecoder(dim, hidden, shape)
    code = encoder(torch.rand(batch, *shape))
    assert code.shape == (batch, dim)
    assert decoder(code).shape == (batch, *shape)
    assert decoder.latent_dim == dim


@few
@given(dims, dims)
def test_convolutions_map_digits_to_codes_and_codes_to_digits(dim: int, batch: int) -> None:
    decoder = ConvDecoder(dim)
    code = ConvEncoder(dim)(torch.rand(batch, 1, 28, 28))
    assert code.shape == (batch, dim)
    assert decoder(code).shape == (batch, 1, 28, 28)
    assert decoder.latent_dim == dim


@few
@given(dims, dims, hiddens, shapes)
def test_a_vae_of_mlps_halves_the_code_and_gives_images_back(
    latent_dim: int, batch: int, hidden: tuple[int, ...], shape: Shape
) -> None:
    model = VAE(MLPEncoder(2 * latent_dim, hidden, shape), MLPDecoder(latent_dim, hidden, shape))
    x = torch.rand(batch, *shape)
    logits, mu, logvar = model(x)
    assert mu.shape == logvar.shape == (batch, latent_dim)
    assert logits.shape == model.reconstruct(x).shape == model.sample(batch).shape == x.shape


@few
@given(dims, hiddens, shapes)
def test_an_mlp_has_a_weight_for_every_pair_of_neighbours_and_a_bias_for_every_unit(
    dim: int, hidden: tuple[int, ...], shape: Shape
) -> None:
    pixels = math.prod(shape)
    up, down = [pixels, *hidden, dim], [dim, *hidden, pixels]
    expected_up, expected_down = (
        sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes)) for sizes in (up, down)
    )
    assert num_parameters(MLPEncoder(dim, hidden, shape)) == expected_up
    assert num_parameters(MLPDecoder(dim, hidden, shape)) == expected_down


def test_the_default_mlp_is_that_of_two_hidden_layers_of_256_on_digits() -> None:
    assert num_parameters(MLPEncoder(4)) == 785 * 256 + 257 * 256 + 257 * 4
    assert num_parameters(MLPDecoder(2)) == 3 * 256 + 257 * 256 + 257 * 784


@pytest.mark.parametrize(
    "make",
    [
        lambda: MLPEncoder(0),
        lambda: ConvEncoder(0),
        lambda: MLPDecoder(0),
        lambda: ConvDecoder(0),
        lambda: MLPDecoder(-3),
    ],
)
def test_a_latent_space_of_no_dimension_is_refused_and_latent_dim_named(make: type) -> None:
    with pytest.raises(CourseError, match=r"of 1 or more, got (0|-3); try latent_dim=2"):
        make()


def conv_outputs(model: nn.Module, x: Tensor) -> list[tuple[int, ...]]:
    """The shape (channels, height, width) that comes out of each convolution."""
    seen: list[tuple[int, ...]] = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:])))
    model(x)
    return seen


def test_the_convolutional_encoder_halves_28_to_14_to_7() -> None:
    shapes = conv_outputs(ConvEncoder(4), torch.rand(2, 1, 28, 28))
    assert shapes == [(32, 14, 14), (64, 7, 7)]


def test_the_convolutional_decoder_doubles_7_to_14_to_28() -> None:
    shapes = conv_outputs(ConvDecoder(2), torch.randn(2, 2))
    assert shapes == [(64, 14, 14), (32, 28, 28), (1, 28, 28)]


def test_the_convolutional_pair_has_the_parameters_of_its_description() -> None:
    kernels = 9 * (1 * 32) + 32, 9 * (32 * 64) + 64
    assert num_parameters(ConvEncoder(4)) == sum(kernels) + (64 * 49 + 1) * 16 + 17 * 4
    kernels_back = 9 * (64 * 64) + 64, 9 * (64 * 32) + 32, 9 * (32 * 1) + 1
    assert num_parameters(ConvDecoder(2)) == 3 * (64 * 49) + sum(kernels_back)


@pytest.mark.parametrize(("network", "count"), [(ConvEncoder, 3), (ConvDecoder, 3)])
def test_the_activation_asked_for_stands_in_every_place(network: type, count: int) -> None:
    kinds = [type(layer) for layer in network(2, activation=nn.LeakyReLU).modules()]
    assert kinds.count(nn.LeakyReLU) == count
    assert nn.ReLU not in kinds


@pytest.mark.parametrize("network", [MLPEncoder, MLPDecoder, ConvEncoder, ConvDecoder])
def test_a_network_is_not_linear_and_its_output_is_not_bounded(network: type) -> None:
    """A ReLU between layers, none after the last: codes and logits take both signs, any size."""
    torch.manual_seed(0)
    model = network(3)
    inputs = torch.randn(200, 3) if hasattr(model, "latent_dim") else torch.randn(200, 1, 28, 28)
    zero = model(torch.zeros_like(inputs[:1]))
    assert not torch.allclose(model(inputs) + model(-inputs), 2 * zero, atol=1e-3)
    far = model(1e4 * inputs)
    assert far.min() < -1
    assert far.max() > 1


def test_an_mlp_without_hidden_layers_is_affine() -> None:
    encoder, x = MLPEncoder(3, ()), torch.randn(5, 1, 28, 28)
    zero = encoder(torch.zeros_like(x))
    torch.testing.assert_close(encoder(2 * x), 2 * encoder(x) - zero)


def test_an_autoencoder_draws_nothing_and_gives_the_same_image_twice() -> None:
    model, x = Autoencoder(ConvEncoder(2), ConvDecoder(2)), torch.rand(3, 1, 28, 28)
    before = torch.get_rng_state()
    first, second = model.reconstruct(x), model.reconstruct(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, second)


def test_an_autoencoder_decodes_its_code_and_reconstructs_in_0_to_1() -> None:
    model, x = Autoencoder(MLPEncoder(2, (8,)), MLPDecoder(2, (8,))), torch.rand(3, 1, 28, 28)
    assert model.encode(x).shape == (3, 2)
    assert torch.equal(model(x), model.decode(model.encode(x)))
    assert torch.equal(model.reconstruct(x), model(x).sigmoid())
    assert model(x).min() < 0  # logits, which the sigmoid has still to bring into [0, 1]


@pytest.mark.parametrize("encoder", [ConvEncoder(4), MLPEncoder(4)])
def test_an_encoder_says_what_size_of_images_it_takes(encoder: nn.Module) -> None:
    with pytest.raises(CourseError, match=r"\(batch, 1, 28, 28\), got \(2, 3, 64, 64\); try"):
        encoder(torch.zeros(2, 3, 64, 64))


def test_the_third_convolution_goes_down_to_four_by_four_and_back_to_the_image() -> None:
    encoder, decoder = ConvEncoder(4, num_convs=3), ConvDecoder(2, num_convs=3)
    x = torch.rand(2, 1, 28, 28)
    assert encoder.layers[:6](x).shape == (2, 128, 4, 4)
    assert decoder(torch.randn(2, 2)).shape == x.shape
    first_up = next(m for m in decoder.layers if isinstance(m, nn.ConvTranspose2d))
    assert first_up.kernel_size == (4, 4)
    with pytest.raises(CourseError, match="num_convs"):
        ConvEncoder(4, num_convs=4)


@pytest.mark.parametrize(
    ("layer", "fan_in", "fan_out"),
    [
        (nn.Linear(300, 100), 300, 100),
        (nn.Conv2d(20, 40, 3), 20 * 9, 40 * 9),
        (nn.ConvTranspose2d(20, 40, 3), 20 * 9, 40 * 9),
    ],
    ids=["dense", "convolution", "transposed"],
)
def test_glorot_weights_are_uniform_up_to_their_bound_and_biases_zero(
    layer: nn.Linear, fan_in: int, fan_out: int
) -> None:
    torch.manual_seed(0)
    glorot_init(nn.Sequential(layer))
    bound = math.sqrt(6 / (fan_in + fan_out))
    assert not layer.bias.any()
    assert layer.weight.abs().max() <= bound
    # of a uniform distribution on ±bound: mean 0, standard deviation bound / √3
    assert abs(layer.weight.mean().item()) < 0.05 * bound
    assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.03)


def test_glorot_layers_may_have_no_bias() -> None:
    layer = nn.Linear(3, 2, bias=False)
    before = layer.weight.clone()
    glorot_init(layer)
    assert not torch.equal(layer.weight, before)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MLPEncoder(1.5), "a whole number for code_dim, got 1.5"),
        (lambda: MLPEncoder("2"), "a whole number for code_dim, got '2'"),
        (lambda: MLPDecoder(None), "a whole number for latent_dim, got None"),
        (lambda: MLPEncoder(2, 256), r"hidden as a tuple, got 256; try hidden=\(256, 256\)"),
        (lambda: MLPEncoder(2, (0,)), "hidden of 1 or more, got 0"),
        (lambda: MLPDecoder(2, (1.5,)), "a whole number for hidden, got 1.5"),
        (lambda: MLPEncoder(2, (8,), (28, 28)), r"shape as \(channels, height, width\), got \(28"),
        (lambda: MLPDecoder(2, (8,), 784), r"shape as \(channels, height, width\), got 784"),
        (lambda: MLPDecoder(2, (8,), (1, 0, 4)), "shape of 1 or more, got 0"),
        (lambda: ConvEncoder(2, nn.ReLU()), r"a class of layers, got ReLU\(\); try"),
        (lambda: ConvDecoder(2, torch.relu), "a class of layers, got <built-in"),
        (lambda: ConvEncoder(2, num_convs="2"), "num_convs of 2 or 3, got '2'"),
        (lambda: ConvEncoder(2)([1]), r"images of shape \(batch, 1, 28, 28\), got list"),
        (lambda: ConvEncoder(2)(torch.zeros(3, 28, 28)), r"got \(3, 28, 28\)"),
        (lambda: MLPEncoder(2)(torch.zeros(3, 1, 28, 28).byte()), r"got torch.uint8; try x.float"),
        (lambda: MLPDecoder(2)(torch.zeros(3, 5)), r"codes z of shape \(batch, 2\), got \(3, 5\)"),
        (lambda: ConvDecoder(2)((torch.zeros(3, 2),)), "codes z of .*, got tuple"),
        (lambda: build(None, 2), "there is no network 'None'"),
        (lambda: build("mlp", 1.5), "a whole number for latent_dim, got 1.5"),
        (lambda: build("mlp", "2"), "a whole number for latent_dim, got '2'"),
    ],
)
def test_sizes_and_inputs_that_cannot_be_are_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(CourseError, match=said):
        make()


@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (MLPEncoder, "code_dim"),
        (ConvEncoder, "code_dim"),
        (MLPDecoder, "latent_dim"),
        (ConvDecoder, "latent_dim"),
        *((partial(build, network), "latent_dim") for network in NETWORKS),
    ],
)
def test_a_code_without_a_dimension_is_refused_by_the_name_that_was_given(
    make: Callable[[int], object], name: str, dim: int
) -> None:
    with pytest.raises(CourseError, match=f"expected {name} of 1 or more, got {dim}; try latent_"):
        make(dim)


def test_a_shape_may_be_a_list_or_that_of_a_tensor() -> None:
    x = torch.zeros(3, 1, 4, 4)
    for shape in ([1, 4, 4], x.shape[1:]):
        z = MLPEncoder(2, (8,), shape)(x)
        assert MLPDecoder(2, (8,), shape)(z).shape == x.shape

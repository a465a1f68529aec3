"""Encoders and decoders: MLP and convolutional, and a plain autoencoder beside the VAE.

Every encoder maps images (batch, channels, height, width) to (batch, code_dim); every decoder maps
z (batch, latent_dim) to logits (batch, channels, height, width). For a VAE the encoder's code_dim
is 2 · latent_dim (mu and logvar), for a plain autoencoder it is latent_dim.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from vaecourse.errors import CourseError, check_whole, unknown_name
from vaecourse.shapes import check_batch
from vaecourse.vae import VAE

Shape = tuple[int, int, int]  # channels, height, width
DIGIT: Shape = (1, 28, 28)
NETWORKS = ("mlp", "mlp-autoencoder", "conv", "conv-3")  # what `build` knows


def _check_dim(name: str, value: int) -> None:
    hint = "latent_dim=2 (an autoencoder's code_dim is latent_dim, a VAE's is 2 * latent_dim)"
    check_whole(name, value, hint)


def _check_sizes(hidden: tuple[int, ...], shape: Shape) -> Shape:
    """`shape` as a tuple; CourseError unless all are sizes that layers can have."""
    for name, sizes, example in (("hidden", hidden, (256, 256)), ("shape", shape, DIGIT)):
        if not isinstance(sizes, tuple | list) or (name == "shape" and len(sizes) != 3):
            what = "(channels, height, width)" if name == "shape" else "a tuple"
            raise CourseError(f"expected {name} as {what}, got {sizes!r}; try {name}={example}")
        for size in sizes:
            check_whole(name, size, f"{name}={example}")
    channels, height, width = shape
    return channels, height, width


def _check_convs(activation: type[nn.Module], num_convs: int) -> None:
    if num_convs not in (2, 3):
        raise CourseError(f"expected num_convs of 2 or 3, got {num_convs!r}; try num_convs=2")
    if not (isinstance(activation, type) and issubclass(activation, nn.Module)):
        raise CourseError(
            f"expected activation as a class of layers, got {activation!r}; try activation=nn.ReLU"
        )


def _check_images(x: Tensor, shape: Shape) -> None:
    hint = "MLPEncoder and MLPDecoder with shape=(channels, height, width)"
    check_batch("images", x, shape, hint)


def _check_codes(z: Tensor, latent_dim: int) -> None:
    check_batch("codes z", z, (latent_dim,), f"an encoder with code_dim={latent_dim}")


def _mlp(sizes: list[int]) -> list[nn.Module]:
    """Linear layers of these sizes with a ReLU between each two."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return layers[:-1]


@torch.no_grad()
def glorot_init(model: nn.Module) -> None:
    """Start linear and convolutional layers as Keras does, in place: PyTorch's defaults differ.

    Weights are uniform in ±√(6 / (fan_in + fan_out)), biases zero (Glorot and Bengio,
    "Understanding the difficulty of training deep feedforward neural networks", 2010, equation 16).
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class MLPEncoder(nn.Module):
    """pixels – hidden – … – code_dim, ReLU between; S3's encoder with hidden=(256, 256)."""

    def __init__(self, code_dim: int, hidden: tuple[int, ...] = (256, 256), shape: Shape = DIGIT):
        _check_dim("code_dim", code_dim)
        channels, height, width = shape = _check_sizes(hidden, shape)
        super().__init__()
        self.shape = shape
        self.layers = nn.Sequential(
            nn.Flatten(), *_mlp([channels * height * width, *hidden, code_dim])
        )

    def forward(self, x: Tensor) -> Tensor:
        _check_images(x, self.shape)
        return self.layers(x)


class MLPDecoder(nn.Module):
    """latent_dim – hidden – … – pixels, ReLU between; gives logits."""

    def __init__(self, latent_dim: int, hidden: tuple[int, ...] = (256, 256), shape: Shape = DIGIT):
        _check_dim("latent_dim", latent_dim)
        channels, height, width = shape = _check_sizes(hidden, shape)
        super().__init__()
        self.layers = nn.Sequential(
            *_mlp([latent_dim, *hidden, channels * height * width]), nn.Unflatten(1, shape)
        )
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        _check_codes(z, self.latent_dim)
        return self.layers(z)


class ConvEncoder(nn.Module):
    """Conv(32, 3, stride 2) – Conv(64, 3, stride 2) – Dense(16) – code_dim: S1's base encoder.

    For digits: 28 × 28 → 14 × 14 → 7 × 7. With num_convs=3 comes Conv(128, 3, stride 2) → 4 × 4.
    """

    def __init__(self, code_dim: int, activation: type[nn.Module] = nn.ReLU, num_convs: int = 2):
        _check_dim("code_dim", code_dim)
        _check_convs(activation, num_convs)
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((1, 32, 64, 128)[: num_convs + 1]):
            layers += [nn.Conv2d(n_in, n_out, kernel_size=3, stride=2, padding=1), activation()]
        features = 64 * 7 * 7 if num_convs == 2 else 128 * 4 * 4
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(features, 16),
            activation(),
            nn.Linear(16, code_dim),
        )

    def forward(self, x: Tensor) -> Tensor:
        _check_images(x, DIGIT)
        return self.layers(x)


class ConvDecoder(nn.Module):
    """Dense(7·7·64) – ConvT(64, stride 2) – ConvT(32, stride 2) – ConvT(1): S1's, to logits.

    With num_convs=3 it starts from Dense(4·4·128) – ConvT(128, 4, stride 2), to 7 × 7.
    """

    def __init__(self, latent_dim: int, activation: type[nn.Module] = nn.ReLU, num_convs: int = 2):
        _check_dim("latent_dim", latent_dim)
        _check_convs(activation, num_convs)
        super().__init__()
        width = 64 if num_convs == 2 else 128
        if num_convs == 2:
            first = [nn.Linear(latent_dim, 64 * 7 * 7), activation(), nn.Unflatten(1, (64, 7, 7))]
        else:
            first = [
                nn.Linear(latent_dim, 128 * 4 * 4),
                activation(),
                nn.Unflatten(1, (128, 4, 4)),
                nn.ConvTranspose2d(128, 128, kernel_size=4, stride=2, padding=2, output_padding=1),
                activation(),
            ]
        self.layers = nn.Sequential(
            *first,
            nn.ConvTranspose2d(width, 64, kernel_size=3, stride=2, padding=1, output_padding=1),
            activation(),
            nn.ConvTranspose2d(64, 32, kernel_size=3, stride=2, padding=1, output_padding=1),
            activation(),
            nn.ConvTranspose2d(32, 1, kernel_size=3, padding=1),
        )
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        _check_codes(z, self.latent_dim)
        return self.layers(z)


class Autoencoder(nn.Module):
    """An encoder to one point z and a decoder back, with nothing random between them.

    `encoder` maps images to z (batch, latent_dim), `decoder` maps z to logits of the images' shape.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images in [0, 1], of the shape of x."""
        return self(x).sigmoid()


def build(network: str, latent_dim: int) -> VAE | Autoencoder:
    """An untrained model of digits: "mlp" is S3's network, "conv" S1's, "conv-3" its larger one.

    All are VAEs but "mlp-autoencoder", S3's network with nothing random in it. Raises CourseError
    for another name, and for a latent_dim that is no whole number of 1 or more.
    """
    check_whole("latent_dim", latent_dim, "latent_dim=2")
    if network == "mlp-autoencoder":
        return Autoencoder(MLPEncoder(latent_dim), MLPDecoder(latent_dim))
    if network == "mlp":
        return VAE(MLPEncoder(2 * latent_dim), MLPDecoder(latent_dim))
    if network not in NETWORKS:
        raise unknown_name("network", str(network), NETWORKS)
    num_convs = 2 if network == "conv" else 3
    return VAE(
        ConvEncoder(2 * latent_dim, num_convs=num_convs),
        ConvDecoder(latent_dim, num_convs=num_convs),
    )

"""Networks by name."""

from collections.abc import Callable
from typing import Any

from vaecourse.errors import check_whole, unknown_name
from vaecourse.networks.autoencoder import Autoencoder
from vaecourse.networks.conv import ConvDecoder, ConvEncoder
from vaecourse.networks.dense import MLPDecoder, MLPEncoder
from vaecourse.networks.pictures import PictureDecoder, PictureEncoder
from vaecourse.networks.residual import ResidualDecoder, ResidualEncoder
from vaecourse.networks.sizes import Shape
from vaecourse.vae import VAE


def _digits(latent_dim: int, num_convs: int) -> VAE:
    return VAE(
        ConvEncoder(2 * latent_dim, num_convs=num_convs),
        ConvDecoder(latent_dim, num_convs=num_convs),
    )


def _pictures(latent_dim: int, shape: Shape, widths: tuple[int, ...]) -> VAE:
    return VAE(
        PictureEncoder(2 * latent_dim, shape, widths), PictureDecoder(latent_dim, shape, widths)
    )


def _residual(latent_dim: int, widths: tuple[int, ...]) -> VAE:
    return VAE(
        ResidualEncoder(2 * latent_dim, widths=widths), ResidualDecoder(latent_dim, widths=widths)
    )


# a name → what makes that network, untrained, from latent_dim
NETWORKS: dict[str, Callable[[int], Any]] = {
    "mlp": lambda dim: VAE(MLPEncoder(2 * dim), MLPDecoder(dim)),
    "mlp-autoencoder": lambda dim: Autoencoder(MLPEncoder(dim), MLPDecoder(dim)),
    "conv": lambda dim: _digits(dim, num_convs=2),
    "conv-3": lambda dim: _digits(dim, num_convs=3),
    "grey-faces": lambda dim: _pictures(dim, (1, 64, 64), (32, 64, 64, 128)),
    "colour-faces": lambda dim: _pictures(dim, (3, 64, 64), (24, 48, 64, 96)),
    "colour-residual": lambda dim: _residual(dim, (32, 64, 128, 256)),
    "colour-residual-small": lambda dim: _residual(dim, (16, 32, 32, 16)),
    "grey-judge": lambda dim: PictureEncoder(dim, (1, 64, 64), (16, 32, 48, 64)),
    "colour-judge": lambda dim: PictureEncoder(dim, (3, 64, 64), (16, 32, 48, 64)),
}


def build(network: str, latent_dim: int) -> Any:
    """An untrained network: of digits (1, 28, 28), "mlp" is S3's, "conv" S1's, "conv-3" its larger.

    Of faces, "grey-faces" takes (1, 64, 64) and "colour-faces" (3, 64, 64), as the residual ones
    do. All are VAEs but "mlp-autoencoder", S3's network with nothing random in it, and the judges
    of faces: encoders that give `latent_dim` numbers a picture. Raises CourseError for another
    name, and for a latent_dim that is no whole number of 1 or more.
    """
    check_whole("latent_dim", latent_dim, "latent_dim=2")
    if network not in NETWORKS:
        raise unknown_name("network", str(network), NETWORKS)
    return NETWORKS[network](latent_dim)

"""Networks by name."""

from vaecourse.errors import check_whole, unknown_name
from vaecourse.networks.autoencoder import Autoencoder
from vaecourse.networks.conv import ConvDecoder, ConvEncoder
from vaecourse.networks.dense import MLPDecoder, MLPEncoder
from vaecourse.vae import VAE

NETWORKS = ("mlp", "mlp-autoencoder", "conv", "conv-3")  # what `build` knows


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

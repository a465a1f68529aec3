"""Encoders and decoders: MLP, convolutional and residual, and a plain autoencoder beside the VAE.

Every encoder maps images (batch, channels, height, width) to (batch, code_dim); every decoder maps
z (batch, latent_dim) to logits (batch, channels, height, width). For a VAE the encoder's code_dim
is 2 · latent_dim (mu and logvar), for a plain autoencoder it is latent_dim.
"""

from vaecourse.networks.autoencoder import Autoencoder, glorot_init
from vaecourse.networks.building import NETWORKS, build
from vaecourse.networks.conv import ConvDecoder, ConvEncoder
from vaecourse.networks.dense import MLPDecoder, MLPEncoder
from vaecourse.networks.pictures import PictureDecoder, PictureEncoder
from vaecourse.networks.residual import COLOUR, ResidualBlock, ResidualDecoder, ResidualEncoder
from vaecourse.networks.sizes import DIGIT, Shape

__all__ = [
    "COLOUR",
    "DIGIT",
    "NETWORKS",
    "Autoencoder",
    "ConvDecoder",
    "ConvEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "PictureDecoder",
    "PictureEncoder",
    "ResidualBlock",
    "ResidualDecoder",
    "ResidualEncoder",
    "Shape",
    "build",
    "glorot_init",
]

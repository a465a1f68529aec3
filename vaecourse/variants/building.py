"""Every model by its network's name: `networks.build`'s, and the variants'."""

from collections.abc import Callable
from typing import Any

from torch import nn

from vaecourse import networks
from vaecourse.errors import check_whole, unknown_name
from vaecourse.variants import diffusion, vq

# a name → what makes that network, untrained, from latent_dim
VARIANTS: dict[str, Callable[[int], nn.Module]] = {
    "colour-residual-small-decoder": lambda dim: (
        networks.build("colour-residual-small", dim).decoder
    ),
    "vq": vq.digit_vqvae,  # latent_dim: the size of an entry
    "denoiser": lambda dim: diffusion.Denoiser(dim, hidden=192),
    "code-prior": vq.CodePrior,  # latent_dim: the number of entries
}


def build(network: str, latent_dim: int) -> Any:
    """An untrained model: a VAE, an Autoencoder, or what VARIANTS makes under that name.

    Raises CourseError for another name, and for a latent_dim that is no whole number of 1 or more.
    """
    check_whole("latent_dim", latent_dim, "latent_dim=2")
    if network in VARIANTS:
        return VARIANTS[network](latent_dim)
    if network not in networks.NETWORKS:
        raise unknown_name("network", str(network), (*networks.NETWORKS, *VARIANTS))
    return networks.build(network, latent_dim)

"""MLPs: fully connected encoder and decoder."""

from itertools import pairwise

from torch import Tensor, nn

from vaecourse.networks.sizes import (
    DIGIT,
    Shape,
    check_codes,
    check_dim,
    check_images,
    check_sizes,
)


def _mlp(sizes: list[int]) -> list[nn.Module]:
    """Linear layers of these sizes with a ReLU between each two."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return layers[:-1]


class MLPEncoder(nn.Module):
    """pixels – hidden – … – code_dim, ReLU between; S3's encoder with hidden=(256, 256)."""

    def __init__(self, code_dim: int, hidden: tuple[int, ...] = (256, 256), shape: Shape = DIGIT):
        check_dim("code_dim", code_dim)
        channels, height, width = shape = check_sizes(hidden, shape)
        super().__init__()
        self.shape = shape
        self.layers = nn.Sequential(
            nn.Flatten(), *_mlp([channels * height * width, *hidden, code_dim])
        )

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.shape)
        return self.layers(x)


class MLPDecoder(nn.Module):
    """latent_dim – hidden – … – pixels, ReLU between; gives logits."""

    def __init__(self, latent_dim: int, hidden: tuple[int, ...] = (256, 256), shape: Shape = DIGIT):
        check_dim("latent_dim", latent_dim)
        channels, height, width = shape = check_sizes(hidden, shape)
        super().__init__()
        self.layers = nn.Sequential(
            *_mlp([latent_dim, *hidden, channels * height * width]), nn.Unflatten(1, shape)
        )
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        check_codes(z, self.latent_dim)
        return self.layers(z)

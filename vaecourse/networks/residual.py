"""Residual encoder and decoder for colour pictures, of any size that can be halved a few times.

A residual block gives relu(x + what two convolutions make of x): it starts as the identity, so that
many of them train as one (He and others, arXiv:1512.03385). Sizes are halved by convolutions of
stride 2 and doubled by transposed ones; there is no normalisation over the batch.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.networks.sizes import Shape, check_codes, check_dim, check_sizes
from vaecourse.shapes import check_batch

COLOUR: Shape = (3, 64, 64)
WIDTHS = (32, 64, 128, 256)


class ResidualBlock(nn.Module):
    """relu(x + conv(relu(conv(x)))) for x of `width` channels and no number below 0; 3 × 3 each.

    The second convolution starts at zero, so that a new block gives its x back.
    """

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.second = nn.Conv2d(width, width, kernel_size=3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.second(self.first(x).relu())).relu()

    @torch.no_grad()
    def plain_layers(self) -> nn.Sequential:
        """The same function as two plain convolutions with twice the channels between them.

        The added half carries x along: a ReLU leaves it as it is, for it is not below 0.
        """
        width = self.first.out_channels
        carry = torch.zeros_like(self.first.weight)
        nn.init.dirac_(carry)
        wide = nn.Conv2d(width, 2 * width, kernel_size=3, padding=1)
        wide.weight.copy_(torch.cat([self.first.weight, carry]))
        wide.bias.copy_(torch.cat([self.first.bias, torch.zeros(width)]))  # type: ignore[union-attr, list-item]
        back = nn.Conv2d(2 * width, width, kernel_size=3, padding=1)
        back.weight.copy_(torch.cat([self.second.weight, carry], dim=1))
        back.bias.copy_(self.second.bias)  # type: ignore[union-attr, arg-type]
        return nn.Sequential(wide, nn.ReLU(), back, nn.ReLU())


class ResidualEncoder(nn.Module):
    """For each of `widths` a convolution that halves the size and a residual block; then linear.

    3 × 64 × 64 with four widths: 32 × 32 → 16 × 16 → 8 × 8 → 4 × 4 → code_dim.
    """

    def __init__(self, code_dim: int, shape: Shape = COLOUR, widths: tuple[int, ...] = WIDTHS):
        check_dim("code_dim", code_dim)
        channels, height, width = self.shape = _check_shape(shape, widths)
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((channels, *widths)):
            layers += [nn.Conv2d(n_in, n_out, kernel_size=4, stride=2, padding=1), nn.ReLU()]
            layers += [ResidualBlock(n_out)]
        features = widths[-1] * (height >> len(widths)) * (width >> len(widths))
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, code_dim))

    def forward(self, x: Tensor) -> Tensor:
        grey = isinstance(x, Tensor) and x.shape[1:] == (1, *self.shape[1:])
        hint = "x.expand(-1, 3, -1, -1), which makes colour pictures of grey ones"
        check_batch("images", x, self.shape, hint if grey else "ResidualEncoder with shape=…")
        return self.layers(x)


class ResidualDecoder(nn.Module):
    """The encoder's way back, to logits: linear, then for each of `widths`, from the last to the
    first, a residual block and a transposed convolution that doubles the size."""

    def __init__(
        self, latent_dim: int = 256, shape: Shape = COLOUR, widths: tuple[int, ...] = WIDTHS
    ):
        check_dim("latent_dim", latent_dim)
        channels, height, width = _check_shape(shape, widths)
        super().__init__()
        top = (widths[-1], height >> len(widths), width >> len(widths))
        layers = [nn.Linear(latent_dim, top[0] * top[1] * top[2]), nn.Unflatten(1, top)]
        for n_in, n_out in pairwise((*reversed(widths), channels)):
            layers += [nn.ReLU(), ResidualBlock(n_in)]
            layers += [nn.ConvTranspose2d(n_in, n_out, kernel_size=4, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers)
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        check_codes(z, self.latent_dim)
        return self.layers(z)


def _check_shape(shape: Shape, widths: tuple[int, ...]) -> Shape:
    """`shape`; CourseError unless its height and width can be halved once for each of `widths`."""
    channels, height, width = check_sizes(widths, shape, "widths")
    if not widths:
        raise CourseError(f"expected one width or more, got none; try widths={WIDTHS}")
    part = 2 ** len(widths)
    if height % part or width % part:
        raise CourseError(
            f"expected a height and a width that can be divided by {part}, for {len(widths)} "
            f"widths, got {height} × {width}; try pictures of {part * max(1, height // part)} × "
            f"{part * max(1, width // part)}, or fewer widths"
        )
    return channels, height, width

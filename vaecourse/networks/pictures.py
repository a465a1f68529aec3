"""Strided convolutions for pictures larger than digits, grey or colour: faces of 64 × 64."""

from itertools import pairwise

from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.networks.sizes import Shape, check_codes, check_dim, check_images, check_sizes

FACE: Shape = (1, 64, 64)
WIDTHS = (32, 64, 64, 128)


class PictureEncoder(nn.Module):
    """Conv(width, 4, stride 2) – ReLU for each of `widths`, then Dense(code_dim).

    Each convolution halves the sides: 64 → 32 → 16 → 8 → 4 for four of them. Raises CourseError for
    sides that cannot be halved so often.
    """

    def __init__(self, code_dim: int, shape: Shape = FACE, widths: tuple[int, ...] = WIDTHS):
        check_dim("code_dim", code_dim)
        channels, height, width = _smallest(shape, widths)
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((channels, *widths)):
            layers += [nn.Conv2d(n_in, n_out, kernel_size=4, stride=2, padding=1), nn.ReLU()]
        features = widths[-1] * height * width
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, code_dim))

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.shape)
        return self.layers(x)


class PictureDecoder(nn.Module):
    """The encoder turned round: Dense – ReLU – ConvT(4, stride 2) – ReLU – … – logits.

    `widths` are the encoder's, from the picture inwards. A kernel of 4 at stride 2 covers each
    pixel equally often; one of 3 does not, and draws a chequerboard (Odena, Dumoulin and Olah,
    "Deconvolution and checkerboard artifacts", 2016).
    """

    def __init__(self, latent_dim: int, shape: Shape = FACE, widths: tuple[int, ...] = WIDTHS):
        check_dim("latent_dim", latent_dim)
        channels, height, width = _smallest(shape, widths)
        super().__init__()
        deepest = (widths[-1], height, width)
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, widths[-1] * height * width),
            nn.Unflatten(1, deepest),
        ]
        for n_in, n_out in pairwise((*reversed(widths), channels)):
            layers += [
                nn.ReLU(),
                nn.ConvTranspose2d(n_in, n_out, kernel_size=4, stride=2, padding=1),
            ]
        self.layers = nn.Sequential(*layers)
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        check_codes(z, self.latent_dim)
        return self.layers(z)


def _smallest(shape: Shape, widths: tuple[int, ...]) -> Shape:
    """Channels of the picture, and its sides after one halving for each width."""
    channels, height, width = check_sizes(widths, shape, "widths")
    if not widths:
        raise CourseError(f"expected one width or more, got none; try widths={WIDTHS}")
    share = 2 ** len(widths)
    if height % share or width % share:
        raise CourseError(
            f"expected sides that {len(widths)} widths can halve, multiples of {share}, got "
            f"{height} × {width}; try data.load(name, size=64), or fewer widths"
        )
    return channels, height // share, width // share

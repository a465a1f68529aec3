"""Convolutional encoder and decoder of digits, the report's."""

from itertools import pairwise

from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.networks.sizes import DIGIT, check_codes, check_dim, check_images


class ConvEncoder(nn.Module):
    """Conv(32, 3, stride 2) – Conv(64, 3, stride 2) – Dense(16) – code_dim: S1's base encoder.

    For digits: 28 × 28 → 14 × 14 → 7 × 7. With num_convs=3 comes Conv(128, 3, stride 2) → 4 × 4.
    """

    def __init__(self, code_dim: int, activation: type[nn.Module] = nn.ReLU, num_convs: int = 2):
        check_dim("code_dim", code_dim)
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
        check_images(x, DIGIT)
        return self.layers(x)


class ConvDecoder(nn.Module):
    """Dense(7·7·64) – ConvT(64, stride 2) – ConvT(32, stride 2) – ConvT(1): S1's, to logits.

    With num_convs=3 it starts from Dense(4·4·128) – ConvT(128, 4, stride 2), to 7 × 7.
    """

    def __init__(self, latent_dim: int, activation: type[nn.Module] = nn.ReLU, num_convs: int = 2):
        check_dim("latent_dim", latent_dim)
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
        check_codes(z, self.latent_dim)
        return self.layers(z)


def _check_convs(activation: type[nn.Module], num_convs: int) -> None:
    if num_convs not in (2, 3):
        raise CourseError(f"expected num_convs of 2 or 3, got {num_convs!r}; try num_convs=2")
    if not (isinstance(activation, type) and issubclass(activation, nn.Module)):
        raise CourseError(
            f"expected activation as a class of layers, got {activation!r}; try activation=nn.ReLU"
        )

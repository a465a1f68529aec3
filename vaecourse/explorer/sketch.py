"""`draw_digit`: a digit drawn by hand, and its posterior."""

import torch
from torch import Tensor, nn

from vaecourse import plotting
from vaecourse.device import evaluating, seeded
from vaecourse.errors import CourseError
from vaecourse.explorer.explore import panel
from vaecourse.explorer.live import Live
from vaecourse.explorer.models import (
    Part,
    check_pictures,
    decoded,
    encoded,
    image_shape,
    latent_dim,
    pixels,
)
from vaecourse.explorer.page import OnPage, show
from vaecourse.networks import DIGIT
from vaecourse.plotting import Figure
from vaecourse.vae import is_vae


def draw_digit(model: nn.Module, x: Tensor, y: Tensor) -> Live | OnPage | Figure:
    """Draw a digit by mouse, finger or keys: its posterior on the map of the digits x, y, what it
    is decoded to, and three samples of its posterior.

    `model` is a VAE with two latent dimensions; x (n, 1, 28, 28) are in [0, 1], y (n,) their
    labels. The field starts with the first digit of x. Raises CourseError for another model, or
    for images that it cannot take.
    """
    dim, shape = latent_dim(model), image_shape(model)
    if dim != 2 or not is_vae(model):
        raise CourseError(
            f"expected a VAE with a latent plane to draw on, got {type(model).__name__} with "
            f"{dim} latent dimensions; try pretrained.load('mnist-mlp-2d')"
        )
    if shape != DIGIT:
        raise CourseError(f"expected a model of digits, {DIGIT}, got one of {shape}")
    check_pictures(x, y, shape)
    found = panel(model, "Draw a digit", x, y)

    def still() -> Figure:
        mu, logvar = encoded(model, x[:1])
        assert logvar is not None
        with seeded(0), evaluating(model):
            samples = [model.reparameterize(mu, logvar) for _ in range(3)]  # type: ignore[operator]
        images = torch.cat([x[:1].float().cpu(), decoded(model, torch.cat([mu, *samples]))])
        titles = ("drawn", "decoded μ", "sample 1", "sample 2", "sample 3")
        alt = "A digit, its reconstruction from the posterior's mean, and three posterior samples."
        return plotting.image_grid(images, alt, columns=5, titles=titles)

    data = found | {"kind": "sketch", "images": [], "start": pixels(x[0])}
    return show(data, [Part(model, 2, shape, found["limit"])], still)

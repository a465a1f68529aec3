"""`erase`: a digit with a hole in it, and what a VAE puts there."""

import torch
from torch import Tensor, nn

from vaecourse import plotting
from vaecourse.errors import CourseError
from vaecourse.explorer.live import Live
from vaecourse.explorer.models import (
    Part,
    check_pictures,
    codes,
    decoded,
    image_shape,
    latent_dim,
    pixels,
)
from vaecourse.explorer.page import OnPage, show
from vaecourse.networks import DIGIT
from vaecourse.plotting import Figure
from vaecourse.vae import is_vae

MOST = 10  # digits to choose from


def erase(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Live | OnPage | Figure:
    """Erase a part of a digit by mouse, finger or keys, and see what a VAE puts there.

    Twice: the holed digit is encoded and decoded, where an erased pixel is a black one; and z is
    inferred from the visible pixels alone, the most probable one and three draws of the posterior
    (js/visible.js says how). `model` is a VAE of digits with Bernoulli pixels, x (n, 1, 28, 28)
    are held-out digits in [0, 1], of which the first ten are offered, y (n,) their labels.

    Raises CourseError for another model, or for images that it cannot take.
    """
    dim, shape = latent_dim(model), image_shape(model)
    if not is_vae(model) or shape != DIGIT:
        raise CourseError(
            f"expected a VAE of digits {DIGIT}, got {type(model).__name__} of {shape}; try "
            "pretrained.load('mnist-mlp-10d')"
        )
    check_pictures(x, y, shape)
    x, y = x[:MOST].float().cpu(), y if y is None else y[:MOST]
    codes(model, x[:1])
    names = [f"image {i + 1}" if y is None else f"a {int(y[i])}" for i in range(len(x))]
    data = {
        "kind": "erase",
        "title": "Erase a part of a digit",
        "shape": shape,
        "latent_dim": dim,
        "images": [
            {"name": name, "pixels": pixels(image)} for name, image in zip(names, x, strict=True)
        ],
    }
    return show(data, [Part(model, dim, shape)], lambda: _still(model, x))


def _still(model: nn.Module, x: Tensor) -> Figure:
    """The report's hole: rows and columns 10 to 20 are black to the encoder."""
    holed = x[:5].clone()
    holed[:, :, 10:20, 10:20] = 0
    mu, _ = codes(model, holed)
    alt = (
        f"{len(holed)} digits in three rows: whole; with a black square in the middle; and what "
        "the encoder and the decoder make of the holed ones."
    )
    rows = ("whole", "holed", "decoded")
    images = torch.cat([x[:5], holed, decoded(model, mu)])
    return plotting.image_grid(images, alt, columns=len(holed), row_labels=rows, width=5.0)

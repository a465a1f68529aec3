"""`explore`: one or more latent spaces to move through, and what is decoded there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vaecourse import latent, plotting
from vaecourse.errors import CourseError
from vaecourse.explorer.live import Live
from vaecourse.explorer.models import (
    REACH,
    Part,
    check_pictures,
    codes,
    decoded,
    image_shape,
    latent_dim,
    pixels,
    rounded,
)
from vaecourse.explorer.page import OnPage, show
from vaecourse.plotting import Figure
from vaecourse.vae import gaussian_kl_by_dimension

MAX_POINTS = 1000  # of a scatter


def explore(
    *models: nn.Module,
    x: Tensor | None = None,
    y: Tensor | None = None,
    titles: Sequence[str] = (),
) -> Live | OnPage | Figure:
    """Move a point of the latent space and see what the decoder draws there.

    A 2-D space is a pad to click, drag and walk through; a larger one has a slider a dimension,
    those with the most KL first. With images x (n, channels, height, width) in [0, 1] their codes
    are scattered over the pad, by label with y (n,), and some are offered to be encoded. Several
    models stand side by side. Raises CourseError for a model that has no `decode`, does not tell
    its latent dimension, does not decode to logits of grey or RGB images, or cannot take x.
    """
    if not models:
        raise CourseError("expected a model to explore, got none; try explore(model)")
    names = titles or [type(model).__name__ for model in models]
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise CourseError(
            f'expected titles as a list of texts, one a model, got {titles!r}; try titles=["a VAE"]'
        )
    if len(names) != len(models):
        raise CourseError(f"expected {len(models)} titles, one a model, got {len(names)}")
    panels = [panel(model, name, x, y) for model, name in zip(models, names, strict=True)]
    parts = [
        Part(model, one["latent_dim"], reach=one["limit"])
        for model, one in zip(models, panels, strict=True)
    ]
    data = {"kind": "explore", "panels": panels}
    return show(data, parts, lambda: _still(models, panels))


def panel(model: nn.Module, title: str, x: Tensor | None, y: Tensor | None) -> dict[str, Any]:
    """A model's shapes, the codes of x, the order of its dimensions and ten images to encode."""
    dim, shape = latent_dim(model), image_shape(model)
    found: dict[str, Any] = {"title": title, "latent_dim": dim, "shape": shape, "limit": REACH}
    found |= {"points": [], "labels": None, "colours": plotting.CLASS_COLOURS, "images": []}
    found["order"] = list(range(dim))
    if x is None:
        return found
    check_pictures(x, y, shape)
    x, y = x[:MAX_POINTS], y if y is None else y[:MAX_POINTS]
    mu, logvar = codes(model, x)
    found["limit"] = max(REACH, float(np.ceil(np.quantile(mu.abs().numpy(), 0.995))))
    if dim == 2:
        found["points"] = rounded(mu, 2)
        found["labels"] = None if y is None else [int(label) for label in y]
    else:
        found["order"] = _importance(mu, logvar).argsort(descending=True).tolist()
    chosen = range(min(8, len(x))) if y is None else _first_of_each(y)
    found["images"] = [
        {
            "name": f"image {i + 1}" if y is None else f"a {int(y[i])}",
            "mu": rounded(mu[i], 4),
            "pixels": pixels(x[i]),
        }
        for i in chosen
    ]
    return found


def _importance(mu: Tensor, logvar: Tensor | None) -> Tensor:
    """Of each dimension: its KL, or the variance of an autoencoder's codes."""
    if logvar is None:
        return mu.var(dim=0, correction=0)
    return gaussian_kl_by_dimension(mu, logvar).mean(dim=0)


def _first_of_each(y: Tensor) -> list[int]:
    found: dict[int, int] = {}
    for i, label in enumerate(y.tolist()):
        found.setdefault(int(label), i)
    return [found[label] for label in sorted(found)][:10]


# -- what stands where nothing moves -----------------------------------------------------------


def _still(models: Sequence[nn.Module], panels: Sequence[dict[str, Any]]) -> Figure:
    """For grey planes their decoded grids, else eight prior draws a model."""
    names = ", ".join(one["title"] for one in panels)
    if all(one["latent_dim"] == 2 and one["shape"][0] == 1 for one in panels):
        return _planes(models, panels, f"Decoded images over the latent plane: {names}.")
    return _draws(models, panels, f"Eight images decoded from draws of the prior: {names}.")


def _planes(models: Sequence[nn.Module], panels: Sequence[dict[str, Any]], alt: str) -> Figure:
    figure = plotting.new_figure(alt, 4.2 * len(models), 4.2)
    places = plotting.axes_of(figure, 1, len(models))[0]
    z, axis = latent.prior_grid(12)
    for axes, model, one in zip(places, models, panels, strict=True):
        scale = one["limit"] / REACH
        images = decoded(model, scale * z)
        plotting.draw_decoded_manifold(axes, images, scale * axis)
        axes.set_title(one["title"])
    return figure


def _draws(models: Sequence[nn.Module], panels: Sequence[dict[str, Any]], alt: str) -> Figure:
    """A row a model, for their images may differ in shape."""
    figure = plotting.new_figure(alt, 7.0, 1.1 * len(models))
    generator = torch.Generator().manual_seed(0)
    rows = plotting.axes_of(figure, len(models), 8)
    for row, model, one in zip(rows, models, panels, strict=True):
        z = torch.randn(8, one["latent_dim"], generator=generator)
        for axes, image in zip(row, decoded(model, z), strict=True):
            axes.imshow(image.permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
        row[0].set_title(one["title"], fontsize=9, loc="left")
    return figure

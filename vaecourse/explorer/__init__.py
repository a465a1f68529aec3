"""Latent sliders: something to move with one's own hands, in Jupyter and on the page.

Each function gives what ends a cell: a live widget, or, where VAECOURSE_STATIC is set (as it is
while a chapter is run for the book), the same explorer as a page that needs no kernel.
"""

import base64
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vaecourse import latent, plotting
from vaecourse.errors import CourseError
from vaecourse.explorer.widget import Live, OnPage, Part, decoded, encoded, show
from vaecourse.plotting import Figure
from vaecourse.vae import gaussian_kl_by_dimension

MAX_POINTS = 1000  # of a scatter
Explorer = Live | OnPage | Figure


def explore(
    *models: nn.Module,
    x: Tensor | None = None,
    y: Tensor | None = None,
    titles: Sequence[str] = (),
) -> Explorer:
    """Move a point of the latent space and see what the decoder draws there.

    A 2-D space is a pad to click, drag and walk through; a larger one has a slider a dimension,
    those with the most KL first. With images x (n, channels, height, width) their codes are
    scattered over the pad, by label with y (n,), and some are offered to be encoded. Several
    models of one kind of image stand side by side. Raises CourseError for a model that has no
    `decode`, does not tell its latent dimension, or cannot take x.
    """
    if not models:
        raise CourseError("expected a model to explore, got none; try explore(model)")
    names = titles or [type(model).__name__ for model in models]
    if len(names) != len(models):
        raise CourseError(f"expected {len(models)} titles, one a model, got {len(names)}")
    panels = [_panel(model, name, x, y) for model, name in zip(models, names, strict=True)]
    parts = [Part(model, panel["latent_dim"]) for model, panel in zip(models, panels, strict=True)]
    data = {"kind": "explore", "panels": panels}
    return show(data, parts, lambda: _still(models, panels))


def interpolate(
    model: nn.Module, x_a: Tensor, x_b: Tensor, names: tuple[str, str] = ("the first", "the second")
) -> Explorer:
    """Two images and an α between their codes: on a straight line, and beside it along an arc.

    x_a and x_b are images (channels, height, width). Raises CourseError for two of unlike shapes,
    and where `latent.slerp` does.
    """
    if x_a.ndim != 3 or x_a.shape != x_b.shape:
        raise CourseError(
            "expected two images of one shape (channels, height, width), got "
            f"{tuple(x_a.shape)} and {tuple(x_b.shape)}; try x[0] and x[1]"
        )
    ends, _ = encoded(model, torch.stack([x_a, x_b]))
    _check_codes(ends)
    lines = [way(ends[0], ends[1], 7) for way in (latent.lerp, latent.slerp)]

    def still() -> Figure:
        images = torch.cat([decoded(model, line) for line in lines])
        alt = (
            f"Two rows of seven pictures from {names[0]} to {names[1]}: above decoded on the "
            "straight line between their codes, below along the arc."
        )
        return plotting.image_grid(images, alt, columns=7, row_labels=("lerp", "slerp"))

    data = {
        "kind": "between",
        "title": f"From {names[0]} to {names[1]}",
        "shape": list(x_a.shape),
        "ends": ends.tolist(),
        "images": [_pixels(x_a), _pixels(x_b)],
        "names": list(names),
    }
    return show(data, [Part(model, ends.shape[1])], still)


def draw_digit(model: nn.Module, x: Tensor, y: Tensor) -> Explorer:
    """Draw a digit by mouse, finger or keys: its posterior on the map of the digits x, y, what it
    is decoded to, and three samples of its posterior.

    `model` is a VAE with two latent dimensions; the field starts with the first digit of x. Raises
    CourseError for another.
    """
    panel = _panel(model, "Draw a digit", x, y)
    if panel["latent_dim"] != 2 or not hasattr(model, "reparameterize"):
        raise CourseError(
            f"expected a VAE with a latent plane to draw on, got {type(model).__name__} with "
            f"{panel['latent_dim']} latent dimensions; try pretrained.load('mnist-mlp-2d')"
        )
    if panel["shape"] != [1, 28, 28]:
        raise CourseError(
            f"expected a model of digits, (1, 28, 28), got one of {tuple(panel['shape'])}"
        )

    def still() -> Figure:
        mu, logvar = encoded(model, x[:1])
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            z = torch.cat([mu, *(model.reparameterize(mu, logvar) for _ in range(3))])  # type: ignore[operator]
        images = torch.cat([x[:1].cpu(), decoded(model, z)])
        titles = ("drawn", "decoded μ", "sample 1", "sample 2", "sample 3")
        alt = "A digit, its reconstruction from the posterior's mean, and three posterior samples."
        return plotting.image_grid(images, alt, columns=5, titles=titles)

    data = panel | {"kind": "sketch", "images": [], "start": _pixels(x[0])}
    return show(data, [Part(model, 2, tuple(x.shape[1:]))], still)


def normal() -> Explorer:
    """The normal distribution's 68–95–99.7, and z = μ + σ ε with the ε held fast."""
    eps = torch.randn(40, generator=torch.Generator().manual_seed(1)).clamp(-2.5, 2.5)
    data = {"kind": "normal", "title": "The normal distribution", "eps": _rounded(eps, 3)}
    return show(data, [], _bells)


def _bells() -> Figure:
    alt = "Three bell curves, of widths 0.5, 1 and 2; the part within one σ is shaded in each."
    figure = plotting.new_figure(alt)
    axes = plotting.axes_of(figure)
    z = torch.linspace(-6, 6, 601)
    for std, dash in ((0.5, "-"), (1.0, "--"), (2.0, ":")):
        density = torch.distributions.Normal(0.0, std).log_prob(z).exp()
        (line,) = axes.plot(z, density, dash, label=f"σ = {std:g}")
        axes.fill_between(z, density, where=z.abs() < std, color=line.get_color(), alpha=0.15)
    axes.set(xlabel="z, with μ = 0", ylabel="density", ylim=(0, 0.85))
    axes.legend(frameon=False)
    return figure


# -- what an explorer must know of a model -----------------------------------------------------


def _panel(model: nn.Module, title: str, x: Tensor | None, y: Tensor | None) -> dict[str, Any]:
    """A model's shapes, the codes of x, the order of its dimensions and ten images to encode."""
    dim = _latent_dim(model)
    shape = list(decoded(model, torch.zeros(1, dim)).shape[1:])
    panel: dict[str, Any] = {"title": title, "latent_dim": dim, "shape": shape, "limit": 3.5}
    panel |= {"points": [], "labels": None, "colours": list(plotting.CLASS_COLOURS), "images": []}
    panel["order"] = list(range(dim))
    if x is None:
        return panel
    if not len(x) or (y is not None and y.shape != (len(x),)):
        raise CourseError(
            "expected images x (n, channels, height, width) and, if any, labels y (n,), got "
            f"{tuple(x.shape)}" + (f" and {tuple(y.shape)}" if y is not None else "")
        )
    x, y = x[:MAX_POINTS], y if y is None else y[:MAX_POINTS]
    mu, logvar = encoded(model, x)
    _check_codes(mu)
    panel["limit"] = max(3.5, math.ceil(mu.abs().flatten().quantile(0.995).item()))
    if dim == 2:
        panel["points"] = _rounded(mu, 2)
        panel["labels"] = None if y is None else [int(label) for label in y]
    else:
        weight = (
            mu.var(dim=0) if logvar is None else gaussian_kl_by_dimension(mu, logvar).mean(dim=0)
        )
        panel["order"] = weight.argsort(descending=True).tolist()
    chosen = range(min(8, len(x))) if y is None else _first_of_each(y)
    panel["images"] = [
        {
            "name": f"image {i + 1}" if y is None else f"a {int(y[i])}",
            "mu": _rounded(mu[i], 4),
            "pixels": _pixels(x[i]),
        }
        for i in chosen
    ]
    return panel


def _latent_dim(model: nn.Module) -> int:
    for part in (model, getattr(model, "decoder", None)):
        dim = getattr(part, "latent_dim", None)
        if isinstance(dim, int) and hasattr(model, "decode"):
            return dim
    raise CourseError(
        f"expected a model with `decode` and `latent_dim`, got {type(model).__name__}; "
        "try a VAE or an Autoencoder"
    )


def _check_codes(mu: Tensor) -> None:
    if not mu.isfinite().all():
        raise CourseError(
            "expected finite codes, got NaN or infinity from the encoder; try training it anew, "
            "with a smaller lr"
        )


def _pixels(image: Tensor) -> str:
    """A byte a pixel, in base64."""
    levels = (image.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return base64.b64encode(levels.numpy().tobytes()).decode()


def _first_of_each(y: Tensor) -> list[int]:
    found: dict[int, int] = {}
    for i, label in enumerate(y.tolist()):
        found.setdefault(int(label), i)
    return [found[label] for label in sorted(found)][:10]


def _rounded(values: Tensor, digits: int) -> Any:
    return (
        [round(v, digits) for v in values.tolist()]
        if values.ndim == 1
        else [_rounded(row, digits) for row in values]
    )


def _still(models: Sequence[nn.Module], panels: Sequence[dict[str, Any]]) -> Figure:
    """What stands where nothing moves: for a grey plane its decoded grid, else prior draws."""
    names = ", ".join(panel["title"] for panel in panels)
    if all(panel["latent_dim"] == 2 and panel["shape"][0] == 1 for panel in panels):
        alt = f"Decoded images over the latent plane: {names}."
        figure = plotting.new_figure(alt, 4.2 * len(models), 4.2)
        places = plotting.axes_of(figure, 1, len(models))[0]
        for axes, model, panel in zip(places, models, panels, strict=True):
            z, axis = latent.prior_grid(12)
            scale = panel["limit"] / 3.5
            images = decoded(model, scale * z)
            plotting.draw_decoded_manifold(axes, images, scale * axis)
            axes.set_title(panel["title"])
        return figure
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(8, panel["latent_dim"], generator=generator) for panel in panels]
    images = torch.cat([decoded(model, z) for model, z in zip(models, draws, strict=True)])
    return plotting.image_grid(
        images, f"Eight images decoded from draws of the prior: {names}.", columns=8
    )

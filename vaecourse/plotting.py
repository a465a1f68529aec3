"""Tensors in, a Figure out, with its alt text. Nothing here trains, and nothing calls `show()`:
a notebook shows the Figure that ends a cell."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.patheffects import withStroke
from torch import Tensor

from vaecourse.errors import CourseError

# Ten colours that stay apart for colour-blind readers (Paul Tol's "muted", and black); each class
# is drawn as its own digit as well, so that colour is never the only sign.
CLASS_COLOURS = (
    "#332288", "#4EA0D0", "#117733", "#999933", "#CC6677",
    "#882255", "#AA4499", "#44AA99", "#B8860B", "#000000",
)  # fmt: skip
RECON_COLOUR, KL_COLOUR, ELBO_COLOUR = "#0072B2", "#D55E00", "#333333"  # Okabe and Ito

STYLE: Any = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=("#0072B2", "#D55E00", "#009E73", "#333333")),
    "figure.dpi": 150,
}


class Figure(MatplotlibFigure):
    """A matplotlib Figure that carries its alt text into a notebook's stored output."""

    alt: str = ""

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        picture = io.BytesIO()
        self.savefig(picture, format="png", metadata={"Software": None})
        data = {
            "image/png": base64.b64encode(picture.getvalue()).decode(),
            "text/plain": f"Figure: {self.alt}",
        }
        width = round(100 * self.get_figwidth())  # CSS pixels; the file has half as many again
        return data, {"image/png": {"alt": self.alt, "width": width}}


def new_figure(alt: str, width: float = 7.0, height: float = 3.0) -> Figure:
    """An empty Figure, sizes in inches, whose alt text says what it will show."""
    if not alt.strip():
        raise CourseError("expected alt text for the figure, got none; try one sentence: its claim")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
    figure.alt = alt
    return figure


def axes_of(figure: Figure, *grid: int) -> Any:
    """Axes in the course's style: one for no grid, else an array of (rows, columns) of them."""
    with mpl.rc_context(STYLE):
        return figure.subplots(*grid, squeeze=False) if grid else figure.subplots()


def _show_image(axes: Axes, image: Tensor) -> None:
    """One image (channels, height, width) in [0, 1]; grey for one channel, RGB for three."""
    pixels = image.detach().cpu().clamp(0, 1).numpy()
    if len(pixels) == 1:
        axes.imshow(pixels[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    else:
        axes.imshow(np.moveaxis(pixels, 0, -1), interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def image_grid(
    images: Tensor,
    alt: str,
    *,
    columns: int = 10,
    titles: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    width: float = 7.0,
) -> Figure:
    """Images (n, channels, height, width) in [0, 1], row by row.

    `titles` stand above the images of the first row, `row_labels` to the left of each row; `width`
    is that of a row, in inches.
    Raises CourseError for a tensor of another shape.
    """
    _check_batch(images)
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    cell = width / columns
    height = rows * cell * images.shape[2] / images.shape[3]
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    figure = new_figure(alt, width + bool(row_labels), height + 0.25 * lines)
    grid = axes_of(figure, rows, columns)
    for axes in grid.flat[len(images) :]:
        axes.set_axis_off()
    for axes, image in zip(grid.flat, images, strict=False):
        _show_image(axes, image)
    for axes, title in zip(grid[0], titles, strict=False):
        axes.set_title(title, fontsize=9)
    for axes, label in zip(grid[:, 0], row_labels, strict=True) if row_labels else ():
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    return figure


def reconstruction_pairs(x: Tensor, x_recon: Tensor, alt: str, *, count: int = 10) -> Figure:
    """The first `count` images above, what the model made of them below; both (n, c, h, w)."""
    if x.shape != x_recon.shape:
        raise CourseError(
            f"expected images and reconstructions of one shape, got {tuple(x.shape)} and "
            f"{tuple(x_recon.shape)}; try the same slice of both"
        )
    count = min(count, len(x))
    both = np.concatenate([x[:count].detach().cpu(), x_recon[:count].detach().cpu()])
    return image_grid(
        x.new_tensor(both), alt, columns=count, row_labels=("original", "reconstruction")
    )


def latent_scatter(
    z: Tensor, y: Tensor, alt: str, *, axes: Axes | None = None, limit: float | None = None
) -> Figure:
    """Codes z (n, 2) by class y (n,): each point drawn as its own digit, each class named once.

    `limit` sets both axes to [−limit, limit]; `axes` draws into a figure that is there already.
    """
    if z.ndim != 2 or z.shape[1] != 2 or y.shape != z.shape[:1]:
        raise CourseError(
            f"expected z of shape (n, 2) and y of shape (n,), got {tuple(z.shape)} and "
            f"{tuple(y.shape)}; try a model with latent_dim=2"
        )
    if axes is None:
        axes = axes_of(new_figure(alt, 6.0, 5.4))
    points, classes = z.detach().cpu().numpy(), y.cpu().numpy()
    for label in np.unique(classes):
        mine = points[classes == label]
        colour = CLASS_COLOURS[int(label) % len(CLASS_COLOURS)]
        axes.plot(*mine.T, linestyle="", marker=f"${label}$", markersize=4.5, color=colour,
                  markeredgewidth=0, alpha=0.75)  # fmt: skip
        axes.annotate(
            str(label), _densest(mine), color=colour, fontsize=17, fontweight="bold",
            ha="center", va="center", path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    axes.set_aspect("equal", adjustable="datalim" if limit is None else "box")
    if limit is not None:
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
    return axes.figure  # type: ignore[return-value]


def _densest(points: np.ndarray) -> tuple[float, float]:
    """The point whose tenth neighbour is nearest; a median may lie where there are no points."""
    points = points[:1000]
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    tenth = min(10, len(points) - 1)
    x, y = points[np.partition(distances, tenth, axis=1)[:, tenth].argmin()]
    return float(x), float(y)


def decoded_manifold(images: Tensor, axis: Tensor, alt: str, *, axes: Axes | None = None) -> Figure:
    """What a 2-D latent space decodes to: images (n², 1, h, w) of a grid with coordinates `axis`.

    Takes what `latent.prior_grid` gives (rows from the largest z₂ down), decoded. The ticks are the
    grid's true coordinates, which are not equally spaced. Raises CourseError if any is not finite.
    """
    side = len(axis)
    if images.shape[:2] != (side * side, 1) or not axis.isfinite().all():
        raise CourseError(
            f"expected a finite axis of n points and n² grey images, got {side} points from "
            f"{axis.min().item():g} to {axis.max().item():g} and images {tuple(images.shape)}; "
            "try latent.prior_grid(15)"
        )
    _check_batch(images)
    if axes is None:
        axes = axes_of(new_figure(alt, 6.0, 5.8))
    _, _, height, width = images.shape
    sheet = images.detach().cpu().reshape(side, side, height, width).permute(0, 2, 1, 3)
    axes.imshow(
        sheet.reshape(side * height, side * width).numpy(), cmap="gray", vmin=0, vmax=1,
        extent=(0, side, 0, side), interpolation="nearest",
    )  # fmt: skip
    shown = sorted({round(i * (side - 1) / 4) for i in range(5)})
    names = [f"{axis[i].item():.1f}" for i in shown]
    axes.set_xticks([i + 0.5 for i in shown], names)
    axes.set_yticks([i + 0.5 for i in shown], names)
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    axes.spines[:].set_visible(False)
    return axes.figure  # type: ignore[return-value]


def loss_curves(
    train: dict[str, list[float]], validation: dict[str, list[float]], alt: str
) -> Figure:
    """Reconstruction and KL term by epoch, in nats an image, as `fit`'s History holds them.

    Validation starts at epoch 0, before training; train has its first mean after epoch 1.
    """
    figure = new_figure(alt, 7.0, 3.6)
    axes = axes_of(figure)
    lines = [("recon_nll", "reconstruction", RECON_COLOUR)]
    if any(train["kl"]) or any(validation["kl"]):
        lines.append(("kl", "KL", KL_COLOUR))
    for key, name, colour in lines:
        epochs = range(1, len(train[key]) + 1)
        axes.plot(epochs, train[key], color=colour, linestyle="--", label=f"{name}, train")
        if validation[key]:
            axes.plot(validation[key], color=colour, label=f"{name}, validation")
    axes.set(xlabel="epoch", ylabel="nats an image")
    nats = [value for key, _, _ in lines for value in train[key] + validation[key]]
    if min(nats, default=0) >= 0:  # those of a density may be negative, and must be seen
        axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def line_plot(
    x: Sequence[float] | Tensor,
    curves: Mapping[str, Sequence[float] | Tensor],
    alt: str,
    *,
    xlabel: str,
    ylabel: str,
    markers: bool = True,
) -> Figure:
    """One line a curve over the common x, each with its own dash and marker as well as colour."""
    styles = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"), ("#009E73", ":", "^"),
              ("#333333", "-.", "D"))  # fmt: skip
    if len(curves) > len(styles):
        raise CourseError(
            f"expected {len(styles)} curves or fewer, got {len(curves)}; try two figures"
        )
    figure = new_figure(alt, 7.0, 3.4)
    axes = axes_of(figure)
    for (name, values), (colour, dash, marker) in zip(curves.items(), styles, strict=False):
        axes.plot(
            x,
            values,
            dash,
            color=colour,
            marker=marker if markers else "",
            markersize=4,
            label=name,
        )
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        axes.legend(frameon=False)
    return figure


def _check_batch(images: Tensor) -> None:
    if images.ndim != 4 or not len(images) or images.shape[1] not in (1, 3):
        raise CourseError(
            "expected images of shape (n, 1 or 3, height, width) with n of 1 or more, got "
            f"{tuple(images.shape)}; try images[None] for a single one"
        )

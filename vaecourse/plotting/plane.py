"""A latent space of two dimensions: where codes lie in it, and what it decodes to."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.plotting.figures import CLASS_COLOURS, Figure, axes_of, new_figure, with_minus
from vaecourse.plotting.images import check_batch


def latent_scatter(z: Tensor, y: Tensor, alt: str, *, limit: float | None = None) -> Figure:
    """Codes z (n, 2) by class y (n,): each point drawn as its own digit, each class named once.

    `limit` sets both axes to [−limit, limit].
    """
    figure = new_figure(alt, 6.0, 5.4)
    draw_latent_scatter(axes_of(figure), z, y, limit=limit)
    return figure


def draw_latent_scatter(axes: Axes, z: Tensor, y: Tensor, *, limit: float | None = None) -> None:
    """`latent_scatter` into axes that are there already."""
    if z.ndim != 2 or z.shape[1] != 2 or y.shape != z.shape[:1]:
        raise CourseError(
            f"expected z of shape (n, 2) and y of shape (n,), got {tuple(z.shape)} and "
            f"{tuple(y.shape)}; try a model with latent_dim=2"
        )
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


def draw_extent(axes: Axes, coordinates: Tensor, label: str) -> None:
    """The square that a decoded grid covers, drawn and named on the scatter in `axes`.

    `coordinates` (n,) are the grid's, ascending, the same for both dimensions.
    """
    low, high = coordinates[0].item(), coordinates[-1].item()
    side = high - low
    axes.add_patch(
        Rectangle((low, low), side, side, fill=False, edgecolor="#333333", linestyle="--",
                  linewidth=1.5, zorder=3)
    )  # fmt: skip
    axes.annotate(
        label, (low, high), (0, 3), textcoords="offset points", color="#333333", fontsize=10,
        va="bottom", path_effects=[withStroke(linewidth=3, foreground="white")],
    )  # fmt: skip


def decoded_manifold(images: Tensor, coordinates: Tensor, alt: str) -> Figure:
    """What a 2-D latent space decodes to: images (n², 1, h, w) of a grid with those coordinates.

    Takes what `latent.prior_grid` gives (rows from the largest z₂ down), decoded; coordinates (n,)
    ascend. The ticks are round numbers at their true places: where the coordinates are not equally
    spaced, neither are they. Raises CourseError if any is not finite.
    """
    figure = new_figure(alt, 6.0, 5.8)
    draw_decoded_manifold(axes_of(figure), images, coordinates)
    return figure


def draw_decoded_manifold(axes: Axes, images: Tensor, coordinates: Tensor) -> None:
    """`decoded_manifold` into axes that are there already."""
    side = len(coordinates)
    places = coordinates.detach().cpu().double().numpy()
    if images.shape[:2] != (side * side, 1) or not np.isfinite(places).all():
        raise CourseError(
            f"expected finite coordinates of n points and n² grey images, got {side} points from "
            f"{places.min():g} to {places.max():g} and images {tuple(images.shape)}; "
            "try latent.prior_grid(15)"
        )
    if (np.diff(places) <= 0).any():
        raise CourseError(
            "expected coordinates that ascend, got some that do not; try latent.prior_grid(15)"
        )
    check_batch(images)
    _, _, height, width = images.shape
    sheet = images.detach().cpu().reshape(side, side, height, width).permute(0, 2, 1, 3)
    axes.imshow(
        sheet.reshape(side * height, side * width).numpy(), cmap="gray", vmin=0, vmax=1,
        extent=(0, side, 0, side), interpolation="nearest",
    )  # fmt: skip
    values = _round_values(places)
    ticks = np.interp(values, places, np.arange(side) + 0.5)
    names = [with_minus(value) for value in values]
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.tick_params(labelsize=10)
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    axes.spines[:].set_visible(False)


def _round_values(places: np.ndarray) -> list[float]:
    """Up to nine round numbers between the first of the places and the last."""
    low, high = places[0], places[-1]
    if low == high:
        return [round(float(low), 2)]
    values = MaxNLocator(nbins=8, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [round(float(value), 10) for value in values if low <= value <= high]


def _densest(points: np.ndarray) -> tuple[float, float]:
    """The point whose tenth neighbour is nearest; a median may lie where there are no points."""
    points = points[:1000]
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    tenth = min(10, len(points) - 1)
    x, y = points[np.partition(distances, tenth, axis=1)[:, tenth].argmin()]
    return float(x), float(y)

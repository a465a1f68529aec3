"""Images side by side: as they are, in pairs, or their differences."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.plotting.figures import Figure, axes_of, new_figure


def check_batch(images: Tensor) -> None:
    if images.ndim != 4 or not len(images) or images.shape[1] not in (1, 3):
        raise CourseError(
            "expected images of shape (n, 1 or 3, height, width) with n of 1 or more, got "
            f"{tuple(images.shape)}; try images[None] for a single one"
        )


def image_grid(
    images: Tensor,
    alt: str,
    *,
    columns: int = 10,
    titles: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    width: float = 7.0,
) -> Figure:
    """Images (n, channels, height, width) in [0, 1], row by row; grey, or RGB for three channels.

    `titles` stand above the images of the first row, `row_labels` to the left of each row; `width`
    is that of a row, in inches.
    Raises CourseError for a tensor of another shape.
    """
    figure, cells = _grid(images, alt, columns, titles, row_labels, width)
    for axes, image in zip(cells, images, strict=True):
        pixels = image.detach().cpu().clamp(0, 1).numpy()
        if len(pixels) == 1:
            axes.imshow(pixels[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        else:
            axes.imshow(np.moveaxis(pixels, 0, -1), interpolation="nearest")
    return figure


def difference_grid(
    differences: Tensor,
    alt: str,
    *,
    columns: int = 10,
    titles: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    width: float = 7.0,
) -> Figure:
    """Differences of grey images (n, 1, height, width): white where there is none, blue below
    zero, red above, on one scale for all, which a colour bar tells.

    The rest is as for `image_grid`.
    """
    if differences.shape[1:2] != (1,):
        raise CourseError(
            f"expected differences of grey images, (n, 1, height, width), got "
            f"{tuple(differences.shape)}; try the mean over channels, keepdim=True"
        )
    figure, cells = _grid(differences, alt, columns, titles, row_labels, width)
    values = differences.detach().cpu().numpy()
    most = float(np.abs(values).max()) or 1.0
    for axes, image in zip(cells, values, strict=True):
        drawn = axes.imshow(image[0], cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + 0.5)
    bar = figure.colorbar(
        drawn, ax=figure.axes, orientation="horizontal", shrink=0.4, aspect=30, pad=0.04,
        ticks=[-most, 0, most],
    )  # fmt: skip
    bar.set_ticklabels([f"−{most:.2f}", "0", f"+{most:.2f}"])
    bar.ax.tick_params(labelsize=10)
    bar.outline.set_visible(False)
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


def _grid(
    images: Tensor,
    alt: str,
    columns: int,
    titles: Sequence[str],
    row_labels: Sequence[str],
    width: float,
) -> tuple[Figure, list[Axes]]:
    """A figure with an empty cell for each image; those left over in the last row are off."""
    check_batch(images)
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    height = rows * width / columns * images.shape[2] / images.shape[3]
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    figure = new_figure(alt, width + bool(row_labels), height + 0.25 * lines)
    grid = axes_of(figure, rows, columns)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes in grid.flat[len(images) :]:
        axes.set_axis_off()
    for axes, title in zip(grid[0], titles, strict=False):
        axes.set_title(title, fontsize=9)
    for axes, label in zip(grid[:, 0], row_labels, strict=True) if row_labels else ():
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    return figure, list(grid.flat[: len(images)])

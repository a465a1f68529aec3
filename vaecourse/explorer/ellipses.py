"""`ellipses`: half-axes (a, b) and the codes of their ellipses, each moved by hand."""

from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from vaecourse import plotting
from vaecourse.data.drawn import draw_ellipses
from vaecourse.errors import CourseError
from vaecourse.explorer.live import Live
from vaecourse.explorer.models import Part, codes, image_shape, latent_dim, rounded
from vaecourse.explorer.page import OnPage, show
from vaecourse.networks import DIGIT
from vaecourse.plotting import COLOURS, Figure

LINES, POINTS = 7, 37  # of the grid: lines of either kind, points of a line
LARGEST = 14  # pixels from the middle of the picture to its edge


def ellipses(
    model: nn.Module, *, axes: tuple[float, float] = (3, 12), start: tuple[float, float] = (9, 5)
) -> Live | OnPage | Figure:
    """Drag an ellipse's half-axes (a, b) and see its code; drag the code and see what is decoded.

    `model` is an autoencoder or a VAE of the data set `ellipses`, with two latent dimensions. The
    grid of half-axes, from the first of `axes` to the second, in pixels, is drawn in both planes:
    straight over (a, b), and as the encoder bends it over z (of a VAE: over mu). `start` is the
    first ellipse. Raises CourseError for another model, and for half-axes that do not fit.
    """
    dim, shape = latent_dim(model), image_shape(model)
    if dim != 2 or shape != DIGIT:
        raise CourseError(
            f"expected a model of ellipses {DIGIT} with 2 latent dimensions, got one of {shape} "
            f"with {dim}; try Autoencoder(MLPEncoder(2), MLPDecoder(2)), trained on ellipses"
        )
    low, high = _pair("axes", axes)
    a, b = _pair("start", start)
    if low >= high:
        raise CourseError(f"expected axes that ascend, got {axes!r}; try axes=(3, 12)")
    grid, every = _grid(model, low, high)
    middle, limit = (low + high) / 2, 0.575 * (high - low)
    ends = torch.stack([every.amin(dim=0), every.amax(dim=0)])
    reach = max(0.1, 0.575 * float((ends[1] - ends[0]).max()))
    centre = rounded(ends.mean(dim=0), 4)
    data = {
        "kind": "ellipses",
        "title": "An ellipse and its code",
        "shape": shape,
        "grid": grid,
        "start": [a, b],
        "axesPlane": {"centre": [middle] * 2, "limit": min(limit, middle - low / 2)},
        "codesPlane": {"centre": centre, "limit": reach},
    }
    farthest = max(map(abs, centre)) + reach
    return show(data, [Part(model, 2, shape, farthest)], lambda: _still(grid))


def _pair(name: str, values: Any) -> tuple[float, float]:
    """Two half-axes that fit into the picture, as numbers."""
    fit = isinstance(values, list | tuple) and len(values) == 2
    if not fit or not all(_is_number(v) and 0 < v <= LARGEST for v in values):
        raise CourseError(
            f"expected {name} as two half-axes above 0 and at most {LARGEST} pixels, got "
            f"{values!r}; try {name}=(3, 12)"
        )
    return float(values[0]), float(values[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _grid(model: nn.Module, low: float, high: float) -> tuple[dict[str, Any], Tensor]:
    """The lines of the grid with their codes, for the page; and all the codes (n, 2)."""
    values, steps = torch.linspace(low, high, LINES), torch.linspace(low, high, POINTS)
    same_a = torch.cartesian_prod(values, steps)  # line by line
    both = torch.cat([same_a, same_a.flip(1)])
    found, _ = codes(model, draw_ellipses(both))
    a, b = ([rounded(line, 3) for line in half.view(LINES, POINTS, 2)] for half in found.chunk(2))
    grid = {"values": rounded(values, 3), "steps": rounded(steps, 3), "a": a, "b": b}
    return grid, found


def _still(grid: dict[str, Any]) -> Figure:
    alt = (
        "Left a straight grid of half-axes a and b. Right the same grid after the encoder: its "
        "lines are bent."
    )
    figure = plotting.new_figure(alt, 7.0, 3.4)
    left, right = plotting.axes_of(figure, 1, 2)[0]
    for name, colour in zip("ab", COLOURS, strict=False):
        for value, line in zip(grid["values"], grid[name], strict=True):
            same = [value] * len(grid["steps"])
            straight = (same, grid["steps"]) if name == "a" else (grid["steps"], same)
            left.plot(*straight, color=colour, linewidth=1)
            right.plot(*zip(*line, strict=True), color=colour, linewidth=1)
    left.set(xlabel="a in pixels", ylabel="b in pixels", title="half-axes")
    right.set(xlabel="$z_1$", ylabel="$z_2$", title="their ellipses' codes")
    for axes in (left, right):
        axes.set_aspect("equal", adjustable="datalim")
    return figure

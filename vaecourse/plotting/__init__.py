"""Tensors in, a Figure out, with its alt text. Nothing here trains, and nothing calls `show()`:
a notebook shows the Figure that ends a cell.

What makes a Figure takes the alt text of it. What begins with `draw_` draws into axes that are
there already, and takes none: their figure has its own.
"""

from vaecourse.plotting.curves import dot_groups, line_plot, loss_curves
from vaecourse.plotting.diagrams import loss_diagram, network_diagram
from vaecourse.plotting.figures import (
    CLASS_COLOURS,
    COLOURS,
    Figure,
    axes_of,
    new_figure,
    with_minus,
)
from vaecourse.plotting.images import difference_grid, image_grid, reconstruction_pairs
from vaecourse.plotting.plane import (
    decoded_manifold,
    draw_decoded_manifold,
    draw_extent,
    draw_latent_scatter,
    latent_scatter,
)

__all__ = [
    "CLASS_COLOURS",
    "COLOURS",
    "Figure",
    "axes_of",
    "decoded_manifold",
    "difference_grid",
    "dot_groups",
    "draw_decoded_manifold",
    "draw_extent",
    "draw_latent_scatter",
    "image_grid",
    "latent_scatter",
    "line_plot",
    "loss_curves",
    "loss_diagram",
    "network_diagram",
    "new_figure",
    "reconstruction_pairs",
    "with_minus",
]

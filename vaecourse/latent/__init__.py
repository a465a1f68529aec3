"""Points of the latent space: ways and directions through it, grids, densities, a map of it."""

from vaecourse.latent.directions import logistic_direction, mean_direction
from vaecourse.latent.points import (
    aggregated_posterior,
    fit_gaussians,
    lerp,
    prior_grid,
    slerp,
    tsne,
)
from vaecourse.latent.shortest import decoded_steps, shortest_path

__all__ = [
    "aggregated_posterior",
    "decoded_steps",
    "fit_gaussians",
    "lerp",
    "logistic_direction",
    "mean_direction",
    "prior_grid",
    "shortest_path",
    "slerp",
    "tsne",
]

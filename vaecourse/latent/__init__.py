"""Points of the latent space: ways through it, grids over it, densities on it, a map of it."""

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
    "prior_grid",
    "shortest_path",
    "slerp",
    "tsne",
]

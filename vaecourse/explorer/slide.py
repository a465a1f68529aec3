"""`slide_attribute`: faces, and a slider for each direction in which their codes can be moved."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vaecourse import plotting
from vaecourse.errors import CourseError, check_number
from vaecourse.explorer.live import Live
from vaecourse.explorer.models import Part, decoded, image_shape, latent_dim, rounded
from vaecourse.explorer.page import OnPage, show
from vaecourse.plotting import Figure

MOST_FACES, MOST_DIRECTIONS = 12, 6


def slide_attribute(
    model: nn.Module,
    z: Tensor,
    directions: Mapping[str, Tensor],
    *,
    names: Sequence[str] = (),
    limit: float = 3.0,
) -> Live | OnPage | Figure:
    """A face, and for each direction a slider: what is decoded at z + Σ α · direction.

    z (n, latent_dim) are the codes of one to twelve faces to choose from, called `names`;
    `directions` (latent_dim,) by name are added as they are, times α from −limit to limit: of a
    difference of means, α = 1 is that difference. Beside the edit stands what is decoded at α = 0.
    Only codes are carried, no picture that the network has not drawn.

    Raises CourseError for a model that does not decode to grey or RGB, for codes and directions
    that are not finite or not of its latent dimension, and for a direction of no length.
    """
    dim, shape = latent_dim(model), image_shape(model)
    _check_codes(z, dim)
    check_number("limit", limit, "limit=3")
    if limit == 0:
        raise CourseError("expected a limit above 0, got 0; try limit=3")
    faces = list(names) or [f"face {i + 1}" for i in range(len(z))]
    if isinstance(names, str) or len(faces) != len(z) or not all(isinstance(f, str) for f in faces):
        raise CourseError(
            f"expected {len(z)} texts as names, one a face, got {names!r:.60}; try names=()"
        )
    ways = _checked(directions, dim)
    z = z.detach().float().cpu()
    data = {
        "kind": "slide",
        "title": f"Move {' and '.join(ways) if len(ways) < 3 else 'what a face shows'}",
        "shape": shape,
        "codes": rounded(z, 4),
        "names": faces,
        "directions": [{"name": name, "z": rounded(way, 5)} for name, way in ways.items()],
        "limit": float(limit),
    }
    spread = torch.stack(list(ways.values())).abs().sum(dim=0).max()
    part = Part(model, dim, reach=float(z.abs().max() + limit * spread))
    return show(data, [part], lambda: _still(model, z[0], faces[0], ways, float(limit)))


def _check_codes(z: Any, dim: int) -> None:
    came = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
    if not isinstance(z, Tensor) or z.ndim != 2 or z.shape[1] != dim or not len(z):
        raise CourseError(
            f"expected codes (n, {dim}) of faces, got {came}; try mu[:6] of mu, logvar = "
            "model.encode(x)"
        )
    if len(z) > MOST_FACES:
        raise CourseError(f"expected at most {MOST_FACES} faces, got {len(z)}; try z[:6]")
    if not z.isfinite().all():
        raise CourseError("expected finite codes, got NaN or infinity; try those of other faces")


def _checked(directions: Any, dim: int) -> dict[str, Tensor]:
    """The directions by name, each (latent_dim,) on the CPU."""
    if not isinstance(directions, Mapping) or not 1 <= len(directions) <= MOST_DIRECTIONS:
        count = len(directions) if isinstance(directions, Mapping) else type(directions).__name__
        raise CourseError(
            f"expected one to {MOST_DIRECTIONS} directions by name, got {count}; try "
            '{"smile": mean_direction(z, has)}'
        )
    for name, way in directions.items():
        came = tuple(way.shape) if isinstance(way, Tensor) else type(way).__name__
        if not isinstance(name, str) or came != (dim,):
            raise CourseError(
                f"expected a direction ({dim},) under a text, got {came} under {name!r:.60}; try "
                "mean_direction(z, has)"
            )
        if not way.isfinite().all() or not way.any():
            raise CourseError(
                f"expected a finite direction {name!r} of some length, got NaN, infinity or only "
                "zeros; try one of faces that have it and of faces that have not"
            )
    return {name: way.detach().float().cpu() for name, way in directions.items()}


def _still(
    model: nn.Module, z: Tensor, face: str, ways: Mapping[str, Tensor], limit: float
) -> Figure:
    """A row for each direction, from −limit to limit."""
    alphas = torch.linspace(-limit, limit, 7)
    images = torch.cat([decoded(model, z + alphas[:, None] * way) for way in ways.values()])
    alt = (
        f"Seven pictures decoded from the code of {face} for each of {', '.join(ways)}: from "
        f"α = −{limit:g} on the left over 0 in the middle to α = {limit:g} on the right."
    )
    titles = [f"α = {plotting.with_minus(round(alpha, 2))}" for alpha in alphas.tolist()]
    return plotting.image_grid(images, alt, columns=7, titles=titles, row_labels=list(ways))

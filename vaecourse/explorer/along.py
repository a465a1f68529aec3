"""`along`: a slider over a few places, of which pictures were drawn beforehand."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from vaecourse import plotting
from vaecourse.errors import CourseError, check_whole
from vaecourse.explorer.live import Live
from vaecourse.explorer.page import OnPage, show
from vaecourse.plotting import Figure

STILL = 6  # tiles of a row where nothing moves


def along(
    name: str,
    positions: Sequence[str | float] | Tensor,
    sheets: Mapping[str, Tensor],
    numbers: Mapping[str, Sequence[str]],
    curve: Mapping[str, Sequence[float] | Tensor],
    *,
    columns: int = 10,
    start: int = 0,
) -> Live | OnPage | Figure:
    """A slider `name` over `positions`: at each its pictures, its numbers, its point on a curve.

    Positions are texts, or numbers, which are written as short as they can be.
    `sheets` are grey images in [0, 1] by title: (positions, n, 1, height, width), or
    (n, 1, height, width) for those that are the same everywhere. `numbers` are texts by label, one
    a position. `curve` has two entries, the label of an axis with its values: first the horizontal
    one. Nothing is computed while it moves, so a page carries no network.

    Raises CourseError for no positions, counts that do not agree, numbers that are not finite, and
    pictures that are none.
    """
    texts = _texts(positions)
    points = {label: _numbers(label, values) for label, values in curve.items()}
    _check_counts(texts, numbers, points)
    check_whole("columns", columns, "columns=10")
    check_whole("start", start, "start=0", least=0)
    if start >= len(texts):
        raise CourseError(f"expected start below {len(texts)}, got {start}; try start=0")
    images = {title: _checked(title, each, len(texts)) for title, each in sheets.items()}
    sprite, places = _sprite(images)
    (xlabel, x), (ylabel, y) = points.items()
    data = {
        "kind": "along",
        "title": f"Move {name}",
        "name": name,
        "positions": texts,
        "start": int(start),
        "sheets": [
            {
                "title": title,
                "columns": min(int(columns), each.shape[1]),
                "count": each.shape[1],
                "first": places[title],
                "isSame": len(each) == 1,
            }
            for title, each in images.items()
        ],
        "sprite": sprite,
        "tile": list(next(iter(images.values())).shape[-2:]),
        "numbers": [{"label": label, "texts": list(each)} for label, each in numbers.items()],
        "curve": {"xlabel": xlabel, "ylabel": ylabel, "x": x, "y": y},
    }
    return show(data, [], lambda: _still(name, texts, images))


def _texts(positions: Any) -> list[str]:
    given = positions.tolist() if isinstance(positions, Tensor) else positions
    wanted = "expected texts or numbers as positions, one or more"
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise CourseError(f"{wanted}, got {positions!r:.60}; try ['0.1', '1']")
    if not all(isinstance(one, str | Real) and not isinstance(one, bool) for one in given):
        raise CourseError(f"{wanted}, got {positions!r:.60}; try ['0.1', '1']")
    # to six digits: float32's 0.1 is 0.10000000149
    return [one if isinstance(one, str) else plotting.with_minus(one) for one in given]


def _numbers(label: str, values: Any) -> list[float]:
    """Those of a list, an array or a tensor."""
    given = values.tolist() if isinstance(values, Tensor) else values
    try:
        return [float(value) for value in given]
    except (TypeError, ValueError):
        raise CourseError(
            f"expected numbers as {label!r} of the curve, got {values!r:.60}; try one a position"
        ) from None


def _check_counts(
    positions: Sequence[str],
    numbers: Mapping[str, Sequence[str]],
    curve: Mapping[str, Sequence[float]],
) -> None:
    if len(curve) != 2:
        raise CourseError(
            f"expected a curve of two axes, got {len(curve)}; try {{'rate': …, 'distortion': …}}"
        )
    for label, values in [*numbers.items(), *curve.items()]:
        if len(values) != len(positions):
            raise CourseError(
                f"expected an entry of {label!r} for each of {len(positions)} positions, got "
                f"{len(values)}; try one a position"
            )
    if not all(math.isfinite(value) for values in curve.values() for value in values):
        raise CourseError("expected a curve of finite numbers, got NaN or infinity; try others")


def _checked(title: str, images: Tensor, num_positions: int) -> Tensor:
    """(positions or 1, n, 1, height, width)."""
    came = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
    if isinstance(images, Tensor) and images.ndim == 4:
        images = images[None]
    elif not isinstance(images, Tensor) or images.ndim != 5 or len(images) != num_positions:
        images = torch.empty(0)
    if not images.numel() or images.shape[2] != 1:
        raise CourseError(
            f"expected grey images ({num_positions}, n, 1, height, width) or (n, 1, height, width) "
            f"as {title!r}, got {came}; try torch.stack of a batch for each position"
        )
    if not (images.min() >= 0 and images.max() <= 1):  # false for NaN too
        raise CourseError(
            f"expected images in [0, 1] as {title!r}, got {images.min():.3g} to "
            f"{images.max():.3g}; try sigmoid of the logits"
        )
    return images.detach().cpu()


def _sprite(sheets: Mapping[str, Tensor]) -> tuple[str, dict[str, int]]:
    """One PNG in base64, a row of tiles for each sheet and position; each sheet's first row."""
    if not sheets or len({each.shape[3:] for each in sheets.values()}) > 1:
        raise CourseError(
            "expected sheets of images of one size, got none or several; try images of one data set"
        )
    widest = max(each.shape[1] for each in sheets.values())
    rows: list[Tensor] = []
    places = {}
    for title, images in sheets.items():
        places[title] = len(rows)
        for batch in images:
            line = torch.cat(list(batch[:, 0]), dim=1)
            rows.append(torch.nn.functional.pad(line, (0, widest * batch.shape[-1] - len(line[0]))))
    levels = (torch.cat(rows) * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode(), places


def _still(name: str, positions: Sequence[str], sheets: Mapping[str, Tensor]) -> Figure:
    """For each sheet, and each position where it changes, a row of its first tiles."""
    lines = [
        (f"{title}, {name} = {position}" if len(images) > 1 else title, batch[:STILL])
        for title, images in sheets.items()
        for position, batch in zip(positions, images, strict=False)
    ]
    alt = f"A row of pictures for each sheet ({', '.join(sheets)}) and {name} = " + (
        f"{', '.join(positions)}."
    )
    figure = plotting.new_figure(alt, 5.0, 0.45 * len(lines))
    grid = plotting.axes_of(figure, len(lines), STILL)
    for axes_row, (label, batch) in zip(grid, lines, strict=True):
        for axes in axes_row:
            axes.set_axis_off()
        for axes, image in zip(axes_row, batch, strict=False):
            axes.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        axes_row[0].text(
            -0.15, 0.5, label, transform=axes_row[0].transAxes, ha="right", va="center", fontsize=9
        )
    return figure

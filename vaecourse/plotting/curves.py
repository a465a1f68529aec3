"""Numbers over epochs, over a setting, or by group."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.plotting.figures import COLOURS, Figure, axes_of, new_figure, with_minus

Numbers = Sequence[float] | Tensor
DASHES, MARKERS = ("-", "--", ":", "-."), "os^D"
TERMS = {"recon_nll": "reconstruction", "kl": "KL", "iw_nll": "importance-weighted bound"}


class History(Protocol):
    """What `training.fit` gives: mean nats an image by epoch, by name."""

    train: dict[str, list[float]]
    validation: dict[str, list[float]]


def loss_curves(history: History, alt: str) -> Figure:
    """A panel for each term of the loss, each with its own scale, in nats an image.

    The terms are those that the History names; "loss" itself only if it has no others. Validation
    starts at epoch 0, before training; train has its first mean after epoch 1. A first epochs'
    height that would hide the rest is cut off, and the panel says where the curve starts.
    """
    names = [name for name in history.train if name != "loss"] or list(history.train)
    if not any(history.train.values()):
        raise CourseError("expected a History of one epoch or more, got none; try num_epochs=1")
    figure = new_figure(alt, 6.0, 0.5 + 2.1 * len(names))
    panels = axes_of(figure, len(names), 1, sharex=True)[:, 0]
    for axes, name, colour in zip(panels, names, COLOURS, strict=False):
        train, validation = history.train[name], history.validation.get(name, [])
        epochs = range(1, len(train) + 1)
        axes.plot(epochs, train, color=colour, linestyle="--", label="training images")
        if validation:
            axes.plot(validation, color=colour, label="held-out images")
        axes.set(ylabel="nats an image")
        note = _cut(axes, train, validation)
        axes.set_title(TERMS.get(name, name.replace("_", " ")) + note, loc="left")
    panels[0].legend(frameon=False, loc="best")
    panels[-1].set_xlabel("epoch")
    return figure


def _cut(axes: Axes, train: list[float], validation: list[float]) -> str:
    """Set the scale of a panel, without the height of the first tenth of the epochs if that is most
    of it, and with zero if it is near; gives the words that say so."""
    early = 1 + len(train) // 10
    low, high = min(train + validation), max(train + validation)
    late = max(train[early:] + validation[early + 1 :], default=high)
    cut = low < late and 2 * (late - low) < high - low
    top = late if cut else high
    if 0 <= low < top / 2:
        low = 0.0
    margin = 0.08 * (top - low) or 1.0
    axes.set_ylim(low - margin if low else 0.0, top + margin)
    return f" (starts at {(validation or train)[0]:.0f}, above this scale)" if cut else ""


def line_plot(
    x: Numbers,
    curves: Mapping[str, Numbers],
    alt: str,
    *,
    xlabel: str,
    ylabel: str,
    xscale: str = "linear",
    yscale: str = "linear",
    xticks: Sequence[float] = (),
    reference: Mapping[str, float] | None = None,
    markers: bool = True,
) -> Figure:
    """One line a curve over the common x, each with its own dash and marker as well as colour.

    A curve that is shorter than x ends early. The scales are "linear" or "log"; `xticks` stand
    where they are told, and as they are. `reference` draws level lines, each with its name.
    """
    if len(curves) > len(COLOURS):
        raise CourseError(
            f"expected {len(COLOURS)} curves or fewer, got {len(curves)}; try two figures"
        )
    if any(len(values) > len(x) for values in curves.values()):
        raise CourseError(
            f"expected curves of {len(x)} points, as many as x, or fewer, got one of "
            f"{max(map(len, curves.values()))}; try the x of the longest"
        )
    figure = new_figure(alt, 6.0, 3.4)
    axes = axes_of(figure)
    styles = zip(COLOURS, DASHES, MARKERS, strict=True)
    for (name, values), (colour, dash, marker) in zip(curves.items(), styles, strict=False):
        axes.plot(x[: len(values)], values, dash, color=colour, marker=marker if markers else "",
                  markersize=4, label=name)  # fmt: skip
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    if len(xticks):
        axes.set_xticks(xticks, [with_minus(tick) for tick in xticks])
        axes.minorticks_off()
    _draw_reference(axes, reference)
    if len(curves) > 1:
        axes.legend(frameon=False)
    return figure


def dot_groups(
    groups: Mapping[str, Numbers],
    alt: str,
    *,
    ylabel: str,
    reference: Mapping[str, float] | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """A dot for each value, a column for each group, a short line at the group's mean.

    For what several seeds, or several models, gave. `reference` draws level lines, each with its
    name; `limits` are those of the values' axis.
    """
    figure = new_figure(alt, 6.0, 3.2)
    axes = axes_of(figure)
    for place, values in enumerate(groups.values()):
        heights = np.asarray([float(value) for value in values])
        aside = 0.06 * (np.arange(len(heights)) - (len(heights) - 1) / 2)  # equal ones are all seen
        aside *= min(1.0, 0.6 / max(np.ptp(aside), 1e-9)) if len(heights) else 1.0
        axes.plot(place + aside, heights, MARKERS[place % 4], color=COLOURS[place % 4],
                  markersize=8, alpha=0.75, markeredgewidth=0)  # fmt: skip
        if len(heights) > 1:
            axes.hlines(heights.mean(), place - 0.35, place + 0.35, color="#333333", linewidth=1)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set(xlim=(-0.6, len(groups) - 0.4), ylabel=ylabel, ylim=limits)
    _draw_reference(axes, reference)
    return figure


def _draw_reference(axes: Axes, reference: Mapping[str, float] | None) -> None:
    for name, value in (reference or {}).items():
        axes.axhline(value, color="#555555", linestyle=(0, (1, 1)), linewidth=1.5, zorder=0)
        axes.annotate(
            name, (1, value), (4, 0), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", ha="left", va="center", fontsize=10, color="#333333",
        )  # fmt: skip

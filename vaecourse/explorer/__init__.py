"""Latent sliders: something to move with one's own hands."""

import inspect
import os
from collections.abc import Callable

import ipywidgets

from vaecourse.plotting import Figure


def slider(
    draw: Callable[[float], Figure], name: str, low: float, high: float, value: float
) -> ipywidgets.Widget | Figure:
    """A slider called `name` from `low` to `high` that shows draw(its position), live.

    Where nobody can move it (VAECOURSE_STATIC is set, as it is while a chapter is run for the
    book), the Figure at `value` itself.
    """
    if os.environ.get("VAECOURSE_STATIC"):
        return draw(value)
    control = ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=(high - low) / 100, description=name
    )
    argument = next(iter(inspect.signature(draw).parameters))
    return ipywidgets.interactive(draw, {"auto_display": True}, **{argument: control})

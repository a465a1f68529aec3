"""The error that a user can mend: one line that says what was expected, what came, what to try."""

import math
import textwrap
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any


class CourseError(ValueError):
    """Something the user can put right.

    The command line prints it as one line and exits with status 1; a notebook shows the same line
    and no traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def unknown_name(kind: str, name: str, known: Iterable[str]) -> CourseError:
    """The error for a name that is none of `known`, with the nearest of them offered."""
    known = sorted(known)
    if not known:
        return CourseError(f"there is no {kind} {name!r}; there is none at all")
    near = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"try {known[0]!r}"
    return CourseError(f"there is no {kind} {name!r}; expected one of {', '.join(known)}; {hint}")


def check_number(name: str, value: Any, hint: str, least: float = 0) -> None:
    """CourseError unless `value` is a finite number of `least` or more, Python's or NumPy's.

    A bool is no number. `hint` is what to try.
    """
    _check_kind(isinstance(value, Real), "a number", name, value, hint)
    if not least <= value < math.inf:  # no comparison with NaN is true
        raise CourseError(
            f"expected {name} of {least} or more, and finite, got {value}; try {hint}"
        )


def check_whole(name: str, value: Any, hint: str, least: int = 1) -> None:
    """CourseError unless `value` is a whole number of `least` or more, Python's or NumPy's."""
    _check_kind(isinstance(value, Integral), "a whole number", name, value, hint)
    if value < least:
        raise CourseError(f"expected {name} of {least} or more, got {value}; try {hint}")


def _check_kind(right: bool, wanted: str, name: str, value: object, hint: str) -> None:
    if not right or isinstance(value, bool):
        came = textwrap.shorten(repr(value), 60, placeholder="…")
        raise CourseError(f"expected {wanted} for {name}, got {came}; try {hint}")

"""What a graded notebook prints for a question, and what is compared outside its kernel.

A number is printed as the whole number round((value − offset) / step). The offset is what the
expected value has beyond its nearest multiple of the step, so that it lies in the middle of its
rounding cell: every value within half a step prints the same text, and no other does.
"""

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from vaecourse.classroom.questions import RAISED, give, raised
from vaecourse.classroom.values import Leaf, step_of

LONGEST_TEXT = 200


class Grid(NamedTuple):
    """How the numbers of a part are rounded: the same step, an offset each."""

    step: float
    offsets: tuple[float, ...]


class Case(NamedTuple):
    """One set of inputs: the source of the function that asks, its seed, and the grids."""

    asked: str
    seed: int
    grids: tuple[Grid, ...]


def grids(expected: Sequence[Leaf], rtol: float) -> tuple[Grid, ...]:
    """Grids with the expected values in the middle of their cells."""
    found = []
    for leaf in expected:
        step = step_of(leaf, rtol)
        found.append(Grid(step, tuple(_rest(n, step) for n in leaf.numbers)))
    return tuple(found)


def line(values: Sequence[Leaf], by: Sequence[Grid]) -> str:
    """The text of values: of each part where it stands, its shape, and its rounded numbers."""
    parts: list[list[Any]] = []
    for index, leaf in enumerate(values):
        grid = by[min(index, len(by) - 1)]
        fits = len(grid.offsets) == len(leaf.numbers)
        offsets = grid.offsets if fits else (0.0,) * len(leaf.numbers)
        numbers = [
            _rounded(n, grid.step, off) for n, off in zip(leaf.numbers, offsets, strict=True)
        ]
        parts.append([leaf.place, leaf.shape, numbers])
    return json.dumps(parts)


def emit(answer: Any, cases: str) -> None:
    """Print a line for each case (JSON of a list of `Case`), whatever the answer does."""
    for asked, seed, by in json.loads(cases):
        print(outcome(answer, Case(asked, seed, tuple(Grid(s, tuple(o)) for s, o in by))))


def outcome(answer: Any, case: Case) -> str:
    """The line of an answer for a case; an exception is a value too."""
    try:
        return line(give(case.asked, answer, case.seed), case.grids)
    except (Exception, SystemExit) as problem:
        return line(raised(problem), case.grids)


def was_raised(text: str) -> str:
    """The name of the exception that a line tells of, or ""."""
    try:
        place = json.loads(text)[0][0]
        return place.removeprefix(RAISED) if place.startswith(RAISED) else ""
    except (ValueError, LookupError, AttributeError):
        return ""


def _rounded(number: float | str, step: float, offset: float) -> int | str:
    if isinstance(number, str):
        return number[:LONGEST_TEXT]
    return round((number - offset) / step) if math.isfinite(number) else str(number)


def _rest(number: float | str, step: float) -> float:
    """What a number has beyond its nearest multiple of the step."""
    if isinstance(number, str) or not math.isfinite(number):
        return 0.0
    return number - step * round(number / step)

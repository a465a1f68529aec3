"""What a graded notebook prints for a question, and what is compared outside its kernel.

A number n is printed as the whole number round(n / step − offset). The offset is what the expected
number has beyond its nearest multiple of the step, so that it lies in the middle of its rounding
cell: every number within half a step prints the same text, and no other does.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

from vaecourse.classroom.keys import Case, Grid
from vaecourse.classroom.questions import give, lacking, raised, watched
from vaecourse.classroom.records import CHANGES, WAITS
from vaecourse.classroom.values import Leaf, step_of

LONGEST_TEXT = 200
WIDTH = 2  # of a rounding cell, in steps of the visible check: half of it is what a check allows
PLACES = 1  # of an offset: more would tell values with small denominators apart


def grids(expected: Sequence[Leaf], rtol: float) -> tuple[Grid, ...]:
    """Grids with the expected values in the middle of their cells."""
    found = []
    for leaf in expected:
        step = WIDTH * step_of(leaf, rtol)
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
    """Print a line for each case (JSON of a list of `Case`), whatever the answer does.

    One more line says that the answer changed a tensor it was given.
    """
    answer, changed = watched(answer)
    for asked, seed, by in json.loads(cases):
        print(outcome(answer, Case(asked, seed, tuple(Grid(s, tuple(o)) for s, o in by))))
    if changed:
        print(line([Leaf(CHANGES, None, ("",))], [Grid(1.0, ())]))


def outcome(answer: Any, case: Case) -> str:
    """The line of an answer for a case; an exception is a value too."""
    try:
        return line(give(case.asked, answer, case.seed), case.grids)
    except (Exception, SystemExit) as problem:
        if isinstance(problem, NotImplementedError) and not problem.args:  # torch's have some
            return line([Leaf(WAITS, None, (lacking(answer, problem),))], case.grids)
        return line(raised(problem), case.grids)


def _rounded(number: float | str, step: float, offset: float) -> int | str:
    if isinstance(number, str):
        return number[:LONGEST_TEXT]
    return round(number / step - offset) if math.isfinite(number) else str(number)


def _rest(number: float | str, step: float) -> float:
    """What a number has beyond its nearest multiple of the step, in steps."""
    if isinstance(number, str) or not math.isfinite(number):
        return 0.0
    return round(number / step - round(number / step), PLACES)

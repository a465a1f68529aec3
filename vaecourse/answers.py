"""What a chapter says of a student's answer: right, not yet, or which mistake it shows."""

from collections.abc import Mapping
from typing import Any

import torch

from vaecourse.shapes import shape_or_type

NOT_YET = "not yet: put your own in place of None"


def verdict(answer: Any, hints: Mapping[str, Any], otherwise: str = "") -> str:
    """One line on an answer: the first of `hints` whose value it equals.

    `hints` are lines that begin with "right" or "wrong", each with the value that earns it: a
    number, or a tensor of some shape. Equal is what differs by less than a thousandth of the value,
    or by less than a thousandth; NaN equals NaN. An answer of None is not yet one; `otherwise` is
    said of an answer that has no hint.
    """
    if answer is None:
        return NOT_YET
    try:
        given = torch.as_tensor(answer).double()
    except (TypeError, ValueError, RuntimeError):
        return f"wrong: expected a number or a tensor, got {shape_or_type(answer)}"
    values = {line: torch.as_tensor(value).double() for line, value in hints.items()}
    for line, value in values.items():
        if given.shape == value.shape and given.allclose(value, 1e-3, 1e-3, equal_nan=True):
            return line
    expected = next(iter(values.values()))
    if given.shape != expected.shape:
        came, wanted = tuple(given.shape), tuple(expected.shape)
        return f"wrong: expected the shape {wanted}, got {came}"
    return otherwise or "wrong: it is none of the values that we know; try again"

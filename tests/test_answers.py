"""What is said of an answer depends on its value and its shape, and on nothing else."""

import math

import pytest
import torch

from vaecourse.answers import verdict

HINTS = {
    "right": torch.tensor([1.0, 2.0]),
    "wrong: a mean": torch.tensor([0.5, 1.0]),
    "wrong: a sum": 3.0,
    "wrong: not a number": torch.tensor([math.nan, 2.0]),
}


@pytest.mark.parametrize("line", HINTS)
def test_an_answer_earns_the_line_of_the_value_that_it_equals(line: str) -> None:
    assert verdict(HINTS[line], HINTS) == line


def test_lists_numpy_arrays_and_tensors_that_carry_a_graph_are_answers_too() -> None:
    right = torch.tensor([1.0, 2.0])
    for answer in ([1, 2], (1.0, 2.0), right.numpy(), right.requires_grad_() * 1):
        assert verdict(answer, HINTS) == "right"


def test_none_is_not_yet_an_answer() -> None:
    assert verdict(None, HINTS).startswith("not yet")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (1.0, "wrong: expected the shape (2,), got ()"),
        ([[1.0, 2.0]], "wrong: expected the shape (2,), got (1, 2)"),
        ("1, 2", "wrong: expected a number or a tensor, got str"),
        ([1.0, -2.0], "wrong: it is none of the values that we know; try again"),
    ],
)
def test_an_answer_without_a_hint_is_wrong(answer: object, line: str) -> None:
    assert verdict(answer, HINTS) == line


def test_near_is_a_thousandth_and_no_more() -> None:
    assert verdict(100.05, {"right": 100.0}) == "right"
    assert verdict(100.2, {"right": 100.0}, "wrong: far") == "wrong: far"
    assert verdict(0.0005, {"right": 0.0}) == "right"
    assert verdict(0.002, {"right": 0.0}, "wrong: far") == "wrong: far"

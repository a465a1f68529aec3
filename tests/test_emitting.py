"""A number prints the same text exactly if it is as near to the expected one as a check allows."""

import math
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from vaecourse.classroom.emitting import emit, grids, line, outcome
from vaecourse.classroom.keys import Case
from vaecourse.classroom.values import leaves, step_of

RTOL = 1e-3
numbers = st.lists(
    st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6), min_size=1, max_size=8
)


def printed(value: Any, like: Any) -> str:
    return line(leaves(value), grids(leaves(like), RTOL))


def step(value: Any) -> float:
    (leaf,) = leaves(value)
    return step_of(leaf, RTOL)


@given(numbers, st.data())
def test_whatever_the_visible_check_must_recognise_prints_the_same(
    expected: list[float], data: st.DataObject
) -> None:
    near = st.floats(-0.89, 0.89)
    given_ = [x + step(expected) * data.draw(near) for x in expected]
    assert printed(given_, expected) == printed(expected, expected)


@given(numbers, st.data())
def test_a_number_farther_away_prints_another_text(
    expected: list[float], data: st.DataObject
) -> None:
    where = data.draw(st.integers(0, len(expected) - 1))
    far = data.draw(st.floats(1.11, 1e4)) * data.draw(st.sampled_from([-1, 1]))
    given_ = list(expected)
    given_[where] += far * step(expected)
    assert printed(given_, expected) != printed(expected, expected)


def test_a_nan_an_infinity_and_a_text_are_themselves() -> None:
    for value in (math.nan, math.inf, -math.inf, "digits", [1.0, math.nan]):
        assert printed(value, value) == printed(value, value)
    different = {printed(v, 1.0) for v in (1.0, math.nan, math.inf, -math.inf, "1.0", [1.0])}
    assert len(different) == 6


def test_a_text_never_reads_as_a_number() -> None:
    grid = grids(leaves([3.0]), RTOL)
    assert line(leaves(["3"]), grid) != line(leaves([3.0]), grid)


ASKED = "def asked(answer, seed):\n    x = torch.full((2,), 1.0 + seed)\n    return answer(x)\n"


def test_what_an_answer_raises_and_waits_for_is_a_value_too() -> None:
    case = Case(ASKED, 1, grids(leaves(torch.ones(2)), RTOL))

    def stub(x: Any) -> Any:
        raise NotImplementedError

    def uses(x: Any) -> Any:
        return stub(x)

    def fails(x: Any) -> Any:
        raise KeyError("a")

    assert [outcome(f, case) for f in (stub, uses, fails)] == [
        '[["waits", null, [""]]]',
        '[["waits", null, ["stub"]]]',
        '[["raises KeyError", null, ["\'a\'"]]]',
    ]


def test_an_answer_that_changes_its_inputs_says_so_in_a_line_of_its_own(capsys: Any) -> None:
    case = Case(ASKED, 1, grids(leaves(torch.full((2,), 4.0)), RTOL))
    cases = f"[[{ASKED!r}, 1, {[[g.step, list(g.offsets)] for g in case.grids]}]]"
    text = cases.replace("'", '"')
    emit(lambda x: x * 2, text)
    right = capsys.readouterr().out
    emit(lambda x: x.mul_(2), text)
    assert capsys.readouterr().out == right + '[["changes its inputs", null, [""]]]\n'

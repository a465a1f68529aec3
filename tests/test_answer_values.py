"""What is kept of a value recognises it, within its tolerance, and does not say what it is."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaecourse.classroom import questions
from vaecourse.classroom.questions import judge
from vaecourse.classroom.records import Mistake, Question, Verdict
from vaecourse.classroom.values import form, leaves, printed, recognised, same_form
from vaecourse.errors import CourseError

NUMBERS = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)
DOUBLE = "def asked(double, seed):\n    return double(torch.arange(3.0) + seed)\n"


def question(
    right: Any, mistakes: dict[str, Any] | None = None, asked: str = DOUBLE, rtol: float = 1e-3
) -> Question:
    """A question whose right values are those of `right`; mistakes by their hint."""

    def prints(answer: Any) -> tuple[Any, ...]:
        return tuple(
            questions.prints("a9.1", s, questions.give(asked, answer, s), rtol) for s in (0, 1)
        )

    named = tuple(Mistake(hint, hint, prints(one)) for hint, one in (mistakes or {}).items())
    return Question("a9.1", 10, asked, (0, 1), prints(right), named)


def double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x + 1


# -- prints ------------------------------------------------------------------------------------


@given(st.lists(NUMBERS, min_size=1, max_size=6), st.sampled_from([1e-1, 1e-3, 1e-6]))
def test_values_are_recognised_within_half_a_step_and_not_beyond_two(
    numbers: list[float], rtol: float
) -> None:
    (leaf,) = leaves(numbers)
    kept = printed(leaf, "salt", rtol)
    largest = max(map(abs, numbers)) or 1.0
    assert rtol * largest / 10 < kept.step * 1.000001
    assert kept.step <= rtol * largest * 1.000001
    for off, right in ((0.0, True), (0.45, True), (-0.45, True), (2.1, False), (-2.1, False)):
        moved = leaves([number + off * kept.step for number in numbers])
        assert recognised(moved, [kept], "salt") == [right] * len(numbers)


def test_a_print_belongs_to_its_question_seed_place_and_index() -> None:
    (leaf,) = leaves([1.5, 1.5])
    kept = printed(leaf, "a", 1e-3)
    assert kept.hashes[:8] != kept.hashes[8:]
    assert recognised([leaf], [kept], "b") == [False, False]


def test_numbers_that_are_nought_but_for_rounding_are_nought() -> None:
    kept = printed(leaves([1e-16, -3e-17])[0], "", 1e-3)
    assert recognised(leaves([0.0, 2e-16]), [kept], "") == [True, True]
    assert recognised(leaves([0.0, 0.01]), [kept], "") == [True, False]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_recognised_as_itself_only(value: float) -> None:
    kept = printed(leaves([value])[0], "", 1e-3)
    for other in (math.nan, math.inf, -math.inf, 0.0):
        same = other == value or (math.isnan(other) and math.isnan(value))
        assert recognised(leaves([other]), [kept], "") == [same]


def test_a_list_an_array_and_a_tensor_of_the_same_numbers_are_one_value() -> None:
    as_list, as_tensor = leaves([[1, 2], [3, 4]]), leaves(torch.tensor([[1.0, 2], [3, 4]]))
    assert as_list == as_tensor == leaves(np.array([[1, 2], [3, 4]])) == leaves(((1, 2), (3, 4)))
    assert leaves([torch.tensor(1.0), torch.tensor(2.0)]) == leaves([1.0, 2.0])
    assert leaves(torch.tensor(3)) == leaves(3) == leaves(np.int64(3))
    assert leaves([1]) != leaves(1)


def test_the_parts_of_a_dict_come_in_the_order_of_their_names() -> None:
    assert leaves({"kl": 1, "elbo": 2}) == leaves({"elbo": 2, "kl": 1})
    assert form(leaves({"kl": [1, 2], "name": "x"})) == (
        "2 values: ['kl']: a tensor (2,), ['name']: a text"
    )
    assert not same_form(leaves({"kl": 1}), [printed(leaf, "", 1) for leaf in leaves({"elbo": 1})])


@pytest.mark.parametrize("value", [None, object(), [1, None], {"a": print}, 1j, torch.ones(2001)])
def test_what_is_no_value_is_refused_in_a_sentence(value: Any) -> None:
    with pytest.raises(CourseError, match="expected"):
        leaves(value)


# -- verdicts ----------------------------------------------------------------------------------


def test_the_right_answer_earns_all_points_whatever_way_it_is_written() -> None:
    for answer in (double, lambda x: x + x + 1, lambda x: [2 * float(v) + 1 for v in x]):
        assert judge(question(double), answer) == Verdict("a9.1", "right", 10, 10)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x: double(x) / 2, "half"),
        (lambda x: double(x) * 2, "twice"),
        (lambda x: -double(x), "negative"),
        (lambda x: double(x)[:2], r"Expected a tensor \(3,\), got a tensor \(2,\)"),
        (lambda x: double(x).sum(), r"Expected a tensor \(3,\), got a number"),
        (
            lambda x: [*double(x)[:2], 70.0],
            r"4 of 6 .* that is not is your 70 at \[2\]",
        ),
    ],
)
def test_a_wrong_answer_is_told_how_it_differs(answer: Any, hint: str) -> None:
    verdict = judge(question(double), answer)
    assert (verdict.status, verdict.points) == ("wrong", 0)
    assert re.search(hint, verdict.hint), verdict.hint


def test_a_known_mistake_is_called_by_its_name_before_any_other_hint() -> None:
    asked = question(double, {"no one": lambda x: 2 * x, "halved": lambda x: double(x) / 2})
    assert judge(asked, lambda x: x + x).mistake == "no one"
    assert judge(asked, lambda x: x + 0.5).mistake == "halved"
    assert judge(asked, lambda x: x).mistake == ""


def test_a_mistake_may_end_in_an_exception() -> None:
    asked = question(double)
    prints = tuple(
        questions.prints("a9.1", s, questions.raised(ZeroDivisionError("division by zero")), 1e-3)
        for s in (0, 1)
    )
    asked = Question(*list(vars(asked).values())[:5], (Mistake("divides", "by 0?", prints),))
    assert judge(asked, lambda x: 1 / 0).hint == "by 0?"
    assert judge(asked, lambda x: x.nothing).status == "error"
    assert judge(asked, lambda x: 0.0**-1).status == "error"  # the same kind, another cause


@pytest.mark.parametrize("problem", [ValueError("two\nlines"), SystemExit(3), RecursionError("r")])
def test_an_exception_of_the_answer_is_a_verdict(problem: BaseException) -> None:
    def raising(x: torch.Tensor) -> None:
        raise problem

    verdict = judge(question(double), raising)
    assert verdict.status == "error"
    assert type(problem).__name__ in verdict.hint
    assert "\n" not in verdict.hint


def test_an_answer_that_is_not_there_is_not_yet_one() -> None:
    def stub(x: torch.Tensor) -> None:
        raise NotImplementedError()

    for answer in (stub, None, ...):
        assert judge(question(double), answer) == Verdict("a9.1", "not yet", 0, 10)


def test_an_answer_that_uses_one_that_is_not_there_is_told_so() -> None:
    def triple(x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError()

    def sixfold(x: torch.Tensor) -> torch.Tensor:
        return 2 * triple(x)

    verdict = judge(question(double), sixfold)
    assert (verdict.status, verdict.points) == ("error", 0)
    assert "not answered yet: write that first" in verdict.hint


def test_a_forgotten_return_is_told_before_anything_trips_over_it() -> None:
    unpacks = "def asked(double, seed):\n    a, b = double(torch.ones(2)), 1\n    return a + b\n"

    def forgetful(x: torch.Tensor) -> None:
        2 * x

    asked = question(lambda x: 2 * x, asked=unpacks)
    assert "is a `return` missing?" in judge(asked, forgetful).hint


def test_an_exception_of_torchs_own_is_no_missing_answer() -> None:
    def centred(x: torch.Tensor) -> torch.Tensor:
        return (x > 1) - (x > 1).mean()  # which torch has not implemented for truth values

    verdict = judge(question(double), centred)
    assert verdict.status == "error"
    assert "NotImplementedError" in verdict.hint


def test_an_answer_that_changes_its_inputs_is_told_so() -> None:
    used_again = "def asked(double, seed):\n    x = torch.ones(3)\n    return double(x), x\n"
    asked = question(double, asked=used_again)
    assert judge(asked, lambda x: x.mul_(2).add_(1)).hint == questions.CHANGES_HINT
    assert judge(asked, lambda x: x.mul_(2)).hint != questions.CHANGES_HINT
    never_again = (
        "def asked(double, seed):\n    return double(torch.ones(3)), double(x=torch.ones(3))\n"
    )
    asked = question(lambda x: 2 * x, asked=never_again)
    for changing in (lambda x: x.mul_(2), lambda x: x[0:].add_(1)):
        assert judge(asked, changing).hint == questions.CHANGES_HINT
    assert judge(asked, lambda x: x.clone().mul_(2)).status == "right"


def test_ctrl_c_ends_a_check() -> None:
    def interrupted(x: torch.Tensor) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(question(double), interrupted)


def test_the_seed_seeds_torch_and_the_callers_random_state_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    drawn = "def asked(draw, seed):\n    return draw(), torch.rand(2)\n"
    torch.manual_seed(5)
    state = torch.get_rng_state()
    asked = question(lambda: torch.randn(3), asked=drawn)
    assert judge(asked, lambda: print("hello") or torch.empty(3).normal_()).status == "right"
    assert torch.equal(torch.get_rng_state(), state)
    assert capsys.readouterr().out == ""


def test_gradients_are_there_though_the_caller_has_none() -> None:
    slope = (
        "def asked(f, seed):\n    x = torch.ones(2, requires_grad=True)\n"
        "    return torch.autograd.grad(f(x).sum(), x)[0]\n"
    )
    with torch.no_grad():
        assert judge(question(torch.exp, asked=slope), lambda x: math.e**x).status == "right"

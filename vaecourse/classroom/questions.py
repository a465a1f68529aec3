"""A question judged by values: inputs made from a seed → the student's answer → values.

What is known of the right values, and of those that a mistake gives, are their prints (`values`).
`judge` says of an answer that it is right, which mistake it shows, or how it differs.
"""

import __future__

import contextlib
import functools
import linecache
import math
import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import torch

from vaecourse.classroom.records import CHANGES_HINT, RAISED, Mistake, Print, Question, Verdict
from vaecourse.classroom.values import Leaf, form, leaves, printed, recognised, same_form
from vaecourse.device import seeded
from vaecourse.errors import CourseError

FACTORS = {0.5: "twice", 2.0: "half", -1.0: "the negative"}  # times the answer is what was expected


def judge(question: Question, answer: Any) -> Verdict:
    """The verdict on an answer, by the seeds of the question. No exception of the answer's comes
    out, except KeyboardInterrupt."""
    given = []
    answer, changed = watched(answer)
    for seed in question.seeds:
        try:
            given.append(give(question.asked, answer, seed))
        except (Exception, SystemExit) as problem:
            if isinstance(problem, NotImplementedError) and not problem.args:  # torch's have some
                return _unanswered(question, answer, problem)
            given.append(raised(problem))
            if not any(_shows(question, mistake, given) for mistake in question.mistakes):
                return Verdict(question.name, "error", 0, question.points, where(problem))
    if all(_matches(question, question.prints, given)):
        if changed:
            return Verdict(question.name, "wrong", 0, question.points, CHANGES_HINT)
        return Verdict(question.name, "right", question.points, question.points)
    for mistake in question.mistakes:
        if _shows(question, mistake, given):
            hint, name = mistake.hint, mistake.name
            return Verdict(question.name, "wrong", 0, question.points, hint, name)
    changes = _is_right_on_copies(question, answer)
    hint = CHANGES_HINT if changes else _difference(question, given)
    return Verdict(question.name, "wrong", 0, question.points, hint)


def prints(name: str, seed: int, values: Sequence[Leaf], rtol: float) -> tuple[Print, ...]:
    """What is kept of the values that a question's answer gives for a seed."""
    return tuple(printed(leaf, _salt(name, seed), rtol) for leaf in values)


def give(asked: str, answer: Any, seed: int) -> list[Leaf]:
    """The values of an answer for a seed; what it prints is lost. Raises what the answer raises."""
    if answer is None or answer is ...:
        raise NotImplementedError
    function = _function(asked)
    with _quietly(), seeded(seed), torch.set_grad_enabled(True):
        return leaves(function(answer, seed))


def watched(answer: Any) -> tuple[Any, list[str]]:
    """The same answer, and a list that gets the names of tensors which a function changes in place.

    What is no plain function, and weights, which are there to be changed, are not watched. The same
    answer raises CourseError where it gives nothing back.
    """
    changed: list[str] = []
    if not isinstance(answer, FunctionType):
        return answer, changed

    @functools.wraps(answer)
    def watched(*given: Any, **named: Any) -> Any:
        parts = [*enumerate(given), *named.items()]
        tensors = {str(k): t for k, t in parts if type(t) is torch.Tensor and not t.is_inference()}
        before = {name: tensor._version for name, tensor in tensors.items()}
        result = answer(*given, **named)
        changed.extend(name for name, t in tensors.items() if t._version != before[name])
        if result is None:
            raise CourseError("your function gives nothing back (None): is a `return` missing?")
        return result

    return watched, changed


def raised(problem: BaseException) -> list[Leaf]:
    """An exception as a value, by its kind and by how it begins, for mistakes that end in one."""
    return [Leaf(RAISED + type(problem).__name__, None, (str(problem)[:40],))]


def where(problem: BaseException) -> str:
    """An exception in a line: what it is, and which line of the answer raised it."""
    text = " ".join(str(problem).split())[:300]
    said = text if isinstance(problem, CourseError) else f"{type(problem).__name__}: {text}"
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        name = frame.filename
        if "ipykernel" in name or "ipython-input" in name:
            line = (linecache.getline(name, frame.lineno or 0) or frame.line or "").strip()
            return f"{said} (in {frame.name}, line {frame.lineno}: {line})"
    return said


def lacking(answer: Any, problem: NotImplementedError) -> str:
    """What is not yet an answer: "" for this one, or the name of another that it uses."""
    trace = problem.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = trace.tb_frame.f_code.co_qualname if trace else ""  # "f<locals>.VAE.forward", say
    stub = place.rpartition("<locals>.")[2].partition(".")[0]
    own = getattr(answer, "__name__", stub)
    return "" if stub in (own, give.__name__) else stub


def _unanswered(question: Question, answer: Any, problem: NotImplementedError) -> Verdict:
    """Not yet an answer; or one that uses another, which is none yet."""
    other = lacking(answer, problem)
    if not other:
        return Verdict(question.name, "not yet", 0, question.points)
    hint = f"It uses {other}, which is not answered yet: write that first."
    return Verdict(question.name, "error", 0, question.points, hint)


# -- the function that asks --------------------------------------------------------------------


def _function(asked: str) -> Callable[[Any, int], Any]:
    """The function that a source defines, in a namespace of its own with `torch` and `math`."""
    code = _compiled(asked)
    space: dict[str, Any] = {"torch": torch, "math": math, "__name__": "asked"}
    exec(code, space)
    return [value for value in space.values() if isinstance(value, FunctionType)][-1]


@cache
def _compiled(asked: str) -> CodeType:
    lazily = __future__.annotations.compiler_flag  # types are for readers: no import for them
    return compile(asked, "<asked>", "exec", flags=lazily, dont_inherit=True)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with (
        Path(os.devnull).open("w") as nothing,
        contextlib.redirect_stdout(nothing),
        contextlib.redirect_stderr(nothing),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


# -- comparing ---------------------------------------------------------------------------------


def _salt(name: str, seed: int) -> str:
    return f"{name}|{seed}"


def _matches(
    question: Question, wanted: Sequence[Sequence[Print]], given: Sequence[list[Leaf]]
) -> Iterator[bool]:
    """For each seed, whether every number is the one that was printed."""
    for seed, values, seen in zip(question.seeds, given, wanted, strict=False):
        yield same_form(values, seen) and all(recognised(values, seen, _salt(question.name, seed)))


def _shows(question: Question, mistake: Mistake, given: Sequence[list[Leaf]]) -> bool:
    return all(_matches(question, mistake.prints, given))


def _is_right_on_copies(question: Question, answer: Any) -> bool:
    """Whether a function is right if each call is given tensors of its own."""
    if not callable(answer) or isinstance(answer, type):
        return False

    def on_copies(*given: Any) -> Any:
        return answer(*(part.clone() if isinstance(part, torch.Tensor) else part for part in given))

    try:
        values = [give(question.asked, on_copies, seed) for seed in question.seeds]
    except (Exception, SystemExit):
        return False
    return all(_matches(question, question.prints, values))


def _difference(question: Question, given: Sequence[list[Leaf]]) -> str:
    """How an answer without a known mistake differs, first in form, then in values."""
    for values, seen in zip(given, question.prints, strict=True):
        if not same_form(values, seen):
            return f"Expected {form(seen)}, got {form(values)}."
    for factor, word in FACTORS.items():
        scaled = [[_scaled(leaf, factor) for leaf in values] for values in given]
        if all(_matches(question, question.prints, scaled)):
            return f"This is {word} of what was expected, everywhere."
    right, numbers = [], []
    for seed, values, seen in zip(question.seeds, given, question.prints, strict=True):
        right += recognised(values, seen, _salt(question.name, seed))
        numbers += [(_place(leaf, i), n) for leaf in values for i, n in enumerate(leaf.numbers)]
    place, number = numbers[right.index(False)]
    value = f"{number:.6g}" if isinstance(number, float) else repr(number)
    return (
        f"{sum(right)} of {len(right)} values are right; the first that is not is your {value}"
        f"{f' at {place}' if place else ''}."
    )


def _place(leaf: Leaf, index: int) -> str:
    """Where a number stands: the place of its part, and its own in there."""
    if not leaf.shape:
        return leaf.place
    at = [int(i) for i in np.unravel_index(index, leaf.shape)]
    return f"{leaf.place}{at}"


def _scaled(leaf: Leaf, factor: float) -> Leaf:
    numbers = tuple(n if isinstance(n, str) else factor * n for n in leaf.numbers)
    return leaf._replace(numbers=numbers)

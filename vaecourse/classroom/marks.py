"""From what a paper printed to points and hints. What was printed is a stranger's text."""

import builtins
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vaecourse.classroom.grades import QuestionGrade, QuestionStatus
from vaecourse.classroom.judged import JUDGED_SECONDS, Outcome
from vaecourse.classroom.keys import Case, KeyQuestion
from vaecourse.classroom.records import CHANGES, CHANGES_HINT, RAISED, WAITS
from vaecourse.classroom.sheets import Read, Sheet
from vaecourse.classroom.submissions import defined

LARGEST = 1 << 62
FACTORS = {0.5: "twice", 2.0: "half", -1.0: "the negative of"}  # times what was given is expected
ENDED: dict[str, str] = {
    "late": f"Your code was stopped after {JUDGED_SECONDS} seconds of computing: does a loop never "
    "end?",
    "loud": "Your code prints more than a million characters: does it print in a loop?",
    "dead": "Your code ended the program that runs it: does it call exit, or fill the memory?",
}
WHY_NOT = {
    "not answered": "This was not answered.",
    "missing": "Its answer cell was not in your notebook, or had become one of another kind.",
    "too long": "Your answer is longer than an answer can be, and was not read.",
}
ELSEWHERE = (
    "Your answer is right for inputs like those of its check, and wrong for others: does it rely "
    "on a size, a sign or a number that those had by chance?"
)
# exceptions that may be named to a student: what stands in another's name is the student's choice
KNOWN = {
    name
    for name, thing in vars(builtins).items()
    if isinstance(thing, type) and issubclass(thing, BaseException)
} | {"CourseError", "OutOfMemoryError"}


class Part(NamedTuple):
    """A part of what was printed for a case: see `emitting.line`."""

    place: str
    shape: tuple[int, ...] | None
    numbers: tuple[int | str, ...]


def mark(
    question: KeyQuestion, sheet: Sheet, why_not: str, outcomes: Mapping[str, Outcome]
) -> QuestionGrade:
    """What a question earns. `outcomes` holds its check cell's and, if that failed, its answer's.

    Nothing but a pass by nbval earns points, and nothing that was not answered.
    """
    name, of = question.name, question.points
    if why_not:
        return QuestionGrade(name, 0.0, of, "not answered", WHY_NOT[why_not])
    answer_cell, check_cell = (f"{name.replace('.', '-')}{end}" for end in ("", "-check"))
    outcome = outcomes.get(check_cell, Outcome(False, "late"))
    if outcome.is_passed:
        return QuestionGrade(name, float(of), of, "right")
    for one in (outcomes.get(answer_cell), outcome):
        if one and one.status in ENDED:
            return QuestionGrade(name, 0.0, of, _status(one), ENDED[one.status])
    if outcome.status == "error":
        hint = _of_error(sheet, name, outcomes.get(answer_cell) or outcome)
        return QuestionGrade(name, 0.0, of, "error", hint)
    return _of_values(question, sheet, outcome.printed)


def to_read(read: Read, why_not: str) -> QuestionGrade:
    """A question that a person reads; what was not written earns nothing."""
    if why_not:
        return QuestionGrade(read.name, 0.0, read.points, "not answered", WHY_NOT[why_not])
    return QuestionGrade(read.name, None, read.points, "to read")


def _status(outcome: Outcome) -> QuestionStatus:
    return outcome.status  # type: ignore[return-value]


def _of_error(sheet: Sheet, question: str, outcome: Outcome) -> str:
    kind = outcome.error if outcome.error in KNOWN else "an exception"
    if kind == "NameError":
        names = {n for c in sheet.cells if c.question == question for n in defined(c.source)}
        wanted = ", ".join(sorted(names))
        return f"A name is not defined: does the answer cell still define {wanted}?"
    return f"The answer cell cannot be run: it ends in {kind}."


# -- hints from values -------------------------------------------------------------------------


def _of_values(question: KeyQuestion, sheet: Sheet, printed: str) -> QuestionGrade:
    lines = tuple(printed.splitlines())
    cases = lines[: len(question.lines)]
    found, of = question.name, question.points
    for mistake in question.mistakes:
        if cases == mistake.lines:
            return QuestionGrade(found, 0.0, of, "wrong", mistake.hint, mistake.name)
    given = [_parts(line) for line in cases]
    error = next((hint for parts in given if (hint := _of_exception(sheet, parts))), "")
    if error:
        return QuestionGrade(found, 0.0, of, "error", error)
    return QuestionGrade(found, 0.0, of, "wrong", _difference(question, lines, given))


def _of_exception(sheet: Sheet, parts: Sequence[Part] | None) -> str:
    """The hint for a case that ended in an exception, or "" for one that did not."""
    place = parts[0].place if parts else ""
    if place == WAITS:
        other = str(parts[0].numbers[0]) if parts and parts[0].numbers else ""
        known = {n for c in sheet.cells if c.role == "answer" for n in defined(c.source)}
        if other in known:
            return f"It uses {other}, which is not answered: write that first."
        return "It still says that it is not answered (NotImplementedError)."
    if place.startswith(RAISED):
        kind = place.removeprefix(RAISED)
        return f"It ends in {kind if kind in KNOWN else 'an exception'}."
    return ""


def _difference(
    question: KeyQuestion, lines: Sequence[str], given: Sequence[Sequence[Part] | None]
) -> str:
    """How an answer without a known mistake differs: in form, by a factor, in how many values."""
    wanted = [_parts(line) or () for line in question.lines]
    if tuple(lines[: len(wanted)]) == question.lines:
        extra = (_parts(line) for line in lines[len(wanted) :])
        changes = any(parts and parts[0].place == CHANGES for parts in extra)
        return CHANGES_HINT if changes else "It prints something besides its values."
    if len(given) < len(wanted) or any(
        not _same_form(g, w) for g, w in zip(given, wanted, strict=False)
    ):
        return "The form of what it gives (its parts and their shapes) is not the expected one."
    pairs = list(zip(question.cases, given, wanted, strict=True))
    for factor, word in FACTORS.items():
        if all(_is_factor(factor, *pair) for pair in pairs):
            return f"This is {word} what was expected, everywhere."
    if tuple(lines[: question.num_open]) == question.lines[: question.num_open]:
        return ELSEWHERE
    equal = [a == b for _, g, w in pairs for a, b in zip(_numbers(g), _numbers(w), strict=True)]
    return f"{sum(equal)} of {len(equal)} values are right, over inputs drawn for the grade."


def _same_form(given: Sequence[Part] | None, wanted: Sequence[Part]) -> bool:
    if given is None:
        return False
    forms = ([(p.place, p.shape, len(p.numbers)) for p in parts] for parts in (given, wanted))
    return next(forms) == next(forms)


def _is_factor(factor: float, case: Case, given: Any, wanted: Any) -> bool:
    """Whether the factor times what was given is what was expected, within the rounding."""
    some = False
    for mine, right, grid in zip(given, wanted, case.grids, strict=False):
        for a, b, offset in zip(mine.numbers, right.numbers, grid.offsets, strict=False):
            if isinstance(a, str) or isinstance(b, str):
                if a != b:
                    return False
            elif abs(factor * (a + offset) - (b + offset)) > 0.5 * abs(factor) + 1e-3:
                return False
            else:
                some = some or b + offset != 0
    return some


def _numbers(parts: Sequence[Part] | None) -> Iterator[int | str]:
    for part in parts or ():
        yield from part.numbers


def _parts(line: str) -> tuple[Part, ...] | None:
    """What a line says, or None where it is not of the form that `emitting.line` gives."""
    try:
        raw = json.loads(line)
        return tuple(_part(*one) for one in raw)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _part(place: Any, shape: Any, numbers: Any) -> Part:
    if not isinstance(place, str) or not isinstance(numbers, list):
        raise TypeError
    if any(not isinstance(n, int | str) or isinstance(n, bool) for n in numbers):
        raise TypeError
    if any(isinstance(n, int) and abs(n) > LARGEST for n in numbers):
        raise ValueError
    return Part(place, None if shape is None else tuple(map(int, shape)), tuple(numbers))

"""What stands in an assignment's cells: `check` and `score`, and for its author `ask` and `points`.

An author asks a question in the hidden part of its check cell, with functions for other right
answers and for mistakes; from there the release takes what a check may know.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from vaecourse.classroom import questions, sheets
from vaecourse.classroom.records import KEY, RAISED, Mistake, Print, Question, Verdict
from vaecourse.classroom.values import Leaf
from vaecourse.errors import CourseError, check_number

# exceptions that come of a slip in an author's mistake, not of the mistake
SLIPS = {"CourseError", "NameError", "TypeError", "AttributeError", "ModuleNotFoundError"}
_asked: dict[str, Question] = {}  # by an author, in this kernel
_keys: dict[str, "AnswerKey"] = {}  # likewise
_verdicts: dict[str, Verdict] = {}  # in this kernel


class AnswerKey(NamedTuple):
    """What an author knows of a question and no check may; see `ask`."""

    right: tuple[Any, ...]
    wrong: tuple[Callable[..., Any], ...]
    hidden: str | None  # a source
    rtol: float


def check(name: str, answer: Any) -> None:
    """Show what the visible check of a question ("a2.3") says of an answer, and keep it.

    Raises CourseError for a question that no released assignment has.
    """
    verdict = questions.judge(_question(name), answer)
    _verdicts[name] = verdict
    text = f"{name}  {verdict.points} of {verdict.of} points: {verdict.words}"
    _show(text, verdict=asdict(verdict))


def score(assignment: str) -> None:
    """Show the points of what was checked in this kernel, and what is still to do ("a2")."""
    asked = [q for name, q in _asked.items() if name.startswith(f"{assignment}.")]
    sheet = None if asked else sheets.load(assignment)
    all_questions = asked if sheet is None else list(sheet.questions)
    verdicts = [_verdicts.get(q.name) for q in all_questions]
    visible = sum(q.points for q in all_questions)
    lines = [
        f"checked here: {sum(v.points for v in verdicts if v)} of {visible} points",
        f"read by a person: {sheets.ALL_POINTS - visible} points",
    ]
    todo = [
        f"{question.name} ({verdict.status if verdict else 'not checked yet'})"
        for question, verdict in zip(all_questions, verdicts, strict=True)
        if not verdict or verdict.status != "right"
    ]
    lines += [f"still to do: {', '.join(todo)}"] if todo else []
    lines += ["the grade is found with other inputs: vaecourse check tries the whole notebook"]
    _show("\n".join(lines))


# -- for authors -------------------------------------------------------------------------------


def ask(
    name: str,
    points: int,
    asked: Callable[[Any, int], Any],
    right: Sequence[Any],
    wrong: Sequence[Callable[..., Any]] = (),
    hidden: Callable[[Any, int], Any] | None = None,
    seeds: tuple[int, ...] = (0, 1),
    rtol: float = 1e-3,
) -> None:
    """Ask a question: `asked(answer, seed)` makes inputs from the seed and gives values.

    `right` are answers that earn all points, at least one, the first of them the reference; `wrong`
    are mistakes, each a function with its hint as docstring. `asked` may use `torch` and `math`,
    and imports what else it needs. `hidden` is asked when points are given, and not released. A
    value is right within `rtol` of the largest beside it (within a tenth of that, at the least).

    Raises CourseError where a right answer differs from the first, or a mistake from neither it nor
    another mistake.
    """
    if not re.fullmatch(r"a\d+\.\d+", name):
        raise CourseError(f"expected a question's name, as in 'a2.3', got {name!r}")
    check_number("points", points, "points=10")
    source = textwrap.dedent(inspect.getsource(asked))

    def prints(answer: Any) -> tuple[tuple[Print, ...], ...]:
        values = ((seed, _outcome(source, answer, seed)) for seed in seeds)
        return tuple(questions.prints(name, seed, value, rtol) for seed, value in values)

    mistakes = tuple(Mistake(_title(w), _hint(w), prints(w)) for w in wrong)
    question = Question(name, points, source, seeds, prints(right[0]), mistakes)
    _check_question(question, right, wrong)
    _asked[name] = question
    secret = textwrap.dedent(inspect.getsource(hidden)) if hidden else None
    _keys[name] = AnswerKey(tuple(right), tuple(wrong), secret, rtol)
    text = f"{name}: {len(right)} right answers agree, {len(wrong)} mistakes are told apart"
    _show(text, question=asdict(question))


def points(name: str, answer: Any, seeds: tuple[int, ...]) -> float:
    """All points of a question where an answer is right for these seeds too, else none."""
    question, key = _asked[name], _keys[name]
    for source in filter(None, (question.asked, key.hidden)):
        values = ((seed, questions.give(source, key.right[0], seed)) for seed in seeds)
        wanted = tuple(questions.prints(name, seed, value, key.rtol) for seed, value in values)
        fresh = Question(name, question.points, source, seeds, wanted, ())
        if questions.judge(fresh, answer).status != "right":
            return 0.0
    return float(question.points)


def authored(name: str) -> tuple[Question, AnswerKey]:
    """A question that was asked in this process, and what its author knows."""
    return _asked[name], _keys[name]


def _outcome(source: str, answer: Any, seed: int) -> list[Leaf]:
    try:
        return questions.give(source, answer, seed)
    except Exception as problem:
        return questions.raised(problem)


def _check_question(
    question: Question, right: Sequence[Any], wrong: Sequence[Callable[..., Any]]
) -> None:
    if _exceptions(question.prints):
        for seed in question.seeds:
            questions.give(question.asked, right[0], seed)  # which raises
    for answer in right:
        verdict = questions.judge(question, answer)
        if verdict.status != "right":
            what = f"{verdict.status}: {verdict.hint}"
            raise CourseError(f"{question.name}: {_title(answer)} is not right ({what})")
    for answer, mistake in zip(wrong, question.mistakes, strict=True):
        if not mistake.hint:
            raise CourseError(f"{question.name}: {mistake.name} has no docstring to be its hint")
        if slips := _exceptions(mistake.prints) & SLIPS:
            raise CourseError(
                f"{question.name}: the mistake {mistake.name!r} ends in {', '.join(slips)}; is "
                "that the mistake you mean? call it once yourself"
            )
        verdict = questions.judge(question, answer)
        if verdict.mistake != mistake.name:
            came = verdict.mistake or verdict.status
            raise CourseError(f"{question.name}: the mistake {mistake.name!r} is taken for {came}")


def _exceptions(prints: Sequence[Sequence[Print]]) -> set[str]:
    places = {part.place for case in prints for part in case}
    return {p.removeprefix(RAISED) for p in places if p.startswith(RAISED)}


def _hint(function: Any) -> str:
    """Its docstring as one line, however the source wraps it."""
    return " ".join((inspect.getdoc(function) or "").split())


def _title(function: Any) -> str:
    return str(getattr(function, "__name__", function)).replace("_", " ").strip()


# -- what is shown -----------------------------------------------------------------------------


def _question(name: str) -> Question:
    if name in _asked:
        return _asked[name]
    assignment = str(name).partition(".")[0]
    found = [q for q in sheets.load(assignment).questions if q.name == name]
    if not found:
        known = ", ".join(q.name for q in sheets.load(assignment).questions)
        raise CourseError(f"{assignment} has no question {name!r}; expected one of {known}")
    return found[0]


def _show(text: str, **about: Any) -> None:
    """Show a text, in Jupyter with what a program may want to know of it."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text}, raw=True, metadata={KEY: about})

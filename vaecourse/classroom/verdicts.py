"""From what came of a submission to its grade."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from vaecourse.classroom import marks, sheets
from vaecourse.classroom.archives import Refused
from vaecourse.classroom.grades import CRASHES, Grade, GradeStatus, Handed, QuestionGrade
from vaecourse.classroom.judged import Judged
from vaecourse.classroom.keys import Key, KeyQuestion
from vaecourse.classroom.sheets import Sheet


def ungraded(handed: Handed, reason: str) -> Grade:
    """The grade of a file that could not be graded: nobody earned 0 there, a person looks."""
    return Grade(
        handed.student,
        "",
        handed.name,
        "needs review",
        (),
        {},
        review=(reason,),
        notes=handed.notes,
        is_late=handed.is_late,
        hashes={"notebook": hashlib.sha256(handed.content).hexdigest()},
    )


def refused(one: Refused) -> Grade:
    """The grade of a file that was not taken: somebody handed it in, so a person looks."""
    return Grade(
        one.student or one.name, "", one.name, "needs review", (), {}, review=(one.reason,)
    )


def grade_of(
    handed: Handed,
    found: Judged,
    key: Key,
    isolation: str,
    record: Mapping[str, Any],
    kept: Mapping[str, QuestionGrade],
) -> Grade:
    """The grade of a submission that was judged by a key; `kept` are those not asked this time."""
    sheet = sheets.load(key.assignment)
    questions = tuple(_questions(sheet, key, found, kept))
    review = tuple(_review(sheet, found, questions))
    hashes = {
        "notebook": hashlib.sha256(handed.content).hexdigest(),
        "key": key.fingerprint,
    }
    more = {
        "release": sheet.release,
        "seeds": list(key.seeds),
        "questions": {q.name: q.fingerprint for q in key.questions},
        "num_kernels": found.num_kernels,
        "seconds": found.seconds,
        "cpu_seconds": found.cpu_seconds,
    }
    return Grade(
        handed.student,
        key.assignment,
        handed.name,
        status_of(questions, review),
        questions,
        dict(found.answers),
        review,
        found.tampering,
        handed.notes,
        handed.is_late,
        isolation,
        hashes,
        {**record, **more},
    )


def status_of(questions: tuple[QuestionGrade, ...], review: tuple[str, ...]) -> GradeStatus:
    """What a grade is: a person must look, must read something, or nothing is left to do."""
    if review:
        return "needs review"
    return "partly graded" if any(q.points is None for q in questions) else "graded"


def _questions(
    sheet: Sheet, key: Key, found: Judged, kept: Mapping[str, QuestionGrade]
) -> Iterator[QuestionGrade]:
    """A grade for each question, in the order of the assignment."""
    known: dict[str, KeyQuestion] = {q.name: q for q in key.questions}
    reads = {read.name: read for read in sheet.read}
    outcomes = {**found.failed, **found.outcomes}
    for name in sorted({*known, *reads}, key=lambda name: int(name.partition(".")[2])):
        why_not = found.why_not.get(name, "")
        if name in reads:
            yield marks.to_read(reads[name], why_not)
        elif name in kept:
            yield kept[name]
        else:
            yield marks.mark(known[name], sheet, why_not, outcomes)


def _review(sheet: Sheet, found: Judged, questions: tuple[QuestionGrade, ...]) -> Iterator[str]:
    """Why a person must look: what was no honest run, or may be an accident."""
    if found.error:
        yield found.error
    given = {cell.id for cell in sheet.cells if cell.role == "text"}
    statuses = {question.name: question.status for question in questions}
    for cell, outcome in found.failed.items():
        name = cell.replace("-", ".")
        if cell in given:
            yield f"the given cell {cell} cannot be run: {outcome.error or outcome.status}"
        elif outcome.status in CRASHES and statuses.get(name) not in CRASHES:
            yield f"{name}: its answer cell was stopped. {marks.ENDED[outcome.status]}"
    yield from (f"{line}; a person reads this answer" for line in found.hooks)
    for question in questions:
        if question.status in CRASHES:
            yield f"{question.name}: {question.hint}"
        elif found.why_not.get(question.name) in ("missing", "too long"):
            yield f"{question.name}: {marks.WHY_NOT[found.why_not[question.name]]}"

"""A person's points: a table, `manual.csv`, that is read at every run and never lost.

A row gives the points of a question, also of one that was judged by values: then it overrules
them. A row with `review` in the place of the question says that somebody has looked: the grade is
no longer one that needs review.
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vaecourse import files
from vaecourse.classroom.gradebook import neutral
from vaecourse.classroom.grades import Grade, GradeStatus, QuestionGrade
from vaecourse.errors import CourseError

COLUMNS = ("student", "assignment", "question", "points", "comment")
REVIEW = "review"
Place = tuple[str, str, str]  # student, assignment, question


@dataclass(frozen=True)
class Row:
    """A line of the table; `points` is None where nobody has given any yet."""

    line: int
    points: float | None
    comment: str


Manual = Mapping[Place, Row]


def read(path: Path) -> Manual:
    """The rows of a table; none where there is no file. Raises CourseError, naming the line."""
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise CourseError(f"cannot read {path}: {problem}; save it as CSV in UTF-8 again") from None
    separator = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    head = [name.strip().lower() for name in next(rows, [])]
    if head[: len(COLUMNS)] != list(COLUMNS):
        raise CourseError(f"expected {path} to begin with {','.join(COLUMNS)}, got {head[:5]}")
    found: dict[Place, Row] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}, line {rows.line_num}"
        student, assignment, question, points, comment = [*row, *[""] * 5][:5]
        place = (_plain(student), assignment.strip(), question.strip())
        if place in found:
            raise CourseError(
                f"{where}: line {found[place].line} has {' '.join(place)} already; delete one"
            )
        found[place] = Row(rows.line_num, _number(points, where), comment.strip())
    return found


def apply(grade: Grade, manual: Manual) -> Grade:
    """A grade with a person's points. Raises CourseError for points that no question has."""
    questions = tuple(_given(grade, q, manual) for q in grade.questions)
    seen = manual.get((grade.student, grade.assignment, REVIEW))
    waits = any(q.points is None for q in questions)
    is_seen = seen is not None and (seen.points is not None or seen.comment != "")
    status: GradeStatus = "partly graded" if waits else "graded"
    if grade.status == "needs review" and not is_seen:
        status = "needs review"
    return replace(grade, questions=questions, status=status)


def write(path: Path, manual: Manual, grades: Sequence[Grade]) -> None:
    """Keep every row, and add one for each question, and each grade, that waits for a person."""
    wanted = dict.fromkeys(
        place for grade in grades for place in _waiting(grade) if place not in manual
    )
    if path.exists() and not wanted:
        return
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    rows = {**{place: Row(0, None, "") for place in wanted}, **manual}
    for place in sorted(rows, key=lambda p: (p[1], p[2] == REVIEW, _order(p[2]), p[0])):
        row = rows[place]
        points = "" if row.points is None else f"{row.points:g}"
        table.writerow([neutral(place[0]), *place[1:], points, neutral(row.comment)])
    files.write(path, text.getvalue())


def _given(grade: Grade, question: QuestionGrade, manual: Manual) -> QuestionGrade:
    row = manual.get((grade.student, grade.assignment, question.name))
    if row is None or row.points is None:
        return question
    if not 0 <= row.points <= question.of:
        raise CourseError(
            f"line {row.line} of manual.csv: expected 0 to {question.of} points for "
            f"{question.name}, got {row.points:g}; mend it and run again with --resume"
        )
    return replace(question, points=row.points, status="read", comment=row.comment)


def _waiting(grade: Grade) -> Iterator[Place]:
    for question in grade.questions:
        if question.status == "to read":
            yield grade.student, grade.assignment, question.name
    if grade.status == "needs review":
        yield grade.student, grade.assignment, REVIEW


def _number(text: str, where: str) -> float | None:
    """Points as people write them, with a comma or a point."""
    if not text.strip():
        return None
    try:
        value = float(text.strip().replace(",", "."))
        if math.isfinite(value):
            return value
    except ValueError:
        pass
    raise CourseError(f"{where}: expected points, got {text.strip()!r}; write a number, or nothing")


def _plain(student: str) -> str:
    """A student's name without the mark that keeps a spreadsheet from reading it as a formula."""
    name = student.strip()
    return name[1:] if name.startswith("'") and neutral(name[1:]) == name else name


def _order(question: str) -> tuple[str, int]:
    name, _, number = question.partition(".")
    return name, int(number) if number.isdigit() else 0

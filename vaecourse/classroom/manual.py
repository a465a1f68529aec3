"""A person's points: a table, `manual.csv`, that is read at every run and never lost.

Its columns are student, assignment, question, points, comment. A row gives the points of a
question, also of one that was judged by values: then it overrules them. A row without points may
have a comment: the student reads it.

A row with `review` in the place of the question is about the whole submission. `ok` in the place
of its points says that a person has looked and the points stand: the grade no longer needs review.
Its comment stays in the table. For a file that is no assignment the file's name stands in the
place of the assignment.

Excel, LibreOffice and people may save the table as they like: separated by commas, semicolons or
tabs, with a decimal comma, in UTF-8, UTF-16 or Windows' western letters.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from vaecourse import files
from vaecourse.classroom.gradebook import natural, neutral, one_line
from vaecourse.classroom.grades import Grade, GradeStatus, QuestionGrade
from vaecourse.errors import CourseError

COLUMNS = ("student", "assignment", "question", "points", "comment")
REVIEW = "review"
OK = "ok"
POINTS = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)", re.ASCII)
# what Excel would make a number, a date or a truth of: 007, 1E5, 3-4, mar12
CHANGED = re.compile(
    r"\d.*|[.,]\d.*|true|false|wahr|falsch"
    r"|(jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*[-. /]*\d.*",
    re.IGNORECASE,
)
Submission = tuple[str, str]  # the student and the assignment, as the table has them


@dataclass(frozen=True)
class Row:
    """A row of the table; `points` is None where nobody has given any."""

    place: str  # "manual.csv, line 7"
    points: float | None
    comment: str
    is_ok: bool = False  # of a row about the whole submission


@dataclass(frozen=True)
class Manual:
    """The table: its rows by submission and question, and how it was written."""

    rows: Mapping[Submission, Mapping[str, Row]] = field(default_factory=dict)
    text: str = ""
    head: tuple[str, ...] = COLUMNS
    separator: str = ","


# -- reading -----------------------------------------------------------------------------------


def read(path: Path) -> Manual:
    """A table; an empty one where there is no file. Raises CourseError, naming the line."""
    text = _text(path) if path.exists() else ""
    if not text.strip():
        return Manual()
    separator = max(",;\t", key=text.lstrip().splitlines()[0].count)
    lines = [(n, cells) for n, cells in _lines(path, text, separator) if any(map(str.strip, cells))]
    head = tuple(cell.strip().lower() for cell in lines[0][1])
    lacking = set(COLUMNS[:4]) - set(head)
    if lacking:
        raise CourseError(
            f"expected the first line of {path} to have {separator.join(COLUMNS)}, got "
            f"{separator.join(head)[:100]}; put {' and '.join(sorted(lacking))} back"
        )
    rows: dict[Submission, dict[str, Row]] = {}
    for number, cells in lines[1:]:
        found = {name: cell.strip() for name, cell in zip(head, cells, strict=False)}
        student, assignment = (_unquoted(found.get(name, "")) for name in COLUMNS[:2])
        question = found.get("question", "")
        question = REVIEW if question.lower() == REVIEW else question
        row = _row(f"{path.name}, line {number}", question, found)
        others = rows.setdefault((student, assignment), {})
        if question in others:
            raise CourseError(
                f"{row.place}: expected one row for {question} of {student}, got another in "
                f"{others[question].place}; delete one of them"
            )
        others[question] = row
    return Manual(rows, text, head, separator)


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise CourseError(
            f"cannot read {path}: {files.reason(problem)}; close it elsewhere, and try again"
        ) from None
    is_wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CourseError(f"cannot read the letters of {path}; save it as CSV in UTF-8")


def _lines(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with the number of the line where each begins."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in rows:
            yield line, cells
            line = rows.line_num + 1
    except csv.Error as problem:
        raise CourseError(
            f"{path.name}, line {line}: {problem}; does a quotation mark begin there that does not "
            "end? Write two of them for one in a text"
        ) from None


def _row(place: str, question: str, found: Mapping[str, str]) -> Row:
    points, comment = found.get("points", ""), found.get("comment", "")
    if question == REVIEW:
        if points.lower() not in (OK, ""):
            raise CourseError(
                f"{place}: expected {OK}, or nothing, as the points of {REVIEW}, got "
                f"{points[:40]!r}; give points in rows of their questions"
            )
        return Row(place, None, comment, is_ok=bool(points))
    if not points:
        return Row(place, None, comment)
    if not POINTS.fullmatch(points):
        raise CourseError(
            f"{place}: expected points of {question or 'a question'}, got {points[:40]!r}; write a "
            "number, as 7.5 or 7,5, or nothing"
        )
    return Row(place, float(points.replace(",", ".")), comment)


# -- using -------------------------------------------------------------------------------------


def apply(grade: Grade, manual: Manual) -> Grade:
    """A grade with a person's points; a question that has any is "read".

    The grade is as good as what is left to do: it needs review until a person says `ok`, then is
    partly graded while something is to be read. Raises CourseError for points of no question, and
    for more or fewer than a question has.
    """
    rows = manual.rows.get(_submission(grade), {})
    names = [question.name for question in grade.questions]
    for name, row in rows.items():
        if row.points is not None and name not in names:
            raise CourseError(
                f"{row.place}: {grade.assignment or grade.name} has no question {name[:40]!r}; "
                f"expected {_one_of(name, names)}; mend it, or empty its points"
            )
    questions = tuple(_given(q, rows.get(q.name)) for q in grade.questions)
    waits = any(question.points is None for question in questions)
    status: GradeStatus = "partly graded" if waits else "graded"
    if grade.status == "needs review" and not (REVIEW in rows and rows[REVIEW].is_ok):
        status = "needs review"
    return replace(grade, questions=questions, status=status)


def check(manual: Manual, grades: Sequence[Grade]) -> None:
    """CourseError for what a person has given to a student or an assignment that has no grade.

    Also where that would go to two students, whose names the table cannot tell apart.
    """
    names: dict[Submission, set[Submission]] = {}
    for grade in grades:
        whose = grade.student, grade.assignment or grade.name
        names.setdefault(_submission(grade), set()).add(whose)
    for place, rows in manual.rows.items():
        given = [row for row in rows.values() if row.points is not None or row.is_ok]
        if not given or len(names.get(place, ())) == 1:
            continue
        if place in names:
            these = " and ".join(sorted(map(ascii, names[place])))
            raise CourseError(f"{given[0].place}: {these} look the same; rename one of the folders")
        student, assignment = place
        mine = [known[1] for known in names if known[0] == student]
        what, came = ("assignment", assignment) if mine else ("student", student)
        known = _one_of(came, mine or [name for name, _ in names])
        raise CourseError(
            f"{given[0].place}: there is no grade of the {what} {came[:60]!r}; expected {known}; "
            "mend it, or empty its points: the row is kept"
        )


def write(path: Path, manual: Manual, grades: Sequence[Grade]) -> None:
    """Add a row for each question and each review that waits for a person; keep all that is there.

    Rows that are there stay as they are, comments and further columns too, whoever they are of, and
    what a person has saved since `manual` was read. A file to which nothing is added is not
    touched. Raises CourseError where it cannot be written.
    """
    now = read(path) if path.exists() else manual
    waiting = dict.fromkeys(place for grade in grades for place in _waiting(grade))
    new = [p for p in waiting if p[2] not in now.rows.get(_key(p[0], p[1]), {})]
    if path.exists() and now.text and not new:
        return
    end = "\n" if "\n" in now.text and "\r\n" not in now.text else "\r\n"  # Excel writes \r\n
    table = io.StringIO()
    writer = csv.writer(table, delimiter=now.separator, lineterminator=end)
    if not now.text:
        writer.writerow(COLUMNS)
    for student, assignment, question in sorted(new, key=_order):
        cells = {"student": _cell(student), "assignment": _cell(assignment), "question": question}
        writer.writerow([cells.get(name, "") for name in now.head])
    break_ = "" if not now.text or now.text.endswith(("\n", "\r")) else end
    files.write(path, "\ufeff" + now.text + break_ + table.getvalue())


def _given(question: QuestionGrade, row: Row | None) -> QuestionGrade:
    if row is None:
        return question
    comment = row.comment or question.comment
    if row.points is None:
        return replace(question, comment=comment)
    if not 0 <= row.points <= question.of:
        raise CourseError(
            f"{row.place}: expected 0 to {question.of} points for {question.name}, got "
            f"{row.points:g}; mend it, and run again with --resume"
        )
    given = replace(question, points=row.points, status="read", comment=comment)
    # whom a person gives everything, nothing may tell that it is wrong
    return replace(given, hint="", mistake="") if row.points == question.of else given


def _waiting(grade: Grade) -> Iterator[tuple[str, str, str]]:
    whose = grade.student, grade.assignment or grade.name
    for question in grade.questions:
        if question.points is None:
            yield *whose, question.name
    if grade.status == "needs review":
        yield *whose, REVIEW


def _order(place: tuple[str, str, str]) -> tuple[object, ...]:
    """By question, for so people read them: all answers to one, then those to the next."""
    student, assignment, question = place
    return assignment, question == REVIEW, natural(question), student


def _one_of(came: str, known: Sequence[str]) -> str:
    known = sorted(set(known), key=natural)
    near = get_close_matches(came, known, n=2, cutoff=0.5) or known[:3]
    return " or ".join(map(repr, near)) or "none"


# -- names -------------------------------------------------------------------------------------


def _submission(grade: Grade) -> Submission:
    return _key(grade.student, grade.assignment or grade.name)


def _key(student: str, assignment: str) -> Submission:
    return _plain(student), _plain(assignment)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", one_line(name))


def _cell(name: str) -> str:
    """A name as a cell that no spreadsheet changes, when it opens the table or saves it."""
    plain = _plain(name)
    is_safe = neutral(plain) == plain and not CHANGED.fullmatch(plain) and plain[:1] != "'"
    return plain if is_safe else f"'{plain}"


def _unquoted(cell: str) -> str:
    """The name that `_cell` has made a cell of."""
    return _plain(cell).removeprefix("'")

"""The gradebook as tables: for a spreadsheet, for Moodle and for Canvas.

- Moodle, "Upload grading worksheet" of an assignment
  (https://docs.moodle.org/en/Assignment_settings): the participant's number, the name, the grade.
  A worksheet without the column of grades would delete the grades that are there, and so would an
  empty cell; so the file holds only students whose grade is complete.
- Canvas, "Import grades" (https://community.canvaslms.com, guide 807): student, ID, SIS columns,
  section, then a column an assignment below which a row says of how many points. An empty cell
  leaves the grade as it is.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from vaecourse.classroom.archives import clean
from vaecourse.classroom.grades import Grade

FORMULA = re.compile(r"^[\s'\"]*[=+\-@＝＋－＠\t\r|%]")
NUMBERED = re.compile(r"(?P<name>.*)_(?P<id>\d+)")
LATE = {True: "yes", False: "no", None: ""}


def neutral(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, and that is one line."""
    line = " ".join(clean(text.replace("\n", " ").replace("\r", " ").replace("\t", " ")).split())
    return f"'{line}" if FORMULA.match(line) else line


def gradebook(grades: Iterable[Grade]) -> str:
    """A line a student and assignment; what nobody has given yet is an empty cell, never 0."""
    rows = sorted(grades, key=lambda g: (g.student, g.assignment, g.name))
    names = sorted({q.name for grade in rows for q in grade.questions}, key=_order)
    head = ["student", "assignment", "total", "of", "status", *names]
    lines = [[*head, "late", "isolation", "notebook", "key", "file", "review"]]
    for grade in rows:
        points = {q.name: q.points for q in grade.questions}
        lines.append(
            [
                neutral(grade.student),
                grade.assignment,
                _points(grade.total),
                str(grade.of) if grade.questions else "",
                grade.status,
                *(_points(points.get(name)) for name in names),
                LATE[grade.is_late],
                grade.isolation,
                grade.hashes.get("notebook", ""),
                grade.hashes.get("key", ""),
                neutral(grade.name),
                neutral("; ".join(grade.review)),
            ]
        )
    return _written(lines)


def moodle(grades: Iterable[Grade], assignment: str) -> str:
    """A grading worksheet of the complete grades of an assignment."""
    lines = [["Identifier", "Full name", "Grade", "Maximum Grade"]]
    for grade in _complete(g for g in grades if g.assignment == assignment):
        found = NUMBERED.fullmatch(grade.student)
        name, number = (found["name"], found["id"]) if found else (grade.student, "")
        identifier = f"Participant {number}" if number else ""
        lines.append([identifier, neutral(name), _points(grade.total), str(grade.of)])
    return _written(lines)


def canvas(grades: Iterable[Grade]) -> str:
    """A line a student, a column an assignment; what is not complete is an empty cell."""
    complete = _complete(grades)
    assignments = sorted({grade.assignment for grade in complete})
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *assignments]
    of = {grade.assignment: str(grade.of) for grade in complete}
    lines = [head, ["    Points Possible", "", "", "", "", *(of[name] for name in assignments)]]
    for student in sorted({grade.student for grade in complete}):
        found = NUMBERED.fullmatch(student)
        name, number = (found["name"], found["id"]) if found else (student, "")
        totals = {g.assignment: _points(g.total) for g in complete if g.student == student}
        cells = [totals.get(assignment, "") for assignment in assignments]
        lines.append([neutral(name), number, "", "", "", *cells])
    return _written(lines)


def _complete(grades: Iterable[Grade]) -> list[Grade]:
    found = [grade for grade in grades if grade.status == "graded" and grade.total is not None]
    return sorted(found, key=lambda grade: (grade.assignment, grade.student))


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _order(question: str) -> tuple[int, int]:
    """a2.10 comes after a2.9, and a10.1 after a9.1."""
    first, second = re.findall(r"\d+", question)[:2]
    return int(first), int(second)


def _written(lines: Sequence[Sequence[str]]) -> str:
    """The table as text, with the mark by which Excel knows that it is UTF-8."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return "\ufeff" + text.getvalue()

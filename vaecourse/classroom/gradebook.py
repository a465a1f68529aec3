"""The gradebook as tables: for a spreadsheet, for Moodle and for Canvas.

All are CSV in UTF-8 with a byte-order mark: without it Excel shows an umlaut as two odd letters.
Moodle takes the mark off; Canvas only asks whether the first cell contains "Student".

A table for Moodle or Canvas is of one assignment, and has lines only for grades that are complete.
Neither has a way to write "leave this grade as it is": an empty cell wipes a grade that is there,
in Moodle's import of grades (grade/import/csv/classes/load_data.php) and in Canvas'
(lib/gradebook_importer.rb and process_bulk_update in app/models/submission.rb). Who has no line
keeps the grade that is there, in both.

Neither needs a list of the class. The numbers by which Moodle and Canvas know people stand in the
names of the files in their archives; folders by hand are taken for login names.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from vaecourse.classroom.grades import Grade

LONGEST = 1000  # characters of a cell
LATE = {True: "yes", False: "no", None: ""}
# the first character that is none of these begins what a spreadsheet may take for a formula
BEGIN = re.compile(r"[\w=+\-−@|%]")
MOODLE = re.compile(r".+?_(\d+)_assignsubmission_.*")  # the first: what follows is a student's own
CANVAS = re.compile(r".+?_(?:LATE_)?(\d+)_\d+_.+")


def one_line(text: str) -> str:
    """A text as one line, without characters that hide or turn what is shown.

    Semicolons become commas: where a comma is the decimal sign, spreadsheets cut lines at
    semicolons, within quotes too, and what follows would be a cell of its own.
    """
    kept = (_shown(character) for character in text.replace(";", ","))
    line = " ".join("".join(kept).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def neutral(text: str) -> str:
    """A text as a cell that Excel, LibreOffice and Google Sheets show as text, as one line.

    What begins like a formula, also behind spaces, quotes and brackets or in full width, gets an
    apostrophe.
    """
    line = one_line(text)
    first = BEGIN.search(unicodedata.normalize("NFKC", line))
    return f"'{line}" if first and first[0] in "=+-−@|%" else line


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key to sort by: a2.10 comes after a2.9, and a10.1 after a9.1."""
    parts = re.findall(r"[0-9]{1,9}|[^0-9]+", name)
    return tuple((int(p), "") if "0" <= p[0] <= "9" else (-1, p) for p in parts)


def gradebook(grades: Iterable[Grade]) -> str:
    """A line a student and assignment; what nobody has given yet is an empty cell, never 0.

    Points are written exactly. `review` says why a person must look, until somebody has.
    """
    rows = sorted(grades, key=lambda g: (g.student, g.assignment, g.name))
    names = sorted({q.name for grade in rows for q in grade.questions}, key=natural)
    head = ["student", "assignment", "total", "of", "status", *names]
    lines = [[*head, "late", "isolation", "notebook", "key", "file", "review"]]
    for grade in rows:
        points = {q.name: q.points for q in grade.questions}
        reasons = grade.review if grade.status == "needs review" else ()
        lines.append(
            [
                neutral(grade.student),
                neutral(grade.assignment),
                exact(grade.total),
                str(grade.of) if grade.questions else "",
                grade.status,
                *(exact(points.get(name)) for name in names),
                LATE[grade.is_late],
                grade.isolation,
                grade.hashes.get("notebook", ""),
                grade.hashes.get("key", ""),
                neutral(grade.name),
                neutral(" / ".join(reasons)),
            ]
        )
    return _written(lines)


def moodle(grades: Iterable[Grade], assignment: str) -> str:
    """An assignment's complete grades as Moodle's grading worksheet.

    Moodle, at an assignment, under "Upload grading worksheet", wants three columns, by their names
    in the language of who uploads: here English (mod/assign/feedback/offline/importgradeslib.php;
    https://docs.moodle.org/en/Assignment_settings). "-" as the time of the last grade makes Moodle
    keep a grade that is there, unless "Update records that have been modified" is ticked. Grades
    above the assignment's maximum are passed over there, so that must be the sum of the points.

    Where nobody came from an archive of Moodle's, nobody has the number that a worksheet needs. The
    table is then for "Import, CSV file" in the gradebook (https://docs.moodle.org/en/Grade_import):
    map `student` to the user name, ID number or e-mail that the folders are called by, and the
    other column to the assignment.
    """
    complete = _complete(grades, assignment)
    numbers = [(_number(grade, "moodle"), grade) for grade in complete]
    if complete and not any(number for number, _ in numbers):
        head = ["student", assignment]
        return _written([head, *([neutral(g.student), exact(g.total)] for g in complete)])
    lines = [["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]]
    for number, grade in numbers:
        if number:
            name = neutral(grade.student.removesuffix(f"_{number}"))
            points = exact(grade.total), str(grade.of)
            lines.append([f"Participant {number}", name, *points, "-"])
    return _written(lines)


def canvas(grades: Iterable[Grade], assignment: str) -> str:
    """An assignment's complete grades for "Import" in Canvas' gradebook.

    The columns are those that its own export has ("How do I import grades in the Gradebook?", in
    the instructor guide at https://community.canvaslms.com; header? and process_student in
    lib/gradebook_importer.rb). Canvas finds a student by ID, else by login, else by name, and the
    assignment by its title; it asks where it finds none.
    """
    complete = _complete(grades, assignment)
    of = str(complete[0].of) if complete else ""
    lines = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]]
    lines.append(["    Points Possible", "", "", "", "", of])
    for grade in complete:
        number = _number(grade, "canvas")
        name = neutral(grade.student.removesuffix(f"_{number}"))
        name = name.replace("Points Possible", "Points possible")  # that row sets the maximum
        login = "" if number else name
        lines.append([name, number, "", login, "", exact(grade.total)])
    return _written(lines)


def exact(value: float | None) -> str:
    """Points as a cell that gives them back exactly; empty where nobody has given any."""
    return "" if value is None else repr(float(value)).removesuffix(".0")


def _complete(grades: Iterable[Grade], assignment: str) -> list[Grade]:
    whole = (grade for grade in grades if grade.status == "graded" and grade.questions)
    found = (grade for grade in whole if all(q.points is not None for q in grade.questions))
    return sorted((g for g in found if g.assignment == assignment), key=lambda g: g.student)


def _number(grade: Grade, source: str) -> str:
    """The number by which an archive's source knows a student, or ""."""
    parts = PurePosixPath(grade.name).parts
    found = next(filter(None, map(MOODLE.fullmatch, parts)), None)
    if source == "canvas":
        found = None if found else CANVAS.fullmatch(parts[-1]) if parts else None
    # a name that a student chose for a file must not pass for what an archive says
    return found[1] if found and grade.student.endswith(f"_{found[1]}") else ""


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    kind = unicodedata.category(character)
    return "\ufffd" if kind == "Cs" else "" if kind in ("Cc", "Cf") else character


def _written(lines: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return "\ufeff" + text.getvalue()

"""Tables of grades: exact, inert in a spreadsheet, and harmless to grades in Moodle and Canvas."""

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecourse.classroom import gradebook, sheets
from vaecourse.classroom.grades import Grade, GradeStatus, QuestionGrade

A2 = "a2-vae-by-hand"
SHEET = sheets.load(A2)
MOODLE_NAME = "{}_assignsubmission_file_/a2.ipynb"


def graded(
    student: str = "Jürgen Groß_17",
    name: str = "",
    assignment: str = A2,
    points: float | None = 1.5,
    status: GradeStatus = "graded",
    review: tuple[str, ...] = (),
) -> Grade:
    """A grade of a real assignment; the last of its questions has the points that are asked for."""
    *judged, last = [*SHEET.questions, *SHEET.read]
    questions = [QuestionGrade(q.name, float(q.points), q.points, "right") for q in judged]
    words = "to read" if points is None else "read"
    questions.append(QuestionGrade(last.name, points, last.points, words))
    name = name or MOODLE_NAME.format(student)
    return Grade(student, assignment, name, status, tuple(questions), {}, review)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def begins_a_formula(cell: str) -> bool:
    """What a careful spreadsheet takes for a formula, said in another way than the code does."""
    text = unicodedata.normalize("NFKC", cell).lstrip(' \t\r\n\xa0"“”„‘’«»\u200b\ufeff\u202e')
    number = re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", text)
    return text.startswith(("=", "+", "-", "@", "−", "|", "%")) and not number


HOSTILE = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\xa0\u3000=1+1",
    '"=1+1"',
    "„=1+1“",
    "＝1+1",
    "＂＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "−1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\u202e=1+1",
    "\xad=1+1",
    "\x00=1+1",
    "\u2060=1+1",
    "|calc",
    "%0A=1",
    "(=1+1)",
    "Ada;=1+1;",
    'Ada";=1+1;"',
    "Ada\t=1+1\t",
    "Ada\n=1+1\n",
    'Ada",=1+1,"',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_student_is_a_formula_wherever_a_spreadsheet_cuts_a_line(text: str) -> None:
    grade = graded(text, text, review=(text, text), status="needs review")
    ready = graded(text, text)
    tables = [gradebook.gradebook([grade]), gradebook.moodle([ready], A2)]
    for table in [*tables, gradebook.canvas([ready], A2)]:
        for separator in ",;":
            lines = list(csv.reader(io.StringIO(table, newline=""), delimiter=separator))
            assert [c for line in lines for c in line if begins_a_formula(c)] == []
        assert len(table.splitlines()) == table.count("\r\n") <= 3
        table.encode()


@given(st.text(st.characters(), max_size=30))
def test_any_text_becomes_one_line_that_hides_nothing(text: str) -> None:
    cell = gradebook.neutral(text)
    assert not begins_a_formula(cell)
    assert len(cell.splitlines()) <= 1
    assert ";" not in cell
    assert {unicodedata.category(c) for c in cell}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert gradebook.one_line(cell) == cell
    cell.encode()


@pytest.mark.parametrize(
    "name", ["Jürgen Groß", "O'Neill, Ada", "Łukasz-Émile 王", "a.b@c.de", "7"]
)
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert gradebook.neutral(name) == name


def test_half_a_character_does_not_stop_the_table() -> None:
    text = gradebook.gradebook([graded(review=("ends in \ud800",), status="needs review")])
    assert "ends in \ufffd" in text.encode().decode()


@pytest.mark.parametrize("points", [0.0, -1.5, 7.0, 0.1 + 0.2, 100 / 3, 1e-7, 2.5, 12345678.9])
def test_points_come_back_exactly_and_as_numbers(points: float) -> None:
    grade = graded(points=points)
    (row,) = rows(gradebook.gradebook([grade]))
    assert {q.name: float(row[q.name]) for q in grade.questions} == {
        q.name: q.points for q in grade.questions
    }
    assert float(row["total"]) == grade.total
    assert row["of"] == str(grade.of) == "100"


def test_points_that_nobody_has_given_are_an_empty_cell_and_never_0() -> None:
    waits = graded("waits", points=None, status="partly graded")
    nothing = Grade("none", "", "x.pdf", "needs review", (), {}, ("no notebook",), is_late=True)
    none, some = rows(gradebook.gradebook([waits, nothing]))
    assert some[SHEET.read[0].name] == ""
    assert float(some["total"]) == sum(q.points for q in SHEET.questions)
    for column in ("total", "of", *(q.name for q in waits.questions)):
        assert none[column] == ""
    assert (none["late"], some["late"]) == ("yes", "")
    assert none["review"] == "no notebook"


def test_questions_stand_in_the_order_of_their_numbers_and_lines_by_student() -> None:
    found = []
    for student, number in (("b", 10), ("b", 2), ("a", 10)):
        names = [f"a{number}.{i}" for i in (10, 9, 1)]
        questions = tuple(QuestionGrade(n, 1.0, 1, "right") for n in names)
        found.append(Grade(student, f"a{number}-x", "f", "graded", questions, {}))
    lines = rows(gradebook.gradebook(found))
    asked = [name for name in lines[0] if name.startswith("a") and "." in name]
    assert asked == ["a2.1", "a2.9", "a2.10", "a10.1", "a10.9", "a10.10"]
    order = [(line["student"], line["assignment"]) for line in lines]
    assert order == [("a", "a10-x"), ("b", "a10-x"), ("b", "a2-x")]


def test_why_a_person_must_look_goes_once_somebody_has() -> None:
    review = ("a2.3: stopped", "a2.4: stopped")
    looked, waits = graded("a", review=review), graded("b", review=review, status="needs review")
    one, other = rows(gradebook.gradebook([looked, waits]))
    assert (one["review"], other["review"]) == ("", "a2.3: stopped / a2.4: stopped")


def test_excel_is_told_that_umlauts_are_in_utf8() -> None:
    for table in (
        gradebook.gradebook([graded()]),
        gradebook.moodle([graded()], A2),
        gradebook.canvas([graded()], A2),
    ):
        raw = table.encode()
        assert raw.startswith(b"\xef\xbb\xbf")
        assert "Jürgen Groß" in raw.decode("utf-8-sig")


# -- what Moodle and Canvas make of it ---------------------------------------------------------


def after_worksheet(text: str, before: dict[int, float], is_ticked: bool) -> dict[int, float]:
    """What Moodle's grading worksheet does, after its importgradeslib.php and locallib.php."""
    found = dict(before)
    lines = rows(text)
    head = text.removeprefix("\ufeff").splitlines()[0].split(",")
    assert {"Identifier", "Grade", "Last modified (grade)"} <= {*head}
    for line in lines:
        who = int(line["Identifier"].removeprefix("Participant "))  # Postgres refuses ""
        never = line["Last modified (grade)"] == "-"  # so whatever is there is newer
        if line["Grade"] != "" and (is_ticked or not (never and who in before)):
            found[who] = float(line["Grade"])
    return found


def after_wiping(text: str, key: str, column: str, before: dict[str, float]) -> dict[str, float]:
    """What Moodle's import of grades and Canvas' do: an empty cell takes a grade away."""
    found = dict(before)
    for line in rows(text):
        if "Points Possible" in line.get("Student", ""):
            continue
        if line[column] in ("", "-"):
            found.pop(line[key], None)
        else:
            found[line[key]] = float(line[column])
    return found


def mixed(name: str) -> list[Grade]:
    """Who is graded, partly graded, and to be reviewed; each with a file of this kind of name."""
    half = graded("Bo_2", name.format("Bo_2"), points=None, status="partly graded")
    crash = graded("Cy_3", name.format("Cy_3"), review=("a crash",), status="needs review")
    none = Grade("Di_4", "", name.format("Di_4"), "needs review", (), {}, ("no notebook",))
    open_ = graded("Flo_6", name.format("Flo_6"), points=None)  # whatever its status says
    other = graded("Ed_5", name.format("Ed_5"), assignment="a1-flat-autoencoder")
    return [graded("Ann_1", name.format("Ann_1")), half, crash, none, open_, other]


def test_moodle_keeps_every_grade_of_who_is_not_done_and_gets_that_of_who_is() -> None:
    total = graded().total
    before = {2: 50.0, 3: 60.0, 4: 70.0, 5: 80.0}
    text = gradebook.moodle(mixed(MOODLE_NAME), A2)
    assert after_worksheet(text, before, is_ticked=True) == {1: total, **before}
    assert after_worksheet(text, {1: 9.0}, is_ticked=False) == {1: 9.0}
    by_name = {"Bo": 50.0, "Cy": 60.0, "Di": 70.0}
    assert after_wiping(text, "Full name", "Grade", by_name) == {"Ann": total, **by_name}


def test_folders_by_hand_make_a_table_for_moodles_gradebook_that_wipes_nothing() -> None:
    before = {"Bo_2": 50.0, "Cy_3": 60.0, "Di_4": 70.0, "Ed_5": 80.0}
    text = gradebook.moodle(mixed("{}/a2.ipynb"), A2)
    assert after_wiping(text, "student", A2, before) == {"Ann_1": graded().total, **before}


def test_canvas_keeps_every_grade_of_who_is_not_done_and_gets_that_of_who_is() -> None:
    before = {"2": 50.0, "3": 60.0, "4": 70.0, "5": 80.0}
    text = gradebook.canvas(mixed("{}_900_a2.ipynb"), A2)
    assert after_wiping(text, "ID", A2, before) == {"1": graded().total, **before}
    head, points, ann = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", A2]
    assert points == ["    Points Possible", "", "", "", "", "100"]
    assert ann[:5] == ["Ann", "1", "", "", ""]
    late = gradebook.canvas([graded("Ann_1", "Ann_LATE_1_900_a2.ipynb")], A2)
    assert rows(late)[1]["ID"] == "1"


def test_canvas_looks_for_the_name_of_a_folder_by_login() -> None:
    line = rows(gradebook.canvas([graded("ann_1", "ann_1/a2.ipynb")], A2))[1]
    assert (line["Student"], line["ID"], line["SIS Login ID"]) == ("ann_1", "", "ann_1")


@pytest.mark.parametrize(
    ("student", "file"),
    [
        ("Ann_1", "Ann_1_assignsubmission_file_/Bo_2_assignsubmission_file_a2.ipynb"),
        ("Ann_1", "Ann_1_assignsubmission_file_Bo_2_assignsubmission_file_a2.ipynb"),
        ("Ann_1_assignsubmission_file_Bo_2", "Ann_1_assignsubmission_file_Bo_2_assignsubmission_"),
        ("Ann_1", "Ann_1_assignsubmission_file_/bo_2_900_a2.ipynb"),
        ("Bo_2", "Bo_2/a2.ipynb"),
        ("ann", "ann/bo_2_900_a2.ipynb"),
    ],
)
def test_no_name_of_a_file_puts_a_grade_under_anothers_number(student: str, file: str) -> None:
    grade = graded(student, file)
    assert "Participant 2" not in gradebook.moodle([grade], A2)
    assert rows(gradebook.canvas([grade], A2))[1]["ID"] != "2"


def test_a_student_called_points_possible_does_not_set_how_many_are_possible() -> None:
    text = gradebook.canvas([graded("Points Possible", "Points Possible/a2.ipynb")], A2)
    lines = list(csv.reader(io.StringIO(text)))
    assert [line[5] for line in lines if "Points Possible" in line[0]] == ["100"]

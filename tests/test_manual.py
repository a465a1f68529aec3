"""A person's points: read as people save them, never lost, and counted once."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecourse.classroom import gradebook, manual, sheets
from vaecourse.classroom.grades import Grade, QuestionGrade, decode, encode
from vaecourse.errors import CourseError

A2 = "a2-vae-by-hand"
SHEET = sheets.load(A2)
READ = SHEET.read[0].name
FIRST, SECOND = SHEET.questions[0], SHEET.questions[1]
HEAD = "student,assignment,question,points,comment\n"


def judged(student: str = "ada", review: tuple[str, ...] = ()) -> Grade:
    """A grade of a real assignment as it was judged: one wrong answer, one that a person reads."""
    questions = [QuestionGrade(q.name, float(q.points), q.points, "right") for q in SHEET.questions]
    questions[0] = QuestionGrade(FIRST.name, 0.0, FIRST.points, "wrong", "a hint", "a mistake")
    questions += [QuestionGrade(r.name, None, r.points, "to read") for r in SHEET.read]
    status = "needs review" if review else "partly graded"
    return Grade(student, A2, f"{student}/a2.ipynb", status, tuple(questions), {}, review)


def table(path: Path, *lines: str) -> manual.Manual:
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return manual.read(path)


def applied(path: Path, lines: Sequence[str], grades: Sequence[Grade]) -> list[Grade]:
    given = table(path, *lines)
    manual.check(given, grades)
    return [manual.apply(grade, given) for grade in grades]


def points(grade: Grade) -> dict[str, float | None]:
    return {question.name: question.points for question in grade.questions}


def test_where_there_is_no_table_nothing_changes(tmp_path: Path) -> None:
    none = manual.read(tmp_path / "manual.csv")
    for grade in (
        judged(),
        judged(review=("a crash",)),
        Grade("b", "", "b", "needs review", (), {}),
    ):
        assert manual.apply(grade, none) == grade
    (tmp_path / "manual.csv").write_bytes(b"\xef\xbb\xbf\r\n")
    assert manual.read(tmp_path / "manual.csv") == none


# -- points ------------------------------------------------------------------------------------


def test_a_persons_points_count_and_say_that_a_person_gave_them(tmp_path: Path) -> None:
    given = table(
        tmp_path / "manual.csv",
        f"ada,{A2},{READ},3.5,well seen",
        f"ada,{A2},{FIRST.name},{FIRST.points},my check was wrong",
        f"ada,{A2},{SECOND.name},0,copied",
        f"bob,{A2},{SECOND.name},1,",
    )
    grade = manual.apply(judged(), given)
    by_name = {question.name: question for question in grade.questions}
    assert by_name[READ] == QuestionGrade(
        READ, 3.5, SHEET.read[0].points, "read", "", "", "well seen"
    )
    mended = by_name[FIRST.name]
    assert (mended.points, mended.status, mended.hint, mended.mistake) == (
        FIRST.points,
        "read",
        "",
        "",
    )
    assert (by_name[SECOND.name].points, by_name[SECOND.name].status) == (0.0, "read")
    assert grade.status == "graded"
    assert grade.total == 100 - SHEET.read[0].points + 3.5 - SECOND.points
    assert grade.total == sum(q.points or 0 for q in grade.questions)


def test_a_hint_stays_where_a_person_gives_some_of_the_points(tmp_path: Path) -> None:
    given = table(tmp_path / "manual.csv", f"ada,{A2},{FIRST.name},1,half right")
    question = manual.apply(judged(), given).questions[0]
    assert (question.points, question.status, question.hint) == (1.0, "read", "a hint")


def test_a_comment_without_points_changes_no_points(tmp_path: Path) -> None:
    given = table(tmp_path / "manual.csv", f"ada,{A2},{FIRST.name},,see me", f"ada,{A2},{READ},,hm")
    grade = manual.apply(judged(), given)
    assert points(grade) == points(judged())
    assert (grade.questions[0].status, grade.questions[0].comment) == ("wrong", "see me")
    assert grade.status == "partly graded"


@pytest.mark.parametrize("say", ["ok", "OK", " Ok "])
def test_only_ok_in_a_row_for_review_ends_a_review(tmp_path: Path, say: str) -> None:
    crash = judged(review=("a crash",))
    path = tmp_path / "manual.csv"
    read = f"ada,{A2},{READ},2,"
    assert manual.apply(crash, table(path, read)).status == "needs review"
    assert (
        manual.apply(crash, table(path, read, f"ada,{A2},review,,ask her")).status == "needs review"
    )
    looked = f"ada,{A2},Review,{say},spoke to her"
    assert manual.apply(crash, table(path, looked)).status == "partly graded"
    done = manual.apply(crash, table(path, read, looked))
    assert done.status == "graded"
    assert done.review == crash.review  # it is known for ever why


def test_a_file_that_is_no_assignment_is_reviewed_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "manual.csv"
    files = [Grade("ada", "", f"ada/{n}.pdf", "needs review", (), {}, ("none",)) for n in "xy"]
    manual.write(path, manual.Manual(), files)
    lines = path.read_text("utf-8-sig").splitlines()
    assert lines[1:] == ["ada,ada/x.pdf,review,,", "ada,ada/y.pdf,review,,"]
    path.write_text("\n".join([lines[0], lines[1].replace("review,", "review,ok"), lines[2]]))
    given = manual.read(path)
    assert [manual.apply(one, given).status for one in files] == ["graded", "needs review"]
    assert [manual.apply(one, given).total for one in files] == [None, None]


amounts = st.none() | st.integers(0, 2 * FIRST.points).map(lambda n: n / 2)


@given(
    st.dictionaries(st.sampled_from([q.name for q in judged().questions]), amounts), st.booleans()
)
def test_applying_twice_is_applying_once_and_a_total_is_a_sum(
    given: dict[str, float | None], is_ok: bool
) -> None:
    of = {q.name: q.of for q in judged().questions}
    rows = {
        name: manual.Row("line 2", None if value is None else min(value, of[name]), "said")
        for name, value in given.items()
    }
    rows["review"] = manual.Row("line 3", None, "", is_ok)
    said = manual.Manual({("ada", A2): rows})
    for grade in (judged(), judged(review=("a crash",))):
        once = manual.apply(grade, said)
        assert manual.apply(once, said) == once
        assert manual.apply(decode(encode(once)), said) == once
        expected = {
            **points(grade),
            **{n: r.points for n, r in rows.items() if r.points is not None},
        }
        expected.pop("review", None)
        assert points(once) == expected
        assert once.total == sum(value for value in expected.values() if value is not None)
        waits = None in expected.values()
        reviewed = is_ok or not grade.review
        assert once.status == (
            ("partly graded" if waits else "graded") if reviewed else "needs review"
        )


def test_a_regrade_keeps_every_point_of_a_person(tmp_path: Path) -> None:
    given = table(tmp_path / "manual.csv", f"ada,{A2},{READ},2,", f"ada,{A2},{FIRST.name},1,")
    changed = tuple(
        replace(q, points=0.0, status="wrong") if q.name == SECOND.name else q
        for q in judged().questions
    )
    before = points(manual.apply(judged(), given))
    after = points(manual.apply(replace(judged(), questions=changed), given))
    assert after == {**before, SECOND.name: 0.0}
    assert (after[READ], after[FIRST.name]) == (2.0, 1.0)


# -- as people save it -------------------------------------------------------------------------

GERMAN = (
    "Student;Assignment;Question;Points;Comment\r\n"
    f'Jürgen Groß;{A2};{READ};3,5;"gut, aber ""kurz"";\r\nmehr"\r\n'
    f"Jürgen Groß;{A2};{FIRST.name};1;\r\n"
    ";;;;\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_table_is_read_as_excel_saves_it(
    tmp_path: Path, encoding: str, separator: str, end: str
) -> None:
    path = tmp_path / "manual.csv"
    text = GERMAN.replace(";", separator).replace("\r\n", end)
    path.write_bytes(text.encode(encoding))
    grade = manual.apply(judged("Jürgen Groß"), manual.read(path))
    assert (points(grade)[READ], points(grade)[FIRST.name]) == (3.5, 1.0)
    assert grade.questions[-1].comment == f'gut, aber "kurz"{separator}{end}mehr'


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "manual.csv"
    path.write_text(f"who reads,points,question,assignment,student\nme,2,{READ},{A2},ada\n")
    assert points(manual.apply(judged(), manual.read(path)))[READ] == 2
    manual.write(path, manual.read(path), [judged(), judged("bob")])
    assert path.read_text("utf-8-sig").splitlines()[2] == f",,{READ},{A2},bob"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([f"ada,{A2},{READ},99,"], ["line 2", "0 to", READ, "99"]),
        ([f"ada,{A2},{READ},-1,"], ["line 2", "0 to", "-1"]),
        ([f"bob,{A2},{READ},1,", f"ada,{A2},{READ},good,"], ["line 3", "good", "number"]),
        *([[f"ada,{A2},{READ},{bad},"], ["line 2", "number"]] for bad in
          ("nan", "inf", "1e1", "1_0", "1.000.5", "٣", "=1+1", "3/5")),
        ([f'ada,{A2},{FIRST.name},1,"two\nlines"', f"ada,{A2},a2.99,1,"], ["line 4", "a2.99"]),
        ([f"ada,{A2},{READ},1,", f"ada,{A2},{READ},,"], ["line 3", "line 2", READ, "delete"]),
        ([f"adda,{A2},{READ},1,"], ["line 2", "adda", "'ada'", "empty its points"]),
        ([f"ada,a2-vae-by-hnd,{READ},1,"], ["line 2", "a2-vae-by-hnd", repr(A2)]),
        ([f"adda,{A2},review,ok,"], ["line 2", "adda"]),
        ([f"ada,{A2},review,7,"], ["line 2", "ok", "7"]),
        ([f'ada,{A2},{READ},1,"open', f"bob,{A2},{READ},1,"], ["line 2", "quotation"]),
    ],
)  # fmt: skip
def test_a_mistake_in_the_table_is_named_with_its_line(
    tmp_path: Path, lines: list[str], words: list[str]
) -> None:
    with pytest.raises(CourseError) as caught:
        applied(tmp_path / "manual.csv", lines, [judged(), judged("bob")])
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manual.csv").write_text("name,points\nada,1\n")
    with pytest.raises(CourseError, match="assignment and question and student"):
        manual.read(tmp_path / "manual.csv")


def test_rows_without_points_may_be_of_anybody(tmp_path: Path) -> None:
    given = table(tmp_path / "manual.csv", f"gone,{A2},{READ},,gave up", "ada,old,a9.9,,")
    manual.check(given, [judged()])
    assert manual.apply(judged(), given) == judged()


def test_points_that_would_go_to_two_students_are_refused(tmp_path: Path) -> None:
    twins = [judged("ada"), judged("a\xadda")]
    manual.check(table(tmp_path / "manual.csv", f"ada,{A2},{READ},,"), twins)
    with pytest.raises(CourseError, match=r"line 2.*look the same"):
        applied(tmp_path / "manual.csv", [f"ada,{A2},{READ},1,"], twins)


# -- written -----------------------------------------------------------------------------------


def test_a_row_is_added_for_all_that_waits_for_a_person_question_by_question(
    tmp_path: Path,
) -> None:
    path = tmp_path / "manual.csv"
    manual.write(path, manual.Manual(), [judged("zoe", ("a crash",)), judged("Jürgen")])
    assert path.read_bytes() == (
        b"\xef\xbb\xbfstudent,assignment,question,points,comment\r\n"
        + f"Jürgen,{A2},{READ},,\r\nzoe,{A2},{READ},,\r\nzoe,{A2},review,,\r\n".encode()
    )


def test_a_table_to_which_nothing_is_added_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "manual.csv"
    raw = GERMAN.encode("cp1252")
    path.write_bytes(raw)
    manual.write(path, manual.read(path), [judged("Jürgen Groß")])
    assert path.read_bytes() == raw
    manual.write(path, manual.read(path), [])
    assert path.read_bytes() == raw


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("ending", ["\r\n", ""])
def test_what_is_there_stays_word_for_word_when_rows_are_added(
    tmp_path: Path, encoding: str, ending: str
) -> None:
    path = tmp_path / "manual.csv"
    old = GERMAN + "gone;other;a9.1;1,50;bye" + ending
    path.write_bytes(old.encode(encoding))
    manual.write(path, manual.read(path), [judged("Ada")])
    raw = path.read_bytes()
    assert raw.decode("utf-8-sig") == old.removesuffix("\r\n") + f"\r\nAda;{A2};{READ};;\r\n"
    again = manual.read(path)
    manual.write(path, again, [judged("Ada")])
    assert path.read_bytes() == raw
    assert manual.read(path) == again


def test_what_a_person_saves_while_grading_runs_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "manual.csv"
    early = table(path, f"ada,{A2},{READ},,")
    late = table(path, f"ada,{A2},{READ},4,just now", f"bob,{A2},{READ},5,")
    manual.write(path, early, [judged(), judged("bob"), judged("cy")])
    now = manual.read(path).rows
    assert now["ada", A2] == late.rows["ada", A2]
    assert now["bob", A2][READ].points == 5
    assert now["cy", A2][READ].points is None


def saved_by_a_spreadsheet(path: Path, amount: str) -> None:
    """Open the table, fill in the points, save: cells that look like numbers or dates change."""
    lines = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    for line in lines[1:]:
        line[3] = amount
        for column in (0, 1):
            cell = line[column]
            if cell.isdigit():
                line[column] = f"{float(cell):.6g}"
            elif cell.startswith(("=", "+", "-", "@")):
                line[column] = "#NAME?"
            elif cell.lower() in ("mar12", "3-4", "1e5", "true"):
                line[column] = "12. Mrz"
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(lines)
    path.write_text(text.getvalue(), "utf-8-sig", newline="")


NAMES = [
    "=1+1", "'=1+1", "'Aukai", "''x", "-5", "@ada", "0012345", "123456789012345678", "1E5", "3-4",
    "mar12", "TRUE", "a;b", "x\u2060y", "Jürgen Groß", "Ju\u0308rgen", "Anna Kraus_123456",
    "O'Hara", "王小明", "b,c", 'say "hi"', "＝1", " ", "review",
]  # fmt: skip


def test_every_student_gets_their_points_back_from_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "manual.csv"
    grades = [judged(name) for name in NAMES]
    manual.check(manual.Manual(), grades)
    manual.write(path, manual.Manual(), grades)
    raw = path.read_bytes()
    manual.write(path, manual.read(path), grades)
    assert path.read_bytes() == raw
    saved_by_a_spreadsheet(path, "1,5")
    given = manual.read(path)
    manual.check(given, grades)
    given_to = {g.student: points(manual.apply(g, given))[READ] for g in grades}
    assert given_to == dict.fromkeys(NAMES, 1.5)
    before = path.read_bytes()
    manual.write(path, given, grades)
    assert path.read_bytes() == before


def test_what_a_person_gave_stands_in_the_gradebook(tmp_path: Path) -> None:
    given = table(tmp_path / "manual.csv", f"ada,{A2},{READ},3.25,")
    (line,) = csv.DictReader(io.StringIO(gradebook.gradebook([manual.apply(judged(), given)])))
    assert (line[READ], line["status"]) == ("3.25", "graded")

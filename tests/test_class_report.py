"""The report on a class counts what the grades say, and links to the pages that are there."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markup import EVIL, Seen, evil_grade

from vaecourse.classroom import classreport
from vaecourse.classroom.classreport import feedback_file
from vaecourse.classroom.grades import CRASHES, Change, Grade, QuestionGrade
from vaecourse.classroom.similarity import Pair
from vaecourse.classroom.verdicts import status_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OF = {"a2.1": 8, "a2.2": 12, "a2.9": 18}
KINDS = ["right", "wrong", "error", "not answered", "late", "loud", "dead"]


def questions(chance: random.Random, number: int) -> tuple[QuestionGrade, ...]:
    found = []
    for name, of in OF.items():
        name = name.replace("a2", f"a{number}")
        if name.endswith("9"):
            given = chance.choice([None, 0.0, 12.5, 18.0])
            status = "to read" if given is None else "read"
            found.append(QuestionGrade(name, given, of, status))
            continue
        kind = chance.choice(KINDS)
        mistake = chance.choice(["", "half twice", "negated"]) if kind == "wrong" else ""
        points = float(of) if kind == "right" else 0.0
        found.append(QuestionGrade(name, points, of, kind, f"hint: {mistake}", mistake))
    return tuple(found)


def made_class(chance: random.Random, num: int) -> list[Grade]:
    """Grades of students, each with some of two assignments, some with a file that is none."""
    grades = []
    for i in range(num):
        for number in (2, 10):
            if chance.random() < 0.3:
                continue
            found = questions(chance, number)
            review = tuple(f"{q.name} crashed" for q in found if q.status in CRASHES)
            tampering = ("a2.1: reaches for the kernel (iopub)",) * chance.choice([0, 0, 1, 2])
            late = chance.choice([True, False, None])
            status = status_of(found, review)
            name = f"a{number}.ipynb"
            grade = Grade(f"student-{i:02}", f"a{number}-made", name, status, found, {}, review)
            grades.append(replace(grade, tampering=tampering, is_late=late))
        if chance.random() < 0.1:
            name = f"student-{i:02}/Broken.ipynb"
            grades.append(Grade(f"student-{i:02}", "", name, "needs review", (), {}, ("is cut",)))
    chance.shuffle(grades)
    return grades


classes = st.builds(made_class, st.randoms(use_true_random=False), st.integers(0, 12))


# -- counts ------------------------------------------------------------------------------------


@given(classes)
def test_the_overview_counts_every_submission_once(grades: list[Grade]) -> None:
    seen = Seen(classreport.page(grades))
    rows = {row[0]: row[1:] for row in seen.table("Report on the class").rows}
    assert not seen.faults
    assert rows.keys() == {grade.assignment or "no assignment" for grade in grades}
    for name, (num, graded, partly, review, late, middle) in rows.items():
        found = [grade for grade in grades if (grade.assignment or "no assignment") == name]
        status = Counter(grade.status for grade in found)
        assert int(num) == len(found)
        assert int(graded) == status["graded"]
        assert int(partly) == status["partly graded"]
        assert int(review) == status["needs review"]
        assert int(late) == sum(grade.is_late is True for grade in found)
        totals = [grade.total for grade in found if grade.total is not None]
        assert middle == (f"{median(totals):g} of {sum(OF.values())}" if totals else "–")


@given(classes)
def test_points_by_question_are_those_of_the_grades(grades: list[Grade]) -> None:
    seen = Seen(classreport.page(grades))
    for assignment in {grade.assignment for grade in grades} - {""}:
        rows = seen.table(assignment).rows
        some = [q for grade in grades if grade.assignment == assignment for q in grade.questions]
        assert [row[0] for row in rows] == list(dict.fromkeys(q.name for q in some))
        for name, of, average, middle, full in rows:
            found = [q for q in some if q.name == name]
            points = [q.points for q in found if q.points is not None]
            assert int(of) == found[0].of
            assert average == (f"{mean(points):.1f}" if points else "–")
            assert middle == (f"{median(points):g}" if points else "–")
            num = sum(q.status in ("right", "read") and q.points == q.of for q in found)
            assert full.startswith(f"{num} of {len(points)} (" if points else "–")


@given(classes)
def test_mistakes_are_counted_by_name_and_question_the_most_common_first(
    grades: list[Grade],
) -> None:
    seen = Seen(classreport.page(grades))
    wanted: Counter[tuple[str, str]] = Counter()
    for grade in grades:
        wanted.update((q.name, q.mistake) for q in grade.questions if q.mistake)
    rows = [row for table in seen.tables if table.heading.startswith("Most") for row in table.rows]
    found = {(name, what.partition("Hint: ")[2]): int(num) for what, name, num in rows}
    assert found == wanted
    for table in seen.tables:
        if table.heading.startswith("Most"):
            numbers = [int(row[2]) for row in table.rows]
            assert numbers == sorted(numbers, reverse=True)


@given(classes)
def test_each_that_needs_a_person_is_named_once_and_linked(grades: list[Grade]) -> None:
    seen = Seen(classreport.page(grades))
    told = {table.heading: table.rows for table in seen.tables}

    def of(some: list[Grade]) -> Counter[tuple[str, str]]:
        return Counter((grade.student, grade.assignment or grade.name) for grade in some)

    for heading, wanted in {
        "Needs a person’s eye": [g for g in grades if g.status == "needs review"],
        "Handed in late": [g for g in grades if g.is_late],
        "Cells that were changed, and hooks": [g for g in grades if g.tampering],
    }.items():
        assert Counter((row[0], row[1]) for row in told.get(heading, [])) == of(wanted)
        assert {feedback_file(g) for g in wanted} <= set(seen.links)
    unread = Counter(q.name for g in grades for q in g.questions if q.points is None)
    assert {row[1]: int(row[2]) for row in told.get("Still to be read", [])} == unread


@given(classes)
def test_the_drawings_show_every_student(grades: list[Grade]) -> None:
    """The numbers on bars add up to the students, and the words for who cannot see say so too."""
    page = classreport.page(grades)
    for assignment in {grade.assignment for grade in grades} - {""}:
        num = sum(grade.assignment == assignment for grade in grades)
        part = page.split(f"<h2>{assignment}</h2>")[1].split("</section>")[0]
        bars, shares = part.split("<svg ")[1:3]
        drawn = bars.split('<path d="M')[0].split("<text")[1:]
        assert sum(int(words.split(">")[1].split("<")[0]) for words in drawn) == num
        said = shares.split('aria-label="')[1].split('"')[0].split("; ")[1:]
        assert len(said) == len(OF)
        for one in said:
            assert sum(int(word) for word in one.split(": ")[1].split() if word.isdigit()) == num


def test_kinds_of_results_are_told_apart() -> None:
    said = {
        QuestionGrade("a2.1", None, 8, "to read"): "1 to be read",
        QuestionGrade("a2.1", 8.0, 8, "right"): "1 full points",
        QuestionGrade("a2.1", 8.0, 8, "read"): "1 full points",
        QuestionGrade("a2.1", 3.0, 8, "read"): "1 some points",
        QuestionGrade("a2.1", 0.0, 8, "read"): "1 not right",
        QuestionGrade("a2.1", 0.0, 8, "wrong"): "1 not right",
        QuestionGrade("a2.1", 0.0, 8, "error"): "1 error or crash",
        QuestionGrade("a2.1", 0.0, 8, "late"): "1 error or crash",
        QuestionGrade("a2.1", 0.0, 8, "not answered"): "1 not answered",
    }
    for question, words in said.items():
        grade = Grade("student-01", "a2-made", "x", "graded", (question,), {})
        assert f"a2.1: {words}" in classreport.page([grade])


def test_the_hardest_question_is_the_one_that_earned_the_smallest_part() -> None:
    found = [("a2.1", 4.0, 8, "read"), ("a2.2", 5.0, 12, "read"), ("a2.9", None, 18, "to read")]
    grade = Grade("s", "a2-made", "x", "graded", tuple(QuestionGrade(*q) for q in found), {})
    assert "hardest question is a2.2: it earned 42% of its points" in classreport.page([grade])


def test_changes_refusals_and_pairs_are_shown_where_there_are_any() -> None:
    pair = Pair(("student-01", "student-02"), "a2-made", 0.834, ("a2.1", "a2.2"), ({}, {}))
    change = Change("student-03", "a2-made", "a2.3", None, 12.5)
    seen = Seen(classreport.page([], [change], ["link.ipynb: a link"], [pair]))
    assert seen.table("Points that this regrade changed").rows == [
        ["student-03", "a2-made", "a2.3", "–", "12.5"]
    ]
    assert seen.table("Near-identical answers").rows == [
        ["student-01 and student-02", "a2-made", "83%", "a2.1, a2.2"]
    ]
    assert "link.ipynb: a link" in seen.text
    assert "similarity.html" in seen.links
    empty = Seen(classreport.page([]))
    assert not empty.faults
    assert not empty.links
    assert "0 submissions by 0 students" in empty.text
    assert "Near-identical" not in empty.text


def test_many_findings_of_one_student_do_not_hide_the_others() -> None:
    lines = tuple(f"cell {i} has tags that mean something to a grader" for i in range(50_000))
    grade = Grade("s", "", "x", "needs review", (), {}, review=lines, tampering=lines)
    page = classreport.page([replace(grade, student="W" * 10**6), grade])
    assert "and 49,970 more" in page
    assert len(page) < 50_000


# -- what nobody can do to it ------------------------------------------------------------------


def evil_page(evil: str) -> str:
    grade = evil_grade(evil)
    change = Change(evil, evil, evil, 0.0, 1.0)
    pair = Pair((evil, evil), evil, 0.9, (evil,), ({}, {}))
    others = [replace(grade, assignment=""), replace(grade, questions=())]
    return classreport.page([grade, *others], [change], [evil], [pair])


@pytest.mark.parametrize("evil", EVIL)
def test_whatever_a_student_writes_is_text(evil: str) -> None:
    assert not Seen(evil_page(evil)).faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_nothing_runs_and_it_fits_a_phone(
    chromium: "Browser", tmp_path: Path, scheme: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(evil_page("\n".join(EVIL) + "W" * 3000), "utf-8")
    context = chromium.new_context(
        viewport={"width": 390, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_timeout(300)
    assert page.title() == "Report on the class"
    assert asked == [path.as_uri()]
    assert not faults
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_two_students_never_share_a_page() -> None:
    whose = ["Anna", "anna", "ANNA", "ánna", "an/na", "../anna", "an-na", "con", "", "\ud800"]
    grades = [Grade(who, "a2-made", "x", "graded", (), {}) for who in whose]
    grades += [Grade("anna", "", name, "graded", (), {}) for name in ("x", "X", "a2-made", "../x")]
    files = [feedback_file(grade) for grade in grades]
    assert len({file.lower() for file in files}) == len(grades)
    assert all(file.startswith("feedback/") and ".." not in file for file in files)
    assert all(file.count("/") == 2 for file in files)

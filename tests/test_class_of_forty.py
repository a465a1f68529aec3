"""A made class of forty is graded in one run; its gradebook is the expected one, cell by cell."""

import csv
import io
import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pupils
import pytest
from homework import ROOT
from pupils import A2, DUE, POINTS, READ, Pupil

from vaecourse.classroom.folder import Folder
from vaecourse.classroom.grades import Grade
from vaecourse.classroom.grading import Round, Settings, grade_class
from vaecourse.classroom.jail import isolation
from vaecourse.classroom.reports import write_results
from vaecourse.classroom.sheets import FOLDER

LEVEL, WHY = isolation()
pytestmark = pytest.mark.skipif(LEVEL == "none", reason=f"no jail on this machine: {WHY}")
NOT_TAKEN = ("empty", "linked")  # files that nobody opens
SECRET = "what no student may read"
ALLOWED = """html head meta title style body main h1 h2 h3 p a table thead tbody tr th td div span
section pre ul li strong figure svg rect path br b i u g text figcaption caption"""


class Graded(NamedTuple):
    """The class, and what came of it."""

    expected: dict[str, Pupil]
    grades: dict[str, Grade]
    done: Round
    source: Path
    out: Path
    num_reached: int
    said: str
    before: set[int]  # processes of ours that were there already


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    root = tmp_path_factory.mktemp("class")
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    canary = root / "canary.txt"
    canary.write_text(SECRET)
    canary.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        expected = pupils.write(root / "handed", str(canary), server.getsockname()[1])
        due = datetime.fromtimestamp(DUE, UTC)
        done = grade_class(root / "handed", root / "out", Settings(due=due, seed=7))
        said = write_results(root / "out", done, look_for_similar=True)
        reached = 0
        try:
            server.accept()
            reached = 1
        except BlockingIOError:
            pass
    grades = {grade.student: grade for grade in Folder(root / "out").grades()}
    by_name = {pupil.student: pupil for pupil in expected}
    return Graded(by_name, grades, done, root / "handed", root / "out", reached, said, before)


def test_everybody_has_one_line_with_the_expected_points(graded: Graded) -> None:
    assert len(graded.expected) >= 40
    text = (graded.out / "gradebook.csv").read_text("utf-8-sig")
    rows = {row["student"].removeprefix("'"): row for row in csv.DictReader(io.StringIO(text))}
    wrong = []
    assert rows.keys() == graded.expected.keys()
    for name, pupil in graded.expected.items():
        for column, value in expected_row(pupil).items():
            if rows[name][column] != value:
                wrong.append((name, column, rows[name][column], value))
    assert wrong == []


def expected_row(pupil: Pupil) -> dict[str, str]:
    """The line of a student, but for hashes, the file and the words for a person."""
    row = {"student": pupil.student, "status": pupil.status, "late": "", "isolation": ""}
    if pupil.student.startswith("="):
        row["student"] = f"'{pupil.student}"
    if pupil.student not in NOT_TAKEN:
        row["late"] = "yes" if pupil.is_late else "no"
    if not pupil.is_assignment:
        return row | {"assignment": "", "total": "", "of": "", **dict.fromkeys(POINTS, "")}
    results = {**dict.fromkeys(POINTS, "right"), **pupil.results}
    points = {q: POINTS[q] if results[q] == "right" else 0 for q in POINTS}
    row |= {question: str(value) for question, value in points.items()}
    row[READ] = "" if pupil.read is None else f"{pupil.read:g}"
    row |= {"assignment": A2, "total": f"{sum(points.values()) + (pupil.read or 0):g}"}
    return row | {"of": "100", "isolation": LEVEL}


def test_the_guide_shows_what_the_command_says_of_the_class(graded: Graded) -> None:
    guide = (ROOT / "book" / "instructor_guide.md").read_text()
    lines = graded.said.splitlines()[1:-1]
    assert "\n".join(line for line in lines if "near-identical" not in line) in guide


def test_each_question_ends_as_it_must_and_each_mistake_is_named(graded: Graded) -> None:
    named = set()
    wrong = []
    for name, pupil in graded.expected.items():
        if not pupil.is_assignment:
            continue
        results = {**dict.fromkeys(POINTS, "right"), **pupil.results}
        for question in graded.grades[name].questions:
            if question.name == READ:
                continue
            came = f"mistake: {question.mistake}" if question.mistake else question.status
            if came != results[question.name] and not (
                question.mistake and results[question.name] == "wrong"
            ):
                wrong.append((name, question.name, came, results[question.name], question.hint))
            if question.mistake:
                named.add((question.name, question.mistake))
    assert wrong == []
    sheet = json.loads((FOLDER / f"{A2}.json").read_text())
    assert named == {(q["name"], m["name"]) for q in sheet["questions"] for m in q["mistakes"]}


def test_nothing_outside_was_reached_and_no_process_is_left(graded: Graded) -> None:
    assert graded.num_reached == 0
    for path in graded.out.rglob("*"):
        if path.is_file():
            assert SECRET not in path.read_text("utf-8", errors="replace")
    time.sleep(0.5)
    now = psutil.Process().children(recursive=True)
    mine = [p for p in now if p.pid not in graded.before]
    hidden = (p for p in psutil.process_iter() if "3017" in command_of(p))
    left = [command_of(p) for p in (*mine, *hidden) if p.status() != psutil.STATUS_ZOMBIE]
    assert left == []


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_the_report_names_what_met_the_grader(graded: Graded) -> None:
    for name, pupil in graded.expected.items():
        if pupil.tampering:
            said = " ".join(graded.grades[name].tampering)
            assert pupil.tampering in said, (name, said)
    for name in ("perfect-2", "half-done", "mistakes-1"):
        assert graded.grades[name].tampering == ()


def test_a_feedback_page_tells_no_hidden_source_and_no_expected_value(graded: Graded) -> None:
    keys = json.loads((graded.out / "keys" / f"{A2}.json").read_text())
    lines = [line for q in keys["questions"] for line in q["lines"]]
    hidden = [case[0] for q in keys["questions"] for case in q["cases"][q["num_open"] :]]
    words = [line.strip() for source in hidden for line in source.splitlines() if len(line) > 40]
    assert len(words) > 10
    pages = list((graded.out / "feedback").rglob("*.html"))
    assert len(pages) == len(graded.expected)
    for page in pages:
        text = page.read_text()
        if page.parent.name.startswith("mistakes"):
            continue  # whose answers are the author's own functions
        assert not [one for one in [*words, *lines] if one in text], page


def test_pages_have_no_script_and_no_tag_of_a_students(graded: Graded) -> None:
    from html.parser import HTMLParser

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: set[str] = set()

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.found |= {tag, *(f"{tag} {k}" for k, _ in attrs if k.startswith("on"))}

    allowed = {*ALLOWED.split()}
    pages = list(graded.out.rglob("*.html"))
    for page in pages:
        tags = Tags()
        tags.feed(page.read_text())
        assert tags.found <= allowed, page
    assert graded.out / "similarity.html" in pages
    assert "alert(2)" in "".join(page.read_text() for page in pages)


def test_a_second_run_judges_nobody_and_changes_no_grade(graded: Graded) -> None:
    before = (graded.out / "gradebook.csv").read_bytes()
    due = datetime.fromtimestamp(DUE, UTC)
    again = grade_class(graded.source, graded.out, Settings(due=due, resume=True))
    unreadable = sum(not p.is_assignment for p in graded.expected.values())
    assert again.num_judged == unreadable - len(NOT_TAKEN)
    write_results(graded.out, again)
    assert (graded.out / "gradebook.csv").read_bytes() == before

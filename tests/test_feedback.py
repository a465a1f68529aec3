"""A student's page says all of a grade and nothing that is hidden, and nothing in it runs."""

import re
import time
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markup import EVIL, Seen, evil_grade

from vaecourse.classroom import feedback, pages, sheets
from vaecourse.classroom.grades import Grade, QuestionGrade
from vaecourse.classroom.pages import safe_name
from vaecourse.classroom.sheets import SheetCell

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHEET = sheets.load("a2-vae-by-hand")
SOURCE = 'def gaussian_kl(mu, logvar):\n    # half of it\n    return "x" * 2 if mu < 1 else None'


def grade(**changes: Any) -> Grade:
    questions = (
        QuestionGrade("a2.1", 8.0, 8, "right"),
        QuestionGrade("a2.2", 0.0, 12, "wrong", "the noise is too wide", "variance for width"),
        QuestionGrade("a2.3", 0.0, 12, "dead", "Your code ended the program."),
        QuestionGrade("a2.9", None, 18, "to read"),
    )
    answers = {"a2.1": SOURCE, "a2.2": SOURCE, "a2.9": "It isn't sampled <b>at all</b>."}
    made = Grade(
        "student-01",
        "a2-vae-by-hand",
        "student-01/a2.ipynb",
        "partly graded",
        questions,
        answers,
        isolation="bubblewrap",
        hashes={"notebook": "5f" * 32, "key": "secret-key"},
        record={
            "release": "d1d2967c6d78",
            "when": "2026-12-01T09:54:31+00:00",
            "seeds": [741852963],
            "questions": {"a2.1": "secret-print"},
            "other": "secret-other",
        },
    )
    return replace(made, **changes)


# -- what it says ------------------------------------------------------------------------------


def test_every_question_and_its_points_stand_there_and_the_sum_is_right() -> None:
    seen = Seen(feedback.page(grade(), SHEET))
    assert seen.table("A2 · A VAE by hand").rows == [
        ["a2.1", "8 of 8", "right"],
        ["a2.2", "0 of 12", "not right"],
        ["a2.3", "0 of 12", "ended the program that runs it"],
        ["a2.9", "– of 18", "a person is still to read it"],
    ]
    assert "8 of 50 points so far" in seen.text
    assert "still to read a2.9, for up to 18 points more" in seen.text
    assert {link.removeprefix("#") for link in seen.links} == {"a2.1", "a2.2", "a2.3", "a2.9"}
    assert set(seen.ids) == {"a2.1", "a2.2", "a2.3", "a2.9"}
    assert "Question 3 · The price of a cloud" in seen.headings
    assert "The noise is too wide" in seen.text


def test_answers_are_shown_as_they_were_written_coloured_or_not() -> None:
    for sheet in (SHEET, None):
        assert Seen(feedback.page(grade(), sheet)).pres == list(grade().answers.values())
    page = feedback.page(grade(), SHEET)
    assert "<b>def</b> gaussian_kl" in page
    assert "<i># half of it</i>" in page
    assert "It isn&#x27;t sampled" in page  # words are no code: no string begins here


def test_a_whole_grade_waits_for_nothing_and_a_persons_words_are_shown() -> None:
    (first, second, *_) = grade().questions
    read = QuestionGrade("a2.9", 12.5, 18, "read", comment="Well seen.\nWhat follows?")
    text = Seen(feedback.page(grade(status="graded", questions=(first, second, read)))).text
    assert "20.5 of 38 points" in text
    assert "so far" not in text
    assert "Nothing is left open" in text
    assert "A person writes: Well seen.\nWhat follows?" in text


def test_who_needs_review_learns_that_a_person_will_look_and_why() -> None:
    text = Seen(feedback.page(grade(status="needs review", review=("a2.3: it ended",)))).text
    assert "A person will look" in text
    assert "a2.3: it ended" in text
    assert "8 of 50 points so far" in text


def test_a_file_that_is_no_assignment_has_no_points_not_even_0() -> None:
    broken = grade(assignment="", questions=(), answers={}, status="needs review", review=("cut",))
    text = Seen(feedback.page(broken)).text
    assert "cut" in text
    assert "lost none" in text
    assert not re.search(r"\d of \d", text)


def test_what_was_noticed_is_told_in_friendly_words() -> None:
    changed = "cell 7, the check of a2.3, was changed; the released one is used"
    hook = "a2.1: reaches for the kernel (get_ipython)"
    noted = "second.ipynb counts; handed in before: first.ipynb"
    page = grade(tampering=(changed, hook), notes=(noted,), is_late=True)
    text = Seen(feedback.page(page)).text
    assert changed in text
    assert noted in text
    assert "a2.1: your code reaches for the kernel (get_ipython), which an answer" in text
    assert "after the due time" in text
    assert "What was noticed" not in feedback.page(grade())


def test_it_says_how_it_was_graded_and_nothing_that_is_hidden() -> None:
    page = feedback.page(grade(), SHEET)
    facts = dict(Seen(page).table("How it was graded").rows)
    assert facts["notebook (SHA-256)"] == "5f" * 32
    assert facts["release"] == "d1d2967c6d78"
    assert facts["graded"].startswith("2026-12-01")
    assert "bubblewrap" in facts["isolation"]
    assert "secret" not in page
    assert "741852963" not in page
    for question in SHEET.questions:
        assert question.asked not in unescape(page)
        assert all(m.hint not in unescape(page) for m in question.mistakes)
        assert all(one.hashes not in page for case in question.prints for one in case)


def test_a_long_answer_is_cut_and_says_so() -> None:
    lines = [f"x{i} = {i}" for i in range(2000)]
    seen = Seen(feedback.page(grade(answers={"a2.1": "\n".join(lines)}), SHEET))
    assert seen.pres == ["\n".join(lines[: feedback.MOST_LINES])]
    assert "your answer has 2,000 lines" in seen.text
    seen = Seen(feedback.page(grade(answers={"a2.1": "y" * 90_000})))
    assert seen.pres == ["y" * feedback.LONGEST]
    assert "1 line and 90,000 characters" in seen.text


def test_300_long_answers_are_a_page_that_opens() -> None:
    questions = tuple(QuestionGrade(f"a2.{i}", 1.0, 1, "right") for i in range(300))
    answers = {q.name: "x = y  # z\n" * 2000 for q in questions}
    cells = tuple(SheetCell(q.name, "code", "answer", q.name, "") for q in questions)
    page = feedback.page(grade(questions=questions, answers=answers), replace(SHEET, cells=cells))
    assert page.count("Here it is cut") == 300
    assert len(page) < 20e6


# -- what nobody can do to it ------------------------------------------------------------------


@pytest.mark.parametrize("evil", EVIL)
def test_whatever_a_student_writes_is_text(evil: str) -> None:
    cells = [SheetCell("t", "markdown", "text", "", f"# {evil}\n## {evil}")]
    cells += [SheetCell("c", "code", "answer", f"{evil}0", "")]
    for sheet in (None, replace(SHEET, cells=tuple(cells))):
        assert not Seen(feedback.page(evil_grade(evil), sheet)).faults
    assert not Seen(feedback.page(replace(evil_grade(evil), questions=(), assignment=""))).faults


@given(st.text() | st.text("<>/'\"&!-=` \n#ab"))
def test_marked_code_is_the_code_and_nothing_but_the_marks_is_added(source: str) -> None:
    marked = pages.code(source)
    assert unescape(re.sub("</?[biu]>", "", marked)) == unescape(pages.text(source))
    assert not set(re.findall("<[^>]*>", marked)) - {f"<{s}{t}>" for s in ("", "/") for t in "biu"}


@pytest.mark.parametrize(
    "piece", ["'%" + "0" * 40_000, "f'{" * 13_000, "(" * 40_000, "'''" * 13_000, "\\\n" * 20_000]
)
def test_no_answer_takes_long_to_mark(piece: str) -> None:
    start = time.process_time()
    pages.code(piece)
    assert time.process_time() - start < 5


def test_characters_that_hide_or_turn_are_left_out() -> None:
    turned = "a\u202eb\u2066c\u061cd\u200be\u00adf\U000e0041g\x1b\x00h\ufeff"
    assert pages.text(turned) == "abcdefgh"


def test_in_a_browser_nothing_runs_and_nothing_is_asked_for(
    chromium: "Browser", tmp_path: Path
) -> None:
    evil = "\n".join(EVIL) + "W" * 3000
    cells = (SheetCell("c", "code", "answer", f"{evil}0", ""),)
    path = tmp_path / "page.html"
    sheet = replace(SHEET, assignment=evil, cells=cells)
    path.write_text(feedback.page(evil_grade(evil), sheet), "utf-8")
    asked, faults = opened(chromium, path, EVIL[0])
    assert asked == [path.as_uri()]
    assert not faults


def test_what_slipped_through_would_be_stopped_by_the_policy(
    chromium: "Browser", tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    raw = "\n".join(e for e in EVIL if "refresh" not in e).encode(errors="replace").decode()
    path.write_text(pages.page("kept", [raw]), "utf-8")
    asked, faults = opened(chromium, path, "kept")
    assert any("Content Security Policy" in fault for fault in faults)
    assert asked == [path.as_uri()]


def opened(chromium: "Browser", path: Path, title: str) -> tuple[list[str], list[str]]:
    """What a page asked for and its policy let through, and its complaints; its title stays."""
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    asked: list[str] = []
    faults: list[str] = []
    page.route("**/*", lambda route: route.continue_() if is_own(route) else route.abort())
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda r: asked.remove(r.url) if r.failure == "csp" else None)
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.goto(path.as_uri())
    page.wait_for_timeout(300)
    assert page.title().startswith(title)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()
    return asked, faults


def is_own(route: Any) -> bool:
    return route.request.url.startswith(("file:", "data:"))


# -- names of files ----------------------------------------------------------------------------

RESERVED = {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(10))}
names = st.text(max_size=90) | st.text("aAé.-_/\\ 0", max_size=8) | st.sampled_from(
    [*EVIL, *RESERVED, "CON.txt", "nul.tar.gz", "..", "a..b", "../../etc", "", ".", "José", "jose"]
)  # fmt: skip


@given(names, names)
def test_a_safe_name_is_plain_and_tells_students_apart(one: str, other: str) -> None:
    name = safe_name(one)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}", name)
    assert ".." not in name
    assert not name.endswith(".")
    assert name.lower().partition(".")[0] not in RESERVED
    if one != other:
        assert name.lower() != safe_name(other).lower()


def test_a_plain_name_stays_as_it_is_and_others_stay_readable() -> None:
    for name in ("student-01", "a2-vae-by-hand", "x.y_z"):
        assert safe_name(name) == name
    assert safe_name("José Ångström").startswith("Jose-Angstrom-")


@given(names)
def test_nobody_can_be_called_what_anothers_name_becomes(name: str) -> None:
    if safe_name(name) != name:
        assert safe_name(safe_name(name)) != safe_name(name)

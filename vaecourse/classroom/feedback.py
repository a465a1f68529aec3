"""The page that a student gets: points, hints, and the answers they are about.

It tells nothing of hidden inputs and expected values: of a grade's record it shows the release and
the date, and of the assignment the headings alone.
"""

import re
from collections.abc import Iterator

from vaecourse.classroom import pages
from vaecourse.classroom.grades import Grade, QuestionGrade
from vaecourse.classroom.pages import number, short, text
from vaecourse.classroom.sheets import Sheet
from vaecourse.classroom.tampering import HOOKS

MOST_LINES = 400  # of an answer that are shown
LONGEST = 40_000  # characters, likewise
WORDS = {
    "right": "right",
    "wrong": "not right",
    "error": "ends in an error",
    "not answered": "not answered",
    "late": "stopped: it takes too long",
    "loud": "stopped: it prints too much",
    "dead": "ended the program that runs it",
    "to read": "a person is still to read it",
    "read": "read by a person",
}
KINDS = {"right": "good", "to read": "open", "read": "open"}  # any other is bad
ISOLATION = {
    "bubblewrap": "shut off from the network and from other files (bubblewrap)",
    "none": "not shut off from the machine it ran on",
}
AFTER = {
    True: "Your points may still change; you need not do anything.",
    False: "You have no points yet, and have lost none. If your notebook opens in Jupyter and "
    "shows your answers, hand it in again if you still can.",
}
SEEN_HOOK = re.compile(
    rf"(\S+): ((?:{'|'.join(map(re.escape, HOOKS.values()))})(?: \(.*\))?)", re.S
)
HEADING = re.compile(r"^#{1,3} +(.+)", re.MULTILINE)


def page(grade: Grade, sheet: Sheet | None = None) -> str:
    """The page of a grade, as one HTML file; the sheet of its assignment lends its headings."""
    title = _title(sheet) if sheet else grade.assignment
    return pages.page(title or "Your submission", _body(grade, sheet))


def _body(grade: Grade, sheet: Sheet | None) -> Iterator[str]:
    yield f'<p class="faint">{short(grade.student)}</p>'
    yield from _standing(grade)
    if grade.questions:
        yield _overview(grade)
    headings = _headings(sheet) if sheet else {}
    in_code = {cell.question for cell in sheet.cells if cell.role == "answer"} if sheet else set()
    for question in grade.questions:
        yield f'<section id="{text(question.name)}">'
        yield f"<h2>{text(headings.get(question.name, f'Question {question.name}'))}</h2>"
        yield from _question(question)
        yield from _answer(grade.answers.get(question.name, ""), question.name in in_code)
        yield "</section>"
    yield from _noticed(grade)
    yield from _how(grade)


# -- points ------------------------------------------------------------------------------------


def _standing(grade: Grade) -> Iterator[str]:
    """How many points there are, and what is still to come."""
    waiting = [q for q in grade.questions if q.points is None]
    is_open = waiting or grade.status == "needs review"
    if grade.questions:
        yield (
            f'<p class="points">{number(grade.total)} of {grade.of} points'
            f"{' so far' if is_open else ''}</p>"
        )
    if waiting:
        names, of = ", ".join(q.name for q in waiting), sum(q.of for q in waiting)
        yield (
            f"<p><strong>Partly graded.</strong> A person is still to read {text(names)}, for up "
            f"to {pages.count(of, 'point')} more.</p>"
        )
    if grade.status == "needs review":
        yield (
            "<p><strong>A person will look at your submission.</strong> The program that grades "
            f"could not settle everything by itself. {AFTER[bool(grade.questions)]}</p>"
        )
        yield pages.listed(grade.review)
    elif not is_open:
        yield "<p><strong>Graded.</strong> Nothing is left open.</p>"
    if grade.is_late:
        yield "<p>It was handed in after the due time.</p>"


def _overview(grade: Grade) -> str:
    rows = [
        (
            f'<a href="#{text(q.name)}">{text(q.name)}</a>',
            f"{number(q.points)} of {q.of}",
            _word(q),
        )
        for q in grade.questions
    ]
    return pages.table(("question", "points", "result"), rows, numbers=(1,))


def _word(question: QuestionGrade) -> str:
    word = WORDS.get(question.status, question.status)
    return f'<span class="{KINDS.get(question.status, "bad")}">{text(word)}</span>'


# -- a question --------------------------------------------------------------------------------


def _question(question: QuestionGrade) -> Iterator[str]:
    yield (
        f"<p>{text(question.name)}: {number(question.points)} of "
        f"{pages.count(question.of, 'point')}, {_word(question)}</p>"
    )
    if question.hint:
        yield f"<p>{pages.sentence(question.hint)}</p>"
    if question.comment:
        yield f'<p class="lines"><strong>A person writes:</strong> {text(question.comment)}</p>'


def _answer(answer: str, is_code: bool) -> Iterator[str]:
    """What the student wrote, as far as it can be shown."""
    if not answer:
        return
    lines = answer.split("\n")
    shown = "\n".join(answer[:LONGEST].split("\n")[:MOST_LINES])
    yield "<h3>Your answer</h3>"
    yield (
        f"<pre>{pages.code(shown)}</pre>" if is_code else f'<pre class="words">{text(shown)}</pre>'
    )
    if len(shown) < len(answer):
        yield (
            f'<p class="faint">Here it is cut: your answer has {pages.count(len(lines), "line")} '
            f"and {pages.count(len(answer), 'character')}.</p>"
        )


def _title(sheet: Sheet) -> str:
    """The first heading of an assignment."""
    found = (HEADING.search(cell.source) for cell in sheet.cells if cell.kind == "markdown")
    return next((one[1] for one in found if one), sheet.assignment)


def _headings(sheet: Sheet) -> dict[str, str]:
    """The heading under which each question stands."""
    headings, last = {}, ""
    for cell in sheet.cells:
        if cell.role in ("answer", "read"):
            headings[cell.question] = last or f"Question {cell.question}"
        elif cell.kind == "markdown" and (found := re.search(r"^## +(.+)", cell.source, re.M)):
            last = found[1]
    return headings


# -- what was noticed, and how it was graded ---------------------------------------------------


def _noticed(grade: Grade) -> Iterator[str]:
    seen = [*grade.notes, *map(_friendly, grade.tampering)]
    if seen:
        yield "<section><h2>What was noticed in your notebook</h2>"
        yield (
            "<p>Of what you handed in only your answers were used; everything else came from the "
            "released notebook, so a change elsewhere costs no point.</p>"
        )
        yield pages.listed(seen) + "</section>"


def _friendly(finding: str) -> str:
    """A finding for the person whose notebook it is about."""
    if found := SEEN_HOOK.fullmatch(finding):
        return f"{found[1]}: your code {found[2]}, which an answer seldom needs"
    return finding


def _how(grade: Grade) -> Iterator[str]:
    yield "<section><h2>How it was graded</h2>"
    if grade.questions:
        read = f"{len(grade.answers)} of {len(grade.questions)}"
        yield (
            f"<p>In your notebook we found answers to {read} questions. Answers in code were run "
            "with new inputs, and what they gave was compared with what is right.</p>"
        )
    facts = [
        ("file", grade.name),
        ("release", grade.record.get("release")),
        ("isolation", ISOLATION.get(grade.isolation, grade.isolation)),
        ("graded", grade.record.get("when")),
        ("notebook (SHA-256)", grade.hashes.get("notebook")),
    ]
    yield pages.table(("what", "value"), [(text(k), short(v)) for k, v in facts if v])
    yield (
        "<p>If you think that a grade is wrong, quote the question and the SHA-256: it says which "
        "file was graded.</p></section>"
    )

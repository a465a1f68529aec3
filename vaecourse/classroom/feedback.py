"""The page that a student gets: points, hints, and the answers they are about.

It tells nothing of hidden inputs and expected values: whatever stands in a hint may be known.
"""

from collections.abc import Iterator

from vaecourse.classroom import pages
from vaecourse.classroom.grades import Grade, QuestionGrade
from vaecourse.classroom.pages import number, text

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
STATUS = {
    "graded": "These are your points.",
    "partly graded": "These are your points so far: a person is still to read {questions}.",
    "needs review": "These are your points so far: a person is still to look at your submission.",
}


def page(grade: Grade) -> str:
    """The page of a grade, as one HTML file."""
    return pages.page(grade.assignment or "Your submission", _body(grade))


def _body(grade: Grade) -> Iterator[str]:
    waiting = ", ".join(q.name for q in grade.questions if q.points is None) or "nothing"
    status = STATUS[grade.status].format(questions=waiting)
    yield f"<p>{text(grade.student)}</p>"
    if grade.questions:
        yield f"<p><strong>{number(grade.total)} of {grade.of} points.</strong> {text(status)}</p>"
    else:
        yield f"<p>{text(status)}</p>"
        yield pages.listed(text(reason) for reason in grade.review)
    if grade.is_late:
        yield "<p>It was handed in after the due time.</p>"
    if grade.questions:
        rows = [
            (
                f'<a href="#{text(q.name)}">{text(q.name)}</a>',
                number(q.points),
                str(q.of),
                _word(q),
            )
            for q in grade.questions
        ]
        yield pages.table(("question", "points", "of", "result"), rows, numbers=(1, 2))
    for question in grade.questions:
        yield from _question(question, grade.answers.get(question.name, ""))
    yield from _about(grade)


def _word(question: QuestionGrade) -> str:
    kind = {"right": "good", "to read": "open", "read": "open"}.get(question.status, "bad")
    return f'<span class="{kind}">{text(WORDS[question.status])}</span>'


def _question(question: QuestionGrade, answer: str) -> Iterator[str]:
    points = f"{number(question.points)} of {question.of} points"
    yield f'<section id="{text(question.name)}">'
    yield f"<h2>{text(question.name)}: {points}</h2>"
    yield f"<p>{_word(question)}</p>"
    if question.hint:
        yield f"<p>{text(question.hint)}</p>"
    if question.comment:
        yield f"<p>A person writes: {text(question.comment)}</p>"
    if answer:
        lines = answer[:LONGEST].split("\n")
        shown = "\n".join(lines[:MOST_LINES])
        yield f"<pre>{text(shown)}</pre>"
        if len(lines) > MOST_LINES or len(answer) > LONGEST:
            yield f'<p class="faint">Its first {min(len(lines), MOST_LINES)} lines are shown.</p>'
    yield "</section>"


def _about(grade: Grade) -> Iterator[str]:
    notes = [*grade.notes, *grade.tampering]
    if notes:
        yield "<section><h2>About your notebook</h2>"
        yield pages.listed(text(note) for note in notes)
        yield "</section>"
    record = grade.record
    facts = [
        ("file", grade.name),
        ("its SHA-256", grade.hashes.get("notebook", "")),
        ("release", str(record.get("release", ""))),
        ("graded", str(record.get("when", ""))),
    ]
    yield "<section><h2>How it was graded</h2>"
    yield (
        "<p>Only your answer cells were taken; they were run with inputs drawn for this grading. "
        "If you think that a grade is wrong, name the question and the SHA-256 below.</p>"
    )
    yield pages.table(("what", "value"), [(text(k), text(v)) for k, v in facts if v])
    yield "</section>"

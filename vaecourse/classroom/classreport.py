"""The report on a class: how it did, what it got wrong, and where a person must look."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import mean, median

from vaecourse.classroom import pages
from vaecourse.classroom.grades import CRASHES, Change, Grade, QuestionGrade
from vaecourse.classroom.pages import number, safe_name, text

# what may become of a question, with a colour (Okabe and Ito's, safe for the colour-blind)
KINDS = {
    "full": ("full points", "#009e73"),
    "part": ("some points", "#56b4e9"),
    "none": ("no points", "#d55e00"),
    "crash": ("a crash", "#000000"),
    "empty": ("not answered", "#bdbdbd"),
    "waits": ("to be read", "#f0e442"),
}
BAR, ROW, LEFT = 360, 22, 60  # pixels
BINS = 10  # of the distribution of points
MOST_MISTAKES = 15


def page(
    grades: Sequence[Grade], changes: Sequence[Change] = (), refused: Sequence[str] = ()
) -> str:
    """The report as one HTML file; it links to the students' pages."""
    return pages.page("Report on the class", _body(grades, changes, refused))


def feedback_file(grade: Grade) -> str:
    """Where a grade's page lies, seen from the report."""
    name = grade.assignment or f"file-{safe_name(grade.name)}"
    return f"feedback/{safe_name(grade.student)}/{name}.html"


def _body(
    grades: Sequence[Grade], changes: Sequence[Change], refused: Sequence[str]
) -> Iterator[str]:
    by_assignment: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        by_assignment[grade.assignment].append(grade)
    yield from _overview(by_assignment)
    yield from _for_a_person(grades)
    yield from _changes(changes)
    for assignment in sorted(filter(None, by_assignment)):
        yield from _assignment(assignment, by_assignment[assignment])
    yield from _tampering(grades)
    if refused:
        yield "<section><h2>Files that were not taken</h2>"
        yield pages.listed(map(text, refused)) + "</section>"


def _overview(by_assignment: dict[str, list[Grade]]) -> Iterator[str]:
    rows = []
    for assignment, found in sorted(by_assignment.items()):
        count = Counter(grade.status for grade in found)
        totals = [grade.total for grade in found if grade.total is not None]
        cells = (len(found), count["graded"], count["partly graded"], count["needs review"])
        late = sum(grade.is_late is True for grade in found)
        middle = f"{median(totals):g}" if totals else "–"
        rows.append((text(assignment or "no assignment"), *map(str, cells), str(late), middle))
    head = ("assignment", "submissions", "graded", "partly", "needs review", "late", "median")
    yield pages.table(head, rows, numbers=range(1, len(head)))


def _for_a_person(grades: Iterable[Grade]) -> Iterator[str]:
    waiting = [grade for grade in grades if grade.status == "needs review"]
    yield "<section><h2>For a person's eye</h2>"
    if not waiting:
        yield "<p>No submission needs a person's eye.</p>"
    else:
        rows = [
            (_link(grade), text(grade.assignment or grade.name), text("; ".join(grade.review)))
            for grade in waiting
        ]
        yield pages.table(("student", "assignment or file", "why"), rows)
    unread = Counter(q.name for g in grades for q in g.questions if q.status == "to read")
    if unread:
        said = ", ".join(f"{name} ({count})" for name, count in sorted(unread.items()))
        yield f"<p>Still to be read: {text(said)}. Their points go into manual.csv.</p>"
    yield "</section>"


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    if changes:
        rows = [
            (text(c.student), text(c.question), number(c.before), number(c.after)) for c in changes
        ]
        yield "<section><h2>Points that this regrade changed</h2>"
        yield pages.table(("student", "question", "before", "now"), rows, numbers=(2, 3))
        yield "</section>"


def _link(grade: Grade) -> str:
    return f'<a href="{feedback_file(grade)}">{text(grade.student)}</a>'


# -- one assignment ----------------------------------------------------------------------------


def _assignment(assignment: str, grades: Sequence[Grade]) -> Iterator[str]:
    yield f"<section><h2>{text(assignment)}</h2>"
    yield _distribution(assignment, grades)
    questions = [q.name for q in grades[0].questions]
    by_question = {n: [q for g in grades for q in g.questions if q.name == n] for n in questions}
    yield _bars(assignment, by_question)
    rows = []
    for name, found in by_question.items():
        points = [q.points for q in found if q.points is not None]
        full = sum(_kind(q) == "full" for q in found)
        average = f"{mean(points):.1f}" if points else "–"
        rows.append((text(name), str(found[0].of), average, f"{full} of {len(found)}"))
    yield pages.table(("question", "of", "mean points", "full points"), rows, numbers=(1, 2, 3))
    yield from _mistakes(by_question)
    yield "</section>"


def _mistakes(by_question: dict[str, list[QuestionGrade]]) -> Iterator[str]:
    found = Counter(
        (q.name, q.mistake, q.hint) for qs in by_question.values() for q in qs if q.mistake
    )
    yield "<h3>Most common mistakes</h3>"
    if not found:
        yield "<p>No answer shows a mistake that has a name.</p>"
        return
    rows = [
        (text(name), text(mistake), str(count), text(hint))
        for (name, mistake, hint), count in found.most_common(MOST_MISTAKES)
    ]
    yield pages.table(("question", "mistake", "students", "the hint they got"), rows, numbers=(2,))


def _kind(question: QuestionGrade) -> str:
    if question.points is None:
        return "waits"
    if question.points == question.of:
        return "full"
    if question.points > 0:
        return "part"
    if question.status in CRASHES:
        return "crash"
    return "empty" if question.status == "not answered" else "none"


# -- drawings ----------------------------------------------------------------------------------


def _distribution(assignment: str, grades: Sequence[Grade]) -> str:
    """How many students have how many points."""
    of = max(grade.of for grade in grades) or 1
    totals = [grade.total for grade in grades if grade.total is not None]
    counts = [0] * BINS
    for total in totals:
        counts[min(BINS - 1, int(BINS * total / of))] += 1
    height, width = 120, BAR / BINS
    scale = height / max(1, *counts)
    said = f"Points of {len(totals)} students in {assignment}: median {median(totals):g} of {of}."
    parts = []
    for i, count in enumerate(counts):
        x, tall = LEFT + i * width, count * scale
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{20 + height - tall:.1f}" width="{width - 2:.1f}" '
            f'height="{tall:.1f}" fill="#0072b2"/>'
        )
        if count:
            parts.append(_text(x + width / 2, 15 + height - tall, str(count), "middle"))
    for i in range(0, BINS + 1, 2):
        parts.append(_text(LEFT + i * width, height + 36, f"{i * of / BINS:g}", "middle"))
    parts.append(_text(LEFT + BAR / 2, height + 54, "points", "middle"))
    return _figure(said, parts, LEFT + BAR + 20, height + 60, "Students by points so far")


def _bars(assignment: str, by_question: dict[str, list[QuestionGrade]]) -> str:
    """What became of each question, as shares of the class."""
    parts, said = [], []
    for row, (name, found) in enumerate(by_question.items()):
        count = Counter(map(_kind, found))
        x = float(LEFT)
        parts.append(_text(LEFT - 8, row * ROW + 15, name, "end"))
        for kind, (_, colour) in KINDS.items():
            share = BAR * count[kind] / len(found)
            if share:
                parts.append(
                    f'<rect x="{x:.1f}" y="{row * ROW + 3}" width="{share:.1f}" '
                    f'height="{ROW - 6}" fill="{colour}" stroke="#888" stroke-width=".5"/>'
                )
            x += share
        parts.append(_text(LEFT + BAR + 8, row * ROW + 15, f"{count['full']} full", "start"))
        said.append(f"{name}: {count['full']} of {len(found)} with full points")
    bottom = len(by_question) * ROW + 8
    present = [k for k in KINDS if any(_kind(q) == k for qs in by_question.values() for q in qs)]
    for i, kind in enumerate(present):
        words, colour = KINDS[kind]
        x, y = LEFT + (i % 3) * 130, bottom + (i // 3) * 20
        parts.append(
            f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}" stroke="#888"/>'
        )
        parts.append(_text(x + 18, y + 10, words, "start"))
    caption = "What became of each question, as shares of the class"
    return _figure("; ".join(said), parts, LEFT + BAR + 80, bottom + 44, caption)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(words)}</text>'


def _figure(said: str, parts: Iterable[str], width: float, height: float, caption: str) -> str:
    return (
        f'<figure><svg role="img" aria-label="{text(said)}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}">{"".join(parts)}</svg><figcaption>{text(caption)}</figcaption></figure>'
    )


# -- what meets the grader ---------------------------------------------------------------------


def _tampering(grades: Iterable[Grade]) -> Iterator[str]:
    found = [grade for grade in grades if grade.tampering]
    yield "<section><h2>Cells that were changed, and hooks</h2>"
    if not found:
        yield "<p>Nothing was found.</p></section>"
        return
    yield (
        "<p>None of this earned or cost a point: only answer cells are taken, and nothing in them "
        "reaches the comparison. It may be an attempt, a debugger, or an accident.</p>"
    )
    rows = [
        (_link(grade), text(grade.assignment), pages.listed(map(text, grade.tampering)))
        for grade in found
    ]
    yield pages.table(("student", "assignment", "what"), rows)
    yield "</section>"

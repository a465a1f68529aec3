"""The report on a class: how it did, what it got wrong, and where a person must look."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean, median

from vaecourse.classroom import drawings, pages
from vaecourse.classroom.grades import CRASHES, Change, Grade, QuestionGrade
from vaecourse.classroom.pages import number, safe_name, short, text
from vaecourse.classroom.similarity import Pair

# what may become of a question, and its colour
KINDS = {
    "full points": drawings.GREEN,
    "some points": drawings.SKY,
    "not right": drawings.ORANGE,
    "error or crash": drawings.PINK,
    "not answered": drawings.GREY,
    "to be read": drawings.YELLOW,
}
MOST_MISTAKES = 15
Groups = Mapping[str, Sequence[Grade]]  # grades by assignment, "" for files that are none


def page(
    grades: Sequence[Grade],
    changes: Sequence[Change] = (),
    refused: Sequence[str] = (),
    similar: Sequence[Pair] = (),
) -> str:
    """The report as one HTML file; it links to the students' pages.

    `changes` are points that a regrade changed, `refused` the files that were not taken, `similar`
    the pairs of near-identical answers.
    """
    return pages.page("Report on the class", _body(grades, changes, refused, similar))


def feedback_file(grade: Grade) -> str:
    """Where a grade's page lies, seen from the report."""
    name = safe_name(grade.assignment) if grade.assignment else f"file-{safe_name(grade.name)}"
    return f"feedback/{safe_name(grade.student)}/{name}.html"


def _body(
    grades: Sequence[Grade],
    changes: Sequence[Change],
    refused: Sequence[str],
    similar: Sequence[Pair],
) -> Iterator[str]:
    groups: dict[str, list[Grade]] = defaultdict(list)
    for grade in sorted(grades, key=lambda g: (not g.assignment, g.assignment, g.student, g.name)):
        groups[grade.assignment].append(grade)
    in_order = [grade for found in groups.values() for grade in found]
    yield from _overview(groups)
    yield from _for_a_person(in_order)
    yield from _to_read(in_order)
    yield from _changes(changes)
    for assignment, found in groups.items():
        if assignment:
            yield from _assignment(assignment, found)
    yield from _late(in_order)
    yield from _tampering(in_order)
    yield from _similar(similar)
    if refused:
        yield _section("Files that were not taken") + pages.listed(refused) + "</section>"


def _section(heading: str) -> str:
    return f"<section><h2>{text(heading)}</h2>"


def _overview(groups: Groups) -> Iterator[str]:
    num = sum(map(len, groups.values()))
    students = len({grade.student for found in groups.values() for grade in found})
    yield f"<p>{pages.count(num, 'submission')} by {pages.count(students, 'student')}.</p>"
    rows = []
    for assignment, found in groups.items():
        count = Counter(grade.status for grade in found)
        totals = _totals(found)
        cells = (len(found), count["graded"], count["partly graded"], count["needs review"])
        late = sum(grade.is_late is True for grade in found)
        middle = f"{number(median(totals))} of {found[0].of}" if totals else "–"
        rows.append((short(assignment or "no assignment"), *map(str, cells), str(late), middle))
    head = (
        "assignment", "submissions", "graded", "partly graded", "needs review", "late",
        "median so far",
    )  # fmt: skip
    yield pages.table(head, rows, numbers=range(1, len(head)))


def _totals(grades: Iterable[Grade]) -> list[float]:
    return [grade.total for grade in grades if grade.total is not None]


def _link(grade: Grade) -> str:
    return f'<a href="{text(feedback_file(grade))}">{short(grade.student)}</a>'


# -- where a person must look ------------------------------------------------------------------


def _for_a_person(grades: Iterable[Grade]) -> Iterator[str]:
    yield _section("Needs a person’s eye")
    rows = [
        (_link(grade), short(grade.assignment or grade.name), pages.listed(grade.review))
        for grade in grades
        if grade.status == "needs review"
    ]
    if rows:
        yield (
            f"<p>{pages.count(len(rows), 'submission')}. Who has looked writes so into the row "
            "“review” of manual.csv.</p>"
        )
        yield pages.table(("student", "assignment or file", "why"), rows)
    else:
        yield "<p>No submission needs one.</p>"
    yield "</section>"


def _to_read(grades: Iterable[Grade]) -> Iterator[str]:
    waiting = Counter(
        (g.assignment, q.name) for g in grades for q in g.questions if q.status == "to read"
    )
    yield _section("Still to be read")
    if waiting:
        yield "<p>Points for these go into manual.csv.</p>"
        rows = [(short(a), short(q), str(n)) for (a, q), n in sorted(waiting.items())]
        yield pages.table(("assignment", "question", "answers"), rows, numbers=(2,))
    else:
        yield "<p>Nothing is.</p>"
    yield "</section>"


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    if changes:
        rows = [
            (short(c.student), short(c.assignment), short(c.question), number(c.before),
             number(c.after))
            for c in changes
        ]  # fmt: skip
        head = ("student", "assignment", "question", "before", "now")
        yield _section("Points that this regrade changed")
        yield pages.table(head, rows, numbers=(3, 4)) + "</section>"


# -- one assignment ----------------------------------------------------------------------------


def _assignment(assignment: str, grades: Sequence[Grade]) -> Iterator[str]:
    yield _section(assignment)
    totals, of = _totals(grades), grades[0].of
    if totals and of:
        middle = number(median(totals))
        said = f"Half of the {pages.count(len(totals), 'student')} have {middle} points or more"
        yield drawings.histogram(totals, of, f"{said}, of {of}.")
    by_question: dict[str, list[QuestionGrade]] = defaultdict(list)
    for question in (q for grade in grades for q in grade.questions):
        by_question[question.name].append(question)
    if by_question:
        counts = {name: Counter(map(_kind, found)) for name, found in by_question.items()}
        yield drawings.shares(counts, KINDS, f"{_hardest(by_question)} The numbers are students.")
        yield _points(by_question)
        yield from _mistakes(by_question)
    yield "</section>"


def _hardest(by_question: Mapping[str, Sequence[QuestionGrade]]) -> str:
    """Which question earned the least, among those for which nobody waits."""
    earned = {
        name: mean(points) / found[0].of
        for name, found in by_question.items()
        if len(points := [q.points for q in found if q.points is not None]) == len(found)
        and found[0].of
    }
    if not earned:
        return "What became of each question."
    name = min(earned, key=lambda name: earned[name])
    return f"The hardest question is {name}: it earned {earned[name]:.0%} of its points."


def _points(by_question: Mapping[str, Sequence[QuestionGrade]]) -> str:
    rows = []
    for name, found in by_question.items():
        points = [q.points for q in found if q.points is not None]
        full = sum(q.points == q.of for q in found)
        middle = (f"{mean(points):.1f}", number(median(points))) if points else ("–", "–")
        share = f"{full} of {len(points)} ({full / len(points):.0%})" if points else "–"
        rows.append((short(name), str(found[0].of), *middle, share))
    head = ("question", "of", "mean", "median", "full points")
    return pages.table(head, rows, numbers=range(1, len(head)))


def _mistakes(by_question: Mapping[str, Sequence[QuestionGrade]]) -> Iterator[str]:
    hints = {(q.name, q.mistake): q.hint for qs in by_question.values() for q in qs if q.mistake}
    found = Counter((q.name, q.mistake) for qs in by_question.values() for q in qs if q.mistake)
    yield "<h3>Most common mistakes</h3>"
    if not found:
        yield "<p>No answer shows a mistake that has a name.</p>"
        return
    rows = [
        (f'{short(mistake)}<br><span class="faint">{pages.sentence(hints[name, mistake])}</span>',
         short(name), str(count))
        for (name, mistake), count in found.most_common(MOST_MISTAKES)
    ]  # fmt: skip
    head = ("mistake, and the hint they got", "question", "students")
    yield pages.table(head, rows, numbers=(2,))
    if len(found) > MOST_MISTAKES:
        yield f"<p>And {len(found) - MOST_MISTAKES} rarer ones.</p>"


def _kind(question: QuestionGrade) -> str:
    if question.points is None:
        return "to be read"
    if question.points == question.of:
        return "full points"
    if question.points > 0:
        return "some points"
    if question.status in (*CRASHES, "error"):
        return "error or crash"
    return "not answered" if question.status == "not answered" else "not right"


# -- late, changed, similar --------------------------------------------------------------------


def _late(grades: Iterable[Grade]) -> Iterator[str]:
    rows = [(_link(g), short(g.assignment or g.name)) for g in grades if g.is_late]
    if rows:
        yield _section("Handed in late")
        yield pages.table(("student", "assignment or file"), rows) + "</section>"


def _tampering(grades: Iterable[Grade]) -> Iterator[str]:
    rows = [
        (_link(grade), short(grade.assignment or grade.name), pages.listed(grade.tampering))
        for grade in grades
        if grade.tampering
    ]
    yield _section("Cells that were changed, and hooks")
    if rows:
        yield (
            "<p>None of this earned a point: only answer cells are taken, and nothing in them "
            "reaches the comparison. It may be an attempt, a debugger, or an accident.</p>"
        )
        yield pages.table(("student", "assignment or file", "what"), rows)
    else:
        yield "<p>Nothing was found.</p>"
    yield "</section>"


def _similar(pairs: Sequence[Pair]) -> Iterator[str]:
    if pairs:
        rows = [
            (" and ".join(map(short, pair.students)), short(pair.assignment), f"{pair.share:.0%}",
             short(", ".join(pair.questions)))
            for pair in pairs
        ]  # fmt: skip
        yield _section("Near-identical answers")
        yield (
            "<p>A high share proves nothing; it says where to look. The answers stand side by "
            'side in <a href="similarity.html">similarity.html</a>.</p>'
        )
        head = ("students", "assignment", "of their own shared", "questions")
        yield pages.table(head, rows, numbers=(2,)) + "</section>"

"""Pairs of students whose answers are near-identical, once what everybody writes is left out.

Answers become fingerprints (`winnowing`). Those of the release, of sources that everybody may use
(`known`: the official solution), and those that a large part of the class shares are left out. Two
answers to a question are near-identical if of what is left of the shorter one, the longer one has
at least a share `least`. A right answer of two lines is near-identical with many others, so that
alone names nobody. A question counts by how few wrote so: if of n students c wrote an answer near
to these two, two who know nothing of each other would both do so with a chance of about

    (c − 2 + 2 · 2^(−shared / DOUBT)) / n,

the last part for what a small class cannot know: a short answer may well have been written so, a
long one hardly. A pair is named if the product over its near-identical questions, times the number
of pairs in the class, is below `CHANCE`: one answer of twenty lines or a text is enough, of short
ones it takes several.

What a high share does *not* prove: that anybody copied, and who did. Two students may have worked
side by side as they were told to, have used the same book, page or assistant, or one may not know
that the other has read along. Style runs through all of a student's answers, so the questions tell
less together than the product says. In a class of a few, nobody knows what everybody writes: give
`known` there. It says where a person should look, and starts a talk, not a verdict.
What no pair does *not* prove: that nobody copied. An answer that was written anew is not found, nor
one that a quarter of the class shares, nor a copy of answers that many would write anyway.

The constants were set on the made classes of `tests/disguises.py`, so what is said there of the
share that is found holds for these.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

from vaecourse.classroom import pages, sheets
from vaecourse.classroom.grades import Grade
from vaecourse.classroom.pages import text
from vaecourse.classroom.sheets import Sheet, SheetCell
from vaecourse.classroom.winnowing import LONGEST, fingerprints, shared_places

COMMON = 0.25  # of a class: a fingerprint that more of it shares says nothing
FEWEST = 4  # fingerprints of their own in two answers that are compared
DOUBT = 4  # fingerprints: so many more halve the chance that two just write the same
DOUBT_IN_TEXT = 1  # likewise; one stands for two or three words
CHANCE = 0.001  # honest pairs that may be named in a class, were its questions independent
LARGEST = 50  # students: what more of them share is no matter of two
MOST_OWNERS = 300  # different answers: a fingerprint in more of them leads from none to another
MOST_PAIRS = 100  # that are shown on a page
SHOWN = 4000  # characters of an answer that are shown
Known = Mapping[str, Iterable[str]]  # by question: sources that everybody may use
Numbers = tuple[int, int]  # two students by their place in the class


class Pair(NamedTuple):
    """Two students, and how much of what is their own is the same."""

    students: tuple[str, str]
    assignment: str
    share: float  # from 0 to 1, in the questions named
    questions: tuple[str, ...]  # with near-identical answers
    example: str  # a passage of the first one's that the second one has too


class Near(NamedTuple):
    """Two near-identical answers to a question."""

    question: str
    num_shared: int  # fingerprints
    num_smaller: int  # fingerprints of the one that has fewer
    chance: float  # that two who know nothing of each other write so


class Version(NamedTuple):
    """What students wrote who all wrote the same."""

    marks: frozenset[int]
    students: list[int]


def similar(grades: Sequence[Grade], least: float = 0.8, known: Known | None = None) -> list[Pair]:
    """The pairs whose answers are the same by at least so much, the most striking first.

    A grade of no assignment, or of one that is not released, is passed over.
    """
    by_assignment: dict[str, list[Grade]] = defaultdict(list)
    for grade in sorted(grades, key=lambda grade: grade.student):
        by_assignment[grade.assignment].append(grade)
    found = [
        pair
        for name in set(sheets.names()) & by_assignment.keys()
        for pair in _pairs(sheets.load(name), by_assignment[name], least, known or {})
    ]
    return [pair for _, pair in sorted(found)]


def page(pairs: Sequence[Pair], grades: Sequence[Grade]) -> str:
    """The pairs as a page, their answers side by side, what they share marked."""
    return pages.page("Near-identical answers", _body(pairs, grades))


# -- pairs -------------------------------------------------------------------------------------


def _pairs(
    sheet: Sheet, grades: Sequence[Grade], least: float, known: Known
) -> Iterator[tuple[float, Pair]]:
    """The pairs of a class, with how many of the kind would be there by chance."""
    met: dict[Numbers, list[Near]] = defaultdict(list)
    for cell in _asked(sheet).values():
        marks = _marks(cell, grades, known)
        for numbers, near in _near_pairs(cell, marks, len(grades), least):
            met[numbers].append(near)
    for (i, j), some in met.items():
        expected = math.comb(len(grades), 2) * math.prod(near.chance for near in some)
        if expected < CHANCE and grades[i].student != grades[j].student:
            yield expected, _pair(sheet, (grades[i], grades[j]), some)


def _pair(sheet: Sheet, two: tuple[Grade, Grade], some: Sequence[Near]) -> Pair:
    first, second = two
    most = max(some, key=lambda near: near.num_shared).question
    cell = _asked(sheet)[most]
    answers = (first.answers[most][:LONGEST], second.answers[most][:LONGEST])
    places = shared_places(*answers, is_code=cell.kind == "code", without=cell.source)
    start, end = max(places, key=lambda place: place[1] - place[0], default=(0, 0))
    return Pair(
        (first.student, second.student),
        sheet.assignment,
        sum(near.num_shared for near in some) / sum(near.num_smaller for near in some),
        tuple(near.question for near in some),
        answers[0][start : min(end, start + pages.LONGEST)],
    )


def _asked(sheet: Sheet) -> dict[str, SheetCell]:
    """The cells for answers by their question."""
    return {cell.question: cell for cell in sheet.cells if cell.role in ("answer", "read")}


def _marks(cell: SheetCell, grades: Sequence[Grade], known: Known) -> dict[int, frozenset[int]]:
    """The fingerprints of each answer that are not the release's, nor known to all."""
    is_code = cell.kind == "code"
    sources = (cell.source, *known.get(cell.question, ()))
    given = frozenset[int]().union(*(fingerprints(one, is_code=is_code) for one in sources))
    answers = ((i, grade.answers.get(cell.question, "")) for i, grade in enumerate(grades))
    return {i: fingerprints(answer, is_code=is_code) - given for i, answer in answers if answer}


# -- one question ------------------------------------------------------------------------------


def _near_pairs(
    cell: SheetCell, marks: Mapping[int, frozenset[int]], num_students: int, least: float
) -> Iterator[tuple[Numbers, Near]]:
    """Two students each whose answers are near-identical, but not with those of many."""
    versions = _versions(marks, num_students)
    near = _neighbours(versions, least)
    doubt = DOUBT if cell.kind == "code" else DOUBT_IN_TEXT
    crowds = [sum(len(versions[k].students) for k in some) for some in near]
    for i, some in enumerate(near):
        for k, num_shared in some.items():
            crowd = max(crowds[i], crowds[k])
            if k < i or not 2 <= crowd <= LARGEST:
                continue
            chance = min(1, (crowd - 2 + 2 * 2 ** (-num_shared / doubt)) / num_students)
            smaller = min(len(versions[i].marks), len(versions[k].marks))
            one, other = versions[i].students, versions[k].students
            for a, b in combinations(one, 2) if i == k else product(one, other):
                yield (min(a, b), max(a, b)), Near(cell.question, num_shared, smaller, chance)


def _versions(marks: Mapping[int, frozenset[int]], num_students: int) -> list[Version]:
    """The different answers, without the fingerprints that a large part of the class shares."""
    count = Counter(mark for some in marks.values() for mark in some)
    many = max(2, COMMON * num_students)
    students: dict[frozenset[int], list[int]] = defaultdict(list)
    for i, some in marks.items():
        students[frozenset(mark for mark in some if count[mark] <= many)].append(i)
    return [Version(*one) for one in students.items() if len(one[0]) >= FEWEST]


def _neighbours(versions: Sequence[Version], least: float) -> list[dict[int, int]]:
    """For each version those near-identical, itself included, with the fingerprints shared."""
    owners: dict[int, list[int]] = defaultdict(list)
    for i, version in enumerate(versions):
        for mark in version.marks:
            owners[mark].append(i)
    near = []
    for i, (marks, _) in enumerate(versions):
        shared = Counter(k for m in marks if len(owners[m]) <= MOST_OWNERS for k in owners[m])
        shared[i] = len(marks)
        enough = {k: max(FEWEST, least * min(len(marks), len(versions[k].marks))) for k in shared}
        near.append({k: number for k, number in shared.items() if number >= enough[k]})
    return near


# -- the page ----------------------------------------------------------------------------------


def _body(pairs: Sequence[Pair], grades: Sequence[Grade]) -> Iterator[str]:
    yield (
        "<p>A high share proves nothing; it says where a person should look. Two students may have "
        "worked side by side as they were told to, have used the same book or assistant, or one of "
        "them may know nothing of it. What the release gives and what many students write does not "
        "count; what two answers have in common is marked.</p>"
    )
    if not pairs:
        yield "<p>No pair shares enough to be named.</p>"
    by_student = {(grade.student, grade.assignment): grade for grade in grades}
    for pair in pairs[:MOST_PAIRS]:
        answers = [by_student[name, pair.assignment].answers for name in pair.students]
        yield from _section(pair, answers)
    if len(pairs) > MOST_PAIRS:
        yield f"<p>And {pages.count(len(pairs) - MOST_PAIRS, 'more pair')}.</p>"


def _section(pair: Pair, answers: Sequence[Mapping[str, str]]) -> Iterator[str]:
    cells = _asked(sheets.load(pair.assignment))
    names = [pages.short(name) for name in pair.students]
    yield f"<section><h2>{' and '.join(names)}</h2>"
    questions = pages.short(", ".join(pair.questions))
    yield f"<p>{text(pair.assignment)}: {pair.share:.0%} of what is their own in {questions}.</p>"
    rows = []
    for question in pair.questions:
        one, other = (some[question][:LONGEST] for some in answers)
        sides = (_marked(one, other, cells[question]), _marked(other, one, cells[question]))
        rows.append((text(question), *sides))
    yield pages.table(("question", *(name[: pages.LONGEST] for name in pair.students)), rows)
    yield "</section>"


def _marked(answer: str, other: str, cell: SheetCell) -> str:
    """An answer, what the other one has too marked, as far as it can be shown."""
    parts, done = [], 0
    is_code = cell.kind == "code"
    for start, end in shared_places(answer, other, is_code=is_code, without=cell.source):
        inside = text(answer[start : min(end, SHOWN)])
        parts += [text(answer[done : min(start, SHOWN)])]
        parts += [f'<strong class="open">{inside}</strong>'] if start < SHOWN else []
        done = end
    parts.append(text(answer[done:SHOWN]))
    cut = '<p class="faint">Here it is cut.</p>' if len(answer) > SHOWN else ""
    opened = "<pre>" if is_code else '<pre class="words">'
    return f"{opened}{''.join(parts)}</pre>{cut}"

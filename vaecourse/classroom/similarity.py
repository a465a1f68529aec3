"""Pairs of students whose answers are near-identical, once what everybody writes is left out.

Answers become tokens without comments, layout, docstrings and the names that the answer gives
itself; runs of tokens are hashed, and of these some are chosen as fingerprints by winnowing
(Schleimer, Wilkerson and Aiken, 2003, "Winnowing: local algorithms for document fingerprinting").
Fingerprints of the release, and those that many students share, are left out: there is often one
natural way to write an answer.

A high share proves nothing. Two students may have worked side by side as they were told to, have
used the same chapter or the same assistant, or have been copied from without knowing. It says where
a person should look, and starts a talk, not a verdict.
"""

import ast
import hashlib
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from vaecourse.classroom import pages, sheets
from vaecourse.classroom.grades import Grade
from vaecourse.classroom.pages import text
from vaecourse.classroom.sheets import Sheet
from vaecourse.notebooks.source import syntax

RUN = 10  # tokens that are hashed together: a shorter match is chance
WINDOW = 4  # of so many hashes in a row the least is a fingerprint
WORDS = 6  # likewise, of words in a text
COMMON = 0.1  # of a class: what more of it shares says nothing
ENOUGH = 12  # fingerprints that a pair must share: a line or two are no copy
LONGEST = 50_000  # characters of an answer that are looked at
DROPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
Marks = dict[str, frozenset[str]]  # fingerprints by question


class Pair(NamedTuple):
    """Two students, and which part of the smaller one's own fingerprints they share."""

    students: tuple[str, str]
    assignment: str
    share: float  # from 0 to 1
    questions: tuple[str, ...]  # in which they share any
    answers: tuple[dict[str, str], dict[str, str]]


def similar(grades: Iterable[Grade], least: float = 0.6) -> list[Pair]:
    """The pairs that share at least so much, the most similar first."""
    by_assignment: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        if grade.assignment:
            by_assignment[grade.assignment].append(grade)
    found = [
        pair
        for name, some in by_assignment.items()
        for pair in _pairs(sheets.load(name), some)
        if pair.share >= least
    ]
    return sorted(found, key=lambda pair: (-pair.share, pair.assignment, pair.students))


def fingerprints(answer: str, *, is_code: bool) -> frozenset[str]:
    """The fingerprints of an answer."""
    tokens = list(_tokens(answer[:LONGEST])) if is_code else _words(answer[:LONGEST])
    size = RUN if is_code else WORDS
    hashes = [_hash(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
    windows = range(max(1, len(hashes) - WINDOW + 1))
    return frozenset(min(hashes[i : i + WINDOW]) for i in windows if hashes)


def page(pairs: Sequence[Pair]) -> str:
    """The pairs as a page, with their answers one below the other."""
    return pages.page("Near-identical answers", _body(pairs))


# -- pairs -------------------------------------------------------------------------------------


def _pairs(sheet: Sheet, grades: Sequence[Grade]) -> Iterator[Pair]:
    kinds = {c.question: c.kind == "code" for c in sheet.cells if c.role in ("answer", "read")}
    stubs = {c.question: c.source for c in sheet.cells if c.role in ("answer", "read")}
    given = {mark for q, s in stubs.items() for mark in fingerprints(s, is_code=kinds[q])}
    marks = [
        {q: fingerprints(a, is_code=kinds[q]) for q, a in g.answers.items() if q in kinds}
        for g in grades
    ]
    count = Counter(mark for one in marks for mark in frozenset().union(*one.values()))
    many = max(2, COMMON * len(grades))
    own = [
        {q: frozenset(m for m in found if count[m] <= many and m not in given)
         for q, found in one.items()}
        for one in marks
    ]  # fmt: skip
    for i, j in _meet(own):
        shared = {q: own[i][q] & own[j].get(q, frozenset()) for q in own[i]}
        number = sum(map(len, shared.values()))
        if number >= ENOUGH:
            smaller = min(sum(map(len, own[k].values())) for k in (i, j))
            first, second = sorted((i, j), key=lambda k: grades[k].student)
            yield Pair(
                (grades[first].student, grades[second].student),
                sheet.assignment,
                number / smaller,
                tuple(sorted(q for q, some in shared.items() if some)),
                (dict(grades[first].answers), dict(grades[second].answers)),
            )


def _meet(own: Sequence[Mapping[str, frozenset[str]]]) -> set[tuple[int, int]]:
    """The pairs, by number, that share any fingerprint in the same question."""
    owners: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, one in enumerate(own):
        for question, marks in one.items():
            for mark in marks:
                owners[question, mark].append(i)
    return {pair for some in owners.values() for pair in combinations(some, 2)}


# -- tokens ------------------------------------------------------------------------------------


def _tokens(answer: str) -> Iterator[str]:
    """The tokens of code, with one word for every name that it gives itself."""
    tree = syntax(answer)
    own = _own_names(tree)
    texts = _docstring_lines(tree)
    for kind, word, start, *_ in _tokenized(answer):
        if kind in DROPPED or (kind == tokenize.STRING and start[0] in texts):
            continue
        yield "own" if kind == tokenize.NAME and word in own else word


def _tokenized(answer: str) -> Iterator[tokenize.TokenInfo]:
    """Tokens, as far as they can be read."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(answer).readline)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def _own_names(tree: ast.Module) -> set[str]:
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return names


def _docstring_lines(tree: ast.Module) -> set[int]:
    return {
        node.value.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def _words(answer: str) -> list[str]:
    return re.findall(r"\w+", answer.lower())


def _hash(tokens: Sequence[str]) -> str:
    joined = "\0".join(tokens).encode(errors="replace")
    return hashlib.sha256(joined).hexdigest()[:16]


# -- the page ----------------------------------------------------------------------------------


def _body(pairs: Sequence[Pair]) -> Iterator[str]:
    yield (
        "<p>A high share proves nothing: it says where a person should look. What many students "
        "share, and what the release gives, is left out.</p>"
    )
    if not pairs:
        yield "<p>No pair shares enough to be named.</p>"
    for pair in pairs:
        names = " and ".join(map(text, pair.students))
        yield f"<section><h2>{names}</h2>"
        said = f"{pair.share:.0%} of what is their own, in {', '.join(pair.questions)}"
        yield f"<p>{text(pair.assignment)}: {text(said)}</p>"
        for question in pair.questions:
            for student, answers in zip(pair.students, pair.answers, strict=True):
                yield f"<h3>{text(question)}, {text(student)}</h3>"
                yield f"<pre>{text(answers.get(question, '')[:4000])}</pre>"
        yield "</section>"

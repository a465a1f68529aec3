"""Fingerprints of an answer: what is left of it in disguise.

An answer becomes words that a disguise does not change. Of Python these are the constants, the
names that the answer did not give itself, and the kinds of its expressions and statements, as its
syntax tree has them: no comments, docstrings, annotations, layout, brackets or quotes. Parameters
are told by their place, other names of the answer's own are one word, and operands of what may be
swapped (`+`, `*`, `==`, `<` with `>`, keywords of a call) stand in one order. What does not parse
is read word by word. A text is its words in small letters.

Runs of these words are hashed, and in each window of hashes in a row the least is a fingerprint
(winnowing: Schleimer, Wilkerson and Aiken, 2003, "Winnowing: local algorithms for document
fingerprinting"). No run crosses from one statement into the next, so their order does not matter.
"""

import ast
import hashlib
import heapq
import re
from bisect import bisect
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import accumulate, chain
from typing import NamedTuple

from vaecourse.notebooks.source import syntax

RUN = 5  # words that are hashed together; a statement of fewer is hashed whole
WINDOW = 2  # of so many hashes in a row the least is a fingerprint
WINDOW_IN_TEXT = 4
MOST = 500  # fingerprints of an answer: of more, the least are a fair sample
LONGEST = 50_000  # characters of an answer that are looked at
DEEPEST = 100  # nodes above one another: what is deeper is read word by word
LONGEST_WORD = 200
LEFT_OUT = {"annotation", "returns", "type_comment", "ctx", "type_params", "kind"}
INSIDE = {"body", "orelse", "finalbody", "handlers", "cases"}  # of a statement: other statements
LINE = re.compile(r"\r\n|\r|\n")  # as Python's parser parts them
Place = tuple[int, int, int, int]  # a line from 1 and its column in bytes, and those of the end


class Word(NamedTuple):
    text: str
    place: Place | None = None  # where it is written, if anywhere


Statement = list[Word]


class TooDeep(Exception):
    """A syntax tree that is not worth following."""


def fingerprints(answer: str, *, is_code: bool) -> frozenset[int]:
    """The fingerprints of an answer."""
    window = WINDOW if is_code else WINDOW_IN_TEXT
    found: set[int] = set()
    for statement in _statements(answer[:LONGEST], is_code=is_code):
        marks = [mark for mark, _ in _runs(statement)]
        found |= {min(marks[i : i + window]) for i in range(max(1, len(marks) - window + 1))}
    return frozenset(heapq.nsmallest(MOST, found))


def shared_places(
    answer: str, other: str, *, is_code: bool, without: str = ""
) -> list[tuple[int, int]]:
    """From where to where an answer has runs that another one has, and `without` has not."""
    answer, other = answer[:LONGEST], other[:LONGEST]
    theirs, given = (
        {mark for one in _statements(source, is_code=is_code) for mark, _ in _runs(one)}
        for source in (other, without)
    )
    theirs -= given
    placed: set[Place] = set()
    shared: set[Place] = set()
    for statement in _statements(answer, is_code=is_code):
        placed |= {word.place for word in statement if word.place}
        for mark, words in _runs(statement):
            if mark in theirs:
                shared |= {word.place for word in words if word.place}
    return _joined(answer, placed, shared)


def _joined(answer: str, placed: set[Place], shared: set[Place]) -> list[tuple[int, int]]:
    """Places in characters; those that follow one another in a line are one."""
    offset = _offsets(answer)
    found: list[tuple[int, int]] = []
    follows = False
    for place in sorted(placed):
        if place in shared:
            start, end = offset(*place[:2]), offset(*place[2:])
            gap = answer[found[-1][1] : start] if found else ""
            if found and (start <= found[-1][1] or (follows and not LINE.search(gap))):
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            else:
                found.append((start, end))
        follows = place in shared
    return found


def _offsets(answer: str) -> Callable[[int, int], int]:
    """A function from a line and a column in bytes to a number of characters."""
    lines = LINE.split(answer)
    ends = [0, *(found.end() for found in LINE.finditer(answer))]
    columns: dict[int, list[int]] = {}  # by line: in bytes, where each character ends

    def offset(line: int, column: int) -> int:
        number = min(line, len(lines)) - 1  # Python 3.11 misplaces what is in an f-string
        source = lines[number]
        if source.isascii():
            return ends[number] + min(column, len(source))
        if number not in columns:
            columns[number] = list(accumulate(len(c.encode(errors="replace")) for c in source))
        return ends[number] + bisect(columns[number], column)

    return offset


def _statements(answer: str, *, is_code: bool) -> list[Statement]:
    """The words of an answer, statement by statement; a text is one."""
    if not is_code:
        words = list(chain.from_iterable(_plain(answer, r"\w+")))
        return [words] if words else []
    tree = syntax(answer)
    if tree.body:
        with suppress(TooDeep):
            return _Reader(tree).read()
    return [words for words in _plain(answer, r"\w+|[^\w\s(),;:]") if words]


def _plain(answer: str, pattern: str) -> Iterator[Statement]:
    """The words of each line, as they stand there."""
    for number, line in enumerate(LINE.split(answer), 1):
        words, done, column = [], 0, 0
        for found in re.finditer(pattern, line):
            if found[0] == "#":
                break
            column += len(line[done : found.start()].encode(errors="replace"))
            end = column + len(found[0].encode(errors="replace"))
            words.append(Word(found[0].lower()[:LONGEST_WORD], (number, column, number, end)))
            done, column = found.end(), end
        yield words


def _runs(statement: Statement) -> Iterator[tuple[int, Statement]]:
    """The hash of each run of words, and the run; that of all words where they are fewer."""
    for i in range(max(1, len(statement) - RUN + 1)):
        words = statement[i : i + RUN]
        yield _hash(words), words


def _hash(words: Statement) -> int:
    joined = "\0".join(word.text for word in words).encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest())


class _Reader:
    """Reads a syntax tree, whose own names are known beforehand."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.found: list[Statement] = []
        self.own: dict[str, str] = {}  # the names that the answer gives, and the word for each
        self.attributes: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.own.setdefault(node.id, "own")
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self.attributes.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                self.own.setdefault(node.name, "own")
                self.attributes.add(node.name)
            elif isinstance(node, ast.arguments):
                every = [*node.posonlyargs, *node.args, *node.kwonlyargs]
                for i, one in enumerate([*every, *filter(None, (node.vararg, node.kwarg))]):
                    self.own[one.arg] = f"parameter {i}"

    def read(self) -> list[Statement]:
        self._block(self.tree, 0)
        return self.found

    def _block(self, node: ast.AST, depth: int) -> None:
        """The statements inside a node, each followed by those inside it."""
        if depth > DEEPEST:
            raise TooDeep
        for name, some in ast.iter_fields(node):
            for one in some if name in INSIDE and isinstance(some, list) else ():
                if not (_is_text(one) or isinstance(one, ast.Pass)):
                    kind = "Assign" if isinstance(one, ast.AnnAssign) else type(one).__name__
                    self.found.append([Word(kind), *self._fields(one, depth)])
                    self._block(one, depth + 1)

    def _fields(self, node: ast.AST, depth: int) -> list[Word]:
        """The words of whatever stands in a node, but for other statements."""
        words = []
        for name, some in ast.iter_fields(node):
            if name not in LEFT_OUT and not (name in INSIDE and isinstance(some, list)):
                for one in some if isinstance(some, list) else [some]:
                    if isinstance(one, ast.AST):
                        words += self._node(one, depth + 1)
                    elif isinstance(one, str):
                        words.append(Word(self.own.get(one, one)[:LONGEST_WORD]))
        return words

    def _node(self, node: ast.AST, depth: int) -> list[Word]:
        """The words of an expression, or of a part of one."""
        if depth > DEEPEST:
            raise TooDeep
        match node:
            case ast.Name():
                return [Word(self.own.get(node.id, node.id)[:LONGEST_WORD], _place(node))]
            case ast.Constant():
                return [Word(repr(node.value)[:LONGEST_WORD], _place(node))]
            case ast.Attribute():
                name = "own" if node.attr in self.attributes else node.attr
                *_, line, end = _place(node)
                place = (line, end - len(node.attr.encode()), line, end)
                return [*self._node(node.value, depth + 1), Word(f".{name}"[:LONGEST_WORD], place)]
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult()):
                return _in_order(self._operands(node, depth))
            case ast.BinOp():
                left, right = (self._node(one, depth + 1) for one in (node.left, node.right))
                return [*left, Word(type(node.op).__name__), *right]
            case ast.Compare(ops=[op]):
                return self._compared(node, op, depth)
            case ast.Call():
                words = [*self._node(node.func, depth + 1), Word("call")]
                for one in node.args:
                    words += self._node(one, depth + 1)
                return words + _in_order([self._fields(one, depth + 1) for one in node.keywords])
            case ast.comprehension():  # as the loop that it stands for
                self.found.append([Word("For"), *self._fields(node, depth)])
                return []
        return [Word(type(node).__name__), *self._fields(node, depth)]

    def _compared(self, node: ast.Compare, op: ast.cmpop, depth: int) -> list[Word]:
        left, right = (self._node(one, depth + 1) for one in (node.left, *node.comparators))
        if isinstance(op, ast.Eq | ast.NotEq):
            return [Word(type(op).__name__), *_in_order([left, right])]
        if isinstance(op, ast.Gt | ast.GtE):
            left, right = right, left
        kind = type(op).__name__.replace("Gt", "Lt")
        return [Word("Compare"), *left, Word(kind), *right]

    def _operands(self, node: ast.BinOp, depth: int) -> list[list[Word]]:
        """The terms of a sum with their signs, or the factors of a product."""
        is_product = isinstance(node.op, ast.Mult)
        kinds = (ast.Mult,) if is_product else (ast.Add, ast.Sub)
        found = []
        waiting: list[tuple[str, ast.expr]] = [("Mult" if is_product else "Add", node)]
        while waiting:
            sign, one = waiting.pop()
            if isinstance(one, ast.BinOp) and isinstance(one.op, kinds):
                turned = "Add" if sign == "Sub" else "Sub"
                right = turned if isinstance(one.op, ast.Sub) else sign
                waiting += [(sign, one.left), (right, one.right)]
            else:
                found.append([Word(sign), *self._node(one, depth + 1)])
        return found


def _in_order(parts: list[list[Word]]) -> list[Word]:
    """Words of parts whose order is nothing: sorted by what they say."""
    ordered = sorted(parts, key=lambda words: [word.text for word in words])
    return [word for words in ordered for word in words]


def _place(node: ast.expr) -> Place:
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def _is_text(node: ast.AST) -> bool:
    """A docstring, or another text that does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )

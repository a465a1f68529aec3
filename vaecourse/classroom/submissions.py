"""What a student hands in: the answer cells of a notebook, found whatever has become of the rest.

An answer cell is known by nbgrader's name in its metadata, by its id, by its first line, or by the
name that it defines. Only answer cells are taken; all other cells are those of the release.
"""

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat

from vaecourse.classroom import sheets
from vaecourse.classroom.sheets import Sheet, SheetCell
from vaecourse.errors import CourseError
from vaecourse.notebooks.files import read_text
from vaecourse.notebooks.source import syntax

ANSWERS = ("answer", "read")
LONGEST_ANSWER = 100_000  # characters of a cell
MOST_PARSED = 1_000_000  # characters of all cells, to find one that has lost its names


@dataclass(frozen=True)
class HandedCell:
    """A cell of a student's notebook; `number` is its place, from 1."""

    number: int
    kind: str
    id: str
    grade_id: str
    source: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """A student's notebook: its answers by question, and what is wrong with its cells."""

    sheet: Sheet
    handed: tuple[HandedCell, ...]
    answers: dict[str, HandedCell]
    findings: tuple[str, ...]
    language: str = ""  # of the kernel that the notebook asks for


def submission(path: Path) -> Submission:
    """The answers in a notebook. Raises CourseError where it is none, or of no assignment."""
    return submitted(read_text(path), str(path))


def submitted(text: str, name: str) -> Submission:
    """The answers in the text of a notebook; `name` is what errors call it. Raises CourseError."""
    raw = _notebook(text, name)
    handed = tuple(_handed(raw["cells"]))
    metadata = _mapping(raw, "metadata")
    about = _mapping(metadata, "vaecourse")
    sheet = _sheet(about.get("assignment"), handed, name)
    release = about.get("release")
    findings = []
    if release != sheet.release:
        findings.append(
            f"this notebook is of release {release or 'unknown'}, the course has "
            f"{sheet.release}; get the assignment anew and copy your answers into it"
        )
    answers = {}
    for released in sheet.cells:
        if released.role in ANSWERS:
            found, problems = _answer(released, handed)
            findings += problems
            if found:
                answers[released.question] = found
    findings += [*_moved(sheet, answers), *_changed(sheet, handed)]
    language = _mapping(metadata, "kernelspec").get("language", "")
    return Submission(sheet, handed, answers, tuple(findings), str(language))


@lru_cache(maxsize=10_000)
def defined(source: str) -> frozenset[str]:
    """The names that a piece of code assigns, defines or imports at its outermost level.

    None of a piece that is longer than an answer ever is: nobody's parser has to read that.
    """
    if len(source) > LONGEST_ANSWER:
        return frozenset()
    names: set[str] = set()
    for statement in syntax(source).body:
        for node in [statement] if isinstance(statement, _NAMED) else ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, _NAMED):
                names.add(node.name)
            elif isinstance(node, ast.alias):
                names.add((node.asname or node.name).partition(".")[0])
    return frozenset(names)


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


# -- reading -----------------------------------------------------------------------------------


def _notebook(text: str, name: str) -> dict[str, Any]:
    """The JSON of a notebook, in format 4, with as little asked of it as can be."""
    try:
        raw = json.loads(text)
        if isinstance(raw, dict) and isinstance(raw.get("worksheets"), list):
            raw = nbformat.convert(nbformat.reader.reads(text), 4)
        if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
            raise ValueError("it has no list of cells")
    except Exception as problem:  # nbformat answers broken files with many kinds
        reason = str(problem).partition("\n")[0][:200] or type(problem).__name__
        raise CourseError(
            f"{name} is no notebook: {reason}; download it again as .ipynb, or save it again"
        ) from None
    return raw


def _handed(raw: Sequence[Any]) -> Iterator[HandedCell]:
    for number, cell in enumerate(raw, 1):
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(map(str, source))
        metadata = _mapping(cell, "metadata")
        name = _mapping(metadata, "nbgrader").get("grade_id", "")
        kind, identity = str(cell.get("cell_type", "")), str(cell.get("id", ""))
        tags = metadata.get("tags")
        kept = tuple(map(str, tags)) if isinstance(tags, list) else ()
        yield HandedCell(number, kind, identity, str(name), str(source), kept)


def _mapping(parent: dict[str, Any], key: str) -> dict[str, Any]:
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


def _sheet(assignment: Any, handed: Sequence[HandedCell], name: str) -> Sheet:
    """The sheet of the assignment that a notebook says it is, or that its cells come from."""
    known = sheets.names()
    if isinstance(assignment, str) and assignment in known:
        return sheets.load(assignment)
    for candidate in map(sheets.load, known):
        marks = {_mark(c) for c in candidate.cells if c.role == "answer"}
        if any(_line(cell.source) in marks for cell in handed):
            return candidate
    raise CourseError(
        f"{name} is no assignment of this course; expected one of {', '.join(known) or 'none yet'}"
    )


# -- finding answers ---------------------------------------------------------------------------


def _answer(
    released: SheetCell, handed: Sequence[HandedCell]
) -> tuple[HandedCell | None, list[str]]:
    """The cell that answers a question, and what is wrong with it."""
    question = released.question
    found = _candidates(released, handed)
    if not found:
        return None, [
            f"{question}: its answer cell is missing; copy it from the released notebook "
            f"(it begins: {_line(released.source)})"
        ]
    problems = []
    written = [cell for cell in found if cell.source.strip() != released.source.strip()]
    chosen = (written or found)[0]
    if len(found) > 1:
        others = " and ".join(str(cell.number) for cell in found if cell is not chosen)
        problems.append(
            f"{question}: cell {chosen.number} counts as the answer, and cell {others} says that "
            "it is, too; keep one and delete the other"
        )
    if chosen.kind != released.kind:
        key = "y" if released.kind == "code" else "m"
        problems.append(
            f"{question}: cell {chosen.number} has become a {chosen.kind} cell; turn it back into "
            f"a {released.kind} cell (in Jupyter: Esc, then {key})"
        )
        return None, problems
    return chosen, problems


def _candidates(released: SheetCell, handed: Sequence[HandedCell]) -> list[HandedCell]:
    """The cells that may be the answer: by the first way of knowing it that finds any."""
    ways = (
        lambda cell: released.id in (cell.grade_id, cell.id),
        lambda cell: released.role == "answer" and _line(cell.source) == _mark(released),
    )
    for way in ways:
        if found := [cell for cell in handed if way(cell)]:
            return found
    return list(_defining(defined(released.source), handed)) if released.role == "answer" else []


def _defining(names: frozenset[str], handed: Sequence[HandedCell]) -> Iterator[HandedCell]:
    """The cells that define one of the names, as far as anybody parses."""
    left = MOST_PARSED
    for cell in handed:
        if any(name in cell.source for name in names):
            left -= len(cell.source)
            if left >= 0 and not names.isdisjoint(defined(cell.source)):
                yield cell


def _mark(released: SheetCell) -> str:
    return _line(released.source)


def _line(source: str) -> str:
    return source.strip().partition("\n")[0].strip()


# -- what has become of the cells --------------------------------------------------------------


def _moved(sheet: Sheet, answers: dict[str, HandedCell]) -> Iterator[str]:
    """A line for each answer that stands above one that it was released below."""
    last = 0
    for released in sheet.cells:
        cell = answers.get(released.question) if released.role in ANSWERS else None
        if cell and cell.number < last:
            yield (
                f"{released.question}: its answer, cell {cell.number}, has been moved; put it back "
                "below its question"
            )
        last = max(last, cell.number if cell else 0)


def _changed(sheet: Sheet, handed: Sequence[HandedCell]) -> Iterator[str]:
    """A line for each cell of the release that is the course's and was changed."""
    by_id = {name: cell for cell in handed for name in (cell.grade_id, cell.id) if name}
    for released in sheet.cells:
        cell = by_id.get(released.id)
        is_given = released.role in ("check", "text") and released.kind == "code"
        if is_given and cell and cell.source.strip() != released.source.strip():
            what = f"the check of {released.question}" if released.question else "a given cell"
            yield f"cell {cell.number}, {what}, was changed; the released one is used"

"""A paper: the notebook that is graded, put together from the release and a student's answers.

Of the student's notebook only answer cells are taken. In the place of each check cell stands one
that prints what the answer gives for the key's inputs, with what a right answer prints as its
stored output; so `pytest --nbval-lax` on a paper shows which answers are right.
"""

import ast
import json
import re
from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from vaecourse.classroom.keys import Key, KeyQuestion
from vaecourse.classroom.records import KEY
from vaecourse.classroom.sheets import SheetCell
from vaecourse.classroom.submissions import LONGEST_ANSWER, Submission
from vaecourse.notebooks.files import CHECK_TAG
from vaecourse.notebooks.source import syntax

# wherever a line may begin: nbval knows more ends of a line, and more blanks, than Python
MARKER = re.compile(r"(?<!#)(#+\s*)(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)")


@dataclass(frozen=True)
class Paper:
    """The notebook to be graded; `why_not` says of questions that earn nothing why, in a word."""

    notebook: NotebookNode
    why_not: dict[str, str]  # "not answered", "missing", "too long"
    answers: dict[str, str]  # the student's own words, by question


def paper(handed: Submission, key: Key, only: Set[str] | None = None) -> Paper:
    """The paper of a submission; with `only` it asks these questions alone."""
    why_not = {
        name: why
        for cell in _answer_cells(handed)
        if (why := _why_not(handed, cell))
        for name in [cell.question]
    }
    answers = {
        name: plain(cell.source) for name, cell in handed.answers.items() if name not in why_not
    }
    asked = {q.name: q for q in key.questions if only is None or q.name in only}
    cells = list(_cells(handed, asked, why_not, answers))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata["vaecourse"] = {"assignment": key.assignment, "release": key.release}
    return Paper(notebook, why_not, answers)


def _cells(
    handed: Submission,
    asked: dict[str, KeyQuestion],
    why_not: dict[str, str],
    answers: dict[str, str],
) -> Iterator[NotebookNode]:
    for cell in handed.sheet.cells:
        source = cell.source
        if cell.role in ("answer", "read"):
            source = without_markers(answers.get(cell.question, source))
        if cell.kind == "markdown":
            yield nbformat.v4.new_markdown_cell(plain(source), id=cell.id)
        elif cell.role in ("text", "answer"):
            about = {KEY: {"role": cell.role}}
            yield nbformat.v4.new_code_cell(plain(source), id=cell.id, metadata=about)
        elif cell.role == "check" and cell.question in asked:
            yield _emitting(cell, asked[cell.question], cell.question in why_not)


def _emitting(cell: SheetCell, question: KeyQuestion, is_missing: bool) -> NotebookNode:
    """A cell that prints what the answer gives; what right answers print is its stored output."""
    cases = json.dumps([(case.asked, case.seed, case.grids) for case in question.cases])
    source = f"from vaecourse.classroom.emitting import emit\n\nemit({question.answer}, {cases!r})"
    text = "".join(f"{line}\n" for line in question.lines)
    return nbformat.v4.new_code_cell(
        "print('not answered')" if is_missing else source,
        id=cell.id,
        execution_count=1,  # nbval compares with the outputs of cells that have run
        outputs=[nbformat.v4.new_output("stream", name="stdout", text=text)],
        metadata={"tags": [CHECK_TAG]},
    )


def joined(before: str, now: str) -> str:
    """A paper with the cells of a later one, which asks some of its questions, in their places."""
    old, new = (nbformat.reads(text, as_version=4) for text in (before, now))
    renewed = {cell.id: cell for cell in new.cells}
    old.cells = [renewed.get(cell.id, cell) for cell in old.cells]
    old.metadata = new.metadata
    return nbformat.writes(old)


def without_markers(source: str) -> str:
    """Code whose comments are nothing that nbval obeys."""
    return MARKER.sub(r"\1(\2)", source)


def plain(source: str) -> str:
    """Text that can be written as UTF-8: half a character (a surrogate) cannot."""
    return source.encode(errors="replace").decode()


# -- what is no answer -------------------------------------------------------------------------


def _answer_cells(handed: Submission) -> Iterator[SheetCell]:
    return (cell for cell in handed.sheet.cells if cell.role in ("answer", "read"))


def _why_not(handed: Submission, released: SheetCell) -> str:
    """Why a question cannot earn anything, in a word; "" where it can."""
    cell = handed.answers.get(released.question)
    if cell is None:
        return "missing"
    if len(cell.source) > LONGEST_ANSWER:
        return "too long"
    return "not answered" if _is_unchanged(cell.source, released) else ""


def _is_unchanged(source: str, released: SheetCell) -> bool:
    """Whether nothing but comments, blank lines and text in functions was changed."""
    if source.split() == released.source.split():
        return True
    return released.kind == "code" and _skeleton(source) == _skeleton(released.source)


def _skeleton(source: str) -> str:
    """The code without comments, layout and docstrings."""
    tree = syntax(source)
    with suppress(RecursionError):
        return _dumped(tree) if tree.body else source
    return source


def _dumped(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_text(s)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)

"""From a solution to what students get: passes over the notebook, and its sheet.

A solution is a valid source of nbgrader, stored executed; what a check may know of its questions
stands in the outputs of their check cells.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from vaecourse import files
from vaecourse.classroom import cells, sheets
from vaecourse.classroom.records import KEY, Question
from vaecourse.classroom.sheets import ALL_POINTS, Read, Sheet, SheetCell
from vaecourse.errors import CourseError
from vaecourse.notebooks import apply, book_folder, normalise, read, write
from vaecourse.notebooks.passes import Pass

HEADER_ID = "assignment-header"


def release(root: Path | None = None, to: Path = sheets.FOLDER) -> list[Path]:
    """Write `assignments/` and the sheets from `solutions/`; gives the files.

    Nothing is written unless all solutions can be released. What is no longer in `solutions/`
    goes. Raises CourseError for a solution that cannot be.
    """
    root = book_folder().parent if root is None else root
    solutions = sorted((root / "solutions").glob("*.ipynb"))
    if not solutions:
        where = "run this in a clone of the course"
        raise CourseError(f"{root / 'solutions'} holds no solution; {where}")
    released = {path: released_notebook(path) for path in solutions}
    written = []
    for path, (notebook, sheet) in released.items():
        place = root / "assignments" / path.name
        write(notebook, place)
        files.write(to / f"{path.stem}.json", sheets.encode(sheet))
        written += [place, to / f"{path.stem}.json"]
    for old in [*(root / "assignments").glob("*.ipynb"), *to.glob("*.json")]:
        if old not in written:
            old.unlink()
    return written


def released_notebook(path: Path) -> tuple[NotebookNode, Sheet]:
    """What students get of the solution in a file, and its sheet. Raises CourseError."""
    solution = read(path)
    questions = tuple(_questions(solution, path))
    reads = tuple(
        Read(cells.question(cell), cells.points(cell))
        for cell in solution.cells
        if cells.role(cell) == "read"
    )
    total = sum(q.points for q in questions) + sum(r.points for r in reads)
    if total != ALL_POINTS:
        raise CourseError(f"expected {ALL_POINTS} points in {path}, got {total}; mend its points")
    minutes = solution.metadata.get("vaecourse", {}).get("minutes")
    if not isinstance(minutes, int):
        raise CourseError(f"{path} does not say how long it takes; set vaecourse.minutes in it")
    notebook = apply(PASSES, normalise(solution))
    sheet = Sheet(path.stem, "", minutes, tuple(_cells(notebook)), questions, reads)
    sheet = replace(sheet, release=hashlib.sha256(sheets.encode(sheet).encode()).hexdigest()[:12])
    notebook.cells.insert(1, _header(sheet))
    about = {"assignment": sheet.assignment, "release": sheet.release}
    notebook.metadata["vaecourse"] = nbformat.from_dict(about)
    return notebook, sheet


# -- the passes --------------------------------------------------------------------------------


def nbgrader_pass(name: str) -> Pass:
    """A preprocessor of nbgrader, by its class's name, as a pass."""

    def step(nb: NotebookNode) -> None:
        from nbgrader import preprocessors

        preprocessor = getattr(preprocessors, name)()
        preprocessor.log.setLevel(logging.CRITICAL)  # what is wrong comes as an exception
        try:
            preprocessor.preprocess(nb, {})
        except Exception as problem:  # each preprocessor has its own
            raise CourseError(f"nbgrader's {name}: {problem}") from None

    return step


def drop_marks_of_the_run(nb: NotebookNode) -> None:
    """Without what only stored outputs need: nbval's tags, alt texts, the fingerprint."""
    for cell in nb.cells:
        tags = [t for t in cell.metadata.pop("tags", []) if not t.startswith("nbval-")]
        if tags:
            cell.metadata["tags"] = tags
        cell.metadata.pop("mystnb", None)


# the order is nbgrader's own (generate_assignment)
PASSES: tuple[Pass, ...] = (
    nbgrader_pass("LockCells"),
    nbgrader_pass("ClearSolutions"),
    nbgrader_pass("ClearOutput"),
    nbgrader_pass("CheckCellMetadata"),
    nbgrader_pass("ClearHiddenTests"),
    nbgrader_pass("ComputeChecksums"),
    nbgrader_pass("CheckCellMetadata"),
    drop_marks_of_the_run,
)


# -- the parts ---------------------------------------------------------------------------------


def _questions(solution: NotebookNode, path: Path) -> Iterator[Question]:
    """The question of each check cell, from its output."""
    for cell in solution.cells:
        if cells.role(cell) != "check":
            continue
        name = cells.question(cell)
        found = list(_about(cell, "question"))
        if len(found) != 1:
            raise CourseError(
                f"{path}: the check cell of {name} asks {len(found)} questions; run it with one "
                f"`ask`: vaecourse run {path} --save"
            )
        question = sheets.question(found[0])
        if (question.name, question.points) != (name, cells.points(cell)):
            raise CourseError(
                f"{path}: the cell of {name} ({cells.points(cell)} points) asks {question.name} "
                f"({question.points} points); make them the same and run it again"
            )
        if [v["status"] for v in _about(cell, "verdict")] != ["right"]:
            raise CourseError(f"{path}: the solution of {name} is not right; mend it")
        if _earned(cell) != question.points:
            raise CourseError(
                f"{path}: the solution of {name} earns {_earned(cell)} of {question.points} points "
                "by its hidden inputs; end the cell with points(…), and mend what differs"
            )
        yield question


def _about(cell: NotebookNode, key: str) -> Iterator[Any]:
    for output in cell.outputs:
        about = output.get("metadata", {}).get(KEY, {})
        if key in about:
            yield json.loads(json.dumps(about[key]))


def _earned(cell: NotebookNode) -> float:
    """What `points` gave at the end of a check cell, where nbgrader looks for it."""
    results = [o for o in cell.outputs if o.output_type == "execute_result"]
    try:
        return float(results[-1].data["text/plain"])
    except (LookupError, ValueError):
        return 0.0


def _cells(notebook: NotebookNode) -> Iterator[SheetCell]:
    for cell in notebook.cells:
        question = cells.question(cell)
        yield SheetCell(cell.id, cell.cell_type, cells.role(cell), question, cell.source)


def _header(sheet: Sheet) -> NotebookNode:
    """The cell below the title: whose it is, how long it takes, what each question earns."""
    rows = [f"| {q.name} | {q.points} | values |" for q in sheet.questions]
    rows += [f"| {r.name} | {r.points} | a person |" for r in sheet.read]
    rows.sort(key=lambda row: int(row.split()[1].partition(".")[2]))
    lines = [
        "**Name:** *write yours here*",
        "",
        f"**Time:** about {sheet.minutes} minutes. **Points:** {ALL_POINTS}.",
        "",
        "| question | points | judged by |",
        "| --- | --- | --- |",
        *rows,
        "",
        "Answer where it says YOUR CODE HERE or YOUR ANSWER HERE, and leave the other cells as "
        "they are. `vaecourse check` says at any time what it makes of your answers.",
    ]
    return nbformat.v4.new_markdown_cell("\n".join(lines), id=HEADER_ID)

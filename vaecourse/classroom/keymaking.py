"""Making a key, in a process of its own: `python -m vaecourse.classroom.keymaking SOLUTION SEED…`.

It runs the quick cells of a solution, which is trusted code, and prints the key as JSON.
"""

import contextlib
import linecache
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vaecourse.classroom import asking, cells, emitting, sheets
from vaecourse.classroom.keys import Case, Key, KeyMistake, KeyQuestion, encode
from vaecourse.classroom.questions import give
from vaecourse.errors import CourseError
from vaecourse.notebooks import read

ROLES = ("text", "answer", "check")


def key_of(solution: Path, seeds: Sequence[int]) -> Key:
    """Run a solution here, and ask its questions with these seeds. Raises CourseError."""
    sheet = sheets.load(solution.stem)
    space: dict[str, Any] = {"__name__": "__main__"}
    found = []
    for cell in read(solution).cells:
        if cell.cell_type == "code" and cells.role(cell) in ROLES:
            _run(cell.source, space, f"<{solution.stem} {cell.id}>")
            if cells.role(cell) == "check":
                name = cells.question(cell)
                found.append(_asked(name, cells.checked(cell), seeds))
    return Key(sheet.assignment, sheet.release, tuple(seeds), tuple(found))


def _asked(name: str, answer: str, seeds: Sequence[int]) -> KeyQuestion:
    question, key = asking.authored(name)
    sources = [source for source in (question.asked, key.hidden) if source]
    wanted = [(s, seed, give(s, key.right[0], seed)) for s in sources for seed in seeds]
    cases = tuple(
        Case(source, seed, emitting.grids(values, key.rtol)) for source, seed, values in wanted
    )
    lines = tuple(emitting.line(v, c.grids) for (_, _, v), c in zip(wanted, cases, strict=True))
    for other in key.right[1:]:
        if tuple(emitting.outcome(other, case) for case in cases) != lines:
            raise CourseError(f"{name}: a right answer differs from the first for seeds {seeds}")
    mistakes = tuple(
        KeyMistake(m.name, m.hint, tuple(emitting.outcome(answer, case) for case in cases))
        for m, answer in zip(question.mistakes, key.wrong, strict=True)
    )
    for mistake in mistakes:
        if mistake.lines == lines:
            raise CourseError(f"{name}: {mistake.name!r} passes for seeds {seeds}")
    return KeyQuestion(name, question.points, answer, len(seeds), cases, lines, mistakes)


def _run(source: str, space: dict[str, Any], file: str) -> None:
    """Run a cell as a kernel would: its source can be looked up."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        exec(compile(source, file, "exec"), space)


if __name__ == "__main__":
    try:
        print(encode(key_of(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]])))
    except CourseError as error:
        sys.exit(str(error))

"""The key of an assignment: what its author knows, and what right answers print for fresh seeds.

`python -m vaecourse.classroom.key SOLUTION SEED…` runs the quick cells of a solution, which is
trusted code, in a process of its own and prints the key as JSON.
"""

import json
import linecache
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vaecourse.classroom import asking, cells
from vaecourse.classroom.emitting import Case, Grid, grids, line
from vaecourse.classroom.questions import give, raised
from vaecourse.errors import CourseError
from vaecourse.notebooks import read

ROLES = ("text", "answer", "check")


@dataclass(frozen=True)
class KeyMistake:
    """What a named mistake prints, case by case."""

    name: str
    hint: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class KeyQuestion:
    """A question with the cases it is graded by, and what right answers and mistakes print."""

    name: str
    points: int
    answer: str  # the expression that the check cell checks
    cases: tuple[Case, ...]
    lines: tuple[str, ...]
    mistakes: tuple[KeyMistake, ...]


@dataclass(frozen=True)
class Key:
    assignment: str
    seeds: tuple[int, ...]
    questions: tuple[KeyQuestion, ...]


def make_key(solution: Path, seeds: Sequence[int]) -> Key:
    """The key of the assignment in a file, made in another process. Raises CourseError."""
    command = [sys.executable, "-m", "vaecourse.classroom.key", str(solution), *map(str, seeds)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        reason = (made.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise CourseError(f"{solution} gives no key ({reason}); try: vaecourse run {solution}")
    return decode(made.stdout)


def encode(key: Key) -> str:
    return json.dumps(asdict(key))


def decode(text: str) -> Key:
    raw = json.loads(text)
    return Key(raw["assignment"], tuple(raw["seeds"]), tuple(map(_question, raw["questions"])))


def _question(raw: dict[str, Any]) -> KeyQuestion:
    cases = (
        Case(asked, seed, tuple(Grid(step, tuple(offsets)) for step, offsets in by))
        for asked, seed, by in raw["cases"]
    )
    mistakes = (KeyMistake(m["name"], m["hint"], tuple(m["lines"])) for m in raw["mistakes"])
    plain = (raw["name"], raw["points"], raw["answer"])
    return KeyQuestion(*plain, tuple(cases), tuple(raw["lines"]), tuple(mistakes))


# -- in the other process ----------------------------------------------------------------------


def key_of(solution: Path, seeds: Sequence[int]) -> Key:
    """Run a solution here, and ask its questions with these seeds."""
    space: dict[str, Any] = {"__name__": "__main__"}
    found = []
    for cell in read(solution).cells:
        if cell.cell_type == "code" and cells.role(cell) in ROLES:
            _run(cell.source, space, f"<{solution.stem} {cell.id}>")
            if cells.role(cell) == "check":
                name = cells.question(cell)
                found.append(_asked(name, cells.checked(cell), seeds))
    return Key(solution.stem, tuple(seeds), tuple(found))


def _asked(name: str, answer: str, seeds: Sequence[int]) -> KeyQuestion:
    question, key = asking.authored(name)
    sources = [source for source in (question.asked, key.hidden) if source]
    wanted = [(s, seed, give(s, key.right[0], seed)) for s in sources for seed in seeds]
    cases = tuple(Case(source, seed, grids(values, key.rtol)) for source, seed, values in wanted)
    lines = tuple(line(v, c.grids) for (_, _, v), c in zip(wanted, cases, strict=True))
    mistakes = tuple(
        KeyMistake(m.name, m.hint, tuple(_line(answer, case) for case in cases))
        for m, answer in zip(question.mistakes, key.wrong, strict=True)
    )
    return KeyQuestion(name, question.points, answer, cases, lines, mistakes)


def _line(answer: Any, case: Case) -> str:
    try:
        return line(give(case.asked, answer, case.seed), case.grids)
    except Exception as problem:
        return line(raised(problem), case.grids)


def _run(source: str, space: dict[str, Any], file: str) -> None:
    """Run a cell as a kernel would: its source can be looked up."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), space)


if __name__ == "__main__":
    print(encode(key_of(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]])))

"""The key of an assignment: its questions with fresh inputs, and what right answers print for them.

A key is for the grader alone: whoever has it can print what a right answer prints.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vaecourse.errors import CourseError


class Grid(NamedTuple):
    """How the numbers of a part are rounded: the same step, an offset each, in steps."""

    step: float
    offsets: tuple[float, ...]


class Case(NamedTuple):
    """One set of inputs: the source of the function that asks, its seed, and the grids."""

    asked: str
    seed: int
    grids: tuple[Grid, ...]


@dataclass(frozen=True)
class KeyMistake:
    """What a named mistake prints, case by case."""

    name: str
    hint: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class KeyQuestion:
    """A question with the cases it is graded by, and what right answers and mistakes print.

    The first `num_open` cases ask as the visible check does, the others as the hidden one.
    """

    name: str
    points: int
    answer: str  # the expression that the check cell checks
    num_open: int
    cases: tuple[Case, ...]
    lines: tuple[str, ...]
    mistakes: tuple[KeyMistake, ...]

    @property
    def fingerprint(self) -> str:
        """Changes with whatever can change a grade."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


@dataclass(frozen=True)
class Key:
    assignment: str
    release: str  # of the sheet that it belongs to
    seeds: tuple[int, ...]
    questions: tuple[KeyQuestion, ...]

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(encode(self).encode()).hexdigest()


def make_key(solution: Path, seeds: Sequence[int]) -> Key:
    """The key of the assignment that a solution solves, made in another process.

    Raises CourseError where the solution cannot be run, or where a right answer differs.
    """
    command = [sys.executable, "-m", "vaecourse.classroom.keymaking", str(solution)]
    made = subprocess.run(
        [*command, *map(str, seeds)], capture_output=True, encoding="utf-8", check=False
    )
    if made.returncode:
        reason = (made.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise CourseError(f"{solution} gives no key ({reason}); try: vaecourse verify {solution}")
    return decode(made.stdout)


def encode(key: Key) -> str:
    return json.dumps(asdict(key))


def decode(text: str) -> Key:
    """The key that a JSON text stands for. Raises CourseError where it is none."""
    try:
        raw = json.loads(text)
        questions = tuple(map(_question, raw["questions"]))
        return Key(raw["assignment"], raw["release"], tuple(raw["seeds"]), questions)
    except (KeyError, TypeError, ValueError) as problem:
        reason = f"{type(problem).__name__}: {problem}"
        raise CourseError(f"this is no key ({reason}); delete it and grade again") from None


def _question(raw: dict[str, Any]) -> KeyQuestion:
    cases = (
        Case(asked, seed, tuple(Grid(step, tuple(offsets)) for step, offsets in by))
        for asked, seed, by in raw["cases"]
    )
    mistakes = (KeyMistake(m["name"], m["hint"], tuple(m["lines"])) for m in raw["mistakes"])
    return KeyQuestion(
        raw["name"],
        raw["points"],
        raw["answer"],
        raw["num_open"],
        tuple(cases),
        tuple(raw["lines"]),
        tuple(mistakes),
    )

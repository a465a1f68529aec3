"""A sheet: what a check may know of a released assignment, kept with the package as JSON.

It holds the cells as they were released and the questions with the prints of right values and of
known mistakes; no answer, no hidden input, no expected value.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vaecourse.classroom.records import Mistake, Print, Question
from vaecourse.errors import CourseError, unknown_name

FOLDER = Path(__file__).parent / "released"
ALL_POINTS = 100


@dataclass(frozen=True)
class SheetCell:
    """A cell as it was released."""

    id: str
    kind: str  # "code" or "markdown"
    role: str  # see `cells.role`
    question: str  # "" where it belongs to none
    source: str


@dataclass(frozen=True)
class Read:
    """A question that a person reads."""

    name: str
    points: int


@dataclass(frozen=True)
class Sheet:
    assignment: str  # "a2-vae-by-hand"
    release: str  # changes with whatever is released
    minutes: int
    cells: tuple[SheetCell, ...]
    questions: tuple[Question, ...]
    read: tuple[Read, ...]


def names() -> list[str]:
    """The assignments that are released."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> Sheet:
    """The sheet of an assignment, by its name or its number ("a2"). Raises CourseError."""
    known = names()
    found = [stem for stem in known if name in (stem, stem.partition("-")[0])]
    if len(found) != 1:
        raise unknown_name("assignment", str(name), known)
    return decode((FOLDER / f"{found[0]}.json").read_text(encoding="utf-8"))


def encode(sheet: Sheet) -> str:
    return json.dumps(asdict(sheet), indent=1, ensure_ascii=False) + "\n"


def decode(text: str) -> Sheet:
    """The sheet that a JSON text stands for. Raises CourseError where it is none."""
    try:
        raw = json.loads(text)
        return Sheet(
            raw["assignment"],
            raw["release"],
            raw["minutes"],
            tuple(SheetCell(**cell) for cell in raw["cells"]),
            tuple(question(one) for one in raw["questions"]),
            tuple(Read(**one) for one in raw["read"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        reason = f"{type(problem).__name__}: {problem}"
        raise CourseError(f"this is no sheet ({reason}); try: vaecourse release") from None


def question(raw: Mapping[str, Any]) -> Question:
    """A question from its JSON form (`asdict`)."""
    mistakes = (Mistake(m["name"], m["hint"], _prints(m["prints"])) for m in raw["mistakes"])
    return Question(
        raw["name"],
        raw["points"],
        raw["asked"],
        tuple(raw["seeds"]),
        _prints(raw["prints"]),
        tuple(mistakes),
    )


def _prints(raw: Any) -> tuple[tuple[Print, ...], ...]:
    return tuple(
        tuple(Print(p, None if shape is None else tuple(shape), s, h) for p, shape, s, h in case)
        for case in raw
    )

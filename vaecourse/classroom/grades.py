"""What grading keeps: a file that was handed in, and the grade that came of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from vaecourse.errors import CourseError

GradeStatus = Literal["graded", "partly graded", "needs review"]
# of a question: the last three are those that a person reads
QuestionStatus = Literal[
    "right", "wrong", "error", "not answered", "late", "loud", "dead", "to read", "read"
]
CRASHES = ("late", "loud", "dead")  # what an answer may do to the kernel it runs in


@dataclass(frozen=True)
class Handed:
    """A file that somebody handed in, as it came. Nothing in it, its names included, is trusted."""

    student: str  # as the folder or the archive calls them
    name: str  # the file's, with its folders, for people to find it by
    content: bytes
    time: datetime | None = None  # when it was handed in, in UTC, where that is known
    is_late: bool | None = None  # where that is known
    notes: tuple[str, ...] = ()  # what a person should know: an earlier file that was passed over


@dataclass(frozen=True)
class QuestionGrade:
    """What a question earned; `points` is None where a person is yet to give them."""

    name: str  # "a2.3"
    points: float | None
    of: int
    status: QuestionStatus
    hint: str = ""  # for the student; tells nothing of hidden inputs or expected values
    mistake: str = ""  # the named mistake that the answer shows
    comment: str = ""  # a person's


@dataclass(frozen=True)
class Grade:
    """A submission graded. A file that is no assignment has no `assignment` and no questions."""

    student: str
    assignment: str  # "a2-vae-by-hand"
    name: str  # of the file, as it came
    status: GradeStatus
    questions: tuple[QuestionGrade, ...]
    answers: Mapping[str, str]  # what the student wrote, by question; unchanged stubs left out
    review: tuple[str, ...] = ()  # why a person must look
    tampering: tuple[str, ...] = ()  # changed, missing, doubled cells; hooks; markers
    notes: tuple[str, ...] = ()  # other things to know: an earlier file that was passed over
    is_late: bool | None = None
    isolation: str = ""  # the level it ran under: "bubblewrap" or "none"
    hashes: Mapping[str, str] = field(default_factory=dict)  # SHA-256: "notebook", "key"
    record: Mapping[str, Any] = field(default_factory=dict)  # seeds, versions, limits, seconds, …

    @property
    def total(self) -> float | None:
        """The points so far; None for a file that is no assignment: nobody earned 0 there."""
        if not self.questions:
            return None
        return sum(q.points for q in self.questions if q.points is not None)

    @property
    def of(self) -> int:
        return sum(q.of for q in self.questions)


@dataclass(frozen=True)
class Change:
    """Points that a regrade has changed."""

    student: str
    assignment: str
    question: str
    before: float | None
    after: float | None


def encode(grade: Grade) -> str:
    return json.dumps(asdict(grade), indent=1) + "\n"


def decode(text: str) -> Grade:
    """The grade that a JSON text stands for. Raises CourseError where it is none."""
    try:
        raw = json.loads(text)
        raw["questions"] = tuple(QuestionGrade(**one) for one in raw["questions"])
        for name in ("review", "tampering", "notes"):
            raw[name] = tuple(raw[name])
        return Grade(**raw)
    except (KeyError, TypeError, ValueError) as problem:
        reason = f"{type(problem).__name__}: {problem}"
        raise CourseError(f"this is no grade ({reason}); delete it and grade again") from None

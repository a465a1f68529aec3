"""What is kept of questions and answers; nothing here needs torch, so a check starts quickly."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

KEY = "vaecourse"  # in the metadata of an output: what a program may want to know of it
# what may stand in the place of a value
RAISED = "raises "  # … and the name of an exception
WAITS = "waits"  # for an answer that is none yet
CHANGES = "changes its inputs"
CHANGES_HINT = (
    "Your values are right, but your code changes a tensor that it was given, so whoever uses that "
    "next gets others. Compute with a new tensor."
)
Status = Literal["right", "wrong", "not yet", "error"]


class Print(NamedTuple):
    """What is kept of a part of a value: see `values`; `step` is 0 for a text."""

    place: str  # "", "[0]", "['kl']" and so on
    shape: tuple[int, ...] | None  # None for a text
    step: float
    hashes: str  # `values.DIGITS` hexadecimal digits a number


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make: its name, the hint that names it, its values by seed."""

    name: str
    hint: str
    prints: tuple[tuple[Print, ...], ...]


@dataclass(frozen=True)
class Question:
    """What a check may know. `asked` is the source of a function (answer, seed) → values."""

    name: str  # "a2.3"
    points: int
    asked: str
    seeds: tuple[int, ...]
    prints: tuple[tuple[Print, ...], ...]  # of the right values, by seed
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class Verdict:
    """What came of a question; `mistake` is the name of the one that the answer shows."""

    name: str
    status: Status
    points: int
    of: int
    hint: str = ""
    mistake: str = ""

    @property
    def words(self) -> str:
        """What a student is told: "right", "not answered yet", or "wrong" and the hint."""
        if self.status in ("right", "not yet"):
            return "right" if self.status == "right" else "not answered yet"
        return f"{self.status}. {self.hint[:1].upper()}{self.hint[1:]}"

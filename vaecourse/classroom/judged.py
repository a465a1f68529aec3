"""What a submission came to when its paper ran: kept as JSON, read in another process."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from vaecourse.classroom.warden import Limits

JUDGED_SECONDS = 10  # of computing, for an answer cell, and for asking its question


@dataclass(frozen=True)
class Job:
    """A submission to be judged; `keys` holds, by assignment, the text of the key."""

    name: str  # of the file, as errors call it
    text: str  # of the notebook, as it came
    keys: Mapping[str, str]
    isolation: str  # "bubblewrap", or "none": then it runs as any program does
    only: tuple[str, ...] | None = None  # the questions that are asked, where not all are
    limits: Limits = Limits()  # noqa: RUF009


@dataclass(frozen=True)
class Outcome:
    """What a cell came to: `status` as of a `kernel.Run`, and whether nbval passed it."""

    is_passed: bool
    status: str
    error: str = ""  # the name of an exception
    printed: str = ""


@dataclass(frozen=True)
class Judged:
    """What came of a submission; with an `error`, what a person should know, of nothing else."""

    error: str = ""
    assignment: str = ""
    why_not: Mapping[str, str] = field(default_factory=dict)  # as of a `papers.Paper`
    answers: Mapping[str, str] = field(default_factory=dict)  # likewise
    tampering: tuple[str, ...] = ()
    paper: str = ""  # the notebook as it was run
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)  # by check cell
    failed: Mapping[str, Outcome] = field(default_factory=dict)  # other cells
    num_kernels: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    hooks: tuple[str, ...] = ()  # those of `tampering` for which a person must read an answer


def encode(what: Job | Judged) -> str:
    """A line of JSON."""
    return json.dumps(asdict(what))


def job(text: str) -> Job:
    raw = json.loads(text)
    raw["only"] = None if raw["only"] is None else tuple(raw["only"])
    raw["limits"] = Limits(*raw["limits"])
    return Job(**raw)


def judged(text: str) -> Judged:
    raw = json.loads(text)
    raw["tampering"], raw["hooks"] = tuple(raw["tampering"]), tuple(raw["hooks"])
    for name in ("outcomes", "failed"):
        raw[name] = {cell: Outcome(**one) for cell, one in raw[name].items()}
    return Judged(**raw)

"""What a class handed in: folders, or the archives of Moodle and Canvas, as files by student.

Of a student's files for one assignment the latest counts. When it was handed in is known where
nbgrader wrote it down (`timestamp.txt`); else the file's own time must do, and that is as good as
who made the folder or the archive: a copy may set it to now, its author to anything (and whoever
packs a folder of their own may put a `timestamp.txt` into it). Moodle and Canvas write into their
archives when these were made, so no time is taken from there: Canvas says itself who was LATE, of
Moodle's nobody's lateness is known.

Everything stays in memory, 4 GiB at most: a class of 10,000 with 0.3 MB each needs 3 GB.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zoneinfo import ZoneInfo

from vaecourse.classroom import archives, naming, sources
from vaecourse.classroom.archives import NOTEBOOK, Entry, Refused, shown
from vaecourse.classroom.grades import Handed
from vaecourse.classroom.naming import Name
from vaecourse.errors import CourseError

STAMP = "timestamp.txt"
LONGEST_STAMP = 100  # bytes
MOST_REFUSED = 20  # files of one student that are named one by one
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?\s*([A-Za-z_/+-]*[\d:]*)")
PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")
ENDS = 1 << 16  # bytes: a notebook's metadata stand last or first
# a pattern: a hostile file of 64 MiB that is parsed as JSON takes gigabytes
ASSIGNMENT = re.compile(rb'"vaecourse"\s*:\s*\{[^{}]{0,500}?"assignment"\s*:\s*"(\w{1,9})[-"]')
ANSWER = re.compile(rb"# Answer to (a\d{1,3})\.")


class Intake(NamedTuple):
    """The files that are graded, and those that are not."""

    handed: tuple[Handed, ...]
    refused: tuple[Refused, ...]


class _Found(NamedTuple):
    """A notebook as it came."""

    path: str
    content: bytes
    time: datetime | None


class _Pile(NamedTuple):
    """All that a source holds."""

    found: list[_Found]
    refused: list[Refused]
    stamps: dict[str, datetime]  # by folder: what nbgrader wrote down


def take(source: Path, due: datetime | None = None) -> Intake:
    """What was handed in, the latest file of each student and assignment.

    A file is late by Canvas' word, or if its time is after `due` (without a time zone: this
    machine's). Raises CourseError where there is no notebook, or an archive that cannot be read.
    """
    due = due.astimezone(UTC) if due else None
    pile = _gathered(source)
    if not pile.found and not pile.refused:
        raise CourseError(f"{source} holds no notebook (.ipynb); expected <student>/<assignment>")
    where = naming.layout([one.path for one in pile.found], _called(source))
    names = [naming.name(one.path, where) for one in pile.found]
    others = [naming.name(one.name, where) for one in pile.refused]
    called = naming.distinct(name.whose for name in (*names, *others))
    handed = [
        (name, _handed(one, name, called[name.whose], pile.stamps, due))
        for one, name in zip(pile.found, names, strict=True)
    ]
    refused = [
        one._replace(student=called[name.whose])
        for one, name in zip(pile.refused, others, strict=True)
    ]
    return Intake(tuple(_latest(handed)), tuple(_fewer(refused)))


# -- reading -----------------------------------------------------------------------------------


def _gathered(source: Path) -> _Pile:
    pile = _Pile([], [], {})
    total = 0
    for one in sources.entries(source):
        if isinstance(one, Refused):
            pile.refused.append(one)
        elif PurePosixPath(one.path).name == STAMP:
            if stamp := _stamp(one):
                pile.stamps[str(PurePosixPath(one.path).parent)] = stamp
        elif why_not := _why_not(one, total):
            pile.refused.append(Refused(shown(one.path), why_not))
        else:
            found = _read(one)
            if isinstance(found, Refused):
                pile.refused.append(found)
            else:
                total += len(found.content)
                pile.found.append(found)
    return pile


def _why_not(one: Entry, total: int) -> str:
    """Why a file is not even read; `total` bytes were taken before."""
    end = PurePosixPath(one.path).suffix.lower()
    if NOTEBOOK.search(one.path):
        if one.size > archives.MOST_BYTES:
            return f"expected at most {archives.MOST_BYTES >> 20} MiB, got more; clear outputs"
        if total + one.size > archives.MOST_TOGETHER:
            return f"more than {archives.MOST_TOGETHER >> 30} GiB altogether; grade in parts"
        return ""
    if end in PACKED:
        return "an archive within; unpack it where it is, or ask for the notebook itself"
    if end == ".json":
        return "no notebook by its name; if it is one, let its name end with .ipynb"
    return f"no notebook ({shown(end) or 'a name without an ending'}); expected .ipynb"


def _read(one: Entry) -> _Found | Refused:
    try:
        content = one.read()
    except CourseError as problem:
        return Refused(shown(one.path), str(problem))
    return _Found(one.path, content, one.time) if content else Refused(shown(one.path), "empty")


def _stamp(one: Entry) -> datetime | None:
    """The time that nbgrader wrote down; one without a time zone is in UTC, as nbgrader has it."""
    try:
        text = one.read().decode() if one.size <= LONGEST_STAMP else ""
        if found := TIME.fullmatch(text.strip()):
            day, clock, zone = found.groups()
            if re.fullmatch(r"[+-]\d\d:?\d\d|Z?", zone):
                return datetime.fromisoformat(f"{day}T{clock}{zone or 'Z'}").astimezone(UTC)
            return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone))
    except (CourseError, ValueError, OSError, KeyError, OverflowError):  # no zone of that name
        pass
    return None


def _called(source: Path) -> str:
    """The student whose name is nowhere but around their file."""
    place = source.absolute()
    return place.parent.name if NOTEBOOK.search(place.name) else place.name.partition(".")[0]


# -- by student --------------------------------------------------------------------------------


def _handed(
    one: _Found, name: Name, student: str, stamps: dict[str, datetime], due: datetime | None
) -> Handed:
    stamp = stamps.get(str(PurePosixPath(one.path).parent))
    time = None if name.is_bulk else stamp or one.time
    is_late = name.is_late
    if is_late is None and due and time:
        is_late = time > due
    ending = NOTEBOOK.search(one.path)
    notes = (
        (f"taken as a notebook, though it ends with {ending[1]}",) if ending and ending[1] else ()
    )
    return Handed(student, shown(one.path), one.content, time, is_late, notes)


def _fewer(refused: Sequence[Refused]) -> Iterator[Refused]:
    """What is refused; of a student who handed in a thousand such files, the first twenty."""
    count: Counter[str] = Counter()
    for one in refused:
        count[one.student] += 1
        if count[one.student] <= MOST_REFUSED:
            yield one
    for student, number in count.items():
        if number > MOST_REFUSED:
            more = f"{number - MOST_REFUSED:,} more files of theirs are not taken"
            yield Refused(student, more, student)


def _latest(handed: Sequence[tuple[Name, Handed]]) -> Iterator[Handed]:
    """For each student and assignment the file that came last; it says which others there were."""
    count = Counter(one.student for _, one in handed)
    groups: dict[tuple[str, str], list[tuple[Name, Handed]]] = {}
    for name, one in handed:
        which = _which(name, one) if count[one.student] > 1 else ""
        groups.setdefault((one.student, which), []).append((name, one))
    for group in groups.values():
        group.sort(key=lambda pair: _order(*pair))
        *earlier, (_, last) = group
        if earlier:
            others = ", ".join(one.name for _, one in earlier)
            notes = (*last.notes, f"{last.name} counts; handed in before: {others}")
            last = replace(last, notes=notes)
        yield last


def _which(name: Name, handed: Handed) -> str:
    """What a file is clearly of: the assignment that its metadata or its answers name, by number.

    Else the file's own name.
    """
    content = handed.content
    if found := ASSIGNMENT.findall(content[:ENDS]) + ASSIGNMENT.findall(content[-ENDS:]):
        return str(found[-1].decode(errors="replace"))  # the notebook's own comes last
    answered = set(ANSWER.findall(content))
    return answered.pop().decode() if len(answered) == 1 else f"file {name.stem}"


def _order(name: Name, handed: Handed) -> tuple[float, int, str]:
    return handed.time.timestamp() if handed.time else 0.0, name.nth, handed.name

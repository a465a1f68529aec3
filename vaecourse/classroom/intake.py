"""What a class handed in: folders, or the archives of Moodle and Canvas, as files by student.

A student is called as the source calls them: by the folder, by Moodle's "Full Name_123456" (the
number is that of the participant), by Canvas' "lastfirst_12345" (the number is the user's), or by
what is left of a file's name without the assignment's.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vaecourse.classroom import archives, sheets
from vaecourse.classroom.archives import Entry, Refused
from vaecourse.classroom.grades import Handed
from vaecourse.errors import CourseError

LONGEST_STUDENT = 100  # characters
MOODLE = re.compile(r"(?P<who>.+?_\d+)_assignsubmission_file_?(?P<name>.*)")
CANVAS = re.compile(r"(?P<who>[^_/]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<nth>\d+)_(?P<name>.+)")
AGAIN = re.compile(r"(?:[-_ ]v?(\d{1,3})|\s*\((\d{1,3})\)|[-_ ]copy\d*)$", re.IGNORECASE)
IGNORED = re.compile(r"(^|/)(\.|__MACOSX/|timestamp\.txt$|Thumbs\.db$|desktop\.ini$)")
ASSIGNMENT = re.compile(rb'"assignment"\s*:\s*"([a-z0-9-]{2,60})"')


class Intake(NamedTuple):
    """The files that are graded, and those that are not."""

    handed: tuple[Handed, ...]
    refused: tuple[Refused, ...]


class _Name(NamedTuple):
    """What the name of a file says."""

    student: str
    stem: str  # of the file, as its author called it
    is_late: bool | None
    nth: int  # a later one of the same file has a greater number


def take(source: Path, due: datetime | None = None) -> Intake:
    """What was handed in, the latest file of each student and assignment.

    A file is late by Canvas' word, or if its time is after `due`. Raises CourseError where there
    is no notebook.
    """
    names = [one.name for one in _notebooks(source) if isinstance(one, Entry)]
    top = _common_folder(names)
    refused: list[Refused] = []
    handed: list[tuple[_Name, Handed]] = []
    total = 0
    for one in _notebooks(source):  # again: an archive is read where it is
        found = _handed(one, total, _name(one.name, top, source), due)
        if isinstance(found, Refused):
            refused.append(found)
        else:
            total += len(found[1].content)
            handed.append(found)
    if not handed and not refused:
        raise CourseError(f"{source} holds no notebook (.ipynb); expected <student>/<assignment>")
    return Intake(tuple(_latest(handed)), tuple(refused))


def _handed(
    one: Entry | Refused, total: int, name: _Name, due: datetime | None
) -> tuple[_Name, Handed] | Refused:
    """A file with what its name says, or why it is not taken; `total` bytes were taken before."""
    if isinstance(one, Refused):
        return one
    if total + one.size > archives.MOST_TOGETHER:
        limit = archives.MOST_TOGETHER >> 30
        return Refused(one.name, f"more than {limit} GiB altogether; grade in parts")
    try:
        content = one.read()
    except CourseError as problem:
        return Refused(one.name, str(problem))
    is_late = name.is_late
    if is_late is None and due and one.time:
        is_late = one.time > due
    return name, Handed(name.student, one.name, content, one.time, is_late)


def student_of(name: str) -> str:
    """The student whom a refused file seems to be of."""
    return _name(name, "", Path(name)).student


def _notebooks(source: Path) -> Iterator[Entry | Refused]:
    """The notebooks, and what is refused; what no student has written is passed over."""
    for one in archives.entries(source):
        if IGNORED.search(one.name) and not isinstance(one, Refused):
            continue
        if isinstance(one, Refused) or one.name.lower().endswith(".ipynb"):
            yield one
        else:
            end = PurePosixPath(one.name).suffix or "a file without an ending"
            yield Refused(one.name, f"no notebook ({end}); expected .ipynb, not packed in another")


# -- names -------------------------------------------------------------------------------------


def _name(path: str, top: str, source: Path) -> _Name:
    *folders, file = path.split("/")
    stem = re.sub(r"\.ipynb$", "", file, flags=re.IGNORECASE)
    for folder in folders:
        if found := MOODLE.fullmatch(folder):
            return _Name(_student(found["who"]), *_numbered(stem, None))
    if not folders and (found := MOODLE.fullmatch(stem)):
        return _Name(_student(found["who"]), *_numbered(found["name"], None))
    if not folders and (found := CANVAS.fullmatch(stem)):
        who = f"{found['who']}_{found['id']}"
        return _Name(_student(who), *_numbered(found["name"], bool(found["late"])))
    folders = [f for f in folders if not _is_assignment(f)]
    if top and folders[:1] == [top] and len(folders) > 1:
        folders = folders[1:]
    whose = folders[0] if folders else _without_assignment(stem) or source.parent.name
    return _Name(_student(whose), *_numbered(stem, None))


def _numbered(stem: str, is_late: bool | None) -> tuple[str, bool | None, int]:
    found = AGAIN.search(stem)
    number = int(found[1] or found[2] or 1) if found else 0
    return (stem[: found.start()] if found else stem), is_late, number


def _common_folder(names: Sequence[str]) -> str:
    """The folder in which all of them lie, one below another at least; or ""."""
    firsts = {name.partition("/")[0] for name in names}
    is_deep = all(name.count("/") >= 2 for name in names)
    return firsts.pop() if len(firsts) == 1 and is_deep else ""


def _is_assignment(name: str) -> bool:
    return any(name in (known, known.partition("-")[0]) for known in sheets.names())


def _without_assignment(stem: str) -> str:
    """A file's name without the assignment's name or number at its beginning or end."""
    for known in sheets.names():
        for word in (known, known.partition("-")[0]):
            begin = re.sub(rf"^{re.escape(word)}(?:[-_ .]+|$)", "", stem, flags=re.IGNORECASE)
            end = re.sub(rf"(?:[-_ .]+|^){re.escape(word)}$", "", begin, flags=re.IGNORECASE)
            if end != stem:
                return end
    return stem


def _student(name: str) -> str:
    text = unicodedata.normalize("NFC", archives.clean(name))
    text = "".join(one for one in text if one.isprintable())
    return " ".join(text.split())[:LONGEST_STUDENT] or "no name"


# -- the latest of several ---------------------------------------------------------------------


def _latest(handed: Sequence[tuple[_Name, Handed]]) -> Iterator[Handed]:
    """For each student and assignment the file that came last; it says which others there were."""
    groups: dict[tuple[str, str], list[tuple[_Name, Handed]]] = {}
    for name, one in handed:
        found = ASSIGNMENT.search(one.content)
        which = found[1].decode() if found else f"file {name.stem}"
        groups.setdefault((one.student, which), []).append((name, one))
    for group in groups.values():
        group.sort(key=lambda pair: _order(*pair))
        *earlier, (_, last) = group
        if earlier:
            others = ", ".join(one.name for _, one in earlier)
            last = Handed(
                last.student,
                last.name,
                last.content,
                last.time,
                last.is_late,
                (f"{last.name} counts; handed in before: {others}",),
            )
        yield last


def _order(name: _Name, handed: Handed) -> tuple[float, int, str]:
    return handed.time.timestamp() if handed.time else 0.0, name.nth, handed.name

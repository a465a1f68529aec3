r"""Whose a file is, by its name.

Moodle ("Download all submissions", mod/assign/classes/downloader.php) calls a folder
`Full Name_123456_assignsubmission_file_`, or begins a file's name so; the number is that of the
participant, as in its grading worksheet, and a name has no underscores. Canvas ("Download
Submissions", lib/content_zipper.rb) calls a file `lastfirst_LATE_12345_67890_name.ipynb`: the
sortable name in small letters, LATE where it is, the user's id, the file's id (a later file has a
greater one), and the name as the student called it; `anon_Xy9Zq` stands for the name and the id
where the assignment is anonymous. What follows the first number is the student's own, so it says
nothing about who they are.

A student is then called "Full Name_123456" or "lastfirst_12345"; else by the folder, or by what is
left of a file's name without the assignment's.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vaecourse.classroom import archives, sheets

LONGEST_STUDENT = 100  # characters
BULK = re.compile(
    r"(?P<who>.+?_(?:(?P<moodle>\d+)(?=_assignsubmission_)|(?P<late>LATE_)?(?P<id>\d+)(?=_\d+_)))"
    r"_(?:assignsubmission_[a-z]+|(?P<nth>\d+))_?(?P<name>.*)",
    re.DOTALL,
)
ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<who>anon_[A-Za-z0-9]+)_(?P<nth>\d+)_(?P<name>.+)", re.DOTALL
)
AGAIN = re.compile(r"(?:[-_ ]v?(\d{1,3})|\s*\((\d{1,3})\)|[-_ ]copy\d*)$", re.IGNORECASE)
COPY = re.compile(r"(\s*\(\d+\)|[-_ ]copy\d*)$", re.IGNORECASE)  # as browsers and JupyterLab do


class Name(NamedTuple):
    """What the name of a file says."""

    whose: str  # of two students it is never the same; see `distinct`
    stem: str  # of the file, as its author called it, without what makes it a second one
    nth: int = 0  # a later one of the same file has a greater number
    is_late: bool | None = None
    is_bulk: bool = False  # from Moodle or Canvas


class Layout(NamedTuple):
    """How a class' files lie, as far as all of them show."""

    depth: int  # folders that lie around all students
    is_bulk: bool  # Moodle's or Canvas': a student alone cannot pretend it
    source: str  # what a student is called whose file has no name of theirs
    words: tuple[str, ...]  # names and numbers of assignments, in small letters


def layout(paths: Sequence[str], source: str) -> Layout:
    words = tuple(w for name in sheets.names() for w in (name, name.partition("-")[0]))
    split = [path.split("/") for path in paths]
    depth = 0
    while split and _is_wrapped(split, depth, words):
        depth += 1
    firsts = {archives.NOTEBOOK.sub("", parts[depth]) for parts in split}
    num_bulk = sum(_bulk(first) is not None for first in firsts)
    return Layout(depth, num_bulk * 2 > len(firsts), source, words)


def name(path: str, of: Layout) -> Name:
    parts = path.split("/")
    *folders, file = parts[of.depth :] or parts
    stem = archives.NOTEBOOK.sub("", file)
    if of.is_bulk and (found := _bulk(folders[0] if folders else stem)):
        given = found.groupdict()
        own, nth = _numbered(stem if folders else given["name"])
        is_late = None if given.get("moodle") else bool(given["late"])
        whose = given["who"].replace("_LATE_", "_") if given.get("late") else given["who"]
        return Name(whose, own, int((given["nth"] or "")[:18] or nth), is_late, True)
    folders = [one for one in folders if one.lower() not in of.words]
    own, nth = _numbered(stem)
    whose = folders[0] if folders else _student_in(stem, of.words)
    return Name(whose or of.source, own, nth)


def distinct(whose: Iterable[str]) -> dict[str, str]:
    """What each student is called: a line of at most 100 visible characters, and no other's.

    Names that only look the same, or only begin the same, get a mark; whose is plain keeps it.
    """
    groups: dict[str, list[str]] = {}
    for one in sorted(set(whose)):
        groups.setdefault(_plain(one), []).append(one)
    called = {}
    for plain, several in groups.items():
        for one in several:
            mark = hashlib.sha256(one.encode(errors="surrogatepass")).hexdigest()[:8]
            is_alone = len(several) == 1 or one == plain
            called[one] = plain if is_alone else f"{plain[: LONGEST_STUDENT - 9]} {mark}"
    return called


def _plain(whose: str) -> str:
    text = whose.encode(errors="surrogateescape").decode(errors="replace")
    line = " ".join(unicodedata.normalize("NFC", text).split())
    line = "".join(one for one in line if one.isprintable()).strip()
    found = re.search(r"_\d{1,20}$", line)
    number = found[0] if found else ""  # by which Moodle or Canvas know them: never cut
    return line[: LONGEST_STUDENT - len(number)].removesuffix(number) + number or "no name"


def _bulk(name: str) -> re.Match[str] | None:
    return ANONYMOUS.fullmatch(name) or BULK.fullmatch(name)


def _is_wrapped(split: Sequence[Sequence[str]], depth: int, words: Sequence[str]) -> bool:
    """Whether a folder lies around all students, and is not the only student's."""
    if len({parts[depth] for parts in split}) > 1 or _bulk(split[0][depth]):
        return False
    below = [parts[depth + 1 :] for parts in split]
    if not all(below):
        return False  # it is a file
    stems = [archives.NOTEBOOK.sub("", rest[0]) for rest in below if len(rest) == 1]
    if not stems:
        return not all(rest[0].lower() in words for rest in below)
    students = {stem: _student_in(stem, words) for stem in stems}
    named = all(student not in ("", stem) for stem, student in students.items())
    is_flat = len(stems) == len(below) and named and len(set(students.values())) > 1
    return is_flat or all(map(_bulk, stems))


def _numbered(stem: str) -> tuple[str, int]:
    found = AGAIN.search(stem)
    return (stem[: found.start()], int(found[1] or found[2] or 1)) if found else (stem, 0)


def _student_in(stem: str, words: Sequence[str]) -> str:
    """A file's name without the assignment's name or number at its beginning or end."""
    stem = COPY.sub("", stem)
    for whole in (stem, _numbered(stem)[0]):
        small = whole.lower()
        if len(small) != len(whole):  # some letters have two small ones
            return stem
        for word in words:
            begin, end = whole[len(word) :], whole[: -len(word)]
            if small.startswith(word) and not begin[:1].isalnum():
                return begin.strip("-_ .")
            if small.endswith(word) and not end[-1:].isalnum():
                return end.strip("-_ .")
    return stem

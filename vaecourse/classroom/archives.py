"""Zip and tar archives, read file by file; nothing is ever unpacked onto a disk.

Links, names that lead elsewhere, what is no plain file and what is too large are refused by name;
the rest is read. What is hidden is passed over. Limits: 64 MiB a file, 4 GiB altogether, 100,000
files, 12 folders deep. They hold for folders too, which `sources` reads.

A zip archive says a file's time in UTC where Info-ZIP made it; other zip archives have it without
a time zone, and it is taken to be that of this machine.
"""

import bz2
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, cast

from vaecourse import files
from vaecourse.errors import CourseError

MOST_ENTRIES = 100_000
MOST_BYTES = 64 << 20  # of one file
MOST_TOGETHER = 4 << 30  # of all that are read, and of a tar archive unpacked
MOST_LISTED = 24 << 20  # bytes of a zip archive's list: 100,000 names of 200 bytes
MOST_HEADER = 2 << 20  # bytes of a name, or of anything else before a file in a tar archive
PIECE = 1 << 20  # bytes that are read at once
LONGEST_NAME = 400
LONGEST_PART = 255
DEEPEST = 12
HIDING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
HIDDEN = re.compile(r"\..*|__MACOSX|__pycache__|node_modules|site-packages|Thumbs\.db|desktop\.ini")
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # browsers add the second
LINK = "a link; only plain files are taken"
UNPACKERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


class Refused(NamedTuple):
    """A file that is not taken, and why."""

    name: str
    reason: str
    student: str = ""  # whose it seems to be


class Entry(NamedTuple):
    """A plain file; `read` gives its bytes, and raises CourseError where it cannot be read."""

    path: str  # as the source has it, with "/" between folders; see `shown`
    size: int  # as the source says, so it may lie
    time: datetime | None
    read: Callable[[], bytes]


def clean(name: str) -> str:
    """A line without characters that hide or turn what is shown, or that cannot be written."""
    return HIDING.sub("", name.encode(errors="replace").decode())


def shown(path: str) -> str:
    """A path as people can read it."""
    text = clean(path.encode(errors="surrogateescape").decode(errors="replace"))
    return text if len(text) <= LONGEST_NAME else f"{text[:60]}…"


# -- zip and tar --------------------------------------------------------------------------------


def in_zip(source: Path) -> Iterator[Entry | Refused]:
    """The files in a zip archive. Raises CourseError, and whatever zipfile raises."""
    seen: set[str] = set()
    with source.open("rb") as raw:
        file = cast("IO[bytes]", _Sparing(raw, MOST_LISTED))
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > MOST_ENTRIES:
                raise CourseError(
                    f"{source} lists {len(members):,} files; expected at most {MOST_ENTRIES:,}; "
                    "grade its parts"
                )
            for info in members:
                name = _zip_name(info).replace("\\", "/")
                path = path_of(name)
                if isinstance(path, Refused):
                    yield path
                elif path and not name.endswith("/"):
                    why_not = _why_not_zip(info) or _twice(path, seen)
                    read = careful(partial(_of_zip, archive, info), path)
                    entry = Entry(path, info.file_size, _zip_time(info), read)
                    yield Refused(shown(path), why_not) if why_not else entry


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        return capped(file)


def _why_not_zip(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return LINK
    if kind not in (0, stat.S_IFREG):
        return "no plain file"
    if info.flag_bits & 0x41:
        return "encrypted; make the archive without a password"
    # Python bounds what it inflates at once; what others grow to, it does not
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "packed in an unusual way; make an ordinary zip archive"
    return ""


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name of a file: in UTF-8 where it can be, for Canvas and macOS do not say that it is."""
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _zip_time(info: zipfile.ZipInfo) -> datetime | None:
    """The time of a file: Info-ZIP's, else the one without a zone; 1980 stands for none."""
    place = 0
    while place + 9 <= len(info.extra):
        kind, length = struct.unpack_from("<HH", info.extra, place)
        if kind == 0x5455 and length >= 5 and info.extra[place + 4] & 1:
            return time_of(struct.unpack_from("<i", info.extra, place + 5)[0])
        place += 4 + length
    try:
        return datetime(*info.date_time).astimezone(UTC) if info.date_time[0] > 1980 else None
    except (ValueError, OverflowError):
        return None


def in_tar(source: Path) -> Iterator[Entry | Refused]:
    """The files in a tar archive. Raises ValueError, and whatever tarfile raises."""
    with source.open("rb") as raw:
        begin = raw.read(2)
    seen: set[str] = set()
    with UNPACKERS.get(begin, io.open)(source, "rb") as unpacked:  # type: ignore[operator]
        file = _Sparing(unpacked, MOST_HEADER)
        with tarfile.open(fileobj=cast("IO[bytes]", file), mode="r:") as archive:
            count = 0
            while member := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]  # it keeps them all
                count += 1
                end = member.offset_data + member.size
                if count > MOST_ENTRIES or member.size < 0 or end > MOST_TOGETHER:
                    yield Refused(shown(member.name), too_many())
                    return
                path = path_of(member.name)
                if isinstance(path, Refused):
                    yield path
                elif path and not member.isdir():
                    is_plain = member.isreg() and not member.issparse()
                    link = LINK if member.issym() or member.islnk() else "no plain file"
                    why_not = _twice(path, seen) if is_plain else link
                    read = careful(partial(_of_tar, archive, member), path)
                    entry = Entry(path, member.size, time_of(member.mtime), read)
                    yield Refused(shown(path), why_not) if why_not else entry
            if file.last != bytes(tarfile.BLOCKSIZE):  # tarfile takes any nonsense for the end
                raise ValueError("it is damaged, or cut short")


def _of_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return capped(file) if file else b""


# -- what they share ---------------------------------------------------------------------------


class _Sparing:
    """A file that refuses to give, at one go, what would fill the memory: lists and headers."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most = file, most
        self.last = b""
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self._most:
            raise ValueError(f"a list or a header of more than {self._most >> 20} MiB")
        self.last = self._file.read(PIECE if size < 0 else size)
        return self.last


def path_of(name: str) -> str | Refused:
    """The path that a name stands for, "" where it is hidden; or why it is not taken."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith(("/", "~")) or re.match(r"[A-Za-z]:", name) or ".." in parts:
        return Refused(shown(name), "a name that leads out of the archive")
    if "\\" in name:
        return Refused(shown(name), "a backslash in its name; rename it")
    if len(name) > LONGEST_NAME or any(len(part) > LONGEST_PART for part in parts):
        return Refused(shown(name), f"a name of {len(name):,} characters")
    if len(parts) > DEEPEST:
        return Refused(shown(name), f"more than {DEEPEST} folders deep")
    return "" if any(HIDDEN.fullmatch(part) for part in parts) else "/".join(parts)


def _twice(path: str, seen: set[str]) -> str:
    if path in seen:
        return "a second file of this name in the archive"
    seen.add(path)
    return ""


def too_many() -> str:
    most = f"{MOST_ENTRIES:,} files, or {MOST_TOGETHER >> 30} GiB"
    return f"more than {most}; this and all that follow are not taken; grade in parts"


def time_of(seconds: float) -> datetime | None:
    """A time in UTC; None for what no file of a class can have: archives without times say 0."""
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 2**33 else None


def careful(read: Callable[[], bytes], path: str) -> Callable[[], bytes]:
    """Reading that raises nothing but CourseError."""

    def carefully() -> bytes:
        with _in_words(path):
            return read()

    return carefully


@contextmanager
def _in_words(path: str) -> Iterator[None]:
    try:
        yield
    except CourseError:
        raise
    except Exception as problem:  # of zlib, zipfile, tarfile, the system
        why = f"cannot read {shown(path)}: {reason(problem)}"
        raise CourseError(f"{why}; hand it in again") from None


def reason(problem: Exception) -> str:
    told = files.reason(problem) if isinstance(problem, OSError) else str(problem)
    return shown(told) or type(problem).__name__


def capped(file: IO[bytes]) -> bytes:
    pieces, size = [], 0
    while piece := file.read(PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise CourseError(f"expected at most {MOST_BYTES >> 20} MiB, got more; clear outputs")
    return b"".join(pieces)

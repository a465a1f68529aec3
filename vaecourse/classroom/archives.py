"""The files in a folder or an archive, read one by one; nothing is ever unpacked onto a disk.

Links, names that lead elsewhere, what is no plain file and what is too large are refused by name;
the rest is read. Times are the files' own: a copy or an unpacking may have changed them, and a zip
archive has them without a time zone, so in the one of this machine.
"""

import os
import re
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from vaecourse import files
from vaecourse.errors import CourseError

MOST_ENTRIES = 100_000
MOST_BYTES = 64 << 20  # of one file
MOST_TOGETHER = 2 << 30  # of all that are read
LONGEST_NAME = 400
HIDING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class Refused(NamedTuple):
    """A file that is not taken, and why."""

    name: str
    reason: str


class Entry(NamedTuple):
    """A plain file; `read` gives its bytes, and raises CourseError where it cannot be read."""

    name: str  # with "/" between folders
    size: int
    time: datetime | None
    read: Callable[[], bytes]


def entries(source: Path) -> Iterator[Entry | Refused]:
    """The files in a folder, an archive (.zip, .tar, .tar.gz …), or the one file that it is.

    Raises CourseError where there is nothing of the kind.
    """
    try:
        if source.is_dir():
            yield from _in_folder(source)
        elif zipfile.is_zipfile(source):
            yield from _in_zip(source)
        elif source.suffix == ".ipynb":
            yield _file(source, source.name)
        elif tarfile.is_tarfile(source):
            yield from _in_tar(source)
        else:
            raise ValueError("it is no archive that can be read")
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError) as problem:
        reason = files.reason(problem) if isinstance(problem, OSError) else str(problem)
        raise CourseError(
            f"cannot read {source}: {reason}; expected a folder of notebooks, or an archive of them"
        ) from None


def clean(name: str) -> str:
    """A line without characters that hide or turn what is shown, or that cannot be written."""
    return HIDING.sub("", name.encode(errors="replace").decode())


# -- kinds of sources --------------------------------------------------------------------------


def _in_folder(source: Path) -> Iterator[Entry | Refused]:
    count = 0
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted([*names, *(f for f in folders if Path(folder, f).is_symlink())]):
            count += 1
            path = Path(folder, name)
            shown = path.relative_to(source).as_posix()
            if count > MOST_ENTRIES:
                yield Refused(shown, f"more than {MOST_ENTRIES:,} files; this and all that follow")
                return
            yield _checked(shown) or _plain(path, shown)


def _plain(path: Path, shown: str) -> Entry | Refused:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return Refused(_shown(shown), "a link; only plain files are taken")
        if not stat.S_ISREG(mode):
            return Refused(_shown(shown), "no plain file")
        return _file(path, shown)
    except OSError as problem:
        return Refused(_shown(shown), files.reason(problem))


def _file(path: Path, shown: str) -> Entry:
    found = path.lstat()

    def read() -> bytes:
        with _reading(shown):
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            with os.fdopen(os.open(path, flags), "rb") as file:
                return _capped(file, shown)

    return Entry(_shown(shown), found.st_size, datetime.fromtimestamp(found.st_mtime, UTC), read)


def _in_zip(source: Path) -> Iterator[Entry | Refused]:
    _check_directory(source)
    seen: set[str] = set()
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            name = info.filename.replace("\\", "/")
            if info.is_dir():
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            if refused := _checked(name):
                yield refused
            elif kind not in (0, stat.S_IFREG):
                yield Refused(_shown(name), "a link or no plain file; only plain files are taken")
            elif info.flag_bits & 1:
                yield Refused(_shown(name), "encrypted; make the archive without a password")
            elif name in seen:
                yield Refused(_shown(name), "a second file of this name in the archive")
            else:
                seen.add(name)
                yield Entry(_shown(name), info.file_size, _zip_time(info), _of_zip(archive, info))


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        with _reading(info.filename), archive.open(info) as file:
            return _capped(file, info.filename)

    return read


def _check_directory(source: Path) -> None:
    """CourseError for a zip archive whose list of files alone would fill the memory."""
    with source.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 66_000))
        end = file.read()
    place = end.rfind(b"PK\x05\x06")
    count, size = struct.unpack_from("<HL", end, place + 10) if place >= 0 else (0, 0)
    wide = end.rfind(b"PK\x06\x06")
    if wide >= 0:
        count, size = struct.unpack_from("<QQ", end, wide + 32)
    if count > MOST_ENTRIES or size > MOST_ENTRIES * (46 + LONGEST_NAME):
        raise CourseError(
            f"{source} lists {count:,} files in {size:,} bytes; expected at most "
            f"{MOST_ENTRIES:,} files; grade its parts"
        )


def _zip_time(info: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*info.date_time).astimezone(UTC) if info.date_time[0] > 1980 else None
    except (ValueError, OverflowError):
        return None


def _in_tar(source: Path) -> Iterator[Entry | Refused]:
    with tarfile.open(source) as archive:
        for count, member in enumerate(archive):
            if count == MOST_ENTRIES or member.offset_data + member.size > MOST_TOGETHER:
                most = f"{MOST_ENTRIES:,} files or {MOST_TOGETHER >> 30} GiB"
                yield Refused(_shown(member.name), f"more than {most}; this and all that follow")
                return
            if member.isdir():
                continue
            if refused := _checked(member.name):
                yield refused
            elif not member.isreg():
                yield Refused(_shown(member.name), "a link or no plain file")
            else:
                time = datetime.fromtimestamp(max(0, min(member.mtime, 2**32)), UTC)
                read = _of_tar(archive, member)
                yield Entry(_shown(member.name), member.size, time, read)


def _of_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        with _reading(member.name):
            file = archive.extractfile(member)
            return _capped(file, member.name) if file else b""

    return read


# -- what they share ---------------------------------------------------------------------------


class _reading:
    """Whatever reading a file raises, as a CourseError that names it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if isinstance(problem, Exception) and not isinstance(problem, CourseError):
            reason = files.reason(problem) if isinstance(problem, OSError) else str(problem)
            raise CourseError(f"cannot read {_shown(self._name)}: {reason}; hand it in again")


def _capped(file: IO[bytes], name: str) -> bytes:
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise CourseError(f"expected at most {MOST_BYTES >> 20} MiB of {_shown(name)}, got more")
    return content


def _checked(name: str) -> Refused | None:
    """Why a file of this name is not taken, if it is not."""
    parts = name.split("/")
    if name.startswith(("/", "~")) or re.match(r"[A-Za-z]:", name) or ".." in parts:
        return Refused(_shown(name), "a name that leads out of the archive")
    if len(name) > LONGEST_NAME:
        return Refused(_shown(name), f"a name of {len(name):,} characters")
    return None


def _shown(name: str) -> str:
    """A name as people can read it."""
    text = clean(name.encode(errors="surrogateescape").decode(errors="replace"))
    return text if len(text) <= LONGEST_NAME else f"{text[:60]}…"

"""A source of notebooks, as its files: a folder, an archive, or one notebook."""

import os
import stat
import zipfile
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from vaecourse import files
from vaecourse.classroom import archives
from vaecourse.classroom.archives import LINK, NOTEBOOK, Entry, Refused, shown
from vaecourse.errors import CourseError


def entries(source: Path) -> Iterator[Entry | Refused]:
    """The files in a folder, an archive (.zip, .tar, .tar.gz …), or the one file that it is.

    Read each before asking for the next. Raises CourseError where there is nothing of the kind,
    and where an archive is damaged: what follows would be missing without a word.
    """
    try:
        source = source.resolve(strict=True)
        if source.is_dir():
            yield from _in_folder(source)
        elif not source.is_file():
            raise ValueError("it is no plain file")
        elif NOTEBOOK.search(source.name):
            yield _file(source, source.name, source.lstat())
        elif zipfile.is_zipfile(source):
            yield from archives.in_zip(source)
        else:
            yield from archives.in_tar(source)
    except CourseError:
        raise
    except Exception as problem:  # zipfile and tarfile raise whatever they stumble over
        raise CourseError(
            f"cannot read {source}: {archives.reason(problem)}; expected a folder of notebooks, or "
            "a whole archive of them; try downloading it again"
        ) from None


def _in_folder(source: Path) -> Iterator[Entry | Refused]:
    """The files in a folder; those that lie deep come last, so nobody's depths use up the limit."""
    count = 0
    waiting = deque([""])
    while waiting:
        folder = waiting.popleft()
        try:
            with os.scandir(source / folder) as found:
                inside = sorted(
                    islice(found, archives.MOST_ENTRIES + 1 - count), key=lambda one: one.name
                )
        except OSError as problem:
            if not folder:
                raise
            yield Refused(shown(folder), f"a folder that cannot be read: {files.reason(problem)}")
            continue
        for one in inside:
            path = archives.path_of(f"{folder}/{one.name}" if folder else one.name)
            count += 1
            if count > archives.MOST_ENTRIES:
                yield Refused(shown(one.name), archives.too_many())
                return
            if isinstance(path, Refused):
                yield path
            elif path and one.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif path:
                yield _plain(Path(one.path), path)


def _plain(place: Path, path: str) -> Entry | Refused:
    try:
        found = place.lstat()
    except OSError as problem:
        return Refused(shown(path), files.reason(problem))
    if stat.S_ISLNK(found.st_mode):
        return Refused(shown(path), LINK)
    if not stat.S_ISREG(found.st_mode):
        return Refused(shown(path), "no plain file")
    if found.st_nlink > 1:
        return Refused(shown(path), "a hard link, a file with two names; grade a copy (cp -r)")
    return _file(place, path, found)


def _file(place: Path, path: str, found: os.stat_result) -> Entry:
    def read() -> bytes:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(place, flags), "rb") as file:
            now = os.fstat(file.fileno())
            if (now.st_dev, now.st_ino) != (found.st_dev, found.st_ino):
                raise ValueError("another file took its place")
            return archives.capped(file)

    time = archives.time_of(found.st_mtime)
    return Entry(path, found.st_size, time, archives.careful(read, path))

"""Archives read in memory: nothing is unpacked, so nothing can land where it should not."""

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from re import Pattern
from zipfile import BadZipFile

from vaecourse.data.kept import shown
from vaecourse.errors import CourseError
from vaecourse.files import reason

MOST = 4 * 2**30  # bytes in all files together


@contextmanager
def reading(name: str, archive: Path) -> Iterator[None]:
    """Turns what tarfile, zipfile and the system raise into a CourseError.

    `name` is the data set's, `archive` the file or folder that is read.
    """
    try:
        yield
    except (tarfile.TarError, BadZipFile, EOFError, zlib.error, OSError) as problem:
        told = isinstance(problem, OSError) and problem.errno is not None
        why = reason(problem) if told else "cut short, or no archive"  # type: ignore[arg-type]
        raise CourseError(
            f"expected the pictures of {name} in {shown(archive)}, which cannot be read ({why}); "
            "try removing this file, and downloading it again"
        ) from problem


def tar_members(
    name: str, archive: Path, tar: tarfile.TarFile, wanted: Pattern[str], largest: int
) -> Iterator[tarfile.TarInfo]:
    """The files in a tar archive whose whole path matches, in its order; others are passed over.

    `largest`: bytes of one file. Raises CourseError where there is what no archive of pictures
    holds: a path that leads outside, or, in the place of a wanted file, a link, another kind of
    file, one that is too large, or a path that comes twice.
    """
    seen: set[str] = set()
    total = 0
    for member in tar:
        total += member.size
        wrong = _out_of_place(member.name) or ("more than 4 GB" if total > MOST else "")
        if not wrong and wanted.fullmatch(member.name):
            wrong = _no_picture(member, largest, seen)
            seen.add(member.name)
            if not wrong:
                yield member
        if wrong:
            raise CourseError(
                f"expected an archive of the pictures of {name} in {shown(archive)}, found "
                f"{wrong}; nothing was unpacked; try removing this file, and one from where the "
                "course downloads it"
            )


def _out_of_place(name: str) -> str:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts
    return f"{shown(name)}, a path that leads outside" if outside else ""


def _no_picture(member: tarfile.TarInfo, largest: int, seen: set[str]) -> str:
    """What is wrong with a member that should be a picture, "" where nothing is."""
    if member.name in seen:
        return f"{shown(member.name)}, a file that comes twice"
    if not member.isreg() or member.size > largest:
        return f"{shown(member.name)}, no picture of at most {largest:,} bytes"
    return ""

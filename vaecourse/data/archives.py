"""Archives read in memory: nothing is unpacked, so nothing can land where it should not."""

import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from re import Pattern

from vaecourse.data.kept import shown
from vaecourse.errors import CourseError
from vaecourse.files import reason

MOST = 4 * 2**30  # bytes in all files together


def tar_files(
    name: str, archive: Path, wanted: Pattern[str], largest: int
) -> Iterator[tuple[str, bytes]]:
    """The files in a tar archive, compressed or not, whose whole path matches, in its order.

    `name` is the data set's, for messages; `largest`: bytes of one file. Other files are passed
    over. Raises CourseError for an archive that is cut short or none, and for one that holds what
    no archive of pictures does: a path that leads outside, or, in the place of a wanted file, a
    link, another kind of file, a path that comes twice, or one that is too large.
    """
    seen: set[str] = set()
    total = 0
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                total += member.size
                if wrong := _wrong(member, total):
                    raise _hostile(name, archive, wrong)
                if not wanted.fullmatch(member.name):
                    continue
                file = tar.extractfile(member) if member.isreg() else None
                if file is None or member.size > largest or member.name in seen:
                    what = "a file that comes twice" if member.name in seen else "no picture"
                    raise _hostile(name, archive, f"{shown(member.name)}, {what}")
                seen.add(member.name)
                content = file.read()
                if len(content) < member.size:
                    raise EOFError
                yield member.name, content
    except (tarfile.TarError, EOFError, zlib.error, OSError) as problem:
        raise _unreadable(name, archive, problem) from problem


def _wrong(member: tarfile.TarInfo, total: int) -> str:
    """What no archive of pictures holds, "" where all is well."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        return f"{shown(member.name)}, a path that leads outside"
    return "more than 4 GB" if total > MOST else ""


def _hostile(name: str, archive: Path, what: str) -> CourseError:
    return CourseError(
        f"expected an archive of the pictures of {name} in {shown(archive)}, found {what}; nothing "
        "was unpacked; try removing this file, and one from where the course downloads it"
    )


def _unreadable(name: str, archive: Path, problem: Exception) -> CourseError:
    why = reason(problem) if isinstance(problem, OSError) else "cut short, or no archive"
    return CourseError(
        f"expected an archive of the pictures of {name} in {shown(archive)}, which cannot be read "
        f"({why}); try removing this file, and `vaecourse data {name}` with a network"
    )

"""Writing a file whole or not at all; where the course's own files lie."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vaecourse.errors import CourseError


def course_folder(package: Path = Path(__file__).parent) -> Path:
    """The folder that holds `book/` and `assignments/`: the clone, or what a wheel carries."""
    carried = package / "course"
    return carried if carried.is_dir() else package.parent


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` when it is whole, and vanishes when it is not.

    Folders that are missing are made. A link stays a link: what it points to is replaced. The
    file's permissions stay as they were. Each writer has a file of its own, in the same folder,
    made anew under a name that nobody can foresee. Raises OSError.
    """
    path = Path(os.path.realpath(path))
    if path.is_symlink():  # still, so it points to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave a whole name on an empty file
        part.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write(path: Path, content: bytes | str) -> None:
    """Put `content`, text as UTF-8, into a file; CourseError where that fails: nothing changes."""
    try:
        with replacing(path) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except OSError as problem:
        raise CourseError(
            f"cannot write {path}: {reason(problem)}; nothing was changed; try freeing some space, "
            "or a folder that can be written"
        ) from problem


def check_writable(folder: Path) -> None:
    """CourseError unless a file can be written there now; missing folders are made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(2**16))
    except OSError as problem:
        raise CourseError(
            f"expected a folder that can be written, got {folder} ({reason(problem)}); try freeing "
            "some space, or another folder"
        ) from problem


def reason(problem: OSError) -> str:
    """What the system says went wrong, without the number and the name."""
    return problem.strerror or str(problem)


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value

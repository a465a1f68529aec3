"""Laws of writing a file whole or not at all."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import raiser

from vaecourse import files
from vaecourse.errors import CourseError


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_text_is_written_as_utf_8_and_bytes_as_they_are(tmp_path: Path) -> None:
    files.write(tmp_path / "text", "μ = 0\n")
    assert (tmp_path / "text").read_bytes() == b"\xce\xbc = 0\n"
    files.write(tmp_path / "bytes", b"\r\n\0")
    assert (tmp_path / "bytes").read_bytes() == b"\r\n\0"


def test_folders_that_are_missing_are_made(tmp_path: Path) -> None:
    files.write(tmp_path / "a" / "b" / "c", "x")
    assert (tmp_path / "a" / "b" / "c").read_text() == "x"


@pytest.mark.parametrize("name", ["x" * 255, ".hidden", "-option", "two\nlines", "é" * 127])
def test_a_name_may_be_as_long_and_odd_as_the_system_lets_it(tmp_path: Path, name: str) -> None:
    files.write(tmp_path / name, "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    with files.replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, problem: type[BaseException]
) -> None:
    path = tmp_path / "kept"
    path.write_text("old")

    def stop_half_way(target: Path) -> None:
        with files.replacing(target) as file:
            file.write(b"half")
            raise problem

    for target in (path, tmp_path / "new"):
        with pytest.raises(problem):
            stop_half_way(target)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("where", ["fsync", "chmod", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    monkeypatch.setattr(os if where == "fsync" else Path, where, raiser(errno.ENOSPC))
    with pytest.raises(CourseError, match="No space left on device; nothing was changed"):
        files.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from vaecourse import files

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
files.write(Path(sys.argv[1]), bytes(10**6))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_file_that_the_system_cuts_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    cut = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=False
    )
    assert "CourseError" in cut.stderr
    assert "File too large; nothing was changed" in cut.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such permissions")
@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o444, 0o755])
def test_permissions_stay_as_they_were(tmp_path: Path, permissions: int) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    path.chmod(permissions)
    with umask(0o022):
        files.write(path, "new")
    assert path.read_text() == "new"
    assert mode(path) == permissions


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such permissions")
@pytest.mark.parametrize(("mask", "permissions"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_new_file_has_the_permissions_that_the_umask_lets(
    tmp_path: Path, mask: int, permissions: int
) -> None:
    with umask(mask):
        files.write(tmp_path / "new", "x")
    assert mode(tmp_path / "new") == permissions


def test_a_link_stays_a_link_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "target"
    files.write(target, "old")
    link = tmp_path / "link"
    link.symlink_to(Path("elsewhere", "target"))
    (tmp_path / "second").symlink_to(link)
    files.write(tmp_path / "second", "new")
    assert (tmp_path / "second").is_symlink()
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert not target.is_symlink()


def test_a_link_to_nothing_makes_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "later")
    files.write(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later").read_text() == "x"


def test_a_link_in_a_circle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(CourseError, match="nothing was changed"):
        files.write(tmp_path / "a", "x")


def test_a_planted_link_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "folder"
    folder.mkdir()
    planted = iter(["guessed", "free"])
    monkeypatch.setattr("tempfile._get_candidate_names", lambda: planted)
    for name in ("kept.part", ".kept.part", ".kept.guessed.part"):
        (folder / name).symlink_to(victim)
    files.write(folder / "kept", "new")
    assert next(planted, None) is None  # the planted name was tried, and refused
    assert victim.read_text() == "precious"
    assert (folder / "kept").read_text() == "new"


def test_two_writers_at_once_both_write_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    together = threading.Barrier(2)

    def put(letter: bytes) -> None:
        with files.replacing(path) as file:
            for _ in range(20):
                together.wait(10)  # so that each is in the middle while the other writes
                file.write(letter * 10_000)

    writers = [threading.Thread(target=put, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in (b"a" * 200_000, b"b" * 200_000)
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    files.write(path, b"0" * 50_000)
    done = threading.Event()

    def rewrite() -> None:
        for i in range(50):
            files.write(path, str(i % 10).encode() * 50_000)
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen = {path.read_bytes()}
    while not done.is_set():
        seen.add(path.read_bytes())
    writer.join()
    assert all(len(content) == 50_000 and len(set(content)) == 1 for content in seen)


NO_FILES = {
    "a folder": "folder",
    "below a file": "file/below",
    "too long": "x" * 300,
}


@pytest.mark.parametrize("name", NO_FILES.values(), ids=NO_FILES.keys())
def test_a_place_where_no_file_can_be_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    with pytest.raises(CourseError, match=r"cannot write .*; nothing was changed; try"):
        files.write(tmp_path / name, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_folder_that_can_be_written_is_made_and_left_empty(tmp_path: Path) -> None:
    files.check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        with pytest.raises(CourseError, match="expected a folder that can be written, got"):
            files.check_writable(folder)
    monkeypatch.setattr("tempfile.TemporaryFile", raiser(errno.EROFS))
    with pytest.raises(CourseError, match="Read-only file system"):
        files.check_writable(tmp_path)

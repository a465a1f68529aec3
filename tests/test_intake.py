"""What a class handed in is found by student, from every source; what is hostile is refused."""

import io
import os
import struct
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecourse.classroom import archives
from vaecourse.classroom.intake import Intake, student_of, take
from vaecourse.errors import CourseError

A2 = '{"metadata": {"vaecourse": {"assignment": "a2-vae-by-hand"}}, "cells": []}'
A3 = A2.replace("a2-vae-by-hand", "a3-elbo")


def folder(root: Path, **files: str) -> Path:
    """Files, by name with __ for / and _ipynb at the end."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_ipynb", ".ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def zipped(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def students(found: Intake) -> list[tuple[str, str]]:
    return sorted((one.student, one.content.decode()) for one in found.handed)


def reasons(found: Intake) -> dict[str, str]:
    return {one.name: one.reason for one in found.refused}


PAIR = [("ada", A2), ("bob", A2)]


def test_folders_by_student_flat_folders_and_nbgraders_are_the_same_class(tmp_path: Path) -> None:
    by_student = folder(tmp_path / "1", ada__a2_ipynb=A2, bob__mine_ipynb=A2)
    flat = folder(tmp_path / "2")
    flat.mkdir()
    (flat / "ada_a2-vae-by-hand.ipynb").write_text(A2)
    (flat / "a2 - bob.ipynb").write_text(A2)
    deep = tmp_path / "3"
    for name in ("ada", "bob"):
        (deep / name / "a2-vae-by-hand").mkdir(parents=True)
        (deep / name / "a2-vae-by-hand" / "a2.ipynb").write_text(A2)
        (deep / name / "a2-vae-by-hand" / "timestamp.txt").write_text("2026-09-01 12:00:00 UTC")
    for source in (by_student, flat, deep):
        assert students(take(source)) == PAIR
        assert take(source).refused == ()


def test_the_archives_of_moodle_and_canvas_keep_names_apart_by_their_numbers(
    tmp_path: Path,
) -> None:
    moodle = {
        "Ada Byron_101_assignsubmission_file_/a2.ipynb": A2,
        "Ada Byron_102_assignsubmission_file_/a2.ipynb": A2,
        "Bob_103_assignsubmission_file_a2.ipynb": A2,
    }
    found = take(zipped(tmp_path / "moodle.zip", moodle))
    assert [name for name, _ in students(found)] == ["Ada Byron_101", "Ada Byron_102", "Bob_103"]
    canvas = {
        "byronada_12345_678_a2-vae-by-hand.ipynb": A2,
        "smithbob_LATE_12346_679_a2-vae-by-hand-1.ipynb": A2,
    }
    found = take(zipped(tmp_path / "canvas.zip", canvas))
    late = {one.student: one.is_late for one in found.handed}
    assert late == {"byronada_12345": False, "smithbob_12346": True}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_is_the_folder_that_it_was_made_of(tmp_path: Path, kind: str) -> None:
    source = folder(tmp_path / "class" / "submissions", ada__a2_ipynb=A2, bob__a2_ipynb=A2)
    path = tmp_path / f"class.{kind}"
    if kind == "zip":
        files = {str(p.relative_to(source.parent)): p.read_bytes() for p in source.rglob("*.ipynb")}
        zipped(path, files)
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
            archive.add(source, "submissions")
    assert students(take(path)) == PAIR


def test_the_later_of_two_files_counts_and_the_other_is_named(tmp_path: Path) -> None:
    source = folder(tmp_path, ada__a2_ipynb=A2, ada__again_ipynb=A2 + " ", ada__a3_ipynb=A3)
    os.utime(source / "ada" / "a2.ipynb", (2_000_000_000, 2_000_000_000))
    found = {one.name: one for one in take(source).handed}
    assert found.keys() == {"ada/a2.ipynb", "ada/a3.ipynb"}
    assert "handed in before: ada/again.ipynb" in found["ada/a2.ipynb"].notes[0]


def test_late_is_what_came_after_the_due_time(tmp_path: Path) -> None:
    source = folder(tmp_path, ada__a2_ipynb=A2, bob__a2_ipynb=A2)
    due = datetime(2026, 9, 21, 14, tzinfo=UTC)
    for name, seconds in (("ada", -1), ("bob", 1)):
        moment = due.timestamp() + seconds
        os.utime(source / name / "a2.ipynb", (moment, moment))
    assert {h.student: h.is_late for h in take(source, due).handed} == {"ada": False, "bob": True}
    assert {h.is_late for h in take(source).handed} == {None}


# -- hostile -----------------------------------------------------------------------------------


def test_links_and_what_is_no_file_are_refused_and_the_rest_taken(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text("secret")
    source = folder(tmp_path / "class", ada__a2_ipynb=A2)
    (source / "bob").mkdir()
    (source / "bob" / "a2.ipynb").symlink_to(secret)
    (source / "eve").symlink_to(tmp_path)
    (source / "mal").mkdir()
    os.mkfifo(source / "mal" / "a2.ipynb")
    (source / "pdf").mkdir()
    (source / "pdf" / "a2.pdf").write_text("%PDF")
    found = take(source)
    assert students(found) == [("ada", A2)]
    assert reasons(found).keys() == {"bob/a2.ipynb", "eve", "mal/a2.ipynb", "pdf/a2.pdf"}
    assert student_of("bob/a2.ipynb") == "bob"


LEADS_OUT = ["../a2.ipynb", "/etc/a2.ipynb", "C:\\a2.ipynb", "a/../../b.ipynb", "..\\..\\x.ipynb"]


@pytest.mark.parametrize("name", LEADS_OUT)
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    source = zipped(tmp_path / "class.zip", {name: "evil", "ada/a2.ipynb": A2})
    found = take(source)
    assert students(found) == [("ada", A2)]
    assert [one.reason for one in found.refused] == ["a name that leads out of the archive"]


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("bob/a2.ipynb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("ada/a2.ipynb", A2)
    with tarfile.open(tmp_path / "class.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            member = tarfile.TarInfo("bob/a2.ipynb")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        member = tarfile.TarInfo("ada/a2.ipynb")
        member.size = len(A2)
        tar.addfile(member, io.BytesIO(A2.encode()))
    for name in ("class.zip", "class.tar"):
        found = take(tmp_path / name)
        assert students(found) == [("ada", A2)]
        assert all("link" in one.reason for one in found.refused)


def test_a_bomb_and_a_list_of_a_million_names_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bob/a2.ipynb", bytes(64 << 20))
        archive.writestr("ada/a2.ipynb", A2)
    found = take(tmp_path / "bomb.zip")
    assert students(found) == [("ada", A2)]
    assert "at most 1 MiB" in reasons(found)["bob/a2.ipynb"]
    lies = tmp_path / "million.zip"
    zipped(lies, {"ada/a2.ipynb": A2})
    end = lies.read_bytes()
    place = end.rindex(b"PK\x05\x06")
    many = end[: place + 10] + struct.pack("<HL", 1, 1 << 30) + end[place + 16 :]
    lies.write_bytes(many)
    with pytest.raises(CourseError, match="lists"):
        take(lies)


def test_many_files_are_taken_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_ENTRIES", 5)
    source = tmp_path / "class"
    for i in range(8):
        (source / f"student-{i}").mkdir(parents=True)
        (source / f"student-{i}" / "a2.ipynb").write_text(A2)
    found = take(source)
    assert len(found.handed) == 5
    assert "all that follow" in found.refused[0].reason
    with tarfile.open(tmp_path / "class.tar", "w") as tar:
        tar.add(source, "class")
    assert len(take(tmp_path / "class.tar").handed) < 8


def test_broken_archives_and_an_encrypted_file_end_in_words(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "class.zip", {"ada/a2.ipynb": A2, "bob/a2.ipynb": A2 * 50})
    data = bytearray(whole.read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1
    whole.write_bytes(bytes(data))
    assert "encrypted" in next(iter(reasons(take(whole)).values()))
    for cut in (len(data) // 3, len(data) - 5):
        (tmp_path / "cut.zip").write_bytes(bytes(data[:cut]))
        with pytest.raises(CourseError, match="no archive that can be read"):
            take(tmp_path / "cut.zip")
    (tmp_path / "a.tar.gz").write_bytes(b"\x1f\x8b" + os.urandom(100))
    with pytest.raises(CourseError):
        take(tmp_path / "a.tar.gz")


@given(st.lists(st.tuples(st.text(max_size=30), st.binary(max_size=50)), max_size=6))
def test_whatever_names_are_in_an_archive_students_have_plain_names(
    files: list[tuple[str, bytes]],
) -> None:
    import tempfile
    import warnings

    with tempfile.TemporaryDirectory() as root, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        path = Path(root, "class.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files:
                try:
                    archive.writestr(f"{name}/a2.ipynb", content)
                except (UnicodeEncodeError, IndexError):  # zipfile cannot write them
                    continue
        try:
            found = take(path)
        except CourseError:
            return
    for one in found.handed:
        assert one.student.isprintable()
        assert 0 < len(one.student) <= 100
    assert len(found.handed) <= len(files)


def test_the_folder_says_who_a_student_is_not_the_name_that_the_student_chose(
    tmp_path: Path,
) -> None:
    files: dict[str, str | bytes] = {
        "lena/mueller_7_7_a2.ipynb": A2,
        "jo/Anna_12_assignsubmission_file_a2.ipynb": A2,
    }
    found = take(zipped(tmp_path / "class.zip", files))
    assert [name for name, _ in students(found)] == ["jo", "lena"]
    flat: dict[str, str | bytes] = {
        "Anna K_12_assignsubmission_file_x_99_assignsubmission_file_a2.ipynb": A2
    }
    found = take(zipped(tmp_path / "flat.zip", flat))
    assert [name for name, _ in students(found)] == ["Anna K_12"]

"""What a class handed in is found by student, from every source; what is hostile is refused."""

import bz2
import gzip
import io
import os
import random
import socket
import struct
import tarfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaecourse.classroom import archives
from vaecourse.classroom.intake import Intake, take
from vaecourse.errors import CourseError

A2 = '{"cells": [], "metadata": {"vaecourse": {"assignment": "a2-vae-by-hand"}}}'
A3 = A2.replace("a2-vae-by-hand", "a3-elbo")
PAIR = [("ada", A2), ("bob", A2)]
DUE = datetime(2026, 9, 21, 14, tzinfo=UTC)
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

Files = Mapping[str, str | bytes]


def encoded(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def folder(root: Path, files: Files) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(content))
    return root


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: Files, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(encoded(content))
            archive.addfile(member, io.BytesIO(encoded(content)))
    return path


def students(found: Intake) -> list[tuple[str, str]]:
    return sorted((one.student, one.content.decode()) for one in found.handed)


def reasons(found: Intake) -> dict[str, str]:
    return {one.name: one.reason for one in found.refused}


@contextmanager
def memory_of_at_most(mebibytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes << 20
    finally:
        tracemalloc.stop()


# -- kinds of sources --------------------------------------------------------------------------

LAYOUTS: dict[str, Files] = {
    "by student": {"ada/a2.ipynb": A2, "bob/mine.ipynb": A2},
    "nbgrader": {f"{s}/a2-vae-by-hand/{s}.ipynb": A2 for s in ("ada", "bob")},
    "around nbgrader": {f"course/submitted/{s}/a2/x.ipynb": A2 for s in ("ada", "bob")},
    "by assignment": {"a2/ada/x.ipynb": A2, "a2/bob/y.ipynb": A2},
    "flat": {"ada_a2-vae-by-hand.ipynb": A2, "a2 - bob (1).ipynb": A2},
    "around a flat one": {"hw/ada_a2.ipynb": A2, "hw/A2-bob.ipynb": A2},
}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_in_every_packing_is_the_same_class(
    tmp_path: Path, layout: str, kind: str
) -> None:
    files, path = LAYOUTS[layout], tmp_path / f"class.{kind}"
    if kind == "folder":
        found = take(folder(path, files))
    elif kind == "zip":
        found = take(zipped(path, files))
    else:
        mode = "w:" + kind.partition(".")[2]
        found = take(tarred(path, {f"./{name}": c for name, c in files.items()}, mode))
    assert students(found) == PAIR
    assert found.refused == ()


def test_moodle_and_canvas_keep_people_of_one_name_apart_by_their_numbers(tmp_path: Path) -> None:
    moodle = {
        "Ada Byron_101_assignsubmission_file_/a2.ipynb": A2,
        "Ada Byron_102_assignsubmission_file_/sub/a2.ipynb": A2,
        "Bob_103_assignsubmission_file_a2.ipynb": A2,
    }
    canvas = {
        "byronada_12345_678_a2-vae-by-hand.ipynb": A2,
        "byronada_LATE_12346_679_a2-vae-by-hand-1.ipynb": A2,
        "van_der_bergjan_12347_680_a2.ipynb": A2,
        "LATE_anon_Xy9Zq_681_a2.ipynb": A2,
    }
    for around in ("", "download/"):
        found = take(zipped(tmp_path / "m.zip", {around + n: c for n, c in moodle.items()}))
        called = [name for name, _ in students(found)]
        assert called == ["Ada Byron_101", "Ada Byron_102", "Bob_103"]
        found = take(zipped(tmp_path / "c.zip", {around + n: c for n, c in canvas.items()}))
        assert {one.student: one.is_late for one in found.handed} == {
            "byronada_12345": False,
            "byronada_12346": True,
            "van_der_bergjan_12347": False,
            "anon_Xy9Zq": True,
        }


def test_a_notebook_alone_is_called_by_its_name_or_its_folder(tmp_path: Path) -> None:
    folder(tmp_path, {"ada/a2.ipynb": A2, "ada/bob_a2.ipynb": A2, "ada/a2 (1).ipynb": A2})
    for name, student in (("a2", "ada"), ("bob_a2", "bob"), ("a2 (1)", "ada")):
        assert students(take(tmp_path / "ada" / f"{name}.ipynb")) == [(student, A2)]


# -- who is who --------------------------------------------------------------------------------


def test_nobody_passes_for_another_by_the_name_of_a_file(tmp_path: Path) -> None:
    plain = {"eve/bob_12345_9_a2.ipynb": "evil", "bob_12345/a2.ipynb": A2}
    plain |= {"eve/Bob_103_assignsubmission_file_a2.ipynb": "evil too", "ada/a2.ipynb": A2}
    assert students(take(zipped(tmp_path / "1.zip", plain)))[:2] == [("ada", A2), ("bob_12345", A2)]
    name = "{}_101_assignsubmission_file_Bob_103_assignsubmission_file_a2.ipynb"
    moodle = {name.format("Eve"): "evil", "Bob_103_assignsubmission_file_a2.ipynb": A2}
    assert students(take(zipped(tmp_path / "2.zip", moodle))) == [
        ("Bob_103", A2),
        ("Eve_101", "evil"),
    ]
    canvas = {"eve_1_2_bob_3_9_a2.ipynb": "evil", "bob_3_4_a2.ipynb": A2}
    assert students(take(zipped(tmp_path / "3.zip", canvas))) == [("bob_3", A2), ("eve_1", "evil")]


def test_names_that_only_look_the_same_stay_two_students(tmp_path: Path) -> None:
    twins = ["ada", "a\u200bda", "ad\u202ea", "ada ", "\u00e9", "e\u0301", "x" * 150, "x" * 160]
    found = take(
        zipped(tmp_path / "class.zip", {f"{n}/{i}.ipynb": A2 for i, n in enumerate(twins)})
    )
    called = {one.student for one in found.handed}
    assert len(called) == len(twins)
    assert {"ada", "\u00e9"} <= called
    assert all(name.isprintable() and len(name) <= 100 for name in called)
    long = {f"{'Ada ' * 40}_{i}_assignsubmission_file_/a2.ipynb": A2 for i in (101, 102)}
    ends = {one.student[-4:] for one in take(zipped(tmp_path / "long.zip", long)).handed}
    assert ends == {"_101", "_102"}


def test_a_name_in_utf_8_is_read_so_though_the_archive_does_not_say_it(tmp_path: Path) -> None:
    data = zipped(tmp_path / "class.zip", {"m\u00fcller/a2.ipynb": A2}).read_bytes()
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark) + place
        data = data[:at] + b"\0\0" + data[at + 2 :]
    (tmp_path / "class.zip").write_bytes(data)
    assert students(take(tmp_path / "class.zip")) == [("m\u00fcller", A2)]


# -- times, and the latest of several ----------------------------------------------------------


def test_late_is_what_came_after_the_due_time(tmp_path: Path) -> None:
    source = folder(tmp_path, {"ada/a2.ipynb": A2, "bob/a2.ipynb": A2})
    for name, seconds in (("ada", -1), ("bob", 1)):
        moment = DUE.timestamp() + seconds
        os.utime(source / name / "a2.ipynb", (moment, moment))
    for due in (DUE, DUE.astimezone().replace(tzinfo=None)):
        assert {h.student: h.is_late for h in take(source, due).handed} == {
            "ada": False,
            "bob": True,
        }
    assert {h.is_late for h in take(source).handed} == {None}


def test_what_nbgrader_wrote_down_counts_before_the_time_of_the_file(tmp_path: Path) -> None:
    stamps = {
        "ada": "2026-09-21 13:59:59.5 UTC",
        "bob": "2026-09-21 14:00:01",
        "cyd": "2026-09-21 10:00:01.123456 America/New_York",
        "dan": "2026-09-21 15:59:59 +0200",
    }
    files = {f"{s}/a2/timestamp.txt": text for s, text in stamps.items()}
    files |= {f"{s}/a2/a2.ipynb": A2 for s in stamps}
    files |= {"eve/a2/timestamp.txt": "2026-09-21 13:00:00 ../../etc/passwd", "eve/a2/a2.ipynb": A2}
    found = {h.student: h.is_late for h in take(folder(tmp_path, files), DUE).handed}
    assert found == {"ada": False, "bob": True, "cyd": True, "dan": False, "eve": True}


def test_when_an_archive_of_moodle_or_canvas_was_made_makes_nobody_late(tmp_path: Path) -> None:
    for name in ("Ada_1_assignsubmission_file_/a2.ipynb", "ada_1_2_a2.ipynb"):
        stamp = str(Path(name).parent / "timestamp.txt")
        source = zipped(tmp_path / "class.zip", {name: A2, stamp: "2000-01-01 00:00:00"})
        (one,) = take(source, datetime(2000, 1, 2, tzinfo=UTC)).handed
        assert one.time is None
        assert one.is_late is not True


def test_a_zip_archive_that_knows_its_times_in_utc_is_believed(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("ada/a2.ipynb", (2020, 1, 1, 0, 0, 0))
    info.extra = struct.pack("<HHHHBi", 0x7875, 0, 0x5455, 5, 1, int(DUE.timestamp()))
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr(info, A2)
    assert take(tmp_path / "class.zip").handed[0].time == DUE


def test_the_later_of_two_files_counts_and_the_other_is_named(tmp_path: Path) -> None:
    answered = '{"cells": ["# Answer to a2.3"]}'  # its metadata are lost
    files = {"ada/a2.ipynb": A2, "ada/again.ipynb": answered, "ada/a3.ipynb": A3, "bob/x.ipynb": A2}
    source = folder(tmp_path, files)
    os.utime(source / "ada" / "a2.ipynb", (2_000_000_000, 2_000_000_000))
    found = {one.name: one for one in take(source).handed}
    assert found.keys() == {"ada/a2.ipynb", "ada/a3.ipynb", "bob/x.ipynb"}
    assert "handed in before: ada/again.ipynb" in found["ada/a2.ipynb"].notes[0]
    assert found["bob/x.ipynb"].notes == ()


def test_without_times_the_greater_number_counts(tmp_path: Path) -> None:
    canvas = {"ada_1_900_a2.ipynb": "old", "ada_1_1000_mine-1.ipynb": "new"}
    canvas = {name: A2 + content for name, content in canvas.items()}
    assert students(take(zipped(tmp_path / "c.zip", canvas))) == [("ada_1", A2 + "new")]
    for names in (("x", "x-1", "x-2"), ("x", "x (2)", "x (10)"), ("x_v1", "x_v2", "x_v10")):
        files = {f"ada/{name}.ipynb": name for name in names} | {"bob/y.ipynb": "y"}
        found = take(tarred(tmp_path / "t.tar", files))
        assert students(found) == [("ada", names[-1]), ("bob", "y")]


# -- what is no notebook -----------------------------------------------------------------------


def test_what_is_no_notebook_is_refused_with_what_to_do_and_hidden_files_silently(
    tmp_path: Path,
) -> None:
    files = {"ada/a2.ipynb": A2, "ada/.DS_Store": "", "__MACOSX/ada/._a2.ipynb": "x"}
    files |= {"ada/.ipynb_checkpoints/a2.ipynb": "old", "ada/w.zip": "PK", "bob/a2.json": A2}
    files |= {"cyd/a2.pdf": "%PDF", "dan/a2.ipynb": "", "eve/a2.ipynb.txt": A2}
    found = take(zipped(tmp_path / "class.zip", files))
    assert students(found) == [("ada", A2), ("eve", A2)]
    assert found.handed[-1].notes == ("taken as a notebook, though it ends with .txt",)
    told = reasons(found)
    assert told.keys() == {"ada/w.zip", "bob/a2.json", "cyd/a2.pdf", "dan/a2.ipynb"}
    assert "unpack it" in told["ada/w.zip"]
    assert "let its name end with .ipynb" in told["bob/a2.json"]
    assert [one.student for one in found.refused] == ["ada", "bob", "cyd", "dan"]


def test_a_thousand_files_of_one_student_hide_nobody_else(tmp_path: Path) -> None:
    files = {f"eve/{i}.py": "" for i in range(1000)} | {"ada/a2.ipynb": A2, "zoe/a2.pdf": ""}
    found = take(tarred(tmp_path / "class.tar", files))
    assert students(found) == [("ada", A2)]
    assert len(found.refused) < 30
    assert "zoe" in {one.student for one in found.refused}
    assert any("980 more" in one.reason for one in found.refused)


# -- hostile -----------------------------------------------------------------------------------


def test_links_and_what_is_no_file_are_refused_and_the_rest_taken(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text("secret")
    source = folder(tmp_path / "class", {"ada/a2.ipynb": A2, "bob/x": "", "mal/x": ""})
    (source / "bob" / "a2.ipynb").symlink_to(secret)
    os.link(secret, source / "bob" / "hard.ipynb")
    (source / "eve").symlink_to(tmp_path)
    (source / "loop").symlink_to(source)
    os.mkfifo(source / "mal" / "a2.ipynb")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(source / "mal", os.O_RDONLY)
        one.bind(f"/proc/self/fd/{here}/s.ipynb")  # a whole path may be too long for a socket
        os.close(here)
    found = take(source)
    assert students(found) == [("ada", A2)]
    told = reasons(found)
    for name in ("bob/a2.ipynb", "eve", "loop", "bob/hard.ipynb"):
        assert "link" in told[name]
    assert told["mal/a2.ipynb"] == told["mal/s.ipynb"] == "no plain file"


def test_what_cannot_be_read_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = folder(tmp_path, {"ada/a2.ipynb": A2, "bob/a2.ipynb": A2, "eve/a2.ipynb": A2})
    scandir, real_open = os.scandir, os.open

    def barred_folder(path: Path) -> object:
        if path.name == "bob":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    def barred_file(path: Path, flags: int) -> int:
        if path.parent.name == "eve":
            raise PermissionError(13, "Permission denied")
        return real_open(path, flags)

    with monkeypatch.context() as patch:  # root reads what nobody may
        patch.setattr(os, "scandir", barred_folder)
        patch.setattr(os, "open", barred_file)
        found = take(source)
    assert students(found) == [("ada", A2)]
    assert reasons(found).keys() == {"bob", "eve/a2.ipynb"}
    assert all("Permission denied" in one.reason for one in found.refused)


LEADS_OUT = ["../a2.ipynb", "/etc/a2.ipynb", "C:\\a2.ipynb", "a/../../b.ipynb", "c:/x.ipynb"]
TOO_LONG = ["x" * 300 + ".ipynb", "/".join("abcdefghijklm") + ".ipynb"]


@pytest.mark.parametrize("name", [*LEADS_OUT, *TOO_LONG, "..\\..\\x.ipynb"])
def test_names_that_lead_out_of_an_archive_or_are_too_long_are_refused(
    tmp_path: Path, name: str
) -> None:
    files = {name: "evil", "ada/a2.ipynb": A2}
    for source in (zipped(tmp_path / "c.zip", files), tarred(tmp_path / "c.tar", files)):
        found = take(source)
        assert students(found) == [("ada", A2)]
        assert len(found.refused) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["c.tar", "c.zip"]


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("bob/a2.ipynb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("ada/a2.ipynb", A2)
    with tarfile.open(tmp_path / "class.tar", "w") as tar:
        member = tarfile.TarInfo("ada/a2.ipynb")
        member.size = len(A2)
        tar.addfile(member, io.BytesIO(A2.encode()))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"bob/{kind.decode()}.ipynb")
            member.type, member.linkname = kind, "ada/a2.ipynb"
            tar.addfile(member)
    for name, num_refused in (("class.zip", 1), ("class.tar", 4)):
        found = take(tmp_path / name)
        assert students(found) == [("ada", A2)]
        assert len(found.refused) == num_refused


def test_of_two_entries_of_one_name_the_second_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in (("ada/a2.ipynb", A2), ("ada/./a2.ipynb", "2"), ("Ada/a2.ipynb", A2)):
            archive.writestr(name, content)
    found = take(tmp_path / "c.zip")
    assert students(found) == [("Ada", A2), ("ada", A2)]
    assert "second file" in found.refused[0].reason


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_is_refused_in_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packing: int
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w") as archive:
        archive.writestr("bob/a2.ipynb", bytes(24 << 20), packing)
        archive.writestr("ada/a2.ipynb", A2)
    data = (tmp_path / "bomb.zip").read_bytes()
    lie = data.replace(struct.pack("<L", 24 << 20), struct.pack("<L", 1000))
    for content in (data, lie):
        (tmp_path / "bomb.zip").write_bytes(content)
        with memory_of_at_most(16):
            found = take(tmp_path / "bomb.zip")
        assert students(found) == [("ada", A2)]
        assert reasons(found).keys() == {"bob/a2.ipynb"}


def test_entries_over_the_same_bytes_are_refused_and_all_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_TOGETHER", 5 << 20)
    data = zipped(tmp_path / "one.zip", {"ada/a2.ipynb": bytes(1 << 20)}).read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    one = data[start:end]
    listed = one + b"".join(one.replace(b"ada", b"s%02d" % i) for i in range(50)) + one * 50
    tail = struct.pack("<LHHHHLLH", 0x06054B50, 0, 0, 101, 101, len(listed), start, 0)
    (tmp_path / "class.zip").write_bytes(data[:start] + listed + tail)
    found = take(tmp_path / "class.zip")
    assert [h.student for h in found.handed] == ["ada"]
    assert len({one.student for one in found.refused}) == 51
    several = zipped(tmp_path / "2.zip", {f"s{i}/a2.ipynb": bytes(1 << 20) for i in range(9)})
    found = take(several)
    assert len(found.handed) == 5
    assert {one.student for one in found.refused} == {"s5", "s6", "s7", "s8"}


def test_lists_and_headers_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    data = zipped(tmp_path / "class.zip", {"ada/a2.ipynb": A2}).read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    listed = data[start:end] * (32 * 2**20 // (end - start))
    tail = struct.pack("<LHHHHLLH", 0x06054B50, 0, 0, 1, 1, len(listed), start, 0)
    (tmp_path / "class.zip").write_bytes(data[:start] + listed + tail)
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE):
        member = tarfile.TarInfo("x")
        member.type, member.size = kind, 80 << 20
        with gzip.open(tmp_path / f"{kind.decode()}.tar.gz", "wb", 1) as file:
            file.write(member.tobuf())
            for _ in range(80):
                file.write(bytes(1 << 20))
    for source in tmp_path.iterdir():
        with memory_of_at_most(60), pytest.raises(CourseError, match="a list or a header"):
            take(source)


def test_more_files_than_a_class_has_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_ENTRIES", 20)
    files = {f"s{i}/a2.ipynb": A2 for i in range(12)}
    files |= {f"s0/deep/{i}.py": "" for i in range(500)}
    source = folder(tmp_path / "class", {"s0/deep/x.py": ""} | files)
    monkeypatch.setattr(archives, "MOST_ENTRIES", 30)
    found = take(source)
    assert len(found.handed) == 12  # what lies deep in one folder does not keep others out
    assert any("all that follow" in one.reason for one in found.refused)
    found = take(tarred(tmp_path / "class.tar", files | {"late/a2.ipynb": A2}))
    assert any("all that follow" in one.reason for one in found.refused)
    with pytest.raises(CourseError, match="at most 30; grade its parts"):
        take(zipped(tmp_path / "class.zip", files))


def test_an_encrypted_file_is_refused_and_a_damaged_one_too(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "class.zip", {"ada/a2.ipynb": A2, "bob/a2.ipynb": A2 * 50})
    data = bytearray(whole.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    damaged = data.index(b"PK\x03\x04", 4) + 60
    data[damaged : damaged + 8] = bytes(8)
    whole.write_bytes(bytes(data))
    found = take(whole)
    assert found.handed == ()
    assert "encrypted" in reasons(found)["ada/a2.ipynb"]
    assert "cannot read" in reasons(found)["bob/a2.ipynb"]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_that_is_cut_short_loses_nobody_silently(tmp_path: Path, kind: str) -> None:
    files = {f"s{i}/a2.ipynb": random.Random(i).randbytes(700) for i in range(6)}
    path = tmp_path / f"class.{kind}"
    if kind == "zip":
        zipped(path, files)
    else:
        tarred(path, files, "w:gz" if kind == "tar.gz" else "w")
    data = path.read_bytes()
    ends = range(1, min(len(data), 9300) - 30, 97)  # a tar's blank end may be cut
    for end in [*ends, *range(0, 9216, 512)] if kind == "tar" else ends:
        path.write_bytes(data[:end])
        with pytest.raises(CourseError):
            take(path)


def test_what_is_no_source_ends_in_words(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "noise.tar.gz").write_bytes(b"\x1f\x8b" + os.urandom(100))
    (tmp_path / "noise.tar.bz2").write_bytes(bz2.compress(os.urandom(5000)))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for source in [*tmp_path.iterdir(), tmp_path / "nothing"]:
        with pytest.raises(CourseError):
            take(source)


# -- whatever comes ----------------------------------------------------------------------------

ODD = st.text(st.sampled_from("ab/.\\ _1\u200b\u202e\u00e9\x00\n~:%s"), max_size=25) | st.text(
    max_size=30
)
ENDS = st.sampled_from(["/a2.ipynb", ".ipynb", "_12_34_a2.ipynb", "/timestamp.txt", ".zip", ""])
NAMES = st.builds(str.__add__, ODD, ENDS)


@MANY
@given(st.lists(st.tuples(NAMES, st.binary(max_size=50)), max_size=8), st.booleans())
def test_whatever_names_are_in_an_archive_students_have_plain_names(
    tmp_path: Path, files: list[tuple[str, bytes]], is_zip: bool
) -> None:
    path = tmp_path / "class"
    path.unlink(missing_ok=True)
    for name, content in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of names that occur twice
                if is_zip:
                    with zipfile.ZipFile(path, "a") as archive:
                        archive.writestr(name, content)
                else:
                    with tarfile.open(path, "a") as tar:
                        member = tarfile.TarInfo(name)
                        member.size = len(content)
                        tar.addfile(member, io.BytesIO(content))
        except (ValueError, IndexError):  # they cannot write every name
            continue
    try:
        found = take(path, DUE)
    except CourseError:
        return
    for one in (*found.handed, *found.refused):
        assert one.student.isprintable()
        assert 0 < len(one.student) <= 100
        assert not archives.HIDING.search(one.name)
    assert len(found.handed) <= len(files)
    assert list(tmp_path.iterdir()) == [path]


@MANY
@given(st.data())
def test_whatever_befalls_an_archive_it_ends_in_words(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["zip", "tar", "tar.gz"]))
    files = {"ada/a2.ipynb": A2 * 20, "bob/a2.ipynb": A2, "bob/" + "x" * 120 + "/y.ipynb": A3}
    path = tmp_path / f"class.{kind}"
    if kind == "zip":
        zipped(path, files)
    else:
        tarred(path, files, "w:gz" if kind == "tar.gz" else "w")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(content), 4000) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        found = take(path)
    except CourseError:
        return
    assert len(found.handed) <= 3

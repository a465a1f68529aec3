"""Laws of the Stanford Dogs loader: small archives, its folder, and a download that breaks off."""

import hashlib
import io
import os
import tarfile
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
import torch
from conftest import Mirror, files, not_called
from PIL import Image

from vaecourse import data
from vaecourse.data import dogs, downloads
from vaecourse.errors import CourseError

REAL = Path(os.environ.get("VAECOURSE_DATA") or "nowhere").resolve() / "stanford_dogs" / "Images"
BREEDS = ["n02085620-Chihuahua", "n02085782-Japanese_spaniel", "n02086240-Shih-Tzu"]


def photo(colour: tuple[int, int, int], size: tuple[int, int] = (90, 70)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG", quality=95)
    return file.getvalue()


def some_photos() -> dict[str, bytes]:
    """Ten photos of three breeds; the red of each is ten times its place in the sorted list."""
    names = [f"{BREEDS[i // 4]}/{BREEDS[i // 4][:9]}_{i}.jpg" for i in range(10)]
    return {name: photo((10 * i, 0, 200)) for i, name in enumerate(names)}


def packed(photos: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as tar:
        tar.addfile(folder := tarfile.TarInfo("Images"), None)
        folder.type = tarfile.DIRTYPE
        for name, content in reversed(photos.items()):
            info = tarfile.TarInfo(f"Images/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in others:
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    return file.getvalue()


def put(monkeypatch: pytest.MonkeyPatch, content: bytes) -> Path:
    """Put an archive in its place, as if it were the true one."""
    path = data.data_root() / dogs.FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    monkeypatch.setattr(dogs, "SHA256", hashlib.sha256(content).hexdigest())
    return path


def unpack(photos: dict[str, bytes]) -> Path:
    folder = data.data_root() / "stanford_dogs" / "Images"
    for name, content in photos.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def check_ten() -> None:
    train, test = data.load("stanford-dogs"), data.load("stanford-dogs", "test", size=16)
    assert train.x.shape == (8, 3, 64, 64)
    assert test.x.shape == (2, 3, 16, 16)
    reds = [(x[:, 0, 8, 8] * 25.5).round().int().tolist() for x in (train.x, test.x)]
    assert reds == [[0, 1, 2, 3, 5, 6, 7, 8], [4, 9]]
    assert train.y.tolist() == [0, 0, 0, 0, 1, 1, 1, 2]
    assert test.y.tolist() == [1, 2]


def test_an_archive_gives_its_photos_and_breeds_in_the_order_of_names(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, packed(some_photos()))
    check_ten()
    assert files(data_folder / "stanford_dogs") == {"images.tar"}


def test_an_unpacked_folder_gives_the_same_and_needs_no_archive(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dogs, "downloaded", not_called)
    unpack(some_photos())
    check_ten()
    assert "stanford-dogs" in data.without_network()


def test_a_part_that_is_unpacked_is_not_taken_for_the_whole_set_nor_changes_its_identity(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = put(monkeypatch, packed(some_photos()))
    before = data.identity("stanford-dogs")
    assert len(data.load("stanford-dogs").x) == 8
    photos = some_photos()
    folder = unpack(dict(list(photos.items())[:5]))
    assert len(data.load("stanford-dogs").x) == 4
    assert data.identity("stanford-dogs") == before
    folder.rename(folder.with_name("Elsewhere"))
    archive.unlink()
    monkeypatch.setattr(dogs, "downloaded", not_called)
    assert len(data.load("stanford-dogs").x) == 8  # kept


@pytest.mark.parametrize("archive", [True, False])
def test_broken_photos_are_skipped_counted_and_named(
    archive: bool, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = some_photos()
    broken = list(photos)[2]
    photos[broken] = photos[broken][:100]
    if archive:
        put(monkeypatch, packed(photos))
    else:
        unpack(photos)
    for _ in range(2):
        with pytest.warns(UserWarning, match=rf"skipped 1 of 8 train pictures.*: {broken}$"):
            assert len(data.load("stanford-dogs").x) == 7


def test_photos_in_grey_only_are_refused(data_folder: Path) -> None:
    unpack({f"{BREEDS[0]}/{i}.jpg": photo((i, i, i)) for i in range(5)})
    with pytest.raises(CourseError, match=r"in colour from stanford-dogs.*in grey only"):
        data.load("stanford-dogs")


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_without_colour_are_told_from_those_with_some(channels: int) -> None:
    grey = torch.rand(4, 1, 8, 8).expand(-1, channels, -1, -1).clone()
    with pytest.raises(CourseError, match=r"from my folder.*x\[:, :1\]"):
        data.check_colour("my folder", grey)
    coloured = grey.expand(-1, 3, -1, -1).clone()
    coloured[2, 1, 3, 3] += 0.1
    data.check_colour("my folder", coloured)


def outside() -> tarfile.TarInfo:
    return tarfile.TarInfo("Images/../../evil.jpg")


def linked() -> tarfile.TarInfo:
    info = tarfile.TarInfo(f"Images/{BREEDS[0]}/link.jpg")
    info.type, info.linkname = tarfile.LNKTYPE, "/etc/passwd"
    return info


def huge() -> tarfile.TarInfo:
    info = tarfile.TarInfo(f"Images/{BREEDS[0]}/huge.jpg")
    info.size = dogs.LARGEST + 1
    return info


HOSTILE = [(outside, "a path that leads outside"), (linked, "no picture"), (huge, "no picture")]


@pytest.mark.parametrize(("extra", "message"), HOSTILE)
def test_an_archive_of_something_else_is_refused_and_nothing_is_unpacked(
    extra: object, message: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, packed(some_photos(), extra()))  # type: ignore[operator]
    with pytest.raises(CourseError, match=message):
        data.load("stanford-dogs")
    assert files(data_folder) == {"images.tar"}


@pytest.mark.parametrize("spoil", ["cut", "text", "no photos"])
def test_an_archive_cut_short_or_without_photos_is_refused_in_one_sentence(
    spoil: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = packed(some_photos())
    put(monkeypatch, {"cut": whole[:3000], "text": b"<html>" * 999, "no photos": packed({})}[spoil])
    with pytest.raises(CourseError, match="stanford-dogs") as told:
        data.load("stanford-dogs")
    assert str(told.value).isprintable()


# A download that breaks off


class Stubborn:
    """Serves one file, breaks off after `gives` bytes, and goes on from where it is asked to."""

    def __init__(self, mirror: Mirror, content: bytes, gives: int) -> None:
        self.content, self.gives, self.ranges = content, gives, True
        self.begun: list[int] = []
        mirror.hinder = self.serve

    def serve(self, request: SimpleHTTPRequestHandler) -> bool:
        asked = request.headers.get("Range", "bytes=0-")
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if self.ranges else 0
        self.begun.append(begin)
        if begin >= len(self.content):
            request.send_error(416)
            return True
        rest = self.content[begin:]
        request.send_response(206 if begin else 200)
        if begin:
            end, total = len(self.content) - 1, len(self.content)
            request.send_header("Content-Range", f"bytes {begin}-{end}/{total}")
        request.send_header("Content-Length", str(len(rest)))
        request.end_headers()
        request.wfile.write(rest[: self.gives])
        return True


CONTENT = bytes(range(256)) * 4000


def fetch(mirror: Mirror) -> Path:
    known = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    return downloads.downloaded("dogs", "d/images.tar", known, [mirror.address], resumable=True)


def test_a_download_that_breaks_off_goes_on_where_it_stopped(mirror: Mirror) -> None:
    server = Stubborn(mirror, CONTENT, gives=6 * 2**16)
    with pytest.raises(CourseError, match="no whole answer"):
        fetch(mirror)
    assert server.begun == [0, 6 * 2**16]  # asked again at once
    place = data.data_root() / "d"
    assert (place / "images.tar.part").read_bytes() == CONTENT[: 12 * 2**16]
    path = fetch(mirror)
    assert server.begun == [0, 6 * 2**16, 12 * 2**16]
    assert path.read_bytes() == CONTENT
    assert files(place) == {"images.tar"}


def test_a_server_that_cannot_go_on_is_asked_for_all(mirror: Mirror) -> None:
    server = Stubborn(mirror, CONTENT, gives=10**9)
    server.ranges = False
    part = data.data_root() / "d" / "images.tar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    assert fetch(mirror).read_bytes() == CONTENT


def test_what_came_before_and_was_something_else_is_thrown_away(mirror: Mirror) -> None:
    server = Stubborn(mirror, CONTENT, gives=10**9)
    part = data.data_root() / "d" / "images.tar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    assert fetch(mirror).read_bytes() == CONTENT
    assert server.begun == [14, 0]


def test_a_download_that_was_whole_but_not_yet_put_in_place_is_used(mirror: Mirror) -> None:
    server = Stubborn(mirror, CONTENT, gives=0)
    part = data.data_root() / "d" / "images.tar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert fetch(mirror).read_bytes() == CONTENT
    assert server.begun == [len(CONTENT)]


@pytest.mark.skipif(not REAL.is_dir(), reason="there are no dogs in VAECOURSE_DATA")
def test_the_dogs_on_hand_are_loaded(data_folder: Path) -> None:
    (data_folder / "stanford_dogs").mkdir(parents=True)
    (data_folder / "stanford_dogs" / "Images").symlink_to(REAL)
    train, test = data.load("stanford-dogs"), data.load("stanford-dogs", "test")
    num = len(list(REAL.glob("*/*.jpg")))
    assert len(train.x) + len(test.x) == num
    assert len(test.x) == num // 5
    assert not set(train.y.tolist()) - set(range(len(list(REAL.iterdir()))))

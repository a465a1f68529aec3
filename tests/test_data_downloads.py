"""Laws of downloads and of MNIST: small archives on a server of the test's own."""

import errno
import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Mirror, files, not_called, raiser

from vaecourse import data
from vaecourse.data import downloads, mnist, table
from vaecourse.errors import CourseError

STARTED_WITH = Path(os.environ.get("VAECOURSE_DATA") or "nowhere").resolve()
FULL_MNIST = STARTED_WITH / "MNIST" / "raw"


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


class Little:
    """A data set of 50 and 20 tiny random pictures on a mirror, in an entry of the table."""

    def __init__(self, name: str, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name, self.mirror, self.monkeypatch = name, mirror, monkeypatch
        real = {"mnist": mnist.MNIST, "fashion-mnist": mnist.FASHION_MNIST}[name]
        self.raw = data.data_root() / real.folder
        self.arrays: dict[str, np.ndarray] = {}
        numbers = np.random.default_rng(0)
        for prefix, n in [("train", 50), ("t10k", 20)]:
            images = numbers.integers(0, 256, (n, 5, 4))
            self.arrays[f"{prefix}-images-idx3-ubyte.gz"] = images
            self.arrays[f"{prefix}-labels-idx1-ubyte.gz"] = numbers.integers(0, 10, n)
        for file, array in self.arrays.items():
            (mirror.folder / file).write_bytes(gzip.compress(idx(array)))
        self.archives = real._replace(md5={file: self.sum(file) for file in self.arrays})
        self.look_at(mirror.address)

    def sum(self, file: str) -> str:
        return hashlib.md5((self.mirror.folder / file).read_bytes()).hexdigest()

    def look_at(self, *addresses: str) -> None:
        """Put the set into the table, with these mirrors."""
        self.archives = self.archives._replace(mirrors=addresses)
        entry = table.SETS[self.name]._replace(
            make=partial(mnist.read, self.archives),
            identity=self.archives.identity,
            files=self.archives.files,
        )
        self.monkeypatch.setitem(table.SETS, self.name, entry)

    def put_in_place(self) -> None:
        self.raw.mkdir(parents=True)
        for file in self.arrays:
            (self.raw / file).write_bytes((self.mirror.folder / file).read_bytes())


@pytest.fixture(params=["mnist", "fashion-mnist"])
def both(request: pytest.FixtureRequest, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Little:
    return Little(request.param, mirror, monkeypatch)


@pytest.fixture
def little(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Little:
    return Little("mnist", mirror, monkeypatch)


def test_a_download_gives_what_the_archives_hold(both: Little) -> None:
    for split, prefix in [("train", "train"), ("test", "t10k")]:
        x, y = data.load(both.name, split)
        images = both.arrays[f"{prefix}-images-idx3-ubyte.gz"]
        labels = both.arrays[f"{prefix}-labels-idx1-ubyte.gz"]
        assert x.dtype == torch.float32
        assert torch.equal(x, torch.tensor(images[:, None] / 255, dtype=torch.float32))
        assert torch.equal(y, torch.tensor(labels))
    assert files(both.raw) == set(both.arrays)


def test_what_is_downloaded_may_be_read_by_whom_the_umask_lets(little: Little) -> None:
    before = os.umask(0o022)
    try:
        data.load("mnist")
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in little.raw.iterdir()} == {0o644}


def test_archives_in_place_need_no_network_and_are_not_touched(both: Little, nowhere: str) -> None:
    both.put_in_place()
    both.look_at(nowhere)
    before = [(file.stat().st_ino, file.stat().st_mtime_ns) for file in both.raw.iterdir()]
    assert data.load(both.name).x.shape == (50, 1, 5, 4)
    assert [(file.stat().st_ino, file.stat().st_mtime_ns) for file in both.raw.iterdir()] == before


def test_mnist_is_where_torchvision_keeps_it_and_has_the_sums_it_knows() -> None:
    from torchvision import datasets

    for ours, theirs in [
        (mnist.MNIST, datasets.MNIST),
        (mnist.FASHION_MNIST, datasets.FashionMNIST),
    ]:
        assert ours.folder == f"{theirs.__name__}/raw"
        assert list(ours.md5.items()) == theirs.resources
        assert list(ours.mirrors) == theirs.mirrors


def test_a_kept_set_needs_no_archives(little: Little, nowhere: str) -> None:
    first = data.load("mnist")
    for archive in little.raw.iterdir():
        archive.unlink()
    little.look_at(nowhere)
    assert torch.equal(data.load("mnist").x, first.x)


def test_offline_and_not_there_says_what_to_try(
    both: Little, data_folder: Path, nowhere: str
) -> None:
    both.look_at(nowhere)
    tried = rf"is not there.*no whole answer from 127\.0\.0\.1.*vaecourse data {both.name}"
    with pytest.raises(CourseError, match=f"{tried}.*VAECOURSE_DATA.*'digits'") as told:
        data.load(both.name)
    assert "\n" not in str(told.value)
    assert files(data_folder) == set()


def test_a_truncated_archive_is_fetched_again(little: Little) -> None:
    little.put_in_place()
    archive = little.raw / "train-images-idx3-ubyte.gz"
    whole = archive.read_bytes()
    archive.write_bytes(whole[:100])
    assert len(data.load("mnist").x) == 50
    assert archive.read_bytes() == whole
    assert little.mirror.asked == [archive.name]


def test_a_truncated_archive_stays_until_a_whole_one_is_there(little: Little, nowhere: str) -> None:
    little.put_in_place()
    archive = little.raw / "train-labels-idx1-ubyte.gz"
    cut = archive.read_bytes()[:-1]
    archive.write_bytes(cut)
    little.look_at(nowhere)
    with pytest.raises(CourseError, match=r"is damaged and could not be downloaded"):
        data.load("mnist")
    assert archive.read_bytes() == cut
    assert len(data.load("mnist", "test").x) == 20


def test_a_download_that_stops_half_way_leaves_what_was_there(little: Little) -> None:
    little.put_in_place()
    archive = little.raw / "train-images-idx3-ubyte.gz"
    archive.write_bytes(b"old")

    def hang_up(request: SimpleHTTPRequestHandler) -> bool:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(bytes(10))
        return True

    little.mirror.hinder = hang_up
    with pytest.raises(CourseError, match="no whole answer"):
        data.load("mnist")
    assert archive.read_bytes() == b"old"
    assert files(little.raw) == set(little.arrays)


def test_a_truncated_archive_in_a_read_only_folder_is_said_so(
    little: Little, monkeypatch: pytest.MonkeyPatch
) -> None:
    little.put_in_place()
    archive = little.raw / "train-labels-idx1-ubyte.gz"
    archive.write_bytes(b"")
    monkeypatch.setattr("tempfile.NamedTemporaryFile", raiser(errno.EROFS))
    with pytest.raises(CourseError, match=r"cannot be .*\(Read-only file system\).*VAECOURSE_DATA"):
        data.load("mnist")
    assert archive.read_bytes() == b""


def test_a_download_with_a_wrong_sum_leaves_nothing(little: Little, data_folder: Path) -> None:
    archive = little.mirror.folder / "train-images-idx3-ubyte.gz"
    archive.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(CourseError, match="its sum is wrong"):
        data.load("mnist")
    assert files(data_folder) == set()


def test_a_server_that_fails_once_is_asked_again(little: Little, waits: list[float]) -> None:
    def stumble(request: SimpleHTTPRequestHandler) -> bool:
        if len(little.mirror.asked) == 1:
            request.send_error(503)
            return True
        return False

    little.mirror.hinder = stumble
    assert len(data.load("mnist").x) == 50
    assert len(waits) == 1


def test_what_the_server_answered_is_told(little: Little) -> None:
    (little.mirror.folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(CourseError, match=r"127\.0\.0\.1:\d+ answered 404"):
        data.load("mnist")


def test_a_file_without_a_known_sum_is_downloaded_once(mirror: Mirror, data_folder: Path) -> None:
    (mirror.folder / "a.tar").write_bytes(b"content")
    for _ in range(2):
        path = downloads.downloaded("a", "a/a.tar", None, [mirror.address])
        assert path == data_folder / "a" / "a.tar"
        assert path.read_bytes() == b"content"
    assert mirror.asked == ["a.tar"]


def test_the_next_mirror_helps_where_the_first_does_not(little: Little, nowhere: str) -> None:
    little.look_at(nowhere, little.mirror.address)
    assert len(data.load("mnist").x) == 50


def test_a_folder_that_cannot_be_written_is_an_error_before_any_download(
    little: Little, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_folder.write_text("a file where the folder should be")
    monkeypatch.setattr(downloads, "_download", not_called)
    with pytest.raises(CourseError, match=r"cannot be read or written.*VAECOURSE_DATA"):
        data.load("mnist")


def test_a_full_disk_is_an_error_for_a_download_and_leaves_nothing(
    little: Little, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pooch.core.shutil.move", raiser(errno.ENOSPC))
    with pytest.raises(CourseError, match="No space left"):
        data.load("mnist")
    assert files(data_folder) == set()


def test_a_read_only_folder_with_archives_still_gives_mnist(
    little: Little, data_folder: Path, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    little.put_in_place()
    little.look_at(nowhere)
    monkeypatch.setattr(Path, "mkdir", raiser(errno.EROFS))
    monkeypatch.setattr("tempfile.TemporaryFile", raiser(errno.EROFS))
    with pytest.warns(UserWarning, match=r"Read-only file system.*VAECOURSE_DATA"):
        x, _ = data.load("mnist")
    assert len(x) == 50
    assert files(data_folder) == set(little.arrays)
    assert data.unwritable() == "Read-only file system"
    assert "mnist" in data.without_network()


def test_a_set_needs_no_network_once_it_is_kept_or_its_archives_are_there(little: Little) -> None:
    assert data.without_network() == ["ellipses", "faces", "digits"]
    data.load("mnist")
    assert data.without_network() == [
        "ellipses",
        "faces",
        "digits",
    ]  # the test split is still to come
    data.load("mnist", "test")
    for archive in little.raw.iterdir():
        archive.unlink()
    assert data.without_network() == ["ellipses", "faces", "digits", "mnist"]
    for kept in (data.data_root() / "prepared").iterdir():
        kept.unlink()
    for archive in little.mirror.folder.iterdir():
        archive.rename(little.raw / archive.name)
    assert data.without_network() == ["ellipses", "faces", "digits", "mnist"]


PROCESS = """
import json, pathlib, sys
from functools import partial
from vaecourse import data
from vaecourse.data import mnist, table

archives = mnist.Archives(*json.loads(sys.argv[1]))
make = partial(mnist.read, archives)
table.SETS["mnist"] = table.SETS["mnist"]._replace(make=make, identity=archives.identity)
pathlib.Path(sys.argv[2]).touch()
print(float(data.load("mnist").x.double().sum()))
"""


def test_two_processes_at_once_do_the_work_once_and_get_the_same(
    little: Little, tmp_path: Path
) -> None:
    here = [tmp_path / f"process-{i}" for i in range(2)]
    all_here = threading.Event()

    def wait_for_both(_: SimpleHTTPRequestHandler) -> bool:
        while not all_here.wait(0.02) and not all(file.exists() for file in here):
            pass
        return False

    little.mirror.hinder = wait_for_both
    script = [sys.executable, "-c", PROCESS, json.dumps(little.archives)]
    processes = [
        subprocess.Popen([*script, str(me)], stdout=subprocess.PIPE, text=True) for me in here
    ]
    try:
        sums = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        all_here.set()  # or a process that failed would leave the server waiting
    assert [process.returncode for process in processes] == [0, 0]
    assert len(little.mirror.asked) == 2
    assert sums[0] == sums[1]
    assert float(sums[0]) == float(data.load("mnist").x.double().sum())


@pytest.mark.skipif(not FULL_MNIST.is_dir(), reason="the full MNIST is not in VAECOURSE_DATA")
def test_the_full_mnist_holds_the_digits(data_folder: Path) -> None:
    data_folder.mkdir()
    (data_folder / "MNIST").symlink_to(FULL_MNIST.parent)
    train, test = data.load("mnist"), data.load("mnist", "test")
    assert train.x.shape == (60000, 1, 28, 28)
    assert test.x.shape == (10000, 1, 28, 28)
    assert torch.bincount(test.y).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    first = {(x.numpy().tobytes(), int(y)) for x, y in zip(*train, strict=True)}
    digits = data.load("digits", "test")
    assert all((x.numpy().tobytes(), int(y)) in first for x, y in zip(*digits, strict=True))

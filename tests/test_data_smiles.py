"""Laws of the SMILEs loader: small archives in the true layout, and the real one where it is."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Mirror, files, not_called
from PIL import Image
from torch import Tensor

from vaecourse import data
from vaecourse.data import smiles, table
from vaecourse.errors import CourseError

REAL = Path(os.environ.get("VAECOURSE_DATA") or "nowhere").resolve() / smiles.FILE
POSITIVE, NEGATIVE = "positives/positives7", "negatives/negatives7"


def jpeg(seed: int) -> bytes:
    shades = np.random.default_rng(seed).integers(0, 256, (4, 4)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(shades).resize((64, 64)).save(file, "JPEG")
    return file.getvalue()


def some_pictures() -> dict[str, bytes]:
    """12 smiling and 28 not; number 5 has a twin."""
    positive = {f"{POSITIVE}/{i}.jpg": jpeg(i) for i in range(1, 13)}
    return positive | {f"{NEGATIVE}/{i}.jpg": jpeg(i) for i in range(20, 48)}


def packed(pictures: dict[str, bytes], top: str, *others: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """An archive under a top folder, with what else lies in the repository."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in {"README": b"about", **pictures}.items():
            info = tarfile.TarInfo(f"{top}/{'SMILEs/' if '/' in name else ''}{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info, content in others:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The set is these 40 pictures now, ten of them test."""
    pictures = some_pictures()
    monkeypatch.setattr(smiles, "SHA256", smiles._sum(pictures))
    monkeypatch.setitem(smiles.SPLITS, "train", 30)
    monkeypatch.setitem(smiles.SPLITS, "test", 10)
    monkeypatch.setattr(smiles, "ADDRESS", "http://127.0.0.1:1/")
    return pictures


@pytest.fixture
def place(data_folder: Path) -> Path:
    path = data_folder / smiles.FILE
    path.parent.mkdir(parents=True)
    return path


def rows(x: Tensor) -> set[bytes]:
    return {one.numpy().tobytes() for one in x}


def load_both() -> tuple[data.Images, data.Images]:
    return data.load("smiles"), data.load("smiles", "test")


@pytest.mark.parametrize("top", ["SMILEsmileD", f"SMILEsmileD-{smiles.COMMIT}"])
def test_both_layouts_give_the_same_pictures_and_labels(
    top: str, pictures: dict[str, bytes], place: Path
) -> None:
    place.write_bytes(packed(pictures, top))
    train, test = load_both()
    assert train.x.shape == (30, 1, 64, 64)
    assert test.x.shape == (10, 1, 64, 64)
    for x, y in (train, test):
        data.check_images(x)
        for one, smiling in zip(x, y, strict=True):
            folder = POSITIVE if smiling else NEGATIVE
            shades = (one[0] * 255).round().byte().numpy()
            theirs = [
                np.asarray(Image.open(io.BytesIO(content)))
                for name, content in pictures.items()
                if name.startswith(folder)
            ]
            assert any(np.array_equal(shades, other) for other in theirs)
    assert len(rows(train.x) | rows(test.x)) == 40


def test_the_split_keeps_the_share_of_smiles_and_what_is_there_twice_in_train(
    pictures: dict[str, bytes], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smiles, "TWINS", frozenset(range(1, 9)) | {5})
    place.write_bytes(packed(pictures, "a"))
    train, test = load_both()
    assert test.y.sum() == 3  # of 10, as 12 of 40
    assert train.y.sum() == 9
    assert train.y.dtype == torch.int64
    assert smiles._test(pictures) & {f"{POSITIVE}/{i}.jpg" for i in range(1, 9)} == set()


def test_the_order_of_the_archive_is_nothing_to_the_split(
    pictures: dict[str, bytes], place: Path
) -> None:
    place.write_bytes(packed(pictures, "a"))
    before = load_both()
    for kept in data.data_root().rglob("*.safetensors"):
        kept.unlink()
    place.write_bytes(packed(dict(reversed(pictures.items())), "a"))
    for one, other in zip(before, load_both(), strict=True):
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.y, other.y)


def test_both_kinds_are_mixed_so_that_a_first_part_has_both(
    pictures: dict[str, bytes], place: Path
) -> None:
    place.write_bytes(packed(pictures, "a"))
    assert 0 < data.load("smiles", count=15).y.sum() < 15


def test_it_is_downloaded_from_one_address_and_kept(
    pictures: dict[str, bytes], mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mirror.folder / "commit.tar.gz").write_bytes(packed(pictures, "a"))
    monkeypatch.setattr(smiles, "ADDRESS", f"{mirror.address}commit.tar.gz")
    assert "30 train and 10 test images of 1 × 64 × 64" in data.fetch("smiles")
    assert mirror.asked == ["commit.tar.gz"]
    assert (data.data_root() / smiles.FILE).is_file()
    monkeypatch.setitem(table.SETS, "smiles", table.SETS["smiles"]._replace(make=not_called))
    assert len(data.load("smiles").x) == 30


def test_offline_and_not_there_says_what_to_try(
    pictures: dict[str, bytes], mirror: Mirror, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smiles, "ADDRESS", nowhere + "commit.tar.gz")
    with pytest.raises(CourseError, match="is not there and could not be downloaded"):
        data.load("smiles")


def link(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


NEW = f"a/SMILEs/{POSITIVE}/13.jpg"
HOSTILE: dict[str, tuple[Callable[[dict[str, bytes]], bytes], str]] = {
    "cut short": (lambda p: packed(p, "a")[:-500], "cut short, or no archive"),
    "cut within a picture": (lambda p: packed(p, "a")[:3000], "cut short, or no archive"),
    "empty": (lambda p: b"", "cut short, or no archive"),
    "a page of text": (lambda p: b"<html>404</html>" * 99, "cut short, or no archive"),
    "a gzipped page": (lambda p: gzip.compress(b"<html>" * 999), "cut short, or no archive"),
    "a byte of a picture changed": (
        lambda p: packed(p | {f"{POSITIVE}/3.jpg": jpeg(99)}, "a"),
        "found 40 and another sum",
    ),
    "one missing": (lambda p: packed(dict(list(p.items())[1:]), "a"), "found 39 and another sum"),
    "one too many": (lambda p: packed(p | {f"{NEGATIVE}/1.jpg": b""}, "a"), "found 41"),
    "a swapped label": (
        lambda p: packed(
            {n.replace(POSITIVE, NEGATIVE) if "/3." in n else n: c for n, c in p.items()}, "a"
        ),
        "found 40 and another sum",
    ),
    "another set": (lambda p: packed({"x/y.jpg": b""}, "a"), "found 0 and another sum"),
    "a path that leads out": (
        lambda p: packed(p, "a", (tarfile.TarInfo("a/../../evil.jpg"), b"x")),
        "a path that leads outside",
    ),
    "an absolute path": (
        lambda p: packed(p, "a", (tarfile.TarInfo("/tmp/evil.jpg"), b"x")),
        "a path that leads outside",
    ),
    "a link": (lambda p: packed(p, "a", (link(NEW), b"")), r"13\.jpg, no picture"),
    "too large": (
        lambda p: packed(p, "a", (tarfile.TarInfo(NEW), bytes(10**6))),
        r"13\.jpg, no picture",
    ),
    "twice": (
        lambda p: packed(p, "a", (tarfile.TarInfo(f"a/SMILEs/{POSITIVE}/3.jpg"), jpeg(3))),
        "comes twice",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_spoilt_archive_is_refused_in_one_sentence_and_nothing_is_kept(
    spoil: Callable[[dict[str, bytes]], bytes],
    message: str,
    pictures: dict[str, bytes],
    place: Path,
    data_folder: Path,
) -> None:
    place.write_bytes(spoil(pictures))
    with pytest.raises(CourseError, match=message) as told:
        data.load("smiles")
    assert str(told.value).isprintable()
    assert "try removing this file" in str(told.value)
    assert files(data_folder) == {place.name}


@pytest.mark.skipif(not REAL.is_file(), reason="the archive is not in VAECOURSE_DATA")
def test_the_real_archive_holds_the_faces_and_none_of_train_is_in_test(place: Path) -> None:
    place.symlink_to(REAL)
    train, test = load_both()
    assert train.x.shape == (11_165, 1, 64, 64)
    assert test.x.shape == (2_000, 1, 64, 64)
    assert (int(train.y.sum()), int(test.y.sum())) == (3_129, 561)
    assert not rows(train.x) & rows(test.x)
    small = [x.unflatten(3, (16, 4)).unflatten(2, (16, 4)).mean((3, 5)).flatten(1) for x, _ in
             (train, test)]  # fmt: skip
    middle = [x - x.mean(1, keepdim=True) for x in small]
    mean = torch.nn.functional.normalize(middle[0], dim=1).mean(0)
    unit = [
        torch.nn.functional.normalize(torch.nn.functional.normalize(x, dim=1) - mean, dim=1)
        for x in middle
    ]
    assert (unit[1] @ unit[0].T).max() < 0.935  # no photo of train in another brightness

"""Laws of the CelebA loader, on small archives and folders in torchvision's layout."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import files
from PIL import Image

from vaecourse import data
from vaecourse.data import celeba
from vaecourse.errors import CourseError

N = 20


def jpeg(colour: Any, size: tuple[int, int] = (178, 218)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG", quality=95)
    return file.getvalue()


class Little:
    """Twenty faces: 12 train, 4 valid, 4 test; what is changed here is put in place by `put`."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.monkeypatch = root / "celeba", monkeypatch
        self.names = [f"{i:06}.jpg" for i in range(1, N + 1)]
        self.pictures = {name: jpeg((10 * i, 0, 200)) for i, name in enumerate(self.names)}
        self.has = torch.rand(N, 40, generator=torch.Generator().manual_seed(0)) < 0.5
        signs = torch.where(self.has, 1, -1).tolist()
        rows = [f"{n} {' '.join(map(str, row))}" for n, row in zip(self.names, signs, strict=True)]
        self.attributes = [str(N), " ".join(data.CELEBA_ATTRIBUTES) + " ", *rows]
        parts = [0] * 12 + [1] * 4 + [2] * 4
        self.partition = [f"{name} {part}" for name, part in zip(self.names, parts, strict=True)]

    def put(self, unpacked: bool = False) -> None:
        self.root.mkdir(parents=True)
        (self.root / celeba.ATTRIBUTES).write_text("\n".join(self.attributes) + "\n")
        (self.root / celeba.PARTITION).write_text("\n".join(self.partition) + "\n")
        if unpacked:
            (self.root / celeba.FOLDER).mkdir()
            for name, content in self.pictures.items():
                (self.root / celeba.FOLDER / name).write_bytes(content)
        else:
            with zipfile.ZipFile(self.root / celeba.ZIP, "w") as pack:
                pack.writestr(f"{celeba.FOLDER}/", "")
                for name, content in self.pictures.items():
                    pack.writestr(f"{celeba.FOLDER}/{name}", content)
        self.take_sums()

    def take_sums(self) -> None:
        for file in self.root.iterdir():
            if file.is_file():
                self.monkeypatch.setitem(
                    celeba.MD5, file.name, hashlib.md5(file.read_bytes()).hexdigest()
                )


@pytest.fixture
def little(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Little:
    return Little(data_folder, monkeypatch)


def test_files_and_sums_are_torchvisions() -> None:
    from torchvision.datasets import CelebA

    theirs = {file: md5 for _, md5, file in CelebA.file_list}
    assert {file: theirs[file] for file in celeba.MD5} == celeba.MD5
    assert CelebA.base_folder == "celeba"


@pytest.mark.parametrize("unpacked", [False, True])
def test_each_face_has_its_attributes_and_its_split(little: Little, unpacked: bool) -> None:
    little.put(unpacked)
    assert "celeba" in data.without_network()
    first = 0
    for split, n in [("train", 12), ("valid", 4), ("test", 4)]:
        x, y = data.load("celeba", split, size=16)
        assert x.shape == (n, 3, 16, 16)
        reds = (x[:, 0, 8, 8] * 255 / 10).round().int().tolist()
        assert reds == list(range(first, first + n))
        assert y.dtype == torch.int64
        assert torch.equal(y.bool(), little.has[first : first + n])
        first += n
    assert data.load("celeba", count=2).x.shape == (2, 3, 64, 64)


def test_the_middle_148_pixels_are_kept(little: Little) -> None:
    pixels = np.zeros((218, 178, 3), np.uint8)
    pixels[35 : 35 + 148, 15 : 15 + 148, 0] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    little.pictures["000001.jpg"] = file.getvalue()
    little.put()
    assert data.load("celeba").x[0, 0].min() > 0.99


def without(little: Little) -> None:
    del little.pictures["000007.jpg"]


def with_another(little: Little) -> None:
    little.pictures["evil.jpg"] = jpeg("red")


def with_a_path_that_leads_out(little: Little) -> None:
    little.pictures["../../evil.jpg"] = jpeg("red")


def with_a_huge_one(little: Little) -> None:
    little.pictures["000003.jpg"] = bytes(2**20 + 1)


def with_a_small_one(little: Little) -> None:
    little.pictures["000001.jpg"] = jpeg("red", (17, 18))


def with_a_broken_one(little: Little) -> None:
    little.pictures["000001.jpg"] = little.pictures["000001.jpg"][:200]


def with_text(little: Little) -> None:
    little.pictures["000001.jpg"] = b"a page"


def in_grey(little: Little) -> None:
    little.pictures = {name: jpeg("grey") for name in little.names}


def with_fewer_attributes(little: Little) -> None:
    del little.attributes[5]


def of_other_faces(little: Little) -> None:
    little.attributes[2:] = [line.replace("0000", "1000") for line in little.attributes[2:]]


def with_a_short_line(little: Little) -> None:
    little.attributes[4] = little.attributes[4][:-3]


def with_a_strange_sign(little: Little) -> None:
    little.attributes[4] = little.attributes[4][:-2].rstrip("- ") + " 7"


def with_other_names(little: Little) -> None:
    little.attributes[1] = little.attributes[1].replace("Smiling", "Grinning")


def without_any(little: Little) -> None:
    little.attributes = [""]


def with_a_strange_part(little: Little) -> None:
    little.partition[3] = "000004.jpg 3"


def with_a_part_missing(little: Little) -> None:
    del little.partition[3]


SPOILT: list[tuple[Callable[[Little], None], str]] = [
    (without, r"same pictures in .*, found 1 in one only, such as 000007\.jpg"),
    (with_another, r"found 1 in one only, such as evil\.jpg"),
    (with_a_path_that_leads_out, r"found 1 in one only, such as \.\./\.\./evil\.jpg"),
    (with_a_huge_one, r"found 1 in one only, such as 000003\.jpg"),
    (with_a_small_one, r"178 × 218 pixels in 000001\.jpg of celeba, found 17 × 18"),
    (with_a_broken_one, r"000001\.jpg of celeba, found none"),
    (with_text, r"000001\.jpg of celeba, found none"),
    (in_grey, "expected pictures in colour from celeba.*got pictures in grey only"),
    (with_fewer_attributes, "expected 20 lines .* found 19 lines"),
    (of_other_faces, r"list_eval_partition\.txt and list_attr_celeba\.txt, found 40 in one only"),
    (with_a_short_line, "40 times 1 or -1"),
    (with_a_strange_sign, "40 times 1 or -1"),
    (with_other_names, "40 attributes' names"),
    (without_any, "40 attributes' names"),
    (with_a_strange_part, r"0, 1 or 2 .* found '000004\.jpg 3'"),
    (with_a_part_missing, r"found 1 in one only, such as 000004\.jpg"),
]


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize(("spoil", "message"), SPOILT)
def test_files_that_do_not_match_are_told_apart_in_one_sentence(
    little: Little, data_folder: Path, spoil: Any, message: str, unpacked: bool
) -> None:
    if spoil is with_a_path_that_leads_out and unpacked:
        pytest.skip("a folder has no such name")
    spoil(little)
    little.put(unpacked)
    with pytest.raises(CourseError, match=message) as told:
        data.load("celeba")
    assert str(told.value).isprintable()
    assert not any(name.endswith("safetensors") for name in files(data_folder))


@pytest.mark.parametrize("file", [celeba.ZIP, celeba.ATTRIBUTES, celeba.PARTITION])
def test_a_file_of_another_sum_is_refused(little: Little, file: str) -> None:
    little.put()
    with (little.root / file).open("ab") as more:
        more.write(b" ")
    with pytest.raises(CourseError, match=rf"CelebA's own .*{file}, found another content"):
        data.load("celeba")


def test_an_archive_that_is_none_is_refused(little: Little) -> None:
    little.put()
    archive = little.root / celeba.ZIP
    for content in (b"", b"<html>", archive.read_bytes()[:-100]):
        archive.write_bytes(content)
        little.take_sums()
        with pytest.raises(CourseError, match="cut short, or no archive"):
            data.load("celeba")


def test_without_its_files_it_says_where_they_come_from(data_folder: Path) -> None:
    with pytest.raises(CourseError, match=r"celeba needs .*list_attr.*No such file.*torchvision"):
        data.load("celeba")
    assert "celeba" not in data.without_network()

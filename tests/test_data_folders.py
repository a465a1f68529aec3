"""Laws of folders of pictures, which are made here."""

import errno
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import files, not_called
from PIL import Image
from torch import Tensor

from vaecourse import data
from vaecourse.data import folders
from vaecourse.errors import CourseError

pytestmark = pytest.mark.usefixtures("data_folder")


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
    monkeypatch.setattr(folders, "_picture", not_called)
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


def test_every_load_of_a_folder_with_broken_pictures_warns_of_them(album: Path) -> None:
    damage(album)
    for _ in range(3):
        with pytest.warns(UserWarning, match=r"skipped 2 of .*a/1\.jpg, a/1\.png$"):
            data.load(str(album))
    with pytest.warns(UserWarning, match="skipped 2 of "):
        data.fetch(str(album))


def test_names_that_are_no_text_are_told_in_a_printable_line(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    paint(folder / "a.png", "white")
    (folder / "b\udce9\n.png").write_bytes(b"no picture")
    for _ in range(2):
        with pytest.warns(UserWarning, match="skipped 1 of 2") as told:
            data.load(folder)
        assert str(told[0].message).isprintable()


def test_a_folder_that_cannot_be_listed_is_an_error(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("b"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CourseError, match=r"cannot read .*/b: Permission denied; try"):
        data.load(album)


def test_a_picture_that_vanishes_while_the_folder_is_listed_is_an_error(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = folders._pictures_below
    monkeypatch.setattr(folders, "_pictures_below", lambda folder: [*listed(folder), "c/gone.png"])
    with pytest.raises(CourseError, match=r"cannot read .*gone\.png: No such file"):
        data.load(album)


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


def test_a_folder_of_broken_pictures_only_is_an_error(tmp_path: Path, data_folder: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "0.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(CourseError, match=r"none of the 1 train pictures.*0\.jpg"):
        data.load(str(tmp_path / "p"))
    assert files(data_folder) == set()


def test_a_folder_without_pictures_is_an_error_and_writes_nothing(
    tmp_path: Path, data_folder: Path
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "notes.txt").write_text("none yet")
    with pytest.raises(CourseError, match="found none"):
        data.load(str(tmp_path / "p"))
    assert not data_folder.exists()


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

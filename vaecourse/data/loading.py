"""Loading a data set, fetching it, and telling one content from another."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import torch

from vaecourse.data import folders, kept
from vaecourse.data.dataset import DataSet, Prepared
from vaecourse.data.images import Images
from vaecourse.data.table import SETS, find
from vaecourse.errors import CourseError, check_whole, unknown_name

LARGEST = 4096  # pixels a side; one picture in colour then takes 200 MB as float32


def load(
    name: str | Path, split: str = "train", *, size: int = 64, count: int | None = None
) -> Images:
    """The pictures of a data set, always the same ones in the same order.

    `name` is one of `NAMES`, or the path of a folder of pictures (with a separator in it, or an
    existing folder); `split` is "train" or "test" (`celeba` has "valid" too). `size` is for
    folders, `celeba` and `stanford-dogs`: each picture's shorter side is scaled to `size` pixels
    and the middle square kept, as RGB (of `celeba` the middle 148 pixels). `count`: only the
    first so many, so that of a large set no more than these take four bytes a number; all by
    default, or where there are fewer.

    `digits`: of every class the first 400 in the file's order are train and the last 100 are test,
    interleaved (0, 1, …, 9, 0, 1, …) in both. This never changes: trained weights rely on it.

    A folder: class subfolders, numbered in the order of their names, or pictures side by side, all
    of class 0. Of the sorted relative paths every fifth (index % 5 == 4) is test. Pictures that
    cannot be read are skipped, and a warning at every load names them. Hidden files, and links
    that lead outside the folder, are passed over. Grey ones have three equal channels; where a
    model needs colour, `check_colour` refuses a set that has none.

    Raises CourseError for an unknown name or split, a size that is no whole number from 1 to 4096,
    a folder with no usable picture, and data that can be neither found nor downloaded. Warns when
    the prepared tensors cannot be kept for the next load.
    """
    if type(size) is not int or not 1 <= size <= LARGEST:
        raise CourseError(
            f"expected a size of 1 to {LARGEST} pixels, a whole number, got {size!r:.80}; "
            "try size=64"
        )
    if count is not None:
        check_whole("count", count, "count=1000")
    found, problem = _prepared(find(name), split, size)
    for warning in (found.warning, problem):
        if warning:
            warnings.warn(warning, stacklevel=2)
    x, y = found.x[:count], found.y[:count]
    return Images(x if x.is_floating_point() else x.to(torch.float32).div_(255), y)


def fetch(name: str | Path) -> str:
    """Download, check and keep all splits; returns one line that says what, how many and where.

    Raises CourseError where `load` does, and also when the result cannot be kept.
    """
    dataset = find(name)
    if not dataset.kept:
        return f"{name}: {dataset.source}, nothing to download or keep"
    counts = []
    for split in dataset.splits:
        found, problem = _prepared(dataset, split, 64)
        if problem:
            raise CourseError(problem)
        if found.warning:
            warnings.warn(found.warning, stacklevel=2)
        counts.append(f"{len(found.x):,} {split}")
    shape = " × ".join(map(str, found.x.shape[1:]))
    where = kept.shown(kept.prepared_folder())
    return f"{kept.shown(name)}: {' and '.join(counts)} images of {shape}, kept in {where}"


def identity(name: str | Path) -> str:
    """A short string that changes when the content of a data set does; no picture is read.

    `ellipses` has "", because this package draws them. For a folder the string stands for the
    pictures' names, sizes and times. Raises CourseError for an unknown name.
    """
    return find(name).identity()


def listing() -> str:
    """The table of data sets as text, a set a line."""
    rows = []
    for entry in SETS.values():
        counts = ", ".join(f"{n:,} {split}" for split, n in entry.splits.items())
        rows.append((entry.name, entry.about, counts, entry.source, entry.licence))
    rows.append(("a folder's path", folders.ABOUT, "4/5 train, 1/5 test", "your own", ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def without_network() -> list[str]:
    """The names of the sets that need no download now: built in, prepared, or in archives."""
    root = kept.data_root()
    return [entry.name for entry in SETS.values() if _is_there(entry, root)]


def _is_there(entry: DataSet, root: Path) -> bool:
    try:
        return (
            _all_there(root / file for file in entry.files)
            or _all_there(kept.path(entry, split, 64) for split in entry.splits)
            or bool(entry.there())
        )
    except CourseError:  # of files that are there and cannot be used
        return False


def _all_there(paths: Iterable[Path]) -> bool:
    # os.path, because Path raises for a name that is too long
    return all(os.path.isfile(path) for path in paths)  # noqa: PTH113


def _prepared(dataset: DataSet, split: str, size: int) -> tuple[Prepared, str]:
    """A split, and why it could not be kept ("" when it is)."""
    if not isinstance(split, str) or split not in dataset.splits:
        raise unknown_name("split", str(split), dataset.splits)
    return kept.prepared(dataset, split, size)

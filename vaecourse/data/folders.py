"""Folders of your own pictures."""

import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image, ImageOps
from tqdm import tqdm

from vaecourse import progress
from vaecourse.data.dataset import DataSet, Prepared, short_hash
from vaecourse.data.kept import home, shown
from vaecourse.errors import CourseError
from vaecourse.files import reason

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
ABOUT = "pictures of any size, in colour, cut to a square"


def folder_set(name: str) -> DataSet | None:
    """A folder as a data set; None where `name` is neither a folder nor looks like the path of one.

    Raises CourseError for a path with no folder there, and for a folder that cannot be read or
    holds no picture. Warns of pictures that lie beside class folders.
    """
    path_like = "/" in name or os.sep in name or name.startswith("~")
    folder = home(name)
    # os.path, because it answers False to names that no file can have, where Path raises
    if not name or not os.path.isdir(folder):  # noqa: PTH112
        if path_like:
            found = "a file" if os.path.exists(folder) else "nothing"  # noqa: PTH110
            raise CourseError(
                f"expected a folder of pictures at {name!r}, found {found} there; try its full path"
            )
        return None
    pictures, listing = _list_pictures(folder)
    num_test = len(pictures) // 5
    return DataSet(
        name="folder",
        about=ABOUT,
        splits={"train": len(pictures) - num_test, "test": num_test},
        source=str(folder),
        licence="yours",
        make=partial(_read_pictures, folder, pictures),
        identity=lambda: listing,
        scaled=True,
    )


def _list_pictures(folder: Path) -> tuple[list[str], str]:
    """The sorted relative paths of a folder's pictures, with "/" between their parts.

    Beside it a sum over their names, sizes and times.
    """
    try:
        found = sorted(_pictures_below(folder))
        beside = [file for file in found if "/" not in file]
        if 0 < len(beside) < len(found):
            found = [file for file in found if "/" in file]
            warnings.warn(
                f"left out {len(beside)} pictures that lie beside the class folders of "
                f"{shown(folder)}: {_some(beside)}",
                stacklevel=2,
            )
        lines = [str(folder.resolve())]
        for file in found:
            stat = (folder / file).stat()
            lines.append(f"{file} {stat.st_size} {stat.st_mtime_ns}")
    except OSError as problem:
        raise CourseError(
            f"cannot read {shown(problem.filename or folder)}: {reason(problem)}; try making it "
            "readable, or a folder that is"
        ) from problem
    if not found:
        raise CourseError(
            f"expected pictures in {shown(folder)}, or in one subfolder for each class, and found "
            f"none; try a folder that holds {', '.join(SUFFIXES)} (links to elsewhere do not count)"
        )
    return found, short_hash(os.fsencode("\n".join(lines)))


def _pictures_below(folder: Path) -> list[str]:
    """Relative paths; what is hidden, and links that lead outside, are passed over."""
    home = folder.resolve()
    found = []
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES or not path.is_file():
                continue
            if path.resolve().is_relative_to(home):
                found.append(path.relative_to(folder).as_posix())
    return found


def _raise(problem: OSError) -> None:
    raise problem


def _read_pictures(folder: Path, pictures: list[str], split: str, size: int) -> Prepared:
    return read_pictures(folder, pictures, folder.joinpath, split, size)


def read_pictures(
    folder: Path,
    pictures: list[str],
    opened: Callable[[str], Path | IO[bytes]],
    split: str,
    size: int,
) -> Prepared:
    """Pictures (n, 3, size, size) and the numbers of their classes, as `load` tells of a folder.

    `folder` is named in messages; `opened` gives a picture's path, or its bytes to be read.
    """
    mine = [file for i, file in enumerate(pictures) if (i % 5 == 4) == (split == "test")]
    if not mine:
        raise CourseError(
            f"expected at least 5 pictures in {shown(folder)}, so that one of them is for {split}, "
            f"found {len(pictures)}; try adding some"
        )
    classes = sorted({_class(file) for file in pictures})
    arrays, labels, broken = [], [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of oddities in pictures that it reads well
        for file in tqdm(
            mine, desc=f"reading {folder.name}", unit=" pictures", delay=1, file=progress.place()
        ):
            try:
                arrays.append(_picture(opened(file), size))
                labels.append(classes.index(_class(file)))
            except Exception:  # Pillow raises almost anything for a damaged file
                broken.append(file)
    if not arrays:
        raise CourseError(
            f"none of the {len(mine)} {split} pictures in {shown(folder)} can be read: "
            f"{_some(broken)}; try opening one in a picture viewer"
        )
    skipped = (
        f"skipped {len(broken)} of {len(mine)} {split} pictures in {shown(folder)} that cannot be "
        f"read: {_some(broken)}"
    )
    x = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
    return Prepared(x, torch.tensor(labels), skipped if broken else "")


def _class(file: str) -> str:
    """The first folder in a relative path, "" when there is none."""
    return file.partition("/")[0] if "/" in file else ""


def _some(files: list[str]) -> str:
    more = f" and {len(files) - 5} more" if len(files) > 5 else ""
    return ", ".join(map(shown, files[:5])) + more


def _picture(path: Path | IO[bytes], size: int) -> np.ndarray:
    """One picture as uint8 (size, size, 3)."""
    with Image.open(path) as opened:
        opened.draft(None, (2 * size, 2 * size))  # a large JPEG is decoded at a part of its size
        image = _rgb(ImageOps.exif_transpose(opened))
    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC))


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16 bits scaled to 8, transparency over white."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) / 257).round().clip(0, 255).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("a picture of floats does not say which number is white")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")

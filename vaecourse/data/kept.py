"""Prepared tensors: made once, kept as bytes with their sum, read in milliseconds."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from vaecourse.data.dataset import DataSet, Prepared
from vaecourse.errors import CourseError
from vaecourse.files import reason, replacing

FORMAT = "v2"  # of the kept files: with another one, nothing that was kept before is used


def data_root() -> Path:
    """The folder where data live: `VAECOURSE_DATA`, or a folder in the user's cache.

    Raises CourseError for the home of a user who is unknown here.
    """
    chosen = os.environ.get("VAECOURSE_DATA")
    return home(chosen) if chosen else Path(platformdirs.user_cache_dir("vaecourse"))


def home(path: str) -> Path:
    """A path with "~" resolved; CourseError where nobody of that name is known."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError) as problem:
        raise CourseError(
            f"expected a folder, got {path!r}, the home of a user who is unknown here; try its "
            "full path"
        ) from problem


def is_folder(path: Path) -> bool:
    """Whether there is one; False too for a name that no folder can have, where Path raises."""
    return os.path.isdir(path)  # noqa: PTH112


def prepared(dataset: DataSet, split: str, size: int) -> tuple[Prepared, str]:
    """A split, made unless it is kept, and why it could not be kept ("" when it is)."""
    if not dataset.kept:
        return dataset.make(split, size), ""
    file = path(dataset, split, size)
    if found := _read(file):
        return found, ""
    with _lock(file.with_name(f"{file.name.rpartition('-')[0]}.lock")):  # one for both splits
        if found := _read(file):  # another process made it while this one waited
            return found, ""
        made = dataset.make(split, size)
        return made, _keep(file, made)


def path(dataset: DataSet, split: str, size: int) -> Path:
    """Where a split is kept."""
    scale = f"{size}-" if dataset.scaled else ""
    content = dataset.there() or dataset.identity()
    name = f"{dataset.name}-{FORMAT}-{scale}{content}-{split}.safetensors"
    return prepared_folder() / name


def prepared_folder() -> Path:
    return data_root() / "prepared"


def unwritable() -> str:
    """Why nothing can be put into the data folder, "" when it can be. Makes nothing there."""
    root = data_root()
    try:
        folder = next(place for place in (root, *root.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as problem:
        return reason(problem)


def shown(name: str | Path) -> str:
    """A name as one can print it: names may hold line ends, and bytes that are no text."""
    return str(name) if str(name).isprintable() else repr(str(name))


def _read(file: Path) -> Prepared | None:
    """What is kept; None when nothing is, or something else than was put there."""
    try:
        with safe_open(file, "pt") as kept:
            notes = kept.metadata() or {}
            found = Prepared(
                kept.get_tensor("x"),
                kept.get_tensor("y").clone(),  # the labels must not hold the file open
                notes.get("warning", ""),
            )
    except (OSError, SafetensorError):
        return None
    return found if notes.get("sum") == _sum(file.name, found) else None


def _sum(name: str, found: Prepared) -> str:
    """A sum over everything that is kept, and the name it is kept under."""
    x, y, warning = found
    head = f"{name} {x.dtype} {tuple(x.shape)} {y.dtype} {tuple(y.shape)} {warning}"
    total = hashlib.blake2b(head.encode(), digest_size=16)
    for tensor in (x, y):
        total.update(tensor.flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def _keep(file: Path, made: Prepared) -> str:
    """Keep tensors for the next load; returns why that failed, or ""."""
    notes = {"sum": _sum(file.name, made), "warning": made.warning}
    try:
        with replacing(file) as whole:
            whole.write(save({"x": made.x, "y": made.y}, notes))
    except OSError as problem:
        return (
            f"could not keep prepared images in {shown(file.parent)} ({reason(problem)}): every "
            "load will prepare them anew; try freeing some space, or setting VAECOURSE_DATA to a "
            "folder that can be written"
        )
    return ""


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Let one process at a time prepare a data set."""
    lock = FileLock(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError):
        pass  # where no lock can be written, nothing else can be either
    try:
        yield
    finally:
        lock.release()

"""What this machine has and what it lacks, part by part."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from vaecourse.browsing import find_browser
from vaecourse.classroom.jail import isolation
from vaecourse.errors import CourseError

NEEDED = ("torchvision", "jupyter-book", "papermill", "nbval")
NO_BROWSER = "no Chromium found: needed only for the tests of the pages"


class Finding(NamedTuple):
    """What was found of one part, in a line; a part that is missing is needed."""

    part: str
    text: str
    is_missing: bool = False


Check = tuple[str, Callable[[], str]]


def checks() -> list[Check]:
    """Each part with the function that says what there is of it, or raises."""
    return [
        ("Python", lambda: f"{platform.python_version()} in {sys.prefix}"),
        ("platform", lambda: f"{platform.platform()}, {os.cpu_count()} cores"),
        ("torch", find_torch),
        *((name, partial(version, name)) for name in NEEDED),
        ("data", find_data),
        ("free", free_space),
        ("jail", find_jail),
        ("browser", lambda: find_browser() or NO_BROWSER),
    ]


def examine(checks: Sequence[Check]) -> Iterator[Finding]:
    """What each check finds. A broken part is a finding, not the end of the examination."""
    for part, check in checks:
        try:
            yield Finding(part, check())
        except PackageNotFoundError:
            yield Finding(part, "not installed", is_missing=True)
        except Exception as error:
            yield Finding(part, str(error) or type(error).__name__, is_missing=True)


def remedy(missing: Sequence[str]) -> CourseError:
    """The error that says what is missing and what to do."""
    folder = "setting VAECOURSE_DATA to a folder that can be written"
    hint = folder if list(missing) == ["data"] else install_hint()
    return CourseError(f"the course needs {', '.join(missing)}; try {hint}")


def install_hint(package: Path = Path(__file__).parent) -> str:
    """How to install everything: from the clone this package lies in, or as it was installed."""
    in_clone = (package.parent / "pyproject.toml").is_file()
    return "pip install -e '.[all]'" if in_clone else "pip install 'vaecourse[all]'"


# -- the parts ---------------------------------------------------------------------------------


def find_torch() -> str:
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("Apple GPU (mps)")
    gpus = ", ".join(devices) or "no GPU (none is needed at course scale)"
    return f"{torch.__version__}, {torch.get_num_threads()} threads, {gpus}"


def find_data() -> str:
    """Where data lie and which are kept. A folder that keeps some may be one to read only."""
    from vaecourse.data import NAMES, data_root

    root = data_root()
    kept = ", ".join(n for n in NAMES if any(root.glob(f"prepared/{n}-*.safetensors")))
    place = _existing(root)
    if place.is_dir() and os.access(place, os.W_OK):
        return f"{root}, can be written, keeps: {kept or 'nothing yet'}"
    if kept:
        return f"{root}, can be read only, keeps: {kept}"
    raise CourseError(f"{root} cannot be written and keeps nothing")


def free_space() -> str:
    from vaecourse.data import data_root

    disk = shutil.disk_usage(_existing(data_root())).free / 2**30
    try:
        memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    except (AttributeError, ValueError, OSError):  # Windows and macOS do not say
        return f"{disk:.0f} GiB of disk for data"
    return f"{disk:.0f} GiB of disk for data, {memory:.0f} GiB of memory"


def _existing(path: Path) -> Path:
    """The nearest folder at or above `path` that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def find_jail() -> str:
    level, why = isolation()
    return f"{level}: {why}" if level != "none" else f"none, needed only for grading: {why}"

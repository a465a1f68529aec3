"""pytest with nbval over notebooks: `python -m vaecourse.notebooks.comparing CONFIG NOTEBOOK…`.

A process of its own, because nbval is a plugin of pytest. Two things are put right on the way:
pytest reads "::" and "[" in a path as its own signs, so it is given folders, and told which files
in them are meant; and nbval waits for the answer of a kernel that has died until its time is up.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty
from typing import Any

import nbval.plugin
import pytest

CELL_SECONDS = 600
LOOK_SECONDS = 1  # how long a kernel may be dead before it is found out


class OnlyThese:
    """A plugin that collects these files, whatever their names, and no others."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.wanted = {*files, *(folder for file in files for folder in file.parents)}

    def pytest_ignore_collect(self, collection_path: Path) -> bool:
        return collection_path not in self.wanted


class WatchedKernel(nbval.plugin.RunningKernel):
    """A kernel whose death is noticed while one waits for its answer."""

    def get_message(self, stream: str, timeout: float | None = None) -> Any:
        end = time.monotonic() + (CELL_SECONDS if timeout is None else timeout)
        while True:
            try:
                left = max(0.0, end - time.monotonic())
                return super().get_message(stream, timeout=min(LOOK_SECONDS, left))
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died") from None
                if time.monotonic() >= end:
                    raise


def _folder(file: Path) -> Path:
    """The nearest folder above a file that pytest takes for what it is."""
    return next(f for f in file.parents if not any(sign in str(f) for sign in ("[", "::")))


def main(config: str, *notebooks: str) -> int:
    nbval.plugin.RunningKernel = WatchedKernel
    files = [Path(name) for name in notebooks]
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_SECONDS}"]
    options += ["--noconftest", "-p", "no:cacheprovider", "-c", config, f"--rootdir={Path.cwd()}"]
    options += ["--no-header"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # nbval is imported already
    folders = dict.fromkeys(str(_folder(file)) for file in files)
    return int(pytest.main([*options, *folders], plugins=[OnlyThese(files)]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

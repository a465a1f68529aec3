"""Comparing marked outputs with those of a new run, with nbval."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from vaecourse.errors import CourseError
from vaecourse.notebooks import processes
from vaecourse.notebooks.book import book_folder, chapters, find_chapter, notebook_file
from vaecourse.notebooks.files import CHECK_TAG, code_cells, is_checked, read
from vaecourse.notebooks.kernels import KERNEL_ENV

AT_ONCE = 2  # kernels side by side, where there are cores for them; each takes a gigabyte


def verify(paths: Sequence[Path] = ()) -> int:
    """Run notebooks and compare their marked cells with what is stored; nbval's exit status.

    Two notebooks run at a time where there are two cores, and one's report comes when it has ended.
    Without paths these are all chapters and solutions; a folder stands for its notebooks. Raises
    CourseError for a path that is no notebook, and for a notebook that holds nothing to compare.
    """
    if not paths:
        solutions = book_folder().parent / "solutions"
        paths = [*chapters(), *sorted(solutions.glob("*.ipynb"))]
    notebooks = list(dict.fromkeys(file for path in paths for file in _notebooks(path)))
    if not notebooks:
        raise CourseError(f"expected notebooks in {', '.join(map(str, paths))}, found none")
    for path in notebooks:
        _require_checks(path)
    return _compare(notebooks, at_once=min(AT_ONCE, cores(), len(notebooks)))


def _compare(notebooks: Sequence[Path], at_once: int) -> int:
    with TemporaryDirectory(prefix="vaecourse-") as scratch:
        config = Path(scratch, "pytest.ini")  # the project's own settings are not for notebooks
        config.write_text("[pytest]\n")
        command = [sys.executable, "-m", "vaecourse.notebooks.comparing", str(config)]
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | KERNEL_ENV
        if at_once == 1:
            return processes.run([*command, *map(str, notebooks)], env=env).returncode
        # threads that wait for a core that another kernel has spin: each kernel gets its share
        env = {"OMP_NUM_THREADS": str(cores() // at_once)} | env
        commands = [[*command, str(path)] for path in notebooks]
        statuses = processes.run_side_by_side(commands, env=env, at_once=at_once)
    failed = [path for path, status in zip(notebooks, statuses, strict=True) if status]
    names = ", ".join(click.format_filename(path) for path in failed)
    click.echo(f"{len(notebooks)} notebooks, not as stored: {names or 'none'}")
    return next(filter(None, statuses), 0)


def cores() -> int:
    """How many cores this process may use, for all we know."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _notebooks(path: Path) -> list[Path]:
    try:
        is_folder = path.is_dir()
    except OSError:  # a name that is too long, say
        is_folder = False
    if is_folder:
        return sorted(file.absolute() for file in path.glob("*.ipynb"))
    return [notebook_file(path) if path.suffix else find_chapter(str(path))]


def _require_checks(path: Path) -> None:
    cells = code_cells(read(path))
    if not any(cell.outputs for cell in cells):
        raise CourseError(f"{path} has no outputs; run it first: vaecourse run {path.stem} --save")
    if not any(is_checked(cell) and cell.outputs for cell in cells):
        raise CourseError(
            f"{path} has no output to compare; tag at least one cell with output {CHECK_TAG!r}"
        )

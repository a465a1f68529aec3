"""Rendering the book with jupyter-book."""

import os
import sys
import tempfile
from pathlib import Path

import click

from vaecourse import files
from vaecourse.browsing import outside_requests
from vaecourse.errors import CourseError
from vaecourse.notebooks import processes
from vaecourse.notebooks.book import book_folder, chapters
from vaecourse.notebooks.downloads import carry_pictures
from vaecourse.notebooks.files import read_text
from vaecourse.notebooks.fingerprints import is_stale
from vaecourse.notebooks.light import lighten
from vaecourse.notebooks.repository import Repository, install_from, with_links
from vaecourse.notebooks.running import run


def build(
    *, execute: bool = False, offline_check: bool = False, repo: Repository | None = None
) -> Path:
    """Run stale chapters (all with `execute`), render the book and give its first page.

    With `repo` the pages link to it, and the chapters' first cells install the course from it.

    Raises CourseError where a chapter fails, the book does not build without a warning, or, with
    `offline_check`, a page asks for anything outside the book.
    """
    book = book_folder()
    refresh(execute=execute)
    if repo:
        for path in install_from(repo):
            print(f"{path} installs the course from {repo.url}; commit it")
    page = render(book, book, repo)
    if offline_check:
        check_offline(page.parent)
    return page


def refresh(*, execute: bool = False) -> None:
    """Run and store the stale chapters, or all of them."""
    names = [str(path) for path in chapters() if execute or is_stale(path)]
    if names:
        run(names, save=True)


def check_offline(html: Path) -> None:
    """CourseError where a page in a folder asks for anything that is not in it."""
    requests = outside_requests(html)
    if requests:
        raise CourseError("pages ask for what is not in the book:\n" + "\n".join(requests))


def render(book: Path, output: Path, repo: Repository | None = None) -> Path:
    """Render a book folder into `output/_build/html` and give the first page.

    What stood there is replaced when the new pages are whole, so no page of a chapter that is gone
    stays behind, and what fails or is interrupted leaves the old ones. Raises CourseError, with
    every warning, unless there is none.
    """
    book, build = book.resolve(), output.resolve() / "_build"
    files.check_writable(build)
    print(f"rendering {book}", flush=True)
    with tempfile.TemporaryDirectory(prefix=".rendering-", dir=build) as scratch:
        config = book / "_config.yml"
        if repo:
            config = Path(scratch, "config.yml")
            config.write_text(with_links(read_text(book / "_config.yml"), repo), encoding="utf-8")
        _jupyter_book(book, Path(scratch), config)
        html = Path(scratch, "_build", "html")
        carry_pictures(html / "_sources", book)
        lighten(html)
        _swap(html, build / "html", Path(scratch, "before"))
    return build / "html" / "index.html"


def _swap(new: Path, place: Path, aside: Path) -> None:
    try:
        if place.exists():
            place.rename(aside)
        new.rename(place)
    except OSError as error:
        reason = files.reason(error)
        raise CourseError(f"cannot put the new pages into {place}: {reason}; try again") from None
    finally:
        if aside.exists() and not place.exists():
            aside.rename(place)


def _jupyter_book(book: Path, output: Path, config: Path) -> None:
    # jupyter-book has no `python -m`, and the script on the path may be another environment's
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    command += [str(book), "--path-output", str(output), "--config", str(config)]
    command += ["--all", "-W", "-n", "--keep-going", "-q"]
    done = processes.run(command, cwd=book, env=os.environ | {"PYTHONUTF8": "1"}, capture=True)
    if done.returncode:
        lines = click.unstyle(done.stderr).splitlines()
        warnings = [line for line in lines if "WARNING" in line or "ERROR" in line]
        raise CourseError("the book did not build:\n" + "\n".join(warnings or lines[-20:]))

"""Running chapters, here or on a cluster, and storing what comes of it."""

import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from nbformat import NotebookNode

from vaecourse import files
from vaecourse.errors import CourseError, unknown_name
from vaecourse.notebooks.book import book_folder, chapters, find_chapter
from vaecourse.notebooks.cluster import on_cluster
from vaecourse.notebooks.files import (
    code_cells,
    goal_file,
    goal_picture,
    has_tag,
    parse,
    read_text,
    write,
)
from vaecourse.notebooks.fingerprints import fingerprint
from vaecourse.notebooks.kernels import execute
from vaecourse.notebooks.passes import normalise
from vaecourse.notebooks.source import parameter_names

MARKER_TAG = "papermill-error-cell-tag"  # papermill's


class Job(NamedTuple):
    """One notebook to execute, and where its copy goes that does not replace it."""

    path: Path
    text: str  # as it was read
    parameters: dict[str, Any]  # to be injected
    copy: Path


def run(
    names: Sequence[str] = (),
    *,
    scale: str = "course",
    device: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    save: bool = False,
    cluster: str | None = None,
) -> list[Path]:
    """Execute chapters (all where none is named) and give the files with their outputs.

    With `save` a chapter replaces itself, at course scale and without overrides only; else the
    copy goes to `book/_runs/`. `cluster` is the address of a Dask scheduler. Raises CourseError
    for what cannot be run and, once the others have run, for the chapters that failed; those
    stay as they were, and how far they came is kept in `book/_runs/`.
    """
    overrides = ({} if device is None else {"device": device}) | dict(parameters or {})
    if save and (scale != "course" or overrides):
        raise CourseError("stored outputs are course scale; leave out --save, or all overrides")
    paths: dict[Path, Path] = {}
    for path in [find_chapter(name) for name in names] or chapters():
        paths.setdefault(path.resolve(), path)  # one that is named twice runs once
    jobs = [_job(path, scale, overrides) for path in paths.values()]
    for job in jobs:
        _check_room(job, save)
    results = _here(jobs) if cluster is None else on_cluster(cluster, jobs)
    written: dict[Path, Path] = {}
    failures = []
    with closing(results):
        for job, outcome in results:
            try:
                file = written[job.path] = _finish(job, outcome, save)
                print(f"  {file}", flush=True)
            except CourseError as error:
                failures.append(str(error))
    if failures:
        raise CourseError("\n".join(failures))
    return [written[job.path] for job in jobs]


# -- before ------------------------------------------------------------------------------------


def _job(path: Path, scale: str, overrides: dict[str, Any]) -> Job:
    text = read_text(path)
    nb = parse(text, path)
    scales = {"course": {}} | nb.metadata.get("vaecourse", {}).get("scales", {})
    if scale not in scales:
        raise unknown_name(f"scale of {path.stem}", scale, scales)
    chosen = dict(scales[scale]) | overrides
    known = parameter_names(nb)
    for name in chosen:
        if not known:
            raise CourseError(f"{path.stem} takes no parameter {name!r}; it has no parameters cell")
        if name not in known:
            raise unknown_name(f"parameter of {path.stem}", name, known)
    name = path.stem + ("" if scale == "course" else f"-{scale}")
    return Job(path, text, chosen, _copies_folder(path) / f"{name}.ipynb")


def _copies_folder(path: Path) -> Path:
    """Where the copies go of what lies in a folder: each folder has one of its own."""
    book = book_folder()
    folder = path.parent.resolve()
    for base in (book.resolve(), book.parent.resolve()):
        if folder.is_relative_to(base):
            return book / "_runs" / folder.relative_to(base)
    return book / "_runs" / folder.relative_to(folder.anchor)


def _check_room(job: Job, save: bool) -> None:
    """CourseError, before anything runs, unless what comes of it can be stored."""
    places = [job.copy]
    if save:
        places = [job.path.resolve()]
        if any(has_tag(cell, "goal-picture") for cell in parse(job.text, job.path).cells):
            places.append(goal_file(job.path))
    for place in places:
        files.check_writable(next(folder for folder in place.parents if folder.exists()))


# -- during ------------------------------------------------------------------------------------


def _here(jobs: Iterable[Job]) -> Generator[tuple[Job, str | CourseError], None, None]:
    for job in jobs:
        print(f"running {job.path.stem}", flush=True)
        start = time.perf_counter()
        outcome: str | CourseError
        try:
            outcome = execute(
                job.text, job.parameters, str(job.path.parent), bar=sys.stderr.isatty()
            )
        except CourseError as error:
            outcome = CourseError(f"{job.copy.stem}: {error}")
        print(f"  {time.perf_counter() - start:.0f} s", flush=True)
        yield job, outcome


# -- after -------------------------------------------------------------------------------------


def _finish(job: Job, outcome: str | CourseError, save: bool) -> Path:
    """Store an executed notebook; raises CourseError (or KeyboardInterrupt) where it failed."""
    if isinstance(outcome, CourseError):
        raise outcome
    nb = parse(outcome, job.path)
    nb.cells = [cell for cell in nb.cells if not has_tag(cell, MARKER_TAG)]
    failure = _failure(nb)
    if failure:
        _report(job, nb, *failure)
    if not save:
        write(nb, job.copy)
        return job.copy
    if read_text(job.path) != job.text:
        write(nb, job.copy)
        raise CourseError(
            f"{job.copy.stem} was edited while it ran, so it was left alone; run it again"
        )
    _store(nb, job.path)
    return job.path


def _store(nb: NotebookNode, path: Path) -> None:
    """The chapter and its goal picture; the picture first, because only a chapter that is stored
    counts as fresh."""
    nb = normalise(nb)
    nb.metadata.setdefault("vaecourse", NotebookNode())["fingerprint"] = fingerprint(nb)
    picture = goal_picture(nb)
    if picture:
        files.write(goal_file(path), picture)
    write(nb, path)


def _failure(nb: NotebookNode) -> tuple[str, str] | None:
    """Which cell failed, and how, in one line; and the error's name. Some may: those tagged
    `raises-exception`."""
    for number, cell in enumerate(code_cells(nb), 1):
        for output in cell.outputs:
            if output.output_type == "error" and not has_tag(cell, "raises-exception"):
                line = cell.source.strip().partition("\n")[0]
                reason = output.evalue.strip().partition("\n")[0]
                return f"cell {number} ({line}): {output.ename}: {reason}", output.ename
    return None


def _report(job: Job, nb: NotebookNode, failure: str, name: str) -> None:
    """Keep the run as far as it came, and raise what it ended with."""
    partial = job.copy.with_name(f"{job.copy.stem}-partial.ipynb")
    try:
        write(nb, partial)
        kept = f"the run as far as it came: {partial}"
    except CourseError as error:
        kept = f"the run as far as it came is lost: {error}"
    message = f"{job.copy.stem}, {failure}; {kept}"
    if name == "KeyboardInterrupt":
        print(message, file=sys.stderr)
        raise KeyboardInterrupt
    raise CourseError(message)

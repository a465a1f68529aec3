"""The `vaecourse` command. Each command imports what it needs, so that `--help` is quick."""

import ast
import json
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

from vaecourse import __version__
from vaecourse import doctor as machine
from vaecourse.errors import CourseError


@contextmanager
def ends_as_interrupts() -> Iterator[list[int]]:
    """Inside, a wish to end (SIGTERM, SIGHUP) is treated as Ctrl-C is; gives the signals heard.

    Who started us with such a signal ignored, as nohup does, means it.
    """
    heard: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for other in replaced:
            signal.signal(other, signal.SIG_IGN)  # once is enough: what follows is putting away
        heard.append(number)
        raise KeyboardInterrupt

    ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        ends = []
    replaced = [number for number in ends if signal.getsignal(number) == signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, interrupt)
    try:
        yield heard
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)


class Commands(click.Group):
    """Commands whose errors are one line and an exit status, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        with ends_as_interrupts() as signals:
            try:
                return super().invoke(ctx)
            except CourseError as error:
                # a name may hold what no terminal can show
                line = f"error: {error}".encode(errors="backslashreplace").decode()
                click.echo(line, err=True)
                ctx.exit(1)
            except ModuleNotFoundError as error:
                what = f"this needs the package {error.name}, which is not installed"
                click.echo(f"error: {what}; try: {machine.install_hint()}", err=True)
                ctx.exit(1)
            except KeyboardInterrupt:
                click.echo("interrupted", err=True)
                ctx.exit(128 + (signals or [signal.SIGINT])[0])


class Text(click.ParamType):
    """A text that is not empty: an empty one would silently stand for some default."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail("expected a value, got an empty text; try leaving it out", param, ctx)
        return str(value)


TEXT = Text()
DUE = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vaecourse")
def main() -> None:
    """Autoencoders and variational autoencoders, hands on: run, check and render the course."""
    if root := os.environ.get("VAECOURSE_DATA"):  # kernels work in other folders
        with suppress(RuntimeError):  # "~nobody" is told where data are needed
            os.environ["VAECOURSE_DATA"] = str(Path(root).expanduser().absolute())
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"  # no source line


@main.command()
@click.option("--execute", is_flag=True, help="Run every chapter first, not only stale ones.")
@click.option("--offline-check", is_flag=True, help="Fail if a page asks for anything outside.")
@click.option("--repository", type=TEXT, metavar="URL", help="Where it is published: links to it.")
@click.option("--branch", type=TEXT, default="main", show_default=True, help="Of the repository.")
def book(execute: bool, offline_check: bool, repository: str | None, branch: str) -> None:
    """Run stale chapters and render the book."""
    from vaecourse import notebooks

    repo = None if repository is None else notebooks.repository(repository, branch)
    click.echo(notebooks.build(execute=execute, offline_check=offline_check, repo=repo))


@main.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--no-start", is_flag=True, help="Only make the copy.")
def lab(folder: Path | None, no_start: bool) -> None:
    """Open the chapters and assignments in JupyterLab.

    FOLDER gets a copy of them, without a clone "vae-course"; what is there already stays.
    """
    from vaecourse import notebooks

    click.echo(notebooks.lab(folder, start=not no_start))


@main.command()
@click.argument("chapters", nargs=-1, type=TEXT, metavar="[CHAPTER]...")
@click.option(
    "--scale", type=TEXT, default="course", show_default=True, help="A scale of the chapters."
)
@click.option("--device", type=TEXT, help="cpu, cuda or mps.")
@click.option("--save", is_flag=True, help="Store the outputs in the chapters (course scale only).")
@click.option("-p", "overrides", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter.")
@click.option(
    "--cluster", type=TEXT, metavar="ADDRESS", help="Run on the Dask cluster of this scheduler."
)
def run(
    chapters: tuple[str, ...],
    scale: str,
    device: str | None,
    save: bool,
    overrides: tuple[tuple[str, str], ...],
    cluster: str | None,
) -> None:
    """Execute chapters: all of them where none is named."""
    from vaecourse import notebooks

    parameters = {name: literal(value) for name, value in overrides}
    notebooks.run(
        chapters, scale=scale, device=device, parameters=parameters, save=save, cluster=cluster
    )


@main.command()
@click.argument("paths", nargs=-1, type=TEXT, metavar="[PATH]...")
@click.pass_context
def verify(ctx: click.Context, paths: tuple[str, ...]) -> None:
    """Compare marked outputs with those of a new run."""
    from vaecourse import notebooks

    ctx.exit(notebooks.verify([Path(path) for path in paths]))


@main.command()
@click.argument("studies", nargs=-1, type=TEXT, metavar="[STUDY]...")
@click.option(
    "--only", multiple=True, type=TEXT, metavar="ROW", help="A row, by its name in the table."
)
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1), help="Runs a row.")
@click.option("--device", type=TEXT, default="cpu", show_default=True, help="cpu, cuda or mps.")
@click.option(
    "--precision", default="float32", show_default=True, help="float32, or the faster bfloat16."
)
@click.option("--resume", is_flag=True, help="Go on: pass over what is finished.")
@click.option("--draw", is_flag=True, help="Keep what S3's five models by β draw, for a page.")
@click.option("--dry-run", is_flag=True, help="Print the table of what was measured so far.")
def reproduce(
    studies: tuple[str, ...],
    only: tuple[str, ...],
    seeds: int,
    device: str,
    precision: str,
    resume: bool,
    draw: bool,
    dry_run: bool,
) -> None:
    """Train the source reports' models, and set what is measured beside what was published."""
    from vaecourse import notebooks
    from vaecourse.studies.rows import FIGURES, choose
    from vaecourse.studies.table import table

    folder = notebooks.book_folder() / "results"
    figures, tables = ([s for s in studies if (s in FIGURES) == own] for own in (True, False))
    if figures and not dry_run:
        from vaecourse.studies.measuring import measure
        from vaecourse.studies.run import Settings

        settings = Settings(folder, precision=precision, device=device, resume=resume)
        for study in figures:
            measure(study, settings, seeds, say=click.echo)
    if figures and not tables:
        return
    rows = choose(tables, only)
    if not dry_run:
        from vaecourse.studies.run import Settings
        from vaecourse.studies.run import reproduce as train_and_score

        settings = Settings(folder, precision=precision, device=device, resume=resume)
        train_and_score(rows, settings, num_seeds=seeds, say=click.echo)
        if draw:
            from vaecourse.studies.drawings import draw as keep_drawings
            from vaecourse.studies.rows import by_beta

            keep_drawings(by_beta(), settings)
    click.echo(table(rows, folder))


@main.command()
def release() -> None:
    """Make the assignments that students get from the solutions."""
    from vaecourse.classroom.release import release as release_all

    for file in release_all():
        click.echo(file)


@main.command()
@click.argument("notebook", type=click.Path(path_type=Path))
def check(notebook: Path) -> None:
    """Say what the visible checks make of an assignment, question by question."""
    from vaecourse.classroom.checking import check_notebook

    click.echo(check_notebook(notebook))


@main.command()
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of results.")
@click.option("--due", type=click.DateTime(DUE), help="Later is late; local time.")
@click.option("--resume", is_flag=True, help="Go on: judge what has no grade yet.")
@click.option("--regrade", is_flag=True, help="Judge anew what a mended check touches.")
@click.option("--solutions", type=click.Path(path_type=Path), help="Folder of the solutions.")
@click.option("--jobs", type=click.IntRange(1), help="Submissions at a time; as many as cores.")
@click.option("--cluster", type=TEXT, metavar="ADDRESS", help="Judge on this Dask cluster.")
@click.option("--seed", type=click.IntRange(0), help="Of the fresh inputs; drawn if not given.")
@click.option("--no-sandbox", is_flag=True, help="Run students' code without a jail.")
@click.option("--similarity", is_flag=True, help="Look for answers that are near-identical.")
def grade(
    submissions: Path,
    out: Path,
    due: datetime | None,
    resume: bool,
    regrade: bool,
    solutions: Path | None,
    jobs: int | None,
    cluster: str | None,
    seed: int | None,
    no_sandbox: bool,
    similarity: bool,
) -> None:
    """Grade what a class handed in: a gradebook, pages for students, a report on the class."""
    from vaecourse.classroom.grading import Settings, grade_class
    from vaecourse.classroom.reports import write_results

    settings = Settings(
        solutions, due and due.astimezone(), resume, regrade, not no_sandbox, cluster, jobs, seed
    )
    done = grade_class(submissions, out, settings)
    click.echo(write_results(out, done, look_for_similar=similarity))


@main.command()
@click.argument("name", type=TEXT, required=False)
def data(name: str | None) -> None:
    """Download, check and keep a data set; list them all, with sizes, where none is named.

    NAME is one of digits, ellipses, faces, smiles, mnist, fashion-mnist, celeba, stanford-dogs and
    olivetti, or the path of a folder of pictures.
    """
    from vaecourse.data import fetch, listing

    click.echo(listing() if name is None else fetch(name))


@main.group()
def new() -> None:
    """Begin something new in the book."""


@new.command()
@click.argument("name", type=TEXT)
def chapter(name: str) -> None:
    """Put a skeleton that runs into the book, and into its table of contents.

    NAME is its number and its subject, as 14_flow_models.
    """
    from vaecourse import notebooks

    click.echo(notebooks.new_chapter(name))
    number = name.partition("_")[0]
    click.echo(f"write where it says FILL IN, then: vaecourse run {number} --save")


@main.command()
def doctor() -> None:
    """Show what this machine has and what is missing."""
    missing = []
    for finding in machine.examine(machine.checks()):
        click.echo(f"{finding.part:14} {'MISSING: ' if finding.is_missing else ''}{finding.text}")
        if finding.is_missing:
            missing.append(finding.part)
    if missing:
        raise machine.remedy(missing)


def literal(text: str) -> Any:
    """A parameter as Python writes it, where papermill can record it; else the text itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
        json.dumps(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    return value


if __name__ == "__main__":
    main(prog_name="vaecourse")

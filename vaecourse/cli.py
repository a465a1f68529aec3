"""The `vaecourse` command. Each command imports what it needs, so that `--help` is quick."""

import os
import platform
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from vaecourse import __version__
from vaecourse.errors import CourseError

NEEDED = ("torchvision", "jupyter-book", "papermill", "nbval")


class Commands(click.Group):
    """Commands whose errors are one line and an exit status, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CourseError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(1)
        except ModuleNotFoundError as error:
            what = f"this needs the package {error.name}, which is not installed"
            click.echo(f"error: {what}; try: pip install -e '.[all]'", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vaecourse")
def main() -> None:
    """Autoencoders and variational autoencoders, hands on: run, check and render the course."""
    if root := os.environ.get("VAECOURSE_DATA"):  # kernels work in other folders
        os.environ["VAECOURSE_DATA"] = str(Path(root).expanduser().absolute())
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"  # no source line


@main.command()
@click.option("--execute", is_flag=True, help="Run every chapter first, not only stale ones.")
@click.option("--offline-check", is_flag=True, help="Fail if a page asks for anything outside.")
def book(execute: bool, offline_check: bool) -> None:
    """Run stale chapters and render the book."""
    from vaecourse import notebooks

    click.echo(notebooks.build(execute=execute, offline_check=offline_check))


@main.command()
@click.argument("chapters", nargs=-1, metavar="[CHAPTER]...")
@click.option("--scale", default="course", show_default=True, help="A scale of the chapters.")
@click.option("--device", help="cpu, cuda or mps.")
@click.option("--save", is_flag=True, help="Store the outputs in the chapters (course scale only).")
@click.option("-p", "overrides", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter.")
@click.option("--cluster", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler.")
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

    parameters = {name: typed(value) for name, value in overrides}
    notebooks.run(
        chapters, scale=scale, device=device, parameters=parameters, save=save, cluster=cluster
    )


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.pass_context
def verify(ctx: click.Context, paths: tuple[Path, ...]) -> None:
    """Compare marked outputs with those of a new run."""
    from vaecourse import notebooks

    ctx.exit(notebooks.verify(paths))


@main.command()
@click.argument("studies", nargs=-1, metavar="[STUDY]...")
@click.option("--only", multiple=True, metavar="ROW", help="A row, by its name in the table.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1), help="Runs a row.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or mps.")
@click.option(
    "--precision", default="float32", show_default=True, help="float32, or the faster bfloat16."
)
@click.option("--resume", is_flag=True, help="Go on: pass over what is finished.")
@click.option("--dry-run", is_flag=True, help="Print the table of what was measured so far.")
def reproduce(
    studies: tuple[str, ...],
    only: tuple[str, ...],
    seeds: int,
    device: str,
    precision: str,
    resume: bool,
    dry_run: bool,
) -> None:
    """Train the source reports' models, and set what is measured beside what was published."""
    from vaecourse import notebooks
    from vaecourse.studies.rows import choose
    from vaecourse.studies.table import table

    rows = choose(studies, only)
    folder = notebooks.book_folder() / "results"
    if not dry_run:
        from vaecourse.studies.run import Settings
        from vaecourse.studies.run import reproduce as train_and_score

        settings = Settings(folder, precision=precision, device=device, resume=resume)
        train_and_score(rows, settings, num_seeds=seeds, say=click.echo)
    click.echo(table(rows, folder))


@main.command()
@click.argument("name")
def data(name: str) -> None:
    """Download, check and keep a data set."""
    from vaecourse.data import fetch

    click.echo(fetch(name))


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Show what this machine has and what is missing."""
    click.echo(f"{'Python':14} {platform.python_version()} in {sys.prefix}")
    click.echo(f"{'platform':14} {platform.platform()}, {os.cpu_count()} cores")
    checks: list[tuple[str, Callable[[], str]]] = [
        ("torch", _torch),
        *((name, lambda name=name: version(name)) for name in NEEDED),
        ("data", _data),
        ("free", _free),
        ("jail", _jail),
        ("browser", _browser),
    ]
    missing = []
    for name, check in checks:
        try:
            click.echo(f"{name:14} {check()}")
        except Exception as error:  # a broken part is a finding, not the end of the examination
            found = "not installed" if isinstance(error, PackageNotFoundError) else str(error)
            click.echo(f"{name:14} MISSING: {found or type(error).__name__}")
            missing.append(name)
    if missing:
        folder = "setting VAECOURSE_DATA to a folder that can be written"
        hint = folder if missing == ["data"] else "pip install -e '.[all]'"
        raise CourseError(f"the course needs {', '.join(missing)}; try {hint}")
    ctx.exit(0)


def typed(value: str) -> Any:
    """A parameter as papermill reads it: True, False, None, a whole number, a number, a text."""
    constants = {"True": True, "False": False, "None": None}
    if value in constants:
        return constants[value]
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _torch() -> str:
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("Apple GPU (mps)")
    gpus = ", ".join(devices) or "no GPU (none is needed at course scale)"
    return f"{torch.__version__}, {torch.get_num_threads()} threads, {gpus}"


def _data() -> str:
    from vaecourse.data import NAMES, data_root

    root = data_root()
    place = _existing(root)
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise CourseError(f"{root} cannot be written")
    kept = [name for name in NAMES if any(root.glob(f"prepared/{name}-*.safetensors"))]
    return f"{root}, can be written, keeps: {', '.join(kept) or 'nothing yet'}"


def _free() -> str:
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


def _jail() -> str:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return "bubblewrap not found: needed only for grading"
    command = [bwrap, "--ro-bind", "/", "/", "--unshare-all", "true"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return f"{bwrap} is here but does not start: needed only for grading"
    return f"{bwrap} works"


def _browser() -> str:
    from vaecourse.browsing import find_browser

    return find_browser() or "no Chromium found: needed only for the tests of the pages"

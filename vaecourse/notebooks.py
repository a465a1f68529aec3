"""The chapters: find them, tell stale ones, run, verify and render them.

A chapter is a notebook that is stored executed. papermill runs it, nbval compares its marked
cells, jupyter-book renders it; all three use a kernel of this very environment.
"""

import ast
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from importlib.util import resolve_name
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click
import nbformat
import yaml
from nbformat import NotebookNode

from vaecourse.browsing import outside_requests
from vaecourse.errors import CourseError, unknown_name

PACKAGE = Path(__file__).parent
CHECK_TAG = "nbval-check-output"
GOAL_TAG = "goal-picture"  # the figure that a chapter shows at its top: "you will make this"
INJECTED_TAG = "injected-parameters"  # papermill's, as is the next
MARKER_TAG = "papermill-error-cell-tag"
# no bars, no live sliders and no chance order in stored outputs; and threads that wait politely:
# beside another busy process, torch's two threads spinning for each other train ten times slower
KERNEL_ENV = {
    "TQDM_DISABLE": "1",
    "VAECOURSE_STATIC": "1",
    "PYTHONHASHSEED": "0",
    "OMP_WAIT_POLICY": "PASSIVE",
}


# -- where the chapters are --------------------------------------------------------------------


def book_folder() -> Path:
    """The book's folder: in the current directory or above it, or beside an editable install.

    Raises CourseError where there is none.
    """
    here = Path.cwd()
    for folder in [here, *here.parents, PACKAGE.parent]:
        for book in (folder, folder / "book"):
            if book.name == "book" and (book / "_toc.yml").is_file():
                return book
    raise CourseError(f"there is no book in {here} or above; run this inside a clone of the course")


def chapters() -> list[Path]:
    """The chapters' notebooks in the order of the table of contents.

    Raises CourseError where there is none.
    """
    book = book_folder()
    toc = yaml.safe_load((book / "_toc.yml").read_text(encoding="utf-8"))
    named = [book / f"{name}.ipynb" for name in _files(toc)]
    found = [path for path in named if path.is_file()]
    if not found:
        raise CourseError(f"{book} holds no chapter that its _toc.yml names; restore them")
    return found


def find_chapter(name: str) -> Path:
    """The notebook of a chapter named by number, by the start of its name, or by path.

    Raises CourseError, with the nearest names, where none or more than one is meant.
    """
    if Path(name).suffix == ".ipynb":
        return _notebook_file(Path(name))
    known = {path.stem: path for path in chapters()}
    start = f"{int(name):02d}_" if name.isdecimal() else name
    found = [name] if name in known else [stem for stem in known if stem.startswith(start)]
    if len(found) > 1:
        raise CourseError(f"{name!r} could be {' or '.join(found)}; give more of the name")
    if not found:
        raise unknown_name("chapter", name, known)
    return known[found[0]]


def _files(entry: Mapping[str, Any]) -> Iterator[str]:
    """The file names in a table of contents, in order."""
    if "file" in entry:
        yield entry["file"].removesuffix(".ipynb")
    for key in ("parts", "chapters", "sections"):
        for child in entry.get(key) or []:
            yield from _files(child)


def _notebook_file(path: Path) -> Path:
    if not path.is_file() or path.suffix != ".ipynb":
        raise CourseError(f"expected a notebook (.ipynb), got {path}, which is none; try its path")
    return path.absolute()


# -- reading and writing notebooks -------------------------------------------------------------


def read(path: Path) -> NotebookNode:
    """The notebook in a file. Raises CourseError where it is none."""
    return _parse_notebook(_read_text(path), path)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"cannot read the notebook {path}: {error}") from None


def _parse_notebook(text: str, path: Path) -> NotebookNode:
    try:
        nb = nbformat.reads(text, as_version=4)
        nbformat.validate(nb)
    except Exception as error:  # nbformat answers broken files with many kinds
        reason = str(error).partition("\n")[0]
        raise CourseError(f"{path} is not a notebook: {reason}; restore or remove it") from None
    return nb


def write(nb: NotebookNode, path: Path) -> None:
    """Put a notebook into a file, whole or not at all."""
    text = nbformat.writes(nb).rstrip("\n") + "\n"
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        raise CourseError(f"cannot write {path}: {error.strerror}; nothing was changed") from None
    finally:
        part.unlink(missing_ok=True)


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    """The cells that a kernel runs: those with code, without papermill's injected one."""
    return [
        cell
        for cell in nb.cells
        if cell.cell_type == "code" and cell.source.strip() and not _has_tag(cell, INJECTED_TAG)
    ]


def is_checked(cell: NotebookNode) -> bool:
    """Whether nbval compares what the cell puts out with what is stored."""
    return _has_tag(cell, CHECK_TAG) or "# NBVAL_CHECK_OUTPUT" in cell.source


def _has_tag(cell: NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


# -- normal form -------------------------------------------------------------------------------

_WIDGET = "application/vnd.jupyter.widget-view+json"
_BAR = re.compile(r"[^\r\n]*(?:\d+%\||\d+it \[)[^\r\n]*[\r\n]*")


def normalise(nb: NotebookNode) -> NotebookNode:
    """A copy without what changes from run to run, and with each figure's alt text in its cell.

    MyST-NB reads an image's alt text from the cell's metadata, so it is copied there from the
    stored output.
    """
    nb = deepcopy(nb)
    nb.cells = [cell for cell in nb.cells if not _has_tag(cell, INJECTED_TAG)]
    for key in ("papermill", "widgets"):
        nb.metadata.pop(key, None)
    kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nb.metadata["kernelspec"] = NotebookNode(kernelspec)
    nb.metadata.get("language_info", {}).pop("version", None)
    count = 0
    for cell in nb.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            if cell.execution_count is not None:
                count += 1
                cell.execution_count = count
            cell.outputs = _normal_outputs(cell)
            _copy_alt(cell)
    return nb


def _normal_outputs(cell: NotebookNode) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in cell.outputs:
        output.pop("transient", None)
        if output.output_type == "stream":
            text = _without_bars(output.text) if output.name == "stderr" else output.text
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += text
                continue
            output.text = text
            if not text:
                continue
        elif _WIDGET in output.get("data", {}):
            continue  # its state is not stored, so nothing could draw it
        if output.output_type == "execute_result":
            output.execution_count = cell.execution_count
        kept.append(output)
    return kept


def _without_bars(text: str) -> str:
    text = _BAR.sub("", text)
    return text if text.strip() else ""


def _copy_alt(cell: NotebookNode) -> None:
    alts = [o.get("metadata", {}).get("image/png", {}).get("alt") for o in cell.outputs]
    mystnb = cell.metadata.pop("mystnb", {})
    image = mystnb.pop("image", {})
    image.pop("alt", None)
    if any(alts):
        image["alt"] = " ".join(dict.fromkeys(filter(None, alts)))
    if image:
        mystnb["image"] = image
    if mystnb:
        cell.metadata["mystnb"] = nbformat.from_dict(mystnb)


# -- fingerprints ------------------------------------------------------------------------------


def fingerprint(nb: NotebookNode) -> str:
    """What the stored outputs depend on, as sha256 (hexadecimal).

    It covers the code cells, the package modules that they import, directly or not, and the
    content of the data sets, trained models and studies' results that they name. Text is hashed,
    never a syntax tree, so that every Python gives the same.
    """
    cells = [cell.source.replace("\r\n", "\n") for cell in code_cells(nb)]
    trees = [_syntax(cell) for cell in cells]
    modules = _used_modules(trees)
    parts = cells + [f"{name}\n{text}" for name, text in sorted(modules.items())]
    literals = {n.value for t in trees for n in ast.walk(t) if isinstance(n, ast.Constant)}
    if "vaecourse.data" in modules:
        from vaecourse import data  # imports torch, so only where there is data to identify

        parts += [f"{name}\n{data.identity(name)}" for name in data.NAMES if name in literals]
    kept = list(PACKAGE.glob("pretrained/*.*")) if "vaecourse.pretrained" in modules else []
    kept += book_folder().glob("results/*.json") if "vaecourse.studies" in modules else []
    used = [file for file in kept if file.stem in literals]
    used += PACKAGE.glob("explorer/*.[jc]s*") if "vaecourse.explorer" in modules else []
    parts += [_content(file) for file in sorted(used)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _content(file: Path) -> str:
    """Name and sum of a file; a clone on Windows may have changed the line ends of a text."""
    content = file.read_bytes()
    if file.suffix != ".safetensors":
        content = content.replace(b"\r\n", b"\n")
    return f"{file.name}\n{hashlib.sha256(content).hexdigest()}"


def is_stale(path: Path) -> bool:
    """Whether a notebook's outputs are missing, or older than its code, modules or data."""
    nb = read(path)
    cells = code_cells(nb)
    if any(cell.execution_count is None for cell in cells):
        return True
    if any(_WIDGET in output.get("data", {}) for cell in cells for output in cell.outputs):
        return True  # run live: its sliders and bars would leave holes in the page
    stored: str | None = nb.metadata.get("vaecourse", {}).get("fingerprint")
    return stored != fingerprint(nb)


def _syntax(cell: str) -> ast.Module:
    """The syntax tree of a cell, without IPython's own lines; empty where it is not Python."""
    for python in (cell, re.sub(r"^(\s*)[%!?].*$", r"\1pass", cell, flags=re.MULTILINE)):
        with suppress(SyntaxError):
            return ast.parse(python)
    return ast.Module([], [])


def _used_modules(trees: Iterable[ast.Module]) -> dict[str, str]:
    """Name and source of each package module that is imported, directly or by another."""
    found: dict[str, str] = {}
    waiting = {name for tree in trees for name in imports(tree)}
    while waiting:
        name = waiting.pop()
        file = _module_file(name)
        if file and name not in found:
            found[name] = file.read_text(encoding="utf-8")
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            waiting |= imports(ast.parse(found[name]), package)
    return found


def imports(tree: ast.AST, package: str = "") -> set[str]:
    """Every dotted name that code imports, wherever it does, relative ones against `package`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def _module_file(name: str) -> Path | None:
    """The file of a module of this package; not of the package itself, which only has a version."""
    first, *rest = name.split(".")
    if first != PACKAGE.name or not rest:
        return None
    path = PACKAGE.joinpath(*rest)
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


# -- running -----------------------------------------------------------------------------------


class Job(NamedTuple):
    """One notebook to execute: its file, its text as read, the parameters to inject."""

    path: Path
    text: str
    parameters: dict[str, Any]


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
    overrides = ({"device": device} if device else {}) | dict(parameters or {})
    if save and (scale != "course" or overrides):
        raise CourseError("stored outputs are course scale; leave out --save, or all overrides")
    paths = [find_chapter(name) for name in names] or chapters()
    jobs = [_job(path, scale, overrides) for path in paths]
    results = _on_cluster(cluster, jobs) if cluster else _here(jobs)
    written, failures = [], []
    for job, text in zip(jobs, results, strict=True):
        try:
            written.append(_finish(job, _parse_notebook(text, job.path), scale, save))
            print(f"  {written[-1]}", flush=True)
        except CourseError as error:
            failures.append(str(error))
    if failures:
        raise CourseError("\n".join(failures))
    return written


def parameter_names(nb: NotebookNode) -> list[str]:
    """The names assigned in the cell tagged `parameters`."""
    names: list[str] = []
    for cell in code_cells(nb):
        if _has_tag(cell, "parameters"):
            for node in ast.walk(_syntax(cell.source)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.append(node.id)
    return names


def _job(path: Path, scale: str, overrides: dict[str, Any]) -> Job:
    text = _read_text(path)
    nb = _parse_notebook(text, path)
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
    return Job(path, text, chosen)


def _here(jobs: Iterable[Job]) -> Iterator[str]:
    for job in jobs:
        print(f"running {job.path.stem}", flush=True)
        start = time.perf_counter()
        text = execute(job.text, job.parameters, str(job.path.parent), bar=sys.stderr.isatty())
        print(f"  {time.perf_counter() - start:.0f} s", flush=True)
        yield text


def _on_cluster(address: str, jobs: Sequence[Job]) -> Iterator[str]:
    try:
        from distributed import Client
    except ImportError:
        raise CourseError("--cluster needs distributed; try: pip install distributed") from None
    try:
        client = Client(address, timeout=5)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"no Dask scheduler answers at {address}: {error}; start one with: dask scheduler"
        ) from None
    with client:
        futures = [
            client.submit(execute, job.text, job.parameters, str(job.path.parent), pure=False)
            for job in jobs
        ]
        for job, future in zip(jobs, futures, strict=True):
            print(f"waiting for {job.path.stem}", flush=True)
            try:
                yield future.result()
            except Exception as error:  # whatever a worker died of
                raise CourseError(f"{job.path.stem} failed on the cluster: {error!r}") from None


def execute(notebook: str, parameters: dict[str, Any], folder: str, bar: bool = False) -> str:
    """Notebook JSON in, executed notebook JSON out; an exception of a cell is in its outputs.

    The kernel works in `folder`, or in a scratch folder on a machine that does not have it.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    with TemporaryDirectory(prefix="vaecourse-") as scratch:
        output = Path(scratch, "executed.ipynb")
        try:
            papermill.execute_notebook(
                nbformat.reads(notebook, as_version=4),
                output,
                parameters,
                kernel_name="python3",
                language="python",
                kernel_manager_class=_kernel_manager(),
                resources={"metadata": {"path": folder if Path(folder).is_dir() else scratch}},
                progress_bar=bar,
            )
        except papermill.PapermillExecutionError:
            pass
        except (DeadKernelError, KeyboardInterrupt) as error:
            return _with_error(output, error)
        except (RuntimeError, OSError) as error:
            raise CourseError(f"the kernel could not run: {error}; try: vaecourse doctor") from None
        return output.read_text(encoding="utf-8")


def _kernel_manager() -> type:
    """A kernel of this environment, whatever kernelspecs the user has installed elsewhere."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    # its own log is noise here: what a cell prints, raises or warns of comes as output
    command = get_kernel_dict(extra_arguments=["--log-level=CRITICAL"])

    class Kernel(AsyncKernelManager):
        kernel_spec = KernelSpec(**command, env=KERNEL_ENV)

    return Kernel


def _with_error(output: Path, error: BaseException) -> str:
    """The notebook in a file with `error` among the outputs of the cell that was running."""
    nb = read(output) if output.exists() else nbformat.v4.new_notebook()
    started = [cell for cell in code_cells(nb) if cell.metadata.papermill.get("start_time")]
    if not started:
        raise error
    reason = {"ename": type(error).__name__, "evalue": str(error), "traceback": []}
    started[-1].outputs.append(nbformat.v4.new_output("error", **reason))
    return str(nbformat.writes(nb))


def _finish(job: Job, nb: NotebookNode, scale: str, save: bool) -> Path:
    """Store an executed notebook; raises CourseError (or KeyboardInterrupt) where it failed."""
    nb.cells = [cell for cell in nb.cells if not _has_tag(cell, MARKER_TAG)]
    name = job.path.stem + ("" if scale == "course" else f"-{scale}")
    runs = book_folder() / "_runs"
    failure = _failure(nb)
    if failure:
        partial = runs / f"{name}-partial.ipynb"
        write(nb, partial)
        message = f"{name}, {failure}; the run as far as it came: {partial}"
        if "KeyboardInterrupt" in failure:
            print(message, file=sys.stderr)
            raise KeyboardInterrupt
        raise CourseError(message)
    if not save:
        write(nb, runs / f"{name}.ipynb")
        return runs / f"{name}.ipynb"
    if _read_text(job.path) != job.text:
        write(nb, runs / f"{name}.ipynb")
        raise CourseError(f"{name} was edited while it ran, so it was left alone; run it again")
    nb = normalise(nb)
    nb.metadata.setdefault("vaecourse", NotebookNode())["fingerprint"] = fingerprint(nb)
    write(nb, job.path)
    _write_goal_picture(nb, job.path)
    return job.path


def goal_picture(nb: NotebookNode) -> bytes | None:
    """The PNG of the figure tagged as the chapter's goal, or None."""
    for cell in code_cells(nb):
        for output in cell.outputs if _has_tag(cell, GOAL_TAG) else []:
            if "image/png" in output.get("data", {}):
                return base64.b64decode(output.data["image/png"])
    return None


def _write_goal_picture(nb: NotebookNode, path: Path) -> None:
    picture = goal_picture(nb)
    if picture:
        folder = path.parent / "images"
        folder.mkdir(exist_ok=True)
        (folder / f"{path.stem}.png").write_bytes(picture)


def _failure(nb: NotebookNode) -> str | None:
    """Which cell failed, and how, in one line. Cells tagged `raises-exception` may."""
    for number, cell in enumerate(code_cells(nb), 1):
        for output in cell.outputs:
            if output.output_type == "error" and not _has_tag(cell, "raises-exception"):
                line = cell.source.strip().partition("\n")[0]
                reason = output.evalue.strip().partition("\n")[0]
                return f"cell {number} ({line}): {output.ename}: {reason}"
    return None


# -- verifying ---------------------------------------------------------------------------------


def verify(paths: Sequence[Path] = ()) -> int:
    """Run notebooks and compare their marked cells with what is stored; nbval's exit status.

    Without paths these are all chapters and solutions; a folder stands for its notebooks. Raises
    CourseError for a path that is no notebook, and for a notebook that holds nothing to compare.
    """
    if not paths:
        solutions = book_folder().parent / "solutions"
        paths = [*chapters(), *sorted(solutions.glob("*.ipynb"))]
    notebooks = [file for path in paths for file in _notebooks(path)]
    if not notebooks:
        raise CourseError(f"expected notebooks in {', '.join(map(str, paths))}, found none")
    for path in notebooks:
        _require_checks(path)
    with TemporaryDirectory(prefix="vaecourse-") as scratch:
        config = Path(scratch, "pytest.ini")  # the project's own settings are not for notebooks
        config.write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env"]
        command += ["--nbval-cell-timeout=600", "--noconftest", "-p", "no:cacheprovider"]
        command += ["-c", str(config), f"--rootdir={Path.cwd()}", *map(str, notebooks)]
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        return subprocess.run(command, env=env | KERNEL_ENV, check=False).returncode


def _notebooks(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.ipynb"))
    return [_notebook_file(path) if path.suffix else find_chapter(str(path))]


def _require_checks(path: Path) -> None:
    cells = code_cells(read(path))
    if not any(cell.outputs for cell in cells):
        raise CourseError(f"{path} has no outputs; run it first: vaecourse run {path.stem} --save")
    if not any(is_checked(cell) and cell.outputs for cell in cells):
        raise CourseError(
            f"{path} has no output to compare; tag at least one cell with output {CHECK_TAG!r}"
        )


# -- rendering ---------------------------------------------------------------------------------


def build(*, execute: bool = False, offline_check: bool = False) -> Path:
    """Run stale chapters (all with `execute`), render the book and give its first page.

    Raises CourseError where a chapter fails, the book does not build without a warning, or, with
    `offline_check`, a page asks for anything outside the book.
    """
    book = book_folder()
    names = [str(path) for path in chapters() if execute or is_stale(path)]
    if names:
        run(names, save=True)
    page = render(book, book)
    if offline_check:
        requests = outside_requests(page.parent)
        if requests:
            raise CourseError("pages ask for what is not in the book:\n" + "\n".join(requests))
    return page


def render(book: Path, output: Path) -> Path:
    """Render a book folder into `output/_build/html` and give the first page.

    Raises CourseError, with every warning, unless there is none.
    """
    html = output / "_build" / "html"
    shutil.rmtree(html, ignore_errors=True)  # no page of a chapter that is gone stays behind
    print(f"rendering {book}", flush=True)
    # jupyter-book has no `python -m`, and the script on the path may be another environment's
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    command += [str(book), "--path-output", str(output), "--all", "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(
        command,
        cwd=book,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = click.unstyle(done.stderr).splitlines()
        warnings = [line for line in lines if "WARNING" in line or "ERROR" in line]
        raise CourseError("the book did not build:\n" + "\n".join(warnings or lines[-20:]))
    return html / "index.html"

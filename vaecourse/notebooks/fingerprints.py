"""When a chapter's outputs are stale: a fingerprint of all that they can depend on."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from vaecourse.notebooks.book import PACKAGE, book_folder
from vaecourse.notebooks.files import (
    INSTALL_TAG,
    WIDGET,
    code_cells,
    goal_file,
    goal_picture,
    has_tag,
    is_file,
    read,
)
from vaecourse.notebooks.source import essence, syntax, used_modules


def fingerprint(nb: NotebookNode, package: Path = PACKAGE) -> str:
    """What the stored outputs depend on, as sha256 (hexadecimal).

    It covers the code cells, the package modules that they import, directly or not, and the
    content of the data sets, trained models and studies' results that they name. A comment, a
    docstring or a blank line changes it only where a cell shows source.
    """
    computing = [cell for cell in code_cells(nb) if not has_tag(cell, INSTALL_TAG)]
    cells = [cell.source.replace("\r\n", "\n") for cell in computing]
    trees = [syntax(cell) for cell in cells]
    modules = used_modules(trees, package)
    shows_source = any("getsource" in cell for cell in cells)
    parts = [essence(cell, is_cell=True) for cell in cells]
    for name, text in sorted(modules.items()):
        parts.append(f"{name}\n{text if shows_source else essence(text)}")
    literals: set[object] = {
        n.value for t in trees for n in ast.walk(t) if isinstance(n, ast.Constant)
    }
    if "vaecourse.data" in modules:
        from vaecourse import data  # imports torch, so only where there is data to identify

        parts += [f"{name}\n{data.identity(name)}" for name in data.NAMES if name in literals]
    parts += [_content(file) for file in _used_files(modules, literals, package)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _used_files(modules: dict[str, str], literals: set[object], package: Path) -> Iterator[Path]:
    """The files beside the code that the cells use: results and weights they name, scripts."""
    kept: list[Path] = []
    if {"vaecourse.results", "vaecourse.studies"} & modules.keys():
        results = (book_folder() / "results").glob("*.*")
        kept += (file for file in results if file.suffix in (".json", ".safetensors"))
    if "vaecourse.pretrained" in modules:
        kept += (package / "pretrained").glob("*.*")
    yield from sorted(file for file in kept if file.stem in literals)
    if "vaecourse.explorer" in modules:
        kinds = (".js", ".css")
        yield from sorted(f for f in (package / "explorer").rglob("*.*") if f.suffix in kinds)


def _content(file: Path) -> str:
    """Name and sum of a file; a clone on Windows may have changed the line ends of a text."""
    content = file.read_bytes()
    if file.suffix != ".safetensors":
        content = content.replace(b"\r\n", b"\n")
    return f"{file.name}\n{hashlib.sha256(content).hexdigest()}"


def is_stale(path: Path, package: Path = PACKAGE) -> bool:
    """Whether a notebook's outputs are missing, or older than its code, modules or data."""
    nb = read(path)
    cells = code_cells(nb)
    if any(cell.execution_count is None for cell in cells):
        return True
    if any(WIDGET in output.get("data", {}) for cell in cells for output in cell.outputs):
        return True  # run live: its sliders and bars would leave holes in the page
    picture, kept = goal_picture(nb), goal_file(path)
    if picture and not (is_file(kept) and kept.read_bytes() == picture):
        return True
    stored: str | None = nb.metadata.get("vaecourse", {}).get("fingerprint")
    return stored != fingerprint(nb, package)

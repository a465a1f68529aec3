"""Reading and writing notebooks, and what their cells are."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from vaecourse import files
from vaecourse.errors import CourseError

CHECK_TAG = "nbval-check-output"
GOAL_TAG = "goal-picture"  # the figure that a chapter shows at its top: "you will make this"
INSTALL_TAG = "install"  # the cell that installs the course where it is missing
INJECTED_TAG = "injected-parameters"  # papermill's
WIDGET = "application/vnd.jupyter.widget-view+json"


def heading_anchor(title: str) -> str:
    """What a link to a heading of a notebook ends in: JupyterLab's own form, and the book's."""
    return title.replace(" ", "-")


def is_file(path: Path) -> bool:
    """Whether there is a file; a name that the system refuses (too long, say) is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read(path: Path) -> NotebookNode:
    """The notebook in a file. Raises CourseError where it is none."""
    return parse(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of a file. Raises CourseError where it cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CourseError(f"{path} is not UTF-8 text; restore or remove it") from None
    except OSError as error:
        raise CourseError(f"cannot read {path}: {files.reason(error)}; try another path") from None


def parse(text: str, path: Path) -> NotebookNode:
    """The notebook that `text`, from the file `path`, stands for, with settings of the right types.

    Raises CourseError where it is none.
    """
    try:
        nb = nbformat.convert(nbformat.reader.reads(text), 4)
        nbformat.validate(nb)  # nbformat.reads only writes a log of what is invalid
        nbformat.writes(nb).encode()  # half a character (a surrogate) can be read, never written
        _check_settings(nb)
    except Exception as error:  # nbformat answers broken files with many kinds
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CourseError(f"{path} is not a notebook: {reason}; restore or remove it") from None
    return nb


def _check_settings(nb: NotebookNode) -> None:
    """What this package and MyST-NB read in the metadata, which no schema describes."""
    settings = _mapping(nb.metadata, "vaecourse")
    if not isinstance(settings.get("fingerprint", ""), str):
        raise CourseError(f"expected a text as fingerprint, got {settings['fingerprint']!r}")
    scales = _mapping(settings, "scales")
    for scale in scales:
        _mapping(scales, scale)
        if not scale.isidentifier():  # it becomes part of a file's name
            raise CourseError(f"expected a word as name of a scale, got {scale!r}")
    for cell in nb.cells:
        _mapping(_mapping(cell.metadata, "mystnb"), "image")


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, Mapping):
        raise CourseError(f"expected a mapping as {key!r} of its metadata, got {value!r}")
    return value


def write(nb: NotebookNode, path: Path) -> None:
    """Put a notebook into a file, whole or not at all; CourseError where it cannot be written."""
    files.write(path, nbformat.writes(nb).rstrip("\n") + "\n")


def has_tag(cell: NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    """The cells that a kernel runs: those with code, without papermill's injected one."""
    return [
        cell
        for cell in nb.cells
        if cell.cell_type == "code" and cell.source.strip() and not has_tag(cell, INJECTED_TAG)
    ]


def is_checked(cell: NotebookNode) -> bool:
    """Whether nbval compares what the cell puts out with what is stored."""
    return has_tag(cell, CHECK_TAG) or "# NBVAL_CHECK_OUTPUT" in cell.source


def goal_picture(nb: NotebookNode) -> bytes | None:
    """The PNG of the figure tagged as the chapter's goal, or None."""
    for cell in code_cells(nb):
        for output in cell.outputs if has_tag(cell, GOAL_TAG) else []:
            if "image/png" in output.get("data", {}):
                try:
                    return base64.b64decode(output.data["image/png"])
                except (binascii.Error, TypeError, ValueError):
                    return None
    return None


def goal_file(path: Path) -> Path:
    """Where the goal picture of the chapter in `path` is kept."""
    return path.parent / "images" / f"{path.stem}.png"

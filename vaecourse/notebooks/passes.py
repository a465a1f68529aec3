"""Passes: small steps that change a notebook, and the list of those that give its stored form.

A pass takes a notebook and changes it in place; `apply` runs a list of them on a copy.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy

import nbformat
from nbformat import NotebookNode

from vaecourse.notebooks.files import INJECTED_TAG, WIDGET, has_tag

Pass = Callable[[NotebookNode], None]

_BAR = re.compile(r"[^\r\n]*(?:\d+%\||\d+it \[)[^\r\n]*[\r\n]*")


def apply(passes: Iterable[Pass], nb: NotebookNode) -> NotebookNode:
    """A copy of a notebook that has gone through the passes, one after the other."""
    nb = deepcopy(nb)
    for step in passes:
        step(nb)
    return nb


def normalise(nb: NotebookNode) -> NotebookNode:
    """A copy without what changes from run to run, and with each figure's alt text in its cell."""
    return apply(STORED_FORM, nb)


def drop_injected_parameters(nb: NotebookNode) -> None:
    """Without the cell in which papermill set the parameters of one run."""
    nb.cells = [cell for cell in nb.cells if not has_tag(cell, INJECTED_TAG)]


def drop_records_of_the_run(nb: NotebookNode) -> None:
    """Without times, paths and the state of widgets; empty lists of tags go too."""
    for key in ("papermill", "widgets"):
        nb.metadata.pop(key, None)
    for cell in nb.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]


def name_the_usual_kernel(nb: NotebookNode) -> None:
    """Python 3, of whatever version, in whatever environment."""
    kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nb.metadata["kernelspec"] = NotebookNode(kernelspec)
    nb.metadata.get("language_info", {}).pop("version", None)


def count_from_one(nb: NotebookNode) -> None:
    """The cells that ran are numbered in their order, and their results with them."""
    count = 0
    for cell in nb.cells:
        if cell.cell_type == "code":
            if cell.execution_count is not None:
                count += 1
                cell.execution_count = count
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count


def tidy_outputs(nb: NotebookNode) -> None:
    """Streams in one piece, without progress bars; no widgets, whose state is not stored."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = _tidy(cell.outputs)


def _tidy(outputs: list[NotebookNode]) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in outputs:
        output.pop("transient", None)
        if output.output_type == "stream":
            text = _without_bars(output.text) if output.name == "stderr" else output.text
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += text
            elif text:
                output.text = text
                kept.append(output)
        elif WIDGET not in output.get("data", {}):
            kept.append(output)
    return kept


def _without_bars(text: str) -> str:
    text = _BAR.sub("", text)
    return text if text.strip() else ""


def copy_alt_texts(nb: NotebookNode) -> None:
    """Each figure's alt text stands in its cell's metadata too, where MyST-NB reads it."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            _copy_alt(cell)


def _copy_alt(cell: NotebookNode) -> None:
    about = [output.get("metadata", {}).get("image/png", {}) for output in cell.outputs]
    alts = [image.get("alt") for image in about if isinstance(image, Mapping)]
    mystnb = cell.metadata.pop("mystnb", {})
    image = mystnb.pop("image", {})
    image.pop("alt", None)
    if any(alts):
        image["alt"] = " ".join(dict.fromkeys(alt for alt in alts if alt and isinstance(alt, str)))
    if image:
        mystnb["image"] = image
    if mystnb:
        cell.metadata["mystnb"] = nbformat.from_dict(mystnb)


STORED_FORM: tuple[Pass, ...] = (
    drop_injected_parameters,
    drop_records_of_the_run,
    name_the_usual_kernel,
    tidy_outputs,
    count_from_one,
    copy_alt_texts,
)

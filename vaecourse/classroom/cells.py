"""What the cells of an assignment are, by nbgrader's metadata (schema 3) and by their tags."""

import re
from typing import Any

from nbformat import NotebookNode

from vaecourse.notebooks.files import has_tag

EXPERIMENT_TAG = "experiment"  # a cell that takes long and that no question needs
CHECK_END = "-check"
SCORE_ID = "score"


def grade_id(cell: NotebookNode) -> str:
    """nbgrader's name of a cell, or ""."""
    return str(_settings(cell).get("grade_id", ""))


def points(cell: NotebookNode) -> int:
    return int(_settings(cell).get("points", 0))


def role(cell: NotebookNode) -> str:
    """ "answer", "check", "read" (by a person), "experiment", "score", or "text" for others."""
    settings = _settings(cell)
    if settings.get("solution"):
        return "read" if settings.get("grade") else "answer"
    if settings.get("grade"):
        return "check"
    if cell.get("id") == SCORE_ID:
        return "score"
    return "experiment" if has_tag(cell, EXPERIMENT_TAG) else "text"


def question(cell: NotebookNode) -> str:
    """The question ("a2.3") that an answer or check cell belongs to, or ""."""
    found = re.fullmatch(rf"(a\d+)-(\d+)({CHECK_END})?", grade_id(cell))
    return f"{found[1]}.{found[2]}" if found else ""


def checked(cell: NotebookNode) -> str:
    """The expression of the answer that a check cell checks: `gaussian_kl`."""
    found = re.search(r'^check\("[\w.]+", (.+)\)$', cell.source, re.MULTILINE)
    return found[1] if found else ""


def _settings(cell: NotebookNode) -> dict[str, Any]:
    found = cell.metadata.get("nbgrader", {})
    return found if isinstance(found, dict) else {}

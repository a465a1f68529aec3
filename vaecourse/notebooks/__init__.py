"""The chapters: find them, tell stale ones, run, verify and render them.

A chapter is a notebook that is stored executed. papermill runs it, nbval compares its marked
cells, jupyter-book renders it; all three use a kernel of this very environment. From below:
`quick`, `book` and `files`, `skeleton`, `passes` and `fingerprints`, `kernels` and `cluster`,
`running`, `verifying`, `rendering`.
"""

from vaecourse.notebooks import quick  # noqa: F401

# isort: split
from vaecourse.notebooks.book import book_folder, chapters, find_chapter
from vaecourse.notebooks.files import (
    code_cells,
    goal_picture,
    heading_anchor,
    is_checked,
    read,
    write,
)
from vaecourse.notebooks.fingerprints import fingerprint, is_stale
from vaecourse.notebooks.lab import lab
from vaecourse.notebooks.passes import STORED_FORM, apply, normalise
from vaecourse.notebooks.rendering import build, render
from vaecourse.notebooks.repository import repository
from vaecourse.notebooks.running import run
from vaecourse.notebooks.skeleton import new_chapter
from vaecourse.notebooks.source import imports, parameter_names
from vaecourse.notebooks.verifying import verify

__all__ = [
    "STORED_FORM",
    "apply",
    "book_folder",
    "build",
    "chapters",
    "code_cells",
    "find_chapter",
    "fingerprint",
    "goal_picture",
    "heading_anchor",
    "imports",
    "is_checked",
    "is_stale",
    "lab",
    "new_chapter",
    "normalise",
    "parameter_names",
    "read",
    "render",
    "repository",
    "run",
    "verify",
    "write",
]

"""How long a chapter takes to read. For Sphinx an extension, which tells each page."""

import re
from typing import Any

from nbformat import NotebookNode

from vaecourse.notebooks.files import read

WORDS_A_MINUTE = 150  # slower than a novel: equations are read twice, and figures looked at
NAME = "vaecourse-reading-minutes"  # of the page's meta element


def reading_minutes(nb: NotebookNode) -> int:
    """Minutes for a chapter's text, whole ones; code and what it puts out is not counted."""
    text = " ".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    text = re.sub(r"\]\([^)]*\)|</?\w+>", " ", text)  # addresses of links, and tags
    return max(1, round(len(re.findall(r"\w+(?:['’-]\w+)*", text)) / WORDS_A_MINUTE))


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls once."""
    app.connect("html-page-context", _tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _tell(app: Any, page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    path = app.srcdir / f"{page}.ipynb"
    if path.is_file():
        minutes = reading_minutes(read(path))
        context["metatags"] = f'{context["metatags"]}\n<meta name="{NAME}" content="{minutes}">'

"""How long a chapter takes to read."""

import re

from nbformat import NotebookNode

WORDS_A_MINUTE = 150  # slower than a novel: equations are read twice, and figures looked at


def reading_minutes(nb: NotebookNode) -> int:
    """Minutes for a chapter's text, whole ones; code and what it puts out is not counted."""
    text = " ".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    text = re.sub(r"\]\([^)]*\)|</?\w+>", " ", text)  # addresses of links, and tags
    return max(1, round(len(re.findall(r"\w+(?:['’-]\w+)*", text)) / WORDS_A_MINUTE))

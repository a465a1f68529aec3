"""The notebooks that readers download from the pages: each is whole by itself."""

import base64
import re
from pathlib import Path

from nbformat import NotebookNode

from vaecourse.notebooks.files import is_file, read, write

PICTURE = re.compile(r"\]\((images/[\w.-]+\.png)\)")


def carry_pictures(downloads: Path, book: Path) -> None:
    """Put the pictures that notebooks in a folder show of the book's folder into the notebooks."""
    for path in sorted(downloads.glob("*.ipynb")):
        nb = read(path)
        for cell in nb.cells:
            if cell.cell_type == "markdown":
                _carry(cell, book)
        write(nb, path)


def _carry(cell: NotebookNode, book: Path) -> None:
    for name in dict.fromkeys(PICTURE.findall(cell.source)):
        picture = book / name
        if is_file(picture):
            content = base64.b64encode(picture.read_bytes()).decode()
            cell.setdefault("attachments", {})[picture.name] = {"image/png": content}
            cell.source = cell.source.replace(f"]({name})", f"](attachment:{picture.name})")

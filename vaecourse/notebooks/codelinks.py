"""Links in a chapter's code: the first time that it uses a name of the package."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from vaecourse.errors import CourseError
from vaecourse.notebooks.files import code_cells, read
from vaecourse.notebooks.names import PACKAGE, Names

BLOCK = re.compile(r'<div class="highlight-ipython3.*?</pre>', re.DOTALL)


def link_code(app: Any, page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """In a page's code, put a link around the first use of each name of the package."""
    path = app.srcdir / f"{page}.ipynb"
    if "body" not in context or not path.is_file():
        return
    try:
        sources = [cell.source for cell in code_cells(read(path))]
    except CourseError:
        return  # a page that is no notebook of ours
    names = Names(app.env)
    for written in dict.fromkeys(name for source in sources for name in used(source)):
        shown, meant = written
        if goal := names.qualified(meant):
            address = f"{app.builder.get_relative_uri(page, goal[0])}#{goal[1]}"
            context["body"] = _link_first(context["body"], shown, address)


def used(source: str) -> Iterator[tuple[str, str]]:
    """The package's names in a cell: as they are imported, and as attributes of modules."""
    try:
        tree = ast.parse(re.sub(r"(?m)^\s*[%!].*$", "pass", source))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            room = (node.module or "").removeprefix(PACKAGE).removeprefix(".")
            for name in node.names:
                yield name.name, f"{room}.{name.name}".lstrip(".")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            written = f"{node.value.id}.{node.attr}"
            yield written, written


def _link_first(body: str, name: str, address: str) -> str:
    """A link around the first place in the page's code where pygments shows the name."""
    parts = [rf'<span class="n[a-z]*">{re.escape(part)}</span>' for part in name.split(".")]
    dot = r'<span class="o">\.</span>'
    pattern = re.compile(f"(?<!{dot})" + dot.join(parts))
    for block in BLOCK.finditer(body):
        if found := pattern.search(block[0]):
            start, end = (block.start() + at for at in found.span())
            link = f'<a class="vc-name" href="{address}">{found[0]}</a>'
            return body[:start] + link + body[end:]
    return body

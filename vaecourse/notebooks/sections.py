"""The book's text by section, for the search: a script, so that it is there on file:// too."""

import json
from collections.abc import Iterator
from typing import Any

from docutils import nodes

FILE = "sections.js"  # in _static, for search.js
LEFT_OUT = (nodes.raw, nodes.math, nodes.math_block, nodes.image, nodes.comment, nodes.Invisible)


def sections_of(page: str, tree: nodes.document) -> list[dict[str, str]]:
    """Of each section of a page: "page", "anchor", "chapter", "title" and its own "text"."""
    found = []
    chapter = ""
    for section in tree.findall(nodes.section):
        title = section.next_node(nodes.title)
        heading = title.astext() if title else ""
        chapter = chapter or heading
        anchor = section["ids"][0] if section["ids"] and section.parent is not tree else ""
        text = " ".join(" ".join(_texts(section)).split())
        found.append(
            {"page": page, "anchor": anchor, "chapter": chapter, "title": heading, "text": text}
        )
    return found


def _texts(node: nodes.Node) -> Iterator[str]:
    """The texts below a node, without its title, what is computed, and sections inside."""
    for child in node.children:
        if isinstance(child, nodes.Text):
            yield child.astext()
        elif isinstance(child, (nodes.section, nodes.title, *LEFT_OUT)):
            continue
        elif "cell_output" not in child.get("classes", []):
            yield from _texts(child)


def script(sections: list[dict[str, str]]) -> str:
    """The sections as JavaScript that only assigns them."""
    content = json.dumps(sections, ensure_ascii=False, separators=(",", ":"))
    return f"globalThis.vaecourseSections = {content};\n"


def collect(app: Any, page: str, tree: nodes.document | None) -> None:
    """Remember a page's sections until the end of the build."""
    if tree is not None:
        app.vaecourse_sections = [*getattr(app, "vaecourse_sections", []), *sections_of(page, tree)]


def write(app: Any, problem: Exception | None) -> None:
    """What Sphinx calls at the end of a build."""
    if problem is None and app.builder.format == "html":
        file = app.outdir / "_static" / FILE
        file.write_text(script(getattr(app, "vaecourse_sections", [])), encoding="utf-8")

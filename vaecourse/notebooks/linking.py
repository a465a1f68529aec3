"""Links that a page gets when the book is rendered, so that no chapter has to write them.

- the first time that a page uses a word of the glossary, the word leads to its entry;
- a name of the package in the text, such as `vae.py`, `gaussian_kl` or `latent.lerp`, leads to the
  API reference;
- in the table of the reports' rows, a row's number leads to the cell that shows it: a chapter's
  cell with the tag row-S1.1 has the anchor row-s1-1.

For Sphinx this is an extension. A page links to nothing that is not in the book.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from docutils import nodes

from vaecourse.notebooks.codelinks import link_code
from vaecourse.notebooks.names import Names

# where a word stays as it is: it is a link, a title, code or a formula already, or an output
SHUT = (nodes.reference, nodes.title, nodes.literal, nodes.math, nodes.raw, nodes.image,
        nodes.literal_block, nodes.term, nodes.caption)  # fmt: skip
OUTPUT = "cell_output"
ROW = re.compile(r"S\d\.\d+")
Goal = tuple[str, str]  # a page and an anchor on it


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls once."""
    app.connect("doctree-read", _mark_rows)
    app.connect("doctree-resolved", _link)
    app.connect("html-page-context", link_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def anchor(row: str) -> str:
    """Of the cell that shows a row."""
    return f"row-{row.lower().replace('.', '-')}"


def _mark_rows(_app: Any, tree: nodes.document) -> None:
    """Give the first cell of each row its anchor."""
    seen = set()
    for cell in tree.findall(nodes.container):
        for name in cell["classes"]:
            row = name.removeprefix("tag_row-")
            if row != name and row not in seen:
                seen.add(row)
                cell["ids"].append(anchor(row))


def _link(app: Any, tree: nodes.document, page: str) -> None:
    def reference(goal: Goal, inside: nodes.Node, kind: str) -> nodes.reference:
        uri = app.builder.get_relative_uri(page, goal[0]) if goal[0] != page else ""
        made = nodes.reference("", "", inside, internal=True, refuri=f"{uri}#{goal[1]}")
        made["classes"] = [kind]
        return made

    if app.builder.format != "html" or page.startswith("api/"):
        return
    _link_names(tree, Names(app.env), reference)
    _link_rows(tree, _rows(app), reference)
    if page != "glossary":
        _link_terms(tree, _terms(app), reference)


Reference = Callable[[Goal, nodes.Node, str], nodes.reference]


def _link_names(tree: nodes.document, names: Names, reference: Reference) -> None:
    for literal in list(tree.findall(nodes.literal)):
        goal = names.goal(literal.astext())
        if goal and not _is_shut(literal.parent):
            literal.replace_self(reference(goal, literal.deepcopy(), "vc-name"))


def _link_rows(tree: nodes.document, rows: dict[str, Goal], reference: Reference) -> None:
    for entry in list(tree.findall(nodes.entry)):
        row = entry.astext().strip()
        if ROW.fullmatch(row) and row in rows:
            link = reference(rows[row], nodes.Text(row), "vc-row-number")
            entry.children = []
            entry += nodes.paragraph("", "", link)


def _rows(app: Any) -> dict[str, Goal]:
    """The page and anchor of the first cell that shows a row, in the order of the chapters."""
    if not hasattr(app, "vaecourse_rows"):
        found: dict[str, Goal] = {}
        for path in sorted(app.srcdir.glob("*.ipynb")):
            if path.stem in app.env.all_docs:
                for row in re.findall(r'"row-(S\d\.\d+)"', path.read_text(encoding="utf-8")):
                    found.setdefault(row, (path.stem, anchor(row)))
        app.vaecourse_rows = found
    return dict(app.vaecourse_rows)


# -- words of the glossary ---------------------------------------------------------------------


def _terms(app: Any) -> dict[str, Goal]:
    objects = app.env.get_domain("std").get_objects()
    return {name.lower(): (page, at) for name, _, kind, page, at, _ in objects if kind == "term"}


def _link_terms(tree: nodes.document, terms: dict[str, Goal], reference: Reference) -> None:
    left = dict(terms)
    for text in list(_open_texts(tree)):
        pieces: list[nodes.Node] = []
        rest = text.astext()
        while left and (found := _pattern(left).search(rest)):
            goal = left[found["word"].lower()]
            left = {word: g for word, g in left.items() if g != goal}  # other words for it too
            pieces += [nodes.Text(rest[: found.start()])]
            pieces += [reference(goal, nodes.Text(found[0]), "vc-term")]
            rest = rest[found.end() :]
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(rest)])


def _pattern(terms: dict[str, Goal]) -> re.Pattern[str]:
    """Any of the words, the longest that fits, with the s of a plural."""
    words = "|".join(re.escape(word) for word in sorted(terms, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?P<word>{words})(?:e?s)?(?![\w-])", re.IGNORECASE)


def _open_texts(tree: nodes.document) -> Iterator[nodes.Text]:
    for paragraph in tree.findall(nodes.paragraph):
        if not _is_shut(paragraph):
            for text in paragraph.findall(nodes.Text):
                if not _is_shut(text.parent):
                    yield text


def _is_shut(node: nodes.Node | None) -> bool:
    while node is not None:
        if isinstance(node, SHUT) or OUTPUT in getattr(node, "attributes", {}).get("classes", []):
            return True
        node = node.parent
    return False

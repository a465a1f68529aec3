"""The tables of the page on teaching, computed when the book is made. For Sphinx an extension.

`{plan}` holds a line a meeting, "week 1: 01 02 a1"; `{workload}` is a table of all chapters.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from docutils.statemachine import StringList
from nbformat import NotebookNode
from sphinx.util.docutils import SphinxDirective

from vaecourse.classroom import sheets
from vaecourse.errors import CourseError
from vaecourse.notebooks.files import read
from vaecourse.notebooks.reading import WORDS_A_MINUTE, reading_minutes

# what chapters say of their computing, and the minutes that it is at most
SAID = {
    "seconds": 1, "about a minute": 1, "about a minute and a half": 2,
    "one to two minutes": 2, "about two minutes": 2, "two to three minutes": 3,
}  # fmt: skip


class Chapter(NamedTuple):
    """What a chapter takes, in minutes."""

    link: str
    reading: int
    computing: int


def chapter(path: Path) -> Chapter:
    """Raises CourseError where the chapter does not say how long it computes."""
    nb = read(path)
    subtitle = re.search(r"^\*(.+)\*$", nb.cells[0].source, re.MULTILINE)
    number = path.stem.partition("_")[0].lstrip("0")
    name = f"{number} {subtitle[1]}" if subtitle else path.stem
    return Chapter(f"[{name}]({path.name})", reading_minutes(nb), computing_minutes(nb, path))


def computing_minutes(nb: NotebookNode, path: Path) -> int:
    """What a chapter's first cell says, as minutes; CourseError where it says nothing known."""
    said = re.search(r"\*\*Time\*\*: (.+?)(?: of computing|[.,])", nb.cells[0].source)
    if not said or said[1] not in SAID:
        raise CourseError(
            f"expected the first cell of {path} to say how long it computes, got "
            f"{said[1] if said else 'nothing'!r}; try one of: {', '.join(SAID)}"
        )
    return SAID[said[1]]


def workload(book: Path) -> str:
    """A table of all chapters, in Markdown."""
    found = [chapter(path) for path in sorted(book.glob("[0-9]*.ipynb"))]
    rows = [f"| {c.link} | {c.reading} | {c.computing} |" for c in found]
    reading, computing = sum(c.reading for c in found), sum(c.computing for c in found)
    return "\n".join([
        f"Read at {WORDS_A_MINUTE} words a minute: slower than a novel, for there are equations "
        "and figures to look at.", "",
        "| chapter | read | compute, at most |", "| --- | ---: | ---: |", *rows,
        f"| all of them | {reading} | {computing} |",
    ])  # fmt: skip


def plan(lines: list[str], book: Path) -> str:
    """A plan's table, in Markdown. Raises CourseError for a chapter or assignment unknown."""
    rows, totals = [], [0, 0, 0]
    for when, _, what in (line.partition(":") for line in lines if line.strip()):
        chapters = [_chapter(name, book) for name in what.split() if name[0].isdigit()]
        papers = [_assignment(name) for name in what.split() if not name[0].isdigit()]
        minutes = [sum(c.reading for c in chapters), sum(c.computing for c in chapters),
                   sum(paper.minutes for paper in papers)]  # fmt: skip
        totals = [a + b for a, b in zip(totals, minutes, strict=True)]
        names = ", ".join(paper.assignment.partition("-")[0].upper() for paper in papers)
        work = f"{names}: {minutes[2]}" if papers else ""
        links = ", ".join(c.link for c in chapters)
        rows.append(f"| {when} | {links} | {minutes[0]} | {minutes[1]} | {work} | {sum(minutes)} |")
    head = "| when | chapters | read | compute | assignment | in all |"
    foot = f"| in all | | {' | '.join(map(str, [*totals, sum(totals)]))} |"
    return "\n".join([head, "| --- | --- | ---: | ---: | ---: | ---: |", *rows, foot])


def _chapter(number: str, book: Path) -> Chapter:
    found = list(book.glob(f"{number}_*.ipynb"))
    if len(found) != 1:
        raise CourseError(f"expected a chapter's number, such as 07b, got {number!r}; see _toc.yml")
    return chapter(found[0])


def _assignment(name: str) -> sheets.Sheet:
    found = [known for known in sheets.names() if known.startswith(f"{name}-")]
    if len(found) != 1:
        raise CourseError(f"expected an assignment, such as a1, got {name!r}")
    return sheets.load(found[0])


class Table(SphinxDirective):
    """A table that a function makes of the directive's lines."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        book = Path(self.env.srcdir)
        made = plan(list(self.content), book) if self.name == "plan" else workload(book)
        for path in book.glob("[0-9]*.ipynb"):
            self.env.note_dependency(str(path))
        parent = nodes.Element()
        parent.document = self.state.document
        self.state.nested_parse(StringList(made.splitlines(), source=self.env.docname), 0, parent)
        return parent.children


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls once."""
    app.add_directive("plan", Table)
    app.add_directive("workload", Table)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

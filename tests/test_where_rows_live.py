"""The reports' page links each row to the section of a chapter that holds the cells showing it."""

import re
from pathlib import Path

from vaecourse import notebooks

BOOK = Path(__file__).parents[1] / "book"
PATHS = sorted(BOOK.glob("*.ipynb"))
Places = dict[str, set[str]]  # of each row: chapter.ipynb#Heading


def linked() -> Places:
    """By the table of the reports' page."""
    (table,) = (
        c.source for c in notebooks.read(BOOK / "reports.ipynb").cells if "| row |" in c.source
    )
    rows = re.findall(r"^\| (S\d\.\d+) \|(.*)\|$", table, flags=re.MULTILINE)
    links = {row: re.findall(r"\]\(([^#)]+\.ipynb#[^)\s]+)\)", cells) for row, cells in rows}
    assert len(rows) == len(links) == table.count("\n| S"), "a row stands twice, or is misspelt"
    return {row: set(places) for row, places in links.items()}


def shown() -> Places:
    """By the tags of the cells: under which heading does a cell with the tag row-S1.1 stand?

    A "your turn" stands within the section around it.
    """
    found: Places = {}
    for path in PATHS:
        heading = ""
        for cell in notebooks.read(path).cells:
            if cell.cell_type == "markdown":
                titles = re.findall(r"^#{1,3} (?!Your turn)(.+)$", cell.source, flags=re.M)
                heading = notebooks.heading_anchor(titles[-1]) if titles else heading
            for tag in cell.metadata.get("tags", []):
                if tag.startswith("row-"):
                    found.setdefault(tag.removeprefix("row-"), set()).add(f"{path.name}#{heading}")
    return found


def test_the_reports_page_links_each_row_to_the_sections_with_its_cells() -> None:
    assert linked() == shown()


def test_a_heading_that_is_linked_to_stands_once_in_its_chapter() -> None:
    for place in set().union(*linked().values()):
        name, anchor = place.split("#")
        text = "\n".join(
            c.source for c in notebooks.read(BOOK / name).cells if c.cell_type == "markdown"
        )
        titles = re.findall(r"^#{1,3} (.+)$", text, flags=re.MULTILINE)
        assert [notebooks.heading_anchor(title) for title in titles].count(anchor) == 1, place

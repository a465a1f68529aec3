"""What the theme's pages lack for who listens to them, or speaks to them."""

import re
from pathlib import Path

from vaecourse.notebooks.icons import pages

MENDED = (
    # a name that is spoken is the one that is read: "Show code cell source", "Search"
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    (re.compile(r'(<button class="btn search-button-field[^>]*?) aria-label="Search"'), r"\1"),
    (
        re.compile(r'<summary>(?=<span class="toctree-toggle")'),
        '<summary aria-label="Pages below">',
    ),
    # everything lies in a part of the page that one can jump to
    (
        re.compile(r'<div class="sidebar-primary-item">(?=\s*<a class="navbar-brand)'),
        '<div class="sidebar-primary-item" role="region" aria-label="This book">',
    ),
    # ARIA has given this role up; a list holds items
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
)


def mend(html: Path) -> None:
    """Mend each page in a folder of rendered pages."""
    for path in pages(html):
        page = path.read_text(encoding="utf-8")
        for pattern, replacement in MENDED:
            page = pattern.sub(replacement, page)
        path.write_text(page, encoding="utf-8")

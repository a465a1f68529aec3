"""Pages without what they do not use, so that they are there soon on a slow line."""

import re
from pathlib import Path

# Sphinx's search and its index; where it is loaded Sphinx does not highlight what was found
SEARCH = re.compile(
    r'\s*<script src="(?:_static/(?:searchtools|language_data)|searchindex)\.js[^>]*></script>'
)


def lighten(html: Path) -> None:
    """Take out of each page in a folder what only the search page needs."""
    for path in sorted(html.glob("*.html")):
        if path.name != "search.html":
            page = path.read_text(encoding="utf-8")
            path.write_text(SEARCH.sub("", page), encoding="utf-8")

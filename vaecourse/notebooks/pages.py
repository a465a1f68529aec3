"""What each page is told beside its text. For Sphinx this is an extension."""

from typing import Any

from vaecourse.notebooks import sections
from vaecourse.notebooks.files import read
from vaecourse.notebooks.reading import reading_minutes

MINUTES = "vaecourse-reading-minutes"  # the name of a meta element, for progress.js
NO_SCRIPTS = (
    '<noscript><p class="vc-noscript">Without JavaScript this page shows formulas as LaTeX, and '
    "still pictures in the place of explorers; the search does not work.</p></noscript>"
)


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls once."""
    app.connect("html-page-context", _tell)
    app.connect("build-finished", sections.write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}


def _tell(app: Any, page: str, _template: str, context: dict[str, Any], tree: Any) -> None:
    sections.collect(app, page, tree)
    if page == "search":
        app.add_js_file(sections.FILE)
    if "body" in context:
        context["body"] = NO_SCRIPTS + context["body"]
    path = app.srcdir / f"{page}.ipynb"
    if path.is_file():
        minutes = reading_minutes(read(path))
        context["metatags"] = f'{context["metatags"]}\n<meta name="{MINUTES}" content="{minutes}">'

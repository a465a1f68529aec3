"""What a published book has beside its pages: an error page, and a card for links to it.

For Sphinx this is an extension. The card needs whole addresses, so it is made only where the book's
own is given: `baseurl` below `html` in `_config.yml`.
"""

import re
from html import escape
from pathlib import Path
from typing import Any

from vaecourse import files

CARD = "images/cover.png"
CARD_ALT = "A sheet of digits that a network drew, beside the title of the course."
WORDS = 200  # characters of a description
NOT_FOUND = """<!doctype html>
<html lang="en-GB">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not in this book</title>
<style>
  :root {{ color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif }}
  main {{ max-width: 36rem; margin: 15vh auto; padding: 0 1rem }}
</style>
<main>
<h1>Not in this book</h1>
<p>No page has this address: between the codes lies a hole. It may have moved, or a letter of the
address is wrong.</p>
<p><a href="{home}">The first page, with all chapters</a></p>
</main>
</html>
"""


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls once."""
    app.connect("html-page-context", _card)
    app.connect("build-finished", _not_found)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _base(app: Any) -> str:
    address = (app.config.html_baseurl or "").strip()
    return f"{address.rstrip('/')}/" if address else ""


def _card(app: Any, page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    base = _base(app)
    if not base or "body" not in context:
        return
    paragraph = re.search(r"<p>(?!<em>)(.*?)</p>", context["body"], re.DOTALL)
    told = " ".join(re.sub(r"<[^>]+>", "", paragraph[1] if paragraph else "").split())
    properties = {
        "og:type": "article",
        "og:title": re.sub(r"<[^>]+>", "", context.get("title", "")),
        "og:description": told[:WORDS],
        "og:url": f"{base}{page}.html",
        "og:image": f"{base}_images/cover.png",
        "og:image:alt": CARD_ALT,
    }
    lines = [
        f'<meta property="{name}" content="{escape(value)}">' for name, value in properties.items()
    ]
    lines.append('<meta name="twitter:card" content="summary_large_image">')
    context["metatags"] = "\n".join([context["metatags"], *lines])


def _not_found(app: Any, failure: Exception | None) -> None:
    """Write the error page. A server shows it at any depth, so it uses nothing from beside it."""
    if failure is None and app.builder.format == "html":
        out = Path(app.outdir)
        files.write(out / "404.html", NOT_FOUND.format(home=_base(app) or "intro.html"))
        card = Path(app.srcdir, CARD)
        if card.is_file():
            (out / "_images").mkdir(exist_ok=True)
            files.write(out / "_images" / card.name, card.read_bytes())

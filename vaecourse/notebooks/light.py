"""Pages without what they do not use, and with what can come later in files of its own, so that
text, formulas and explorers are there soon on a slow line."""

import base64
import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from vaecourse.notebooks.icons import only_used_icons, pages

# Sphinx's search and its index; where it is loaded Sphinx does not highlight what was found
SEARCH = re.compile(
    r'\s*<script src="(?:\.\./)*(?:_static/)?(?:searchtools|language_data|searchindex)\.js[^>]*>'
    r"</script>"
)
# all icons there are as drawings; those that are used come in a font
DRAWINGS = re.compile(
    r'\s*<script [^>]*src="(?:\.\./)*_static/scripts/fontawesome\.js[^>]*></script>'
)
NETWORK = re.compile(
    r'<script type="application/json" data-vaecourse-network="(\w+)">(.*?)</script>', re.DOTALL
)
EXPLORER = re.compile(r'(<div class="vaecourse-explorer") data-waiting(?=[ >])')
EMBEDDED = re.compile(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"')
LARGE = 50_000  # bytes
PICTURE = re.compile(r'<img (?![^>]*\bloading=)([^>]*?)src="((?:\.\./)*_images/[^"]+)"([^>]*)>')


def lighten(html: Path) -> None:
    """Make each page in a folder of rendered pages light."""
    twins = _twins(html / "_images")
    for path in pages(html):
        page = DRAWINGS.sub("", path.read_text(encoding="utf-8"))
        if path.name != "search.html":
            page = SEARCH.sub("", page)
        for name, twin in twins.items():
            page = page.replace(f"_images/{name}", f"_images/{twin}")
        page = EMBEDDED.sub(_into_file(html), page)
        page = _networks_later(page, html)
        page = PICTURE.sub(_with_size(path.parent), page)
        path.write_text(page, encoding="utf-8")
    for name in twins:
        (html / "_images" / name).unlink()
    for picture in (html / "_images").glob("*.png"):
        _fewer_colours(picture)
    only_used_icons(html)


def _twins(folder: Path) -> dict[str, str]:
    """Pictures that are there under another name too, with the name that stays."""
    first: dict[str, str] = {}
    twins = {}
    for path in sorted(folder.glob("*.png")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        if content in first:
            twins[path.name] = first[content]
        first.setdefault(content, path.name)
    return twins


def _into_file(html: Path) -> Callable[[re.Match[str]], str]:
    """A picture inside the page becomes a file beside it."""

    def replaced(match: re.Match[str]) -> str:
        content = base64.b64decode(match[1])
        name = f"still-{hashlib.sha256(content).hexdigest()[:16]}.png"
        (html / "_images").mkdir(exist_ok=True)
        (html / "_images" / name).write_bytes(content)
        return f'src="_images/{name}"'

    return replaced


def _networks_later(page: str, html: Path) -> str:
    """Networks become scripts, which `later.js` asks for; their explorers wait for it."""
    keys = []
    for key, content in NETWORK.findall(page):
        keys.append(key)
        folder = html / "_static" / "networks"
        folder.mkdir(exist_ok=True)
        (folder / f"{key}.js").write_text(f'vaecourseNetwork("{key}", {content});\n', "utf-8")
    if not keys:
        return page
    page = NETWORK.sub("", page)
    return EXPLORER.sub(r"\1 data-later", page)


def _with_size(folder: Path) -> Callable[[re.Match[str]], str]:
    """A picture waits until it is nearly in sight, and keeps its place until then."""

    def replaced(match: re.Match[str]) -> str:
        before, source, after = match.groups()
        size = ""
        if not re.search(r"\bheight=", before + after):
            with Image.open(folder / source) as picture:
                size = f' width="{picture.width}" height="{picture.height}"'
        return f'<img loading="lazy" decoding="async"{size} {before}src="{source}"{after}>'

    return replaced


def _fewer_colours(path: Path) -> None:
    """A large picture has the 256 colours nearest to its own, where that makes it small."""
    if path.stat().st_size < LARGE:
        return
    smaller = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            smaller, "png", optimize=True
        )
    if smaller.tell() < 0.8 * path.stat().st_size:
        path.write_bytes(smaller.getvalue())

"""The theme's icons: a font of those that the pages use, in the place of all two thousand."""

import re
from pathlib import Path

from fontTools import subset

FONT = Path("vendor", "fontawesome", "webfonts", "fa-solid-900.ttf")
BRANDS = Path("vendor", "fontawesome", "webfonts", "fa-brands-400.ttf")
STYLES = Path("styles", "pydata-sphinx-theme.css")
FACE = """@font-face {{
  font-family: "{family}";
  font-style: normal;
  font-weight: {weight};
  font-display: block;
  src: url("{file}") format("woff");
}}
"""


def only_used_icons(html: Path) -> None:
    """Write the fonts and `_static/icons.css`, and link it from each page, after the theme's."""
    static = html / "_static"
    if not (static / FONT).is_file():
        return
    used = "".join(sorted(_used(html)))
    faces = [
        _face(static, FONT, used, "Font Awesome 6 Free", 900),
        _face(static, BRANDS, used, "Font Awesome 6 Brands", 400),
    ]
    (static / "icons.css").write_text("".join(faces), encoding="utf-8")
    for path in pages(html):
        page = path.read_text(encoding="utf-8")
        up = "../" * (len(path.relative_to(html).parts) - 1)
        link = f'<link rel="stylesheet" type="text/css" href="{up}_static/icons.css" />\n  </head>'
        path.write_text(re.sub(r"</head>", link, page, count=1), encoding="utf-8")


def pages(html: Path) -> list[Path]:
    """All pages of a rendered book."""
    return sorted(path for path in html.rglob("*.html") if "_static" not in path.parts)


def _used(html: Path) -> set[str]:
    """The letters of the font that stand for the icons of pages and style sheets."""
    styles = (html / "_static" / STYLES).read_text(encoding="utf-8")
    letters: dict[str, str] = {}
    for names, code in re.findall(r'([^{}]+)\{content:"\\(f[0-9a-f]+)"\}', styles):
        for name in re.findall(r"\.(fa-[\w-]+):", names):
            letters[name] = chr(int(code, 16))
    used = {
        letter
        for value in re.findall(r"--pst-icon-[\w-]+:\"([^\"]+)\"", styles)
        for letter in value
    }
    for path in (html / "_static").rglob("*.css"):
        if path.name != STYLES.name:
            codes = re.findall(r'content:\s*"\\(f[0-9a-f]{3})"', path.read_text(encoding="utf-8"))
            used |= {chr(int(code, 16)) for code in codes}
    for path in pages(html):
        names = re.findall(r"\bfa-[\w-]+", path.read_text(encoding="utf-8"))
        used |= {letters[name] for name in names if name in letters}
    return used


def _face(static: Path, font: Path, letters: str, family: str, weight: int) -> str:
    options = subset.Options(flavor="woff", notdef_outline=True, layout_features=[])
    file = f"icons-{weight}.woff"
    with subset.load_font(str(static / font), options) as whole:
        chosen = subset.Subsetter(options)
        chosen.populate(text=letters)
        chosen.subset(whole)
        subset.save_font(whole, str(static / file), options)
    return FACE.format(family=family, weight=weight, file=file)

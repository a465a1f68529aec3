"""Pages that instructors and students open: one file each, no script, nothing fetched.

Everything that comes from a student goes through `text`.
"""

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable, Sequence

from vaecourse.classroom.archives import clean

WINDOWS_KEEPS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #f3f5f7;
  --line: #c9d0d7; --faint: #59636e; --good: #00694c; --bad: #a3370b; --open: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16191d; --soft: #22272d;
  --line: #444c56; --faint: #a6afb9; --good: #58c9a0; --bad: #f2a36b; --open: #8ec0f2; } }
@media print { :root { --ink: #000; --paper: #fff; --soft: #f3f5f7; --line: #999; --faint: #444;
  --good: #00694c; --bad: #a3370b; --open: #1f5fa8; } pre { white-space: pre-wrap !important; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2rem; }
a { color: var(--open); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem; text-align: left;
  vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
th { white-space: nowrap; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: .7rem;
  overflow-x: auto; white-space: pre; font-size: .875rem; overflow-wrap: normal; }
section { border-top: 1px solid var(--line); }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.open { color: var(--open); font-weight: 600; } .faint { color: var(--faint); }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A page with a title, a plain text, and parts that are HTML already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{text(title)}</h1>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """A value as text that is nothing but text: escaped, without characters that hide or turn."""
    lines = str(value).encode(errors="replace").decode().split("\n")
    return html.escape("\n".join(clean(line.expandtabs(4)) for line in lines))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of cells that are HTML already; `numbers` are the columns to be right-aligned."""
    shown = list(rows)
    kinds = [' class="number"' if i in numbers else "" for i in range(len(head))]
    top = "".join(f'<th scope="col"{k}>{text(h)}</th>' for h, k in zip(head, kinds, strict=True))
    lines = (
        "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True))
        for row in shown
    )
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def listed(items: Iterable[str]) -> str:
    """A list of items that are HTML already."""
    return "<ul>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>"


def number(value: float | None) -> str:
    """Points as people write them: 7, 7.5, or a dash for what nobody has given yet."""
    return "–" if value is None else f"{value:g}"


def safe_name(name: str) -> str:
    """A name for a file or folder: letters, digits, dots, dashes; distinct names stay distinct."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    short = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip(".-")[:60]
    if short == name and not WINDOWS_KEEPS.fullmatch(short) and short == short.lower():
        return short
    mark = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{short or 'name'}-{mark}"

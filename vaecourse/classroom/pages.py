"""Pages that instructors and students open: one file each, no script, nothing fetched.

Everything that comes from a student goes through `text`.
"""

import hashlib
import html
import io
import keyword
import re
import tokenize
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from vaecourse.classroom.archives import clean

# names that Windows keeps for devices, whatever follows their first dot
WINDOWS_KEEPS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
MARK = 12  # hexadecimal digits: nobody finds a name that has another's
MARKED = re.compile(rf".*-[0-9a-f]{{{MARK}}}")
# beside what `clean` takes: what is not seen, and what turns the text around it
UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u2060-\u2064\u206a-\u206f\ufff9-\ufffb\U000e0000-\U000e007f]"
)
MOST_ITEMS = 30  # of a list that are shown
LONGEST = 600  # characters of a line in a table or a list
# the last two are not in what `default-src` stands for
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #f3f5f7;
  --line: #c9d0d7; --faint: #59636e; --good: #00694c; --bad: #a3370b; --open: #1f5fa8; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16191d;
  --soft: #22272d; --line: #444c56; --faint: #a6afb9; --good: #58c9a0; --bad: #f2a36b;
  --open: #8ec0f2; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin: 1.2rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 1rem 0 .5rem; }
a { color: var(--open); } p { margin: .5rem 0; max-width: 45rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .8rem 0; overflow-wrap: break-word; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem; text-align: left;
  vertical-align: top; }
td { max-width: 30rem; } td:not(.number) { min-width: 3rem; }
td ul { margin: 0; padding-left: 1.1rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
thead th { vertical-align: bottom; } tbody th { font-weight: 400; max-width: 34rem; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: .7rem;
  overflow-x: auto; white-space: pre; font-size: .875rem; overflow-wrap: normal; }
pre.words { white-space: pre-wrap; overflow-wrap: anywhere; font-family: inherit; }
td pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
pre i { font-style: normal; color: var(--faint); } pre b { color: var(--open); }
pre u { text-decoration: none; color: var(--good); }
section { border-top: 1px solid var(--line); margin-top: 1.5rem; }
.points { font-size: 1.25rem; font-weight: 600; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.open { color: var(--open); font-weight: 600; } .faint { color: var(--faint); }
.lines { white-space: pre-wrap; }
figure { margin: 1rem 0; } figcaption { max-width: 45rem; }
svg { max-width: 100%; height: auto; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; } svg .on { fill: #000; }
svg path { stroke: var(--ink); fill: none; } svg rect { stroke: var(--paper); }
td:last-child { overflow-wrap: anywhere; }
@media (max-width: 30rem) { table { font-size: .875rem; } th, td { padding: .3rem; }
  td ul { padding-left: .8rem; } }
@media print { body { max-width: none; font-size: 11pt; padding: 0; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; } .wide { overflow: visible; }
  h2, h3 { break-after: avoid; } tr, figure { break-inside: avoid; }
  svg rect { print-color-adjust: exact; } }
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
    return html.escape(_seen(value))


def short(value: object) -> str:
    """Likewise, cut where it is too long for a table or a list."""
    seen = _seen(value)
    return html.escape(seen if len(seen) <= LONGEST else f"{seen[:LONGEST]}…")


def code(source: str) -> str:
    """Python as `text`, with its comments, strings and keywords marked.

    By Python's own tokenizer: Pygments takes minutes for some 40 kB that a student may write.
    """
    source = _seen(source)
    starts = list(accumulate((len(line) + 1 for line in source.split("\n")), initial=0))
    parts, done = [], 0
    for tag, (row, column), (end_row, end_column) in _marked(source):
        start, end = starts[row - 1] + column, starts[end_row - 1] + end_column
        if done <= start < end:
            parts += [html.escape(source[done:start]), f"<{tag}>"]
            parts += [html.escape(source[start:end]), f"</{tag}>"]
            done = end
    return "".join([*parts, html.escape(source[done:])])


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of cells that are HTML already; `numbers` are the columns to be right-aligned.

    The first cell of a row names it.
    """
    kinds = [' class="number"' if i in numbers else "" for i in range(len(head))]
    top = "".join(f'<th scope="col"{k}>{text(h)}</th>' for h, k in zip(head, kinds, strict=True))
    lines = (
        f'<th scope="row">{row[0]}</th>'
        + "".join(f"<td{k}>{cell}</td>" for cell, k in zip(row[1:], kinds[1:], strict=True))
        for row in rows
    )
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def listed(items: Iterable[object]) -> str:
    """A list of texts, the first of them where there are many."""
    texts = list(items)
    shown = [short(item) for item in texts[:MOST_ITEMS]]
    if len(texts) > MOST_ITEMS:
        shown.append(f"and {len(texts) - MOST_ITEMS:,} more")
    return "<ul>\n" + "\n".join(f"<li>{item}</li>" for item in shown) + "\n</ul>"


def number(value: float | None) -> str:
    """Points as people write them: 7, 7.5, or a dash for what nobody has given yet."""
    return "–" if value is None else f"{value:g}"


def sentence(words: str) -> str:
    """A hint as `short`, with a capital letter first."""
    return short(words[:1].upper() + words[1:])


def count(number: int, thing: str) -> str:
    """A number of things, with an s where there is not one of them."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def safe_name(name: str) -> str:
    """A name for a file or folder: letters, digits, dashes; distinct names stay distinct.

    What is plain and in small letters stays as it is; anything else gets a mark, and so does a
    name that looks as if it had one: nobody may choose the name that another's becomes.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    shown = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip(".-")[:60]
    kept = WINDOWS_KEEPS.fullmatch(shown) or MARKED.fullmatch(shown) or ".." in shown
    if shown and shown == name == name.lower() and not kept:
        return shown
    mark = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:MARK]
    return f"{shown.replace('.', '-') or 'name'}-{mark}"


def _seen(value: object) -> str:
    """A text without characters that hide or turn; half a character becomes a question mark."""
    lines = str(value).encode(errors="replace").decode().split("\n")
    return "\n".join(UNSEEN.sub("", clean(line.expandtabs(4))) for line in lines)


def _marked(source: str) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """The element in which a token stands, its start and its end, as far as they can be read."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            kind = tokenize.tok_name[token.type]
            if kind == "COMMENT":
                yield "i", token.start, token.end
            elif kind == "STRING" or kind.startswith("FSTRING"):
                yield "u", token.start, token.end
            elif kind == "NAME" and keyword.iskeyword(token.string):
                yield "b", token.start, token.end
    except (tokenize.TokenError, SyntaxError, ValueError):
        return

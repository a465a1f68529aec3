"""Pages as a browser's parser sees them, and what people may write to break one, for tests."""

from html.parser import HTMLParser
from typing import NamedTuple

from vaecourse.classroom import pages
from vaecourse.classroom.grades import Grade, QuestionGrade, QuestionStatus

AWAY = "https://example.org/"
EVIL = [
    "<script>document.title = 'ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    f"<img src={AWAY}x.png>",
    "<svg onload=document.title='ran'><script>document.title='ran'</script></svg>",
    f"</pre></td></table><meta http-equiv=refresh content='0;url={AWAY}'>",
    f"</title></style><link rel=stylesheet href={AWAY}x.css>",
    f'"><style>@import url({AWAY});</style><a href="{AWAY}" id="',
    "' onmouseover='document.title=\"ran\"' x='",
    "javascript:document.title='ran'",
    f"<base href={AWAY}><iframe srcdoc='<script>top.document.title=1</script>'>",
    "<!-- <form action=x><input autofocus onfocus=document.title='ran'>",
    "]]><![CDATA[ &lt;script&gt; &#60;script&#62; &amp;quot;",
    "\x00<scr\x00ipt>\u202egpj.exe\u2066 \ud800 \r\n\x1b[31m",
    "`${document.title='ran'}` {{7*7}} =cmd|' /C calc'!A0",
]
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "section", "div",
    "h1", "h2", "h3", "p", "a", "span", "strong", "br", "ul", "li", "pre", "b", "i", "u",
    "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption",
    "svg", "rect", "text", "path",
}  # fmt: skip
VOID = {"meta", "br"}
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "scope", "role",
    "aria-label", "viewbox", "width", "height", "x", "y", "fill", "text-anchor", "transform", "d",
}  # fmt: skip


class Table(NamedTuple):
    """A table and the heading above it; cells are plain text."""

    heading: str
    head: list[str]
    rows: list[list[str]]


class Seen(HTMLParser):
    """What stands on a page, and what should not."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.tables: list[Table] = []
        self.pres: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        self.faults += [f"<{tag} {name}>" for name, _ in attrs if name not in ATTRIBUTES]
        found = dict(attrs)
        if link := found.get("href"):
            self.links.append(link)
            if not link.startswith(("#", "feedback/")) and link != "similarity.html":
                self.faults.append(f"leads to {link}")
        if identity := found.get("id"):
            self.ids.append(identity)
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")
        elif tag == "table":
            self.tables.append(Table(self.headings[-1], [], []))
        elif tag == "tr" and "tbody" in self._open:
            self.tables[-1].rows.append([])
        elif tag in ("th", "td"):
            self._cells().append("")
        elif tag == "pre":
            self.pres.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            if data != pages.STYLE:
                self.faults.append("has a style of its own")
            return
        self.text += data
        if "table" in self._open:
            if {"th", "td"} & set(self._open):
                self._cells()[-1] += data
        elif self._open and self._open[-1] in ("h1", "h2", "h3"):
            self.headings[-1] += data
        elif "pre" in self._open:
            self.pres[-1] += data

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}-->")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}")

    def table(self, heading: str) -> Table:
        """The one table under a heading."""
        (found,) = [one for one in self.tables if one.heading == heading]
        return found

    def _cells(self) -> list[str]:
        table = self.tables[-1]
        return table.rows[-1] if "tbody" in self._open else table.head


def evil_grade(evil: str, status: QuestionStatus = "wrong") -> Grade:
    """A grade that says the same thing wherever a text can stand."""
    questions = tuple(
        QuestionGrade(f"{evil}{i}", points, 10, status, evil, evil, evil)
        for i, points in enumerate([0.0, 2.5, None, 10.0])
    )
    return Grade(
        evil,
        evil,
        evil,
        "needs review",
        questions,
        {q.name: evil for q in questions},
        review=(evil,) * 2,
        tampering=(evil, f"a2.1: reaches for the kernel ({evil})"),
        notes=(evil,),
        is_late=True,
        isolation=evil,
        hashes={"notebook": evil, "key": evil},
        record={"release": evil, "when": evil},
    )

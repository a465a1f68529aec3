"""Drawings for pages, as SVG that stands in the page: no script, no font, no file of its own."""

from collections.abc import Iterable, Mapping, Sequence

from vaecourse.classroom.pages import short, text

LEFT, WIDE, ROW = 52, 300, 26  # pixels
HIGH = 130  # of a histogram
BINS = 10
LEGEND = 170  # pixels that an entry takes
# Okabe and Ito's colours, which the colour-blind tell apart; black text can be read on each
BLUE, SKY, GREEN, ORANGE, PINK, YELLOW = (
    "#0072b2", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#f0e442",
)  # fmt: skip
GREY = "#bdbdbd"


def histogram(totals: Sequence[float], of: float, said: str) -> str:
    """How many students have how many of `of` points; `said` is what the drawing says."""
    counts = [0] * BINS
    for total in totals:
        counts[max(0, min(BINS - 1, int(BINS * total / of)))] += 1
    width, most = WIDE / BINS, max(1, *counts)
    floor = 24 + HIGH
    parts = []
    for i, number in enumerate(counts):
        x, tall = LEFT + i * width, number * HIGH / most
        parts.append(_rect(x, floor - tall, width, tall, BLUE))
        if number:
            parts.append(_text(x + width / 2, floor - tall - 5, str(number), "middle"))
    parts.append(f'<path d="M{LEFT} {floor + 0.5}h{WIDE}"/>')
    for i in range(0, BINS + 1, 2):
        x = LEFT + i * width
        parts.append(f'<path d="M{x:.1f} {floor}v5"/>')
        parts.append(_text(x, floor + 19, f"{i * of / BINS:g}", "middle"))
    parts.append(_text(LEFT + WIDE / 2, floor + 38, f"points so far, of {of:g}", "middle"))
    middle = 24 + HIGH / 2
    turned = f'transform="rotate(-90 24 {middle:g})"'
    parts.append(_text(24, middle, "number of students", "middle", turned))
    return _figure(said, said, parts, LEFT + WIDE + 20, floor + 46)


def shares(rows: Mapping[str, Mapping[str, int]], kinds: Mapping[str, str], caption: str) -> str:
    """A bar by row, cut into the numbers of each kind; `kinds` gives each a colour."""
    parts, said = [], [caption]
    for row, (name, counts) in enumerate(rows.items()):
        x, y, total = float(LEFT), row * ROW, sum(counts.values())
        parts.append(_text(LEFT - 8, y + 18, name, "end"))
        for kind, colour in kinds.items():
            width = WIDE * counts.get(kind, 0) / max(1, total)
            if width:
                parts.append(_rect(x, y + 2, width, ROW - 4, colour))
            if width > 8 * len(str(counts.get(kind, 0))) + 4:
                label = _text(x + width / 2, y + 18, str(counts[kind]), "middle", 'class="on"')
                parts.append(label)
            x += width
        said.append(f"{name}: " + ", ".join(f"{n} {k}" for k in kinds if (n := counts.get(k))))
    bottom = len(rows) * ROW + 10
    present = [kind for kind in kinds if any(counts.get(kind) for counts in rows.values())]
    for i, kind in enumerate(present):
        x, y = 20 + (i % 2) * LEGEND, bottom + (i // 2) * 22
        parts.append(_rect(x, y, 14, 14, kinds[kind]))
        parts.append(_text(x + 20, y + 12, kind, "start"))
    tall = bottom + 22 * (-(-len(present) // 2))
    return _figure("; ".join(said), caption, parts, LEFT + WIDE + 20, tall)


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
    )


def _text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{short(words)}</text>'


def _figure(said: str, caption: str, parts: Iterable[str], width: float, height: float) -> str:
    return (
        f'<figure><svg role="img" aria-label="{text(said)}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">{"".join(parts)}</svg>'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )

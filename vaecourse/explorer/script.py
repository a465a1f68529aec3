"""The explorers' JavaScript, joined into one script for the page and the widget alike."""

from pathlib import Path

FOLDER = Path(__file__).parent
BASE = ("runtime", "engines", "controls", "charts", "plane", "drawing")
# a file an explorer; `graph` has `averages` too
KINDS = (
    *("explore", "between", "sketch", "normal", "ellipses", "averages", "graph", "bound"),
    *("reductions", "along"),
)


def _lean(source: str) -> str:
    """Without comments of whole lines and indentation: every chapter with an explorer carries it.

    So no text in backticks may go over several lines; a test looks.
    """
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


SOURCES = {
    name: (FOLDER / "js" / f"{name}.js").read_text("utf-8") for name in (*BASE, *KINDS, "mounting")
}
SCRIPT = "\n".join(map(_lean, SOURCES.values()))
STYLE = (FOLDER / "explorer.css").read_text("utf-8")

"""The explorers' JavaScript, joined into one script for the page and the widget alike."""

from pathlib import Path

FOLDER = Path(__file__).parent
BASE = ("runtime", "engines", "controls", "charts", "plane", "drawing")
# a file an explorer; `graph` has `averages` too
KINDS = ("explore", "between", "sketch", "normal", "ellipses", "averages", "graph", "bound")
SCRIPT = "\n".join(
    (FOLDER / "js" / f"{name}.js").read_text("utf-8") for name in (*BASE, *KINDS, "mounting")
)
STYLE = (FOLDER / "explorer.css").read_text("utf-8")

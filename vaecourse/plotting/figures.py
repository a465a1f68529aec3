"""The Figure that carries its alt text, the course's style and its colours."""

import base64
import io
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure as MatplotlibFigure
from PIL import Image

from vaecourse.errors import CourseError

# Ten colours that stay apart for colour-blind readers (Paul Tol's "muted", and black); each class
# is drawn as its own digit as well, so that colour is never the only sign.
CLASS_COLOURS = (
    "#332288", "#4EA0D0", "#117733", "#999933", "#CC6677",
    "#882255", "#AA4499", "#44AA99", "#B8860B", "#000000",
)  # fmt: skip
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#333333")  # Okabe and Ito's, and dark grey

STYLE: Any = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLOURS),
    "figure.dpi": 150,
}


class Figure(MatplotlibFigure):
    """A matplotlib Figure that carries its alt text into a notebook's stored output."""

    alt: str = ""

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        drawn, picture = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png", metadata={"Software": None})
        _smallest(Image.open(drawn).convert("RGB")).save(picture, "png", optimize=True)
        data = {
            "image/png": base64.b64encode(picture.getvalue()).decode(),
            "text/plain": f"Figure: {self.alt}",
        }
        width = round(100 * self.get_figwidth())  # CSS pixels; the file has half as many again
        return data, {"image/png": {"alt": self.alt, "width": width}}


def _smallest(pixels: Image.Image) -> Image.Image:
    """The same pixels in a form of one byte each, where that loses nothing: grey, or a palette."""
    red, green, blue = pixels.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        return red
    return pixels.quantize() if pixels.getcolors(256) else pixels


def new_figure(alt: str, width: float = 7.0, height: float = 3.0) -> Figure:
    """An empty Figure, sizes in inches, whose alt text says what it will show."""
    if not alt.strip():
        raise CourseError("expected alt text for the figure, got none; try one sentence: its claim")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
    figure.alt = alt
    return figure


def axes_of(figure: Figure, *grid: int, sharex: bool = False) -> Any:
    """Axes in the course's style: one for no grid, else an array of (rows, columns) of them."""
    with mpl.rc_context(STYLE):
        return figure.subplots(*grid, squeeze=False, sharex=sharex) if grid else figure.subplots()


def with_minus(value: float) -> str:
    """A number as a tick names it, with a true minus sign: −0.5, 10, 1e+06."""
    return f"{value + 0.0:g}".replace("-", "−")

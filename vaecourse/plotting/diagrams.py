"""Diagrams of a network and of its loss, with the shapes that one image has on its way through.

They are as wide as a phone, so that their letters stay readable there. Their alt texts are made of
the same shapes.
"""

import math

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn

from vaecourse.plotting.figures import Figure, new_figure
from vaecourse.plotting.layers import Network, Stage, look_at

WIDTH, BOX, STEP = 4.2, 0.34, 0.7  # inches: a figure, a box's height, from a box to the next
MIDDLE = WIDTH / 2
BLUE, ORANGE, GREEN, GREY, INK = "#CFE3F2", "#F8DCC6", "#CDEADF", "#EEEEEE", "#222222"


def network_diagram(model: nn.Module, x: Tensor) -> Figure:
    """The layers of an autoencoder or a VAE from top to bottom, each with the shape it gives.

    `x` is one image (1, channels, height, width), which is sent through the model. Convolutions
    have channels × height × width. What is no `Sequential` inside an encoder or a decoder is one
    box.
    """
    net = look_at(model, x)
    rows = 2 + len(net.encoder) + len(net.decoder) + net.variational
    figure, axes, y = _sheet(_network_alt(net), STEP * (rows - 1) + 0.6)
    _box(axes, MIDDLE, y, f"x: {net.image}", GREY, _width(net.image, net))
    *hidden, last = net.encoder
    top = y
    for stage in hidden:
        y = _draw_stage(axes, y, stage, str(stage), BLUE, net)
    _side_note(axes, (top + y) / 2, "encoder q(z|x)" if net.variational else "encoder")
    if net.variational:
        y = _draw_random_step(axes, y, last, net.latent_dim)
    else:
        y = _draw_stage(axes, y, last, f"z: {last}", GREEN, net)
    *hidden, last = net.decoder
    top = y
    for stage in hidden:
        y = _draw_stage(axes, y, stage, str(stage), ORANGE, net)
    y = _draw_stage(axes, y, last, f"logits: {last}", ORANGE, net)
    _side_note(axes, (top - STEP + y) / 2, "decoder p(x|z)" if net.variational else "decoder")
    recon = Stage("sigmoid", last.shape)
    _draw_stage(axes, y, recon, f"x_recon: {recon}", GREY, net)
    return figure


def loss_diagram(model: nn.Module, x: Tensor) -> Figure:
    """What goes into the loss of an autoencoder or a VAE, and how it becomes one number an image.

    For the loss of Bernoulli pixels; `x` is one image (1, channels, height, width).
    """
    net = look_at(model, x)
    figure, axes, top = _sheet(_loss_alt(net), 3.05 if net.variational else 2.85)
    top -= 0.1
    left, right = (1.08, WIDTH - 1.08) if net.variational else (MIDDLE, 0.0)
    middle, low = top - 0.98, top - 1.85
    _draw_pair(axes, left, top, ("x", "logits"), str(net.image), 0.98, (GREY, ORANGE))
    pixels = math.prod(net.image.shape)
    _box(axes, left, middle, f"−log p(x|z)\nsum of {pixels:,} pixels", BLUE, 2.0, 2)
    _arrow(axes, left, middle - 0.26, low + BOX / 2, "recon_nll" if net.variational else "")
    if not net.variational:
        _box(axes, MIDDLE, low, "loss = recon_nll", GREEN, 2.06)
        _note(axes, low - 0.34, "nats, one number an image")
        return figure
    _draw_pair(axes, right, top, ("μ", "log σ²"), str(net.latent_dim), 0.94, (BLUE, BLUE))
    of = "1 dimension" if net.latent_dim == 1 else f"sum of {net.latent_dim} dimensions"
    _box(axes, right, middle, f"KL(q(z|x) ‖ p(z))\n{of}", BLUE, 1.92, 2)
    _arrow(axes, right, middle - 0.26, low + BOX / 2, "kl")
    _box(axes, MIDDLE, low, "loss = recon_nll + β · kl", GREEN, WIDTH - 0.16)
    _note(axes, low - 0.46, "nats, one number an image;\nwith β = 1 the loss is −ELBO")
    return figure


# -- alt texts ---------------------------------------------------------------------------------


def _network_alt(net: Network) -> str:
    def way(stages: list[Stage]) -> str:
        return "".join(f", to {stage} by {stage.operation}" for stage in stages)

    *hidden, last = net.encoder
    size = net.latent_dim
    kind = "a variational autoencoder" if net.variational else "an autoencoder"
    if net.variational:
        code = (
            f", and by {last.operation} to μ and log σ² of size {size} each. "
            f"Noise ε from N(0, I) makes the code z = μ + σ · ε of size {size}."
        )
    else:
        code = f", and by {last.operation} to the code z of size {size}."
    return (
        f"Diagram of {kind} from top to bottom. The encoder takes an image x, {net.image}"
        f"{way(hidden)}{code} The decoder takes z{way(net.decoder)}: the logits. A sigmoid makes "
        "x_recon of them."
    )


def _loss_alt(net: Network) -> str:
    recon = (
        f"the image x and the decoder's logits, both {net.image}, give −log p(x|z), a sum "
        f"over {math.prod(net.image.shape):,} pixels: recon_nll"
    )
    if not net.variational:
        return f"Diagram of an autoencoder's loss: {recon}. It is the loss, in nats an image."
    return (
        f"Diagram of the loss of a variational autoencoder. Left: {recon}. Right: μ and log σ², of "
        f"size {net.latent_dim} each, give the KL from q(z|x) to the prior p(z), summed over "
        "the dimensions: kl. Below, loss = recon_nll + β · kl, in nats an image; with β = 1 it is "
        "−ELBO."
    )


# -- drawing: all places in inches, x from the left, y from below --------------------------------


def _sheet(alt: str, height: float) -> tuple[Figure, Axes, float]:
    """A figure with axes measured in inches, and the y of a first box in it."""
    figure = new_figure(alt, WIDTH, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.set_axis_off()
    return figure, axes, height - 0.3


def _width(stage: Stage, net: Network) -> float:
    """A box is the wider the more numbers it holds, by their logarithm."""
    most = max(math.prod(each.shape) for each in (net.image, *net.encoder, *net.decoder))
    return 1.3 + 1.5 * math.log(math.prod(stage.shape)) / math.log(max(most, 2))


def _in_lines(operation: str) -> str:
    """A long one in two lines: it stands in half the width."""
    return operation if len(operation) <= 24 else operation.replace(", ", "\n", 1)


def _box(
    axes: Axes, x: float, y: float, text: str, colour: str, width: float, lines: int = 1,
    dashed: bool = False,
) -> None:  # fmt: skip
    height = BOX + 0.18 * (lines - 1)
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height, facecolor=colour, edgecolor=INK,
            linewidth=0.8, linestyle="--" if dashed else "-",
            boxstyle="round,pad=0,rounding_size=0.06", zorder=2,
        )
    )  # fmt: skip
    axes.text(x, y, text, ha="center", va="center", fontsize=10, color=INK, zorder=3)


def _arrow(
    axes: Axes, x: float, start: float, end: float, text: str = "", end_x: float | None = None
) -> None:
    """From (x, start) down to `end`, with what is done on the way beside it."""
    head = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x if end_x is None else end_x, end), (x, start), arrowprops=head)
    axes.text(x + 0.1, (start + end) / 2, text, ha="left", va="center", fontsize=9.5, color=INK)


def _note(axes: Axes, y: float, text: str) -> None:
    axes.text(MIDDLE, y, text, ha="center", va="center", fontsize=9.5, color=INK)


def _side_note(axes: Axes, y: float, text: str) -> None:
    axes.text(0.3, y, text, ha="center", va="center", rotation=90, fontsize=10, color=INK)


def _draw_stage(axes: Axes, y: float, stage: Stage, text: str, colour: str, net: Network) -> float:
    """An arrow from the box at y, and the next box; gives its y."""
    _arrow(axes, MIDDLE, y - BOX / 2, y - STEP + BOX / 2, _in_lines(stage.operation))
    _box(axes, MIDDLE, y - STEP, text, colour, _width(stage, net))
    return y - STEP


def _draw_random_step(axes: Axes, y: float, last: Stage, size: int) -> float:
    """From the box at y to mu and logvar, beside them the noise, and to z below; gives z's y."""
    width, apart = 1.26, 1.36
    middle, low = y - STEP, y - 2 * STEP
    parts = {f"μ: {size}": BLUE, f"log σ²: {size}": BLUE, f"ε ~ N(0, I): {size}": "white"}
    for i, (text, colour) in enumerate(parts.items()):
        place = MIDDLE + (i - 1) * apart
        _box(axes, place, middle, text, colour, width, dashed=colour == "white")
        _arrow(axes, place, middle - BOX / 2, low + BOX / 2, end_x=MIDDLE + (i - 1) * 0.5)
    _arrow(axes, MIDDLE, y - BOX / 2, middle + BOX / 2, _in_lines(last.operation))
    _arrow(axes, MIDDLE - 0.3, y - BOX / 2, middle + BOX / 2, end_x=MIDDLE - apart + 0.3)
    _box(axes, MIDDLE, low, f"z = μ + σ · ε: {size}", GREEN, 1.9)
    return low


def _draw_pair(
    axes: Axes, x: float, y: float, names: tuple[str, str], size: str, width: float,
    colours: tuple[str, str],
) -> None:  # fmt: skip
    """Two boxes beside each other, each with an arrow to the box below them."""
    for side, name, colour in zip((-1, 1), names, colours, strict=True):
        place = x + side * (width / 2 + 0.02)
        _box(axes, place, y, f"{name}\n{size}", colour, width, 2)
        _arrow(axes, place, y - 0.26, y - 0.72)

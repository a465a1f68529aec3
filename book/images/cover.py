"""Draws the cover: writes cover.png beside it."""

from pathlib import Path

import matplotlib.pyplot as plt

from vaecourse import pretrained
from vaecourse.latent import prior_grid

SIZE = (1200, 630)  # what social cards are shown at
SIDE, PIXELS = 9, 28
INK, GOLD = "#0b3c5d", "#f0a202"


def main() -> None:
    model = pretrained.load("mnist-mlp-2d")
    z, _ = prior_grid(SIDE)
    x = model.decode(z).sigmoid().detach()
    sheet = x.view(SIDE, SIDE, PIXELS, PIXELS)
    sheet = sheet.permute(0, 2, 1, 3).reshape(SIDE * PIXELS, -1)
    figure = plt.figure(
        figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor=INK
    )
    axes = figure.add_axes((0.51, 0.05, 0.46, 0.9))
    axes.imshow(1 - sheet, cmap="gray", vmin=0, vmax=1)
    axes.axis("off")
    words = [
        ("Variational\nautoencoders,\nhands on", 0.68, 40, "white"),
        (r"$z = \mu + \sigma\,\varepsilon$", 0.36, 30, GOLD),
        ("A course in PyTorch", 0.2, 20, "white"),
    ]
    for text, height, size, colour in words:
        figure.text(
            0.05, height, text, size=size, color=colour, va="center"
        )
    figure.savefig(Path(__file__).with_suffix(".png"), facecolor=INK)


if __name__ == "__main__":
    main()

"""Films an explorer for the README: writes explorer.gif beside it."""

import io
import math
import tempfile
from pathlib import Path

from PIL import Image

from vaecourse import browsing, data, explorer, pretrained

FRAMES = 36


def main() -> None:
    x, y = data.load("digits", "test")
    with explorer.shown_on(explorer.Page()):
        shown = explorer.explore(
            pretrained.load("mnist-mlp-2d"),
            x=x,
            y=y,
            titles=["latent plane"],
        )
    pictures = []
    with (
        tempfile.TemporaryDirectory() as folder,
        browsing.browser() as browser,
    ):
        file = Path(folder) / "page.html"
        page_of = shown._repr_mimebundle_()["text/html"]
        file.write_text(
            f"<!doctype html><meta charset=utf-8>{page_of}", "utf-8"
        )
        page = browser.new_page(viewport={"width": 520, "height": 360})
        browsing.open_page(page, file)
        box = page.locator(".vc-plane").bounding_box()
        assert box
        for frame in range(FRAMES):
            angle = 2 * math.pi * frame / FRAMES
            across, down = (
                0.5 + 0.28 * math.cos(angle),
                0.5 + 0.24 * math.sin(angle),
            )
            page.mouse.move(
                box["x"] + across * box["width"],
                box["y"] + down * box["height"],
            )
            if frame == 0:
                page.mouse.down()
            page.wait_for_timeout(60)
            pictures.append(
                Image.open(io.BytesIO(page.screenshot())).convert(
                    "P", colors=48
                )
            )
    first, *others = pictures
    film = Path(__file__).with_suffix(".gif")
    first.save(
        film,
        save_all=True,
        append_images=others,
        duration=120,
        loop=0,
        optimize=True,
    )
    print(f"{film}: {film.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()

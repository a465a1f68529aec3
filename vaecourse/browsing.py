"""Pages in a real browser, with the network cut."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecourse.errors import CourseError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def outside_requests(html: Path) -> list[str]:
    """Open every page with the network cut; a line "page: address" for each thing it asks for.

    Raises CourseError where there is no browser.
    """
    found: list[str] = []
    with browser() as chromium:
        for file in sorted(html.rglob("*.html")):
            name = file.relative_to(html).as_posix()
            if name.startswith("_static/"):
                continue
            page = chromium.new_page()
            found += [f"{name}: {address}" for address in open_page(page, file)]
            page.close()
    return found


def open_page(page: "Page", file: Path) -> list[str]:
    """Open a page, wait for its maths, and give the outside addresses it asked for in vain."""
    outside: list[str] = []

    def cut(route: Any) -> None:
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    page.route("**/*", cut)
    page.goto(file.absolute().as_uri())
    page.wait_for_function(
        "() => window.MathJax ? window.MathJax.startup?.promise?.then(() => true) : true"
    )
    return outside


def find_browser() -> str | None:
    """The path of a Chromium, Chrome or Edge on this machine, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def browser() -> Iterator["Browser"]:
    """A headless Chromium that asks for nothing by itself. Raises CourseError without one."""
    executable = find_browser()
    if executable is None:
        raise CourseError("there is no Chromium, Chrome or Edge; install one (apt: chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise CourseError("a browser needs playwright; try: pip install playwright") from None
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    quiet += ["--no-first-run", "--disable-gpu", "--disable-quic"]
    with sync_playwright() as playwright:
        # root has no sandbox, and the only pages are our own, with the network cut
        chromium = playwright.chromium.launch(
            executable_path=executable, args=[*quiet, "--no-sandbox"]
        )
        yield chromium
        chromium.close()

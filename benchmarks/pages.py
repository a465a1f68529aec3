"""What a reader on a slow phone waits for: `python -m benchmarks.pages`.

Each page is opened in a fresh window, over a server that compresses, with the line and the
processor slowed down: as the book is rendered, and as it would be without `light.py`.
"""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from vaecourse import notebooks
from vaecourse.browsing import browser
from vaecourse.notebooks import rendering
from vaecourse.provenance import commit, processor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = ("04_variational_autoencoders", "09_interpolation")
LINE = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
SLOWER = 4  # times, than this machine's processor
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
RESULTS = Path(__file__).parent / "results" / "pages.json"

# milliseconds since the page was asked for: until the formulas in sight are there, all formulas,
# the first and the last explorer that moves, and the first picture
WATCH = """
const times = (globalThis.times = {});
const note = (name, is_there) => {
  if (!(name in times) && is_there) times[name] = performance.now();
};
const look = () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  if (document.readyState !== "loading") {
    const bare = (one) => !one.querySelector("mjx-container");
    const maths = all(".math");
    const seen = maths.filter((one) => one.getBoundingClientRect().top < 2 * innerHeight);
    note("formulas near the top", !seen.some(bare));
    note("all formulas", !maths.some(bare));
    const explorers = all(".vaecourse-explorer");
    note("first explorer", explorers.some((one) => one.matches(".vc-mounted")));
    note("last explorer", explorers.every((one) => one.matches(".vc-mounted")));
    const first = document.querySelector("article img");
    note("first picture", !first || (first.complete && first.naturalWidth));
  }
  if (Object.keys(times).length < 5) setTimeout(look, 50);
};
look();
"""
FINISHED = "Object.keys(times).length === 5"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@cache
def compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder, texts compressed."""

    sent: int = 0  # bytes of bodies, since it was set to 0

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        is_text = path.suffix in {".html", ".css", ".js", ".svg", ".json"}
        body = compressed(path) if is_text else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(body)))
        if is_text:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)
        type(self).sent += len(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def opened(chromium: "Browser", address: str, *, slowly: bool) -> dict[str, float]:
    """Seconds of one opening of a page, and its megabytes as they were sent."""
    context = chromium.new_context(**(PHONE if slowly else {}))
    page = context.new_page()
    if slowly:
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", LINE)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.add_init_script(WATCH)
    Handler.sent = 0
    page.goto(address, wait_until="commit")
    page.wait_for_function(FINISHED, timeout=120_000)
    found = {name: round(ms / 1000, 2) for name, ms in page.evaluate("times").items()}
    found["first paint"] = round(page.evaluate(PAINT) / 1000, 2)
    found["megabytes"] = round(Handler.sent / 1e6, 2)
    context.close()
    return found


def measured(html: Path) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    with browser() as chromium, serving(html) as address:
        for name in PAGES:
            for how, slowly in (("slow phone", True), ("laptop", False)):
                times = opened(chromium, f"{address}{name}.html", slowly=slowly)
                found.setdefault(name, {})[how] = times
                click.echo(f"{name}, {how}: {times}")
    return found


@click.command()
@click.option("--save", is_flag=True, help=f"Keep the figures in {RESULTS.name}.")
def main(save: bool) -> None:
    """Print and keep the seconds until text, formulas, pictures and explorers are there."""
    found = {}
    lighten = rendering.lighten
    for how in ("as rendered", "without light.py"):
        click.echo(how)
        rendering.lighten = lighten if how == "as rendered" else lambda html: None
        with TemporaryDirectory() as folder:
            found[how] = measured(notebooks.render(notebooks.book_folder(), Path(folder)).parent)
    if save:
        about = {"line": LINE, "slower": SLOWER, "commit": commit(), "processor": processor()}
        about["when"] = datetime.now(UTC).isoformat(timespec="seconds")
        RESULTS.write_text(json.dumps(about | found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

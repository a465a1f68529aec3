"""The rendered book, seen by a browser that has no network."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe
import pytest
import torch
from torch import Tensor

from vaecourse import browsing, explorer, latent, notebooks, pretrained
from vaecourse.explorer.page import OnPage
from vaecourse.variants.building import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.skipif(
    not browsing.find_browser(), reason="there is no Chromium, Chrome or Edge on this machine"
)

# What is wrong with the page that is open, as a list of sentences.
FAULTS = """async () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth)
    faults.push(`is ${document.documentElement.scrollWidth} px wide in ${innerWidth}`);
  for (const image of document.images) image.loading = "eager"; // those far below too
  for (const image of document.images) {
    const words = image.alt.trim().split(/\\s+/);
    const name = image.src.slice(-60);
    if (words.length < 4 || /\\.[a-z]{3,4}$/.test(words.at(-1)))
      faults.push(`has an image whose alt text says nothing, "${image.alt}": ${name}`);
    await image.decode().catch(() => {});
    if (!image.naturalWidth) faults.push(`has a broken image: ${name}`);
    const [shown, own] = [image.width / image.height, image.naturalWidth / image.naturalHeight];
    if (image.height && Math.abs(shown / own - 1) > 0.03) faults.push(`stretches ${name}`);
  }
  await new Promise((done) => setTimeout(done, 100)); // equations.js comes after the formulas
  for (const wide of all("mjx-container[display='true'], .cell_output pre, .cell_input pre"))
    if (wide.scrollWidth > wide.clientWidth + 1 && !wide.matches(".vc-scrolls"))
      faults.push(`cuts ${wide.innerText.slice(0, 60)}`);
  for (const maths of all(".math"))
    if (!maths.querySelector("mjx-container")) faults.push(`shows raw maths: ${maths.innerText}`);
  // an unknown macro is no error to MathJax, it is red
  for (const error of all("mjx-merror, mjx-mtext[style*='color: red']"))
    faults.push(`has maths that fails: ${error.closest("mjx-container").textContent}`);
  for (const answer of all("p + details")) {
    let last = answer;
    while (last.nextElementSibling?.matches("details")) last = last.nextElementSibling;
    const [question, next] = [answer.previousElementSibling, last.nextElementSibling];
    const above = answer.getBoundingClientRect().top - question.getBoundingClientRect().bottom;
    const below = next?.getBoundingClientRect().top - last.getBoundingClientRect().bottom;
    if (next?.checkVisibility() && 1.5 * above > below)
      faults.push(`has an answer ${above} px below its question, ${below} px above what follows`);
  }
  return faults;
}"""


def look(page: "Page", path: Path, scheme: str) -> list[str]:
    faults: list[str] = []
    page.on("console", lambda m: m.type == "error" and faults.append(f"logs an error: {m.text}"))
    page.on("pageerror", lambda error: faults.append(f"raises {error}"))
    faults += [f"asks for {address}" for address in browsing.open_page(page, path)]
    if page.evaluate("document.documentElement.dataset.theme") != scheme:
        faults.append(f"is not {scheme}")
    faults += page.evaluate(FAULTS)
    return faults  # to which what goes wrong later is added too


# a picture of one pixel
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw=="


# twice, not four times: what goes wrong by night does so at any width
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_is_whole_at_every_width_by_day_and_by_night(
    pages: list[Path], chromium: "Browser", width: int, scheme: str
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = []
    for path in pages:
        page = context.new_page()
        faults = look(page, path, scheme)
        if scheme == "light":
            faults += axe.faults(page)
        found += [f"{path.parent.name}/{path.name} {fault}" for fault in faults]
        page.close()
    context.close()
    assert not found


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<p style='width: 1000px'>wide", "is 10.. px wide in 390"),
        ("<img src='data:,'>", 'alt text says nothing, "": data'),
        ("<img alt='image of a digit' src='data:,'>", "broken image: data"),
        ("<img alt='all four digits.png' src='data:,'>", "alt text says nothing"),
        ("<img alt='Figure 3' src='data:,'>", "alt text says nothing"),
        (
            f"<img alt='all four of the digits' src={DOT} style='width: 9px; height: 3px'>",
            "stretches",
        ),
        ("<div class=cell_output><pre style='overflow: auto'>" + "x" * 200, "cuts xxx"),
        ("<span class=math>\\(x\\)</span>", "raw maths"),
        ("<mjx-container><mjx-merror>x</mjx-merror></mjx-container>", "maths that fails"),
        ("<p>1<details><summary>A</summary></details><p>2", "answer 16 px below its question, 16"),
        ("<script>console.error('oh')</script>", "logs an error: oh"),
        ("<script>throw Error('oh')</script>", "raises .*oh"),
        ("<img alt='a' src='https://example.org/x.png'>", "asks for https://example.org/x.png"),
        ("", "is not light"),
    ],
)
def test_a_faulty_page_is_found_out(
    chromium: "Browser", tmp_path: Path, body: str, fault: str
) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    (tmp_path / "page.html").write_text(f"<!doctype html>{body}")
    assert re.search(fault, "; ".join(look(page, tmp_path / "page.html", "light")))
    page.close()


# -- the chapters' explorers -------------------------------------------------------------------

KINDS = {
    "explore": "explore", "interpolate": "between", "draw_digit": "sketch", "normal": "normal",
    "ellipses": "ellipses", "graph": "graph", "bound": "bound",
    "effective_beta": "reductions", "along": "along", "slide_attribute": "slide", "erase": "erase",
}  # fmt: skip


def kinds_in(path: Path) -> list[str]:
    """The kinds of explorers that a chapter's code asks for, in order."""
    cells = "\n".join(cell.source for cell in notebooks.code_cells(notebooks.read(path)))
    return [KINDS[name] for name in re.findall(r"\bexplorer\.(\w+)\(", cells)]


EXPLORERS = {path.stem: kinds for path in notebooks.chapters() if (kinds := kinds_in(path))}
# networks that a chapter trains itself, so that only its own page has them: their kinds are set
# beside torch in files of their own
UNKNOWN = {"01_latent_spaces": "ellipses", "03_what_the_space_lacks": "explore"}
TOLERANCE = 0.05  # of a pixel in [0, 1]: a page's weights are whole numbers from −511 to 511
PIXELS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data).filter((_, i) => i % 4 === 0);
}"""
# what was computed, not the plane that shows where; the bell curve is drawn on a canvas of its own
CANVASES = """(one) => [...one.querySelectorAll(".vc-picture, .vc-wide")]
  .map((canvas) => canvas.toDataURL()).join()"""


@pytest.fixture(params=EXPLORERS)
def chapter(
    pages: list[Path], chromium: "Browser", request: pytest.FixtureRequest
) -> Iterator[tuple["Page", list[str]]]:
    """A chapter's page, open without a network, and the kinds of its explorers."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    faults = look(page, pages[0].parent / f"{request.param}.html", "light")
    yield page, EXPLORERS[request.param]
    page.close()
    assert not faults


@pytest.fixture(scope="module")
def trained() -> dict[str, str]:
    """The trained models by the key under which a page carries their decoders."""
    found = {}
    with explorer.shown_on(explorer.Page()):
        for name in pretrained.names():
            protocol = pretrained.card(name)["protocol"]
            if protocol["network"] in VARIANTS or "judge" in protocol["network"]:
                continue  # no decoder from a vector
            shown = explorer.explore(pretrained.load(name))
            assert isinstance(shown, OnPage), name
            found[shown.data["networks"][0]["decoder"]] = name
    return found


def mounted(page: "Page") -> list[tuple[str, "Locator", dict[str, Any]]]:
    """The kind of each explorer of the page, itself and its data; all of them move."""
    page.wait_for_function(
        "[...document.querySelectorAll('.vaecourse-explorer')]"
        ".every((one) => one.matches('.vc-mounted'))"
    )
    found = []
    for element in page.locator(".vaecourse-explorer").all():
        data = json.loads(element.locator(":scope > script").first.inner_text())
        found.append((data["kind"], element, data))
    return found


def is_drawn(picture: "Locator", wanted: Tensor) -> bool:
    """Whether the picture becomes what is wanted, soon."""
    for _ in range(50):
        found = torch.tensor(picture.evaluate(PIXELS)) / 255
        if (found - wanted).abs().max() < TOLERANCE:
            return True
        picture.page.wait_for_timeout(100)
    return False


def decoded(model: Any, z: Tensor) -> Tensor:
    """The grey of its pixels, or their red."""
    return model.decode(z.view(1, -1)).sigmoid()[0, 0].flatten().detach()


def test_the_chapters_have_their_explorers_and_each_moves_by_key(
    chapter: tuple["Page", list[str]],
) -> None:
    page, expected = chapter
    explorers = mounted(page)
    assert [kind for kind, *_ in explorers] == expected
    for _, element, _ in explorers:
        for moved in element.locator("input[type=range], .vc-plane, .vc-ink").all():
            if not moved.is_visible():  # of the dimensions that are folded away
                continue
            before = element.evaluate(CANVASES)
            moved.focus()
            for key in ("ArrowRight", "ArrowUp", "Space"):  # ink needs a move and a stroke
                page.keyboard.press(key)
            page.wait_for_function(
                f"([one, before]) => ({CANVASES})(one) !== before",
                arg=[element.element_handle(), before],
            )
        assert element.locator(".vc-message").inner_text() == ""


def test_the_chapters_explorers_draw_what_torch_computes(
    chapter: tuple["Page", list[str]], trained: dict[str, str], request: pytest.FixtureRequest
) -> None:
    page, _ = chapter
    for kind, element, data in mounted(page):
        if UNKNOWN.get(request.node.callspec.params["chapter"]) == kind:
            continue
        names = [trained[network["decoder"]] for network in data["networks"]]
        models: list[Any] = [pretrained.load(name) for name in names]
        if kind == "explore":
            panels = element.locator(".vc-panel").all()
            for model, panel, told in zip(models, panels, data["panels"], strict=True):
                z, order = torch.zeros(told["latent_dim"]), told["order"]
                for values in ([-1.5, 0.5], [0.8, -2.0]):
                    for i, value in enumerate(values):  # of larger spaces the first two sliders
                        z[order[i]] = value
                        panel.locator("input[type=range]").nth(i).fill(str(value))
                    picture = panel.locator(".vc-row .vc-picture")
                    assert is_drawn(picture, decoded(model, z))
        if kind == "between":
            element.locator("input[type=range]").fill("0.3")
            ends = torch.tensor(data["ends"])
            for index, way in ((1, latent.lerp), (2, latent.slerp)):
                wanted = decoded(models[0], way(*ends, 11)[3])
                picture = element.locator(".vc-picture").nth(index)
                assert is_drawn(picture, wanted)
        if kind == "sketch":
            levels = torch.frombuffer(bytearray(base64.b64decode(data["start"])), dtype=torch.uint8)
            mu, _ = models[0].encode(levels.view(1, 1, 28, 28) / 255)
            picture = element.locator(".vc-picture").first
            assert is_drawn(picture, decoded(models[0], mu))
        if kind == "slide":
            z, sliders = torch.tensor(data["codes"][0]), element.locator("input[type=range]").all()
            for way, one, alpha in zip(data["directions"], sliders, (1.5, -1.0), strict=False):
                z = z + alpha * torch.tensor(way["z"])
                one.fill(str(alpha))
            assert is_drawn(element.locator(".vc-pair .vc-picture").nth(1), decoded(models[0], z))
        if kind == "erase":
            levels = bytearray(base64.b64decode(data["images"][0]["pixels"]))
            x = torch.frombuffer(levels, dtype=torch.uint8).view(1, 1, 28, 28) / 255
            x[:, :, 10:20, 10:20] = 0  # the hole that is there at first
            picture = element.get_by_role("img", name="the holed digit")
            assert is_drawn(picture, decoded(models[0], models[0].encode(x)[0]))

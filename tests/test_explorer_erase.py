"""The eraser: the page finds the z of the visible pixels as torch does, and a reader's hands."""

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from conftest import Opener
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from vaecourse import data, explorer, pretrained
from vaecourse.errors import CourseError
from vaecourse.explorer.script import script_for
from vaecourse.explorer.weights import packed
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.vae import VAE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("on_page")
PIXELS = "(canvas) => Array.from(canvas.pixels)"


@pytest.fixture(scope="module")
def model() -> Any:
    return pretrained.load("mnist-mlp-10d")


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    x, y = data.load("digits", "test")
    return x[:6], y[:6]


def report_hole() -> Tensor:
    hole = torch.zeros(28, 28, dtype=torch.bool)
    hole[10:20, 10:20] = True
    return hole


def lower_half() -> Tensor:
    return torch.arange(28)[:, None].expand(28, 28) >= 14


# -- what the page infers ----------------------------------------------------------------------


@torch.enable_grad()
def most_probable(model: Any, x: Tensor, hole: Tensor) -> tuple[float, float]:
    """−log p(visible, z) but for a constant, and −log p(visible|z): the best of eight searches."""
    torch.manual_seed(0)
    z, seen = torch.randn(16, model.latent_dim), ~hole.flatten()
    target = x.flatten()[seen].expand(16, -1)
    first, second = torch.zeros_like(z), torch.zeros_like(z)
    for step in range(1, 151):  # Adam by hand: torch's own takes seconds to import
        z.requires_grad_()
        logits = model.decode(z).flatten(1)[:, seen]
        nll = binary_cross_entropy_with_logits(logits, target, reduction="none").sum(dim=1)
        loss = nll + z.square().sum(dim=1) / 2
        (slope,) = torch.autograd.grad(loss.sum(), z)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope.square()
        sizes = (second / (1 - 0.99**step)).sqrt() + 1e-8
        z = z.detach() - 0.2 * (1 - step / 151) * first / (1 - 0.9**step) / sizes
    best = loss.argmin()
    return loss[best].item(), nll[best].item()


SEARCH = """async ([spec, x, visible, dim]) => {
  const network = await loadNetwork(spec);
  const decode = async (list) => list.map((z) => network(z).map((v) => 1 / (1 + Math.exp(-v))));
  const task = { decode, x, visible };
  const [top] = await tops(await placesAt(priorPlaces(dim), task), task);
  return [top.loss, top.nll, [...top.z]];
}"""


def test_the_page_finds_the_z_that_torch_finds(
    opened: Opener, model: Any, digits: tuple[Tensor, Tensor]
) -> None:
    page, (x, _) = opened(f"<script>{script_for('erase')}</script>"), digits
    spec = packed(model.decoder, torch.randn(8, 10))
    for image, hole in ((x[0], report_hole()), (x[1], lower_half())):
        seen = (~hole).flatten().nonzero().flatten().tolist()
        loss, nll, z = page.evaluate(SEARCH, [spec, image.flatten().tolist(), seen, 10])
        wanted_loss, wanted_nll = most_probable(model, image, hole)
        assert loss < wanted_loss + 1  # nats; several times lower by luck is no fault
        assert nll == pytest.approx(wanted_nll, abs=3)
        logits = model.decode(torch.tensor([z])).flatten()[seen]
        target = image.flatten()[seen]
        own = binary_cross_entropy_with_logits(logits, target, reduction="sum").item()
        assert nll == pytest.approx(own, abs=0.5)


# a decoder whose first five pixels have the logits A z + b, so that everything is near to exact
LINEAR = """async ([a, b, x, count]) => {
  const logits = (z) => a.map((line, i) => line.reduce((sum, v, k) => sum + v * z[k], b[i]));
  const decode = async (list) => list.map((z) => logits(z).map((v) => 1 / (1 + Math.exp(-v))));
  const task = { decode, x, visible: x.map((_, i) => i) };
  const ends = await tops(await placesAt(priorPlaces(a[0].length), task), task);
  const draws = [];
  for (let seed = 1; seed <= count; seed++)
    draws.push(...(await posteriorDraws(ends, 3, task, seededNormals(seed), seededUniforms(seed))));
  return [ends[0].z, draws.map(({ z }) => z)];
}"""


def test_samples_of_the_page_have_the_posteriors_mean_and_spread(opened: Opener) -> None:
    page = opened(f"<script>{script_for('erase')}</script>")
    torch.manual_seed(0)
    a, b, x = 1.5 * torch.randn(5, 2), torch.randn(5), torch.rand(5)
    top, draws = page.evaluate(LINEAR, [a.tolist(), b.tolist(), x.tolist(), 200])
    axis = torch.linspace(-6, 6, 241)
    z = torch.cartesian_prod(axis, axis)
    nll = binary_cross_entropy_with_logits(z @ a.T + b, x.expand(len(z), -1), reduction="none")
    log_joint = -nll.sum(dim=1) - z.square().sum(dim=1) / 2
    assert top == pytest.approx(z[log_joint.argmax()].tolist(), abs=0.06)
    weight = log_joint.softmax(dim=0)[:, None]
    mean = (weight * z).sum(dim=0)
    std = (weight * (z - mean).square()).sum(dim=0).sqrt()
    found = torch.tensor(draws)
    assert found.mean(dim=0).tolist() == pytest.approx(mean.tolist(), abs=0.1)
    assert found.std(dim=0).tolist() == pytest.approx(std.tolist(), rel=0.1)


# -- a reader's hands --------------------------------------------------------------------------


def inferred(page: "Page") -> str:
    """What is told once nothing is being inferred any more."""
    page.locator(".vc-holed[aria-busy=false]").wait_for()
    page.wait_for_timeout(50)
    page.locator(".vc-holed[aria-busy=false]").wait_for()
    return page.get_by_role("status").first.inner_text()


def drawn(page: "Page", label: str) -> Tensor:
    return torch.tensor(page.get_by_role("img", name=label).evaluate(PIXELS))


def test_the_reports_way_is_the_holed_digit_encoded_and_decoded(
    opened: Opener, model: Any, digits: tuple[Tensor, Tensor]
) -> None:
    x, y = digits
    page = opened(explorer.erase(model, x, y))
    told = inferred(page)
    assert told.startswith("100 pixels erased.")
    holed = x[:1] * ~report_hole()
    wanted = model.decode(model.encode(holed)[0]).sigmoid().flatten()
    found = drawn(page, "the holed digit, encoded and decoded")
    assert (found - wanted).abs().max() < 0.05
    off = (wanted - x[0].flatten()).abs()[report_hole().flatten()].mean().item()
    naive, right = map(float, re.findall(r"by (\d\.\d+)", told))
    assert naive == pytest.approx(off, abs=0.011)
    best = drawn(page, "decoded from the z of the visible pixels")
    off = (best - x[0].flatten()).abs()[report_hole().flatten()].mean().item()
    assert right == pytest.approx(off, abs=0.011)
    assert right < naive


def test_a_mouse_erases_what_it_crosses_and_a_button_brings_it_back(
    opened: Opener, model: Any, digits: tuple[Tensor, Tensor]
) -> None:
    x, y = digits
    page = opened(explorer.erase(model, x, y))
    page.get_by_role("button", name="restore").click()
    assert inferred(page).startswith("Nothing is erased.")
    box = page.locator(".vc-ink").bounding_box()
    assert box
    unit = box["width"] / 28
    page.mouse.move(box["x"] + 4.5 * unit, box["y"] + 14.5 * unit)
    page.mouse.down()
    page.mouse.move(box["x"] + 23.5 * unit, box["y"] + 14.5 * unit, steps=5)
    page.mouse.up()
    count = int(inferred(page).split()[0])
    assert count == pytest.approx(20 * 5, abs=12)  # five rows, and round ends
    page.locator(".vc-ink").press("Delete")
    assert inferred(page).startswith("Nothing is erased.")


def test_keys_erase_and_other_digits_are_chosen_by_key(
    opened: Opener, model: Any, digits: tuple[Tensor, Tensor]
) -> None:
    x, y = digits
    page = opened(explorer.erase(model, x, y))
    page.get_by_role("button", name="restore").press("Enter")
    ink = page.locator(".vc-ink")
    ink.focus()
    page.keyboard.press("ArrowDown")
    assert inferred(page).startswith("Nothing is erased.")
    for key in ("Space", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert "eraser is down" in str(ink.get_attribute("aria-label"))
    assert 10 < int(inferred(page).split()[0]) < 40
    button = page.get_by_title(f"a {int(y[2])}").first
    button.press("Enter")
    inferred(page)
    assert button.get_attribute("aria-pressed") == "true"
    whole = drawn(page, "the whole digit")
    assert (whole - x[2].flatten()).abs().max() < 0.01


def test_samples_change_with_the_button_and_with_nothing_else(
    opened: Opener, model: Any, digits: tuple[Tensor, Tensor]
) -> None:
    page = opened(explorer.erase(model, *digits))
    inferred(page)
    first = drawn(page, "sample 1 given")
    page.get_by_role("button", name="rows and columns 10–20").click()
    inferred(page)
    assert torch.equal(drawn(page, "sample 1 given"), first)
    page.get_by_role("button", name="other samples").click()
    inferred(page)
    assert (drawn(page, "sample 1 given") - first).abs().max() > 0.05


def test_where_nothing_is_left_to_see_the_prior_alone_speaks(
    opened: Opener, model: Any, digits: tuple[Tensor, Tensor]
) -> None:
    page = opened(explorer.erase(model, *digits), width=390, has_touch=True)
    inferred(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="lower half").tap()
    assert inferred(page).startswith("392 pixels erased.")
    box = page.locator(".vc-ink").bounding_box()
    assert box
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    for row in range(0, 18, 3):
        for column in (1, 27) if row % 2 else (27, 1):
            page.mouse.move(
                box["x"] + box["width"] * column / 28, box["y"] + box["width"] * row / 28
            )
    page.mouse.up()
    assert inferred(page).startswith("Nothing is left to see")
    wanted = model.decode(torch.zeros(1, 10)).sigmoid().flatten()
    assert (drawn(page, "decoded from the z") - wanted).abs().max() < 0.05


# -- what it refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: explorer.erase(nn.Linear(2, 2), x), "decode"),
        (lambda x: explorer.erase(Autoencoder(MLPEncoder(2), MLPDecoder(2)), x), "a VAE of digits"),
        (
            lambda _: explorer.erase(
                VAE(MLPEncoder(4, (8,), (1, 8, 8)), MLPDecoder(2, (8,), (1, 8, 8))),
                torch.rand(1, 1, 8, 8),
            ),
            r"of \(1, 8, 8\)",
        ),
        (lambda x: explorer.erase(VAE(MLPEncoder(4), MLPDecoder(2)), 255 * x), "by 255"),
        (lambda x: explorer.erase(VAE(MLPEncoder(4), MLPDecoder(2)), x[:0]), r"\(0, 1, 28, 28\)"),
        (
            lambda x: explorer.erase(VAE(MLPEncoder(4), MLPDecoder(2)), x, torch.ones(2)),
            "labels y",
        ),
    ],
)
def test_what_cannot_be_erased_is_a_sentence(call: Any, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        call(torch.rand(3, 1, 28, 28))


def test_beside_a_kernel_the_page_asks_it_for_pictures_only(model: Any, digits: Any) -> None:
    with explorer.shown_on(None):
        live: Any = explorer.erase(model, *digits)
    assert json.loads(json.dumps(live.data))["latent_dim"] == 10
    z = torch.randn(7, 10)
    answer = live.compute("decode", 0, z.numpy().tobytes())
    found = torch.frombuffer(bytearray(answer), dtype=torch.float32)
    assert torch.allclose(found, model.decode(z).sigmoid().flatten(), atol=1e-6)

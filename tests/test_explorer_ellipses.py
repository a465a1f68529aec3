"""The explorer of ellipses: the same ellipse as torch's, the model's codes, a reader's hands."""

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from conftest import Opener, settle
from torch import Tensor, nn

from vaecourse import data, explorer
from vaecourse.data.drawn import draw_ellipses
from vaecourse.errors import CourseError
from vaecourse.explorer.script import script_for
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.plotting import Figure
from vaecourse.vae import VAE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("on_page")
TOLERANCE = 0.05  # of a pixel in [0, 1], or of a code's range


def autoencoder() -> Autoencoder:
    """Untrained, but with weights large enough that the ellipse and its code matter."""
    torch.manual_seed(0)
    model = Autoencoder(MLPEncoder(2, (32,)), MLPDecoder(2, (32,)))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2.0)
    return model.eval()


def code(model: Any, a: float, b: float) -> Tensor:
    found = model.encode(draw_ellipses(torch.tensor([[a, b]])))
    return (found if isinstance(found, Tensor) else found[0]).detach()


def decoded(model: Any, z: Tensor) -> Tensor:
    return model.decode(z).sigmoid().flatten().detach()


def test_the_data_set_is_drawn_by_the_same_function() -> None:
    x, axes = data.load("ellipses", "test")
    assert torch.equal(draw_ellipses(axes), x)


# -- what the explorer carries -----------------------------------------------------------------


def test_the_grid_holds_the_codes_of_its_ellipses() -> None:
    model = autoencoder()
    with explorer.shown_on(None):
        grid = explorer.ellipses(model).data["grid"]  # type: ignore[union-attr]
    assert (grid["values"][0], grid["values"][-1]) == (3, 12)
    value, step = grid["values"][2], grid["steps"][5]
    assert grid["a"][2][5] == pytest.approx(code(model, value, step)[0].tolist(), abs=2e-3)
    assert grid["b"][2][5] == pytest.approx(code(model, step, value)[0].tolist(), abs=2e-3)
    assert grid["a"][2][5] != pytest.approx(grid["b"][2][5], abs=0.05)


def test_the_plane_of_codes_holds_the_whole_grid() -> None:
    model = autoencoder()
    with torch.no_grad():
        model.encoder.layers[-1].bias.copy_(torch.tensor([40.0, -7.0]))  # type: ignore[operator]
    with explorer.shown_on(None):
        found = explorer.ellipses(model).data  # type: ignore[union-attr]
    plane = found["codesPlane"]
    for line in found["grid"]["a"] + found["grid"]["b"]:
        for point in line:
            assert all(
                abs(z - centre) < plane["limit"]
                for z, centre in zip(point, plane["centre"], strict=True)
            )


def test_the_kernel_encodes_for_an_autoencoder_too() -> None:
    model, x = autoencoder(), draw_ellipses(torch.tensor([[4.0, 11.0]]))
    with explorer.shown_on(None):
        shown: Any = explorer.ellipses(model)
    answer = shown.compute("encode", 0, x.numpy().tobytes())
    assert torch.frombuffer(bytearray(answer), dtype=torch.float32).tolist() == pytest.approx(
        code(model, 4, 11)[0].tolist(), abs=1e-5
    )


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: explorer.ellipses(nn.Linear(2, 2)), "decode"),
        (lambda: explorer.ellipses(VAE(MLPEncoder(6), MLPDecoder(3))), "with 3"),
        (
            lambda: explorer.ellipses(
                Autoencoder(MLPEncoder(2, (4,), (1, 8, 8)), MLPDecoder(2, (4,), (1, 8, 8)))
            ),
            r"\(1, 8, 8\)",
        ),
        (lambda: explorer.ellipses(autoencoder(), axes=(0, 12)), "axes as two half-axes"),
        (lambda: explorer.ellipses(autoencoder(), axes=(3, 15)), "at most 14"),
        (lambda: explorer.ellipses(autoencoder(), axes=(12, 3)), "ascend"),
        (lambda: explorer.ellipses(autoencoder(), axes=(5, 5)), "ascend"),
        (lambda: explorer.ellipses(autoencoder(), axes=5), "axes as two"),  # type: ignore[arg-type]
        (lambda: explorer.ellipses(autoencoder(), start=(5, float("nan"))), "start as two"),
        (lambda: explorer.ellipses(autoencoder(), start=("5", 5)), "start as two"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_explored_is_refused(call: Any, told: str) -> None:
    with pytest.raises(CourseError, match=told):
        call()


# -- in a browser ------------------------------------------------------------------------------

PIXELS = """(canvas) => Array.from(canvas.pixels)"""


def pixels(page: "Page", index: int) -> Tensor:
    """0: the ellipse drawn; 1: what is decoded."""
    settle(page)
    return torch.tensor(page.locator(".vc-picture").nth(index).evaluate(PIXELS))


def numbers(page: "Page") -> list[float]:
    settle(page)
    text = page.locator(".vc-note").first.inner_text().replace("−", "-")
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def press(page: "Page", index: int, across: float, up: float) -> None:
    """A press on a plane, at parts of its width and height."""
    box = page.locator(".vc-plane").nth(index).bounding_box()
    assert box
    page.mouse.click(box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"])


def test_the_page_draws_torchs_ellipse(opened: Opener) -> None:
    page = opened(f"<script>{script_for('ellipses')}</script>")
    axes = torch.cat([data.load("ellipses", "test").y[:50], torch.tensor([[1.0, 14.0], [3, 3]])])
    script = "(all) => all.map((axes) => Array.from(ellipse(axes, [1, 28, 28])))"
    found = torch.tensor(page.evaluate(script, axes.tolist()))
    assert torch.allclose(found, draw_ellipses(axes).flatten(1), atol=2e-5)


@pytest.mark.parametrize("kind", [Autoencoder, VAE])
def test_moved_half_axes_are_encoded_and_decoded_as_torch_does(
    opened: Opener, kind: type[nn.Module]
) -> None:
    model: Any = autoencoder()
    if kind is VAE:
        model = VAE(MLPEncoder(4, (32,)), model.decoder).eval()
    page = opened(explorer.ellipses(model))
    press(page, 0, 0.25, 0.75)
    a, b, z1, z2 = numbers(page)
    assert (a, b) == pytest.approx((4.91, 10.09), abs=0.05)
    z = code(model, a, b)
    assert [z1, z2] == pytest.approx(z[0].tolist(), abs=TOLERANCE)
    drawn = draw_ellipses(torch.tensor([[a, b]])).flatten()
    assert (pixels(page, 0) - drawn).abs().max() < 0.02  # a and b are told to two digits
    assert (pixels(page, 1) - decoded(model, z)).abs().max() < 2 * TOLERANCE
    told = str(page.locator(".vc-plane").nth(1).get_attribute("aria-label")).replace("−", "-")
    assert f"({z1:.2f}, {z2:.2f})" in told


def test_a_moved_code_is_decoded_and_no_half_axes_are_made_up(opened: Opener) -> None:
    model = autoencoder()
    page = opened(explorer.ellipses(model))
    press(page, 1, 0.8, 0.3)
    z1, z2, distance, a, b = numbers(page)
    z = torch.tensor([[z1, z2]])
    assert (pixels(page, 1) - decoded(model, z)).abs().max() < 2 * TOLERANCE
    assert "nearest on the grid" in page.locator("figcaption").first.inner_text()
    assert "marked at" in str(page.locator(".vc-plane").first.get_attribute("aria-label"))
    with explorer.shown_on(None):
        grid = explorer.ellipses(model).data["grid"]  # type: ignore[union-attr]
    every = torch.tensor(grid["a"] + grid["b"]).flatten(0, 1)
    assert distance == pytest.approx((every - z).norm(dim=1).min().item(), abs=0.01)
    assert (code(model, a, b) - z).norm().item() == pytest.approx(distance, abs=0.02)


def test_both_planes_are_walked_by_keyboard(opened: Opener) -> None:
    model = autoencoder()
    page = opened(explorer.ellipses(model))
    settle(page)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    a, b, *_ = numbers(page)
    limit = 0.575 * 9
    assert (a, b) == pytest.approx((9 + 0.05 * limit, 5 - 0.01 * limit), abs=0.006)
    page.keyboard.press("Tab")
    before = pixels(page, 1)
    page.keyboard.press("ArrowUp")
    assert (pixels(page, 1) - before).abs().max() > 0.001
    assert "decoded from z" in page.locator("figcaption").nth(1).inner_text()


def test_a_finger_drags_the_half_axes_on_a_narrow_page(opened: Opener) -> None:
    page = opened(explorer.ellipses(autoencoder()), width=390, has_touch=True)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".vc-plane").first.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    assert numbers(page)[:2] == pytest.approx([7.5, 7.5], abs=0.1)


# the notebook's side of a widget, with the real kernel's answers
KERNEL = """
let hear;
render({ el: document.querySelector("#here"), model: {
  on: (name, callback) => (hear = callback),
  off: () => {},
  get: () => (DATA),
  send: async ({ task, index, number }, _, buffers) => {
    if (task === "nudge") return;
    const found = await compute(task, index, Array.from(new Float32Array(buffers[0])));
    hear({ number }, [new DataView(Float32Array.from(found).buffer)]);
  },
} });
"""


def test_beside_a_kernel_it_moves_too(opened: Opener) -> None:
    model = autoencoder()
    with explorer.shown_on(None):
        shown: Any = explorer.ellipses(model)

    def compute(task: str, index: int, values: list[float]) -> list[float]:
        answer = shown.compute(task, index, torch.tensor(values).numpy().tobytes())
        return torch.frombuffer(bytearray(answer), dtype=torch.float32).tolist()

    page = opened("<div id=here></div>")
    page.expose_function("compute", compute)
    kernel = KERNEL.replace("DATA", json.dumps(shown.data))
    page.add_script_tag(content=script_for("ellipses") + kernel)
    page.locator(".vc-plane").first.press("ArrowLeft")
    a = 9 - 0.05 * 0.575 * 9
    page.wait_for_function(f"document.querySelector('.vc-note').textContent.includes('{a:.2f}')")
    wanted = decoded(model, code(model, a, 5))
    found = torch.tensor(page.locator(".vc-picture").nth(1).evaluate(PIXELS))
    assert (found - wanted).abs().max() < 1e-4


def test_where_nothing_moves_a_picture_stands() -> None:
    model = autoencoder()
    model.encoder.register_forward_hook(lambda _layer, _given, out: 2 * out)
    with explorer.shown_on(explorer.Page()):
        assert isinstance(explorer.ellipses(model), Figure)

"""Explorers in a real browser: the page's own networks against torch, and a reader's hands."""

import json
import math
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from conftest import Opener, settle
from torch import Tensor, nn

from vaecourse import data, explorer, latent, pretrained
from vaecourse.explorer.script import script_for
from vaecourse.explorer.weights import packed
from vaecourse.networks import NETWORKS, Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.studies.rows import DIGITS
from vaecourse.vae import VAE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("on_page")


def lively_vae() -> VAE:
    """Untrained, but with weights large enough that z matters to every pixel."""
    model = VAE(MLPEncoder(4, (32,)), MLPDecoder(2, (32,)))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2.0)
    return model.eval()


def digits() -> tuple[Tensor, Tensor]:
    return torch.rand(20, 1, 28, 28), torch.arange(20) % 10


PIXELS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data).filter((_, i) => i % 4 === 0);
}"""


def pixels(page: "Page", index: int = 0) -> Tensor:
    """The red of a picture that the page has drawn, once nothing is on its way any more."""
    settle(page)
    return torch.tensor(page.locator(".vc-picture").nth(index).evaluate(PIXELS)) / 255


def decoded(model: VAE, *z: float) -> Tensor:
    return model.decode(torch.tensor([z], dtype=torch.float32)).sigmoid().flatten().detach()


TOLERANCE = 0.05  # of a pixel in [0, 1]: the weights are whole numbers from −511 to 511

# -- the runtime -------------------------------------------------------------------------------


def random_network(seed: int) -> tuple[nn.Module, Tensor]:
    """Layers of every kind that the page knows, with random shapes; and an input."""
    draw = torch.Generator().manual_seed(seed)

    def one_of(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=draw))

    channels, height, width = one_of(1, 3), one_of(3, 6), one_of(3, 6)
    inputs = one_of(1, 5)
    layers: list[nn.Module] = [
        nn.Linear(inputs, channels * height * width, bias=bool(one_of(0, 1))),
        nn.Unflatten(1, (channels, height, width)),
    ]
    for _ in range(3):
        height, width = nn.Sequential(*layers)(torch.zeros(1, inputs)).shape[2:]
        outputs, kernel = one_of(1, 4), (one_of(1, min(3, height)), one_of(1, min(3, width)))
        stride = (one_of(1, 2), one_of(1, 2))
        if one_of(0, 1):
            padding = (one_of(0, kernel[0] // 2), one_of(0, kernel[1] // 2))
            layers.append(nn.Conv2d(channels, outputs, kernel, stride, padding))
        else:
            stride = (min(stride[0], kernel[0]), min(stride[1], kernel[1]))
            padding = (one_of(0, kernel[0] // 2), one_of(0, kernel[1] // 2))
            extra = (one_of(0, stride[0] - 1), one_of(0, stride[1] - 1))
            layers.append(
                nn.ConvTranspose2d(channels, outputs, kernel, stride, padding, extra, bias=True)
            )
        layers.append([nn.ReLU(), nn.LeakyReLU(0.1), nn.Sigmoid()][one_of(0, 2)])
        channels = outputs
    network = nn.Sequential(*layers, nn.Flatten())
    features = network(torch.zeros(1, inputs)).shape[1]
    network.append(nn.Linear(features, 6))
    return network.eval(), torch.randn(1, inputs, generator=draw)


def run_on_page(page: "Page", network: nn.Module, example: Tensor) -> Tensor:
    script = "async ([spec, x]) => Array.from((await loadNetwork(spec))(x))"
    return torch.tensor(
        page.evaluate(script, [packed(network, example), example.flatten().tolist()])
    )


def with_whole_weights(network: nn.Module) -> None:
    """Round the weights as the page has them, so that nothing but the arithmetic can differ."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
            rows = layer.weight.data.transpose(0, axis)
            scale = rows.flatten(1).abs().amax(dim=1).view(-1, *[1] * (rows.ndim - 1)) / 511
            layer.weight.data = ((rows / scale).round() * scale).transpose(0, axis).contiguous()


def test_the_page_computes_what_torch_computes(opened: Opener) -> None:
    page = opened(f"<script>{script_for('explore')}</script>")
    for seed in range(25):
        network, example = random_network(seed)
        with_whole_weights(network)
        expected = network(example).flatten().detach()
        found = run_on_page(page, network, example)
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4), (seed, network)


def drawn_on_a_page() -> list[str]:
    """The trained models of digits with a decoder from a vector."""
    protocols = {name: pretrained.card(name)["protocol"] for name in pretrained.names()}
    return [n for n, p in protocols.items() if p["data"] == DIGITS and p["network"] in NETWORKS]


@pytest.mark.parametrize("name", drawn_on_a_page())
def test_pictures_on_the_page_are_torchs_within_the_tolerance(opened: Opener, name: str) -> None:
    page = opened(f"<script>{script_for('explore')}</script>")
    model = pretrained.load(name)
    decoder, code = model.decoder, model.encode(data.load("digits", "test").x[:50])
    z = code if isinstance(code, Tensor) else torch.cat([code[0], torch.randn_like(code[0])])
    script = """async ([spec, points]) => {
      const network = await loadNetwork(spec);
      return points.map((z) => Array.from(network(z)));
    }"""
    found = torch.tensor(page.evaluate(script, [packed(decoder, z[:1]), z.tolist()])).sigmoid()
    distance = (found - decoder(z).sigmoid().flatten(1)).abs()
    assert distance.max() < TOLERANCE
    assert distance.mean() < TOLERANCE / 50


# -- a reader's hands --------------------------------------------------------------------------


def test_a_slider_draws_what_torch_decodes(opened: Opener) -> None:
    model = lively_vae()
    page = opened(explorer.explore(model))
    assert (pixels(page) - decoded(model, 0, 0)).abs().max() < TOLERANCE
    page.locator("input[type=range]").nth(0).fill("1.4")
    page.locator("input[type=range]").nth(1).fill("-0.7")
    assert page.locator(".vc-value").all_inner_texts() == ["1.40", "−0.70"]
    assert (pixels(page) - decoded(model, 1.4, -0.7)).abs().max() < TOLERANCE
    assert (decoded(model, 1.4, -0.7) - decoded(model, 0, 0)).abs().max() > 0.1


def test_a_press_on_the_plane_goes_there_and_a_drag_follows(opened: Opener) -> None:
    model, (x, y) = lively_vae(), digits()
    page = opened(explorer.explore(model, x=x, y=y))
    box = page.locator(".vc-plane").bounding_box()
    assert box

    def at(z1: float, z2: float) -> tuple[float, float]:
        limit = 3.5
        return (
            box["x"] + (z1 + limit) / (2 * limit) * box["width"],
            box["y"] + (limit - z2) / (2 * limit) * box["height"],
        )

    page.mouse.move(*at(-2, 1))
    page.mouse.down()
    assert (pixels(page) - decoded(model, -2, 1)).abs().max() < 2 * TOLERANCE
    page.mouse.move(*at(1, -1), steps=20)
    assert (pixels(page) - decoded(model, 1, -1)).abs().max() < 2 * TOLERANCE
    page.mouse.up()
    page.mouse.move(*at(3, 3))
    assert (pixels(page) - decoded(model, 1, -1)).abs().max() < 2 * TOLERANCE


def test_everything_moves_by_keyboard_alone(opened: Opener) -> None:
    model = lively_vae()
    page = opened(explorer.explore(model))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "vc-plane"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    z1, z2 = 4 * 0.05 * 3.5, -0.01 * 3.5
    assert (pixels(page) - decoded(model, z1, z2)).abs().max() < TOLERANCE
    page.keyboard.press("Tab")
    before = pixels(page)
    page.keyboard.press("ArrowLeft")
    assert page.locator(".vc-value").first.inner_text() == f"{z1 - 0.05:.2f}"
    assert (pixels(page) - before).abs().max() > 0


def test_every_control_has_a_name(opened: Opener) -> None:
    model, (x, y) = lively_vae(), digits()
    page = opened(
        explorer.explore(model, x=x, y=y),
        explorer.interpolate(model, x[0], x[1]),
        explorer.draw_digit(model, x, y),
        explorer.normal(),
        explorer.ellipses(model),
        explorer.graph(),
        explorer.bound(),
        explorer.effective_beta(),
        explorer.slide_attribute(model, torch.randn(3, 2), {"smile": torch.ones(2)}),
        explorer.erase(model, x, y),
    )
    nameless = """() => [...document.querySelectorAll(
        ".vaecourse-explorer :is(canvas, button, input)")].filter((e) =>
        !(e.getAttribute("aria-label") || e.title || e.textContent.trim() ||
          e.closest("label")?.textContent.trim())).map((e) => e.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_a_draw_from_the_prior_and_an_image_move_the_point(opened: Opener) -> None:
    model, (x, y) = lively_vae(), digits()
    page = opened(explorer.explore(model, x=x, y=y))
    before = pixels(page)
    page.get_by_text("new draw from N(0, I)").click()
    assert (pixels(page) - before).abs().max() > 0.01
    page.get_by_title("a 3", exact=True).click()
    mu, _ = model.encode(x[3:4])
    assert (pixels(page) - decoded(model, *mu[0].tolist())).abs().max() < TOLERANCE


def test_alpha_goes_along_the_line_and_along_the_arc(opened: Opener) -> None:
    ends = torch.tensor([[3.0, 0.0], [0.0, -1.5]])  # a right angle, and unequal norms

    class Ends(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([ends[: len(x)], torch.zeros(len(x), 2)], dim=1)

    model = lively_vae()
    model.encoder = Ends()
    x, _ = digits()
    page = opened(explorer.interpolate(model, x[0], x[1]))
    page.locator("input[type=range]").fill("0.25")
    z = [way(ends[0], ends[1], 5)[1].tolist() for way in (latent.lerp, latent.slerp)]
    assert (decoded(model, *z[0]) - decoded(model, *z[1])).abs().max() > 4 * TOLERANCE
    for index in (0, 1):  # pictures 0 and 3 are the images themselves
        assert (pixels(page, 1 + index) - decoded(model, *z[index])).abs().max() < TOLERANCE


# -- drawing -----------------------------------------------------------------------------------


def posterior(page: "Page") -> list[float]:
    """mu_1, mu_2, sigma_1, sigma_2 as the page tells them, once nothing is on its way."""
    settle(page)
    text = page.locator(".vc-note").inner_text().replace("−", "-")
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def test_a_digit_is_encoded_as_torch_encodes_it(opened: Opener) -> None:
    model, (x, y) = lively_vae(), digits()
    page = opened(explorer.draw_digit(model, x, y))
    for image in (x[:1], torch.zeros(1, 1, 28, 28)):
        mu, logvar = model.encode(image)
        expected = [*mu[0].tolist(), *logvar.exp().sqrt()[0].tolist()]
        assert posterior(page) == pytest.approx(expected, abs=0.02, rel=0.02)
        assert (pixels(page) - decoded(model, *mu[0].tolist())).abs().max() < 2 * TOLERANCE
        page.get_by_role("button", name="clear").click()


def looking_vae() -> VAE:
    """Its mu is (Σ column · x, Σ row · x) / 100; its std exp(Σ x / 50)."""
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 4))
    with torch.no_grad():
        weights = [columns, rows, 4 * torch.ones(28, 28), 0 * rows]
        encoder[1].weight.copy_(torch.stack([w.flatten() for w in weights]) / 100)
        encoder[1].bias.zero_()
    return VAE(encoder, MLPDecoder(2, (8,))).eval()


@pytest.mark.parametrize(
    "stroke", [[(20, 20), (20, 200)], [(150, 30), (60, 60)], [(40, 40), (200, 40), (200, 90)]]
)
def test_a_drawing_is_centred_as_mnist_is(opened: Opener, stroke: list[tuple[int, int]]) -> None:
    x, y = digits()
    page = opened(explorer.draw_digit(looking_vae(), x, y))
    page.get_by_role("button", name="clear").click()
    box = page.locator(".vc-ink").bounding_box()
    assert box
    page.mouse.move(box["x"] + stroke[0][0], box["y"] + stroke[0][1])
    page.mouse.down()
    for across, down in stroke[1:]:
        page.mouse.move(box["x"] + across, box["y"] + down, steps=8)
    page.mouse.up()
    column, row, spread, _ = posterior(page)
    ink = 50 * math.log(spread)  # Σ x
    # the mean of MNIST's digits is pixel 14 in both directions
    assert ink > 15
    assert 100 * column / ink == pytest.approx(14, abs=0.25)
    assert 100 * row / ink == pytest.approx(14, abs=0.25)


def test_a_digit_is_drawn_by_keys(opened: Opener) -> None:
    model, (x, y) = lively_vae(), digits()
    page = opened(explorer.draw_digit(model, x, y))
    page.get_by_role("button", name="clear").click()
    ink = page.locator(".vc-ink")
    ink.focus()
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert not any(ink.evaluate(PIXELS)), "the pen is up"
    for key in ("Space", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert "pen is down" in str(ink.get_attribute("aria-label"))
    assert any(ink.evaluate(PIXELS))
    page.keyboard.press("Delete")
    assert not any(ink.evaluate(PIXELS))


def test_samples_keep_their_noise_until_others_are_asked_for(opened: Opener) -> None:
    model, (x, y) = lively_vae(), digits()
    page = opened(explorer.draw_digit(model, x, y))
    first = pixels(page, 1)
    page.get_by_role("button", name="clear").click()
    blank = pixels(page, 1)
    assert (first - blank).abs().max() > 0.01
    page.get_by_role("button", name="clear").click()
    assert torch.equal(pixels(page, 1), blank)
    page.get_by_role("button", name="other samples").click()
    assert (pixels(page, 1) - blank).abs().max() > 0.01


# -- other hands -------------------------------------------------------------------------------


def test_mu_and_sigma_carry_eps_along(opened: Opener) -> None:
    page = opened(explorer.normal())
    curve = page.locator(".vc-wide")
    assert "mean 0.00 and width 1.00" in str(curve.get_attribute("aria-label"))
    before = curve.evaluate(PIXELS)
    page.locator("input[type=range]").nth(0).fill("-2")
    page.locator("input[type=range]").nth(1).fill("2")
    label = str(curve.get_attribute("aria-label"))
    assert "mean −2.00 and width 2.00" in label
    assert "Between −4.00 and 0.00 lie 68" in label
    assert curve.evaluate(PIXELS) != before


def test_every_explorer_of_a_page_is_mounted_once(opened: Opener) -> None:
    model, (x, y) = lively_vae(), digits()
    page = opened(
        explorer.explore(model, x=x, y=y), explorer.normal(), explorer.draw_digit(model, x, y)
    )
    settle(page)
    assert page.locator(".vc-mounted").count() == 3
    assert page.locator(".vc-panels").count() == 3


def test_ones_failure_is_not_wiped_by_anothers_success(opened: Opener) -> None:
    broken, healthy = lively_vae(), lively_vae()
    with torch.no_grad():
        broken.decoder.layers[0].bias[0] = torch.nan  # type: ignore[index]
    page = opened(explorer.explore(broken, healthy))
    page.locator("input[type=range]").nth(2).fill("1")
    settle(page)
    assert "NaN" in page.locator(".vc-message").inner_text()


def test_a_page_without_its_network_keeps_its_picture(
    opened: Opener, on_page: explorer.Page
) -> None:
    model = lively_vae()
    explorer.explore(model)._repr_mimebundle_()  # type: ignore[union-attr]
    on_page.carried = {key for key in on_page.carried if not key.startswith("script")}
    page = opened(explorer.explore(model), explorer.normal())
    page.wait_for_selector(".vc-mounted")  # the other one is
    assert page.locator(".vc-static img").first.is_visible()
    assert not page.locator(".vc-plane").count()


def test_two_explorers_on_a_page_leave_each_other_alone(opened: Opener) -> None:
    model = lively_vae()
    page = opened(explorer.explore(model), explorer.explore(model))
    left, right = pixels(page, 0), pixels(page, 1)
    page.locator("input[type=range]").nth(2).fill("2")
    assert torch.equal(pixels(page, 0), left)
    assert (pixels(page, 1) - right).abs().max() > 0.01


def test_a_latent_space_of_500_dimensions_folds_most_of_its_sliders(opened: Opener) -> None:
    model = VAE(MLPEncoder(1000, (8,)), MLPDecoder(500, (8,)))
    page = opened(explorer.explore(model))
    sliders = page.locator("input[type=range]")
    assert sliders.count() == 500
    assert sum(sliders.nth(i).is_visible() for i in (0, 7, 8, 499)) == 2
    page.locator("summary").click()
    assert sliders.nth(499).is_visible()


def test_nan_on_the_page_is_told(opened: Opener) -> None:
    model = lively_vae()
    with torch.no_grad():
        model.decoder.layers[0].bias[0] = torch.nan  # type: ignore[index]
    page = opened(explorer.explore(model))
    page.locator("input[type=range]").nth(0).fill("3")
    settle(page)
    assert "NaN" in page.locator(".vc-message").inner_text()
    assert page.locator(".vc-value").first.inner_text() == "3.00"


@pytest.mark.parametrize("limit", [3.5, 5, 26, 15_000, 3e7, 3e38])
def test_a_plane_has_few_lines_however_far_it_goes(opened: Opener, limit: float) -> None:
    page = opened(f"<script>{script_for('explore')}</script>")
    ticks, names = page.evaluate(f"[ticksOf({limit}), ticksOf({limit}).map(tickText)]")
    assert 5 <= len(ticks) <= 11
    assert ticks == pytest.approx([-tick for tick in reversed(ticks)])
    assert 0.8 * limit / 2 < ticks[-1] <= limit
    assert [float(name.replace("−", "-")) for name in names] == pytest.approx(ticks)
    assert max(map(len, names)) <= 6


def test_codes_ten_million_away_are_drawn_and_moved(opened: Opener) -> None:
    class Far(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 1e7 * torch.stack([x.mean((1, 2, 3)), -x.amax((1, 2, 3))], dim=1)

    model = Autoencoder(Far(), MLPDecoder(2, (8,)))
    with torch.no_grad():
        model.decoder.layers[0].weight.mul_(1e-7)  # type: ignore[union-attr]
    x, y = digits()
    page = opened(explorer.explore(model, x=x, y=y))
    first = pixels(page)
    page.locator(".vc-plane").press("ArrowRight")
    assert not torch.equal(pixels(page), first)
    assert page.locator(".vc-value").first.inner_text() == "5.0e5"
    page.locator("input[type=range]").first.press("ArrowRight")
    assert page.locator(".vc-value").first.inner_text() == "5.5e5"


def test_without_javascript_and_in_print_the_picture_stands_there(opened: Opener) -> None:
    shown = explorer.explore(lively_vae())
    page = opened(shown)
    picture = page.locator(".vc-static img")
    assert not picture.is_visible()
    page.emulate_media(media="print")
    assert picture.is_visible()
    assert not page.locator(".vc-plane").is_visible()
    assert opened(shown, java_script_enabled=False).locator(".vc-static img").is_visible()


# -- beside a kernel ---------------------------------------------------------------------------

# A model of the notebook's kind, whose kernel answers when it is told to.
KERNEL = """
window.questions = [];
window.model = {
  on: (name, callback) => (window.answer = callback),
  send: (content, _, buffers) => {
    if (content.task === "nudge") window.nudges = (window.nudges ?? 0) + 1;
    else window.questions.push({ ...content, z: Array.from(new Float32Array(buffers[0])) });
  },
  off: () => {},
  get: () => (DATA),
};
window.reply = (grey) => {
  const { number } = window.questions.at(-1);
  const bytes = new Uint8Array(new Float32Array(784).fill(grey).buffer);
  window.answer({ number }, [new DataView(bytes.buffer)]);
};
render({ model: window.model, el: document.querySelector("#here") });
"""


@pytest.fixture
def live_page(opened: Opener) -> "Page":
    with explorer.shown_on(None):
        shown: Any = explorer.explore(lively_vae())
    page = opened("<div id=here></div>")
    page.clock.install()
    kernel = KERNEL.replace("DATA", json.dumps(shown.data))
    page.add_script_tag(content=script_for("explore") + kernel)
    return page


def test_while_a_picture_is_on_its_way_only_the_last_move_is_kept(live_page: "Page") -> None:
    slider = live_page.locator("input[type=range]").nth(0)
    for position in ("0.5", "1", "1.5", "2"):
        slider.fill(position)
    assert live_page.evaluate("questions.map((q) => q.z[0])") == [0]
    live_page.evaluate("reply(0.2)")
    assert live_page.evaluate("questions.map((q) => q.z[0])") == [0, 2]
    live_page.evaluate("reply(0.6)")
    assert live_page.evaluate("questions.length") == 2
    assert pixels_now(live_page) == pytest.approx(0.6, abs=0.01)


def pixels_now(page: "Page") -> float:
    return sum(page.locator(".vc-picture").first.evaluate(PIXELS)) / 784 / 255


def test_a_kernel_that_is_silent_is_told_and_its_late_answer_is_shown(live_page: "Page") -> None:
    live_page.locator("input[type=range]").nth(0).fill("1")
    assert live_page.locator(".vc-message").inner_text() == ""
    live_page.clock.run_for(30_000)
    assert "the kernel does not answer" in live_page.locator(".vc-message").inner_text()
    live_page.evaluate("reply(0.4)")
    assert pixels_now(live_page) == pytest.approx(0.4, abs=0.01)
    assert live_page.locator(".vc-message").inner_text() == ""
    assert live_page.evaluate("questions.map((q) => q.z[0])") == [0, 1]


def test_only_a_question_that_waits_is_nudged(live_page: "Page") -> None:
    move = """(z) => {
      const slider = document.querySelector("input[type=range]");
      slider.value = z;
      slider.dispatchEvent(new Event("input"));
    }"""
    live_page.evaluate("reply(0.5)")
    live_page.clock.run_for(1000)
    before = live_page.evaluate("window.nudges ?? 0")
    live_page.evaluate(f"{{ ({move})(1); reply(0.2); }}")
    live_page.clock.run_for(1000)
    assert live_page.evaluate("window.nudges ?? 0") == before
    live_page.evaluate(f"({move})(2)")
    live_page.clock.run_for(1000)
    assert live_page.evaluate("nudges") == before + 1


def test_what_the_kernel_could_not_do_is_told(live_page: "Page") -> None:
    live_page.evaluate("answer({ number: questions.at(-1).number, error: 'my own mistake' }, [])")
    assert live_page.locator(".vc-message").inner_text() == "my own mistake"
    live_page.locator("input[type=range]").nth(0).fill("1")
    live_page.evaluate("answer({ number: questions.at(-1).number, error: '' }, [])")
    live_page.locator("input[type=range]").nth(0).fill("2")
    assert live_page.evaluate("questions.map((q) => q.z[0])") == [0, 1, 2], "it goes on asking"


def test_two_views_of_a_widget_do_not_take_each_others_answers(live_page: "Page") -> None:
    live_page.evaluate(
        "render({ model, el: document.body.appendChild(document.createElement('p')) })"
    )
    assert live_page.evaluate("new Set(questions.map((q) => q.number)).size") == 2
    assert live_page.evaluate("questions.length") == 2


def test_jupyterlabs_own_keys_are_off_inside_an_explorer(live_page: "Page") -> None:
    # without this, arrows move between cells and D D deletes one while a slider has the focus
    assert live_page.locator(".vaecourse-explorer[data-lm-suppress-shortcuts=true]").count() == 1

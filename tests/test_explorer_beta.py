"""The explorers of β: the calculator computes what Python does; the slider shows its place."""

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from conftest import Opener, settle

from vaecourse import explorer
from vaecourse.errors import CourseError
from vaecourse.explorer.script import script_for
from vaecourse.reductions import LIKELIHOODS, RECIPES, effective_beta

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("on_page")

# -- the calculator --------------------------------------------------------------------------------

SETTINGS: list[dict[str, Any]] = [recipe.settings for recipe in RECIPES] + [
    {"likelihood": "half mse", "recon": "mean", "kl": "mean", "image_shape": (3, 5, 7)},
    {"recon": "batch sum", "kl": "mean", "latent_dim": 7, "batch_size": 3, "kl_weight": 0.3},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_page_computes_pythons_beta(opened: Opener, settings: dict[str, Any]) -> None:
    page = opened(f"<script>{script_for('reductions')}</script>")
    channels, height, width = settings.get("image_shape", (1, 28, 28))
    state = {
        "likelihood": settings.get("likelihood", "bce"),
        "recon": settings.get("recon", "image sum"),
        "kl": settings.get("kl", "image sum"),
        "reconWeight": settings.get("recon_weight", 1),
        "klWeight": settings.get("kl_weight", 1),
        "channels": channels,
        "height": height,
        "width": width,
        "latentDim": settings.get("latent_dim", 2),
        "batchSize": settings.get("batch_size", 100),
    }
    call = "([state, likelihoods]) => effectiveBeta(state, likelihoods)"
    found = page.evaluate(call, [state, LIKELIHOODS])
    assert found == pytest.approx(effective_beta(**settings), rel=1e-12)


def test_a_choice_and_a_number_change_what_is_told(opened: Opener) -> None:
    page = opened(explorer.effective_beta())
    settle(page)
    told = page.get_by_role("status").first
    assert "β = 1 / 1 = 1." in told.inner_text()
    page.get_by_role("radio", name="mean").first.focus()
    page.keyboard.press("Space")  # by keyboard alone
    assert "counts 784 times" in told.inner_text()
    page.get_by_label("channels").fill("3")
    assert "counts 2352 times" in told.inner_text()
    page.get_by_role("radio", name="mse", exact=True).check()
    assert f"σ = √β = {math.sqrt(3 * 784 / 2):.4g}" in told.inner_text()


def test_each_weight_has_a_name_and_a_beta_of_one_by_rounding_is_one(opened: Opener) -> None:
    page = opened(explorer.effective_beta())
    settle(page)
    told = page.get_by_role("status").first
    page.get_by_label("recon weight").fill("0.3")
    page.get_by_label("KL weight").fill("0.1")
    page.get_by_role("radio", name="batch sum").nth(1).check()
    page.get_by_label("batch", exact=True).fill("3")
    assert 3 * 0.1 / 0.3 != 1  # in floats
    assert "This is −ELBO" in told.inner_text()
    page.get_by_label("recon weight").fill("0.300001")
    assert "to four digits" in told.inner_text()


def test_a_number_that_cannot_be_is_marked_and_not_used(opened: Opener) -> None:
    page = opened(explorer.effective_beta())
    settle(page)
    before = page.get_by_role("status").first.inner_text()
    height = page.get_by_label("height")
    for wrong in ("0", "2.5", "", "-1"):
        height.fill(wrong)
        assert height.get_attribute("aria-invalid") == "true"
    assert page.get_by_role("status").first.inner_text() == before
    height.fill("14")
    assert height.get_attribute("aria-invalid") == "false"


# -- the slider ------------------------------------------------------------------------------------

POSITIONS = ["0.1", "1", "10"]


def walk(**changes: Any) -> Any:
    """Three places; a picture's grey tells its place and its number."""
    levels = (torch.arange(3)[:, None] * 40 + torch.arange(4) * 10).float() / 255
    given: dict[str, Any] = {
        "positions": POSITIONS,
        "sheets": {
            "the same": torch.full((2, 1, 3, 5), 200 / 255),
            "other": levels[:, :, None, None, None].expand(3, 4, 1, 3, 5),
        },
        "numbers": {"KL": ["70 nats", "20 nats", "4 nats"]},
        "curve": {"rate": [70, 20, 4], "distortion": [60, 80, 140]},
    }
    return explorer.along("β", **(given | changes), columns=3)


def greys(page: "Page", sheet: int) -> list[int]:
    """The upper left pixel of each tile of a sheet, in rows of three."""
    return page.evaluate(
        """(i) => {
          const canvas = document.querySelectorAll(".vc-sheet")[i];
          const context = canvas.getContext("2d");
          const found = [];
          for (let y = 0; y < canvas.height; y += 3)
            for (let x = 0; x < canvas.width; x += 5)
              found.push(context.getImageData(x, y, 1, 1).data[0]);
          return found;
        }""",
        sheet,
    )


def test_the_slider_shows_the_pictures_and_the_numbers_of_its_place(opened: Opener) -> None:
    page = opened(walk())
    settle(page)
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    slider = page.get_by_role("slider", name="β")
    slider.focus()
    for place, position in enumerate(POSITIONS):
        assert slider.get_attribute("aria-valuetext") == position
        assert greys(page, 0)[:2] == [200, 200]
        assert greys(page, 1)[:4] == [40 * place + 10 * i for i in range(4)]
        assert page.locator(".vc-table td").inner_text() == ["70 nats", "20 nats", "4 nats"][place]
        assert page.get_by_role("img", name=f"other, β = {position}").count() == 1
        page.keyboard.press("ArrowRight")


def test_numbers_and_tensors_are_taken_as_they_are_told() -> None:
    curve = {"rate": torch.tensor([0.7, 0.2, 0.04]), "distortion": torch.arange(3)}
    shown = walk(positions=torch.tensor([0.1, 1, -10]), curve=curve)
    assert shown.data["positions"] == ["0.1", "1", "−10"]
    assert shown.data["curve"]["x"] == pytest.approx([0.7, 0.2, 0.04])
    assert shown.data["curve"]["y"] == [0, 1, 2]


def test_ticks_are_a_few_round_numbers_within_the_values(opened: Opener) -> None:
    page = opened(f"<script>{script_for('along')}</script>")
    draw = torch.Generator().manual_seed(0)
    for size in (1e-3, 0.3, 1, 40, 2e5):
        values = (size * torch.randn(5, generator=draw)).tolist()
        ticks = page.evaluate("roundNumbers", values)
        assert 2 <= len(ticks) <= 7
        slack = 1e-6 * size
        assert min(values) - slack <= min(ticks) < max(ticks) <= max(values) + slack
        assert max(len(f"{tick:g}") for tick in ticks) <= 7
    assert page.evaluate("roundNumbers", [2.5, 2.5]) == [2.5]


def test_the_still_picture_names_the_sheet_of_each_row(on_page: explorer.Page) -> None:
    figure = walk().figure
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert texts == ["the same", "other, β = 0.1", "other, β = 1", "other, β = 10"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"positions": []}, "texts or numbers as positions, one or more"),
        ({"positions": [None, 1, 10]}, "texts or numbers as positions"),
        ({"positions": "abc"}, "texts or numbers as positions"),
        ({"curve": {"a": 3, "b": [1, 2, 3]}}, "numbers as 'a' of the curve, got 3"),
        ({"curve": {"a": "xyz", "b": [1, 2, 3]}}, "numbers as 'a' of the curve"),
        ({"numbers": {"KL": ["70"]}}, "an entry of 'KL' for each of 3 positions, got 1"),
        ({"curve": {"rate": [1, 2, 3]}}, "a curve of two axes, got 1"),
        ({"curve": {"a": [1, 2, math.nan], "b": [1, 2, 3]}}, "finite numbers"),
        ({"sheets": {"a": torch.zeros(2, 4, 1, 3, 5)}}, "grey images \\(3, n, 1, height, width\\)"),
        ({"sheets": {"a": torch.zeros(3, 4, 3, 3, 5)}}, "grey images"),
        ({"sheets": {"a": torch.zeros(3, 0, 1, 3, 5)}}, "grey images"),
        ({"sheets": {"a": torch.full((4, 1, 3, 5), 1.5)}}, "images in \\[0, 1\\] as 'a', got 1.5"),
        ({"sheets": {"a": torch.full((4, 1, 3, 5), math.nan)}}, "images in \\[0, 1\\]"),
        ({"sheets": {"a": "b"}}, "got str"),
        ({"sheets": {}}, "images of one size"),
        ({"sheets": {"a": torch.zeros(4, 1, 3, 5), "b": torch.zeros(4, 1, 4, 4)}}, "one size"),
        ({"start": 3}, "start below 3, got 3"),
    ],
)
def test_a_walk_that_cannot_be_is_a_sentence(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(CourseError, match=says):
        walk(**changes)

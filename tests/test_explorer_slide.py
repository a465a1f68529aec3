"""The slider of attributes: what torch decodes at z + Σ α · direction, and a reader's hands."""

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from conftest import Opener, settle
from torch import Tensor, nn

from vaecourse import explorer
from vaecourse.errors import CourseError
from vaecourse.networks import Autoencoder, PictureDecoder, PictureEncoder, Shape

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("on_page")
TOLERANCE = 0.02  # of a pixel in [0, 1]
GREY, COLOUR = (1, 64, 64), (3, 64, 64)
PIXELS = "(canvas) => Array.from(canvas.pixels)"


def faces(shape: Shape = GREY, widths: tuple[int, ...] = (8, 8, 8, 16)) -> Autoencoder:
    """Untrained, but with weights large enough that z matters to every pixel."""
    torch.manual_seed(0)
    model = Autoencoder(PictureEncoder(5, shape, widths), PictureDecoder(5, shape, widths))
    with torch.no_grad():
        for weight in model.decoder.parameters():
            weight.mul_(2.0)
    return model.eval()


def given() -> dict[str, Any]:
    torch.manual_seed(1)
    return {
        "z": torch.randn(3, 5),
        "directions": {"smile": torch.randn(5), "glasses": torch.randn(5)},
    }


def decoded(model: Any, z: Tensor) -> Tensor:
    return model.decode(z[None]).sigmoid().flatten().detach()


def drawn(page: "Page", label: str) -> Tensor:
    settle(page)
    return torch.tensor(page.get_by_role("img", name=label).evaluate(PIXELS))


@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_the_sliders_draw_what_torch_decodes_along_the_directions(
    opened: Opener, shape: Shape
) -> None:
    model, told = faces(shape), given()
    z, smile, glasses = told["z"][0], *told["directions"].values()
    page = opened(explorer.slide_attribute(model, **told))
    page.get_by_role("slider", name="smile").fill("1.5")
    page.get_by_role("slider", name="glasses").fill("-2")
    before = drawn(page, "face 1 as it is decoded")
    after = drawn(page, "face 1 with smile +1.50, glasses −2.00")
    assert (before - decoded(model, z)).abs().max() < TOLERANCE
    assert (after - decoded(model, z + 1.5 * smile - 2 * glasses)).abs().max() < TOLERANCE
    assert (before - after).abs().max() > 5 * TOLERANCE


def test_another_face_keeps_the_sliders_and_reset_puts_them_back(opened: Opener) -> None:
    model, told = faces(), given()
    page = opened(explorer.slide_attribute(model, **told, names=("Ada", "Bo", "Cy")))
    page.get_by_role("slider", name="smile").fill("3")
    page.get_by_role("button", name="Cy").click()
    assert page.get_by_role("button", name="Cy").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="Ada").get_attribute("aria-pressed") == "false"
    moved = told["z"][2] + 3 * told["directions"]["smile"]
    assert (drawn(page, "Cy with smile") - decoded(model, moved)).abs().max() < TOLERANCE
    page.get_by_role("button", name="reset").click()
    assert page.locator(".vc-value").all_inner_texts() == ["0.00", "0.00"]
    assert torch.equal(drawn(page, "Cy with smile"), drawn(page, "Cy as it is decoded"))


def test_the_faces_on_the_buttons_are_decoded_from_their_codes(opened: Opener) -> None:
    model, told = faces(), given()
    page = opened(explorer.slide_attribute(model, **told))
    settle(page)
    buttons = page.locator(".vc-thumbnails canvas")
    assert buttons.count() == 3
    for i, z in enumerate(told["z"]):
        found = torch.tensor(buttons.nth(i).evaluate(PIXELS))
        assert (found - decoded(model, z)).abs().max() < TOLERANCE


def test_it_is_moved_by_keyboard_alone_and_tells_where_it_is(opened: Opener) -> None:
    page = opened(explorer.slide_attribute(faces(), **given()))
    settle(page)
    page.keyboard.press("Tab")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    slider = page.get_by_role("slider", name="smile")
    assert slider.get_attribute("aria-valuetext") == "0.20"
    told = page.get_by_role("status").first.inner_text()
    z, smile = given()["z"][0], given()["directions"]["smile"]
    wanted = [0.2, 0, *(float(v.norm()) for v in (0.2 * smile, z, z + 0.2 * smile))]
    numbers = [float(number) for number in re.findall(r"\d+\.\d+", told)]
    assert numbers == pytest.approx(wanted, abs=0.006)
    for _ in range(3):  # past glasses and reset, to the first face's button
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_by_role("status").first.inner_text().startswith("face 2 with smile +0.20")


def test_a_phone_shows_both_faces_side_by_side(opened: Opener) -> None:
    shown = explorer.slide_attribute(faces(COLOUR), **given())
    page = opened(shown, width=390, has_touch=True)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    one, other = (page.locator(".vc-pair canvas").nth(i).bounding_box() for i in (0, 1))
    assert one
    assert other
    assert one["y"] == other["y"]
    assert one["width"] == pytest.approx(other["width"])
    assert one["width"] > 150


def test_no_picture_is_carried_but_the_codes(on_page: explorer.Page) -> None:
    shown: Any = explorer.slide_attribute(faces(), **given())
    assert set(shown.data["networks"][0]) == {"decoder"}
    assert "pixels" not in str(shown.data)


def test_a_network_of_the_courses_size_stays_well_under_a_megabyte(
    on_page: explorer.Page,
) -> None:
    model = Autoencoder(PictureEncoder(32, COLOUR), PictureDecoder(32, COLOUR))
    shown: Any = explorer.slide_attribute(model, torch.randn(6, 32), {"smile": torch.randn(32)})
    assert len(shown._repr_mimebundle_()["text/html"]) < 800_000


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"z": torch.randn(3, 4)}, r"codes \(n, 5\) of faces, got \(3, 4\)"),
        ({"z": torch.randn(5)}, r"got \(5,\)"),
        ({"z": [1.0]}, "got list"),
        ({"z": torch.empty(0, 5)}, r"got \(0, 5\)"),
        ({"z": torch.randn(13, 5)}, "at most 12 faces, got 13"),
        ({"z": torch.full((1, 5), torch.nan)}, "finite codes"),
        ({"directions": {}}, "one to 6 directions by name, got 0"),
        ({"directions": torch.randn(5)}, "got Tensor"),
        ({"directions": {"smile": torch.randn(4)}}, r"direction \(5,\) under a text, got \(4,\)"),
        ({"directions": {1: torch.randn(5)}}, "under a text"),
        ({"directions": {"smile": torch.zeros(5)}}, "'smile' of some length"),
        ({"directions": {"smile": torch.full((5,), torch.inf)}}, "finite direction 'smile'"),
        ({"names": ("a", "b")}, "3 texts as names"),
        ({"names": "abc"}, "3 texts as names"),
        ({"limit": 0}, "limit above 0"),
        ({"limit": torch.nan}, "limit of 0 or more, and finite"),
    ],
)
def test_what_cannot_be_moved_is_a_sentence(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(CourseError, match=says):
        explorer.slide_attribute(faces(), **(given() | changes))
    with pytest.raises(CourseError, match="decode"):
        explorer.slide_attribute(nn.Linear(2, 2), **given())

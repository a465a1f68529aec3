"""Explorers under a finger, on a phone: what scrolls, what moves, what stays in sight."""

from typing import TYPE_CHECKING

import pytest
from conftest import Opener, settle
from test_explorer_browser import PIXELS, digits, lively_vae, posterior

from vaecourse import explorer

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.usefixtures("on_page")
LONG = "<div style='height: 3000px'></div>"  # below the explorer, so that there is where to scroll


def on_phone(opened: Opener, shown: object) -> "Page":
    page = opened(shown, LONG, width=390, has_touch=True, is_mobile=True)
    settle(page)
    return page


def swipe(page: "Page", start: tuple[float, float], end: tuple[float, float]) -> None:
    """A finger goes from one place of the window to another, in twelve steps."""
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: dict[str, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": start[0], "y": start[1]})
    for i in range(1, 13):
        x, y = (a + (b - a) * i / 12 for a, b in zip(start, end, strict=True))
        send("touchMove", {"x": x, "y": y})
    send("touchEnd")
    page.wait_for_timeout(300)


def where(page: "Page") -> str:
    """The point, as the plane tells it."""
    return str(page.locator(".vc-plane").get_attribute("aria-label"))


def place(plane: "Locator", across: float, down: float) -> tuple[float, float]:
    box = plane.bounding_box()
    assert box
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def plane_of(page: "Page") -> "Locator":
    plane = page.locator(".vc-plane")
    plane.scroll_into_view_if_needed()
    return plane


def scrolled(page: "Page") -> float:
    return float(page.evaluate("scrollY"))


@pytest.fixture
def page(opened: Opener) -> "Page":
    x, y = digits()
    return on_phone(opened, explorer.explore(lively_vae(), x=x, y=y))


def test_a_swipe_over_the_map_scrolls_and_moves_nothing(page: "Page") -> None:
    plane, before = plane_of(page), where(page)
    swipe(page, place(plane, 0.8, 0.9), place(plane, 0.8, 0.2))
    assert scrolled(page) > 100
    assert where(page) == before


def test_a_finger_that_begins_at_the_cross_takes_it_along_and_scrolls_nothing(page: "Page") -> None:
    plane = plane_of(page)
    swipe(page, place(plane, 0.5, 0.5), place(plane, 0.5, 0.25))
    assert scrolled(page) == 0
    assert "(0.00, " in where(page)
    assert "(0.00, 0.00)" not in where(page)


def test_a_tap_and_a_drag_to_the_side_move_the_point(page: "Page") -> None:
    plane, first = plane_of(page), where(page)
    page.touchscreen.tap(*place(plane, 0.75, 0.25))
    tapped = where(page)
    assert tapped != first
    swipe(page, place(plane, 0.1, 0.8), place(plane, 0.4, 0.78))
    assert where(page) not in (first, tapped)
    assert scrolled(page) == 0


def test_the_first_stroke_is_not_drawn_over_the_digit_that_is_given(opened: Opener) -> None:
    x, y = digits()
    page = on_phone(opened, explorer.draw_digit(lively_vae(), x, y))
    ink = page.locator(".vc-ink")
    given = sum(value > 40 for value in ink.evaluate(PIXELS))
    page.touchscreen.tap(*place(ink, 0.5, 0.5))
    dot = sum(value > 40 for value in ink.evaluate(PIXELS))
    assert 0 < dot < 1000 < given
    page.touchscreen.tap(*place(ink, 0.2, 0.2))  # the second is drawn beside the first
    assert sum(value > 40 for value in ink.evaluate(PIXELS)) > 1.5 * dot
    assert posterior(page)


def test_on_a_phone_clear_and_what_is_decoded_stand_beside_the_field(opened: Opener) -> None:
    x, y = digits()
    page = on_phone(opened, explorer.draw_digit(lively_vae(), x, y))
    field, clear, decoded = (
        page.locator(name).first.bounding_box()
        for name in (".vc-ink", ".vc-buttons button", ".vc-picture")
    )
    assert field
    assert clear
    assert decoded
    assert 0 <= clear["y"] - (field["y"] + field["height"]) < 60
    assert field["y"] <= decoded["y"] < field["y"] + field["height"]
    assert decoded["x"] + decoded["width"] <= 390

"""A face drawn from known factors: anti-aliased shapes, one above the other.

Lengths are in pixels, seen from the middle of the picture; x runs to the right, y down. A shape is
a signed distance to its edge, negative inside, to first order; the pixels on the edge take the
shades between. Features lie on the head at an arc length u from the middle of the face, so that a
head that turns shifts and foreshortens them.
"""

from typing import NamedTuple

import torch
from torch import Tensor

SIDE = 64
TURN = 0.45  # radians at turn = 1

SKIN = ((0.99, 0.87, 0.77), (0.94, 0.76, 0.62), (0.80, 0.58, 0.42), (0.58, 0.39, 0.27),
        (0.38, 0.25, 0.18))  # fmt: skip
HAIR = ((0.08, 0.07, 0.09), (0.26, 0.16, 0.10), (0.46, 0.28, 0.15), (0.68, 0.28, 0.12),
        (0.91, 0.73, 0.40), (0.84, 0.84, 0.86))  # fmt: skip
IRIS = ((0.27, 0.15, 0.07), (0.45, 0.33, 0.14), (0.24, 0.47, 0.28), (0.28, 0.52, 0.80))
WALL = ((0.30, 0.34, 0.46), (0.38, 0.60, 0.78), (0.50, 0.76, 0.70), (0.76, 0.84, 0.58),
        (0.97, 0.87, 0.60), (0.95, 0.68, 0.55), (0.78, 0.62, 0.80))  # fmt: skip
SHIRT = ((0.15, 0.15, 0.19), (0.20, 0.32, 0.56), (0.22, 0.52, 0.42), (0.93, 0.91, 0.87),
         (0.96, 0.74, 0.26), (0.82, 0.27, 0.25), (0.52, 0.25, 0.46))  # fmt: skip

# One row a style: how far the hair stands off at the sides and the top, the height where it ends,
# whether it hangs down (0) or curves in (1), the height of the hairline in the middle, how far it
# falls to the sides, curls, and the radius of a bun.
STYLES = {
    "bald": (-40.0, -40.0, 0.0, 0.0, -60.0, 0.0, 0.0, -9.0),
    "short": (1.2, 3.0, 3.0, 0.6, -10.0, 11.0, 0.0, -9.0),
    "fringe": (2.6, 3.0, 10.0, 0.0, -4.5, 17.0, 0.0, -9.0),
    "curly": (6.0, 4.5, 30.0, 1.7, -8.5, 13.0, 1.2, -9.0),
    "long": (3.6, 3.0, 27.0, 0.0, -10.5, 30.0, 0.0, -9.0),
    "bun": (0.6, 1.2, 0.0, 1.0, -11.5, 9.0, 0.0, 6.5),
}


class Face(NamedTuple):
    """What the parts share: factors as (n, 1, 1), places, and the picture so far.

    x (1, 1, side) and y (1, side, 1): pixel centres. u (n, 1, side): arc length on the head. a, b:
    the head's half-axes, top: its middle. shade (n, 1, 1, side): the light on what stands there.
    """

    picture: Tensor  # (n, 3, side, side)
    factors: dict[str, Tensor]
    x: Tensor
    y: Tensor
    u: Tensor
    a: Tensor
    b: Tensor
    shade: Tensor

    def paint(self, distance: Tensor, colour: Tensor, opacity: Tensor | float = 1.0) -> None:
        """Lay a colour, (n, 3, 1, 1) or (n, 3, 1, side), on what lies inside a shape."""
        cover = (0.5 - distance).clamp_(0, 1).mul_(opacity).unsqueeze(1)
        self.picture.lerp_(colour, cover)

    def rows(self, first: int, last: int) -> "Face":
        """The same face with these rows only: a small part need not look at the whole picture."""
        return self._replace(picture=self.picture[:, :, first:last], y=self.y[:, first:last])


def draw(factors: dict[str, Tensor]) -> Tensor:
    """Factors by name, each (n,) -> (n, 3, 64, 64) in [0, 1]."""
    face = _sketch(factors)
    _paint_hair_behind(face)
    _paint_body(face)
    _paint_head(face)
    lower, upper = face.rows(36, 60), face.rows(14, 46)
    _paint_mouth(lower)
    _paint_nose(face.rows(28, 50))
    _paint_eyes(upper)
    _paint_brows(upper)
    _paint_hair_in_front(face)
    _paint_glasses(upper)
    return face.picture.clamp_(0, 1)


def _sketch(factors: dict[str, Tensor]) -> Face:
    """The wall, and where the head is."""
    f = {name: column[:, None, None] for name, column in factors.items()}
    steps = torch.arange(SIDE) - (SIDE - 1) / 2
    x, y = steps[None, None, :], steps[None, :, None]
    a = 16 + 3.5 * f["face_width"]
    b = 20 + 4 * f["face_length"]
    side = (x / a).clamp(-0.99, 0.99)
    # Beyond the head's edge the length goes on straight, so that nothing is smeared there.
    u = a * (side.asin() - TURN * f["turn"]) + 3 * (x - side * a)
    wall = _mixed(WALL, factors["background"]) * (1 - 0.10 * (y / 32).unsqueeze(1))
    picture = wall.expand(-1, -1, -1, SIDE).clone()
    shade = 0.94 + 0.26 * f["light"] * side
    return Face(picture, f, x, y, u, a, b, shade.unsqueeze(1))


def _paint_hair_behind(face: Face) -> None:
    face.paint(_hair(face), 0.72 * _hair_colour(face))


def _paint_body(face: Face) -> None:
    body, skin = face.rows(44, SIDE), _skin(face)
    shirt = _mixed(SHIRT, face.factors["shirt"].flatten())
    body.paint(_ellipse(body.x, body.y - 39, 27, 15), shirt * (0.4 + 0.6 * face.shade))
    body.paint(_ellipse(body.x, body.y - 24, 7.5, 6.5), 0.88 * skin)
    neck = torch.maximum(body.x.abs() - 6.5, body.y - 25)
    body.paint(neck, 0.78 * skin)


def _paint_head(face: Face) -> None:
    skin = _skin(face)
    ears = face.rows(24, 46)
    across = face.x + 1.8 * face.factors["turn"]  # the far ear goes behind, the near one shows
    ears.paint(_ellipse(across.abs() - face.a, ears.y - 4, 3.0, 4.6), 0.86 * skin)
    below = (face.y - 3).clamp(min=0) / 22
    jaw = face.a * (1 - 0.16 * below**2)
    face.paint(_ellipse(face.x, face.y - 3, jaw, face.b), skin)
    cheeks = face.rows(32, 50)
    blush = _ellipse(face.u.abs() - 10.5, cheeks.y - 9.5, 4.5, 3.2) / 3
    cheeks.paint(blush, skin * torch.tensor([1.0, 0.72, 0.68])[:, None, None], 0.55)


def _paint_mouth(face: Face) -> None:
    """From a frown to a grin: the corners rise, and from a smile on teeth show."""
    smile, u = face.factors["smile"], face.u
    half = 6.0 + 1.5 * smile.abs()
    reach = (u / half).clamp(-1, 1)
    arch = 1 - reach**2
    middle = 3 + 0.52 * face.b + 0.8 * smile
    upper = middle + 4.2 * smile * (arch - 0.5)
    opening = 4.6 * (smile - 0.3).clamp(min=0) * arch
    slant = (1 + (8.4 * smile * reach / half) ** 2).sqrt()
    lip = 0.35 + 0.75 * arch.sqrt()
    beside = u.abs() - half
    above, below = (upper - face.y) / slant, (face.y - upper - opening) / slant
    lips = torch.maximum(torch.maximum(above, below) - lip, beside)
    red = torch.tensor([0.72, 0.22, 0.24])[:, None, None]
    face.paint(lips, (0.55 * red + 0.35 * _skin(face) * red) * face.shade)
    teeth = torch.maximum(torch.maximum(above, below), beside + 0.5)
    white = torch.tensor([0.98, 0.97, 0.94])[:, None, None]
    face.paint(teeth + 0.3, white * face.shade, (opening / 1.2).clamp(max=1))


def _paint_nose(face: Face) -> None:
    """A wedge that leans to where the head turns, with its shadow away from the light."""
    turn, light = face.factors["turn"], face.factors["light"]
    tip = 6.5 + 4 * face.factors["nose"]
    down = ((face.y + 1) / (tip + 1)).clamp(0, 1)  # 0 between the eyes, 1 at the tip
    across = face.u - 3.0 * turn * down
    half = 0.8 + 2.0 * down**2
    ends = (face.y - tip).abs() - 1.0
    end = face.y - tip - 0.5
    wedge = torch.maximum(across.abs() - half, torch.maximum(end, -face.y))
    shadow = torch.maximum((across + 1.1 * light).abs() - half - 0.2, ends)
    skin = _skin(face)
    face.paint(shadow - 0.4, 0.74 * skin)
    face.paint(wedge, (1.05 * skin).clamp(max=1), 0.85 * down)


def _paint_eyes(face: Face) -> None:
    f = face.factors
    across, y = _from_eye(face), face.y - 0.5
    wide, high = 3.5 + 1.2 * f["eye_size"], 1.9 + 1.7 * f["eye_size"]
    dark = 0.25 * _skin(face) * torch.tensor([0.9, 0.7, 0.7])[:, None, None]
    face.paint(_ellipse(across, y + 0.5, wide + 0.6, high + 0.6), dark)
    white = _ellipse(across, y, wide, high)
    face.paint(white, torch.tensor([0.98, 0.98, 0.98])[:, None, None] * (0.5 + 0.5 * face.shade))
    out_x, out_y = across - 1.9 * f["gaze_x"], y - 1.1 * f["gaze_y"]
    radius = 1.5 + 0.9 * f["eye_size"]
    iris = _ellipse(out_x, out_y, radius, radius)
    face.paint(torch.maximum(iris, white), _mixed(IRIS, f["eye_colour"].flatten()))
    pupil = torch.maximum(iris + 0.5 * radius, white)
    face.paint(pupil, torch.tensor([0.04, 0.04, 0.05])[:, None, None])


def _paint_brows(face: Face) -> None:
    across, half = _from_eye(face), 4.6
    thick = 0.55 + 0.85 * face.factors["brows"]
    line = -6.2 - 1.2 * face.factors["eye_size"] + 1.6 * (across / half) ** 2
    brows = torch.maximum((face.y - line).abs() - thick, across.abs() - half)
    face.paint(brows, 0.6 * _hair_colour(face))


def _paint_hair_in_front(face: Face) -> None:
    """The part of the hair above the hairline, which runs around the head."""
    _, _, _, _, middle, fall, _, _ = _style(face)
    far = (face.u / (1.35 * face.a)).abs()
    line = middle + fall * far**4
    slant = (1 + (4 * fall * far**3 / (1.35 * face.a)) ** 2).sqrt()
    strands = 1 + 0.07 * torch.cos(1.3 * face.u).unsqueeze(1)
    hair = torch.maximum(_hair(face), (face.y - line) / slant)
    face.paint(hair, _hair_colour(face) * strands)


def _paint_glasses(face: Face) -> None:
    across, y, there = _from_eye(face), face.y - 0.5, face.factors["glasses"]
    corner = 3.5
    out_x, out_y = across.abs() - (6.6 - corner), y.abs() - (5.6 - corner)
    lens = (out_x.clamp(min=0) ** 2 + out_y.clamp(min=0) ** 2).sqrt() - corner
    face.paint(lens, torch.tensor([0.80, 0.90, 1.0])[:, None, None], 0.12 * there)
    # The bridge, and the sides as far as the hair.
    beside = torch.minimum(face.u.abs() - 1.8, (face.u.abs() - 16.5).abs() - 2)
    bars = torch.maximum(beside, (y + 1.5).abs() - 0.5)
    frame = torch.minimum(lens.abs() - 0.55, bars)
    face.paint(frame, torch.tensor([0.13, 0.12, 0.15])[:, None, None], there)


def _from_eye(face: Face) -> Tensor:
    """u seen from the nearer eye's middle."""
    return face.u - face.u.sign() * (7.4 + 1.0 * face.factors["face_width"])


def _hair(face: Face) -> Tensor:
    """The outline of all hair."""
    beside, over, end, curve, _, _, curls, bun = _style(face)
    y = face.y - 3
    hanging = y.clamp(max=0) + curve * y.clamp(min=0)
    outline = _ellipse(
        face.x, hanging, (face.a + beside).clamp(min=1), (face.b + over).clamp(min=1)
    )
    outline = outline + curls * torch.cos(0.7 * face.x) * torch.cos(0.7 * y)
    outline = torch.maximum(outline, face.y - end)
    x = face.x + 4 * face.factors["turn"]
    return torch.minimum(outline, _ellipse(x, y + face.b + 2, 1, 1) + 1 - bun)


def _style(face: Face) -> tuple[Tensor, ...]:
    table = torch.tensor(list(STYLES.values()))
    return table[face.factors["hair_style"].flatten().long()][:, :, None, None].unbind(1)


def _skin(face: Face) -> Tensor:
    return _mixed(SKIN, face.factors["skin"].flatten()) * face.shade


def _hair_colour(face: Face) -> Tensor:
    return _mixed(HAIR, face.factors["hair_colour"].flatten()) * face.shade


def _ellipse(x: Tensor, y: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    """Distance to an ellipse around (0, 0) with half-axes a and b, nearly."""
    level = ((x / a) ** 2 + (y / b) ** 2).sqrt_()
    return (level - 1).mul_((a * b) ** 0.5)


def _mixed(palette: tuple[tuple[float, float, float], ...], at: Tensor) -> Tensor:
    """The colour (n, 3, 1, 1) at a place (n,) from 0 to 1 between a palette's ends."""
    colours = torch.tensor(palette)
    place = at * (len(palette) - 1)
    left = place.long().clamp(max=len(palette) - 2)
    mixed = torch.lerp(colours[left], colours[left + 1], (place - left)[:, None])
    return mixed[:, :, None, None]

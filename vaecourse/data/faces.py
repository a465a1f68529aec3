"""Colour faces drawn on the spot, each from factors that are known."""

from pathlib import Path

import torch
from torch import Tensor

from vaecourse.data import portrait
from vaecourse.data.dataset import Prepared, short_hash
from vaecourse.errors import CourseError, check_whole
from vaecourse.shapes import shape_or_type

# What a face is drawn from, and each factor's least and largest value.
RANGES = {
    "smile": (-1.0, 1.0),  # a frown, a straight mouth at 0, a grin that shows teeth
    "eye_size": (0.0, 1.0),
    "gaze_x": (-1.0, 1.0),  # to the left of the picture … right
    "gaze_y": (-1.0, 1.0),  # up … down
    "glasses": (0.0, 1.0),  # 0 without, 1 with
    "hair_style": (0.0, len(portrait.STYLES) - 1.0),  # bald, short, fringe, curly, long, bun
    "hair_colour": (0.0, 1.0),  # black, browns, red, blond, white
    "skin": (0.0, 1.0),  # light … dark
    "turn": (-1.0, 1.0),  # the head, 26 degrees to the left of the picture … right
    "light": (-1.0, 1.0),  # from the left … right
    "face_width": (0.0, 1.0),
    "face_length": (0.0, 1.0),
    "brows": (0.0, 1.0),  # thin … thick
    "nose": (0.0, 1.0),  # short … long
    "eye_colour": (0.0, 1.0),  # brown, hazel, green, blue
    "background": (0.0, 1.0),
    "shirt": (0.0, 1.0),
}
FACE_FACTORS = tuple(RANGES)
WHOLE = ("glasses", "hair_style")  # numbers of kinds, nothing between
SPLITS = {"train": 16_000, "test": 4_000}
SEEDS = {"train": 1, "test": 2}
CHUNK = 64  # faces drawn at a time: their shapes then stay in the processor's cache


def random_factors(n: int, seed: int) -> Tensor:
    """Factors (n, num_factors) of n faces, in the columns of `FACE_FACTORS`.

    All are independent. Each is uniform in its range; glasses and hair style are whole numbers,
    each equally likely. The same by seed, and a longer draw begins with a shorter one.
    """
    check_whole("n", n, "n=1000")
    check_whole("seed", seed, "seed=0", least=0)
    draw = torch.rand(n, len(RANGES), generator=torch.Generator().manual_seed(seed))
    low, high = torch.tensor(list(RANGES.values())).T
    whole = torch.tensor([name in WHOLE for name in RANGES])
    return low + torch.where(whole, (draw * (high - low + 1)).floor(), draw * (high - low))


def draw_faces(factors: Tensor) -> Tensor:
    """Factors (n, num_factors) -> faces (n, 3, 64, 64), float32 in [0, 1].

    Nothing is left to chance: the same factors give the same face. Takes 0.3 ms a face on one core.
    Raises CourseError for another shape, and for factors that are NaN or out of their ranges.
    """
    _check(factors)
    factors = factors.detach().to("cpu", torch.float32)
    faces = torch.empty(len(factors), 3, portrait.SIDE, portrait.SIDE)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the shapes are so small that threads would only wait for each other
    try:
        for part, into in zip(factors.split(CHUNK), faces.split(CHUNK), strict=True):
            into.copy_(portrait.draw(dict(zip(FACE_FACTORS, part.unbind(1), strict=True))))
    finally:
        torch.set_num_threads(threads)
    return faces


def read(split: str, size: int) -> Prepared:
    """Faces (n, 3, 64, 64) in 256 shades, whatever the size; y: their factors, float32."""
    factors = random_factors(SPLITS[split], SEEDS[split])
    x = [draw_faces(part).mul_(255).round_().byte() for part in factors.split(1000)]
    return Prepared(torch.cat(x), factors)


def identity() -> str:
    """A sum over the code that draws: what was kept of other faces is not used."""
    code = [Path(file).read_text("utf-8") for file in (__file__, portrait.__file__)]
    return short_hash("\n".join(code).encode())


def _check(factors: Tensor) -> None:
    width = len(FACE_FACTORS)
    right = isinstance(factors, Tensor) and factors.ndim == 2 and len(factors) > 0
    if not (right and factors.shape[1] == width and factors.is_floating_point()):
        raise CourseError(
            f"expected factors as a floating tensor (n, {width}), a column for each of "
            f"data.FACE_FACTORS, got {shape_or_type(factors)}; try data.random_factors(n, seed)"
        )
    for (name, (low, high)), column in zip(RANGES.items(), factors.unbind(1), strict=True):
        fits = (column >= low) & (column <= high)  # no comparison with NaN is true
        if name in WHOLE:
            fits &= column == column.round()
        if not fits.all():
            first = int((~fits).nonzero()[0])
            kind = "a whole number" if name in WHOLE else "a number"
            raise CourseError(
                f"expected {kind} from {low:g} to {high:g} for {name}, got "
                f"{column[first].item():.4g} in row {first}; try .clamp({low:g}, {high:g})"
                f"{'.round()' if name in WHOLE else ''}"
            )

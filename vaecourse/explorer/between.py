"""`interpolate`: two images and an α between their codes."""

import torch
from torch import Tensor, nn

from vaecourse import latent, plotting
from vaecourse.errors import CourseError
from vaecourse.explorer.live import Live
from vaecourse.explorer.models import Part, check_pictures, codes, decoded, image_shape, pixels
from vaecourse.explorer.page import OnPage, show
from vaecourse.plotting import Figure


def interpolate(
    model: nn.Module, x_a: Tensor, x_b: Tensor, names: tuple[str, str] = ("the first", "the second")
) -> Live | OnPage | Figure:
    """Two images and an α between their codes: on a straight line, and beside it along an arc.

    x_a and x_b are images (channels, height, width) in [0, 1]. Raises CourseError for two of unlike
    shapes, for a model that cannot take them, and where `latent.slerp` does.
    """
    came = [tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__ for x in (x_a, x_b)]
    if not isinstance(came[0], tuple) or len(came[0]) != 3 or came[0] != came[1]:
        raise CourseError(
            "expected two images of one shape (channels, height, width), got "
            f"{came[0]} and {came[1]}; try x[0] and x[1]"
        )
    named = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    if not named or len(names) != 2:
        raise CourseError(f'expected two names, got {names!r}; try names=("a 2", "a 3")')
    shape, x = image_shape(model), torch.stack([x_a, x_b])
    check_pictures(x, None, shape)
    ends, _ = codes(model, x)
    lines = [way(ends[0], ends[1], 7) for way in (latent.lerp, latent.slerp)]

    def still() -> Figure:
        images = torch.cat([decoded(model, line) for line in lines])
        alt = (
            f"Two rows of seven pictures from {names[0]} to {names[1]}: above decoded on the "
            "straight line between their codes, below along the arc."
        )
        return plotting.image_grid(images, alt, columns=7, row_labels=("lerp", "slerp"))

    data = {
        "kind": "between",
        "title": f"From {names[0]} to {names[1]}",
        "shape": shape,
        "ends": ends.tolist(),
        "images": [pixels(x_a), pixels(x_b)],
        "names": list(names),
    }
    return show(data, [Part(model, ends.shape[1])], still)

"""The sizes that networks can have, and sentences for those they cannot."""

from torch import Tensor

from vaecourse.errors import CourseError, check_whole
from vaecourse.shapes import check_batch

Shape = tuple[int, int, int]  # channels, height, width
DIGIT: Shape = (1, 28, 28)


def check_dim(name: str, value: int) -> None:
    hint = "latent_dim=2 (an autoencoder's code_dim is latent_dim, a VAE's is 2 * latent_dim)"
    check_whole(name, value, hint)


def check_sizes(hidden: tuple[int, ...], shape: Shape, called: str = "hidden") -> Shape:
    """`shape` as a tuple; CourseError unless all are sizes that layers can have.

    `called` is what the caller calls its `hidden` sizes.
    """
    for name, sizes, example in ((called, hidden, (256, 256)), ("shape", shape, DIGIT)):
        if not isinstance(sizes, tuple | list) or (name == "shape" and len(sizes) != 3):
            what = "(channels, height, width)" if name == "shape" else "a tuple"
            raise CourseError(f"expected {name} as {what}, got {sizes!r}; try {name}={example}")
        for size in sizes:
            check_whole(name, size, f"{name}={example}")
    channels, height, width = shape
    return channels, height, width


def check_images(x: Tensor, shape: Shape) -> None:
    hint = "an encoder and a decoder with shape=(channels, height, width)"
    check_batch("images", x, shape, hint)


def check_codes(z: Tensor, latent_dim: int) -> None:
    check_batch("codes z", z, (latent_dim,), f"an encoder with code_dim={latent_dim}")

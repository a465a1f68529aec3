"""What one image becomes in a model, layer by layer, for a diagram."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from vaecourse.device import evaluating, seeded
from vaecourse.errors import CourseError

Seen = list[tuple[nn.Module, tuple[int, ...]]]  # a layer, and the shape of what it gave


@dataclass
class Stage:
    """What a layer gives for one image, and what was done to get it."""

    operation: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return " × ".join(map(str, self.shape))


@dataclass
class Network:
    """An autoencoder or a VAE as one image (channels, height, width) sees it.

    The encoder's last stage is the code z of an autoencoder, the mu and logvar of a VAE.
    """

    image: Stage
    encoder: list[Stage]
    decoder: list[Stage]
    latent_dim: int
    variational: bool


def look_at(model: nn.Module, x: Tensor) -> Network:
    """The layers of a model with `encoder` and `decoder`, by sending x (1, c, h, w) through it.

    The model is left as it was. Raises CourseError for other than one image.
    """
    if x.ndim != 4 or len(x) != 1:
        raise CourseError(
            f"expected one image, (1, channels, height, width), got {tuple(x.shape)}; try x[:1]"
        )
    seen: dict[str, Seen] = {"encoder": [], "decoder": []}
    hooks = [
        layer.register_forward_hook(_note_in(seen[part]))
        for part in seen
        for layer in _layers(getattr(model, part))
    ]
    try:
        with evaluating(model), seeded(0):
            code = model.encode(x)  # type: ignore[operator]
            variational = not isinstance(code, Tensor)
            z = code[0] if variational else code
            model.decode(z)  # type: ignore[operator]
    finally:
        for hook in hooks:
            hook.remove()
    image = Stage("", tuple(x.shape[1:]))
    encoder, decoder = (_stages(seen[part]) for part in seen)
    return Network(image, encoder, decoder, z.shape[1], variational)


def _note_in(seen: Seen) -> Any:
    def note(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        seen.append((layer, tuple(output.shape[1:])))

    return note


def _layers(part: nn.Module) -> Iterator[nn.Module]:
    """The parts of an encoder or a decoder: its children, and those of a Sequential."""
    children = list(part.children())
    for child in children:
        if isinstance(child, nn.Sequential):
            yield from _layers(child)
        else:
            yield child
    if not children:
        yield part


def _stages(seen: Seen) -> list[Stage]:
    """A layer without weights is no stage of its own unless it changes how many numbers there are;
    of two shapes of the same numbers the one in rows and columns is told."""
    stages: list[Stage] = []
    for layer, shape in seen:
        learns = any(True for _ in layer.parameters())
        reshapes = isinstance(layer, nn.Flatten | nn.Unflatten | nn.Identity)
        same = bool(stages) and math.prod(stages[-1].shape) == math.prod(shape)
        if learns or not (same or reshapes):
            stages.append(Stage(_name(layer), shape))
        elif same and len(shape) > len(stages[-1].shape):
            stages[-1].shape = shape
        elif same and not reshapes:
            stages[-1].operation += f", {type(layer).__name__}"
    return stages


def _name(layer: nn.Module) -> str:
    if isinstance(layer, nn.Linear):
        return "linear"
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        kind = "conv." if isinstance(layer, nn.Conv2d) else "transposed conv."
        size = " × ".join(map(str, layer.kernel_size))
        return f"{kind} {size}" + (f", stride {layer.stride[0]}" if layer.stride[0] > 1 else "")
    return type(layer).__name__

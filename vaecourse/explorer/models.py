"""What explorers need of a model: its shapes, its codes, and sentences for what does not fit."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights
from vaecourse.errors import CourseError
from vaecourse.networks import Shape

REACH = 3.5  # nearly all of a standard normal's draws


class Part(NamedTuple):
    """A model of an explorer, and what its reader may ask of it."""

    model: nn.Module
    latent_dim: int
    encodes: tuple[int, ...] = ()  # the shape of an image, where images are encoded live
    reach: float = REACH  # z goes from -reach to reach in each dimension


def decoded(model: nn.Module, z: Tensor) -> Tensor:
    """z (n, latent_dim) -> pixels in [0, 1] (n, channels, height, width), on the CPU."""
    with evaluating(model):
        return model.decode(like_weights(model, z)).sigmoid().float().cpu()  # type: ignore[operator]


def encoded(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """mu and logvar of the images, on the CPU; an autoencoder has its codes and no logvar."""
    with evaluating(model):
        code = model.encode(like_weights(model, x))  # type: ignore[operator]
    mu, logvar = (code, None) if isinstance(code, Tensor) else code
    return mu.float().cpu(), None if logvar is None else logvar.float().cpu()


# -- looked at before an explorer is made ------------------------------------------------------


def latent_dim(model: nn.Module) -> int:
    """The model's own, or its decoder's. Raises CourseError for what cannot be explored."""
    for part in (model, getattr(model, "decoder", None)):
        dim = getattr(part, "latent_dim", None)
        if isinstance(dim, int) and isinstance(model, nn.Module) and hasattr(model, "decode"):
            if dim < 1:
                raise CourseError(f"expected a latent_dim of 1 or more, got {dim}; try 2")
            return dim
    raise CourseError(
        f"expected a model with `decode` and `latent_dim`, got {type(model).__name__}; "
        "try a VAE or an Autoencoder, and images as x=x"
    )


def image_shape(model: nn.Module) -> Shape:
    """Of what the model decodes to. Raises CourseError unless that is logits of grey or RGB."""
    dim = latent_dim(model)
    wanted = f"expected logits (n, 1 or 3, height, width) of `decode` for z (n, {dim})"
    with _one_line(wanted, f"model.decode(torch.zeros(2, {dim}))"), evaluating(model):
        logits = model.decode(like_weights(model, torch.zeros(2, dim)))  # type: ignore[operator]
    if not isinstance(logits, Tensor):
        raise CourseError(f"{wanted}, got a {type(logits).__name__}; try only its logits")
    n, channels, *_ = (*logits.shape, 0, 0)
    if (n, logits.ndim) != (2, 4) or channels not in (1, 3) or not logits.is_floating_point():
        came = f"shape {tuple(logits.shape)} of {logits.dtype} for two of them"
        raise CourseError(f"{wanted}, got {came}; try nn.Unflatten(1, (channels, height, width))")
    decoder = getattr(model, "decoder", None)
    ends_in = [*decoder.modules()][-1] if isinstance(decoder, nn.Module) else None
    if isinstance(ends_in, nn.Sigmoid) and logits.min() >= 0 and logits.max() <= 1:
        raise CourseError(
            f"{wanted}, got pixels: the decoder ends in a Sigmoid; try it without, and "
            "`bernoulli_nll` as the loss, which takes logits"
        )
    return channels, logits.shape[2], logits.shape[3]


def check_pictures(x: Tensor, y: Tensor | None, shape: Shape) -> None:
    """Raise CourseError unless x are images (n, *shape) in [0, 1] and y, if any, n labels."""
    check_images(x)
    if x.shape[1:] != shape:
        raise CourseError(
            f"expected images like those that the model decodes, (n, {', '.join(map(str, shape))}),"
            f" got {tuple(x.shape)}; try the images that it was trained on"
        )
    if y is None:
        return
    wanted = f"expected one whole number an image as labels y ({len(x)},)"
    if not isinstance(y, Tensor):
        raise CourseError(f"{wanted}, got {type(y).__name__}; try torch.as_tensor(y)")
    if y.shape != (len(x),) or y.is_complex() or not torch.equal(y.double(), y.long().double()):
        raise CourseError(f"{wanted}, got shape {tuple(y.shape)} of {y.dtype}; try y[:{len(x)}]")


def codes(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """`encoded`; CourseError unless mu and logvar are finite numbers (n, latent_dim)."""
    shape = (len(x), latent_dim(model))
    wanted = f"expected codes of shape {shape} of `encode`"
    with _one_line(f"{wanted}, or two such: mu and logvar", "model.encode(x) by itself"):
        mu, logvar = encoded(model, x)
    for part in (mu, *([] if logvar is None else [logvar])):
        if part.shape != shape:
            raise CourseError(
                f"{wanted}, got {tuple(part.shape)}; try an encoder with code_dim={shape[1]} in an "
                f"Autoencoder, or {2 * shape[1]} in a VAE"
            )
        if not part.isfinite().all():
            raise CourseError(
                "expected finite codes, got NaN or infinity from the encoder; try training it "
                "anew, with a smaller lr"
            )
    return mu, logvar


@contextmanager
def _one_line(wanted: str, hint: str) -> Iterator[None]:
    """What a student's own network raises, as a sentence that says where it came from."""
    try:
        yield
    except CourseError:
        raise
    except Exception as problem:
        text = next(iter(str(problem).splitlines()), "")
        came = f"{type(problem).__name__}: {text}"
        raise CourseError(f"{wanted}, got {came}; try {hint}, to see where") from problem


# -- as JSON -----------------------------------------------------------------------------------


def pixels(image: Tensor) -> str:
    """A byte a pixel, in base64."""
    levels = (image.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return base64.b64encode(levels.numpy().tobytes()).decode()


def rounded(values: Tensor, digits: int) -> Any:
    """Numbers (n,) or (n, m) as lists, to so many digits after the point."""
    if values.ndim == 1:
        return [round(value, digits) for value in values.tolist()]
    return [rounded(line, digits) for line in values]

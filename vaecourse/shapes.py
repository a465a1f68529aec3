"""What the parts of a model must take and give: each check is a sentence (CourseError)."""

import torch
from torch import Tensor

from vaecourse.errors import CourseError, check_number


def shape_or_type(value: object) -> object:
    """What came, for a sentence: a tensor's shape, or what else it is."""
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def check_batch(what: str, x: object, shape: tuple[int, ...], hint: str) -> None:
    """CourseError unless `x` is a floating tensor (batch, *shape)."""
    if not isinstance(x, Tensor) or tuple(x.shape[1:]) != tuple(shape):
        came = shape_or_type(x)
    elif not x.is_floating_point():
        came, hint = x.dtype, "x.float(), and divide by 255 if 255 is white"
    else:
        return
    wanted = f"(batch, {', '.join(map(str, shape))})"
    raise CourseError(f"expected {what} of shape {wanted}, got {came}; try {hint}")


def check_logits(logits: object, x: Tensor, what: str = "logits") -> None:
    """CourseError unless there is one logit a pixel: others would be broadcast without a word."""
    if not isinstance(x, Tensor):
        raise CourseError(f"expected images as a tensor, got {shape_or_type(x)}; try torch.tensor")
    if not isinstance(logits, Tensor) or logits.shape != x.shape:
        raise CourseError(
            f"expected {what} of the images' shape {tuple(x.shape)}, got {shape_or_type(logits)}; "
            f"try a decoder with shape={tuple(x.shape[1:])}"
        )


def check_std(std: object, x: Tensor) -> None:
    """CourseError unless `std` is a number above 0, or a tensor that broadcasts to the images x.

    The numbers in a tensor are not looked at: it may be learned, and reading one stalls a GPU.
    """
    if not isinstance(std, Tensor):
        check_number("std", std, "std=0.1")
        if std == 0:
            raise CourseError("expected a std above 0, got 0; try std=0.1")
        return
    try:
        fits = torch.broadcast_shapes(std.shape, x.shape) == x.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise CourseError(
            f"expected a std that broadcasts to the images {tuple(x.shape)}, got the shape "
            f"{tuple(std.shape)}; try one number, or the shape {(1, *x.shape[1:])}"
        )


def check_per_image(what: str, values: object, count: int) -> None:
    """CourseError unless `values` holds one number an image, (count,)."""
    if not isinstance(values, Tensor) or values.shape != (count,):
        raise CourseError(
            f"expected {what} to give one number an image, of shape ({count},), got "
            f"{shape_or_type(values)}; try .flatten(1).sum(dim=1), and no mean over the batch"
        )
    if not values.is_floating_point():
        raise CourseError(f"expected {what} to give floats, got {values.dtype}; try .float()")


def check_posterior(mu: Tensor, logvar: Tensor) -> None:
    """CourseError unless both are floating tensors of one shape (batch, latent_dim).

    Others would be broadcast without a word. Whether exp(logvar) overflows is looked at on a CPU
    outside of training and `evaluate`: reading a number stalls a GPU, and `fit` reports a loss that
    is not finite.
    """
    both = isinstance(mu, Tensor) and isinstance(logvar, Tensor)
    if not (both and mu.ndim == 2 and mu.shape == logvar.shape):
        raise CourseError(
            "expected mu and logvar of one shape (batch, latent_dim), got "
            f"{shape_or_type(mu)} and {shape_or_type(logvar)}; "
            "try logvar.expand_as(mu) if all share one width, or .T if the sides are swapped"
        )
    if not (mu.is_floating_point() and logvar.is_floating_point()):
        raise CourseError(
            f"expected mu and logvar in floats, got {mu.dtype} and {logvar.dtype}; try .float()"
        )
    in_a_step = logvar.requires_grad or torch.is_inference_mode_enabled()
    if logvar.device.type == "cpu" and not in_a_step:
        check_width(logvar)


def check_width(logvar: Tensor) -> None:
    """CourseError where exp(logvar) overflows."""
    if logvar.exp().isposinf().any():
        raise CourseError(
            "expected logvar, the logarithm of a variance, got "
            f"{logvar.max().item():.4g}, whose exp is infinite; "
            "try variance.log(), or 2 * std.log()"
        )


def check_codes(what: str, z: Tensor) -> None:
    """CourseError unless `z` holds finite codes (n, latent_dim), one at least."""
    if not (isinstance(z, Tensor) and z.ndim == 2 and z.is_floating_point() and z.numel()):
        raise CourseError(
            f"expected {what} as a floating tensor (n, latent_dim), not empty, got "
            f"{shape_or_type(z)}; try model.encode(x)"
        )
    if not z.isfinite().all():
        first = int((~z.isfinite()).any(dim=1).nonzero()[0])
        raise CourseError(
            f"expected finite {what}, got NaN or infinity, first in row {first}; "
            "try other images, or look for weights that are NaN"
        )

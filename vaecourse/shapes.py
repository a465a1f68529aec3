"""What the parts of a model must take and give: each check is a sentence (CourseError)."""

from torch import Tensor

from vaecourse.errors import CourseError


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


def check_logits(logits: object, x: Tensor) -> None:
    """CourseError unless there is one logit a pixel: others would be broadcast without a word."""
    if not isinstance(logits, Tensor) or logits.shape != x.shape:
        raise CourseError(
            f"expected logits of the images' shape {tuple(x.shape)}, got {shape_or_type(logits)}; "
            f"try a decoder with shape={tuple(x.shape[1:])}"
        )

"""What a loaded data set is, and what models train on."""

from typing import NamedTuple

from torch import Tensor

from vaecourse.errors import CourseError


class Images(NamedTuple):
    """Pictures and their labels.

    x: float32 (n, channels, height, width) in [0, 1].
    y: int64 (n,) class labels; for `ellipses` float32 (n, 2), the half-axes (a, b) in pixels; for
        `faces` float32 (n, 17), the factors that `data.FACE_FACTORS` names; for `celeba` int64
        (n, 40), 1 where a face has what `data.CELEBA_ATTRIBUTES` names and 0 where not.
    """

    x: Tensor
    y: Tensor


def check_images(x: Tensor, shades: bool = True) -> None:
    """Raise CourseError unless `x` is what models train on.

    That is a floating tensor (batch, channels, height, width), not empty, with every number in
    [0, 1] and none NaN. Without `shades`, any finite numbers will do.
    """
    span = "in [0, 1]" if shades else "of finite numbers"
    wanted = f"expected images as a floating tensor (batch, channels, height, width) {span}"
    if not isinstance(x, Tensor):
        raise CourseError(f"{wanted}, got {type(x).__name__}; try torch.as_tensor(x)")
    wanted += f", got shape {tuple(x.shape)} of {x.dtype}"
    if not x.is_floating_point():
        raise CourseError(f"{wanted}; try x.float(), and divide by 255 if 255 is white")
    if x.ndim != 4:
        hint = "x.unsqueeze(1)" if x.ndim == 3 else "x.reshape(batch, channels, height, width)"
        raise CourseError(f"{wanted}; try {hint}")
    if x.numel() == 0:
        raise CourseError(f"{wanted}: it is empty; try a larger slice of the data")
    low, high = x.aminmax()  # both are NaN when any number is, and then the comparison fails
    if shades and not (low >= 0 and high <= 1):
        raise CourseError(f"{wanted}, {_out_of_range(x)}")
    if not (low.isfinite() and high.isfinite()):
        raise CourseError(f"{wanted}: not all are; try x[x.isfinite().flatten(1).all(dim=1)]")


def check_colour(where: str, x: Tensor) -> None:
    """CourseError unless the pictures `x`, from `where`, have three channels that differ."""
    grey = x.ndim == 4 and x.shape[1] == 3 and bool((x == x[:, :1]).all())
    if x.ndim != 4 or x.shape[1] != 3 or grey:
        came = "pictures in grey only" if grey else f"the shape {tuple(x.shape)}"
        raise CourseError(
            f"expected pictures in colour from {where}, (n, 3, height, width), got {came}; try "
            "x[:, :1] with a model of one channel, or pictures in colour"
        )


def _out_of_range(x: Tensor) -> str:
    """The numbers of a tensor that are no shades, where the first is, and what may help."""
    nans = x.isnan()
    known = x[~nans]
    first = int((~((x >= 0) & (x <= 1))).flatten(1).any(1).nonzero()[0])
    span = f"from {known.min():.4g} to {known.max():.4g}" if known.numel() else "no number"
    if nans.any():
        hint = f"look at x[{first}], and leave such images out"
    elif known.min() < 0:
        hint = "(x + 1) / 2 if they run from -1 to 1, or x.clamp(0, 1) if they stray a little"
    else:
        hint = "divide by 255 if 255 is white"
    return f"{span}, with {int(nans.sum())} NaN; the first bad image is x[{first}]; try: {hint}"

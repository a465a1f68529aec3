"""What `fit` refuses before it begins, each in a sentence (CourseError)."""

import math

from torch import nn

from vaecourse.data import check_images
from vaecourse.errors import CourseError, unknown_name
from vaecourse.vae import Image, is_vae, negative_elbo

PRECISIONS = ("float32", "bfloat16")


def check_precision(precision: str) -> None:
    """CourseError for one that `fit` does not know."""
    if precision not in PRECISIONS:
        raise unknown_name("precision", str(precision), PRECISIONS)


def check_train_and_val(x: Image, x_val: Image | None) -> None:
    check_images(x)
    if x_val is None:
        return
    check_images(x_val)
    if x_val.shape[1:] != x.shape[1:]:
        raise CourseError(
            f"expected x_val with images of the shape of x, {tuple(x.shape[1:])}, "
            f"got {tuple(x_val.shape[1:])}; try the same data set for both"
        )


def check_numbers(num_epochs: int, batch_size: int, lr: float, count: int) -> None:
    for name, value, kind in (
        ("num_epochs", num_epochs, int),
        ("batch_size", batch_size, int),
        ("lr", lr, int | float),
    ):
        if not isinstance(value, kind) or isinstance(value, bool):
            what = "a whole number" if kind is int else "a number"
            raise CourseError(f"expected {what} for {name}, got {value!r}; try {name}=1")
    if num_epochs < 1:
        raise CourseError(f"expected num_epochs of 1 or more, got {num_epochs}; try num_epochs=20")
    if not 1 <= batch_size <= count:
        raise CourseError(
            f"expected a batch_size from 1 to the {count} images given, got {batch_size}; "
            f"try batch_size={min(128, count)}"
        )
    if not 0 <= lr < math.inf:
        raise CourseError(f"expected an lr of 0 or more, and finite, got {lr}; try lr=1e-3")


def check_model(model: nn.Module, objective: object) -> None:
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        raise CourseError(
            f"expected a model that trains on one device, got it in {type(model).__name__}; "
            "try fit(model.module, …, device='cuda')"
        )
    if not any(weight.requires_grad for weight in model.parameters()):
        raise CourseError(
            "expected weights to train, got a frozen model; try model.requires_grad_(True)"
        )
    if objective is negative_elbo and not is_vae(model):
        raise CourseError(
            f"expected a VAE for negative_elbo, got {type(model).__name__}; "
            "try objective=reconstruction_loss"
        )

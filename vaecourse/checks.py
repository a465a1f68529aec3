"""What `fit` and `evaluate` refuse, each in a sentence (CourseError)."""

import sys
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vaecourse.data import check_images
from vaecourse.device import check_seed
from vaecourse.errors import CourseError, check_number, check_whole, unknown_name
from vaecourse.shapes import shape_or_type
from vaecourse.vae import Image

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


def check_numbers(num_epochs: int, batch_size: int, lr: float, seed: int, count: int) -> None:
    check_whole("num_epochs", num_epochs, "num_epochs=20")
    check_whole("batch_size", batch_size, "batch_size=128", least=-sys.maxsize)
    if not 1 <= batch_size <= count:
        raise CourseError(
            f"expected a batch_size from 1 to the {count} images given, got {batch_size}; "
            f"try batch_size={min(128, count)}"
        )
    check_number("lr", lr, "lr=1e-3")
    check_seed(seed)


def check_model(model: nn.Module, precision: str) -> None:
    if not isinstance(model, nn.Module):
        came = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise CourseError(f"expected a model to train, got {came}; try VAE(encoder, decoder)")
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        raise CourseError(
            f"expected a model that trains on one device, got it in {type(model).__name__}; "
            "try fit(model.module, …, device='cuda')"
        )
    if not any(weight.requires_grad for weight in model.parameters()):
        raise CourseError(
            "expected weights to train, got a frozen model; try model.requires_grad_(True)"
        )
    check_precision(precision)
    dtype = next(model.parameters()).dtype
    if precision == "bfloat16" and dtype != torch.float32:
        raise CourseError(
            f"expected weights of float32 for precision='bfloat16', got {dtype}; try model.float()"
        )


def check_calls(objective: object, schedule: object = None) -> None:
    """CourseError unless both can be called."""
    if not callable(objective) or isinstance(objective, type):
        raise CourseError(
            f"expected an objective to call with (model, x), got {objective!r}; "
            "try objective=negative_elbo, and WarmUp() for the class WarmUp"
        )
    if schedule is not None and not callable(schedule):
        raise CourseError(
            "expected a schedule to call with the part of the training that is done, got "
            f"{schedule!r}; try schedule=one_cycle"
        )


def named_terms(given: object, count: int, names: Iterable[str] = ()) -> dict[str, Tensor]:
    """The loss and the terms of an objective by name, each of shape (count,).

    CourseError for anything else, and for other names than `names`, those of the batch before.
    """
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict)):
        raise CourseError(
            f"expected an objective to give its loss and its terms by name, got "
            f"{type(given).__name__}; try: return loss, {{'recon_nll': recon_nll, 'kl': kl}}"
        )
    if "loss" in given[1]:
        raise CourseError("expected terms beside the loss, got one named 'loss'; try another name")
    terms = {"loss": given[0]} | given[1]
    for name, values in terms.items():
        if not isinstance(values, Tensor) or values.shape != (count,):
            raise CourseError(
                f"expected an objective to give one number an image, {name} of shape ({count},), "
                f"got {shape_or_type(values)}; try .flatten(1).sum(dim=1), and no mean over the "
                "batch"
            )
        if not values.is_floating_point():
            raise CourseError(f"expected {name} in floats, got {values.dtype}; try .float()")
    if names and list(names) != list(terms):
        raise CourseError(
            f"expected the terms {', '.join(names)} in each batch, got "
            f"{', '.join(map(str, terms))}; try the same names in the same order"
        )
    return terms

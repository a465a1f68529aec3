"""`fit`: all epochs, from the first look at what is given to the history."""

import math
import os
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from tqdm import tqdm

from vaecourse import progress
from vaecourse.checks import check_calls, check_model, check_numbers, check_train_and_val
from vaecourse.device import (
    captured,
    check_device,
    interrupts_held,
    may_be_captured,
    restore_modes,
    seeded,
    widened,
)
from vaecourse.errors import CourseError, check_number
from vaecourse.objectives import Terms
from vaecourse.training.measuring import History, Means, Objective, evaluate
from vaecourse.training.schedules import Schedule
from vaecourse.training.steps import Adam, Step
from vaecourse.vae import Image, negative_elbo


def fit(
    model: nn.Module,
    x: Image,
    x_val: Image | None = None,
    *,
    objective: Objective = negative_elbo,
    num_epochs: int = 20,
    batch_size: int = 128,
    lr: float = 1e-3,
    schedule: Schedule | None = None,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    precision: str = "float32",
    seed: int = 0,
    device: str = "cpu",
) -> History:
    """Train `model` in place with Adam on the images x, in [0, 1]; leaves it in evaluation mode.

    The whole data set lies in memory; a step is a slice of shuffled indices. `schedule` gives the
    factor on `lr` from the part of the training that is done, 0 to 1 (such as `one_cycle`).
    `weight_decay` shrinks each weight by the part lr · weight_decay in a step, whatever its
    gradient (AdamW: Loshchilov and Hutter, arXiv:1711.05101, algorithm 2). `clip_norm` shortens the
    gradient of all weights together to that length where it is longer (Pascanu, Mikolov and Bengio,
    arXiv:1211.5063, algorithm 1); its unit is that of the loss, nats an image. `precision` is
    "float32", or "bfloat16" for matrix products and convolutions of half the width, on weights,
    losses and optimiser that stay float32. `x_val` is measured before the first epoch and after
    each, in float32, and never trained on. Two fits of equal models with the same seed in one
    process give the same history. Ctrl-C (or the notebook's stop button) ends the training and
    keeps the weights and the history so far; it waits for the end of the step, and a step that
    hangs is stopped by pressing again after two seconds.

    Raises CourseError for images that are not in [0, 1] or not finite, a batch larger than the
    data, a device that is not here, a frozen model, an objective that does not suit the model or
    gives anything but a number an image, and for a loss or weights that become NaN or infinite: the
    model then holds the weights from the start of that epoch.
    """
    history = History()
    with interrupts_held(patience=2.0) as look:  # a step and an entry are whole or not at all
        check_model(model, precision)
        check_train_and_val(x, x_val)
        check_numbers(num_epochs, batch_size, lr, seed, len(x))
        check_calls(objective, schedule)
        adam = _adam(lr, schedule, weight_decay, clip_norm)
        place, modes = check_device(device), [(part, part.training) for part in model.modules()]
        try:
            with interrupts_held():  # the first optimiser of a process imports for seconds
                step = Step(model, x, objective, place, precision, adam)
            x_val = None if x_val is None else x_val.detach().to(place, step.dtype)
            with seeded(seed), widened(model) if precision == "bfloat16" else nullcontext():
                _run(step, history, x_val, num_epochs, int(batch_size), seed, look)
            look()
        except KeyboardInterrupt:
            history.interrupted = True
            whole = len(history.train.get("loss", []))
            print(f"stopped by hand after {whole} of {num_epochs} epochs")
        except BaseException:
            restore_modes(modes)
            raise
        model.eval()
    return history


def _adam(
    lr: float, schedule: Schedule | None, weight_decay: float, clip_norm: float | None
) -> Adam:
    check_number("weight_decay", weight_decay, "weight_decay=1e-5")
    if clip_norm is not None:
        check_number("clip_norm", clip_norm, "clip_norm=1")
        if clip_norm == 0:
            raise CourseError("expected clip_norm above 0, got 0; try clip_norm=1, or None")
    norm = None if clip_norm is None else float(clip_norm)
    return Adam(float(lr), schedule, float(weight_decay), norm)


def _run(
    step: Step,
    history: History,
    x_val: Image | None,
    num_epochs: int,
    batch_size: int,
    seed: int,
    look: Callable[[], None],
) -> None:
    """All epochs, each put into the history when it is whole; `look` raises what was pressed."""
    model, num_steps = step.model, math.ceil(len(step.x) / batch_size)

    def measure() -> Means:
        return {} if x_val is None else evaluate(model, x_val, watched, seed)

    def watched(model: nn.Module, batch: Tensor) -> Terms:
        look()
        return step.objective(model, batch)

    total, place = num_epochs * num_steps, progress.place()
    hidden = bool(os.environ.get("TQDM_DISABLE"))  # tqdm itself looks only when it is imported
    with tqdm(total=total, unit="step", leave=False, disable=hidden, file=place) as bar:
        _append(history.validation, measure())
        model.train()
        take_step: Callable[[Tensor], Tensor] = step
        if step.place.type == "cuda" and may_be_captured(step.objective):
            take_step = captured(step, model, step.optimiser, batch_size, seed)
        for epoch in range(num_epochs):
            start = {name: value.clone() for name, value in model.state_dict().items()}
            sums = []  # read once an epoch: .item() in each step would stall a GPU
            try:
                order = torch.randperm(len(step.x), device=step.place)
                for i, index in enumerate(order.split(batch_size)):
                    step.advance((epoch * num_steps + i) / (num_epochs * num_steps))
                    whole = len(index) == batch_size
                    sums.append((take_step if whole else step)(index).clone())
                    bar.update()
                    look()
            except KeyboardInterrupt:
                _check_finite(sums, model, start, epoch)
                raise
            _check_finite(sums, model, start, epoch)
            measured = measure()
            means = (torch.stack(sums).sum(dim=0) / len(step.x)).tolist()
            _append(history.validation, measured)
            _append(history.train, dict(zip(step.names, means, strict=True)))
            bar.set_postfix(loss=f"{history.train['loss'][-1]:.1f} nats")


def _append(curves: dict[str, list[float]], means: Means) -> None:
    for name, value in means.items():
        curves.setdefault(name, []).append(value)


def _check_finite(
    sums: list[Tensor], model: nn.Module, start: dict[str, Tensor], epoch: int
) -> None:
    """CourseError, and the epoch's first weights, where a loss or a weight is no finite number."""
    losses = torch.stack(sums)[:, 0] if sums else torch.zeros(1)
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        step = int(bad[0]) + 1
        came = f"{losses[step - 1].item()} at step {step} of epoch {epoch + 1}"
    elif not all(weight.isfinite().all() for weight in model.parameters()):
        came = f"a gradient that is not, in epoch {epoch + 1}"
    else:
        return
    model.load_state_dict(start)
    raise CourseError(
        f"expected a finite loss, got {came}; the weights from the start of that epoch are kept; "
        "try a smaller lr, or look for an exp, log or square root that overflows in the model"
    )

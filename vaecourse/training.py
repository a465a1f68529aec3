"""`fit`: one loop, for an autoencoder or a VAE, on a CPU or a GPU."""

import math
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from vaecourse.checks import (
    check_calls,
    check_model,
    check_numbers,
    check_train_and_val,
    named_terms,
)
from vaecourse.data import check_images
from vaecourse.device import (
    captured,
    check_device,
    evaluating,
    interrupts_held,
    keep_memory,
    like_weights,
    may_be_captured,
    packed,
    restore_modes,
    seeded,
    set_threads,
    widened,
)
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.objectives import Terms
from vaecourse.vae import Image, negative_elbo

Objective = Callable[[nn.Module, Tensor], Terms]
Means = dict[str, float]  # "loss" and the objective's terms by name, in nats an image


@dataclass
class History:
    """What `fit` saw, an entry an epoch: mean nats an image, by name.

    The names are "loss" and those of the objective's terms: "recon_nll" and "kl" for a VAE.
    `train` is the mean over the epoch's steps, while the weights still moved; `validation` is
    measured at the epoch's end and has one entry more, the first, from before training.
    """

    train: dict[str, list[float]] = field(default_factory=dict)
    validation: dict[str, list[float]] = field(default_factory=dict)
    interrupted: bool = False


def one_cycle(done: float, warm_up: float = 0.25) -> float:
    """The factor on lr when the part `done` (0 to 1) of the training is over.

    It rises by a straight line from a twenty-fifth to 1 while `warm_up` lasts, then falls along
    half a cosine to 0 (after Smith and Topin, arXiv:1708.07120).
    """
    if done < warm_up:
        return 0.04 + 0.96 * done / warm_up
    return 0.5 + 0.5 * math.cos(math.pi * (done - warm_up) / (1 - warm_up))


def evaluate(
    model: nn.Module,
    x: Image,
    objective: Objective = negative_elbo,
    seed: int = 0,
    batch_size: int = 1000,
) -> Means:
    """The loss and its terms by name: means over the images x, in nats an image.

    The same seed draws the same eps, whatever was drawn before, and the caller's random state is
    left alone. Raises CourseError for images and objectives as `fit` does.
    """
    check_images(x)
    check_calls(objective)
    check_whole("batch_size", batch_size, "batch_size=1000")
    totals: dict[str, Tensor] = {}
    with evaluating(model), seeded(seed):
        for images in x.split(int(batch_size)):
            given = objective(model, like_weights(model, images))
            for name, values in named_terms(given, len(images), totals).items():
                totals[name] = totals.get(name, 0) + values.sum()
    return {name: (total / len(x)).item() for name, total in totals.items()}


def fit(
    model: nn.Module,
    x: Image,
    x_val: Image | None = None,
    *,
    objective: Objective = negative_elbo,
    num_epochs: int = 20,
    batch_size: int = 128,
    lr: float = 1e-3,
    schedule: Callable[[float], float] | None = None,
    precision: str = "float32",
    seed: int = 0,
    device: str = "cpu",
) -> History:
    """Train `model` in place with Adam on the images x, in [0, 1]; leaves it in evaluation mode.

    The whole data set lies in memory; a step is a slice of shuffled indices. `schedule` gives the
    factor on `lr` from the part of the training that is done, 0 to 1 (such as `one_cycle`).
    `precision` is "float32", or "bfloat16" for matrix products and convolutions of half the width,
    on weights, losses and optimiser that stay float32. `x_val` is measured before the first epoch
    and after each, in float32, and never trained on. Two fits of equal models with the same seed in
    one process give the same history. Ctrl-C (or the notebook's stop button) ends the training and
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
        place, modes = check_device(device), [(part, part.training) for part in model.modules()]
        try:
            with interrupts_held():  # the first optimiser of a process imports for seconds
                step = _Step(model, x, objective, place, precision, float(lr), schedule)
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


class _Step:
    """One step of Adam, and what it needs: the images, the optimiser, where they lie."""

    def __init__(
        self,
        model: nn.Module,
        x: Image,
        objective: Objective,
        place: torch.device,
        precision: str,
        lr: float,
        schedule: Callable[[float], float] | None,
    ):
        set_threads()
        keep_memory()
        on_gpu = place.type == "cuda"
        model.to(place).to(memory_format=torch.channels_last)  # convolutions are faster so
        if isinstance(objective, nn.Module):
            objective.to(place)
        self.model, self.objective, self.place = model, objective, place
        self.lr, self.schedule = lr, schedule
        self.dtype = next(model.parameters()).dtype
        x = x.detach()
        self.x = packed(x).to(place) if on_gpu else x.to(place, self.dtype)
        self.autocast = torch.autocast(place.type, torch.bfloat16, enabled=precision == "bfloat16")
        rate = torch.tensor(lr, device=place) if on_gpu else lr  # a CUDA graph sees a tensor change
        self.optimiser = torch.optim.Adam(
            model.parameters(), lr=rate, fused=True, capturable=on_gpu
        )
        self.names: list[str] = []  # of the numbers that a step gives

    def __call__(self, index: Tensor) -> Tensor:
        """One step on the images of these numbers; the sums of the loss and of its terms."""
        images = self.x[index].to(self.dtype)
        if self.x.dtype == torch.uint8:
            images = images / 255
        with self.autocast:
            terms = named_terms(self.objective(self.model, images), len(images), self.names)
        if not terms["loss"].requires_grad:
            raise CourseError(
                "expected a loss that depends on the weights, got one without a graph; "
                "try it without detach() and no_grad()"
            )
        self.names = list(terms)
        self.optimiser.zero_grad()
        terms["loss"].mean().backward()
        self.optimiser.step()
        return torch.stack([values.sum() for values in terms.values()]).detach()

    def advance(self, done: float) -> None:
        """Tell the learning rate, and an objective that wants to know, how much is done."""
        if self.schedule is not None:
            factor = self.schedule(done)
            check_number("the factor that schedule gives", factor, "schedule=one_cycle")
            (group,) = self.optimiser.param_groups
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(self.lr * factor)
            else:
                group["lr"] = self.lr * factor
        if hasattr(self.objective, "advance"):
            self.objective.advance(done)


def _run(
    step: _Step,
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

    hidden = bool(os.environ.get("TQDM_DISABLE"))  # tqdm's own, but its notebook bar ignores it
    with tqdm(total=num_epochs * num_steps, unit="step", leave=False, disable=hidden) as bar:
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

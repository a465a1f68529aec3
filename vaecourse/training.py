"""`fit`: one loop, for an autoencoder or a VAE, on a CPU or a GPU."""

import ctypes
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from vaecourse.data import check_images
from vaecourse.errors import CourseError, unknown_name
from vaecourse.vae import negative_elbo

Objective = Callable[[nn.Module, Tensor, float], tuple[Tensor, Tensor, Tensor]]
PRECISIONS = ("float32", "bfloat16")


def _no_curves() -> dict[str, list[float]]:
    return {"recon_nll": [], "kl": [], "elbo": []}


@dataclass
class History:
    """What `fit` saw, an entry an epoch: mean nats an image.

    `train` is the mean over the epoch's steps, while the weights still moved; `validation` is
    measured at the epoch's end and has one entry more, the first, from before training.
    Each holds the lists "recon_nll", "kl" and "elbo" (= −recon_nll − kl, whatever beta was).
    """

    train: dict[str, list[float]] = field(default_factory=_no_curves)
    validation: dict[str, list[float]] = field(default_factory=_no_curves)
    interrupted: bool = False


def _append(curves: dict[str, list[float]], recon_nll: float, kl: float) -> None:
    curves["recon_nll"].append(recon_nll)
    curves["kl"].append(kl)
    curves["elbo"].append(-recon_nll - kl)


def check_device(device: str) -> torch.device:
    """The torch device of this name; CourseError where this machine has none."""
    available = ["cpu"]
    if torch.cuda.is_available():
        available += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        available.append("mps")
    if str(device) not in available:
        raise CourseError(
            f"device {str(device)!r} was asked for, but PyTorch finds only "
            f"{', '.join(available)} here; try device='cpu', or see `vaecourse doctor`"
        )
    return torch.device(device)


def check_precision(precision: str) -> None:
    """CourseError for one that `fit` does not know."""
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers from `seed` inside; the caller's random state is given back after.

    (Not that of an Apple GPU, which PyTorch cannot fork: it stays seeded.)
    """
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def one_cycle(done: float, warm_up: float = 0.25) -> float:
    """The factor on lr when the part `done` (0 to 1) of the training is over.

    It rises by a straight line from a twenty-fifth to 1 while `warm_up` lasts, then falls along
    half a cosine to 0 (after Smith and Topin, arXiv:1708.07120).
    """
    if done < warm_up:
        return 0.04 + 0.96 * done / warm_up
    return 0.5 + 0.5 * math.cos(math.pi * (done - warm_up) / (1 - warm_up))


def _keep_memory() -> None:
    """Let the C library keep what a step frees for the next one, instead of giving it back.

    Otherwise Linux clears tens of megabytes anew in each step of a convolutional network, which
    takes a third of its time. The numbers are those of glibc's malloc.h.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            trim_threshold, mmap_max, most = -1, -4, 2**31 - 1
            mallopt(trim_threshold, most)
            mallopt(mmap_max, 0)


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    x: Tensor,
    objective: Objective = negative_elbo,
    beta: float = 1.0,
    seed: int = 0,
    batch_size: int = 1000,
) -> tuple[float, float]:
    """(recon_nll, kl): means over the images x (n, channels, height, width), in nats an image.

    The same seed draws the same eps, whatever was drawn before, and the caller's random state is
    left alone. `x` lies on the model's device.
    """
    was_training = model.training
    model.eval()
    total = torch.zeros(2, device=x.device)
    with seeded(seed):
        for batch in x.split(batch_size):
            _, recon_nll, kl = objective(model, batch, beta)
            total += torch.stack([recon_nll.sum(), kl.sum()])
    model.train(was_training)
    recon_nll_mean, kl_mean = (total / len(x)).tolist()
    return recon_nll_mean, kl_mean


def fit(
    model: nn.Module,
    x: Tensor,
    x_val: Tensor | None = None,
    *,
    objective: Objective = negative_elbo,
    beta: float = 1.0,
    num_epochs: int = 20,
    batch_size: int = 128,
    lr: float = 1e-3,
    schedule: Callable[[float], float] | None = None,
    precision: str = "float32",
    seed: int = 0,
    device: str = "cpu",
) -> History:
    """Train `model` in place with Adam on the images x (n, channels, height, width) in [0, 1].

    The whole data set lies in memory; a step is a slice of shuffled indices. `schedule` gives the
    factor on `lr` from the part of the training that is done, 0 to 1 (such as `one_cycle`); without
    it lr stays as it is. `precision` is "float32", or "bfloat16" for matrix products and
    convolutions of half the width: faster where the processor has them, on weights, losses and
    optimiser that stay float32. Measuring is float32 always. `x_val` is measured
    before the first epoch and after each, and never trained on. Two fits of equal models with the
    same seed on one machine give the same history. Ctrl-C (or the notebook's stop button) ends the
    training and keeps the weights and the history so far.

    Raises CourseError for images that are not in [0, 1] or not finite, a batch larger than the
    data, a device that is not here, a frozen model, an autoencoder without its own objective, and
    for a loss or weights that become NaN or infinite: the model then holds the weights from the
    start of that epoch.
    """
    _check_arguments(model, x, x_val, objective, batch_size, lr, precision)
    where = check_device(device)
    _keep_memory()
    on_gpu = where.type == "cuda"
    model.to(where).to(memory_format=torch.channels_last)  # convolutions are faster so
    dtype = next(model.parameters()).dtype
    data = _packed(x).to(where) if on_gpu else x.to(where, dtype)
    x_val = None if x_val is None else x_val.to(where, dtype)
    rate = torch.tensor(lr, device=where) if on_gpu else lr  # a tensor can change in a CUDA graph
    optimiser = torch.optim.Adam(model.parameters(), lr=rate, fused=True, capturable=on_gpu)

    def take_step(index: Tensor) -> Tensor:
        """One step on the images of these numbers; the sums of loss, recon_nll and kl."""
        images = data[index].to(dtype)
        if data.dtype == torch.uint8:
            images = images / 255
        with torch.autocast(where.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss, recon_nll, kl = objective(model, images, beta)
        optimiser.zero_grad()
        loss.mean().backward()
        optimiser.step()
        return torch.stack([loss.sum(), recon_nll.sum(), kl.sum()]).detach()

    history = History()
    num_steps = math.ceil(len(x) / batch_size)
    sums = torch.empty(num_steps, 3, device=where)  # read once an epoch: .item() would stall a GPU
    hidden = bool(os.environ.get("TQDM_DISABLE"))  # tqdm's own, but its notebook bar ignores it
    bar = tqdm(total=num_epochs * num_steps, unit="step", leave=False, disable=hidden)
    widened = _widened(model) if precision == "bfloat16" else nullcontext()
    try:
        with bar, widened, seeded(seed):
            if x_val is not None:
                _append(history.validation, *evaluate(model, x_val, objective, beta, seed))
            model.train()
            whole_step: Callable[[Tensor], Tensor] = take_step
            if on_gpu and getattr(objective, "__module__", "").startswith("vaecourse."):
                whole_step = _captured(take_step, model, optimiser, batch_size, where, seed)
            for epoch in range(num_epochs):
                start = {name: value.clone() for name, value in model.state_dict().items()}
                order = torch.randperm(len(x), device=where)
                for step, index in enumerate(order.split(batch_size)):
                    if schedule is not None:
                        done = (epoch * num_steps + step) / (num_epochs * num_steps)
                        _set_rate(optimiser, lr * schedule(done))
                    sums[step] = (whole_step if len(index) == batch_size else take_step)(index)
                    bar.update()
                _check_finite(sums[:, 0], model, start, epoch)
                if x_val is not None:
                    _append(history.validation, *evaluate(model, x_val, objective, beta, seed))
                _append(history.train, *(sums[:, 1:].sum(dim=0) / len(x)).tolist())
                bar.set_postfix(elbo=f"{history.train['elbo'][-1]:.1f} nats")
    except KeyboardInterrupt:
        history.interrupted = True
        print(f"stopped by hand after {len(history.train['elbo'])} of {num_epochs} epochs")
    finally:
        model.eval()
    return history


def _check_arguments(
    model: nn.Module,
    x: Tensor,
    x_val: Tensor | None,
    objective: Objective,
    batch_size: int,
    lr: float,
    precision: str,
) -> None:
    check_images(x)
    if x_val is not None:
        check_images(x_val)
        if x_val.shape[1:] != x.shape[1:]:
            raise CourseError(
                f"expected x_val with images of the shape of x, {tuple(x.shape[1:])}, "
                f"got {tuple(x_val.shape[1:])}; try the same data set for both"
            )
    if not 1 <= batch_size <= len(x):
        raise CourseError(
            f"expected a batch_size from 1 to the {len(x)} images given, got {batch_size}; "
            f"try batch_size={min(128, len(x))}"
        )
    if not any(weight.requires_grad for weight in model.parameters()):
        raise CourseError(
            "expected weights to train, got a frozen model; try model.requires_grad_(True)"
        )
    if objective is negative_elbo and not hasattr(model, "reparameterize"):
        raise CourseError(
            f"expected a VAE for negative_elbo, got {type(model).__name__}; "
            "try objective=reconstruction_loss"
        )
    if not lr >= 0:
        raise CourseError(f"expected an lr of 0 or more, got {lr}; try lr=1e-3")
    check_precision(precision)


@contextmanager
def _widened(model: nn.Module) -> Iterator[None]:
    """What the networks give is float32 inside, though their products are of half the width."""
    hooks = [
        part.register_forward_hook(lambda _part, _inputs, output: output.float())
        for part in model.children()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _packed(x: Tensor) -> Tensor:
    """The images as bytes where nothing is lost by it, to be divided by 255 in each step."""
    levels = (x * 255).round()
    return levels.to(torch.uint8) if torch.equal(levels / 255, x) else x


def _set_rate(optimiser: torch.optim.Optimizer, value: float) -> None:
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value


def _captured(
    take_step: Callable[[Tensor], Tensor],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch_size: int,
    where: torch.device,
    seed: int,
) -> Callable[[Tensor], Tensor]:
    """`take_step` recorded as one CUDA graph: a small network's step is a hundred short kernels,
    and starting them one by one takes longer than their work.

    Capture needs a few real steps before it (https://docs.pytorch.org/docs/stable/notes/cuda.html);
    what they changed is put back.
    """
    index = torch.arange(batch_size, device=where)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    graph = torch.cuda.CUDAGraph()
    with seeded(seed):
        aside = torch.cuda.Stream(where)
        aside.wait_stream(torch.cuda.current_stream(where))
        with torch.cuda.stream(aside):
            for _ in range(3):
                take_step(index)
        torch.cuda.current_stream(where).wait_stream(aside)
        with torch.cuda.graph(graph):
            sums = take_step(index)
    model.load_state_dict(weights)
    for state in optimiser.state.values():
        for value in state.values():
            value.zero_()

    def replay(chosen: Tensor) -> Tensor:
        index.copy_(chosen)
        graph.replay()
        return sums

    return replay


def _check_finite(losses: Tensor, model: nn.Module, start: dict[str, Tensor], epoch: int) -> None:
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

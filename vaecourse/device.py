"""Where a model computes and how: devices, threads, seeds, evaluation mode, steps of a GPU."""

import ctypes
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from types import FrameType

import psutil
import torch
from torch import Tensor, nn

from vaecourse.errors import CourseError, check_whole

LOOKS, LOOK_SECONDS = 5, 0.06


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


def like_weights(model: nn.Module, values: Tensor) -> Tensor:
    """The values on the model's device and of its type."""
    return values.to(next((w for w in model.parameters() if w.is_floating_point()), values))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers from `seed` inside; the caller's random state is given back after.

    (Not that of an Apple GPU, which PyTorch cannot fork: it stays seeded.)
    """
    check_seed(seed)
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def check_seed(seed: int) -> None:
    check_whole("seed", seed, "seed=0", least=0)
    if seed >= 2**63:
        raise CourseError(f"expected a seed below 2**63, got {seed}; try seed=0")


@contextmanager
def evaluating(model: nn.Module, gradients: bool = False) -> Iterator[None]:
    """Evaluation mode inside, with or without gradients whatever the caller has chosen; come what
    may, each part's mode is given back."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        with torch.inference_mode(not gradients), torch.set_grad_enabled(gradients):
            yield
    finally:
        restore_modes(modes)


def restore_modes(modes: list[tuple[nn.Module, bool]]) -> None:
    for part, training in modes:
        part.training = training


@contextmanager
def interrupts_held(patience: float = math.inf) -> Iterator[Callable[[], None]]:
    """Ctrl-C waits for the function that is given, or for the end of the block.

    So nothing is cut in two: a step, a table, an import (which would spoil the process). Each of
    the two answers what was pressed before; once answered, Ctrl-C is not heard again in the block.
    One that is pressed when another has waited for `patience` seconds is answered at once: what
    hangs can be stopped.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None  # Ctrl-C reaches the main thread only; or it is ignored
        return
    pressed: list[float] = []
    answered = False

    def hold(number: int, frame: FrameType | None) -> None:
        pressed.append(time.monotonic())
        if pressed[-1] - pressed[0] > patience:
            answer(frame)

    def answer(frame: FrameType | None = None) -> None:
        nonlocal answered
        if pressed and not answered:
            answered = True
            before(signal.SIGINT, frame)

    signal.signal(signal.SIGINT, hold)
    try:
        yield answer
    finally:
        signal.signal(signal.SIGINT, before)
    answer()


# -- a CPU -------------------------------------------------------------------------------------


@cache
def set_threads() -> int:
    """Choose how many threads torch computes with, once a process; gives their number.

    Threads that wait for each other spin: alone on the machine two are twice as fast as one, and
    beside a busy process several times slower. So we look how many cores are idle. Whoever sets
    OMP_NUM_THREADS has chosen already. The choice stays, so that two equal trainings of a process
    give equal numbers.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, min(torch.get_num_threads(), idle_cores())))
    return torch.get_num_threads()


def idle_cores() -> int:
    """How many cores nobody uses. What stirs for a moment only (an editor, a browser) does not
    count: of a few short looks the one that finds most of them idle is taken."""
    busy = min(sum(psutil.cpu_percent(LOOK_SECONDS, percpu=True)) for _ in range(LOOKS)) / 100
    return round(len(psutil.cpu_percent(percpu=True)) - busy)


def keep_memory() -> None:
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


@contextmanager
def widened(model: nn.Module) -> Iterator[None]:
    """What the networks give is float32 inside, though their products are of half the width."""

    def widen(_part: nn.Module, _inputs: object, output: object) -> object:
        if isinstance(output, tuple):
            return tuple(widen(_part, _inputs, value) for value in output)
        return output.float() if isinstance(output, Tensor) else output

    hooks = [part.register_forward_hook(widen) for part in model.children()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


# -- a GPU -------------------------------------------------------------------------------------


def packed(x: Tensor) -> Tensor:
    """The images as bytes where nothing is lost by it, to be divided by 255 in each step."""
    levels = (x * 255).round()
    return levels.to(torch.uint8) if torch.equal(levels / 255, x) else x


def may_be_captured(objective: object) -> bool:
    """Whether a step on this objective may be recorded once and replayed, as a CUDA graph.

    Its attribute `capturable` says so: in each step the same operations, whatever the images, and
    no number of Python's that changes. Without one each step is taken anew.
    """
    if isinstance(objective, partial):
        objective = objective.func
    return getattr(objective, "capturable", False)


def captured(
    take_step: Callable[[Tensor], Tensor],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch_size: int,
    seed: int,
) -> Callable[[Tensor], Tensor]:
    """`take_step` recorded as one CUDA graph: a small network's step is a hundred short kernels,
    and starting them one by one takes longer than their work.

    Capture needs a few real steps before it (https://docs.pytorch.org/docs/stable/notes/cuda.html);
    what they changed is put back.
    """
    place = next(model.parameters()).device
    index = torch.arange(batch_size, device=place)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    graph = torch.cuda.CUDAGraph()
    with seeded(seed):
        aside = torch.cuda.Stream(place)
        aside.wait_stream(torch.cuda.current_stream(place))
        with torch.cuda.stream(aside):
            for _ in range(3):
                take_step(index)
        torch.cuda.current_stream(place).wait_stream(aside)
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

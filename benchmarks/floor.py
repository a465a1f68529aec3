"""What the arithmetic allows: the rate of large matrix products on this machine."""

import time
from collections.abc import Callable

import torch

from benchmarks.workloads import Workload


def prepare(workload: Workload, precision: str) -> Callable[[], float]:
    """A function that measures the rate, and returns the seconds of an epoch at that rate."""
    size, repeats = 2048, 8
    a = torch.randn(size, size, dtype=getattr(torch, precision))
    flops = workload.flops()

    def seconds() -> float:
        best = float("inf")
        for _ in range(repeats):
            start = time.perf_counter()
            a @ a
            best = min(best, time.perf_counter() - start)
        return flops / (2 * size**3 / best)

    return seconds

"""Who is timed on what, and how each is started. Every contestant runs in a process of its own.

Each begins an epoch with a new optimiser, as `fit` and Lightning do when they are called for one
epoch: else their losses could not be compared.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import NamedTuple

from benchmarks.workloads import WORKLOADS


class Contestant(NamedTuple):
    title: str
    module: str  # of this folder; its `prepare(workload, …)` gives a function that runs an epoch
    options: tuple = ()
    workloads: tuple[str, ...] = ("S3", "S1")
    backend: str = ""  # of Keras
    needs: str = ""  # the package that is looked for


CONTESTANTS = {
    "floor32": Contestant("floor, float32", "floor", ("float32",)),
    "floor16": Contestant("floor, bfloat16", "floor", ("bfloat16",)),
    "usual": Contestant("usual loop", "usual_loop"),
    "fit32": Contestant("fit, float32", "ours", ("float32", False)),
    "fit16": Contestant("fit, bfloat16", "ours", ("bfloat16", False)),
    "fit16c": Contestant("fit, bfloat16, compiled", "ours", ("bfloat16", True), ("S3",)),
    "lightning": Contestant("Lightning", "lightning_trainer", (), ("S3",), needs="lightning"),
    "pythae": Contestant("pythae", "pythae_trainer", (), ("S3",), needs="pythae"),
    "keras-torch": Contestant("Keras 3, torch", "keras_example", (), ("S1",), "torch", "keras"),
    "keras-tf": Contestant(
        "Keras 3, TensorFlow", "keras_example", (), ("S1",), "tensorflow", "tensorflow"
    ),
}


def serve(name: str, workload: str, num_images: str) -> None:
    """Run one epoch, or measure one floor, for each line that comes in; answer with a number."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    contestant = CONTESTANTS[name]
    work = replace(WORKLOADS[workload], num_images=int(num_images))
    prepare = import_module(f"benchmarks.{contestant.module}").prepare
    epoch: Callable[[], float] = prepare(work, *contestant.options)
    print("ready", file=answers)
    for _ in sys.stdin:
        print(epoch(), file=answers)


if __name__ == "__main__":
    serve(*sys.argv[1:])

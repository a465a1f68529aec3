"""`vaecourse.training.fit`, an epoch at a time."""

from collections.abc import Callable

import torch

from benchmarks.workloads import Workload
from vaecourse.training import fit
from vaecourse.vae import negative_elbo


def prepare(workload: Workload, precision: str, compiled: bool) -> Callable[[], float]:
    """A function that trains one more epoch and returns its mean loss, in nats an image."""
    model, x = workload.model(), workload.images()
    objective = torch.compile(negative_elbo, dynamic=False) if compiled else negative_elbo
    seeds = iter(range(10**6))

    def epoch() -> float:
        history = fit(
            model,
            x,
            objective=objective,
            num_epochs=1,
            batch_size=workload.batch_size,
            lr=workload.lr,
            precision=precision,
            seed=next(seeds),
        )
        return history.train["loss"][0]

    return epoch

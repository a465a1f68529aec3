"""`fit`: one loop, for an autoencoder or a VAE, on a CPU or a GPU; `evaluate`, and schedules."""

from vaecourse.training.fitting import fit
from vaecourse.training.measuring import History, Means, Objective, evaluate
from vaecourse.training.schedules import Schedule, cosine, one_cycle

__all__ = [
    "History",
    "Means",
    "Objective",
    "Schedule",
    "cosine",
    "evaluate",
    "fit",
    "one_cycle",
]

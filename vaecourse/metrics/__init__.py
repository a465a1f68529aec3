"""How good a trained model is, how much of its latent space it uses, and what its codes mean."""

from vaecourse.metrics.disentanglement import factor_information, mutual_information_gap
from vaecourse.metrics.models import (
    active_units,
    agreement,
    effective_sample_size,
    kl_by_dimension,
    log_likelihood,
)
from vaecourse.metrics.pictures import auc, psnr, slant, thickness
from vaecourse.metrics.sharpness import detail_explained, power_by_frequency, sharpness

__all__ = [
    "active_units",
    "agreement",
    "auc",
    "detail_explained",
    "effective_sample_size",
    "factor_information",
    "kl_by_dimension",
    "log_likelihood",
    "mutual_information_gap",
    "power_by_frequency",
    "psnr",
    "sharpness",
    "slant",
    "thickness",
]

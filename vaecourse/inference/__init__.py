"""Inference without the encoder: exact, by quadrature; refined for each image by itself; or from
the visible pixels of a picture with a hole."""

from vaecourse.inference.grid import Quadrature, quadrature
from vaecourse.inference.inpainting import (
    complete,
    complete_by_sampling,
    infer_visible,
    sample_visible,
    visible_nll,
)
from vaecourse.inference.refining import refine_posterior

__all__ = [
    "Quadrature",
    "complete",
    "complete_by_sampling",
    "infer_visible",
    "quadrature",
    "refine_posterior",
    "sample_visible",
    "visible_nll",
]

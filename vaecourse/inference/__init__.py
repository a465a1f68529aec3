"""Inference without the encoder: exact, by quadrature, or refined for each image by itself."""

from vaecourse.inference.grid import Quadrature, quadrature
from vaecourse.inference.refining import refine_posterior

__all__ = ["Quadrature", "quadrature", "refine_posterior"]
